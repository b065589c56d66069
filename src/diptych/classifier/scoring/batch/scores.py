"""Score many texts at once with numpy: what :meth:`diptych.classifier.scoring.score.Scorer.scores_of` says of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.scoring.batch.arrays import Places, counted, firsts, products
from diptych.classifier.scoring.batch.parties import MOST, Around
from diptych.classifier.scoring.batch.pieces import Apart, Pieces
from diptych.classifier.scoring.batch.tokens import row_shares
from diptych.classifier.scoring.batch.words import Found, TermIndex, Vocabulary
from diptych.classifier.scoring.weights import ADDITIVE, KIND_WEIGHTS, Scored, Weights
from diptych.classifier.terms.analyser import KINDS, Analyser
from diptych.classifier.terms.language import SAMPLE, SMALL_WORDS, language_of

BATCH = 512  # texts …
LETTERS = 1 << 20  # … or letters that are taken apart at a time
REMEMBERED = 1 << 16  # pieces
_COUNTED = [kind for kind in KINDS if kind != ADDITIVE]
_LANGUAGES = list(SMALL_WORDS)


class Many:
    """Scores texts in batches.

    Parameters
    ----------
    weights : Weights
    analyser : Analyser
    """

    def __init__(self, weights: Weights, analyser: Analyser) -> None:
        self.weights = weights
        self.analyser = analyser
        self._index = TermIndex(weights.hashes)
        self._rows = np.ascontiguousarray(weights.coefficients, dtype=np.float32)
        self._idf = weights.idf.astype(np.float64)
        self._bits = np.int64(max(1, len(weights.idf)).bit_length())
        self._forget()

    def _forget(self) -> None:
        self._vocabulary = Vocabulary(self.weights, self._index)
        self._around = Around(self.analyser.parties, self._vocabulary, self._index)
        self._pieces = Pieces(self.analyser, self._vocabulary)

    def score(self, texts: Sequence[str]) -> tuple[Scored, list[int]]:
        """Return what `Scorer.score` returns (see scoring/score.py), and which texts are to be read alone."""
        parts = list(map(self._batch, batches(texts)))
        alone = [place for place, odd in enumerate(np.concatenate([part[3] for part in parts]).tolist()) if odd]
        languages = [language for part in parts for language in part[4]]
        scores, known, named = (np.concatenate([part[i] for part in parts]) for i in range(3))
        return (scores, known, named, languages), alone

    def _batch(
        self, texts: Sequence[str]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], list[str]]:
        if len(self._pieces) > REMEMBERED:
            self._forget()
        apart = self._pieces.take(texts)
        number, values = len(texts), len(self.weights.intercepts)
        words = counted(apart.word_texts, number)
        sums = products(words, apart.words, np.ones(len(apart.words)), self._vocabulary.sums.rows)
        scores = self.weights.intercepts + sums[:, :values] * (
            KIND_WEIGHTS[ADDITIVE] / np.sqrt(np.where(sums[:, values] > 0, sums[:, values], 1.0))[:, None]
        )
        named: NDArray[np.bool_] = np.ones(number, dtype=np.bool_)
        emitted = [(0, *self._words(apart)), (0, *self._pairs(apart))]
        if self.analyser.parties.markers:
            owners = apart.of_sentence
            row = self._around.row(apart.tokens, apart.token_sentences)
            emitted += [(1, owners[at], found) for at, found in self._around.terms(row, len(owners))]
            at, found = self._around.sides(row)
            emitted.append((2, owners[at], found))
            named = counted(owners[row.sentences[row.named]], number) > 0
            if self.weights.shares is not None:
                scores += row_shares(self.analyser.parties, row, owners, number) @ self.weights.shares.astype(
                    np.float64
                )
        scores += self._counted(emitted, number)
        known = sums[:, values + 1] / np.maximum(words, 1)
        return scores, known, named, apart.odd, self._languages(texts, apart, words)

    def _words(self, apart: Apart) -> tuple[Places, Found]:
        return apart.word_texts, self._vocabulary.words.rows.take(apart.words)

    def _pairs(self, apart: Apart) -> tuple[Places, Found]:
        places = np.flatnonzero(apart.word_sentences[1:] == apart.word_sentences[:-1])
        numbers = self._vocabulary.pairs(apart.words[places], apart.words[places + 1], " ")
        return apart.word_texts[places], self._index.rows(KINDS[0], numbers)

    def _counted(self, emitted: Sequence[tuple[int, Places, Found]], number: int) -> NDArray[np.float64]:
        """The scores of terms that count by the logarithm of how often they stand, by kind and text."""
        keys = []
        for kind, owners, rows in emitted:
            seen = np.flatnonzero(rows >= 0)
            keys.append((owners.take(seen) * len(_COUNTED) + kind) << self._bits | rows.take(seen))
        every = np.sort(np.concatenate(keys))
        starts = firsts(every)
        counts = np.diff(starts, append=len(every))
        every = every.take(starts)
        rows, groups = every & ((np.int64(1) << self._bits) - 1), every >> self._bits
        weights = _grown(counts) * self._idf.take(rows)
        lengths = np.sqrt(np.bincount(groups, weights * weights, minlength=number * len(_COUNTED)))
        kinds = np.tile([KIND_WEIGHTS[kind] for kind in _COUNTED], number)
        weights *= (kinds / np.where(lengths > 0, lengths, 1.0)).take(groups)
        each = np.bincount(groups, minlength=number * len(_COUNTED)).reshape(number, len(_COUNTED)).sum(axis=1)
        return products(each, rows, weights, self._rows)

    def _languages(self, texts: Sequence[str], apart: Apart, words: Places) -> list[str]:
        """The languages of texts; those with other letters than Latin ones, and long ones, are looked at alone."""
        table, number = self._vocabulary.hits, len(texts)
        small = apart.word_texts * len(table) + self._vocabulary.small.rows.take(apart.words)
        hits = np.bincount(small, minlength=number * len(table)).reshape(number, len(table)) @ table
        english = np.array([name == "en" for name in _LANGUAGES])
        best = (2 * hits + english).argmax(axis=1)
        most = hits[np.arange(len(texts)), best]
        sure = apart.lettered & ((most >= np.maximum(2, 0.08 * words)) | ((most > 0) & (words < 8)))
        return [
            language_of(text) if len(text) > SAMPLE or not latin else _LANGUAGES[place] if told else "und"
            for text, latin, place, told in zip(texts, apart.latin.tolist(), best.tolist(), sure.tolist(), strict=True)
        ]


def _grown(counts: Places) -> NDArray[np.float64]:
    """1 + log of counts, most of which are 1."""
    found = np.ones(len(counts))
    more = np.flatnonzero(counts > 1)
    found[more] += np.log(counts[more])
    return found


def batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield texts in batches that are not too large.

    >>> [len(batch) for batch in batches(["a"] * 1000)]
    [512, 488]
    """
    start = letters = 0
    for place, text in enumerate(texts):
        if place > start and (place - start >= BATCH or letters + len(text) > LETTERS):
            yield texts[start:place]
            start, letters = place, 0
        letters += len(text)
    if start < len(texts):
        yield texts[start:]


def fits(analyser: Analyser) -> bool:
    """Whether texts can be scored at once: not where a schema names more parties than a number has bits."""
    return len(analyser.parties.markers) < MOST
