"""Coverage: who writes how much about what, from whose point of view.

Where every passage of the documents is coded, the shares are exact for these documents. What varies
is the coding, and, as a yardstick and not a test, the choice of sections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.analysis.counts import FEW_SECTIONS, SMALL_CELL, Counts, count_cells
from diptych.records import rows_of
from diptych.schema import Facet, Schema

DRAWS = 2000
CENSUS = (
    "Every passage of the documents is coded, so the shares are exact for these documents; "
    "they were not drawn from a larger set."
)
PARTIAL = "Not every passage has a label: the shares hold for those that have one."
PREDICTED = (
    "Uncorrected: counted from a classifier's predictions (cross-fitted: no passage was judged by a model "
    "that had seen it). This is a prediction, not an estimate."
)
MODEL = "coded by one language model following the codebook, not by people"
RANGE = (
    "The range is where 95 % of the shares fall when sections are drawn anew with replacement: a yardstick "
    "for how much hangs on single sections, not a test."
)


def block_range(
    blocks: NDArray[np.float64], seed: int, draws: int = DRAWS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 2.5 and 97.5 % points of shares when blocks are drawn anew with replacement.

    Parameters
    ----------
    blocks : array of shape (blocks, cells)
        Counts of one group.
    seed : int
    draws : int

    Returns
    -------
    low, high : arrays of shape (cells,)
        Between 0 and 1, NaN with fewer than two blocks; not an interval for a population.

    References
    ----------
    Efron, B. and Tibshirani, R. (1993). An introduction to the bootstrap; blocks are sections.
    """
    rng = np.random.default_rng(seed)
    n = len(blocks)
    if n < 2:
        nothing = np.full(blocks.shape[1], np.nan)
        return nothing, nothing
    taken = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
    totals = taken @ blocks
    sums = totals.sum(axis=1, keepdims=True)
    shares = np.divide(totals, sums, out=np.zeros_like(totals), where=sums > 0)
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    return low, high


def coverage(
    passages: pd.DataFrame,
    labels: pd.DataFrame,
    schema: Schema,
    *,
    by: str = "author",
    others: Mapping[str, pd.DataFrame] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return counts and shares of passages and words, by facet and by the crossed facets.

    Parameters
    ----------
    passages : DataFrame
        As :func:`diptych.load_passages` returns it.
    labels : DataFrame
        Index passage, one column a facet: gold labels or predictions.
    schema : Schema
    by : str, default 'author'
        Column of `passages` that is compared.
    others : mapping of str to DataFrame, optional
        Further labels of the same passages (coder A, coder B) whose shares are shown beside.
    seed : int

    Returns
    -------
    DataFrame
        One row a group and cell: `by`, facet (crossed: `perspective x domain`), value, passages, of
        (labelled passages of the group), share (0 to 1), low and high (range over blocks, or missing), words,
        words_of, word_share, blocks, unit, small (under 5 passages in all groups together), and
        `share:<name>` for each of `others`.

    Examples
    --------
    >>> import diptych
    >>> table = diptych.coverage(diptych.Study.bundled())
    >>> table[table.facet == "domain"].groupby("author", sort=False).passages.sum().to_dict()
    {'Dmitri Trenin': 134, 'Andrew C. Kuchins': 50}
    """
    parts = [_one(passages, labels, [facet], by, others or {}, seed) for facet in schema.facets]
    if len(schema.cells) == 2:
        parts.append(_one(passages, labels, schema.cells, by, others or {}, seed))
    table = pd.concat(parts, ignore_index=True)
    return table.astype({"low": object, "high": object}).where(table.notna(), None)


def _one(
    passages: pd.DataFrame,
    labels: pd.DataFrame,
    facets: Sequence[Facet],
    by: str,
    others: Mapping[str, pd.DataFrame],
    seed: int,
) -> pd.DataFrame:
    counts = count_cells(passages, labels, facets, by=by)
    words = count_cells(passages, labels, facets, by=by, weight="words")
    beside = {name: count_cells(passages, table, facets, by=by) for name, table in others.items()}
    together = counts.table.sum(axis=0)
    rows: list[dict[str, object]] = []
    for group in dict.fromkeys(passages[by]):
        mine, mine_words = counts.of(group), words.of(group)
        number, number_words = mine.sum(axis=0), mine_words.sum(axis=0)
        low, high = block_range(mine, seed)
        aside = {name: _shares(other, group) for name, other in beside.items()}
        for i, cell in enumerate(counts.cells):
            rows.append(
                {
                    by: group,
                    "facet": " x ".join(facet.id for facet in facets),
                    "value": cell,
                    "passages": int(number[i]),
                    "of": int(number.sum()),
                    "share": _ratio(number[i], number.sum()),
                    "low": _known(low[i]),
                    "high": _known(high[i]),
                    "words": int(number_words[i]),
                    "words_of": int(number_words.sum()),
                    "word_share": _ratio(number_words[i], number_words.sum()),
                    "blocks": len(mine),
                    "unit": counts.unit,
                    "small": bool(together[i] < SMALL_CELL),
                    **{f"share:{name}": float(shares[i]) for name, shares in aside.items()},
                }
            )
    return pd.DataFrame(rows)


def _shares(counts: Counts, group: str) -> NDArray[np.float64]:
    number = counts.of(group).sum(axis=0)
    return number / number.sum() if number.sum() else np.zeros(len(counts.cells))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def coverage_notes(
    table: pd.DataFrame, passages: pd.DataFrame, source: str, by: str = "author", *, model: str = ""
) -> list[str]:
    """Return the sentences that must stand beside a coverage table; `model`: coders that are one model."""
    if source == "uncorrected":
        notes = [PREDICTED]
    else:
        labelled = table.drop_duplicates(["facet", by]).groupby("facet")["of"].sum() if len(table) else None
        fewest, most = (int(labelled.min()), int(labelled.max())) if labelled is not None else (0, 0)
        some = f"{fewest} to {most}" if fewest != most else str(fewest)
        notes = [CENSUS if fewest == len(passages) else f"{PARTIAL} ({some} of {len(passages)}, by facet)"]
    notes.append(RANGE.replace("sections", f"{table['unit'].iloc[0]}s") if len(table) else RANGE)
    beside = [column.removeprefix("share:") for column in table.columns if column.startswith("share:")]
    if beside:
        who = f" ({MODEL})" if model else ""
        notes.append(
            f"{', '.join(beside)}: the same share by one coder alone{who}. "
            "What lies between them is the uncertainty of coding."
        )
    few = table.drop_duplicates(by) if len(table) else table
    for row in rows_of(few):
        if row["blocks"] < 2:
            notes.append(f"{row[by]}: fewer than two {row['unit']}s, so there is no range.")
        elif row["blocks"] < FEW_SECTIONS:
            notes.append(
                f"{row[by]}: only {row['blocks']} {row['unit']}s (under {FEW_SECTIONS}), so the range is rough."
            )
    return notes
