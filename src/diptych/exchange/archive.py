"""Some columns of tables too large for memory, batch by batch: Parquet, CSV and JSON Lines, a file or a folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from diptych.errors import RecordError, UsageError, listed, nearest
from diptych.exchange.json_batches import fast_json
from diptych.exchange.parquet import check_parquet
from diptych.exchange.tables import TABLE_FORMATS, Reject
from diptych.files import Row, parse_object

if TYPE_CHECKING:
    import pyarrow as pa

PACKED = (".gz", ".zst", ".bz2")
ROWS = 1 << 18  # of a Parquet batch
BYTES = 1 << 23  # of a CSV or JSON Lines batch; no line of CSV may be longer
LONGEST = 4 * BYTES  # of a line of JSON
Aside = Callable[[Reject], None]


def parts_of(path: Path) -> list[Path]:
    """Return the tables that a path names: itself, or those of a folder and its folders, in order.

    Raises
    ------
    UsageError
        If there is none, or the ending says nothing.
    """
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.is_file() and _kind(p) and not p.name.startswith((".", "_")))
        if not found:
            raise UsageError(f"{path} holds no table", hint=f"files are called {', '.join(TABLE_FORMATS)}")
        return found
    if not path.exists():
        raise UsageError(f"there is no file {path}", hint="give a file or a folder that `diptych classify` wrote")
    if not _kind(path):
        raise UsageError(
            f"{path}: cannot tell the format from the name{nearest(path.suffix, TABLE_FORMATS)}",
            hint=f"name it {', '.join(TABLE_FORMATS)} (all but Parquet may end in .gz, .bz2 or .zst too)",
        )
    return [path]


def _kind(path: Path) -> str:
    name = path.with_suffix("") if path.suffix.casefold() in PACKED else path
    return TABLE_FORMATS.get(name.suffix.casefold(), "")


def read_batches(path: Path, columns: Sequence[str], optional: Sequence[str], aside: Aside) -> Iterator[pa.Table]:
    """Yield batches with these columns as text (bytes, perhaps as a dictionary); memory does not grow with the file.

    Parameters
    ----------
    path : Path
        A table.
    columns, optional : sequences of str
        Names; optional ones that are not there are left out.
    aside : callable
        Called with what cannot be read; the rows around it go on.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    RecordError
        If it is no such table, or a column is missing, stands twice or holds no text (numbers and dates are
        taken as they are written; truth values, lists and the like are refused).
    """
    check_parquet()
    import pyarrow as pa

    read = {"parquet": _parquet, "jsonl": _jsonl}.get(_kind(path), _csv)
    done = 0
    try:
        for batch in read(path, columns, optional, aside):
            done += batch.num_rows
            yield batch
    except (pa.ArrowException, OSError, ValueError, EOFError, csv.Error) as error:
        if isinstance(error, RecordError):
            raise
        fault = (str(error).splitlines() or [type(error).__name__])[0]
        if not done:
            raise RecordError(f"{path.name}: it is damaged, or not what its name says ({fault})") from error
        aside(Reject(done + 1, f"damaged from row {done + 1:,} on: {fault}", "", path.name))


def _names(path: Path, here: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> list[str]:
    """Which columns are read; an error where one is missing or stands twice."""
    wanted = [*columns, *(name for name in optional if name in here)]
    for name in wanted:
        if name not in here:
            raise RecordError(
                f"{path.name}: column {name!r} is missing{nearest(name, here)}",
                hint=f"columns here: {listed(here)}",
            )
        if list(here).count(name) > 1:
            raise RecordError(f"{path.name}: column {name!r} stands twice", hint="rename or remove one of them")
    return list(dict.fromkeys(wanted))


def _parquet(path: Path, columns: Sequence[str], optional: Sequence[str], aside: Aside) -> Iterator[pa.Table]:
    import pyarrow as pa
    from pyarrow import types
    from pyarrow.parquet import ParquetFile

    schema = ParquetFile(path).schema_arrow
    wanted = _names(path, schema.names, columns, optional)
    for name in wanted:
        kind = schema.field(name).type
        if types.is_nested(kind) or types.is_binary(kind) or types.is_boolean(kind):
            raise RecordError(f"{path.name}: column {name!r} holds no text but {kind}")
    plain = [name for name in wanted if not types.is_dictionary(schema.field(name).type)]
    text = [name for name in plain if types.is_string(schema.field(name).type) and name in columns]
    # buffered: column by column in pages, or a row group of a hundred million rows would be in memory at once
    with ParquetFile(path, read_dictionary=text, buffer_size=1 << 20) as table:
        for group in range(table.num_row_groups):
            rows = table.metadata.row_group(group).num_rows
            done = 0
            try:
                for batch in table.iter_batches(ROWS, row_groups=[group], columns=wanted, use_threads=True):
                    _check_dictionaries(batch)
                    done += batch.num_rows
                    yield pa.table(batch)
            except (pa.ArrowException, OSError, ValueError) as error:
                fault = (str(error).splitlines() or [""])[0]
                aside(
                    Reject(
                        group + 1,
                        f"{rows - done:,} rows of row group {group + 1} cannot be read: {fault}",
                        "",
                        path.name,
                    )
                )


def _check_dictionaries(batch: pa.RecordBatch) -> None:
    """Refuse places outside a dictionary: Arrow takes them from a damaged file as they are."""
    import pyarrow as pa
    from pyarrow import compute

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            ends = compute.min_max(column.indices).as_py()
            if ends["max"] is not None and not 0 <= ends["min"] <= ends["max"] < len(column.dictionary):
                raise pa.ArrowInvalid(f"column {name!r} names a value that its dictionary does not hold")


def _open(path: Path) -> Any:
    import pyarrow as pa

    return pa.input_stream(str(path), compression="detect", buffer_size=1 << 20)


def _csv(path: Path, columns: Sequence[str], optional: Sequence[str], aside: Aside) -> Iterator[pa.Table]:
    import pyarrow as pa
    from pyarrow import csv as arrow

    delimiter = "\t" if _kind(path) == "tsv" else ","
    with _open(path) as stream:
        head = stream.read(1 << 16).decode("utf-8-sig", "replace")
    if not head.strip():
        raise RecordError(f"{path.name}: the table is empty", hint="the first line of a table names its columns")
    header = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter))
    wanted = _names(path, header, columns, optional)

    def strange(row: Any) -> str:
        aside(Reject(row.number or 0, f"{row.actual_columns} cells, the header has {row.expected_columns}", row.text))
        return "skip"

    options = {
        "read_options": arrow.ReadOptions(block_size=BYTES, column_names=header, skip_rows=1, use_threads=False),
        "parse_options": arrow.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=strange, ignore_empty_lines=True
        ),
        "convert_options": arrow.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pa.binary()), check_utf8=False, null_values=[]
        ),
    }
    with _open(path) as stream, arrow.open_csv(stream, **options) as reader:
        for batch in reader:
            yield pa.table(batch)


def _jsonl(path: Path, columns: Sequence[str], optional: Sequence[str], aside: Aside) -> Iterator[pa.Table]:
    line, wanted = 1, None
    with _open(path) as stream:
        for block in _blocks(stream):
            if wanted is None:
                first = next((raw for raw in block.splitlines() if raw.strip()), b"")
                here = list(parse_object(first.decode("utf-8-sig", "replace"), f"{path.name}:1"))
                wanted = _names(path, here, columns, optional)
            yield _objects(block.removeprefix(b"\xef\xbb\xbf"), wanted, line, aside)
            line += block.count(b"\n")
    if wanted is None:
        raise RecordError(f"{path.name}: the table is empty", hint="a row is an object, one a line")


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, about `BYTES` at a time."""
    kept: list[bytes] = []
    while block := stream.read(BYTES):
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join([*kept, block[:end]])
            kept = []
        kept.append(block[end:])
        if sum(map(len, kept)) > LONGEST:  # a packed file of a few kilobytes may hold a line of gigabytes
            raise ValueError(f"a line of more than {LONGEST >> 20} MB")
    if rest := b"".join(kept):
        yield rest


def _objects(block: bytes, columns: Sequence[str], line: int, aside: Aside) -> pa.Table:
    """One block of lines as columns, line by line: pyarrow's reader of JSON can end the process on damaged ones."""
    import pyarrow as pa

    loads = fast_json()
    rows = []
    for number, raw in enumerate(block.split(b"\n"), line):
        if not raw.strip():
            continue
        try:
            row = _quickly(raw, columns, loads) or parse_object(raw.decode("utf-8"), f"line {number}")
            missing = next((name for name in columns if name not in row), None)
            if missing is not None:
                raise RecordError(f"column {missing!r} is missing")
            rows.append([_written(row[name], name) for name in columns])
        except (RecordError, UnicodeDecodeError) as error:
            aside(Reject(number, str(error), raw[:1000].decode("utf-8", "replace")))
    return pa.table(
        {name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(columns)},
    )


def _quickly(raw: bytes, columns: Sequence[str], loads: Callable[[bytes], Any] | None) -> Row | None:
    """A line as an object, by the faster reader where it is installed and sure; else None."""
    try:
        row = loads(raw) if loads is not None else None
    except ValueError:
        return None
    sure = type(row) is dict and all(type(row.get(name)) in _SURE for name in columns)
    return row if sure else None


_SURE = frozenset((str, int, type(None)))


def _written(value: Any, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise RecordError(f"column {name!r} holds no text but {type(value).__name__}")
