"""Who may call `diptych serve`: hosts, origins, tokens, headers, the size and the pace of bodies."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from diptych.errors import UsageError
from diptych.service.access import Guard, authorised, host_name
from diptych.service.app import create_app
from diptych.service.settings import Bounds, Settings, check_settings, is_loopback, read_token

TOKEN = "a-token-that-is-long-enough"  # noqa: S105 - of the tests alone
ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens in these tests
TEXT = {"text": "The harbour fees rise."}


def basic(password: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def refusal(answer) -> dict:
    """The error of an answer, which has the one shape that all have."""
    found = answer.json()
    assert set(found) == {"error"}
    assert {"status", "code", "message", "hint"} <= set(found["error"])
    assert found["error"]["status"] == answer.status_code
    assert found["error"]["message"]
    return found["error"]


# --- Host: a name pointed at 127.0.0.1 is not this server's


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:99", "[::1]:8080", "127.9.9.9"]
)
def test_this_machines_names_are_answered(served, trained_harbour, host):
    assert served(trained_harbour).get("/ready", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example@127.0.0.1",
        ANYWHERE,
        "[::1",
        "[::2]",
        "::1",
        "",
        "2130706433",
        "\xff",
    ],
)
def test_other_names_are_refused_before_anything_is_said(served, trained_harbour, host):
    answer = served(trained_harbour).get("/v1/model", headers=[("host", host.encode("latin-1"))])
    if host == "[::1":  # read as the address that it begins
        return
    assert answer.status_code == 403
    assert "host" in (refusal(answer)["message"] + refusal(answer)["hint"]).casefold()


def test_a_further_name_must_be_named_and_then_needs_the_token(served, trained_harbour):
    client = served(trained_harbour, hosts=("coding.example",), token=TOKEN)
    assert client.get("/v1/model", headers={"host": "coding.example"}).status_code == 401
    shown = {"host": "coding.example", "authorization": f"Bearer {TOKEN}"}
    assert client.get("/v1/model", headers=shown).status_code == 200
    assert client.get("/v1/model").status_code == 200


def test_names_in_the_host_header():
    assert [host_name(h) for h in ("[::1]:80", "a.b:1", "A", "")] == ["::1", "a.b", "a", ""]
    assert [is_loopback(h) for h in ("::1", "[::1]", "127.0.0.2", "::", "10.0.0.1", "localhost.")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


# --- Origin: another web page may not post


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:8080"}, 200),
        ({"origin": "http://127.0.0.1:8081"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://[::1"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/v1/classify", "/webhook", "/corrections", "/"])
def test_what_another_page_posts_is_refused(served, trained_harbour, headers, status, path):
    answer = served(trained_harbour).post(path, json=TEXT, headers=headers)
    if status == 403:
        assert (answer.status_code, refusal(answer)["code"]) == (403, "forbidden")
    else:
        assert answer.status_code != 403


def test_no_other_page_may_read_unless_it_is_named(served, trained_harbour):
    client = served(trained_harbour, origins=("https://lab.example",))
    other = client.get("/v1/model", headers={"origin": "https://evil.example"})
    assert not [name for name in other.headers if name.startswith("access-control")]
    named = client.post("/v1/classify", json=TEXT, headers={"origin": "https://lab.example"})
    assert named.status_code == 200
    assert named.headers["access-control-allow-origin"] == "https://lab.example"
    assert named.headers["vary"] == "Origin"
    before = client.options("/v1/classify", headers={"origin": "https://lab.example"})
    assert (before.status_code, before.headers["access-control-allow-methods"]) == (204, "GET, POST")
    assert client.options("/v1/classify", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post("/v1/nix", headers={"origin": "https://lab.example"}).headers["access-control-allow-origin"]


@pytest.mark.parametrize("origin", ["*", "null", "https://a.example/", "a.example", "https://", "ftp://a.example"])
def test_an_origin_that_is_none_is_refused_at_the_start(origin):
    with pytest.raises(UsageError, match="is no origin"):
        check_settings(Settings(origins=(origin,)))


# --- tokens


@pytest.mark.parametrize("path", ["/", "/v1/model", "/metrics", "/openapi.json", "/nix", "/versions"])
def test_on_any_other_address_everything_needs_the_token(served, trained_harbour, path):
    client = served(trained_harbour, host=ANYWHERE, token=TOKEN)
    answer = client.get(path, headers={"host": "lab.example"})
    assert (answer.status_code, refusal(answer)["code"]) == (401, "unauthorised")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    for shown in (f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(TOKEN), basic(TOKEN, "")):
        assert client.get(path, headers={"host": "lab.example", "authorization": shown}).status_code in {200, 404}


def test_probes_need_no_token_and_say_nothing_of_the_study(served, trained_harbour):
    client = served(trained_harbour, host=ANYWHERE, token=TOKEN)
    assert client.get("/health").json() == {"status": "UP", "model_class": "diptych"}
    assert client.get("/ready").status_code == 200


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Token {TOKEN}",
        TOKEN,
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
        basic(""),
        basic(TOKEN + "\0"),
        "Bearer t\xf6ken",
    ],
)
def test_what_is_no_token(served, trained_harbour, shown):
    client = served(trained_harbour, host=ANYWHERE, token=TOKEN)
    answer = client.get("/v1/model", headers=[("authorization", shown.encode("latin-1"))])
    assert answer.status_code == 401
    assert TOKEN not in answer.text


def test_without_a_token_nothing_is_authorised():
    from starlette.datastructures import Headers

    assert not authorised(Headers({"authorization": "Bearer "}), "")
    assert not authorised(Headers({"authorization": basic("")}), "")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(host=ANYWHERE), "needs a token"),
        (Settings(host="::"), "needs a token"),
        (Settings(host="example.org"), "needs a token"),
        (Settings(hosts=("a.example",)), "--allow-host needs a token"),
        (Settings(train_after=5, write=True), "--train-after needs a token"),
        (Settings(train_after=5, token=TOKEN), "--train-after needs --write"),
    ],
)
def test_it_refuses_to_start_with_a_door_open(settings, said):
    with pytest.raises(UsageError, match=said):
        create_app(settings)


def test_the_token_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("DIPTYCH_TOKEN", raising=False)
    assert not read_token(None)
    monkeypatch.setenv("DIPTYCH_TOKEN", TOKEN)
    assert read_token(None) == TOKEN
    file = tmp_path / "token"
    file.write_text(f"  {TOKEN[::-1]}\n")
    assert read_token(file) == TOKEN[::-1]
    for bad in ("", "short", "with a line\nbreak-in-it-all", "ключ-от-порта-длинный", "\udcff" * 20):
        file.write_bytes(bad.encode("utf-8", "surrogateescape"))
        with pytest.raises(UsageError) as found:
            read_token(file)
        assert len(bad) < 16 or bad not in str(found.value)
    with pytest.raises(UsageError, match="cannot read the token"):
        read_token(tmp_path / "missing")


# --- headers, and the one shape of errors


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/", {}, 200),
        ("GET", "/v1/model", {}, 200),
        ("GET", "/nix", {}, 404),
        ("GET", "/v1/classify/", {}, 404),
        ("PUT", "/v1/classify", {}, 405),
        ("TRACE", "/health", {}, 405),
        ("POST", "/v1/classify", {"content": b"{"}, 400),
        ("POST", "/v1/classify", {"json": {"nix": 1}}, 422),
        ("POST", "/v1/classify?abstain_at=7", {"json": TEXT}, 422),
        ("POST", "/v1/classify", {"content": b"x", "headers": {"content-type": "text/plain"}}, 415),
        ("POST", "/v1/documents", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400),
        ("POST", "/v1/documents", {"json": {}}, 415),
        ("POST", "/v1/documents", {"files": {"other": ("a.txt", b"x")}}, 422),
        ("POST", "/v1/documents", {"files": {"file": ("a.exe", b"x")}}, 415),
        ("POST", "/", {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, 400),
        ("POST", "/", {"json": {}}, 415),
        ("POST", "/corrections", {"data": {"a": "b"}}, 422),
        ("POST", "/v1/classify", {"json": TEXT, "headers": {"host": "evil.example"}}, 403),
        ("POST", "/v1/classify", {"content": b"x" * 2_000_000}, 413),
        ("POST", "/predict", {"content": b"[]"}, 422),
    ],
)
def test_every_answer_carries_the_safe_headers_and_every_error_the_one_shape(
    served, trained_harbour, method, path, more, status
):
    answer = served(trained_harbour, bounds=Bounds(body=1_000_000)).request(method, path, **more)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers
    if status >= 400:
        refusal(answer)
    if status == 405:
        assert answer.headers["allow"]
    assert str(trained_harbour.root) not in answer.text
    assert "Traceback" not in answer.text


def test_a_fault_says_nothing_of_its_insides_in_answer_or_log(served, trained_harbour, monkeypatch):
    news: list[str] = []
    client = served(trained_harbour, tell=news.append)
    said = "the secret text of a request in /root/secret"

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(said)

    monkeypatch.setattr("diptych.service.rest.answer_all", fail)
    answer = client.post("/v1/classify", json=TEXT)
    assert (answer.status_code, refusal(answer)["code"]) == (500, "fault")
    assert news == ["fault at POST /v1/classify: ZeroDivisionError"]
    assert said not in answer.text + str(news)
    assert answer.headers["x-content-type-options"] == "nosniff"
    monkeypatch.undo()
    assert client.post("/v1/classify", json=TEXT).status_code == 200


# --- the pace and the size of bodies, at the level of ASGI


class Exchange:
    """One request whose body comes as the test says."""

    def __init__(self, pieces: list[tuple[float, bytes, bool]], headers: dict[str, str]) -> None:
        self.pieces = list(pieces)
        self.headers = {"host": "127.0.0.1", **headers}
        self.sent: list[dict] = []

    async def receive(self) -> dict:
        if not self.pieces:
            await asyncio.sleep(3600)
        wait, body, more = self.pieces.pop(0)
        await asyncio.sleep(wait)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(self, message: dict) -> None:
        self.sent.append(message)

    async def run(self, app, path: str = "/v1/classify") -> tuple[int, dict]:
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in self.headers.items()], "http_version": "1.1",
            "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080), "root_path": "",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }  # fmt: skip
        await app(scope, self.receive, self.send)
        body = b"".join(message.get("body", b"") for message in self.sent)
        return self.sent[0]["status"], json.loads(body)


JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/x-ndjson"}


@pytest.mark.parametrize(
    ("pieces", "headers", "status"),
    [
        ([(9, b"", False)], JSON, 408),
        ([(0.1, b" ", True)] * 50, JSON, 408),
        ([(9, b"", False)], LINES, 408),
        ([(0, b" " * 600, True)] * 3, JSON, 413),
        ([(0, b"", False)], JSON | {"content-length": "1001"}, 413),
        ([(0, b"", False)], JSON | {"content-length": "9" * 5000}, 413),
        ([(0, b'{"te', True), (0.1, b'xt": "Fees"}', False)], JSON, 200),
    ],
)
def test_bodies_that_are_too_slow_or_too_large(trained_harbour, monkeypatch, pieces, headers, status):
    monkeypatch.setattr("diptych.service.body.LINGER_SECONDS", 0.2)
    app = create_app(Settings(bounds=Bounds(body=1000, seconds=0.5)), trained_harbour)
    found, body = asyncio.run(Exchange(pieces, headers).run(app))
    assert found == status
    if status != 200:
        assert body["error"]["limit"] in {0.5, 1000}


def test_a_client_that_does_not_take_its_answer_is_let_go(trained_harbour):
    news: list[str] = []
    app = create_app(Settings(bounds=Bounds(seconds=0.3)), trained_harbour, news.append)
    exchange = Exchange([(0, b'{"text": "Fees"}', False)], JSON)

    async def never(_: dict) -> None:
        await asyncio.sleep(3600)

    exchange.send = never  # type: ignore[method-assign]
    with pytest.raises(IndexError):  # nothing was sent
        asyncio.run(asyncio.wait_for(exchange.run(app), 5))
    assert news == []


def test_what_is_no_http_goes_through():
    seen = []

    async def inner(scope, receive, send) -> None:
        seen.append(scope["type"])

    asyncio.run(Guard(inner, Settings())({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_heavy_packages_are_not_imported_at_the_start():
    heavy = ["pandas", "sklearn", "scipy", "label_studio_sdk", "pyarrow", "httpx", "lxml", "pypdfium2"]
    code = f"import sys, diptych.service.app, diptych.service.run; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
