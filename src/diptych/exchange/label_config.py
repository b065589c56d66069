"""A schema → Label Studio's labelling interface, instructions, and the mark by which a project is known."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping

from diptych.codebook import codebook_html
from diptych.codebook_words import Words
from diptych.records import REASONS
from diptych.schema import Facet, Schema, Value

TEXT = "text"
FLAGS = "_flags"
COMMENT = "_comment"
REASON = "_reason"
FLAG_VALUES = ("unsure", "wrong-unit")
KEYS = "1234567890qwertyuiopasdfghjklzxcvbnm"
# keys that Label Studio 1.23 takes for itself while a choice is on the screen
TAKEN_KEYS = frozenset("uh")
TAG = re.compile(r"\[diptych ([^\[\]]*)\]")


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
    keys, words = hot_keys(schema), schema.words
    view = ET.Element("View")
    ET.SubElement(view, "Style").text = _STYLE
    ET.SubElement(view, "Header", value="$place", size="5")
    box = ET.SubElement(view, "View", className="diptych-passage")
    ET.SubElement(box, "Text", name=TEXT, value=f"${TEXT}", selectionEnabled="false")
    _context(view, words)
    if adjudicate:
        answers = ET.SubElement(view, "View", className="diptych-answers")
        ET.SubElement(answers, "Header", value=words.answers, size="5")
        ET.SubElement(answers, "Text", name="answers", value="$answers", selectionEnabled="false")
    for facet in schema.facets:
        _choices(view, facet, keys, words)
    if adjudicate:
        block = ET.SubElement(view, "View", className="diptych-facet")
        ET.SubElement(block, "Header", value=words.reason, size="5")
        choices = ET.SubElement(
            block,
            "Choices",
            name=REASON,
            toName=TEXT,
            choice="single-radio",
            showInline="true",
            required="true",
            requiredMessage=words.choose_reason,
        )
        for reason in REASONS:
            label = words.reasons.get(reason, reason)
            ET.SubElement(choices, "Choice", {"value": label} | ({"alias": reason} if label != reason else {}))
    else:
        marks = ET.SubElement(view, "Choices", name=FLAGS, toName=TEXT, choice="multiple", showInline="true")
        ET.SubElement(marks, "Choice", value=words.unsure, alias="unsure", hint=words.unsure_hint)
        ET.SubElement(marks, "Choice", value=words.wrong_unit, alias="wrong-unit", hint=words.wrong_unit_hint)
    ET.SubElement(
        view,
        "TextArea",
        name=COMMENT,
        toName=TEXT,
        rows="2",
        maxSubmissions="1",
        editable="true",
        placeholder=words.comment,
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


def _context(view: ET.Element, words: Words) -> None:
    """The neighbouring passages, folded away."""
    collapse = ET.SubElement(view, "Collapse", open="false")
    panel = ET.SubElement(collapse, "Panel", value=words.neighbours)
    for name, title in (("before", words.before), ("after", words.after)):
        ET.SubElement(panel, "Header", value=title, size="6")
        ET.SubElement(panel, "Text", name=name, value=f"${name}", selectionEnabled="false")


def _choices(view: ET.Element, facet: Facet, keys: Mapping[tuple[str, str], str], words: Words) -> None:
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
        requiredMessage=f"{words.choose} {facet.name}",
    )
    for value in facet.values:
        attributes = {"value": value.name, "alias": value.id, "hint": _hint(value, words)}
        if (facet.id, value.id) in keys:
            attributes["hotkey"] = keys[facet.id, value.id]
        ET.SubElement(choices, "Choice", attributes)


def _hint(value: Value, words: Words) -> str:
    parts = [value.definition]
    parts += [f"{words.use_when}: {sentence}" for sentence in value.use_when]
    parts += [f"{words.avoid_when}: {sentence}" for sentence in value.avoid_when]
    return " ".join(parts)


def instructions(schema: Schema) -> str:
    """Return the whole codebook as the HTML that Label Studio shows before labelling."""
    return codebook_html(schema)


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


def config_answers(config: str) -> dict[str, list[str]]:
    """Return control → values of a labelling interface (empty where it cannot be read)."""
    try:
        root = ET.fromstring(config)  # nosec B314  # noqa: S314 - our own server's answer; entities are not expanded further
    except ET.ParseError:
        return {}
    return {
        str(control.get("name")): [str(choice.get("alias") or choice.get("value")) for choice in control.iter("Choice")]
        for control in root.iter("Choices")
    }


def lost_answers(config: str, schema: Schema) -> list[str]:
    """Return what annotations made with an interface could no longer be read by under a schema."""
    lost = []
    for control, values in config_answers(config).items():
        if control.startswith("_"):
            continue
        facet = next((f for f in schema.facets if f.id == control), None)
        if facet is None:
            lost.append(control)
            continue
        known = {name for value in facet.values for name in (value.id, *value.was)}
        lost += [f"{control}: {value}" for value in values if value not in known]
    return lost
