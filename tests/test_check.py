"""`diptych status --check`: every finding in an installation, in a study and on its server, and what mends it."""

from __future__ import annotations

import json
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from diptych.check import check
from diptych.classifier.scoring import bundled, kernel
from diptych.errors import LabelStudioError
from diptych.installation import Finding, Requirement, installation
from diptych.labelstudio.examine import examine_server
from diptych.labelstudio.plan import coding_plan
from diptych.labelstudio.push import push
from diptych.study import Study
from studio_stand_in import Studio


def text(path: Path, old: str, new: str) -> None:
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new), encoding="utf-8")


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# ---- a study


def gone_document(study: Study) -> None:
    settings = study.root / "study.toml"
    head, *documents = settings.read_text(encoding="utf-8").split("[[documents]]")
    settings.write_text(head + "[[documents]]".join(["", documents[0]]), encoding="utf-8")


def changed_hash(study: Study) -> None:
    path = study.passages_file("harbour-north")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[0]["sha256"] = "0" * 64
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def doubled_passage(study: Study) -> None:
    path = study.passages_file("harbour-north")
    first = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(path.read_text(encoding="utf-8") + first + "\n", encoding="utf-8")


def strange_digest(study: Study) -> None:
    study.digest_file("harbour-north").write_text(
        '{"passage": "harbour-north:099", "text": "Ebb."}\n', encoding="utf-8"
    )


def edited_codings(study: Study) -> None:
    path = next(study.codings_folder.glob("sample-a-*.jsonl"))
    text(path, "sample-a", "sample-x")


def lost_codings(study: Study) -> None:
    path = next(study.codings_folder.glob("sample-a-*.jsonl"))
    row = json.loads(path.read_text(encoding="utf-8").splitlines()[0]) | {"supersedes": "f" * 16}
    (study.codings_folder / "by-hand.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")


def new_wording(study: Study) -> None:
    text(study.root / "schemas" / "harbour.yaml", "question: ", "question: Tell me, ")


def new_structure(study: Study) -> None:
    text(study.root / "schemas" / "harbour.yaml", "{id: plain,", "{id: flat, was: [plain],")


def one_person_twice(study: Study) -> None:
    path = next(study.codings_folder.glob("sample-a-*.jsonl"))
    row = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    row["origin"] = "label-studio quay-example/1/7/9"
    for name in ("anna", "coder-3"):
        (study.codings_folder / f"{name}.jsonl").write_text(json.dumps(row | {"coder": name}) + "\n", encoding="utf-8")


def strange_gold(study: Study) -> None:
    text(study.gold_file, "harbour-south:001", "harbour-south:099")


def unknown_gold(study: Study) -> None:
    text(study.gold_file, '"value": "port"', '"value": "starboard"')


def merged_gold(study: Study) -> None:
    row = json.loads(study.gold_file.read_text(encoding="utf-8").splitlines()[0]) | {"how": "single"}
    with study.gold_file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")


def strange_sample(study: Study) -> None:
    folder = study.root / "annotations" / "samples"
    folder.mkdir()
    (folder / "sample-1.toml").write_text(
        'format = 1\nname = "sample-1"\ndesign = "equal"\nseed = 1\npool = 2\n'
        '[[passages]]\npassage = "harbour-west:001"\npi = 0.5\nstratum = "a"\n',
        encoding="utf-8",
    )


def other_model(study: Study) -> None:
    with study.model_file.open("ab") as stream:
        stream.write(b"\0")


def no_crossfit(study: Study) -> None:
    (study.state / "crossfit.jsonl").unlink()


def no_record(study: Study) -> None:
    (study.state / "lock.json").unlink()


def damaged_record(study: Study) -> None:
    (study.state / "lock.json").write_text("{", encoding="utf-8")


def half_written(study: Study) -> None:
    (study.codings_folder / ".kim-77.jsonl.part").write_text("{", encoding="utf-8")


def unfinished_job(study: Study) -> None:
    (study.root / "new.csv.parts").mkdir()
    (study.root / "new.csv.parts" / "job.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "what", "severity", "said", "mend"),
    [
        (changed_hash, "document harbour-north", "error", "1 passages have another text", "diptych ingest --recut"),
        (doubled_passage, "document harbour-north", "error", "harbour-north:001 stands twice", "diptych ingest"),
        (strange_digest, "document harbour-north", "warning", "1 digests of no passage", "harbour-north.digest.jsonl"),
        (gone_document, "documents", "error", "harbour-south.passages.jsonl belongs to no document", "describe"),
        (edited_codings, "codings", "error", "was changed after it was written", "git checkout -- annotations/codings"),
        (lost_codings, "codings", "warning", "a codings file is missing", "git log"),
        (new_wording, "schema", "warning", "of another wording than", "diptych schema diff OLD schemas/harbour.yaml"),
        (new_structure, "schema", "warning", "of another structure than", "diptych schema diff"),
        (one_person_twice, "coders", "error", "anna and coder-3 made the same annotations", "diptych studio pull"),
        (strange_gold, "gold labels", "error", "1 passages are in no table", "diptych gold"),
        (unknown_gold, "gold labels", "error", "side = starboard is not in harbour", "diptych gold"),
        (merged_gold, "gold", "error", "holds two versions of 1 labels", "`diptych gold`"),
        (strange_sample, "sample-1", "error", "drew 1 passages that are in no table", "diptych sample"),
        (other_model, "model", "error", "model not as training left them", "diptych train"),
        (no_crossfit, "model", "error", "crossfit not as training left them", "diptych train"),
        (no_record, "model", "warning", "is not recorded", "diptych train"),
        (damaged_record, "record of steps", "warning", "cannot be read", "diptych gold && diptych train"),
        (half_written, "leftovers", "warning", "1 half-written files", "diptych gold"),
        (unfinished_job, "leftovers", "warning", "new.csv.parts holds a job", "--resume"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_fault_is_found_and_what_mends_it_is_named(own_harbour, damage, what, severity, said, mend):
    assert check(own_harbour) == []
    damage(own_harbour)
    before = snapshot(own_harbour.root)
    found = check(Study.load(own_harbour.root))
    mine = [finding for finding in found if said in finding.detail]
    assert [(finding.what, finding.severity) for finding in mine] == [(what, severity)], found
    assert mend in mine[0].mend
    assert snapshot(own_harbour.root) == before


@pytest.mark.parametrize("damage", [merged_gold, strange_gold, half_written], ids=lambda one: one.__name__)
def test_what_is_named_mends_it(own_harbour, damage, command):
    damage(own_harbour)
    assert check(own_harbour) != []
    assert command("gold", "--study", own_harbour.root).code == 0
    assert check(own_harbour) == []


def test_the_command_prints_findings_and_leaves_with_1_only_for_errors(own_harbour, command, tmp_path):
    table = tmp_path / "decided.csv"
    rows = [f"harbour-{p},topic,money,judgement" for p in ("north:008", "south:006")]
    table.write_text("\n".join(["passage,facet,value,reason", *rows]), encoding="utf-8")
    study = ("--study", own_harbour.root)
    for step in (
        ("import", "csv", table, "--coder", "lee", "--role", "adjudicator"),
        ("gold",),
        ("train",),
        ("report",),
    ):
        assert command(*step, *study).code == 0
    assert command("status", "--check", *study).code == 0
    half_written(own_harbour)
    told = command("status", "--check", *study)
    assert (told.code, "half-written files" in told.out) == (0, True)
    other_model(own_harbour)
    told = command("status", "--check", "--json", *study)
    assert told.code == 1
    assert [(f["what"], f["severity"]) for f in told.json["findings"]] == [("model", "error"), ("leftovers", "warning")]
    assert "findings" not in command("status", "--json", *study).json


def test_outside_of_a_study_the_installation_is_examined(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = command("status", "--check", "--json")
    assert (told.json["study"], told.json["lines"]) == (None, [])
    assert "only the installation" in told.err
    assert command("status").code == 1


# ---- an installation


def fake(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], python: str = ">=3.11") -> None:
    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    lines = [
        "pandas>=2.2",
        "click>=8.2",
        *(f'{name}; extra == "serve"' for name in ("fastapi>=0.115", "uvicorn>=0.30")),
    ]
    lines += ['pytest>=8; extra == "test"', 'diptych[serve]; extra == "test"', 'dask>=1; extra == "cluster"']
    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "requires", lambda _: lines)
    monkeypatch.setattr(metadata, "metadata", lambda _: {"Requires-Python": python})
    monkeypatch.setattr(kernel, "_kernel", object())


WHOLE = {"pandas": "2.2.3", "click": "8.10.0rc1", "fastapi": "0.116", "uvicorn": "0.30.0"}


def test_an_installation_that_is_whole_gives_no_finding(monkeypatch):
    fake(monkeypatch, WHOLE)
    assert installation() == []


@pytest.mark.parametrize(
    ("change", "python", "finding"),
    [
        ({}, ">=4.1", ("python", "error", "is not among python>=4.1", "install a Python")),
        (
            {"pandas": "2.1.9"},
            "",
            ("pandas", "error", "2.1.9 is installed, needed is pandas>=2.2", "pip install 'pandas>=2.2'"),
        ),
        ({"click": None}, "", ("click", "error", "not installed", "pip install 'click>=8.2'")),
        ({"uvicorn": None}, "", ("extra serve", "warning", "half there; uvicorn: not", "pip install 'diptych[serve]'")),
        (
            {"uvicorn": "0.2"},
            "",
            ("extra serve", "warning", "uvicorn: 0.2 is installed", "pip install 'diptych[serve]'"),
        ),
    ],
)
def test_versions_and_extras_are_compared_with_what_is_allowed(monkeypatch, change, python, finding):
    fake(monkeypatch, {k: v for k, v in (WHOLE | change).items() if v is not None}, python or ">=3.11")
    (found,) = installation()
    what, severity, said, mend = finding
    assert (found.what, found.severity) == (what, severity)
    assert said in found.detail
    assert mend in found.mend


def test_an_extra_that_is_not_there_at_all_is_no_finding(monkeypatch):
    fake(monkeypatch, {"pandas": "3", "click": "9"})
    assert installation() == []


def test_a_scorer_that_was_not_built_is_told(monkeypatch):
    fake(monkeypatch, WHOLE)
    monkeypatch.setattr(kernel, "_kernel", None)
    assert [(found.what, found.severity) for found in installation()] == [("scorer in C", "warning")]


def test_a_shipped_model_that_is_damaged_is_told(monkeypatch, tmp_path):
    fake(monkeypatch, WHOLE)
    (tmp_path / "m.zip").write_bytes(b"PK")
    monkeypatch.setattr(bundled, "FILE", tmp_path / "m.zip")
    assert [(found.what, found.severity) for found in installation()] == [("model that is shipped", "error")]


def test_a_folder_that_is_not_installed_is_told(monkeypatch):
    fake(monkeypatch, WHOLE)

    def unknown(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", unknown)
    assert [(found.what, found.severity) for found in installation()] == [("diptych", "warning")]


@pytest.mark.parametrize(
    ("line", "version", "allowed"),
    [
        ("a>=1.10", "1.9", False),
        ("a>=1.10", "1.10", True),
        ("a>=1.0", "1", True),
        ("a>=1,<2", "2.0", False),
        ("a", "0", True),
    ],
)
def test_versions_are_compared_by_number(line, version, allowed):
    assert Requirement.parse(line).allows(version) is allowed  # type: ignore[union-attr]


# ---- a server


class Known(Studio):
    release = "1.23.2"

    def version(self) -> str:
        return self.release


def kinds(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.mend) for finding in found]


@pytest.fixture
def server(own_harbour: Study) -> Known:
    studio = Known()
    push(studio, own_harbour, coding_plan(own_harbour))  # type: ignore[arg-type]
    return studio


def test_a_server_that_is_known_and_up_to_date_gives_no_finding(own_harbour, server):
    assert examine_server(server, own_harbour) == []


def test_a_version_that_was_never_tried_is_told(own_harbour, server):
    server.release = "2.0.1"
    assert kinds(examine_server(server, own_harbour)) == [("warning", "use one of these")]


def test_a_project_that_is_missing_or_of_another_codebook_is_told(own_harbour, server):
    assert kinds(examine_server(Known(), own_harbour)) == [("warning", "diptych studio push")]
    new_wording(own_harbour)
    assert kinds(examine_server(server, Study.load(own_harbour.root))) == [("error", "diptych studio push")]


def test_no_server_is_asked_unless_that_is_wanted(own_harbour, command, monkeypatch):
    asked: list[object] = []

    def away(*arguments: object) -> None:
        asked.append(arguments)
        raise LabelStudioError("no Label Studio answers", hint="diptych studio up")

    monkeypatch.setattr("diptych.labelstudio.examine.reach", away)
    command("status", "--check", "--study", own_harbour.root)
    assert asked == []
    told = command("status", "--check", "--server", "--json", "--study", own_harbour.root)
    assert (told.code, len(asked)) == (1, 1)
    assert told.json["findings"][-1] == {
        "what": "Label Studio", "severity": "error", "detail": "no Label Studio answers", "mend": "diptych studio up"
    }  # fmt: skip
    assert command("status", "--server", "--study", own_harbour.root).code == 2


def test_a_study_that_cannot_be_read_at_all_still_gives_findings(own_harbour, command):
    shutil.rmtree(own_harbour.codings_folder)
    own_harbour.codings_folder.mkdir()
    (own_harbour.codings_folder / "kim.jsonl").write_text("<<<<<<< ours\n", encoding="utf-8")
    told = command("status", "--check", "--json", "--study", own_harbour.root)
    assert told.code == 1
    assert any("kim.jsonl:1" in finding["detail"] for finding in told.json["findings"])
