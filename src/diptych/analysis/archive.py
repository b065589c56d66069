"""An archive: predicted passages outside the study, counted; and their shares, corrected by the study's own errors.

Nobody has coded a passage of the archive. What can be known of the classifier's errors stands in the study: its
cross-fitted predictions beside the codings. The corrected shares carry those errors over, passage predicted as one
value by passage predicted as the same value: share of v = sum over p of (share predicted p) x (share of v among the
study's coded passages predicted p). That is post-stratification (Holt and Smith 1979), the same estimate as
:mod:`diptych.analysis.correction` makes where the coded passages are a sample; here they are one only as far as the
classifier errs in the archive as it does in the study, which is an assumption and said to be one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.analysis.correction import Shares, estimate
from diptych.analysis.counts import Counts, cell_codes, cell_names, check_labels, count_cells
from diptych.analysis.design import Correction
from diptych.analysis.evidence import Condition, Evidence
from diptych.errors import CodingError, UsageError
from diptych.schema import Facet

Floats = NDArray[np.float64]
SHUFFLES = 999
PART = "document part"


@dataclass(frozen=True)
class Archive(Evidence):
    """Counted predictions (`situation`: `archive`), or the same corrected by the study's errors (`transferred`).

    Attributes
    ----------
    population : str
        What the passages are, in words.
    said, true : DataFrames, optional
        Of the study's coded passages, index passage, one column a facet: what a model that had not seen the
        passage says, and what was coded.
    """

    population: str = ""
    said: pd.DataFrame | None = None
    true: pd.DataFrame | None = None

    def shares(
        self, facets: Sequence[Facet], given: Condition, by: str, weight: str, cells: Floats
    ) -> dict[str, Shares]:
        """Estimate shares by group; intervals hold the chance in which passages the study coded."""
        if not self.estimated:
            return {}
        if given:
            raise UsageError(
                "--where on a facet works on counted values, and corrected shares of a file are of all its passages",
                hint="use --source uncorrected, or --where with a column of the file",
            )
        errors = self._errors(facets)
        counts = count_cells(self.passages, self.labels, facets, by=by, weight=weight)
        found: dict[str, Shares] = {}
        for group in counts.names:
            correction = errors.reweighted(counts.of(group).sum(axis=0), group)
            everyone = np.full(len(errors.truth), group, dtype=object)
            ones = np.ones(len(errors.truth))
            truth = errors.truth @ cells
            found |= estimate(np.zeros_like(truth), truth, correction, everyone, ones, trust=1.0)
        return found

    def count(
        self, facets: Sequence[Facet], *, by: str = "author", weight: str = "passages", where: Condition = ()
    ) -> Counts:
        """Count passages or words by block and cell; corrected, every predicted value is spread as the study says."""
        found = count_cells(self.passages, self.labels, facets, by=by, weight=weight)
        table = found.table @ self._errors(facets).spread if self.estimated else found.table
        return Counts(table, found.groups, found.cells, PART if found.unit == "section" else found.unit)

    def _errors(self, facets: Sequence[Facet]) -> Errors:
        if self.said is None or self.true is None:
            raise UsageError("these predictions come without coded passages to correct them by")
        return errors_of(self.said, self.true, facets)


@dataclass(frozen=True)
class Errors:
    """A classifier's errors on n coded passages.

    Attributes
    ----------
    truth : array of shape (n, cells)
        One-hot answers.
    strata : int array of shape (n,)
        The stratum of each: passages predicted as one value; of values predicted less than twice, together.
    place : int array of shape (cells,)
        The stratum in which passages predicted as a value belong.
    spread : array of shape (cells, cells)
        Row: predicted; column: the share truly of a value. Rows sum to 1.
    """

    truth: Floats
    strata: NDArray[np.intp]
    place: NDArray[np.intp]
    spread: Floats

    def reweighted(self, predicted: Floats, group: str) -> Correction:
        """What every coded passage stands for, if its predicted value occurs as often as in `predicted`: (cells,)."""
        n = len(self.truth)
        here = np.bincount(self.strata, minlength=len(self.place) + 1)
        there = np.bincount(self.place, predicted, minlength=len(self.place) + 1)
        stands = (there * n / max(there.sum(), 1e-300) / np.maximum(here, 1))[self.strata]
        freedom = (here / np.maximum(here - 1, 1))[self.strata]
        return Correction(stands, stands**2 * freedom, self.strata, {group: int((stands > 0).sum())})


def errors_of(predictions: pd.DataFrame, answers: pd.DataFrame, facets: Sequence[Facet]) -> Errors:
    """Return the errors on passages that have both a prediction and an answer in all of these facets.

    Raises
    ------
    CodingError
        If fewer than two have.

    Examples
    --------
    >>> from diptych.schema import Value
    >>> tone = Facet(id="tone", question="?", values=(Value(id="x", definition="-"), Value(id="y", definition="-")))
    >>> said, true = (pd.DataFrame({"tone": list(values)}) for values in ("xxyy", "xyyy"))
    >>> errors_of(said, true, [tone]).spread.tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    check_labels(answers, facets)
    names = cell_names(facets)
    said, true = cell_codes(predictions.reindex(answers.index), facets), cell_codes(answers, facets)
    both = (said >= 0) & (true >= 0)
    if both.sum() < 2:
        raise CodingError(
            f"{' x '.join(facet.id for facet in facets)}: {int(both.sum())} coded passages have a cross-fitted "
            "prediction, which is too few to know the classifier's errors",
            hint="code more passages, `diptych gold`, `diptych train`; or use --source uncorrected",
        )
    truth = np.eye(len(names))[true[both]]
    number = np.bincount(said[both], minlength=len(names))
    place = np.where(number > 1, np.arange(len(names)), len(names))
    if number[place == len(names)].sum() == 0:  # nobody stands for values that were never predicted: the commonest does
        place[place == len(names)] = number.argmax()
    strata = place[said[both]]
    sums = np.zeros((len(names) + 1, len(names)))
    np.add.at(sums, strata, truth)
    spread = (sums / np.maximum(sums.sum(axis=1, keepdims=True), 1))[place]
    return Errors(truth, strata, place, spread)


def unequal_errors(
    predictions: pd.DataFrame, answers: pd.DataFrame, facet: Facet, groups: pd.Series, seed: int = 0
) -> float | None:
    """Return how surprising it is that the classifier errs differently in the study's groups, were it all chance.

    Parameters
    ----------
    predictions, answers : DataFrames
        Index passage.
    facet : Facet
    groups : Series
        Index passage: its author.
    seed : int

    Returns
    -------
    float or None
        A p-value: how often shuffled groups, among passages predicted as one value, differ in the shares of coded
        values at least as much (sum of chi-square); None with fewer than two groups.
    """
    here = answers.index.intersection(predictions.index).intersection(groups.index)
    said, true = (cell_codes(table.reindex(here), [facet]) for table in (predictions, answers))
    both = (said >= 0) & (true >= 0)
    names, group = np.unique(groups.reindex(here)[both].astype(str), return_inverse=True)
    if len(names) < 2:
        return None
    said, true, k = said[both], true[both], len(facet.value_ids)
    shape = (k, len(names), k)

    def distance(mine: NDArray[np.intp]) -> float:
        table = np.bincount((said * len(names) + mine) * k + true, minlength=np.prod(shape)).reshape(shape)
        whole = table.sum(axis=(1, 2), keepdims=True)
        expected = table.sum(axis=2, keepdims=True) * table.sum(axis=1, keepdims=True) / np.maximum(whole, 1)
        return float((np.square(table - expected) / np.where(expected > 0, expected, 1)).sum())

    rng, order = np.random.default_rng(seed), np.argsort(said, kind="stable")
    said, true, group = said[order], true[order], group[order]
    draws = int(np.clip(20_000_000 // max(len(said), 1), 99, SHUFFLES))
    observed, hits = distance(group), 0
    for _ in range(draws):
        mixed = group[np.lexsort((rng.random(len(said)), said))]  # within what was predicted
        hits += distance(mixed) >= observed - 1e-9
    return (1 + hits) / (1 + draws)


def corrected(archive: Archive, predictions: pd.DataFrame, answers: pd.DataFrame) -> Archive:
    """Return the archive with shares corrected by the study's coded passages."""
    return replace(archive, situation="transferred", said=predictions, true=answers)
