"""Drift: the profile of the training passages, new texts beside it, verdicts, `diptych drift`."""

from __future__ import annotations

import copy as copying
import csv
import io
import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diptych
from diptych.analysis.drift import drift, stability
from diptych.analysis.drift_verdicts import FAR, INSIDE, ORDER, SOMEWHAT, TOO_FEW, UNTOLD, Comparison, judge
from diptych.classifier.drift.profile import GRID, Names, profile_of, rank
from diptych.classifier.drift.tally import Commonest, Repeats
from diptych.classifier.scoring.bundled import FILE
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.persist import Model, load_model, save_model
from diptych.classifier.scoring.score import Weights
from diptych.classifier.terms.analyser import Analyser
from diptych.classifier.terms.hashing import term_hash
from diptych.classifier.training.material import Material
from diptych.classifier.training.train import fit_model, train
from diptych.coding.gold import write_gold
from diptych.errors import CodingError, ModelFormatError, UsageError
from diptych.schema import Schema

SMALL = "the of and to in is that for with was as by on are be this it from at which"
GERMAN = "der die das und zu den mit von ist nicht ein eine auf für dem des auch als sich im"
TOPICS = {
    "money": "fee debt bill coin rent",
    "nature": "heron mud reed rain silt",
    "work": "crew shift crane yard hand",
}
SIDES = {"port": "Harbour Board", "town": "Council"}
COOKING = "flour butter sugar oven dough whisk simmer onion garlic pan stir bake salt cream yolk peel boil"
SYLLABLES = "ba co du fe gi ho ju ka lo mi nu pe ra si to vu"
SCHEMA = Schema.from_data(
    {
        "name": "quay",
        "version": "1.0.0",
        "facets": [
            {
                "id": "topic",
                "question": "What about?",
                "values": [{"id": topic, "definition": topic} for topic in TOPICS],
            },
            {
                "id": "side",
                "question": "Whose view?",
                "values": [
                    {"id": side, "definition": side, "role": "party", "markers": [name]} for side, name in SIDES.items()
                ],
            },
        ],
    }
)
TRAINED = 160


def invented(rng: np.random.Generator, count: int) -> list[str]:
    """Words with a long tail, as texts have them: some common, most rare."""
    syllables = SYLLABLES.split()
    places = np.minimum(rng.zipf(1.3, size=count), 50_000)
    return ["".join(syllables[(place // 16**i) % len(syllables)] for i in range(2, -1, -1)) for place in places]


def written(seed: int, number: int, *, shares=(1, 1, 1), length: int = 50) -> pd.DataFrame:
    """Passages by one author of all: a topic, a side that is named, common and rare words."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(number):
        topic = rng.choice(list(TOPICS), p=np.array(shares) / sum(shares))
        side = rng.choice(list(SIDES))
        size = int(rng.integers(length // 2, length * 3 // 2))
        found = [
            *rng.choice(SMALL.split(), size // 2),
            *invented(rng, size // 3),
            *rng.choice(TOPICS[topic].split(), size // 6),
        ]
        rng.shuffle(found)
        text = f"{SIDES[side]} fears that {' '.join(found)}."
        rows.append({"passage": f"p{seed}:{i}", "text": text, "group": f"g{i // 5}", "topic": topic, "side": side})
    return pd.DataFrame(rows).assign(author="Ada", source="original")


def trained(seed: int) -> Model:
    table = written(seed, TRAINED)
    model, _ = fit_model(Material(table, len(table), table[:0]), SCHEMA, seed)
    return model


@pytest.fixture(scope="module")
def model() -> Model:
    return trained(0)


@pytest.fixture(scope="module")
def model_file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("drift") / "quay.zip"
    save_model(path, model)
    return path


@pytest.fixture(scope="module")
def old_file(model, tmp_path_factory):
    """A model that was trained before models kept a profile."""
    path = tmp_path_factory.mktemp("drift") / "old.zip"
    save_model(path, replace(model, card=without_profile(model.card)))
    return path


def without_profile(card):
    found = copying.deepcopy(dict(card))
    del found["training"]["profile"]
    return found


def pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["passage"], table["text"], strict=True))


def cooking(number: int, seed: int = 0) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    return [
        (f"c{i}", " ".join([*rng.choice(COOKING.split(), 24), *rng.choice(SMALL.split(), 24)])) for i in range(number)
    ]


def german(number: int, seed: int = 0) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    return [
        (f"d{i}", " ".join([*rng.choice(GERMAN.split(), 30), *(w + "en" for w in invented(rng, 20))]))
        for i in range(number)
    ]


def verdicts(found, part=None):
    return {
        f"{row['measure']} {row['of']}".strip(): row["verdict"]
        for row in found["rows"]
        if part is None or row["part"] == part
    }


def row_of(found, measure, of=""):
    (row,) = (row for row in found["rows"] if row["measure"] == measure and row["of"] == of)
    return row


def table_of(folder, rows, name="new.csv"):
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text"])
        writer.writerows(rows)
    return path


# --- what is found where there is nothing to find


@pytest.mark.parametrize("seed", range(1, 9))
def test_texts_from_where_the_training_texts_come_from_are_as_training_on_all_rows(model, seed):
    found = drift(pairs(written(100 + seed, 150)), model)
    assert set(verdicts(found).values()) == {INSIDE}
    assert found["verdict"] == INSIDE
    assert "diptych evaluate" in found["advice"]


def test_so_are_they_with_another_model():
    found = drift(pairs(written(201, 150)), trained(5))
    assert set(verdicts(found).values()) == {INSIDE}


def test_chance_alone_goes_beyond_noise_in_one_of_20_comparisons_at_most():
    rng, runs, beyond = np.random.default_rng(0), 120, 0
    for run in range(runs):
        compared = []
        for _ in range(5):
            here, training = rng.binomial(1, 0.3, 60), rng.binomial(1, 0.3, 150)
            tables = tuple(np.array([x.sum(), len(x) - x.sum()], dtype=float) for x in (here, training))
            shift = float(here.mean() - training.mean())
            compared.append(Comparison("texts", "x", "", "share", 0.0, 0.0, 60, 150, 0, shift, tables))
            values = [np.bincount(rng.integers(0, 4, n), minlength=4).astype(float) for n in (60, 150)]
            apart = float(np.abs(values[0] / 60 - values[1] / 150).sum() / 2)
            compared.append(Comparison("content", "v", "", "values", None, None, 60, 150, 1, apart, tuple(values)))
            first, second = rng.normal(size=60), np.sort(rng.normal(size=150))
            delta = 2 * float(np.searchsorted(second, first).mean()) / 150 - 1
            compared.append(Comparison("texts", "d", "", "delta", 0.0, 0.0, 60, 150, -1, delta))
        rows = judge(compared, run)
        sizes = [abs(r["shift"]) if c.side == 0 else c.side * r["shift"] for r, c in zip(rows, compared, strict=True)]
        beyond += any(size > row["noise"] for size, row in zip(sizes, rows, strict=True))
    assert beyond / runs <= 0.10  # .05 expected at most; 0.10 is two standard errors above


def test_the_same_texts_give_the_same_answer_and_the_seed_counts(model):
    rows = pairs(written(7, 60))
    assert drift(rows, model) == drift(rows, model)
    assert drift(rows, model, seed=1) != drift(rows, model, seed=2)


# --- what is found where there is something


def test_cooking_is_far_outside(model):
    found = drift(cooking(60), model)
    assert found["verdict"] == FAR
    told = verdicts(found)
    assert [told[name] for name in ("known", "few_known", "names_party", "names port")] == [FAR] * 4
    assert "diptych sample" in found["advice"]
    assert {row["word"] for row in found["words"]} <= set(f"{COOKING} {SMALL}".split())


def test_another_language_is_far_outside_and_unanswered(model):
    found = drift(german(60), model)
    assert found["verdict"] == FAR
    told = verdicts(found)
    assert [told[name] for name in ("known", "foreign", "abstains")] == [FAR] * 3
    assert (found["answered"], found["languages"][0]["language"]) == (0, "de")
    assert told["confidence topic"] == told["values topic"] == UNTOLD
    assert any("answers none of them" in note for note in found["notes"])


def test_a_quarter_of_other_texts_shows_though_the_mean_hardly_moves(model):
    found = drift([*pairs(written(8, 150)), *cooking(50)], model)
    assert row_of(found, "few_known")["verdict"] in (SOMEWHAT, FAR)
    assert found["verdict"] in (SOMEWHAT, FAR)


def test_much_shorter_texts_are_outside_in_length(model):
    assert row_of(drift(pairs(written(9, 100, length=14)), model), "words")["verdict"] == FAR


def test_other_topics_are_a_shift_of_values_that_does_not_count_in_the_whole(model):
    found = drift(pairs(written(10, 150, shares=(18, 1, 1))), model)
    assert row_of(found, "values", "topic")["verdict"] == FAR
    assert row_of(found, "values", "side")["verdict"] == INSIDE
    assert found["verdict"] == INSIDE
    assert any("finding and no fault" in note for note in found["notes"])
    (topic, side) = found["facets"]
    assert topic["psi"] > 0.25 > side["psi"]
    assert topic["bits"] > side["bits"]


def test_a_word_that_no_training_text_has_is_listed_with_its_count(model):
    rows = [(i, f"{text} Zeppelin, zeppelin") for i, text in pairs(written(11, 30))]
    found = drift(rows, model)
    assert found["words"][0] == {"word": "zeppelin", "count": 60}
    assert len(found["words"]) == 20


def test_words_the_model_knows_are_not_listed(model):
    found = drift([("a", "the crane and the heron Zeppelin")], model)
    assert found["words"] == [{"word": "zeppelin", "count": 1}]


def test_the_passages_furthest_out_come_first_and_no_text_twice(model):
    rows = [*pairs(written(12, 40)), *cooking(3), ("again", cooking(1)[0][1]), ("der", german(1)[0][1])]
    found = drift(rows, model)["furthest"]
    assert len(found) == 10
    assert {"c0", "c1", "c2", "der"} <= {row["id"] for row in found[:6]}
    assert "again" not in {row["id"] for row in found}
    assert found == sorted(found, key=lambda row: (min(row["known_rank"], row["confidence_rank"]), row["known"]))
    assert next(row for row in found if row["id"] == "der")["language"] == "de"


def test_repeats_are_counted_and_said(model):
    rows = pairs(written(13, 40))
    found = drift([*rows, *rows], model)
    assert row_of(found, "repeats")["here"] == 0.5
    assert row_of(found, "repeats")["verdict"] == FAR
    assert any("take them out" in note for note in found["notes"])


def test_texts_it_was_trained_on_are_recognised_by_how_sure_it_is(trained_harbour):
    model = load_model(trained_harbour.model_file)
    passages = diptych.load_passages(trained_harbour)
    found = drift(zip(passages["passage"], passages["text"], strict=True), model)
    assert {row_of(found, "known")["verdict"], row_of(found, "confidence", "side")["verdict"]} <= {INSIDE, TOO_FEW}
    assert any("texts that it was trained on?" in note for note in found["notes"])


def test_abstaining_is_counted_by_facet_at_an_error_rate(model):
    found = drift(pairs(written(14, 100)), model, abstain_at=0.2)
    rows = [row for row in found["rows"] if row["measure"] == "abstains"]
    assert [row["of"] for row in rows] == ["topic", "side"]
    curve = model.limits.curves["topic"]
    least = model.limits.threshold("topic", 0.2)
    stand = max((number for p, number, _ in curve if p >= least), default=0)
    assert rows[0]["training"] == pytest.approx(1 - stand / TRAINED)
    assert drift(pairs(written(14, 10)), model, abstain_at=0)["rows"][4]["here"] is not None


# --- few texts, none, odd ones


def test_one_text_is_too_few_to_tell(model):
    found = drift(pairs(written(15, 1)), model)
    assert found["verdict"] == TOO_FEW
    assert "one by one" in found["advice"]
    assert len(found["furthest"]) == 1


@pytest.mark.parametrize("rows", [[], iter([])])
def test_no_text_is_said(model, rows):
    with pytest.raises(CodingError, match="no passage to compare"):
        drift(rows, model)


def test_empty_texts_and_noise_are_passages_off_topic(model):
    found = drift([("a", ""), ("b", " \n"), ("c", "?!"), ("d", "\x00\ud800🚢"), ("e", "\ufffe" * 10_000)], model)
    assert (found["passages"], found["answered"]) == (5, 0)
    assert row_of(found, "off_topic")["here"] == 1.0
    json.dumps(found, allow_nan=False)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_whatever_the_texts_the_answer_is_complete_and_finite(model, texts):
    found = drift(enumerate(texts), model)
    json.dumps(found, allow_nan=False)
    assert {row["verdict"] for row in found["rows"]} <= set(ORDER)
    for row in found["rows"]:
        assert row["noise"] is None or row["noise"] >= 0


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_outside_0_to_1_is_refused(model, rate):
    with pytest.raises(UsageError, match="outside 0 to 1"):
        drift([("a", "b")], model, abstain_at=rate)


def many_facets(number: int) -> Model:
    """A model of many facets that knows two words, with a profile such as training makes."""
    words = sorted(("gull", "the"), key=lambda word: term_hash("words", word))
    facets = {f"f{i:02d}": ["no", "yes"] for i in range(number)}
    weights = Weights(
        np.array([term_hash("words", word) for word in words], dtype=np.uint64),
        np.ones(2, dtype=np.float32),
        np.tile([[0.0, 1.0], [0.5, 0.0]], (1, number)).astype(np.float32),
        np.zeros(2 * number, dtype=np.float32),
        facets,
    )
    even = np.linspace(0, 1, GRID).tolist()
    profile = {
        "format": 1,
        "passages": 200,
        "languages": {"en": 200},
        "counts": dict.fromkeys(("off_topic", "foreign", "abstains", "repeats", "names_party"), 0),
        "parties": {},
        "quantiles": {"known": even, "words": [100 * x for x in even], "confidence": even},
        "means": {"known": 0.5, "words": 50, "confidence": 0.5},
        "facets": {
            f: {"gold": {"no": 9, "yes": 1}, "predicted": {"no": 100, "yes": 100}, "confidence": even, "mean": 0.5}
            for f in facets
        },
    }
    card = {"schema": {"structure": "s"}, "training": {"profile": profile, "seed": 3}}
    return Model(weights, Limits(), card, Analyser())


def test_thirty_facets_have_their_rows_and_one_level_of_noise_for_all(tmp_path, command):
    save_model(tmp_path / "many.zip", many_facets(30))
    texts = table_of(tmp_path, [(i, f"the gull {i}") for i in range(50)])
    result = command("drift", texts, "--model", tmp_path / "many.zip", "--json")
    assert result.code == 0
    assert len([row for row in result.json["rows"] if row["measure"] == "values"]) == 30
    assert len([row for row in result.json["rows"] if row["measure"] == "confidence"]) == 30
    few = drift([(str(i), f"the gull {i}") for i in range(50)], many_facets(1))
    assert row_of(result.json, "known")["noise"] > row_of(few, "known")["noise"]
    shown = command("drift", texts, "--model", tmp_path / "many.zip")
    assert all(f"confidence f{i:02d}" in shown.out for i in range(30))


def test_a_schema_without_parties_has_no_rows_on_them():
    found = drift([("a", "the gull")], many_facets(2))
    assert {row["measure"] for row in found["rows"]}.isdisjoint({"names", "names_party"})


# --- models without a profile, or with a damaged one


def test_an_old_model_tells_a_part_and_how_to_get_the_rest(model):
    old = replace(model, card=without_profile(model.card))
    found = drift(pairs(written(16, 50)), old)
    assert (found["verdict"], found["training_passages"]) == (UNTOLD, None)
    assert "train it again (`diptych train`)" in found["advice"]
    assert row_of(found, "known")["here"] == row_of(drift(pairs(written(16, 50)), model), "known")["here"]
    assert len(found["words"]) == 20
    assert found["furthest"][0]["known_rank"] is None


def test_an_old_model_still_sees_another_language(model):
    found = drift(german(20), replace(model, card=without_profile(model.card)))
    assert found["verdict"] == FAR
    assert "train it again" in found["advice"]


def test_the_bundled_model_answers_whether_it_has_a_profile_or_not(command, tmp_path):
    result = command("drift", table_of(tmp_path, german(20)), "--model", FILE, "--json")
    assert result.code == 0
    assert result.json["verdict"] == FAR
    assert result.json["training_passages"] or "train it again" in result.json["advice"]


DAMAGE = [
    lambda p: p.update(format=2),
    lambda p: p.update(passages=0),
    lambda p: p.update(passages=-3),
    lambda p: p.update(passages="many"),
    lambda p: p.update(passages=1 << 60),
    lambda p: p.update(passages=True),
    lambda p: p.pop("facets"),
    lambda p: p["facets"].pop("topic"),
    lambda p: p["facets"].update(topic=None),
    lambda p: p["facets"]["topic"].update(predicted={}),
    lambda p: p["facets"]["topic"].update(predicted={"money": -1}),
    lambda p: p["facets"]["topic"].update(mean=float("nan")),
    lambda p: p["quantiles"].update(known=[]),
    lambda p: p["quantiles"].update(known=[1.0] * (GRID - 1) + [0.0]),
    lambda p: p["quantiles"].update(known=["0"] * GRID),
    lambda p: p["counts"].update(off_topic=10**6),
    lambda p: p.update(languages=["en"]),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_profile_is_refused_with_a_hint(model, damage):
    card = copying.deepcopy(dict(model.card))
    damage(card["training"]["profile"])
    with pytest.raises(ModelFormatError, match="profile") as caught:
        drift([("a", "b")], replace(model, card=card))
    assert "diptych train" in caught.value.hint


@pytest.mark.parametrize("raw", [[], "profile", 7])
def test_a_profile_that_is_no_table_is_refused(model, raw):
    card = copying.deepcopy(dict(model.card))
    card["training"]["profile"] = raw
    with pytest.raises(ModelFormatError, match="cannot be read"):
        drift([("a", "b")], replace(model, card=card))


# --- the profile that training makes


def test_the_profile_outlives_the_model_file_and_holds_no_text(model, model_file):
    kept = load_model(model_file).card["training"]["profile"]
    assert kept == json.loads(json.dumps(model.card["training"]["profile"]))
    said = json.dumps(kept)
    assert "fears" not in said
    assert "p0:1" not in said


def test_the_profile_counts_the_training_passages(model):
    table, found = written(0, TRAINED), profile_of(model)
    assert found.passages == TRAINED
    assert found.facets["topic"].gold == table["topic"].value_counts().sort_index().to_dict()
    assert sum(found.facets["topic"].predicted.values()) == TRAINED
    assert found.parties == {"port": sum(table["side"] == "port"), "town": sum(table["side"] == "town")}
    assert found.counts["names_party"] == TRAINED
    assert found.quantiles["words"][0] == min(len(text.split()) for text in table["text"])


def test_the_profile_does_not_flatter_itself_with_words_of_the_training_texts(model):
    inside = np.mean([p.known for p in model.scorer.predict(written(0, TRAINED)["text"])])
    outside = np.mean([p.known for p in model.scorer.predict(written(17, TRAINED)["text"])])
    assert abs(profile_of(model).means["known"] - outside) < abs(profile_of(model).means["known"] - inside)


def test_a_study_trains_its_profile_and_the_library_reads_it(harbour):
    write_gold(harbour)
    train(harbour)
    found = diptych.drift(["The harbour board fears the cost.", ("mine", "Herons stand in the mud.")], harbour)
    assert found["training_passages"] == 16
    assert [row["id"] for row in found["furthest"]] in (["1", "mine"], ["mine", "1"])


@pytest.mark.parametrize("given", ["a text", [None], [3.5], [("a", None)], [("a", "b", "c")]])
def test_the_library_wants_texts(given):
    with pytest.raises(UsageError):
        diptych.drift(given)


# --- figures


@pytest.mark.parametrize(
    ("grid", "value", "place"),
    [
        ([0, 1, 2, 3, 4], -0.1, 0),
        ([0, 1, 2, 3, 4], 4.1, 1),
        ([0, 1, 2, 3, 4], 2, 0.5),
        ([0, 1, 2, 3, 4], 2.5, 0.625),
        ([0, 1, 1, 1, 4], 1, 0.5),
        ([1, 1, 1, 1, 1], 1, 0.5),
        ([0, 0, 0, 1, 1], 1, 0.875),
    ],
)
def test_rank_among_the_training_passages(grid, value, place):
    assert rank(grid, value) == place


def test_mean_rank_is_the_statistic_of_mann_and_whitney():
    from scipy.stats import mannwhitneyu

    rng = np.random.default_rng(0)
    training, new = rng.normal(size=5000), rng.normal(0.4, size=300)
    grid = np.quantile(training, np.linspace(0, 1, GRID)).tolist()
    exact = mannwhitneyu(new, training).statistic / (len(new) * len(training))
    assert np.mean([rank(grid, x) for x in new]) == pytest.approx(exact, abs=0.003)


@pytest.mark.parametrize(("hits", "of", "before", "training"), [(3, 20, 40, 150), (0, 1, 160, 160), (9, 9, 0, 30)])
@pytest.mark.parametrize("side", [-1, 0, 1])
def test_noise_of_a_share_is_the_tail_of_fishers_test(hits, of, before, training, side):
    from scipy.stats import hypergeom

    tables = tuple(np.array([k, n - k], dtype=float) for k, n in ((hits, of), (before, training)))
    (row,) = judge([Comparison("texts", "x", "", "share", 0.0, 0.0, of, training, side, 0.0, tables)], 0)
    x = np.arange(of + 1)
    chance = hypergeom(of + training, hits + before, of).pmf(x)
    moved = x / of - (hits + before - x) / training
    size = side * moved if side else np.abs(moved)
    assert chance[size > row["noise"] + 1e-9].sum() <= 0.05
    assert row["noise"] == 0 or chance[size >= row["noise"] - 1e-9].sum() > 0.05


def test_stability_index_by_hand():
    here, training = np.array([20.0, 30, 50]), np.array([30.0, 30, 40])
    expected = (0.2 - 0.3) * np.log(0.2 / 0.3) + (0.5 - 0.4) * np.log(0.5 / 0.4)
    assert stability(here, training) == pytest.approx(expected)
    assert stability(np.array([0.0, 5]), np.array([0.0, 7])) == 0  # a value that neither has says nothing
    assert stability(np.array([1.0, 5]), np.array([0.0, 7])) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("The harbour\n board’s plan", {"port"}),
        ("HARBOUR BOARD", {"port"}),
        ("harbour boards", set()),
        ("a Council-led plan of the harbour board", {"port", "town"}),
        ("councillor", set()),
        ("港口和城市", {"town"}),
        ("", set()),
    ],
)
def test_names_are_whole_words_in_any_case(text, named):
    assert Names({"port": ["harbour board"], "town": ["council", "城市"], "sea": [], "sky": [" "]}).found(text) == named


def test_names_are_no_patterns():
    assert Names({"a": ["(x.*"]}).found("xyz") == set()


# --- memory


def test_repeats_in_little_room_are_estimated():
    repeats = Repeats(room=500)
    for i in range(20_000):
        repeats.add(f"text {i % 10_000}")
    assert not repeats.exact
    assert len(repeats._seen) <= 500
    assert repeats.repeated == pytest.approx(10_000, rel=0.15)


def test_commonest_words_in_little_room_are_kept_with_a_bound():
    rng = np.random.default_rng(0)
    words, held = Commonest(room=200), []
    for _ in range(300):
        part = [f"w{n}" for n in rng.zipf(1.5, 100)]
        held += part
        words.add(part)
        assert len(words._counts) <= 2 * 200 + 100
    assert words.low_by
    for word, count in words.top(5):
        assert held.count(word) - words.low_by <= count <= held.count(word)


def test_what_is_held_does_not_grow_with_the_texts(monkeypatch):
    monkeypatch.setattr(Repeats.__init__, "__defaults__", (100,))
    monkeypatch.setattr(Commonest.__init__, "__defaults__", (100,))

    def most(number: int) -> int:
        rows = ((str(i), " ".join(f"{digit}{place}" for place, digit in enumerate(str(i)))) for i in range(number))
        tracemalloc.start()
        drift(rows, many_facets(2))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(600)  # what is cached by word and by import is cached now
    assert most(1800) < 1.5 * most(600)


def test_texts_are_not_all_read_before_they_are_looked_at(model):
    taken = []

    def rows():
        for i in range(1000):
            taken.append(i)
            yield str(i), "the crane"
        raise KeyError("the end")

    with pytest.raises(KeyError, match="the end"):
        drift(rows(), model)
    assert len(taken) == 1000


# --- the command


def test_the_command_prints_rows_words_and_passages(command, model_file, tmp_path):
    result = command("drift", table_of(tmp_path, [*pairs(written(18, 60)), *cooking(60)]), "--model", model_file)
    assert (result.code, result.err) == (0, "")
    for said in (
        *("120 passages against 160 of training; languages: en 100 %", "far outside", "known words"),
        *("diptych sample", "Commonest unknown words:", "Furthest out", "Answers", "finding and no fault", "Noise:"),
    ):
        assert said in result.out
    assert "nan" not in result.out


def test_json_is_what_the_library_says(command, model, model_file, tmp_path):
    rows = pairs(written(19, 30))
    result = command("drift", table_of(tmp_path, rows), "--model", model_file, "--json")
    assert result.json == json.loads(json.dumps(drift(rows, model)))


def test_csv_is_the_rows_and_the_whole(command, model_file, tmp_path):
    result = command("drift", table_of(tmp_path, cooking(50)), "--model", model_file, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert list(rows[0])[:5] == ["part", "measure", "of", "here", "training"]
    assert (rows[-1]["part"], rows[-1]["verdict"]) == ("whole", FAR)
    assert all(row["verdict"] for row in rows)


def test_standard_input_is_text(command, model_file, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(cooking(1)[0][1].encode())))
    result = command("drift", "-", "--model", model_file, "--json")
    assert (result.code, result.json["passages"], result.json["verdict"]) == (0, 1, TOO_FEW)


def test_documents_are_cut_and_their_passages_named(command, model_file, tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("\n\n".join(text for _, text in cooking(12)), encoding="utf-8")
    result = command("drift", path, "--model", model_file, "--json")
    assert result.json["passages"] == 12
    assert all(row["id"].startswith("note:") for row in result.json["furthest"])


@pytest.mark.parametrize(
    ("options", "first"),
    [((), "new.jsonl:1"), (("--id-column", "key"), "k0"), (("--text-column", "other"), "new.jsonl:1")],
)
def test_rows_are_named_by_their_id_else_by_file_and_line(command, model_file, tmp_path, options, first):
    path = tmp_path / "new.jsonl"
    path.write_text(json.dumps({"text": "Gulls", "other": "Eggs", "key": "k0"}) + "\n")
    result = command("drift", path, "--model", model_file, "--json", *options)
    assert [row["id"] for row in result.json["furthest"]] == [first]


def test_rows_that_cannot_be_read_are_set_aside_and_the_rest_is_told(command, model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command(
        "drift", table_of(tmp_path, [("a", "Gulls"), ("b", ""), ("c", "Mud")]), "--model", model_file, "--json"
    )
    assert (result.code, result.json["passages"]) == (3, 2)
    assert "1 row rejected" in result.err
    assert (tmp_path / "new.csv.rejects.jsonl").exists()


def test_rows_of_which_none_can_be_read_are_set_aside(command, model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command("drift", table_of(tmp_path, [("a", ""), ("b", " ")]), "--model", model_file)
    assert (result.code, result.out) == (3, "")


def test_a_table_without_rows_is_said(command, model_file, tmp_path):
    result = command("drift", table_of(tmp_path, []), "--model", model_file)
    assert (result.code, result.out) == (1, "")
    assert "no passage to compare" in result.err
    assert "hint:" in result.err


def test_a_study_without_a_model_says_how_to_train_one(command, harbour, tmp_path):
    result = command("drift", table_of(tmp_path, cooking(3)), "--study", harbour.root)
    assert result.code == 1
    assert "has no model yet" in result.err
    assert "diptych train" in result.err


def test_an_old_model_prints_dashes_and_the_hint(command, old_file, tmp_path):
    result = command("drift", table_of(tmp_path, pairs(written(20, 20))), "--model", old_file)
    assert result.code == 0
    assert "train it again" in result.out
    assert "cannot be told" in result.out
    assert command("drift", table_of(tmp_path, cooking(2)), "--model", old_file, "--format", "csv").code == 0


def test_options_are_those_of_classify():
    from diptych.cli.classify import classify_command
    from diptych.cli.drift import SHARED, drift_command

    mine = {option.name: option for option in drift_command.params}
    theirs = {option.name: option for option in classify_command.params}
    assert set(SHARED) <= set(theirs)
    assert all(mine[name] is theirs[name] for name in SHARED)
