"""Texts counted once: a table of counts a kind of terms, from which any part of the texts is taken for a fit.

A model is fitted many times to parts of the same texts: folds, candidates, all but one author. Taking a text apart
costs more than a step of the solver, so it is done once, and terms are numbers from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from diptych.classifier.terms.analyser import KINDS, Reading
from diptych.classifier.terms.hashing import Hashes, term_hashes

if TYPE_CHECKING:
    from collections.abc import Mapping

Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Corpus:
    """n texts, counted.

    Attributes
    ----------
    counts : mapping of kind to sparse matrix of shape (n, terms)
        How often a term stands in a text; integers.
    hashes : mapping of kind to uint64 array of shape (terms,)
        What the columns stand for, ascending.
    single : bool array of shape (terms,)
        Which of the `words` are one word, not a pair.
    shares : array of shape (n, D)
        Counts over the whole passages.

    Examples
    --------
    >>> from diptych.classifier.terms.analyser import Analyser
    >>> corpus = counted([Analyser().read(text) for text in ("oil oil", "gas oil")])
    >>> corpus.counts["words"].shape, corpus.counts["words"].sum(axis=1).ravel().tolist()
    ((2, 4), [[3, 3]])
    """

    counts: Mapping[str, sparse.csr_matrix]
    hashes: Mapping[str, Hashes]
    single: NDArray[np.bool_]
    shares: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.shares)

    def texts(self) -> list[Counted]:
        """Return its texts one by one."""
        return [Counted(self, row) for row in range(len(self))]

    def take(self, rows: Sequence[int] | Places) -> Corpus:
        """Return some of its texts, in the order asked for; the terms stay."""
        places = np.asarray(rows, dtype=np.intp)
        if len(places) == len(self) and (places == np.arange(len(self))).all():
            return self
        counts = {kind: table[places] for kind, table in self.counts.items()}
        return Corpus(counts, self.hashes, self.single, self.shares[places])


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """One text of a corpus."""

    corpus: Corpus = field(repr=False)
    row: int


def counted(readings: Sequence[Reading]) -> Corpus:
    """Count the terms of texts that were taken apart."""
    counts, hashes, single = {}, {}, np.zeros(0, dtype=np.bool_)
    for kind in KINDS:
        numbers = dict(zip(dict.fromkeys(chain.from_iterable(r.terms[kind] for r in readings)), count(), strict=False))
        terms = list(numbers)
        flat = list(map(numbers.__getitem__, chain.from_iterable(r.terms[kind] for r in readings)))
        hashes[kind], place = np.unique(term_hashes(kind, terms), return_inverse=True)
        if kind == KINDS[0]:
            single = np.ones(len(hashes[kind]), dtype=np.bool_)
            single[place[np.fromiter((" " in term for term in terms), dtype=np.bool_, count=len(terms))]] = False
        ends = np.cumsum([0, *(len(reading.terms[kind]) for reading in readings)])
        counts[kind] = _table(place[np.asarray(flat, dtype=np.intp)], ends, len(hashes[kind]))
    shares = np.array([reading.shares for reading in readings], dtype=float)
    return Corpus(counts, hashes, single, shares.reshape(len(readings), -1) if len(readings) else np.zeros((0, 0)))


def _table(columns: Places, ends: Places, width: int) -> sparse.csr_matrix:
    table = sparse.csr_matrix(
        (np.ones(len(columns), dtype=np.int32), columns.astype(np.int32), ends.astype(np.int32)),
        shape=(len(ends) - 1, width),
    )
    table.sum_duplicates()
    return table


def joined(parts: Sequence[Corpus]) -> Corpus:
    """Return the texts of several corpora, one after the other, over the terms of all."""
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    counts, hashes = {}, {}
    for kind in KINDS:
        hashes[kind] = np.unique(np.concatenate([part.hashes[kind] for part in parts]))
        rows = []
        for part in parts:
            table, place = part.counts[kind], np.searchsorted(hashes[kind], part.hashes[kind]).astype(np.int32)
            new = sparse.csr_matrix((table.data, place[table.indices], table.indptr), (len(part), len(hashes[kind])))
            rows.append(new)
        counts[kind] = sparse.vstack(rows, format="csr")
    single = np.zeros(len(hashes[KINDS[0]]), dtype=np.bool_)
    for part in parts:
        single[np.searchsorted(hashes[KINDS[0]], part.hashes[KINDS[0]])] = part.single
    return Corpus(counts, hashes, single, np.concatenate([part.shares for part in parts]))


def gathered(texts: Sequence[Counted]) -> Corpus:
    """Return texts, of one corpus or of several, as one corpus."""
    if not len(texts):
        return counted([])
    firsts: dict[int, int] = {}
    parts: list[Corpus] = []
    for text in texts:
        if id(text.corpus) not in firsts:
            firsts[id(text.corpus)] = sum(map(len, parts))
            parts.append(text.corpus)
    return joined(parts).take([firsts[id(text.corpus)] + text.row for text in texts])
