"""The sentences of the first screen: made from the numbers, and saying no more than they carry."""

from __future__ import annotations

from typing import Any

import pandas as pd

from diptych.analysis.divergence import EVERYONE, NO_TEST, largest
from diptych.records import rows_of
from diptych.report.catalogue import Catalogue
from diptych.report.contents import Contents
from diptych.report.marks import cell_name, percent
from diptych.schema import Facet, Schema

LONGEST_LIST = 3  # values that are named
Row = dict[str, Any]


def counted(count: int, of: int) -> str:
    """Return “12 of 140 passages (9 %)”."""
    return f"{count} of {of} passages ({percent(count / of) if of else '0 %'})".replace("\xa0", " ")


def cell_label(schema: Schema, facet: str, value: str) -> str:
    """Return the labels of a cell: “Domain: Energy”, or “Moscow × Energy” for crossed facets."""
    facets = [schema.facet(name) for name in facet.split(" x ")]
    values = [f.value(v).name for f, v in zip(facets, value.split(" x "), strict=True)]
    return cell_name([f.name for f in facets], values)


def study_sentence(contents: Contents, text: Catalogue) -> str:
    """Say what was coded: authors, documents, passages, and how many of them are coded on every facet."""
    parts = []
    for author, rows in contents.passages.groupby("author", sort=False):
        documents, years = rows["document"].nunique(), sorted({int(year) for year in rows["year"].dropna()})
        when = "" if not years else f", {years[0]}" if len(years) == 1 else f", {years[0]}–{years[-1]}"
        many = text("documents", n=documents)
        parts.append(
            text("lead.author", author=author, documents=many, years=when, passages=text("passages", n=len(rows)))
        )
    plain = contents.codings[contents.codings["role"] != "digest"]
    answered = plain.groupby("passage")["facet"].nunique()
    complete, everyone = int((answered == len(contents.schema.facets)).sum()), len(contents.passages)
    asked = ", ".join(facet.name.casefold() for facet in contents.schema.asked)
    facets = text("facets", n=len(contents.schema.asked))
    key = "lead.all_coded" if complete == everyone else "lead.some_coded"
    return text(key, authors=text.listed(parts), n=complete, of=everyone, facets=facets, asked=asked)


def coder_sentence(contents: Contents, text: Catalogue) -> str:
    """Say who coded: people, models, or nobody knows."""
    coders, names = contents.coders, contents.coder_names
    if not names:
        return text("coded.nothing")
    known = {coders.coders[name].kind if name in coders.coders else "" for name in names}
    if coders.one_model(names):
        return text("coded.model", n=len(names))
    if known == {"human"}:
        return text("coded.people", n=len(names))
    return text("coded.mixed", names=text.listed(names))


def glance(contents: Contents, text: Catalogue) -> list[Row]:
    """Answer every question that the report is about: the crossed facets, subjects first, then the ordered facet.

    Returns
    -------
    list of dict
        heading (the facet's question), sentences.
    """
    if contents.first is None:
        return []
    facets = list(reversed(contents.schema.cells))
    if contents.scale is not None and contents.scale not in facets:
        facets.append(contents.scale)
    return [
        {"heading": facet.question, "facet": facet.id, "sentences": _about(contents, facet, text)} for facet in facets
    ]


def _about(contents: Contents, facet: Facet, text: Catalogue) -> list[str]:
    """What most of each author's passages say, and the largest observed difference."""
    basis = contents.first
    if basis is None:
        return []
    table = basis.coverage[basis.coverage["facet"] == facet.id]
    found = []
    for author in contents.authors:
        mine = table[(table["author"] == author) & (table["passages"] > 0)]
        if mine.empty or mine["share"].isna().all():
            found.append(text("glance.none", author=author))
            continue
        order = mine["share"].astype(float).sort_values(ascending=False, kind="stable").index
        top = rows_of(mine.loc[order[:LONGEST_LIST]])
        listed = text.listed([f"{facet.value(row['value']).name} ({_share(row, text)})" for row in top])
        if basis.evidence.estimated:
            of = text("passages", n=top[0]["population"])
            found.append(text("glance.most_estimated", author=author, listed=listed, of=of, coded=top[0]["of"]))
        else:
            found.append(text("glance.most", author=author, listed=listed, of=text("passages", n=top[0]["of"])))
    if basis.divergence is not None:
        found += [difference_sentence(contents, row, text) for row in _largest(basis.divergence[1], facet.id)]
    return found


def _share(row: Row, text: Catalogue) -> str:
    """A share as exactly as it is known: counted, or estimated with its interval."""
    if row["low"] is None:
        return f"{row['passages']}, {percent(row['share'])}"
    return text("glance.estimated", share=percent(row["share"]), low=percent(row["low"]), high=percent(row["high"]))


def _largest(cells: pd.DataFrame, facet: str) -> list[Row]:
    """The largest difference of every pair of authors, pairs with the largest first, three at most."""
    mine = cells[cells["facet"] == facet]
    rows = [
        row for _, part in mine.groupby(["first", "second"], sort=False) for row in rows_of(largest(part, number=1))
    ]
    return sorted((row for row in rows if row["difference"]), key=lambda row: -abs(row["difference"]))[:LONGEST_LIST]


def difference_sentence(contents: Contents, row: Row, text: Catalogue) -> str:
    """Say one difference with its counts, or estimates, and on how many of the passages the coders differ."""
    basis = contents.first
    estimated = basis is not None and basis.evidence.estimated
    if estimated:
        span = {"low": percent(row["low"]), "high": percent(row["high"])} if row["low"] is not None else None
        said = text(
            "glance.estimated_difference",
            label=_label(contents.schema, row["facet"], row["value"]),
            first=row["first"],
            share_first=percent(row["share_first"]),
            second=row["second"],
            share_second=percent(row["share_second"]),
        )
        return said if span is None else f"{said} {text('glance.interval', **span)}"
    facets, values = row["facet"].split(" x "), row["value"].split(" x ")
    members = contents.members(row["first"], facets, values) | contents.members(row["second"], facets, values)
    doubted = {p for p in members if any(p in contents.disputed[f] for f in facets)}
    said = text(
        "glance.difference",
        label=_label(contents.schema, row["facet"], row["value"]),
        first=row["first"],
        count_first=row["count_first"],
        of_first=text("passages", n=row["of_first"]),
        share_first=percent(row["share_first"]),
        second=row["second"],
        count_second=row["count_second"],
        of_second=row["of_second"],
        share_second=percent(row["share_second"]),
    )
    if not contents.agreements:
        return f"{said}."
    if not doubted:
        return f"{said}; {text('glance.undisputed', of=len(members))}"
    return f"{said}; {text('glance.disputed', n=len(doubted), of=len(members))}"


def _label(schema: Schema, facet: str, value: str) -> str:
    """The value's own name, where its facet has been named before."""
    return cell_label(schema, facet, value) if " x " in facet else schema.facet(facet).value(value).name


def certainty(contents: Contents, text: Catalogue) -> list[str]:
    """Say how sure the figures are: agreement, noise, and what one document an author allows."""
    listed = [f"{a.facet} {a.alpha:.2f}" for a in contents.agreements if a.alpha is not None]
    found = [text("sure.unknown")]
    if listed:
        kind = contents.agreements[0].kind
        found = [text("sure.agreement", kind=f"{kind[:1].upper()}{kind[1:]}", listed=", ".join(listed))]
    basis = contents.first
    if basis is not None:
        found.append(text(f"sure.{basis.evidence.situation}"))
    if basis is not None and basis.divergence is not None:
        found += _noise(contents, basis.divergence[0], text)
    if contents.one_document:
        found.append(NO_TEST)
    return found


def _noise(contents: Contents, facets: pd.DataFrame, text: Catalogue) -> list[str]:
    """Per pair of authors: on which facets they lie further apart than most ways to deal their sections."""
    single = facets[facets["facet"].isin(contents.schema.facet_ids) & (facets["first"] != EVERYONE)]
    pairs = list(single.groupby(["first", "second"], sort=False))
    found = []
    for (first, second), rows in pairs[:LONGEST_LIST]:
        names = {
            beyond: [
                contents.schema.facet(r["facet"]).name for r in rows_of(rows) if (r["bits"] > r["noise_high"]) is beyond
            ]
            for beyond in (True, False)
        }
        within = "sure.within" if names[True] else "sure.within_alone"
        parts = [
            text(key, facets=text.listed(listed))
            for key, listed in (("sure.beyond", names[True]), (within, names[False]))
            if listed
        ]
        unit = rows["unit"].iloc[0]
        found.append(text("sure.noise", first=first, second=second, unit=text(f"unit.{unit}"), said="; ".join(parts)))
    return found
