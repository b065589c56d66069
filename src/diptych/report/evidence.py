"""The passages behind the numbers, as the page's script reads them: a row a passage, in the order of the documents."""

from __future__ import annotations

import codecs
from typing import Any

from diptych.classifier.scoring.explain import explain
from diptych.records import rows_of
from diptych.report.contents import Contents
from diptych.study import Document, Study

EXPLAINED = 500  # passages: of more, those that are disputed or wrongly predicted come first
WORDS = 4  # that moved an answer, of a facet
BROWSERS = {"utf-8-sig": "utf-8", "cp932": "windows-31j", "cp949": "euc-kr", "mac-cyrillic": "x-mac-cyrillic"}
TRIED = 8  # words that are left out to see what moves


def evidence(contents: Contents) -> list[dict[str, Any]]:
    """Return every passage with its place, its values and how they came about.

    Returns
    -------
    list of dict
        passage, author, document, section, spans, words, text, source; values, how, predicted ([value, p]) and moved
        (the words that moved the answer) by facet; disputes.
    """
    said = {place: (value, round(float(p), 3)) for place, (value, p) in contents.guesses.items()}
    quarrels: dict[str, list[dict[str, Any]]] = {}
    for quarrel in contents.quarrels:
        quarrels.setdefault(quarrel["passage"], []).append(quarrel)
    facets = contents.schema.facet_ids
    labels = {name: dict(zip(facets, line, strict=True)) for name, *line in contents.labels.itertuples()}
    rows = []
    for passage in rows_of(contents.passages):
        name = passage["passage"]
        values = {f: v for f, v in labels.get(name, {}).items() if isinstance(v, str)}
        rows.append(
            {key: passage[key] for key in ("passage", "author", "document", "section", "words", "text", "source")}
            | {
                "spans": [list(span) for span in passage["spans"]],
                "values": values,
                "how": {f: contents.how.get((name, f), "") for f in values},
                "predicted": {f: said[name, f] for f in facets if (name, f) in said},
                "disputes": quarrels.get(name, []),
                "moved": {},
            }
        )
    _explain(contents, rows)
    return rows


def _explain(contents: Contents, rows: list[dict[str, Any]]) -> None:
    """Write beside the passages which of the words that are shown moved the model's answers."""
    if contents.model is None:
        return
    readable = [row for row in rows if any(map(str.isalnum, row["text"]))]
    readable.sort(key=lambda row: not (row["disputes"] or _wrong(row)))
    for row in readable[:EXPLAINED]:
        found = explain(contents.model.scorer, row["text"], top=WORDS, tried=TRIED, by_sentence=False)
        row["moved"] = {
            one.facet: [
                one.value,
                round(one.p, 3),
                [[word, round(fall, 3)] for word, fall in one.words if abs(fall) >= 0.005],
            ]
            for one in found
        }


def _wrong(row: dict[str, Any]) -> bool:
    return any(row["values"].get(facet) not in (None, value) for facet, (value, _) in row["predicted"].items())


def payload(contents: Contents, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the passages as small plain data: values as places in the schema, repeated names as places in lists."""
    schema, authors = contents.schema, contents.authors
    documents = [document.id for document in contents.study.settings.documents]
    sections = list(dict.fromkeys(row["section"] for row in rows))
    place = {facet.id: {value: i for i, value in enumerate(facet.value_ids)} for facet in schema.facets}
    hows = sorted({how for row in rows for how in row["how"].values()})
    return {
        "authors": authors,
        "facets": [
            {"id": facet.id, "name": facet.name, "values": [[value.id, value.name] for value in facet.values]}
            for facet in schema.facets
        ],
        "documents": [_document(contents.study, document) for document in contents.study.settings.documents],
        "sections": sections,
        "hows": hows,
        "passages": [
            {
                "id": row["passage"],
                "a": authors.index(row["author"]),
                "d": documents.index(row["document"]),
                "s": sections.index(row["section"]),
                "o": row["spans"],
                "w": row["words"],
                "t": row["text"],
                "v": [place[f.id].get(row["values"].get(f.id, ""), -1) for f in schema.facets],
                "h": [hows.index(row["how"][f.id]) if f.id in row["how"] else -1 for f in schema.facets],
                "p": [_guess(row["predicted"].get(f.id), place[f.id]) for f in schema.facets],
                "q": [_quarrel(quarrel) for quarrel in row["disputes"]],
                "m": [_moved(row["moved"].get(f.id), place[f.id]) for f in schema.facets] if row["moved"] else [],
            }
            for row in rows
        ],
    }


def _document(study: Study, document: Document) -> dict[str, Any]:
    """What the reader's own copy is known by, and how it is decoded."""
    extracted = document.text_sha256 is not None
    encoding = "utf-8" if extracted else document.encoding
    return {
        "id": document.id,
        "title": document.title or document.id,
        "sha256": document.text_sha256 if extracted else document.sha256,
        "encoding": encoding,
        **_decoder(encoding),
        "extracted": extracted,
        "file": study.text_file(document).name if extracted else document.file,
    }


def _decoder(encoding: str) -> dict[str, Any]:
    """A browser's name of an encoding, and whether Python takes off a byte order mark when it decodes.

    >>> _decoder("latin_1"), _decoder("utf-8-sig")
    ({'decoder': 'iso8859-1', 'mark': False}, {'decoder': 'utf-8', 'mark': True})
    """
    try:
        name = codecs.lookup(encoding).name.replace("_", "-")
    except LookupError:  # the document itself was never opened; the page will say that it cannot decode it
        name = encoding
    return {"decoder": BROWSERS.get(name, name), "mark": name in {"utf-8-sig", "utf-16"}}


def _guess(found: tuple[str, float] | None, place: dict[str, int]) -> list[float] | None:
    return None if found is None or found[0] not in place else [place[found[0]], found[1]]


def _moved(found: list[Any] | None, place: dict[str, int]) -> list[Any] | None:
    return None if found is None or found[0] not in place else [place[found[0]], *found[1:]]


def _quarrel(quarrel: dict[str, Any]) -> dict[str, Any]:
    return {
        "f": quarrel["facet"],
        "v": quarrel["values"],
        "c": quarrel["comments"],
        "a": quarrel["adjudicated"],
        "r": quarrel["reason"],
        "y": quarrel["why"],
    }
