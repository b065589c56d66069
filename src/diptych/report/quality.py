"""How good the classifier is on passages that it had not seen: figures, calibration, what it gets wrong."""

from __future__ import annotations

from typing import Any

from diptych.report.contents import Contents
from diptych.report.marks import heat_level
from diptych.schema import Facet

STEPS = 10  # of a risk-coverage curve, in numbers


def quality_section(contents: Contents) -> dict[str, Any]:
    """Return what the section on the classifier shows.

    Returns
    -------
    dict
        `rows`: the figures; `facets`: per facet the bins of the reliability diagram, the risk-coverage curve (as points
        of SVG and as steps), the confusion matrix, Brier score and expected calibration error; `mistakes`.
    """
    found = contents.quality
    scores = contents.model.card["figures"].get("calibration", {}) if contents.model else {}
    charts = []
    for facet in contents.schema.facets:
        mine = {
            name: [r for r in found.get(name, []) if r["facet"] == facet.id]
            for name in ("calibration", "risk", "confusion")
        }
        if mine["calibration"]:
            charts.append(
                {
                    "facet": facet,
                    "bins": [
                        bin_ | {"radius": _radius(bin_["passages"], mine["calibration"])}
                        for bin_ in mine["calibration"]
                    ],
                    **_risk(mine["risk"]),
                    "confusion": _matrix(facet, mine["confusion"]),
                    "brier": scores.get(facet.id, {}).get("brier"),
                    "ece": scores.get(facet.id, {}).get("ece"),
                }
            )
    return {"rows": found.get("evaluation", []), "facets": charts, "mistakes": found.get("mistakes", [])}


def _radius(number: int, bins: list[dict[str, Any]]) -> float:
    """Of a dot whose area stands for passages."""
    return float(round(1.5 + 3 * (number / max(row["passages"] for row in bins)) ** 0.5, 2))


def _risk(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The curve from few answers to all, as points in a square of 100, and ten of its steps."""
    rows = sorted(rows, key=lambda row: row["answered"])
    line = [f"{100 * row['answered']:.1f},{100 - 100 * row['wrong']:.1f}" for row in rows]
    bound = [f"{100 * row['answered']:.1f},{100 - 100 * row['wrong_high']:.1f}" for row in reversed(rows)]
    places = sorted({round(i * (len(rows) - 1) / (STEPS - 1)) for i in range(STEPS)})
    return {
        "risk_line": " ".join(line),
        "risk_band": " ".join([*line, *bound]),
        "risk_steps": [rows[i] for i in places],
    }


def _matrix(facet: Facet, cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    number = {(row["gold"], row["predicted"]): row["passages"] for row in cells}
    lines = []
    for gold in facet.values:
        whole = sum(number.get((gold.id, value.id), 0) for value in facet.values)
        lines.append(
            {
                "value": gold,
                "cells": [
                    {
                        "value": value,
                        "passages": number.get((gold.id, value.id), 0),
                        "level": heat_level(number.get((gold.id, value.id), 0), whole),
                        "right": gold.id == value.id,
                    }
                    for value in facet.values
                ],
            }
        )
    return lines
