"""Which model answers in a study's folder, and that a schema that was read once is not read for every sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from diptych.classifier.scoring import bundled
from diptych.classifier.scoring.bundled import FILE, SEEN, find_model
from diptych.errors import ModelFormatError, NotTrainedError, SchemaError
from diptych.study import Study

HEAVY = ("pydantic", "yaml", "pandas", "sklearn", "scipy")


def classified(study: Study) -> tuple[str, list[str]]:
    """What a process of its own answers in a study, and which heavy packages it took."""
    code = (
        "import sys\nfrom diptych.cli.main import run\n"
        f"assert run(['classify', '-']) == 0\nprint([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="The quay is old.",
        cwd=study.root,
        capture_output=True,
        text=True,
        check=True,
    )
    answer, loaded = done.stdout.splitlines()
    return answer, json.loads(loaded.replace("'", '"'))


def test_the_second_sentence_takes_no_heavy_packages(own_harbour):
    (first, took), (second, took_then) = classified(own_harbour), classified(own_harbour)
    assert first == second
    assert "pydantic" in took
    assert took_then == []


def test_outside_of_studies_the_default_model_answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model(None, None)[0] == FILE
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def not_again(monkeypatch):
    """Reading the study anew fails."""

    def fail(*_: object) -> None:
        raise AssertionError("read again")

    return lambda: monkeypatch.setattr(Study, "load", fail)


def test_what_was_read_is_remembered_until_a_file_changes(own_harbour, monkeypatch, not_again):
    monkeypatch.chdir(own_harbour.codings_folder)
    path, model = find_model(None, None)
    assert path == own_harbour.model_file
    not_again()
    again, same = find_model(None, None)
    assert (again, same.version) == (path, model.version)
    assert find_model(None, own_harbour.root)[0] == path
    schema = own_harbour.root / own_harbour.settings.schema_
    schema.write_text(schema.read_text() + "# a remark\n")
    with pytest.raises(AssertionError, match="read again"):
        find_model(None, None)


def test_a_schema_that_changed_is_noticed(own_harbour):
    find_model(None, own_harbour.root)
    schema = own_harbour.root / own_harbour.settings.schema_
    was = schema.read_text()
    schema.write_text(was.replace("id: port", "id: harbour"))
    with pytest.raises(ModelFormatError, match="another schema structure"):
        find_model(None, own_harbour.root)
    schema.write_text("facets: 3\n")
    with pytest.raises(SchemaError):
        find_model(None, own_harbour.root)
    schema.write_text(was)
    assert find_model(None, own_harbour.root)[0] == own_harbour.model_file


def test_a_model_that_changed_or_went_is_noticed(own_harbour):
    find_model(None, own_harbour.root)
    own_harbour.model_file.write_bytes(FILE.read_bytes())
    with pytest.raises(ModelFormatError, match="another schema structure"):
        find_model(None, own_harbour.root)
    own_harbour.model_file.unlink()
    with pytest.raises(NotTrainedError):
        find_model(None, own_harbour.root)


@pytest.mark.parametrize(
    "said", ["", "[]", "{}", '{"files": []}', "[" * 9999, '{"format": 4, "files": {}, "structure": "x"}', "\0", "3"]
)
def test_a_damaged_memory_is_made_anew(own_harbour, said):
    find_model(None, own_harbour.root)
    memory = own_harbour.state / SEEN
    good = memory.read_bytes()
    memory.write_text(said)
    assert find_model(None, own_harbour.root)[0] == own_harbour.model_file
    assert memory.read_bytes() == good


def test_files_named_outside_of_the_study_are_only_hashed(own_harbour, tmp_path):
    (tmp_path / "secret").write_text("x")
    memory = own_harbour.state / SEEN
    memory.write_text(json.dumps({"format": 4, "files": {str(tmp_path / "secret"): "0"}, "structure": "x"}))
    assert find_model(None, own_harbour.root)[0] == own_harbour.model_file


def test_where_nothing_can_be_written_it_answers_as_well(own_harbour, monkeypatch):
    def fail(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(bundled, "write_text", fail)
    assert find_model(None, own_harbour.root)[0] == own_harbour.model_file
    assert not Path(own_harbour.state / SEEN).exists()
