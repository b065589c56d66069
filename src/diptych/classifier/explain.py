"""Which words and sentences moved an answer: what changes when each is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diptych.classifier.analyser import words
from diptych.classifier.score import Scorer, calibrated
from diptych.classifier.sentences import sentences

LONGEST = 20_000  # letters that are looked at; a passage is far shorter
TRIED = 300  # words, and sentences, that are left out one by one: the first of a longer text
TOP = 6


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moved one facet's answer.

    Attributes
    ----------
    facet, value : str
    p : float
    words : tuple of (word, change)
        By how much the answer's probability falls (above 0: the word speaks for it) without the word.
    sentences : tuple of (sentence, change)
    """

    facet: str
    value: str
    p: float
    words: tuple[tuple[str, float], ...]
    sentences: tuple[tuple[str, float], ...]


def explain(scorer: Scorer, text: str, *, top: int = TOP) -> list[Explanation]:
    """Explain the answer to every facet by leaving out words and sentences, one at a time.

    Parameters
    ----------
    scorer : Scorer
    text : str
        Of a longer one than a passage, the beginning is explained.
    top : int
        How many words are named.

    Notes
    -----
    Occlusion (Zeiler and Fergus 2014): exact for the model as it stands, whatever its terms are. A word that
    stands more than once is left out everywhere.
    """
    prediction = scorer.predict([text])[0]
    part = text if len(text) <= LONGEST else text[:LONGEST].rsplit(maxsplit=1)[0]
    pieces = [(" ".join(words(piece)), piece) for piece in part.split()]
    room = max(1, min(TRIED, 4_000_000 // max(len(part) ** 2 // 50, 1)))  # a long text has few words tried
    found = list(dict.fromkeys(name for name, _ in pieces if name))[:room]
    without_word = [" ".join(piece for name, piece in pieces if name != one) for one in found]
    lines = sentences(part)
    tried = lines[:room] if len(lines) > 1 else []
    without_sentence = [" ".join(lines[:i] + lines[i + 1 :]) for i in range(len(tried))]
    raw = np.array([scorer.scores(changed)[0] for changed in [part, *without_word, *without_sentence]])
    explanations = []
    for facet, values in scorer.weights.facets.items():
        value, p = prediction.best(facet)
        chances = calibrated(raw[:, scorer.places_of(facet)], scorer.limits, facet)[:, list(values).index(value)]
        fall = (chances[0] - chances[1:]).tolist()
        moved = sorted(zip(found, fall[: len(found)], strict=True), key=lambda pair: -abs(pair[1]))
        told = tuple(zip(tried, fall[len(found) :], strict=True))
        explanations.append(Explanation(facet, value, p, tuple(moved[:top]), told))
    return explanations
