"""Score texts with plain arrays: numpy alone, no scikit-learn, no pandas."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.analyser import KINDS, Analyser, Reading
from diptych.classifier.language import language_of

KIND_WEIGHTS = {"words": 1.0, "runs": 0.7, "parties": 1.2, "sides": 0.8}
RAREST = 1.0 + math.log(500)  # idf of a word in one text of 500: a rarer one is not counted as known
ADDITIVE = "runs"  # counted as they come, so that a word's runs can be one row: length is the root of the sum of idf²


def term_hash(kind: str, term: str) -> int:
    """Return the number by which a term is known to a model: models hold numbers, no text.

    >>> term_hash("words", "oil") == term_hash("runs", "oil")
    False
    """
    return int.from_bytes(blake2b(f"{kind}\x1f{term}".encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Weights:
    """A trained model as arrays: T terms, V values over all facets, D whole-passage shares.

    Attributes
    ----------
    hashes : uint64 array of shape (T,)
        Ascending.
    idf : array of shape (T,)
    coefficients : array of shape (T, V)
    intercepts : array of shape (V,)
    facets : mapping of str to sequence of str
    shares : array of shape (D, V), or None
    """

    hashes: NDArray[np.uint64]
    idf: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    facets: Mapping[str, Sequence[str]]
    shares: NDArray[np.float32] | None = None


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


@dataclass(frozen=True, slots=True)
class Prediction:
    """One passage as the model sees it: per facet the probabilities of its values, and the answer."""

    probabilities: Mapping[str, Mapping[str, float]]
    answers: Mapping[str, str]
    known: float
    off_topic: bool
    language: str
    abstains: bool

    def best(self, facet: str) -> tuple[str, float]:
        """Return the answer to a facet and its probability."""
        value = self.answers[facet]
        return value, self.probabilities[facet][value]

    @property
    def best_by_facet(self) -> dict[str, tuple[str, float]]:
        """Facet → its answer and the answer's probability."""
        return {facet: self.best(facet) for facet in self.probabilities}

    @property
    def certainty(self) -> float:
        """The mean probability of the answers over the facets, 0 to 1: what queues are ordered by."""
        return sum(p for _, p in self.best_by_facet.values()) / len(self.probabilities)


class Scorer:
    """Answers all facets of a text from one table lookup a term.

    Parameters
    ----------
    weights : Weights
    limits : Limits
    analyser : Analyser
    """

    def __init__(self, weights: Weights, limits: Limits, analyser: Analyser) -> None:
        self.weights = weights
        self.limits = limits
        self.analyser = analyser
        self._slices = facet_slices(weights.facets)

    def least(self, rate: float) -> dict[str, float]:
        """Return facet → the least probability of an answer that may stand: see :meth:`Limits.threshold`."""
        return {facet: self.limits.threshold(facet, rate) for facet in self.weights.facets}

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Return one prediction a text, in order."""
        return [self._one(text) for text in texts]

    def scores(self, text: str) -> tuple[NDArray[np.float64], float]:
        """Return the V scores of a text, and the share of its words that the model knows (0 to 1)."""
        return self.scores_of(self.analyser.read(text))

    def scores_of(self, reading: Reading) -> tuple[NDArray[np.float64], float]:
        """Return what :meth:`scores` returns, of a text that was taken apart."""
        weights = self.weights
        result = weights.intercepts.astype(np.float64)
        if weights.shares is not None:
            result += np.asarray(reading.shares) @ weights.shares.astype(np.float64)
        total = known = 0
        for kind, listed in reading.terms.items():
            counts = Counter(listed)
            found = self.places([term_hash(kind, term) for term in counts])
            seen = found >= 0
            if kind == KINDS[0]:
                single = [count if " " not in term else 0 for term, count in counts.items()]
                total = sum(single)
                seen_well = seen.copy()
                seen_well[seen] = weights.idf[found[seen]] <= RAREST
                known = sum(count for count, hit in zip(single, seen_well, strict=True) if hit)
            if not seen.any():
                continue
            index, number = found[seen], np.fromiter(counts.values(), dtype=float)[seen]
            idf = weights.idf[index].astype(np.float64)
            row = number * idf if kind == ADDITIVE else (1.0 + np.log(number)) * idf
            row *= KIND_WEIGHTS[kind] / math.sqrt(float(row @ (idf if kind == ADDITIVE else row)))
            result += row @ weights.coefficients[index].astype(np.float64)
        return result, known / total if total else 0.0

    def places_of(self, facet: str) -> slice:
        """Return where the scores of a facet stand."""
        return self._slices[facet]

    def places(self, hashes: Sequence[int]) -> NDArray[np.intp]:
        """Return the row of every term, -1 for one the model does not know."""
        wanted = np.array(hashes, dtype=np.uint64)
        if not len(wanted) or not len(self.weights.hashes):
            return np.full(len(wanted), -1, dtype=np.intp)
        places = np.minimum(np.searchsorted(self.weights.hashes, wanted), len(self.weights.hashes) - 1)
        return np.where(self.weights.hashes[places] == wanted, places, -1)

    def _one(self, text: str) -> Prediction:
        reading = self.analyser.read(text)
        scores, known = self.scores_of(reading)
        probabilities, answers = {}, {}
        for facet, values in self.weights.facets.items():
            shares = calibrated(scores[None, self._slices[facet]], self.limits, facet)[0]
            probabilities[facet] = dict(zip(values, map(float, shares), strict=True))
            answers[facet] = values[int(chosen(shares[None], self.limits, facet)[0])]
        language = language_of(text)
        least = self.limits.least_known if reading.names_party else self.limits.least_known_unnamed
        off_topic = known < least or known == 0
        foreign = bool(self.limits.languages) and language not in (*self.limits.languages, "und")
        return Prediction(probabilities, answers, known, off_topic, language, off_topic or foreign)


def facet_slices(facets: Mapping[str, Sequence[str]]) -> dict[str, slice]:
    """Return where the values of every facet stand among all values."""
    found: dict[str, slice] = {}
    start = 0
    for facet, values in facets.items():
        found[facet] = slice(start, start + len(values))
        start += len(values)
    return found


def calibrated(scores: NDArray[np.float64], limits: Limits, facet: str) -> NDArray[np.float64]:
    """Return probabilities, rows summing to 1, for the scores (n, values) of a facet."""
    part = scores / limits.temperatures.get(facet, 1.0) + np.asarray(limits.priors.get(facet, 0.0))
    grown = np.exp(part - part.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def chosen(probabilities: NDArray[np.float64], limits: Limits, facet: str) -> NDArray[np.intp]:
    """Return the place of the answer in every row of probabilities (n, values)."""
    with np.errstate(divide="ignore"):
        return np.asarray((np.log(probabilities) + np.asarray(limits.leans.get(facet, 0.0))).argmax(axis=1))
