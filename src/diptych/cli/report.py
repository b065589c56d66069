"""diptych report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from diptych.cli.options import Talk, common, find_study

_PATH = click.Path(path_type=Path)


@click.command("report")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "md", "pdf"]),
    default="html",
    show_default=True,
    help="A page; Markdown for a paper's appendix; the page as printed by Chromium or WeasyPrint.",
)
@click.option("--out", type=_PATH, help="Where to write it [default: report.html, .md or .pdf in the study's folder].")
@click.option("--with-originals", is_flag=True, help="Show the documents' own text where at hand; not for publication.")
@click.option(
    "--compare",
    type=click.Path(path_type=Path, exists=True),
    metavar="STUDY|REPORT",
    help="Set another run of the study beside it, a folder or its HTML report: what moved.",
)
@click.option("--figures", type=_PATH, metavar="DIR", help="Also every figure as SVG and PNG (extra `figures`).")
@click.option("--tables", type=_PATH, metavar="DIR", help="Also every table as CSV, and all in one tables.xlsx.")
@click.option(
    "--text",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The frame's words in another language: a translated catalogue (TOML).",
)
@click.option("--open", "open_it", is_flag=True, help="Open it when it is written.")
@common
def report_command(
    out: Path | None, with_originals: bool, open_it: bool, folder: Path | None, talk: Talk, **options: Any
) -> None:
    """Write the report: one HTML file that opens without a network.

    It carries digests, and no text of the documents unless --with-originals.
    """
    from diptych.api import write_report
    from diptych.files import exclusive

    study = find_study(folder)
    with exclusive(study.state):
        path = write_report(study, out, originals=with_originals, **options)
    click.echo(path)
    for name in ("figures", "tables"):
        if options[name] is not None:
            talk(f"{name}: {options[name]}")
    if open_it:
        click.launch(str(path))
