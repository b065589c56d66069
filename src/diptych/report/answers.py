"""The classifier's answers beside the gold labels: the tables about it, from frames alone."""

from __future__ import annotations

from typing import Any

import pandas as pd

from diptych.classifier.evaluation.tables import binned, confusions, risks, surest_errors
from diptych.classifier.scoring.persist import Model
from diptych.classifier.training.figures import figure_rows
from diptych.records import rows_by
from diptych.schema import Schema

MISTAKES = 5  # of a facet


def judged(predicted: pd.DataFrame, gold: pd.DataFrame) -> pd.DataFrame:
    """Return the cross-fitted answers to passages that have a gold label: passage, facet, gold, predicted, p."""
    both = predicted.merge(gold[["passage", "facet", "value"]], on=["passage", "facet"])
    both = both.rename(columns={"value_x": "predicted", "value_y": "gold"})
    both["p"] = both["p"].astype(float)
    return both[["passage", "facet", "gold", "predicted", "p"]]


def quality_tables(
    model: Model, predicted: pd.DataFrame, gold: pd.DataFrame, schema: Schema
) -> dict[str, list[dict[str, Any]]]:
    """Return the tables about the classifier: evaluation, confusion, calibration, risk, mistakes.

    Parameters
    ----------
    model : Model
        Its card holds the figures of the evaluation.
    predicted : DataFrame
        Cross-fitted: passage, facet, value, p.
    gold : DataFrame
        passage, facet, value.
    schema : Schema
        Gives the order of facets and values.
    """
    answers, orders = judged(predicted, gold), {facet.id: facet.value_ids for facet in schema.facets}
    return {
        "evaluation": figure_rows(model.card["figures"]),
        "confusion": rows_by("facet", confusions(answers, orders)),
        "calibration": rows_by("facet", binned(answers, orders)),
        "risk": rows_by("facet", risks(answers, orders)),
        "mistakes": surest_errors(answers, orders, MISTAKES),
    }
