"""One input → batches: from its beginning to its end, or a part of it, or part after part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Self

from diptych.classifier.streams.batches import Options, Predictor
from diptych.classifier.streams.inputs import Source
from diptych.classifier.streams.rows import document_rows
from diptych.errors import DiptychError, DocumentError, RecordError
from diptych.exchange.batches import Batch, Dicts, Place
from diptych.exchange.beside import AheadStream, ahead
from diptych.exchange.blocks import BLOCK, Supply
from diptych.exchange.csv_batches import CsvTable
from diptych.exchange.json_batches import JsonTable
from diptych.exchange.opening import is_address, open_input, packing
from diptych.exchange.tables import Reject
from diptych.exchange.text_batches import TextTable

if TYPE_CHECKING:
    from diptych.exchange.arrow_batches import ArrowTable

_DOCUMENT_ROWS = 512  # passages of a batch
_SMALL = 4096  # bytes: the least that are read at a time


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of an input: from a place to an end, in bytes; of Parquet, in row groups. Without an end: so many rows."""

    place: Place
    end: int | None = None
    rows: int | None = None


class Reader:
    """Reads an input, in one go or part after part.

    Parameters
    ----------
    source : Source
    options : Options
    header : sequence of str
        The columns of CSV, for parts that do not begin at the beginning.
    part_rows : int, optional
        Of how many rows a part is: a small part is read in small blocks.
    beside : bool
        Read and unpack in a thread of its own.
    notes : list of str, optional
        Takes sentences on what could not be read of documents.
    """

    def __init__(
        self,
        source: Source,
        options: Options,
        *,
        header: Sequence[str] = (),
        part_rows: int | None = None,
        beside: bool = False,
        notes: list[str] | None = None,
    ) -> None:
        self.source = source
        self.columns = tuple(header)  # of CSV
        self.notes = [] if notes is None else notes
        self.place = Place()
        self.ended = False
        self._options = options
        self._size = block_size(part_rows)
        self._beside = beside
        self._stack = ExitStack()
        self._supply: Supply | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        with suppress(ValueError):  # standard input may be closed already
            self._stack.close()

    def batches(self, cut: Cut | None = None) -> Iterator[Batch]:
        """Yield the batches of a part; without one, all.

        Afterwards `place` is where reading stopped, and `ended` says whether that is the end.

        Raises
        ------
        RecordError, DocumentError
            If it cannot be read at all.
        """
        cut = cut or Cut(Place())
        if not self.source.is_table:
            yield from self._document()
        elif self.source.kind == "parquet":
            yield from self._parquet(cut)
        else:
            yield from self._text(cut)

    def _open(self) -> IO[bytes]:
        stream = open_input("-" if self.source.name == "-" else self.source.path)
        if self.source.name != "-":
            self._stack.callback(stream.close)
        return stream

    def _text(self, cut: Cut) -> Iterator[Batch]:
        if self._supply is None or cut.end is not None:
            self._supply = self._supplied(cut)
        place = replace(cut.place)
        table = text_table(
            self._supply,
            self.source,
            place=place,
            header=self.columns if place.line else (),
            size=self._size,
        )
        taken = 0
        self.ended = True
        for batch in table:
            taken += len(batch) + len(batch.rejects)
            self.columns = table.header
            yield batch
            if cut.rows is not None and taken >= cut.rows:
                self.ended = False
                break
        table.close()
        self.place = table.place

    def _supplied(self, cut: Cut) -> Supply:
        self._stack.close()
        stream: Any = self._open()
        source = self.source
        if source.seekable and cut.place.offset:
            stream.seek(cut.place.offset)
        eager = source.name == "-" or not (packing(source.path) or is_address(source.path) or source.seekable)
        if self._beside and not eager:
            stream = AheadStream(stream)
            self._stack.callback(stream.close)
        length = None if cut.end is None else cut.end - cut.place.offset
        supply = Supply(stream, length, eager=eager)
        if not source.seekable:
            supply.skip(cut.place.offset)
        return supply

    def _parquet(self, cut: Cut) -> Iterator[Batch]:
        table = self.arrow(cut)
        yield from ahead(table, 2) if self._beside else table
        self.place, self.ended = table.place, True

    def arrow(self, cut: Cut) -> ArrowTable:
        """Open a Parquet table."""
        from diptych.exchange.arrow_batches import ArrowTable, open_table
        from diptych.exchange.parquet import rewindable

        stream = self._stack.enter_context(rewindable(self._open()))
        table = open_table(stream, self.source.name)
        return ArrowTable(
            table,
            self.source.name,
            self._options.required,
            self._options.text_column,
            place=replace(cut.place),
            groups=cut.end,
        )

    def _document(self) -> Iterator[Batch]:
        source = self.source
        data = self._open().read()
        if not data.strip():
            said = "standard input" if source.name == "-" else source.name
            raise DocumentError(f"{said}: there is no text", hint="give it some text")
        column = self._options.text_column
        rows = document_rows(source.name, data, source.kind, label=source.label, text_column=column, notes=self.notes)
        while found := list(islice(rows, _DOCUMENT_ROWS)):
            yield Dicts([row for _, row in found], [number for number, _ in found])
        self.ended = True


def text_table(
    supply: Supply, source: Source, *, place: Place | None = None, header: Sequence[str] = (), size: int = BLOCK
) -> TextTable:
    """Return what reads a table of text."""
    if source.kind == "jsonl":
        return JsonTable(supply, source.name, place=place, size=size)
    delimiter = "\t" if source.kind == "tsv" else ","
    return CsvTable(supply, source.name, place=place, header=header, size=size, delimiter=delimiter)


def block_size(part_rows: int | None) -> int:
    """Return how many bytes are read at a time, for parts of so many rows.

    >>> block_size(None), block_size(10), block_size(10_000)
    (1048576, 4096, 320000)
    """
    return BLOCK if part_rows is None else min(BLOCK, max(_SMALL, 32 * part_rows))


def sifted(
    reader: Reader, predictor: Predictor, cut: Cut | None = None, *, several: bool
) -> Iterator[tuple[Batch, list[str]]]:
    """Yield batches of rows that can be classified, with their texts; the others are among the rejects.

    Parameters
    ----------
    reader : Reader
    predictor : Predictor
    cut : Cut, optional
        Which part; default: all.
    several : bool
        Whether there are other inputs: then one that cannot be read becomes a reject.

    Raises
    ------
    DocumentError, RecordError
        If the only input cannot be read.
    """
    name = reader.source.name
    first = cut is None or not cut.place.line
    try:
        for batch in reader.batches(cut):
            names = batch.names()
            found, texts = predictor.sift(batch, name, first=first)
            first = first and not names
            if several:
                found.rejects[:] = [replace(reject, file=name) for reject in found.rejects]
            yield found, texts
    except (DocumentError, RecordError) as error:
        if not several:
            raise
        yield Dicts([], [], [file_reject(name, error)]), []


def file_reject(name: str, error: DiptychError) -> Reject:
    """Return what stands for a file that cannot be read."""
    return Reject(0, "; ".join(filter(None, (str(error), error.hint))), "", name)
