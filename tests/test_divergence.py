"""Divergence: published values, the laws it keeps, and how much of it is noise."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

import diptych
from diptych.analysis.divergence import NO_TEST, divergence, divergence_notes, largest, least_p
from diptych.analysis.evidence import Evidence
from diptych.analysis.measures import generalised_jensen_shannon, jackknife, jensen_shannon
from diptych.analysis.resampling import shuffled
from diptych.analysis.statements import PREDICTED
from diptych.classifier.training.train import train
from diptych.coding.gold import write_gold
from diptych.errors import CodingError
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
""")


def frames(**counts):
    """Passages and labels from author=[(section, topic, side, number), …]; a document an author."""
    rows = [
        (f"{author}:{section}:{i}:{k}", author, author, section, 10, topic, side)
        for author, lines in counts.items()
        for k, (section, topic, side, number) in enumerate(lines)
        for i in range(number)
    ]
    names = ["passage", "document", "author", "section", "words", "topic", "side"]
    table = pd.DataFrame(rows, columns=names)
    return table[names[:5]], table.set_index("passage")[["topic", "side"]]


def compared(passages, labels, schema=SCHEMA, **options):
    """Divergence of coded passages."""
    return divergence(Evidence(passages, labels, "census"), schema, **options)


ADA = [("Morning", "fees", "port", 6), ("Evening", "birds", "town", 2), ("Night", "ice", "port", 2)]
BO = [("Noon", "fees", "town", 2), ("Dusk", "birds", "town", 8)]
CY = [("Dawn", "ice", "port", 5), ("Noon", "ice", "town", 5)]


@pytest.fixture(scope="module")
def two():
    """Divergence between two authors."""
    return compared(*frames(Ada=ADA, Bo=BO), seed=1)


@pytest.fixture(scope="module")
def three():
    """Divergence between three authors."""
    return compared(*frames(Ada=ADA, Bo=BO, Cy=CY), seed=1)


def row_of(table, **wanted):
    """The one row that has these entries."""
    for name, value in wanted.items():
        table = table[table[name] == value]
    (row,) = table.to_dict("records")
    return row


# --- the measure


@st.composite
def pairs_of_counts(draw):
    """Two count tables over the same cells, none of them empty."""
    cells = draw(st.integers(2, 6))
    one = st.lists(st.integers(0, 50), min_size=cells, max_size=cells).filter(any)
    return np.array(draw(one), dtype=float), np.array(draw(one), dtype=float)


@pytest.mark.parametrize(
    ("first", "second", "bits"),
    [
        ((0.2, 0.3, 0.5), (0.2, 0.3, 0.5), 0),
        ((1, 2, 3), (10, 20, 30), 0),
        ((1, 0), (0, 1), 1),
        ((3, 4, 0, 0), (0, 0, 5, 6), 1),
        ((0.5, 0.5, 0), (0, 0.5, 0.5), 0.5),
        ((3, 1), (1, 3), 0.188722),
        ((1, 0), (1, 1), 0.311278),
        ((30, 10, 5, 5), (10, 30, 5, 5), 0.150978),
    ],
)
def test_jensen_shannon_divergence_has_its_known_values(first, second, bits):
    assert float(jensen_shannon(np.array(first), np.array(second))) == pytest.approx(bits, abs=1e-6)


@given(pairs_of_counts())
@settings(max_examples=150, deadline=None)
def test_it_is_the_square_of_scipys_distance(pair):
    first, second = pair
    expected = jensenshannon(first, second, base=2) ** 2
    assert float(jensen_shannon(first, second)) == pytest.approx(expected, abs=1e-9)


@given(pairs_of_counts())
@settings(max_examples=150, deadline=None)
@example((np.array([1.0, 0, 0]), np.array([0, 3.0, 7.0])))
def test_it_is_symmetric_and_lies_between_nothing_and_one_bit(pair):
    first, second = pair
    found = float(jensen_shannon(first, second))
    assert found == pytest.approx(float(jensen_shannon(second, first)), abs=1e-12)
    assert 0 <= found <= 1 + 1e-12


@given(pairs_of_counts(), st.data())
@settings(max_examples=150, deadline=None)
def test_merging_two_cells_never_raises_it(pair, data):
    place = data.draw(st.integers(1, len(pair[0]) - 1))

    def merged(counts):
        return np.concatenate([[counts[0] + counts[place]], np.delete(counts[1:], place - 1)])

    apart, together = jensen_shannon(*pair), jensen_shannon(*map(merged, pair))
    assert float(together) <= float(apart) + 1e-12


@given(pairs_of_counts(), st.integers(1, 1000))
@settings(max_examples=60, deadline=None)
def test_only_shares_count_and_not_how_much_was_written(pair, times):
    first, second = pair
    assert float(jensen_shannon(first * times, second)) == pytest.approx(float(jensen_shannon(first, second)), abs=1e-9)


def test_many_pairs_at_once_are_the_pairs_one_by_one():
    rng = np.random.default_rng(0)
    first, second = rng.integers(1, 9, (2, 5, 4)).astype(float)
    one_by_one = [float(jensen_shannon(a, b)) for a, b in zip(first, second, strict=True)]
    assert jensen_shannon(first, second).tolist() == pytest.approx(one_by_one)


# --- the bias of small tables


def drawn(rng, shares, blocks=15, passages=4):
    """Blocks of a few passages each, drawn from the same shares."""
    return rng.multinomial(passages, shares, size=blocks).astype(float)


@pytest.mark.parametrize(
    ("first", "second"),
    [((0.25, 0.25, 0.25, 0.25), (0.25, 0.25, 0.25, 0.25)), ((0.4, 0.3, 0.2, 0.1), (0.2, 0.3, 0.2, 0.3))],
    ids=["no difference", "a difference"],
)
def test_leaving_out_one_section_at_a_time_removes_most_of_the_bias(first, second):
    rng = np.random.default_rng(11)
    truth = float(jensen_shannon(np.array(first), np.array(second)))
    samples = [(drawn(rng, first), drawn(rng, second)) for _ in range(400)]
    plain = np.mean([float(jensen_shannon(a.sum(0), b.sum(0))) for a, b in samples]) - truth
    corrected = np.mean([jackknife(a, b) for a, b in samples]) - truth
    assert plain > 0.01
    assert abs(corrected) < 0.25 * plain


def test_the_corrected_value_may_be_negative():
    same = np.array([[4.0, 2.0], [3.0, 3.0], [5.0, 1.0]])
    assert jackknife(same, same) < 0


def test_with_one_section_each_there_is_nothing_to_correct():
    first, second = np.array([[3.0, 1.0]]), np.array([[1.0, 3.0]])
    assert jackknife(first, second) == pytest.approx(0.188722, abs=1e-6)


def test_the_jackknife_of_a_case_worked_by_hand():
    first, second = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 1.0]])
    # whole: 0; leaving out either section of the first: (1, 0) against (1, 1), 0.311278
    assert jackknife(first, second) == pytest.approx(0 - 0.311278, abs=1e-6)


# --- the size of noise


def test_under_no_difference_the_mean_under_shuffling_is_about_the_divergence():
    rng = np.random.default_rng(5)
    samples = [(drawn(rng, (0.4, 0.3, 0.3)), drawn(rng, (0.4, 0.3, 0.3))) for _ in range(200)]
    found = np.mean([float(jensen_shannon(a.sum(0), b.sum(0))) for a, b in samples])
    noise = np.mean([shuffled(a, b, seed=1, draws=100).mean() for a, b in samples])
    assert noise == pytest.approx(found, rel=0.1)


def test_under_a_large_difference_the_mean_under_shuffling_is_far_below_it():
    first, second = np.tile([5.0, 0.0], (8, 1)), np.tile([0.0, 5.0], (8, 1))
    assert shuffled(first, second, seed=1).mean() < 0.2


def test_shuffling_deals_every_section_to_one_author_and_keeps_their_numbers():
    first, second = np.array([[2.0, 0.0]]), np.array([[0.0, 2.0], [0.0, 2.0]])
    # the lone section is the odd one (1 bit), or one of the equal two: (0, 2) against (2, 2)
    found = np.unique(shuffled(first, second, seed=1).round(6))
    assert found.tolist() == [0.311278, 1.0]


def test_equal_sections_leave_nothing_to_shuffle():
    same = np.tile([2.0, 1.0], (4, 1))
    assert shuffled(same, same, seed=1, draws=50).tolist() == [0] * 50


def test_shuffling_depends_on_the_seed_alone():
    blocks = np.random.default_rng(0).integers(0, 9, (10, 3)).astype(float)
    first, again, other = (shuffled(blocks[:5], blocks[5:], seed, 50).tolist() for seed in (1, 1, 2))
    assert first == again != other


# --- the tables


def test_a_row_a_facet_with_counts_and_unit(two):
    facets, _ = two
    row = row_of(facets, facet="topic")
    assert (row["first"], row["second"]) == ("Ada", "Bo")
    assert (row["passages_first"], row["passages_second"], row["cells"]) == (10, 10, 3)
    assert facets["facet"].tolist()[:3] == ["topic", "side", "topic x side"]


def test_within_a_value_of_the_second_facet_the_first_is_compared_where_both_have_five_passages(two):
    facets, _ = two
    assert facets["facet"].tolist()[3:] == []  # on the port's side Bo has nothing, on the town's side Ada has 2
    more = [*ADA, ("Evening", "fees", "town", 3)]
    facets, cells = compared(*frames(Ada=more, Bo=BO))
    row = row_of(facets, facet="topic | side = town")
    assert (row["passages_first"], row["passages_second"], row["cells"]) == (5, 10, 3)
    assert row["bits"] == pytest.approx(float(jensen_shannon([3, 2, 0], [2, 8, 0])))
    assert set(cells["facet"]) == {"topic", "side", "topic x side"}


def test_the_distance_is_the_root_of_the_bits_and_total_variation_stands_beside(two):
    row = row_of(two[0], facet="topic")
    assert row["distance"] == pytest.approx(row["bits"] ** 0.5)
    assert row["total_variation"] == pytest.approx(0.6)  # .6 .2 .2 against .2 .8 0


def test_the_bits_are_those_of_the_authors_own_counts(two):
    facets, _ = two
    expected = float(jensen_shannon(np.array([6.0, 2, 2]), np.array([2.0, 8, 0])))
    assert row_of(facets, facet="topic")["bits"] == pytest.approx(expected)


def test_crossing_facets_never_lowers_the_divergence(two):
    facets, _ = two
    bits = dict(zip(facets["facet"], facets["bits"], strict=True))
    assert bits["topic x side"] >= max(bits["topic"], bits["side"])


def test_noise_is_the_mean_and_the_95_percent_point_under_shuffling(two):
    facets, _ = two
    passages, labels = frames(Ada=ADA, Bo=BO)
    sections = pd.crosstab(
        [passages["author"], passages["section"]], labels.loc[passages["passage"], "topic"].to_numpy()
    ).astype(float)
    noise = shuffled(sections.loc["Ada"].to_numpy(), sections.loc["Bo"].to_numpy(), seed=2)
    row = row_of(facets, facet="topic")
    assert row["noise"] == pytest.approx(noise.mean(), rel=0.1)
    assert np.quantile(noise, 0.85) <= row["noise_high"] <= noise.max() + 1e-9  # ten deals: in steps of a tenth
    assert noise.min() - 1e-9 <= row["noise_low"] <= np.quantile(noise, 0.15)
    assert 0 <= row["noise_low"] <= row["noise"] <= row["noise_high"] <= 1


def test_a_cell_has_both_counts_both_shares_and_their_difference(two):
    _, cells = two
    row = row_of(cells, facet="topic", value="fees")
    assert (row["count_first"], row["of_first"], row["count_second"], row["of_second"]) == (6, 10, 2, 10)
    assert (row["share_first"], row["share_second"]) == (0.6, 0.2)
    assert row["difference"] == pytest.approx(0.4)


def test_the_sign_of_a_difference_says_who_writes_more_of_it(two):
    _, cells = two
    assert row_of(cells, facet="topic", value="birds")["difference"] == pytest.approx(-0.6)


def test_differences_of_a_facet_cancel_out(three):
    _, cells = three
    for _, part in cells.groupby(["first", "second", "facet"]):
        assert part["difference"].sum() == pytest.approx(0)


def test_the_parts_of_the_cells_add_up_to_the_whole(three):
    facets, cells = three
    whole = facets[(facets["first"] != "(all)") & ~facets["facet"].str.contains("|", regex=False)]
    assert len(whole) == 3 * 3
    for row in whole.to_dict("records"):
        mine = cells[
            (cells["first"] == row["first"]) & (cells["second"] == row["second"]) & (cells["facet"] == row["facet"])
        ]
        assert mine["bits"].sum() == pytest.approx(row["bits"], abs=1e-12)


def test_the_part_of_a_cell_carries_the_sign_of_its_difference(three):
    _, cells = three
    assert cells["signed"].abs().tolist() == pytest.approx(cells["bits"].tolist())
    assert (np.sign(cells["signed"]) * np.sign(cells["difference"]) >= 0).all()
    assert (cells["signed"] < 0).any()


def test_no_part_of_a_cell_is_negative_and_an_empty_cell_has_none(three):
    _, cells = three
    assert (cells["bits"] >= -1e-12).all()
    empty = cells[(cells["count_first"] == 0) & (cells["count_second"] == 0)]
    assert len(empty) > 0
    assert set(empty["bits"]) == {0.0}


def test_three_authors_make_three_pairs(three):
    facets, _ = three
    topic = facets[facets["facet"] == "topic"]
    assert list(zip(topic["first"], topic["second"], strict=True)) == [
        ("Ada", "Bo"),
        ("Ada", "Cy"),
        ("Bo", "Cy"),
        ("(all)", "(all)"),
    ]


def test_three_authors_together_have_the_generalised_divergence(three):
    row = row_of(three[0], first="(all)", facet="topic")
    tables = np.array([[6.0, 2, 2], [2, 8, 0], [0, 0, 10]])
    assert row["bits"] == pytest.approx(float(generalised_jensen_shannon(tables)))
    assert row["distance"] == pytest.approx(row["bits"] ** 0.5)
    assert row["corrected"] is row["noise"] is row["p"] is None


def test_two_authors_need_no_row_of_all_together(two):
    assert "(all)" not in set(two[0]["first"])


def test_a_third_author_changes_nothing_between_the_first_two(two, three):
    first, second = (row_of(t[0], first="Ada", second="Bo", facet="side") for t in (two, three))
    assert first == second


def test_the_same_seed_gives_the_same_tables():
    first, again = (compared(*frames(Ada=ADA, Bo=BO), seed=9) for _ in range(2))
    pd.testing.assert_frame_equal(first[0], again[0])
    pd.testing.assert_frame_equal(first[1], again[1])


def test_another_column_can_be_compared():
    passages, labels = frames(Ada=ADA)
    facets, _ = compared(passages, labels, by="section")
    topic = facets[facets["facet"] == "topic"]
    assert list(zip(topic["first"], topic["second"], strict=True)) == [
        ("Morning", "Evening"),
        ("Morning", "Night"),
        ("Evening", "Night"),
        ("(all)", "(all)"),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_labelled_authors_cannot_be_compared(number):
    passages, labels = frames(Ada=ADA, Bo=BO)
    kept = labels[labels.index.str.startswith("Ada")] if number else labels.iloc[:0]
    with pytest.raises(CodingError, match=f"labels exist for {number}") as caught:
        compared(passages, kept)
    assert "second author" in caught.value.hint


def test_a_study_of_one_author_cannot_be_compared():
    with pytest.raises(CodingError, match="divergence compares two of author"):
        compared(*frames(Ada=ADA))


# --- sections or documents


def test_sections_are_dealt_where_an_author_has_one_document(two):
    assert two[0]["unit"].unique().tolist() == ["section"]


def test_documents_are_dealt_where_every_author_has_two_or_more():
    passages, labels = frames(Ada=ADA, Bo=BO)
    second = passages["section"].isin(["Night", "Dusk"])
    passages["document"] = passages["author"].where(~second, passages["author"] + " later")
    facets, _ = compared(passages, labels)
    assert facets["unit"].unique().tolist() == ["document"]


def test_sections_are_dealt_where_only_one_of_the_authors_has_two_documents():
    passages, labels = frames(Ada=ADA, Bo=BO)
    passages["document"] = passages["document"].where(passages["section"] != "Night", "Ada later")
    facets, _ = compared(passages, labels)
    assert facets["unit"].unique().tolist() == ["section"]


# --- p-values and intervals

TESTS = ["low", "high", "p", "p_bh", "p_holm", "p_max_t"]


def archive(documents=6, passages=12, seed=3):
    """Two authors with several documents each: Bo's view is the town's more often, the topics are alike."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"{author}-{d}:{i}", f"{author}-{d}", author, "One", 10, rng.choice(["fees", "birds", "ice"]), side)
        for author, share in (("Ada", 0.15), ("Bo", 0.75))
        for d in range(documents)
        for i in range(passages)
        for side in ["town" if rng.random() < share else "port"]
    ]
    names = ["passage", "document", "author", "section", "words", "topic", "side"]
    table = pd.DataFrame(rows, columns=names)
    return table[names[:5]], table.set_index("passage")[["topic", "side"]]


@pytest.fixture(scope="module")
def many():
    """Divergence between two authors of six documents each."""
    return compared(*archive(), seed=1)


def test_with_one_document_an_author_there_is_no_p_value_and_no_interval_that_restates_one(two, three):
    for facets, cells in (two, three):
        assert facets[["p", "least_p"]].isna().all(axis=None)
        assert cells[TESTS].isna().all(axis=None)


def test_with_several_documents_every_facet_has_a_p_value_and_the_smallest_that_it_could_be(many):
    facets, _ = many
    assert (facets["least_p"] == 1 / 462).all()  # twelve documents, six to each, mirrored deals alike
    assert facets["p"].between(1 / 2001, 1).all()
    assert row_of(facets, facet="side")["p"] < 0.01
    assert row_of(facets, facet="topic")["p"] > 0.1


@pytest.mark.parametrize(
    ("first", "second", "draws", "expected"),
    [(1, 1, 999, 1.0), (2, 2, 999, 1 / 3), (2, 3, 999, 1 / 10), (3, 3, 999, 1 / 10), (20, 20, 999, 1 / 1000)],
)
def test_the_smallest_p_value_is_that_of_the_deals_there_are_or_were_drawn(first, second, draws, expected):
    assert least_p(first, second, draws) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_no_p_value_lies_below_the_smallest_that_is_attainable(seed):
    facets, cells = compared(*archive(documents=2), seed=seed)
    least = facets["least_p"].max()
    assert least == pytest.approx(1 / 3)
    assert (facets["p"] >= least).all()
    assert (cells[["p", "p_max_t"]] >= least).all(axis=None)


def test_a_difference_that_is_there_lies_outside_zero_and_one_that_is_not_does_not(many):
    _, cells = many
    town, fees = row_of(cells, facet="side", value="town"), row_of(cells, facet="topic", value="fees")
    assert town["low"] <= town["difference"] <= town["high"] < 0
    assert fees["low"] < 0 < fees["high"]


def test_adjusted_p_values_are_never_below_the_raw_one(many):
    _, cells = many
    for name in ("p_bh", "p_holm"):
        assert (cells[name] >= cells["p"]).all()
    assert (cells["p_holm"] >= cells["p_bh"]).all()
    assert cells["p_max_t"].between(0, 1).all()


def test_two_cells_that_mirror_each_other_have_one_p_value(many):
    _, cells = many
    side = cells[cells["facet"] == "side"]
    assert side["p"].nunique() == side["p_max_t"].nunique() == 1
    assert side["p_max_t"].tolist() == side["p"].tolist()


# --- the largest differences


def test_the_largest_differences_come_largest_first_whatever_their_sign(two):
    found = largest(two[1], "topic")
    assert found["value"].tolist() == ["birds", "fees"]


def test_a_cell_of_under_five_passages_is_never_among_the_largest(three):
    _, cells = three
    found = largest(cells, number=1000)
    assert ((found["count_first"] + found["count_second"]) >= 5).all()
    assert len(found) < len(cells)


@given(st.lists(st.integers(0, 6), min_size=6, max_size=6))
@settings(max_examples=15, deadline=None)
def test_small_cells_stay_out_however_large_their_difference(numbers):
    topics = ["fees", "birds", "ice"]
    ada = [("One", topic, "port", n) for topic, n in zip(topics, numbers[:3], strict=True)]
    bo = [("Two", topic, "town", n) for topic, n in zip(topics, numbers[3:], strict=True)]
    _, cells = compared(*frames(Ada=[*ada, ("One", "fees", "port", 1)], Bo=[*bo, *BO]), draws=50)
    found = largest(cells, number=100)
    assert ((found["count_first"] + found["count_second"]) >= 5).all()


def test_as_many_are_given_as_asked_for(two):
    assert [len(largest(two[1], number=number)) for number in (0, 1, 2)] == [0, 1, 2]


def test_small_cells_are_marked(two):
    marks = {row["value"]: row["small"] for row in two[1].to_dict("records") if row["facet"] == "topic"}
    assert marks == {"fees": False, "birds": False, "ice": True}


# --- sentences beside the table


def test_with_one_document_an_author_it_says_why_there_is_no_p_value(two):
    assert NO_TEST in divergence_notes(two[0])
    assert "author and document cannot be told apart" in NO_TEST


def test_with_more_documents_that_reason_falls_away_and_the_test_is_explained(many):
    notes = divergence_notes(many[0])
    assert NO_TEST not in notes
    (said,) = [note for note in notes if note.startswith("p: ")]
    assert "(1 + b) / (1 + B) with B = 2000" in said
    assert "the smallest attainable with these documents is 0.00216" in said
    assert "Benjamini-Hochberg for screening, Holm and max-T for claims" in said


@pytest.mark.parametrize("unit", ["section", "document"])
def test_the_noise_is_explained_in_the_unit_that_was_dealt(two, unit):
    note = divergence_notes(two[0].assign(unit=unit))[0]
    assert f"when {unit}s are dealt to the authors at random" in note
    assert "biased upward in small tables" in note


def test_it_says_over_which_cells_the_largest_were_sought(two):
    assert any("at least 5 passages" in note for note in divergence_notes(two[0]))


# --- a study's own tables, and the command

P_VALUE = re.compile(r"^p$|^p_|_p$|p[-_ ]?val|signif|reject", re.IGNORECASE)


def keys_of(value):
    """Every key at any depth of a JSON document under which something stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is not None:
                yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


@pytest.fixture
def coded(harbour):
    """The harbour study with its gold labels derived."""
    write_gold(harbour)
    return harbour


@pytest.mark.parametrize("name", ["p", "p_value", "pvalue", "P-value", "noise_p", "significant"])
def test_the_search_for_p_values_finds_them(name):
    assert P_VALUE.search(name)


def test_no_p_value_hides_in_the_json(command, coded):
    found = command("divergence", "--study", coded.root, "--json").json
    assert [key for key in keys_of(found) if P_VALUE.search(key)] == []
    assert {"bits", "corrected", "noise", "noise_high"} <= set(keys_of(found))
    assert all(cell["low"] is cell["high"] is None for cell in found["cells"])


def test_no_p_value_hides_in_the_printed_table_but_in_the_sentence_why(command, coded):
    out = command("divergence", "--study", coded.root).out
    assert NO_TEST in out
    assert not re.search(r"p-value|\bp [=<]", out.replace(NO_TEST, ""))
    assert not re.search(r"\bp$|\bp  |Holm|max-T|95 % interval", out, re.MULTILINE)


def test_the_command_gives_the_tables_of_the_function(command, coded):
    facets, cells = diptych.divergence(coded)
    found = command("divergence", "--study", coded.root, "--json").json
    assert [row["bits"] for row in found["facets"]] == facets["bits"].tolist()
    assert len(found["cells"]) == len(cells)


def test_the_command_prints_no_small_cell_among_the_largest(command, coded):
    out = command("divergence", "--study", coded.root, "--cells", 100).out
    pairs = re.findall(r": (\d+) of \d+ .*?: (\d+) of \d+ ", out)
    assert len(pairs) > 0
    assert all(int(first) + int(second) >= 5 for first, second in pairs)


def test_predictions_are_called_uncorrected(command, coded):
    train(coded)
    found = command("divergence", "--study", coded.root, "--source", "uncorrected", "--json").json
    assert (found["source"], found["situation"], found["notes"][0]) == ("uncorrected", "prediction", PREDICTED)


def test_the_command_explains_that_one_author_is_not_enough(command, coded):
    lines = coded.gold_file.read_text().splitlines()
    coded.gold_file.write_text("\n".join(line for line in lines if "harbour-north" in line))
    result = command("divergence", "--study", coded.root)
    assert result.code == 1
    assert "labels exist for 1" in result.err


def test_the_divergence_of_the_bundled_study_lies_above_its_noise(bundled):
    facets, _ = diptych.divergence(bundled)
    row = row_of(facets, facet="perspective")
    assert row["noise"] < row["bits"] < 1
