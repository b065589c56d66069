"""A body that is answered as it comes: rows in, predictions out, memory flat."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from starlette.requests import ClientDisconnect, Request

from diptych.classifier.score import Scorer
from diptych.classifier.stream import predict_rows, table_rows
from diptych.errors import DiptychError
from diptych.exchange.tables import CsvWriter, Reject
from diptych.service.problems import Problem, of_error, problem_body

CHUNKS = 16  # pieces of the body, and of the answer, that wait
PIECE = 64  # rows of one piece of the answer
KINDS = {"application/x-ndjson": "jsonl", "application/jsonl": "jsonl", "text/csv": "csv"}


class Feed(io.RawIOBase):
    """A body that arrives piece by piece, as a file that a thread can read."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: queue.Queue[bytes | None] = queue.Queue(CHUNKS)
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for the next piece."""
        while not self._rest and not self._ended:
            piece = self.pieces.get()
            if piece is None:
                self._ended = True
            else:
                self._rest = piece
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


Convert = Callable[[io.BufferedReader], Iterator[bytes]]


def converter(scorer: Scorer, kind: str, options: dict[str, Any], count: Callable[[int, int], None]) -> Convert:
    """Return what turns a body of rows into predictions; rows that cannot be classified come back with an error.

    Parameters
    ----------
    scorer : Scorer
    kind : {'jsonl', 'csv'}
    options : dict
        text_column, probabilities, abstain, abstain_at, prefix.
    count : callable
        Called with passages and rejects, piece by piece.
    """

    def convert(stream: io.BufferedReader) -> Iterator[bytes]:
        rows = table_rows(stream, "body", kind, text_column=options["text_column"], id_column=None)
        wanted = {k: options[k] for k in ("text_column", "prefix", "probabilities", "abstain", "abstain_at")}
        out, write = _writer(kind)
        rejected = waiting = 0
        for found in predict_rows(rows, scorer, **wanted):
            rejected += isinstance(found, Reject)
            waiting += 1
            write(found)
            if waiting == PIECE:
                count(waiting - rejected, rejected)
                waiting = rejected = 0
                yield _taken(out)
        count(waiting - rejected, rejected)
        if rest := _taken(out):
            yield rest

    return convert


def _writer(kind: str) -> tuple[io.StringIO, Callable[[Any], None]]:
    out = io.StringIO()
    if kind == "jsonl":

        def write(row: Any) -> None:
            body = {"line": row.line, "error": row.reason} if isinstance(row, Reject) else row
            out.write(json.dumps(body, ensure_ascii=False, default=str) + "\n")

        return out, write
    table = CsvWriter(out)
    columns: list[str] = []

    def put(row: Any) -> None:
        if isinstance(row, Reject):
            if not columns:
                columns.extend(("line", "error"))
            table.write({**dict.fromkeys(columns, ""), "error": f"line {row.line}: {row.reason}"})
            return
        columns[:] = columns or [*row, "error"]
        table.write({**row, "error": ""})

    return out, put


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue().encode("utf-8", "replace")
    out.seek(0)
    out.truncate()
    return text


async def answered(request: Request, convert: Convert) -> AsyncIterator[bytes]:
    """Yield the answer to a body while it is read; a client that goes away ends the work."""
    loop, feed = asyncio.get_running_loop(), Feed()
    answers: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(CHUNKS)
    gone = threading.Event()

    def put(piece: bytes | BaseException | None) -> None:
        if not gone.is_set():
            asyncio.run_coroutine_threadsafe(answers.put(piece), loop).result()

    def work() -> None:
        try:
            for piece in convert(io.BufferedReader(feed)):
                if gone.is_set():
                    return
                put(piece)
            put(None)
        except BaseException as error:  # noqa: BLE001 - worded where it is taken
            put(error)

    async def read() -> None:
        try:
            async for piece in request.stream():
                if piece:
                    await asyncio.to_thread(feed.pieces.put, piece)
        finally:
            await asyncio.to_thread(feed.pieces.put, None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    reading = asyncio.create_task(read())
    try:
        while True:
            piece = await answers.get()
            if reading.done() and reading.exception() is not None:
                raise reading.exception() or ClientDisconnect
            if piece is None:
                return
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        gone.set()
        reading.cancel()
        while not answers.empty():
            answers.get_nowait()
        _drain(feed)


def _drain(feed: Feed) -> None:
    """Let a waiting reader go: there is room for an end after what waited is thrown away."""
    with contextlib.suppress(queue.Empty):
        while True:
            feed.pieces.get_nowait()
    with contextlib.suppress(queue.Full):
        feed.pieces.put_nowait(None)


async def first_piece(pieces: AsyncIterator[bytes], kind: str) -> AsyncIterator[bytes]:
    """Return the pieces, the first already made, so that a body that is wrong from the start gets its status.

    What goes wrong later ends the answer with a last row that says so: the status was sent long before.
    """
    try:
        first = await anext(pieces)
    except StopAsyncIteration:
        first = b""

    async def rest() -> AsyncIterator[bytes]:
        yield first
        try:
            async for piece in pieces:
                yield piece
        except ClientDisconnect:
            return
        except DiptychError as error:
            yield _last(of_error(error), kind)
        except Problem as problem:
            yield _last(problem, kind)

    return rest()


def _last(problem: Problem, kind: str) -> bytes:
    said = problem_body(problem.status_code, str(problem.detail), problem.hint)
    if kind == "jsonl":
        return (json.dumps(said, ensure_ascii=False) + "\n").encode()
    out = io.StringIO()
    CsvWriter(out).write({f"error: {problem.detail}": ""})
    return out.getvalue().splitlines()[0].encode() + b"\n"
