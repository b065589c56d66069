"""Label Studio both ways, measured: how much a push and a pull cost, and what is left when they are killed.

    python benchmarks/label_studio.py scale              # 5,000 passages, 10,000 annotations
    python benchmarks/label_studio.py crash --kills 50   # 50 SIGKILLs into push, 50 into pull

Each starts a real Label Studio of its own on a free port of 127.0.0.1, stops it at the end, and writes what
it measured to `benchmarks/results/label_studio.json` and `.md`. All texts are invented words.

Tests call `crash` with a server of their own: `crash(folder, url, key, kills=5)["failures"] == []`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "label_studio.json"
SCRIPT = Path(__file__).resolve()
LIMIT_MB = 200
AUTHORS = ("A. Noor", "B. Vale")
SECOND = "second-annotator"
Row = dict[str, Any]
Tell = Callable[[str], None]


def tell(sentence: str) -> None:
    """Say where the benchmark stands."""
    print(f"{time.strftime('%H:%M:%S')} {sentence}", file=sys.stderr, flush=True)


# --- a study of invented words ---------------------------------------------------------------------------------


def invented_text(passages: int, seed: int, words: int = 90) -> str:
    """Return a document of so many paragraphs of about `words` words that nobody ever said."""
    chance = random.Random(seed)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    vocabulary = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(4000)]
    paragraphs = []
    for _ in range(passages):
        sentences, left = [], words + chance.randint(-10, 10)
        while left > 0:
            length = min(left, chance.randint(9, 18))
            sentences.append(" ".join(chance.choices(vocabulary, k=length)).capitalize() + ".")
            left -= length
        paragraphs.append(" ".join(sentences))
    return "\n\n".join(paragraphs) + "\n"


def invented_study(folder: Path, passages: int, seed: int = 1) -> Path:
    """Make a study of two authors with the bundled schema and the bundled model; return its folder."""
    from diptych.classifier.scoring.bundled import bundled_model
    from diptych.classifier.scoring.persist import save_model
    from diptych.documents.ingest import add_document, ingest
    from diptych.study import Study

    bundled = Study.bundled()
    (folder / "schemas").mkdir(parents=True)
    shutil.copyfile(bundled.root / bundled.settings.schema_, folder / "schemas" / "schema.yaml")
    (folder / "study.toml").write_text(f'format = 1\nname = "{folder.name}"\nseed = {seed}\n', encoding="utf-8")
    half = passages // 2
    for i, (author, number) in enumerate(zip(AUTHORS, (passages - half, half), strict=True)):
        source = folder.parent / f"{folder.name}-{i}.txt"
        source.write_text(invented_text(number, seed + i), encoding="utf-8")
        add_document(Study.load(folder), source, author=author)
        source.unlink()
    study = Study.load(folder)
    cut = sum(document.passages for document in ingest(study))
    if cut != passages:
        raise SystemExit(f"the invented documents were cut into {cut} passages, not {passages}")
    save_model(study.model_file, bundled_model(tell))
    return folder


def frozen(folder: Path) -> dict[str, str]:
    """Return an environment whose diptych is a copy of src as it is now: edits during a run do not reach it."""
    shutil.copytree(ROOT / "src" / "diptych", folder / "src" / "diptych")
    return os.environ | {"PYTHONPATH": str(folder / "src")}


def copy_study(source: Path, target: Path) -> Path:
    """Copy a study under another name: to a server it is another study, with a project of its own."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("label-studio", "codings", "coders.toml", "busy"))
    settings = target / "study.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace(f'name = "{source.name}"', f'name = "{target.name}"'), encoding="utf-8")
    return target


# --- the server ------------------------------------------------------------------------------------------------


@contextmanager
def own_server(folder: Path, environment: Path) -> Iterator[tuple[str, str]]:
    """Start a Label Studio on a free port; yield its address and a key; stop it, whatever happens."""
    import socket

    from diptych.labelstudio import server
    from diptych.study import Study

    host = folder / "server"
    (host / "schemas").mkdir(parents=True)
    bundled = Study.bundled()
    shutil.copyfile(bundled.root / bundled.settings.schema_, host / "schemas" / "schema.yaml")
    (host / "study.toml").write_text('format = 1\nname = "server"\n', encoding="utf-8")
    study = Study.load(host)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    try:
        started, _ = server.up(study, tell, port=port, environment=environment)
        yield started.url, server.own_key(study)
    finally:
        server.down(study)


class Eyes:
    """What stands on the server, seen without diptych's own client."""

    def __init__(self, url: str, key: str) -> None:
        import httpx

        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Token {key}"}, timeout=600)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Make one call; anything but success ends the benchmark."""
        answer = self.http.request(method, path, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def projects(self, title: str) -> list[Row]:
        """All projects of this title."""
        found, page = [], 1
        while True:
            batch = self.call("GET", "/api/projects/", params={"page": page, "page_size": 100})
            found += [project for project in batch["results"] if project["title"] == title]
            if not batch["next"]:
                return found
            page += 1

    def tasks(self, project: int) -> list[Row]:
        """All tasks of a project, with everything that hangs on them."""
        found: list[Row] = []
        while True:
            page = len(found) // 200 + 1
            params = {"project": project, "fields": "all", "page": page, "page_size": 200}
            batch = self.call("GET", "/api/tasks", params=params)
            found += batch["tasks"]
            if not batch["tasks"] or len(found) >= batch["total"]:
                return found

    def users(self) -> list[int]:
        """The ids of the accounts."""
        return sorted(int(user["id"]) for user in self.call("GET", "/api/users/"))


def tasks_of(folder: Path, suggest_share: float) -> list[Row]:
    """Return the tasks that a push would send."""
    from diptych.labelstudio.plan import coding_plan
    from diptych.labelstudio.push import _task
    from diptych.study import Study

    study = Study.load(folder)
    plan = coding_plan(study, suggest_share=suggest_share, coders=2)
    return [_task(study, plan, row) for row in plan.passages]


def fill(eyes: Eyes, project: int, tasks: list[Row], users: list[int], facets: Mapping[str, list[str]]) -> None:
    """Put the tasks in anew, each with one complete annotation by every account."""
    chance = random.Random(7)
    eyes.call(
        "POST", "/api/dm/actions", params={"id": "delete_tasks", "project": project},
        json={"selectedItems": {"all": True, "excluded": []}, "project": str(project)},
    )  # fmt: skip
    for start in range(0, len(tasks), 500):
        batch = [
            task
            | {
                "annotations": [
                    {
                        "completed_by": user,
                        "ground_truth": False,
                        "was_cancelled": False,
                        "lead_time": round(chance.uniform(3, 40), 2),
                        "result": [
                            {
                                "id": facet,
                                "from_name": facet,
                                "to_name": "text",
                                "type": "choices",
                                "value": {"choices": [chance.choice(values)]},
                            }
                            for facet, values in facets.items()
                        ],
                    }
                    for user in users
                ]
            }
            for task in tasks[start : start + 500]
        ]
        eyes.call("POST", f"/api/projects/{project}/import", json=batch)


def facets_of(folder: Path) -> dict[str, list[str]]:
    """Facet → the ids of its values."""
    from diptych.study import Study

    return {facet.id: [value.id for value in facet.values] for facet in Study.load(folder).schema.facets}


# --- measured processes ----------------------------------------------------------------------------------------


def memory_mb() -> float:
    """The most memory this process ever held, in MB.

    On Linux `ru_maxrss` begins at the peak of the process that started this one; `VmHWM` is this one's own.
    """
    import resource

    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(text.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        unit = 1024 if sys.platform != "darwin" else 1024 * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def cpu_seconds() -> float:
    """The processor time this process used, of its own and of the kernel."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def inside(arguments: list[str]) -> None:
    """Run one side of the comparison in this fresh process and write down what it took."""
    out, what, *rest = arguments
    bare = memory_mb()
    from label_studio_sdk import LabelStudio  # noqa: F401 - both sides load it

    sides: dict[str, Callable[[list[str]], int]] = {"sdk-push": sdk_push, "sdk-pull": sdk_pull}
    if what == "diptych":
        import pandas as pd  # noqa: F401

        import diptych.labelstudio.plan
        import diptych.labelstudio.pull  # noqa: F401
        from diptych.cli.main import run

        sides["diptych"] = run
    loaded, wall, cpu = memory_mb(), time.perf_counter(), cpu_seconds()
    code = sides[what](rest)
    measured = {
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(cpu_seconds() - cpu, 2),
        "rss_bare_mb": round(bare, 1),
        "rss_start_mb": round(loaded, 1),
        "rss_peak_mb": round(memory_mb(), 1),
    }
    measured["rss_above_start_mb"] = round(measured["rss_peak_mb"] - measured["rss_start_mb"], 1)
    measured["rss_above_bare_mb"] = round(measured["rss_peak_mb"] - measured["rss_bare_mb"], 1)
    Path(out).write_text(json.dumps(measured), encoding="utf-8")
    raise SystemExit(code)


def sdk_push(arguments: list[str]) -> int:
    """Do what a push does with plain SDK calls: 1,000 tasks with predictions a call."""
    from label_studio_sdk import LabelStudio

    project, path = arguments
    client = LabelStudio(base_url=os.environ["LABEL_STUDIO_URL"], api_key=os.environ["LABEL_STUDIO_API_KEY"])
    tasks = json.loads(Path(path).read_text(encoding="utf-8"))
    for start in range(0, len(tasks), 1000):
        client.projects.import_tasks(
            int(project), request=tasks[start : start + 1000], request_options={"timeout_in_seconds": 600}
        )
    return 0


def sdk_pull(arguments: list[str]) -> int:
    """Do what a pull does with plain SDK calls: collect the annotations of all tasks."""
    from label_studio_sdk import LabelStudio

    project, expected = arguments
    client = LabelStudio(base_url=os.environ["LABEL_STUDIO_URL"], api_key=os.environ["LABEL_STUDIO_API_KEY"])
    found = []
    for task in client.tasks.list(project=int(project), fields="all", page_size=100):
        found += task.annotations or []
    return int(len(found) != int(expected))


def measure(folder: Path, environment: Mapping[str, str], *arguments: object) -> Row:
    """Run one side in a process of its own and return what it took."""
    out = folder / "measured.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, str(SCRIPT), "inside", str(out), *map(str, arguments)]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - began
    if done.returncode or not out.exists():
        raise SystemExit(f"{arguments} ended with {done.returncode}: {done.stderr[-2000:]}")
    measured = json.loads(out.read_text(encoding="utf-8")) | {"process_wall_s": round(whole, 2)}
    if arguments[0] == "diptych":
        measured["said"] = json.loads(done.stdout)[0] if done.stdout.startswith("[") else json.loads(done.stdout)
    tell(
        f"{' '.join(map(str, arguments[:3]))}: {measured['wall_s']} s, {measured['rss_above_start_mb']} MB above start"
    )
    return measured


def scale(folder: Path, url: str, key: str, passages: int = 5000) -> Row:
    """Measure push and pull of a large study beside plain SDK calls that do the same."""
    from diptych.labelstudio.client import Client
    from diptych.labelstudio.people import add_account

    tell(f"inventing {passages} passages")
    study = invented_study(folder / "scale", passages)
    environment = frozen(folder) | {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": key}
    client, eyes = Client(url, key), Eyes(url, key)
    add_account(client, url, SECOND)
    tasks = tasks_of(study, 1.0)
    words = [len(task["data"]["text"].split()) for task in tasks]
    push = ("diptych", "studio", "push", "--coders", 2, "--suggest-share", 1.0, "--json", "--study", study)
    pull = ("diptych", "studio", "pull", "--json", "--study", study)
    runs = {"diptych push": measure(folder, environment, *push)}
    runs["diptych push again"] = measure(folder, environment, *push)
    (mine,) = eyes.projects("scale")
    theirs = eyes.call("POST", "/api/projects/", json={"title": "plain", "label_config": mine["label_config"]})
    path = folder / "tasks.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    runs["SDK push"] = measure(folder, environment, "sdk-push", theirs["id"], path)
    stood = {name: _stands(eyes.tasks(project["id"])) for name, project in (("diptych", mine), ("SDK", theirs))}
    tell(f"filling in {passages} x 2 annotations")
    fill(eyes, mine["id"], tasks, eyes.users()[:2], facets_of(study))
    runs["diptych pull"] = measure(folder, environment, *pull)
    runs["diptych pull again"] = measure(folder, environment, *pull)
    runs["SDK pull"] = measure(folder, environment, "sdk-pull", mine["id"], 2 * passages)
    rows = _codings(study)
    facets = len(facets_of(study))
    checks = {
        "every passage stands once after push": stood["diptych"]
        == {"tasks": passages, "passages": passages, "suggestions": passages},
        "every answer came once with pull": len(rows) == len(set(rows)) == 2 * passages * facets,
        "push again sends nothing": runs["diptych push again"]["said"]["sent"] == 0,
        "pull again brings nothing": runs["diptych pull again"]["said"]["new"] == 0,
    }
    for name in ("diptych push", "diptych push again", "diptych pull", "diptych pull again"):
        checks[f"{name}: under {LIMIT_MB} MB above start"] = runs[name]["rss_above_start_mb"] < LIMIT_MB
    return {
        "passages": passages,
        "words_a_passage": round(sum(words) / len(words), 1),
        "annotations": 2 * passages,
        "codings": len(rows),
        "runs": runs,
        "checks": checks,
    }  # fmt: skip


def _stands(tasks: list[Row]) -> Row:
    passages = {task["data"]["passage_id"] for task in tasks}
    suggestions = sum(len(task["predictions"]) for task in tasks)
    return {"tasks": len(tasks), "passages": len(passages), "suggestions": suggestions}


def _codings(folder: Path) -> list[tuple[str, str]]:
    from diptych.coding.codings import load_codings
    from diptych.study import Study

    history = load_codings(Study.load(folder), history=True)
    return list(zip(history["origin"], history["facet"], strict=True))


# --- crashes ---------------------------------------------------------------------------------------------------


def crash(
    folder: Path,
    url: str,
    key: str,
    *,
    kills: int = 5,
    passages: int = 200,
    seed: int = 20261121,
    only: str = "",
    say: Tell = tell,
) -> Row:
    """Kill push and pull at random moments, run them again, and look whether all stands exactly once.

    Parameters
    ----------
    folder : Path
        An empty folder to work in.
    url, key : str
        A running Label Studio; projects called `crash-…` and one account are made on it.
    kills : int
        How many times each command is killed, at moments drawn uniformly over its undisturbed duration.
    passages : int
    seed : int
    only : str
        `push` or `pull` alone; otherwise both.
    say : callable
        Called with progress.

    Returns
    -------
    dict
        For `push` and `pull` what happened; `failures` names every round that did not end well.
    """
    chance = random.Random(seed)
    base = invented_study(folder / "base", passages)
    environment = frozen(folder) | {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": key}
    eyes = Eyes(url, key)
    users = _two_accounts(eyes, url, key)
    report: Row = {"passages": passages, "kills": kills, "seed": seed}
    if only != "pull":
        report["push"] = _crash_push(folder, base, eyes, environment, kills, chance, say)
    if only != "push":
        report["pull"] = _crash_pull(folder, base, eyes, users, environment, kills, chance, say)
    report["failures"] = [f for what in ("push", "pull") if what in report for f in report[what]["failures"]]
    return report


def _two_accounts(eyes: Eyes, url: str, key: str) -> list[int]:
    from diptych.labelstudio.client import Client
    from diptych.labelstudio.people import add_account

    if len(eyes.users()) < 2:
        add_account(Client(url, key), url, SECOND)
    return eyes.users()[:2]


def _command(what: str, study: Path) -> list[str]:
    options = ["--coders", "2", "--suggest-share", "0.5"] if what == "push" else []
    return [sys.executable, "-m", "diptych", "studio", what, *options, "--json", "--study", str(study)]


def _run(what: str, study: Path, environment: Mapping[str, str]) -> tuple[Row | None, str]:
    """Run a command to its end; return what it said, or what went wrong."""
    done = subprocess.run(_command(what, study), env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return None, f"ended with {done.returncode}: {done.stderr.strip()[-300:]}"
    said = json.loads(done.stdout)
    return (said[0] if isinstance(said, list) else said), ""


def _undisturbed(what: str, studies: list[Path], environment: Mapping[str, str]) -> float:
    """The median duration of a command that nobody kills."""
    durations = []
    for study in studies:
        began = time.perf_counter()
        said, wrong = _run(what, study, environment)
        durations.append(time.perf_counter() - began)
        if said is None:
            raise SystemExit(f"an undisturbed {what} {wrong}")
    return sorted(durations)[len(durations) // 2]


def _kill(what: str, study: Path, environment: Mapping[str, str], moment: float) -> bool:
    """Start a command and kill it at a moment; return whether it still ran then."""
    process = subprocess.Popen(
        _command(what, study), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def _rounds(
    what: str, kills: int, chance: random.Random, duration: float, one: Callable[[int, float], Row], say: Tell
) -> Row:
    """Go through the rounds of one command and count what came of them."""
    rounds = []
    for number in range(kills):
        moment = chance.uniform(0, duration)
        found = {"round": number, "killed_at_s": round(moment, 3)} | one(number, moment)
        rounds.append(found)
        if found["wrong"]:
            say(f"{what} {number}, killed at {moment:.2f} s: {'; '.join(found['wrong'])}")
    say(f"{what}: {kills} rounds, {sum(bool(r['wrong']) for r in rounds)} failed")
    return {
        "undisturbed_s": round(duration, 2),
        "killed": sum(r["killed"] for r in rounds),
        "ended_before_the_kill": sum(not r["killed"] for r in rounds),
        "work_was_done_at_the_kill": sum(r["done_before"] for r in rounds),
        "left_parts": sum(bool(r.get("parts")) for r in rounds),
        "failed": sum(bool(r["wrong"]) for r in rounds),
        "failures": [f"{what} {r['round']} (killed at {r['killed_at_s']} s): {w}" for r in rounds for w in r["wrong"]],
        "rounds": rounds,
    }


def _crash_push(
    folder: Path, base: Path, eyes: Eyes, environment: Mapping[str, str], kills: int, chance: random.Random, say: Tell
) -> Row:
    calm = [copy_study(base, folder / f"crash-calm-{i}") for i in range(3)]
    duration = _undisturbed("push", calm, environment)
    tasks = tasks_of(calm[0], 0.5)
    for study in calm:
        _forget(eyes, study)

    def one(number: int, moment: float) -> Row:
        study = copy_study(base, folder / f"crash-push-{number}")
        killed = _kill("push", study, environment, moment)
        said, wrong = _run("push", study, environment)
        faults = [f"the second push {wrong}"] if wrong else _wrong_on_server(eyes, study.name, tasks)
        again, wrong = _run("push", study, environment)
        faults += [f"the third push {wrong}"] if wrong else []
        if again and (again["sent"] or again["doubles_removed"] or again["updated"] or again["suggestions"]):
            faults.append(f"the third push still had work: {again}")
        parts = _parts(study)
        _forget(eyes, study)
        done = bool(said and said["known"])
        return {"killed": killed, "done_before": done, "second": said, "parts": parts, "wrong": faults}

    return _rounds("push", kills, chance, duration, one, say)


def _wrong_on_server(eyes: Eyes, title: str, tasks: list[Row]) -> list[str]:
    """Everything about a project that is not as it should be after a push."""
    projects = eyes.projects(title)
    if len(projects) != 1:
        return [f"{len(projects)} projects: {[(p['id'], p['task_number']) for p in projects]}"]
    found = eyes.tasks(projects[0]["id"])
    counts = Counter(task["data"].get("passage_id") for task in found)
    wanted = {task["data"]["passage_id"]: len(task.get("predictions", [])) for task in tasks}
    wrong = []
    if missing := set(wanted) - set(counts):
        wrong.append(f"{len(missing)} passages are missing")
    if doubles := [passage for passage, number in counts.items() if number > 1]:
        wrong.append(f"{len(doubles)} passages stand more than once")
    if strange := set(counts) - set(wanted):
        wrong.append(f"{len(strange)} passages are strange")
    other = [t for t in found if len(t["predictions"]) != wanted.get(t["data"].get("passage_id"))]
    if other:
        wrong.append(f"{len(other)} passages have another number of suggestions")
    shown = {p["model_version"] for t in found for p in t["predictions"]}
    if {projects[0]["model_version"]} != shown:
        wrong.append(f"the project shows suggestions of {projects[0]['model_version']!r}, the tasks hold {shown}")
    return wrong


def _forget(eyes: Eyes, study: Path) -> None:
    for project in eyes.projects(study.name):
        eyes.call("DELETE", f"/api/projects/{project['id']}/")
    shutil.rmtree(study)


def _crash_pull(
    folder: Path,
    base: Path,
    eyes: Eyes,
    users: list[int],
    environment: Mapping[str, str],
    kills: int,
    chance: random.Random,
    say: Tell,
) -> Row:
    _, wrong = _run("push", base, environment)
    if wrong:
        raise SystemExit(f"an undisturbed push {wrong}")
    (project,) = eyes.projects(base.name)
    tasks = tasks_of(base, 0.5)
    fill(eyes, project["id"], tasks, users, facets_of(base))
    expected = len(tasks) * len(users) * len(facets_of(base))

    def fresh(name: str) -> Path:
        """The same study on the same project, where nothing was ever pulled."""
        place = folder / name
        place.mkdir()
        return copy_study(base, place / base.name)

    calm = [fresh(f"calm-{i}") for i in range(3)]
    duration = _undisturbed("pull", calm, environment)
    people = _people(calm[0])

    def one(number: int, moment: float) -> Row:
        study = fresh(f"crash-pull-{number}")
        killed = _kill("pull", study, environment, moment)
        said, wrong = _run("pull", study, environment)
        faults = [f"the second pull {wrong}"] if wrong else _wrong_in_study(study, expected, people)
        again, wrong = _run("pull", study, environment)
        faults += [f"the third pull {wrong}"] if wrong else []
        if again and (again["new"] or again["changed"] or again["deleted"] or again["rejected"]):
            faults.append(f"the third pull still had work: {again}")
        parts = _parts(study)
        if any(part.startswith("annotations/") for part in parts):
            faults.append(f"a half-written file lies where git sees it: {parts}")
        shutil.rmtree(study.parent)
        done = bool(said and not said["new"])
        return {"killed": killed, "done_before": done, "second": said, "parts": parts, "wrong": faults}

    return _rounds("pull", kills, chance, duration, one, say)


def _people(folder: Path) -> list[str]:
    from diptych.coding.coders import load_coders
    from diptych.study import Study

    return sorted(load_coders(Study.load(folder)).coders)


def _wrong_in_study(folder: Path, expected: int, people: list[str]) -> list[str]:
    """Everything about a study's codings that is not as it should be after a pull."""
    from diptych.coding.codings import load_codings
    from diptych.errors import DiptychError
    from diptych.study import Study

    study = Study.load(folder)
    try:
        history, present = load_codings(study, history=True), load_codings(study)
    except DiptychError as error:
        return [f"the codings cannot be read: {error}"]
    wrong = []
    if doubles := int(history.duplicated(["origin", "facet", "value"]).sum()):
        wrong.append(f"{doubles} codings stand more than once")
    if len(history) != expected or len(present) != expected:
        wrong.append(f"{len(history)} codings were written and {len(present)} count; {expected} were made")
    if (found := sorted(set(history["coder"]))) != people:
        wrong.append(f"the coders are called {found}, undisturbed {people}")
    if (described := _people(folder)) != people:
        wrong.append(f"coders.toml knows {described}, undisturbed {people}")
    return wrong


def _parts(study: Path) -> list[str]:
    return sorted(str(path.relative_to(study)) for path in study.rglob("*.part"))


# --- results ---------------------------------------------------------------------------------------------------


def surroundings(url: str, key: str) -> Row:
    """The machine, the versions and the commit a result belongs to."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    from diptych.labelstudio.client import Client

    try:
        cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))[1]
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
    except (OSError, TypeError, ValueError):
        cpu, memory = platform.processor(), ""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "cpu": cpu, "cores": os.cpu_count(), "memory": memory,
                    "load": [round(x, 2) for x in os.getloadavg()]},
        "versions": {"python": platform.python_version(), "diptych": version("diptych"),
                     "label-studio": Client(url, key).version(), "label-studio-sdk": version("label-studio-sdk")},
        "commit": git("rev-parse", "HEAD") + (" (src changed)" if git("status", "--porcelain", "src") else ""),
    }  # fmt: skip


def write_results(name: str, found: Row) -> None:
    """Put one benchmark's result beside the other's, as JSON and as Markdown."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results[name] = found
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    parts = ["# Label Studio, measured", "Written by `benchmarks/label_studio.py`; do not edit."]
    parts += [write(results[key]) for key, write in (("scale", _scale_text), ("crash", _crash_text)) if key in results]
    RESULTS.with_suffix(".md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _head(title: str, found: Row) -> str:
    about, machine = found["surroundings"], found["surroundings"]["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return (
        f"## {title}\n\n`{found['command']}`, {about['at']}, commit {about['commit']}\n\n"
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}, "
        f"load at the start {machine['load'][0]}; {versions}. The server runs on the same machine."
    )


def _scale_text(found: Row) -> str:
    lines = [
        _head("Scale", found),
        "",
        (
            f"{found['passages']:,} passages of {found['words_a_passage']} invented words, a suggestion on each; "
            f"{found['annotations']:,} annotations by two accounts, {found['codings']:,} codings. *Start* is the "
            "process with all its modules loaded; *bare* is the interpreter before any of them."
        ),
        "",
        "| run | wall s | CPU s | peak MB | above start MB | above bare MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    names = ("wall_s", "cpu_s", "rss_peak_mb", "rss_above_start_mb", "rss_above_bare_mb")
    lines += [f"| {name} | " + " | ".join(str(run[key]) for key in names) + " |" for name, run in found["runs"].items()]
    lines += ["", *(f"- {'yes' if good else '**NO**'}: {name}" for name, good in found["checks"].items())]
    return "\n".join(lines)


def _crash_text(found: Row) -> str:
    lines = [
        _head("Crash", found),
        "",
        (
            f"{found['passages']} passages; {found['kills']} SIGKILLs into each command at moments drawn uniformly "
            f"(seed {found['seed']}) over its undisturbed duration, then the command again, then once more."
        ),
        "",
        "| command | undisturbed s | killed | ended before | work done at the kill | left .part | failed |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    names = ("undisturbed_s", "killed", "ended_before_the_kill", "work_was_done_at_the_kill", "left_parts", "failed")
    lines += [
        f"| {what} | " + " | ".join(str(found[what][name]) for name in names) + " |"
        for what in ("push", "pull")
        if what in found
    ]
    lines += ["", found["note"]] if "note" in found else []
    lines.append("")
    lines += [f"- {' '.join(failure.split())}" for failure in found["failures"] or ["no failures"]]
    return "\n".join(lines)


def main() -> int:
    """Run one of the benchmarks."""
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", choices=["scale", "crash"])
    parser.add_argument("--passages", type=int, help="how many [default: 5000 to scale, 200 to crash]")
    parser.add_argument("--kills", type=int, default=50, help="how many kills of each command [default: 50]")
    parser.add_argument("--seed", type=int, default=20261121, help="of the moments of the kills")
    parser.add_argument(
        "--environment", type=Path, default=ROOT / ".venv-studio", help="where Label Studio is installed"
    )
    parser.add_argument("--only", choices=["push", "pull"], default="", help="crash only this command")
    parser.add_argument("--dry", action="store_true", help="print the result, do not write it to results/")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as name:
        folder = Path(name)
        with own_server(folder, options.environment) as (url, key):
            about = surroundings(url, key)
            if options.benchmark == "scale":
                found = scale(folder, url, key, options.passages or 5000)
                good = all(found["checks"].values())
            else:
                size = options.passages or 200
                found = crash(
                    folder, url, key, kills=options.kills, passages=size, seed=options.seed, only=options.only
                )
                good = not found["failures"]
    written = "python benchmarks/label_studio.py " + " ".join(sys.argv[1:])
    found = {"command": written, "surroundings": about} | found
    if options.dry:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        write_results(options.benchmark, found)
    print((_scale_text if options.benchmark == "scale" else _crash_text)(found))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
