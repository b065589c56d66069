"""`diptych studio push`: the schema and the passages into a project, each passage once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from diptych.errors import LabelStudioError
from diptych.exchange.label_studio import (
    check_result,
    note_of,
    prediction_of,
    task_of,
)
from diptych.labelstudio.client import Client
from diptych.labelstudio.project import Plan, Pushed, Row, study_key, update_project
from diptych.schema import Schema
from diptych.study import Study

BATCH = 500
ATTEMPTS = 3
_LIGHT = ("id", "data", "passage_id", "meta", "total_annotations", "cancelled_annotations")
Tell = Callable[[str], None]


def batched(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    """Yield numbers in lists of at most `size`."""
    waiting = iter(numbers)
    while chunk := list(islice(waiting, size)):
        yield chunk


def push(client: Client, study: Study, plan: Plan, tell: Tell = lambda _: None, project: int | None = None) -> Pushed:
    """Bring the project up to date; safe to run again after any interruption.

    Parameters
    ----------
    client : Client
    study : Study
    plan : Plan
    tell : callable
        Called with progress.
    project : int, optional
        Use this project instead of looking for the study's own.

    Raises
    ------
    LabelStudioError
        If the project belongs to another study, its configuration was changed by hand, or the schema's
        structure changed while codings exist.
    """
    result = update_project(client, study, plan, project)
    present = _present(client, result, study, plan)
    wanted = [row for row in plan.passages if row["passage"] not in present]
    result.known = len(plan.passages) - len(wanted)
    _send(client, study, plan, wanted, result, tell)
    _refresh_suggestions(client, study.schema, plan, present, result)
    _settle(client, plan, result)
    return result


def _present(client: Client, result: Pushed, study: Study, plan: Plan) -> dict[str, dict[str, Any]]:
    """The tasks that are there, by passage; unannotated doubles are removed, strange ones told."""
    wanted = {row["passage"]: row for row in plan.passages}
    found: dict[str, dict[str, Any]] = {}
    strangers = changed = 0
    if result.created:
        return found
    for task in client.tasks(result.project, include=_LIGHT):
        note, passage = note_of(task), task.get("data", {}).get("passage_id")
        if not passage or not note:
            strangers += 1
            continue
        found[passage] = _without_double(client, found[passage], task, result) if passage in found else task
    for passage, task in found.items():
        row = wanted.get(passage)
        if row is None or note_of(task).get("sha256") == row["sha256"]:
            continue
        if _annotated(task):
            changed += 1
            continue
        fresh = _task(study, plan, row)
        client.update_task(int(task["id"]), {"data": fresh["data"], "meta": fresh["meta"]})
        result.updated += 1
    if strangers:
        result.told.append(f"{strangers} tasks were not made by diptych; they are left alone")
    if changed:
        result.told.append(f"{changed} coded passages have another text now; their tasks keep the old one")
    return found


def _annotated(task: Row) -> bool:
    return bool(task.get("total_annotations") or task.get("cancelled_annotations"))


def _without_double(client: Client, first: dict[str, Any], second: dict[str, Any], result: Pushed) -> dict[str, Any]:
    """Keep the annotated one of two tasks of a passage (else the older), delete the other if it is bare."""
    keep, drop = (second, first) if _annotated(second) and not _annotated(first) else (first, second)
    if _annotated(drop):
        result.told.append(f"{keep['data']['passage_id']} stands twice and both are coded; both are kept")
        return keep
    client.delete_task(int(drop["id"]))
    result.doubles += 1
    return keep


def _task(study: Study, plan: Plan, row: Row) -> dict[str, Any]:
    passage = str(row["passage"])
    suggestion = plan.suggestions.get(passage)
    shown = passage in plan.shown
    before, after = plan.neighbours.get(passage, ("", ""))
    return task_of(
        row,
        study.schema,
        study_key(study),
        before=before,
        after=after,
        suggestion=suggestion if shown or plan.order == "uncertain" else None,
        withheld=suggestion is not None and not shown,
        sample=plan.sample,
        answers=plan.answers.get(passage, ""),
    )


def _send(client: Client, study: Study, plan: Plan, wanted: Sequence[Row], result: Pushed, tell: Tell) -> None:
    """Send what is missing in batches; after a failure look what arrived before sending again."""
    for suggestion in plan.suggestions.values():
        check_result(suggestion.result(), study.schema)
    waiting = list(wanted)
    failures = 0
    while waiting:
        batch = waiting[:BATCH]
        try:
            client.import_tasks(result.project, [_task(study, plan, row) for row in batch])
        except LabelStudioError as error:
            failures += 1
            if failures >= ATTEMPTS or (error.status is not None and error.status < 500):
                raise
            tell(f"{error}; looking what arrived")
            there = {
                task.get("data", {}).get("passage_id")
                for task in client.tasks(result.project, include=("id", "data", "passage_id"))
            }
            result.sent += sum(row["passage"] in there for row in waiting)
            waiting = [row for row in waiting if row["passage"] not in there]
            continue
        result.sent += len(batch)
        result.suggestions += sum(str(row["passage"]) in plan.shown for row in batch)
        waiting = waiting[len(batch) :]
        tell(f"{result.sent} of {len(wanted)} passages sent")


def _refresh_suggestions(
    client: Client, schema: Schema, plan: Plan, present: Mapping[str, dict[str, Any]], result: Pushed
) -> None:
    """Give bare tasks this model's suggestion, where one is shown and it is another model's so far."""
    stale = {}
    for passage in sorted(plan.shown & present.keys()):
        note = note_of(present[passage])
        if note.get("suggestion") == "withheld" or _annotated(present[passage]):
            continue
        if note.get("model") != plan.suggestions[passage].model:
            stale[int(present[passage]["id"])] = passage
    for chunk in batched(stale, BATCH):
        there = {
            int(task["id"])
            for task in client.tasks(
                result.project, include=("id", "predictions", "model_version"), ids=chunk, full=True
            )
            for prediction in task.get("predictions") or []
            if prediction.get("model_version") == plan.suggestions[stale[int(task["id"])]].model
        }
        waiting = [number for number in chunk if number not in there]
        for number in waiting:
            check_result(plan.suggestions[stale[number]].result(), schema)
        if waiting:
            rows = [{"task": number, **prediction_of(plan.suggestions[stale[number]])} for number in waiting]
            taken = client.import_predictions(result.project, rows)
            result.suggestions += taken
            if taken != len(rows):
                result.told.append(f"the server took {taken} of {len(rows)} suggestions")
        for number in chunk:
            task, model = present[stale[number]], plan.suggestions[stale[number]].model
            note = note_of(task) | {"suggestion": "shown", "model": model}
            client.update_task(number, {"meta": dict(task.get("meta", {})) | {"diptych": note}})


def _settle(client: Client, plan: Plan, result: Pushed) -> None:
    """Make the newest suggestions the ones that are shown: the server does not do so by itself."""
    models = sorted({plan.suggestions[passage].model for passage in plan.shown})
    if models and result.suggestions:
        client.update_project(result.project, {"model_version": models[-1]})
