"""Who the coders are: `annotations/coders.toml`, written by hand, and a file each that commands write.

A file each, because two people who share a study through git then never change the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from diptych.errors import RecordError
from diptych.files import sha256_bytes, slug, write_text
from diptych.study import Study
from diptych.toml_files import read_toml, toml_text


class Coder(BaseModel):
    """Who a coder is, without a name or an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["human", "model"]
    who: str = Field("", title="in a few words")
    model: str = Field("", title="coders with the same text here are one language model")
    given: str = Field("", title="what the coder saw")
    account: str = Field("", title="server and number of an account, by which everybody who pulls gives the same name")


class Coders(BaseModel):
    """`annotations/coders.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal[1] = 1
    coders: dict[str, Coder] = Field(default_factory=dict)

    def one_model(self, names: Iterable[str]) -> str:
        """Return the model's name if all of these coders are one language model, else an empty text."""
        models = {self.coders[n].model if n in self.coders else "" for n in names}
        return models.pop() if len(models) == 1 else ""


class OneCoder(Coder):
    """`annotations/coders/<name>.toml`."""

    format: Literal[1] = 1
    name: str


def load_coders(study: Study) -> Coders:
    """Read who the coders of a study are (an empty list where nobody wrote it down); `coders.toml` goes first.

    Raises
    ------
    StudyError
        If a file is none of ours.
    RecordError
        If two files describe one coder.
    """
    found: dict[str, Coder] = {}
    for path in sorted(coders_folder(study).glob("*.toml")):
        one = read_toml(path, OneCoder)
        if one.name in found:
            raise RecordError(
                f"{path.name}: {one.name!r} is described twice", hint=f"remove one of the files in {path.parent}"
            )
        found[one.name] = Coder.model_validate(one.model_dump(exclude={"format", "name"}))
    if study.coders_file.exists():
        by_hand = read_toml(study.coders_file, Coders).coders
        found = {**by_hand, **{name: coder for name, coder in found.items() if name not in by_hand}}
    return Coders(coders=found)


def coders_folder(study: Study) -> Path:
    """Where commands describe coders, a file each."""
    return study.root / "annotations" / "coders"


def write_down_coders(study: Study, names: Iterable[str], who: str, accounts: Mapping[str, str] | None = None) -> None:
    """Describe people who are not yet known as coders, in a file each, with the same few words on each.

    Parameters
    ----------
    study : Study
    names : iterable of str
        Pseudonyms; known ones stay as they are.
    who : str
        In a few words, without a name or an address.
    accounts : mapping of str to str, optional
        Pseudonym → account on a server.
    """
    known = load_coders(study).coders
    for name in sorted(set(names) - set(known)):
        rows = {"format": 1, "name": name, "kind": "human", "who": who}
        if accounts and name in accounts:
            rows["account"] = accounts[name]
        stem = slug(name)
        if stem != name:
            stem = f"{stem or 'coder'}-{sha256_bytes(name.encode())[:6]}"
        text = "".join(f"{key} = {toml_text(value)}\n" for key, value in rows.items())
        write_text(coders_folder(study) / f"{stem}.toml", text)
