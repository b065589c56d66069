"""One shape for everything that goes wrong over HTTP, and the one place where errors get their status."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from diptych.errors import (
    BusyError,
    CodingError,
    DiptychError,
    DocumentError,
    FileWriteError,
    MissingExtraError,
    ModelFormatError,
    NotTrainedError,
    RecordError,
    SchemaError,
    UsageError,
)

STATUS: dict[type[DiptychError], int] = {
    NotTrainedError: 503,
    ModelFormatError: 503,
    BusyError: 503,
    FileWriteError: 507,
    MissingExtraError: 501,
    CodingError: 422,
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


class Json(JSONResponse):
    """JSON that can always be written, even where it repeats half a character of a request."""

    def render(self, content: Any) -> bytes:
        """Return the bytes; what is no character becomes a question mark."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def answer(problem: HTTPException) -> Json:
    """Return the response of a refusal."""
    hint, extra = getattr(problem, "hint", ""), getattr(problem, "extra", {})
    body = problem_body(problem.status_code, str(problem.detail), hint, **extra)
    return Json(body, problem.status_code, dict(problem.headers or {}))


async def on_http(request: Request, error: Exception) -> Json:
    """Answer a refusal, Starlette's own in a sentence."""
    return answer(worded(error, request.method) if isinstance(error, HTTPException) else fault())


def worded(error: HTTPException, method: str) -> HTTPException:
    """Return a refusal with a sentence instead of the status's name."""
    if isinstance(error, Problem) or error.detail != HTTPStatus(error.status_code).phrase:
        return error
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == 404:
        return Problem(404, "there is nothing at this address", hint="see /openapi.json")
    if error.status_code == 405:
        allowed = headers.get("allow", "another method")
        return Problem(405, f"this address does not take {method[:20]}", hint=f"it takes {allowed}", headers=headers)
    return Problem(error.status_code, error.detail.lower(), headers=headers)


async def on_library(_: Request, error: Exception) -> Json:
    """Answer a library error."""
    return answer(of_error(error) if isinstance(error, DiptychError) else fault())


async def on_form(_: Request, error: Exception) -> Json:
    """Answer a form that breaks off or is none; newer releases of Starlette word that themselves."""
    return answer(Problem(400, f"the form cannot be read: {error}"))


def too_many(most: int, said: str) -> Problem:
    """Refuse more passages than a request may hold."""
    return Problem(
        413,
        f"a request may hold {most} passages, and {said}",
        hint="send JSON Lines or CSV, which is answered as it comes",
        limit=most,
    )
