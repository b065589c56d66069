"""`diptych ingest`: originals → passage tables."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diptych.documents.cut import cut_document
from diptych.documents.fixes import Fixes
from diptych.documents.read import Source, is_markdown, read_document
from diptych.errors import DocumentError, RecordError, UsageError
from diptych.files import read_jsonl, sha256_file, write_jsonl, write_text
from diptych.records import Passage
from diptych.study import SETTINGS, Document, Study

Outcome = Literal["cut", "unchanged", "cut anew", "original not at hand", "missing"]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What happened to one document."""

    document: str
    author: str
    outcome: Outcome
    passages: int
    words: int


def read_passages(study: Study, document: Document) -> list[Passage] | None:
    """Read the stored passage table of a document; `None` if there is none yet."""
    path = study.passages_file(document.id)
    if not path.exists():
        return None
    found = []
    for number, row in read_jsonl(path, required=("passage", "section", "spans", "words", "sha256")):
        try:
            spans = tuple((int(start), int(end)) for start, end in row["spans"])
        except (TypeError, ValueError) as error:
            raise RecordError(
                f"{path.name}:{number}: spans: expected pairs of offsets, found {row['spans']!r}"
            ) from error
        if not isinstance(row["words"], int):
            raise RecordError(f"{path.name}:{number}: words: expected a number, found {row['words']!r}")
        found.append(Passage(row["passage"], row["section"], spans, row["words"], row["sha256"]))
    return found


def ingest(study: Study, *, coded: Iterable[str] = (), recut: bool = False) -> list[Ingested]:
    """Cut every document of the study whose original is at hand; write its passage table.

    Parameters
    ----------
    study : Study
    coded : iterable of str
        Passages that have codings: they are not moved unless `recut`.
    recut : bool
        Write the new table though codings may then point to other text.

    Raises
    ------
    DocumentError
        If a document changed since it was described or its passages were coded.
    """
    taken = set(coded)
    return [_ingest_one(study, document, taken, recut=recut) for document in study.settings.documents]


def _ingest_one(study: Study, document: Document, coded: set[str], *, recut: bool) -> Ingested:
    stored = read_passages(study, document)
    path = checked_original(study, document)
    if path is None:
        outcome: Outcome = "original not at hand" if stored is not None else "missing"
        return _told(document, outcome, stored or [])
    source = read_document(path, document.encoding)
    if document.length is not None and len(source.text) != document.length:
        raise DocumentError(
            f"{path.name} decodes to {len(source.text)} characters, {SETTINGS} says {document.length}",
            hint=f"correct length or encoding of document {document.id!r} in {SETTINGS}",
        )
    passages = cut_document(source.text, document.id, _fixes(study, document, source), markdown=is_markdown(path))
    if passages == stored:
        return _told(document, "unchanged", passages)
    if stored:
        kept = {passage.passage: (passage.spans, passage.sha256) for passage in passages}
        moved = [p for p in stored if p.passage in coded and kept.get(p.passage) != (p.spans, p.sha256)]
        if moved and not recut:
            raise DocumentError(
                f"{document.id}: cutting anew would move {len(moved)} coded passages ({moved[0].passage} …)",
                hint="keep the table, put the old cutting back by a fixes file, or force it with --recut",
            )
    write_jsonl(study.passages_file(document.id), (passage.row() for passage in passages))
    return _told(document, "cut anew" if stored else "cut", passages)


def _told(document: Document, outcome: Outcome, passages: list[Passage]) -> Ingested:
    return Ingested(document.id, document.author, outcome, len(passages), sum(p.words for p in passages))


def checked_original(study: Study, document: Document) -> Path | None:
    """Return the original of a document, or `None`; refuse a file that changed under its name."""
    path = study.original(document)
    named = study.root / "seeds" / document.file if document.file else None
    if path is None and named is not None and named.is_file():
        raise DocumentError(
            f"seeds/{document.file} is not the document described in {SETTINGS}: "
            f"sha256 is {sha256_file(named)[:12]}…, expected {(document.sha256 or '')[:12]}…",
            hint="put the original file back, or describe the new version as a document of its own "
            "(codings belong to the text they were made on)",
        )
    return path


def _fixes(study: Study, document: Document, source: Source) -> Fixes | None:
    path = study.fixes_file(document.id)
    fixes = Fixes.load(path)
    if fixes is not None and fixes.sha256 != source.sha256:
        raise DocumentError(
            f"{path.name}: these corrections belong to another version of the document "
            f"(sha256 {fixes.sha256[:12]}…, here {source.sha256[:12]}…)"
        )
    return fixes


def add_document(
    study: Study, path: Path, *, author: str | None = None, title: str = "", year: int | None = None
) -> Document:
    """Take a file into the study: copy it to `seeds/` and describe it in `study.toml`.

    A file that is a known original (by sha256, whatever its name) is only put in its place.
    """
    source = read_document(path)
    for document in study.settings.documents:
        if document.sha256 == source.sha256:
            if study.original(document) is None:
                _copy(path, study.root / "seeds" / (document.file or path.name))
            return document
    if not author or not author.strip():
        raise UsageError(
            f"{path.name} is no document of this study (by its sha256), and no author is given",
            hint=f"describe it: diptych ingest {path} --author NAME",
        )
    identifier = re.sub(r"[^\w.-]+", "-", path.stem)[:100].strip("-.") or "document"
    if any(document.id == identifier for document in study.settings.documents):
        raise UsageError(
            f"the study has a document {identifier!r} already, with other content",
            hint="rename the file first: the name becomes the document's id",
        )
    entry = {
        "id": identifier,
        "author": author,
        "title": title,
        "year": year,
        "file": path.name,
        "sha256": source.sha256,
        "length": len(source.text),
        "encoding": source.encoding,
    }
    try:
        described = Document.model_validate(entry)
    except ValueError as error:
        raise UsageError(f"{path.name} cannot be described so: {error}") from error
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items() if value is not None]
    _copy(path, study.root / "seeds" / path.name)
    settings = study.root / SETTINGS
    text = settings.read_text(encoding="utf-8").rstrip() + "\n\n[[documents]]\n" + "\n".join(lines) + "\n"
    write_text(settings, text)
    return described


def _copy(path: Path, target: Path) -> None:
    if path.resolve() == target.resolve():
        return
    if target.is_file() and sha256_file(target) == sha256_file(path):
        return
    if target.exists():
        raise UsageError(f"{target} exists already with other content", hint="rename the file and try again")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
