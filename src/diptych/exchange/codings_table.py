"""Codings as a table: one row a passage with a column a facet, or one row an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from diptych.coding.codings import check_answer, coding_id
from diptych.errors import RecordError, UsageError, nearest
from diptych.exchange.tables import Reject, undefuse
from diptych.files import Row, canonical
from diptych.records import ROLES, Coding, moment, rows_of
from diptych.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


READ_COLUMNS = ("passage", "coder", "role", "facet", "value", "comment", "confidence", "reason", "at")
SHOWN_COLUMNS = ("author", "document", "section", "text")
Key = tuple[str, str, str, str]


@dataclass(slots=True)
class Import:
    """What came out of a table: codings that can be written, rows that cannot, answers known before, rows without."""

    codings: list[Coding] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    unchanged: int = 0
    blank: int = 0
    unread: set[str] = field(default_factory=set)


def read_codings(
    rows: Iterable[tuple[int, Row | Reject | None]],
    schema: Schema,
    passages: Iterable[str],
    present: pd.DataFrame,
    *,
    coder: str | None,
    role: str,
    at: str,
    origin: str,
    literal: bool = False,
) -> Import:
    """Read codings from table rows.

    Parameters
    ----------
    rows : iterable of (line, row)
        As :func:`diptych.exchange.tables.read_table` yields them. Columns: `passage`; facets by name
        (wide), or `facet` and `value` (long); optional `coder`, `role`, `comment`, `confidence`,
        `reason`, `at`. Empty cells are no answer; nor is `None` instead of a row.
    schema : Schema
    passages : iterable of str
        The passages that can be coded.
    present : DataFrame
        The codings that count now: equal answers are not written again, others are superseded.
    coder, role, at, origin : str
        Used where the row has no such column.
    literal : bool, default False
        The texts are no cells of a spreadsheet: a quote before a formula is part of them.

    Returns
    -------
    Import
        A row is taken whole or rejected whole.
    """
    known = set(passages)
    latest: dict[Key, dict[str, Any]] = {
        (row["passage"], row["coder"], row["role"], row["facet"]): row for row in rows_of(present)
    }
    result = Import()
    for line, row in rows:
        if isinstance(row, Reject):
            result.rejects.append(row)
            continue
        if row is None:
            result.blank += 1
            continue
        result.unread |= {column for column in row if not _is_read(column, schema)}
        try:
            said = row if literal else {name: undefuse(v) if isinstance(v, str) else v for name, v in row.items()}
            answers = list(_answers(said, schema, known, coder, role, at, origin))
        except RecordError as error:
            hint = f" ({error.hint})" if error.hint else ""
            result.rejects.append(Reject(line, f"{error}{hint}", canonical(row)))
            continue
        result.blank += not answers
        for answer in answers:
            key = (answer.passage, answer.coder, answer.role, answer.facet)
            old = latest.get(key)
            if old is not None and _says_the_same(answer, old):
                result.unchanged += 1
                continue
            coding = replace(answer, supersedes=old["id"]) if old is not None else answer
            written = coding.row()
            latest[key] = written | {"id": coding_id(written)}
            result.codings.append(coding)
    return result


def _is_read(column: str, schema: Schema) -> bool:
    """Whether a column means something here (a facet, a field, or what `export` writes for reading)."""
    if column in READ_COLUMNS or column in SHOWN_COLUMNS or column.startswith("coder "):
        return True
    return any(column in (facet.id, *facet.was) for facet in schema.facets)


def _says_the_same(answer: Coding, old: Mapping[str, Any]) -> bool:
    """Whether the answer adds nothing: what the table leaves empty is not asked."""
    return (
        answer.value == old.get("value")
        and answer.comment in ("", old.get("comment"))
        and answer.reason in ("", old.get("reason"))
        and (answer.confidence is None or answer.confidence == old.get("confidence"))
    )


def _answers(
    row: Row, schema: Schema, known: set[str], coder: str | None, role: str, at: str, origin: str
) -> Iterator[Coding]:
    who = _text(row.get("coder")) or coder
    if not who:
        raise UsageError("the table has no column 'coder', and none is given", hint="add --coder NAME")
    role = _text(row.get("role")) or role
    if role not in ROLES:
        raise RecordError(f"role: {role!r} is unknown{nearest(role, ROLES)}", hint=f"allowed: {', '.join(ROLES)}")
    passage, reason, pairs = _text(row.get("passage")), _text(row.get("reason")), _pairs(row, schema)
    sure, when = _confidence(row.get("confidence")), _moment(_text(row.get("at")) or at)
    for facet, value in pairs:
        facet_id, value_id = check_answer(schema, known, passage, facet, value, reason, role)
        yield Coding(
            passage,
            who,
            facet_id,
            value_id,
            schema.stamp,
            when,
            origin,
            role=role,
            confidence=sure,
            comment=_text(row.get("comment")),
            reason=reason,
        )


def _pairs(row: Row, schema: Schema) -> list[tuple[str, str]]:
    """The answers of a row as (facet, value); none in a long row whose value is empty."""
    if "facet" in row:
        value = _text(row.get("value"))
        return [(_text(row["facet"]), value)] if value else []
    found: dict[str, str] = {}
    for facet in schema.facets:
        columns = [name for name in (facet.id, *facet.was) if _text(row.get(name))]
        if len(columns) > 1:
            raise RecordError(f"columns {' and '.join(map(repr, columns))} are one facet and both are filled")
        if columns:
            found[facet.id] = _text(row[columns[0]])
    if not found:
        raise RecordError("the row answers no facet", hint=f"facets: {', '.join(schema.facet_ids)}")
    return list(found.items())


def _confidence(cell: object) -> float | None:
    if cell in (None, ""):
        return None
    try:
        sure = float(str(cell))
    except ValueError:
        sure = -1.0
    if not 0 <= sure <= 1:
        raise RecordError(f"confidence: {cell!r} is no number from 0 to 1")
    return sure


def _moment(text: str) -> str:
    try:
        return moment(text).isoformat()
    except ValueError as error:
        raise RecordError(
            f"at: {text!r} is no time", hint="write it as 2026-11-21 or 2026-11-21T10:00:00+00:00"
        ) from error


def _text(cell: object) -> str:
    """The text of a cell."""
    return ("" if cell is None else str(cell)).strip()


def wide_rows(passages: pd.DataFrame, codings: pd.DataFrame, schema: Schema, coder: str | None = None) -> Iterator[Row]:
    """Yield one row a passage for a spreadsheet: place, text, and the answers of one coder (or blanks)."""
    answers = {}
    if coder is not None:
        mine = codings[(codings["coder"] == coder) & (codings["role"] == "coder")]
        answers = {(r.passage, r.facet): r.value for r in mine.itertuples()}
    for p in passages.itertuples():
        row: Row = {"passage": p.passage, "author": p.author, "section": p.section, "text": p.text}
        row |= {facet: answers.get((p.passage, facet), "") for facet in schema.facet_ids}
        row["comment"] = ""
        yield row


def long_rows(codings: Iterable[Row]) -> Iterator[Row]:
    """Yield one row an answer, with everything that `import` reads back."""
    for coding in codings:
        yield {name: coding[name] for name in READ_COLUMNS}


def disputed_rows(passages: pd.DataFrame, disputes: Iterable[Row]) -> Iterator[Row]:
    """Yield one row an answer in dispute: each coder's value, and blanks for the adjudicator."""
    texts = dict(zip(passages["passage"], passages["text"], strict=True))
    disputes = list(disputes)
    names = sorted({name for dispute in disputes for name in dispute["values"]})
    for dispute in disputes:
        yield {
            "passage": dispute["passage"],
            "text": texts.get(dispute["passage"], ""),
            "facet": dispute["facet"],
            **{f"coder {name}": dispute["values"].get(name, "") for name in names},
            "value": dispute["adjudicated"] or "",
            "reason": dispute["reason"],
            "comment": dispute["why"],
        }
