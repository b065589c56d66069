"""Which model answers: a named one, a study's, or the one that is shipped as a file of arrays."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.classifier.scoring.persist import FORMAT, Model, load_model, study_model
from diptych.errors import FileWriteError
from diptych.files import STUDY, sha256_file, upward, write_text

if TYPE_CHECKING:
    from diptych.study import Study

FILE = Path(__file__).parent / "default_model.zip"
SEEN = "schema.json"  # in a study's .diptych: which schema its files stand for, so that they need not be read again


@lru_cache(maxsize=1)
def bundled_model() -> Model:
    """Return the default model, trained with `make model`; its card says on what, and how good it is."""
    return load_model(FILE)


def find_model(path: Path | None, folder: Path | None) -> tuple[Path, Model]:
    """Return the model that is named; else that of a study's folder, or of the nearest study; else the default one.

    Raises
    ------
    NotTrainedError
        If the study has no model.
    ModelFormatError
        If the model is damaged, or of another schema.
    StudyError
        If the study is broken.
    """
    if path is not None:
        return path, load_model(path)
    root = folder or upward(STUDY)
    if root is None:
        return FILE, bundled_model()
    state = root.resolve() / ".diptych"
    structure = _seen(state)
    if structure is not None and (state / "model.zip").is_file():
        return state / "model.zip", load_model(state / "model.zip", structure)
    from diptych.study import Study  # it needs packages that take longer to import than a text to classify

    study = Study.load(root)
    model = study_model(study)
    _remember(study)
    return study.model_file, model


def _seen(state: Path) -> str | None:
    """Return the structure of a study's schema where its files are still those that were read."""
    try:
        raw = json.loads((state / SEEN).read_text(encoding="utf-8"))
        files = {name: sha256_file(state.parent / name) for name in raw["files"]}
        return str(raw["structure"]) if (raw["format"], raw["files"]) == (FORMAT, files) and STUDY in files else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _remember(study: Study) -> None:
    files = {name: sha256_file(study.root / name) for name in (STUDY, study.settings.schema_)}
    said = {"format": FORMAT, "files": files, "structure": study.schema.structure_hash}
    with suppress(FileWriteError, OSError):  # a folder that may only be read
        write_text(study.state / SEEN, json.dumps(said, indent=1, sort_keys=True) + "\n")
