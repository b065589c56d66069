"""`diptych evaluate`: every figure of a study's classifier, by one seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from diptych.classifier.evaluation.levers import ablation, learning_curve
from diptych.classifier.evaluation.tables import TABLES, calibrations, confusions, risks, surest_errors
from diptych.classifier.evaluation.trial import Trial
from diptych.classifier.training.choose import Chooser
from diptych.classifier.training.figures import figures, figures_by_facet, macro_interval
from diptych.classifier.training.held_out import Fold, author_folds
from diptych.classifier.training.kept import FILE as KEPT
from diptych.classifier.training.kept import Kept
from diptych.classifier.training.material import Material, classifier_for, training_material
from diptych.classifier.training.sources import ADJUDICATOR, Progress, load_pool, pool_answers
from diptych.classifier.training.train import fit_model
from diptych.coding.codings import load_codings
from diptych.documents.passages import load_passages
from diptych.errors import UsageError, nearest
from diptych.schema import Facet
from diptych.study import Study

ERRORS = 10
Pairs = list[tuple[str, str]]


def assess(
    study: Study,
    *,
    tables: Sequence[str] = (),
    errors: int = ERRORS,
    choose: bool = False,
    tell: Progress = lambda _: None,
) -> dict[str, Any]:
    """Return figures on gold (cross-validated, across authors) and on the pool's development test.

    Parameters
    ----------
    study : Study
    tables : sequence of {'confusion', 'calibration', 'risk', 'errors', 'ablation', 'learning_curve'}
        What is wanted beside, all on gold by cross-validation: the errors of the development test stay unread.
    errors : int, default 10
        The most a facet.
    choose : bool, default False
        Choose regularisation and features anew within every training part (nested cross-validation).
    tell : callable
        Called with a sentence on every stage of long work.

    Returns
    -------
    dict
        `cross_validation`: facet → figures, folds by section (or document); `across_authors`: author → facet →
        figures; `test`: facet → figures of a model of everything but the test, where its texts are at hand. All
        with `interval` (95 %, over sections or documents; None with one of them) and `coders` (macro-F1 of one coder
        against another: what a model can hope for; None where passages were coded once). Then what `tables` names, and
        `chosen`: the parameters of every model, in order. See :mod:`diptych.classifier.evaluation.tables` and
        :mod:`diptych.classifier.evaluation.levers`.

    Raises
    ------
    UsageError
        If there is no such table.
    NotTrainedError
        If there is too little to train on.
    """
    for name in tables:
        if name not in TABLES:
            raise UsageError(f"no table {name!r}{nearest(name, TABLES)}", hint=f"tables: {', '.join(TABLES)}")
    with threadpool_limits(1):
        return _assess(study, tables, errors, tell, choose=choose)


def _assess(study: Study, tables: Sequence[str], errors: int, tell: Progress, *, choose: bool) -> dict[str, Any]:
    seed, material = study.settings.seed, training_material(study, tell=tell)
    kept = Kept(classifier_for(study.schema, seed).analyser(), study.state / KEPT)
    trial = Trial.of(material, study.schema, seed, kept)
    chooser = trial.chooser() if choose else None
    coders = gold_pairs(study)

    def told(predictions: pd.DataFrame, authors: Collection[str]) -> dict[str, Any]:
        found = {}
        for facet, one in figures_by_facet(predictions, trial.orders).items():
            pairs = [pair for author in authors for pair in coders.get(author, {}).get(facet, [])]
            interval = _interval(_of(predictions, facet, trial.own), seed)
            found[facet] = one | {"interval": interval, "coders": ceiling(pairs)}
        return found

    tell("cross-validation" + (", choosing within every training part" if choose else ""))
    answers = trial.judged(pick=chooser)
    found: dict[str, Any] = {"cross_validation": told(answers, coders)}
    tell("across authors")
    by_author = trial.by_author(chooser)
    found["across_authors"] = {author: told(predictions, [author]) for author, predictions in by_author.items()}
    chosen = _chosen(chooser, trial, by_author) if chooser else []
    test = load_pool(study, "test")
    if len(test):
        tell("the pool's development test")
        found["test"], parameters = _tested(study, material, test, tell, kept, choose=choose)
        chosen += [{"tested_on": "test", "fold": None, **parameters}]
    found |= _beside(trial, answers, tables, errors, seed, tell)
    return found | ({"chosen": chosen} if choose else {})


def _beside(
    trial: Trial, predictions: pd.DataFrame, tables: Sequence[str], errors: int, seed: int, tell: Progress
) -> dict[str, Any]:
    """What was asked for beside the figures."""
    answers = predictions.rename(columns={"value": "gold"})
    answers["passage"] = trial.own["passage"].to_numpy()[answers["place"]]
    makers: dict[str, Callable[[], Any]] = {
        "confusion": lambda: confusions(answers, trial.orders),
        "calibration": lambda: calibrations(answers, trial.orders),
        "risk": lambda: risks(answers, trial.orders),
        "errors": lambda: surest_errors(answers, trial.orders, errors),
        "ablation": lambda: ablation(trial, tell),
        "learning_curve": lambda: learning_curve(trial, seed, tell),
    }
    return {name: make() for name, make in makers.items() if name in tables}


def _chosen(chooser: Chooser, trial: Trial, authors: Collection[str]) -> list[dict[str, Any]]:
    """What was chosen for every fold, then for every left-out author."""
    tested: list[tuple[str, int | None, Fold]] = [("cross_validation", i, fold) for i, fold in enumerate(trial.folds)]
    tested += [(name, None, fold) for name, fold in author_folds(trial.own["author"].tolist()) if name in authors]
    return [{"tested_on": name, "fold": i, **chooser.choice(train).row()} for name, i, (train, _) in tested]


def _of(predictions: pd.DataFrame, facet: str, own: pd.DataFrame) -> pd.DataFrame:
    """The judged passages of a facet: group, gold, predicted."""
    rows = predictions[(predictions["facet"] == facet) & predictions["value"].notna()]
    return pd.DataFrame(
        {
            "group": own["group"].to_numpy()[rows["place"]],
            "gold": rows["value"].to_numpy(),
            "predicted": rows["predicted"].to_numpy(),
        }
    )


def _interval(answers: pd.DataFrame, seed: int) -> list[float] | None:
    """The interval over groups; None with one group, which says nothing of others."""
    gold, predicted, groups = (answers[column].tolist() for column in ("gold", "predicted", "group"))
    return macro_interval(gold, predicted, groups, seed) if len(set(groups)) > 1 else None


def ceiling(pairs: Pairs) -> float | None:
    """Return the macro-F1 of one coder against another, over the values that the first used; None without pairs.

    >>> ceiling([("a", "a"), ("b", "b")]), ceiling([])
    (1.0, None)
    """
    if not pairs:
        return None
    first, second = map(list, zip(*pairs, strict=True))
    return float(f1_score(first, second, labels=sorted(set(first)), average="macro", zero_division=0))


def gold_pairs(study: Study) -> dict[str, dict[str, Pairs]]:
    """Return author → facet → what the first two coders said of every passage that two coded, disputed ones too."""
    codings = load_codings(study)
    plain = codings[codings["role"] == "coder"].sort_values("coder", kind="stable")
    passages = load_passages(study)
    authors = dict(zip(passages["passage"], passages["author"], strict=True))
    found: dict[str, dict[str, Pairs]] = {}
    for (facet, passage), said in plain.groupby(["facet", "passage"], sort=False)["value"]:
        if len(said) > 1 and passage in authors:
            mine = found.setdefault(authors[str(passage)], {}).setdefault(str(facet), [])
            mine.append((said.iloc[0], said.iloc[1]))
    return found


def coder_ceiling(study: Study, facet: str) -> float | None:
    """Return the macro-F1 of one coder of the development test against the other: what a model can hope for."""
    pairs: Pairs = []
    for found in pool_answers(study, "test").values():
        answers = sorted(found, key=lambda answer: str(answer["coder"]))
        plain = [a["values"][facet] for a in answers if a["coder"] != ADJUDICATOR and facet in a["values"]]
        if len(plain) > 1:
            pairs.append((plain[0], plain[1]))
    return ceiling(pairs)


def _tested(
    study: Study, material: Material, test: pd.DataFrame, tell: Progress, kept: Kept, *, choose: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Facet → figures, and the parameters of the model that was tested."""
    model, _ = fit_model(material, study.schema, study.settings.seed, tell, choose=choose, kept=kept)
    predictions = model.scorer.predict(test["text"].tolist())
    found = {facet.id: _tested_facet(study, facet, test, predictions) for facet in study.schema.facets}
    parameters = model.card["training"]["parameters"]
    return {facet: one for facet, one in found.items() if one}, {k: parameters[k] for k in ("C", "without")}


def _tested_facet(study: Study, facet: Facet, test: pd.DataFrame, predictions: Sequence[Any]) -> dict[str, Any]:
    known = np.flatnonzero(test[facet.id].notna())
    if not len(known):
        return {}
    answers = test.iloc[known][["group"]].assign(
        gold=test[facet.id].to_numpy()[known], predicted=[predictions[i].best(facet.id)[0] for i in known]
    )
    return figures(answers["gold"].tolist(), answers["predicted"].tolist(), facet.value_ids) | {
        "interval": _interval(answers, study.settings.seed),
        "coders": coder_ceiling(study, facet.id),
    }
