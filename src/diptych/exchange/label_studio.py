"""Label Studio's shapes ↔ records: label configuration, tasks, predictions, annotations. No network here."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diptych.codebook import codebook_html
from diptych.errors import RecordError, SchemaError, nearest
from diptych.records import REASONS, Coding
from diptych.schema import Facet, Schema, Value

TEXT = "text"
FLAGS = "_flags"
COMMENT = "_comment"
REASON = "_reason"
FLAG_VALUES = ("unsure", "wrong-unit")
KEYS = "1234567890qwertyuiopasdfghjklzxcvbnm"
# keys that Label Studio 1.23 takes for itself while a choice is on the screen
TAKEN_KEYS = frozenset("uh")
TAG = re.compile(r"\[diptych ([^\]]*)\]")


def hot_keys(schema: Schema) -> dict[tuple[str, str], str]:
    """Return one key for every value, none twice: the schema's own where free, else the next free one.

    Values past the last key have none.
    """
    keys: dict[tuple[str, str], str] = {}
    used = set(TAKEN_KEYS)
    wishes = [
        (facet.id, value.id, (value.hotkey or "").casefold()) for facet in schema.facets for value in facet.values
    ]
    for facet, value, wish in wishes:
        if wish and wish not in used and wish in KEYS:
            keys[facet, value] = wish
            used.add(wish)
    free = [key for key in KEYS if key not in used]
    for facet, value, _ in wishes:
        if (facet, value) not in keys and free:
            keys[facet, value] = free.pop(0)
    return keys


def label_config(schema: Schema, *, adjudicate: bool = False) -> str:
    """Return the labelling interface of a schema as Label Studio's XML.

    Parameters
    ----------
    schema : Schema
    adjudicate : bool, default False
        For a project of disputed passages: the coders' answers above, a required reason below.
    """
    keys = hot_keys(schema)
    view = ET.Element("View")
    ET.SubElement(view, "Style").text = _STYLE
    ET.SubElement(view, "Header", value="$place", size="5")
    box = ET.SubElement(view, "View", className="diptych-passage")
    ET.SubElement(box, "Text", name=TEXT, value=f"${TEXT}", selectionEnabled="false")
    _context(view)
    if adjudicate:
        answers = ET.SubElement(view, "View", className="diptych-answers")
        ET.SubElement(answers, "Header", value="What the coders said", size="5")
        ET.SubElement(answers, "Text", name="answers", value="$answers", selectionEnabled="false")
    for facet in schema.facets:
        _choices(view, facet, keys)
    if adjudicate:
        block = ET.SubElement(view, "View", className="diptych-facet")
        ET.SubElement(block, "Header", value="Reason for the decision", size="5")
        choices = ET.SubElement(
            block,
            "Choices",
            name=REASON,
            toName=TEXT,
            choice="single-radio",
            showInline="true",
            required="true",
            requiredMessage="Choose a reason for the decision",
        )
        for reason in REASONS:
            ET.SubElement(choices, "Choice", value=reason)
    else:
        marks = ET.SubElement(view, "Choices", name=FLAGS, toName=TEXT, choice="multiple", showInline="true")
        ET.SubElement(marks, "Choice", value="Unsure", alias="unsure", hint="I am not sure of these answers")
        ET.SubElement(marks, "Choice", value="Wrong unit", alias="wrong-unit", hint="This is not one body paragraph")
    ET.SubElement(
        view,
        "TextArea",
        name=COMMENT,
        toName=TEXT,
        rows="2",
        maxSubmissions="1",
        editable="true",
        placeholder="Comment (optional; Enter keeps it)",
    )
    ET.indent(view)
    return ET.tostring(view, encoding="unicode")


_STYLE = """
.diptych-passage { font-size: 1.1em; line-height: 1.6; max-width: 48em; padding: .6em 1em;
  border-left: 4px solid #2f6fa8; background: rgba(47,111,168,.07); }
.diptych-facet { margin-top: .6em; padding-top: .3em; border-top: 1px solid rgba(128,128,128,.3); }
.diptych-answers { margin-top: .6em; padding: .4em 1em; background: rgba(200,100,30,.08);
  white-space: pre-line; }
"""


def _context(view: ET.Element) -> None:
    """The neighbouring passages, folded away."""
    collapse = ET.SubElement(view, "Collapse", open="false")
    panel = ET.SubElement(collapse, "Panel", value="The passages before and after (not to be coded)")
    for name in ("before", "after"):
        ET.SubElement(panel, "Header", value=name.capitalize(), size="6")
        ET.SubElement(panel, "Text", name=name, value=f"${name}", selectionEnabled="false")


def _choices(view: ET.Element, facet: Facet, keys: Mapping[tuple[str, str], str]) -> None:
    block = ET.SubElement(view, "View", className="diptych-facet")
    ET.SubElement(block, "Header", value=f"{facet.name}: {facet.question}", size="5")
    choices = ET.SubElement(
        block,
        "Choices",
        name=facet.id,
        toName=TEXT,
        choice="single-radio",
        showInline="true",
        required="true",
        requiredMessage=f"Choose a value of {facet.name}",
    )
    for value in facet.values:
        attributes = {"value": value.name, "alias": value.id, "hint": _hint(value)}
        if (facet.id, value.id) in keys:
            attributes["hotkey"] = keys[facet.id, value.id]
        ET.SubElement(choices, "Choice", attributes)


def _hint(value: Value) -> str:
    parts = [value.definition]
    parts += [f"Use when: {sentence}" for sentence in value.use_when]
    parts += [f"Not when: {sentence}" for sentence in value.avoid_when]
    return " ".join(parts)


def instructions(schema: Schema) -> str:
    """Return the whole codebook as the HTML that Label Studio shows before labelling."""
    return codebook_html(schema)


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
            extras["comment"] = " ".join([texts] if isinstance(texts, str) else [str(t) for t in texts]).strip()
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
    for value in facet.values:
        if chosen in (value.id, value.name):
            return value.id
    return facet.value(chosen).id


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
) -> list[Coding]:
    """Return the codings that an annotation makes: one a facet, `skipped` where the task was skipped.

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
        "at": str(annotation.get("updated_at") or annotation.get("created_at") or ""),
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
    seen = _seen(task, annotation, note)
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


def _seen(task: Mapping[str, Any], annotation: Mapping[str, Any], note: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Facet → the suggestion that stood on the screen when the annotation was made."""
    if note.get("suggestion") != "shown":
        return {}
    made = annotation.get("prediction")
    candidates: list[Any] = [made] if isinstance(made, dict) and made.get("result") else []
    predictions = task.get("predictions")
    candidates += [p for p in predictions if isinstance(p, dict)] if isinstance(predictions, list) else []
    if not candidates:
        return {}
    shown = candidates[0]
    found = {}
    for part in shown.get("result") or []:
        chosen = part.get("value", {}).get("choices") or [None]
        found[part.get("from_name")] = {
            "value": chosen[0],
            "p": part.get("score"),
            "model": shown.get("model_version"),
        }
    return found


def tag_of(study: str, kind: str, config: str, schema: Schema) -> str:
    """Return the mark by which a project's description says whose it is."""
    parts = {
        "study": study,
        "kind": kind,
        "schema": schema.reference,
        "structure": schema.structure_hash,
        "config": config,
    }
    return f"[diptych {' '.join(f'{key}={value}' for key, value in parts.items())}]"


def read_tag(description: str | None) -> dict[str, str]:
    """Return the parts of that mark (empty where there is none).

    >>> read_tag("Coding project [diptych study=ab12 kind=coding]")
    {'study': 'ab12', 'kind': 'coding'}
    """
    match = TAG.search(html.unescape(description or ""))
    parts: Iterable[str] = match[1].split() if match else ()
    return dict(part.split("=", 1) for part in parts if "=" in part)
