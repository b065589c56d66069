"""The estimator among scikit-learn's tools, with several facets and with one."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import SkipTestWarning
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

from diptych.classifier.training.labels import label_table
from diptych.classifier.training.model import PassageClassifier
from diptych.errors import NotTrainedError, UsageError

PORT = ["the port raised its fees", "fees pay the port's debts", "debts and fees of the port"]
MUD = ["herons stand in the mud", "mud and reeds and herons", "reeds grow in the mud"]
TEXTS = [*PORT, *MUD] * 3
TOPICS = (["port"] * 3 + ["mud"] * 3) * 3
TABLE = pd.DataFrame({"topic": TOPICS, "tone": ["dry", "wet", "dry"] * 6})

# Those of scikit-learn's checks that look at an estimator and feed it nothing, or numbers before it is fitted.
PLAIN = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]
# Those that fit and predict: the numbers they feed become words (see Spelt).
SPELT = [
    "check_classifiers_classes",
    "check_classifiers_one_label",
    "check_classifiers_one_label_sample_weights",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_pipeline_consistency",
    "check_readonly_memmap_input",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
]
# The others do not apply. They ask what becomes of tables of numbers (dtypes, complex, sparse and array-API tables,
# infinity, names and number of columns, one row or column), or test other kinds of estimator (transformers,
# regressors, clusterers, outliers, multilabel indicators, a `class_weight`). A few ask for what is decided otherwise
# here: check_sample_weight_equivalence_* (`min_df` counts texts, not weights), check_supervised_y_no_nan (missing
# labels are passed over, facet by facet), check_classifier_multioutput and check_supervised_y_2d (several facets are
# a DataFrame, so that they have names), check_classifiers_regression_target (labels may be numbers), and
# check_all_zero_sample_weights_error, check_estimators_empty_data_messages, check_fit2d_1sample (these are refused,
# but with NotTrainedError: tested below).


class Spelt(PassageClassifier):
    """The classifier fed with rows of numbers: each number becomes a word that names its column and its size."""

    def analyse(self, X):
        rows = X if isinstance(X, list) and X and not np.isscalar(X[0]) else np.asarray(X)
        return super().analyse([" ".join(f"c{i}v{round(float(x))}" for i, x in enumerate(np.ravel(r))) for r in rows])


@pytest.mark.parametrize("name", PLAIN)
def test_scikit_learns_checks_of_an_estimator_hold(name):
    estimator = PassageClassifier()
    getattr(estimator_checks, name)("PassageClassifier", estimator)


@pytest.mark.parametrize("name", SPELT)
def test_scikit_learns_checks_that_fit_and_predict_hold(name):
    getattr(estimator_checks, name)("Spelt", Spelt(min_df=1))


def test_scikit_learn_itself_leaves_out_estimators_of_texts():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator_checks.check_estimator(PassageClassifier())
    assert SkipTestWarning in {one.category for one in caught}


def test_it_says_what_it_takes():
    tags = get_tags(PassageClassifier())
    assert is_classifier(PassageClassifier())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.target_tags.multi_output


# --- one facet


@pytest.mark.parametrize("form", [list, tuple, np.array, pd.Series, lambda y: pd.Series(y, dtype="category")])
def test_labels_of_one_facet_come_in_any_form(form):
    fitted = PassageClassifier().fit(TEXTS, form(TOPICS))
    assert fitted.classes_.tolist() == ["mud", "port"]
    assert fitted.predict(TEXTS).tolist() == TOPICS
    assert fitted.predict_proba(TEXTS).shape == (18, 2)
    assert fitted.score(TEXTS, form(TOPICS)) == 1.0


@pytest.mark.parametrize("values", [(2, 10), (True, False), (-1.0, 0.5)])
def test_labels_need_not_be_strings_and_come_back_as_they_were(values):
    y = np.where(np.array(TOPICS) == "port", *values)
    fitted = PassageClassifier().fit(TEXTS, y)
    assert fitted.classes_.tolist() == sorted(values)
    assert fitted.predict(TEXTS).tolist() == y.tolist()
    assert fitted.classes_[fitted.predict_proba(TEXTS).argmax(axis=1)].tolist() == y.tolist()


def test_one_facet_says_the_same_as_a_table_of_it():
    one, table = PassageClassifier().fit(TEXTS, TOPICS), PassageClassifier().fit(TEXTS, TABLE[["topic"]])
    assert one.predict_proba(TEXTS).tolist() == table.predict_proba(TEXTS)["topic"].tolist()


def test_missing_labels_of_one_facet_are_passed_over():
    gaps = [*TOPICS[:-2], None, float("nan")]
    fitted = PassageClassifier().fit(TEXTS, gaps)
    assert fitted.classes_.tolist() == ["mud", "port"]
    assert fitted.score(TEXTS, gaps) == 1.0


def test_a_text_without_any_label_counts_neither_as_right_nor_as_wrong():
    fitted = PassageClassifier().fit(TEXTS, TOPICS)
    assert fitted.score(TEXTS[:3], ["port", "mud", None]) == 0.5


def test_a_value_of_no_weight_is_no_class():
    weights = np.where(np.arange(18) == 17, 0, 1)
    assert PassageClassifier().fit(TEXTS, [*TOPICS[:-1], "third"], weights).classes_.tolist() == ["mud", "port"]


def test_a_value_in_training_alone_is_sure():
    fitted = PassageClassifier().fit(TEXTS, ["port"] * 18)
    assert fitted.predict_proba(["mud"]).tolist() == [[1.0]]
    assert fitted.predict(["mud"]).tolist() == ["port"]


@pytest.mark.parametrize("y", [TOPICS, TABLE])
def test_no_texts_have_no_answers(y):
    assert len(PassageClassifier().fit(TEXTS, y).predict([])) == 0


def test_fitting_again_forgets_the_form_before():
    classifier = PassageClassifier().fit(TEXTS, TOPICS)
    assert list(classifier.fit(TEXTS, TABLE).predict(TEXTS).columns) == ["topic", "tone"]
    assert [one.tolist() for one in classifier.classes_] == [["mud", "port"], ["dry", "wet"]]
    assert classifier.fit(TEXTS, TOPICS).predict(TEXTS).tolist() == TOPICS


# --- scikit-learn's tools


@pytest.mark.parametrize("y", [TOPICS, TABLE, TABLE.set_index(np.arange(18)[::-1])])
def test_a_grid_over_c_uses_its_own_score(y):
    search = GridSearchCV(PassageClassifier(), {"C": [0.01, 3.0]}, cv=3, error_score="raise").fit(TEXTS, y)
    assert search.best_params_["C"] in {0.01, 3.0}
    assert search.score(TEXTS, y) == search.best_estimator_.score(TEXTS, y)


def test_a_grid_takes_weights():
    GridSearchCV(PassageClassifier(), {"C": [1.0]}, cv=3, error_score="raise").fit(
        TEXTS, TOPICS, sample_weight=np.ones(18)
    )


@pytest.mark.parametrize("scoring", ["accuracy", "f1_macro", "neg_log_loss", "roc_auc"])
def test_scikit_learns_scores_apply_to_one_facet(scoring):
    found = cross_val_score(PassageClassifier(), np.array(TEXTS), np.array(TOPICS), cv=3, scoring=scoring)
    assert np.isfinite(found).all()


def test_cross_validated_predictions_of_one_facet_are_right():
    found = cross_val_predict(PassageClassifier(), TEXTS, TOPICS, cv=3)
    assert accuracy_score(TOPICS, found) == 1.0
    assert cross_val_predict(PassageClassifier(), TEXTS, TOPICS, cv=3, method="predict_proba").shape == (18, 2)


@pytest.mark.parametrize("y", [TOPICS, TABLE])
def test_it_is_the_last_step_of_a_pipeline(y):
    shout = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = Pipeline([("shout", shout), ("classify", PassageClassifier())])
    pipeline.fit(TEXTS, y, classify__sample_weight=np.ones(18))
    assert pipeline.score(TEXTS, y) == PassageClassifier().fit(TEXTS, y).score(TEXTS, y)
    assert clone(pipeline).set_params(classify__C=0.5).get_params()["classify__C"] == 0.5


def test_weights_move_the_answer_and_a_score():
    texts, y = [*TEXTS, *["gulls cry"] * 4], [*TOPICS, "port", "port", "mud", "mud"]
    weights = np.array([1.0] * 18 + [9.0, 9.0, 0.1, 0.1])
    there = PassageClassifier().fit(texts, y, weights)
    back = PassageClassifier().fit(texts, y, [*[1.0] * 18, 0.1, 0.1, 9.0, 9.0])
    assert (there.predict(["gulls cry"])[0], back.predict(["gulls cry"])[0]) == ("port", "mud")
    assert there.score(texts, y, weights) == pytest.approx(1 - 0.2 / weights.sum())


def test_a_pickled_copy_answers_the_same():
    fitted = PassageClassifier().fit(TEXTS, TOPICS)
    copied = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert copied.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()


# --- what cannot be taken


@pytest.mark.parametrize("odd", [3, None, 2.5, b"bytes", ["list"], float("nan")])
def test_what_is_no_text_is_named_by_its_place(odd):
    with pytest.raises(UsageError, match=f"text 1 is no text, but {type(odd).__name__}"):
        PassageClassifier().fit([TEXTS[0], odd, *TEXTS[2:]], TOPICS)


def test_one_text_is_no_list_of_texts():
    with pytest.raises(UsageError, match="one text was given"):
        PassageClassifier().fit(TEXTS, TOPICS).predict("mud")


@pytest.mark.parametrize("y", [np.array([TOPICS, TOPICS]).T, "port" * 18, 5])
def test_labels_of_no_form_are_refused(y):
    with pytest.raises((UsageError, ValueError, TypeError)):
        PassageClassifier().fit(TEXTS, y)


def test_numbers_in_a_table_are_refused_by_facet_and_value():
    with pytest.raises(UsageError, match=r"tone: the label 4 is not text"):
        label_table(TABLE.assign(tone=4))


@pytest.mark.parametrize("gone", [None, float("nan"), pd.NA])
def test_one_facet_without_any_label_cannot_teach(gone):
    with pytest.raises(NotTrainedError, match="no passage has a gold label"):
        PassageClassifier().fit(TEXTS, [gone] * 18)


def test_unequal_lengths_are_scikit_learns_error():
    with pytest.raises(ValueError, match="inconsistent numbers"):
        PassageClassifier().fit(TEXTS, TOPICS[:-1])
    with pytest.raises(ValueError, match="inconsistent numbers"):
        PassageClassifier().fit(TEXTS, TOPICS, [1.0])


@pytest.mark.parametrize(("texts", "weights"), [([], []), (TEXTS[:1], [1.0]), (TEXTS, [0.0] * 18)])
def test_what_cannot_teach_is_refused(texts, weights):
    with pytest.raises(NotTrainedError):
        PassageClassifier().fit(texts, TOPICS[: len(texts)], weights)
