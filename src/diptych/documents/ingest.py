"""`diptych ingest`: originals → passage tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diptych.documents.cut import cut_document
from diptych.documents.fixes import Fixes
from diptych.documents.read import Source, read_document
from diptych.errors import DocumentError, RecordError, UsageError
from diptych.files import copy_file, read_jsonl, sha256_file, write_jsonl, write_text
from diptych.records import Passage
from diptych.study import SETTINGS, Document, Study
from diptych.toml_files import toml_text

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
    for number, row in read_jsonl(path, required=("spans", "words"), texts=("passage", "section", "sha256")):
        try:
            spans = tuple((int(start), int(end)) for start, end in row["spans"])
        except (TypeError, ValueError, OverflowError) as error:
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
    source = read_original(study, document)
    if source is None:
        outcome: Outcome = "original not at hand" if stored is not None else "missing"
        return _told(document, outcome, stored or [])
    _keep_text(study, document, source)
    if document.length is not None and len(source.text) != document.length:
        raise DocumentError(
            f"{source.name} decodes to {len(source.text)} characters, {SETTINGS} says {document.length}",
            hint=f"correct length or encoding of document {document.id!r} in {SETTINGS}",
        )
    passages = cut_document(source.text, document.id, _fixes(study, document, source), markdown=source.markdown)
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


def read_original(study: Study, document: Document) -> Source | None:
    """Read the text of a document that its passages point into; `None` if it is not at hand.

    Raises
    ------
    DocumentError
        If what is at hand is not what was described.
    """
    path = checked_original(study, document)
    if path is None:
        return None
    return read_document(path, "utf-8" if path == study.text_file(document) else document.encoding)


def checked_original(study: Study, document: Document) -> Path | None:
    """Return the original of a document, or `None`; refuse a file that changed under its name."""
    path = study.original(document)
    extracted = study.text_file(document)
    named = study.root / "seeds" / document.file if document.file else None
    if (path is None or path == extracted) and named is not None and _differs(named, document.sha256):
        raise DocumentError(
            f"seeds/{document.file} is not the document described in {SETTINGS}: "
            f"sha256 is {sha256_file(named)[:12]}…, expected {(document.sha256 or '')[:12]}…",
            hint="put the original file back, or describe the new version as a document of its own "
            "(codings belong to the text they were made on)",
        )
    if path != extracted and _differs(extracted, document.text_sha256):
        raise DocumentError(
            f"seeds/{extracted.name} is not the text described in {SETTINGS}: "
            f"sha256 is {sha256_file(extracted)[:12]}…, expected {(document.text_sha256 or '')[:12]}…",
            hint="delete it, then `diptych ingest` extracts it again from the original",
        )
    return path


def _differs(path: Path, sha256: str | None) -> bool:
    """Whether a file is there, but not the one that is described."""
    return sha256 is not None and path.is_file() and sha256_file(path) != sha256


def _keep_text(study: Study, document: Document, source: Source) -> None:
    """Store what was extracted from an original beside it; refuse another text than the passages were cut from."""
    if not source.extractor or document.text_sha256 is None:
        return
    if source.text_sha256 != document.text_sha256:
        tool = document.extractor
        raise DocumentError(
            f"{source.name}: {source.extractor} extracts another text than {tool or 'the one described'} did "
            f"(sha256 {source.text_sha256[:12]}…, expected {document.text_sha256[:12]}…)",
            hint=f"bring seeds/{study.text_file(document).name} from where it was ingested"
            + (f", or: pip install '{tool.replace(' ', '==')}'" if tool else ""),
        )
    write_text(study.text_file(document), source.text)


def _fixes(study: Study, document: Document, source: Source) -> Fixes | None:
    path = study.fixes_file(document.id)
    fixes = Fixes.load(path)
    if fixes is not None and fixes.sha256 != source.text_sha256:
        raise DocumentError(
            f"{path.name}: these corrections belong to another version of the document "
            f"(sha256 {fixes.sha256[:12]}…, here {source.text_sha256[:12]}…)"
        )
    return fixes


def add_document(
    study: Study, path: Path, *, author: str | None = None, title: str = "", year: int | None = None
) -> Document:
    """Take a file into the study: copy it to `seeds/` and describe it in `study.toml`.

    A file that is a known original (by sha256, whatever its name) is only put in its place. Of a pdf, docx or html
    document, `seeds/<id>.extracted.txt` or `.md` keeps the text that its passages point into.
    """
    return add_source(study, path, read_document(path), author=author, title=title, year=year)


def add_source(
    study: Study, path: Path, source: Source, *, author: str | None = None, title: str = "", year: int | None = None
) -> Document:
    """Take a file into the study that has been read already: see :func:`add_document`."""
    for document in study.settings.documents:
        if document.sha256 == source.sha256:
            if study.original(document) is None:
                _copy(path, study.root / "seeds" / (document.file or path.name))
                _keep_text(study, document, source)
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
    if source.extractor:
        entry |= {"text_sha256": source.text_sha256, "extractor": source.extractor}
    try:
        described = Document.model_validate(entry)
    except ValueError as error:
        raise UsageError(f"{path.name} cannot be described so: {error}") from error
    lines = [f"{key} = {toml_text(value)}" for key, value in entry.items() if value is not None]
    _copy(path, study.root / "seeds" / path.name)
    _keep_text(study, described, source)
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
    copy_file(path, target)
