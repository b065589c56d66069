"""Predictions and refused rows, as the lines of an answer."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Protocol

from diptych.errors import RecordError, UsageError
from diptych.exchange.tables import CsvWriter, Reject, defuse
from diptych.files import Row
from diptych.service.problems import Problem, problem_body

HELD = 10_000  # refused rows that wait for the first good one, which names the columns
ERROR = "error"


class RowWriter(Protocol):
    """What a stream's answer is written by."""

    kind: str

    def put(self, row: Row | Reject) -> None:
        """Take one row."""

    def take(self) -> bytes:
        """Return what was written since the last time."""

    def finish(self) -> bytes:
        """Return what is left."""

    def last(self, problem: Problem) -> bytes:
        """Return a last row that says why there are no more."""


def writer_for(kind: str, prefix: str) -> RowWriter:
    """Return the writer of JSON Lines or CSV; `prefix` is put before the column of errors, too."""
    return JsonLines() if kind == "jsonl" else Table(prefix)


class JsonLines:
    """JSON Lines: a refused row is {"line", "error"}."""

    kind = "jsonl"

    def __init__(self) -> None:
        self._lines: list[str] = []

    def put(self, row: Row | Reject) -> None:
        """Take one row."""
        body = {"line": row.line, ERROR: row.reason} if isinstance(row, Reject) else row
        self._lines.append(json.dumps(body, ensure_ascii=False, default=str))

    def take(self) -> bytes:
        """Return what was written since the last time."""
        found = "".join(line + "\n" for line in self._lines).encode("utf-8", "replace")
        self._lines.clear()
        return found

    finish = take

    def last(self, problem: Problem) -> bytes:
        """Return a last row that says why there are no more."""
        said = problem_body(problem.status_code, str(problem.detail), problem.hint)
        return (json.dumps(said, ensure_ascii=False) + "\n").encode("utf-8", "replace")


class Table:
    """CSV: a refused row has only its error; those before the first good row wait for its columns."""

    kind = "csv"

    def __init__(self, prefix: str) -> None:
        self._out = io.StringIO()
        self._table = CsvWriter(self._out)
        self._error = prefix + ERROR
        self._columns: list[str] = []
        self._held: list[Reject] = []

    def put(self, row: Row | Reject) -> None:
        """Take one row."""
        if not isinstance(row, Reject):
            self._begin(row)
            self._table.write({**row, self._error: ""})
        elif self._columns:
            self._refuse(row)
        elif len(self._held) < HELD:
            self._held.append(row)
        else:
            raise RecordError(f"none of the first {HELD} rows can be classified: {self._held[0].reason}")

    def _begin(self, row: Row) -> None:
        if self._columns:
            return
        if self._error in row:
            raise UsageError(
                f"the input has a column {self._error!r}, which is also a column of the answer",
                hint="keep both with ?prefix=, for example ?prefix=predicted_",
            )
        self._columns = [*row, self._error]
        for reject in self._held:
            self._refuse(reject)

    def _refuse(self, reject: Reject) -> None:
        cells: dict[str, Any] = dict.fromkeys(self._columns, "")
        self._table.write({**cells, self._error: f"line {reject.line}: {reject.reason}"})

    def take(self) -> bytes:
        """Return what was written since the last time."""
        text = self._out.getvalue().encode("utf-8", "replace")
        self._out.seek(0)
        self._out.truncate()
        return text

    def finish(self) -> bytes:
        """Return what is left; where no row was good, the refused ones alone."""
        if not self._columns:
            self._columns = [self._error]
            for reject in self._held:
                self._refuse(reject)
        return self.take()

    def last(self, problem: Problem) -> bytes:
        """Return a last row that says why there are no more."""
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        if not self._columns:
            table.writerow([self._error])
        said = f"{problem.detail}: {problem.hint}" if problem.hint else str(problem.detail)
        table.writerow([*[""] * (len(self._columns) - 1), defuse(said)])
        return out.getvalue().encode("utf-8", "replace")
