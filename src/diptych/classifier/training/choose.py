"""Regularisation and features, chosen by cross-validation among the training passages alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.classifier.training.corpus import Counted
from diptych.classifier.training.figures import figures_by_facet
from diptych.classifier.training.held_out import Background, answer_calibrated, cross_fit, stratified_folds
from diptych.classifier.training.model import PassageClassifier
from diptych.errors import NotTrainedError

STRENGTHS = (1.0, 3.0, 10.0)
LEFT_OUT: tuple[tuple[str, ...], ...] = ((), ("runs",))
FOLDS = 3  # within a training part: five took longer and chose no better


@dataclass(frozen=True)
class Choice:
    """What was chosen, and from what.

    Attributes
    ----------
    classifier : PassageClassifier
        With the chosen parameters, not fitted.
    candidates : list of dict
        C, without, macro_f1 (mean over facets) and `facets`; empty where there is too little to choose by.
    """

    classifier: PassageClassifier
    candidates: list[dict[str, Any]]

    def row(self) -> dict[str, Any]:
        """What was chosen as plain data."""
        return {"C": self.classifier.C, "without": list(self.classifier.without)}

    def sentence(self) -> str:
        """What was chosen, and the figures of all candidates, in a line."""
        if not self.candidates:
            return "too few passages to choose by: the usual parameters stay"
        tried = ", ".join(f"{_named(row)}: {row['macro_f1']:.3f}" for row in self.candidates)
        return f"chosen: {_named(self.row())} (mean macro-F1 by cross-validation: {tried})"


def _named(row: Mapping[str, Any]) -> str:
    return f"C {row['C']:g}, " + (f"without {' and '.join(row['without'])}" if row["without"] else "all features")


def choose_parameters(
    readings: Sequence[Counted],
    labels: pd.DataFrame,
    groups: Sequence[str],
    background: Background | None,
    classifier: PassageClassifier,
    orders: Mapping[str, Sequence[str]],
) -> Choice:
    """Choose by the mean over facets of macro-F1, cross-validated with the folds' groups.

    Parameters
    ----------
    readings : sequence of Counted, length n
    labels : DataFrame of shape (n, facets)
    groups : sequence of str, length n
    background : Background, optional
        Trains always.
    classifier : PassageClassifier
        The usual one: of equally good candidates it is taken, else the one with the least C, then the fewest features.
    orders : mapping of str to sequence of str
        The values of every facet.
    """
    try:
        folds = stratified_folds(labels, classifier.seed, FOLDS, groups)
    except NotTrainedError:
        return Choice(classifier, [])
    found: list[dict[str, Any]] = []
    for without in LEFT_OUT:
        for strength in STRENGTHS:
            candidate = classifier.fresh(C=strength, without=without)
            try:
                predictions, _ = cross_fit(readings, labels, folds, candidate, background=background)
            except NotTrainedError:  # a value, or a facet, that stands in one fold alone
                return Choice(classifier, [])
            figures = figures_by_facet(answer_calibrated(predictions, orders), orders)
            facets = {facet: one["macro_f1"] for facet, one in figures.items()}
            mean = float(np.mean(list(facets.values())))
            found.append({"C": strength, "without": list(without), "macro_f1": mean, "facets": facets})
    usual = {"C": classifier.C, "without": list(classifier.without)}

    def rank(row: Mapping[str, Any]) -> tuple[float, bool, float, int]:
        is_usual = {"C": row["C"], "without": row["without"]} == usual
        return -round(row["macro_f1"], 9), not is_usual, row["C"], -len(row["without"])

    best = min(found, key=rank)
    return Choice(classifier.fresh(C=best["C"], without=tuple(best["without"])), found)


@dataclass
class Chooser:
    """Chooses anew for every training part of a nested cross-validation, from that part alone; for each once."""

    readings: Sequence[Counted]
    labels: pd.DataFrame
    groups: Sequence[str]
    background: Background | None
    classifier: PassageClassifier
    orders: Mapping[str, Sequence[str]]
    _made: dict[bytes, Choice] = field(default_factory=dict)

    def __call__(self, train: NDArray[np.intp]) -> PassageClassifier:
        """Return the classifier for the texts at these places."""
        return self.choice(train).classifier

    def choice(self, train: NDArray[np.intp]) -> Choice:
        """Return what is chosen for the texts at these places."""
        key = train.tobytes()
        if key not in self._made:
            self._made[key] = choose_parameters(
                [self.readings[i] for i in train],
                self.labels.iloc[train].reset_index(drop=True),
                [self.groups[i] for i in train],
                self.background,
                self.classifier,
                self.orders,
            )
        return self._made[key]
