"""The parts of a long job, handed to Dask: a thin caller over what one machine does, too.

Workers read the inputs and write the parts where the job lies, so all of them must see that folder. A part is put in
place in one step: whoever does it, and however often, the same bytes come out.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import diptych
from diptych.classifier.streams.batches import Predictor
from diptych.classifier.streams.jobs import predictor_of, work
from diptych.classifier.streams.parts import Parts, Task
from diptych.errors import DiptychError, JobError, MissingExtraError

_PATIENCE = "20s"  # for a scheduler that does not answer
_KEPT = "what is finished is kept: run the command again with --resume"


def hand_out(
    address: str, parts: Parts, job: Mapping[str, Any], todo: Sequence[Task], tell: Callable[[int], object]
) -> None:
    """Hand tasks to the workers of a scheduler, and wait until all are done.

    Parameters
    ----------
    address : str
        Of a running Dask scheduler: `tcp://host:8786`.
    parts : Parts
        In a folder that the workers see under the same name.
    job : mapping
    todo : sequence of Task
    tell : callable
        Called with the number of rows of every task that is done.

    Raises
    ------
    MissingExtraError
        If Dask is not installed here.
    JobError
        If the scheduler does not answer or goes away, or a worker runs another version, or cannot do its part.
    """
    if find_spec("distributed") is None:
        raise MissingExtraError("dask[distributed]", "cluster")
    from distributed import as_completed

    try:
        with _connected(address) as client, client.as_current():
            out = str(parts.out.absolute())
            futures = client.map(
                part_on_worker,
                [out] * len(todo),
                [task.source for task in todo],
                [task.part for task in todo],
                [diptych.__version__] * len(todo),
                pure=False,
                batch_size=1000,
            )
            for future in as_completed(futures):  # type: ignore[no-untyped-call]
                _heed(future, client, address)
                tell(future.result()["rows"])
    except (OSError, CancelledError) as error:  # the connection broke in one of many places
        raise JobError(f"the scheduler at {address} is gone", hint=_KEPT) from error


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    import logging

    import dask
    from distributed import Client

    for name in ("asyncio", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in {"asyncio", "distributed", "tornado"}:  # what they would say, we say in words
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    settings = {"distributed.comm.timeouts.connect": _PATIENCE, "distributed.comm.retry.count": 0}
    with dask.config.set(settings):
        try:
            client = Client(address, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TimeoutError) as error:
            raise JobError(
                f"there is no Dask scheduler at {address}", hint="start one: dask scheduler; then dask worker ADDRESS"
            ) from error
        try:
            yield client
        finally:
            client.close(timeout=1)  # type: ignore[no-untyped-call]


def _heed(future: Any, client: Any, address: str) -> None:
    """Word what went wrong with a task."""
    if future.status == "cancelled" or client.status not in {"running", "connecting"}:
        raise JobError(f"the scheduler at {address} is gone", hint=_KEPT)
    if future.status == "error":
        error = future.exception()
        if isinstance(error, ModuleNotFoundError | AttributeError | ImportError):
            raise JobError(
                f"a worker cannot do its part: {error}", hint="install this version of diptych on all workers"
            ) from error
        raise JobError(f"a part could not be done: {type(error).__name__}: {error}", hint=_KEPT) from error
    if "error" in future.result():
        raise JobError(future.result()["error"], hint=future.result()["hint"] or _KEPT)


def part_on_worker(out: str, source: int, part: int | None, version: str) -> dict[str, Any]:
    """Do a task on a worker; errors come back as words, since the classes of errors may differ between versions.

    Parameters
    ----------
    out : str
        What the job writes; its parts lie beside it.
    source : int
    part : int or None
    version : str
        The version of diptych that asks.
    """
    try:
        if version != diptych.__version__:
            raise JobError(
                f"{_here()} runs diptych {diptych.__version__}, and the job was begun by {version}",
                hint="install the same version on all workers",
            )
        parts = Parts(Path(out))
        if not parts.begun:
            raise JobError(
                f"{_here()} does not see {parts.folder}", hint="put --out into a folder that all machines share"
            )
        job = parts.job()
        rows = [0]
        predictor = _predictor(out, job["model"]["sha256"], str(job["options"]))
        work(parts, job, Task(source, part), predictor, rows.append)
        return {"rows": sum(rows)}
    except DiptychError as error:
        return {"error": str(error), "hint": error.hint}


@lru_cache(maxsize=2)
def _predictor(out: str, model: str, options: str) -> Predictor:
    """Load the model once for all parts of a job."""
    return predictor_of(Parts(Path(out)).job())


def _here() -> str:
    from distributed import get_worker

    try:
        return f"worker {get_worker().address}"
    except ValueError:
        return "this worker"
