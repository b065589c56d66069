"""`diptych evaluate`: its tables in text, CSV and JSON, what is left out in turn, and what is chosen where."""

from __future__ import annotations

import copy
import csv
import io
import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import diptych
from diptych.classifier.evaluation.levers import ablation, drawn, learning_curve
from diptych.classifier.evaluation.tables import TABLES, calibrations, confusions, risks, surest_errors
from diptych.classifier.evaluation.trial import Trial
from diptych.classifier.scoring.persist import load_model
from diptych.classifier.training import choose as choosing
from diptych.classifier.training.choose import Choice, choose_parameters
from diptych.classifier.training.features import FEATURES
from diptych.classifier.training.held_out import answer_calibrated
from diptych.classifier.training.material import training_material
from diptych.classifier.training.model import PassageClassifier
from diptych.classifier.training.train import train
from diptych.coding.gold import write_gold
from diptych.documents.text import text_hash
from diptych.errors import UsageError
from diptych.files import write_jsonl
from diptych.study import Study
from diptych.template import make_study

FACETS = ["topic", "side", "tone"]
VALUES = {"topic": "nature", "side": "port", "tone": "against"}
OTHER = {"topic": "money", "side": "town", "tone": "favour"}
TEXTS = ["The port raised its fees.", "Herons stand in the mud.", "The port pays its debts.", "Mud and herons."] * 3
TOPICS = ["port", "mud"] * 6


@pytest.fixture
def coded(harbour):
    """The small study with gold labels."""
    diptych.ingest(harbour)
    write_gold(harbour)
    return harbour


@pytest.fixture
def rich(coded):
    """The small study with exemplars of two rounds, a pool and a development test."""
    return enriched(coded)


def enriched(coded):
    for number, values in enumerate((VALUES, OTHER), 1):
        rows = [
            {
                "format": 1,
                "id": f"x{number}-{i}",
                "text": f"Gulls {i}, mud and money.",
                "values": values,
                "disputed": [],
            }
            for i in range(4)
        ]
        write_jsonl(coded.root / "annotations" / "exemplars" / f"round-{number}.jsonl", rows)
    texts = {f"p{n}": f"Passage {n}: the council counts its gulls and the board its money." for n in range(12)}
    for part, names in (("training", list(texts)[:6]), ("test", list(texts)[6:])):
        rows = [
            {
                "format": 1,
                "id": name,
                "sha256": text_hash(texts[name]),
                "coder": coder,
                "values": VALUES if int(name[1:]) % 2 else OTHER,
            }
            for name in names
            for coder in "ef"
        ]
        write_jsonl(coded.root / "annotations" / "pool" / f"{part}.jsonl", rows)
    listed = [{"id": name, "document": f"d{int(name[1:]) // 2}", "text": text} for name, text in texts.items()]
    write_jsonl(coded.root / "pool.jsonl", listed)
    settings = coded.root / "study.toml"
    settings.write_text('pool_texts = ["pool.jsonl"]\n' + settings.read_text())
    return Study.load(coded.root)


def trial_of(study):
    return Trial.of(training_material(study), study.schema, study.settings.seed)


def derived(folder):
    """The small study with gold labels, for tests that share what comes of it."""
    study = make_study(folder)
    write_gold(study)
    return study


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Everything that can be asked of the small study."""
    return diptych.evaluate(derived(tmp_path_factory.mktemp("whole") / "harbour"), tables=[*TABLES], errors=3)


@pytest.fixture
def known(whole, monkeypatch):
    """`evaluate` without the work: it is told the part of the whole that it asks for."""
    parts = {name: found for name, found in whole.items() if name not in TABLES}

    def told(study, *, tables, **_):
        return copy.deepcopy(parts | {name: whole[name] for name in TABLES if name in tables})

    monkeypatch.setattr("diptych.classifier.evaluation.evaluate.assess", told)


def csv_rows(result):
    return list(csv.DictReader(io.StringIO(result.out), strict=True))


# --- what stands beside macro-F1


def test_every_row_has_its_interval_and_the_coders(command, rich, monkeypatch):
    once = diptych.evaluate(rich)  # and printed in three forms
    monkeypatch.setattr("diptych.classifier.evaluation.evaluate.assess", lambda *_, **__: copy.deepcopy(once))
    found = command("evaluate", "--study", rich.root, "--json").json
    tested = [found["cross_validation"], found["test"], *found["across_authors"].values()]
    assert len(tested) == 4
    for by_facet in tested:
        for figures in by_facet.values():
            assert 0 <= figures["coders"] <= 1
            low, high = figures["interval"] or (0, 1)
            assert 0 <= low <= high <= 1
    assert found["cross_validation"]["tone"]["interval"]
    assert found["test"]["tone"]["interval"]
    rows = csv_rows(command("evaluate", "--study", rich.root, "--format", "csv"))
    assert [row["facet"] for row in rows] == FACETS * 4
    assert float(rows[2]["macro_f1_low"]) == found["cross_validation"]["tone"]["interval"][0]
    assert float(rows[0]["coders_macro_f1"]) == found["cross_validation"]["topic"]["coders"]
    text = command("evaluate", "--study", rich.root).out.splitlines()[0]
    assert "95 % interval" in text
    assert "coders" in text


def test_coders_are_compared_on_disputed_passages_too(command, coded):
    found = command("evaluate", "--study", coded.root, "--json").json["cross_validation"]["topic"]
    assert found["passages"] == 14  # two are disputed, and have no gold label
    assert found["coders"] < 1


def test_where_one_coder_coded_there_is_nobody_to_compare(command, coded):
    files = sorted((coded.root / "annotations" / "codings").glob("*.jsonl"))
    first = json.loads(files[0].read_text().splitlines()[0])["coder"]
    for path in files:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        write_jsonl(path, [row for row in rows if row["coder"] == first])
    write_gold(coded)
    result = command("evaluate", "--study", coded.root, "--json")
    assert {figures["coders"] for figures in result.json["cross_validation"].values()} == {None}
    assert "coders" not in command("evaluate", "--study", coded.root).out


# --- tables


def test_tables_are_printed_when_asked_and_json_holds_them(command, coded):
    asked = ("--confusion", "--calibration", "--risk", "--errors", "2")
    found = command("evaluate", "--study", coded.root, *asked, "--json").json
    assert list(found) == ["cross_validation", "across_authors", "confusion", "calibration", "risk", "errors"]
    for facet, figures in found["cross_validation"].items():
        number = figures["passages"]
        right = sum(row["passages"] for row in found["confusion"][facet] if row["gold"] == row["predicted"])
        assert sum(row["passages"] for row in found["confusion"][facet]) == number
        assert right / number == pytest.approx(figures["accuracy"])
        assert sum(row["passages"] for row in found["calibration"][facet]["bins"]) == number
        assert 0 <= found["calibration"][facet]["ece"] <= 1
        assert 0 <= found["calibration"][facet]["brier"] <= 2
        assert found["risk"][facet][0]["answered"] == 1
        assert found["risk"][facet][0]["wrong"] == pytest.approx(1 - figures["accuracy"])
        mine = [row for row in found["errors"] if row["facet"] == facet]
        assert 1 <= len(mine) <= 2
        assert [row["p"] for row in mine] == sorted((row["p"] for row in mine), reverse=True)
        assert all(row["gold"] != row["predicted"] for row in mine)
    text = command("evaluate", "--study", coded.root, *asked).out
    for title in ("Which value is taken", "how often they come true", "only the surer ones", "confidently wrong"):
        assert title in text
    assert found["errors"][0]["passage"] in text


def test_without_being_asked_there_are_no_tables(command, coded):
    assert set(command("evaluate", "--study", coded.root, "--json").json) == {"cross_validation", "across_authors"}


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        (("--confusion",), ["facet", "gold", "predicted", "passages"]),
        (("--calibration",), ["facet", "brier", "ece", "low", "high", "mean_probability", "right", "passages"]),
        (("--risk",), ["facet", "least_probability", "answered", "passages", "wrong", "wrong_high"]),
        (("--errors", "1"), ["facet", "passage", "gold", "predicted", "p"]),
        (("--ablation",), ["left_out", "facet", "macro_f1"]),
        (("--learning-curve",), ["of", "part", "passages", "facet", "macro_f1"]),
    ],
    ids=lambda part: part[0],
)
def test_csv_holds_the_table_that_was_asked_for(command, coded, known, asked, columns):
    result = command("evaluate", "--study", coded.root, *asked, "--format", "csv", "--quiet")
    assert (result.code, result.err) == (0, "")
    rows = csv_rows(result)
    assert list(rows[0]) == columns
    assert {row["facet"] for row in rows} == set(FACETS)


def test_two_tables_as_csv_are_refused_before_any_work(command, coded, monkeypatch):
    monkeypatch.setattr(
        "diptych.classifier.evaluation.evaluate.assess", lambda *_, **__: pytest.fail("it went to work")
    )
    result = command("evaluate", "--study", coded.root, "--risk", "--learning-curve", "--format", "csv")
    assert (result.code, result.out) == (2, "")
    assert "--risk and --learning-curve are 2 tables" in result.err
    assert "hint: " in result.err
    assert "--json" in result.err


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_errors_are_a_positive_number(command, coded, number):
    assert command("evaluate", "--study", coded.root, "--errors", number).code == 2


def test_an_unknown_table_is_named_with_the_nearest(coded):
    with pytest.raises(UsageError, match=r"no table 'confusions' .did you mean 'confusion'"):
        diptych.evaluate(coded, tables=["confusions"])


def test_all_figures_are_the_same_twice(command, coded, whole):
    asked = ("--confusion", "--calibration", "--risk", "--errors", "3", "--learning-curve", "--json")
    again = command("evaluate", "--study", coded.root, *asked)
    assert again.code == 0
    assert {*TABLES} - {"ablation"} < set(again.json)
    first = {name: found for name, found in whole.items() if name != "ablation"}
    assert json.dumps(again.json) == json.dumps(first)


def test_no_text_of_a_passage_is_printed(command, coded):
    out = command("evaluate", "--study", coded.root, "--errors", "9", "--json").out
    assert not [text for text in diptych.load_passages(coded)["text"] if text[:30] in out]


ANSWERS = pd.DataFrame(
    {
        "passage": ["p1", "p2", "p3"],
        "facet": "tone",
        "gold": ["a", "b", None],
        "predicted": ["a", "a", "a"],
        "p": [0.75, 0.5, 0.9],
        "chance:a": [0.75, 0.5, 0.9],
        "chance:b": [0.25, 0.5, 0.1],
    }
)
ORDERS = {"tone": ["a", "b"], "unseen": ["x"]}


def test_tables_by_hand():
    assert confusions(ANSWERS, ORDERS) == {
        "tone": [{"gold": "a", "predicted": "a", "passages": 1}, {"gold": "b", "predicted": "a", "passages": 1}]
    }
    found = calibrations(ANSWERS, ORDERS)["tone"]
    assert found["brier"] == pytest.approx((2 * 0.25**2 + 2 * 0.5**2) / 2)
    assert found["ece"] == pytest.approx((0.25 + 0.5) / 2)
    assert [row["answered"] for row in risks(ANSWERS, ORDERS)["tone"]] == [1.0, 0.5]
    assert [row["passage"] for row in surest_errors(ANSWERS, ORDERS, 5)] == ["p2"]


def test_calibrated_answers_carry_probabilities(coded):
    trial = trial_of(coded)
    found = trial.judged()
    for facet, values in trial.orders.items():
        rows = found[found["facet"] == facet]
        chances = rows[[f"chance:{v}" for v in values if f"chance:{v}" in rows]].fillna(0)
        assert chances.sum(axis=1).tolist() == pytest.approx([1] * len(rows))
        said = [row[f"chance:{row['predicted']}"] for _, row in rows.iterrows()]
        assert rows["p"].tolist() == pytest.approx(said)


def test_too_few_answers_to_calibrate_on_keep_what_was_said():
    few = pd.DataFrame(
        {"place": [0, 1], "facet": "tone", "value": ["a", "b"], "predicted": ["a", "b"], "fold": [0, 1]}
        | {"score:a": [1.0, 0.0], "score:b": [0.0, 1.0]}
    )
    found = answer_calibrated(few, {"tone": ["a", "b"]})
    assert found["predicted"].tolist() == ["a", "b"]
    assert found["p"].tolist() == pytest.approx([np.e / (1 + np.e)] * 2)


# --- what is left out


def test_a_feature_that_is_left_out_has_no_part_in_the_answer():
    markers = {"port": ["port"], "mud": ["mud"]}
    usual = PassageClassifier(markers=markers, min_df=1).fit(TEXTS, TOPICS)
    for name in FEATURES:
        fitted = PassageClassifier(markers=markers, min_df=1, without=(name,)).fit(TEXTS, TOPICS)
        assert name not in fitted.tables_
        assert fitted.decision(TEXTS)["label"].tolist() != usual.decision(TEXTS)["label"].tolist()
    shares = PassageClassifier(markers=markers, min_df=1, without=("shares",)).fit(TEXTS, TOPICS).compile().shares
    assert not np.any(shares)


def test_an_estimator_with_something_left_out_is_cloned_and_only_stores_it():
    odd = PassageClassifier(without=("nothing such",))
    assert clone(odd).get_params()["without"] == ("nothing such",)


@pytest.mark.parametrize(("without", "said"), [(("word",), "did you mean 'words'"), (("rusn",), "did you mean 'runs'")])
def test_an_unknown_feature_is_refused_at_fit_with_the_nearest(without, said):
    with pytest.raises(UsageError, match=f"there is no '{without[0]}' to leave out .{said}") as caught:
        PassageClassifier(without=without).fit(TEXTS, TOPICS)
    assert "shares" in caught.value.hint


def test_a_text_is_no_tuple_of_features():
    with pytest.raises(UsageError, match="where a tuple is wanted"):
        PassageClassifier(without="runs").fit(TEXTS, TOPICS)


@pytest.fixture(scope="module")
def ablated(tmp_path_factory):
    """The rich study's trial, its ablation, what was said on the way, and (texts, features left out) of every fit."""
    trial = trial_of(enriched(derived(tmp_path_factory.mktemp("ablated") / "harbour")))
    said, seen, fit = [], [], PassageClassifier.fit
    with pytest.MonkeyPatch.context() as patch:
        spy = lambda self, X, y, w=None: (seen.append((len(X), self.without)), fit(self, X, y, w))[1]  # noqa: E731
        patch.setattr(PassageClassifier, "fit", spy)
        found = ablation(trial, said.append)
    return trial, found, said, seen


def test_ablation_leaves_out_every_source_and_kind(ablated):
    trial, found, said, _ = ablated
    assert list(found) == [
        *("nothing", "exemplars", "exemplars of round-1", "exemplars of round-2", "pool", "exemplars and pool"),
        *("runs", "parties", "sides", "shares", "all terms of parties"),
    ]
    assert len(said) == len(found)
    assert all(list(by_facet) == FACETS for by_facet in found.values())
    assert len({tuple(by_facet.values()) for by_facet in found.values()}) > 3
    assert found["nothing"] == trial.macro_f1(trial.judged())


def test_what_is_left_out_does_not_train(ablated):
    _, found, _, seen = ablated
    sizes = {name: seen[5 * i][0] for i, name in enumerate(found)}
    own = sizes["exemplars and pool"]
    assert {name: size - own for name, size in sizes.items()} == {
        **dict.fromkeys(found, 14),
        "exemplars": 6,
        "exemplars of round-1": 10,
        "exemplars of round-2": 10,
        "pool": 8,
        "exemplars and pool": 0,
    }
    assert seen[-1][1] == ("parties", "sides", "shares")


def test_a_study_without_parties_and_sources_has_few_levers(coded):
    trial = trial_of(coded)
    plain = Trial(**{**vars(trial), "classifier": PassageClassifier(seed=1)})
    assert list(ablation(plain)) == ["nothing", "runs"]


@pytest.mark.parametrize("seed", range(5))
def test_smaller_parts_lie_within_larger_ones_and_keep_groups_whole(seed):
    groups = list("aaabbcddddeef")
    parts = [drawn(groups, part, seed) for part in (0.25, 0.5, 0.75, 1.0)]
    for small, large in pairwise(parts):
        assert (large | ~small).all()
    for part, share in zip(parts, (0.25, 0.5, 0.75, 1.0), strict=True):
        assert part.sum() >= share * len(groups)
        for name in set(groups):
            assert len({bool(part[i]) for i, group in enumerate(groups) if group == name}) == 1


def test_the_learning_curve_ends_where_the_figures_are(ablated):
    trial, figures, *_ = ablated
    rows = pd.DataFrame(learning_curve(trial, 3))
    assert rows.groupby("of", sort=False)["part"].unique().map(list).to_dict() == {
        "real passages": [0.25, 0.5, 0.75, 1.0],
        "exemplars": [0.25, 0.5, 0.75, 1.0],
    }
    last = rows[rows["part"] == 1].groupby("of")
    for _, mine in last:
        assert dict(zip(mine["facet"], mine["macro_f1"], strict=True)) == figures["nothing"]
    exemplars = rows[(rows["of"] == "exemplars") & (rows["facet"] == "topic")]["passages"]
    assert exemplars.tolist() == [2, 4, 6, 8]
    real = rows[(rows["of"] == "real passages") & (rows["facet"] == "topic")]["passages"]
    assert real.is_monotonic_increasing
    assert real.iloc[-1] == pytest.approx(16 * 4 / 5 + 6)


def test_too_few_texts_to_learn_from_have_no_figure(coded, command):
    gold = [json.loads(line) for line in coded.gold_file.read_text().splitlines()]
    names = sorted({row["passage"] for row in gold})
    kept = [*names[:3], *names[-3:]]  # of each section, so that a quarter is three passages
    write_jsonl(coded.gold_file, [row for row in gold if row["passage"] in kept])
    result = command("evaluate", "--study", coded.root, "--learning-curve")
    assert result.code == 0
    first = next(line for line in result.out.splitlines() if line.startswith("real passages") and "25 %" in line)
    assert "–" in first


# --- what is chosen


@pytest.fixture
def two_candidates(monkeypatch):
    """A choice between two, to be quick."""
    monkeypatch.setattr(choosing, "STRENGTHS", (3.0,))


def test_a_nested_choice_sees_its_training_part_alone(coded, monkeypatch):
    trial, seen = trial_of(coded), []

    def spy(readings, labels, groups, background, classifier, orders):
        seen.append({id(reading) for reading in readings})
        assert len(readings) == len(labels) == len(groups)
        return Choice(classifier, [])

    monkeypatch.setattr(choosing, "choose_parameters", spy)
    chooser = trial.chooser()
    trial.judged(pick=chooser)
    trial.by_author(chooser)
    assert len(seen) == 5 + 2
    for (train_places, test_places), mine in zip(trial.folds, seen, strict=False):
        assert mine == {id(trial.readings[i]) for i in train_places}
        assert not mine & {id(trial.readings[i]) for i in test_places}


def test_what_was_chosen_for_a_fold_judges_it(coded, monkeypatch):
    trial, fitted = trial_of(coded), []
    fit = PassageClassifier.fit
    monkeypatch.setattr(PassageClassifier, "fit", lambda self, *a: (fitted.append(self.C), fit(self, *a))[1])
    strengths = iter([0.1, 0.2, 0.3, 0.4, 0.5])
    trial.judged(pick=lambda _: PassageClassifier(C=next(strengths)))
    assert fitted == [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """What is evaluated of the rich study with a choice between two."""
    study = enriched(derived(tmp_path_factory.mktemp("chosen") / "harbour"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STRENGTHS", (3.0,))
        return diptych.evaluate(study, choose=True)


def test_evaluate_says_what_it_chose(chosen):
    assert [(row["tested_on"], row["fold"]) for row in chosen["chosen"]] == [
        *(("cross_validation", fold) for fold in range(5)),
        *((author, None) for author in chosen["across_authors"]),
        ("test", None),
    ]
    assert all(row["C"] == 3 and row["without"] in ([], ["runs"]) for row in chosen["chosen"])


def test_evaluate_chooses_where_it_is_asked_to_and_prints_what_it_chose(command, coded, chosen, monkeypatch):
    asked = []
    told = lambda *_, choose, **__: (asked.append(choose), copy.deepcopy(chosen))[1]  # noqa: E731
    monkeypatch.setattr("diptych.classifier.evaluation.evaluate.assess", told)
    text = command("evaluate", "--study", coded.root, "--choose").out
    assert asked == [True]
    assert "Chosen within the training part" in text
    assert "unseen passages, fold 5" in text
    assert command("evaluate", "--study", coded.root, "--choose", "--json").json["chosen"] == chosen["chosen"]


def test_nothing_is_told_of_an_author_beside_whom_there_is_too_little(coded, two_candidates):
    gold = [json.loads(line) for line in coded.gold_file.read_text().splitlines()]
    names = sorted({row["passage"] for row in gold})
    kept = [*names[:3], *names[8:]]
    write_jsonl(coded.gold_file, [row for row in gold if row["passage"] in kept])
    found = diptych.evaluate(coded, choose=True)
    assert len(found["across_authors"]) == 1
    assert [row["tested_on"] for row in found["chosen"][5:]] == list(found["across_authors"])


def test_without_choosing_nothing_is_chosen(command, coded, monkeypatch):
    monkeypatch.setattr(choosing, "choose_parameters", lambda *_: pytest.fail("it chose"))
    assert "chosen" not in command("evaluate", "--study", coded.root, "--json").json


def test_training_says_what_it_chose_and_the_card_holds_it(command, coded, two_candidates):
    done = command("train", "--study", coded.root, "--choose")
    assert done.code == 0
    assert "chosen: C 3, " in done.err
    assert "C 3, all features: 0." in done.err
    assert "C 3, without runs: 0." in done.err
    parameters = load_model(coded.model_file).card["training"]["parameters"]
    assert parameters["C"] == 3
    said = "without runs" if parameters["without"] == ["runs"] else "all features"
    assert f"chosen: C 3, {said}" in done.err


def test_training_uses_what_was_chosen(coded, monkeypatch):
    def chosen(readings, labels, groups, background, classifier, orders):
        assert len(readings) == 16
        return Choice(PassageClassifier(**classifier.get_params() | {"C": 10.0, "without": ("runs",)}), [])

    monkeypatch.setattr("diptych.classifier.training.train.choose_parameters", chosen)
    model = train(coded, choose=True)
    assert model.card["training"]["parameters"] == {"C": 10.0, "language": "en", "min_df": 2, "without": ["runs"]}
    assert len(model.scorer.weights.hashes) < len(train(coded).scorer.weights.hashes)
    assert load_model(coded.model_file).card["training"]["parameters"]["without"] == []


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        ({}, (3.0, ())),
        ({(1.0, ()): 0.9}, (1.0, ())),
        ({(1.0, ("runs",)): 0.9, (10.0, ()): 0.9}, (1.0, ("runs",))),
        ({(10.0, ("runs",)): 0.9, (10.0, ()): 0.9}, (10.0, ("runs",))),
        ({(3.0, ()): 0.9, (1.0, ()): 0.9}, (3.0, ())),
    ],
    ids=["all equal: the usual", "the best", "least C", "fewest features", "the usual first"],
)
def test_of_equals_the_usual_is_chosen_then_the_smaller(coded, monkeypatch, figures, best):
    """`figures`: macro-F1 by candidate, .5 where none is given."""

    def judged(readings, labels, folds, classifier, **_):
        return (classifier.C, classifier.without), None

    monkeypatch.setattr(choosing, "cross_fit", judged)
    monkeypatch.setattr(choosing, "answer_calibrated", lambda key, _: key)
    monkeypatch.setattr(choosing, "figures_by_facet", lambda key, _: {"topic": {"macro_f1": figures.get(key, 0.5)}})
    trial = trial_of(coded)
    groups = trial.own["group"].tolist()
    choice = choose_parameters(trial.readings, trial.labels, groups, None, trial.classifier, trial.orders)
    assert (choice.classifier.C, choice.classifier.without) == best
    assert len(choice.candidates) == 6


def test_too_few_passages_to_choose_by_keep_the_usual(coded):
    trial = trial_of(coded)
    choice = choose_parameters(trial.readings[:3], trial.labels[:3], ["a"] * 3, None, trial.classifier, trial.orders)
    assert choice.classifier is trial.classifier
    assert "too few" in choice.sentence()
