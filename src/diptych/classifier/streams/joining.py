"""The end of a long job: its parts become one file, or a folder of files; what was refused, another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diptych.classifier.streams.batches import Predictor
from diptych.classifier.streams.jobs import predictor_of
from diptych.classifier.streams.parts import Done, Parts
from diptych.classifier.streams.planning import parquet_lines
from diptych.errors import JobError
from diptych.exchange.writers import csv_head
from diptych.files import atomic, atomic_folder

_SHOWN = 3


@dataclass(slots=True)
class Summary:
    """What came of a job."""

    rows: int = 0
    rejects: int = 0
    files: int = 0
    long: int = 0
    notes: list[str] = field(default_factory=list)
    first: dict[str, Any] | None = None
    by_input: list[tuple[str, int, int]] = field(default_factory=list)

    def add(self, name: str, done: Done) -> None:
        """Count a part."""
        self.rows += done.rows
        self.rejects += done.rejects
        self.files += done.files
        self.long += done.long
        self.notes += done.notes
        self.first = self.first or done.first
        rows, rejects = done.rows, done.rejects
        if self.by_input and self.by_input[-1][0] == name:
            _, before, aside = self.by_input.pop()
            rows, rejects = rows + before, rejects + aside
        self.by_input.append((name, rows, rejects))


def join(parts: Parts, rejects: Path) -> Summary:
    """Join the parts, put the result in place in one step, and remove the parts.

    Parameters
    ----------
    parts : Parts
    rejects : Path
        Where rows that were refused go.

    Raises
    ------
    JobError
        If parts are missing.
    """
    job = parts.job()
    found, missing = parts.all_done(job)
    if missing:
        names = [job["plans"][task.source]["name"] for task in missing]
        said = ", ".join(list(dict.fromkeys(names))[:_SHOWN])
        raise JobError(
            f"{len(missing)} of {len(found) + len(missing)} parts are not done yet (of {said})",
            hint="wait for the others, or do what is missing with --resume",
        )
    summary, faults = _summary(job, found)
    kept = [(source, part) for source, part, done in found if done.rows]
    predictor = predictor_of(job)
    if job["form"]["dataset"]:
        _dataset(parts, job, predictor, kept)
    else:
        _one_file(parts, job, predictor, kept)
    if summary.rejects:
        with atomic(rejects, "wb") as out:
            for source, part, done in found:
                if source in faults:
                    out.write(faults[source])
                elif done.rejects:
                    with parts.path(source, part, "rejects").open("rb") as stream:
                        shutil.copyfileobj(stream, out)
    parts.remove()
    return summary


def _summary(job: Mapping[str, Any], found: list[tuple[int, int, Done]]) -> tuple[Summary, dict[int, bytes]]:
    """Count all parts; inputs that cannot be read at all are put among them."""
    faults: dict[int, bytes] = {}
    for number, known in enumerate(job["plans"]):
        if "fault" in known:
            row = {"file": known["name"], "line": 0, "reason": known["fault"], "row": ""}
            faults[number] = (json.dumps(row, ensure_ascii=False) + "\n").encode()
            first = {"line": 0, "reason": known["fault"], "file": known["name"]}
            found.append((number, 0, Done(rejects=1, files=1, first=first)))
    found.sort(key=lambda one: one[:2])
    summary = Summary()
    for source, _, done in found:
        summary.add(job["plans"][source]["name"], done)
    return summary, faults


def _one_file(parts: Parts, job: Mapping[str, Any], predictor: Predictor, kept: list[tuple[int, int]]) -> None:
    form = job["form"]["form"]
    paths = [parts.path(source, part, form) for source, part in kept]
    with atomic(parts.out, "wb") as out:
        if form == "parquet":
            from diptych.exchange.parquet_out import join_arrow

            join_arrow(paths, out, parquet_lines(job["output"], predictor).schema)
            return
        if form == "csv" and paths:
            out.write(csv_head(job["output"]["columns"], predictor.names))
        for path in paths:
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, out, 1 << 20)


def _dataset(parts: Parts, job: Mapping[str, Any], predictor: Predictor, kept: list[tuple[int, int]]) -> None:
    """Leave the parts as files of a folder, each a table of its own."""
    if parts.in_place:
        return
    form = job["form"]["form"]
    head = csv_head(job["output"]["columns"], predictor.names) if form == "csv" else b""
    with atomic_folder(parts.out) as folder:
        for number, (source, part) in enumerate(kept):
            with (
                parts.path(source, part, form).open("rb") as stream,
                (folder / f"part-{number:06d}.{form}").open("wb") as out,
            ):
                out.write(head)
                shutil.copyfileobj(stream, out, 1 << 20)
        parts.complete()
