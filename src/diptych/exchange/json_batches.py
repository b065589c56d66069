"""JSON Lines in batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, cast

from diptych.errors import RecordError
from diptych.exchange.batches import Dicts
from diptych.exchange.blocks import Block
from diptych.exchange.tables import Reject, check_utf8
from diptych.exchange.text_batches import TextTable
from diptych.files import Row, parse_object

_PLAIN = frozenset((str, int, bool, type(None)))
_BLANK = " \t\r"  # what JSON takes for blank within a line
_SCAN: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


class JsonTable(TextTable):
    """JSON Lines: see :class:`TextTable`.

    Lines are read by orjson where it is installed, else by the standard library, with the same answers: what
    orjson refuses, and numbers other than whole ones of up to 64 bits, are read by the standard library, too.
    """

    def batch(self, block: Block) -> Dicts:
        """Return the rows of a block."""
        first, data = self.place.line + 1, block.data
        if first == 1:
            check_utf8(data.split(b"\n", 1)[0], self.name)
        lines = data.split(b"\n")
        end = lines.pop()
        if end:
            lines.append(end)
        loads = fast_json()
        read = _plain(lines, data) if loads is None else _fast(lines, loads)
        rejects: list[Reject] = []
        numbers: Sequence[int] = range(first, first + len(lines))
        if None in read:
            ends = [b"\n"] * (len(lines) - bool(end)) + [b""] * bool(end)
            looked = [
                _closely(lines[i] + ends[i], first + i, self.name, rejects) if row is None else row
                for i, row in enumerate(read)
            ]
            numbers = [number for number, row in zip(numbers, looked, strict=True) if row is not None]
            read = [row for row in looked if row is not None]
        self.moved(len(lines))
        return Dicts(cast("list[Row]", read), numbers, rejects)


def fast_json() -> Callable[[bytes], Any] | None:
    """Return orjson's reader where it is installed, else None."""
    if find_spec("orjson") is None:
        return None
    from orjson import loads

    found: Callable[[bytes], Any] = loads
    return found


def _fast(lines: list[bytes], loads: Callable[[bytes], Any]) -> list[Row | None]:
    """Lines as objects; None for what is to be looked at closely."""
    found: list[Row | None] = []
    for raw in lines:
        try:
            row = loads(raw)
        except ValueError:
            row = None
        found.append(row if type(row) is dict and _PLAIN.issuperset(map(type, row.values())) else None)
    return found


def _plain(lines: list[bytes], data: bytes) -> list[Row | None]:
    """The same by the standard library."""
    try:
        texts = data.decode().split("\n")[: len(lines)]
    except UnicodeDecodeError:
        return [None] * len(lines)
    escapes = b"\\u" in data  # perhaps half a character, which could not be written again
    found: list[Row | None] = []
    for text in texts:
        if escapes and "\\u" in text:
            found.append(None)
            continue
        try:
            row, end = _SCAN(text, 0)
        except (ValueError, RecursionError, StopIteration):
            found.append(None)
        else:
            whole = end == len(text) or not text[end:].strip(_BLANK)
            found.append(row if whole and type(row) is dict else None)
    return found


def _closely(data: bytes, number: int, name: str, rejects: list[Reject]) -> Row | None:
    """Read one line as `read_table` does, and say what is wrong with it."""
    if not data.strip():
        return None
    try:
        return parse_object(data.decode("utf-8-sig" if number == 1 else "utf-8"), f"{name}:{number}")
    except UnicodeDecodeError as error:
        rejects.append(Reject(number, f"not UTF-8 (byte {error.start} of the line)", repr(data.strip())))
    except RecordError as error:
        rejects.append(Reject(number, str(error), data.decode("utf-8", "replace").strip()))
    return None
