"""Measures of how far distributions lie apart: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def jensen_shannon(first: ArrayLike, second: ArrayLike, weights: tuple[float, float] = (0.5, 0.5)) -> Floats:
    """Return the Jensen-Shannon divergence in bits between distributions.

    Parameters
    ----------
    first, second : arrays of shape (..., cells)
        Counts or shares; negative (corrected) counts are taken as 0, each is scaled to sum to 1. A table
        without any count gives 0.
    weights : (float, float), default equal

    Returns
    -------
    array of shape (...)
        Between 0 (equal) and 1 (nothing in common, equal weights). Its square root is a distance.

    References
    ----------
    Lin, J. (1991). Divergence measures based on the Shannon entropy.

    Examples
    --------
    >>> round(float(jensen_shannon(np.array([30, 10, 5, 5.]), np.array([10, 30, 5, 5.]))), 6)
    0.150978
    >>> round(float(jensen_shannon([0.5, 0.5, 0], [0, 0.5, 0.5], (0.25, 0.75))), 6)
    0.405639
    """
    return generalised_jensen_shannon(np.stack([np.asarray(first, float), np.asarray(second, float)]), weights)


def generalised_jensen_shannon(tables: Floats, weights: Sequence[float] | None = None) -> Floats:
    """Return the Jensen-Shannon divergence in bits between any number of distributions.

    Parameters
    ----------
    tables : array of shape (groups, ..., cells)
    weights : sequence of float, length groups, optional
        Default: equal.

    Returns
    -------
    array of shape (...)
        Between 0 and log2(groups).

    References
    ----------
    Lin, J. (1991), section V.
    """
    shares = normalised(tables)
    part = np.full(len(shares), 1 / len(shares)) if weights is None else np.asarray(weights, dtype=float)
    part = (part / part.sum()).reshape(-1, *[1] * (shares.ndim - 1))
    mean = (part * shares).sum(axis=0)
    within = (part[..., 0] * _entropy(shares)).sum(axis=0)
    missing = (shares.sum(axis=-1) == 0).any(axis=0)
    return np.asarray(np.where(missing, 0.0, np.maximum(_entropy(mean) - within, 0.0)))


def normalised(counts: ArrayLike) -> Floats:
    """Return shares of counts (negative ones taken as 0), along the last axis."""
    table = np.maximum(np.asarray(counts, dtype=float), 0.0)
    total = table.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(table, total, out=np.zeros_like(table), where=total > 0)
    return shares


def _entropy(shares: Floats) -> Floats:
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=-1))


def contributions(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return every cell's part of the divergence in bits, with the sign of first minus second.

    Examples
    --------
    >>> contributions([1.0, 0.0], [0.0, 1.0]).tolist()
    [0.5, -0.5]
    """
    p, q = normalised(first), normalised(second)
    mean = (p + q) / 2
    part = np.zeros_like(mean)
    for shares in (p, q):
        ratio = np.divide(shares, mean, out=np.ones_like(mean), where=mean > 0)
        part += shares * np.log2(ratio, out=np.zeros_like(ratio), where=ratio > 0) / 2
    return np.asarray(part * np.sign(p - q))


def total_variation(first: ArrayLike, second: ArrayLike) -> float:
    """Return half the sum of absolute differences of shares: the part that would have to move, 0 to 1.

    Examples
    --------
    >>> total_variation([3, 1], [1, 3])
    0.5
    """
    return float(np.abs(normalised(first) - normalised(second)).sum() / 2)


def jackknife(first: Floats, second: Floats) -> float:
    """Return the two-sample jackknife of the divergence, in bits; may be negative.

    Parameters
    ----------
    first, second : arrays of shape (blocks, cells)
        Counts of each author, one row a block (section or document).

    References
    ----------
    Quenouille, M. H. (1956). Notes on bias in estimation; blocks are left out of each sample in turn.

    Examples
    --------
    >>> same = np.array([[4., 2.], [3., 3.], [5., 1.]])
    >>> jackknife(same, same) < 0
    True
    """
    a, b = first.sum(axis=0), second.sum(axis=0)
    whole = float(jensen_shannon(a, b))
    bias = 0.0
    if len(first) > 1:
        bias += (len(first) - 1) * (float(jensen_shannon(a - first, np.broadcast_to(b, first.shape)).mean()) - whole)
    if len(second) > 1:
        bias += (len(second) - 1) * (float(jensen_shannon(np.broadcast_to(a, second.shape), b - second).mean()) - whole)
    return whole - bias


def cliffs_delta(first: ArrayLike, second: ArrayLike) -> float | None:
    """Return how much likelier a score of the first is the higher one than the lower one, -1 to 1.

    Parameters
    ----------
    first, second : arrays of shape (scores,)
        How often each score occurs, scores ascending.

    Returns
    -------
    float or None
        None where one of them has no score.

    References
    ----------
    Cliff, N. (1993). Dominance statistics: ordinal analyses to answer ordinal questions.

    Examples
    --------
    >>> cliffs_delta([0, 0, 4], [4, 0, 0])
    1.0
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.sum() <= 0 or b.sum() <= 0:
        return None
    below = np.cumsum(b) - b
    above = b.sum() - np.cumsum(b)
    return float((a * (below - above)).sum() / (a.sum() * b.sum()))
