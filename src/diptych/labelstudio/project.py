"""A study's projects on a server: found by their mark, made, and brought up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from diptych.errors import LabelStudioError
from diptych.exchange.label_config import instructions, label_config, lost_answers, read_tag, tag_of
from diptych.exchange.label_studio import Suggestion
from diptych.files import canonical, sha256_bytes
from diptych.labelstudio.client import Client
from diptych.schema import Schema
from diptych.study import Study

Row = Mapping[str, Any]
Order = Literal["document", "random", "uncertain"]
SAMPLING = {
    "document": "Sequential sampling",
    "random": "Uniform sampling",
    "uncertain": "Uncertainty sampling",
}


@dataclass(slots=True)
class Pushed:
    """What a push did, and what it found that it left alone."""

    project: int
    url: str
    created: bool = False
    sent: int = 0
    known: int = 0
    doubles: int = 0
    updated: int = 0
    suggestions: int = 0
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be pushed: passages in order, who sees a suggestion, and the project's settings."""

    passages: Sequence[Row]
    neighbours: Mapping[str, tuple[str, str]]
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()
    coders: int = 1
    order: Order = "document"
    sample: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["coding", "adjudication"] = "coding"


def study_key(study: Study) -> str:
    """Return a short name by which a server tells this study's projects from others."""
    said = [study.settings.name, sorted((d.id, d.sha256 or "") for d in study.settings.documents)]
    return sha256_bytes(canonical(said).encode())[:12]


def find_project(client: Client, study: Study, kind: str) -> dict[str, Any] | None:
    """Return this study's project of a kind on the server, by the mark in its description."""
    key = study_key(study)
    mine = [
        project
        for project in client.projects()
        if (tag := read_tag(project.get("description"))).get("study") == key and tag.get("kind") == kind
    ]
    return min(mine, key=lambda project: int(project["id"])) if mine else None


def update_project(client: Client, study: Study, plan: Plan, given: int | None) -> Pushed:
    """Create or update the project itself."""
    schema, key = study.schema, study_key(study)
    config = label_config(schema, adjudicate=plan.kind == "adjudication")
    mark = sha256_bytes(config.encode())[:12]
    found = client.project(given) if given is not None else find_project(client, study, plan.kind)
    fields = {
        "label_config": config,
        "description": f"{schema.title or schema.name}. {tag_of(key, plan.kind, mark, schema)}",
        "expert_instruction": instructions(schema),
        "show_instruction": True,
        "show_skip_button": True,
        "maximum_annotations": plan.coders,
        "overlap_cohort_percentage": 100,
        "show_overlap_first": plan.coders > 1,
        "sampling": SAMPLING[plan.order],
        "show_collab_predictions": True,
        "enable_empty_annotation": False,
    }
    if found is None:
        title = f"{study.settings.name}{' adjudication' if plan.kind == 'adjudication' else ''}"[:50]
        made = client.create_project(fields | {"title": title.ljust(3, "_")})
        return Pushed(int(made["id"]), client.url, created=True)
    number = int(found["id"])
    tag = read_tag(found.get("description"))
    check_owner(found, study)
    check_config(found, tag, schema, config)
    if found.get("label_config") == config:
        fields.pop("label_config")
    # turning the pre-labels on again would not bring the shown version back: touch it only where it is off
    if found.get("show_collab_predictions"):
        fields.pop("show_collab_predictions")
    client.update_project(number, fields)
    return Pushed(number, client.url)


def check_owner(found: Row, study: Study) -> None:
    """Refuse a project that belongs to another study."""
    if read_tag(found.get("description")).get("study") not in (None, study_key(study)):
        raise LabelStudioError(
            f"project {found['id']} ({found.get('title')!r}) belongs to another study",
            hint="leave --project out: every study has a project of its own",
        )


def check_config(found: Row, tag: Mapping[str, str], schema: Schema, config: str) -> None:
    """Refuse where an update would orphan codings or undo what somebody did by hand."""
    present = str(found.get("label_config") or "")
    if present == config or not tag:
        return
    if tag.get("config") != sha256_bytes(present.encode())[:12]:
        raise LabelStudioError(
            f"the labelling interface of project {found['id']} was changed by hand",
            hint="carry the change into the schema, then put the old interface back in Settings, or delete it",
        )
    lost = lost_answers(present, schema) if found.get("total_annotations_number") else []
    if lost:
        raise LabelStudioError(
            f"{tag.get('schema')} to {schema.reference} would orphan annotations: {', '.join(lost)}",
            hint="name the old values in `was:`, or pull and push to a new project (facets cannot be renamed in one)",
        )
