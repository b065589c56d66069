"""How a sample was drawn → how many passages every coded one stands for. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diptych.errors import CodingError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """A drawn batch as arrays over all n passages.

    Attributes
    ----------
    pool : bool array of shape (n,)
        What it was drawn from.
    drawn : bool array of shape (n,)
        Drawn, coded, and fit to correct a classifier.
    chance : array of shape (n,)
        The inclusion probability of each drawn passage.
    strata : array of shape (n,), optional
        What the draw was spread over, as numbers; errors vary within strata only.
    """

    pool: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    chance: Floats
    strata: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        """Refuse chances outside (0, 1]."""
        chances = self.chance[self.drawn]
        bad = ~((chances > 0) & (chances <= 1))
        if bad.any():
            raise CodingError(f"inclusion probability {chances[bad][0]:g} lies outside (0, 1]")


@dataclass(frozen=True)
class Correction:
    """How many passages each coded one stands for, and the sums that variances need.

    Attributes
    ----------
    stands_for : array of shape (n,)
        0 for a passage that is not coded, 1 for one that stands for itself only.
    noise : array of shape (n,)
        The squared weight with which a passage's error enters the variance of its group's total.
    strata : array of shape (n,)
        Within which errors are compared: numbers; strata with one coded passage in a group are put together.
    coded : dict of str to int
        Passages by group that were drawn and coded.
    """

    stands_for: Floats
    noise: Floats
    strata: NDArray[np.intp]
    coded: dict[str, int]


def stand_for(
    batches: Sequence[Batch], groups: NDArray[np.object_], coded: NDArray[np.bool_], weights: Floats
) -> Correction:
    """Return how much of its group every coded passage stands for.

    Parameters
    ----------
    batches : sequence of Batch
        In the order they were drawn. What was coded before a batch is outside its pool and known exactly.
    groups : array of shape (n,)
    coded : bool array of shape (n,)
        Coded and fit to correct a classifier.
    weights : array of shape (n,)
        1 (passages) or words.

    Notes
    -----
    Within a group, batch and stratum the weights 1 / chance are scaled to the size of what they stand for (Hájek 1971).
    Several batches are each a valid estimate, given those before; they are averaged by size (Des Raj 1956).
    """
    total, noise = np.zeros(len(groups)), np.zeros(len(groups))
    strata = np.full(len(groups), -1)
    numbers: dict[str, int] = {}
    for group in dict.fromkeys(groups):
        mine = groups == group
        usable = [batch for batch in batches if (batch.drawn & mine & (weights > 0)).any()]
        sizes = [int((batch.drawn & mine).sum()) for batch in usable]
        numbers[group] = sum(sizes)
        if not usable or coded[mine].all():
            total[mine & coded] = 1.0
            continue
        for number, (batch, size) in enumerate(zip(usable, sizes, strict=True)):
            part = size / sum(sizes)
            known = mine & coded & ~batch.pool & ~batch.drawn
            drawn, rest = mine & batch.drawn, mine & ~known
            cells = _strata(batch, rest, drawn)
            reach = np.zeros(len(groups))
            reach[drawn] = 1 / batch.chance[drawn]
            freedom = np.ones(len(groups))
            for cell in np.unique(cells[drawn]):
                here = drawn & (cells == cell)
                carried = (reach[here] * weights[here]).sum()
                reach[here] *= weights[rest & (cells == cell)].sum() / carried if carried > 0 else 0.0
                freedom[here] = here.sum() / max(here.sum() - 1, 1)
            total[known] += part
            total[drawn] += part * reach[drawn]
            strata[drawn] = cells[drawn] * len(batches) + number
            noise[drawn] += part**2 * (1 - batch.chance[drawn]) * reach[drawn] ** 2 * freedom[drawn]
    return Correction(total, noise, strata, numbers)


def _strata(batch: Batch, rest: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The stratum of every passage that is estimated; strata with under two coded passages are put together."""
    cells: NDArray[np.intp] = np.zeros(len(rest), dtype=np.intp)
    if batch.strata is None:
        return cells
    cells[rest] = np.where(batch.pool[rest], batch.strata[rest] + 1, 0)
    number = np.bincount(cells[drawn], minlength=cells.max() + 1)
    cells = np.where(number[cells] > 1, cells, 0).astype(np.intp)
    if (cells[rest] == 0).any() and not (cells[drawn] == 0).any():  # nobody stands for them: the largest does
        cells[rest & (cells == 0)] = number.argmax()
    return cells
