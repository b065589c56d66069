"""Training and reporting without their computing: what is computed does not depend on when a command is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from diptych.classifier.scoring.persist import load_model
from diptych.classifier.training import train
from diptych.classifier.training.predictions import load_crossfit
from diptych.report import build, workbook
from diptych.report.catalogue import load_catalogue
from diptych.schema import Schema
from diptych.study import Study

Inside = Callable[[], Any]


def computed_once(trained: Path) -> Inside:
    """Return a context in which `train` finds the model, and `report` the page, that were made before of this study.

    A schema is parsed once, too.
    """
    study = Study.load(trained)
    model, crossfit = load_model(study.model_file), load_crossfit(study)
    page = (trained / "report.html").read_text(encoding="utf-8")
    contents = build.read_contents(study)
    tables = workbook.tables(contents)
    book = workbook.workbook(workbook.about(contents, tables, load_catalogue()), tables)
    parse, known = Schema.parse, dict[Any, Schema]()

    def parsed(*arguments: Any) -> Schema:
        if arguments not in known:
            known[arguments] = parse(*arguments)
        return known[arguments]

    @contextmanager
    def inside() -> Iterator[None]:
        with ExitStack() as stack:
            for module, name, value in (
                (train, "fit_model", lambda *_, **__: (model, crossfit)),
                (build, "page", lambda *_: page),
                (build, "read_contents", lambda *_, **__: contents),
                (workbook, "tables", lambda *_: tables),
                (workbook, "workbook", lambda *_: book),
                (Schema, "parse", parsed),
            ):
                stack.enter_context(patch.object(module, name, value))
            yield

    return inside
