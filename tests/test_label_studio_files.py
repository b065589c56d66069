"""Label Studio's JSON files, in and out, without a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from diptych.coding.codings import load_codings
from diptych.study import Study

ANSWER = ["passage", "coder", "role", "facet", "value", "comment", "reason"]


def answers(study: Study) -> set[tuple[str, ...]]:
    """What the codings of a study say, whatever file they stand in."""
    return set(load_codings(study)[ANSWER].itertuples(index=False, name=None))


@pytest.fixture
def bare(harbour, tmp_path) -> Study:
    """The harbour study without any coding."""
    shutil.copytree(harbour.root, tmp_path / "bare")
    shutil.rmtree(tmp_path / "bare" / "annotations" / "codings")
    return Study.load(tmp_path / "bare")


@pytest.fixture
def exported(harbour, command, tmp_path) -> Path:
    path = tmp_path / "harbour.json"
    assert command("export", "label-studio", path, "--study", harbour.root, "--with-originals").code == 0
    return path


def minimal(**fields: object) -> dict[str, object]:
    """A row of Label Studio's JSON_MIN."""
    shared = {"id": 7, "annotator": 3, "annotation_id": 12, "updated_at": "2027-02-01T08:00:00Z", "lead_time": 4.0}
    return shared | {"text": "The quay.", "passage_id": "harbour-north:001"} | fields


def bring(command, study: Study, path: Path, raw: object, *options: str):
    path.write_text(json.dumps(raw), encoding="utf-8")
    return command("import", "label-studio", path, "--study", study.root, *options)


def test_every_passage_is_a_task_with_every_coders_answers(exported):
    tasks = json.loads(exported.read_text(encoding="utf-8"))
    assert len(tasks) == 16
    assert {annotation["coder"] for task in tasks for annotation in task["annotations"]} == {"sample-a", "sample-b"}
    assert all(not annotation["ground_truth"] for task in tasks for annotation in task["annotations"])


def test_a_round_trip_loses_nothing(harbour, bare, exported, command):
    assert command("import", "label-studio", exported, "--study", bare.root).code == 0
    assert answers(bare) == answers(harbour)


def test_what_the_study_knows_is_not_written_again(harbour, exported, command):
    before = sorted(harbour.codings_folder.iterdir())
    result = command("import", "label-studio", exported, "--study", harbour.root)
    assert "0 new" in result.err
    assert sorted(harbour.codings_folder.iterdir()) == before


def test_importing_twice_adds_nothing(bare, exported, command):
    command("import", "label-studio", exported, "--study", bare.root)
    assert "0 new" in command("import", "label-studio", exported, "--study", bare.root).err


def test_rows_of_json_min_are_read(bare, command, tmp_path):
    row = minimal(topic="money", side="port", tone="against", _comment="A close call", _flags={"choices": ["unsure"]})
    assert bring(command, bare, tmp_path / "min.json", [row], "--coder", "kim").code == 0
    rows = load_codings(bare)
    assert dict(zip(rows["facet"], rows["value"], strict=True)) == {"topic": "money", "side": "port", "tone": "against"}
    assert set(rows["comment"]) == {"A close call"}
    assert rows["flags"].tolist() == [["unsure"]] * 3


def test_accounts_of_a_file_appear_under_pseudonyms(bare, command, tmp_path):
    task = {
        "data": {"text": "The quay.", "passage_id": "harbour-north:001"},
        "annotations": [{"id": 1, "completed_by": {"id": 5, "email": "kim@example.org"}, "result": answered()}],
    }
    bring(command, bare, tmp_path / "tasks.json", [task])
    assert set(load_codings(bare)["coder"]) == {"coder-5"}
    assert all("example.org" not in path.read_text(encoding="utf-8") for path in bare.codings_folder.iterdir())


def answered(**changes: str) -> list[dict[str, object]]:
    values = {"topic": "money", "side": "port", "tone": "against"} | changes
    return [
        {"from_name": facet, "to_name": "text", "type": "choices", "value": {"choices": [value]}}
        for facet, value in values.items()
    ]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (answered()[:2], "no answer to tone"),
        (answered(topic="mony"), "did you mean 'money'"),
        ([*answered(), {"from_name": "colour", "value": {"choices": ["red"]}}], "unknown facet 'colour'"),
        ("nothing", "the result is no list"),
    ],
)
def test_an_annotation_that_cannot_be_is_rejected_and_the_others_come_in(bare, command, tmp_path, result, reason):
    good = {"data": {"passage_id": "harbour-north:002"}, "annotations": [{"id": 1, "result": answered()}]}
    bad = {"data": {"passage_id": "harbour-north:001"}, "annotations": [{"id": 2, "result": result}]}
    done = bring(command, bare, tmp_path / "mixed.json", [bad, good], "--coder", "kim")
    assert done.code == 3
    assert reason in done.err
    assert set(load_codings(bare)["passage"]) == {"harbour-north:002"}


@pytest.mark.parametrize("raw", [{"tasks": []}, ["a", "b"], 7])
def test_a_file_that_is_no_export_is_refused(bare, command, tmp_path, raw):
    done = bring(command, bare, tmp_path / "other.json", raw)
    assert done.code == 1
    assert "a list of tasks" in done.err
