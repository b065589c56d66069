"""Numbers → what the page shows: heat levels and small SVG bars. No colours here: classes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEVELS = 10


def heat_level(share: float, top: float) -> int:
    """Return 0 (nothing) to 10 (the largest share of the table).

    >>> heat_level(0.0, 0.3), heat_level(0.01, 0.3), heat_level(0.3, 0.3)
    (0, 1, 10)
    """
    if share <= 0 or top <= 0:
        return 0
    return max(1, round(LEVELS * share / top))


def percent(share: float | None, digits: int = 0) -> str:
    """Return “12 %”; a share that rounds to nothing but is not nothing is “<1 %”."""
    if share is None:
        return "none"
    if 0 < share < 0.5 * 10 ** -(digits + 2):
        return f"<{10**-digits:g} %"
    return f"{100 * share:.{digits}f} %"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a stacked bar: where it begins and how long it is, in percent."""

    value: str
    label: str
    count: int
    start: float
    width: float
    tone: str


def stacked(counts: Sequence[tuple[str, str, int, str]]) -> list[Piece]:
    """Return the pieces of a stacked bar from (value, label, count, tone).

    >>> [piece.width for piece in stacked([("a", "A", 1, "low"), ("b", "B", 3, "high")])]
    [25.0, 75.0]
    """
    total = sum(count for _, _, count, _ in counts)
    pieces, start = [], 0.0
    for value, label, count, tone in counts:
        if count:
            width = 100 * count / total
            pieces.append(Piece(value, label, count, round(start, 3), round(width, 3), tone))
            start += width
    return pieces


def tones(scores: Sequence[float | None]) -> list[str]:
    """Return a tone for every value of a scale: low, middle, high by score; plain without a score.

    >>> tones([-1, 0, 1, None])
    ['low', 'middle', 'high', 'plain']
    """
    given = [score for score in scores if score is not None]
    if not given:
        return ["plain"] * len(scores)
    low, high = min(given), max(given)
    middle = (low + high) / 2
    names = []
    for score in scores:
        if score is None:
            names.append("plain")
        else:
            names.append("low" if score < middle else "high" if score > middle else "middle")
    return names
