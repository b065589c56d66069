"""Multinomial logistic regression on a sparse table, as plain arrays: one column a value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]
NEVER = -30.0  # the score of a value that training never saw


def fit_linear(
    table: sparse.csr_matrix,
    values: Sequence[str],
    weights: Floats,
    order: Sequence[str],
    *,
    C: float,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Fit values to rows, all values counting the same in sum.

    Parameters
    ----------
    table : sparse matrix of shape (n, terms)
    values : sequence of str, length n
    weights : array of shape (n,)
    order : sequence of str, length V
        The values of the columns; one that does not occur gets a score that never wins.
    C : float
        Inverse strength of regularisation.
    seed : int

    Returns
    -------
    coefficients : array of shape (terms, V)
        Held in half precision, as a model file keeps them, so that every form of a model says the same.
    intercepts : array of shape (V,)
    """
    mine = np.asarray(values, dtype=str)
    coefficients, intercepts = np.zeros((table.shape[1], len(order))), np.full(len(order), NEVER)
    present = sorted(set(mine.tolist()))
    places = [list(order).index(value) for value in present]
    if len(present) == 1:
        intercepts[places] = 0.0
        return coefficients, intercepts
    model = LogisticRegression(C=C, solver="newton-cg", tol=2e-3, max_iter=100, random_state=seed)
    model.fit(table, mine, sample_weight=balanced(mine, weights))
    if len(present) == 2:
        coefficients[:, places[1]], intercepts[places] = model.coef_[0], [0.0, model.intercept_[0]]
    else:
        coefficients[:, places], intercepts[places] = model.coef_.T, model.intercept_
    return halved(coefficients), intercepts.astype(np.float32).astype(float)


def halved(numbers: Floats) -> Floats:
    """Round to half precision."""
    return numbers.astype(np.float16).astype(float)


def balanced(values: NDArray[np.str_], given: Floats) -> Floats:
    """Return weights with which all values count the same in sum, and one row counts one on average."""
    names, places = np.unique(values, return_inverse=True)
    masses = np.bincount(places, given)
    weights = given * (given.sum() / (len(names) * masses))[places]
    return np.asarray(weights / weights.mean())
