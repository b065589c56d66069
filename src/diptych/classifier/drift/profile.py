"""What drift is seen by: the profile of the training passages.

The profile stands on the model's card (`training.profile`) and holds counts and quantiles, no text. Its shares of
known words, answers and probabilities come from models that had not seen the passage: a model knows nearly every
word of its own training texts, so that any new text would look foreign beside them. The models of the folds have
seen a little less than the final one, which therefore knows slightly more words of new texts; with few training
passages that hides a small drift, and never makes one.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from diptych.classifier.drift.tally import Repeats
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.terms.analyser import words
from diptych.errors import ModelFormatError

if TYPE_CHECKING:
    import pandas as pd

    from diptych.classifier.scoring.persist import Model

FORMAT = 1
GRID = 101  # quantiles that are kept, in steps of one per cent
MOST = 100_000_000  # passages on a card
FEW_KNOWN = 5  # per cent of the training passages that know the fewest words
EVERY = ("known", "words", "confidence")  # what is told of every passage
COUNTS = ("off_topic", "foreign", "abstains", "repeats", "names_party")
_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"


@dataclass(frozen=True)
class FacetProfile:
    """A facet in the training passages.

    Attributes
    ----------
    gold, predicted : mapping of value to int
        Gold labels; answers by models that had not seen the passage.
    confidence : sequence of float
        Quantiles of the answers' probabilities.
    mean : float
        Their mean.
    """

    gold: Mapping[str, int]
    predicted: Mapping[str, int]
    confidence: Sequence[float]
    mean: float


@dataclass(frozen=True)
class Profile:
    """The training passages in figures.

    Attributes
    ----------
    passages : int
    languages : mapping of language to int
    counts : mapping of str to int
        Passages that are off_topic, in a foreign language, abstained on for either, exact repeats, or name a party.
    parties : mapping of party to int
        Passages that name it.
    quantiles : mapping of str to sequence of float
        At 0, 1, … 100 per cent, of the share of known words, length in words, and mean confidence over facets.
    means : mapping of str to float
    facets : mapping of facet to FacetProfile
    """

    passages: int
    languages: Mapping[str, int]
    counts: Mapping[str, int]
    parties: Mapping[str, int]
    quantiles: Mapping[str, Sequence[float]]
    means: Mapping[str, float]
    facets: Mapping[str, FacetProfile]

    @property
    def few_known(self) -> float:
        """The share of known words that 5 % of the training passages stay below."""
        return self.quantiles["known"][FEW_KNOWN]


def profile(
    table: pd.DataFrame,
    facets: Sequence[str],
    known: Sequence[float],
    crossfit: pd.DataFrame,
    limits: Limits,
    markers: Mapping[str, Sequence[str]] | None,
    languages: Sequence[str],
) -> dict[str, Any]:
    """Return the profile of the training passages as plain data, for `card["training"]["profile"]`.

    Parameters
    ----------
    table : DataFrame
        The n real passages: passage, text and one column a facet with the gold label or nothing.
    facets : sequence of str
    known : sequence of float, length n
        The share of each passage's words (0 to 1) that a model which had not seen it knows.
    crossfit : DataFrame
        passage, facet, value, p: what such models answer. Other passages in it are passed over.
    limits : Limits
    markers : mapping of party to names, optional
    languages : sequence of str, length n
        As :func:`~diptych.classifier.terms.language.language_of` returns them.
    """
    texts: list[str] = table["text"].tolist()
    names, repeats = Names(markers or {}), Repeats()
    named = [names.found(text) for text in texts]
    off_topic = [share < limits.least_known or share == 0 for share in known]
    foreign = [is_foreign(language, limits) for language in languages]
    judged = crossfit[crossfit["passage"].isin(table["passage"])]
    every = {
        "known": [float(share) for share in known],
        "words": [float(len(words(text))) for text in texts],
        "confidence": judged.groupby("passage", sort=False)["p"].mean().tolist(),
    }
    return {
        "format": FORMAT,
        "passages": len(texts),
        "languages": _plain(Counter(languages)),
        "counts": {
            "off_topic": sum(off_topic),
            "foreign": sum(foreign),
            "abstains": sum(a or b for a, b in zip(off_topic, foreign, strict=True)),
            "repeats": sum(repeats.add(text) for text in texts),
            "names_party": sum(map(bool, named)),
        },
        "parties": {party: sum(party in found for found in named) for party in names.parties},
        "quantiles": {name: _quantiles(values) for name, values in every.items()},
        "means": {name: round(float(np.mean(values)), 4) for name, values in every.items()},
        "facets": {facet: _facet_profile(table, judged, facet) for facet in facets},
    }


def _facet_profile(table: pd.DataFrame, judged: pd.DataFrame, facet: str) -> dict[str, Any]:
    mine = judged[judged["facet"] == facet]
    return {
        "gold": _plain(Counter(value for value in table[facet] if isinstance(value, str))),
        "predicted": _plain(Counter(mine["value"])),
        "confidence": _quantiles(mine["p"].tolist()),
        "mean": round(float(mine["p"].mean()), 4),
    }


def _plain(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: int(counts[name]) for name in sorted(counts)}


def _quantiles(values: Sequence[float]) -> list[float]:
    return [round(float(x), 4) for x in np.quantile(np.asarray(values, dtype=float), np.linspace(0, 1, GRID))]


def profile_of(model: Model) -> Profile | None:
    """Return the profile on a model's card; None where the model was trained without one.

    Raises
    ------
    ModelFormatError
        If it is damaged, or of another format.
    """
    raw = model.card.get("training", {}).get("profile")
    if raw is None:
        return None
    try:
        if raw["format"] != FORMAT:
            raise ValueError(f"format {raw['format']}, this diptych reads {FORMAT}")
        found = Profile(
            _count(raw["passages"]),
            _counts(raw["languages"]),
            {name: _count(raw["counts"][name]) for name in COUNTS},
            _counts(raw["parties"]),
            {name: _grid(raw["quantiles"][name]) for name in EVERY},
            {name: _finite(raw["means"][name]) for name in EVERY},
            {facet: _facet_of(raw["facets"][facet]) for facet in model.weights.facets},
        )
        if not found.passages:
            raise ValueError("no passages")
        if max([*found.counts.values(), *found.parties.values()]) > found.passages:
            raise ValueError("more than all passages")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFormatError(
            f"the model's profile of its training passages cannot be read ({type(error).__name__}: {error})",
            hint="train it again: `diptych train`",
        ) from error
    return found


def _facet_of(raw: Any) -> FacetProfile:
    predicted = _counts(raw["predicted"])
    if not sum(predicted.values()):
        raise ValueError("no answers")
    return FacetProfile(_counts(raw["gold"]), predicted, _grid(raw["confidence"]), _finite(raw["mean"]))


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ValueError(f"{value!r} is no count")
    return value


def _counts(raw: Any) -> dict[str, int]:
    return {str(name): _count(value) for name, value in raw.items()}


def _finite(value: Any) -> float:
    if not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _grid(raw: Any) -> list[float]:
    found = [_finite(value) for value in raw]
    if len(found) != GRID or found != sorted(found):
        raise ValueError("quantiles are not in order")
    return found


def rank(grid: Sequence[float], value: float) -> float:
    """Return where a value stands among the training passages: the share below it and half of those equal.

    Parameters
    ----------
    grid : sequence of float
        Quantiles at even steps from the least to the greatest.
    value : float

    Returns
    -------
    float
        0 to 1. Its mean over new passages, times two less one, is Cliff's delta of new against training.

    Examples
    --------
    >>> [rank([0.0, 0.5, 1.0], x) for x in (-1, 0.25, 0.5, 2)], rank([1.0, 1.0, 1.0], 1)
    ([0.0, 0.25, 0.5, 1.0], 0.5)
    """
    low, high, last = bisect_left(grid, value), bisect_right(grid, value), len(grid) - 1
    if high > low:
        return (low + high - 1) / 2 / last
    if low in (0, len(grid)):
        return float(low > 0)
    return (low - 1 + (value - grid[low - 1]) / (grid[low] - grid[low - 1])) / last


class Names:
    """The names by which texts call the parties of a schema, to see whether a text names them.

    Examples
    --------
    >>> names = Names({"port": ["harbour board", "port"], "town": ["council"]})
    >>> sorted(names.found("The Harbour  Board’s ports")), sorted(names.found("The port and the Council"))
    (['port'], ['port', 'town'])
    """

    def __init__(self, markers: Mapping[str, Sequence[str]]) -> None:
        named = {party: [name for name in listed if name.split()] for party, listed in markers.items()}
        self._patterns = {party: _pattern(listed) for party, listed in named.items() if listed}

    @property
    def parties(self) -> list[str]:
        """The parties that have names."""
        return list(self._patterns)

    def found(self, text: str) -> set[str]:
        """Return the parties that a text names."""
        plain = _folded(text)
        return {party for party, pattern in self._patterns.items() if pattern.search(plain)}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    """Names as a pattern: whole words, any blanks between them; Chinese and Japanese need no blanks around."""
    whole: list[str] = []
    wide: list[str] = []
    for name in map(_folded, names):
        inner = r"\s+".join(map(re.escape, name.split()))
        (wide if re.search(f"[{_WIDE}]", name) else whole).append(inner)
    return re.compile("|".join([*wide, rf"(?<!\w)(?:{'|'.join(whole)})(?!\w)"] if whole else wide))


def is_foreign(language: str, limits: Limits) -> bool:
    """Whether a text is in a language that the training passages are not in."""
    return bool(limits.languages) and language not in (*limits.languages, "und")
