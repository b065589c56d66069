"""The tables that `diptych evaluate` prints when asked: as rows, and for reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from diptych.cli.options import number, percent, print_table

ON_GOLD = "on gold, by cross-validation"
SHOWN = 10  # rows of a risk curve a facet, for reading
TITLES = {
    "confusion": "Which value is taken for which",
    "calibration": "Probabilities, and how often they come true",
    "risk": "Wrong answers when only the surer ones are given",
    "errors": "The most confidently wrong answers",
    "ablation": "Macro-F1 without …",
    "learning_curve": "Macro-F1 with a part of the training texts",
}
HEADINGS = {
    "confusion": {"facet": "facet", "gold": "gold", "predicted": "predicted", "passages": "passages "},
    "calibration": {
        "facet": "facet",
        "brier": "Brier ",
        "ece": "calibration error ",
        "bin": "probabilities ",
        "mean_probability": "mean ",
        "right": "right ",
        "passages": "passages ",
    },
    "risk": {
        "facet": "facet",
        "least_probability": "least probability ",
        "answered": "answered ",
        "passages": "passages ",
        "wrong": "wrong ",
        "wrong_high": "upper 95 % bound ",
    },
    "errors": {"facet": "facet", "passage": "passage", "gold": "gold", "predicted": "predicted", "p": "p "},
}
SHARES = ("answered", "wrong", "wrong_high", "right")
NUMBERS = ("brier", "ece", "mean_probability", "least_probability", "p")


def interval(low: float | None, high: float | None) -> str:
    """Return an interval as “.51 to .63”, or a dash."""
    return "–" if low is None or high is None else f"{number(low, 2)} to {number(high, 2)}"


def table_rows(name: str, found: Any) -> list[dict[str, Any]]:
    """Return a table that was asked for as rows, one for every line of every facet."""
    if name == "calibration":
        return [
            {"facet": facet, "brier": one["brier"], "ece": one["ece"], **row}
            for facet, one in found.items()
            for row in one["bins"]
        ]
    if name in {"confusion", "risk"}:
        return [{"facet": facet, **row} for facet, rows in found.items() for row in rows]
    if name == "ablation":
        return [
            {"left_out": left_out, "facet": facet, "macro_f1": macro}
            for left_out, by_facet in found.items()
            for facet, macro in by_facet.items()
        ]
    return list(found)


def print_asked(name: str, found: Any) -> None:
    """Print one of the tables that were asked for, for reading."""
    click.echo()
    rows, title = table_rows(name, found), f"{TITLES[name]} ({ON_GOLD})"
    if name == "ablation":
        _print_wide([{"what": row["left_out"], **row} for row in rows], {"what": "left out"}, title)
    elif name == "learning_curve":
        lines = [
            {**row, "what": row["of"], "share": percent(row["part"], 0), "texts": f"{row['passages']:.0f}"}
            for row in rows
        ]
        _print_wide(lines, {"what": "part of the", "share": "part ", "texts": "texts a fold "}, title)
    else:
        if name == "risk":
            rows = _thinned(rows)
        shown = [
            row
            | {key: percent(row[key]) for key in SHARES if key in row}
            | {key: number(row[key]) for key in NUMBERS if key in row}
            | ({"bin": interval(row["low"], row["high"])} if "low" in row else {})
            for row in rows
        ]
        print_table(_once(shown, ("facet", "brier", "ece")), HEADINGS[name], title=title)


def _thinned(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """About ten rows a facet, from the first on; the others are for JSON and CSV."""
    by_facet: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_facet.setdefault(row["facet"], []).append(row)
    return [row for mine in by_facet.values() for row in mine[:: -(-len(mine) // SHOWN)]]


def _once(rows: Sequence[dict[str, Any]], columns: Iterable[str]) -> list[dict[str, Any]]:
    """Blank what a row repeats of the row above it, facet by facet."""
    return [
        row | {c: "" for c in columns if c in row} if before and before["facet"] == row["facet"] else row
        for before, row in zip([None, *rows], rows, strict=False)
    ]


def _print_wide(rows: Sequence[dict[str, Any]], columns: dict[str, str], title: str) -> None:
    """Print macro-F1 with a column a facet."""
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        line = lines.setdefault(tuple(row[c] for c in columns), {c: row[c] for c in columns})
        line[f"facet:{row['facet']}"] = number(row["macro_f1"])
    facets = dict.fromkeys(row["facet"] for row in rows)
    print_table(list(lines.values()), columns | {f"facet:{facet}": f"{facet} " for facet in facets}, title=title)


def _tested_on(row: dict[str, Any]) -> str:
    if row["fold"] is not None:
        return f"unseen passages, fold {row['fold'] + 1}"
    return "other authors" if row["tested_on"] == "test" else f"unseen author: {row['tested_on']}"


def print_chosen(chosen: Sequence[dict[str, Any]]) -> None:
    """Print the parameters of every model that was tested."""
    click.echo()
    shown = [
        {
            "tested_on": _tested_on(row),
            "C": f"{row['C']:g}",
            "features": f"without {', '.join(row['without'])}" if row["without"] else "all",
        }
        for row in chosen
    ]
    print_table(
        shown, {"tested_on": "tested on", "C": "C ", "features": "features"}, title="Chosen within the training part"
    )
