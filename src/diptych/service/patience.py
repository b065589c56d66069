"""Connections: those that send no request, or half of one, are not kept; what is no HTTP gets a refusal like any."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from diptych.service.access import SAFE
from diptych.service.problems import Problem, answer

HEAD_SECONDS = 20.0  # for the line and the headers of a request, from the first byte or from the connection on


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a limit on the time that a request's head may take, and refusals in the one shape."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def data_received(self, data: bytes) -> None:
        """Take what came; wait on while it is no whole head."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request: no application hears of it."""
        refusal = answer(Problem(400, "this is no HTTP request, or its headers are too long", hint="see /openapi.json"))
        refusal.headers.update(SAFE)
        headers = [*refusal.raw_headers, (b"connection", b"close")]
        body = bytes(refusal.body)
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event))
        self.transport.close()

    def _stop(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        self._head = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()
