"""`diptych serve` as a process: start, stop, load, training, and what goes wrong around it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from diptych.classifier.scoring.persist import load_model, save_model
from diptych.study import Study

TOKEN = "a-token-that-is-long-enough"  # noqa: S105 - of the tests alone
BEARER = {"authorization": f"Bearer {TOKEN}"}
FEES = "The harbour fees rise, and the town council pays for the crane."
START = {"action": "START_TRAINING", "project": {"id": 1}}


Start = Callable[..., Any]


def classify(url: str, text: str = FEES, **more) -> httpx.Response:
    return httpx.post(f"{url}/v1/classify", json={"text": text}, timeout=30, **more)


def refused(*arguments: object, token: str = "", folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "DIPTYCH_TOKEN"} | (
        {"DIPTYCH_TOKEN": token} if token else {}
    )
    command = [sys.executable, "-m", "diptych", "serve", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd=folder)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done


# --- starting and stopping


def test_it_says_where_it_is_answers_and_stops_with_code_0(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    answer = classify(server.url)
    assert answer.status_code == 200
    assert answer.json()["model"] in server.said[0]
    assert server.stop() == 0
    assert server.said[1:] == ["stopped\n"]
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{server.url}/health")


def test_it_starts_in_less_than_two_seconds_of_the_processors_time(start: Start, trained_harbour: Study):
    """By the clock it is as quick only where the machine has nothing else to do."""
    server = start("--study", trained_harbour.root)
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    assert seconds < 2


def test_without_a_study_the_bundled_model_serves_from_anywhere(start: Start, tmp_path: Path):
    server = start(folder=tmp_path)
    assert set(classify(server.url).json()["predictions"][0]["facets"]) == {"perspective", "domain", "stance"}
    assert server.stop() == 0
    assert list(tmp_path.iterdir()) == []


def test_head_is_answered_as_get_without_its_body(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    with httpx.Client(base_url=server.url) as client:  # one connection: a body would be taken for the next answer
        for path in ("/health", "/", "/openapi.json", "/nowhere"):
            whole, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b"")
            assert head.headers["content-length"] == whole.headers["content-length"]
        assert client.head("/v1/classify").status_code == 405


def test_requests_in_progress_end_before_it_stops(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    found: list[httpx.Response] = []
    many = {"texts": [FEES] * 3000}
    asking = threading.Thread(
        target=lambda: found.append(httpx.post(f"{server.url}/v1/classify", json=many, timeout=60))
    )
    asking.start()
    end = time.monotonic() + 20
    while "diptych_working 1.0" not in httpx.get(f"{server.url}/metrics").text and time.monotonic() < end:
        time.sleep(0.01)
    began = time.monotonic()
    assert server.stop() == 0
    asking.join()
    assert found[0].status_code == 200
    assert len(found[0].json()["predictions"]) == 3000
    assert time.monotonic() - began < 30


def test_idle_connections_do_not_keep_it_from_stopping(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    with httpx.Client() as client, socket.create_connection(("127.0.0.1", server.port)) as silent:
        client.get(f"{server.url}/health")
        silent.send(b"GET / HTTP/1.1\r\nHos")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10


def test_an_interrupt_stops_it_as_any_command(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    assert server.stop(signal.SIGINT) == 130
    assert "Traceback" not in server.log


def test_a_port_that_is_taken_is_told(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    done = refused("--port", server.port, "--study", trained_harbour.root)
    assert done.returncode == 2
    assert f"port {server.port}: Address already in use" in done.stderr
    assert "--port 0" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "token", "code", "said"),
    [
        (["--host", "0.0.0.0"], "", 2, "needs a token"),  # noqa: S104
        (["--host", "0.0.0.0"], "short", 2, "shorter than"),  # noqa: S104
        (["--host", "no such name"], TOKEN, 2, "--host no such name"),
        (["--host", "192.0.2.1"], TOKEN, 2, "cannot listen on 192.0.2.1"),
        (["--token-file", "nix"], "", 2, "cannot read the token from nix"),
        (["--token", TOKEN], "", 2, "No such option"),
        (["--study", "nix"], "", 1, "nix"),
        (["--allow-origin", "*"], "", 2, "is no origin"),
        (["--train-after", "5"], "", 2, "--train-after"),
        (["--port", "99999"], "", 2, "99999"),
        (["--max-body", "0"], "", 2, "--max-body"),
    ],
)
def test_what_it_refuses_to_start_with(tmp_path: Path, arguments, token, code, said):
    done = refused(*arguments, token=token, folder=tmp_path)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert TOKEN not in done.stderr.replace(f"--token {TOKEN}", "")


def test_on_another_address_the_token_is_asked_for(start: Start, trained_harbour: Study, tmp_path: Path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    server = start("--study", trained_harbour.root, "--host", "0.0.0.0", "--token-file", file)  # noqa: S104
    url = f"http://127.0.0.1:{server.port}"
    assert classify(url).status_code == 401
    assert classify(url, headers=BEARER).status_code == 200
    assert httpx.get(f"{url}/", auth=("anybody", TOKEN)).status_code == 200
    assert server.stop() == 0
    assert TOKEN not in server.log


# --- what clients may do


def test_too_large_a_body_is_answered_even_while_it_is_still_sent(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    body = b'{"text": "' + b"a" * 50_000_000 + b'"}'
    answer = httpx.post(f"{server.url}/v1/classify", content=body, timeout=60)
    assert answer.status_code == 413
    assert answer.json()["error"]["limit"] == 20 * 1024 * 1024
    assert httpx.post(f"{server.url}/v1/classify", content=iter([body]), timeout=60).status_code == 413
    assert classify(server.url).status_code == 200


def test_clients_that_go_away_or_talk_nonsense_do_no_harm(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    head = b"POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-ndjson\r\n"
    nonsense = [
        b"",
        b"\x16\x03\x01" * 50,
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000,
        head + b"content-length: 100\r\n\r\n{",
        head + b"transfer-encoding: chunked\r\n\r\nZZ\r\n",
        head + b'transfer-encoding: chunked\r\n\r\n11\r\n{"text": "fees"}\n\r\n',
    ]
    for _ in range(5):
        for data in nonsense:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
                client.send(data)
    end = time.monotonic() + 10
    while "diptych_working 0.0" not in httpx.get(f"{server.url}/metrics").text and time.monotonic() < end:
        time.sleep(0.05)
    assert "diptych_working 0.0" in httpx.get(f"{server.url}/metrics").text
    assert classify(server.url).status_code == 200
    threads = len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))
    assert threads < 60
    assert server.stop() == 0
    assert "Traceback" not in server.log


@pytest.mark.parametrize(
    "data", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"a" * 33_000]
)
def test_what_is_no_http_is_refused_in_the_one_shape(start: Start, trained_harbour: Study, data: bytes):
    server = start("--study", trained_harbour.root)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.send(data)
        head, _, body = b"".join(iter(lambda: client.recv(65536), b"")).partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert (error["status"], error["code"]) == (400, "bad_request")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-content-type-options: nosniff" in head
    assert server.stop() == 0


def test_half_a_head_is_not_waited_for(trained_harbour: Study):
    code = (
        "import sys, diptych.service.patience as p; p.HEAD_SECONDS = 0.5\n"
        "from diptych.cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "serve", "--port", "0", "--study", str(trained_harbour.root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        port = int(re.match(r"http://\S+?:(\d+): ", process.stderr.readline())[1])
        for data in (b"", b"GET / HTTP/1.1\r\nhost: 127"):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.send(data)
                assert client.recv(1) == b""
        process.terminate()
        assert process.wait(20) == 0


def test_a_stream_is_answered_while_it_is_sent(start: Start, trained_harbour: Study):
    server = start("--study", trained_harbour.root)
    answered = threading.Event()
    row = json.dumps({"text": FEES}).encode() + b"\n"

    def body() -> Iterator[bytes]:
        for _ in range(20):
            yield row * 64
        assert answered.wait(30)  # the first rows came back before the last were sent
        yield row

    headers = {"content-type": "application/x-ndjson"}
    count = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.send(b"POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n")
        client.send(b"content-type: application/x-ndjson\r\n\r\n")

        def send() -> None:
            for piece in body():
                client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            client.sendall(b"0\r\n\r\n")

        sending = threading.Thread(target=send)
        sending.start()
        received = b""
        while b"\r\n0\r\n\r\n" not in received:
            piece = client.recv(65536)
            assert piece
            received += piece
            if b'"topic"' in received:
                answered.set()
        sending.join()
        count = received.count(b'"topic": ')
    assert headers
    assert count == 20 * 64 + 1


# --- training


def trained_anew(study: Study) -> Study:
    """The same study with another gold label, so that its next model is another one."""
    for file in sorted(study.codings_folder.glob("*.jsonl")):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for row in lines:
            if row.get("facet") == "topic" and row["passage"].endswith(":001"):
                row["value"] = "work"
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines))
    return study


def ask_for_training(server: Any) -> None:
    answer = httpx.post(f"{server.url}/webhook", json=START, headers=BEARER, timeout=10)
    assert (answer.status_code, answer.json()["result"]["result"]) == (201, "noted")


def test_training_end_to_end_brings_a_new_version(start: Start, own_harbour: Study):
    server = start("--study", own_harbour.root, "--write", "--promote-if", "always", token=TOKEN)
    before = classify(server.url).json()["model"]
    trained_anew(own_harbour)
    ask_for_training(server)
    statuses = set()
    end = time.monotonic() + 120
    while (now := classify(server.url)).json()["model"] == before:
        statuses.add(now.status_code)
        assert time.monotonic() < end, server.log
    assert statuses == {200}
    assert load_model(own_harbour.model_file).version == now.json()["model"]
    server.wait_for("worker: trained")
    assert server.stop() == 0
    assert not (own_harbour.state / "candidate").exists()


@pytest.mark.parametrize("promote", ["better", "never"])
def test_a_worse_model_is_kept_aside(start: Start, own_harbour: Study, promote: str):
    from dataclasses import replace

    model = load_model(own_harbour.model_file)
    figures = {f: {**found, "macro_f1": 0.99} for f, found in model.card["figures"]["cross_validation"].items()}
    card = {**model.card, "figures": {**model.card["figures"], "cross_validation": figures}}
    save_model(own_harbour.model_file, replace(model, card=card))
    server = start("--study", own_harbour.root, "--write", "--promote-if", promote, token=TOKEN)
    before = classify(server.url).json()["model"]
    trained_anew(own_harbour)
    ask_for_training(server)
    server.wait_for("worker: trained", 120)
    assert "serves False" in server.log
    time.sleep(3)
    assert classify(server.url).json()["model"] == before
    assert load_model(own_harbour.model_file).version == before
    assert (own_harbour.state / "candidate").is_dir()


def worker_of(server: Any) -> int:
    """The process id of the worker, once it trains."""
    server.wait_for("worker: training")
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return next(int(c) for c in children if b"service.worker" in Path(f"/proc/{c}/cmdline").read_bytes())


def test_a_training_that_is_killed_never_stops_predictions(start: Start, own_harbour: Study):
    server = start("--study", own_harbour.root, "--write", "--promote-if", "always", token=TOKEN)
    before = own_harbour.model_file.read_bytes()
    trained_anew(own_harbour)
    ask_for_training(server)
    os.kill(worker_of(server), signal.SIGKILL)
    server.wait_for("the worker was killed (SIGKILL)")
    assert classify(server.url).status_code == 200
    assert own_harbour.model_file.read_bytes() == before
    ask_for_training(server)
    server.wait_for("worker: trained", 120)
    assert server.stop() == 0


def test_stopping_in_the_middle_of_a_training_ends_both(start: Start, own_harbour: Study):
    server = start("--study", own_harbour.root, "--write", token=TOKEN)
    before = own_harbour.model_file.read_bytes()
    trained_anew(own_harbour)
    ask_for_training(server)
    worker = worker_of(server)
    assert server.stop() == 0
    assert not Path(f"/proc/{worker}").exists()
    assert own_harbour.model_file.read_bytes() == before


def test_a_full_disk_in_training_never_stops_predictions(start: Start, own_harbour: Study):
    """Simulated: the processes may write no file beyond some kilobytes, as a disk that is full."""
    trained_anew(own_harbour)
    server = start("--study", own_harbour.root, "--write", "--promote-if", "always", token=TOKEN, limit=3_000)
    before = classify(server.url).json()["model"]
    ask_for_training(server)
    server.wait_for("worker: failed", 120)
    assert "Traceback" not in server.log
    assert classify(server.url).json()["model"] == before
    assert load_model(own_harbour.model_file).version == before
    assert 'diptych_trainings_total{outcome="failed"} 1.0' in httpx.get(f"{server.url}/metrics").text
    assert server.stop() == 0


def test_too_little_to_train_on_is_told(start: Start, own_harbour: Study):
    server = start("--study", own_harbour.root, "--write", token=TOKEN)
    for file in own_harbour.codings_folder.glob("*.jsonl"):
        file.unlink()
    ask_for_training(server)
    server.wait_for("worker: failed")
    assert classify(server.url).status_code == 200


# --- a model swapped under load


def test_a_swap_of_models_under_load_loses_no_request(start: Start, own_harbour: Study, tmp_path: Path):
    from dataclasses import replace

    server = start("--study", own_harbour.root, "--promote-if", "always")
    old = load_model(own_harbour.model_file)
    shutil.copy(own_harbour.model_file, tmp_path / "old.zip")
    stop = threading.Event()
    seen: list[tuple[int, str]] = []

    def ask() -> None:
        with httpx.Client(timeout=30) as client:
            while not stop.is_set():
                answer = client.post(f"{server.url}/v1/classify", json={"text": FEES})
                seen.append((answer.status_code, answer.json().get("model", "")))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    versions = {old.version}
    for digit in "abc":
        card = {**old.card, "training": {**old.card["training"], "hash": digit * 64}}
        new = replace(old, card=card)
        save_model(own_harbour.model_file, new)
        versions.add(new.version)
        end = time.monotonic() + 20
        while new.version not in {version for _, version in seen[-20:]} and time.monotonic() < end:
            time.sleep(0.05)
    stop.set()
    for asker in askers:
        asker.join()
    assert {status for status, _ in seen} == {200}
    assert {version for _, version in seen} == versions
    assert server.stop() == 0
