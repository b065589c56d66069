"""Divergence: how far the distributions of two authors lie apart, and how much of that is noise."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.analysis.counts import SMALL_CELL, Counts, count_cells
from diptych.errors import CodingError
from diptych.schema import Facet, Schema

SHUFFLES = 2000
NO_TEST = (
    "With one document an author, author and document cannot be told apart: the figures describe these "
    "documents, and no p-value for the authors is given."
)
NOISE = (
    "Jensen-Shannon divergence is never negative and is biased upward in small tables: compare it with the "
    "mean under shuffling (the size of noise when {unit}s are dealt to the authors at random); the corrected "
    "value, from leaving out one {unit} at a time, may be negative."
)
Floats = NDArray[np.float64]


def jensen_shannon(first: Floats, second: Floats) -> Floats:
    """Return the Jensen-Shannon divergence in bits between distributions, equal weights.

    Parameters
    ----------
    first, second : arrays of shape (..., cells)
        Counts or shares; each is scaled to sum to 1. A table without any count gives 0.

    Returns
    -------
    array of shape (...)
        Between 0 (equal) and 1 (nothing in common).

    References
    ----------
    Lin, J. (1991). Divergence measures based on the Shannon entropy.

    Examples
    --------
    >>> round(float(jensen_shannon(np.array([30, 10, 5, 5.]), np.array([10, 30, 5, 5.]))), 6)
    0.150978
    """
    p, q = _normalised(first), _normalised(second)
    mean = (p + q) / 2
    return np.asarray(np.maximum(_entropy(mean) - (_entropy(p) + _entropy(q)) / 2, 0.0))


def _normalised(counts: Floats) -> Floats:
    counts = np.asarray(counts, dtype=float)
    total = counts.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    return shares


def _entropy(shares: Floats) -> Floats:
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=-1))


def jackknife(first: Floats, second: Floats) -> float:
    """Return the two-sample jackknife of the divergence, in bits; may be negative.

    Parameters
    ----------
    first, second : arrays of shape (blocks, cells)
        Counts of each author, one row a block (section or document).

    References
    ----------
    Quenouille, M. H. (1956). Notes on bias in estimation; blocks are left out of each sample in turn.

    Examples
    --------
    >>> same = np.array([[4., 2.], [3., 3.], [5., 1.]])
    >>> jackknife(same, same) < 0
    True
    """
    a, b = first.sum(axis=0), second.sum(axis=0)
    whole = float(jensen_shannon(a, b))
    bias = 0.0
    if len(first) > 1:
        bias += (len(first) - 1) * (float(jensen_shannon(a - first, b).mean()) - whole)
    if len(second) > 1:
        bias += (len(second) - 1) * (float(jensen_shannon(a, b - second).mean()) - whole)
    return whole - bias


def shuffled(first: Floats, second: Floats, seed: int, draws: int = SHUFFLES) -> Floats:
    """Return the divergence when blocks are dealt to the two authors at random, `draws` times.

    Parameters
    ----------
    first, second : arrays of shape (blocks, cells)
    seed, draws : int

    Returns
    -------
    array of shape (draws,)
        Each author keeps the number of blocks.
    """
    blocks = np.vstack([first, second])
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(len(blocks)), (draws, 1)), axis=1)
    chosen = np.zeros((draws, len(blocks)))
    np.put_along_axis(chosen, order[:, : len(first)], 1.0, axis=1)
    mine = chosen @ blocks
    return jensen_shannon(mine, blocks.sum(axis=0) - mine)


def divergence(
    passages: pd.DataFrame, labels: pd.DataFrame, schema: Schema, *, by: str = "author", seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the divergence per facet, and the differences per cell, for every pair of authors.

    Parameters
    ----------
    passages : DataFrame
        As :func:`diptych.load_passages` returns it.
    labels : DataFrame
        Index passage, one column a facet.
    schema : Schema
    by : str
    seed : int

    Returns
    -------
    facets : DataFrame
        first, second, facet, bits (plug-in), corrected (jackknife), noise (mean under shuffling),
        noise_high (95 % point under shuffling), cells, passages_first, passages_second, unit.
    cells : DataFrame
        first, second, facet, value, count_first, of_first, count_second, of_second, share_first,
        share_second, difference (first minus second, -1 to 1), bits (the cell's part), small.

    Raises
    ------
    CodingError
        If fewer than two groups have labels.

    Examples
    --------
    >>> import diptych
    >>> facets, cells = diptych.divergence(diptych.Study.bundled())
    >>> facets.facet.tolist()
    ['perspective', 'domain', 'stance', 'perspective x domain']
    """
    questions: list[Sequence[Facet]] = [[facet] for facet in schema.facets]
    if len(schema.cells) == 2:
        questions.append(schema.cells)
    facet_rows, cell_rows = [], []
    for facets in questions:
        counts = count_cells(passages, labels, facets, by=by)
        if len(counts.names) < 2:
            raise CodingError(
                f"divergence compares two of {by}, and labels exist for {len(counts.names)}",
                hint="code passages of a second author, or compare by another column",
            )
        name = " x ".join(facet.id for facet in facets)
        for first, second in combinations(counts.names, 2):
            facet_rows.append({"first": first, "second": second, "facet": name, **_facet(counts, first, second, seed)})
            pair = {"first": first, "second": second, "facet": name}
            cell_rows += [pair | row for row in _cells(counts, first, second)]
    return pd.DataFrame(facet_rows), pd.DataFrame(cell_rows)


def _facet(counts: Counts, first: str, second: str, seed: int) -> dict[str, object]:
    a, b = counts.of(first), counts.of(second)
    noise = shuffled(a, b, seed)
    return {
        "bits": float(jensen_shannon(a.sum(axis=0), b.sum(axis=0))),
        "corrected": jackknife(a, b),
        "noise": float(noise.mean()),
        "noise_high": float(np.quantile(noise, 0.95)),
        "cells": len(counts.cells),
        "passages_first": int(a.sum()),
        "passages_second": int(b.sum()),
        "unit": counts.unit,
    }


def _cells(counts: Counts, first: str, second: str) -> list[dict[str, object]]:
    a, b = counts.of(first).sum(axis=0), counts.of(second).sum(axis=0)
    p, q = _normalised(a), _normalised(b)
    mean = (p + q) / 2
    part = np.zeros(len(counts.cells))
    for shares in (p, q):
        ratio = np.divide(shares, mean, out=np.ones_like(mean), where=mean > 0)
        part += shares * np.log2(ratio, out=np.zeros_like(ratio), where=ratio > 0) / 2
    return [
        {
            "value": cell,
            "count_first": int(a[i]),
            "of_first": int(a.sum()),
            "count_second": int(b[i]),
            "of_second": int(b.sum()),
            "share_first": float(p[i]),
            "share_second": float(q[i]),
            "difference": float(p[i] - q[i]),
            "bits": float(part[i]),
            "small": bool(a[i] + b[i] < SMALL_CELL),
        }
        for i, cell in enumerate(counts.cells)
    ]


def largest(cells: pd.DataFrame, facet: str | None = None, number: int = 3) -> pd.DataFrame:
    """Return the largest observed differences over cells of at least 5 passages."""
    rows = cells[~cells["small"]]
    if facet is not None:
        rows = rows[rows["facet"] == facet]
    order = rows["difference"].abs().sort_values(ascending=False, kind="stable").index
    return rows.loc[order[:number]]


def divergence_notes(facets: pd.DataFrame, documents: pd.Series) -> list[str]:
    """Return the sentences that must stand beside divergence; `documents`: their number per author."""
    unit = facets["unit"].iloc[0] if len(facets) else "section"
    notes = [NOISE.format(unit=unit)]
    if (documents < 2).any():
        notes.append(NO_TEST)
    notes.append(
        f"“Largest observed” is said for a maximum over cells of at least {SMALL_CELL} passages; "
        "smaller cells are marked."
    )
    return notes
