"""`diptych studio push`: the schema and the passages into a project, each passage once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from diptych.errors import LabelStudioError
from diptych.exchange.label_studio import (
    check_result,
    note_of,
    prediction_of,
    read_result,
    task_of,
)
from diptych.labelstudio.client import Client
from diptych.labelstudio.project import Plan, Pushed, Row, study_key, update_project
from diptych.schema import Schema
from diptych.study import Study

BATCH = 500
ATTEMPTS = 3
_LIGHT = ("id", "data", "passage_id", "meta", "total_annotations", "cancelled_annotations")
Tell = Callable[[str], None]


def batched(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    """Yield numbers in lists of at most `size`."""
    waiting = iter(numbers)
    while chunk := list(islice(waiting, size)):
        yield chunk


def push(client: Client, study: Study, plan: Plan, tell: Tell = lambda _: None, project: int | None = None) -> Pushed:
    """Bring the project up to date; safe to run again after any interruption.

    Parameters
    ----------
    client : Client
    study : Study
    plan : Plan
    tell : callable
        Called with progress.
    project : int, optional
        Use this project instead of looking for the study's own.

    Raises
    ------
    LabelStudioError
        If the project belongs to another study, its configuration was changed by hand, or the schema's
        structure changed while codings exist.
    """
    result = update_project(client, study, plan, project)
    present = _present(client, result, study, plan)
    wanted = [row for row in plan.passages if row["passage"] not in present]
    result.known = len(plan.passages) - len(wanted)
    _send(client, study, plan, wanted, result, tell)
    refresh_suggestions(client, study.schema, plan, present, result)
    settle(client, plan, present, result)
    return result


def _present(client: Client, result: Pushed, study: Study, plan: Plan) -> dict[str, dict[str, Any]]:
    """The tasks that are there, by passage; bare doubles are removed, strange ones told.

    A bare task whose text changed is removed too: it is sent anew, without the old text's suggestion.
    """
    wanted = {row["passage"]: row for row in plan.passages}
    changed = 0
    if result.created:
        return {}
    found, strangers = _one_each(client, result)
    for passage, task in list(found.items()):
        row = wanted.get(passage)
        if row is None or note_of(task).get("sha256") == row["sha256"]:
            continue
        if _annotated(task):
            changed += 1
            continue
        client.delete_task(int(task["id"]))
        del found[passage]
        result.updated += 1
    if strangers:
        result.told.append(f"{strangers} tasks were not made by diptych; they are left alone")
    if changed:
        result.told.append(f"{changed} coded passages have another text now; their tasks keep the old one")
    return found


def present_tasks(client: Client, result: Pushed) -> dict[str, dict[str, Any]]:
    """Return the project's tasks that diptych made, by passage."""
    return _one_each(client, result)[0]


def _one_each(client: Client, result: Pushed) -> tuple[dict[str, dict[str, Any]], int]:
    """The tasks by passage, bare doubles removed, and how many were made by others."""
    found: dict[str, dict[str, Any]] = {}
    strangers = 0
    for task in list(client.tasks(result.project, include=_LIGHT)):  # all pages first: deleting shifts them
        note, passage = note_of(task), task.get("data", {}).get("passage_id")
        if not passage or not note:
            strangers += 1
            continue
        found[passage] = _without_double(client, found[passage], task, result) if passage in found else task
    return found, strangers


def _annotated(task: Row) -> bool:
    return bool(task.get("total_annotations") or task.get("cancelled_annotations"))


def _without_double(client: Client, first: dict[str, Any], second: dict[str, Any], result: Pushed) -> dict[str, Any]:
    """Keep the annotated one of two tasks of a passage (else the older), delete the other if it is bare."""
    keep, drop = (second, first) if _annotated(second) and not _annotated(first) else (first, second)
    if _annotated(drop):
        result.told.append(f"{keep['data']['passage_id']} stands twice and both are coded; both are kept")
        return keep
    client.delete_task(int(drop["id"]))
    result.doubles += 1
    return keep


def _task(study: Study, plan: Plan, row: Row) -> dict[str, Any]:
    passage = str(row["passage"])
    suggestion = plan.suggestions.get(passage)
    shown = passage in plan.shown
    before, after = plan.neighbours.get(passage, ("", ""))
    return task_of(
        row,
        study.schema,
        study_key(study),
        before=before,
        after=after,
        suggestion=suggestion if shown or plan.order == "uncertain" else None,
        withheld=suggestion is not None and not shown,
        sample=plan.sample,
        answers=plan.answers.get(passage, ""),
    )


def _send(client: Client, study: Study, plan: Plan, wanted: Sequence[Row], result: Pushed, tell: Tell) -> None:
    """Send what is missing in batches; after a failure look what arrived before sending again."""
    # an adjudication shows what is settled and leaves what is in dispute open
    check = check_result if plan.kind == "coding" else read_result
    for suggestion in plan.suggestions.values():
        check(suggestion.result(), study.schema)
    waiting = list(reversed(wanted))  # taken from the end: cutting the front off would copy the rest every time
    failures = 0
    while waiting:
        batch = waiting[-BATCH:][::-1]
        try:
            client.import_tasks(result.project, [_task(study, plan, row) for row in batch])
        except LabelStudioError as error:
            failures += 1
            if failures >= ATTEMPTS or (error.status is not None and error.status < 500):
                raise
            tell(f"{error}; looking what arrived")
            there = {
                task.get("data", {}).get("passage_id")
                for task in client.tasks(result.project, include=("id", "data", "passage_id"))
            }
            _count(result, plan, [row for row in waiting if row["passage"] in there])
            waiting = [row for row in waiting if row["passage"] not in there]
            continue
        _count(result, plan, batch)
        del waiting[-len(batch) :]
        tell(f"{result.sent} of {len(wanted)} passages sent")
    if wanted:
        _one_each(client, result)  # an import that was under way when an earlier push died may have ended since


def _count(result: Pushed, plan: Plan, rows: Sequence[Row]) -> None:
    result.sent += len(rows)
    result.suggestions += sum(str(row["passage"]) in plan.shown for row in rows)


def refresh_suggestions(
    client: Client, schema: Schema, plan: Plan, present: Mapping[str, dict[str, Any]], result: Pushed
) -> None:
    """Give bare tasks this model's suggestion, where one is shown and it is another model's so far."""
    _note_withheld(client, plan, present)
    stale = {}
    for passage in sorted(plan.shown & present.keys()):
        note = note_of(present[passage])
        if note.get("suggestion") == "withheld" or _annotated(present[passage]):
            continue
        if note.get("model") != plan.suggestions[passage].model:
            stale[int(present[passage]["id"])] = passage
    for chunk in batched(stale, BATCH):
        there = _suggested(client, result.project, chunk, stale, plan)
        waiting = [number for number in chunk if number not in there]
        if waiting:
            for number in waiting:
                check_result(plan.suggestions[stale[number]].result(), schema)
            rows = [{"task": number, **prediction_of(plan.suggestions[stale[number]])} for number in waiting]
            taken = client.import_predictions(result.project, rows)
            result.suggestions += taken
            if taken != len(rows):
                result.told.append(f"the server took {taken} of {len(rows)} suggestions")
                there = _suggested(client, result.project, chunk, stale, plan)
            else:
                there |= set(waiting)
        for number in sorted(there):
            task, model = present[stale[number]], plan.suggestions[stale[number]].model
            note = note_of(task) | {"suggestion": "shown", "model": model}
            client.update_task(number, {"meta": dict(task.get("meta", {})) | {"diptych": note}})


def _note_withheld(client: Client, plan: Plan, present: Mapping[str, dict[str, Any]]) -> None:
    """Write down which bare tasks of the pool get no suggestion although there is one."""
    for passage in sorted((plan.suggestions.keys() - plan.shown) & present.keys()):
        task = present[passage]
        if note_of(task).get("suggestion") == "none" and not _annotated(task):
            note = note_of(task) | {"suggestion": "withheld"}
            client.update_task(int(task["id"]), {"meta": dict(task.get("meta", {})) | {"diptych": note}})


def _suggested(client: Client, project: int, ids: Sequence[int], passages: Mapping[int, str], plan: Plan) -> set[int]:
    """Which of the tasks carry the plan's suggestion already."""
    return {
        int(task["id"])
        for task in client.tasks(project, include=("id", "predictions", "model_version"), ids=ids, full=True)
        for prediction in task.get("predictions") or []
        if prediction.get("model_version") == plan.suggestions[passages[int(task["id"])]].model
    }


def settle(client: Client, plan: Plan, present: Mapping[str, Row], result: Pushed) -> None:
    """Make the newest suggestions the ones that are shown: the server does not do so by itself."""
    models = sorted({plan.suggestions[passage].model for passage in plan.shown})
    known = {note_of(task).get("model") for task in present.values()}
    if not models or not (result.suggestions or models[-1] in known):
        return  # the server refuses a version of which it holds no prediction
    if client.project(result.project).get("model_version") != models[-1]:
        client.update_project(result.project, {"model_version": models[-1]})
