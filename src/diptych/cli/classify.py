"""diptych classify."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diptych.cli.long_job import Long, is_long, parse_shard, run_long
from diptych.cli.options import Talk, common
from diptych.cli.outcome import refuse, rejects_file, repeats, tell_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diptych.classifier.scoring.persist import Model
    from diptych.classifier.streams.batches import Options, Predictor
    from diptych.classifier.streams.direct import Rejects
    from diptych.classifier.streams.inputs import Source
    from diptych.documents.duplicates import Duplicates

_FORMS = {".csv": "csv", ".parquet": "parquet"}


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
    type=click.Choice(["table", "jsonl", "csv", "parquet"]),
    help="[default: by the ending of --out; table on a terminal, else jsonl]",
)
@click.option(
    "--out", metavar="PATH", help="Write to this file instead of standard output; with a / at its end, to a folder."
)
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
@click.option(
    "--resume", is_flag=True, help="Go on with a job that was stopped: parts that are done are not done again."
)
@click.option(
    "--part-rows",
    type=click.IntRange(1),
    metavar="N",
    help="Cut the job into parts of about so many rows [default: 65,536, where there are more than 32 MB].",
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Share the parts among so many processes.")
@click.option("--shard", metavar="I/N", help="Do only share I of N of the parts, as one of several machines.")
@click.option("--join", is_flag=True, help="Join the parts of --out when all shares are done.")
@click.option("--scheduler", metavar="ADDRESS", help="Hand the parts to a Dask scheduler, such as tcp://host:8786.")
@common
def classify_command(
    files: tuple[str, ...],
    kind: str | None,
    text_column: str,
    id_column: str | None,
    form: str | None,
    out: str | None,
    prefix: str,
    probabilities: bool,
    no_abstain: bool,
    abstain_at: float,
    mark: bool,
    explain_it: bool,
    model_path: Path | None,
    resume: bool,
    part_rows: int | None,
    workers: int | None,
    shard: str | None,
    join: bool,
    scheduler: str | None,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Classify new texts: documents, tables, folders of them, addresses, or - for standard input.

    Documents (.txt, .md, .html, .pdf, .docx) are cut into passages; tables are .csv, .tsv, .jsonl and
    .parquet, also packed (.gz, .bz2, .xz, .zst). One row a passage comes out, in the order it went in, with
    the input's own columns first. Rows that cannot be read go to a file of rejects; so do files, where
    several are given. Offsets of html, pdf and docx point into their extracted text, which `diptych ingest`
    stores.

    How many passages repeat an earlier one is said at the end: word for word (case and punctuation do
    not count), or nearly, with nine tenths of the words in common. Passages are compared with the first
    200,000 different ones (20 million words), word for word with the first million.

    More than 32 MB with --out are done in parts (of 65,536 rows), kept in OUT.parts until they are joined:
    stopped by whatever, --resume goes on and gives the same bytes. Repeats are not looked for then.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's other threads have no work here, and cost as it starts
    from diptych.classifier.scoring.bundled import find_model
    from diptych.classifier.streams.batches import Options
    from diptych.classifier.streams.inputs import sources_of
    from diptych.errors import UsageError

    long = Long(resume, part_rows, workers, parse_shard(shard) if shard else None, join, scheduler)
    long.check(out)
    if not files and not (join or (shard and out and Path(f"{out.rstrip('/')}.parts").exists())):
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("nothing to classify", hint='name a file, or: echo "a text" | diptych classify -')
        files = ("-",)
    if not 0 <= abstain_at <= 1:
        raise UsageError(f"--abstain-at {abstain_at} lies outside 0 to 1")
    if explain_it and mark:
        raise UsageError("--explain writes no table that --mark-duplicates could add a column to", hint="leave one out")
    form = form or _FORMS.get(Path(out or "").suffix) or ("table" if sys.stdout.isatty() and not out else "jsonl")
    _check_form(form, out)
    options = Options(text_column, id_column, prefix, probabilities, not no_abstain, abstain_at)
    rejects = rejects_file(out, files)
    if not files:
        tell_job(run_long((), None, options, long, out=str(out), form=form, rejects=rejects, talk=talk), rejects, talk)
        return
    found_path, model = find_model(model_path, folder)
    sources, passed = sources_of(files, kind)
    if passed:
        talk(f"{passed} {'file is' if passed == 1 else 'files are'} of no known kind and passed over")
    whole = "--mark-duplicates" if mark else "--explain" if explain_it else "--format table" if form == "table" else ""
    if long.asked and (whole or "-" in files):
        raise UsageError(f"{long.asked} works in parts, and {whole or 'standard input'} does not", hint="leave one out")
    if long.asked or (out and not whole and (is_long(sources) or out.endswith("/"))):
        done = run_long(sources, found_path, options, long, out=str(out), form=form, rejects=rejects, talk=talk)
        tell_job(done, rejects, talk)
        return
    _direct(sources, model, options, form, out, rejects, talk, mark=mark, explain_it=explain_it)


def _check_form(form: str, out: str | None) -> None:
    from diptych.errors import UsageError
    from diptych.exchange.opening import is_address, packing

    if form == "parquet":
        from diptych.exchange.parquet import check_parquet

        check_parquet()
        if out is None and sys.stdout.isatty():
            raise UsageError("Parquet is nothing to read on a terminal", hint="name a file with --out")
    if out and packing(out):
        raise UsageError(f"--out {out}: packed tables are read, not written", hint="write Parquet, which is packed")
    if out and is_address(out):
        raise UsageError(f"--out {out}: addresses are read, not written to", hint="write to a file, then copy it there")
    if out and out.endswith("/") and form == "table":
        raise UsageError("a folder takes --format jsonl, csv or parquet")


def _direct(
    sources: Sequence[Source],
    model: Model,
    options: Options,
    form: str,
    out: str | None,
    path: Path,
    talk: Talk,
    *,
    mark: bool,
    explain_it: bool,
) -> None:
    """Classify in one go."""
    from diptych.classifier.streams.batches import Predictor
    from diptych.classifier.streams.direct import Rejects, Repeats, predicted, write_batches

    notes: list[str] = []
    seen = Repeats()
    with Rejects(path) as rejects, _target(out, form) as stream:
        if explain_it:
            _explain(sources, rejects, model, options, form, stream, notes)
        else:
            predictor = Predictor(model.scorer, options)
            found = predicted(sources, predictor, rejects, notes, None if mark else seen)
            if mark or form == "table":
                _rows(found, predictor, seen.all, form, stream, mark=mark)
            else:
                write_batches(found, form, stream, predictor)
    for note in [*notes, *repeats(seen.found)]:
        talk(note)
    if (first := rejects.first) is not None:
        refuse(rejects.number, rejects.files, first.line, first.reason, first.file, path)


def _explain(
    sources: Sequence[Source],
    rejects: Rejects,
    model: Model,
    options: Options,
    form: str,
    stream: Any,
    notes: list[str],
) -> None:
    from diptych.classifier.streams.inputs import input_rows
    from diptych.cli.explaining import write_explanations

    inputs = [(source.name, source.kind) for source in sources]
    rows = input_rows(inputs, text_column=options.text_column, id_column=options.id_column, notes=notes)
    write_explanations(rows, rejects, model.scorer, options.text_column, form, stream)


def _rows(found: Iterator[Any], predictor: Predictor, seen: Duplicates, form: str, stream: Any, *, mark: bool) -> None:
    """Write rows one by one: to be read, or with what they repeat."""
    from diptych.classifier.streams.direct import write_rows
    from diptych.classifier.streams.rows import mark_duplicates
    from diptych.cli.explaining import print_predictions

    options = predictor.options
    rows: Any = (row for batch, more in found for row in more.rows(batch))
    if mark:
        column = f"{options.prefix}duplicate_of"
        rows = mark_duplicates(rows, seen, text_column=options.text_column, id_column=options.id_column, column=column)
    if form == "table":
        print_predictions(rows, list(predictor.facets), options.text_column, options.prefix)
    else:
        write_rows(rows, form, stream, predictor)


def _target(out: str | None, form: str) -> Any:
    from diptych.files import atomic

    if out:
        return atomic(Path(out), "wb" if form == "parquet" else "w")
    return nullcontext(sys.stdout.buffer if form == "parquet" else sys.stdout)
