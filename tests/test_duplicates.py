"""Passages that repeat earlier ones: what counts as a repeat, in bounded memory, and what classify says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.classifier.streams.rows import mark_duplicates
from diptych.classifier.training.train import train
from diptych.coding.gold import write_gold
from diptych.documents.duplicates import (
    EXACT_LIMIT,
    LEAST_SHARE,
    NEAR_LIMIT,
    WORD_LIMIT,
    Duplicate,
    Duplicates,
    _words,
)
from diptych.errors import UsageError
from diptych.exchange.tables import Reject
from diptych.template import make_study

LETTERS = [chr(ord("a") + number) * 2 for number in range(26)]
FORTY = [f"{first}{second}" for first in LETTERS[:8] for second in LETTERS[:5]]
TEXT = " ".join(FORTY)


def edited(*changes: int, words: list[str] = FORTY) -> str:
    """The words with others in some places."""
    return " ".join(f"xx{place}" if place in changes else word for place, word in enumerate(words))


def looked(*texts: str, **limits: int) -> list[Duplicate | None]:
    seen = Duplicates(**limits)
    return [seen.look(text, number) for number, text in enumerate(texts, 1)]


def share(one: str, other: str) -> float:
    """Jaccard's coefficient of two bags of words, straight from its definition."""
    first, second = Counter(one.split()), Counter(other.split())
    return sum((first & second).values()) / sum((first | second).values())


@pytest.mark.parametrize(
    "again",
    [
        TEXT,
        TEXT.upper(),
        f"  {TEXT}\n",
        TEXT.replace(" ", ", ") + "!",
        f"“{TEXT}”…",
        TEXT.replace(" ", "\u00a0"),
        TEXT.replace("a", "\uff41"),
    ],
    ids=["itself", "capitals", "blanks", "commas", "quotes", "fixed blanks", "wide letters"],
)
def test_the_same_words_are_the_same_whatever_stands_between_them(again: str):
    assert looked(TEXT, again) == [None, Duplicate(1, "exact")]


@given(st.text("abZ1_'-. ’‘“”–—…•\u00a0", max_size=40))
def test_typographic_marks_part_words_by_the_short_cut_as_by_the_long_way(text: str):
    assert _words(text) == _words(f"{text} é")[:-1]


@pytest.mark.parametrize("text", ["", "…!?", " \n"], ids=["empty", "punctuation", "blank"])
def test_what_has_no_words_repeats_nothing(text: str):
    assert looked(text, text) == [None, None]


@pytest.mark.parametrize(
    ("again", "found"),
    [
        (edited(7), True),
        (edited(7, 20), True),
        (edited(7, 20, 31), False),
        (TEXT + " and more", True),
        (" ".join(FORTY[4:]), True),
        (" ".join(FORTY[5:]), False),
        (" ".join(FORTY[20:] + FORTY[:20]), True),
        (TEXT + " " + TEXT, False),
    ],
    ids=["one word", "two", "three", "longer", "shorter", "too short", "halves swapped", "twice"],
)
def test_nine_tenths_of_the_words_in_common_are_a_near_repeat(again: str, found: bool):
    assert (share(TEXT, again) >= LEAST_SHARE) is found
    assert looked(TEXT, again) == [None, Duplicate(1, "near") if found else None]


def test_words_count_as_often_as_they_stand():
    assert looked("the gull " * 20, "the gull " * 15) == [None, None]
    assert looked("the gull " * 20, "the gull " * 19) == [None, Duplicate(1, "near")]


def test_chinese_characters_are_words():
    text = "俄罗斯希望中国为天然气支付更高的价格并担心自己会失去其他所有的买主"
    assert looked(text, text[:-1] + "家", text[:20]) == [None, Duplicate(1, "near"), None]


def test_short_texts_repeat_word_for_word_or_not_at_all():
    assert looked("Oil.", "Gas.", "oil", "Oil and gas.", "Gas and oil?") == [
        None,
        None,
        Duplicate(1, "exact"),
        None,
        Duplicate(4, "near"),
    ]


def test_the_first_of_its_kind_is_named_and_repeats_are_counted():
    seen = Duplicates()
    found = [seen.look(text, name) for name, text in (("a", TEXT), ("b", edited(7)), ("c", TEXT), ("d", edited(7)))]
    assert found == [None, Duplicate("a", "near"), Duplicate("a", "exact"), Duplicate("a", "exact")]
    assert (seen.exact, seen.near, seen.full, seen.remembered) == (2, 1, False, 1)


def test_a_chain_of_small_changes_does_not_make_one_of_all():
    steps = [edited(*range(number)) for number in range(0, 12, 2)]
    assert [found.first if found else None for found in looked(*steps)] == [None, 1, None, 3, None, 5]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_nothing_is_called_a_repeat_that_is_none(data: st.DataObject):
    words = st.lists(st.sampled_from(FORTY[:12]), min_size=1, max_size=30)
    texts = data.draw(st.lists(words.map(" ".join), min_size=2, max_size=6))
    for number, found in enumerate(looked(*texts)):
        if found is not None:
            first = texts[found.first - 1]
            assert found.first <= number
            assert share(texts[number], first) >= LEAST_SHARE
            assert found.how == "near" or texts[number] in texts[:number]


def test_hardly_a_near_repeat_is_missed():
    seen, missed = Duplicates(), 0
    for number in range(400):
        words = [f"{word}{number * 7 + place}" for place, word in enumerate(FORTY)]
        assert seen.look(" ".join(words), number) is None
        missed += seen.look(edited(number % 40, (number * 3 + 1) % 40, words=words), -number) is None
    assert missed <= 12  # expected: one in 200


def test_two_runs_find_the_same():
    code = (
        "from diptych.documents.duplicates import Duplicates\n"
        "seen = Duplicates()\n"
        f"print(seen.look({TEXT!r}, 1), seen.look({edited(3, 9)!r}, 2), sorted(seen._bands))"
    )
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 1


# --- bounds -------------------------------------------------------------------------------------------


def test_past_the_limit_later_passages_are_compared_with_the_first_ones_only():
    texts = [" ".join(f"{word}{number}" for word in FORTY) for number in range(4)]
    seen = Duplicates(near_limit=2)
    assert [seen.look(text, number) for number, text in enumerate(texts)] == [None] * 4
    assert (seen.full, seen.remembered) == (True, 2)
    near = [" ".join([*text.split()[:-1], "other"]) for text in texts]
    assert [found and found.first for found in (seen.look(text, 9) for text in near)] == [0, 1, None, None]
    assert [seen.look(text, 9) for text in texts[2:]] == [Duplicate(2, "exact"), Duplicate(3, "exact")]


def test_past_the_limit_of_words_no_more_are_taken_in():
    seen = Duplicates(word_limit=100)
    for number in range(4):
        seen.look(" ".join(f"{word}{number}" for word in FORTY), number)
    assert (seen.full, seen.remembered) == (True, 2)


def test_past_the_limit_of_exact_ones_the_first_are_still_known():
    assert looked("one", "two", "three", "one", "three", exact_limit=2, near_limit=0) == [
        *(None, None, None),
        Duplicate(1, "exact"),
        None,
    ]


def test_the_limits_are_what_the_reference_says():
    assert (NEAR_LIMIT, WORD_LIMIT, EXACT_LIMIT) == (200_000, 20_000_000, 1_000_000)


# --- rows ---------------------------------------------------------------------------------------------


def marked(rows: list[object], **options: object) -> list[object]:
    found = mark_duplicates(iter(rows), Duplicates(), **{"column": "duplicate_of", **options})
    return [row if isinstance(row, Reject) else row["duplicate_of"] for row in found]


def test_a_row_is_named_by_its_passage_its_id_or_its_number_among_those_that_come_out():
    texts = ["Oil.", "Gas.", "Oil!"]
    assert marked([{"text": text} for text in texts]) == [None, None, 1]
    assert marked([{"text": text, "id": f"r{n}"} for n, text in enumerate(texts)], id_column="id") == [None, None, "r0"]
    assert marked([{"text": text, "passage": f"a:{n}"} for n, text in enumerate(texts)]) == [None, None, "a:0"]
    assert marked([{"text": text, "id": None} for text in texts], id_column="id") == [None, None, 1]
    assert marked([{"passage": text} for text in texts], text_column="passage") == [None, None, 1]
    reject = Reject(1, "text is empty", "")
    assert marked([reject, *({"text": text} for text in texts)]) == [reject, None, None, 1]


def test_without_a_column_rows_are_counted_and_pass_unchanged():
    seen = Duplicates()
    rows = [{"text": "Oil."}, {"text": "Oil."}]
    assert list(mark_duplicates(rows, seen)) == rows
    assert seen.exact == 1


def test_rows_are_marked_while_they_stream():
    def endless():
        while True:
            yield {"text": "Oil."}

    found = mark_duplicates(endless(), Duplicates(), column="duplicate_of")
    assert [next(found)["duplicate_of"] for _ in range(3)] == [None, 1, 1]


def test_a_column_of_that_name_is_not_overwritten():
    with pytest.raises(UsageError, match="'duplicate_of', which --mark-duplicates adds") as caught:
        marked([{"text": "Oil.", "duplicate_of": "mine"}])
    assert "--prefix" in caught.value.hint


# --- the command --------------------------------------------------------------------------------------

QUAY = "The quay is old, and nobody in the town wants to pay for it or for any of the other things that it lacks."


@pytest.fixture(scope="module")
def harbour_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the small study that `diptych init` makes."""
    study = make_study(tmp_path_factory.mktemp("duplicates") / "harbour")
    write_gold(study)
    train(study)
    return study.model_file


@pytest.fixture
def classify(command, harbour_model, tmp_path, monkeypatch):
    """Classify texts in a table."""
    monkeypatch.chdir(tmp_path)

    def call(texts: list[str], *options: object):
        Path("a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        return command("classify", "a.jsonl", "--model", harbour_model, *options)

    return call


NEAR = QUAY.replace("town", "city")
OTHER = "A gull sits on the crane, as it did yesterday and on all of the many days before."


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([QUAY, OTHER], ""),
        ([QUAY, OTHER, QUAY], "1 passage repeats an earlier one word for word\n"),
        ([QUAY, QUAY, QUAY, OTHER, OTHER], "3 passages repeat an earlier one word for word\n"),
        ([QUAY, QUAY, NEAR], "1 passage repeats an earlier one word for word, 1 nearly\n"),
        ([QUAY, NEAR], "1 passage nearly repeats an earlier one\n"),
        ([QUAY, NEAR, QUAY + " Yes."], "2 passages nearly repeat an earlier one\n"),
    ],
)
def test_repeats_are_told_at_the_end_and_change_no_row(classify, texts: list[str], said: str):
    result = classify(texts)
    assert (result.code, result.err) == (0, said)
    assert [row["text"] for row in result.rows] == texts
    assert "duplicate_of" not in result.rows[0]
    assert classify(texts, "--quiet").err == ""


def test_mark_duplicates_adds_a_column_behind_the_others(classify):
    result = classify([QUAY, OTHER, NEAR, QUAY], "--mark-duplicates")
    assert list(result.rows[0])[-1] == "duplicate_of"
    assert [row["duplicate_of"] for row in result.rows] == [None, None, 1, 1]
    lines = classify([QUAY, QUAY], "--mark-duplicates", "--format", "csv", "--prefix", "guess_").out.splitlines()
    assert lines[0].endswith(",guess_duplicate_of")
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["", "1"]
    assert "repeats 1" in classify([QUAY, QUAY], "--mark-duplicates", "--format", "table").out


def test_repeats_are_found_across_files_and_named_by_passage(command, harbour_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(f"{OTHER}\n\n{QUAY}\n")
    Path("b.md").write_text(f"- {NEAR}\n- {OTHER}\n")
    result = command("classify", "a.txt", "b.md", "--model", harbour_model, "--mark-duplicates")
    assert [row["duplicate_of"] for row in result.rows] == [None, None, "a:002", "a:001"]
    assert result.err == "1 passage repeats an earlier one word for word, 1 nearly\n"


def test_rejected_rows_repeat_nothing_and_are_told_after(classify):
    result = classify([QUAY, "", "", QUAY], "--mark-duplicates")
    assert result.code == 3
    assert result.err.splitlines()[0] == "1 passage repeats an earlier one word for word"
    assert "2 rows rejected" in result.err.splitlines()[1]


def test_when_the_memory_is_full_the_command_says_so(classify, monkeypatch):
    monkeypatch.setattr(Duplicates.__init__, "__defaults__", (1, WORD_LIMIT, EXACT_LIMIT))
    assert classify([QUAY, OTHER]).err == "later ones were compared with the first 1 different passages only\n"


def test_explain_has_no_column_for_duplicates(classify):
    result = classify([QUAY], "--explain", "--mark-duplicates")
    assert (result.code, result.out) == (2, "")
