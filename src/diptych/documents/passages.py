"""The passages of a study as one frame, with the text that is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diptych.documents.ingest import read_original, read_passages
from diptych.documents.text import passage_text, text_hash, words_of
from diptych.errors import DocumentError, StudyError
from diptych.files import read_jsonl
from diptych.study import Document, Study

if TYPE_CHECKING:
    import pandas as pd


def load_passages(study: Study, *, originals: bool = True) -> pd.DataFrame:
    """Return every passage of the study, in reading order.

    Parameters
    ----------
    study : Study
    originals : bool, default True
        Read the text from originals where they are at hand; else from digests alone.

    Returns
    -------
    DataFrame
        One row a passage: passage, document, author, title, year, publisher, what `columns` of its document
        says, section, words (of the
        original), text, digest (empty where there is none), source (original | digest | none), and
        spans.

    Raises
    ------
    StudyError
        If no document has been ingested.
    DocumentError
        If an original is not the text its passages were cut from.

    Examples
    --------
    >>> import diptych
    >>> diptych.load_passages(diptych.Study.bundled()).groupby("author", sort=False).size().to_dict()
    {'Dmitri Trenin': 134, 'Andrew C. Kuchins': 50}
    """
    import pandas as pd

    rows = []
    for document in study.settings.documents:
        rows += _rows(study, document, originals=originals)
    if not rows:
        raise StudyError("the study has no passages yet", hint="run `diptych ingest`")
    return pd.DataFrame(rows)


def _rows(study: Study, document: Document, *, originals: bool) -> list[dict[str, Any]]:
    stored = read_passages(study, document)
    if stored is None:
        return []
    original = read_original(study, document) if originals else None
    whole = original.text if original else None
    known = words_of(whole) if whole else frozenset()
    digests = read_digests(study, document)
    rows: list[dict[str, Any]] = []
    for passage in stored:
        digest = digests.get(passage.passage, "")
        text, source = digest, "digest" if digest else "none"
        if whole is not None:
            text, source = passage_text(whole, passage.spans, known), "original"
            if text_hash(text) != passage.sha256:
                raise DocumentError(
                    f"{passage.passage}: the text no longer has the hash it was cut with",
                    hint="run `diptych ingest` and look at what changed",
                )
        rows.append(
            {
                "passage": passage.passage,
                "document": document.id,
                "author": document.author,
                "title": document.title,
                "year": document.year,
                "publisher": document.publisher,
                **document.columns,
                "section": passage.section,
                "words": passage.words,
                "text": text,
                "digest": digest,
                "source": source,
                "spans": passage.spans,
            }
        )
    return rows


def read_digests(study: Study, document: Document) -> dict[str, str]:
    """Return the digests of a document by passage."""
    path = study.digest_file(document.id)
    if not path.exists():
        return {}
    return {row["passage"]: row["text"] for _, row in read_jsonl(path, texts=("passage", "text"))}
