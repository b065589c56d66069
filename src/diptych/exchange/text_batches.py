"""Tables of text, read in batches of about a megabyte: what `read_table` gives row by row, faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from diptych.errors import RecordError
from diptych.exchange.batches import Batch, Dicts, Place
from diptych.exchange.blocks import BLOCK, Block, Blocks, Supply, shown
from diptych.exchange.tables import Reject, empty_table


class TextTable:
    """A table of text, batch by batch: what CSV and JSON Lines have in common.

    Parameters
    ----------
    supply : Supply
        Stands at `place`.
    name : str
        Stands in errors.
    place : Place, optional
        Where the supply stands; default: at the beginning. It moves on with every batch.
    header : sequence of str
        The columns, where reading does not begin at the beginning.
    size : int
        Bytes that are read at a time.

    Raises
    ------
    RecordError
        While reading: if the table is empty, in UTF-16, or its header cannot be used.
    """

    returns: ClassVar[bool] = False  # whether lines may end in a carriage return alone

    def __init__(
        self, supply: Supply, name: str, *, place: Place | None = None, header: Sequence[str] = (), size: int = BLOCK
    ) -> None:
        self.place = place or Place()
        self.header = tuple(header)
        self.name = name
        self.blocks = Blocks(supply, size, returns=self.returns)
        self._supply = supply
        self._from = self.place.offset - supply.taken

    def __iter__(self) -> Iterator[Batch]:
        begun = self.place.line > 0
        while (block := self.blocks.next()) is not None:
            begun = True
            batch = self._over(block) if block.long else self.batch(block)
            if batch is not None:
                yield batch
        self.moved(0)
        if self._supply.fault:
            reason = f"{self._supply.fault}, after line {self.place.line}"
            yield Dicts([], [], [Reject(self.place.line + 1, reason, "")])
        elif not begun:
            raise empty_table(self.name)

    def batch(self, block: Block) -> Batch | None:
        """Return the rows of a block, if one ends in it."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back to the supply what was taken beyond the last batch."""
        self.blocks.close()
        self.moved(0)

    def moved(self, lines: int) -> None:
        """Note that so many lines lie behind."""
        self.place.offset = self._from + self._supply.taken - self.blocks.waiting
        self.place.line += lines

    def _over(self, block: Block) -> Batch:
        self.moved(1)
        reason = f"the line holds {block.long:,} bytes, and {self.blocks.longest:,} are read"
        if self.returns and not self.header:
            raise RecordError(f"{self.name}:1: {reason}", hint="the first line of a table names its columns")
        return Dicts([], [], [Reject(self.place.line, reason, shown(block.data))])
