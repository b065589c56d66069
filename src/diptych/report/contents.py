"""Everything a report is made from, read and computed once; what cannot be had is noted, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from diptych.analysis.coverage import coverage
from diptych.analysis.divergence import divergence
from diptych.analysis.evidence import Evidence
from diptych.analysis.labels import SOURCES, coder_labels, load_evidence
from diptych.analysis.stance import score_differences
from diptych.analysis.wording import cell_words
from diptych.classifier.scoring.persist import Model, study_model
from diptych.classifier.training.predictions import load_crossfit
from diptych.coding.coders import Coders, load_coders
from diptych.coding.codings import load_codings
from diptych.coding.disputes import disputes
from diptych.coding.gold import gold_table, load_gold
from diptych.coding.reliability import Agreement, digest_check, reliability
from diptych.documents.passages import load_passages
from diptych.errors import DiptychError
from diptych.lock import step_inputs
from diptych.records import rows_of
from diptych.report.answers import quality_tables
from diptych.schema import Facet, Schema
from diptych.study import Study

T = TypeVar("T")


@dataclass(frozen=True)
class Basis:
    """Shares from one source: gold, corrected or uncorrected.

    Attributes
    ----------
    source : str
    evidence : Evidence
    coverage : DataFrame
    divergence : tuple of (facets, cells), or None
        None with fewer than two authors.
    """

    source: str
    evidence: Evidence
    coverage: pd.DataFrame
    divergence: tuple[pd.DataFrame, pd.DataFrame] | None


@dataclass(frozen=True)
class Contents:
    """What every part of a report reads.

    Attributes
    ----------
    study : Study
    passages : DataFrame
        With the text that may be shown.
    codings : DataFrame
    coders : Coders
    gold : DataFrame
        passage, facet, value, how; empty where there is none.
    labels : DataFrame
        Gold by passage, one column a facet.
    predicted : DataFrame
        Cross-fitted: passage, facet, value, p, probabilities; empty where nothing was trained.
    bases : dict of str to Basis
        The sources of shares that exist, gold first.
    scores : DataFrame
        Differences of scores between authors.
    quarrels : list of dict
        The answers on which coders differ.
    agreements, digest_check : list of Agreement
    model : Model or None
    words : list of dict
        Distinctive words by cell; empty without originals.
    missing : list of str
    hashes : dict of str to str
        Of what went in.
    """

    study: Study
    passages: pd.DataFrame
    codings: pd.DataFrame
    coders: Coders
    gold: pd.DataFrame
    labels: pd.DataFrame
    predicted: pd.DataFrame
    bases: dict[str, Basis]
    scores: pd.DataFrame
    quarrels: list[dict[str, Any]]
    agreements: list[Agreement]
    digest_check: list[Agreement]
    model: Model | None
    words: list[dict[str, Any]]
    missing: list[str]
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        """The study's schema."""
        return self.study.schema

    @property
    def authors(self) -> list[str]:
        """The authors who have passages, in the order of the documents."""
        there = set(self.passages["author"])
        return [author for author in self.study.authors if author in there]

    @property
    def first(self) -> Basis | None:
        """The basis that the report speaks of unless it says otherwise."""
        return next(iter(self.bases.values()), None)

    @property
    def scale(self) -> Facet | None:
        """The first facet with an order, if there is one."""
        return next((facet for facet in self.schema.facets if facet.scale == "ordinal"), None)

    @property
    def across(self) -> Facet | None:
        """The second of two crossed facets; None where one stands alone."""
        return self.schema.cells[1] if len(self.schema.cells) == 2 else None

    @property
    def crossed(self) -> str:
        """The name of the crossed facets in tables."""
        return " x ".join(facet.id for facet in self.schema.cells)

    @property
    def coder_names(self) -> list[str]:
        """Who coded; neither who adjudicated nor who read digests."""
        return sorted(self.codings.loc[self.codings["role"] == "coder", "coder"].unique())

    @property
    def one_document(self) -> bool:
        """Whether there are several authors, and one of them has a single document."""
        documents = self.passages.groupby("author")["document"].nunique()
        return len(documents) > 1 and bool((documents < 2).any())

    @cached_property
    def how(self) -> dict[tuple[str, str], str]:
        """How gold labels came about, by passage and facet."""
        return {(row["passage"], row["facet"]): row["how"] for row in rows_of(self.gold)}

    @cached_property
    def guesses(self) -> dict[tuple[str, str], tuple[str, float]]:
        """Cross-fitted values and their probabilities, by passage and facet."""
        return {(row["passage"], row["facet"]): (row["value"], row["p"]) for row in rows_of(self.predicted)}

    @cached_property
    def disputed(self) -> dict[str, set[str]]:
        """The passages on which coders differ, by facet."""
        found: dict[str, set[str]] = {facet: set() for facet in self.schema.facet_ids}
        for quarrel in self.quarrels:
            found[quarrel["facet"]].add(quarrel["passage"])
        return found

    @cached_property
    def quality(self) -> dict[str, list[dict[str, Any]]]:
        """The tables about the classifier; none without a model."""
        if self.model is None:
            return {}
        return quality_tables(self.model, self.predicted, self.gold, self.schema)

    def members(self, author: str, facets: Sequence[str], values: Sequence[str]) -> set[str]:
        """The passages of an author whose gold labels have these values."""
        found = set(self._by_author.get(author, ()))
        for facet, value in zip(facets, values, strict=True):
            found &= self._by_value.get((facet, value), frozenset())
        return found

    @cached_property
    def _by_author(self) -> dict[str, frozenset[str]]:
        return {str(author): frozenset(rows) for author, rows in self.passages.groupby("author")["passage"]}

    @cached_property
    def _by_value(self) -> dict[tuple[str, str], frozenset[str]]:
        """Of gold labels: which passages have a value."""
        groups = self.gold.groupby(["facet", "value"])["passage"]
        return {(str(facet), str(value)): frozenset(rows) for (facet, value), rows in groups}


def read_contents(study: Study, *, originals: bool = False) -> Contents:
    """Read a study and compute what a report shows.

    Parameters
    ----------
    study : Study
    originals : bool, default False
        Whether the text of originals may be shown, where at hand; else digests alone.
    """
    missing: list[str] = []
    schema, seed = study.schema, study.settings.seed
    passages = load_passages(study, originals=originals)
    codings, coders = load_codings(study), load_coders(study)
    gold = _try(lambda: load_gold(study), missing)
    if gold is None:
        gold = pd.DataFrame(columns=["passage", "facet", "value", "how"], dtype=object)
    predicted = _try(lambda: load_crossfit(study), []) if study.model_file.exists() else None
    if predicted is None:
        predicted = pd.DataFrame(columns=["passage", "facet", "value", "p", "probabilities"], dtype=object)
    bases = _bases(study, passages, codings, missing) if len(gold) else {}
    first = next(iter(bases.values()), None)
    return Contents(
        study=study,
        passages=passages,
        codings=codings,
        coders=coders,
        gold=gold,
        labels=gold_table(gold, schema.facet_ids),
        predicted=predicted[predicted["passage"].isin(passages["passage"])],
        bases=bases,
        scores=score_differences(first.evidence, schema) if first and first.divergence else pd.DataFrame(),
        quarrels=disputes(codings, schema),
        agreements=_try(lambda: reliability(codings, schema, coders), missing) or [],
        digest_check=_try(lambda: digest_check(codings, gold, schema), []) or [],
        model=_try(lambda: study_model(study, "no model has been trained"), missing),
        words=(_try(lambda: cell_words(study, seed=seed), []) or []) if bases else [],
        missing=list(dict.fromkeys(missing)),
        hashes=step_inputs(study, "report"),
    )


def _bases(study: Study, passages: pd.DataFrame, codings: pd.DataFrame, missing: list[str]) -> dict[str, Basis]:
    """Gold as it is; corrected and uncorrected shares where they exist and say something else."""
    found: dict[str, Basis] = {}
    trained = study.model_file.exists()
    for source in SOURCES:
        if source == "uncorrected" and not trained:
            continue
        noted = missing if source == "gold" else []
        evidence = _try(lambda source=source: load_evidence(study, passages, source), noted)  # type: ignore[misc]
        if evidence is None or (source == "corrected" and evidence.situation != "corrected"):
            continue
        basis = _try(lambda s=source, e=evidence, n=noted: _basis(study, codings, s, e, n), noted)  # type: ignore[misc]
        if basis is not None:
            found[source] = basis
    return found


def _basis(study: Study, codings: pd.DataFrame, source: str, evidence: Evidence, missing: list[str]) -> Basis:
    schema, seed = study.schema, study.settings.seed
    others = coder_labels(study, codings) if source == "gold" and not evidence.estimated else {}
    table = coverage(evidence, schema, others=others, seed=seed)
    return Basis(source, evidence, table, _try(lambda: divergence(evidence, schema, seed=seed), missing))


def _try(make: Callable[[], T], missing: list[str]) -> T | None:
    """Return what `make` makes; where it cannot, note why and what would help."""
    try:
        return make()
    except DiptychError as error:
        missing.append(f"{error}" + (f" ({error.hint})" if error.hint else ""))
        return None
