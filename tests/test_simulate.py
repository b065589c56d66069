"""What a design can show: archives made up as asked for, intervals and p-values that hold, and the command."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.analysis.measures import jensen_shannon
from diptych.analysis.multiplicity import permutation_p
from diptych.analysis.resampling import shuffled
from diptych.analysis.simulate import (
    Archive,
    Design,
    draw,
    make_archive,
    power_table,
    signal_for,
    simulate_null,
    simulate_shares,
)
from diptych.errors import UsageError

SMALL = Design(documents=4, passages=25, coded=60)


def archive_of(design: Design, seed: int = 0) -> Archive:
    """An archive of a design, its classifier as accurate as asked for."""
    cells = len(design.shares) + 1
    return make_archive(design, np.random.default_rng(seed), signal_for(design.accuracy, cells))


# ---- designs


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"authors": 0}, "authors, documents and passages are at least 1"),
        ({"documents": 0}, "authors, documents and passages are at least 1"),
        ({"passages": -3}, "authors, documents and passages are at least 1"),
        ({"shares": ()}, "shares are above 0 and sum to less than 1"),
        ({"shares": (0.5, 0.5)}, "shares are above 0 and sum to less than 1"),
        ({"shares": (0.5, 0.0)}, "shares are above 0 and sum to less than 1"),
        ({"shares": (-0.1, 0.3)}, "shares are above 0 and sum to less than 1"),
        ({"shares": (np.nan,)}, "shares are above 0 and sum to less than 1"),
        ({"clustering": 1.0}, "clustering lies from 0 to below 1"),
        ({"clustering": -0.1}, "clustering lies from 0 to below 1"),
        ({"clustering": np.nan}, "clustering lies from 0 to below 1"),
        ({"accuracy": 1.0}, r"accuracy lies between 0\.25 \(chance\) and 1"),
        ({"accuracy": 0.25}, r"accuracy lies between 0\.25 \(chance\) and 1"),
        ({"accuracy": 0.4, "shares": (0.5,)}, r"accuracy lies between 0\.50 \(chance\) and 1"),
        ({"coded": 1}, "coded passages are 2 to 2000"),
        ({"coded": 2001}, "coded passages are 2 to 2000"),
    ],
)
def test_a_design_that_cannot_be_is_refused_with_its_range(wrong, said):
    with pytest.raises(UsageError, match=said):
        Design(**wrong)


def test_a_whole_archive_may_be_coded():
    assert Design(coded=2000).coded == 2000


# ---- archives


def test_an_archive_has_its_authors_documents_and_passages():
    archive = archive_of(Design(authors=3, documents=4, passages=5, coded=10))
    assert pd.Series(archive.groups).value_counts().to_dict() == {"author 1": 20, "author 2": 20, "author 3": 20}
    assert np.bincount(archive.documents).tolist() == [5] * 12
    assert pd.Series(archive.groups).groupby(archive.documents).nunique().eq(1).all()
    assert archive.predicted.shape == (60, 4)
    assert archive.predicted.sum(axis=1) == pytest.approx(np.ones(60))


@pytest.mark.parametrize("clustering", [0.0, 0.05, 0.3])
def test_values_have_the_true_shares_whatever_the_clustering(clustering):
    design = Design(documents=400, passages=20, clustering=clustering, shares=(0.1, 0.3))
    archive = archive_of(design)
    found = np.bincount(archive.truth, minlength=3) / len(archive.truth)
    effective = len(archive.truth) / (1 + (design.passages - 1) * clustering)
    bound = 4 * np.sqrt(np.array([0.1 * 0.9, 0.3 * 0.7, 0.6 * 0.4]) / effective)
    assert (np.abs(found - [0.1, 0.3, 0.6]) < bound).all()


@pytest.mark.parametrize("clustering", [0.0, 0.1, 0.4])
def test_passages_of_a_document_are_as_alike_as_asked_for(clustering):
    design = Design(documents=1000, passages=20, clustering=clustering, shares=(0.3,))
    hits = archive_of(design).truth.reshape(-1, design.passages) == 0
    share = hits.mean()
    pairs = (hits.sum(axis=1) ** 2 - hits.sum(axis=1)).mean() / (design.passages * (design.passages - 1))
    assert (pairs - share**2) / (share * (1 - share)) == pytest.approx(clustering, abs=0.03)


@pytest.mark.parametrize(("accuracy", "cells"), [(0.6, 2), (0.95, 2), (0.4, 4), (0.8, 4), (0.7, 8)])
def test_the_classifier_is_right_as_often_as_asked_for(accuracy, cells):
    design = Design(
        documents=300, passages=40, shares=(1 / cells,) * (cells - 1), clustering=0, accuracy=accuracy, bias=0
    )
    archive = archive_of(design)
    right = (archive.predicted.argmax(axis=1) == archive.truth).mean()
    assert right == pytest.approx(accuracy, abs=4 * np.sqrt(accuracy * (1 - accuracy) / len(archive.truth)))


@given(st.integers(2, 9), st.floats(0.02, 0.97))
@settings(max_examples=30, deadline=None)
def test_more_accuracy_needs_more_signal(cells, part):
    low = 1 / cells + part * (0.99 - 1 / cells)
    assert 0 <= signal_for(low, cells) < signal_for(low + 0.005, cells)


def test_the_predicted_probabilities_are_honest_where_there_is_no_bias():
    archive = archive_of(Design(documents=300, passages=40, bias=0, clustering=0, accuracy=0.7))
    top = archive.predicted.max(axis=1)
    right = archive.predicted.argmax(axis=1) == archive.truth
    for low, high in ((0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        part = (top > low) & (top <= high)
        assert right[part].mean() == pytest.approx(top[part].mean(), abs=4 / np.sqrt(part.sum()) / 2)


def test_values_are_predicted_as_often_as_they_are_true_where_there_is_no_bias():
    archive = archive_of(Design(documents=300, passages=40, bias=0, clustering=0, accuracy=0.7))
    true = np.bincount(archive.truth, minlength=4) / len(archive.truth)
    assert archive.predicted.mean(axis=0) == pytest.approx(true, abs=0.01)


def test_bias_favours_the_first_value_with_every_second_author():
    archive = archive_of(Design(authors=3, documents=100, bias=1.5, clustering=0))
    said = {name: archive.predicted[archive.groups == name, 0].mean() for name in set(archive.groups)}
    assert said["author 2"] > 1.5 * said["author 1"]
    assert said["author 3"] == pytest.approx(said["author 1"], rel=0.3)


# ---- draws


def test_a_draw_has_the_size_the_chances_and_the_strata_of_diptych_sample():
    archive = archive_of(SMALL)
    batch = draw(archive, SMALL, np.random.default_rng(1))
    assert batch.drawn.sum() == 60 == pytest.approx(batch.chance.sum())
    assert batch.pool.all()
    assert len(np.unique(batch.strata)) > 2
    for stratum in np.unique(batch.strata):
        mine = batch.strata == stratum
        assert len({*archive.groups[mine]}) == 1
        assert len({*archive.predicted[mine].argmax(axis=1)}) == 1


def test_doubtful_passages_have_greater_chances_unless_all_are_equal():
    archive = archive_of(SMALL)
    doubt = 1 - archive.predicted.max(axis=1)
    by_doubt = draw(archive, SMALL, np.random.default_rng(1))
    equal = draw(archive, replace(SMALL, equal=True), np.random.default_rng(1))
    assert by_doubt.chance[doubt.argmax()] > 2 * by_doubt.chance[doubt.argmin()]
    assert equal.chance == pytest.approx(np.full(200, 0.3))


# ---- intervals


def test_the_table_has_a_row_an_author_and_value_and_no_gap():
    found = simulate_shares(SMALL, repeats=20, seed=1)
    assert list(zip(found["author"], found["value"], strict=True)) == [
        (author, value) for author in ("author 1", "author 2") for value in range(4)
    ]
    assert not found.isna().any(axis=None)
    assert found["hits"].sum() == pytest.approx(60)
    assert found.groupby("author")["share"].sum().tolist() == pytest.approx([1, 1])


def test_simulated_shares_depend_on_the_seed_alone():
    first, again, other = (simulate_shares(SMALL, repeats=5, seed=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_where_everything_is_coded_intervals_have_no_width_and_hold_the_truth():
    found = simulate_shares(replace(SMALL, coded=200), repeats=5)
    assert found[["width", "labelled_width", "error", "labelled_error"]].to_numpy() == pytest.approx(np.zeros((8, 4)))
    assert (found["covers"] == 1).all()


def test_larger_samples_give_narrower_intervals():
    found = power_table(Design(), [100, 200, 400, 800], repeats=20)
    for _, rows in found.groupby("value"):
        assert rows["coded"].tolist() == [100, 200, 400, 800]
        assert (np.diff(rows["half_width"]) < 0).all()
        assert (np.diff(rows["labelled_half_width"]) < 0).all()


def test_four_times_as_many_of_very_many_passages_halve_the_interval():
    found = power_table(Design(documents=100, passages=100, equal=True), [400, 1600], repeats=10)
    common = found[found["value"] == 3].set_index("coded")
    for width in ("half_width", "labelled_half_width"):
        assert common.loc[400, width] / common.loc[1600, width] == pytest.approx(2 * np.sqrt(0.98 / 0.92), rel=0.1)


def test_the_coded_passages_alone_have_about_the_textbook_half_width():
    design = Design(documents=100, passages=100, equal=True, coded=1000, accuracy=0.3, bias=0)
    found = power_table(design, [1000], repeats=10).set_index("value")
    for value, share in enumerate((0.01, 0.05, 0.24, 0.7)):
        expected = 1.96 * np.sqrt(0.95 * share * (1 - share) / 500)
        assert found.loc[value, "labelled_half_width"] == pytest.approx(expected, rel=0.15)
        assert found.loc[value, "half_width"] == pytest.approx(found.loc[value, "labelled_half_width"], rel=0.05)


# ---- p-values

REPEATS = 300


@pytest.fixture(scope="module")
def null() -> dict[str, float]:
    """How often equal authors of 15 clustered documents each are called different."""
    return simulate_null(Design(documents=15, passages=30), repeats=REPEATS, shuffles=199, seed=2)


def test_dealing_documents_calls_equal_authors_different_in_5_of_100_cases(null):
    assert abs(null["documents"] - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / REPEATS)


def test_dealing_passages_calls_them_different_far_more_often(null):
    assert null["passages"] > 0.2


def test_without_clustering_both_hold():
    found = simulate_null(Design(documents=15, passages=30, clustering=0), repeats=REPEATS, shuffles=199, seed=1)
    for rejected in found.values():
        assert abs(rejected - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / REPEATS)


def test_more_clustering_makes_the_wrong_test_worse():
    found = [
        simulate_null(Design(documents=15, clustering=c), repeats=100, shuffles=99, seed=1)["passages"]
        for c in (0.0, 0.05, 0.3)
    ]
    assert found[0] < 0.2 < found[1] < found[2]


def test_p_values_under_the_null_are_spread_evenly():
    design, rng, found = Design(documents=12, passages=25), np.random.default_rng(4), []
    for _ in range(200):
        archive = make_archive(design, rng, 1.0)
        table = np.zeros((24, 4))
        np.add.at(table, (archive.documents, archive.truth), 1.0)
        observed = jensen_shannon(table[:12].sum(axis=0), table[12:].sum(axis=0))
        found.append(float(permutation_p(observed, shuffled(table[:12], table[12:], int(rng.integers(2**32)), 199))))
    for level in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert abs(np.mean(np.array(found) <= level) - level) < 3.5 * np.sqrt(level * (1 - level) / 200)


def test_a_level_of_one_rejects_always():
    assert simulate_null(SMALL, repeats=3, shuffles=9, level=1.0) == {"documents": 1.0, "passages": 1.0}


def test_the_null_is_for_two_authors():
    with pytest.raises(UsageError, match="the null is simulated for two authors"):
        simulate_null(replace(SMALL, authors=3), repeats=1)


# ---- the command

QUICK = ("--documents", 6, "--passages", 25, "--repeats", 5, "--size", 60)


def test_the_command_prints_the_power_table(command):
    result = command("simulate", *QUICK, "--json")
    assert result.code == 0
    rows = pd.DataFrame(result.json)
    pd.testing.assert_frame_equal(
        rows, power_table(Design(documents=6, passages=25, coded=60), [60], repeats=5), check_dtype=False
    )
    assert "5 archives of 2 authors, 6 documents of 25 passages each; seed 0" in result.err


def test_every_size_gets_its_rows(command):
    rows = command("simulate", *QUICK, "--size", 120, "--json").json
    assert [row["coded"] for row in rows] == [60] * 4 + [120] * 4
    for small, large in zip(rows[:4], rows[4:], strict=True):
        assert large["half_width"] < small["half_width"]


def test_shares_can_be_given(command):
    rows = command("simulate", *QUICK, "--share", 0.2, "--share", 0.3, "--clustering", 0, "--json").json
    assert [row["value"] for row in rows] == [0, 1, 2]
    assert [row["share"] for row in rows] == pytest.approx([0.2, 0.3, 0.5], abs=0.06)


def test_the_command_prints_csv(command):
    rows = list(csv.DictReader(io.StringIO(command("simulate", *QUICK, "--format", "csv").out)))
    wanted = ["coded", "value", "share", "half_width", "labelled_half_width", "covers"]
    assert [list(row) for row in rows] == [wanted] * 4
    assert all(0 <= float(row["covers"]) <= 1 for row in rows)


def test_the_command_prints_a_table_for_reading(command):
    result = command("simulate", *QUICK)
    heading, *lines = result.out.splitlines()
    assert "coded passages alone" in heading
    assert len(lines) == 4
    assert all(re.search(r"60 +\d+\.\d % +± \d+\.\d points +± \d+\.\d points +\d+\.\d %", line) for line in lines)
    assert "nan" not in result.out


def test_the_command_counts_how_often_equal_authors_are_called_different(command):
    given = ("simulate", *QUICK, "--null", "--repeats", 40)
    rows = command(*given, "--json").json
    assert [row["shuffled"] for row in rows] == ["documents", "passages"]
    expected = simulate_null(Design(documents=6, passages=25, coded=60), repeats=40)
    assert {row["shuffled"]: row["rejected"] for row in rows} == expected
    assert rows[0]["rejected"] < rows[1]["rejected"]
    assert re.search(r"documents +\d+\.\d %", command(*given).out)


def test_the_null_can_be_asked_for_a_small_archive_for_it_samples_nothing(command):
    result = command("simulate", "--null", "--documents", 3, "--passages", 10, "--repeats", 5, "--json")
    assert result.code == 0, result.err
    assert len(result.json) == 2


@pytest.mark.parametrize("form", ["text", "json", "csv"])
@pytest.mark.parametrize("null", [(), ("--null",)], ids=["shares", "null"])
def test_the_same_seed_prints_the_same_bytes(command, form, null):
    given = ("simulate", *QUICK, *null, "--format", form)
    first, again = (command(*given, "--seed", 7).out for _ in range(2))
    assert first == again
    if form != "text":
        assert null or command(*given, "--seed", 8).out != first


def test_equal_chances_can_be_asked_for(command):
    equal, by_doubt = (command("simulate", *QUICK, *more, "--json").json for more in (("--equal",), ()))
    assert [row["half_width"] for row in equal] != [row["half_width"] for row in by_doubt]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--repeats", 0), "--repeats is at least 1"),
        (("--authors", 0), "authors, documents and passages are at least 1"),
        (("--documents", -1), "authors, documents and passages are at least 1"),
        (("--share", 0), "shares are above 0 and sum to less than 1"),
        (("--share", 0.7, "--share", 0.3), "shares are above 0 and sum to less than 1"),
        (("--share", "nan"), "shares are above 0 and sum to less than 1"),
        (("--accuracy", 0.2), "accuracy lies between 0.25 (chance) and 1"),
        (("--accuracy", "nan"), "accuracy lies between 0.25 (chance) and 1"),
        (("--clustering", 1), "clustering lies from 0 to below 1"),
        (("--size", 1), "coded passages are 2 to 300"),
        (("--size", 301), "coded passages are 2 to 300"),
        (("--null", "--authors", 3), "the null is simulated for two authors"),
        (("--share", "half"), "'half' is not a valid float"),
        (("--size", 1.5), "'1.5' is not a valid integer"),
        (("--seed", "x"), "'x' is not a valid integer"),
        (("--seed", -1), "seed"),
        (("--format", "xml"), "'xml' is not one of"),
    ],
)
def test_a_bad_option_is_a_usage_error_in_a_sentence(command, options, said):
    result = command("simulate", "--documents", 6, "--passages", 25, "--repeats", 2, "--size", 60, *options)
    assert (result.code, result.out) == (2, ""), result.err
    assert said in result.err
    assert "Traceback" not in result.err
    assert "fault in diptych" not in result.err


def test_the_first_size_is_good_and_the_second_is_not(command):
    result = command("simulate", *QUICK, "--size", 5000)
    assert (result.code, result.out) == (2, "")
    assert "coded passages are 2 to 300" in result.err
