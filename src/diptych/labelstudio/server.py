"""A Label Studio of the study's own: installed apart, started, stopped, given accounts.

It lives under `.diptych/label-studio/`: an environment of its own (Label Studio pins its SDK exactly), its
SQLite data, its log, and `server.json` with what is needed to find and stop it. No key is stored by
diptych: it is read from the server's own database when it is needed.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from diptych.errors import LabelStudioError, UsageError
from diptych.files import write_text
from diptych.labelstudio.database import NAME, QUIET, begin, first_key, has_account
from diptych.study import Study

RELEASE = "1.23.2"
PORT = 8090
FIRST_ACCOUNT = "owner@diptych.local"
PATIENCE = 240


@dataclass(frozen=True, slots=True)
class Running:
    """A server that `studio up` started."""

    pid: int
    host: str
    port: int
    environment: str

    @property
    def url(self) -> str:
        """Where it answers."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # nosec B104  # noqa: S104 - told apart, not bound
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """An account and its password, told once."""

    address: str
    password: str


def folder_of(study: Study) -> Path:
    """Where the study's own server lives."""
    return study.state / "label-studio"


def running(study: Study) -> Running | None:
    """Return the server that was started for this study, if its process still lives."""
    try:
        raw = json.loads((folder_of(study) / "server.json").read_text(encoding="utf-8"))
        server = Running(**raw)
    except (OSError, ValueError, TypeError):
        return None
    return server if _is_ours(server.pid, folder_of(study)) else None


def _is_ours(pid: int, folder: Path) -> bool:
    """Whether a process is the Label Studio of this folder, and not a stranger with its old number."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return _answers_signal(pid) and not Path("/proc/self").exists()
    return f"LABEL_STUDIO_BASE_DATA_DIR={folder / 'data'}".encode() in environment


def _answers_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def install(study: Study, tell: Callable[[str], None], environment: Path | None = None) -> Path:
    """Return the environment that holds Label Studio, making it where there is none.

    Raises
    ------
    LabelStudioError
        If it cannot be installed, with the last line of what pip said.
    """
    place = environment or folder_of(study) / "environment"
    if (place / "bin" / "label-studio").exists():
        return place
    if environment is not None:
        raise UsageError(f"{environment} holds no Label Studio", hint="leave --environment out to install one")
    tell(f"installing Label Studio {RELEASE} into {place} (about 1 GB, a few minutes, once)")
    commands = [
        [sys.executable, "-m", "venv", str(place)],
        [str(place / "bin" / "python"), "-m", "pip", "install", "-q", f"label-studio=={RELEASE}"],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # nosec B603  # noqa: S603 - our own
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
            raise LabelStudioError(
                f"Label Studio could not be installed: {last[0][:300]}",
                hint="is the package index reachable?",
            )
    return place


def up(
    study: Study,
    tell: Callable[[str], None],
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    environment: Path | None = None,
) -> tuple[Running, Login | None]:
    """Start the study's Label Studio and wait until it is healthy.

    Returns
    -------
    server : Running
    login : Login or None
        The first account, when it was made just now; the password is shown only then.

    Raises
    ------
    LabelStudioError
        If it does not start; its log is named.
    """
    here = running(study)
    if here is not None:
        return here, None
    place = install(study, tell, environment)
    folder = folder_of(study)
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    login = None if has_account(data) else Login(FIRST_ACCOUNT, secrets.token_urlsafe(12))
    if login is not None:
        write_text(folder / "mark", secrets.token_hex(3) + "\n")  # see names.py
        if not (data / NAME).exists():
            begin(place, data, tell)
    number = _port(host, port)
    log = folder / "server.log"
    with log.open("ab") as stream:
        process = subprocess.Popen(  # nosec B603  # noqa: S603 - our own environment
            [
                str(place / "bin" / "label-studio"),
                "start",
                "--no-browser",
                "--port",
                str(number),
                "--internal-host",
                host,
            ],
            env=os.environ | _settings(data, login),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    server = Running(process.pid, host, number, str(place))
    write_text(folder / "server.json", json.dumps(asdict(server), indent=1) + "\n")
    tell(f"starting Label Studio at {server.url}")
    _wait(process, server, log)
    process.returncode = 0  # it outlives this program, and Python need not wait for it
    return server, login


def _settings(data: Path, login: Login | None) -> dict[str, str]:
    """The server's settings: nothing leaves the machine, local backends and webhooks are allowed."""
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # nosec B105  # it says whether, and is none itself
        "ML_BLOCK_LOCAL_IP": "false",
        "SSRF_PROTECTION_ENABLED": "false",
        **QUIET,
    }
    if login is not None:
        settings |= {
            "LABEL_STUDIO_USERNAME": login.address,
            "LABEL_STUDIO_PASSWORD": login.password,
            "LABEL_STUDIO_USER_TOKEN": secrets.token_hex(20),
        }
    return settings


def _port(host: str, port: int | None) -> int:
    """The port asked for, else the usual one, else any that is free."""
    for candidate in [port] if port else [PORT, 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LabelStudioError(f"port {port} on {host} is taken", hint="name another with --port")


def _wait(process: subprocess.Popen[bytes], server: Running, log: Path) -> None:
    import httpx

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LabelStudioError(
                f"Label Studio stopped while starting (code {process.returncode})", hint=f"see {log}"
            )
        try:
            if httpx.get(f"{server.url}/health", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise LabelStudioError(f"Label Studio did not become healthy within {PATIENCE} s", hint=f"see {log}")


def down(study: Study) -> bool:
    """Stop the server that `up` started; return whether there was one."""
    server = running(study)
    path = folder_of(study) / "server.json"
    if server is None:
        path.unlink(missing_ok=True)
        return False
    for number, patience in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(server.pid, number)
        except ProcessLookupError:
            break
        if _ended(server.pid, folder_of(study), patience):
            break
    deadline = time.monotonic() + 5.0
    while _listens(server) and time.monotonic() < deadline:  # its children may need a moment longer
        time.sleep(0.1)
    path.unlink(missing_ok=True)
    return True


def _listens(server: Running) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=1):
            return True
    except OSError:
        return False


def _ended(pid: int, folder: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if os.waitpid(pid, os.WNOHANG) != (0, 0):
                return True
        except ChildProcessError:
            if not _is_ours(pid, folder):
                return True
        time.sleep(0.1)
    return False


def own_key(study: Study) -> str:
    """Return the first account's key: see :func:`diptych.labelstudio.database.first_key`."""
    return first_key(folder_of(study) / "data")
