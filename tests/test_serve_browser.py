"""The page of `diptych serve` in Chromium, as its readers meet it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import diptych
from diptych.study import Study

pytestmark = pytest.mark.browser

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

FEES = "The harbour fees rise, and the town council pays for the crane that nobody uses."
MUD = "The mud is deep, and the birds eat there all day long beside the quay of the port."


@pytest.fixture
def open_page(chromium, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """`open_page(url, width=390)`: a page whose faults and foreign requests fail the test."""
    contexts = []
    faults: list[str] = []

    def call(url: str, *, width: int = 1200, **more: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("request", lambda sent: faults.append(sent.url) if not sent.url.startswith((url, "data:")) else None)
        page.goto(url)
        return page

    yield call
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def reading(start, trained_harbour: Study) -> Any:
    return start("--study", trained_harbour.root)


def classify(page: Any, text: str) -> None:
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Classify").click()
    page.get_by_role("heading", level=2).wait_for()


def other(page: Any, select: str) -> str:
    """Choose another value than the model's."""
    field = page.locator(f"#{select}")
    now = field.input_value()
    values = field.locator("option").evaluate_all("options => options.map(one => one.value)")
    value = next(one for one in values if one and one != now)
    field.select_option(value)
    return value


def downloaded(page: Any) -> list[dict[str, Any]]:
    with page.expect_download() as found:
        page.get_by_role("button", name="Download corrections").click()
    assert found.value.suggested_filename == "corrections.jsonl"
    return [json.loads(line) for line in Path(found.value.path()).read_text().splitlines()]


def test_a_pasted_text_is_corrected_and_the_download_is_what_was_changed(reading, open_page):
    page = open_page(reading.url)
    classify(page, f"{FEES}\n\n{MUD}")
    assert page.locator("ol > li").count() == 2
    assert page.locator(".text").all_inner_texts() == [FEES, MUD]
    assert page.locator("table caption").inner_text().startswith("Passages by")
    assert "%" in page.locator(".shares").first.inner_text()
    assert "moved by" in page.locator(".moved").first.inner_text()
    mine = other(page, "value-topic-2")
    playwright.expect(page.locator("#value-topic-2")).to_have_class("changed")
    page.get_by_label("Your name").fill("ada")
    (row,) = downloaded(page)
    assert (row["text"], row["facet"], row["value"], row["coder"]) == (MUD, "topic", mine, "ada")


def test_a_file_is_chosen_or_dropped(reading, open_page, tmp_path: Path):
    file = tmp_path / "log.txt"
    file.write_text(f"{FEES}\n\n{MUD}\n")
    page = open_page(reading.url)
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Classify").click()
    playwright.expect(page.get_by_role("heading", name="log.txt: 2 passages")).to_be_visible()
    page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], "dropped.txt", {type: "text/plain"}));
            document.querySelector(".ask").dispatchEvent(
                new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        FEES,
    )
    page.get_by_role("button", name="Classify").click()
    playwright.expect(page.get_by_role("heading", name="dropped.txt: 1 passage")).to_be_visible()


def test_with_write_corrections_become_codings(start, own_harbour: Study, open_page):
    server = start("--study", own_harbour.root, "--write")
    row = diptych.load_passages(own_harbour).iloc[0]
    before = set(own_harbour.codings_folder.iterdir())
    page = open_page(server.url)
    classify(page, row["text"])
    mine = other(page, "value-topic-1")
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Append to the study").click()
    playwright.expect(page.get_by_role("status")).to_contain_text("1 codings by ada are in")
    (file,) = set(own_harbour.codings_folder.iterdir()) - before
    (coding,) = [one for line in file.read_text().splitlines() if "facet" in (one := json.loads(line))]
    assert (coding["passage"], coding["coder"], coding["value"]) == (row["passage"], "ada", mine)


def test_a_stranger_is_refused_on_the_page_and_the_changes_are_still_there(start, own_harbour: Study, chromium):
    server = start("--study", own_harbour.root, "--write")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(server.url)
    classify(page, FEES)
    mine = other(page, "value-topic-1")
    page.get_by_label("Your name").fill("ada")
    page.get_by_role("button", name="Append to the study").click()
    playwright.expect(page.get_by_role("alert")).to_contain_text("None of these texts is a passage of the study")
    playwright.expect(page.locator("#value-topic-1")).to_have_value(mine)
    playwright.expect(page.locator("#value-topic-1")).to_have_class("changed")
    playwright.expect(page.get_by_label("Your name")).to_have_value("ada")
    context.close()


def test_another_site_cannot_make_the_browser_write(start, own_harbour: Study, chromium):
    server = start("--study", own_harbour.root, "--write")
    context = chromium.new_context()
    page = context.new_page()
    page.goto("data:text/html,<p>elsewhere")
    page.set_content(f'<form method=post action="{server.url}/corrections"><button>go</button></form>')
    with page.expect_response(lambda answer: answer.url.endswith("/corrections")) as found:
        page.get_by_role("button").click()
    assert found.value.status == 403
    context.close()


def test_without_javascript_everything_works_but_dropping(reading, open_page):
    page = open_page(reading.url, java_script_enabled=False)
    classify(page, f"{FEES}\n\n{MUD}")
    mine = other_without_script(page)
    page.locator("[name=checked-2]").check()
    rows = downloaded(page)
    assert (rows[0]["facet"], rows[0]["value"]) == ("topic", mine)
    assert {row["text"] for row in rows} == {FEES, MUD}


def other_without_script(page: Any) -> str:
    field = page.locator("#value-topic-1")
    now = field.input_value()
    value = next(one for one in ("money", "nature", "work") if one != now)
    field.select_option(value)
    return value


def test_by_keyboard_alone(reading, open_page):
    page = open_page(reading.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.type(FEES)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Classify"
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=2).wait_for()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "value-topic-1":
            break
    before = page.locator("#value-topic-1").input_value()
    page.keyboard.press("ArrowDown" if before != "work" else "ArrowUp")
    assert page.locator("#value-topic-1").input_value() != before
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Download corrections":
            break
    with page.expect_download():
        page.keyboard.press("Enter")


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_nothing_hangs_over_the_edge(reading, open_page, width):
    page = open_page(reading.url, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    classify(page, f"{FEES} {'long' * 60}\n\n{MUD}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("filled", [False, True])
def test_axe_finds_no_serious_fault(reading, open_page, scheme, filled):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page = open_page(reading.url, color_scheme=scheme, bypass_csp=True)
    if filled:
        classify(page, f"{FEES}\n\n{MUD}")
        other(page, "value-topic-2")
    found = axe.Axe().run(page).response["violations"]
    serious = [
        f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in found if one["impact"] in {"serious", "critical"}
    ]
    assert serious == []
