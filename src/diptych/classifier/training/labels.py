"""Labels as an estimator is given them → one table of strings, a column a facet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from diptych.errors import UsageError

ONE = "label"  # what the facet of labels without a name is called


def label_table(y: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return labels as a table; of one facet's also what each string stands for.

    Parameters
    ----------
    y : DataFrame of shape (n, facets), or list, array or Series of length n
        Missing values are None, NaN or NA.

    Returns
    -------
    table : DataFrame of shape (n, facets)
    originals : dict of str to anything
        String → value as it was given, in the order of the values; empty where y is a DataFrame.

    Raises
    ------
    UsageError
        If y is neither a DataFrame nor one label a text, or a DataFrame holds labels that are not strings.

    Examples
    --------
    >>> table, originals = label_table([10, 2, None])
    >>> table["label"].tolist(), list(originals)
    (['10', '2', None], ['2', '10'])
    """
    if isinstance(y, pd.DataFrame):
        for facet in y.columns:
            odd = next((v for v in y[facet] if not isinstance(v, str) and not pd.isna(v)), None)
            if odd is not None:
                raise UsageError(f"{facet}: the label {odd!r} is not text", hint="labels in a table are str or missing")
        return y, {}
    labels = np.asarray(y, dtype=object)
    if labels.ndim != 1:
        raise UsageError("y is neither one label a text nor a table", hint="give a DataFrame with a column a facet")
    known = ~pd.isna(labels)
    values = np.array(labels[known].tolist())
    strings = np.full(len(labels), None, dtype=object)
    strings[known] = values.astype(str)
    return pd.DataFrame({ONE: strings}, dtype=object), {str(value): value for value in np.unique(values)}
