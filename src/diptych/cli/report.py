"""diptych report."""

from __future__ import annotations

from pathlib import Path

import click

from diptych.cli.options import Talk, common, find_study


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
