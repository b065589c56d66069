"""From labelled passages to figures: terms, languages, the estimator, folds, evaluation, training."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, f1_score

import diptych
from diptych.api import classify, evaluate, model_for
from diptych.classifier.scoring.bundled import bundled_model
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.persist import save_model
from diptych.classifier.scoring.score import Scorer
from diptych.classifier.terms.analyser import KINDS, Analyser, words
from diptych.classifier.terms.hashing import term_hash
from diptych.classifier.terms.language import language_of
from diptych.classifier.terms.sentences import sentences
from diptych.classifier.training.calibrate import calibrate
from diptych.classifier.training.figures import figures
from diptych.classifier.training.held_out import Background, author_folds, cross_fit, stratified_folds
from diptych.classifier.training.held_out import evaluate as evaluate_texts
from diptych.classifier.training.material import Material, training_material
from diptych.classifier.training.model import PassageClassifier, softmax
from diptych.classifier.training.predictions import load_crossfit
from diptych.classifier.training.train import fit_model, train
from diptych.coding.gold import write_gold
from diptych.errors import CodingError, NotTrainedError, RecordError, SchemaError
from diptych.schema import RESERVED, Schema
from diptych.study import Study

MONEY = [
    "The port raised its fees and the town paid the bill.",
    "Fees pay the debts of the port, the treasurer says.",
    "A bill for the new crane came to four million.",
    "Debts of the harbour are paid out of fees.",
    "Порт поднял сборы, и город оплатил счёт.",
    "港口提高费用，城市付账。",
]
NATURE = [
    "Herons stand in the mud where the reeds grow.",
    "Mud and silt fill the basin after rain.",
    "Rain drove the herons out of the reeds.",
    "The reeds grow again in the clean basin.",
    "Цапли стоят в тростнике после дождя.",
    "雨后苍鹭站在芦苇里。",
]
WORK = [
    "Two crews work at night and one by day.",
    "The night shift needs more hands, the crews say.",
    "Hands are hired by the day in the yard.",
    "A crew of six works the yard at night.",
    "Ночная смена работает во дворе порта.",
    "夜班工人在码头工作。",
]
TEXTS = [*MONEY, *NATURE, *WORK]
LABELS = pd.DataFrame(
    {
        "topic": ["money"] * 6 + ["nature"] * 6 + ["work"] * 6,
        "side": ["port", "town", None] * 6,  # two values, a third of the passages undecided
        "tone": ["plain"] * 18,  # one value only
    }
)
ORDERS = {"topic": ["money", "nature", "work"], "side": ["port", "town"], "tone": ["plain"]}
AUTHORS = ["Ada", "Bo"] * 9
MARKERS = {"ada": ["Ada", "Ada's people"], "bo": ["Bo"], "joint": ["the pair"]}
SEEN = [
    *["Ada fears Bo.", "Ada wants what Bo has.", "Bo fears Ada.", "Bo wants the crane that Ada has."] * 3,
    *["Ada and Bo agree. The crane is good for Bo.", "The pair decide; Ada's people say so.", "Ada sees no harm."] * 3,
]
VIEWS = pd.DataFrame({"view": ["ada", "ada", "bo", "bo"] * 3 + ["both", "both", "ada"] * 3})

PARTY_TALK = [
    "Ada",
    "Bo",
    "and",
    "or",
    "Ada's people",
    "The pair",
    "fears",
    "not",
    "wants",
    ".",
    "__ada__",
    "Ada-Bo",
    "<bo>",
]

invented_texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(sorted({word for text in TEXTS for word in words(text)}))).map(" ".join),
    st.text(alphabet="港口雨夜 портдождь\x00!?…|_’'\n", max_size=40),
    st.lists(st.sampled_from(PARTY_TALK)).map(" ".join),
)


@pytest.fixture(scope="module")
def classifier() -> PassageClassifier:
    return PassageClassifier(min_df=1).fit(TEXTS, LABELS)


@pytest.fixture(scope="module")
def scorer(classifier: PassageClassifier) -> Scorer:
    return Scorer(classifier.compile(), Limits(), classifier.analyser_)


@pytest.fixture(scope="module")
def viewer() -> PassageClassifier:
    """A classifier that knows the names of two parties."""
    return PassageClassifier(min_df=1, markers=MARKERS).fit(SEEN, VIEWS)


@pytest.fixture(scope="module")
def view_scorer(viewer: PassageClassifier) -> Scorer:
    return Scorer(viewer.compile(), Limits(), viewer.analyser_)


# --- words and terms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("?! … — \x00", []),
        ("The Crane", ["the", "crane"]),
        ("port’s and port's", ["port’s", "and", "port's"]),
        ("Straße", ["strasse"]),
        ("ＰＯＲＴ", ["port"]),
        ("snake_case", ["snake", "case"]),
        ("pier 7b", ["pier", "7b"]),
        ("Порт и город", ["порт", "и", "город"]),
        ("港口fees", ["港", "口", "fees"]),
    ],
)
def test_words_are_folded_and_wide_characters_stand_alone(text, found):
    assert words(text) == found


def test_neighbouring_chinese_characters_make_a_pair():
    assert "港 口" in Analyser().terms("港口")["words"]


def test_a_single_letter_has_no_letter_runs():
    assert Analyser().terms("a b") == {"words": ["a", "b", "a b"], "runs": [], "parties": [], "sides": []}


def test_repeated_words_are_repeated_terms():
    assert Analyser().terms("fees fees")["words"].count("fees") == 2


@given(invented_texts)
@settings(max_examples=100, deadline=None)
def test_terms_come_in_four_kinds_and_words_pair_within_a_sentence(text):
    kinds, found = Analyser().terms(text), [words(sentence) for sentence in sentences(text)]
    assert tuple(kinds) == KINDS
    assert [term for term in kinds["words"] if " " not in term] == [word for line in found for word in line]
    assert sum(" " in term for term in kinds["words"]) == sum(max(0, len(line) - 1) for line in found)
    assert kinds["parties"] == kinds["sides"] == []


def test_the_same_letters_are_another_term_in_another_kind():
    assert len({term_hash(kind, "oil") for kind in KINDS}) == len(KINDS)


def test_a_name_makes_the_terms_of_its_party(viewer):
    analyser = viewer.analyser_
    assert analyser.terms("Ada's people fear Bo.")["parties"] == analyser.terms("Ada fear Bo.")["parties"]
    assert "holds <bo> fear" in analyser.terms("Bo fears Ada.")["parties"]


def test_parties_joined_by_and_are_one(viewer):
    assert viewer.analyser_.parties.tokens("Ada and Bo agree") == ["<joint>", "agree"]


@given(invented_texts)
@settings(max_examples=100, deadline=None)
def test_an_analyser_made_from_its_settings_finds_the_same_terms(viewer, text):
    plain = json.loads(json.dumps(viewer.analyser_.settings()))
    assert Analyser.of(plain).terms(text) == viewer.analyser_.terms(text)


# --- languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The fees of the port are a burden to the town.", "en"),
        ("Die Preise sind in diesem Jahr nicht gestiegen, und das ist gut.", "de"),
        ("Le port est plus cher que dans les villes du nord.", "fr"),
        ("Los precios del puerto no son más altos en el sur.", "es"),
        ("I prezzi del porto non sono più alti nel sud.", "it"),
        ("Os preços do porto não são mais altos no sul.", "pt"),
        ("De prijs van het water is niet hoger in het zuiden.", "nl"),
        ("Ceny nie są wyższe i to się nie zmieni na południu.", "pl"),
        ("Bu yıl liman daha çok para istedi ve bir sorun oldu.", "tr"),
        ("Порт поднял сборы.", "ru"),
        ("Порт підняв збори.", "uk"),
        ("港口提高费用。", "zh"),
        ("港の料金が上がった。", "ja"),
        ("항구 요금이 올랐다.", "ko"),
        ("ارتفعت رسوم الميناء", "ar"),
        ("דמי הנמל עלו", "he"),
        ("Τα τέλη του λιμανιού", "el"),
        ("Путин met Xi in Beijing, and the two of them signed.", "en"),
        ("Port fees rise", "und"),
        ("12 %, 7 t", "und"),
        ("🚢🚢", "und"),
        ("\x00", "und"),
        ("", "und"),
    ],
)
def test_language_of_a_text(text, language):
    assert language_of(text) == language


# --- the estimator follows scikit-learn


def test_parameters_are_stored_as_given():
    given = {"C": 2.0, "min_df": 3, "markers": MARKERS, "language": "en", "seed": 7, "without": ("runs",)}
    assert PassageClassifier(**given).get_params() == given


def test_a_clone_has_the_parameters_and_nothing_learned(viewer):
    copied = clone(viewer)
    assert copied.get_params() == viewer.get_params()
    assert not hasattr(copied, "facets_")


def test_set_params_changes_a_parameter():
    assert PassageClassifier().set_params(C=0.5).C == 0.5


def test_fit_returns_the_estimator():
    estimator = PassageClassifier()
    assert estimator.fit(TEXTS, LABELS) is estimator


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision"])
def test_predicting_before_fitting_is_scikit_learns_error(method):
    with pytest.raises(NotFittedError):
        getattr(PassageClassifier(), method)(TEXTS)


def test_compiling_before_fitting_is_scikit_learns_error():
    with pytest.raises(NotFittedError):
        PassageClassifier().compile()


def test_score_is_the_share_of_passages_with_every_facet_right(classifier):
    judged = LABELS.assign(side=classifier.predict(TEXTS)["side"])
    assert classifier.score(TEXTS, judged) == 1.0


def test_values_are_those_seen_in_training_sorted(classifier):
    assert classifier.facets_ == {
        "topic": ("money", "nature", "work"),
        "side": ("port", "town"),
        "tone": ("plain",),
    }


def test_it_learns_what_it_was_taught(classifier):
    assert classifier.predict(TEXTS)["topic"].tolist() == LABELS["topic"].tolist()


def test_passages_without_a_label_of_a_facet_still_teach_the_others():
    gaps = LABELS.assign(side=[None] * 12 + ["port", "town"] * 3)
    assert PassageClassifier(min_df=1).fit(TEXTS, gaps).predict([MONEY[0]])["topic"].tolist() == ["money"]


def test_probabilities_of_every_facet_sum_to_one(classifier):
    for shares in classifier.predict_proba(["Fees", ""]).values():
        assert shares.sum(axis=1) == pytest.approx([1, 1])


def test_a_facet_with_one_value_has_that_value_for_sure(classifier):
    assert classifier.predict_proba(["anything"])["tone"].tolist() == [[1.0]]


def test_a_facet_with_two_values_has_two_columns(classifier):
    assert classifier.predict_proba(["anything"])["side"].shape == (1, 2)


def test_fitting_to_terms_is_fitting_to_texts(viewer):
    again = clone(viewer).fit(viewer.analyse(SEEN), VIEWS)
    assert again.decision(SEEN)["view"].tolist() == viewer.decision(SEEN)["view"].tolist()


def test_a_text_of_no_weight_teaches_nothing_but_words():
    weights = [1.0] * len(TEXTS) + [0.0]
    labels = pd.concat([LABELS, pd.DataFrame({"topic": ["fourth"], "side": ["port"], "tone": ["plain"]})])
    fitted = PassageClassifier(min_df=1).fit([*TEXTS, MONEY[0]], labels, weights)
    assert "fourth" not in fitted.facets_["topic"]


def test_it_learns_who_sees_whom_whatever_the_parties_are_called(viewer):
    renamed = (
        clone(viewer)
        .set_params(markers={"ada": ["Cy"], "bo": ["Di"]})
        .fit([text.replace("Ada", "Cy").replace("Bo", "Di") for text in SEEN], VIEWS)
    )
    assert renamed.analyser_.terms("Cy fears Di.")["parties"] == viewer.analyser_.terms("Ada fears Bo.")["parties"]


def test_a_higher_temperature_makes_probabilities_more_even():
    cold, hot = (softmax(np.array([[0.0, 2.0]]), temperature)[0, 1] for temperature in (1.0, 4.0))
    assert 0.5 < hot < cold


# --- the fast form answers as the fitted form


@given(st.lists(invented_texts, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
@example([""])
@example(["\x00", "fees\x00fees"])
@example(["?!… —"])
@example(["港口 и порт’s 🚢", "ＦＥＥＳ", "\ud800 fees"])
@example([TEXTS[0] * 50])
def test_numpy_alone_gives_the_probabilities_and_labels_of_scikit_learn(classifier, scorer, texts):
    assert_same(classifier, scorer, texts)


@given(st.lists(invented_texts, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
@example([""])
@example(["\x00", "fees\x00fees"])
@example(["?!… —"])
@example(["港口 и порт’s 🚢", "ＦＥＥＳ", "\ud800 fees"])
@example(["Ada Ada-Bo Bo's\ud800", "__ada__ ____ <bo>", "ＡＤＡ and Bo or Ada"])
@example([" ".join(SEEN)])
def test_numpy_alone_agrees_where_parties_are_named(viewer, view_scorer, texts):
    assert_same(viewer, view_scorer, texts)


def assert_same(classifier, scorer, texts):
    """The fast form has the scores, probabilities, answers and known words of the fitted one."""
    decided, shares, labels = classifier.decision(texts), classifier.predict_proba(texts), classifier.predict(texts)
    for place, (text, prediction) in enumerate(zip(texts, scorer.predict(texts), strict=True)):
        scores, known = scorer.scores(text)
        assert known == prediction.known == classifier.known(text)
        for facet, values in classifier.facets_.items():
            assert scores[scorer.places_of(facet)] == pytest.approx(decided[facet][place], abs=1e-4)
            assert prediction.probabilities[facet] == pytest.approx(
                dict(zip(values, shares[facet][place], strict=True)), abs=1e-5
            )
            likeliest = prediction.probabilities[facet][labels[facet][place]]
            assert prediction.best(facet)[0] == labels[facet][place] or likeliest == pytest.approx(
                prediction.best(facet)[1], abs=1e-6
            )


def test_a_compiled_model_holds_no_word_of_its_texts(viewer):
    weights = viewer.compile()
    assert weights.hashes.dtype == np.uint64
    assert (weights.hashes[1:] > weights.hashes[:-1]).all()
    assert term_hash("words", "crane") in weights.hashes
    assert term_hash("parties", "holds <ada> fear") in weights.hashes


def test_the_fast_form_divides_scores_by_the_temperature_of_the_facet(classifier):
    warm = Scorer(classifier.compile(), Limits(temperatures={"topic": 3.0}), classifier.analyser_)
    expected = softmax(classifier.decision([MONEY[0]])["topic"], 3.0)[0]
    found = warm.predict([MONEY[0]])[0].probabilities["topic"]
    assert list(found.values()) == pytest.approx(expected, abs=1e-5)


def test_the_prior_is_added_after_the_temperature(classifier):
    prior = [0.5, -1.0, 0.5]
    limits = Limits(temperatures={"topic": 3.0}, priors={"topic": prior})
    found = Scorer(classifier.compile(), limits, classifier.analyser_).predict([MONEY[0]])[0].probabilities["topic"]
    expected = softmax(classifier.decision([MONEY[0]])["topic"] / 3.0 + prior)[0]
    assert list(found.values()) == pytest.approx(expected, abs=1e-5)


def test_a_lean_moves_the_answer_and_no_probability(classifier, scorer):
    leaning = Scorer(classifier.compile(), Limits(leans={"topic": [0.0, 0.0, 50.0]}), classifier.analyser_)
    (plain,), (moved,) = scorer.predict([MONEY[0]]), leaning.predict([MONEY[0]])
    assert moved.probabilities == plain.probabilities
    assert (plain.best("topic")[0], moved.best("topic")[0]) == ("money", "work")
    assert moved.best("topic")[1] == plain.probabilities["topic"]["work"]


CURVE = {"topic": [(0.3, 200, 100), (0.6, 100, 20), (0.9, 50, 0), (0.99, 10, 0)]}


@pytest.mark.parametrize(
    ("rate", "least"),
    # upper bounds (Wilson, one-sided 95 %): 0.557 for 100 of 200, 0.275 for 20 of 100, 0.051 for 0 of 50
    [(1.0, 0.0), (0.56, 0.0), (0.5, 0.6), (0.28, 0.6), (0.27, 0.9), (0.052, 0.9), (0.051, np.inf), (0.0, np.inf)],
)
def test_the_threshold_keeps_errors_below_the_rate(rate, least):
    assert Limits(curves=CURVE).threshold("topic", rate) == least


def test_a_facet_without_a_curve_has_no_threshold():
    assert Limits(curves=CURVE).threshold("tone", 0.0) == 0.0


@pytest.mark.parametrize(
    ("text", "known"),
    [("fees", 1.0), ("fees zebra", 0.5), ("zebra fees zebra zebra", 0.25), ("zebra", 0.0), ("", 0.0)],
)
def test_the_known_share_counts_words_with_repetition(scorer, text, known):
    assert scorer.predict([text])[0].known == known


def test_a_text_is_off_topic_below_the_least_known_share(classifier):
    strict = Scorer(classifier.compile(), Limits(least_known=0.5), classifier.analyser_)
    assert [p.off_topic for p in strict.predict(["fees zebra", "fees zebra zebra"])] == [False, True]


def test_a_text_without_any_known_word_is_always_off_topic(scorer):
    assert [p.off_topic for p in scorer.predict(["", "zebra", "fees"])] == [True, True, False]


def test_a_language_outside_the_training_abstains_and_an_unknown_one_does_not(classifier):
    english = Scorer(classifier.compile(), Limits(languages=("en",)), classifier.analyser_)
    texts = ["The fees of the port", "Порт поднял сборы", "Port fees"]
    assert [p.abstains for p in english.predict(texts)] == [False, True, False]


# --- folds

columns_of_labels = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=5, max_size=40)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_passage_is_tested_once_and_never_trained_on_in_that_fold(data):
    first = data.draw(columns_of_labels.filter(lambda labels: sum(v is not None for v in labels) >= 5))
    second = data.draw(st.lists(st.sampled_from("xy"), min_size=len(first), max_size=len(first)))
    folds = stratified_folds(pd.DataFrame({"first": first, "second": second}), seed=3)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(first)))
    for trained, tested in folds:
        assert sorted([*trained, *tested]) == list(range(len(first)))


def test_there_are_five_folds():
    assert len(stratified_folds(LABELS, seed=0)) == 5


def test_every_fold_holds_its_share_of_every_value():
    labels = pd.DataFrame({"topic": ["a"] * 10 + ["b"] * 10, "side": ["x", "y"] * 10})
    for _, test in stratified_folds(labels, seed=0):
        assert labels.iloc[test].value_counts().tolist() == [1, 1, 1, 1]


def test_where_combinations_are_rare_the_first_facet_is_still_balanced():
    labels = pd.DataFrame({"topic": ["a"] * 10 + ["b"] * 10, "note": [f"n{i}" for i in range(20)]})
    for _, test in stratified_folds(labels, seed=0):
        assert labels.iloc[test]["topic"].value_counts().to_dict() == {"a": 2, "b": 2}


def test_folds_depend_on_the_seed_alone():
    first, again, other = ([test.tolist() for _, test in stratified_folds(LABELS, seed)] for seed in (1, 1, 2))
    assert first == again != other


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 11)), min_size=30, max_size=60), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_passages_of_one_group_are_tested_together(pairs, seed):
    groups = [f"g{number}" for _, number in pairs]
    labels = pd.DataFrame({"topic": [value for value, _ in pairs]})
    if len(set(groups)) < 10:
        return
    folds = stratified_folds(labels, seed, groups=groups)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(pairs)))
    for trained, tested in folds:
        assert len(tested)
        assert not {groups[i] for i in trained} & {groups[i] for i in tested}


def test_too_few_groups_are_passed_over():
    groups = ["one"] * 9 + ["two"] * 9
    assert [t.tolist() for _, t in stratified_folds(LABELS, 1, groups=groups)] == [
        t.tolist() for _, t in stratified_folds(LABELS, 1)
    ]


def test_an_author_is_tested_by_all_others():
    folds = [
        (author, train.tolist(), test.tolist()) for author, (train, test) in author_folds(["Ada", "Bo", "Ada", "Cy"])
    ]
    assert folds == [("Ada", [1, 3], [0, 2]), ("Bo", [0, 2, 3], [1]), ("Cy", [0, 1, 2], [3])]


def test_one_author_cannot_be_tested_by_others():
    assert list(author_folds(["Ada", "Ada"])) == []


def test_cross_fitting_knows_no_word_that_only_the_judged_passage_has():
    texts = [f"harbour alpha{i} beta{i}" for i in range(10)]
    labels = pd.DataFrame({"topic": ["a", "b"] * 5})
    _, known = cross_fit(texts, labels, stratified_folds(labels, 0), PassageClassifier(min_df=1))
    assert known == pytest.approx([1 / 3] * 10)


def test_cross_fitting_gives_one_prediction_a_passage_and_facet():
    predictions, _ = cross_fit(TEXTS, LABELS, stratified_folds(LABELS, 0), PassageClassifier())
    assert not predictions.duplicated(["place", "facet"]).any()
    assert len(predictions) == 3 * len(TEXTS)


def test_what_stands_in_the_background_teaches_and_is_not_judged():
    labels = pd.DataFrame({"topic": ["a", "b"] * 5})
    beside = Background(["zebra"] * 4, pd.DataFrame({"topic": ["c"] * 4}), np.full(4, 0.5))
    texts = [f"harbour zebra{i}" for i in range(10)]
    folds = stratified_folds(labels, 0)
    predictions, _ = cross_fit(texts, labels, folds, PassageClassifier(min_df=1), background=beside)
    assert predictions["place"].tolist() == list(range(10))
    assert predictions["score:c"].notna().all()


def test_texts_without_labels_are_judged_by_every_fold():
    labels = LABELS[["topic"]]
    found, known = cross_fit(TEXTS, labels, stratified_folds(labels, 0), PassageClassifier(), ["New fees", "New mud"])
    others = found[found["place"] >= len(TEXTS)]
    assert others.groupby("place")["fold"].apply(list).tolist() == [[0, 1, 2, 3, 4]] * 2
    assert others["value"].isna().all()
    assert len(known) == len(TEXTS)


# --- figures


def test_figures_of_a_case_worked_by_hand():
    gold = ["a", "a", "a", "b", "b", "c"]
    predicted = ["a", "a", "b", "b", "c", "a"]
    found = figures(gold, predicted, ["a", "b", "c"])
    # a: 2 of 3 predicted, 2 of 3 found; b: 1 of 2, 1 of 2; c: 0 of 1, 0 of 1
    assert [v["f1"] for v in found["values"]] == pytest.approx([2 / 3, 1 / 2, 0])
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert found["accuracy"] == pytest.approx(3 / 6)
    assert found["passages"] == 6


def test_figures_of_a_value_are_precision_recall_and_number():
    row = figures(["a", "a", "a", "b"], ["a", "b", "b", "b"], ["a", "b"])["values"][1]
    assert row == {
        "value": "b",
        "precision": pytest.approx(1 / 3),
        "recall": 1.0,
        "f1": pytest.approx(1 / 2),
        "passages": 1,
    }


def test_macro_f1_leaves_out_values_that_no_passage_has():
    found = figures(["a", "b"], ["a", "b"], ["a", "b", "never"])
    assert found["macro_f1"] == 1.0
    assert [v["value"] for v in found["values"]] == ["a", "b"]


def test_figures_keep_the_order_of_the_schema():
    assert [v["value"] for v in figures(["a", "b"], ["a", "b"], ["b", "a"])["values"]] == ["b", "a"]


answers = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30)


@given(answers)
@settings(max_examples=80, deadline=None)
def test_figures_are_those_of_scikit_learn(pairs):
    gold, predicted = (list(side) for side in zip(*pairs, strict=True))
    found = figures(gold, predicted, ["a", "b", "c"])
    macro = f1_score(gold, predicted, labels=sorted(set(gold)), average="macro", zero_division=0.0)
    assert found["macro_f1"] == pytest.approx(macro)
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, predicted))


@given(st.lists(st.sampled_from("aaab"), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_the_baseline_is_always_to_say_the_commonest_value(gold):
    baseline = figures(gold, gold, ["a", "b"])["majority"]
    assert gold.count(baseline["value"]) == max(map(gold.count, gold))
    always = figures(gold, [baseline["value"]] * len(gold), ["a", "b"])
    assert baseline["accuracy"] == pytest.approx(always["accuracy"])
    assert baseline["macro_f1"] == pytest.approx(always["macro_f1"])


def test_the_baseline_is_scikit_learns_dummy():
    gold = ["b"] * 5 + ["a"] * 3 + ["c"]
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((9, 1)), gold)
    assert figures(gold, gold, "abc")["majority"]["accuracy"] == dummy.score(np.zeros((9, 1)), gold)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_scores_that_are_too_sure_or_too_shy(factor):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(6000, 3), scale=2.0)
    gold = (softmax(scores).cumsum(axis=1) < rng.random((6000, 1))).sum(axis=1)
    assert calibrate(scores * factor, gold).temperature == pytest.approx(factor, rel=0.1)


def test_calibration_finds_the_prior_of_values_that_are_rarer_than_the_scores_say():
    rng = np.random.default_rng(0)
    prior = np.array([1.0, 0.0, -1.0])
    scores = rng.normal(size=(6000, 3), scale=2.0)
    gold = (softmax(scores + prior).cumsum(axis=1) < rng.random((6000, 1))).sum(axis=1)
    assert calibrate(scores, gold).prior == pytest.approx(prior, abs=0.15)


@given(
    st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30), st.integers(0, 1)), min_size=1, max_size=40),
)
@settings(max_examples=40, deadline=None)
@example([(0.0, 0.0, 0), (0.0, 0.0, 1)])
@example([(-30.0, 30.0, 0), (30.0, -30.0, 1)])
def test_calibration_of_any_scores_is_finite_and_its_curve_goes_down(rows):
    scores, gold = np.array([row[:2] for row in rows]), np.array([row[2] for row in rows])
    found = calibrate(scores, gold)
    assert 0.01 <= found.temperature <= 100
    assert np.isfinite([*found.prior, *found.lean]).all()
    passages = [number for _, number, _ in found.curve]
    assert passages == sorted(passages, reverse=True)
    assert all(0 <= wrong <= number <= len(rows) for _, number, wrong in found.curve)


# --- evaluation


def test_evaluation_tests_every_labelled_passage_and_every_author():
    found = evaluate_texts(TEXTS, LABELS, AUTHORS, ORDERS)
    assert {facet: f["passages"] for facet, f in found["cross_validation"].items()} == {
        "topic": 18,
        "side": 12,
        "tone": 18,
    }
    assert {author: f["topic"]["passages"] for author, f in found["across_authors"].items()} == {
        "Ada": 9,
        "Bo": 9,
    }


def test_one_author_is_evaluated_without_figures_across_authors():
    assert evaluate_texts(TEXTS, LABELS, ["Ada"] * 18, ORDERS)["across_authors"] == {}


def test_an_author_with_too_little_to_learn_from_has_no_figures():
    authors = ["Ada"] * 16 + ["Bo"] * 2
    assert list(evaluate_texts(TEXTS, LABELS, authors, ORDERS)["across_authors"]) == ["Bo"]


def test_evaluating_twice_gives_the_same_figures():
    first, again = (evaluate_texts(TEXTS, LABELS, AUTHORS, ORDERS, seed=4) for _ in range(2))
    assert first == again


# --- too little to train on


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_fitting_too_few_passages_names_their_number_and_how_many_it_takes(number):
    with pytest.raises(NotTrainedError, match=f"^{number} coded passages? ") as caught:
        PassageClassifier().fit(TEXTS[:number], LABELS[:number])
    assert int(re.search(r"at least (\d+)", caught.value.hint)[1]) > number


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_evaluating_too_few_passages_names_their_number_and_how_many_it_takes(number):
    labels = pd.DataFrame({"topic": ["money"] * number})
    with pytest.raises(NotTrainedError, match=f"^{number} coded passages? ") as caught:
        evaluate_texts(MONEY[:number], labels, ["Ada"] * number, {"topic": ["money"]})
    assert int(re.search(r"at least (\d+)", caught.value.hint)[1]) > number


def test_five_passages_are_enough_to_evaluate():
    labels = pd.DataFrame({"topic": ["money", "work"] * 2 + ["money"]})
    found = evaluate_texts(["fees and work"] * 5, labels, ["Ada"] * 5, {"topic": ["money", "work"]})
    assert found["cross_validation"]["topic"]["passages"] == 5


@pytest.mark.parametrize("texts", [["?!"] * 6, ["mud", "fog", "ice", "sun", "jet", "wax"]])
def test_texts_without_a_common_word_cannot_teach(texts):
    with pytest.raises(NotTrainedError, match="no words in common"):
        PassageClassifier().fit(texts, LABELS[:6])


def test_a_facet_without_any_label_is_named():
    with pytest.raises(NotTrainedError, match="side: no passage has a gold label"):
        PassageClassifier().fit(TEXTS, LABELS.assign(side=None))


def test_a_facet_with_a_single_label_is_not_said_to_have_none():
    labels = LABELS.assign(side=["port"] + [None] * 17)
    with pytest.raises(NotTrainedError, match=r"side: .*\b1\b"):
        evaluate_texts(TEXTS, labels, AUTHORS, ORDERS)


def test_a_facet_with_labels_in_one_group_alone_is_not_said_to_have_none():
    labels = pd.DataFrame({"topic": ["money", "nature", "work"] * 10, "side": ["port", "town"] * 3 + [None] * 24})
    texts = [f"{text} Pier {i}." for i, text in enumerate((TEXTS * 2)[:30])]
    groups = [f"section {max(0, i - 5) // 2}" for i in range(30)]
    try:
        found = evaluate_texts(texts, labels, ["Ada"] * 30, {facet: ORDERS[facet] for facet in labels}, groups=groups)
    except NotTrainedError as error:
        reason = str(error)
    else:
        reason = ""
        assert found["cross_validation"]["topic"]["passages"] == 30
    assert "no passage has a gold label" not in reason


# --- training a study


@pytest.fixture
def coded(harbour):
    """The harbour study with its gold labels derived."""
    write_gold(harbour)
    return harbour


def test_training_writes_a_model_that_can_be_loaded_again(coded):
    model = train(coded)
    assert model_for(coded).card["training"] == model.card["training"]


def test_the_card_says_what_the_model_was_trained_on(own_harbour):
    training = model_for(own_harbour).card["training"]
    assert training["passages"] == 16
    assert training["authors"] == {"A. Jansen": 8, "B. Okafor": 8}
    assert training["texts"] == {"original": 16}
    assert training["seed"] == own_harbour.settings.seed


def test_the_card_carries_the_schema_that_its_values_belong_to(own_harbour):
    card = model_for(own_harbour).card
    carried = Schema.from_data(card["schema"]["text"])
    assert carried.structure_hash == own_harbour.schema.structure_hash == card["schema"]["structure"]


def test_the_card_carries_the_figures_that_evaluation_gives(own_harbour):
    figures = dict(model_for(own_harbour).card["figures"])
    calibration = figures.pop("calibration")
    measured = evaluate(own_harbour)
    for by_facet in (measured["cross_validation"], *measured["across_authors"].values()):
        for found in by_facet.values():
            del found["interval"], found["coders"]  # only `evaluate` gives these
    assert figures == measured
    assert set(calibration) == set(own_harbour.schema.facet_ids)
    assert all(0 <= c["brier"] <= 2 and 0 <= c["ece"] <= 1 for c in calibration.values())


def test_training_names_its_stages(coded):
    said = []
    train(coded, said.append)
    assert said == ["cross-fitting", "training", "across authors"]


def test_training_leaves_a_cross_fitted_prediction_for_every_passage_and_facet(own_harbour):
    found = load_crossfit(own_harbour)
    assert len(found) == 48
    assert not found.duplicated(["passage", "facet"]).any()
    assert found["p"].between(0, 1).all()


def test_without_training_there_are_no_cross_fitted_predictions(coded):
    with pytest.raises(CodingError, match="no cross-fitted predictions yet") as caught:
        load_crossfit(coded)
    assert "diptych train" in caught.value.hint


def test_the_same_seed_gives_the_same_bytes_of_the_model_file(coded, tmp_path):
    files = []
    for name in ("first.zip", "again.zip"):
        model, _ = fit_model(training_material(coded), coded.schema, seed=5)
        save_model(tmp_path / name, model)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]


def test_another_text_gives_another_version_of_the_model(coded):
    material = training_material(coded)
    real = material.real.assign(text=material.real["text"].replace(material.real["text"][0], "Gulls cried."))
    other = replace(material, real=real)
    first, second = (fit_model(m, coded.schema, seed=5)[0].version for m in (material, other))
    assert first != second


def exemplars(study, number=6):
    """Exemplars as they are written: of the first value of every facet, the last facet disputed."""
    values = {facet.id: facet.value_ids[0] for facet in study.schema.facets}
    last = study.schema.facet_ids[-1]
    return [
        {"id": f"e{i}", "text": f"An exemplar of the quay, number {i}.", "values": values, "disputed": [last]}
        for i in range(number)
    ]


def write_exemplars(study, rows):
    folder = study.root / "annotations" / "exemplars"
    folder.mkdir(parents=True)
    (folder / "one.jsonl").write_text("".join(json.dumps({"format": 1, **row}) + "\n" for row in rows))


def test_exemplars_train_and_are_counted_but_never_judged(coded):
    write_exemplars(coded, exemplars(coded))
    model = train(coded)
    assert model.card["training"]["texts"] == {"original": 16, "exemplar": 6}
    assert model.card["training"]["passages"] == 16
    assert term_hash("words", "exemplar") in model.weights.hashes
    assert set(load_crossfit(coded)["passage"]) == set(diptych.load_passages(coded)["passage"])


def test_a_disputed_facet_of_an_exemplar_has_no_value(coded):
    write_exemplars(coded, exemplars(coded))
    found = training_material(coded).exemplars
    assert found[coded.schema.facet_ids[0]].notna().all()
    assert found[coded.schema.facet_ids[-1]].isna().all()


def test_an_exemplar_of_an_unknown_value_is_refused(coded):
    (row,) = exemplars(coded, 1)
    first = coded.schema.facet_ids[0]
    write_exemplars(coded, [row | {"values": {first: "nonsense"}}])
    with pytest.raises(RecordError, match="nonsense"):
        train(coded)


def test_an_exemplar_that_stands_twice_is_refused(coded):
    write_exemplars(coded, exemplars(coded, 1) * 2)
    with pytest.raises(RecordError, match="stands twice"):
        train(coded)


def test_other_exemplars_make_another_version(coded):
    material = training_material(coded)
    rows = pd.DataFrame([{"passage": r["id"], "text": r["text"], "group": "", **r["values"]} for r in exemplars(coded)])
    first, second = (
        fit_model(m, coded.schema, seed=5)[0].version for m in (material, Material(material.real, 16, rows))
    )
    assert first != second


def test_a_model_loaded_again_answers_as_the_trained_one(coded):
    model = train(coded)
    texts = [*diptych.load_passages(coded)["text"], *TEXTS, ""]
    assert model_for(coded).scorer.predict(texts) == model.scorer.predict(texts)


def test_an_unseen_text_is_classified_by_the_studys_own_model(own_harbour):
    row = classify(["The board says the fees will rise and earn the port its money."], own_harbour).iloc[0]
    assert {"topic", "topic_p", "topic_abstain", "off_topic", "language"} < set(row.index)
    assert row["topic"] in own_harbour.schema.facet("topic").value_ids


def test_classifying_by_a_study_without_a_model_says_how_to_train(coded):
    with pytest.raises(NotTrainedError, match="has no model yet") as caught:
        classify(["The fees of the port."], coded)
    assert caught.value.hint == "run `diptych train`"


def test_training_without_gold_labels_says_how_to_derive_them(harbour):
    with pytest.raises(CodingError, match="no gold labels yet") as caught:
        train(harbour)
    assert "diptych gold" in caught.value.hint


def test_training_where_every_answer_is_disputed_says_that_gold_is_missing(coded):
    coded.gold_file.write_text("")
    with pytest.raises(NotTrainedError, match="gold"):
        train(coded)


def test_training_without_texts_says_that_they_are_missing(coded):
    for document in coded.settings.documents:
        coded.original(document).unlink()
    with pytest.raises(NotTrainedError, match="no coded passage has a text") as caught:
        train(coded)
    assert "digests" in caught.value.hint


def write_digests(study):
    """A digest for every passage of the harbour study, in place of its text."""
    for document, rows in diptych.load_passages(study).groupby("document"):
        lines = [json.dumps({"passage": row.passage, "text": f"In short: {row.text}"}) for row in rows.itertuples()]
        study.digest_file(document).write_text("\n".join(lines))


def test_without_originals_digests_are_trained_on(coded):
    write_digests(coded)
    for document in coded.settings.documents:
        coded.original(document).unlink()
    assert train(coded).card["training"]["texts"] == {"digest": 16}


@pytest.mark.parametrize("column", sorted({*RESERVED, "title", "year", "publisher", "digest", "source", "spans"}))
def test_no_facet_can_take_the_name_of_a_column_of_the_passages(column):
    schema = (
        f"format: 1\nname: t\nversion: 1.0.0\nfacets:\n- id: {column}\n  question: Which?\n"
        "  values: [{id: one, definition: One.}, {id: two, definition: Two.}]\n"
    )
    with pytest.raises(SchemaError, match=column):
        Schema.parse(schema)


# --- the bundled model


def test_the_bundled_model_is_shipped_and_neither_trained_nor_kept_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("DIPTYCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("diptych.classifier.training.train.fit_model", lambda *_: pytest.fail("it was trained"))
    bundled_model.cache_clear()
    assert bundled_model().weights.facets
    assert list(tmp_path.iterdir()) == []


def test_the_bundled_model_is_loaded_once():
    assert bundled_model() is bundled_model()


def test_the_bundled_model_answers_the_schema_of_the_bundled_study():
    schema, model = Study.bundled().schema, bundled_model()
    assert model.card["schema"]["structure"] == schema.structure_hash
    assert {facet: set(values) for facet, values in model.weights.facets.items()} == {
        facet.id: set(facet.value_ids) for facet in schema.facets
    }


def test_the_bundled_model_knows_the_names_of_the_parties_in_the_schema():
    schema = Study.bundled().schema
    named = {
        value.role if value.role == "joint" else value.id for f in schema.facets for value in f.values if value.markers
    }
    assert set(bundled_model().analyser.parties.markers) == named


def test_the_bundled_model_says_on_what_it_was_trained():
    texts = bundled_model().card["training"]["texts"]
    assert texts["exemplar"] > 0
    assert sum(texts.values()) - texts["exemplar"] == bundled_model().card["training"]["passages"]
