"""The scorer in C gives the answers of the one in numpy, which gives those of scikit-learn."""

from __future__ import annotations

import shutil
import sysconfig
from itertools import islice

import numpy as np
import pandas as pd
import pytest

import diptych
from diptych.classifier.scoring import kernel
from diptych.classifier.scoring.batch import scores as many
from diptych.classifier.scoring.bundled import bundled_model
from diptych.classifier.scoring.kernel import Kernel, kernel_of
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.score import Scorer, Weights
from diptych.classifier.terms.analyser import KINDS, Analyser
from diptych.classifier.terms.hashing import term_hash, term_hashes
from diptych.classifier.training.model import PassageClassifier
from diptych.classifier.training.train import classifier_for
from diptych.coding.gold import gold_table
from kernel_texts import differences, odd_texts

built = pytest.mark.skipif(kernel._kernel is None, reason="the kernel was not built: no compiler")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """The bundled study's digests."""
    return diptych.load_passages(diptych.Study.bundled(), originals=False)["text"].tolist()


@pytest.fixture(scope="module")
def fitted(texts) -> PassageClassifier:
    """A classifier of the bundled study's digests, in scikit-learn's form."""
    study = diptych.Study.bundled()
    gold = gold_table(diptych.load_gold(study), study.schema.facet_ids)
    passages = diptych.load_passages(study, originals=False)["passage"]
    labels = gold.loc[passages][list(study.schema.facet_ids)].reset_index(drop=True)
    return classifier_for(study.schema, 0).fit(texts, labels)


def compiled(fitted: PassageClassifier) -> Scorer:
    weights = fitted.compile()
    return Scorer(weights, Limits(), fitted.analyser(), kernel_of(weights, fitted.analyser()))


def test_the_kernel_is_built_where_there_is_a_compiler():
    command = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(command) is None:
        pytest.skip(f"there is no {command}")
    assert kernel._kernel is not None


@built
def test_scores_are_those_of_the_trained_form(fitted, texts):
    found = fitted.decision(texts)
    wanted = np.concatenate([found[facet] for facet in fitted.facets_], axis=1)
    scores, known, _, _ = compiled(fitted).score(texts)
    assert np.abs(scores - wanted).max() < 1e-5
    assert np.abs(known - [fitted.known(text) for text in texts]).max() < 1e-9


@built
def test_every_answer_and_abstention_is_the_same(texts):
    model = bundled_model()
    plain = Scorer(model.weights, model.limits, model.analyser)
    for mine, other in zip(model.scorer.predict(texts), plain.predict(texts), strict=True):
        assert (mine.answers, mine.abstains, mine.off_topic, mine.language) == (
            other.answers,
            other.abstains,
            other.off_topic,
            other.language,
        )
        for facet, chances in mine.probabilities.items():
            assert chances == pytest.approx(other.probabilities[facet], abs=1e-5)


@built
@pytest.mark.parametrize("seed", range(4))
def test_odd_texts_are_scored_alike(fitted, texts, seed):
    words = sorted({word for text in texts for word in text.split()})
    scorer = compiled(fitted)
    assert differences(scorer, list(islice(odd_texts(scorer, words, seed), 400))) == []


@built
def test_what_was_scored_before_changes_nothing(fitted, texts):
    scorer = compiled(fitted)
    words = sorted({word for text in texts for word in text.split()})
    first, *_ = scorer.score(texts)
    for text in texts[:20]:
        pieces = text.split()
        scorer.score([" ".join(pieces[:i] + pieces[i + 1 :]) for i in range(len(pieces))])
        scorer.score(list(islice(odd_texts(scorer, words, len(pieces)), 20)))
        assert np.array_equal(scorer.score(texts)[0], first)


@built
def test_a_schema_without_parties_is_scored_alike(texts):
    labels = pd.DataFrame({"length": ["long" if len(text) > 500 else "short" for text in texts]})
    fitted = PassageClassifier().fit(texts, labels)
    scorer = compiled(fitted)
    words = texts[0].split()
    assert differences(scorer, [*texts[:40], *islice(odd_texts(scorer, words, 5), 200)]) == []


@built
@pytest.mark.parametrize(
    "text", ["", " ", ".", "…", "\n\n\n", "'", "a", "北", "\ud800", "x" * 10_000, "a. " * 5_000, "Xi\u00a0Jinping’s"]
)
def test_the_shortest_and_the_longest_texts(fitted, text):
    assert differences(compiled(fitted), [text]) == []


@built
def test_a_long_text_of_ever_new_words(fitted):
    text = " ".join(f"word{i} Moscow fears gas{i % 7}" for i in range(20_000))
    assert differences(compiled(fitted), [text]) == []


@built
def test_what_is_no_text_is_refused(fitted):
    with pytest.raises(TypeError, match="int where a text is wanted"):
        compiled(fitted).score(["a", 5])
    assert differences(compiled(fitted), ["after it Moscow fears China."]) == []


@built
def test_a_model_of_many_values_is_scored_alike(texts):
    labels = pd.DataFrame({"many": [f"v{i % 30}" for i in range(len(texts))]})
    scorer = compiled(PassageClassifier().fit(texts, labels))
    assert differences(scorer, [*texts[:10], *islice(odd_texts(scorer, texts[0].split(), 6), 50)]) == []
    assert len(scorer.predict(["oil"])[0].probabilities["many"]) == 30


@built
def test_a_model_of_more_values_than_the_kernel_holds_is_left_to_numpy():
    values = [f"v{i}" for i in range(300)]
    weights = Weights(
        np.array([term_hash("words", "oil")], dtype=np.uint64),
        np.ones(1, dtype=np.float32),
        np.ones((1, 300), dtype=np.float32),
        np.zeros(300, dtype=np.float32),
        {"many": values},
    )
    assert kernel_of(weights, Analyser()) is None
    assert len(Scorer(weights, Limits(), Analyser()).predict(["oil"])[0].probabilities["many"]) == 300


@built
def test_arrays_that_do_not_fit_are_refused(fitted):
    weights = fitted.compile()
    found = Kernel(weights, fitted.analyser())
    with pytest.raises(ValueError, match="do not fit"):
        found._kernel.score(["a"], np.empty((2, found.values)), np.empty(1), np.empty(1, dtype=np.bool_))


@pytest.mark.parametrize("kind", KINDS)
def test_hashes_in_numpy_and_in_c_are_one(kind):
    terms = ["oil", "oil gas", "", "北京", "\ud800", "holds <moscow> fear", "…" * 500]
    found = term_hashes(kind, terms)
    assert [term_hash(kind, term) for term in terms] == found.tolist()
    if kernel._kernel is not None:
        assert [kernel._kernel.term_hash(KINDS.index(kind), term) for term in terms] == found.tolist()


def test_no_two_terms_of_the_study_share_a_number(texts):
    terms = {(kind, term) for text in texts for kind, listed in Analyser().terms(text).items() for term in listed}
    assert len({term_hash(kind, term) for kind, term in terms}) == len(terms)


def test_without_the_kernel_numpy_answers(monkeypatch, texts):
    monkeypatch.setattr(kernel, "_kernel", None)
    model = bundled_model()
    assert model.scorer.compiled is None
    assert model.scorer.predict(texts[:1])[0].answers


# --- numpy in batches ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(fitted) -> Scorer:
    """A scorer without the kernel."""
    return Scorer(fitted.compile(), Limits(), fitted.analyser())


@pytest.mark.parametrize("seed", range(2))
def test_batches_in_numpy_give_the_answers_of_texts_one_by_one(plain, texts, seed):
    words = sorted({word for text in texts for word in text.split()})
    assert differences(plain, [*texts[:20], *islice(odd_texts(plain, words, seed), 300)]) == []


@pytest.mark.parametrize(
    "odd",
    [
        *("", " \n", "…", "\ud800", "Deng \U000f0000 Xiaoping fears Moscow.", "\u0301a \u00a8 b", "Moscow。！北京”说"),
        "Moscow and Beijing and Russia, China or the two\nsides; China China and China.",
        "the two leaders the two sides. Moscow and Mao Zedong’s",
        "Don't! Xi Jinping's, e.g. Sept. It isn't Mr. X. (He left.) “So.” 5. Then",
        "a " * 3_000,
        "Moscow and Beijing and " * 40,
    ],
)
def test_batches_in_numpy_read_what_is_odd(plain, odd):
    assert differences(plain, ["Moscow sells gas.", odd, "", odd, "Oil."]) == []


def test_batches_in_numpy_remember_no_more_than_they_should(plain, texts, monkeypatch):
    monkeypatch.setattr(many, "REMEMBERED", 50)
    monkeypatch.setattr(many, "BATCH", 7)
    found = [plain.score(texts[:60]) for _ in range(2)]
    assert np.array_equal(found[0][0], found[1][0])
    assert len(plain._many._pieces) < 5_000


def test_a_schema_without_parties_is_scored_in_batches_alike(texts):
    labels = pd.DataFrame({"length": ["long" if len(text) > 500 else "short" for text in texts]})
    fitted = PassageClassifier().fit(texts, labels)
    assert differences(Scorer(fitted.compile(), Limits(), fitted.analyser()), texts[:40]) == []


def test_a_model_that_knows_no_terms_is_scored_in_batches():
    none = np.zeros(0, dtype=np.float32)
    weights = Weights(none.astype(np.uint64), none, np.zeros((0, 2), dtype=np.float32), np.ones(2), {"f": ["a", "b"]})
    scores, known, _, languages = Scorer(weights, Limits(), Analyser()).score(["the oil is in the sea"] * 5)
    assert (scores == 1).all()
    assert not known.any()
    assert languages == ["en"] * 5
