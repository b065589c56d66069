"""What coders say together: by majority, or by a model of how reliable each of them is (Dawid and Skene)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from diptych.errors import MissingExtraError, UsageError
from diptych.records import rows_of
from diptych.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("majority", "dawid-skene")
ITERATIONS = 100


def consensus(codings: pd.DataFrame, schema: Schema, method: str = "majority") -> list[dict[str, Any]]:
    """Return one value a passage and facet, with its certainty. It never replaces gold: an adjudicator decides.

    Parameters
    ----------
    codings : DataFrame
        The rows that count; adjudications are passed over.
    schema : Schema
    method : {'majority', 'dawid-skene'}
        `majority`: the commonest answer, its share of the answers as certainty, none on a tie.
        `dawid-skene`: through crowd-kit (extra `consensus`), the posterior probability as certainty.

    Returns
    -------
    list of dict
        passage, facet, value (None on a tie), certainty (0 to 1), answers (their number).

    Raises
    ------
    UsageError
        For another method.
    MissingExtraError
        If crowd-kit is not installed.

    References
    ----------
    Dawid, A. P. and Skene, A. M. (1979). Maximum likelihood estimation of observer error-rates using the EM
    algorithm.
    """
    if method not in METHODS:
        raise UsageError(f"no consensus by {method!r}", hint=f"one of: {', '.join(METHODS)}")
    plain = codings[codings["role"] == "coder"]
    rows = []
    for facet in schema.facet_ids:
        mine = plain[plain["facet"] == facet]
        rows += _majority(mine, facet) if method == "majority" else _dawid_skene(mine, facet)
    return rows


def _majority(codings: pd.DataFrame, facet: str) -> list[dict[str, Any]]:
    rows = []
    for passage, answers in codings.groupby("passage", sort=True)["value"]:
        votes = Counter(answers).most_common()
        tie = len(votes) > 1 and votes[0][1] == votes[1][1]
        rows.append(
            {
                "passage": passage,
                "facet": facet,
                "value": None if tie else votes[0][0],
                "certainty": votes[0][1] / len(answers),
                "answers": len(answers),
            }
        )
    return rows


def _dawid_skene(codings: pd.DataFrame, facet: str) -> list[dict[str, Any]]:
    try:
        from crowdkit.aggregation import DawidSkene
    except ImportError as error:
        raise MissingExtraError("crowd-kit", "consensus") from error
    if codings.empty:
        return []
    names = {"passage": "task", "coder": "worker", "value": "label"}
    frame = codings.rename(columns=names)[list(names.values())]
    chances = DawidSkene(n_iter=ITERATIONS).fit_predict_proba(frame.reset_index(drop=True))
    answers = codings["passage"].value_counts()
    best = chances.idxmax(axis=1)
    return [
        {
            "passage": row["task"],
            "facet": facet,
            "value": best[row["task"]],
            "certainty": float(chances.loc[row["task"]].max()),
            "answers": int(answers[row["task"]]),
        }
        for row in rows_of(chances.reset_index()[["task"]].sort_values("task"))
    ]
