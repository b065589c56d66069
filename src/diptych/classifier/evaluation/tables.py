"""Answers to coded passages → the tables behind a figure: confusion, calibration, risk, mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.classifier.training.calibrate import brier, expected_calibration_error
from diptych.classifier.training.figures import confusion, mistakes, reliability_bins, risk_coverage
from diptych.records import rows_of

Orders = Mapping[str, Sequence[str]]
LEVERS = ("ablation", "learning_curve")  # these train many models
TABLES = ("confusion", "calibration", "risk", "errors", *LEVERS)


def confusions(answers: pd.DataFrame, orders: Orders) -> dict[str, Any]:
    """Return facet → rows of gold, predicted, passages.

    Parameters
    ----------
    answers : DataFrame
        passage, facet, gold (or None), predicted, p and one column `chance:<value>` a value of any facet.
    orders : mapping of str to sequence of str
        The values of every facet.
    """
    return {
        facet: rows_of(confusion(rows["gold"].tolist(), rows["predicted"].tolist(), orders[facet]))
        for facet, rows in _known(answers, orders).items()
    }


def calibrations(answers: pd.DataFrame, orders: Orders) -> dict[str, Any]:
    """Return facet → `brier`, `ece` (expected calibration error) and `bins`; parameters as of :func:`confusions`."""
    found = {}
    for facet, rows in _known(answers, orders).items():
        chances = rows.reindex(columns=[f"chance:{value}" for value in orders[facet]]).fillna(0.0).to_numpy(dtype=float)
        gold = pd.Categorical(rows["gold"], categories=list(orders[facet])).codes.astype(np.intp)
        p, right = _sure(rows)
        found[facet] = {
            "brier": brier(chances, gold),
            "ece": expected_calibration_error(p, right),
            "bins": rows_of(reliability_bins(p, right)),
        }
    return found


def binned(answers: pd.DataFrame, orders: Orders) -> dict[str, list[dict[str, Any]]]:
    """Return facet → bins of a reliability diagram, as rows; parameters as of :func:`confusions`, chances aside."""
    return {facet: rows_of(reliability_bins(*_sure(rows))) for facet, rows in _known(answers, orders).items()}


def risks(answers: pd.DataFrame, orders: Orders) -> dict[str, Any]:
    """Return facet → rows of risk against coverage; parameters as of :func:`confusions`."""
    return {facet: rows_of(risk_coverage(*_sure(rows))) for facet, rows in _known(answers, orders).items()}


def surest_errors(answers: pd.DataFrame, orders: Orders, number: int) -> list[dict[str, Any]]:
    """Return the surest mistakes, at most `number` a facet, as rows; parameters as of :func:`confusions`."""
    rows = _known(answers, orders)
    return rows_of(mistakes(pd.concat(rows.values()), number)) if rows else []


def _known(answers: pd.DataFrame, orders: Orders) -> dict[str, pd.DataFrame]:
    """The answers with a gold label, facet by facet."""
    known = answers[answers["gold"].notna()]
    return {facet: rows for facet in orders if len(rows := known[known["facet"] == facet])}


def _sure(rows: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How sure the answers are, 0 to 1, and whether they are right."""
    return rows["p"].to_numpy(dtype=float), (rows["gold"] == rows["predicted"]).to_numpy(dtype=bool)
