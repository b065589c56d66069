"""Write docs/reference.md from `--help`; with --check, say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from diptych.cli.main import diptych

TARGET = Path(__file__).with_name("reference.md")
INTRODUCTION = """\
# Command line reference

Made from `--help` by `python docs/make_reference.py`; the gate compares it.

Every command takes `--study DIR` (default: the nearest `study.toml` upward), `--quiet` and `--debug`.
Data goes to standard output, talk to standard error. Exit codes: 0 done; 1 failed; 2 wrong usage;
3 finished, but some rows were rejected (their file is named); 130 interrupted.
"""


def pages(command: click.Command, name: str, parent: click.Context | None = None) -> list[str]:
    """Return the help of a command and of its subcommands as Markdown."""
    context = click.Context(command, info_name=name, parent=parent, max_content_width=90, terminal_width=90)
    path = context.command_path
    text = [f"## {path}\n\n```text\n{command.get_help(context).strip()}\n```\n"]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                text += pages(found, child, context)
    return text


def main() -> int:
    """Write or check the page."""
    page = "\n".join([INTRODUCTION, *pages(diptych, "diptych")])
    if "--check" not in sys.argv:
        TARGET.write_text(page, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == page:
        return 0
    print("docs/reference.md is not what --help says: run `python docs/make_reference.py`")  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
