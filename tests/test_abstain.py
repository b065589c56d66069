"""`diptych classify --abstain-at RATE`: how many answers stand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diptych.classifier.scoring.bundled import FILE
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.persist import Model, save_model
from diptych.classifier.scoring.score import Weights
from diptych.classifier.streams.rows import DEFAULT_RATE
from diptych.classifier.terms.hashing import term_hash

WORDS = {"gull": (5, 0, 3, 0), "crane": (0, 5, 0, 3), "the": (0, 0, 0, 0), "of": (0, 0, 0, 0)}
ORDER = sorted(WORDS, key=lambda word: term_hash("words", word))
WEIGHTS = Weights(
    hashes=np.array([term_hash("words", word) for word in ORDER], dtype=np.uint64),
    idf=np.ones(4, dtype=np.float32),
    coefficients=np.array([WORDS[word] for word in ORDER], dtype=np.float32),
    intercepts=np.zeros(4, dtype=np.float32),
    facets={"topic": ["birds", "machines"], "tone": ["dull", "fond"]},
)
CURVE = [(0.5, 200, 40), (0.7, 150, 10), (0.9, 100, 1)]  # upper bounds about .25, .11, .04
LIMITS = Limits(curves={"topic": CURVE, "tone": [(0.5, 200, 120), (0.8, 150, 90)]}, least_known=0.4)
SURE, UNSURE, FOREIGN = "The gull of the gull", "The gull, the crane", "Bake the bread until brown"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in (SURE, UNSURE, FOREIGN)))
    return path


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "gulls.zip"
    save_model(path, Model(WEIGHTS, LIMITS, {"schema": {"structure": "s"}}))
    return path


@pytest.fixture
def silent(command, table, model_file):
    """Which of the texts the model abstains on, by facet."""

    def call(*arguments):
        result = command("classify", table, "--model", model_file, "--format", "jsonl", *arguments)
        assert result.code == 0
        for row in result.rows:
            for facet in WEIGHTS.facets:
                assert (row[facet] == "") == row[f"{facet}_abstain"]
        return [[row[f"{facet}_abstain"] for row in result.rows] for facet in WEIGHTS.facets]

    return call


def test_rate_0_abstains_on_everything(silent):
    assert silent("--abstain-at", 0) == [[True] * 3, [True] * 3]


def test_rate_1_abstains_on_nothing_but_what_is_off_topic(silent):
    assert silent("--abstain-at", 1) == [[False, False, True], [False, False, True]]


def test_a_rate_between_keeps_the_sure_answers(silent):
    assert silent("--abstain-at", 0.15)[0] == [False, True, True]
    assert silent("--abstain-at", 0.3)[0] == [False, False, True]


def test_every_facet_has_a_threshold_of_its_own(silent):
    assert silent("--abstain-at", 0.3) == [[False, False, True], [True, True, True]]


def test_without_a_rate_the_default_holds(silent):
    assert silent() == silent("--abstain-at", DEFAULT_RATE)


def test_no_abstain_wins(silent):
    assert silent("--abstain-at", 0, "--no-abstain") == [[False] * 3, [False] * 3]


def test_who_abstains_still_says_how_likely_the_best_guess_was(command, table, model_file):
    kept = command("classify", table, "--model", model_file, "--abstain-at", 1).rows
    silent = command("classify", table, "--model", model_file, "--abstain-at", 0).rows
    assert [row["topic_p"] for row in silent] == [row["topic_p"] for row in kept]
    assert kept[0]["topic_p"] > 0.9


@pytest.mark.parametrize("rate", ["-0.1", "1.01", "50", "inf", "nan", "half", ""])
def test_a_rate_out_of_range_is_refused(command, table, model_file, rate):
    result = command("classify", table, "--model", model_file, "--abstain-at", rate)
    assert (result.code, result.out) == (2, "")
    assert "--abstain-at" in result.err


def test_the_bundled_model_knows_what_its_answers_are_worth(command, table):
    texts = [
        "Moscow wants a higher price for the gas that its pipelines are to carry to China.",
        "The Chinese leadership sees the Russian army as a partner, and buys its missiles.",
        "My cat sleeps on the piano whenever it rains.",
    ]
    table.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))

    def abstains(rate):
        rows = command("classify", table, "--model", FILE, "--abstain-at", rate).rows
        return [sum(row[f"{facet}_abstain"] for row in rows) for facet in ("perspective", "domain", "stance")]

    assert abstains(0) == [3, 3, 3]
    assert abstains(1) == [1, 1, 1]
    assert all(low >= high for low, high in zip(abstains(0.1), abstains(0.3), strict=True))
