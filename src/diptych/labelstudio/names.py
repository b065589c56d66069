"""By what a study's codings name a server and the accounts on it: no two servers of two people share a name."""

from __future__ import annotations

from pathlib import Path

from diptych.labelstudio.server import folder_of, running
from diptych.study import Study


def mark_file(study: Study) -> Path:
    """Where the mark of the study's own server lies: it is made, and goes, with the server's data."""
    return folder_of(study) / "mark"


def own_mark(study: Study, url: str) -> str:
    """Return the mark of the study's own server; an empty text for any other one.

    Everybody's own server is at 127.0.0.1 and begins with account 1: without a mark, the codings of two people who
    share a study through git would count as one person's.
    """
    here = running(study)
    if here is None or here.url.rstrip("/") != url.rstrip("/"):
        return ""
    try:
        return mark_file(study).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def server_name(study: Study, url: str) -> str:
    """Return a name for a server that fits into file names and origins."""
    name = "".join(c if c.isalnum() else "-" for c in url.split("://", 1)[-1].strip("/"))
    mark = own_mark(study, url)
    return f"{name}-{mark}" if mark else name
