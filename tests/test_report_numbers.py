"""Every number of a report is one that the command line prints of the same study."""

from __future__ import annotations

import re
from collections import Counter

import pytest

import diptych
from diptych.classifier.scoring.persist import load_model
from diptych.report.tables import COMMANDS
from diptych.study import Study
from report_pages import Element, Report, command_line, heat_maps, percent, plain, printed

STUDIES = ["bundled", "harbour", "bridge", "estimated"]


@pytest.fixture(params=STUDIES)
def every(request: pytest.FixtureRequest) -> Report:
    """The three studies, and one of which a sample was drawn."""
    if request.param == "estimated":
        return request.getfixturevalue("estimated")
    return request.getfixturevalue("reports")[request.param]


def sources(report: Report) -> list[str]:
    """The sources of shares between which the page switches."""
    radios = [e.attributes for e in report.page.id("coverage").all("input") if e.attributes["name"] == "source"]
    return [radio["id"].removeprefix("s-") for radio in radios]


def coverage_rows(report: Report, source: str = "gold") -> list[dict]:
    return printed(report.study.root, "coverage", "--source", source)["rows"]


def cell_rows(report: Report, source: str = "gold") -> dict[tuple[str, str, str], dict]:
    """Rows of coverage of the crossed facets by (author, row's label, column's label)."""
    crossed = report.study.schema.cells
    found = {}
    for row in coverage_rows(report, source):
        if row["facet"] == " x ".join(facet.id for facet in crossed):
            values = zip(crossed, row["value"].split(" x "), strict=True)
            found[row["author"], *(facet.value(value).name for facet, value in values)] = row
    return found


# coverage


def test_shares_are_switched_between_every_source_there_is(reports, estimated):
    assert sources(reports["bundled"]) == ["gold"]  # its model is the shipped one: nothing is cross-fitted
    assert sources(reports["bridge"]) == ["gold", "uncorrected"]
    assert sources(estimated) == ["gold", "corrected", "uncorrected"]


def test_one_source_and_one_weight_are_chosen_at_first(every):
    chosen = [e.attributes["id"] for e in every.page.id("coverage").all("input") if "checked" in e.attributes]
    assert chosen == ["w-passages", "s-gold"]


def test_heat_maps_show_the_shares_and_counts_of_passages(every):
    for source in sources(every):
        rows = cell_rows(every, source)
        cells = heat_maps(every, source)
        assert list(cells) == [place for author in every.study.authors for place in rows if place[0] == author]
        for place, cell in cells.items():
            row = rows[place]
            shown = (cell.count, plain(cell.share))
            if row["share"] and row["passages"]:
                assert shown == (str(row["passages"]), percent(max(row["share"], 0)))
            elif row["share"]:
                assert shown == ("", percent(max(row["share"], 0)))
            else:
                assert shown == ("", "blind" if row["blind"] else "·")


def test_heat_maps_show_the_shares_and_counts_of_words(every):
    for source in sources(every):
        rows = cell_rows(every, source)
        for place, cell in heat_maps(every, source, "words").items():
            row = rows[place]
            if cell.link:
                assert (cell.count, plain(cell.share)) == (str(row["words"]), percent(row["word_share"]))
            else:
                assert not row["word_share"] or not row["words"]


def test_a_heat_cell_links_to_its_passages(every):
    for source in sources(every):
        rows = cell_rows(every, source)
        links = {place: cell.link for place, cell in heat_maps(every, source).items() if cell.link}
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
    assert any(cell.count == "" for cell in cells)
    assert not any(cell.blind for cell in cells)


def test_captions_say_how_many_passages_or_words_a_panel_counts(report):
    for weight, of in (("passages", "of"), ("words", "words_of")):
        (view,) = [d for d in report.page.all("div", "view") if d.attributes["class"] == f"view gold {weight}"]
        counts = {place[0]: row[of] for place, row in cell_rows(report).items()}
        captions = [caption.text for caption in view.all("caption")]
        assert captions == [f"{author} {counts[author]} {weight}" for author in report.study.authors]


def test_the_darkest_cell_is_the_largest_share(report):
    top = max(row["share"] for row in cell_rows(report).values())
    (view,) = [d for d in report.page.all("div", "view") if d.attributes["class"] == "view gold passages"]
    assert percent(top) in {plain(td.one("span", "share").text) for td in view.all("td", "h10")}


def facet_tables(report: Report, source: str) -> list[list[Element]]:
    """The tables of every facet, one for every two authors."""
    (block,) = [d for d in report.page.all("div", "source") if source in d.attributes["class"].split()]
    return [details.all("table") for details in block.all("details")]


def ends(low: float | None, high: float | None) -> str:
    return "–" if low is None else f"{percent(low).removesuffix(' %')}–{percent(high)}"


def test_tables_of_a_facet_show_the_figures_of_coverage(every):
    for source in sources(every):
        rows = {(r["facet"], r["value"], r["author"]): r for r in coverage_rows(every, source)}
        beside = [name for name in next(iter(rows.values())) if name.startswith("share:")]
        estimated = printed(every.study.root, "coverage", "--source", source)["situation"] in {"sample", "corrected"}
        for facet, tables in zip(every.study.schema.facets, facet_tables(every, source), strict=True):
            heads = [th.text for table in tables for th in table.all("th") if th.attributes["scope"] == "colgroup"]
            assert heads == every.study.authors
            lines = zip(*(table.one("tbody").all("tr") for table in tables), strict=True)
            for parts, value in zip(lines, facet.values, strict=True):
                assert {part.one("th").text for part in parts} == {value.name}
                expected = []
                for author in every.study.authors:
                    row = rows[facet.id, value.id, author]
                    expected += [str(row["passages"]), percent(row["share"], 1)]
                    expected += [ends(row["low"], row["high"])] if estimated else []
                    expected.append(ends(row["range_low"], row["range_high"]))
                    expected += [percent(row[name], 1) for name in beside]
                    expected.append(percent(row["word_share"], 1))
                assert [plain(td.text) for part in parts for td in part.all("td")] == expected


# the picture of the first screen


def test_the_picture_shows_share_and_count_of_every_value_and_author(every):
    subject = every.study.schema.cells[-1]
    rows = {(r["value"], r["author"]): r for r in coverage_rows(every) if r["facet"] == subject.id}
    lines = every.page.one("table", "hinge").one("tbody").all("tr")
    assert [line.one("th").text for line in lines] == [value.name for value in subject.values]
    for line, value in zip(lines, subject.values, strict=True):
        for cell, author in zip(line.all("td"), every.study.authors, strict=True):
            row = rows[value.id, author]
            amount = cell.one("span", "amount")
            links = [plain(a.text) for a in amount.all("a")]
            assert links == ([f"{percent(row['share'])} · {row['passages']}"] if row["passages"] else [])
            if row["low"] is not None:
                assert plain(amount.one("span", "range").text) == ends(row["low"], row["high"])


def test_a_bar_of_the_picture_is_no_longer_than_the_share_it_stands_for(every):
    subject = every.study.schema.cells[-1]
    rows = {(r["value"], r["author"]): r for r in coverage_rows(every) if r["facet"] == subject.id}
    top = max(row["share"] for row in rows.values())
    lines = every.page.one("table", "hinge").one("tbody").all("tr")
    for line, value in zip(lines, subject.values, strict=True):
        for cell, author in zip(line.all("td"), every.study.authors, strict=True):
            for bar in cell.all("svg", "bar"):
                ends_at = [
                    (float(one.attributes["x"].removesuffix("%")), float(one.attributes["width"].removesuffix("%")))
                    for one in bar.all("rect")
                ]
                assert min(start for start, _ in ends_at) >= -0.01
                assert max(start + width for start, width in ends_at) <= 100.01
                length = sum(width for _, width in ends_at)
                assert length <= 100 * rows[value.id, author]["share"] / top + 0.02


def test_pieces_of_the_picture_are_counts_of_coverage_on_one_scale(report):
    schema = report.study.schema
    rows = cell_rows(report)
    subject = {(r["author"], r["value"]): r for r in coverage_rows(report) if r["facet"] == schema.cells[-1].id}
    top = max(row["share"] for row in subject.values())
    for line, value in zip(
        report.page.one("table", "hinge").one("tbody").all("tr"), schema.cells[1].values, strict=True
    ):
        for cell, author in zip(line.all("td"), report.study.authors, strict=True):
            shown = {}
            for bar in cell.all("svg", "thick"):
                for piece in bar.all("a"):
                    label, _, count = piece.attributes["aria-label"].rpartition(": ")
                    width = float(piece.one("rect").attributes["width"].removesuffix("%"))
                    shown[label] = (count, pytest.approx(width, abs=0.002))
            wanted = {view.name: rows[author, view.name, value.name] for view in schema.cells[0].values}
            assert shown == {
                name: (str(row["passages"]), 100 * row["passages"] / subject[author, value.id]["of"] / top)
                for name, row in wanted.items()
                if row["passages"]
            }


# divergence, agreement, classifier


def test_divergence_shows_the_figures_of_the_command(report):
    schema = report.study.schema
    facets = printed(report.study.root, "divergence")["facets"]
    rows = [row for row in facets if row["first"] != "(all)" and " | " not in row["facet"]]
    assert rows
    table = report.page.id("divergence").all("tbody")[0]
    shown = [
        [plain(cell.text) for cell in [*tr.all("td")[:1], *tr.all("th"), *tr.all("td")[1:5]]] for tr in table.all("tr")
    ]
    assert shown == [
        [f"{row['first']} – {row['second']}", " × ".join(schema.facet(f).name for f in row["facet"].split(" x "))]
        + [f"{row[key]:.3f}" for key in ("bits", "corrected", "noise", "noise_high")]
        for row in rows
    ]


def test_the_cells_that_make_it_are_the_largest_of_the_command(report):
    rows = printed(report.study.root, "divergence")["cells"]
    single = [r for r in rows if r["count_first"] + r["count_second"] >= 5]
    top = sorted((abs(row["difference"]) for row in single), reverse=True)
    lines = report.page.one("table", "bars").one("tbody").all("tr")
    shown = [plain(tr.all("td", "figure")[0].text) for tr in lines]
    assert [abs(float(text)) for text in shown] == [
        pytest.approx(100 * found, abs=0.051) for found in top[: len(lines)]
    ]
    known = {
        (r["first"], r["second"], r["count_first"], r["of_first"], r["count_second"], r["of_second"]) for r in rows
    }
    for line in lines:
        first, second = line.one("td", "counts").all("span")
        found = [re.fullmatch(r"(.+) (\d+) of (\d+) \(.*\)", plain(span.text)).groups() for span in (first, second)]
        (one, a, of_a), (two, b, of_b) = found
        assert (one, two, int(a), int(of_a), int(b), int(of_b)) in known


def test_agreement_shows_the_figures_of_the_command(report):
    rows = printed(report.study.root, "reliability")["facets"]
    lines = report.page.id("agreement").all("tbody")[0].all("tr")
    shown = {tr.one("th").text: [plain(td.text) for td in tr.all("td")] for tr in lines}
    for row in rows:
        assert shown[report.study.schema.facet(row["facet"]).name][:4] == [
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
        [d["passage"], report.study.schema.facet(d["facet"]).name, d["adjudicated"] or "open"] for d in found
    ]


def test_classifier_shows_the_figures_of_the_models_card(report):
    figures = load_model(report.study.model_file).card["figures"]
    lines = report.page.id("classifier").all("tbody")[0].all("tr")
    folds = lines[0].all("td")[0].text
    assert folds.startswith("unseen passages")
    tested = [(folds, figures["cross_validation"])]
    tested += [(f"unseen author: {author}", found) for author, found in figures["across_authors"].items()]
    shown = [[tr.all("td")[0].text, tr.one("th").text, *(plain(td.text) for td in tr.all("td")[1:4])] for tr in lines]
    assert shown == [
        [name, facet, str(f["passages"]), f"{f['macro_f1']:.2f}", percent(f["accuracy"])]
        for name, by_facet in tested
        for facet, f in by_facet.items()
    ]


@pytest.mark.parametrize("name", ["harbour", "bridge"])
def test_confusion_counts_every_judged_passage_once(reports, name):
    report = reports[name]
    judged = Counter(row["facet"] for row in diptych.load_gold(report.study).to_dict("records"))
    for facet, table in zip(report.study.schema.facets, report.page.all("table", "confusion"), strict=True):
        numbers = [int(td.text) for td in table.all("td") if td.text != "·"]
        assert sum(numbers) == judged[facet.id]


# the ordered facet


def first_ordinal(study: Study) -> list:
    return [facet for facet in study.schema.facets if facet.scale == "ordinal"][:1]


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
                counts.setdefault((writer, facet.id, values[0]), Counter())[values[1]] += 1
    shown: dict[tuple[str, str, str], dict[str, int]] = {}
    for link in [a for svg in report.page.id("scale").all("svg", "bar") for a in svg.all("a")]:
        facet, value = link.attributes["data-facets"].split(" x ")[0], link.attributes["data-value"].split(" x ")
        place = (link.attributes["data-author"], facet, value[0])
        shown.setdefault(place, {})[value[1]] = int(link.attributes["aria-label"].rpartition(": ")[2])
    assert shown == counts


# evidence


def test_evidence_lists_every_passage_once_in_reading_order(report):
    passages = diptych.load_passages(report.study)["passage"].tolist()
    assert [row["id"] for row in report.data["passages"]] == passages
    assert [li.attributes["id"] for li in report.listed] == [f"p-{passage}" for passage in passages]


def test_evidence_carries_the_gold_labels_and_how_they_came_about(report):
    gold: dict[str, dict[str, tuple[str, str]]] = {}
    for row in diptych.load_gold(report.study).to_dict("records"):
        gold.setdefault(row["passage"], {})[row["facet"]] = (row["value"], row["how"])
    for row in report.data["passages"]:
        found = {
            facet["id"]: (facet["values"][value][0], report.data["hows"][how])
            for facet, value, how in zip(report.data["facets"], row["v"], row["h"], strict=True)
            if value >= 0
        }
        assert found == gold.get(row["id"], {})


def test_evidence_says_where_a_passage_stands(report):
    passages = diptych.load_passages(report.study).set_index("passage")
    for row in report.data["passages"]:
        known = passages.loc[row["id"]]
        assert report.data["authors"][row["a"]] == known["author"]
        assert report.data["documents"][row["d"]]["id"] == known["document"]
        assert report.data["sections"][row["s"]] == known["section"]
        assert (row["w"], [tuple(span) for span in row["o"]]) == (known["words"], [tuple(s) for s in known["spans"]])


# tables


def test_tables_of_the_page_have_the_bytes_of_the_command(every):
    same = [name for name, line in COMMANDS.items() if "--json" not in line and "train" not in line]
    there = [name for name in same if name in every.tables]
    assert {"coverage", "differences", "reliability"} <= set(there)
    for name in there:
        assert every.tables[name] == command_line(every.study.root, COMMANDS[name]), name


def test_every_table_of_the_page_can_be_had_and_every_one_offered_is_there(every):
    offered = [p.attributes["data-table"] for p in every.page.all("p", "tools")]
    assert sorted(offered) == sorted(every.tables)
