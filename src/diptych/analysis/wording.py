"""What only originals tell: distinctive words, accuracy lost across authors, telling the authors apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from diptych.analysis.keyness import distinctive_words
from diptych.classifier.training.sources import training_table
from diptych.records import rows_of
from diptych.schema import Facet
from diptych.study import Study

FEWEST = 10
NOT_AVAILABLE = "not available: the originals are not at hand, and digests are in other words than the authors'"
TELLING = (
    "Telling apart: balanced accuracy of a classifier that guesses the author from the words of a passage, by "
    "cross-validation over sections; .5 is guessing. With one document an author it tells documents apart as well."
)
KEYNESS = (
    "z: difference of log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, full variance); "
    "beside it what the largest |z| reaches by chance when the passages are dealt to two halves (95 % point)."
)


def wording_tables(study: Study, *, by: str = "author", seed: int | None = None) -> dict[str, Any]:
    """Return what only the documents' own words tell, for the passages whose originals are at hand.

    Parameters
    ----------
    study : Study
    by : str
    seed : int, optional
        Default: the study's.

    Returns
    -------
    dict
        `available`, and if so: words (a row a cell and word), lost (a row an author and facet: accuracy on the
        author's passages within all authors and from the others alone), telling (a row a cell), notes.
        If not: `reason`.
    """
    table = _original_wording(study, by)
    if table is None:
        return {"available": False, "reason": NOT_AVAILABLE}
    seed = study.settings.seed if seed is None else seed
    telling = [
        pair | telling_apart(pd.concat([mine, other]), by, seed) for pair, mine, other in _pairs(study, table, by)
    ]
    words = _words(study, table, by, seed)
    return {
        "available": True,
        "words": words,
        "lost": accuracy_lost(table, study.schema.facets, by, seed),
        "telling": telling,
        "notes": [KEYNESS, TELLING],
    }


def cell_words(study: Study, *, by: str = "author", seed: int = 0) -> list[dict[str, Any]]:
    """Return the distinctive words of every pair of authors, over all passages and cell by cell.

    Parameters
    ----------
    study : Study
    by : str
    seed : int

    Returns
    -------
    list of dict
        cell, first, second, and the columns of :func:`diptych.analysis.keyness.distinctive_words`; empty where
        fewer than two authors have originals at hand.
    """
    table = _original_wording(study, by)
    return [] if table is None else _words(study, table, by, seed)


def _original_wording(study: Study, by: str) -> pd.DataFrame | None:
    """The coded passages whose originals are at hand; None of fewer than two authors."""
    table = training_table(study)
    table = table[table["source"] == "original"].reset_index(drop=True)
    table[by] = table[by].astype("string").fillna("(none)").astype(object)
    return table if len(set(table[by])) > 1 else None


def _pairs(study: Study, table: pd.DataFrame, by: str) -> Iterator[tuple[dict[str, str], pd.DataFrame, pd.DataFrame]]:
    """Every pair of authors with enough passages, over all passages and in every value of the last crossed facet."""
    given = study.schema.cells[-1]
    for cell, rows in [("(all)", table), *((value, table[table[given.id] == value]) for value in given.value_ids)]:
        for first, second in combinations(dict.fromkeys(table[by]), 2):
            mine, other = rows[rows[by] == first], rows[rows[by] == second]
            if min(len(mine), len(other)) >= FEWEST:
                name = cell if cell == "(all)" else f"{given.id} = {cell}"
                yield {"cell": name, "first": first, "second": second}, mine, other


def _words(study: Study, table: pd.DataFrame, by: str, seed: int) -> list[dict[str, Any]]:
    found = []
    for pair, mine, other in _pairs(study, table, by):
        words = distinctive_words(mine["text"].tolist(), other["text"].tolist(), table["text"].tolist(), seed=seed)
        found += [pair | row for row in rows_of(words)]
    return found


def accuracy_lost(table: pd.DataFrame, facets: Sequence[Facet], by: str, seed: int) -> list[dict[str, Any]]:
    """Return, per author and facet, accuracy with the author's other passages in training and without them."""
    from diptych.classifier.training.held_out import evaluate

    labels = table[[facet.id for facet in facets]]
    orders = {facet.id: facet.value_ids for facet in facets}
    found = evaluate(table["text"].tolist(), labels, table[by].tolist(), orders, seed=seed)
    rows = []
    for author, figures in found["across_authors"].items():
        for facet, across in figures.items():
            within = found["cross_validation"][facet]
            rows.append(
                {
                    by: author,
                    "facet": facet,
                    "within": within["macro_f1"],
                    "across": across["macro_f1"],
                    "lost": within["macro_f1"] - across["macro_f1"],
                }
            )
    return rows


def telling_apart(rows: pd.DataFrame, by: str, seed: int) -> dict[str, Any]:
    """Return how well the author of a passage is told from its words, by cross-validation over sections.

    Parameters
    ----------
    rows : DataFrame
        text, document, section and the column `by` with two values.
    by : str
    seed : int

    Returns
    -------
    dict
        passages, accuracy (balanced, 0 to 1; None where an author has fewer than two sections).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    blocks = (rows["document"] + "\x1f" + rows["section"]).to_numpy()
    fewest = rows.groupby(by)["section"].nunique().min()
    if fewest < 2:
        return {"passages": len(rows), "accuracy": None}
    folds = StratifiedGroupKFold(min(5, int(fewest)), shuffle=True, random_state=seed)
    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=2), LogisticRegression(C=10, class_weight="balanced", max_iter=500)
    )
    authors = rows[by].to_numpy(dtype=str)
    try:
        guessed = cross_val_predict(model, rows["text"].to_numpy(), authors, groups=blocks, cv=folds)
    except ValueError:  # a fold without one of the authors
        return {"passages": len(rows), "accuracy": None}
    return {"passages": len(rows), "accuracy": float(balanced_accuracy_score(authors, np.asarray(guessed)))}
