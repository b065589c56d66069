"""What cross-fitted scores are good for: calibration, how well it holds, and an answer to every passage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.classifier.scoring.limits import Limits, calibrated, chosen
from diptych.classifier.training.calibrate import Calibration, brier, calibrate, expected_calibration_error
from diptych.classifier.training.linear import NEVER
from diptych.errors import NotTrainedError

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


def scores_of(predictions: pd.DataFrame, facet: str, values: Sequence[str]) -> tuple[pd.DataFrame, Floats, Places]:
    """Rows of a facet, their scores in the model's order of values, and the place of the gold value (-1: none)."""
    rows = predictions[predictions["facet"] == facet]
    scores = rows.reindex(columns=[f"score:{value}" for value in values]).fillna(NEVER).to_numpy(dtype=float)
    return rows, scores, pd.Categorical(rows["value"], categories=list(values)).codes.astype(np.intp)


def calibration_of(predictions: pd.DataFrame, facet: str, values: Sequence[str]) -> Calibration:
    """What a facet's cross-fitted scores need to become probabilities and answers."""
    _, scores, gold = scores_of(predictions, facet, values)
    if not (gold >= 0).any():
        raise NotTrainedError(f"{facet}: no passage has a gold label")
    return calibrate(scores[gold >= 0], gold[gold >= 0])


def quality_of(predictions: pd.DataFrame, facet: str, values: Sequence[str], limits: Limits) -> dict[str, float]:
    """How well probabilities hold on cross-fitted real passages (calibrated on the same: a little flattered)."""
    _, scores, gold = scores_of(predictions, facet, values)
    chances, known = calibrated(scores, limits, facet), gold >= 0
    right = chances.argmax(axis=1) == gold
    return {
        "brier": brier(chances[known], gold[known]),
        "ece": expected_calibration_error(chances.max(axis=1)[known], right[known]),
    }


def crossfit_of(
    predictions: pd.DataFrame, facets: Mapping[str, Sequence[str]], limits: Limits, passages: NDArray[np.object_]
) -> pd.DataFrame:
    """Calibrated probabilities, averaged over the models that judged a passage, and the answer."""
    found = []
    for facet, values in facets.items():
        rows, scores, _ = scores_of(predictions, facet, values)
        means = pd.DataFrame(calibrated(scores, limits, facet)).groupby(rows["place"].to_numpy()).mean()
        answers = chosen(means.to_numpy(), limits, facet)
        for place, line, answer in zip(means.index, means.to_numpy().round(6), answers, strict=True):
            chances = dict(zip(values, line.tolist(), strict=True))
            found.append((passages[place], facet, values[answer], chances[values[answer]], chances))
    return pd.DataFrame(found, columns=["passage", "facet", "value", "p", "probabilities"])
