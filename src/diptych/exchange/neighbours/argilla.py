"""Argilla 2's records as `dataset.records.to_json` writes them: a record a passage, a question a facet.

Argilla knows people by a UUID and keeps no time, role or comment of a response. These stand in the record's
metadata under `diptych`, as JSON, and come back for answers that nobody has changed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import IO, Any

from diptych.errors import RecordError, SchemaError
from diptych.exchange.neighbours.ground import Found, Ground, reject
from diptych.exchange.neighbours.material import CODED, Material, Said, credited, labels, shown
from diptych.exchange.neighbours.packages import json_of
from diptych.files import Row

KEPT = "diptych"
TEXT_QUESTIONS = ("comment", "reason")  # of the coder's own, beside the facets


def user_of(coder: str, role: str = "coder") -> str:
    """Return the UUID under which a coder stands in Argilla; always the same.

    >>> user_of("mira")
    'e753b2b4-5f01-5291-a986-569d3585b290'
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"diptych:coder:{coder}:{role}"))


def write(material: Material, stream: IO[str]) -> int:
    """Write a record a passage with every coder's responses. Return how many."""
    suggested: dict[str, Row] = {}
    for coding in material.codings:
        if isinstance(coding["suggestion"], dict):
            suggested.setdefault(coding["passage"], {})[coding["facet"]] = coding["suggestion"]
    records = [_record(p, said, suggested.get(p["passage"], {})) for p, said in material.by_passage()]
    json.dump(records, stream, ensure_ascii=False, indent=1)
    stream.write("\n")
    return len(records)


def _record(passage: Row, said: Sequence[Said], suggested: Row) -> Row:
    responses: dict[str, list[Row]] = {}
    kept = []
    for one in said:
        user = user_of(one.coder, one.role)
        kept.append({"user_id": user, **one.noted()})
        for facet, value in one.values.items():
            responses.setdefault(facet, []).append({"value": value, "user_id": user})
    place = {name: str(passage[name] or "") for name in ("passage", "document", "author", "section")}
    return {
        "id": passage["passage"],
        "fields": {"text": shown(passage)},
        "metadata": place | ({KEPT: json.dumps(kept, ensure_ascii=False)} if kept else {}),
        "suggestions": {
            facet: {"value": one.get("value"), "score": one.get("p"), "agent": one.get("model")}
            for facet, one in suggested.items()
        },
        "responses": responses,
        "vectors": {},
        "status": "completed" if said else "pending",
        "_server_id": None,
    }


def read(stream: IO[bytes], name: str, ground: Ground) -> Iterator[Found]:
    """Yield a row for everything that one person says of a record at one time."""
    records = json_of(stream.read(), name)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise RecordError(f"{name}: expected Argilla's records, a list of objects", hint="write them with to_json")
    for number, record in enumerate(records, 1):
        try:
            rows = list(_answers(record, ground))
        except RecordError as error:
            yield number, reject(number, error, record)
        else:
            if not rows:
                yield number, None
            yield from ((number, row) for row in rows)


def _answers(record: Row, ground: Ground) -> Iterator[Row]:
    fields, metadata = _object(record, "fields"), _object(record, "metadata")
    identifier = str(record.get("id") or "")
    known = metadata.get("passage") or (identifier if identifier in ground.passages else "")
    passage = ground.passage({"passage": known, "text": fields.get("text", "")})
    kept = _kept(metadata)
    for user, said in _people(record, ground).items():
        texts = {name: said.pop(name) for name in TEXT_QUESTIONS if name in said}
        mine = [one for one in kept if one.get("user_id") == user]
        coder = str(mine[0].get("coder") or user) if mine else user
        for one in mine:
            before = dict(label.split(":", 1) for label in map(str, one.get(CODED) or []) if ":" in label)
            now = {facet: said.pop(facet) for facet in before if facet in said}
            kept_so = {facet: value for facet, value in now.items() if before[facet] == value}
            changed = {facet: value for facet, value in now.items() if before[facet] != value}
            if kept_so:
                yield {
                    "passage": passage,
                    "coder": coder,
                    **credited(kept_so, {**one, CODED: labels(kept_so)}),
                    **texts,
                }
            if changed:
                yield {"passage": passage, "coder": coder, **changed, **texts}
        if said:
            yield {"passage": passage, "coder": coder, **said, **texts}


def _people(record: Row, ground: Ground) -> dict[str, dict[str, str]]:
    """User → facet (or text question) → answer."""
    found: dict[str, dict[str, str]] = {}
    for asked, responses in _object(record, "responses").items():
        try:
            question = asked if asked in TEXT_QUESTIONS else ground.schema.facet(asked).id
        except SchemaError as error:
            raise RecordError(str(error), hint=error.hint) from error
        for response in responses if isinstance(responses, list) else [responses]:
            if not isinstance(response, dict) or not isinstance(response.get("value"), str):
                raise RecordError(f"{question}: the response is no single label")
            found.setdefault(str(response.get("user_id") or ""), {})[question] = response["value"]
    return found


def _object(record: Row, name: str) -> dict[str, Any]:
    found = record.get(name) or {}
    if not isinstance(found, dict):
        raise RecordError(f"{name}: expected an object")
    return found


def _kept(metadata: Row) -> list[Row]:
    try:
        found = json.loads(str(metadata.get(KEPT) or "[]"))
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
