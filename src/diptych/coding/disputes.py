"""The answers on which coders differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from diptych.records import moment, rows_of
from diptych.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


def disputes(codings: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return every answer on which coders differ, with each one's value and the adjudication, if any."""
    plain = codings[codings["role"] == "coder"]
    values = plain.groupby(["facet", "passage"], sort=False)["value"].nunique()
    answers: dict[tuple[str, str], list[dict[str, Any]]] = {place: [] for place in values.index[values.gt(1)]}
    for row in rows_of(codings[["passage", "facet", "coder", "role", "value", "comment", "reason", "at"]]):
        if (row["facet"], row["passage"]) in answers:
            answers[row["facet"], row["passage"]].append(row)
    found = []
    for (facet, passage), rows in answers.items():
        mine = [row for row in rows if row["role"] == "coder"]
        judged = sorted((row for row in rows if row["role"] == "adjudicator"), key=lambda row: moment(row["at"]))
        last = judged[-1] if judged else None
        found.append(
            {
                "passage": passage,
                "facet": facet,
                "values": {row["coder"]: row["value"] for row in mine},
                "comments": {row["coder"]: row["comment"] for row in mine if row["comment"]},
                "adjudicated": None if last is None else last["value"],
                "reason": "" if last is None else last["reason"],
                "why": "" if last is None else last["comment"],
            }
        )
    order = {name: position for position, name in enumerate(schema.facet_ids)}
    return sorted(found, key=lambda row: (row["passage"], order[row["facet"]]))


def dispute_rows(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return disputes as flat rows, one column a coder, all rows with the same columns.

    Examples
    --------
    >>> one = {"passage": "a:1", "facet": "tone", "values": {"mira": "dull", "jo": "odd"}}
    >>> dispute_rows([{**one, "adjudicated": None, "reason": "", "why": ""}])[0]["mira"]
    'dull'
    """
    names = dict.fromkeys(name for row in found for name in row["values"])
    return [
        {
            "passage": row["passage"],
            "facet": row["facet"],
            **{name: row["values"].get(name, "") for name in names},
            "adjudicated": row["adjudicated"] or "",
            "reason": row["reason"],
            "why": row["why"],
        }
        for row in found
    ]
