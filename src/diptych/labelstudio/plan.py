"""What is to be pushed: passages of a study, their neighbours, and a model's suggestions for a recorded half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diptych.classifier.scoring.persist import Model, study_model
from diptych.coding.codings import load_codings
from diptych.coding.disputes import disputes
from diptych.coding.sampling import Sample, draw_sample
from diptych.documents.passages import load_passages
from diptych.errors import CodingError, DocumentError, UsageError
from diptych.exchange.label_studio import Suggestion
from diptych.files import sha256_bytes
from diptych.labelstudio.project import Order, Plan
from diptych.records import rows_of
from diptych.study import Study


def coding_plan(
    study: Study,
    *,
    coders: int = 1,
    order: Order = "document",
    suggest_share: float = 0.0,
    sample: Sample | None = None,
) -> Plan:
    """Return the plan of a coding project.

    Parameters
    ----------
    study : Study
    coders : int
        How many people code each passage.
    order : {'document', 'random', 'uncertain'}
    suggest_share : float
        The share of passages (0 to 1) that get the model's suggestion as pre-label, drawn at random by
        the study's seed.
    sample : Sample, optional
        Only these passages, in random order.

    Raises
    ------
    UsageError
        For numbers out of range.
    NotTrainedError
        If suggestions or the uncertain order are wanted and there is no model.
    DocumentError
        If a passage has no text at hand.
    """
    if coders < 1 or not 0 <= suggest_share <= 1:
        raise UsageError("--coders is at least 1, --suggest-share lies between 0 and 1")
    rows = passages_with_text(study)
    neighbours = neighbours_of(rows)
    if sample is not None:
        wanted = set(sample.passages)
        rows = [row for row in rows if row["passage"] in wanted]
        absent = sorted(wanted - {row["passage"] for row in rows})
        if absent:
            raise UsageError(f"{sample.name}: the study has no passage {absent[0]!r} ({len(absent)} are unknown)")
        order = "random" if order == "document" else order
    if order == "random":
        rows = sorted(rows, key=lambda row: _chance(study, "order", row["passage"]))
    suggestions: dict[str, Suggestion] = {}
    shown: frozenset[str] = frozenset()
    if suggest_share > 0 or order == "uncertain":
        suggestions = suggestions_by(study_model(study, "suggestions need a model, and there is none yet"), rows)
        chances = {passage: _chance(study, "suggestion", passage) for passage in suggestions}
        shown = frozenset(passage for passage, chance in chances.items() if chance < suggest_share)
    name = sample.name if sample else ""
    return Plan(rows, neighbours, suggestions, shown, coders=coders, order=order, sample=name)


def adjudication_plan(study: Study, *, names: bool = False) -> Plan:
    """Return the plan of an adjudication project: every disputed passage with what the coders said.

    Parameters
    ----------
    study : Study
    names : bool, default False
        Show the coders' pseudonyms; otherwise they are called A, B, C.

    Raises
    ------
    CodingError
        If nothing is in dispute.
    """
    codings = load_codings(study)
    quarrels = [quarrel for quarrel in disputes(codings, study.schema) if quarrel["adjudicated"] is None]
    if not quarrels:
        raise CodingError("nothing is in dispute", hint="`diptych reliability --disputes` shows what was decided")
    disputed: dict[str, list[str]] = {quarrel["passage"]: [] for quarrel in quarrels}
    for quarrel in quarrels:
        disputed[quarrel["passage"]].append(quarrel["facet"])
    plain: dict[str, list[dict[str, Any]]] = {passage: [] for passage in disputed}
    for row in rows_of(codings[(codings["role"] == "coder") & codings["passage"].isin(disputed)]):
        plain[row["passage"]].append(row)
    everything = passages_with_text(study)
    rows = [row for row in everything if row["passage"] in disputed]
    answers, agreed = {}, {}
    for passage, facets in disputed.items():
        said = plain[passage]
        answers[passage] = _said(said, facets, study, names=names)
        settled = {row["facet"]: (row["value"], 1.0) for row in said if row["facet"] not in facets}
        agreed[passage] = Suggestion(settled, "agreed", 0.0)
    return Plan(
        rows,
        neighbours_of(everything),
        agreed,
        frozenset(agreed),
        answers=answers,
        kind="adjudication",
    )


def _said(rows: Sequence[Mapping[str, Any]], facets: Sequence[str], study: Study, *, names: bool) -> str:
    """What the coders said of the disputed facets, one line each, under letters unless names are wanted."""
    coders = sorted({row["coder"] for row in rows})
    called = {coder: coder if names else chr(ord("A") + i % 26) for i, coder in enumerate(coders)}
    lines = []
    for coder in coders:
        mine = [row for row in rows if row["coder"] == coder]
        parts = [
            f"{study.schema.facet(row['facet']).name}: {study.schema.facet(row['facet']).value(row['value']).name}"
            for row in mine
            if row["facet"] in facets
        ]
        comments = sorted({row["comment"] for row in mine if row["comment"]})
        lines.append(f"{called[coder]}: {', '.join(parts)}" + (f" ({'; '.join(comments)})" if comments else ""))
    return "\n".join(lines)


def passages_with_text(study: Study, *, originals: bool = True) -> list[dict[str, Any]]:
    """Return the passages as rows, with the hash of the text that is at hand.

    Raises
    ------
    DocumentError
        If a passage has none.
    """
    rows = rows_of(load_passages(study, originals=originals))
    bare = [row["passage"] for row in rows if not row["text"].strip()]
    if bare:
        raise DocumentError(
            f"{len(bare)} passages have no text at hand (first: {bare[0]})",
            hint="put the originals into seeds/ and run `diptych ingest`, or write digests",
        )
    return [row | {"sha256": sha256_bytes(row["text"].encode())} for row in rows]


def neighbours_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return the texts before and after every passage, within its document."""
    found = {}
    for i, row in enumerate(rows):
        before = rows[i - 1]["text"] if i and rows[i - 1]["document"] == row["document"] else ""
        after = rows[i + 1]["text"] if i + 1 < len(rows) and rows[i + 1]["document"] == row["document"] else ""
        found[row["passage"]] = (before, after)
    return found


def suggestions_by(model: Model, rows: Sequence[Mapping[str, Any]]) -> dict[str, Suggestion]:
    """Return passage → what a model suggests; the score is its mean certainty over the facets."""
    predictions = model.scorer.predict([row["text"] for row in rows])
    return {
        row["passage"]: Suggestion(prediction.best_by_facet, model.version, prediction.certainty)
        for row, prediction in zip(rows, predictions, strict=True)
    }


def _chance(study: Study, purpose: str, passage: str) -> float:
    """A number from 0 to 1 that is drawn by the study's seed, the same every time."""
    said = f"{study.settings.seed} {purpose} {passage}"
    return int(sha256_bytes(said.encode())[:12], 16) / 16**12


def draw_next(study: Study, *, size: int, equal: bool = False, seed: int | None = None) -> Sample:
    """Draw which of the uncoded passages to code next.

    Parameters
    ----------
    study : Study
    size : int
    equal : bool, default False
        Equal chances; otherwise by the model's uncertainty, where there is a model.
    seed : int, optional
        Default: the study's.

    Raises
    ------
    UsageError
        If more passages are asked for than are uncoded.
    """
    codings = load_codings(study)
    coded = set(codings.loc[codings["role"] == "coder", "passage"])
    rows = [row for row in passages_with_text(study) if row["passage"] not in coded]
    model = None if equal or not study.model_file.exists() else study_model(study)
    suggestions = suggestions_by(model, rows) if model else {}
    uncertainty = np.array([1 - suggestions[row["passage"]].score if model else 0.0 for row in rows])
    cells = [facet.id for facet in study.schema.cells]
    strata = [
        " x ".join([row["author"], *(suggestions[row["passage"]].values[c][0] for c in cells if model)]) for row in rows
    ]
    return draw_sample(
        [row["passage"] for row in rows],
        strata,
        uncertainty,
        size=size,
        seed=study.settings.seed if seed is None else seed,
        model=model.version if model else "",
    )
