"""What the tests share: studies to work on, and the command line in process."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import diptych
from diptych.classifier.scoring.bundled import bundled_model
from diptych.classifier.scoring.persist import save_model
from diptych.cli.main import run
from diptych.demo import copy_bundled
from diptych.study import Study
from diptych.template import make_study
from report_pages import NAMES, NASTY, Report, Tab, copied, filled, reported, sampled
from shared import Shown, once, shell

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Result:
    """What a command left: exit code, data, talk."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)

    @property
    def rows(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache; the bundled model is trained once a run."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("DIPTYCH_CACHE", str(folder))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `diptych …` in process: `command("status", "--json").json`."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def bundled() -> Study:
    """The bundled study, to be read only."""
    return diptych.Study.bundled()


@pytest.fixture
def copy(tmp_path: Path) -> Study:
    """A copy of the bundled study to write to; it finds no originals."""
    return copy_bundled(tmp_path / "study")


@pytest.fixture(scope="session")
def _harbour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "init", lambda folder: make_study(folder / "harbour")) / "harbour"


@pytest.fixture
def harbour(_harbour: Path, tmp_path: Path) -> Study:
    """The small study that `diptych init` makes: 2 authors, 16 passages, 2 coders; to write to."""
    return Study.load(shutil.copytree(_harbour, tmp_path / "harbour"))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """`diptych demo`, run in an empty folder once for all; to be read only."""

    def make(folder: Path) -> None:
        (folder / "empty").mkdir()
        done = shell("diptych demo", folder / "empty")
        (folder / "said.json").write_text(json.dumps([done.returncode, done.stdout, done.stderr]))

    folder = once(tmp_path_factory, "demo", make)
    return Shown(folder / "empty", *json.loads((folder / "said.json").read_text()))


# reports


class Reports(dict[str, Report]):
    """Reports by name, made when they are first asked for."""

    def __init__(self, temporary: pytest.TempPathFactory) -> None:
        super().__init__()
        self.temporary = temporary

    def __missing__(self, name: str) -> Report:
        trained = trained_bridge_of(self.temporary) if name == "bridge" else None
        made = once(self.temporary, f"reported-{name}", lambda folder: self.make(name, folder / name, trained))
        study = Study.load(shutil.copytree(made / name, self.temporary.mktemp(name) / name))
        self[name] = Report(study, study.root / "report.html")
        return self[name]

    @staticmethod
    def make(name: str, target: Path, trained: Path | None) -> None:
        if trained:
            reported(Study.load(shutil.copytree(trained, target)))
            return
        study = copied(name, target)
        assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
        if name == "bundled":  # the model that is shipped was trained on it, and on more
            save_model(study.model_file, bundled_model())
        else:
            assert run(["train", "--study", str(study.root), "--quiet"]) == 0
        reported(study)


def trained_bridge_of(temporary: pytest.TempPathFactory) -> Path:
    """The study of three authors in three languages with gold labels and a model, as a folder to copy."""

    def make(folder: Path) -> None:
        study = copied("bridge", folder / "bridge")
        for step in ("gold", "train"):
            assert run([step, "--study", str(study.root), "--quiet"]) == 0

    return once(temporary, "trained-bridge", make) / "bridge"


@pytest.fixture(scope="session")
def trained_bridge(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """That study; to be read only."""
    target = tmp_path_factory.mktemp("trained") / "bridge"
    return Study.load(shutil.copytree(trained_bridge_of(tmp_path_factory), target))


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """A trained copy of three studies, each with its report; to be read only."""
    return Reports(tmp_path_factory)


@pytest.fixture(params=NAMES)
def report(request: pytest.FixtureRequest, reports: Reports) -> Report:
    """Each of the three."""
    return reports[request.param]


@pytest.fixture(scope="session")
def open_bridge(reports: Reports) -> Report:
    """The report of the bridge study with the documents' own text."""
    return reported(reports["bridge"].study, "--with-originals", name="open.html")


@pytest.fixture(scope="session")
def estimated(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of the harbour study of which half was drawn and coded."""
    return reported(sampled(tmp_path_factory.mktemp("sampled") / "harbour"))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a study in which every free text is hostile."""
    return filled(tmp_path_factory.mktemp("hostile") / "h", lambda place: f"{place}{NASTY}")


@pytest.fixture
def small(tmp_path: Path) -> Study:
    """The harbour study with gold labels and no model, to write to."""
    study = make_study(tmp_path / "small")
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return study


# a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """Debian's Chromium, for one file: Playwright's event loop runs as long, and tests of servers have their own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The one Label Studio of all tests of a worker that talk to one."""
    from studio_server import label_studio

    with label_studio(tmp_path_factory.mktemp("server") / "keeper") as server:
        yield server


@pytest.fixture
def browse(chromium) -> Iterator[Callable[..., Tab]]:
    """Open a report without a network: `browse(report, color_scheme="dark")`."""
    contexts = []

    def opened(report: Report, address: str = "", **options: object) -> Tab:
        context = chromium.new_context(offline=True, **options)
        contexts.append(context)
        context.set_default_timeout(5000)
        tab = Tab(context.new_page(), [], [])
        tab.page.on("console", lambda message: tab.complaints.append(f"{message.type}: {message.text}"))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("dialog", lambda dialog: (tab.complaints.append(dialog.message), dialog.dismiss()))
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.goto(report.path.as_uri() + address)
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def trained_harbour(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The small study with gold labels and a model; to be read only."""

    def make(folder: Path) -> None:
        study = make_study(folder / "harbour")
        for name in ("gold", "train"):
            assert run([name, "--quiet", "--study", str(study.root)]) == 0

    made = once(tmp_path_factory, "trained", make)
    return Study.load(shutil.copytree(made / "harbour", tmp_path_factory.mktemp("trained") / "harbour"))


@pytest.fixture
def own_harbour(trained_harbour: Study, tmp_path: Path) -> Study:
    """A copy of the trained study to write to."""
    shutil.copytree(trained_harbour.root, tmp_path / "harbour")
    return Study.load(tmp_path / "harbour")


@pytest.fixture(scope="session")
def _running() -> Iterator[tuple[ExitStack, dict[Any, Any]]]:
    with ExitStack() as stack:
        yield stack, {}


@pytest.fixture
def served(_running: tuple[ExitStack, dict[Any, Any]], trained_harbour: Study) -> Iterator[Callable[..., Any]]:
    """`served(study, write=True)` is a client of `diptych serve`, in process, with its background tasks.

    Those that only read the trained study are started once.
    """
    from starlette.testclient import TestClient

    from diptych.service.app import create_app
    from diptych.service.settings import Settings

    shared, running = _running

    def start(stack: ExitStack, study: Study | None, settings: Settings, *tell: Callable[[str], None]) -> Any:
        app = create_app(settings, study, *tell)
        client = TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False)
        client.doors = app.state.doors
        return stack.enter_context(client)

    with ExitStack() as own:

        def find(study: Study | None = None, *, tell: Callable[[str], None] | None = None, **given: Any) -> Any:
            settings = Settings(**given)
            if study is not trained_harbour or tell is not None:
                return start(own, study, settings, *([tell] if tell else []))
            if settings not in running:
                running[settings] = start(shared, study, settings)
            return running[settings]

        yield find


class Process:
    """A running server, its address, and what it says."""

    def __init__(
        self,
        arguments: list[object],
        *,
        token: str = "",
        limit: int = 0,
        folder: Path | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("DIPTYCH_TOKEN", "LABEL_STUDIO"))}
        environment |= {"DIPTYCH_TOKEN": token} if token else {}
        environment |= more or {}
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "diptych", "serve", "--port", "0", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None,  # noqa: PLW1509
        )
        self.said: list[str] = []
        first = self.process.stderr.readline()
        self.took = time.perf_counter() - self.began
        found = re.match(r"(http://\S+):(\d+): ", first)
        assert found, first + self.process.stderr.read()
        self.url, self.port = f"{found[1]}:{found[2]}", int(found[2])
        self.said.append(first)
        self.reading = threading.Thread(target=self._read, daemon=True)
        self.reading.start()

    def _read(self) -> None:
        self.said.extend(self.process.stderr)

    @property
    def log(self) -> str:
        return "".join(self.said)

    def wait_for(self, said: str, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while said not in self.log:
            assert time.monotonic() < end, self.log
            assert self.process.poll() is None, self.log
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(40)
        self.reading.join(10)
        return code


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Start a server; it is ended with the test."""
    with ExitStack() as stack:

        def run(*arguments: object, **more: object) -> Process:
            server = Process(list(arguments), **more)  # type: ignore[arg-type]
            stack.callback(server.process.stdout.close)
            stack.callback(server.process.stderr.close)
            stack.callback(server.process.wait)
            stack.callback(server.process.kill)
            return server

        yield run


def originals_at_hand() -> bool:
    """Whether both copyrighted documents are where the bundled study looks for them."""
    study = diptych.Study.bundled()
    return all(study.original(document) is not None for document in study.settings.documents)


def pytest_configure() -> None:
    """Let programs that tests start be interrupted, even where the tests themselves run in the background.

    What the tests write in their own process need not outlive a power cut: they do not wait for the disk.
    """
    os.fsync = lambda _: None
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# The files that take longest, in the order in which they begin, so that no worker is left alone with one at the end.
LONGEST = [  # the two with a Label Studio apart: its first start makes what the second one copies
    *(
        "studio_live",
        "docs",
        "report_looks",
        "kills",
        "package",
        "serve_process",
        "report_browser",
        "studio_backend_live",
    ),
    *("corrected_coverage", "evaluate", "demo_and_init", "report_large", "breakdowns", "report_files", "bad_input"),
    *("classifier", "coverage", "bridge_study", "report_pdf", "serve_browser", "parts", "catalogue", "batches"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; skip, by name, what this machine has not got."""
    order = {name: place for place, name in enumerate(LONGEST)}
    names = {item.path: item.path.stem.removeprefix("test_") for item in items}
    items.sort(key=lambda item: order.get(names[item.path], len(order)))
    missing = {}
    if not originals_at_hand():
        missing["originals"] = "the two copyrighted documents are not at hand (seeds/ or ../shared/seeds)"
    if not Path("/usr/bin/chromium").exists():
        missing["browser"] = "Chromium is not installed (/usr/bin/chromium)"
    if not (ROOT / ".venv-studio" / "bin" / "label-studio").exists():
        missing["studio"] = "there is no Label Studio environment (make studio)"
    for item in items:
        for name, reason in missing.items():
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))
