"""What diptych classify says at its end: notes, repeats, and rows that were not taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from diptych.cli.options import RowsRejected, Talk
from diptych.errors import number_of

if TYPE_CHECKING:
    from diptych.classifier.streams.joining import Summary
    from diptych.documents.duplicates import Duplicates
    from diptych.exchange.tables import Reject


_FILES = 20  # that are told one by one; of more, those with rejects


def rejects_file(out: str | None, files: Sequence[str]) -> Path:
    """Return where rows go that are not taken: beside the output, else here, by the first input's name."""
    from diptych.exchange.opening import is_address

    if out:
        path = Path(out)
        return path.with_name(f"{path.name}.rejects.jsonl")
    first = files[0] if files else "-"
    name = "stdin" if first == "-" else Path(first).name if not is_address(first) else first.rpartition("/")[2]
    return Path(f"{name}.rejects.jsonl")


def finish(notes: list[str], rejects: list[Reject], first_input: str, talk: Talk) -> None:
    """Say what there is to say, and set aside what was not taken."""
    from diptych.exchange.tables import reject_rows
    from diptych.files import write_jsonl

    for note in notes:
        talk(note)
    if rejects:
        path = rejects_file(None, [first_input])
        write_jsonl(path, reject_rows(rejects))
        first = rejects[0]
        files = sum(not reject.line for reject in rejects)
        refuse(len(rejects), files, first.line, first.reason, first.file, path)


def repeats(seen: Duplicates | None) -> list[str]:
    """How many passages repeat an earlier one, in words."""
    said: list[str] = []
    if seen is None:
        return said
    if seen.exact:
        subject = "1 passage repeats" if seen.exact == 1 else f"{seen.exact:,} passages repeat"
        said.append(f"{subject} an earlier one word for word" + (f", {seen.near:,} nearly" if seen.near else ""))
    elif seen.near:
        subject = "1 passage nearly repeats" if seen.near == 1 else f"{seen.near:,} passages nearly repeat"
        said.append(f"{subject} an earlier one")
    if seen.full:
        said.append(f"later ones were compared with the first {seen.remembered:,} different passages only")
    return said


def tell_job(done: Summary | None, path: Path, talk: Talk) -> None:
    """Say what came of a long job."""
    if done is None:
        return
    from diptych.classifier.streams.inputs import long_note

    for note in [*done.notes, *([long_note(done.long)] if done.long else [])]:
        talk(note)
    told = done.by_input if len(done.by_input) <= _FILES else [one for one in done.by_input if one[2]]
    if len(done.by_input) > 1:
        for name, rows, rejects in told[:_FILES]:
            talk(f"{name}: {rows:,} rows" + (f", {rejects:,} rejected" if rejects else ""))
        if len(done.by_input) > _FILES:
            talk(f"{len(done.by_input):,} files: {done.rows:,} rows")
    if done.rejects and done.first:
        refuse(done.rejects, done.files, done.first["line"], done.first["reason"], done.first["file"], path)


def refuse(number: int, files: int, line: int, reason: str, file: str, path: Path) -> NoReturn:
    """End with exit code 3."""
    where = f", {file}" if file and line else ""
    where += f", line {line}" if line else ""
    what = f"{number} files or rows" if files and number > 1 else number_of(number, "file" if files else "row")
    message = f"{what} rejected, see {path}; the first{where}: {reason}"
    raise RowsRejected(message, hint="all other rows are done")
