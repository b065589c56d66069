"""The report's own words, in one file a language: `templates/text.<language>.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from diptych.errors import UsageError, nearest

ENGLISH = "text.en.toml"
PLURALS = ("one-other", "slavic", "none")
DIRECTIONS = ("ltr", "rtl")
Texts = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Catalogue:
    """Every sentence of the frame by its key; called with a key and what fills its gaps.

    Attributes
    ----------
    language : str
        As HTML names it.
    direction : {'ltr', 'rtl'}
    plural : {'one-other', 'slavic', 'none'}
        How a counted noun is chosen from its forms.
    texts : mapping of str to str, or to list of str
        A list holds the forms of a counted noun, `{n}` being the number.

    Examples
    --------
    >>> text = load_catalogue()
    >>> text("passages", n=1), text("passages", n=12)
    ('1 passage', '12 passages')
    """

    language: str
    direction: str
    plural: str
    texts: Texts

    def __call__(self, key: str, /, **gaps: Any) -> str:
        """Return the text of a key, its gaps filled."""
        text = self.texts[key]
        if isinstance(text, list):
            text = text[min(_form(int(gaps["n"]), self.plural), len(text) - 1)]
        return text.format(**gaps) if gaps else text

    def listed(self, parts: Sequence[str]) -> str:
        """Return “a”, “a and b”, or “a, b and c”."""
        if len(parts) < 2:
            return "".join(parts)
        return f"{', '.join(parts[:-1])} {self('and')} {parts[-1]}"


def _form(number: int, plural: str) -> int:
    """The place of the form that a number takes.

    >>> [_form(n, "slavic") for n in (1, 3, 5, 11, 21)], _form(5, "none")
    ([0, 1, 2, 2, 0], 0)
    """
    if plural == "none":
        return 0
    if plural == "one-other":
        return int(number != 1)
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else 2


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read a catalogue; what a translation leaves out stays English.

    Parameters
    ----------
    path : Path, optional
        A translation; default: the English one.

    Raises
    ------
    UsageError
        If the file is no such catalogue: it cannot be read, has a key that is not known, or a gap that is not filled.
    """
    english = _flat(tomllib.loads((files("diptych.report") / "templates" / ENGLISH).read_text(encoding="utf-8")))
    head = {name: str(english.pop(name)) for name in ("language", "direction", "plural")}
    if path is None:
        return Catalogue(**head, texts=english)
    try:
        given = _flat(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}", hint=f"a translation of {ENGLISH}: TOML, UTF-8") from error
    head |= {name: str(given.pop(name)) for name in head if name in given}
    for name, allowed in (("plural", PLURALS), ("direction", DIRECTIONS)):
        if head[name] not in allowed:
            raise UsageError(f"{path}: {name}: {head[name]!r}", hint=f"one of: {', '.join(allowed)}")
    if not re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", head["language"]):
        raise UsageError(f"{path}: language: {head['language']!r}", hint="a tag as HTML knows it: de, pt-BR, zh-Hant")
    for key, text in given.items():
        _check(path, key, text, english)
    return Catalogue(**head, texts={**english, **given})


def _check(path: Path, key: str, text: str | list[str], english: Texts) -> None:
    if key not in english:
        raise UsageError(f"{path}: unknown text {key!r}{nearest(key, english)}", hint=f"keys are those of {ENGLISH}")
    if isinstance(text, list) and not isinstance(english[key], list):
        raise UsageError(f"{path}: {key}: forms of a noun that is not counted", hint="write one text")
    allowed = _gaps(english[key])
    try:
        extra = _gaps(text) - allowed
    except ValueError as error:
        raise UsageError(f"{path}: {key}: {error}", hint="write {{ and }} for braces") from error
    if extra:
        names = ", ".join(sorted(allowed)) or "none"
        raise UsageError(f"{path}: {key}: nothing fills {{{min(extra)}}}", hint=f"gaps of this text: {names}")


def _gaps(text: str | list[str]) -> set[str]:
    """The gaps as they are written: `{n.real}`, `{n!r}` and `{n:>9}` are other gaps than `{n}`, and nothing fills them.

    >>> sorted(_gaps("{n} of {of:>9}"))
    ['n', 'of:>9']
    """
    from string import Formatter

    return {
        name + (f"!{how}" if how else "") + (f":{shape}" if shape else "")
        for part in (text if isinstance(text, list) else [text])
        for _, name, shape, how in Formatter().parse(part)
        if name is not None
    }


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}.")
        elif isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(v, str) for v in value)):
            found[f"{before}{name}"] = value
        else:
            raise ValueError(f"{before}{name}: {value!r} is no text, and no list of texts")
    return found
