"""The sentences that must stand beside every figure: what it estimates, of whom, in which unit, how weighted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from diptych.analysis.archive import Archive, unequal_errors
from diptych.analysis.counts import FEW_SECTIONS
from diptych.analysis.evidence import Evidence
from diptych.errors import number_of
from diptych.records import rows_of
from diptych.schema import Facet

CENSUS = (
    "Every passage of the documents is coded, so the shares are exact for these documents; "
    "they were not drawn from a larger set."
)
PARTIAL = (
    "Not every passage has a label, and no sample was drawn: the shares hold for those that have one "
    "(`diptych sample` draws passages that stand for the others)."
)
SAMPLE = (
    "Estimated from a probability sample: every coded passage counts for as many as its inclusion probability "
    "says (scaled within strata), and what is coded is known exactly (finite population correction)."
)
CORRECTED = (
    "Corrected: a classifier's probabilities for all passages (from models that had not seen them), plus its "
    "errors on the passages that were drawn and coded with the suggestion withheld, weighted by inclusion "
    "probability. Abstaining and off-topic passages count with their probabilities."
)
PREDICTED = (
    "Uncorrected: counted from a classifier's predictions (cross-fitted: no passage was judged by a model "
    "that had seen it). This is a prediction, not an estimate."
)
ARCHIVE = (
    "Uncorrected: counted from a classifier's predictions of passages that nobody has coded. This is a prediction, not "
    "an estimate: its errors are in the shares."
)
TRANSFERRED = (
    "Corrected by the study: among passages predicted as one value, the shares of the values they truly have are taken "
    "from the study's coded passages (cross-fitted predictions, codings without a suggestion). That is right as far as "
    "the classifier errs in the file as it does in the study, which nothing in the file can show. Coded passages are "
    "the study's."
)
TRANSFERRED_INTERVAL = (
    "95 % intervals hold the chance in which passages the study coded (Wilson, effective size), not the difference "
    "between the study and the file."
)
INTERVAL = (
    "95 % intervals are for the passages at hand (Wilson, effective size); shares outside 0 and 1 are kept for "
    "sums and shown cut off."
)
UNLIKE = 0.05
MODEL = "coded by one language model following the codebook, not by people"
RANGE = (
    "The range is where 95 % of the shares fall when {unit}s are drawn anew with replacement: a yardstick "
    "for how much hangs on single {unit}s, not a test."
)
MEANING = {"census": CENSUS, "part": PARTIAL, "sample": SAMPLE, "corrected": CORRECTED, "prediction": PREDICTED}
MEANING |= {"archive": ARCHIVE, "transferred": TRANSFERRED}


@dataclass(frozen=True)
class Statement:
    """What a table is about."""

    situation: str
    estimand: str
    population: str
    unit: str
    weights: str

    def lines(self) -> dict[str, str]:
        """The statement as named lines."""
        return asdict(self)

    def sentence(self) -> str:
        """The statement in one line, for tables without room for notes."""
        return "; ".join(f"{name}: {line}" for name, line in self.lines().items() if name != "situation")


def stated(
    rows: Iterable[Mapping[str, Any]], source: str, evidence: Evidence, by: str, where: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return rows of a table that say themselves what they rest on: source, situation and statement beside."""
    about = statement(evidence, by, where)
    return [{"source": source, "situation": about.situation, **row, "about": about.sentence()} for row in rows]


def statement(evidence: Evidence, by: str, where: Mapping[str, str] | None = None) -> Statement:
    """Return estimand, population, unit and weights of a coverage or divergence table.

    Parameters
    ----------
    evidence : Evidence
    by : str
        The column that is compared.
    where : mapping of facet to value, optional
    """
    passages = number_of(evidence.size, "passage")
    everyone = f"the {passages}" if evidence.size == 1 else f"all {passages}"
    documents = number_of(evidence.passages["document"].nunique(), "document")
    only = "".join(f", of those with {facet} = {value}" for facet, value in (where or {}).items())
    labelled = evidence.labelled()
    population = {
        "census": f"{everyone} of {documents}",
        "part": f"the labelled ones ({labelled} in every facet) among {passages} of {documents}",
        "prediction": f"all passages with a text at hand, of {evidence.size} in {documents}",
    }.get(evidence.situation, f"{everyone} of {documents}, {labelled} of them coded")
    if isinstance(evidence, Archive):
        population = evidence.population
    weights = {
        "sample": "1 / inclusion probability, scaled within strata",
        "corrected": "1 / inclusion probability, scaled within strata, on the classifier's errors",
        "transferred": "coded passages count as often as their predicted value occurs in the file",
    }
    return Statement(
        evidence.situation,
        f"share of each value among the passages of each {by}{only}",
        population,
        "passage (shares of words beside)",
        weights.get(evidence.situation, "none: every passage counts once"),
    )


def coverage_notes(table: pd.DataFrame, evidence: Evidence, by: str = "author", *, model: str = "") -> list[str]:
    """Return the sentences that must stand beside a coverage table; `model`: coders that are one model."""
    notes = [MEANING[evidence.situation]]
    if evidence.situation == "part" and len(table):
        labelled = table.drop_duplicates(["facet", by]).groupby("facet")["of"].sum()
        few, most = int(labelled.min()), int(labelled.max())
        some = f"{few} to {most}" if few != most else str(few)
        notes = [f"{PARTIAL} ({some} of {len(evidence.passages)}, by facet)"]
    if evidence.estimated:
        notes.append(TRANSFERRED_INTERVAL if evidence.situation == "transferred" else INTERVAL)
        notes += _sample_notes(evidence)
    unit = table["unit"].iloc[0] if len(table) else "section"
    notes.append(RANGE.format(unit=unit))
    beside = [column.removeprefix("share:") for column in table.columns if column.startswith("share:")]
    if beside:
        who = f" ({MODEL})" if model else ""
        notes.append(
            f"{', '.join(beside)}: the same share by one coder alone{who}. "
            "What lies between them is the uncertainty of coding."
        )
    if len(table) and table["blind"].any():
        notes.append("∅: a blind spot, a cell that another fills and that is empty here.")
    few_rows = table.drop_duplicates(by) if len(table) else table
    for row in rows_of(few_rows):
        if row["share"] is None:
            why = "nothing was drawn and coded" if evidence.estimated else "nothing is coded"
            notes.append(f"{row[by]}: {why}, so there is no share.")
        if row["blocks"] < 2:
            notes.append(f"{row[by]}: fewer than two {row['unit']}s, so there is no range.")
        elif row["blocks"] < FEW_SECTIONS:
            notes.append(
                f"{row[by]}: only {row['blocks']} {row['unit']}s (under {FEW_SECTIONS}), so the range is rough."
            )
    return notes


def archive_notes(archive: Archive, facets: Iterable[Facet], authors: Mapping[str, str], seed: int = 0) -> list[str]:
    """Say, where shares are corrected by the study, whether the classifier errs alike in the study's own parts.

    Parameters
    ----------
    archive : Archive
    facets : iterable of Facet
    authors : mapping of str to str
        The author of every passage of the study.
    seed : int
        Of the shuffling.
    """
    if archive.said is None or archive.true is None:
        return []
    groups = pd.Series(dict(authors), dtype=object)
    tested = {facet.id: unequal_errors(archive.said, archive.true, facet, groups, seed) for facet in facets}
    said = ", ".join(f"{name} p = {p:.3f}" for name, p in tested.items() if p is not None)
    if not said:
        return ["The study has one author, so whether the classifier errs alike elsewhere cannot be looked at."]
    unlike = [name for name, p in tested.items() if p is not None and p < UNLIKE]
    verdict = f"yes, in {', '.join(unlike)}; expect no better of the file" if unlike else "no sign of that"
    return [f"Does it err otherwise with one of the study's authors than with another? {verdict} ({said}, shuffled)."]


def _sample_notes(evidence: Evidence) -> list[str]:
    notes = []
    here = set(evidence.passages["passage"])
    for sample in evidence.samples:
        wanted = [name for name in sample.passages if name in here]
        done = int(evidence.labels.reindex(wanted).notna().all(axis=1).sum())
        text = f"{sample.name}: {done} of {len(wanted)} drawn passages are coded, from a pool of {sample.pool}."
        if done < len(wanted):
            text += " The missing ones are taken to be like the others."
        notes.append(text)
    return notes
