"""Parquet in batches of columns: what `read_parquet` gives row by row."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from diptych.errors import RecordError
from diptych.exchange.batches import Place
from diptych.exchange.parquet import check_columns, first_line, is_text, plain
from diptych.exchange.tables import Reject
from diptych.files import Row

if TYPE_CHECKING:
    from pyarrow import RecordBatch, Schema
    from pyarrow.parquet import ParquetFile

ROWS = 2048  # of a batch
_BUFFER = 1 << 20  # bytes of a column that are read at a time


@dataclass(slots=True)
class Columns:
    """Rows as columns of Arrow: see :class:`diptych.exchange.batches.Batch`."""

    table: RecordBatch
    before: int
    rejects: list[Reject] = field(default_factory=list)
    places: Sequence[int] | None = None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def line(self, place: int) -> int:
        """The number of a row in the file, from 1."""
        return self.before + 1 + (place if self.places is None else self.places[place])

    def column(self, name: str) -> list[Any]:
        """The values of a column."""
        values: list[Any] = self.table.column(name).to_pylist()
        return values if is_text(self.table.schema.field(name).type) else [plain(value) for value in values]

    def names(self) -> Collection[tuple[str, ...]]:
        """The columns."""
        return (tuple(self.table.schema.names),)

    def dicts(self, places: Sequence[int] | None = None) -> list[Row]:
        """Rows as dicts: all, or those at some places."""
        table = self.table if places is None else self.table.take(_indices(places))
        return [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]

    def without(self, places: Collection[int]) -> Columns:
        """The batch without some rows."""
        kept = [place for place in range(len(self)) if place not in places]
        numbers = kept if self.places is None else [self.places[place] for place in kept]
        return Columns(self.table.take(_indices(kept)), self.before, self.rejects, numbers)


def _indices(places: Sequence[int]) -> Any:
    import pyarrow as pa

    return pa.array(places, pa.int64())


def open_table(stream: IO[bytes], name: str) -> ParquetFile:
    """Open a Parquet file.

    Raises
    ------
    RecordError
        If it is none.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(stream, buffer_size=_BUFFER)
    except (ArrowException, OSError, ValueError) as error:
        said = "standard input" if name == "-" else name
        raise RecordError(
            f"{said}: this is no Parquet file, or it is damaged ({first_line(error)})", hint="write the file anew"
        ) from error


class ArrowTable:
    """A table of Parquet, batch by batch.

    Parameters
    ----------
    table : ParquetFile
    name : str
    required : sequence of str
        Columns that must be there.
    text_column : str
        A column that must hold text.
    place : Place, optional
        Row groups and rows that lie behind.
    groups : int, optional
        Up to which row group to read; default: the last.

    Raises
    ------
    RecordError
        If a column is missing or stands twice, or the text column holds something else.
    """

    def __init__(
        self,
        table: ParquetFile,
        name: str,
        required: Sequence[str],
        text_column: str,
        *,
        place: Place | None = None,
        groups: int | None = None,
    ) -> None:
        check_columns(table.schema_arrow, "standard input" if name == "-" else name, required, text_column)
        self.table = table
        self.place = place or Place()
        self._end = table.num_row_groups if groups is None else groups

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        return self.table.schema_arrow

    def __iter__(self) -> Iterator[Columns]:
        while self.place.offset < self._end:
            yield from self._group(self.place.offset)

    def _group(self, group: int) -> Iterator[Columns]:
        """The rows of a row group; one that cannot be read is refused as a whole from where it breaks."""
        from pyarrow import ArrowException

        at, end = self.place.line, self.place.line + self.table.metadata.row_group(group).num_rows
        try:
            for batch in self.table.iter_batches(batch_size=ROWS, row_groups=[group], use_threads=False):
                yield _sound(Columns(batch, at))
                at += batch.num_rows
        except (ArrowException, OSError, ValueError) as error:
            reason = f"rows {at + 1} to {end} (row group {group + 1}) cannot be read: {first_line(error)}"
            yield Columns(_nothing(self.schema), at, [Reject(at + 1, reason, "")])
        self.place.offset, self.place.line = group + 1, end


def _nothing(schema: Schema) -> RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _sound(batch: Columns) -> Columns:
    """Set aside rows with text that is not UTF-8."""
    from pyarrow import ArrowException

    try:
        batch.table.validate(full=True)
    except (ArrowException, UnicodeDecodeError):
        pass
    else:
        return batch
    wrong = set()
    for place in range(len(batch)):
        try:
            batch.table.slice(place, 1).to_pylist()
        except UnicodeDecodeError:
            wrong.add(place)
            batch.rejects.append(Reject(batch.line(place), "not UTF-8", ""))
    return batch.without(wrong)
