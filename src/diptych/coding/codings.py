"""The store of codings: immutable files, of which the latest row of each answer counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.errors import CodingError, RecordError, SchemaError, nearest
from diptych.files import canonical, read_jsonl, sha256_bytes, slug, write_jsonl
from diptych.records import FORMAT, REASONS, ROLES, STATUSES, Coding, moment
from diptych.schema import Schema
from diptych.study import Study

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "passage",
    "coder",
    "role",
    "facet",
    "value",
    "status",
    "confidence",
    "comment",
    "reason",
    "lead_time",
    "suggestion",
    "flags",
    "edited_by",
    "supersedes",
    "schema",
    "at",
    "origin",
    "id",
    "file",
)
_REPEATED = ("passage", "coder", "role", "facet", "value", "status", "at", "origin", "file")
ANSWER = ["passage", "coder", "role", "facet"]


def coding_id(row: dict[str, Any]) -> str:
    """Return the name by which a later row supersedes this one: a hash of what it says."""
    return sha256_bytes(canonical(row).encode())[:16]


def load_codings(study: Study, *, history: bool = False) -> pd.DataFrame:
    """Return the codings of a study.

    Parameters
    ----------
    study : Study
    history : bool, default False
        Every row ever written; else the latest row of each answer that no other supersedes,
        without skipped and deleted ones.

    Returns
    -------
    DataFrame
        passage, coder, role, facet, value, status, confidence, comment, reason, lead_time,
        suggestion, flags, edited_by, supersedes, schema, at, origin, id, file; sorted by facet (in
        schema order), passage and coder. Renamed facets and values carry their
        present names.

    Raises
    ------
    RecordError
        For a row that does not belong here, with file, line, value and what is allowed.

    Examples
    --------
    >>> import diptych
    >>> codings = diptych.load_codings(diptych.Study.bundled())
    >>> codings.query("role == 'coder'").groupby("coder").passage.nunique().to_dict()
    {'reader-a': 184, 'reader-b': 184}
    """
    import pandas as pd

    names = (*COLUMNS, "_time")
    rows: list[tuple[Any, ...]] = []  # no objects, and equal values once: a million codings take a quarter of the room
    shared: dict[str, str] = {}
    schemas: dict[str, Any] = {}
    superseded: set[str] = set()
    seen: set[str] = set()
    for path in sorted(study.codings_folder.glob("*.jsonl")):
        for number, raw in read_jsonl(path, required=("passage", "coder", "facet", "schema", "at", "origin")):
            row = _checked(raw, study.schema, f"{path.name}:{number}")
            row["id"], row["file"] = coding_id(raw), path.name
            if row["id"] in seen:  # two people pulled the same annotation: it was said once
                continue
            seen.add(row["id"])
            superseded.add(raw.get("supersedes") or "")
            for name in _REPEATED:
                if isinstance(row[name], str):
                    row[name] = shared.setdefault(row[name], row[name])
            row["schema"] = schemas.setdefault(repr(row["schema"]), row["schema"])
            rows.append(tuple(row[name] for name in names))
    frame = pd.DataFrame(rows, columns=list(names))
    if not history:
        # a deletion does its work by superseding; another answer of the same coder may still stand
        undone = (frame["status"] == "deleted") & frame["supersedes"].notna()
        frame = frame[~frame["id"].isin(superseded) & ~undone]
        frame = frame.sort_values("_time", kind="stable").drop_duplicates(ANSWER, keep="last")
        frame = frame[frame["status"] == "coded"]
    order = {name: position for position, name in enumerate(study.schema.facet_ids)}
    frame = frame.assign(_order=frame["facet"].map(order))
    frame = frame.sort_values(["_order", "passage", "coder", "_time"], kind="stable")
    return frame.drop(columns=["_order", "_time"]).reset_index(drop=True)


def _checked(raw: dict[str, Any], schema: Schema, where: str) -> dict[str, Any]:
    """A stored row with present names, or an error that says what is wrong and where."""
    _check_kinds(raw, where)
    row = {name: raw.get(name) for name in COLUMNS}
    row["role"] = raw.get("role", "coder")
    row["status"] = raw.get("status", "coded")
    for name, allowed in (("role", ROLES), ("status", STATUSES)):
        if row[name] not in allowed:
            raise RecordError(
                f"{where}: {name} {row[name]!r} is unknown{nearest(row[name], allowed)}",
                hint=f"allowed: {', '.join(allowed)}",
            )
    try:
        facet = schema.facet(raw["facet"])
        row["facet"] = facet.id
        if row["status"] == "coded":
            row["value"] = facet.value(raw.get("value")).id
    except SchemaError as error:
        hint = f"{error.hint}; coded with {_reference(raw)}, the study has {schema.reference}"
        raise RecordError(f"{where}: {error}", hint=hint) from error
    for name in ("comment", "reason"):
        row[name] = row[name] or ""
    try:
        row["_time"] = moment(raw["at"])
    except ValueError as error:
        raise RecordError(f"{where}: at: {raw['at']!r} is no time") from error
    return row


def _check_kinds(raw: dict[str, Any], where: str) -> None:
    """Check that a stored row holds what its format says."""
    if raw.get("format", FORMAT) != FORMAT:
        raise RecordError(f"{where}: format {raw['format']!r} is not read by this diptych", hint=f"it reads {FORMAT}")
    for name in ("passage", "coder", "facet", "at", "origin"):
        if not isinstance(raw[name], str):
            raise RecordError(f"{where}: {name}: {raw[name]!r} is no text")
    for name in ("comment", "reason", "supersedes", "edited_by"):
        if not isinstance(raw.get(name, ""), str):
            raise RecordError(f"{where}: {name}: {raw[name]!r} is no text")
    sure = raw.get("confidence")
    if sure is not None and not (isinstance(sure, int | float) and 0 <= sure <= 1):
        raise RecordError(f"{where}: confidence: {sure!r} is no number from 0 to 1")


def _reference(raw: dict[str, Any]) -> str:
    stamp = raw.get("schema")
    return str(stamp.get("name")) if isinstance(stamp, dict) else str(stamp)


@dataclass(frozen=True, slots=True)
class Written:
    """A codings file: its path, how many rows it holds, and whether it stood there before."""

    path: Path
    rows: int
    known: bool


def write_codings(study: Study, codings: Sequence[Coding], label: str) -> Written:
    """Write codings as a new immutable file named by its content; equal content is written once.

    Raises
    ------
    CodingError
        If there is nothing to write.
    """
    if not codings:
        raise CodingError("there are no codings to write")
    rows = [coding.row() for coding in codings]
    digest = sha256_bytes("\n".join(canonical(row) for row in rows).encode())[:12]
    path = study.codings_folder / f"{slug(label) or 'codings'}-{digest}.jsonl"
    known = path.exists()
    if not known:
        write_jsonl(path, rows)
    return Written(path, len(rows), known)


def following(present: pd.DataFrame, codings: Iterable[Coding]) -> list[Coding]:
    """Return codings that name the answers they replace, so that no clock decides which of two counts.

    Parameters
    ----------
    present : DataFrame
        The codings that count now.
    codings : iterable of Coding
        New ones, in the order in which they were said.
    """
    latest = dict(zip(present[ANSWER].itertuples(index=False, name=None), present["id"], strict=True))
    found = []
    for coding in codings:
        key = (coding.passage, coding.coder, coding.role, coding.facet)
        said = replace(coding, supersedes=coding.supersedes or latest.get(key))
        latest[key] = coding_id(said.row())
        found.append(said)
    return found


def check_answer(
    schema: Schema, known: Collection[str], passage: str, facet: str, value: str, reason: str, role: str
) -> tuple[str, str]:
    """Check one answer against schema and passages; return the facet's and the value's present name.

    Raises
    ------
    RecordError
        Naming the column, the value, what is allowed and the nearest match.
    """
    if passage not in known:
        raise RecordError(f"passage: nobody knows {passage!r}{nearest(passage, known)}")
    try:
        found = schema.facet(facet)
        answer = found.value(value)
    except SchemaError as error:
        raise RecordError(str(error), hint=error.hint) from error
    if role == "adjudicator" and reason not in REASONS:
        raise RecordError(
            f"reason: {reason!r} is none of the reasons{nearest(reason, REASONS)}",
            hint=f"allowed: {', '.join(REASONS)}",
        )
    return found.id, answer.id
