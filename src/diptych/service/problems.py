"""One shape for everything that goes wrong over HTTP, and the one place where errors get their status."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from diptych.errors import (
    BusyError,
    DiptychError,
    DocumentError,
    FileWriteError,
    MissingExtraError,
    NotTrainedError,
    RecordError,
    SchemaError,
    UsageError,
)

STATUS: dict[type[DiptychError], int] = {
    NotTrainedError: 503,
    BusyError: 503,
    FileWriteError: 507,
    MissingExtraError: 501,
    DocumentError: 422,
    RecordError: 422,
    SchemaError: 422,
    UsageError: 422,
}
NAMES = {
    400: "bad_request",
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "busy",
    500: "fault",
    501: "not_installed",
    503: "unavailable",
    507: "disk_full",
}


class Problem(HTTPException):
    """A refusal with a status, a sentence and what to do."""

    def __init__(
        self, status: int, message: str, *, hint: str = "", headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(status, message, headers)
        self.hint = hint
        self.extra = extra


def problem_body(status: int, message: str, hint: str = "", **extra: Any) -> dict[str, Any]:
    """Return the body of every error: {"error": {"status", "code", "message", "hint", …}}."""
    return {"error": {"status": status, "code": NAMES.get(status, "error"), "message": message, "hint": hint, **extra}}


def of_error(error: DiptychError) -> Problem:
    """Word a library error for HTTP; a path in it stays inside."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if status == 507:
        return Problem(status, "the coding could not be written", hint="free some space on the server, then try again")
    if status == 500:
        return fault()
    return Problem(status, str(error), hint=error.hint)


def fault() -> Problem:
    """What a client hears of a fault in diptych: nothing of its insides."""
    return Problem(500, "this is a fault in diptych", hint="the server's log says more")


def answer(problem: HTTPException) -> JSONResponse:
    """Return the response of a refusal."""
    hint, extra = getattr(problem, "hint", ""), getattr(problem, "extra", {})
    body = problem_body(problem.status_code, str(problem.detail), hint, **extra)
    return JSONResponse(body, problem.status_code, dict(problem.headers or {}))


async def on_http(_: Request, error: Exception) -> JSONResponse:
    """Answer a refusal."""
    return answer(error if isinstance(error, HTTPException) else fault())


async def on_library(_: Request, error: Exception) -> JSONResponse:
    """Answer a library error."""
    return answer(of_error(error) if isinstance(error, DiptychError) else fault())


def too_many(most: int, said: str) -> Problem:
    """Refuse more passages than a request may hold."""
    return Problem(
        413,
        f"a request may hold {most} passages, and {said}",
        hint="send JSON Lines or CSV, which is answered as it comes",
        limit=most,
    )
