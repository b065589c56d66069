"""The schema: which facets are put to every passage, and the codebook that says how to answer."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from diptych.codebook_words import Words
from diptych.errors import SchemaError, nearest
from diptych.files import canonical, sha256_bytes
from diptych.schema_yaml import plain_data
from diptych.toml_files import describe

Identifier = Annotated[str, StringConstraints(pattern=r"^[^\W\d_][\w-]{0,63}$")]
Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=4000, pattern="^[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$"
    ),
]
_STRICT = ConfigDict(extra="forbid", frozen=True, ignored_types=(cached_property,))
RESERVED = (
    *("passage", "document", "author", "title", "year", "publisher", "section", "words", "text", "digest"),
    *("source", "spans", "off_topic", "language", "start", "end", "coder", "facet", "value"),
    *("role", "comment", "confidence", "reason", "at", "before", "after", "answers"),
)


class Value(BaseModel):
    """One allowed answer of a facet."""

    model_config = _STRICT
    id: Identifier = Field(title="short name, as it stands in tables")
    label: Text | None = Field(None, title="name for readers; default: the id")
    definition: Text = Field(title="what the value means, in one or two sentences")
    use_when: tuple[Text, ...] = ()
    avoid_when: tuple[Text, ...] = ()
    examples: tuple[Text, ...] = ()
    hotkey: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    score: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, title="place on an ordinal scale; a value may have none"
    )
    role: Literal["party", "joint", "none"] | None = Field(None, title="of a value in a facet that asks whose view")
    markers: tuple[Text, ...] = Field((), title="names by which texts call this party")
    was: tuple[Identifier, ...] = Field((), title="earlier names")

    @property
    def name(self) -> str:
        """The label, or the id where no label is given."""
        return self.label or self.id


class Facet(BaseModel):
    """One question put to every passage, with its allowed answers."""

    model_config = _STRICT
    id: Identifier
    label: Text | None = None
    question: Text
    type: Literal["single", "multiple"] = "single"
    scale: Literal["nominal", "ordinal"] = "nominal"
    rules: tuple[Text, ...] = Field((), title="how to decide, in order")
    values: Annotated[tuple[Value, ...], Field(min_length=1)]
    was: tuple[Identifier, ...] = ()

    @property
    def name(self) -> str:
        """The label, or the id with a capital letter."""
        return self.label or self.id[:1].upper() + self.id[1:].replace("_", " ")

    @cached_property
    def value_ids(self) -> tuple[str, ...]:
        """The allowed answers, in the order of the schema."""
        return tuple(value.id for value in self.values)

    @cached_property
    def scores(self) -> dict[str, float]:
        """Scores of the values that have one."""
        return {value.id: value.score for value in self.values if value.score is not None}

    def value(self, name: object) -> Value:
        """Return the value called `name`, now or formerly; raise `SchemaError` with the nearest one."""
        for value in self.values:
            if name == value.id or name in value.was:
                return value
        raise SchemaError(
            f"{self.id}: unknown value {name!r}{nearest(name, self.value_ids)}",
            hint=f"allowed: {', '.join(self.value_ids)}",
        )

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        _unique(f"facet {self.id!r}", [name for v in self.values for name in (v.id, *v.was)])
        _unique(f"hot keys of facet {self.id!r}", [v.hotkey for v in self.values if v.hotkey])
        scored = [v.score for v in self.values if v.score is not None]
        if self.scale == "ordinal" and (len(scored) < 2 or len(set(scored)) != len(scored)):
            raise ValueError(f"facet {self.id!r} is ordinal: at least two values need scores, all different")
        if self.scale == "nominal" and scored:
            raise ValueError(f"facet {self.id!r} is nominal: its values take no score")
        if self.type == "multiple" and self.scale == "ordinal":
            raise ValueError(f"facet {self.id!r}: several answers at once cannot be ordinal")
        return self


class Schema(BaseModel):
    """The facets of a study, in order, with everything a coder reads."""

    model_config = _STRICT
    format: Literal[1] = 1
    name: Identifier
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    title: Text | None = None
    about: Text | None = None
    unit: Text = Field("One passage: one body paragraph of a document.", title="what is coded")
    cross: tuple[Identifier, ...] = Field(
        (),
        title="the facets whose combinations are the report's cells; default: the first two nominal ones",
    )
    words: Words = Field(Words(), title="the words around the codebook's text, for coders of another language")
    asked: Annotated[tuple[Facet, ...], Field(min_length=1, alias="facets")]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        _unique("facets", [name for f in self.asked for name in (f.id, *f.was)])
        _unique("facets", [f.id for f in self.facets])
        for facet in self.facets:
            if facet.id in RESERVED or re.search(r"_(p|abstain)$", facet.id):
                raise ValueError(f"facet {facet.id!r}: that name is taken by a column of the tables")
        columns = [f.id for f in self.facets]
        columns += [f"{f.id}_{name}" for f in self.facets for name in ("p", "abstain", *f.value_ids)]
        _unique("columns of predictions", columns)
        known = [f.id for f in self.facets]
        for name in self.cross:
            if name not in known:
                raise ValueError(f"cross: unknown facet {name!r}{nearest(name, known)}")
        if len(set(self.cross)) != len(self.cross) or len(self.cross) not in (0, 1, 2):
            raise ValueError("cross: names one or two different facets")
        return self

    @cached_property
    def facets(self) -> tuple[Facet, ...]:
        """The facets as they are coded: one that takes several answers is one yes/no facet a value."""
        found: list[Facet] = []
        for facet in self.asked:
            several = facet.type == "multiple"
            found.extend((_yes_no(facet, value, self.words) for value in facet.values) if several else [facet])
        return tuple(found)

    @cached_property
    def facet_ids(self) -> tuple[str, ...]:
        """Names of the facets, in order."""
        return tuple(facet.id for facet in self.facets)

    def facet(self, name: object) -> Facet:
        """Return the facet called `name`, now or formerly; raise `SchemaError` with the nearest one."""
        for facet in self.facets:
            if name == facet.id or name in facet.was:
                return facet
        raise SchemaError(
            f"unknown facet {name!r}{nearest(name, self.facet_ids)}",
            hint=f"allowed: {', '.join(self.facet_ids)}",
        )

    @cached_property
    def cells(self) -> tuple[Facet, ...]:
        """The facets (one or two) whose combinations are the cells of the report."""
        if self.cross:
            return tuple(self.facet(name) for name in self.cross)
        nominal = [facet for facet in self.facets if facet.scale == "nominal"]
        return tuple((nominal or list(self.facets))[:2])

    @cached_property
    def reference(self) -> str:
        """Name and version, as codings and models carry it."""
        return f"{self.name}@{self.version}"

    @cached_property
    def structure_hash(self) -> str:
        """Hash of what answers mean to a program: ids, types, scales, scores, roles."""
        facets = [[f.id, f.scale, sorted(([v.id, v.score, v.role] for v in f.values), key=str)] for f in self.facets]
        return sha256_bytes(canonical(sorted(facets, key=str)).encode())[:16]

    @cached_property
    def wording_hash(self) -> str:
        """Hash of everything a coder reads."""
        return sha256_bytes(canonical(self.as_data()).encode())[:16]

    def as_data(self) -> dict[str, Any]:
        """Return the schema as plain data, as a model carries it; words that nobody changed are left out."""
        words = self.words.model_dump(mode="json", exclude_defaults=True)
        data = self.model_dump(mode="json", by_alias=True, exclude={"words"})
        return data | ({"words": words} if words else {})

    @property
    def stamp(self) -> dict[str, str]:
        """What every coding and model carries of its schema."""
        return {"name": self.reference, "structure": self.structure_hash, "wording": self.wording_hash}

    @classmethod
    def parse(cls, text: str, name: str = "schema") -> Schema:
        """Read a schema from YAML text; `name` stands in errors."""
        return _parsed(text, name)

    @classmethod
    def from_data(cls, raw: Any, name: str = "schema") -> Schema:
        """Read a schema from plain data, as a model file carries it."""
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise SchemaError("\n".join(describe(error, name, cls))) from error

    @classmethod
    def load(cls, path: Path) -> Schema:
        """Read a schema file."""
        try:
            return cls.parse(path.read_text(encoding="utf-8"), path.name)
        except OSError as error:
            raise SchemaError(f"cannot read the schema {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SchemaError(f"{path.name} is not UTF-8 (byte {error.start})") from error


@lru_cache(maxsize=16)  # a command reads its schema several times, and YAML is read slowly; a schema is frozen
def _parsed(text: str, name: str) -> Schema:
    return Schema.from_data(plain_data(text, name), name)


def _yes_no(facet: Facet, value: Value, words: Words) -> Facet:
    """The yes/no facet that one value of a facet with several answers is read as."""
    name = f"{facet.id}-{value.id}"
    earlier = (f"{f}-{v}" for f in (facet.id, *facet.was) for v in (value.id, *value.was))
    return Facet(
        id=name,
        was=tuple(former for former in earlier if former != name),
        label=f"{facet.name}: {value.name}",
        question=f"{facet.question} {value.name}?",
        values=(
            Value(
                id="yes",
                label=words.yes if words.yes != "yes" else None,
                definition=value.definition,
                use_when=value.use_when,
                avoid_when=value.avoid_when,
            ),
            Value(id="no", label=words.no if words.no != "no" else None, definition=f"{words.not_so} {value.name}."),
        ),
    )


def _unique(what: str, names: list[str]) -> None:
    twice = sorted(name for name, number in Counter(names).items() if number > 1)
    if twice:
        raise ValueError(f"{what}: {', '.join(map(repr, twice))} stands twice")
