"""Paper for figures: matplotlib without state or display, sheets of panels in inches, equal bytes, text as text."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from diptych.errors import MissingExtraError
from diptych.report.lettering import places
from diptych.report.palette import INK, LINE, PAPER, SOFT, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 6.3  # inches, a column of text on A4 or letter
GAP, RIGHT = 0.25, 0.1  # inches between panels and after the last
DPI = 300
SMALL, TINY = 7.0, 6.0  # points
# the first that is installed draws what DejaVu Sans lacks
ELSEWHERE = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB"),
    *("Microsoft YaHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS"),
)


def check_extra() -> None:
    """Raise `MissingExtraError` if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "figures")


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in here: settings are the same whatever a matplotlibrc says, and are put back afterwards.

    Text in SVG stays text (`svg.fonttype` none): it can be searched, read aloud and set in the journal's own face,
    and scripts that need shaping are shaped by the viewer. The PNG shows how it is meant to look.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.font_manager import fontManager
    except ImportError as error:
        raise MissingExtraError("matplotlib", "figures") from error
    there = {font.name for font in fontManager.ttflist}
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.family": ["DejaVu Sans", *[name for name in ELSEWHERE if name in there][:1], "sans-serif"],
                "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
                "font.size": 8.0,
                "text.parse_math": False,  # a dollar is a dollar
                "text.color": INK,
                "axes.edgecolor": SOFT,
                "axes.labelcolor": INK,
                "axes.labelsize": SMALL,
                "axes.linewidth": 0.6,
                "axes.titlesize": 8.0,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "xtick.color": SOFT,
                "xtick.labelcolor": INK,
                "xtick.labelsize": SMALL,
                "ytick.color": SOFT,
                "ytick.labelcolor": INK,
                "ytick.labelsize": SMALL,
                "hatch.linewidth": 0.6,
                "legend.fontsize": SMALL,
                "legend.frameon": False,
                "svg.fonttype": "none",
                "svg.hashsalt": "diptych",
            }
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
            yield


class Sheet:
    """Panels in rows and columns, measured in inches; the first column has room for labels at its left.

    Parameters
    ----------
    heights : sequence of float
        Of the panels of every row.
    columns : int
    left, gap, right : float
        Before, between and after the panels of a row.
    above, below : float
        Over and under the panels of every row: names, ticks, axis labels.
    foot : float
        At the bottom of the sheet, for the legend.
    """

    def __init__(
        self,
        heights: Sequence[float],
        columns: int = 1,
        *,
        left: float = 1.3,
        gap: float = GAP,
        right: float = RIGHT,
        above: float = 0.4,
        below: float = 0.45,
        foot: float = 0.0,
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.width = room(columns, left=left, gap=gap, right=right)
        self.height = sum(heights) + len(heights) * (above + below) + foot
        self.figure = Figure(figsize=(WIDTH, self.height), dpi=DPI, facecolor=PAPER)
        FigureCanvasAgg(self.figure)
        self._left, self._gap, self._heights, self._above, self._below = left, gap, heights, above, below

    def at(self, row: int, column: int = 0) -> Axes:
        """Return a new panel at its place."""
        down = sum(self._heights[: row + 1]) + (row + 1) * self._above + row * self._below
        across = self._left + column * (self.width + self._gap)
        box = (across / WIDTH, 1 - down / self.height, self.width / WIDTH, self._heights[row] / self.height)
        return self.figure.add_axes(box)

    def legend(self, handles: Sequence[Any], lift: float = 0.0, heading: str = "") -> None:
        """Put a legend in the middle of the foot, `lift` inches above its lower edge."""
        made = self.figure.legend(
            handles=list(handles),
            loc="lower center",
            bbox_to_anchor=(0.5, (lift + 0.05) / self.height),
            ncols=per_line([str(handle.get_label()) for handle in handles]),
            title=heading or None,
            title_fontsize=SMALL,
            borderpad=0,
            borderaxespad=0,
            columnspacing=1.2,
            handlelength=1.6,
            handletextpad=0.5,
            labelspacing=0.35,
        )
        made.set_in_layout(False)


def room(columns: int, *, left: float, gap: float = GAP, right: float = RIGHT) -> float:
    """Return the width in inches of each of so many panels side by side, as :class:`Sheet` lays them out."""
    return (WIDTH - left - right - gap * (columns - 1)) / columns


def per_line(labels: Sequence[str]) -> int:
    """Return how many labels of a legend stand side by side.

    >>> per_line(["Moscow", "Beijing"]), per_line(["x" * 60] * 3)
    (2, 1)
    """
    longest = max((places(label) for label in labels), default=1)
    most = max(1, min(len(labels), int(WIDTH / (0.062 * longest + 0.42))))
    return -(-len(labels) // -(-len(labels) // most)) if labels else 1  # lines of like length


def legend_height(labels: Sequence[str], heading: str = "") -> float:
    """Return the inches that a legend of these labels takes."""
    lines = -(-len(labels) // per_line(labels)) if labels else 0
    return lines * 0.145 + (0.16 if heading else 0.0) + 0.11


def patch(made: Style, label: str) -> Any:
    """Return a legend's handle."""
    from matplotlib.patches import Patch

    return Patch(facecolor=made.fill, hatch=made.hatch, edgecolor=edge(made), linewidth=0.4, label=label)


def edge(made: Style) -> str:
    """Return the colour of a piece's outline, which is its hatch's too."""
    return PAPER if made.text == PAPER else SOFT if made.hatch else PAPER


def piece(
    axes: Axes, start: float, length: float, middle: float, thick: float, made: Style, said: str, room: float
) -> None:
    """Draw a piece of a bar, with its number where `room` (inches) lets it stand."""
    axes.barh(middle, length, thick, left=start, color=made.fill, hatch=made.hatch, edgecolor=edge(made), linewidth=0.5)
    if said and room > 0.07 + 0.062 * len(said):
        behind = {"facecolor": made.fill, "edgecolor": "none", "pad": 0.9} if made.hatch else None
        axes.text(
            start + length / 2, middle, said, ha="center", va="center", size=TINY + 0.3, color=made.text, bbox=behind
        )


def bare(axes: Axes, labels: Sequence[str] | None, rows: int) -> None:
    """Make a panel of rows, the first at the top, named by labels; None: not named again."""
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(rows), labels if labels is not None else [""] * rows)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=2.5, width=0.6)


def in_percent(axes: Axes, reach: float, ticks: int = 4) -> None:
    """Label a horizontal axis from 0 to `reach` in percent; none so near its end that the label would stick out."""
    from matplotlib.ticker import MaxNLocator

    steps = MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]).tick_values(0, reach)
    shown = [float(tick) for tick in steps if tick <= 0.88 * reach]
    axes.set_xticks(shown, [f"{100 * tick:.3g} %" for tick in shown])
    axes.set_xlim(0, reach)


def line(axes: Axes, place: float, look: Any = "-", width: float = 0.6, colour: str = LINE) -> None:
    """Draw a vertical line behind everything."""
    axes.axvline(place, color=colour, linewidth=width, linestyle=look, zorder=0)


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, 300 points an inch."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()


def svg(figure: Figure, title: str) -> bytes:
    """Return a figure as SVG that names nothing outside of itself."""
    stream = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(stream, format="svg", metadata={**nothing, "Title": title})
    # the document type names a file on another server, which some readers fetch
    return re.sub(r"<!DOCTYPE[^>]*>\s*", "", stream.getvalue(), count=1).encode()
