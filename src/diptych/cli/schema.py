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
    print_csv,
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
    if form == "json":
        print_json(schema.model_dump(mode="json", by_alias=True))
        return
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
    if form == "csv":
        print_csv(rows)
        return
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
