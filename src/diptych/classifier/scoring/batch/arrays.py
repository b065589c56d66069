"""Arrays that grow at their end, texts as numbers, and sums over neighbours: what scoring in batches is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


class Growing:
    """An array to which rows are added; room doubles when it is used up.

    >>> found = Growing(np.int64)
    >>> found.add([3, 4])
    >>> found.rows.tolist()
    [3, 4]
    """

    def __init__(self, kind: Any, width: int | None = None) -> None:
        self._room: NDArray[Any] = np.empty((0,) if width is None else (0, width), dtype=kind)
        self._used = 0

    @property
    def rows(self) -> NDArray[Any]:
        """What was added."""
        return self._room[: self._used]

    def add(self, more: Any) -> None:
        """Add rows."""
        number = len(more)
        if self._used + number > len(self._room):
            grown = np.empty((max(1024, 2 * (self._used + number)), *self._room.shape[1:]), dtype=self._room.dtype)
            grown[: self._used] = self.rows
            self._room = grown
        self._room[self._used : self._used + number] = more
        self._used += number


class Numbers(dict[str, int]):
    """Texts → 0, 1, 2 … in the order in which they are first asked for; `fresh` are those since it was last cleared."""

    def __init__(self) -> None:
        super().__init__()
        self.fresh: list[str] = []

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        self.fresh.append(text)
        return number

    def of(self, texts: Iterable[str], count: int) -> Places:
        """Return the numbers of so many texts."""
        return np.fromiter(map(self.__getitem__, texts), dtype=np.intp, count=count)


def spread(starts: Places, counts: Places) -> Places:
    """Return start, start + 1, … so many of each.

    >>> spread(np.array([5, 9]), np.array([2, 1])).tolist()
    [5, 6, 9]
    """
    ends = np.cumsum(counts)
    return np.repeat(starts - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)


def firsts(owners: Places) -> Places:
    """Return where in an ascending array another number begins.

    >>> firsts(np.array([4, 4, 7])).tolist()
    [0, 2]
    """
    if not len(owners):
        return np.zeros(0, dtype=np.intp)
    return np.concatenate([[0], np.flatnonzero(owners[1:] != owners[:-1]) + 1])


def summed(owners: Places, values: NDArray[Any], number: int) -> NDArray[Any]:
    """Return the sums of rows by their owners, 0 to `number` - 1 in ascending order.

    >>> summed(np.array([0, 0, 2]), np.array([1.0, 2.0, 5.0]), 3).tolist()
    [3.0, 0.0, 5.0]
    """
    found = np.zeros((number, *values.shape[1:]), dtype=values.dtype)
    starts = firsts(owners)
    if len(starts):
        found[owners[starts]] = np.add.reduceat(values, starts, axis=0)
    return found


def products(counts: Places, places: Places, weights: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Return the weighted sums of rows of a table, so many of them each time: row by row, so that little waits.

    >>> products(np.array([2, 0, 1]), np.array([0, 1, 1]), np.ones(3), np.eye(2)).tolist()
    [[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]]
    """
    found = np.zeros((len(counts), table.shape[1]), dtype=table.dtype)
    weights = weights.astype(table.dtype, copy=False)
    room = np.empty((int(counts.max(initial=0)), table.shape[1]), dtype=table.dtype)
    start = 0
    for row, count in zip(found, counts.tolist(), strict=True):
        if count:
            end = start + count
            rows = table.take(places[start:end], axis=0, out=room[:count], mode="clip")  # without a copy
            np.dot(weights[start:end], rows, out=row)
            start = end
    return found


def counted(owners: Places, number: int) -> Places:
    """Return how often every owner stands."""
    return np.bincount(owners, minlength=number)


def bits(owners: Places, values: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return the bits of all values of every owner together; owners in any order."""
    found = np.zeros(number, dtype=np.int64)
    np.bitwise_or.at(found, owners, values)
    return found
