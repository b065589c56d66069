"""A document as one text with its passages at offsets, as tools that code selections of a text want it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from diptych.documents.ingest import read_original, read_passages
from diptych.documents.passages import read_digests
from diptych.errors import RecordError
from diptych.study import Document, Study

Span = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """One document: its text with line feeds only, and where its passages stand (half-open, in code points)."""

    document: str
    title: str
    text: str
    spans: dict[str, list[Span]]

    @cached_property
    def _sorted(self) -> list[tuple[int, int, str]]:
        return sorted((start, end, name) for name, spans in self.spans.items() for start, end in spans)

    @cached_property
    def _ends(self) -> list[int]:
        return [end for _, end, _ in self._sorted]

    def passage_at(self, start: int, end: int) -> str:
        """Return the one passage in which a selection lies; blanks at its ends do not count.

        Raises
        ------
        RecordError
            If it lies outside the text, in no passage, or in several.
        """
        check_offsets(start, end, len(self.text))
        piece = self.text[start:end]
        start, end = start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
        found: list[str] = []
        for first, _, name in self._sorted[bisect_right(self._ends, start) :]:
            if first >= max(end, start + 1):
                break
            if name not in found:
                found.append(name)
        if len(found) != 1:
            where = f"covers {len(found)} passages ({found[0]} to {found[-1]})" if found else "lies in no passage"
            raise RecordError(
                f"the selection {start} to {end} of {self.document} {where}", hint="one selection, one passage"
            )
        return found[0]


def check_offsets(start: int, end: int, length: int) -> None:
    """Raise `RecordError` if a selection is none of a text of this length."""
    if not 0 <= start < end <= length:
        raise RecordError(f"offsets {start} to {end} are no selection of a text of {length} characters")


def layouts_of(study: Study, *, originals: bool) -> list[Layout]:
    """Return the documents of a study; without originals (or where one is not at hand) as their digests in a row.

    A passage without a digest stands there as its id in brackets.
    """
    found = []
    for document in study.settings.documents:
        layout = (_of_original(study, document) if originals else None) or _of_digests(study, document)
        if layout is not None:
            found.append(layout)
    return found


def _of_original(study: Study, document: Document) -> Layout | None:
    stored = read_passages(study, document)
    original = read_original(study, document) if stored else None
    if stored is None or original is None:
        return None
    pairs = crlf(original.text)
    spans = {p.passage: [(back(start, pairs), back(end, pairs)) for start, end in p.spans] for p in stored}
    return Layout(document.id, document.title, line_feeds(original.text), spans)


def _of_digests(study: Study, document: Document) -> Layout | None:
    stored = read_passages(study, document)
    if stored is None:
        return None
    digests = read_digests(study, document)
    text, spans = "", {}
    for passage in stored:
        piece = digests.get(passage.passage) or f"[{passage.passage}]"
        text += "\n\n" if text else ""
        spans[passage.passage] = [(len(text), len(text) + len(piece))]
        text += piece
    return Layout(document.id, document.title, text, spans)


def line_feeds(text: str) -> str:
    r"""Return a text whose lines end in a line feed, without a byte order mark.

    >>> line_feeds("a\r\nb\rc")
    'a\nb\nc'
    """
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def crlf(text: str) -> list[int]:
    """Return where characters stand that :func:`line_feeds` takes out."""
    found = [0] if text.startswith("\ufeff") else []
    place = text.find("\r\n")
    while place >= 0:
        found.append(place)
        place = text.find("\r\n", place + 2)
    return found


def back(offset: int, taken: Sequence[int]) -> int:
    """Return an offset after the characters at these places have been taken out."""
    return offset - bisect_left(taken, offset)


def astral(text: str) -> list[int]:
    r"""Return where characters stand that take two units in UTF-16, as Java counts.

    >>> astral("a\U0001f600b")
    [1]
    """
    return [found.start() for found in re.finditer("[\U00010000-\U0010ffff]", text)]


def to_utf16(offset: int, wide: Sequence[int]) -> int:
    r"""Return an offset in code points as one in UTF-16 units; `wide` is what :func:`astral` found.

    >>> to_utf16(2, astral("a\U0001f600b"))
    3
    """
    return offset + bisect_left(wide, offset)


def from_utf16(offset: int, wide: Sequence[int]) -> int:
    r"""Return an offset in UTF-16 units as one in code points; `wide` is what :func:`astral` found.

    >>> from_utf16(3, astral("a\U0001f600b"))
    2
    """
    return offset - bisect_right([place + before + 2 for before, place in enumerate(wide)], offset)
