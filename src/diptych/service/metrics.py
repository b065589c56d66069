"""What Prometheus reads: requests, time, passages, and the model that answers."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("diptych_requests", "Requests answered", ("door", "status"), registry=self.registry)
        self.seconds = Histogram(
            "diptych_request_seconds", "Time to answer", ("door",), buckets=_BUCKETS, registry=self.registry
        )
        self.passages = Counter("diptych_passages", "Passages classified", registry=self.registry)
        self.rejects = Counter("diptych_rejects", "Rows that could not be classified", registry=self.registry)
        self.working = Gauge("diptych_working", "Requests being worked on", registry=self.registry)
        self.model = Gauge("diptych_model", "1 for the model that answers", ("version",), registry=self.registry)
        self.trainings = Counter("diptych_trainings", "Trainings", ("outcome",), registry=self.registry)

    def text(self, version: str) -> bytes:
        """Return the metrics as Prometheus reads them."""
        self.model.clear()
        if version:
            self.model.labels(version).set(1)
        return generate_latest(self.registry)


class Measured:
    """Counts and times every request by its route, never by its path: paths may carry anything."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = scope.get("route")
            door = getattr(route, "path", "(none)")
            self.metrics.requests.labels(door, str(status or "gone")).inc()
            self.metrics.seconds.labels(door).observe(time.perf_counter() - began)
