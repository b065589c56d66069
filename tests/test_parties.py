"""Who sees whom: tokens, names, attitudes tied to a party, sentences; what holds for any text."""

from __future__ import annotations

import re
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.classifier.terms.parties import Parties, attitudes, sentences

MARKERS = {
    "ada": ["Ada", "Ada Hill", "Hill Palace"],
    "bo": ["Bo", "Bo-born", "Port Bo"],
    "joint": ["Ado-Boan", "the two towns"],
}
PARTIES = Parties(MARKERS, attitudes())


def tokens(text):
    return PARTIES.tokens(text)


def terms(text):
    return set(PARTIES.terms(text))


def starting(text, *starts):
    return sorted(term for term in terms(text) if term.startswith(starts))


# --- tokens


def test_names_become_tokens_in_any_case():
    assert tokens("ADA met bo.") == ["<ada>", "met", "<bo>", "."]


def test_a_name_within_a_word_is_no_name():
    assert tokens("Adaptable Bob, box and ada1") == ["adaptable", "bob", ",", "box", "and", "ada1"]


@pytest.mark.parametrize("text", ["Ada's envoy", "Ada’s envoy", "ADA'S envoy"])
def test_a_possessive_is_the_name(text):
    assert tokens(text) == ["<ada>", "envoy"]


def test_a_phrase_is_one_token_and_the_longest_counts():
    assert tokens("In Port Bo the Hill Palace and Ada Hill") == ["in", "<bo>", "the", "<ada>", "and", "<ada>"]


def test_a_possessive_phrase_is_one_token():
    assert tokens("Port Bo's quay, Hill Palace’s gate") == ["<bo>", "quay", ",", "<ada>", "gate"]


@pytest.mark.parametrize("gap", ["\n", "  ", "\t", "\u00a0"])
def test_a_phrase_may_be_broken_by_any_blank(gap):
    assert tokens(f"near Hill{gap}Palace") == ["near", "<ada>"]


def test_a_marker_may_be_written_with_separate_accents():
    assert Parties({"x": ["E\u0301cole"]}, {}).tokens("the \u00c9cole") == ["the", "<x>"]
    assert Parties({"x": ["E\u0301cole Une"]}, {}).tokens("the \u00c9cole Une") == ["the", "<x>"]


def test_a_possessive_phrase_marker_is_found_with_either_apostrophe():
    parties = Parties({"x": ["Ada's people"]}, {})
    assert parties.tokens("all Ada's people") == ["all", "<x>"]
    assert parties.tokens("all Ada’s people") == ["all", "<x>"]


@pytest.mark.parametrize(
    "text", ["Ada and Bo", "Bo and Ada", "Ada or Bo", "Ada-Bo", "Ado-Boan", "the two towns", "Ada and Ado-Boan"]
)
def test_parties_joined_are_one_joint_token(text):
    assert tokens(f"{text} met") == ["<joint>", "met"]


def test_a_party_joined_with_itself_is_not_joint():
    assert "<joint>" not in tokens("Ada and Ada met")


def test_parties_apart_are_not_joint():
    assert tokens("Ada met Bo and left") == ["<ada>", "met", "<bo>", "and", "left"]


def test_and_at_the_beginning_joins_nothing():
    assert tokens("and Bo") == ["and", "<bo>"]


def test_the_same_party_twice_in_a_row_counts_once():
    assert tokens("Ada Ada Hill left") == ["<ada>", "left"]


def test_a_compound_with_one_party_is_that_party():
    assert tokens("anti-Bo talk, Bo-born") == ["<bo>", "talk", ",", "<bo>"]


@pytest.mark.parametrize("text", ["__ada__", "__joint__", "__bo__"])
def test_a_text_cannot_name_a_party_by_its_token(text):
    assert not set(Parties({"ada": ["Xu"], "bo": ["Yi"]}, {}).tokens(text)) & {"<ada>", "<bo>", "<joint>"}


# --- attitudes


def test_an_attitude_belongs_to_the_nearest_party_before():
    assert starting("Ada met Bo, which fears a flood", "holds") == ["holds <bo> fear"]


def test_the_party_after_is_what_an_attitude_is_towards():
    assert starting("Ada fears Bo", "holds", "towards") == [
        "holds <ada> fear",
        "holds close <ada> fear",
        "towards fear <bo>",
    ]


def test_a_party_right_before_is_close():
    assert "holds close <ada> fear" in terms("Ada openly fears it")
    assert "holds close <ada> fear" not in terms("Ada now quite openly fears it")


def test_a_party_far_before_holds_nothing():
    assert not starting("Ada " + "went on and " * 4 + "fears it", "holds", "view")


def test_a_party_of_another_sentence_holds_nothing():
    assert not starting("Ada came. Everyone fears it.", "holds", "view")


def test_a_joint_view_is_held_by_both():
    assert "holds <joint> want" in terms("Ada and Bo want a bridge")


@pytest.mark.parametrize(
    ("verb", "name"), [("sees", "see"), ("hopes", "want"), ("fears", "fear"), ("refuses", "decide"), ("told", "say")]
)
def test_every_class_of_attitude_is_told_apart(verb, name):
    assert f"holds <bo> {name}" in terms(f"Bo {verb} it")


def test_a_third_party_between_holds_the_view():
    assert starting("Ada heard that Washington fears Bo", "holds") == ["holds <third_party> fear"]


def test_a_sentence_that_begins_with_a_third_party_says_so():
    assert "sentence begins elsewhere, then <ada>" in terms("Washington told Ada")
    assert "sentence begins elsewhere, then <ada>" not in terms("Ada told Washington")


def test_an_office_belongs_to_the_party_beside_it():
    assert starting("Officials in Bo slept", "office", "view") == ["office <bo>", "view", "view <bo>"]


# --- words of value


def test_praise_and_blame_go_to_the_parties_near():
    assert starting("Trust in Ada", "value") == ["value favour", "value favour <ada>"]
    assert starting("Bo is a rival", "value") == ["value disfavour", "value disfavour <bo>"]


def test_praise_among_both_is_between():
    assert "value favour between" in terms("Ada is a partner of Bo")
    assert "value favour between" in terms("Ada and Bo are partners")
    assert "value favour between" not in terms("Ada is a partner")


def test_praise_near_a_third_party_says_so():
    assert "value favour third" in terms("Ada is a partner of Washington")


@pytest.mark.parametrize(
    "text", ["Ada does not trust Bo", "Ada never can trust Bo", "Ada doesn't trust Bo", "Ada can’t trust Bo"]
)
def test_a_negation_before_turns_the_value(text):
    assert "value not favour <bo>" in terms(text)
    assert "value favour <bo>" not in terms(text)


def test_a_negation_after_or_far_before_does_not_turn_it():
    assert "value favour" in terms("Ada trusted it not")
    assert "value favour" in terms("Not that on this very day Ada would trust Bo")


def test_a_contrast_is_noted():
    assert "sentence contrasts" in terms("Ada came but left")
    assert "sentence contrasts" not in terms("Ada came and left")


def test_a_sentence_says_whom_it_names():
    assert starting("Bo told Ada", "sentence") == ["sentence begins <bo>", "sentence names <ada> <bo>"]
    assert starting("It rained", "sentence") == ["sentence without party"]


# --- any text, any schema


def test_without_markers_there_are_no_terms():
    assert Parties({}, attitudes()).terms("Ada fears Bo.") == []
    assert Parties().terms("Ada fears Bo.") == []


def test_without_words_of_attitude_there_are_names_still():
    assert "sentence begins <ada>" in Parties(MARKERS, {}).terms("Ada fears Bo.")


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", "\x00", "...", "?!", "____", "\u200b", "\ud800", "👩‍👩‍👧", "\u202eada\u202c"]
)
def test_odd_texts_are_taken(text):
    assert isinstance(PARTIES.terms(text), list)


def test_an_empty_text_has_no_terms():
    assert PARTIES.terms("") == PARTIES.terms(" \n ") == []


def test_letters_of_full_width_are_letters():
    assert tokens("Ａｄａ came") == ["<ada>", "came"]


@pytest.mark.parametrize(
    "text",
    [
        "Ada fears that Bo does not trust Washington. " * 12_500,
        "Ada fears Bo and " * 25_000,
        "Ada " * 100_000,
        "Ada-" * 100_000,
        "word " * 100_000,
        "." * 600_000,
        "." + '"' * 600_000,
        ". " + " " * 600_000,
    ],
    ids=["sentences", "one sentence", "one name", "one compound", "no name", "stops", "quotes", "blanks"],
)
def test_a_hundred_thousand_words_take_seconds(text):
    start = perf_counter()
    PARTIES.terms(text)
    assert perf_counter() - start < 10


WORDS = [
    *("Ada", "Bo", "Ada's", "Port Bo", "the two towns", "and", "or", "fears", "sees", "wants", "said", "trust"),
    *("rival", "not", "but", "Washington", "officials", "of", "Ada-Bo", "bread", ".", ",", "!"),
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)


@given(st.text(max_size=200) | TEXTS)
@settings(max_examples=150, deadline=None)
def test_no_text_fails(text):
    found = PARTIES.terms(text)
    assert all(isinstance(term, str) and term for term in found)
    assert found == PARTIES.terms(text)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.text(min_size=1, max_size=6), max_size=3)),
    st.text(max_size=40),
)
@settings(max_examples=100, deadline=None)
def test_no_marker_fails(markers, text):
    assert isinstance(Parties(markers, attitudes()).terms(f"{text} fears {text}"), list)


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_renaming_the_parties_renames_the_terms(text):
    """The new names stand in the same order of the alphabet, so that lists of names keep theirs."""
    new = {"ada": "alpha", "bo": "beta", "joint": "joint"}
    renamed = Parties({new[party]: names for party, names in MARKERS.items()}, attitudes())
    expected = [re.sub(r"<(\w+)>", lambda m: f"<{new.get(m[1], m[1])}>", term) for term in PARTIES.terms(text)]
    assert renamed.terms(text) == expected


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_what_is_learned_of_one_name_holds_for_another(text):
    other = Parties({**MARKERS, "ada": ["Zoe"], "bo": ["Yak", "Port Yak"]}, attitudes())
    assert other.terms(text.replace("Ada", "Zoe").replace("Bo", "Yak")) == PARTIES.terms(text)


# --- sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It fell. Then it rose!", ["It fell.", "Then it rose!"]),
        ("Did it?\nYes.", ["Did it?", "Yes."]),
        ("It cost 3.5 roubles. 12 paid.", ["It cost 3.5 roubles.", "12 paid."]),
        ("it fell. then it rose", ["it fell. then it rose"]),
        ("He asked. “Why?” She left.", ["He asked.", "“Why?”", "She left."]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("No stop", ["No stop"]),
        ("", []),
        (" \n", []),
    ],
)
def test_sentences_end_at_stops_before_capitals(text, expected):
    assert sentences(text) == expected


@given(st.text(alphabet='aAbB.!? "”)\n', max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_letter_of_a_text_is_lost_among_its_sentences(text):
    def letters(said):
        return re.sub(r"[^aAbB.!?]", "", said)

    assert "".join(map(letters, sentences(text))) == letters(text)
