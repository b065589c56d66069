"""Values that a reader of the page corrected: as a file, or as codings of the study."""

from __future__ import annotations

import hmac
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from diptych.coding.coders import load_coders, write_down_coders
from diptych.coding.codings import following, load_codings, write_codings
from diptych.documents.ingest import read_passages
from diptych.documents.passages import read_digests
from diptych.documents.text import text_hash
from diptych.errors import CodingError, UsageError, nearest
from diptych.files import exclusive
from diptych.records import Coding
from diptych.service.doors import Doors
from diptych.service.problems import Problem
from diptych.service.serving import Served
from diptych.study import Study

VALID = 12 * 3600  # seconds that a form may lie open
CODER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,49}")  # the page's own pattern, where - needs the backslash
FIELD = re.compile(r"value-(?P<facet>.{1,100})-(?P<number>[0-9]{1,6})")
MODEL = re.compile(r"[\w.-]{1,100}")
Row = dict[str, Any]


def signed(secret: bytes) -> str:
    """Return a token for a form: the time, signed by this process."""
    now = f"{int(time.time()):x}"
    return f"{now}.{_sign(now, secret)}"


def signed_right(token: str, secret: bytes) -> bool:
    """Whether a form's token is this process's own, and not too old."""
    said, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), _sign(said, secret).encode()):
        return False
    try:
        return 0 <= time.time() - int(said, 16) <= VALID
    except ValueError:
        return False


def _sign(said: str, secret: bytes) -> str:
    return hmac.new(secret, said.encode("utf-8", "replace"), "sha256").hexdigest()


def corrections(form: Mapping[str, str], served: Served) -> list[Row]:
    """Return a row a changed value, and all values of passages that were ticked as checked.

    Raises
    ------
    Problem
        If a facet is none of the model's, or a value none of its facet's.
    """
    rows: list[Row] = []
    model, coder = form.get("model", ""), form.get("coder", "").strip()
    for name in form:
        found = FIELD.fullmatch(name)
        if found is None:
            continue
        facet, number = found["facet"], found["number"]
        value, said = form[name], form.get(f"predicted-{facet}-{number}", "")
        if not value or (value == said and f"checked-{number}" not in form):
            continue
        if facet not in served.facets:
            hint = f"one of: {', '.join(served.facets)}"
            raise Problem(422, f"{facet[:100]!r} is no facet of the model{nearest(facet, served.facets)}", hint=hint)
        if value not in served.facets[facet]:
            hint = f"one of: {', '.join(served.facets[facet])}"
            raise Problem(422, f"{facet}: {value[:100]!r} is no value of it", hint=hint)
        rows.append(
            {
                "passage": form.get(f"passage-{number}", ""),
                "coder": coder,
                "facet": facet,
                "value": value,
                "predicted": said if said in served.facets[facet] else None,
                "p": _number(form.get(f"p-{facet}-{number}", "")),
                "model": model if MODEL.fullmatch(model) else served.version,
                "text": form.get(f"text-{number}", ""),
            }
        )
    if not rows:
        raise Problem(422, "no value was changed and no passage ticked", hint="change a value, or tick a passage")
    return rows


def append(doors: Doors, rows: Sequence[Row]) -> str:
    """Write corrections of the study's own passages as a new codings file, and say what was written.

    Raises
    ------
    UsageError
        If the server may not write, nothing was corrected, or the coder has no name.
    CodingError
        If none of the texts is a passage of the study.
    """
    study = doors.serving.study
    if study is None or not doors.settings.write:
        raise UsageError("this server does not write", hint="start it with --study and --write")
    coder = rows[0]["coder"]
    if not CODER.fullmatch(coder):
        said = f"{coder[:60]!r} is no name for a coder" if coder else "a coding needs the name of who made it"
        raise UsageError(said, hint="letters without accents, digits, . - and _, at most 50")
    known = load_coders(study).coders.get(coder)
    if known is not None and known.kind != "human":
        raise UsageError(f"{coder!r} is a model", hint="give the name of a person")
    passages = passages_by_text(study)
    now, origin = datetime.now(UTC).isoformat(timespec="seconds"), f"serve:{uuid.uuid4()}"
    codings = [
        Coding(
            passages[text_hash(row["text"])],
            coder,
            row["facet"],
            row["value"],
            schema=study.schema.stamp,
            at=now,
            origin=origin,
            suggestion={"value": row["predicted"], "p": row["p"], "model": row["model"]} if row["predicted"] else None,
        )
        for row in rows
        if text_hash(row["text"]) in passages
    ]
    strange = len({row["text"] for row in rows if text_hash(row["text"]) not in passages})
    if not codings:
        raise CodingError(
            "none of these texts is a passage of the study",
            hint="ingest the document first, or download the corrections",
        )
    with exclusive(study.state):
        write_down_coders(study, {coder}, "Corrected predictions on the page of diptych serve.")
        written = write_codings(study, following(load_codings(study), codings), f"serve-{coder}")
    said = f"{len(codings)} codings by {coder} are in {written.path.name}"
    if not strange:
        return said
    left = "1 text is no passage" if strange == 1 else f"{strange} texts are no passages"
    return f"{said}; {left} of the study and left out"


def passages_by_text(study: Study) -> dict[str, str]:
    """Return the study's passages by the hash of their text, and of their digest."""
    found: dict[str, str] = {}
    for document in study.settings.documents:
        for name, digest in read_digests(study, document).items():
            found[text_hash(digest)] = name
        for passage in read_passages(study, document) or ():
            found[passage.sha256] = passage.passage
    return found


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found <= 1 else None
