"""Codings as a table: one row a passage with a column a facet, or one row an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING

from diptych.coding.codings import check_answer
from diptych.errors import RecordError, UsageError
from diptych.exchange.tables import Reject
from diptych.files import Row, canonical
from diptych.records import Coding
from diptych.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Import:
    """What came out of a table: codings that can be written, rows that cannot, answers known before."""

    codings: list[Coding] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    unchanged: int = 0


def read_codings(
    rows: Iterable[tuple[int, Row | Reject]],
    schema: Schema,
    passages: Iterable[str],
    present: pd.DataFrame,
    *,
    coder: str | None,
    role: str,
    at: str,
    origin: str,
) -> Import:
    """Read codings from table rows.

    Parameters
    ----------
    rows : iterable of (line, row)
        As :func:`diptych.exchange.tables.read_table` yields them. Columns: `passage`; facets by name
        (wide), or `facet` and `value` (long); optional `coder`, `role`, `comment`, `confidence`,
        `reason`, `at`. Empty facet cells are no answer.
    schema : Schema
    passages : iterable of str
        The passages that can be coded.
    present : DataFrame
        The codings that count now: equal answers are not written again.
    coder, role, at, origin : str
        Used where the row has no such column.

    Returns
    -------
    Import
        A row is taken whole or rejected whole.
    """
    known = set(passages)
    latest = {
        (r.passage, r.coder, r.role, r.facet): (
            r.value,
            r.comment or "",
            r.reason or "",
            _number(r.confidence),
        )
        for r in present.itertuples()
    }
    result = Import()
    for line, row in rows:
        if isinstance(row, Reject):
            result.rejects.append(row)
            continue
        try:
            answers = list(_answers(row, schema, known, coder, role, at, origin))
        except RecordError as error:
            result.rejects.append(
                Reject(line, f"{error}{f' ({error.hint})' if error.hint else ''}", canonical(row))
            )
            continue
        for answer in answers:
            key = (answer.passage, answer.coder, answer.role, answer.facet)
            said = (answer.value, answer.comment, answer.reason, answer.confidence)
            if latest.get(key) == said:
                result.unchanged += 1
                continue
            latest[key] = said
            result.codings.append(answer)
    return result


def _answers(
    row: Row, schema: Schema, known: set[str], coder: str | None, role: str, at: str, origin: str
) -> Iterator[Coding]:
    who = _text(row.get("coder")) or coder
    if not who:
        raise UsageError("the table has no column 'coder', and none is given", hint="add --coder NAME")
    role = _text(row.get("role")) or role
    passage = _text(row.get("passage"))
    pairs = _pairs(row, schema)
    if not pairs:
        raise RecordError("the row answers no facet", hint=f"facets: {', '.join(schema.facet_ids)}")
    confidence = row.get("confidence")
    try:
        sure = None if confidence in (None, "") else float(str(confidence))
    except ValueError:
        sure = -1.0
    if sure is not None and not 0 <= sure <= 1:
        raise RecordError(f"confidence: {confidence!r} is no number from 0 to 1")
    reason = _text(row.get("reason"))
    for facet, value in pairs:
        facet_id, value_id = check_answer(schema, known, passage, facet, value, reason, role)
        yield Coding(
            passage,
            who,
            facet_id,
            value_id,
            schema.stamp,
            _text(row.get("at")) or at,
            origin,
            role=role,
            confidence=sure,
            comment=_text(row.get("comment")),
            reason=reason,
        )


def _pairs(row: Row, schema: Schema) -> list[tuple[str, str]]:
    if "facet" in row:
        return [(_text(row["facet"]), _text(row.get("value")))]
    names = {name: facet.id for facet in schema.facets for name in (facet.id, *facet.was)}
    return [(names[column], _text(cell)) for column, cell in row.items() if column in names and _text(cell)]


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isnan(value) else None


def wide_rows(
    passages: pd.DataFrame, codings: pd.DataFrame, schema: Schema, coder: str | None = None
) -> Iterator[Row]:
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
