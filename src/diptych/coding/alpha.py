"""Krippendorff's alpha and percent agreement, from how many coders gave each value to each unit.

The work grows with the number of answers, not with that of pairs of coders.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diptych.coding.coefficients import unit_counts

Scale = Literal["nominal", "ordinal", "interval", "ratio"]
Floats = NDArray[np.float64]


def coincidences(answers: Floats, times: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the distinct values and Krippendorff's coincidence matrix.

    Parameters
    ----------
    answers : array of shape (units, coders)
        Numbers; NaN where a coder gave no answer. Units with fewer than two answers do not count.
    times : array of shape (units,), optional
        How often each row of answers occurs; default: once.

    Returns
    -------
    values : array of shape (k,)
        The values that occur, ascending.
    matrix : array of shape (k, k)
        Symmetric; sums to the number of pairable answers.
    """
    answers = np.asarray(answers, dtype=float)
    if times is not None:
        answers, times = answers[times > 0], times[times > 0]
    values = np.unique(answers[~np.isnan(answers)])
    counts = unit_counts(answers, values)
    return coincidences_of(values, counts, times)


def coincidences_of(values: Floats, counts: Floats, times: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the same from counts of shape (units, k): how many coders gave each value to each unit."""
    pairable = counts.sum(axis=1) >= 2
    counts = counts[pairable]
    occurs = counts.any(axis=0)
    counts = counts[:, occurs]
    weights = 1 / np.maximum(counts.sum(axis=1) - 1, 1)
    weighted = counts * (weights if times is None else weights * times[pairable])[:, None]
    matrix = weighted.T @ counts
    matrix -= np.diag(weighted.sum(axis=0))
    return values[occurs], matrix


def squared_differences(values: Floats, totals: Floats, scale: Scale) -> Floats:
    """Return Krippendorff's squared difference between every two values.

    Parameters
    ----------
    values : array of shape (k,)
    totals : array of shape (k,)
        How often each value occurs among pairable answers (the ordinal metric needs it).
    scale : {'nominal', 'ordinal', 'interval', 'ratio'}
    """
    first, second = values[:, None], values[None, :]
    if scale == "nominal":
        return np.asarray(first != second, dtype=float)
    if scale == "interval":
        return (first - second) ** 2
    if scale == "ratio":
        total = first + second
        return np.divide(first - second, total, out=np.zeros_like(total), where=total != 0) ** 2
    reach = np.cumsum(totals)
    between = np.abs(reach[:, None] - reach[None, :])
    between += np.where(second >= first, totals[:, None] - totals[None, :], totals[None, :] - totals[:, None]) / 2
    return np.asarray(between**2)


def alpha(answers: Floats, scale: Scale = "nominal", times: Floats | None = None) -> float | None:
    """Return Krippendorff's alpha.

    Parameters
    ----------
    answers : array of shape (units, coders)
        Numbers; NaN where a coder gave no answer.
    scale : {'nominal', 'ordinal', 'interval', 'ratio'}
    times : array of shape (units,), optional
        How often each row of answers occurs; default: once.

    Returns
    -------
    float or None
        1 perfect, 0 chance, negative below chance; 1 where all answers are one value (nothing was
        disagreed about, the convention of the parent implementation); None without a unit that two
        coders answered.

    References
    ----------
    Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    >>> round(alpha(np.array([a, b]).T), 3)
    0.095
    """
    return alpha_of(*coincidences(answers, times), scale)


def alpha_of(values: Floats, matrix: Floats, scale: Scale = "nominal") -> float | None:
    """Return alpha of a coincidence matrix, as :func:`coincidences` returns it with its values."""
    totals = matrix.sum(axis=0)
    pairable = totals.sum()
    if pairable == 0:
        return None
    differences = squared_differences(values, totals, scale)
    expected = float(totals @ differences @ totals) / (pairable - 1)
    if expected == 0:
        return 1.0
    return float(1.0 - (matrix * differences).sum() / expected)


def percent_agreement(answers: Floats) -> tuple[int, int]:
    """Return (pairs of answers that agree, pairs of answers) over all units.

    Examples
    --------
    >>> import numpy as np
    >>> percent_agreement(np.array([[1, 1], [1, 2], [2, np.nan]]))
    (1, 2)
    """
    values = np.unique(answers[~np.isnan(answers)])
    given = (~np.isnan(answers)).sum(axis=1)
    agreed = sum(pairs_of((answers == value).sum(axis=1)) for value in values)
    return agreed, pairs_of(given)


def pairs_of(number: NDArray[np.int64]) -> int:
    """How many pairs so many answers a unit make, over all units."""
    return int((number * (number - 1) // 2).sum())
