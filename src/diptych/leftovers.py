"""Half-written files: where they lie while they are written, and how those of killed commands are cleared away.

Whoever writes one holds its lock, which goes with the process: one that nobody holds is left over.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".part"
WRITTEN = (  # the folders of a study that commands write to
    *(".", "seeds", "schemas", "annotations", "annotations/coders", "annotations/codings", "annotations/samples"),
    *(".diptych", ".diptych/label-studio", ".diptych/rejects"),
)


def open_part(path: Path) -> tuple[int, Path]:
    """Open an empty file beside `path`, to be put in its place, and hold its lock.

    It has always the same name, so that what a killed command left is written over and does not pile up. Where
    another process is at work on it, or it is no file of ours, it is one with a name of its own.

    Returns
    -------
    descriptor : int
    place : Path
    """
    place = path.with_name(f".{path.name}{SUFFIX}")
    with contextlib.suppress(OSError):
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if _hold(descriptor) and _is_ours(descriptor, place):
            os.ftruncate(descriptor, 0)
            return descriptor, place
        os.close(descriptor)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=SUFFIX)
    _hold(descriptor)
    return descriptor, Path(name)


def leftovers(root: Path) -> Iterator[Path]:
    """Yield the half-written files of a study that nobody is writing any more."""
    for folder in WRITTEN:
        with contextlib.suppress(OSError):
            for place in sorted((root / folder).iterdir()):
                if place.name.startswith(".") and place.suffix == SUFFIX and _is_left(place):
                    yield place


def sweep(root: Path) -> None:
    """Remove the half-written files of a study that nobody is writing any more."""
    for place in leftovers(root):
        with contextlib.suppress(OSError):
            place.unlink()


def _hold(descriptor: int) -> bool:
    """Take the lock of an open file, if nobody has it; a file system without locks gives none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_ours(descriptor: int, place: Path) -> bool:
    """Whether an open file still has its name, and no other one, and is of this user."""
    found, named = os.fstat(descriptor), place.lstat()
    plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid()
    return plain and os.path.samestat(found, named)


def _is_left(place: Path) -> bool:
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and _hold(descriptor)
    finally:
        os.close(descriptor)
