"""`diptych demo`: the whole way on a copy of the bundled study."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diptych.analysis.divergence import largest
from diptych.api import divergence
from diptych.errors import FileWriteError, UsageError
from diptych.files import STATE, copy_file
from diptych.records import rows_of
from diptych.report.sentences import cell_label, counted
from diptych.study import Study

COPIED = ("study.toml", "schemas", "seeds", "annotations")
LEFT = ("*.txt", ".*", "round-2.jsonl")  # originals; and of the exemplars one round trains in a third of the time


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made: the study's copy, the report, and the differences to tell."""

    study: Study
    report: Path
    differences: list[str]


def copy_bundled(target: Path) -> Study:
    """Copy the bundled study's files (never its originals) to a folder and load it there."""
    source = Study.bundled()
    try:
        for name in COPIED:
            place = source.root / name
            if place.is_dir():
                shutil.copytree(place, target / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LEFT))
            else:
                target.mkdir(parents=True, exist_ok=True)
                copy_file(place, target / name)  # first and whole: by it the folder is known as a demo's
    except (OSError, shutil.Error) as error:
        raise FileWriteError(f"cannot write {target}: {error}", hint="name another folder with --out") from error
    return Study.load(target)


def check_target(target: Path) -> None:
    """Refuse a folder that holds anything but an earlier demo.

    Raises
    ------
    UsageError
        Naming the folder.
    """
    if not target.exists() or (target.is_dir() and not any(p.name != STATE for p in target.iterdir())):
        return
    settings = target / "study.toml"
    if not settings.is_file() or settings.read_bytes() != (Study.bundled().root / "study.toml").read_bytes():
        raise UsageError(f"{target} exists and holds something else", hint="name another folder with --out")


def run_demo(target: Path, stage: Callable[[str], None]) -> Demo:
    """Go the whole way: ingest, gold labels, training, report.

    Parameters
    ----------
    target : Path
        The folder for the copy.
    stage : callable
        Called with the name of every stage as it begins.
    """
    from diptych.classifier.training.train import train
    from diptych.coding.codings import load_codings
    from diptych.coding.gold import write_gold
    from diptych.documents.ingest import ingest
    from diptych.files import exclusive
    from diptych.report.build import write_report

    if not (target / STATE).is_dir():
        check_target(target)
    with exclusive(target / STATE):
        check_target(target)
        stage("copying the bundled study")
        study = copy_bundled(target)
        stage("cutting documents into passages")
        ingest(study, coded=load_codings(study)["passage"].unique())
        stage("deriving gold labels from the codings")
        write_gold(study)
        stage("training and measuring the classifier")
        train(study)
        stage("writing the report")
        report = write_report(study, target / "report.html")
    _, cells = divergence(study)
    said = []
    for row in rows_of(largest(cells, number=3)):
        label = cell_label(study.schema, row["facet"], row["value"])
        first = f"{row['first']} {counted(row['count_first'], row['of_first'])}"
        second = f"{row['second']} {counted(row['count_second'], row['of_second'])}"
        said.append(f"{label}: {first}, {second}")
    return Demo(study, report, said)
