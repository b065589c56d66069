"""How good the classifier is on passages that it had not seen: figures, calibration, what it gets wrong."""

from __future__ import annotations

from typing import Any

import pandas as pd

from diptych.classifier.figures import confusion, figure_rows, mistakes, reliability_bins, risk_coverage
from diptych.records import rows_of
from diptych.report.contents import Contents

MISTAKES = 5  # of a facet


def judged(contents: Contents) -> pd.DataFrame:
    """Return the cross-fitted answers to passages that have a gold label: passage, facet, gold, predicted, p."""
    both = contents.predicted.merge(contents.gold[["passage", "facet", "value"]], on=["passage", "facet"])
    both = both.rename(columns={"value_x": "predicted", "value_y": "gold"})
    both["p"] = both["p"].astype(float)
    return both[["passage", "facet", "gold", "predicted", "p"]]


def quality_tables(contents: Contents) -> dict[str, list[dict[str, Any]]]:
    """Return the tables about the classifier: evaluation, confusion, calibration, risk, mistakes."""
    found: dict[str, list[dict[str, Any]]] = {}
    if contents.model is None:
        return found
    found["evaluation"] = figure_rows(contents.model.card["figures"])
    answers = judged(contents)
    parts: dict[str, list[pd.DataFrame]] = {"confusion": [], "calibration": [], "risk": []}
    for facet in contents.schema.facets:
        mine = answers[answers["facet"] == facet.id]
        if mine.empty:
            continue
        right = (mine["gold"] == mine["predicted"]).to_numpy()
        chance = mine["p"].to_numpy()
        made = {
            "confusion": confusion(mine["gold"].tolist(), mine["predicted"].tolist(), facet.value_ids),
            "calibration": reliability_bins(chance, right),
            "risk": risk_coverage(chance, right),
        }
        for name, table in made.items():
            parts[name].append(table.assign(facet=facet.id)[["facet", *table.columns]])
    found |= {name: rows_of(pd.concat(made, ignore_index=True)) for name, made in parts.items() if made}
    found["mistakes"] = rows_of(mistakes(answers, MISTAKES))
    return found
