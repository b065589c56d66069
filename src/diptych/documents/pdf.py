"""PDF → its lines as printed, with blank lines and indents where the page shows them.

A PDF has letters at places and no paragraphs. The places give back what the cutting of printed pages reads:
a gap or a change of type is a blank line, a first line set in is an indent, a new page or column a form feed.
"""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, mode
from typing import TYPE_CHECKING, Any

from diptych.errors import DocumentError, number_of

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_HYPHENS = (0x2, 0xFFFE)  # how PDFium writes a hyphen before a line end, leaving the line end out
_GAP = 1.3  # times the usual distance of lines: a new paragraph
_LIGATURES = {number: unicodedata.normalize("NFKC", chr(number)) for number in range(0xFB00, 0xFB07)}
_CLEAN = _LIGATURES | dict.fromkeys((*range(32), *range(127, 160), 0xFFFE, 0xFFFF), " ")


@dataclass(frozen=True, slots=True)
class Row:
    """One printed line: its text, and where it stands in points (`base` grows upward)."""

    text: str
    left: float
    right: float
    base: float
    size: float


def pdf_text(data: bytes, name: str) -> tuple[str, list[str]]:
    """Return the text of a PDF, and notes on what was not read.

    Raises
    ------
    DocumentError
        If it is no PDF, is damaged, wants a password, or holds no text (a scan).
    """
    with _opened(data, name) as document:
        pages = [list(_rows(document, number)) for number in range(len(document))]
    silent = [number for number, rows in enumerate(pages, 1) if not rows]
    if len(silent) == len(pages):
        raise DocumentError(
            f"{name}: the PDF holds no text on its {number_of(len(pages), 'page')} (a scan?)",
            hint="put text behind the pictures by character recognition, for example: ocrmypdf IN.pdf OUT.pdf",
        )
    shown = ", ".join(map(str, silent[:5])) + (" …" if len(silent) > 5 else "")
    notes = [f"{name}: {len(silent)} of {len(pages)} pages hold no text ({shown})"] if silent else []
    return page_text(pages), notes


def _opened(data: bytes, name: str) -> PdfDocument:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        return PdfDocument(data)
    except PdfiumError as error:
        if "password" in str(error).casefold():
            raise DocumentError(
                f"{name}: the PDF is encrypted and wants a password",
                hint="save a copy without password, for example: qpdf --password=… --decrypt IN.pdf OUT.pdf",
            ) from error
        raise DocumentError(
            f"{name}: this is no PDF, or it is damaged ({error})", hint="open it and save it anew"
        ) from error


def _rows(document: PdfDocument, number: int) -> Iterator[Row]:
    """Read the lines of one page, in the order in which they were written into the file."""
    from pypdfium2 import PdfiumError, raw

    try:
        page = document[number]
        letters = page.get_textpage()
    except PdfiumError:
        return  # a damaged page is a page without text
    try:
        codes = [min(raw.FPDFText_GetUnicode(letters, place), 0x10FFFF) for place in range(letters.count_chars())]
        start = 0
        for place, code in enumerate([*codes, 10]):
            if code in (10, 13, *_HYPHENS):
                end = place + (code in _HYPHENS)
                yield from _row(letters, raw, codes, start, end)
                start = place + 1
    finally:
        letters.close()
        page.close()


def _row(letters: Any, raw: Any, codes: Sequence[int], start: int, end: int) -> Iterator[Row]:
    text = "".join(map(chr, codes[start:end]))
    inked = [place for place in range(start, end) if not chr(codes[place]).isspace()]
    if text and ord(text[-1]) in (*_HYPHENS, 0xAD):
        text = text[:-1] + "-"
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").translate(_CLEAN)
    if not inked or not text.strip():
        return
    boxes = [_box(letters, raw, place) for place in {*inked[:: max(1, len(inked) // 4)], inked[0], inked[-1]}]
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(letters, inked[0], x, y)
    yield Row(
        " ".join(text.split()),
        min(box.left for box in boxes),
        max(box.right for box in boxes),
        y.value,
        median(box.top - box.bottom for box in boxes) or 1.0,
    )


def _box(letters: Any, raw: Any, place: int) -> Any:
    box = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(letters, place, box)
    return box


def page_text(pages: Sequence[Sequence[Row]]) -> str:
    r"""Return pages of printed lines as one text: form feeds, blank lines and indents say how they stood.

    Examples
    --------
    >>> rows = [Row("Oil flows", 50, 95, 700, 10), Row("east.", 50, 75, 688, 10), Row("Arms fell.", 50, 95, 664, 10)]
    >>> page_text([rows])
    'Oil flows\neast.\n\nArms fell.\n'
    """
    columns = [column for page in pages for column in _columns(_whole_lines(page))]
    steps = [
        (above.base - below.base) / max(above.size, below.size)
        for column in columns
        for above, below in pairwise(column)
    ]
    usual = median([step for step in steps if 0.5 < step < 3] or [1.2])
    lines: list[str] = []
    for column in columns:
        margin = mode([round(row.left) for row in column])
        above = None
        for row in column:
            if above is None:
                lines.append(("\f" if lines else "") + row.text)
            else:
                gap = above.base - row.base > _GAP * usual * max(above.size, row.size)
                other = max(above.size, row.size) > 1.15 * min(above.size, row.size)
                set_in = 0.7 * row.size < row.left - margin < 5 * row.size
                lines += [""] * (gap or other) + [("   " if set_in else "") + row.text]
            above = row
    return "\n".join(lines) + "\n"


def _whole_lines(rows: Sequence[Row]) -> list[Row]:
    """Put pieces that stand side by side on one line together."""
    whole: list[Row] = []
    for row in rows:
        last = whole[-1] if whole else None
        if last and abs(last.base - row.base) < 0.4 * last.size and -0.5 < row.left - last.right < 2 * last.size:
            whole[-1] = Row(f"{last.text} {row.text}", last.left, row.right, last.base, max(last.size, row.size))
        else:
            whole.append(row)
    return whole


def _columns(rows: Sequence[Row]) -> list[list[Row]]:
    """Begin a new column where the lines go up again."""
    columns: list[list[Row]] = []
    for row in rows:
        if not columns or row.base > columns[-1][-1].base + 0.5 * row.size:
            columns.append([])
        columns[-1].append(row)
    return columns
