"""How scores become probabilities and answers, as learned from cross-fitted real passages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Limits:
    """How scores become probabilities and answers, learned from cross-fitted real passages.

    Attributes
    ----------
    temperatures : mapping of facet to float
    priors : mapping of facet to sequence of float
        Added to the scores of the values (after division by the temperature): what is common is likelier.
    leans : mapping of facet to sequence of float
        Added to the logarithms of the probabilities before the answer is chosen: rare values get their chance.
    curves : mapping of facet to sequence of (least p, passages, errors)
        How many cross-fitted real passages had an answer of at least this probability, and how many were wrong.
    least_known : float
        The least share of known words; below it a text is off topic.
    least_known_unnamed : float
        The same for a text that names no party, where a schema names parties: it has to look more like training.
    languages : sequence of str
    """

    temperatures: Mapping[str, float] = field(default_factory=dict)
    priors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    leans: Mapping[str, Sequence[float]] = field(default_factory=dict)
    curves: Mapping[str, Sequence[tuple[float, int, int]]] = field(default_factory=dict)
    least_known: float = 0.0
    least_known_unnamed: float = 0.0
    languages: Sequence[str] = ()

    def threshold(self, facet: str, rate: float) -> float:
        """Return the least probability at which answers are wrong at most at `rate`, as sure as 95 %.

        Parameters
        ----------
        facet : str
        rate : float
            0 to 1.

        Returns
        -------
        float
            0 where all answers may stand, infinite where none may. Thresholds are tried from the surest
            answers on, so that the first failure ends the search; the bound is Wilson's, one-sided.
        """
        curve = self.curves.get(facet, ())
        if not curve or rate >= 1:
            return 0.0
        found = math.inf
        for least, passages, errors in sorted(curve, reverse=True):
            if passages >= _FEWEST and upper_bound(errors, passages) > rate:
                break
            if passages >= _FEWEST:
                found = least
        return 0.0 if found <= min(least for least, _, _ in curve) else found


_FEWEST = 20  # answers before an error rate is believed at all
_Z95 = 1.6448536269514722


def upper_bound(errors: int, number: int) -> float:
    """Return Wilson's upper bound for a rate, one-sided 95 %.

    >>> round(upper_bound(0, 20), 3), round(upper_bound(20, 20), 3)
    (0.119, 1.0)
    """
    share, weight = errors / number, _Z95**2 / number
    half = _Z95 * math.sqrt(share * (1 - share) / number + weight / (4 * number))
    return (share + weight / 2 + half) / (1 + weight)


def calibrated(scores: NDArray[np.float64], limits: Limits, facet: str) -> NDArray[np.float64]:
    """Return probabilities, rows summing to 1, for the scores (n, values) of a facet."""
    part = scores / limits.temperatures.get(facet, 1.0) + np.asarray(limits.priors.get(facet, 0.0))
    grown = np.exp(part - part.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def chosen(probabilities: NDArray[np.float64], limits: Limits, facet: str) -> NDArray[np.intp]:
    """Return the place of the answer in every row of probabilities (n, values)."""
    with np.errstate(divide="ignore"):
        return np.asarray((np.log(probabilities) + np.asarray(limits.leans.get(facet, 0.0))).argmax(axis=1))
