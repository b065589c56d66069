"""What somebody brings → passages: documents and pasted texts are cut, rows of a table are passages."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

from diptych.classifier.streams.rows import document_rows, table_rows
from diptych.documents.read import DOCUMENT_FORMATS
from diptych.errors import DocumentError
from diptych.exchange.tables import Reject
from diptych.service.answers import check_passage
from diptych.service.problems import Problem, too_many
from diptych.service.reader import read_upload
from diptych.service.settings import Bounds

PASTED = "pasted.txt"
TABLES = {".csv": "csv", ".jsonl": "jsonl"}
SAID = 20  # sentences on rows that were left out
Row = dict[str, Any]


def base_name(name: str) -> str:
    r"""Return a file's name without folders, not too long, and fit for the command line of the process that reads it.

    >>> base_name(r"C:\texts\a.txt"), base_name("../../b.pdf"), base_name("c\0.txt")
    ('a.txt', 'b.pdf', 'c_.txt')
    """
    name = name.replace("\\", "/").rpartition("/")[2][-200:]
    return "".join(letter if letter.isprintable() else "_" for letter in name)


def upload_rows(name: str, data: bytes, bounds: Bounds) -> tuple[list[Row], list[str]]:
    """Return the passages of a file (passage, start, end, text) and notes on what was left out.

    Raises
    ------
    Problem
        415 for a file of another kind, 413 for too many or too long passages, 422 for a table without any.
    DiptychError
        If it cannot be read.
    """
    suffix = PurePosixPath(name).suffix.casefold()
    if suffix in TABLES:
        rows, notes = _table(name, data, TABLES[suffix], bounds)
    elif suffix in DOCUMENT_FORMATS:
        rows, notes = read_upload(name, data, bounds)
    else:
        allowed = ", ".join((*DOCUMENT_FORMATS, *TABLES))
        raise Problem(415, f"files of type {suffix[:20] or '(no ending)'} are not read", hint=f"one of: {allowed}")
    for row in rows:
        check_passage(row["text"], bounds, str(row["passage"]))
    return rows, notes


def pasted_rows(text: str, bounds: Bounds) -> list[Row]:
    """Cut a short text where it has paragraphs; one that has none is a passage as it is."""
    try:
        rows = [row for _, row in document_rows(PASTED, text.encode("utf-8", "replace"), "text")]
    except DocumentError:
        return [{"passage": "pasted:001", "start": 0, "end": len(text), "text": " ".join(text.split())}]
    if len(rows) > bounds.passages:
        raise too_many(bounds.passages, f"this one holds {len(rows)}")
    return rows


def _table(name: str, data: bytes, kind: str, bounds: Bounds) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    rejects: list[Reject] = []
    for line, row in table_rows(io.BytesIO(data), name, kind, text_column="text", id_column=None):
        if isinstance(row, Reject):
            rejects.append(row)
            continue
        identifier = str(row.get("id") or f"row {line}")
        rows.append({"passage": identifier, "start": 0, "end": len(row["text"]), "text": row["text"]})
        if len(rows) > bounds.passages:
            raise too_many(bounds.passages, "the table has more")
    notes = [f"line {reject.line}: {reject.reason}" for reject in rejects[:SAID]]
    if len(rejects) > len(notes):
        notes.append(f"and {len(rejects) - len(notes)} further rows")
    if not rows:
        raise Problem(422, "; ".join(notes) or "there is no row in it", hint="a column `text` with one passage a row")
    return rows, notes
