"""Which model answers: a named one, a study's, or the one that is shipped as a file of arrays."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from diptych.classifier.scoring.persist import Model, load_model, study_model
from diptych.files import MODEL, STATE, STUDY, upward
from diptych.lock import known_structure

FILE = Path(__file__).parent / "default_model.zip"


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
    state = root.resolve() / STATE
    structure, file = known_structure(state), state / MODEL
    if structure is not None and file.is_file():
        return file, load_model(file, structure)
    from diptych.study import Study  # it needs packages that take longer to import than a text to classify

    study = Study.load(root)
    return study.model_file, study_model(study)
