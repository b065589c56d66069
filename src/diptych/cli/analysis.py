"""diptych coverage, divergence, report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
)
from diptych.records import rows_of

_SOURCE = click.option(
    "--source",
    default="gold",
    show_default=True,
    metavar="NAME",
    help="gold, uncorrected (a classifier's predictions), or a coder's name.",
)
_BY = click.option(
    "--by",
    default="author",
    show_default=True,
    metavar="COLUMN",
    help="What is compared: author, document, section, year, publisher.",
)


@click.command("coverage")
@_SOURCE
@_BY
@click.option("--facet", metavar="NAME", help="Only this facet, or `cells` for the crossed facets.")
@formatted
@common
def coverage_command(source: str, by: str, facet: str | None, form: str, folder: Path | None, talk: Talk) -> None:
    """Print counts and shares of passages and words, by facet and by cell.

    Shares are of the labelled passages of each author (or of their words). Beside them: the same
    share by every coder, and the range over sections.
    """
    from diptych.analysis.coverage import coverage_notes
    from diptych.api import coverage
    from diptych.coding.codings import load_coders
    from diptych.documents.passages import load_passages

    study = find_study(folder)
    table = coverage(study, source=source, by=by)
    names = list(dict.fromkeys(table["facet"]))
    if facet:
        wanted = names[-1] if facet == "cells" else study.schema.facet(facet).id
        table = table[table["facet"] == wanted]
    names = [column.removeprefix("share:") for column in table.columns if column.startswith("share:")]
    model = load_coders(study).one_model(names) if names else ""
    notes = coverage_notes(table, load_passages(study, originals=False), source, by, model=model)
    rows = rows_of(table)
    if form == "json":
        print_json({"source": source, "by": by, "unit": "passage", "notes": notes, "rows": rows})
        return
    if form == "csv":
        print_csv(rows)
        return
    beside = [column for column in table.columns if column.startswith("share:")]
    for name in dict.fromkeys(table["facet"]):
        part = [row for row in rows if row["facet"] == name and (row["passages"] or " x " not in name)]
        shown = [
            {
                by: row[by],
                "value": row["value"] + (" *" if row["small"] else ""),
                "passages": f"{row['passages']} of {row['of']}",
                "share": percent(row["share"]),
                "range": "–" if row["low"] is None else f"{percent(row['low'])} to {percent(row['high'])}",
                "word_share": percent(row["word_share"]),
                **{column: percent(row[column]) for column in beside},
            }
            for row in part
        ]
        columns = {
            by: by,
            "value": name,
            "passages": "passages ",
            "share": "share ",
            "range": f"range over {part[0]['unit']}s " if part else "range ",
        }
        columns |= {column: f"{column.removeprefix('share:')} " for column in beside}
        columns["word_share"] = "share of words "
        print_table(shown, columns, title=f"{name} ({source})")
        click.echo()
    if any(row["small"] for row in rows):
        click.echo("* fewer than 5 passages in all")
    for note in notes:
        click.echo(note)


@click.command("divergence")
@_SOURCE
@_BY
@click.option(
    "--cells",
    "number_of_cells",
    default=8,
    show_default=True,
    metavar="N",
    help="How many of the largest differences are printed.",
)
@formatted
@common
def divergence_command(source: str, by: str, number_of_cells: int, form: str, folder: Path | None, talk: Talk) -> None:
    """Print how far the authors lie apart, beside the size of noise, and the cells that make it."""
    from diptych.analysis.coverage import PREDICTED
    from diptych.analysis.divergence import divergence_notes, largest
    from diptych.api import divergence
    from diptych.documents.passages import load_passages

    study = find_study(folder)
    facets, cells = divergence(study, source=source, by=by)
    documents = load_passages(study, originals=False).groupby(by, sort=False)["document"].nunique()
    notes = divergence_notes(facets, documents)
    if source == "uncorrected":
        notes.insert(0, PREDICTED)
    if form == "json":
        print_json(
            {
                "source": source,
                "by": by,
                "notes": notes,
                "facets": rows_of(facets),
                "cells": rows_of(cells),
            }
        )
        return
    if form == "csv":
        print_csv(rows_of(cells))
        return
    shown = [
        {"pair": f"{row['first']} – {row['second']}", "facet": row["facet"]}
        | {key: number(row[key]) for key in ("bits", "corrected", "noise", "noise_high")}
        for row in rows_of(facets)
    ]
    print_table(
        shown,
        {
            "pair": "between",
            "facet": "facet",
            "bits": "bits ",
            "corrected": "corrected ",
            "noise": "mean under shuffling ",
            "noise_high": "95 % point ",
        },
        title=f"Jensen-Shannon divergence in bits ({source})",
    )
    click.echo()
    rows = [
        {
            "facet": row["facet"],
            "value": row["value"],
            **{side: _side(row, side) for side in ("first", "second")},
            "difference": f"{100 * row['difference']:+.1f} points",
        }
        for row in rows_of(largest(cells, number=number_of_cells))
    ]
    print_table(
        rows,
        {
            "facet": "facet",
            "value": "value",
            "first": "first",
            "second": "second",
            "difference": "difference ",
        },
        title="Largest observed differences, first minus second",
    )
    click.echo()
    for note in notes:
        click.echo(note)


def _side(row: dict[str, Any], side: str) -> str:
    share = percent(row[f"share_{side}"], 0)
    return f"{row[side]}: {row[f'count_{side}']} of {row[f'of_{side}']} ({share})"


@click.command("report")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write it [default: report.html in the study's folder].",
)
@click.option("--with-originals", is_flag=True, help="Show the documents' own text where at hand; not for publication.")
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
@common
def report_command(out: Path | None, with_originals: bool, open_it: bool, folder: Path | None, talk: Talk) -> None:
    """Write the report: one HTML file that opens without a network.

    It carries digests, and no text of the documents unless --with-originals.
    """
    from diptych.api import write_report
    from diptych.files import exclusive

    study = find_study(folder)
    with exclusive(study.state):
        path = write_report(study, out, originals=with_originals)
    click.echo(path)
    if open_it:
        click.launch(str(path))
