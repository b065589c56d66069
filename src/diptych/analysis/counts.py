"""Passages and labels → count tables: blocks of sections by cells. Everything else is computed from these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.errors import CodingError
from diptych.schema import Facet

FEW_SECTIONS = 8
SMALL_CELL = 5
SEPARATOR = " x "


@dataclass(frozen=True)
class Counts:
    """Counts of passages (or words) per block and cell.

    Attributes
    ----------
    table : array of shape (blocks, cells)
    groups : array of shape (blocks,)
        The author (or other group) of each block.
    cells : tuple of str
        `value`, or `value x value` for two facets crossed.
    unit : str
        What a block is: section or document.
    """

    table: NDArray[np.float64]
    groups: NDArray[np.object_]
    cells: tuple[str, ...]
    unit: str

    def of(self, group: str) -> NDArray[np.float64]:
        """The blocks of one group: shape (blocks of the group, cells)."""
        return np.asarray(self.table[self.groups == group])

    def merged(self, matrix: NDArray[np.float64], name: str) -> Counts:
        """Cells added up by a matrix of zeros and ones; a column that adds several is called `name`."""
        cells = tuple(self.cells[int(c.argmax())] if c.sum() == 1 else name for c in matrix.T)
        return Counts(self.table @ matrix, self.groups, cells, self.unit)

    @property
    def names(self) -> list[str]:
        """The groups, in order of appearance."""
        return list(dict.fromkeys(self.groups))


def cell_names(facets: Sequence[Facet]) -> tuple[str, ...]:
    """Return the cells of one facet or of two facets crossed, in schema order.

    >>> from diptych.schema import Value
    >>> a = Facet(id="a", question="?", values=(Value(id="x", definition="-"), Value(id="y", definition="-")))
    >>> cell_names([a]), cell_names([a, a])
    (('x', 'y'), ('x x x', 'x x y', 'y x x', 'y x y'))
    """
    return tuple(SEPARATOR.join(values) for values in product(*(facet.value_ids for facet in facets)))


def cells_of(labels: pd.DataFrame, facets: Sequence[Facet]) -> pd.Series:
    """Return the cell of every passage (missing where a facet has no label).

    Parameters
    ----------
    labels : DataFrame
        Index passage, one column a facet.
    """
    parts = [labels[facet.id] for facet in facets]
    joined = parts[0].astype("object")
    for part in parts[1:]:
        joined = joined.str.cat(part.astype("object"), sep=SEPARATOR)
    return joined.rename("cell")


def check_labels(labels: pd.DataFrame, facets: Sequence[Facet]) -> None:
    """Refuse labels with a value that the schema does not know."""
    for facet in facets:
        strange = sorted(set(labels[facet.id].dropna().unique()) - set(facet.value_ids))
        if strange:
            raise CodingError(
                f"{facet.id}: labels have a value the schema does not know: {strange[0]!r}",
                hint="run `diptych gold`",
            )


def blocks_of(passages: pd.DataFrame, by: str) -> tuple[NDArray[np.intp], str]:
    """Return the block of every passage, numbered as they appear, and what a block is: `document` or `section`.

    Documents, where every group has at least two of its own; else sections of documents.
    """
    document, group, section = (pd.factorize(passages[name])[0] for name in ("document", by, "section"))
    many = group.max(initial=0) + 1
    pairs = np.unique(document * many + group)
    if len(pairs) and (np.bincount(pairs % many) >= 2).all() and (np.bincount(pairs // many) == 1).all():
        return document, "document"
    places = (document * many + group) * (section.max(initial=0) + 1) + section
    return pd.factorize(places)[0], "section"


def cell_codes(labels: pd.DataFrame, facets: Sequence[Facet]) -> NDArray[np.intp]:
    """Return the place of every row's cell among :func:`cell_names`; -1 where a facet has no label."""
    code: NDArray[np.intp] = np.zeros(len(labels), dtype=np.intp)
    known: NDArray[np.bool_] = np.ones(len(labels), dtype=bool)
    for facet in facets:
        mine = pd.Index(list(facet.value_ids), dtype=object).get_indexer(pd.Index(labels[facet.id], dtype=object))
        code, known = code * len(facet.values) + mine, known & (mine >= 0)
    return np.where(known, code, -1)


def numbers(passages: pd.DataFrame) -> NDArray[np.float64]:
    """Return for how many passages every row stands: its `passages`, else 1."""
    if "passages" not in passages:
        return np.ones(len(passages))
    return passages["passages"].to_numpy(dtype=float)


def aggregated(
    passages: pd.DataFrame, labels: pd.DataFrame, facets: Sequence[Facet], by: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put passages that no count can tell apart together: a million rows become some thousand.

    Parameters
    ----------
    passages : DataFrame
        passage, document, section, words, and the column `by`.
    labels : DataFrame
        Index passage, one column a facet.
    facets : sequence of Facet
        Those that will be counted.
    by : str

    Returns
    -------
    passages, labels : DataFrames
        One row a combination that occurs, in order of appearance: `passages` says how many have it, `words` sums
        theirs. :func:`count_cells` gives the same counts of them, in the same order.

    Examples
    --------
    >>> from diptych.schema import Value
    >>> tone = Facet(id="tone", question="?", values=(Value(id="x", definition="-"), Value(id="y", definition="-")))
    >>> one = pd.DataFrame({"passage": ["1", "2", "3"], "document": "d", "section": "", "author": "a", "words": 9})
    >>> aggregated(one, pd.DataFrame({"tone": ["x", "y", "x"]}, index=["1", "2", "3"]), [tone], "author")[0].passages
    0    2.0
    1    1.0
    Name: passages, dtype: float64
    """
    places = list(dict.fromkeys(["document", "section", by]))
    frame = passages[places].assign(_number=numbers(passages), _words=passages["words"].astype(float))
    mine = labels.reindex(passages["passage"])
    names = [f"_facet{i}" for i in range(len(facets))]
    for name, facet in zip(names, facets, strict=True):
        frame[name] = mine[facet.id].to_numpy(dtype=object)
    groups = frame.groupby([*places, *names], sort=False, dropna=False)
    rows = groups[["_number", "_words"]].sum().reset_index()
    rows.index = pd.Index(rows.index.astype(str), name="passage")
    answers = rows[names].set_axis([facet.id for facet in facets], axis=1)
    rows = rows[[*places, "_number", "_words"]].rename(columns={"_number": "passages", "_words": "words"})
    return rows.reset_index(), answers


def count_cells(
    passages: pd.DataFrame,
    labels: pd.DataFrame,
    facets: Sequence[Facet],
    *,
    by: str = "author",
    weight: str = "passages",
) -> Counts:
    """Count passages or words in every cell, block by block.

    Parameters
    ----------
    passages : DataFrame
        passage, document, section, words, and the column `by`; where a row stands for many passages
        (:func:`aggregated`), `passages` says for how many.
    labels : DataFrame
        Index passage, one column a facet; unlabelled passages are not counted.
    facets : one or two facets
    by : str
        The column whose values are compared.
    weight : {'passages', 'words'}

    Returns
    -------
    Counts
        Blocks are documents where every group has at least two, else sections of documents.
    """
    check_labels(labels, facets)
    cells = cell_names(facets)
    place = labels.index.get_indexer(pd.Index(passages["passage"]))
    code = np.append(cell_codes(labels, facets), -1)[place]  # of a passage without a row, the last
    kept = (code >= 0) & passages[by].notna().to_numpy()
    frame, code = passages[kept], code[kept]
    weights = numbers(frame) if weight == "passages" else frame["words"].to_numpy(dtype=float)
    block, unit = blocks_of(frame, by)
    first = np.unique(block, return_index=True)[1]
    sums = np.bincount(block * len(cells) + code, weights, len(first) * len(cells))
    table: NDArray[np.float64] = np.asarray(sums, dtype=float).reshape(len(first), len(cells))
    groups = frame[by].to_numpy(dtype=object)[first]
    order = {name: i for i, name in enumerate(passages[by].unique())}
    sorting = np.argsort([order[name] for name in groups], kind="stable").astype(np.intp)
    table, groups = table[sorting], groups[sorting]
    if weight == "passages":
        table, groups = table[table.sum(axis=1) > 0], groups[table.sum(axis=1) > 0]
    return Counts(table, groups, cells, unit)
