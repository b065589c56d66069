"""The report on paper: every page there, nothing cut off, equal bytes, and clear words where nothing prints."""

from __future__ import annotations

import re
import shutil
import stat
import sys
import types
from pathlib import Path

import pytest

from diptych.cli.main import run
from diptych.errors import FileWriteError
from diptych.report import printing
from diptych.report.catalogue import load_catalogue
from diptych.report.contents import read_contents
from diptych.report.page import page
from diptych.study import Study
from diptych.template import make_study

PDF = b"%PDF-1.4\n1 0 obj <</CreationDate (D:20261127032119+00'00') /ModDate (D:20261127032119+00'00')>>\n%%EOF\n"
MARGIN = 36  # points: what stays white at either side; the style asks for 14 mm


@pytest.fixture(scope="module")
def html(trained_harbour: Study) -> str:
    return page(read_contents(trained_harbour), load_catalogue())


@pytest.fixture(scope="module")
def printed(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("printed") / "report.pdf"
    printing.print_page(html, path)
    return path


def pages(path: Path) -> list[str]:
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        return [document[number].get_textpage().get_text_bounded() for number in range(len(document))]


def within_margins(path: Path) -> None:
    """Whether every letter stands on the page, and every page is A4."""
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        for number in range(len(document)):
            width, height = document[number].get_size()
            assert sorted((width, height)) == pytest.approx((595, 842), abs=2)
            text = document[number].get_textpage()
            for place in range(text.count_chars()):
                left, _, right, _ = text.get_charbox(place)
                assert left == right or (left >= MARGIN and right <= width - MARGIN), (number, place)


# by Chromium


@pytest.mark.browser
def test_every_passage_stands_on_paper(printed, trained_harbour):
    found = pages(printed)
    assert 5 <= len(found) <= 12
    whole = "".join(re.sub(r"\s", "", text) for text in found)
    for passage in read_contents(trained_harbour).passages["passage"]:
        assert passage in whole
    for wanted in ("Coverage", "Divergence", "Agreement", "Classifier", "Evidence", "Howitwasmade", "Glossary"):
        assert wanted in whole


@pytest.mark.browser
def test_what_is_folded_on_a_screen_stands_open_on_paper(printed):
    whole = " ".join(" ".join(pages(printed)).split())
    assert "Water, animals, plants, mud and weather." in whole  # a definition of the codebook
    assert "Download CSV" not in whole
    assert "Show all" not in whole
    assert re.search(r"\b1 / \d+", whole)


@pytest.mark.browser
def test_nothing_is_cut_off_at_the_sides(printed):
    within_margins(printed)


@pytest.mark.browser
def test_many_authors_with_long_names_are_not_cut_off(tmp_path):
    many = make_study(tmp_path / "many")
    names = [f"Author number {number} of the harbour" for number in range(5)]
    for number, name in enumerate(names):
        file = tmp_path / f"note{number}.txt"
        file.write_text(f"Quay\n\nCrane {number} was painted green.\n\nNobody has asked what the paint cost.\n")
        assert run(["ingest", str(file), "--author", name, "--study", str(many.root), "--quiet"]) == 0
        table = tmp_path / "codings.csv"
        table.write_text(
            f"passage,topic,side,tone\nnote{number}:001,money,port,plain\nnote{number}:002,work,town,against\n"
        )
        place = ["--study", str(many.root), "--quiet"]
        assert run(["import", "csv", str(table), "--coder", "sample-a", *place]) == 0
    assert run(["gold", "--study", str(many.root), "--quiet"]) == 0
    path = tmp_path / "many.pdf"
    printing.print_page(page(read_contents(Study.load(many.root)), load_catalogue()), path)
    whole = "".join(re.sub(r"\s", "", text) for text in pages(path))
    assert all(re.sub(r"\s", "", name) in whole for name in names)
    within_margins(path)
    (across,) = [text for text in pages(path) if "Topic in numbers" in text]
    assert all(name in across for name in names)
    # facets times authors, and once in the note
    assert sum(" ".join(text.split()).count("of words") for text in pages(path)) == 3 * 7 + 1


@pytest.mark.browser
def test_equal_pages_give_equal_bytes(html, printed, tmp_path):
    printing.print_page(html, tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == printed.read_bytes()


@pytest.mark.browser
def test_nothing_else_is_left(html, tmp_path):
    printing.print_page("<!doctype html><title>x</title><p>One line.", tmp_path / "new" / "one.pdf")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["one.pdf"]
    assert len(pages(tmp_path / "new" / "one.pdf")) == 1


@pytest.mark.browser
def test_the_command_prints(own_harbour, tmp_path, command):
    result = command("report", "--format", "pdf", "--study", own_harbour.root, "--out", tmp_path / "r.pdf")
    assert result.code == 0
    assert result.out.strip() == str(tmp_path / "r.pdf")
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")


# with a browser that does as it is told here


def browser(folder: Path, body: str) -> str:
    """A program that takes the place of Chromium; $PDF is the file that it is to write."""
    path = folder / "chromium"
    path.write_text(
        f'#!/bin/sh\nfor a in "$@"; do case "$a" in --print-to-pdf=*) PDF="${{a#*=}}";; esac; done\n{body}\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Nothing is installed but what a test puts into this folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(printing, "find_browser", lambda: shutil.which("chromium", path=str(folder)))
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    return folder


def test_dates_in_the_file_are_fixed(places, tmp_path):
    source = tmp_path / "source.pdf"
    source.write_bytes(PDF)
    browser(places, f'cp "{source}" "$PDF"')
    printing.print_page("<p>", tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes() == PDF.replace(b"20261127032119", b"20000101000000")


def test_numbers_of_nodes_are_counted_from_one(places, tmp_path):
    source = tmp_path / "source.pdf"
    browser(places, f'cp "{source}" "$PDF"')
    told = []
    for ids in ((57, 60, 99999999, 100000000), (58, 61, 101, 100000001)):
        heads = b" ".join(b"(node%08d)" % number for number in (*ids, ids[0]))
        source.write_bytes(PDF.replace(b"%%EOF", heads + b"%%EOF"))
        printing.print_page("<p>", tmp_path / "out.pdf")
        told.append((tmp_path / "out.pdf").read_bytes())
        assert len(told[-1]) == source.stat().st_size
    assert told[0] == told[1]
    assert b"(node00000001) (node00000002) (node00000003) (node000000004) (node00000001)%%EOF" in told[0]


def test_a_browser_that_fails_is_told_with_its_last_words(places, tmp_path):
    browser(places, "echo first >&2; echo 'no space in /dev/shm' >&2; exit 7")
    with pytest.raises(printing.PrintingError, match=r"failed \(7\): no space in /dev/shm") as failed:
        printing.print_page("<p>", tmp_path / "out.pdf")
    assert failed.value.hint
    assert not (tmp_path / "out.pdf").exists()


@pytest.mark.parametrize("body", ["echo quiet >&2", "echo quiet >&2; : > $PDF", "echo quiet >&2; echo html > $PDF"])
def test_a_browser_that_writes_nothing_leaves_the_old_file(places, tmp_path, body):
    browser(places, body)
    (tmp_path / "out.pdf").write_bytes(b"old")
    with pytest.raises(printing.PrintingError, match="wrote no PDF"):
        printing.print_page("<p>", tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "out.pdf"]


def test_a_browser_that_hangs_is_ended_with_its_children(places, tmp_path, monkeypatch):
    monkeypatch.setattr(printing, "SECONDS", 0.3)
    browser(places, f"(sleep 3; touch {tmp_path}/alive) & sleep 60")
    with pytest.raises(printing.PrintingError, match="did not print within"):
        printing.print_page("<p>", tmp_path / "out.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin"]


def test_a_browser_gets_a_profile_of_its_own_no_network_and_no_sandbox_only_as_root(places, tmp_path, monkeypatch):
    source = tmp_path / "source.pdf"
    source.write_bytes(PDF)
    browser(places, f'printf "%s\\n" "$@" > {tmp_path}/said; cp "{source}" "$PDF"')
    for user, expected in ((0, True), (1000, False)):
        monkeypatch.setattr(printing.os, "geteuid", lambda user=user: user)
        printing.print_page("<p>", tmp_path / "out.pdf")
        said = (tmp_path / "said").read_text().splitlines()
        assert ("--no-sandbox" in said) is expected
        assert "--host-resolver-rules=MAP * ~NOTFOUND" in said
        assert "--no-pdf-header-footer" in said
        profile = next(Path(word.partition("=")[2]) for word in said if word.startswith("--user-data-dir="))
        assert not profile.exists()


def test_without_anything_that_prints_both_ways_are_named(places, own_harbour, tmp_path, command):
    result = command("report", "--format", "pdf", "--study", own_harbour.root, "--out", tmp_path / "r.pdf")
    assert result.code == 1
    assert "nothing on this machine prints a PDF" in result.err
    assert "apt install chromium" in result.err
    assert "pip install weasyprint" in result.err
    assert not (tmp_path / "r.pdf").exists()


def test_a_browser_that_cannot_start_is_told(places, tmp_path):
    path = Path(browser(places, ""))
    path.write_text("#!/no/such/shell\n")
    with pytest.raises(printing.PrintingError, match="cannot start"):
        printing.print_page("<p>", tmp_path / "out.pdf")


def test_a_folder_that_cannot_be_made_is_told(places, tmp_path):
    browser(places, ":")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileWriteError):
        printing.print_page("<p>", tmp_path / "file" / "out.pdf")


def test_weasyprint_prints_without_fetching_where_there_is_no_browser(places, html, tmp_path, monkeypatch):
    given = {}

    class Page:
        def __init__(self, *, string, url_fetcher):
            given.update(string=string, fetch=url_fetcher)

        def write_pdf(self, **options):
            return PDF

    monkeypatch.setitem(sys.modules, "weasyprint", types.SimpleNamespace(HTML=Page))
    printing.print_page(html, tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF-")
    with pytest.raises(ValueError, match="not fetched"):
        given["fetch"]("https://a.example/")


def test_a_browser_is_found_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setattr(printing, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert printing.find_browser() is None
    assert printing.find_browser() != browser(tmp_path, ":")
    assert printing.find_browser() == str(tmp_path / "chromium")


def test_for_weasyprint_colours_stand_in_every_drawing_and_one_view_is_shown(html):
    plain = printing.plainer(html)
    drawings = re.findall(r"<svg\b[^>]*>(<style>[^<]*</style>)?", plain)
    assert drawings
    assert len(set(drawings)) == 1
    (style,) = set(drawings)
    assert "var(" not in style
    for kind in ("k0", "k7", "low", "middle", "high", "plain", "more", "less", "point"):
        assert re.search(rf"\.{kind} {{ fill: #[0-9a-f]{{3,6}}", style), kind
    for level in range(1, 11):
        assert re.search(rf"\.heat \.h{level} {{ background: #[0-9a-f]{{6}}; }}", plain)
    assert ".view:not(.gold)" in plain
