"""How good the classifier is: on passages it has not seen, and on authors it has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from diptych.classifier.terms.analyser import Reading
from diptych.classifier.training.calibrate import Calibration, calibrate
from diptych.classifier.training.corpus import Counted
from diptych.classifier.training.figures import figures_by_facet
from diptych.classifier.training.linear import NEVER
from diptych.classifier.training.model import FEWEST, PassageClassifier, softmax, too_few
from diptych.errors import NotTrainedError

FOLDS = 5
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
Pick = Callable[[NDArray[np.intp]], PassageClassifier]


def stratified_folds(
    labels: pd.DataFrame, seed: int, folds: int = FOLDS, groups: Sequence[str] | None = None
) -> list[Fold]:
    """Return (train, test) places of a stratified cross-validation over all facets at once.

    Parameters
    ----------
    labels : DataFrame of shape (n, facets)
    seed : int
    folds : int
    groups : sequence of str, length n, optional
        Passages of one group (section, document) stay in one fold.

    Notes
    -----
    Strata are the combinations of all facets; those too rare for every fold are put together facet
    by facet from the last, so that the first facets are balanced best.
    """
    if len(labels) < FEWEST:
        raise too_few(len(labels))
    for facet in labels.columns:
        known = int(labels[facet].notna().sum())
        if known < FEWEST:
            raise NotTrainedError(
                f"{facet}: {known} gold labels are too few to train on",
                hint=f"code at least {FEWEST} passages on it",
            )
    keys: NDArray[Any] = labels.astype("string").fillna("").agg(" | ".join, axis=1).to_numpy(dtype=object)
    for width in range(labels.shape[1], 0, -1):
        counts = Counter(keys)
        rare = np.array([counts[key] < folds for key in keys])
        if not rare.any():
            break
        shorter = labels.iloc[:, : width - 1].astype("string").fillna("")
        joined = shorter.agg(" | ".join, axis=1).to_numpy(dtype=object) if width > 1 else np.full(len(labels), "")
        keys = np.where(rare, joined, keys)
    codes = pd.factorize(keys)[0]
    if groups is not None and len(set(groups)) >= 2 * folds:
        found = _quiet_split(StratifiedGroupKFold(folds, shuffle=True, random_state=seed), codes, list(groups))
        labelled = labels.notna().to_numpy()
        if all(len(train) and labelled[train].any(axis=0).all() for train, _ in found):
            return found  # else a facet is coded in one group alone, and passages are dealt singly
    return _quiet_split(StratifiedKFold(folds, shuffle=True, random_state=seed), codes, None)


def _quiet_split(splitter: Any, codes: NDArray[np.intp], groups: list[str] | None) -> list[Fold]:
    """Split; that a leftover stratum is smaller than the number of folds is known and harmless."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(np.zeros(len(codes)), codes, groups))


def author_folds(authors: Sequence[str]) -> Iterator[tuple[str, Fold]]:
    """Yield (author, (places of all others, places of the author)) for every author."""
    names = np.asarray(authors, dtype=object)
    for author in dict.fromkeys(authors):
        mine = names == author
        if mine.all():
            return
        yield author, (np.flatnonzero(~mine), np.flatnonzero(mine))


@dataclass(frozen=True)
class Background:
    """Texts that only ever train: exemplars, and in tests across authors whatever else is at hand."""

    texts: Sequence[str | Reading | Counted]
    labels: pd.DataFrame
    weights: NDArray[np.float64]

    def only(self, kept: NDArray[np.bool_]) -> Background:
        """Return the texts for which `kept` is true."""
        places = np.flatnonzero(kept)
        return Background([self.texts[i] for i in places], self.labels.iloc[places], self.weights[places])


def cross_fit(
    texts: Sequence[str | Reading | Counted],
    labels: pd.DataFrame,
    folds: Sequence[Fold],
    classifier: PassageClassifier,
    others: Sequence[str | Reading | Counted] = (),
    background: Background | None = None,
    pick: Pick | None = None,
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return predictions for every text by a model that did not see it.

    Parameters
    ----------
    texts : sequence of str, length n
    labels : DataFrame of shape (n, facets)
    folds : sequence of (train, test) places
    classifier : PassageClassifier
    others : sequence of str
        Texts without labels: judged by the model of every fold, places from n on, so that their mean is
        exchangeable with what the same models say of the texts they were not trained on.
    background : Background, optional
        Trains in every fold and is never tested.
    pick : callable, optional
        Given the places of a fold's training texts, returns the classifier to fit to them in place of `classifier`
        (the same, with other parameters).

    Returns
    -------
    predictions : DataFrame
        place, facet, value (the gold label, or None), predicted, fold, and one `score:<value>` column
        for every value of any facet.
    known : array of shape (n,)
        The share of each text's words that the model which judged it knows.
    """
    found: list[pd.DataFrame] = []
    known = np.full(len(texts), np.nan)
    everything = classifier.analyse([*texts, *others])
    background = background and Background(classifier.analyse(background.texts), background.labels, background.weights)
    unlabelled = np.arange(len(texts), len(texts) + len(others))
    gold = {facet: np.full(len(everything), None, dtype=object) for facet in labels.columns}
    for facet, values in gold.items():
        said = labels[facet].to_numpy(dtype=object)
        values[: len(texts)] = [value if isinstance(value, str) else None for value in said]
    for number, (train, test) in enumerate(folds):
        judged = np.concatenate([test, unlabelled]).astype(np.intp)
        mine = pick(train) if pick else classifier
        fitted = fit_with(mine, [everything[i] for i in train], labels.iloc[train], background)
        for facet, scores in fitted.decision([everything[i] for i in judged]).items():
            order = fitted.facets_[facet]
            rows = {
                "place": judged,
                "facet": facet,
                "value": gold[facet][judged],
                "predicted": np.array(order, dtype=object)[scores.argmax(axis=1)],
                "fold": number,
            }
            found.append(pd.DataFrame(rows | {f"score:{v}": scores[:, i] for i, v in enumerate(order)}))
        known[test] = fitted.known_shares([everything[i] for i in test])
    frame = pd.concat(found).sort_values(["facet", "place"], kind="stable").reset_index(drop=True)
    return frame, known


def fit_with(
    classifier: PassageClassifier,
    texts: Sequence[str | Reading | Counted],
    labels: pd.DataFrame,
    background: Background | None,
) -> PassageClassifier:
    """Fit a fresh copy of a classifier on texts and what always trains beside them."""
    if background is None or not len(background.texts):
        return classifier.fresh().fit(texts, labels)
    both = pd.concat([labels, background.labels[list(labels.columns)]], ignore_index=True)
    return classifier.fresh().fit([*texts, *background.texts], both, [1.0] * len(texts) + background.weights.tolist())


def answer_calibrated(predictions: pd.DataFrame, orders: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return predictions whose answers lean as a calibration on the other folds says, never on their own.

    Parameters
    ----------
    predictions : DataFrame
        As :func:`cross_fit` returns them.
    orders : mapping of str to sequence of str
        The values of every facet.

    Returns
    -------
    DataFrame
        The same with other answers, and `p` (the answer's probability, 0 to 1) and one column `chance:<value>` a value.
        A fold beside which there is too little to calibrate on keeps its answers, and the softmax of its scores.
    """
    found = predictions.assign(p=np.nan)
    for facet, order in orders.items():
        rows = predictions[(predictions["facet"] == facet)]
        columns = [f"score:{value}" for value in order if f"score:{value}" in rows]
        values = [column.removeprefix("score:") for column in columns]
        scores = rows[columns].fillna(NEVER).to_numpy(dtype=float)
        gold = pd.Categorical(rows["value"], categories=values).codes.astype(int)
        folds = rows["fold"].to_numpy()
        for fold in np.unique(folds):
            mine, rest = folds == fold, (folds != fold) & (gold >= 0)
            enough = rest.sum() >= FEWEST
            fitted = calibrate(scores[rest], gold[rest]) if enough else Calibration(1.0, [0.0], [0.0], [])
            logs = scores[mine] / fitted.temperature + np.array(fitted.prior)
            best, chances = (logs + np.array(fitted.lean)).argmax(axis=1), softmax(logs)
            places = rows.index[mine]
            found.loc[places, "predicted"] = np.array(values, dtype=object)[best]
            found.loc[places, "p"] = chances[np.arange(len(best)), best]
            found.loc[places, [f"chance:{value}" for value in values]] = chances
    return found


def evaluate(
    texts: Sequence[str | Reading | Counted],
    labels: pd.DataFrame,
    authors: Sequence[str],
    orders: Mapping[str, Sequence[str]],
    *,
    seed: int = 0,
    classifier: PassageClassifier | None = None,
    background: Background | None = None,
    groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the classifier's figures by stratified cross-validation and across authors.

    Parameters
    ----------
    texts : sequence of str, length n
    labels : DataFrame of shape (n, facets)
    authors : sequence of str, length n
    orders : dict of str to sequence of str
        The values of every facet, in the order of the tables.
    seed : int
    classifier : PassageClassifier, optional
    background : Background, optional
        Trains always.
    groups : sequence of str, length n, optional
        Passages of one group stay in one fold.

    Returns
    -------
    dict
        `cross_validation`: facet → figures; `across_authors`: author → facet → figures of a model
        trained on all other authors (empty with one author).

    Raises
    ------
    NotTrainedError
        If there is too little to train on.
    """
    classifier = classifier or PassageClassifier(seed=seed)
    folds = stratified_folds(labels, seed, groups=groups)
    predictions, _ = cross_fit(texts, labels, folds, classifier, background=background)
    return {
        "cross_validation": figures_by_facet(answer_calibrated(predictions, orders), orders),
        "across_authors": across_authors(texts, labels, authors, orders, classifier, background),
    }


def across_authors(
    texts: Sequence[str | Reading | Counted],
    labels: pd.DataFrame,
    authors: Sequence[str],
    orders: Mapping[str, Sequence[str]],
    classifier: PassageClassifier,
    background: Background | None = None,
) -> dict[str, Any]:
    """Return author → facet → figures of a model that has seen the other authors alone."""
    found = author_predictions(texts, labels, authors, classifier, background)
    return {author: figures_by_facet(predictions, orders) for author, predictions in found.items()}


def author_predictions(
    texts: Sequence[str | Reading | Counted],
    labels: pd.DataFrame,
    authors: Sequence[str],
    classifier: PassageClassifier,
    background: Background | None = None,
    pick: Pick | None = None,
) -> dict[str, pd.DataFrame]:
    """Return author → predictions (as :func:`cross_fit` returns them) by a model of the other authors alone.

    An author beside whom there is too little to train on is left out.
    """
    found = {}
    for author, fold in author_folds(authors):
        try:
            found[author], _ = cross_fit(texts, labels, [fold], classifier, background=background, pick=pick)
        except NotTrainedError:
            continue
    return found
