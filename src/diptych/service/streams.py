"""A body that is answered as it comes: rows in, predictions out, memory flat."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import wait
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from diptych.classifier.scoring.score import Scorer
from diptych.classifier.streams.rows import predict_rows, table_rows
from diptych.errors import DiptychError
from diptych.exchange.tables import Reject
from diptych.files import Row
from diptych.service.problems import Problem, of_error
from diptych.service.settings import MEGABYTE, Bounds
from diptych.service.writers import RowWriter

T = TypeVar("T")
CHUNKS = 16  # pieces of the body, and of the answer, that wait
PIECE = 64  # rows of one piece of the answer
ESCAPED = 12  # bytes that one character may take in JSON
LOOK = 0.5  # seconds between two looks whether the client is still there
Pieces = AsyncGenerator[bytes, None]
Convert = Callable[[io.BufferedReader], Iterator[bytes]]


class Feed(io.RawIOBase):
    """A body that arrives piece by piece in the event loop, as a file that a thread can read.

    Parameters
    ----------
    longest : int
        Bytes of a line: without a limit, a body without line breaks would lie in memory as a whole.
    """

    def __init__(self, longest: int) -> None:
        super().__init__()
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue(CHUNKS)
        self._loop = asyncio.get_running_loop()
        self._longest = longest
        self._line = 0
        self._rest = b""
        self._ended = False
        self.gone = threading.Event()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for the next piece."""
        while not self._rest and not self._ended:
            piece = self.in_loop(self.pieces.get)
            if piece is None:
                self._ended = True
            else:
                self._rest = piece
                self._measure(piece)
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)

    def in_loop(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Do something in the event loop and wait for it, unless the client has gone: the loop may have ended too."""
        if self.gone.is_set():
            return None
        found = asyncio.run_coroutine_threadsafe(what(), self._loop)
        while not self.gone.is_set():
            if wait([found], LOOK).done:
                return found.result()
        return None

    def _measure(self, piece: bytes) -> None:
        after = piece.rfind(b"\n")
        self._line = self._line + len(piece) if after < 0 else len(piece) - after - 1
        if self._line > self._longest:
            raise Problem(
                413, f"a line is longer than {self._longest} bytes", hint="one row a line", limit=self._longest
            )

    def end(self) -> None:
        """Let a waiting reader go: what waited is thrown away."""
        self.gone.set()
        while not self.pieces.empty():
            self.pieces.get_nowait()
        self.pieces.put_nowait(None)


def converter(
    scorer: Scorer, writer: RowWriter, options: dict[str, Any], bounds: Bounds, count: Callable[[int, int], None]
) -> Convert:
    """Return what turns a body of rows into predictions; rows that cannot be classified come back with an error.

    Parameters
    ----------
    scorer : Scorer
    writer : RowWriter
    options : dict
        text_column, probabilities, abstain, abstain_at, prefix.
    bounds : Bounds
    count : callable
        Called with passages and rejects, piece by piece.
    """

    def convert(stream: io.BufferedReader) -> Iterator[bytes]:
        column = options["text_column"]
        rows = table_rows(stream, "body", writer.kind, text_column=column, id_column=None)
        rejected = waiting = 0
        for found in predict_rows(_short(rows, column, bounds.letters), scorer, **options):
            rejected += isinstance(found, Reject)
            waiting += 1
            writer.put(found)
            if waiting == PIECE:
                count(waiting - rejected, rejected)
                waiting = rejected = 0
                if piece := writer.take():
                    yield piece
        count(waiting - rejected, rejected)
        yield writer.finish()

    return convert


def _short(rows: Iterator[tuple[int, Row | Reject]], column: str, most: int) -> Iterator[tuple[int, Row | Reject]]:
    for line, row in rows:
        if not isinstance(row, Reject) and len(row[column]) > most:
            reason = f"{column} holds {len(row[column])} characters, and {most} are allowed"
            yield line, Reject(line, reason, "")
        else:
            yield line, row


async def answered(request: Request, convert: Convert, bounds: Bounds) -> Pieces:
    """Yield the answer to a body while it is read; a client that goes away ends the work."""
    feed = Feed(ESCAPED * bounds.letters + MEGABYTE)
    answers: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(CHUNKS)

    def put(piece: bytes | BaseException | None) -> None:
        feed.in_loop(lambda: answers.put(piece))

    def work() -> None:
        try:
            for piece in convert(io.BufferedReader(feed)):
                if feed.gone.is_set():
                    return
                put(piece)
            put(None)
        except BaseException as error:  # noqa: BLE001 - worded where it is taken
            put(error)

    async def read() -> None:
        try:
            async for piece in request.stream():
                if piece:
                    await feed.pieces.put(piece)
            await feed.pieces.put(None)
            while (await request.receive())["type"] != "http.disconnect":
                pass
            await answers.put(ClientDisconnect())
        except Exception as error:  # noqa: BLE001 - worded where it is taken
            await answers.put(error)

    reading = asyncio.create_task(read())
    threading.Thread(target=work, daemon=True).start()
    try:
        while (piece := await answers.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        reading.cancel()
        feed.end()
        while not answers.empty():
            answers.get_nowait()


async def with_status(pieces: Pieces, writer: RowWriter) -> Pieces:
    """Return the pieces, the first already made, so that a body that is wrong from the start gets its status.

    What goes wrong later ends the answer with a last row that says so: the status was sent long before.
    """
    try:
        first = await anext(pieces)
    except StopAsyncIteration:
        first = b""

    async def rest() -> Pieces:
        async with aclosing(pieces):
            try:
                yield first
                async for piece in pieces:
                    yield piece
            except DiptychError as error:
                yield writer.last(of_error(error))
            except Problem as problem:
                yield writer.last(problem)

    return rest()


class Rows(Response):
    """An answer in pieces.

    Starlette's own listens for a client that goes by receiving, and would swallow what is still to come of the body.
    """

    def __init__(self, pieces: Pieces, media_type: str, headers: dict[str, str]) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.pieces = pieces
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces; whatever happens, the work behind them ends."""
        async with aclosing(self.pieces):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece in self.pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
