"""Which model answers in a study's folder, and that a schema that was read once is not read for every sentence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from diptych.classifier.scoring.bundled import FILE, find_model
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


def test_a_sentence_takes_no_heavy_packages_unless_the_studys_files_changed(own_harbour):
    before = sorted(own_harbour.root.rglob("*"))
    first, took = classified(own_harbour)
    assert took == []
    with (own_harbour.root / "study.toml").open("a") as settings:
        settings.write("# a remark\n")
    second, took = classified(own_harbour)
    assert "pydantic" in took
    assert first == second
    assert sorted(own_harbour.root.rglob("*")) == before


def test_outside_of_studies_the_default_model_answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model(None, None)[0] == FILE
    assert list(tmp_path.iterdir()) == []


def test_what_was_read_is_remembered_until_a_file_changes(own_harbour, monkeypatch):
    def fail(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.chdir(own_harbour.codings_folder)
    monkeypatch.setattr(Study, "load", fail)
    assert find_model(None, None)[0] == own_harbour.model_file
    assert find_model(None, own_harbour.root)[0] == own_harbour.model_file
    schema = own_harbour.root / own_harbour.settings.schema_
    schema.write_text(schema.read_text() + "# a remark\n")
    with pytest.raises(AssertionError, match="read again"):
        find_model(None, None)


def test_a_schema_that_changed_is_noticed(own_harbour):
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
    own_harbour.model_file.write_bytes(FILE.read_bytes())
    with pytest.raises(ModelFormatError, match="another schema structure"):
        find_model(None, own_harbour.root)
    own_harbour.model_file.unlink()
    with pytest.raises(NotTrainedError):
        find_model(None, own_harbour.root)


@pytest.mark.parametrize(
    "said",
    [
        *("", "[]", "{}", "\0", "3", "[" * 9999, '{"format": 1, "schema": {"files": []}}'),
        '{"format": 1, "schema": {"files": {}, "structure": "x"}}',
        '{"format": 1, "schema": {"files": {"study.toml": "0"}, "structure": "x"}}',
        '{"format": 1, "schema": {"files": {"study.toml": "0", "/etc/passwd": "0"}, "structure": "x"}}',
    ],
)
def test_a_damaged_lock_is_not_believed(own_harbour, said):
    (own_harbour.state / "lock.json").write_text(said)
    assert find_model(None, own_harbour.root)[0] == own_harbour.model_file
