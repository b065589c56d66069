"""Shuffling and drawing anew, on count tables: the cost depends on blocks and cells, not on passages."""

from __future__ import annotations

from functools import lru_cache
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
    chunks = _chunks(draws, len(blocks))
    if len(chunks) == 1:
        return _chosen(len(blocks), len(first), seed, draws).astype(float) @ blocks
    rng = np.random.default_rng(seed)
    return np.vstack([_choose(rng, number, len(blocks), len(first)).astype(float) @ blocks for number in chunks])


def _choose(rng: np.random.Generator, draws: int, blocks: int, first: int) -> NDArray[np.bool_]:
    order = rng.random((draws, blocks)).argpartition(first - 1, axis=1)
    chosen = np.zeros((draws, blocks), dtype=bool)
    np.put_along_axis(chosen, order[:, :first], values=True, axis=1)
    return chosen


@lru_cache(maxsize=8)
def _chosen(blocks: int, first: int, seed: int, draws: int) -> NDArray[np.bool_]:
    """The same deals for every facet: drawing them costs more than adding them up."""
    return _choose(np.random.default_rng(seed), draws, blocks, first)


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
    n = len(blocks)
    chunks = _chunks(draws, n)
    if len(chunks) == 1:
        return _redrawn(n, seed, draws).astype(float) @ blocks
    rng = np.random.default_rng(seed)
    return np.vstack([rng.multinomial(n, np.full(n, 1 / n), size=number) @ blocks for number in chunks])


@lru_cache(maxsize=8)
def _redrawn(blocks: int, seed: int, draws: int) -> NDArray[np.uint32]:
    """How often every block is drawn, in every draw; the same for every facet."""
    return np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=draws).astype(np.uint32)


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
