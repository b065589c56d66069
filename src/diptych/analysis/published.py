"""Two published estimators of a mean from few answers and many predictions, as their authors state them.

diptych's own tables use :mod:`diptych.analysis.correction`, which scales weights within strata.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from diptych.errors import CodingError


def pseudo_outcome_mean(
    predicted: ArrayLike, answers: ArrayLike, coded: ArrayLike, chance: ArrayLike | float
) -> tuple[float, float]:
    """Return a mean and its standard error by design-based supervised learning: unscaled weights, many passages.

    Parameters
    ----------
    predicted, answers : arrays of shape (n,)
        Answers are read where `coded` only.
    coded : bool array of shape (n,)
    chance : float or array of shape (n,)
        Within (0, 1].

    References
    ----------
    Egami, N., Hinck, M., Stewart, B. M. and Wei, H. (2023). Using imperfect surrogates for downstream inference:
    design-based supervised learning.

    Examples
    --------
    >>> pseudo_outcome_mean([0.5, 0.5], [1, 0], [True, False], 0.5)
    (1.0, 0.35355339059327373)
    """
    f, y, r = np.asarray(predicted, float), np.asarray(answers, float), np.asarray(coded, bool)
    pi = np.broadcast_to(np.asarray(chance, float), f.shape)
    if ((pi[r] <= 0) | (pi[r] > 1)).any():
        raise CodingError("inclusion probabilities lie within (0, 1]")
    outcome = f.copy()
    outcome[r] += (y[r] - f[r]) / pi[r]
    return float(outcome.mean()), float(outcome.std() / np.sqrt(len(outcome)))


def prediction_powered_mean(answers: ArrayLike, predicted: ArrayLike, rest: ArrayLike, trust: float = 1.0) -> float:
    """Return a prediction-powered mean: of the predictions for the rest, plus the mean error on the coded.

    Parameters
    ----------
    answers, predicted : arrays of shape (coded,)
    rest : array of shape (not coded,)
    trust : float
        0 is the mean of the answers alone.

    References
    ----------
    Angelopoulos, A. N., Bates, S., Fannjiang, C., Jordan, M. I. and Zrnic, T. (2023). Prediction-powered inference.

    Examples
    --------
    >>> prediction_powered_mean([4, 6], [2, 6], [4, 6])
    6.0
    """
    y, f, g = (np.asarray(values, dtype=float) for values in (answers, predicted, rest))
    return float(trust * g.mean() + (y - trust * f).mean())
