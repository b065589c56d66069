"""A study's coded passages, taken apart once, to be judged by many models that have not seen them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.classifier.training.choose import Chooser
from diptych.classifier.training.corpus import Counted
from diptych.classifier.training.figures import figures_by_facet
from diptych.classifier.training.held_out import (
    Background,
    Fold,
    Pick,
    answer_calibrated,
    author_predictions,
    cross_fit,
    stratified_folds,
)
from diptych.classifier.training.kept import Kept
from diptych.classifier.training.material import Material, classifier_for, with_pool
from diptych.classifier.training.model import PassageClassifier
from diptych.schema import Schema


@dataclass(frozen=True)
class Trial:
    """What cross-validation needs.

    Attributes
    ----------
    own : DataFrame
        The judged passages: passage, author, group and one column a facet.
    readings : sequence of Counted
        Of the judged passages.
    background : Background
        What only trains: the pool, then the exemplars.
    beside : DataFrame
        source (`pool` or `exemplar`) and group (document or round) of what only trains.
    classifier : PassageClassifier
        The usual one.
    folds : list of (train, test) places
    orders : dict of str to list of str
        The values of every facet.
    """

    own: pd.DataFrame
    readings: Sequence[Counted]
    background: Background
    beside: pd.DataFrame
    classifier: PassageClassifier
    folds: list[Fold]
    orders: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, material: Material, schema: Schema, seed: int, kept: Kept | None = None) -> Trial:
        """Take the texts of a study apart and deal its own passages to folds."""
        facets, classifier = list(schema.facet_ids), classifier_for(schema, seed)
        own = material.real[: material.gold]
        kept = kept or Kept(classifier.analyser())
        every = kept.read([*material.real["text"], *material.exemplars["text"]])
        readings = every[: len(material.real)]
        beside = pd.concat([material.real[material.gold :], material.exemplars])[["source", "group"]]
        return cls(
            own,
            readings[: material.gold],
            with_pool(material, readings, material.background(every[len(readings) :], facets)),
            beside.reset_index(drop=True),
            classifier,
            stratified_folds(own[facets], seed, groups=own["group"].tolist()),
            {facet.id: facet.value_ids for facet in schema.facets},
        )

    @property
    def labels(self) -> pd.DataFrame:
        """The gold labels of the judged passages, one column a facet."""
        return self.own[list(self.orders)]

    def chooser(self) -> Chooser:
        """Return what chooses parameters for any part of the judged passages."""
        groups = self.own["group"].tolist()
        return Chooser(self.readings, self.labels, groups, self.background, self.classifier, self.orders)

    def judged(
        self,
        *,
        classifier: PassageClassifier | None = None,
        beside: NDArray[np.bool_] | None = None,
        folds: Sequence[Fold] | None = None,
        pick: Pick | None = None,
    ) -> pd.DataFrame:
        """Return calibrated answers to every passage by a model that had not seen it.

        Parameters
        ----------
        classifier : PassageClassifier, optional
            Another than the usual one.
        beside : boolean array, optional
            Which of the texts that only train may train.
        folds : sequence of (train, test) places, optional
        pick : callable, optional
            See :func:`~diptych.classifier.training.held_out.cross_fit`.

        Returns
        -------
        DataFrame
            As :func:`~diptych.classifier.training.held_out.answer_calibrated` returns them.
        """
        background = self.background if beside is None else self.background.only(beside)
        mine = classifier or self.classifier
        predictions, _ = cross_fit(
            self.readings, self.labels, folds or self.folds, mine, background=background, pick=pick
        )
        return answer_calibrated(predictions, self.orders)

    def by_author(self, pick: Pick | None = None) -> dict[str, pd.DataFrame]:
        """Return author → answers by a model that had seen the other authors alone, uncalibrated."""
        authors = self.own["author"].tolist()
        return author_predictions(self.readings, self.labels, authors, self.classifier, self.background, pick)

    def macro_f1(self, answers: pd.DataFrame) -> dict[str, float]:
        """Return facet → macro-F1 of answers."""
        return {facet: found["macro_f1"] for facet, found in figures_by_facet(answers, self.orders).items()}
