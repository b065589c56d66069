"""Divergence: how far the distributions of two authors lie apart, and how much of that is noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.analysis.counts import SEPARATOR, SMALL_CELL, Counts
from diptych.analysis.evidence import Evidence
from diptych.analysis.measures import (
    contributions,
    generalised_jensen_shannon,
    jackknife,
    jensen_shannon,
    normalised,
    total_variation,
)
from diptych.analysis.multiplicity import benjamini_hochberg, holm, max_t, permutation_p
from diptych.analysis.resampling import SHUFFLES, deals, difference_interval
from diptych.errors import CodingError
from diptych.schema import Facet, Schema

EVERYONE = "(all)"
NO_TEST = (
    "With one document an author, author and document cannot be told apart: the figures describe these "
    "documents, and no p-value for the authors is given."
)
NOISE = (
    "Jensen-Shannon divergence is never negative and is biased upward in small tables: compare it with the "
    "mean under shuffling (the size of noise when {unit}s are dealt to the authors at random); the corrected "
    "value, from leaving out one {unit} at a time, may be negative."
)
TEST = (
    "p: how often documents dealt to the authors at random differ at least as much, (1 + b) / (1 + B) with "
    "B = {draws} (or all other ways to deal them, where they are fewer); the smallest attainable with these "
    "documents is {least}. Intervals: documents drawn anew. Adjusted over the cells of a facet: "
    "Benjamini-Hochberg for screening, Holm and max-T for claims."
)
Floats = NDArray[np.float64]


def questions(schema: Schema) -> list[Sequence[Facet]]:
    """Return what is compared: every facet, and the crossed facets."""
    found: list[Sequence[Facet]] = [[facet] for facet in schema.facets]
    return [*found, schema.cells] if len(schema.cells) == 2 else found


def divergence(
    evidence: Evidence, schema: Schema, *, by: str = "author", seed: int = 0, draws: int = SHUFFLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the divergence per facet, and the differences per cell, for every pair of authors.

    Parameters
    ----------
    evidence : Evidence
        Counts, or estimates: then the correction is repeated in every draw.
    schema : Schema
    by : str
    seed, draws : int

    Returns
    -------
    facets : DataFrame
        first, second, facet (`perspective | domain = energy`: perspective among the passages on energy), bits
        (plug-in), distance (its square root), corrected (jackknife), noise (mean under shuffling), noise_low
        and noise_high (5 and 95 % points), total_variation, p and least_p (missing with one document an
        author), cells, passages_first, passages_second, unit. With more than two authors a row of all
        together, first and second being `(all)`.
    cells : DataFrame
        first, second, facet, value, count_first, of_first, count_second, of_second, share_first,
        share_second, difference (first minus second, -1 to 1), bits (the cell's part), signed (the same with
        the difference's sign), low and high (95 % interval of the difference), p, p_bh, p_holm, p_max_t
        (missing with one document an author), small.

    Raises
    ------
    CodingError
        If fewer than two groups have labels.

    Examples
    --------
    >>> import diptych
    >>> facets, cells = diptych.divergence(diptych.Study.bundled())
    >>> facets.facet.tolist()[:4]
    ['perspective', 'domain', 'stance', 'perspective x domain']
    """
    facet_rows, cell_rows = [], []
    evidence = evidence.compact(schema.facets, by)
    for facets in questions(schema):
        counts = evidence.count(facets, by=by)
        if len(counts.names) < 2:
            raise CodingError(
                f"divergence compares two of {by}, and labels exist for {len(counts.names)}",
                hint="code passages of a second author, or compare by another column",
            )
        name = " x ".join(facet.id for facet in facets)
        for first, second in combinations(counts.names, 2):
            pair = {"first": first, "second": second, "facet": name}
            facet_rows.append(pair | _facet(counts, first, second, seed, draws))
            cell_rows += [pair | row for row in _cells(counts, first, second, seed, draws)]
        if len(counts.names) > 2:
            facet_rows.append({"first": EVERYONE, "second": EVERYONE, "facet": name, **_everyone(counts)})
    if len(schema.cells) == 2:
        facet_rows += _within(evidence.count(schema.cells, by=by), schema.cells, seed, draws)
    table = pd.DataFrame(facet_rows)
    return table.astype(object).where(table.notna(), None), _plain(pd.DataFrame(cell_rows))


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    loose = ["low", "high", "p", "p_bh", "p_holm", "p_max_t"]
    return table.astype(dict.fromkeys(loose, object)).where(table.notna(), None)


def _within(counts: Counts, facets: Sequence[Facet], seed: int, draws: int) -> Iterator[dict[str, Any]]:
    """The first crossed facet within every value of the second, where both have enough passages."""
    first_facet, given = facets
    for value in given.value_ids:
        keep = [i for i, cell in enumerate(counts.cells) if cell.split(SEPARATOR)[1] == value]
        part = Counts(counts.table[:, keep], counts.groups, first_facet.value_ids, counts.unit)
        for first, second in combinations(counts.names, 2):
            if min(part.of(first).sum(), part.of(second).sum()) >= SMALL_CELL:
                name = f"{first_facet.id} | {given.id} = {value}"
                yield {"first": first, "second": second, "facet": name, **_facet(part, first, second, seed, draws)}


def _facet(counts: Counts, first: str, second: str, seed: int, draws: int) -> dict[str, object]:
    a, b = counts.of(first), counts.of(second)
    mine = deals(a, b, seed, draws)
    noise = jensen_shannon(mine, a.sum(axis=0) + b.sum(axis=0) - mine)
    bits = float(jensen_shannon(a.sum(axis=0), b.sum(axis=0)))
    everything = np.append(noise, bits)  # as it is, is one of the ways to deal
    low, high = np.quantile(everything, [0.05, 0.95])
    tested = counts.unit == "document"
    return {
        "bits": bits,
        "distance": float(np.sqrt(bits)),
        "corrected": jackknife(a, b),
        "noise": float(everything.mean()),
        "noise_low": float(low),
        "noise_high": float(high),
        "total_variation": total_variation(a.sum(axis=0), b.sum(axis=0)),
        "p": float(permutation_p(bits, noise)) if tested else None,
        "least_p": least_p(len(a), len(b), draws) if tested else None,
        "cells": len(counts.cells),
        "passages_first": round(float(a.sum())),
        "passages_second": round(float(b.sum())),
        "unit": counts.unit,
    }


def _everyone(counts: Counts) -> dict[str, object]:
    tables = np.stack([counts.of(name).sum(axis=0) for name in counts.names])
    bits = float(generalised_jensen_shannon(tables))
    return {
        "bits": bits,
        "distance": float(np.sqrt(bits)),
        "cells": len(counts.cells),
        "passages_first": round(float(tables.sum())),
        "passages_second": round(float(tables.sum())),
        "unit": counts.unit,
    }


def least_p(first: int, second: int, draws: int) -> float:
    """Return the smallest p-value that dealing documents can give.

    Examples
    --------
    >>> round(least_p(3, 3, 9999), 3)
    0.1
    """
    from math import comb

    ways = comb(first + second, first) // (2 if first == second else 1)  # equal numbers: mirrored deals are alike
    return 1 / min(ways, 1 + draws)  # whole numbers: the ways to deal a thousand documents are no float


def _cells(counts: Counts, first: str, second: str, seed: int, draws: int) -> list[dict[str, object]]:
    blocks_a, blocks_b = counts.of(first), counts.of(second)
    a, b = blocks_a.sum(axis=0), blocks_b.sum(axis=0)
    p, q = normalised(a), normalised(b)
    signed = contributions(a, b)
    tests: dict[str, Floats] = {}
    if counts.unit == "document":
        low, high = difference_interval(blocks_a, blocks_b, seed, draws)
        mine = deals(blocks_a, blocks_b, seed, draws)
        moved = normalised(mine) - normalised(a + b - mine)
        raw = permutation_p(np.abs(p - q), np.abs(moved))
        tests = {"low": low, "high": high, "p": raw, "p_bh": benjamini_hochberg(raw), "p_holm": holm(raw)}
        tests["p_max_t"] = max_t(p - q, moved)
    return [
        {
            "value": cell,
            "count_first": round(float(a[i])),
            "of_first": round(float(a.sum())),
            "count_second": round(float(b[i])),
            "of_second": round(float(b.sum())),
            "share_first": float(p[i]),
            "share_second": float(q[i]),
            "difference": float(p[i] - q[i]),
            "bits": float(abs(signed[i])),
            "signed": float(signed[i]),
            **{name: float(tests[name][i]) if tests else None for name in _TESTS},
            "small": bool(a[i] + b[i] < SMALL_CELL),
        }
        for i, cell in enumerate(counts.cells)
    ]


_TESTS = ("low", "high", "p", "p_bh", "p_holm", "p_max_t")


def largest(cells: pd.DataFrame, facet: str | None = None, number: int = 3) -> pd.DataFrame:
    """Return the largest observed differences over cells of at least 5 passages."""
    rows = cells[~cells["small"].astype(bool)]
    if facet is not None:
        rows = rows[rows["facet"] == facet]
    order = rows["difference"].abs().sort_values(ascending=False, kind="stable").index
    return rows.loc[order[:number]]


def divergence_notes(facets: pd.DataFrame, draws: int = SHUFFLES) -> list[str]:
    """Return the sentences that must stand beside divergence."""
    unit = facets["unit"].iloc[0] if len(facets) else "section"
    notes = [NOISE.format(unit=unit)]
    least: list[float] = facets["least_p"].dropna().tolist() if "least_p" in facets else []
    notes.append(TEST.format(draws=draws, least=f"{max(least):.3g}") if len(least) else NO_TEST)
    notes.append(
        f"“Largest observed” is said for a maximum over cells of at least {SMALL_CELL} passages; "
        "smaller cells are marked."
    )
    return notes
