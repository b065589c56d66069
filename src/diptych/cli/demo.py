"""diptych demo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Self

import click

from diptych.cli.options import Talk, talking

STAGES = 5


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("diptych-demo"),
    show_default=True,
    help="Folder for a copy of the bundled study and its report.",
)
@click.option("--open", "open_it", is_flag=True, help="Open the report in the browser.")
@talking
def demo_command(out: Path, open_it: bool, talk: Talk) -> None:
    """Go the whole way on the bundled study: passages, gold labels, classifier, report."""
    from diptych.demo import run_demo

    with Stages(talk) as stage:
        demo = run_demo(out, stage)
    click.echo(f"report: {demo.report.resolve()}")
    talk("")
    talk("The three largest observed differences (cells of at least 5 passages):")
    for sentence in demo.differences:
        talk(f"  {sentence}")
    talk("")
    talk("Coded by a language model following the codebook; with one document an author, this describes")
    talk("the documents and tests nothing. What to try next:")
    talk('  echo "Moscow fears for its gas exports to China." | diptych classify -')
    talk(f"  diptych coverage --study {out}")
    talk(f"  diptych reliability --study {out} --disputes")
    talk("  diptych init my-study")
    if open_it:
        click.launch(str(demo.report))


class Stages:
    """Tell the stages of a long job: a bar on a terminal, lines elsewhere."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._number = 0
        self._bar = None
        if sys.stderr.isatty() and not talk.quiet:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description:<40}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=STAGES)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __call__(self, name: str) -> None:
        """Begin a stage."""
        self._number += 1
        if self._bar:
            self._bar.update(self._task, completed=self._number - 1, description=name)
        else:
            self._talk(f"{self._number}/{STAGES} {name}")

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()
