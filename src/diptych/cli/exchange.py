"""diptych import, export."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diptych.cli.options import Talk, common, find_study, set_aside

if TYPE_CHECKING:
    from diptych.study import Study


@click.command("import")
@click.argument("kind", metavar="FORMAT", type=click.Choice(["csv", "tsv", "jsonl", "label-studio"]))
@click.argument("file", metavar="FILE")
@click.option("--coder", metavar="NAME", help="Who coded (a pseudonym), where the table has no column 'coder'.")
@click.option(
    "--role",
    type=click.Choice(["coder", "adjudicator", "digest"]),
    default="coder",
    show_default=True,
    help="adjudicator: decides disputes, with a reason; digest: saw digests only.",
)
@click.option("--at", metavar="TIME", help="When it was coded, where the table has no column 'at' [default: now].")
@common
def import_command(
    kind: str, file: str, coder: str | None, role: str, at: str | None, folder: Path | None, talk: Talk
) -> None:
    """Bring codings from FILE (- is standard input) into the study.

    One row a passage with a column a facet, or one row an answer with columns facet and value.
    Further columns: passage (required), coder, role, comment, confidence, reason, at. A row is taken
    whole or rejected whole; equal answers are not written twice; a changed answer supersedes.
    """
    from diptych.coding.codings import load_codings, write_codings
    from diptych.documents.ingest import read_passages
    from diptych.errors import RecordError, StudyError, nearest
    from diptych.exchange.codings_table import read_codings
    from diptych.exchange.opening import open_input
    from diptych.exchange.tables import read_table
    from diptych.files import exclusive

    study = find_study(folder)
    if kind == "label-studio":
        _import_label_studio(study, file, coder, role, talk)
        return
    with exclusive(study.state), open_input(file) as stream:
        known = [p.passage for d in study.settings.documents for p in read_passages(study, d) or ()]
        if not known:
            raise StudyError("the study has no passages yet", hint="run `diptych ingest`")
        rows = read_table(stream, file, kind, ["passage"])
        found = read_codings(
            rows,
            study.schema,
            known,
            load_codings(study),
            coder=coder,
            role=role,
            at=at or datetime.now(UTC).isoformat(timespec="seconds"),
            origin=f"import {kind}",
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
        talk(f"{len(found.codings)} new, {found.unchanged} known before, {len(found.rejects)} rows rejected")
    if found.rejects:
        _set_aside(study.state / "rejects" / f"{Path(file).stem if file != '-' else 'stdin'}.jsonl", found.rejects)


def _set_aside(path: Path, rejects: list[Any]) -> None:
    hint = "correct these rows and import them again; the others are in"
    set_aside(path, rejects, f", line {rejects[0].line}: {rejects[0].reason}", hint=hint)


@click.command("export")
@click.argument("kind", metavar="FORMAT", type=click.Choice(["csv", "jsonl", "label-studio"]))
@click.argument("file", metavar="FILE")
@click.option("--coder", metavar="NAME", help="Fill in this coder's answers [default: empty columns, to be coded].")
@click.option("--disputed", is_flag=True, help="Only answers on which coders differ, to be adjudicated.")
@click.option("--with-originals", is_flag=True, help="The documents' own text instead of digests; not for publication.")
@common
def export_command(
    kind: str,
    file: str,
    coder: str | None,
    disputed: bool,
    with_originals: bool,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Write passages to FILE (- is standard output) as a table to code in a spreadsheet.

    With --disputed: one row an answer in dispute, with every coder's value, and empty columns value,
    reason and comment for the adjudicator. Read it back with `diptych import --role adjudicator`.
    """
    from contextlib import nullcontext

    from diptych.coding.codings import load_codings
    from diptych.coding.disputes import disputes
    from diptych.documents.passages import load_passages
    from diptych.exchange.codings_table import disputed_rows, wide_rows
    from diptych.exchange.tables import CsvWriter, JsonlWriter
    from diptych.files import atomic

    study = find_study(folder)
    if kind == "label-studio":
        _export_label_studio(study, file, with_originals, talk)
        return
    passages, codings = load_passages(study, originals=with_originals), load_codings(study)
    if disputed:
        rows = list(disputed_rows(passages, disputes(codings, study.schema)))
    else:
        rows = list(wide_rows(passages, codings, study.schema, coder))
    with nullcontext(sys.stdout) if file == "-" else atomic(Path(file)) as stream:
        writer = CsvWriter(stream) if kind == "csv" else JsonlWriter(stream)
        for row in rows:
            writer.write(row)
    if rows and not any(row["text"] for row in rows):
        talk("no passage has a text here: there are no digests; --with-originals takes the documents' own text")
    talk(f"{len(rows)} rows" + ("" if file == "-" else f" in {file}"))


def _import_label_studio(study: Study, file: str, coder: str | None, role: str, talk: Talk) -> None:
    """Read a JSON file that Label Studio exported."""
    from diptych.coding.codings import write_codings
    from diptych.exchange.opening import open_input
    from diptych.files import exclusive
    from diptych.labelstudio.files import import_tasks

    with exclusive(study.state), open_input(file) as stream:
        codings, rejects = import_tasks(study, stream, Path(file).name, coder=coder, role=role)
        if codings:
            written = write_codings(study, codings, "label-studio")
            talk(f"{written.rows} codings in {written.path.relative_to(study.root)}")
        talk(f"{len(codings)} new, {len(rejects)} annotations rejected")
    if rejects:
        _set_aside(study.state / "rejects" / f"{Path(file).stem}.jsonl", rejects)


def _export_label_studio(study: Study, file: str, with_originals: bool, talk: Talk) -> None:
    """Write the study as a JSON file that Label Studio imports."""
    import json
    from contextlib import nullcontext

    from diptych.files import atomic
    from diptych.labelstudio.files import export_tasks

    tasks = export_tasks(study, originals=with_originals)
    with nullcontext(sys.stdout) if file == "-" else atomic(Path(file)) as stream:
        json.dump(tasks, stream, ensure_ascii=False, indent=1, default=str)
        stream.write("\n")
    talk(f"{len(tasks)} tasks" + ("" if file == "-" else f" in {file}"))
