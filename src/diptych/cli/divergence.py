"""diptych divergence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from diptych.cli.analysis import BY, SOURCE, WHERE, print_about, table_title, where_of
from diptych.cli.options import Talk, common, find_study, formatted, number, percent, print_data, print_table
from diptych.cli.predictions import archived, basis_of
from diptych.errors import UsageError
from diptych.records import rows_of


@click.command("divergence")
@SOURCE
@BY
@WHERE
@click.option(
    "--cells",
    "number_of_cells",
    default=8,
    show_default=True,
    metavar="N",
    help="How many of the largest differences are printed.",
)
@click.option(
    "--wording", is_flag=True, help="Also what only originals tell: distinctive words, telling authors apart."
)
@archived
@formatted
@common
def divergence_command(
    source: str,
    by: str,
    conditions: tuple[str, ...],
    number_of_cells: int,
    wording: bool,
    archive: Mapping[str, Any],
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Print how far the authors lie apart, beside the size of noise, and the cells that make it."""
    from diptych.analysis.divergence import divergence, divergence_notes
    from diptych.analysis.stance import WITHIN, score_differences
    from diptych.analysis.statements import MEANING, stated, statement

    if wording and archive["path"] is not None:
        raise UsageError("--wording needs the originals of the study's documents, and --predictions are of others")
    study = find_study(folder)
    where = where_of(conditions)
    basis = basis_of(study, archive, where, source=source, by=by, talk=talk)
    evidence, left, source = basis.evidence, basis.left, basis.source
    part = evidence.only(left)
    facets, cells = divergence(part, study.schema, by=by, seed=study.settings.seed)
    scores = score_differences(part, study.schema, by=by)
    about = statement(evidence, by, left)
    notes = [MEANING[evidence.situation], *divergence_notes(facets), *basis.notes]
    if len(scores):
        frame = next((facet.name.lower() for facet in study.schema.cells), "group")
        notes.append(WITHIN.format(facet=frame))
    words = _wording(study, by) if wording else {}
    whole = {
        "source": source,
        "by": by,
        "where": where,
        **about.lines(),
        "notes": notes,
        "facets": rows_of(facets),
        "cells": rows_of(cells),
        "scores": rows_of(scores),
        **words,
    }
    if not print_data(form, whole, stated(rows_of(cells), source, part, by, left)):
        _print_divergence(facets, cells, scores, table_title(source, about.situation), number_of_cells)
        if wording:
            from diptych.cli.wording import print_wording

            print_wording(words)
        print_about(about, notes)
    if form == "csv":
        for note in basis.notes:
            talk(note)
    basis.finish()


def _wording(study: Any, by: str) -> dict[str, Any]:
    from diptych.analysis.wording import wording_tables

    return wording_tables(study, by=by)


def _print_divergence(facets: Any, cells: Any, scores: Any, title: str, number_of_cells: int) -> None:
    from diptych.analysis.divergence import EVERYONE, largest

    tested = bool(facets["p"].notna().any())
    figures = ("bits", "distance", "corrected", "noise", "noise_high", "total_variation", "p")
    print_table(
        [
            {"pair": "all together" if row["first"] == EVERYONE else _pair(row), "facet": row["facet"]}
            | {key: number(row[key]) for key in figures}
            for row in rows_of(facets)
        ],
        {
            "pair": "between",
            "facet": "facet",
            "bits": "bits ",
            "distance": "distance ",
            "corrected": "corrected ",
            "noise": "mean under shuffling ",
            "noise_high": "95 % point ",
            "total_variation": "total variation ",
            **({"p": "p "} if tested else {}),
        },
        title=f"Jensen-Shannon divergence in bits ({title})",
    )
    click.echo()
    adjusted = {"p": "p ", "p_bh": "BH ", "p_holm": "Holm ", "p_max_t": "max-T "} if tested else {}
    print_table(
        [
            {
                "facet": row["facet"],
                "value": row["value"],
                **{side: _side(row, side) for side in ("first", "second")},
                "difference": f"{100 * row['difference']:+.1f} points",
                "interval": _points(row["low"], row["high"]),
                "signed": number(row["signed"]),
                **{name: number(row[name]) for name in adjusted},
            }
            for row in rows_of(largest(cells, number=number_of_cells))
        ],
        {
            "facet": "facet",
            "value": "value",
            "first": "first",
            "second": "second",
            "difference": "difference ",
            **({"interval": "95 % interval "} if tested else {}),
            "signed": "part in bits ",
            **adjusted,
        },
        title="Largest observed differences, first minus second",
    )
    click.echo()
    if len(scores):
        _print_scores(scores)


def _print_scores(scores: Any) -> None:
    shown = [
        {"within": row["within"], "pair": _pair(row), "delta": number(row["delta"], 2)}
        | {
            side: f"{number(row[f'mean_{side}'], 2)} ({row[f'scored_{side}']} scored, "
            f"{percent(row[f'unscored_{side}'], 0)} unscored)"
            for side in ("first", "second")
        }
        for row in rows_of(scores)
    ]
    columns = {
        "within": "within",
        "pair": "between",
        "delta": "Cliff's delta ",
        "first": "mean, first",
        "second": "mean, second",
    }
    print_table(shown, columns, title=f"{scores['facet'].iloc[0]}: first against second, within one group")
    click.echo()


def _points(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{100 * low:+.1f} to {100 * high:+.1f}"


def _side(row: dict[str, Any], side: str) -> str:
    share = percent(row[f"share_{side}"], 0)
    return f"{row[side]}: {row[f'count_{side}']} of {row[f'of_{side}']} ({share})"


def _pair(row: Mapping[str, Any]) -> str:
    return f"{row['first']} – {row['second']}"
