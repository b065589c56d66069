"""Agreement taken apart: by pair of coders, by document, and by what suggestions do; and who is how far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from diptych.coding.alpha import alpha, percent_agreement
from diptych.coding.coefficients import bootstrap_interval, cohen_kappa, fleiss_kappa, gwet_ac
from diptych.coding.reliability import answer_table, as_numbers, scored_answers
from diptych.records import rows_of
from diptych.schema import Facet, Schema

if TYPE_CHECKING:
    import pandas as pd


COHEN = ("Cohen's kappa", "Conger's kappa")
NOTHING: dict[str, Any] = {"pairs": 0, "agreed": 0, "share": None, "alpha": None}


def _figures(codings: pd.DataFrame, facet: Facet, names: Sequence[str]) -> dict[str, Any]:
    """Passages coded by two or more, pairs that agree, and alpha, on one facet."""
    numbers = as_numbers(answer_table(codings, facet, names), facet)
    agreed, pairs = percent_agreement(numbers)
    return {
        "facet": facet.id,
        "passages": _coded_twice(numbers),
        "pairs": pairs,
        "agreed": agreed,
        "share": agreed / pairs if pairs else None,
        "alpha": alpha(numbers),
    }


def _coded_twice(answers: Any) -> int:
    """How many passages two coders or more have answered."""
    return int(((~np.isnan(answers)).sum(axis=1) >= 2).sum())


def _ends(interval: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {"low": low, "high": high}


def by_pair(codings: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return the agreement of every two coders on every facet."""
    plain = codings[codings["role"] == "coder"]
    names = sorted(plain["coder"].unique())
    return [
        {"first": first, "second": second, **_figures(plain, facet, [first, second])}
        for first, second in combinations(names, 2)
        for facet in schema.facets
    ]


def by_document(codings: pd.DataFrame, schema: Schema, documents: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the agreement of all coders on every facet, document by document.

    Parameters
    ----------
    codings : DataFrame
    schema : Schema
    documents : mapping of str to str
        The document of every passage.
    """
    plain = codings[codings["role"] == "coder"]
    names = sorted(plain["coder"].unique())
    placed = plain.assign(_document=plain["passage"].map(documents))
    return [
        {"document": document, **_figures(rows, facet, names)}
        for document, rows in placed.groupby("_document", sort=False)
        for facet in schema.facets
    ]


def progress(history: pd.DataFrame, latest: pd.DataFrame, passages: int) -> list[dict[str, Any]]:
    """Return how far every coder is: passages coded and skipped, of how many, and the usual seconds a passage.

    Parameters
    ----------
    history : DataFrame
        Every row, as `load_codings(study, history=True)` returns it.
    latest : DataFrame
        The rows that count.
    passages : int
        How many the study has.
    """
    rows = []
    for name, mine in history[history["role"] == "coder"].groupby("coder", sort=True):
        coded = latest[(latest["coder"] == name) & (latest["role"] == "coder")]
        skipped = set(mine.loc[mine["status"] == "skipped", "passage"]) - set(coded["passage"])
        seconds = coded.drop_duplicates("passage")["lead_time"].dropna().astype(float)
        flagged = sum(isinstance(flags, list) and bool(flags) for flags in coded.drop_duplicates("passage")["flags"])
        rows.append(
            {
                "coder": str(name),
                "passages": int(coded["passage"].nunique()),
                "of": passages,
                "skipped": len(skipped),
                "flagged": flagged,
                "seconds": float(seconds.median()) if len(seconds) else None,
            }
        )
    return rows


def suggestion_effects(codings: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return what suggestions do: how often one that was shown was kept, and agreement with and without.

    Parameters
    ----------
    codings : DataFrame
        The rows that count. A row's suggestion is {value, p, model} where one was shown, else missing.

    Returns
    -------
    list of dict
        Per facet: shown and kept (answers), kept_share, and pairs, agreed, share, alpha for passages
        where every coder saw a suggestion (`*_shown`) and where none did (`*_withheld`).
    """
    plain = codings[codings["role"] == "coder"]
    names = sorted(plain["coder"].unique())
    seen = [isinstance(suggestion, dict) for suggestion in plain["suggestion"]]
    plain = plain.assign(_seen=seen)
    share_seen = plain.groupby(["passage", "facet"])["_seen"].transform("mean")
    rows = []
    for facet in schema.facets:
        answers = rows_of(plain[plain["_seen"] & (plain["facet"] == facet.id)])
        kept = sum(row["value"] == row["suggestion"].get("value") for row in answers)
        row: dict[str, Any] = {
            "facet": facet.id,
            "shown": len(answers),
            "kept": kept,
            "kept_share": kept / len(answers) if answers else None,
        }
        for name, part in (("shown", plain[share_seen == 1]), ("withheld", plain[share_seen == 0])):
            found = _figures(part, facet, names) if len(part) else NOTHING
            row |= {f"{key}_{name}": found[key] for key in ("pairs", "agreed", "share", "alpha")}
        rows.append(row)
    return rows


def by_coefficient(codings: pd.DataFrame, schema: Schema, *, seed: int = 0) -> list[dict[str, Any]]:
    """Return every coefficient for every facet, each with a bootstrap interval over passages.

    Parameters
    ----------
    codings : DataFrame
    schema : Schema
    seed : int

    Returns
    -------
    list of dict
        facet, coefficient, on (all values | scored values), passages, value (None where undefined), low,
        high (None with fewer than two passages that two coders coded).
    """
    plain = codings[codings["role"] == "coder"]
    names = sorted(plain["coder"].unique())
    rows = []
    for facet in schema.facets:
        table = answer_table(plain, facet, names)
        numbers, values = as_numbers(table, facet), np.arange(len(facet.values), dtype=float)
        measures: list[tuple[str, str, Callable[[Any], float | None], Any]] = [
            ("Krippendorff's alpha, nominal", "all values", alpha, numbers),
            (COHEN[len(names) > 2], "all values", partial(cohen_kappa, values=values), numbers),
            ("Fleiss' kappa", "all values", partial(fleiss_kappa, values=values), numbers),
            ("Gwet's AC1", "all values", partial(gwet_ac, values=values), numbers),
        ]
        if facet.scale == "ordinal":
            scores, _ = scored_answers(table, facet)
            near: dict[str, Any] = {"name": "quadratic", "values": np.array(sorted(facet.scores.values()))}
            measures += [
                ("Krippendorff's alpha, ordinal metric", "scored values", partial(alpha, scale="ordinal"), scores),
                (
                    "weighted kappa, quadratic",
                    "scored values",
                    partial(cohen_kappa, **near),
                    scores,
                ),
                ("Gwet's AC2, quadratic", "scored values", partial(gwet_ac, **near), scores),
            ]
        for name, on, measure, answers in measures:
            interval = bootstrap_interval(answers, measure, seed=seed)
            rows.append(
                {
                    "facet": facet.id,
                    "coefficient": name,
                    "on": on,
                    "passages": _coded_twice(answers),
                    "value": measure(answers) if len(answers) else None,
                    **_ends(interval),
                }
            )
    return rows


def by_author(codings: pd.DataFrame, schema: Schema, authors: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the agreement of all coders on every facet, author by author; `authors`: of every passage."""
    return [{"author": row.pop("document"), **row} for row in by_document(codings, schema, authors)]


def by_value(codings: pd.DataFrame, schema: Schema, *, seed: int = 0) -> list[dict[str, Any]]:
    """Return the agreement on every single value against all others.

    Parameters
    ----------
    codings : DataFrame
    schema : Schema
    seed : int

    Returns
    -------
    list of dict
        facet, value, passages (coded by two or more), two (pairs of answers that are both this value), one (pairs
        with it on one side), none, share (agreement, 0 to 1), alpha, low, high (bootstrap over passages), ac1.
        With a rare value look at all of them: agreement is high by itself, and alpha hangs on few passages.
    """
    plain = codings[codings["role"] == "coder"]
    names = sorted(plain["coder"].unique())
    rows = []
    for facet in schema.facets:
        numbers = as_numbers(answer_table(plain, facet, names), facet)
        for place, value in enumerate(facet.value_ids):
            binary = np.where(np.isnan(numbers), np.nan, (numbers == place).astype(float))
            yes, no = (binary == 1).sum(axis=1), (binary == 0).sum(axis=1)
            two, one, none = (int(n.sum()) for n in (yes * (yes - 1) // 2, yes * no, no * (no - 1) // 2))
            pairs = two + one + none
            interval = bootstrap_interval(binary, alpha, seed=seed)
            rows.append(
                {
                    "facet": facet.id,
                    "value": value,
                    "passages": _coded_twice(binary),
                    "two": two,
                    "one": one,
                    "none": none,
                    "share": (two + none) / pairs if pairs else None,
                    "alpha": alpha(binary),
                    **_ends(interval),
                    "ac1": gwet_ac(binary, values=np.array([0.0, 1.0])) if pairs else None,
                }
            )
    return rows


def confusion(codings: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return how often every two coders gave every two values: a row a pair of coders and of values that occurs."""
    plain = codings[codings["role"] == "coder"]
    names = sorted(plain["coder"].unique())
    rows = []
    for facet in schema.facets:
        table = answer_table(plain, facet, names)
        for first, second in combinations(names, 2):
            both = table[[first, second]].dropna()
            counts = both.value_counts()
            rows += [
                {
                    "first": first,
                    "second": second,
                    "facet": facet.id,
                    "value_first": mine,
                    "value_second": other,
                    "passages": int(counts.get((mine, other), 0)),
                }
                for mine in facet.value_ids
                for other in facet.value_ids
                if counts.get((mine, other), 0)
            ]
    return rows


def by_dispute(codings: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return the passages on which coders differ, those with most disputed facets first.

    Returns
    -------
    list of dict
        passage, disputed (number of facets), and a column a facet with the answers and how many gave each.
    """
    plain = codings[codings["role"] == "coder"]
    differ = plain.groupby(["passage", "facet"], sort=False)["value"].transform("nunique") > 1
    votes: dict[str, dict[str, Counter[str]]] = {}
    names = ("passage", "facet", "value")
    for passage, facet, value in zip(*(plain.loc[differ, name].tolist() for name in names), strict=True):
        votes.setdefault(passage, {}).setdefault(facet, Counter())[value] += 1
    rows: list[dict[str, Any]] = []
    for passage, facets in votes.items():
        said = {
            facet: ", ".join(f"{value} {count}" for value, count in facets.get(facet, Counter()).most_common())
            for facet in schema.facet_ids
        }
        rows.append({"passage": passage, "disputed": len(facets), **said})
    return sorted(rows, key=lambda row: (-row["disputed"], row["passage"]))
