"""Label Studio's shapes ↔ records: tasks, predictions, annotations. No network here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diptych.errors import RecordError, SchemaError, nearest
from diptych.exchange.label_config import COMMENT, FLAG_VALUES, FLAGS, REASON, TEXT
from diptych.records import REASONS, Coding, moment
from diptych.schema import Facet, Schema


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a model says of a passage: facet → (value, probability), and which model."""

    values: Mapping[str, tuple[str, float]]
    model: str
    score: float

    def result(self) -> list[dict[str, Any]]:
        """The regions of a Label Studio prediction, one a facet."""
        return [region(facet, value, p) for facet, (value, p) in self.values.items()]


def region(facet: str, value: str, score: float | None = None) -> dict[str, Any]:
    """Return one choice as Label Studio's region."""
    found: dict[str, Any] = {
        "id": facet,
        "from_name": facet,
        "to_name": TEXT,
        "type": "choices",
        "value": {"choices": [value]},
    }
    return found if score is None else found | {"score": round(score, 4)}


def check_result(result: object, schema: Schema) -> dict[str, str]:
    """Return facet → value of a result, or say what is wrong: the server accepts anything.

    Raises
    ------
    RecordError
        For an unknown control, an unknown value, two values on a single choice, or a missing facet.
    """
    answers, _ = read_result(result, schema)
    missing = [facet for facet in schema.facet_ids if facet not in answers]
    if missing:
        raise RecordError(f"no answer to {', '.join(missing)}")
    return answers


def read_result(result: object, schema: Schema) -> tuple[dict[str, str], dict[str, Any]]:
    """Return (facet → value, extras) of an annotation's result; extras: flags, comment, reason.

    Raises
    ------
    RecordError
        For an unknown control or value, or two values on a single choice.
    """
    if not isinstance(result, list):
        raise RecordError("the result is no list")
    answers: dict[str, str] = {}
    extras: dict[str, Any] = {"flags": [], "comment": "", "reason": ""}
    for part in result:
        if not isinstance(part, dict) or not isinstance(part.get("value"), dict):
            raise RecordError("a part of the result has no value")
        name, value = str(part.get("from_name")), part["value"]
        if name == COMMENT:
            texts = value.get("text", [])
            extras["comment"] = " ".join(map(str, texts if isinstance(texts, list) else [texts])).strip()
            continue
        chosen = value.get("choices")
        if not isinstance(chosen, list) or not all(isinstance(c, str) for c in chosen):
            raise RecordError(f"{name}: the answer is no list of choices")
        if name == FLAGS:
            extras["flags"] = [_known(name, flag, FLAG_VALUES) for flag in chosen]
            continue
        if name == REASON:
            extras["reason"] = _known(name, chosen[0], REASONS) if chosen else ""
            continue
        try:
            facet = schema.facet(name)
            if len(chosen) != 1:
                raise RecordError(f"{facet.id}: {len(chosen)} values on a single choice ({', '.join(chosen)})")
            if facet.id in answers:
                raise RecordError(f"{facet.id}: answered twice")
            answers[facet.id] = _value(facet, chosen[0])
        except SchemaError as error:
            raise RecordError(str(error), hint=error.hint) from error
    return answers, extras


def _value(facet: Facet, chosen: str) -> str:
    """The value that was chosen, by its id or by the label that the screen shows."""
    if any(chosen in (value.id, *value.was) for value in facet.values):
        return facet.value(chosen).id
    by_label = next((value.id for value in facet.values if value.name == chosen), None)
    return by_label or facet.value(chosen).id


def _known(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise RecordError(f"{name}: unknown value {value!r}{nearest(value, allowed)}")
    return value


def task_of(
    passage: Mapping[str, Any],
    schema: Schema,
    study: str,
    *,
    before: str = "",
    after: str = "",
    suggestion: Suggestion | None = None,
    withheld: bool = False,
    sample: str = "",
    answers: str = "",
) -> dict[str, Any]:
    """Return a passage as a Label Studio task.

    Parameters
    ----------
    passage : mapping
        passage, text, author, document, section, sha256.
    schema : Schema
    study : str
        The study's key, by which its tasks are told from others.
    before, after : str
        The neighbouring passages, or nothing.
    suggestion : Suggestion, optional
        Shown as a pre-label, unless `withheld`.
    withheld : bool
        This passage is coded without seeing the suggestion; only its score orders the queue.
    sample : str
        The drawn sample this task belongs to.
    answers : str
        What the coders said (adjudication).
    """
    place = " · ".join(str(part) for part in (passage["author"], passage["document"], passage["section"]) if part)
    data = {
        TEXT: passage["text"],
        "passage_id": passage["passage"],
        "place": place,
        "before": before or "(none)",
        "after": after or "(none)",
    }
    if answers:
        data["answers"] = answers
    shown = "none" if suggestion is None and not withheld else "withheld" if withheld else "shown"
    note = {
        "study": study,
        "schema": schema.reference,
        "structure": schema.structure_hash,
        "sha256": passage["sha256"],
        "suggestion": shown,
        "model": suggestion.model if suggestion is not None and shown == "shown" else "",
        "sample": sample,
    }
    task: dict[str, Any] = {"data": data, "meta": {"diptych": note}}
    if suggestion is not None:
        task["predictions"] = [prediction_of(suggestion, bare=withheld)]
    return task


def prediction_of(suggestion: Suggestion, *, bare: bool = False) -> dict[str, Any]:
    """Return a suggestion as a Label Studio prediction; its score orders the queue, lowest first.

    With `bare` it says nothing but its score.
    """
    return {
        "model_version": suggestion.model,
        "score": round(suggestion.score, 6),
        "result": [] if bare else suggestion.result(),
    }


def note_of(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return what diptych wrote into a task's meta (empty for tasks made by others)."""
    meta = task.get("meta")
    note = meta.get("diptych") if isinstance(meta, dict) else None
    return note if isinstance(note, dict) else {}


def codings_of(
    task: Mapping[str, Any],
    annotation: Mapping[str, Any],
    schema: Schema,
    *,
    coder: str,
    origin: str,
    role: str = "coder",
    edited_by: str = "",
    at: str = "",
) -> list[Coding]:
    """Return the codings that an annotation makes: one a facet, `skipped` where the task was skipped.

    Parameters
    ----------
    task, annotation : mappings
        As Label Studio gives them.
    schema : Schema
    coder, origin, role, edited_by : str
    at : str
        When it was made, where the annotation does not say so.

    Raises
    ------
    RecordError
        If the annotation cannot be taken; the server lets incomplete and impossible ones through.
    """
    data = task.get("data")
    passage = data.get("passage_id") if isinstance(data, dict) else None
    if not isinstance(passage, str):
        raise RecordError("the task has no passage_id: it was not made by diptych")
    note = note_of(task)
    shared: dict[str, Any] = {
        "schema": schema.stamp,
        "at": _when(annotation, at),
        "origin": origin,
        "role": role,
        "edited_by": edited_by,
        "lead_time": annotation.get("lead_time"),
    }
    if annotation.get("was_cancelled"):
        return [Coding(passage, coder, facet, None, status="skipped", **shared) for facet in schema.facet_ids]
    answers, extras = read_result(annotation.get("result"), schema)
    missing = [facet for facet in schema.facet_ids if facet not in answers]
    if missing:
        raise RecordError(f"no answer to {', '.join(missing)}")
    if role == "adjudicator" and not extras["reason"]:
        raise RecordError("no reason for the decision")
    seen = _seen(annotation, note, task.get("predictions"))
    return [
        Coding(
            passage,
            coder,
            facet,
            answers[facet],
            suggestion=seen.get(facet),
            comment=extras["comment"],
            reason=extras["reason"],
            flags=tuple(extras["flags"]),
            **shared,
        )
        for facet in schema.facet_ids
    ]


def _when(annotation: Mapping[str, Any], otherwise: str) -> str:
    """When an annotation was last changed."""
    said = str(annotation.get("updated_at") or annotation.get("created_at") or otherwise)
    try:
        moment(said)
    except ValueError as error:
        raise RecordError(f"the annotation's date {said!r} is no time") from error
    return said


def _seen(annotation: Mapping[str, Any], note: Mapping[str, Any], predictions: object) -> dict[str, dict[str, Any]]:
    """Facet → the suggestion that stood on the screen when the annotation was made.

    The server copies a pushed one into the annotation; the task's predictions may be of a later model. Of what an ML
    backend says it keeps no copy: there it is the last prediction that is older than the annotation.
    """
    if note.get("suggestion") not in ("shown", "none"):
        return {}
    shown = annotation.get("prediction")
    if not (isinstance(shown, dict) and shown.get("result")) and note.get("suggestion") == "none":
        shown = _last_before(str(annotation.get("created_at") or ""), predictions)
    if not isinstance(shown, dict):
        return {}
    found = {}
    parts = shown.get("result")
    for part in parts if isinstance(parts, list) else []:
        value = part.get("value") if isinstance(part, dict) else None
        chosen = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(chosen, list):
            continue
        found[str(part.get("from_name"))] = {
            "value": chosen[0] if chosen else None,
            "p": part.get("score"),
            "model": shown.get("model_version"),
        }
    return found


def _last_before(when: str, predictions: object) -> Mapping[str, Any] | None:
    """The last of a task's predictions that existed when an annotation was made."""
    listed = predictions if isinstance(predictions, list) else []
    try:
        made = moment(when)
        older = [p for p in listed if isinstance(p, dict) and p.get("created_at") and moment(p["created_at"]) <= made]
    except (ValueError, TypeError):
        return None
    return max(older, key=lambda p: moment(p["created_at"]), default=None)
