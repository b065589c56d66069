"""Write docs/report.png: the first screen of the bundled study's report, as Chromium shows it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from diptych.demo import run_demo

TARGET = Path(__file__).with_name("report.png")


def main() -> None:
    """Go the whole way in a temporary folder and take the picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = run_demo(Path(folder) / "demo", lambda _: None).report
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 960})
        page.goto(report.as_uri())
        page.screenshot(path=TARGET)
        browser.close()


if __name__ == "__main__":
    main()
