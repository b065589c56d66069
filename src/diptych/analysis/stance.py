"""Scored facets (stance): how favourable one author is beside another, within one perspective."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from diptych.analysis.counts import SEPARATOR
from diptych.analysis.evidence import Evidence
from diptych.analysis.measures import cliffs_delta
from diptych.schema import Facet, Schema

WITHIN = (
    "Scores are compared within one {facet} only: the same score says another thing of another "
    "party's view. Values without a score are left out, and their share is given."
)


def score_differences(evidence: Evidence, schema: Schema, *, by: str = "author") -> pd.DataFrame:
    """Return how scores differ between authors, within every value of the first crossed facet.

    Parameters
    ----------
    evidence : Evidence
    schema : Schema
        Facets on an ordinal scale are compared, within the first of the crossed facets (else over all).
    by : str

    Returns
    -------
    DataFrame
        facet, within, first, second, delta (Cliff's, -1 to 1: above 0 the first is the more favourable), mean_first,
        mean_second (mean scores), scored_first, scored_second (passages), unscored_first, unscored_second
        (shares, 0 to 1); missing where nobody is scored.
    """
    rows: list[dict[str, Any]] = []
    evidence = evidence.compact(schema.facets, by)
    for facet in schema.facets:
        if facet.scale != "ordinal":
            continue
        frame = next((other for other in schema.cells if other.id != facet.id), None)
        for within, tables in _tables(evidence, facet, frame, by):
            for first, second in combinations(tables, 2):
                pair = {"facet": facet.id, "within": within, "first": first, "second": second}
                rows.append(pair | _compare(facet, tables[first], tables[second]))
    return pd.DataFrame(rows)


def _tables(
    evidence: Evidence, facet: Facet, frame: Facet | None, by: str
) -> list[tuple[str, dict[str, np.ndarray[Any, Any]]]]:
    """For every value of the frame: counts of the facet's values, author by author."""
    if frame is None:
        counts = evidence.count([facet], by=by)
        return [("(all)", {name: counts.of(name).sum(axis=0) for name in counts.names})]
    counts = evidence.count([frame, facet], by=by)
    found = []
    for value in frame.value_ids:
        keep = [i for i, cell in enumerate(counts.cells) if cell.split(SEPARATOR)[0] == value]
        found.append((value, {name: counts.of(name).sum(axis=0)[keep] for name in counts.names}))
    return found


def _compare(facet: Facet, first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> dict[str, Any]:
    first, second = np.maximum(first, 0), np.maximum(second, 0)  # corrected counts may lie below 0
    order = sorted(facet.scores, key=facet.scores.__getitem__)
    places = [facet.value_ids.index(value) for value in order]
    scores = np.array([facet.scores[value] for value in order])
    row: dict[str, Any] = {"delta": cliffs_delta(first[places], second[places])}
    for name, counts in (("first", first), ("second", second)):
        scored, whole = float(counts[places].sum()), float(counts.sum())
        row[f"mean_{name}"] = float((counts[places] * scores).sum() / scored) if scored > 0 else None
        row[f"scored_{name}"] = round(scored)
        row[f"unscored_{name}"] = 1 - scored / whole if whole > 0 else None
    return row
