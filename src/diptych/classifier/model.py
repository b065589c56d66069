"""The estimator: terms of a text → one value a facet, with a probability.

Three tf-idf tables (words and pairs, letter runs, terms around parties) and one multinomial logistic regression
a facet. It follows scikit-learn; what it learned is compiled to plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from diptych.classifier.analyser import KINDS, Analyser
from diptych.classifier.parties import Parties, attitudes
from diptych.classifier.score import KIND_WEIGHTS, Weights, term_hash
from diptych.errors import NotTrainedError

Terms = dict[str, list[str]]
FEWEST = 5  # passages: one to test on, four to learn from


def too_few(number: int) -> NotTrainedError:
    """Word that there are too few coded passages."""
    return NotTrainedError(
        f"{number} coded passages are too few to train on",
        hint=f"code at least {FEWEST} (better 100) passages",
    )


def as_it_is(terms: list[str]) -> list[str]:
    """Return what is given: terms are made before they are counted."""
    return terms


class PassageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify passages on all facets of a schema at once.

    Parameters
    ----------
    C : float, default 3.0
        Inverse strength of regularisation, as in LogisticRegression.
    min_df : int, default 2
        Words and pairs of fewer texts are left out; of letter runs and terms around parties one text more.
    markers : mapping of str to sequence of str, optional
        Names of the parties, by value (`joint` for both); none: no terms around parties.
    language : str, default 'en'
        Whose words of attitude are used with the markers.
    seed : int, default 0

    Attributes
    ----------
    facets_ : dict of str to tuple of str
        The values seen in training, per facet, sorted.
    analyser_ : Analyser
    tables_ : dict of str to TfidfVectorizer
        By kind of term; a kind without terms has none.
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

    def __init__(
        self,
        *,
        C: float = 3.0,
        min_df: int = 2,
        markers: Mapping[str, Sequence[str]] | None = None,
        language: str = "en",
        seed: int = 0,
    ) -> None:
        self.C = C
        self.min_df = min_df
        self.markers = markers
        self.language = language
        self.seed = seed

    def fit(self, X: Sequence[str | Terms], y: pd.DataFrame, sample_weight: Sequence[float] | None = None) -> Self:
        """Learn from texts and their values.

        Parameters
        ----------
        X : sequence of str, length n
            Or of terms by kind, as :meth:`analyse` returns them.
        y : DataFrame of shape (n, facets)
            Missing values are passed over, facet by facet.
        sample_weight : sequence of float, length n, optional
            Values are weighed against each other so that all count the same in sum.

        Raises
        ------
        NotTrainedError
            If there are too few texts, or they have no term in common.
        """
        texts = list(X)
        if len(texts) < FEWEST - 1:
            raise too_few(len(texts))
        self.analyser_ = self.analyser()
        table = self._learn_terms(self.analyse(texts))
        given = np.ones(len(texts)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        self.facets_: dict[str, tuple[str, ...]] = {}
        self.models_: dict[str, LogisticRegression] = {}
        for facet in y.columns:
            values = y[facet].to_numpy(dtype=object)
            known = np.array([isinstance(v, str) for v in values]) & (given > 0)
            self.facets_[facet] = tuple(sorted(set(values[known])))
            if not self.facets_[facet]:
                raise NotTrainedError(f"{facet}: no passage has a gold label")
            if len(self.facets_[facet]) > 1:
                # newton-cg: exact within a few steps where terms by far outnumber texts
                model = LogisticRegression(C=self.C, solver="newton-cg", tol=1e-4, max_iter=200, random_state=self.seed)
                mine = values[known].astype(str)
                self.models_[facet] = model.fit(table[known], mine, sample_weight=_balanced(mine, given[known]))
        return self

    def analyser(self) -> Analyser:
        """Return the analyser these parameters make."""
        markers = self.markers or {}
        return Analyser(Parties(markers, attitudes(self.language) if markers else {}))

    def analyse(self, X: Sequence[str | Terms]) -> list[Terms]:
        """Return the terms of texts by kind: to be made once where many models are fitted to the same texts."""
        analyser = self.analyser()
        return [analyser.terms(text) if isinstance(text, str) else text for text in X]

    def _learn_terms(self, found: list[Terms]) -> sparse.csr_matrix:
        self.tables_: dict[str, TfidfVectorizer] = {}
        parts = []
        for kind in KINDS:
            least = min(self.min_df + (kind != KINDS[0]), len(found))
            table = TfidfVectorizer(analyzer=as_it_is, min_df=least, sublinear_tf=True)
            try:
                parts.append(KIND_WEIGHTS[kind] * table.fit_transform([terms[kind] for terms in found]))
            except ValueError:  # no such terms, or none in enough texts
                continue
            self.tables_[kind] = table
        if not self.tables_:
            raise NotTrainedError("the coded passages have no words in common to learn from")
        return sparse.hstack(parts).tocsr()

    def _table(self, found: list[Terms]) -> sparse.csr_matrix:
        parts = [
            KIND_WEIGHTS[kind] * table.transform([terms[kind] for terms in found])
            for kind, table in self.tables_.items()
        ]
        return sparse.hstack(parts).tocsr()

    def decision(self, X: Sequence[str | Terms]) -> dict[str, NDArray[np.float64]]:
        """Return the scores before they become probabilities: facet → array of shape (n, values)."""
        check_is_fitted(self, "facets_")
        table = self._table(self.analyse(X))
        scores = {}
        for facet, values in self.facets_.items():
            if facet not in self.models_:
                scores[facet] = np.zeros((table.shape[0], 1))
                continue
            raw = self.models_[facet].decision_function(table)
            scores[facet] = np.column_stack([np.zeros(len(raw)), raw]) if len(values) == 2 else raw
        return scores

    def known(self, text: str | Terms) -> float:
        """Return the share of a text's words that were seen in training, 0 to 1."""
        found = [term for term in self.analyse([text])[0][KINDS[0]] if " " not in term]
        vocabulary = self.tables_[KINDS[0]].vocabulary_ if KINDS[0] in self.tables_ else {}
        return sum(word in vocabulary for word in found) / len(found) if found else 0.0

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
        hashes = [
            term_hash(kind, term)
            for kind, table in self.tables_.items()
            for term in sorted(table.vocabulary_, key=table.vocabulary_.__getitem__)
        ]
        idf = np.concatenate([table.idf_ for table in self.tables_.values()])
        columns, intercepts = [], []
        for facet, values in self.facets_.items():
            if facet not in self.models_:
                columns.append(np.zeros((len(hashes), 1)))
                intercepts.append(np.zeros(1))
                continue
            coefficients = self.models_[facet].coef_.T
            start = self.models_[facet].intercept_
            if len(values) == 2:
                coefficients = np.column_stack([np.zeros(len(hashes)), coefficients])
                start = np.array([0.0, start[0]])
            columns.append(coefficients)
            intercepts.append(start)
        order = np.argsort(np.array(hashes, dtype=np.uint64))
        return Weights(
            hashes=np.array(hashes, dtype=np.uint64)[order],
            idf=idf[order].astype(np.float32),
            coefficients=np.column_stack(columns)[order].astype(np.float32),
            intercepts=np.concatenate(intercepts).astype(np.float32),
            facets={facet: list(values) for facet, values in self.facets_.items()},
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.target_tags.two_d_labels = True
        return tags


def _balanced(values: NDArray[np.str_], given: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights with which all values count the same in sum, and one passage counts one on average."""
    names, places = np.unique(values, return_inverse=True)
    masses = np.bincount(places, given)
    weights = given * (given.sum() / (len(names) * masses))[places]
    return np.asarray(weights / weights.mean())


def softmax(scores: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities for scores, row by row."""
    shifted = (scores - scores.max(axis=1, keepdims=True)) / temperature
    grown = np.exp(shifted)
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
