"""What is there in a study, what is stale, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from diptych.coding.codings import load_codings
from diptych.coding.disputes import disputes
from diptych.coding.gold import derive_gold, load_gold, same_labels
from diptych.coding.sampling import read_sample, samples_folder
from diptych.documents.ingest import checked_original, read_passages
from diptych.errors import DiptychError, DocumentError
from diptych.lock import changed_inputs, lost_outputs
from diptych.study import Study

State = Literal["ok", "none", "missing", "stale", "broken"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing, its state, and the command that mends it."""

    what: str
    state: State
    detail: str = ""
    mend: str = ""


def status(study: Study) -> list[Line]:
    """Return the state of documents, codings, gold labels, model and report.

    Examples
    --------
    >>> import diptych
    >>> from diptych.status import status
    >>> [line.state for line in status(diptych.Study.bundled()) if line.what == "schema"]
    ['ok']
    """
    schema = study.schema
    lines = [
        Line(
            "schema",
            "ok",
            f"{schema.reference}, {len(schema.facets)} facets, structure {schema.structure_hash}",
        )
    ]
    lines += _documents(study)
    lines += _guard("codings", _codings, study, "put the file back, for example from git")
    lines += _guard("samples", _samples, study, "draw a new one: diptych sample --size N")
    lines += _guard("gold labels", _gold, study, "diptych gold")
    lines += _model(study)
    lines += _report(study)
    return lines


def _guard(what: str, look: Callable[[Study], Iterator[Line]], study: Study, mend: str) -> list[Line]:
    try:
        return list(look(study))
    except DiptychError as error:
        return [Line(what, "broken", str(error), mend)]


def _documents(study: Study) -> Iterator[Line]:
    for document in study.settings.documents:
        what = f"document {document.id}"
        try:
            passages = read_passages(study, document)
        except DiptychError as error:
            yield Line(what, "broken", str(error), "diptych ingest --recut")
            continue
        if passages is None:
            yield Line(what, "missing", "no passage table", "diptych ingest")
            continue
        try:
            original = checked_original(study, document)
        except DocumentError:
            yield Line(what, "broken", "the file is not the one the passages were cut from", "put the original back")
            continue
        text = "original at hand" if original else "original not at hand"
        if study.digest_file(document.id).exists():
            text += ", digests"
        yield Line(what, "ok", f"{len(passages)} passages by {document.author}, {text}")


def _codings(study: Study) -> Iterator[Line]:
    codings = load_codings(study)
    plain = codings[codings["role"] == "coder"]
    if plain.empty:
        yield Line(
            "codings",
            "missing",
            "nothing is coded",
            "diptych export csv to-code.csv, then diptych import csv",
        )
        return
    total = sum(len(read_passages(study, document) or ()) for document in study.settings.documents)
    counts = plain.groupby("coder")["passage"].nunique()
    detail = ", ".join(f"{name} {count} of {total}" for name, count in counts.items())
    known = {p.passage for document in study.settings.documents for p in read_passages(study, document) or ()}
    orphans = sorted(set(codings["passage"]) - known)
    if orphans:
        yield Line(
            "codings",
            "broken",
            f"{len(orphans)} coded passages are in no table (first: {orphans[0]})",
            "put their document back",
        )
    else:
        yield Line("codings", "ok", detail)
    open_ones = [d for d in disputes(codings, study.schema) if d["adjudicated"] is None]
    if open_ones:
        yield Line(
            "disputes",
            "missing",
            f"{len(open_ones)} answers undecided",
            "diptych export csv disputes.csv --disputed",
        )


def _samples(study: Study) -> Iterator[Line]:
    """Drawn batches: one that is not finished cannot correct anything yet."""
    paths = sorted(samples_folder(study).glob("*.toml"))
    if not paths:
        return
    codings = load_codings(study)
    coded = set(codings.loc[codings["role"] == "coder", "passage"])
    for path in paths:
        sample = read_sample(path)
        done = sum(passage in coded for passage in sample.passages)
        detail = f"{done} of {len(sample.passages)} coded"
        if done == len(sample.passages):
            yield Line(sample.name, "ok", detail)
        else:
            yield Line(
                sample.name,
                "missing",
                f"unfinished: {detail}",
                f"diptych studio push --sample annotations/samples/{path.name}",
            )


def _gold(study: Study) -> Iterator[Line]:
    if not study.gold_file.exists():
        yield Line("gold labels", "missing", "", "diptych gold")
        return
    gold = load_gold(study)
    if not same_labels(gold, derive_gold(load_codings(study))):
        yield Line("gold labels", "stale", "the codings say something else", "diptych gold")
    else:
        yield Line("gold labels", "ok", f"{len(gold)} labels for {gold['passage'].nunique()} passages")


def _model(study: Study) -> Iterator[Line]:
    if not study.model_file.exists():
        yield Line("model", "missing", "", "diptych train")
        return
    from diptych.classifier.scoring.persist import load_model

    try:
        model = load_model(study.model_file, study.schema.structure_hash)
    except DiptychError as error:
        yield Line("model", "broken", str(error), "diptych train")
        return
    changed = changed_inputs(study, "train")
    detail = f"{model.version}, trained on {model.card['training']['passages']} passages"
    if changed:
        yield Line("model", "stale", f"{', '.join(changed)} changed since", "diptych train")
    else:
        yield Line("model", "ok", detail)


def _report(study: Study) -> Iterator[Line]:
    changed = changed_inputs(study, "report")
    if changed is None or lost_outputs(study, "report"):
        yield Line("report", "missing", "", "diptych report")
    elif changed:
        yield Line("report", "stale", f"{', '.join(changed)} changed since", "diptych report")
    else:
        yield Line("report", "ok")
