"""How much is worked on at the same time, and for how long."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from diptych.classifier.score import Prediction, Scorer
from diptych.service.metrics import Metrics
from diptych.service.problems import Problem
from diptych.service.settings import Bounds

T = TypeVar("T")


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

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take one of the places, and give it back."""
        if self.running >= self.bounds.at_once:
            raise Problem(
                429,
                f"{self.bounds.at_once} requests are being worked on",
                hint="try again in a second",
                headers={"retry-after": "1"},
                limit=self.bounds.at_once,
            )
        self.running += 1
        self.metrics.working.inc()
        try:
            yield
        finally:
            self.running -= 1
            self.metrics.working.dec()

    async def run(self, function: Callable[[], T]) -> T:
        """Do something outside the event loop, in one of the places."""
        async with self.place():
            return await run_in_threadpool(function)

    def predictions(self, scorer: Scorer, texts: Sequence[str]) -> list[Prediction]:
        """Classify texts, within the time that a request may take."""
        return list(self._timed(scorer, texts))

    def _timed(self, scorer: Scorer, texts: Sequence[str]) -> Iterator[Prediction]:
        until = time.monotonic() + self.bounds.seconds
        for number, text in enumerate(texts):
            if time.monotonic() > until:
                raise Problem(
                    503,
                    f"after {self.bounds.seconds:g} seconds {number} of {len(texts)} passages were done",
                    hint="send fewer, or JSON Lines, which is answered as it comes",
                    limit=self.bounds.seconds,
                )
            yield scorer.predict([text])[0]
        self.metrics.passages.inc(len(texts))
