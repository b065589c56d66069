"""Training and classifying with what should not be there: other rows go on, and clear words say what does not."""

from __future__ import annotations

import json

import pytest

import diptych
from diptych.classifier.scoring.persist import load_model
from diptych.coding.gold import write_gold
from diptych.documents.passages import load_passages
from diptych.files import write_jsonl

LONG = "mud and reeds " * 33_334  # 100,000 words


@pytest.fixture
def coded(harbour, monkeypatch):
    """The harbour study with gold labels, whose folder commands run in."""
    diptych.ingest(harbour)
    write_gold(harbour)
    monkeypatch.chdir(harbour.root)
    return harbour


def change_gold(study, change):
    """Rewrite gold labels: `change(number of the passage, row)` returns a row or None."""
    rows = [json.loads(line) for line in study.gold_file.read_text().splitlines()]
    places = {passage: place for place, passage in enumerate(sorted({row["passage"] for row in rows}))}
    kept = [row for row in (change(places[row["passage"]], row) for row in rows) if row]
    study.gold_file.write_text("".join(json.dumps(row) + "\n" for row in kept))


def put_texts(study, odd, everywhere=False):
    """Replace the originals by digests, the first of every document (or all) by an odd text."""
    for document, rows in load_passages(study).groupby("document"):
        texts = [odd if everywhere or place == 0 else row.text for place, row in enumerate(rows.itertuples())]
        lines = [json.dumps({"passage": p, "text": t}) for p, t in zip(rows["passage"], texts, strict=True)]
        study.digest_file(document).write_text("\n".join(lines))
    for document in study.settings.documents:
        study.original(document).unlink()


def set_tone(row, value):
    return row | {"value": value} if row["facet"] == "tone" else row


def test_a_facet_with_one_value_is_named_and_the_others_are_learned(coded, command):
    change_gold(coded, lambda _, row: set_tone(row, "plain"))
    done = command("train")
    assert done.code == 0
    assert "tone: all coded passages are plain, nothing to tell apart" in done.err
    assert "topic" in done.out
    (coded.root / "new.csv").write_text("text\nThe fees of the port.\n")
    (row,) = command("classify", "new.csv").rows
    assert (row["tone"], row["tone_p"]) == ("plain", 1.0)
    assert row["topic_p"] < 1


def test_a_value_with_two_passages_trains_and_is_named(coded, command):
    change_gold(coded, lambda place, row: set_tone(row, "torn" if place < 2 else "plain"))
    done = command("train")
    assert done.code == 0
    assert "fewer than 5 coded passages: " in done.err
    assert "tone torn (2)" in done.err


def test_four_coded_passages_are_too_few(coded, command):
    change_gold(coded, lambda place, row: row if place < 4 else None)
    done = command("train")
    assert (done.code, done.out) == (1, "")
    assert "error: 4 coded passages are too few to train on" in done.err
    assert "hint: code at least 5" in done.err
    assert not coded.model_file.exists()


def test_five_coded_passages_are_enough(coded, command):
    change_gold(coded, lambda place, row: row if place < 5 else None)
    assert command("train").code == 0


def test_four_labels_of_one_facet_are_too_few_and_it_is_named(coded, command):
    change_gold(coded, lambda place, row: row if place < 4 or row["facet"] != "tone" else None)
    done = command("train")
    assert done.code == 1
    assert "tone: 4 gold labels are too few" in done.err


@pytest.mark.parametrize("odd", ["", " \n\t", "?! … —"])
def test_coded_passages_without_a_word_teach_nothing_and_are_counted(coded, command, odd):
    put_texts(coded, odd)
    done = command("train")
    assert done.code == 0
    assert "2 of 16 coded passages have no text with a word at hand" in done.err
    assert "trained on 14 passages" in done.err


def test_long_passages_do_not_stop_training(coded, command):
    put_texts(coded, LONG)
    done = command("train")
    assert done.code == 0
    assert "trained on 16 passages" in done.err


def test_damaged_passages_teach_nothing_and_are_counted(coded, command):
    put_texts(coded, "mud\x00reeds")
    done = command("train")
    assert done.code == 0
    assert "2 of 16 coded passages hold a NUL character (damaged), and teach nothing" in done.err
    assert "with a word" not in done.err
    assert "trained on 14 passages" in done.err


def test_damaged_exemplars_teach_nothing_and_are_counted(coded, command):
    values = {"topic": "nature", "side": "port", "tone": "against"}
    rows = [
        {"format": 1, "id": f"x{i}", "text": text, "values": values, "disputed": []}
        for i, text in enumerate(["Gulls in the mud.", "Gulls\x00 in the mud."])
    ]
    write_jsonl(coded.root / "annotations" / "exemplars" / "round-1.jsonl", rows)
    done = command("train")
    assert done.code == 0
    assert "1 of 2 exemplars hold a NUL character (damaged), and teach nothing" in done.err
    assert load_model(coded.model_file).card["training"]["texts"]["exemplar"] == 1


@pytest.mark.parametrize("odd", ["", "?!", "mud\x00"])
def test_where_no_coded_passage_has_a_word_nothing_is_trained(coded, command, odd):
    put_texts(coded, odd, everywhere=True)
    done = command("train")
    assert done.code == 1
    assert "no coded passage has a text" in done.err


def test_odd_rows_are_set_aside_and_the_others_answered(coded, command):
    assert command("train").code == 0
    good = ["The port raises its fees.", LONG, "The council pays."]
    odd = ["", "  ", "port\x00fees", "?!… —", None, 5]
    texts = [good[0], *odd, *good[1:]]
    (coded.root / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    done = command("classify", "new.jsonl")
    assert done.code == 3
    assert [row["text"] for row in done.rows] == good
    rejects = [json.loads(line) for line in (coded.root / "new.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [reject["line"] for reject in rejects] == [2, 3, 4, 5, 6, 7]
    reasons = ["is empty", "is empty", "NUL", "holds no word", "null", "int"]
    assert all(word in reject["reason"] for word, reject in zip(reasons, rejects, strict=True))
