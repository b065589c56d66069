"""Which passages to code next: chances that are known, and a draw that keeps them."""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.coding.codings import load_codings
from diptych.coding.sampling import (
    FLOOR,
    Sample,
    draw_sample,
    inclusion_probabilities,
    load_samples,
    read_sample,
    samples_folder,
    systematic_draw,
    write_sample,
)
from diptych.errors import RecordError, UsageError
from diptych.labelstudio.plan import coding_plan, draw_next
from diptych.study import Study

DOUBTS = st.lists(st.floats(0, 1).map(lambda u: round(u, 4)), min_size=1, max_size=60)


@st.composite
def pools(draw) -> tuple[np.ndarray, int]:
    """The uncertainty of every passage of a pool, and how many to draw."""
    uncertainty = np.array(draw(DOUBTS))
    return uncertainty, draw(st.integers(1, len(uncertainty)))


# ---- chances


@settings(max_examples=200, deadline=None)
@given(pools())
def test_the_chances_add_up_to_the_size(pool):
    uncertainty, size = pool
    assert inclusion_probabilities(uncertainty, size).sum() == pytest.approx(size, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(pools())
def test_every_passage_has_a_chance_and_none_more_than_certainty(pool):
    chances = inclusion_probabilities(*pool)
    assert (chances > 0).all()
    assert (chances <= 1).all()


@settings(max_examples=200, deadline=None)
@given(pools(), st.floats(0.01, 1))
def test_the_floor_is_kept_for_passages_the_model_is_sure_of(pool, floor):
    uncertainty, size = pool
    chances = inclusion_probabilities(uncertainty, size, floor)
    assert chances.min() >= floor * size / len(uncertainty) - 1e-12


@settings(max_examples=200, deadline=None)
@given(pools())
def test_a_greater_doubt_never_has_a_smaller_chance(pool):
    uncertainty, size = pool
    chances = inclusion_probabilities(uncertainty, size)[np.argsort(uncertainty, kind="stable")]
    assert (np.diff(chances) >= -1e-12).all()


@settings(max_examples=100, deadline=None)
@given(pools())
def test_equal_doubts_have_equal_chances(pool):
    uncertainty, size = pool
    chances = inclusion_probabilities(uncertainty, size)
    for doubt in set(uncertainty):
        assert np.ptp(chances[uncertainty == doubt]) < 1e-12


def test_chances_grow_in_proportion_to_doubt_above_the_floor():
    chances = inclusion_probabilities(np.array([0.1, 0.2, 0.4, 0.3]), 1)
    assert FLOOR == 0.5
    assert chances - FLOOR / 4 == pytest.approx([0.05, 0.1, 0.2, 0.15])


def test_what_certainty_cuts_off_goes_to_the_others():
    chances = inclusion_probabilities(np.array([100.0, 1.0, 1.0, 1.0]), 2, floor=0.2)
    assert chances == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])


def test_without_doubt_all_chances_are_equal():
    assert inclusion_probabilities(np.zeros(8), 2).tolist() == [0.25] * 8


def test_asking_for_the_whole_pool_draws_all_of_it():
    assert inclusion_probabilities(np.array([0.9, 0.0, 0.3]), 3) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("size", [-1, 0, 4])
def test_a_size_outside_the_pool_is_refused_with_both_numbers(size):
    with pytest.raises(UsageError, match=rf"{size} passages asked for, the pool holds 3") as caught:
        inclusion_probabilities(np.ones(3), size)
    assert caught.value.hint == "--size 1 to 3"


# ---- the draw


@settings(max_examples=200, deadline=None)
@given(pools(), st.integers(0, 2**32))
def test_the_draw_has_exactly_the_size_and_no_passage_twice(pool, seed):
    uncertainty, size = pool
    names = [f"p:{i}" for i in range(len(uncertainty))]
    drawn = draw_sample(names, ["s"] * len(names), uncertainty, size=size, seed=seed).passages
    assert len(drawn) == size == len(set(drawn))


@settings(max_examples=200, deadline=None)
@given(pools(), st.integers(0, 2**32))
def test_a_passage_that_is_certain_is_always_drawn(pool, seed):
    uncertainty, size = pool
    chances = inclusion_probabilities(uncertainty, size)
    drawn = systematic_draw(chances, np.arange(len(chances)), np.random.default_rng(seed))
    assert set(np.flatnonzero(chances >= 1)) <= set(drawn)


@pytest.mark.parametrize(
    "uncertainty",
    [[0.0] * 7, [0.9, 0.05, 0.3, 0.3, 0.0, 0.6, 0.1], [5.0, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0]],
    ids=["equal", "mixed", "one certain"],
)
def test_every_passage_is_drawn_as_often_as_its_chance_says(uncertainty):
    names, strata = list("abcdefg"), list("xyxyxyx")
    chances = inclusion_probabilities(np.array(uncertainty), 3)
    rounds = 3000
    times = Counter(
        passage
        for seed in range(rounds)
        for passage in draw_sample(names, strata, np.array(uncertainty), size=3, seed=seed).passages
    )
    for name, chance in zip(names, chances, strict=True):
        spread = (chance * (1 - chance) / rounds) ** 0.5
        assert abs(times[name] / rounds - chance) <= 4.5 * spread + 1e-9, name


def test_the_draw_spreads_over_strata():
    names = [f"p:{i}" for i in range(40)]
    strata = ["Автор А"] * 20 + ["作者乙"] * 20
    for seed in range(50):
        drawn = draw_sample(names, strata, np.zeros(40), size=10, seed=seed)
        assert Counter(drawn.strata) == {"Автор А": 5, "作者乙": 5}


def test_a_drawn_passage_carries_its_own_chance_and_stratum():
    uncertainty = np.array([0.1, 0.8, 0.4, 0.0])
    chances = dict(zip("abcd", inclusion_probabilities(uncertainty, 2), strict=True))
    drawn = draw_sample(list("abcd"), list("wxyz"), uncertainty, size=2, seed=5)
    strata = dict(zip("abcd", "wxyz", strict=True))
    assert drawn.probabilities == tuple(chances[name] for name in drawn.passages)
    assert drawn.strata == tuple(strata[name] for name in drawn.passages)


def test_a_sample_carries_what_it_was_drawn_from_by_stratum():
    drawn = draw_sample(list("abcd"), list("yxyx"), np.zeros(4), size=2, seed=5)
    assert drawn.frame == {"x": ("b", "d"), "y": ("a", "c")}
    assert list(drawn.frame) == ["x", "y"]


def test_the_same_seed_draws_the_same_sample():
    def draw(seed: int) -> Sample:
        return draw_sample(list("abcdefgh"), list("xyxyxyxy"), np.linspace(0, 1, 8), size=3, seed=seed)

    assert draw(7) == draw(7)
    assert len({draw(seed).passages for seed in range(20)}) > 1


def test_another_seed_size_or_pool_has_another_name():
    def name(names: str = "abcd", size: int = 2, seed: int = 1) -> str:
        return draw_sample(list(names), ["x"] * len(names), np.zeros(len(names)), size=size, seed=seed).name

    assert len({name(), name("abce"), name(size=3), name(seed=2)}) == 4
    assert name() == name()


def test_the_design_says_whether_a_model_had_a_say():
    with_doubt = draw_sample(["a", "b"], ["x", "x"], np.array([0.1, 0.4]), size=1, seed=1, model="m-1")
    without = draw_sample(["a", "b"], ["x", "x"], np.zeros(2), size=1, seed=1)
    assert (with_doubt.design, with_doubt.model) == ("uncertainty with a floor, spread over strata", "m-1")
    assert (without.design, without.model) == ("equal chances, spread over strata", "")


# ---- the file


def sample(**other) -> Sample:
    fields = {
        "name": "sample-0011223344",
        "design": "equal chances, spread over strata",
        "seed": 3,
        "pool": 9,
        "passages": ("quay:001", "quay:004"),
        "probabilities": (0.25, 0.125),
        "strata": ("A. Jansen x money", "Б. Оде x work"),
        "model": "m-7",
        "frame": {"A. Jansen x money": ("quay:001", "quay:002"), "Б. Оде x work": ("quay:004",)},
    }
    return Sample(**(fields | other))


def test_a_sample_comes_back_from_its_file(harbour):
    path = write_sample(harbour, sample())
    assert path == samples_folder(harbour) / "sample-0011223344.toml"
    assert read_sample(path) == sample()


@pytest.mark.parametrize(
    "text", ['say "quay"', "back\\slash", "港口", "𠮷野家", "пирс №1", "a\tb\nc", "[x] = {y}, # z"]
)
def test_any_name_comes_back_from_its_file(harbour, text):
    names = ("quay:001", f"{text}:002")
    odd = sample(passages=names, strata=(text, "x"), model=text, frame={text: names[:1], "x": names[1:]})
    assert read_sample(write_sample(harbour, odd)) == odd


@settings(max_examples=60, deadline=None)
@given(pools(), st.integers(0, 2**31))
def test_chances_come_back_to_nine_digits(tmp_path_factory, pool, seed):
    uncertainty, size = pool
    names = [f"quay:{i:03}" for i in range(len(uncertainty))]
    drawn = draw_sample(names, ["x"] * len(names), uncertainty, size=size, seed=seed)
    path = tmp_path_factory.mktemp("samples") / "s.toml"
    path.write_text(drawn.to_toml(), encoding="utf-8")
    back = read_sample(path)
    assert back.probabilities == pytest.approx(drawn.probabilities, abs=1e-9)
    assert replace(back, probabilities=drawn.probabilities) == drawn


ROW = 'passages = [{ passage = "quay:001", pi = 0.5, stratum = "x" }]'
HEAD = 'format = 1\nname = "s"\ndesign = "d"\nseed = 1\npool = 2\n'


def test_a_sample_may_be_written_by_hand(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(HEAD + ROW, encoding="utf-8")
    assert (read_sample(path).passages, read_sample(path).probabilities) == (("quay:001",), (0.5,))
    assert read_sample(path).frame == {}


def test_a_passage_that_was_drawn_from_outside_the_frame_is_refused(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(HEAD + ROW + '\n[frame]\nx = ["quay:002"]\n', encoding="utf-8")
    with pytest.raises(RecordError, match=r"odd\.toml: quay:001 was drawn, but is not in the frame"):
        read_sample(path)


@pytest.mark.parametrize("frame", ['frame = ["quay:001"]', "frame = 3", "[frame]\nx = 3"])
def test_a_frame_that_lists_no_passages_by_stratum_is_refused_by_name(tmp_path, frame):
    path = tmp_path / "odd.toml"
    path.write_text(HEAD + ROW + "\n" + frame, encoding="utf-8")
    with pytest.raises(RecordError, match=r"odd\.toml is no drawn sample"):
        read_sample(path)


def test_the_samples_of_a_study_come_largest_pool_first(harbour):
    assert load_samples(harbour) == []
    for number, name in ((4, "sample-a"), (16, "sample-c"), (9, "sample-b")):
        write_sample(harbour, sample(name=name, pool=number))
    assert [drawn.name for drawn in load_samples(harbour)] == ["sample-c", "sample-b", "sample-a"]


@pytest.mark.parametrize(
    "content",
    [
        b"not toml at all",
        b"\xff\xfe\x00",
        b"",
        HEAD.encode(),
        ROW.encode(),
        (HEAD + 'passages = ["quay:001"]').encode(),
        (HEAD + "passages = 4").encode(),
        (HEAD + 'passages = [{ passage = "quay:001", stratum = "x" }]').encode(),
        (HEAD + ROW).replace("0.5", '"half"').encode(),
        (HEAD + ROW).replace("seed = 1", 'seed = "one"').encode(),
        (HEAD + ROW).replace("seed = 1", "seed = inf").encode(),
    ],
    ids=[
        "prose", "bytes", "empty", "no passages", "no head", "bare names", "a number", "no chance",
        "a word for a chance", "a word for a seed", "an endless seed",
    ],
)  # fmt: skip
def test_a_file_that_is_no_sample_is_refused_by_name(tmp_path, content):
    path = tmp_path / "odd.toml"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"odd\.toml is no drawn sample") as caught:
        read_sample(path)
    assert caught.value.hint == "draw one: diptych sample --size N"


@pytest.mark.parametrize("chance", ["0.0", "-0.25", "1.000001", "nan", "inf"])
def test_a_chance_outside_0_and_1_is_refused(tmp_path, chance):
    path = tmp_path / "odd.toml"
    path.write_text((HEAD + ROW).replace("0.5", chance), encoding="utf-8")
    with pytest.raises(RecordError, match=r"odd\.toml: quay:001 has inclusion probability"):
        read_sample(path)


def test_a_sample_of_a_later_format_is_refused(tmp_path):
    path = tmp_path / "later.toml"
    path.write_text((HEAD + ROW).replace("format = 1", "format = 2"), encoding="utf-8")
    with pytest.raises(RecordError, match="format"):
        read_sample(path)


def test_a_sample_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RecordError, match=r"cannot read .*gone\.toml: No such file"):
        read_sample(tmp_path / "gone.toml")


# ---- diptych sample


def without_south(study: Study) -> Study:
    """Take away every coding of the southern document."""
    for path in study.codings_folder.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if "harbour-south:" not in line), encoding="utf-8")
    return study


@pytest.fixture
def half_coded(harbour) -> Study:
    """The harbour, of which nobody has coded the southern document (8 passages)."""
    return without_south(harbour)


@pytest.fixture(scope="module")
def trained(trained_harbour, tmp_path_factory) -> Study:
    """A harbour with a model, of which the southern document is not coded any more; to be read only."""
    target = tmp_path_factory.mktemp("north") / "harbour"
    return without_south(Study.load(shutil.copytree(trained_harbour.root, target)))


def test_only_passages_that_nobody_coded_are_drawn(command, half_coded):
    found = command("sample", "--size", 8, "--json", "--study", half_coded.root).json
    assert found["pool"] == 8
    assert {row["passage"] for row in found["passages"]} == {f"harbour-south:{n:03}" for n in range(1, 9)}
    assert not {row["passage"] for row in found["passages"]} & set(load_codings(half_coded)["passage"])


def test_the_command_records_every_chance(command, half_coded):
    found = command("sample", "--size", 2, "--json", "--study", half_coded.root).json
    written = read_sample(samples_folder(half_coded) / f"{found['name']}.toml")
    assert written.passages == tuple(row["passage"] for row in found["passages"])
    assert written.probabilities == (0.25, 0.25)
    assert [row["pi"] for row in found["passages"]] == [0.25, 0.25]


def test_without_a_model_all_chances_are_equal_and_the_authors_are_the_strata(command, half_coded):
    found = command("sample", "--size", 3, "--json", "--study", half_coded.root).json
    assert found["design"] == "equal chances, spread over strata"
    assert {(row["pi"], row["stratum"]) for row in found["passages"]} == {(0.375, "B. Okafor")}


def test_more_than_the_pool_holds_is_a_usage_error_and_writes_nothing(command, half_coded):
    result = command("sample", "--size", 9, "--study", half_coded.root)
    assert (result.code, result.out) == (2, "")
    assert "9 passages asked for, the pool holds 8" in result.err
    assert "--size 1 to 8" in result.err
    assert not samples_folder(half_coded).exists()


def test_where_everything_is_coded_nothing_can_be_drawn(command, harbour):
    result = command("sample", "--size", 1, "--study", harbour.root)
    assert result.code == 2
    assert "there is no passage left to draw from" in result.err


def test_the_command_says_where_the_sample_lies_and_what_to_do_next(command, half_coded):
    result = command("sample", "--size", 2, "--study", half_coded.root)
    assert "2 of 8 uncoded passages" in result.err
    (path,) = samples_folder(half_coded).iterdir()
    assert f"diptych studio push --sample {path.relative_to(half_coded.root)}" in result.err


def test_the_command_prints_csv(command, half_coded):
    rows = list(
        csv.DictReader(io.StringIO(command("sample", "--size", 4, "--format", "csv", "--study", half_coded.root).out))
    )
    assert [list(row) for row in rows] == [["passage", "pi", "stratum"]] * 4
    assert {row["pi"] for row in rows} == {"0.5"}


def test_drawing_twice_by_the_same_seed_leaves_one_file(command, half_coded):
    first = command("sample", "--size", 3, "--seed", 11, "--json", "--study", half_coded.root).json
    assert command("sample", "--size", 3, "--seed", 11, "--json", "--study", half_coded.root).json == first
    assert len(list(samples_folder(half_coded).iterdir())) == 1


def test_with_a_model_its_doubts_decide_and_predicted_cells_are_the_strata(trained):
    drawn = draw_next(trained, size=4)
    assert drawn.design == "uncertainty with a floor, spread over strata"
    assert drawn.model
    assert len(set(drawn.probabilities)) > 1
    cells = [facet.value_ids for facet in trained.schema.cells]
    for stratum in drawn.strata:
        author, *values = stratum.split(" x ")
        assert author == "B. Okafor"
        assert all(value in allowed for value, allowed in zip(values, cells, strict=True))


def test_equal_chances_can_be_had_with_a_model_too(trained):
    drawn = draw_next(trained, size=4, equal=True)
    assert (set(drawn.probabilities), drawn.model) == ({0.5}, "")


def test_the_studys_seed_is_the_default(trained):
    assert draw_next(trained, size=4) == draw_next(trained, size=4, seed=trained.settings.seed)


# ---- pushing a sample


def test_only_the_passages_of_a_sample_are_planned_in_random_order(half_coded):
    drawn = draw_next(half_coded, size=5)
    plan = coding_plan(half_coded, sample=drawn)
    assert {row["passage"] for row in plan.passages} == set(drawn.passages)
    assert (plan.order, plan.sample) == ("random", drawn.name)


def test_a_sample_of_another_study_is_refused(half_coded):
    with pytest.raises(UsageError, match="the study has no passage 'quay:001'"):
        coding_plan(half_coded, sample=sample())
