"""What a reader takes from the page and brings to it: tables downloaded and copied, an own copy of a document."""

from __future__ import annotations

from pathlib import Path

import pytest

import diptych
from diptych.cli.main import run
from diptych.files import sha256_bytes
from diptych.report.tables import COMMANDS
from diptych.study import Study
from diptych.template import make_study
from report_pages import Tab, command_line, reported

pytestmark = pytest.mark.browser


# tables


NAMES = ["coverage", "coverage-corrected", "coverage-uncorrected", "differences", "reliability", "evaluation"]


def downloaded(tab: Tab, name: str, target: Path) -> bytes:
    if name.startswith("coverage"):
        tab.page.locator(f"#s-{name.removeprefix('coverage').removeprefix('-') or 'gold'}").check()
    with tab.page.expect_download(timeout=30_000) as waiting:
        tab.page.locator(f".tools[data-table='{name}'] .csv").click()
    assert waiting.value.suggested_filename == f"{name}.csv"
    waiting.value.save_as(target)
    return target.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_download_has_exactly_the_bytes_of_the_command_line(browse, estimated, tmp_path, name):
    tab = browse(estimated)
    tab.open_details()
    assert downloaded(tab, name, tmp_path / "t.csv") == command_line(estimated.study.root, COMMANDS[name]).encode()


def test_disputes_and_words_in_three_scripts_can_be_downloaded(browse, reports, tmp_path):
    report = reports["bridge"]
    tab = browse(report)
    tab.open_details()
    found = downloaded(tab, "disputes", tmp_path / "t.csv")
    assert found == command_line(report.study.root, "diptych reliability --disputes --format csv").encode()
    assert "林悦" in downloaded(tab, "words", tmp_path / "w.csv").decode("utf-8")


def test_every_table_can_be_downloaded(browse, reports, tmp_path):
    report = reports["harbour"]
    tab = browse(report)
    tab.open_details()
    for name, text in report.tables.items():
        assert downloaded(tab, name, tmp_path / "t.csv") == text.encode()


def test_a_table_can_be_copied(browse, reports):
    report = reports["harbour"]
    tab = browse(report, permissions=["clipboard-read", "clipboard-write"])
    button = tab.page.locator(".tools[data-table=reliability] .copy")
    button.click()
    tab.page.get_by_text("Copied").wait_for()
    copied = tab.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.replace("\r\n", "\n") == report.tables["reliability"].replace("\r\n", "\n")
    tab.page.locator(".tools[data-table=reliability] .copy", has_text="Copy table").wait_for()


def test_where_the_clipboard_is_not_allowed_the_older_way_copies(browse, reports):
    report = reports["harbour"]
    tab = browse(report)
    tab.page.evaluate(
        """() => {
            Object.defineProperty(navigator, "clipboard", {value: {writeText: () => Promise.reject(new Error("no"))}});
            document.execCommand = (what) => { window.copied = [what, document.activeElement.value]; return true; };
        }"""
    )
    tab.page.locator(".tools[data-table=reliability] .copy").click()
    tab.page.get_by_text("Copied").wait_for()
    what, text = tab.page.evaluate("() => window.copied")
    assert (what, text) == ("copy", report.tables["reliability"].replace("\r\n", "\n"))
    assert tab.page.locator("textarea").count() == 0


# the reader's own copy


def test_an_own_copy_shows_the_passages_own_words(browse, reports):
    report = reports["bridge"]
    files = {row["id"]: row["file"] for row in report.data["documents"]}
    tab = browse(report)
    field = tab.page.locator("#own-file")
    field.set_input_files([report.study.root / "seeds" / name for name in files.values()])
    tab.page.get_by_text("checked, ").first.wait_for()
    shown = {}
    for page in range(2):
        if page:
            tab.page.locator(".pages .next").click()
        shown |= dict(
            tab.page.locator(".evidence > li:visible").evaluate_all(
                "all => all.map((li) => [li.id.slice(2), li.querySelector('.own-text').textContent])"
            )
        )
    passages = diptych.load_passages(report.study)
    assert passages["source"].unique().tolist() == ["original"]
    for row in passages.to_dict("records"):
        original = (report.study.root / "seeds" / files[row["document"]]).read_bytes().decode("utf-8")
        words = "\n".join(original[start:end] for start, end in row["spans"])
        assert "".join(shown[row["passage"]].removeprefix("In your copy: ").split()) == "".join(words.split())
    assert tab.requests == [report.path.as_uri()]
    assert tab.complaints == []


def test_a_changed_copy_is_refused_with_its_hash(browse, reports, tmp_path):
    report = reports["harbour"]
    name = "$& {hash} <b>.txt"
    changed = (report.study.root / "seeds" / "harbour-north.txt").read_bytes() + b"\n"
    tab = browse(report)
    tab.page.locator("#own-file").set_input_files([{"name": name, "mimeType": "text/plain", "buffer": changed}])
    said = tab.page.locator("#own-said", has_text="none of the documents")
    said.wait_for()
    assert said.inner_text() == f"{name} is none of the documents: its sha256 is {sha256_bytes(changed)}."
    assert tab.page.locator(".own-text").count() == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "koi8_r", "latin_1", "cp1252", "utf-8"])
def test_an_own_copy_is_decoded_as_the_study_says(browse, tmp_path, encoding):
    tab, text, path = coded_document(browse, tmp_path, encoding)
    tab.page.locator("#own-file").set_input_files(path)
    tab.page.get_by_text("checked, ").wait_for()
    shown = tab.page.locator(".own-text").last.text_content().removeprefix("In your copy: ")
    assert "".join(shown.split()) == "".join(text.split("\n\n")[-1].split())


def test_an_encoding_that_no_browser_knows_is_said(browse, tmp_path):
    tab, _, path = coded_document(browse, tmp_path, "cp437")
    tab.page.locator("#own-file").set_input_files(path)
    tab.page.get_by_text("this browser cannot decode cp437").wait_for()
    assert tab.page.locator(".own-text").count() == 0


def coded_document(browse, tmp_path: Path, encoding: str) -> tuple[Tab, str, Path]:
    """The page of a study of one document in an encoding, the document's text, and the file."""
    study = make_study(tmp_path / "coded")
    for path in [*study.codings_folder.glob("*.jsonl"), *(study.root / "seeds").iterdir()]:
        path.unlink()
    words = "Мост стоит. Река течёт." if encoding == "koi8_r" else "Bridge stands. River flows."
    text = f"{words} {words}\n\nTwo: {words}\n\nLast: {words} {words}"
    text += " Çà et là, déjà." if encoding in {"latin_1", "cp1252", "cp437", "utf-16", "utf-8-sig"} else ""
    path = study.root / "seeds" / "one.txt"
    path.write_bytes(text.encode(encoding))
    head = 'format = 1\nname = "coded"\nschema = "schemas/harbour.yaml"\n'
    document = f'[[documents]]\nid = "one"\nauthor = "A"\ntitle = "T"\nfile = "one.txt"\nencoding = "{encoding}"\n'
    document += f'sha256 = "{sha256_bytes(path.read_bytes())}"\n'
    (study.root / "study.toml").write_text(head + document, encoding="utf-8")
    study = Study.load(study.root)
    assert run(["ingest", "--study", str(study.root), "--quiet"]) == 0
    return browse(reported(Study.load(study.root))), text, path
