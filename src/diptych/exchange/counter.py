"""Counting what streams by: batches of columns → how many rows of which group, document and values."""

from __future__ import annotations

import collections
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diptych.errors import UsageError
from diptych.exchange.tables import Reject, undefuse

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Codes = NDArray[np.int64]
Sums = NDArray[np.float64]
BUCKETS = 1024  # documents are told apart up to this number
DEALT = 256  # then they are dealt to as many buckets by a hash
CELLS = 1 << 18  # rows of the table of counts; above it, buckets are put together in pairs
LEAST = 8  # buckets
WAITING = 1 << 20  # rows that wait to be added up
GROUPS = 1000
KEPT = 1000  # rejects that are kept word for word


@dataclass(frozen=True)
class Wanted:
    """Which columns are counted, under which names.

    Attributes
    ----------
    facets : mapping of str to sequence of str
        Facet → its values.
    by, column : str
        What is compared, and the file's column of it.
    document, words : str
        The file's columns; they may be missing there.
    prefix : str
        Before the names of facets.
    where : mapping of str to str
        Only rows with these values of these columns.
    """

    facets: Mapping[str, Sequence[str]]
    by: str = "author"
    column: str = "author"
    document: str = "document"
    words: str = "words"
    prefix: str = ""
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The file's columns that must be there."""
        return list(dict.fromkeys([*(self.prefix + facet for facet in self.facets), self.column, *self.where]))


class Counter:
    """Adds batches up. A combination is one number: group, block and the place of every value, in mixed radix."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.passages = self.rejected = 0
        self.rejects: list[Reject] = []
        self.silent: collections.Counter[str] = collections.Counter()
        self.strange: collections.Counter[tuple[str, str]] = collections.Counter()
        self._places = [{value: i + 1 for i, value in enumerate(values)} for values in wanted.facets.values()]
        self._cells = int(np.prod([len(places) + 1.0 for places in self._places]))
        if self._cells * GROUPS * BUCKETS > 2**62:
            raise UsageError(
                f"{len(self._places)} facets have too many combinations to count at once", hint="name one with --facet"
            )
        self._groups: dict[str, int] = {}
        self._documents: dict[bytes, int] = {}
        self.shared = False
        self.buckets = 0  # 0: every document is told apart
        self._keys: Codes = np.zeros(0, dtype=np.int64)
        self._sums: Sums = np.zeros((0, 2))
        self._waiting: list[tuple[Codes, Sums]] = []

    def reject(self, reject: Reject) -> None:
        """Count what could not be read; the first ones are kept word for word."""
        self.rejected += 1
        if len(self.rejects) < KEPT:
            self.rejects.append(reject)

    def add(self, batch: pa.Table) -> None:
        """Count a batch."""
        kept = np.ones(batch.num_rows, dtype=bool)
        for column, value in self.wanted.where.items():
            names, codes = _coded(batch, column)
            kept &= np.array([_text(name) == value for name in names])[codes]
        if not kept.all():
            batch = batch.filter(kept)
        if not batch.num_rows:
            return
        names, codes = _coded(batch, self.wanted.column)
        groups = np.array([self._group(_text(name)) for name in names], dtype=np.int64)[codes]
        key = groups * BUCKETS + self._blocks(batch)
        for facet, places in zip(self.wanted.facets, self._places, strict=True):
            names, codes = _coded(batch, self.wanted.prefix + facet)
            here = np.array([self._place(name, places) for name in names], dtype=np.int64)
            found = here[codes]
            self.silent[facet] += int((found == 0).sum())
            self._count_strange(facet, names, here, codes)
            key = key * (len(places) + 1) + np.maximum(found, 0)
        self.passages += batch.num_rows
        numbers, inverse = np.unique(key, return_inverse=True)
        sums = np.stack([np.bincount(inverse), np.bincount(inverse, self._words(batch))], axis=1).astype(float)
        self._waiting.append((numbers, sums))
        if sum(len(keys) for keys, _ in self._waiting) > WAITING:
            self._settle()

    def _group(self, name: str) -> int:
        found = self._groups.setdefault(name, len(self._groups))
        if found >= GROUPS:
            raise UsageError(
                f"column {self.wanted.column!r} has more than {GROUPS:,} values: too many to compare",
                hint="name another with --by or --author-column",
            )
        return found

    @staticmethod
    def _place(name: bytes | None, places: Mapping[str, int]) -> int:
        """0: no answer; -1: one that the schema does not know."""
        return places.get(name.decode("utf-8", "replace"), -1) if name else 0

    def _count_strange(self, facet: str, names: Sequence[bytes | None], here: Codes, codes: Codes) -> None:
        if not (here < 0).any():
            return
        number = np.bincount(codes, minlength=len(names))
        for i in np.flatnonzero((here < 0) & (number > 0)):
            name = _text(names[i])
            known = (facet, name) in self.strange or len(self.strange) < KEPT
            self.strange[facet, name if known else "(others)"] += int(number[i])

    def _blocks(self, batch: pa.Table) -> Codes:
        """The document of every row, or its bucket."""
        if self.wanted.document not in batch.column_names:
            return np.zeros(batch.num_rows, dtype=np.int64)
        names, codes = _coded(batch, self.wanted.document)
        written = [name or b"" for name in names]
        if not self.buckets:
            for name in written:
                self._documents.setdefault(name, len(self._documents))
            if len(self._documents) <= BUCKETS:
                return np.array([self._documents[name] for name in written], dtype=np.int64)[codes]
            self._deal()
        return np.array([zlib.crc32(name) % self.buckets for name in written], dtype=np.int64)[codes]

    def _deal(self) -> None:
        """Put the documents so far into buckets; the same ones in whatever order the files come."""
        self._add_up()
        self._look_for_shared()
        self.buckets = DEALT
        buckets = np.array([zlib.crc32(name) % DEALT for name in self._documents], dtype=np.int64)
        self._rename(lambda blocks: buckets[blocks])

    def _look_for_shared(self) -> None:
        owners = np.unique(self._keys // self._cells)  # group and document
        self.shared = len(np.unique(owners % BUCKETS)) < len(owners)

    def _rename(self, renamed: Callable[[Codes], Codes]) -> None:
        rest, cell = np.divmod(self._keys, self._cells)
        group, block = np.divmod(rest, BUCKETS)
        self._waiting.append(((group * BUCKETS + renamed(block)) * self._cells + cell, self._sums))
        self._keys, self._sums = self._keys[:0], self._sums[:0]
        self._add_up()

    def _words(self, batch: pa.Table) -> NDArray[np.float64]:
        if self.wanted.words not in batch.column_names:
            return np.zeros(batch.num_rows)
        names, codes = _coded(batch, self.wanted.words)
        return np.array([_number(name) for name in names])[codes]

    def _add_up(self) -> None:
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._waiting)])
        sums = np.concatenate([self._sums, *(sums for _, sums in self._waiting)])
        self._waiting = []
        self._keys, inverse = np.unique(keys, return_inverse=True)
        self._sums = np.stack([np.bincount(inverse, column, len(self._keys)) for column in sums.T], axis=1)

    def _settle(self) -> None:
        """Add up what waits; where the table is too long, deal documents to buckets and pair these."""
        self._add_up()
        while len(self._keys) > CELLS:
            if not self.buckets:
                self._deal()
            elif self.buckets > LEAST:
                self.buckets //= 2
                self._rename(lambda blocks: blocks % self.buckets)
            else:
                raise UsageError("there are too many combinations of values to count at once", hint="use --facet NAME")

    def table(self) -> pd.DataFrame:
        """What was counted: a row a combination that occurs."""
        import pandas as pd

        self._settle()
        if not self.buckets:
            self._look_for_shared()
        rest = self._keys
        columns: dict[str, Any] = {}
        for facet, values in reversed(list(self.wanted.facets.items())):
            rest, code = np.divmod(rest, len(values) + 1)
            columns[facet] = np.array([None, *values], dtype=object)[code]
        group, block = np.divmod(rest, BUCKETS)
        names = np.array([str(number) for number in range(BUCKETS)], dtype=object)
        if not self.buckets and self._documents:
            names[: len(self._documents)] = [_text(name) for name in self._documents]
        head = {self.wanted.by: np.array(list(self._groups), dtype=object)[group], "document": names[block]}
        facets = {facet: columns[facet] for facet in self.wanted.facets}
        return pd.DataFrame({**head, **facets, "passages": self._sums[:, 0], "words": self._sums[:, 1]})

    @property
    def documents(self) -> int:
        """How many were told apart; 0 without a column of them."""
        return len(self._documents) if self._documents != {b"": 0} else 0


def _coded(batch: pa.Table, name: str) -> tuple[list[bytes | None], Codes]:
    """The different values of a column, as bytes, and the place of every row's among them."""
    import pyarrow as pa

    column = batch.column(name)
    if not pa.types.is_dictionary(column.type):
        if not pa.types.is_binary(column.type):
            column = column.cast(pa.large_string() if pa.types.is_large_string(column.type) else pa.string())
        column = column.dictionary_encode(null_encoding="encode")
    whole = column.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    values: list[bytes | None] = whole.dictionary.cast(pa.large_binary()).to_pylist()
    if whole.indices.null_count:
        values.append(None)
    codes = whole.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return values, codes.astype(np.int64)


def _text(name: bytes | None) -> str:
    return undefuse(name.decode("utf-8", "replace")) if name else "(none)"


def _number(name: bytes | None) -> float:
    try:
        return max(float(name or 0), 0.0)
    except ValueError:
        return 0.0
