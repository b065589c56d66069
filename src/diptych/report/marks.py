"""Numbers → what the page shows: heat levels, and the pieces of bars in percent. No colours here: classes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diptych.schema import Facet, Value

LEVELS = 10
BLANK = "\xa0"  # a number and its sign stay on one line
Part = tuple[str, str, int | None, float, str]  # of a bar: value, label, count, length, tone
KINDS = 8  # classes of pieces without an order; a facet of more values begins again


def heat_level(share: float, top: float) -> int:
    """Return 0 (nothing) to 10 (the largest share of the table).

    >>> heat_level(0.0, 0.3), heat_level(0.01, 0.3), heat_level(0.3, 0.3)
    (0, 1, 10)
    """
    if share <= 0 or top <= 0:
        return 0
    return min(LEVELS, max(1, round(LEVELS * share / top)))


def percent(share: float | None, digits: int = 0) -> str:
    r"""Return “12 %”; a share just above nothing is “<1 %”, an estimate outside 0 to 1 is cut off.

    >>> percent(0.123), percent(0.001), percent(None), percent(-0.02)
    ('12\xa0%', '<1\xa0%', '–', '0\xa0%')
    """
    if share is None or share != share:  # noqa: PLR0124 - not a number
        return "–"
    share = min(max(share, 0.0), 1.0)
    if 0 < share < 0.5 * 10 ** -(digits + 2):
        return f"<{10**-digits:g}{BLANK}%"
    return f"{100 * share:.{digits}f}{BLANK}%"


def span(low: float | None, high: float | None) -> str:
    r"""Return a range of shares.

    >>> span(0.281, 0.62), span(None, None)
    ('28–62\xa0%', '–')
    """
    if low is None or high is None:
        return "–"
    return f"{percent(low).removesuffix(f'{BLANK}%')}–{percent(high)}"


def points(difference: float | None) -> str:
    """Return a difference of shares in percentage points, with its sign.

    >>> points(-0.0521)
    '−5.2'
    """
    return "–" if difference is None else f"{100 * difference:+.1f}".replace("-", "−")


def coefficient(value: float | None, digits: int = 3) -> str:
    """Return a coefficient with a point, as “0.873”, or a dash."""
    if value is None or value != value:  # noqa: PLR0124 - not a number
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def cell_name(facets: Sequence[str], values: Sequence[str]) -> str:
    """Return what a cell is called, by the names of its facets and of its values.

    >>> cell_name(["Domain"], ["Energy"]), cell_name(["Perspective", "Domain"], ["Moscow", "Energy"])
    ('Domain: Energy', 'Moscow × Energy')
    """
    said = " × ".join(values)
    return said if len(facets) > 1 else f"{facets[0]}: {said}"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a bar: where it begins and how long it is, in percent of the axis."""

    value: str
    label: str
    count: int | None
    start: float
    width: float
    tone: str

    @property
    def middle(self) -> float:
        """Where its number stands."""
        return round(self.start + self.width / 2, 3)

    def mirrored(self) -> Piece:
        """The same piece seen from the other side of the hinge."""
        start = round(100 - self.start - self.width, 3)
        return Piece(self.value, self.label, self.count, start, self.width, self.tone)


def pieces(parts: Sequence[Part], top: float) -> list[Piece]:
    """Return the pieces of a bar from its parts, `top` being the length of the axis.

    >>> [piece.width for piece in pieces([("a", "A", 1, 1, "low"), ("b", "B", 3, 3, "high")], 4)]
    [25.0, 75.0]
    """
    found, start = [], 0.0
    for value, label, count, length, tone in parts:
        if length > 0 and top > 0:
            width = 100 * length / top
            found.append(Piece(value, label, count, round(start, 3), round(width, 3), tone))
            start += width
    return found


def legend(facet: Facet, *, ordered: bool) -> list[tuple[Value, str]]:
    """Return the values of a facet with their classes: tones by score where it is read as a scale, else kinds."""
    names = tones([value.score for value in facet.values]) if ordered else kinds(facet.value_ids)
    return list(zip(facet.values, names, strict=True))


def kinds(values: Sequence[str]) -> list[str]:
    """Return a class for every value of a facet without an order.

    >>> kinds(["a", "b"])
    ['k0', 'k1']
    """
    return [f"k{place % KINDS}" for place in range(len(values))]


def tones(scores: Sequence[float | None]) -> list[str]:
    """Return a tone for every value of a scale: low to high by score, the milder the paler; plain without a score.

    >>> tones([-1, 0, 1, None])
    ['low', 'middle', 'high', 'plain']
    >>> tones([0, 1, 2, 3])
    ['low', 'low-faint', 'high-faint', 'high']
    """
    given = [score for score in scores if score is not None]
    if not given:
        return ["plain"] * len(scores)
    low, high = min(given), max(given)
    middle, reach = (low + high) / 2, (high - low) / 2
    return ["plain" if score is None else _tone(score - middle, reach) for score in scores]


def _tone(away: float, reach: float) -> str:
    if not away:
        return "middle"
    part = abs(away) / reach
    return ("low" if away < 0 else "high") + ("-faint" if part < 0.5 else "-mild" if part < 1 else "")
