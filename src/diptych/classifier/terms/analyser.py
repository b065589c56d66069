"""A text → its sentences → their terms, in four kinds, and a few counts over the whole passage.

The kinds: words and pairs, letter runs within words, terms around parties, and words on a party's side. One analyser
serves training and scoring, in one pass. Letters are case-folded; Chinese, Japanese and Korean characters are a
word each, so that pairs stand for the words a dictionary would find.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any

from diptych.classifier.terms.parties import Parties
from diptych.classifier.terms.sentences import sentences
from diptych.classifier.terms.shares import share_names, shares

LETTERS = 4  # of a run within a word: three to five gave no better answers, at twice the terms
KINDS = ("words", "runs", "parties", "sides")
Terms = dict[str, list[str]]
_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"


@lru_cache(maxsize=1)
def _token() -> re.Pattern[str]:
    """What a word is; compiled when numpy scores, which C does without."""
    return re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+(?:['’][^\W\d_{_WIDE}]+)?")


def words(text: str) -> list[str]:
    """Return the words of a text, case-folded.

    >>> words("Moscow’s 2nd pipeline: 北京")
    ['moscow’s', '2nd', 'pipeline', '北', '京']
    """
    return folded_words(unicodedata.normalize("NFKC", text).casefold())


def folded_words(text: str) -> list[str]:
    """Return the words of a text that is normalised and case-folded."""
    return _token().findall(text)


@dataclass(frozen=True, slots=True)
class Reading:
    """A text taken apart.

    Attributes
    ----------
    terms : Terms
        The terms of all sentences by kind, with repetitions.
    shares : tuple of float
        Counts over the whole passage, in the order of :meth:`Analyser.share_names`.
    names_party : bool
        Whether any party is named; true where a schema names none.
    """

    terms: Terms
    shares: tuple[float, ...] = ()
    names_party: bool = True


@dataclass(frozen=True)
class Analyser:
    """Takes texts apart; what it does depends on the parties it knows, and is stored with a model.

    Examples
    --------
    >>> terms = Analyser().terms("oil flows")
    >>> terms["words"]
    ['oil', 'flows', 'oil flows']
    >>> terms["runs"], terms["parties"]
    (['_oil', 'oil_', '_flo', 'flow', 'lows', 'ows_'], [])
    """

    parties: Parties = field(default_factory=Parties)

    def read(self, text: str) -> Reading:
        """Take a text apart: pairs of words, and what stands around a party, end with the sentence."""
        terms: Terms = {kind: [] for kind in KINDS}
        named = []
        for sentence in sentences(text):
            found = words(sentence)
            terms["words"] += [*found, *(f"{a} {b}" for a, b in pairwise(found))]
            terms["runs"] += [run for word in found for run in letter_runs(word)]
            if self.parties.markers:
                named.append(self.parties.tokens(sentence))
                terms["parties"] += self.parties.around(named[-1])
                terms["sides"] += self.parties.sides(named[-1])
        unnamed = bool(self.parties.markers) and not any(map(self.parties.is_party, chain.from_iterable(named)))
        return Reading(terms, shares(self.parties, named), not unnamed)

    def terms(self, text: str) -> Terms:
        """Return the terms of a text by kind, with repetitions."""
        return self.read(text).terms

    def share_names(self) -> list[str]:
        """Return the names of the shares of a reading, in order."""
        return share_names(self.parties)

    def settings(self) -> dict[str, Any]:
        """The analyser as plain data."""
        return {
            "markers": {name: list(listed) for name, listed in self.parties.markers.items()},
            "attitudes": {name: list(listed) for name, listed in self.parties.words.items()},
        }

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Analyser:
        """Make an analyser from its settings."""
        for key in _SETTINGS:
            if not all(isinstance(listed, list) for listed in settings[key].values()):
                raise TypeError(f"{key} holds no lists of words")
        tables = {key: {str(n): [str(w) for w in ws] for n, ws in settings[key].items()} for key in _SETTINGS}
        return cls(Parties(tables["markers"], tables["attitudes"]))


_SETTINGS = ("markers", "attitudes")


@lru_cache(maxsize=1 << 16)  # a word's runs are made once, and shared
def letter_runs(word: str) -> tuple[str, ...]:
    """Return the runs of four letters of a word, its edges marked by underscores.

    >>> letter_runs("oil")
    ('_oil', 'oil_')
    """
    if len(word) < 2:
        return ()
    edged = f"_{word}_"
    return tuple(edged[i : i + LETTERS] for i in range(len(edged) - LETTERS + 1))
