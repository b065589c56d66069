"""The formats of `import` and `export`: what each is called, and which one a file is in."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from diptych.errors import UsageError, nearest
from diptych.exchange.neighbours.packages import json_of
from diptych.files import parse_object

Kind = Literal["text", "bytes", "folder"]
TABLES = ("csv", "tsv", "jsonl", "excel")  # one row a passage or answer, in diptych's own columns


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another tool's format: the module that reads and writes it, lazily imported.

    `write(material, target)` takes an open file (or a folder) and returns how many `things` it wrote;
    `read(source, name, ground)` yields (place, row to import | Reject | None where nobody answered).
    """

    title: str
    writer: str
    reader: str
    kind: Kind
    things: str

    @property
    def write(self) -> Callable[..., int]:
        """The function that writes."""
        return _function(self.writer, "write")

    @property
    def read(self) -> Callable[..., Any]:
        """The function that reads."""
        return _function(self.reader, "read")


def _function(module: str, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module(f"diptych.exchange.neighbours.{module}"), name)
    return found


NEIGHBOURS = {
    "argilla": Neighbour("Argilla 2", "argilla", "argilla", "text", "records"),
    "crowd-kit": Neighbour("crowd-kit", "crowd_kit", "crowd_kit", "text", "labels"),
    "doccano": Neighbour("doccano", "doccano", "doccano", "text", "rows"),
    "hugging-face": Neighbour("Hugging Face datasets", "hugging_face", "hugging_face", "folder", "codings"),
    "inception": Neighbour("INCEpTION", "inception", "inception", "bytes", "files of a document and coder"),
    "prodigy": Neighbour("Prodigy", "prodigy", "prodigy", "text", "tasks"),
    "refi-qda": Neighbour("REFI-QDA", "refi_qda", "refi_qda_read", "bytes", "codings of selections"),
}
FORMATS = (*TABLES, "label-studio", *NEIGHBOURS)
ENDINGS = {".csv": "csv", ".tsv": "tsv", ".xlsx": "excel", ".qdpx": "refi-qda"}
PEEK = 1 << 20  # bytes of a first line


def format_of(name: str, *, exists: bool) -> str:
    """Return the format that a file is in, by its ending or, where it exists, by what stands in it.

    Raises
    ------
    UsageError
        If that does not say so.

    Examples
    --------
    >>> format_of("codings.xlsx", exists=False), format_of("study.qdpx", exists=False)
    ('excel', 'refi-qda')
    """
    path = Path(name)
    found = ENDINGS.get(path.suffix.casefold(), "")
    if exists and name != "-":
        found = _looked_at(path, found)
    if not found:
        near = nearest(path.suffix, ENDINGS) if path.suffix else ""
        raise UsageError(f"cannot tell the format of {name}{near}", hint=f"name it: --format {'|'.join(FORMATS)}")
    return found


def _looked_at(path: Path, found: str) -> str:
    """The format by content, where the ending leaves it open."""
    try:
        if path.is_dir():
            return "hugging-face" if (path / "README.md").is_file() else found
        suffix = path.suffix.casefold()
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
            return "doccano" if any(one.endswith(".jsonl") for one in names) else "inception"
        if suffix == ".json":
            return _of_json(json_of(path.read_bytes(), path.name))
        with path.open("rb") as stream:
            first = stream.readline(PEEK).decode("utf-8-sig", "replace")
        if suffix in (".jsonl", ".ndjson"):
            return _of_line(parse_object(first, path.name))
        if found == "csv" and {"task", "worker", "label"} <= {cell.strip(' "') for cell in first.strip().split(",")}:
            return "crowd-kit"
    except (OSError, ValueError, zipfile.BadZipFile):
        return found
    return found


def _of_json(raw: object) -> str:
    if isinstance(raw, dict):
        return "inception" if "%FEATURE_STRUCTURES" in raw else ""
    first = raw[0] if isinstance(raw, list) and raw and isinstance(raw[0], dict) else {}
    return "argilla" if "fields" in first else "label-studio" if "data" in first or "annotator" in first else ""


def _of_line(row: dict[str, Any]) -> str:
    if row.keys() & {"_view_id", "_task_hash", "_session_id"}:
        return "prodigy"
    if "text" in row and row.keys() & {"label", "labels"}:
        return "doccano"
    return "jsonl" if "passage" in row else ""
