"""How the tables that need originals are printed."""

from __future__ import annotations

from typing import Any

import click

from diptych.cli.options import number, print_table


def print_wording(found: dict[str, Any]) -> None:
    """Print distinctive words, accuracy lost across authors, and how well authors are told apart."""
    if not found["available"]:
        click.echo(f"wording: {found['reason']}")
        click.echo()
        return
    lines = [
        {
            "cell": row["cell"],
            "word": row["word"],
            "count": f"{row['count_first']} – {row['count_second']}",
            "z": number(row["z"], 1),
            "chance": number(row["chance"], 1),
        }
        for row in found["words"]
        if abs(row["z"]) > row["chance"]
    ]
    print_table(
        lines,
        {"cell": "in", "word": "word", "count": "uses, first – second ", "z": "z ", "chance": "largest |z| by chance "},
        title="Distinctive words (those above chance; above 0: the first author's)",
    )
    click.echo()
    by = next((name for name in (found["lost"][0] if found["lost"] else {}) if name not in _LOST), "author")
    print_table(
        [row | {name: number(row[name], 2) for name in ("within", "across", "lost")} for row in found["lost"]],
        {
            by: by,
            "facet": "facet",
            "within": "macro-F1, cross-validated ",
            "across": "from the others alone ",
            "lost": "lost ",
        },
        title="Accuracy lost across authors",
    )
    click.echo()
    print_table(
        [row | {"accuracy": number(row["accuracy"], 2)} for row in found["telling"]],
        {"cell": "in", "first": "first", "second": "second", "passages": "passages ", "accuracy": "told apart "},
        title="Telling the authors apart",
    )
    click.echo()
    for note in found["notes"]:
        click.echo(note)


_LOST = ("facet", "within", "across", "lost")
