"""The whole way on a second study: other facets, three authors, three languages; nothing is hard-wired."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import diptych
from diptych.classifier.scoring.persist import load_model
from diptych.study import Study

HERE = Path(__file__).parent
BRIDGE = HERE / "studies" / "bridge"
PACKAGE = Path(diptych.__file__).parent
AUTHORS = ["Вера Орлова", "林悦", "M. Duarte"]
DOCUMENTS = ["orlova-1", "orlova-2", "lin-1", "lin-2", "duarte-1", "duarte-2"]
FACETS = ["topic", "tone", "promise", "voice"]
UNDECIDED = {("lin-2:006", "topic"), ("orlova-1:006", "tone")}
TEXTS = {
    "ru": "Кредит на мост придётся выплачивать долго: смета выросла, налог поднимется, казна теряет кроны.",
    "zh": "造桥的贷款要还很多年，预算又涨了，税款也要上调，镇上的账目和费用都列在公告里。",
    "en": "The loan for the bridge carries interest, the tax will rise, and the budget counts every crown.",
}


def copied(target: Path) -> Study:
    shutil.copytree(BRIDGE, target, ignore=shutil.ignore_patterns(".diptych", "report.html"))
    return Study.load(target)


@pytest.fixture
def bridge(tmp_path: Path) -> Study:
    """A copy to write to."""
    return copied(tmp_path / "bridge")


@pytest.fixture
def trained(trained_bridge: Study) -> Study:
    """A copy with a model, to be read only."""
    return trained_bridge


def gold_rows(study: Study) -> list[dict[str, str]]:
    return [json.loads(line) for line in study.gold_file.read_text(encoding="utf-8").splitlines()]


def passage_tables(study: Study) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (study.root / "seeds").glob("*.passages.jsonl")}


# documents


def test_status_of_a_fresh_copy_names_what_is_missing_and_how_to_mend_it(bridge, command):
    lines = command("status", "--study", bridge.root, "--json").json["lines"]
    wanting = {line["what"]: line["mend"] for line in lines if line["state"] != "ok"}
    assert wanting == {
        "disputes": "diptych export csv disputes.csv --disputed",
        "model": "diptych train",
        "report": "diptych report",
    }


def test_ingest_leaves_the_passage_tables_as_they_are(bridge, command):
    before = passage_tables(bridge)
    rows = command("ingest", "--study", bridge.root, "--json").json
    assert [(row["document"], row["outcome"]) for row in rows] == [(d, "unchanged") for d in DOCUMENTS]
    assert passage_tables(bridge) == before


def test_ingest_makes_lost_passage_tables_again_byte_for_byte(bridge, command):
    before = passage_tables(bridge)
    for name in before:
        (bridge.root / "seeds" / name).unlink()
    rows = command("ingest", "--study", bridge.root, "--json").json
    assert {row["outcome"] for row in rows} == {"cut"}
    assert passage_tables(bridge) == before


def test_every_paragraph_is_a_passage_and_headings_are_not(bridge):
    passages = diptych.load_passages(bridge)
    assert passages.groupby("document", sort=False).size().to_dict() == {
        "orlova-1": 7,
        "orlova-2": 7,
        "lin-1": 7,
        "lin-2": 10,
        "duarte-1": 7,
        "duarte-2": 7,
    }
    assert not set(passages["text"]) & set(passages["section"])


def test_list_items_are_passages_and_quotes_lose_their_mark(bridge):
    text = diptych.load_passages(bridge).set_index("passage")["text"]
    assert [text[f"lin-2:{n:03d}"] for n in (3, 4, 5)] == [
        "渡船：二十班",
        "汽车：四百一十辆",
        "公交车：十六辆",
    ]
    assert text["lin-2:006"].startswith("我在北岸住了六十年")


@pytest.mark.parametrize(("passage", "word"), [("duarte-1:004", "welcomes"), ("duarte-1:007", "interpreter")])
def test_words_broken_at_a_line_end_are_whole_again(bridge, passage, word):
    text = diptych.load_passages(bridge).set_index("passage")["text"]
    assert word in text[passage].split()


def test_a_chinese_passage_counts_more_than_one_word(bridge):
    words = diptych.load_passages(bridge).set_index("passage")["words"]
    assert words["lin-1:001"] > 20


# codings


def test_codings_are_of_the_schema_that_lies_beside_them(bridge):
    stamps = {
        json.dumps(json.loads(line)["schema"], sort_keys=True)
        for path in bridge.codings_folder.glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    assert stamps == {json.dumps(bridge.schema.stamp, sort_keys=True)}


def test_yes_and_no_are_words_in_the_schema(bridge):
    assert bridge.schema.facet("promise").value_ids == ("yes", "no")


def test_codebook_lists_every_facet_and_value(bridge, command):
    text = command("schema", "codebook", "--study", bridge.root).out
    for facet in bridge.schema.facets:
        assert f"## {facet.name}: {facet.question}" in text
        assert all(f"(`{value}`" in text for value in facet.value_ids)


@pytest.mark.parametrize(("facet", "agreed"), [("topic", 40), ("tone", 40), ("promise", 41), ("voice", 41)], ids=FACETS)
def test_reliability_counts_the_six_differences(bridge, command, facet, agreed):
    found = command("reliability", "--study", bridge.root, "--json").json
    row = next(row for row in found["facets"] if row["facet"] == facet)
    assert (row["agreed"], row["pairs"]) == (agreed, 42)
    assert 0.85 < row["alpha"] < 1


def test_two_readings_of_one_model_are_called_repeat_agreement(bridge, command):
    found = command("reliability", "--study", bridge.root, "--json").json
    assert found["kind"].startswith("repeat agreement")


def test_ordinal_alpha_leaves_out_the_value_without_a_score(bridge, command):
    rows = command("reliability", "--study", bridge.root, "--json").json["facets"]
    tone = next(row for row in rows if row["facet"] == "tone")
    unscored = {r["passage"] for r in gold_rows(bridge) if r["facet"] == "tone" and r["value"] == "none"}
    assert tone["left_out"] == len(unscored)  # lin-1:006 among them: none for one reader, torn for the other
    assert tone["ordinal_units"] == 42 - len(unscored)


def test_two_of_six_disputes_are_open_and_the_others_have_a_listed_reason(bridge, command):
    found = command("reliability", "--study", bridge.root, "--disputes", "--json").json
    still_open = {(d["passage"], d["facet"]) for d in found if d["adjudicated"] is None}
    assert (len(found), still_open) == (6, UNDECIDED)
    reasons = [d["reason"] for d in found if d["adjudicated"] is not None]
    assert sorted(reasons) == ["edge case", "judgement", "slip", "slip"]


def test_gold_derived_again_is_the_same_file(bridge, command):
    before = bridge.gold_file.read_bytes()
    rows = command("gold", "--study", bridge.root, "--json").json
    assert bridge.gold_file.read_bytes() == before
    assert {row["facet"]: row["labels"] for row in rows} == {
        "topic": 41,
        "tone": 41,
        "promise": 42,
        "voice": 42,
    }


def test_an_undecided_answer_has_no_gold_label_and_the_others_of_its_passage_have(bridge):
    labels = {(row["passage"], row["facet"]) for row in gold_rows(bridge)}
    assert not labels & UNDECIDED
    for passage, undecided in UNDECIDED:
        assert {f for p, f in labels if p == passage} == set(FACETS) - {undecided}


# classifier


def test_training_measures_every_facet_and_every_author(trained):
    figures = load_model(trained.model_file).card["figures"]
    assert list(figures["cross_validation"]) == FACETS
    assert list(figures["across_authors"]) == AUTHORS
    tested = {facet: found["passages"] for facet, found in figures["cross_validation"].items()}
    assert tested == {"topic": 41, "tone": 41, "promise": 42, "voice": 42}


def test_evaluate_gives_the_figures_that_training_stored(trained, command):
    stored = dict(load_model(trained.model_file).card["figures"])
    del stored["calibration"]
    measured = command("evaluate", "--study", trained.root, "--json").json
    for by_facet in (measured["cross_validation"], *measured["across_authors"].values()):
        for found in by_facet.values():
            del found["interval"], found["coders"]  # only `evaluate` gives these
    assert measured == stored


@pytest.mark.parametrize("language", TEXTS)
def test_classify_answers_in_every_language_of_the_study(trained, command, tmp_path, language):
    file = tmp_path / "letter.txt"
    file.write_text(TEXTS[language], encoding="utf-8")
    (row,) = command("classify", file, "--study", trained.root, "--format", "jsonl").rows
    assert (row["language"], row["off_topic"], row["topic"]) == (language, False, "money")
    assert all(row[facet] in trained.schema.facet(facet).value_ids for facet in FACETS)


def test_classify_abstains_in_a_language_it_has_not_learned(trained, command, tmp_path):
    file = tmp_path / "brief.txt"
    file.write_text("Die Brücke ist für die Stadt nicht zu teuer, und das weiß auch der Rat.", encoding="utf-8")
    (row,) = command("classify", file, "--study", trained.root, "--format", "jsonl").rows
    assert row["language"] == "de"
    assert [row[facet] for facet in FACETS] == [""] * 4


def test_classify_in_the_study_folder_uses_its_model(trained, command, tmp_path, monkeypatch):
    file = tmp_path / "letter.txt"
    file.write_text(TEXTS["en"], encoding="utf-8")
    monkeypatch.chdir(trained.root)
    (row,) = command("classify", file, "--format", "jsonl").rows
    assert row["topic"] == "money"


# coverage and divergence


def place_of(by: str) -> dict[str, str]:
    """The group of every document."""
    documents = Study.load(BRIDGE).settings.documents
    return {d.id: str(getattr(d, by) or "(none)") if by != "document" else d.id for d in documents}


@pytest.mark.parametrize("by", ["author", "document", "year", "publisher"])
def test_coverage_counts_the_gold_labels_of_each_group(bridge, command, by):
    rows = command("coverage", "--study", bridge.root, "--by", by, "--json").json["rows"]
    groups = place_of(by)
    expected = Counter((groups[row["passage"].split(":")[0]], row["facet"], row["value"]) for row in gold_rows(bridge))
    counted = {(row[by], row["facet"], row["value"]): row["passages"] for row in rows if row["passages"]}
    assert {key: n for key, n in counted.items() if key[1] in FACETS} == dict(expected)


def test_years_are_years_where_one_document_has_none(bridge, command):
    rows = command("coverage", "--study", bridge.root, "--by", "year", "--json").json["rows"]
    assert list(dict.fromkeys(row["year"] for row in rows)) == ["2024", "2025", "(none)"]


@pytest.mark.parametrize("by", ["author", "document"])
def test_shares_of_a_group_sum_to_one_in_every_facet(bridge, command, by):
    rows = command("coverage", "--study", bridge.root, "--by", by, "--json").json["rows"]
    sums = Counter()
    for row in rows:
        sums[row[by], row["facet"]] += row["share"]
    assert {facet for _, facet in sums} == {*FACETS, "voice x topic"}
    assert all(total == pytest.approx(1) for total in sums.values())


def test_cells_cross_voice_with_topic_as_the_schema_says(bridge, command):
    rows = command("coverage", "--study", bridge.root, "--facet", "cells", "--json").json["rows"]
    assert {row["facet"] for row in rows} == {"voice x topic"}
    assert len(rows) == len(AUTHORS) * 3 * 4


def test_coverage_says_that_list_items_are_not_coded(bridge, command):
    notes = command("coverage", "--study", bridge.root, "--json").json["notes"]
    assert any("42 of 45" in note for note in notes)


def test_divergence_compares_three_pairs_in_every_facet(bridge, command):
    rows = command("divergence", "--study", bridge.root, "--json").json["facets"]
    questions = [*FACETS, "voice x topic"]
    compared = Counter((row["first"], row["second"]) for row in rows if row["facet"] in questions)
    pairs = [(AUTHORS[0], AUTHORS[1]), (AUTHORS[0], AUTHORS[2]), (AUTHORS[1], AUTHORS[2])]
    assert compared == dict.fromkeys([*pairs, ("(all)", "(all)")], len(questions))
    assert {row["facet"] for row in rows} == set(questions)  # in no topic have two authors five passages


def test_with_two_documents_an_author_the_unit_is_the_document(bridge, command):
    rows = command("divergence", "--study", bridge.root, "--json").json["facets"]
    assert {row["unit"] for row in rows} == {"document"}


def test_with_two_documents_an_author_a_p_value_cannot_fall_below_a_third_and_that_is_said(bridge, command):
    found = command("divergence", "--study", bridge.root, "--json").json
    pairs = [row for row in found["facets"] if row["first"] != "(all)"]
    assert {row["least_p"] for row in pairs} == {1 / 3}
    assert all(row["p"] <= 1 for row in pairs)
    assert any("the smallest attainable with these documents is 0.333" in note for note in found["notes"])
    assert all(row[name] is not None for row in found["cells"] for name in ("p", "p_bh", "p_holm", "p_max_t"))


@pytest.mark.parametrize("by", ["document", "publisher"])
def test_nothing_is_called_significant(bridge, command, by):
    asked = ("divergence", "--study", bridge.root, "--by", by)
    columns = {key for row in command(*asked, "--json").json["facets"] for key in row}
    assert not [column for column in columns if re.search(r"p_?value|signific", column)]
    assert not re.search(r"p\s*[=<]|significant", command(*asked).out)


def test_divergence_of_single_documents_gives_no_p_value(bridge, command):
    found = command("divergence", "--study", bridge.root, "--by", "document", "--json").json
    tested = ("p", "least_p", "p_bh", "p_holm", "p_max_t", "low", "high")
    rows = [*found["facets"], *found["cells"]]
    assert [(row["facet"], name) for row in rows for name in tested if row.get(name) is not None] == []
    assert any("no p-value for the authors is given" in note for note in found["notes"])


# nothing is hard-wired

ORDINARY = {"other", "both", "neither", "mixed", "neutral"}  # words that any sentence may hold


@cache
def bundled_names() -> re.Pattern[str]:
    """What only the bundled study should know: its authors, facets, values and their markers."""
    study = Study.bundled()
    names = {author.split()[-1] for author in study.authors}
    for facet in study.schema.facets:
        names |= {facet.id, facet.name}
        for value in facet.values:
            names |= {value.id, value.name, *value.markers}
    words = "|".join(re.escape(name) for name in sorted({name.casefold() for name in names} - ORDINARY))
    return re.compile(rf"(?<![^\W_])(?:{words})s?(?![^\W_])")


def told(text: str) -> list[str]:
    """The bundled study's names that stand in a text as words (also between underscores)."""
    return sorted(set(bundled_names().findall(text.casefold())))


@pytest.mark.parametrize("text", ["stance", "stance_groups", "Stances", "by Perspective", "a moscow b"])
def test_the_check_for_names_finds_them(text):
    assert told(text)


@pytest.mark.parametrize("text", ["instance", "domaine", "circumstance", "charms"])
def test_the_check_for_names_lets_other_words_pass(text):
    assert told(text) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("ingest",),
        ("schema", "show"),
        ("schema", "codebook"),
        ("reliability",),
        ("reliability", "--disputes"),
        ("gold",),
        ("evaluate",),
        ("coverage",),
        ("coverage", "--json"),
        ("divergence",),
        ("divergence", "--json"),
        ("export", "csv", "-"),
    ],
    ids=" ".join,
)
def test_no_command_speaks_of_the_bundled_study(trained, command, arguments):
    result = command(*arguments, "--study", trained.root)
    assert result.code == 0
    assert told((result.out + result.err).replace(str(trained.root), "")) == []


def test_classified_rows_speak_of_this_study_alone(trained, command, tmp_path):
    file = tmp_path / "letter.txt"
    file.write_text(TEXTS["ru"], encoding="utf-8")
    result = command("classify", file, "--study", trained.root, "--format", "jsonl", "--probabilities")
    assert told(result.out) == []


def test_the_model_card_speaks_of_this_study_alone(trained):
    card = dict(load_model(trained.model_file).card)
    assert card["analyser"].pop("attitudes")  # English words of attitude, for every study
    assert told(json.dumps(card, ensure_ascii=False)) == []


def test_the_report_speaks_of_this_study_alone(trained, command, tmp_path):
    path = tmp_path / "report.html"
    assert command("report", "--study", trained.root, "--out", path).code == 0
    page = path.read_text(encoding="utf-8")
    assert all(author in page for author in AUTHORS)
    assert told(page) == []


def modules() -> list[str]:
    files = sorted(PACKAGE.rglob("*.py"))
    names = [path.relative_to(PACKAGE).as_posix() for path in files if "_study" not in path.parts]
    return [name for name in names if name != "cli/demo.py"]  # the demo shows the bundled study, by name


def literals(tree: ast.AST) -> Iterator[str]:
    """The string literals of a module, docstrings aside."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("module", modules())
def test_no_module_knows_the_bundled_study_by_name(module):
    found = list(literals(ast.parse((PACKAGE / module).read_text(encoding="utf-8"))))
    assert [text for text in found if told(text) or text.casefold() in ORDINARY] == []
