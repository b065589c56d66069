"""What the page shows: what was found, what went wrong, and the forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from diptych.errors import DiptychError
from diptych.files import policy_hash
from diptych.report.marks import heat_level, percent
from diptych.service.answers import crossed, facet_names
from diptych.service.corrections import CODER, signed
from diptych.service.doors import Doors
from diptych.service.problems import Problem, answer, of_error
from diptych.service.settings import MEGABYTE


class Sheet:
    """The template, its style and its script, which the policy names by hash.

    Parameters
    ----------
    doors : Doors
    """

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
            f"default-src 'none'; img-src data:; style-src '{policy_hash(self.style)}'; "
            f"script-src '{policy_hash(self.script)}'; "
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
            style=Markup(self.style),  # nosec B704  # noqa: S704 - our own file
            script=Markup(self.script),  # nosec B704  # noqa: S704 - our own file
        )
        headers = {"content-security-policy": self.policy} | dict(problem.headers or {} if problem else {})
        return HTMLResponse(html.encode("utf-8", "replace"), problem.status_code if problem else 200, headers)


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
