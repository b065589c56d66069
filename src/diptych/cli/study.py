"""diptych init, status, ingest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from diptych.study import Study


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
@click.option(
    "--check",
    is_flag=True,
    help="Examine installation and study closely; leave with exit code 1 if anything is missing, stale or wrong.",
)
@click.option("--server", is_flag=True, help="With --check: ask the study's Label Studio, too. Nothing else is asked.")
@formatted
@common
def status_command(check: bool, server: bool, form: str, folder: Path | None, talk: Talk) -> None:
    """Say what is there, what is stale, and the command that mends it.

    With --check: also versions and extras of this installation, hashes of passages, codings and results, codings and
    labels of passages that are gone, codings made with another codebook, and what killed commands left. Nothing is
    changed; every finding names what mends it. Warnings leave the exit code 0.
    """
    from diptych.errors import NoStudyError
    from diptych.status import status

    if server and not check:
        raise click.UsageError("--server goes with --check")
    try:
        study = find_study(folder)
    except NoStudyError:
        if not check or folder is not None:
            raise
        study = None
        talk("no study here: only the installation is examined")
    lines = [] if study is None else status(study)
    rows = [{"what": line.what, "state": line.state, "detail": line.detail, "mend": line.mend} for line in lines]
    found = _examined(study, server=server) if check else []
    whole = {
        "study": study.settings.name if study else None,
        "root": str(study.root) if study else None,
        "lines": rows,
        **({"findings": found} if check else {}),
    }
    listed = [
        *rows,
        *({"what": f["what"], "state": f["severity"], "detail": f["detail"], "mend": f["mend"]} for f in found),
    ]
    if not print_data(form, whole, listed):
        columns = {"what": "what", "state": "state", "detail": "", "mend": "to mend it"}
        print_table(listed, columns, title=f"{study.settings.name} in {study.root}" if study else "")
        if check and not found:
            click.echo("nothing else was found")
    if check and any(row["state"] not in ("ok", "none", "warning") for row in listed):
        raise click.exceptions.Exit(1)


def _examined(study: Study | None, *, server: bool) -> list[dict[str, str]]:
    """What a close look finds in the installation, in a study, and on its server."""
    from dataclasses import asdict

    from diptych.check import check
    from diptych.installation import installation

    found = installation()
    if study is not None:
        found += check(study)
        if server:
            from diptych.labelstudio.examine import examine

            found += examine(study)
    return [asdict(finding) for finding in found]
