"""What changed between two schemas, and what that does to codings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from diptych.schema import Facet, Schema, Value

Kind = Literal["wording", "new value", "new facet", "renamed", "merged", "split", "removed", "scale", "role", "order"]
SAFE: tuple[Kind, ...] = ("wording", "new value", "renamed", "merged", "order")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: of what kind, where, from what to what, and whether codings survive it."""

    kind: Kind
    facet: str
    old: str
    new: str
    safe: bool
    detail: str = ""


def diff(old: Schema, new: Schema) -> list[Change]:
    """Return the changes from one schema to another.

    A value or facet of the new schema that names an old one in `was:` is a rename, or a merge where it
    names several; an old value that several new ones name in `was:` is split, which no rule can carry
    out on old codings.

    Examples
    --------
    >>> import diptych
    >>> schema = diptych.Study.bundled().schema
    >>> diff(schema, schema)
    []
    """
    changes: list[Change] = []
    heirs = {name: facet for facet in new.facets for name in (facet.id, *facet.was)}
    for facet in old.facets:
        heir = heirs.get(facet.id)
        if heir is None:
            changes.append(Change("removed", facet.id, facet.id, "", safe=False, detail="its codings lose their facet"))
            continue
        if heir.id != facet.id:
            changes.append(
                Change(
                    "renamed",
                    heir.id,
                    facet.id,
                    heir.id,
                    safe=True,
                    detail="codings are read under the new name",
                )
            )
        changes += _facet(facet, heir)
    inherited = {name for facet in new.facets for name in (facet.id, *facet.was)}
    before = {facet.id for facet in old.facets}
    for facet in new.facets:
        if facet.id not in before and not before & set(facet.was):
            changes.append(
                Change("new facet", facet.id, "", facet.id, safe=False, detail="passages coded before lack it")
            )
    if not changes and [f.id for f in old.facets if f.id in inherited] != [f.id for f in new.facets if f.id in before]:
        changes.append(Change("order", "", "", "", safe=True, detail="facets stand in another order"))
    if not changes and old.wording_hash != new.wording_hash:
        changes.append(Change("wording", "", "", "", safe=True, detail="title, unit or another text"))
    return changes


def _facet(old: Facet, new: Facet) -> Iterator[Change]:
    kept = {v.id: heir for v in old.values if (heir := _heir(new, v.id)) is not None}
    if old.scale != new.scale or any(old.scores.get(name) != heir.score for name, heir in kept.items()):
        yield Change("scale", new.id, old.scale, new.scale, safe=False, detail="measures on the scale change")
    heirs: dict[str, list[str]] = {}
    for value in new.values:
        for name in dict.fromkeys((value.id, *value.was)):
            heirs.setdefault(name, []).append(value.id)
    for value in old.values:
        found = heirs.get(value.id, [])
        if not found:
            yield Change("removed", new.id, value.id, "", safe=False, detail="its codings lose their value")
        elif len(found) > 1:
            yield Change(
                "split",
                new.id,
                value.id,
                ", ".join(found),
                safe=False,
                detail="old codings cannot say which part they mean",
            )
        else:
            merged = False
            if found[0] != value.id:
                merged = sum(found[0] in heirs.get(other.id, []) for other in old.values) > 1
                kind: Kind = "merged" if merged else "renamed"
                yield Change(kind, new.id, value.id, found[0], safe=True, detail="codings are read under the new name")
            here = kept[value.id]
            if here.role != value.role and (found[0] == value.id or not merged):
                yield Change("role", new.id, str(value.role), str(here.role), safe=False, detail=f"role of {value.id}")
            if found[0] == value.id and _wording(value) != _wording(here):
                yield Change("wording", new.id, value.id, value.id, safe=True, detail="coders read another text")
    known = {value.id for value in old.values}
    for value in new.values:
        if value.id not in known and not known & set(value.was):
            yield Change("new value", new.id, "", value.id, safe=True, detail="passages coded before could not get it")
    if (old.question, old.rules) != (new.question, new.rules):
        yield Change("wording", new.id, "", "", safe=True, detail="question or rules")


def _heir(facet: Facet, name: str) -> Value | None:
    """The value that an old value is read as now."""
    return next((value for value in facet.values if name in (value.id, *value.was)), None)


def _wording(value: Value) -> object:
    return (value.label, value.definition, value.use_when, value.avoid_when, value.examples)


def orphans(old: Schema, new: Schema) -> list[Change]:
    """Return the changes that codings made under the old schema would not survive."""
    return [change for change in diff(old, new) if not change.safe]
