"""Collect everything a report shows and fill the template."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from diptych import __version__
from diptych.analysis.coverage import coverage
from diptych.analysis.divergence import EVERYONE, divergence, divergence_notes, largest
from diptych.analysis.evidence import Evidence
from diptych.analysis.labels import coder_labels, load_evidence, load_labels
from diptych.analysis.statements import coverage_notes, statement
from diptych.classifier.persist import load_model
from diptych.coding.codings import load_coders, load_codings
from diptych.coding.disputes import disputes
from diptych.coding.gold import load_gold
from diptych.coding.reliability import digest_check, reliability
from diptych.documents.passages import load_passages
from diptych.errors import CodingError, DiptychError
from diptych.files import write_text
from diptych.lock import record_step, step_inputs
from diptych.records import rows_of
from diptych.report import sentences
from diptych.report.marks import heat_level, percent, stacked, tones
from diptych.schema import Facet, Value
from diptych.study import Study

T = TypeVar("T")


def write_report(study: Study, path: Path, *, originals: bool = False) -> Path:
    """Write the report of a study as one HTML file; equal inputs give equal bytes.

    The page carries digests; the text of originals only if asked for, marked as not for publication.
    """
    write_text(path, render(collect(study, originals=originals)))
    record_step(study, "report", {"report": path})
    return path


def collect(study: Study, *, originals: bool = False) -> dict[str, Any]:
    """Return everything the template needs; what cannot be had is a sentence in `missing`."""
    missing: list[str] = []
    schema = study.schema
    passages = load_passages(study, originals=originals)
    codings, coders = load_codings(study), load_coders(study)
    labels = _try(lambda: load_labels(study), missing)
    seed = study.settings.seed
    found: dict[str, Any] = {
        "study": study.settings,
        "schema": schema,
        "version": __version__,
        "summary": sentences.study_sentence(passages, schema, codings),
        "coded_by": sentences.coder_sentence(codings, coders),
        "authors": study.authors,
        "glance": [],
        "coders": coders.coders,
        "missing": missing,
        "hashes": step_inputs(study, "report"),
        "digests": bool((passages["source"] == "digest").any()),
        "originals": bool((passages["source"] == "original").any()),
    }
    quarrels = disputes(codings, schema)
    found["disputes"] = quarrels
    agreements = _try(lambda: reliability(codings, schema, coders), missing) or []
    found["agreements"] = agreements
    found["digest_check"] = _try(lambda: digest_check(codings, load_gold(study), schema), []) or []
    model = _try(lambda: load_model(study.model_file, schema.structure_hash), missing)
    found["model"] = model.card if model else None
    if labels is not None:
        evidence = load_evidence(study, passages)
        others = {} if evidence.estimated else coder_labels(study)
        table = coverage(evidence, schema, others=others, seed=seed)
        found |= _coverage(study, evidence, table)
        found |= _scale(study, passages, labels)
        found["glance"] += sentences.coverage_sentences(table, schema)
        pair = _try(lambda: divergence(evidence, schema, seed=seed), missing)
        if pair is not None:
            found |= _divergence(study, passages, labels, pair, quarrels)
    one_document = bool((passages.groupby("author")["document"].nunique() < 2).any())
    found["certainty"] = sentences.certainty_sentence(
        agreements[0].kind if agreements else "", [(a.facet, a.alpha) for a in agreements], one_document
    )
    found["evidence"] = _evidence(study, passages, labels, quarrels)
    return found


def _try(make: Callable[[], T], missing: list[str]) -> T | None:
    """Return what `make` makes; where it cannot, note why and what would help."""
    try:
        return make()
    except DiptychError as error:
        missing.append(f"{error}" + (f" ({error.hint})" if error.hint else ""))
        return None


def _coverage(study: Study, evidence: Evidence, table: pd.DataFrame) -> dict[str, Any]:
    """Heat maps of the crossed facets, one panel an author on one scale, and a table a facet."""
    schema = study.schema
    crossed = " x ".join(facet.id for facet in schema.cells)
    cells = table[table["facet"] == crossed]
    top = float(cells["share"].dropna().max()) if cells["share"].notna().any() else 0.0
    by_cell = {(row["author"], row["value"]): row for row in rows_of(cells)}
    rows, columns = schema.cells[0], schema.cells[1] if len(schema.cells) == 2 else None
    panels = []
    for author in study.authors:
        lines = []
        for row in rows.values:
            cells_here = []
            for column in _columns(columns):
                value = row.id if column is None else f"{row.id} x {column.id}"
                cell = by_cell.get((author, value))
                if cell is None:
                    continue
                cells_here.append(
                    cell
                    | {
                        "level": heat_level(cell["share"] or 0.0, top),
                        "shown": percent(cell["share"]),
                    }
                )
            lines.append({"value": row, "cells": cells_here})
        of = int(cells.loc[cells["author"] == author, "of"].max()) if len(cells) else 0
        panels.append({"author": author, "lines": lines, "of": of})
    facets = [
        {
            "facet": facet,
            "rows": [
                {
                    "value": value,
                    "by": {r["author"]: r for r in rows_of(part) if r["value"] == value.id},
                }
                for value in facet.values
            ],
        }
        for facet in schema.facets
        for part in [table[table["facet"] == facet.id]]
    ]
    beside = [column.removeprefix("share:") for column in table.columns if column.startswith("share:")]
    notes = coverage_notes(table, evidence, model=load_coders(study).one_model(beside))
    return {
        "panels": panels,
        "columns": _columns(columns),
        "rows_facet": rows,
        "columns_facet": columns,
        "facets": facets,
        "beside": beside,
        "coverage_notes": [f"{statement(evidence, 'author').sentence()}.", *notes],
    }


def _columns(facet: Facet | None) -> Sequence[Value | None]:
    """The columns of the heat map; a single nameless one where no second facet is crossed."""
    return facet.values if facet else (None,)


def _scale(study: Study, passages: pd.DataFrame, labels: pd.DataFrame) -> dict[str, Any]:
    """Distributions of the first ordinal facet within every value of the crossed facets, per author."""
    schema = study.schema
    ordinal = next((facet for facet in schema.facets if facet.scale == "ordinal"), None)
    if ordinal is None:
        return {"scale": None}
    frame = passages.merge(labels, left_on="passage", right_index=True)
    within = [facet for facet in schema.cells if facet.id != ordinal.id]
    groups = [
        {
            "facet": facet,
            "rows": [
                {
                    "value": value,
                    "bars": [_bar(frame, ordinal, facet, value.id, author) for author in study.authors],
                }
                for value in facet.values
            ],
        }
        for facet in within
    ]
    legend = zip(ordinal.values, tones([value.score for value in ordinal.values]), strict=True)
    return {"scale": ordinal, "scale_groups": groups, "scale_legend": list(legend)}


def _bar(frame: pd.DataFrame, ordinal: Facet, facet: Facet, value: str, author: str) -> dict[str, Any]:
    rows = frame[(frame["author"] == author) & (frame[facet.id] == value)]
    counts = rows[ordinal.id].value_counts()
    kinds = tones([v.score for v in ordinal.values])
    pieces = stacked(
        [(v.id, v.name, int(counts.get(v.id, 0)), tone) for v, tone in zip(ordinal.values, kinds, strict=True)]
    )
    return {"author": author, "pieces": pieces, "of": int(counts.sum())}


def _divergence(
    study: Study,
    passages: pd.DataFrame,
    labels: pd.DataFrame,
    pair: tuple[pd.DataFrame, pd.DataFrame],
    quarrels: list[dict[str, Any]],
) -> dict[str, Any]:
    schema = study.schema
    facets, cells = pair
    facets = facets[(facets["first"] != EVERYONE) & ~facets["facet"].str.contains(" | ", regex=False)]
    top = max(float(facets[["bits", "noise_high"]].astype(float).max().max()), 1e-9)
    rows = rows_of(largest(cells, number=10))
    reach = max((abs(row["difference"]) for row in rows), default=0.0) or 1.0
    for row in rows:
        row["label"] = sentences.cell_label(schema, row["facet"], row["value"])
        row["width"] = round(48 * abs(row["difference"]) / reach, 2)
    disputed: dict[str, set[str]] = {}
    for quarrel in quarrels:
        disputed.setdefault(quarrel["facet"], set()).add(quarrel["passage"])
    crossed = " x ".join(facet.id for facet in schema.cells)
    members: dict[tuple[str, str, str], list[str]] = {}
    frame = passages[["passage", "author"]].merge(labels, left_on="passage", right_index=True)
    for row in rows_of(frame):
        values = [row[facet.id] for facet in schema.cells]
        if all(isinstance(v, str) for v in values):
            members.setdefault((row["author"], crossed, " x ".join(values)), []).append(row["passage"])
        for facet in schema.facets:
            members.setdefault((row["author"], facet.id, row[facet.id]), []).append(row["passage"])
    return {
        "divergence": [row | {"scale": 100 / top} for row in rows_of(facets)],
        "differences": rows,
        "divergence_notes": divergence_notes(facets),
        "difference_sentences": sentences.difference_sentences(cells, schema, disputed, members),
    }


def _evidence(
    study: Study, passages: pd.DataFrame, labels: pd.DataFrame | None, quarrels: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    how: dict[tuple[str, str], str] = {}
    with suppress(CodingError):
        how = {(row["passage"], row["facet"]): row["how"] for row in rows_of(load_gold(study))}
    by_passage: dict[str, list[dict[str, Any]]] = {}
    for quarrel in quarrels:
        by_passage.setdefault(quarrel["passage"], []).append(quarrel)
    rows = []
    for p in rows_of(passages):
        values = {}
        if labels is not None and p["passage"] in labels.index:
            line = labels.loc[p["passage"]]
            values = {f: line[f] for f in study.schema.facet_ids if isinstance(line[f], str)}
        rows.append(
            {
                "passage": p["passage"],
                "author": p["author"],
                "section": p["section"],
                "start": p["spans"][0][0],
                "end": p["spans"][-1][1],
                "words": p["words"],
                "text": p["text"],
                "source": p["source"],
                "values": values,
                "how": {f: how.get((p["passage"], f), "") for f in values},
                "disputes": by_passage.get(p["passage"], []),
            }
        )
    return rows


def render(found: dict[str, Any]) -> str:
    """Fill the template; style and script are inlined and named by hash in the page's security policy."""
    folder = files("diptych.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "points": _points, "coefficient": _coefficient}
    style, script = (folder / name for name in ("report.css", "report.js"))
    style_text, script_text = style.read_text(encoding="utf-8"), script.read_text(encoding="utf-8")
    template = environment.from_string((folder / "report.html").read_text(encoding="utf-8"))
    return template.render(
        found
        | {
            "style": Markup(style_text),  # noqa: S704 - our own file
            "script": Markup(script_text),  # noqa: S704 - our own file
            "style_hash": _source_hash(style_text),
            "script_hash": _source_hash(script_text),
        }
    )


def _source_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")


def _coefficient(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")
