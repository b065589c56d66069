"""Which labels an analysis counts: gold, one coder's, or a classifier's predictions."""

from __future__ import annotations

import pandas as pd

from diptych.classifier.predictions import load_crossfit
from diptych.coding.codings import load_codings
from diptych.coding.gold import gold_table, load_gold
from diptych.errors import UsageError, nearest
from diptych.study import Study

SOURCES = ("gold", "uncorrected")


def load_labels(study: Study, source: str = "gold") -> pd.DataFrame:
    """Return labels by passage, one column a facet.

    Parameters
    ----------
    study : Study
    source : str
        `gold`, `uncorrected` (cross-fitted predictions), or the name of a coder.

    Raises
    ------
    UsageError
        For any other name, with the nearest one.
    """
    facets = study.schema.facet_ids
    if source == "gold":
        return gold_table(load_gold(study), facets)
    if source == "uncorrected":
        return gold_table(load_crossfit(study), facets)
    coders = coder_labels(study)
    if source not in coders:
        names = [*SOURCES, *coders]
        raise UsageError(f"no labels called {source!r}{nearest(source, names)}", hint=f"one of: {', '.join(names)}")
    return coders[source]


def coder_labels(study: Study) -> dict[str, pd.DataFrame]:
    """Return the labels of every coder (adjudicators and readers of digests aside)."""
    codings = load_codings(study)
    plain = codings[codings["role"] == "coder"]
    return {str(name): gold_table(rows, study.schema.facet_ids) for name, rows in plain.groupby("coder", sort=True)}
