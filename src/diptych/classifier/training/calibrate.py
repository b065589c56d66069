"""Scores of cross-fitted real passages → probabilities, answers and the price of abstaining."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEANS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Calibration:
    """What one facet's scores need: see :class:`diptych.classifier.scoring.limits.Limits`."""

    temperature: float
    prior: list[float]
    lean: list[float]
    curve: list[tuple[float, int, int]]


def calibrate(scores: Floats, gold: NDArray[np.intp]) -> Calibration:
    """Fit a temperature and a prior per value, and choose how far answers lean towards rare values.

    Parameters
    ----------
    scores : array of shape (n, values)
        By models that had not seen the passage; of real passages only.
    gold : array of shape (n,)
        The place of the right value.

    Returns
    -------
    Calibration
        The lean is a part (0 to 1) of the negative logarithm of each value's frequency: 0 answers with the
        likeliest value, 1 as if all values were equally common; chosen for macro-F1 on these passages.

    References
    ----------
    Guo, C. et al. (2017). On calibration of modern neural networks (temperature; here with a prior per value).
    """
    from scipy.optimize import minimize

    n, values = scores.shape
    if values < 2 or len(set(gold)) < 2:
        return Calibration(1.0, [0.0] * values, [0.0] * values, [])
    frequency = (np.bincount(gold, minlength=values) + 1) / (n + values)

    def loss(point: Floats) -> float:
        temperature, prior = np.exp(point[0]), point[1:]
        logs = _log_softmax(scores / temperature + prior)
        return float(-logs[np.arange(n), gold].mean() + 1e-3 * (prior**2).sum() / n**0.5)

    found = minimize(loss, np.r_[0.0, np.log(frequency * values)], method="L-BFGS-B").x
    temperature = float(np.clip(np.exp(found[0]), 0.01, 100.0))
    prior = found[1:] - found[1:].mean()
    logs = _log_softmax(scores / temperature + prior)
    best = max(LEANS, key=lambda part: (_macro(logs - part * np.log(frequency), gold), -part))
    lean = -best * np.log(frequency)
    answers = (logs + lean).argmax(axis=1)
    chance = np.exp(logs[np.arange(n), answers])
    return Calibration(
        round(temperature, 6),
        [round(float(x), 6) for x in prior],
        [round(float(x), 6) for x in lean],
        risk_curve(chance, answers == gold),
    )


def risk_curve(chance: Floats, right: NDArray[np.bool_], points: int = 40) -> list[tuple[float, int, int]]:
    """Return (least probability, answers of at least that, wrong ones among them), from all answers to the surest.

    Examples
    --------
    >>> risk_curve(np.array([0.9, 0.4]), np.array([True, False]))
    [(0.4, 2, 1), (0.9, 1, 0)]
    """
    places = np.unique(np.linspace(0, len(chance) - 1, min(points, len(chance))).astype(int))
    levels = np.unique(np.sort(chance)[places].round(6))
    kept = [chance.round(6) >= level for level in levels]
    return [
        (float(level), int(mine.sum()), int((mine & ~right).sum())) for level, mine in zip(levels, kept, strict=True)
    ]


def expected_calibration_error(chance: Floats, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the mean distance of stated probability and share of right answers, over bins of equal size.

    References
    ----------
    Naeini, M. P., Cooper, G. and Hauskrecht, M. (2015). Obtaining well calibrated probabilities using Bayesian
    binning.
    """
    parts = equal_bins(chance, bins)
    return float(sum(len(p) * abs(chance[p].mean() - right[p].mean()) for p in parts) / max(len(chance), 1))


def equal_bins(chance: Floats, bins: int = 10) -> list[NDArray[np.intp]]:
    """Return the places of answers in bins of equal size, from the least probable on; no bin is empty.

    >>> [part.tolist() for part in equal_bins(np.array([0.9, 0.4, 0.6]), 2)]
    [[1, 2], [0]]
    """
    order = np.argsort(chance, kind="stable")
    return [part for part in np.array_split(order, bins) if len(part)]


def brier(probabilities: Floats, gold: NDArray[np.intp]) -> float:
    """Return the mean squared distance of probabilities and truth over all values, 0 (perfect) to 2.

    References
    ----------
    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability.
    """
    truth = np.eye(probabilities.shape[1])[gold]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def _log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _macro(scores: Floats, gold: NDArray[np.intp]) -> float:
    """Macro-F1 over the values that occur, as by scikit-learn, without its checks: asked for hundreds of times."""
    values, answers = scores.shape[1], scores.argmax(axis=1)
    true, said = np.bincount(gold, minlength=values), np.bincount(answers, minlength=values)
    hits = np.bincount(gold[answers == gold], minlength=values)
    return float(np.mean((2 * hits / np.maximum(true + said, 1))[true > 0]))
