"""What a trained model is made of: plain arrays, and how its kinds of terms count."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KIND_WEIGHTS = {"words": 1.0, "runs": 0.7, "parties": 1.2, "sides": 0.8}
RAREST = 1.0 + math.log(500)  # idf of a word in one text of 500: a rarer one is not counted as known
ADDITIVE = "runs"  # counted as they come, so that a word's runs can be one row: length is the root of the sum of idf²

Scored = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], list[str]]


@dataclass(frozen=True)
class Weights:
    """A trained model as arrays: T terms, V values over all facets, D whole-passage shares.

    Attributes
    ----------
    hashes : uint64 array of shape (T,)
        Ascending.
    idf : array of shape (T,)
    coefficients : array of shape (T, V)
    intercepts : array of shape (V,)
    facets : mapping of str to sequence of str
    shares : array of shape (D, V), or None
    """

    hashes: NDArray[np.uint64]
    idf: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    facets: Mapping[str, Sequence[str]]
    shares: NDArray[np.float32] | None = None
