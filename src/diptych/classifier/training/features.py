"""What the estimator counts in a passage: tables of terms by kind and whole-passage shares, each with its weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

from diptych.classifier.scoring.score import ADDITIVE, KIND_WEIGHTS
from diptych.classifier.terms.analyser import KINDS
from diptych.classifier.terms.hashing import Hashes
from diptych.classifier.training.corpus import Corpus
from diptych.classifier.training.linear import Floats
from diptych.errors import UsageError, nearest

SHARES = "shares"
FEATURES = (*KINDS, SHARES)
SHARE_WEIGHT = 1.0  # of the counts over a whole passage beside the tables of terms


def check_left_out(without: Sequence[str]) -> None:
    """Refuse to leave out what there is not.

    Examples
    --------
    >>> check_left_out(("words", "run"))
    Traceback (most recent call last):
    ...
    diptych.errors.UsageError: without: there is no 'run' to leave out (did you mean 'runs'?)
    """
    names = [without] if isinstance(without, str) else list(without)
    for name in names:
        if name not in FEATURES:
            raise UsageError(
                f"without: there is no {name!r} to leave out{nearest(name, FEATURES)}",
                hint=f"what can be left out: {', '.join(FEATURES)}",
            )
    if isinstance(without, str):
        raise UsageError(f"without: {without!r} is one text where a tuple is wanted", hint=f"write ({without!r},)")


@dataclass(frozen=True)
class TermTable:
    """What was learned of one kind of terms: which there are, and how telling each is.

    Attributes
    ----------
    kind : str
    hashes : uint64 array of shape (T,)
        The terms in the order of their columns: the commonest first, so that what the solver needs most lies together.
    transformer : TfidfTransformer
    """

    kind: str
    hashes: Hashes
    transformer: TfidfTransformer

    @classmethod
    def learn(cls, kind: str, corpus: Corpus, least: int) -> tuple[TermTable, sparse.csr_matrix]:
        """Return the table of the terms that stand in at least so many texts, and these texts as it shows them."""
        counts = corpus.counts[kind]
        texts = np.bincount(counts.indices, minlength=counts.shape[1])
        kept = np.flatnonzero(texts >= least)
        kept = kept[np.argsort(-texts[kept], kind="stable")]
        additive = kind == ADDITIVE
        transformer = TfidfTransformer(sublinear_tf=not additive, norm=None if additive else "l2")
        table = cls(kind, corpus.hashes[kind][kept], transformer)
        if not len(kept):
            return table, counts[:, :0]
        chosen = _columns(counts, kept)
        return table, table._weighed(transformer.fit(chosen).transform(chosen))

    @property
    def idf(self) -> Floats:
        """How telling every term is, array of shape (T,)."""
        return np.asarray(self.transformer.idf_)

    def transform(self, corpus: Corpus) -> sparse.csr_matrix:
        """Return texts as rows of weighed terms, each kind of a row of one length."""
        ordered = np.argsort(self.hashes)
        place, here = _found(self.hashes[ordered], corpus.hashes[self.kind])
        new = np.full(len(place), -1, dtype=np.int32)
        new[here] = ordered[place[here]]
        chosen = _renumbered(corpus.counts[self.kind], new, len(self.hashes))
        return self._weighed(self.transformer.transform(chosen))

    def common(self, corpus: Corpus, rarest: float) -> NDArray[np.bool_]:
        """Return which of a corpus's terms are in the table with an idf of at most `rarest`."""
        ordered = np.argsort(self.hashes)
        place, here = _found(self.hashes[ordered], corpus.hashes[self.kind])
        here[here] = self.idf[ordered[place[here]]] <= rarest
        return here

    def _weighed(self, table: sparse.csr_matrix) -> sparse.csr_matrix:
        """Give a kind of terms its weight; rows of additive terms their length (see `ADDITIVE`)."""
        if self.kind == ADDITIVE:
            lengths = np.sqrt(table @ self.idf)
            table = sparse.diags(1 / np.where(lengths > 0, lengths, 1.0)) @ table
        return KIND_WEIGHTS[self.kind] * table


def _found(ordered: Hashes, wanted: Hashes) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where every wanted number stands, and whether it does."""
    place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return place, ordered[place] == wanted


def _columns(counts: sparse.csr_matrix, kept: NDArray[np.intp]) -> sparse.csr_matrix:
    new = np.full(counts.shape[1], -1, dtype=np.int32)
    new[kept] = np.arange(len(kept))
    return _renumbered(counts, new, len(kept))


def _renumbered(counts: sparse.csr_matrix, new: NDArray[np.int32], width: int) -> sparse.csr_matrix:
    """Return counts with other columns; -1 is left out."""
    columns = new[counts.indices]
    held = columns >= 0
    ends = np.concatenate([[0], np.cumsum(held)])[counts.indptr].astype(np.int32)
    found = sparse.csr_matrix((counts.data[held].astype(float), columns[held], ends), (counts.shape[0], width))
    found.sort_indices()
    return found


def share_scale(shares: Floats) -> Floats:
    """Return by what shares (n, D) are multiplied: all vary alike and together weigh as much as a table of terms."""
    spread = shares.std(axis=0)
    even = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return np.asarray(SHARE_WEIGHT * even / max(len(spread), 1) ** 0.5)
