"""Passages that repeat an earlier one, word for word or nearly; found while they stream by, in bounded memory.

Compared are words: case, punctuation and spacing do not count. Two passages repeat each other *nearly* if they
share at least nine tenths of their words, counted with repetitions (Jaccard's coefficient of the two bags).
Candidates come from MinHash signatures (Broder 1997) in bands, and are then compared in full, so nothing is called
a repeat that is none; of those that share just nine tenths about one in 200 is missed.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, NamedTuple
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint32]

LEAST_SHARE = 0.9
EXACT_LIMIT = 1_000_000  # different passages remembered word for word
NEAR_LIMIT = 200_000  # of these, as many as are compared nearly …
WORD_LIMIT = 20_000_000  # … or until they hold this many words
_BANDS, _ROWS = 4, 3
_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+")
_PLAIN = "".join(chr(c).lower() if chr(c).isalnum() else " " for c in range(128)).encode().ljust(256)
_DRAW = np.random.default_rng(1997)
_FACTORS = _DRAW.integers(1, 2**31, size=(_BANDS * _ROWS, 1), dtype=np.uint32) * np.uint32(2) + np.uint32(1)
_SHIFTS = _DRAW.integers(0, 2**32, size=(_BANDS * _ROWS, 1), dtype=np.uint32)
_MIX = _DRAW.integers(1, 2**63, size=(_BANDS, _ROWS), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_GOLDEN = np.uint32(2654435769)


class Duplicate(NamedTuple):
    """Which earlier passage is repeated, by the name it was given, and how."""

    first: str | int
    how: Literal["exact", "near"]


class Duplicates:
    """Remembers passages and says of every further one which it repeats.

    Only passages that repeat none are remembered, so a repeat is always named by the first of its kind. Past
    `near_limit` different passages (or `word_limit` words in them) later ones are still compared with those
    remembered, but no more are taken in; past `exact_limit` likewise word for word. With the default limits
    that is about 0.4 GB at most.

    Parameters
    ----------
    near_limit, word_limit, exact_limit : int
        Passages, words in them, and passages.

    Attributes
    ----------
    exact, near : int
        How many passages repeated an earlier one, word for word or nearly.
    full : bool
        Whether a limit was reached: later passages are compared with the earlier ones only.

    Examples
    --------
    >>> seen = Duplicates()
    >>> seen.look("The gull sits on the old crane.", 1)
    >>> seen.look("the gull sits on the old crane", 2)
    Duplicate(first=1, how='exact')
    >>> seen.exact, seen.near
    (1, 0)
    """

    def __init__(
        self, near_limit: int = NEAR_LIMIT, word_limit: int = WORD_LIMIT, exact_limit: int = EXACT_LIMIT
    ) -> None:
        self.near_limit = near_limit
        self.word_limit = word_limit
        self.exact_limit = exact_limit
        self.exact = 0
        self.near = 0
        self.full = False
        self._exact: dict[bytes, str | int] = {}
        self._bands: dict[int, int] = {}
        self._bags: list[bytes] = []
        self._names: list[str | int] = []
        self._words = 0

    @property
    def remembered(self) -> int:
        """How many different passages are compared nearly."""
        return len(self._bags)

    def look(self, text: str, name: str | int) -> Duplicate | None:
        """Return which earlier passage `text` repeats, if any; else remember it by `name`."""
        words = _words(text)
        if not words:
            return None
        key = blake2b(b" ".join(words), digest_size=12).digest()
        first = self._exact.get(key)
        if first is not None:
            self.exact += 1
            return Duplicate(first, "exact")
        bag = _bag(words)
        bands = _signature(bag)
        close = self._close(bag, bands)
        if close is not None:
            self.near += 1
            self._keep(key, close)
            return Duplicate(close, "near")
        self._keep(key, name)
        self._compare_later(bag, bands, name)
        return None

    def _close(self, bag: Words, bands: list[int]) -> str | int | None:
        """The first remembered passage that shares enough words."""
        for place in sorted({self._bands[band] for band in bands if band in self._bands}):
            other = np.frombuffer(self._bags[place], dtype=np.uint32)
            if min(len(bag), len(other)) < LEAST_SHARE * max(len(bag), len(other)):
                continue
            shared = len(np.intersect1d(bag, other, assume_unique=True))
            if shared >= LEAST_SHARE * (len(bag) + len(other) - shared):
                return self._names[place]
        return None

    def _keep(self, key: bytes, first: str | int) -> None:
        if len(self._exact) < self.exact_limit:
            self._exact[key] = first
        else:
            self.full = True

    def _compare_later(self, bag: Words, bands: list[int], name: str | int) -> None:
        if len(self._bags) >= self.near_limit or self._words + len(bag) > self.word_limit:
            self.full = True
            return
        for band in bands:
            self._bands.setdefault(band, len(self._bags))
        self._bags.append(bag.tobytes())
        self._names.append(name)
        self._words += len(bag)


class _Numbers(dict[bytes, int]):
    """Words → their numbers, the same in every run; forgets when it grows large."""

    def __missing__(self, word: bytes) -> int:
        if len(self) >= 1 << 17:
            self.clear()
        number = self[word] = crc32(word)
        return number


_NUMBERS = _Numbers()


def _words(text: str) -> list[bytes]:
    """The words, in UTF-8; plain ASCII takes a short cut to the same."""
    if text.isascii():
        return text.encode().translate(_PLAIN).split()
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return " ".join(found).encode("utf-8", "surrogatepass").split()


def _bag(words: list[bytes]) -> Words:
    """The words as different numbers: the second “the” of a passage has another number than the first."""
    found = np.fromiter(map(_NUMBERS.__getitem__, words), dtype=np.uint32, count=len(words))
    found.sort()
    places = np.arange(len(found), dtype=np.uint32)
    first = places.copy()
    first[1:][found[1:] == found[:-1]] = 0
    turns: Words = places - np.maximum.accumulate(first)
    return found + turns * _GOLDEN


def _signature(bag: Words) -> list[int]:
    """One number a band, equal for two bags with chance J³, J being the share of their words in common."""
    least = (bag * _FACTORS + _SHIFTS).min(axis=1).reshape(_BANDS, _ROWS)
    numbers: list[int] = (least * _MIX).sum(axis=1).tolist()
    return numbers
