"""How the page looks: axe-core, contrast, phone and wide screens, dark, paper, and studies that are odd."""

from __future__ import annotations

import re

import pytest

from odd_studies import ODD
from report_pages import Report, Tab, reported

pytestmark = pytest.mark.browser

A4 = 688  # CSS pixels between the margins of 14 mm


def faults(tab: Tab, *, contrast: bool = True) -> list[str]:
    """What axe-core finds, everything unfolded; contrast takes most of its time, and is the same in every study."""
    from axe_playwright_python.sync_playwright import Axe

    tab.open_details()
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": contrast}}}
    found = Axe().run(tab.page, options=options).response["violations"]
    return [f"{one['impact']} {one['id']}: {[node['html'][:200] for node in one['nodes'][:5]]}" for one in found]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing(browse, reports, scheme, width):
    tab = browse(reports["bridge"], color_scheme=scheme, viewport={"width": width, "height": 900})
    assert faults(tab) == []


@pytest.mark.parametrize("name", ["bundled", "estimated", "hostile"])
def test_axe_finds_nothing_in_other_studies(request, browse, name):
    report = request.getfixturevalue("reports")[name] if name == "bundled" else request.getfixturevalue(name)
    assert faults(browse(report), contrast=name == "estimated") == []


def test_the_axe_of_these_tests_finds_faults(browse, reports):
    tab = browse(reports["harbour"])
    tab.page.evaluate("() => document.querySelectorAll('label').forEach((one) => one.replaceWith(...one.childNodes))")
    tab.page.evaluate("() => { document.querySelector('h1').style.color = '#ccc' }")
    assert {"critical", "serious color-contrast"} <= {
        re.sub(r"(?<=critical).*|: .*", "", fault) for fault in faults(tab)
    }


# widths


def overflow(tab: Tab) -> int:
    return tab.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("name", ["bundled", "bridge"])
def test_the_page_does_not_run_over_the_side(browse, reports, name):
    tab = browse(reports[name])
    tab.open_details()
    for width in (320, 360, 768, 1280, 1920):
        tab.page.set_viewport_size({"width": width, "height": 800})
        assert overflow(tab) <= 0, width


def test_hostile_text_does_not_run_over_the_side_of_a_phone(browse, hostile):
    tab = browse(hostile, viewport={"width": 360, "height": 800})
    tab.open_details()
    assert overflow(tab) <= 0


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """The report of a study of `ODD`, made when it is first asked for."""
    made: dict[str, Report] = {}

    def report(name: str) -> Report:
        if name not in made:
            made[name] = reported(ODD[name](tmp_path_factory.mktemp("odd") / "study"))
        return made[name]

    return report


@pytest.mark.parametrize("name", ODD)
def test_an_odd_study_has_a_page_without_fault(browse, odd, name):
    tab = browse(odd(name), viewport={"width": 360, "height": 800})
    tab.expect_shown(len(odd(name).data["passages"]))
    tab.open_details()
    assert tab.complaints == []
    assert overflow(tab) <= 0
    tab.page.set_viewport_size({"width": 1280, "height": 800})
    assert overflow(tab) <= 0
    tab.page.emulate_media(media="print")
    tab.page.set_viewport_size({"width": A4, "height": 1000})
    assert overflow(tab) <= 0


@pytest.mark.parametrize("name", ["from the right", "thirty values", "nine authors", "one passage", "no gold"])
def test_axe_finds_nothing_in_an_odd_study(browse, odd, name):
    assert faults(browse(odd(name)), contrast=False) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one author", "divergence compares two"),
        ("one passage", "agreement needs two coders"),
        ("no gold", "there are no gold labels yet (run `diptych gold`)"),
        ("no model", "diptych train"),
        ("no text", "There is no digest of this passage"),
        ("no text", "there is neither a digest nor a text to show"),
    ],
)
def test_an_odd_study_says_what_is_missing(browse, odd, name, words):
    tab = browse(odd(name))
    assert words in tab.page.locator("main").inner_text()


def test_text_from_the_right_is_set_from_the_right(browse, odd):
    tab = browse(odd("from the right"))
    sides = dict(
        tab.page.locator("#list .text").evaluate_all(
            "all => all.map((one) => [one.textContent, getComputedStyle(one).direction])"
        )
    )
    assert sides["نهر صغير"] == "rtl"
    assert sides["渡船在黎明前抵达港口。"] == "ltr"


# colours


LIGHT = """
const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const light = (colour) => {
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    const parts = Array.from(paint.getImageData(0, 0, 1, 1).data).slice(0, 3).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const contrast = (one, other) => {
    const pair = [light(one), light(other)].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
};
"""


def brightness(tab: Tab, name: str) -> float:
    colour = tab.page.evaluate(f"() => getComputedStyle(document.body).{name}")
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3])


def test_the_dark_scheme_is_light_on_dark(browse, reports):
    for scheme, dark in (("light", False), ("dark", True)):
        tab = browse(reports["harbour"], color_scheme=scheme)
        assert (brightness(tab, "color") > brightness(tab, "backgroundColor")) is dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_in_heat_cells_can_be_read_on_their_colour(browse, reports, scheme):
    tab = browse(reports["bundled"], color_scheme=scheme)
    ratios = tab.page.evaluate(
        "() => {"
        + LIGHT
        + """return Array.from(document.querySelectorAll(".heat td")).filter((td) => td.querySelector(".share"))
            .map((td) => {
                const own = getComputedStyle(td);
                const ground = td.classList.contains("blind") ? document.querySelector(".diptych") : td;
                const ink = getComputedStyle(td.querySelector(".share")).color;
                return [td.className, contrast(ink, getComputedStyle(ground).backgroundColor)];
            });}"""
    )
    assert {name.split()[0] for name, _ in ratios} >= {"h0", "h1", "h10"}
    assert [found for found in ratios if found[1] < 4.5] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_level_and_every_piece_can_carry_its_number(browse, reports, scheme):
    tab = browse(reports["harbour"], color_scheme=scheme)
    ratios = tab.page.evaluate(
        "() => {"
        + LIGHT
        + """const found = [];
        const cell = document.querySelector(".heat td:has(a)");
        for (let level = 0; level <= 10; level += 1) {
            cell.className = "h" + level;
            const look = getComputedStyle(cell);
            found.push([cell.className, contrast(look.color, look.backgroundColor)]);
        }
        const link = document.querySelector(".hinge .thick a");
        const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
        link.append(text);
        const rect = link.querySelector("rect");
        for (const tone of ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "low", "middle", "high", "plain"]) {
            rect.setAttribute("class", tone);
            text.setAttribute("class", "on-" + tone);
            found.push([tone, contrast(getComputedStyle(text).fill, getComputedStyle(rect).fill)]);
        }
        return found;}"""
    )
    assert len(ratios) == 23
    assert [found for found in ratios if found[1] < 4.5] == []


# paper


def test_on_paper_controls_are_gone_and_every_chosen_passage_stands(browse, reports):
    report = reports["bridge"]
    tab = browse(report)
    tab.page.emulate_media(media="print")
    for selector in ("nav", "#filters", ".switches", ".tools", "#own", "#pages", "button"):
        assert tab.page.locator(f"{selector}:visible").count() == 0, selector
    tab.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert tab.listed == [row["id"] for row in report.data["passages"]]
    tab.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert len(tab.listed) == 25


def test_on_paper_only_chosen_passages_stand(browse, reports):
    tab = browse(reports["bridge"])
    tab.page.locator("select[name=author]").select_option("M. Duarte")
    tab.page.emulate_media(media="print")
    tab.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert len(tab.listed) == 14


@pytest.mark.parametrize("name", ["bundled", "bridge"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_nothing_is_wider_than_the_page_and_the_ground_is_white(browse, reports, name, scheme):
    tab = browse(reports[name], color_scheme=scheme, viewport={"width": A4, "height": 1000})
    tab.open_details()
    tab.page.emulate_media(media="print")
    assert overflow(tab) <= 0
    wide = tab.page.evaluate(
        """(width) => Array.from(document.querySelectorAll("main *")).filter((one) => one.checkVisibility())
            .filter((one) => !one.closest(".away") && one.getBoundingClientRect().right > width + 1)
            .map((one) => one.outerHTML.slice(0, 100))""",
        A4,
    )
    assert wide == []
    assert brightness(tab, "backgroundColor") == 3 * 255


def test_it_prints_to_pages(browse, reports):
    import pypdfium2

    tab = browse(reports["harbour"])
    document = pypdfium2.PdfDocument(tab.page.pdf(format="A4", prefer_css_page_size=True))
    text = "".join(page.get_textpage().get_text_range() for page in document)
    assert 5 <= len(document) <= 25
    assert all(row["id"] in text for row in reports["harbour"].data["passages"])
    document.close()
