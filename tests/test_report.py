"""The report: one file that opens without a network, the same for the same inputs, and text as text."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import os
import re
import subprocess
import sys

import pytest

from diptych.cli.main import run
from diptych.study import Study
from diptych.template import make_study
from report_pages import NASTY, PLACES, Element, Reader, Report, filled, quoted, replace, reported, rewrite

# one file, the same each time


def test_same_inputs_give_the_same_bytes(report):
    assert reported(report.study, name="again.html").path.read_bytes() == report.path.read_bytes()


def test_another_process_gives_the_same_bytes(reports, tmp_path):
    out = tmp_path / "other.html"
    command = [
        sys.executable,
        "-m",
        "diptych",
        "report",
        "--study",
        reports["bridge"].study.root,
        "--out",
        out,
    ]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": "4"})
    assert out.read_bytes() == reports["bridge"].path.read_bytes()


def test_the_page_does_not_say_where_it_was_made(report):
    assert str(report.study.root) not in report.html
    assert report.study.root.parent.name not in report.html


def test_every_tag_is_closed_in_order(report):
    assert report.reader.faults == []


@pytest.mark.parametrize("page", ["<p><b></p></b>", "<ul><li></ul>", "<p><div></div></p>", "<td a=1 a=2></td>"])
def test_the_reader_of_these_tests_finds_faults(page):
    assert Reader(page).faults


def test_ids_are_unique_and_every_link_leads_to_one(report):
    ids = [element.attributes["id"] for element in report.page if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    listed = {f"#p-{passage['id']}" for passage in report.data["passages"]}
    links = {element.attributes["href"] for element in report.page.all("a")}
    assert links <= listed | {f"#{name}" for name in ids}


def test_a_link_to_a_passage_works_with_and_without_javascript(report):
    links = {a.attributes["href"] for a in report.page.all("a", "to-passage")}
    assert links
    assert links <= {f"#{li.attributes['id']}" for li in report.listed}


def test_labels_lead_to_fields_and_headings_stand_in_order(report):
    for label in report.page.all("label"):
        fields = [e for e in label if e.tag in {"select", "input"}]
        assert fields or report.page.id(label.attributes["for"]).tag == "input"
        assert label.text
    levels = [int(e.tag[1]) for e in report.page if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels[0] == 1
    assert all(deeper - level <= 1 for level, deeper in itertools.pairwise(levels))


def test_every_picture_has_a_text_alternative_or_stands_aside(report):
    drawings = report.page.all("svg")
    assert drawings
    for svg in drawings:
        named = svg.attributes.get("aria-label") and svg.attributes.get("role") in {"img", "group"}
        assert named or svg.attributes.get("aria-hidden") == "true"


def test_every_table_has_headings_with_a_scope(report):
    for table in report.page.all("table"):
        heads = table.all("th")
        assert heads
        assert {th.attributes.get("scope") for th in heads} <= {"col", "row", "colgroup"}


@pytest.mark.parametrize("name", ["data", "tables"])
def test_blocks_of_json_cannot_end_early(report, name):
    assert not re.search(r"[<>&\u2028\u2029]", report.page.id(name).raw)


def test_the_bundled_page_is_small(reports):
    assert reports["bundled"].path.stat().st_size < 1_500_000


def test_every_section_is_named_by_its_heading(report):
    for section in report.page.all("section"):
        heading = report.page.id(section.attributes["aria-labelledby"])
        assert (heading.tag, bool(heading.text)) == ("h2", True)


def test_language_and_encoding_are_declared(report):
    assert report.page.one("html").attributes["lang"] == "en"
    assert report.page.all("meta")[0].attributes == {"charset": "utf-8"}


# closed to the outside


def test_nothing_is_fetched(report):
    tags = {element.tag for element in report.page}
    assert not tags & {"link", "img", "iframe", "object", "embed", "base", "audio", "video", "source", "use"}
    loading = {"src", "srcset", "action", "data", "poster", "ping", "background", "xlink:href", "formaction"}
    assert [name for element in report.page for name in element.attributes if name in loading] == []
    assert all(a.attributes["href"].startswith("#") for a in report.page.all("a"))


def test_addresses_stand_in_text_only(report):
    values = [value for element in report.page for value in element.attributes.values()]
    assert [value for value in values if re.search(r"\w+://|^//", value)] == []


def test_style_and_script_reach_for_nothing(report):
    style, script = report.page.one("style").raw, program(report).raw
    assert not re.search(r"url\(|@import|://", style)
    assert not re.search(r"://|fetch|XMLHttpRequest|import|eval|innerHTML|outerHTML|document\.write", script)


def program(report: Report) -> Element:
    """The one script that runs; the others are data."""
    (found,) = (script for script in report.page.all("script") if "type" not in script.attributes)
    assert {script.attributes["type"] for script in report.page.all("script") if script is not found} == {
        "application/json"
    }
    return found


def policy(report: Report) -> dict[str, list[str]]:
    metas = report.page.all("meta")
    (said,) = (m for m in metas if m.attributes.get("http-equiv") == "Content-Security-Policy")
    parts = (part.split() for part in said.attributes["content"].split(";"))
    return {name: sources for name, *sources in parts}


def sha256_source(element: Element) -> str:
    digest = hashlib.sha256(element.raw.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def test_policy_allows_this_style_and_this_script_alone(report):
    said = policy(report)
    assert said["default-src"] == ["'none'"]
    assert said["style-src"] == [sha256_source(report.page.one("style"))]
    assert said["script-src"] == [sha256_source(program(report))]


def test_policy_forbids_another_base_and_sending_forms(report):
    assert (policy(report)["base-uri"], policy(report)["form-action"]) == (["'none'"], ["'none'"])


def test_policy_names_no_host_and_nothing_unsafe(report):
    sources = {source for allowed in policy(report).values() for source in allowed}
    assert {s for s in sources if not s.startswith("'sha256-")} <= {"'none'", "data:"}


def test_policy_stands_before_what_it_governs(report):
    assert report.html.index("Content-Security-Policy") < report.html.index("<style")


def test_no_element_carries_style_or_a_handler(report):
    names = {name for element in report.page for name in element.attributes}
    assert [name for name in names if name == "style" or name.startswith("on")] == []


# hostile text


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return filled(tmp_path_factory.mktemp("harmless") / "h", lambda place: f"{place}plain")


@pytest.mark.parametrize("place", PLACES)
def test_hostile_text_is_shown_as_it_was_written(hostile, place):
    assert " ".join(f"{place}{NASTY}".split()) in hostile.shown


@pytest.mark.parametrize("place", ["author", "digest", "section", "facet label", "value label", "coder's comment"])
def test_hostile_text_reaches_the_script_as_it_was_written(hostile, place):
    def strings(value):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                yield from strings(part)

    assert any(f"{place}{NASTY}" in text for text in strings(hostile.data))


def test_hostile_text_adds_no_element_and_no_attribute(hostile, harmless):
    def skeleton(report: Report) -> list[tuple[str, list[str]]]:
        return [(element.tag, list(element.attributes)) for element in report.page]

    assert hostile.reader.faults == []
    assert skeleton(hostile) == skeleton(harmless)


def test_hostile_text_leaves_the_policy_as_it_is(hostile, harmless):
    assert policy(hostile) == policy(harmless)


def test_templates_in_a_text_are_not_run(hostile):
    assert "{{ 7*7 }}" in hostile.shown
    assert "49 " not in hostile.page.one("head").one("title").text


def test_passages_may_run_from_right_to_left(report):
    directions = {p.attributes.get("dir") for li in report.listed for p in li.all("p", "text")}
    assert directions == {"auto"}


def test_a_digest_in_any_script_comes_out_as_it_went_in(small):
    digests = ["Лодка у причала", "渡口的钟声", "نهر صغير", "e\u0301te\u0301", "🛶 canoe", "a\u00a0b"]
    rows = [{"passage": f"harbour-north:{n:03d}", "text": text} for n, text in enumerate(digests, 1)]
    small.digest_file("harbour-north").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = reported(small)
    shown = [report.page.id(f"p-{row['passage']}").one("p", "text").raw for row in rows]
    assert shown == digests


def test_formulas_are_defused_in_every_table_of_the_page(tmp_path):
    study = make_study(tmp_path / "formulas")
    names = {'"A. Jansen"': quoted("=cmd|'/C calc'!A1"), '"B. Okafor"': quoted("@SUM(1+1)")}
    replace(study.root / "study.toml", names)
    for path in study.codings_folder.glob("*.jsonl"):
        rewrite(path, lambda row: row | {"coder": f"+{row['coder']}", "comment": "-1+1"})
    study = Study.load(study.root)
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    found = reported(study).tables
    assert {"coverage", "differences", "disputes", "passages"} <= set(found)
    cells = [cell for text in found.values() for row in csv.reader(io.StringIO(text)) for cell in row]
    assert any("=cmd" in cell for cell in cells)
    assert [cell for cell in cells if re.match(r"[=@]|\+[^\d]", cell)] == []
