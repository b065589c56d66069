"""What a model is made from: a study's own coded passages, those of other authors, exemplars, and the estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from diptych.classifier.training.corpus import Counted
from diptych.classifier.training.held_out import Background
from diptych.classifier.training.model import PassageClassifier
from diptych.classifier.training.sources import (
    EXEMPLAR_WEIGHT,
    Progress,
    load_exemplars,
    load_pool,
    training_table,
)
from diptych.documents.text import is_damaged
from diptych.schema import Schema
from diptych.study import Study

MANY_DOCUMENTS = 10  # fewer are too few to be the unit of folds: sections are


@dataclass(frozen=True)
class Material:
    """Everything a model is made from: real passages, which are judged in turn, and what only trains.

    Attributes
    ----------
    real : DataFrame
        passage, text, author, source, group and one column a facet: gold, then the pool.
    gold : int
        How many of them, from the first on, are the study's own.
    exemplars : DataFrame
    """

    real: pd.DataFrame
    gold: int
    exemplars: pd.DataFrame

    def background(self, readings: Sequence[Counted], facets: Sequence[str]) -> Background:
        """What trains in every fold, given the readings of the exemplars."""
        weights = np.full(len(self.exemplars), EXEMPLAR_WEIGHT)
        return Background(readings, self.exemplars[list(facets)], weights)


def with_pool(material: Material, readings: Sequence[Counted], background: Background) -> Background:
    """Return what trains beside when the study's own passages alone are judged: the pool, too.

    Parameters
    ----------
    material : Material
    readings : sequence of Counted
        Of the real passages.
    background : Background
        The exemplars.
    """
    pool = material.real[material.gold :]
    return Background(
        [*readings[material.gold :], *background.texts],
        pd.concat([pool[list(background.labels.columns)], background.labels], ignore_index=True),
        np.concatenate([np.ones(len(pool)), background.weights]),
    )


def training_material(
    study: Study, *, originals: bool = True, pool: bool = True, tell: Progress = lambda _: None
) -> Material:
    """Return what a study's model is made from: gold, exemplars, and the pool where its texts are at hand.

    Parameters
    ----------
    study : Study
    originals : bool, default True
        Else the digests alone.
    pool : bool, default True
    tell : callable
        Called with sentences on the texts that teach nothing.
    """
    gold = training_table(study, originals=originals, tell=tell)
    many = gold["document"].nunique() >= MANY_DOCUMENTS
    gold["group"] = gold["document"] if many else gold["document"] + "\x1f" + gold["section"]
    parts = [gold]
    if pool and len(found := _whole(load_pool(study), "passages of the pool", tell)):
        parts.append(found.assign(author=""))
    columns = ["passage", "text", "author", "source", "group", *study.schema.facet_ids]
    real = pd.concat([part[columns] for part in parts], ignore_index=True)
    return Material(real, len(gold), _whole(load_exemplars(study), "exemplars", tell))


def _whole(table: pd.DataFrame, what: str, tell: Progress) -> pd.DataFrame:
    """Leave out texts with a NUL character, which `classify` refuses, too."""
    damaged = table["text"].map(is_damaged).to_numpy(dtype=bool)
    if damaged.any():
        tell(f"{int(damaged.sum())} of {len(table)} {what} hold a NUL character (damaged), and teach nothing")
    return table[~damaged].reset_index(drop=True)


def classifier_for(schema: Schema, seed: int) -> PassageClassifier:
    """Return the estimator that a schema asks for: with the names of its parties."""
    markers = {
        ("joint" if value.role == "joint" else value.id): list(value.markers)
        for facet in schema.facets
        for value in facet.values
        if value.role in ("party", "joint") and value.markers
    }
    return PassageClassifier(markers=markers or None, seed=seed)
