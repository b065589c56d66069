"""Score texts with plain arrays: numpy alone, no scikit-learn, no pandas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.analyser import terms
from diptych.classifier.language import language_of


@dataclass(frozen=True)
class Weights:
    """A trained model as arrays: T terms, V values over all facets."""

    terms: list[str]
    idf: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    facets: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Limits:
    """When a model should hold its tongue: learned from cross-fitted passages."""

    temperatures: Mapping[str, float] = field(default_factory=dict)
    least_known: float = 0.0
    languages: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """One passage as the model sees it: per facet the probabilities of its values."""

    probabilities: Mapping[str, Mapping[str, float]]
    known: float
    off_topic: bool
    language: str
    abstains: bool

    def best(self, facet: str) -> tuple[str, float]:
        """Return the likeliest value of a facet and its probability."""
        values = self.probabilities[facet]
        value = max(values, key=lambda name: values[name])
        return value, values[value]


class Scorer:
    """Answers all facets of a text from one table lookup a term.

    Parameters
    ----------
    weights : Weights
    limits : Limits
    """

    def __init__(self, weights: Weights, limits: Limits) -> None:
        self.weights = weights
        self.limits = limits
        self._place = {term: i for i, term in enumerate(weights.terms)}
        self._slices: dict[str, slice] = {}
        start = 0
        for facet, values in weights.facets.items():
            self._slices[facet] = slice(start, start + len(values))
            start += len(values)

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Return one prediction a text, in order."""
        return [self._one(text) for text in texts]

    def scores(self, text: str) -> tuple[NDArray[np.float64], float]:
        """Return the V scores of a text, and the share of its words that the model knows (0 to 1)."""
        counts = Counter(terms(text))
        total = wordlike = 0
        places, weights = [], []
        for term, count in counts.items():
            is_word = term[0] != "|" and " " not in term
            total += count * is_word
            place = self._place.get(term)
            if place is not None:
                wordlike += count * is_word
                places.append(place)
                weights.append(1.0 + np.log(count))
        result = self.weights.intercepts.astype(np.float64)
        if places:
            index = np.array(places)
            row = np.array(weights) * self.weights.idf[index]
            row /= np.sqrt(row @ row)
            result = result + row @ self.weights.coefficients[index].astype(np.float64)
        return result, wordlike / total if total else 0.0

    def _one(self, text: str) -> Prediction:
        scores, known = self.scores(text)
        probabilities = {}
        for facet, values in self.weights.facets.items():
            part = scores[self._slices[facet]] / self.limits.temperatures.get(facet, 1.0)
            grown = np.exp(part - part.max())
            probabilities[facet] = {v: float(p) for v, p in zip(values, grown / grown.sum(), strict=True)}
        language = language_of(text)
        off_topic = known < self.limits.least_known or known == 0
        foreign = bool(self.limits.languages) and language not in (*self.limits.languages, "und")
        return Prediction(probabilities, known, off_topic, language, off_topic or foreign)
