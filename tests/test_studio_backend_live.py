"""A real Label Studio with `diptych serve` as its ML backend: from a suggestion to the next model's suggestion."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest

import diptych
from diptych.classifier.scoring.persist import load_model
from diptych.cli.main import run
from diptych.study import Study
from diptych.template import make_study
from studio_server import FIRST, SECOND, Account, Server, new_account, outside, renamed

TOKEN = "a-token-that-is-long-enough"  # noqa: S105 - of the tests alone
KEYS = {"topic": {"1": "money", "2": "nature", "3": "work"}}

pytestmark = pytest.mark.studio


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study with a model, in which nobody has coded the first two passages: their codings will change the gold."""
    study = make_study(tmp_path_factory.mktemp("half") / "half")
    for file in study.codings_folder.glob("*.jsonl"):
        rows = [line for line in file.read_text().splitlines() if FIRST not in line and SECOND not in line]
        file.write_text("".join(row + "\n" for row in rows))
    for name in ("gold", "train"):
        assert run([name, "--quiet", "--study", str(study.root)]) == 0
    return study


@pytest.fixture
def study(half: Study, tmp_path: Path, request: pytest.FixtureRequest) -> Study:
    """A copy of it of this test alone: its name, and so its project, is the test's."""
    return renamed(half, tmp_path / re.sub(r"\W+", "-", request.node.name)[:40])


@pytest.fixture
def project(server: Server, study: Study) -> int:
    pushed = outside("studio", "push", "--json", "--study", study.root, **server.environment)
    assert pushed.returncode == 0, pushed.stderr
    return int(json.loads(pushed.stdout)[0]["project"].rsplit("/", 1)[1])


def until(condition: Callable[[], Any], what: str, seconds: float = 90) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.2)
    return found


def model_of(url: str) -> str:
    return httpx.get(f"{url}/ready", timeout=10).json()["model"]


def said(prediction: dict[str, Any]) -> dict[str, str]:
    return {part["from_name"]: part["value"]["choices"][0] for part in prediction["result"]}


def codings_of(study: Study, passage: str) -> dict[str, dict[str, Any]]:
    frame = diptych.load_codings(study)
    return {row["facet"]: row for row in frame[frame["passage"] == passage].to_dict("records")}


def connect(server: Server, study: Study, url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    more = server.environment | {"DIPTYCH_TOKEN": TOKEN} | environment
    return outside("studio", "connect", url, "--json", "--study", study.root, **more)


def test_connecting_registers_the_backend_and_puts_the_token_on_its_webhook(start, server: Server, study, project):
    serving = start("--study", study.root, "--write", "--train-after", 1, token=TOKEN, more=server.environment)
    for new in (True, False):  # twice changes nothing
        done = connect(server, study, serving.url)
        assert done.returncode == 0, done.stderr
        assert TOKEN not in done.stdout + done.stderr
        (row,) = json.loads(done.stdout)
        assert (row["backend"], row["new"]) == (serving.url, new)
        (backend,) = server.owner.call("GET", "ml/", project=project)
        assert (backend["url"], backend["auth_method"], backend["state"]) == (serving.url, "BASIC_AUTH", "CO")
        (hook,) = [one for one in server.owner.call("GET", "webhooks/", project=project) if serving.url in one["url"]]
        scheme, _, shown = hook["headers"]["Authorization"].partition(" ")
        assert (scheme, base64.b64decode(shown).decode().partition(":")[2]) == ("Basic", TOKEN)
        assert server.owner.call("GET", f"projects/{project}/")["model_version"] == "diptych"


def test_what_cannot_be_reached_or_shows_another_token_is_told(start, server: Server, study, project):
    serving = start("--study", study.root, "--host", "0.0.0.0", token=TOKEN)  # noqa: S104
    url = f"http://127.0.0.1:{serving.port}"
    for place, token in (("http://127.0.0.1:9", TOKEN), (url, "quite-another-token")):
        done = connect(server, study, place, DIPTYCH_TOKEN=token)
        assert done.returncode == 1
        assert "did not take" in done.stderr
        assert "studio suggest --watch" in done.stderr
        assert token not in done.stderr


def test_before_there_is_a_model_it_connects_and_tasks_open_without_suggestions(start, server: Server, study, project):
    aside = study.root / "aside.zip"
    study.model_file.rename(aside)
    serving = start("--study", study.root, "--write", token=TOKEN, more=server.environment)
    done = connect(server, study, serving.url)
    assert done.returncode == 0, done.stderr
    assert "no model answers there yet" in done.stderr
    assert server.owner.call("GET", f"projects/{project}/next")["predictions"] == []
    (backend,) = server.owner.call("GET", "ml/", project=project)
    assert backend["state"] == "CO"
    aside.rename(study.model_file)
    until(lambda: httpx.get(f"{serving.url}/ready", timeout=10).status_code == 200, serving.log)
    (shown,) = server.owner.call("GET", f"projects/{project}/next")["predictions"]
    assert shown["model_version"] == model_of(serving.url)


def test_the_train_button_reaches_the_worker(start, server: Server, study, project):
    serving = start("--study", study.root, "--write", token=TOKEN, more=server.environment)
    assert connect(server, study, serving.url).returncode == 0
    (backend,) = server.owner.call("GET", "ml/", project=project)
    server.owner.call("POST", f"ml/{backend['id']}/train")
    until(lambda: "worker: trained" in serving.log, serving.log)


class Screen:
    """Label Studio's label stream in a browser."""

    def __init__(self, page: Any, expect: Any, server: Server, account: Account) -> None:
        self.page, self.expect, self.server = page, expect, server
        page.set_default_timeout(60_000)
        page.goto(f"{server.url}/user/login/")
        page.fill("#email", account.address)
        page.fill("#password", account.password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "login" not in url)

    def next_task(self, project: int) -> dict[str, Any]:
        """Open the stream; return the task that came, when its text is on the screen."""
        with self.page.expect_response(lambda r: "id=next_task" in r.url) as found:
            self.page.goto(f"{self.server.url}/projects/{project}/data?labeling=1")
        task = found.value.json()
        self.page.get_by_text("Water, animals, plants, mud and weather.").first.wait_for()
        self.page.keyboard.press("Escape")
        self.page.get_by_text(task["data"]["text"]).wait_for()
        return task

    def chosen(self) -> int:
        """How many choices are made: the suggestion's, before anybody has pressed a key."""
        checked = self.page.locator("input[type=radio]:checked")
        self.expect(checked).to_have_count(3)
        return 3

    def submit(self) -> None:
        with self.page.expect_response(lambda r: r.request.method == "POST" and "/annotations" in r.url) as sent:
            self.page.keyboard.press("Control+Enter")
        assert sent.value.status == 201


@pytest.mark.browser
def test_a_suggestion_is_corrected_a_model_trained_and_the_next_task_shows_its_suggestion(
    start, server: Server, study: Study, project: int, chromium
):
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    options = ["--write", "--train-after", 1, "--promote-if", "always"]
    serving = start("--study", study.root, *options, token=TOKEN, more=server.environment)
    assert connect(server, study, serving.url).returncode == 0
    before = model_of(serving.url)
    with nullcontext(chromium) as browser:  # of the whole file: two of Playwright do not go together at a time
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        screen = Screen(page, playwright.expect, server, new_account(server, "wren"))
        first = screen.next_task(project)
        assert first["data"]["passage_id"] == FIRST
        (shown,) = first["predictions"]
        assert shown["model_version"] == before
        assert screen.chosen() == 3
        key, mine = next((key, value) for key, value in KEYS["topic"].items() if value != said(shown)["topic"])
        screen.page.keyboard.press(key)
        screen.submit()

        until(lambda: model_of(serving.url) != before, serving.log)
        after = model_of(serving.url)
        second = screen.next_task(project)
        assert second["data"]["passage_id"] == SECOND
        newest = [one for one in second["predictions"] if one["model_version"] == after]
        assert newest, second["predictions"]
        assert screen.chosen() == 3
        api = httpx.post(f"{serving.url}/v1/classify", json={"text": second["data"]["text"]}, timeout=10).json()
        assert api["model"] == after
        screen.submit()

    until(lambda: SECOND in set(diptych.load_codings(study)["passage"]), serving.log)
    corrected, kept = codings_of(study, FIRST), codings_of(study, SECOND)
    assert {f: row["value"] for f, row in corrected.items()} == said(shown) | {"topic": mine}
    assert {f: row["suggestion"]["value"] for f, row in corrected.items()} == said(shown)
    assert {row["suggestion"]["model"] for row in corrected.values()} == {before}
    assert {f: row["value"] for f, row in kept.items()} == said(newest[0])
    assert {row["suggestion"]["model"] for row in kept.values()} == {after}
    assert "Traceback" not in serving.log
    assert TOKEN not in serving.log
    assert server.key not in serving.log
    assert serving.stop() == 0


def test_suggest_watch_pushes_anew_after_a_training(server: Server, study: Study, project: int):
    """The way without a backend: Label Studio is asked, it calls nobody."""
    command = [
        sys.executable,
        "-m",
        "diptych",
        "studio",
        "suggest",
        "--watch",
        "--every",
        "1",
        "--study",
        str(study.root),
    ]
    old = load_model(study.model_file).version
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | server.environment
    )
    try:
        versions = lambda: {p["model_version"] for p in server.owner.tasks(project)[SECOND]["predictions"]}  # noqa: E731
        until(lambda: versions() == {old}, "no suggestion came")
        answers = {"topic": "nature", "side": "port", "tone": "plain"}
        server.owner.annotate(server.owner.tasks(project)[FIRST], answers)
        for arguments in (["studio", "pull"], ["gold"], ["train"]):  # each waits for the watching one, and it for them
            until(
                lambda asked=arguments: (
                    outside(*asked, "--quiet", "--study", study.root, **server.environment).returncode == 0
                ),
                f"{arguments} failed",
            )
        new = load_model(study.model_file).version
        assert new != old
        until(lambda: new in versions(), "no new suggestion came")
        until(lambda: server.owner.call("GET", f"projects/{project}/")["model_version"] == new, "the old one is shown")
        assert {p["model_version"] for p in server.owner.tasks(project)[FIRST]["predictions"]} == {old}
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(20)
