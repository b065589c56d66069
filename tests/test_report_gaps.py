"""What a report says where something is missing, of originals, and of documents and coders."""

from __future__ import annotations

import re
import tomllib
from collections import Counter

import pytest

import diptych
from diptych.cli.main import run
from diptych.study import Study
from diptych.template import make_study
from odd_studies import one_author, one_facet, one_passage
from report_pages import Report, heat_maps, reported

# what is missing


def missing(report: Report) -> str:
    return report.page.one("div", "missing").text


def test_without_gold_labels_the_report_says_how_to_derive_them(harbour):
    report = reported(harbour)
    assert report.reader.faults == []
    assert "no gold labels" in missing(report)
    assert "diptych gold" in missing(report)
    assert report.page.all("table", "heat") == []


def test_without_gold_labels_the_evidence_is_still_there(harbour):
    report = reported(harbour)
    assert (len(report.listed), len(report.data["passages"])) == (16, 16)
    assert report.tables.keys() == {"reliability", "disputes", "passages"}


def test_without_gold_labels_nothing_on_the_page_leads_to_nowhere(harbour):
    report = reported(harbour)
    assert "no gold labels yet, so there is nothing to answer with" in report.shown
    assert [a for a in report.page.all("a", "to-evidence") if not a.attributes.get("data-differ")] == []
    ids = {e.attributes["id"] for e in report.page if "id" in e.attributes}
    assert {a.attributes["href"] for a in report.page.one("nav").all("a")} <= {f"#{name}" for name in ids}


def test_without_a_model_the_report_says_how_to_train_one(small):
    report = reported(small)
    assert report.reader.faults == []
    assert "diptych train" in missing(report)
    assert report.page.id("classifier").all("table") == []
    assert len(heat_maps(report)) == 2 * 3 * 3
    assert "evaluation" not in report.tables
    assert report.page.all("select")[-1].attributes["name"] == "coders"  # no predictions to choose by


def test_without_codings_the_report_says_that_nothing_is_coded(tmp_path, harbour):
    study = make_study(tmp_path / "new", harbour.root / "schemas" / "harbour.yaml")
    assert run(["ingest", "--study", str(study.root), "--quiet"]) == 0
    report = reported(study)
    assert report.reader.faults == []
    assert "Every passage is coded" not in report.page.one("p", "lead").text
    assert "agreement is unknown" in report.shown


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a study of one author."""
    return reported(one_author(tmp_path_factory.mktemp("alone") / "alone"))


def test_with_one_author_the_report_says_that_divergence_needs_two(alone):
    assert alone.reader.faults == []
    assert "divergence compares two" in missing(alone)
    assert alone.page.id("divergence").all("table") == []


def test_with_one_author_there_is_one_heat_map_without_a_blind_spot(alone):
    assert {author for author, _, _ in heat_maps(alone)} == {"A. Jansen"}
    assert not any(cell.blind for cell in heat_maps(alone).values())


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a study of one passage."""
    return reported(one_passage(tmp_path_factory.mktemp("single") / "single"))


def test_a_study_of_one_passage_has_a_report(single):
    assert single.reader.faults == []
    assert [cell.count for cell in heat_maps(single).values() if cell.count] == ["1"]


def test_a_study_of_one_passage_and_coder_says_what_it_cannot_say(single):
    assert "agreement needs two coders" in missing(single)
    assert "divergence compares two" in missing(single)
    assert "diptych train" in missing(single)


def test_a_study_of_one_passage_speaks_of_one_passage(single):
    assert not re.search(r"\b1 passages\b", single.shown)


def test_without_an_ordinal_facet_the_report_stands(tmp_path):
    study = make_study(tmp_path / "flat")
    schema = study.root / "schemas" / "harbour.yaml"
    text = re.sub(r", score: -?\d", "", schema.read_text(encoding="utf-8"))
    schema.write_text(text.replace("scale: ordinal", "scale: nominal"), encoding="utf-8")
    study = Study.load(study.root)
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    report = reported(study)
    assert report.reader.faults == []
    assert [s for s in report.page.all("section") if s.attributes["id"] == "scale"] == []
    assert "#scale" not in report.html
    assert report.page.all("svg", "thin") == []


def test_a_schema_with_one_facet_has_a_heat_map_with_one_column(tmp_path):
    report = reported(one_facet(tmp_path / "narrow"))
    assert report.reader.faults == []
    counts = Counter()
    for (author, _, _), cell in heat_maps(report).items():
        counts[author] += int(cell.count or 0)
    assert set(counts.values()) <= {7, 8}


def test_a_study_without_passages_is_refused_with_a_hint(harbour, command):
    for path in (harbour.root / "seeds").glob("*.passages.jsonl"):
        path.unlink()
    result = command("report", "--study", harbour.root)
    assert (result.code, "diptych ingest" in result.err) == (1, True)
    assert not (harbour.root / "report.html").exists()


# originals


def original_texts(study: Study) -> list[str]:
    passages = diptych.load_passages(study)
    return passages.loc[passages["source"] == "original", "text"].tolist()


@pytest.mark.parametrize("name", ["harbour", "bridge"])
def test_no_text_of_an_original_is_in_the_report(reports, name):
    wholes = original_texts(reports[name].study)
    assert len(wholes) > 10
    pieces = [text[start : start + 20] for text in wholes for start in range(0, len(text) - 20, 10)]
    assert [piece for piece in pieces if piece in reports[name].html] == []


def test_with_originals_every_text_is_there(open_bridge):
    texts = original_texts(open_bridge.study)
    assert [row["t"] for row in open_bridge.data["passages"]] == texts
    assert [li.one("p", "text").raw for li in open_bridge.listed] == texts


def test_with_originals_the_page_is_marked(open_bridge):
    assert "Not for publication" in open_bridge.page.id("evidence").text
    assert "Not for publication" in open_bridge.page.one("header").text


def test_without_originals_the_page_is_not_marked(report):
    assert "Not for publication" not in report.shown


def test_without_originals_distinctive_words_are_said_to_be_missing(reports):
    assert "the originals are not at hand" in reports["bundled"].page.id("divergence").text
    assert "words" not in reports["bundled"].tables
    assert "words" in reports["bridge"].tables


def test_with_originals_where_none_is_at_hand_digests_stand_unmarked(reports):
    study = reports["bundled"].study
    report = reported(study, "--with-originals", name="with.html")
    assert "Not for publication" not in report.shown
    assert [row["t"] for row in report.data["passages"]] == diptych.load_passages(study)["digest"].tolist()


def test_where_there_are_no_digests_the_page_does_not_speak_of_digests_shown(reports):
    assert "retold in a digest" in reports["bundled"].shown
    assert "retold in a digest" not in reports["bridge"].shown


# names and documents


def test_documents_are_listed_with_author_title_and_year(report):
    listed = [li.text for li in report.page.id("made").all("ul")[0].all("li")]
    described = tomllib.loads((report.study.root / "study.toml").read_text(encoding="utf-8"))["documents"]
    assert len(listed) == len(described)
    for said, document in zip(listed, described, strict=True):
        assert all(str(document[key]) in said for key in ("author", "title", "id"))
        assert str(document.get("year", "")) in said


def test_coders_are_described_in_the_words_of_the_coders_file(report):
    described = tomllib.loads(report.study.coders_file.read_text(encoding="utf-8"))["coders"]
    for name, coder in described.items():
        assert name in [dt.text for dt in report.page.id("made").all("dt")]
        assert coder["who"] in report.shown
