"""Listening: one uvicorn server, stopped cleanly."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from diptych.errors import MissingExtraError, UsageError
from diptych.service.serving import Serving
from diptych.service.settings import Settings, check_settings
from diptych.study import Study

PATIENCE = 30  # seconds that requests in progress have to end when the server is stopped
IDLE = 10  # seconds that an idle connection is kept
LARGEST_HEADERS = 32 * 1024
REASONS = {
    errno.EADDRINUSE: "another program has it: try --port 0 for any that is free",
    errno.EACCES: "ports below 1024 are the administrator's: try --port 8080",
    errno.EADDRNOTAVAIL: "an address of this machine, such as 127.0.0.1",
}


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
        from diptych.service.patience import PatientProtocol
    except ImportError as error:
        raise MissingExtraError(error.name or "fastapi", "serve") from error

    with _listening(settings) as listener, _stopping():
        app = create_app(settings, study, tell)
        config = uvicorn.Config(
            app,
            log_level="critical",  # what goes wrong is told by the app, without the texts that a traceback may hold
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=PATIENCE,
            h11_max_incomplete_event_size=LARGEST_HEADERS,
            http=PatientProtocol,
            ws="none",
        )
        tell(_greeting(settings, listener, app.state.doors.serving))
        uvicorn.Server(config).run(sockets=[listener])
    tell("stopped")


def _greeting(settings: Settings, listener: socket.socket, serving: Serving) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    model = f"model {serving.version}" if serving.ready else f"no model: {serving.refusal}"
    return f"http://{shown}:{port}: {model}{'' if settings.loopback else '; every request needs the token'}"


@contextmanager
def _stopping() -> Iterator[None]:
    """End well at SIGTERM: uvicorn ends the requests, then raises the signal again for whoever waits for it."""

    def stop(*_: Any) -> None:
        raise SystemExit

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except SystemExit:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host.strip("[]"), settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or "no such name"
        raise UsageError(f"--host {settings.host}: {said}", hint=REASONS[errno.EADDRNOTAVAIL]) from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(128)
        except OSError as error:
            hint = REASONS.get(error.errno or 0, "try another --host or --port")
            said = f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}"
            raise UsageError(said, hint=hint) from error
        yield listener
