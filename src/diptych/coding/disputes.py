"""The answers on which coders differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from diptych.records import moment
from diptych.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


def disputes(codings: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return every answer on which coders differ, with each one's value and the adjudication, if any."""
    found = []
    for (facet, passage), rows in codings.groupby(["facet", "passage"], sort=False):
        plain = rows[rows["role"] == "coder"]
        if plain["value"].nunique() < 2:
            continue
        judged = rows[rows["role"] == "adjudicator"].sort_values("at", key=lambda at: at.map(moment), kind="stable")
        last = judged.iloc[-1] if len(judged) else None
        found.append(
            {
                "passage": passage,
                "facet": facet,
                "values": dict(zip(plain["coder"], plain["value"], strict=True)),
                "comments": {c: t for c, t in zip(plain["coder"], plain["comment"], strict=True) if t},
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
