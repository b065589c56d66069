"""Label Studio's JSON files, in and out, without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO, Any

from diptych.coding.codings import following, load_codings
from diptych.documents.ingest import read_passages
from diptych.errors import RecordError, nearest
from diptych.exchange.label_studio import codings_of, task_of
from diptych.exchange.label_studio_files import annotation_of, read_export
from diptych.exchange.tables import Reject
from diptych.files import canonical
from diptych.labelstudio.known import Known, says_the_same
from diptych.labelstudio.people import People
from diptych.labelstudio.plan import neighbours_of, passages_with_text
from diptych.labelstudio.project import study_key
from diptych.records import Coding, rows_of
from diptych.study import Study


def export_tasks(study: Study, *, originals: bool = False) -> list[dict[str, Any]]:
    """Return the study's passages as Label Studio tasks, with every coder's answers as annotations."""
    rows = passages_with_text(study, originals=originals)
    neighbours = neighbours_of(rows)
    codings = load_codings(study)
    said: dict[str, dict[tuple[str, str], list[dict[str, Any]]]] = {}
    for row in rows_of(codings[codings["role"] != "digest"]):
        said.setdefault(row["passage"], {}).setdefault((row["coder"], row["role"]), []).append(row)
    tasks = []
    for row in rows:
        before, after = neighbours[row["passage"]]
        task = task_of(row, study.schema, study_key(study), before=before, after=after)
        task["annotations"] = [
            annotation_of(answers) | {"role": role}
            for (_, role), answers in sorted(said.get(row["passage"], {}).items())
        ]
        tasks.append(task)
    return tasks


def import_tasks(
    study: Study, stream: IO[bytes], name: str, *, coder: str | None, role: str
) -> tuple[list[Coding], list[Reject]]:
    """Read the annotations of an exported file; what the study knows already is left out.

    Parameters
    ----------
    study : Study
    stream : binary file
    name : str
        Stands in origins and errors.
    coder : str, optional
        Who coded; default: the file's accounts under pseudonyms.
    role : str
        Where the file says none.

    Raises
    ------
    RecordError
        If the file is no export of Label Studio's.
    """
    try:
        raw = json.loads(stream.read().decode("utf-8-sig"))
        json.dumps(raw, ensure_ascii=False).encode()  # half a character could not be written again
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{name}: no JSON ({error})", hint="export the project as JSON") from error
    known, people = Known(study, f"file:{name}"), People(study, f"file:{name}")
    now_counting = load_codings(study)
    present = {(row["passage"], row["coder"], row["role"], row["facet"]): row for row in rows_of(now_counting)}
    passages = {p.passage for d in study.settings.documents for p in read_passages(study, d) or ()}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    codings: list[Coding] = []
    rejects: list[Reject] = []
    for number, task in enumerate(read_export(raw, name), 1):
        for place, annotation in enumerate(_annotations(task), 1):
            try:
                who = coder or str(annotation.get("coder") or "") or _account(annotation, people)
                origin = known.origin(_number(task.get("id"), number), _number(annotation.get("id"), place))
                found = codings_of(
                    task,
                    annotation,
                    study.schema,
                    coder=who,
                    origin=origin,
                    role=str(annotation.get("role") or role),
                    at=now,
                )
                strange = next((coding.passage for coding in found if coding.passage not in passages), None)
                if strange is not None:
                    raise RecordError(f"passage: nobody knows {strange!r}{nearest(strange, passages)}")
            except RecordError as error:
                said = canonical(annotation.get("result")).encode("utf-8", "replace").decode()
                rejects.append(Reject(number, f"task {number}: {error}", said))
                continue
            for coding in found:
                old = present.get((coding.passage, coding.coder, coding.role, coding.facet))
                renewed = known.renew(coding)
                if renewed is not None and (old is None or not says_the_same(coding, old)):
                    dated = annotation.get("updated_at") or annotation.get("created_at")
                    codings.append(renewed if dated else following(now_counting, [renewed])[0])
    return codings, rejects


def _annotations(task: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found = task.get("annotations") or task.get("completions") or []
    return [annotation for annotation in found if isinstance(annotation, dict)] if isinstance(found, list) else []


def _number(said: Any, otherwise: int) -> int:
    """The id of something of Label Studio's."""
    if not said:
        return otherwise
    if isinstance(said, int | str) and str(said).isdecimal() and len(str(said)) < 20:
        return int(said)
    raise RecordError(f"{str(said)[:40]!r} is no id")


def _account(annotation: dict[str, Any], people: People) -> str:
    maker = annotation.get("completed_by") or 0
    if isinstance(maker, dict):
        return people.name(_number(maker.get("id"), 0), str(maker.get("email") or ""))
    return people.name(_number(maker, 0))
