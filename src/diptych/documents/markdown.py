"""Markdown lines → the same blocks as a printed page gives: marks taken off, offsets kept; and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from diptych.documents.layout import Block, Kind
from diptych.documents.lines import Line

_HEADING = re.compile(r"^#{1,6}\s+")
_CLOSING = re.compile(r"(?<=\s)#+$")
_ITEM = re.compile(r"^(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")
_NO_FIRST = re.compile(r"^(?!1[.)])\d")  # only a list that begins with 1 interrupts a paragraph
_QUOTE = re.compile(r"^(?:>\s?)+")
_RULE = re.compile(r"^(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$")
_UNDERLINE = re.compile(r"^(?:=+|-{2,})$")
_FENCE = re.compile(r"^(`{3,}(?=[^`]*$)|~{3,})")
_ASIDE = re.compile(r"^(?:\[\^[^\]]+\]:|\[[^\]]+\]:\s|\||<!--|!\[[^\]]*\]\([^)]*\)$|</?\w+[^>]*>$)")
_YEAR = re.compile(r"\d{3,9}[.)]\s")  # at the beginning of a sentence, not of a list
_ESCAPE = re.compile(rf"\\(?=[!-/:-@\[-`{{-~]|{_YEAR.pattern})")


class Piece(NamedTuple):
    """One paragraph to be written: its text, and the mark before it (`# `, `- `, `> ` or none)."""

    text: str
    mark: str = ""


def compose(pieces: Iterable[Piece]) -> str:
    r"""Return Markdown, one line a paragraph, that is read back as the same paragraphs.

    >>> compose([Piece("On  the quay", "# "), Piece("#1 is the old crane."), Piece(" \n- ")])
    '# On the quay\n\n\\#1 is the old crane.\n'
    """
    lines = []
    for piece in pieces:
        text = " ".join(piece.text.split())
        if any(c.isalnum() for c in text):
            lines.append(piece.mark + text if piece.mark else _escaped(text))
    return "\n\n".join(lines) + "\n" if lines else ""


def _escaped(text: str) -> str:
    """The text, so written that its first letters are no mark."""
    marks = any(mark.match(text) for mark in (_FENCE, _ESCAPE, _YEAR)) or text.startswith(("#", "<!--"))
    return "\\" + text if marks or _kind(text)[0] is Kind.NOTE else text


def markdown_blocks(lines: Sequence[Line | None]) -> list[Block]:
    """Return the blocks of a Markdown document; code, tables, notes and comments are no body text."""
    blocks: list[Block] = []
    fence, comment = "", False
    open_block: Block | None = None
    for line in lines[_front_matter(lines) :]:
        if line is None:
            open_block = None
            continue
        if fence:
            if line.text.startswith(fence) and not line.text.strip(fence[0]):
                fence = ""
            continue
        if comment or line.text.startswith("<!--"):
            comment, open_block = "-->" not in line.text, None
            continue
        if mark := _FENCE.match(line.text):
            fence, open_block = mark[1], None
            continue
        if open_block is None and line.indent >= 4 and not (blocks and blocks[-1].kind is Kind.BULLET):
            continue
        if _UNDERLINE.match(line.text) and open_block and open_block.kind is Kind.BODY:
            open_block.kind, open_block = Kind.HEADING, None
            continue
        kind, taken = _kind(line.text)
        if kind is Kind.BULLET and open_block and open_block.kind is Kind.BODY and _NO_FIRST.match(line.text):
            kind, taken = Kind.BODY, 0
        bare = _after(line, taken, kind)
        if not bare.text:
            open_block = None
            continue
        if kind is Kind.BODY and open_block:
            open_block.lines.append(bare)
            continue
        block = Block([bare], kind)
        blocks.append(block)
        open_block = block if kind in (Kind.BODY, Kind.BULLET, Kind.NOTE) else None
    return blocks


def _front_matter(lines: Sequence[Line | None]) -> int:
    """How many first lines are settings between two rules."""
    texts = [line.text if line else "" for line in lines]
    if texts[:1] != ["---"] or texts[1:2] == [""]:
        return 0
    return next((n + 1 for n, text in enumerate(texts) if n and text in ("---", "...")), 0)


def _kind(text: str) -> tuple[Kind, int]:
    """What a line is, and how many of its first characters are marks."""
    if escape := _ESCAPE.match(text):
        return Kind.BODY, escape.end()
    if text.startswith("#") and (heading := _HEADING.match(text)):
        return Kind.HEADING, heading.end()
    if _RULE.match(text):
        return Kind.ORNAMENT, 0
    if item := _ITEM.match(text):
        return Kind.BULLET, item.end()
    if _ASIDE.match(text):
        return Kind.NOTE, 0
    quote = _QUOTE.match(text)
    return Kind.BODY, quote.end() if quote else 0


def _after(line: Line, mark: int, kind: Kind) -> Line:
    text = line.text[mark:]
    if kind is Kind.HEADING:
        text = _CLOSING.sub("", text).rstrip()
    return Line(line.start + mark, line.start + mark + len(text), text, line.page_start, line.indent)
