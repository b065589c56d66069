"""How much is worked on at the same time, and for how long."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool

from diptych.service.metrics import Metrics
from diptych.service.problems import Problem
from diptych.service.settings import Bounds

T = TypeVar("T")
QUEUE = 4  # documents that may wait for each one that is read


class Work:
    """Counts requests that are worked on; one too many is told to come back.

    Parameters
    ----------
    bounds : Bounds
    metrics : Metrics
    """

    def __init__(self, bounds: Bounds, metrics: Metrics) -> None:
        self.bounds = bounds
        self.metrics = metrics
        self.running = 0
        self._documents = 0
        self._readers: CapacityLimiter | None = None

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take one of the places, and give it back."""
        if self.running >= self.bounds.at_once:
            raise busy(self.bounds.at_once, "requests")
        self.running += 1
        self.metrics.working.inc()
        try:
            yield
        finally:
            self.running -= 1
            self.metrics.working.dec()

    async def run(self, function: Callable[[], T]) -> T:
        """Do something outside the event loop."""
        return await run_in_threadpool(function)

    async def read(self, function: Callable[[], T]) -> T:
        """Read a document outside the event loop, a few at a time: each takes a process of its own."""
        most = self.bounds.documents * QUEUE
        if self._documents >= most:
            raise busy(most, "documents")
        self._readers = self._readers or CapacityLimiter(self.bounds.documents)
        self._documents += 1
        try:
            return await to_thread.run_sync(function, limiter=self._readers)
        finally:
            self._documents -= 1

    def each(self, texts: Sequence[str], function: Callable[[str], T]) -> list[T]:
        """Do something with every text, within the time that a request may take.

        Raises
        ------
        Problem
            503 where the time is over.
        """
        until, found = time.monotonic() + self.bounds.seconds, list[T]()
        for text in texts:
            if time.monotonic() > until:
                raise Problem(
                    503,
                    f"after {self.bounds.seconds:g} seconds {len(found)} of {len(texts)} passages were done",
                    hint="send fewer, or JSON Lines, which is answered as it comes; --max-seconds raises the limit",
                    limit=self.bounds.seconds,
                )
            found.append(function(text))
        self.metrics.passages.inc(len(found))
        return found


def busy(most: int, what: str) -> Problem:
    """Refuse one request too many."""
    return Problem(
        429,
        f"{most} {what} are being worked on",
        hint="try again in a second",
        headers={"retry-after": "1"},
        limit=most,
    )
