"""What moved between two runs, row by row: cells, gold labels, figures of one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diptych.report.catalogue import Catalogue
from diptych.report.marks import cell_name, percent
from diptych.report.runs import Row, Run

SAME = 1e-9  # shares and coefficients closer than this are one number


def coverage_moves(before: Iterable[Row], after: Iterable[Row], names: Names) -> list[Row]:
    """Return the cells of which the share moved, largest first, for authors and facets that both runs have.

    Returns
    -------
    list of dict
        author, facet, value, label; count, of and share `_before` and `_after` (None where a run has no such value);
        change, as a difference of shares, None where a run has no labels there; width of its bar, 0 to 50.
    """
    there, here = _cells(before), _cells(after)
    both = {(author, facet) for author, facet, _ in there} & {(author, facet) for author, facet, _ in here}
    found: list[Row] = []
    for key in dict.fromkeys((*here, *there)):
        if key[:2] not in both:
            continue
        old, new = there.get(key), here.get(key)
        shares = [0.0 if cell is None else cell["share"] for cell in (old, new)]
        if shares[0] == shares[1] or (None not in shares and abs(shares[1] - shares[0]) < SAME):
            continue
        author, facet, value = key
        row: Row = {"author": author, "facet": facet, "value": value, "label": names.cell(facet, value)}
        for side, cell in (("before", old), ("after", new)):
            row |= {
                f"{to}_{side}": cell and cell[column]
                for to, column in (("count", "passages"), ("of", "of"), ("share", "share"))
            }
        found.append(row | {"change": None if None in shares else shares[1] - shares[0]})
    reach = max((abs(row["change"]) for row in found if row["change"] is not None), default=1.0)
    for row in found:
        row["width"] = round(50 * abs(row["change"] or 0.0) / reach, 2)
    return sorted(found, key=lambda row: -abs(row["change"] or 0.0))


def _cells(rows: Iterable[Row]) -> dict[tuple[str, str, str], Row]:
    """Cells by author, facet and value; those of values that are one now are added up."""
    found: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        key = row["author"], row["facet"], row["value"]
        if key not in found:
            found[key] = dict(row)
            continue
        for column in ("passages", "share"):
            parts = (found[key][column], row[column])
            found[key][column] = None if None in parts else sum(parts)
    return found


def label_moves(before: Iterable[Row], after: Iterable[Row], names: Names) -> list[Row]:
    """Return the passages of both runs of which the gold label in a facet of both changed, came or went.

    Returns
    -------
    list of dict
        passage, facet, name; before and after (ids, None for no label), said_before and said_after (names).
    """
    there = {row["passage"]: row["labels"] for row in before}
    found = []
    for row in after:
        old = there.get(row["passage"], {})
        for facet, value in row["labels"].items():
            if facet in old and old[facet] != value:
                sides = {"before": old[facet], "after": value}
                said = {f"said_{side}": label and names.value(facet, label) for side, label in sides.items()}
                found.append({"passage": row["passage"], "facet": facet, "name": names.facet(facet)} | sides | said)
    return found


# coefficients


def pairs(run: Run, order: Sequence[str]) -> list[Row]:
    """Divergence of two authors, facet by facet; which of the two stands first says nothing."""
    place = {author: i for i, author in reversed(list(enumerate(order)))}
    found = []
    for row in run.tables["divergence"]:
        if row["first"] != row["second"] and " | " not in row["facet"]:
            pair = sorted((row["first"], row["second"]), key=lambda author: (place.get(author, len(order)), author))
            found.append(row | {"first": pair[0], "second": pair[1]})
    return found


def beside(before: Iterable[Row], after: Iterable[Row], keys: Sequence[str], columns: Sequence[str]) -> list[Row]:
    """Return the rows of two tables joined by their keys; none where nothing moved."""
    there, here = ({tuple(row[key] for key in keys): row for row in rows} for rows in (before, after))
    found, moved = [], False
    for key in dict.fromkeys((*here, *there)):
        row: Row = dict(zip(keys, key, strict=True))
        for column in columns:
            old, new = (side.get(key, {}).get(column) for side in (there, here))
            moved |= (old is None) is not (new is None) or (old is not None and abs(new - old) >= SAME)
            row |= {f"{column}_before": old, f"{column}_after": new}
        found.append(row)
    return found if moved else []


# words


class Names:
    """What facets and values are called: as now, and where they are gone, as before."""

    def __init__(self, before: Run, after: Run) -> None:
        self._runs = (after, before)

    def facet(self, facet: str) -> str:
        """The name of a facet, or of crossed ones."""
        return " × ".join(self._facet(part) for part in facet.split(" x "))

    def _facet(self, facet: str) -> str:
        return next((run.facets[facet].name for run in self._runs if facet in run.facets), facet)

    def value(self, facet: str, value: str) -> str:
        """The name of a value."""
        known = (run.facets[facet].values for run in self._runs if facet in run.facets)
        return next((values[value][0] for values in known if value in values), value)

    def cell(self, facet: str, value: str) -> str:
        """“Domain: Energy”, or “Moscow × Energy” for crossed facets."""
        facets = facet.split(" x ")
        values = [self.value(f, v) for f, v in zip(facets, value.split(" x "), strict=False)]
        return cell_name([self._facet(f) for f in facets], values)


def amount(row: Mapping[str, Any], side: str, text: Catalogue, *, estimated: bool) -> str:
    """Return “11 of 134 (8 %)”, an estimated share with its number of coded passages, or a dash."""
    count, of, share = (row[f"{column}_{side}"] for column in ("count", "of", "share"))
    if count is None or share is None:
        return "–"
    return text("comparison.estimated" if estimated else "comparison.amount", n=count, of=of, share=percent(share))
