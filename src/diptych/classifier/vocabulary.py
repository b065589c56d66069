"""The words of a model and of the texts it is shown, as numbers: what each counts, worked out once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.analyser import KINDS, LETTERS
from diptych.classifier.growing import Growing, Numbers, summed
from diptych.classifier.hashing import BASE, SEEDS, Hashes, behind, codes, mixed, polynomials
from diptych.classifier.language import SMALL_WORDS
from diptych.classifier.weights import RAREST, Weights

Found = NDArray[np.int32]
_SPARSE = 4  # slots of the index a term


class TermIndex:
    """Finds the rows of terms by their hashes: the leading bits say where to look.

    Parameters
    ----------
    hashes : uint64 array of shape (T,)
        Ascending.
    """

    def __init__(self, hashes: Hashes) -> None:
        self._hashes = hashes
        width = max(1, (_SPARSE * len(hashes)).bit_length())
        self._shift = np.uint64(64 - width)
        leading = (hashes >> self._shift).astype(np.intp)
        numbers = np.bincount(leading, minlength=1 << width)
        self._most = int(numbers.max(initial=0))
        self._starts = np.cumsum(numbers, dtype=np.int32) - numbers.astype(np.int32)
        self._filled = numbers > 0

    def rows(self, kind: str, numbers: Hashes) -> Found:
        """Return the rows of terms of a kind by their polynomials; -1 for those the model does not know."""
        wanted = mixed(numbers ^ np.uint64(SEEDS[kind]))
        found = np.full(len(wanted), -1, dtype=np.int32)
        slots = (wanted >> self._shift).view(np.int64)
        places = np.flatnonzero(self._filled[slots])
        rows, wanted = self._starts[slots[places]], wanted[places]
        for _ in range(self._most):
            hit = self._hashes[rows] == wanted
            found[places[hit]] = rows[hit]
            rows = rows + np.int32(1)
            left = ~hit & (rows < len(self._hashes))
            rows, wanted, places = rows[left], wanted[left], places[left]
            if not len(rows):
                break
        return found

    def rows_of(self, kind: str, terms: Sequence[str]) -> Found:
        """Return the same for terms written out."""
        return self.rows(kind, polynomials(terms)[0])


class Vocabulary:
    """Words and stops as numbers, with what each counts by itself.

    Attributes
    ----------
    numbers : Numbers
    polynomials, steps : Growing
        See :func:`diptych.classifier.hashing.polynomials`.
    words : Growing
        The row of each as a word; -1 where the model does not know it.
    sums : Growing
        Rows of what may be added up over a text: the scores of a word's letter runs (V), the square of their length,
        whether the word is known, and whether it is a small word of each language.
    """

    def __init__(self, weights: Weights, index: TermIndex) -> None:
        self._weights = weights
        self._index = index
        self.values = weights.coefficients.shape[1]
        self.numbers = Numbers()
        self._between: dict[str, Hashes] = {}
        self.polynomials, self.steps = Growing(np.uint64), Growing(np.uint64)
        self.words = Growing(np.int32)
        self.sums = Growing(np.float64, self.values + 2 + len(SMALL_WORDS))

    def learn(self) -> list[str]:
        """Work out what the fresh ones count, and return them."""
        fresh, self.numbers.fresh = self.numbers.fresh, []
        if not fresh:
            return fresh
        numbers, steps = polynomials(fresh)
        rows = self._index.rows(KINDS[0], numbers)
        self.polynomials.add(numbers)
        self.steps.add(steps)
        self.words.add(rows)
        sums = np.zeros((len(fresh), self.values + 2 + len(SMALL_WORDS)))
        sums[:, : self.values + 1] = self._runs(fresh)
        sums[:, self.values + 1] = (rows >= 0) & (self._weights.idf[rows] <= RAREST) if len(self._weights.idf) else 0
        for place, small in enumerate(SMALL_WORDS.values(), self.values + 2):
            sums[:, place] = [word in small for word in fresh]
        self.sums.add(sums)
        return fresh

    def _runs(self, words: Sequence[str]) -> NDArray[np.float64]:
        """The scores of the letter runs of words, and the sum of the squares of their weights."""
        lengths = np.array([len(word) + 2 if len(word) > 1 else 0 for word in words])
        letters = codes("".join([f"_{word}_" for word in words if len(word) > 1]))
        owners = np.repeat(np.arange(len(words)), np.maximum(lengths - LETTERS + 1, 0))
        found = np.zeros((len(words), self.values + 1))
        if not len(owners):
            return found
        inside = np.ones(len(letters), dtype=np.bool_)
        ends = np.cumsum(lengths[lengths > 0])
        for back in range(1, LETTERS):
            inside[ends - back] = False
        starts = np.flatnonzero(inside)
        numbers = letters[starts]
        for place in range(1, LETTERS):
            numbers = numbers + letters[starts + place] * np.uint64(pow(BASE, place, 1 << 64))
        rows = self._index.rows("runs", numbers)
        seen = rows >= 0
        idf = self._weights.idf[rows[seen]].astype(np.float64)[:, None]
        scores = self._weights.coefficients[rows[seen]].astype(np.float64)
        return summed(owners[seen], np.hstack([scores * idf, idf * idf]), len(words))

    def pairs(self, first: Found, second: Found, between: str) -> Hashes:
        """Return the polynomials of two texts with another one between them."""
        middle, step = self.polynomial(between)
        numbers, steps = self.polynomials.rows, self.steps.rows
        return behind(numbers[first], steps[first], middle + step * numbers[second])

    def polynomial(self, text: str) -> Hashes:
        """Return the polynomial of a text and its step, array of shape (2,)."""
        if text not in self._between:
            numbers, steps = polynomials([text])
            self._between[text] = np.concatenate([numbers, steps])
        return self._between[text]
