"""diptych: comparative perception annotation. Two authors, two capitals, one codebook."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
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
    "PassageClassifier": "diptych.classifier.model",
    "reliability": "diptych.api",
    "train": "diptych.classifier.train",
    "write_gold": "diptych.coding.gold",
    "write_report": "diptych.api",
}
__all__ = sorted(_PLACES)  # noqa: PLE0605 - one list, held by a test

try:
    __version__ = version("diptych")
except PackageNotFoundError:
    __version__ = "0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import diptych` stays cheap."""
    if name not in _PLACES:
        raise AttributeError(f"module 'diptych' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
