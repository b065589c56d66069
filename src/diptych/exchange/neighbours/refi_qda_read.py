"""REFI-QDA projects (.qdpx) that come in, from diptych or from any other tool."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cached_property
from typing import IO

from diptych.errors import RecordError, nearest
from diptych.exchange.neighbours.ground import Found, Ground, reject
from diptych.exchange.neighbours.material import unlabel
from diptych.exchange.neighbours.packages import Package, open_package, xml_of
from diptych.exchange.neighbours.refi_qda import NOTED, SPACE, code_guid, row_of
from diptych.files import Row
from diptych.schema import Schema

_IN = f"{{{SPACE}}}"
INTERNAL = "internal://"


def read(stream: IO[bytes], name: str, ground: Ground) -> Iterator[Found]:
    """Yield the codings of every text of a project; pictures, sounds and films hold none of a study's passages."""
    with open_package(stream, name) as package:
        project = next((one for one in package.names if one.casefold().endswith(".qde")), None)
        if project is None:
            raise RecordError(f"{name}: no .qde file in it", hint="export the project as REFI-QDA (.qdpx)")
        root = xml_of(package.read(project), f"{name}/{project}")
        if root.tag != f"{_IN}Project":
            raise RecordError(f"{name}/{project}: expected a REFI-QDA project, found <{root.tag}>")
        yield from _Reader(package, root, ground).codings()


class _Reader:
    """A project: its users, codes and notes by identifier."""

    def __init__(self, package: Package, root: ET.Element, ground: Ground) -> None:
        self.package, self.root, self.ground = package, root, ground
        self.users = {_id(user.get("guid")): user.get("name") or "" for user in root.iter(f"{_IN}User")}
        self.notes = {_id(note.get("guid")): note for note in root.iter(f"{_IN}Note")}
        self.number = 0

    @cached_property
    def codes(self) -> dict[str, tuple[str, str] | RecordError]:
        """Code → facet and value, or why it is none."""
        found: dict[str, tuple[str, str] | RecordError] = {}
        ours = {code_guid(f.id, value): (f.id, value) for f in self.ground.schema.facets for value in f.value_ids}
        waiting = [(code, "") for code in self.root.iterfind(f"{_IN}CodeBook/{_IN}Codes/{_IN}Code")]
        while waiting:
            code, above = waiting.pop()
            identifier, name = _id(code.get("guid")), code.get("name") or ""
            waiting += [(child, name) for child in code.iterfind(f"{_IN}Code")]
            found[identifier] = ours.get(identifier) or _named(above, name, self.ground.schema)
        return found

    def codings(self) -> Iterator[Found]:
        """Yield a row a coding, in the order of the file."""
        for source in self.root.iter(f"{_IN}TextSource"):
            selections = source.findall(f"{_IN}PlainTextSelection")
            if not selections and source.find(f"{_IN}Coding") is None:
                continue
            label = source.get("name") or source.get("guid") or "?"
            try:
                text = self._text(source)
            except RecordError as error:
                for coding in source.iter(f"{_IN}Coding"):
                    self.number += 1
                    yield self.number, reject(self.number, error, _shown(coding), label)
                continue
            for coding in source.iterfind(f"{_IN}Coding"):
                self.number += 1
                why = RecordError("it codes the whole document, and passages are coded here")
                yield self.number, reject(self.number, why, _shown(coding), label)
            for selection in selections:
                yield from self._selection(selection, text, label)

    def _selection(self, selection: ET.Element, text: str, label: str) -> Iterator[Found]:
        for coding in selection.iterfind(f"{_IN}Coding"):
            self.number += 1
            try:
                yield self.number, self._row(selection, coding, text)
            except RecordError as error:
                yield self.number, reject(self.number, error, _shown(selection) | _shown(coding), label)

    def _row(self, selection: ET.Element, coding: ET.Element, text: str) -> Row:
        start, end = _number(selection, "startPosition"), _number(selection, "endPosition")
        passage = self.ground.placed(selection.get("name") or "", text, start, end)
        reference = coding.find(f"{_IN}CodeRef")
        code = self.codes.get(_id(reference.get("targetGUID") if reference is not None else ""))
        if code is None:
            raise RecordError("the coding names no code of the project's code book")
        if isinstance(code, RecordError):
            raise code
        user = _id(coding.get("creatingUser") or selection.get("creatingUser"))
        when = coding.get("creationDateTime") or selection.get("creationDateTime") or ""
        return row_of(passage, self.users.get(user, ""), *code, when, self._noted(coding))

    def _noted(self, coding: ET.Element) -> Row:
        """What the notes of a coding say; notes that others wrote are comments."""
        found: dict[str, str] = {}
        for reference in coding.iterfind(f"{_IN}NoteRef"):
            note = self.notes.get(_id(reference.get("targetGUID")))
            if note is None:
                continue
            name = note.get("name") if note.get("name") in NOTED else "comment"
            said = self._text(note).strip()
            found[str(name)] = f"{found[str(name)]} {said}" if str(name) in found else said
        return dict(found)

    def _text(self, element: ET.Element) -> str:
        """The text of a source or note: in it, or in a file of the package."""
        inside = element.find(f"{_IN}PlainTextContent")
        if inside is not None:
            return inside.text or ""
        path = element.get("plainTextPath") or ""
        if not path.startswith(INTERNAL):
            raise RecordError(f"the text {path!r} does not lie in the project", hint="export with its sources")
        wanted = path.removeprefix(INTERNAL)
        member = next((one for one in self.package.names if one.rpartition("/")[2] == wanted), f"sources/{wanted}")
        try:
            return self.package.read(member).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RecordError(f"{member} is not UTF-8") from error


def _named(above: str, name: str, schema: Schema) -> tuple[str, str] | RecordError:
    """The facet and value that a code's name (and that of the code above it) stand for."""
    for facet in schema.facets:
        if above.casefold() in {one.casefold() for one in (facet.id, facet.name, *facet.was)}:
            for value in facet.values:
                if name.casefold() in {one.casefold() for one in (value.id, value.name, *value.was)}:
                    return facet.id, value.id
            return RecordError(
                f"{facet.id}: unknown value {name!r}{nearest(name, facet.value_ids)}",
                hint=f"allowed: {', '.join(facet.value_ids)}",
            )
    if above:
        return RecordError(f"code {name!r} stands under {above!r}, which is no facet{nearest(above, schema.facet_ids)}")
    try:
        return unlabel(name, schema)
    except RecordError as error:
        return error


def _id(text: str | None) -> str:
    """An identifier, with or without braces, in small letters."""
    return (text or "").strip("{}").casefold()


def _number(element: ET.Element, name: str) -> int:
    found = element.get(name) or ""
    if not found.isdecimal() or len(found) > 12:
        raise RecordError(f"{name}: {found!r} is no offset")
    return int(found)


def _shown(element: ET.Element) -> Row:
    return {name: value for name, value in element.attrib.items() if name != "guid"}
