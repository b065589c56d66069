"""Divergence: every facet beside its size of noise, and the cells that make it, signed."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from diptych.analysis.divergence import EVERYONE, divergence_notes, largest
from diptych.analysis.keyness import FEWEST_USES
from diptych.records import rows_of
from diptych.report.contents import Contents
from diptych.report.sentences import cell_label

SHOWN = 12  # cells


def divergence_section(contents: Contents) -> dict[str, Any] | None:
    """Return the strips, the signed cells, the words and the notes of the section; None with fewer than two authors."""
    basis = contents.first
    if basis is None or basis.divergence is None:
        return None
    facets, cells = basis.divergence
    pairs = facets[facets["first"] != EVERYONE]
    conditional = pairs["facet"].str.contains(" | ", regex=False)
    figures = pairs[["bits", "noise_high"]].astype(float)
    top = max(float(figures.max().max()), 1e-9)
    rows = rows_of(largest(cells, number=SHOWN))
    reach = max((abs(row["difference"]) for row in rows), default=0.0) or 1.0
    for row in rows:
        row["label"] = cell_label(contents.schema, row["facet"], row["value"])
        row["width"] = round(50 * abs(row["difference"]) / reach, 2)
    return {
        "strips": [_strip(contents, row, top) for row in rows_of(pairs[~conditional])],
        "conditional": [_strip(contents, row, top) for row in rows_of(pairs[conditional])],
        "everyone": rows_of(facets[facets["first"] == EVERYONE]),
        "cells": rows,
        "estimated": basis.evidence.estimated,
        "tested": bool(pairs["p"].notna().any()),
        "notes": divergence_notes(pairs),
        "words": _words(contents),
        "fewest": FEWEST_USES,
    }


def _strip(contents: Contents, row: dict[str, Any], top: float) -> dict[str, Any]:
    """Places on the axis, in percent, beside the figures."""
    scale = 100 / top * 0.96
    places = {f"{name}_at": round(max(row[name] or 0.0, 0.0) * scale, 2) for name in ("bits", "noise", "noise_high")}
    return row | places | {"name": facet_label(contents, row["facet"])}


def facet_label(contents: Contents, name: str) -> str:
    """Return “Domain”, “Perspective × Domain”, or “Perspective where Domain is Energy”, by the labels of the schema."""
    schema = contents.schema
    if " | " in name:
        asked, _, given = name.partition(" | ")
        facet, _, value = given.partition(" = ")
        return f"{schema.facet(asked).name} | {schema.facet(facet).name}: {schema.facet(facet).value(value).name}"
    return " × ".join(schema.facet(part).name for part in name.split(" x "))


def _words(contents: Contents) -> list[dict[str, Any]]:
    """Distinctive words, a group a cell and pair: those of the first author, those of the second, and the yardstick."""
    found = []
    for (cell, first, second), rows in groupby(contents.words, lambda row: (row["cell"], row["first"], row["second"])):
        listed = list(rows)
        found.append(
            {
                "cell": cell,
                "first": first,
                "second": second,
                "sides": {
                    side: sorted((row for row in listed if row["side"] == side), key=lambda row: -abs(row["z"]))
                    for side in ("first", "second")
                },
                "chance": listed[0]["chance"],
            }
        )
    return found
