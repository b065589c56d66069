"""Distinctive words, and many comparisons at once: the laws they keep, and what chance alone gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from diptych.analysis.keyness import FEWEST_USES, distinctive_words, log_odds
from diptych.analysis.multiplicity import benjamini_hochberg, holm, max_t, permutation_p

COLUMNS = ["word", "count_first", "count_second", "z", "chance", "side"]
VARIANCES = ["full", "two-term"]
laws = settings(max_examples=100, deadline=None)


# ---- log-odds


@st.composite
def counts(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often two authors use two to eight words, and a prior."""
    size = draw(st.integers(2, 8))
    one = st.lists(st.integers(0, 300), min_size=size, max_size=size)
    prior = st.lists(st.floats(0.01, 50), min_size=size, max_size=size)
    return np.array(draw(one)), np.array(draw(one)), np.array(draw(prior))


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_sign_says_who_uses_the_word_more(variance):
    difference, z = log_odds([30, 10, 20], [10, 30, 20], [1, 1, 1], variance)
    assert np.sign(difference).tolist() == [1, -1, 0]
    assert np.sign(z).tolist() == [1, -1, 0]


def test_it_is_the_rate_that_counts_and_not_the_number():
    difference, _ = log_odds([10, 90], [50, 4950], [0.1, 0.1])
    assert difference[0] > 0 > difference[1]


@pytest.mark.parametrize("variance", VARIANCES)
@given(counts())
@laws
def test_swapping_the_authors_only_turns_the_signs(variance, table):
    first, second, prior = table
    there, back = log_odds(first, second, prior, variance), log_odds(second, first, prior, variance)
    assert there[0] == pytest.approx(-back[0], abs=1e-9)
    assert there[1] == pytest.approx(-back[1], abs=1e-9)


@given(counts(), st.data())
@laws
def test_the_order_of_the_words_means_nothing(table, data):
    order = np.array(data.draw(st.permutations(range(len(table[0])))))
    z, reordered = log_odds(*table)[1], log_odds(*(part[order] for part in table))[1]
    assert reordered == pytest.approx(z[order], abs=1e-9)


@given(counts())
@laws
def test_the_full_variance_is_the_larger_one_and_the_difference_is_the_same(table):
    (full, z_full), (two_term, z_two) = (log_odds(*table, variance) for variance in VARIANCES)
    assert full.tolist() == two_term.tolist()
    assert (np.abs(z_full) <= np.abs(z_two) + 1e-12).all()


@given(counts(), st.integers(2, 20))
@laws
def test_a_stronger_prior_draws_a_word_that_one_author_uses_toward_nothing(table, times):
    _, _, prior = table
    only = np.zeros(len(prior))
    only[0] = 5
    weak, strong = log_odds(only, np.zeros(len(prior)), prior), log_odds(only, np.zeros(len(prior)), prior * times)
    assert 0 < strong[0][0] < weak[0][0]


@given(counts())
@laws
def test_authors_who_use_words_equally_often_have_no_distinctive_one(table):
    first, _, prior = table
    assert log_odds(first, first, prior)[1].tolist() == [0] * len(first)


def test_ten_times_as_much_text_is_surer_of_the_same_rates():
    few, many = log_odds([6, 94], [3, 97], [0.01, 0.01])[1], log_odds([60, 940], [30, 970], [0.01, 0.01])[1]
    assert many[0] == pytest.approx(few[0] * np.sqrt(10), rel=0.01)


def test_the_z_value_is_standard_normal_where_rates_are_equal():
    rng = np.random.default_rng(0)
    shares = np.array([0.05, 0.15, 0.3, 0.5])
    z = np.array(
        [log_odds(rng.multinomial(3000, shares), rng.multinomial(2000, shares), [0.5] * 4)[1] for _ in range(1500)]
    )
    assert z.std(axis=0) == pytest.approx(np.ones(4), abs=0.07)
    assert (np.abs(z) > 1.96).mean(axis=0) == pytest.approx(np.full(4, 0.05), abs=0.02)


# ---- distinctive words

VOCABULARY = [f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]


def texts(rng: np.random.Generator, number: int, planted: str = "", length: int = 15) -> list[str]:
    """Passages of words at random, frequent and rare ones; a planted word in two of three."""
    often = 1 / np.arange(1, len(VOCABULARY) + 1)
    drawn = rng.choice(VOCABULARY, (number, length), p=often / often.sum())
    return [" ".join([*line, planted] if i % 3 else line) for i, line in enumerate(drawn)]


@pytest.fixture(scope="module")
def found():
    """The first writes of pipelines, the second of harbours."""
    rng = np.random.default_rng(1)
    first, second = texts(rng, 60, "Pipeline"), texts(rng, 45, "harbours")
    return distinctive_words(first, second, [*first, *second])


def test_a_planted_word_is_found_beyond_chance_on_its_own_side(found):
    rows = found.set_index("word")
    assert found["word"].iloc[0] == "pipeline"
    assert found["word"].iloc[-1] == "harbours"
    assert rows.loc["pipeline", "z"] > rows.loc["pipeline", "chance"] > 0
    assert rows.loc["harbours", "z"] < -rows.loc["harbours", "chance"]
    assert (rows.loc["pipeline", "side"], rows.loc["harbours", "side"]) == ("first", "second")


def test_words_come_with_the_counts_of_both_authors(found):
    rows = found.set_index("word")
    assert rows.loc["pipeline", ["count_first", "count_second"]].tolist() == [40, 0]
    assert rows.loc["harbours", ["count_first", "count_second"]].tolist() == [0, 30]


def test_words_come_from_the_first_authors_to_the_seconds(found):
    assert found.columns.tolist() == COLUMNS
    assert found["z"].is_monotonic_decreasing
    assert (found["side"] == np.where(found["z"] > 0, "first", "second")).all()
    assert found["chance"].nunique() == 1


def test_other_words_are_not_beyond_chance(found):
    others = found[~found["word"].isin(["pipeline", "harbours"])]
    assert (others["z"].abs() <= others["chance"]).mean() > 0.9


def test_swapping_the_authors_turns_the_table_round():
    rng = np.random.default_rng(2)
    first, second = texts(rng, 30, "pipeline"), texts(rng, 30)
    there = distinctive_words(first, second, [*first, *second], number=99).set_index("word")
    back = distinctive_words(second, first, [*first, *second], number=99).set_index("word")
    assert back["z"].to_dict() == pytest.approx((-there["z"]).to_dict())
    assert back["count_first"].to_dict() == there["count_second"].to_dict()


@pytest.mark.parametrize("number", [1, 3, 8])
def test_as_many_words_of_each_side_are_given_as_asked_for(number):
    rng = np.random.default_rng(2)
    first, second = texts(rng, 60), texts(rng, 60)
    found = distinctive_words(first, second, [*first, *second], number=number)
    assert len(found) == 2 * number == found["word"].nunique()


def test_few_words_are_given_once():
    found = distinctive_words(["oil gas coal"] * 4, ["oil gas wind"] * 4, ["oil gas coal wind"], number=8)
    assert sorted(found["word"]) == ["coal", "gas", "oil", "wind"]


@pytest.mark.parametrize(("uses", "there"), [(FEWEST_USES - 1, False), (FEWEST_USES, True)])
def test_a_word_must_be_used_a_few_times(uses, there):
    found = distinctive_words(["oil gas"] * 9 + ["rare"] * uses, ["oil gas"] * 9, ["oil gas rare"])
    assert ("rare" in set(found["word"])) == there


def test_capitals_mean_nothing():
    found = distinctive_words(["OIL Gas"] * 3, ["oil gas"] * 3, ["Oil gas"])
    assert found.set_index("word")["count_first"].to_dict() == {"oil": 3, "gas": 3}


def test_with_authors_at_random_the_largest_z_is_about_chance():
    rng = np.random.default_rng(6)
    above = []
    for seed in range(60):
        everything = texts(rng, 60)
        found = distinctive_words(everything[:30], everything[30:], everything, seed=seed)
        above.append(found["z"].abs().max() > found["chance"].iloc[0])
    assert np.mean(above) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    assert np.mean(above) > 0


def test_chance_depends_on_the_seed_alone():
    rng = np.random.default_rng(3)
    first, second = texts(rng, 20), texts(rng, 20)
    one, again, other = (distinctive_words(first, second, [*first, *second], seed=seed) for seed in (1, 1, 2))
    assert one.equals(again)
    assert one["chance"].iloc[0] != other["chance"].iloc[0]
    assert one["z"].tolist() == other["z"].tolist()


@pytest.mark.parametrize(
    ("first", "second"),
    [([], []), (["", " … "], ["–"]), (["oil"], ["gas"])],
    ids=["no text", "no word", "no word used often enough"],
)
def test_where_there_is_no_word_the_table_is_empty_and_has_its_columns(first, second):
    found = distinctive_words(first, second, [*first, *second])
    assert (len(found), found.columns.tolist()) == (0, COLUMNS)


def test_an_author_without_a_passage_has_no_word():
    found = distinctive_words(["oil and gas"] * 3, [], ["oil and gas"] * 3)
    assert found["count_second"].tolist() == [0] * len(found)
    assert np.isfinite(found[["z", "chance"]].to_numpy(dtype=float)).all()


def test_one_word_alone_has_nothing_to_be_compared_with():
    found = distinctive_words(["oil"] * 4, ["oil"] * 3, ["oil"] * 7)
    assert np.isfinite(found[["z", "chance"]].to_numpy(dtype=float)).all()


@pytest.mark.parametrize(
    ("first", "second", "telling"),
    [
        ("нефть и газ", "уголь и газ", {"нефть"}),
        ("pétrole et gaz", "charbon et gaz", {"pétrole"}),
        ("油价高", "煤价低", {"油", "高"}),  # a Chinese character is a word
    ],
)
def test_words_of_every_script_are_found(first, second, telling):
    found = distinctive_words([first] * 9, [second] * 9, [first, second])
    assert found["word"].iloc[0] in telling


# ---- many comparisons

P_VALUES = st.lists(st.floats(0, 1).map(lambda p: round(p, 6)), min_size=1, max_size=25).map(np.array)


@given(P_VALUES)
@laws
def test_adjusted_values_never_fall_below_the_raw_and_never_exceed_one(p):
    screening, claims = benjamini_hochberg(p), holm(p)
    bonferroni = np.minimum(p * len(p), 1)
    assert (p <= screening + 1e-12).all()
    assert (screening <= claims + 1e-12).all()
    assert (claims <= bonferroni + 1e-12).all()
    assert (claims <= 1).all()


@given(P_VALUES)
@laws
def test_a_smaller_p_value_never_gets_a_larger_adjusted_one(p):
    order = np.argsort(p, kind="stable")
    for adjusted in (benjamini_hochberg(p), holm(p)):
        assert (np.diff(adjusted[order]) >= -1e-12).all()


@given(P_VALUES, st.data())
@laws
def test_the_order_of_the_comparisons_means_nothing(p, data):
    order = np.array(data.draw(st.permutations(range(len(p)))))
    for adjust in (benjamini_hochberg, holm):
        assert adjust(p[order]) == pytest.approx(adjust(p)[order], abs=1e-12)


@given(P_VALUES)
@laws
def test_the_false_discovery_rate_is_that_of_another_package(p):
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p), abs=1e-12)


@given(P_VALUES)
@laws
def test_holms_procedure_step_by_step(p):
    claims = holm(p)
    for level in (0.01, 0.05, 0.2, 0.7):
        rejected, order = np.zeros(len(p), dtype=bool), np.argsort(p, kind="stable")
        for step, place in enumerate(order):
            if p[place] * (len(p) - step) > level:
                break
            rejected[place] = True
        assert (claims <= level).tolist() == rejected.tolist()


def test_one_comparison_needs_no_adjustment_and_none_is_no_trouble():
    for adjust in (benjamini_hochberg, holm):
        assert adjust([0.03]).tolist() == [0.03]
        assert adjust([]).tolist() == []


SHUFFLED = st.tuples(st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**32))


def drawn(shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Observed and shuffled differences of a few cells, with ties."""
    draws, cells, seed = shape
    rng = np.random.default_rng(seed)
    return rng.integers(-6, 7, cells) / 8, rng.integers(-6, 7, (draws, cells)) / 8


@given(SHUFFLED)
@laws
def test_a_permutation_p_value_is_never_nothing_and_counts_the_ties(shape):
    observed, shuffled = drawn(shape)
    p = permutation_p(observed, shuffled)
    by_hand = [(1 + sum(row[i] >= value for row in shuffled)) / (1 + len(shuffled)) for i, value in enumerate(observed)]
    assert p == pytest.approx(by_hand)
    assert (p >= 1 / (1 + len(shuffled))).all()
    assert (p <= 1).all()


def test_what_no_shuffle_reaches_has_the_smallest_p_value_there_is():
    assert float(permutation_p(9.0, np.zeros(999))) == 0.001


def test_a_rounding_error_is_no_difference():
    assert float(permutation_p(0.1 + 0.2, np.array([0.3]))) == 1.0


@given(SHUFFLED)
@laws
def test_max_t_is_never_below_the_raw_p_value(shape):
    observed, shuffled = drawn(shape)
    adjusted = max_t(observed, shuffled)
    raw = permutation_p(np.abs(observed), np.abs(shuffled))
    assert (adjusted >= raw - 1e-12).all()
    assert (adjusted <= 1).all()


@given(SHUFFLED)
@laws
def test_max_t_does_not_depend_on_signs_units_or_order(shape):
    observed, shuffled = drawn(shape)
    plain = max_t(observed, shuffled)
    assert max_t(-observed, shuffled) == pytest.approx(plain)
    assert max_t(observed * 4, shuffled * 4) == pytest.approx(plain)
    assert max_t(observed[::-1], shuffled[:, ::-1])[::-1] == pytest.approx(plain)


@given(SHUFFLED, st.integers(-4, 4))
@laws
def test_max_t_measures_every_cell_by_its_own_spread(shape, power):
    observed, shuffled = drawn(shape)
    units = np.where(np.arange(len(observed)) % 2, 2.0**power, 1.0)
    assert max_t(observed * units, shuffled * units) == pytest.approx(max_t(observed, shuffled))


def test_max_t_of_one_cell_is_its_raw_p_value():
    shuffled = np.array([[-0.3], [0.1], [0.2], [-0.1], [0.0]])
    assert max_t(np.array([0.2]), shuffled).tolist() == permutation_p(0.2, np.abs(shuffled)).tolist() == [0.5]


def test_cells_that_say_the_same_cost_nothing_and_others_do():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(499, 1)), rng.normal(size=(499, 9))
    alone = max_t(np.array([2.5]), one)[0]
    assert max_t(np.full(3, 2.5), np.repeat(one, 3, axis=1))[0] == alone
    assert max_t(np.array([2.5, *[0.0] * 9]), np.hstack([one, other]))[0] > 2 * alone


def test_a_cell_that_no_shuffle_moves_is_never_claimed_and_disturbs_no_other():
    rng = np.random.default_rng(1)
    shuffled = rng.normal(size=(199, 2))
    plain = max_t(np.array([2.0, 1.0]), shuffled)
    padded = max_t(np.array([2.0, 1.0, 0.4]), np.hstack([shuffled, np.zeros((199, 1))]))
    assert padded.tolist() == [*plain.tolist(), 1.0]


def test_max_t_makes_a_false_claim_in_about_5_of_100_cases():
    rng = np.random.default_rng(3)
    false = []
    for _ in range(400):
        table = rng.normal(size=(200, 8)) * np.geomspace(1, 30, 8)
        false.append((max_t(table[0], table[1:]) <= 0.05).any())
    assert abs(np.mean(false) - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / 400)
