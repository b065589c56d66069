"""Figures of how sure the numbers are: divergence, differences, agreement, calibration, risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from diptych.coding.reliability import ACCEPTED, SHAKY, Agreement
from diptych.report.canvas import SMALL, TINY, WIDTH, Sheet, bare, legend_height, line
from diptych.report.catalogue import Catalogue
from diptych.report.lettering import short, wrapped
from diptych.report.marks import coefficient, percent, points
from diptych.report.palette import BAND, INK, LESS, MORE, PAPER, SOFT
from diptych.schema import Schema

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[dict[str, Any]]
PAIRS = 12  # of authors; of more, those furthest apart
SQUARE = 1.5  # inches


def pairs_of(strips: Rows) -> list[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """Return the strips of every pair of authors; where there are many, of the pairs furthest apart."""
    ordered = sorted(strips, key=lambda row: (row["first"], row["second"]))
    found = [(pair, list(rows)) for pair, rows in groupby(ordered, lambda row: (row["first"], row["second"]))]
    kept = sorted(found, key=lambda part: -max(row["bits"] for row in part[1]))[:PAIRS]
    order = list(dict.fromkeys((row["first"], row["second"]) for row in strips))
    return sorted(kept, key=lambda part: order.index(part[0]))


def divergence_plot(strips: Rows, text: Catalogue) -> Figure:
    """Draw observed divergence on the size of noise, facet by facet, a panel a pair of authors."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    pairs = pairs_of(strips)
    columns = min(len(pairs), 2)
    handles = [
        Patch(facecolor=BAND, edgecolor=SOFT, linewidth=0.4, label=text("figure.noise_band")),
        Line2D([], [], color=INK, linewidth=1, label=text("figure.noise_mean")),
        Line2D([], [], color=INK, marker="o", markersize=4.5, linestyle="", label=text("figure.beyond")),
        Line2D(
            [],
            [],
            color=INK,
            marker="o",
            markersize=4.5,
            markerfacecolor=PAPER,
            linestyle="",
            label=text("figure.not_beyond"),
        ),
    ]
    heights = [
        max(len(rows) for _, rows in pairs[at : at + columns]) * 0.3 + 0.05 for at in range(0, len(pairs), columns)
    ]
    sheet = Sheet(heights, columns, left=1.5, right=0.15, foot=legend_height([str(h.get_label()) for h in handles]))
    top = max(max(row["bits"], row["noise_high"] or 0.0) for _, rows in pairs for row in rows) or 1.0
    for place, (pair, rows) in enumerate(pairs):
        row, column = divmod(place, columns)
        axes = sheet.at(row, column)
        bare(axes, None if column else [wrapped(r["name"], 23) for r in rows], len(rows))
        axes.set_xlim(0, top * 1.22)
        axes.set_title(" – ".join(short(name, 22 if columns == 1 else 16) for name in pair), fontweight="bold")
        axes.set_xlabel(text("figure.bits"))
        for down, strip in enumerate(rows):
            _strip(axes, down, strip)
    sheet.legend(handles)
    return sheet.figure


def _strip(axes: Axes, down: int, row: Mapping[str, Any]) -> None:
    high, beyond = row["noise_high"] or 0.0, row["bits"] > (row["noise_high"] or 0.0)
    axes.barh(down, high, 0.5, color=BAND, edgecolor=SOFT, linewidth=0.4)
    axes.plot([row["noise"]] * 2, [down - 0.32, down + 0.32], color=INK, linewidth=1)
    axes.plot(
        row["bits"], down, "o", markersize=4.5, color=INK, markerfacecolor=INK if beyond else PAPER, clip_on=False
    )
    axes.annotate(
        coefficient(row["bits"]),
        (max(row["bits"], high), down),
        (6, 0),
        textcoords="offset points",
        va="center",
        size=SMALL,
    )


def differences_plot(cells: Rows, text: Catalogue, *, estimated: bool) -> Figure:
    """Draw the largest differences of shares as signed bars, with their counts, or what is estimated, at the right."""
    from matplotlib.ticker import FuncFormatter

    sheet = Sheet([len(cells) * 0.31 + 0.05], left=1.95, right=1.75, above=0.3)
    axes = sheet.at(0)
    bare(axes, [wrapped(row["label"], 30) for row in cells], len(cells))
    pairs = {(row["first"], row["second"]) for row in cells}
    reach = max(abs(edge) for row in cells for edge in (row["difference"], row["low"] or 0.0, row["high"] or 0.0))
    axes.set_xlim(-1.4 * reach, 1.4 * reach)
    line(axes, 0, "-", 0.8, INK)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: points(share).removesuffix(".0") if share else "0"))
    first, second = (short(name, 20) for name in next(iter(pairs)))
    axes.set_xlabel(text("figure.points") if len(pairs) > 1 else text("figure.points_of", first=first, second=second))
    for down, row in enumerate(cells):
        more = row["difference"] > 0
        axes.barh(
            down,
            row["difference"],
            0.62,
            color=MORE if more else LESS,
            hatch="" if more else "////",
            edgecolor=PAPER,
            linewidth=0.4,
        )
        if row["low"] is not None and row["high"] is not None:
            axes.plot([row["low"], row["high"]], [down, down], color=INK, linewidth=0.9, marker="|", markersize=4)
        outer = [e for e in (row["difference"], row["low"], row["high"]) if e is not None]
        end = max(outer) if more else min(outer)
        axes.annotate(
            points(row["difference"]),
            (end, down),
            (3 if more else -3, 0),
            textcoords="offset points",
            ha="left" if more else "right",
            va="center",
            size=TINY,
        )
        said = [_share(row, side, text, estimated) for side in ("first", "second")]
        axes.text(
            1.03,
            down,
            "\n".join(said),
            transform=axes.get_yaxis_transform(),
            va="center",
            size=TINY,
            color=INK,
            linespacing=1.15,
        )
    return sheet.figure


def _share(row: Mapping[str, Any], side: str, text: Catalogue, estimated: bool) -> str:
    author = short(row[side], 19)
    if estimated:
        return text("figure.estimate", author=author, share=percent(row[f"share_{side}"]))
    return text("figure.count", author=author, n=row[f"count_{side}"], of=row[f"of_{side}"])


def agreement_plot(agreements: Sequence[Agreement], schema: Schema, text: Catalogue) -> Figure:
    """Draw alpha of every facet, with the two conventional lines."""
    from matplotlib.lines import Line2D

    known = [a for a in agreements if a.alpha is not None]
    ordinal = any(a.ordinal_alpha is not None for a in known)
    handles = [
        Line2D([], [], color=INK, marker=mark, markersize=4.5, markerfacecolor=fill, linestyle="", label=text(key))
        for mark, fill, key in (("o", INK, "figure.alpha"), ("D", PAPER, "figure.alpha_ordinal"))
    ]
    foot = legend_height([str(h.get_label()) for h in handles]) if ordinal else 0.0
    sheet = Sheet([len(known) * 0.3 + 0.05], left=1.5, right=1.5, above=0.3, foot=foot)
    axes = sheet.at(0)
    bare(axes, [wrapped(schema.facet(a.facet).name, 23) for a in known], len(known))
    alphas = [alpha for a in known for alpha in (a.alpha, a.ordinal_alpha) if alpha is not None]
    axes.set_xlim(min(0.0, min(alphas) - 0.05), 1.0)
    axes.set_xlabel(text("figure.alpha_axis"))
    for place in (SHAKY, ACCEPTED):
        line(axes, place, (0, (4, 2)), 0.8, SOFT)
        axes.annotate(
            f"{place:g}".removeprefix("0"),
            (place, 1),
            (0, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            size=TINY,
            color=SOFT,
        )
    for down, found in enumerate(known):
        alpha = float(found.alpha or 0.0)
        axes.plot([0, alpha], [down, down], color=SOFT, linewidth=1.4, zorder=1)
        if found.ordinal_alpha is not None:
            axes.plot(found.ordinal_alpha, down, "D", markersize=4.5, color=INK, markerfacecolor=PAPER, clip_on=False)
        axes.plot(alpha, down, "o", markersize=4.5, color=INK, clip_on=False)
        said = f"{coefficient(alpha)} · {text('passages', n=found.units)}"
        axes.text(1.04, down, said, transform=axes.get_yaxis_transform(), va="center", size=SMALL)
    if ordinal:
        sheet.legend(handles)
    return sheet.figure


def calibration_plot(facets: Sequence[tuple[str, Rows]], text: Catalogue) -> Figure:
    """Draw a reliability diagram a facet: stated probability, and the share of right answers, by bins."""
    sheet, columns = _squares(len(facets))
    for place, (name, rows) in enumerate(facets):
        axes = _square(sheet, place, columns, name, sum(row["passages"] for row in rows), text)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle=(0, (4, 2)))
        most = max(row["passages"] for row in rows)
        axes.plot([row["mean_probability"] for row in rows], [row["right"] for row in rows], color=MORE, linewidth=0.9)
        sizes = [6 + 20 * row["passages"] / most for row in rows]
        axes.scatter(
            [row["mean_probability"] for row in rows],
            [row["right"] for row in rows],
            sizes,
            color=INK,
            zorder=3,
            clip_on=False,
        )
        _axes_named(axes, place, columns, len(facets), text("classifier.stated_axis"), text("classifier.right_axis"))
    return sheet.figure


def risk_plot(facets: Sequence[tuple[str, Rows]], text: Catalogue) -> Figure:
    """Draw how many answers are wrong when only the surest are given, with the upper bound."""
    sheet, columns = _squares(len(facets))
    for place, (name, rows) in enumerate(facets):
        ordered = sorted(rows, key=lambda row: row["answered"])
        axes = _square(sheet, place, columns, name, max(row["passages"] for row in rows), text)
        answered, wrong = [row["answered"] for row in ordered], [row["wrong"] for row in ordered]
        axes.fill_between(answered, wrong, [row["wrong_high"] for row in ordered], color=BAND, linewidth=0)
        axes.plot(answered, [row["wrong_high"] for row in ordered], color=SOFT, linewidth=0.7, linestyle=(0, (4, 2)))
        axes.plot(answered, wrong, color=INK, linewidth=1.3)
        if len(ordered) == 1:
            axes.plot(answered, wrong, "o", markersize=3, color=INK, clip_on=False)
        _axes_named(axes, place, columns, len(facets), text("classifier.answered_axis"), text("classifier.wrong_axis"))
    return sheet.figure


def _squares(number: int) -> tuple[Sheet, int]:
    columns, gap = min(number, 3), 0.38
    wide = SQUARE * columns + gap * (columns - 1)
    left = 0.6 if columns == 3 else (WIDTH - wide) / 2
    heights, right = [SQUARE] * -(-number // columns), WIDTH - wide - left
    return Sheet(heights, columns, left=left, gap=gap, right=right, above=0.42, below=0.48), columns


def _square(sheet: Sheet, place: int, columns: int, name: str, passages: int, text: Catalogue) -> Axes:
    from matplotlib.ticker import FuncFormatter

    axes = sheet.at(*divmod(place, columns))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.5, 1])
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f} %"))
    axes.tick_params(length=2.5, width=0.6)
    axes.set_title(f"{short(name, 26)}\n{text('passages', n=passages)}", size=SMALL + 0.5)
    return axes


def _axes_named(axes: Axes, place: int, columns: int, number: int, across: str, up: str) -> None:
    """Name the axes: the upright one once a row, the other under the last panel of a column."""
    if place % columns == 0:
        axes.set_ylabel(up)
    else:
        axes.tick_params(labelleft=False)
    if place + columns >= number:
        axes.set_xlabel(across)
