"""Which result was made from what: `.diptych/lock.json`, one entry a step, so that staleness shows.

It also holds the structure of the schema, with the hashes of the files that tell it: a command that answers one
sentence need not load what reads them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.files import STUDY, canonical, sha256_bytes, sha256_file, write_text

if TYPE_CHECKING:
    from diptych.study import Study

FILE = "lock.json"
FORMAT = 1


def hash_files(paths: Iterable[Path]) -> str:
    """Return one hash for the names and bytes of files, in any order; missing files count as such."""
    found = {path.name: sha256_file(path) if path.is_file() else "" for path in paths}
    return sha256_bytes(canonical(found).encode())[:16]


def step_inputs(study: Study, step: str) -> dict[str, str]:
    """Return the hashes of what a step reads, now."""
    documents = study.settings.documents
    tables = [study.passages_file(d.id) for d in documents]
    digests = [study.digest_file(d.id) for d in documents]
    at_hand = sorted(d.id for d in documents if study.original(d) is not None)
    inputs = {"schema": study.schema.structure_hash}
    if step == "gold":
        inputs["codings"] = hash_files(study.codings_folder.glob("*.jsonl"))
    if step in ("train", "report"):
        inputs["passages"] = hash_files(tables)
        inputs["texts"] = sha256_bytes(canonical([at_hand, hash_files(digests)]).encode())[:16]
        inputs["gold"] = hash_files([study.gold_file])
        inputs["seed"] = str(study.settings.seed)
    if step == "report":
        inputs["codings"] = hash_files(study.codings_folder.glob("*.jsonl"))
        inputs["wording"] = study.schema.wording_hash
        inputs["model"] = hash_files([study.model_file])
    return inputs


def read_lock(study: Study) -> dict[str, Any]:
    """Return the recorded steps (none where nothing was recorded or the file is damaged)."""
    return _read(study.state, "steps")


def _read(state: Path, name: str) -> dict[str, Any]:
    """One part of the file; empty where it is not there, damaged, or of another format."""
    try:
        raw = json.loads((state / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    part = raw.get(name) if isinstance(raw, dict) and raw.get("format") == FORMAT else None
    return part if isinstance(part, dict) else {}


def record_step(study: Study, step: str, outputs: Mapping[str, Path]) -> None:
    """Write down what a step has read and written."""
    steps = read_lock(study)
    steps[step] = {
        "inputs": step_inputs(study, step),
        "outputs": {
            name: {"path": os.path.relpath(path, study.root), "sha256": sha256_file(path)}
            for name, path in outputs.items()
        },
    }
    files = {name: sha256_file(study.root / name) for name in (STUDY, study.settings.schema_)}
    schema = {"structure": study.schema.structure_hash, "files": files}
    text = json.dumps({"format": FORMAT, "schema": schema, "steps": steps}, indent=1, sort_keys=True)
    write_text(study.state / FILE, text + "\n")


def known_structure(state: Path) -> str | None:
    """Return the structure hash of a study's schema where its files are still those that were read, else None."""
    schema = _read(state, "schema")
    try:
        now = {name: sha256_file(state.parent / name) for name in schema["files"]}
        return str(schema["structure"]) if STUDY in now and schema["files"] == now else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def changed_inputs(study: Study, step: str) -> list[str] | None:
    """Return which inputs of a step changed since it ran; `None` if it never ran here."""
    entry = read_lock(study).get(step)
    if not isinstance(entry, dict):
        return None
    inputs = entry.get("inputs")
    before, now = inputs if isinstance(inputs, dict) else {}, step_inputs(study, step)
    return sorted(name for name in now if now[name] != before.get(name))


def lost_outputs(study: Study, step: str) -> list[str]:
    """Return which results of a step are gone or were changed since it ran."""
    entry = read_lock(study).get(step)
    outputs = entry.get("outputs") if isinstance(entry, dict) else None
    lost = []
    for name, output in (outputs if isinstance(outputs, dict) else {}).items():
        path = study.root / str(output.get("path")) if isinstance(output, dict) else study.root
        if not path.is_file() or sha256_file(path) != output.get("sha256"):
            lost.append(str(name))
    return lost
