"""Which words and sentences moved an answer: what changes when each is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diptych.classifier.scoring.limits import calibrated
from diptych.classifier.scoring.score import Scorer
from diptych.classifier.terms.analyser import KINDS, words
from diptych.classifier.terms.hashing import term_hashes
from diptych.classifier.terms.sentences import sentences

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


def explain(
    scorer: Scorer, text: str, *, top: int = TOP, tried: int = TRIED, by_sentence: bool = True
) -> list[Explanation]:
    """Explain the answer to every facet by leaving out words and sentences, one at a time.

    Parameters
    ----------
    scorer : Scorer
    text : str
        Of a longer one than a passage, the beginning is explained.
    top : int
        How many words are named.
    tried : int
        How many words are left out one by one, those whose own weight is largest; they cost the time of a prediction
        each.
    by_sentence : bool, default True
        Whether sentences are left out, too.

    Notes
    -----
    Occlusion (Zeiler and Fergus 2014): exact for the model as it stands, whatever its terms are. A word that
    stands more than once is left out everywhere.
    """
    prediction = scorer.predict([text])[0]
    part = text if len(text) <= LONGEST else text[:LONGEST].rsplit(maxsplit=1)[0]
    pieces = [(" ".join(words(piece)), piece) for piece in part.split()]
    room = max(1, min(TRIED, 4_000_000 // max(len(part) ** 2 // 50, 1)))  # a long text has few words tried
    found = _weightiest(scorer, list(dict.fromkeys(name for name, _ in pieces if name))[:room], tried)
    without_word = [" ".join(piece for name, piece in pieces if name != one) for one in found]
    lines = sentences(part)
    shortened = lines[:room] if by_sentence and len(lines) > 1 else []
    without_sentence = [" ".join(lines[:i] + lines[i + 1 :]) for i in range(len(shortened))]
    raw = np.array([scorer.scores(changed)[0] for changed in [part, *without_word, *without_sentence]])
    explanations = []
    for facet, values in scorer.weights.facets.items():
        value, p = prediction.best(facet)
        chances = calibrated(raw[:, scorer.places_of(facet)], scorer.limits, facet)[:, list(values).index(value)]
        fall = (chances[0] - chances[1:]).tolist()
        moved = sorted(zip(found, fall[: len(found)], strict=True), key=lambda pair: -abs(pair[1]))
        told = tuple(zip(shortened, fall[len(found) :], strict=True))
        explanations.append(Explanation(facet, value, p, tuple(moved[:top]), told))
    return explanations


def _weightiest(scorer: Scorer, names: list[str], number: int) -> list[str]:
    """Names of parties, then the words whose own coefficients differ most between values; in the order of the text."""
    if len(names) <= number:
        return names
    named = bool(scorer.analyser.parties.markers)
    spread = np.array([10.0 if named and scorer.analyser.read(name).names_party else 0.0 for name in names])
    for place, name in enumerate(names):
        found = scorer.places(term_hashes(KINDS[0], name.split()))
        rows = scorer.weights.coefficients[found[found >= 0]].astype(np.float64).sum(axis=0)
        if rows.size:
            spread[place] += sum(np.ptp(rows[scorer.places_of(facet)]) for facet in scorer.weights.facets)
    kept = np.sort(np.argsort(-spread, kind="stable")[:number])
    return [names[place] for place in kept]
