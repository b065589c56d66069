"""Tables and figures of a report as files: the numbers of the command line, equal bytes, any text, any study."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from diptych.cli.main import run
from diptych.report.catalogue import load_catalogue
from diptych.report.contents import read_contents
from diptych.report.page import frame
from diptych.report.tables import as_csv, tables
from diptych.report.workbook import LONGEST, sheet_names, workbook, write_tables
from diptych.study import Study
from diptych.template import make_study
from odd_studies import one_facet
from report_pages import quoted, replace, sampled

BRIDGE = Path(__file__).parent / "studies" / "bridge"
ALL = {"hinge", "coverage", "divergence", "differences", "scale", "agreement", "calibration", "risk"}
HOSTILE = [
    "$x_1$ \\frac{שלום} 林悦 😀 <script>alert(1)</script> &amp; ]]> " + "W" * 10_000,
    "=cmd|' /C calc'!A0 مرحبا بالعالم \u202e$\\alpha^{2$",
]
SVG, SHEET = "{http://www.w3.org/2000/svg}", "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass(frozen=True)
class Written:
    """A study and the folder where its tables and figures were put."""

    study: Study
    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def text(self, name: str) -> str:
        return self.path(name).read_text(encoding="utf-8")

    @property
    def figures(self) -> set[str]:
        return {path.stem for path in self.folder.glob("*.svg")}

    @cached_property
    def rows(self) -> dict[str, list[dict]]:
        return tables(read_contents(self.study))

    @cached_property
    def sheets(self) -> dict[str, list[list[object]]]:
        return read_workbook(self.path("tables.xlsx").read_bytes())


def parsed(xml: bytes) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 - our own file


def read_workbook(data: bytes) -> dict[str, list[list[object]]]:
    """The cells of every sheet by its name: text, numbers, true and false, None where there is none."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name in parts if re.search("external|macro|vba|connection", name, re.IGNORECASE)]
    shared = ["".join(t.text or "" for t in item.iter(f"{SHEET}t")) for item in parsed(parts["xl/sharedStrings.xml"])]
    names = [sheet.attrib["name"] for sheet in parsed(parts["xl/workbook.xml"]).iter(f"{SHEET}sheet")]
    found = {}
    for place, name in enumerate(names, 1):
        root = parsed(parts[f"xl/worksheets/sheet{place}.xml"])
        assert not list(root.iter(f"{SHEET}f")), "a formula"
        found[name] = []
        for row in root.iter(f"{SHEET}row"):
            cells: dict[int, object] = {}
            for cell in row:
                value, kind = cell.find(f"{SHEET}v"), cell.attrib.get("t", "n")
                said = value.text if value is not None else ""
                read = {"s": lambda said: unescaped(shared[int(said)]), "b": lambda said: said == "1", "n": float}
                cells[column(cell.attrib["r"])] = read[kind](said)
            found[name].append([cells.get(across) for across in range(max(cells) + 1)])
    return found


def column(reference: str) -> int:
    number = 0
    for letter in re.match("[A-Z]+", reference)[0]:
        number = 26 * number + ord(letter) - 64
    return number - 1


def unescaped(text: str) -> str:
    """Excel's way to write what XML does not allow."""
    return re.sub("_x([0-9A-F]{4})_", lambda m: chr(int(m[1], 16)), text)


def write(study: Study, folder: Path) -> Written:
    place = ["--study", str(study.root), "--quiet"]
    assert run(["report", "--figures", str(folder), "--tables", str(folder), *place]) == 0
    return Written(study, folder)


@pytest.fixture(scope="module")
def bridge(trained_bridge: Study, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A study of three authors with gold labels and a model."""
    root = shutil.copytree(trained_bridge.root, tmp_path_factory.mktemp("files") / "bridge")
    return write(Study.load(root), root.parent / "files")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A study whose names are what no program expects."""
    study = make_study(tmp_path_factory.mktemp("hostile") / "study")
    replace(study.root / "study.toml", {'"A. Jansen"': quoted(HOSTILE[0]), '"B. Okafor"': quoted(HOSTILE[1])})
    long = "$money_{1}$ 港口与贸易的金钱问题 <b>and</b> a long text on what the money is for"
    replace(
        study.root / "schemas" / "harbour.yaml",
        {"label: Money": f"label: {quoted(long)}"},
    )
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return write(Study.load(study.root), study.root.parent / "files")


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of few points, where it is not about them."""
    monkeypatch.setattr("diptych.report.canvas.DPI", 40)


def texts(path: Path) -> list[str]:
    return ["".join(element.itertext()) for element in parsed(path.read_bytes()).iter(f"{SVG}text")]


# tables


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("coverage", ["coverage"]),
        ("coverage-uncorrected", ["coverage", "--source", "uncorrected"]),
        ("differences", ["divergence"]),
        ("reliability", ["reliability"]),
        ("disputes", ["reliability", "--disputes"]),
    ],
)
def test_a_csv_holds_the_bytes_that_the_command_line_prints(bridge, command, name, arguments):
    printed = command(*arguments, "--format", "csv", "--study", bridge.study.root, "--quiet")
    assert printed.code == 0
    assert bridge.path(f"{name}.csv").read_bytes() == printed.out.encode()


def test_every_table_of_the_page_is_a_csv_and_a_sheet(bridge):
    assert {path.stem for path in bridge.folder.glob("*.csv")} == set(bridge.rows)
    assert list(bridge.sheets) == ["about", *bridge.rows]
    assert {path.stem for path in bridge.folder.glob("*.csv")} >= {"coverage", "passages", "words", "calibration"}


def test_csv_files_are_what_the_pages_buttons_give(bridge):
    assert {name: bridge.text(f"{name}.csv") for name in bridge.rows} == {n: as_csv(r) for n, r in bridge.rows.items()}


def test_sheets_hold_numbers_as_numbers_and_text_as_text(bridge):
    for name, rows in bridge.rows.items():
        header, *lines = bridge.sheets[name]
        assert header == list(rows[0])
        assert len(lines) == len(rows)
        for row, line in zip(rows, lines, strict=True):
            wanted = [None if value == "" else value for value in row.values()]
            found = [*line, *[None] * (len(wanted) - len(line))]
            assert [type(v) is bool for v in found] == [isinstance(v, bool) for v in wanted]
            assert all(map(alike, found, wanted)), (name, found, wanted)


def alike(found: object, wanted: object) -> bool:
    if isinstance(wanted, float):
        return isinstance(found, float) and found == pytest.approx(wanted, rel=1e-12)
    return found == wanted and isinstance(found, str) == isinstance(wanted, str)


def test_the_first_sheet_says_what_the_tables_are_and_how_to_make_them_again(bridge):
    contents = read_contents(bridge.study)
    said = dict(bridge.sheets["about"])
    page = frame(contents, load_catalogue())
    assert said["Report"] == page["report_id"]
    assert (said["Codebook"], said["Who coded"]) == (contents.schema.reference, page["coded_by"])
    assert said["coverage: made by"] == "diptych coverage --format csv"
    assert said["passages: made by"] == "diptych report --tables DIR"
    assert said["hash of gold"] == contents.hashes["gold"]


def test_the_report_id_of_the_workbook_is_that_of_the_page(bridge):
    assert dict(bridge.sheets["about"])["Report"] in (bridge.study.root / "report.html").read_text(encoding="utf-8")


def test_headers_stay_in_sight_and_can_be_filtered(bridge):
    with zipfile.ZipFile(bridge.path("tables.xlsx")) as archive:
        sheet = parsed(archive.read("xl/worksheets/sheet2.xml"))
    (pane,) = sheet.iter(f"{SHEET}pane")
    assert (pane.attrib["state"], pane.attrib["ySplit"]) == ("frozen", "1")
    last = len(bridge.rows["coverage"]) + 1
    assert next(sheet.iter(f"{SHEET}autoFilter")).attrib["ref"] == f"A1:X{last}"


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    '=HYPERLINK("http://x")',
    "http://example.org",
    "mailto:a@b",
    "{=1}",
    "1e5",
    "TRUE",
]


@pytest.mark.parametrize("text", [*FORMULAS, "a\x00b\x0bc", "_x0041_", " edge ", "a\r\nb", "\ufffe", "😀" * 3])
def test_text_stays_the_text_it_is(text):
    sheets = read_workbook(workbook([("label", text)], {"t": [{"column": text}]}))
    assert sheets == {"about": [["label", text]], "t": [["column"], [text]]}


def test_text_too_long_for_a_cell_is_cut_with_a_mark_and_whole_in_the_csv(hostile):
    author = "😀" * 20_000
    (_, (said,)) = read_workbook(workbook([("a", "b")], {"t": [{"author": author}]}))["t"]
    assert said.endswith("😀 […]")
    assert len(said.encode("utf-16-le")) // 2 <= LONGEST
    whole = next(csv.DictReader(io.StringIO(as_csv([{"author": author}]))))
    assert whole["author"] == author


def test_numbers_that_are_none_are_text():
    rows = [{"a": float("inf"), "b": float("nan"), "c": 10**12, "d": -0.5, "e": None, "f": False}]
    assert read_workbook(workbook([("a", "b")], {"t": rows}))["t"][1] == ["inf", "nan", 1e12, -0.5, None, False]


def test_names_of_sheets_are_what_a_workbook_allows():
    given = ["about", "About", "a[b]:c*d?e/f\\g", "History", "", "'q'", *["long" * 20] * 12, "\x01"]
    found = sheet_names(given)
    assert len({name.casefold() for name in found}) == len(given)
    assert all(0 < len(name) <= 31 and not re.search(r"[\[\]:*?/\\\x00-\x1f]|^'|'$", name) for name in found)
    assert "history" not in {name.casefold() for name in found}


def test_hostile_names_are_written_as_they_are(hostile):
    authors = {row[1] for row in hostile.sheets["passages"][1:]}
    assert authors == {author.strip() for author in HOSTILE}
    found = {row["author"] for row in csv.DictReader(io.StringIO(hostile.text("passages.csv")))}
    assert found == {HOSTILE[0], f"'{HOSTILE[1]}"}  # a spreadsheet would run the second


# figures


def test_every_figure_is_there_as_svg_and_png_with_a_caption(bridge):
    assert bridge.figures == ALL == {path.stem for path in bridge.folder.glob("*.png")}
    captions = bridge.text("captions.txt")
    assert set(re.findall(r"^(\w+)\.svg, \1\.png$", captions, re.MULTILINE)) == ALL
    assert captions.count("Coded by a language model") == len(ALL)


def test_figures_are_a_column_wide_at_300_points_an_inch(bridge):
    for path in bridge.folder.glob("*.png"):
        data = path.read_bytes()
        assert struct.unpack(">I", data[16:20])[0] == 1890, path
        place = data.index(b"pHYs")
        assert struct.unpack(">I", data[place + 4 : place + 8])[0] == 11811, path  # a metre
        assert b"tEXt" not in data
    for path in bridge.folder.glob("*.svg"):
        assert parsed(path.read_bytes()).attrib["width"] == "453.6pt"


@pytest.mark.parametrize("which", ["bridge", "hostile"])
def test_svg_is_well_formed_and_names_nothing_outside(which, request):
    for path in request.getfixturevalue(which).folder.glob("*.svg"):
        raw = path.read_text(encoding="utf-8")
        root = parsed(raw.encode())
        assert not re.search(r"<!DOCTYPE|<script|<image|@import|<foreignObject", raw)
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
            *("svg", "title", "defs", "style", "g", "path", "use", "text", "tspan", "clipPath", "rect", "pattern"),
            *("metadata", "RDF", "Work"),
        }
        for element in root.iter():
            for name, value in element.attrib.items():
                assert not name.lower().startswith("on")
                assert name.rpartition("}")[2] != "href" or value.startswith("#"), path
                assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)", value)), path


def test_coverage_shows_every_count_and_share_as_text(bridge):
    cells = [row for row in bridge.rows["coverage"] if row["facet"] == "voice x topic" and row["passages"]]
    shown = texts(bridge.path("coverage.svg"))
    for row in cells:
        assert str(row["passages"]) in shown
        assert f"{100 * row['share']:.0f}\xa0%" in shown
    assert sum(text.isdigit() for text in shown) == len(cells)
    assert {"share of 14 passages", "share of 13 passages", "林悦"} <= set(shown)


def test_the_hinge_shows_share_and_count_of_every_subject(bridge):
    shown = texts(bridge.path("hinge.svg"))
    for row in bridge.rows["coverage"]:
        if row["facet"] == "topic" and row["passages"]:
            assert f"{100 * row['share']:.0f}\xa0% · {row['passages']}" in shown


def test_the_scale_counts_every_passage_once_a_facet(bridge):
    numbers = [int(t) for t in texts(bridge.path("scale.svg")) if t.isdigit()]
    rows = [r for r in bridge.rows["passages"] if r["tone"]]
    assert sum(numbers) == sum(bool(r[facet]) for r in rows for facet in ("voice", "topic"))


def test_divergence_shows_the_bits_of_every_pair_and_facet(bridge):
    shown = texts(bridge.path("divergence.svg"))
    rows = [r for r in bridge.rows["divergence"] if " | " not in r["facet"] and r["first"] != "(all)"]
    assert len(rows) > 6
    for row in rows:
        assert f"{row['bits']:.3f}" in shown
        assert f"{row['first']} – {row['second']}" in shown


def test_differences_show_the_counts_behind_them(bridge):
    rows = [row for row in bridge.rows["differences"] if not row["small"]]
    most = max(rows, key=lambda row: abs(row["difference"]))
    shown = texts(bridge.path("differences.svg"))
    assert f"{100 * most['difference']:+.1f}".replace("-", "−") in shown
    assert f"{most['first']} {most['count_first']} of {most['of_first']}" in shown


def test_agreement_shows_alpha_its_passages_and_the_two_lines(bridge):
    shown = texts(bridge.path("agreement.svg"))
    assert {".667", ".8"} <= set(shown)
    for row in bridge.rows["reliability"]:
        assert f"{row['alpha']:.3f} · {row['units']} passages" in shown


@pytest.mark.parametrize("name", ["calibration", "risk"])
def test_the_classifier_has_a_panel_a_facet(bridge, name):
    shown = texts(bridge.path(f"{name}.svg"))
    assert {facet.name for facet in bridge.study.schema.facets} <= set(shown)


def test_hostile_names_are_shortened_and_shown_as_text(hostile):
    shown = texts(hostile.path("coverage.svg"))
    assert any(text.startswith("$x_1$ \\frac{שלום} 林悦") and text.endswith("…") for text in shown)
    assert any(text.startswith("=cmd|' /C") for text in shown)
    assert max(map(len, shown)) < 60
    assert not any("\u202e" in text for text in shown)


def test_captions_stay_short_whatever_the_names(hostile):
    assert all(len(line) < 1200 for line in hostile.text("captions.txt").splitlines())


# the same each time


def test_another_process_gives_the_same_bytes(bridge, tmp_path):
    command = [sys.executable, "-m", "diptych", "report", "--figures", tmp_path, "--tables", tmp_path]
    command += ["--study", bridge.study.root, "--out", tmp_path / "r.html", "--quiet"]
    # a matplotlibrc of the user's own changes nothing
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: path\naxes.facecolor: red\n")
    environment = os.environ | {"PYTHONHASHSEED": "4", "MATPLOTLIBRC": str(tmp_path), "SOURCE_DATE_EPOCH": "1"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    files = sorted(path.name for path in bridge.folder.iterdir())
    assert len(files) > 2 * len(ALL)
    for name in files:
        assert (tmp_path / name).read_bytes() == bridge.path(name).read_bytes(), name


def test_drawing_leaves_matplotlib_as_it_was(harbour, tmp_path, coarse):
    import matplotlib as mpl

    before = mpl.rcParams.copy()
    write(harbour, tmp_path / "again")
    assert mpl.rcParams.copy() == before
    assert "matplotlib.pyplot" not in sys.modules


# odd studies


def test_without_gold_there_is_agreement_alone(harbour, tmp_path, coarse):
    found = write(harbour, tmp_path / "files")
    assert found.figures == {"agreement"}
    assert "coverage" not in found.sheets
    assert len(found.sheets["passages"]) == 17


def test_without_codings_there_are_no_figures_and_no_fault(harbour, tmp_path, coarse):
    study = make_study(tmp_path / "new", harbour.root / "schemas" / "harbour.yaml")
    assert run(["ingest", "--study", str(study.root), "--quiet"]) == 0
    found = write(study, tmp_path / "files")
    assert (found.figures, list(found.sheets)) == (set(), ["about", "passages"])
    assert found.text("captions.txt").startswith("Made with diptych")


def test_one_author_has_one_panel_and_no_divergence(harbour, tmp_path, coarse):
    settings = (harbour.root / "study.toml").read_text(encoding="utf-8")
    kept = [part for part in settings.split("[[documents]]") if "harbour-south" not in part]
    (harbour.root / "study.toml").write_text("[[documents]]".join(kept), encoding="utf-8")
    assert run(["gold", "--study", str(harbour.root), "--quiet"]) == 0
    found = write(Study.load(harbour.root), tmp_path / "files")
    assert found.figures == {"hinge", "coverage", "scale", "agreement"}
    assert texts(found.path("hinge.svg")).count("A. Jansen") == 1
    assert "divergence" not in found.sheets


@pytest.mark.parametrize("facet", ["topic", "side", "tone"])
def test_a_facet_may_have_thirty_values(tmp_path, facet, coarse):
    study = make_study(tmp_path / "wide")
    path = study.root / "schemas" / "harbour.yaml"
    score = ", score: {n}" if facet == "tone" else ""
    more = "".join(
        f"      - {{id: more{n}, label: More of number {n}, definition: Nothing.{score.format(n=n)}}}\n"
        for n in range(2, 30)
    )
    head, found, rest = path.read_text(encoding="utf-8").partition(f"- id: {facet}\n")
    values, between, last = rest.partition("  - id: ")
    path.write_text(head + found + values.rstrip("\n") + "\n" + more + between + last, encoding="utf-8")
    study = Study.load(study.root)
    assert len(study.schema.facet(facet).values) > 30
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    written = write(study, tmp_path / "files")
    assert written.figures >= {"coverage", "hinge", "scale", "divergence", "agreement"}
    if facet != "tone":
        assert "More of number 29" in texts(written.path("coverage.svg"))
    for path in written.folder.glob("*.png"):
        assert struct.unpack(">I", path.read_bytes()[20:24])[0] < 20 * 40, path  # inches


def test_a_study_of_one_facet_has_its_figures(tmp_path, coarse):
    study = one_facet(tmp_path / "narrow")
    assert write(study, tmp_path / "files").figures >= {"hinge", "coverage", "divergence", "agreement"}


def test_estimates_are_shown_with_intervals_and_not_as_counts(tmp_path, coarse):
    written = write(sampled(tmp_path / "sampled", "--equal"), tmp_path / "files")
    row = next(row for row in written.rows["coverage"] if row["facet"] == "side" and row["passages"])
    assert row["situation"] == "sample"
    shown = texts(written.path("hinge.svg"))
    assert any(re.fullmatch(r"\d+\xa0% \(<?\d+–\d+\xa0%\)", text) for text in shown)
    assert any(text.startswith("estimated share; coded: ") for text in shown)
    if "differences" in written.figures:
        assert not any(" of " in text for text in texts(written.path("differences.svg")))


# what cannot be


def test_without_matplotlib_the_extra_is_named(harbour, command, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    out = ["--study", harbour.root, "--out", tmp_path / "r.html"]
    result = command("report", "--figures", tmp_path / "figures", *out)
    assert result.code == 1
    assert "this needs matplotlib, which is not installed" in result.err
    assert "pip install 'diptych[figures]'" in result.err
    assert not (tmp_path / "figures").exists()
    assert command("report", "--tables", tmp_path / "tables", *out).code == 0


def test_a_folder_that_is_a_file_is_an_error_that_says_so(harbour, command, tmp_path):
    (tmp_path / "file").write_text("kept")
    for option in ("--figures", "--tables"):
        out = ["--study", harbour.root, "--out", tmp_path / "r.html"]
        result = command("report", option, tmp_path / "file", *out)
        assert (result.code, "cannot write" in result.err) == (1, True)
    assert (tmp_path / "file").read_text() == "kept"


def test_files_of_others_in_the_folder_stay(bridge, tmp_path):
    (tmp_path / "notes.csv").write_text("mine")
    written = write_tables(read_contents(bridge.study), tmp_path)
    assert (tmp_path / "notes.csv").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"notes.csv", *(path.name for path in written)}


def test_what_is_written_does_not_say_where_it_was_made(bridge):
    with zipfile.ZipFile(bridge.path("tables.xlsx")) as archive:
        parts = [archive.read(name) for name in archive.namelist()]
    for data in [*parts, *(path.read_bytes() for path in bridge.folder.iterdir())]:
        assert str(bridge.study.root.parent).encode() not in data
