"""`diptych train`: gold labels → a model file with its card, and cross-fitted predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from diptych.classifier.drift.profile import profile
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.persist import FORMAT as MODEL_FORMAT
from diptych.classifier.scoring.persist import Model, save_model
from diptych.classifier.training.choose import choose_parameters
from diptych.classifier.training.crossfitted import calibration_of, crossfit_of, quality_of
from diptych.classifier.training.figures import figures_by_facet
from diptych.classifier.training.held_out import (
    across_authors,
    answer_calibrated,
    cross_fit,
    fit_with,
    stratified_folds,
)
from diptych.classifier.training.kept import FILE as KEPT
from diptych.classifier.training.kept import Kept
from diptych.classifier.training.material import Material, classifier_for, training_material, with_pool
from diptych.classifier.training.model import PassageClassifier
from diptych.classifier.training.predictions import crossfit_file
from diptych.classifier.training.sources import Progress, uncoded_table
from diptych.classifier.training.warm import FILE as MEMORY
from diptych.classifier.training.warm import Memory, Warm, memory_of, recall, write_memory
from diptych.errors import UsageError
from diptych.files import canonical, sha256_bytes, write_jsonl
from diptych.lock import record_step
from diptych.records import FORMAT, rows_of
from diptych.schema import Schema
from diptych.study import Study

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
MANY_PASSAGES = 500  # fewer know too few words to be strict with a text that names no party


def fit_model(
    material: Material,
    schema: Schema,
    seed: int,
    tell: Progress = lambda _: None,
    others: pd.DataFrame | None = None,
    *,
    choose: bool = False,
    kept: Kept | None = None,
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
    choose : bool, default False
        Choose regularisation and features by cross-validation on all real passages first.
    kept : Kept, optional
        Reads the texts; default: reads them for this training alone.

    Returns
    -------
    model : Model
    crossfit : DataFrame
        passage, facet, value, p, and `probabilities` (of every value): what models that have not seen the
        passage say of it; of the study's own passages.
    """
    model, crossfit, _ = fit_with_memory(
        material, schema, seed, tell, material.real[:0] if others is None else others, choose=choose, kept=kept
    )
    return model, crossfit


def fit_with_memory(
    material: Material,
    schema: Schema,
    seed: int,
    tell: Progress,
    others: pd.DataFrame,
    *,
    choose: bool = False,
    kept: Kept | None = None,
    warm: Warm | None = None,
) -> tuple[Model, pd.DataFrame, Memory]:
    """Do what :func:`fit_model` does, from the last training where one is given, and return what a next one needs."""
    with threadpool_limits(1):  # small problems: more threads cost more than they bring
        return _fitted(material, schema, seed, tell, others, choose=choose, kept=kept, warm=warm)


def _fitted(
    material: Material,
    schema: Schema,
    seed: int,
    tell: Progress,
    others: pd.DataFrame,
    *,
    choose: bool,
    kept: Kept | None,
    warm: Warm | None,
) -> tuple[Model, pd.DataFrame, Memory]:
    table, facets = material.real, list(schema.facet_ids)
    labels, orders = table[facets], {facet.id: facet.value_ids for facet in schema.facets}
    classifier = warm.classifier(schema, seed) if warm else classifier_for(schema, seed)
    kept = kept or Kept(classifier.analyser())
    texts, beside = [*table["text"], *others["text"]], material.exemplars["text"].tolist()
    every = kept.read([*texts, *beside])
    readings, background = every[: len(table)], material.background(every[len(texts) :], facets)
    groups = table["group"].tolist()
    if choose:
        tell("choosing regularisation and features")
        choice = choose_parameters(readings, labels, groups, background, classifier, orders)
        tell(choice.sentence())
        classifier = choice.classifier
    if warm:
        predictions, known, judged = warm.predictions(texts, labels)
    else:
        tell("cross-fitting")
        folds = stratified_folds(labels, seed, groups=groups)
        predictions, known = cross_fit(readings, labels, folds, classifier, every[len(table) : len(texts)], background)
    tell("training")
    weights = fit_with(classifier, readings, labels, background).compile()
    calibrations = {facet: calibration_of(predictions, facet, weights.facets[facet]) for facet in facets}
    spoken = kept.languages(table["text"].tolist())
    languages = pd.Series(spoken).value_counts(normalize=True)
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
    crossfit = crossfit_of(predictions, weights.facets, limits, passages)
    quality = {facet: quality_of(predictions, facet, weights.facets[facet], limits) for facet in facets}
    answered = answer_calibrated(predictions[predictions["place"] < len(table)], orders)
    own = answered["place"] < material.gold
    mine = table[: material.gold]
    if warm:
        across = warm.model.card["figures"]["across_authors"]
    else:
        tell("across authors")
        across = across_authors(
            readings[: material.gold],
            labels[: material.gold],
            mine["author"].tolist(),
            orders,
            classifier,
            with_pool(material, readings, background),
        )
    version = _training_hash(material, schema, classifier)
    if warm:
        version = sha256_bytes(canonical([version, "warm", warm.memory.version]).encode())
    card = {
        "schema": {**schema.stamp, "text": schema.as_data()},
        "training": {
            "passages": len(table),
            "texts": {str(k): int(v) for k, v in table["source"].value_counts().sort_index().items()}
            | ({"exemplar": len(material.exemplars)} if len(material.exemplars) else {}),
            "authors": {str(k): int(v) for k, v in mine["author"].value_counts(sort=False).items()},
            "seed": seed,
            "parameters": {k: v for k, v in classifier.get_params().items() if k not in ("seed", "markers")}
            | {"without": list(classifier.without)},
            "hash": version,
            **({"warm": {"from": warm.model.version, "changed": warm.changed, "judged_by_it": judged}} if warm else {}),
            "profile": profile(table, facets, known.tolist(), crossfit, limits, classifier.markers, spoken),
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
    memory = memory_of(
        model.version, weights.facets, predictions, known, texts, material, warm.memory if warm else None
    )
    return model, crossfit[~crossfit["passage"].isin(table["passage"][material.gold :])].reset_index(drop=True), memory


def _training_hash(material: Material, schema: Schema, classifier: PassageClassifier) -> str:
    """A hash of everything the model was made from."""
    columns = ["passage", "text", *schema.facet_ids]
    rows = [
        part[columns].astype("string").fillna("").to_numpy().tolist() for part in (material.real, material.exemplars)
    ]
    said = canonical([rows, schema.structure_hash, classifier.get_params(), MODEL_FORMAT])
    return sha256_bytes(said.encode())


def train(
    study: Study,
    tell: Progress = lambda _: None,
    *,
    choose: bool = False,
    warm: bool = False,
    folder: Path | None = None,
) -> Model:
    """Train a study's model, write it and the cross-fitted predictions, and return it.

    Parameters
    ----------
    study : Study
    tell : callable
        Called with a sentence on every stage, and on texts that teach nothing.
    choose : bool, default False
        Choose regularisation and features by cross-validation first: several times the work.
    warm : bool, default False
        Go on from the last model: keep its hyper-parameters and its cross-fitted scores (see
        :mod:`diptych.classifier.training.warm`), so that the model depends on that one, too; its card says so. Where no
        model fits, `tell` says why, and training begins from nothing.
    folder : Path, optional
        Where a candidate is laid, for :func:`adopt` to take; default: the model is the study's own at once.

    Raises
    ------
    UsageError
        If it shall choose, and go on from what was chosen.
    NotTrainedError, CodingError
        If there is nothing, or too little, to train on.
    """
    if choose and warm:
        raise UsageError("a warm training keeps what was chosen", hint="train with --choose or with --warm, not both")
    seed, material = study.settings.seed, training_material(study, tell=tell)
    uncoded = uncoded_table(study, material.real[: material.gold])
    kept = Kept(classifier_for(study.schema, seed).analyser(), study.state / KEPT)
    last = recall(study.model_file, study.state / MEMORY, material, study.schema, seed) if warm else None
    if isinstance(last, str):
        tell(f"training from nothing: {last}")
        last = None
    elif last:
        tell(
            f"going on from model {last.model.version}; {last.changed} coded passages are new or changed since the "
            "last full training, whose figures across authors stay"
        )
    model, crossfit, memory = fit_with_memory(
        material, study.schema, seed, tell, uncoded, choose=choose, kept=kept, warm=last
    )
    place, beside, left = _files(study) if folder is None else _candidate(study, folder)
    save_model(place, model)
    write_jsonl(beside, ({"format": FORMAT, **row} for row in rows_of(crossfit)))
    write_memory(left, memory)
    kept.save()
    if folder is None:
        record_step(study, "train", {"model": place, "crossfit": beside})
    return model


def adopt(study: Study, folder: Path) -> None:
    """Make a candidate the study's model: its predictions first, so that a model never stands beside older ones."""
    own = _files(study)
    for new, old in reversed(list(zip(_candidate(study, folder), own, strict=True))):
        new.replace(old)
    record_step(study, "train", {"model": own[0], "crossfit": own[1]})


def _files(study: Study) -> tuple[Path, Path, Path]:
    """The model, the cross-fitted predictions, and what a warm training goes on from."""
    return study.model_file, crossfit_file(study), study.state / MEMORY


def _candidate(study: Study, folder: Path) -> tuple[Path, Path, Path]:
    place, beside, left = _files(study)
    return folder / place.name, folder / beside.name, folder / left.name
