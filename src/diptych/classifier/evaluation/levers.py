"""What every lever brings: sources and features left out in turn, and how figures grow with the training texts.

Everything is judged on gold by the folds of `diptych evaluate`; what is left out is left out of training alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.classifier.evaluation.trial import Trial
from diptych.classifier.training.features import SHARES
from diptych.classifier.training.held_out import Fold
from diptych.classifier.training.model import PassageClassifier
from diptych.classifier.training.sources import Progress
from diptych.errors import NotTrainedError

PARTS = (0.25, 0.5, 0.75, 1.0)
OF_PARTIES = ("parties", "sides", SHARES)


def ablation(trial: Trial, tell: Progress = lambda _: None) -> dict[str, dict[str, float | None]]:
    """Return what is left out → facet → macro-F1 by cross-validation.

    Parameters
    ----------
    trial : Trial
    tell : callable
        Called with a sentence before every row.

    Returns
    -------
    dict
        First `nothing`. Sources that a study does not have, and terms around parties where its schema names none, have
        no row; where the rest is too little to train on, the figures are None.
    """
    rows = list(_left_out(trial))
    found = {}
    for number, (name, classifier, beside) in enumerate(rows, 1):
        tell(f"ablation {number} of {len(rows)}: left out: {name}")
        found[name] = _figures(trial, trial.folds, classifier, beside)
    return found


def _left_out(trial: Trial) -> Iterator[tuple[str, PassageClassifier, NDArray[np.bool_]]]:
    """Yield name, classifier, and which of the texts that only train may train."""
    usual, source = trial.classifier, trial.beside["source"].to_numpy(dtype=object)
    pool, exemplars, everything = source == "pool", source == "exemplar", np.full(len(source), fill_value=True)
    rounds = trial.beside.loc[exemplars, "group"].unique().tolist()
    yield "nothing", usual, everything
    if exemplars.any():
        yield "exemplars", usual, ~exemplars
    for name in rounds if len(rounds) > 1 else ():
        yield f"exemplars of {name}", usual, ~(exemplars & (trial.beside["group"] == name).to_numpy())
    if pool.any():
        yield "pool", usual, ~pool
    if pool.any() and exemplars.any():
        yield "exemplars and pool", usual, ~everything
    of_parties = OF_PARTIES if usual.markers else ()
    for name in ("runs", *of_parties):
        yield name, usual.fresh(without=(name,)), everything
    if of_parties:
        yield "all terms of parties", usual.fresh(without=of_parties), everything


def learning_curve(trial: Trial, seed: int, tell: Progress = lambda _: None) -> list[dict[str, Any]]:
    """Return macro-F1 with a part of the training texts.

    Parameters
    ----------
    trial : Trial
    seed : int
        Of what is drawn. Smaller parts lie within larger ones.
    tell : callable
        Called with a sentence before every part.

    Returns
    -------
    list of dict
        of (`real passages`: gold and pool, drawn by section and document; `exemplars`, drawn one by one), part (0 to
        1), passages (how many trained in a fold, mean), facet, macro_f1 (None where they are too few).
    """
    source = trial.beside["source"].to_numpy(dtype=object)
    pool, exemplars = source == "pool", source == "exemplar"
    groups, documents = trial.own["group"].tolist(), trial.beside["group"].where(pool, "").tolist()
    rows: list[dict[str, Any]] = []
    whole: dict[str, float | None] | None = None  # all passages and all exemplars: the same in both curves
    for of in ("real passages", "exemplars") if exemplars.any() else ("real passages",):
        for part in PARTS:
            tell(f"learning curve: {100 * part:.0f} % of the {of}")
            folds, beside = trial.folds, np.full(len(source), fill_value=True)
            if of == "exemplars":
                beside[exemplars] = drawn([str(i) for i in range(exemplars.sum())], part, seed)
                passages = float(beside[exemplars].sum())
            else:
                folds = [(train[drawn([groups[i] for i in train], part, seed)], test) for train, test in folds]
                beside[pool] = drawn([documents[i] for i in np.flatnonzero(pool)], part, seed)
                passages = float(np.mean([len(train) for train, _ in folds]) + beside[pool].sum())
            if part < 1 or whole is None:
                found = _figures(trial, folds, trial.classifier, beside)
                whole = found if part == 1 else whole
            else:
                found = whole
            rows += [
                {"of": of, "part": part, "passages": passages, "facet": facet, "macro_f1": macro}
                for facet, macro in found.items()
            ]
    return rows


def drawn(groups: Sequence[str], part: float, seed: int) -> NDArray[np.bool_]:
    """Return which passages stand in a part of the groups, drawn at random: as many as reach the part, at least.

    Examples
    --------
    >>> sum(drawn(["a", "a", "b", "b"], 0.5, 0).tolist()), drawn(["a", "b", "c"], 1.0, 0).tolist()
    (2, [True, True, True])
    """
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(codes, minlength=len(names))[order]
    before = np.cumsum(sizes) - sizes
    return np.isin(codes, order[before < part * len(codes)])


def _figures(
    trial: Trial, folds: Sequence[Fold], classifier: PassageClassifier, beside: NDArray[np.bool_]
) -> dict[str, float | None]:
    try:
        return {**trial.macro_f1(trial.judged(classifier=classifier, beside=beside, folds=folds))}
    except NotTrainedError:
        return dict.fromkeys(trial.orders)
