"""`diptych train`: gold labels → a model file with its card, and cross-fitted predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
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


def uncoded_table(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Return the passages with a text at hand that are not in the training table."""
    passages = load_passages(study)
    return passages[~passages["passage"].isin(table["passage"]) & (passages["text"].str.strip() != "")]


def fit_model(
    table: pd.DataFrame,
    schema: Schema,
    seed: int,
    tell: Progress = lambda _: None,
    others: pd.DataFrame | None = None,
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
    others : DataFrame, optional
        passage and text of passages without gold label, to be judged beside.

    Returns
    -------
    model : Model
    crossfit : DataFrame
        passage, facet, value, p, and `probabilities` (of every value): what models that have not seen the
        passage say of it.
    """
    with threadpool_limits(1):  # small problems: more threads cost more than they bring
        return _fit(table, schema, seed, tell, table[:0] if others is None else others)


def _fit(
    table: pd.DataFrame, schema: Schema, seed: int, tell: Progress, others: pd.DataFrame
) -> tuple[Model, pd.DataFrame]:
    texts, labels = table["text"].tolist(), table[list(schema.facet_ids)]
    orders = {facet.id: facet.value_ids for facet in schema.facets}
    classifier = PassageClassifier(seed=seed)
    tell("cross-fitting")
    folds = stratified_folds(labels, seed)
    predictions, known = cross_fit(texts, labels, folds, classifier, others["text"].tolist())
    temperatures = {facet: _temperature(predictions, facet, orders[facet]) for facet in schema.facet_ids}
    passages = np.concatenate([table["passage"].to_numpy(), others["passage"].to_numpy()])
    crossfit = _crossfit(predictions, orders, temperatures, passages)
    predictions = predictions[predictions["place"] < len(table)]
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
    return Model(weights, limits, card), crossfit


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


def _crossfit(
    predictions: pd.DataFrame,
    orders: dict[str, tuple[str, ...]],
    temperatures: dict[str, float],
    passages: NDArray[np.object_],
) -> pd.DataFrame:
    """Calibrated probabilities, averaged over the models that judged a passage, and the likeliest value."""
    found = []
    for facet, order in orders.items():
        rows = predictions[predictions["facet"] == facet]
        columns = [f"score:{value}" for value in order if f"score:{value}" in rows]
        scores = rows[columns].fillna(-1e9).to_numpy(dtype=float)
        means = pd.DataFrame(softmax(scores, temperatures[facet])).groupby(rows["place"].to_numpy()).mean()
        values = [column.removeprefix("score:") for column in columns]
        for place, line in zip(means.index, means.to_numpy().round(6), strict=True):
            chances = dict(zip(values, line.tolist(), strict=True))
            best = max(values, key=chances.__getitem__)
            found.append((passages[place], facet, best, chances[best], chances))
    return pd.DataFrame(found, columns=["passage", "facet", "value", "p", "probabilities"])


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
    model, crossfit = fit_model(table, study.schema, study.settings.seed, tell, uncoded_table(study, table))
    save_model(study.model_file, model)
    write_jsonl(crossfit_file(study), ({"format": FORMAT, **row} for row in rows_of(crossfit)))
    record_step(study, "train", {"model": study.model_file, "crossfit": crossfit_file(study)})
    return model
