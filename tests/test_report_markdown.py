"""The report as Markdown: tables that line up, and text of the study as text, whatever it says."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from diptych.cli.main import run
from diptych.report.catalogue import load_catalogue
from diptych.report.compare import compare_with
from diptych.report.contents import read_contents
from diptych.report.markdown import code, escape, markdown, table
from diptych.study import Study
from diptych.template import make_study

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NASTY = "*a* _b_ `c` [d](e) ![f](g) <b>h</b> <!-- --> | i \\| j ~~k~~ $l$ &amp; # ## 1. - + \\ \u202eשלום {{ 7*7 }}"


def made(study: Study, **options: object) -> str:
    return markdown(read_contents(study), load_catalogue(), **options)


def texts(source: str) -> list[str]:
    """The text of every block, as a reader sees it."""
    blocks = [token for token in READER.parse(source) if token.type == "inline"]
    return ["".join(map(shown, block.children)) for block in blocks]


def shown(token: Token) -> str:
    return " " if token.type == "softbreak" else token.content


def kinds(source: str) -> list[str]:
    """The kinds of blocks and marks, in order."""
    found = []
    for token in READER.parse(source):
        found.append(token.type)
        found += [child.type for child in token.children or () if child.type not in ("text", "softbreak")]
    return found


@pytest.fixture(scope="module")
def report(trained_harbour: Study) -> str:
    return made(trained_harbour)


# escaping


@pytest.mark.parametrize(
    "text",
    [
        NASTY,
        "# heading",
        "#",
        "- item",
        "-",
        "---",
        "***",
        "___",
        "+ item",
        "+",
        "1. item",
        "1) item",
        "1.",
        "123456789. item",
        "===",
        "> quote",
        "```",
        "~~~",
        ":--",
        ":-|-:",
        "    code",
        "<script>alert(1)</script>",
        "<http://a.example>",
        "&lt; &#35; &nope;",
        "a\\",
        "\\# \\| \\\\",
        "![x](javascript:alert(1))",
        "[a]: http://b.example",
        "[^1]: note",
        "|",
        "a | b",
        "__init__",
        "a_b_c *d*",
        "2026. A year",
        "0.083 and +6.0",
        "شكرا 中文 👍🏽",
        "'quotes' \"and\" – dashes …",
    ],
)
def test_a_text_shows_as_it_was_written(text):
    wanted = " ".join(text.split())
    for source in (escape(text), f"before\n{escape(text)}", f"- {escape(text)}", table(["head"], [[text], ["x"]])):
        assert wanted in [" ".join(line.removeprefix("before ").split()) for line in texts(source)]
    assert kinds(escape(text)) == ["paragraph_open", "inline", "paragraph_close"]
    assert kinds(table(["h"], [[text]])) == kinds(table(["h"], [["plain"]]))


@pytest.mark.parametrize(
    "end", ["\n", "\r\n", "\r", "\n\n# x\n", "\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\0", "\t"]
)
def test_a_line_break_does_not_end_a_cell(end):
    assert re.search(r"[\n\r\x00-\x1f\x85\u2028\u2029]", escape(f"a{end}b")) is None
    assert kinds(table(["h"], [[f"a{end}b"]])) == kinds(table(["h"], [["plain"]]))


def test_plain_numbers_and_words_are_not_touched():
    for text in ("0.083", "46 %", "−0.02", "+6.0", "34 of 50 (68 %)", "2012: a year", "Moscow × Arms", "<1 %"[1:]):
        assert escape(text) == text


@pytest.mark.parametrize("name", ["a`b", "a|b", "a\nb", "", " a", "<b>", "a_b", "*x*", "``"])
def test_a_name_in_machine_type_shows_as_it_was_written(name):
    assert " ".join(texts(f"- {code(name)}")) == " ".join(name.split())
    assert "|" not in re.sub(r"\\\|", "", code(name))


# tables


def test_tables_line_up_and_figures_stand_to_the_right():
    lines = table(["who", "n"], [["中文", 5], ["A. Jansen", 123]]).splitlines()
    assert lines[0] == "| who       |   n |"
    assert lines[1] == "| :-------- | --: |"
    assert lines[2] == "| 中文      |   5 |"
    assert lines[3] == "| A. Jansen | 123 |"


def test_a_very_long_name_does_not_widen_every_row():
    lines = table(["who", "n"], [["x" * 10_000, 1], ["y", 2]]).splitlines()
    assert len(lines[3]) < 100


def test_every_row_of_every_table_has_as_many_cells_as_its_head(report):
    blocks = re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE)
    assert len(blocks) > 12
    for block in blocks:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(cells) == 1


# the report


def test_the_report_has_every_section(report):
    heads = [line for line in report.splitlines() if line.startswith("#")]
    for wanted in (
        "At a glance",
        "How sure are these figures?",
        "Coverage",
        "Divergence",
        "The cells that make it",
        "Tone",
        "Agreement",
        "Classifier",
        "Limits",
        "How it was made",
        "Documents",
        "Made from",
        "How to cite",
        "Glossary",
    ):
        assert any(wanted in head for head in heads), wanted
    assert "What moved" not in report


def test_coverage_is_that_of_the_command(report, trained_harbour, command):
    rows = command("coverage", "--json", "--study", trained_harbour.root).json["rows"]
    mine = {(row["facet"], row["value"], row["author"]): row for row in rows}
    row = mine["topic", "money", "A. Jansen"]
    cells = next(line for line in report.splitlines() if line.startswith("| Money") and "A. Jansen" in line)
    assert f" {row['passages']} of {row['of']} " in cells
    assert f" {100 * row['share']:.1f}\u00a0% " in cells


def test_disputes_are_counted_by_reason_and_listed_by_id(report, trained_harbour):
    quarrels = read_contents(trained_harbour).quarrels
    assert quarrels
    for quarrel in quarrels:
        assert any(f"`{quarrel['passage']}`" in line and "sample-a: " in line for line in report.splitlines())
    counts = re.search(r"\| reason .*\n\|.*\n((?:\|.*\n)+)", report).group(1)
    assert sum(int(line.split("|")[2]) for line in counts.splitlines()) == len(quarrels)


def test_no_text_of_a_passage_stands_in_it_even_with_originals(trained_harbour, report):
    contents = read_contents(trained_harbour, originals=True)
    assert set(contents.passages["source"]) == {"original"}
    whole = markdown(contents, load_catalogue())
    for text in contents.passages["text"]:
        assert text[:40] not in report
        assert text[:40] not in whole


def test_no_html_stands_in_it(report):
    assert "html_block" not in kinds(report)
    assert "html_inline" not in kinds(report)
    assert "<" not in report


def test_equal_inputs_give_equal_bytes(report, trained_harbour):
    assert made(trained_harbour) == report
    assert report.endswith("\n")
    assert "\n\n\n" not in report


def test_the_command_writes_it(own_harbour, report, command):
    assert command("report", "--format", "md", "--study", own_harbour.root).code == 0
    assert (own_harbour.root / "report.md").read_text(encoding="utf-8") == report


def test_a_comparison_stands_in_it(trained_harbour, report, tmp_path):
    shutil.copytree(trained_harbour.root, tmp_path / "now")
    now = Study.load(tmp_path / "now")
    rows = [json.loads(line) for line in now.gold_file.read_text(encoding="utf-8").splitlines()]
    rows[0]["value"] = "work" if rows[0]["value"] != "work" else "money"
    now.gold_file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    contents, text = read_contents(now), load_catalogue()
    found = compare_with(contents, trained_harbour.root, text)
    whole = markdown(contents, text, found)
    assert "## What moved" in whole
    assert escape(found["sentences"][0]) in whole
    assert f"| `{rows[0]['passage']}` |" in whole
    assert "### What went in" in whole


# hostile and odd studies


def hostile(target: Path, say: str) -> str:
    study = make_study(target)
    decision = study.root / "decision.jsonl"
    answer = {"passage": "harbour-north:008", "facet": "topic", "value": "work", "reason": "slip", "comment": say}
    decision.write_text(json.dumps(answer), encoding="utf-8")
    options = ["--coder", "judge", "--role", "adjudicator", "--study", str(study.root), "--quiet"]
    assert run(["import", "jsonl", str(decision), *options]) == 0
    said = json.dumps(say, ensure_ascii=False)
    for path, pairs in (
        (
            study.root / "study.toml",
            [("seed = 1", f"seed = 1\ntitle = {said}"), ('"A. Jansen"', said), ('"Dredging day"', said)],
        ),
        (
            study.root / "schemas" / "harbour.yaml",
            [
                ("- id: topic", f"- id: topic\n    label: {said}"),
                ("What is the passage mainly about?", said),
                ("label: Money", f"label: {said}"),
                ('"Jobs, workers, skills, hours."', said),
            ],
        ),
        (study.coders_file, [('"sample"', f'"sample"\ngiven = {said}')]),
    ):
        content = path.read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in content
            content = content.replace(old, new)
        path.write_text(content, encoding="utf-8")
    for path in (study.root / "seeds").glob("*.passages.jsonl"):
        rows = [json.loads(line) | {"section": say} for line in path.read_text(encoding="utf-8").splitlines()]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return made(Study.load(study.root))


def test_hostile_text_shows_as_text_and_adds_nothing(tmp_path):
    nasty, plain = hostile(tmp_path / "nasty", NASTY), hostile(tmp_path / "plain", "harmless")
    assert kinds(nasty) == kinds(plain)
    wanted = " ".join(NASTY.split())
    found = [sum(said in line for line in texts(source)) for source, said in ((nasty, wanted), (plain, "harmless"))]
    assert found[0] == found[1] > 50


def test_one_author_no_gold_and_no_model_say_what_is_missing(harbour):
    assert "There are no gold labels yet" in made(harbour)
    blocks = (harbour.root / "study.toml").read_text(encoding="utf-8").split("[[documents]]")
    kept = [block for block in blocks if "harbour-south" not in block]
    (harbour.root / "study.toml").write_text("[[documents]]".join(kept), encoding="utf-8")
    assert run(["gold", "--study", str(harbour.root), "--quiet"]) == 0
    alone = made(Study.load(harbour.root))
    assert "Divergence needs labelled passages by at least two authors." in alone
    assert "No model has been trained yet." in alone
    assert "B. Okafor" not in alone
