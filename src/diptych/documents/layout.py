"""Lines of a converted page → blocks of one kind each: body, bullet, heading, note, running head.

Text taken from a printed page carries the page with it: wrapped lines, margin notes between two
halves of a sentence, page numbers. The rules here look only at the shape of lines (width, marks,
position), never at the subject, and work for any language that has sentence punctuation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from diptych.documents.lines import (
    CLOSERS,
    TERMINALS,
    Line,
    Measure,
    ends_sentence,
    is_indented,
    measure,
    read_lines,
    uses_indents,
)

BULLET_GLYPHS = "■•▪●◦‣∙▶◆❖"
_CHAPTER = re.compile(r"^(\d{1,2}|[IVXLC]{1,6})\.?\s+(?=\S)")
_NOTE = re.compile(r"^(?:\[?(\d{1,3})[.)\]]?|[*†‡])\s+(?=\S)")
_PAGE_NUMBER = re.compile(r"^\W*\d{1,4}\W*$|^\d{1,4}\s+|(?<=\s)\d{1,4}$")
_DASH_BULLET = re.compile(r"^(?:[-–—*+]|\(?(?:\d{1,2}|[a-z])[.)])\s+")
_GLYPH_BULLET = re.compile(rf"^[{BULLET_GLYPHS}]|(?<=\s)[{BULLET_GLYPHS}]$")
# no name begins with one of these, though a heading of two or three capitalised words may: "Das Tal", "Los Barcos"
_ARTICLES = frozenset(
    (
        "the",
        "a",
        "an",
        "der",
        "die",
        "das",
        "dem",
        "den",
        "ein",
        "eine",
        "einen",
        "los",
        "las",
        "les",
        "une",
        "des",
        "gli",
    )
)
_NAME = re.compile(r"^(?:[Bb]y\s+)?(?:\w[\w’'-]*\.?\s+){1,3}\w[\w’'-]*$")


class Kind(StrEnum):
    """What a block of lines is on the page."""

    BODY = "body"
    BULLET = "bullet"
    HEADING = "heading"
    BYLINE = "byline"
    NOTE = "note"
    RUNNING = "running head"
    ORNAMENT = "ornament"


@dataclass(slots=True)
class Block:
    """Neighbouring lines that belong together, and what they are."""

    lines: list[Line]
    kind: Kind = Kind.BODY
    page_start: bool = False
    after_blank: bool = True

    @property
    def text(self) -> str:
        """The lines joined by blanks, as a reader would say them."""
        return " ".join(line.text for line in self.lines)

    @property
    def width(self) -> float:
        """The width of the widest line."""
        return max(line.width for line in self.lines)

    @property
    def ends_sentence(self) -> bool:
        """Whether the last line ends with the end of a sentence (note marks put aside)."""
        return ends_sentence(self.lines[-1].text)

    @property
    def starts_low(self) -> bool:
        """Whether the block begins in the middle of a sentence, by its first letter."""
        first = self.lines[0].text.lstrip("“‘\"'(«")
        return first[:1].islower()


def cut_blocks(lines: Sequence[Line | None], page: Measure | None) -> list[Block]:
    """Cut lines into blocks: at blank lines, pages, bullets, indents, and short lines before full ones."""
    blocks: list[Block] = []
    fresh = True
    indented = uses_indents(lines)
    for line in lines:
        if line is None:
            fresh = True
            continue
        glyph = bool(_GLYPH_BULLET.search(line.text))
        last = blocks[-1].lines if blocks else []
        listed = bool(blocks) and blocks[-1].kind is Kind.BULLET
        fits = fresh or page is None or (listed and last[-1].text[-1:] in (*TERMINALS, ";", ","))
        dash = fits and bool(_DASH_BULLET.match(line.text)) and not _NOTE.match(line.text)
        if (
            fresh
            or page is None
            or line.page_start
            or glyph
            or dash
            or (indented and not listed and is_indented(line, last[-1]))
            or _stands_off(last, line, page.full)
        ):
            kind = Kind.BULLET if glyph or dash else Kind.BODY
            blocks.append(Block([], kind, line.page_start, fresh))
        blocks[-1].lines.append(_without_bullet(line) if glyph or dash else line)
        fresh = False
    return [block for block in blocks if any(line.text for line in block.lines)]


def _stands_off(last: Sequence[Line], line: Line, full: float) -> bool:
    """Whether the last line was left short though `line` is long: a heading or a paragraph's end."""
    if not last or line.width < 0.8 * full or line.text[:1].islower():
        return False
    local = max((earlier.width for earlier in last[-4:-1]), default=full)
    word = Line(0, 0, " " + line.text.split(maxsplit=1)[0])
    return last[-1].width < 0.66 * full and last[-1].width + word.width <= max(local, 0.5 * full)


def _without_bullet(line: Line) -> Line:
    """Take the bullet mark out of a line; the offsets move with the text."""
    mark = re.match(rf"[{BULLET_GLYPHS}]\s*", line.text) or _DASH_BULLET.match(line.text)
    start = line.start + (mark.end() if mark else 0)
    text = line.text[mark.end() :] if mark else line.text
    if len(text) > 1 and text[-1] in BULLET_GLYPHS and text[-2].isspace():
        text = text[:-1].rstrip()
    return Line(start, start + len(text), text, line.page_start, line.indent)


def classify(blocks: Sequence[Block], text: str, page: Measure | None) -> None:
    """Set the kind of every block in place."""
    bare = Counter(_without_page_number(block.text) for block in blocks if len(block.lines) <= 2)
    full = page.full if page else None
    chapter = 0
    numbers: dict[str, set[str]] = {}
    for block in blocks:
        if len(block.lines) == 1 and (mark := re.match(r"\d{1,4}(?=\s)", block.text)):
            numbers.setdefault(_without_page_number(block.text), set()).add(mark[0])
    noted = _note_marks(text)
    for position, block in enumerate(blocks):
        if not any(c.isalnum() for c in block.text):
            block.kind = Kind.ORNAMENT
        if block.kind in (Kind.BULLET, Kind.ORNAMENT):
            continue
        before = blocks[position - 1].kind if position else None
        narrow = full is not None and block.width < 0.75 * full and len(block.lines) <= 3
        titled = narrow and not ends_sentence(block.text.replace("?", "")) and block.text[-1] not in ",;–—-"
        number = _CHAPTER.match(block.text)
        if re.match(r"\d", block.text) and len(numbers.get(_without_page_number(block.text), ())) > 1:
            block.kind = Kind.RUNNING
        elif number and number[1] == str(chapter + 1) and titled and len(block.text) < 90:
            block.kind, chapter = Kind.HEADING, chapter + 1
        elif len(block.lines) == 1 and _is_running(block.text, bare):
            block.kind = Kind.RUNNING
        elif _is_marked(block, noted) or (position and _is_marginal(block, before, full)):
            block.kind = Kind.NOTE
        elif _is_heading(block, full, first=position == 0):
            is_name = before is Kind.HEADING and _is_name(block.text)
            block.kind = Kind.BYLINE if is_name else Kind.HEADING


def _is_marked(block: Block, noted: set[int]) -> bool:
    """A note by its mark: an asterisk, or a number that hangs on a word elsewhere."""
    mark = _NOTE.match(block.text)
    return mark is not None and (mark[1] is None or int(mark[1]) in noted)


def _is_marginal(block: Block, before: Kind | None, full: float | None) -> bool:
    """Several very narrow lines, or the rest of the note that stands directly above."""
    if full is None or block.width >= 0.47 * full:
        return False
    if len(block.lines) == 2 and _is_name(block.lines[1].text) and _is_heading(block, full, first=False):
        return False
    return len(block.lines) > 1 or (before is Kind.NOTE and not block.after_blank)


def _without_page_number(text: str) -> str:
    return _PAGE_NUMBER.sub("", text).strip().casefold()


def _is_running(text: str, bare: Counter[str]) -> bool:
    """A page number alone, or a page number with words that stand alone elsewhere too."""
    if not _PAGE_NUMBER.search(text):
        return False
    rest = _without_page_number(text)
    return not rest or bare[rest] > 1


def _note_marks(text: str) -> set[int]:
    """Numbers that hang on a word or a sentence end, as the mark of a note does."""
    marks = re.findall(rf"(?<=[^\W\d_]|[{re.escape(TERMINALS + CLOSERS)},;])(\d{{1,3}})(?=[\s,.;)]|$)", text)
    return {int(mark) for mark in marks}


def _is_heading(block: Block, full: float | None, *, first: bool) -> bool:
    """Few short lines that end no sentence and begin like a title (or open the document)."""
    text = block.text
    words = len(text.split())
    if ends_sentence(text.replace("?", "")) or text[-1] in ",;–—-" or words > 14 or len(text) > 100:
        return False
    if full is None:
        return len(block.lines) == 1 and words <= 10 and not block.starts_low and not text.endswith("?")
    return len(block.lines) <= 3 and block.width < 0.75 * full and (first or not block.starts_low)


def _is_name(text: str) -> bool:
    """A by-line: two to four capitalised words, nothing else."""
    words = text.removeprefix("by ").split()
    return bool(_NAME.match(text)) and all(w[:1].isupper() for w in words) and words[0].casefold() not in _ARTICLES


def read_blocks(text: str) -> tuple[list[Block], Measure | None]:
    """Return the classified blocks of a document text, in order, and the measure of its lines."""
    lines = read_lines(text)
    page = measure(lines)
    blocks = cut_blocks(lines, page)
    classify(blocks, text, page)
    return blocks, page
