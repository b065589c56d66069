"""Batches with their predictions → CSV and JSON Lines: the bytes that the row-wise writers make, faster."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from operator import itemgetter
from typing import Any, Protocol

from diptych.exchange.batches import Batch, Cells
from diptych.exchange.tables import cell, check_late, defuse
from diptych.files import Row

_FORMULA = frozenset("=+-@\t\r")
_TEXT = json.encoder.encode_basestring  # in C; what json.dumps(…, ensure_ascii=False) does with a text
_OTHER = json.JSONEncoder(ensure_ascii=False, default=str).encode


class Added(Protocol):
    """Columns to be added to a batch of n rows."""

    names: Sequence[str]

    def cells(self) -> list[Sequence[str]]:
        """Each column as n cells of CSV: formulas defused, quoted where they must be."""

    def members(self) -> list[str]:
        """Each row as members of a JSON object, without braces."""

    def values(self) -> list[Any]:
        """Each column as an array of n values."""


class JsonLines:
    """JSON Lines: as :class:`diptych.exchange.tables.JsonlWriter` writes them."""

    def lines(self, batch: Batch, added: Added) -> bytes:
        """Return the lines of a batch."""
        text = text_writer()
        keys: dict[str, str] = {}
        body = (_members(row, keys, text) for row in batch.dicts())
        # no row is without a text, so that a comma stands between
        lines = ["{" + own + ", " + more + "}\n" for own, more in zip(body, added.members(), strict=True)]
        return "".join(lines).encode()


def _members(row: Row, keys: dict[str, str], text: Callable[[str], str]) -> str:
    """The members of an object, without its braces."""
    found = []
    for name, value in row.items():
        key = keys.get(name)
        if key is None:
            key = keys[name] = _TEXT(name) + ": "
        found.append(key + (text(value) if type(value) is str else _OTHER(value)))
    return ", ".join(found)


def text_writer() -> Callable[[str], str]:
    """Return what writes a text as JSON: orjson where it is installed, else the standard library; the same texts."""
    if find_spec("orjson") is None:
        return _TEXT
    from orjson import dumps

    return lambda value: dumps(value).decode()


class CsvLines:
    """CSV: as :class:`diptych.exchange.tables.CsvWriter` writes it.

    Parameters
    ----------
    columns : sequence of str, optional
        The input's columns; default: those of the first row.

    Raises
    ------
    RecordError
        While writing: if a row has another column.
    """

    def __init__(self, columns: Sequence[str] | None = None) -> None:
        self.columns = None if columns is None else tuple(columns)

    def lines(self, batch: Batch, added: Added) -> bytes:
        """Return the lines of a batch."""
        if self.columns is None:
            self.columns = next(iter(batch.names()), ())
        for names in batch.names():
            check_late(names, {*self.columns, *added.names})
        return _csv([*_own(batch, self.columns), *added.cells()])


def csv_head(columns: Sequence[str], added: Sequence[str]) -> bytes:
    """Return the line that names the columns."""
    return _csv([[quoted(defuse(name))] for name in (*columns, *added)])


def quoted(value: Any) -> str:
    """Return a cell as it stands in a line of CSV: in quotes only where it must.

    >>> print(quoted("plain"), quoted("one, two"), quoted('a "b" c'), quoted(1.5))
    plain "one, two" "a ""b"" c" 1.5
    """
    text = value if type(value) is str else str(value)
    if '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return f'"{text}"' if "," in text or "\n" in text else text


def _own(batch: Batch, columns: Sequence[str]) -> list[Sequence[str]]:
    """The input's columns as cells of CSV."""
    if isinstance(batch, Cells) and batch.columns == tuple(columns):
        found: list[Sequence[Any]] = list(zip(*batch.rows, strict=True))
    else:
        rows = batch.dicts()
        alike = len(batch.names()) == 1
        found = []
        for name in columns:
            every = alike and rows and name in rows[0]
            found.append(list(map(itemgetter(name), rows)) if every else [row.get(name) for row in rows])
    return list(map(_cells, found))


def _cells(values: Sequence[Any]) -> list[str]:
    """Values as cells: what is no text or may be a formula the long way."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return list(map(str, values))
    if kinds != {str}:
        return [quoted(v if type(v) is str and v[:1] not in _FORMULA else cell(v)) for v in values]
    return [
        (v if '"' not in v and "," not in v and "\n" not in v else quoted(v))
        if v[:1] not in _FORMULA
        else quoted(defuse(v))
        for v in values
    ]


def _csv(columns: Sequence[Sequence[str]]) -> bytes:
    """Lines of cells that are quoted where they must be."""
    text = "\n".join(map(",".join, zip(*columns, strict=True))) + "\n"
    if "\r" in text:  # a lone carriage return would end the line unless it is quoted: such a row is quoted as a whole
        text = "".join([_line(row) + "\n" for row in zip(*columns, strict=True)])
    return text.encode()


def _line(row: Sequence[str]) -> str:
    if not any("\r" in one for one in row):
        return ",".join(row)
    return ",".join([one if one[:1] == '"' else f'"{one}"' for one in row])
