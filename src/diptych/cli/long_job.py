"""diptych classify, when there is much to do: in parts, by several, to be gone on with after any crash."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.cli.options import Talk
from diptych.errors import JobError, UsageError

if TYPE_CHECKING:
    import subprocess

    from diptych.classifier.streams.batches import Options
    from diptych.classifier.streams.inputs import Source
    from diptych.classifier.streams.joining import Summary
    from diptych.classifier.streams.parts import Parts
    from diptych.cli.progress import Progress

LONG = 32 << 20  # bytes of input from which a job is done in parts
_PACKED = 8  # how many times less a packed file holds
_LOOK = 0.5  # seconds between looks at what other processes have done


@dataclass(frozen=True, slots=True)
class Long:
    """How a long job is done: the options of the command that only concern such."""

    resume: bool = False
    part_rows: int | None = None
    workers: int | None = None
    shard: tuple[int, int] | None = None
    join: bool = False
    scheduler: str | None = None

    @property
    def asked(self) -> str:
        """The option that asks for parts; an empty text if none does."""
        given = {
            "--join": self.join,
            "--shard": self.shard is not None,
            "--scheduler": self.scheduler is not None,
            "--workers": self.workers is not None,
            "--resume": self.resume,
            "--part-rows": self.part_rows is not None,
        }
        return next((name for name, said in given.items() if said), "")

    def check(self, out: str | None) -> None:
        """Refuse what does not go together."""
        if out is None and self.asked:
            raise UsageError(f"{self.asked} works on the parts of a file", hint="name it with --out")
        ways = [name for name, given in (("--shard", self.shard), ("--workers", self.workers)) if given is not None]
        ways += [name for name, given in (("--scheduler", self.scheduler), ("--join", self.join)) if given]
        if len(ways) > 1:
            raise UsageError(f"{ways[0]} and {ways[1]} are two ways to share the work", hint="choose one")


def is_long(sources: Sequence[Source]) -> bool:
    """Whether files are so large that they are worth parts; an address is."""
    from diptych.exchange.opening import is_address, packing

    total = 0
    for source in sources:
        if source.name == "-":
            return False
        if is_address(source.path):
            total += LONG
        elif source.is_table and Path(source.path).is_file():
            total += Path(source.path).stat().st_size * (_PACKED if packing(source.path) else 1)
    return total >= LONG


def parse_shard(text: str) -> tuple[int, int]:
    """Return (3, 8) for 3/8.

    Raises
    ------
    UsageError
        If it is no share.
    """
    number, _, of = text.partition("/")
    if not ((number + of).isdecimal() and number and of and 1 <= int(number) <= int(of)):
        raise UsageError(f"--shard {text!r} is no share", hint="1/8 is the first of eight, 8/8 the last")
    return int(number), int(of)


def run_long(
    sources: Sequence[Source],
    model_path: Path | None,
    options: Options,
    long: Long,
    *,
    out: str,
    form: str,
    rejects: Path,
    talk: Talk,
) -> Summary | None:
    """Do a long job, a share of it, or join it; return what came of it, or None where it is not joined yet."""
    from diptych.classifier.streams.jobs import begin
    from diptych.classifier.streams.joining import join
    from diptych.classifier.streams.parts import Parts
    from diptych.classifier.streams.planning import PART_ROWS

    parts = Parts(Path(out))
    if long.join:
        with parts.held():
            return join(parts, rejects)
    shared = long.shard is not None
    if not (long.resume or shared) and parts.begun:
        raise JobError(
            f"{parts.folder} holds the parts of a job that was not finished",
            hint=f"go on with it by --resume, or remove {parts.folder} to begin anew",
        )
    parts.clear()
    if sources and out.endswith("/") and parts.taken and not parts.begun:
        raise UsageError(f"{out} holds something already", hint="name a new folder, or empty this one")
    with parts.held(shared=shared or long.workers is not None or long.scheduler is not None):
        if sources and model_path is not None:
            job = begin(
                parts,
                sources,
                model_path,
                options,
                form=form,
                part_rows=long.part_rows or PART_ROWS,
                dataset=out.endswith("/"),
                apart=shared or long.workers is not None or long.scheduler is not None,
            )
        else:
            job = parts.job()
        _share(parts, job, long, talk)
        if shared:
            return None
        return join(parts, rejects)


def _share(parts: Parts, job: dict[str, Any], long: Long, talk: Talk) -> None:
    """Do what is to be done, alone or with others."""
    from diptych.classifier.streams.jobs import do_all, planned_rows
    from diptych.classifier.streams.parts import tasks
    from diptych.cli.progress import Progress

    done, todo = parts.all_done(job)
    if long.shard is not None:
        number, of = long.shard
        mine = tasks(job)[number - 1 :: of]
        todo = [task for task in mine if task in todo]
    progress = Progress(planned_rows(job), sum(one.rows + one.rejects for *_, one in done), quiet=talk.quiet)
    try:
        if long.workers is not None:
            _processes(parts, job, long.workers, progress)
        elif long.scheduler is not None:
            from diptych.classifier.streams.cluster import hand_out

            hand_out(long.scheduler, parts, job, todo, progress)
        else:
            do_all(parts, job, todo, progress)
    finally:
        progress.close()
    if long.shard is not None:
        number, of = long.shard
        found, missing = parts.all_done(job)
        talk(f"share {number} of {of} is done; {len(missing)} of {len(found) + len(missing)} parts are open")
        if not missing:
            talk(f"all parts are there: diptych classify --out {parts.out} --join")


def _processes(parts: Parts, job: dict[str, Any], workers: int, progress: Progress) -> None:
    """Run as many shares as processes of their own, and wait for them."""
    import subprocess
    import time

    words = [sys.executable, "-m", "diptych", "classify", "--out", str(parts.out), "--quiet", "--shard"]
    running = [
        subprocess.Popen(  # nosec B603  # noqa: S603 - this program itself
            [*words, f"{number}/{workers}"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for number in range(1, workers + 1)
    ]
    try:
        while any(process.poll() is None for process in running):
            time.sleep(_LOOK)
            rows = sum(done.rows + done.rejects for *_, done in parts.all_done(job)[0])
            progress(rows - progress.rows)
            if any(process.poll() for process in running):
                break
        _check(running, parts)
    finally:
        for process in running:
            process.terminate()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()


def _check(running: Sequence[subprocess.Popen[str]], parts: Parts) -> None:
    for number, process in enumerate(running, 1):
        if not process.poll():
            continue
        said = process.stderr.read().strip().splitlines() if process.stderr else []
        why = said[0].removeprefix("error: ") if said else f"it ended with {process.returncode}"
        hint = "what is finished is kept: mend it, then run the command again with --resume"
        raise JobError(f"worker {number} of {len(running)} stopped: {why}", hint=hint)
