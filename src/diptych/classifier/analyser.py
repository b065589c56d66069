"""A text → its terms, in three kinds: words and pairs, letter runs within words, and terms around parties.

One analyser serves training and scoring. Letters are case-folded; Chinese, Japanese and Korean characters are a
word each, so that pairs stand for the words a dictionary would find.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from diptych.classifier.parties import Parties

LETTER_RUNS = (3, 5)
KINDS = ("words", "runs", "parties")
_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+(?:['’][^\W\d_{_WIDE}]+)?")


def words(text: str) -> list[str]:
    """Return the words of a text, case-folded.

    >>> words("Moscow’s 2nd pipeline: 北京")
    ['moscow’s', '2nd', 'pipeline', '北', '京']
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True)
class Analyser:
    """Takes texts apart; what it does depends on the parties it knows, and is stored with a model.

    Examples
    --------
    >>> terms = Analyser().terms("oil flows")
    >>> terms["words"]
    ['oil', 'flows', 'oil flows']
    >>> terms["runs"][:4], terms["parties"]
    (['_oi', 'oil', 'il_', '_oil'], [])
    """

    parties: Parties = field(default_factory=Parties)

    def terms(self, text: str) -> dict[str, list[str]]:
        """Return the terms of a text by kind, with repetitions."""
        found = words(text)
        return {
            "words": [*found, *(f"{a} {b}" for a, b in pairwise(found))],
            "runs": [run for word in found for run in letter_runs(word)],
            "parties": self.parties.terms(text),
        }

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
    """Return the runs of three to five letters of a word, its edges marked by underscores.

    >>> letter_runs("oil")
    ('_oi', 'oil', 'il_', '_oil', 'oil_', '_oil_')
    """
    if len(word) < 2:
        return ()
    edged = f"_{word}_"
    shortest, longest = LETTER_RUNS
    return tuple(edged[i : i + size] for size in range(shortest, longest + 1) for i in range(len(edged) - size + 1))
