"""Two runs of a study side by side: what moved when codings, texts or the schema changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from diptych.errors import UsageError
from diptych.report.catalogue import Catalogue
from diptych.report.contents import Contents
from diptych.report.marks import coefficient
from diptych.report.moves import SAME, Names, amount, beside, coverage_moves, label_moves, pairs
from diptych.report.runs import Row, Run, read_other, run_of, with_names_of

SHOWN = 200  # rows of a list; the rest is counted
LONG = ("coverage", "labels")  # lists of figures are short
NAMED = 12  # names in a sentence
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
    names = Names(before, after)
    moved = _moved(before, after, names, text)
    there, here = ({row["passage"]: row["spans"] for row in run.tables["passages"]} for run in (before, after))
    passages = {"appeared": [p for p in here if p not in there], "vanished": [p for p in there if p not in here]}
    notes = _notes(before, after, renamed, names, text)
    if recut := sum(spans != there[p] for p, spans in here.items() if p in there):
        notes.append(text("comparison.recut", n=recut))
    inputs = _inputs(before, after, text)
    anything = any((*moved.values(), *passages.values(), notes))
    return {
        "lead": text("comparison.lead", before=before.id, was=before.version, after=after.id, version=after.version),
        "sentences": _sentences(moved, text) if anything else [_nothing(inputs, text)],
        "notes": notes,
        "inputs": inputs,
        **moved,
        **{name: moved[name][:SHOWN] for name in LONG},
        "more": {name: max(len(moved[name]) - SHOWN, 0) for name in LONG},
        **{name: listed[:SHOWN] for name, listed in passages.items()},
        "counts": {name: len(listed) for name, listed in passages.items()},
        "tables": {f"comparison-{name}": [_download(row) for row in rows] for name, rows in moved.items() if rows},
    }


def _moved(before: Run, after: Run, names: Names, text: Catalogue) -> dict[str, list[Row]]:
    """Every list of what moved, in full, in the order of the downloads."""
    there, here, order = before.tables, after.tables, [*_authors(after), *_authors(before)]
    coverage = coverage_moves(there["coverage"], here["coverage"], names)
    for side, run in (("before", before), ("after", after)):
        estimated = _situation(run) in ESTIMATED
        for row in coverage:
            row[f"said_{side}"] = amount(row, side, text, estimated=estimated)
    figures = {
        "divergence": beside(
            pairs(before, order), pairs(after, order), ("first", "second", "facet"), ("bits", "noise_high")
        ),
        "reliability": beside(there["reliability"], here["reliability"], ("facet",), ("alpha", "units")),
        "evaluation": beside(there["evaluation"], here["evaluation"], ("tested_on", "facet"), ("macro_f1", "passages")),
    }
    for rows in figures.values():
        for row in rows:
            row["name"] = names.facet(row["facet"])
    return {"coverage": coverage, **figures, "labels": label_moves(there["passages"], here["passages"], names)}


# in words


def _sentences(moved: Mapping[str, list[Row]], text: Catalogue) -> list[str]:
    coverage, found = moved["coverage"], [_label_sentence(moved["labels"], text)]
    if coverage:
        top = coverage[0]
        said = {key: top[key] for key in ("author", "label")}
        found.append(
            f"{text('comparison.cells', n=len(coverage))} "
            f"{text('comparison.largest', **said, before=top['said_before'], after=top['said_after'])}"
        )
    else:
        found.append(text("comparison.no_cell"))
    for key, name, column in (
        ("comparison.divergence_moved", "divergence", "bits"),
        ("comparison.alpha_moved", "reliability", "alpha"),
        ("comparison.f1_moved", "evaluation", "macro_f1"),
    ):
        row = _furthest(moved[name], column)
        if row:
            old, new = (coefficient(row[f"{column}_{side}"]) for side in ("before", "after"))
            gaps: Row = {gap: row[gap] for gap in ("first", "second", "tested_on") if gap in row}
            if "noise_high_after" in row:
                gaps["noise"] = coefficient(row["noise_high_after"])
            found.append(text(key, facet=row["name"], before=old, after=new, **gaps))
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


def _notes(before: Run, after: Run, renamed: list[tuple[str, str]], names: Names, text: Catalogue) -> list[str]:
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


def _values(run: Run, other: Run, names: Names) -> list[str]:
    """The values of the facets that both have."""
    return [names.cell(f, value) for f, named in run.facets.items() if f in other.facets for value in named.values]


def _situation(run: Run) -> str:
    return next((str(row["situation"]) for row in run.tables["coverage"]), "")


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    rest = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f", … (+{rest})" if rest > 0 else "")


def _download(row: Row) -> Row:
    """A row without what only the page needs."""
    return {name: value for name, value in row.items() if name not in ("width", "said_before", "said_after", "name")}
