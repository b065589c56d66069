"""Who may call: host and origin, token, the size and pace of bodies, and headers that keep browsers safe.

Any web page can make a visitor's browser post to 127.0.0.1, and a name can be pointed at it: so Host and Origin are
checked on loopback, too, and what writes needs a token.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diptych.service.problems import Problem, answer
from diptych.service.settings import Settings, is_loopback

OPEN = ("/health", "/ready")  # a balancer's probes: they say nothing of the study
STREAMED = ("application/x-ndjson", "application/jsonl", "text/csv")
SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer, the page's own forms would come with Origin: null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


def authorised(headers: Headers, token: str) -> bool:
    """Whether a request shows the token, as Bearer or as the password of Basic; compared in constant time."""
    if not token:
        return False
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given.strip(), validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())


class Guard:
    """Refuses who may not call, before anything is read.

    Parameters
    ----------
    app : ASGI application
    settings : Settings
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then hand it on with a measured body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def safe_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in SAFE.items():
                    found.setdefault(name, value)
                self._share(headers, found)
            await send(message)

        try:
            if scope["method"] == "OPTIONS" and self._named_origin(headers):
                await _preflight(safe_send)
                return
            self._check(scope, headers)
            await self.app(scope, self._measured(scope, headers, receive), safe_send)
        except Problem as problem:
            await answer(problem)(scope, receive, safe_send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        settings, path = self.settings, scope["path"]
        host = _name(headers.get("host", ""))
        if settings.loopback and not (is_loopback(host) or host in settings.hosts):
            raise Problem(403, f"this server is not called {host[:100]!r}", hint="name it with --allow-host")
        if scope["method"] not in ("GET", "HEAD") and not self._same_site(headers):
            raise Problem(403, "another web page may not post here", hint="name its origin with --allow-origin")
        shown = authorised(headers, settings.token)
        scope.setdefault("state", {})["authorised"] = shown
        if not settings.loopback and not shown and path not in OPEN:
            raise Problem(
                401,
                "this server wants its token",
                hint="Authorization: Bearer TOKEN, or Basic with the token as password",
                headers={"www-authenticate": 'Basic realm="diptych", charset="UTF-8"'},
            )

    def _same_site(self, headers: Headers) -> bool:
        if self._named_origin(headers):
            return True
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""

    def _named_origin(self, headers: Headers) -> bool:
        return headers.get("origin", "") in self.settings.origins and "origin" in headers

    def _share(self, headers: Headers, found: MutableHeaders) -> None:
        if self._named_origin(headers):
            found["access-control-allow-origin"] = headers["origin"]
            found["cross-origin-resource-policy"] = "cross-origin"
            found.add_vary_header("Origin")

    def _measured(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """Receive a body that is neither too large nor too slow."""
        bounds = self.settings.bounds
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        largest = bounds.stream if kind in STREAMED and scope["path"] == "/v1/classify" else bounds.body
        said = headers.get("content-length", "")
        if said.isdecimal() and int(said) > largest:
            raise too_large(largest)
        taken = 0
        complete = False

        async def measured() -> Message:
            nonlocal taken, complete
            if complete:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), bounds.seconds)
            except TimeoutError:
                raise Problem(408, f"no byte of the body came for {bounds.seconds:g} seconds") from None
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if taken > largest:
                    raise too_large(largest)
            return message

        return measured


def too_large(largest: int) -> Problem:
    """Refuse a body that is too large, and say what is allowed."""
    return Problem(
        413,
        f"the body is larger than {largest} bytes",
        hint="send JSON Lines or CSV, which is answered as it comes, or several requests; --max-body raises the limit",
        limit=largest,
    )


def need_token(scope: Scope, why: str) -> None:
    """Refuse a request that shows no token where one is needed on loopback, too."""
    if not scope.get("state", {}).get("authorised"):
        raise Problem(
            401,
            f"{why} needs the server's token",
            hint="start with DIPTYCH_TOKEN set and show it: Authorization: Bearer TOKEN",
            headers={"www-authenticate": 'Basic realm="diptych", charset="UTF-8"'},
        )


async def _preflight(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"authorization, content-type"),
        (b"access-control-max-age", b"600"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lstrip("[").lower()
    return host.partition(":")[0].lower()
