"""Scores → probabilities that hold, answers that do not forget rare values, and the price of abstaining."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diptych.classifier.scoring.limits import Limits, calibrated, chosen
from diptych.classifier.training.calibrate import brier, calibrate, expected_calibration_error, risk_curve
from diptych.classifier.training.figures import macro_interval

SCORES = st.floats(-1e6, 1e6)
CHANCES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80)


def limits_of(found):
    return Limits({"f": found.temperature}, {"f": found.prior}, {"f": found.lean}, {"f": found.curve})


def simulated(n, values, seed=0, spread=1.5, shift=0.0):
    """Scores whose softmax is the truth: (scores, gold)."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, spread, (n, values)) + shift
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return scores, np.array([rng.choice(values, p=line) for line in chances])


def macro_f1(gold, said):
    """Macro-F1 over the values present, by counting."""
    found = []
    for value in set(gold.tolist()):
        hit = int(((gold == value) & (said == value)).sum())
        found.append(2 * hit / (int((gold == value).sum()) + int((said == value).sum())))
    return sum(found) / len(found)


def wilson_upper(errors, n, z=1.6448536269514722):
    """The larger root of (share - p)² = z² p (1 - p) / n."""
    share = errors / n
    a, b, c = 1 + z * z / n, -(2 * share + z * z / n), share * share
    return (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)


# --- probabilities


@given(
    arrays(float, (4, 3), elements=SCORES), st.floats(0.01, 100), st.lists(st.floats(-20, 20), min_size=3, max_size=3)
)
@settings(max_examples=100, deadline=None)
def test_calibrated_probabilities_sum_to_one(scores, temperature, prior):
    found = calibrated(scores, Limits({"f": temperature}, {"f": prior}), "f")
    assert found.sum(axis=1) == pytest.approx(np.ones(4))
    assert ((found >= 0) & (found <= 1)).all()


def test_a_facet_that_was_not_calibrated_is_a_plain_softmax():
    assert calibrated(np.log([[1.0, 3.0]]), Limits(), "f")[0] == pytest.approx([0.25, 0.75])


def test_well_calibrated_scores_keep_their_temperature():
    scores, gold = simulated(6000, 4)
    found = calibrate(scores, gold)
    assert found.temperature == pytest.approx(1, abs=0.08)
    assert found.prior == pytest.approx([0] * 4, abs=0.15)
    chances = calibrated(scores, limits_of(found), "f")
    assert expected_calibration_error(chances.max(axis=1), chances.argmax(axis=1) == gold) < 0.03


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_scores_that_are_too_shy_or_too_sure_are_set_right(factor):
    scores, gold = simulated(6000, 3, seed=1)
    found = calibrate(scores * factor, gold)
    assert found.temperature == pytest.approx(factor, rel=0.1)
    chances = calibrated(scores * factor, limits_of(found), "f")
    plain = calibrated(scores * factor, Limits(), "f")
    assert brier(chances, gold) < brier(plain, gold)
    right = chances.argmax(axis=1) == gold
    assert expected_calibration_error(chances.max(axis=1), right) < 0.03


def test_a_prior_that_the_scores_lack_is_found():
    scores, gold = simulated(6000, 3, seed=2, shift=np.array([0.0, 0.0, 1.5]))
    found = calibrate(scores - np.array([0.0, 0.0, 1.5]), gold)
    assert found.prior[2] - found.prior[0] == pytest.approx(1.5, abs=0.25)
    assert sum(found.prior) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("values", [1, 3])
def test_where_all_is_one_value_nothing_is_fitted(values):
    found = calibrate(np.zeros((7, values)), np.zeros(7, dtype=int))
    assert (found.temperature, found.prior, found.lean, found.curve) == (1.0, [0.0] * values, [0.0] * values, [])


@given(st.integers(2, 40), st.integers(2, 5), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_any_small_sample_gives_finite_numbers(n, values, seed):
    rng = np.random.default_rng(seed)
    found = calibrate(rng.normal(0, 5, (n, values)), rng.integers(values, size=n))
    assert np.isfinite([found.temperature, *found.prior, *found.lean]).all()
    assert found.temperature > 0


def test_scores_that_are_always_right_give_finite_numbers():
    gold = np.arange(60) % 3
    found = calibrate(np.eye(3)[gold] * 30, gold)
    assert 0.01 <= found.temperature <= 100
    assert calibrated(np.eye(3)[gold] * 30, limits_of(found), "f").argmax(axis=1).tolist() == gold.tolist()


def test_the_same_scores_give_the_same_calibration():
    scores, gold = simulated(200, 3)
    assert calibrate(scores, gold) == calibrate(scores, gold)


# --- leaning towards rare values


def rare_sample():
    """Two values, one in ten of the second, whose scores tell them apart a little."""
    rng = np.random.default_rng(3)
    gold = (rng.random(2000) < 0.1).astype(int)
    sign = rng.normal(gold * 1.5, 1.0)
    scores = np.c_[np.zeros(2000), 1.5 * sign - 3.3]
    return scores, gold


def test_answers_lean_towards_rare_values():
    scores, gold = rare_sample()
    found = calibrate(scores, gold)
    chances = calibrated(scores, limits_of(found), "f")
    plain, leant = chances.argmax(axis=1), chosen(chances, limits_of(found), "f")
    assert found.lean[1] > found.lean[0]
    assert leant.sum() > plain.sum()
    assert macro_f1(gold, leant) > macro_f1(gold, plain)


@pytest.mark.parametrize("seed", range(5))
def test_leaning_never_costs_macro_f1_where_it_was_chosen(seed):
    scores, gold = simulated(300, 4, seed, spread=0.7, shift=np.array([0.0, 0.0, 1.0, 2.0]))
    limits = limits_of(calibrate(scores, gold))
    chances = calibrated(scores, limits, "f")
    assert macro_f1(gold, chosen(chances, limits, "f")) >= macro_f1(gold, chances.argmax(axis=1)) - 1e-9


def test_values_that_are_equally_common_do_not_lean():
    scores, _ = simulated(400, 2)
    found = calibrate(scores, np.arange(400) % 2)
    assert found.lean[0] == pytest.approx(found.lean[1])


def test_a_lean_changes_the_answer_not_the_probabilities():
    limits = Limits(leans={"f": [0.0, 2.0]})
    chances = calibrated(np.log([[0.7, 0.3]]), limits, "f")
    assert chances[0] == pytest.approx([0.7, 0.3])
    assert chosen(chances, limits, "f").tolist() == [1]


def test_a_value_of_no_probability_is_no_fault():
    assert chosen(np.array([[1.0, 0.0]]), Limits(leans={"f": [0.0, 5.0]}), "f").tolist() == [0]


# --- figures


@given(arrays(float, (6, 3), elements=st.floats(0.01, 1)), st.lists(st.integers(0, 2), min_size=6, max_size=6))
@settings(max_examples=50, deadline=None)
def test_brier_is_the_mean_squared_distance(raw, gold):
    chances = raw / raw.sum(axis=1, keepdims=True)
    summed = sum((chances[i, v] - (1 if gold[i] == v else 0)) ** 2 for i in range(6) for v in range(3))
    assert brier(chances, np.array(gold)) == pytest.approx(summed / 6)


def test_brier_goes_from_0_to_2():
    assert brier(np.eye(2), np.array([0, 1])) == 0
    assert brier(np.eye(2), np.array([1, 0])) == 2


@given(CHANCES, st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_calibration_error_is_the_mean_gap_of_bins_of_equal_size(pairs, bins):
    chance, right = np.array([p for p, _ in pairs]), np.array([r for _, r in pairs])
    ranked = sorted(range(len(pairs)), key=lambda i: chance[i])
    small, more = divmod(len(pairs), bins)
    total, start = 0.0, 0
    for number in range(bins):
        mine = ranked[start : start + small + (number < more)]
        start += len(mine)
        total += abs(sum(chance[i] - right[i] for i in mine))
    assert expected_calibration_error(chance, right, bins) == pytest.approx(total / len(pairs))


def test_no_answers_have_no_calibration_error():
    assert expected_calibration_error(np.array([]), np.array([], dtype=bool)) == 0


def test_an_interval_holds_the_figure_and_is_the_same_by_one_seed():
    rng = np.random.default_rng(0)
    gold = rng.choice(["a", "b"], 60)
    said = np.where(rng.random(60) < 0.8, gold, "a")
    groups = [f"d{i // 5}" for i in range(60)]
    low, high = macro_interval(gold, said, groups, 1)
    assert 0 <= low < macro_f1(gold, said) < high <= 1
    assert [low, high] == macro_interval(gold, said, groups, 1)
    assert [low, high] != macro_interval(gold, said, groups, 2)


# --- the risk curve and its threshold


@given(CHANCES, st.integers(2, 40))
@settings(max_examples=100, deadline=None)
def test_a_risk_curve_counts_and_falls(pairs, points):
    chance, right = np.array([p for p, _ in pairs]), np.array([r for _, r in pairs])
    curve = risk_curve(chance, right, points)
    levels, passages, errors = zip(*curve, strict=True)
    assert list(levels) == sorted(set(levels))
    assert list(passages) == sorted(passages, reverse=True)
    assert list(errors) == sorted(errors, reverse=True)
    assert passages[0] == len(pairs)
    assert errors[0] == (~right).sum()
    for level, number, wrong in curve:
        kept = [r for p, r in pairs if round(p, 6) >= level]
        assert (number, wrong) == (len(kept), kept.count(False))


def test_a_risk_curve_of_nothing_is_empty():
    assert risk_curve(np.array([]), np.array([], dtype=bool)) == []


CURVES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=400).map(
    lambda pairs: risk_curve(np.array([p for p, _ in pairs]), np.array([r for _, r in pairs]))
)


@given(CURVES, st.floats(0, 0.999))
@settings(max_examples=100, deadline=None)
def test_a_threshold_keeps_the_upper_bound_within_the_rate(curve, rate):
    least = Limits(curves={"f": curve}).threshold("f", rate)
    accepted = [(number, wrong) for level, number, wrong in curve if level >= least]
    if accepted:
        number, wrong = accepted[0]
        assert wilson_upper(wrong, number) <= rate + 1e-9
    else:
        assert least == math.inf


@given(CURVES, st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_who_bears_more_errors_abstains_less(curve, first, second):
    limits = Limits(curves={"f": curve})
    low, high = sorted((first, second))
    assert limits.threshold("f", high) <= limits.threshold("f", low)


@given(CURVES)
@settings(max_examples=30, deadline=None)
def test_rate_1_accepts_all_and_rate_0_none(curve):
    limits = Limits(curves={"f": curve})
    assert limits.threshold("f", 1) == 0
    assert limits.threshold("f", 0) == math.inf


def test_an_impossible_rate_accepts_none():
    curve = [(0.3, 200, 100), (0.6, 100, 40), (0.9, 50, 15)]
    assert Limits(curves={"f": curve}).threshold("f", 0.1) == math.inf


def test_a_rate_between_is_kept_by_the_surest_answers():
    curve = [(0.3, 200, 80), (0.6, 120, 12), (0.9, 60, 1)]
    limits = Limits(curves={"f": curve})
    assert [limits.threshold("f", rate) for rate in (0.05, 0.1, 0.2, 0.5)] == [math.inf, 0.9, 0.6, 0.0]


def test_a_few_answers_prove_nothing():
    assert Limits(curves={"f": [(0.9, 19, 0)]}).threshold("f", 0.9) == math.inf
    assert Limits(curves={"f": [(0.5, 40, 2), (0.9, 19, 0)]}).threshold("f", 0.2) == 0.0


def test_a_facet_without_a_curve_accepts_all():
    assert Limits().threshold("f", 0.1) == 0


def test_on_new_passages_the_rate_is_kept_too():
    scores, gold = simulated(3000, 3, seed=5)
    limits = limits_of(calibrate(scores[:1500], gold[:1500]))
    least = limits.threshold("f", 0.25)
    chances = calibrated(scores[1500:], limits, "f")
    answers = chosen(chances, limits, "f")
    kept = chances[np.arange(1500), answers] >= least
    assert kept.sum() > 100
    assert (answers != gold[1500:])[kept].mean() < 0.28
