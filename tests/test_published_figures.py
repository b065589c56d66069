"""Published figures, number by number: agreement, divergence, distinctive words, correction, intervals.

The numbers are copied from the sources named beside them; nothing is read from outside the repository.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from diptych.analysis.intervals import newcombe_difference, wilson
from diptych.analysis.keyness import log_odds
from diptych.analysis.measures import jensen_shannon
from diptych.analysis.multiplicity import benjamini_hochberg, holm
from diptych.analysis.published import prediction_powered_mean, pseudo_outcome_mean
from diptych.coding.alpha import alpha, percent_agreement
from diptych.coding.coefficients import (
    bootstrap_interval,
    brennan_prediger,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    observed_agreement,
    unit_counts,
)
from diptych.errors import CodingError


def coders(*rows: str) -> np.ndarray:
    """One row a coder, a dot for no answer, letters as numbers; returned as units by coders."""
    return np.array([[np.nan if c == "." else float(int(c, 36)) for c in row] for row in rows]).T


def crossed(counts: list[list[int]]) -> np.ndarray:
    """The answers of two coders from their table of counts."""
    return np.array([(i, j) for i, row in enumerate(counts) for j, n in enumerate(row) for _ in range(n)], dtype=float)


def percent(answers: np.ndarray) -> float:
    """Agreement averaged over units, as Gwet has it."""
    values = np.unique(answers[~np.isnan(answers)])
    return observed_agreement(unit_counts(answers, values), np.eye(len(values)))


def raters(counts: list[list[int]]) -> np.ndarray:
    """The answers of many raters from how many gave each value to each subject."""
    return np.array([[value for value, n in enumerate(row) for _ in range(n)] for row in counts], dtype=float)


# ---- agreement

BINARY = coders("0100000010", "1110010000")  # Krippendorff (2011), A
LETTERS = coders("aabbdcccedda", "babbbccceddd")  # B
GAPS = coders("123321412...", "1233224125.3", ".3332342251.", "12332441251.")  # C
WIKIPEDIA = coders(".....34121133.3", "1.213343.......", "..21344.21133.4")
RAW = coders("123321412...", "1233224125..", ".33323422513", "12332441251.")  # Gwet (2014), kgwet/irrCAC
THREE = crossed([[13, 0, 0], [0, 20, 7], [0, 4, 56]])  # kgwet/irrCAC
FOURTEEN = raters([
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
])  # fmt: skip
EIGHT = raters([[7, 1], [3, 5]])


@pytest.mark.parametrize(
    ("answers", "scale", "published"),
    [
        (BINARY, "nominal", 0.095238),
        (LETTERS, "nominal", 0.691964),
        (GAPS, "nominal", 0.743421),
        (GAPS, "ordinal", 0.815388),
        (GAPS, "interval", 0.849107),
        (GAPS, "ratio", 0.797403),
        (WIKIPEDIA, "nominal", 0.691358),
        (WIKIPEDIA, "ordinal", 0.806721),
        (WIKIPEDIA, "interval", 0.810845),
        (RAW, "nominal", 0.743421),
        (RAW, "interval", 0.849107),  # published as alpha with quadratic weights
        (THREE, "nominal", 0.7972585),
    ],
)
def test_alpha_is_the_published_one(answers, scale, published):
    assert alpha(answers, scale) == pytest.approx(published, abs=1e-6)


def test_ordinal_alpha_is_krippendorffs_metric_and_not_the_one_with_ordinal_weights():
    assert alpha(GAPS, "ordinal") != pytest.approx(0.833638, abs=0.01)


@pytest.mark.parametrize(
    ("measure", "answers", "published", "digits"),
    [
        (percent, RAW, 0.818182, 6),
        (gwet_ac, RAW, 0.77544, 5),
        (fleiss_kappa, RAW, 0.76117, 5),
        (cohen_kappa, RAW, 0.76282, 5),  # Conger's
        (brennan_prediger, RAW, 0.77273, 5),
        (partial(gwet_ac, name="linear"), RAW, 0.858739, 6),
        (partial(gwet_ac, name="quadratic"), RAW, 0.914001, 6),
        (partial(gwet_ac, name="ordinal"), RAW, 0.89894, 5),
        (percent, THREE, 0.89, 6),
        (cohen_kappa, THREE, 0.7964094, 7),
        (fleiss_kappa, THREE, 0.7962397, 7),  # Scott's pi
        (gwet_ac, THREE, 0.8493305, 7),
        (brennan_prediger, THREE, 0.835, 6),
        (partial(cohen_kappa, name="linear"), THREE, 0.842902, 6),
        (partial(cohen_kappa, name="quadratic"), THREE, 0.892157, 6),
        (partial(gwet_ac, name="linear"), THREE, 0.900023, 6),
        (partial(gwet_ac, name="quadratic"), THREE, 0.940237, 6),
        (fleiss_kappa, FOURTEEN, 0.20993, 5),
        (fleiss_kappa, EIGHT, 0.161905, 6),  # statsmodels
        (brennan_prediger, EIGHT, 0.214286, 6),  # as Randolph's kappa
    ],
)
def test_coefficients_are_the_published_ones_to_the_last_digit(measure, answers, published, digits):
    assert measure(answers) == pytest.approx(published, abs=0.6 * 10.0**-digits)


def test_the_published_percentages_are_those_of_pairs_where_two_coders_answered():
    assert percent_agreement(THREE) == (89, 100)


def test_the_spread_of_ac1_over_passages_is_about_the_published_standard_error():
    low, high = bootstrap_interval(RAW, gwet_ac, draws=2000, level=0.6827)
    assert (high - low) / 2 == pytest.approx(0.143, abs=0.035)  # the paper's is linearised, over 12 units


# ---- divergence


@pytest.mark.parametrize(
    ("first", "second", "weights", "bits"),
    [
        ([0.5, 0.5, 0], [0, 0.5, 0.5], (0.5, 0.5), 0.5),
        ([1, 0], [0, 1], (0.5, 0.5), 1.0),
        ([0.5, 0.5], [0.5, 0.5], (0.5, 0.5), 0.0),
        ([0.5, 0.5, 0], [0, 0.5, 0.5], (0.25, 0.75), 0.40563906222956625),
        ([3, 1], [1, 3], (0.5, 0.5), 0.188722),
        ([1, 0], [1, 1], (0.5, 0.5), 0.311278),
        ([30, 10, 5, 5], [10, 30, 5, 5], (0.5, 0.5), 0.150978),
    ],
)
def test_jensen_shannon_is_in_bits_and_not_its_square_root(first, second, weights, bits):
    assert float(jensen_shannon(first, second, weights)) == pytest.approx(bits, abs=6e-7)


# ---- distinctive words (scattertext's own test)

Y1, Y2, PRIOR = [1, 5, 1, 9], [100, 510, 100, 199], [0.01] * 4


def test_the_difference_of_log_odds_is_the_published_one():
    assert log_odds(Y1, Y2, PRIOR)[0] == pytest.approx([-0.609532, -1.034577, -0.609532, 1.520101], abs=6e-7)


@pytest.mark.parametrize(
    ("variance", "published"),
    [
        ("two-term", [-0.609502, -2.304405, -0.609502, 4.462925]),
        ("full", [-0.589845, -1.905684, -0.589845, 2.983064]),
    ],
)
def test_z_values_are_the_published_ones_of_that_variance(variance, published):
    assert log_odds(Y1, Y2, PRIOR, variance)[1] == pytest.approx(published, abs=6e-7)


def test_the_full_variance_is_the_one_that_scattertext_asserts():
    z = log_odds(Y1, Y2, PRIOR)[1]
    assert 1 - 2 * norm.cdf(z) == pytest.approx([0.4447054, 0.9433088, 0.4447054, -0.9971462], abs=1e-7)


# ---- design-based supervised learning (naoki-egami/dsl, data_time)


class Year(NamedTuple):
    """A year's texts by prediction, the labelled ones by prediction and label, and what was published."""

    texts: tuple[int, int]
    labelled: tuple[int, int, int, int]
    share: float
    error: float
    naive: float
    from_counts: tuple[float, float]


CHANCE = 1 / 6
YEARS = {
    2001: Year((102, 198), (5, 11, 10, 18), 0.6451, 0.0652, 0.66, (0.6425, 0.0648)),
    2002: Year((95, 205), (3, 13, 13, 15), 0.6234, 0.0654, 0.6833, (0.6215, 0.0646)),
    2003: Year((75, 225), (12, 3, 30, 19), 0.2956, 0.0808, 0.75, (0.294, 0.0806)),
    2004: Year((85, 215), (6, 5, 21, 16), 0.4444, 0.0693, 0.7167, (0.4432, 0.0696)),
    2005: Year((88, 212), (5, 9, 15, 24), 0.6288, 0.0722, 0.7067, (0.6297, 0.0717)),
    2006: Year((85, 215), (10, 4, 19, 18), 0.4275, 0.0728, 0.7167, (0.4299, 0.0722)),
    2007: Year((76, 224), (5, 8, 21, 25), 0.571, 0.0766, 0.7467, (0.5672, 0.0763)),
    2008: Year((93, 207), (5, 10, 10, 22), 0.6703, 0.0674, 0.69, (0.6713, 0.0669)),
    2009: Year((86, 214), (6, 6, 15, 14), 0.496, 0.0639, 0.7133, (0.4945, 0.0642)),
    2010: Year((105, 195), (6, 10, 20, 13), 0.4761, 0.0704, 0.65, (0.4716, 0.0698)),
}


def texts_of(year: Year) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prediction, label (0 where there is none) and whether there is one, a row a text."""
    rows = []
    for prediction in (0, 1):
        labels = [0, 1]
        numbers = year.labelled[2 * prediction : 2 * prediction + 2]
        rows += [(prediction, y, True) for y, n in zip(labels, numbers, strict=True) for _ in range(n)]
        rows += [(prediction, 0, False)] * (year.texts[prediction] - sum(numbers))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


@pytest.fixture(scope="module")
def pooled() -> np.ndarray:
    """The mean label of the labelled texts with each prediction, over all years."""
    zeros_zeros, zeros_ones, ones_zeros, ones_ones = np.sum([year.labelled for year in YEARS.values()], axis=0)
    return np.array([zeros_ones / (zeros_zeros + zeros_ones), ones_ones / (ones_zeros + ones_ones)])


@pytest.mark.parametrize("name", YEARS)
def test_the_published_share_of_a_year_is_met(name, pooled):
    year = YEARS[name]
    prediction, label, labelled = texts_of(year)
    share, error = pseudo_outcome_mean(pooled[prediction], label, labelled, CHANCE)
    assert share == pytest.approx(year.share, abs=0.005)
    assert error == pytest.approx(year.error, abs=0.001)
    assert (share, error) == pytest.approx(year.from_counts, abs=6e-5)


@pytest.mark.parametrize("name", YEARS)
def test_the_naive_share_of_a_year_is_the_published_one(name):
    prediction, _, _ = texts_of(YEARS[name])
    assert prediction.mean() == pytest.approx(YEARS[name].naive, abs=6e-5)


def test_the_texts_are_three_thousand_of_which_five_hundred_are_labelled(pooled):
    assert sum(sum(year.texts) for year in YEARS.values()) == 3000
    assert sum(sum(year.labelled) for year in YEARS.values()) == 500
    assert pooled == pytest.approx([0.556, 0.514], abs=6e-4)  # the predictions say next to nothing


def test_the_correction_removes_nearly_all_of_the_naive_error(pooled):
    def error(shares: list[float]) -> float:
        return float(np.sqrt(np.mean((np.array(shares) - [year.share for year in YEARS.values()]) ** 2)))

    corrected = [pseudo_outcome_mean(pooled[texts_of(y)[0]], *texts_of(y)[1:], CHANCE)[0] for y in YEARS.values()]
    assert error([year.naive for year in YEARS.values()]) == pytest.approx(0.2197, abs=6e-4)
    assert error(corrected) < 0.005


# ---- both published estimators, beyond their examples


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 1), st.floats(0.1, 1)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=40, deadline=None)
def test_the_mean_over_all_draws_is_the_truth_whatever_was_predicted(passages):
    predicted, answers, chance = (np.array(column, dtype=float) for column in zip(*passages, strict=True))
    expected = 0.0
    for number in range(2 ** len(passages)):
        drawn = np.array([number >> i & 1 for i in range(len(passages))], dtype=bool)
        likely = np.where(drawn, chance, 1 - chance).prod()
        expected += likely * pseudo_outcome_mean(predicted, answers, drawn, chance)[0]
    assert expected == pytest.approx(answers.mean(), abs=1e-9)


@pytest.mark.parametrize("chance", [0.0, -0.1, 1.01])
def test_a_chance_that_is_none_is_refused(chance):
    with pytest.raises(CodingError, match="inclusion probabilities lie within"):
        pseudo_outcome_mean([0.5, 0.5], [1, 0], [True, False], [chance, 0.5])


def test_a_chance_of_a_text_that_was_not_drawn_is_not_read():
    assert pseudo_outcome_mean([1, 1], [1, 0], [True, False], [1.0, 0.0]) == (1.0, 0.0)


def test_the_hand_case_of_prediction_powered_inference_gives_six():
    assert prediction_powered_mean([4, 6], [2, 6], [4, 6]) == 6.0


def test_without_trust_the_prediction_powered_mean_is_that_of_the_answers():
    assert prediction_powered_mean([4, 6], [2, 6], [400, 600], trust=0) == 5.0


# ---- many comparisons (Benjamini and Hochberg 1995)

P = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0,
]  # fmt: skip


def test_the_example_of_1995_rejects_four_by_its_procedure_and_three_by_bonferroni_and_holm():
    assert int((benjamini_hochberg(P) <= 0.05).sum()) == 4
    assert int((np.array(P) * len(P) <= 0.05).sum()) == 3
    assert int((holm(P) <= 0.05).sum()) == 3


# ---- intervals (Newcombe 1998)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(hits, of, low, high):
    assert [float(end) for end in wilson(hits / of, of)] == pytest.approx([low, high], abs=6e-5)


def test_the_interval_of_a_difference_is_the_published_one():
    assert newcombe_difference((56, 70), (48, 80)) == pytest.approx((0.0524, 0.3339), abs=6e-5)


def test_the_interval_of_a_difference_turns_round_with_its_sides():
    low, high = newcombe_difference((48, 80), (56, 70))
    assert (-high, -low) == pytest.approx((0.0524, 0.3339), abs=6e-5)


@given(st.integers(1, 400), st.data())
@settings(max_examples=100, deadline=None)
def test_wilsons_ends_solve_the_equation_they_come_from(of, data):
    hits = data.draw(st.integers(0, of))
    share, z = hits / of, norm.ppf(0.975)
    for end in map(float, wilson(share, of)):
        if 0 < end < 1:
            assert abs(share - end) == pytest.approx(z * np.sqrt(end * (1 - end) / of), abs=1e-9)
    low, high = map(float, wilson(share, of))
    assert 0 <= low <= share <= high <= 1
    assert (low == 0) == (hits == 0)
    assert (high == 1) == (hits == of)


def test_a_share_that_is_known_exactly_has_an_interval_of_no_width():
    assert [float(end) for end in wilson(0.3, np.inf)] == pytest.approx([0.3, 0.3])
