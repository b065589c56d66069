"""`/v1`: passages and documents in, predictions out; nothing is stored."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from diptych.errors import DiptychError
from diptych.service import shapes
from diptych.service.answers import answer_all, answer_document, check_passage, half_a_character, has_half
from diptych.service.body import STREAMED, media_type
from diptych.service.doors import Doors
from diptych.service.problems import Json, Problem, of_error, too_many
from diptych.service.settings import Bounds
from diptych.service.streams import Pieces, Rows, answered, converter, with_status
from diptych.service.uploads import base_name, upload_rows
from diptych.service.writers import writer_for
from diptych.toml_files import describe

FILE = {"max_files": 1, "max_fields": 10}


def rest(doors: Doors) -> APIRouter:
    """Return the routes under `/v1`."""
    router = APIRouter(prefix="/v1", responses=shapes.ERRORS, tags=["REST"])

    @router.post(
        "/classify",
        response_model=shapes.ClassifyResponse,
        openapi_extra=shapes.CLASSIFY_BODY,
        summary="Classify passages",
        responses=shapes.CLASSIFY_ANSWER,
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

        Rows that cannot be classified come back with an `error` instead of values; the others go on. One passage of a
        JSON body that cannot be classified refuses it.
        """
        kind = media_type(request.headers)
        if kind in STREAMED:
            options = {
                "text_column": text_column,
                "prefix": prefix,
                "probabilities": probabilities,
                "abstain": abstain,
                "abstain_at": abstain_at,
            }
            return await _stream(doors, request, kind, options)
        if kind not in ("application/json", ""):
            raise Problem(415, f"a body of {kind[:80]!r} is not read", hint=f"application/json, {', '.join(STREAMED)}")
        async with doors.work.place():
            return Json(await _classified(doors, read_json(await request.body())))

    @router.post(
        "/documents",
        response_model=shapes.DocumentResponse,
        openapi_extra=shapes.DOCUMENT_BODY,
        summary="Cut and classify a document",
    )
    async def documents(request: Request, probabilities: bool = False, explain: bool = False) -> Response:
        """A text, Markdown, html, pdf or docx file is cut into passages; of a csv or jsonl file every row is one."""
        if media_type(request.headers) != "multipart/form-data":
            raise Problem(415, "a document is sent as multipart/form-data", hint="curl -F file=@article.pdf …")
        async with doors.work.place(), request.form(max_part_size=doors.settings.bounds.body, **FILE) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Problem(422, "there is no file in the form", hint="in a field called `file`, with its name")
            name, data = base_name(file.filename or "document.txt"), await file.read()
            found = await _document(doors, name, data, explained=explain)
        if not probabilities:
            for passage in found["passages"]:
                for facet in passage["facets"].values():
                    del facet["probabilities"]
        return Json(found)

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
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body is not UTF-8 (byte {error.start})", hint="send JSON in UTF-8") from None
    except RecursionError:
        raise Problem(400, "the body is nested too deep", hint='for example {"text": "…"}') from None
    except ValueError as error:
        raise Problem(400, f"the body is no JSON: {str(error)[:200]}", hint='for example {"text": "…"}') from None
    try:
        return shapes.ClassifyRequest.model_validate(raw)
    except ValidationError as error:
        if any(one["type"] == "string_unicode" for one in error.errors()):
            raise half_a_character("the body") from None
        said = "; ".join(describe(error, "body", shapes.ClassifyRequest))
        raise Problem(422, said[:1000], hint="see /openapi.json") from None


def passages_of(asked: shapes.ClassifyRequest, bounds: Bounds) -> list[shapes.Passage]:
    """Return the passages of a request, checked."""
    given = [asked.text is not None, asked.texts is not None, asked.passages is not None]
    if sum(given) != 1:
        raise Problem(422, "give exactly one of text, texts and passages", hint='for example {"text": "…"}')
    texts = asked.texts or ([asked.text] if asked.text is not None else [])
    found = asked.passages or [shapes.Passage(text=text) for text in texts]
    if len(found) > bounds.passages:
        raise too_many(bounds.passages, f"this one holds {len(found)}")
    for place, passage in enumerate(found):
        if has_half(str(passage.id)):
            raise half_a_character(f"the id of passage {place}")
        check_passage(passage.text, bounds, "text" if asked.text is not None else f"passage {place}")
    return found


async def _classified(doors: Doors, asked: shapes.ClassifyRequest) -> dict[str, Any]:
    passages = passages_of(asked, doors.settings.bounds)
    served = doors.serving.served
    answers = await doors.work.run(
        lambda: answer_all(
            doors.work,
            served.scorer,
            [passage.text for passage in passages],
            rate=asked.abstain_at if asked.abstain else None,
            probabilities=asked.probabilities,
            explained=asked.explain,
        )
    )
    numbered = zip(passages, answers, strict=True)
    return {"model": served.version, "predictions": [{"id": passage.id, **answer} for passage, answer in numbered]}


async def _document(doors: Doors, name: str, data: bytes, *, explained: bool) -> dict[str, Any]:
    """Read, cut and classify a document: its passages with predictions, notes, and a summary."""
    served = doors.serving.served
    rows, notes = await doors.work.read(lambda: upload_rows(name, data, doors.settings.bounds))
    found = await doors.work.run(lambda: answer_document(doors.work, served, rows, explained=explained))
    return found | {"document": name, "notes": notes}


async def _stream(doors: Doors, request: Request, kind: str, options: dict[str, Any]) -> Response:
    served, bounds = doors.serving.served, doors.settings.bounds
    writer = writer_for(STREAMED[kind], options["prefix"])

    def count(passages: int, rejects: int) -> None:
        doors.metrics.passages.inc(passages)
        doors.metrics.rejects.inc(rejects)

    async def placed() -> Pieces:
        async with doors.work.place():
            async for piece in answered(request, converter(served.scorer, writer, options, bounds, count), bounds):
                yield piece

    try:
        pieces = await with_status(placed(), writer)
    except DiptychError as error:
        raise _by_query(of_error(error)) from error
    return Rows(pieces, f"{kind}; charset=utf-8", {"diptych-model": served.version})


def _by_query(problem: Problem) -> Problem:
    """Name the parameters of the address where the library names options of the command line."""
    problem.hint = problem.hint.replace("--text-column or --id-column", "?text_column=").replace(
        "--prefix ", "?prefix="
    )
    problem.hint = problem.hint.replace("--prefix", "?prefix=")
    return problem
