"""Score texts with plain arrays: numpy alone, no scikit-learn, no pandas."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.scoring.limits import Limits, calibrated, chosen
from diptych.classifier.scoring.weights import ADDITIVE, KIND_WEIGHTS, RAREST, Scored, Weights
from diptych.classifier.terms.analyser import KINDS, Analyser, Reading
from diptych.classifier.terms.hashing import term_hashes
from diptych.classifier.terms.language import language_of

if TYPE_CHECKING:
    from diptych.classifier.scoring.batch.scores import Many

__all__ = ["ADDITIVE", "KIND_WEIGHTS", "RAREST", "Answers", "Prediction", "Scored", "Scorer", "Weights"]

BATCH = 512  # texts that are scored at a time
_FEW = 4  # texts: as many are scored sooner one by one


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


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to n texts: F facets, V values over all facets.

    Attributes
    ----------
    probabilities : array of shape (n, V)
        Those of a facet sum to 1.
    places : int array of shape (n, F)
        Which of the V values is the answer.
    known : array of shape (n,)
        The share of a text's words that the model knows, 0 to 1.
    off_topic : bool array of shape (n,)
    languages : list of str
    abstains : bool array of shape (n,)
        Off topic, or in a language that the model was not trained on.
    """

    probabilities: NDArray[np.float64]
    places: NDArray[np.intp]
    known: NDArray[np.float64]
    off_topic: NDArray[np.bool_]
    languages: Sequence[str]
    abstains: NDArray[np.bool_]


class Compiled(Protocol):
    """What scores in another way, with the same answers: see :class:`diptych.classifier.scoring.kernel.Kernel`."""

    def score(self, texts: Sequence[str]) -> Scored:
        """Return scores (n, V), shares of known words (n,), whether a party is named (n,), languages."""
        ...


class Scorer:
    """Answers all facets of a text from one table lookup a term.

    Parameters
    ----------
    weights : Weights
    limits : Limits
    analyser : Analyser
    compiled : Compiled, optional
        Scores in place of numpy, where it was built.
    """

    def __init__(self, weights: Weights, limits: Limits, analyser: Analyser, compiled: Compiled | None = None) -> None:
        self.weights = weights
        self.limits = limits
        self.analyser = analyser
        self.compiled = compiled
        self._slices = facet_slices(weights.facets)

    def least(self, rate: float) -> dict[str, float]:
        """Return facet → the least probability of an answer that may stand: see :meth:`Limits.threshold`."""
        return {facet: self.limits.threshold(facet, rate) for facet in self.weights.facets}

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Return one prediction a text, in order."""
        found: list[Prediction] = []
        for batch in batched(texts, BATCH):
            found += self._batch(batch)
        return found

    def score(self, texts: Sequence[str]) -> Scored:
        """Return what :class:`Compiled` returns, in C where it was built, else in numpy."""
        if self.compiled is not None:
            return self.compiled.score(texts)
        if len(texts) < _FEW or self._many is None:
            return self._one_by_one(texts)
        found, alone = self._many.score(texts)
        if alone:
            scores, known, named, languages = self._one_by_one([texts[place] for place in alone])
            found[0][alone], found[1][alone], found[2][alone] = scores, known, named
            for place, language in zip(alone, languages, strict=True):
                found[3][place] = language
        return found

    @cached_property
    def _many(self) -> Many | None:
        from diptych.classifier.scoring.batch.scores import Many, fits

        return Many(self.weights, self.analyser) if fits(self.analyser) else None

    def _one_by_one(self, texts: Sequence[str]) -> Scored:
        readings = [self.analyser.read(text) for text in texts]
        found = [self.scores_of(reading) for reading in readings]
        return (
            np.array([scores for scores, _ in found]).reshape(len(found), len(self.weights.intercepts)),
            np.array([known for _, known in found]),
            np.array([reading.names_party for reading in readings], dtype=np.bool_),
            [language_of(text) for text in texts],
        )

    def scores(self, text: str) -> tuple[NDArray[np.float64], float]:
        """Return the V scores of a text, and the share of its words that the model knows (0 to 1)."""
        scores, known, _, _ = self.score([text])
        return scores[0], float(known[0])

    def scores_of(self, reading: Reading) -> tuple[NDArray[np.float64], float]:
        """Return what :meth:`scores` returns, of a text that was taken apart."""
        weights = self.weights
        result = weights.intercepts.astype(np.float64)
        if weights.shares is not None:
            result += np.asarray(reading.shares) @ weights.shares.astype(np.float64)
        total = known = 0
        for kind, listed in reading.terms.items():
            counts = Counter(listed)
            found = self.places(term_hashes(kind, list(counts)))
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

    def places(self, wanted: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return the row of every term, by its hash; -1 for one the model does not know."""
        if not len(wanted) or not len(self.weights.hashes):
            return np.full(len(wanted), -1, dtype=np.intp)
        places = np.minimum(np.searchsorted(self.weights.hashes, wanted), len(self.weights.hashes) - 1)
        return np.where(self.weights.hashes[places] == wanted, places, -1)

    def answers(self, texts: Sequence[str]) -> Answers:
        """Return the answers to all facets of texts as arrays: see :class:`Answers`."""
        scores, known, named, languages = self.score(texts)
        chances = np.empty_like(scores)
        places = np.empty((len(texts), len(self._slices)), dtype=np.intp)
        for i, (facet, part) in enumerate(self._slices.items()):
            chances[:, part] = calibrated(scores[:, part], self.limits, facet)
            places[:, i] = part.start + chosen(chances[:, part], self.limits, facet)
        least = np.where(named, self.limits.least_known, self.limits.least_known_unnamed)
        off_topic = (known < least) | (known == 0)
        expected = frozenset((*self.limits.languages, "und")) if self.limits.languages else frozenset(languages)
        foreign = np.fromiter((language not in expected for language in languages), dtype=np.bool_, count=len(texts))
        return Answers(chances, places, known, off_topic, languages, off_topic | foreign)

    def _batch(self, texts: Sequence[str]) -> list[Prediction]:
        found = self.answers(texts)
        chances, places = found.probabilities.tolist(), found.places.tolist()
        known, off_topic, abstains = found.known.tolist(), found.off_topic.tolist(), found.abstains.tolist()
        names = [value for values in self.weights.facets.values() for value in values]
        return [
            Prediction(
                {facet: dict(zip(names[part], row[part], strict=True)) for facet, part in self._slices.items()},
                {facet: names[place] for facet, place in zip(self._slices, places[i], strict=True)},
                known[i],
                off_topic[i],
                found.languages[i],
                abstains[i],
            )
            for i, row in enumerate(chances)
        ]


def batched(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield texts in lists of at most `size`."""
    waiting = iter(texts)
    while batch := list(islice(waiting, size)):
        yield batch


def facet_slices(facets: Mapping[str, Sequence[str]]) -> dict[str, slice]:
    """Return where the values of every facet stand among all values."""
    found: dict[str, slice] = {}
    start = 0
    for facet, values in facets.items():
        found[facet] = slice(start, start + len(values))
        start += len(values)
    return found
