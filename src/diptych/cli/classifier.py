"""diptych train, evaluate, classify."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from textwrap import shorten
from typing import IO, TYPE_CHECKING, Any

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
    set_aside,
)

if TYPE_CHECKING:
    from diptych.classifier.persist import Model
    from diptych.exchange.tables import Reject
    from diptych.files import Row


@click.command("train")
@formatted
@common
def train_command(form: str, folder: Path | None, talk: Talk) -> None:
    """Train one small model a facet on the gold labels and store its cross-validated figures."""
    from diptych.classifier.train import train
    from diptych.files import exclusive

    study = find_study(folder)
    with exclusive(study.state):
        model = train(study, talk)
    training = model.card["training"]
    texts = ", ".join(f"{count} {source}s" for source, count in training["texts"].items())
    talk(f"trained on {training['passages']} passages ({texts}); {study.model_file.relative_to(study.root)}")
    _print_figures(model.card["figures"], form, talk, tables=False)


@click.command("evaluate")
@formatted
@common
def evaluate_command(form: str, folder: Path | None, talk: Talk) -> None:
    """Print macro-F1, accuracy and a table a value, on unseen passages and across authors."""
    from diptych.api import evaluate

    _print_figures(evaluate(find_study(folder)), form, talk, tables=True)


def figure_rows(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Summaries of evaluation figures as rows: one a facet, by cross-validation and by left-out author."""
    tested = [("unseen passages (5 folds)", figures["cross_validation"])]
    tested += [(f"unseen author: {author}", found) for author, found in figures["across_authors"].items()]
    return [
        {
            "tested_on": name,
            "facet": facet,
            "passages": found["passages"],
            "macro_f1": found["macro_f1"],
            "accuracy": found["accuracy"],
            "baseline": found["majority"]["value"],
            "baseline_macro_f1": found["majority"]["macro_f1"],
            "baseline_accuracy": found["majority"]["accuracy"],
        }
        for name, by_facet in tested
        for facet, found in by_facet.items()
    ]


def _print_figures(figures: dict[str, Any], form: str, talk: Talk, *, tables: bool) -> None:
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


@click.command("classify")
@click.argument("files", metavar="[FILE…]", nargs=-1)
@click.option(
    "--input",
    "kind",
    type=click.Choice(["text", "csv", "tsv", "jsonl"]),
    help="What the input is [default: by the file's ending; standard input is text].",
)
@click.option(
    "--text-column",
    default="text",
    show_default=True,
    metavar="NAME",
    help="Column of a table that holds the text.",
)
@click.option("--id-column", metavar="NAME", help="Column of a table that must be there to tell rows apart.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "csv"]),
    help="[default: table on a terminal, else jsonl]",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
@click.option("--prefix", default="", metavar="TEXT", help="Put before the names of the columns that are added.")
@click.option("--probabilities", is_flag=True, help="Add one column a value.")
@click.option("--no-abstain", is_flag=True, help="Give the best guess always.")
@click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A model file [default: the study's, else the bundled one].",
)
@common
def classify_command(
    files: tuple[str, ...],
    kind: str | None,
    text_column: str,
    id_column: str | None,
    form: str | None,
    out: Path | None,
    prefix: str,
    probabilities: bool,
    no_abstain: bool,
    model_path: Path | None,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Classify new texts: documents (.txt, .md), tables (.csv, .tsv, .jsonl), or - for standard input.

    Documents are cut into passages. One row a passage comes out, in the order it went in, with the
    input's own columns first. Rows that cannot be read go to a file of rejects.
    """
    from diptych.classifier.stream import predict_rows
    from diptych.errors import UsageError

    if not files:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("nothing to classify", hint='name a file, or: echo "a text" | diptych classify -')
        files = ("-",)
    if form is None:
        form = "csv" if out and out.suffix == ".csv" else "table" if sys.stdout.isatty() and not out else "jsonl"
    model = _model(model_path, folder, talk)
    rows = _rows(files, kind, text_column, id_column)
    results = predict_rows(
        rows,
        model.scorer,
        text_column=text_column,
        prefix=prefix,
        probabilities=probabilities,
        abstain=not no_abstain,
    )
    rejects: list[Reject] = []
    good = _without(results, rejects)
    with _target(out) as stream:
        if form == "table":
            _print_predictions(list(good), list(model.weights.facets), text_column, prefix)
        else:
            _write(good, form, stream)
    if rejects:
        _set_aside(rejects, out, files[0])


def _model(path: Path | None, folder: Path | None, talk: Talk) -> Model:
    from diptych.api import model_for
    from diptych.classifier.bundled import bundled_model
    from diptych.classifier.persist import load_model
    from diptych.errors import NoStudyError
    from diptych.study import Study

    if path is not None:
        return load_model(path)
    if folder is not None:
        return model_for(Study.load(folder))
    try:
        return model_for(Study.find())
    except NoStudyError:
        return bundled_model(talk)


def _rows(
    files: tuple[str, ...], kind: str | None, text_column: str, id_column: str | None
) -> Iterator[tuple[int, Any]]:
    from diptych.classifier.stream import document_rows, table_rows
    from diptych.documents.read import DOCUMENT_FORMATS
    from diptych.errors import DocumentError
    from diptych.exchange.tables import open_input, table_format

    for name in files:
        suffix = Path(name).suffix.casefold()
        is_text = kind == "text" or (kind is None and (name == "-" or suffix in DOCUMENT_FORMATS))
        found = "text" if is_text else table_format(name, kind)
        with open_input(name) as stream:
            if found == "text":
                data = stream.read()
                if not data.strip():
                    raise DocumentError(
                        f"{'standard input' if name == '-' else name}: there is no text", hint="give it some text"
                    )
                yield from document_rows(name, data)
            else:
                yield from table_rows(stream, name, found, text_column=text_column, id_column=id_column)


def _without(results: Iterator[Row | Reject], rejects: list[Reject]) -> Iterator[Row]:
    from diptych.exchange.tables import Reject

    for row in results:
        if isinstance(row, Reject):
            rejects.append(row)
        else:
            yield row


def _target(out: Path | None) -> Any:
    from diptych.files import atomic

    return atomic(out) if out else nullcontext(sys.stdout)


def _write(rows: Iterator[Row], form: str, stream: IO[str]) -> None:
    from diptych.exchange.tables import CsvWriter, JsonlWriter

    writer = CsvWriter(stream) if form == "csv" else JsonlWriter(stream)
    for row in rows:
        writer.write(row)


def _print_predictions(rows: list[Row], facets: list[str], text_column: str, prefix: str) -> None:
    shown = []
    for row in rows:
        line = {"text": shorten(row[text_column], 60, placeholder="…")}
        for facet in facets:
            value = row[prefix + facet] or "(abstains)"
            line[facet] = f"{value} {row[f'{prefix}{facet}_p']:.2f}"
        line["note"] = "off topic" if row[f"{prefix}off_topic"] else ""
        line["language"] = row[f"{prefix}language"]
        shown.append(line)
    print_table(shown, {"text": "text", **{facet: facet for facet in facets}, "language": "language", "note": ""})


def _set_aside(rejects: list[Reject], out: Path | None, first_input: str) -> None:
    stem = out.name if out else Path(first_input).name if first_input != "-" else "stdin"
    path = (out.parent if out else Path()) / f"{stem}.rejects.jsonl"
    set_aside(path, rejects, f", line {rejects[0].line}: {rejects[0].reason}", hint="all other rows are done")
