"""An ordered facet (stance): its distribution within every value of the crossed facets, author by author."""

from __future__ import annotations

from typing import Any

from diptych.analysis.stance import WITHIN
from diptych.records import rows_of
from diptych.report.contents import Contents
from diptych.report.marks import Part, legend, pieces
from diptych.schema import Facet


def scale_section(contents: Contents) -> dict[str, Any]:
    """Return the bars of the first facet with an order, counted from gold labels, and the differences of scores."""
    scale = contents.scale
    if scale is None or contents.labels.empty:
        return {"scale": None}
    within = [facet for facet in contents.schema.cells if facet.id != scale.id]
    groups = [
        {
            "facet": facet,
            "rows": [
                {"value": value, "bars": [_bar(contents, scale, facet, value.id, a) for a in contents.authors]}
                for value in facet.values
            ],
        }
        for facet in within
    ]
    scores = [row for row in rows_of(contents.scores) if row["facet"] == scale.id]
    return {
        "scale": scale,
        "groups": groups,
        "legend": legend(scale, ordered=True),
        "scores": [row | {"name": _name(within, row["within"])} for row in scores],
        "note": WITHIN.format(facet=within[0].name.lower()) if within and scores else "",
    }


def _bar(contents: Contents, scale: Facet, facet: Facet, value: str, author: str) -> dict[str, Any]:
    parts = on_scale(contents, scale, facet, value, author)
    of = sum(count or 0 for _, _, count, _, _ in parts)
    return {"author": author, "of": of, "pieces": pieces(parts, float(of))}


def on_scale(contents: Contents, scale: Facet, facet: Facet, value: str, author: str, *, whole: int = 1) -> list[Part]:
    """Return how the passages of an author that have a value lie on the scale, as parts of a bar, in wholes."""
    parts: list[Part] = []
    for answer, tone in legend(scale, ordered=True):
        count = len(contents.members(author, [facet.id, scale.id], [value, answer.id]))
        parts.append((f"{value} x {answer.id}", answer.name, count, count / whole, tone))
    return parts


def _name(facets: list[Facet], value: str) -> str:
    return facets[0].value(value).name if facets and value in facets[0].value_ids else value
