"""What the estimator counts in a passage: tables of terms by kind and whole-passage shares, each with its weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from diptych.classifier.analyser import KINDS
from diptych.classifier.linear import Floats
from diptych.classifier.score import ADDITIVE, KIND_WEIGHTS
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


def as_it_is(terms: list[str]) -> list[str]:
    """Return what is given: terms are made before they are counted."""
    return terms


def weighed(kind: str, table: sparse.csr_matrix, idf: Floats) -> sparse.csr_matrix:
    """Give a kind of terms its weight; rows of additive terms their length (see `ADDITIVE`)."""
    if kind == ADDITIVE:
        lengths = np.sqrt(table @ idf)
        table = sparse.diags(1 / np.where(lengths > 0, lengths, 1.0)) @ table
    return KIND_WEIGHTS[kind] * table


def share_scale(shares: Floats) -> Floats:
    """Return by what shares (n, D) are multiplied: all vary alike and together weigh as much as a table of terms."""
    spread = shares.std(axis=0)
    even = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return np.asarray(SHARE_WEIGHT * even / max(len(spread), 1) ** 0.5)
