"""`diptych studio pull`: every coder's annotations into a new immutable codings file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diptych.coding.coders import write_down_coders
from diptych.coding.codings import Written, write_codings
from diptych.errors import LabelStudioError, RecordError
from diptych.exchange.label_config import read_tag
from diptych.exchange.label_studio import codings_of, note_of
from diptych.exchange.tables import Reject
from diptych.files import canonical, write_text
from diptych.labelstudio.client import Client
from diptych.labelstudio.known import Known
from diptych.labelstudio.names import server_name
from diptych.labelstudio.people import People
from diptych.labelstudio.project import check_owner, find_project, study_key
from diptych.labelstudio.push import batched
from diptych.records import Coding
from diptych.study import Study

CHUNK = 100
PART = 20_000  # codings in memory before a file is written: a broken pull keeps those before
_LIGHT = ("id", "updated_at", "annotations_ids", "total_annotations", "cancelled_annotations", "meta")
Tell = Callable[[str], None]


@dataclass(slots=True)
class Pulled:
    """What a pull brought: its last new file and how many before, rows by kind, and what could not be taken."""

    project: int
    written: Written | None = None
    earlier: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    skipped: int = 0
    rejects: list[Reject] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def pull(
    client: Client,
    study: Study,
    tell: Tell = lambda _: None,
    *,
    kind: str = "coding",
    project: int | None = None,
) -> Pulled:
    """Fetch what changed since the last pull and write it as codings.

    Ids and dates of all tasks are listed each time, and only changed tasks are fetched, a hundred at a time; what
    they bring is written whenever 20,000 codings have come, so that a pull that breaks off goes on from there. What
    the last pull saw lies under `.diptych/`; without it everything is fetched again, and nothing is doubled.

    Raises
    ------
    LabelStudioError
        If the study has no project there.
    """
    found = client.project(project) if project is not None else find_project(client, study, kind)
    if found is None:
        raise LabelStudioError(
            f"this study has no {kind} project on {client.url}", hint="`diptych studio push` makes one"
        )
    number = int(found["id"])
    check_owner(found, study)
    kind = read_tag(found.get("description")).get("kind", kind)
    result = Pulled(number)
    server = server_name(study, client.url)
    memory = study.state / "label-studio" / f"pulled-{server}-{number}.json"
    before = _read(memory)
    seen = {str(task["id"]): str(task["updated_at"]) for task in client.tasks(number, include=_LIGHT)}
    stale = [int(task) for task, date in seen.items() if before.get(task) != date]
    known = Known(study, f"{server}/{number}")
    people = People(study, client.url)
    addresses = client.users() if stale else {}
    fresh: list[Coding] = []
    role = "adjudicator" if kind == "adjudication" else "coder"
    done = {task: date for task, date in seen.items() if before.get(task) == date}
    for task in _fetch(client, number, stale):
        refused = len(result.rejects)
        fresh += _read_task(task, study, known, people, addresses, role, result)
        if len(result.rejects) == refused:
            done[str(task["id"])] = seen[str(task["id"])]
        if len(fresh) >= PART:
            _write(study, fresh, people, result, tell)
            write_text(memory, json.dumps(done, sort_keys=True) + "\n")
            fresh = []
    lost = known.missing(sorted(task for task in known.tasks() if str(task) not in seen))
    result.deleted += len(lost)
    fresh += lost
    if fresh:
        _write(study, fresh, people, result, tell)
    unmended = {str(reject.line) for reject in result.rejects}  # looked at again until they are mended
    kept = {task: date for task, date in seen.items() if task not in unmended}
    write_text(memory, json.dumps(kept, sort_keys=True) + "\n")
    return result


def _write(study: Study, fresh: list[Coding], people: People, result: Pulled, tell: Tell) -> None:
    coders = {coding.coder for coding in fresh if coding.status != "deleted"}
    write_down_coders(study, coders, "An annotator in Label Studio.", people.accounts())
    result.earlier += result.written is not None
    result.written = write_codings(study, fresh, "label-studio")
    tell(f"{len(fresh)} rows in {result.written.path.relative_to(study.root)}")


def _read(path: Path) -> dict[str, str]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _fetch(client: Client, project: int, ids: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Yield tasks with their annotations, a chunk at a time; where an ML backend suggests, with its predictions."""
    live: bool | None = None
    for chunk in batched(ids, CHUNK):
        live = bool(client.backends(project)) if live is None else live
        told = {}
        if live:
            fields = ("id", "predictions", "model_version", "created_at", "result")
            told = {
                int(t["id"]): t.get("predictions") for t in client.tasks(project, include=fields, ids=chunk, full=True)
            }
        for task in client.export(project, chunk):
            yield task | {"predictions": told.get(int(task["id"]))}


def _read_task(
    task: Mapping[str, Any],
    study: Study,
    known: Known,
    people: People,
    addresses: Mapping[int, str],
    role: str,
    result: Pulled,
) -> list[Coding]:
    """Return the new rows of one task: new and changed annotations, and deletions."""
    number = int(task["id"])
    note = note_of(task)
    if note.get("study") != study_key(study):
        if task.get("annotations"):
            reason = f"task {number} was not made by diptych for this study"
            result.rejects.append(Reject(number, reason, canonical(task.get("data", {}))))
        return []
    rows: list[Coding] = []
    present = set()
    for annotation in sorted(task.get("annotations") or [], key=lambda a: int(a["id"])):
        origin = known.origin(number, int(annotation["id"]))
        present.add(origin)
        coder, editor = _who(annotation, people, addresses)
        try:
            codings = codings_of(
                task, annotation, study.schema, coder=coder, origin=origin, role=role, edited_by=editor
            )
        except RecordError as error:
            reason = f"task {number}, annotation {annotation['id']} by {coder}: {error}"
            result.rejects.append(Reject(number, reason, canonical(annotation.get("result"))))
            continue
        for coding in codings:
            renewed = known.renew(coding)
            if renewed is None:
                continue
            rows.append(renewed)
            result.changed += renewed.supersedes is not None
            result.new += renewed.supersedes is None
            result.skipped += renewed.status == "skipped"
    for origin in sorted(known.annotations(number) - present):
        gone = list(known.delete(origin, str(task.get("updated_at"))))
        result.deleted += len(gone)
        rows += gone
    return rows


def _who(annotation: Mapping[str, Any], people: People, addresses: Mapping[int, str]) -> tuple[str, str]:
    """The pseudonyms of who made an annotation and of who else edited it last."""
    maker = annotation.get("completed_by")
    identifier = int(maker["id"]) if isinstance(maker, dict) else int(maker or 0)
    coder = people.name(identifier, addresses.get(identifier, ""))
    editor = annotation.get("updated_by")
    if isinstance(editor, int) and editor != identifier:
        return coder, people.name(editor, addresses.get(editor, ""))
    return coder, ""
