"""Label Studio without a server: its shapes, the words for its failures, and push and pull against a small stand-in."""

from __future__ import annotations

import copy
import json
import shutil
import socket
import threading
import time
import traceback
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.coding.coders import load_coders
from diptych.coding.codings import load_codings
from diptych.errors import LabelStudioError, RecordError, SchemaError
from diptych.exchange.label_config import (
    KEYS,
    TAKEN_KEYS,
    config_answers,
    hot_keys,
    label_config,
    lost_answers,
    read_tag,
    tag_of,
)
from diptych.exchange.label_studio import (
    Suggestion,
    check_result,
    codings_of,
    note_of,
    prediction_of,
    read_result,
    task_of,
)
from diptych.exchange.label_studio_files import annotation_of, read_export
from diptych.files import sha256_bytes
from diptych.labelstudio import client as client_module
from diptych.labelstudio import pull as pull_module
from diptych.labelstudio.client import Client
from diptych.labelstudio.people import People
from diptych.labelstudio.plan import adjudication_plan, coding_plan
from diptych.labelstudio.project import Plan, study_key
from diptych.labelstudio.pull import pull
from diptych.labelstudio.push import push
from diptych.records import REASONS
from diptych.schema import Schema
from diptych.study import Study
from diptych.template import make_study
from studio_stand_in import USUAL, Studio, answered

PAYLOADS = Path(__file__).parents[2] / "shared" / "data" / "label_studio" / "payloads_1.23.2.json"
KEY = "5ec2e7" * 7
PIER = """\
name: pier
version: 2.1.0
facets:
  - id: matter
    question: What is it about?
    was: [topic]
    values:
      - {id: ships, label: Ships, definition: Boats., use_when: [A hull is named.], hotkey: s}
      - {id: birds, label: Birds & nests, definition: Gulls., avoid_when: [The bird is a dish.], was: [fowl]}
      - {id: туман, label: Туман, definition: Мгла над водой.}
  - id: mood
    label: Mood
    question: How does the keeper feel?
    values:
      - {id: calm, definition: At ease., hotkey: s}
      - {id: glad, definition: Cheerful., hotkey: U}
"""


@pytest.fixture(scope="module")
def pier() -> Schema:
    return Schema.parse(PIER)


def schema_of(values: list[dict], **facet) -> Schema:
    """A schema of one facet."""
    asked = {"id": "matter", "question": "What?", "values": values} | facet
    return Schema.from_data({"name": "s", "version": "1.0.0", "facets": [asked]})


# ---- hot keys


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*KEYS, "U", "Q", "ж", "?", None]), min_size=1, max_size=9), max_size=6))
def test_no_hot_key_stands_twice_or_is_one_that_label_studio_takes(wishes):
    facets = []
    for number, keys in enumerate([*wishes, ["q", None]]):
        values = [
            {"id": f"v{i}", "definition": "D."} | ({"hotkey": key} if key and key not in keys[:i] else {})
            for i, key in enumerate(keys)
        ]
        facets.append({"id": f"f{number}", "question": "Q?", "values": values})
    schema = Schema.from_data({"name": "s", "version": "1.0.0", "facets": facets})
    keys = hot_keys(schema)
    assert len(set(keys.values())) == len(keys)
    assert set(keys.values()) <= set(KEYS) - TAKEN_KEYS
    values = sum(len(facet.values) for facet in schema.facets)
    assert len(keys) == min(values, len(KEYS) - len(TAKEN_KEYS))


def test_a_schemas_own_key_is_kept_where_it_is_free(pier):
    assert hot_keys(pier)["matter", "ships"] == "s"


def test_a_key_that_is_taken_gives_way_to_the_next_free_one(pier):
    keys = hot_keys(pier)
    assert keys["mood", "calm"] not in {"s", "u"}
    assert keys["mood", "glad"] not in {"s", "u"}


# ---- the labelling interface


def interface(schema: Schema, **options) -> ET.Element:
    return ET.fromstring(label_config(schema, **options))  # noqa: S314 - made a moment ago


def parts(schema: Schema, **options) -> dict[str, ET.Element]:
    """The named parts of a labelling interface."""
    root = interface(schema, **options)
    return {part.get("name"): part for part in root.iter() if part.get("name")}


def test_every_facet_is_one_required_single_choice(pier):
    found = parts(pier)
    for facet in pier.facets:
        choices = found[facet.id]
        assert (choices.tag, choices.get("choice"), choices.get("required")) == ("Choices", "single-radio", "true")
        assert choices.get("toName") == "text"
        assert [choice.get("alias") for choice in choices] == list(facet.value_ids)
        assert [choice.get("value") for choice in choices] == [value.name for value in facet.values]
    assert [name for name, part in found.items() if part.tag == "Choices" and part.get("required")] == [*pier.facet_ids]


def test_a_hint_holds_definition_and_when_to_use_it_and_when_not(pier):
    hints = [choice.get("hint") for choice in parts(pier)["matter"]]
    assert hints == ["Boats. Use when: A hull is named.", "Gulls. Not when: The bird is a dish.", "Мгла над водой."]


def test_a_facet_with_several_answers_is_one_yes_or_no_a_value():
    schema = schema_of([{"id": "salt", "definition": "Salt."}, {"id": "wool", "definition": "Wool."}], type="multiple")
    found = parts(schema)
    assert [choice.get("alias") for choice in found["matter-salt"]] == ["yes", "no"]
    assert {"matter-salt", "matter-wool"} < set(found)


def test_flags_and_comment_are_offered_and_not_required(pier):
    found = parts(pier)
    assert [choice.get("alias") for choice in found["_flags"]] == ["unsure", "wrong-unit"]
    assert found["_flags"].get("required") is None
    assert found["_comment"].tag == "TextArea"


def test_the_neighbours_are_shown_folded_away(pier):
    root = interface(pier)
    (fold,) = root.iter("Collapse")
    assert fold.get("open") == "false"
    assert [text.get("value") for text in fold.iter("Text")] == ["$before", "$after"]


def test_adjudication_shows_the_answers_and_requires_a_reason(pier):
    found = parts(pier, adjudicate=True)
    assert found["answers"].get("value") == "$answers"
    assert [choice.get("value") for choice in found["_reason"]] == list(REASONS)
    assert found["_reason"].get("required") == "true"
    assert not {"answers", "_reason"} & set(parts(pier))


HOSTILE = [
    '"><script>alert(1)</script>',
    "a & b < c",
    "']]>",
    "<!-- x",
    "line\nbreak",
    "&#0;",
    "港口 №1",
    "😀 tab\tend",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_through_the_xml_unharmed(text):
    schema = schema_of([{"id": "a", "label": text, "definition": text}], label=text, question=text)
    found = interface(schema, adjudicate=True)
    (choice,) = found.find(".//Choices[@name='matter']")
    assert (choice.get("value"), choice.get("hint")) == (text, text)
    assert f"{text}: {text}" in [header.get("value") for header in found.iter("Header")]


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(str.strip))
def test_any_printable_text_makes_well_formed_xml(text):
    schema = schema_of([{"id": "a", "label": text, "definition": text}], question=text)
    (choice,) = interface(schema).find(".//Choices[@name='matter']")
    assert choice.get("value") == text.strip()


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "￾"])
def test_a_character_that_xml_cannot_hold_does_not_break_the_interface(character):
    try:
        schema = schema_of([{"id": "a", "label": f"ring{character}bell", "definition": "D."}])
    except SchemaError:
        return  # refused before it can do harm
    (choice,) = interface(schema).find(".//Choices[@name='matter']")
    assert choice.get("alias") == "a"


@pytest.mark.parametrize("name", ["text", "before", "after", "answers", "place", "_flags", "_comment", "_reason"])
def test_no_facet_can_have_the_name_of_another_part(name):
    try:
        schema = schema_of([{"id": "a", "definition": "D."}], id=name)
    except SchemaError:
        return  # refused before it can do harm
    for adjudicate in (False, True):
        root = interface(schema, adjudicate=adjudicate)
        names = Counter(part.get("name") for part in root.iter() if part.get("name"))
        assert [twice for twice, times in names.items() if times > 1] == []


def test_the_command_prints_the_interface(command, harbour):
    plain = command("schema", "label-config", "--study", harbour.root).out
    assert plain == label_config(harbour.schema) + "\n"
    decisions = command("schema", "label-config", "--adjudicate", "--study", harbour.root).out
    assert decisions == label_config(harbour.schema, adjudicate=True) + "\n"


def test_a_project_is_known_by_the_mark_in_its_description(pier):
    mark = tag_of("ab12", "coding", "ff00", pier)
    assert read_tag(f"Two keepers, one pier. {mark}") == {
        "study": "ab12", "kind": "coding", "schema": "pier@2.1.0", "structure": pier.structure_hash, "config": "ff00",
    }  # fmt: skip


@pytest.mark.parametrize("text", [None, "", "A project of somebody else's", "[diptych ]", "[other study=ab12]"])
def test_a_project_of_others_has_no_mark(text):
    assert read_tag(text) == {}


def test_the_mark_is_read_from_a_description_that_the_server_escaped(pier):
    assert read_tag("x &amp; y &#91;diptych study=ab12&#93;") == {"study": "ab12"}


# ---- a passage as a task

PASSAGE = {
    "passage": "log:004", "text": "The brig came in at noon.", "author": "Р. Кеер", "document": "log",
    "section": "May", "sha256": "77aa",
}  # fmt: skip


WHOLE = {"matter": "ships", "mood": "calm"}


def suggestion(model: str = "m-1", **values: tuple[str, float]) -> Suggestion:
    return Suggestion(values or {"matter": ("ships", 0.9), "mood": ("glad", 0.6)}, model, 0.75)


def annotation(*extras: dict, **fields) -> dict:
    return {
        "id": 8, "result": [*answered(**WHOLE), *extras], "was_cancelled": False, "lead_time": 4.5,
        "updated_at": "2027-05-01T10:00:00Z",
    } | fields  # fmt: skip


def read(task: dict, made: dict, schema: Schema, **options):
    return codings_of(task, made, schema, coder="kim", origin="test", **options)


def test_a_task_holds_the_passage_its_place_and_its_neighbours(pier):
    task = task_of(PASSAGE, pier, "ab12", before="Fog.", sample="sample-1")
    assert task["data"] == {
        "text": "The brig came in at noon.", "passage_id": "log:004", "place": "Р. Кеер · log · May",
        "before": "Fog.", "after": "(none)",
    }  # fmt: skip
    note = note_of(task)
    assert (note["study"], note["schema"], note["sha256"], note["sample"]) == ("ab12", "pier@2.1.0", "77aa", "sample-1")


def test_a_task_made_by_others_has_no_note():
    assert [note_of(task) for task in ({}, {"meta": None}, {"meta": {"diptych": "x"}}, {"meta": {"other": 1}})] == [
        {}, {}, {}, {}
    ]  # fmt: skip


def test_an_annotation_of_a_task_makes_one_coding_a_facet(pier):
    codings = read(task_of(PASSAGE, pier, "ab12"), annotation(), pier)
    assert [(c.passage, c.coder, c.facet, c.value) for c in codings] == [
        ("log:004", "kim", "matter", "ships"),
        ("log:004", "kim", "mood", "calm"),
    ]
    first = codings[0]
    assert (first.at, first.lead_time, first.schema) == ("2027-05-01T10:00:00Z", 4.5, pier.stamp)
    assert (first.status, first.role, first.origin) == ("coded", "coder", "test")


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_answers_come_back_through_label_studios_shape(pier, data):
    answers = {facet.id: data.draw(st.sampled_from(facet.value_ids)) for facet in pier.facets}
    result = data.draw(st.permutations(answered(**answers)))
    found = read(json.loads(json.dumps(task_of(PASSAGE, pier, "s"))), annotation(result=result), pier)
    assert {coding.facet: coding.value for coding in found} == answers


def test_a_suggestion_that_was_shown_is_recorded_with_its_chance_and_model(pier):
    task = task_of(PASSAGE, pier, "s", suggestion=suggestion())
    made = annotation(prediction=task["predictions"][0])
    assert [coding.suggestion for coding in read(task, made, pier)] == [
        {"value": "ships", "p": 0.9, "model": "m-1"},
        {"value": "glad", "p": 0.6, "model": "m-1"},
    ]


def test_the_copy_that_label_studio_keeps_with_an_annotation_is_what_was_seen(pier):
    task = task_of(PASSAGE, pier, "s", suggestion=suggestion("m-1"))
    made = annotation(prediction=prediction_of(suggestion("m-1", matter=("birds", 0.5), mood=("calm", 0.5))))
    assert [coding.suggestion["value"] for coding in read(task, made, pier)] == ["birds", "calm"]


def test_of_two_models_suggestions_the_one_on_the_screen_was_seen(pier):
    task = task_of(PASSAGE, pier, "s", suggestion=suggestion("m-2"))
    task["predictions"].insert(0, prediction_of(suggestion("m-1", matter=("туман", 0.4), mood=("calm", 0.4))))
    made = annotation(prediction=task["predictions"][1])
    assert {coding.suggestion["model"] for coding in read(task, made, pier)} == {"m-2"}


def test_a_suggestion_the_screen_did_not_show_is_not_recorded(pier):
    task = task_of(PASSAGE, pier, "s", suggestion=suggestion("m-2"))
    assert {coding.suggestion for coding in read(task, annotation(prediction={}), pier)} == {None}


def test_a_withheld_suggestion_leaves_only_its_score_for_the_queue(pier):
    task = task_of(PASSAGE, pier, "s", suggestion=suggestion(), withheld=True)
    assert task["predictions"] == [{"model_version": "m-1", "score": 0.75, "result": []}]
    assert note_of(task)["suggestion"] == "withheld"
    assert [coding.suggestion for coding in read(task, annotation(), pier)] == [None, None]


def test_without_a_suggestion_a_task_has_no_predictions(pier):
    task = task_of(PASSAGE, pier, "s")
    assert "predictions" not in task
    assert note_of(task)["suggestion"] == "none"


def test_a_prediction_is_one_region_a_facet(pier):
    made = prediction_of(suggestion())
    assert check_result(made["result"], pier) == {"matter": "ships", "mood": "glad"}
    assert (made["model_version"], made["score"]) == ("m-1", 0.75)


def test_a_skipped_task_makes_skipped_codings(pier):
    codings = read(task_of(PASSAGE, pier, "s"), annotation(was_cancelled=True, result=[]), pier)
    assert [(c.facet, c.value, c.status) for c in codings] == [("matter", None, "skipped"), ("mood", None, "skipped")]


def extra(name: str, **value) -> dict:
    return {"from_name": name, "to_name": "text", "type": "any", "value": value}


def test_comment_flags_and_reason_come_with_every_coding(pier):
    made = annotation(
        extra("_comment", text=["Ещё раз", "перечитать "]),
        extra("_flags", choices=["unsure", "wrong-unit"]),
        extra("_reason", choices=["edge case"]),
    )
    for coding in read(task_of(PASSAGE, pier, "s"), made, pier, role="adjudicator"):
        assert coding.comment == "Ещё раз перечитать"
        assert coding.flags == ("unsure", "wrong-unit")
        assert (coding.reason, coding.role) == ("edge case", "adjudicator")


def test_a_comment_may_be_one_text(pier):
    _, extras = read_result([extra("_comment", text=" plain ")], pier)
    assert extras["comment"] == "plain"


def test_a_decision_without_a_reason_is_no_decision(pier):
    with pytest.raises(RecordError, match="no reason for the decision"):
        read(task_of(PASSAGE, pier, "s"), annotation(), pier, role="adjudicator")


def test_a_task_that_diptych_did_not_make_gives_no_codings(pier):
    with pytest.raises(RecordError, match="the task has no passage_id"):
        read({"data": {"text": "x"}}, annotation(), pier)


# ---- what the server lets through and diptych does not


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (answered(matter="ships"), "no answer to mood"),
        ([], "no answer to matter, mood"),
        ([extra("matter", choices=["ships", "birds"])], r"matter: 2 values on a single choice \(ships, birds\)"),
        ([extra("matter", choices=[])], "matter: 0 values on a single choice"),
        (answered(matter="ships") * 2, "matter: answered twice"),
        (answered(matter="shisp"), r"matter: unknown value 'shisp' \(did you mean 'ships'\?\)"),
        (answered(mater="ships"), r"unknown facet 'mater' \(did you mean 'matter'\?\)"),
        ([extra("_flags", choices=["unsrue"])], r"_flags: unknown value 'unsrue' \(did you mean 'unsure'\?\)"),
        ([extra("_reason", choices=["edge"])], "_reason: unknown value 'edge'"),
        ([extra("matter", text=["ships"])], "matter: the answer is no list of choices"),
        ([extra("matter", choices="ships")], "matter: the answer is no list of choices"),
        ([extra("matter", choices=[["ships"]])], "matter: the answer is no list of choices"),
        ([{"from_name": "matter"}], "a part of the result has no value"),
        (["matter"], "a part of the result has no value"),
        (None, "the result is no list"),
        ({"matter": "ships"}, "the result is no list"),
    ],
)
def test_a_result_that_cannot_be_is_refused_in_words(pier, result, message):
    with pytest.raises(RecordError, match=message):
        check_result(result, pier)


def test_an_unknown_value_says_what_is_allowed(pier):
    with pytest.raises(RecordError) as caught:
        check_result(answered(matter="fish"), pier)
    assert caught.value.hint == "allowed: ships, birds, туман"


def test_labels_are_taken_as_well_as_ids(pier):
    assert check_result(answered(matter="Birds & nests", mood="calm"), pier)["matter"] == "birds"
    assert check_result(answered(matter="Туман", mood="calm"), pier)["matter"] == "туман"


def test_an_id_means_its_own_value_even_if_it_is_another_ones_label():
    schema = schema_of([{"id": "north", "label": "south", "definition": "N."}, {"id": "south", "definition": "S."}])
    assert check_result(answered(matter="south"), schema) == {"matter": "south"}


def test_earlier_names_of_facets_and_values_are_read_as_the_present_ones(pier):
    assert check_result(answered(topic="fowl", mood="calm"), pier) == {"matter": "birds", "mood": "calm"}


# ---- codings as annotations, interfaces as answers


def test_codings_go_out_as_an_annotation_that_reads_back_the_same(pier):
    row = {
        "coder": "kim",
        "comment": "Туман.",
        "flags": ["unsure"],
        "reason": "slip",
        "lead_time": 7.0,
        "at": "2027-01-02",
    }
    rows = [row | {"facet": facet, "value": value} for facet, value in WHOLE.items()]
    made = annotation_of(rows)
    codings = read(task_of(PASSAGE, pier, "s"), json.loads(json.dumps(made)), pier, role="adjudicator")
    assert {c.facet: c.value for c in codings} == WHOLE
    assert {(c.comment, c.flags, c.reason, c.lead_time, c.at) for c in codings} == {
        ("Туман.", ("unsure",), "slip", 7.0, "2027-01-02")
    }
    assert made["ground_truth"] is False


def test_a_short_export_is_read_like_a_full_one(pier):
    row = {
        "id": 4, "text": "The brig came in.", "passage_id": "log:004", "place": "log", "annotator": 2,
        "annotation_id": 9,        "created_at": "2027-01-02", "updated_at": "2027-01-03", "lead_time": 2.0,
        "matter": "birds", "mood": {"choices": ["calm"]}, "_comment": ["one", "two"], "_flags": "unsure",
    }  # fmt: skip
    (task,) = read_export([row], "short.json")
    (made,) = task["annotations"]
    codings = read(task, made, pier)
    assert {c.facet: c.value for c in codings} == {"matter": "birds", "mood": "calm"}
    assert {(c.passage, c.at, c.comment, c.flags) for c in codings} == {
        ("log:004", "2027-01-03", "one two", ("unsure",))
    }


@pytest.mark.parametrize("raw", [{}, "text", None, ["a"], [[]]])
def test_what_is_no_export_is_refused_by_name(raw):
    with pytest.raises(RecordError, match=r"odd\.json: expected Label Studio's JSON"):
        read_export(raw, "odd.json")


def test_an_interface_says_which_answers_it_offers(pier):
    answers = config_answers(label_config(pier))
    assert {facet: answers[facet] for facet in pier.facet_ids} == {f.id: list(f.value_ids) for f in pier.facets}
    assert config_answers("no <xml") == {}


def test_answers_are_lost_where_neither_name_nor_earlier_name_is_left(pier):
    config = label_config(pier)
    assert lost_answers(config, pier) == []
    assert lost_answers(config, Schema.parse(PIER.replace("{id: ships,", "{id: boats, was: [ships],"))) == []
    assert lost_answers(config, Schema.parse(PIER.replace("{id: ships,", "{id: boats,"))) == ["matter: ships"]
    assert lost_answers(config, Schema.parse(PIER.replace("- id: mood", "- id: temper"))) == ["mood"]


# ---- what a real server sent

at_hand = pytest.mark.skipif(not PAYLOADS.exists(), reason="the captured payloads are not at hand")
CAPTURED = """\
name: captured
version: 1.0.0
facets:
  - id: perspective
    question: Whose?
    values: [{id: moscow, definition: M.}, {id: beijing, definition: B.}]
  - id: domain
    question: What?
    values: [{id: energy, definition: E.}, {id: arms, definition: A.}, {id: governance, definition: G.}]
  - id: stance
    question: How?
    values: [{id: pro, definition: P.}, {id: neutral, definition: N.}, {id: con, definition: C.}]
"""


def bodies(action: str) -> list[dict]:
    """What Label Studio 1.23.2 sent for an event."""
    found = [call["body"] for call in json.loads(PAYLOADS.read_text(encoding="utf-8")) if call["body"]]
    return [body for body in found if body.get("action") == action]


@at_hand
@pytest.mark.parametrize(
    ("action", "perspective"), [("ANNOTATION_CREATED", "moscow"), ("ANNOTATION_UPDATED", "beijing")]
)
def test_a_captured_annotation_makes_codings(action, perspective):
    schema = Schema.parse(CAPTURED)
    for body in bodies(action):
        codings = read(body["task"], body["annotation"], schema)
        assert {c.facet: c.value for c in codings} == {"perspective": perspective, "domain": "energy", "stance": "pro"}
        assert {c.passage for c in codings} == {"p4"}
        assert {c.at for c in codings} == {body["annotation"]["updated_at"]}
        assert {c.suggestion for c in codings} == {None}


@at_hand
def test_a_captured_annotation_with_two_values_is_refused():
    for body in bodies("ANNOTATIONS_CREATED"):
        (made,), (task,) = body["annotation"], body["task"]
        with pytest.raises(RecordError, match=r"domain: 2 values on a single choice \(energy, arms\)"):
            read(task, made, Schema.parse(CAPTURED))


@at_hand
def test_captured_tasks_of_others_carry_no_note():
    tasks = [task for body in bodies("TASKS_CREATED") for task in body["tasks"]]
    assert [note_of(task) for task in tasks] == [{}] * len(tasks)
    assert tasks


# ---- the client against a server that misbehaves


class Odd:
    """A small HTTP server that answers every call the same way and remembers it."""

    def __init__(self) -> None:
        self.status, self.kind, self.body = 200, "application/json", b"{}"
        self.calls: list[tuple[str, str, str, bytes]] = []
        self.release = threading.Event()
        self.release.set()
        self.routes: dict[str, tuple[int, str, bytes]] = {}
        odd = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.partition("?")[0]
                odd.calls.append((self.command, path, self.headers.get("Authorization", ""), body))
                odd.release.wait(10)
                status, kind, content = odd.routes.get(path, (odd.status, odd.kind, odd.body))
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass  # the client is gone

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()

    def says(self, status: int, body: object = b"", kind: str = "application/json") -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.kind, self.body = status, kind, content


@pytest.fixture
def odd():
    server = Odd()
    yield server
    server.close()


def failure(client: Client, method: str = "POST", path: str = "api/projects/") -> LabelStudioError:
    """The error of a call; whatever a person could get to see of it holds no key."""
    with pytest.raises(LabelStudioError) as caught:
        client.request(method, path, retries=0)
    error = caught.value
    seen = "".join(traceback.format_exception(error)) + repr(error) + error.hint
    assert KEY not in seen
    return error


RENEW = "make a new access token in Label Studio (Account & Settings) and set LABEL_STUDIO_API_KEY"


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (401, "Label Studio does not know this key, or it has expired", RENEW),
        (403, "Label Studio does not allow this (/api/projects/)", RENEW),
        (404, "Label Studio refused with status 404 (/api/projects/): no such thing", ""),
        (400, "Label Studio refused with status 400 (/api/projects/): no such thing", ""),
        (429, "Label Studio is asked too often", "wait a minute, then run again"),
        (
            500,
            "Label Studio failed with status 500 (/api/projects/)",
            "its log says why; nothing is lost, run the command again",
        ),
        (
            503,
            "Label Studio failed with status 503 (/api/projects/)",
            "its log says why; nothing is lost, run the command again",
        ),
    ],
)
def test_a_refusal_is_one_sentence_with_a_hint(odd, status, message, hint):
    odd.says(status, {"detail": "no such thing"})
    error = failure(Client(odd.url, KEY))
    assert (str(error), error.hint, error.status) == (message, hint, status)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_refusal_in_html_is_worded_all_the_same(odd, status):
    odd.says(status, b"<html>Oops</html>", "text/html")
    error = failure(Client(odd.url, KEY))
    assert error.status == status
    assert "Oops" not in str(error)


def test_what_the_server_says_is_wrong_with_the_data_is_passed_on(odd):
    odd.says(400, {"validation_errors": {"label_config": ["matter stands twice"]}})
    assert "matter stands twice" in str(failure(Client(odd.url, KEY)))


def test_a_server_that_repeats_the_key_does_not_make_diptych_repeat_it(odd):
    odd.says(400, {"detail": f"bad header: Token {KEY}"})
    failure(Client(odd.url, KEY))


def test_html_instead_of_json_points_to_the_address(odd):
    odd.says(200, b"<!doctype html><title>Welcome</title>", "text/html")
    error = failure(Client(odd.url, KEY), "GET", "api/version")
    assert str(error) == f"{odd.url}/ answered /api/version with something that is no JSON"
    assert "sub-path" in error.hint


def test_a_slow_server_is_told_with_the_time_waited(odd, monkeypatch):
    monkeypatch.setattr(client_module, "TIMEOUT", 0.2)
    odd.release.clear()
    error = failure(Client(odd.url, KEY))
    assert str(error) == f"Label Studio at {odd.url}/ did not answer POST /api/projects/ within 0.2 s"
    assert "run the command again" in error.hint
    assert error.status is None


def test_nobody_at_the_address_is_told_with_the_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    error = failure(Client(url, KEY))
    assert str(error) == f"no Label Studio answers at {url}/ (ConnectError)"
    assert "diptych studio up" in error.hint


def test_a_call_that_changes_something_is_never_repeated_by_itself(odd):
    odd.says(502)
    with pytest.raises(LabelStudioError):
        Client(odd.url, KEY).import_tasks(1, [{"data": {}}])
    assert len(odd.calls) == 1


def test_an_empty_answer_is_none(odd):
    odd.says(204)
    assert Client(odd.url, KEY).request("DELETE", "api/tasks/1/") is None


def test_a_task_that_is_gone_counts_as_deleted(odd):
    odd.says(404, {"detail": "not found"})
    Client(odd.url, KEY).delete_task(5)
    assert odd.calls[0][:2] == ("DELETE", "/api/tasks/5/")


def test_a_project_that_is_gone_is_told_with_its_number(odd):
    odd.says(404, {"detail": "not found"})
    with pytest.raises(LabelStudioError, match="project 7 is not on") as caught:
        Client(odd.url, KEY).project(7)
    assert "diptych studio push" in caught.value.hint


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "localhost", ""])
def test_what_is_no_address_is_refused_at_once(url):
    with pytest.raises(LabelStudioError, match="is no address of a server"):
        Client(url, KEY)


def test_an_address_with_an_impossible_port_is_refused_in_words():
    with pytest.raises(LabelStudioError):
        Client("http://127.0.0.1:harbour", KEY).version()


def test_a_key_that_no_header_can_hold_is_refused_in_words(odd):
    key = "ключ" * 10
    with pytest.raises(LabelStudioError) as caught:
        Client(odd.url, key).version()
    assert key not in "".join(traceback.format_exception(caught.value))


def test_without_a_key_the_hint_names_the_variable():
    with pytest.raises(LabelStudioError, match="no key for the server") as caught:
        Client("http://127.0.0.1:1", "")
    assert "LABEL_STUDIO_API_KEY" in caught.value.hint


@pytest.mark.parametrize("path", ["", "/", "/ls", "/ls/", "/deep/er"])
def test_a_sub_path_is_kept(odd, path):
    odd.says(200, {"release": "1.23.2"})
    assert Client(odd.url + path, KEY).version() == "1.23.2"
    assert odd.calls[0][1] == f"{path.rstrip('/')}/api/version"


def test_a_legacy_token_goes_into_the_header_as_it_is(odd):
    Client(odd.url, KEY).whoami()
    assert odd.calls[0][2] == f"Token {KEY}"


# ---- personal access tokens


def token(kind: str, seconds: float = 3600) -> str:
    claims = {"token_type": kind, "exp": int(time.time() + seconds), "user_id": "1"}
    return jwt.encode(claims, "no secret at all, only long enough for a signature", algorithm="HS256")


sdk_warns = pytest.mark.filterwarnings("ignore:The `parse_obj` method is deprecated")  # label-studio-sdk's own


@sdk_warns
@pytest.mark.parametrize("path", ["", "/ls", "/ls/"])
def test_a_personal_token_is_exchanged_under_the_sub_path(odd, path):
    personal, access = token("refresh"), token("access", 300)
    base = path.rstrip("/")
    odd.routes[f"{base}/api/token/refresh/"] = (200, "application/json", json.dumps({"access": access}).encode())
    Client(odd.url + path, personal).whoami()
    (refresh, call) = odd.calls
    assert refresh[:2] == ("POST", f"{base}/api/token/refresh/")
    assert json.loads(refresh[3]) == {"refresh": personal}
    assert call[1:3] == (f"{base}/api/current-user/whoami", f"Bearer {access}")


def test_an_expired_personal_token_is_refused_before_any_call(odd):
    old = token("refresh", -60)
    with pytest.raises(LabelStudioError, match="has expired") as caught:
        Client(odd.url, old)
    assert old not in "".join(traceback.format_exception(caught.value))
    assert (odd.calls, caught.value.hint) == ([], RENEW)


@sdk_warns
@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (401, "application/json", b'{"detail": "revoked"}'),
        (404, "text/html", b"<html>nothing here</html>"),
        (500, "text/html", b"<html>broken</html>"),
        (200, "text/html", b"<html>a sign-in page</html>"),
        (200, "application/json", b"{}"),
    ],
    ids=["revoked", "wrong address", "broken", "sign-in page", "no token in it"],
)
def test_a_personal_token_that_is_not_exchanged_is_told_in_words(odd, status, kind, body):
    personal = token("refresh")
    odd.says(status, body, kind)
    with pytest.raises(LabelStudioError) as caught:
        Client(odd.url, personal).whoami()
    assert personal not in "".join(traceback.format_exception(caught.value)) + caught.value.hint


# ---- pages


class Paged(Client):
    """A client whose calls are answered from a list of pages."""

    def __init__(self, pages: list[object]) -> None:
        self.pages, self.asked = pages, []

    def request(self, method: str, path: str, **options):
        self.asked.append(options["params"])
        page = options["params"]["page"]
        if page > len(self.pages):
            raise LabelStudioError("Invalid page.", status=404)
        return self.pages[page - 1]


def test_tasks_are_read_page_by_page_until_all_are_there():
    client = Paged([{"tasks": [{"id": 1}, {"id": 2}], "total": 3}, {"tasks": [{"id": 3}], "total": 3}])
    assert [task["id"] for task in client.tasks(1, include=("id",))] == [1, 2, 3]
    assert len(client.asked) == 2


def test_a_page_beyond_the_last_is_the_end_and_no_error():
    client = Paged([{"tasks": [{"id": 1}], "total": 5}])
    assert [task["id"] for task in client.tasks(1, include=("id",))] == [1]


def test_projects_are_read_from_pages_and_from_plain_lists():
    pages = [{"results": [{"id": 1}], "next": "more"}, {"results": [{"id": 2}], "next": None}]
    assert [project["id"] for project in Paged(pages).projects()] == [1, 2]
    assert [project["id"] for project in Paged([[{"id": 4}]]).projects()] == [4]


def test_chosen_tasks_are_asked_for_by_their_numbers():
    client = Paged([{"tasks": [], "total": 0}])
    assert list(client.tasks(3, include=("id",), ids=[5, 6])) == []
    (item,) = json.loads(client.asked[0]["query"])["filters"]["items"]
    assert (item["filter"], item["operator"], item["value"]) == ("filter:tasks:id", "in_list", [5, 6])


# ---- push and pull against a stand-in


def answer_lost(studio: Studio, project: int, tasks) -> None:
    """The server takes the batch; its answer never arrives."""
    studio.store(project, tasks)
    raise LabelStudioError("did not answer in time")


def half_taken(studio: Studio, project: int, tasks) -> None:
    studio.store(project, tasks[: len(tasks) // 2])
    raise LabelStudioError("failed with status 500", status=500)


def nothing_taken(studio: Studio, project: int, tasks) -> None:
    raise LabelStudioError("failed with status 502", status=502)


def refused(studio: Studio, project: int, tasks) -> None:
    raise LabelStudioError("refused with status 400", status=400)


FIRST = 101  # the number of the first task
NORTH, SOUTH = "harbour-north:001", "harbour-south:001"


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    return make_study(tmp_path_factory.mktemp("example") / "harbour").root


@pytest.fixture
def harbour(example, tmp_path) -> Study:
    """The small study that `diptych init` makes, copied, which is faster than making it."""
    return Study.load(shutil.copytree(example, tmp_path / "harbour"))


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def plan(harbour) -> Plan:
    return coding_plan(harbour)


def suggesting(plan: Plan, model: str = "m-1", shown: int = 16) -> Plan:
    """The plan with suggestions for all passages, shown on the first few."""
    names = [row["passage"] for row in plan.passages]
    said = Suggestion({facet: (value, 0.8) for facet, value in USUAL.items()}, model, 0.8)
    return replace(plan, suggestions=dict.fromkeys(names, said), shown=frozenset(names[:shown]))


def rewritten(plan: Plan, passage: str, text: str) -> Plan:
    """The plan after the text of a passage was corrected."""
    rows = [
        row | {"text": text, "sha256": sha256_bytes(text.encode())} if row["passage"] == passage else row
        for row in plan.passages
    ]
    return replace(plan, passages=rows)


def once_each(studio: Studio, plan: Plan) -> bool:
    return sorted(studio.passages()) == sorted(row["passage"] for row in plan.passages)


def test_the_first_push_makes_the_project_and_sends_every_passage_in_order(studio, harbour, plan):
    done = push(studio, harbour, plan)
    assert (done.created, done.sent, done.known, done.told) == (True, 16, 0, [])
    assert studio.passages() == [row["passage"] for row in plan.passages]
    board = studio.boards[done.project]
    assert board["label_config"] == label_config(harbour.schema)
    assert read_tag(board["description"])["study"] == study_key(harbour)
    assert board["expert_instruction"]


def test_pushing_again_sends_nothing(studio, harbour, plan):
    push(studio, harbour, plan)
    before = copy.deepcopy(studio.stored)
    again = push(studio, harbour, plan)
    assert (again.created, again.sent, again.known, again.updated, again.doubles) == (False, 0, 16, 0, 0)
    assert studio.stored == before


def test_a_larger_plan_sends_only_what_is_missing(studio, harbour, plan):
    push(studio, harbour, replace(plan, passages=plan.passages[:5]))
    done = push(studio, harbour, plan)
    assert (done.sent, done.known) == (11, 5)
    assert once_each(studio, plan)


@pytest.mark.parametrize("batch", [3, 500])
@pytest.mark.parametrize(
    "faults",
    [
        [answer_lost], [half_taken], [nothing_taken], [half_taken, answer_lost], [answer_lost, nothing_taken],
        [half_taken, half_taken],
    ],
    ids=lambda faults: " then ".join(fault.__name__ for fault in faults),
)  # fmt: skip
def test_whatever_fails_on_the_way_every_passage_stands_once(studio, harbour, plan, monkeypatch, batch, faults):
    monkeypatch.setattr("diptych.labelstudio.push.BATCH", batch)
    studio.faults = list(faults)
    done = push(studio, harbour, plan)
    assert once_each(studio, plan)
    assert done.sent == 16


def test_a_server_that_keeps_failing_is_given_up_and_the_next_push_goes_on(studio, harbour, plan):
    studio.faults = [half_taken, half_taken, half_taken]
    with pytest.raises(LabelStudioError, match="status 500"):
        push(studio, harbour, plan)
    done = push(studio, harbour, plan)
    assert once_each(studio, plan)
    assert done.sent + done.known == 16
    assert done.known > 0


def test_a_refusal_is_not_repeated(studio, harbour, plan):
    studio.faults = [refused]
    with pytest.raises(LabelStudioError, match="status 400"):
        push(studio, harbour, plan)
    assert studio.imports == 1


def test_a_failure_on_the_way_is_told(studio, harbour, plan):
    studio.faults = [answer_lost]
    said: list[str] = []
    push(studio, harbour, plan, said.append)
    assert said[0] == "did not answer in time; looking what arrived"


def test_doubles_that_nobody_coded_are_removed(studio, harbour, plan):
    project = push(studio, harbour, plan).project
    studio.store(project, [studio.stored[FIRST], studio.stored[FIRST + 1]])
    done = push(studio, harbour, plan)
    assert (done.doubles, done.sent) == (2, 0)
    assert once_each(studio, plan)


def test_doubles_at_the_start_of_a_long_list_do_not_hide_what_follows(studio, harbour, plan):
    project = push(studio, harbour, plan).project
    for number in range(1, 6):
        studio.stored[number] = copy.deepcopy(studio.stored[FIRST]) | {"id": number}
        studio.board_of[number] = project
    done = push(studio, harbour, plan)
    assert (done.sent, done.doubles) == (0, 5)
    assert once_each(studio, plan)


def test_of_two_tasks_the_coded_one_is_kept(studio, harbour, plan):
    project = push(studio, harbour, plan).project
    bare = copy.deepcopy(studio.where(NORTH))
    studio.annotate(NORTH, 1)
    studio.store(project, [bare])
    assert push(studio, harbour, plan).doubles == 1
    assert len(studio.where(NORTH)["annotations"]) == 1
    assert once_each(studio, plan)


def test_a_later_double_that_is_coded_replaces_the_bare_first_one(studio, harbour, plan):
    project = push(studio, harbour, plan).project
    first = studio.stored.pop(FIRST)
    studio.store(project, [first])
    studio.annotate(NORTH, 1)
    studio.stored[FIRST] = first
    assert push(studio, harbour, plan).doubles == 1
    assert len(studio.where(NORTH)["annotations"]) == 1


def test_two_coded_tasks_of_a_passage_are_both_kept_and_told(studio, harbour, plan):
    project = push(studio, harbour, plan).project
    studio.annotate(NORTH, 1)
    first = studio.stored.pop(FIRST)
    studio.store(project, [first])
    studio.annotate(NORTH, 2)
    studio.stored[FIRST] = first
    done = push(studio, harbour, plan)
    assert (done.doubles, done.sent) == (0, 0)
    assert done.told == [f"{NORTH} stands twice and both are coded; both are kept"]


def test_a_changed_text_is_sent_where_nobody_has_coded_it(studio, harbour, plan):
    push(studio, harbour, plan)
    new = rewritten(plan, NORTH, "Dredgers came at dawn.")
    assert push(studio, harbour, new).updated == 1
    assert studio.where(NORTH)["data"]["text"] == "Dredgers came at dawn."
    assert push(studio, harbour, new).updated == 0


def test_a_changed_text_is_only_told_where_it_is_coded(studio, harbour, plan):
    push(studio, harbour, plan)
    studio.annotate(NORTH, 1)
    old = studio.where(NORTH)["data"]["text"]
    done = push(studio, harbour, rewritten(plan, NORTH, "Dredgers came at dawn."))
    assert done.told == ["1 coded passages have another text now; their tasks keep the old one"]
    assert studio.where(NORTH)["data"]["text"] == old


def test_tasks_of_others_are_told_and_left_alone(studio, harbour, plan):
    project = push(studio, harbour, plan).project
    studio.store(project, [{"data": {"text": "not ours"}}])
    done = push(studio, harbour, plan)
    assert done.told == ["1 tasks were not made by diptych; they are left alone"]
    assert len(studio.stored) == 17


# ---- suggestions


def versions(studio: Studio, passage: str) -> list[str]:
    return [made["model_version"] for made in studio.where(passage)["predictions"]]


def test_suggestions_go_with_the_passages_that_show_them(studio, harbour, plan):
    done = push(studio, harbour, suggesting(plan, shown=4))
    assert done.suggestions == 4
    kinds = Counter(note_of(task)["suggestion"] for task in studio.stored.values())
    assert kinds == {"shown": 4, "withheld": 12}
    assert all(bool(task["predictions"]) == (note_of(task)["suggestion"] == "shown") for task in studio.stored.values())


def test_in_the_uncertain_order_every_task_has_a_score_and_only_shown_ones_say_a_value(studio, harbour, plan):
    push(studio, harbour, replace(suggesting(plan, shown=4), order="uncertain"))
    made = [prediction for task in studio.stored.values() for prediction in task["predictions"]]
    assert {prediction["score"] for prediction in made} == {0.8}
    assert Counter(len(prediction["result"]) for prediction in made) == {3: 4, 0: 12}


def test_a_new_models_suggestions_are_added_and_put_on_the_screen(studio, harbour, plan):
    project = push(studio, harbour, suggesting(plan, "m-1", shown=4)).project
    done = push(studio, harbour, suggesting(plan, "m-2", shown=4))
    assert done.suggestions == 4
    assert versions(studio, NORTH) == ["m-1", "m-2"]
    assert note_of(studio.where(NORTH))["model"] == "m-2"
    assert studio.boards[project]["model_version"] == "m-2"


def test_the_same_models_suggestions_are_sent_once(studio, harbour, plan):
    push(studio, harbour, suggesting(plan, shown=4))
    assert push(studio, harbour, suggesting(plan, shown=4)).suggestions == 0
    assert versions(studio, NORTH) == ["m-1"]


def test_a_coded_passage_keeps_the_suggestion_its_coder_saw(studio, harbour, plan):
    push(studio, harbour, suggesting(plan, "m-1"))
    studio.annotate(NORTH, 1)
    push(studio, harbour, suggesting(plan, "m-2"))
    assert (versions(studio, NORTH), note_of(studio.where(NORTH))["model"]) == (["m-1"], "m-1")


def test_a_passage_once_withheld_stays_withheld(studio, harbour, plan):
    push(studio, harbour, suggesting(plan, "m-1", shown=0))
    push(studio, harbour, suggesting(plan, "m-2", shown=16))
    assert {note_of(task)["suggestion"] for task in studio.stored.values()} == {"withheld"}
    assert versions(studio, NORTH) == []


@pytest.mark.parametrize("fault", [answer_lost, half_taken])
def test_a_failure_on_the_way_does_not_leave_new_suggestions_off_the_screen(studio, harbour, plan, fault):
    first = suggesting(plan, "m-1")
    project = push(studio, harbour, replace(first, passages=plan.passages[:1], shown=frozenset({NORTH}))).project
    studio.annotate(NORTH, 1)
    studio.faults = [fault]
    done = push(studio, harbour, suggesting(plan, "m-2"))
    assert studio.boards[project]["model_version"] == "m-2"
    assert done.suggestions == 15


def test_a_suggestion_made_for_an_old_text_is_not_passed_off_as_one_for_the_new(studio, harbour, plan):
    push(studio, harbour, suggesting(plan, "m-1"))
    push(studio, harbour, rewritten(plan, NORTH, "Dredgers came at dawn."))
    task = studio.where(NORTH)
    assert task["data"]["text"] == "Dredgers came at dawn."
    assert bool(task["predictions"]) == (note_of(task)["suggestion"] == "shown")


def test_new_text_and_new_model_at_once_are_settled_in_one_push(studio, harbour, plan):
    push(studio, harbour, suggesting(plan, "m-1"))
    new = rewritten(suggesting(plan, "m-2"), NORTH, "Dredgers came at dawn.")
    push(studio, harbour, new)
    again = push(studio, harbour, new)
    assert (again.updated, again.suggestions, again.sent) == (0, 0, 0)


def test_a_suggestion_that_the_server_dropped_is_told_and_not_noted_as_shown(studio, harbour, plan, monkeypatch):
    push(studio, harbour, plan)
    monkeypatch.setattr(studio, "import_predictions", lambda *_: 0)
    done = push(studio, harbour, suggesting(plan, shown=4))
    assert (done.suggestions, done.told) == (0, ["the server took 0 of 4 suggestions"])
    assert note_of(studio.where(NORTH))["suggestion"] == "none"


def test_a_suggestion_that_does_not_fit_the_schema_never_leaves(studio, harbour, plan):
    wrong = Suggestion({"topic": ("fish", 0.9)}, "m-1", 0.9)
    with pytest.raises(RecordError, match="topic: unknown value 'fish'"):
        push(studio, harbour, replace(plan, suggestions={NORTH: wrong}, shown=frozenset({NORTH})))
    assert studio.stored == {}


# ---- whose project, which schema


def other_study(harbour: Study, old: str, new: str) -> Study:
    """The harbour after somebody edited its settings or its schema."""
    for path in (harbour.root / "study.toml", harbour.root / harbour.settings.schema_):
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return Study.load(harbour.root)


def test_another_studys_project_is_never_touched(studio, harbour, plan):
    theirs = push(studio, harbour, plan).project
    ours = other_study(harbour, 'name = "harbour"', 'name = "quay"')
    assert push(studio, ours, plan).project != theirs
    with pytest.raises(LabelStudioError, match=f"project {theirs} .* belongs to another study"):
        push(studio, ours, plan, project=theirs)


def test_an_interface_changed_by_hand_is_not_overwritten(studio, harbour, plan):
    project = push(studio, harbour, plan).project
    studio.boards[project]["label_config"] += "<!-- mine -->"
    with pytest.raises(LabelStudioError, match="was changed by hand"):
        push(studio, harbour, plan)


def test_a_schema_that_drops_a_value_is_refused_where_codings_exist(studio, harbour, plan):
    push(studio, harbour, plan)
    studio.annotate(NORTH, 1)
    edited = other_study(harbour, "{id: money,", "{id: trade,")
    with pytest.raises(LabelStudioError, match="would orphan annotations: topic: money"):
        push(studio, edited, plan)


@pytest.mark.parametrize("new", ["{id: trade, was: [money],", "{id: fish, definition: Fish.}\n      - {id: money,"])
def test_a_schema_that_keeps_all_answers_readable_is_sent(studio, harbour, plan, new):
    project = push(studio, harbour, plan).project
    studio.annotate(NORTH, 1)
    edited = other_study(harbour, "{id: money,", new)
    push(studio, edited, plan)
    assert studio.boards[project]["label_config"] == label_config(edited.schema)


def test_before_anybody_codes_any_schema_can_be_sent(studio, harbour, plan):
    project = push(studio, harbour, plan).project
    edited = other_study(harbour, "{id: money,", "{id: trade,")
    push(studio, edited, plan)
    assert studio.boards[project]["label_config"] == label_config(edited.schema)


# ---- pull


@pytest.fixture
def pushed(studio, harbour, plan) -> Studio:
    push(studio, harbour, plan)
    return studio


def said(study: Study, passage: str = NORTH, *, history: bool = False) -> list[tuple[str, str, str | None]]:
    """(coder, facet, value) of what came from Label Studio for a passage."""
    codings = load_codings(study, history=history)
    mine = codings[codings["origin"].str.startswith("label-studio ") & (codings["passage"] == passage)]
    rows = mine[["coder", "facet", "value"]].astype(object)
    return list(rows.where(rows.notna(), None).itertuples(index=False, name=None))


def forget(study: Study) -> None:
    """Lose what the last pull saw, as a fresh clone of the study has."""
    for path in (study.state / "label-studio").glob("pulled-*"):
        path.unlink()


def brought(result) -> tuple[int, int, int, int, int]:
    return result.new, result.changed, result.deleted, result.skipped, len(result.rejects)


def test_an_annotation_comes_as_one_coding_a_facet_under_a_pseudonym(pushed, harbour):
    pushed.annotate(NORTH, 1, topic="work")
    result = pull(pushed, harbour)
    assert brought(result) == (3, 0, 0, 0, 0)
    assert said(harbour) == [
        ("coder-1", "topic", "work"), ("coder-1", "side", "port"), ("coder-1", "tone", "plain")
    ]  # fmt: skip


def test_addresses_stay_out_of_the_annotations(pushed, harbour):
    pushed.annotate(NORTH, 1)
    pull(pushed, harbour)
    files = [path for path in (harbour.root / "annotations").rglob("*") if path.is_file()]
    assert not [path for path in files if b"quay.example" in path.read_bytes()]
    assert b"quay.example" in (harbour.state / "label-studio" / "people.json").read_bytes()


def test_a_pseudonym_that_was_reserved_for_an_address_is_the_one_that_codings_carry(pushed, harbour):
    People(harbour, pushed.url).reserve("мира", "kim@quay.example")
    pushed.annotate(NORTH, 1)
    pull(pushed, harbour)
    assert {coder for coder, *_ in said(harbour)} == {"мира"}
    assert load_coders(harbour).coders["мира"].kind == "human"


def test_a_pseudonym_of_an_earlier_coder_is_never_given_again(harbour):
    people = People(harbour, "http://studio.test/")
    people.reserve("sample-a", "kim@quay.example")
    assert people.name(1, "kim@quay.example") == "sample-a-2"


def test_the_same_number_on_another_server_is_another_person(harbour):
    names = [People(harbour, url).name(1) for url in ("http://one.test", "http://two.test", "http://one.test/")]
    assert names == ["coder-1", "coder-1-2", "coder-1"]


@pytest.mark.parametrize("fresh_clone", [False, True])
def test_pulling_again_adds_nothing(pushed, harbour, fresh_clone):
    pushed.annotate(NORTH, 1, extra("_flags", choices=["unsure"]), extra("_comment", text=["再看一遍"]))
    number = pushed.annotate(SOUTH, 2)
    pushed.change(SOUTH, number, was_cancelled=True, result=[])
    pull(pushed, harbour)
    if fresh_clone:
        forget(harbour)
    again = pull(pushed, harbour)
    assert (brought(again), again.written) == ((0, 0, 0, 0, 0), None)


def test_a_pull_that_breaks_off_keeps_the_parts_it_has_written(pushed, harbour, monkeypatch):
    for passage in (NORTH, SOUTH, "harbour-north:002"):
        pushed.annotate(passage, 1)
    monkeypatch.setattr(pull_module, "PART", 1)
    monkeypatch.setattr(pull_module, "CHUNK", 1)
    export, calls = pushed.export, []

    def breaking(project, ids):
        calls.append(ids)
        if len(calls) == 3:
            raise LabelStudioError("gone")
        return export(project, ids)

    monkeypatch.setattr(pushed, "export", breaking)
    with pytest.raises(LabelStudioError):
        pull(pushed, harbour)
    came = {path.name for path in harbour.codings_folder.glob("label-studio-*")}
    assert len(came) == 2
    monkeypatch.setattr(pushed, "export", export)
    rest = pull(pushed, harbour)
    assert (brought(rest), rest.earlier) == ((3, 0, 0, 0, 0), 0)
    assert all(len(said(harbour, passage, history=True)) == 3 for passage in (NORTH, SOUTH, "harbour-north:002"))


@pytest.mark.parametrize("fresh_clone", [False, True])
def test_an_edited_annotation_supersedes_what_it_said(pushed, harbour, fresh_clone):
    number = pushed.annotate(NORTH, 1, topic="work")
    pull(pushed, harbour)
    if fresh_clone:
        forget(harbour)
    pushed.change(NORTH, number, result=answered(**USUAL | {"topic": "nature"}))
    assert brought(pull(pushed, harbour)) == (0, 1, 0, 0, 0)
    assert ("coder-1", "topic", "nature") in said(harbour)
    assert ("coder-1", "topic", "work") not in said(harbour)
    assert ("coder-1", "topic", "work") in said(harbour, history=True)


def test_an_answer_may_go_back_and_forth(pushed, harbour):
    number = pushed.annotate(NORTH, 1, topic="work")
    for topic in ("money", "work", "nature", "work"):
        pull(pushed, harbour)
        pushed.change(NORTH, number, result=answered(**USUAL | {"topic": topic}))
    pull(pushed, harbour)
    assert said(harbour)[0] == ("coder-1", "topic", "work")
    assert len([row for row in said(harbour, history=True) if row[1] == "topic"]) == 5


def test_a_deleted_annotation_counts_no_more(pushed, harbour):
    number = pushed.annotate(NORTH, 1)
    pushed.annotate(NORTH, 2)
    pull(pushed, harbour)
    pushed.change(NORTH, number, gone=True)
    assert brought(pull(pushed, harbour)) == (0, 0, 3, 0, 0)
    assert {coder for coder, *_ in said(harbour)} == {"coder-2"}
    assert brought(pull(pushed, harbour)) == (0, 0, 0, 0, 0)


def test_a_deleted_task_takes_its_codings_along(pushed, harbour):
    pushed.annotate(NORTH, 1)
    pull(pushed, harbour)
    pushed.delete_task(pushed.where(NORTH)["id"])
    assert brought(pull(pushed, harbour)) == (0, 0, 3, 0, 0)
    assert said(harbour) == []


def test_a_task_deleted_before_a_fresh_clone_pulls_takes_its_codings_along_too(pushed, harbour):
    pushed.annotate(NORTH, 1)
    pull(pushed, harbour)
    pushed.delete_task(pushed.where(NORTH)["id"])
    forget(harbour)
    pull(pushed, harbour)
    assert said(harbour) == []


def test_a_skip_is_recorded_and_may_be_taken_back(pushed, harbour):
    number = pushed.annotate(NORTH, 1)
    pushed.change(NORTH, number, was_cancelled=True, result=[])
    assert brought(pull(pushed, harbour)) == (3, 0, 0, 3, 0)
    assert said(harbour) == []
    pushed.change(NORTH, number, was_cancelled=False, result=answered(**USUAL))
    assert brought(pull(pushed, harbour)) == (0, 3, 0, 0, 0)
    assert len(said(harbour)) == 3


def test_two_coders_of_a_passage_stay_two(pushed, harbour):
    pushed.annotate(NORTH, 1, topic="work")
    pushed.annotate(NORTH, 2, topic="nature")
    pull(pushed, harbour)
    assert [row for row in said(harbour) if row[1] == "topic"] == [
        ("coder-1", "topic", "work"), ("coder-2", "topic", "nature")
    ]  # fmt: skip


def test_who_edits_another_coders_annotation_is_recorded_beside_the_coder(pushed, harbour):
    number = pushed.annotate(NORTH, 1)
    pushed.change(NORTH, number, updated_by=2)
    pull(pushed, harbour)
    codings = load_codings(harbour)
    row = codings[codings["origin"].str.startswith("label-studio ")].iloc[0]
    assert (row["coder"], row["edited_by"]) == ("coder-1", "coder-2")


def test_an_annotation_that_cannot_be_is_rejected_and_the_others_come_in(pushed, harbour):
    number = pushed.annotate(NORTH, 1)
    pushed.change(NORTH, number, result=answered(topic="work"))
    pushed.annotate(SOUTH, 1)
    result = pull(pushed, harbour)
    assert brought(result) == (3, 0, 0, 0, 1)
    task = pushed.where(NORTH)["id"]
    assert result.rejects[0].reason == f"task {task}, annotation {number} by coder-1: no answer to side, tone"


def test_a_rejected_annotation_is_told_until_it_is_mended(pushed, harbour):
    number = pushed.annotate(NORTH, 1)
    pushed.change(NORTH, number, result=answered(topic="work"))
    pull(pushed, harbour)
    assert len(pull(pushed, harbour).rejects) == 1
    pushed.change(NORTH, number, result=answered(**USUAL))
    assert brought(pull(pushed, harbour)) == (3, 0, 0, 0, 0)


def test_an_annotation_that_the_schema_learns_to_read_comes_in_at_the_next_pull(pushed, harbour):
    pushed.annotate(NORTH, 1, topic="cash")
    assert len(pull(pushed, harbour).rejects) == 1
    taught = other_study(harbour, "{id: money,", "{id: money, was: [cash],")
    assert brought(pull(pushed, taught)) == (3, 0, 0, 0, 0)
    assert said(taught)[0] == ("coder-1", "topic", "money")


def test_an_annotation_made_before_a_rename_is_read_under_the_new_names(pushed, harbour):
    pushed.annotate(NORTH, 1, topic="work")
    renamed = other_study(harbour, "{id: work,", "{id: labour, was: [work],")
    pull(pushed, renamed)
    assert said(renamed)[0] == ("coder-1", "topic", "labour")


@pytest.mark.parametrize("fresh_clone", [False, True])
def test_a_rename_after_a_pull_makes_no_new_codings(pushed, harbour, fresh_clone):
    pushed.annotate(NORTH, 1, topic="work")
    pull(pushed, harbour)
    renamed = other_study(harbour, "{id: work,", "{id: labour, was: [work],")
    if fresh_clone:
        forget(renamed)
    assert brought(pull(pushed, renamed)) == (0, 0, 0, 0, 0)


def test_tasks_of_another_study_are_rejected(pushed, harbour):
    pushed.where(NORTH)["meta"]["diptych"]["study"] = "somebody"
    pushed.annotate(NORTH, 1)
    result = pull(pushed, harbour)
    assert [reject.reason for reject in result.rejects] == ["task 101 was not made by diptych for this study"]
    assert said(harbour) == []


def test_where_the_study_has_no_project_the_hint_is_to_push(studio, harbour):
    with pytest.raises(LabelStudioError, match="has no coding project") as caught:
        pull(studio, harbour)
    assert "diptych studio push" in caught.value.hint


def test_a_shown_suggestion_comes_back_with_the_codings(studio, harbour, plan):
    push(studio, harbour, suggesting(plan, shown=1))
    studio.annotate(NORTH, 1, topic="work")
    studio.annotate(SOUTH, 1)
    pull(studio, harbour)
    codings = load_codings(harbour)
    mine = codings[codings["origin"].str.startswith("label-studio ") & (codings["facet"] == "topic")]
    found = dict(zip(mine["passage"], mine["suggestion"], strict=True))
    assert found[NORTH] == {"value": "money", "p": 0.8, "model": "m-1"}
    assert found[SOUTH] is None


# ---- adjudication


def test_disputes_go_into_a_project_of_their_own_and_decisions_come_back(studio, harbour, plan):
    coding = push(studio, harbour, plan).project
    disputes = adjudication_plan(harbour)
    passage = disputes.passages[0]["passage"]
    done = push(studio, harbour, disputes)
    assert done.project != coding
    assert {note_of(t)["study"] for n, t in studio.stored.items() if studio.board_of[n] == done.project} == {
        study_key(harbour)
    }
    for number in [n for n, board in studio.board_of.items() if board == coding]:
        studio.delete_task(number)
    studio.annotate(passage, 1, extra("_reason", choices=["judgement"]), topic="nature")
    assert pull(studio, harbour, kind="adjudication").new == 3
    codings = load_codings(harbour)
    decided = codings[(codings["role"] == "adjudicator") & (codings["passage"] == passage)]
    assert set(decided["reason"]) == {"judgement"}
    assert ("topic", "nature") in set(zip(decided["facet"], decided["value"], strict=True))


def test_the_coders_are_letters_unless_names_are_wanted(harbour):
    plain, named = adjudication_plan(harbour), adjudication_plan(harbour, names=True)
    for passage, text in plain.answers.items():
        assert [line[:3] for line in text.splitlines()] == ["A: ", "B: "]
        assert [line.split(":")[0] for line in named.answers[passage].splitlines()] == ["sample-a", "sample-b"]


def test_only_disputed_passages_come_up_and_what_the_coders_agree_on_is_filled_in(harbour):
    disputes = adjudication_plan(harbour)
    assert [row["passage"] for row in disputes.passages] == ["harbour-north:008", "harbour-south:006"]
    for agreed in disputes.suggestions.values():
        assert set(agreed.values) == {"side", "tone"}
        assert {chance for _, chance in agreed.values.values()} == {1.0}
