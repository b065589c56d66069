"""Listening: one uvicorn server, stopped cleanly."""

from __future__ import annotations

import socket
from collections.abc import Callable

from diptych.errors import MissingExtraError, UsageError
from diptych.service.settings import Settings, check_settings
from diptych.study import Study

PATIENCE = 30  # seconds that requests in progress have to end when the server is stopped
IDLE = 10  # seconds that an idle connection is kept
LARGEST_HEADERS = 32 * 1024


def serve(settings: Settings, study: Study | None, tell: Callable[[str], None]) -> None:
    """Listen until told to stop.

    Raises
    ------
    MissingExtraError
        If FastAPI or uvicorn is not installed.
    UsageError
        If the port is taken, the address is not this machine's, or the settings leave a door open.
    """
    check_settings(settings)
    try:
        import uvicorn

        from diptych.service.app import create_app
    except ImportError as error:
        raise MissingExtraError(error.name or "fastapi", "serve") from error

    listener = _listen(settings)
    app = create_app(settings, study, tell)
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=PATIENCE,
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        http="h11",
        ws="none",
    )
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    doors = app.app.app.state.doors  # type: ignore[attr-defined]
    model = doors.serving.served.version if doors.serving.ready else f"no model ({doors.serving.refusal})"
    tell(f"http://{shown}:{port}: {model}{'' if settings.loopback else '; every request needs the token'}")
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
    tell("stopped")


def _listen(settings: Settings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host.strip("[]"), settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise UsageError(f"--host {settings.host}: {error.strerror}", hint="an address of this machine") from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}",
            hint="another program may have it: try --port 0 for any that is free",
        ) from error
    listener.listen(128)
    return listener
