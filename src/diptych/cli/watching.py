"""Commands that go on until they are interrupted: --watch and --every."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from diptych.cli.options import Talk
from diptych.errors import BusyError, LabelStudioError, ModelFormatError

F = TypeVar("F", bound=Callable[..., Any])


def watched(said: str, seconds: int) -> Callable[[F], F]:
    """Add --watch, described by what is `said`, and --every; the command gets `watch` and `every`."""

    def add(function: F) -> F:
        every = click.option(
            "--every",
            default=seconds,
            show_default=True,
            type=click.IntRange(min=1),
            metavar="SECONDS",
            help="How often --watch looks.",
        )
        return click.option("--watch", is_flag=True, help=said)(every(function))

    return add


def keep_at(work: Callable[[], bool], talk: Talk, *, watch: bool, every: int) -> None:
    """Work once, or with `watch` again and again; it outlives a busy study and a server that is away for a while.

    Parameters
    ----------
    work : callable
        Says whether there was something to do.
    talk : Talk
    watch : bool
    every : int
        Seconds between two looks.

    Raises
    ------
    LabelStudioError, ModelFormatError
        Where nothing has gone well yet: what is wrong from the start does not mend itself.
    BusyError
        Without `watch`, if another command is writing to the study.
    """
    gone_well = False
    while True:
        try:
            gone_well |= work()
        except (BusyError, LabelStudioError, ModelFormatError) as error:
            if not watch or not (gone_well or isinstance(error, BusyError)):
                raise
            talk(f"{error}; trying again in {every} seconds")
        if not watch:
            return
        time.sleep(every)
