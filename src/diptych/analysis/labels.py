"""Which labels an analysis counts: gold, one coder's, a classifier's, or gold corrected for what is not coded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from diptych.analysis.archive import Archive, corrected
from diptych.analysis.evidence import Evidence
from diptych.classifier.training.predictions import crossfit_file, load_crossfit
from diptych.coding.codings import load_codings
from diptych.coding.gold import derive_gold, gold_table, load_gold
from diptych.coding.sampling import Sample, load_samples
from diptych.errors import CodingError, UsageError, nearest
from diptych.exchange.counter import Wanted
from diptych.exchange.predicted import Counted, Tell, count_predictions
from diptych.study import Study

_AGAIN = "run `diptych train` again"
SOURCES = ("gold", "corrected", "uncorrected")


def load_labels(study: Study, source: str = "gold") -> pd.DataFrame:
    """Return labels by passage, one column a facet.

    Parameters
    ----------
    study : Study
    source : str
        `gold`, `uncorrected` (cross-fitted predictions), or the name of a coder.

    Raises
    ------
    UsageError
        For any other name, with the nearest one.
    """
    facets = study.schema.facet_ids
    if source in ("gold", "corrected"):
        return gold_table(load_gold(study), facets)
    if source == "uncorrected":
        return gold_table(load_crossfit(study), facets)
    coders = coder_labels(study)
    if source not in coders:
        names = [*SOURCES, *coders]
        raise UsageError(f"no labels called {source!r}{nearest(source, names)}", hint=f"one of: {', '.join(names)}")
    return coders[source]


def coder_labels(study: Study, codings: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
    """Return the labels of every coder (adjudicators and readers of digests aside); `codings` spares reading them."""
    codings = load_codings(study) if codings is None else codings
    plain = codings[codings["role"] == "coder"]
    return {str(name): gold_table(rows, study.schema.facet_ids) for name, rows in plain.groupby("coder", sort=True)}


def load_evidence(study: Study, passages: pd.DataFrame, source: str = "gold") -> Evidence:
    """Return what an analysis of these passages rests on.

    Parameters
    ----------
    study : Study
    passages : DataFrame
        All or some of the study's passages, with the column that is compared.
    source : str
        `gold`, `corrected`, `uncorrected`, or the name of a coder.

    Returns
    -------
    Evidence
        Gold labels of all passages are a census; of a drawn batch, a sample. `corrected` adds the predictions
        and takes only codings made with the suggestion withheld.

    Raises
    ------
    CodingError
        If `corrected` is asked for, not everything is coded, and no probability sample is.
    """
    labels = load_labels(study, source)
    if source == "uncorrected":
        return Evidence(passages, labels, "prediction")
    labels = labels[labels.index.isin(passages["passage"])]
    if len(passages) and labels.reindex(passages["passage"]).notna().all(axis=None):
        return Evidence(passages, labels, "census")
    if source not in ("gold", "corrected"):
        return Evidence(passages, labels, "part")
    drawn = load_samples(study)
    if source == "corrected" and drawn:
        labels = _without_suggestions(study)
    samples = tuple(sample for sample in drawn if _begun(sample, labels))
    if not samples and source == "corrected":
        raise CodingError(
            "there is no probability sample of coded passages to correct the predictions with",
            hint="draw one (`diptych sample --size N`), code it, `diptych gold`; or --source uncorrected",
        )
    if not samples:
        return Evidence(passages, labels, "part")
    if source == "gold":
        return Evidence(passages, labels, "sample", samples)
    if not crossfit_file(study).exists():
        raise CodingError("there are no cross-fitted predictions yet", hint="run `diptych train`, or use --source gold")
    predicted = load_probabilities(study)
    absent = [facet for facet in study.schema.facet_ids if facet not in predicted]
    if absent:
        raise CodingError(f"{absent[0]}: there are no predictions of this facet", hint=_AGAIN)
    return Evidence(passages, labels, "corrected", samples, predicted)


def _begun(sample: Sample, labels: pd.DataFrame) -> bool:
    return bool(labels.reindex(list(sample.passages)).notna().any(axis=None))


def _without_suggestions(study: Study) -> pd.DataFrame:
    """Gold labels from codings that no suggestion of a model can have moved."""
    codings = load_codings(study)
    untouched = codings[(codings["role"] == "adjudicator") | ~codings["suggestion"].map(lambda s: isinstance(s, dict))]
    seen = untouched[untouched["role"] == "coder"][["passage", "facet"]].drop_duplicates()
    return gold_table(derive_gold(untouched.merge(seen, on=["passage", "facet"])), study.schema.facet_ids)


def load_probabilities(study: Study) -> dict[str, pd.DataFrame]:
    """Return the cross-fitted probabilities: per facet a frame with a row a passage and a column a value."""
    rows = load_crossfit(study)
    found = {}
    for facet, mine in rows.groupby("facet", sort=False):
        try:
            table = pd.DataFrame(mine["probabilities"].tolist(), index=mine["passage"].to_numpy()).astype(float)
        except (TypeError, ValueError, AttributeError) as error:
            raise CodingError(f"{facet}: the predictions hold no probabilities", hint=_AGAIN) from error
        if table.index.has_duplicates:
            raise CodingError(f"{table.index[table.index.duplicated()][0]} is predicted twice in {facet}", hint=_AGAIN)
        found[str(facet)] = table.replace([np.inf, -np.inf], np.nan).fillna(0.0).clip(lower=0.0)
    return found


def load_archive(
    study: Study,
    path: Path,
    source: str = "uncorrected",
    wanted: Wanted | None = None,
    *,
    facets: Sequence[str] = (),
    tell: Tell = lambda _: None,
) -> tuple[Archive, Counted]:
    """Count the predicted passages of a file or folder, as evidence; memory does not grow with their number.

    Parameters
    ----------
    study : Study
        Whose schema the predictions follow, and whose coded passages correct them.
    path : Path
        Parquet, CSV or JSON Lines, as `diptych classify` writes them, or a folder of such files.
    source : {'uncorrected', 'corrected'}
    wanted : Wanted, optional
        The columns; its facets are set here.
    facets : sequence of str
        Only these.
    tell : callable
        Called with the number of passages now and then.

    Raises
    ------
    UsageError
        For another source.
    CodingError
        If `corrected` is asked for, and there are no cross-fitted predictions of coded passages.
    """
    if source not in SOURCES[1:]:
        raise UsageError(
            f"--source {source!r} does not go with --predictions: nobody has coded passages of a file",
            hint=f"one of: {', '.join(SOURCES[1:])}",
        )
    errors = study_errors(study) if source == "corrected" else None
    known: Mapping[str, Sequence[str]] = {facet.id: facet.value_ids for facet in study.schema.facets}
    asked = {name: known[name] for name in facets} if facets else known
    wanted = replace(wanted or Wanted({}), facets=asked)
    counted = count_predictions(path, wanted, tell)
    rows = counted.table
    rows.index = pd.Index(rows.index.astype(str), name="passage")
    places = rows[[wanted.by]].assign(document=rows["document"], section="")
    if wanted.by != "document" and not counted.shared:  # of every group its own, also where buckets have one number
        places["document"] = rows[wanted.by] + "\x1f" + rows["document"]
    places = places.assign(passages=rows["passages"], words=rows["words"]).reset_index()
    labels = rows.reindex(columns=list(known)).astype(object)
    number = "many" if counted.dealt else f"{counted.documents:,}"
    where = f", of {number} documents" if counted.documents else ""
    archive = Archive(places, labels, "archive", population=f"{counted.passages:,} passages in {path.name}{where}")
    return (corrected(archive, *errors) if errors else archive), counted


def study_errors(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the last training predicts of coded passages, and what was coded without a suggestion in sight.

    Raises
    ------
    CodingError
        If no model has been trained.
    """
    return gold_table(load_crossfit(study), study.schema.facet_ids), _without_suggestions(study)
