"""The first minutes: `diptych demo` on the bundled study, `diptych init` for one's own."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

import diptych
from diptych.demo import LEFT
from diptych.study import Study
from shared import shell

OWN_SCHEMA = """\
format: 1
name: market
version: 2.1.0
title: Рынок и площадь
facets:
  - id: предмет
    question: 这段话谈什么？
    values:
      - {id: bread, label: 面包, definition: "Хлеб, мука, булочники."}
      - {id: fish, label: 鱼, definition: "Рыба, сети, рыбаки."}
  - id: tone
    question: How does it sound?
    scale: ordinal
    values:
      - {id: sour, definition: "Displeased.", score: -1}
      - {id: sweet, definition: "Pleased.", score: 1}
"""


def files_of(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "busy")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def suggestions(talk: str) -> list[str]:
    """The command lines that stand indented in what a command says."""
    return re.findall(r"^  ((?:cd|echo|diptych) .+)$", talk, flags=re.MULTILINE)


# demo


def test_demo_writes_a_report_and_prints_its_place(demo):
    path = demo.folder / "diptych-demo" / "report.html"
    assert (demo.code, demo.out) == (0, f"report: {path.resolve()}\n")
    page = path.read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "Dmitri Trenin" in page
    assert "Andrew C. Kuchins" in page


def test_demo_tells_its_stages_in_order(demo):
    assert re.findall(r"^(\d)/(\d) ", demo.err, flags=re.MULTILINE) == [(str(n), "5") for n in range(1, 6)]


def test_demo_tells_the_three_largest_differences_of_the_divergence_table(command, demo):
    told = re.findall(r"^  (.+): (.+) (\d+) of (\d+) .+, (.+) (\d+) of (\d+) ", demo.err, re.MULTILINE)
    cells = command("divergence", "--json", "--study", demo.folder / "diptych-demo").json["cells"]
    large = [cell for cell in cells if not cell["small"] and " x " not in cell["facet"]]
    large.sort(key=lambda cell: -abs(cell["difference"]))
    keys = ("first", "count_first", "of_first", "second", "count_second", "of_second")
    assert [line[1:] for line in told] == [tuple(str(cell[key]) for key in keys) for cell in large[:3]]
    assert [line[0].casefold() for line in told] == [
        f"{cell['facet']}: {cell['value']}".casefold() for cell in large[:3]
    ]


def test_demo_leaves_nothing_undone(command, demo):
    lines = command("status", "--json", "--study", demo.folder / "diptych-demo").json["lines"]
    assert {line["state"] for line in lines} == {"ok"}


def test_demo_copies_no_original_and_writes_nowhere_else(demo):
    assert [path.name for path in demo.folder.iterdir()] == ["diptych-demo"]
    assert list(demo.folder.rglob("*.txt")) == []


def test_everything_demo_suggests_to_try_next_works(demo, tmp_path):
    folder = shutil.copytree(demo.folder, tmp_path / "again")
    lines = suggestions(demo.err)
    assert {line.split()[line.split().index("diptych") + 1] for line in lines} >= {
        "classify",
        "coverage",
        "init",
    }
    for line in lines:
        result = shell(f"set -o pipefail; {line}", folder)
        assert (line, result.returncode, bool(result.stdout)) == (line, 0, True)


def test_demo_runs_again_on_its_own_folder_with_the_same_result(command, monkeypatch, tmp_path):
    monkeypatch.setattr("diptych.demo.LEFT", (*LEFT, "round-1.jsonl"))  # a training of some 200 texts is soon done
    first = command("demo", "--out", tmp_path / "diptych-demo", "--quiet")
    assert first.code == 0
    before = files_of(tmp_path)
    result = command("demo", "--out", tmp_path / "diptych-demo", "--quiet")
    assert (result.code, result.out, result.err) == (0, first.out, "")
    after = files_of(tmp_path)
    assert after.keys() == before.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_demo_refuses_a_folder_that_holds_another_study(command, harbour):
    before = files_of(harbour.root)
    result = command("demo", "--out", harbour.root, "--quiet")
    assert result.code in {1, 2}
    assert str(harbour.root) in result.err
    assert files_of(harbour.root) == before


# init


def test_init_makes_a_study_and_prints_its_folder(command, tmp_path):
    folder = tmp_path / "mine"
    result = command("init", folder)
    assert (result.code, result.out) == (0, f"{folder}\n")
    study = Study.load(folder)
    assert study.settings.name == "mine"
    assert [document.id for document in study.settings.documents] == ["harbour-north", "harbour-south"]


def test_what_init_says_to_do_next_works(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, *lines = suggestions(command("init", "mine").err)
    assert first == "cd mine"
    monkeypatch.chdir("mine")
    for line in " && ".join(lines).split(" && "):
        assert command(*shlex.split(line)[1:]).code == 0
    assert Path("report.html").exists()


def test_a_new_study_goes_the_whole_way(command, tmp_path):
    folder = tmp_path / "mine"
    command("init", folder, "-q")
    for words in (("ingest",), ("gold",), ("train",), ("coverage",), ("divergence",), ("report",)):
        result = command(*words, "-q", "--study", folder)
        assert (words, result.code, result.err) == (words, 0, "")
        assert result.out
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "A. Jansen" in page
    assert "B. Okafor" in page


def test_in_a_new_study_the_disputes_can_be_decided_and_then_nothing_is_left_to_do(command, harbour, tmp_path):
    study, table = ("--study", harbour.root, "-q"), tmp_path / "disputes.csv"
    command("export", "csv", table, "--disputed", *study)
    with table.open(encoding="utf-8", newline="") as stream:
        rows = [{**row, "value": row["coder sample-a"], "reason": "slip"} for row in csv.DictReader(stream)]
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert len(rows) == 2
    assert command("import", "csv", table, "--role", "adjudicator", "--coder", "judge", *study).code == 0
    for words in (("gold",), ("train",), ("report",)):
        assert command(*words, *study).code == 0
    result = command("status", "--check", "--json", *study)
    assert [line["what"] for line in result.json["lines"] if line["state"] != "ok"] == []
    assert result.code == 0
    assert set(diptych.load_gold(harbour)["how"]) == {"adjudicated", "unanimous"}


def test_init_fills_a_folder_that_is_empty(command, tmp_path):
    assert command("init", tmp_path, "-q").code == 0
    assert Study.load(tmp_path).authors == ["A. Jansen", "B. Okafor"]


def test_init_refuses_a_folder_that_is_not_empty(command, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    result = command("init", tmp_path)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {tmp_path} exists and is not empty\nhint: ")
    assert files_of(tmp_path) == {"notes.txt": b"mine"}


def test_init_makes_names_out_of_folders_in_any_script(command, tmp_path):
    assert command("init", tmp_path / "мой порт 港", "-q").code == 0
    assert Study.load(tmp_path / "мой порт 港").settings.name == "мой-порт-港"


@pytest.fixture
def schema_file(tmp_path: Path) -> Path:
    path = tmp_path / "market.yaml"
    path.write_text(OWN_SCHEMA, encoding="utf-8")
    return path


def test_init_with_a_schema_uses_it_and_brings_no_codings(command, schema_file, tmp_path):
    result = command("init", tmp_path / "mine", "--schema", schema_file)
    study = Study.load(tmp_path / "mine")
    assert result.code == 0
    assert study.schema.reference == "market@2.1.0"
    assert study.schema.facet_ids == ("предмет", "tone")
    assert diptych.load_codings(study).empty
    assert (study.root / "schemas" / "market.yaml").read_text(encoding="utf-8") == OWN_SCHEMA


def test_init_with_a_schema_says_how_to_get_a_table_that_can_be_coded(command, schema_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, *lines = suggestions(command("init", "mine", "--schema", schema_file).err)
    monkeypatch.chdir("mine")
    for line in lines:
        assert command(*shlex.split(line)[1:]).code == 0
    with Path("to-code.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 16
    assert list(rows[0])[4:] == ["предмет", "tone", "comment"]
    assert [row["passage"] for row in rows if not row["text"]] == []


def test_a_study_with_an_own_schema_is_coded_through_a_table(command, schema_file, tmp_path):
    folder, table = tmp_path / "mine", tmp_path / "coded.jsonl"
    command("init", folder, "--schema", schema_file, "-q")
    command("ingest", "-q", "--study", folder)
    answers = [
        {"passage": f"harbour-{side}:{n:03d}", "предмет": ("bread", "fish")[n % 2], "tone": "sour"}
        for side in ("north", "south")
        for n in range(1, 9)
    ]
    table.write_text("\n".join(json.dumps(answer) for answer in answers), encoding="utf-8")
    assert command("import", "jsonl", table, "--coder", "mira", "-q", "--study", folder).code == 0
    gold = command("gold", "--json", "-q", "--study", folder).json
    assert [(row["facet"], row["single"]) for row in gold] == [("предмет", 16), ("tone", 16)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (OWN_SCHEMA.replace("scale: ordinal", "scale: ordnal"), "scale"),
        (OWN_SCHEMA.replace("question: How", "qestion: How"), "(did you mean 'question'?)"),
        ("- only\n- a list\n", "market.yaml"),
        ("facets: [", "market.yaml"),
        (None, "market.yaml: No such file or directory"),
    ],
    ids=["value", "key", "list", "syntax", "missing"],
)
def test_init_with_a_schema_that_does_not_hold_together_makes_nothing(command, schema_file, tmp_path, text, named):
    if text is None:
        schema_file.unlink()
    else:
        schema_file.write_text(text, encoding="utf-8")
    result = command("init", tmp_path / "mine", "--schema", schema_file)
    assert (result.code, result.out) == (1, "")
    assert named in result.err
    assert not (tmp_path / "mine").exists()
