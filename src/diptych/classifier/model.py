"""The estimator: terms of a text → one value a facet, with a probability.

One tf-idf table over the terms of :func:`diptych.classifier.analyser.terms` and one multinomial
logistic regression a facet. It follows scikit-learn; what it learned is compiled to plain arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from diptych.classifier.analyser import terms
from diptych.classifier.score import Weights
from diptych.errors import NotTrainedError

FEWEST = 5  # passages: one to test on, four to learn from


def too_few(number: int) -> NotTrainedError:
    """Word that there are too few coded passages."""
    return NotTrainedError(
        f"{number} coded passages are too few to train on",
        hint=f"code at least {FEWEST} (better 100) passages",
    )


class PassageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify passages on all facets of a schema at once.

    Parameters
    ----------
    C : float, default 10.0
        Inverse strength of regularisation, as in LogisticRegression.
    min_df : int, default 2
        Terms of fewer texts are left out.
    seed : int, default 0

    Attributes
    ----------
    facets_ : dict of str to tuple of str
        The values seen in training, per facet, sorted.
    vectorizer_ : TfidfVectorizer
    models_ : dict of str to LogisticRegression
        Facets with a single value in training have none.

    Examples
    --------
    >>> import pandas as pd
    >>> texts = ["gas pipeline", "oil pipeline", "tank army", "army missile"] * 2
    >>> y = pd.DataFrame({"domain": ["energy", "energy", "arms", "arms"] * 2})
    >>> PassageClassifier().fit(texts, y).predict(["a new pipeline"])["domain"].tolist()
    ['energy']
    """

    def __init__(self, *, C: float = 10.0, min_df: int = 2, seed: int = 0) -> None:
        self.C = C
        self.min_df = min_df
        self.seed = seed

    def fit(self, X: Sequence[str], y: pd.DataFrame) -> Self:
        """Learn from texts and their values.

        Parameters
        ----------
        X : sequence of str, length n
        y : DataFrame of shape (n, facets)
            Missing values are passed over, facet by facet.

        Raises
        ------
        NotTrainedError
            If there are too few texts, or they have no term in common.
        """
        texts = list(X)
        if len(texts) < FEWEST - 1:
            raise too_few(len(texts))
        self.vectorizer_ = TfidfVectorizer(analyzer=terms, min_df=min(self.min_df, len(texts)), sublinear_tf=True)
        try:
            table = self.vectorizer_.fit_transform(texts)
        except ValueError as error:
            raise NotTrainedError("the coded passages have no words in common to learn from") from error
        self.facets_: dict[str, tuple[str, ...]] = {}
        self.models_: dict[str, LogisticRegression] = {}
        for facet in y.columns:
            values = y[facet].to_numpy(dtype=object)
            known = np.array([isinstance(v, str) for v in values])
            self.facets_[facet] = tuple(sorted(set(values[known])))
            if not self.facets_[facet]:
                raise NotTrainedError(f"{facet}: no passage has a gold label")
            if len(self.facets_[facet]) > 1:
                # newton-cg: exact within a few steps where terms by far outnumber texts
                model = LogisticRegression(
                    C=self.C,
                    class_weight="balanced",
                    solver="newton-cg",
                    max_iter=200,
                    random_state=self.seed,
                )
                self.models_[facet] = model.fit(table[known], values[known].astype(str))
        return self

    def decision(self, X: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return the scores before they become probabilities: facet → array of shape (n, values)."""
        check_is_fitted(self, "facets_")
        table = self.vectorizer_.transform(list(X))
        scores = {}
        for facet, values in self.facets_.items():
            if facet not in self.models_:
                scores[facet] = np.zeros((table.shape[0], 1))
                continue
            raw = self.models_[facet].decision_function(table)
            scores[facet] = np.column_stack([np.zeros(len(raw)), raw]) if len(values) == 2 else raw
        return scores

    def predict_proba(self, X: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return facet → array of shape (n, values), rows summing to 1; values as in `facets_`."""
        return {facet: softmax(scores) for facet, scores in self.decision(X).items()}

    def predict(self, X: Sequence[str]) -> pd.DataFrame:
        """Return the likeliest value of every facet: n rows, one column a facet."""
        return pd.DataFrame(
            {
                facet: np.array(self.facets_[facet], dtype=object)[scores.argmax(axis=1)]
                for facet, scores in self.decision(X).items()
            }
        )

    def score(self, X: Sequence[str], y: pd.DataFrame, sample_weight: Sequence[float] | None = None) -> float:
        """Return the share of texts for which every facet is right."""
        right = (self.predict(X)[list(y.columns)].to_numpy() == y.to_numpy()).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def compile(self) -> Weights:
        """Return what was learned as plain arrays, which score without scikit-learn."""
        check_is_fitted(self, "facets_")
        vocabulary = self.vectorizer_.vocabulary_
        names = sorted(vocabulary, key=vocabulary.__getitem__)
        columns, intercepts = [], []
        for facet, values in self.facets_.items():
            if facet not in self.models_:
                columns.append(np.zeros((len(names), 1)))
                intercepts.append(np.zeros(1))
                continue
            coefficients = self.models_[facet].coef_.T
            start = self.models_[facet].intercept_
            if len(values) == 2:
                coefficients = np.column_stack([np.zeros(len(names)), coefficients])
                start = np.array([0.0, start[0]])
            columns.append(coefficients)
            intercepts.append(start)
        return Weights(
            terms=names,
            idf=self.vectorizer_.idf_.astype(np.float32),
            coefficients=np.column_stack(columns).astype(np.float32),
            intercepts=np.concatenate(intercepts).astype(np.float32),
            facets={facet: list(values) for facet, values in self.facets_.items()},
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.target_tags.two_d_labels = True
        return tags


def softmax(scores: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities for scores, row by row."""
    shifted = (scores - scores.max(axis=1, keepdims=True)) / temperature
    grown = np.exp(shifted)
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
