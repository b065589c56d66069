"""Values that a reader of the page corrected: as a file, or as codings of the study."""

from __future__ import annotations

import hmac
import re
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import FormData

from diptych.coding.codings import load_coders, write_codings
from diptych.documents.ingest import read_passages
from diptych.documents.passages import read_digests
from diptych.documents.text import text_hash
from diptych.errors import CodingError, UsageError
from diptych.files import exclusive
from diptych.labelstudio.people import write_down_coders
from diptych.records import Coding
from diptych.service.doors import Doors
from diptych.service.problems import Problem
from diptych.service.serving import Served
from diptych.study import Study

VALID = 12 * 3600  # seconds that a form may lie open
CODER = re.compile(r"[\w][\w.-]{0,49}")
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


def corrections(form: FormData, served: Served, coder: str) -> list[Row]:
    """Return a row a changed value, and all values of passages that were ticked as checked.

    Raises
    ------
    Problem
        If a value is none of its facet's.
    """
    rows = []
    numbers = sorted(int(name[5:]) for name in form if re.fullmatch(r"text-\d{1,6}", name))
    for number in numbers:
        text, passage = str(form[f"text-{number}"]), str(form.get(f"passage-{number}", ""))
        checked = f"checked-{number}" in form
        for facet, values in served.facets.items():
            value, said = (str(form.get(f"{kind}{facet}-{number}", "")) for kind in ("", "predicted-"))
            if not value or (value == said and not checked):
                continue
            if value not in values:
                raise Problem(422, f"{facet}: {value[:100]!r} is no value of it", hint=f"one of: {', '.join(values)}")
            rows.append(
                {
                    "passage": passage,
                    "coder": coder,
                    "facet": facet,
                    "value": value,
                    "predicted": said or None,
                    "p": _number(str(form.get(f"p-{facet}-{number}", ""))),
                    "model": served.version,
                    "text": text,
                }
            )
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
    if not rows:
        raise UsageError(
            "no value was changed and no passage ticked", hint="change a value, or tick a passage as checked"
        )
    coder = rows[0]["coder"]
    if not CODER.fullmatch(coder):
        raise UsageError(f"{coder[:60]!r} is no name for a coder", hint="letters, digits, - and _, at most 50")
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
        write_down_coders(study, {coder})
        written = write_codings(study, codings, f"serve-{coder}")
    said = f"{len(codings)} codings by {coder} are in {written.path.name}"
    return f"{said}; {strange} texts are no passages of the study and were left out" if strange else said


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
