"""The first screen's picture: on both sides of a hinge, who writes how much about what, in whose view, how kindly."""

from __future__ import annotations

from typing import Any

from diptych.records import rows_of
from diptych.report.contents import Contents
from diptych.report.marks import Part, Piece, legend, percent, pieces, span
from diptych.report.scale import on_scale
from diptych.schema import Facet


def hinge(contents: Contents) -> dict[str, Any] | None:
    """Return the rows of the picture, one a value of the last crossed facet; None where nothing is labelled.

    Returns
    -------
    dict
        `subject`: the facet of the rows; `views`: the facet of the pieces, or None; `scale`: the ordinal facet of
        the thin strips, or None; `legend` and `scale_legend`: (value, class); `mirrored`: whether two authors face
        each other; `top`: the share at the end of the axis; `rows`: label, value, and a side an author with count,
        share, interval, pieces, strip, disputed.
    """
    basis, schema = contents.first, contents.schema
    if basis is None:
        return None
    subject, views = schema.cells[-1], schema.cells[0] if contents.across else None
    scale = contents.scale if contents.scale not in (subject, views) and not basis.evidence.estimated else None
    table = basis.coverage
    whole = {(r["author"], r["value"]): r for r in rows_of(table[table["facet"] == subject.id])}
    cells = {(r["author"], r["value"]): r for r in rows_of(table[table["facet"] == contents.crossed])}
    top = max((row["share"] or 0.0 for row in whole.values()), default=0.0)
    two = len(contents.authors) == 2
    lines = []
    for value in subject.values:
        sides = []
        for place, author in enumerate(contents.authors):
            row = whole[author, value.id]
            bar = _pieces(cells, row, views, value.id, top) if views else _plain(row, subject, value.id, top)
            strip = _strip(contents, author, subject, value.id, scale, row, top)
            if two and place == 0:
                bar, strip = [piece.mirrored() for piece in bar], [piece.mirrored() for piece in strip]
            members = contents.members(author, [subject.id], [value.id])
            doubted = members & contents.disputed[subject.id]
            sides.append(
                {
                    "author": author,
                    "count": row["passages"],
                    "of": row["of"],
                    "share": percent(row["share"]),
                    "interval": span(row["low"], row["high"]) if row["low"] is not None else "",
                    "pieces": bar,
                    "strip": strip,
                    "disputed": len(doubted),
                }
            )
        lines.append({"value": value, "sides": sides})
    return {
        "subject": subject,
        "views": views,
        "scale": scale,
        "legend": legend(views, ordered=False) if views else [],
        "scale_legend": legend(scale, ordered=True) if scale else [],
        "mirrored": two,
        "top": top,
        "estimated": basis.evidence.estimated,
        "rows": lines,
        "of": {
            author: max((r["of"] for (a, _), r in whole.items() if a == author), default=0)
            for author in contents.authors
        },
    }


def _pieces(
    cells: dict[tuple[str, str], dict[str, Any]], row: dict[str, Any], views: Facet, value: str, top: float
) -> list[Piece]:
    """The bar of one subject: a piece for every view, together no longer than the subject's own share."""
    estimated = row["low"] is not None
    mine = [
        (view, kind, cells.get((row["author"], f"{view.id} x {value}"))) for view, kind in legend(views, ordered=False)
    ]
    whole = sum(max(cell["share"] or 0.0, 0.0) for _, _, cell in mine if cell)
    parts: list[Part] = []
    for view, kind, cell in mine:
        if cell is None:
            continue
        if estimated:  # cells and margins are estimated apart from each other: the margin sets the length
            length = max(cell["share"] or 0.0, 0.0) * max(row["share"], 0.0) / whole if whole else 0.0
        else:  # a cell's own share is of passages with both labels, of which there may be fewer
            length = cell["passages"] / row["of"] if row["of"] else 0.0
        parts.append((f"{view.id} x {value}", view.name, cell["passages"], length, kind))
    return pieces(parts, top)


def _plain(row: dict[str, Any], subject: Facet, value: str, top: float) -> list[Piece]:
    return pieces([(value, subject.value(value).name, row["passages"], max(row["share"] or 0.0, 0.0), "k0")], top)


def _strip(
    contents: Contents, author: str, subject: Facet, value: str, scale: Facet | None, row: dict[str, Any], top: float
) -> list[Piece]:
    """Under the bar, as long as it: how the passages lie on the scale."""
    if scale is None or not row["of"]:
        return []
    return pieces(on_scale(contents, scale, subject, value, author, whole=row["of"]), top)
