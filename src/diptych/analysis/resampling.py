"""Shuffling and drawing anew, on count tables: the cost depends on blocks and cells, not on passages."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from diptych.analysis.measures import jensen_shannon, normalised

Floats = NDArray[np.float64]
SHUFFLES = 2000
AT_ONCE = 4_000_000  # numbers held at a time


def _chunks(draws: int, width: int) -> list[int]:
    step = max(1, AT_ONCE // max(width, 1))
    return [min(step, draws - start) for start in range(0, draws, step)]


def dealt(first: Floats, second: Floats, seed: int, draws: int = SHUFFLES) -> Floats:
    """Return the first author's table when blocks are dealt to the two authors at random, `draws` times.

    Parameters
    ----------
    first, second : arrays of shape (blocks, cells)
    seed, draws : int

    Returns
    -------
    array of shape (draws, cells)
        Each author keeps the number of blocks; the second's table is what is left.
    """
    blocks = np.vstack([first, second])
    rng = np.random.default_rng(seed)
    parts = []
    for number in _chunks(draws, len(blocks)):
        order = rng.random((number, len(blocks))).argpartition(len(first) - 1, axis=1)
        chosen = np.zeros((number, len(blocks)))
        np.put_along_axis(chosen, order[:, : len(first)], 1.0, axis=1)
        parts.append(chosen @ blocks)
    return np.vstack(parts)


def deals(first: Floats, second: Floats, seed: int, draws: int = SHUFFLES) -> Floats:
    """Return the first author's table for every other way to deal the blocks; where they are many, for `draws` of them.

    With every way counted, p = (1 + b) / (1 + B) is exact.
    """
    n, k = len(first) + len(second), len(first)
    if comb(n, k) > draws:
        return dealt(first, second, seed, draws)
    blocks = np.vstack([first, second])
    ways = list(combinations(range(n), k))[1:]  # the first is as it is
    return np.array([blocks[list(way)].sum(axis=0) for way in ways]).reshape(len(ways), blocks.shape[1])


def shuffled(first: Floats, second: Floats, seed: int, draws: int = SHUFFLES) -> Floats:
    """Return the divergence in bits when blocks are dealt to the two authors at random: shape (draws,)."""
    mine = dealt(first, second, seed, draws)
    return jensen_shannon(mine, first.sum(axis=0) + second.sum(axis=0) - mine)


def drawn_anew(blocks: Floats, seed: int, draws: int = SHUFFLES) -> Floats:
    """Return tables of one author when blocks are drawn anew with replacement: shape (draws, cells).

    References
    ----------
    Efron, B. and Tibshirani, R. (1993). An introduction to the bootstrap; blocks are the units drawn.
    """
    rng = np.random.default_rng(seed)
    n = len(blocks)
    parts = [rng.multinomial(n, np.full(n, 1 / n), size=number) @ blocks for number in _chunks(draws, n)]
    return np.vstack(parts)


def difference_interval(first: Floats, second: Floats, seed: int, draws: int = SHUFFLES) -> tuple[Floats, Floats]:
    """Return 95 % intervals of the differences of shares, first minus second, blocks drawn anew.

    Parameters
    ----------
    first, second : arrays of shape (blocks, cells)
        Counts, or corrected counts: then the correction is repeated in every draw.
    """
    difference = normalised(drawn_anew(first, seed, draws)) - normalised(drawn_anew(second, seed + 1, draws))
    low, high = np.quantile(difference, [0.025, 0.975], axis=0)
    return np.asarray(low), np.asarray(high)
