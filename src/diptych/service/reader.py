"""Reads one uploaded document in a process of its own: a hostile file can hang or fill that process alone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from diptych.errors import DiptychError, DocumentError
from diptych.service.problems import Problem, too_many
from diptych.service.settings import Bounds

MEMORY = 2 * 1024**3  # bytes of address space, beside the pages of the libraries
MODULE = "diptych.service.reader"


def read_upload(name: str, data: bytes, bounds: Bounds) -> tuple[list[dict[str, Any]], list[str]]:
    """Cut a document into passages: rows with passage, start, end, text, and notes on what could not be read.

    Raises
    ------
    DocumentError
        If it is none, is damaged, encrypted or has no passage.
    Problem
        503 where it takes too long or too much memory, 413 where it has too many passages.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", MODULE, name, str(bounds.passages)],
            input=data,
            capture_output=True,
            timeout=bounds.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Problem(
            503,
            f"the document was not read in {bounds.seconds:g} seconds",
            hint="a shorter document",
            limit=bounds.seconds,
        ) from None
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise Problem(
            503, "the document takes more memory than a request may", hint="save it in a simpler form, or shorten it"
        ) from None
    if "error" in found:
        raise DocumentError(found["error"], hint=found["hint"])
    if found["more"]:
        raise too_many(bounds.passages, "the document has more")
    return found["rows"], found["notes"]


def main(name: str, most: int) -> None:
    """Read stdin, write JSON to stdout."""
    _bounded()
    from itertools import islice

    from diptych.classifier.stream import document_rows

    notes: list[str] = []
    try:
        rows = [row for _, row in islice(document_rows(name, sys.stdin.buffer.read(), notes=notes), most + 1)]
    except DiptychError as error:
        found: dict[str, Any] = {"error": str(error), "hint": error.hint}
    except MemoryError:
        return
    else:
        found = {"rows": rows[:most], "notes": notes, "more": len(rows) > most}
    sys.stdout.write(json.dumps(found))


def _bounded() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
