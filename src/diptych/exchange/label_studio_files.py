"""Label Studio's export files ↔ tasks and annotations, as its import takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diptych.errors import RecordError
from diptych.exchange.label_config import COMMENT, FLAGS, REASON, TEXT
from diptych.exchange.label_studio import region


def read_export(raw: object, name: str) -> list[dict[str, Any]]:
    """Return the tasks of an exported file (JSON, or JSON_MIN with a row an annotation).

    Raises
    ------
    RecordError
        If it is no list of tasks.
    """
    if not isinstance(raw, list) or not all(isinstance(task, dict) for task in raw):
        raise RecordError(f"{name}: expected Label Studio's JSON, a list of tasks", hint="export as JSON, not as CSV")
    return [task if "data" in task else _from_minimal(task) for task in raw]


_MINIMAL = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time")


def _from_minimal(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of JSON_MIN as a task with one annotation: whatever is no data field is an answer."""
    data = {key: row[key] for key in (TEXT, "passage_id", "place", "before", "after", "answers") if key in row}
    result = []
    for key, value in row.items():
        if key in _MINIMAL or key in data:
            continue
        if key == COMMENT:
            texts = value if isinstance(value, list) else [value]
            result.append({"from_name": key, "to_name": TEXT, "type": "textarea", "value": {"text": texts}})
            continue
        chosen = value.get("choices", []) if isinstance(value, dict) else [value]
        result.append({"from_name": key, "to_name": TEXT, "type": "choices", "value": {"choices": chosen}})
    annotation = {
        "id": row.get("annotation_id", 0),
        "completed_by": row.get("annotator", 0),
        "created_at": row.get("created_at"),
        "updated_at": row.get("updated_at"),
        "lead_time": row.get("lead_time"),
        "result": result,
        "was_cancelled": False,
    }
    return {"id": row.get("id", 0), "data": data, "meta": {}, "annotations": [annotation]}


def annotation_of(codings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the codings of one coder on one passage as an annotation to import.

    Parameters
    ----------
    codings : sequence of mappings
        Rows of :func:`diptych.load_codings`: facet, value, comment, flags, reason, lead_time, coder.
    """
    first = codings[0]
    result = [region(row["facet"], row["value"]) for row in codings]
    if first.get("flags"):
        result.append(_extra(FLAGS, "choices", {"choices": list(first["flags"])}))
    if first.get("reason"):
        result.append(_extra(REASON, "choices", {"choices": [first["reason"]]}))
    if first.get("comment"):
        result.append(_extra(COMMENT, "textarea", {"text": [first["comment"]]}))
    found = {"result": result, "was_cancelled": False, "ground_truth": False, "coder": first["coder"]}
    at = {"created_at": first["at"], "updated_at": first["at"]} if first.get("at") else {}
    lead = {"lead_time": first["lead_time"]} if first.get("lead_time") else {}
    return found | at | lead


def _extra(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "from_name": name, "to_name": TEXT, "type": kind, "value": value}
