"""Tables as Excel workbooks: written so that nothing runs, read without formulas."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import IO, Any

from diptych.errors import MissingExtraError, RecordError, nearest
from diptych.exchange.neighbours.packages import open_package
from diptych.exchange.parquet import rewindable
from diptych.exchange.tables import Reject, cell
from diptych.files import Row
from diptych.schema import Schema

LONGEST = 32_767  # characters of a cell, by Excel's own limit
_LIST = 255  # characters of a list of allowed values, by Excel's own limit
_WIDTHS = {"text": 90, "passage": 22, "comment": 40}


def write_workbook(rows: Sequence[Row], schema: Schema, stream: IO[bytes]) -> int:
    """Write rows as one sheet; in columns called like a facet, Excel offers its values. Return how many.

    Raises
    ------
    RecordError
        If an answer's text is longer than a cell may be; a passage's text is cut, with a mark.
    """
    from xlsxwriter import Workbook

    found = io.BytesIO()
    book = Workbook(found, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": dt.datetime(1980, 1, 1, tzinfo=dt.UTC)})
    sheet = book.add_worksheet("passages")
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    columns = list(rows[0]) if rows else []
    for across, column in enumerate(columns):
        sheet.write_string(0, across, column, bold)
        sheet.set_column(across, across, _WIDTHS.get(column, 14))
    for down, row in enumerate(rows, 1):
        for across, column in enumerate(columns):
            value = cell(row.get(column))
            if isinstance(value, int | float):
                sheet.write_number(down, across, value)
            elif str(value):
                sheet.write_string(down, across, _fitting(str(value), column, row), wrapped)
    for facet in schema.facets:
        allowed = ",".join(facet.value_ids)
        if facet.id in columns and len(allowed) <= _LIST and rows:
            across = columns.index(facet.id)
            rule = {"validate": "list", "source": list(facet.value_ids), "error_type": "warning"}
            sheet.data_validation(1, across, len(rows), across, rule)
    sheet.freeze_panes(1, 0)
    book.close()
    stream.write(found.getvalue())
    return len(rows)


def _fitting(text: str, column: str, row: Row) -> str:
    if len(text.encode("utf-16-le")) <= 2 * LONGEST:
        return text
    if column != "text":
        raise RecordError(
            f"{column} of {row.get('passage')}: {len(text):,} characters, and a cell holds {LONGEST:,}",
            hint="write CSV or JSON Lines",
        )
    return text.encode("utf-16-le")[: 2 * (LONGEST - 4)].decode("utf-16-le", "ignore") + " […]"


def read_workbook(stream: IO[bytes], name: str, required: Sequence[str] = ()) -> Iterator[tuple[int, Row | Reject]]:
    """Yield (row number, row) of the first sheet that has the required columns.

    Raises
    ------
    MissingExtraError
        If openpyxl is not installed.
    RecordError
        If it is no workbook, or no sheet has the columns.
    """
    if find_spec("openpyxl") is None:
        raise MissingExtraError("openpyxl", "formats")
    import warnings
    from xml.etree.ElementTree import ParseError

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    with rewindable(stream) as found:
        _look_over(found, name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of styles and extensions, which are not read
                book = load_workbook(found, read_only=True, data_only=True, keep_links=False)
        except (InvalidFileException, ParseError, KeyError, ValueError, OSError, TypeError, AttributeError) as error:
            raise RecordError(f"{name}: this is no Excel workbook, or it is damaged ({error})") from error
        seen: list[str] = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what a file says of its size may be anything
            rows = sheet.iter_rows(values_only=True)
            header = [_text(value) for value in next(rows, ())]
            if all(column in header for column in required):
                yield from _rows(rows, header, name)
                return
            seen += header
        column = next((one for one in required if one not in seen), "")
        raise RecordError(
            f"{name}: column {column!r} is missing{nearest(column, seen)}", hint=f"here: {', '.join(seen)}"
        )


def _look_over(stream: IO[bytes], name: str) -> None:
    """Refuse what is no package within limits, or declares entities."""
    with open_package(stream, name) as package:
        for member in package.names:
            if member.endswith((".xml", ".rels")):
                head = package.read(member)
                if b"<!DOCTYPE" in head or b"<!ENTITY" in head or b"<\0!\0" in head or b"\0<\0!" in head:
                    raise RecordError(f"{name}: {member!r} declares a document type or entities, which are not read")
    stream.seek(0)


def _rows(rows: Iterator[Sequence[Any]], header: list[str], name: str) -> Iterator[tuple[int, Row | Reject]]:
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise RecordError(f"{name}: column {twice[0]!r} stands twice", hint="rename or remove one of them")
    for line, cells in enumerate(rows, 2):
        texts = [_text(value) for value in cells]
        if not any(texts):
            continue
        over = [text for text in texts[len(header) :] if text] + [
            text for column, text in zip(header, texts, strict=False) if text and not column
        ]
        if over:
            yield line, Reject(line, f"a cell without a heading says {over[0]!r}", " | ".join(texts))
            continue
        padded = texts + [""] * (len(header) - len(texts))
        yield line, {column: text for column, text in zip(header, padded, strict=False) if column}


def _text(value: Any) -> str:
    """A cell as a table of text holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
