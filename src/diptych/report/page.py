"""The report as one HTML file: everything the templates need, style and script inlined and named by hash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from diptych import __version__
from diptych.coding.reliability import ACCEPTED, SHAKY
from diptych.files import canonical, policy_hash, sha256_bytes
from diptych.records import plain
from diptych.report import sentences
from diptych.report.catalogue import Catalogue
from diptych.report.contents import Contents
from diptych.report.coverage import coverage_section
from diptych.report.differences import divergence_section
from diptych.report.evidence import evidence, payload
from diptych.report.hinge import hinge
from diptych.report.marks import coefficient, percent, points, span
from diptych.report.quality import quality_section
from diptych.report.scale import scale_section
from diptych.report.tables import COMMANDS, as_csv, tables

STATIC = 400  # passages that a page without JavaScript lists, too
PAYLOAD = 1  # the format of the data in a page; `diptych report --compare` reads it


def page(contents: Contents, text: Catalogue, comparison: Mapping[str, Any] | None = None) -> str:
    """Return the page; equal contents give equal bytes.

    Parameters
    ----------
    contents : Contents
    text : Catalogue
        The words of the frame.
    comparison : mapping, optional
        As :func:`diptych.report.compare.compare_with` returns it.
    """
    found = frame(contents, text)
    rows = evidence(contents)
    moved = comparison["tables"] if comparison else {}
    csv = {name: as_csv(table) for name, table in (found["table_rows"] | moved).items()}
    data = payload(contents, rows) | {"text": {k[7:]: v for k, v in text.texts.items() if k.startswith("script.")}}
    data["report"] = {
        "format": PAYLOAD,
        "id": found["report_id"],
        "version": __version__,
        "hashes": dict(contents.hashes),
    }
    folder = files("diptych.report") / "templates"
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    return (
        environment(html=True)
        .get_template("report.html")
        .render(
            found
            | {
                "t": text,
                "comparison": comparison,
                "sections": _sections(found, comparison),
                "static": rows if len(rows) <= STATIC else [],
                "tables": csv,
                "data": _json(data),
                "tables_json": _json(csv),
                "style": Markup(style),  # nosec B704  # noqa: S704 - our own file
                "script": Markup(script),  # nosec B704  # noqa: S704 - our own file
                "style_hash": policy_hash(style),
                "script_hash": policy_hash(script),
            }
        )
    )


def frame(contents: Contents, text: Catalogue) -> dict[str, Any]:
    """Return what a report says, whatever its format: sentences, sections, tables, and how it was made."""
    schema, settings = contents.schema, contents.study.settings
    sources = set(contents.passages["source"])
    model = contents.model.card if contents.model else None
    hashes = dict(contents.hashes)
    return {
        "study": settings,
        "schema": schema,
        "version": __version__,
        "authors": contents.authors,
        "crossed": contents.crossed,
        "lead": sentences.study_sentence(contents, text),
        "coded_by": sentences.coder_sentence(contents, text),
        "glance": sentences.glance(contents, text),
        "certainty": sentences.certainty(contents, text),
        "missing": contents.missing,
        "hinge": hinge(contents),
        "coverage": coverage_section(contents) if contents.bases else None,
        "divergence": divergence_section(contents),
        "scale": scale_section(contents),
        "agreements": contents.agreements,
        "alpha_lines": (SHAKY, ACCEPTED),
        "digest_check": contents.digest_check,
        "disputes": contents.quarrels,
        "model": model,
        "quality": quality_section(contents) if model else None,
        "originals": "original" in sources,
        "digests": "digest" in sources,
        "coders": contents.coders.coders,
        "limits": _limits(contents, text),
        "hashes": hashes,
        "report_id": report_id(hashes, text),
        "table_rows": tables(contents),
        "commands": COMMANDS,
        "terms": [key.removeprefix("term.") for key in text.texts if key.startswith("term.")],
    }


def report_id(hashes: Mapping[str, str], text: Catalogue) -> str:
    """Return the number of a report: a hash of the program, of what went in, and of the language."""
    return sha256_bytes(canonical([__version__, dict(hashes), text.language]).encode())[:12]


@cache
def environment(*, html: bool) -> Environment:
    """Return the template engine; in HTML everything is escaped."""
    found = Environment(
        loader=PackageLoader("diptych.report"),
        autoescape=html,  # nosec B701  # noqa: S701 - Markdown has no markup to escape into here; see report/markdown.py
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"percent": percent, "points": points, "coefficient": coefficient}
    found.filters |= {"span": span, "spans": _spans}
    return found


def _sections(found: Mapping[str, Any], comparison: Mapping[str, Any] | None) -> list[str]:
    names = ["glance", "comparison", "coverage", "divergence", "scale", "agreement", "classifier", "evidence", "made"]
    there = {"comparison": comparison is not None, "scale": found["scale"]["scale"] is not None}
    return [name for name in names if there.get(name, True)]


def _limits(contents: Contents, text: Catalogue) -> list[str]:
    """What a reader must not conclude."""
    coders = contents.coder_names
    said = {
        "limits.model": bool(coders) and contents.coders.one_model(coders),
        "limits.one_document": contents.one_document,
        "limits.digests": "digest" in set(contents.passages["source"]),
        "limits.classifier": contents.model is not None,
        "limits.population": True,
    }
    return [text(key) for key, holds in said.items() if holds]


def _spans(spans: list[list[int]]) -> str:
    return ", ".join(f"{start}–{end}" for start, end in spans)


def _json(value: object) -> Markup:
    """JSON that cannot end the element it stands in."""
    said = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)
    for mark in "<>&\u2028\u2029":
        said = said.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(said)  # nosec B704  # noqa: S704 - no mark of HTML is left
