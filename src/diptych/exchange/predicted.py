"""Predicted passages, counted as they stream by: a file of a hundred million becomes a table of some thousand rows.

That table is all that shares, divergence and their ranges need.
"""

from __future__ import annotations

from collections import Counter as Number
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.errors import RecordError, nearest
from diptych.exchange.archive import parts_of, read_batches
from diptych.exchange.counter import Counter, Wanted
from diptych.exchange.tables import Reject

if TYPE_CHECKING:
    import pandas as pd

Tell = Callable[[int], None]


@dataclass
class Counted:
    """What a stream held.

    Attributes
    ----------
    table : DataFrame
        One row a combination that occurs: the column compared, document (or a bucket of documents), one column a
        facet (missing: no answer), passages, words (0 where the file has none).
    passages : int
        All that were counted.
    documents : int
        How many there are, where they are told apart; else how many there were when that became too many.
    shared : bool
        Whether a document belongs to two of the groups compared (looked at while documents are told apart).
    silent : dict of str to int
        Per facet, passages without an answer (the classifier abstained).
    strange : Counter
        (column, value) that the schema does not know → passages, which then have no answer there.
    rejected : int
        Rows or stretches of rows that could not be read; `rejects` holds the first `KEPT`.
    """

    table: pd.DataFrame
    passages: int = 0
    documents: int = 0
    shared: bool = False
    buckets: int = 0
    silent: dict[str, int] = field(default_factory=dict)
    strange: Number[tuple[str, str]] = field(default_factory=Number)
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)

    @property
    def dealt(self) -> bool:
        """Whether documents were so many that they were dealt to buckets."""
        return self.buckets > 0

    def notes(self) -> list[str]:
        """Say what was met in the file that the figures do not show."""
        said = [
            f"{facet}: {number:,} of {self.passages:,} passages have no answer, most often as the classifier "
            "abstained; shares are of the others."
            for facet, number in self.silent.items()
            if number
        ]
        if self.dealt:
            said.append(
                f"There are many documents: by a hash of their names they are dealt to {self.buckets:,} groups, and "
                "ranges and tests draw these groups."
            )
        return said


def count_predictions(path: Path, wanted: Wanted, tell: Tell = lambda _: None) -> Counted:
    """Count the predicted passages of a file or folder; memory does not grow with their number.

    Parameters
    ----------
    path : Path
        Parquet, CSV or JSON Lines, as `diptych classify` writes them, or a folder of such files.
    wanted : Wanted
    tell : callable
        Called with the number of passages now and then.

    Raises
    ------
    UsageError
        If there is no file, or the column compared has more than `GROUPS` values.
    RecordError
        If the only file cannot be read or lacks a column; of several, it goes to the rejects.
    """
    counter, parts = Counter(wanted), parts_of(path)
    for part in parts:
        try:
            for batch in read_batches(part, wanted.columns, [wanted.document, wanted.words], counter.reject):
                counter.add(batch)
                tell(counter.passages)
        except RecordError as error:
            if len(parts) == 1:
                raise
            reason = "; ".join(filter(None, (str(error), error.hint)))
            counter.reject(Reject(0, reason, "", str(part)))
    if not counter.passages:
        only = " with these values" if wanted.where else ""
        raise RecordError(f"{path.name}: there is no passage in it{only}", hint="look at the file and at --where")
    table = counter.table()
    return Counted(
        table,
        counter.passages,
        counter.documents,
        counter.shared,
        counter.buckets,
        dict(counter.silent),
        counter.strange,
        counter.rejected,
        counter.rejects,
    )


def unknown_values(counted: Counted, facets: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which values were met that the schema does not know, facet by facet.

    >>> found = Counted(None, strange=Number({("tone", "goood"): 3}))
    >>> unknown_values(found, {"tone": ["good", "bad"]})
    ["tone: 3 passages have a value the schema does not know and count as unanswered: 'goood' (did you mean 'good'?)"]
    """
    said = []
    for facet, values in facets.items():
        mine = {value: number for (name, value), number in counted.strange.most_common() if name == facet}
        if mine:
            first = next(iter(mine))
            more = f" and {len(mine) - 1} more" if len(mine) > 1 else ""
            said.append(
                f"{facet}: {sum(mine.values()):,} passages have a value the schema does not know and count as "
                f"unanswered: {first!r}{nearest(first, values)}{more}"
            )
    return said
