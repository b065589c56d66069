"""The words of a model and of the texts it is shown, as numbers: what each counts, worked out once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.scoring.batch.arrays import Growing, Numbers, Places, summed
from diptych.classifier.scoring.weights import RAREST, Weights
from diptych.classifier.terms.analyser import KINDS, LETTERS
from diptych.classifier.terms.hashing import BASE, SEEDS, Hashes, behind, codes, mixed, polynomials
from diptych.classifier.terms.language import SMALL_WORDS

Found = Places
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
        self._starts = (np.cumsum(numbers) - numbers).astype(np.int32)
        self._filled = numbers > 0

    def rows(self, kind: str, numbers: Hashes) -> Found:
        """Return the rows of terms of a kind by their polynomials; -1 for those the model does not know."""
        wanted = mixed(numbers ^ np.uint64(SEEDS[kind]))
        found = np.full(len(wanted), -1, dtype=np.intp)
        slots = (wanted >> self._shift).view(np.int64)
        places = np.flatnonzero(self._filled.take(slots))
        rows, wanted = self._starts.take(slots.take(places)).astype(np.intp), wanted.take(places)
        for _ in range(self._most):
            hit = self._hashes.take(rows, mode="clip") == wanted
            found[places[hit]] = rows[hit]
            left = np.flatnonzero(~hit)
            if not len(left):
                break
            rows, wanted, places = rows.take(left) + 1, wanted.take(left), places.take(left)
        found[found >= len(self._hashes)] = -1
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
        See :func:`diptych.classifier.terms.hashing.polynomials`.
    words : Growing
        The row of each as a word; -1 where the model does not know it.
    sums : Growing
        Rows of what may be added up over a text: the scores of a word's letter runs (V), the square of their length,
        and whether the word is known.
    small : Growing
        In which languages each is a small word: a row of `hits`.
    texts : list of str
    """

    def __init__(self, weights: Weights, index: TermIndex) -> None:
        self._weights = weights
        self._index = index
        self.values = weights.coefficients.shape[1]
        self.numbers = Numbers()
        self._between: dict[str, Hashes] = {}
        self.polynomials, self.steps = Growing(np.uint64), Growing(np.uint64)
        self.words, self.small = Growing(np.intp), Growing(np.intp)
        self.sums = Growing(np.float64, self.values + 2)
        self.texts: list[str] = []
        small = {
            word: tuple(word in listed for listed in SMALL_WORDS.values())
            for word in set().union(*SMALL_WORDS.values())
        }
        kinds = list(dict.fromkeys(small.values()))
        self._small = {word: kinds.index(kind) + 1 for word, kind in small.items()}
        self.hits = np.array([(False,) * len(SMALL_WORDS), *kinds], dtype=np.int64)

    def learn(self) -> None:
        """Work out what the fresh ones count."""
        fresh, self.numbers.fresh = self.numbers.fresh, []
        if not fresh:
            return
        numbers, steps = polynomials(fresh)
        rows = self._index.rows(KINDS[0], numbers)
        self.polynomials.add(numbers)
        self.steps.add(steps)
        self.words.add(rows)
        sums = np.zeros((len(fresh), self.values + 2))
        sums[:, : self.values + 1] = self._runs(fresh)
        seen = np.flatnonzero(rows >= 0)
        sums[seen, self.values + 1] = self._weights.idf[rows[seen]] <= RAREST
        self.small.add([self._small.get(word, 0) for word in fresh])
        self.texts += fresh
        self.sums.add(sums)

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
        seen = np.flatnonzero(rows >= 0)
        rows = rows[seen]
        idf = self._weights.idf.take(rows).astype(np.float64)[:, None]
        scores = self._weights.coefficients.take(rows, axis=0) * idf
        return summed(owners[seen], np.hstack([scores, idf * idf]), len(words))

    def pairs(self, first: Found, second: Found, between: str) -> Hashes:
        """Return the polynomials of two texts with another one between them."""
        middle, step = self.polynomial(between)
        numbers, steps = self.polynomials.rows, self.steps.rows
        return behind(numbers.take(first), steps.take(first), middle + step * numbers.take(second))

    def polynomial(self, text: str) -> Hashes:
        """Return the polynomial of a text and its step, array of shape (2,)."""
        if text not in self._between:
            numbers, steps = polynomials([text])
            self._between[text] = np.concatenate([numbers, steps])
        return self._between[text]
