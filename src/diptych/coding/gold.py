"""Gold labels: derived from codings by one stated rule, never edited.

Adjudicated, else unanimous, else majority (more than half), else single. Where coders differ and
nobody has decided, there is no gold label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from diptych.coding.codings import load_codings
from diptych.errors import CodingError
from diptych.files import read_jsonl, write_jsonl
from diptych.lock import record_step
from diptych.records import FORMAT, moment, rows_of
from diptych.study import Study

if TYPE_CHECKING:
    import pandas as pd

RULE = ("adjudicated", "unanimous", "majority", "single")


def decide(values: Sequence[str], adjudicated: str | None = None) -> tuple[str, str] | None:
    """Return (value, how) for the answers of several coders to one question, or `None` if undecided.

    Examples
    --------
    >>> decide(["wary", "wary"]), decide(["wary"]), decide(["wary", "mixed"], "mixed")
    (('wary', 'unanimous'), ('wary', 'single'), ('mixed', 'adjudicated'))
    >>> decide(["wary", "mixed"]) is None
    True
    """
    if adjudicated is not None:
        return adjudicated, "adjudicated"
    if not values:
        return None
    value, votes = Counter(values).most_common(1)[0]
    if votes == len(values):
        return value, "unanimous" if votes > 1 else "single"
    return (value, "majority") if votes * 2 > len(values) else None


def derive_gold(codings: pd.DataFrame) -> pd.DataFrame:
    """Return gold labels: passage, facet, value, how; in the order of the codings."""
    import pandas as pd

    plain: dict[tuple[str, str], list[str]] = {}
    judged: dict[tuple[str, str], list[tuple[datetime, str]]] = {}
    columns = (codings[name].tolist() for name in ("passage", "facet", "value", "role", "at"))
    for passage, facet, value, role, at in zip(*columns, strict=True):  # a frame a question takes minutes
        values = plain.setdefault((passage, facet), [])
        if role == "coder":
            values.append(value)
        elif role == "adjudicator":
            judged.setdefault((passage, facet), []).append((moment(at), value))
    rows = []
    for place, values in plain.items():
        last = sorted(judged.get(place, []), key=lambda said: said[0])[-1:]
        decided = decide(values, last[0][1] if last else None)
        if decided:
            rows.append((*place, *decided))
    return pd.DataFrame(rows, columns=["passage", "facet", "value", "how"])


def write_gold(study: Study) -> pd.DataFrame:
    """Derive the gold labels of a study anew, write `annotations/gold.jsonl`, record the step, and return them.

    Raises
    ------
    CodingError
        If nothing has been coded yet.
    """
    codings = load_codings(study)
    if codings.empty:
        raise CodingError("nothing is coded yet", hint="import codings: `diptych import csv FILE --coder NAME`")
    gold = derive_gold(codings)
    order = {name: position for position, name in enumerate(study.schema.facet_ids)}
    gold = gold.sort_values(["passage", "facet"], key=lambda c: c.map(order) if c.name == "facet" else c)
    write_jsonl(study.gold_file, ({"format": FORMAT, **row} for row in rows_of(gold)))
    record_step(study, "gold", {"gold": study.gold_file})
    return gold.reset_index(drop=True)


def load_gold(study: Study) -> pd.DataFrame:
    """Read the gold labels: passage, facet, value, how.

    Raises
    ------
    CodingError
        If they have not been derived, or are of two versions that were merged.

    Examples
    --------
    >>> import diptych
    >>> sorted(diptych.load_gold(diptych.Study.bundled()).facet.unique())
    ['domain', 'perspective', 'stance']
    """
    import pandas as pd

    if not study.gold_file.exists():
        raise CodingError("there are no gold labels yet", hint="run `diptych gold`")
    rows = [row for _, row in read_jsonl(study.gold_file, texts=("passage", "facet", "value", "how"))]
    gold = pd.DataFrame(rows, columns=["passage", "facet", "value", "how"]).drop_duplicates(ignore_index=True)
    twice = gold[gold.duplicated(["passage", "facet"])]
    if len(twice):
        row = twice.iloc[0]
        raise CodingError(
            f"{study.gold_file.name} holds two versions of {len(twice)} labels, as git puts them together "
            f"(first: {row['passage']}, {row['facet']})",
            hint="derive them anew from the codings: `diptych gold`",
        )
    return gold


def gold_table(gold: pd.DataFrame, facets: Sequence[str]) -> pd.DataFrame:
    """Return one row a passage, one column a facet (missing where undecided)."""
    twice = gold.duplicated(["passage", "facet"])
    if twice.any():
        row = gold[twice].iloc[0]
        raise CodingError(
            f"{row['passage']} has two labels in {row['facet']}",
            hint="run `diptych gold`, or `diptych train` where predictions are meant",
        )
    return gold.pivot(index="passage", columns="facet", values="value").reindex(columns=list(facets))  # noqa: PD010


def same_labels(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Say whether two sets of gold labels are equal, in any order."""
    columns = ["passage", "facet", "value", "how"]
    return set(first[columns].itertuples(index=False, name=None)) == set(
        second[columns].itertuples(index=False, name=None)
    )
