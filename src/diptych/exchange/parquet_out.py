"""Batches with their predictions → Parquet: rows gathered into row groups of about 65,536."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from diptych.errors import RecordError
from diptych.exchange.arrow_batches import Columns
from diptych.exchange.batches import GONE, Batch
from diptych.exchange.parquet import first_line
from diptych.exchange.tables import cell, check_late
from diptych.exchange.writers import Added
from diptych.files import canonical

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

GROUP = 1 << 16  # rows of a row group …
HEAVY = 32 << 20  # … or bytes
_WORDS = {"text": "string", "flag": "bool", "whole": "int64", "number": "double"}


def kinds_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> dict[str, str]:
    """Say of what kind the columns of rows are: text, flag, whole, number, or text that holds JSON.

    >>> kinds_of([{"a": 1, "b": None, "c": [2]}, {"a": 1.5, "b": None, "c": "x"}], ["a", "b", "c"])
    {'a': 'number', 'b': 'text', 'c': 'json'}
    """
    found: dict[str, set[str]] = {name: set() for name in columns}
    names = {str: "text", bool: "flag", int: "whole", float: "number"}
    for row in rows:
        for name, value in row.items():
            if value is not None and name in found:
                found[name].add(names.get(type(value), "json"))
    one = {frozenset(("whole", "number")): "number", frozenset(): "text"}
    return {
        name: one.get(frozenset(kinds), next(iter(kinds), "") if len(kinds) == 1 else "json")
        for name, kinds in found.items()
    }


def schema_of(kinds: Mapping[str, str]) -> pa.Schema:
    """Return the schema for columns of some kinds."""
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(_WORDS.get(kind, "string"))) for name, kind in kinds.items()])


class ParquetLines:
    """Turns batches into tables of Arrow with one schema.

    Parameters
    ----------
    own : Schema
        The input's columns.
    json : collection of str
        Those of them that hold what JSON holds, as text.
    added : Schema
    """

    def __init__(self, own: pa.Schema, json: Iterable[str], added: pa.Schema) -> None:
        import pyarrow as pa

        self._own = own
        self._json = frozenset(json)
        self._added = added
        self.schema = pa.schema([*own, *added])

    def table(self, batch: Batch, added: Added) -> pa.RecordBatch:
        """Return a batch with the columns that are added.

        Raises
        ------
        RecordError
            If a column is of another type than in the first rows, or new.
        """
        import pyarrow as pa

        for names in batch.names():
            check_late(names, {*self._own.names, *self._added.names})
        own = [self._column(batch, field) for field in self._own]
        more = [arrow_of(values) for values in added.values()]
        return pa.RecordBatch.from_arrays([*own, *more], schema=self.schema)

    def _column(self, batch: Batch, field: pa.Field) -> pa.Array:
        import pyarrow as pa

        try:
            if isinstance(batch, Columns):
                if field.name not in batch.table.schema.names:
                    return pa.nulls(len(batch), field.type)
                found = batch.table.column(field.name)
                return found if found.type == field.type else found.cast(field.type)
            known = next(iter(batch.names()), ())
            values = batch.column(field.name) if field.name in known or len(batch.names()) > 1 else [None] * len(batch)
            values = [None if value is GONE else value for value in values]
            if pa.types.is_string(field.type) and field.name not in self._json:
                values = [value if value is None or type(value) is str else str(cell(value)) for value in values]
            elif field.name in self._json:
                values = [value if value is None else canonical(value) for value in values]
            return pa.array(values, field.type)
        except (pa.ArrowException, OverflowError, TypeError) as error:
            raise RecordError(
                f"column {field.name!r} was {field.type} in the first rows, and is not later ({first_line(error)})",
                hint="write --format jsonl, or give the column one type",
            ) from error


def arrow_of(values: NDArray[Any]) -> pa.Array:
    """Return an array of texts, numbers or flags, none of them missing, as one of Arrow.

    `pyarrow.array` would import pandas where it is installed, which takes longer than to classify thousands of rows.

    >>> arrow_of(np.array(["a", "ß", "a"], dtype=object)).to_pylist(), arrow_of(np.array([True, False])).to_pylist()
    (['a', 'ß', 'a'], [True, False])
    """
    import pyarrow as pa

    if values.dtype == np.bool_:
        buffer = pa.py_buffer(np.packbits(values, bitorder="little"))
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, buffer], null_count=0)
    if values.dtype != object:
        values = np.ascontiguousarray(values, dtype=np.float64)
        return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)], null_count=0)
    texts = [text.encode() for text in values.tolist()]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers, null_count=0)


class ParquetSink:
    """Writes tables of Arrow to a Parquet file, gathered into row groups that do not depend on the batches."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema) -> None:
        from pyarrow.parquet import ParquetWriter

        self._writer = ParquetWriter(stream, schema, compression="zstd", compression_level=1)
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def put(self, batch: pa.RecordBatch) -> None:
        """Take one batch."""
        self._waiting.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP or self._bytes >= HEAVY:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema), row_group_size=self._rows)
        self._waiting.clear()
        self._rows = self._bytes = 0

    def close(self) -> None:
        """Write what waits, and the index."""
        self._flush()
        self._writer.close()


class ArrowSink:
    """Writes tables of Arrow to a file as they are."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema) -> None:
        import pyarrow as pa

        self._writer = pa.ipc.new_stream(stream, schema)

    def put(self, batch: pa.RecordBatch) -> None:
        """Take one batch."""
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Write the end."""
        self._writer.close()


@contextmanager
def arrow_sink(stream: IO[bytes], schema: pa.Schema, *, packed: bool) -> Iterator[ArrowSink | ParquetSink]:
    """Give what writes tables of Arrow to a file: as Parquet, or as they are."""
    target = ParquetSink(stream, schema) if packed else ArrowSink(stream, schema)
    yield target
    target.close()


def join_arrow(paths: Iterable[Path], stream: IO[bytes], schema: pa.Schema) -> None:
    """Turn files of plain Arrow into one of Parquet."""
    import pyarrow as pa

    with arrow_sink(stream, schema, packed=True) as target:
        for path in paths:
            with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as batches:
                for batch in batches:
                    target.put(batch)
