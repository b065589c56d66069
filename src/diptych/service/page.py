"""The page: paste a text or choose a file, see its passages classified, correct values. It works without JavaScript."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from diptych.documents.text import has_word
from diptych.errors import DiptychError
from diptych.report.marks import heat_level, percent
from diptych.service.access import shows_token
from diptych.service.answers import answer_document, check_text, crossed, facet_names
from diptych.service.body import media_type
from diptych.service.corrections import CODER, append, corrections, signed, signed_right
from diptych.service.doors import Doors
from diptych.service.problems import Problem, answer, of_error
from diptych.service.settings import MEGABYTE
from diptych.service.uploads import PASTED, base_name, pasted_rows, upload_rows

EXPLAINED = 40  # passages of one page; words are left out one by one, which takes time
FORM = {"max_files": 1, "max_fields": 60_000}
SEND_AGAIN = "send it again, it is a fresh one now; programs show the token: Authorization: Bearer TOKEN"
ALL = "`diptych classify` and POST /v1/documents give them all."


def page(doors: Doors) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter(include_in_schema=False)
    templates = _Templates(doors)

    @router.get("/")
    async def blank() -> Response:
        return templates.page()

    @router.post("/")
    async def classified(request: Request) -> Response:
        pasted = ""
        try:
            async with doors.work.place(), _form(request, doors) as form:
                pasted = _text(form)
                found = await _found(doors, form)
        except (Problem, DiptychError) as error:
            return templates.refuse(request, error, text=pasted)
        return templates.page(found=found, text=pasted)

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
            return templates.refuse(request, error, found=found, chosen=chosen)
        return templates.page(said=said)

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


class _Templates:
    """The page's template, its style and its script, which the policy names by hash."""

    def __init__(self, doors: Doors) -> None:
        self.doors = doors
        environment = Environment(
            loader=PackageLoader("diptych.service"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"percent": percent}
        self.template = environment.get_template("page.html")
        folder = files("diptych.service") / "templates"
        self.style = (folder / "page.css").read_text(encoding="utf-8")
        self.script = (folder / "page.js").read_text(encoding="utf-8")
        self.policy = (
            f"default-src 'none'; img-src data:; style-src '{_hash(self.style)}'; script-src '{_hash(self.script)}'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    def refuse(
        self,
        request: Request,
        error: Problem | DiptychError,
        *,
        found: dict[str, Any] | None = None,
        chosen: Mapping[str, str] | None = None,
        text: str = "",
    ) -> Response:
        """Return the page with what went wrong, or, to a program, the JSON of every error."""
        problem = error if isinstance(error, Problem) else of_error(error)
        if "text/html" not in request.headers.get("accept", ""):
            return answer(problem)
        return self.page(found=found, chosen=chosen or {}, problem=problem, text=text)

    def page(
        self,
        *,
        found: dict[str, Any] | None = None,
        problem: Problem | None = None,
        text: str = "",
        said: str = "",
        chosen: Mapping[str, str] = MappingProxyType({}),
    ) -> Response:
        """Return the page, with what was found or what went wrong."""
        serving, settings = self.doors.serving, self.doors.settings
        served = found["served"] if found else serving.served if serving.ready else None
        names = facet_names(served) if served else {}
        order = _order(served.facets, names) if served else {}
        html = self.template.render(
            found=found,
            matrix=_matrix(found["summary"], crossed(served), order) if found and served else None,
            names=names,
            order=order,
            problem=problem,
            chosen=chosen,
            said=said,
            text=text,
            served=served,
            refusal=serving.refusal,
            write=settings.write and serving.study is not None,
            coder_pattern=CODER.pattern,
            csrf=signed(self.doors.secret),
            megabytes=settings.bounds.body // MEGABYTE,
            style=Markup(self.style),  # noqa: S704 - our own file
            script=Markup(self.script),  # noqa: S704 - our own file
        )
        headers = {"content-security-policy": self.policy} | dict(problem.headers or {} if problem else {})
        return HTMLResponse(html.encode("utf-8", "replace"), problem.status_code if problem else 200, headers)


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


def _matrix(
    summary: Sequence[Mapping[str, Any]], facets: Sequence[str], values: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Passages by the crossed facets, as rows of cells; what the model abstains from stands in a last row or column."""
    counts = {tuple(row[facet] for facet in facets): row["passages"] for row in summary}
    rows = [*values[facets[0]], None]
    columns = [*values[facets[1]], None] if len(facets) > 1 else [None]
    top = max(counts.values(), default=0)
    table: list[dict[str, Any]] = [
        {
            "value": row,
            "cells": [
                {"count": number, "level": heat_level(number, top)}
                for column in columns
                for number in [counts.get((row, column) if len(facets) > 1 else (row,), 0)]
            ],
        }
        for row in rows
    ]
    if not any(cell["count"] for cell in table[-1]["cells"]):
        table.pop()
    if len(facets) > 1 and not any(line["cells"][-1]["count"] for line in table):
        columns = columns[:-1]
        table = [line | {"cells": line["cells"][:-1]} for line in table]
    return {"facets": facets, "columns": columns, "rows": table}


def _order(facets: Mapping[str, Sequence[str]], names: Mapping[str, Any]) -> dict[str, list[str]]:
    """Facet → the model's values in the order of the codebook."""
    listed = {facet: list(found["values"]) for facet, found in names.items()}
    return {
        facet: sorted(values, key=lambda v: listed[facet].index(v) if v in listed.get(facet, ()) else len(values))
        for facet, values in facets.items()
    }


def _download(rows: list[dict[str, Any]]) -> Response:
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "replace")
    headers = {"content-disposition": 'attachment; filename="corrections.jsonl"'}
    return Response(body, media_type="application/x-ndjson; charset=utf-8", headers=headers)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
