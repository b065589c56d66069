"""Figures of answers beside gold labels: pure functions over arrays and frames.

Everything here takes answers by models that had not seen the passages; none of it fits anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.classifier.scoring.limits import upper_bound
from diptych.classifier.training.calibrate import equal_bins, risk_curve

DRAWS = 500
Floats = NDArray[np.float64]


def figures(gold: Sequence[str], predicted: Sequence[str], values: Sequence[str]) -> dict[str, Any]:
    """Return macro-F1 over the values present, accuracy, the majority baseline and a table a value.

    Parameters
    ----------
    gold, predicted : sequences of str, length n
    values : sequence of str
        The order of the table.

    Examples
    --------
    >>> found = figures(["a", "a", "b"], ["a", "b", "b"], ["a", "b"])
    >>> round(found["macro_f1"], 3), round(found["accuracy"], 3), found["majority"]
    (0.667, 0.667, {'value': 'a', 'accuracy': 0.6666666666666666, 'macro_f1': 0.4})
    """
    from sklearn.metrics import precision_recall_fscore_support

    present = [value for value in values if value in set(gold)]
    precision, recall, f1, support = precision_recall_fscore_support(gold, predicted, labels=present, zero_division=0.0)
    most, votes = max(Counter(gold).items(), key=lambda item: (item[1], item[0]))
    share = votes / len(gold)
    return {
        "passages": len(gold),
        "macro_f1": float(np.mean(f1)),
        "accuracy": float(np.mean([g == p for g, p in zip(gold, predicted, strict=True)])),
        "majority": {"value": most, "accuracy": share, "macro_f1": 2 * share / (1 + share) / len(present)},
        "values": [
            {
                "value": value,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "passages": int(support[i]),
            }
            for i, value in enumerate(present)
        ],
    }


def figures_by_facet(predictions: pd.DataFrame, orders: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return facet → figures of cross-fitted predictions."""
    found = {}
    for facet, order in orders.items():
        rows = predictions[(predictions["facet"] == facet) & predictions["value"].notna()]
        if len(rows):
            found[facet] = figures(rows["value"].tolist(), rows["predicted"].tolist(), order)
    return found


def figure_rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return evaluation figures as rows of one table: one a facet, by cross-validation, left-out author and test."""
    tested = [("unseen passages (5 folds)", found["cross_validation"])]
    tested += [(f"unseen author: {author}", by_facet) for author, by_facet in found["across_authors"].items()]
    if "test" in found:
        tested.append(("other authors (the pool's development test)", found["test"]))
    return [
        {
            "tested_on": name,
            "facet": facet,
            "passages": one["passages"],
            "macro_f1": one["macro_f1"],
            "macro_f1_low": (one.get("interval") or (None, None))[0],
            "macro_f1_high": (one.get("interval") or (None, None))[1],
            "coders_macro_f1": one.get("coders"),
            "accuracy": one["accuracy"],
            "baseline": one["majority"]["value"],
            "baseline_macro_f1": one["majority"]["macro_f1"],
            "baseline_accuracy": one["majority"]["accuracy"],
        }
        for name, by_facet in tested
        for facet, one in by_facet.items()
    ]


def macro_interval(
    gold: Sequence[str], answers: Sequence[str], groups: Sequence[str], seed: int, draws: int = DRAWS
) -> list[float]:
    """Return the 95 % interval of macro-F1 when groups (sections, documents) are drawn anew with replacement.

    Parameters
    ----------
    gold, answers, groups : sequences of str, length n
    seed : int
    draws : int

    Returns
    -------
    list of two floats
        The 2.5 and 97.5 % points, 0 to 1. With few groups it is a yardstick rather than a confidence interval.

    References
    ----------
    Field, C. A. and Welsh, A. H. (2007). Bootstrapping clustered data.

    Examples
    --------
    >>> macro_interval(["a", "b"] * 4, ["a", "b"] * 4, list("wwxxyyzz"), 0)
    [1.0, 1.0]
    """
    values, places = np.unique([*gold, *answers], return_inverse=True)
    truth, said = np.eye(len(values))[places].reshape(2, -1, len(values))
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    member = np.eye(len(names))[codes].T
    counts = np.stack([member @ (truth * said), member @ truth, member @ said])  # by group and value
    taken = np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))
    times = np.array([np.bincount(draw, minlength=len(names)) for draw in taken])
    right, labels, given = times @ counts
    f1 = 2 * right / np.maximum(labels + given, 1)
    macro = f1.sum(axis=1, where=labels > 0) / (labels > 0).sum(axis=1)
    return [float(end) for end in np.quantile(macro, [0.025, 0.975])]


def confusion(gold: Sequence[str], predicted: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Return how often each gold value was answered by each value.

    Parameters
    ----------
    gold, predicted : sequences of str, length n
    values : sequence of str
        Every value that occurs, in the order of the table.

    Returns
    -------
    DataFrame
        gold, predicted, passages; pairs that occur alone, so that the passages sum to n.

    Examples
    --------
    >>> confusion(["a", "a", "b"], ["a", "b", "b"], ["a", "b"]).to_dict("split")["data"]
    [['a', 'a', 1], ['a', 'b', 1], ['b', 'b', 1]]
    """
    counts = Counter(zip(gold, predicted, strict=True))
    cells = [(one, other, counts[one, other]) for one in values for other in values if counts[one, other]]
    return pd.DataFrame(cells, columns=["gold", "predicted", "passages"])


def reliability_bins(chance: Floats, right: NDArray[np.bool_], bins: int = 10) -> pd.DataFrame:
    """Return the table behind a reliability diagram: whether what is said with 70 % comes true in 70 of 100.

    Parameters
    ----------
    chance : array of shape (n,)
        The probability of every answer, 0 to 1.
    right : boolean array of shape (n,)
    bins : int, default 10
        Of equal size, as :func:`~diptych.classifier.training.calibrate.expected_calibration_error` cuts them.

    Returns
    -------
    DataFrame
        low, high (the least and greatest probability of the bin), mean_probability, right (the share of right
        answers, 0 to 1), passages.

    Examples
    --------
    >>> reliability_bins(np.array([0.4, 0.6, 0.9]), np.array([False, True, True]), 2).to_dict("split")["data"]
    [[0.4, 0.6, 0.5, 0.5, 2], [0.9, 0.9, 0.9, 1.0, 1]]
    """
    rows = [
        (
            float(chance[part].min()),
            float(chance[part].max()),
            float(chance[part].mean()),
            float(right[part].mean()),
            len(part),
        )
        for part in equal_bins(chance, bins)
    ]
    return pd.DataFrame(rows, columns=["low", "high", "mean_probability", "right", "passages"])


def risk_coverage(chance: Floats, right: NDArray[np.bool_]) -> pd.DataFrame:
    """Return how many answers are wrong when only the surer ones are given, from all answers to the surest.

    Parameters
    ----------
    chance : array of shape (n,)
        The probability of every answer, 0 to 1.
    right : boolean array of shape (n,)

    Returns
    -------
    DataFrame
        least_probability, answered (the share of passages that get an answer), passages (their number), wrong (the
        share of wrong ones among them), wrong_high (its upper 95 % bound, one-sided: what `--abstain-at` holds
        against the rate).

    Examples
    --------
    >>> risk_coverage(np.array([0.9, 0.4]), np.array([True, False]))[["answered", "wrong"]].to_dict("split")["data"]
    [[1.0, 0.5], [0.5, 0.0]]
    """
    rows = [
        (least, passages / len(chance), passages, errors / passages, upper_bound(errors, passages))
        for least, passages, errors in risk_curve(chance, right)
    ]
    return pd.DataFrame(rows, columns=["least_probability", "answered", "passages", "wrong", "wrong_high"])


def mistakes(answers: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return the wrong answers that were given with most confidence: the errors worth reading.

    Parameters
    ----------
    answers : DataFrame
        passage, facet, gold, predicted, p; a passage without gold label is passed over.
    number : int
        The most a facet.

    Returns
    -------
    DataFrame
        facet, passage, gold, predicted, p; facets in the order of the answers, the surest first, of equally sure
        ones the first in the order of the answers.

    Examples
    --------
    >>> answers = pd.DataFrame({"passage": ["p1", "p2", "p3"], "facet": "tone", "gold": "a", "predicted": list("bba"),
    ...                         "p": [0.6, 0.8, 0.9]})
    >>> mistakes(answers, 1).to_dict("split")["data"]
    [['tone', 'p2', 'a', 'b', 0.8]]
    """
    wrong = answers[answers["gold"].notna() & (answers["gold"] != answers["predicted"])]
    order = {facet: place for place, facet in enumerate(dict.fromkeys(answers["facet"]))}
    ranked = wrong.assign(_order=wrong["facet"].map(order), _doubt=-wrong["p"]).sort_values(
        ["_order", "_doubt"], kind="stable"
    )
    return ranked.groupby("_order").head(number)[["facet", "passage", "gold", "predicted", "p"]].reset_index(drop=True)
