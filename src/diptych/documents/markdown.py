"""Markdown lines → the same blocks as a printed page gives: marks taken off, offsets kept."""

from __future__ import annotations

import re
from collections.abc import Sequence

from diptych.documents.layout import Block, Kind, Line

_HEADING = re.compile(r"^#{1,6}\s+|\s+#+$")
_ITEM = re.compile(r"^(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")
_QUOTE = re.compile(r"^(?:>\s?)+")
_RULE = re.compile(r"^(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$")
_UNDERLINE = re.compile(r"^(?:=+|-{2,})$")
_FENCE = re.compile(r"^(?:```|~~~)")
_ASIDE = re.compile(r"^(?:\[\^[^\]]+\]:|\[[^\]]+\]:\s|\||<!--|!\[[^\]]*\]\([^)]*\)$|</?\w+[^>]*>$)")


def markdown_blocks(lines: Sequence[Line | None]) -> list[Block]:
    """Return the blocks of a Markdown document; code, tables, notes and comments are no body text."""
    blocks: list[Block] = []
    fenced = False
    front = lines[:1] and lines[0] is not None and lines[0].text == "---"
    open_block: Block | None = None
    for number, line in enumerate(lines):
        if front:
            front = number == 0 or line is None or line.text != "---"
            continue
        if line is None:
            open_block = None
            continue
        if _FENCE.match(line.text):
            fenced, open_block = not fenced, None
            continue
        if fenced:
            continue
        if _UNDERLINE.match(line.text) and open_block and open_block.kind is Kind.BODY:
            open_block.kind, open_block = Kind.HEADING, None
            continue
        kind, mark = _kind(line.text)
        bare = _after(line, mark)
        if kind is Kind.BODY and open_block and (mark == 0 or open_block.lines):
            open_block.lines.append(bare)
            continue
        block = Block([bare], kind)
        blocks.append(block)
        open_block = block if kind in (Kind.BODY, Kind.BULLET, Kind.NOTE) else None
    return [block for block in blocks if block.text.strip()]


def _kind(text: str) -> tuple[Kind, int]:
    """What a line is, and how many of its first characters are marks."""
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


def _after(line: Line, mark: int) -> Line:
    text = line.text[mark:]
    return Line(line.start + mark, line.end, text, line.page_start, line.indent)
