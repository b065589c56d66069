"""How commands reach a Label Studio server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from diptych.labelstudio.client import Client
    from diptych.study import Study

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Server:
    """Which Label Studio a command is to use, and which project there."""

    url: str | None
    api_key: str | None = field(repr=False)
    project: int | None

    def client(self, study: Study) -> Client:
        """Reach the server that was named, else the one of the environment, else the study's own.

        Its connections are closed when the command ends.
        """
        from diptych.labelstudio.reach import reach

        client = reach(study, self.url, self.api_key)
        click.get_current_context().call_on_close(client.close)
        return client


def with_server(function: F) -> F:
    """Add --url and --api-key; the command gets `server`."""

    @wraps(function)
    def command(*args: Any, url: str | None, api_key: str | None, project: int | None = None, **kwargs: Any) -> Any:
        return function(*args, server=Server(url, api_key, project), **kwargs)

    options = (
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
        command = option(command)
    return command  # type: ignore[return-value]


def with_project(function: F) -> F:
    """Add --url, --api-key and --project; the command gets `server`."""
    named = click.option(
        "--project", type=int, metavar="ID", help="Use this project [default: the study's own, found by its mark]."
    )
    return with_server(named(function))
