"""Texts in, predictions out, one row at a time, in order, with bad rows aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from diptych.classifier.score import Prediction, Scorer
from diptych.documents.cut import cut_document
from diptych.documents.read import decode, is_markdown
from diptych.documents.text import passage_text, words_of
from diptych.errors import RecordError, UsageError, nearest
from diptych.exchange.tables import Reject, read_table
from diptych.files import Row, canonical

TEXT_COLUMN = "text"
DEFAULT_RATE = 1.0  # without a wish, only off-topic and foreign texts go unanswered


def prediction_columns(facets: Sequence[str], prefix: str = "") -> list[str]:
    """Return the names of the columns that predictions add."""
    columns = [name for facet in facets for name in (facet, f"{facet}_p", f"{facet}_abstain")]
    return [prefix + name for name in (*columns, "off_topic", "language")]


def prediction_row(
    prediction: Prediction,
    *,
    prefix: str = "",
    probabilities: bool = False,
    abstain: bool = True,
    least: Mapping[str, float] | None = None,
) -> Row:
    """Return a prediction as columns.

    Parameters
    ----------
    prediction : Prediction
    prefix : str
        Put before every column's name.
    probabilities : bool
        Add one column a value: `<facet>_<value>`.
    abstain : bool
        Leave a facet's value empty where the model abstains.
    least : mapping of facet to float, optional
        The least probability of an answer that may stand: see :meth:`diptych.classifier.score.Limits.threshold`.
    """
    row: Row = {}
    for facet in prediction.probabilities:
        value, p = prediction.best(facet)
        silent = abstain and (prediction.abstains or p < (least or {}).get(facet, 0.0))
        row[f"{prefix}{facet}"] = "" if silent else value
        row[f"{prefix}{facet}_p"] = round(p, 4)
        row[f"{prefix}{facet}_abstain"] = silent
        if probabilities:
            for name, share in prediction.probabilities[facet].items():
                row[f"{prefix}{facet}_{name}"] = round(share, 4)
    row[f"{prefix}off_topic"] = prediction.off_topic
    row[f"{prefix}language"] = prediction.language
    return row


def document_rows(name: str, data: bytes) -> Iterator[tuple[int, Row]]:
    """Cut a document into passages: yield (number, row with document, passage, start, end, text).

    Raises
    ------
    DocumentError
        If it is empty, binary or does not decode.
    """
    text, _ = decode(data, name)
    label = "stdin" if name == "-" else Path(name).stem
    known = words_of(text)
    for number, passage in enumerate(cut_document(text, label, markdown=is_markdown(Path(name))), 1):
        yield (
            number,
            {
                "document": label,
                "passage": passage.passage,
                "start": passage.spans[0][0],
                "end": passage.spans[-1][1],
                TEXT_COLUMN: passage_text(text, passage.spans, known),
            },
        )


def table_rows(
    stream: IO[bytes], name: str, kind: str, *, text_column: str, id_column: str | None
) -> Iterator[tuple[int, Row | Reject]]:
    """Yield the rows of a table whose text column holds text; others as rejects.

    Raises
    ------
    RecordError
        If a named column is not there.
    """
    wanted = [text_column, *([id_column] if id_column else [])]
    first = True
    for line, row in read_table(stream, name, kind, wanted if kind != "jsonl" else ()):
        if isinstance(row, Reject):
            yield line, row
            continue
        missing = next((column for column in wanted if column not in row), None)
        if missing is not None:
            if first:
                raise RecordError(
                    f"{name}: column {missing!r} is missing{nearest(missing, row)}",
                    hint=f"columns here: {', '.join(row)}; name yours with --text-column or --id-column",
                )
            yield line, Reject(line, f"column {missing!r} is missing", canonical(row))
            continue
        first = False
        if not isinstance(row[text_column], str):
            kind_found = type(row[text_column]).__name__
            yield line, Reject(line, f"{text_column} is no text but {kind_found}", canonical(row))
        elif not row[text_column].strip():
            yield line, Reject(line, f"{text_column} is empty", canonical(row))
        else:
            yield line, row


def predict_rows(
    rows: Iterable[tuple[int, Row | Reject]],
    scorer: Scorer,
    *,
    text_column: str = TEXT_COLUMN,
    prefix: str = "",
    probabilities: bool = False,
    abstain: bool = True,
    abstain_at: float = DEFAULT_RATE,
) -> Iterator[Row | Reject]:
    """Yield every row with its prediction behind its own columns; rejects pass through.

    Parameters
    ----------
    rows : iterable of (number, row)
    scorer : Scorer
    text_column, prefix : str
    probabilities, abstain : bool
    abstain_at : float
        The share of wrong answers, 0 to 1, that the accepted ones keep below (upper 95 % bound, on cross-fitted
        real passages); the model abstains on the others.

    Raises
    ------
    UsageError
        If a column of the input has the name of a column of the prediction.
    """
    least = {facet: scorer.limits.threshold(facet, abstain_at) for facet in scorer.weights.facets}
    taken = set(prediction_columns(list(scorer.weights.facets), prefix))
    if probabilities:
        taken |= {f"{prefix}{facet}_{value}" for facet, values in scorer.weights.facets.items() for value in values}
    for _, row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        clash = sorted(taken & row.keys())
        if clash:
            raise UsageError(
                f"the input has a column {clash[0]!r}, which is also a column of the prediction",
                hint="keep both with --prefix, for example --prefix predicted_",
            )
        prediction = scorer.predict([row[text_column]])[0]
        yield {
            **row,
            **prediction_row(prediction, prefix=prefix, probabilities=probabilities, abstain=abstain, least=least),
        }
