"""A long job's parts: what is to be done, what is done, and the folder that remembers it over any crash.

`OUT.parts/` holds `job.json` (inputs, model, options, where the parts begin) and, for every part, its rows, its
rejects, and last of all a record that says it is finished. Every file is put in place in one step.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from diptych.errors import BusyError, JobError
from diptych.exchange.batches import Place
from diptych.files import write_text

FORMAT = 1
JOB = "job.json"
JOINED = "joined"
_SAID = {
    "diptych": "another version of diptych",
    "model": "another model",
    "options": "other options",
    "inputs": "other inputs",
    "form": "another format",
}


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker does at a time: one part; of an input in which reading cannot begin anywhere, all its parts."""

    source: int
    part: int | None


@dataclass(slots=True)
class Done:
    """The record of a finished part."""

    rows: int = 0
    rejects: int = 0
    files: int = 0  # rejects that stand for a whole file
    long: int = 0
    notes: list[str] = field(default_factory=list)
    first: dict[str, Any] | None = None
    offset: int = 0
    line: int = 0
    last: bool = True

    @property
    def place(self) -> Place:
        """Where the next part begins."""
        return Place(self.offset, self.line)


class Parts:
    """The folder of a job's parts.

    Parameters
    ----------
    out : Path
        What the job writes.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out.with_name(out.name + ".parts")

    @property
    def begun(self) -> bool:
        """Whether there is a job."""
        return (self.folder / JOB).is_file()

    def job(self) -> dict[str, Any]:
        """Return the job.

        Raises
        ------
        JobError
            If there is none, or it is another format's.
        """
        try:
            found = json.loads((self.folder / JOB).read_bytes())
        except FileNotFoundError as error:
            raise JobError(f"there is no job in {self.folder}", hint="begin it: name the inputs and --out") from error
        except (OSError, ValueError) as error:
            raise JobError(f"{self.folder / JOB} cannot be read ({error})", hint=_ANEW.format(self.folder)) from error
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise JobError(f"{self.folder} was made by another version of diptych", hint=_ANEW.format(self.folder))
        return found

    def begin(self, job: Mapping[str, Any]) -> None:
        """Write down what is to be done."""
        write_text(self.folder / JOB, json.dumps({"format": FORMAT, **job}, ensure_ascii=False, indent=1) + "\n")

    def check(self, wanted: Mapping[str, Any]) -> None:
        """Refuse to go on with a job that is not the one that is wanted.

        Raises
        ------
        JobError
            Naming what differs.
        """
        found = self.job()
        different = [key for key in _SAID if key in wanted and found.get(key) != wanted[key]]
        if not different:
            return
        what = " and ".join(_SAID[key] for key in different)
        raise JobError(
            f"{self.folder} holds parts made with {what}: {_difference(found, wanted, different[0])}",
            hint=_ANEW.format(self.folder),
        )

    def path(self, source: int, part: int, ending: str) -> Path:
        """Return the file of a part's rows (its form), `rejects` or record (`done`)."""
        return self.folder / f"{source:05d}-{part:06d}.{ending}"

    def done(self, source: int, part: int) -> Done | None:
        """Return the record of a part, if it is finished."""
        try:
            return Done(**json.loads(self.path(source, part, "done").read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise JobError(
                f"{self.path(source, part, 'done')} cannot be read ({error})", hint=_ANEW.format(self.folder)
            ) from error

    def finish(self, source: int, part: int, done: Done) -> None:
        """Write down that a part is finished: the last thing that is written of it."""
        write_text(self.path(source, part, "done"), json.dumps(asdict(done), ensure_ascii=False))

    def all_done(self, job: Mapping[str, Any]) -> tuple[list[tuple[int, int, Done]], list[Task]]:
        """Return the finished parts in order, and what is still to be done."""
        found: list[tuple[int, int, Done]] = []
        missing: list[Task] = []
        for task in tasks(job):
            if task.part is not None:
                done = self.done(task.source, task.part)
                if done is None:
                    missing.append(task)
                else:
                    found.append((task.source, task.part, done))
                continue
            part, last = 0, False
            while not last and (done := self.done(task.source, part)) is not None:
                found.append((task.source, part, done))
                part, last = part + 1, done.last
            if not last:
                missing.append(task)
        return found, missing

    @property
    def in_place(self) -> bool:
        """Whether the folder that the parts make was put in place by a run that was stopped before it removed them."""
        return (self.folder / JOINED).is_file() and self.taken

    @property
    def taken(self) -> bool:
        """Whether there is a folder with something in it where one is to be made."""
        return self.out.is_dir() and any(self.out.iterdir())

    def complete(self) -> None:
        """Write down that the folder is put in place next."""
        write_text(self.folder / JOINED, "")

    def remove(self) -> None:
        """Remove the folder, its name first: half a folder is no job, and no part of the next one."""
        self.clear()
        try:
            self.folder.rename(self._gone)
        except OSError:
            (self.folder / JOB).unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
        self.clear()

    def clear(self) -> None:
        """Remove what is left of a folder that was being removed."""
        shutil.rmtree(self._gone, ignore_errors=True)

    @property
    def _gone(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}.part")

    @contextmanager
    def held(self, *, shared: bool = False) -> Iterator[None]:
        """Hold the folder: alone, or with others who do other parts.

        Raises
        ------
        BusyError
            If another process holds it.
        """
        import fcntl

        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "busy").open("a") as stream:
            try:
                fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(
                    f"another diptych is at work on {self.folder}", hint="wait until it has ended, then run again"
                ) from error
            except OSError:  # a file system without locks: parts are put in place in one step all the same
                pass
            yield


def tasks(job: Mapping[str, Any]) -> list[Task]:
    """Return all there is to be done, in the order of the output."""
    found: list[Task] = []
    for number, source in enumerate(job["plans"]):
        if source["cuts"] is None:
            found.append(Task(number, None))
        else:
            found += [Task(number, part) for part in range(len(source["cuts"]) - 1)]
    return found


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any], key: str) -> str:
    """Name what differs first."""
    old, new = found.get(key), wanted[key]
    if key == "inputs" and isinstance(old, list):
        names = [one["name"] for one in old], [one["name"] for one in new]
        if names[0] != names[1]:
            return f"{', '.join(names[0][:3])} there, {', '.join(names[1][:3])} here"
        changed = next((b["name"] for a, b in zip(old, new, strict=True) if a != b), "")
        return f"{changed} has changed since"
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        one = next(name for name in {**old, **new} if old.get(name) != new.get(name))
        return f"{one.replace('_', '-')} was {old.get(one)}, and is {new.get(one)}"
    return f"{old} there, {new} here"


_ANEW = "run the command as it was with --resume, or remove {} and begin anew"
