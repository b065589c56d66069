"""Sentences, words on a party's side, and counts over a whole passage."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.classifier.terms.analyser import Analyser
from diptych.classifier.terms.parties import Parties, attitudes
from diptych.classifier.terms.sentences import sentence_spans, sentences
from diptych.classifier.terms.shares import share_names, shares

PARTIES = Parties({"ada": ["Ada"], "bo": ["Bo"], "joint": ["the two towns"]}, attitudes())
TEXT = "Ada fears Bo. The two towns trade. Rain fell. Bo helps Ada."


def named(text):
    return dict(zip(share_names(PARTIES), Analyser(PARTIES).read(text).shares, strict=True))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It fell. It rose.", ["It fell.", "It rose."]),
        ("Mr. Hill and the U.S. Senate met. J. Smith left.", ["Mr. Hill and the U.S. Senate met.", "J. Smith left."]),
        ("It ended in 1991. Then it rained.", ["It ended in 1991.", "Then it rained."]),
        ("He said “No.” She left.", ["He said “No.”", "She left."]),
        ("about 3.5 per cent. of it", ["about 3.5 per cent. of it"]),
        ("油价上涨。两国会谈！结束", ["油价上涨。", "两国会谈！", "结束"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_at_stops_and_not_at_abbreviations(text, parts):
    assert sentences(text) == parts


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_sentences_cover_all_but_blanks_in_order(text):
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    assert [place for span in spans for place in span] == sorted(place for span in spans for place in span)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())


def test_a_word_stands_on_the_side_of_the_party_named_last():
    assert PARTIES.sides(PARTIES.tokens("Today Ada fears Bo and rain")) == ["<ada>: fears", "<bo>: and", "<bo>: rain"]


def test_a_side_ends_with_the_sentence():
    assert Analyser(PARTIES).terms("Ada won. Rain fell.")["sides"] == ["<ada>: won", "<ada>: ."]


def test_shares_count_sentences():
    found = named(TEXT)
    assert found["names none"] ** 2 == pytest.approx(1 / 4)
    assert found["names several"] ** 2 == pytest.approx(3 / 4)  # both alone count, and both together
    assert found["first ada"] ** 2 == pytest.approx(1 / 4)
    assert found["first joint"] ** 2 == pytest.approx(1 / 4)
    assert found["view ada"] ** 2 == pytest.approx(1 / 4)
    assert found["favour between"] ** 2 == pytest.approx(1 / 4)
    assert found["sentences"] == pytest.approx(math.log(5))
    assert found["share ada"] == pytest.approx(2 / 6)


def test_shares_do_not_depend_on_what_the_parties_are_called():
    other = Parties({"ada": ["Pia"], "bo": ["Quy"], "joint": ["the two towns"]}, attitudes())
    renamed = TEXT.replace("Ada", "Pia").replace("Bo", "Quy")
    assert Analyser(other).read(renamed).shares == Analyser(PARTIES).read(TEXT).shares


def test_a_schema_without_parties_has_no_shares():
    assert share_names(Parties()) == []
    assert shares(Parties(), [["a"]]) == ()
    assert Analyser().read(TEXT).names_party


@pytest.mark.parametrize(("text", "said"), [(TEXT, True), ("Rain fell on the two towns.", True), ("Rain.", False)])
def test_whether_any_party_is_named(text, said):
    assert Analyser(PARTIES).read(text).names_party is said


@given(
    st.lists(st.sampled_from(["Ada", "Bo", "the two towns", "fears", "trusts", "rain", ".", "Washington"]), max_size=30)
)
@settings(max_examples=100, deadline=None)
def test_shares_are_finite_and_not_below_zero(pieces):
    found = Analyser(PARTIES).read(" ".join(pieces)).shares
    assert len(found) == len(share_names(PARTIES))
    assert all(0 <= share < 10 for share in found)
