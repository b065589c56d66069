"""diptych import, export, reliability, gold."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diptych.cli.options import (
    RowsRejected,
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

if TYPE_CHECKING:
    from diptych.coding.reliability import Agreement

HOW = {
    "adjudicated": "decided by an adjudicator, with a reason",
    "unanimous": "all coders gave it",
    "majority": "more than half of the coders gave it",
    "single": "the only coding",
}


@click.command("import")
@click.argument("kind", metavar="FORMAT", type=click.Choice(["csv", "tsv", "jsonl"]))
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
    from diptych.exchange.tables import open_input, read_table
    from diptych.files import exclusive

    study = find_study(folder)
    known = [p.passage for d in study.settings.documents for p in read_passages(study, d) or ()]
    if not known:
        raise StudyError("the study has no passages yet", hint="run `diptych ingest`")
    with exclusive(study.state), open_input(file) as stream:
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
        _write_rejects(study.state / "rejects" / f"{Path(file).stem if file != '-' else 'stdin'}.jsonl", found.rejects)


def _write_rejects(path: Path, rejects: list[Any]) -> None:
    from diptych.exchange.tables import reject_rows
    from diptych.files import write_jsonl

    write_jsonl(path, reject_rows(rejects))
    first = rejects[0]
    raise RowsRejected(
        f"{len(rejects)} rows rejected, see {path}; the first, line {first.line}: {first.reason}",
        hint="correct these rows and import them again; the others are in",
    )


@click.command("export")
@click.argument("kind", metavar="FORMAT", type=click.Choice(["csv", "jsonl"]))
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
    from diptych.coding.reliability import disputes
    from diptych.documents.passages import load_passages
    from diptych.exchange.codings_table import disputed_rows, wide_rows
    from diptych.exchange.tables import CsvWriter, JsonlWriter
    from diptych.files import atomic

    study = find_study(folder)
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


@click.command("reliability")
@click.option(
    "--coder",
    "coders",
    metavar="NAME",
    multiple=True,
    help="Compare these coders [default: all]; give it twice or more.",
)
@click.option("--digests", is_flag=True, help="Instead: gold against coders who saw digests only.")
@click.option("--disputes", "show_disputes", is_flag=True, help="List the answers on which coders differ.")
@formatted
@common
def reliability_command(
    coders: tuple[str, ...], digests: bool, show_disputes: bool, form: str, folder: Path | None, talk: Talk
) -> None:
    """Print percent agreement and Krippendorff's alpha for every facet."""
    from diptych.api import reliability

    study = find_study(folder)
    if show_disputes:
        _print_disputes(study, form)
        return
    found = reliability(study, coders=coders or None, digests=digests)
    rows = [agreement_row(a) for a in found]
    if form == "json":
        print_json({"kind": found[0].kind, "coders": found[0].coders, "facets": rows})
        return
    if form == "csv":
        print_csv(rows)
        return
    shown = [
        row
        | {
            "share": percent(row["share"]),
            "alpha": number(row["alpha"]),
            "ordinal_alpha": number(row["ordinal_alpha"]) if row["ordinal_alpha"] is not None else "",
            "agreed": f"{row['agreed']} of {row['pairs']}",
            "ordinal": f"{row['ordinal_units']} ({row['left_out']} left out)"
            if row["ordinal_units"] or row["left_out"]
            else "",
        }
        for row in rows
    ]
    columns = {
        "facet": "facet",
        "units": "passages ",
        "agreed": "agreed ",
        "share": "agreement ",
        "alpha": "alpha (nominal) ",
    }
    if any(row["ordinal"] for row in shown):
        columns |= {"ordinal_alpha": "alpha (ordinal) ", "ordinal": "on scored values"}
    print_table(shown, columns, title=f"{found[0].kind[:1].upper()}{found[0].kind[1:]}: {', '.join(found[0].coders)}")
    for row in rows:
        if row["note"]:
            click.echo(f"{row['facet']}: {row['note']}")
    talk("alpha: Krippendorff's; 1 perfect, 0 chance. Ordinal: over passages where all coders gave a scored value.")


def agreement_row(agreement: Agreement) -> dict[str, Any]:
    """One facet's agreement as a row."""
    return {
        "facet": agreement.facet,
        "units": agreement.units,
        "pairs": agreement.pairs,
        "agreed": agreement.agreed,
        "share": agreement.share,
        "alpha": agreement.alpha,
        "ordinal_alpha": agreement.ordinal_alpha,
        "ordinal_units": agreement.ordinal_units,
        "left_out": agreement.left_out,
        "note": agreement.note,
    }


def _print_disputes(study: Any, form: str) -> None:
    from diptych.coding.codings import load_codings
    from diptych.coding.reliability import disputes

    found = disputes(load_codings(study), study.schema)
    if form == "json":
        print_json(found)
        return
    rows = [
        {
            "passage": d["passage"],
            "facet": d["facet"],
            **d["values"],
            "adjudicated": d["adjudicated"] or "",
            "reason": d["reason"],
            "why": d["why"],
        }
        for d in found
    ]
    if form == "csv":
        print_csv(rows)
        return
    names = list(dict.fromkeys(name for d in found for name in d["values"]))
    print_table(rows, {name: name for name in ("passage", "facet", *names, "adjudicated", "reason", "why")})


@click.command("gold")
@formatted
@common
def gold_command(form: str, folder: Path | None, talk: Talk) -> None:
    """Derive gold labels: adjudicated, else unanimous, else majority, else single."""
    from diptych.coding.gold import RULE, write_gold
    from diptych.files import exclusive
    from diptych.lock import record_step

    study = find_study(folder)
    with exclusive(study.state):
        gold = write_gold(study)
        record_step(study, "gold", {"gold": study.gold_file})
    rows = []
    for facet in study.schema.facet_ids:
        ways = gold.loc[gold["facet"] == facet, "how"].tolist()
        rows.append({"facet": facet, **{how: ways.count(how) for how in RULE}, "labels": len(ways)})
    if form == "json":
        print_json(rows)
    elif form == "csv":
        print_csv(rows)
    else:
        print_table(rows, {"facet": "facet", **{how: f"{how} " for how in RULE}, "labels": "labels "})
    talk(f"written to {study.gold_file.relative_to(study.root)}")


@click.command("sample")
@click.option("--size", type=int, required=True, metavar="N", help="How many passages to code next.")
@click.option("--equal", is_flag=True, help="Equal chances for all, instead of the model's uncertainty.")
@click.option("--seed", type=int, help="[default: the study's]")
@formatted
@common
def sample_command(size: int, equal: bool, seed: int | None, form: str, folder: Path | None, talk: Talk) -> None:
    """Draw the passages to code next, by chance, and record every one's inclusion probability.

    Drawn from the passages nobody has coded. Chances grow with the model's uncertainty over all facets,
    never below a floor, and the draw is spread over authors and predicted cells.
    """
    from diptych.coding.sampling import write_sample
    from diptych.files import exclusive
    from diptych.labelstudio.plan import draw_next

    study = find_study(folder)
    with exclusive(study.state):
        sample = draw_next(study, size=size, equal=equal, seed=seed)
        path = write_sample(study, sample)
    rows = [
        {"passage": passage, "pi": round(pi, 6), "stratum": stratum}
        for passage, pi, stratum in zip(sample.passages, sample.probabilities, sample.strata, strict=True)
    ]
    if form == "json":
        print_json(
            {"name": sample.name, "design": sample.design, "seed": sample.seed, "pool": sample.pool, "passages": rows}
        )
    elif form == "csv":
        print_csv(rows)
    else:
        print_table(rows, {"passage": "passage", "pi": "inclusion probability ", "stratum": "stratum"})
    talk(f"{len(rows)} of {sample.pool} uncoded passages, {sample.design}; {path.relative_to(study.root)}")
    talk(f"send them: diptych studio push --sample {path.relative_to(study.root)}")
