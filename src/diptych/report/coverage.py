"""Coverage as a diptych: one panel an author, the crossed facets as a heat map, in every source and weight there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diptych.analysis.statements import coverage_notes, statement
from diptych.records import rows_of
from diptych.report.contents import Basis, Contents
from diptych.report.marks import heat_level, percent, span
from diptych.schema import Facet, Value

WEIGHTS = ("passages", "words")


def coverage_section(contents: Contents) -> dict[str, Any]:
    """Return the heat maps, the tables behind them and the notes of the section on coverage.

    Returns
    -------
    dict
        `views`: one a source and weight, each with the panels of all authors on one scale; `columns`, `rows_facet`,
        `columns_facet`; `sources`: each with its tables a facet, the coders beside and the notes.
    """
    return {
        "rows_facet": contents.schema.cells[0],
        "columns_facet": contents.across,
        "columns": columns_of(contents.across),
        "views": [_view(contents, basis, weight) for basis in contents.bases.values() for weight in WEIGHTS],
        "sources": [_source(contents, basis) for basis in contents.bases.values()],
    }


def columns_of(facet: Facet | None) -> Sequence[Value | None]:
    """The columns of the heat map; a single nameless one where no second facet is crossed."""
    return facet.values if facet else (None,)


def _view(contents: Contents, basis: Basis, weight: str) -> dict[str, Any]:
    """The panels of one source, counted in passages or in words."""
    share, count, of = ("share", "passages", "of") if weight == "passages" else ("word_share", "words", "words_of")
    table = basis.coverage[basis.coverage["facet"] == contents.crossed]
    known = table[share].dropna()
    top = float(known.max()) if len(known) else 0.0
    cells = {(row["author"], row["value"]): row for row in rows_of(table)}
    panels = []
    for author in contents.authors:
        lines = [
            {
                "value": row,
                "cells": [
                    _cell(
                        cells.get((author, row.id if column is None else f"{row.id} x {column.id}")), share, count, top
                    )
                    for column in columns_of(contents.across)
                ],
            }
            for row in contents.schema.cells[0].values
        ]
        whole = table.loc[table["author"] == author, of]
        panels.append({"author": author, "lines": lines, "of": int(whole.max()) if len(whole) else 0})
    return {"source": basis.source, "weight": weight, "estimated": basis.evidence.estimated, "panels": panels}


def _cell(row: dict[str, Any] | None, share: str, count: str, top: float) -> dict[str, Any]:
    if row is None:
        return {"level": 0, "shown": "", "count": 0, "blind": False, "value": "", "span": ""}
    found, low, high = row[share], row["low"], row["high"]
    interval = span(low, high) if low is not None and share == "share" else ""
    return {
        "level": heat_level(found or 0.0, top),
        "shown": percent(found) if found else "",
        "count": row[count],
        "blind": row["blind"],
        "value": row["value"],
        "span": interval,
    }


def _source(contents: Contents, basis: Basis) -> dict[str, Any]:
    """The tables of one source, facet by facet, and what must be said beside them."""
    table = basis.coverage
    beside = [column.removeprefix("share:") for column in table.columns if column.startswith("share:")]
    facets = [
        {
            "facet": facet,
            "rows": [
                {"value": value, "by": {row["author"]: row for row in rows if row["value"] == value.id}}
                for value in facet.values
            ],
        }
        for facet in contents.schema.facets
        for rows in [rows_of(table[table["facet"] == facet.id])]
    ]
    notes = coverage_notes(table, basis.evidence, model=contents.coders.one_model(beside))
    return {
        "source": basis.source,
        "situation": basis.evidence.situation,
        "estimated": basis.evidence.estimated,
        "facets": facets,
        "beside": beside,
        "notes": [f"{statement(basis.evidence, 'author').sentence()}.", *notes],
    }
