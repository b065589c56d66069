"""Reviewed corrections to the cutting: `seeds/<id>.fixes.toml`.

Where the shape of a page cannot decide (a margin note at a paragraph's end, a back cover), a person
has looked, and the correction stands in a file with its reason. Offsets are those of the passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from diptych.documents.segment import Cut
from diptych.errors import DocumentError
from diptych.toml_files import read_toml

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Split(BaseModel):
    """A new passage begins at `at`."""

    model_config = _STRICT
    at: Annotated[int, Field(ge=0)]
    reason: str


class Join(BaseModel):
    """The passage that begins at `at` goes on with the one before it."""

    model_config = _STRICT
    at: Annotated[int, Field(ge=0)]
    reason: str


class Drop(BaseModel):
    """What begins from `start` up to `end` is no body text."""

    model_config = _STRICT
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    reason: str


class Fixes(BaseModel):
    """The corrections of one document, bound to its bytes by `sha256`."""

    model_config = _STRICT
    format: Literal[1] = 1
    document: str
    sha256: str
    split: tuple[Split, ...] = ()
    join: tuple[Join, ...] = ()
    drop: tuple[Drop, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Fixes | None:
        """Read the corrections beside a document, or `None` where there are none."""
        return read_toml(path, cls) if path.exists() else None


def apply_fixes(cuts: Sequence[Cut], fixes: Fixes) -> list[Cut]:
    """Return the cuts with drops, joins and splits carried out, in that order.

    Raises
    ------
    DocumentError
        If a correction points where no passage begins (join) or none lies (split, drop).
    """
    mended = list(cuts)
    for drop in fixes.drop:
        kept = [cut for cut in mended if not drop.start <= cut.spans[0][0] < drop.end]
        if len(kept) == len(mended):
            raise _astray(fixes, "drop", drop.start, "no passage begins there")
        mended = kept
    for join in fixes.join:
        place = next((i for i, cut in enumerate(mended) if cut.spans[0][0] == join.at), 0)
        if place == 0:
            raise _astray(fixes, "join", join.at, "no passage begins there that has one before it")
        before, after = mended[place - 1 : place + 1]
        mended[place - 1 : place + 1] = [Cut(before.section, before.spans + after.spans)]
    for split in fixes.split:
        place = next((i for i, cut in enumerate(mended) if _inside(cut, split.at)), -1)
        if place < 0:
            raise _astray(fixes, "split", split.at, "it lies inside no passage")
        mended[place : place + 1] = _split(mended[place], split.at)
    return mended


def _inside(cut: Cut, at: int) -> bool:
    return cut.spans[0][0] < at and any(start <= at < end for start, end in cut.spans)


def _split(cut: Cut, at: int) -> list[Cut]:
    before = tuple((start, min(end, at)) for start, end in cut.spans if start < at)
    after = tuple((max(start, at), end) for start, end in cut.spans if end > at)
    return [Cut(cut.section, before), Cut(cut.section, after)]


def _astray(fixes: Fixes, what: str, at: int, why: str) -> DocumentError:
    return DocumentError(
        f"seeds/{fixes.document}.fixes.toml: {what} at offset {at}: {why}",
        hint="compare with the spans in the passage table, then correct or remove the entry",
    )
