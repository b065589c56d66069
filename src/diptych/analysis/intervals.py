"""Intervals for shares and their differences that hold for rare values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Z95 = 1.959963984540054


def wilson(share: ArrayLike, size: ArrayLike, z: float = Z95) -> tuple[Floats, Floats]:
    """Return Wilson's score interval for a share.

    Parameters
    ----------
    share : array, 0 to 1
    size : array
        Passages, or the effective number of them; infinite where the share is known exactly.
    z : float

    Returns
    -------
    low, high : arrays
        Within 0 and 1; at a share of 0 the low end is 0, at 1 the high end is 1.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.

    Examples
    --------
    >>> low, high = wilson(1 / 29, 29)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0061, 0.1718)
    """
    p, n = np.asarray(share, dtype=float), np.asarray(size, dtype=float)
    weight = z * z / n  # 0 for an infinite size: the interval is the share itself
    middle = (p + weight / 2) / (1 + weight)
    half = z / (1 + weight) * np.sqrt(p * (1 - p) / n + weight / (4 * n))
    low, high = np.where(p <= 0, 0.0, middle - half), np.where(p >= 1, 1.0, middle + half)
    return np.asarray(np.maximum(low, 0.0)), np.asarray(np.minimum(high, 1.0))


def newcombe_difference(first: tuple[int, int], second: tuple[int, int], z: float = Z95) -> tuple[float, float]:
    """Return the interval for a difference of two independent shares, first minus second.

    Parameters
    ----------
    first, second : (hits, of)

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions, method 10.

    Examples
    --------
    >>> [round(end, 4) for end in newcombe_difference((56, 70), (48, 80))]
    [0.0524, 0.3339]
    """
    p, q = first[0] / first[1], second[0] / second[1]
    (p_low, p_high), (q_low, q_high) = wilson(p, first[1], z), wilson(q, second[1], z)
    low = p - q - np.sqrt((p - p_low) ** 2 + (q_high - q) ** 2)
    high = p - q + np.sqrt((p_high - p) ** 2 + (q - q_low) ** 2)
    return float(low), float(high)
