"""The model that `classify` falls back to: trained once from the bundled study, then kept in a cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from diptych.classifier.persist import Model, load_model, save_model
from diptych.errors import DiptychError, ModelFormatError
from diptych.files import sha256_bytes
from diptych.study import Study


def cache_folder() -> Path:
    """Return where diptych keeps what it can make again: `DIPTYCH_CACHE`, else the user's cache."""
    given = os.environ.get("DIPTYCH_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diptych"


def bundled_model(tell: Callable[[str], None] = lambda _: None) -> Model:
    """Return the bundled study's model, training it on first use.

    Parameters
    ----------
    tell : callable
        Called with a sentence when training is needed.
    """
    from diptych.lock import hash_files

    study = Study.bundled()
    parts = [study.gold_file, *(study.digest_file(d.id) for d in study.settings.documents)]
    key = sha256_bytes(f"{hash_files(parts)} {study.schema.structure_hash}".encode())[:12]
    path = cache_folder() / f"bundled-{key}.zip"
    try:
        return load_model(path, study.schema.structure_hash)
    except ModelFormatError:
        pass
    tell("training the bundled model once (a few seconds)")
    from diptych.classifier.train import fit_model, training_table

    model, _ = fit_model(training_table(study, originals=False), study.schema, study.settings.seed)
    try:
        save_model(path, model)
    except DiptychError as error:
        tell(f"the model could not be kept: {error}")
    return model
