"""Figures of what was counted: the hinge, coverage, and an ordered facet; from sections' plain data to matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diptych.report.canvas import (
    SMALL,
    TINY,
    Sheet,
    bare,
    in_percent,
    legend_height,
    patch,
    piece,
    room,
)
from diptych.report.catalogue import Catalogue
from diptych.report.lettering import short, wrapped
from diptych.report.palette import HEAT, INK, LINE, PAPER, SOFT, Style, heat, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Section = dict[str, Any]
NAME = 26  # places of an author's name over a panel
SIDE_BY_SIDE = 3  # panels
FACING = 1.35  # inches between two authors, for the names of the rows
ENDS = 1.5  # length of the axis, in longest bars: room for the number at a bar's end
LEAST_CELL = 0.33  # inches; narrower ones show a count alone
MANY = 12  # rows after which they move together, columns after which a heat map is turned


def hinge_plot(data: Section, text: Catalogue) -> Figure:
    """Draw the first screen's picture: two authors face each other; fewer or more stand side by side."""
    authors, rows, two = list(data["of"]), data["rows"], data["mirrored"]
    columns = min(len(authors), SIDE_BY_SIDE)
    tight = len(rows) > MANY
    height = len(rows) * ((0.27 if tight else 0.43) if data["scale"] else (0.22 if tight else 0.34)) + 0.05
    keys = [(data["legend"], data["views"]), (data["scale_legend"], data["scale"])]
    legends = [
        (_handles(legend), text(key, name=short(facet.name, 40)))
        for (legend, facet), key in zip(keys, ("figure.thick", "figure.thin"), strict=True)
        if legend
    ]
    heights = [legend_height([h.get_label() for h in handles], heading) for handles, heading in legends]
    places = {"left": 0.08, "gap": FACING, "right": 0.08} if two else {"left": 1.25, "gap": 0.3}
    sheet = Sheet([height] * -(-len(authors) // columns), columns, below=0.42, foot=sum(heights) + 0.05, **places)
    for place, author in enumerate(authors):
        row, column = divmod(place, columns)
        axes = sheet.at(row, column)
        names = [wrapped(r["value"].name, 19 if two else 18) for r in rows]
        bare(axes, None if two or column else names, len(rows))
        in_percent(axes, data["top"] * ENDS or 1.0, 3)
        axes.set_title(short(author, NAME if columns < 3 else 20), fontweight="bold")
        axes.set_xlabel(
            text("figure.estimated" if data["estimated"] else "figure.share", of=text("passages", n=data["of"][author]))
        )
        for down, line in enumerate(rows):
            _side(axes, data, line["sides"][place], down, two and not place, sheet.width / ENDS, text)
        if two:
            _face(axes, column, names, -0.1 if data["scale"] else 0.0)
    for (handles, heading), lift in zip(
        legends, [sum(heights[place + 1 :]) for place in range(len(legends))], strict=True
    ):
        sheet.legend(handles, lift, heading)
    return sheet.figure


def _side(axes: Axes, data: Section, side: Section, down: int, mirrored: bool, inches: float, text: Catalogue) -> None:
    """One author's bar of one subject, the strip below, and its number at the end."""
    axis, strip = data["top"] / 100, bool(data["scale"])
    looks = styles(data["legend"]) if data["legend"] else {}
    tones = styles(data["scale_legend"]) if data["scale_legend"] else {}
    middle, thick = (down - 0.1, 0.46) if strip else (down, 0.6)
    for kind, y, high, name in ((looks, middle, thick, "pieces"), (tones, down + 0.28, 0.17, "strip")):
        for given in side[name]:
            part = given.mirrored() if mirrored else given
            names = part.value.split(" x ")
            made = kind.get(names[0 if name == "pieces" else -1]) or Style(HEAT, "", PAPER)
            number = str(part.count) if part.count and name == "pieces" else ""
            piece(axes, part.start * axis, part.width * axis, y, high, made, number, part.width / 100 * inches)
    end = sum(part.width for part in side["pieces"]) * axis
    said = text("hinge.none")
    if side["pieces"]:
        said = f"{side['share']} ({side['interval']})" if side["interval"] else f"{side['share']} · {side['count']}"
    axes.annotate(
        said,
        (end, middle),
        (-3 if mirrored else 3, 0),
        textcoords="offset points",
        ha="right" if mirrored else "left",
        va="center",
        size=SMALL,
        color=INK if side["pieces"] else SOFT,
    )


def _face(axes: Axes, column: int, names: Sequence[str], lift: float) -> None:
    """Turn the left panel round; the names of the rows stand between the two."""
    axes.spines["left"].set_visible(column == 1)
    axes.spines["right"].set_visible(column == 0)
    for side in ("left", "right"):
        axes.spines[side].set_linewidth(1.1)
    if column:
        return
    axes.invert_xaxis()
    from matplotlib.transforms import ScaledTranslation

    figure = axes.figure
    shift = ScaledTranslation(FACING / 2, 0, figure.dpi_scale_trans)
    for down, name in enumerate(names):
        axes.text(
            1, down + lift, name, transform=axes.get_yaxis_transform() + shift, ha="center", va="center", size=SMALL
        )


def coverage_plot(data: Section, text: Catalogue) -> Figure:
    """Draw the heat maps, a panel an author, all on one scale, with shares and counts in the cells."""
    view = data["views"][0]
    across, down = (
        [c.name if c else text("coverage.share") for c in data["columns"]],
        [line["value"].name for line in view["panels"][0]["lines"]],
    )
    tables = [[line["cells"] for line in panel["lines"]] for panel in view["panels"]]
    names = (data["columns_facet"].name if data["columns_facet"] else "", data["rows_facet"].name)
    if len(across) > max(MANY, len(down)):
        across, down, names = down, across, names[::-1]
        tables = [[list(cells) for cells in zip(*table, strict=True)] for table in tables]
    number, left, gap = len(tables), 1.2, 0.15
    fitting = [
        n
        for n in range(1, min(number, SIDE_BY_SIDE) + 1)
        if room(n, left=left, gap=gap) / len(across) >= LEAST_CELL + 0.05
    ]
    columns = max(fitting, default=1)
    lines = 3 if any(cell["span"] for table in tables for cells in table for cell in cells) else 2
    height = len(down) * (0.13 + 0.115 * lines) if len(down) <= MANY else len(down) * 0.27
    slant = 0.062 * max(min(len(name), 18) for name in across) * 0.75 + 0.1
    sheet = Sheet([height] * -(-number // columns), columns, left=left, gap=gap, above=slant + 0.45, below=0.25)
    for place, (panel, table) in enumerate(zip(view["panels"], tables, strict=True)):
        row, column = divmod(place, columns)
        axes = sheet.at(row, column)
        wide = sheet.width / len(across)
        bare(axes, None if column else [wrapped(name, 17) for name in down], len(down))
        axes.set_xlim(-0.5, len(across) - 0.5)
        axes.xaxis.tick_top()
        axes.set_xticks(
            range(len(across)), [short(name, 18) for name in across], rotation=45, ha="left", rotation_mode="anchor"
        )
        axes.tick_params(axis="x", length=0, pad=2)
        axes.spines[:].set_visible(False)
        for y, cells in enumerate(table):
            for x, cell in enumerate(cells):
                _cell(axes, x, y, cell, wide, height / len(down), text)
        key = "figure.estimated" if view["estimated"] else "figure.share"
        of = text(key, of=text("passages", n=panel["of"]))
        axes.text(
            0,
            (height + slant + 0.18) / height,
            short(panel["author"], 34 if columns == 1 else NAME),
            size=8,
            fontweight="bold",
            transform=axes.transAxes,
        )
        axes.text(0, (height + slant + 0.05) / height, of, size=SMALL, color=SOFT, transform=axes.transAxes)
        axes.xaxis.set_label_position("bottom")
        axes.set_xlabel(short(names[0], 40), labelpad=3)
        if not column:
            axes.set_ylabel(short(names[1], 40))
    return sheet.figure


def _cell(axes: Axes, x: int, y: int, cell: Section, wide: float, high: float, text: Catalogue) -> None:
    """One cell: darker with the share; a blind spot is hatched and has a dashed edge."""
    from matplotlib.patches import Rectangle

    made = heat(cell["level"])
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=made.fill, edgecolor="#e8e3da", linewidth=0.6))
    if cell["blind"]:
        axes.add_patch(
            Rectangle((x - 0.44, y - 0.42), 0.88, 0.84, facecolor=PAPER, edgecolor=LINE, hatch="/////", linewidth=0)
        )
        axes.add_patch(
            Rectangle((x - 0.44, y - 0.42), 0.88, 0.84, fill=False, edgecolor=INK, linestyle=(0, (3, 2)), linewidth=0.7)
        )
        if wide >= LEAST_CELL:
            axes.text(
                x,
                y,
                text("coverage.blind_mark"),
                ha="center",
                va="center",
                size=TINY,
                style="italic",
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
            )
        return
    if not cell["shown"]:
        axes.text(x, y, "·", ha="center", va="center", size=TINY, color=SOFT)
        return
    count = str(cell["count"]) if cell["count"] is not None else ""
    parts = [cell["shown"], count, cell["span"]] if wide >= LEAST_CELL and high >= 0.26 else [count or cell["shown"]]
    size = TINY if wide >= LEAST_CELL else max(3.5, min(TINY, wide * 26))
    axes.text(
        x,
        y,
        "\n".join(part for part in parts if part),
        ha="center",
        va="center",
        size=size,
        color=made.text,
        linespacing=1.1,
    )


def scale_plot(data: Section, authors: Sequence[str], text: Catalogue) -> Figure:
    """Draw the ordered facet within every value of the crossed facets: a stacked bar an author and value."""
    columns = min(len(authors), SIDE_BY_SIDE)
    blocks = [
        (group, list(authors[at : at + columns]), at)
        for group in data["groups"]
        for at in range(0, len(authors), columns)
    ]
    handles, looks = _handles(data["legend"]), styles(data["legend"])
    heading = short(data["scale"].name, 40)
    foot = legend_height([h.get_label() for h in handles], heading)
    sheet = Sheet(
        [len(group["rows"]) * 0.24 + 0.04 for group, _, _ in blocks],
        columns,
        left=1.35,
        gap=0.55,
        right=0.5,
        foot=foot,
        above=0.38,
        below=0.42,
    )
    for row, (group, mine, at) in enumerate(blocks):
        for column, author in enumerate(mine):
            axes = sheet.at(row, column)
            bare(axes, None if column else [wrapped(r["value"].name, 20) for r in group["rows"]], len(group["rows"]))
            axes.set_xlim(0, 1)
            axes.set_title(short(author, NAME if columns < 3 else 18), fontweight="bold")
            axes.set_xlabel(text("figure.within"))
            axes.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
            if not column:
                axes.set_ylabel(short(group["facet"].name, 30))
            for down, line in enumerate(group["rows"]):
                bar = line["bars"][at + column]
                for part in bar["pieces"]:
                    made = looks[part.value.split(" x ")[-1]]
                    piece(
                        axes,
                        part.start / 100,
                        part.width / 100,
                        down,
                        0.66,
                        made,
                        str(part.count),
                        part.width / 100 * sheet.width,
                    )
                said = f"n = {bar['of']}" if bar["of"] else text("figure.none")
                axes.annotate(
                    said,
                    (1 if bar["of"] else 0, down),
                    (3, 0),
                    textcoords="offset points",
                    va="center",
                    size=TINY,
                    color=SOFT,
                )
    sheet.legend(handles, heading=heading)
    return sheet.figure


def _handles(legend: Sequence[tuple[Any, str]]) -> list[Any]:
    looks = styles(legend) if legend else {}
    return [patch(looks[value.id], short(value.name, 28)) for value, _ in legend]
