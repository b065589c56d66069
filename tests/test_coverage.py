"""Coverage of coded passages: exact counts and shares, what is not counted, ranges, and the sentences beside them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diptych
from diptych.analysis.counts import cell_names, cells_of, count_cells
from diptych.analysis.coverage import block_range, coverage
from diptych.analysis.evidence import Evidence
from diptych.analysis.labels import coder_labels, load_evidence, load_labels
from diptych.analysis.statements import CENSUS, PARTIAL, PREDICTED, coverage_notes, statement
from diptych.classifier.training.train import train
from diptych.coding.codings import load_codings, write_codings
from diptych.coding.gold import write_gold
from diptych.coding.sampling import Sample, write_sample
from diptych.errors import CodingError, DiptychError, UsageError
from diptych.records import Coding
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


def counted(passages, labels, situation="census"):
    """Evidence that is counted and not estimated."""
    return Evidence(passages, labels, situation)


def table_of(rows=TABLE, **options):
    return coverage(counted(*frames(rows)), SCHEMA, **options)


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
    assert coverage(counted(passages, labels[["topic"]]), alone)["facet"].unique().tolist() == ["topic"]


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
        assert part["passages"].sum() == part["of"].iloc[0]
        if part["of"].iloc[0]:
            assert part[["share", "word_share"]].sum().tolist() == pytest.approx([1, 1])
        else:
            assert part[["share", "word_share"]].isna().all(axis=None)


@given(labelled_rows)
@settings(max_examples=15, deadline=None)
def test_counts_are_those_of_a_plain_crosstab(rows):
    passages, labels = frames([(f"{author}:{i}", author, *rest) for i, (author, *rest) in enumerate(rows)])
    table = coverage(counted(passages, labels), SCHEMA)
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


@pytest.mark.parametrize("name", ["share", "word_share", "low", "high", "range_low", "range_high"])
def test_an_author_without_labels_has_no_share_rather_than_none_of_everything(name):
    table = table_of([*TABLE, ("c:1", "Cy", "Night", 5, None, None, None)])
    assert set(column(table, "topic", name, "Cy").values()) == {None}


def test_another_column_can_be_compared():
    passages, labels = frames()
    table = coverage(counted(passages, labels), SCHEMA, by="document")
    assert table.columns[0] == "document"
    assert column(table, "topic", "passages", "b") == {"fees": 1, "birds": 1, "ice": 0}


def test_labels_of_coders_stand_beside_as_shares():
    passages, labels = frames()
    second = labels.assign(topic="birds")
    table = coverage(counted(passages, labels), SCHEMA, others={"ann": labels, "ben": second})
    assert column(table, "topic", "share:ann") == column(table, "topic", "share")
    assert column(table, "topic", "share:ben") == {"fees": 0.0, "birds": 1.0, "ice": 0.0}


def test_a_coder_who_coded_nothing_of_an_author_has_no_share_there():
    passages, labels = frames()
    table = coverage(counted(passages, labels), SCHEMA, others={"ann": labels.iloc[:4]})
    assert column(table, "topic", "share:ann", "Bo") == {"fees": None, "birds": None, "ice": None}
    assert column(table, "topic", "share:ann") == column(table, "topic", "share")


# --- what is not counted


def test_passages_without_a_label_are_not_counted():
    passages, labels = frames()
    labels.loc["a:1", "topic"] = None
    table = coverage(counted(passages, labels), SCHEMA)
    assert column(table, "topic", "passages") == {"fees": 2, "birds": 1, "ice": 0}
    assert column(table, "topic", "words_of")["fees"] == 90
    assert column(table, "side", "of")["port"] == 4


def test_a_crossed_cell_needs_both_labels():
    passages, labels = frames()
    labels.loc["a:1", "side"] = None
    assert column(coverage(counted(passages, labels), SCHEMA), "topic x side", "of")["fees x port"] == 3


def test_passages_that_nobody_coded_are_not_counted():
    passages, labels = frames()
    table = coverage(counted(passages, labels.drop("a:1")), SCHEMA)
    assert column(table, "topic", "of")["fees"] == 3


def test_labels_of_passages_that_do_not_exist_are_not_counted():
    passages, labels = frames()
    labels.loc["z:9"] = ["fees", "port", "kind"]
    assert column(coverage(counted(passages, labels), SCHEMA), "topic", "of")["fees"] == 4


def test_a_label_that_the_schema_does_not_know_is_an_error_and_not_left_out():
    passages, labels = frames()
    labels.loc["a:1", "topic"] = "frogs"
    with pytest.raises(DiptychError, match="frogs"):
        coverage(counted(passages, labels), SCHEMA)


# --- small cells


def test_a_cell_is_small_under_five_passages_of_all_authors_together():
    rows = [(f"a:{i}", "Ada", "Noon", 9, "fees", "port", "kind") for i in range(3)]
    rows += [(f"b:{i}", "Bo", "Noon", 9, "fees", "port", "kind") for i in range(2)]
    rows += [(f"b:{i}", "Bo", "Noon", 9, "birds", "port", "kind") for i in range(2, 6)]
    table = table_of(rows)
    assert column(table, "topic", "small") == {"fees": False, "birds": True, "ice": True}
    assert column(table, "topic", "small", "Bo") == {"fees": False, "birds": True, "ice": True}


# six on fees, then birds and ice with two and one: two small cells
FEW = [
    *[(f"a:{i}", "Ada", "Noon", 10, "fees", "port", "kind") for i in range(3)],
    *[(f"b:{i}", "Bo", "Noon", 10, "fees", "town", "kind") for i in range(3)],
    *[(f"a:{i}", "Ada", "Noon", 30, "birds", "port", "kind") for i in (3, 4)],
    ("b:3", "Bo", "Noon", 70, "ice", "town", "kind"),
]


def test_small_cells_are_put_together_as_the_last_one_and_none_of_their_passages_is_lost():
    table = table_of(FEW, merge_small=True)
    assert column(table, "topic", "passages") == {"fees": 3, "(small cells)": 2}
    assert column(table, "topic", "passages", "Bo") == {"fees": 3, "(small cells)": 1}
    assert column(table, "topic", "word_share", "Bo") == {"fees": 0.3, "(small cells)": 0.7}


def test_cells_that_are_small_even_together_stay_marked():
    assert column(table_of(FEW, merge_small=True), "topic", "small") == {"fees": False, "(small cells)": True}


def test_cells_that_are_not_small_together_are_not_marked():
    assert table_of(merge_small=True).query("facet == 'topic x side'")["small"].tolist() == [False, False]


def test_where_only_one_cell_is_small_it_keeps_its_name():
    rows = [row for row in FEW if row[4] != "ice"]
    rows += [(f"b:{i}", "Bo", "Noon", 70, "ice", "town", "kind") for i in range(3, 8)]
    assert column(table_of(rows, merge_small=True), "topic", "passages", "Bo") == {"fees": 3, "birds": 0, "ice": 5}
    assert column(table_of(rows, merge_small=True), "topic", "small") == {"fees": False, "birds": True, "ice": False}


def test_where_no_cell_is_small_nothing_is_merged():
    rows = [
        (f"{author}:{topic}{i}", author, "Noon", 9, topic, "port", "kind")
        for author in ("Ada", "Bo")
        for topic in ("fees", "birds", "ice")
        for i in range(3)
    ]
    pd.testing.assert_frame_equal(
        table_of(rows, merge_small=True).query("facet == 'topic'"), table_of(rows).query("facet == 'topic'")
    )


def test_the_cells_of_coders_beside_are_merged_alike():
    passages, labels = frames(FEW)
    table = coverage(counted(passages, labels), SCHEMA, others={"ann": labels}, merge_small=True)
    assert column(table, "topic", "share:ann") == column(table, "topic", "share")


# --- blind spots


def test_a_cell_that_one_author_fills_and_the_other_leaves_empty_is_a_blind_spot_there():
    table = table_of()
    assert column(table, "topic x side", "blind", "Bo") == {
        "fees x port": True,
        "fees x town": False,
        "birds x port": True,
        "birds x town": False,
        "ice x port": False,
        "ice x town": False,
    }
    assert column(table, "topic x side", "blind")["birds x town"]


@pytest.mark.parametrize("situation", ["part", "prediction"])
def test_where_not_everything_is_coded_an_empty_cell_proves_nothing(situation):
    table = coverage(counted(*frames(), situation), SCHEMA)
    assert not table["blind"].any()


# --- part of the passages


def test_a_condition_on_a_facet_counts_the_passages_that_have_the_value():
    table = table_of(where={"side": "town"})
    assert table["facet"].unique().tolist() == ["topic", "tone"]
    assert column(table, "topic", "passages") == {"fees": 1, "birds": 0, "ice": 0}
    assert column(table, "topic", "share", "Bo") == {"fees": 0.5, "birds": 0.5, "ice": 0.0}


def test_conditions_on_two_facets_hold_together():
    table = table_of(where={"side": "town", "tone": "harsh"})
    assert column(table, "topic", "share", "Bo") == {"fees": 1.0, "birds": 0.0, "ice": 0.0}


def test_a_condition_holds_for_the_labels_of_coders_beside_too():
    passages, labels = frames()
    table = coverage(
        counted(passages, labels), SCHEMA, where={"side": "town"}, others={"ann": labels.assign(side="town")}
    )
    assert column(table, "topic", "share:ann") == {"fees": 0.75, "birds": 0.25, "ice": 0.0}


def test_a_condition_that_nothing_meets_leaves_counts_of_zero_and_no_shares():
    rows = [row for row in TABLE if row[5] == "port"]
    table = table_of([*rows, ("b:1", "Bo", "Noon", 60, "birds", "port", "kind")], where={"side": "town"})
    assert set(table["passages"]) == {0}
    assert table["share"].isna().all()


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
    assert set(column(table, "topic", "range_low", "Bo").values()) == {None}
    assert set(column(table, "topic", "range_high", "Bo").values()) == {None}


def test_a_range_holds_the_share():
    rows = table_of().query("author == 'Ada'")
    assert (rows["range_low"] <= rows["share"]).all()
    assert (rows["share"] <= rows["range_high"]).all()


def test_counted_shares_have_no_interval_and_no_standard_error():
    assert table_of()[["low", "high", "error"]].isna().all(axis=None)


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


def notes_of(labels_missing=(), situation="census"):
    passages, labels = frames()
    for passage, facet in labels_missing:
        labels.loc[passage, facet] = None
    evidence = counted(passages, labels, situation)
    return coverage_notes(coverage(evidence, SCHEMA), evidence)


def test_a_census_says_that_its_shares_are_exact():
    assert notes_of()[0] == CENSUS


def test_a_part_says_how_many_passages_are_coded():
    missing = [("a:1", facet) for facet in ("topic", "side", "tone")]
    assert notes_of(missing, "part")[0] == f"{PARTIAL} (5 of 6, by facet)"


def test_a_part_says_so_for_the_facets_with_most_and_fewest_labels():
    assert notes_of([("a:1", "topic")], "part")[0] == f"{PARTIAL} (5 to 6 of 6, by facet)"


def test_predictions_are_called_uncorrected():
    notes = notes_of(situation="prediction")
    assert notes[0] == PREDICTED
    assert notes[0].startswith("Uncorrected: ")
    assert CENSUS not in notes


def test_a_blind_spot_is_explained_only_where_there_is_one():
    sentence = "∅: a blind spot, a cell that another fills and that is empty here."
    assert sentence in notes_of()
    assert sentence not in notes_of(situation="part")


def test_an_author_of_whom_nothing_is_coded_is_said_to_have_no_share():
    evidence = counted(*frames([*TABLE, ("c:1", "Cy", "Night", 5, None, None, None)]), "part")
    assert "Cy: nothing is coded, so there is no share." in coverage_notes(coverage(evidence, SCHEMA), evidence)


@pytest.mark.parametrize(
    ("situation", "population"),
    [
        ("census", "all 6 passages of 2 documents"),
        ("part", "the labelled ones (6 in every facet) among 6 passages of 2 documents"),
        ("prediction", "all passages with a text at hand, of 6 in 2 documents"),
    ],
)
def test_the_statement_names_estimand_population_unit_and_weights(situation, population):
    about = statement(counted(*frames(), situation), "author", {"side": "town"})
    assert about.lines() == {
        "situation": situation,
        "estimand": "share of each value among the passages of each author, of those with side = town",
        "population": population,
        "unit": "passage (shares of words beside)",
        "weights": "none: every passage counts once",
    }


def test_the_range_is_called_a_yardstick_and_no_test():
    assert any("a yardstick" in note and "not a test" in note for note in notes_of())


def test_an_author_with_few_sections_is_warned_of():
    notes = notes_of()
    assert "Ada: only 2 sections (under 8), so the range is rough." in notes
    assert "Bo: fewer than two sections, so there is no range." in notes


# --- a study's own tables


@pytest.fixture
def coded(harbour):
    """The harbour study with its gold labels derived; in two passages the coders differ over the topic."""
    write_gold(harbour)
    return harbour


@pytest.fixture
def decided(harbour):
    """The harbour study, its two disputes decided: everything has a gold label."""
    said = {"role": "adjudicator", "reason": "judgement", "at": "2026-11-22T10:00:00+00:00", "origin": "test"}
    stamp = harbour.schema.stamp
    answers = {"harbour-north:008": "work", "harbour-south:006": "money"}
    rows = [Coding(passage, "lena", "topic", value, schema=stamp, **said) for passage, value in answers.items()]
    write_codings(harbour, rows, "lena")
    write_gold(harbour)
    return harbour


def situation_of(study, source="gold"):
    return load_evidence(study, diptych.load_passages(study), source).situation


@pytest.mark.parametrize("source", ["gold", "corrected", "sample-a", "sample-b"])
def test_a_study_of_which_everything_is_coded_is_a_census(decided, source):
    assert situation_of(decided, source) == "census"


@pytest.mark.parametrize("facet", ["topic", "side", "tone"])
def test_it_is_no_census_where_one_facet_has_gaps(decided, facet):
    gold = decided.gold_file.read_text().splitlines(keepends=True)
    (gone,) = [line for line in gold if f'"{facet}"' in line and "harbour-north:002" in line]
    decided.gold_file.write_text("".join(line for line in gold if line != gone))
    assert situation_of(decided) == "part"


def test_a_coders_own_table_says_census_or_part_as_gold_does(decided):
    (path,) = decided.codings_folder.glob("sample-a*.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[3:]))  # the first passage: three facets
    assert situation_of(decided, "sample-a") == "part"
    assert situation_of(decided, "sample-b") == "census"


def test_a_coder_who_coded_part_of_a_sample_is_still_no_sample(decided):
    (path,) = decided.codings_folder.glob("sample-a*.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[3:]))
    drawn = Sample("s", "equal chances", 1, 16, ("harbour-north:002",), (0.5,), ("A. Jansen",))
    write_sample(decided, drawn)
    assert situation_of(decided, "sample-a") == "part"


def test_predictions_are_neither_census_nor_part(decided):
    train(decided)
    assert situation_of(decided, "uncorrected") == "prediction"


def test_a_census_is_shown_with_what_each_coder_says_and_what_lies_between(command, decided):
    found = command("coverage", "--study", decided.root, "--json").json
    assert (found["situation"], found["notes"][0]) == ("census", CENSUS)
    assert any(note.startswith("sample-a, sample-b: the same share by one coder alone") for note in found["notes"])
    assert all(row["share:sample-a"] is not None and row["share:sample-b"] is not None for row in found["rows"])
    assert any(row["share:sample-a"] != row["share:sample-b"] for row in found["rows"])


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
    counts = table.groupby(["facet", "value"])["passages"].sum().to_dict()
    mine = load_codings(coded).query("coder == 'sample-a'").groupby(["facet", "value"]).size().to_dict()
    assert {place: n for place, n in counts.items() if n and " x " not in place[0]} == mine


def test_the_shares_beside_gold_are_those_of_the_coders_own_tables(decided):
    beside = diptych.coverage(decided)
    for name in ("sample-a", "sample-b"):
        alone = diptych.coverage(decided, source=name)["share"]
        assert alone.tolist() == pytest.approx(beside[f"share:{name}"].tolist())


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
    assert caught.value.hint == "one of: gold, corrected, uncorrected, sample-a, sample-b"


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
    assert (found["source"], found["by"], found["where"]) == ("gold", "author", {})
    assert (found["situation"], found["unit"]) == ("part", "passage (shares of words beside)")
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
