"""What changed between two schemas, and whether codings survive it."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple

import pytest

from diptych.coding.codings import load_codings
from diptych.errors import RecordError
from diptych.schema import Facet, Schema, Value
from diptych.schema_diff import SAFE, Change, diff, orphans
from diptych.study import Study

LIGHTHOUSE = """\
name: lighthouse
version: 1.0.0
title: Two keepers
facets:
  - id: matter
    question: What is it about?
    values:
      - {id: ships, label: Ships, definition: Boats and crews., role: party, hotkey: "1"}
      - {id: birds, label: Birds, definition: Gulls and nests., role: none}
      - {id: 天气, label: Weather, definition: Wind and fog., role: none}
  - id: mood
    question: How does the keeper feel?
    scale: ordinal
    values:
      - {id: bitter, definition: A burden., score: -1}
      - {id: calm, definition: Neither., score: 0}
      - {id: glad, definition: A joy., score: 1}
"""
BIRDS = "      - {id: birds, label: Birds, definition: Gulls and nests., role: none}\n"
PARTING = """\
  - id: hour
    question: When does it happen?
    values:
      - {id: day, definition: By daylight.}
      - {id: night, definition: After dark.}
"""


def edited(*pairs: tuple[str, str]) -> Schema:
    """The lighthouse schema with some of its text replaced."""
    text = LIGHTHOUSE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return Schema.parse(text)


def changes(*pairs: tuple[str, str]) -> list[Change]:
    return diff(Schema.parse(LIGHTHOUSE), edited(*pairs))


def told(*pairs: tuple[str, str]) -> list[tuple[str, str, str, str, bool]]:
    """(kind, facet, old, new, safe) of every change."""
    return [astuple(change)[:5] for change in changes(*pairs)]


def reordered() -> Schema:
    head, first, second = LIGHTHOUSE.partition("  - id: matter")
    second, mood, rest = (first + second).partition("  - id: mood")
    return Schema.parse(head + mood + rest + second)


# ---- each kind of change


def test_equal_schemas_differ_in_nothing():
    assert told() == []


def test_another_version_number_alone_is_a_change_of_wording():
    assert told(("1.0.0", "1.0.1")) == [("wording", "", "", "", True)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("label: Birds", "label: Wild birds"),
        ("Gulls and nests.", "Gulls and all they build."),
        ("Gulls and nests.,", "Gulls and nests., use_when: [A nest is named.],"),
        ("Gulls and nests.,", "Gulls and nests., avoid_when: [The bird is a dish.],"),
        ("Gulls and nests.,", "Gulls and nests., examples: [Чайка сидит на камне.],"),
    ],
)
def test_what_coders_read_of_a_value_is_wording(old, new):
    assert told((old, new)) == [("wording", "matter", "birds", "birds", True)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("question: What is it about?", "question: What is the entry about?"),
        ("question: What is it about?", "question: What is it about?\n    rules: [The first line counts.]"),
    ],
)
def test_a_facets_question_and_rules_are_wording(old, new):
    assert told((old, new)) == [("wording", "matter", "", "", True)]


@pytest.mark.parametrize(
    ("old", "new"),
    [("Two keepers", "Three keepers"), ('hotkey: "1"', 'hotkey: "2"'), ("- id: mood", "- id: mood\n    label: Temper")],
)
def test_any_other_text_is_wording_too(old, new):
    assert {(kind, safe) for kind, *_, safe in told((old, new))} == {("wording", True)}


def test_a_new_value_leaves_old_codings_as_they_are():
    assert told((BIRDS, BIRDS + "      - {id: seals, definition: Seals.}\n")) == [
        ("new value", "matter", "", "seals", True)
    ]


def test_a_new_value_on_a_scale_is_a_new_value_only():
    glad = "      - {id: glad, definition: A joy., score: 1}\n"
    assert told((glad, glad + "      - {id: elated, definition: Beside himself., score: 2}\n")) == [
        ("new value", "mood", "", "elated", True)
    ]


def test_a_new_facet_is_missing_from_passages_coded_before():
    assert told(("  - id: mood", PARTING + "  - id: mood")) == [("new facet", "hour", "", "hour", False)]


def test_a_value_with_an_earlier_name_was_renamed():
    assert told(("{id: birds,", "{id: fowl, was: [birds],")) == [("renamed", "matter", "birds", "fowl", True)]


def test_a_value_may_be_renamed_into_another_script():
    assert told(("{id: birds,", "{id: птицы, was: [birds],")) == [("renamed", "matter", "birds", "птицы", True)]


def test_renaming_a_value_on_a_scale_leaves_the_scale_as_it_is():
    assert told(("{id: bitter,", "{id: sour, was: [bitter],")) == [("renamed", "mood", "bitter", "sour", True)]


def test_renaming_a_value_does_not_hide_another_role():
    found = told(("{id: ships,", "{id: boats, was: [ships],"), ("role: party", "role: joint"))
    assert ("renamed", "matter", "ships", "boats", True) in found
    assert ("role", "matter", "party", "joint", False) in found


def test_a_facet_with_an_earlier_name_was_renamed():
    assert told(("- id: matter", "- id: theme\n    was: [matter]")) == [("renamed", "theme", "matter", "theme", True)]


def test_changes_within_a_renamed_facet_stand_under_its_new_name():
    found = told(("- id: matter", "- id: theme\n    was: [matter]"), ("Gulls and nests.", "Gulls."))
    assert found[1:] == [("wording", "theme", "birds", "birds", True)]


def test_a_value_that_takes_in_another_was_merged():
    assert told((BIRDS, ""), ("{id: ships,", "{id: ships, was: [birds],")) == [
        ("merged", "matter", "birds", "ships", True)
    ]


def test_two_values_under_a_third_name_were_merged():
    found = told((BIRDS, ""), ("{id: ships,", "{id: life, was: [ships, birds],"))
    assert [change[:4] for change in found if change[0] == "merged"] == [
        ("merged", "matter", "ships", "life"),
        ("merged", "matter", "birds", "life"),
    ]


def test_a_value_that_two_new_ones_name_is_split_and_no_rule_can_carry_that_out():
    def facet(*values: Value) -> Facet:
        return Facet.model_construct(id="matter", question="What?", values=values, rules=(), was=(), scale="nominal")

    def schema(*values: Value) -> Schema:
        return Schema.model_construct(name="lighthouse", version="1.0.0", asked=(facet(*values),))

    birds = Value(id="birds", definition="All birds.")
    gulls = Value(id="gulls", definition="Gulls.", was=("birds",))
    terns = Value(id="terns", definition="Terns.", was=("birds",))
    found = [astuple(change)[:5] for change in diff(schema(birds), schema(gulls, terns))]
    assert found == [("split", "matter", "birds", "gulls, terns", False)]


def test_a_value_that_no_new_one_names_was_removed():
    assert told((BIRDS, "")) == [("removed", "matter", "birds", "", False)]


def test_a_value_removed_from_a_scale_is_told_once():
    found = told(("      - {id: calm, definition: Neither., score: 0}\n", ""))
    assert found == [("removed", "mood", "calm", "", False)]


def test_a_facet_that_no_new_one_names_was_removed():
    head, _, _ = LIGHTHOUSE.partition("  - id: mood")
    found = diff(Schema.parse(LIGHTHOUSE), Schema.parse(head))
    assert [astuple(change)[:5] for change in found] == [("removed", "mood", "mood", "", False)]


def test_another_score_changes_the_scale():
    assert told(("score: -1", "score: -2")) == [("scale", "mood", "ordinal", "ordinal", False)]


def test_from_ordinal_to_nominal_changes_the_scale():
    found = told(("    scale: ordinal\n", ""), (", score: -1", ""), (", score: 0", ""), ("A joy., score: 1", "A joy."))
    assert found == [("scale", "mood", "ordinal", "nominal", False)]


def test_another_role_changes_what_answers_mean():
    assert told(("role: party", "role: joint")) == [("role", "matter", "party", "joint", False)]


def test_facets_in_another_order_are_the_same_facets():
    assert [astuple(c)[:5] for c in diff(Schema.parse(LIGHTHOUSE), reordered())] == [("order", "", "", "", True)]


def test_several_changes_are_all_told():
    found = told((BIRDS, ""), ("A burden.", "A heavy burden."), ("score: 1}", "score: 3}"))
    assert {kind for kind, *_ in found} == {"removed", "wording", "scale"}


# ---- what is safe

EVERY_KIND = {
    "wording": (("Gulls and nests.", "Gulls."),),
    "new value": ((BIRDS, BIRDS + "      - {id: seals, definition: Seals.}\n"),),
    "new facet": (("  - id: mood", PARTING + "  - id: mood"),),
    "renamed": (("{id: birds,", "{id: fowl, was: [birds],"),),
    "merged": ((BIRDS, ""), ("{id: ships,", "{id: ships, was: [birds],")),
    "removed": ((BIRDS, ""),),
    "scale": (("score: -1", "score: -2"),),
    "role": (("role: party", "role: joint"),),
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_kind_is_either_always_safe_or_never(kind):
    found = changes(*EVERY_KIND[kind])
    assert {change.kind for change in found} == {kind}
    assert {change.safe for change in found} == {kind in SAFE}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_change_says_what_it_does_to_codings(kind):
    assert all(change.detail for change in changes(*EVERY_KIND[kind]))


def test_orphans_are_the_changes_that_codings_do_not_survive():
    old, new = Schema.parse(LIGHTHOUSE), edited((BIRDS, ""), ("A burden.", "A heavy burden."))
    assert [change.kind for change in orphans(old, new)] == ["removed"]


@pytest.mark.parametrize("kind", [kind for kind in EVERY_KIND if kind in SAFE and kind != "new value"])
def test_a_safe_change_reads_every_old_value(kind):
    old, new = Schema.parse(LIGHTHOUSE), edited(*EVERY_KIND[kind])
    read = {(new.facet(f.id).id, new.facet(f.id).value(v).id) for f in old.facets for v in f.value_ids}
    assert read <= {(f.id, v) for f in new.facets for v in f.value_ids}


# ---- codings on disk


def with_schema(study: Study, *pairs: tuple[str, str]) -> Study:
    """The study after somebody edited its schema."""
    path = study.root / study.settings.schema_
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return Study.load(study.root)


def counts(study: Study, facet: str) -> dict[str, int]:
    codings = load_codings(study)
    return codings[codings["facet"] == facet]["value"].value_counts().to_dict()


def test_codings_survive_a_renamed_value(harbour):
    before = counts(harbour, "topic")
    renamed = with_schema(harbour, ("{id: nature,", "{id: 自然, was: [nature],"))
    assert [c.kind for c in diff(harbour.schema, renamed.schema)] == ["renamed"]
    assert counts(renamed, "topic") == {("自然" if v == "nature" else v): n for v, n in before.items()}


def test_codings_survive_a_renamed_facet(harbour):
    before = counts(harbour, "tone")
    renamed = with_schema(harbour, ("- id: tone", "- id: temper\n    was: [tone]"))
    assert [c.kind for c in diff(harbour.schema, renamed.schema)] == ["renamed"]
    assert (counts(renamed, "temper"), counts(renamed, "tone")) == (before, {})


def test_codings_survive_a_merge_and_add_up(harbour):
    before = counts(harbour, "topic")
    line = '      - {id: work, label: Work, definition: "Jobs, workers, skills, hours.", hotkey: "3"}\n'
    merged = with_schema(harbour, (line, ""), ("{id: money,", "{id: money, was: [work],"))
    assert [c.kind for c in diff(harbour.schema, merged.schema)] == ["merged"]
    assert counts(merged, "topic") == {"money": before["money"] + before["work"], "nature": before["nature"]}


def test_codings_do_not_survive_a_removed_value(harbour):
    line = '      - {id: work, label: Work, definition: "Jobs, workers, skills, hours.", hotkey: "3"}\n'
    removed = with_schema(harbour, (line, ""))
    assert [c.safe for c in diff(harbour.schema, removed.schema)] == [False]
    with pytest.raises(RecordError, match="unknown value 'work'"):
        load_codings(removed)


# ---- the command


@pytest.fixture
def schema_diff(command, tmp_path):
    """`diptych schema diff` between the lighthouse schema and an edited one."""

    def call(*pairs: tuple[str, str], form: str = "text"):
        text = LIGHTHOUSE
        for old, new in pairs:
            text = text.replace(old, new)
        (tmp_path / "old.yaml").write_text(LIGHTHOUSE, encoding="utf-8")
        (tmp_path / "new.yaml").write_text(text, encoding="utf-8")
        more = () if form == "text" else ("--format", form)
        return command("schema", "diff", tmp_path / "old.yaml", tmp_path / "new.yaml", *more)

    return call


def test_the_command_says_that_nothing_changed(schema_diff):
    result = schema_diff()
    assert (result.code, result.out) == (0, "")
    assert "nothing changed" in result.err


def test_the_command_prints_a_table_and_warns_of_orphans(schema_diff):
    result = schema_diff((BIRDS, ""), ("A burden.", "A heavy burden."))
    assert result.code == 0
    lines = {line.split()[0]: line for line in result.out.splitlines() if line.strip()}
    assert "birds" in lines["removed"]
    assert "NO" in lines["removed"]
    assert "yes" in lines["wording"]
    assert "would orphan codings" in result.err


def test_the_command_does_not_warn_where_codings_survive(schema_diff):
    assert "orphan" not in schema_diff(("{id: birds,", "{id: fowl, was: [birds],")).err


def test_the_command_prints_json(schema_diff):
    (row,) = schema_diff(("{id: birds,", "{id: fowl, was: [birds],"), form="json").json
    assert row.pop("detail")
    assert row == {"kind": "renamed", "facet": "matter", "old": "birds", "new": "fowl", "safe": True}


def test_no_change_is_an_empty_list_in_json(schema_diff):
    assert schema_diff(form="json").json == []


def test_the_command_prints_csv(schema_diff):
    (row,) = csv.DictReader(io.StringIO(schema_diff((BIRDS, ""), form="csv").out))
    assert (row["kind"], row["facet"], row["old"]) == ("removed", "matter", "birds")


def test_a_schema_that_splits_a_value_is_refused_by_name(schema_diff):
    parts = (
        "      - {id: gulls, definition: Gulls., was: [birds]}\n      - {id: terns, definition: Terns., was: [birds]}\n"
    )
    result = schema_diff((BIRDS, parts))
    assert result.code == 1
    assert "'birds' stands twice" in result.err


def test_a_file_that_is_not_there_is_named(command, tmp_path):
    result = command("schema", "diff", tmp_path / "gone.yaml", tmp_path / "gone.yaml")
    assert result.code == 1
    assert "gone.yaml" in result.err
