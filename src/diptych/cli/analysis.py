"""diptych coverage, and what it shares with divergence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diptych.cli.options import (
    Talk,
    common,
    find_study,
    formatted,
    percent,
    print_data,
    print_table,
)
from diptych.cli.predictions import archived, basis_of
from diptych.errors import UsageError
from diptych.records import rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from diptych.analysis.statements import Statement

SOURCE = click.option(
    "--source",
    default="gold",
    show_default=True,
    metavar="NAME",
    help="gold, corrected (a classifier's predictions and a probability sample of coded passages), uncorrected "
    "(predictions alone; the default with --predictions), or a coder's name.",
)
BY = click.option(
    "--by",
    default="author",
    show_default=True,
    metavar="COLUMN",
    help="What is compared: author, document, section, year, publisher, or a further column of study.toml.",
)
WHERE = click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only passages with this value of a facet or column; may be given more than once.",
)


def where_of(conditions: Sequence[str]) -> dict[str, str]:
    """Read `name=value` options."""
    found = {}
    for text in conditions:
        name, equals, value = text.partition("=")
        if name.strip() in found:
            raise UsageError(f"--where names {name.strip()!r} twice: a passage has one value of it")
        if not equals or not name or not value:
            raise UsageError(f"--where {text!r} is not NAME=VALUE", hint="a facet or column, =, a value")
        found[name.strip()] = value.strip()
    return found


@click.command("coverage")
@SOURCE
@BY
@WHERE
@click.option("--facet", metavar="NAME", help="Only this facet, or `cells` for the crossed facets.")
@click.option("--merge-small", is_flag=True, help="Put cells of fewer than 5 coded passages together.")
@archived
@formatted
@common
def coverage_command(
    source: str,
    by: str,
    conditions: tuple[str, ...],
    facet: str | None,
    merge_small: bool,
    archive: Mapping[str, Any],
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Print counts and shares of passages and words, by facet and by cell.

    Where everything is coded, shares are counted; beside them the same share by every coder, and the range
    over sections. Where a probability sample is coded (`diptych sample`), they are estimated, with intervals.
    With --predictions they are of an archive of any size.
    """
    from diptych.analysis.statements import coverage_notes, stated, statement
    from diptych.api import coverage_of
    from diptych.coding.coders import load_coders

    study = find_study(folder)
    where = where_of(conditions)
    basis = basis_of(study, archive, where, source=source, by=by, facet=facet, talk=talk)
    evidence, left, source = basis.evidence, basis.left, basis.source
    table = coverage_of(study, evidence, left, source=source, by=by, merge_small=merge_small)
    names = list(dict.fromkeys(table["facet"]))
    if facet:
        wanted = " x ".join(f.id for f in study.schema.cells) if facet == "cells" else study.schema.facet(facet).id
        if wanted not in names:
            raise UsageError(f"there is no table of {wanted}: --where fixes a facet of it", hint="name another facet")
        table = table[table["facet"] == wanted]
    coders = [column.removeprefix("share:") for column in table.columns if column.startswith("share:")]
    notes = coverage_notes(table, evidence, by, model=load_coders(study).one_model(coders) if coders else "")
    notes += basis.notes
    about = statement(evidence, by, left)
    rows = rows_of(table)
    whole = {"source": source, "by": by, "where": where, **about.lines(), "notes": notes, "rows": rows}
    if not print_data(form, whole, stated(rows, source, evidence, by, left)):
        _print_coverage(rows, by, table_title(source, about.situation), coders)
        print_about(about, notes)
    if form == "csv":
        for note in basis.notes:
            talk(note)
    basis.finish()


def _print_coverage(rows: Sequence[dict[str, Any]], by: str, title: str, coders: Sequence[str]) -> None:
    estimated = any(row["low"] is not None for row in rows)
    for name in dict.fromkeys(row["facet"] for row in rows):
        part = [row for row in rows if row["facet"] == name and (row["passages"] or row["blind"] or " x " not in name)]
        shown = [
            {
                by: row[by],
                "value": row["value"] + (" *" if row["small"] else "") + (" ∅" if row["blind"] else ""),
                "passages": f"{row['passages']} of {row['of']}",
                "population": row["population"],
                "share": _share(row["share"]),
                "interval": _span(row["low"], row["high"]),
                "range": _span(row["range_low"], row["range_high"]),
                "word_share": _share(row["word_share"]),
                **{coder: percent(row[f"share:{coder}"]) for coder in coders},
            }
            for row in part
        ]
        columns = {by: by, "value": name, "passages": "coded passages " if estimated else "passages "}
        if estimated:
            columns |= {"population": "of all ", "share": "share ", "interval": "95 % interval "}
        else:
            columns |= {"share": "share "}
        columns |= {"range": f"range over {part[0]['unit']}s " if part else "range "}
        columns |= {coder: f"{coder} " for coder in coders}
        if any(row["words_of"] for row in part):
            columns["word_share"] = "share of words "
        print_table(shown, columns, title=f"{name} ({title})")
        click.echo()
    if any(row["small"] for row in rows):
        click.echo("* fewer than 5 coded passages in all (--merge-small puts such cells together)")


def table_title(source: str, situation: str) -> str:
    """Name what a table rests on."""
    return source if situation in (source, "prediction") else f"{source}: {situation}"


def _share(share: float | None) -> str:
    return "none" if share is None else percent(min(max(share, 0.0), 1.0))


def _span(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{percent(low)} to {percent(high)}"


def print_about(about: Statement, notes: Sequence[str]) -> None:
    """Print estimand, population, unit and weights, and the notes."""
    for name, line in about.lines().items():
        if name != "situation":
            click.echo(f"{name}: {line}")
    for note in notes:
        click.echo(note)
