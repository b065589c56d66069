"""Blocks → passages: body paragraphs put together again over pages, notes and sidebars.

A passage is the unit of coding: one body paragraph, block quote, or bullet. It keeps half-open
spans into the document it was cut from, so a paragraph around a footnote or a sidebar has several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from diptych.documents.layout import Block, Kind, read_blocks
from diptych.documents.lines import Measure, read_lines

LOOK_AHEAD = 12  # blocks an interrupted paragraph may wait for its other half (a page of sidebar)
SECTION_LENGTH = 40


@dataclass(slots=True)
class Draft:
    """A passage while it is being put together."""

    section: str
    blocks: list[Block] = field(default_factory=list)
    seen: int = 0

    @property
    def spans(self) -> list[tuple[int, int]]:
        """One span a line."""
        return [(line.start, line.end) for block in self.blocks for line in block.lines]


@dataclass(frozen=True, slots=True)
class Cut:
    """One passage as cut from a document: its section and its half-open spans."""

    section: str
    spans: tuple[tuple[int, int], ...]


def segment(text: str, *, markdown: bool = False) -> list[Cut]:
    r"""Cut a document text into its body paragraphs.

    Parameters
    ----------
    text : str
        The decoded document, newlines untouched.
    markdown : bool, default False
        Read headings, lists and quotes by their marks instead of by the shape of the page.

    Returns
    -------
    list of Cut
        In reading order (a paragraph stands where it begins). Spans are half-open code point
        offsets into `text`.

    Examples
    --------
    >>> text = "Overview\n\nOil flows east. Prices are\nlow.\n\nArms sales fell.\n"
    >>> [text[slice(*cut.spans[0])] for cut in segment(text)]
    ['Oil flows east. Prices are\nlow.', 'Arms sales fell.']
    """
    blocks, page = _markdown(text) if markdown else read_blocks(text)
    drafts = _assemble(blocks, page)
    if not drafts:  # nothing but a line or two that look like headings: they are the text
        said = [block for block in blocks if block.kind is Kind.HEADING and any(c.isalnum() for c in block.text)]
        drafts = [Draft("", [block]) for block in said]
    return [Cut(_clip(draft.section), tuple(_merge(draft.spans, text))) for draft in drafts]


def _markdown(text: str) -> tuple[list[Block], None]:
    from diptych.documents.markdown import markdown_blocks

    return markdown_blocks(read_lines(text)), None


def _assemble(blocks: Sequence[Block], page: Measure | None) -> list[Draft]:
    """Walk over the blocks and join what a page layout took apart."""
    drafts: list[Draft] = []
    unfinished: list[Draft] = []
    section, broken_by_heading, broken_by_page = "", False, False
    previous: Block | None = None
    for block in blocks:
        if block.kind in (Kind.HEADING, Kind.BYLINE):
            if block.kind is Kind.HEADING:
                section = _title(block)
            broken_by_heading, previous = True, None
            continue
        if block.kind not in (Kind.BODY, Kind.BULLET) or not any(c.isalnum() for c in block.text):
            broken_by_page = True
            continue
        for draft in unfinished:
            draft.seen += 1
        unfinished = [draft for draft in unfinished if draft.seen <= LOOK_AHEAD]
        broken = broken_by_page or block.page_start or _changes_width(previous, block, page)
        home = None
        if block.kind is Kind.BODY:
            home = _continues(block, drafts, unfinished, heading=broken_by_heading, broken=broken, page=page)
        if home is None:
            home = Draft(section)
            drafts.append(home)
        else:
            section = home.section
        home.blocks.append(block)
        unfinished = [draft for draft in unfinished if draft is not home]
        if not block.ends_sentence:
            home.seen = 0
            unfinished.append(home)
        previous, broken_by_heading, broken_by_page = block, False, False
    return drafts


def _continues(
    block: Block,
    drafts: Sequence[Draft],
    unfinished: Sequence[Draft],
    *,
    heading: bool,
    broken: bool,
    page: Measure | None,
) -> Draft | None:
    """Find the passage that `block` goes on with, if any.

    Unwrapped text has its paragraphs already. Otherwise: a block that begins low goes on with the
    last unfinished sentence, over headings too (a sidebar lay between); one that begins like a
    sentence goes on only where no heading lies between; and after a finished sentence only a break
    of the layout (page, note, change of width) behind a full line joins.
    """
    if page is None or not drafts:
        return None
    if block.starts_low and unfinished:
        return unfinished[-1]
    if heading:
        return None
    last = drafts[-1]
    if last in unfinished:
        return last
    if broken and page.fills(last.blocks[-1].lines, block.lines[0]):
        return last
    return None


def _changes_width(previous: Block | None, block: Block, page: Measure | None) -> bool:
    """Whether the text grows narrow or wide between two blocks, as it does beside a margin note."""
    if previous is None or page is None or len(block.lines) == 1:  # one line may be short by itself
        return False
    before = max(line.width for line in previous.lines[-3:])
    after = max(line.width for line in block.lines[:3])
    return (before < 0.75 * page.full) != (after < 0.75 * page.full)


def _title(block: Block) -> str:
    """The heading without its number and without a by-line on the next line."""
    lines = [line.text for line in block.lines]
    if len(lines) > 1 and re.fullmatch(r"(?:[A-Z][\w.’'-]*\s+){1,3}[A-Z][\w’'-]+", lines[-1]):
        lines = lines[:-1]
    return " ".join(lines)


def _clip(title: str) -> str:
    """A section label: the title, shortened at a word to at most `SECTION_LENGTH` characters."""
    title = " ".join(title.split())
    if len(title) <= SECTION_LENGTH:
        return title
    return title[: SECTION_LENGTH - 1].rsplit(maxsplit=1)[0] + "…"


def _merge(spans: Iterable[tuple[int, int]], text: str) -> Iterable[tuple[int, int]]:
    """Join spans that only white space parts."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and not text[merged[-1][1] : start].strip():
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged
