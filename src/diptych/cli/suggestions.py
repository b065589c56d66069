"""diptych studio connect and suggest: a model's suggestions in Label Studio."""

from __future__ import annotations

import time
from pathlib import Path

import click

from diptych.cli.connection import connect, server
from diptych.cli.options import Talk, common, find_study, formatted, print_columns


@click.command("connect")
@click.argument("backend", metavar="ADDRESS", default="http://127.0.0.1:8080")
@click.option(
    "--token-file", type=click.Path(path_type=Path), metavar="FILE", help="Its token [default: DIPTYCH_TOKEN]."
)
@server
@formatted
@common
def connect_command(
    backend: str,
    token_file: Path | None,
    url: str | None,
    api_key: str | None,
    project: int | None,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Make Label Studio ask `diptych serve` at ADDRESS for suggestions, and tell it of new annotations.

    ADDRESS is where Label Studio reaches it. May be run again.
    """
    from diptych.labelstudio.suggest import connect_backend
    from diptych.service.settings import read_token

    study = find_study(folder)
    client = connect(study, url, api_key)
    found = connect_backend(client, study, backend, read_token(token_file), project)
    row = {
        "project": f"{client.url}projects/{found.project}",
        "backend": found.url,
        "new": found.created,
        "webhooks": found.hooks,
    }
    print_columns([row], form)
    for sentence in found.told:
        talk(sentence)


@click.command("suggest")
@click.option("--watch", is_flag=True, help="Go on until interrupted: suggest anew whenever the model changes.")
@click.option("--every", default=10, show_default=True, metavar="SECONDS", help="How often --watch looks.")
@click.option(
    "--share",
    default=1.0,
    show_default=True,
    help="The share of tasks that get a suggestion, drawn at random and recorded, where nothing was decided yet.",
)
@server
@formatted
@common
def suggest_command(
    watch: bool,
    every: int,
    share: float,
    url: str | None,
    api_key: str | None,
    project: int | None,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Push the model's suggestions to uncoded tasks: the way where Label Studio cannot reach `diptych serve`."""
    from diptych.errors import BusyError, LabelStudioError, ModelFormatError
    from diptych.files import exclusive
    from diptych.labelstudio.suggest import suggest

    study = find_study(folder)
    client = connect(study, url, api_key)
    last = None
    while True:
        stamp = study.model_file.stat().st_mtime_ns if study.model_file.exists() else None
        if not watch or (stamp is not None and stamp != last):
            try:
                with exclusive(study.state):
                    found = suggest(client, study, share=share, project=project)
            except (BusyError, LabelStudioError, ModelFormatError) as error:
                if not watch or (last is None and not isinstance(error, BusyError)):
                    raise  # what is wrong from the start does not mend itself
                talk(f"{error}; trying again in {max(every, 1)} seconds")
            else:
                print_columns(
                    [{"project": found.project, "tasks": found.known, "suggestions": found.suggestions}], form
                )
                for sentence in found.told:
                    talk(sentence)
                last = stamp
        if not watch:
            return
        time.sleep(max(every, 1))
