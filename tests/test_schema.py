"""Schemas: what is refused and how it is told, what a rename keeps, what the two hashes tell apart."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import diptych
from diptych import errors
from diptych.codebook import codebook_markdown
from diptych.errors import DiptychError, SchemaError, nearest
from diptych.schema import Schema

ROOT = Path(__file__).parents[1]
TWO_SCORES = "facet 'mood' is ordinal: at least two values need scores, all different"
TIDE = """\
name: tide
version: 1.2.0
title: How two keepers write of the tide
facets:
  - id: matter
    question: What is the passage about?
    values:
      - {id: ships, label: Ships, definition: Boats and their crews., hotkey: s, role: party, markers: [brig]}
      - {id: birds, definition: Gulls and their nests., use_when: [A nest is named.], role: none}
  - id: mood
    label: Mood of the keeper
    question: How does the keeper feel about the sea?
    scale: ordinal
    rules:
      - The last sentence counts twice.
      - Weather is no mood.
    values:
      - {id: bitter, definition: The sea is a burden., score: -1}
      - {id: calm, definition: The sea is there., score: 0, examples: [It rose and it fell.]}
      - {id: glad, definition: The sea is a joy., score: 1}
      - {id: silent, definition: No feeling is named.}
"""
ONE = """\
name: one
version: 0.1.0
facets:
  - id: place
    question: Where?
    values:
      - {id: bay, definition: In the bay.}
      - {id: mole, definition: On the mole.}
"""
SEVERAL = """\
name: cargo
version: 1.0.0
facets:
  - id: load
    label: Load
    question: What does the ship carry?
    type: multiple
    was: [freight]
    values:
      - {id: salt, label: Salt, definition: Salt of any kind., use_when: [Brine is named.]}
      - {id: wool, definition: Wool and cloth., was: [cloth]}
  - id: weather
    question: What weather does it meet?
    values:
      - {id: storm, definition: A storm.}
      - {id: fair, definition: Fair weather.}
"""


def edited(old: str, new: str, text: str = TIDE) -> str:
    assert old in text
    return text.replace(old, new, 1)


def parsed(text: str) -> Schema:
    return Schema.parse(text, "tide.yaml")


def faults(text: str) -> list[str]:
    """The lines of the error that a schema text is refused with."""
    with pytest.raises(SchemaError) as caught:
        parsed(text)
    return str(caught.value).splitlines()


# ---- what is refused, and how it is told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title:", "titel:", "tide.yaml: unknown key 'titel' (did you mean 'title'?)"),
        ("scale:", "scael:", "tide.yaml: unknown key 'facets.1.scael' (did you mean 'scale'?)"),
        (
            "use_when",
            "use_wen",
            "tide.yaml: unknown key 'facets.0.values.1.use_wen' (did you mean 'use_when'?)",
        ),
        ("score: 1", "scoer: 1", "tide.yaml: unknown key 'facets.1.values.2.scoer' (did you mean 'score'?)"),
    ],
    ids=["of the schema", "of a facet", "of a value", "of a later value"],
)
def test_an_unknown_key_is_named_with_its_place_and_the_nearest_key(old, new, said):
    assert said in faults(edited(old, new))


def test_an_unknown_key_that_resembles_nothing_gets_no_guess():
    assert faults(edited("title:", "zzz: 1\ntitle:")) == ["tide.yaml: unknown key 'zzz'"]


def test_every_fault_is_named_at_once():
    text = edited("scale: ordinal", "scale: ordnal", edited("version: 1.2.0", "version: one"))
    told = faults(text)
    assert [line.split(": ")[1] for line in told] == ["version", "facets.1.scale"]
    assert "'nominal' or 'ordinal'" in told[1]


def test_one_fault_in_the_only_facet_is_told_in_one_line():
    assert faults(edited("question", "qestion: Who?\n    question", ONE)) == [
        "tide.yaml: unknown key 'facets.0.qestion' (did you mean 'question'?)"
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: birds", "id: ships", "facet 'matter': 'ships' stands twice"),
        ("id: mood", "id: matter", "facets: 'matter' stands twice"),
        ("score: 0,", "score: 0, was: [glad],", "facet 'mood': 'glad' stands twice"),
        ("id: mood", "id: mood\n    was: [matter]", "facets: 'matter' stands twice"),
        ("role: none", "role: none, hotkey: s", "hot keys of facet 'matter': 's' stands twice"),
    ],
    ids=["value", "facet", "former value", "former facet", "hot key"],
)
def test_a_name_that_stands_twice_is_refused(old, new, said):
    assert any(line.endswith(said) for line in faults(edited(old, new)))


def test_an_ordinal_facet_needs_two_scores():
    text = edited(", score: 0", "", edited(", score: -1", ""))
    assert faults(text) == [f"tide.yaml: facets.1: {TWO_SCORES}"]


def test_two_values_cannot_have_one_score():
    assert faults(edited("score: -1", "score: 1")) == [f"tide.yaml: facets.1: {TWO_SCORES}"]


def test_values_of_a_nominal_facet_take_no_score():
    assert faults(edited("    scale: ordinal\n", "")) == [
        "tide.yaml: facets.1: facet 'mood' is nominal: its values take no score"
    ]


def test_several_answers_at_once_cannot_be_ordinal():
    assert faults(edited("scale: ordinal", "scale: ordinal\n    type: multiple")) == [
        "tide.yaml: facets.1: facet 'mood': several answers at once cannot be ordinal"
    ]


@pytest.mark.parametrize("score", [".nan", ".inf", "-.inf"])
def test_a_score_is_a_finite_number(score):
    assert any(line.startswith("tide.yaml: facets.1.values.0.score: ") for line in faults(edited("-1", score)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: &ebb ebb\ntitle: *ebb\n", "tide.yaml:2:8: aliases"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "tide.yaml:2:8: aliases"),
        (edited("title:", "name: ebb\ntitle:"), "'name' stands twice"),
        (edited("label: Ships,", "label: Ships, label: Boats,"), "'label' stands twice"),
    ],
    ids=["alias", "bomb", "key of the schema twice", "key of a value twice"],
)
def test_yaml_that_hides_something_is_refused_with_its_place(text, said):
    (line,) = faults(text)
    assert line.startswith("tide.yaml:")
    assert said in line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ebb",
        "- ebb\n- flood",
        "ebb: [",
        "ebb: flood\n---\nebb: flood\n",
        "ebb: !!python/object/apply:os.getcwd []",
        "ebb: 2026-13-45",
        "ebb: \x00",
        "ebb: " + "9" * 5000,
        "[" * 3000,
        "!!map [ebb]",
        "!!int ''",
        "!!bool perhaps",
        "!!timestamp tomorrow",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_schema_is_refused_with_the_name_of_the_file(text):
    assert faults(text)[0].startswith("tide.yaml:")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab01:-,.[]{}!&*?|>'\"#% \n", max_size=40))
def test_any_text_is_a_schema_or_a_schema_error(text):
    with pytest.raises(SchemaError):
        parsed(text)


@pytest.mark.parametrize("name", ["passage", "author", "text", "language", "off_topic", "mood_p", "mood_abstain"])
def test_a_facet_cannot_take_the_name_of_a_column_of_predictions(name):
    (line,) = faults(edited("id: mood", f"id: {name}"))
    assert line == f"tide.yaml: facet {name!r}: that name is taken by a column of the tables"


@pytest.mark.parametrize("name", ["coder", "role", "comment", "confidence", "reason", "at", "facet", "value"])
def test_a_facet_cannot_take_the_name_of_a_column_of_codings(name):
    assert "taken" in faults(edited("id: mood", f"id: {name}"))[0]


@pytest.mark.parametrize("name", ["title", "year", "publisher", "digest", "source"])
def test_a_facet_cannot_take_the_name_of_a_column_of_passages(name):
    assert "taken" in faults(edited("id: mood", f"id: {name}"))[0]


@pytest.mark.parametrize("name", ["", "2nd", "deep blue", "=1+1", "a/b", "-a", "ebb:flood", "a" * 65])
def test_an_identifier_is_a_short_word(name):
    assert any("facets.0.id" in line for line in faults(edited("id: place", f"id: {json.dumps(name)}", ONE)))


@pytest.mark.parametrize("name", ["настрой", "立场", "low-tide_2"])
def test_an_identifier_may_be_of_any_script(name):
    assert parsed(edited("id: place", f"id: {name}", ONE)).facet_ids == (name,)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SchemaError, match=r"cannot read the schema .*ebb\.yaml: No such file"):
        Schema.load(tmp_path / "ebb.yaml")


def test_a_file_that_is_not_utf8_is_refused_with_the_byte(tmp_path):
    path = tmp_path / "ebb.yaml"
    path.write_bytes("name: ebb\ntitle: прилив\n".encode("cp1251"))
    with pytest.raises(SchemaError, match=r"ebb\.yaml is not UTF-8 \(byte 17\)"):
        Schema.load(path)


def test_check_prints_every_fault_as_an_error_and_fails(command, tmp_path):
    path = tmp_path / "tide.yaml"
    path.write_text(edited("title:", "titel:", edited("scale:", "scael:")), encoding="utf-8")
    result = command("schema", "check", path)
    assert (result.code, result.out) == (1, "")
    assert "error: tide.yaml: unknown key 'titel' (did you mean 'title'?)" in result.err.splitlines()
    assert "error: tide.yaml: unknown key 'facets.1.scael' (did you mean 'scale'?)" in result.err.splitlines()


# ---- what is understood


def test_yes_and_no_stay_words():
    text = edited("id: bay", "id: yes", edited("id: mole", "id: no", ONE))
    text = edited("definition: In the bay.", "definition: In the bay., markers: [NO, on, Off]", text)
    facet = parsed(text).facet("place")
    assert facet.value_ids == ("yes", "no")
    assert facet.value("yes").markers == ("NO", "on", "Off")


def test_a_facet_and_a_value_without_labels_are_shown_by_their_names():
    schema = parsed(edited("id: place", "id: landing_place", ONE))
    assert schema.facets[0].name == "Landing place"
    assert schema.facets[0].value("bay").name == "bay"


def test_a_value_of_an_ordinal_facet_may_have_no_score():
    mood = parsed(TIDE).facet("mood")
    assert mood.value_ids == ("bitter", "calm", "glad", "silent")
    assert mood.scores == {"bitter": -1, "calm": 0, "glad": 1}


def test_an_unknown_facet_is_answered_with_the_nearest_and_all_that_are_allowed():
    with pytest.raises(SchemaError, match=r"unknown facet 'mod' \(did you mean 'mood'\?\)") as caught:
        parsed(TIDE).facet("mod")
    assert caught.value.hint == "allowed: matter, mood"


def test_an_unknown_value_is_answered_with_the_nearest_and_all_that_are_allowed():
    with pytest.raises(SchemaError, match=r"mood: unknown value 'galm' \(did you mean 'calm'\?\)") as caught:
        parsed(TIDE).facet("mood").value("galm")
    assert caught.value.hint == "allowed: bitter, calm, glad, silent"


def test_a_former_name_leads_to_the_present_one():
    text = edited("id: mood", "id: mood\n    was: [feeling, temper]")
    schema = parsed(edited("id: glad,", "id: glad, was: [merry],", text))
    assert schema.facet("temper").id == "mood"
    assert schema.facet("feeling").value("merry").id == "glad"


def test_cells_cross_the_first_two_nominal_facets_unless_the_schema_names_others():
    assert [f.id for f in parsed(TIDE).cells] == ["matter"]
    assert [f.id for f in parsed(TIDE + "cross: [mood, matter]\n").cells] == ["mood", "matter"]


@pytest.mark.parametrize(
    ("cross", "said"),
    [
        ("[moo]", "cross: unknown facet 'moo' (did you mean 'mood'?)"),
        ("[mood, mood]", "cross: names one or two different facets"),
    ],
)
def test_cells_can_cross_only_facets_that_are_there(cross, said):
    assert faults(f"{TIDE}cross: {cross}\n") == [f"tide.yaml: {said}"]


# ---- several answers at once


def test_a_facet_with_several_answers_is_read_as_one_yes_no_facet_a_value():
    schema = parsed(SEVERAL)
    assert schema.facet_ids == ("load-salt", "load-wool", "weather")
    assert [f.value_ids for f in schema.facets[:2]] == [("yes", "no"), ("yes", "no")]


def test_a_yes_no_facet_asks_what_its_value_means():
    salt = parsed(SEVERAL).facet("load-salt")
    assert salt.name == "Load: Salt"
    assert salt.value("yes").definition == "Salt of any kind."
    assert salt.value("yes").use_when == ("Brine is named.",)


def test_a_yes_no_facet_cannot_have_the_name_of_another():
    assert faults(edited("id: weather", "id: load-salt", SEVERAL)) == ["tide.yaml: facets: 'load-salt' stands twice"]


@pytest.mark.parametrize("former", ["freight-salt", "load-cloth", "freight-cloth"])
def test_former_names_of_a_facet_with_several_answers_lead_to_its_yes_no_facets(former):
    assert parsed(SEVERAL).facet(former).id == ("load-salt" if "salt" in former else "load-wool")


# ---- the two hashes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: mood", "id: temper"),
        ("id: calm", "id: still"),
        ("score: 1}", "score: 2}"),
        ("role: none", "role: joint"),
        ("      - {id: silent, definition: No feeling is named.}\n", ""),
    ],
    ids=["facet", "value", "score", "role", "a value less"],
)
def test_the_structure_hash_changes_with_what_answers_mean_to_a_program(old, new):
    assert parsed(edited(old, new)).structure_hash != parsed(TIDE).structure_hash


def test_the_structure_hash_changes_with_the_scale():
    unscored = edited(", score: 1", "", edited(", score: 0", "", edited(", score: -1", "")))
    nominal = parsed(edited("    scale: ordinal\n", "", unscored))
    assert nominal.structure_hash != parsed(TIDE).structure_hash


def test_the_structure_hash_changes_when_one_answer_becomes_several():
    single = edited("    type: multiple\n", "", SEVERAL)
    assert parsed(single).structure_hash != parsed(SEVERAL).structure_hash


WORDING = [
    ("title: How two keepers", "title: How keepers"),
    ("version: 1.2.0", "version: 1.2.1"),
    ("question: What is the passage about?", "question: What about?"),
    ("label: Ships", "label: Vessels"),
    ("Gulls and their nests.", "All birds."),
    ("A nest is named.", "Eggs are named."),
    ("The last sentence counts twice.", "All sentences count."),
    ("It rose and it fell.", "It fell and it rose."),
    ("hotkey: s", "hotkey: b"),
    ("markers: [brig]", "markers: [brig, sloop]"),
]


@pytest.mark.parametrize(("old", "new"), WORDING, ids=[old[:20] for old, _ in WORDING])
def test_a_change_of_wording_changes_the_wording_hash_alone(old, new):
    before, after = parsed(TIDE), parsed(edited(old, new))
    assert after.structure_hash == before.structure_hash
    assert after.wording_hash != before.wording_hash


def test_a_rename_changes_the_structure_hash_and_recording_it_does_not():
    renamed = parsed(edited("id: calm,", "id: still,"))
    recorded = parsed(edited("id: calm,", "id: still, was: [calm],"))
    assert recorded.structure_hash == renamed.structure_hash != parsed(TIDE).structure_hash


@given(st.permutations(range(4)))
@settings(max_examples=15, deadline=None)
def test_the_order_of_values_is_wording_and_not_structure(order):
    data = yaml.safe_load(TIDE)
    values = data["facets"][1]["values"]
    data["facets"][1]["values"] = [values[i] for i in order]
    shuffled = Schema.from_data(data)
    assert shuffled.structure_hash == parsed(TIDE).structure_hash
    assert (shuffled.wording_hash == parsed(TIDE).wording_hash) == (order == sorted(order))


def test_comments_and_layout_of_the_file_change_no_hash():
    data = yaml.safe_load(TIDE)
    text = "# written by a program\n" + yaml.safe_dump(data, allow_unicode=True, sort_keys=True)
    assert parsed(text).stamp == parsed(TIDE).stamp


@pytest.mark.parametrize("text", [TIDE, SEVERAL], ids=["single", "several"])
def test_a_schema_carried_as_data_in_a_model_is_the_same_schema(text):
    schema = parsed(text)
    carried = json.loads(json.dumps(schema.model_dump(mode="json", by_alias=True)))
    assert Schema.from_data(carried) == schema
    assert Schema.from_data(carried).stamp == schema.stamp


def test_the_stamp_names_schema_and_version():
    assert parsed(TIDE).stamp["name"] == "tide@1.2.0"


# ---- the codebook


def test_the_codebook_shows_rules_scores_keys_and_examples():
    lines = codebook_markdown(parsed(TIDE)).splitlines()
    assert lines[0] == "# How two keepers write of the tide"
    assert "## Mood of the keeper: How does the keeper feel about the sea?" in lines
    assert "2. Weather is no mood." in lines
    assert "- **Ships** (`ships`, key s): Boats and their crews." in lines
    assert "- **bitter** (`bitter`, score -1): The sea is a burden." in lines
    assert "  - Use when: A nest is named." in lines
    assert "  - Example: It rose and it fell." in lines


def test_the_codebook_carries_both_hashes():
    schema = parsed(TIDE)
    text = codebook_markdown(schema)
    assert f"tide@1.2.0 (structure {schema.structure_hash}, wording {schema.wording_hash})" in text


def test_the_codebook_says_where_several_answers_may_hold():
    assert codebook_markdown(parsed(SEVERAL)).count("Several answers may hold at once.") == 1
    assert "Several answers" not in codebook_markdown(parsed(TIDE))


# ---- the bundled schema


def test_the_bundled_schema_loads_with_its_facets_and_values(bundled):
    schema = Schema.load(ROOT / "schemas" / "moscow-beijing.yaml")
    assert schema == bundled.schema
    assert {f.id: f.value_ids for f in schema.facets} == {
        "perspective": ("moscow", "beijing", "both", "neither"),
        "domain": ("energy", "arms", "governance", "migration", "other"),
        "stance": ("wary", "mixed", "cooperative", "neutral"),
    }
    assert schema.facet("stance").scores == {"wary": -1, "mixed": 0, "cooperative": 1}
    assert [f.id for f in schema.cells] == ["perspective", "domain"]


def test_bundled_codings_were_made_with_the_bundled_schema(bundled):
    stamps = {
        (stamp["name"], stamp["structure"], stamp["wording"])
        for path in bundled.codings_folder.glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
        for stamp in [json.loads(line)["schema"]]
    }
    # the wording was hashed with fewer markers: names for the classifier, which no coder is shown
    now = bundled.schema.stamp
    assert stamps == {(now["name"], now["structure"], "2b3c66d84ed87838")}


def test_every_bundled_value_has_an_example_a_hot_key_and_a_label(bundled):
    for facet in bundled.schema.facets:
        for value in facet.values:
            assert value.examples, value.id
            assert value.hotkey, value.id
            assert value.label, value.id


def test_bundled_hot_keys_differ_between_facets_too(bundled):
    keys = [value.hotkey for facet in bundled.schema.facets for value in facet.values]
    assert len(set(keys)) == len(keys)


def test_the_json_schema_beside_it_accepts_good_schemas_and_refuses_unknown_keys(bundled):
    rules = json.loads((ROOT / "schemas" / "schema.json").read_text(encoding="utf-8"))
    data = bundled.schema.model_dump(mode="json", by_alias=True)
    jsonschema.validate(data, rules)
    data["facets"][0]["values"][0]["definiton"] = "A slip of the pen."
    with pytest.raises(jsonschema.ValidationError, match="definiton"):
        jsonschema.validate(data, rules)


@pytest.mark.parametrize("action", ["check", "show", "codebook"])
def test_a_schema_can_be_looked_at_without_a_study(command, tmp_path, action):
    path = tmp_path / "tide.yaml"
    path.write_text(TIDE, encoding="utf-8")
    result = command("schema", action, path)
    assert (result.code, result.err) == (0, "")
    assert "tide@1.2.0" in result.out


def test_show_as_json_is_the_schema_again(command, tmp_path):
    path = tmp_path / "tide.yaml"
    path.write_text(SEVERAL, encoding="utf-8")
    data = command("schema", "show", path, "--json").json
    assert Schema.from_data(data).stamp == parsed(SEVERAL).stamp


# ---- errors


@pytest.mark.parametrize(
    ("name", "allowed", "said"),
    [
        ("moood", ["matter", "mood"], " (did you mean 'mood'?)"),
        ("MOOD", ["matter", "Mood"], " (did you mean 'Mood'?)"),
        ("настрй", ["настрой"], " (did you mean 'настрой'?)"),
        ("xyz", ["matter", "mood"], ""),
        ("mood", [], ""),
        (None, ["none"], " (did you mean 'none'?)"),
    ],
)
def test_the_nearest_name_is_offered_only_if_it_is_near(name, allowed, said):
    assert nearest(name, allowed) == said


def test_the_tree_of_errors_in_the_manual_is_the_one_that_is_raised():
    drawn = [line.split()[1] for line in errors.__doc__.splitlines() if line.lstrip().startswith(("├", "└"))]
    classes = {c.__name__ for c in vars(errors).values() if isinstance(c, type) and issubclass(c, DiptychError)}
    assert set(drawn) | {"DiptychError"} == classes


def test_an_error_of_use_leaves_with_2_and_every_other_with_1():
    codes = {c.__name__: c.exit_code for c in DiptychError.__subclasses__() if c.__module__ == errors.__name__}
    assert {name for name, code in codes.items() if code == 2} == {"UsageError"}
    assert {code for name, code in codes.items() if name != "UsageError"} == {1}


def test_errors_keep_a_hint_beside_their_sentence():
    error = diptych.errors.BusyError("the quay is taken", hint="wait")
    assert (str(error), error.hint) == ("the quay is taken", "wait")
