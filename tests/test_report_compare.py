"""Two runs of a study side by side: what moved, and refusals of what is no run of it."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from diptych.cli.main import run
from diptych.errors import UsageError
from diptych.report import embedded
from diptych.report.catalogue import Catalogue, load_catalogue
from diptych.report.compare import compare_with as compared
from diptych.report.compare import coverage_moves
from diptych.report.contents import Contents, read_contents
from diptych.report.page import page
from diptych.study import Study
from diptych.template import make_study

NASTY = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{ 7*7 }}'


@pytest.fixture(scope="module")
def text() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A harbour study with gold labels, to be read only."""
    study = make_study(tmp_path_factory.mktemp("before") / "harbour")
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return study


@pytest.fixture(scope="module")
def old_report(unchanged: Contents, text: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "old.html"
    path.write_text(page(unchanged, text), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def unchanged(original: Study) -> Contents:
    return read_contents(original)


@pytest.fixture
def study(original: Study, tmp_path: Path) -> Study:
    """A copy to change."""
    shutil.copytree(original.root, tmp_path / "now")
    return Study.load(tmp_path / "now")


def relabel(study: Study, changes: dict[tuple[str, str], str | None]) -> Study:
    """Write other gold labels: (passage, facet) to a value, or None for none."""
    rows = [json.loads(line) for line in study.gold_file.read_text(encoding="utf-8").splitlines()]
    kept = []
    for row in rows:
        value = changes.get((row["passage"], row["facet"]), row["value"])
        if value is not None:
            kept.append(row | {"value": value})
    study.gold_file.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    return study


def labels(study: Study) -> dict[tuple[str, str], str]:
    rows = [json.loads(line) for line in study.gold_file.read_text(encoding="utf-8").splitlines()]
    return {(row["passage"], row["facet"]): row["value"] for row in rows}


def edit(path: Path, *pairs: tuple[str, str]) -> None:
    content = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new)
    path.write_text(content, encoding="utf-8")


def schema_of(study: Study) -> Path:
    return study.root / "schemas" / "harbour.yaml"


# what moved


def test_a_run_beside_itself_has_moved_nothing(unchanged, old_report, text):
    found = compared(unchanged, old_report, text)
    assert found["sentences"] == ["Nothing moved."]
    assert found["tables"] == {}
    assert not any(row["changed"] for row in found["inputs"])


def test_a_folder_and_its_report_say_the_same(original, old_report, study, text):
    contents = read_contents(relabel(study, {("harbour-north:001", "topic"): "work"}))
    assert compared(contents, original.root, text) == compared(contents, old_report, text)


def test_changed_new_and_gone_labels_are_listed_and_counted(study, old_report, text):
    before = labels(study)
    money = [passage for (passage, facet), value in before.items() if (facet, value) == ("topic", "money")]
    lost = next(key for key in before if key[1] == "tone")
    relabel(study, {(money[0], "topic"): "work", (money[1], "topic"): "nature", lost: None})
    found = compared(read_contents(study), old_report, text)
    told = {(row["passage"], row["facet"]): (row["before"], row["after"]) for row in found["labels"]}
    assert told == {
        (money[0], "topic"): ("money", "work"),
        (money[1], "topic"): ("money", "nature"),
        lost: (before[lost], None),
    }
    sentence = found["sentences"][0]
    assert "2 gold labels changed and one gold label is gone" in sentence
    assert "Topic 2" in sentence
    assert "Tone 1" in sentence


def test_coverage_moves_are_the_differences_of_counts_and_largest_first(unchanged, study, old_report, text):
    before = labels(study)
    money = [p for (p, f), value in before.items() if (f, value) == ("topic", "money") and p.startswith("harbour-n")]
    relabel(study, {(passage, "topic"): "work" for passage in money})
    contents = read_contents(study)
    found = compared(contents, old_report, text)["coverage"]
    assert [abs(row["change"]) for row in found] == sorted((abs(row["change"]) for row in found), reverse=True)
    one = next(row for row in found if (row["facet"], row["value"]) == ("topic", "money"))
    assert one["author"] == "A. Jansen"
    assert (one["count_before"], one["count_after"]) == (len(money), 0)
    assert one["change"] == pytest.approx(-len(money) / one["of_before"])
    for side, run_ in (("before", unchanged), ("after", contents)):
        table = run_.bases["gold"].coverage.set_index(["author", "facet", "value"])
        for row in found:
            assert row[f"share_{side}"] == table.loc[(row["author"], row["facet"], row["value"]), "share"]


def test_a_sentence_names_the_largest_move_with_its_counts(study, old_report, text):
    key = next(key for key, value in labels(study).items() if key[1] == "topic" and value == "money")
    found = compared(read_contents(relabel(study, {key: "work"})), old_report, text)
    top = found["coverage"][0]
    sentence = found["sentences"][1]
    assert top["label"] in sentence
    assert f"{top['said_before']} → {top['said_after']}" in sentence
    assert top["said_after"].startswith(f"{top['count_after']} of {top['of_after']} (")
    assert len(found["sentences"]) <= 4


def test_divergence_and_inputs_that_changed_are_told(study, old_report, text):
    keys = [key for key in labels(study) if key[1] == "topic" and key[0].startswith("harbour-north")]
    found = compared(read_contents(relabel(study, dict.fromkeys(keys, "work"))), old_report, text)
    row = next(row for row in found["divergence"] if row["facet"] == "topic")
    assert row["bits_before"] != row["bits_after"]
    assert (row["first"], row["second"]) == ("A. Jansen", "B. Okafor")
    assert [row["name"] for row in found["inputs"] if row["changed"]] == ["gold labels"]


def test_agreement_that_moved_is_told(study, old_report, text):
    for path in study.codings_folder.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for row in rows:
            if row["coder"] == "sample-b" and row["facet"] == "topic":
                row["value"] = "money"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = compared(read_contents(study), old_report, text)
    moved = {row["facet"]: row["alpha_after"] < row["alpha_before"] for row in found["reliability"]}
    assert moved == {"topic": True, "side": False, "tone": False}
    assert any("alpha" in sentence for sentence in found["sentences"])


def test_a_classifier_is_compared_by_facet_and_test(study, original, text):
    assert run(["train", "--study", str(study.root), "--quiet"]) == 0
    found = compared(read_contents(study), original.root, text)
    assert {row["facet"] for row in found["evaluation"]} == {"topic", "side", "tone"}
    assert all(row["macro_f1_before"] is None for row in found["evaluation"])
    assert all(0 <= row["macro_f1_after"] <= 1 for row in found["evaluation"])


def test_inputs_that_changed_and_moved_nothing_are_said(study, old_report, text):
    edit(schema_of(study), ("Costs, revenue, prices, debts.", "Costs, revenue, prices and debts."))
    found = compared(read_contents(Study.load(study.root)), old_report, text)
    assert found["sentences"] == ["Nothing moved, though this changed: wording of the codebook."]


def test_lists_are_cut_and_the_rest_is_counted(study, old_report, text, monkeypatch):
    monkeypatch.setattr("diptych.report.compare.SHOWN", 2)
    keys = [key for key, value in labels(study).items() if key[1] == "topic" and value != "work"]
    found = compared(read_contents(relabel(study, dict.fromkeys(keys, "work"))), old_report, text)
    assert len(found["labels"]) == 2
    assert found["more"]["labels"] == len(keys) - 2
    assert len(found["tables"]["comparison-labels"]) == len(keys)


# the schema and the documents change


def test_a_renamed_facet_is_the_same_facet(study, unchanged, old_report, text):
    edit(schema_of(study), ("  - id: topic\n", "  - id: matter\n    was: [topic]\n"))
    for path in (study.gold_file, *study.codings_folder.glob("*.jsonl")):
        edit(path, ('"facet": "topic"', '"facet": "matter"'))
    contents = read_contents(Study.load(study.root))
    found = compared(contents, old_report, text)
    assert found["labels"] == []
    assert found["coverage"] == []
    assert found["divergence"] == []
    assert "Topic is called Matter now." in found["notes"]
    assert not any("New facet" in note or "gone" in note for note in found["notes"])
    back = compared(unchanged, study.root, text)
    assert "Matter is called Topic now." in back["notes"]
    assert back["labels"] == []


def test_a_value_that_was_added_is_said_and_has_no_count_before(study, old_report, text):
    edit(
        schema_of(study),
        (
            "      - {id: nature, label: Nature",
            '      - {id: ships, label: Ships, definition: "Boats.", hotkey: "4"}\n      - {id: nature, label: Nature',
        ),
    )
    key = next(key for key, value in labels(study).items() if value == "money")
    found = compared(read_contents(Study.load(relabel(study, {key: "ships"}).root)), old_report, text)
    assert "New value: Topic: Ships." in found["notes"]
    row = next(row for row in found["coverage"] if (row["facet"], row["value"]) == ("topic", "ships"))
    assert (row["count_before"], row["count_after"], row["said_before"]) == (None, 1, "–")
    assert row["change"] == pytest.approx(row["share_after"])


def test_values_that_were_merged_are_added_up():
    class Names:
        def cell(self, facet, value):
            return f"{facet} {value}"

    row = {"author": "A", "facet": "f", "of": 10}
    before = [row | {"value": "x", "passages": 2, "share": 0.2}, row | {"value": "x", "passages": 3, "share": 0.3}]
    assert coverage_moves(before, [row | {"value": "x", "passages": 5, "share": 0.5}], Names()) == []


def test_an_author_and_passages_that_are_gone_are_said(study, original, text):
    blocks = (study.root / "study.toml").read_text(encoding="utf-8").split("[[documents]]")
    kept = [block for block in blocks if "harbour-south" not in block]
    (study.root / "study.toml").write_text("[[documents]]".join(kept), encoding="utf-8")
    found = compared(read_contents(Study.load(study.root)), original.root, text)
    assert "An author is gone: B. Okafor." in found["notes"]
    assert found["appeared"] == []
    assert found["vanished"]
    assert {name.split(":")[0] for name in found["vanished"]} == {"harbour-south"}
    assert all(row["author"] == "A. Jansen" for row in found["coverage"])


def test_a_study_without_gold_labels_can_be_compared(study, old_report, text):
    study.gold_file.unlink()
    found = compared(read_contents(study), old_report, text)
    assert "gold labels are gone" in found["sentences"][0]
    assert any("now on nothing" in note for note in found["notes"])
    assert found["coverage"] == []


# in the page


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def section(html: str) -> str:
    start = html.index('<section id="comparison"')
    return html[start : html.index("</section>", start)]


def with_author(study: Study, name: str) -> Study:
    edit(study.root / "study.toml", ('"A. Jansen"', json.dumps(name, ensure_ascii=False)))
    edit(schema_of(study), ("label: Money", f"label: {json.dumps(name)}"))
    return Study.load(study.root)


def test_hostile_text_of_the_other_report_is_shown_as_text(study, original, text, tmp_path):
    made = {}
    for say in ("plain", NASTY):
        shutil.rmtree(tmp_path / "hostile", ignore_errors=True)
        shutil.copytree(original.root, tmp_path / "hostile")
        key = next(key for key, value in labels(original).items() if value == "money")
        other = with_author(relabel(Study.load(tmp_path / "hostile"), {key: "work"}), say)
        report = tmp_path / "hostile.html"
        report.write_text(page(read_contents(other), text), encoding="utf-8")
        contents = read_contents(study)
        made[say] = Tags(section(page(contents, text, compared(contents, report, text))))
    assert made[NASTY].tags == made["plain"].tags
    assert NASTY in "".join(made[NASTY].texts)


def test_the_page_with_a_comparison_has_equal_bytes_and_says_no_place(study, old_report, text):
    relabel(study, {("harbour-north:001", "topic"): "work"})
    pages = set()
    for _ in range(2):
        contents = read_contents(study)
        pages.add(page(contents, text, compared(contents, old_report, text)))
    (html,) = pages
    assert str(old_report.parent) not in html
    assert old_report.name not in html
    assert "style=" not in section(html)


def test_the_page_is_compared_by_the_command(study, old_report, command):
    relabel(study, {("harbour-north:001", "topic"): "work"})
    result = command("report", "--study", study.root, "--out", study.root / "r.html", "--compare", old_report)
    assert result.code == 0
    html = (study.root / "r.html").read_text(encoding="utf-8")
    assert 'href="#p-harbour-north:001" class="to-passage"' in section(html)
    assert "comparison-labels" in html


# refusals


def scripts(data: str) -> str:
    return "".join(
        f'<script type="application/json" id="{name}">{text}</script>'
        for name, text in {"data": data, "tables": "{}"}.items()
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<p>hello</p>", "no report by diptych"),
        ("", "no report by diptych"),
        ('<meta name="generator" content="diptych 0.0.1"><p>', "another version"),
        (scripts("{"), "damaged"),
        (scripts("{}"), "another version"),
        (scripts('{"report":{"format":2}}'), "another version"),
        (scripts('{"report":{"format":1}}'), "damaged"),
        (scripts("[" * 100_000), "damaged"),
    ],
    ids=range(8),
)
def test_a_file_that_is_no_report_is_refused_with_a_hint(tmp_path, unchanged, text, content, message):
    path = tmp_path / "other.html"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as refused:
        compared(unchanged, path, text)
    assert refused.value.hint
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("author,facet", "autor,facet"),
        ("gold,part,A. Jansen,topic,money,", "gold,part,A. Jansen,topic,money,many"),
        ("gold,part,A. Jansen,topic,money,", "gold,part,A. Jansen,topic,money,nan,"),
        ("gold,part,A. Jansen,topic,money,", "gold,part,A. Jansen,topic,money,1e999,"),
        ("gold,part,A. Jansen,topic,money,", "gold,\\ud800,A. Jansen,topic,money,"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, unchanged, old_report, text, old, new):
    path = tmp_path / "damaged.html"
    shutil.copy(old_report, path)
    edit(path, (old, new))
    with pytest.raises(UsageError) as refused:
        compared(unchanged, path, text)
    assert refused.value.hint


def test_bytes_that_are_no_text_are_refused(tmp_path, unchanged, text):
    path = tmp_path / "model.zip"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        compared(unchanged, path, text)


def test_a_file_that_is_too_large_is_refused(tmp_path, unchanged, old_report, text, monkeypatch):
    monkeypatch.setattr(embedded, "LARGEST", 1000)
    with pytest.raises(UsageError, match="larger than"):
        compared(unchanged, old_report, text)


def test_a_folder_without_a_study_is_refused(tmp_path, unchanged, text):
    with pytest.raises(UsageError, match=r"study\.toml is missing") as refused:
        compared(unchanged, tmp_path, text)
    assert "folder" in refused.value.hint


def test_a_folder_with_a_broken_study_is_refused(study, unchanged, text):
    schema_of(study).write_text("facets: [", encoding="utf-8")
    with pytest.raises(UsageError, match=r"harbour\.yaml"):
        compared(unchanged, study.root, text)


def test_a_report_of_another_study_is_refused(unchanged, bundled, text):
    with pytest.raises(UsageError, match="no facet in common: there perspective, domain") as refused:
        compared(unchanged, bundled.root, text)
    assert "same study" in refused.value.hint


def test_the_command_ends_with_usage(study, tmp_path, command):
    (tmp_path / "x.html").write_text("<p>")
    result = command("report", "--study", study.root, "--out", study.root / "r.html", "--compare", tmp_path / "x.html")
    assert result.code == 2
    assert "no report by diptych" in result.err
    assert not (study.root / "r.html").exists()
