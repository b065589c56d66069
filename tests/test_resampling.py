"""Measures of divergence and their resampling: laws that hold for any table of counts."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from diptych.analysis import resampling
from diptych.analysis.measures import (
    cliffs_delta,
    contributions,
    generalised_jensen_shannon,
    jackknife,
    jensen_shannon,
    normalised,
    total_variation,
)
from diptych.analysis.resampling import dealt, difference_interval, drawn_anew, shuffled

laws = settings(max_examples=100, deadline=None)


@st.composite
def tables(draw, groups: int | None = None, *, least: int = 2) -> np.ndarray:
    """Counts of some groups over the same cells, no group empty."""
    cells = draw(st.integers(least, 6))
    number = draw(st.integers(2, 4)) if groups is None else groups
    row = st.lists(st.integers(0, 40), min_size=cells, max_size=cells).filter(any)
    return np.array(draw(st.lists(row, min_size=number, max_size=number)), dtype=float)


@st.composite
def authors(draw, *, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of two authors over the same cells, neither author empty."""
    cells = draw(st.integers(2, 5))
    row = st.lists(st.integers(0, 9), min_size=cells, max_size=cells)
    blocks = st.lists(row, min_size=least, max_size=6).filter(lambda rows: any(map(any, rows)))
    first, second = draw(blocks), draw(blocks)
    return np.array(first, dtype=float), np.array(second, dtype=float)


def merged(table: np.ndarray, first: int, second: int) -> np.ndarray:
    """The table with one cell added to another."""
    table = table.copy()
    table[..., first] += table[..., second]
    return np.delete(table, second, axis=-1)


def cells_to_merge(data, table: np.ndarray) -> tuple[int, int]:
    """Two cells of a table."""
    return tuple(data.draw(st.permutations(range(table.shape[-1])))[:2])


# ---- Jensen-Shannon


@given(tables(2), st.floats(0.05, 0.95))
@laws
def test_weights_go_with_their_tables(pair, weight):
    there = jensen_shannon(pair[0], pair[1], (weight, 1 - weight))
    back = jensen_shannon(pair[1], pair[0], (1 - weight, weight))
    assert float(there) == pytest.approx(float(back), abs=1e-12)
    assert 0 <= float(there) <= 1 + 1e-12


@given(tables(2))
@laws
def test_divergence_is_nothing_if_and_only_if_the_shares_are_equal(pair):
    first, second = pair
    equal = np.abs(normalised(first) - normalised(second)).max() < 1e-12
    assert (float(jensen_shannon(first, second)) < 1e-12) == equal
    assert float(jensen_shannon(first, first * 7)) == pytest.approx(0, abs=1e-12)


@given(tables(2))
@laws
def test_divergence_is_one_bit_if_and_only_if_no_cell_is_shared(pair):
    apart = not ((pair[0] > 0) & (pair[1] > 0)).any()
    assert (float(jensen_shannon(*pair)) > 1 - 1e-9) == apart


@given(tables(2), st.data())
@laws
def test_an_empty_cell_and_the_order_of_cells_mean_nothing(pair, data):
    order = np.array(data.draw(st.permutations(range(pair.shape[1]))))
    padded = np.insert(pair[:, order], 0, 0.0, axis=1)
    assert float(jensen_shannon(*padded)) == pytest.approx(float(jensen_shannon(*pair)), abs=1e-12)


@given(tables(3))
@laws
def test_the_distance_obeys_the_triangle(three):
    distance = {(i, j): np.sqrt(float(jensen_shannon(three[i], three[j]))) for i, j in combinations(range(3), 2)}
    assert distance[0, 2] <= distance[0, 1] + distance[1, 2] + 1e-9


def test_corrected_counts_below_nothing_are_taken_as_nothing():
    assert float(jensen_shannon([3, 1, -0.4], [1, 3, 0])) == pytest.approx(0.188722, abs=1e-6)
    assert normalised([3.0, 1.0, -2.0]).tolist() == [0.75, 0.25, 0]


def test_a_table_without_a_count_is_at_no_distance():
    assert float(jensen_shannon([0, 0], [1, 3])) == 0
    assert normalised([0.0, 0.0]).tolist() == [0, 0]


# ---- more than two groups


@given(tables(2))
@laws
def test_of_two_groups_the_generalised_divergence_is_the_usual_one(pair):
    assert float(generalised_jensen_shannon(pair)) == pytest.approx(float(jensen_shannon(*pair)), abs=1e-12)


@given(tables())
@laws
def test_the_generalised_divergence_lies_between_nothing_and_the_logarithm_of_the_groups(groups):
    found = float(generalised_jensen_shannon(groups))
    shares = normalised(groups)
    equal = np.ptp(shares, axis=0).max() < 1e-12
    apart = ((groups > 0).sum(axis=0) <= 1).all()
    assert 0 <= found <= np.log2(len(groups)) + 1e-12
    assert (found < 1e-12) == equal
    assert (found > np.log2(len(groups)) - 1e-9) == apart


def test_groups_without_a_common_cell_reach_the_logarithm_of_their_number():
    assert float(generalised_jensen_shannon(np.eye(3))) == pytest.approx(np.log2(3))
    assert float(generalised_jensen_shannon(np.eye(4) * 9)) == pytest.approx(2)


@given(tables(), st.data())
@laws
def test_the_order_of_the_groups_means_nothing(groups, data):
    order = np.array(data.draw(st.permutations(range(len(groups)))))
    assert float(generalised_jensen_shannon(groups[order])) == pytest.approx(
        float(generalised_jensen_shannon(groups)), abs=1e-12
    )


@given(tables(least=3), st.data())
@laws
def test_merging_cells_never_raises_the_generalised_divergence(groups, data):
    coarse = merged(groups, *cells_to_merge(data, groups))
    assert float(generalised_jensen_shannon(coarse)) <= float(generalised_jensen_shannon(groups)) + 1e-12


@given(tables(least=3), st.data())
@laws
def test_cells_in_the_same_proportion_can_be_merged_without_loss(groups, data):
    first, second = cells_to_merge(data, groups)
    groups[:, second] = 2 * groups[:, first]
    assume((groups.sum(axis=1) > 0).all())
    coarse = merged(groups, first, second)
    fine = float(generalised_jensen_shannon(groups))
    assert float(generalised_jensen_shannon(coarse)) == pytest.approx(fine, abs=1e-9)


@given(tables(3))
@laws
def test_a_group_without_weight_does_not_count(three):
    found = float(generalised_jensen_shannon(three, [1, 1, 0]))
    assert found == pytest.approx(float(jensen_shannon(three[0], three[1])), abs=1e-12)


def test_many_tables_at_once_are_the_tables_one_by_one():
    stacked = np.random.default_rng(0).integers(0, 9, (3, 5, 4)).astype(float) + 1
    one_by_one = [float(generalised_jensen_shannon(stacked[:, i])) for i in range(5)]
    assert generalised_jensen_shannon(stacked).tolist() == pytest.approx(one_by_one)


# ---- parts of the divergence


@given(tables(2))
@laws
def test_the_parts_of_the_cells_add_up_to_the_divergence(pair):
    parts = contributions(*pair)
    assert np.abs(parts).sum() == pytest.approx(float(jensen_shannon(*pair)), abs=1e-12)


@given(tables(2))
@laws
def test_a_part_has_the_sign_of_the_difference(pair):
    parts, difference = contributions(*pair), normalised(pair[0]) - normalised(pair[1])
    clear = np.abs(difference) > 1e-6
    assert (np.sign(parts[clear]) == np.sign(difference[clear])).all()
    assert contributions(*pair[::-1]) == pytest.approx(-parts, abs=1e-15)


def test_the_parts_of_a_case_worked_by_hand():
    # (3, 1) against (1, 3): each cell (.75 log2 1.5 + .25 log2 .5) / 2
    part = (0.75 * np.log2(1.5) + 0.25 * np.log2(0.5)) / 2
    assert contributions([3, 1, 0], [1, 3, 0]) == pytest.approx([part, -part, 0])


# ---- total variation


@given(tables(2), st.data())
@laws
def test_total_variation_is_a_distance_between_nothing_and_all(pair, data):
    found = total_variation(*pair)
    assert 0 <= found <= 1 + 1e-12
    assert found == total_variation(pair[1], pair[0])
    assert total_variation(pair[0], pair[0] * 3) == pytest.approx(0, abs=1e-12)
    coarse = merged(pair, *cells_to_merge(data, pair))
    assert total_variation(*coarse) <= found + 1e-12


@given(tables(2))
@laws
def test_total_variation_is_the_sum_of_what_one_has_more(pair):
    more = np.maximum(normalised(pair[0]) - normalised(pair[1]), 0).sum()
    assert total_variation(*pair) == pytest.approx(more, abs=1e-12)


@given(tables(2))
@laws
def test_divergence_lies_between_the_bounds_that_total_variation_sets(pair):
    found, bits = total_variation(*pair), float(jensen_shannon(*pair))
    assert bits <= found + 1e-9
    assert bits >= 1 - binary_entropy((1 + found) / 2) - 1e-9


def binary_entropy(share: float) -> float:
    """Entropy in bits of a share and the rest."""
    parts = np.array([share, 1 - share])
    return float(-(parts[parts > 0] * np.log2(parts[parts > 0])).sum())


# ---- Cliff's delta

SCORES = st.lists(st.integers(0, 12), min_size=3, max_size=3)


@given(st.integers(1, 5).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 12), min_size=n, max_size=n)] * 2)))
@laws
def test_cliffs_delta_is_that_of_a_double_loop(pair):
    scores = [[score for score, n in enumerate(counts) for _ in range(n)] for counts in pair]
    if not all(scores):
        assert cliffs_delta(*pair) is None
        return
    signs = [np.sign(a - b) for a in scores[0] for b in scores[1]]
    assert cliffs_delta(*pair) == pytest.approx(np.mean(signs), abs=1e-12)


@given(SCORES.filter(any), SCORES.filter(any))
@laws
def test_cliffs_delta_turns_with_its_sides_and_with_the_scale(first, second):
    found = cliffs_delta(first, second)
    assert -1 <= found <= 1
    assert cliffs_delta(second, first) == pytest.approx(-found, abs=1e-12)
    assert cliffs_delta(first[::-1], second[::-1]) == pytest.approx(-found, abs=1e-12)
    assert cliffs_delta(first, first) == pytest.approx(0, abs=1e-12)
    assert cliffs_delta([5 * n for n in first], second) == pytest.approx(found, abs=1e-12)


def test_cliffs_delta_reaches_its_ends_only_where_all_scores_are_apart():
    assert cliffs_delta([0, 2, 3], [4, 0, 0]) == 1
    assert cliffs_delta([4, 0, 0], [0, 2, 3]) == -1
    assert cliffs_delta([1, 2, 3], [4, 0, 0]) < 1


@pytest.mark.parametrize(("first", "second"), [([0, 0], [1, 2]), ([1, 2], [0, 0]), ([], [])])
def test_without_a_score_there_is_no_delta(first, second):
    assert cliffs_delta(first, second) is None


# ---- the jackknife


@given(authors(), st.data())
@laws
def test_the_order_of_the_blocks_of_an_author_means_nothing(pair, data):
    first, second = pair
    mixed = [part[np.array(data.draw(st.permutations(range(len(part)))))] for part in pair]
    assert jackknife(*mixed) == pytest.approx(jackknife(first, second), abs=1e-9)


@given(authors())
@laws
def test_the_jackknife_does_not_prefer_an_author(pair):
    assert jackknife(*pair) == pytest.approx(jackknife(*pair[::-1]), abs=1e-9)


@given(authors(least=2))
@laws
def test_the_jackknife_is_what_leaving_out_block_after_block_gives(pair):
    first, second = pair
    whole = float(jensen_shannon(first.sum(axis=0), second.sum(axis=0)))
    expected = whole
    for mine, other, turned in ((first, second, False), (second, first, True)):
        if len(mine) > 1:
            left = []
            for i in range(len(mine)):
                rest, all_of = np.delete(mine, i, axis=0).sum(axis=0), other.sum(axis=0)
                left.append(float(jensen_shannon(all_of, rest) if turned else jensen_shannon(rest, all_of)))
            expected -= (len(mine) - 1) * (np.mean(left) - whole)
    assert jackknife(first, second) == pytest.approx(expected, abs=1e-9)


def test_blocks_that_are_all_alike_need_no_correction():
    first, second = np.tile([3.0, 1.0], (5, 1)), np.tile([1.0, 3.0], (4, 1))
    assert jackknife(first, second) == pytest.approx(0.188722, abs=1e-6)


def test_cutting_the_text_into_more_blocks_of_the_same_kind_changes_little():
    rng = np.random.default_rng(0)
    first, second = (rng.multinomial(40, shares, 12).astype(float) for shares in ((0.5, 0.3, 0.2), (0.4, 0.3, 0.3)))
    whole = jackknife(first, second)
    halved = [rng.multivariate_hypergeometric(row.astype(int), 20) for row in (*first, *second)]
    cut = [np.vstack([half, row - half]) for half, row in zip(halved, (*first, *second), strict=True)]
    assert jackknife(np.vstack(cut[:12]), np.vstack(cut[12:])) == pytest.approx(whole, abs=0.005)


# ---- dealing blocks


@given(authors(), st.integers(0, 2**32))
@laws
def test_a_deal_gives_the_first_author_that_many_of_the_blocks(pair, seed):
    first, second = pair
    everything = np.vstack([first, second])
    ways = {tuple(everything[list(chosen)].sum(axis=0)) for chosen in combinations(range(len(everything)), len(first))}
    found = dealt(first, second, seed, draws=30)
    assert found.shape == (30, first.shape[1])
    assert {tuple(row) for row in found} <= ways


def test_every_deal_is_as_likely_as_any_other():
    blocks = np.eye(5)
    found = dealt(blocks[:2], blocks[2:], seed=1, draws=10_000)
    ways, times = np.unique(found, axis=0, return_counts=True)
    assert len(ways) == 10
    assert (np.abs(times - 1000) < 4 * np.sqrt(10_000 * 0.1 * 0.9)).all()


def test_all_deals_together_are_the_first_authors_part_of_the_whole():
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 20, (6, 3)).astype(float), rng.integers(0, 20, (9, 3)).astype(float)
    found = dealt(first, second, seed=3, draws=20_000).mean(axis=0)
    assert found == pytest.approx((first.sum(axis=0) + second.sum(axis=0)) * 6 / 15, rel=0.02)


@given(authors(), st.integers(0, 2**32))
@laws
def test_shuffled_divergences_are_those_of_the_dealt_tables(pair, seed):
    first, second = pair
    mine = dealt(first, second, seed, draws=20)
    rest = first.sum(axis=0) + second.sum(axis=0) - mine
    expected = [float(jensen_shannon(a, b)) for a, b in zip(mine, rest, strict=True)]
    assert shuffled(first, second, seed, draws=20).tolist() == pytest.approx(expected, abs=1e-12)


def test_whose_block_is_whose_does_not_matter_under_shuffling():
    rng = np.random.default_rng(4)
    blocks = rng.integers(0, 6, (6, 3)).astype(float)
    mixed = blocks[[3, 0, 5, 1, 4, 2]]
    found, other = (
        np.unique(shuffled(rows[:3], rows[3:], seed=1, draws=500).round(9)).tolist() for rows in (blocks, mixed)
    )
    assert found == other
    assert len(found) == 10  # 20 deals, mirrored ones alike


def test_twice_as_many_blocks_of_the_same_kind_halve_the_noise():
    rng = np.random.default_rng(5)
    first, second = (rng.multinomial(30, (0.4, 0.3, 0.3), 10).astype(float) for _ in range(2))
    plain = shuffled(first, second, seed=1).mean()
    doubled = shuffled(np.vstack([first, first]), np.vstack([second, second]), seed=1).mean()
    assert doubled == pytest.approx(plain / 2, rel=0.1)


def test_the_noise_of_single_passages_is_what_the_formula_says():
    # (K - 1) / (8 ln 2) (1/n1 + 1/n2) bits, for passages that are dealt singly
    rng = np.random.default_rng(6)
    found = [
        shuffled(*(np.eye(6)[rng.integers(0, 6, n)] for n in (100, 60)), seed=i, draws=100).mean() for i in range(20)
    ]
    assert np.mean(found) == pytest.approx(0.0252, abs=0.0015)


# ---- drawing blocks anew


@given(authors(), st.integers(0, 2**32))
@laws
def test_an_author_drawn_anew_is_as_many_of_the_own_blocks(pair, seed):
    blocks = np.column_stack([pair[0], np.ones(len(pair[0]))])
    found = drawn_anew(blocks, seed, draws=25)
    assert found.shape == (25, blocks.shape[1])
    assert (found[:, -1] == len(blocks)).all()
    assert (found <= len(blocks) * blocks.max(axis=0)).all()
    assert (found >= len(blocks) * blocks.min(axis=0)).all()


def test_draws_have_the_mean_and_the_spread_of_the_bootstrap():
    blocks = np.random.default_rng(7).integers(0, 30, (8, 3)).astype(float)
    found = drawn_anew(blocks, seed=1, draws=20_000)
    assert found.mean(axis=0) == pytest.approx(blocks.sum(axis=0), rel=0.02)
    assert found.var(axis=0) == pytest.approx(len(blocks) * blocks.var(axis=0), rel=0.05)


def test_one_block_can_only_be_drawn_as_it_is():
    assert drawn_anew(np.array([[3.0, 1.0]]), seed=0, draws=4).tolist() == [[3, 1]] * 4


# ---- intervals of differences


@given(authors(least=2), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_intervals_of_differences_lie_within_their_bounds(pair, seed):
    low, high = difference_interval(*pair, seed, draws=100)
    assert (low <= high).all()
    assert (low >= -1).all()
    assert (high <= 1).all()


def test_blocks_that_are_all_alike_leave_no_doubt_about_the_difference():
    low, high = difference_interval(np.tile([3.0, 1.0], (5, 1)), np.tile([1.0, 3.0], (4, 1)), seed=0, draws=50)
    assert low == pytest.approx([0.5, -0.5])
    assert high == pytest.approx([0.5, -0.5])


def test_the_authors_are_drawn_anew_independently_of_each_other():
    blocks = np.random.default_rng(3).integers(0, 20, (10, 2)).astype(float)
    low, high = difference_interval(blocks, blocks, seed=1)
    spread = normalised(drawn_anew(blocks, seed=2)).std(axis=0)
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(2) * spread, rel=0.1)


def test_swapping_the_authors_turns_the_interval_round():
    rng = np.random.default_rng(8)
    first, second = (rng.integers(0, 20, (12, 3)).astype(float) for _ in range(2))
    low, high = difference_interval(first, second, seed=1, draws=8000)
    back_low, back_high = difference_interval(second, first, seed=1, draws=8000)
    assert back_low == pytest.approx(-high, abs=0.01)
    assert back_high == pytest.approx(-low, abs=0.01)


def test_an_interval_holds_the_observed_difference_and_narrows_with_more_blocks():
    rng = np.random.default_rng(9)
    widths = []
    for number in (8, 32, 128):
        first, second = (rng.multinomial(20, (0.5, 0.3, 0.2), number).astype(float) for _ in range(2))
        low, high = difference_interval(first, second, seed=2)
        observed = normalised(first.sum(axis=0)) - normalised(second.sum(axis=0))
        assert (low <= observed).all()
        assert (observed <= high).all()
        widths.append((high - low).mean())
    assert widths[0] > 1.6 * widths[1] > 1.6**2 * widths[2]


def test_intervals_hold_the_true_difference_of_clustered_blocks():
    rng, held = np.random.default_rng(10), []
    truth = np.array([0.1, 0.0, -0.1])
    for seed in range(150):
        first, second = (
            np.array([rng.multinomial(20, rng.dirichlet(15 * np.array(shares))) for _ in range(30)], dtype=float)
            for shares in ((0.5, 0.3, 0.2), (0.4, 0.3, 0.3))
        )
        low, high = difference_interval(first, second, seed=seed, draws=300)
        held.append(((low <= truth) & (truth <= high)).mean())
    assert np.mean(held) >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / 150)


# ---- seeds and memory


@pytest.mark.parametrize("resample", [dealt, shuffled, difference_interval], ids=lambda function: function.__name__)
def test_the_seed_decides(resample):
    rng = np.random.default_rng(11)
    first, second = (rng.integers(0, 9, (7, 3)).astype(float) for _ in range(2))
    one, again, other = (np.asarray(resample(first, second, seed, 40)).tolist() for seed in (1, 1, 2))
    assert one == again != other


def test_tables_are_made_in_parts_where_they_would_not_fit_at_once(monkeypatch):
    rng = np.random.default_rng(12)
    first, second = (rng.integers(0, 9, (5, 3)).astype(float) for _ in range(2))
    monkeypatch.setattr(resampling, "AT_ONCE", 70)  # seven draws of ten blocks at a time
    assert dealt(first, second, seed=1, draws=100).shape == (100, 3)
    assert drawn_anew(first, seed=1, draws=100).shape == (100, 3)
    total = first.sum() + second.sum()
    assert dealt(np.ones((5, 1)), np.ones((5, 1)), seed=1, draws=100).tolist() == [[5.0]] * 100
    assert dealt(first, second, seed=1, draws=100).sum(axis=1).max() < total


def test_ten_thousand_deals_of_a_million_passages_work_on_blocks():
    rng = np.random.default_rng(13)
    first, second = (rng.multinomial(5000, np.full(20, 0.05), 100).astype(float) for _ in range(2))
    assert first.sum() + second.sum() == 1_000_000
    assert shuffled(first, second, seed=1, draws=10_000).shape == (10_000,)
    assert drawn_anew(first, seed=1, draws=2000).shape == (2000, 20)
