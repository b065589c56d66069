"""Text that must fit: how wide it is where every letter is as wide, and what is cut or broken so that it fits."""

from __future__ import annotations

import re
import textwrap
import unicodedata

WIDE = "WF"  # East Asian widths that take two places


def plain(text: str) -> str:
    r"""Return text on one line, without characters that are not seen or that XML does not allow.

    >>> plain("a\n b\x00c\u202ed")
    'a bcd'
    """
    return re.sub(r"\s+", " ", "".join(c for c in text if c.isprintable() or c.isspace())).strip()


def places(text: str) -> int:
    r"""Return the width of text in places: a Chinese character takes two, a combining one none.

    >>> places("ab"), places("林悦"), places("e\u0301")
    (2, 4, 1)
    """
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in WIDE else 1 for c in text)


def short(text: str, width: int) -> str:
    """Return text on one line, cut with an ellipsis if it is wider than so many places.

    >>> short("Dmitri Trenin", 20), short("Dmitri Trenin", 8), short("林悦林悦林悦", 7)
    ('Dmitri Trenin', 'Dmitri…', '林悦林…')
    """
    text = plain(text[: 20 * width])
    if places(text) <= width:
        return text
    while places(text) > width - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"


def wrapped(text: str, width: int, lines: int = 2) -> str:
    r"""Return text in so many lines at most.

    >>> wrapped("Arms and the military", 12)
    'Arms and the\nmilitary'
    >>> wrapped("x" * 90, 10).count("x")
    19
    """
    text = short(text, width * lines)
    if places(text) <= width:
        return text
    fit = max(2, width * len(text) // max(places(text), 1))  # characters of this script in a line
    made = textwrap.wrap(text, fit, break_long_words=True)
    return "\n".join([*made[: lines - 1], short(" ".join(made[lines - 1 :]), width)])
