"""Agreement coefficients: published values, and what must hold for any answers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from diptych.coding.alpha import alpha
from diptych.coding.coefficients import (
    bootstrap_interval,
    brennan_prediger,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    weights,
)

MISSING = np.nan


def coders(*rows: str) -> np.ndarray:
    """Answers written as one row a coder, a dot where there is none; returned as units by coders."""
    return np.array([[MISSING if c == "." else float(c) for c in row] for row in rows]).T


def table(counts: list[list[int]]) -> np.ndarray:
    """The answers of two coders from their table of counts."""
    pairs = [(i, j) for i, row in enumerate(counts) for j, n in enumerate(row) for _ in range(n)]
    return np.array(pairs, dtype=float)


RAW = coders("123321412...", "1233224125..", ".33323422513", "12332441251.")  # Gwet (2014)
THREE = table([[13, 0, 0], [0, 20, 7], [0, 4, 56]])  # kgwet/irrCAC


@pytest.mark.parametrize(
    ("measure", "answers", "published"),
    [
        (gwet_ac, RAW, 0.77544),
        (fleiss_kappa, RAW, 0.76117),
        (brennan_prediger, RAW, 0.77273),
        (cohen_kappa, RAW, 0.76282),
        (partial(gwet_ac, name="linear"), RAW, 0.858739),
        (partial(gwet_ac, name="quadratic"), RAW, 0.914001),
        (partial(gwet_ac, name="ordinal"), RAW, 0.89894),
        (cohen_kappa, THREE, 0.7964094),
        (fleiss_kappa, THREE, 0.7962397),
        (gwet_ac, THREE, 0.8493305),
        (brennan_prediger, THREE, 0.835),
        (partial(cohen_kappa, name="linear"), THREE, 0.842902),
        (partial(cohen_kappa, name="quadratic"), THREE, 0.892157),
        (partial(gwet_ac, name="linear"), THREE, 0.900023),
        (partial(gwet_ac, name="quadratic"), THREE, 0.940237),
        (cohen_kappa, table([[118, 5], [2, 0]]), -0.023392),
        (gwet_ac, table([[118, 5], [2, 0]]), 0.940776),
        (cohen_kappa, table([[20, 5], [10, 15]]), 0.4),
        (cohen_kappa, table([[45, 15], [25, 15]]), 0.1304),
        (cohen_kappa, table([[25, 35], [5, 35]]), 0.2593),
    ],
)
def test_published_values_are_met(measure, answers, published):
    assert measure(answers) == pytest.approx(published, abs=6e-5)


def test_fleiss_example_of_ten_subjects_and_fourteen_raters():
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    answers = np.array([[value for value, n in enumerate(row) for _ in range(n)] for row in counts], dtype=float)
    assert fleiss_kappa(answers) == pytest.approx(0.20993, abs=1e-5)


@pytest.mark.parametrize("measure", [alpha, cohen_kappa, fleiss_kappa, gwet_ac, brennan_prediger])
def test_where_all_answers_are_one_value_the_convention_is_one(measure):
    assert measure(np.ones((5, 2))) == 1.0


@pytest.mark.parametrize("measure", [alpha, cohen_kappa, fleiss_kappa, gwet_ac, brennan_prediger])
def test_without_a_unit_that_two_coders_answered_there_is_none(measure):
    assert measure(coders("12.", "..1")) is None


answers_of_three = arrays.arrays(
    float, st.tuples(st.integers(2, 12), st.just(3)), elements=st.sampled_from([0.0, 1.0, 2.0])
)


@given(answers_of_three)
@settings(max_examples=80, deadline=None)
def test_relabelling_coders_or_values_changes_nothing(answers):
    renamed = np.array([2.0, 0.0, 1.0])[answers.astype(int)]
    for measure in (cohen_kappa, fleiss_kappa, gwet_ac, brennan_prediger):
        assert measure(answers[:, ::-1]) == pytest.approx(measure(answers), abs=1e-9)
        assert measure(renamed) == pytest.approx(measure(answers), abs=1e-9)


@given(answers_of_three)
@settings(max_examples=80, deadline=None)
def test_no_coefficient_exceeds_one(answers):
    assert all(measure(answers) <= 1 + 1e-12 for measure in (cohen_kappa, fleiss_kappa, gwet_ac, brennan_prediger))


def test_a_near_miss_counts_more_under_quadratic_than_under_linear_weights():
    scores = np.array([1.0, 2.0, 3.0])
    assert weights(scores, "quadratic")[0, 1] > weights(scores, "linear")[0, 1] > weights(scores)[0, 1]


def test_the_interval_shrinks_when_all_units_are_doubled():
    one, two = (bootstrap_interval(answers, alpha, seed=1) for answers in (THREE, np.vstack([THREE, THREE])))
    assert two[1] - two[0] < one[1] - one[0]


def test_the_interval_holds_the_value_and_is_the_same_for_a_seed():
    low, high = bootstrap_interval(THREE, alpha, seed=3)
    assert low < alpha(THREE) < high
    assert (low, high) == bootstrap_interval(THREE, alpha, seed=3)


def test_one_unit_has_no_interval():
    assert bootstrap_interval(coders("1", "1"), alpha) is None


def test_the_command_prints_every_coefficient_with_its_interval(harbour, command):
    rows = command("reliability", "--study", harbour.root, "--by", "coefficient", "--json").json
    names = {row["coefficient"] for row in rows if row["facet"] == "tone"}
    assert {"Krippendorff's alpha, ordinal metric", "Gwet's AC2, quadratic", "Cohen's kappa"} <= names
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
