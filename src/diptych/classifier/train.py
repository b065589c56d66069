"""`diptych train`: gold labels → a model file with its card, and cross-fitted predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from diptych.classifier.evaluate import (
    across_authors,
    cross_fit,
    figures_by_facet,
    stratified_folds,
    temperature_of,
)
from diptych.classifier.language import language_of
from diptych.classifier.model import PassageClassifier, softmax
from diptych.classifier.persist import Model, save_model
from diptych.classifier.predictions import crossfit_file
from diptych.classifier.score import Limits
from diptych.coding.gold import gold_table, load_gold
from diptych.documents.passages import load_passages
from diptych.errors import NotTrainedError
from diptych.files import canonical, sha256_bytes, write_jsonl
from diptych.lock import record_step
from diptych.records import FORMAT, rows_of
from diptych.schema import Schema
from diptych.study import Study

Progress = Callable[[str], None]


def training_table(study: Study, *, originals: bool = True) -> pd.DataFrame:
    """Return the passages that can train a model: text and gold label at hand, one column a facet."""
    passages = load_passages(study, originals=originals)
    gold = gold_table(load_gold(study), study.schema.facet_ids)
    if gold.empty:
        raise NotTrainedError("there is no gold label to learn from", hint="decide the disputes, then `diptych gold`")
    table = passages.merge(gold, left_on="passage", right_index=True)
    table = table[table["text"].str.strip() != ""].reset_index(drop=True)
    if table.empty:
        raise NotTrainedError(
            "no coded passage has a text at hand",
            hint="put the originals or digests beside the study, then `diptych ingest`",
        )
    return table


def fit_model(
    table: pd.DataFrame, schema: Schema, seed: int, tell: Progress = lambda _: None
) -> tuple[Model, pd.DataFrame]:
    """Train, calibrate and measure a model on a table of passages.

    Parameters
    ----------
    table : DataFrame
        text, author, source, passage and one column a facet.
    schema : Schema
    seed : int
    tell : callable
        Called with the name of every stage.

    Returns
    -------
    model : Model
    crossfit : DataFrame
        passage, facet, value, p, fold: what a model that has not seen the passage says of it.
    """
    with threadpool_limits(1):  # small problems: more threads cost more than they bring
        return _fit(table, schema, seed, tell)


def _fit(table: pd.DataFrame, schema: Schema, seed: int, tell: Progress) -> tuple[Model, pd.DataFrame]:
    texts, labels = table["text"].tolist(), table[list(schema.facet_ids)]
    orders = {facet.id: facet.value_ids for facet in schema.facets}
    classifier = PassageClassifier(seed=seed)
    tell("cross-fitting")
    predictions, known = cross_fit(texts, labels, stratified_folds(labels, seed), classifier)
    temperatures = {facet: _temperature(predictions, facet, orders[facet]) for facet in schema.facet_ids}
    predictions["p"] = _probabilities(predictions, orders, temperatures)
    tell("across authors")
    across = across_authors(texts, labels, table["author"].tolist(), orders, classifier)
    tell("training")
    weights = classifier.fit(texts, labels).compile()
    languages = pd.Series([language_of(text) for text in texts]).value_counts(normalize=True)
    limits = Limits(
        temperatures={facet: round(t, 6) for facet, t in temperatures.items()},
        least_known=round(0.75 * float(np.quantile(known, 0.01)), 4),
        languages=tuple(sorted(str(name) for name in languages[languages >= 0.02].index if name != "und")),
    )
    card = {
        "schema": {**schema.stamp, "text": schema.model_dump(mode="json", by_alias=True)},
        "training": {
            "passages": len(table),
            "texts": {str(k): int(v) for k, v in table["source"].value_counts().sort_index().items()},
            "authors": {str(k): int(v) for k, v in table["author"].value_counts(sort=False).items()},
            "seed": seed,
            "parameters": {k: v for k, v in classifier.get_params().items() if k != "seed"},
            "hash": _training_hash(table, schema, classifier),
        },
        "figures": {"cross_validation": figures_by_facet(predictions, orders), "across_authors": across},
    }
    crossfit = predictions.assign(passage=table["passage"].to_numpy()[predictions["place"]])
    crossfit = crossfit.drop(columns="value").rename(columns={"predicted": "value"})
    return Model(weights, limits, card), crossfit[["passage", "facet", "value", "p", "fold"]]


def _temperature(predictions: pd.DataFrame, facet: str, order: Sequence[str]) -> float:
    rows = predictions[(predictions["facet"] == facet) & predictions["value"].notna()]
    if rows.empty:
        raise NotTrainedError(f"{facet}: no passage has a gold label")
    columns = [f"score:{value}" for value in order if f"score:{value}" in rows]
    scores = rows[columns].fillna(-30.0).to_numpy(dtype=float)
    place = {column: i for i, column in enumerate(columns)}
    gold = np.array([place.get(f"score:{value}", -1) for value in rows["value"]])
    seen = gold >= 0
    if len(columns) < 2 or not seen.any():
        return 1.0
    return temperature_of(scores[seen], gold[seen])


def _probabilities(
    predictions: pd.DataFrame, orders: dict[str, tuple[str, ...]], temperatures: dict[str, float]
) -> pd.Series:
    """The calibrated probability of every predicted value."""
    result = pd.Series(np.nan, index=predictions.index)
    for facet, order in orders.items():
        rows = predictions[predictions["facet"] == facet]
        columns = [f"score:{value}" for value in order if f"score:{value}" in rows]
        scores = rows[columns].fillna(-1e9).to_numpy(dtype=float)
        result.loc[rows.index] = softmax(scores, temperatures[facet]).max(axis=1)
    return result


def _training_hash(table: pd.DataFrame, schema: Schema, classifier: PassageClassifier) -> str:
    """A hash of everything the model was made from."""
    rows = table[["passage", "text", *schema.facet_ids]].astype("string").fillna("").to_numpy().tolist()
    said = canonical([rows, schema.structure_hash, classifier.get_params(), FORMAT])
    return sha256_bytes(said.encode())


def train(study: Study, tell: Progress = lambda _: None) -> Model:
    """Train a study's model, write it and the cross-fitted predictions, and return it.

    Raises
    ------
    NotTrainedError, CodingError
        If there is nothing, or too little, to train on.
    """
    table = training_table(study)
    model, crossfit = fit_model(table, study.schema, study.settings.seed, tell)
    save_model(study.model_file, model)
    rows = rows_of(crossfit.round({"p": 6}))
    write_jsonl(crossfit_file(study), ({"format": FORMAT, **row} for row in rows))
    record_step(study, "train", {"model": study.model_file, "crossfit": crossfit_file(study)})
    return model
