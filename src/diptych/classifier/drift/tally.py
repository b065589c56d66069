"""Counts over streams of any length in a fixed room: how many texts repeat, which words are the commonest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

ROOM = 100_000  # texts, or words, up to which counts are exact


class Repeats:
    """Count texts that stand more than once; blanks do not matter, everything else does.

    Parameters
    ----------
    room : int
        How many different texts are held (as numbers of 8 bytes). Of more, a share drawn by their hashes is
        held, halved whenever the room is full, and the counts become estimates.

    Notes
    -----
    Adaptive sampling: Flajolet, P. (1990). On adaptive sampling. The standard error of the number of different
    texts is about 1.2 / sqrt(room) of it, 0.4 % with the default room.

    Examples
    --------
    >>> repeats = Repeats()
    >>> [repeats.add(text) for text in ("gull", "crane", "gull ")], repeats.repeated
    ([False, False, True], 1)
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._seen: set[int] = set()
        self._level = 0
        self._texts = 0

    @property
    def exact(self) -> bool:
        """Whether the counts are exact."""
        return self._level == 0

    @property
    def repeated(self) -> int:
        """How many texts had stood before."""
        return max(0, self._texts - (len(self._seen) << self._level))

    def add(self, text: str) -> bool:
        """Count a text; return whether it is known to have stood before."""
        self._texts += 1
        plain = " ".join(text.split()).encode("utf-8", "surrogatepass")
        number = int.from_bytes(blake2b(plain, digest_size=8).digest(), "little")
        if number in self._seen:
            return True
        if self._held(number):
            self._seen.add(number)
            while len(self._seen) > self._room:
                self._level += 1
                self._seen = {one for one in self._seen if self._held(one)}
        return False

    def _held(self, number: int) -> bool:
        return number & ((1 << self._level) - 1) == 0


class Commonest:
    """Count words and keep the commonest.

    Parameters
    ----------
    room : int
        How many different words are held; when twice as many have come up, the count of the first that must go
        is taken off all: counts are then too low by at most `low_by`.

    Notes
    -----
    Misra, J. and Gries, D. (1982). Finding repeated elements; in blocks, as merged summaries are cut back in
    Agarwal, P. K. et al. (2013). Mergeable summaries.

    Examples
    --------
    >>> words = Commonest()
    >>> words.add(["egg", "flour", "egg"])
    >>> words.top(1), words.low_by
    ([('egg', 2)], 0)
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._counts: Counter[str] = Counter()
        self.low_by = 0

    def add(self, words: Iterable[str]) -> None:
        """Count words."""
        self._counts.update(words)
        if len(self._counts) > 2 * self._room:
            off = sorted(self._counts.values(), reverse=True)[self._room]
            self.low_by += off
            self._counts = Counter({word: count - off for word, count in self._counts.items() if count > off})

    def top(self, number: int) -> list[tuple[str, int]]:
        """Return the commonest words with their counts, equally common ones by the alphabet."""
        return sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:number]
