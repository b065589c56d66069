"""diptych: comparative perception annotation. Two authors, two capitals, one codebook."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLACES = {
    "Study": "diptych.study",
    "Schema": "diptych.schema",
    "DiptychError": "diptych.errors",
    "classify": "diptych.api",
    "coverage": "diptych.api",
    "divergence": "diptych.api",
    "drift": "diptych.api",
    "evaluate": "diptych.api",
    "ingest": "diptych.documents.ingest",
    "load_codings": "diptych.coding.codings",
    "load_gold": "diptych.coding.gold",
    "load_passages": "diptych.documents.passages",
    "PassageClassifier": "diptych.classifier.training.model",
    "reliability": "diptych.api",
    "train": "diptych.classifier.training.train",
    "write_gold": "diptych.coding.gold",
    "write_report": "diptych.api",
}
__all__ = sorted(_PLACES)  # noqa: PLE0605 - one list, held by a test


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import diptych` stays cheap."""
    if name == "__version__":
        return _version()
    if name not in _PLACES:
        raise AttributeError(f"module 'diptych' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def _version() -> str:
    """The version that is installed; looked up when somebody asks, which takes as long as all the rest."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("diptych")
    except PackageNotFoundError:
        return "0"


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
