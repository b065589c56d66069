"""The SQLite file of a study's own server: an empty one to begin with, and the first account's key.

Label Studio makes its tables in some four hundred steps, a minute of computing. That is done once an environment: an
empty database lies there beside Label Studio, and a new study's server begins with a copy.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from diptych.errors import DiptychError, LabelStudioError
from diptych.files import copy_file

NAME = "label_studio.sqlite3"
QUIET = {"COLLECT_ANALYTICS": "0", "LATEST_VERSION_CHECK": "0", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
PATIENCE = 600  # seconds for all steps


def begin(environment: Path, data: Path, tell: Callable[[str], None]) -> None:
    """Put an empty database with all tables into a data folder; where that fails, Label Studio makes them itself."""
    if os.environ.get("DJANGO_DB", "sqlite") != "sqlite":
        return
    with suppress(OSError, subprocess.SubprocessError, DiptychError):
        copy_file(empty(environment, tell), data / NAME)


def empty(environment: str | Path, tell: Callable[[str], None]) -> Path:
    """Return an environment's empty database, which is made where there is none.

    Raises
    ------
    LabelStudioError
        If the environment holds no Label Studio.
    OSError, subprocess.SubprocessError, DiptychError
        If the database cannot be made or written.
    """
    place = Path(environment).resolve()  # `copy_file` would take a link in a study for one that leads astray
    found = next(place.glob("lib/python*/site-packages/label_studio-*.dist-info"), None)
    if found is None:
        raise LabelStudioError(f"{place} holds no Label Studio")
    blank = place / f"diptych-{found.name.removesuffix('.dist-info')}.sqlite3"
    if blank.is_file():
        return blank
    with (place / ".diptych-lock").open("w") as lock:  # two studies at once make it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not blank.is_file():
            tell("making Label Studio's tables (a minute, once)")
            with tempfile.TemporaryDirectory(prefix="diptych-label-studio-") as folder:
                program = found.parent / "label_studio" / "manage.py"
                subprocess.run(  # nosec B603  # noqa: S603 - the environment that `up` starts
                    [place / "bin" / "python", program, "migrate", "--no-color", "--verbosity", "0"],
                    env=os.environ | QUIET | {"LABEL_STUDIO_BASE_DATA_DIR": folder},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=PATIENCE,
                    check=True,
                )
                copy_file(Path(folder) / NAME, blank)
    return blank


def has_account(data: Path) -> bool:
    """Whether a data folder holds a database with an account: else the server's next start makes the first one."""
    with suppress(sqlite3.Error), closing(_opened(data)) as connection:
        return connection.execute("select 1 from htx_user limit 1").fetchone() is not None
    return False


def first_key(data: Path) -> str:
    """Return the first account's key, from the server's own database.

    Raises
    ------
    LabelStudioError
        If the database cannot be read.
    """
    query = "select t.key from authtoken_token t join htx_user u on u.id = t.user_id order by u.id limit 1"
    try:
        with closing(_opened(data)) as connection:
            row = connection.execute(query).fetchone()
    except sqlite3.Error as error:
        raise LabelStudioError(f"the database of the study's Label Studio cannot be read: {error}") from None
    if row is None:
        raise LabelStudioError("the study's Label Studio has no account yet", hint="diptych studio down, then up")
    return str(row[0])


def _opened(data: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{(data / NAME).as_uri()}?mode=ro", uri=True, timeout=20)
