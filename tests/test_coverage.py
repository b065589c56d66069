"""Coverage: exact counts and shares, what is not counted, ranges, and the sentences beside them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diptych
from diptych.analysis.counts import cell_names, cells_of, count_cells
from diptych.analysis.coverage import (
    CENSUS,
    PARTIAL,
    PREDICTED,
    block_range,
    coverage,
    coverage_notes,
)
from diptych.analysis.labels import coder_labels, load_labels
from diptych.classifier.train import train
from diptych.coding.gold import write_gold
from diptych.errors import CodingError, DiptychError, UsageError
from diptych.schema import Schema

SCHEMA = Schema.parse("""
format: 1
name: quay
version: 1.0.0
facets:
  - id: topic
    question: About what?
    values: [{id: fees, definition: Fees.}, {id: birds, definition: Birds.}, {id: ice, definition: Ice.}]
  - id: side
    question: Whose view?
    values: [{id: port, definition: The port's.}, {id: town, definition: The town's.}]
  - id: tone
    question: How kind?
    scale: ordinal
    values: [{id: harsh, definition: Harsh., score: -1}, {id: kind, definition: Kind., score: 1}]
""")

# passage, author, section, words, topic, side, tone
TABLE = [
    ("a:1", "Ada", "Morning", 10, "fees", "port", "kind"),
    ("a:2", "Ada", "Morning", 20, "fees", "town", "harsh"),
    ("a:3", "Ada", "Evening", 30, "fees", "port", "kind"),
    ("a:4", "Ada", "Evening", 40, "birds", "port", "kind"),
    ("b:1", "Bo", "Noon", 60, "birds", "town", "kind"),
    ("b:2", "Bo", "Noon", 20, "fees", "town", "harsh"),
]


def frames(rows=TABLE):
    """Passages and their labels, as studies give them."""
    columns = ["passage", "author", "section", "words", "topic", "side", "tone"]
    table = pd.DataFrame(rows, columns=columns)
    table["document"] = table["passage"].str.split(":").str[0]
    labels = table.set_index("passage")[["topic", "side", "tone"]]
    return table[["passage", "document", "author", "section", "words"]], labels


def table_of(rows=TABLE, **options):
    passages, labels = frames(rows)
    return coverage(passages, labels, SCHEMA, **options)


def column(table, facet, name, author="Ada"):
    """One column of one facet and author, by value."""
    rows = table[(table["facet"] == facet) & (table.iloc[:, 0] == author)]
    return dict(zip(rows["value"], rows[name], strict=True))


# --- counts and shares


def test_passages_are_counted_exactly_and_zeros_are_listed():
    table = table_of()
    assert column(table, "topic", "passages") == {"fees": 3, "birds": 1, "ice": 0}
    assert column(table, "topic", "passages", "Bo") == {"fees": 1, "birds": 1, "ice": 0}
    assert column(table, "tone", "passages") == {"harsh": 1, "kind": 3}


def test_shares_are_of_the_authors_own_passages():
    table = table_of()
    assert column(table, "topic", "share") == {"fees": 0.75, "birds": 0.25, "ice": 0.0}
    assert column(table, "topic", "share", "Bo") == {"fees": 0.5, "birds": 0.5, "ice": 0.0}
    assert set(column(table, "topic", "of").values()) == {4}


def test_words_have_shares_of_their_own():
    table = table_of()
    assert column(table, "topic", "words") == {"fees": 60, "birds": 40, "ice": 0}
    assert column(table, "topic", "word_share", "Bo") == {"fees": 0.25, "birds": 0.75, "ice": 0.0}
    assert set(column(table, "topic", "words_of").values()) == {100}


def test_the_first_two_nominal_facets_are_crossed():
    assert column(table_of(), "topic x side", "passages") == {
        "fees x port": 2,
        "fees x town": 1,
        "birds x port": 1,
        "birds x town": 0,
        "ice x port": 0,
        "ice x town": 0,
    }


def test_rows_stand_in_the_order_of_schema_authors_and_values():
    table = table_of()
    assert table["facet"].unique().tolist() == ["topic", "side", "tone", "topic x side"]
    topic = table[table["facet"] == "topic"]
    assert topic["author"].tolist() == ["Ada"] * 3 + ["Bo"] * 3
    assert topic["value"].tolist() == ["fees", "birds", "ice"] * 2


def test_a_schema_of_one_facet_has_no_crossed_cells():
    data = SCHEMA.model_dump(mode="json", by_alias=True)
    alone = Schema.from_data(data | {"facets": data["facets"][:1]})
    passages, labels = frames()
    assert coverage(passages, labels[["topic"]], alone)["facet"].unique().tolist() == ["topic"]


labelled_rows = st.lists(
    st.tuples(
        st.sampled_from(["Ada", "Bo", "Cy"]),
        st.sampled_from(["Morning", "Noon"]),
        st.integers(1, 300),
        st.sampled_from(["fees", "birds", "ice", None]),
        st.sampled_from(["port", "town", None]),
        st.sampled_from(["harsh", "kind", None]),
    ),
    min_size=1,
    max_size=12,
)


@given(labelled_rows)
@settings(max_examples=15, deadline=None)
def test_shares_of_every_author_and_facet_sum_to_one_unless_nothing_is_labelled(rows):
    table = table_of([(f"{author}:{i}", author, *rest) for i, (author, *rest) in enumerate(rows)])
    for _, part in table.groupby(["facet", "author"]):
        whole = 1 if part["of"].iloc[0] else 0
        assert part[["share", "word_share"]].sum().tolist() == pytest.approx([whole, whole])
        assert part["passages"].sum() == part["of"].iloc[0]


@given(labelled_rows)
@settings(max_examples=15, deadline=None)
def test_counts_are_those_of_a_plain_crosstab(rows):
    passages, labels = frames([(f"{author}:{i}", author, *rest) for i, (author, *rest) in enumerate(rows)])
    table = coverage(passages, labels, SCHEMA)
    for author, mine in passages.groupby("author"):
        expected = labels.loc[mine["passage"], "topic"].value_counts()
        for value, number in column(table, "topic", "passages", author).items():
            assert number == expected.get(value, 0)


def test_three_authors_are_shown_side_by_side():
    table = table_of([*TABLE, ("c:1", "Cy", "Night", 5, "ice", "port", "kind")])
    assert table["author"].unique().tolist() == ["Ada", "Bo", "Cy"]
    assert column(table, "topic", "share", "Cy") == {"fees": 0.0, "birds": 0.0, "ice": 1.0}


def test_an_author_without_labels_is_listed_with_nothing_counted():
    table = table_of([*TABLE, ("c:1", "Cy", "Night", 5, None, None, None)])
    assert column(table, "topic", "of", "Cy") == {"fees": 0, "birds": 0, "ice": 0}


def test_another_column_can_be_compared():
    passages, labels = frames()
    table = coverage(passages, labels, SCHEMA, by="document")
    assert table.columns[0] == "document"
    assert column(table, "topic", "passages", "b") == {"fees": 1, "birds": 1, "ice": 0}


def test_labels_of_coders_stand_beside_as_shares():
    passages, labels = frames()
    second = labels.assign(topic="birds")
    table = coverage(passages, labels, SCHEMA, others={"ann": labels, "ben": second})
    assert column(table, "topic", "share:ann") == column(table, "topic", "share")
    assert column(table, "topic", "share:ben") == {"fees": 0.0, "birds": 1.0, "ice": 0.0}


def test_a_coder_who_coded_nothing_of_an_author_has_no_share_there():
    passages, labels = frames()
    table = coverage(passages, labels, SCHEMA, others={"ann": labels.iloc[:4]})
    assert column(table, "topic", "share:ann", "Bo") == {"fees": 0.0, "birds": 0.0, "ice": 0.0}


# --- what is not counted


def test_passages_without_a_label_are_not_counted():
    passages, labels = frames()
    labels.loc["a:1", "topic"] = None
    table = coverage(passages, labels, SCHEMA)
    assert column(table, "topic", "passages") == {"fees": 2, "birds": 1, "ice": 0}
    assert column(table, "topic", "words_of")["fees"] == 90
    assert column(table, "side", "of")["port"] == 4


def test_a_crossed_cell_needs_both_labels():
    passages, labels = frames()
    labels.loc["a:1", "side"] = None
    assert column(coverage(passages, labels, SCHEMA), "topic x side", "of")["fees x port"] == 3


def test_passages_that_nobody_coded_are_not_counted():
    passages, labels = frames()
    table = coverage(passages, labels.drop("a:1"), SCHEMA)
    assert column(table, "topic", "of")["fees"] == 3


def test_labels_of_passages_that_do_not_exist_are_not_counted():
    passages, labels = frames()
    labels.loc["z:9"] = ["fees", "port", "kind"]
    assert column(coverage(passages, labels, SCHEMA), "topic", "of")["fees"] == 4


def test_a_label_that_the_schema_does_not_know_is_an_error_and_not_left_out():
    passages, labels = frames()
    labels.loc["a:1", "topic"] = "frogs"
    with pytest.raises(DiptychError, match="frogs"):
        coverage(passages, labels, SCHEMA)


# --- small cells


def test_a_cell_is_small_under_five_passages_of_all_authors_together():
    rows = [(f"a:{i}", "Ada", "Noon", 9, "fees", "port", "kind") for i in range(3)]
    rows += [(f"b:{i}", "Bo", "Noon", 9, "fees", "port", "kind") for i in range(2)]
    rows += [(f"b:{i}", "Bo", "Noon", 9, "birds", "port", "kind") for i in range(2, 6)]
    table = table_of(rows)
    assert column(table, "topic", "small") == {"fees": False, "birds": True, "ice": True}
    assert column(table, "topic", "small", "Bo") == {"fees": False, "birds": True, "ice": True}


# --- blocks and ranges


def test_blocks_are_sections_of_documents():
    table = table_of()
    assert table["unit"].unique().tolist() == ["section"]
    assert column(table, "topic", "blocks") == {"fees": 2, "birds": 2, "ice": 2}
    assert set(column(table, "topic", "blocks", "Bo").values()) == {1}


def test_sections_of_one_name_in_two_documents_are_two_blocks():
    rows = [*TABLE, ("aa:1", "Ada", "Morning", 10, "fees", "port", "kind")]
    assert set(column(table_of(rows), "topic", "blocks").values()) == {3}


def test_blocks_are_documents_where_every_author_has_two():
    rows = [
        (f"{author}{letter}:1", author, section, 10, "fees", "port", "kind")
        for author in ("Ada", "Bo")
        for letter in "xyz"
        for section in ("One",)
    ]
    table = table_of([*rows, ("Adax:2", "Ada", "Two", 10, "birds", "port", "kind")])
    assert table["unit"].unique().tolist() == ["document"]
    assert table["blocks"].unique().tolist() == [3]


def test_one_section_alone_has_no_range():
    table = table_of()
    assert set(column(table, "topic", "low", "Bo").values()) == {None}
    assert set(column(table, "topic", "high", "Bo").values()) == {None}


def test_a_range_holds_the_share():
    rows = table_of().query("author == 'Ada'")
    assert (rows["low"] <= rows["share"]).all()
    assert (rows["share"] <= rows["high"]).all()


def test_a_range_collapses_where_all_sections_have_the_same_shares():
    low, high = block_range(np.array([[1.0, 3.0], [2.0, 6.0], [1.0, 3.0]]), seed=1)
    assert low == pytest.approx([0.25, 0.75])
    assert high == pytest.approx([0.25, 0.75])


def test_a_range_is_wide_where_one_section_holds_everything():
    low, high = block_range(np.array([[9.0, 0.0], [0.0, 9.0]]), seed=1)
    assert (low.tolist(), high.tolist()) == ([0, 0], [1, 1])


def test_more_sections_of_the_same_kind_make_a_narrower_range():
    few = np.array([[3.0, 1.0], [1.0, 3.0]] * 2)
    many = np.array([[3.0, 1.0], [1.0, 3.0]] * 20)
    widths = [high[0] - low[0] for low, high in (block_range(few, 1), block_range(many, 1))]
    assert 0 < widths[1] < widths[0] / 2


def test_a_range_depends_on_the_seed_alone():
    blocks = np.random.default_rng(0).integers(0, 9, (12, 3)).astype(float)
    first, again, other = (block_range(blocks, seed, draws=200)[0].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_counting_twice_gives_the_same_table():
    pd.testing.assert_frame_equal(table_of(seed=3), table_of(seed=3))


# --- cells and counts


def test_cells_are_every_combination_in_schema_order():
    assert cell_names(SCHEMA.facets[1:])[:3] == ("port x harsh", "port x kind", "town x harsh")


def test_a_passage_without_one_of_two_labels_is_in_no_cell():
    _, labels = frames()
    labels.loc["a:1", "side"] = None
    cells = cells_of(labels, SCHEMA.cells)
    assert cells["a:2"] == "fees x town"
    assert pd.isna(cells["a:1"])


def test_counts_are_blocks_by_cells_with_the_author_of_each_block():
    passages, labels = frames()
    counts = count_cells(passages, labels, SCHEMA.facets[:1])
    assert counts.cells == ("fees", "birds", "ice")
    assert counts.groups.tolist() == ["Ada", "Ada", "Bo"]
    assert sorted(counts.of("Ada").tolist()) == [[1, 1, 0], [2, 0, 0]]
    assert counts.of("Bo").tolist() == [[1, 1, 0]]


def test_groups_keep_the_order_of_the_documents():
    passages, labels = frames([*TABLE[4:], *TABLE[:4]])
    assert count_cells(passages, labels, SCHEMA.facets[:1]).names == ["Bo", "Ada"]


def test_words_are_counted_in_the_same_blocks():
    passages, labels = frames()
    counts = count_cells(passages, labels, SCHEMA.facets[:1], weight="words")
    assert sorted(counts.of("Ada").tolist()) == [[30, 0, 0], [30, 40, 0]]


# --- sentences beside the table


def notes_of(labels_missing=(), source="gold"):
    passages, labels = frames()
    for passage, facet in labels_missing:
        labels.loc[passage, facet] = None
    return coverage_notes(coverage(passages, labels, SCHEMA), passages, source)


def test_a_census_says_that_its_shares_are_exact():
    assert notes_of()[0] == CENSUS


def test_a_part_says_how_many_passages_are_coded():
    missing = [("a:1", facet) for facet in ("topic", "side", "tone")]
    assert notes_of(missing)[0] == f"{PARTIAL} (5 of 6, by facet)"


@pytest.mark.parametrize("facet", ["topic", "side", "tone"])
def test_it_is_no_census_where_one_facet_has_gaps(facet):
    assert CENSUS not in notes_of([("a:1", facet)])


def test_predictions_are_called_uncorrected():
    notes = notes_of(source="uncorrected")
    assert notes[0] == PREDICTED
    assert notes[0].startswith("Uncorrected: ")
    assert CENSUS not in notes


def test_a_coders_own_table_says_census_or_part_as_gold_does():
    assert notes_of(source="ann")[0] == CENSUS


def test_the_range_is_called_a_yardstick_and_no_test():
    assert any("a yardstick" in note and "not a test" in note for note in notes_of())


def test_an_author_with_few_sections_is_warned_of():
    notes = notes_of()
    assert "Ada: only 2 sections (under 8), so the range is rough." in notes
    assert "Bo: fewer than two sections, so there is no range." in notes


# --- a study's own tables


@pytest.fixture
def coded(harbour):
    """The harbour study with its gold labels derived."""
    write_gold(harbour)
    return harbour


def test_coverage_of_a_study_counts_its_gold_labels(coded):
    table = diptych.coverage(coded)
    gold = load_labels(coded)
    assert table[table["facet"] == "topic"]["passages"].sum() == gold["topic"].notna().sum()


def test_coverage_of_a_study_shows_every_coder_beside_gold(coded):
    table = diptych.coverage(coded)
    assert [name for name in table.columns if name.startswith("share:")] == [
        "share:sample-a",
        "share:sample-b",
    ]


def test_coverage_by_one_coder_counts_that_coder_alone(coded):
    table = diptych.coverage(coded, source="sample-a")
    assert not any(name.startswith("share:") for name in table.columns)
    beside = diptych.coverage(coded)["share:sample-a"]
    assert table["share"].tolist() == pytest.approx(beside.tolist())


def test_coverage_from_predictions_counts_every_passage(coded):
    train(coded)
    table = diptych.coverage(coded, source="uncorrected")
    assert set(table["of"]) == {8}


def test_coverage_from_predictions_needs_a_trained_model(coded):
    with pytest.raises(CodingError, match="no cross-fitted predictions yet"):
        diptych.coverage(coded, source="uncorrected")


def test_an_unknown_source_is_answered_with_the_nearest_one(coded):
    with pytest.raises(UsageError, match=r"no labels called 'sampel-a' \(did you mean 'sample-a'\?\)") as caught:
        diptych.coverage(coded, source="sampel-a")
    assert caught.value.hint == "one of: gold, uncorrected, sample-a, sample-b"


def test_labels_of_coders_leave_adjudicators_and_readers_of_digests_out(bundled):
    assert list(coder_labels(bundled)) == ["reader-a", "reader-b"]


def test_an_unknown_column_to_compare_is_answered_with_the_nearest_one(coded):
    with pytest.raises(UsageError, match=r"cannot compare by 'autor' \(did you mean 'author'\?\)"):
        diptych.coverage(coded, by="autor")


def test_years_are_compared_as_years_also_where_one_is_unknown(coded):
    path = coded.root / "study.toml"
    path.write_text(path.read_text().replace('title = "Dredging day"', 'year = 2012\ntitle = "Dredging day"'))
    table = diptych.coverage(diptych.Study.load(coded.root), by="year")
    assert table["year"].unique().tolist() == ["2012", "(none)"]


def test_the_bundled_study_is_a_census_of_every_facet(bundled):
    table = diptych.coverage(bundled)
    for _, part in table.groupby("facet"):
        assert part.groupby("author")["passages"].sum().to_dict() == {
            "Dmitri Trenin": 134,
            "Andrew C. Kuchins": 50,
        }


def test_two_reports_can_be_written_in_one_session(coded, tmp_path):
    pages = [diptych.write_report(coded, tmp_path / name) for name in ("first.html", "again.html")]
    assert pages[0].read_bytes() == pages[1].read_bytes()


# --- the command


def test_the_command_gives_the_table_its_source_and_its_sentences(command, coded):
    found = command("coverage", "--study", coded.root, "--json").json
    assert (found["source"], found["by"], found["unit"]) == ("gold", "author", "passage")
    assert found["notes"][0].startswith(PARTIAL)
    assert len(found["rows"]) == len(diptych.coverage(coded))


def test_the_command_marks_predictions_as_uncorrected(command, coded):
    train(coded)
    found = command("coverage", "--study", coded.root, "--source", "uncorrected", "--json").json
    assert found["source"] == "uncorrected"
    assert found["notes"][0] == PREDICTED
    text = command("coverage", "--study", coded.root, "--source", "uncorrected").out
    assert "topic (uncorrected)" in text
    assert "Uncorrected: " in text


def test_the_command_writes_no_numbers_that_json_has_not(command, coded):
    out = command("coverage", "--study", coded.root, "--json").out
    json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_the_command_takes_one_facet_or_the_cells(command, coded):
    for given_name, facet in (("tone", "tone"), ("cells", "topic x side")):
        rows = command("coverage", "--study", coded.root, "--facet", given_name, "--json").json["rows"]
        assert {row["facet"] for row in rows} == {facet}
