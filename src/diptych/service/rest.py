"""`/v1`: passages and documents in, predictions out; nothing is stored."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import ValidationError

from diptych.classifier.explain import explain
from diptych.classifier.score import Prediction, Scorer
from diptych.documents.read import DOCUMENT_FORMATS
from diptych.documents.text import has_word
from diptych.files import describe
from diptych.schema import Schema
from diptych.service import shapes
from diptych.service.doors import Doors
from diptych.service.problems import Problem, too_many
from diptych.service.reader import read_upload
from diptych.service.streams import KINDS, answered, converter, first_piece

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": shapes.ErrorResponse, "description": said}
    for status, said in {
        400: "The body is no valid JSON.",
        401: "The server wants its token.",
        403: "Another host or origin than this server's own.",
        408: "The body comes too slowly.",
        413: "More than the stated limit of bytes or passages.",
        415: "Another kind of body.",
        422: "A value is not allowed.",
        429: "More requests at once than are worked on.",
        503: "There is no model, or the work takes too long.",
    }.items()
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ClassifyRequest"}},
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"text": "Moscow fears for its gas exports to China."}\n',
            },
            "text/csv": {
                "schema": {"type": "string"},
                "example": "id,text\n1,Moscow fears for its gas exports to China.\n",
            },
        },
    }
}


def rest(doors: Doors) -> APIRouter:
    """Return the routes under `/v1`."""
    router = APIRouter(prefix="/v1", responses=ERRORS)

    @router.post(
        "/classify",
        response_model=shapes.ClassifyResponse,
        openapi_extra=_BODY,
        summary="Classify passages",
        responses={200: {"content": {"application/x-ndjson": {}, "text/csv": {}}}},
    )
    async def classify(
        request: Request,
        text_column: Annotated[str, Query(description="JSON Lines and CSV: the column with the text.")] = "text",
        prefix: Annotated[str, Query(description="JSON Lines and CSV: put before the names of new columns.")] = "",
        probabilities: Annotated[bool, Query(description="JSON Lines and CSV: one column a value.")] = False,
        abstain: Annotated[bool, Query(description="JSON Lines and CSV: leave values empty where it abstains.")] = True,
        abstain_at: Annotated[float, Query(gt=0, le=1, description="JSON Lines and CSV: see the JSON body.")] = 1.0,
    ) -> Response:
        """One or many passages as JSON, or a stream of rows as JSON Lines or CSV, answered in the same form.

        Rows that cannot be classified come back with an `error` instead of values; the others go on.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in KINDS:
            options = {
                "text_column": text_column,
                "prefix": prefix,
                "probabilities": probabilities,
                "abstain": abstain,
                "abstain_at": abstain_at,
            }
            return await _stream(doors, request, kind, options)
        if kind not in ("application/json", ""):
            raise Problem(415, f"a body of {kind[:80]!r}", hint=f"application/json, {', '.join(KINDS)}")
        return JSONResponse(await _classified(doors, read_json(await request.body())))

    @router.post("/documents", response_model=shapes.DocumentResponse, summary="Cut and classify a document")
    async def documents(file: UploadFile, probabilities: bool = False, explain: bool = False) -> Response:
        """A text, Markdown, html, pdf or docx file; it is cut into passages, which are classified."""
        name = (file.filename or "document.txt").replace("\\", "/").rpartition("/")[2][-200:]
        data = await file.read()
        found = await doors.work.run(lambda: classified_document(doors, name, data, explained=explain))
        return JSONResponse(_document_body(found, probabilities=probabilities))

    @router.get("/schema", summary="The codebook of the model")
    async def schema() -> dict[str, Any]:
        """Facets, values and definitions, and the version that the model was trained by."""
        return cast("dict[str, Any]", doors.serving.served.model.card.get("schema", {}))

    @router.get("/model", summary="The model's card")
    async def model() -> dict[str, Any]:
        """What the model was trained on, how good it is, and when it abstains."""
        served = doors.serving.served
        training = {k: v for k, v in served.model.card.get("training", {}).items() if k != "profile"}
        keys = ("figures", "abstains")
        return {
            "model": served.version,
            "facets": {facet: list(values) for facet, values in served.facets.items()},
            "training": training,
            **{key: served.model.card[key] for key in keys if key in served.model.card},
        }

    return router


def read_json(data: bytes) -> shapes.ClassifyRequest:
    """Read and check a JSON body.

    Raises
    ------
    Problem
        400 for what is no JSON, 422 for what is not what is wanted, with the place.
    """
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        said = "nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise Problem(400, f"the body is no JSON: {said}", hint='for example {"text": "…"}') from None
    try:
        return shapes.ClassifyRequest.model_validate(raw)
    except ValidationError as error:
        said = "; ".join(describe(error, "body", shapes.ClassifyRequest))
        raise Problem(422, said[:1000], hint="see /openapi.json") from None


def passages_of(asked: shapes.ClassifyRequest, doors: Doors) -> list[shapes.Passage]:
    """Return the passages of a request, checked."""
    given = [asked.text is not None, asked.texts is not None, asked.passages is not None]
    if sum(given) != 1:
        raise Problem(422, "give exactly one of text, texts and passages", hint='for example {"text": "…"}')
    found = asked.passages or [shapes.Passage(text=text) for text in (asked.texts or [asked.text or ""]) if text]
    if (most := doors.settings.bounds.passages) < len(found):
        raise too_many(most, f"this one holds {len(found)}")
    for place, passage in enumerate(found):
        check_text(passage.text, doors, f"passage {place}")
    return found


def check_text(text: str, doors: Doors, where: str) -> None:
    """Refuse a text that cannot be classified."""
    most = doors.settings.bounds.letters
    if len(text) > most:
        raise Problem(413, f"{where} holds {len(text)} characters, and {most} are allowed", limit=most)
    if "\0" in text:
        raise Problem(422, f"{where} holds a NUL character")
    if not has_word(text):
        raise Problem(422, f"{where} holds no word")


async def _classified(doors: Doors, asked: shapes.ClassifyRequest) -> dict[str, Any]:
    passages = passages_of(asked, doors)
    served = doors.serving.served

    def work() -> list[dict[str, Any]]:
        predictions = doors.work.predictions(served.scorer, [passage.text for passage in passages])
        return [
            {"id": passage.id}
            | prediction_body(
                served.scorer,
                passage.text,
                prediction,
                rate=asked.abstain_at if asked.abstain else None,
                probabilities=asked.probabilities,
                explained=asked.explain,
            )
            for passage, prediction in zip(passages, predictions, strict=True)
        ]

    return {"model": served.version, "predictions": await doors.work.run(work)}


def prediction_body(
    scorer: Scorer, text: str, prediction: Prediction, *, rate: float | None = 1.0, probabilities: bool, explained: bool
) -> dict[str, Any]:
    """Return a prediction as JSON; `rate` None: never abstain."""
    moved = (
        {one.facet: list(one.words) for one in explain(scorer, text, tried=24, by_sentence=False)} if explained else {}
    )
    facets: dict[str, dict[str, Any]] = {}
    for facet in prediction.probabilities:
        value, p = prediction.best(facet)
        least = 0.0 if rate is None else scorer.limits.threshold(facet, rate)
        silent = rate is not None and (prediction.abstains or p < least)
        facets[facet] = {"value": None if silent else value, "p": round(min(max(p, 0.0), 1.0), 4), "abstains": silent}
        if probabilities:
            facets[facet]["probabilities"] = {v: round(s, 4) for v, s in prediction.probabilities[facet].items()}
        if explained:
            facets[facet]["moved"] = [(word, round(change, 4)) for word, change in moved[facet]]
    return {"facets": facets, "off_topic": prediction.off_topic, "language": prediction.language}


def classified_document(doors: Doors, name: str, data: bytes, *, explained: bool) -> dict[str, Any]:
    """Read, cut and classify a document: its passages with predictions, notes, and a summary."""
    suffix = "." + name.rpartition(".")[2].casefold() if "." in name else ""
    if suffix not in DOCUMENT_FORMATS:
        allowed = ", ".join(DOCUMENT_FORMATS)
        raise Problem(415, f"documents of type {suffix[:20] or '(no ending)'} are not read", hint=f"one of: {allowed}")
    served = doors.serving.served
    rows, notes = read_upload(name, data, doors.settings.bounds)
    return classified_rows(doors, served.scorer, rows, explained=explained) | {
        "model": served.version,
        "document": name,
        "notes": notes,
    }


def classified_rows(
    doors: Doors, scorer: Scorer, rows: Sequence[Mapping[str, Any]], *, explained: bool
) -> dict[str, Any]:
    """Classify passages with their places, and count them by the crossed facets."""
    predictions = doors.work.predictions(scorer, [row["text"] for row in rows])
    bodies = [
        {"id": None, **{key: row[key] for key in ("passage", "start", "end", "text")}}
        | prediction_body(scorer, row["text"], prediction, probabilities=True, explained=explained)
        for row, prediction in zip(rows, predictions, strict=True)
    ]
    return {"passages": bodies, "summary": summary(bodies, crossed(doors))}


def crossed(doors: Doors) -> list[str]:
    """The facets whose combinations are counted."""
    model = doors.serving.served.model
    text = model.card.get("schema", {}).get("text")
    known = list(model.weights.facets)
    if isinstance(text, dict):
        with contextlib.suppress(ValidationError):
            known = [facet.id for facet in Schema.model_validate(text).cells if facet.id in known] or known
    return known[:2]


def summary(bodies: Sequence[Mapping[str, Any]], facets: Sequence[str]) -> list[dict[str, Any]]:
    """Return how many passages have which values of the crossed facets; null where the model abstains."""
    counts = Counter(tuple(body["facets"][facet]["value"] for facet in facets) for body in bodies)
    order = sorted(counts, key=lambda values: (-counts[values], [value or "" for value in values]))
    return [dict(zip(facets, values, strict=True)) | {"passages": counts[values]} for values in order]


def _document_body(found: dict[str, Any], *, probabilities: bool) -> dict[str, Any]:
    if not probabilities:
        for passage in found["passages"]:
            for facet in passage["facets"].values():
                facet.pop("probabilities", None)
    return found


async def _stream(doors: Doors, request: Request, kind: str, options: dict[str, Any]) -> Response:
    scorer = doors.serving.served.scorer

    def count(passages: int, rejects: int) -> None:
        doors.metrics.passages.inc(passages)
        doors.metrics.rejects.inc(rejects)

    pieces = answered(request, converter(scorer, KINDS[kind], options, count))

    async def placed() -> Any:
        async with doors.work.place():
            async for piece in pieces:
                yield piece

    return StreamingResponse(await first_piece(placed(), KINDS[kind]), media_type=f"{kind}; charset=utf-8")
