"""Agreement beyond chance: against published values and another package, and in honest words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import diptych
from diptych.coding.alpha import alpha, percent_agreement
from diptych.coding.coders import Coder, Coders, load_coders
from diptych.coding.codings import load_codings, write_codings
from diptych.coding.reliability import reliability
from diptych.errors import CodingError
from diptych.records import Coding
from diptych.schema import Schema

PUBLISHED = Path(__file__).parents[2] / "shared" / "data" / "published_figures.json"
SCALES = ["nominal", "ordinal", "interval", "ratio"]
NOON = "2027-03-01T12:00:00+00:00"
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
  - id: mood
    question: How is it taken?
    scale: ordinal
    values:
      - {id: cursed, definition: With curses., score: -1}
      - {id: borne, definition: With patience., score: 0}
      - {id: praised, definition: With praise., score: 1}
      - {id: unsaid, definition: Nobody says.}
"""
)


def numbers(rows: Sequence[Sequence[object]]) -> np.ndarray:
    """Coders by units as published → units by coders; letters become numbers, gaps NaN."""
    known = sorted({cell for row in rows for cell in row if cell is not None}, key=str)
    place = {cell: float(cell) if isinstance(cell, int) else float(known.index(cell)) for cell in known}
    return np.array([[place.get(cell, np.nan) for cell in row] for row in rows]).T


_ = None
WRITTEN = {
    "two coders, yes or no": (
        [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]],
        {"nominal": 0.095238},
    ),
    "two coders, five letters": (
        ["aabbdcccedda", "babbbccceddd"],
        {"nominal": 0.691964},
    ),
    "four coders with gaps": (
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
            [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
        ],
        {"nominal": 0.743421, "ordinal": 0.815388, "interval": 0.849107, "ratio": 0.797403},
    ),
    "three coders, many gaps": (
        [
            [_, _, _, _, _, 3, 4, 1, 2, 1, 1, 3, 3, _, 3],
            [1, _, 2, 1, 3, 3, 4, 3, _, _, _, _, _, _, _],
            [_, _, 2, 1, 3, 4, 4, _, 2, 1, 1, 3, 3, _, 4],
        ],
        {"nominal": 0.691358, "ordinal": 0.806721, "interval": 0.810845},
    ),
}


def published() -> dict[str, tuple[Sequence[Sequence[object]], dict[str, float]]]:
    """The published examples: those written here, and those of the shared file where it is at hand."""
    if not PUBLISHED.exists():
        return WRITTEN
    data = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    examples = {name: case for name, case in data["krippendorff_2011"].items() if name != "source"}
    examples["wikipedia"] = data["wikipedia_3x15"]
    found = {
        name: (case["data"], {scale: case[scale] for scale in SCALES if scale in case})
        for name, case in examples.items()
    }
    gwet = data["gwet_raw4raters_4x12"]
    found["gwet"] = (gwet["data"], {"nominal": gwet["alpha"], "interval": gwet["alpha_quadratic"]})
    return WRITTEN | found


CASES = [
    pytest.param(rows, scale, value, id=f"{name}, {scale}")
    for name, (rows, values) in published().items()
    for scale, value in values.items()
]


@st.composite
def answers(draw: st.DrawFn) -> np.ndarray:
    """Units by coders, values 0 to 4, with gaps."""
    coders = draw(st.integers(2, 5))
    cell = st.integers(0, 4).map(float) | st.just(float("nan"))
    rows = draw(st.lists(st.lists(cell, min_size=coders, max_size=coders), min_size=2, max_size=12))
    return np.array(rows)


def pairable(table: np.ndarray) -> np.ndarray:
    """The answers of units that at least two coders answered."""
    kept = table[(~np.isnan(table)).sum(axis=1) >= 2]
    return kept[~np.isnan(kept)]


# ---- alpha


@pytest.mark.parametrize(("rows", "scale", "value"), CASES)
def test_alpha_is_the_published_value(rows, scale, value):
    assert alpha(numbers(rows), scale) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("scale", SCALES)
@given(table=answers())
@settings(max_examples=60, deadline=None)
def test_alpha_is_that_of_another_package(scale, table):
    assume(np.unique(pairable(table)).size > 1)
    expected = krippendorff.alpha(reliability_data=table.T, level_of_measurement=scale)
    assert alpha(table, scale) == pytest.approx(expected, abs=1e-9)


@given(table=answers(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_it_does_not_matter_which_coder_is_called_first(table, data):
    order = data.draw(st.permutations(range(table.shape[1])))
    for scale in SCALES:
        assert alpha(table[:, order], scale) == pytest.approx(alpha(table, scale), abs=1e-9)


@given(table=answers(), names=st.permutations(range(5)))
@settings(max_examples=60, deadline=None)
def test_other_names_for_nominal_categories_change_nothing(table, names):
    renamed = np.array([[cell if np.isnan(cell) else float(names[int(cell)]) for cell in row] for row in table])
    assert alpha(renamed) == pytest.approx(alpha(table), abs=1e-9)


@given(table=answers())
@settings(max_examples=60, deadline=None)
def test_ordinal_alpha_knows_order_alone_and_interval_alpha_distances(table):
    assert alpha(3**table, "ordinal") == pytest.approx(alpha(table, "ordinal"), abs=1e-9)
    assert alpha(7 - 2 * table, "interval") == pytest.approx(alpha(table, "interval"), abs=1e-9)


@given(table=answers())
@settings(max_examples=60, deadline=None)
def test_a_unit_that_one_coder_answered_changes_nothing(table):
    lonely = np.full((1, table.shape[1]), np.nan)
    lonely[0, 0] = 4.0
    for scale in SCALES:
        assert alpha(np.vstack([table, lonely]), scale) == alpha(table, scale)


@given(table=answers(), scale=st.sampled_from(SCALES))
@settings(max_examples=60, deadline=None)
def test_alpha_is_1_where_all_agree_and_less_where_not(table, scale):
    value = alpha(table, scale)
    spread = [np.unique(row[~np.isnan(row)]).size for row in table if (~np.isnan(row)).sum() >= 2]
    if not spread:
        assert value is None
    else:
        assert (value == pytest.approx(1.0)) == (max(spread) == 1)


@pytest.mark.parametrize("scale", SCALES)
def test_alpha_is_1_by_convention_where_only_one_value_occurs(scale):
    assert alpha(np.full((4, 3), 2.0), scale) == 1.0


@pytest.mark.parametrize("table", [np.empty((0, 2)), np.array([[1.0, np.nan], [np.nan, 2.0]])], ids=["empty", "apart"])
def test_alpha_is_undefined_where_no_two_coders_meet(table):
    assert alpha(table) is None


def test_opposite_answers_agree_less_than_chance():
    assert alpha(np.array([[0.0, 1.0], [1.0, 0.0]] * 5)) < 0


@given(table=answers())
@settings(max_examples=60, deadline=None)
def test_percent_agreement_counts_pairs_of_answers(table):
    agreed, pairs = percent_agreement(table)
    given_rows = [row[~np.isnan(row)] for row in table]
    assert pairs == sum(row.size * (row.size - 1) // 2 for row in given_rows)
    assert agreed == sum(
        int((row == value).sum() * ((row == value).sum() - 1) // 2) for row in given_rows for value in np.unique(row)
    )


# ---- agreement of coders, facet by facet


def codings(*said: tuple[str, str, str, str], role: str = "coder") -> pd.DataFrame:
    """Codings from (passage, coder, facet, value)."""
    rows = [(*row, role, "") for row in said]
    return pd.DataFrame(rows, columns=["passage", "coder", "facet", "value", "role", "comment"])


def both(facet: str, *pairs: tuple[str, str]) -> list[tuple[str, str, str, str]]:
    """Kim's and Lee's answers to one facet, passage by passage."""
    return [
        (f"p{n}", coder, facet, value)
        for n, pair in enumerate(pairs)
        for coder, value in zip(("kim", "lee"), pair, strict=True)
    ]


AGREED = both("mood", ("borne", "borne"), ("praised", "praised"))


def agreement(facet: str, *said: tuple[str, str, str, str], who: Coders | None = None):
    """The agreement of kim and lee on one facet."""
    found = reliability(codings(*said), WEATHER, who or Coders(), ["kim", "lee"])
    return {a.facet: a for a in found}[facet]


def test_agreement_counts_units_pairs_and_agreed_pairs():
    found = agreement("sky", *AGREED, *both("sky", ("sun", "sun"), ("sun", "rain"), ("rain", "rain")))
    assert (found.units, found.pairs, found.agreed) == (3, 3, 2)
    assert found.share == pytest.approx(2 / 3)
    assert found.alpha == pytest.approx(1 - 5 * 2 / (2 * 9), abs=1e-9)
    assert found.note == ""


def test_where_every_answer_is_the_same_alpha_is_1_and_a_sentence_says_why():
    found = agreement("sky", *AGREED, *both("sky", ("sun", "sun"), ("sun", "sun")))
    assert found.alpha == 1.0
    assert found.note == "every answer is the same value: alpha is 1 by convention, and says little"


def test_an_answer_that_nobody_shares_does_not_hide_that_the_others_are_the_same():
    found = agreement("sky", *AGREED, *both("sky", ("sun", "sun")), ("p9", "kim", "sky", "rain"))
    assert found.alpha == 1.0
    assert "alpha is 1 by convention" in found.note


def test_where_no_two_coders_meet_alpha_is_undefined_and_a_sentence_says_why():
    found = agreement("sky", *AGREED, ("p1", "kim", "sky", "sun"), ("p2", "lee", "sky", "sun"))
    assert (found.alpha, found.share, found.units) == (None, None, 0)
    assert found.note == "no passage was coded by two of these coders, so agreement is undefined"


def test_a_facet_that_nobody_coded_is_undefined_too():
    found = agreement("sky", *AGREED)
    assert (found.alpha, found.units) == (None, 0)
    assert "undefined" in found.note


def test_ordinal_alpha_is_over_scored_answers_and_says_how_many_were_left_out():
    pairs = [
        ("cursed", "borne"),
        ("borne", "borne"),
        ("praised", "praised"),
        ("unsaid", "unsaid"),
        ("unsaid", "borne"),
    ]
    found = agreement("mood", *both("mood", *pairs), *both("sky", ("sun", "rain")))
    assert (found.units, found.ordinal_units, found.left_out) == (5, 3, 2)
    scores = np.array([[-1, 0], [0, 0], [1, 1]], dtype=float)
    assert found.ordinal_alpha == pytest.approx(
        krippendorff.alpha(reliability_data=scores.T, level_of_measurement="ordinal")
    )


def test_near_misses_cost_less_on_an_ordinal_scale():
    sky = both("sky", ("sun", "rain"))
    steady = [("cursed", "cursed"), ("borne", "borne"), ("praised", "praised")]
    near = agreement("mood", *both("mood", *steady, ("cursed", "borne")), *sky)
    far = agreement("mood", *both("mood", *steady, ("cursed", "praised")), *sky)
    assert near.agreed == far.agreed
    assert near.ordinal_alpha > far.ordinal_alpha


def test_a_nominal_facet_has_no_ordinal_alpha():
    found = agreement("sky", *AGREED, *both("sky", ("sun", "rain"), ("rain", "rain")))
    assert (found.ordinal_alpha, found.ordinal_units, found.left_out) == (None, 0, 0)


# ---- who agrees with whom

KIM, LEE = (Coder(kind="model", model="one model") for _ in range(2))
ANN = Coder(kind="human", who="A pilot.")
OTHER = Coder(kind="model", model="another model")


@pytest.mark.parametrize(
    ("coders", "repeated"),
    [
        ({"kim": KIM, "lee": LEE}, True),
        ({"kim": KIM, "lee": OTHER}, False),
        ({"kim": KIM, "lee": ANN}, False),
        ({"kim": ANN, "lee": ANN}, False),
        ({"kim": KIM}, False),
        ({}, False),
    ],
    ids=["one model", "two models", "model and human", "humans", "one unknown", "both unknown"],
)
def test_only_readings_of_one_model_are_called_repeat_agreement(coders, repeated):
    found = agreement("mood", *AGREED, *both("sky", ("sun", "sun")), who=Coders(coders=coders))
    assert found.kind.startswith("repeat agreement of one language model") == repeated
    assert repeated or found.kind == "agreement"


def test_adjudicators_and_digest_readers_never_count(harbour):
    before = reliability(load_codings(harbour), harbour.schema, load_coders(harbour))
    for coder, role in (("kim", "digest"), ("lee", "adjudicator"), ("sample-a", "adjudicator")):
        row = Coding(
            "harbour-north:001",
            coder,
            "topic",
            "work",
            harbour.schema.stamp,
            NOON,
            "test",
            role=role,
            reason="slip",
        )
        write_codings(harbour, [row], coder)
    assert reliability(load_codings(harbour), harbour.schema, load_coders(harbour)) == before


def test_agreement_needs_two_coders():
    with pytest.raises(CodingError, match="agreement needs two coders, the codings have 1") as caught:
        reliability(codings(("p1", "kim", "sky", "sun")), WEATHER, Coders())
    assert "second coder" in caught.value.hint


def test_a_coder_does_not_agree_with_himself():
    with pytest.raises(CodingError, match="kim"):
        reliability(codings(*AGREED, *both("sky", ("sun", "sun"))), WEATHER, Coders(), ["kim", "kim"])


def test_an_unknown_coder_is_answered_with_the_nearest():
    with pytest.raises(CodingError, match=r"no codings by 'kin' \(did you mean 'kim'\?\)") as caught:
        reliability(codings(*AGREED), WEATHER, Coders(), ["kin", "lee"])
    assert caught.value.hint == "coders: kim, lee"


def test_three_coders_can_be_compared_two_at_a_time(harbour, command):
    rows = [
        Coding(f"harbour-north:{n:03d}", "kim", facet, value, harbour.schema.stamp, NOON, "test")
        for n in range(1, 9)
        for facet, value in (("topic", "work"), ("side", "town"), ("tone", "plain"))
    ]
    write_codings(harbour, rows, "kim")
    everyone = command("reliability", "--json", "--study", harbour.root).json
    two = command("reliability", "--json", "--coder", "kim", "--coder", "sample-a", "--study", harbour.root).json
    assert everyone["coders"] == ["kim", "sample-a", "sample-b"]
    assert (everyone["kind"], two["kind"]) == ("agreement", "agreement")
    assert [row["pairs"] for row in everyone["facets"]] == [16 + 8 + 8] * 3
    assert [row["pairs"] for row in two["facets"]] == [8] * 3


def test_the_command_prints_the_sentence_of_an_undefined_coefficient(harbour, command):
    for path in harbour.codings_folder.iterdir():
        path.unlink()
    for coder, passage in (("kim", "harbour-north:001"), ("lee", "harbour-south:001")):
        rows = [
            Coding(passage, coder, facet, value, harbour.schema.stamp, NOON, "test")
            for facet, value in (("topic", "work"), ("side", "town"), ("tone", "plain"))
        ]
        write_codings(harbour, rows, coder)
    result = command("reliability", "--study", harbour.root)
    assert result.code == 0
    assert "topic: no passage was coded by two of these coders, so agreement is undefined" in result.out
    assert "–" in result.out
    assert "nan" not in result.out


def test_the_command_says_how_many_were_left_out_of_ordinal_alpha(harbour, command):
    result = command("reliability", "--study", harbour.root)
    (line,) = [line for line in result.out.splitlines() if line.startswith("tone ")]
    assert line.endswith("11 (5 left out)")


# ---- digests against gold


def test_without_digest_readers_the_check_says_how_to_have_one(harbour, command):
    assert command("gold", "--study", harbour.root).code == 0
    result = command("reliability", "--digests", "--study", harbour.root)
    assert result.code == 1
    assert "error: nobody has coded the digests alone" in result.err
    assert "--role digest" in result.err


@pytest.mark.parametrize("name", ["kim", "gold"])
def test_a_digest_reader_is_compared_with_gold(harbour, command, name):
    rows = [
        Coding("harbour-north:001", name, facet, value, harbour.schema.stamp, NOON, "test", role="digest")
        for facet, value in (("topic", "money"), ("side", "town"), ("tone", "against"))
    ]
    write_codings(harbour, rows, name)
    assert command("gold", "--study", harbour.root).code == 0
    found = command("reliability", "--digests", "--json", "--study", harbour.root).json
    assert [(row["facet"], row["agreed"], row["pairs"]) for row in found["facets"]] == [
        ("topic", 1, 1),
        ("side", 0, 1),
        ("tone", 1, 1),
    ]


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


@pytest.mark.parametrize("facet", ["perspective", "domain", "stance"])
def test_bundled_agreement_is_what_another_package_computes(bundled, command, readings, facet):
    printed = command("reliability", "--json", "--study", bundled.root).json
    (row,) = [row for row in printed["facets"] if row["facet"] == facet]
    place = {value: n for n, value in enumerate(bundled.schema.facet(facet).value_ids)}
    keys = [key for key in readings["reader-a"] if key[0] == facet]
    table = [[place[readings[coder][key]] for key in keys] for coder in ("reader-a", "reader-b")]
    agreed = sum(a == b for a, b in zip(*table, strict=True))
    assert (row["units"], row["pairs"], row["agreed"]) == (184, 184, agreed)
    assert row["share"] == pytest.approx(agreed / 184)
    assert row["alpha"] == pytest.approx(krippendorff.alpha(reliability_data=table, level_of_measurement="nominal"))


def test_bundled_ordinal_alpha_is_what_another_package_computes(bundled, command, readings):
    printed = command("reliability", "--json", "--study", bundled.root).json
    (row,) = [row for row in printed["facets"] if row["facet"] == "stance"]
    score = {"wary": -1, "mixed": 0, "cooperative": 1}
    keys = [key for key in readings["reader-a"] if key[0] == "stance"]
    pairs = [(readings["reader-a"][key], readings["reader-b"][key]) for key in keys]
    scored = [[score[value] for value in pair] for pair in pairs if "neutral" not in pair]
    assert (row["ordinal_units"], row["left_out"]) == (len(scored), 184 - len(scored))
    assert row["left_out"] > 0
    assert row["ordinal_alpha"] == pytest.approx(
        krippendorff.alpha(reliability_data=np.array(scored).T, level_of_measurement="ordinal")
    )


def test_bundled_readings_are_of_one_model_and_say_so(bundled, command):
    printed = command("reliability", "--json", "--study", bundled.root).json
    assert printed["coders"] == ["reader-a", "reader-b"]
    assert printed["kind"].startswith("repeat agreement of one language model")
    text = command("reliability", "--study", bundled.root).out
    assert text.startswith("Repeat agreement of one language model")


def test_whoever_reads_a_bundled_digest_finds_the_gold_label(bundled, command, readings):
    printed = command("reliability", "--digests", "--json", "--study", bundled.root).json
    gold = diptych.load_gold(bundled).set_index(["facet", "passage"])["value"].to_dict()
    shares = {}
    for facet in ("perspective", "domain", "stance"):
        same = [gold[key] == value for key, value in readings["reader-d"].items() if key[0] == facet]
        shares[facet] = sum(same) / len(same)
    assert {row["facet"]: row["share"] for row in printed["facets"]} == pytest.approx(shares)
    assert min(shares.values()) >= 0.85
