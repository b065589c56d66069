"""What is to be classified → rows, file after file; of several files, one that cannot be read goes aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.classifier.streams.rows import document_rows, table_rows
from diptych.documents.read import DOCUMENT_FORMATS, check_extra
from diptych.documents.text import count_words
from diptych.errors import DocumentError, RecordError, UsageError, nearest
from diptych.exchange.opening import bare_name, check_packing, is_address, open_input, packing
from diptych.exchange.parquet import check_parquet
from diptych.exchange.tables import TABLE_FORMATS, Reject
from diptych.files import Row

KINDS = tuple(dict.fromkeys((*DOCUMENT_FORMATS.values(), *TABLE_FORMATS.values())))
LONG = 1000  # words; the passages that models are trained on hold a tenth of that
_TABLES = frozenset(TABLE_FORMATS.values())
_ENDINGS = ", ".join((*DOCUMENT_FORMATS, *TABLE_FORMATS))
_LETTERS = 4  # fewest letters that so many words would take, each, with a blank


@dataclass(frozen=True, slots=True)
class Source:
    """One input: as it was named, what it is, what its document is called, and where it lies."""

    name: str
    kind: str
    label: str
    path: str

    @property
    def is_table(self) -> bool:
        """Whether it is a table and not a document."""
        return self.kind in _TABLES

    @property
    def seekable(self) -> bool:
        """Whether reading can begin anywhere in it: it is a table, not packed, and lies in a file."""
        return self.is_table and not packing(self.path) and not is_address(self.path) and Path(self.path).is_file()


def input_kind(name: str, given: str | None = None) -> str:
    """Return what an input is: as given, else by the file's ending; standard input is text.

    Raises
    ------
    UsageError
        If the ending says nothing.
    MissingExtraError
        If such files need a package that is not installed.

    Examples
    --------
    >>> input_kind("-"), input_kind("letters.TSV"), input_kind("report.txt", "markdown")
    ('text', 'tsv', 'markdown')
    """
    known = DOCUMENT_FORMATS | TABLE_FORMATS
    suffix = Path(bare_name(name)).suffix.casefold()
    kind = given or ("text" if name == "-" else known.get(suffix))
    if kind is None:
        raise UsageError(
            f"{name}: cannot tell the format from the name{nearest(suffix, known)}",
            hint=f"say what it is with --input {'|'.join(KINDS)}, or name it so: {', '.join(known)}",
        )
    check_extra(kind)
    check_packing(name)
    if kind == "parquet":
        check_parquet()
        if packing(name):
            raise UsageError(f"{name}: Parquet is packed as it is", hint="unpack it")
    return kind


def sources_of(names: Sequence[str], given: str | None = None) -> tuple[list[Source], int]:
    """Return what is to be read, folders replaced by the files below them; and how many of these are of no known kind.

    Parameters
    ----------
    names : sequence of str
        Files, folders, addresses, or `-`.
    given : str, optional
        What they are; default: by their endings.

    Raises
    ------
    UsageError
        If an ending says nothing, or there is nothing in a folder.
    MissingExtraError
        If a file needs a package that is not installed.
    """
    found: list[str] = []
    passed = 0
    for name in names:
        if name == "-" or is_address(name) or not Path(name).is_dir():
            found.append(name)
            continue
        below = _below(Path(name))
        known = below if given else [file for file in below if _is_known(file)]
        if not known:
            raise UsageError(f"{name}: there is no file of a known kind in this folder", hint=f"known: {_ENDINGS}")
        passed += len(below) - len(known)
        found += known
    kinds = [input_kind(name, given) for name in found]
    paths = [name if name == "-" or is_address(name) else str(Path(name).absolute()) for name in found]
    return [Source(*one) for one in zip(found, kinds, labels(found), paths, strict=True)], passed


def _below(folder: Path) -> list[str]:
    """The files below a folder, sorted; not those that are hidden, nor the parts of a job."""
    found = []
    for path in sorted(folder.rglob("*")):
        steps = path.relative_to(folder).parts
        if path.is_file() and not any(step.startswith((".", "_")) or step.endswith(".parts") for step in steps):
            found.append(str(path))
    return found


def _is_known(name: str) -> bool:
    return Path(bare_name(name)).suffix.casefold() in DOCUMENT_FORMATS | TABLE_FORMATS


def input_rows(
    inputs: Sequence[tuple[str, str]], *, text_column: str, id_column: str | None, notes: list[str]
) -> Iterator[tuple[int, Row | Reject]]:
    """Yield (number, row) of every input in turn.

    Parameters
    ----------
    inputs : sequence of (file name or `-`, kind)
    text_column, id_column : str
        Of tables; passages of documents have their text in a column of the same name.
    notes : list of str
        Takes sentences on what was read but may not be what was meant.

    Raises
    ------
    DocumentError, RecordError
        If the only input cannot be read; of several, it is yielded as a `Reject` and the next one follows.
    """
    long = 0
    for (name, kind), label in zip(inputs, labels([name for name, _ in inputs]), strict=True):
        try:
            if kind in TABLE_FORMATS.values():
                rows = _table(name, kind, text_column, id_column)
            else:
                rows = _document(name, kind, label, text_column, notes)
            for number, row in rows:
                if isinstance(row, Reject):
                    yield number, replace(row, file=name) if len(inputs) > 1 else row
                    continue
                long += is_long(row[text_column])
                yield number, row
        except (DocumentError, RecordError) as error:
            if len(inputs) == 1:
                raise
            yield 0, Reject(0, "; ".join(filter(None, (str(error), error.hint))), "", name)
    if long:
        notes.append(long_note(long))


def long_note(number: int) -> str:
    """Word that texts are long."""
    return (
        f"{number} {'text holds' if number == 1 else 'texts hold'} more than {LONG:,} words; the model knows passages "
        "of about a paragraph: cut long texts first, or give them as documents"
    )


def labels(names: Sequence[str]) -> list[str]:
    """Return what documents are called in `document` and `passage`: short where that tells them apart.

    >>> labels(["2019/report.pdf", "notes.md", "report.docx", "-"])
    ['2019/report.pdf', 'notes', 'report.docx', 'stdin']
    """
    short = ["stdin" if name == "-" else Path(bare_name(name)).stem for name in names]
    return [name if short.count(stem) > 1 else stem for name, stem in zip(names, short, strict=True)]


def _table(name: str, kind: str, text_column: str, id_column: str | None) -> Iterator[tuple[int, Row | Reject]]:
    with open_input(name) as stream:
        yield from table_rows(stream, name, kind, text_column=text_column, id_column=id_column)


def _document(
    name: str, kind: str, label: str, text_column: str, notes: list[str]
) -> Iterator[tuple[int, Row | Reject]]:
    with open_input(name) as stream:
        data = stream.read()
    if not data.strip():
        raise DocumentError(f"{'standard input' if name == '-' else name}: there is no text", hint="give it some text")
    yield from document_rows(name, data, kind, label=label, text_column=text_column, notes=notes)


def is_long(text: str) -> bool:
    """Whether a text holds far more words than a passage."""
    return len(text) > LONG and (len(text) > LONG * _LETTERS or not text.isascii()) and count_words(text) > LONG
