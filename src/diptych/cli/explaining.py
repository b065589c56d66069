"""diptych classify --explain, and how predictions are printed for reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import shorten
from typing import IO, TYPE_CHECKING, Any

from diptych.cli.options import print_table

if TYPE_CHECKING:
    from diptych.classifier.scoring.score import Scorer
    from diptych.classifier.streams.direct import Rejects
    from diptych.files import Row


def write_explanations(
    rows: Iterator[tuple[int, Any]], rejects: Rejects, scorer: Scorer, text_column: str, form: str, out: IO[str]
) -> None:
    """Write what moved each answer: as JSON Lines, or in words."""
    import json
    from dataclasses import asdict

    from diptych.classifier.scoring.explain import explain
    from diptych.exchange.tables import Reject

    for place, row in rows:
        if isinstance(row, Reject):
            rejects.add([row])
            continue
        found = explain(scorer, row[text_column])
        if form != "table":
            line = {"passage": row.get("passage", place), "facets": [asdict(one) for one in found]}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            continue
        out.write(shorten(row[text_column], 100, placeholder="…") + "\n")
        for one in found:
            moved = ", ".join(f"{word} {change:+.2f}" for word, change in one.words)
            out.write(
                f"  {one.facet}: {one.value} ({one.p:.2f}); without each word the probability falls by: {moved}\n"
            )
            for sentence, change in one.sentences:
                out.write(f"    {change:+.2f}  {shorten(sentence, 100, placeholder='…')}\n")


def print_predictions(rows: Iterable[Row], facets: Sequence[str], text_column: str, prefix: str) -> None:
    """Print predictions as a table for reading."""
    shown: list[Mapping[str, Any]] = []
    for row in rows:
        line = {"text": shorten(row[text_column], 60, placeholder="…")}
        for facet in facets:
            value = row[prefix + facet] or "(abstains)"
            line[facet] = f"{value} {row[f'{prefix}{facet}_p']:.2f}"
        first = row.get(f"{prefix}duplicate_of")
        remarks = ["off topic" if row[f"{prefix}off_topic"] else "", f"repeats {first}" if first is not None else ""]
        line["note"] = ", ".join(filter(None, remarks))
        line["language"] = row[f"{prefix}language"]
        shown.append(line)
    print_table(shown, {"text": "text", **{facet: facet for facet in facets}, "language": "language", "note": ""})
