"""Figures of answers beside gold labels, against counting by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from diptych.classifier.training.calibrate import expected_calibration_error
from diptych.classifier.training.figures import (
    confusion,
    macro_interval,
    mistakes,
    reliability_bins,
    risk_coverage,
)

VALUES = ["a", "b", "c"]
PAIRS = st.lists(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)), max_size=30)
CHANCES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80)


def arrays_of(pairs):
    return np.array([p for p, _ in pairs]), np.array([r for _, r in pairs])


# --- confusion


def test_confusion_counts_pairs_in_the_order_of_the_values():
    found = confusion(["b", "a", "a", "b"], ["a", "a", "a", "b"], ["b", "a", "never"])
    assert found.to_dict("split")["data"] == [["b", "b", 1], ["b", "a", 1], ["a", "a", 2]]


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_confusion_sums_to_the_passages_and_holds_no_empty_pair(pairs):
    found = confusion([g for g, _ in pairs], [p for _, p in pairs], VALUES)
    assert found.columns.tolist() == ["gold", "predicted", "passages"]
    assert found["passages"].sum() == len(pairs)
    assert (found["passages"] > 0).all()
    for row in found.itertuples():
        assert row.passages == pairs.count((row.gold, row.predicted))


# --- the reliability diagram


def test_bins_say_how_often_a_probability_comes_true():
    chance, right = np.array([0.5, 0.9, 0.7, 0.8]), np.array([False, True, True, True])
    found = reliability_bins(chance, right, 2)
    assert found.to_dict("list") == {
        "low": [0.5, 0.8],
        "high": [0.7, 0.9],
        "mean_probability": pytest.approx([0.6, 0.85]),
        "right": [0.5, 1.0],
        "passages": [2, 2],
    }


@given(CHANCES, st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_the_calibration_error_follows_from_the_bins(pairs, bins):
    chance, right = arrays_of(pairs)
    found = reliability_bins(chance, right, bins)
    assert found["passages"].sum() == len(pairs)
    assert found["passages"].max() - found["passages"].min() <= 1
    gaps = (found["mean_probability"] - found["right"]).abs() * found["passages"]
    assert gaps.sum() / len(pairs) == pytest.approx(expected_calibration_error(chance, right, bins))


def test_no_answers_have_no_bins():
    assert reliability_bins(np.array([]), np.array([], dtype=bool)).empty


# --- risk and coverage


@given(CHANCES)
@settings(max_examples=60, deadline=None)
def test_with_less_coverage_there_are_fewer_answers_and_fewer_wrong_ones(pairs):
    chance, right = arrays_of(pairs)
    found = risk_coverage(chance, right)
    errors = found["wrong"] * found["passages"]
    assert found["least_probability"].is_monotonic_increasing
    assert found["passages"].is_monotonic_decreasing
    assert (errors.round().diff().dropna() <= 0).all()
    assert (found["answered"][0], found["wrong"][0]) == (1.0, pytest.approx((~right).mean()))
    assert (found["wrong_high"] > found["wrong"]).all() or (found["wrong"] == 1).any()
    assert found["wrong_high"].between(0, 1 + 1e-12).all()


def test_the_bound_of_a_wrong_share_is_wilsons():
    found = risk_coverage(np.full(10, 0.5), np.array([False] * 2 + [True] * 8))
    z2 = 1.6448536269514722**2
    share = 0.2
    expected = (share + z2 / 20 + (z2 * (share * (1 - share) / 10 + z2 / 400)) ** 0.5) / (1 + z2 / 10)
    assert found["wrong_high"].tolist() == [pytest.approx(expected)]


# --- the errors worth reading

ANSWERS = pd.DataFrame(
    [
        ("p1", "tone", "a", "b", 0.7),
        ("p2", "tone", "a", "b", 0.9),
        ("p3", "tone", "a", "a", 0.99),
        ("p4", "tone", None, "b", 0.99),
        ("p5", "tone", "b", "a", 0.7),
        ("p1", "topic", "x", "y", 0.95),
    ],
    columns=["passage", "facet", "gold", "predicted", "p"],
)


def test_the_surest_mistakes_come_first_and_equally_sure_ones_in_order():
    found = mistakes(ANSWERS, 9)
    assert found.columns.tolist() == ["facet", "passage", "gold", "predicted", "p"]
    assert found[["facet", "passage"]].to_dict("split")["data"] == [
        ["tone", "p2"],
        ["tone", "p1"],
        ["tone", "p5"],
        ["topic", "p1"],
    ]


@pytest.mark.parametrize(("number", "left"), [(0, 0), (1, 2), (2, 3)])
def test_at_most_so_many_mistakes_a_facet(number, left):
    assert len(mistakes(ANSWERS, number)) == left


# --- the interval of macro-F1


def test_an_interval_is_that_of_scikit_learns_macro_f1_over_drawn_groups():
    rng = np.random.default_rng(3)
    gold, said, groups = rng.choice(VALUES, 40), rng.choice(VALUES, 40), rng.choice(list("uvwxyz"), 40)
    names = list(pd.factorize(groups)[1])
    drawn = []
    for draw in np.random.default_rng(7).integers(len(names), size=(50, len(names))):
        taken = np.concatenate([np.flatnonzero(groups == names[i]) for i in draw])
        present = sorted(set(gold[taken]))
        drawn.append(f1_score(gold[taken], said[taken], labels=present, average="macro", zero_division=0))
    assert macro_interval(gold.tolist(), said.tolist(), groups.tolist(), 7, 50) == pytest.approx(
        np.quantile(drawn, [0.025, 0.975]).tolist()
    )
