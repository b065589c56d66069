"""Prodigy's JSON Lines: a task a passage and facet in the `choice` interface; `classification` is read, too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any

from diptych.errors import RecordError, SchemaError, nearest
from diptych.exchange.neighbours.ground import Found, Ground, reject
from diptych.exchange.neighbours.material import CODED, Material, Said, credited, labels, or_none, shown, values_of
from diptych.exchange.tables import Reject, read_table
from diptych.files import Row
from diptych.records import moment
from diptych.schema import Facet

ANSWERS = ("accept", "reject", "ignore")


def write(material: Material, stream: IO[str]) -> int:
    """Write a task a passage, facet and coder; what nobody coded has no answer. Return how many."""
    tasks = 0
    for passage, said in material.by_passage():
        for facet in material.schema.facets:
            answered = [one for one in said if facet.id in one.values]
            for one in or_none(answered):
                task = _task(passage, facet, one, material.study)
                stream.write(json.dumps(task, ensure_ascii=False) + "\n")
                tasks += 1
    return tasks


def _task(passage: Row, facet: Facet, said: Said | None, study: str) -> Row:
    task: Row = {
        "text": shown(passage),
        "options": [{"id": value.id, "text": value.name} for value in facet.values],
        "_view_id": "choice",
        "config": {"choice_style": "single"},
        "passage": passage["passage"],
        "facet": facet.id,
        "meta": {"passage": passage["passage"], "question": facet.question},
    }
    if said is None:
        return task
    value = said.values[facet.id]
    session = f"{study}-{said.coder}"
    when = {"_timestamp": int(moment(str(said.notes["at"])).timestamp())}
    task |= {"accept": [value], "answer": "accept", "_session_id": session, "_annotator_id": session, **when}
    return task | said.noted() | {CODED: labels({facet.id: value})}


def read(stream: IO[bytes], name: str, ground: Ground) -> Iterator[Found]:
    """Yield the answers of `prodigy db-out`."""
    for line, row in read_table(stream, name, "jsonl"):
        if isinstance(row, Reject):
            yield line, row
            continue
        try:
            yield line, _answers(row, ground)
        except RecordError as error:
            yield line, reject(line, error, row)


def _answers(row: Row, ground: Ground) -> Row | None:
    answer = row.get("answer")
    meta = row.get("meta")
    passage = ground.passage(row if row.get("passage") or not isinstance(meta, dict) else {**row, **_place(meta)})
    if answer in (None, "ignore"):
        return None
    if answer not in ANSWERS:
        raise RecordError(f"answer: {answer!r} is unknown{nearest(answer, ANSWERS)}", hint=", ".join(ANSWERS))
    values = values_of(_labels(row), ground.schema)
    if answer == "reject":
        values = {facet: _other(ground, facet, value) for facet, value in values.items()}
    if not values:
        if answer == "accept" and ("accept" in row or "options" in row):
            return None  # accepted without a choice
        raise RecordError("the task has no label and no choice", hint="only choice and classification are read")
    found = credited(values, row, _account(row, ground.name))
    if "at" not in found and isinstance(row.get("_timestamp"), int | float):
        try:
            found["at"] = datetime.fromtimestamp(row["_timestamp"], UTC).isoformat()
        except (OverflowError, ValueError, OSError) as error:
            raise RecordError(f"_timestamp: {row['_timestamp']!r} is no time") from error
    return {"passage": passage, **found}


def _place(meta: Mapping[str, Any]) -> Row:
    return {"passage": meta["passage"]} if meta.get("passage") else {}


def _labels(row: Row) -> list[str]:
    """What was chosen, as labels."""
    facet = row.get("facet")
    chosen = row.get("accept")
    if chosen is None or (not chosen and "label" in row):
        chosen = [row["label"]] if "label" in row else []
    if not isinstance(chosen, list) or not all(isinstance(one, str) for one in chosen):
        raise RecordError("accept: expected a list of the choice's ids")
    if facet and len(chosen) > 1:
        raise RecordError(f"{facet}: {len(chosen)} values on a single choice ({', '.join(chosen)})")
    return [f"{facet}:{one}" if facet and not one.startswith(f"{facet}:") else one for one in chosen]


def _other(ground: Ground, facet: str, value: str) -> str:
    """The answer that a rejected one implies: only a facet of two values has it."""
    try:
        known = ground.schema.facet(facet)
        refused = known.value(value).id
    except SchemaError as error:
        raise RecordError(str(error), hint=error.hint) from error
    others = [one for one in known.value_ids if one != refused]
    if len(others) != 1:
        raise RecordError(f"{facet}: rejecting {value!r} leaves {len(others)} values, so that it is no answer")
    return others[0]


def _account(row: Row, study: str) -> str:
    """Who was at work: the session's name without that of the data set, where it is the study's."""
    session = str(row.get("_annotator_id") or row.get("_session_id") or "")
    return session.removeprefix(f"{study}-")
