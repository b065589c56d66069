"""Agreement between coders, beyond chance.

All coefficients come from one table per facet: units (passages) by coders, answers as numbers,
missing answers as NaN. Alpha is computed over units with at least two answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diptych.coding.alpha import alpha_of, coincidences_of, pairs_of
from diptych.coding.coders import Coders
from diptych.errors import CodingError, nearest
from diptych.schema import Facet, Schema

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
# of alpha: below the first conclusions are shaky, above the second commonly accepted; conventions, not tests
# (Krippendorff 2004). The report's catalogue of words says them too.
SHAKY, ACCEPTED = 0.667, 0.8


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

    found = pd.Index(list(values), dtype=object).get_indexer(pd.Index(answers.ravel(), dtype=object))
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
        pairs=pairs_of(given),
        agreed=pairs_of(counts),
        alpha=alpha_of(values, matrix),
        ordinal_alpha=ordinal,
        ordinal_units=scored_units,
        left_out=left_out,
        kind=kind,
        note=note,
    )
