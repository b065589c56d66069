"""Many comparisons at once: adjusted p-values for screening and for claims."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Return p-values adjusted to the false discovery rate: for screening.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    raw = np.asarray(p, dtype=float)
    order = np.argsort(raw)[::-1]
    ranks = np.arange(len(raw), 0, -1)
    result = np.empty_like(raw)
    result[order] = np.minimum(np.minimum.accumulate(raw[order] * len(raw) / ranks), 1.0)
    return result


def holm(p: ArrayLike) -> Floats:
    """Return p-values adjusted so that any false claim among them is as rare as the level: for claims.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p, dtype=float)
    order = np.argsort(raw)
    result = np.empty_like(raw)
    result[order] = np.minimum(np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1)), 1.0)
    return result


def permutation_p(observed: ArrayLike, shuffled: Floats) -> Floats:
    """Return p = (1 + b) / (1 + B), b of the B shuffled values being at least as large as the observed one.

    Parameters
    ----------
    observed : array of shape (...)
    shuffled : array of shape (draws, ...)

    References
    ----------
    Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero.

    Examples
    --------
    >>> float(permutation_p(3.0, np.array([1.0, 2.0, 3.0])))
    0.5
    """
    reached = (shuffled >= np.asarray(observed) - 1e-12).sum(axis=0)
    return np.asarray((1 + reached) / (1 + len(shuffled)))


def max_t(observed: Floats, shuffled: Floats) -> Floats:
    """Return p-values adjusted by the largest statistic of every shuffle: for claims, with their dependence kept.

    Parameters
    ----------
    observed : array of shape (cells,)
        Differences; each is measured in standard deviations of its own shuffled values.
    shuffled : array of shape (draws, cells)

    References
    ----------
    Westfall, P. H. and Young, S. S. (1993). Resampling-based multiple testing.
    """
    spread = shuffled.std(axis=0)
    known = spread > 0
    scale = np.where(known, spread, 1.0)
    largest = np.where(known, np.abs(shuffled) / scale, 0.0).max(axis=1, initial=0.0)
    mine = np.where(known, np.abs(observed) / scale, 0.0)
    return permutation_p(mine, np.repeat(largest[:, None], len(mine), axis=1))
