"""The page in a browser without a network: every control, every link from a number to its passages."""

from __future__ import annotations

import re

import pytest

import diptych
from diptych.cli.main import run
from diptych.study import Study
from diptych.template import make_study
from report_pages import NASTY, Tab, heat_maps, replace, reported

pytestmark = pytest.mark.browser


def test_the_first_view_of_the_bundled_study_comes_within_a_second(browse, reports):
    tab = browse(reports["bundled"])
    tab.expect_shown(184)
    assert tab.first_view < 1000


def test_the_browser_complains_of_nothing_and_asks_for_nothing(browse, report):
    tab = browse(report)
    tab.page.locator("#filters").wait_for()
    assert tab.complaints == []
    assert tab.requests == [report.path.as_uri()]


def test_the_policy_stops_a_foreign_script(browse, reports):
    tab = browse(reports["harbour"])
    tab.page.evaluate(
        "() => document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.__hit = 1'}))"
    )
    assert tab.page.evaluate("() => window.__hit") is None
    assert "Content Security Policy" in "".join(tab.complaints)


def test_hostile_text_runs_nothing_in_a_browser(browse, hostile):
    tab = browse(hostile)
    tab.expect_shown(16)
    tab.open_details()
    tab.page.locator("select[name=coders]").select_option("differ")
    tab.page.locator("input[name=words]").fill("<script>")
    assert tab.complaints == []
    assert tab.page.locator("img").count() == 0
    assert tab.page.evaluate("() => window.__hit") is None


@pytest.mark.parametrize("place", ["author", "digest", "section", "coder's comment", "value label"])
def test_hostile_text_is_listed_as_text(browse, hostile, place):
    tab = browse(hostile)
    tab.page.locator("select[name=coders]").select_option("differ" if "comment" in place else "")
    said = " ".join(tab.page.locator("#list").inner_text().split())
    assert " ".join(f"{place}{NASTY}".split()) in said


# switches


def visible(tab: Tab, selector: str) -> list[str]:
    return tab.page.locator(f"{selector}:visible").evaluate_all("found => found.map((one) => one.className)")


def test_switches_show_the_one_view_and_table_that_are_chosen(browse, estimated):
    tab = browse(estimated)
    for source in ("gold", "corrected", "uncorrected", "gold"):
        tab.page.locator(f"#s-{source}").check()
        for weight in ("passages", "words"):
            tab.page.locator(f"#w-{weight}").check()
            assert visible(tab, ".view") == [f"view {source} {weight}"]
            assert visible(tab, ".source") == [f"source {source}"]


def test_switches_move_by_arrow_keys(browse, estimated):
    tab = browse(estimated)
    tab.page.locator("#w-passages").focus()
    tab.page.keyboard.press("ArrowRight")
    assert visible(tab, ".view") == ["view gold words"]
    tab.page.locator("#s-gold").focus()
    tab.page.keyboard.press("ArrowDown")
    assert visible(tab, ".view") == ["view corrected words"]


def test_where_there_is_one_source_no_switch_of_sources_is_shown(browse, reports):
    tab = browse(reports["bundled"])
    assert tab.page.locator("input[name=weight]:visible").count() == 2
    assert tab.page.locator("input[name=source]:visible").count() == 0


# filters


def test_every_author_can_be_filtered(browse, reports):
    report = reports["bridge"]
    tab = browse(report)
    tab.expect_shown(45)
    for author, rows in diptych.load_passages(report.study).groupby("author"):
        tab.page.locator("select[name=author]").select_option(label=author)
        tab.expect_shown(len(rows))
        assert tab.listed == rows["passage"].tolist()


def test_an_author_of_hostile_name_can_be_filtered(browse, hostile):
    tab = browse(hostile)
    tab.page.locator("select[name=author]").select_option(index=1)
    tab.expect_shown(8)


def test_every_value_of_every_facet_can_be_filtered(browse, reports):
    report = reports["bridge"]
    tab = browse(report)
    gold = diptych.load_gold(report.study)
    for (facet, value), rows in gold.groupby(["facet", "value"]):
        select = tab.page.locator(f"select[data-facet={facet}]")
        select.select_option(value)
        tab.expect_shown(len(rows))
        assert len(tab.listed) == min(25, len(rows))
        assert set(tab.listed) <= set(rows["passage"])
        select.select_option("")


@pytest.mark.parametrize(("choice", "number"), [("differ", 6), ("agree", 39)])
def test_passages_on_which_coders_differ_can_be_filtered(browse, reports, choice, number):
    tab = browse(reports["bridge"])
    tab.page.locator("select[name=coders]").select_option(choice)
    tab.expect_shown(number)


def test_right_and_wrong_predictions_can_be_filtered(browse, reports):
    report = reports["harbour"]
    tab = browse(report)
    wrong = [
        row["id"]
        for row in report.data["passages"]
        if any(v >= 0 and p and p[0] != v for v, p in zip(row["v"], row["p"], strict=True))
    ]
    tab.page.locator("select[name=prediction]").select_option("wrong")
    assert tab.listed == wrong
    tab.page.locator("select[name=prediction]").select_option("right")
    assert set(tab.listed).isdisjoint(wrong)
    assert len(tab.listed) == 16 - len(wrong)


@pytest.mark.parametrize(
    ("words", "passages"),
    [
        ("HERON NESTS", ["duarte-2:001"]),
        ("пчеловод", ["orlova-2:002"]),
        ("鲑鱼洄游", ["lin-1:003"]),
        ("  duarte-1:007 ", ["duarte-1:007"]),
        ("zeppelin", []),
    ],
)
def test_words_are_found_in_any_script_and_case(browse, open_bridge, words, passages):
    tab = browse(open_bridge)
    tab.page.locator("input[name=words]").fill(words)
    tab.expect_shown(len(passages))
    assert tab.listed == passages


def test_filters_narrow_together_and_show_all_takes_them_off(browse, reports):
    tab = browse(reports["bridge"])
    tab.page.locator("select[name=author]").select_option("林悦")
    tab.page.locator("select[data-facet=promise]").select_option("yes")
    tab.expect_shown(5)
    tab.page.locator("select[name=coders]").select_option("agree")
    assert tab.number < 6
    tab.page.get_by_role("button", name="Show all").click()
    tab.expect_shown(45)
    chosen = tab.page.locator("#filters select, #filters input").evaluate_all("all => all.map((one) => one.value)")
    assert set(chosen) == {""}


def test_a_facet_may_have_the_name_of_a_part_of_the_form(browse, tmp_path):
    study = make_study(tmp_path / "clash")
    names = {"topic": "reset", "side": "hidden", "tone": "querySelector"}
    changes = {f"id: {old}\n": f"id: {new}\n    was: [{old}]\n" for old, new in names.items()}
    replace(study.root / "schemas" / "harbour.yaml", changes)
    study = Study.load(study.root)
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    tab = browse(reported(study))
    tab.page.locator(".filters select").first.wait_for()
    assert tab.complaints == []
    assert differing_links(tab) == []


# pages of the list


def test_the_list_is_turned_over_by_pages_and_the_focus_follows(browse, reports):
    report = reports["bridge"]
    ids = [row["id"] for row in report.data["passages"]]
    tab = browse(report)
    following, before = (tab.page.locator(f".pages .{name}") for name in ("next", "previous"))
    assert (tab.listed, before.is_disabled(), following.is_disabled()) == (ids[:25], True, False)
    following.click()
    assert (tab.listed, before.is_disabled(), following.is_disabled()) == (ids[25:], False, True)
    assert tab.page.evaluate("() => document.activeElement.id") == f"p-{ids[25]}"
    assert tab.page.locator(".pages output").inner_text() == "page 2 of 2"
    assert tab.page.locator("#list").get_attribute("start") == "26"
    before.click()
    assert tab.listed == ids[:25]
    assert tab.page.evaluate("() => document.activeElement.id") == f"p-{ids[0]}"


def test_a_filter_begins_at_the_first_page_and_one_page_has_no_buttons(browse, reports):
    tab = browse(reports["bridge"])
    tab.page.locator(".pages .next").click()
    tab.page.locator("select[name=author]").select_option("M. Duarte")
    assert len(tab.listed) == 14
    assert not tab.page.locator("#pages").is_visible()


# links from numbers to passages


def differing_links(tab: Tab, links: str = "a.to-evidence") -> list[list[object]]:
    """Follow every one of these links; return those that then choose another number of passages than they show."""
    return tab.page.evaluate(
        """(links) => {
            const said = (link) => {
                if (link.closest(".view.words")) return null; // counted in words
                const count = link.querySelector(".count");
                const label = (link.getAttribute("aria-label") || "").match(/: (\\d+)$/);
                if (count) return Number(count.textContent);
                if (label) return Number(label[1]);
                const number = link.textContent.trim().match(/(\\d+)$/);
                return number ? Number(number[1]) : null;
            };
            const found = [];
            for (const link of document.querySelectorAll(links)) {
                link.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
                const seen = parseInt(document.getElementById("shown").textContent, 10);
                if (said(link) !== null && said(link) !== seen) {
                    found.push([link.dataset.author, link.dataset.facets, link.dataset.value, said(link), seen]);
                }
            }
            return found;
        }""",
        links,
    )


KINDS = {
    "heat cells": "#coverage .heat a",
    "tables of facets": "#coverage .numbers a",
    "pieces of the picture": ".hinge svg a",
    "amounts of the picture": ".hinge .amount a",
    "pieces of scales": "#scale svg a",
    "counts of differences": "#divergence .counts a",
    "confusion": ".confusion a",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_chooses_exactly_the_passages_it_counts(browse, reports, kind):
    tab = browse(reports["harbour"])
    assert tab.page.locator(KINDS[kind]).count() > 0
    assert differing_links(tab, KINDS[kind]) == []


def test_no_number_of_another_study_chooses_others(browse, reports, estimated):
    for report in (reports["bundled"], reports["bridge"], estimated):
        tab = browse(report)
        assert tab.page.locator("a.to-evidence").count() > 50
        assert differing_links(tab) == []


def test_alpha_leads_to_the_passages_on_which_coders_differ_on_that_facet(browse, reports):
    report = reports["bridge"]
    tab = browse(report)
    for facet in report.study.schema.facets:
        tab.page.locator(f"#agreement a[data-differ={facet.id}]").dispatch_event("click")
        differ = [row["id"] for row in report.data["passages"] if any(q["f"] == facet.id for q in row["q"])]
        assert differ
        assert tab.listed == differ
        assert tab.page.locator("#chip").inner_text() == f"{facet.name}: coders differ ✕"


def test_a_click_on_a_heat_cell_leads_to_its_passages(browse, reports):
    report = reports["bridge"]
    tab = browse(report)
    tab.page.locator(".heat a:visible").first.click()
    place, cell = next((place, cell) for place, cell in heat_maps(report).items() if cell.link)
    tab.expect_shown(int(cell.count))
    assert tab.page.url.endswith("#evidence")
    assert {name.split("-")[0] for name in tab.listed} == {"orlova"}
    assert tab.page.locator("select[name=author]").input_value() == place[0]
    values = dict(zip(cell.link[1].split(" x "), cell.link[2].split(" x "), strict=True))
    assert {f: tab.page.locator(f"select[data-facet={f}]").input_value() for f in values} == values


def test_a_choice_by_prediction_is_shown_and_can_be_taken_off(browse, reports):
    tab = browse(reports["harbour"])
    tab.page.locator(".confusion a").first.click()
    chip = tab.page.locator("#chip")
    assert re.fullmatch(r"Topic: predicted \w+ ✕", chip.inner_text())
    fewer = tab.number
    chip.focus()
    tab.page.keyboard.press("Enter")
    assert not chip.is_visible()
    assert tab.number > fewer
    assert tab.page.locator("select[data-facet=topic]").input_value()


def test_a_link_to_a_disputed_passage_shows_it_though_it_was_filtered_out(browse, reports):
    report = reports["bridge"]
    ids = [row["id"] for row in report.data["passages"]]
    wanted = next(a for a in report.page.id("agreement").all("a", "to-passage") if ids.index(a.text) >= 25).text
    tab = browse(report)
    tab.page.locator("select[name=author]").select_option("Вера Орлова")
    tab.expect_shown(14)
    tab.page.locator("#agreement summary").first.click()
    tab.page.locator("#agreement a", has_text=wanted).first.click()
    tab.expect_shown(45)
    entry = tab.page.locator(f"[id='p-{wanted}']")
    entry.wait_for()
    tab.page.wait_for_timeout(100)  # whatever the script put off would have come by now
    assert entry.is_visible()
    assert tab.page.evaluate("() => document.activeElement.id") == f"p-{wanted}"
    assert tab.page.url.endswith(f"#p-{wanted}")


@pytest.mark.parametrize("place", [0, 24, 25, 44])
def test_an_address_of_a_passage_opens_its_page_of_the_list_and_focuses_it(browse, reports, place):
    report = reports["bridge"]
    wanted = report.data["passages"][place]["id"]
    tab = browse(report, f"#p-{wanted}")
    assert tab.page.evaluate("() => document.activeElement.id") == f"p-{wanted}"
    assert tab.page.locator(".pages output").inner_text() == f"page {1 + place // 25} of 2"
    assert tab.page.locator(f"[id='p-{wanted}']").is_visible()


def test_the_address_may_change_while_the_page_is_open(browse, reports):
    report = reports["bridge"]
    wanted = report.data["passages"][30]["id"]
    tab = browse(report)
    tab.page.evaluate("(name) => { location.hash = `p-${name}`; }", wanted)
    tab.page.locator(f"[id='p-{wanted}']").wait_for()


@pytest.mark.parametrize("address", ["#p-nobody:001", "#p-", "#%", "#p-%E0%A4", "#nowhere", "#p-<img>"])
def test_an_address_that_leads_nowhere_does_no_harm(browse, reports, address):
    tab = browse(reports["harbour"], address)
    tab.expect_shown(16)
    assert tab.complaints == []


# keyboard and no JavaScript


def test_the_keyboard_reaches_every_link_and_control_of_the_first_screen(browse, reports):
    tab = browse(reports["bundled"])
    wanted = tab.page.evaluate(
        """() => {
            const all = document.querySelectorAll("nav a, #glance a, #glance button, #glance summary");
            all.forEach((one, place) => { one.dataset.stop = place; });
            return all.length;
        }"""
    )
    reached = set()
    for _ in range(wanted + 5):
        tab.page.keyboard.press("Tab")
        reached.add(tab.page.evaluate("() => document.activeElement.dataset.stop || document.activeElement.className"))
    assert {str(number) for number in range(wanted)} <= reached
    assert "skip" in reached


def test_enter_on_a_heat_cell_and_on_a_piece_leads_to_the_passages(browse, reports):
    tab = browse(reports["harbour"])
    for selector in ("#coverage .heat a:visible", ".hinge svg a"):
        tab.page.evaluate("() => history.replaceState(null, '', '#')")
        link = tab.page.locator(selector).last
        said = link.get_attribute("aria-label") or link.locator(".count").inner_text()
        count = int(said.split()[-1])
        link.focus()
        tab.page.keyboard.press("Enter")
        tab.expect_shown(count)
        assert tab.page.url.endswith("#evidence")


def test_every_control_of_the_page_can_be_focused(browse, reports):
    tab = browse(reports["harbour"])
    tab.open_details()
    deaf = tab.page.evaluate(
        """() => Array.from(document.querySelectorAll("a, button, select, input, summary"))
            .filter((one) => one.checkVisibility() && !one.disabled)
            .filter((one) => { one.focus(); return document.activeElement !== one; }).map((one) => one.outerHTML)"""
    )
    assert deaf == []


def test_evidence_is_visible_without_javascript(browse, reports):
    report = reports["bridge"]
    tab = browse(report, java_script_enabled=False)
    assert tab.listed == diptych.load_passages(report.study)["passage"].tolist()


def test_controls_that_cannot_work_without_javascript_are_not_shown(browse, reports):
    tab = browse(reports["harbour"], java_script_enabled=False)
    for selector in ("#filters", "#own", "#pages", ".tools", "button"):
        assert tab.page.locator(f"{selector}:visible").count() == 0
    tab.page.locator("#w-words").check()
    assert visible(tab, ".view") == ["view gold words"]


def test_without_javascript_a_link_leads_to_its_passage(browse, reports):
    from playwright.sync_api import expect

    tab = browse(reports["harbour"], java_script_enabled=False)
    tab.page.locator("#agreement summary").first.click()
    link = tab.page.locator("#agreement a.to-passage").first
    name = link.inner_text()
    link.click()
    expect(tab.page.locator(f"[id='p-{name}']")).to_be_in_viewport()
