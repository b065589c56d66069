"""What a model could hardly learn, from its card: facets of one value, values of few passages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FEW = 5  # passages of a value: fewer cannot stand in every fold


def scarce(card: Mapping[str, Any]) -> list[str]:
    """Return sentences on the facets and values that a model had too few coded passages to learn from.

    Parameters
    ----------
    card : mapping
        Of a model; its cross-validation counts the gold labels.

    Examples
    --------
    >>> values = [{"value": "dull", "passages": 9}, {"value": "odd", "passages": 2}]
    >>> scarce({"figures": {"cross_validation": {"tone": {"values": values}, "side": {"values": values[:1]}}}})
    ['side: all coded passages are dull, nothing to tell apart', 'fewer than 5 coded passages: tone odd (2)']
    """
    counts = {
        facet: {row["value"]: row["passages"] for row in found["values"]}
        for facet, found in card["figures"]["cross_validation"].items()
    }
    single = [
        f"{facet}: all coded passages are {value}, nothing to tell apart"
        for facet, found in counts.items()
        if len(found) == 1
        for value in found
    ]
    few = [
        f"{facet} {value} ({number})"
        for facet, found in counts.items()
        if len(found) > 1
        for value, number in found.items()
        if number < FEW
    ]
    return [*single, *([f"fewer than {FEW} coded passages: {', '.join(few)}"] if few else [])]
