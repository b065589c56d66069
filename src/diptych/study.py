"""A study: one folder with documents, a schema and annotations, described by `study.toml`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from diptych.errors import NoStudyError, StudyError, nearest
from diptych.files import MODEL, STATE, STUDY, sha256_file, upward
from diptych.schema import Schema
from diptych.toml_files import read_toml

SETTINGS = STUDY
_STRICT = ConfigDict(extra="forbid", frozen=True)


def _can_be_a_path(name: str) -> str:
    """Refuse what no file can be called; asking the disk for it would be an error of the system's."""
    if "\0" in name or any(len(part.encode("utf-8", "replace")) > 255 for part in name.split("/")) or len(name) > 2000:
        raise ValueError(f"{name[:40]!r} … is longer than a file's name can be, or holds a NUL")
    return name


_Path = Annotated[str, AfterValidator(_can_be_a_path)]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Document(BaseModel):
    """One source text, as `study.toml` describes it."""

    model_config = _STRICT
    id: Annotated[str, StringConstraints(pattern=r"^[\w][\w.-]{0,99}$")]
    author: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    title: str = ""
    publisher: str = ""
    year: Annotated[int, Field(ge=0, le=9999)] | None = None
    file: _Path = Field("", title="file name of the original")
    sha256: _Sha256 | None = Field(None, title="of the original's bytes")
    length: Annotated[int, Field(ge=0)] | None = Field(None, title="code points of the decoded original")
    language: str = ""
    encoding: str = Field("utf-8", title="how the original's bytes are decoded")
    text_sha256: _Sha256 | None = Field(None, title="of the text extracted from a pdf, docx or html original")
    extractor: str = Field("", title="what extracted it, with its version")
    columns: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")], str | int] = Field(
        default_factory=dict, title="further columns to compare by"
    )

    @field_validator("file")
    @classmethod
    def _stays_in_its_folder(cls, name: str) -> str:
        parts = re.split(r"[\\/]", name)
        if ".." in parts or (name and not parts[0]):
            raise ValueError(f"{name!r} is no name of a file in seeds/, but a path that leads elsewhere")
        return name


_TAKEN = frozenset(
    (
        "passage",
        "document",
        "author",
        "title",
        "year",
        "publisher",
        "section",
        "words",
        "text",
        "digest",
        "source",
        "spans",
        "facet",
        "value",
        "share",
        "passages",
        "of",
        "population",
        "error",
        "low",
        "high",
        "range_low",
        "range_high",
        "words_of",
        "word_share",
        "blocks",
        "unit",
        "small",
        "blind",
        "first",
        "second",
        "situation",
    )
)


class Settings(BaseModel):
    """What `study.toml` may say. Unknown keys are errors."""

    model_config = _STRICT
    format: Literal[1] = 1
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    title: str = ""
    schema_: _Path = Field("schemas/schema.yaml", alias="schema")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    originals: tuple[_Path, ...] = Field(("seeds",), title="folders searched for originals, by sha256")
    pool_texts: tuple[_Path, ...] = Field((), title="files with the texts coded in annotations/pool")
    documents: tuple[Document, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        ids = [document.id for document in self.documents]
        for name, number in Counter(ids).items():
            if number > 1:
                raise ValueError(f"document {name!r} stands twice")
        for document in self.documents:
            for name in document.columns:
                if name in _TAKEN:
                    raise ValueError(f"document {document.id!r}: a column cannot be called {name!r}, which is in use")
        return self


@dataclass(frozen=True)
class Study:
    """A study's settings, schema and the places of its files.

    Examples
    --------
    >>> import diptych
    >>> study = diptych.Study.bundled()
    >>> [document.author for document in study.settings.documents]
    ['Dmitri Trenin', 'Andrew C. Kuchins']
    """

    root: Path
    settings: Settings
    schema: Schema

    @classmethod
    def load(cls, folder: str | Path = ".") -> Study:
        """Read the study in `folder`.

        Raises
        ------
        StudyError
            If there is no `study.toml`, or it says something that cannot be.
        SchemaError
            If the schema it names does not hold together.
        """
        root = Path(folder).resolve()
        path = root / SETTINGS
        if not path.is_file():
            raise NoStudyError(
                f"no study in {root}: {SETTINGS} is missing", hint="`diptych init DIR` makes a new study"
            )
        settings = read_toml(path, Settings)
        schema_path = root / settings.schema_
        if not schema_path.is_file():
            near = nearest(settings.schema_, [f"schemas/{p.name}" for p in root.glob("schemas/*.yaml")])
            raise StudyError(
                f"{SETTINGS}: schema: no file {settings.schema_!r}{near}", hint=f"correct schema in {root / SETTINGS}"
            )
        return cls(root, settings, Schema.load(schema_path))

    @classmethod
    def find(cls, start: str | Path = ".") -> Study:
        """Load the nearest study at or above `start`."""
        here = Path(start).resolve()
        folder = upward(SETTINGS, here)
        if folder is not None:
            return cls.load(folder)
        raise NoStudyError(
            f"no study here: no {SETTINGS} in {here} or above",
            hint="go to a study's folder, name it with --study DIR, or make one with `diptych init DIR`",
        )

    @classmethod
    def bundled(cls) -> Study:
        """Load the study that comes with the package (from a wheel, or from a checkout)."""
        return cls.load(bundled_folder())

    def document(self, name: str) -> Document:
        """Return the document with this id, or raise `StudyError` with the nearest one."""
        for document in self.settings.documents:
            if document.id == name:
                return document
        ids = [document.id for document in self.settings.documents]
        raise StudyError(f"{SETTINGS}: no document {name!r}{nearest(name, ids)}")

    @property
    def authors(self) -> list[str]:
        """The authors, in the order of the documents."""
        return list(dict.fromkeys(document.author for document in self.settings.documents))

    @property
    def state(self) -> Path:
        """The folder for models, caches and locks, which git ignores."""
        return self.root / STATE

    @property
    def codings_folder(self) -> Path:
        """Where the immutable codings files lie."""
        return self.root / "annotations" / "codings"

    @property
    def coders_file(self) -> Path:
        """Who the coders are."""
        return self.root / "annotations" / "coders.toml"

    @property
    def gold_file(self) -> Path:
        """The gold labels derived from the codings."""
        return self.root / "annotations" / "gold.jsonl"

    @property
    def model_file(self) -> Path:
        """The trained model."""
        return self.state / MODEL

    def passages_file(self, document: str) -> Path:
        """The passage table of a document."""
        return self.root / "seeds" / f"{document}.passages.jsonl"

    def digest_file(self, document: str) -> Path:
        """The digests of a document."""
        return self.root / "seeds" / f"{document}.digest.jsonl"

    def fixes_file(self, document: str) -> Path:
        """The reviewed corrections to the cutting of a document."""
        return self.root / "seeds" / f"{document}.fixes.toml"

    def text_file(self, document: Document) -> Path:
        """The text extracted from a pdf (as printed), docx or html (as Markdown) original."""
        kind = ".txt" if document.file.casefold().endswith(".pdf") else ".md"
        return self.root / "seeds" / f"{document.id}.extracted{kind}"

    def original(self, document: Document) -> Path | None:
        """Find what a document is read from; `None` if it is not at hand.

        That is its extracted text, if it has one, else the original, found by its sha256 under any file name.
        """
        if document.text_sha256 is not None:
            extracted = self.text_file(document)
            if extracted.is_file() and sha256_file(extracted) == document.text_sha256:
                return extracted
        named = self.root / "seeds" / document.file if document.file else None
        if document.sha256 is None:  # anything of that name would be taken, so no link that leads elsewhere is followed
            inside = named is not None and named.resolve().is_relative_to(self.root)
            return named if named and inside and named.is_file() else None
        candidates = [named] if named else []
        for folder in self.settings.originals:
            place = self.root / folder
            if place.is_dir():
                candidates += sorted(p for p in place.iterdir() if not _is_table(p))
        for path in candidates:
            if path.is_file() and sha256_file(path) == document.sha256:
                return path
        return None


def _is_table(path: Path) -> bool:
    """Whether a file in a documents folder is one of diptych's own."""
    return path.name == "README.md" or bool(
        re.search(r"\.(passages|digest)\.jsonl$|\.fixes\.toml$|\.extracted\.(txt|md)$|^\.", path.name)
    )


def bundled_folder() -> Path:
    """Return the folder of the study that comes with the package."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_study", package.parents[1]):
        if (folder / SETTINGS).is_file():
            return folder
    raise StudyError("this installation carries no bundled study", hint="install diptych again from its wheel")
