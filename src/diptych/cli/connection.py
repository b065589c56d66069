"""How commands reach a Label Studio server."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from diptych.labelstudio.client import Client
    from diptych.study import Study

F = TypeVar("F", bound=Callable[..., Any])


def server(function: F) -> F:
    """Add --url, --api-key and --project."""
    options = (
        click.option(
            "--project", type=int, metavar="ID", help="Use this project [default: the study's own, found by its mark]."
        ),
        click.option(
            "--api-key",
            metavar="KEY",
            help="Its access token; better in LABEL_STUDIO_API_KEY, where no list of processes shows it.",
        ),
        click.option(
            "--url", metavar="URL", help="A running server [default: LABEL_STUDIO_URL, else the study's own]."
        ),
    )
    for option in options:  # the last one is listed first
        function = option(function)
    return function


def connect(study: Study, url: str | None, api_key: str | None) -> Client:
    """Reach the server that was named, else the one of the environment, else the study's own."""
    from diptych.errors import LabelStudioError
    from diptych.labelstudio import server as own
    from diptych.labelstudio.client import KEY_VARIABLE, Client, from_environment

    named = (url, api_key or os.environ.get(KEY_VARIABLE, "")) if url else from_environment()
    if named is not None:
        return _closing(Client(named[0], api_key or named[1]))
    running = own.running(study)
    if running is None:
        raise LabelStudioError(
            "no Label Studio is known",
            hint="start one with `diptych studio up`, or name one with --url or LABEL_STUDIO_URL",
        )
    return _closing(Client(running.url, own.own_key(study)))


def _closing(client: Client) -> Client:
    """Close the client's connections when the command ends."""
    click.get_current_context().call_on_close(client.close)
    return client
