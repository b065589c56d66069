"""The page: paste a text or choose a file, see its passages classified, correct values. It works without JavaScript."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile

from diptych.documents.text import has_word
from diptych.errors import DiptychError, DocumentError
from diptych.report.marks import heat_level, percent
from diptych.service.access import need_token
from diptych.service.corrections import append, corrections, signed, signed_right
from diptych.service.doors import Doors
from diptych.service.problems import Problem, of_error, too_many
from diptych.service.rest import check_text, classified_rows, crossed
from diptych.service.tables import upload_rows

EXPLAINED = 40  # passages of one page; words are left out one by one, which takes time
FORM = {"max_files": 1, "max_fields": 60_000}


def page(doors: Doors) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter(include_in_schema=False)
    templates = _Templates(doors)

    @router.get("/")
    async def blank() -> Response:
        return templates.page()

    @router.post("/")
    async def classified(request: Request) -> Response:
        form = await _form(request, doors)
        try:
            name, rows, notes = await doors.work.run(lambda: _rows(doors, form))
            served = doors.serving.served
            explained = len(rows) <= EXPLAINED
            found = await doors.work.run(lambda: classified_rows(doors, served.scorer, rows, explained=explained))
        except Problem as problem:
            return templates.page(problem=problem, text=_text(form))
        except DiptychError as error:
            return templates.page(problem=of_error(error), text=_text(form))
        return templates.page(
            found=found | {"document": name, "notes": notes, "model": served.version}, text=_text(form)
        )

    @router.post("/corrections")
    async def corrected(request: Request) -> Response:
        form = await _form(request, doors)
        rows = corrections(form, doors.serving.served, str(form.get("coder", "")).strip())
        if form.get("action") != "append":
            return _download(rows)
        if not signed_right(str(form.get("csrf", "")), doors.secret):
            need_token(request.scope, "writing")
        try:
            said = await doors.work.run(lambda: append(doors, rows))
        except DiptychError as error:
            raise of_error(error) from error
        return templates.page(said=said)

    return router


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

    def page(
        self, *, found: dict[str, Any] | None = None, problem: Problem | None = None, text: str = "", said: str = ""
    ) -> Response:
        """Return the page, with what was found or what went wrong."""
        serving, settings = self.doors.serving, self.doors.settings
        served = serving.served if serving.ready else None
        names = _names(served.model.card if served else {})
        html = self.template.render(
            found=found,
            matrix=_matrix(found, crossed(self.doors), _order(served.facets, names)) if found and served else None,
            names=names,
            order=_order(served.facets, names) if served else {},
            problem=problem,
            said=said,
            text=text,
            served=served,
            refusal=serving.refusal,
            write=settings.write and serving.study is not None,
            csrf=signed(self.doors.secret),
            megabytes=settings.bounds.body // (1024 * 1024),
            bounds=settings.bounds,
            style=Markup(self.style),  # noqa: S704 - our own file
            script=Markup(self.script),  # noqa: S704 - our own file
        )
        status = problem.status_code if problem else 200
        return HTMLResponse(html, status, {"content-security-policy": self.policy})


async def _form(request: Request, doors: Doors) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Problem(415, f"a body of {kind[:80]!r}", hint="this is the page's form; programs call /v1/classify")
    return await request.form(max_part_size=doors.settings.bounds.body, **FORM)


def _text(form: FormData) -> str:
    found = form.get("text", "")
    return found if isinstance(found, str) else ""


def _rows(doors: Doors, form: FormData) -> tuple[str, list[dict[str, Any]], list[str]]:
    """The passages of what was pasted or chosen."""
    upload, text = form.get("file"), _text(form)
    if isinstance(upload, UploadFile) and upload.filename:
        name = upload.filename.replace("\\", "/").rpartition("/")[2][-200:]
        rows, notes = upload_rows(name, upload.file.read(), doors.settings.bounds)
    elif text.strip():
        name, notes = "pasted text", []
        rows = _pasted(text, doors)
    else:
        raise Problem(422, "there is no text", hint="paste one, or choose a file")
    if len(rows) > (most := doors.settings.bounds.passages):
        raise too_many(most, f"this one holds {len(rows)}")
    for row in rows:
        check_text(row["text"], doors, str(row["passage"]))
    return name, rows, notes


def _pasted(text: str, doors: Doors) -> list[dict[str, Any]]:
    """A pasted text, cut where it has paragraphs; a text that is none, as it is."""
    from diptych.classifier.stream import document_rows

    whole = text.replace("\r\n", "\n")
    if "\0" in whole or not has_word(whole):
        check_text(whole, doors, "the text")
    try:
        return [row for _, row in document_rows("pasted.txt", whole.encode("utf-8", "replace"), "text")]
    except DocumentError:
        return [{"passage": "pasted:001", "start": 0, "end": len(whole), "text": " ".join(whole.split())}]


def _matrix(found: Mapping[str, Any], facets: Sequence[str], values: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Passages by the crossed facets, as rows of cells; what the model abstains from stands in a last row or column."""
    counts = {tuple(row[facet] for facet in facets): row["passages"] for row in found["summary"]}
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


def _names(card: Mapping[str, Any]) -> dict[str, Any]:
    """Facet → its name, and its values' names, as the model's codebook says."""
    text = card.get("schema", {}).get("text")
    listed = text.get("facets", []) if isinstance(text, dict) else []
    return {
        facet["id"]: {
            "name": facet.get("label") or facet["id"].capitalize(),
            "values": {value["id"]: value.get("label") or value["id"] for value in facet.get("values", [])},
        }
        for facet in listed
    }


def _order(facets: Mapping[str, Sequence[str]], names: Mapping[str, Any]) -> dict[str, list[str]]:
    """Facet → the model's values in the order of the codebook."""
    listed = {facet: list(found["values"]) for facet, found in names.items()}
    return {
        facet: sorted(values, key=lambda v: listed[facet].index(v) if v in listed.get(facet, ()) else len(values))
        for facet, values in facets.items()
    }


def _download(rows: list[dict[str, Any]]) -> Response:
    import json

    if not rows:
        raise Problem(
            422, "no value was changed and no passage ticked", hint="change a value, or tick a passage as checked"
        )
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    headers = {"content-disposition": 'attachment; filename="corrections.jsonl"'}
    return Response(body, media_type="application/x-ndjson; charset=utf-8", headers=headers)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
