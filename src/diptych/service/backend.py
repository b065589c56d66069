"""Label Studio's ML backend: `/setup`, `/predict`, `/webhook`, `/versions`, as Label Studio 1.23 calls them.

Every round is health, setup, predict, so setup only says which model answers; without one, predict alone refuses. An
event is a hint: what it carries is not taken, the worker reads Label Studio's export by itself.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter, Request

from diptych.documents.text import has_word
from diptych.exchange.label_config import TEXT
from diptych.exchange.label_studio import note_of, region
from diptych.service import shapes
from diptych.service.access import need_token
from diptych.service.answers import facet_names
from diptych.service.doors import Doors
from diptych.service.problems import Json, Problem, too_many

LONGEST_CONFIG = 200_000
CODED = {"ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED", "ANNOTATION_DELETED"}
ASKED = "START_TRAINING"
Row = Mapping[str, Any]


class Control(NamedTuple):
    """A choice of a labelling interface: what it labels, the key of its text in a task's data, its values."""

    target: str
    key: str
    values: tuple[str, ...]


Controls = Mapping[str, Control]


def backend(doors: Doors) -> APIRouter:
    """Return the routes that Label Studio calls."""
    router = APIRouter(tags=["Label Studio"], responses=shapes.ERRORS)

    @router.post("/setup", summary="Which model answers", openapi_extra=shapes.object_body({"project": "1.0"}))
    async def setup(request: Request) -> dict[str, Any]:
        """Answer at once: Label Studio asks before every prediction. Without a model the version is empty.

        A refusal would keep Label Studio from connecting, and its label stream from opening a task.
        """
        await body_of(request)
        return {"model_version": doors.serving.version}

    @router.post("/predict", summary="Suggestions for tasks", openapi_extra=shapes.TASKS_BODY)
    async def predict(request: Request) -> dict[str, Any]:
        """All facets in one answer a task, and as many answers as tasks."""
        async with doors.work.place():
            found = await body_of(request)
            return await _suggested(doors, found)

    @router.post(
        "/webhook",
        status_code=201,
        summary="An event of Label Studio",
        openapi_extra=shapes.object_body({"action": "ANNOTATION_CREATED"}),
    )
    async def webhook(request: Request) -> Json:
        """Note that there may be new codings, and answer at once."""
        found = await body_of(request)
        action = str(found.get("action") or found.get("event") or "")
        result = "nothing to do"
        if action in CODED or action == ASKED:
            if doors.training.possible:
                need_token(request.scope, "bringing codings in")
                doors.training.hint(force=action == ASKED)
                result = "noted"
            else:
                result = "not written: start with --study and --write"
        return Json({"result": {"action": action[:100], "result": result}, "status": "ok"}, 201)

    @router.get("/versions", summary="The models that can answer")
    async def versions() -> dict[str, Any]:
        """The one that answers now, if there is one."""
        version = doors.serving.version
        return {"versions": [version] if version else [], "message": "the model that answers now"}

    return router


async def _suggested(doors: Doors, found: Row) -> dict[str, Any]:
    tasks = found.get("tasks")
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise Problem(422, "tasks is no list of tasks", hint='{"tasks": [{"data": {"text": "…"}}]}')
    if (most := doors.settings.bounds.passages) < len(tasks):
        raise too_many(most, f"this one holds {len(tasks)}")
    controls = read_controls(str(found.get("label_config") or ""))
    return {"results": await doors.work.run(lambda: results(doors, tasks, controls))}


async def body_of(request: Request) -> dict[str, Any]:
    """Read a JSON object, whatever Label Studio says its type is."""
    data = await request.body()
    try:
        found = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        raise Problem(400, "the body is no JSON, or nested too deep", hint="this is what Label Studio calls") from None
    if not isinstance(found, dict):
        raise Problem(422, "the body is no JSON object")
    return found


def read_controls(config: str) -> Controls | None:
    """Return the choices of a labelling interface; None where none can be read.

    Examples
    --------
    >>> choices = '<Choices name="tone" toName="t"><Choice value="dull"/></Choices>'
    >>> read_controls(f'<View><Text name="t" value="$body"/>{choices}</View>')
    {'tone': Control(target='t', key='body', values=('dull',))}
    """
    if not config.strip() or len(config) > LONGEST_CONFIG or "<!" in config.replace("<!--", ""):
        return None
    try:
        root = ET.fromstring(config)  # nosec B314  # noqa: S314 - no document type, so no entities
    except (ET.ParseError, RecursionError, ValueError):
        return None
    keys = {element.get("name", ""): element.get("value", "") for element in root.iter() if element.tag != "Choices"}
    found = {}
    for choices in root.iter("Choices"):
        target = choices.get("toName", TEXT)
        values = tuple(choice.get("alias") or choice.get("value") or "" for choice in choices.iter("Choice"))
        found[choices.get("name", "")] = Control(target, keys.get(target, "").lstrip("$") or TEXT, values)
    return found


def results(doors: Doors, tasks: Sequence[Row], controls: Controls | None) -> list[Row]:
    """Return one answer a task; one without a text, or whose suggestion is withheld, gets no regions."""
    served = doors.serving.served
    keys = list(dict.fromkeys([control.key for control in (controls or {}).values()] or [TEXT]))
    texts = [_text(task, keys, doors.settings.bounds.letters) for task in tasks]
    called = {(f, v): name for f, one in facet_names(served).items() for v, name in one["values"].items()}
    predictions = iter(doors.work.each([text for text in texts if text], lambda text: served.scorer.predict([text])[0]))
    answers: list[Row] = []
    for task, text in zip(tasks, texts, strict=True):
        answer: dict[str, Any] = {"model_version": served.version, "score": 0.0, "result": []}
        if text:
            prediction = next(predictions)
            answer["score"] = round(prediction.certainty, 6)
            if note_of(task).get("suggestion") != "withheld":
                answer["result"] = list(regions(prediction.best_by_facet, controls, called))
        answers.append(answer)
    return answers


def regions(
    best: Mapping[str, tuple[str, float]], controls: Controls | None, called: Mapping[tuple[str, str], str]
) -> Iterator[Row]:
    """Yield a region a facet that the labelling interface asks for, where it knows the value, or its name."""
    for facet, (value, p) in best.items():
        if controls is None:
            yield region(facet, value, p)
        elif control := controls.get(facet):
            said = next((one for one in (value, called.get((facet, value))) if one in control.values), None)
            if said is not None:
                yield {**region(facet, said, p), "to_name": control.target}


def _text(task: Row, keys: Sequence[str], most: int) -> str:
    data = task.get("data")
    found = next((data[key] for key in keys if isinstance(data.get(key), str)), "") if isinstance(data, dict) else ""
    return found[:most] if has_word(found) else ""
