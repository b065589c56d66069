"""diptych reliability, gold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diptych.cli.options import (
    Talk,
    common,
    find_study,
    formatted,
    number,
    percent,
    print_data,
    print_rows,
    print_table,
)

if TYPE_CHECKING:
    from diptych.study import Study

BREAKDOWNS = (
    "value",
    "pair",
    "document",
    "author",
    "coefficient",
    "confusion",
    "dispute",
    "coder",
    "suggestion",
)
HOW = {
    "adjudicated": "decided by an adjudicator, with a reason",
    "unanimous": "all coders gave it",
    "majority": "more than half of the coders gave it",
    "single": "the only coding",
}


@click.command("reliability")
@click.option(
    "--coder",
    "coders",
    metavar="NAME",
    multiple=True,
    help="Compare these coders [default: all]; give it twice or more.",
)
@click.option("--digests", is_flag=True, help="Instead: gold against coders who saw digests only.")
@click.option(
    "--by",
    type=click.Choice(BREAKDOWNS),
    help="Take it apart: by value, pair, document, author, coefficient, confusion between coders, disputed "
    "passages, each coder's progress, or what suggestions do.",
)
@click.option(
    "--consensus",
    "method",
    type=click.Choice(["majority", "dawid-skene"]),
    help="Instead: what the coders say together, with its certainty; dawid-skene needs the extra `consensus`.",
)
@click.option("--disputes", "show_disputes", is_flag=True, help="List the answers on which coders differ.")
@formatted
@common
def reliability_command(
    coders: tuple[str, ...],
    digests: bool,
    by: str | None,
    method: str | None,
    show_disputes: bool,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Print percent agreement and Krippendorff's alpha for every facet."""
    from diptych.api import reliability

    study = find_study(folder)
    if show_disputes:
        _print_disputes(study, form)
        return
    if by is not None and method is not None:
        raise click.UsageError("--by and --consensus are two different tables: ask for one")
    if by is not None or method is not None:
        _print_breakdown(study, by or "", method, coders, form, talk)
        return
    found = reliability(study, coders=coders or None, digests=digests)
    rows = [a.row() for a in found]
    if print_data(form, {"kind": found[0].kind, "coders": found[0].coders, "facets": rows}, rows):
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


def _print_breakdown(study: Study, by: str, method: str | None, coders: tuple[str, ...], form: str, talk: Talk) -> None:
    from diptych.coding import breakdown
    from diptych.coding.coders import load_coders
    from diptych.coding.codings import load_codings
    from diptych.coding.consensus import consensus
    from diptych.coding.reliability import of_coders
    from diptych.documents.ingest import read_passages

    codings, schema = of_coders(load_codings(study), coders), study.schema
    places = {p.passage: d for d in study.settings.documents for p in read_passages(study, d) or ()}
    if method is not None:
        rows = consensus(codings, schema, method)
    elif by == "coder":
        rows = breakdown.progress(load_codings(study, history=True), codings, len(places))
    else:
        rows = {
            "value": lambda: breakdown.by_value(codings, schema, seed=study.settings.seed),
            "pair": lambda: breakdown.by_pair(codings, schema),
            "document": lambda: breakdown.by_document(codings, schema, {p: d.id for p, d in places.items()}),
            "author": lambda: breakdown.by_author(codings, schema, {p: d.author for p, d in places.items()}),
            "coefficient": lambda: breakdown.by_coefficient(codings, schema, seed=study.settings.seed),
            "confusion": lambda: breakdown.confusion(codings, schema),
            "dispute": lambda: breakdown.by_dispute(codings, schema),
            "suggestion": lambda: breakdown.suggestion_effects(codings, schema),
        }[by]()
    if not rows:
        agreed = by == "dispute" and len(codings)
        talk("the coders agree on everything" if agreed else "there is nothing to compare yet")
    if not print_data(form, rows, rows) and rows:
        shown = [{key: _shown(key, value) for key, value in row.items()} for row in rows]
        if method is not None:
            shown = [line | {"value": row["value"] or "undecided"} for line, row in zip(shown, rows, strict=True)]
        print_table(shown, {key: key.replace("_", " ") for key in rows[0]})
    names = sorted(codings.loc[codings["role"] == "coder", "coder"].unique())
    if load_coders(study).one_model(names) and by != "coder":
        talk("repeat agreement of one language model following the codebook")


def _shown(key: str, value: Any) -> str:
    if key.startswith(("share", "kept_share")):
        return percent(value)
    if key.startswith("alpha") or isinstance(value, float) or value is None:
        return number(value) if key != "seconds" else number(value, 0)
    return str(value)


def _print_disputes(study: Any, form: str) -> None:
    from diptych.coding.codings import load_codings
    from diptych.coding.disputes import dispute_rows, disputes

    found = disputes(load_codings(study), study.schema)
    rows = dispute_rows(found)
    if not print_data(form, found, rows):
        print_table(rows, {name: name for name in rows[0]} if rows else {})


@click.command("gold")
@formatted
@common
def gold_command(form: str, folder: Path | None, talk: Talk) -> None:
    """Derive gold labels: adjudicated, else unanimous, else majority, else single."""
    from diptych.coding.gold import RULE, write_gold
    from diptych.files import exclusive

    study = find_study(folder)
    with exclusive(study.state):
        gold = write_gold(study)
    rows = []
    for facet in study.schema.facet_ids:
        ways = gold.loc[gold["facet"] == facet, "how"].tolist()
        rows.append({"facet": facet, **{how: ways.count(how) for how in RULE}, "labels": len(ways)})
    print_rows(rows, form, {"facet": "facet", **{how: f"{how} " for how in RULE}, "labels": "labels "})
    talk(f"written to {study.gold_file.relative_to(study.root)}")
