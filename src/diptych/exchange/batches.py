"""Rows that are read together: as dicts, or as the cells of a table whose header names the columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Protocol

from diptych.errors import RecordError, listed, nearest
from diptych.exchange.tables import Reject
from diptych.files import Row

GONE = object()  # stands where a row has no such column


class Batch(Protocol):
    """Rows that were read together, and what stood between them and is no row."""

    rejects: list[Reject]

    def __len__(self) -> int: ...

    def line(self, place: int) -> int:
        """The line (of a table of Parquet, the row) at which a row ends."""

    def column(self, name: str) -> list[Any]:
        """The values of a column; `GONE` where a row has none."""

    def names(self) -> Collection[tuple[str, ...]]:
        """The columns that rows have: one tuple, or as many as there are kinds of rows."""

    def dicts(self, places: Sequence[int] | None = None) -> list[Row]:
        """Rows as dicts: all, or those at some places."""

    def without(self, places: Collection[int]) -> Batch:
        """The batch without some rows."""


@dataclass(slots=True)
class Dicts:
    """Rows as dicts, each with columns of its own."""

    rows: list[Row]
    lines: Sequence[int]
    rejects: list[Reject] = field(default_factory=list)
    _names: Collection[tuple[str, ...]] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def line(self, place: int) -> int:
        """The line at which a row ends."""
        return self.lines[place]

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        return [row.get(name, GONE) for row in self.rows]

    def names(self) -> Collection[tuple[str, ...]]:
        """The columns that rows have."""
        if self._names is None:
            self._names = dict.fromkeys(map(tuple, self.rows))
        return self._names

    def dicts(self, places: Sequence[int] | None = None) -> list[Row]:
        """Rows as dicts: all, or those at some places."""
        return self.rows if places is None else [self.rows[place] for place in places]

    def without(self, places: Collection[int]) -> Dicts:
        """The batch without some rows."""
        keep = [place not in places for place in range(len(self.rows))]
        return Dicts(list(compress(self.rows, keep)), list(compress(self.lines, keep)), self.rejects)


@dataclass(slots=True)
class Cells:
    """Rows of a table whose header names the columns."""

    columns: tuple[str, ...]
    rows: list[list[str]]
    lines: Callable[[], Sequence[int]]
    rejects: list[Reject] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def line(self, place: int) -> int:
        """The line at which a row ends."""
        return self.lines()[place]

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def names(self) -> Collection[tuple[str, ...]]:
        """The columns that rows have."""
        return (self.columns,)

    def dicts(self, places: Sequence[int] | None = None) -> list[Row]:
        """Rows as dicts: all, or those at some places."""
        rows = self.rows if places is None else [self.rows[place] for place in places]
        return [dict(zip(self.columns, row, strict=True)) for row in rows]

    def without(self, places: Collection[int]) -> Cells:
        """The batch without some rows."""
        keep = [place not in places for place in range(len(self.rows))]
        lines = list(compress(self.lines(), keep))
        return Cells(self.columns, list(compress(self.rows, keep)), lambda: lines, self.rejects)


@dataclass(slots=True)
class Place:
    """Where reading stands: bytes (of Parquet: row groups) and lines (rows) that lie behind."""

    offset: int = 0
    line: int = 0


def missing_column(name: str, column: str, columns: Sequence[str]) -> RecordError:
    """Word that a table has no such column."""
    return RecordError(
        f"{name}: column {column!r} is missing{nearest(column, columns)}",
        hint=f"columns here: {listed(columns)}; name yours with --text-column or --id-column",
    )
