"""`diptych evaluate`: every figure of a study's classifier, by one seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from diptych.classifier.evaluate import evaluate
from diptych.classifier.figures import figures, macro_interval
from diptych.classifier.model import PassageClassifier
from diptych.classifier.sources import ADJUDICATOR, load_pool, pool_answers
from diptych.classifier.train import Material, classifier_for, fit_model, training_material, with_pool
from diptych.study import Study


def assess(study: Study, *, ablation: bool = False) -> dict[str, Any]:
    """Return figures on gold (cross-validated, across authors) and on the pool's development test.

    Parameters
    ----------
    study : Study
    ablation : bool, default False
        Also without exemplars, pool, letter runs or terms around parties.

    Returns
    -------
    dict
        `cross_validation`: facet → figures, folds by section (or document); `across_authors`: author → facet →
        figures; `test`: facet → figures of a model of everything but the test, with an interval over documents
        and the coders' own agreement (macro-F1 of one against the other), where the texts are at hand;
        `ablation`: what is left out → facet → macro-F1 of cross-validation.
    """
    with threadpool_limits(1):
        material = training_material(study)
        found = _cross_validated(study, material)
        test = load_pool(study, "test")
        if len(test):
            found["test"] = _tested(study, material, test)
        if ablation:
            found["ablation"] = _ablation(study, material)
        return found


def _cross_validated(study: Study, material: Material, classifier: PassageClassifier | None = None) -> dict[str, Any]:
    """Gold alone is judged; the pool and the exemplars always train."""
    facets = list(study.schema.facet_ids)
    classifier = classifier or classifier_for(study.schema, study.settings.seed)
    readings, own = classifier.analyse(material.real["text"].tolist()), material.real[: material.gold]
    return evaluate(
        readings[: material.gold],
        own[facets],
        own["author"].tolist(),
        {facet.id: facet.value_ids for facet in study.schema.facets},
        seed=study.settings.seed,
        classifier=classifier,
        background=with_pool(material, readings, material.background(classifier, facets)),
        groups=own["group"].tolist(),
    )


def _tested(study: Study, material: Material, test: pd.DataFrame) -> dict[str, Any]:
    model, _ = fit_model(material, study.schema, study.settings.seed)
    predictions = model.scorer.predict(test["text"].tolist())
    found = {}
    for facet in study.schema.facets:
        known = test[facet.id].notna().to_numpy()
        gold = test.loc[known, facet.id].tolist()
        answers = [p.best(facet.id)[0] for p, k in zip(predictions, known, strict=True) if k]
        found[facet.id] = {
            **figures(gold, answers, facet.value_ids),
            "interval": macro_interval(gold, answers, test.loc[known, "group"].tolist(), study.settings.seed),
            "coders": coder_ceiling(study, facet.id),
        }
    return found


def coder_ceiling(study: Study, facet: str) -> float | None:
    """Return the macro-F1 of one coder of the development test against the other: what a model can hope for."""
    first, second = [], []
    for found in pool_answers(study, "test").values():
        answers = sorted(found, key=lambda answer: str(answer["coder"]))
        plain = [a["values"][facet] for a in answers if a["coder"] != ADJUDICATOR and facet in a["values"]]
        if len(plain) > 1:
            first.append(plain[0])
            second.append(plain[1])
    if not first:
        return None
    return float(f1_score(first, second, labels=sorted(set(first)), average="macro", zero_division=0))


def _ablation(study: Study, material: Material) -> dict[str, Mapping[str, float]]:
    facets, seed = list(study.schema.facet_ids), study.settings.seed
    usual = classifier_for(study.schema, seed)
    own = material.real[: material.gold]
    none = material.exemplars[:0]
    left = {
        "nothing": (material, usual),
        "exemplars": (Material(material.real, material.gold, none), usual),
        "pool": (Material(own, material.gold, material.exemplars), usual),
        "exemplars and pool": (Material(own, material.gold, none), usual),
        "terms around parties": (material, PassageClassifier(seed=seed)),
    }
    found: dict[str, Mapping[str, float]] = {}
    for name, (part, classifier) in left.items():
        figures_found = _cross_validated(study, part, classifier)["cross_validation"]
        found[name] = {facet: figures_found[facet]["macro_f1"] for facet in facets}
    return found
