"""Passages that repeat an earlier one, word for word or nearly; found while they stream by, in bounded memory.

Compared are words: case, punctuation and spacing do not count. Two passages repeat each other *nearly* if they
share at least nine tenths of their words, counted with repetitions (Jaccard's coefficient of the two bags).
Candidates come from MinHash signatures (Broder 1997) in bands, and are then compared in full, so nothing is called
a repeat that is none; of those that share just nine tenths about one in 200 is missed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain
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
_TYPOGRAPHIC = "’‘“”–—…•\u00a0"  # all that is not ASCII in most English texts; parts words, as ASCII's own marks do
_PLAIN = "".join(chr(c).lower() if chr(c).isalnum() else " " for c in range(128)).encode().ljust(256)
# drawn once, the factors odd; written out because numpy.random takes long to import
_FACTORS = np.array(
    [
        0xC9712E85,
        0xB00B5FE5,
        0x6C3FCF51,
        0x64410403,
        0x403FB753,
        0x42290541,
        0x4F73CCC9,
        0x06105C09,
        0x4ABB00A1,
        0x39929385,
        0x535B0EFB,
        0xE7E230C3,
    ],
    dtype=np.uint32,
)[:, None]
_SHIFTS = np.array(
    [
        0xBE375F42,
        0x8B349218,
        0x529D40D8,
        0x6DE103CC,
        0x3B1771E0,
        0x488756FA,
        0x36E2A26F,
        0x65919EFF,
        0xF4C3B977,
        0x1E895F78,
        0x4DBA64BE,
        0x78FBD11D,
    ],
    dtype=np.uint32,
)[:, None]
_MIX = np.array(
    [
        0xFBAE93BD5149F0FB,
        0x31CF818AB16A3621,
        0x040476A8B1EA2971,
        0xDFF8AE9538FF644F,
        0xBD18222E8B3AF54F,
        0x13B6955BD8531CEB,
        0x21027DC4E9460883,
        0x0FC8842F9E73BE67,
        0xE8C60D1B1F9BD3D3,
        0x702021E528555EDF,
        0x1F710333F7BFB50B,
        0x930B1213D19341F5,
    ],
    dtype=np.uint64,
).reshape(_BANDS, _ROWS)
_GOLDEN = np.uint32(2654435769)
_MARKS = 512  # bits that tell most passages apart without a look at their words
_TOGETHER = 256  # passages that are prepared at a time


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
        self._marks: list[int] = []
        self._names: list[str | int] = []
        self._words = 0

    @property
    def remembered(self) -> int:
        """How many different passages are compared nearly."""
        return len(self._bags)

    def look(self, text: str, name: str | int) -> Duplicate | None:
        """Return which earlier passage `text` repeats, if any; else remember it by `name`."""
        return self.look_all([text], [name])[0]

    def look_all(self, texts: Sequence[str], names: Sequence[str | int]) -> list[Duplicate | None]:
        """Return what :meth:`look` returns for each of many texts in turn, sooner.

        Examples
        --------
        >>> Duplicates().look_all(["Oil.", "Gas.", "oil"], [1, 2, 3])
        [None, None, Duplicate(first=1, how='exact')]
        """
        found: list[Duplicate | None] = []
        for start in range(0, len(texts), _TOGETHER):
            listed = [_words(text) for text in texts[start : start + _TOGETHER]]
            bags = _bags(listed)
            for words, name, bag in zip(listed, names[start : start + _TOGETHER], bags, strict=True):
                found.append(self._look(words, name, bag) if words else None)
        return found

    def _look(self, words: list[bytes], name: str | int, bag: _Bag) -> Duplicate | None:
        key = blake2b(b" ".join(words), digest_size=12).digest()
        first = self._exact.get(key)
        if first is not None:
            self.exact += 1
            return Duplicate(first, "exact")
        close = self._close(bag)
        if close is not None:
            self.near += 1
            self._keep(key, close)
            return Duplicate(close, "near")
        self._keep(key, name)
        self._compare_later(bag, name)
        return None

    def _close(self, bag: _Bag) -> str | int | None:
        """The first remembered passage that shares enough words."""
        known = self._bands
        for place in sorted({known[band] for band in bag.bands if band in known}):
            other = self._bags[place]
            both = len(bag.words) + len(other) // 4
            most = len(bag.words) - (bag.marks & ~self._marks[place]).bit_count()  # shared: no more than that
            if most < LEAST_SHARE * (both - most):
                continue
            shared = len(np.intersect1d(bag.words, np.frombuffer(other, dtype=np.uint32), assume_unique=True))
            if shared >= LEAST_SHARE * (both - shared):
                return self._names[place]
        return None

    def _keep(self, key: bytes, first: str | int) -> None:
        if len(self._exact) < self.exact_limit:
            self._exact[key] = first
        else:
            self.full = True

    def _compare_later(self, bag: _Bag, name: str | int) -> None:
        if len(self._bags) >= self.near_limit or self._words + len(bag.words) > self.word_limit:
            self.full = True
            return
        for band in bag.bands:
            self._bands.setdefault(band, len(self._bags))
        self._bags.append(bag.words.tobytes())
        self._marks.append(bag.marks)
        self._names.append(name)
        self._words += len(bag.words)


class _Bag(NamedTuple):
    """The words of a passage as different numbers; its signature; and a bit a word, by the number's last digits."""

    words: Words
    bands: list[int]
    marks: int


def _words(text: str) -> list[bytes]:
    """The words, in UTF-8; ASCII with typographic marks takes a short cut to the same."""
    plain = text
    if not text.isascii():
        for mark in _TYPOGRAPHIC:
            plain = plain.replace(mark, " ")
    if plain.isascii():
        return plain.encode().translate(_PLAIN).split()
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return " ".join(found).encode("utf-8", "surrogatepass").split()


def _bags(listed: Sequence[list[bytes]]) -> list[_Bag]:
    """The bags of passages; the second “the” of a passage has another number than the first.

    The signature is one number a band, equal for two bags with chance J³, J being the share of their words in common.
    """
    counts = np.fromiter(map(len, listed), dtype=np.intp, count=len(listed))
    total = int(counts.sum())
    if not total:
        return [_Bag(np.zeros(0, dtype=np.uint32), [], 0)] * len(listed)
    keys = np.fromiter(map(crc32, chain.from_iterable(listed)), dtype=np.uint64, count=total)
    owners = np.repeat(np.arange(len(listed)), counts)
    keys |= owners.astype(np.uint64) << np.uint64(32)
    keys.sort()
    places = np.arange(total, dtype=np.uint32)
    first = places.copy()
    first[1:][keys[1:] == keys[:-1]] = 0
    words = keys.astype(np.uint32) + (places - np.maximum.accumulate(first)) * _GOLDEN
    full = np.flatnonzero(counts)
    ends = np.cumsum(counts)
    least = np.minimum.reduceat(words * _FACTORS + _SHIFTS, (ends - counts)[full], axis=1)
    bands = (least.T.reshape(len(full), _BANDS, _ROWS) * _MIX).sum(axis=2).tolist()
    marks = np.zeros(len(listed) * _MARKS, dtype=np.bool_)
    marks[owners * _MARKS + (words & np.uint32(_MARKS - 1))] = True
    packed = np.packbits(marks.reshape(len(listed), _MARKS), axis=1)
    found = [_Bag(words[:0], [], 0)] * len(listed)
    for place, band, end in zip(full.tolist(), bands, ends[full].tolist(), strict=True):
        mine = words[end - len(listed[place]) : end]
        found[place] = _Bag(mine, band, int.from_bytes(packed[place].tobytes(), "big"))
    return found
