"""An ordered facet (stance): its distribution within every value of the crossed facets, author by author."""

from __future__ import annotations

from typing import Any

from diptych.analysis.stance import WITHIN
from diptych.records import rows_of
from diptych.report.contents import Contents
from diptych.report.marks import pieces, tones
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
    legend = zip(scale.values, tones([value.score for value in scale.values]), strict=True)
    scores = [row for row in rows_of(contents.scores) if row["facet"] == scale.id]
    return {
        "scale": scale,
        "groups": groups,
        "legend": list(legend),
        "scores": [row | {"name": _name(within, row["within"])} for row in scores],
        "note": WITHIN.format(facet=within[0].name.lower()) if within and scores else "",
    }


def _bar(contents: Contents, scale: Facet, facet: Facet, value: str, author: str) -> dict[str, Any]:
    kinds = tones([v.score for v in scale.values])
    counts = [len(contents.members(author, [facet.id, scale.id], [value, v.id])) for v in scale.values]
    parts = [
        (f"{value} x {v.id}", v.name, n, float(n), tone) for v, n, tone in zip(scale.values, counts, kinds, strict=True)
    ]
    return {"author": author, "of": sum(counts), "pieces": pieces(parts, float(sum(counts)))}


def _name(facets: list[Facet], value: str) -> str:
    return facets[0].value(value).name if facets and value in facets[0].value_ids else value
