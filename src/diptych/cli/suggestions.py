"""diptych studio connect and suggest: a model's suggestions in Label Studio."""

from __future__ import annotations

from pathlib import Path

import click

from diptych.cli.connection import Server, with_project
from diptych.cli.options import Talk, common, find_study, formatted, print_columns
from diptych.cli.watching import keep_at, watched


@click.command("connect")
@click.argument("backend", metavar="ADDRESS", default="http://127.0.0.1:8080")
@click.option(
    "--token-file", type=click.Path(path_type=Path), metavar="FILE", help="Its token [default: DIPTYCH_TOKEN]."
)
@with_project
@formatted
@common
def connect_command(
    backend: str,
    token_file: Path | None,
    server: Server,
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
    client = server.client(study)
    found = connect_backend(client, study, backend, read_token(token_file), server.project)
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
@watched("Go on until interrupted: suggest anew whenever the model changes.", 10)
@click.option(
    "--share",
    default=1.0,
    show_default=True,
    help="The share of tasks that get a suggestion, drawn at random and recorded, where nothing was decided yet.",
)
@with_project
@formatted
@common
def suggest_command(
    watch: bool,
    every: int,
    share: float,
    server: Server,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Push the model's suggestions to uncoded tasks: the way where Label Studio cannot reach `diptych serve`."""
    from diptych.files import exclusive
    from diptych.labelstudio.suggest import suggest

    study = find_study(folder)
    client = server.client(study)
    last: int | None = None

    def work() -> bool:
        nonlocal last
        stamp = study.model_file.stat().st_mtime_ns if study.model_file.exists() else None
        if watch and stamp in (None, last):
            return False
        with exclusive(study.state):
            found = suggest(client, study, share=share, project=server.project)
        print_columns([{"project": found.project, "tasks": found.known, "suggestions": found.suggestions}], form)
        for sentence in found.told:
            talk(sentence)
        last = stamp
        return True

    keep_at(work, talk, watch=watch, every=every)
