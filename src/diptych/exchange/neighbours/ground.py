"""What a file of another tool is read against: the study's passages, by id, by text and by place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from diptych.documents.ingest import read_passages
from diptych.documents.passages import read_digests
from diptych.documents.text import normalise, text_hash
from diptych.errors import RecordError, StudyError, nearest
from diptych.exchange.neighbours.layout import Layout, back, check_offsets, crlf, layouts_of, line_feeds
from diptych.exchange.tables import Reject
from diptych.files import Row, canonical
from diptych.schema import Schema
from diptych.study import Study

Found = tuple[int, Row | Reject | None]  # None: nobody has answered there


class Ground:
    """The passages of a study, to find those that a file speaks of.

    Parameters
    ----------
    study : Study

    Raises
    ------
    StudyError
        If the study has no passages.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self.name = study.settings.name
        self.schema: Schema = study.schema
        self._stored = [p for d in study.settings.documents for p in read_passages(study, d) or ()]
        if not self._stored:
            raise StudyError("the study has no passages yet", hint="run `diptych ingest`")
        self.passages = frozenset(p.passage for p in self._stored)

    @cached_property
    def _texts(self) -> dict[str, str]:
        """Hash of a text → the passage; an empty text where several have it."""
        found: dict[str, str] = {}
        pairs = [(p.sha256, p.passage) for p in self._stored]
        for document in self._study.settings.documents:
            pairs += [(text_hash(normalise(text)), name) for name, text in read_digests(self._study, document).items()]
        for digest, name in pairs:
            found[digest] = name if found.get(digest, name) == name else ""
        return found

    @cached_property
    def _layouts(self) -> dict[str, Layout]:
        every = [*layouts_of(self._study, originals=False), *layouts_of(self._study, originals=True)]
        return {text_hash(layout.text): layout for layout in every}

    def passage(self, row: Mapping[str, Any]) -> str:
        """Return the passage that a row names, or whose text (the original's or the digest) it holds.

        Raises
        ------
        RecordError
            If the study has no such passage.
        """
        name = str(row.get("passage") or "").strip()
        if name:
            if name not in self.passages:
                raise RecordError(f"passage: nobody knows {name!r}{nearest(name, self.passages)}")
            return name
        found = self._texts.get(text_hash(normalise(str(row.get("text") or ""))))
        if not found:
            why = "no passage of this study has this text" if found is None else "several passages have this text"
            raise RecordError(f"the row names no passage, and {why}", hint="keep the field 'passage' in the other tool")
        return found

    def placed(self, name: str, text: str, start: int, end: int) -> str:
        """Return the passage at a selection of a text.

        Parameters
        ----------
        name : str
            What the selection is called; a passage's id counts, if it agrees with the offsets.
        text : str
            Of the document, as the file holds it.
        start, end : int
            Half-open, in code points of it.

        Raises
        ------
        RecordError
            If the offsets are wrong, or the text is none of this study's.
        """
        check_offsets(start, end, len(text))
        layout = self._layouts.get(text_hash(line_feeds(text)))
        if layout is None:
            if name in self.passages:
                return name
            raise RecordError(
                "the text is no document of this study, and the selection names no passage",
                hint="code a text that `diptych export` wrote",
            )
        taken = crlf(text)
        found = layout.passage_at(back(start, taken), back(end, taken))
        if name in self.passages and name != found:
            raise RecordError(f"the selection is called {name!r}, but {start} to {end} lies in {found!r}")
        return found


def reject(line: int, error: RecordError, row: object, file: str = "") -> Reject:
    """Return what cannot be taken, with the reason."""
    hint = f" ({error.hint})" if error.hint else ""
    return Reject(line, f"{error}{hint}", canonical(row), file)


def signed(rows: Iterable[Found], coder: str | None, accounts: Mapping[str, str]) -> Iterator[Found]:
    """Yield rows under the coders' pseudonyms; those of nobody, or of an address, are rejected.

    Parameters
    ----------
    rows : iterable
        Of another tool's reader.
    coder : str, optional
        Whose rows those are that name nobody.
    accounts : mapping of str to str
        The other tool's account → the coder's pseudonym here.
    """
    for line, row in rows:
        if not isinstance(row, dict):
            yield line, row
            continue
        named = str(row.get("coder") or "").strip()
        who = accounts.get(named, named) or coder or ""
        if not who:
            yield line, Reject(line, "it does not say who coded this (name the coder with --coder)", canonical(row))
        elif "@" in who:
            why = f"{who!r} is an address, which stays outside the study (give it a name: --as {who}=NAME)"
            yield line, Reject(line, why, canonical(row))
        else:
            yield line, {**row, "coder": who}
