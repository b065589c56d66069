"""The cross-fitted predictions of the last training: what a model that had not seen a passage says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from diptych.errors import CodingError
from diptych.files import read_jsonl
from diptych.study import Study

if TYPE_CHECKING:
    import pandas as pd


def crossfit_file(study: Study) -> Path:
    """Where they lie."""
    return study.state / "crossfit.jsonl"


def load_crossfit(study: Study) -> pd.DataFrame:
    """Read them: passage, facet, value (the best guess), p (its calibrated probability), probabilities (of all).

    Raises
    ------
    CodingError
        If no model has been trained.
    """
    import pandas as pd

    path = crossfit_file(study)
    if not path.exists():
        raise CodingError("there are no cross-fitted predictions yet", hint="run `diptych train`")
    rows = [row for _, row in read_jsonl(path, required=("passage", "facet", "value", "p", "probabilities"))]
    return pd.DataFrame(rows, columns=["passage", "facet", "value", "p", "probabilities"])
