"""Label Studio for real: one server for all such tests, started and stopped as a user would."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import diptych
from diptych.cli.main import run
from diptych.study import Study
from diptych.template import make_study
from studio_server import (
    ENVIRONMENT,
    FIRST,
    SECOND,
    THIRD,
    Account,
    Server,
    answer,
    choice,
    new_account,
    outside,
    renamed,
    sign_in,
)

pytestmark = [
    pytest.mark.studio,
    pytest.mark.skipif(
        not (ENVIRONMENT / "bin" / "label-studio").exists(),
        reason=f"{ENVIRONMENT.name} holds no Label Studio (make studio)",
    ),
]

MONEY = {"topic": "money", "side": "port", "tone": "plain"}
NATURE = {"topic": "nature", "side": "neither", "tone": "torn"}


@pytest.fixture(scope="session")
def ada(server: Server) -> Account:
    return new_account(server, "ada")


@pytest.fixture(scope="session")
def bo(server: Server) -> Account:
    return new_account(server, "bo")


def uncoded(folder: Path) -> Study:
    """A new study without the sample codings."""
    study = make_study(folder)
    for file in study.codings_folder.glob("*.jsonl"):
        file.unlink()
    return study


@pytest.fixture
def study(tmp_path: Path, request: pytest.FixtureRequest) -> Study:
    """A small study of this test alone: its name, and so its project, is the test's."""
    return uncoded(tmp_path / request.node.name)


@pytest.fixture
def modelled(tmp_path: Path, request: pytest.FixtureRequest, trained_harbour: Study) -> Study:
    """A study of this test alone that has a model."""
    return renamed(trained_harbour, tmp_path / request.node.name)


Studio = Callable[..., Any]


@pytest.fixture
def studio(server: Server, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Studio:
    """`diptych studio …` on a study, with the server named by the environment."""
    monkeypatch.setenv("LABEL_STUDIO_URL", server.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", server.key)

    def call(study: Study, *arguments: object) -> Any:
        return command("studio", *arguments, "--study", study.root)

    return call


def number_of(result: Any) -> int:
    """The project that a push names."""
    assert result.code == 0, result.err
    return int(result.json[0]["project"].rsplit("/", 1)[1])


def push(studio: Studio, study: Study, *arguments: object) -> int:
    return number_of(studio(study, "push", "--json", *arguments))


def pull(studio: Studio, study: Study, *arguments: object, code: int = 0) -> dict[str, Any]:
    result = studio(study, "pull", "--json", *arguments)
    assert result.code == code, result.err
    return result.json[0]


def beforehand(server: Server, study: Study, *arguments: str, code: int = 0) -> int:
    """Run `diptych studio …` for several tests at once; return the number of the study's project."""
    assert run(["studio", *arguments, "--quiet", "--study", str(study.root), *server.flags]) == code
    return next(p["id"] for p in server.owner.projects() if p["title"] == study.settings.name)


def answers_of(study: Study, coder: str | None = None) -> dict[str, dict[str, str]]:
    """Passage → facet → value, as it counts now."""
    found: dict[str, dict[str, str]] = {}
    for row in diptych.load_codings(study).to_dict("records"):
        if coder in (None, row["coder"]):
            found.setdefault(row["passage"], {})[row["facet"]] = row["value"]
    return found


def codings_of(study: Study, passage: str, *, history: bool = False) -> list[dict[str, Any]]:
    frame = diptych.load_codings(study, history=history)
    return frame[frame["passage"] == passage].sort_values("at").to_dict("records")


def note(task: dict[str, Any]) -> dict[str, Any]:
    return task["meta"]["diptych"]


# --- starting and reaching a server


def test_up_again_names_the_server_that_runs_already(server: Server, command):
    again = command("studio", "up", "--study", server.study.root)
    assert (again.code, again.out) == (0, f"{server.url}\n")


def test_the_study_that_started_a_server_needs_neither_address_nor_key(server: Server, command, monkeypatch):
    monkeypatch.delenv("LABEL_STUDIO_URL", raising=False)
    found = command("studio", "status", "--study", server.study.root)
    assert found.code == 0
    assert f"Label Studio 1.23.2 at {server.url}/" in found.err


def test_flags_are_stronger_than_the_environment(server: Server, command, study: Study, monkeypatch):
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "not-this-one")
    assert command("studio", "status", "--study", study.root, *server.flags).code == 0


def test_status_counts_what_the_project_holds(studio: Studio, study: Study, ada: Account):
    project = push(studio, study, "--coders", "2")
    ada.annotate(ada.tasks(project)[FIRST], MONEY)
    row = studio(study, "status", "--json").json[0]
    assert (row["tasks"], row["finished"], row["annotations"], row["coders"]) == (16, 0, 1, 2)
    assert studio(study, "status", "--json", "--project", project).json == [row]
    assert studio(study, "status", "--project", 999_999).code == 1


def test_an_account_cannot_be_made_twice(studio: Studio, study: Study, ada: Account):
    result = studio(study, "coder", "add", "ada")
    assert result.code == 1
    assert "ada@diptych.local has an account already" in result.err


# --- push: the project


@pytest.fixture(scope="session")
def project(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A pushed project as the server describes it; to be read only."""
    study = uncoded(tmp_path_factory.mktemp("project") / "shown")
    return server.owner.project(beforehand(server, study, "push", "--coders", "2"))


def test_a_project_asks_what_the_schema_asks(project: dict[str, Any]):
    controls = {name: control["labels"] for name, control in project["parsed_label_config"].items()}
    assert controls == {
        "topic": ["money", "nature", "work"],
        "side": ["port", "town", "neither"],
        "tone": ["against", "torn", "favour", "plain"],
        "_flags": ["unsure", "wrong-unit"],
        "_comment": [],
    }


def test_every_value_has_its_hot_key(project: dict[str, Any]):
    choices = ET.fromstring(project["label_config"]).iter("Choice")  # noqa: S314 - our own
    keys = {choice.get("alias"): choice.get("hotkey") for choice in choices if choice.get("hotkey")}
    assert "".join(keys.values()) == "123qweasdf"
    assert (keys["nature"], keys["neither"], keys["plain"]) == ("2", "e", "f")


def test_the_codebook_is_shown_before_labelling(project: dict[str, Any]):
    assert project["show_instruction"] is True
    assert "<b>Nature</b>: Water, animals, plants, mud and weather." in project["expert_instruction"]


def test_two_coders_means_an_overlap_of_two_on_every_passage(project: dict[str, Any], server: Server):
    assert project["maximum_annotations"] == 2
    assert {task["overlap"] for task in server.owner.task_list(project["id"])} == {2}


def test_a_task_shows_the_passage_its_place_and_its_neighbours(project: dict[str, Any], server: Server):
    tasks = server.owner.tasks(project["id"])
    assert tasks[SECOND]["data"]["text"].startswith("Herons stood along the mud at dawn.")
    assert tasks[SECOND]["data"]["place"].startswith("A. Jansen · harbour-north")
    assert tasks[SECOND]["data"]["before"] == tasks[FIRST]["data"]["text"]
    assert tasks[FIRST]["data"]["before"] == "(none)"


# --- push: every passage once


def test_pushing_twice_sends_nothing_and_each_passage_stands_once(studio: Studio, study: Study, server: Server):
    first = push(studio, study)
    again = studio(study, "push", "--json")
    assert number_of(again) == first
    assert (again.json[0]["sent"], again.json[0]["known"]) == (0, 16)
    passages = [task["data"]["passage_id"] for task in server.owner.task_list(first)]
    assert len(passages) == len(set(passages)) == 16


def test_what_is_missing_is_sent_again(studio: Studio, study: Study, server: Server):
    project = push(studio, study)
    for passage in (FIRST, THIRD):
        server.owner.call("DELETE", f"tasks/{server.owner.tasks(project)[passage]['id']}/")
    assert studio(study, "push", "--json").json[0]["sent"] == 2
    assert len(server.owner.tasks(project)) == 16


def test_of_two_tasks_of_a_passage_the_bare_one_goes_and_the_annotated_one_stays(
    studio: Studio, study: Study, server: Server, ada: Account
):
    project = push(studio, study)
    copies = [{"data": t["data"], "meta": t["meta"]} for t in server.owner.task_list(project)[:3]]
    server.owner.send_by_hand(project, copies)
    doubles = [task for task in server.owner.task_list(project) if task["data"]["passage_id"] == SECOND]
    younger = max(doubles, key=lambda task: task["id"])
    ada.annotate(younger, NATURE)
    assert studio(study, "push", "--json").json[0]["doubles_removed"] == 3
    left = server.owner.task_list(project)
    assert len(left) == 16
    assert server.owner.tasks(project)[SECOND]["id"] == younger["id"]


def test_of_two_annotated_tasks_of_a_passage_both_stay_and_are_told(
    studio: Studio, study: Study, server: Server, ada: Account, bo: Account
):
    project = push(studio, study)
    first = server.owner.tasks(project)[FIRST]
    server.owner.send_by_hand(project, [{"data": first["data"], "meta": first["meta"]}])
    second = server.owner.task_list(project)[-1]
    ada.annotate(first, MONEY)
    bo.annotate(second, NATURE)
    again = studio(study, "push", "--json")
    assert again.json[0]["doubles_removed"] == 0
    assert f"{FIRST} stands twice and both are coded; both are kept" in again.err


def test_tasks_made_by_hand_are_told_and_left_alone(studio: Studio, study: Study, server: Server, ada: Account):
    project = push(studio, study)
    strange = {"text": "A notice on the quay.", "place": "by hand", "before": "", "after": ""}
    server.owner.send_by_hand(project, [{"data": strange}])
    again = studio(study, "push", "--json")
    assert "1 tasks were not made by diptych; they are left alone" in again.err
    stranger = next(t for t in server.owner.task_list(project) if "passage_id" not in t["data"])
    assert stranger["data"] == strange
    ada.annotate(stranger, MONEY)
    ada.annotate(next(t for t in server.owner.task_list(project) if t["data"].get("passage_id") == FIRST), MONEY)
    assert pull(studio, study, code=3)["new"] == 3
    assert set(answers_of(study)) == {FIRST}


def test_a_task_made_by_hand_cannot_bring_a_passage_the_study_does_not_have(
    studio: Studio, study: Study, server: Server, ada: Account
):
    project = push(studio, study)
    data = server.owner.tasks(project)[FIRST]["data"] | {"passage_id": "harbour-north:999"}
    server.owner.send_by_hand(project, [{"data": data}])
    ada.annotate(server.owner.tasks(project)["harbour-north:999"], MONEY)
    assert pull(studio, study, code=3)["rejected"] == 1
    assert answers_of(study) == {}


# --- push: refusals


def test_an_interface_changed_by_hand_is_refused_in_one_line(studio: Studio, study: Study, server: Server):
    project = push(studio, study)
    changed = server.owner.project(project)["label_config"].replace('hint="', 'hint="Changed. ', 1)
    server.owner.call("PATCH", f"projects/{project}/", {"label_config": changed})
    result = studio(study, "push")
    assert result.code == 1
    error, hint = result.err.splitlines()
    assert error == f"error: the labelling interface of project {project} was changed by hand"
    assert hint.startswith("hint: ")
    assert server.owner.project(project)["label_config"] == changed


def test_a_new_structure_is_refused_while_annotations_exist(studio: Studio, study: Study, server: Server, ada: Account):
    project = push(studio, study)
    ada.annotate(ada.tasks(project)[FIRST], MONEY)
    file = study.root / "schemas" / "harbour.yaml"
    file.write_text(file.read_text().replace("- {id: nature,", "- {id: wild,").replace("1.0.0", "2.0.0"))
    result = studio(study, "push")
    assert result.code == 1
    assert "harbour@1.0.0 to harbour@2.0.0" in result.err
    assert "topic: nature" in result.err
    assert "nature" in server.owner.project(project)["parsed_label_config"]["topic"]["labels"]


def test_two_studies_on_one_server_do_not_mix(
    studio: Studio, study: Study, tmp_path: Path, server: Server, ada: Account
):
    other = uncoded(tmp_path / "their-neighbour")
    mine, theirs = push(studio, study), push(studio, other)
    assert mine != theirs
    ada.annotate(ada.tasks(mine)[FIRST], MONEY)
    ada.annotate(ada.tasks(theirs)[SECOND], NATURE)
    pull(studio, study)
    pull(studio, other)
    assert (set(answers_of(study)), set(answers_of(other))) == ({FIRST}, {SECOND})


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_the_project_of_another_study_is_refused(
    studio: Studio, study: Study, tmp_path: Path, server: Server, ada: Account, verb: str
):
    theirs = push(studio, uncoded(tmp_path / f"not-mine-{verb}"))
    ada.annotate(ada.tasks(theirs)[FIRST], MONEY)
    before = server.owner.project(theirs)["description"]
    result = studio(study, verb, "--project", theirs)
    assert result.code == 1
    assert f"error: project {theirs} ('not-mine-{verb}') belongs to another study" in result.err
    assert server.owner.project(theirs)["description"] == before
    assert answers_of(study) == {}


def test_a_deleted_project_is_told_and_what_was_pulled_stays(
    studio: Studio, study: Study, server: Server, ada: Account
):
    project = push(studio, study)
    ada.annotate(ada.tasks(project)[FIRST], MONEY)
    pull(studio, study)
    server.owner.call("DELETE", f"projects/{project}/")
    lost = studio(study, "pull")
    assert lost.code == 1
    assert f"error: this study has no coding project on {server.url}/" in lost.err
    assert "hint: `diptych studio push` makes one" in lost.err
    named = studio(study, "pull", "--project", project)
    assert named.code == 1
    assert f"error: project {project} is not on {server.url}/ any more" in named.err
    assert answers_of(study) == {FIRST: MONEY}
    assert push(studio, study) != project


# --- suggestions


def shown_and_withheld(tasks: dict[str, dict[str, Any]]) -> tuple[list[str], list[str]]:
    said = {passage: note(task)["suggestion"] for passage, task in tasks.items()}
    assert set(said.values()) == {"shown", "withheld"}
    return [p for p, how in said.items() if how == "shown"], [p for p, how in said.items() if how == "withheld"]


def test_about_half_of_the_passages_show_a_suggestion_and_the_others_are_marked_withheld(
    studio: Studio, modelled: Study, server: Server
):
    result = studio(modelled, "push", "--suggest-share", "0.5", "--json")
    tasks = server.owner.tasks(number_of(result))
    shown, withheld = shown_and_withheld(tasks)
    assert 4 <= len(shown) <= 12
    assert len(shown) == result.json[0]["suggestions"]
    assert all(len(tasks[passage]["predictions"]) == 1 for passage in shown)
    assert all(tasks[passage]["predictions"] == [] for passage in withheld)


def test_the_half_that_shows_suggestions_is_drawn_once(studio: Studio, modelled: Study, server: Server):
    project = push(studio, modelled, "--suggest-share", "0.5")
    before = shown_and_withheld(server.owner.tasks(project))
    again = studio(modelled, "push", "--suggest-share", "0.5", "--json")
    assert again.json[0]["suggestions"] == 0
    assert shown_and_withheld(server.owner.tasks(project)) == before


def test_suggestions_that_come_after_the_passages_are_recorded_the_same_way(
    studio: Studio, modelled: Study, server: Server
):
    project = push(studio, modelled)
    assert {note(task)["suggestion"] for task in server.owner.tasks(project).values()} == {"none"}
    push(studio, modelled, "--suggest-share", "0.5")
    tasks = server.owner.tasks(project)
    shown, withheld = shown_and_withheld(tasks)
    assert all(tasks[passage]["predictions"] for passage in shown)
    assert not any(tasks[passage]["predictions"] for passage in withheld)


def test_a_coding_carries_the_suggestion_that_its_coder_saw_or_null(
    studio: Studio, modelled: Study, server: Server, ada: Account
):
    project = push(studio, modelled, "--suggest-share", "0.5")
    tasks = server.owner.tasks(project)
    shown, withheld = shown_and_withheld(tasks)
    ada.annotate(tasks[shown[0]], MONEY)
    ada.annotate(tasks[withheld[0]], MONEY)
    name = pull(studio, modelled)["file"]
    rows = [json.loads(line) for line in (modelled.codings_folder / name).read_text().splitlines()]
    model = tasks[shown[0]]["predictions"][0]["model_version"]
    suggested = {
        part["from_name"]: {"value": part["value"]["choices"][0], "p": part["score"], "model": model}
        for part in tasks[shown[0]]["predictions"][0]["result"]
    }
    assert {r["facet"]: r["suggestion"] for r in rows if r["passage"] == shown[0]} == suggested
    assert {r["suggestion"] for r in rows if r["passage"] == withheld[0]} == {None}
    assert all(0 < suggestion["p"] <= 1 for suggestion in suggested.values())


def train_anew(study: Study) -> None:
    """Another model: one coder's answers are gone."""
    next(study.codings_folder.glob("sample-b*.jsonl")).unlink()
    for name in ("gold", "train"):
        assert run([name, "--quiet", "--study", str(study.root)]) == 0


@dataclass(frozen=True)
class Renewed:
    """A study whose suggestions a second model replaced after the first coder had begun."""

    study: Study
    tasks: dict[str, dict[str, Any]]
    old: str
    new: str
    coded: str
    bare: str

    def models_seen(self, passage: str, coder: Account) -> set[str | None]:
        rows = [row for row in codings_of(self.study, passage) if row["coder"] == f"coder-{coder.id}"]
        assert len(rows) == 3
        return {row["suggestion"] and row["suggestion"]["model"] for row in rows}


@pytest.fixture(scope="session")
def renewed(
    trained_harbour: Study, server: Server, ada: Account, bo: Account, tmp_path_factory: pytest.TempPathFactory
) -> Renewed:
    """Ada codes one passage; another model's suggestions come; Bo codes that passage and a bare one."""
    study = renamed(trained_harbour, tmp_path_factory.mktemp("renewed") / "renewed")
    pushing = ("push", "--suggest-share", "0.5", "--coders", "2")
    project = beforehand(server, study, *pushing)
    old = server.owner.project(project)["model_version"]
    coded, bare, *_ = shown_and_withheld(server.owner.tasks(project))[0]
    ada.annotate(server.owner.tasks(project)[coded], MONEY)
    train_anew(study)
    beforehand(server, study, *pushing)
    tasks = server.owner.tasks(project)
    for passage in (coded, bare):
        bo.annotate(tasks[passage], NATURE)
    beforehand(server, study, "pull")
    return Renewed(study, tasks, old, server.owner.project(project)["model_version"], coded, bare)


def test_a_new_models_suggestions_replace_the_old_ones_where_nobody_has_coded(renewed: Renewed):
    shown, withheld = shown_and_withheld(renewed.tasks)
    assert renewed.new != renewed.old
    assert {note(renewed.tasks[p])["model"] for p in shown if p != renewed.coded} == {renewed.new}
    assert not any(renewed.tasks[passage]["predictions"] for passage in withheld)


def test_a_coder_after_the_change_carries_the_new_models_suggestion(renewed: Renewed, bo: Account):
    assert renewed.models_seen(renewed.bare, bo) == {renewed.new}


def test_what_was_coded_before_the_change_keeps_the_old_models_suggestion(renewed: Renewed, ada: Account):
    assert renewed.models_seen(renewed.coded, ada) == {renewed.old}


def test_a_coder_to_whom_the_screen_shows_no_suggestion_carries_none(renewed: Renewed, bo: Account):
    # Label Studio shows the predictions of the project's present model only
    on_screen = {p["model_version"] for p in renewed.tasks[renewed.coded]["predictions"]} & {renewed.new}
    assert renewed.models_seen(renewed.coded, bo) == (on_screen or {None})


# --- pull: who said what


def test_two_accounts_code_the_same_passage_and_both_come_back_under_pseudonyms(
    studio: Studio, study: Study, server: Server
):
    made = studio(study, "coder", "add", "Heron").out.split()
    heron = sign_in(server.url, made[1], made[3])
    made = studio(study, "coder", "add", "kite@example.org").out.split()
    kite = sign_in(server.url, made[1], made[3])
    project = push(studio, study, "--coders", "2")
    heron.annotate(heron.tasks(project)[FIRST], MONEY, comment="Сборы растут.", flags=("unsure",))
    assert server.owner.tasks(project)[FIRST]["is_labeled"] is False
    kite.annotate(kite.tasks(project)[FIRST], NATURE, comment="码头旁的鹭")
    assert server.owner.tasks(project)[FIRST]["is_labeled"] is True
    assert pull(studio, study)["new"] == 6
    assert answers_of(study, "Heron") == {FIRST: MONEY}
    assert answers_of(study, "coder") == {FIRST: NATURE}  # an address gives no pseudonym away
    rows = {row["coder"]: row for row in codings_of(study, FIRST)}
    assert (rows["Heron"]["comment"], rows["coder"]["comment"]) == ("Сборы растут.", "码头旁的鹭")
    assert (rows["Heron"]["flags"], rows["coder"]["flags"] or []) == (["unsure"], [])
    assert {row["lead_time"] for row in rows.values()} == {4.5}
    assert 'name = "Heron"' in (study.root / "annotations" / "coders" / "Heron.toml").read_text()


def test_pulling_twice_adds_nothing(studio: Studio, study: Study, ada: Account):
    project = push(studio, study)
    ada.annotate(ada.tasks(project)[FIRST], MONEY)
    pull(studio, study)
    files = sorted(study.codings_folder.iterdir())
    again = pull(studio, study)
    assert (again["new"], again["changed"], again["deleted"], again["file"]) == (0, 0, 0, "")
    assert sorted(study.codings_folder.iterdir()) == files


def test_a_pull_that_forgot_the_last_one_adds_nothing_either(studio: Studio, study: Study, ada: Account):
    project = push(studio, study)
    ada.annotate(ada.tasks(project)[FIRST], MONEY)
    pull(studio, study)
    files = sorted(study.codings_folder.iterdir())
    for file in (study.state / "label-studio").glob("pulled-*"):
        file.unlink()
    assert pull(studio, study)["new"] == 0
    assert sorted(study.codings_folder.iterdir()) == files


def test_an_edit_supersedes_and_the_latest_answer_counts(studio: Studio, study: Study, ada: Account):
    project = push(studio, study)
    annotation = ada.annotate(ada.tasks(project)[FIRST], MONEY)
    pull(studio, study)
    ada.edit(annotation, MONEY | {"tone": "favour"})
    pulled = pull(studio, study)
    assert (pulled["new"], pulled["changed"]) == (0, 1)
    assert answers_of(study) == {FIRST: MONEY | {"tone": "favour"}}
    old, new = (row for row in codings_of(study, FIRST, history=True) if row["facet"] == "tone")
    assert (old["value"], new["value"]) == ("plain", "favour")
    assert new["supersedes"] == old["id"]


def test_an_answer_changed_there_and_back_counts_as_it_stands(studio: Studio, study: Study, ada: Account):
    project = push(studio, study)
    annotation = ada.annotate(ada.tasks(project)[FIRST], MONEY)
    pull(studio, study)
    for answers in (NATURE, MONEY):
        ada.edit(annotation, answers)
        assert pull(studio, study)["changed"] == 3
    assert answers_of(study) == {FIRST: MONEY}


def test_an_edit_by_somebody_else_is_recorded(studio: Studio, study: Study, ada: Account, bo: Account):
    project = push(studio, study)
    annotation = ada.annotate(ada.tasks(project)[FIRST], MONEY)
    pull(studio, study)
    bo.edit(annotation, MONEY | {"side": "town"})
    pull(studio, study)
    side = next(row for row in codings_of(study, FIRST) if row["facet"] == "side")
    assert (side["value"], side["coder"], side["edited_by"]) == ("town", f"coder-{ada.id}", f"coder-{bo.id}")


def test_a_deleted_annotation_becomes_a_row_and_no_longer_counts(
    studio: Studio, study: Study, ada: Account, bo: Account
):
    project = push(studio, study, "--coders", "2")
    annotation = ada.annotate(ada.tasks(project)[FIRST], MONEY)
    bo.annotate(ada.tasks(project)[FIRST], NATURE)
    pull(studio, study)
    ada.delete(annotation)
    assert pull(studio, study)["deleted"] == 3
    assert answers_of(study, f"coder-{ada.id}") == {}
    assert answers_of(study, f"coder-{bo.id}") == {FIRST: NATURE}
    statuses = [row["status"] for row in codings_of(study, FIRST, history=True) if row["coder"] == f"coder-{ada.id}"]
    assert sorted(statuses) == ["coded"] * 3 + ["deleted"] * 3


def test_the_answers_of_a_deleted_task_no_longer_count(studio: Studio, study: Study, server: Server, ada: Account):
    project = push(studio, study)
    ada.annotate(ada.tasks(project)[FIRST], MONEY)
    ada.annotate(ada.tasks(project)[SECOND], NATURE)
    pull(studio, study)
    server.owner.call("DELETE", f"tasks/{server.owner.tasks(project)[FIRST]['id']}/")
    assert pull(studio, study)["deleted"] == 3
    assert answers_of(study) == {SECOND: NATURE}


def test_a_skipped_task_is_on_record_and_answers_nothing(studio: Studio, study: Study, ada: Account):
    project = push(studio, study)
    ada.send(ada.tasks(project)[FIRST], [], was_cancelled=True)
    assert pull(studio, study)["skipped"] == 3
    assert {row["status"] for row in codings_of(study, FIRST, history=True)} == {"skipped"}
    assert answers_of(study) == {}


def test_a_skipped_task_that_is_answered_later_counts(studio: Studio, study: Study, ada: Account):
    project = push(studio, study)
    annotation = ada.send(ada.tasks(project)[FIRST], [], was_cancelled=True)
    pull(studio, study)
    ada.call("PATCH", f"annotations/{annotation}/", {"result": answer(MONEY), "was_cancelled": False})
    pull(studio, study)
    assert answers_of(study) == {FIRST: MONEY}


# --- pull: what cannot be taken


WRONG = {
    "a missing facet": ([choice("topic", "money"), choice("side", "port")], "no answer to tone"),
    "two values on a single choice": (
        [choice("topic", "money", "work"), choice("side", "port"), choice("tone", "plain")],
        "topic: 2 values on a single choice (money, work)",
    ),
    "an unknown value": ([*answer(MONEY | {"topic": "mony"})], "mony"),
    "an unknown control": ([*answer(MONEY), choice("mood", "gloomy")], "mood"),
    "an unknown flag": ([*answer(MONEY), choice("_flags", "dull")], "_flags: unknown value 'dull'"),
}


@pytest.fixture(scope="session")
def rejected(server: Server, ada: Account, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, dict[str, str]]:
    """A study after a pull that met every wrong annotation and one right one; the rejects by kind."""
    study = uncoded(tmp_path_factory.mktemp("rejected") / "rejected")
    project = beforehand(server, study, "push")
    *tasks, good = ada.task_list(project)[: len(WRONG) + 1]
    numbers = {ada.send(task, regions): kind for task, (kind, (regions, _)) in zip(tasks, WRONG.items(), strict=True)}
    ada.annotate(good, NATURE)
    beforehand(server, study, "pull", code=3)
    lines = (study.state / "rejects" / f"label-studio-{project}.jsonl").read_text().splitlines()
    by_number = {re.search(r"annotation (\d+) by", line)[1]: line for line in lines}
    return study, {kind: by_number[str(number)] for number, kind in numbers.items()}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_impossible_annotation_is_set_aside_with_its_reason(
    rejected: tuple[Study, dict[str, str]], ada: Account, wrong: str
):
    line = rejected[1][wrong]
    assert WRONG[wrong][1] in line
    assert f"by coder-{ada.id}" in line


def test_beside_impossible_annotations_the_others_come_in(rejected: tuple[Study, dict[str, str]]):
    assert list(answers_of(rejected[0]).values()) == [NATURE]


def test_the_file_of_rejects_is_named_and_the_exit_code_is_3(studio: Studio, study: Study, ada: Account):
    project = push(studio, study)
    ada.send(ada.tasks(project)[FIRST], [])
    result = studio(study, "pull")
    assert result.code == 3
    assert str(study.state / "rejects" / f"label-studio-{project}.jsonl") in result.err


def test_a_rejected_annotation_comes_in_once_it_is_completed(studio: Studio, study: Study, ada: Account):
    project = push(studio, study)
    annotation = ada.send(ada.tasks(project)[FIRST], [choice("topic", "money")])
    pull(studio, study, code=3)
    ada.edit(annotation, MONEY)
    assert pull(studio, study)["new"] == 3
    assert answers_of(study) == {FIRST: MONEY}


# --- adjudication


@pytest.fixture(scope="session")
def quarrel(server: Server, ada: Account, bo: Account, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study in which two coders differ on side and tone of one passage, and agree on another."""
    study = uncoded(tmp_path_factory.mktemp("quarrel") / "quarrel")
    tasks = ada.tasks(beforehand(server, study, "push", "--coders", "2"))
    ada.annotate(tasks[FIRST], MONEY, comment="the board speaks")
    bo.annotate(tasks[FIRST], MONEY | {"side": "town", "tone": "against"})
    for coder in (ada, bo):
        coder.annotate(tasks[SECOND], NATURE)
    beforehand(server, study, "pull")
    return study


@pytest.fixture
def disputed(quarrel: Study, tmp_path: Path, request: pytest.FixtureRequest) -> Study:
    """The same with an adjudication of this test alone."""
    return renamed(quarrel, tmp_path / request.node.name)


def test_only_disputed_passages_are_to_be_adjudicated_with_the_answers_under_letters(
    studio: Studio, disputed: Study, server: Server, ada: Account, bo: Account
):
    project = number_of(studio(disputed, "adjudicate", "--json"))
    tasks = server.owner.tasks(project)
    assert set(tasks) == {FIRST}
    assert tasks[FIRST]["data"]["answers"].splitlines() == [
        "A: Side: The port, Tone: Plain (the board speaks)",
        "B: Side: The town, Tone: Against",
    ]
    assert f"coder-{ada.id}" not in json.dumps(tasks[FIRST]["data"])
    (agreed,) = tasks[FIRST]["predictions"]
    assert [part["from_name"] for part in agreed["result"]] == ["topic"]


def test_names_are_shown_where_they_are_asked_for(
    studio: Studio, disputed: Study, server: Server, ada: Account, bo: Account
):
    project = number_of(studio(disputed, "adjudicate", "--names", "--json"))
    answers = server.owner.tasks(project)[FIRST]["data"]["answers"]
    assert [line.split(":")[0] for line in answers.splitlines()] == [f"coder-{ada.id}", f"coder-{bo.id}"]


def test_a_decision_comes_back_with_its_reason_and_gold_follows_it(
    studio: Studio, disputed: Study, server: Server, command
):
    project = number_of(studio(disputed, "adjudicate", "--json"))
    decision = MONEY | {"side": "town"}
    server.owner.annotate(server.owner.tasks(project)[FIRST], decision, reason="ambiguous text", comment="fees")
    assert pull(studio, disputed, "--kind", "adjudication")["new"] == 3
    judged = [row for row in codings_of(disputed, FIRST) if row["role"] == "adjudicator"]
    assert {row["facet"]: row["value"] for row in judged} == decision
    assert {(row["reason"], row["comment"]) for row in judged} == {("ambiguous text", "fees")}
    assert command("gold", "--study", disputed.root).code == 0
    gold = diptych.load_gold(disputed)
    mine = gold[gold["passage"] == FIRST].set_index("facet")
    assert mine["value"].to_dict() == decision
    assert mine.loc["side", "how"] == "adjudicated"


def test_what_was_decided_is_not_asked_again(studio: Studio, disputed: Study, server: Server):
    project = number_of(studio(disputed, "adjudicate", "--json"))
    server.owner.annotate(server.owner.tasks(project)[FIRST], MONEY, reason="slip")
    pull(studio, disputed, "--kind", "adjudication")
    again = studio(disputed, "adjudicate")
    assert again.code == 1
    assert "error: nothing is in dispute" in again.err


def test_a_decision_without_a_reason_is_set_aside(studio: Studio, disputed: Study, server: Server):
    project = number_of(studio(disputed, "adjudicate", "--json"))
    server.owner.annotate(server.owner.tasks(project)[FIRST], MONEY)
    result = studio(disputed, "pull", "--kind", "adjudication")
    assert result.code == 3
    assert "no reason for the decision" in result.err


def test_a_decision_is_never_taken_for_a_coders_answer(studio: Studio, disputed: Study, server: Server):
    project = number_of(studio(disputed, "adjudicate", "--json"))
    server.owner.annotate(server.owner.tasks(project)[FIRST], MONEY, reason="slip")
    studio(disputed, "pull", "--project", project)
    coders = {row["coder"] for row in codings_of(disputed, FIRST) if row["role"] == "coder"}
    assert f"coder-{server.owner.id}" not in coders


# --- samples


def test_a_drawn_sample_is_all_that_is_sent(studio: Studio, study: Study, server: Server, command):
    assert command("sample", "--size", "5", "--equal", "--study", study.root).code == 0
    (file,) = (study.root / "annotations" / "samples").glob("*.toml")
    project = push(studio, study, "--sample", file)
    tasks = server.owner.tasks(project)
    assert len(tasks) == 5
    assert all(f'"{passage}"' in file.read_text() for passage in tasks)
    assert {note(task)["sample"] for task in tasks.values()} == {file.stem}
    assert server.owner.project(project)["sampling"] == "Uniform sampling"


def test_the_next_sample_holds_only_passages_nobody_has_coded(
    studio: Studio, study: Study, server: Server, ada: Account, command
):
    project = push(studio, study)
    ada.annotate(ada.tasks(project)[FIRST], MONEY)
    pull(studio, study)
    assert command("sample", "--size", "15", "--study", study.root).code == 0
    (file,) = (study.root / "annotations" / "samples").glob("*.toml")
    assert file.read_text().count("passage =") == 15
    assert f'"{FIRST}"' not in file.read_text()


# --- keys and secrets


@pytest.fixture(scope="session")
def personal_token(server: Server) -> str:
    """What Label Studio gives out today under Account & Settings: a token that must be exchanged first."""
    return new_account(server, "tern").call("POST", "token/")["token"]


@pytest.mark.filterwarnings("ignore:The `parse_obj` method")  # the SDK's own
def test_a_personal_access_token_works(server: Server, study: Study, command, personal_token: str):
    options = ["--study", study.root, "--url", server.url, "--api-key", personal_token]
    assert command("studio", "push", "--json", *options).json[0]["sent"] == 16
    assert command("studio", "pull", *options).code == 0


def forged(token: str) -> str:
    """The same token with another signature."""
    head, body, signature = token.split(".")
    return ".".join([head, body, signature[::-1]])


BAD_KEYS = {
    "unknown": lambda _: "0123456789abcdef" * 2,
    "cut off": lambda token: token[:60],
    "forged": forged,
    "in Cyrillic": lambda _: "ключ-от-порта",
    "with a line break": lambda token: f"{token[:30]}\n{token[30:60]}",
}


@pytest.mark.parametrize("kind", BAD_KEYS)
def test_a_wrong_key_gives_one_line_and_a_hint_and_is_not_repeated(
    server: Server, study: Study, command, personal_token: str, kind: str
):
    key = BAD_KEYS[kind](personal_token)
    result = command("studio", "status", "--study", study.root, "--url", server.url, "--api-key", key)
    assert result.code == 1
    error, hint = result.err.splitlines()
    assert error.startswith("error: ")
    assert "key" in error
    assert hint.startswith("hint: ")
    assert "LABEL_STUDIO_API_KEY" in hint
    assert key not in result.err


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1", "localhost:8080"])
def test_a_server_that_is_not_there_gives_one_line_and_a_hint(study: Study, command, url: str):
    result = command("studio", "status", "--study", study.root, "--url", url, "--api-key", "a-secret-key")
    assert result.code == 1
    error, hint = result.err.splitlines()
    assert error.startswith("error: ")
    assert url in error
    assert hint.startswith("hint: ")
    assert "fault in diptych" not in hint
    assert "a-secret-key" not in result.err


@pytest.mark.parametrize("dead", [True, False], ids=["dead server", "wrong key"])
def test_a_traceback_does_not_hold_the_key(server: Server, study: Study, personal_token: str, dead: bool):
    url = "http://127.0.0.1:9" if dead else server.url
    key = forged(personal_token)
    result = outside("studio", "status", "--debug", "--study", study.root, "--url", url, "--api-key", key)
    assert "Traceback" in result.stderr
    assert key not in result.stderr + result.stdout
    assert key.rsplit(".", 1)[1] not in result.stderr


def files_with(folder: Path, *secrets: str) -> set[str]:
    """The files under a folder that hold one of these texts."""
    needles = [secret.encode() for secret in secrets]
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    }


def test_addresses_stay_under_the_state_folder(studio: Studio, study: Study, ada: Account, bo: Account):
    project = push(studio, study)
    annotation = ada.annotate(ada.tasks(project)[FIRST], MONEY)
    ada.send(ada.tasks(project)[SECOND], [])
    bo.edit(annotation, NATURE)
    pull(studio, study, code=3)
    with_address = files_with(study.root, ada.address, bo.address)
    assert with_address
    assert {name.split("/")[0] for name in with_address} == {".diptych"}
    pulled = [*study.codings_folder.iterdir(), study.coders_file, study.root / "study.toml"]
    assert not any("@diptych.local" in file.read_text() for file in pulled)


@pytest.mark.filterwarnings("ignore:The `parse_obj` method")  # the SDK's own
def test_the_key_is_in_no_file_but_label_studios_own_database(
    studio: Studio, server: Server, study: Study, ada: Account, command, personal_token: str
):
    project = push(studio, study)
    ada.annotate(ada.tasks(project)[FIRST], MONEY)
    options = ["--study", study.root, "--url", server.url, "--api-key", personal_token]
    assert command("studio", "pull", *options).code == 0
    assert command("studio", "push", "--study", server.study.root).code == 0
    assert files_with(study.root, server.key, personal_token) == set()
    databases = files_with(server.study.root, server.key, personal_token)
    assert databases
    assert all(name.startswith(".diptych/label-studio/data/label_studio.sqlite3") for name in databases)


# --- in the browser


@pytest.mark.browser
def test_an_annotator_reads_the_codebook_corrects_a_suggestion_by_hot_keys_and_submits(
    studio: Studio, modelled: Study, server: Server, bo: Account, chromium
):
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    project = push(studio, modelled, "--suggest-share", "1")
    keys = {"topic": {"1": "money", "2": "nature", "3": "work"}, "side": {"q": "port", "w": "town", "e": "neither"}}
    first = server.owner.tasks(project)[FIRST]
    suggested = {part["from_name"]: part["value"]["choices"][0] for part in first["predictions"][0]["result"]}
    presses = {facet: next(k for k, v in values.items() if v != suggested[facet]) for facet, values in keys.items()}
    with nullcontext(chromium) as browser:  # of the whole file: two of Playwright do not go together at a time
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{server.url}/user/login/")
        page.fill("#email", bo.address)
        page.fill("#password", bo.password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "login" not in url)
        page.goto(f"{server.url}/projects/{project}/data?labeling=1")
        codebook = page.get_by_text("Water, animals, plants, mud and weather.")
        codebook.wait_for()
        page.keyboard.press("Escape")
        codebook.wait_for(state="hidden")
        page.get_by_text(first["data"]["text"]).wait_for()
        checked = page.locator("input[type=radio]:checked")
        playwright.expect(checked).to_have_count(3)
        for key in presses.values():
            page.keyboard.press(key)
        with page.expect_response(lambda r: r.request.method == "POST" and "/annotations" in r.url) as sent:
            page.keyboard.press("Control+Enter")
        assert sent.value.status == 201
    pull(studio, modelled)
    mine = {row["facet"]: row for row in codings_of(modelled, FIRST) if row["coder"] == f"coder-{bo.id}"}
    chosen = {facet: keys[facet][key] for facet, key in presses.items()}
    assert {facet: row["value"] for facet, row in mine.items()} == suggested | chosen
    assert {facet: row["suggestion"]["value"] for facet, row in mine.items()} == suggested
    assert all(row["lead_time"] > 0 for row in mine.values())
