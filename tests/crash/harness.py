"""Commands that are stopped at a point of our choosing: in a child of this process, which has imported everything.

A point is a moment at which a command changes something outside itself: it opens, writes, flushes, renames or removes a
file, or speaks to a server. A child is stopped just before one, or in the middle of a write.
"""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import random
import resource
import signal
import sys
import threading
import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any
from unittest.mock import patch

from diptych.classifier.scoring.persist import load_model
from diptych.cli.main import run
from diptych.coding.coders import load_coders
from diptych.coding.codings import load_codings
from diptych.coding.gold import load_gold
from diptych.documents.passages import load_passages
from diptych.labelstudio import reach
from diptych.study import Study

EVENTS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink")
NOBODY = 65534
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Fuse:
    """Counts points in a child, and stops the child at one of them."""

    def __init__(self, at: int | str = 0, how: int = signal.SIGKILL) -> None:
        self.at, self.how = at, how
        self.kinds: list[str] = []
        self.met = False
        self.real_fdopen, self.real_fsync = os.fdopen, os.fsync

    def light(self) -> None:
        """Watch this process from now on."""
        sys.addaudithook(self._audit)
        os.fdopen = self._fdopen  # type: ignore[assignment]
        os.fsync = lambda _: self.point("fsync")  # nothing here cuts the power

    def point(self, kind: str) -> None:
        """Reach a point."""
        if self.reach(kind):
            self.stop()

    def reach(self, kind: str) -> bool:
        self.kinds.append(kind)
        return self.at == (len(self.kinds) if isinstance(self.at, int) else kind) and not self.met

    def stop(self) -> None:
        self.met = True
        os.kill(os.getpid(), self.how)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS:
            self.point(event)
        elif event == "open" and isinstance(arguments[0], str | Path) and arguments[2] & WRITES:
            self.point("open")

    def _fdopen(self, *arguments: Any, **more: Any) -> Any:
        stream = self.real_fdopen(*arguments, **more)
        real = stream.write

        def write(data: Any) -> Any:
            if self.reach("write"):  # half of it is on the disk
                real(data[: len(data) // 2])
                stream.flush()
                self.stop()
                return real(data[len(data) // 2 :])
            return real(data)

        stream.write = write
        return stream


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code (-9: killed), what it said, and the points it went through."""

    code: int
    said: str
    points: tuple[str, ...] = ()


class Child:
    """A command in a child of this process.

    Parameters
    ----------
    words : sequence
        Of the command line.
    at : int or str
        The point, from 1, at which it is stopped, or its kind; 0: none.
    how : signal
    first : callable
        Called in the child before the command.
    server : object, optional
        Lives in this process; the child reaches it as its Label Studio.
    """

    def __init__(
        self,
        words: Sequence[object],
        *,
        at: int | str = 0,
        how: int = signal.SIGKILL,
        first: Callable[[], object] = lambda: None,
        server: object = None,
    ) -> None:
        (said_at, self.said), (seen_at, self.seen) = os.pipe(), os.pipe()
        self.pipes = said_at, seen_at
        for pipe in self.pipes:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)  # nobody reads before the end
        ours, theirs = Pipe()
        gc.freeze()  # so that a child does not copy what it never looks at
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # there may be threads; the child needs none of them
            self.pid = os.fork()
        if not self.pid:
            self._be(words, Fuse(at, how), first, None if server is None else theirs)
        theirs.close()
        os.close(self.said)
        os.close(self.seen)
        self.serving = threading.Thread(target=_serve, args=(server, ours))
        self.serving.start()

    def _be(self, words: Sequence[object], fuse: Fuse, first: Callable[[], object], server: Connection | None) -> None:
        code = 99
        sys.dont_write_bytecode = True  # a module that is compiled when first met is no point
        try:
            os.dup2(self.said, 1)
            os.dup2(self.said, 2)
            sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), encoding="utf-8", write_through=True)
            sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb"), encoding="utf-8", write_through=True)
            if server is not None:
                reach.reach = lambda *_: Far(server, fuse)  # type: ignore[assignment]
            first()
            fuse.light()
            code = run([str(word) for word in words])
        finally:
            os.write(self.seen, " ".join(fuse.kinds).encode())
            os._exit(code)

    def wait(self) -> Ended:
        """Wait for its end."""
        _, status = os.waitpid(self.pid, 0)
        self.serving.join()
        texts = []
        for pipe in self.pipes:
            with os.fdopen(pipe, "rb") as stream:
                texts.append(stream.read().decode())
        return Ended(os.waitstatus_to_exitcode(status), texts[0], tuple(texts[1].split()))

    def wait_for_stop(self) -> bool:
        """Wait until it is stopped by SIGSTOP (True), or has ended."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        return os.WIFSTOPPED(status)

    def go_on(self) -> Ended:
        """Let it go on after a stop."""
        os.kill(self.pid, signal.SIGCONT)
        return self.wait()


class Far:
    """A server in the parent, seen from a child: every call is two points, one before and one after it is sent."""

    def __init__(self, line: Connection, fuse: Fuse) -> None:
        self._line, self._fuse, self.url = line, fuse, "http://studio.test/"

    def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            self._fuse.point(f"ask:{name}")
            self._line.send((name, arguments, more))
            self._fuse.point(f"told:{name}")
            failed, answer = self._line.recv()
            if failed:
                raise answer
            return answer

        return call


def _serve(server: object, line: Connection) -> None:
    while True:
        try:
            name, arguments, more = line.recv()
        except (EOFError, OSError):
            line.close()
            return
        try:
            answer = getattr(server, name)(*arguments, **more)
            said = (False, list(answer) if isinstance(answer, Iterator) else answer)
        except Exception as error:  # noqa: BLE001 - handed on
            said = (True, error)
        try:
            line.send(said)
        except OSError:  # nobody is left to hear it
            line.close()
            return


def here(words: Sequence[object], server: object = None) -> Ended:
    """Run a command to its end in this process."""
    said = io.StringIO()
    stand_in = nullcontext() if server is None else patch.object(reach, "reach", lambda *_: Near(server))
    with stand_in, redirect_stdout(said), redirect_stderr(said):
        code = run([str(word) for word in words])
    return Ended(code, said.getvalue())


class Near:
    """A server in this process."""

    def __init__(self, server: object) -> None:
        self._server, self.url = server, "http://studio.test/"

    def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


def moments(kinds: Sequence[str], number: int, seed: int) -> list[int]:
    """Choose points, from 1: half of them among writes, of which there are many, the others among all else."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    writes = [place for place, kind in enumerate(kinds, 1) if kind == "write"]
    others = [place for place, kind in enumerate(kinds, 1) if kind != "write"]
    found = chance.sample(others, min(len(others), number - min(number // 2, len(writes))))
    found += chance.sample(writes, min(len(writes), number - len(found)))
    while len(found) < number:  # fewer points than kills: some are met again
        found.append(chance.choice([*writes, *others]))
    return sorted(found)


def contents(root: Path) -> dict[str, bytes]:
    """Every file under a folder but the lock itself, which is empty."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "busy")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def faults(root: Path) -> list[str]:
    """What is wrong with a study as it lies there: half files, rows twice, parts that do not load."""
    wrong = []
    for name, data in contents(root).items():
        try:
            if name.endswith(".part") and name.rpartition("/")[2].startswith("."):
                continue  # hidden, to be cleared away
            if name.endswith(".jsonl"):
                _lines(data)
            elif name.endswith(".json"):
                json.loads(data)
            elif name.endswith(".toml"):
                tomllib.loads(data.decode())
            elif name.endswith(".html") and name.startswith("report") and not data.rstrip().endswith(b"</html>"):
                wrong.append(f"{name} is half a page")
        except ValueError as error:
            wrong.append(f"{name}: {error}")
    study = Study.load(root)
    history = load_codings(study, history=True)
    wrong += [f"{row.id} stands twice" for row in history[history["id"].duplicated()].itertuples()]
    load_coders(study)
    if study.gold_file.exists() and load_gold(study).duplicated(["passage", "facet"]).any():
        wrong.append("two gold labels for one question")
    if any(study.passages_file(document.id).exists() for document in study.settings.documents):
        load_passages(study)
    if study.model_file.exists():
        load_model(study.model_file, study.schema.structure_hash)
    return wrong


def _lines(data: bytes) -> None:
    if data and not data.endswith(b"\n"):
        raise ValueError("the last line is not whole")
    for line in data.splitlines():
        json.loads(line)


def as_nobody() -> None:
    """Be a user whom permissions concern."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def full_disk(size: int) -> Callable[[], None]:
    """Let no file of a child grow beyond `size` bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
