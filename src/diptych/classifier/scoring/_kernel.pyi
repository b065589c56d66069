# what c/kernel.c offers to diptych.classifier.scoring.kernel

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

class Kernel:
    def __init__(
        self,
        *,
        hashes: NDArray[np.uint64],
        idf: NDArray[np.float32],
        rows: NDArray[np.float32],
        order: NDArray[np.int32],
        intercepts: NDArray[np.float64],
        shares: NDArray[np.float64] | None,
        weights: tuple[float, ...],
        rarest: float,
        normalize: Callable[..., str],
        **tables: Any,
    ) -> None: ...
    def score(
        self, texts: list[str], scores: NDArray[np.float64], known: NDArray[np.float64], named: NDArray[np.bool_]
    ) -> Sequence[str | None]: ...

def term_hash(kind: int, term: str) -> int: ...
