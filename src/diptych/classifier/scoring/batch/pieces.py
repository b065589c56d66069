"""Many texts at once → numbers: pieces between blanks, each taken apart once, then words, tokens and sentences."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.scoring.batch.arrays import Growing, Numbers, Places, spread
from diptych.classifier.scoring.batch.words import Vocabulary
from diptych.classifier.terms.analyser import Analyser, folded_words
from diptych.classifier.terms.language import is_latin
from diptych.classifier.terms.parties import is_private, opened
from diptych.classifier.terms.sentences import begins, ends, pieces

_STOPS = frozenset(".!?;:,")
# signs of pieces: to be read with its neighbours, of another script, with a letter; where sentences begin and end
_ODD, _OTHER, _LETTER, _BEGINS, _ENDS, _ALWAYS = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True, slots=True)
class Apart:
    """Texts taken apart: words and tokens as numbers of the vocabulary, each with its text and its sentence.

    Sentences are numbered through all texts; `of_sentence` says to which text each belongs. `marks` are those of all
    pieces of a text together.
    """

    words: Places
    word_texts: Places
    word_sentences: Places
    tokens: Places
    token_sentences: Places
    of_sentence: Places
    marks: NDArray[np.uint8]

    @property
    def odd(self) -> NDArray[np.bool_]:
        """Which texts cannot be read piece by piece."""
        return np.asarray((self.marks & _ODD) > 0)

    @property
    def latin(self) -> NDArray[np.bool_]:
        """Which texts hold nothing but Latin letters."""
        return np.asarray((self.marks & _OTHER) == 0)

    @property
    def lettered(self) -> NDArray[np.bool_]:
        """Which texts hold a letter."""
        return np.asarray((self.marks & _LETTER) > 0)


class Pieces:
    """Takes texts apart; remembers pieces.

    Parameters
    ----------
    analyser : Analyser
    vocabulary : Vocabulary
        Takes their words and tokens.
    """

    def __init__(self, analyser: Analyser, vocabulary: Vocabulary) -> None:
        self._parties = analyser.parties
        self._vocabulary = vocabulary
        self._pieces = Numbers()
        self._texts: list[str] = []
        self._words, self._tokens = Growing(np.intp), Growing(np.intp)
        self._starts = Growing(np.intp), Growing(np.intp)  # of the words and tokens of a piece …
        self._counts = Growing(np.intp), Growing(np.intp)  # … and how many there are
        self._signs = Growing(np.uint8)  # see `_ODD`; how a sentence ends behind it; whether one begins with it
        self._edges = Growing(np.intp), Growing(np.intp)  # its first and last word, if names of several words hold them
        self._first, self._last, self._follow = self._phrases()

    def __len__(self) -> int:
        return len(self._texts)

    def _phrases(self) -> tuple[dict[str, int], dict[str, int], NDArray[np.bool_]]:
        """Which words of names of several words follow which."""
        steps = [pair for words, _ in self._parties.phrases for pair in pairwise(words)]
        first, last = (
            {key: place for place, key in enumerate(dict.fromkeys(keys), 1)}
            for keys in ([head(after) for _, after in steps], [tail(before) for before, _ in steps])
        )
        follow = np.zeros((len(last) + 1, len(first) + 1), dtype=np.bool_)
        for before, after in steps:
            follow[last[tail(before)], first[head(after)]] = True
        return first, last, follow

    def take(self, texts: Sequence[str]) -> Apart:
        """Take texts apart."""
        listed = [pieces(text) for text in texts]
        counts = np.fromiter(map(len, listed), dtype=np.intp, count=len(listed))
        found = self._pieces.of(chain.from_iterable(listed), int(counts.sum()))
        self._learn()
        owners = np.repeat(np.arange(len(texts)), counts)
        signs = self._signs.rows.take(found)
        last: NDArray[np.bool_] = np.ones(len(found), dtype=np.bool_)  # of a sentence
        np.not_equal(owners[1:], owners[:-1], out=last[:-1])
        ending = np.flatnonzero(signs[:-1] >= _ENDS)
        last[ending] |= (signs[ending] >= _ALWAYS) | ((signs[ending + 1] & _BEGINS) > 0)
        marks = np.zeros(len(texts), dtype=np.uint8)
        full = np.flatnonzero(counts)
        if len(full):
            marks[full] = np.bitwise_or.reduceat(signs, (np.cumsum(counts) - counts)[full])
        if len(self._follow) > 1:
            found, owners, last = self._glued(found, owners, last)
        sentences: Places = np.cumsum(last) - last
        words, tokens = (counted.rows.take(found) for counted in self._counts)
        return Apart(
            self._words.rows.take(spread(self._starts[0].rows.take(found), words)),
            np.repeat(owners, words),
            np.repeat(sentences, words),
            self._tokens.rows.take(spread(self._starts[1].rows.take(found), tokens)),
            np.repeat(sentences, tokens),
            owners[last],
            marks,
        )

    def _glued(
        self, found: Places, owners: Places, last: NDArray[np.bool_]
    ) -> tuple[Places, Places, NDArray[np.bool_]]:
        """Make one piece of those that may hold a name of several words together."""
        edges = self._edges[1].rows.take(found)
        before = np.flatnonzero((edges > 0) & ~last)
        after = self._edges[0].rows.take(found.take(before + 1))
        glued = np.zeros(len(found), dtype=np.bool_)
        glued[before] = self._follow[edges.take(before), after]
        starts = np.flatnonzero(glued & ~np.concatenate([[False], glued[:-1]]))
        if not len(starts):
            return found, owners, last
        after = np.flatnonzero(~glued)
        stops = after[np.searchsorted(after, starts)]
        texts = [
            " ".join([self._texts[number] for number in found[start : stop + 1].tolist()])
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        ]
        found[stops] = self._pieces.of(texts, len(texts))
        self._learn()
        kept = ~glued
        return found[kept], owners[kept], last[kept]

    def _learn(self) -> None:
        """Take the fresh pieces apart."""
        fresh, self._pieces.fresh = self._pieces.fresh, []
        if not fresh:
            return
        words: list[str] = []
        tokens: list[str] = []
        signs: list[int] = []
        edges: list[tuple[int, int]] = []
        reach = [(0, 0)]
        for piece in fresh:
            signs.append(self._one(piece, words, tokens, edges))
            reach.append((len(words), len(tokens)))
        numbers = self._vocabulary.numbers
        for kind, listed, place in ((words, self._words, 0), (tokens, self._tokens, 1)):
            reached = np.array(reach)[:, place]
            self._starts[place].add(reached[:-1] + len(listed.rows))
            self._counts[place].add(np.diff(reached))
            listed.add(numbers.of(kind, len(kind)))
            self._edges[place].add(np.array(edges)[:, place])
        self._texts += fresh
        self._signs.add(signs)
        self._vocabulary.learn()

    def _one(self, piece: str, words: list[str], tokens: list[str], edges: list[tuple[int, int]]) -> int:
        """Take one piece apart, and return its signs."""
        if piece.isascii():
            folded, marks = piece.lower(), 0
            stem, stop = (folded[:-1], folded[-1]) if folded[-1] in _STOPS else (folded, "")
            if stem.isalpha():
                words.append(stem)
                if self._parties.markers:
                    tokens.append(self._parties.names.get(stem, stem))
                    if stop:
                        tokens.append(stop)
                edges.append((self._first.get(stem, 0), self._last.get(stop or stem, 0)))
                ended = _ENDS if stop and (stop in "!?" or (stop == "." and ends(piece))) else 0
                return _LETTER + ended + (0 if piece[0] == stem[0] else _BEGINS)
            marks = _LETTER * folded.islower()
        else:
            folded = unicodedata.normalize("NFKC", piece).casefold()
            if is_private(folded) or not folded.strip():
                edges.append((0, 0))
                return _ODD
            marks = _LETTER * any(letter < "\u0250" and letter.isalpha() for letter in piece)
            marks |= _OTHER * (not is_latin(piece))
        words += folded_words(folded)
        text = opened(folded.replace("’", "'"))
        if self._parties.markers:
            tokens += self._parties.parts(text, phrases=len(text.split()) > 1)
        edges.append((self._first.get(head(text.strip()), 0), self._last.get(tail(text.strip()), 0)))
        return marks + (0, _ENDS, _ALWAYS)[ends(piece)] + _BEGINS * begins(piece)


def head(text: str) -> str:
    """Return the word that a text begins with, or its first letter."""
    for place, letter in enumerate(text):
        if not (letter.isalnum() or letter == "_"):
            return text[: max(place, 1)]
    return text


def tail(text: str) -> str:
    """Return the word that a text ends with, or its last letter."""
    return head(text[::-1])[::-1]
