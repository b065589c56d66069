"""Which words and sentences moved an answer: `explain`, and `diptych classify --explain`."""

from __future__ import annotations

import json
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.classifier.scoring.bundled import FILE, bundled_model
from diptych.classifier.scoring.explain import TOP, explain
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.persist import Model, save_model
from diptych.classifier.scoring.score import Scorer, Weights
from diptych.classifier.terms.analyser import Analyser
from diptych.classifier.terms.hashing import term_hash

WORDS = {"gull": (4, 0, 0, 1, 0), "crane": (0, 4, 0, 0, 1), "the": (0,) * 5, "of": (0,) * 5}
ORDER = sorted(WORDS, key=lambda word: term_hash("words", word))
WEIGHTS = Weights(
    hashes=np.array([term_hash("words", word) for word in ORDER], dtype=np.uint64),
    idf=np.ones(4, dtype=np.float32),
    coefficients=np.array([WORDS[word] for word in ORDER], dtype=np.float32),
    intercepts=np.array([0, 0, 0, 0.2, 0.1], dtype=np.float32),
    facets={"topic": ["birds", "machines"], "tone": ["dull", "fond", "wry"]},
)
LIMITS = Limits({"topic": 1.5}, {"topic": [0.3, -0.3]}, {"tone": [0.0, 0.0, 1.5]})
SCORER = Scorer(WEIGHTS, LIMITS, Analyser())
TEXT = "The gull of the quay. The crane of the quay. The gull."


def topic(text, **options):
    return explain(SCORER, text, **options)[0]


def p_of(text, facet, value):
    return SCORER.predict([text])[0].probabilities[facet][value]


# --- words


def test_the_planted_word_is_named_first():
    found = topic("The bread of the gull")
    assert (found.facet, found.value) == ("topic", "birds")
    assert found.words[0][0] == "gull"
    assert found.words[0][1] > 0.2


def test_a_word_that_speaks_against_the_answer_counts_below_0():
    changes = dict(topic("gull gull gull crane").words)
    assert changes["gull"] > 0 > changes["crane"]


def test_a_words_change_is_the_fall_without_it():
    text = "The gull of the crane"
    found = topic(text)
    for word, change in found.words:
        without = " ".join(w for w in text.split() if w != word)
        assert change == pytest.approx(found.p - p_of(without, "topic", found.value))


def test_a_word_the_model_does_not_know_changes_nothing():
    assert dict(topic("gull bread").words)["bread"] == pytest.approx(0)


def test_a_word_that_stands_twice_is_left_out_twice_and_named_once():
    found = topic("gull bread gull")
    assert [word for word, _ in found.words] == ["gull", "bread"]
    assert found.words[0][1] == pytest.approx(found.p - p_of("bread", "topic", "birds"))


def test_a_word_is_the_same_with_a_stop_behind_it():
    named = [word.strip(".,") for word, _ in topic("gull, bread gull.").words]
    assert named.count("gull") == 1


def test_words_come_by_the_size_of_their_change_and_only_the_first_ones():
    text = "gull crane the of bread quay wine salt"
    changes = [abs(change) for _, change in topic(text).words]
    assert changes == sorted(changes, reverse=True)
    assert len(changes) == TOP
    assert len(topic(text, top=2).words) == 2
    assert topic(text, top=0).words == ()


def test_every_facet_is_explained_in_the_models_order():
    assert [(found.facet, found.value) for found in explain(SCORER, "crane")] == [
        ("topic", "machines"),
        ("tone", "wry"),
    ]


def test_an_answer_that_leans_is_explained_as_it_was_given():
    (_, tone) = explain(SCORER, "gull")
    answer = SCORER.predict(["gull"])[0]
    assert (tone.value, tone.p) == answer.best("tone") == ("wry", answer.probabilities["tone"]["wry"])
    assert tone.p < max(answer.probabilities["tone"].values())


# --- sentences


def test_a_sentences_change_is_the_fall_without_it():
    found = topic(TEXT)
    assert [sentence for sentence, _ in found.sentences] == [
        "The gull of the quay.",
        "The crane of the quay.",
        "The gull.",
    ]
    expected = [
        "The crane of the quay. The gull.",
        "The gull of the quay. The gull.",
        "The gull of the quay. The crane of the quay.",
    ]
    for (_, change), rest in zip(found.sentences, expected, strict=True):
        assert change == pytest.approx(found.p - p_of(rest, "topic", "birds"))
    assert found.sentences[1][1] < 0


def test_one_sentence_alone_has_no_sentences_to_leave_out():
    found = topic("The gull of the quay.")
    assert found.sentences == ()
    assert found.words


@pytest.mark.parametrize("text", ["", " ", "\n\t\n"])
def test_an_empty_text_has_nothing_to_leave_out(text):
    for found in explain(SCORER, text):
        assert (found.words, found.sentences) == ((), ())
        assert found.p == p_of(text, found.facet, found.value)


@pytest.mark.parametrize("text", ["\x00", "?!", "...", "港口", "gull\x00crane"])
def test_odd_texts_are_explained(text):
    assert [found.facet for found in explain(SCORER, text)] == ["topic", "tone"]


@given(st.lists(st.sampled_from(["gull", "crane", "The", "of", "bread.", "Quay!", "gull."]), max_size=12).map(" ".join))
@settings(max_examples=60, deadline=None)
def test_an_explanations_answer_is_the_predictions(text):
    answer = SCORER.predict([text])[0]
    for found in explain(SCORER, text):
        assert (found.value, found.p) == answer.best(found.facet)
        assert all(-1 <= change <= 1 for _, change in (*found.words, *found.sentences))


class Hurried(Scorer):
    """Loses patience ten seconds after it was made."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.end = perf_counter() + 10

    def scores(self, text):
        assert perf_counter() < self.end, "not explained within seconds"
        return super().scores(text)


def test_a_hundred_thousand_words_are_explained_within_seconds():
    text = "The gull of the crane sat on a quay. " * 11_112
    assert explain(Hurried(WEIGHTS, LIMITS, Analyser()), text)


# --- the bundled model


PIPELINE = (
    "Moscow fears that the pipeline will tie its gas to one buyer. "
    "Russian officials want a higher price. The two presidents met in May."
)


def test_the_bundled_models_answers_are_explained_as_they_are_given():
    scorer = bundled_model().scorer
    answer = scorer.predict([PIPELINE])[0]
    found = {one.facet: one for one in explain(scorer, PIPELINE)}
    assert {facet: (one.value, one.p) for facet, one in found.items()} == {f: answer.best(f) for f in found}
    assert found["domain"].value == "energy"
    assert {"pipeline", "gas"} & {word for word, _ in found["domain"].words[:3]}
    assert max(found["domain"].sentences, key=lambda pair: pair[1])[0].startswith("Moscow fears")


# --- the command


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "gulls.zip"
    save_model(path, Model(WEIGHTS, LIMITS, {"schema": {"structure": "s"}}))
    return path


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps({"text": TEXT}) + "\n" + json.dumps({"text": "A crane"}) + "\n")
    return path


def test_the_command_explains_as_json_lines(command, model_file, table):
    result = command("classify", table, "--model", model_file, "--explain", "--format", "jsonl")
    assert result.code == 0
    first, second = result.rows
    assert [facet["facet"] for facet in first["facets"]] == ["topic", "tone"]
    expected = topic(TEXT)
    found = first["facets"][0]
    assert (found["value"], found["p"]) == (expected.value, pytest.approx(expected.p))
    assert found["words"] == [[word, pytest.approx(change)] for word, change in expected.words]
    assert found["sentences"] == [[line, pytest.approx(change)] for line, change in expected.sentences]
    assert second["facets"][0]["sentences"] == []
    assert first["passage"] != second["passage"]


def test_the_command_explains_in_words(command, model_file, table):
    result = command("classify", table, "--model", model_file, "--explain", "--format", "table")
    assert result.code == 0
    assert TEXT in result.out
    assert f"topic: birds ({topic(TEXT).p:.2f})" in result.out
    assert "crane -" in result.out
    assert f"{topic(TEXT).sentences[0][1]:+.2f}  The gull of the quay." in result.out


def test_the_passages_of_a_document_are_named(command, model_file, tmp_path):
    (tmp_path / "quay.txt").write_text("The gull sits on the old quay.\n\nThe crane has not moved since.\n")
    result = command("classify", tmp_path / "quay.txt", "--model", model_file, "--explain")
    assert [row["passage"] for row in result.rows] == ["quay:001", "quay:002"]


def test_another_text_column_is_explained(command, model_file, tmp_path):
    (tmp_path / "in.csv").write_text("id,body\n1,a crane\n")
    result = command("classify", tmp_path / "in.csv", "--model", model_file, "--explain", "--text-column", "body")
    assert result.rows[0]["facets"][0]["value"] == "machines"


def test_rows_that_cannot_be_explained_are_set_aside_as_ever(command, model_file, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table.write_text(json.dumps({"text": "A gull"}) + "\n" + json.dumps({"text": 7}) + "\n")
    result = command("classify", table, "--model", model_file, "--explain")
    assert len(result.rows) == 1
    assert result.code == 3
    assert "1 row rejected" in result.err


def test_explanations_go_to_the_file_that_was_named(command, model_file, table, tmp_path):
    out = tmp_path / "why.jsonl"
    result = command("classify", table, "--model", model_file, "--explain", "--out", out)
    assert (result.code, result.out) == (0, "")
    assert len(out.read_text().splitlines()) == 2


def test_the_bundled_model_explains_a_document(command, tmp_path):
    (tmp_path / "gas.txt").write_text(PIPELINE + "\n")
    (row,) = command("classify", tmp_path / "gas.txt", "--model", FILE, "--explain").rows
    assert [facet["facet"] for facet in row["facets"]] == ["perspective", "domain", "stance"]
    assert all(len(facet["sentences"]) == 3 for facet in row["facets"])
