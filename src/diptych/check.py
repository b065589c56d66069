"""What is wrong with a study that its state does not tell: hashes, orphans, drift of the schema, leftovers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from diptych.classifier.training.predictions import crossfit_file
from diptych.coding.coders import load_coders
from diptych.coding.codings import load_codings
from diptych.coding.gold import load_gold
from diptych.coding.sampling import read_sample, samples_folder
from diptych.documents.ingest import read_original, read_passages
from diptych.documents.passages import read_digests
from diptych.documents.text import passage_text, text_hash, words_of
from diptych.errors import DiptychError
from diptych.files import canonical, read_jsonl, sha256_bytes
from diptych.installation import Finding
from diptych.leftovers import leftovers
from diptych.lock import lost_outputs, read_lock
from diptych.study import Document, Study

if TYPE_CHECKING:
    import pandas as pd

_NAMED_BY_CONTENT = re.compile(r"-([0-9a-f]{12})\.jsonl$")


def check(study: Study) -> list[Finding]:
    """Return what is wrong with a study beyond what :func:`diptych.status.status` says; nothing is changed.

    Parameters
    ----------
    study : Study

    Examples
    --------
    >>> import diptych
    >>> from diptych.check import check
    >>> [finding for finding in check(diptych.Study.bundled()) if finding.severity == "error"]
    []
    """
    found: list[Finding] = []
    looks: tuple[Callable[[Study], Iterator[Finding]], ...] = (
        _texts, _tables, _coding_files, _coding_rows, _coders, _gold, _samples, _results, _left,
    )  # fmt: skip
    for look in looks:
        try:
            found += look(study)
        except DiptychError as error:  # what cannot be read at all is told by its state
            found.append(
                Finding(look.__name__.strip("_").replace("_", " "), "error", str(error), error.hint or "see above")
            )
    return found


def _passages(study: Study) -> set[str]:
    return {p.passage for document in study.settings.documents for p in read_passages(study, document) or ()}


def _texts(study: Study) -> Iterator[Finding]:
    """Passages whose text is not the one that was cut, or that stand twice; digests of none."""
    for document in study.settings.documents:
        what, stored = f"document {document.id}", read_passages(study, document) or []
        twice = [name for name, number in Counter(p.passage for p in stored).items() if number > 1]
        if twice:
            yield Finding(what, "error", f"{twice[0]} stands twice in its table", "diptych ingest")
        moved = _moved(study, document)
        if moved:
            yield Finding(
                what,
                "error",
                f"{len(moved)} passages have another text than was cut (first: {moved[0]})",
                "put the original back, or cut anew: diptych ingest --recut",
            )
        strange = sorted(set(read_digests(study, document)) - {p.passage for p in stored})
        if strange:
            path = study.digest_file(document.id).relative_to(study.root)
            yield Finding(
                what,
                "warning",
                f"{len(strange)} digests of no passage (first: {strange[0]})",
                f"remove them from {path}",
            )


def _moved(study: Study, document: Document) -> list[str]:
    original = read_original(study, document)
    if original is None:
        return []
    known = words_of(original.text)
    stored = read_passages(study, document) or []
    return [p.passage for p in stored if text_hash(passage_text(original.text, p.spans, known)) != p.sha256]


def _tables(study: Study) -> Iterator[Finding]:
    """Passage tables of no document."""
    known = {study.passages_file(document.id).name for document in study.settings.documents}
    for path in sorted((study.root / "seeds").glob("*.passages.jsonl")):
        if path.name not in known:
            yield Finding(
                "documents",
                "error",
                f"seeds/{path.name} belongs to no document of study.toml",
                "describe the document there, or remove the table",
            )


def _coding_files(study: Study) -> Iterator[Finding]:
    """Files that were changed after they were written: their names say what was in them."""
    for path in sorted(study.codings_folder.glob("*.jsonl")):
        named = _NAMED_BY_CONTENT.search(path.name)
        rows = [canonical(row) for _, row in read_jsonl(path)]
        if named and sha256_bytes("\n".join(rows).encode())[:12] != named[1]:
            place = path.relative_to(study.root)
            yield Finding("codings", "error", f"{place} was changed after it was written", f"git checkout -- {place}")


def _coding_rows(study: Study) -> Iterator[Finding]:
    """Rows that supersede what is not there, and codings made with another schema."""
    codings = load_codings(study, history=True)
    missing = set(codings["supersedes"].dropna()) - set(codings["id"])
    if missing:
        yield Finding(
            "codings",
            "warning",
            f"{len(missing)} rows that others supersede are not there: a codings file is missing",
            "bring it back: git log --diff-filter=D --name-only -- annotations/codings",
        )
    yield from _drift(study, codings)


def _drift(study: Study, codings: pd.DataFrame) -> Iterator[Finding]:
    schema, counts = study.schema, Counter[tuple[str, str]]()
    for stamp in codings["schema"]:
        made: dict[str, Any] = stamp if isinstance(stamp, dict) else {}
        if made.get("structure") != schema.structure_hash:
            counts[str(made.get("name", stamp)), "structure"] += 1
        elif made.get("wording") != schema.wording_hash:
            counts[str(made.get("name")), "wording"] += 1
    for (name, kind), number in sorted(counts.items()):
        yield Finding(
            "schema",
            "warning",
            f"{number} codings were made with {name}, of another {kind} than {schema.reference} now has",
            f"look at what changed: diptych schema diff OLD {study.settings.schema_}, with OLD from git",
        )


def _coders(study: Study) -> Iterator[Finding]:
    """One annotation under two names: one person would agree with themselves."""
    codings = load_codings(study)
    served = codings[codings["origin"].str.startswith("label-studio ")]
    names: dict[tuple[str, str], set[str]] = {}
    for origin, facet, coder in zip(served["origin"], served["facet"], served["coder"], strict=True):
        names.setdefault((origin, facet), set()).add(coder)
    for pair in sorted({tuple(sorted(found)) for found in names.values() if len(found) > 1}):
        yield Finding(
            "coders",
            "error",
            f"{' and '.join(pair)} made the same annotations: they are one person",
            f"keep one name: remove the codings file that only holds {pair[-1]}, then diptych studio pull",
        )
    load_coders(study)


def _gold(study: Study) -> Iterator[Finding]:
    if not study.gold_file.exists():
        return
    gold, schema = load_gold(study), study.schema
    strange = sorted(set(gold["passage"]) - _passages(study))
    if strange:
        yield Finding(
            "gold labels", "error", f"{len(strange)} passages are in no table (first: {strange[0]})", "diptych gold"
        )
    known = {(facet.id, value) for facet in schema.facets for value in facet.value_ids}
    unknown = sorted(set(gold[["facet", "value"]].itertuples(index=False, name=None)) - known)
    if unknown:
        facet, value = unknown[0]
        yield Finding("gold labels", "error", f"{facet} = {value} is not in {schema.reference}", "diptych gold")


def _samples(study: Study) -> Iterator[Finding]:
    known = _passages(study)
    for path in sorted(samples_folder(study).glob("*.toml")):
        strange = [passage for passage in read_sample(path).passages if passage not in known]
        if strange:
            detail = f"drew {len(strange)} passages that are in no table (first: {strange[0]})"
            yield Finding(path.stem, "error", detail, "put their document back, or draw anew: diptych sample --size N")


def _results(study: Study) -> Iterator[Finding]:
    """Results that are not those that a step wrote down."""
    path = study.state / "lock.json"
    if path.exists() and not _is_json(path.read_bytes()):
        yield Finding(
            "record of steps", "warning", ".diptych/lock.json cannot be read", "diptych gold && diptych train"
        )
    if not study.model_file.exists():
        return
    if "train" not in read_lock(study):
        yield Finding("model", "warning", "what it was made from is not recorded", "diptych train")
    elif lost := lost_outputs(study, "train"):
        detail = (
            f"{' and '.join(sorted(lost))} not as training left them: model and predictions may not belong together"
        )
        yield Finding("model", "error", detail, "diptych train")
    elif not crossfit_file(study).exists():
        yield Finding("model", "error", "its cross-fitted predictions are gone", "diptych train")


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def _left(study: Study) -> Iterator[Finding]:
    """What killed commands and unfinished jobs left."""
    found = [str(path.relative_to(study.root)) for path in leftovers(study.root)]
    if found:
        yield Finding(
            "leftovers",
            "warning",
            f"{len(found)} half-written files of commands that were killed (first: {found[0]})",
            "the next command that writes removes them: diptych gold",
        )
    for path in sorted(study.root.glob("*.parts/job.json")):
        out = path.parent.name.removesuffix(".parts")
        yield Finding(
            "leftovers",
            "warning",
            f"{path.parent.name} holds a job that was not finished",
            f"the command again with --resume, or: diptych classify --out {out} --join, or remove the folder",
        )
