"""The body of a request: not too large, not too slow, and read to its end before a refusal is sent."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from diptych.service.problems import Problem
from diptych.service.settings import MEGABYTE, Bounds

STREAMED = {"application/x-ndjson": "jsonl", "application/jsonl": "jsonl", "text/csv": "csv"}  # media type → format
STREAM_WAITS = 60  # a stream may be waited for that many times as long as a plain body, all its pauses together
LINGER_SECONDS = 5.0
LINGER_BYTES = 64 * MEGABYTE


def media_type(headers: Headers) -> str:
    """Return the kind of a body, without its parameters.

    >>> media_type(Headers({"content-type": "Text/CSV; charset=utf-8"}))
    'text/csv'
    """
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class Body:
    """A body that is measured while it comes in.

    Parameters
    ----------
    receive : ASGI receive
    headers : Headers
    path : str
    bounds : Bounds
    """

    def __init__(self, receive: Receive, headers: Headers, path: str, bounds: Bounds) -> None:
        self._streamed = media_type(headers) in STREAMED and path == "/v1/classify"
        self._receive = receive
        self._said = headers.get("content-length", "")
        self._waits = "expect" in headers  # the client sends nothing before it is told to
        self._seconds = bounds.seconds
        self.largest = bounds.stream if self._streamed else bounds.body
        self.complete = False
        self._taken = 0
        self._waited = 0.0

    def check(self) -> None:
        """Refuse a body that says by itself that it is too large."""
        if self._said.isdecimal() and (len(self._said) > 18 or int(self._said) > self.largest):
            raise too_large(self.largest)

    async def __call__(self) -> Message:
        """Receive the next piece; once the body is complete, wait for the client to go.

        Raises
        ------
        Problem
            408 where it comes too slowly, 413 where it is too large.
        """
        if self.complete:
            return await self._receive()
        left = self._seconds if self._streamed else self._seconds - self._waited
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(left, 0)):
                message = await self._receive()
        except TimeoutError:
            raise self._too_slow() from None
        self._waited += time.monotonic() - began
        if self._waited > STREAM_WAITS * self._seconds:
            raise self._too_slow()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
            if self._taken > self.largest:
                raise too_large(self.largest)
        return message

    async def linger(self) -> None:
        """Read on for a moment and throw away: a client that is still sending would not see the answer."""
        taken = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not (self.complete or self._waits) and taken < LINGER_BYTES:
                    message = await self._receive()
                    taken += len(message.get("body", b""))
                    self.complete = not message.get("more_body", False)

    def _too_slow(self) -> Problem:
        seconds = f"{self._seconds:g} seconds"
        said = f"no byte of the body came for {seconds}" if self._streamed else f"the body took more than {seconds}"
        return Problem(408, said, hint="--max-seconds raises the limit", limit=self._seconds)


def too_large(largest: int) -> Problem:
    """Refuse a body that is too large, and say what is allowed."""
    return Problem(
        413,
        f"the body is larger than {largest} bytes",
        hint="send JSON Lines or CSV, which is answered as it comes, or several requests; --max-body raises the limit",
        limit=largest,
    )
