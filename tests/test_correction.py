"""Shares from a probability sample, with or without a classifier: what must hold for any sample, and how well."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.analysis.correction import Shares, Within, corrected_counts, estimate, tuning
from diptych.analysis.design import Batch, Correction, stand_for
from diptych.analysis.evidence import batch_of
from diptych.analysis.intervals import wilson
from diptych.analysis.simulate import Design, draw, make_archive, signal_for, simulate_shares
from diptych.coding.sampling import Sample
from diptych.errors import CodingError

ALL = slice(None)


@dataclass(frozen=True)
class Case:
    """Passages with what was predicted and what is true, and the batches that were drawn of them."""

    predicted: np.ndarray
    answers: np.ndarray
    groups: np.ndarray
    weights: np.ndarray
    batches: tuple[Batch, ...]

    @property
    def coded(self) -> np.ndarray:
        return np.any([batch.drawn for batch in self.batches], axis=0)

    @property
    def stand(self) -> Correction:
        return stand_for(self.batches, self.groups, self.coded, self.weights)

    def shares(self, **options) -> dict[str, Shares]:
        return estimate(self.predicted, self.answers, self.stand, self.groups, self.weights, **options)

    def reordered(self, order: np.ndarray) -> Case:
        batches = tuple(
            Batch(b.pool[order], b.drawn[order], b.chance[order], None if b.strata is None else b.strata[order])
            for b in self.batches
        )
        parts = (self.predicted, self.answers, self.groups, self.weights)
        return Case(*(part[order] for part in parts), batches)


def one_hot(values, cells: int | None = None) -> np.ndarray:
    """A row a passage with a 1 at its value."""
    values = np.asarray(values)
    return np.eye(cells or values.max() + 1)[values]


def named(*sizes: int) -> np.ndarray:
    """Groups a, b, … of these sizes."""
    return np.array([name for name, size in zip("abcdef", sizes, strict=False) for _ in range(size)], dtype=object)


def batch(drawn, chance=0.5, *, pool=None, strata=None) -> Batch:
    """A batch; drawn from everything, unless said otherwise."""
    drawn = np.asarray(drawn, dtype=bool)
    pool = np.ones(len(drawn), dtype=bool) if pool is None else np.asarray(pool, dtype=bool)
    return Batch(pool, drawn, np.broadcast_to(chance, drawn.shape).astype(float), strata)


def case(answers, drawn, chance=0.5, *, predicted=None, groups=None, weights=None, **options) -> Case:
    """A case of one batch."""
    answers = np.asarray(answers, dtype=float)
    return Case(
        np.zeros_like(answers) if predicted is None else np.asarray(predicted, dtype=float),
        answers,
        named(len(answers)) if groups is None else groups,
        np.ones(len(answers)) if weights is None else np.asarray(weights, dtype=float),
        (batch(drawn, chance, **options),),
    )


@st.composite
def cases(draw, *, strata: bool | None = None, words: bool | None = None, equal: bool = False) -> Case:
    """One to three groups of 4 to 12 passages, two to four cells; of every group two are coded and one is not."""
    sizes = draw(st.lists(st.integers(4, 12), min_size=1, max_size=3))
    cells = draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, groups = sum(sizes), named(*sizes)
    drawn = rng.random(n) < 0.5
    for name in sorted(set(groups)):
        drawn[rng.choice(np.flatnonzero(groups == name), 3, replace=False)] = [True, True, False]
    spread = draw(st.booleans()) if strata is None else strata
    long = draw(st.booleans()) if words is None else words
    return case(
        one_hot(rng.integers(0, cells, n), cells),
        drawn,
        0.4 if equal else rng.uniform(0.05, 0.95, n),
        predicted=rng.dirichlet(np.ones(cells), n),
        groups=groups,
        weights=rng.integers(1, 60, n) if long else None,
        strata=rng.integers(0, 3, n) if spread else None,
    )


def same(first: dict[str, Shares], second: dict[str, Shares], *parts: str, at=ALL) -> None:
    """Two results agree in these parts (default: all), the cells of the second in the order `at`."""
    assert set(first) == set(second)
    for group, shares in first.items():
        for part in parts or ("share", "error", "low", "high"):
            assert getattr(second[group], part) == pytest.approx(getattr(shares, part)[at], abs=1e-9, nan_ok=True)


laws = settings(max_examples=60, deadline=None)


# ---- everything coded


@given(cases(), st.floats(0, 1))
@laws
def test_where_everything_is_coded_the_shares_are_the_counted_ones_with_no_error(made, trust):
    everything = replace(made, batches=(batch(np.ones(len(made.groups)), 1.0),))
    for options in ({}, {"trust": trust}):
        for group, found in everything.shares(**options).items():
            mine = made.groups == group
            counted = np.average(made.answers[mine], axis=0, weights=made.weights[mine])
            for part in (found.share, found.low, found.high):
                assert part == pytest.approx(counted, abs=1e-12)
            assert found.error.tolist() == [0.0] * len(counted)
            assert found.coded == mine.sum()


def test_what_is_coded_wholly_needs_no_drawn_batch():
    found = estimate(
        np.full((3, 2), 0.5),
        one_hot([0, 1, 1]),
        stand_for([], named(3), np.ones(3, bool), np.ones(3)),
        named(3),
        np.ones(3),
    )["a"]
    assert found.share == pytest.approx([1 / 3, 2 / 3])
    assert (found.low.tolist(), found.high.tolist()) == (found.share.tolist(), found.share.tolist())


def test_an_author_of_whom_every_passage_happened_to_be_drawn_is_known_exactly():
    drawn = [1, 1, 1, 1, 1, 0, 1, 0]
    made = case(one_hot([0, 1, 1, 1, 0, 1, 0, 1]), drawn, [0.9, 0.8, 0.7, 0.9, 0.6, 0.6, 0.6, 0.6], groups=named(4, 4))
    found = made.shares()["a"]
    assert found.share == pytest.approx([0.25, 0.75])
    assert found.high - found.low == pytest.approx([0, 0])


def test_an_author_whom_two_batches_code_wholly_is_known_exactly():
    first = batch([1, 1, 0, 0, 1, 0, 1, 0])
    second = batch([0, 0, 1, 1, 0, 1, 0, 0], [0, 0, 1, 1, 0, 0.5, 0, 0.5], pool=[0, 0, 1, 1, 0, 1, 0, 1])
    made = replace(case(one_hot([0, 1, 1, 1, 0, 1, 0, 1]), np.ones(8), groups=named(4, 4)), batches=(first, second))
    found = made.shares()["a"]
    assert found.share == pytest.approx([0.25, 0.75])
    assert found.high - found.low == pytest.approx([0, 0])


# ---- what a classifier is worth


@given(cases())
@laws
def test_predictions_that_are_always_right_give_the_true_shares_with_no_error(made):
    right = replace(made, predicted=made.answers)
    trust = tuning(right.predicted, right.answers, right.stand, right.groups)
    assert trust in (0.0, pytest.approx(1.0))  # 0 where the coded passages do not vary
    for group, found in right.shares(trust=1.0).items():
        mine = made.groups == group
        assert found.share == pytest.approx(np.average(made.answers[mine], axis=0, weights=made.weights[mine]))
        assert found.error == pytest.approx(np.zeros(made.answers.shape[1]), abs=1e-12)
        assert (found.high > found.low).all()  # errors may lie among passages that are not coded


def test_a_right_classifier_earns_full_trust():
    made = case(one_hot([0, 1, 0, 1, 1, 1]), [1, 1, 1, 1, 0, 0], predicted=one_hot([0, 1, 0, 1, 1, 1]))
    assert tuning(made.predicted, made.answers, made.stand, made.groups) == pytest.approx(1)
    assert made.shares()["a"].share == pytest.approx([1 / 3, 2 / 3])


def test_a_classifier_that_is_always_wrong_earns_none():
    made = case(one_hot([0, 1, 0, 1, 1, 1]), [1, 1, 1, 1, 0, 0], predicted=one_hot([1, 0, 1, 0, 0, 0]))
    assert tuning(made.predicted, made.answers, made.stand, made.groups) == 0


@given(cases(words=False), st.integers(0, 2**32))
@laws
def test_trust_lies_from_none_to_full(made, seed):
    sharper = np.random.default_rng(seed).random() * 3 * made.predicted
    assert 0 <= tuning(sharper, made.answers, made.stand, made.groups) <= 1


@given(cases())
@laws
def test_predictions_that_are_the_same_for_all_passages_change_nothing(made):
    constant = replace(made, predicted=np.tile(made.predicted[0], (len(made.groups), 1)))
    same(constant.shares(), made.shares(trust=0))


@given(cases())
@laws
def test_without_trust_predictions_are_not_read(made):
    none = replace(made, predicted=np.zeros_like(made.predicted))
    for other in (none, replace(made, predicted=made.predicted[::-1])):
        same(made.shares(trust=0), other.shares(trust=0))
    same(made.shares(trust=0), none.shares())


def test_predictions_at_random_give_about_what_the_coded_passages_alone_give():
    rng = np.random.default_rng(3)
    moved, errors = [], []
    for _ in range(60):
        made = case(
            one_hot(rng.integers(0, 3, 600)), rng.random(600) < 0.25, 0.25, predicted=rng.dirichlet([1] * 3, 600)
        )
        ours, alone = made.shares()["a"], made.shares(trust=0)["a"]
        moved.append(np.abs(ours.share - alone.share).max())
        errors.append((ours.error / alone.error).mean())
    assert np.mean(moved) < 0.005  # a fifth of the standard error
    assert 0.95 < np.mean(errors) <= 1.001


def test_the_better_the_classifier_the_smaller_the_error_and_the_narrower_the_interval():
    rng = np.random.default_rng(7)
    answers, noise = one_hot(rng.integers(0, 3, 900), 3), rng.dirichlet(np.ones(3), 900)
    drawn = rng.random(900) < 0.25
    errors, widths = [], []
    for good in (0.0, 0.3, 0.6, 0.9):
        found = case(answers, drawn, 0.25, predicted=good * answers + (1 - good) * noise).shares()["a"]
        errors.append(found.error.mean())
        widths.append((found.high - found.low).mean())
    assert (np.diff(errors) < 0).all()
    assert (np.diff(widths) < 0).all()
    assert widths[-1] < 0.5 * widths[0]


# ---- simple random sampling


@given(st.integers(2, 20), st.integers(1, 30), st.integers(0, 2**32))
@laws
def test_equal_chances_are_simple_random_sampling(coded, rest, seed):
    rng = np.random.default_rng(seed)
    size = coded + rest
    answers = one_hot(rng.integers(0, 3, size), 3)
    made = case(answers, np.arange(size) < coded, coded / size)
    found = made.shares()["a"]
    sample = answers[:coded]
    textbook = np.sqrt((1 - coded / size) * sample.var(axis=0, ddof=1) / coded)
    assert found.share == pytest.approx(sample.mean(axis=0))
    assert found.error == pytest.approx(textbook, abs=1e-12)
    assert found.hits.tolist() == sample.sum(axis=0).tolist()


def test_the_interval_of_a_simple_random_sample_is_about_wilsons_for_its_size():
    answers = one_hot([0] * 60 + [1] * 140 + [0] * 9800)
    found = case(answers, np.arange(10_000) < 200, 0.02).shares()["a"]
    low, high = wilson(0.3, 200)
    assert (found.low[0], found.high[0]) == pytest.approx((float(low), float(high)), abs=0.002)


def test_half_of_all_passages_say_more_than_the_same_number_of_very_many():
    few = case(one_hot([0, 1] * 50), np.arange(100) < 50, 0.5).shares()["a"]
    many = case(one_hot([0, 1] * 5000), np.arange(10_000) < 50, 0.005).shares()["a"]
    assert few.error[0] == pytest.approx(many.error[0] * np.sqrt(0.5 / 0.995))
    assert few.high[0] - few.low[0] < many.high[0] - many.low[0]


@given(cases(strata=False), st.floats(0.1, 1))
@laws
def test_only_the_proportions_of_the_chances_make_the_shares(made, factor):
    (only,) = made.batches
    smaller = replace(made, batches=(replace(only, chance=only.chance * factor),))
    same(made.shares(trust=0), smaller.shares(trust=0), "share")
    same(made.shares(trust=0.7), smaller.shares(trust=0.7), "share")


def test_a_passage_with_half_the_chance_stands_for_twice_as_many():
    stand = case(one_hot([0, 1, 0, 1, 1, 0]), [1, 1, 0, 0, 0, 0], [0.5, 0.25, 0.5, 0.5, 0.5, 0.5]).stand
    assert stand.stands_for == pytest.approx([2, 4, 0, 0, 0, 0])


# ---- laws of any sample


@given(cases())
@laws
def test_the_coded_passages_stand_for_all_of_their_group(made):
    reach = made.stand.stands_for * made.weights
    for group in set(made.groups):
        mine = made.groups == group
        assert reach[mine].sum() == pytest.approx(made.weights[mine].sum())


@given(cases())
@laws
def test_shares_sum_to_one_in_every_group(made):
    for found in made.shares().values():
        assert found.share.sum() == pytest.approx(1)


@given(cases(), st.floats(0, 1))
@laws
def test_the_sums_of_corrected_counts_are_the_shares(made, trust):
    counts = corrected_counts(made.predicted, made.answers, made.stand, trust) * made.weights[:, None]
    for group, found in made.shares(trust=trust).items():
        mine = made.groups == group
        assert counts[mine].sum(axis=0) / made.weights[mine].sum() == pytest.approx(found.share)


@given(cases())
@laws
def test_intervals_lie_within_nothing_and_all_and_hold_the_share(made):
    for found in made.shares().values():
        shown = np.clip(found.share, 0, 1)
        assert (found.low >= 0).all()
        assert (found.high <= 1).all()
        assert (found.low <= shown + 1e-12).all()
        assert (shown <= found.high + 1e-12).all()


@given(cases(), st.data())
@laws
def test_other_names_for_the_values_only_rename_the_result(made, data):
    order = np.array(data.draw(st.permutations(range(made.answers.shape[1]))))
    renamed = replace(made, predicted=made.predicted[:, order], answers=made.answers[:, order])
    same(made.shares(), renamed.shares(), at=order)


@given(cases(), st.integers(0, 2**32))
@laws
def test_the_order_of_the_passages_means_nothing(made, seed):
    order = np.random.default_rng(seed).permutation(len(made.groups))
    same(made.shares(), made.reordered(order).shares())


@given(cases(), st.floats(0, 1))
@laws
def test_other_authors_change_nothing_but_the_trust(made, trust):
    alone = made.reordered(np.flatnonzero(made.groups == "a"))
    whole = made.shares(trust=trust)
    same({"a": whole["a"]}, alone.shares(trust=trust))


@given(cases())
@laws
def test_merged_values_have_the_sum_of_their_shares(made):
    merged = replace(
        made,
        predicted=np.column_stack([made.predicted[:, :2].sum(axis=1), made.predicted[:, 2:]]),
        answers=np.column_stack([made.answers[:, :2].sum(axis=1), made.answers[:, 2:]]),
    )
    apart, together = made.shares(trust=0.6), merged.shares(trust=0.6)
    for group, found in together.items():
        assert found.share[0] == pytest.approx(apart[group].share[:2].sum())


def test_the_mean_over_all_samples_is_the_truth():
    answers = one_hot([0, 1, 2, 1, 0, 1])
    predicted = np.random.default_rng(0).dirichlet(np.ones(3), 6)
    found = []
    for first in range(6):
        for second in range(first + 1, 6):
            made = case(answers, np.isin(np.arange(6), [first, second]), 1 / 3, predicted=predicted)
            found.append(made.shares(trust=0.8)["a"].share)
    assert len(found) == 15
    assert np.mean(found, axis=0) == pytest.approx(answers.mean(axis=0))


# ---- rare values


def coded_by_design(design: Design, seed: int, repeats: int):
    """Made-up archives with their corrected shares: true values of the group, and its shares."""
    rng, signal = np.random.default_rng(seed), signal_for(design.accuracy, 4)
    for _ in range(repeats):
        archive = make_archive(design, rng, signal)
        ones, drawn = np.ones(len(archive.truth)), draw(archive, design, rng)
        made = Case(archive.predicted, one_hot(archive.truth, 4), archive.groups, ones, (drawn,))
        for group, found in made.shares().items():
            yield archive.truth[archive.groups == group], found


def test_a_value_no_coded_passage_has_may_be_absent_whatever_is_predicted():
    seen = 0
    for _, found in coded_by_design(Design(documents=4, coded=100), seed=5, repeats=40):
        empty = found.hits == 0
        seen += empty.sum()
        assert (found.low[empty] == 0).all()
        assert (found.high[empty] > 0).all()
    assert seen > 10


def test_a_value_all_coded_passages_have_may_be_the_only_one_whatever_is_predicted():
    seen = 0
    for _, found in coded_by_design(Design(documents=4, coded=20, shares=(0.01, 0.02, 0.03)), seed=5, repeats=40):
        only = found.hits == found.coded
        seen += only.sum()
        assert (found.high[only] == 1).all()
    assert seen > 10


def test_intervals_hold_a_true_share_of_nothing_as_often_as_others():
    found = coded_by_design(Design(documents=4, coded=100), seed=6, repeats=200)
    held = [shares.low[0] == 0 for truth, shares in found if not (truth == 0).any()]
    assert len(held) > 100
    assert np.mean(held) >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / len(held))


def test_one_hit_is_not_certainty_though_all_coded_passages_agree():
    found = case(one_hot([0] * 5 + [1] * 5, 2), np.arange(10) < 5, 0.5).shares()["a"]
    assert found.share.tolist() == [1, 0]
    assert found.error.tolist() == [0, 0]
    assert found.low[0] < 0.8
    assert (found.low[1], found.high[0]) == (0, 1)
    assert found.high[1] == pytest.approx(1 - found.low[0])


# ---- chances


@pytest.mark.parametrize(
    ("chance", "said"), [(0.0, "0"), (-0.25, "-0.25"), (1.5, "1.5"), (np.nan, "nan"), (np.inf, "inf")]
)
def test_a_chance_outside_0_and_1_is_refused_with_its_number(chance, said):
    with pytest.raises(CodingError, match=rf"inclusion probability {said} lies outside \(0, 1\]"):
        batch([1, 1, 0], [0.5, chance, 0.5])


def test_the_chance_of_a_passage_that_was_not_drawn_is_not_read():
    assert batch([1, 0, 0], [1.0, 0.0, np.nan]).drawn.sum() == 1


# ---- several batches, unfinished ones


def two_batches() -> Case:
    """Four of twelve passages drawn, then three of the other eight."""
    first = batch(np.arange(12) < 4, 1 / 3)
    second = batch((np.arange(12) >= 4) & (np.arange(12) < 7), 3 / 8, pool=np.arange(12) >= 4)
    made = case(one_hot([0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1]), np.ones(12))
    return replace(made, batches=(first, second))


def test_two_batches_are_averaged_by_size_and_the_first_is_known_to_the_second():
    stand = two_batches().stand
    first, second = 4 / 7, 3 / 7
    assert stand.stands_for == pytest.approx([first * 3 + second] * 4 + [second * 8 / 3] * 3 + [0] * 5)
    assert stand.coded == {"a": 7}
    # the first alone: 2 of 4; the second: 2 known and 2 of 3 among the other 8
    assert two_batches().shares()["a"].share[0] == pytest.approx(first * 0.5 + second * (2 + 8 * 2 / 3) / 12)


def test_two_batches_say_more_than_either():
    made = two_batches()
    both = made.shares()["a"]
    for one in made.batches:
        coded = np.zeros(12, bool) if one.pool.all() else made.batches[0].drawn
        alone = stand_for([one], made.groups, coded | one.drawn, made.weights)
        found = estimate(made.predicted, made.answers, alone, made.groups, made.weights)["a"]
        assert both.error[0] < found.error[0]


@given(cases(strata=True), st.integers(0, 2**32))
@laws
def test_with_a_second_batch_the_coded_still_stand_for_all_and_shares_still_sum_to_one(made, seed):
    rng = np.random.default_rng(seed)
    pool = ~made.coded
    more = pool & (rng.random(len(pool)) < 0.5)
    second = batch(more, rng.uniform(0.2, 0.9, len(pool)), pool=pool, strata=rng.integers(0, 2, len(pool)))
    both = replace(made, batches=(*made.batches, second))
    reach = both.stand.stands_for * both.weights
    for group, found in both.shares().items():
        mine = made.groups == group
        assert reach[mine].sum() == pytest.approx(made.weights[mine].sum())
        assert found.share.sum() == pytest.approx(1)


def test_what_was_coded_before_the_batch_counts_for_itself_alone():
    pool = np.arange(10) >= 3
    only = batch([0, 0, 0, 1, 1, 0, 0, 0, 0, 0], 2 / 7, pool=pool)
    coded = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0], bool)
    stand = stand_for([only], named(10), coded, np.ones(10))
    assert stand.stands_for == pytest.approx([1, 1, 1, 3.5, 3.5, 0, 0, 0, 0, 0])
    assert (stand.noise > 0).tolist() == only.drawn.tolist()


def test_what_was_coded_by_choice_from_the_pool_stands_for_nothing():
    only = batch([1, 1, 0, 0, 0, 0], 1 / 3)
    stand = stand_for([only], named(6), np.array([1, 1, 1, 0, 0, 0], bool), np.ones(6))
    assert stand.stands_for == pytest.approx([3, 3, 0, 0, 0, 0])


def drawn_sample(**other) -> Sample:
    """Four of eight passages drawn with these chances."""
    frame = {"x": tuple("abcd"), "y": tuple("efgh")}
    values = {"passages": tuple("abef"), "probabilities": (0.5, 0.5, 0.4, 0.6), "strata": tuple("xxyy"), "frame": frame}
    return Sample(name="s", design="d", seed=1, pool=8, **(values | other))


NAMES = np.array(list("abcdefghz"), dtype=object)


def test_a_sample_becomes_a_batch_in_the_order_of_the_passages():
    found = batch_of(drawn_sample(), NAMES, np.isin(NAMES, list("abefc")))
    assert NAMES[found.drawn].tolist() == list("abef")
    assert found.chance[found.drawn].tolist() == [0.5, 0.5, 0.4, 0.6]
    assert found.pool.tolist() == [True] * 8 + [False]
    assert found.strata.tolist() == [0] * 4 + [1] * 4 + [0]


def test_an_unfinished_batch_counts_as_drawn_with_smaller_chances():
    found = batch_of(drawn_sample(), NAMES, np.isin(NAMES, list("ae")))
    assert NAMES[found.drawn].tolist() == list("ae")
    assert found.chance[found.drawn].tolist() == [0.25, 0.2]


def test_a_batch_of_which_nothing_is_coded_yet_draws_nothing():
    assert not batch_of(drawn_sample(), NAMES, np.zeros(9, bool)).drawn.any()


def test_a_sample_that_does_not_say_what_it_was_drawn_from_is_of_everything():
    found = batch_of(drawn_sample(frame={}), NAMES, np.ones(9, bool))
    assert found.pool.all()
    assert found.strata is None


def test_an_unfinished_batch_gives_wider_intervals():
    answers = one_hot([0, 1] * 20)
    names = np.array([str(i) for i in range(40)], dtype=object)
    whole = Sample("s", "d", 1, 40, tuple(names[:20]), (0.5,) * 20, ("x",) * 20, frame={"x": tuple(names)})

    def width(known: np.ndarray) -> float:
        stand = stand_for([batch_of(whole, names, known)], named(40), known, np.ones(40))
        found = estimate(np.zeros((40, 2)), answers, stand, named(40), np.ones(40))["a"]
        assert found.share == pytest.approx([0.5, 0.5])
        return found.high[0] - found.low[0]

    assert width(np.arange(40) < 10) > 1.2 * width(np.arange(40) < 20)


# ---- where there is little to go by


def test_a_group_without_a_drawn_passage_has_no_share_and_disturbs_no_other():
    made = case(
        one_hot([0, 1, 0, 1, 0, 1, 0]), [1, 1, 0, 0, 0, 0, 0], groups=named(4, 3), predicted=np.full((7, 2), 0.5)
    )
    found = made.shares()
    for part in ("share", "error", "low", "high"):
        assert np.isnan(getattr(found["b"], part)).all()
    assert (found["b"].coded, found["b"].hits.tolist()) == (0, [0, 0])
    same({"a": found["a"]}, made.reordered(np.arange(4)).shares())


def test_where_nothing_is_drawn_nobody_has_a_share():
    found = case(one_hot([0, 1, 0]), [0, 0, 0], predicted=np.full((3, 2), 0.5)).shares()["a"]
    assert np.isnan(found.share).all()


def test_one_coded_passage_is_estimated_and_says_nearly_nothing():
    found = case(one_hot([0, 1, 0, 1]), [1, 0, 0, 0], 0.25).shares()["a"]
    assert found.share.tolist() == [1, 0]
    assert found.high[1] - found.low[1] > 0.6


def test_strata_with_one_coded_passage_are_put_together():
    strata = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    made = case(one_hot([0, 1, 1, 0, 1, 1, 0, 0, 1]), [1, 1, 0, 1, 0, 1, 0, 0, 0], 0.4, strata=strata)
    stand = made.stand
    assert stand.stands_for == pytest.approx([1.5, 1.5, 0, 3, 0, 3, 0, 0, 0])
    assert stand.strata[3] == stand.strata[5] != stand.strata[0] == stand.strata[1]


def test_a_stratum_nobody_was_drawn_from_is_stood_for_by_the_largest():
    strata = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
    drawn = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0]
    assert case(one_hot([0, 1] * 5), drawn, 0.5, strata=strata).stand.stands_for == pytest.approx(
        [2, 2, 2, 0, 2, 2, 0, 0, 0, 0]
    )


def test_errors_are_compared_within_strata_only():
    strata = np.array([0] * 6 + [1] * 6)
    apart = case(one_hot([0] * 6 + [1] * 6), [1, 1, 1, 0, 0, 0] * 2, 0.5, strata=strata)
    together = case(apart.answers, apart.coded, 0.5)
    assert apart.shares()["a"].error == pytest.approx([0, 0], abs=1e-12)
    assert together.shares()["a"].error[0] > 0.1
    same(apart.shares(), together.shares(), "share")


# ---- words


@given(cases(words=True), st.integers(2, 9))
@laws
def test_counting_every_word_several_times_changes_nothing(made, times):
    same(made.shares(), replace(made, weights=made.weights * times).shares())


def test_with_words_a_long_passage_weighs_more():
    made = case(one_hot([0, 1, 0, 1]), [1, 1, 0, 0], weights=[30, 10, 25, 15])
    assert made.shares()["a"].share == pytest.approx([0.75, 0.25])
    assert made.stand.stands_for == pytest.approx([2, 2, 0, 0])


@pytest.mark.parametrize("words", [[0, 0, 10, 10], [0, 0, 0, 0]], ids=["the coded ones", "all"])
def test_coded_passages_without_a_word_are_no_ground_for_shares_of_words(words):
    found = case(one_hot([0, 1, 0, 1]), [1, 1, 0, 0], weights=words).shares()["a"]
    assert np.isnan(found.share).all()


# ---- shares of a part


def test_within_a_part_the_share_is_the_ratio_of_two_shares():
    rng = np.random.default_rng(2)
    inside = rng.integers(0, 2, 60).astype(float)
    answers = one_hot(rng.integers(0, 3, 60), 3)
    guess, told = rng.random(60), rng.dirichlet(np.ones(3), 60)
    drawn = rng.random(60) < 0.5
    made = case(answers * inside[:, None], drawn, rng.uniform(0.3, 0.7, 60), predicted=told * guess[:, None])
    both = made.shares(trust=0.4)["a"].share
    part = replace(made, answers=inside[:, None], predicted=guess[:, None]).shares(trust=0.4)["a"].share
    found = made.shares(trust=0.4, within=Within(guess, inside))["a"]
    assert found.share == pytest.approx(both / part)
    assert found.share.sum() == pytest.approx(1)
    assert found.coded == int(inside[drawn].sum())


def test_within_everything_is_the_same_as_no_part():
    made = case(one_hot([0, 1, 1, 0, 1, 0]), [1, 1, 1, 0, 0, 0], predicted=np.tile([0.4, 0.6], (6, 1)))
    same(made.shares(trust=0.5), made.shares(trust=0.5, within=Within(np.ones(6), np.ones(6))))


def test_within_a_part_the_error_is_that_of_a_simple_random_sample_of_the_part():
    inside = np.tile([1.0, 0.0], 50)
    answers = one_hot(np.tile([0, 1, 1, 1], 25)) * inside[:, None]
    drawn = np.arange(100) < 40
    found = case(answers, drawn, 0.4).shares(within=Within(np.zeros(100), inside))["a"]
    assert found.share == pytest.approx([0.5, 0.5])
    assert found.error == pytest.approx(np.sqrt(0.6 * 0.25 / 20 * 40 / 39) * np.ones(2))


def test_within_a_part_that_is_coded_wholly_the_shares_are_counted():
    inside = np.array([1.0, 1, 1, 0, 0])
    made = case(one_hot([0, 1, 1, 0, 1]) * inside[:, None], np.ones(5), 1.0, predicted=np.full((5, 2), 0.25))
    found = made.shares(within=Within(np.full(5, 0.5), inside))["a"]
    assert found.share == pytest.approx([1 / 3, 2 / 3])
    assert found.high - found.low == pytest.approx([0, 0])


def test_a_part_of_which_no_passage_is_coded_is_never_known_exactly():
    inside = (np.arange(40) >= 30).astype(float)  # nobody of the part was drawn
    guess = np.where(inside > 0, 0.8, 0.1)
    made = case(
        one_hot([0, 1] * 20) * inside[:, None],
        np.arange(40) < 10,
        0.25,
        predicted=np.tile([0.7, 0.3], (40, 1)) * guess[:, None],
    )
    found = made.shares(trust=0.8, within=Within(guess, inside))["a"]
    assert found.coded == 0
    assert np.isnan(found.share).all() or (found.high - found.low > 0.5).all()


# ---- do the intervals hold (the full proof: benchmarks/statistics.py)

REPEATS = 200


@pytest.fixture(scope="module")
def simulated():
    """Corrected shares of a made-up archive of 40 documents, coded 200 times."""
    return simulate_shares(Design(coded=300), repeats=REPEATS, seed=11)


def test_intervals_of_corrected_shares_hold_the_truth_in_every_cell(simulated):
    least = 0.93 - 3 * np.sqrt(0.93 * 0.07 / REPEATS)
    assert len(simulated) == 8
    assert simulated["share"].min() < 0.012  # the rare value is among them
    assert (simulated["covers"] >= least).all(), simulated[["author", "value", "covers"]]


def test_intervals_are_not_wider_than_they_need_be_where_hits_are_plenty(simulated):
    plenty = simulated[simulated["hits"] >= 10]
    assert len(plenty) == 4
    assert plenty["covers"].mean() <= 0.97 + 3 * np.sqrt(0.97 * 0.03 / (4 * REPEATS))


def test_corrected_shares_are_nearer_the_truth_than_the_coded_passages_alone(simulated):
    assert (simulated["error"] ** 2).mean() < 0.95 * (simulated["labelled_error"] ** 2).mean()
    assert (simulated["error"] ** 2).mean() < (simulated["uncorrected_error"] ** 2).mean()
    assert simulated["width"].mean() < simulated["labelled_width"].mean()


def test_equal_chances_hold_too():
    found = simulate_shares(Design(coded=300, equal=True), repeats=REPEATS, seed=4)
    assert (found["covers"] >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / REPEATS)).all()


def test_the_standard_error_is_about_the_error_that_is_made():
    rng = np.random.default_rng(8)
    answers = one_hot(rng.choice(3, 400, p=[0.2, 0.3, 0.5]), 3)
    predicted = 0.6 * answers + 0.4 * rng.dirichlet(np.ones(3), 400)
    found = []
    for _ in range(300):
        drawn = np.isin(np.arange(400), rng.choice(400, 100, replace=False))
        shares = case(answers, drawn, 0.25, predicted=predicted).shares()["a"]
        found.append((shares.share - answers.mean(axis=0), shares.error))
    made, said = np.sqrt(np.mean(np.square([m for m, _ in found]), axis=0)), np.mean([s for _, s in found], axis=0)
    assert said == pytest.approx(made, rel=0.15)
