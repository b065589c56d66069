"""Shares from a probability sample of coded passages, with or without a classifier over the rest.

Everything here is arrays. A passage counts as `predicted + weight x (coded - predicted)`: what the classifier
says of it, and, where it was drawn and coded, by how much the classifier was wrong, times the number of
passages it stands for. Without a classifier `predicted` is nothing, and what is left is the design-based
estimate. Sums of such counts replace counted passages in coverage and in divergence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diptych.analysis.design import Correction, places_of
from diptych.analysis.intervals import wilson

Floats = NDArray[np.float64]
PRIOR_HITS = 1.0  # until the coded passages say otherwise, a classifier is believed to be without value


def tuning(predicted: Floats, answers: Floats, correction: Correction, groups: NDArray[np.object_]) -> float:
    """Return how much weight the classifier earns: 0 (useless) to 1 (taken at its word).

    Parameters
    ----------
    predicted, answers : arrays of shape (n, cells)
        Probabilities, and one-hot answers (any value where a passage is not coded).
    correction : Correction
    groups : array of shape (n,)

    Notes
    -----
    The weighted regression of answers on predictions within groups, over all cells at once, so that corrected
    shares still sum to 1 (Angelopoulos, Duchi and Zrnic 2023, PPI++, with the weight held within 0 and 1).
    """
    used = correction.noise > 0
    if not used.any():
        return 1.0
    d, group = correction.noise[used], np.unique(groups[used].astype(str), return_inverse=True)[1]
    within = group * (correction.strata.max() + 1) + correction.strata[used]
    f, y = (_centred(table[used], d, within) for table in (predicted, answers))
    against = float((d[:, None] * f * f).sum())
    return float(np.clip((d[:, None] * f * y).sum() / against, 0, 1)) if against > 1e-12 else 0.0


def _centred(table: Floats, mass: Floats, codes: NDArray[np.intp]) -> Floats:
    """Rows less the weighted mean of the rows with the same code."""
    places = np.unique(codes, return_inverse=True)[1]
    sums = np.stack([np.bincount(places, mass * column) for column in table.T], axis=1)
    return np.asarray(table - (sums / np.bincount(places, mass)[:, None])[places])


@dataclass(frozen=True)
class Shares:
    """Estimated shares of one group: arrays of shape (cells,), and how many passages they rest on."""

    share: Floats
    error: Floats
    low: Floats
    high: Floats
    coded: int
    hits: NDArray[np.int64]


def corrected_counts(predicted: Floats, answers: Floats, correction: Correction, trust: float) -> Floats:
    """Return what every passage counts in every cell: predicted, plus the weighted error where it was coded.

    Returns
    -------
    array of shape (n, cells)
        May be negative or above 1 for single passages; sums over a group are what is wanted.
    """
    coded = correction.stands_for > 0
    counts = trust * predicted
    counts[coded] += correction.stands_for[coded, None] * (answers[coded] - trust * predicted[coded])
    return np.asarray(counts)


def estimate(
    predicted: Floats,
    answers: Floats,
    correction: Correction,
    groups: NDArray[np.object_],
    weights: Floats,
    *,
    trust: float | None = None,
    within: Within | None = None,
) -> dict[str, Shares]:
    """Return corrected shares of every group, with intervals for the passages at hand.

    Parameters
    ----------
    predicted : array of shape (n, cells)
        Probabilities from a classifier that was not trained on the passage; zeros for none.
    answers : array of shape (n, cells)
        One-hot answers of coded passages.
    correction : Correction
    groups : array of shape (n,)
    weights : array of shape (n,)
    trust : float, optional
        Default: :func:`tuning`.
    within : Within, optional
        Shares of these passages only; `predicted` and `answers` are then of passages that are both. Their
        number is estimated too, and the shares are ratios (linearised).

    Returns
    -------
    dict of str to Shares
        Shares may lie outside 0 and 1 (they sum to 1); NaN for a group that cannot be estimated.

    Notes
    -----
    The interval is Wilson's with an effective size: the design's (finite population: what is coded is known)
    divided by the ratio of the errors' variance to that of a share. That ratio starts from one hit's worth of
    belief that the classifier is useless, so that a rare value whose errors happen not to be among the coded
    passages does not get an interval of no width.

    Examples
    --------
    >>> from diptych.analysis.design import Batch, stand_for
    >>> answers = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=float)
    >>> drawn = np.array([True, True, False, False])
    >>> everyone = np.array(["a"] * 4, dtype=object)
    >>> batch = Batch(np.ones(4, dtype=bool), drawn, np.full(4, 0.5))
    >>> stand = stand_for([batch], everyone, drawn, np.ones(4))
    >>> found = estimate(np.zeros((4, 2)), answers, stand, everyone, np.ones(4))["a"]
    >>> found.share.tolist(), found.coded
    ([0.5, 0.5], 2)
    """
    trust = tuning(predicted, answers, correction, groups) if trust is None else trust
    whole = np.ones(len(groups)) if within is None else within.answers
    guess = np.ones(len(groups)) if within is None else within.predicted
    inside = _Whole(trust * guess, whole, corrected_counts(guess[:, None], whole[:, None], correction, trust)[:, 0])
    counts = corrected_counts(predicted, answers, correction, trust)
    if within is None:  # how many passages there are is known, not estimated
        inside = _Whole(whole, whole, whole)
    trusted = predicted * trust
    return {
        group: _group(counts, trusted, answers, inside, correction, mine, weights, group)
        for group, mine in places_of(groups).items()
    }


@dataclass(frozen=True)
class Within:
    """Of which passages the shares are: arrays of shape (n,), the chance predicted and the answer, 0 or 1."""

    predicted: Floats
    answers: Floats


@dataclass(frozen=True)
class _Whole:
    predicted: Floats
    answers: Floats
    counts: Floats


def _group(
    counts: Floats,
    predicted: Floats,
    answers: Floats,
    whole: _Whole,
    correction: Correction,
    mine: NDArray[np.intp],
    weights: Floats,
    group: str,
) -> Shares:
    cells = counts.shape[1]
    coded = mine[correction.stands_for[mine] > 0]
    mass = float((whole.counts[mine] * weights[mine]).sum())
    hits = answers[coded].sum(axis=0).astype(np.int64)
    number = int(whole.answers[coded].sum())
    if mass <= 0 or number == 0 or (len(coded) < len(mine) and correction.coded[group] == 0):
        nothing = np.full(cells, np.nan)
        return Shares(nothing, nothing, nothing, nothing, number, hits)
    share = (counts[mine] * weights[mine, None]).sum(axis=0) / mass
    noisy = mine[correction.noise[mine] > 0]
    d = correction.noise[noisy] * weights[noisy] ** 2
    base = float((d * whole.answers[noisy]).sum()) / mass**2
    if base <= 0:
        return Shares(share, np.zeros(cells), share, share, number, hits)
    errors = (answers[noisy] - predicted[noisy]) - share * (whole.answers - whole.predicted)[noisy, None]
    errors = _centred(errors, d, correction.strata[noisy])
    variance = (d[:, None] * errors**2).sum(axis=0) / mass**2
    n = whole.answers[noisy].sum()
    inside = np.clip(share, 0, 1)
    ratio = (n * variance / base + PRIOR_HITS) / (n * inside * (1 - inside) + PRIOR_HITS)
    low, high = wilson(inside, 1 / (base * ratio))
    low, high = np.where(hits == 0, 0.0, low), np.where(hits == number, 1.0, high)  # what nobody saw may be nowhere
    return Shares(share, np.sqrt(variance), low, high, number, hits)
