"""The estimator: terms of a text → one value a facet, with a probability.

Four tf-idf tables (words and pairs, letter runs, terms around parties, words on their sides) and counts over the
whole passage; one multinomial logistic regression a facet over all of it. It follows scikit-learn; what it learned
is compiled to plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from diptych.classifier.scoring.score import RAREST, Weights, facet_slices
from diptych.classifier.terms.analyser import KINDS, Analyser, Reading
from diptych.classifier.terms.parties import Parties, attitudes
from diptych.classifier.training.corpus import Corpus, Counted, counted, gathered
from diptych.classifier.training.features import SHARES, TermTable, check_left_out, share_scale
from diptych.classifier.training.labels import ONE, label_table
from diptych.classifier.training.linear import Floats, fit_linear
from diptych.errors import NotTrainedError, UsageError

FEWEST = 5  # passages: one to test on, four to learn from


def too_few(number: int) -> NotTrainedError:
    """Word that there are too few coded passages."""
    return NotTrainedError(
        f"{number} coded passages are too few to train on",
        hint=f"code at least {FEWEST} (better 100) passages",
    )


class PassageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify passages on all facets of a schema at once, or on one.

    Labels of several facets are a DataFrame, and so are the answers. Labels of one facet may be a list, an array or
    a Series; then answers are an array, and scikit-learn's own tools (GridSearchCV, cross_val_score …) apply.

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
    without : tuple of str, default ()
        What is left out, to see what it brings: kinds of terms (`words`, `runs`, `parties`, `sides`), or `shares`, the
        counts over a whole passage. Without `words` no word counts as known.

    Attributes
    ----------
    facets_ : dict of str to tuple of str
        The values seen in training, per facet, sorted.
    classes_ : array of shape (values,), or list of them
        The values as they were given, sorted; after training on a DataFrame a list, one array a facet.
    analyser_ : Analyser
    tables_ : dict of str to TermTable
        By kind of term; a kind without terms has none.
    coefficients_ : array of shape (features, values)
        Over the values of all facets; features are terms, then shares.
    intercepts_ : array of shape (values,)

    Examples
    --------
    >>> import pandas as pd
    >>> texts = ["gas pipeline", "oil pipeline", "tank army", "army missile"] * 2
    >>> y = pd.DataFrame({"domain": ["energy", "energy", "arms", "arms"] * 2})
    >>> PassageClassifier().fit(texts, y).predict(["a new pipeline"])["domain"].tolist()
    ['energy']

    >>> one = PassageClassifier().fit(texts, ["energy", "energy", "arms", "arms"] * 2)
    >>> one.predict(["a new pipeline", "a new tank"]).tolist()
    ['energy', 'arms']
    >>> one.classes_.tolist(), one.predict_proba(texts).shape
    (['arms', 'energy'], (8, 2))
    """

    def __init__(
        self,
        *,
        C: float = 3.0,
        min_df: int = 2,
        markers: Mapping[str, Sequence[str]] | None = None,
        language: str = "en",
        seed: int = 0,
        without: tuple[str, ...] = (),
    ) -> None:
        self.C = C
        self.min_df = min_df
        self.markers = markers
        self.language = language
        self.seed = seed
        self.without = without

    def fresh(self, **parameters: Any) -> Self:
        """Return a classifier like this one that has learned nothing, some of its parameters changed.

        Examples
        --------
        >>> PassageClassifier(min_df=1).fresh(C=1.0)
        PassageClassifier(C=1.0, min_df=1)
        """
        return type(self)(**self.get_params() | parameters)

    def fit(self, X: Sequence[str | Reading | Counted], y: Any, sample_weight: Sequence[float] | None = None) -> Self:
        """Learn from texts and their values.

        Parameters
        ----------
        X : sequence of str, length n
            Or of readings, as :meth:`analyse` returns them.
        y : DataFrame of shape (n, facets), or list, array or Series of length n
            Missing values are passed over, facet by facet.
        sample_weight : sequence of float, length n, optional
            Values are weighed against each other so that all count the same in sum.

        Raises
        ------
        NotTrainedError
            If there are too few texts, they have no term in common, or a facet has no label.
        UsageError
            If X holds anything but texts, y is neither a DataFrame nor one label a text, or `without` names what
            there is not.
        ValueError
            If X, y and sample_weight are not equally long.
        """
        check_left_out(self.without)
        readings = self.analyse(X)
        check_consistent_length(readings, y, sample_weight)
        corpus = gathered(readings)
        if len(readings) < FEWEST - 1:
            raise too_few(len(readings))
        self.analyser_ = self.analyser()
        y, originals = label_table(y)
        given = np.ones(len(readings)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        self.facets_: dict[str, tuple[str, ...]] = {}
        known: dict[str, NDArray[np.bool_]] = {}
        for facet in y.columns:
            known[facet] = np.array([isinstance(v, str) for v in y[facet]]) & (given > 0)
            seen = set(y[facet].to_numpy(dtype=object)[known[facet]])
            self.facets_[facet] = tuple(value for value in originals or sorted(seen) if value in seen)
            if not self.facets_[facet]:
                raise NotTrainedError(f"{facet}: no passage has a gold label")
        classes = [np.array([originals.get(v, v) for v in values]) for values in self.facets_.values()]
        self.classes_ = classes[0] if originals else classes
        terms = self._learn_terms(corpus)
        self.share_scale_ = share_scale(corpus.shares) * (SHARES not in self.without)
        table = sparse.hstack([*terms, sparse.csr_matrix(corpus.shares * self.share_scale_)]).tocsr()
        columns = []
        for facet, values in self.facets_.items():
            mine = y[facet].to_numpy(dtype=object)[known[facet]]
            columns.append(
                fit_linear(table[known[facet]], mine.tolist(), given[known[facet]], values, C=self.C, seed=self.seed)
            )
        self.coefficients_ = np.column_stack([part for part, _ in columns])
        self.intercepts_ = np.concatenate([part for _, part in columns])
        return self

    def analyser(self) -> Analyser:
        """Return the analyser these parameters make."""
        markers = self.markers or {}
        return Analyser(Parties(markers, attitudes(self.language) if markers else {}))

    def analyse(self, X: Sequence[str | Reading | Counted]) -> list[Counted]:
        """Take texts apart and count their terms: to be done once where many models are fitted to the same texts."""
        if isinstance(X, str):
            raise UsageError("one text was given where a list of texts is wanted", hint="put it in brackets: [text]")
        for place, text in enumerate(X):
            if not isinstance(text, str | Reading | Counted):
                raise UsageError(f"text {place} is no text, but {type(text).__name__}", hint="texts are str")
        analyser = self.analyser()
        new = [analyser.read(text) if isinstance(text, str) else text for text in X if not isinstance(text, Counted)]
        fresh = iter(counted(new).texts() if new else [])
        return [text if isinstance(text, Counted) else next(fresh) for text in X]

    def _learn_terms(self, corpus: Corpus) -> list[sparse.csr_matrix]:
        self.tables_: dict[str, TermTable] = {}
        parts = []
        for kind in KINDS:
            if kind in self.without:
                continue
            table, part = TermTable.learn(kind, corpus, min(self.min_df + (kind != KINDS[0]), len(corpus)))
            if len(table.hashes):  # else no such terms, or none in enough texts
                self.tables_[kind] = table
                parts.append(part)
        if not parts:
            raise NotTrainedError("the coded passages have no words in common to learn from")
        return parts

    def _features(self, corpus: Corpus) -> sparse.csr_matrix:
        parts = [table.transform(corpus) for table in self.tables_.values()]
        return sparse.hstack([*parts, sparse.csr_matrix(corpus.shares * self.share_scale_)]).tocsr()

    def decision(self, X: Sequence[str | Reading | Counted]) -> dict[str, Floats]:
        """Return the scores before they become probabilities: facet → array of shape (n, values)."""
        check_is_fitted(self, "facets_")
        if not len(X):
            return {facet: np.zeros((0, len(values))) for facet, values in self.facets_.items()}
        raw = self._features(gathered(self.analyse(X))) @ self.coefficients_ + self.intercepts_
        return {facet: raw[:, part] for facet, part in facet_slices(self.facets_).items()}

    def known(self, text: str | Reading | Counted) -> float:
        """Return the share of a text's words that training saw, and not too rarely, 0 to 1."""
        return float(self.known_shares([text])[0])

    def known_shares(self, X: Sequence[str | Reading | Counted]) -> Floats:
        """Return for every text what :meth:`known` says of it, array of shape (n,)."""
        corpus = gathered(self.analyse(X))
        if KINDS[0] not in self.tables_:
            return np.zeros(len(corpus))
        counts = corpus.counts[KINDS[0]]
        known = self.tables_[KINDS[0]].common(corpus, RAREST) & corpus.single
        total = counts @ corpus.single.astype(float)
        return np.asarray((counts @ known.astype(float)) / np.maximum(total, 1.0))

    def predict_proba(self, X: Sequence[str]) -> Any:
        """Return facet → array of shape (n, values), rows summing to 1; of one facet the array, as in `classes_`."""
        shares = {facet: softmax(scores) for facet, scores in self.decision(X).items()}
        return shares if isinstance(self.classes_, list) else shares[ONE]

    def predict(self, X: Sequence[str]) -> Any:
        """Return the likeliest value of every facet: n rows, one column a facet; of one facet an array of length n."""
        best = {facet: scores.argmax(axis=1) for facet, scores in self.decision(X).items()}
        if not isinstance(self.classes_, list):
            return self.classes_[best[ONE]]
        return pd.DataFrame({f: np.array(self.facets_[f], dtype=object)[places] for f, places in best.items()})

    def score(self, X: Sequence[str], y: Any, sample_weight: Sequence[float] | None = None) -> float:
        """Return the share of texts for which every facet is right, 0 to 1; labels that are missing are passed over."""
        gold = y if isinstance(y, pd.DataFrame) else pd.DataFrame({ONE: np.asarray(y, dtype=object)})
        answers = self.predict(X)
        answers = answers[list(gold.columns)] if isinstance(answers, pd.DataFrame) else answers[:, None]
        missing = gold.isna().to_numpy()
        right = (np.asarray(answers, dtype=object) == gold.to_numpy(dtype=object)) | missing
        given = np.ones(len(gold)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        return float(np.average(right.all(axis=1), weights=given * ~missing.all(axis=1)))

    def compile(self) -> Weights:
        """Return what was learned as plain arrays, which score without scikit-learn."""
        check_is_fitted(self, "facets_")
        hashes = np.concatenate([table.hashes for table in self.tables_.values()])
        idf = np.concatenate([table.idf for table in self.tables_.values()])
        order = np.argsort(hashes)
        shares = self.coefficients_[len(hashes) :] * self.share_scale_[:, None]
        return Weights(
            hashes=hashes[order],
            idf=idf[order].astype(np.float32),
            coefficients=self.coefficients_[: len(hashes)][order].astype(np.float16),
            intercepts=self.intercepts_.astype(np.float32),
            facets={facet: list(values) for facet, values in self.facets_.items()},
            shares=shares.astype(np.float32) if len(shares) else None,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.target_tags.multi_output = True
        return tags


def softmax(scores: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities for scores, row by row."""
    shifted = (scores - scores.max(axis=1, keepdims=True)) / temperature
    grown = np.exp(shifted)
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
