"""A process of its own that brings new codings in and trains: whatever happens to it, answering goes on.

It reads what Label Studio holds by itself; what an event said is only a hint that there is something to read.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diptych.errors import DiptychError
from diptych.study import Study

NICE = 5  # answering goes before training
TRAINED_AT = "trained-at.json"  # how many codings there were at the last training


def run(root: Path, *, train_after: int, force: bool, promote: str, tell: Callable[..., None]) -> None:
    """Pull, derive gold labels, and train where enough is new or it is asked for.

    Parameters
    ----------
    root : Path
        The study.
    train_after : int
        New codings after which a training begins; 0: only with `force`.
    force : bool
    promote : {'better', 'always', 'never'}
    tell : callable
        Called with a stage and what came of it.
    """
    from diptych.coding.codings import load_codings
    from diptych.coding.gold import write_gold
    from diptych.files import exclusive, write_text

    study = Study.load(root)
    with exclusive(study.state):
        memory = study.state / TRAINED_AT
        if not memory.exists():
            write_text(memory, json.dumps(len(load_codings(study))) + "\n")
        before = _number(memory)
        _pull(study, tell)
        write_gold(study)
        now = len(load_codings(study))
        if not force and not (train_after and now - before >= train_after):
            tell("waiting", new=now - before, after=train_after)
            return
        _train(study, promote, tell)
        write_text(memory, json.dumps(now) + "\n")


def _pull(study: Study, tell: Callable[..., None]) -> None:
    from diptych.errors import LabelStudioError
    from diptych.labelstudio.pull import pull
    from diptych.labelstudio.reach import reach

    try:
        client = reach(study)
    except LabelStudioError as error:
        tell("not pulled", reason=str(error))
        return
    try:
        found = pull(client, study)
        tell("pulled", new=found.new, changed=found.changed, deleted=found.deleted, rejected=len(found.rejects))
    except LabelStudioError as error:
        tell("not pulled", reason=str(error))
    finally:
        client.close()


def _train(study: Study, promote: str, tell: Callable[..., None]) -> None:
    from diptych.classifier.scoring.persist import load_model
    from diptych.classifier.training.train import adopt, train
    from diptych.service.serving import comparison, may_serve

    folder = study.state / "candidate"
    folder.mkdir(exist_ok=True)
    tell("training")
    model = train(study, folder=folder, warm=promote == "always")  # to be compared, figures have to be a model's own
    try:
        old = load_model(study.model_file, study.schema.structure_hash)
    except DiptychError:
        old = None
    figures = comparison(old, model)
    chosen = old is None or may_serve(figures, promote)
    if chosen:
        adopt(study, folder)
        shutil.rmtree(folder, ignore_errors=True)
    tell("trained", model=model.version, serves=chosen, **figures)


def _number(path: Path) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return 0


def main(arguments: list[str]) -> int:
    """Run as a process: one JSON object a line on stdout; errors as one, too."""
    root, train_after, force, promote = arguments
    os.nice(NICE)

    def tell(stage: str, **more: Any) -> None:
        sys.stdout.write(json.dumps({"stage": stage, **more}) + "\n")
        sys.stdout.flush()

    try:
        run(Path(root), train_after=int(train_after), force=force == "yes", promote=promote, tell=tell)
    except DiptychError as error:
        tell("failed", reason=str(error), hint=error.hint, again=type(error).__name__ == "BusyError")
        return 1
    except Exception as error:  # noqa: BLE001 - the parent says it in its log
        tell("failed", reason=f"{type(error).__name__}: {error}", hint="", again=False)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
