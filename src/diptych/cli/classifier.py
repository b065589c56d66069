"""diptych train, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diptych.cli.options import (
    Talk,
    common,
    find_study,
    formatted,
    number,
    percent,
    print_csv,
    print_json,
    print_table,
)


@click.command("train")
@formatted
@common
def train_command(form: str, folder: Path | None, talk: Talk) -> None:
    """Train one small model a facet on the gold labels and store its cross-validated figures."""
    from diptych.classifier.scarce import scarce
    from diptych.classifier.train import train
    from diptych.files import exclusive

    study = find_study(folder)
    with exclusive(study.state):
        model = train(study, talk)
    training = model.card["training"]
    texts = ", ".join(f"{count} {source}s" for source, count in training["texts"].items())
    talk(f"trained on {training['passages']} passages ({texts}); {study.model_file.relative_to(study.root)}")
    for sentence in scarce(model.card):
        talk(sentence)
    _print_figures(model.card["figures"], form, talk, tables=False)


@click.command("evaluate")
@formatted
@common
def evaluate_command(form: str, folder: Path | None, talk: Talk) -> None:
    """Print macro-F1, accuracy and a table a value, on unseen passages and across authors."""
    from diptych.api import evaluate

    _print_figures(evaluate(find_study(folder)), form, talk, tables=True)


def _print_figures(figures: dict[str, Any], form: str, talk: Talk, *, tables: bool) -> None:
    from diptych.classifier.figures import figure_rows

    rows = figure_rows(figures)
    if form == "json":
        print_json(figures)
        return
    if form == "csv":
        print_csv(rows)
        return
    shown = [
        row
        | {key: number(row[key]) for key in ("macro_f1", "baseline_macro_f1")}
        | {"accuracy": percent(row["accuracy"]), "baseline_accuracy": percent(row["baseline_accuracy"])}
        for row in rows
    ]
    print_table(
        shown,
        {
            "tested_on": "tested on",
            "facet": "facet",
            "passages": "passages ",
            "macro_f1": "macro-F1 ",
            "accuracy": "accuracy ",
            "baseline": "always the commonest value:",
            "baseline_macro_f1": "macro-F1 ",
            "baseline_accuracy": "accuracy ",
        },
    )
    if tables:
        for facet, found in figures["cross_validation"].items():
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
    talk("macro-F1: mean over the values present; every passage was judged by a model that had not seen it.")
