"""An uploaded file → passages: documents are cut, rows of a CSV table are passages."""

from __future__ import annotations

import io
from typing import Any

from diptych.classifier.stream import table_rows
from diptych.documents.read import DOCUMENT_FORMATS
from diptych.exchange.tables import Reject
from diptych.service.problems import Problem, too_many
from diptych.service.reader import read_upload
from diptych.service.settings import Bounds

TABLES = {".csv": "csv", ".jsonl": "jsonl"}


def upload_rows(name: str, data: bytes, bounds: Bounds) -> tuple[list[dict[str, Any]], list[str]]:
    """Return passages (passage, start, end, text) and notes.

    Raises
    ------
    Problem
        415 for a file of another kind, 413 for too many passages, 422 for a table without any.
    DiptychError
        If it cannot be read.
    """
    suffix = "." + name.rpartition(".")[2].casefold() if "." in name else ""
    if suffix in TABLES:
        return _table(name, data, TABLES[suffix], bounds)
    if suffix not in DOCUMENT_FORMATS:
        allowed = ", ".join((*DOCUMENT_FORMATS, *TABLES))
        raise Problem(415, f"files of type {suffix[:20] or '(no ending)'} are not read", hint=f"one of: {allowed}")
    return read_upload(name, data, bounds)


def _table(name: str, data: bytes, kind: str, bounds: Bounds) -> tuple[list[dict[str, Any]], list[str]]:
    rows: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    for line, row in table_rows(io.BytesIO(data), name, kind, text_column="text", id_column=None):
        if isinstance(row, Reject):
            rejects.append(row)
            continue
        identifier = str(row.get("id") or f"row {line}")
        rows.append({"passage": identifier, "start": 0, "end": len(row["text"]), "text": row["text"]})
        if len(rows) > bounds.passages:
            raise too_many(bounds.passages, "the table has more")
    notes = [f"line {reject.line}: {reject.reason}" for reject in rejects[:20]]
    if len(rejects) > len(notes):
        notes.append(f"and {len(rejects) - len(notes)} further rows")
    if not rows:
        raise Problem(422, "; ".join(notes) or "there is no row in it", hint="a column `text` with one passage a row")
    return rows, notes
