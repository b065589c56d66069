"""The commands as functions: a study in, frames out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from diptych.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from diptych.analysis.evidence import Evidence
    from diptych.classifier.scoring.persist import Model
    from diptych.coding.reliability import Agreement


def coverage(
    study: Study,
    *,
    source: str = "gold",
    by: str = "author",
    where: Mapping[str, str] | None = None,
    merge_small: bool = False,
) -> pd.DataFrame:
    """Return counts and shares per author; see :func:`diptych.analysis.coverage.coverage`.

    Parameters
    ----------
    study : Study
    source : str, default 'gold'
        `gold`, `corrected`, `uncorrected`, or a coder's name. With `gold`, every coder's shares stand beside.
    by : str, default 'author'
        A column of :func:`diptych.load_passages`.
    where : mapping of str to str, optional
        Only passages with this value of a facet or column.
    merge_small : bool, default False
        Put cells of fewer than 5 passages together.
    """
    evidence, conditions = evidence_for(study, source=source, by=by, where=where)
    return coverage_of(study, evidence, conditions, source=source, by=by, merge_small=merge_small)


def coverage_of(
    study: Study, evidence: Evidence, conditions: Mapping[str, str], *, source: str, by: str, merge_small: bool = False
) -> pd.DataFrame:
    """Return coverage of evidence that is already loaded, as :func:`evidence_for` returns it with its conditions."""
    from diptych.analysis.coverage import coverage as table
    from diptych.analysis.labels import coder_labels

    others = coder_labels(study) if source == "gold" and not evidence.estimated else {}
    return table(
        evidence,
        study.schema,
        by=by,
        where=conditions,
        others=others,
        merge_small=merge_small,
        seed=study.settings.seed,
    )


def divergence(
    study: Study, *, source: str = "gold", by: str = "author", where: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return divergence per facet and per cell; see :func:`diptych.analysis.divergence.divergence`."""
    from diptych.analysis.divergence import divergence as tables

    evidence, conditions = evidence_for(study, source=source, by=by, where=where)
    return tables(evidence.only(conditions), study.schema, by=by, seed=study.settings.seed)


def evidence_for(
    study: Study, *, source: str = "gold", by: str = "author", where: Mapping[str, str] | None = None
) -> tuple[Evidence, dict[str, str]]:
    """Return what an analysis rests on, and the conditions on facets that are left to it.

    Parameters
    ----------
    study : Study
    source, by : str
    where : mapping of str to str, optional
        Conditions on columns (author, year, …) are carried out here.

    Raises
    ------
    UsageError
        For a column, facet or value that does not exist, with the nearest one.
    """
    from diptych.analysis.labels import load_evidence
    from diptych.documents.passages import load_passages
    from diptych.errors import SchemaError, UsageError, nearest

    passages = load_passages(study, originals=False)
    columns = [name for name in passages.columns if name not in ("passage", "text", "digest", "spans", "words")]
    if by not in columns:
        raise UsageError(f"cannot compare by {by!r}{nearest(by, columns)}", hint=f"one of: {', '.join(columns)}")
    for name in columns:
        passages[name] = passages[name].map(_as_text).astype(object)
    conditions = {}
    for name, value in (where or {}).items():
        if name in study.schema.facet_ids:
            try:
                conditions[name] = study.schema.facet(name).value(value).id
            except SchemaError as error:
                raise UsageError(str(error), hint=error.hint) from error
            continue
        if name not in columns:
            names = [*study.schema.facet_ids, *columns]
            raise UsageError(f"no facet or column {name!r}{nearest(name, names)}", hint=f"one of: {', '.join(names)}")
        if value not in set(passages[name]):
            known = sorted(set(passages[name]))
            raise UsageError(f"no passage has {name} = {value!r}{nearest(value, known)}")
        passages = passages[passages[name] == value].reset_index(drop=True)
    return load_evidence(study, passages, source), conditions


def _as_text(value: Any) -> str:
    """A value of a column as it is compared: whole numbers without a point, nothing as `(none)`."""
    if value is None or value != value:  # noqa: PLR0124 - not a number
        return "(none)"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def reliability(study: Study, *, coders: Sequence[str] | None = None, digests: bool = False) -> list[Agreement]:
    """Return the agreement between coders per facet; see :func:`diptych.coding.reliability.reliability`.

    Parameters
    ----------
    study : Study
    coders : sequence of str, optional
    digests : bool, default False
        Instead: between gold and the coders who saw digests only.
    """
    from diptych.coding.coders import load_coders
    from diptych.coding.codings import load_codings
    from diptych.coding.gold import load_gold
    from diptych.coding.reliability import digest_check
    from diptych.coding.reliability import reliability as agreements

    codings, who = load_codings(study), load_coders(study)
    if digests:
        return digest_check(codings, load_gold(study), study.schema)
    return agreements(codings, study.schema, who, coders)


def evaluate(
    study: Study,
    *,
    tables: Sequence[str] = (),
    errors: int = 10,
    choose: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return the classifier's figures; see :func:`diptych.classifier.evaluation.evaluate.assess`.

    Parameters
    ----------
    study : Study
    tables : sequence of {'confusion', 'calibration', 'risk', 'errors', 'ablation', 'learning_curve'}
        What is wanted beside.
    errors : int, default 10
        How many of the surest mistakes a facet `errors` gives.
    choose : bool, default False
        Choose regularisation and features within every training part (several times the work).
    tell : callable
        Called with a sentence on every stage.
    """
    from diptych.classifier.evaluation.evaluate import assess

    return assess(study, tables=tables, errors=errors, choose=choose, tell=tell)


def model_for(study: Study) -> Model:
    """Load the study's model, or say how to train one."""
    from diptych.classifier.scoring.persist import study_model

    return study_model(study)


def classify(texts: Sequence[str], study: Study | None = None) -> pd.DataFrame:
    """Return a prediction for every text.

    Parameters
    ----------
    texts : sequence of str
    study : Study, optional
        Whose model to use; default: the bundled study's.

    Returns
    -------
    DataFrame
        text, then per facet the value (empty when abstaining), `_p` and `_abstain`; off_topic, language.

    Examples
    --------
    >>> import diptych
    >>> diptych.classify(["Russia sells oil and gas to China through a pipeline."]).domain[0]
    'energy'
    """
    import pandas as pd

    from diptych.classifier.scoring.bundled import bundled_model
    from diptych.classifier.streams.rows import predict_rows, prediction_columns
    from diptych.errors import UsageError

    if isinstance(texts, str):
        raise UsageError("classify takes a list of texts", hint="classify([text])")
    model = bundled_model() if study is None else model_for(study)
    rows = enumerate(({"text": text} for text in texts), 1)
    columns = ["text", *prediction_columns(list(model.weights.facets))]
    return pd.DataFrame(list(predict_rows(rows, model.scorer)), columns=columns)


def drift(
    texts: Iterable[str | tuple[str, str]], study: Study | None = None, *, abstain_at: float = 1.0
) -> dict[str, Any]:
    """Say where new texts leave those a model was trained on; see :func:`diptych.analysis.drift.drift`.

    Parameters
    ----------
    texts : iterable of str, or of (id, text)
        Taken a few at a time. Without ids, texts are numbered from 1.
    study : Study, optional
        Whose model to use; default: the bundled study's.
    abstain_at : float, default 1.0
        The error rate at which abstaining is counted.

    Returns
    -------
    dict
        Plain data; `pandas.DataFrame(found["rows"])` makes a frame of any of its lists of rows.

    Raises
    ------
    UsageError
        If something is neither a text nor a pair of id and text.
    CodingError
        If there is no text.

    Examples
    --------
    >>> import diptych
    >>> found = diptych.drift(["Russia sells oil and gas to China through a pipeline."])
    >>> found["passages"], found["languages"][0]["language"]
    (1, 'en')
    """
    from diptych.analysis.drift import drift as compare
    from diptych.classifier.scoring.bundled import bundled_model
    from diptych.errors import UsageError

    def row(number: int, given: Any) -> tuple[str, str]:
        match given:
            case str(text):
                return str(number), text
            case (identifier, str(text)):
                return str(identifier), text
        raise UsageError(
            f"drift: number {number} is no text but {type(given).__name__}", hint="give texts, or pairs of id and text"
        )

    if isinstance(texts, str):
        raise UsageError("drift takes a list of texts", hint="drift([text])")
    model = bundled_model() if study is None else model_for(study)
    return compare((row(i, given) for i, given in enumerate(texts, 1)), model, abstain_at=abstain_at)


def write_report(
    study: Study,
    out: str | Path | None = None,
    *,
    form: Literal["html", "md", "pdf"] = "html",
    originals: bool = False,
    compare: str | Path | None = None,
    text: str | Path | None = None,
    figures: str | Path | None = None,
    tables: str | Path | None = None,
) -> Path:
    """Write the report of a study as one file and return its path.

    Parameters
    ----------
    study : Study
    out : path, optional
        Default: `report.html` (or .md, .pdf) in the study's folder.
    form : {'html', 'md', 'pdf'}
    originals : bool, default False
        Show the documents' own text where it is at hand; the page says that it is not for publication.
    compare, text, figures, tables : path, optional; see :func:`diptych.report.build.write_report`
    """
    from diptych.report.build import SUFFIX
    from diptych.report.build import write_report as write

    path = Path(out) if out else study.root / f"report{SUFFIX[form]}"
    given = {"compare": compare, "text": text, "figures": figures, "tables": tables}
    places = {name: Path(place) for name, place in given.items() if place is not None}
    return write(study, path, form=form, originals=originals, **places)
