"""--predictions: the tables of coverage and divergence from a file of predicted passages, counted as it streams by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from diptych.cli.options import Talk, set_aside
from diptych.errors import UsageError, nearest

if TYPE_CHECKING:
    from diptych.analysis.evidence import Evidence
    from diptych.exchange.predicted import Counted
    from diptych.study import Study

F = TypeVar("F", bound=Callable[..., Any])
OPTIONS = (
    click.option(
        "--predictions",
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="Instead of the study's passages: those that `diptych classify` predicted, a Parquet, CSV or JSON Lines "
        "file or a folder of them, of any size. Counted as they are (uncorrected), or with --source corrected by "
        "the errors on the study's coded passages.",
    ),
    click.option(
        "--author-column",
        metavar="NAME",
        help="The file's column of what is compared [default: the name given to --by].",
    ),
    click.option(
        "--document-column",
        metavar="NAME",
        default="document",
        show_default=True,
        help="The file's column of documents, which ranges and tests draw anew.",
    ),
    click.option("--prefix", metavar="TEXT", default="", help="What `diptych classify --prefix` put before columns."),
)


@dataclass(frozen=True)
class Basis:
    """What a table rests on: evidence, the conditions left to it, its source, and what to say beside."""

    evidence: Evidence
    left: Mapping[str, str]
    source: str
    notes: list[str] = field(default_factory=list)
    counted: Counted | None = None
    path: Path = Path()

    def finish(self) -> None:
        """Set aside what could not be read, if anything, and end with exit code 3."""
        if self.counted is None or not self.counted.rejected:
            return
        first = self.counted.rejects[0]
        where = f", {first.file}" if first.file else ""
        where += f", line {first.line}" if first.line else ""
        more = self.counted.rejected - len(self.counted.rejects)
        hint = "all other rows are counted" + (f"; {more:,} more are not written down" if more else "")
        set_aside(Path(f"{self.path.name}.rejects.jsonl"), self.counted.rejects, f"{where}: {first.reason}", hint=hint)


def archived(function: F) -> F:
    """Add --predictions and what belongs to it; the command gets them as `archive`."""
    from functools import wraps

    @wraps(function)
    def command(
        *args: Any, predictions: Path | None, author_column: str | None, document_column: str, prefix: str, **rest: Any
    ) -> Any:
        given = {"path": predictions, "column": author_column, "document": document_column, "prefix": prefix}
        if predictions is None and (author_column or prefix or document_column != "document"):
            raise UsageError("--author-column, --document-column and --prefix belong to --predictions PATH")
        return function(*args, archive=given, **rest)

    for option in reversed(OPTIONS):
        command = option(command)
    return command  # type: ignore[return-value]


def basis_of(
    study: Study,
    archive: Mapping[str, Any],
    where: Mapping[str, str],
    *,
    source: str,
    by: str,
    facet: str | None = None,
    talk: Talk,
) -> Basis:
    """Return what a table rests on: the study, or a file of predictions."""
    if archive["path"] is None:
        from diptych.api import evidence_for

        evidence, left = evidence_for(study, source=source, by=by, where=where)
        return Basis(evidence, left, source)
    named = click.get_current_context().get_parameter_source("source")
    if named is click.core.ParameterSource.DEFAULT:
        source = "uncorrected"
    return _of_file(study, archive, where, source=source, by=by, facet=facet, talk=talk)


def _of_file(
    study: Study,
    archive: Mapping[str, Any],
    where: Mapping[str, str],
    *,
    source: str,
    by: str,
    facet: str | None,
    talk: Talk,
) -> Basis:
    from diptych.analysis.labels import load_archive
    from diptych.analysis.statements import archive_notes
    from diptych.documents.ingest import read_passages
    from diptych.exchange.counter import Wanted
    from diptych.exchange.predicted import unknown_values

    schema = study.schema
    if by in schema.facet_ids or by in ("passages", "words"):
        raise UsageError(f"cannot compare by {by!r}", hint="name a column of the file that groups passages")
    columns = {name: value for name, value in where.items() if name not in schema.facet_ids}
    left = {name: value for name, value in where.items() if name in schema.facet_ids}
    for name, value in left.items():
        known = schema.facet(name).value_ids
        if value not in known:
            raise UsageError(
                f"{name} has no value {value!r}{nearest(value, known)}", hint=f"one of: {', '.join(known)}"
            )
    wanted = Wanted({}, by, archive["column"] or by, archive["document"], prefix=archive["prefix"], where=columns)
    asked = [f.id for f in schema.cells] if facet == "cells" else [facet] if facet in schema.facet_ids else []
    done = 0

    def tell(passages: int) -> None:
        nonlocal done
        if passages // 10_000_000 > done:
            done = passages // 10_000_000
            talk(f"{passages:,} passages counted")

    evidence, counted = load_archive(
        study, archive["path"], source, wanted, facets=[*dict.fromkeys([*asked, *left])] if asked else (), tell=tell
    )
    notes = counted.notes()
    notes += [f"{line}." for line in unknown_values(counted, {f.id: f.value_ids for f in schema.facets})]
    if source == "corrected":
        authors = {p.passage: d.author for d in study.settings.documents for p in read_passages(study, d) or ()}
        looked_at = [f for f in schema.facets if not asked or f.id in asked]
        notes += archive_notes(evidence, looked_at, authors, study.settings.seed)
    return Basis(evidence, left, source, notes, counted, archive["path"])
