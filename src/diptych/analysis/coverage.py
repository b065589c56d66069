"""Coverage: who writes how much about what, from whose point of view.

Where every passage of the documents is coded, the shares are exact for these documents. What varies
is the coding, and, as a yardstick and not a test, the choice of sections. Where a probability sample is
coded, the shares are estimates, with intervals for the passages at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.analysis.counts import SMALL_CELL, Counts, count_cells, numbers
from diptych.analysis.evidence import Condition, Evidence, matching
from diptych.analysis.resampling import drawn_anew
from diptych.schema import Facet, Schema

DRAWS = 2000
OTHER_CELLS = "(small cells)"


def block_range(
    blocks: NDArray[np.float64], seed: int, draws: int = DRAWS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 2.5 and 97.5 % points of shares when blocks are drawn anew with replacement.

    Parameters
    ----------
    blocks : array of shape (blocks, cells)
        Counts of one group, or corrected counts: then the correction is repeated in every draw.
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
    if len(blocks) < 2:
        nothing = np.full(blocks.shape[1], np.nan)
        return nothing, nothing
    totals = drawn_anew(blocks, seed, draws)
    sums = totals.sum(axis=1, keepdims=True)
    shares = np.divide(totals, sums, out=np.zeros_like(totals), where=sums > 0)
    low, high = np.quantile(np.clip(shares, 0, 1), [0.025, 0.975], axis=0)
    return low, high


def coverage(
    evidence: Evidence,
    schema: Schema,
    *,
    by: str = "author",
    where: Mapping[str, str] | None = None,
    others: Mapping[str, pd.DataFrame] | None = None,
    merge_small: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Return counts and shares of passages and words, by facet and by the crossed facets.

    Parameters
    ----------
    evidence : Evidence
        Passages, labels, and how they came about.
    schema : Schema
    by : str, default 'author'
        Column of the passages that is compared.
    where : mapping of facet to value, optional
        Only passages with these values; other facets' shares are of them.
    others : mapping of str to DataFrame, optional
        Further labels of the same passages (coder A, coder B) whose shares are shown beside.
    merge_small : bool, default False
        Put cells of fewer than 5 passages together as `(small cells)`.
    seed : int

    Returns
    -------
    DataFrame
        One row a group and cell: `by`, facet (crossed: `perspective x domain`), value, passages (coded), of
        (coded passages of the group), population (all of the group's passages that the shares hold for),
        share (missing where nothing is coded; an estimate may lie outside 0 and 1), error (standard error of
        an estimate), low and high (95 % interval of an estimate, within 0 and 1), range_low and range_high
        (over blocks drawn anew), words, words_of, word_share, blocks, unit, small (under 5 coded passages in
        all groups together), blind (everything is coded, and this cell is empty while another group fills it), and
        `share:<name>` for each of `others`.

    Examples
    --------
    >>> import diptych
    >>> table = diptych.coverage(diptych.Study.bundled())
    >>> table[table.facet == "domain"].groupby("author", sort=False).passages.sum().to_dict()
    {'Dmitri Trenin': 134, 'Andrew C. Kuchins': 50}
    """
    conditions = dict(where or {})
    questions: list[Sequence[Facet]] = [[facet] for facet in schema.facets if facet.id not in conditions]
    if len(schema.cells) == 2 and not any(facet.id in conditions for facet in schema.cells):
        questions.append(schema.cells)
    beside = {name: Evidence(evidence.passages, labels, "part") for name, labels in (others or {}).items()}
    tables = {name: other.compact(schema.facets, by) for name, other in beside.items()}
    given = [(schema.facet(name), value) for name, value in conditions.items()]
    evidence = evidence.compact(schema.facets, by)
    parts = [_one(evidence, facets, given, by, tables, seed, merge=merge_small) for facets in questions]
    if not parts:
        return pd.DataFrame(columns=[by, "facet"])
    loose = {name for part in parts for name in part.columns if name in _MISSING or name.startswith("share:")}
    # a column may be empty in one part and full of numbers in another: pandas 2 guesses at what they are together
    loosened = [part.astype(dict.fromkeys(loose.intersection(part.columns), object)) for part in parts]
    table = pd.concat(loosened, ignore_index=True)
    return table.where(table.notna(), None)


_MISSING = ("share", "error", "low", "high", "range_low", "range_high", "word_share")


def _one(
    evidence: Evidence,
    facets: Sequence[Facet],
    given: Condition,
    by: str,
    others: Mapping[str, Evidence],
    seed: int,
    *,
    merge: bool,
) -> pd.DataFrame:
    passages = evidence.passages
    conditions = {facet.id: value for facet, value in given}
    labels = matching(evidence.labels, conditions)
    counts = count_cells(passages, labels, facets, by=by)
    small = counts.table.sum(axis=0) < SMALL_CELL
    cells = _merging(small) if merge else np.eye(len(small))
    counts, small = counts.merged(cells, OTHER_CELLS), (counts.table.sum(axis=0) @ cells) < SMALL_CELL
    words = count_cells(passages, labels, facets, by=by, weight="words").merged(cells, OTHER_CELLS)
    beside = {
        name: other.only(conditions).count(facets, by=by).merged(cells, OTHER_CELLS) for name, other in others.items()
    }
    blocks = evidence.count(facets, by=by, where=given).merged(cells, OTHER_CELLS) if evidence.estimated else counts
    found = {w: evidence.shares(facets, given, by, w, cells) for w in ("passages", "words")}
    rows = []
    whole = evidence.estimated and evidence.situation != "transferred"  # shares hold for all, labelled or not
    everyone = pd.Series(numbers(passages)).groupby(passages[by].to_numpy(), sort=False).sum()
    filled = {group: counts.of(group).sum(axis=0) for group in passages[by].unique()}
    most = np.max(list(filled.values()), axis=0)
    for group, number in filled.items():
        number_words = words.of(group).sum(axis=0)
        low, high = block_range(blocks.of(group), seed)
        aside = {name: _shares(other, group) for name, other in beside.items()}
        mine, mine_words = found["passages"].get(group), found["words"].get(group)
        for i, cell in enumerate(counts.cells):
            rows.append(
                {
                    by: group,
                    "facet": " x ".join(facet.id for facet in facets),
                    "value": cell,
                    "passages": int(number[i]) if mine is None else int(mine.hits[i]),
                    "of": int(number.sum()) if mine is None else mine.coded,
                    "population": int(everyone[group]) if whole else int(number.sum()),
                    "share": _ratio(number[i], number.sum()) if mine is None else _known(mine.share[i]),
                    "error": None if mine is None else _known(mine.error[i]),
                    "low": None if mine is None else _known(mine.low[i]),
                    "high": None if mine is None else _known(mine.high[i]),
                    "range_low": _known(low[i]),
                    "range_high": _known(high[i]),
                    "words": int(number_words[i]),
                    "words_of": int(number_words.sum()),
                    "word_share": _ratio(number_words[i], number_words.sum())
                    if mine_words is None
                    else _known(mine_words.share[i]),
                    "blocks": len(blocks.of(group)),
                    "unit": blocks.unit,
                    "small": bool(small[i]),
                    "blind": bool(number[i] == 0 and most[i] > 0 and evidence.situation == "census"),
                    **{f"share:{name}": _known(shares[i]) for name, shares in aside.items()},
                }
            )
    return pd.DataFrame(rows)


def _merging(small: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The matrix that puts small cells together in a last one, of shape (cells, cells that are left)."""
    if small.sum() < 2:
        return np.eye(len(small))
    return np.column_stack([np.eye(len(small))[:, ~small], small.astype(float)])


def _shares(counts: Counts, group: str) -> NDArray[np.float64]:
    number = counts.of(group).sum(axis=0)
    return number / number.sum() if number.sum() else np.full(len(counts.cells), np.nan)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
