"""Who may call: host and origin, token, and headers that keep browsers safe.

Any web page can make a visitor's browser post to 127.0.0.1, and a name can be pointed at it: so Host and Origin are
checked on loopback, too, and what writes needs a token.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diptych.service.body import Body
from diptych.service.problems import Problem, answer, fault
from diptych.service.settings import Settings, is_loopback

OPEN = ("/health", "/ready")  # a balancer's probes: they say nothing of the study
CHALLENGE = {"www-authenticate": 'Basic realm="diptych", charset="UTF-8"'}
SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
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
    """Refuses who may not call, before anything is read, and words what nobody else caught.

    Parameters
    ----------
    app : ASGI application
    settings : Settings
    tell : callable
        Called with the kind of a fault, for the log: never with a text or a token.
    """

    def __init__(self, app: ASGIApp, settings: Settings, tell: Callable[[str], None] = lambda _: None) -> None:
        self.app = app
        self.settings = settings
        self.tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then hand it on with a measured body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = Body(receive, headers, scope["path"], self.settings.bounds)
        started = False

        async def safe_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                if message["status"] >= 400:
                    await body.linger()
                started = True
                found = MutableHeaders(scope=message)
                for name, value in SAFE.items():
                    found.setdefault(name, value)
                self._share(headers, found)
            try:
                async with asyncio.timeout(self.settings.bounds.seconds):
                    await send(message)
            except TimeoutError:
                raise ClientDisconnect from None  # it does not take its answer

        try:
            if scope["method"] == "OPTIONS" and self._named_origin(headers):
                await _preflight(safe_send)
                return
            self._check(scope, headers)
            body.check()
            asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope  # uvicorn leaves the body out
            await self.app(asked, body, safe_send)
        except ClientDisconnect:
            return
        except Problem as problem:
            if not started:
                await answer(problem)(scope, receive, safe_send)
        except Exception as error:  # noqa: BLE001 - the last place where a fault can be worded
            route = getattr(scope.get("route"), "path", "?")
            self.tell(f"fault at {scope['method']} {route}: {type(error).__name__}")
            if not started:
                await answer(fault())(scope, receive, safe_send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        settings, path = self.settings, scope["path"]
        host = host_name(headers.get("host", ""))
        local = settings.loopback and is_loopback(host)
        if settings.loopback and not local and host not in settings.hosts:
            said = f"this server is not called {host[:100]!r}" if host else "the request does not say whom it is for"
            raise Problem(403, said, hint="the name of this machine, or one that --allow-host names, in Host")
        if scope["method"] not in ("GET", "HEAD") and not self._same_site(headers):
            raise Problem(403, "another web page may not post here", hint="name its origin with --allow-origin")
        shown = authorised(headers, settings.token)
        scope.setdefault("state", {})["authorised"] = shown
        if not local and not shown and path not in OPEN:
            hint = "Authorization: Bearer TOKEN, or Basic with the token as password"
            raise Problem(401, "this server wants its token", hint=hint, headers=CHALLENGE)

    def _same_site(self, headers: Headers) -> bool:
        if self._named_origin(headers):
            return True
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        try:
            return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
        except ValueError:
            return False

    def _named_origin(self, headers: Headers) -> bool:
        return headers.get("origin", "") in self.settings.origins

    def _share(self, headers: Headers, found: MutableHeaders) -> None:
        if self.settings.origins:
            found.add_vary_header("Origin")
        if self._named_origin(headers):
            found["access-control-allow-origin"] = headers["origin"]
            found["cross-origin-resource-policy"] = "cross-origin"


def shows_token(scope: Scope) -> bool:
    """Whether the guard has seen the token with a request."""
    return bool(scope.get("state", {}).get("authorised"))


def need_token(scope: Scope, why: str) -> None:
    """Refuse a request that shows no token where one is needed on loopback, too."""
    if not shows_token(scope):
        hint = "start with DIPTYCH_TOKEN set and show it: Authorization: Bearer TOKEN"
        raise Problem(401, f"{why} needs the server's token", hint=hint, headers=CHALLENGE)


async def _preflight(send: Send) -> None:
    headers = [
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"authorization, content-type"),
        (b"access-control-max-age", b"600"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port.

    >>> host_name("LOCALHOST:8080"), host_name("[::1]:8080"), host_name("127.0.0.1")
    ('localhost', '::1', '127.0.0.1')
    """
    if host.startswith("["):
        return host.partition("]")[0].lstrip("[").lower()
    return host.partition(":")[0].lower()
