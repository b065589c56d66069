"""How a sample was drawn → how many passages every coded one stands for. Arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
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

    def of(self, places: NDArray[np.intp]) -> Batch:
        """The part of it that lies at these places."""
        strata = None if self.strata is None else self.strata[places]
        return Batch(self.pool[places], self.drawn[places], self.chance[places], strata)


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


def places_of(groups: NDArray[np.object_]) -> dict[str, NDArray[np.intp]]:
    """Return where every group stands, groups in order of appearance.

    Examples
    --------
    >>> places_of(np.array(["b", "a", "b"], dtype=object))
    {'b': array([0, 2]), 'a': array([1])}
    """
    codes, names = pd.factorize(groups)
    order = np.argsort(codes, kind="stable").astype(np.intp)
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    return dict(zip(names, np.split(order, ends[:-1]), strict=True)) if len(names) else {}


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
    for group, mine in places_of(groups).items():  # only its own passages are looked at: groups may be many
        heavy, answered = weights[mine], coded[mine]
        parts = [batch.of(mine) for batch in batches]
        usable = [batch for batch in parts if (batch.drawn & (heavy > 0)).any()]
        sizes = [int(batch.drawn.sum()) for batch in usable]
        numbers[group] = sum(sizes)
        if not usable or answered.all():
            total[mine[answered]] = 1.0
            continue
        for number, (batch, size) in enumerate(zip(usable, sizes, strict=True)):
            part = size / sum(sizes)
            known = answered & ~batch.pool & ~batch.drawn
            drawn, rest = batch.drawn, ~known
            cells = _strata(batch, rest, drawn)
            reach = np.zeros(len(mine))
            reach[drawn] = 1 / batch.chance[drawn]
            freedom = np.ones(len(mine))
            for cell in np.unique(cells[drawn]):
                here = drawn & (cells == cell)
                carried = (reach[here] * heavy[here]).sum()
                reach[here] *= heavy[rest & (cells == cell)].sum() / carried if carried > 0 else 0.0
                freedom[here] = here.sum() / max(here.sum() - 1, 1)
            total[mine[known]] += part
            total[mine[drawn]] += part * reach[drawn]
            strata[mine[drawn]] = cells[drawn] * len(batches) + number
            noise[mine[drawn]] += part**2 * (1 - batch.chance[drawn]) * reach[drawn] ** 2 * freedom[drawn]
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
