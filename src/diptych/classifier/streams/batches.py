"""Batches of texts → their predictions as columns: what `predict_rows` makes row by row, faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

import numpy as np

from diptych.classifier.scoring.score import Answers, Scorer
from diptych.classifier.streams.rows import (
    DEFAULT_RATE,
    TEXT_COLUMN,
    check_clash,
    fault_of,
    prediction_columns,
    shown,
    taken_columns,
)
from diptych.exchange.batches import GONE, Batch, missing_column
from diptych.exchange.tables import Reject, defuse
from diptych.exchange.writers import quoted
from diptych.files import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIGITS = 10_000  # probabilities are given to four digits
_CLOSE = 1e-6  # of a number's distance from the middle of two: rounding then needs all its digits


@dataclass(frozen=True, slots=True)
class Options:
    """How texts are answered, and what their columns are called: see `predict_rows` in streams/rows.py."""

    text_column: str = TEXT_COLUMN
    id_column: str | None = None
    prefix: str = ""
    probabilities: bool = False
    abstain: bool = True
    abstain_at: float = DEFAULT_RATE

    def plain(self) -> dict[str, Any]:
        """Return them as JSON knows them."""
        return asdict(self)

    @property
    def required(self) -> list[str]:
        """Columns that must be there."""
        return [self.text_column, *([self.id_column] if self.id_column else [])]


class Predictor:
    """Answers batches.

    Parameters
    ----------
    scorer : Scorer
    options : Options
    """

    def __init__(self, scorer: Scorer, options: Options) -> None:
        self.scorer = scorer
        self.options = options
        facets = scorer.weights.facets
        self.facets = {facet: list(values) for facet, values in facets.items()}
        self.slices = {facet: scorer.places_of(facet) for facet in facets}
        self.least = {facet: scorer.limits.threshold(facet, options.abstain_at) for facet in facets}
        self.names, self.kinds = self._columns()
        self._taken = taken_columns(facets, options.prefix, probabilities=options.probabilities)
        self._known: set[tuple[str, ...]] = set()

    def _columns(self) -> tuple[list[str], list[str]]:
        names, kinds = [], []
        for facet, values in self.facets.items():
            shares = [f"{facet}_{value}" for value in values] if self.options.probabilities else []
            names += [facet, f"{facet}_p", f"{facet}_abstain", *shares]
            kinds += ["text", "number", "flag", *["number" for _ in shares]]
        names += prediction_columns([])
        return [self.options.prefix + name for name in names], [*kinds, "flag", "text"]

    def sift(self, batch: Batch, name: str, *, first: bool = False) -> tuple[Batch, list[str]]:
        """Set aside rows whose text cannot be classified; return the others and their texts.

        Parameters
        ----------
        batch : Batch
        name : str
            The file's, for errors.
        first : bool
            Whether these are the first rows of the file.

        Raises
        ------
        RecordError
            If the first row of a file lacks a column that is needed.
        UsageError
            If a row has a column that is to be added.
        """
        column = self.options.text_column
        odd: dict[int, str] = {}
        fresh = [names for names in batch.names() if names not in self._known]
        if first and fresh:
            head = next(iter(batch.names()))
            gone = next((one for one in self.options.required if one not in head), None)
            if gone is not None:
                raise missing_column(name, gone, head)
        for one in self.options.required:
            if any(one not in names for names in batch.names()):
                found = batch.column(one)
                reason = f"column {one!r} is missing"
                odd = {place: reason for place, value in enumerate(found) if value is GONE} | odd
        texts = batch.column(column) if len(batch) else []
        for place, text in enumerate(texts):
            if (type(text) is not str or not text[:1].isalnum() or "\0" in text) and place not in odd:
                fault = fault_of(text)
                if fault:
                    odd[place] = f"{column} {fault}"
        if odd:
            batch = self._aside(batch, odd)
            texts = [text for place, text in enumerate(texts) if place not in odd]
        for names in fresh if len(batch) else []:
            self._check(names, batch)
        return batch, texts

    def _aside(self, batch: Batch, odd: dict[int, str]) -> Batch:
        places = sorted(odd)
        for place, row in zip(places, batch.dicts(places), strict=True):
            batch.rejects.append(Reject(batch.line(place), odd[place], shown(row)))
        batch.rejects.sort(key=lambda reject: reject.line)
        return batch.without(odd)

    def _check(self, names: tuple[str, ...], batch: Batch) -> None:
        if names in batch.names():  # none of the rows that were set aside
            check_clash(self._taken, names)
            if len(self._known) > _DIGITS:
                self._known.clear()
            self._known.add(names)

    def predict(self, texts: Sequence[str]) -> Predicted:
        """Return the predictions of texts as columns."""
        return Predicted(self, self.scorer.answers(texts), len(texts))


class Predicted:
    """Predictions as columns: see :class:`diptych.exchange.writers.Added`."""

    def __init__(self, predictor: Predictor, answers: Answers, rows: int) -> None:
        self._predictor = predictor
        self._answers = answers
        self._rows = rows
        self.names: Sequence[str] = predictor.names

    def cells(self) -> list[Sequence[str]]:
        """Each column as texts of CSV."""
        found: list[Sequence[str]] = []
        for _, values, numbers, silent, shares in self._facets():
            words = np.array([*(quoted(defuse(value)) for value in values), ""], dtype=object)
            found += [words[numbers[0]].tolist(), _written(numbers[1]), _flags(silent)]
            found += [_written(_rounded(share)) for share in shares]
        return [*found, _flags(self._answers.off_topic), [quoted(defuse(name)) for name in self._answers.languages]]

    def members(self) -> list[str]:
        """Each row as members of a JSON object."""
        pieces: list[Sequence[str]] = []
        names = iter([encode_basestring(name) + ": " for name in self.names])
        for _, values, numbers, silent, shares in self._facets():
            value, p, abstains = next(names), next(names), next(names)
            words = [f"{value}{encode_basestring(word)}, {p}" for word in values] + [f'{value}"", {p}']
            ends = np.array([f", {abstains}false", f", {abstains}true"], dtype=object)
            pieces += [np.array(words, dtype=object)[numbers[0]].tolist(), _written(numbers[1])]
            pieces.append(ends[silent.astype(np.intp)].tolist())
            for share in shares:
                name = ", " + next(names)
                pieces.append([name + text for text in _written(_rounded(share))])
            pieces.append([", "] * self._rows)
        off, language = next(names), next(names)
        last = {name: f"{language}{encode_basestring(name)}" for name in set(self._answers.languages)}
        pieces.append([f"{off}true, " if one else f"{off}false, " for one in self._answers.off_topic.tolist()])
        pieces.append([last[name] for name in self._answers.languages])
        return list(map("".join, zip(*pieces, strict=True)))

    def values(self) -> list[NDArray[Any]]:
        """Each column as values."""
        found: list[NDArray[Any]] = []
        for _, values, numbers, silent, shares in self._facets():
            words = np.array([*values, ""], dtype=object)
            found += [words[numbers[0]], numbers[1] / _DIGITS, silent]
            found += [_rounded(share) / _DIGITS for share in shares]
        return [*found, self._answers.off_topic, np.array(self._answers.languages, dtype=object)]

    def rows(self, batch: Batch) -> Iterator[Row]:
        """Yield the rows of the batch with their predictions behind their own columns."""
        for row, more in zip(batch.dicts(), zip(*(one.tolist() for one in self.values()), strict=True), strict=True):
            yield {**row, **dict(zip(self.names, more, strict=True))}

    def _facets(
        self,
    ) -> Iterator[tuple[str, list[str], tuple[NDArray[np.intp], NDArray[np.intp]], NDArray[np.bool_], Any]]:
        """Per facet: its values; which is the answer (the last: none) and its ten-thousandths; silence; shares."""
        options, answers = self._predictor.options, self._answers
        rows = np.arange(self._rows)
        for i, (facet, values) in enumerate(self._predictor.facets.items()):
            part = self._predictor.slices[facet]
            best = answers.places[:, i]
            p = answers.probabilities[rows, best]
            silent = (answers.abstains | (p < self._predictor.least[facet])) & options.abstain
            places = np.where(silent, len(values), best - part.start)
            shares = answers.probabilities[:, part].T if options.probabilities else ()
            yield facet, values, (places, _rounded(p)), silent, shares


def _rounded(p: NDArray[np.float64]) -> NDArray[np.intp]:
    """Probabilities in ten-thousandths, rounded as Python's `round` does: by all digits of the number."""
    grown = p * _DIGITS
    found = np.rint(grown).astype(np.intp)
    for place in np.flatnonzero(np.abs(np.abs(grown - found) - 0.5) < _CLOSE).tolist():
        found[place] = round(round(float(p[place]), 4) * _DIGITS)
    return found


class _Texts(dict[int, str]):
    """Ten-thousandths → as Python writes them: 0.8123."""

    def __missing__(self, number: int) -> str:
        text = self[number] = repr(number / _DIGITS)
        return text


_TEXTS = _Texts()


def _written(numbers: NDArray[np.intp]) -> list[str]:
    return [_TEXTS[number] for number in numbers.tolist()]


def _flags(flags: NDArray[np.bool_]) -> list[str]:
    return ["true" if flag else "false" for flag in flags.tolist()]
