"""Texts in, predictions out: order, columns, abstention, rejects, documents; `classify`, both ways."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.api import classify
from diptych.classifier.scoring.bundled import bundled_model
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.persist import Model, save_model
from diptych.classifier.scoring.score import Scorer, Weights
from diptych.classifier.streams.rows import document_rows, predict_rows, prediction_columns, table_rows
from diptych.classifier.terms.analyser import Analyser
from diptych.classifier.terms.hashing import term_hash
from diptych.errors import DocumentError, RecordError, UsageError
from diptych.exchange.tables import Reject

HASHES = np.array([term_hash("words", word) for word in ("gull", "crane", "the", "of")], dtype=np.uint64)
ORDER = np.argsort(HASHES)
WEIGHTS = Weights(
    hashes=HASHES[ORDER],
    idf=np.ones(4, dtype=np.float32),
    coefficients=np.array([[4, 0, 0, 1, 0], [0, 4, 0, 0, 1], [0] * 5, [0] * 5], dtype=np.float32)[ORDER],
    intercepts=np.array([0, 0, 0, 0.2, 0.1], dtype=np.float32),
    facets={"topic": ["birds", "machines"], "tone": ["dull", "fond", "wry"]},
)
LIMITS = Limits(least_known=0.4, languages=("en",))
BIRDS, MACHINES = "The gull of the gull", "The crane of the crane"


@pytest.fixture
def scorer() -> Scorer:
    """Gulls are birds, cranes are machines; it knows four words, and English only."""
    return Scorer(WEIGHTS, LIMITS, Analyser())


@pytest.fixture
def model_file(tmp_path):
    """The same as a model file."""
    path = tmp_path / "gulls.zip"
    save_model(path, Model(WEIGHTS, LIMITS, {"schema": {"structure": "s"}}))
    return path


def numbered(*rows):
    """Rows as a table gives them: with their line numbers."""
    return list(enumerate(rows, 1))


def predicted(scorer, *texts, **options):
    return list(predict_rows(numbered(*({"text": text} for text in texts)), scorer, **options))


# --- columns


def test_rows_come_out_in_the_order_they_went_in(scorer):
    rows = numbered(*({"text": text, "id": i} for i, text in enumerate([BIRDS, MACHINES, "?", BIRDS])))
    assert [row["id"] for row in predict_rows(rows, scorer)] == [0, 1, 2, 3]


def test_rows_are_taken_one_at_a_time(scorer):
    def endless():
        number = 0
        while True:
            number += 1
            yield number, {"text": BIRDS, "id": number}

    found = predict_rows(endless(), scorer)
    assert [next(found)["id"] for _ in range(3)] == [1, 2, 3]


def test_the_inputs_own_columns_come_first_unchanged(scorer):
    given_row = {"id": "7", "text": BIRDS, "note": None, "größe": 3}
    (row,) = predict_rows([(1, given_row)], scorer)
    assert list(row) == [*given_row, *prediction_columns(["topic", "tone"])]
    assert {key: row[key] for key in given_row} == given_row


def test_every_facet_has_a_value_a_probability_and_a_flag(scorer):
    (row,) = predicted(scorer, BIRDS)
    del row["text"], row["topic_p"], row["tone_p"]
    assert row == {
        "topic": "birds",
        "topic_abstain": False,
        "tone": "fond",
        "tone_abstain": False,
        "off_topic": False,
        "language": "en",
    }


def test_the_text_may_stand_in_a_column_of_another_name(scorer):
    rows = [(1, {"body": MACHINES, "text": BIRDS})]
    assert next(predict_rows(rows, scorer, text_column="body"))["topic"] == "machines"


def test_probability_columns_are_added_on_request(scorer):
    (row,) = predicted(scorer, BIRDS, probabilities=True)
    added = ["topic_birds", "topic_machines", "tone_dull", "tone_fond", "tone_wry"]
    assert [column for column in row if column in added] == added
    assert row["topic_birds"] == row["topic_p"]


@given(st.text(alphabet="gulcrane theof\x00?港", max_size=50))
@settings(max_examples=80, deadline=None)
def test_probabilities_of_a_facet_sum_to_one(text):
    (row,) = predicted(Scorer(WEIGHTS, LIMITS, Analyser()), text, probabilities=True)
    for values in (["topic_birds", "topic_machines"], ["tone_dull", "tone_fond", "tone_wry"]):
        assert sum(row[name] for name in values) == pytest.approx(1, abs=3e-4)


@pytest.mark.parametrize("column", prediction_columns(["topic", "tone"]))
def test_a_column_of_the_input_is_never_overwritten(scorer, column):
    rows = [(1, {"text": BIRDS, column: "mine"})]
    with pytest.raises(UsageError, match=f"has a column '{column}'") as caught:
        list(predict_rows(rows, scorer))
    assert "--prefix" in caught.value.hint


@pytest.mark.parametrize("column", ["topic_birds", "tone_wry"])
def test_a_column_of_the_input_is_never_overwritten_by_a_probability(scorer, column):
    rows = [(1, {"text": BIRDS, column: "mine"})]
    with pytest.raises(UsageError, match=f"has a column '{column}'") as caught:
        list(predict_rows(rows, scorer, probabilities=True))
    assert "--prefix" in caught.value.hint


def test_without_probabilities_their_names_are_free(scorer):
    (row,) = predict_rows([(1, {"text": BIRDS, "topic_birds": "mine"})], scorer)
    assert row["topic_birds"] == "mine"


def test_a_prefix_keeps_both_columns(scorer):
    rows = [(1, {"text": BIRDS, "topic": "harbour", "language": "English"})]
    (row,) = predict_rows(rows, scorer, prefix="predicted_", probabilities=True)
    assert (row["topic"], row["predicted_topic"]) == ("harbour", "birds")
    assert (row["language"], row["predicted_language"]) == ("English", "en")
    assert row["predicted_topic_birds"] == row["predicted_topic_p"]


def test_a_column_that_clashes_with_a_prefixed_one_is_refused_too(scorer):
    with pytest.raises(UsageError, match="has a column 'p_topic'"):
        list(predict_rows([(1, {"text": BIRDS, "p_topic": ""})], scorer, prefix="p_"))


# --- abstention

FOREIGN = "Der Kran und die Möwe sind auf dem Dach, gull crane gull crane gull crane gull crane"


def test_a_text_off_topic_abstains(scorer):
    (row,) = predicted(scorer, "Bake the bread until brown")
    assert (row["off_topic"], row["topic"], row["topic_abstain"]) == (True, "", True)


def test_a_text_in_another_language_abstains_though_its_words_are_known(scorer):
    (row,) = predicted(scorer, FOREIGN)
    assert (row["off_topic"], row["language"], row["topic"], row["tone"]) == (False, "de", "", "")


def test_a_text_of_no_certain_language_does_not_abstain(scorer):
    (row,) = predicted(scorer, "gull")
    assert (row["language"], row["topic"]) == ("und", "birds")


def test_who_abstains_still_says_how_likely_the_best_guess_was(scorer):
    (row,) = predicted(scorer, "Bake the bread until brown")
    assert row["topic_p"] == 0.5


@pytest.mark.parametrize("text", ["Bake the bread until brown", FOREIGN, "?!", "港口"])
def test_without_abstaining_every_text_gets_the_best_guess(scorer, text):
    (row,) = predicted(scorer, text, abstain=False)
    assert row["topic"] in WEIGHTS.facets["topic"]
    assert row["topic_abstain"] is False


def test_without_abstaining_off_topic_is_still_said(scorer):
    (row,) = predicted(scorer, "Bake the bread until brown", abstain=False)
    assert row["off_topic"] is True


@pytest.fixture
def careful() -> Scorer:
    """It was right above 0.9 in `topic`, and half the time below; of `tone` it says nothing."""
    curves = {"topic": [(0.5, 200, 80), (0.9, 100, 0)]}
    return Scorer(WEIGHTS, replace(LIMITS, curves=curves), Analyser())


@pytest.mark.parametrize(("rate", "answer"), [(1.0, "birds"), (0.5, "birds"), (0.2, ""), (0.0, "")])
def test_an_answer_too_unsure_for_the_rate_is_left_empty(careful, rate, answer):
    (row,) = predicted(careful, "the gull the crane of gull", abstain_at=rate)
    assert (row["topic"], row["topic_abstain"]) == (answer, not answer)
    assert (row["off_topic"], row["tone"], row["tone_abstain"]) == (False, "fond", False)


def test_a_sure_answer_stands_at_a_low_rate(careful):
    (row,) = predicted(careful, "gull", abstain_at=0.05)
    assert (row["topic"], row["topic_abstain"]) == ("birds", False)


def test_without_abstaining_no_rate_matters(careful):
    (row,) = predicted(careful, "the gull the crane of gull", abstain=False, abstain_at=0.0)
    assert (row["topic"], row["topic_abstain"]) == ("birds", False)


def test_an_answer_that_leans_has_its_own_probability():
    leaning = Scorer(WEIGHTS, replace(LIMITS, leans={"topic": (0.0, 30.0)}), Analyser())
    (row,) = predicted(leaning, BIRDS, probabilities=True)
    assert row["topic"] == "machines"
    assert row["topic_p"] == row["topic_machines"] < row["topic_birds"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Москва продаёт Пекину нефть и газ.", "ru"),
        ("莫斯科向北京出售石油。", "zh"),
        ("Moskau verkauft Peking Öl und Gas, und der Preis ist nicht hoch.", "de"),
        ("My cat sleeps on the piano whenever it rains.", "en"),
        ("lorem ipsum dolor amet consectetur", "und"),
    ],
)
def test_the_bundled_model_abstains_from_what_it_was_not_made_for(text, language):
    (row,) = predicted(bundled_model().scorer, text)
    assert (row["language"], row["domain"], row["domain_abstain"]) == (language, "", True)


def test_the_bundled_model_answers_what_it_was_made_for():
    text = "Moscow wants a higher price for the gas that its pipelines are to carry to China."
    assert classify([text])["domain"].tolist() == ["energy"]


# --- rows that cannot be taken


def read(data, *, kind="csv", text_column="text", id_column=None):
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return list(table_rows(stream, f"in.{kind}", kind, text_column=text_column, id_column=id_column))


def rejects(rows):
    return [(row.line, row.reason) for _, row in rows if isinstance(row, Reject)]


def test_a_table_gives_its_rows_with_line_numbers():
    rows = [(2, {"id": "1", "text": "a gull"}), (3, {"id": "2", "text": "a crane"})]
    assert read("id,text\n1,a gull\n2,a crane\n") == rows
    assert read("id\ttext\n1\ta gull\n2\ta crane\n", kind="tsv") == rows


def test_a_row_without_text_is_rejected_with_its_line():
    assert rejects(read('id,text\n1,gull\n2,\n3,"  "\n4,crane\n')) == [
        (3, "text is empty"),
        (4, "text is empty"),
    ]


def test_the_line_of_a_reject_counts_line_ends_within_cells():
    assert rejects(read('id,text\n1,"one\ntwo\nthree"\n2,\n')) == [(5, "text is empty")]


@pytest.mark.parametrize("value", ["7", "1.5", "true", "null", "[]", '{"a": 1}'])
def test_a_value_that_is_no_text_is_rejected_with_its_line(value):
    rows = read(f'{{"text": "gull"}}\n{{"text": {value}}}\n{{"text": "crane"}}\n', kind="jsonl")
    ((line, reason),) = rejects(rows)
    assert line == 2
    assert reason.startswith("text is no text")
    assert [row["text"] for _, row in rows if not isinstance(row, Reject)] == ["gull", "crane"]


def test_a_line_that_is_no_json_is_rejected_with_its_line():
    found = rejects(read('{"text": "gull"}\n\nnonsense\n["text"]\n', kind="jsonl"))
    assert [line for line, _ in found] == [3, 4]


def test_a_row_with_missing_cells_is_rejected():
    assert rejects(read("id,text\n1\n2,crane\n")) == [(2, "1 cells, the header has 2")]


def test_bytes_that_are_not_utf_8_reject_their_row_alone():
    rows = read(b"id,text\n1,M\xf6we\n2,crane\n")
    assert rejects(rows) == [(2, "not UTF-8")]
    assert rows[-1] == (3, {"id": "2", "text": "crane"})


def test_a_reject_shows_the_row_it_stands_for():
    ((_, reject),) = read("id,text\n17,\n")
    assert "17" in reject.row


def test_rejects_pass_through_the_classifier_in_their_place(scorer):
    reject = Reject(2, "text is empty", "")
    found = list(predict_rows([(1, {"text": BIRDS}), (2, reject), (3, {"text": MACHINES})], scorer))
    assert found[1] is reject
    assert [found[0]["topic"], found[2]["topic"]] == ["birds", "machines"]


TABLES = {
    "csv": "id,txt\n1,gull\n",
    "tsv": "id\ttxt\n1\tgull\n",
    "jsonl": '{"id": "1", "txt": "gull"}\n',
    "jsonl after a blank line": '\n{"id": "1", "txt": "gull"}\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_column_is_named_with_the_nearest_one_and_all_there_are(name):
    with pytest.raises(RecordError, match=r"column 'text' is missing \(did you mean 'txt'\?\)") as caught:
        read(TABLES[name], kind=name.split()[0])
    assert "columns here: id, txt" in caught.value.hint


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_missing_id_column_is_named(kind):
    with pytest.raises(RecordError, match="column 'ident' is missing"):
        read(TABLES[kind], kind=kind, text_column="txt", id_column="ident")


def test_a_later_line_without_the_column_is_rejected_alone():
    rows = read('{"text": "gull"}\n{"txt": "crane"}\n', kind="jsonl")
    assert rejects(rows) == [(2, "column 'text' is missing")]


# --- documents

PLAIN = """\
On the quay

The gull sits on the old
crane and waits.

Nobody feeds it any more
since the cannery closed.
"""
CYRILLIC = "Чайка сидит на кране.\n\nНикто её не кормит.\n"
ASTRAL = "🚢 Ships come and go here.\n\nThe 𝔊ull stays behind with us.\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (PLAIN.encode(), PLAIN),
        (PLAIN.replace("\n", "\r\n").encode(), PLAIN.replace("\n", "\r\n")),
        (b"\xef\xbb\xbf" + PLAIN.encode(), PLAIN),
        (PLAIN.encode("utf-16"), PLAIN),
        (CYRILLIC.encode(), CYRILLIC),
        (ASTRAL.encode(), ASTRAL),
    ],
    ids=["plain", "CRLF", "byte order mark", "UTF-16", "Cyrillic", "beyond the basic plane"],
)
def test_start_and_end_of_a_passage_are_places_in_the_decoded_text(data, text):
    rows = [row for _, row in document_rows("quay.txt", data)]
    assert len(rows) == 2
    for row in rows:
        slice_, words = text[row["start"] : row["end"]], row["text"].split()
        assert slice_.startswith(words[0])
        assert slice_.endswith(words[-1])


def test_a_passage_is_running_text():
    rows = [row["text"] for _, row in document_rows("quay.txt", PLAIN.encode())]
    assert rows == [
        "The gull sits on the old crane and waits.",
        "Nobody feeds it any more since the cannery closed.",
    ]


def test_passages_are_named_by_the_file_and_numbered():
    rows = list(document_rows("notes/quay.txt", PLAIN.encode()))
    assert [(number, row["document"], row["passage"]) for number, row in rows] == [
        (1, "quay", "quay:001"),
        (2, "quay", "quay:002"),
    ]


def test_standard_input_is_called_stdin():
    assert next(document_rows("-", b"A gull."))[1]["passage"] == "stdin:001"


def test_a_document_is_predicted_passage_by_passage(scorer):
    rows = list(predict_rows(document_rows("quay.txt", f"{BIRDS}.\n\n{MACHINES}.\n".encode()), scorer))
    assert [row["topic"] for row in rows] == ["birds", "machines"]
    assert list(rows[0])[:5] == ["document", "passage", "start", "end", "text"]


def test_a_file_of_bytes_is_no_document():
    with pytest.raises(DocumentError, match="no text file"):
        list(document_rows("quay.txt", bytes(range(32)) * 40))


# --- as a function and as a command


def test_classify_gives_one_row_a_text_in_order():
    texts = ["Moscow sells arms.", "Beijing buys oil.", ""]
    assert classify(texts)["text"].tolist() == texts


def test_classifying_no_text_gives_an_empty_frame_with_the_same_columns():
    assert classify([]).columns.tolist() == classify(["Oil."]).columns.tolist()


def test_one_text_alone_is_not_taken_for_a_list_of_letters():
    with pytest.raises(UsageError, match="text"):
        classify("Moscow sells arms.")


def test_the_command_writes_rejects_with_their_lines_beside_the_output(command, model_file, tmp_path):
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text(f"id,text\n1,{BIRDS}\n2,\n3,{MACHINES}\n")
    result = command("classify", table, "--model", model_file, "--out", out)
    assert (result.code, result.out) == (3, "")
    assert [line.split(",")[:3] for line in out.read_text().splitlines()[1:]] == [
        ["1", BIRDS, "birds"],
        ["3", MACHINES, "machines"],
    ]
    (reject,) = (tmp_path / "out.csv.rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["line"] == 3
    assert "out.csv.rejects.jsonl" in result.err


def test_the_command_refuses_a_clash_and_offers_a_prefix(command, model_file, tmp_path):
    table = tmp_path / "in.csv"
    table.write_text(f"topic,text\nharbour,{BIRDS}\n")
    refused = command("classify", table, "--model", model_file)
    assert refused.code == 2
    assert "--prefix" in refused.err
    (row,) = command("classify", table, "--model", model_file, "--prefix", "predicted_").rows
    assert (row["topic"], row["predicted_topic"]) == ("harbour", "birds")


def test_the_command_takes_documents_and_tables_in_one_go(command, model_file, tmp_path):
    (tmp_path / "note.txt").write_text(f"{MACHINES}.\n")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": BIRDS}) + "\n")
    result = command("classify", tmp_path / "note.txt", tmp_path / "rows.jsonl", "--model", model_file, "--no-abstain")
    assert [row["topic"] for row in result.rows] == ["machines", "birds"]
