"""The page: paste a text or choose a file, see its passages classified, correct values. It works without JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from diptych.documents.text import has_word
from diptych.errors import DiptychError
from diptych.service.access import shows_token
from diptych.service.answers import answer_document, check_text
from diptych.service.body import media_type
from diptych.service.corrections import append, corrections, signed_right
from diptych.service.doors import Doors
from diptych.service.problems import Problem
from diptych.service.sheet import Sheet
from diptych.service.uploads import PASTED, base_name, pasted_rows, upload_rows

EXPLAINED = 40  # passages of one page; words are left out one by one, which takes time
FORM = {"max_files": 1, "max_fields": 60_000}
SEND_AGAIN = "send it again, it is a fresh one now; programs show the token: Authorization: Bearer TOKEN"
ALL = "`diptych classify` and POST /v1/documents give them all."


def page(doors: Doors) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter(include_in_schema=False)
    sheet = Sheet(doors)

    @router.get("/")
    async def blank() -> Response:
        return sheet.page()

    @router.post("/")
    async def classified(request: Request) -> Response:
        pasted = ""
        try:
            async with doors.work.place(), _form(request, doors) as form:
                pasted = _text(form)
                found = await _found(doors, form)
        except (Problem, DiptychError) as error:
            return sheet.refuse(request, error, text=pasted)
        return sheet.page(found=found, text=pasted)

    @router.post("/corrections")
    async def corrected(request: Request) -> Response:
        found, chosen = None, dict[str, str]()
        try:
            async with doors.work.place(), _form(request, doors) as form:
                chosen = {name: value for name, value in form.items() if isinstance(value, str)}
                try:
                    rows = corrections(chosen, doors.serving.served)
                    if chosen.get("action") != "append":
                        return _download(rows)
                    if not (signed_right(chosen.get("csrf", ""), doors.secret) or shows_token(request.scope)):
                        raise Problem(403, "this form is old, or not this server's own", hint=SEND_AGAIN)
                    said = await doors.work.run(lambda: append(doors, rows))
                except (Problem, DiptychError):
                    found = await _again(doors, chosen)
                    raise
        except (Problem, DiptychError) as error:
            return sheet.refuse(request, error, found=found, chosen=chosen)
        return sheet.page(said=said)

    return router


async def _again(doors: Doors, chosen: Mapping[str, str]) -> dict[str, Any] | None:
    """The passages of a form that was refused: whoever corrected them must not lose that."""
    numbers = sorted(int(name[5:]) for name in chosen if re.fullmatch(r"text-\d{1,6}", name))
    rows: list[dict[str, Any]] = [
        {"passage": chosen.get(f"passage-{n}", ""), "start": 0, "end": 0, "text": chosen[f"text-{n}"]}
        for n in numbers[: doors.settings.bounds.shown]
    ]
    if not rows or not doors.serving.ready or not all(has_word(row["text"]) for row in rows):
        return None
    served = doors.serving.served
    found = await doors.work.run(lambda: answer_document(doors.work, served, rows, explained=len(rows) <= EXPLAINED))
    name = chosen.get("document", "")[:200]
    return found | {"total": len(rows), "notes": [], "document": name, "served": served}


async def _found(doors: Doors, form: FormData) -> dict[str, Any]:
    """Read, cut and classify what was pasted or chosen; the words that moved it where there are few passages."""
    served, bounds = doors.serving.served, doors.settings.bounds
    upload, text = form.get("file"), _text(form)
    if isinstance(upload, UploadFile) and upload.filename:
        name, data = base_name(upload.filename), await upload.read()
        rows, notes = await doors.work.read(lambda: upload_rows(name, data, bounds))
    elif text.strip():
        name = "Pasted text"
        rows, notes = await _pasted(doors, text.replace("\r\n", "\n"))
    else:
        raise Problem(422, "there is no text", hint="paste one, or choose a file")
    explained = len(rows) <= EXPLAINED
    found = await doors.work.run(lambda: answer_document(doors.work, served, rows, explained=explained))
    if len(rows) > bounds.shown:
        notes = [*notes, f"The table counts all passages; the first {bounds.shown} are shown. {ALL}"]
    shown = {"passages": found["passages"][: bounds.shown], "total": len(rows), "notes": notes}
    return found | shown | {"document": name, "served": served}


async def _pasted(doors: Doors, text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """A short text is cut here; a long one is read as a file would be, in a process of its own."""
    bounds = doors.settings.bounds
    check_text(text, "the text")
    if len(text) <= bounds.letters:
        return await doors.work.run(lambda: pasted_rows(text, bounds)), []
    return await doors.work.read(lambda: upload_rows(PASTED, text.encode(), bounds))


@asynccontextmanager
async def _form(request: Request, doors: Doors) -> AsyncIterator[FormData]:
    kind = media_type(request.headers)
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Problem(415, f"a body of {kind[:80]!r} is no form", hint="programs call /v1/classify")
    try:
        async with request.form(max_part_size=doors.settings.bounds.body, **FORM) as form:
            yield form
    except HTTPException as error:
        raise error if isinstance(error, Problem) else Problem(error.status_code, str(error.detail)) from None


def _text(form: FormData) -> str:
    found = form.get("text", "")
    return found if isinstance(found, str) else ""


def _download(rows: list[dict[str, Any]]) -> Response:
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "replace")
    headers = {"content-disposition": 'attachment; filename="corrections.jsonl"'}
    return Response(body, media_type="application/x-ndjson; charset=utf-8", headers=headers)
