"""A real Label Studio for the tests: started and stopped as a user would, and the people on it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from diptych.labelstudio.server import own_key
from diptych.study import Study

ENVIRONMENT = Path(__file__).parents[1] / ".venv-studio"
FIRST, SECOND, THIRD = "harbour-north:001", "harbour-north:002", "harbour-north:003"


@dataclass(frozen=True)
class Account:
    """Somebody on the server, who talks to its API as the browser would."""

    url: str
    key: str
    address: str = ""
    password: str = ""

    def call(self, method: str, path: str, body: object = None, **params: object) -> Any:
        headers = {"Authorization": f"Token {self.key}"}
        answer = httpx.request(method, f"{self.url}/api/{path}", json=body, params=params, headers=headers, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    @property
    def id(self) -> int:
        return self.call("GET", "current-user/whoami")["id"]

    def project(self, number: int) -> dict[str, Any]:
        return self.call("GET", f"projects/{number}/")

    def projects(self) -> list[dict[str, Any]]:
        return self.call("GET", "projects/", page_size=200)["results"]

    def task_list(self, project: int) -> list[dict[str, Any]]:
        """All tasks with annotations and predictions."""
        return self.call("GET", "tasks", project=project, fields="all", page_size=200)["tasks"]

    def tasks(self, project: int) -> dict[str, dict[str, Any]]:
        """The tasks by passage."""
        return {task["data"]["passage_id"]: task for task in self.task_list(project)}

    def send_by_hand(self, project: int, tasks: list[dict[str, Any]]) -> None:
        self.call("POST", f"projects/{project}/import", tasks)

    def annotate(self, task: dict[str, Any], answers: dict[str, str], **more: Any) -> int:
        return self.send(task, answer(answers, **more))

    def send(self, task: dict[str, Any], regions: list[dict[str, Any]], **more: Any) -> int:
        body = {"result": regions, "lead_time": 4.5} | more
        return self.call("POST", f"tasks/{task['id']}/annotations/", body)["id"]

    def edit(self, annotation: int, answers: dict[str, str], **more: Any) -> None:
        self.call("PATCH", f"annotations/{annotation}/", {"result": answer(answers, **more)})

    def delete(self, annotation: int) -> None:
        self.call("DELETE", f"annotations/{annotation}/")


def choice(control: str, *values: str) -> dict[str, Any]:
    return {"from_name": control, "to_name": "text", "type": "choices", "value": {"choices": list(values)}}


def answer(
    answers: dict[str, str], *, comment: str = "", flags: tuple[str, ...] = (), reason: str = ""
) -> list[dict[str, Any]]:
    """An annotation's result as the labelling screen would send it."""
    regions = [choice(facet, value) for facet, value in answers.items()]
    if comment:
        text = {"from_name": "_comment", "to_name": "text", "type": "textarea", "value": {"text": [comment]}}
        regions.append(text)
    if flags:
        regions.append(choice("_flags", *flags))
    if reason:
        regions.append(choice("_reason", reason))
    return regions


@dataclass(frozen=True)
class Server:
    """The running server, the study that started it, and its first account."""

    study: Study
    url: str
    key: str

    @property
    def owner(self) -> Account:
        return Account(self.url, self.key)

    @property
    def flags(self) -> list[str]:
        return ["--url", self.url, "--api-key", self.key]

    @property
    def environment(self) -> dict[str, str]:
        return {"LABEL_STUDIO_URL": self.url, "LABEL_STUDIO_API_KEY": self.key}


def outside(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `diptych …` as a process of its own, as a shell would."""
    command = [sys.executable, "-m", "diptych", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def renamed(study: Study, folder: Path) -> Study:
    """A copy of a study under another name, so that its projects are its own."""
    shutil.copytree(study.root, folder)
    settings = folder / "study.toml"
    text = settings.read_text().replace(f'name = "{study.settings.name}"', f'name = "{folder.name}"')
    settings.write_text(text)
    return Study.load(folder)


@contextmanager
def label_studio(folder: Path) -> Iterator[Server]:
    """One Label Studio, started by `studio up` from a study in this folder and stopped by `studio down`."""
    assert outside("init", folder).returncode == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        started = outside("studio", "up", "--study", folder, "--environment", ENVIRONMENT, "--port", port)
        assert started.returncode == 0, started.stderr
        study = Study.load(folder)
        yield Server(study, started.stdout.splitlines()[0], own_key(study))
    finally:
        stopped = outside("studio", "down", "--study", folder)
    assert stopped.stderr == "stopped\n"
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/health")


def sign_in(url: str, address: str, password: str) -> Account:
    """Sign in by the form, as a browser does, and read the account's own key."""
    with httpx.Client(base_url=url, timeout=60) as browser:
        page = browser.get("/user/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        form = {"csrfmiddlewaretoken": token[1], "email": address, "password": password}
        browser.post("/user/login/", data=form, headers={"Referer": str(page.url)})
        key = browser.get("/api/current-user/token").json()["token"]
    return Account(url, key, address, password)


def new_account(server: Server, name: str) -> Account:
    """An account made by `studio coder add`; other studies than the keeper's know it by its number only."""
    made = outside("studio", "coder", "add", name, "--study", server.study.root)
    login = dict(line.split(" ", 1) for line in made.stdout.splitlines())
    return sign_in(server.url, login["login"], login["password"])
