"""Every table of a report as files: a CSV each, as the command line prints it, and all in one workbook."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych import __version__
from diptych.files import atomic, write_text
from diptych.report.catalogue import Catalogue, load_catalogue
from diptych.report.contents import Contents
from diptych.report.page import report_id
from diptych.report.sentences import coder_sentence
from diptych.report.tables import COMMANDS, Rows, as_csv, tables

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

LONGEST = 32_767  # characters of a cell, by Excel's own limit, counted as UTF-16
MOST_ROWS = 1_048_575  # of a sheet, header aside
CUT = " […]"
NAME = 31  # characters of a sheet's name
WIDEST = 320  # pixels of a column
BUILT = datetime(1980, 1, 1, tzinfo=UTC)  # the same in every workbook: equal inputs give equal bytes
OTHERWISE = "diptych report --tables DIR"


def write_tables(contents: Contents, folder: Path, catalogue: Catalogue | None = None) -> list[Path]:
    """Write every table of a report as CSV, and all of them in `tables.xlsx`.

    Parameters
    ----------
    contents : Contents
    folder : Path
        Made where it is missing; files of the same names are replaced, others stay.
    catalogue : Catalogue, optional
        The words of the sheet `about`; default: the English ones.

    Returns
    -------
    list of Path
        The CSV files in the order of the page, then the workbook. Equal contents give equal bytes.

    Raises
    ------
    FileWriteError
        If a file cannot be written.
    """
    found, written = tables(contents), []
    for name, rows in found.items():
        written.append(folder / f"{name}.csv")
        write_text(written[-1], as_csv(rows))
    written.append(folder / "tables.xlsx")
    with atomic(written[-1], "wb") as stream:
        stream.write(workbook(about(contents, found, catalogue or load_catalogue()), found))
    return written


def about(contents: Contents, found: Iterable[str], text: Catalogue) -> list[tuple[str, str]]:
    """Return the rows of the first sheet: what the tables are from, who coded, and what makes each again."""
    rows = [
        (text("workbook.study"), contents.study.settings.title or contents.study.settings.name),
        (text("workbook.codebook"), contents.schema.reference),
        (text("workbook.version"), f"diptych {__version__}"),
        (text("workbook.report"), report_id(contents.hashes, text)),
        (text("workbook.coded"), coder_sentence(contents, text)),
        (text("workbook.cut"), text("workbook.cut_note", longest=f"{LONGEST:,}", mark=CUT.strip())),
    ]
    rows += [(text("workbook.command", table=name), COMMANDS.get(name, OTHERWISE)) for name in found]
    return rows + [(text("workbook.hash", input=name), value) for name, value in contents.hashes.items()]


def workbook(first: Sequence[tuple[str, str]], found: Mapping[str, Rows]) -> bytes:
    """Return an Excel workbook: a sheet `about` of two columns, then a sheet a table.

    Text is written as text, whatever it looks like; numbers as numbers, true and false as booleans.
    """
    from xlsxwriter import Workbook

    stream = io.BytesIO()
    book = Workbook(stream, {"in_memory": True})  # no temporary files
    book.set_properties({"created": BUILT, "author": "", "comments": f"diptych {__version__}"})
    bold, wrapped = book.add_format({"bold": True, "valign": "top"}), book.add_format({"text_wrap": True})
    decimal = book.add_format({"num_format": "0.0###"})
    names = sheet_names(["about", *found])
    sheet = book.add_worksheet(names[0])
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)
    for place, (label, said) in enumerate(first):
        sheet.write_string(place, 0, fitting(label), bold)
        sheet.write_string(place, 1, fitting(said), wrapped)
    for name, rows in zip(names[1:], found.values(), strict=True):
        _fill(book.add_worksheet(name), rows, bold, decimal)
    book.close()
    return stream.getvalue()


def _fill(sheet: Worksheet, rows: Rows, bold: Format, decimal: Format) -> None:
    """Write a table: header bold and always in sight, filters, columns as wide as what stands in them."""
    columns = list(rows[0])
    for across, column in enumerate(columns):
        sheet.write_string(0, across, fitting(column), bold)
    for down, row in enumerate(rows[:MOST_ROWS], 1):
        for across, column in enumerate(columns):
            _put(sheet, down, across, row.get(column), decimal)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, min(len(rows), MOST_ROWS), len(columns) - 1)
    sheet.autofit(WIDEST)


def _put(sheet: Worksheet, down: int, across: int, value: Any, decimal: Format) -> None:
    value = value.item() if hasattr(value, "item") else value
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(down, across, value)
    elif isinstance(value, int):
        sheet.write_number(down, across, value)
    elif isinstance(value, float) and math.isfinite(value):
        sheet.write_number(down, across, value, decimal)
    else:
        sheet.write_string(down, across, fitting(str(value)))


def fitting(text: str) -> str:
    """Return text that a cell can hold; a longer one is cut, with a mark.

    >>> fitting("short"), len(fitting("a" * 40_000)), fitting("a" * 40_000)[-5:]
    ('short', 32767, 'a […]')
    """
    text = text.encode("utf-8", "replace").decode()  # half a character is no text in XML
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST:
        return text
    return units[: 2 * (LONGEST - len(CUT))].decode("utf-16-le", "ignore") + CUT


def sheet_names(names: Sequence[str]) -> list[str]:
    """Return names that sheets may have: 31 characters, none of `[]:*?/` and backslash, no two alike in any case.

    >>> sheet_names(["about", "a/b", "A:B", "t" * 40])
    ['about', 'a_b', 'A_B 2', 'ttttttttttttttttttttttttttttttt']
    """
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", "_", name).strip("'")[:NAME] or "_"
        if plain.casefold() == "history":  # Excel keeps it for itself
            plain = "history_"
        tried, number = plain, 1
        while tried.casefold() in {taken.casefold() for taken in found}:
            number += 1
            tried = f"{plain[: NAME - len(f' {number}')]} {number}"
        found.append(tried)
    return found
