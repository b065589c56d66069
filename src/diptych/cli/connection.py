"""How commands reach a Label Studio server."""

from __future__ import annotations

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
    from diptych.labelstudio.reach import reach

    return _closing(reach(study, url, api_key))


def _closing(client: Client) -> Client:
    """Close the client's connections when the command ends."""
    click.get_current_context().call_on_close(client.close)
    return client
