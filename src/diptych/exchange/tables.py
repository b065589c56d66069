"""CSV and JSON Lines (and, next door, Parquet), read as a stream: every row with its line number, bad rows aside."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from diptych.errors import RecordError, UsageError, listed, nearest
from diptych.files import Row, parse_object

TABLE_FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
FIELD_LIMIT = 64 * 1024 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not taken: where it stood, why, what it said, and, of several files, in which."""

    line: int
    reason: str
    row: str
    file: str = ""


def table_format(name: str, given: str | None = None) -> str:
    """Return csv, tsv, jsonl or parquet, as given or by the file's ending.

    Raises
    ------
    UsageError
        If the ending says nothing.
    """
    if given:
        return given
    suffix = Path(name).suffix.casefold()
    if suffix not in TABLE_FORMATS:
        raise UsageError(
            f"{name}: cannot tell the format from the name{nearest(suffix, TABLE_FORMATS)}",
            hint="name the file .csv, .tsv, .jsonl or .parquet",
        )
    return TABLE_FORMATS[suffix]


def read_table(
    stream: IO[bytes], name: str, kind: str, required: Sequence[str] = ()
) -> Iterator[tuple[int, Row | Reject]]:
    """Yield (line number, row) of a table; a row that cannot be read is yielded as a `Reject`.

    Parameters
    ----------
    stream : binary file
    name : str
        Stands in errors.
    kind : {'csv', 'tsv', 'jsonl'}
    required : sequence of str
        Columns that must be there.

    Raises
    ------
    RecordError
        If a required column is missing from the header, or the header cannot be read.
    """
    if kind == "jsonl":
        yield from _read_jsonl(stream, name, required)
    else:
        yield from _read_csv(stream, name, "\t" if kind == "tsv" else ",", required)


def empty_table(name: str) -> RecordError:
    """Word that a table holds nothing."""
    return RecordError(
        f"{'standard input' if name == '-' else name}: the table is empty",
        hint="the first line of a table names its columns",
    )


def _read_jsonl(stream: IO[bytes], name: str, required: Sequence[str]) -> Iterator[tuple[int, Row | Reject]]:
    number = 0
    for number, raw in enumerate(stream, 1):
        if number == 1:
            check_utf8(raw, name)
        if not raw.strip():
            continue
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            row = parse_object(line, f"{name}:{number}")
            for column in required:
                if column not in row:
                    raise RecordError(f"{name}:{number}: column {column!r} is missing{nearest(column, row)}")
        except UnicodeDecodeError as error:
            yield (
                number,
                Reject(number, f"not UTF-8 (byte {error.start} of the line)", repr(raw.strip())),
            )
        except RecordError as error:
            yield number, Reject(number, str(error), raw.decode("utf-8", "replace").strip())
        else:
            yield number, row
    if number == 0:
        raise empty_table(name)


def check_utf8(first: bytes, name: str) -> None:
    """Refuse a table in UTF-16, as spreadsheets write it under the name of Unicode text."""
    if first.startswith(_UTF16) or b"\0" in first:
        raise RecordError(
            f"{'standard input' if name == '-' else name}: the table is in UTF-16 or damaged, not in UTF-8",
            hint="save it as UTF-8, for example: iconv -f UTF-16 -t UTF-8 IN > OUT",
        )


def read_header(cells: Sequence[str], name: str, delimiter: str) -> list[str]:
    """Return the columns that the first line of a table names.

    Raises
    ------
    RecordError
        If there is none, it is not UTF-8, or a column stands twice.
    """
    if not cells:
        raise empty_table(name)
    whole = delimiter.join(cells).encode("utf-8", "surrogateescape")
    check_utf8(whole, name)
    try:
        whole.decode()
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{name}:1: the names of the columns are not UTF-8 (byte {error.start})", hint="save the table as UTF-8"
        ) from error
    header = [column.strip() for column in cells]
    check_once(header, f"{name}:1")
    return header


def check_once(columns: Sequence[str], where: str) -> None:
    """Raise `RecordError` if a column stands twice."""
    if len(set(columns)) < len(columns):
        twice = min(column for column, number in Counter(columns).items() if number > 1)
        raise RecordError(f"{where}: column {twice!r} stands twice", hint="rename or remove one of them")


def _read_csv(
    stream: IO[bytes], name: str, delimiter: str, required: Sequence[str]
) -> Iterator[tuple[int, Row | Reject]]:
    csv.field_size_limit(FIELD_LIMIT)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, delimiter=delimiter)
    try:
        header = next(reader, None)
        header = read_header(header or [], name, delimiter)
        for column in required:
            if column not in header:
                raise RecordError(
                    f"{name}: column {column!r} is missing{nearest(column, header)}",
                    hint=f"columns here: {listed(header)}",
                )
        for cells in reader:
            if not cells:
                continue
            joined = delimiter.join(cells)
            if any("\udc80" <= c <= "\udcff" for c in joined):
                shown = joined.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                yield reader.line_num, Reject(reader.line_num, "not UTF-8", shown)
            elif len(cells) != len(header):
                reason = f"{len(cells)} cells, the header has {len(header)}"
                yield reader.line_num, Reject(reader.line_num, reason, joined)
            else:
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise RecordError(f"{name}:{reader.line_num}: {error}") from error
    finally:
        with suppress(ValueError):  # the file may be closed already
            text.detach()


def defuse(value: Any) -> Any:
    """Return a cell that a spreadsheet will not run: text that looks like a formula gets a quote.

    >>> defuse("=1+1"), defuse("plain"), defuse(-1)
    ("'=1+1", 'plain', -1)
    """
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def undefuse(text: str) -> str:
    """Return the text of a cell without the quote that `defuse` put before it.

    >>> undefuse(defuse("=1+1"))
    '=1+1'
    """
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


class CsvWriter:
    """Rows as CSV; the header is the first row's keys; formulas are defused."""

    def __init__(self, stream: IO[str]) -> None:
        self._plain = csv.writer(stream, lineterminator="\n")
        self._quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._columns: list[str] | None = None

    def write(self, row: Row) -> None:
        """Write one row."""
        if self._columns is None:
            self._columns = list(row)
            self._put([defuse(column) for column in self._columns])
        check_late(row, self._columns)
        self._put([cell(row.get(column)) for column in self._columns])

    def _put(self, cells: list[Any]) -> None:
        """Write cells; a lone carriage return would end the line unless it is quoted."""
        lone = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (self._quoting if lone else self._plain).writerow(cells)


class JsonlWriter:
    """Rows as JSON Lines."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, row: Row) -> None:
        """Write one row."""
        self._stream.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def check_late(row: Iterable[str], columns: Collection[str]) -> None:
    """Raise `RecordError` if a row has a column that the header does not name."""
    late = next((column for column in row if column not in columns), None)
    if late is not None:
        raise RecordError(
            f"column {late!r} comes up only after the first row, and a CSV file names its columns once",
            hint="write --format jsonl, or give every row the same columns",
        )


def cell(value: Any) -> Any:
    """Return a value as a cell of CSV."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return defuse(value)


def reject_rows(rejects: Iterable[Reject]) -> Iterator[Row]:
    """Rejects as rows of a table."""
    for reject in rejects:
        where = {"file": reject.file} if reject.file else {}
        yield {**where, "line": reject.line, "reason": reject.reason, "row": reject.row}
