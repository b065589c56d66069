"""CSV and TSV in batches."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, ClassVar

from diptych.errors import RecordError
from diptych.exchange.batches import Cells
from diptych.exchange.blocks import Block, shown
from diptych.exchange.tables import FIELD_LIMIT, Reject, read_header
from diptych.exchange.text_batches import TextTable

_END = "\x1ediptych\x1e"  # a row of our own behind a block: it comes out whole only if no cell was left open
_SHOWN = 200


class CsvTable(TextTable):
    """A table with a header: see :class:`TextTable`."""

    returns: ClassVar[bool] = True

    def __init__(self, *given: Any, delimiter: str = ",", **more: Any) -> None:
        super().__init__(*given, **more)
        self._delimiter = delimiter
        csv.field_size_limit(FIELD_LIMIT)

    def batch(self, block: Block) -> Cells | None:
        """Return the rows of a block; a row whose last cell is still open waits for the next one."""
        first = self.place.line + 1
        data = block.data.removeprefix(b"\xef\xbb\xbf") if first == 1 else block.data
        try:
            text, sound = data.decode(), True
        except UnicodeDecodeError:
            text, sound = data.decode("utf-8", "surrogateescape"), False
        rows = self._rows(text + ("" if block.last else _END))
        if not block.last and rows.pop() != [_END]:
            return self._open(text)
        skipped = 0
        if not self.header:
            self.header = tuple(read_header(rows.pop(0) if rows else [], self.name, self._delimiter))
            skipped = 1
        lines = _Lines(text, self._delimiter, first, skipped)
        self.moved(lines.count())
        found = Cells(self.header, rows, lines)
        alike = {len(self.header)}.issuperset(map(len, rows))
        return found if sound and alike else self._sifted(found)

    def _rows(self, text: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter))

    def _open(self, text: str) -> Cells | None:
        """Take the rows before the open one; or refuse its first line, if it goes on too long."""
        reader = csv.reader(io.StringIO(text + _END, newline=""), delimiter=self._delimiter)
        ends = [0, *(reader.line_num for _ in reader)]
        end = sum(map(len, list(io.StringIO(text, newline=""))[: ends[-2]]))
        rest = text[end:].encode("utf-8", "surrogateescape")
        if end or len(rest) <= self.blocks.longest:
            self.blocks.put_back(rest)
            return self.batch(Block(text[:end].encode("utf-8", "surrogateescape"))) if end else None
        line = rest.split(b"\n", 1)[0]
        self.blocks.put_back(rest[len(line) + 1 :])
        self.moved(1)
        reason = f"a cell that a quote opens here is not closed within {self.blocks.longest:,} bytes"
        if not self.header:
            raise RecordError(f"{self.name}:1: {reason}", hint="the first line of a table names its columns")
        return Cells(self.header, [], list, [Reject(self.place.line, reason, shown(line[:_SHOWN]))])

    def _sifted(self, batch: Cells) -> Cells:
        """Set aside rows that are not UTF-8 or have another number of cells; pass over blank ones."""
        out: set[int] = set()
        for place, cells in enumerate(batch.rows):
            joined = self._delimiter.join(cells)
            if not cells:
                pass
            elif not joined.isascii() and any("\udc80" <= c <= "\udcff" for c in joined):
                told = joined.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                batch.rejects.append(Reject(batch.line(place), "not UTF-8", told))
            elif len(cells) != len(self.header):
                reason = f"{len(cells)} cells, the header has {len(self.header)}"
                batch.rejects.append(Reject(batch.line(place), reason, joined))
            else:
                continue
            out.add(place)
        return batch.without(out)


class _Lines:
    """The line at which every row of a text ends: worked out only if somebody asks."""

    def __init__(self, text: str, delimiter: str, first: int, skipped: int) -> None:
        self._text = text
        self._delimiter = delimiter
        self._first = first
        self._skipped = skipped
        self._known: list[int] | None = None

    def __call__(self) -> Sequence[int]:
        if self._known is None:
            reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._delimiter)
            self._known = [self._first - 1 + reader.line_num for _ in reader][self._skipped :]
        return self._known

    def count(self) -> int:
        """How many lines there are."""
        text = self._text
        alone = text.count("\r") - text.count("\r\n") if "\r" in text else 0
        return text.count("\n") + alone + (not text.endswith(("\n", "\r")) and bool(text))
