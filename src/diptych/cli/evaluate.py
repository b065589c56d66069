"""diptych evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diptych.cli.evaluate_tables import interval, print_asked, print_chosen, table_rows
from diptych.cli.options import (
    Talk,
    common,
    find_study,
    formatted,
    number,
    percent,
    print_csv,
    print_data,
    print_table,
)
from diptych.errors import UsageError

MEANING = "macro-F1: mean over the values present; every passage was judged by a model that had not seen it."
BESIDE = (
    "95 % interval: sections (or documents) drawn anew with replacement. coders: macro-F1 of one coder against another "
    "on passages that two coded, what a classifier can hope for."
)


@click.command("evaluate")
@click.option("--confusion", is_flag=True, help="Also which value is taken for which, per facet.")
@click.option(
    "--calibration",
    is_flag=True,
    help="Also Brier score, expected calibration error and the reliability diagram's bins.",
)
@click.option("--risk", is_flag=True, help="Also the share of wrong answers when only the surer ones are given.")
@click.option(
    "--errors",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also the N most confidently wrong answers per facet (ids, no texts).",
)
@click.option(
    "--ablation",
    is_flag=True,
    help="Also macro-F1 without each source of training texts and each kind of feature (slow).",
)
@click.option(
    "--learning-curve",
    is_flag=True,
    help="Also macro-F1 with 25, 50, 75 and 100 % of the training passages, and of the exemplars (slow).",
)
@click.option(
    "--choose",
    is_flag=True,
    help="Choose regularisation and features anew within every training part, never seeing the test part (nested "
    "cross-validation). Takes several times as long. --ablation and --learning-curve keep the usual ones.",
)
@formatted
@common
def evaluate_command(
    confusion: bool,
    calibration: bool,
    risk: bool,
    errors: int | None,
    ablation: bool,
    learning_curve: bool,
    choose: bool,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Print how good the classifier is, on unseen passages and authors, and what makes it so.

    CSV holds one table: the summary, or the one that is asked for.
    """
    from diptych.api import evaluate

    given = {
        "confusion": confusion,
        "calibration": calibration,
        "risk": risk,
        "errors": errors is not None,
        "ablation": ablation,
        "learning_curve": learning_curve,
    }
    tables = [name for name, is_asked in given.items() if is_asked]
    if form == "csv" and len(tables) > 1:
        named = " and ".join(f"--{name.replace('_', '-')}" for name in tables)
        raise UsageError(
            f"CSV holds one table, and {named} are {len(tables)} tables", hint="ask for one of them, or for --json"
        )
    found = evaluate(find_study(folder), tables=tables, errors=errors or 1, choose=choose, tell=talk)
    if form == "csv" and tables:
        print_csv(table_rows(tables[0], found[tables[0]]))
    else:
        print_figures(found, form)
    if form == "text":
        _print_values(found["cross_validation"])
        for name in tables:
            print_asked(name, found[name])
        if choose:
            print_chosen(found["chosen"])
    talk(MEANING)
    talk(BESIDE)


def print_figures(figures: dict[str, Any], form: str) -> None:
    """Print evaluation figures: all of them as JSON, their summary as CSV or as a table."""
    from diptych.classifier.training.figures import figure_rows

    rows = figure_rows(figures)
    if print_data(form, figures, rows):
        return
    shown = [
        row
        | {key: number(row[key]) for key in ("macro_f1", "coders_macro_f1", "baseline_macro_f1")}
        | {"interval": interval(row["macro_f1_low"], row["macro_f1_high"])}
        | {"accuracy": percent(row["accuracy"]), "baseline_accuracy": percent(row["baseline_accuracy"])}
        for row in rows
    ]
    told = {
        "interval": ("95 % interval ", "macro_f1_low"),
        "coders_macro_f1": ("coders ", "coders_macro_f1"),
    }
    print_table(
        shown,
        {
            "tested_on": "tested on",
            "facet": "facet",
            "passages": "passages ",
            "macro_f1": "macro-F1 ",
            **{name: heading for name, (heading, key) in told.items() if any(row[key] is not None for row in rows)},
            "accuracy": "accuracy ",
            "baseline": "always the commonest value:",
            "baseline_macro_f1": "macro-F1 ",
            "baseline_accuracy": "accuracy ",
        },
    )


def _print_values(figures: dict[str, Any]) -> None:
    for facet, found in figures.items():
        click.echo()
        lines = [
            {"value": v["value"], "passages": v["passages"]}
            | {key: number(v[key], 2) for key in ("precision", "recall", "f1")}
            for v in found["values"]
        ]
        headings = {
            "value": facet,
            "passages": "passages ",
            "precision": "precision ",
            "recall": "recall ",
            "f1": "F1 ",
        }
        print_table(lines, headings)
