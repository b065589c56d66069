"""doccano's JSON Lines for text classification: a row a text with its labels, further fields as metadata.

In doccano's own export (a zip) there is one file a person, or `all.jsonl` where they share their labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO

from diptych.errors import RecordError
from diptych.exchange.neighbours.ground import Found, Ground, reject
from diptych.exchange.neighbours.material import Material, credited, labels, or_none, shown, values_of
from diptych.exchange.neighbours.packages import open_package
from diptych.exchange.parquet import rewindable
from diptych.exchange.tables import Reject, read_table
from diptych.files import Row

SHARED = "all"  # the file of a project whose people share their labels


def write(material: Material, stream: IO[str]) -> int:
    """Write a row a passage and coder; a passage that nobody coded has no labels. Return how many."""
    rows = 0
    for passage, said in material.by_passage():
        place = {name: passage[name] or "" for name in ("passage", "author", "section")}
        for one in or_none(said):
            values = labels(one.values) if one else []
            row = {"text": shown(passage), "label": values, **place, **(one.noted() if one else {})}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            rows += 1
    return rows


def read(stream: IO[bytes], name: str, ground: Ground) -> Iterator[Found]:
    """Yield the rows of one file, or of every file of a zip."""
    with rewindable(stream) as found:
        packed = found.read(4) == b"PK\x03\x04"
        found.seek(0)
        if not packed:
            yield from _rows(found, name, ground, "")
            return
        with open_package(found, name) as package:
            members = [member for member in package.names if member.endswith(".jsonl")]
            if not members:
                raise RecordError(f"{name}: no .jsonl file in it", hint="export from doccano as JSONL")
            for member in members:
                account = PurePosixPath(member).stem
                account = "" if account == SHARED else account
                yield from _rows(BytesIO(package.read(member)), f"{name}/{member}", ground, account)


def _rows(stream: IO[bytes], name: str, ground: Ground, account: str) -> Iterator[Found]:
    for line, row in read_table(stream, name, "jsonl"):
        if isinstance(row, Reject):
            yield line, row
            continue
        try:
            yield line, _answers(row, ground, account)
        except RecordError as error:
            yield line, reject(line, error, row)


def _answers(row: Row, ground: Ground, account: str) -> Row | None:
    found = row.get("label", row.get("labels"))
    found = [found] if isinstance(found, str) else found or []
    if not isinstance(found, list) or not all(isinstance(label, str) for label in found):
        raise RecordError("label: expected a list of labels of the text", hint="spans of a text are not read")
    passage = ground.passage(row)
    if not found:
        return None
    answers = credited(values_of(found, ground.schema), row, account)
    said = [str(comment) for comment in row.get("Comments") or [] if comment]
    if said and not answers.get("comment"):
        answers["comment"] = " ".join(said)
    return {"passage": passage, **answers}
