"""Long jobs: parts are classified, each put in place in one step, and joined when all are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import diptych
from diptych.classifier.scoring.persist import load_model
from diptych.classifier.scoring.score import Scorer
from diptych.classifier.streams.batches import Options, Predictor
from diptych.classifier.streams.inputs import Source, is_long
from diptych.classifier.streams.parts import Done, Parts, Task
from diptych.classifier.streams.planning import cut_of, identity, parquet_lines, plan
from diptych.classifier.streams.reading import Reader, sifted
from diptych.errors import JobError
from diptych.exchange.batches import Batch, Place
from diptych.exchange.beside import Behind
from diptych.exchange.tables import Reject, reject_rows
from diptych.exchange.writers import Added, CsvLines, JsonLines
from diptych.files import atomic, sha256_file

Tell = Callable[[int], object]


def begin(
    parts: Parts,
    sources: Sequence[Source],
    model_path: Path,
    options: Options,
    *,
    form: str,
    part_rows: int,
    dataset: bool = False,
    apart: bool = False,
) -> dict[str, Any]:
    """Write down a job, or find the one that was begun and see that it is the same.

    Raises
    ------
    JobError
        If other parts lie there.
    DiptychError
        If the inputs or the model cannot be read.
    """
    model = sha256_file(model_path) if model_path.is_file() else ""
    wanted = {
        "diptych": diptych.__version__,
        "model": {"sha256": model},
        "options": {**options.plain(), "part_rows": part_rows},
        "form": {"form": form, "dataset": dataset},
        "inputs": [identity(source) for source in sources],
    }
    if parts.begun:
        parts.check(wanted)
        return parts.job()
    predictor = Predictor(_scorer(model_path.resolve(), model), options)
    plans, output = plan(sources, predictor, form, part_rows, apart=apart)
    parts.begin({**wanted, "model_path": str(model_path.resolve()), "plans": plans, "output": output})
    return parts.job()


def predictor_of(job: Mapping[str, Any]) -> Predictor:
    """Load what answers a job.

    Raises
    ------
    JobError
        If this is another version of diptych, or the model is another one.
    """
    if job["diptych"] != diptych.__version__:
        raise JobError(
            f"the job was begun by diptych {job['diptych']}, and this is {diptych.__version__}",
            hint="let all machines run the same version, or begin the job anew",
        )
    path = Path(job["model_path"])
    found = sha256_file(path) if path.is_file() else ""
    if found and found != job["model"]["sha256"]:
        raise JobError(f"the model {path} is not the one that the job was begun with", hint="begin the job anew")
    options = {key: value for key, value in job["options"].items() if key != "part_rows"}
    return Predictor(_scorer(path, found), Options(**options))


@lru_cache(maxsize=1)
def _scorer(path: Path, sha256: str) -> Scorer:
    """Load a model once, for all that is done with it."""
    return load_model(path).scorer


def source_of(job: Mapping[str, Any], number: int) -> Source:
    """Return an input of a job."""
    known = job["plans"][number]
    return Source(known["name"], known["kind"], known["label"], known["path"])


def work(parts: Parts, job: Mapping[str, Any], task: Task, predictor: Predictor, tell: Tell) -> None:
    """Do a task; its parts that are finished are passed over.

    Parameters
    ----------
    parts : Parts
    job : mapping
    task : Task
    predictor : Predictor
    tell : callable
        Called with the number of rows that were read, now and then.

    Raises
    ------
    FileWriteError
        If the disk is full.
    DiptychError
        If the only input cannot be read.
    """
    known, rows = job["plans"][task.source], job["options"]["part_rows"]
    part, place = task.part or 0, Place()
    if task.part is None:
        while (done := parts.done(task.source, part)) is not None:
            part, place = part + 1, done.place
            if done.last:
                return
    elif parts.done(task.source, part) is not None:
        return
    source = source_of(job, task.source)
    notes: list[str] = []
    with Reader(source, predictor.options, header=known["header"], part_rows=rows, beside=True, notes=notes) as reader:
        last = False
        while not last:
            done = _part(parts, job, task.source, part, reader, predictor, tell, place)
            done.notes, notes[:] = list(notes), []
            last = done.last = task.part is not None or reader.ended
            place = reader.place
            done.offset, done.line = place.offset, place.line
            parts.finish(task.source, part, done)
            part += 1


def _part(
    parts: Parts,
    job: Mapping[str, Any],
    number: int,
    part: int,
    reader: Reader,
    predictor: Predictor,
    tell: Tell,
    place: Place,
) -> Done:
    """Classify one part."""
    done = Done()
    cut = cut_of(job["plans"][number], part, place, job["options"]["part_rows"])
    with ExitStack() as stack:
        write = stack.enter_context(sink(job, predictor, parts.path(number, part, job["form"]["form"])))
        rejects: IO[str] | None = None
        batches = sifted(reader, predictor, cut, several=len(job["plans"]) > 1)
        for batch, texts in batches:
            if texts:
                write(batch, predictor.predict(texts))
            done.rows += len(texts)
            done.long += sum(map(is_long, texts))
            if batch.rejects:
                rejects = rejects or stack.enter_context(atomic(parts.path(number, part, "rejects")))
                _reject(batch.rejects, rejects, done)
            tell(len(texts) + len(batch.rejects))
    return done


def _reject(found: Sequence[Reject], stream: IO[str], done: Done) -> None:
    for row in reject_rows(found):
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    done.rejects += len(found)
    done.files += sum(not reject.line for reject in found)
    done.first = done.first or {"line": found[0].line, "reason": found[0].reason, "file": found[0].file}


@contextmanager
def sink(job: Mapping[str, Any], predictor: Predictor, path: Path) -> Iterator[Callable[[Batch, Added], None]]:
    """Give what writes batches to a file, beside the work."""
    if job["form"]["form"] == "parquet":
        with _columns(job, predictor, path) as write:
            yield write
        return
    lines = CsvLines(job["output"]["columns"]) if job["form"]["form"] == "csv" else JsonLines()
    with atomic(path, "wb") as stream, Behind(stream.write) as behind:
        yield lambda batch, added: behind.put(lines.lines(batch, added))


@contextmanager
def _columns(job: Mapping[str, Any], predictor: Predictor, path: Path) -> Iterator[Callable[[Batch, Added], None]]:
    """The same for Parquet; a part that is to be joined is plain Arrow, so that it is packed only once."""
    from diptych.exchange.parquet_out import arrow_sink

    lines = parquet_lines(job["output"], predictor)
    with (
        atomic(path, "wb") as stream,
        arrow_sink(stream, lines.schema, packed=job["form"]["dataset"]) as target,
        Behind(target.put) as behind,
    ):
        yield lambda batch, added: behind.put(lines.table(batch, added))


def do_all(parts: Parts, job: Mapping[str, Any], todo: Iterable[Task], tell: Tell) -> None:
    """Do tasks one after the other."""
    predictor = predictor_of(job)
    for task in todo:
        work(parts, job, task, predictor, tell)


def planned_rows(job: Mapping[str, Any]) -> int:
    """Return how many rows (of text, lines) all inputs hold; 0 if that is not known."""
    ends = [known["cuts"] for known in job["plans"]]
    return 0 if None in ends else sum(cuts[-1][1] for cuts in ends if cuts)
