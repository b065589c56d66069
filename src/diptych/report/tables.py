"""Every table of a report by its name, as the command line prints it: what the page's CSV buttons give."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from diptych.analysis.statements import stated
from diptych.coding.disputes import dispute_rows
from diptych.exchange.tables import CsvWriter
from diptych.records import rows_of
from diptych.report.contents import Contents

Rows = list[dict[str, Any]]
COMMANDS = {
    "coverage": "diptych coverage --format csv",
    "coverage-corrected": "diptych coverage --source corrected --format csv",
    "coverage-uncorrected": "diptych coverage --source uncorrected --format csv",
    "divergence": "diptych divergence --json",
    "differences": "diptych divergence --format csv",
    "scores": "diptych divergence --json",
    "words": "diptych divergence --wording --json",
    "reliability": "diptych reliability --format csv",
    "disputes": "diptych reliability --disputes --format csv",
    "evaluation": "diptych train --format csv",
}


def tables(contents: Contents) -> dict[str, Rows]:
    """Return the tables that have rows, by name, in the order of the page.

    Examples
    --------
    >>> from diptych.report.contents import read_contents
    >>> import diptych
    >>> list(tables(read_contents(diptych.Study.bundled())))[:3]
    ['coverage', 'divergence', 'differences']
    """
    found: dict[str, Rows] = {}
    for source, basis in contents.bases.items():
        name = "coverage" if source == "gold" else f"coverage-{source}"
        found[name] = stated(rows_of(basis.coverage), source, basis.evidence, "author")
    first = contents.first
    if first and first.divergence:
        facets, cells = first.divergence
        found["divergence"] = rows_of(facets)
        found["differences"] = stated(rows_of(cells), first.source, first.evidence, "author")
    found["scores"] = rows_of(contents.scores)
    found["words"] = contents.words
    found["reliability"] = [agreement.row() for agreement in contents.agreements]
    found["disputes"] = dispute_rows(contents.quarrels)
    found |= contents.quality
    found["passages"] = passage_rows(contents)
    return {name: rows for name, rows in found.items() if rows}


def passage_rows(contents: Contents) -> Rows:
    """Return a row a passage: where it stands, its gold labels and how they came about, and the prediction; no text."""
    disputed = contents.disputed
    rows = []
    for passage in rows_of(contents.passages):
        name = passage["passage"]
        spans = " ".join(f"{start}-{end}" for start, end in passage["spans"])
        row = {"passage": name, "author": passage["author"], "document": passage["document"]}
        row |= {"section": passage["section"], "spans": spans, "words": passage["words"]}
        for facet in contents.schema.facet_ids:
            value = contents.labels[facet].get(name)
            guess, p = contents.guesses.get((name, facet), (None, None))
            row |= {
                facet: value if isinstance(value, str) else None,
                f"{facet}_how": contents.how.get((name, facet)),
                f"{facet}_disputed": name in disputed[facet],
                f"{facet}_predicted": guess,
                f"{facet}_p": p,
            }
        rows.append(row)
    return rows


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV text, formulas defused, as the command line prints them."""
    stream = io.StringIO()
    writer = CsvWriter(stream)
    for row in rows:
        writer.write(dict(row))
    return stream.getvalue()
