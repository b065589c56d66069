"""diptych schema check, show, codebook, json-schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from diptych.cli.options import (
    Talk,
    common,
    find_study,
    formatted,
    print_data,
    print_json,
    print_table,
    talking,
)

if TYPE_CHECKING:
    from diptych.schema import Schema


@click.group("schema")
def schema_command() -> None:
    """Check, show or print the codebook."""


def _load(file: Path | None, folder: Path | None) -> Schema:
    from diptych.schema import Schema

    return Schema.load(file) if file else find_study(folder).schema


_FILE = click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))


@schema_command.command("check")
@_FILE
@common
def check(file: Path | None, folder: Path | None, talk: Talk) -> None:
    """Say whether a schema holds together; name every fault with its place."""
    schema = _load(file, folder)
    values = sum(len(facet.values) for facet in schema.facets)
    hashes = f"structure {schema.structure_hash}, wording {schema.wording_hash}"
    click.echo(f"{schema.reference}: {len(schema.facets)} facets, {values} values, {hashes}")


@schema_command.command("show")
@_FILE
@formatted
@common
def show(file: Path | None, form: str, folder: Path | None, talk: Talk) -> None:
    """Print facets and values as a table."""
    schema = _load(file, folder)
    rows = [
        {
            "facet": facet.id,
            "scale": facet.scale,
            "value": value.id,
            "score": "" if value.score is None else f"{value.score:g}",
            "role": value.role or "",
            "hotkey": value.hotkey or "",
            "definition": value.definition,
        }
        for facet in schema.facets
        for value in facet.values
    ]
    if not print_data(form, schema.as_data(), rows):
        print_table(rows, {name: name for name in rows[0]}, title=schema.reference)


@schema_command.command("codebook")
@_FILE
@common
def codebook(file: Path | None, folder: Path | None, talk: Talk) -> None:
    """Print the schema as prose for coders, in Markdown."""
    from diptych.codebook import codebook_markdown

    click.echo(codebook_markdown(_load(file, folder)), nl=False)


@schema_command.command("json-schema")
@talking
def json_schema(talk: Talk) -> None:
    """Print the JSON Schema of schema files, for editors that check while one types."""
    from diptych.schema import Schema

    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A diptych schema"}
    print_json(title | Schema.model_json_schema(by_alias=True))


@schema_command.command("label-config")
@_FILE
@click.option("--adjudicate", is_flag=True, help="For a project of disputed passages.")
@common
def label_config(file: Path | None, adjudicate: bool, folder: Path | None, talk: Talk) -> None:
    """Print the labelling interface as Label Studio's XML."""
    from diptych.exchange.label_config import label_config as config

    click.echo(config(_load(file, folder), adjudicate=adjudicate))


@schema_command.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@formatted
@common
def diff_command(old: Path, new: Path, form: str, folder: Path | None, talk: Talk) -> None:
    """Say what changed from OLD to NEW, and what codings would not survive it."""
    from dataclasses import asdict

    from diptych.schema_diff import diff

    changes = diff(_load(old, folder), _load(new, folder))
    rows = [asdict(change) for change in changes]
    if not rows:
        talk("nothing changed")
    if not print_data(form, rows, rows) and rows:
        shown = [row | {"safe": "yes" if row["safe"] else "NO"} for row in rows]
        columns = {
            "kind": "change",
            "facet": "facet",
            "old": "old",
            "new": "new",
            "safe": "codings survive",
            "detail": "",
        }
        print_table(shown, columns)
    lost = sum(not change.safe for change in changes)
    if lost:
        talk(f"{lost} of these would orphan codings or change what they mean")
