"""Two runs of a study in one small form, whether read from a folder or from an HTML report: what is compared."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diptych import __version__
from diptych.errors import DiptychError, NoStudyError, UsageError
from diptych.exchange.tables import Reject, read_table, undefuse
from diptych.report.catalogue import Catalogue
from diptych.report.contents import Contents, read_contents
from diptych.report.embedded import Scripts, damaged, older, read_text
from diptych.report.page import PAYLOAD, report_id
from diptych.report.tables import as_csv, tables
from diptych.schema import Schema
from diptych.study import SETTINGS, Study

Row = dict[str, Any]


@dataclass(frozen=True)
class Named:
    """What a facet is called, now and formerly, and its values: id to (name, former ids)."""

    name: str
    was: tuple[str, ...]
    values: Mapping[str, tuple[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Run:
    """A report reduced to what is compared.

    Attributes
    ----------
    id, version : str
        Of the report, and of diptych.
    hashes : mapping of str to str
        Of what went in.
    facets : mapping of str to Named
    tables : mapping of str to list of dict
        coverage, divergence, reliability, evaluation, passages; empty where a run has none.
    """

    id: str
    version: str
    hashes: Mapping[str, str]
    facets: Mapping[str, Named]
    tables: Mapping[str, list[Row]]


def read_other(path: Path, text: Catalogue) -> Run:
    """Read another run of a study: its folder, or the HTML report of it.

    Raises
    ------
    UsageError
        If it is neither.
    """
    try:
        if path.is_dir():
            return run_of(read_contents(Study.load(path)), text)
        return parse_report(read_text(path), path.name)
    except UsageError:
        raise
    except NoStudyError as error:
        raise UsageError(
            f"{path}: no study: {SETTINGS} is missing", hint="name a study's folder, or an HTML report by diptych"
        ) from error
    except DiptychError as error:
        raise UsageError(f"{path}: {error}", hint=error.hint or "correct that study, or name another") from error


def run_of(contents: Contents, text: Catalogue) -> Run:
    """Return the small form of a study that was read; its tables go through the same CSV as those of a report."""
    rows = tables(contents)
    hashes = dict(contents.hashes)
    facets = _facets_of(contents.schema)
    csv = {name: as_csv(rows[name]) for name in COLUMNS if name in rows}
    return Run(report_id(hashes, text), __version__, hashes, facets, _typed(csv, facets, "this study"))


def parse_report(html: str, name: str) -> Run:
    """Return the small form of an HTML report.

    Parameters
    ----------
    html : str
        The page.
    name : str
        Stands in errors.

    Raises
    ------
    UsageError
        If it is no report by diptych, one of another format, or damaged.
    """
    reader = Scripts()
    reader.feed(html)
    reader.close()
    if not {"data", "tables"} <= reader.found.keys():
        if any("diptych" in made for made in reader.generators):
            raise older(name)
        raise UsageError(f"{name}: no report by diptych", hint="name an HTML report, or the folder of a study")
    try:
        data, csv = (json.loads("".join(reader.found[key])) for key in ("data", "tables"))
    except (ValueError, RecursionError) as error:
        raise damaged(name, str(error)) from error
    if not isinstance(data, dict) or not isinstance(data.get("report"), dict):
        raise older(name)
    about = data["report"]
    if about.get("format") != PAYLOAD:
        raise older(name)
    try:
        hashes = {str(key): str(value)[:64] for key, value in about["hashes"].items()}
        facets = {
            str(facet["id"]): Named(str(facet["name"]), (), {str(v): (str(label), ()) for v, label in facet["values"]})
            for facet in data["facets"]
        }
        given = {table: text for table, text in csv.items() if isinstance(text, str)}
        return Run(str(about["id"])[:64], str(about["version"])[:64], hashes, facets, _typed(given, facets, name))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, UsageError):
            raise
        raise damaged(name, f"{type(error).__name__}: {error}") from error


def with_names_of(before: Run, after: Run) -> tuple[Run, list[tuple[str, str]]]:
    """Return a run with its facets and values called as in another, and what was renamed: (old, new).

    A facet or value that `was` another, on either side, counts as that one; values that were merged are added up.
    """
    facets = {old: _heir(old, before.facets, after.facets) for old in before.facets}
    renamed = [
        (named.name, after.facets[facets[old]].name) for old, named in before.facets.items() if facets[old] != old
    ]
    values: dict[str, dict[str, str]] = {}
    called: dict[str, Named] = {}
    for old, named in before.facets.items():
        heir = after.facets.get(facets[old])
        values[old] = {v: _value_heir(v, named, heir) for v in named.values}
        called[facets[old]] = replace(named, values={values[old][v]: known for v, known in named.values.items()})
        renamed += [
            (f"{named.name}: {named.values[v][0]}", f"{heir.name}: {heir.values[new][0]}")
            for v, new in values[old].items()
            if heir is not None and new != v
        ]

    def facet_of(name: str) -> str:
        return " x ".join(facets.get(part, part) for part in name.split(" x "))

    def value_of(facet: str, value: str) -> str:
        parts = zip(facet.split(" x "), value.split(" x "), strict=False)
        return " x ".join(values.get(f, {}).get(v, v) for f, v in parts)

    found: dict[str, list[Row]] = {}
    for table, rows in before.tables.items():
        if table == "passages":
            found[table] = [
                row
                | {
                    "labels": {
                        facets.get(f, f): values.get(f, {}).get(v, v) if v else v for f, v in row["labels"].items()
                    }
                }
                for row in rows
            ]
        else:
            found[table] = [
                row
                | {"facet": facet_of(row["facet"])}
                | ({"value": value_of(row["facet"], row["value"])} if "value" in row else {})
                for row in rows
            ]
    return replace(before, facets=called, tables=found), renamed


def _heir(old: str, before: Mapping[str, Named], after: Mapping[str, Named]) -> str:
    if old in after:
        return old
    was = [new for new, named in after.items() if old in named.was or new in before[old].was]
    return next((new for new in was if new not in before), old)


def _value_heir(old: str, before: Named, after: Named | None) -> str:
    if after is None or old in after.values:
        return old
    was = (new for new, (_, former) in after.values.items() if old in former or new in before.values[old][1])
    return next(was, old)


def _facets_of(schema: Schema) -> dict[str, Named]:
    return {f.id: Named(f.name, f.was, {v.id: (v.name, v.was) for v in f.values}) for f in schema.facets}


# tables as typed rows


def _number(text: str) -> float | None:
    if text == "":
        return None
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text!r} is no number")
    return found


def _count(text: str) -> int | None:
    found = _number(text)
    return None if found is None else int(found)


COLUMNS: dict[str, dict[str, Callable[[str], Any]]] = {
    "coverage": {
        "situation": undefuse,
        "author": undefuse,
        "facet": undefuse,
        "value": undefuse,
        "passages": _count,
        "of": _count,
        "share": _number,
    },
    "divergence": {
        "first": undefuse,
        "second": undefuse,
        "facet": undefuse,
        "bits": _number,
        "noise_high": _number,
    },
    "reliability": {"facet": undefuse, "units": _count, "alpha": _number},
    "evaluation": {"tested_on": undefuse, "facet": undefuse, "passages": _count, "macro_f1": _number},
    "passages": {"passage": undefuse, "author": undefuse, "spans": undefuse},
}


def _typed(csv: Mapping[str, str], facets: Mapping[str, Named], name: str) -> dict[str, list[Row]]:
    """Tables of CSV text as rows whose numbers are numbers; of the passages, gold labels by facet."""
    found: dict[str, list[Row]] = {}
    for table, columns in COLUMNS.items():
        rows: list[Row] = []
        if table in csv:
            stream = io.BytesIO(csv[table].encode())
            for line, row in read_table(stream, f"{name}: table {table}", "csv", tuple(columns)):
                if isinstance(row, Reject):
                    raise damaged(name, f"table {table}, line {line}: {row.reason}")
                typed = {column: read(row[column]) for column, read in columns.items()}
                if table == "passages":
                    typed["labels"] = {facet: undefuse(row[facet]) or None for facet in facets if facet in row}
                rows.append(typed)
        found[table] = rows
    return found
