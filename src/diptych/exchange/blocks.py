"""Bytes of a stream in blocks of whole lines: the same blocks whenever reading begins at the same place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from diptych.errors import RecordError

BLOCK = 1 << 20  # bytes
LONGEST = 8 << 20  # bytes of a line, or of a row of CSV: more is refused, so that memory stays bounded
_PIECE = 1 << 18
_SHOWN = 200  # bytes of a line that is too long


class Supply:
    """Takes exact numbers of bytes from a stream; what was taken too much can be given back.

    Parameters
    ----------
    stream : binary file
    length : int, optional
        How many bytes there are to be taken; default: to the end.
    eager : bool
        Take what is there rather than wait for more: of a pipe.

    Attributes
    ----------
    taken : int
        Bytes taken, less those given back.
    fault : str
        Why the stream broke off, if it did: it is packed and damaged, or its machine went away.
    """

    def __init__(self, stream: IO[bytes], length: int | None = None, *, eager: bool = False) -> None:
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._left = length
        self._eager = eager
        self._back = b""
        self.taken = 0
        self.fault = ""

    def take(self, number: int) -> bytes:
        """Return so many bytes; fewer only at the end, or where the supply is eager."""
        pieces = []
        if self._back:
            pieces.append(self._back[:number])
            self._back = self._back[number:]
        missing = number - sum(map(len, pieces))
        while missing and not self.fault and self._left != 0:
            wanted = min(missing, _PIECE if self._left is None else min(_PIECE, self._left))
            try:
                piece = self._read(wanted)
            except RecordError as error:
                self.fault = str(error)
                break
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
            if self._left is not None:
                self._left -= len(piece)
            if self._eager:
                break
        found = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.taken += len(found)
        return found

    def give_back(self, data: bytes) -> None:
        """Take it again next time."""
        self._back = data + self._back
        self.taken -= len(data)

    def skip(self, number: int) -> None:
        """Pass over so many bytes."""
        while number > 0 and (piece := self.take(min(number, BLOCK))):
            number -= len(piece)


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines; or, of a line that is too long, its beginning and its length."""

    data: bytes
    last: bool = False
    long: int = 0


class Blocks:
    """Cuts a supply into blocks of whole lines.

    Parameters
    ----------
    supply : Supply
    size : int
        Bytes that are taken at a time.
    returns : bool
        Lines may end in a carriage return alone, as in old tables.
    longest : int
        Bytes of a line.
    """

    def __init__(self, supply: Supply, size: int = BLOCK, *, returns: bool = False, longest: int = LONGEST) -> None:
        self.supply = supply
        self._size = size
        self._returns = returns
        self.longest = longest
        self._rest = b""

    def __iter__(self) -> Iterator[Block]:
        while (block := self.next()) is not None:
            yield block

    def next(self) -> Block | None:
        """Return the next block, or None at the end."""
        while True:
            more = self.supply.take(max(self._size, len(self._rest)))
            if not more:
                data, self._rest = self._rest, b""
                return Block(data, last=True) if data else None
            data = self._rest + more if self._rest else more
            end = data.rfind(b"\n", len(self._rest)) + 1
            if not end and self._returns:
                end = data.rfind(b"\r", 0, len(data) - 1) + 1
            if end:
                self._rest = data[end:]
                return Block(data[:end])
            self._rest = data
            if len(data) > self.longest:
                end = data.rfind(b"\n") + 1  # of rows that were put back
                if not end:
                    return self._over()
                self._rest = data[end:]
                return Block(data[:end])

    @property
    def waiting(self) -> int:
        """How many bytes were taken and not returned in a block."""
        return len(self._rest)

    def put_back(self, data: bytes) -> None:
        """Take the end of a block back: it comes again at the head of the next one, with more behind it."""
        self._rest = data + self._rest

    def close(self) -> None:
        """Give back what was taken beyond the last block."""
        self.supply.give_back(self._rest)
        self._rest = b""

    def _over(self) -> Block:
        """Pass over the rest of a line that is too long."""
        head, length = self._rest[:_SHOWN], len(self._rest)
        self._rest = b""
        while more := self.supply.take(self._size):
            end = more.find(b"\n") + 1
            if end:
                self._rest = more[end:]
                return Block(head, long=length + end)
            length += len(more)
        return Block(head, last=True, long=length)


def shown(data: bytes) -> str:
    """Bytes as a reject shows them."""
    text = data.decode("utf-8", "replace")
    with suppress(ValueError):
        text = text[: text.rindex("\n")] if text.endswith("\n") else text
    return text.strip()
