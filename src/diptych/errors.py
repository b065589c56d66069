"""Every error diptych raises on purpose.

::

    DiptychError                     exit code 1
    ├── StudyError                   study.toml says something that cannot be
    ├── NoStudyError                 no study here (a StudyError)
    ├── SchemaError                  a codebook that does not hold together
    ├── DocumentError                a document that cannot be read or has changed
    ├── RecordError                  a row that cannot be taken
    ├── CodingError                  codings that do not allow what was asked
    ├── NotTrainedError              no model yet, or nothing to train on
    ├── ModelFormatError             a model file that is damaged, foreign or of another schema
    ├── LabelStudioError             a server that is away, refuses, or holds something unexpected
    ├── FileWriteError               a place that cannot be written
    ├── MissingExtraError            an optional package that is not installed
    ├── BusyError                    another command is at work on the same study
    ├── JobError                     a long job that cannot go on: other parts, a worker or scheduler gone
    └── UsageError                   exit code 2

The library raises them; only the command line and the HTTP border print them.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

LONGEST_NAME, MOST_NAMES, SHOWN_NAMES = 100, 1000, 40  # letters compared; names compared, and named in a hint


class DiptychError(Exception):
    """Base of all errors: one line that says what is wrong and where, and a hint what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class StudyError(DiptychError, ValueError):
    """The study's settings are missing or wrong."""


class NoStudyError(StudyError):
    """There is no study where one was looked for."""


class SchemaError(DiptychError, ValueError):
    """The schema does not hold together, or a name in it is unknown."""


class DocumentError(DiptychError, ValueError):
    """A document cannot be read, or is not the one its passages were cut from."""


class RecordError(DiptychError, ValueError):
    """A row of a table cannot be taken; says file, line, column, value and what is allowed."""


class CodingError(DiptychError, ValueError):
    """The codings at hand do not allow what was asked."""


class NotTrainedError(DiptychError, LookupError):
    """There is no model yet, or too little to train one on."""


class ModelFormatError(DiptychError, ValueError):
    """A model file is damaged, no model of diptych's, or made for another schema structure."""


class LabelStudioError(DiptychError, RuntimeError):
    """A Label Studio server is away, refuses, or holds something that is not as expected.

    Says status and endpoint, never the token.
    """

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class FileWriteError(DiptychError, OSError):
    """A file or folder cannot be written."""


class BusyError(DiptychError, RuntimeError):
    """Another diptych command is writing to the same study."""


class JobError(DiptychError, RuntimeError):
    """A long job cannot go on: its parts do not fit, some are missing, or a worker or the scheduler is gone."""


class MissingExtraError(DiptychError, ImportError):
    """Something optional is needed; says the exact command that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs {package}, which is not installed", hint=f"pip install 'diptych[{extra}]'")


class UsageError(DiptychError, ValueError):
    """The command was called in a way that cannot work."""

    exit_code = 2


def listed(names: Iterable[str]) -> str:
    """Return names as a hint shows them: parted by commas, of very many the first.

    >>> listed(["a", "b"]), listed(map(str, range(100)))[-13:]
    ('a, b', '38, 39, and …')
    """
    shown = [name[:LONGEST_NAME] for name in islice(names, SHOWN_NAMES + 1)]
    return ", ".join(shown if len(shown) <= SHOWN_NAMES else [*shown[:SHOWN_NAMES], "and …"])


def number_of(number: int, word: str) -> str:
    """Return a number with what it counts.

    >>> number_of(1, "row"), number_of(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def nearest(name: object, allowed: Iterable[str]) -> str:
    """Return “ (did you mean 'x'?)” for the allowed name nearest to `name`, or an empty text.

    >>> nearest("moskow", ["moscow", "beijing"])
    " (did you mean 'moscow'?)"
    """
    text = str(name)[:LONGEST_NAME]  # comparing takes the square of the length
    allowed = [one[:LONGEST_NAME] for one in islice(allowed, MOST_NAMES)]
    close = get_close_matches(text.casefold(), {a.casefold(): a for a in allowed}, n=1, cutoff=0.6)
    if not close:
        return ""
    original = next(a for a in allowed if a.casefold() == close[0])
    return f" (did you mean {original!r}?)"
