"""A full disk, folders that cannot be written, two commands at once, a clock that jumps back."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from crash.cases import BY_NAME, CASES, Round, prepared
from crash.computed import Inside
from crash.harness import as_nobody, contents, faults, full_disk
from diptych.cli import exchange
from diptych.cli.main import run
from diptych.coding.codings import load_codings
from diptych.labelstudio import files
from diptych.study import Study
from studio_stand_in import Studio

LOCKED = ["ingest", "import csv", "gold", "train", "report", "sample", "studio pull", "import label-studio"]
FULL = [
    "ingest",
    "ingest FILE",
    "import csv",
    "gold",
    "train",
    "report",
    "classify",
    "classify in parts",
    "export",
    "init",
]


def ready(name: str, trained: Path, folder: Path, inside: Inside) -> Round:
    return prepared(BY_NAME[name], trained, folder / name.replace(" ", "-"), inside)


def hidden(study: Path) -> list[str]:
    return [name for name in contents(study) if name.endswith(".part")]


# ---- a full disk


@pytest.mark.parametrize("name", FULL)
def test_on_a_full_disk_a_command_says_so_and_what_was_there_stays(name, trained, inside, tmp_path):
    round_ = ready(name, trained, tmp_path, inside)
    round_.begin()
    before = contents(round_.study)
    ended = round_.child(None, first=full_disk(0)).wait()
    assert (ended.code, ended.said.count("error: ")) == (1, 1)
    assert "cannot write" in ended.said
    assert "hint: " in ended.said
    assert contents(round_.study) == before


@pytest.mark.parametrize("name", ["import csv", "ingest FILE", "train"])
def test_when_the_disk_fills_up_on_the_way_the_next_run_goes_on(name, trained, inside, tmp_path):
    round_ = ready(name, trained, tmp_path, inside)
    round_.begin()
    round_.call(None)
    wanted = contents(round_.study)
    round_.begin()
    ended = round_.child(None, first=full_disk(600)).wait()
    assert (ended.code, hidden(round_.study)) == (1, [])
    with inside():
        assert faults(round_.study) == []
    round_.call(None)
    assert contents(round_.study) == wanted


# ---- folders that cannot be written


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("name", FULL)
def test_a_read_only_study_is_told_in_words_and_unharmed(name, trained, inside, open_folder):
    round_ = ready(name, trained, open_folder, inside)
    round_.begin()
    before, places = contents(round_.study), [round_.place, *round_.place.rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        ended = round_.child(None, first=as_nobody).wait()
    finally:
        for place in places:
            place.chmod(0o755 if place.is_dir() else 0o644)
    assert (ended.code, ended.said.count("error: ")) == (1, 1), ended.said
    assert "cannot write" in ended.said
    assert contents(round_.study) == before


# ---- two at once


@pytest.mark.parametrize(("first", "second"), list(zip(LOCKED, [*LOCKED[1:], LOCKED[0]], strict=True)))
def test_while_a_command_writes_another_one_is_refused_in_words_and_neither_loses_anything(
    first, second, trained, inside, tmp_path
):
    round_ = ready(first, trained, tmp_path, inside)
    server = round_.begin()
    other = Round(BY_NAME[second], round_.base, round_.place, inside)
    other.case.prepare(round_.place) if second != "ingest" else None
    if second == "sample":
        (round_.study / "annotations" / "codings").mkdir()
    own = other.case.server(round_.place) if other.case.server else None
    running = round_.child(server, at="fsync", how=signal.SIGSTOP)
    assert running.wait_for_stop()
    try:
        before = contents(round_.study)
        refused = other.call(own)
        assert contents(round_.study) == before
    finally:
        done = running.go_on()
    assert (refused.code, refused.said) == (
        1,
        "error: another diptych command is writing to this study\nhint: wait until it has ended, then run again\n",
    )
    assert done.code in round_.case.answered, done.said
    after = other.call(own)
    assert after.code in (*other.case.answered, 0), after.said
    assert faults(round_.study) == []
    assert hidden(round_.study) == []


def test_two_commands_that_write_one_file_each_write_a_whole_one(trained, inside, tmp_path):
    round_ = ready("classify", trained, tmp_path, inside)
    round_.begin()
    first = round_.child(None, at="fsync", how=signal.SIGSTOP)
    assert first.wait_for_stop()
    assert len(hidden(round_.study)) == 1
    second = round_.call(None)
    wanted = contents(round_.study)["new.jsonl"]
    ended = first.go_on()
    assert (ended.code, second.code) == (0, 0)
    assert contents(round_.study)["new.jsonl"] == wanted
    assert hidden(round_.study) == []


def test_a_document_that_another_command_has_just_added_is_seen(trained, tmp_path, monkeypatch):
    """The settings are read again under the lock: else one document would stand twice."""
    round_ = ready("ingest FILE", trained, tmp_path, lambda: patch.object(Study, "bundled", Study.bundled))
    round_.begin()
    stale = Study.load(round_.study)
    assert round_.call(None).code == 0
    monkeypatch.setattr("diptych.cli.study.find_study", lambda _: stale)
    assert round_.call(None).code == 0
    assert len(Study.load(round_.study).settings.documents) == 3


# ---- a clock that jumps back


class Backwards(datetime):
    """A clock that is an hour earlier each time it is asked."""

    asked = 0

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # noqa: ARG003 - as the real one
        cls.asked += 1
        return datetime(2027, 5, 1, 12, tzinfo=UTC) - timedelta(hours=cls.asked)


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (exchange, files):
        monkeypatch.setattr(module, "datetime", Backwards)


def says(study: Study, coder: str) -> dict[str, str]:
    codings = load_codings(study)
    mine = codings[codings["coder"] == coder]
    assert not mine.duplicated(["passage", "facet"]).any()
    return dict(zip(mine["facet"], mine["value"], strict=True))


def test_of_imported_answers_the_last_one_counts_whatever_the_clock_says(harbour, tmp_path, backwards):
    table = tmp_path / "t.csv"
    for value in ("money", "work", "money", "nature"):
        table.write_text(f"passage,topic\nharbour-north:001,{value}\n", encoding="utf-8")
        assert run(["import", "csv", str(table), "--coder", "kim", "--study", str(harbour.root), "-q"]) == 0
        assert says(harbour, "kim") == {"topic": value}
    assert len(load_codings(harbour, history=True).query("coder == 'kim'")) == 4


def test_of_undated_annotations_from_several_files_the_last_one_counts(harbour, tmp_path, backwards):
    for number, value in enumerate(("money", "work", "nature")):
        parts = [
            {"from_name": facet, "to_name": "text", "type": "choices", "value": {"choices": [said]}}
            for facet, said in {"topic": value, "side": "port", "tone": "plain"}.items()
        ]
        task = {"id": 1, "data": {"passage_id": "harbour-north:001"}, "annotations": [{"id": 1, "result": parts}]}
        table = tmp_path / f"export-{number}.json"
        table.write_text(json.dumps([task]), encoding="utf-8")
        words = ["import", "label-studio", str(table), "--coder", "kim", "--study", str(harbour.root), "-q"]
        assert run(words) == 0
        assert says(harbour, "kim")["topic"] == value


def test_an_edit_on_a_server_whose_clock_jumped_back_counts(trained, inside, tmp_path):
    round_ = ready("studio pull", trained, tmp_path, inside)
    studio = round_.begin()
    assert round_.call(studio).code == 0
    task = studio.where("harbour-north:001")
    made = task["annotations"][0]
    made["result"][0]["value"]["choices"] = ["nature"]
    task["updated_at"] = made["updated_at"] = "2020-01-01T00:00:00Z"
    assert round_.call(studio).code == 0
    study = Study.load(round_.study)
    found = load_codings(study).query("passage == 'harbour-north:001' and coder == 'coder-1' and facet == 'topic'")
    assert found["value"].tolist() == ["nature"]


def test_steps_are_stale_by_content_whatever_the_files_dates_say(trained, inside, tmp_path, command):
    round_ = ready("gold", trained, tmp_path, inside)
    round_.begin()
    for number, path in enumerate(sorted(round_.study.rglob("*"))):
        os.utime(path, (10**9 - number, 10**9 - number))
    lines = command("status", "--json", "--study", round_.study).json["lines"]
    assert {line["what"]: line["state"] for line in lines if line["what"] in ("gold labels", "model", "report")} == {
        "gold labels": "ok",
        "model": "ok",
        "report": "ok",
    }


def test_all_cases_are_named_once():
    assert len(BY_NAME) == len(CASES)
    assert isinstance(BY_NAME["studio push"].server(Path()), Studio)  # type: ignore[misc]
