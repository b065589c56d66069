"""diptych classify."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from textwrap import shorten
from typing import IO, TYPE_CHECKING, Any

import click

from diptych.cli.options import Talk, common, print_table, set_aside

if TYPE_CHECKING:
    from diptych.classifier.persist import Model
    from diptych.documents.duplicates import Duplicates
    from diptych.exchange.tables import Reject
    from diptych.files import Row


@click.command("classify")
@click.argument("files", metavar="[FILE…]", nargs=-1)
@click.option(
    "--input",
    "kind",
    type=click.Choice(["text", "markdown", "html", "pdf", "docx", "csv", "tsv", "jsonl", "parquet"]),
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
    "--abstain-at",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="RATE",
    help="Abstain so that at most this share of the answers that stand is wrong (upper 95 % bound); at 1 only on "
    "texts that are off topic or in another language.",
)
@click.option(
    "--mark-duplicates",
    "mark",
    is_flag=True,
    help="Add a column duplicate_of: the first passage that this one repeats, word for word or nearly, by its "
    "passage, --id-column, or number among the rows that come out.",
)
@click.option("--explain", "explain_it", is_flag=True, help="Say which words and sentences moved each answer.")
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
    abstain_at: float,
    mark: bool,
    explain_it: bool,
    model_path: Path | None,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Classify new texts: documents, tables, or - for standard input.

    Documents (.txt, .md, .html, .pdf, .docx) are cut into passages; tables are .csv, .tsv, .jsonl and
    .parquet. One row a passage comes out, in the order it went in, with the input's own columns first.
    Rows that cannot be read go to a file of rejects; so do files, where several are given. Offsets of
    html, pdf and docx point into their extracted text, which `diptych ingest` stores.

    How many passages repeat an earlier one is said at the end: word for word (case and punctuation do
    not count), or nearly, with nine tenths of the words in common. Passages are compared with the first
    200,000 different ones (20 million words), word for word with the first million.
    """
    from diptych.classifier.inputs import input_kind, input_rows
    from diptych.classifier.stream import mark_duplicates, predict_rows
    from diptych.documents.duplicates import Duplicates
    from diptych.errors import UsageError

    if not files:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("nothing to classify", hint='name a file, or: echo "a text" | diptych classify -')
        files = ("-",)
    if form is None:
        form = "csv" if out and out.suffix == ".csv" else "table" if sys.stdout.isatty() and not out else "jsonl"
    model = _model(model_path, folder, talk)
    inputs = [(name, input_kind(name, kind)) for name in files]
    notes: list[str] = []
    rows = input_rows(inputs, text_column=text_column, id_column=id_column, notes=notes)
    if not 0 <= abstain_at <= 1:
        raise UsageError(f"--abstain-at {abstain_at} lies outside 0 to 1")
    rejects: list[Reject] = []
    if explain_it and mark:
        raise UsageError("--explain writes no table that --mark-duplicates could add a column to", hint="leave one out")
    if explain_it:
        with _target(out) as stream:
            _explain(rows, rejects, model, text_column, form, stream)
        _finish(notes, rejects, out, files[0], talk)
        return
    results = predict_rows(
        rows,
        model.scorer,
        text_column=text_column,
        prefix=prefix,
        probabilities=probabilities,
        abstain=not no_abstain,
        abstain_at=abstain_at,
    )
    seen = Duplicates()
    results = mark_duplicates(
        results, seen, text_column=text_column, id_column=id_column, column=f"{prefix}duplicate_of" if mark else None
    )
    good = _without(results, rejects)
    with _target(out) as stream:
        if form == "table":
            _print_predictions(list(good), list(model.weights.facets), text_column, prefix)
        else:
            _write(good, form, stream)
    _finish([*notes, *_repeats(seen)], rejects, out, files[0], talk)


def _explain(
    rows: Iterator[tuple[int, Any]], rejects: list[Reject], model: Model, text_column: str, form: str, out: IO[str]
) -> None:
    import json
    from dataclasses import asdict

    from diptych.classifier.explain import explain
    from diptych.exchange.tables import Reject

    for place, row in rows:
        if isinstance(row, Reject):
            rejects.append(row)
            continue
        found = explain(model.scorer, row[text_column])
        if form != "table":
            line = {"passage": row.get("passage", place), "facets": [asdict(one) for one in found]}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            continue
        out.write(shorten(row[text_column], 100, placeholder="…") + "\n")
        for one in found:
            moved = ", ".join(f"{word} {change:+.2f}" for word, change in one.words)
            out.write(
                f"  {one.facet}: {one.value} ({one.p:.2f}); without each word the probability falls by: {moved}\n"
            )
            for sentence, change in one.sentences:
                out.write(f"    {change:+.2f}  {shorten(sentence, 100, placeholder='…')}\n")


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
        return bundled_model()


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
        first = row.get(f"{prefix}duplicate_of")
        remarks = ["off topic" if row[f"{prefix}off_topic"] else "", f"repeats {first}" if first is not None else ""]
        line["note"] = ", ".join(filter(None, remarks))
        line["language"] = row[f"{prefix}language"]
        shown.append(line)
    print_table(shown, {"text": "text", **{facet: facet for facet in facets}, "language": "language", "note": ""})


def _repeats(seen: Duplicates) -> list[str]:
    """How many passages repeat an earlier one, in words."""
    said = []
    if seen.exact:
        subject = "1 passage repeats" if seen.exact == 1 else f"{seen.exact:,} passages repeat"
        said.append(f"{subject} an earlier one word for word" + (f", {seen.near:,} nearly" if seen.near else ""))
    elif seen.near:
        subject = "1 passage nearly repeats" if seen.near == 1 else f"{seen.near:,} passages nearly repeat"
        said.append(f"{subject} an earlier one")
    if seen.full:
        said.append(f"later ones were compared with the first {seen.remembered:,} different passages only")
    return said


def _finish(notes: list[str], rejects: list[Reject], out: Path | None, first_input: str, talk: Talk) -> None:
    """Say what there is to say, and set aside what was not taken."""
    for note in notes:
        talk(note)
    if not rejects:
        return
    stem = out.name if out else Path(first_input).name if first_input != "-" else "stdin"
    path = (out.parent if out else Path()) / f"{stem}.rejects.jsonl"
    first = rejects[0]
    where = f", {first.file}" if first.file and first.line else ""
    where += f", line {first.line}" if first.line else ""
    what = "rows" if all(reject.line for reject in rejects) else "files or rows"
    set_aside(path, rejects, f"{where}: {first.reason}", what=what, hint="all other rows are done")
