"""The lines of a text: where they stand, how wide they were printed, and how wide a full line is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

TERMINALS = ".!?…:。！？：؟۔।"
CLOSERS = "\"'”’»)]}」』）】"
# Rough letter widths of a book type (em), enough to tell a full line from a paragraph's last one.
_WIDTHS = {
    letter: width
    for width, letters in {
        0.25: " .,",
        0.28: "ijlt;:/|",
        0.33: "frI'’‘()[]-!",
        0.40: "sJ",
        0.44: "acez?“”",
        0.66: "EFLPSTZ",
        0.72: "wABCDGHKNOQRUVXY",
        0.78: "m",
        0.92: "MW—",
    }.items()
    for letter in letters
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: half-open offsets of its visible part, and whether a page begins with it."""

    start: int
    end: int
    text: str
    page_start: bool = False
    indent: int = 0

    @property
    def width(self) -> float:
        """Estimated printed width in em of a proportional type."""
        return sum(_WIDTHS.get(c, 0.5) for c in self.text)


def ends_sentence(text: str) -> bool:
    """Say whether `text` ends a sentence, with closing quotes and note marks put aside.

    >>> ends_sentence("a growing market.12"), ends_sentence("the world’s"), ends_sentence("(“so.”)")
    (True, False, True)
    """
    bare = re.sub(rf"(?<=[{re.escape(TERMINALS + CLOSERS)}])\d{{1,3}}$", "", text.rstrip())
    return bare.rstrip(CLOSERS + " ")[-1:] in tuple(TERMINALS)


def read_lines(text: str) -> list[Line | None]:
    """Cut `text` at its newlines; `None` stands for a blank line.

    A page begins at a form feed, or, in converted pages, at a line with one lone leading blank
    where lines otherwise start flush left.
    """
    raw: list[tuple[int, str]] = []
    position = 0
    for piece in re.split(r"(\r\n|\r|\n)", text):
        if piece not in ("\r\n", "\r", "\n"):
            raw.append((position, piece))
        position += len(piece)
    inner = [line for _, line in raw if line.strip()]
    flush = sum(not line[:1].isspace() for line in inner) > 0.8 * max(len(inner), 1)
    found: list[Line | None] = []
    turned = False
    for start, line in raw:
        body = line.strip()
        if not body:
            found.append(None)
            turned = turned or "\f" in line
            continue
        lead = len(line) - len(line.lstrip())
        page = turned or "\f" in line[:lead] or (flush and line[:lead] == " ")
        indent = 0 if page else len(line[:lead].expandtabs(4).replace("\u3000", "  "))
        found.append(Line(start + lead, start + lead + len(body), body, page, indent))
        turned = "\f" in line[lead + len(body) :]
    return found


@dataclass(frozen=True, slots=True)
class Measure:
    """Typical printed widths in em: of full lines, and of lines set narrow beside a margin note."""

    full: float
    wide: float
    narrow: float

    def fills(self, lines: Sequence[Line], following: Line) -> bool:
        """Whether the last of `lines` was filled before the text went on with the `following` line.

        A paragraph's last line is seldom as wide as its neighbours; a filled line is nearly so, and
        the next word would no longer have fitted.
        """
        line = lines[-1]
        narrow = all(neighbour.width < 0.8 * self.full for neighbour in lines[-2:])
        typical = self.narrow if narrow else self.wide
        word = Line(0, 0, " " + following.text.split(maxsplit=1)[0])
        return line.width >= 0.96 * typical and line.width + word.width > typical


def measure(lines: Sequence[Line | None]) -> Measure | None:
    """Estimate the measure of wrapped text; `None` where every line is a paragraph of its own."""
    indented = uses_indents(lines)
    pairs = [(a, b) for a, b in pairwise(lines) if a is not None and b is not None]
    pairs = [(a, b) for a, b in pairs if not (indented and is_indented(b, a))]
    cut = sum(not ends_sentence(a.text) for a, _ in pairs)
    if not pairs or cut < 0.5 * len(pairs) or max(len(line.text) for pair in pairs for line in pair) > 160:
        return None
    from statistics import median, quantiles  # it takes longer to import than a short text to cut

    inner = [a.width for a, _ in pairs]
    full = quantiles(inner, n=20, method="inclusive")[17] if len(inner) > 1 else inner[0]
    narrow = [width for width in inner if 0.5 * full < width < 0.8 * full]
    return Measure(full, median([w for w in inner if w >= 0.8 * full]), median(narrow) if narrow else 0.65 * full)


def uses_indents(lines: Sequence[Line | None]) -> bool:
    """Whether paragraphs are shown by an indented first line rather than by blank lines."""
    real = [line for line in lines if line is not None]
    starts = sum(line.indent > 1 for line in real)
    after = [b.indent < a.indent for a, b in pairwise(lines) if a is not None and b is not None and a.indent > 1]
    return 0.02 * len(real) < starts < len(real) and sum(after) >= 0.5 * len(after)


def is_indented(line: Line, last: Line) -> bool:
    """Whether a paragraph begins with this line, in a text that indents its first lines."""
    return line.indent > last.indent or (line.indent > 1 and ends_sentence(last.text))
