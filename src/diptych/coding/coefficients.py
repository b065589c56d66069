"""Agreement coefficients beside Krippendorff's alpha, for any number of coders and missing answers.

All follow one pattern, (observed - expected) / (1 - expected), and differ in what chance would give.
Weights say how much a near miss counts; with identity weights only equal answers agree.

Sources: Cohen (1960, 1968), Fleiss (1971), Conger (1980), Brennan and Prediger (1981), Scott (1955);
generalised to missing answers and weights as in Gwet (2014), Handbook of inter-rater reliability.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
UNITS = 10_000  # up to here units are drawn one by one; above, how many have each pattern: the same chances
WeightName = Literal["identity", "linear", "quadratic", "ordinal"]


def weights(values: Floats, name: WeightName = "identity") -> Floats:
    """Return agreement weights between values: 1 on the diagonal, 0 for the farthest pair.

    Parameters
    ----------
    values : array of shape (k,)
        Scores of the values, ascending; for `ordinal` only their order counts.
    name : {'identity', 'linear', 'quadratic', 'ordinal'}

    Examples
    --------
    >>> weights(np.array([1.0, 2.0, 3.0]), "linear").tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    """
    size = len(values)
    if name == "identity" or size < 2:
        return np.eye(size)
    if name == "ordinal":
        steps = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :]) + 1.0
        pairs = steps * (steps - 1) / 2
        return np.asarray(1 - pairs / pairs.max())
    distance = np.abs(values[:, None] - values[None, :]) / (values[-1] - values[0])
    return np.asarray(1 - (distance if name == "linear" else distance**2))


def unit_counts(answers: Floats, values: Floats) -> Floats:
    """Return how many coders gave each value to each unit: shape (units, values)."""
    counts = np.zeros((len(answers), len(values)))
    for place, value in enumerate(values):
        counts[:, place] = (answers == value).sum(axis=1)
    return counts


def patterns(answers: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the different rows of answers, and which of them every unit has.

    A coefficient needs only how often each occurs: a million units of two coders and five values are 36 rows.

    Examples
    --------
    >>> rows, which = patterns(np.array([[1.0, 2.0], [1.0, np.nan], [1.0, 2.0]]))
    >>> len(rows), np.bincount(which).tolist()
    (2, [2, 1])
    """
    known, codes = np.unique(answers, return_inverse=True)  # of one length: NaN is one value here
    codes = codes.reshape(answers.shape)
    which = np.zeros(len(answers), dtype=np.intp)
    for column in codes.T:
        which = np.unique(which * len(known) + column, return_inverse=True)[1]
    first = np.unique(which, return_index=True)[1]
    return answers[first], which


def observed_agreement(counts: Floats, weight: Floats, times: Floats | None = None) -> float | None:
    """Return the mean weighted agreement over units with at least two answers; None without one.

    Parameters
    ----------
    counts : array of shape (units, values)
    weight : array of shape (values, values)
    times : array of shape (units,), optional
        How often each unit occurs; default: once.
    """
    totals = counts.sum(axis=1)
    pairable = totals >= 2 if times is None else (totals >= 2) & (times > 0)
    if not pairable.any():
        return None
    r, n = counts[pairable], totals[pairable]
    near = r @ weight.T
    return float(_mean((r * (near - 1)).sum(axis=1) / (n * (n - 1)), None if times is None else times[pairable]))


def _mean(rows: Floats, times: Floats | None) -> Floats:
    if not len(rows):
        return np.zeros(rows.shape[1:])
    return np.asarray(rows.mean(axis=0) if times is None else (times @ rows) / times.sum())


def _shares(counts: Floats, times: Floats | None = None) -> Floats:
    """The share of every value, each unit with an answer counting once."""
    totals = counts.sum(axis=1)
    answered = totals > 0
    return _mean(counts[answered] / totals[answered, None], None if times is None else times[answered])


def _corrected(observed: float | None, expected: float) -> float | None:
    """Beyond chance; 1 where nothing could be disagreed about (the convention of `alpha`)."""
    if observed is None:
        return None
    return 1.0 if expected >= 1 else float((observed - expected) / (1 - expected))


def _prepare(answers: Floats, values: Floats | None, name: WeightName) -> tuple[Floats, Floats, Floats]:
    answers = np.asarray(answers, dtype=float)
    known = np.unique(answers[~np.isnan(answers)]) if values is None else np.asarray(values, dtype=float)
    return unit_counts(answers, known), weights(known, name), known


def gwet_ac(
    answers: Floats, name: WeightName = "identity", values: Floats | None = None, times: Floats | None = None
) -> float | None:
    """Return Gwet's AC1 (identity weights) or AC2.

    Parameters
    ----------
    answers : array of shape (units, coders)
        Numbers; NaN where a coder gave no answer.
    name : {'identity', 'linear', 'quadratic', 'ordinal'}
    values : array, optional
        All values that could have been given; default: those that were.
    times : array of shape (units,), optional
        How often each row of answers occurs; default: once.

    Returns
    -------
    float or None
        Stays high where one value prevails; print it beside alpha, never instead. None without a unit
        that two coders answered.

    References
    ----------
    Gwet, K. L. (2008). Computing inter-rater reliability in the presence of high agreement.
    """
    counts, weight, known = _prepare(answers, values, name)
    size = len(known)
    if size < 2:
        return None if observed_agreement(counts, weight, times) is None else 1.0
    shares = _shares(counts, times)
    expected = weight.sum() / (size * (size - 1)) * float((shares * (1 - shares)).sum())
    return _corrected(observed_agreement(counts, weight, times), float(expected))


def fleiss_kappa(
    answers: Floats, name: WeightName = "identity", values: Floats | None = None, times: Floats | None = None
) -> float | None:
    """Return Fleiss' kappa; with two coders and full answers it is Scott's pi.

    Examples
    --------
    >>> first, second = [0] * 9 + [1] * 6, [0] * 7 + [1] * 2 + [0] + [1] * 5
    >>> round(fleiss_kappa(np.array([first, second], dtype=float).T), 3)
    0.593
    """
    counts, weight, _ = _prepare(answers, values, name)
    shares = _shares(counts, times) if len(counts) else np.zeros(0)
    return _corrected(observed_agreement(counts, weight, times), float(shares @ weight @ shares))


def brennan_prediger(
    answers: Floats, name: WeightName = "identity", values: Floats | None = None, times: Floats | None = None
) -> float | None:
    """Return Brennan and Prediger's coefficient: chance spreads evenly over the values."""
    counts, weight, known = _prepare(answers, values, name)
    if len(known) < 2:
        return None if observed_agreement(counts, weight, times) is None else 1.0
    return _corrected(observed_agreement(counts, weight, times), float(weight.sum() / len(known) ** 2))


def cohen_kappa(
    answers: Floats, name: WeightName = "identity", values: Floats | None = None, times: Floats | None = None
) -> float | None:
    """Return Cohen's kappa (weighted, if asked) for two coders, Conger's for more.

    Parameters
    ----------
    answers : array of shape (units, coders)
    name : {'identity', 'linear', 'quadratic', 'ordinal'}
    values : array, optional

    References
    ----------
    Cohen, J. (1968). Weighted kappa. Conger, A. J. (1980). Integration and generalization of kappas.
    """
    answers = np.asarray(answers, dtype=float)
    counts, weight, known = _prepare(answers, values, name)
    observed = observed_agreement(counts, weight, times)
    if observed is None:
        return None
    given = ~np.isnan(answers) if times is None else ~np.isnan(answers) & (times > 0)[:, None]
    each = np.array(
        [
            _mean((answers[mine, g][:, None] == known).astype(float), None if times is None else times[mine])
            for g, mine in enumerate(given.T)
            if mine.any()
        ]
    )
    number = len(each)
    mean = each.mean(axis=0)
    spread = (each.T @ each - number * np.outer(mean, mean)) / (number - 1) if number > 1 else np.zeros_like(weight)
    return _corrected(observed, float((weight * (np.outer(mean, mean) - spread / number)).sum()))


def bootstrap_interval(
    answers: Floats,
    coefficient: Callable[..., float | None],
    *,
    seed: int = 0,
    draws: int = 1000,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """Return a percentile interval of a coefficient when units are drawn anew with replacement.

    Parameters
    ----------
    answers : array of shape (units, coders)
    coefficient : callable
        answers, `times` (how often each row of them occurs) → value or None; draws without a value are passed over.
    seed, draws : int
    level : float
        0 to 1.

    Returns
    -------
    (low, high) or None
        None with fewer than two units that two coders answered.

    References
    ----------
    Efron, B. (1979). Bootstrap methods; the unit that is drawn is the passage, not the pair of answers.
    """
    answers = np.asarray(answers, dtype=float)
    pairable = answers[(~np.isnan(answers)).sum(axis=1) >= 2]
    if len(pairable) < 2:
        return None
    rng = np.random.default_rng(seed)
    rows, which = patterns(pairable)
    found = [coefficient(rows, times=times.astype(float)) for times in _redrawn(which, rng, draws)]
    known = [value for value in found if value is not None]
    if not known:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _redrawn(which: NDArray[np.intp], rng: np.random.Generator, draws: int) -> Iterator[NDArray[np.int64]]:
    """How often each pattern comes up when units are drawn anew: by the units, or, of many, by their shares."""
    n, occurs = len(which), np.bincount(which)
    for _ in range(draws):
        if n <= UNITS:
            yield np.bincount(which[rng.integers(0, n, n)], minlength=len(occurs))
        else:
            yield rng.multinomial(n, occurs / n)
