"""Files as the project reads and writes them: atomically, one JSON object a line, hashes named.

A half-written file never stands under its final name: everything is written beside it first and
then put in place in one step, so a crash leaves the old file or the new one.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from diptych.errors import BusyError, FileWriteError, RecordError, nearest
from diptych.leftovers import open_part, sweep

Row = dict[str, Any]
STUDY = "study.toml"
STATE = ".diptych"  # the folder of a study for models, caches and locks, which git ignores
MODEL = "model.zip"  # in it
DEPTH = 64  # of objects and lists in one another: what is nested deeper could be read, but perhaps not written again


def sha256_bytes(data: bytes) -> str:
    """Return the sha256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def policy_hash(text: str) -> str:
    """Return a style's or script's hash as a Content-Security-Policy names it.

    >>> policy_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def canonical(value: object) -> str:
    """Return JSON that is the same text for equal values: keys sorted, no blanks, no escapes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def own_place(path: Path) -> Path:
    """Return a path that may be written: one in a study's folder must not lead out of it by a link.

    Studies come from others, as archives and by git, and bring their links along.

    Raises
    ------
    FileWriteError
        If it does.
    """
    place = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the links that are looked for
    for folder in place.parents:
        if (folder / STUDY).is_file():
            if not place.resolve().is_relative_to(folder.resolve()):
                raise FileWriteError(
                    f"{path} leads by a link to {place.resolve()}, out of the study in {folder}",
                    hint="if it is meant, name that place itself; else remove the link: who made it?",
                )
            break
    return path


@contextlib.contextmanager
def atomic(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file that takes its name only when it is complete.

    Raises
    ------
    FileWriteError
        If the folder cannot be written or the disk is full. The old file, if any, stays.
    """
    path = own_place(path).resolve()  # write through a link, do not replace it
    handle = None
    temporary: Path | None = None
    try:
        if path.exists() and not path.is_file():  # a device or a pipe: there is nothing to put in place
            with path.open(mode) as stream:
                yield stream
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = open_part(path)
        text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
        handle = os.fdopen(descriptor, mode, **text)  # type: ignore[call-overload]
        yield handle
        handle.flush()
        os.fsync(handle.fileno())
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)  # still held: nobody takes it for left over
        temporary = None
        handle.close()
        _sync(path.parent)
    except FileWriteError:
        raise
    except OSError as error:
        raise FileWriteError(
            f"cannot write {path}: {error.strerror or error}",
            hint="check the folder's permissions and the free space, then run the command again",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if handle is not None and not handle.closed:
            with contextlib.suppress(OSError):
                handle.close()


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a folder that takes its name only when it is complete; an empty one of that name is replaced.

    Raises
    ------
    FileWriteError
        If it cannot be written, or there is something of that name.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        yield beside
        if path.is_dir():
            path.rmdir()
        beside.rename(path)
    except OSError as error:
        raise FileWriteError(
            f"cannot write {path}: {error.strerror or error}", hint="name a new folder, or empty this one"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Have a folder's new name outlast a power cut, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as stream:
        stream.write(text)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file atomically."""
    with source.open("rb") as stream, atomic(target, "wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)


def slug(label: str) -> str:
    """Return a label as a part of a file's name; empty where nothing of it can stand in one.

    >>> slug("../Anna B."), slug("?")
    ('Anna-B', '')
    """
    return re.sub(r"[^\w.-]+", "-", label).strip("-.")[:60]


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line, keys in the order given, atomically."""
    with atomic(path) as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_jsonl(path: Path, *, required: Iterable[str] = (), texts: Iterable[str] = ()) -> Iterator[tuple[int, Row]]:
    """Yield (line number, object) of a JSON Lines file; blank lines are passed over.

    Raises
    ------
    RecordError
        Naming file, line and column, for text that is no JSON object, lacks a required key, or holds something
        else where `texts` wants a text; and if the file cannot be read.
    """
    wanted, written = (*required, *texts), tuple(texts)
    try:
        opened = path.open("rb")
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    with opened as stream:
        for number, raw in enumerate(stream, 1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise RecordError(f"{path.name}:{number}: not UTF-8 (byte {error.start} of the line)") from error
            if line.strip():
                row = parse_object(line, f"{path.name}:{number}")
                for key in wanted:
                    if key not in row:
                        raise RecordError(f"{path.name}:{number}: {key!r} is missing{nearest(key, row)}")
                for key in written:
                    if not isinstance(row[key], str):
                        raise RecordError(f"{path.name}:{number}: {key}: {row[key]!r} is no text")
                yield number, row


def parse_object(line: str, where: str) -> Row:
    """Parse one JSON object; `where` names the place in errors."""
    try:
        row = json.loads(line)
        if line.count("[") + line.count("{") > DEPTH and _is_deep(row):
            raise RecordError(f"{where}: more than {DEPTH} lists or objects are nested")
        if "\\ud" in line.casefold():
            json.dumps(row, ensure_ascii=False).encode()  # half a character could not be written again
    except RecordError:
        raise
    except (ValueError, RecursionError) as error:
        detail = f"column {error.colno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise RecordError(f"{where}: no JSON ({detail})") from error
    if not isinstance(row, dict):
        raise RecordError(f"{where}: expected a JSON object, found {type(row).__name__}")
    return row


def _is_deep(value: object) -> bool:
    """Whether more than `DEPTH` lists or objects stand in one another."""
    layer = [value]
    for _ in range(DEPTH + 1):
        layer = [
            inner
            for one in layer
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
    return bool(layer)


def upward(name: str, start: str | Path = ".") -> Path | None:
    """Return the nearest folder, at or above `start`, in which there is a file of this name."""
    here = Path(start).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / name).is_file()), None)


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock of a study's `.diptych`: one writing command a study. The lock goes with the process.

    What a killed command left half-written in the study is removed first.

    Raises
    ------
    BusyError
        If another process holds it.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = own_place(folder / "busy").open("a")  # never emptied: it may be a link
    except OSError as error:
        raise FileWriteError(
            f"cannot write {folder}: {error.strerror}", hint="check the folder's permissions"
        ) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BusyError(
                "another diptych command is writing to this study",
                hint="wait until it has ended, then run again",
            ) from error
        sweep(folder.parent)
        yield
