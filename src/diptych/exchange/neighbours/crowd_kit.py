"""crowd-kit's frame as CSV: task, worker and label, with a column that says of which facet.

`frame[frame.facet == "topic"]` is what its aggregations take. Decisions of adjudicators are no workers' labels and
stay out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from diptych.errors import RecordError
from diptych.exchange.neighbours.ground import Found, Ground, reject
from diptych.exchange.neighbours.material import NOTES, Material, unlabel
from diptych.exchange.tables import CsvWriter, Reject, read_table, undefuse
from diptych.files import Row

FRAME = ("task", "worker", "label")
BESIDE = tuple(name for name in NOTES if name != "coder")


def write(material: Material, stream: IO[str]) -> int:
    """Write a row an answer. Return how many."""
    writer = CsvWriter(stream)
    rows = [row for row in material.codings if row["role"] != "adjudicator"]
    for row in rows:
        frame = {"task": row["passage"], "worker": row["coder"], "label": row["value"], "facet": row["facet"]}
        writer.write(frame | {name: row[name] for name in BESIDE})
    if not rows:
        stream.write(",".join([*FRAME, "facet", *BESIDE]) + "\n")
    return len(rows)


def read(stream: IO[bytes], name: str, ground: Ground) -> Iterator[Found]:
    """Yield an answer a row; without a column `facet`, labels say of which facet they are."""
    for line, row in read_table(stream, name, "csv", FRAME):
        if isinstance(row, Reject):
            yield line, row
            continue
        plain = {column: undefuse(value) for column, value in row.items()}
        try:
            yield line, _answer(plain, ground)
        except RecordError as error:
            yield line, reject(line, error, row)


def _answer(row: Row, ground: Ground) -> Row | None:
    passage, label = ground.passage({"passage": row["task"]}), row["label"].strip()
    if not label:
        return None
    facet, value = (row["facet"], label) if row.get("facet") else unlabel(label, ground.schema)
    notes = {name: row[name] for name in BESIDE if row.get(name)}
    return {"passage": passage, "coder": row["worker"], "facet": facet, "value": value, **notes}
