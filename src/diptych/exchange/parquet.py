"""Parquet tables, read batch by batch: what cannot be read goes aside, the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from diptych.errors import MissingExtraError, RecordError, listed, nearest
from diptych.exchange.tables import Reject, check_once
from diptych.files import Row

if TYPE_CHECKING:
    from pyarrow import DataType, RecordBatch, Schema

BATCH = 512  # rows in memory at a time


def check_parquet() -> None:
    """Raise `MissingExtraError` if Parquet cannot be read here."""
    if find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "parquet")


def read_parquet(
    stream: IO[bytes], name: str, required: Sequence[str] = (), *, text_column: str | None = None
) -> Iterator[tuple[int, Row | Reject]]:
    """Yield (row number from 1, row) of a Parquet table; rows that cannot be read are yielded as a `Reject`.

    Parameters
    ----------
    stream : binary file
        One that cannot be rewound (a pipe) is first copied to a temporary file: the index stands at the end.
    name : str
        Stands in errors.
    required : sequence of str
        Columns that must be there.
    text_column : str, optional
        A column that must hold text.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    RecordError
        If it is no Parquet file, a column is missing or stands twice, or the text column holds something else.
    """
    check_parquet()
    with rewindable(stream) as found:
        yield from _read(found, name, required, text_column)


@contextmanager
def rewindable(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give the stream, or a temporary copy of one that cannot be rewound."""
    if stream.seekable():
        yield stream
        return
    import shutil
    import tempfile

    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        yield copy


def _read(
    stream: IO[bytes], name: str, required: Sequence[str], text_column: str | None
) -> Iterator[tuple[int, Row | Reject]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    said = "standard input" if name == "-" else name
    try:
        table = ParquetFile(stream)
        schema = table.schema_arrow
    except (ArrowException, OSError, ValueError) as error:
        raise RecordError(
            f"{said}: this is no Parquet file, or it is damaged ({first_line(error)})", hint="write the file anew"
        ) from error
    check_columns(schema, said, required, text_column)
    done = 0
    for group in range(table.num_row_groups):
        end = done + table.metadata.row_group(group).num_rows
        place = done
        try:
            for batch in table.iter_batches(batch_size=BATCH, row_groups=[group], use_threads=False):
                yield from _rows(batch, place)
                place += batch.num_rows
        except (ArrowException, OSError, ValueError) as error:
            reason = f"rows {place + 1} to {end} (row group {group + 1}) cannot be read: {first_line(error)}"
            yield place + 1, Reject(place + 1, reason, "")
        done = end


def check_columns(schema: Schema, name: str, required: Sequence[str], text_column: str | None) -> None:
    """Raise `RecordError` if a column is missing or stands twice, or the text column holds something else."""
    columns = list(schema.names)
    check_once(columns, name)
    for column in required:
        if column not in columns:
            raise RecordError(
                f"{name}: column {column!r} is missing{nearest(column, columns)}",
                hint=f"columns here: {listed(columns)}; name yours with --text-column or --id-column",
            )
    if text_column is None or is_text(schema.field(text_column).type):
        return
    texts = [field.name for field in schema if is_text(field.type)]
    raise RecordError(
        f"{name}: column {text_column!r} holds no text but {schema.field(text_column).type}",
        hint=f"columns with text here: {listed(texts)}; name yours with --text-column"
        if texts
        else "no column of this table holds text",
    )


def is_text(kind: DataType) -> bool:
    """Whether values of a type are texts."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return any(check(kind) for check in (types.is_string, types.is_large_string, types.is_string_view))


def _rows(batch: RecordBatch, before: int) -> Iterator[tuple[int, Row | Reject]]:
    """Rows of one batch; where a value is no UTF-8, one by one."""
    try:
        rows = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            yield before + 1, Reject(before + 1, "not UTF-8", "")
            return
        for place in range(batch.num_rows):
            yield from _rows(batch.slice(place, 1), before + place)
        return
    for place, row in enumerate(rows, before + 1):
        yield place, {column: plain(value) for column, value in row.items()}


def plain(value: Any) -> Any:
    """A value as JSON knows it: “not a number” is no number."""
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124


def first_line(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0]
