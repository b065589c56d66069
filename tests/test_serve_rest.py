"""`/v1` of `diptych serve`: passages and documents in, predictions out, bad input refused in a sentence."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
import time
import zipfile
from pathlib import Path

import httpx
import pytest

from diptych.service.app import create_app
from diptych.service.settings import Bounds, Settings
from diptych.study import Study

FEES = "The harbour fees rise, and the town council pays for the crane."
MUD = "The mud is deep, and the birds eat there all day long beside the quay."
LINES = {"content-type": "application/x-ndjson"}
TABLE = {"content-type": "text/csv"}


@pytest.fixture
def client(served, trained_harbour):
    return served(trained_harbour)


@pytest.fixture
def small(served, trained_harbour):
    """A server with small limits."""
    return served(trained_harbour, bounds=Bounds(body=100_000, passages=3, letters=200, documents=1))


def error_of(answer, status: int) -> dict:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


def classify(client, body: object, **more):
    return client.post("/v1/classify", json=body, **more)


def lines(answer) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


# --- JSON


def test_one_passage_and_many_in_order_with_their_ids(client, trained_harbour):
    one = classify(client, {"text": FEES}).json()
    assert one["model"] == client.doors.serving.served.version
    assert set(one["predictions"][0]["facets"]) == set(trained_harbour.schema.facet_ids)
    many = classify(client, {"texts": [MUD, FEES]}).json()["predictions"]
    assert many[1] == one["predictions"][0]
    named = classify(client, {"passages": [{"id": 7, "text": FEES}, {"id": "b", "text": MUD}]}).json()["predictions"]
    assert [row["id"] for row in named] == [7, "b"]
    assert named[0]["facets"] == many[1]["facets"]
    assert classify(client, {"texts": []}).json()["predictions"] == []
    assert classify(client, {"passages": []}).json()["predictions"] == []


def test_it_says_what_the_command_line_says(client, trained_harbour, command, tmp_path: Path):
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps({"text": FEES}) + "\n" + json.dumps({"text": MUD}) + "\n")
    rows = command("classify", file, "--format", "jsonl", "--study", trained_harbour.root).rows
    answers = classify(client, {"texts": [FEES, MUD]}).json()["predictions"]
    for row, answer in zip(rows, answers, strict=True):
        assert {f: (row[f], row[f"{f}_p"]) for f in answer["facets"]} == {
            f: (a["value"] or "", a["p"]) for f, a in answer["facets"].items()
        }
    assert lines(client.post("/v1/classify", content=file.read_bytes(), headers=LINES)) == rows


def test_probabilities_words_and_abstaining_where_asked_for(client):
    plain = classify(client, {"text": FEES}).json()["predictions"][0]["facets"]["topic"]
    assert set(plain) == {"value", "p", "abstains"}
    more = classify(client, {"text": FEES, "probabilities": True, "explain": True}).json()["predictions"][0]
    topic = more["facets"]["topic"]
    assert sum(topic["probabilities"].values()) == pytest.approx(1, abs=2e-3)
    assert max(topic["probabilities"].values()) == pytest.approx(topic["p"], abs=1e-3)
    assert topic["moved"]
    assert all(word in FEES.casefold() for word, _ in topic["moved"])
    strict = classify(client, {"text": FEES, "abstain_at": 0.01}).json()["predictions"][0]["facets"]["tone"]
    assert (strict["value"], strict["abstains"]) == (None, True)
    never = classify(client, {"text": FEES, "abstain_at": 0.01, "abstain": False}).json()["predictions"][0]
    assert never["facets"]["tone"]["value"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "no JSON"),
        (b"{", 400, "no JSON"),
        (b'{"text": "caf\xc3', 400, "not UTF-8"),
        (b'{"text": "\xff\xfe"}', 400, "not UTF-8"),
        (b"[" * 10_000 + b"]" * 10_000, 400, "nested too deep"),
        (b'{"text":' * 10_000 + b"1" + b"}" * 10_000, 400, "nested too deep"),
        (b'{"text": ' + b"9" * 5000 + b"}", 400, "no JSON"),
        (b"null", 422, "body"),
        (b"[]", 422, "body"),
        (b"7", 422, "body"),
        (b"{}", 422, "exactly one"),
        (b'{"text": "a", "texts": ["b"]}', 422, "exactly one"),
        (b'{"text": null}', 422, "exactly one"),
        (b'{"text": 7}', 422, "text"),
        (b'{"text": ["a"]}', 422, "text"),
        (b'{"text": ""}', 422, "text"),
        (b'{"text": " \\t"}', 422, "no word"),
        (b'{"text": "...!"}', 422, "no word"),
        (b'{"text": "a\\u0000b"}', 422, "NUL"),
        (b'{"text": "fees \\ud800"}', 422, "half a character"),
        (b'{"texts": ["fees", "\\udfff fees"]}', 422, "half a character"),
        (b'{"passages": [{"id": "\\ud800", "text": "fees"}]}', 422, "half a character"),
        (b'{"\\ud800": 1}', 422, "half a character"),
        (b'{"texts": ["fees", 7]}', 422, "texts"),
        (b'{"texts": "fees"}', 422, "texts"),
        (b'{"passages": [{"txt": "fees"}]}', 422, "txt"),
        (b'{"passages": [{"text": "fees", "id": 1.5}]}', 422, "id"),
        (b'{"text": "fees", "facets": ["nix"]}', 422, "facets"),
        (b'{"text": "fees", "explian": true}', 422, "did you mean"),
        (b'{"text": "fees", "explain": "yes"}', 422, "explain"),
        (b'{"text": "fees", "abstain_at": 0}', 422, "abstain_at"),
        (b'{"text": "fees", "abstain_at": NaN}', 422, "abstain_at"),
        (b'{"text": "fees", "abstain_at": Infinity}', 422, "abstain_at"),
    ],
)
def test_bad_json_is_refused_in_a_sentence_and_the_server_goes_on(client, body, status, said):
    error = error_of(client.post("/v1/classify", content=body), status)
    assert said in error["message"] + error["hint"]
    assert len(error["message"]) < 1100
    assert classify(client, {"text": FEES}).status_code == 200


def test_limits_say_the_limit(small):
    assert error_of(classify(small, {"texts": [FEES] * 4}), 413)["limit"] == 3
    assert error_of(classify(small, {"text": "fees " * 50}), 413)["limit"] == 200
    assert error_of(small.post("/v1/classify", content=b" " * 100_001), 413)["limit"] == 100_000


def test_work_that_takes_too_long_ends_and_says_how_far_it_came(served, trained_harbour):
    client = served(trained_harbour, bounds=Bounds(seconds=0.2))
    error = error_of(classify(client, {"texts": [FEES] * 4000, "explain": True}), 503)
    assert "of 4000 passages were done" in error["message"]
    assert error["limit"] == 0.2


def test_one_request_too_many_is_told_to_come_back(served, trained_harbour, monkeypatch):
    client = served(trained_harbour, bounds=Bounds(at_once=1, letters=99_999))
    held, go = threading.Event(), threading.Event()

    def wait(*_: object, **__: object) -> list:
        held.set()
        go.wait(20)
        return []

    monkeypatch.setattr("diptych.service.rest.answer_all", wait)
    first = threading.Thread(target=lambda: classify(client, {"texts": []}))
    first.start()
    assert held.wait(20)
    busy = classify(client, {"text": FEES})
    error = error_of(busy, 429)
    assert (error["limit"], busy.headers["retry-after"]) == (1, "1")
    streamed = client.post("/v1/classify", content=b'{"text": "a fee"}\n', headers=LINES)
    assert error_of(streamed, 429)
    assert client.get("/health").status_code == 200
    go.set()
    first.join()
    monkeypatch.undo()
    assert classify(client, {"text": FEES}).status_code == 200


# --- streams


def test_json_lines_come_back_with_predictions_and_bad_rows_with_their_reason(client):
    body = json.dumps({"id": 1, "text": FEES}) + '\n\n{"text": ""}\nno json\n[1]\n{"text": 7}\n{"other": 1}\n'
    rows = lines(client.post("/v1/classify", content=body.encode() + b'{"text": "\xff"}\n', headers=LINES))
    assert rows[0]["id"] == 1
    assert rows[0]["topic"]
    assert [row["line"] for row in rows[1:]] == [3, 4, 5, 6, 7, 8]
    assert all(row["error"] for row in rows[1:])


def test_half_a_character_in_a_row_does_not_break_the_others(client):
    rows = lines(client.post("/v1/classify", content=b'{"text": "fees \\ud800"}\n{"text": "mud"}\n', headers=LINES))
    assert len(rows) == 2


def test_a_table_whose_first_rows_are_refused_keeps_its_columns(client):
    body = f'id,text\n1,\n2,"{FEES}"\n3\n4,"{MUD}"\n'.encode()
    answer = client.post("/v1/classify", content=body, headers=TABLE)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [row["id"] for row in rows] == ["", "2", "", "4"]
    assert [row["error"] for row in rows] == ["line 2: text is empty", "", "line 4: 1 cells, the header has 2", ""]
    assert rows[1]["topic"]


def test_a_table_of_which_every_row_is_refused_says_why(client):
    rows = list(csv.DictReader(io.StringIO(client.post("/v1/classify", content=b"text\n...\n", headers=TABLE).text)))
    assert rows == [{"error": "line 2: text holds no word"}]


def test_formulas_in_a_table_are_defused(client):
    answer = client.post("/v1/classify", content=f'x,text\n=1+1,"{FEES}"\n'.encode(), headers=TABLE)
    assert "'=1+1" in answer.text


@pytest.mark.parametrize(
    ("body", "headers", "query", "said"),
    [
        (b"", TABLE, "", "the table is empty"),
        (b"", LINES, "", "the table is empty"),
        (b"id,body\n1,x\n", TABLE, "", "column 'text' is missing"),
        (b'{"body": "x"}\n', LINES, "", "?text_column="),
        (b"text,text\na,b\n", TABLE, "", "stands twice"),
        (b"text,topic\nfees,1\n", TABLE, "", "?prefix=predicted_"),
        (b"text,error\nfees,1\n", TABLE, "", "?prefix=predicted_"),
        ("text\nfees\n".encode("utf-16"), TABLE, "", "UTF-16"),
        ('{"text": "fees"}\n'.encode("utf-16"), LINES, "", "UTF-16"),
        (b"text\nfees\n", TABLE, "?abstain_at=2", "abstain_at"),
    ],
)
def test_a_stream_that_is_wrong_from_the_start_gets_its_status(client, body, headers, query, said):
    error = error_of(client.post(f"/v1/classify{query}", content=body, headers=headers), 422)
    assert said in error["message"] + error["hint"]
    assert "--" not in error["hint"]


def test_options_of_a_stream(client):
    answer = client.post(
        "/v1/classify?text_column=body&prefix=p_&probabilities=true&abstain=false",
        content=json.dumps({"body": FEES, "topic": "mine", "error": "mine"}).encode(),
        headers=LINES,
    )
    (row,) = lines(answer)
    assert (row["topic"], row["error"]) == ("mine", "mine")
    assert sum(row[f"p_topic_{value}"] for value in ("money", "nature", "work")) == pytest.approx(1, abs=2e-3)
    assert answer.headers["diptych-model"] == client.doors.serving.served.version


def test_rows_that_are_too_long_are_refused_alone_and_endless_lines_end_the_stream(small):
    rows = lines(
        small.post("/v1/classify", content=b'{"text": "%s"}\n{"text": "mud"}\n' % (b"a " * 200), headers=LINES)
    )
    assert "200 are allowed" in rows[0]["error"]
    assert rows[1]["topic"]
    error = error_of(small.post("/v1/classify", content=b"a" * 1_200_000, headers=LINES), 413)
    assert "a line is longer" in error["message"]


def test_a_stream_that_fails_later_ends_with_a_row_that_says_so(client, monkeypatch):
    monkeypatch.setattr("diptych.service.streams.PIECE", 1)
    body = b'{"text": "fees"}\n{"text": "mud", "topic": "mine"}\n'
    first, last = lines(client.post("/v1/classify", content=body, headers=LINES))
    assert first["topic"]
    assert last["error"]["status"] == 422
    assert "'topic'" in last["error"]["message"]


def in_pieces(app, pieces: list[bytes], headers: dict[str, str]) -> httpx.Response:
    """Send a body piece by piece, which the test client cannot."""

    async def go() -> httpx.Response:
        async def body():
            for piece in pieces:
                yield piece
                await asyncio.sleep(0)

        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post("/v1/classify", content=body(), headers=headers)

    return asyncio.run(go())


def test_a_table_that_fails_later_ends_with_a_row_that_says_so(trained_harbour, monkeypatch):
    monkeypatch.setattr("diptych.service.streams.PIECE", 1)
    app = create_app(Settings(bounds=Bounds(letters=100)), trained_harbour)
    answer = in_pieces(app, [b"id,text\n1,fees\n2,mud\n", b'3,"', *[b"x" * 60_000] * 30], TABLE)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.status_code == 200
    assert [row["id"] for row in rows] == ["1", "2", ""]
    assert "a line is longer than" in rows[-1]["error"]


def test_a_stream_that_grows_too_large_ends_with_a_row_that_says_so(trained_harbour, monkeypatch):
    monkeypatch.setattr("diptych.service.streams.PIECE", 1)
    app = create_app(Settings(bounds=Bounds(stream=50_000)), trained_harbour)
    rows = lines(in_pieces(app, [b'{"text": "fees"}\n' * 100] * 40, LINES))
    assert rows[0]["topic"]
    assert rows[-1]["error"]["status"] == 413


def test_a_long_stream_comes_back_whole_and_in_order(trained_harbour):
    body = "".join(json.dumps({"id": i, "text": f"{FEES} {i}"}) + "\n" for i in range(3000)).encode()
    pieces = [body[i : i + 7001] for i in range(0, len(body), 7001)]
    rows = lines(in_pieces(create_app(Settings(), trained_harbour), pieces, LINES))
    assert [row["id"] for row in rows] == list(range(3000))


async def _until(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def test_a_client_that_goes_away_leaves_nothing_behind(trained_harbour):
    app = create_app(Settings(), trained_harbour)
    doors = app.state.doors
    scope = {
        "type": "http", "method": "POST", "path": "/v1/classify", "raw_path": b"", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/x-ndjson")], "http_version": "1.1",
        "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1), "asgi": {"version": "3.0"},
    }  # fmt: skip

    async def go(after: int) -> None:
        sent: list[dict] = []
        came = 0

        async def receive() -> dict:
            nonlocal came
            came += 1
            if came > after:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": b'{"text": "fees"}\n' * 200, "more_body": True}

        async def send(message: dict) -> None:
            sent.append(message)

        await asyncio.wait_for(app(dict(scope), receive, send), 20)
        await _until(lambda: doors.work.running == 0)

    before = threading.enumerate()

    def new() -> list[threading.Thread]:
        # the servers of other tests, which run beside, look after their models in threads called asyncio_*
        return [t for t in threading.enumerate() if t not in before and not t.name.startswith("asyncio_")]

    for after in (0, 1, 3, 40):
        asyncio.run(go(after))
    end = time.monotonic() + 10
    while new() and time.monotonic() < end:
        time.sleep(0.05)
    assert new() == []


def test_clients_that_do_not_read_do_not_hold_up_others(trained_harbour):
    """Many more streams than threads of a pool, all of them stuck, and one that is not."""
    app = create_app(Settings(), trained_harbour)
    body = b"".join(json.dumps({"text": f"{FEES} {i}"}).encode() + b"\n" for i in range(5000))

    async def stuck(release: asyncio.Event) -> None:
        async def receive() -> dict:
            return {"type": "http.request", "body": body, "more_body": True}

        async def send(_: dict) -> None:
            await release.wait()
            raise OSError

        scope = {
            "type": "http", "method": "POST", "path": "/v1/classify", "raw_path": b"", "query_string": b"",
            "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/x-ndjson")], "root_path": "",
            "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1),
            "asgi": {"version": "3.0"},
        }  # fmt: skip
        await app(scope, receive, send)

    async def go() -> int:
        release = asyncio.Event()
        waiting = [asyncio.create_task(stuck(release)) for _ in range(12)]
        await asyncio.sleep(0.5)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await asyncio.wait_for(
                client.post("/v1/classify", content=body[: len(body) // 20], headers=LINES), 30
            )
        release.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        return answer.status_code

    assert asyncio.run(go()) == 200


# --- documents


def upload(client, name: str, data: bytes, query: str = ""):
    return client.post(f"/v1/documents{query}", files={"file": (name, data)})


def test_a_document_is_cut_classified_and_counted(client, trained_harbour):
    text = f"{FEES} Boats come and go with every tide.\n\n{MUD} Nobody counts them any more.\n"
    found = upload(client, "C:\\texts\\log.txt", text.encode()).json()
    assert found["document"] == "log.txt"
    assert [p["passage"] for p in found["passages"]] == ["log:001", "log:002"]
    assert text[found["passages"][1]["start"] :].startswith("The mud")
    assert "probabilities" not in found["passages"][0]["facets"]["topic"]
    assert sum(row["passages"] for row in found["summary"]) == 2
    assert len(found["summary"][0]) == 3
    more = upload(client, "log.txt", text.encode(), "?probabilities=true&explain=true").json()["passages"][0]
    assert more["facets"]["topic"]["probabilities"]
    assert more["facets"]["topic"]["moved"]


def docx(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELATIONS)
        for name, data in parts.items():
            archive.writestr(f"word/{name}.xml", data)
    return out.getvalue()


TYPES = (
    b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    b'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" '
    b'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Id="rId1" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    b'Target="word/document.xml"/></Relationships>'
)
WORD = b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(12))
    + b"]>"
    + WORD
    + b"<w:p><w:r><w:t>&m;</w:t></w:r></w:p></w:body></w:document>"
)
ENCRYPTED = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"3 0 obj<</Filter/Standard/V 1/R 2/O(" + b"o" * 32 + b")/U(" + b"u" * 32 + b")/P -4>>endobj\n"
    b"trailer<</Root 1 0 R/Encrypt 3 0 R/ID[(a)(a)]>>\n%%EOF"
)
BOMB = WORD + b"<w:p><w:r><w:t>harbour</w:t></w:r></w:p>" * 400_000 + b"</w:body></w:document>"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b""),
        ("a.txt", b" \n"),
        ("a.txt", b"\0\1\2" * 100),
        ("a.pdf", b"no pdf"),
        ("a.pdf", b"%PDF-1.7\n%%EOF"),
        ("a.pdf", ENCRYPTED),
        ("a.docx", b"no zip"),
        ("a.docx", docx()),
        ("a.docx", docx(document=LAUGHS)),
        ("a.docx", docx(document=WORD)),
        ("a.html", b"<html>" + b"<div>" * 50_000),
        ("a.docx", docx(document=b"<a>" * 200_000)),
    ],
)
def test_hostile_documents_are_refused_in_a_sentence(client, name, data):
    error = error_of(upload(client, name, data), 422)
    assert error["message"]
    assert not any(place in error["message"] for place in ("/tmp", "/root", "site-packages", "Traceback"))  # noqa: S108
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("name", "data"), [("a.csv", f'id,text\nx,"{FEES}"\n'), ("a.JSONL", json.dumps({"id": "x", "text": FEES}))]
)
def test_every_row_of_an_uploaded_table_is_a_passage(client, name, data):
    found = upload(client, name, data.encode()).json()
    (passage,) = found["passages"]
    assert (passage["passage"], passage["text"], "id" in passage) == ("x", FEES, False)


def test_a_row_of_an_uploaded_table_has_the_limit_of_a_passage(served, trained_harbour):
    client = served(trained_harbour, bounds=Bounds(letters=50))
    assert error_of(upload(client, "a.csv", f'text\n"{FEES}"\n'.encode()), 413)["limit"] == 50


def test_an_encrypted_pdf_is_told(client):
    assert "password" in error_of(upload(client, "a.pdf", ENCRYPTED), 422)["message"].casefold()


def test_a_zip_bomb_ends_within_the_limits_of_time_and_memory(served, trained_harbour):
    client = served(trained_harbour, bounds=Bounds(seconds=6))
    began = time.monotonic()
    answer = upload(client, "a.docx", docx(document=BOMB))
    assert answer.status_code in {413, 422, 503}
    assert answer.json()["error"]["message"]
    assert time.monotonic() - began < 30
    assert classify(client, {"text": FEES}).status_code == 200


def test_a_document_with_too_many_passages_says_the_limit(small):
    text = "\n\n".join(f"{FEES} {MUD} Number {i}." for i in range(9)).encode()
    assert error_of(upload(small, "a.txt", text), 413)["limit"] == 3


def test_a_reader_that_dies_or_hangs_is_told(served, trained_harbour, monkeypatch):
    client = served(trained_harbour, bounds=Bounds(seconds=0.05))
    assert error_of(upload(client, "a.txt", b"x"), 503)["limit"] == 0.05
    monkeypatch.setattr("diptych.service.reader.MODULE", "there_is_no_such_module")
    error = error_of(upload(served(trained_harbour), "a.txt", b"x"), 422)
    assert "memory" in error["message"]


# --- what the server says of itself


def test_schema_model_and_metrics(client, trained_harbour):
    schema = client.get("/v1/schema").json()
    assert schema["name"] == "harbour@1.0.0"
    card = client.get("/v1/model").json()
    assert card["facets"] == {k: list(v) for k, v in client.doors.serving.served.facets.items()}
    assert card["figures"]["cross_validation"]
    for text in (client.get("/v1/schema").text, client.get("/v1/model").text):
        assert str(trained_harbour.root) not in text
    classify(client, {"text": FEES})
    client.get("/a/secret/path")
    text = client.get("/metrics").text
    assert 'diptych_requests_total{door="/v1/classify",status="200"}' in text
    assert f'diptych_model{{version="{card["model"]}"}} 1.0' in text
    assert "secret" not in text
    from prometheus_client.parser import text_string_to_metric_families

    assert {family.name for family in text_string_to_metric_families(text)} >= {"diptych_requests", "diptych_passages"}


def test_openapi_describes_every_door_and_its_examples_work(client):
    found = client.get("/openapi.json").json()
    assert set(found["paths"]) == {
        "/v1/classify", "/v1/documents", "/v1/schema", "/v1/model", "/health", "/ready", "/metrics",
        "/setup", "/predict", "/webhook", "/versions",
    }  # fmt: skip
    bodies = found["paths"]["/v1/classify"]["post"]["requestBody"]["content"]
    for example in bodies["application/json"]["schema"]["examples"]:
        assert classify(client, example).status_code == 200
    for kind in ("application/x-ndjson", "text/csv"):
        sent = client.post("/v1/classify", content=bodies[kind]["example"], headers={"content-type": kind})
        assert sent.status_code == 200


# --- models that are missing, foreign, or appear later


@pytest.fixture
def quick(monkeypatch) -> None:
    monkeypatch.setattr("diptych.service.training.LOOK_EVERY", 0.05)


def ready_within(client, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while client.get("/ready").status_code != 200:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_without_a_model_it_starts_says_so_and_serves_as_soon_as_there_is_one(served, own_harbour: Study, quick):
    aside = own_harbour.root / "aside.zip"
    own_harbour.model_file.rename(aside)
    client = served(own_harbour)
    for answer in (
        client.get("/ready"),
        classify(client, {"text": FEES}),
        client.get("/v1/model"),
        client.post("/predict", json={"tasks": []}),
    ):
        error = error_of(answer, 503)
        assert "no model yet" in error["message"]
        assert "diptych train" in error["hint"]
    assert error_of(client.post("/v1/classify", content=b'{"text": "a"}\n', headers=LINES), 503)
    assert "There is no model" in client.get("/").text
    assert client.get("/health").status_code == 200
    assert client.get("/metrics").status_code == 200
    assert client.post("/setup").json() == {"model_version": ""}  # a refusal would keep Label Studio from connecting
    assert client.get("/versions").json()["versions"] == []
    aside.rename(own_harbour.model_file)
    assert ready_within(client)
    assert classify(client, {"text": FEES}).status_code == 200


def test_a_model_of_another_schema_or_none_at_all_is_told_without_a_path(served, own_harbour: Study, bundled, quick):
    from diptych.classifier.scoring.bundled import FILE

    good = own_harbour.model_file.read_bytes()
    for bad in (Path(FILE).read_bytes(), b"no model", good[: len(good) // 2]):
        own_harbour.model_file.write_bytes(bad)
        client = served(own_harbour, write=True)
        error = error_of(client.get("/ready"), 503)
        assert "cannot serve" in error["message"]
        assert str(own_harbour.root) not in error["message"] + client.get("/").text
    own_harbour.model_file.write_bytes(good)
    assert ready_within(client)


def test_a_damaged_model_that_appears_later_does_not_disturb_the_one_that_serves(served, own_harbour: Study, quick):
    news: list[str] = []
    client = served(own_harbour, tell=news.append)
    own_harbour.model_file.write_bytes(b"half a mod")
    end = time.monotonic() + 10
    while not news and time.monotonic() < end:
        time.sleep(0.05)
    assert "cannot serve" in news[0]
    assert classify(client, {"text": FEES}).status_code == 200


def test_without_a_study_the_bundled_model_serves(served):
    client = served(None)
    found = classify(client, {"text": "Moscow fears for its gas exports to China."}).json()
    assert set(found["predictions"][0]["facets"]) == {"perspective", "domain", "stance"}


@pytest.mark.parametrize("promote", ["better", "always", "never"])
def test_promotion(served, own_harbour: Study, quick, promote):
    from dataclasses import replace

    from diptych.classifier.scoring.persist import load_model, save_model

    client = served(own_harbour, promote=promote, write=True)
    old = load_model(own_harbour.model_file)
    before = client.get("/ready").json()["model"]

    def put(digit: str, f1: float) -> None:
        figures = {facet: {**found, "macro_f1": f1} for facet, found in old.card["figures"]["cross_validation"].items()}
        card = {
            **old.card,
            "figures": {**old.card["figures"], "cross_validation": figures},
            "training": {**old.card["training"], "hash": digit * 64},
        }
        save_model(own_harbour.model_file, replace(old, card=card))
        time.sleep(1.0)

    put("a", 0.01)
    worse = client.get("/ready").json()["model"]
    put("b", 0.99)
    better = client.get("/ready").json()["model"]
    assert (worse != before) == (promote == "always")
    assert (better != worse) == (promote != "never")
