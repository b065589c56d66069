"""The sentences of the first screen: made from the numbers, and saying no more than they carry."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from diptych.analysis.divergence import NO_TEST, largest
from diptych.coding.codings import Coders
from diptych.records import rows_of
from diptych.report.marks import percent
from diptych.schema import Schema


def counted(count: int, of: int) -> str:
    """Return “12 of 140 passages (9 %)”."""
    return f"{count} of {of} passages ({percent(count / of) if of else '0 %'})"


def cell_label(schema: Schema, facet: str, value: str) -> str:
    """Return the labels of a cell: “Domain: Energy”, or “Moscow × Energy” for crossed facets."""
    facets = [schema.facet(name) for name in facet.split(" x ")]
    names = " × ".join(f.value(v).name for f, v in zip(facets, value.split(" x "), strict=True))
    return names if len(facets) > 1 else f"{facets[0].name}: {names}"


def plural(number: int, noun: str) -> str:
    """Return “1 passage”, “2 passages”."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def study_sentence(passages: pd.DataFrame, schema: Schema, codings: pd.DataFrame) -> str:
    """Say what was coded: authors, documents, passages, and how many of them are coded on every facet."""
    parts = []
    for author, rows in passages.groupby("author", sort=False):
        documents = rows["document"].nunique()
        years = sorted({int(y) for y in rows["year"].dropna()})
        when = f", {years[0]}" if len(years) == 1 else f", {years[0]}–{years[-1]}" if years else ""
        many = "one document" if documents == 1 else f"{documents} documents"
        parts.append(f"{author} ({many}{when}: {plural(len(rows), 'passage')})")
    asked = ", ".join(facet.name.casefold() for facet in schema.asked)
    answered = codings[codings["role"] != "digest"].groupby("passage")["facet"].nunique()
    complete = int((answered == len(schema.facets)).sum())
    who = "Every passage is" if complete == len(passages) else f"{complete} of {len(passages)} passages are"
    return f"{_and(parts)}. {who} coded on {plural(len(schema.asked), 'facet')}: {asked}."


def coder_sentence(codings: pd.DataFrame, coders: Coders) -> str:
    """Say who coded: people, models, or nobody knows."""
    names = sorted(codings.loc[codings["role"] == "coder", "coder"].unique())
    if not names:
        return "Nothing is coded yet."
    kinds = {coders.coders[name].kind if name in coders.coders else "" for name in names}
    if coders.one_model(names):
        many = f" in {len(names)} readings" if len(names) > 1 else ""
        return f"Coded by a language model following the codebook{many}; no coding is by a person."
    if kinds == {"human"}:
        return f"Coded by {len(names)} people."
    return f"Coded by {', '.join(names)}."


def coverage_sentences(table: pd.DataFrame, schema: Schema, number: int = 3) -> list[str]:
    """Say, per crossed facet and first ordinal facet, which values take most of each author's passages."""
    sentences = []
    ordinal = [facet for facet in schema.facets if facet.scale == "ordinal"][:1]
    for facet in dict.fromkeys([*schema.cells, *ordinal]):
        rows = table[table["facet"] == facet.id]
        parts = []
        for author, mine in rows.groupby("author", sort=False):
            top = mine.sort_values("passages", ascending=False, kind="stable").head(number)
            listed = [
                f"{facet.value(row['value']).name} {row['passages']} ({percent(row['share'])})"
                for row in rows_of(top)
                if row["passages"]
            ]
            if listed:
                parts.append(f"{author}, of {int(mine['of'].iloc[0])}: {', '.join(listed)}")
        if parts:
            sentences.append(f"{facet.name} of the passages, most frequent first. {'; '.join(parts)}.")
    return sentences


def difference_sentences(
    cells: pd.DataFrame,
    schema: Schema,
    disputed: dict[str, set[str]],
    passages: dict[tuple[str, str, str], list[str]],
    number: int = 3,
) -> list[str]:
    """Say the largest observed differences, with counts, and how many of the passages were disputed.

    Parameters
    ----------
    cells : DataFrame
        As :func:`diptych.analysis.divergence.divergence` returns it.
    schema : Schema
    disputed : dict of str to set of str
        Passages on which coders differed, per facet.
    passages : dict
        The passages of (author, facet, value).
    """
    crossed = " x ".join(facet.id for facet in schema.cells)
    rows = largest(cells, crossed if (cells["facet"] == crossed).any() else None, number)
    sentences = []
    for row in rows_of(rows):
        if row["difference"] == 0:
            continue
        label = cell_label(schema, row["facet"], row["value"])
        said = (
            f"{label}: {row['first']} {counted(row['count_first'], row['of_first'])}, "
            f"{row['second']} {counted(row['count_second'], row['of_second'])}"
        )
        members = {
            p
            for author in (row["first"], row["second"])
            for p in passages.get((author, row["facet"], row["value"]), [])
        }
        facets = row["facet"].split(" x ")
        doubted = len({p for p in members if any(p in disputed.get(f, set()) for f in facets)})
        if disputed:
            said += f"; the coders differed on {doubted or 'none'} of these {len(members)}"
        sentences.append(said + ".")
    return sentences


def certainty_sentence(kind: str, alphas: Sequence[tuple[str, float | None]], one_document: bool) -> str:
    """Say how sure the figures are: agreement, and what one document an author allows."""
    listed = ", ".join(f"{name} {alpha:.2f}" for name, alpha in alphas if alpha is not None)
    first = (
        f"{kind[:1].upper()}{kind[1:]}, Krippendorff's alpha: {listed}."
        if listed
        else "Nobody has coded twice, so agreement is unknown."
    )
    return f"{first} {NO_TEST}" if one_document else first


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
