"""diptych import, export."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from diptych.cli.label_studio_file import export_label_studio, import_label_studio, not_taken
from diptych.cli.options import Talk, common, find_study
from diptych.errors import number_of
from diptych.exchange.formats import FORMATS, NEIGHBOURS, TABLES

if TYPE_CHECKING:
    from diptych.exchange.neighbours.ground import Ground
    from diptych.files import Row
    from diptych.study import Study

F = TypeVar("F", bound=Callable[..., Any])


def formatted(function: F) -> F:
    """Take `[FORMAT] FILE` or `FILE --format NAME`; the command gets `words` and `given`."""
    given = click.option(
        "--format",
        "given",
        metavar="NAME",
        type=click.Choice(FORMATS),
        help=f"One of {', '.join(FORMATS)} [default: by the file's ending or content].",
    )
    return click.argument("words", metavar="[FORMAT] FILE", nargs=-1, required=True)(given(function))


@click.command("import")
@formatted
@click.option("--coder", metavar="NAME", help="Who coded (a pseudonym), where the file does not say so.")
@click.option(
    "--as",
    "accounts",
    metavar="ACCOUNT=NAME",
    multiple=True,
    help="An account of the other tool under a pseudonym; again for each.",
)
@click.option(
    "--role",
    type=click.Choice(["coder", "adjudicator", "digest"]),
    default="coder",
    show_default=True,
    help="adjudicator: decides disputes, with a reason; digest: saw digests only.",
)
@click.option("--at", metavar="TIME", help="When it was coded, where the file does not say so [default: now].")
@common
def import_command(
    words: tuple[str, ...],
    given: str | None,
    coder: str | None,
    accounts: tuple[str, ...],
    role: str,
    at: str | None,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Bring codings from FILE (- is standard input) into the study.

    Tables (csv, tsv, jsonl, excel): one row a passage with a column a facet, or one row an answer with
    columns facet and value. Further columns: passage (required), coder, role, comment, confidence,
    reason, at. Files of other tools: see docs/how-to/formats.md.

    A row is taken whole or rejected whole; equal answers are not written twice; a changed answer supersedes.
    """
    from diptych.coding.codings import load_codings, write_codings
    from diptych.errors import RecordError, nearest
    from diptych.exchange.codings_table import read_codings
    from diptych.exchange.neighbours.ground import Ground, signed
    from diptych.files import exclusive

    kind, file = _named(words, given, reading=True)
    renamed = _accounts(accounts)
    study = find_study(folder)
    if kind == "label-studio":
        import_label_studio(study, file, coder, role, talk)
        return
    with exclusive(study.state), _opened(kind, file, ground := Ground(study)) as rows:
        foreign = kind in NEIGHBOURS
        found = read_codings(
            signed(rows, coder, renamed) if foreign or renamed else rows,
            study.schema,
            ground.passages,
            load_codings(study),
            coder=coder,
            role=role,
            at=at or datetime.now(UTC).isoformat(timespec="seconds"),
            origin=f"import {kind}",
            literal=foreign,
        )
        if found.codings:
            names = {coding.coder for coding in found.codings}
            written = write_codings(study, found.codings, names.pop() if len(names) == 1 else "import")
            talk(f"{written.rows} codings in {written.path.relative_to(study.root)}")
        for column in sorted(found.unread):
            meant = nearest(column, study.schema.facet_ids)
            if meant:
                raise RecordError(f"column {column!r} is not read{meant}", hint="correct the header, then import again")
            talk(f"column {column!r} is not read")
        blank = f", {found.blank} without an answer" if found.blank else ""
        rejected = number_of(len(found.rejects), "row")
        talk(f"{len(found.codings)} new, {found.unchanged} known before, {rejected} rejected{blank}")
    if found.rejects:
        stem = Path(file).stem if file != "-" else "stdin"
        not_taken(study.state / "rejects" / f"{stem}.jsonl", found.rejects, "entry" if foreign else "line")


def _named(words: tuple[str, ...], given: str | None, *, reading: bool) -> tuple[str, str]:
    """Return format and file of a command line."""
    from diptych.errors import UsageError, nearest
    from diptych.exchange.formats import format_of

    hint = f"formats: {', '.join(FORMATS)}"
    if len(words) > 2 or (len(words) == 2 and given):
        raise UsageError(f"expected [FORMAT] FILE, found {' '.join(words)}", hint=hint)
    if len(words) == 2:
        if words[0] not in FORMATS:
            raise UsageError(f"unknown format {words[0]!r}{nearest(words[0], FORMATS)}", hint=hint)
        return words[0], words[1]
    (file,) = words
    if given is None and file in FORMATS and not Path(file).exists():
        raise UsageError(
            f"which file? {file!r} is a format", hint=f"diptych {'import' if reading else 'export'} {file} FILE"
        )
    return given or format_of(file, exists=reading), file


def _accounts(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return account → pseudonym."""
    from diptych.errors import UsageError

    found = {}
    for pair in pairs:
        account, equals, name = (part.strip() for part in pair.rpartition("="))
        if not (equals and account and name):
            raise UsageError(f"--as {pair}: expected ACCOUNT=NAME", hint="for example --as kim@example.org=kim")
        found[account] = name
    return found


@contextmanager
def _opened(kind: str, file: str, ground: Ground) -> Iterator[Iterable[Any]]:
    """Give the rows of a file."""
    from diptych.errors import UsageError
    from diptych.exchange.opening import open_input
    from diptych.exchange.tables import read_table

    if kind in NEIGHBOURS and NEIGHBOURS[kind].kind == "folder":
        if file == "-":
            raise UsageError(f"{kind} is a folder and cannot be read from standard input", hint="name the folder")
        yield NEIGHBOURS[kind].read(Path(file), ground)
        return
    with open_input(file) as stream:
        if kind in NEIGHBOURS:
            yield NEIGHBOURS[kind].read(stream, file, ground)
        elif kind == "excel":
            from diptych.exchange.neighbours.excel import read_workbook

            yield read_workbook(stream, file, ["passage"])
        else:
            yield read_table(stream, file, kind, ["passage"])


@click.command("export")
@formatted
@click.option("--coder", metavar="NAME", help="Only this coder's answers; in a table to code, filled in.")
@click.option("--codings", "every", is_flag=True, help="A table of all codings, one row an answer, not one to code.")
@click.option("--blank", is_flag=True, help="For another tool: the passages without answers, to be coded there.")
@click.option("--disputed", is_flag=True, help="Only answers on which coders differ, to be adjudicated.")
@click.option("--with-originals", is_flag=True, help="The documents' own text instead of digests; not for publication.")
@common
def export_command(
    words: tuple[str, ...],
    given: str | None,
    coder: str | None,
    every: bool,
    blank: bool,
    disputed: bool,
    with_originals: bool,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Write passages and codings to FILE (- is standard output), for a spreadsheet or for another tool.

    Tables (csv, jsonl, excel): passages to code, with empty columns a facet; with --codings all codings.
    With --disputed: one row an answer in dispute, with every coder's value, and empty columns value,
    reason and comment for the adjudicator. Read it back with `diptych import --role adjudicator`.

    Files of other tools (see docs/how-to/formats.md) hold passages with every coder's answers. Texts are digests,
    or ids where there are none, unless --with-originals is given.
    """
    from diptych.errors import UsageError

    kind, file = _named(words, given, reading=False)
    table = kind in TABLES
    for wrong, option in ((not table and every, "--codings"), (not table and disputed, "--disputed")):
        if wrong:
            raise UsageError(f"{option} goes with a table, not with {kind}", hint="csv, jsonl or excel")
    if (table and blank) or kind == "tsv":
        raise UsageError(
            "--blank is for other tools: tables are to be coded anyway" if blank else "tsv is only read",
            hint="leave it out" if blank else "write csv",
        )
    study = find_study(folder)
    if kind == "label-studio":
        export_label_studio(study, file, with_originals, talk)
    elif table:
        rows = _table(study, coder, every=every, disputed=disputed, originals=with_originals)
        _write_table(study, kind, file, rows)
        if rows and "text" in rows[0] and not any(row["text"] for row in rows):
            talk("no passage has a text here: there are no digests; --with-originals takes the documents' own text")
        talk(f"{len(rows)} rows" + ("" if file == "-" else f" in {file}"))
    else:
        _export_neighbour(study, kind, file, coder, blank=blank, originals=with_originals, talk=talk)


def _table(study: Study, coder: str | None, *, every: bool, disputed: bool, originals: bool) -> list[Row]:
    from diptych.coding.codings import load_codings
    from diptych.coding.disputes import disputes
    from diptych.documents.passages import load_passages
    from diptych.exchange.codings_table import disputed_rows, long_rows, wide_rows
    from diptych.exchange.neighbours.material import load_material

    if every:
        return list(long_rows(load_material(study, coder=coder).codings))
    passages, codings = load_passages(study, originals=originals), load_codings(study)
    if disputed:
        return list(disputed_rows(passages, disputes(codings, study.schema)))
    return list(wide_rows(passages, codings, study.schema, coder))


def _write_table(study: Study, kind: str, file: str, rows: list[Row]) -> None:
    from diptych.exchange.tables import CsvWriter, JsonlWriter

    with _target(file, "bytes" if kind == "excel" else "text") as stream:
        if kind == "excel":
            from diptych.exchange.neighbours.excel import write_workbook

            write_workbook(rows, study.schema, stream)
            return
        writer = CsvWriter(stream) if kind == "csv" else JsonlWriter(stream)
        for row in rows:
            writer.write(row)


def _export_neighbour(
    study: Study, kind: str, file: str, coder: str | None, *, blank: bool, originals: bool, talk: Talk
) -> None:
    """Write the study as another tool reads it, and say what leaves."""
    from diptych.exchange.neighbours.material import load_material

    neighbour = NEIGHBOURS[kind]
    material = load_material(study, originals=originals, coder=coder, blank=blank)
    with _target(file, neighbour.kind) as target:
        number = neighbour.write(material, target)
    talk(f"{number} {neighbour.things}" + ("" if file == "-" else f" in {file}"))
    if kind != "crowd-kit":
        more = "" if originals else " (--with-originals takes the documents' own)"
        talk(f"texts: {material.texts}{more}")


@contextmanager
def _target(file: str, kind: str) -> Iterator[Any]:
    """Give what to write to: a stream or a folder that takes its name when it is complete, or standard output."""
    from diptych.errors import UsageError
    from diptych.files import atomic, atomic_folder

    if kind == "folder":
        if file == "-":
            raise UsageError("this format is a folder and cannot go to standard output", hint="name a folder")
        with atomic_folder(Path(file)) as folder:
            yield folder
    elif file == "-":
        yield sys.stdout if kind == "text" else sys.stdout.buffer
    else:
        with atomic(Path(file), "w" if kind == "text" else "wb") as stream:
            yield stream
