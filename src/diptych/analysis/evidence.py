"""What an analysis rests on: passages, labels, drawn samples and predictions of a study, as aligned arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.analysis.correction import Shares, Within, corrected_counts, estimate, tuning
from diptych.analysis.counts import (
    Counts,
    aggregated,
    blocks_of,
    cell_names,
    cells_of,
    check_labels,
    count_cells,
    numbers,
)
from diptych.analysis.design import Batch, Correction, places_of, stand_for
from diptych.coding.sampling import Sample
from diptych.errors import UsageError
from diptych.schema import Facet

Floats = NDArray[np.float64]
Situation = Literal["census", "sample", "corrected", "part", "prediction", "archive", "transferred"]
Condition = Sequence[tuple[Facet, str]]


@dataclass(frozen=True)
class Evidence:
    """Labels of passages, and how they came about.

    Attributes
    ----------
    passages : DataFrame
        As :func:`diptych.load_passages` returns it; its order is the order of all arrays. A row may stand for
        many passages that are counted alike (:meth:`compact`).
    labels : DataFrame
        Index passage, one column a facet.
    situation : {'census', 'sample', 'corrected', 'part', 'prediction', 'archive', 'transferred'}
        Everything coded; a probability sample coded; the same with a classifier over the rest; some coded
        by no design; a classifier's word alone; the last two of :class:`diptych.analysis.archive.Archive`.
    samples : sequence of Sample
        In the order they were drawn.
    predicted : mapping of str to DataFrame
        Per facet: index passage, one column a value, probabilities; by models not trained on the passage.
    """

    passages: pd.DataFrame
    labels: pd.DataFrame
    situation: Situation
    samples: tuple[Sample, ...] = ()
    predicted: dict[str, pd.DataFrame] | None = None

    @property
    def estimated(self) -> bool:
        """Whether shares are estimates from a sample, and not counts."""
        return self.situation in ("sample", "corrected", "transferred")

    @property
    def size(self) -> int:
        """How many passages there are."""
        return int(numbers(self.passages).sum())

    def labelled(self) -> int:
        """How many passages have a label in every facet."""
        whole = self.labels.notna().all(axis=1)
        if "passages" not in self.passages:
            return int(whole.sum())
        return int(numbers(self.passages)[whole.reindex(self.passages["passage"]).to_numpy(dtype=bool)].sum())

    def compact(self, facets: Sequence[Facet], by: str) -> Evidence:
        """The same with a row a combination of values, document and section.

        Estimates need every passage: of them labels and predictions are put in the order of the passages, once.
        """
        if "passages" in self.passages:
            return self
        if self.estimated:
            names = pd.Index(self.passages["passage"])
            predicted = {facet: table.reindex(names) for facet, table in (self.predicted or {}).items()}
            return replace(self, labels=self.labels.reindex(names), predicted=predicted if self.predicted else None)
        check_labels(self.labels, facets)
        passages, labels = aggregated(self.passages, self.labels, facets, by)
        return replace(self, passages=passages, labels=labels)

    def only(self, conditions: Mapping[str, str]) -> Evidence:
        """The part whose labels have these values (counts only: of estimates a part is not enough)."""
        if not conditions:
            return self
        if self.estimated:
            raise UsageError("--where works on coded passages here, and these shares are estimates")
        return replace(self, labels=matching(self.labels, conditions))

    def arrays(self, facets: Sequence[Facet], where: Condition = ()) -> Arrays:
        """Answers and predictions of every passage, in the part that meets a condition."""
        answers, known = self.answers(facets)
        predicted, within = self._probabilities(facets), None
        if where:
            given = [facet for facet, _ in where]
            told, sure = self.answers(given)
            place = _place(where)
            within = Within(self._probabilities(given)[:, place], told[:, place])
            known &= sure
            answers, predicted = answers * within.answers[:, None], predicted * within.predicted[:, None]
        return Arrays(answers, predicted, known, within)

    def answers(self, facets: Sequence[Facet]) -> tuple[Floats, NDArray[np.bool_]]:
        """One-hot answers of shape (passages, cells), and which passages have one."""
        check_labels(self.labels, facets)
        names = cell_names(facets)
        cells = cells_of(self.labels, facets).reindex(self.passages["passage"])
        codes = pd.Categorical(cells, categories=names).codes
        known = codes >= 0
        table = np.zeros((len(cells), len(names)))
        table[np.flatnonzero(known), codes[known]] = 1.0
        return table, known

    def _probabilities(self, facets: Sequence[Facet]) -> Floats:
        """Predicted probabilities of shape (passages, cells); crossed facets are taken as independent.

        A passage without a prediction gets the mean of the others; without a classifier all are 0.
        """
        if self.predicted is None:
            return np.zeros((len(self.passages), len(cell_names(facets))))
        parts = [self._probabilities_of(facet, self.predicted[facet.id]) for facet in facets]
        return np.stack([np.prod(column, axis=0) for column in product(*(part.T for part in parts))], axis=1)

    def _probabilities_of(self, facet: Facet, predicted: pd.DataFrame) -> Floats:
        names = self.passages["passage"]
        table = predicted.reindex(index=names, columns=list(facet.value_ids)).fillna(0.0).to_numpy(copy=True)
        total = table.sum(axis=1)
        known = total > 0
        table[known] /= total[known, None]
        if known.any():
            table[~known] = table[known].mean(axis=0)
        return np.asarray(table)

    @cached_property
    def _samples(self) -> list[tuple[NDArray[np.intp] | None, Floats]]:
        names = self.passages["passage"].to_numpy(dtype=object)
        return [_drawn(sample, names) for sample in self.samples]

    def correction(self, known: NDArray[np.bool_], by: str, weights: Floats) -> Correction:
        """What every coded passage stands for, in the groups of column `by`."""
        batches = [_coded(strata, chance, known) for strata, chance in self._samples]
        return stand_for(batches, self.passages[by].to_numpy(dtype=object), known, weights)

    def shares(
        self, facets: Sequence[Facet], given: Condition, by: str, weight: str, cells: Floats
    ) -> dict[str, Shares]:
        """Estimate shares of passages or words by group, cells put together by a matrix; nothing of counts."""
        if not self.estimated:
            return {}
        found = self.arrays(facets, given)
        weights = weights_of(self.passages, weight)
        groups = self.passages[by].to_numpy(dtype=object)
        correction = self.correction(found.known, by, weights)
        return estimate(
            found.predicted @ cells, found.answers @ cells, correction, groups, weights, within=found.within
        )

    def count(
        self, facets: Sequence[Facet], *, by: str = "author", weight: str = "passages", where: Condition = ()
    ) -> Counts:
        """Count, or estimate, passages or words by block and cell; groups without an estimate are left out."""
        if not self.estimated:
            return count_cells(self.passages, self.labels, facets, by=by, weight=weight)
        weights = weights_of(self.passages, weight)
        found = self.arrays(facets, where)
        correction = self.correction(found.known, by, weights)
        groups = self.passages[by].to_numpy(dtype=object)
        trust = tuning(found.predicted, found.answers, correction, groups)
        counts = corrected_counts(found.predicted, found.answers, correction, trust) * weights[:, None]
        blocks, unit = blocks_of(self.passages, by)
        places, first = np.unique(blocks, return_index=True)
        table = np.stack([np.bincount(np.searchsorted(places, blocks), column) for column in counts.T], axis=1)
        order = np.argsort(first)
        names = groups[first[order]]
        mine = places_of(groups)
        kept = np.array([correction.coded[name] > 0 or bool(found.known[mine[name]].all()) for name in names])
        return Counts(table[order].astype(float)[kept], names[kept], cell_names(facets), unit)


@dataclass(frozen=True)
class Arrays:
    """Answers (one-hot), predicted probabilities, which passages are coded, and the part they are of."""

    answers: Floats
    predicted: Floats
    known: NDArray[np.bool_]
    within: Within | None


def matching(labels: pd.DataFrame, conditions: Mapping[str, str]) -> pd.DataFrame:
    """The labels of passages that have these values."""
    if not conditions:
        return labels
    return labels[np.all([labels[facet] == value for facet, value in conditions.items()], axis=0)]


def _place(where: Condition) -> int:
    """The place of one combination of values among all cells of their facets."""
    place = 0
    for facet, value in where:
        place = place * len(facet.values) + facet.value_ids.index(value)
    return place


def weights_of(passages: pd.DataFrame, weight: str) -> Floats:
    """One for every passage, or its words."""
    return np.ones(len(passages)) if weight == "passages" else passages["words"].to_numpy(dtype=float)


def batch_of(sample: Sample, names: NDArray[np.object_], known: NDArray[np.bool_]) -> Batch:
    """A drawn sample as arrays over the passages `names`, of which `known` are coded.

    A batch that is coded in part counts as if its coded passages had been drawn with that smaller chance.
    """
    return _coded(*_drawn(sample, names), known)


def _drawn(sample: Sample, names: NDArray[np.object_]) -> tuple[NDArray[np.intp] | None, Floats]:
    """The stratum (-1: outside the frame; None: no frame) and the chance (0: not drawn) of every passage."""
    index = pd.Index(names, dtype=object)
    strata = np.full(len(names), -1, dtype=np.intp)
    for place, framed in enumerate(sample.frame.values()):
        _put(strata, index.get_indexer(pd.Index(framed, dtype=object)), place)
    chance = np.zeros(len(names))
    _put(chance, index.get_indexer(pd.Index(sample.passages, dtype=object)), np.array(sample.probabilities))
    return strata if any(sample.frame.values()) else None, chance


def _coded(strata: NDArray[np.intp] | None, chance: Floats, known: NDArray[np.bool_]) -> Batch:
    drawn = (chance > 0) & known
    wanted = int((chance > 0).sum())
    rate = drawn.sum() / wanted if wanted else 1.0
    pool = np.ones(len(known), dtype=bool) if strata is None else strata >= 0
    cells = None if strata is None else np.where(pool, strata, 0)
    return Batch(pool, drawn, np.where(drawn, chance * rate, 0.0), cells)


def _put(table: NDArray[Any], places: NDArray[np.intp], values: Any) -> None:
    """Set the places that are there (-1: not)."""
    here = places >= 0
    table[places[here]] = values[here] if isinstance(values, np.ndarray) else values
