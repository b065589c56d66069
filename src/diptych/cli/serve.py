"""diptych serve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from diptych.cli.options import Talk, find_study, talking

if TYPE_CHECKING:
    from diptych.study import Study


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address it listens on; another needs a token."
)
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port; 0: any free one."
)
@click.option(
    "--study",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The study whose model serves [default: the nearest study.toml upward, else the bundled model].",
)
@click.option("--write", is_flag=True, help="The page may append codings; Label Studio's events bring codings in.")
@click.option(
    "--train-after",
    default=0,
    type=click.IntRange(0),
    metavar="N",
    help="Train, in a process of its own, after N new codings [default: only when asked].",
)
@click.option(
    "--promote-if",
    "promote",
    type=click.Choice(["better", "always", "never"]),
    default="better",
    show_default=True,
    help="When a newly trained model may serve; better: mean macro-F1 not below the old one's.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the token stands [default: the variable DIPTYCH_TOKEN].",
)
@click.option(
    "--allow-origin", "origins", multiple=True, metavar="URL", help="A web page elsewhere that may call (CORS)."
)
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="A further name this server is called by.")
@click.option(
    "--max-body", default=20, show_default=True, type=click.IntRange(1, 1024), metavar="MB", help="Of a request."
)
@click.option("--max-seconds", default=60, show_default=True, type=click.IntRange(1), metavar="S", help="Of a request.")
@talking
def serve_command(
    host: str,
    port: int,
    folder: Path | None,
    write: bool,
    train_after: int,
    promote: str,
    token_file: Path | None,
    origins: tuple[str, ...],
    hosts: tuple[str, ...],
    max_body: int,
    max_seconds: int,
    talk: Talk,
) -> None:
    """Serve the model: a page to classify a text, a REST API, and Label Studio's ML backend.

    Nothing is stored without --write. It listens on this machine alone unless --host says otherwise.
    """
    from diptych.service.run import serve
    from diptych.service.settings import MEGABYTE, Bounds, Settings, read_token

    settings = Settings(
        host=host,
        port=port,
        token=read_token(token_file),
        write=write,
        origins=origins,
        hosts=tuple(name.lower() for name in hosts),
        train_after=train_after,
        promote=promote,
        bounds=Bounds(body=max_body * MEGABYTE, seconds=float(max_seconds)),
    )
    serve(settings, _study(folder), talk)


def _study(folder: Path | None) -> Study | None:
    from diptych.errors import NoStudyError

    try:
        return find_study(folder)
    except NoStudyError:
        if folder is not None:
            raise
        return None
