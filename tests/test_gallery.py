"""The studies of docs/gallery (three newspapers on a lake, two German chroniclers), and the page about them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

import pytest

import diptych
from diptych.cli.main import run
from diptych.codebook import codebook_html, codebook_markdown
from diptych.documents.layout import _is_name
from diptych.errors import SchemaError
from diptych.exchange.label_config import config_answers, label_config, lost_answers
from diptych.report.marks import tones
from diptych.schema import Schema
from diptych.study import Study
from test_bridge_study import told

DOCS = Path(__file__).parents[1] / "docs"
GALLERY = DOCS / "gallery"
AUTHORS = {
    "lake": ["The Marrowby Sluice", "Pellin Net and Oar", "The Quarve Promenade"],
    "muehle": ["Henrike Löß", "Jörg Äcker"],
}
PASSAGES = {"lake": 48, "muehle": 44}
FACETS = {
    "lake": ["side", "matter", "yielding"],
    "muehle": ["stimme", "zeit", "beleg-zahl", "beleg-zeuge", "beleg-schrift"],
}
TEXTS = {
    "lake": "Pellin wants the gates shut until the nets are dry, and its skippers will give nothing for it.",
    "muehle": "Die Genossenschaft will im nächsten Jahr noch drei Höfe aufnehmen, hofft der Vorstand.",
}
SAID = {"lake": ("side", "pellin", "en"), "muehle": ("stimme", "spricht", "de")}
ENGLISH = re.compile(
    r"Use when|Not when|Example|Codebook|coded|Choose|Unsure|Before|After|Reason|judgement\"|yes\"|Not "
)


def copied(name: str, target: Path) -> Study:
    shutil.copytree(GALLERY / name, target, ignore=shutil.ignore_patterns(".diptych", "report.html"))
    return Study.load(target)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """A copy of each with a model, to be read only."""
    found = {name: copied(name, tmp_path_factory.mktemp("gallery") / name) for name in AUTHORS}
    for study in found.values():
        assert run(["train", "--study", str(study.root), "--quiet"]) == 0
    return found


@pytest.fixture(params=AUTHORS)
def name(request: pytest.FixtureRequest) -> str:
    """Each of the two."""
    return request.param


@pytest.fixture
def study(trained: dict[str, Study], name: str) -> Study:
    return trained[name]


def examples() -> list[tuple[str, str]]:
    """Every `$ command` of the page with the output below it."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", (DOCS / "gallery.md").read_text(encoding="utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            found.append((line, output))
    return found


# the page


def test_the_page_shows_agreement_coverage_and_divergence_of_both():
    shown = Counter((line.split()[1], line.split("/")[-1]) for line, _ in examples())
    assert set(shown) == {(c, n) for c in ("reliability", "coverage", "divergence") for n in AUTHORS}


@pytest.mark.parametrize(("line", "shown"), examples(), ids=[line for line, _ in examples()])
def test_a_command_prints_what_the_page_shows(command, monkeypatch, line, shown):
    monkeypatch.chdir(DOCS.parent)
    result = command(*shlex.split(line)[1:])
    assert (result.code, result.out) == (0, shown)


# the studies as they lie there


def test_passages_have_the_length_of_a_paragraph(name):
    passages = diptych.load_passages(Study.load(GALLERY / name), originals=True)
    assert len(passages) == PASSAGES[name]
    assert passages["words"].between(25, 120).all()
    assert passages.groupby("author", sort=False).size().index.tolist() == AUTHORS[name]


def test_ingest_and_gold_make_the_same_files_again(name, tmp_path, command):
    study = copied(name, tmp_path / name)
    kept = [*(study.root / "seeds").glob("*.passages.jsonl"), study.gold_file]
    before = {path.name: path.read_bytes() for path in kept}
    for path in kept:
        path.unlink()
    assert command("ingest", "--study", study.root).code == 0
    assert command("gold", "--study", study.root).code == 0
    assert {path.name: path.read_bytes() for path in kept} == before


def test_every_difference_of_the_readings_is_decided_with_a_reason(name, command):
    disputes = command("reliability", "--disputes", "--json", "--study", GALLERY / name).json
    assert len(disputes) == 5
    assert all(row["adjudicated"] and row["reason"] for row in disputes)


def test_both_readings_are_said_to_be_by_a_language_model(name, command):
    found = command("reliability", "--json", "--study", GALLERY / name).json
    assert found["kind"].startswith("repeat agreement")
    text = (GALLERY / name / "README.md").read_text(encoding="utf-8")
    assert "written by a language model" in text
    assert "5 of " in text


# the way through


def test_train_measures_every_facet_and_leaves_every_author_out_once(study, name):
    from diptych.classifier.scoring.persist import load_model

    figures = load_model(study.model_file).card["figures"]
    assert list(figures["cross_validation"]) == FACETS[name]
    assert list(figures["across_authors"]) == AUTHORS[name]


def test_classify_hears_a_party_of_the_study(study, name, command, tmp_path):
    file = tmp_path / "new.txt"
    file.write_text(TEXTS[name], encoding="utf-8")
    (row,) = command("classify", file, "--study", study.root, "--format", "jsonl").rows
    facet, value, language = SAID[name]
    assert (row[facet], row["language"], row["off_topic"]) == (value, language, False)


def test_drift_compares_with_the_study_s_own_language(study, name, command, tmp_path):
    file = tmp_path / "new.txt"
    file.write_text(TEXTS[name], encoding="utf-8")
    result = command("drift", file, "--study", study.root)
    assert f"languages: {SAID[name][2]} 100 %" in result.out
    assert told(result.out.replace(str(study.root), "")) == []


def test_nothing_is_left_to_draw_and_that_is_said(study, command):
    result = command("sample", "--size", "10", "--study", study.root)
    assert result.code == 2
    assert "there is no passage left to draw from" in result.err
    assert "1 to 0" not in result.err


def test_the_report_speaks_of_this_study_alone(study, name, command, tmp_path):
    path = tmp_path / "report.html"
    assert command("report", "--study", study.root, "--with-originals", "--out", path).code == 0
    page = path.read_text(encoding="utf-8")
    assert all(page.count(f"<caption>{author} ") >= 1 for author in AUTHORS[name])  # a panel each
    assert told(page) == []


def test_four_steps_of_a_scale_have_four_tones(trained, command, tmp_path):
    schema = trained["lake"].schema
    found = tones([value.score for value in schema.facet("yielding").values])
    assert found == ["low", "low-faint", "high-faint", "high", "plain"]
    path = tmp_path / "report.html"
    command("report", "--study", trained["lake"].root, "--out", path)
    page = path.read_text(encoding="utf-8")
    assert all(f'<rect class="{tone}"' in page and f".{tone} {{ fill" in page for tone in found)


@pytest.mark.parametrize("number", range(2, 6))
def test_scales_of_up_to_five_steps_have_as_many_tones(number):
    assert len(set(tones(list(range(number))))) == number


def test_three_authors_are_also_compared_all_together(command):
    out = command("divergence", "--study", GALLERY / "lake").out
    assert out.count("all together ") == 4
    assert "(all)" not in out
    assert "all together" not in command("divergence", "--study", GALLERY / "muehle").out


def test_the_service_speaks_of_this_study_alone(study, name):
    from starlette.testclient import TestClient

    from diptych.service.app import create_app
    from diptych.service.settings import Settings

    with TestClient(create_app(Settings(), study), base_url="http://127.0.0.1:8080") as client:
        page = client.get("/").text
        answer = client.post("/v1/classify", json={"texts": [TEXTS[name]]})
    assert answer.status_code == 200, answer.text
    _, value, _ = SAID[name]
    assert value in json.dumps(answer.json(), ensure_ascii=False)
    assert told(page) == []


# Label Studio, and a codebook in the coders' language


def test_the_interface_holds_every_answer_and_reads_back(study):
    for adjudicate in (False, True):
        config = label_config(study.schema, adjudicate=adjudicate)
        answers = config_answers(config)
        assert {facet.id: list(facet.value_ids) for facet in study.schema.facets}.items() <= answers.items()
        assert lost_answers(config, study.schema) == []


def test_reasons_said_in_german_are_stored_by_their_own_names():
    config = label_config(Study.load(GALLERY / "muehle").schema, adjudicate=True)
    assert config_answers(config)["_reason"] == [
        "ambiguous text",
        "gap in the codebook",
        "slip",
        "edge case",
        "judgement",
    ]
    assert 'value="Versehen" alias="slip"' in config


def test_a_german_codebook_holds_no_english_words():
    schema = Study.load(GALLERY / "muehle").schema
    seen = " ".join(re.findall(r'(?:value|hint|placeholder|requiredMessage)="([^"]*)"', label_config(schema)))
    assert ENGLISH.findall(seen) == []
    assert ENGLISH.findall(codebook_markdown(schema) + codebook_html(schema)) == []
    assert [value.name for value in schema.facet("beleg-zahl").values] == ["ja", "nein"]
    assert schema.facet("beleg-zahl").value_ids == ("yes", "no")


SMALL = """
format: 1
name: s
version: 1.0.0
facets: [{id: a, question: "A?", values: [{id: x, definition: X.}, {id: y, definition: Y.}]}]
"""


def test_words_that_nobody_changed_leave_a_schema_s_hash_alone():
    plain = Schema.parse(SMALL)
    assert "words" not in plain.as_data()
    assert Schema.parse(SMALL + "words: {yes: yes}\n").wording_hash == plain.wording_hash
    changed = Schema.parse(SMALL + "words: {yes: ja}\n")
    assert changed.wording_hash != plain.wording_hash
    assert changed.structure_hash == plain.structure_hash
    assert Schema.from_data(changed.as_data()) == changed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("{yess: ja}", "did you mean 'yes'"),
        ("{yes: ja, no: ja}", "two answers have one label"),
        ("{reasons: {slipp: Versehen}}", "did you mean 'slip'"),
        ("{reasons: {slip: Fehler, judgement: Fehler}}", "two answers have one label"),
        ('{yes: ""}', "words"),
    ],
)
def test_wrong_words_are_named(words, said):
    with pytest.raises(SchemaError, match=said):
        Schema.parse(f"{SMALL}words: {words}\n")


@pytest.mark.parametrize("text", ["Das Tal", "Die Anfänge", "The Mill House", "Los Barcos", "Les Bains"])
def test_a_heading_that_begins_with_an_article_is_no_by_line(text):
    assert not _is_name(text)


@pytest.mark.parametrize("text", ["Henrike Löß", "By Jörg Äcker", "Von Henrike Löß", "Le Corbusier", "J. Smith"])
def test_a_name_is_a_by_line(text):
    assert _is_name(text)


def test_sections_of_the_german_text_are_its_headings():
    passages = diptych.load_passages(Study.load(GALLERY / "muehle"), originals=True)
    sections = passages[passages["document"] == "loess-1"]["section"]
    assert list(dict.fromkeys(sections)) == ["Die Anfänge", "Das Tal"]
