"""Agreement taken apart, and what coders say together: by value, author, pair of values, passage; consensus."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from itertools import combinations

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diptych
from diptych.coding.breakdown import by_author, by_dispute, by_document, by_pair, by_value, confusion
from diptych.coding.codings import write_codings
from diptych.coding.coefficients import gwet_ac
from diptych.coding.consensus import consensus
from diptych.errors import MissingExtraError, UsageError
from diptych.records import Coding
from diptych.schema import Schema

NOON = "2027-03-01T12:00:00+00:00"
SKY = ("sun", "rain", "fog")
WEATHER = Schema.parse(
    """\
name: weather
version: 1.0.0
facets:
  - id: sky
    question: What is in the sky?
    values:
      - {id: sun, definition: Sun.}
      - {id: rain, definition: Rain.}
      - {id: fog, definition: Fog.}
  - id: mood
    question: How is it taken?
    values:
      - {id: cursed, definition: With curses.}
      - {id: borne, definition: With patience.}
"""
)
# crowd-kit 1.4 calls pandas in a way that pandas 3.1 deprecates; nobody sees that but this test run
crowd_kit = pytest.mark.filterwarnings("ignore:The (inplace|copy) keyword:DeprecationWarning")


def codings(*said: tuple[str, str, str, str], role: str = "coder") -> pd.DataFrame:
    """Codings from (passage, coder, facet, value)."""
    return pd.DataFrame([(*row, role) for row in said], columns=["passage", "coder", "facet", "value", "role"])


def sky(**said: str) -> pd.DataFrame:
    """Codings of the sky from coder="srf.", a letter a passage, a dot where there is no answer."""
    names = {value[0]: value for value in SKY}
    rows = [
        (f"p{i}", coder, "sky", names[letter])
        for coder, letters in said.items()
        for i, letter in enumerate(letters)
        if letter != "."
    ]
    return codings(*rows)


def row_of(rows, **wanted):
    """The one row that has these entries."""
    (row,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return row


@st.composite
def answers(draw) -> pd.DataFrame:
    """Two to four coders on up to eight passages, with gaps."""
    size = draw(st.integers(1, 8))
    coders = draw(st.integers(2, 4))
    return sky(
        **{name: draw(st.text("srf.", min_size=size, max_size=size)) for name in ("ann", "bo", "cy", "di")[:coders]}
    )


laws = settings(max_examples=30, deadline=None)


# ---- by value


def test_a_value_is_set_against_all_others():
    found = by_value(sky(kim="ssrf", lee="srrf"), WEATHER)
    row = row_of(found, facet="sky", value="sun")
    assert (row["passages"], row["two"], row["one"], row["none"], row["share"]) == (4, 1, 1, 2, 0.75)
    binary = np.array([[1, 1], [1, 0], [0, 0], [0, 0]], dtype=float)
    assert row["alpha"] == pytest.approx(
        krippendorff.alpha(reliability_data=binary.T, level_of_measurement="nominal"), abs=1e-9
    )
    assert row["ac1"] == pytest.approx(gwet_ac(binary))
    assert row["low"] <= row["alpha"] <= row["high"]


def test_every_value_of_the_schema_has_a_row_in_its_order():
    found = by_value(sky(kim="ss", lee="ss"), WEATHER)
    assert [(row["facet"], row["value"]) for row in found] == [
        *(("sky", value) for value in SKY),
        ("mood", "cursed"),
        ("mood", "borne"),
    ]


def test_a_value_nobody_gave_is_agreed_on_by_convention():
    row = row_of(by_value(sky(kim="sr", lee="sr"), WEATHER), value="fog")
    assert (row["two"], row["one"], row["none"], row["share"], row["alpha"], row["ac1"]) == (0, 0, 2, 1, 1, 1)


def test_a_rare_value_has_a_low_alpha_and_a_high_ac1_beside_its_counts():
    row = row_of(by_value(sky(kim="s" * 38 + "rf", lee="s" * 38 + "fr"), WEATHER), value="rain")
    assert (row["two"], row["one"], row["none"], row["share"]) == (0, 2, 38, 0.95)
    assert row["alpha"] < 0
    assert row["ac1"] > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_the_pairs_of_all_values_add_up_to_those_of_the_facet(seed):
    rng = np.random.default_rng(seed)
    frame = sky(**{name: "".join(rng.choice(list("srf."), 9)) for name in ("ann", "bo", "cy")})
    rows = [row for row in by_value(frame, WEATHER) if row["facet"] == "sky"]
    pairs = [row for row in by_pair(frame, WEATHER) if row["facet"] == "sky"]
    agreed, number = (sum(row[name] for row in pairs) for name in ("agreed", "pairs"))
    assert sum(row["two"] for row in rows) == agreed
    assert sum(row["one"] for row in rows) == 2 * (number - agreed)
    assert {row["two"] + row["one"] + row["none"] for row in rows} == {number}


def test_values_of_a_facet_nobody_coded_are_undefined_and_never_nan():
    found = by_value(sky(kim="s.", lee=".s"), WEATHER)
    for row in found:
        assert (row["passages"], row["two"], row["one"], row["none"]) == (0, 0, 0, 0)
        assert [row[name] for name in ("share", "alpha", "low", "high", "ac1")] == [None] * 5


# ---- by author, by document

DOCUMENTS = {"p0": "one", "p1": "one", "p2": "two", "p3": "three", "p4": "three"}
AUTHORS = {"p0": "Ada", "p1": "Ada", "p2": "Ada", "p3": "Bo", "p4": "Bo"}


def test_agreement_of_an_author_is_that_of_the_authors_passages():
    found = by_author(sky(kim="srrsf", lee="srfsf"), WEATHER, AUTHORS)
    ada, bo = (row_of(found, author=name, facet="sky") for name in ("Ada", "Bo"))
    assert (ada["passages"], ada["pairs"], ada["agreed"], ada["share"]) == (3, 3, 2, pytest.approx(2 / 3))
    assert (bo["passages"], bo["agreed"], bo["share"], bo["alpha"]) == (2, 2, 1, 1)
    assert ada["alpha"] == pytest.approx(
        krippendorff.alpha(reliability_data=[[0, 1, 1], [0, 1, 2]], level_of_measurement="nominal")
    )
    assert all(next(iter(row)) == "author" and "document" not in row for row in found)


def test_an_author_of_several_documents_has_one_row_a_facet():
    frame = sky(kim="srrsf", lee="srfsf")
    authors, documents = by_author(frame, WEATHER, AUTHORS), by_document(frame, WEATHER, DOCUMENTS)
    assert [(row["author"], row["facet"]) for row in authors] == [
        (name, facet) for name in ("Ada", "Bo") for facet in ("sky", "mood")
    ]
    assert len(documents) == 6
    for name in ("passages", "pairs", "agreed"):
        assert sum(row[name] for row in authors) == sum(row[name] for row in documents)


def test_a_facet_without_two_answers_is_undefined_for_the_author():
    row = row_of(by_author(sky(kim="s.r", lee=".sr"), WEATHER, AUTHORS | {"p2": "Bo"}), author="Ada", facet="sky")
    assert (row["passages"], row["pairs"], row["share"], row["alpha"]) == (0, 0, None, None)


def test_adjudications_count_nowhere():
    plain = sky(kim="srrsf", lee="srfsf")
    judged = pd.concat([plain, codings(("p2", "ann", "sky", "rain"), role="adjudicator")])
    assert by_author(judged, WEATHER, AUTHORS) == by_author(plain, WEATHER, AUTHORS)
    assert by_value(judged, WEATHER) == by_value(plain, WEATHER)
    assert confusion(judged, WEATHER) == confusion(plain, WEATHER)
    assert by_dispute(judged, WEATHER) == by_dispute(plain, WEATHER)
    assert consensus(judged, WEATHER) == consensus(plain, WEATHER)


# ---- confusion


def test_confusion_counts_every_pair_of_values_that_occurs():
    found = confusion(sky(kim="ssrf", lee="srrf"), WEATHER)
    assert [(row["value_first"], row["value_second"], row["passages"]) for row in found] == [
        ("sun", "sun", 1),
        ("sun", "rain", 1),
        ("rain", "rain", 1),
        ("fog", "fog", 1),
    ]
    assert {(row["first"], row["second"], row["facet"]) for row in found} == {("kim", "lee", "sky")}


@given(answers())
@laws
def test_confusions_are_those_found_by_counting(frame):
    given_by = {coder: rows.set_index("passage")["value"] for coder, rows in frame.groupby("coder")}
    expected = Counter(
        (first, second, given_by[first][passage], given_by[second][passage])
        for first, second in combinations(sorted(given_by), 2)
        for passage in set(given_by[first].index) & set(given_by[second].index)
    )
    found = confusion(frame, WEATHER)
    assert expected == {
        (row["first"], row["second"], row["value_first"], row["value_second"]): row["passages"] for row in found
    }
    assert len(found) == len(expected)


@given(answers())
@laws
def test_the_diagonal_of_confusion_is_agreement(frame):
    found = confusion(frame, WEATHER)
    for pair in by_pair(frame, WEATHER):
        mine = [row for row in found if all(row[name] == pair[name] for name in ("first", "second", "facet"))]
        assert sum(row["passages"] for row in mine) == pair["pairs"]
        assert sum(row["passages"] for row in mine if row["value_first"] == row["value_second"]) == pair["agreed"]


def test_exchanging_two_coders_turns_their_confusions_round():
    there, back = confusion(sky(kim="ssrf", lee="srrf"), WEATHER), confusion(sky(lee="ssrf", kim="srrf"), WEATHER)
    assert {(row["value_first"], row["value_second"], row["passages"]) for row in there} == {
        (row["value_second"], row["value_first"], row["passages"]) for row in back
    }


# ---- disputed passages


def test_passages_with_most_disputed_facets_come_first_and_agreed_ones_not_at_all():
    frame = pd.concat(
        [
            sky(kim="srrs", lee="sfrr", ann="sfrs"),
            codings(
                ("p3", "kim", "mood", "cursed"),
                ("p3", "lee", "mood", "borne"),
                ("p0", "kim", "mood", "borne"),
                ("p0", "lee", "mood", "borne"),
            ),
        ]
    )
    found = by_dispute(frame, WEATHER)
    assert found == [
        {"passage": "p3", "disputed": 2, "sky": "sun 2, rain 1", "mood": found[0]["mood"]},
        {"passage": "p1", "disputed": 1, "sky": "fog 2, rain 1", "mood": ""},
    ]
    assert sorted(found[0]["mood"].split(", ")) == ["borne 1", "cursed 1"]


@given(answers())
@laws
def test_a_passage_is_disputed_if_and_only_if_two_coders_differ(frame):
    expected = {passage for passage, rows in frame.groupby("passage") if len(set(rows["value"])) > 1}
    assert {row["passage"] for row in by_dispute(frame, WEATHER)} == expected


# ---- consensus by majority


def test_the_commonest_answer_is_the_consensus_and_its_share_the_certainty():
    rows = consensus(sky(ann="ssrf", bo="ssrs", cy="sr.r", di="rr.."), WEATHER)
    assert [(row["passage"], row["value"], row["certainty"], row["answers"]) for row in rows] == [
        ("p0", "sun", 0.75, 4),
        ("p1", None, 0.5, 4),
        ("p2", "rain", 1.0, 2),
        ("p3", None, pytest.approx(1 / 3), 3),
    ]
    assert {row["facet"] for row in rows} == {"sky"}


def test_more_than_any_other_is_enough_for_a_majority():
    (row,) = consensus(sky(ann="s", bo="s", cy="r", di="f"), WEATHER)
    assert (row["value"], row["certainty"]) == ("sun", 0.5)


def test_two_who_differ_are_undecided():
    (row,) = consensus(sky(ann="s", bo="r"), WEATHER)
    assert (row["value"], row["certainty"], row["answers"]) == (None, 0.5, 2)


@pytest.mark.parametrize("method", ["majority", pytest.param("dawid-skene", marks=crowd_kit)])
def test_one_coder_alone_is_taken_at_his_word(method):
    rows = consensus(sky(ann="srr"), WEATHER, method)
    assert [(row["value"], row["answers"]) for row in rows] == [("sun", 1), ("rain", 1), ("rain", 1)]
    assert [row["certainty"] for row in rows] == pytest.approx([1, 1, 1], abs=1e-6)


@pytest.mark.parametrize("method", ["majority", "dawid-skene"])
def test_where_nothing_is_coded_there_is_no_consensus(method):
    assert consensus(codings(), WEATHER, method) == []


@given(answers())
@laws
def test_nobodys_name_counts_in_a_majority(frame):
    names = {"ann": "di", "bo": "cy", "cy": "bo", "di": "ann"}
    renamed = frame.assign(coder=frame["coder"].map(names)).iloc[::-1]
    assert consensus(renamed, WEATHER) == consensus(frame, WEATHER)


@given(answers())
@laws
def test_certainty_is_what_the_share_of_answers_says(frame):
    for row in consensus(frame, WEATHER):
        mine = frame[frame["passage"] == row["passage"]]["value"]
        assert row["answers"] == len(mine)
        assert row["certainty"] == mine.value_counts().max() / len(mine)
        assert (row["value"] is None) == (len(mine.mode()) > 1)
        assert row["value"] in (None, mine.mode()[0])


def test_another_method_is_refused():
    with pytest.raises(UsageError, match="no consensus by 'average'") as caught:
        consensus(sky(ann="s"), WEATHER, "average")
    assert caught.value.hint == "one of: majority, dawid-skene"


# ---- consensus by Dawid and Skene

TRUTH = "sr" * 15
HONEST = {"ann": TRUTH + "r.", "bo": TRUTH + ".r"}
BIASED = {"cy": "s" * 30 + "ss"}  # says sun whatever there is


@crowd_kit
def test_a_biased_coder_is_outvoted_where_a_majority_is_tied():
    frame = sky(**HONEST, **BIASED)
    majority, modelled = (
        {row["passage"]: row for row in consensus(frame, WEATHER, method)} for method in ("majority", "dawid-skene")
    )
    for passage in ("p30", "p31"):  # an honest coder says rain, the biased one sun
        assert majority[passage]["value"] is None
        assert modelled[passage]["value"] == "rain"
        assert modelled[passage]["certainty"] > 0.9
        assert modelled[passage]["answers"] == 2


@crowd_kit
def test_two_biased_coders_do_not_prevail_over_three_honest_ones():
    frame = sky(ann=TRUTH, bo=TRUTH, di=TRUTH, cy="s" * 30, eve="s" * 30)
    found = consensus(frame, WEATHER, "dawid-skene")
    assert "".join(row["value"][0] for row in sorted(found, key=lambda row: int(row["passage"][1:]))) == TRUTH


@crowd_kit
def test_certainties_are_probabilities_and_every_coded_passage_has_a_row():
    frame = pd.concat([sky(**HONEST, **BIASED), codings(("p1", "ann", "mood", "borne"))])
    rows = consensus(frame, WEATHER, "dawid-skene")
    assert Counter(row["facet"] for row in rows) == {"sky": 32, "mood": 1}
    assert [row["passage"] for row in rows[:32]] == sorted(f"p{i}" for i in range(32))
    assert all(0.5 <= row["certainty"] <= 1 + 1e-12 for row in rows)


@crowd_kit
def test_where_all_agree_both_methods_say_the_same():
    frame = sky(ann=TRUTH, bo=TRUTH, cy=TRUTH)
    majority, modelled = (consensus(frame, WEATHER, method) for method in ("majority", "dawid-skene"))
    assert [(row["passage"], row["value"]) for row in modelled] == [(row["passage"], row["value"]) for row in majority]
    assert [row["certainty"] for row in modelled] == pytest.approx([1] * 30, abs=1e-3)


def test_without_crowd_kit_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    with pytest.raises(MissingExtraError, match="crowd-kit") as caught:
        consensus(sky(ann="s"), WEATHER, "dawid-skene")
    assert caught.value.hint == "pip install 'diptych[consensus]'"
    assert consensus(sky(ann="s"), WEATHER)[0]["value"] == "sun"


# ---- the command, on the study that `diptych init` makes

REPEATED = "repeat agreement of one language model following the codebook"


def test_the_command_prints_agreement_value_by_value(harbour, command):
    rows = command("reliability", "--by", "value", "--json", "--study", harbour.root).json
    counts = {row["value"]: (row["two"], row["one"], row["none"]) for row in rows if row["facet"] == "topic"}
    assert counts == {"money": (4, 1, 11), "nature": (5, 2, 9), "work": (5, 1, 10)}
    assert len(rows) == sum(len(facet.values) for facet in harbour.schema.facets)


def test_the_command_prints_agreement_author_by_author(harbour, command):
    rows = command("reliability", "--by", "author", "--json", "--study", harbour.root).json
    assert [(row["author"], row["passages"], row["agreed"]) for row in rows if row["facet"] == "topic"] == [
        ("A. Jansen", 8, 7),
        ("B. Okafor", 8, 7),
    ]


def test_the_command_prints_confusions(harbour, command):
    rows = command("reliability", "--by", "confusion", "--json", "--study", harbour.root).json
    apart = [row for row in rows if row["value_first"] != row["value_second"]]
    assert [(row["facet"], row["value_first"], row["value_second"], row["passages"]) for row in apart] == [
        ("topic", "nature", "money", 1),
        ("topic", "work", "nature", 1),
    ]
    assert sum(row["passages"] for row in rows) == 3 * 16


def test_the_command_prints_disputed_passages(harbour, command):
    result = command("reliability", "--by", "dispute", "--study", harbour.root)
    heading, *lines = result.out.splitlines()
    assert heading.split() == ["passage", "disputed", "topic", "side", "tone"]
    assert [line.split()[0] for line in lines] == ["harbour-north:008", "harbour-south:006"]
    assert "work 1, nature 1" in lines[0]


def test_the_command_prints_the_majority_and_what_is_undecided(harbour, command):
    rows = command("reliability", "--consensus", "majority", "--json", "--study", harbour.root).json
    assert len(rows) == 3 * 16
    assert [(row["passage"], row["facet"]) for row in rows if row["value"] is None] == [
        ("harbour-north:008", "topic"),
        ("harbour-south:006", "topic"),
    ]
    text = command("reliability", "--consensus", "majority", "--study", harbour.root).out
    assert text.count("undecided") == 2


@crowd_kit
def test_the_command_prints_the_modelled_consensus(harbour, command):
    result = command("reliability", "--consensus", "dawid-skene", "--json", "--study", harbour.root)
    assert result.code == 0
    assert len(result.json) == 3 * 16
    assert all(row["value"] is not None for row in result.json)


@pytest.mark.parametrize("asked", [("--by", "value"), ("--by", "author"), ("--consensus", "majority")])
def test_breakdowns_come_as_csv_too(harbour, command, asked):
    plain = command("reliability", *asked, "--json", "--study", harbour.root).json
    rows = list(
        csv.DictReader(io.StringIO(command("reliability", *asked, "--format", "csv", "--study", harbour.root).out))
    )
    assert [list(row) for row in rows] == [list(row) for row in plain]
    assert [row["facet"] for row in rows] == [row["facet"] for row in plain]


@pytest.mark.parametrize("by", ["value", "author", "confusion", "dispute"])
def test_repeat_agreement_is_called_so_in_every_breakdown(harbour, command, by):
    assert REPEATED in command("reliability", "--by", by, "--study", harbour.root).err
    harbour.coders_file.unlink()
    assert "repeat agreement" not in command("reliability", "--by", by, "--study", harbour.root).err


def third_coder(study) -> None:
    """Kim codes the northern document: everything is work, the town's and plain."""
    rows = [
        Coding(f"harbour-north:{n:03d}", "kim", facet, value, study.schema.stamp, NOON, "test")
        for n in range(1, 9)
        for facet, value in (("topic", "work"), ("side", "town"), ("tone", "plain"))
    ]
    write_codings(study, rows, "kim")


def test_with_three_coders_every_pair_is_confused_and_a_majority_decides(harbour, command):
    third_coder(harbour)
    rows = command("reliability", "--by", "confusion", "--json", "--study", harbour.root).json
    assert {(row["first"], row["second"]) for row in rows} == {
        ("kim", "sample-a"),
        ("kim", "sample-b"),
        ("sample-a", "sample-b"),
    }
    decided = command("reliability", "--consensus", "majority", "--json", "--study", harbour.root).json
    row = row_of(decided, passage="harbour-north:008", facet="topic")
    assert (row["value"], row["certainty"], row["answers"]) == ("work", pytest.approx(2 / 3), 3)


@pytest.mark.parametrize("by", ["confusion", "pair", "value"])
def test_a_breakdown_is_of_the_coders_that_are_named(harbour, command, by):
    before = command("reliability", "--by", by, "--json", "--study", harbour.root).json
    third_coder(harbour)
    named = ("--coder", "sample-a", "--coder", "sample-b")
    assert command("reliability", "--by", by, *named, "--json", "--study", harbour.root).json == before


@pytest.mark.parametrize("by", ["value", "author", "confusion", "dispute", "coefficient"])
def test_where_nothing_is_coded_a_breakdown_says_so_without_a_fault(harbour, command, by):
    for path in harbour.codings_folder.iterdir():
        path.unlink()
    result = command("reliability", "--by", by, "--study", harbour.root)
    assert result.code == 0
    assert "nan" not in (result.out + result.err).casefold()
    assert "–" in result.out or "there is nothing to compare yet" in result.err


@pytest.mark.parametrize("method", ["majority", "dawid-skene"])
def test_where_nothing_is_coded_the_command_finds_no_consensus(harbour, command, method):
    for path in harbour.codings_folder.iterdir():
        path.unlink()
    result = command("reliability", "--consensus", method, "--study", harbour.root)
    assert (result.code, result.out) == (0, "")
    assert "there is nothing to compare yet" in result.err


def test_a_coefficient_that_is_undefined_is_a_dash_and_not_undecided(harbour, command):
    for path in harbour.codings_folder.iterdir():
        path.unlink()
    for coder, passage in (("kim", "harbour-north:001"), ("lee", "harbour-south:001")):
        write_codings(harbour, [Coding(passage, coder, "topic", "work", harbour.schema.stamp, NOON, "test")], coder)
    result = command("reliability", "--by", "coefficient", "--study", harbour.root)
    assert result.code == 0
    assert "undecided" not in result.out
    assert "–" in result.out


def test_coders_who_agree_on_everything_are_not_told_that_nothing_can_be_compared(harbour, command):
    for path in harbour.codings_folder.iterdir():
        path.unlink()
    for coder in ("kim", "lee"):
        rows = [Coding("harbour-north:001", coder, "topic", "work", harbour.schema.stamp, NOON, "test")]
        write_codings(harbour, rows, coder)
    result = command("reliability", "--by", "dispute", "--study", harbour.root)
    assert result.code == 0
    assert "nothing to compare" not in result.err


@pytest.mark.parametrize("given_options", [("--by", "mood"), ("--consensus", "average")])
def test_another_breakdown_is_a_usage_error(harbour, command, given_options):
    result = command("reliability", *given_options, "--study", harbour.root)
    assert (result.code, result.out) == (2, "")
    assert "is not one of" in result.err


# ---- the bundled study


@pytest.fixture(scope="module")
def readings(bundled) -> dict[str, dict[tuple[str, str], str]]:
    """The bundled codings read from their files by other means: coder → (facet, passage) → value."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for path in bundled.codings_folder.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.setdefault(row["coder"], {})[row["facet"], row["passage"]] = row["value"]
    return found


def test_bundled_confusions_are_those_of_the_files(bundled, command, readings):
    rows = command("reliability", "--by", "confusion", "--json", "--study", bundled.root).json
    first, second = readings["reader-a"], readings["reader-b"]
    expected = Counter((key[0], first[key], second[key]) for key in first.keys() & second.keys())
    assert {(row["facet"], row["value_first"], row["value_second"]): row["passages"] for row in rows} == expected


def test_bundled_values_are_counted_as_in_the_files(bundled, command, readings):
    rows = command("reliability", "--by", "value", "--json", "--study", bundled.root).json
    first, second = readings["reader-a"], readings["reader-b"]
    for row in rows:
        keys = [key for key in first if key[0] == row["facet"]]
        hits = Counter((first[key] == row["value"]) + (second[key] == row["value"]) for key in keys)
        assert (row["two"], row["one"], row["none"]) == (hits[2], hits[1], hits[0])
        table = [[int(reader[key] == row["value"]) for key in keys] for reader in (first, second)]
        assert row["alpha"] == pytest.approx(
            krippendorff.alpha(reliability_data=table, level_of_measurement="nominal"), abs=1e-9
        )
        assert row["low"] <= row["alpha"] <= row["high"]


def test_bundled_authors_have_the_agreement_of_their_passages(bundled, command, readings):
    rows = command("reliability", "--by", "author", "--json", "--study", bundled.root).json
    authors = diptych.load_passages(bundled).set_index("passage")["author"]
    first, second = readings["reader-a"], readings["reader-b"]
    for row in rows:
        keys = [key for key in first if key[0] == row["facet"] and authors[key[1]] == row["author"]]
        assert (row["passages"], row["agreed"]) == (len(keys), sum(first[key] == second[key] for key in keys))
    assert len(rows) == 2 * 3


def test_bundled_disputes_are_the_undecided_answers_of_a_majority(bundled, command):
    disputed = command("reliability", "--by", "dispute", "--json", "--study", bundled.root).json
    decided = command("reliability", "--consensus", "majority", "--json", "--study", bundled.root).json
    undecided = Counter(row["passage"] for row in decided if row["value"] is None)
    assert undecided == {row["passage"]: row["disputed"] for row in disputed}
    assert len(decided) == 3 * 184
