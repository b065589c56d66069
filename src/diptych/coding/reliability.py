"""Agreement between coders, beyond chance.

All coefficients come from one table per facet: units (passages) by coders, answers as numbers,
missing answers as NaN. Alpha is computed over units with at least two answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from diptych.coding.codings import Coders
from diptych.errors import CodingError, nearest
from diptych.schema import Facet, Schema

if TYPE_CHECKING:
    import pandas as pd

Scale = Literal["nominal", "ordinal", "interval", "ratio"]
Floats = NDArray[np.float64]
# of alpha: below the first conclusions are shaky, above the second commonly accepted; conventions, not tests
# (Krippendorff 2004). The report's catalogue of words says them too.
SHAKY, ACCEPTED = 0.667, 0.8


def coincidences(answers: Floats) -> tuple[Floats, Floats]:
    """Return the distinct values and Krippendorff's coincidence matrix.

    Parameters
    ----------
    answers : array of shape (units, coders)
        Numbers; NaN where a coder gave no answer. Units with fewer than two answers do not count.

    Returns
    -------
    values : array of shape (k,)
        The values that occur, ascending.
    matrix : array of shape (k, k)
        Symmetric; sums to the number of pairable answers.
    """
    answers = np.asarray(answers, dtype=float)
    pairable = (~np.isnan(answers)).sum(axis=1) >= 2
    answers = answers[pairable]
    values = np.unique(answers[~np.isnan(answers)])
    counts = (answers[:, :, None] == values).sum(axis=1).astype(float)
    weights = 1 / np.maximum(counts.sum(axis=1) - 1, 1)
    matrix = (counts * weights[:, None]).T @ counts
    matrix -= np.diag((counts * weights[:, None]).sum(axis=0))
    return values, matrix


def squared_differences(values: Floats, totals: Floats, scale: Scale) -> Floats:
    """Return Krippendorff's squared difference between every two values.

    Parameters
    ----------
    values : array of shape (k,)
    totals : array of shape (k,)
        How often each value occurs among pairable answers (the ordinal metric needs it).
    scale : {'nominal', 'ordinal', 'interval', 'ratio'}
    """
    first, second = values[:, None], values[None, :]
    if scale == "nominal":
        return np.asarray(first != second, dtype=float)
    if scale == "interval":
        return (first - second) ** 2
    if scale == "ratio":
        total = first + second
        return np.divide(first - second, total, out=np.zeros_like(total), where=total != 0) ** 2
    reach = np.cumsum(totals)
    between = np.abs(reach[:, None] - reach[None, :])
    between += np.where(second >= first, totals[:, None] - totals[None, :], totals[None, :] - totals[:, None]) / 2
    return np.asarray(between**2)


def alpha(answers: Floats, scale: Scale = "nominal") -> float | None:
    """Return Krippendorff's alpha.

    Parameters
    ----------
    answers : array of shape (units, coders)
        Numbers; NaN where a coder gave no answer.
    scale : {'nominal', 'ordinal', 'interval', 'ratio'}

    Returns
    -------
    float or None
        1 perfect, 0 chance, negative below chance; 1 where all answers are one value (nothing was
        disagreed about, the convention of the parent implementation); None without a unit that two
        coders answered.

    References
    ----------
    Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    >>> round(alpha(np.array([a, b]).T), 3)
    0.095
    """
    values, matrix = coincidences(answers)
    totals = matrix.sum(axis=0)
    pairable = totals.sum()
    if pairable == 0:
        return None
    differences = squared_differences(values, totals, scale)
    expected = float(totals @ differences @ totals) / (pairable - 1)
    if expected == 0:
        return 1.0
    return float(1.0 - (matrix * differences).sum() / expected)


def percent_agreement(answers: Floats) -> tuple[int, int]:
    """Return (pairs of answers that agree, pairs of answers) over all units.

    Examples
    --------
    >>> import numpy as np
    >>> percent_agreement(np.array([[1, 1], [1, 2], [2, np.nan]]))
    (1, 2)
    """
    agreed = pairs = 0
    for first, second in combinations(range(answers.shape[1]), 2):
        both = ~np.isnan(answers[:, first]) & ~np.isnan(answers[:, second])
        pairs += int(both.sum())
        agreed += int((answers[both, first] == answers[both, second]).sum())
    return agreed, pairs


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far coders agree on one facet. Shares are of pairs of answers, alpha is over units."""

    facet: str
    coders: tuple[str, ...]
    units: int
    pairs: int
    agreed: int
    alpha: float | None
    ordinal_alpha: float | None
    ordinal_units: int
    left_out: int
    kind: str
    note: str

    @property
    def share(self) -> float | None:
        """The share of pairs that agree, 0 to 1."""
        return self.agreed / self.pairs if self.pairs else None

    def row(self) -> dict[str, Any]:
        """The agreement as a row of a table."""
        names = ("units", "pairs", "agreed", "share", "alpha", "ordinal_alpha", "ordinal_units", "left_out", "note")
        return {"facet": self.facet, **{name: getattr(self, name) for name in names}}


def answer_table(codings: pd.DataFrame, facet: Facet, coders: Sequence[str]) -> pd.DataFrame:
    """Return passages by coders with the answers to one facet (missing where there is none)."""
    rows = codings[(codings["facet"] == facet.id) & codings["coder"].isin(coders)]
    table = rows.pivot(index="passage", columns="coder", values="value")  # noqa: PD010 - one row an answer
    return table.reindex(columns=list(coders))


def as_numbers(table: pd.DataFrame, facet: Facet) -> Floats:
    """Return answers as positions in the schema's list of values (NaN for none)."""
    place = {value: float(i) for i, value in enumerate(facet.value_ids)}
    numbers = [[place.get(v, np.nan) for v in row] for row in table.to_numpy()]
    return np.array(numbers, dtype=float).reshape(table.shape)


def scored_answers(table: pd.DataFrame, facet: Facet) -> tuple[Floats, int]:
    """Return answers as scores, and how many units were left out for an answer that has none."""
    rows, left_out = [], 0
    for row in table.to_numpy():
        given = [v for v in row if isinstance(v, str)]
        if len(given) < 2:
            continue
        if any(v not in facet.scores for v in given):
            left_out += 1
            continue
        rows.append([facet.scores[v] if isinstance(v, str) else np.nan for v in row])
    return np.array(rows, dtype=float).reshape(len(rows), table.shape[1]), left_out


def reliability(
    codings: pd.DataFrame, schema: Schema, coders: Coders, names: Sequence[str] | None = None
) -> list[Agreement]:
    """Return the agreement between coders for every facet.

    Parameters
    ----------
    codings : DataFrame
        As :func:`diptych.load_codings` returns it; adjudications are not counted.
    schema : Schema
    coders : Coders
        Who they are: codings by one language model are called repeat agreement.
    names : sequence of str, optional
        The coders to compare; default: all.

    Raises
    ------
    CodingError
        If fewer than two coders are named or known.
    """
    plain = codings[codings["role"] == "coder"]
    known = sorted(plain["coder"].unique())
    names = list(names) if names else known
    for name in names:
        if name not in known:
            raise CodingError(f"no codings by {name!r}{nearest(name, known)}", hint=f"coders: {', '.join(known)}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise CodingError(f"{twice!r} is named twice: a coder always agrees with itself", hint="name two coders")
    if len(names) < 2:
        raise CodingError(
            f"agreement needs two coders, the codings have {len(names)}",
            hint="have a second coder code some of the same passages",
        )
    model = coders.one_model(names)
    kind = "repeat agreement of one language model following the codebook" if model else "agreement"
    return [_agreement(plain, facet, names, kind) for facet in schema.facets]


def of_coders(codings: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the codings of the coders that are named (all of them where none is); adjudications stay.

    Raises
    ------
    CodingError
        For a name that nobody has, with the nearest one.
    """
    known = sorted(codings.loc[codings["role"] == "coder", "coder"].unique())
    for name in names:
        if name not in known:
            raise CodingError(f"no codings by {name!r}{nearest(name, known)}", hint=f"coders: {', '.join(known)}")
    return codings[(codings["role"] != "coder") | codings["coder"].isin(names)] if names else codings


def digest_check(codings: pd.DataFrame, gold: pd.DataFrame, schema: Schema) -> list[Agreement]:
    """Return how far coders who saw digests only agree with gold, facet by facet.

    Raises
    ------
    CodingError
        If nobody has coded digests.
    """
    seen = codings[codings["role"] == "digest"]
    names = sorted(seen["coder"].unique())
    if not names:
        raise CodingError(
            "nobody has coded the digests alone",
            hint="import such codings with --role digest: they never count for gold",
        )
    import pandas as pd

    both = seen[["passage", "coder", "facet", "value"]]
    reference = next(name for name in ("gold", "gold labels", " gold") if name not in names)
    both = pd.concat([gold.assign(coder=reference)[["passage", "coder", "facet", "value"]], both])
    kind = "agreement of gold with a reader of the digests alone"
    return [_agreement(both, facet, [reference, *names], kind) for facet in schema.facets]


def _agreement(codings: pd.DataFrame, facet: Facet, names: Sequence[str], kind: str) -> Agreement:
    table = answer_table(codings, facet, names)
    numbers = as_numbers(table, facet)
    units = int(((~np.isnan(numbers)).sum(axis=1) >= 2).sum())
    agreed, pairs = percent_agreement(numbers)
    nominal = alpha(numbers)
    ordinal, scored_units, left_out = None, 0, 0
    if facet.scale == "ordinal":
        scored, left_out = scored_answers(table, facet)
        scored_units = len(scored)
        ordinal = alpha(scored, "ordinal") if scored_units else None
    note = ""
    if units == 0:
        note = "no passage was coded by two of these coders, so agreement is undefined"
    elif np.unique(coincidences(numbers)[0]).size == 1:
        note = "every answer is the same value: alpha is 1 by convention, and says little"
    return Agreement(facet.id, tuple(names), units, pairs, agreed, nominal, ordinal, scored_units, left_out, kind, note)
