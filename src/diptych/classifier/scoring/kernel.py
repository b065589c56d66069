"""The scorer in C, where it was built; the same answers as the one in numpy, which is always there."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.scoring.score import KIND_WEIGHTS, RAREST, Weights
from diptych.classifier.terms.analyser import KINDS, Analyser
from diptych.classifier.terms.language import SMALL_WORDS, language_of
from diptych.classifier.terms.parties import ATTITUDES, JOINT, THIRD, VALUES

try:
    from diptych.classifier.scoring import _kernel as built
except ImportError:  # no compiler was there, or this is another Python: numpy scores
    _kernel: Any = None
else:
    _kernel = built

Floats = NDArray[np.float64]
LETTERS = (  # that are read in one byte beside ASCII, the most useful ones first
    "‘’“”–—…•€™‐‑‚„−μ⁄" + "".join(map(chr, range(0xA0, 0x100))) + "šŠžŽčČćĆłŁńŃśŚőŐěĚřŘ"
)
CLASSES = (*ATTITUDES, *VALUES, "contrast", "negation", THIRD, "office")  # a bit each, in the kernel's order


class Kernel:
    """A model compiled for C.

    Parameters
    ----------
    weights : Weights
    analyser : Analyser

    Raises
    ------
    OverflowError
        If the model has more values or parties than the kernel is made for.
    """

    def __init__(self, weights: Weights, analyser: Analyser) -> None:
        shares = None if weights.shares is None else np.ascontiguousarray(weights.shares, dtype=np.float64)
        idf = np.ascontiguousarray(weights.idf, dtype=np.float32)
        parties = _parties(analyser)
        self.values = weights.coefficients.shape[1]
        self._kernel: Any = _kernel.Kernel(
            hashes=np.ascontiguousarray(weights.hashes, dtype=np.uint64),
            idf=idf,
            rows=np.ascontiguousarray(weights.coefficients, dtype=np.float32),
            order=np.argsort(idf).astype(np.int32),
            intercepts=np.ascontiguousarray(weights.intercepts, dtype=np.float64),
            shares=shares,
            weights=tuple(KIND_WEIGHTS[kind] for kind in KINDS),
            rarest=RAREST,
            normalize=unicodedata.normalize,
            **parties,
            **_letters(128 - len(parties["parties"])),
            **_languages(),
        )

    def score(self, texts: Sequence[str]) -> tuple[Floats, Floats, NDArray[np.bool_], list[str]]:
        """Return scores (n, V), the share of known words (n,), whether a party is named (n,), and languages."""
        scores = np.empty((len(texts), self.values))
        known, named = np.empty(len(texts)), np.empty(len(texts), dtype=np.bool_)
        found = self._kernel.score(list(texts), scores, known, named)
        languages = [language_of(text) if one is None else one for one, text in zip(found, texts, strict=True)]
        return scores, known, named, languages


def kernel_of(weights: Weights, analyser: Analyser) -> Kernel | None:
    """Return the model compiled for C, or None where C cannot score it."""
    if _kernel is None:
        return None
    try:
        return Kernel(weights, analyser)
    except OverflowError:
        return None


def _parties(analyser: Analyser) -> dict[str, Any]:
    """The names of parties and the words of attitude, as numbers."""
    parties = analyser.parties
    listed = list(parties.markers)
    joint = listed.index(JOINT) if JOINT in listed else len(listed)
    everyone = listed if JOINT in listed else [*listed, JOINT]
    tokens = [f"<{party}>" for party in everyone]
    order = sorted(range(len(tokens)), key=tokens.__getitem__)
    bits = {name: 1 << place for place, name in enumerate(CLASSES)}
    classes: dict[str, int] = {}
    for name, words in parties.words.items():
        for word in words:
            classes[word] = classes.get(word, 0) | bits.get(name, 0)
    return {
        "parties": tokens,
        "joint": joint,
        "own": [place for place, party in enumerate(listed) if party != JOINT],
        "rank": order,
        "names": {name: tokens.index(token) for name, token in parties.names.items()},
        "phrases": [(words, listed.index(party)) for words, party in parties.phrases],
        "classes": classes,
        "markers": bool(parties.markers),
    }


def _letters(most: int) -> dict[str, Any]:
    """Letters, and what each becomes by itself, normalised and case-folded."""
    letters = LETTERS[: max(most, 0)]
    return {"letters": letters, "folds": [unicodedata.normalize("NFKC", letter).casefold() for letter in letters]}


def _languages() -> dict[str, Any]:
    names = list(SMALL_WORDS)
    words: dict[str, int] = {}
    for place, name in enumerate(names):
        for word in SMALL_WORDS[name]:
            words[word] = words.get(word, 0) | 1 << place
    return {"languages": names, "small_words": words, "english": names.index("en")}
