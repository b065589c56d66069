"""Two runs of a study side by side: what moved when codings, texts or the schema changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from diptych.errors import UsageError
from diptych.report.catalogue import Catalogue
from diptych.report.contents import Contents
from diptych.report.marks import coefficient, percent
from diptych.report.runs import Row, Run, read_other, run_of, with_names_of

SHOWN = 200  # rows of a list; the rest is counted
NAMED = 12  # names in a sentence
SAME = 1e-9  # shares and coefficients closer than this are one number
ESTIMATED = ("sample", "corrected")


def compare_with(contents: Contents, other: Path, text: Catalogue) -> dict[str, Any]:
    """Set a study beside another run of it.

    Parameters
    ----------
    contents : Contents
        The run as it is now.
    other : Path
        The run before: a study's folder, or an HTML report by diptych.
    text : Catalogue

    Returns
    -------
    dict
        As :func:`compare` returns it.

    Raises
    ------
    UsageError
        If `other` is no study and no such report, or has no author or no facet in common with the study.
    """
    return compare(read_other(other, text), run_of(contents, text), text, name=other.name)


def compare(before: Run, after: Run, text: Catalogue, *, name: str = "the other run") -> dict[str, Any]:
    """Return what moved from one run to another.

    Parameters
    ----------
    before, after : Run
    text : Catalogue
    name : str
        Of the run before, for errors.

    Returns
    -------
    dict
        `lead` and `sentences`; `notes` on what is new or gone; `inputs`: name, before, after, changed; `coverage`:
        cells whose share moved, largest first; `divergence`, `reliability`, `evaluation`: all rows of a table of which
        one moved; `labels`: passages whose gold label changed; `appeared`, `vanished`: passages; `more`: by list, how
        many rows are not shown; `tables`: every list in full, for downloads.

    Raises
    ------
    UsageError
        If the runs have no author or no facet in common.
    """
    before, renamed = with_names_of(before, after)
    for what, mine, theirs in (("facet", after.facets, before.facets), ("author", _authors(after), _authors(before))):
        if mine and theirs and not set(mine) & set(theirs):
            raise UsageError(
                f"{name}: no {what} in common: there {_named(theirs)}; here {_named(mine)}",
                hint="compare two runs of the same study; `was:` in the schema names what a facet was called before",
            )
    names = _Names(before, after)
    coverage = coverage_moves(before.tables["coverage"], after.tables["coverage"], names)
    labels = label_moves(before.tables["passages"], after.tables["passages"], names)
    order = [*_authors(after), *_authors(before)]
    divergence = _beside(
        _pairs(before, order), _pairs(after, order), ("first", "second", "facet"), ("bits", "noise_high")
    )
    reliability = _beside(before.tables["reliability"], after.tables["reliability"], ("facet",), ("alpha", "units"))
    evaluation = _beside(
        before.tables["evaluation"], after.tables["evaluation"], ("tested_on", "facet"), ("macro_f1", "passages")
    )
    for row in (*divergence, *reliability, *evaluation):
        row["name"] = names.facet(row["facet"])
    there, here = ({row["passage"]: row["spans"] for row in run.tables["passages"]} for run in (before, after))
    appeared, vanished = [p for p in here if p not in there], [p for p in there if p not in here]
    notes = _notes(before, after, renamed, names, text)
    if recut := sum(spans != there[p] for p, spans in here.items() if p in there):
        notes.append(text("comparison.recut", n=recut))
    inputs = _inputs(before, after, text)
    estimated = {side: _situation(run) in ESTIMATED for side, run in (("before", before), ("after", after))}
    for row in coverage:
        for side, how in estimated.items():
            row[f"said_{side}"] = amount(row, side, text, estimated=how)
    parts = (coverage, labels, divergence, reliability, evaluation, appeared, vanished, notes)
    found = {
        "lead": text("comparison.lead", before=before.id, was=before.version, after=after.id, version=after.version),
        "sentences": (
            _sentences(coverage, labels, divergence, reliability, evaluation, text)
            if any(parts)
            else [_nothing(inputs, text)]
        ),
        "notes": notes,
        "inputs": inputs,
        "coverage": coverage[:SHOWN],
        "labels": labels[:SHOWN],
        "divergence": divergence,
        "reliability": reliability,
        "evaluation": evaluation,
        "appeared": appeared[:SHOWN],
        "vanished": vanished[:SHOWN],
        "counts": {"appeared": len(appeared), "vanished": len(vanished)},
        "more": {"coverage": max(len(coverage) - SHOWN, 0), "labels": max(len(labels) - SHOWN, 0)},
    }
    lists = {"coverage": coverage, "divergence": divergence, "reliability": reliability, "evaluation": evaluation}
    plain = {name: [_plain(row) for row in rows] for name, rows in (lists | {"labels": labels}).items()}
    return found | {"tables": {f"comparison-{name}": rows for name, rows in plain.items() if rows}}


# coverage and gold labels


def coverage_moves(before: Iterable[Row], after: Iterable[Row], names: _Names) -> list[Row]:
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


def label_moves(before: Iterable[Row], after: Iterable[Row], names: _Names) -> list[Row]:
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


def _pairs(run: Run, order: Sequence[str]) -> list[Row]:
    """Divergence of two authors, facet by facet; which of the two stands first says nothing."""
    place = {author: i for i, author in reversed(list(enumerate(order)))}
    found = []
    for row in run.tables["divergence"]:
        if row["first"] != row["second"] and " | " not in row["facet"]:
            pair = sorted((row["first"], row["second"]), key=lambda author: (place.get(author, len(order)), author))
            found.append(row | {"first": pair[0], "second": pair[1]})
    return found


def _beside(before: Iterable[Row], after: Iterable[Row], keys: Sequence[str], columns: Sequence[str]) -> list[Row]:
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


class _Names:
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
        parts = zip(facet.split(" x "), value.split(" x "), strict=False)
        said = " × ".join(self.value(f, v) for f, v in parts)
        return said if " x " in facet else f"{self.facet(facet)}: {said}"


def amount(row: Mapping[str, Any], side: str, text: Catalogue, *, estimated: bool) -> str:
    """Return “11 of 134 (8 %)”, an estimated share with its number of coded passages, or a dash."""
    count, of, share = (row[f"{column}_{side}"] for column in ("count", "of", "share"))
    if count is None or share is None:
        return "–"
    return text("comparison.estimated" if estimated else "comparison.amount", n=count, of=of, share=percent(share))


def _sentences(
    coverage: list[Row],
    labels: list[Row],
    divergence: list[Row],
    reliability: list[Row],
    evaluation: list[Row],
    text: Catalogue,
) -> list[str]:
    found = [_label_sentence(labels, text)]
    if coverage:
        top = coverage[0]
        said = {key: top[key] for key in ("author", "label")}
        found.append(
            f"{text('comparison.cells', n=len(coverage))} "
            f"{text('comparison.largest', **said, before=top['said_before'], after=top['said_after'])}"
        )
    else:
        found.append(text("comparison.no_cell"))
    for key, rows, column in (
        ("comparison.divergence_moved", divergence, "bits"),
        ("comparison.alpha_moved", reliability, "alpha"),
        ("comparison.f1_moved", evaluation, "macro_f1"),
    ):
        row = _furthest(rows, column)
        if row:
            old, new = (coefficient(row[f"{column}_{side}"]) for side in ("before", "after"))
            beside: Row = {name: row[name] for name in ("first", "second", "tested_on") if name in row}
            if "noise_high_after" in row:
                beside["noise"] = coefficient(row["noise_high_after"])
            found.append(text(key, facet=row["name"], before=old, after=new, **beside))
    return found[:4]


def _label_sentence(labels: list[Row], text: Catalogue) -> str:
    kinds = Counter("new" if r["before"] is None else "gone" if r["after"] is None else "changed" for r in labels)
    if not labels:
        return text("comparison.no_label_changed")
    passages = text("passages", n=len({row["passage"] for row in labels}))
    by_facet = text.listed([f"{name} {n}" for name, n in Counter(row["name"] for row in labels).items()])
    parts = [text(f"comparison.labels_{kind}", n=kinds[kind]) for kind in ("changed", "new", "gone") if kinds[kind]]
    return text("comparison.labels", listed=text.listed(parts), passages=passages, by_facet=by_facet)


def _furthest(rows: Iterable[Row], column: str) -> Row | None:
    """The row whose figure moved most, of those that have it on both sides."""
    moves = [
        (abs(row[f"{column}_after"] - row[f"{column}_before"]), row)
        for row in rows
        if row[f"{column}_after"] is not None and row[f"{column}_before"] is not None
    ]
    distance, row = max(moves, key=lambda move: move[0], default=(0.0, None))
    return row if distance >= SAME else None


def _nothing(inputs: list[Row], text: Catalogue) -> str:
    changed = [row["name"] for row in inputs if row["changed"]]
    return text("comparison.nothing_though", listed=text.listed(changed)) if changed else text("comparison.nothing")


def _notes(before: Run, after: Run, renamed: list[tuple[str, str]], names: _Names, text: Catalogue) -> list[str]:
    """Say what only one of the runs has, what is called otherwise, and whether shares rest on something else."""
    found = [text("comparison.renamed", old=old, new=new) for old, new in renamed[:SHOWN]]
    there, here = _situation(before), _situation(after)
    if there != here:
        said = {
            side: text(f"comparison.from_{name}" if f"comparison.from_{name}" in text.texts else "comparison.from_none")
            for side, name in (("before", there), ("after", here))
        }
        found.append(text("comparison.situation", **said))
    for what, old, new in (
        ("author", _authors(before), _authors(after)),
        ("facet", [names.facet(f) for f in before.facets], [names.facet(f) for f in after.facets]),
        ("value", _values(before, after, names), _values(after, before, names)),
    ):
        for key, listed in (
            ("new", [name for name in new if name not in set(old)]),
            ("gone", [name for name in old if name not in set(new)]),
        ):
            if listed:
                found.append(text(f"comparison.{key}_{what}", n=len(listed), listed=_named(listed)))
    return found


def _inputs(before: Run, after: Run, text: Catalogue) -> list[Row]:
    """What went into either run, and whether it is another now."""
    rows = [("version", before.version, after.version)]
    rows += [(name, before.hashes.get(name, ""), value) for name, value in after.hashes.items()]
    return [
        {
            "name": text(f"comparison.input_{name}") if f"comparison.input_{name}" in text.texts else name,
            "before": old,
            "after": new,
            "changed": old != new,
        }
        for name, old, new in rows
    ]


def _authors(run: Run) -> list[str]:
    return list(dict.fromkeys(row["author"] for row in run.tables["passages"]))


def _values(run: Run, other: Run, names: _Names) -> list[str]:
    """The values of the facets that both have."""
    return [names.cell(f, value) for f, named in run.facets.items() if f in other.facets for value in named.values]


def _situation(run: Run) -> str:
    return next((str(row["situation"]) for row in run.tables["coverage"]), "")


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    rest = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f", … (+{rest})" if rest > 0 else "")


def _plain(row: Row) -> Row:
    """A row without what only the page needs."""
    return {name: value for name, value in row.items() if name not in ("width", "said_before", "said_after", "name")}
