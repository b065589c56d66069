"""diptych init, status, ingest."""

from __future__ import annotations

from pathlib import Path

import click

from diptych.cli.options import (
    RowsRejected,
    Talk,
    common,
    find_study,
    formatted,
    print_data,
    print_rows,
    print_table,
    talking,
)


@click.command("init")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--schema",
    "schema_path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Use this schema [default: a small example with sample codings].",
)
@talking
def init_command(target: Path, schema_path: Path | None, talk: Talk) -> None:
    """Make a new study in DIR with a sample document, ready to run."""
    from diptych.template import make_study

    study = make_study(target, schema_path)
    click.echo(study.root)
    talk("a new study. Next:")
    talk(f"  cd {target}")
    talk("  diptych ingest")
    talk(
        "  diptych gold && diptych train && diptych report"
        if schema_path is None
        else "  diptych export csv to-code.csv --with-originals"
    )


@click.command("ingest")
@click.argument("files", metavar="[FILE…]", nargs=-1, type=click.Path(path_type=Path))
@click.option("--author", metavar="NAME", help="Who wrote the new FILE.")
@click.option("--title", default="", metavar="TEXT", help="Its title.")
@click.option("--year", type=int, metavar="YEAR", help="When it was published.")
@click.option("--recut", is_flag=True, help="Write new passage tables though codings may then point to other text.")
@formatted
@common
def ingest_command(
    files: tuple[Path, ...],
    author: str | None,
    title: str,
    year: int | None,
    recut: bool,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Cut documents into passages (.txt, .md, .html, .pdf, .docx).

    Without FILE: every document of study.toml whose original is at hand (found by its sha256, under
    any name). With FILE: takes new documents into the study first; a FILE that is a known original
    needs no further word. Of html, pdf and docx the extracted text is stored beside the original, in
    `seeds/<id>.extracted.md` (pdf: .txt), and is what the passages' offsets point into. Of several
    files, one that cannot be read is named and the others are taken.
    """
    from diptych.coding.codings import load_codings
    from diptych.documents.ingest import add_source, ingest
    from diptych.documents.read import read_document
    from diptych.errors import DocumentError
    from diptych.files import exclusive
    from diptych.study import Study

    study = find_study(folder)
    refused: list[str] = []
    with exclusive(study.state):
        study = Study.load(study.root)  # as the command before has left it
        for file in files:
            try:
                source = read_document(file)
            except DocumentError as error:
                if len(files) == 1:
                    raise
                refused.append("; ".join(filter(None, (str(error), error.hint))))
                continue
            for note in source.notes:
                talk(note)
            document = add_source(study, file, source, author=author, title=title, year=year)
            talk(f"{file} is {document.id} by {document.author}")
            study = Study.load(study.root)
        coded = load_codings(study)["passage"].unique() if not recut else ()
        found = ingest(study, coded=coded, recut=recut)
    rows = [
        {
            "document": i.document,
            "author": i.author,
            "passages": i.passages,
            "words": i.words,
            "outcome": i.outcome,
        }
        for i in found
    ]
    columns = {"document": "document", "author": "author", "passages": "passages ", "words": "words ", "outcome": ""}
    print_rows(rows, form, columns)
    if any(i.outcome in ("original not at hand", "missing") for i in found):
        talk(
            "where an original is not at hand, its passage table and digests are used; "
            "put it into seeds/ to read its text"
        )
    if refused:
        raise RowsRejected(
            "\n".join([f"{len(refused)} of {len(files)} files not taken:", *refused]), hint="the other files are taken"
        )


@click.command("status")
@click.option("--check", is_flag=True, help="Leave with exit code 1 if anything is missing, stale or broken.")
@formatted
@common
def status_command(check: bool, form: str, folder: Path | None, talk: Talk) -> None:
    """Say what is there, what is stale, and the command that mends it."""
    from diptych.status import status

    study = find_study(folder)
    rows = [
        {"what": line.what, "state": line.state, "detail": line.detail, "mend": line.mend} for line in status(study)
    ]
    if not print_data(form, {"study": study.settings.name, "root": str(study.root), "lines": rows}, rows):
        print_table(
            rows,
            {"what": "what", "state": "state", "detail": "", "mend": "to mend it"},
            title=f"{study.settings.name} in {study.root}",
        )
    if check and any(row["state"] not in ("ok", "none") for row in rows):
        raise click.exceptions.Exit(1)
