"""A long job handed to Dask: a real scheduler and workers on loopback, of which one is killed and one comes late."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from diptych.classifier.streams import cluster

pytest.importorskip("distributed")

WORDS = [
    *("Moscow", "sells", "gas", "and", "oil", "to", "Beijing", "while", "the", "port", "of", "our", "town", "waits")
]
PARTS = ("--part-rows", "100")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Cluster:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        scheduler = ["scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1"]
        self.scheduler, self.address = self._start(scheduler, r"Scheduler at:\s+(tcp://\S+)")

    def _start(self, words: list[str], said: str, **more: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            env=os.environ | more,
        )
        self._stack.callback(process.stderr.close)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        for line in process.stderr:
            found = re.search(said, line)
            if found:
                return process, found[1]
        raise AssertionError(f"{words} ended")

    def worker(self, **more: str) -> subprocess.Popen[str]:
        words = ["worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
        return self._start(words, r"Starting established connection (to|from)", **more)[0]


@pytest.fixture
def dask(tmp_path_factory) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(stack, tmp_path_factory.mktemp("cluster"))


def make(rows: int) -> str:
    lines = []
    for number in range(rows):
        words = " ".join(WORDS[(number * step) % len(WORDS)] for step in range(1, 9))
        lines.append(json.dumps({"id": number, "text": "" if number == 77 else f"{words} {number}."}) + "\n")
    Path("in.jsonl").write_text("".join(lines))
    return "in.jsonl"


def results(stem: str) -> tuple[bytes, bytes]:
    return Path(f"{stem}.csv").read_bytes(), Path(f"{stem}.csv.rejects.jsonl").read_bytes()


def wait_for(number: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 90
    while len(list(Path("o.csv.parts").glob("*.done"))) < number:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)


def begun(address: str) -> subprocess.Popen[str]:
    words = ["classify", "in.jsonl", "--out", "o.csv", *PARTS, "--scheduler", address]
    return subprocess.Popen([sys.executable, "-m", "diptych", *words], stderr=subprocess.PIPE, text=True)


def test_a_worker_that_is_killed_and_one_that_comes_late_lose_and_double_nothing(command, dask):
    name = make(12_000)
    assert command("classify", name, "--out", "whole.csv", *PARTS).code == 3
    first, _ = dask.worker(), dask.worker()
    process = begun(dask.address)
    wait_for(5, process)
    first.send_signal(signal.SIGKILL)
    dask.worker()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert results("o") == results("whole")


def test_when_the_scheduler_goes_the_job_ends_in_clear_words_and_can_be_gone_on_with(command, dask):
    name = make(30_000)
    dask.worker()
    process = begun(dask.address)
    wait_for(3, process)
    dask.scheduler.send_signal(signal.SIGKILL)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 1
    assert f"the scheduler at {dask.address} is gone" in err
    assert "--resume" in err
    assert "Traceback" not in err
    assert command("classify", name, "--out", "o.csv", *PARTS, "--resume").code == 3
    assert command("classify", name, "--out", "whole.csv", *PARTS).code == 3
    assert results("o") == results("whole")


def test_a_worker_of_another_version_is_refused(command, dask, tmp_path):
    make(500)
    about = tmp_path / "other" / "diptych-9.9.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: diptych\nVersion: 9.9\n")
    dask.worker(PYTHONPATH=os.pathsep.join(filter(None, (str(about.parent), os.environ.get("PYTHONPATH")))))
    result = command("classify", "in.jsonl", "--out", "o.csv", *PARTS, "--scheduler", dask.address)
    assert result.code == 1
    assert re.search(r"worker tcp://\S+ runs diptych 9\.9, and the job was begun by ", result.err), result.err


def test_where_there_is_no_scheduler_that_is_said(command, monkeypatch):
    make(500)
    monkeypatch.setattr(cluster, "_PATIENCE", "1s")
    result = command("classify", "in.jsonl", "--out", "o.csv", *PARTS, "--scheduler", "tcp://127.0.0.1:1")
    assert (result.code, "there is no Dask scheduler at tcp://127.0.0.1:1" in result.err) == (1, True), result.err


def test_without_dask_the_extra_is_named(command, monkeypatch):
    make(500)
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    result = command("classify", "in.jsonl", "--out", "o.csv", *PARTS, "--scheduler", "tcp://127.0.0.1:1")
    assert (result.code, "pip install 'diptych[cluster]'" in result.err) == (1, True)


def test_a_worker_says_in_words_what_it_cannot_do(tmp_path):
    import diptych

    answer = cluster.part_on_worker(str(tmp_path / "o.csv"), 0, 0, diptych.__version__)
    assert "does not see" in answer["error"]
    assert "share" in answer["hint"]
    other = cluster.part_on_worker(str(tmp_path / "o.csv"), 0, 0, "0.0")
    assert "begun by 0.0" in other["error"]
