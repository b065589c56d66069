"""The report: one file that opens without a network, shows the numbers it was given, and text as text."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from html.parser import HTMLParser
from pathlib import Path

import pytest

import diptych
from diptych.classifier.bundled import bundled_model
from diptych.classifier.persist import load_model, save_model
from diptych.cli.main import run
from diptych.demo import copy_bundled
from diptych.study import Study
from diptych.template import make_study

BRIDGE = Path(__file__).parent / "studies" / "bridge"
NAMES = ["bundled", "harbour", "bridge"]
VOID = {"meta", "link", "br", "hr", "img", "input", "base", "source", "embed", "col", "wbr", "area"}
ENDS_P = {"p", "ul", "ol", "dl", "table", "div", "section", "details", "form", "h1", "h2", "h3", "nav"}


# reading a page


@dataclass
class Element:
    """An element of a page, with what stands in it."""

    tag: str
    attributes: dict[str, str]
    inside: list[Element | str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Element]:
        """Every element in this one, at any depth."""
        for part in self.inside:
            if isinstance(part, Element):
                yield part
                yield from part

    def all(self, tag: str = "", cls: str = "") -> list[Element]:
        return [
            element
            for element in self
            if tag in ("", element.tag) and (not cls or cls in element.attributes.get("class", "").split())
        ]

    def one(self, tag: str = "", cls: str = "") -> Element:
        (element,) = self.all(tag, cls)
        return element

    def id(self, name: str) -> Element:
        (element,) = (element for element in self if element.attributes.get("id") == name)
        return element

    @property
    def raw(self) -> str:
        return "".join(part if isinstance(part, str) else part.raw for part in self.inside)

    @property
    def text(self) -> str:
        return " ".join(self.raw.split())


class Reader(HTMLParser):
    """Builds the tree; notes every tag that does not fit."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("page", {})
        self.open = [self.root]
        self.faults: list[str] = []
        self.feed(page)
        self.close()
        self.faults += [f"<{element.tag}> is never closed" for element in self.open[1:]]

    def handle_starttag(self, tag, attrs):
        if tag in ENDS_P and "p" in (element.tag for element in self.open):
            self.faults.append(f"<{tag}> within <p>")
        if len({name for name, _ in attrs}) < len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        if self.open[-1].tag == tag:
            self.open.pop()
        else:
            self.faults.append(f"</{tag}> closes <{self.open[-1].tag}>")

    def handle_data(self, data):
        self.open[-1].inside.append(data)


@dataclass(frozen=True)
class Report:
    """A study, its report, and what the command line says of the same study."""

    study: Study
    path: Path

    @cached_property
    def html(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.html)

    @property
    def page(self) -> Element:
        return self.reader.root

    @cached_property
    def shown(self) -> str:
        """What a reader sees, blanks made one."""
        return " ".join("".join(texts(self.page.one("body"))).split())


def texts(element: Element) -> Iterator[str]:
    """The text in an element, scripts aside."""
    for part in element.inside:
        if isinstance(part, str):
            yield part
        elif part.tag != "script":
            yield from texts(part)


def copied(name: str, target: Path) -> Study:
    if name == "bundled":
        return copy_bundled(target)
    if name == "harbour":
        return make_study(target)
    shutil.copytree(BRIDGE, target, ignore=shutil.ignore_patterns(".diptych", "report.html"))
    return Study.load(target)


def reported(study: Study, *options: str, name: str = "report.html") -> Report:
    path = study.root / name
    assert run(["report", "--study", str(study.root), "--out", str(path), "--quiet", *options]) == 0
    return Report(study, path)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """A trained copy of three studies, each with its report; to be read only."""
    made = {}
    for name in NAMES:
        study = copied(name, tmp_path_factory.mktemp(name) / name)
        assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
        if name == "bundled":  # the model of a copy without originals is the bundled one, trained once a run
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("DIPTYCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
                save_model(study.model_file, bundled_model())
        else:
            assert run(["train", "--study", str(study.root), "--quiet"]) == 0
        made[name] = reported(study)
    return made


@pytest.fixture(params=NAMES)
def report(request: pytest.FixtureRequest, reports: dict[str, Report]) -> Report:
    return reports[request.param]


@pytest.fixture
def small(tmp_path: Path) -> Study:
    """The harbour study with gold labels and no model, to write to."""
    study = make_study(tmp_path / "small")
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return study


@cache
def printed(root: Path, *arguments: str) -> dict:
    """What a command prints of a study as JSON; asked once."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run([*arguments, "--study", str(root), "--json", "--quiet"]) == 0
    return json.loads(out.getvalue())


def coverage_rows(report: Report, *options: str) -> list[dict]:
    return printed(report.study.root, "coverage", *options)["rows"]


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
    links = {element.attributes["href"] for element in report.page.all("a")}
    assert links <= {f"#{name}" for name in ids}


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
    style, script = report.page.one("style").raw, report.page.one("script").raw
    assert not re.search(r"url\(|@import|://", style)
    assert not re.search(r"://|fetch|XMLHttpRequest|import|eval|innerHTML|outerHTML|document\.write", script)


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
    assert said["script-src"] == [sha256_source(report.page.one("script"))]


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


# the numbers


@dataclass(frozen=True)
class Cell:
    """A cell of a heat map as shown."""

    count: int
    share: str
    blind: bool
    link: tuple[str, str, str] | None


def heat_maps(report: Report) -> dict[tuple[str, str, str], Cell]:
    """Cells by (author, row's label, column's label)."""
    cells = {}
    for table in report.page.all("table", "heat"):
        author = table.one("caption").text.rpartition(", ")[0]
        columns = [th.text for th in table.one("thead").all("th")]
        for row in table.one("tbody").all("tr"):
            label = row.one("th").text
            for column, td in zip(columns, row.all("td"), strict=True):
                links = td.all("a")
                data = [links[0].attributes[f"data-{n}"] for n in ("author", "facets", "value")] if links else []
                cells[author, label, column] = Cell(
                    int(td.one("span", "count").text) if links else 0,
                    td.one("span", "share").text,
                    "blind" in td.attributes["class"].split(),
                    tuple(data) or None,
                )
    return cells


def cell_rows(report: Report) -> dict[tuple[str, str, str], dict]:
    """Rows of `diptych coverage --facet cells --json` by (author, row's label, column's label)."""
    found = {}
    for row in coverage_rows(report, "--facet", "cells"):
        values = zip(report.study.schema.cells, row["value"].split(" x "), strict=True)
        labels = [facet.value(value).name for facet, value in values]
        found[row["author"], labels[0], labels[1]] = row
    return found


def percent(share: float, digits: int = 0) -> str:
    rounded = f"{100 * share:.{digits}f}"
    least = f"{10.0**-digits:.{digits}f}"
    return f"<{least} %" if share and not float(rounded) else f"{rounded} %"


def test_heat_maps_show_every_cell_of_coverage(report):
    rows = cell_rows(report)
    assert {place: cell.count for place, cell in heat_maps(report).items()} == {
        place: row["passages"] for place, row in rows.items()
    }


def test_heat_maps_show_the_shares_of_coverage(report):
    rows = cell_rows(report)
    filled = {place: cell.share for place, cell in heat_maps(report).items() if cell.count}
    assert filled == {place: percent(rows[place]["share"]) for place in filled}


def test_a_heat_cell_links_to_its_passages(report):
    rows = cell_rows(report)
    links = {place: cell.link for place, cell in heat_maps(report).items() if cell.count}
    assert links == {place: (place[0], rows[place]["facet"], rows[place]["value"]) for place in links}


def test_a_blind_spot_is_empty_here_and_filled_by_another_author(reports):
    report = reports["bundled"]
    assert printed(report.study.root, "coverage")["situation"] == "census"
    cells = heat_maps(report)
    filled = {place[1:] for place, cell in cells.items() if cell.count}
    for place, cell in cells.items():
        assert cell.blind == (not cell.count and place[1:] in filled), place
    assert any(cell.blind for cell in cells.values())


@pytest.mark.parametrize("name", ["harbour", "bridge"])
def test_where_not_everything_has_a_label_no_empty_cell_is_called_a_blind_spot(reports, name):
    report = reports[name]
    assert printed(report.study.root, "coverage")["situation"] == "part"
    cells = heat_maps(report).values()
    assert any(cell.count == 0 for cell in cells)
    assert not any(cell.blind for cell in cells)


def test_blind_spots_are_those_of_coverage(report):
    rows = cell_rows(report)
    assert {place: cell.blind for place, cell in heat_maps(report).items()} == {
        place: row["blind"] for place, row in rows.items()
    }


def test_captions_say_how_many_passages_a_panel_counts(report):
    captions = [table.one("caption").text for table in report.page.all("table", "heat")]
    of = {place[0]: row["of"] for place, row in cell_rows(report).items()}
    assert captions == [f"{author}, {of[author]} passages" for author in report.study.authors]


def test_the_darkest_cell_is_the_largest_share(report):
    rows = cell_rows(report)
    top = max(row["share"] for row in rows.values())
    darkest = [td for table in report.page.all("table", "heat") for td in table.all("td", "h10")]
    assert percent(top) in {td.one("span", "share").text for td in darkest}


def facet_table(report: Report, name: str) -> Element:
    section = report.page.id("coverage")
    (found,) = (d for d in section.all("details") if d.one("summary").text == f"{name} in numbers")
    return found.one("tbody")


def test_tables_of_a_facet_show_counts_shares_and_words_of_coverage(report):
    rows = {(r["facet"], r["value"], r["author"]): r for r in coverage_rows(report)}
    beside = [name for name in next(iter(rows.values())) if name.startswith("share:")]
    for facet in report.study.schema.facets:
        for line, value in zip(facet_table(report, facet.name).all("tr"), facet.values, strict=True):
            expected = []
            for author in report.study.authors:
                row = rows[facet.id, value.id, author]
                ends = [row["range_low"], row["range_high"]]
                reach = "–" if None in ends else "–".join(map(percent, ends))
                shares = [percent(row[name], 1) for name in beside]
                expected += [str(row["passages"]), percent(row["share"], 1), reach, *shares]
                expected.append(percent(row["word_share"], 1))
            assert [td.text for td in line.all("td")] == expected


def test_divergence_shows_the_figures_of_the_command(report):
    facets = printed(report.study.root, "divergence")["facets"]
    rows = [row for row in facets if row["first"] != "(all)" and " | " not in row["facet"]]
    assert rows
    table = report.page.id("divergence").all("tbody")[0]
    shown = [[cell.text.replace("−", "-") for cell in tr.all()][:6] for tr in table.all("tr")]
    assert shown == [
        [f"{row['first']} – {row['second']}", row["facet"].replace(" x ", " × ")]
        + [f"{row[key]:.3f}" for key in ("bits", "corrected", "noise", "noise_high")]
        for row in rows
    ]


def test_agreement_shows_the_figures_of_the_command(report):
    rows = printed(report.study.root, "reliability")["facets"]
    lines = report.page.id("agreement").all("tbody")[0].all("tr")
    shown = {tr.one("th").text: [td.text for td in tr.all("td")] for tr in lines}
    for row in rows:
        assert shown[row["facet"]][:4] == [
            str(row["units"]),
            f"{row['agreed']} of {row['pairs']}",
            percent(row["share"], 1),
            f"{row['alpha']:.3f}",
        ]


def test_every_dispute_is_listed_with_what_was_decided(report):
    found = printed(report.study.root, "reliability", "--disputes")
    body = report.page.id("agreement").one("details").one("tbody")
    shown = [[td.text for td in tr.all("td")] for tr in body.all("tr")]
    assert [row[:2] + row[3:4] for row in shown] == [
        [d["passage"], d["facet"], d["adjudicated"] or "open"] for d in found
    ]


def test_classifier_shows_the_figures_of_the_models_card(report):
    figures = load_model(report.study.model_file).card["figures"]
    lines = report.page.id("classifier").one("tbody").all("tr")
    tested = [("unseen passages", figures["cross_validation"])]
    tested += [(f"unseen author {author}", found) for author, found in figures["across_authors"].items()]
    assert [[cell.text for cell in tr.all()][:5] for tr in lines] == [
        [name, facet, str(f["passages"]), f"{f['macro_f1']:.2f}", percent(f["accuracy"])]
        for name, by_facet in tested
        for facet, f in by_facet.items()
    ]


def test_bars_count_the_ordinal_values_within_every_crossed_value(report):
    schema, gold = report.study.schema, diptych.load_gold(report.study)
    author = dict(diptych.load_passages(report.study)[["passage", "author"]].to_numpy())
    labels = {(row["passage"], row["facet"]): row["value"] for row in gold.to_dict("records")}
    (ordinal,) = first_ordinal(report.study)
    counts: dict[tuple[str, str, str], Counter] = {}
    for passage, writer in author.items():
        for facet in schema.cells:
            values = labels.get((passage, facet.id)), labels.get((passage, ordinal.id))
            if None not in values:
                bar = counts.setdefault((facet.id, values[0], writer), Counter())
                bar[values[1]] += 1
    expected = Counter(
        f"{writer}, {schema.facet(facet).value(value).name}: "
        + ", ".join(f"{v.name} {bar[v.id]}" for v in ordinal.values if bar[v.id])
        for (facet, value, writer), bar in counts.items()
    )
    assert Counter(svg.attributes["aria-label"] for svg in report.page.all("svg", "stack")) == expected


def test_evidence_lists_every_passage_once_in_reading_order(report):
    listed = [li.attributes["id"] for li in report.page.one("ol", "evidence").all("li")]
    passages = diptych.load_passages(report.study)["passage"]
    assert listed == [f"p-{passage}" for passage in passages]


def test_evidence_carries_the_gold_labels(report):
    gold: dict[str, set[str]] = {}
    for row in diptych.load_gold(report.study).to_dict("records"):
        gold.setdefault(row["passage"], set()).add(f"{row['facet']}={row['value']}")
    for li in report.page.one("ol", "evidence").all("li"):
        passage = li.attributes["id"].removeprefix("p-")
        assert set(li.attributes["data-values"].split()) == gold.get(passage, set())


# the sentences of the first screen


def glance(report: Report) -> list[str]:
    return [p.text for p in report.page.id("glance").all("p")]


def test_the_lead_counts_each_authors_passages(report):
    lead = report.page.one("p", "lead").text
    for author, number in diptych.load_passages(report.study).groupby("author").size().items():
        (said,) = re.findall(rf"{re.escape(author)} \(([^)]*)\)", lead)
        assert said.endswith(f": {number} passages")


def test_the_lead_says_that_all_is_coded_only_where_it_is(reports):
    assert "Every passage is coded" in reports["harbour"].page.one("p", "lead").text
    assert "Every passage is coded" not in reports["bridge"].page.one("p", "lead").text


def test_the_lead_claims_no_independence_that_the_coders_file_denies(reports):
    assert "no independent reading" in reports["bridge"].shown
    assert "independent" not in reports["bridge"].page.one("p", "lead").text


def first_ordinal(study: Study) -> list:
    return [facet for facet in study.schema.facets if facet.scale == "ordinal"][:1]


def test_most_frequent_values_are_those_of_coverage(report):
    table = coverage_rows(report)
    for facet in [*report.study.schema.cells, *first_ordinal(report.study)]:
        (sentence,) = (s for s in glance(report) if s.startswith(f"{facet.name} of the passages"))
        for author in report.study.authors:
            rows = [r for r in table if (r["facet"], r["author"]) == (facet.id, author)]
            top = sorted(rows, key=lambda r: -r["passages"])[:3]
            said = ", ".join(
                f"{facet.value(r['value']).name} {r['passages']} ({percent(r['share'])})" for r in top if r["passages"]
            )
            assert f"{author}, of {top[0]['of']}: {said}" in sentence


def test_the_bridge_sentence_counts_what_the_codings_say(reports):
    (said,) = (s for s in glance(reports["bridge"]) if s.startswith("Voice of the passages"))
    assert "林悦, of 14: South bank 5 (36 %), Nobody 5 (36 %), North bank 4 (29 %)" in said


def differences(report: Report) -> list[str]:
    return [li.text for ul in report.page.id("glance").all("ul")[:1] for li in ul.all("li")]


def cell_names(report: Report, facet: str, value: str) -> str:
    parts = zip(facet.split(" x "), value.split(" x "), strict=True)
    return " × ".join(report.study.schema.facet(f).value(v).name for f, v in parts)


def large_differences(report: Report) -> list[dict]:
    """Cells of at least 5 passages, the largest difference of shares first."""
    rows = printed(report.study.root, "divergence")["cells"]
    crossed = [r for r in rows if " x " in r["facet"] and r["count_first"] + r["count_second"] >= 5]
    return sorted(crossed, key=lambda r: -abs(r["difference"]))


def test_largest_differences_are_those_of_the_command(reports):
    report = reports["bundled"]
    top = large_differences(report)[:3]
    assert len(differences(report)) == 3
    for said, row in zip(differences(report), top, strict=True):
        assert said.startswith(cell_names(report, row["facet"], row["value"]) + ": ")
        for side in ("first", "second"):
            count, of = row[f"count_{side}"], row[f"of_{side}"]
            assert f"{row[side]} {count} of {of} passages ({percent(count / of)})" in said


def test_differences_are_shares_of_the_same_counts_as_the_heat_map(reports):
    rows = cell_rows(reports["bundled"])
    for row in large_differences(reports["bundled"])[:3]:
        labels = cell_names(reports["bundled"], row["facet"], row["value"]).split(" × ")
        for side in ("first", "second"):
            assert rows[row[side], *labels]["passages"] == row[f"count_{side}"]


def test_a_difference_says_on_how_many_of_its_passages_coders_differed(reports):
    report = reports["bundled"]
    disputes = printed(report.study.root, "reliability", "--disputes")
    items = report.page.one("ol", "evidence").all("li")
    for said, row in zip(differences(report), large_differences(report)[:3], strict=True):
        facets = row["facet"].split(" x ")
        wanted = {f"{f}={v}" for f, v in zip(facets, row["value"].split(" x "), strict=True)}
        members = {
            li.attributes["id"].removeprefix("p-")
            for li in items
            if wanted <= set(li.attributes["data-values"].split())
        }
        doubted = {d["passage"] for d in disputes if d["facet"] in facets} & members
        assert f"differed on {len(doubted) or 'none'} of these {len(members)}" in said


def test_how_sure_names_alpha_of_every_facet(report):
    rows = printed(report.study.root, "reliability")["facets"]
    (said,) = (s for s in glance(report) if s.startswith("How sure."))
    assert ", ".join(f"{row['facet']} {row['alpha']:.2f}" for row in rows) in said


@pytest.mark.parametrize(("name", "told"), [("bundled", True), ("harbour", True), ("bridge", False)])
def test_no_p_value_is_explained_where_an_author_has_one_document(reports, name, told):
    (said,) = (s for s in glance(reports[name]) if s.startswith("How sure."))
    assert ("no p-value" in said) is told


def test_nothing_is_missing_from_a_complete_report(report):
    assert report.page.all("div", "missing") == []


# hostile text

NASTY = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'</style>--> &amp; {{ 7*7 }} \u202eשלום"
PLAIN = "plain"
PLACES = [
    "study title",
    "facet label",
    "facet question",
    "value label",
    "value definition",
    "author",
    "document title",
    "publisher",
    "section",
    "digest",
    "coder",
    "adjudicator's comment",
    "who",
    "given",
]


def filled(target: Path, say: Callable[[str], str]) -> Report:
    """The report of a harbour study in which every free text is what `say(place)` returns."""
    study = make_study(target)
    decide_one(study, say("adjudicator's comment"))
    for path in study.codings_folder.glob("*.jsonl"):
        rewrite(path, lambda row: row | {"coder": row["coder"].replace("sample-b", say("coder"))})
    for path in (study.root / "seeds").glob("*.passages.jsonl"):
        rewrite(path, lambda row: row | {"section": say("section")})
        digest = path.with_name(path.name.replace("passages", "digest"))
        shutil.copyfile(path, digest)
        rewrite(digest, lambda row: {"passage": row["passage"], "text": say("digest")})
    replace(
        study.root / "study.toml",
        {
            "seed = 1": f"seed = 1\ntitle = {quoted(say('study title'))}",
            '"A. Jansen"': quoted(f"A. Jansen {say('author')}"),
            '"B. Okafor"': quoted(f"B. Okafor {say('author')}"),
            '"Dredging day"': f"{quoted(say('document title'))}\npublisher = {quoted(say('publisher'))}",
        },
    )
    replace(
        study.root / "schemas" / "harbour.yaml",
        {
            "- id: topic": f"- id: topic\n    label: {quoted(say('facet label'))}",
            "What is the passage mainly about?": quoted(say("facet question")),
            "label: Money": f"label: {quoted(say('value label'))}",
            '"Jobs, workers, skills, hours."': quoted(say("value definition")),
        },
    )
    replace(
        study.coders_file,
        {
            "[coders.sample-b]": f"[coders.{quoted(say('coder'))}]",
            '"Sample codings that come with `diptych init`, made for the example."': quoted(say("who")),
            '"sample"': f'"sample"\ngiven = {quoted(say("given"))}',
        },
    )
    study = Study.load(study.root)
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return reported(study)


def decide_one(study: Study, comment: str) -> None:
    """Adjudicate one of the two disputes of the harbour study."""
    decision = study.root / "decision.jsonl"
    answer = {"passage": "harbour-north:008", "facet": "topic", "value": "work"}
    decision.write_text(json.dumps(answer | {"reason": "slip", "comment": comment}), encoding="utf-8")
    options = ["--coder", "judge", "--role", "adjudicator", "--study", str(study.root), "--quiet"]
    assert run(["import", "jsonl", str(decision), *options]) == 0


def replace(path: Path, changes: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def quoted(text: str) -> str:
    """A string that TOML, YAML and JSON all read as this text."""
    return json.dumps(text, ensure_ascii=False)


def rewrite(path: Path, change: Callable[[dict], dict]) -> None:
    rows = [change(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return filled(tmp_path_factory.mktemp("hostile") / "h", lambda place: f"{place}{NASTY}")


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return filled(tmp_path_factory.mktemp("harmless") / "h", lambda place: f"{place}{PLAIN}")


@pytest.mark.parametrize("place", PLACES)
def test_hostile_text_is_shown_as_it_was_written(hostile, place):
    assert " ".join(f"{place}{NASTY}".split()) in hostile.shown


def test_hostile_text_adds_no_element_and_no_attribute(hostile, harmless):
    def skeleton(report: Report) -> list[tuple[str, list[str]]]:
        return [(element.tag, list(element.attributes)) for element in report.page]

    assert hostile.reader.faults == []
    assert skeleton(hostile) == skeleton(harmless)


def test_hostile_text_leaves_the_policy_as_it_is(hostile, harmless):
    assert policy(hostile) == policy(harmless)


def test_templates_in_a_text_are_not_run(hostile):
    assert "{{ 7*7 }}" in hostile.shown
    assert "49 " not in hostile.page.one("title").text


def test_passages_may_run_from_right_to_left(report):
    directions = {p.attributes.get("dir") for p in report.page.one("ol", "evidence").all("p", "text")}
    assert directions == {"auto"}


def test_a_digest_in_any_script_comes_out_as_it_went_in(small):
    digests = ["Лодка у причала", "渡口的钟声", "نهر صغير", "e\u0301te\u0301", "🛶 canoe", "a\u00a0b"]
    rows = [{"passage": f"harbour-north:{n:03d}", "text": text} for n, text in enumerate(digests, 1)]
    small.digest_file("harbour-north").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = reported(small)
    shown = [report.page.id(f"p-{row['passage']}").one("p", "text").raw for row in rows]
    assert shown == digests


# what is missing


def missing(report: Report) -> str:
    return report.page.one("div", "missing").text


def drop_documents(study: Study, kept: str) -> Study:
    """Leave one document, its codings and its passages."""
    settings = study.root / "study.toml"
    head, *documents = settings.read_text(encoding="utf-8").split("[[documents]]")
    mine = [text for text in documents if f'id = "{kept}"' in text]
    settings.write_text(head + "".join(f"[[documents]]{text}" for text in mine), encoding="utf-8")
    for path in study.codings_folder.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if f'"{kept}:' in line), encoding="utf-8")
    return Study.load(study.root)


def test_without_gold_labels_the_report_says_how_to_derive_them(harbour):
    report = reported(harbour)
    assert report.reader.faults == []
    assert "no gold labels" in missing(report)
    assert "diptych gold" in missing(report)
    assert report.page.all("table", "heat") == []


def test_without_gold_labels_the_evidence_is_still_there(harbour):
    assert len(reported(harbour).page.one("ol", "evidence").all("li")) == 16


def test_without_a_model_the_report_says_how_to_train_one(small):
    report = reported(small)
    assert report.reader.faults == []
    assert "diptych train" in missing(report)
    assert report.page.id("classifier").all("table") == []
    assert len(report.page.all("table", "heat")) == 2


def test_without_codings_the_report_says_that_nothing_is_coded(tmp_path, harbour):
    study = make_study(tmp_path / "new", harbour.root / "schemas" / "harbour.yaml")
    assert run(["ingest", "--study", str(study.root), "--quiet"]) == 0
    report = reported(study)
    assert report.reader.faults == []
    assert "Every passage is coded" not in report.page.one("p", "lead").text
    assert "agreement is unknown" in report.shown


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A study of one author."""
    study = drop_documents(make_study(tmp_path_factory.mktemp("alone") / "alone"), "harbour-north")
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return reported(study)


def test_with_one_author_the_report_says_that_divergence_needs_two(alone):
    assert alone.reader.faults == []
    assert "divergence compares two" in missing(alone)
    assert alone.page.id("divergence").all("table") == []


def test_with_one_author_there_is_one_heat_map_without_a_blind_spot(alone):
    assert len(alone.page.all("table", "heat")) == 1
    assert not any(cell.blind for cell in heat_maps(alone).values())


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory, reports: dict[str, Report]) -> Report:
    """A study with one passage that one coder has coded."""
    folder = tmp_path_factory.mktemp("single")
    root = folder / "single"
    (root / "schemas").mkdir(parents=True)
    shutil.copy(reports["harbour"].study.root / "schemas" / "harbour.yaml", root / "schemas")
    (root / "study.toml").write_text('format = 1\nname = "single"\nschema = "schemas/harbour.yaml"\n')
    note, table = folder / "note.txt", folder / "codings.csv"
    note.write_text("Quay\n\nThe crane was painted green, and nobody has asked what the paint cost.\n")
    table.write_text("passage,topic,side,tone\nnote:001,money,neither,plain\n")
    place = ["--study", str(root), "--quiet"]
    assert run(["ingest", str(note), "--author", "C. Ito", *place]) == 0
    assert run(["import", "csv", str(table), "--coder", "only", *place]) == 0
    assert run(["gold", *place]) == 0
    return reported(Study.load(root))


def test_a_study_of_one_passage_has_a_report(single):
    assert single.reader.faults == []
    assert [cell.count for cell in heat_maps(single).values() if cell.count] == [1]


def test_a_study_of_one_passage_and_coder_says_what_it_cannot_say(single):
    assert "agreement needs two coders" in missing(single)
    assert "divergence compares two" in missing(single)
    assert "diptych train" in missing(single)


def test_a_study_of_one_passage_speaks_of_one_passage(single):
    assert not re.search(r"\b1 passages\b", single.shown)


def test_without_an_ordinal_facet_the_report_stands(tmp_path):
    study = make_study(tmp_path / "flat")
    schema = study.root / "schemas" / "harbour.yaml"
    text = re.sub(r", score: -?\d", "", schema.read_text(encoding="utf-8"))
    schema.write_text(text.replace("scale: ordinal", "scale: nominal"), encoding="utf-8")
    study = Study.load(study.root)
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    report = reported(study)
    assert report.reader.faults == []
    assert "Wary" not in report.shown
    assert "by topic" not in report.shown


def test_a_schema_with_one_facet_has_a_heat_map_with_one_column(tmp_path):
    study = make_study(tmp_path / "narrow")
    schema = study.root / "schemas" / "harbour.yaml"
    text = schema.read_text(encoding="utf-8")
    schema.write_text(text[: text.index("  - id: side")], encoding="utf-8")
    for path in study.codings_folder.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if '"topic"' in line), encoding="utf-8")
    study = Study.load(study.root)
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    report = reported(study)
    assert report.reader.faults == []
    counts = Counter()
    for (author, _, _), cell in heat_maps(report).items():
        counts[author] += cell.count
    assert set(counts.values()) <= {7, 8}


def test_a_study_without_passages_is_refused_with_a_hint(harbour, command):
    for path in (harbour.root / "seeds").glob("*.passages.jsonl"):
        path.unlink()
    result = command("report", "--study", harbour.root)
    assert (result.code, "diptych ingest" in result.err) == (1, True)
    assert not (harbour.root / "report.html").exists()


# originals


def original_texts(study: Study) -> list[str]:
    passages = diptych.load_passages(study)
    return passages.loc[passages["source"] == "original", "text"].tolist()


@pytest.mark.parametrize("name", ["harbour", "bridge"])
def test_no_text_of_an_original_is_in_the_report(reports, name):
    wholes = original_texts(reports[name].study)
    assert len(wholes) > 10
    pieces = [text[start : start + 20] for text in wholes for start in range(0, len(text) - 20, 10)]
    assert [piece for piece in pieces if piece in reports[name].shown] == []


@pytest.fixture(scope="module")
def open_bridge(reports: dict[str, Report]) -> Report:
    """The report of the bridge study with the documents' own text."""
    return reported(reports["bridge"].study, "--with-originals", name="open.html")


def test_with_originals_every_text_is_there(open_bridge):
    assert [text for text in original_texts(open_bridge.study) if text not in open_bridge.shown] == []


def test_with_originals_the_page_is_marked(open_bridge):
    assert "Not for publication" in open_bridge.page.id("evidence").text


def test_without_originals_the_page_is_not_marked(report):
    assert "Not for publication" not in report.shown


def test_with_originals_where_none_is_at_hand_digests_stand_unmarked(reports, tmp_path):
    study = reports["bundled"].study
    report = reported(study, "--with-originals", name="with.html")
    assert "Not for publication" not in report.shown
    digests = diptych.load_passages(study)["digest"]
    assert [text for text in digests if " ".join(text.split()) not in report.shown] == []


def test_where_there_are_no_digests_the_page_does_not_speak_of_digests_shown(reports):
    assert "retold in a digest" in reports["bundled"].shown
    assert "retold in a digest" not in reports["bridge"].shown


# names and documents


def test_documents_are_listed_with_author_title_and_year(report):
    listed = [li.text for li in report.page.id("made").all("ul")[0].all("li")]
    described = tomllib.loads((report.study.root / "study.toml").read_text(encoding="utf-8"))["documents"]
    assert len(listed) == len(described)
    for said, document in zip(listed, described, strict=True):
        assert all(str(document[key]) in said for key in ("author", "title", "id"))
        assert str(document.get("year", "")) in said


def test_coders_are_described_in_the_words_of_the_coders_file(report):
    described = tomllib.loads(report.study.coders_file.read_text(encoding="utf-8"))["coders"]
    for name, coder in described.items():
        assert name in [dt.text for dt in report.page.id("made").all("dt")]
        assert coder["who"] in report.shown


# in a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page in a browser without a network, with everything it complains of."""

    page: object
    complaints: list[str]
    requests: list[str]

    @property
    def listed(self) -> list[str]:
        """The passages that can be seen in the evidence."""
        ids = self.page.locator(".evidence > li:visible").evaluate_all("items => items.map(li => li.id)")
        return [name.removeprefix("p-") for name in ids]

    def expect_shown(self, number: int) -> None:
        from playwright.sync_api import expect

        expect(self.page.locator("#shown")).to_have_text(re.compile(rf"^{number} of "))


Open = Callable[..., Tab]


@pytest.fixture
def browse(chromium) -> Iterator[Open]:
    """Open a report: `browse(report, color_scheme="dark")`."""
    contexts = []

    def opened(report: Report, **options: object) -> Tab:
        context = chromium.new_context(offline=True, **options)
        contexts.append(context)
        context.set_default_timeout(5000)
        tab = Tab(context.new_page(), [], [])
        tab.page.on("console", lambda message: tab.complaints.append(f"{message.type}: {message.text}"))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("dialog", lambda dialog: (tab.complaints.append(dialog.message), dialog.dismiss()))
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.goto(report.path.as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.browser
def test_the_browser_complains_of_nothing_and_asks_for_nothing(browse, report):
    tab = browse(report)
    tab.page.locator("#filters").wait_for()
    assert tab.complaints == []
    assert tab.requests == [report.path.as_uri()]


@pytest.mark.browser
def test_the_policy_stops_a_foreign_script(browse, reports):
    tab = browse(reports["harbour"])
    tab.page.evaluate(
        "() => document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'document.title = 1'}))"
    )
    assert tab.page.title() == "harbour"
    assert "Content Security Policy" in "".join(tab.complaints)


@pytest.mark.browser
def test_hostile_text_runs_nothing_in_a_browser(browse, hostile):
    tab = browse(hostile)
    tab.page.locator("#filters").wait_for()
    assert tab.complaints == []
    assert tab.page.locator("img").count() == 0


@pytest.mark.browser
def test_every_author_can_be_filtered(browse, reports):
    report = reports["bridge"]
    tab = browse(report)
    tab.expect_shown(len(diptych.load_passages(report.study)))
    for author, rows in diptych.load_passages(report.study).groupby("author"):
        tab.page.locator("select[name=author]").select_option(label=author)
        tab.expect_shown(len(rows))
        assert tab.listed == rows["passage"].tolist()


@pytest.mark.browser
def test_an_author_of_hostile_name_can_be_filtered(browse, hostile):
    tab = browse(hostile)
    tab.page.locator("select[name=author]").select_option(index=1)
    tab.expect_shown(8)


@pytest.mark.browser
def test_every_value_of_every_facet_can_be_filtered(browse, reports):
    report = reports["bridge"]
    tab = browse(report)
    gold = diptych.load_gold(report.study)
    for (facet, value), rows in gold.groupby(["facet", "value"]):
        select = tab.page.locator(f"select[name={facet}]")
        select.select_option(value)
        tab.expect_shown(len(rows))
        assert sorted(tab.listed) == sorted(rows["passage"])
        select.select_option("")


@pytest.mark.browser
@pytest.mark.parametrize(("choice", "number"), [("differ", 6), ("agree", 39)])
def test_passages_on_which_coders_differ_can_be_filtered(browse, reports, choice, number):
    tab = browse(reports["bridge"])
    tab.page.locator("select[name=coders]").select_option(choice)
    tab.expect_shown(number)


@pytest.mark.browser
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


@pytest.mark.browser
def test_filters_narrow_together_and_show_all_takes_them_off(browse, reports):
    tab = browse(reports["bridge"])
    tab.page.locator("select[name=author]").select_option("林悦")
    tab.page.locator("select[name=promise]").select_option("yes")
    tab.expect_shown(5)
    tab.page.get_by_role("button", name="Show all").click()
    tab.expect_shown(45)


def differing_links(tab: Tab, links: str) -> list[list[object]]:
    """Click every one of these links; return those that then show another number of passages."""
    return tab.page.evaluate(
        """async (links) => {
            const found = [];
            for (const link of document.querySelectorAll(links)) {
                link.click();
                await new Promise((done) => setTimeout(done, 5));
                const said = Number((link.querySelector(".count") || link).textContent);
                const seen = document.querySelectorAll(".evidence > li:not([hidden])").length;
                if (said !== seen) found.push([link.dataset.author, link.dataset.value, said, seen]);
            }
            return found;
        }""",
        links,
    )


@pytest.mark.browser
def test_a_heat_cell_filters_the_evidence_to_exactly_its_count(browse, report):
    tab = browse(report)
    assert tab.page.locator(".heat a").count() == sum(cell.count > 0 for cell in heat_maps(report).values())
    assert differing_links(tab, ".heat a") == []


@pytest.mark.browser
def test_every_other_number_that_links_filters_to_exactly_that_many(browse, reports):
    tab = browse(reports["harbour"])
    assert tab.page.locator("a.to-evidence").count() > tab.page.locator(".heat a").count()
    assert differing_links(tab, "a.to-evidence") == []


@pytest.mark.browser
def test_a_click_on_a_heat_cell_leads_to_its_passages(browse, reports):
    report = reports["bridge"]
    tab = browse(report)
    tab.page.locator(".heat a").first.click()
    labels = {name: cell for name, cell in heat_maps(report).items() if cell.count}
    author, cell = next((name[0], cell) for name, cell in labels.items())
    tab.expect_shown(cell.count)
    assert tab.page.url.endswith("#evidence")
    assert {name.split("-")[0] for name in tab.listed} == {"orlova"}
    assert tab.page.locator("select[name=author]").input_value() == author


@pytest.mark.browser
def test_a_link_to_a_disputed_passage_shows_it_though_it_was_filtered_out(browse, reports):
    tab = browse(reports["bridge"])
    tab.page.locator("select[name=author]").select_option("M. Duarte")
    tab.expect_shown(14)
    tab.page.locator("#agreement summary").click()
    tab.page.locator("#agreement a", has_text="lin-2:006").click()
    tab.expect_shown(45)
    assert tab.page.locator("[id='p-lin-2:006']").is_visible()


@pytest.mark.browser
def test_a_facet_may_have_the_name_of_a_part_of_the_form(browse, tmp_path):
    study = make_study(tmp_path / "clash")
    names = {"topic": "coders", "side": "length", "tone": "item"}
    changes = {f"id: {old}\n": f"id: {new}\n    was: [{old}]\n" for old, new in names.items()}
    replace(study.root / "schemas" / "harbour.yaml", changes)
    study = Study.load(study.root)
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    tab = browse(reported(study))
    tab.page.locator(".filters select").first.wait_for()
    assert differing_links(tab, "a.to-evidence") == []


@pytest.mark.browser
def test_evidence_is_visible_without_javascript(browse, reports):
    report = reports["bridge"]
    tab = browse(report, java_script_enabled=False)
    assert tab.listed == diptych.load_passages(report.study)["passage"].tolist()


@pytest.mark.browser
def test_filters_that_cannot_work_without_javascript_are_not_shown(browse, reports):
    tab = browse(reports["harbour"], java_script_enabled=False)
    assert not tab.page.locator("#filters").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("name", ["bundled", "bridge"])
def test_the_page_does_not_run_over_the_side(browse, reports, name):
    tab = browse(reports[name])
    tab.page.evaluate("() => document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for width in (360, 768, 1280):
        tab.page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            tab.page.emulate_media(color_scheme=scheme)
            assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= width, scheme


@pytest.mark.browser
def test_long_names_do_not_run_over_the_side_of_a_phone(browse, hostile):
    tab = browse(hostile, viewport={"width": 360, "height": 800})
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 360


@pytest.mark.browser
def test_the_dark_scheme_is_light_on_dark(browse, reports):
    def brightness(tab: Tab, name: str) -> float:
        colour = tab.page.evaluate(f"() => getComputedStyle(document.body).{name}")
        return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3])

    for scheme, dark in (("light", False), ("dark", True)):
        tab = browse(reports["harbour"], color_scheme=scheme)
        assert (brightness(tab, "color") > brightness(tab, "backgroundColor")) is dark


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_in_heat_cells_can_be_read_on_their_colour(browse, reports, scheme):
    tab = browse(reports["bundled"], color_scheme=scheme)
    ratios = tab.page.evaluate(
        """() => {
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
            return Array.from(document.querySelectorAll(".heat td"))
                .filter((td) => td.querySelector(".count"))
                .map((td) => {
                    const style = getComputedStyle(td);
                    const pair = [light(style.color), light(style.backgroundColor)].sort((a, b) => b - a);
                    return [td.className, (pair[0] + 0.05) / (pair[1] + 0.05)];
                });
        }"""
    )
    assert len(ratios) > 10
    assert [found for found in ratios if found[1] < 4.5] == []
