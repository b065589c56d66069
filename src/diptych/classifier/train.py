"""`diptych train`: gold labels → a model file with its card, and cross-fitted predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from diptych.classifier.analyser import Reading
from diptych.classifier.calibrate import Calibration, brier, calibrate, expected_calibration_error
from diptych.classifier.drift import profile
from diptych.classifier.evaluate import (
    Background,
    across_authors,
    answer_calibrated,
    cross_fit,
    fit_with,
    stratified_folds,
)
from diptych.classifier.figures import figures_by_facet
from diptych.classifier.language import language_of
from diptych.classifier.model import PassageClassifier
from diptych.classifier.persist import FORMAT as MODEL_FORMAT
from diptych.classifier.persist import Model, save_model
from diptych.classifier.predictions import crossfit_file
from diptych.classifier.score import Limits, calibrated, chosen
from diptych.classifier.sources import EXEMPLAR_WEIGHT, load_exemplars, load_pool
from diptych.coding.gold import gold_table, load_gold
from diptych.documents.passages import load_passages
from diptych.documents.text import has_word
from diptych.errors import NotTrainedError
from diptych.files import canonical, sha256_bytes, write_jsonl
from diptych.lock import record_step
from diptych.records import FORMAT, rows_of
from diptych.schema import Schema
from diptych.study import Study

Progress = Callable[[str], None]
Floats = NDArray[np.float64]
Places = NDArray[np.intp]
MANY_PASSAGES = 500  # fewer know too few words to be strict with a text that names no party
MANY_DOCUMENTS = 10  # fewer are too few to be the unit of folds: sections are


def training_table(study: Study, *, originals: bool = True) -> pd.DataFrame:
    """Return the passages that can train a model: text and gold label at hand, one column a facet."""
    passages = load_passages(study, originals=originals)
    gold = gold_table(load_gold(study), study.schema.facet_ids)
    if gold.empty:
        raise NotTrainedError("there is no gold label to learn from", hint="decide the disputes, then `diptych gold`")
    table = passages.merge(gold, left_on="passage", right_index=True)
    table = table[table["text"].map(has_word)].reset_index(drop=True)
    if table.empty:
        raise NotTrainedError(
            "no coded passage has a text at hand",
            hint="put the originals or digests beside the study, then `diptych ingest`",
        )
    return table


def uncoded_table(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Return the passages with a text at hand that are not in the training table."""
    passages = load_passages(study)
    return passages[~passages["passage"].isin(table["passage"]) & passages["text"].map(has_word)]


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

    def background(self, classifier: PassageClassifier, facets: Sequence[str]) -> Background:
        """What trains in every fold."""
        weights = np.full(len(self.exemplars), EXEMPLAR_WEIGHT)
        return Background(classifier.analyse(self.exemplars["text"].tolist()), self.exemplars[list(facets)], weights)


def with_pool(material: Material, readings: Sequence[Reading], background: Background) -> Background:
    """Return what trains beside when the study's own passages alone are judged: the pool, too.

    Parameters
    ----------
    material : Material
    readings : sequence of Reading
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


def training_material(study: Study, *, originals: bool = True, pool: bool = True) -> Material:
    """Return what a study's model is made from: gold, exemplars, and the pool where its texts are at hand."""
    gold = training_table(study, originals=originals)
    many = gold["document"].nunique() >= MANY_DOCUMENTS
    gold["group"] = gold["document"] if many else gold["document"] + "\x1f" + gold["section"]
    parts = [gold]
    if pool and len(found := load_pool(study)):
        parts.append(found.assign(author=""))
    columns = ["passage", "text", "author", "source", "group", *study.schema.facet_ids]
    real = pd.concat([part[columns] for part in parts], ignore_index=True)
    return Material(real, len(gold), load_exemplars(study))


def classifier_for(schema: Schema, seed: int) -> PassageClassifier:
    """Return the estimator that a schema asks for: with the names of its parties."""
    markers = {
        ("joint" if value.role == "joint" else value.id): list(value.markers)
        for facet in schema.facets
        for value in facet.values
        if value.role in ("party", "joint") and value.markers
    }
    return PassageClassifier(markers=markers or None, seed=seed)


def fit_model(
    material: Material,
    schema: Schema,
    seed: int,
    tell: Progress = lambda _: None,
    others: pd.DataFrame | None = None,
) -> tuple[Model, pd.DataFrame]:
    """Train, calibrate and measure a model.

    Parameters
    ----------
    material : Material
    schema : Schema
    seed : int
    tell : callable
        Called with the name of every stage.
    others : DataFrame, optional
        passage and text of passages without gold label, to be judged beside.

    Returns
    -------
    model : Model
    crossfit : DataFrame
        passage, facet, value, p, and `probabilities` (of every value): what models that have not seen the
        passage say of it; of the study's own passages.
    """
    with threadpool_limits(1):  # small problems: more threads cost more than they bring
        return _fit(material, schema, seed, tell, material.real[:0] if others is None else others)


def _fit(
    material: Material, schema: Schema, seed: int, tell: Progress, others: pd.DataFrame
) -> tuple[Model, pd.DataFrame]:
    table, facets = material.real, list(schema.facet_ids)
    labels, orders = table[facets], {facet.id: facet.value_ids for facet in schema.facets}
    classifier = classifier_for(schema, seed)
    readings, background = classifier.analyse(table["text"].tolist()), material.background(classifier, facets)
    tell("cross-fitting")
    folds = stratified_folds(labels, seed, groups=table["group"].tolist())
    predictions, known = cross_fit(readings, labels, folds, classifier, others["text"].tolist(), background)
    tell("training")
    weights = fit_with(classifier, readings, labels, background).compile()
    calibrations = {facet: _calibration(predictions, facet, weights.facets[facet]) for facet in facets}
    languages = pd.Series([language_of(text) for text in table["text"]]).value_counts(normalize=True)
    limits = Limits(
        temperatures={facet: found.temperature for facet, found in calibrations.items()},
        priors={facet: found.prior for facet, found in calibrations.items()},
        leans={facet: found.lean for facet, found in calibrations.items()},
        curves={facet: found.curve for facet, found in calibrations.items()},
        least_known=(least := round(0.75 * float(np.quantile(known, 0.01)), 4)),
        least_known_unnamed=round(float(np.quantile(known, 0.05)), 4) if len(known) >= MANY_PASSAGES else least,
        languages=tuple(sorted(str(name) for name in languages[languages >= 0.02].index if name != "und")),
    )
    passages = np.concatenate([table["passage"].to_numpy(), others["passage"].to_numpy()])
    crossfit = _crossfit(predictions, weights.facets, limits, passages)
    quality = {facet: _quality(predictions, facet, weights.facets[facet], limits) for facet in facets}
    answered = answer_calibrated(predictions[predictions["place"] < len(table)], orders)
    own = answered["place"] < material.gold
    tell("across authors")
    mine = table[: material.gold]
    across = across_authors(
        readings[: material.gold],
        labels[: material.gold],
        mine["author"].tolist(),
        orders,
        classifier,
        with_pool(material, readings, background),
    )
    card = {
        "schema": {**schema.stamp, "text": schema.model_dump(mode="json", by_alias=True)},
        "training": {
            "passages": len(table),
            "texts": {str(k): int(v) for k, v in table["source"].value_counts().sort_index().items()}
            | ({"exemplar": len(material.exemplars)} if len(material.exemplars) else {}),
            "authors": {str(k): int(v) for k, v in mine["author"].value_counts(sort=False).items()},
            "seed": seed,
            "parameters": {k: v for k, v in classifier.get_params().items() if k not in ("seed", "markers")},
            "hash": _training_hash(material, schema, classifier),
            "profile": profile(table, facets, known.tolist(), crossfit, limits, classifier.markers),
        },
        "abstains": "on texts that are off topic or in another language; further only with --abstain-at",
        "figures": {
            "cross_validation": figures_by_facet(answered[own], orders),
            **({"pool": figures_by_facet(answered[~own], orders)} if len(table) > material.gold else {}),
            "across_authors": across,
            "calibration": quality,
        },
    }
    model = Model(weights, limits, card, classifier.analyser())
    return model, crossfit[~crossfit["passage"].isin(table["passage"][material.gold :])].reset_index(drop=True)


def _scores(predictions: pd.DataFrame, facet: str, values: Sequence[str]) -> tuple[pd.DataFrame, Floats, Places]:
    """Rows of a facet, their scores in the model's order of values, and the place of the gold value (-1: none)."""
    rows = predictions[predictions["facet"] == facet]
    scores = rows.reindex(columns=[f"score:{value}" for value in values]).fillna(-30.0).to_numpy(dtype=float)
    return rows, scores, pd.Categorical(rows["value"], categories=list(values)).codes.astype(np.intp)


def _calibration(predictions: pd.DataFrame, facet: str, values: Sequence[str]) -> Calibration:
    _, scores, gold = _scores(predictions, facet, values)
    if not (gold >= 0).any():
        raise NotTrainedError(f"{facet}: no passage has a gold label")
    return calibrate(scores[gold >= 0], gold[gold >= 0])


def _quality(predictions: pd.DataFrame, facet: str, values: Sequence[str], limits: Limits) -> dict[str, float]:
    """How well probabilities hold on cross-fitted real passages (calibrated on the same: a little flattered)."""
    _, scores, gold = _scores(predictions, facet, values)
    chances, known = calibrated(scores, limits, facet), gold >= 0
    right = chances.argmax(axis=1) == gold
    return {
        "brier": brier(chances[known], gold[known]),
        "ece": expected_calibration_error(chances.max(axis=1)[known], right[known]),
    }


def _crossfit(
    predictions: pd.DataFrame, facets: Mapping[str, Sequence[str]], limits: Limits, passages: NDArray[np.object_]
) -> pd.DataFrame:
    """Calibrated probabilities, averaged over the models that judged a passage, and the answer."""
    found = []
    for facet, values in facets.items():
        rows, scores, _ = _scores(predictions, facet, values)
        means = pd.DataFrame(calibrated(scores, limits, facet)).groupby(rows["place"].to_numpy()).mean()
        answers = chosen(means.to_numpy(), limits, facet)
        for place, line, answer in zip(means.index, means.to_numpy().round(6), answers, strict=True):
            chances = dict(zip(values, line.tolist(), strict=True))
            found.append((passages[place], facet, values[answer], chances[values[answer]], chances))
    return pd.DataFrame(found, columns=["passage", "facet", "value", "p", "probabilities"])


def _training_hash(material: Material, schema: Schema, classifier: PassageClassifier) -> str:
    """A hash of everything the model was made from."""
    columns = ["passage", "text", *schema.facet_ids]
    rows = [
        part[columns].astype("string").fillna("").to_numpy().tolist() for part in (material.real, material.exemplars)
    ]
    said = canonical([rows, schema.structure_hash, classifier.get_params(), MODEL_FORMAT])
    return sha256_bytes(said.encode())


def train(study: Study, tell: Progress = lambda _: None, folder: Path | None = None) -> Model:
    """Train a study's model, write it and the cross-fitted predictions, and return it.

    Parameters
    ----------
    study : Study
    tell : callable
        Called with the name of every stage.
    folder : Path, optional
        Where a candidate is laid, for :func:`adopt` to take; default: the model is the study's own at once.

    Raises
    ------
    NotTrainedError, CodingError
        If there is nothing, or too little, to train on.
    """
    material = training_material(study)
    own = material.real[: material.gold]
    coded = len(gold_table(load_gold(study), study.schema.facet_ids))
    if coded > len(own):
        tell(f"{coded - len(own)} of {coded} coded passages have no text with a word at hand, and teach nothing")
    model, crossfit = fit_model(material, study.schema, study.settings.seed, tell, uncoded_table(study, own))
    place, beside = (study.model_file, crossfit_file(study)) if folder is None else _candidate(study, folder)
    save_model(place, model)
    write_jsonl(beside, ({"format": FORMAT, **row} for row in rows_of(crossfit)))
    if folder is None:
        record_step(study, "train", {"model": place, "crossfit": beside})
    return model


def adopt(study: Study, folder: Path) -> None:
    """Make a candidate the study's model: its predictions first, so that a model never stands beside older ones."""
    place, beside = _candidate(study, folder)
    beside.replace(crossfit_file(study))
    place.replace(study.model_file)
    record_step(study, "train", {"model": study.model_file, "crossfit": crossfit_file(study)})


def _candidate(study: Study, folder: Path) -> tuple[Path, Path]:
    return folder / study.model_file.name, folder / crossfit_file(study).name
