"""Options that commands share, and how they speak: data to stdout, talk to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from diptych.errors import DiptychError, number_of

if TYPE_CHECKING:
    from diptych.exchange.tables import Reject
    from diptych.study import Study

F = TypeVar("F", bound=Callable[..., Any])


class RowsRejected(DiptychError):
    """The work is done, but some rows were not taken; the message names the file they are in."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Talk:
    """What a command says beside its data, on stderr, unless asked to be quiet."""

    quiet: bool = False

    def __call__(self, sentence: str) -> None:
        """Say one line."""
        if not self.quiet:
            click.echo(sentence, err=True)


def talking(function: F) -> F:
    """Add --quiet and --debug; the command gets `talk`."""

    @click.option("--quiet", "-q", is_flag=True, help="Say nothing on stderr but errors.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(function)
    def command(*args: Any, quiet: bool, debug: bool, **kwargs: Any) -> Any:
        return function(*args, talk=Talk(quiet), **kwargs)

    return command  # type: ignore[return-value]


def common(function: F) -> F:
    """Add --study, --quiet and --debug; the command gets `folder` and `talk`."""
    study = click.option(
        "--study",
        "folder",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="The study's folder [default: the nearest study.toml upward].",
    )
    return study(talking(function))


def formatted(function: F) -> F:
    """Add --format text|json|csv and --json; the command gets `form`."""

    @click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", "csv"]),
        default="text",
        show_default=True,
        help="How tables are printed.",
    )
    @click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
    @wraps(function)
    def command(*args: Any, form: str, as_json: bool, **kwargs: Any) -> Any:
        return function(*args, form="json" if as_json else form, **kwargs)

    return command  # type: ignore[return-value]


def find_study(folder: Path | None) -> Study:
    """Load the study that was named, or the nearest one upward."""
    from diptych.study import Study

    return Study.load(folder) if folder else Study.find()


def print_json(value: object) -> None:
    """Print one JSON document."""
    import json

    from diptych.records import plain

    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def print_csv(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows as CSV, formulas defused."""
    from diptych.exchange.tables import CsvWriter

    writer = CsvWriter(sys.stdout)
    for row in rows:
        writer.write(dict(row))


def print_data(form: str, whole: object, rows: Iterable[Mapping[str, Any]]) -> bool:
    """Print as JSON (the whole) or as CSV (its one table) where that is asked for, and say whether it was."""
    if form == "json":
        print_json(whole)
    elif form == "csv":
        print_csv(rows)
    return form in {"json", "csv"}


def print_rows(rows: Sequence[Mapping[str, Any]], form: str, columns: Mapping[str, str]) -> None:
    """Print rows as JSON, as CSV, or as a table with these columns."""
    if not print_data(form, rows, rows):
        print_table(rows, columns)


def print_columns(rows: Sequence[Mapping[str, Any]], form: str) -> None:
    """Print rows with headings of their own names; no table where there is no row."""
    if rows or form != "text":
        print_rows(rows, form, {name: name.replace("_", " ") for name in rows[0]} if rows else {})


def set_aside(path: Path, rejects: Sequence[Reject], first: str, *, what: str = "row", hint: str) -> NoReturn:
    """Write what was not taken to a file and end the command with exit code 3; `first` words the first of them."""
    from diptych.exchange.tables import reject_rows
    from diptych.files import write_jsonl

    write_jsonl(path, reject_rows(rejects))
    raise RowsRejected(f"{number_of(len(rejects), what)} rejected, see {path}; the first{first}", hint=hint)


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, title: str = "") -> None:
    """Print rows as a table for reading.

    Parameters
    ----------
    rows : sequence of mappings
    columns : mapping of str to str
        Column name → heading; a heading that ends in a blank is set flush right.
    title : str
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False)
    table = Table(
        box=None,
        pad_edge=False,
        title_justify="left",
        header_style="bold",
        title_style="bold",
        padding=(0, 2, 0, 0),
    )
    for heading in columns.values():
        table.add_column(heading.strip(), justify="right" if heading.endswith(" ") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(row.get(name, ""))) for name in columns))
    with console.capture() as captured:
        if title:
            console.print(Text(title, style="bold"))
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()), color=sys.stdout.isatty())


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as “12.3 %”, or a dash."""
    return "–" if share is None or isnan(share) else f"{100 * share:.{digits}f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Return a coefficient as “.873”, or a dash."""
    if value is None or isnan(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text
