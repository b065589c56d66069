"""Two people with one study in git: both work, both commit, and merging needs nobody's hand."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from diptych.check import check
from diptych.cli.main import run
from diptych.coding.coders import load_coders
from diptych.coding.codings import load_codings
from diptych.coding.gold import derive_gold, load_gold, same_labels
from diptych.errors import CodingError
from diptych.labelstudio import names
from diptych.labelstudio.plan import coding_plan
from diptych.labelstudio.pull import pull
from diptych.labelstudio.push import push
from diptych.study import Study
from diptych.template import make_study
from studio_stand_in import Studio

CALM = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull} | {
    f"GIT_{who}_{what}": "quay@example.test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def git(folder: Path, *words: object) -> str:
    done = subprocess.run(
        ["git", "-C", folder, *map(str, words)], capture_output=True, text=True, check=False, env=os.environ | CALM
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Person:
    """Somebody with a clone."""

    root: Path

    @property
    def study(self) -> Study:
        return Study.load(self.root)

    def does(self, *words: object) -> None:
        assert run([*map(str, words), "--study", str(self.root), "--quiet"]) == 0

    def codes(self, coder: str, passages: list[str], topic: str) -> None:
        table = self.root.parent / f"{self.root.name}.csv"
        table.write_text("\n".join(["passage,topic", *(f"{p},{topic}" for p in passages)]), encoding="utf-8")
        self.does("import", "csv", table, "--coder", coder, "--at", "2027-04-01")

    def pulls(self, studio: Studio) -> None:
        pull(studio, self.study)  # type: ignore[arg-type]

    def commits(self) -> None:
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--message", "work")

    def merges(self, other: Person) -> None:
        git(self.root, "pull", "--quiet", "--no-rebase", "--no-edit", other.root, "main")
        assert git(self.root, "status", "--porcelain") == ""

    def answers(self) -> set[tuple[str, ...]]:
        codings = load_codings(self.study)
        rows = list(codings[["passage", "coder", "role", "facet", "value"]].itertuples(index=False, name=None))
        assert len(rows) == len(set(rows))
        return set(rows)


def north(*numbers: int) -> list[str]:
    return [f"harbour-north:{number:03d}" for number in numbers]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Person, Person]:
    """Two clones of one study, with gold labels in git."""
    first = Person(make_study(tmp_path / "anna").root)
    first.does("gold")
    git(first.root, "init", "--quiet", "--initial-branch", "main")
    first.commits()
    git(tmp_path, "clone", "--quiet", first.root, tmp_path / "boris")
    return first, Person(tmp_path / "boris")


def test_what_can_be_made_again_or_belongs_to_one_machine_is_not_in_git(two):
    anna, _ = two
    anna.does("report") if anna.study.model_file.exists() else None
    (anna.root / "report.pdf").write_bytes(b"%PDF")
    assert git(anna.root, "status", "--porcelain") == ""
    assert not any(name.startswith(".diptych") for name in git(anna.root, "ls-files").splitlines())


def test_imports_of_both_come_together_without_a_conflict(two):
    anna, boris = two
    base = anna.answers()
    anna.codes("kim", north(1, 2, 3), "money")  # the same passages as boris', by another coder
    anna.codes("kim", north(4), "work")
    boris.codes("lee", north(1, 2, 3), "nature")
    boris.codes("kim", north(5), "work")  # the same coder, another passage
    for person in two:
        person.does("gold")
        person.commits()
    own = anna.answers() - base, boris.answers() - base
    anna.merges(boris)
    boris.merges(anna)
    assert anna.answers() == boris.answers() == base | own[0] | own[1]
    for person in two:
        person.does("gold")
        assert same_labels(load_gold(person.study), derive_gold(load_codings(person.study)))
        assert [f for f in check(person.study) if f.severity == "error"] == []
    assert anna.study.gold_file.read_bytes() == boris.study.gold_file.read_bytes()


def test_of_one_coders_answers_on_both_sides_the_later_counts_and_the_earlier_is_kept(two):
    anna, boris = two
    anna.codes("kim", north(1), "money")
    anna.commits()
    boris.merges(anna)
    anna.codes("kim", north(1), "work")
    table = boris.root.parent / "late.csv"
    table.write_text("passage,topic\nharbour-north:001,nature\n", encoding="utf-8")
    boris.does("import", "csv", table, "--coder", "kim", "--at", "2027-04-02")
    for person in two:
        person.commits()
    anna.merges(boris)
    assert [row for row in anna.answers() if row[1] == "kim"] == [(*north(1), "kim", "coder", "topic", "nature")]
    assert len(load_codings(anna.study, history=True).query("coder == 'kim'")) == 3


def test_gold_labels_of_two_versions_are_not_used_and_derived_anew(two):
    anna, boris = two
    for person, topic in ((anna, "money"), (boris, "nature")):
        table = person.root.parent / f"{topic}.csv"
        table.write_text(f"passage,facet,value,reason\nharbour-north:001,topic,{topic},slip\n", encoding="utf-8")
        person.does("import", "csv", table, "--coder", f"for-{topic}", "--role", "adjudicator")
        person.does("gold")
        person.commits()
    anna.merges(boris)
    with pytest.raises(CodingError, match="holds two versions of") as caught:
        load_gold(anna.study)
    assert "diptych gold" in caught.value.hint
    assert any(f.what == "gold" and "diptych gold" in f.mend for f in check(anna.study))
    anna.does("gold")
    assert len(load_gold(anna.study))


def shared_server(study: Study) -> Studio:
    studio = Studio()
    push(studio, study, coding_plan(study))  # type: ignore[arg-type]
    return studio


def test_both_pull_from_one_server_and_nobody_counts_twice(two):
    anna, boris = two
    studio = shared_server(anna.study)
    studio.annotate(north(1)[0], 1, topic="money")
    for person in two:
        person.pulls(studio)
        person.commits()
    studio.annotate(north(2)[0], 2, topic="work")
    boris.pulls(studio)
    boris.commits()
    anna.merges(boris)
    history = load_codings(anna.study, history=True)
    assert not history["id"].duplicated().any()
    pulled = {row[:2] for row in anna.answers() if row[1].startswith("coder-")}
    assert pulled == {(*north(1), "coder-1"), (*north(2), "coder-2")}
    assert {"coder-1", "coder-2"} <= set(load_coders(anna.study).coders)
    before = anna.answers()
    anna.pulls(studio)
    assert anna.answers() == before


def test_a_fresh_clone_gives_an_account_the_name_that_it_has(two):
    anna, boris = two
    studio = shared_server(anna.study)
    studio.annotate(north(1)[0], 1, topic="money")
    anna.pulls(studio)
    anna.commits()
    boris.merges(anna)
    studio.annotate(north(2)[0], 1, topic="work")
    boris.pulls(studio)
    assert {row[1] for row in boris.answers() if row[1].startswith("coder")} == {"coder-1"}


def test_the_own_servers_of_two_people_are_two_servers(two, monkeypatch):
    """Both listen on 127.0.0.1, and both begin with account 1 and task 1."""
    anna, boris = two
    monkeypatch.setattr(names, "own_mark", lambda study, _: study.root.name)
    monkeypatch.setattr("diptych.labelstudio.people.own_mark", lambda study, _: study.root.name)
    for person, topic in ((anna, "money"), (boris, "nature")):
        studio = shared_server(person.study)
        studio.annotate(north(1)[0], 1, topic=topic)
        person.pulls(studio)
        person.commits()
        if person is boris:
            anna.merges(boris)
            studio_of_boris = studio
    boris.merges(anna)
    boris.pulls(studio_of_boris)  # what is anna's is not taken for deleted
    said = {(row[1], row[4]) for row in boris.answers() if row[3] == "topic" and row[1].startswith("coder")}
    assert said == {("coder-anna-1", "money"), ("coder-boris-1", "nature")}


def test_the_mark_of_an_own_server_is_read_only_for_that_server(harbour, monkeypatch):
    class Here:
        url = "http://127.0.0.1:8090"

    names.mark_file(harbour).parent.mkdir(parents=True)
    names.mark_file(harbour).write_text("a1b2c3\n", encoding="utf-8")
    monkeypatch.setattr(names, "running", lambda _: Here)
    assert names.server_name(harbour, "http://127.0.0.1:8090/") == "127-0-0-1-8090-a1b2c3"
    assert names.server_name(harbour, "http://quay.test/") == "quay-test"


def test_a_name_that_is_no_file_name_is_described_in_a_file_of_its_own(harbour):
    from diptych.coding.coders import coders_folder, write_down_coders

    write_down_coders(harbour, {"Ольга/../x", "kim"}, "At sea.", {"kim": "quay/1"})
    assert {"Ольга/../x", "kim"} <= set(load_coders(harbour).coders)
    assert load_coders(harbour).coders["kim"].account == "quay/1"
    assert all(path.parent == coders_folder(harbour) for path in coders_folder(harbour).rglob("*.toml"))
    assert json.dumps("quay/1") in (coders_folder(harbour) / "kim.toml").read_text(encoding="utf-8")
