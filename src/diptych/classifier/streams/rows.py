"""Texts in, predictions out, one row at a time, in order, with bad rows aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from diptych.classifier.scoring.score import Prediction, Scorer
from diptych.documents.cut import cut_document
from diptych.documents.read import DOCUMENT_FORMATS, read_bytes
from diptych.documents.text import has_word, is_damaged, passage_text, words_of
from diptych.errors import DocumentError, RecordError, UsageError, listed, nearest
from diptych.exchange.parquet import read_parquet
from diptych.exchange.tables import Reject, read_table
from diptych.files import Row, canonical

if TYPE_CHECKING:
    from diptych.documents.duplicates import Duplicates

TEXT_COLUMN = "text"
DEFAULT_RATE = 1.0  # without a wish, only off-topic and foreign texts go unanswered


def prediction_columns(facets: Sequence[str], prefix: str = "") -> list[str]:
    """Return the names of the columns that predictions add."""
    columns = [name for facet in facets for name in (facet, f"{facet}_p", f"{facet}_abstain")]
    return [prefix + name for name in (*columns, "off_topic", "language")]


def taken_columns(facets: Mapping[str, Sequence[str]], prefix: str, *, probabilities: bool) -> set[str]:
    """Return the names that the input's own columns cannot have."""
    taken = set(prediction_columns(list(facets), prefix))
    if probabilities:
        taken |= {f"{prefix}{facet}_{value}" for facet, values in facets.items() for value in values}
    return taken


def check_clash(taken: set[str], columns: Iterable[str]) -> None:
    """Raise `UsageError` if a column of the input has the name of one that is to be added."""
    clash = sorted(taken.intersection(columns))
    if clash:
        raise UsageError(
            f"the input has a column {clash[0]!r}, which is also a column of the prediction",
            hint="keep both with --prefix, for example --prefix predicted_",
        )


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
        The least probability of an answer that may stand, as :meth:`diptych.classifier.scoring.limits.Limits.threshold`
        tells it.
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


def document_rows(
    name: str,
    data: bytes,
    kind: str | None = None,
    *,
    label: str | None = None,
    text_column: str = TEXT_COLUMN,
    notes: list[str] | None = None,
) -> Iterator[tuple[int, Row]]:
    """Cut a document into passages: yield (number, row with document, passage, start, end, text).

    Parameters
    ----------
    name : str
        Its file name, or `-`.
    data : bytes
    kind : {'text', 'markdown', 'html', 'pdf', 'docx'}, optional
        Default: by the name, else text. Offsets point into the decoded text of text and markdown, and into what
        :func:`diptych.documents.read.read_bytes` extracts from the others.
    label : str, optional
        What it is called in `document` and `passage`; default: the name without folder and ending.
    text_column : str
        What the column with the text is called.
    notes : list of str, optional
        Takes sentences on what could not be read.

    Raises
    ------
    DocumentError
        If it is empty, binary, damaged, does not decode, or there is no passage in it.
    MissingExtraError
        If the package that reads such documents is not installed.
    """
    suffix = Path(name).suffix.casefold()
    said = "standard input" if name == "-" else name
    source = read_bytes(data, said, kind or DOCUMENT_FORMATS.get(suffix, "text"))
    if notes is not None:
        notes += source.notes
    text = source.text
    label = label or ("stdin" if name == "-" else Path(name).stem)
    known = words_of(text)
    passages = cut_document(text, label, markdown=source.markdown)
    if not passages:
        raise DocumentError(f"{said}: there is no passage in it", hint="tables, code and notes are no passages")
    for number, passage in enumerate(passages, 1):
        yield (
            number,
            {
                "document": label,
                "passage": passage.passage,
                "start": passage.spans[0][0],
                "end": passage.spans[-1][1],
                text_column: passage_text(text, passage.spans, known),
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
    if kind == "parquet":
        rows = read_parquet(stream, name, wanted, text_column=text_column)
    else:
        rows = read_table(stream, name, kind, wanted if kind != "jsonl" else ())
    for line, row in rows:
        if isinstance(row, Reject):
            yield line, row
            continue
        missing = next((column for column in wanted if column not in row), None)
        if missing is not None:
            if first:
                raise RecordError(
                    f"{name}: column {missing!r} is missing{nearest(missing, row)}",
                    hint=f"columns here: {listed(row)}; name yours with --text-column or --id-column",
                )
            yield line, Reject(line, f"column {missing!r} is missing", shown(row))
            continue
        first = False
        fault = fault_of(row[text_column])
        yield line, Reject(line, f"{text_column} {fault}", shown(row)) if fault else row


def fault_of(text: Any) -> str:
    """Say what keeps a value from being classified, or return an empty text."""
    if not isinstance(text, str):
        return f"is no text but {'null' if text is None else type(text).__name__}"
    if not text.strip():
        return "is empty"
    if is_damaged(text):
        return "holds a NUL character: it is damaged, or was UTF-16"
    return "" if has_word(text) else "holds no word"


def shown(row: Row) -> str:
    """Return a row as a reject shows it."""
    try:
        return canonical(row)
    except TypeError:  # a date, or what else a Parquet file may hold
        return canonical({name: value if isinstance(value, str) else str(value) for name, value in row.items()})


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
    least = scorer.least(abstain_at)
    taken = taken_columns(scorer.weights.facets, prefix, probabilities=probabilities)
    for _, row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        check_clash(taken, row)
        prediction = scorer.predict([row[text_column]])[0]
        yield {
            **row,
            **prediction_row(prediction, prefix=prefix, probabilities=probabilities, abstain=abstain, least=least),
        }


def mark_duplicates(
    rows: Iterable[Row | Reject],
    seen: Duplicates,
    *,
    text_column: str = TEXT_COLUMN,
    id_column: str | None = None,
    column: str | None = None,
) -> Iterator[Row | Reject]:
    """Count rows whose text repeats an earlier one's in `seen`, and name that one in a column, if one is given.

    Parameters
    ----------
    rows : iterable of rows
        Rejects pass through.
    seen : Duplicates
        Counts.
    text_column, id_column : str
        A row is named by its `passage`, if it has one, else by the id column, else by its number among the rows that
        come out, from 1.
    column : str, optional
        Takes the name of the first row that is repeated; None where nothing is.

    Raises
    ------
    UsageError
        If the input has that column already.
    """
    number = 0
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        number += 1
        names = [row.get(one) for one in ("passage", id_column) if one and one != text_column]
        name = next((one for one in names if isinstance(one, str | int) and one != ""), number)
        found = seen.look(row[text_column], name)
        if column is None:
            yield row
            continue
        if column in row:
            raise UsageError(
                f"the input has a column {column!r}, which --mark-duplicates adds",
                hint="keep both with --prefix, for example --prefix predicted_",
            )
        yield {**row, column: found.first if found else None}
