"""The model that `classify` falls back to: shipped as a file of arrays."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from diptych.classifier.persist import Model, load_model

FILE = Path(__file__).parent / "default_model.zip"


@lru_cache(maxsize=1)
def bundled_model() -> Model:
    """Return the default model, trained with `make model`; its card says on what, and how good it is."""
    return load_model(FILE)
