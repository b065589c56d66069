"""Colours and hatches of figures for print: the page's palette, told apart in black and white too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PAPER, INK, SOFT, LINE, HEAT = "#ffffff", "#22211f", "#5d5952", "#b9b2a6", "#174a77"
BAND, MORE, LESS = "#ddd6ca", "#2f6fa8", "#b9551a"
LOW, MIDDLE, HIGH, PLAIN = "#b9551a", "#cabfa9", "#2f6fa8", "#f3efe8"
# as in templates/report.css; those alike in grey are hatched
KIND_FILLS = ("#174a77", "#d58a2a", "#7d9d9c", "#e3d9c6", "#7a3b69", "#9cc0d9", "#5c6b2f", "#c9a0a8")
KIND_HATCHES = ("", "", "////", "", r"\\\\", "....", "xxxx", r"\\")
AGAIN = ("", "||||", "----", "++++", "oo")  # hatches of the second, third … run through the colours
HEATS = (0, 7, 14, 21, 28, 36, 78, 84, 89, 95, 100)  # percent of ink by level; a gap where text turns white


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of a bar is filled: colours as #rrggbb, a hatch of matplotlib's."""

    fill: str
    hatch: str
    text: str


def style(fill: str, hatch: str = "") -> Style:
    """Return a fill with a hatch and ink that can be read on it.

    >>> style("#174a77").text, style("#e3d9c6").text
    ('#ffffff', '#22211f')
    """
    return Style(fill, hatch, INK if luminance(fill) > 0.25 else PAPER)


def styles(legend: Sequence[tuple[Any, str]]) -> dict[str, Style]:
    """Return a style for every value of a legend as sections make it: by place without an order, by score with one."""
    if all(tone.startswith("k") for _, tone in legend):
        return {value.id: kind_style(place) for place, (value, _) in enumerate(legend)}
    found = scale_styles([value.score for value, _ in legend])
    return {value.id: made for (value, _), made in zip(legend, found, strict=True)}


def kind_style(place: int) -> Style:
    """Return the style of a value without an order; after eight the colours come again, hatched otherwise.

    >>> kind_style(0).fill == kind_style(8).fill, kind_style(0) == kind_style(8)
    (True, False)
    """
    turn, within = divmod(place, len(KIND_FILLS))
    return style(KIND_FILLS[within], KIND_HATCHES[within] if not turn else AGAIN[turn % len(AGAIN)])


def scale_styles(scores: Sequence[float | None]) -> list[Style]:
    """Return styles from low (hatched) to high by score; values without one are pale, each hatched in its own way.

    >>> [made.fill for made in scale_styles([-1, 0, 1, None])] == [LOW, MIDDLE, HIGH, PLAIN]
    True
    """
    given = [score for score in scores if score is not None]
    low, high = (min(given), max(given)) if given else (0.0, 0.0)
    middle, reach = (low + high) / 2, (high - low) / 2
    found, plain = [], 0
    for score in scores:
        if score is None or not reach:
            found.append(style(PLAIN, ("....", *AGAIN[1:])[plain % 5]))
            plain += 1
            continue
        part = abs(score - middle) / reach
        end = LOW if score < middle else HIGH
        # steps stay apart: the mildest answer is a third of the way, only the middle itself is pale
        weight = 0.0 if part == 0 else 0.35 + 0.65 * part
        found.append(style(mix(end, MIDDLE, weight), "////" if score < middle else ""))
    return found


def heat(level: int) -> Style:
    """Return the style of a heat map's cell by its level, 0 to 10.

    >>> heat(0).fill, heat(10).fill == HEAT
    ('#ffffff', True)
    """
    return style(mix(HEAT, PAPER, HEATS[level] / 100))


def mix(first: str, second: str, weight: float) -> str:
    """Return a colour between two, `weight` of the first.

    >>> mix("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(weight * a + (1 - weight) * b):02x}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Return the relative luminance, 0 to 1, as WCAG 2 defines it."""
    parts = [c / 255 for c in _channels(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
