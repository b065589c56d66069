"""Agreement between coders, beyond chance.

All coefficients come from one table per facet: units (passages) by coders, answers as numbers,
missing answers as NaN. Alpha is computed over units with at least two answers, from how many coders gave each
value to each unit: the work grows with the number of answers, not with that of pairs of coders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from diptych.coding.codings import Coders
from diptych.coding.coefficients import unit_counts
from diptych.errors import CodingError, nearest
from diptych.schema import Facet, Schema

if TYPE_CHECKING:
    import pandas as pd

Scale = Literal["nominal", "ordinal", "interval", "ratio"]
Floats = NDArray[np.float64]


def coincidences(answers: Floats, times: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the distinct values and Krippendorff's coincidence matrix.

    Parameters
    ----------
    answers : array of shape (units, coders)
        Numbers; NaN where a coder gave no answer. Units with fewer than two answers do not count.
    times : array of shape (units,), optional
        How often each row of answers occurs; default: once.

    Returns
    -------
    values : array of shape (k,)
        The values that occur, ascending.
    matrix : array of shape (k, k)
        Symmetric; sums to the number of pairable answers.
    """
    answers = np.asarray(answers, dtype=float)
    if times is not None:
        answers, times = answers[times > 0], times[times > 0]
    values = np.unique(answers[~np.isnan(answers)])
    counts = unit_counts(answers, values)
    return coincidences_of(values, counts, times)


def coincidences_of(values: Floats, counts: Floats, times: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the same from counts of shape (units, k): how many coders gave each value to each unit."""
    pairable = counts.sum(axis=1) >= 2
    counts = counts[pairable]
    occurs = counts.any(axis=0)
    counts = counts[:, occurs]
    weights = 1 / np.maximum(counts.sum(axis=1) - 1, 1)
    weighted = counts * (weights if times is None else weights * times[pairable])[:, None]
    matrix = weighted.T @ counts
    matrix -= np.diag(weighted.sum(axis=0))
    return values[occurs], matrix


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


def alpha(answers: Floats, scale: Scale = "nominal", times: Floats | None = None) -> float | None:
    """Return Krippendorff's alpha.

    Parameters
    ----------
    answers : array of shape (units, coders)
        Numbers; NaN where a coder gave no answer.
    scale : {'nominal', 'ordinal', 'interval', 'ratio'}
    times : array of shape (units,), optional
        How often each row of answers occurs; default: once.

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
    return alpha_of(*coincidences(answers, times), scale)


def alpha_of(values: Floats, matrix: Floats, scale: Scale = "nominal") -> float | None:
    """Return alpha of a coincidence matrix, as :func:`coincidences` returns it with its values."""
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
    values = np.unique(answers[~np.isnan(answers)])
    given = (~np.isnan(answers)).sum(axis=1)
    agreed = sum(_pairs((answers == value).sum(axis=1)) for value in values)
    return agreed, _pairs(given)


def _pairs(number: NDArray[np.int64]) -> int:
    """How many pairs so many answers a unit make, over all units."""
    return int((number * (number - 1) // 2).sum())


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
    codes = _codes(table.to_numpy(dtype=object), facet.value_ids)
    return np.where(codes < 0, np.nan, codes)


def _codes(answers: NDArray[np.object_], values: Sequence[str]) -> NDArray[np.intp]:
    """Places among values, of the same shape; -1 for anything else."""
    import pandas as pd

    found = pd.Index(list(values), dtype=object).get_indexer(answers.ravel())
    return np.asarray(found, dtype=np.intp).reshape(answers.shape)


def scored_answers(table: pd.DataFrame, facet: Facet) -> tuple[Floats, int]:
    """Return answers as scores, and how many units were left out for an answer that has none."""
    answers = table.to_numpy(dtype=object)
    given = table.notna().to_numpy(dtype=bool)
    names = list(facet.scores)
    codes = _codes(answers, names)
    scores = np.append([facet.scores[name] for name in names], np.nan)[codes]
    twice = given.sum(axis=1) >= 2
    bare = (given & (codes < 0)).any(axis=1)
    return np.asarray(scores[twice & ~bare], dtype=float), int((twice & bare).sum())


def value_counts(codings: pd.DataFrame, facet: Facet, coders: Sequence[str]) -> NDArray[np.int64]:
    """Return how many of the coders gave each value to each passage: shape (passages, values), passages sorted."""
    import pandas as pd

    rows = codings[(codings["facet"] == facet.id) & codings["coder"].isin(coders)]
    place, names = pd.factorize(rows["passage"], sort=True)
    size = len(facet.values)
    code = _codes(rows["value"].to_numpy(dtype=object), facet.value_ids)
    known = code >= 0
    return np.bincount(place[known] * size + code[known], minlength=len(names) * size).reshape(len(names), size)


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
    counts = value_counts(codings, facet, names)
    given = counts.sum(axis=1)
    units = int((given >= 2).sum())
    values, matrix = coincidences_of(np.arange(len(facet.values), dtype=float), counts.astype(float))
    ordinal, scored_units, left_out = None, 0, 0
    if facet.scale == "ordinal":
        order = sorted(facet.scores, key=facet.scores.__getitem__)
        scored = counts[:, [facet.value_ids.index(value) for value in order]]
        whole = (given >= 2) & (scored.sum(axis=1) == given)
        scored_units, left_out = int(whole.sum()), units - int(whole.sum())
        scores = np.array([facet.scores[value] for value in order], dtype=float)
        ordinal = alpha_of(*coincidences_of(scores, scored[whole].astype(float)), "ordinal") if scored_units else None
    note = ""
    if units == 0:
        note = "no passage was coded by two of these coders, so agreement is undefined"
    elif len(values) == 1:
        note = "every answer is the same value: alpha is 1 by convention, and says little"
    return Agreement(
        facet.id,
        tuple(names),
        units,
        pairs=_pairs(given),
        agreed=_pairs(counts),
        alpha=alpha_of(values, matrix),
        ordinal_alpha=ordinal,
        ordinal_units=scored_units,
        left_out=left_out,
        kind=kind,
        note=note,
    )
