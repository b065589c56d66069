"""Short jobs and streams: what goes in comes out, batch by batch, with nothing to remember."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from diptych.classifier.streams.batches import Predicted, Predictor
from diptych.classifier.streams.inputs import Source, is_long, long_note
from diptych.classifier.streams.reading import Reader, sifted
from diptych.exchange.batches import Batch, Dicts
from diptych.exchange.tables import CsvWriter, JsonlWriter, Reject, reject_rows
from diptych.exchange.writers import Added, CsvLines, JsonLines, csv_head
from diptych.files import Row, atomic

if TYPE_CHECKING:
    from diptych.documents.duplicates import Duplicates

_ROWS = 2048


class Rejects:
    """Rows that were not taken, written to a file while they come: the file is made with the first of them.

    Attributes
    ----------
    number, files : int
        Of rejects; of those that stand for a whole file.
    first : Reject or None
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = self.files = 0
        self.first: Reject | None = None
        self._stack = ExitStack()
        self._stream: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._stack.__exit__(*problem)  # type: ignore[arg-type]

    def add(self, found: Sequence[Reject]) -> None:
        """Write rejects."""
        for row in reject_rows(found):
            if self._stream is None:
                self._stream = self._stack.enter_context(atomic(self.path))
            self._stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.number += len(found)
        self.files += sum(not reject.line for reject in found)
        self.first = self.first or next(iter(found), None)


class Repeats:
    """Counts texts that repeat an earlier one; what does so is imported with the second text."""

    def __init__(self) -> None:
        self.found: Duplicates | None = None
        self._waiting: list[str] = []

    @property
    def all(self) -> Duplicates:
        """What counts."""
        from diptych.documents.duplicates import Duplicates

        if self.found is None:
            self.found = Duplicates()
        return self.found

    def look(self, texts: Sequence[str]) -> None:
        """Take more texts."""
        self._waiting += texts
        if self.found is not None or len(self._waiting) > 1:
            self.all.look_all(self._waiting, [0] * len(self._waiting))
            self._waiting.clear()


def predicted(
    sources: Sequence[Source], predictor: Predictor, rejects: Rejects, notes: list[str], seen: Repeats | None
) -> Iterator[tuple[Batch, Predicted]]:
    """Yield batches with their predictions; what cannot be classified goes to the rejects.

    Parameters
    ----------
    sources : sequence of Source
    predictor : Predictor
    rejects : Rejects
    notes : list of str
        Takes sentences on what was read but may not be what was meant.
    seen : Repeats, optional
        Counts.
    """
    long = 0
    for source in sources:
        with Reader(source, predictor.options, notes=notes) as reader:
            for batch, texts in sifted(reader, predictor, several=len(sources) > 1):
                rejects.add(batch.rejects)
                if texts:
                    long += sum(map(is_long, texts))
                    if seen is not None:
                        seen.look(texts)
                    yield batch, predictor.predict(texts)
    if long:
        notes.append(long_note(long))


def write_batches(found: Iterable[tuple[Batch, Added]], form: str, stream: IO[Any], predictor: Predictor) -> None:
    """Write batches as CSV or JSON Lines to a text file, or as Parquet to a binary one."""
    if form == "parquet":
        write_parquet(found, stream, predictor)
        return
    lines = CsvLines() if form == "csv" else JsonLines()
    begun = False
    for batch, added in found:
        data = lines.lines(batch, added)
        if not begun and isinstance(lines, CsvLines):
            stream.write(csv_head(lines.columns or (), added.names).decode())
        begun = True
        stream.write(data.decode())


def write_rows(rows: Iterable[Row], form: str, stream: IO[Any], predictor: Predictor) -> None:
    """Write rows that have all their columns."""
    if form == "parquet":
        waiting = iter(rows)
        chunks = iter(lambda: list(islice(waiting, _ROWS)), [])
        write_parquet(((Dicts(chunk, range(len(chunk))), _Nothing()) for chunk in chunks), stream, predictor)
        return
    writer = CsvWriter(stream) if form == "csv" else JsonlWriter(stream)
    for row in rows:
        writer.write(row)


def write_parquet(found: Iterable[tuple[Batch, Added]], stream: IO[bytes], predictor: Predictor) -> None:
    """Write batches as Parquet; the types of the columns are those of the first rows."""
    from diptych.classifier.streams.planning import output_of, parquet_lines
    from diptych.exchange.parquet_out import arrow_sink

    waiting = iter(found)
    first = next(waiting, None)
    names = predictor if first is None or first[1].names else None
    lines = parquet_lines({"columns": []} if first is None else output_of(first[0], "parquet"), names)
    with arrow_sink(stream, lines.schema, packed=True) as target:
        if first is not None:
            target.put(lines.table(*first))
        for batch, added in waiting:
            target.put(lines.table(batch, added))


class _Nothing:
    """No further columns."""

    names: Sequence[str] = ()

    def cells(self) -> list[Sequence[str]]:
        return []

    def members(self) -> list[str]:
        return []

    def values(self) -> list[Any]:
        return []
