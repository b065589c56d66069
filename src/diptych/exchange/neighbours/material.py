"""What leaves a study for another tool, and the names under which it is known there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diptych.coding.codings import load_codings
from diptych.documents.passages import load_passages
from diptych.errors import RecordError, UsageError, nearest
from diptych.exchange.neighbours.layout import Layout, layouts_of
from diptych.files import Row
from diptych.records import rows_of
from diptych.schema import Schema
from diptych.study import Study

NOTES = ("coder", "role", "at", "comment", "reason", "confidence")
CODED = "coded"  # the labels as they were exported: whether somebody changed them there
TEXTS = {
    "original": "the documents' own text: not for publication",
    "digest": "digests in our own words",
    "none": "no text, only the ids of passages",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What one coder says of one passage at one time, with one comment: facet → value."""

    passage: str
    notes: Mapping[str, Any]
    values: dict[str, str]

    @property
    def coder(self) -> str:
        """Who says it."""
        return str(self.notes["coder"])

    @property
    def role(self) -> str:
        """In which role."""
        return str(self.notes.get("role", "coder"))

    def noted(self) -> Row:
        """Return what another tool is given to keep, so that unchanged answers stay their coder's."""
        return {**self.notes, CODED: labels(self.values)}


@dataclass(frozen=True, slots=True)
class Material:
    """A study as other tools are given it."""

    study: str
    title: str
    schema: Schema
    passages: list[Row]
    codings: list[Row]
    layouts: list[Layout]

    def said(self) -> list[Said]:
        """Return the codings, those of one coder, time and comment on a passage together."""
        return group(self.codings)

    def by_passage(self) -> Iterator[tuple[Row, list[Said]]]:
        """Yield every passage with what is said of it, in reading order."""
        found = defaultdict(list)
        for said in self.said():
            found[said.passage].append(said)
        for passage in self.passages:
            yield passage, found[passage["passage"]]

    @property
    def texts(self) -> str:
        """What kind of text goes out, in words."""
        kinds = {row["source"] for row in self.passages}
        return "; ".join(words for kind, words in TEXTS.items() if kind in kinds)


def load_material(study: Study, *, originals: bool = False, coder: str | None = None, blank: bool = False) -> Material:
    """Read what goes out.

    Parameters
    ----------
    study : Study
    originals : bool, default False
        The documents' own text; else digests, and where there is none only the ids of passages.
    coder : str, optional
        Only this one's answers.
    blank : bool, default False
        Passages without answers, to be coded.

    Raises
    ------
    StudyError
        If there is no passage.
    UsageError
        If there is no such coder.
    """
    passages = rows_of(load_passages(study, originals=originals))
    known = {row["passage"] for row in passages}
    codings = [] if blank else [row for row in rows_of(load_codings(study)) if row["passage"] in known]
    if coder is not None:
        names = sorted({row["coder"] for row in codings})
        codings = [row for row in codings if row["coder"] == coder]
        if not codings:
            raise UsageError(
                f"nothing is coded by {coder!r}{nearest(coder, names)}", hint=f"coders: {', '.join(names)}"
            )
    settings = study.settings
    return Material(
        settings.name,
        settings.title or settings.name,
        study.schema,
        passages,
        codings,
        layouts_of(study, originals=originals),
    )


def group(codings: Iterable[Row]) -> list[Said]:
    """Return codings that share passage, coder, role, time, comment, reason and confidence as one."""
    found: dict[tuple[Any, ...], Said] = {}
    for row in codings:
        notes = {name: row[name] for name in NOTES if row[name] not in (None, "")}
        if notes.get("role") == "coder":
            del notes["role"]
        key = (row["passage"], *(row[name] for name in NOTES))
        found.setdefault(key, Said(row["passage"], notes, {})).values[row["facet"]] = row["value"]
    return sorted(found.values(), key=lambda said: (said.passage, said.coder, said.role))


def or_none(said: Sequence[Said]) -> Sequence[Said | None]:
    """Return what is said, or a single nothing: a passage that nobody coded goes out, too."""
    return said or (None,)


def shown(passage: Row) -> str:
    """Return what a tool shows of a passage: its text, or its id in brackets where there is none.

    >>> shown({"passage": "a:1", "text": ""})
    '[a:1]'
    """
    return str(passage["text"]) or f"[{passage['passage']}]"


def labels(values: Mapping[str, str]) -> list[str]:
    """Return answers as labels of a tool that knows no facets.

    >>> labels({"topic": "money", "tone": "against"})
    ['topic:money', 'tone:against']
    """
    return [f"{facet}:{value}" for facet, value in values.items()]


def unlabel(label: object, schema: Schema) -> tuple[str, str]:
    """Return facet and value that a label names: `facet:value`, or a value that only one facet has.

    Raises
    ------
    RecordError
        If no facet has it, or several do.
    """
    text = str(label).strip()
    facet, colon, value = text.partition(":")
    if colon and any(facet.strip() in (f.id, *f.was) for f in schema.facets):
        return facet.strip(), value.strip()
    found = [f.id for f in schema.facets if any(text in (v.id, *v.was) for v in f.values)]
    if len(found) == 1:
        return found[0], text
    every = [f"{f.id}:{value}" for f in schema.facets for value in f.value_ids]
    why = f"label {text!r} is a value of {' and of '.join(found)}" if found else f"unknown label {text!r}"
    raise RecordError(f"{why}{nearest(text, every)}", hint="labels are called facet:value")


def values_of(found: Iterable[object], schema: Schema) -> dict[str, str]:
    """Return facet → value of labels.

    Raises
    ------
    RecordError
        If a label is unknown, or a facet is answered twice.
    """
    values: dict[str, str] = {}
    for label in found:
        facet, value = unlabel(label, schema)
        if values.get(facet, value) != value:
            raise RecordError(f"{facet}: two values on a single choice ({values[facet]}, {value})")
        values[facet] = value
    return values


def credited(values: Mapping[str, str], row: Mapping[str, Any], account: str = "") -> Row:
    """Return values as a row to import, with who said them and when.

    What was exported and is unchanged is still its coder's; what was changed is the account's that
    the other tool names, and its time and comment are no longer true.

    Parameters
    ----------
    values : mapping of str to str
        Facet → value.
    row : mapping
        What the tool kept of :meth:`Said.noted`.
    account : str
        Who is at work in the tool, where it says so.
    """
    notes = {name: row[name] for name in NOTES if row.get(name) not in (None, "")}
    before = row.get(CODED)
    if isinstance(before, list | str):
        before = before.split() if isinstance(before, str) else before
        if not same(before, labels(values)):
            notes = {"coder": account} if account else {}
    elif account:
        notes["coder"] = account
    return {**notes, **values}


def same(one: Collection[object], other: Collection[object]) -> bool:
    """Whether two lists of labels say the same."""
    return set(map(str, one)) == set(map(str, other))
