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
NOTES = 50  # sentences on what could not be read
MODULE = "diptych.service.reader"


def read_upload(name: str, data: bytes, bounds: Bounds) -> tuple[list[dict[str, Any]], list[str]]:
    """Cut a document into passages: rows with passage, start, end, text, and notes on what could not be read.

    Raises
    ------
    DocumentError
        If it is none, is damaged, encrypted or has no passage.
    Problem
        503 where it takes too long, 422 where it breaks the reader, 413 where it has too many passages or letters.
    """
    try:
        done = subprocess.run(  # nosec B603  # noqa: S603 - our own module
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
            422,
            f"the document takes more memory than {MEMORY >> 20} MB to read, or is damaged",
            hint="save it in a simpler form, or shorten it",
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

    from diptych.classifier.streams.rows import document_rows

    notes: list[str] = []
    try:
        rows = [row for _, row in islice(document_rows(name, sys.stdin.buffer.read(), notes=notes), most + 1)]
        written = json.dumps({"rows": rows[:most], "notes": notes[:NOTES], "more": len(rows) > most})
    except DiptychError as error:
        written = json.dumps({"error": str(error), "hint": error.hint})
    except MemoryError:
        return
    sys.stdout.write(written)


def _bounded() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
