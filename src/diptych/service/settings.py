"""What a server may do, and how much it takes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from diptych.errors import UsageError

TOKEN_VARIABLE = "DIPTYCH_TOKEN"  # nosec B105  # noqa: S105 - the name of a variable
SHORTEST_TOKEN = 16
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """How much a request may bring and take.

    Attributes
    ----------
    body : int
        Bytes of a JSON body, a form or an uploaded file.
    stream : int
        Bytes of a JSON Lines or CSV body, which is answered as it comes.
    documents : int
        Documents that are read at the same time.
    passages : int
        Passages of one JSON request, and of one document.
    letters : int
        Characters of one passage.
    seconds : float
        A request's body, and its work; for streams, the longest wait for the next piece of the body.
    shown : int
        Passages that the page shows one by one; its table counts them all.
    at_once : int
        Requests that are worked on at the same time; more are told to come back (429).
    """

    body: int = 20 * MEGABYTE
    stream: int = 1024 * MEGABYTE
    documents: int = 4
    passages: int = 5_000
    shown: int = 500
    letters: int = 100_000
    seconds: float = 60.0
    at_once: int = 128


@dataclass(frozen=True)
class Settings:
    """How a server was started.

    Attributes
    ----------
    host, port
        Where it listens.
    token : str
        What a client must show; empty on loopback where nothing is written.
    write : bool
        Whether the page may append codings to the study, and Label Studio's events bring codings in.
    origins : tuple of str
        Other web pages that may call (CORS); none unless named.
    hosts : tuple of str
        Further names by which this server is called.
    train_after : int
        New codings after which a training begins; 0: only when asked for.
    promote : {'better', 'always', 'never'}
        Whether a newly trained model may serve.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str = ""
    write: bool = False
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    train_after: int = 0
    promote: str = "better"
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read_token(path: Path | None) -> str:
    """Return the token from a file, else from the environment, else nothing.

    Raises
    ------
    UsageError
        If the file cannot be read, or the token is short.
    """
    if path is not None:
        try:
            token = path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read the token from {path}", hint="a text file with the token alone") from error
        if not token:
            raise UsageError(f"{path} holds no token", hint="a text file with the token alone")
    else:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if token and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise UsageError(
            f"the token is shorter than {SHORTEST_TOKEN} characters, or holds others than printable ASCII",
            hint="python -c 'import secrets; print(secrets.token_urlsafe())' makes one",
        )
    return token


def check_settings(settings: Settings) -> None:
    """Refuse settings that would leave a door open.

    Raises
    ------
    UsageError
        If the server would listen beyond this machine, or write on Label Studio's word, without a token.
    """
    where = f"set {TOKEN_VARIABLE}, or name a file with --token-file; it is never given on the command line"
    if not settings.loopback and not settings.token:
        raise UsageError(f"listening on {settings.host} needs a token", hint=where)
    if settings.hosts and not settings.token:
        raise UsageError("--allow-host needs a token: who calls by another name may come from elsewhere", hint=where)
    for origin in settings.origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin or not parts.netloc:
            raise UsageError(
                f"--allow-origin {origin!r} is no origin", hint="scheme, host and port, as in https://example.org:8443"
            )
    if settings.train_after and not settings.token:
        raise UsageError("--train-after needs a token, which Label Studio shows with its events", hint=where)
    if settings.train_after and not settings.write:
        raise UsageError("--train-after needs --write: new codings are brought into the study", hint="add --write")
