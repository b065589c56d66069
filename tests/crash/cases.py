"""Every command that writes: what it needs, how it is called, and what is true when it is done."""

from __future__ import annotations

import csv
import json
import shutil
import signal
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash.harness import Child, Ended, contents, faults, here, moments
from diptych.cli.main import run
from diptych.labelstudio.plan import coding_plan
from diptych.labelstudio.push import push
from diptych.study import Study
from diptych.template import make_study
from studio_stand_in import Studio

AT = "2027-03-01T08:00:00+00:00"
LETTER = """<html><head><title>Ebb</title></head><body><article><h1>Ebb</h1>
<p>The ferry company asks the port for a later hour, and the port says that the tide decides.</p>
<p>Nobody in the office has seen the new crane at work, but everybody has paid for it twice.</p></article></body></html>
"""


@dataclass(frozen=True)
class Case:
    """A command.

    Attributes
    ----------
    name : str
    words : callable of folder
        The command line; the folder holds the study and what it reads.
    prepare : callable of folder
        Done once, before.
    server : callable of folder, optional
        Makes the Label Studio that it speaks to, new for every round.
    answered, again : tuple of int
        Exit codes of a run that went through, and of one after it.
    kills : int
        How many the tests take.
    """

    name: str
    words: Callable[[Path], list[object]]
    prepare: Callable[[Path], object] = lambda _: None
    server: Callable[[Path], Studio] | None = None
    answered: tuple[int, ...] = (0,)
    again: tuple[int, ...] = (0, 3)
    kills: int = 10


def study_in(folder: Path) -> list[object]:
    return ["--study", folder / "harbour", "--quiet"]


def _write(folder: Path, name: str, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    with (folder / name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _passages() -> list[str]:
    return [f"harbour-{side}:{number:03d}" for side in ("north", "south") for number in range(1, 9)]


def _table(folder: Path) -> None:
    rows = [
        {"passage": name, "topic": ("money", "work", "nature")[i % 3], "side": "port", "tone": "plain", "comment": "ö"}
        for i, name in enumerate(_passages())
    ]
    rows[5]["topic"] = "weather"  # no value: this row is set aside
    _write(folder, "kim.csv", rows)


def _decisions(folder: Path) -> None:
    rows = [
        {"passage": f"harbour-{p}", "facet": "topic", "value": "money", "reason": "judgement"}
        for p in ("north:008", "south:006")
    ]
    _write(folder, "decided.csv", rows)


def _label_studio_file(folder: Path) -> None:
    table = folder / "tasks.json"
    assert run(["export", "label-studio", str(table), "--with-originals", *map(str, study_in(folder))]) == 0
    tasks = json.loads(table.read_text(encoding="utf-8"))
    for number, task in enumerate(tasks, 1):
        task["id"] = number
        for place, made in enumerate(task["annotations"]):
            del made["coder"]
            made |= {"id": 10 * number + place, "completed_by": {"id": place + 3, "email": f"k{place}@quay.example"}}
    table.write_text(json.dumps(tasks), encoding="utf-8")


def _texts(folder: Path) -> None:
    _write(folder, "new.csv", [{"n": n, "text": f"The port pays crane {n} and the tide is late."} for n in range(40)])


def _forget_tables(folder: Path) -> None:
    for path in (folder / "harbour" / "seeds").glob("*.passages.jsonl"):
        path.unlink()


def _pushed(folder: Path) -> Studio:
    studio, study = Studio(), Study.load(folder / "harbour")
    push(studio, study, coding_plan(study))  # type: ignore[arg-type]
    for place, name in enumerate(_passages()):
        for user in (1, 2):
            studio.annotate(name, user, topic=("money", "work")[(place + user) % 2])
    return studio


def _nothing(folder: Path) -> None:
    shutil.rmtree(folder / "harbour")


def _uncoded(folder: Path) -> None:
    shutil.rmtree(folder / "harbour" / "annotations" / "codings")


def _kim(folder: Path) -> list[object]:
    return ["import", "csv", folder / "kim.csv", "--coder", "kim"]


def _new(folder: Path, out: str) -> list[object]:
    return ["classify", folder / "new.csv", "--out", f"{folder}/harbour/{out}"]


PARTS = ("--part-rows", 7, "--resume")
ADJUDICATOR = ("--coder", "lee", "--role", "adjudicator")
CASES = (
    Case("ingest", lambda f: ["ingest", *study_in(f)], _forget_tables),
    Case("import csv", lambda f: [*_kim(f), "--at", AT, *study_in(f)], _table, answered=(3,)),
    Case("studio push", lambda f: ["studio", "push", *study_in(f)], server=lambda _: Studio()),
    Case("studio pull", lambda f: ["studio", "pull", *study_in(f)], server=_pushed),
    Case("studio adjudicate", lambda f: ["studio", "adjudicate", *study_in(f)], server=_pushed),
    Case("gold", lambda f: ["gold", *study_in(f)]),
    Case("train", lambda f: ["train", *study_in(f)]),
    Case("report", lambda f: ["report", "--tables", f / "harbour" / "tables", *study_in(f)]),
    Case("classify", lambda f: [*_new(f, "new.jsonl"), *study_in(f)], _texts),
    Case("classify in parts", lambda f: [*_new(f, "new.csv"), *PARTS, *study_in(f)], _texts, kills=5),
    Case(
        "classify to a folder",
        lambda f: [*_new(f, "new/"), "--format", "jsonl", *PARTS, *study_in(f)],
        _texts,
        again=(2,),  # it holds something
        kills=4,
    ),
    Case("init", lambda f: ["init", f / "harbour", "--quiet"], _nothing, again=(2,), kills=4),
    Case(
        "ingest FILE",
        lambda f: ["ingest", f / "ebb.html", "--author", "C. Poole", *study_in(f)],
        lambda f: (f / "ebb.html").write_text(LETTER, encoding="utf-8"),
        kills=5,
    ),
    Case(
        "import adjudicator",
        lambda f: ["import", "csv", f / "decided.csv", *ADJUDICATOR, "--at", AT, *study_in(f)],
        _decisions,
        kills=4,
    ),
    Case(
        "import label-studio",
        lambda f: ["import", "label-studio", f / "tasks.json", *study_in(f)],
        _label_studio_file,
        kills=4,
    ),
    Case("export", lambda f: ["export", "csv", f / "harbour" / "x.csv", "--with-originals", *study_in(f)], kills=4),
    Case("sample", lambda f: ["sample", "--size", 4, *study_in(f)], _uncoded, kills=4),
)
BY_NAME = {case.name: case for case in CASES}


def trained_study(folder: Path) -> Path:
    """Make a study with gold labels, a model and a report, under the name that all rounds use."""
    study = make_study(folder / "harbour")
    for name in ("gold", "train", "report"):
        assert run([name, "--study", str(study.root), "--quiet"]) == 0
    return study.root


@dataclass
class Round:
    """A case in a folder of its own, to be done again and again."""

    case: Case
    base: Path
    place: Path
    inside: Callable[[], Any] = nullcontext

    def begin(self) -> Studio | None:
        """Put everything as it was before."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.base, self.place)
        return self.case.server(self.place) if self.case.server else None

    def call(self, server: Studio | None) -> Ended:
        """Run the command in this process, which costs less."""
        with self.inside():
            return here(self.case.words(self.place), server)

    def child(self, server: Studio | None, **more: Any) -> Child:
        """Run it in a child, to be stopped."""
        with self.inside():
            return Child(self.case.words(self.place), server=server, **more)

    @property
    def study(self) -> Path:
        return self.place / "harbour"


def prepared(case: Case, trained: Path, folder: Path, inside: Callable[[], Any] = nullcontext) -> Round:
    """Make what a case begins with."""
    base = folder / "base"
    shutil.copytree(trained, base / "harbour")
    case.prepare(base)
    return Round(case, base, folder / "round", inside)


def seen_on(server: Studio | None) -> object:
    """What is on a server, whatever numbers it gave: projects, and tasks with what hangs on them."""
    if server is None:
        return None
    tasks = [
        (server.boards[server.board_of[number]]["title"], task["data"], task["meta"], len(task["annotations"]))
        for number, task in server.stored.items()
    ]
    return sorted(board["title"] for board in server.boards.values()), sorted(map(repr, tasks))


@dataclass
class Kills:
    """What came of killing a case."""

    name: str
    kills: int
    points: int
    wrong: list[str]
    kinds: dict[str, int]


def kill(round_: Round, number: int, seed: int) -> Kills:
    """Kill a command at points drawn by a seed, run it again, and tell what differs from an undisturbed run."""
    case = round_.case
    server = round_.begin()
    whole = round_.child(server).wait()
    assert whole.code in case.answered, whole.said
    wanted, there = contents(round_.study), seen_on(server)
    again = round_.call(server)
    wrong = [] if again.code in case.again else [f"a second run ended with {again.code}: {again.said}"]
    if contents(round_.study) != wanted:
        wrong.append(f"a second run changes {different(contents(round_.study), wanted)}")
    result = Kills(case.name, 0, len(whole.points), wrong, {})
    for at in moments(whole.points, number, seed):
        kind = whole.points[at - 1]
        where = f"killed at {kind}, point {at} of {len(whole.points)}: "
        server = round_.begin()
        killed = round_.child(server, at=at).wait()
        if killed.code != -signal.SIGKILL:
            wrong.append(f"{where}ended with {killed.code}")
            continue
        result.kills += 1
        result.kinds[kind] = result.kinds.get(kind, 0) + 1
        if (round_.study / "study.toml").exists() or case.name != "init":
            with round_.inside():
                wrong += [where + fault for fault in faults(round_.study)]
        last = round_.call(server)
        complete = contents(round_.study) == wanted
        if last.code not in case.answered and not (complete and last.code in case.again):
            wrong.append(f"{where}the next run ends with {last.code}: {last.said.strip()}")
        elif not complete:
            wrong.append(f"{where}other files: {different(contents(round_.study), wanted)}")
        elif seen_on(server) != there:
            wrong.append(f"{where}the server holds something else")
    return result


def different(found: dict[str, bytes], wanted: dict[str, bytes]) -> str:
    """Name the files in which two folders differ."""
    names = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    return ", ".join(
        f"{name} ({'gone' if name not in found else 'new' if name not in wanted else 'changed'})" for name in names
    )
