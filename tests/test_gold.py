"""Gold labels: adjudicated, else unanimous, else majority, else single; undecided answers have none."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.coding.codings import load_codings, write_codings
from diptych.coding.disputes import disputes
from diptych.coding.gold import RULE, decide, derive_gold, gold_table, load_gold, same_labels, write_gold
from diptych.errors import CodingError, RecordError
from diptych.records import Coding
from diptych.study import Study

ANSWERS = st.lists(st.sampled_from(["wind", "ice", "fog"]), max_size=7)
PASSAGE = "harbour-north:008"  # the two sample coders differ on its topic: work, nature
MORNING, NOON, EVENING = (f"2027-03-01T{hour}:00:00+00:00" for hour in ("08", "12", "20"))


def say(study: Study, coder: str, value: str | None, *, at: str = NOON, **more) -> None:
    """One more coding of the topic of the passage in dispute."""
    fields = {"schema": study.schema.stamp, "at": at, "origin": "test"} | more
    write_codings(study, [Coding(PASSAGE, coder, "topic", value, **fields)], coder)


def judge(study: Study, coder: str, value: str | None, *, at: str = NOON, **more) -> None:
    say(study, coder, value, at=at, role="adjudicator", reason="judgement", **more)


def topic(study: Study) -> tuple[str, str] | None:
    """(value, how) of the topic of the passage in dispute."""
    gold = derive_gold(load_codings(study)).query("passage == @PASSAGE and facet == 'topic'")
    return None if gold.empty else (gold["value"].item(), gold["how"].item())


# ---- the rule


@pytest.mark.parametrize(
    ("answers", "adjudicated", "label"),
    [
        (["wind", "wind"], None, ("wind", "unanimous")),
        (["wind", "wind", "wind"], None, ("wind", "unanimous")),
        (["wind", "ice", "wind"], None, ("wind", "majority")),
        (["ice", "wind", "wind", "wind", "fog"], None, ("wind", "majority")),
        (["wind"], None, ("wind", "single")),
        (["wind", "ice"], None, None),
        (["wind", "wind", "ice", "ice"], None, None),
        (["wind", "wind", "ice", "fog"], None, None),
        (["wind", "ice", "fog"], None, None),
        ([], None, None),
        (["wind", "ice"], "fog", ("fog", "adjudicated")),
        (["wind", "wind"], "ice", ("ice", "adjudicated")),
        ([], "ice", ("ice", "adjudicated")),
    ],
    ids=str,
)
def test_the_rule_decides(answers, adjudicated, label):
    assert decide(answers, adjudicated) == label


@given(ANSWERS, st.none() | st.sampled_from(["wind", "ice", "fog"]))
@settings(deadline=None)
def test_every_label_is_what_its_name_says(answers, adjudicated):
    label = decide(answers, adjudicated)
    votes = Counter(answers)
    if label is None:
        assert adjudicated is None
        assert all(2 * count <= len(answers) for count in votes.values())
        return
    value, how = label
    assert {
        "adjudicated": value == adjudicated,
        "unanimous": adjudicated is None and len(answers) > 1 and set(answers) == {value},
        "majority": adjudicated is None and len(votes) > 1 and 2 * votes[value] > len(answers),
        "single": adjudicated is None and answers == [value],
    }[how]


@given(ANSWERS.flatmap(lambda answers: st.tuples(st.just(answers), st.permutations(answers))))
@settings(deadline=None)
def test_it_does_not_matter_who_coded_first(pair):
    answers, shuffled = pair
    assert decide(answers) == decide(shuffled)


@given(ANSWERS, st.sampled_from(["wind", "ice", "fog"]))
@settings(deadline=None)
def test_one_more_vote_for_the_winner_never_unseats_it(answers, voice):
    label = decide(answers)
    value = label[0] if label else voice
    after = decide([*answers, value])
    assert after is None or after[0] == value
    assert label is None or after is not None


@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(["p1", "p2", "p3"]),
            st.sampled_from(["kim", "lee", "noor"]),
            st.sampled_from(["coder", "digest", "adjudicator"]),
        ),
        st.sampled_from(["wind", "ice"]),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_labels_of_a_frame_follow_the_rule_passage_by_passage(said):
    rows = [(*key, value, "sky", f"2026-11-{n + 1:02d}") for n, (key, value) in enumerate(said.items())]
    columns = ["passage", "coder", "role", "value", "facet", "at"]
    gold = derive_gold(pd.DataFrame(rows, columns=columns))
    expected = {}
    for passage in {key[0] for key in said}:
        plain = [v for (p, _, role), v in said.items() if p == passage and role == "coder"]
        judged = [v for (p, _, role), v in said.items() if p == passage and role == "adjudicator"]
        label = decide(plain, judged[-1] if judged else None)
        if label:
            expected[passage] = label
    assert dict(zip(gold["passage"], zip(gold["value"], gold["how"], strict=True), strict=True)) == expected


# ---- which codings the rule sees


def test_two_coders_who_differ_leave_the_answer_undecided(harbour):
    assert topic(harbour) is None


def test_a_third_coder_makes_a_majority(harbour):
    say(harbour, "kim", "work")
    assert topic(harbour) == ("work", "majority")


def test_an_adjudicator_decides_against_the_majority(harbour):
    say(harbour, "kim", "work")
    judge(harbour, "lee", "money")
    assert topic(harbour) == ("money", "adjudicated")


def test_of_two_adjudicators_the_later_one_counts(harbour):
    judge(harbour, "zoe", "nature", at=MORNING)
    judge(harbour, "ann", "work", at=EVENING)
    assert topic(harbour) == ("work", "adjudicated")


def test_the_list_of_disputes_shows_the_decision_that_counts(harbour):
    judge(harbour, "zoe", "nature", at=MORNING)
    judge(harbour, "ann", "work", at=EVENING, comment="read again")
    (dispute,) = [d for d in disputes(load_codings(harbour), harbour.schema) if d["passage"] == PASSAGE]
    assert (dispute["adjudicated"], dispute["why"]) == ("work", "read again")


def test_an_adjudication_that_was_taken_back_decides_nothing(harbour):
    judge(harbour, "lee", "work", at=MORNING)
    judge(harbour, "lee", None, at=NOON, status="deleted")
    assert topic(harbour) is None


def test_a_digest_reader_never_counts(harbour):
    before = derive_gold(load_codings(harbour))
    for coder in ("kim", "lee", "noor"):
        say(harbour, coder, "work", role="digest")
    assert same_labels(derive_gold(load_codings(harbour)), before)


def test_digest_readers_alone_make_no_gold_label(harbour):
    for path in harbour.codings_folder.iterdir():
        path.unlink()
    say(harbour, "kim", "work", role="digest")
    say(harbour, "lee", "work", role="digest")
    assert derive_gold(load_codings(harbour)).empty


def test_a_coder_who_skipped_does_not_vote(harbour):
    say(harbour, "sample-b", None, status="skipped")
    assert topic(harbour) == ("work", "single")


def test_a_coder_who_changed_sides_votes_once(harbour):
    say(harbour, "sample-b", "work")
    assert topic(harbour) == ("work", "unanimous")


# ---- the file


def test_labels_are_written_in_the_order_of_passages_and_of_the_schema(harbour):
    gold = write_gold(harbour)
    rows = [json.loads(line) for line in harbour.gold_file.read_text(encoding="utf-8").splitlines()]
    place = {name: position for position, name in enumerate(harbour.schema.facet_ids)}
    keys = [(row["passage"], place[row["facet"]]) for row in rows]
    assert keys == sorted(keys)
    assert rows[0] == {
        "format": 1, "passage": "harbour-north:001", "facet": "topic", "value": "money", "how": "unanimous",
    }  # fmt: skip
    assert same_labels(gold, load_gold(harbour))


def test_labels_derived_twice_are_the_same_bytes(harbour, command):
    assert command("gold", "--study", harbour.root).code == 0
    first = harbour.gold_file.read_bytes()
    harbour.gold_file.unlink()
    assert command("gold", "--study", harbour.root).code == 0
    assert harbour.gold_file.read_bytes() == first


def test_a_label_written_by_hand_does_not_survive(harbour, command):
    write_gold(harbour)
    good = harbour.gold_file.read_bytes()
    row = {"format": 1, "passage": PASSAGE, "facet": "topic", "value": "work", "how": "adjudicated"}
    with harbour.gold_file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
    assert command("gold", "--study", harbour.root).code == 0
    assert harbour.gold_file.read_bytes() == good


def test_the_command_counts_how_labels_were_decided(harbour, command):
    judge(harbour, "lee", "work")
    rows = {row["facet"]: row for row in command("gold", "--json", "--study", harbour.root).json}
    assert rows["topic"] == {
        "facet": "topic", "adjudicated": 1, "unanimous": 14, "majority": 0, "single": 0, "labels": 15,
    }  # fmt: skip
    assert [rows[facet]["labels"] for facet in ("side", "tone")] == [16, 16]


def test_before_labels_are_derived_the_way_to_derive_them_is_told(harbour):
    with pytest.raises(CodingError, match="no gold labels yet") as caught:
        load_gold(harbour)
    assert caught.value.hint == "run `diptych gold`"


def test_without_codings_there_is_nothing_to_derive(harbour, command):
    for path in harbour.codings_folder.iterdir():
        path.unlink()
    result = command("gold", "--study", harbour.root)
    assert result.code == 1
    assert "error: nothing is coded yet" in result.err
    assert "diptych import csv FILE --coder NAME" in result.err
    assert not harbour.gold_file.exists()


def test_a_damaged_file_of_labels_is_named_with_the_line(harbour):
    write_gold(harbour)
    with harbour.gold_file.open("a", encoding="utf-8") as stream:
        stream.write('{"passage": "harbour-north:001", "facet": "topic", "vlaue": "work", "how": "single"}\n')
    with pytest.raises(RecordError, match=r"gold\.jsonl:47: 'value' is missing \(did you mean 'vlaue'\?\)"):
        load_gold(harbour)


def test_as_a_table_gold_has_a_row_a_passage_and_a_gap_where_nobody_decided(harbour):
    table = gold_table(derive_gold(load_codings(harbour)), harbour.schema.facet_ids)
    assert list(table.columns) == ["topic", "side", "tone"]
    assert len(table) == 16
    assert table.index[table["topic"].isna()].tolist() == [PASSAGE, "harbour-south:006"]


def test_the_same_labels_in_another_order_are_the_same_labels(harbour):
    gold = derive_gold(load_codings(harbour))
    assert same_labels(gold, gold.iloc[::-1])
    assert not same_labels(gold, gold.iloc[1:])


# ---- the bundled study


def test_the_bundled_labels_are_those_derived_from_the_bundled_codings(bundled):
    assert same_labels(load_gold(bundled), derive_gold(load_codings(bundled)))


def test_every_bundled_passage_has_a_label_in_every_facet(bundled):
    table = gold_table(load_gold(bundled), bundled.schema.facet_ids)
    assert table.shape == (184, 3)
    assert not table.isna().to_numpy().any()


def test_bundled_labels_are_unanimous_or_adjudicated(bundled):
    ways = Counter(load_gold(bundled)["how"])
    codings = load_codings(bundled)
    assert set(ways) <= set(RULE)
    assert ways == {
        "unanimous": 552 - len(disputes(codings, bundled.schema)),
        "adjudicated": (codings["role"] == "adjudicator").sum(),
    }
