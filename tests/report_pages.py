"""Reports as the tests read them: a page as a tree, its blocks of JSON, and what the command line says of the study."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from html.parser import HTMLParser
from pathlib import Path

from diptych.cli.main import run
from diptych.coding.sampling import load_samples
from diptych.demo import copy_bundled
from diptych.study import Study
from diptych.template import make_study

BRIDGE = Path(__file__).parent / "studies" / "bridge"
NAMES = ["bundled", "harbour", "bridge"]
VOID = {"meta", "link", "br", "hr", "img", "input", "base", "source", "embed", "col", "wbr", "area"}
ENDS_P = {"p", "ul", "ol", "dl", "table", "div", "section", "details", "form", "h1", "h2", "h3", "nav", "figure", "pre"}


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
        """What a reader sees without JavaScript, blanks made one."""
        return " ".join("".join(texts(self.page.one("body"))).split())

    @cached_property
    def data(self) -> dict:
        """What the script lists the passages from."""
        return json.loads(self.page.id("data").raw)

    @cached_property
    def tables(self) -> dict[str, str]:
        """The CSV that the page hands out, by name."""
        return json.loads(self.page.id("tables").raw)

    @property
    def listed(self) -> list[Element]:
        """The passages that stand in the page for readers without JavaScript."""
        return self.page.one("noscript").all("li")

    def labels(self, passage: str) -> dict[str, str]:
        """The gold labels that the script shows for a passage."""
        (found,) = (row for row in self.data["passages"] if row["id"] == passage)
        pairs = zip(self.data["facets"], found["v"], strict=True)
        return {facet["id"]: facet["values"][place][0] for facet, place in pairs if place >= 0}


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


@cache
def printed(root: Path, *arguments: str) -> dict:
    """What a command prints of a study as JSON; asked once."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run([*arguments, "--study", str(root), "--json", "--quiet"]) == 0
    return json.loads(out.getvalue())


def command_line(root: Path, line: str) -> str:
    """What a command line prints of a study."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run([*line.split()[1:], "--study", str(root), "--quiet"]) == 0
    return out.getvalue()


def percent(share: float, digits: int = 0) -> str:
    """A share as the page says it, with a plain blank."""
    rounded = f"{100 * share:.{digits}f}"
    least = f"{10.0**-digits:.{digits}f}"
    return f"<{least} %" if share and not float(rounded) else f"{rounded} %"


def plain(text: str) -> str:
    """Text with plain blanks and minus signs, as numbers are compared."""
    return text.replace("\xa0", " ").replace("−", "-")


# in a browser


@dataclass
class Tab:
    """A page in a browser without a network, with everything it complains of."""

    page: object
    complaints: list[str]
    requests: list[str]

    @property
    def listed(self) -> list[str]:
        """The passages that stand in the list."""
        ids = self.page.locator(".evidence > li:visible").evaluate_all("items => items.map(li => li.id)")
        return [name.removeprefix("p-") for name in ids]

    @property
    def number(self) -> int:
        """How many passages the page says are chosen."""
        return int(self.page.locator("#shown").inner_text().split(" of ")[0])

    @property
    def first_view(self) -> float:
        """After how many milliseconds something was first seen; waits for it, as it is told late."""
        return self.page.evaluate(
            """() => new Promise((done) => new PerformanceObserver((list) => {
                const [entry] = list.getEntriesByName("first-contentful-paint");
                if (entry) done(entry.startTime);
            }).observe({type: "paint", buffered: true}))"""
        )

    def expect_shown(self, number: int) -> None:
        """Wait until the page says that so many passages are chosen."""
        from playwright.sync_api import expect

        expect(self.page.locator("#shown")).to_have_text(re.compile(rf"^{number} of "))

    def open_details(self) -> None:
        """Open whatever is folded."""
        self.page.evaluate("() => document.querySelectorAll('details').forEach((d) => { d.open = true; })")


# heat maps


@dataclass(frozen=True)
class Cell:
    """A cell of a heat map as shown."""

    count: str
    share: str
    blind: bool
    link: tuple[str, str, str] | None


def heat_maps(report: Report, source: str = "gold", weight: str = "passages") -> dict[tuple[str, str, str], Cell]:
    """The cells of a view by (author, row's label, column's label)."""
    (view,) = [
        div for div in report.page.all("div", "view") if {source, weight} <= set(div.attributes["class"].split())
    ]
    cells = {}
    for table in view.all("table", "heat"):
        caption = table.one("caption")
        author = caption.text.removesuffix(caption.one("span", "of").text).strip()
        columns = [th.text for th in table.one("thead").all("th")]
        for row in table.one("tbody").all("tr"):
            for column, td in zip(columns, row.all("td"), strict=True):
                links = td.all("a")
                data = [links[0].attributes[f"data-{n}"] for n in ("author", "facets", "value")] if links else []
                cells[author, row.one("th").text, column] = Cell(
                    td.all("span", "count")[0].text if links else "",
                    td.one("span", "share").text,
                    "blind" in td.attributes["class"].split(),
                    tuple(data) or None,
                )
    return cells


# studies for the tests


def sampled(target: Path, *how: str) -> Study:
    """The harbour study of which 8 of 16 passages were drawn and coded, with a model: shares are estimates."""
    study = make_study(target)
    place = ["--study", str(study.root), "--quiet"]
    codings = {path: path.read_text(encoding="utf-8") for path in study.codings_folder.glob("*.jsonl")}
    for path in codings:
        path.unlink()
    assert run(["sample", "--size", "8", *how, *place]) == 0
    drawn = set(load_samples(study)[0].passages)
    for path, text in codings.items():
        lines = text.splitlines(keepends=True)
        path.write_text("".join(line for line in lines if json.loads(line)["passage"] in drawn), encoding="utf-8")
    for step in ("gold", "train"):
        assert run([step, *place]) == 0
    return study


# changing a study's files


def replace(path: Path, changes: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def quoted(text: str) -> str:
    """A string that TOML, YAML and JSON all read as this text."""
    return '"' + "".join(c if ord(c) > 0xFFFF else json.dumps(c)[1:-1] for c in text) + '"'  # TOML takes no surrogates


def rewrite(path: Path, change: Callable[[dict], dict]) -> None:
    rows = [change(json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


# hostile text

NASTY = (
    "\"><script>window.__hit=1</script><img src=x onerror=window.__hit=1>'</style>--> ]]> &amp; {{ 7*7 }} ${1+1} "
    "\u2028\u202eשלום"
)
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
    "coder's comment",
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
        rewrite(
            path, lambda row: row | ({"comment": say("coder's comment")} if row.get("role", "coder") == "coder" else {})
        )
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
