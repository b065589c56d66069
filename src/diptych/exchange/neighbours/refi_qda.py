"""REFI-QDA projects (.qdpx), which NVivo, ATLAS.ti, MAXQDA and QualCoder write and read: a study as one.

Facets are codes that hold their values as codes, documents are plain texts, a passage's span is a selection (half-open,
in code points) with a coding a coder and facet; comments, reasons and confidences are notes of a coding.
"""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterable
from datetime import UTC
from typing import IO, Any

from diptych import __version__
from diptych.exchange.neighbours.layout import Layout
from diptych.exchange.neighbours.material import Material, Said
from diptych.exchange.neighbours.packages import put, xml_text
from diptych.files import Row
from diptych.records import moment

SPACE = "urn:QDA-XML:project:1.0"
PROJECT = "project.qde"
NOTED = ("comment", "reason", "confidence")
COLOURS = ("#1F77B4", "#FF7F0E", "#2CA02C", "#D62728", "#9467BD", "#8C564B", "#E377C2", "#BCBD22", "#17BECF", "#7F7F7F")
ROLE = re.compile(r"(.*) \((adjudicator|digest)\)", re.DOTALL)


def guid(*parts: object) -> str:
    """Return the identifier of a thing; the same thing always has the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("diptych", *map(str, parts)))))


def code_guid(facet: str, value: str = "") -> str:
    """Return the identifier of a facet's or a value's code; it does not depend on the study's name."""
    return guid("code", facet, value)


def user_name(coder: str, role: str = "coder") -> str:
    """Return the name of a user: a coder in another role is another one.

    >>> user_name("mira"), user_name("mira", "adjudicator")
    ('mira', 'mira (adjudicator)')
    """
    return coder if role == "coder" else f"{coder} ({role})"


def write(material: Material, stream: IO[bytes]) -> int:
    """Write the project. Return how many codings it holds."""
    project = _Project(material)
    root = project.build()
    ET.indent(root)
    with zipfile.ZipFile(stream, "w") as archive:
        put(archive, PROJECT, ET.tostring(root, encoding="utf-8", xml_declaration=True))
        for layout in material.layouts:
            put(archive, f"sources/{project.source(layout)}.txt", layout.text.encode("utf-8", "replace"))
    return project.codings


class _Project:
    """The elements of a project, in the order that its XML schema wants."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.codings = 0
        self.notes: list[ET.Element] = []
        self.said: dict[str, list[Said]] = {}
        for one in material.said():
            self.said.setdefault(one.passage, []).append(one)

    def source(self, layout: Layout) -> str:
        return guid(self.material.study, "source", layout.document)

    def build(self) -> ET.Element:
        root = ET.Element("Project", xmlns=SPACE, name=xml_text(self.material.title), origin=f"diptych {__version__}")
        latest = max((moment(row["at"]) for row in self.material.codings), default=None)
        if latest is not None:
            root.set("creationDateTime", _time(latest.isoformat()))
        users = sorted({user_name(one.coder, one.role) for many in self.said.values() for one in many})
        if users:
            found = ET.SubElement(root, "Users")
            for name in users:
                ET.SubElement(found, "User", guid=guid("user", name), name=xml_text(name))
        self._codes(ET.SubElement(ET.SubElement(root, "CodeBook"), "Codes"))
        sources = ET.SubElement(root, "Sources")
        for layout in self.material.layouts:
            self._source(sources, layout)
        if self.notes:
            ET.SubElement(root, "Notes").extend(self.notes)
        ET.SubElement(root, "Description").text = xml_text(
            f"Codebook {self.material.schema.reference}. Texts: {self.material.texts}."
        )
        return root

    def _codes(self, codes: ET.Element) -> None:
        for number, facet in enumerate(self.material.schema.facets):
            colour = COLOURS[number % len(COLOURS)]
            held = ET.SubElement(
                codes, "Code", guid=code_guid(facet.id), name=xml_text(facet.name), isCodable="false", color=colour
            )
            ET.SubElement(held, "Description").text = xml_text(facet.question)
            for value in facet.values:
                code = ET.SubElement(
                    held,
                    "Code",
                    guid=code_guid(facet.id, value.id),
                    name=xml_text(value.name),
                    isCodable="true",
                    color=colour,
                )
                ET.SubElement(code, "Description").text = xml_text(value.definition)

    def _source(self, sources: ET.Element, layout: Layout) -> None:
        mine = self.source(layout)
        source = ET.SubElement(
            sources,
            "TextSource",
            guid=mine,
            name=xml_text(layout.title or layout.document),
            plainTextPath=f"internal://{mine}.txt",
        )
        for passage, spans in layout.spans.items():
            for start, end in spans:
                place = guid(mine, passage, start)
                selection = ET.SubElement(
                    source,
                    "PlainTextSelection",
                    guid=place,
                    name=xml_text(passage),
                    startPosition=str(start),
                    endPosition=str(end),
                )
                for one in self.said.get(passage, ()):
                    for facet, value in one.values.items():
                        self._coding(selection, place, one, facet, value)

    def _coding(self, selection: ET.Element, place: str, one: Said, facet: str, value: str) -> None:
        user = guid("user", user_name(one.coder, one.role))
        identifier = guid(place, user, one.notes["at"], facet)
        when = _time(str(one.notes["at"]))
        coding = ET.SubElement(selection, "Coding", guid=identifier, creatingUser=user, creationDateTime=when)
        ET.SubElement(coding, "CodeRef", targetGUID=code_guid(facet, value))
        self.codings += 1
        for name in NOTED:
            if name in one.notes:
                self._note(coding, name, str(one.notes[name]), (place, user, when))

    def _note(self, coding: ET.Element, name: str, text: str, key: Iterable[Any]) -> None:
        """One note a selection, person and time: the facets coded then share it."""
        identifier = guid("note", name, text, *key)
        ET.SubElement(coding, "NoteRef", targetGUID=identifier)
        if not any(note.get("guid") == identifier for note in self.notes[-len(NOTED) * 2 :]):
            note = ET.Element("Note", guid=identifier, name=name, creatingUser=coding.get("creatingUser", ""))
            ET.SubElement(note, "PlainTextContent").text = xml_text(text)
            self.notes.append(note)


def _time(text: str) -> str:
    """A time as XML writes it."""
    return moment(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


def row_of(passage: str, user: str, facet: str, value: str, when: str, notes: Row) -> Row:
    """Return a coding of a project as a row to import."""
    role = ROLE.fullmatch(user)
    found: Row = {"passage": passage, "facet": facet, "value": value, **notes}
    if user:
        found["coder"] = role[1] if role else user
    if role:
        found["role"] = role[2]
    return found | ({"at": when} if when else {})
