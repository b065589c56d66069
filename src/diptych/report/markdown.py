"""The report as Markdown, for a paper's appendix: GitHub's flavour, no HTML, no text of a passage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diptych.report.catalogue import Catalogue
from diptych.report.contents import Contents
from diptych.report.lettering import places
from diptych.report.page import environment, frame

WIDEST = 60  # characters that a column is filled up to
MARKS = re.compile(r"([\\`*_{}\[\]~$|])")
LEADING = re.compile(r"(?:[#\-=:]|\+(?=\s|$)|\d+(?=[.)](?:\s|$)))")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Markdown(str):
    """Text that is Markdown already; everything else that a template prints is escaped."""

    __slots__ = ()


def markdown(contents: Contents, text: Catalogue, comparison: Mapping[str, Any] | None = None) -> str:
    """Return the report as Markdown; equal contents give equal bytes.

    Passages are named by their ids alone: neither digests nor originals stand in it, so it may be published.

    Parameters
    ----------
    contents : Contents
    text : Catalogue
        The words of the frame.
    comparison : mapping, optional
        As :func:`diptych.report.compare.compare_with` returns it.
    """
    engine = environment(html=False)
    engine.finalize = finalize
    engine.globals |= {"table": table, "code": code}
    made = engine.get_template("report.md").render(frame(contents, text) | {"t": text, "comparison": comparison})
    return re.sub(r"\n{3,}", "\n\n", made).strip("\n") + "\n"


def finalize(value: object) -> str:
    """Return what a template prints: Markdown as it is, anything else escaped."""
    return value if isinstance(value, Markdown) else escape(str(value))


def escape(value: str) -> Markdown:
    r"""Return a text as Markdown that shows it: on one line, no mark of it read as one.

    >>> print(escape("# *a* | <b>"))
    \# \*a\* \| &lt;b&gt;
    >>> print(escape("1. _x_\n- [y](z) & \\"))
    1\. \_x\_ - \[y\](z) &amp; \\
    """
    line = INVISIBLE.sub(" ", value).strip()
    leading = LEADING.match(line)
    line = MARKS.sub(r"\\\1", "".join(ENTITIES.get(letter, letter) for letter in line))
    if leading:
        place = leading.end() if line[0].isdigit() else 0
        line = f"{line[:place]}\\{line[place:]}" if line[place] != "\\" else line
    return Markdown(line)


def code(value: object) -> Markdown:
    r"""Return a name in the type of a machine; where a mark in it would end that, escaped as any text.

    >>> print(code("000_a:001"), code("a`b"))
    `000_a:001` a\`b
    """
    line = str(value)
    if not line or INVISIBLE.search(line) or line != line.strip() or "`" in line or "|" in line:
        return escape(line)
    return Markdown(f"`{line}`")


def table(head: Sequence[object], rows: Iterable[Sequence[object]], left: int = 1) -> Markdown:
    r"""Return an aligned pipe table; the first `left` columns are texts, the others figures.

    >>> print(table(["who", "n"], [["A|B", 12], ["C", 3]]))
    | who  |  n |
    | :--- | -: |
    | A\|B | 12 |
    | C    |  3 |
    """
    lines = [[finalize(cell) for cell in row] for row in (head, *rows)]
    widths = [
        max(2 if place >= left else 3, *(width for row in lines if (width := places(row[place])) <= WIDEST), 0)
        for place in range(len(lines[0]))
    ]
    rules = [f":{'-' * (w - 1)}" if place < left else f"{'-' * (w - 1)}:" for place, w in enumerate(widths)]
    filled = [
        "| " + " | ".join(_filled(cell, widths[place], right=place >= left) for place, cell in enumerate(row)) + " |"
        for row in (lines[0], rules, *lines[1:])
    ]
    return Markdown("\n".join(filled))


def _filled(cell: str, width: int, *, right: bool) -> str:
    blank = " " * max(width - places(cell), 0)
    return blank + cell if right else cell + blank
