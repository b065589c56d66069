"""Write the generated pages of docs/reference; with --check, say whether they are up to date.

commands.md from `--help`, settings.md from the models that check `study.toml` and schema files, rest.md from the
OpenAPI of `diptych serve`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from diptych.cli.main import diptych
from diptych.coding.coders import Coder
from diptych.schema import Facet, Schema, Value
from diptych.service.app import create_app
from diptych.service.settings import Settings as ServiceSettings
from diptych.service.shapes import ClassifyRequest
from diptych.study import Document, Settings

FOLDER = Path(__file__).parent / "reference"
COMMANDS = """\
# Command line reference

Made from `--help` by `python docs/make_reference.py`; the gate compares it.

Every command takes `--study DIR` (default: the nearest `study.toml` upward), `--quiet` and `--debug`.
Data goes to standard output, talk to standard error. Exit codes: 0 done; 1 failed; 2 wrong usage;
3 finished, but some rows were rejected (their file is named); 130 interrupted.
"""
SETTINGS = """\
# study.toml and schema files

Every key that may stand in these files. Made from the models that check them, by `python docs/make_reference.py`.
An unknown key is an error that names the nearest known one. [Files of a study](files.md) says what else there is.
"""
TABLES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("study.toml", "At the top of the file.", Settings),
    ("study.toml: `[[documents]]`", "One block a document; `diptych ingest FILE --author NAME` adds it.", Document),
    ("Schema file (YAML)", "`diptych schema check FILE` names every fault with its line.", Schema),
    ("Schema file: a facet", "In the list `facets`.", Facet),
    ("Schema file: a value", "In the list `values` of a facet.", Value),
    ("annotations/coders.toml: `[coders.NAME]`", "Who a coder is. Names and addresses do not belong here.", Coder),
)
REST = """\
# REST API

What `diptych serve` answers, made from its OpenAPI by `python docs/make_reference.py`. The running server gives the
whole of it at `/openapi.json`, with every shape; [Serve a model](../how-to/serve.md) says how to start it and who may
call.
"""


WHAT = {
    ("Settings", "format"): "of this file",
    ("Settings", "name"): "short name of the study",
    ("Settings", "title"): "as the report says it",
    ("Settings", "schema"): "the schema file, from this folder",
    ("Settings", "seed"): "of every random draw",
    ("Settings", "documents"): "the source texts",
    ("Document", "id"): "short name; passages are called `<id>:<nnn>`",
    ("Document", "author"): "who wrote it; the report compares authors",
    ("Document", "title"): "of the document",
    ("Document", "publisher"): "a column to compare by",
    ("Document", "year"): "of publication, a column to compare by",
    ("Document", "language"): "a code such as `en`",
    ("Schema", "format"): "of this file",
    ("Schema", "name"): "of the codebook; codings carry it with the version",
    ("Schema", "version"): "raise it with every change",
    ("Schema", "title"): "for readers",
    ("Schema", "about"): "the first paragraph of the codebook",
    ("Schema", "facets"): "the questions, in order",
    ("Facet", "id"): "short name, a column of every table",
    ("Facet", "label"): "name for readers; default: the id with a capital letter",
    ("Facet", "question"): "what a coder is asked of every passage",
    ("Facet", "type"): "`multiple` is read as one yes/no facet a value",
    ("Facet", "scale"): "`ordinal`: values have scores",
    ("Facet", "values"): "the allowed answers",
    ("Facet", "was"): "earlier names",
    ("Value", "use_when"): "for coders",
    ("Value", "avoid_when"): "for coders",
    ("Value", "examples"): "for coders",
    ("Value", "hotkey"): "the key in Label Studio",
    ("Coder", "kind"): "people and language models are never mixed up",
}


def command_page() -> str:
    """Return the help of every command."""
    return "\n".join([COMMANDS, *_help(diptych, "diptych")])


def _help(command: click.Command, name: str, parent: click.Context | None = None) -> list[str]:
    """The help of a command and of its subcommands as Markdown."""
    context = click.Context(command, info_name=name, parent=parent, max_content_width=90, terminal_width=90)
    path = context.command_path
    text = [f"## {path}\n\n```text\n{command.get_help(context).strip()}\n```\n"]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                text += _help(found, child, context)
    return text


def settings_page() -> str:
    """Return a table a model: key, what may stand there, what it is."""
    parts = [SETTINGS]
    for title, about, model in TABLES:
        described = model.model_json_schema(by_alias=True)
        must = described.get("required", [])
        rows = ["| key | what may stand there | default | what it is |", "| --- | --- | --- | --- |"]
        for key, shape in described["properties"].items():
            default = "*required*" if key in must else _default(shape)
            rows.append(f"| `{key}` | {_kind(shape)} | {default} | {_about(shape, model, key)} |")
        parts.append(f"## {title}\n\n{about}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _default(shape: dict[str, Any]) -> str:
    default = shape.get("default")
    return f"`{json.dumps(default)}`" if default not in (None, "", [], {}) else ""


def _about(shape: dict[str, Any], model: type[BaseModel], key: str) -> str:
    """The title that somebody wrote (pydantic's own repeats the key), else what stands in WHAT."""
    title = str(shape.get("title", ""))
    known = WHAT.get((model.__name__, key), "")
    return known if title.replace(" ", "_").rstrip("_").casefold() == key else title


def _kind(shape: dict[str, Any]) -> str:
    """What may stand there, in words."""
    options = [one for one in shape.get("anyOf", [shape]) if one.get("type") != "null"]
    return " or ".join(_one_kind(option) for option in options)


def _one_kind(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        return "a table as below"
    if "const" in shape:
        return f"`{shape['const']}`"
    if "enum" in shape:
        return ", ".join(f"`{value}`" for value in shape["enum"])
    match shape.get("type"):
        case "array":
            return _list_of(shape.get("items", {}))
        case "object":
            return "a table"
        case "integer":
            return f"a whole number{_bounds(shape)}"
        case "number":
            return "a number"
        case "boolean":
            return "true or false"
    if "pattern" in shape and "maxLength" not in shape:
        return f"text like `{shape['pattern'].replace('|', chr(92) + '|')}`"
    return "one character" if shape.get("maxLength") == 1 else "text"


def _list_of(inner: dict[str, Any]) -> str:
    if "prefixItems" in inner:
        return "a list of pairs"
    kind = _kind(inner)
    return "a list of " + kind.removeprefix("a ").replace("table", "tables", 1)


def _bounds(shape: dict[str, Any]) -> str:
    low = shape.get("minimum")
    high = shape.get("maximum", shape["exclusiveMaximum"] - 1 if "exclusiveMaximum" in shape else None)
    return f" from {low}" + (f" to {high}" if high is not None else "") if low is not None else ""


def rest_page() -> str:
    """Return every call: what it is for, what it takes, which codes it answers with, and the shapes."""
    described = create_app(ServiceSettings()).openapi()
    parts = [REST]
    for path, calls in described["paths"].items():
        for method, call in calls.items():
            parts.append(f"## {method.upper()} {path}\n\n" + "\n\n".join(_call(call)) + "\n")
    parts.append("## Shapes\n")
    asked = ClassifyRequest.model_json_schema()
    for name, shape in {"ClassifyRequest": asked, **asked["$defs"], **described["components"]["schemas"]}.items():
        parts.append(f"### {name}\n\n{shape.get('description', '')}\n\n" + "\n".join(_fields(shape)) + "\n")
    return "\n".join(parts)


def _call(call: dict[str, Any]) -> Iterator[str]:
    yield f"**{call['summary']}.** {' '.join(call.get('description', '').split())}".strip()
    if call.get("parameters"):
        yield "\n".join(
            f"- `{one['name']}` ({one['in']}): {one.get('description', '')}".rstrip(": ") for one in call["parameters"]
        )
    body = call.get("requestBody", {}).get("content", {})
    if body:
        yield "Takes " + ", ".join(f"`{kind}`" for kind in body) + "."
    shapes = {
        code: "".join(_shape_name(one) for one in answer.get("content", {}).values())
        for code, answer in call["responses"].items()
    }
    good = [f"{code}{shape}" for code, shape in shapes.items() if code < "400"]
    wrong = [code for code in shapes if code >= "400"]
    yield f"Answers {', '.join(good)}" + (f"; errors (ErrorResponse) {', '.join(wrong)}." if wrong else ".")


def _shape_name(content: dict[str, Any]) -> str:
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f" ({name})" if name else ""


def _fields(shape: dict[str, Any]) -> Iterator[str]:
    if "properties" not in shape:
        return
    yield "| field | what | |"
    yield "| --- | --- | --- |"
    for key, one in shape["properties"].items():
        kind = _named(one) or _kind(one)
        required = "required. " if key in shape.get("required", []) else ""
        yield f"| `{key}` | {kind} | {required}{one.get('description', '')} |"


def _named(shape: dict[str, Any]) -> str:
    """The name of a shape that has one, or of which a list or table is made."""
    for one in shape.get("anyOf", [shape]):
        if "$ref" in one:
            return _shape_name({"schema": one}).strip(" ()")
        for key, before in (("items", "a list of"), ("additionalProperties", "a table of")):
            if isinstance(one.get(key), dict) and "$ref" in one[key]:
                return f"{before} {_shape_name({'schema': one[key]}).strip(' ()')}"
    return ""


PAGES = {"commands.md": command_page, "settings.md": settings_page, "rest.md": rest_page}


def main() -> int:
    """Write or check the pages."""
    stale = []
    for name, page in PAGES.items():
        text = page()
        path = FOLDER / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(f"docs/reference/{name}")
    if stale:
        print(f"{', '.join(stale)}: not what the code says; run `python docs/make_reference.py`")  # noqa: T201
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
