"""Rows as they stand in the files of a study. Every row names the version of its format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1


def moment(text: str) -> datetime:
    """Return a time in UTC; without a zone it is taken for UTC.

    Raises
    ------
    ValueError
        If the text is no ISO 8601 time, or one beyond the calendar's years once it is in UTC.

    Examples
    --------
    >>> moment("2026-11-21T10:00:00+08:00").isoformat()
    '2026-11-21T02:00:00+00:00'
    """
    found = datetime.fromisoformat(text)
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error


Status = Literal["coded", "skipped", "deleted"]
STATUSES = ("coded", "skipped", "deleted")
ROLES = ("coder", "adjudicator", "digest")  # a digest coder saw digests only: never counts for gold
REASONS = ("ambiguous text", "gap in the codebook", "slip", "edge case", "judgement")


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of coding: its place in a document and the hash of its text."""

    passage: str
    section: str
    spans: tuple[tuple[int, int], ...]
    words: int
    sha256: str

    def row(self) -> dict[str, Any]:
        """The row of the passage table."""
        return {
            "format": FORMAT,
            "passage": self.passage,
            "section": self.section,
            "spans": [list(span) for span in self.spans],
            "words": self.words,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class Coding:
    """One answer: what a coder says of a passage in a facet, with everything needed to weigh it."""

    passage: str
    coder: str
    facet: str
    value: str | None
    schema: dict[str, str]
    at: str
    origin: str
    role: str = "coder"
    status: Status = "coded"
    supersedes: str | None = None
    confidence: float | None = None
    comment: str = ""
    reason: str = ""
    lead_time: float | None = None
    suggestion: dict[str, Any] | None = field(default=None)
    flags: tuple[str, ...] = ()
    edited_by: str = ""

    def row(self) -> dict[str, Any]:
        """The row of a codings file; what is empty is left out, a withheld suggestion is null."""
        row: dict[str, Any] = {"format": FORMAT, **{name: getattr(self, name) for name in self.__slots__}}
        row["flags"] = list(self.flags)
        optional = ("supersedes", "confidence", "comment", "reason", "lead_time", "flags", "edited_by")
        for name in optional:
            if row[name] in (None, "", []):
                del row[name]
        if row["role"] == "coder":
            del row["role"]
        return row


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as plain objects, `None` for what is missing."""
    return cast("list[dict[str, Any]]", frame.astype(object).where(frame.notna(), None).to_dict("records"))


def plain(value: Any) -> Any:
    """Return what JSON does not know as something that it knows: a number of numpy's as Python's, the rest as text.

    >>> import json, numpy
    >>> json.dumps([numpy.float64(0.5), numpy.int64(3), numpy.bool_(True), moment("2026-11-21")], default=plain)
    '[0.5, 3, true, "2026-11-21 00:00:00+00:00"]'
    """
    return value.item() if hasattr(value, "item") else str(value)


def rows_by(name: str, found: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the rows of several tables as those of one, whose first column names the table that a row is from.

    >>> rows_by("facet", {"tone": [{"n": 1}, {"n": 2}], "topic": [{"n": 3}]})
    [{'facet': 'tone', 'n': 1}, {'facet': 'tone', 'n': 2}, {'facet': 'topic', 'n': 3}]
    """
    return [{name: key, **row} for key, rows in found.items() for row in rows]
