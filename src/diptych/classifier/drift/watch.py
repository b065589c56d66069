"""The figures of a stream of new passages, beside those of the training passages, in a fixed room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from diptych.classifier.drift.profile import EVERY, Names, Profile, is_foreign, rank
from diptych.classifier.drift.tally import Commonest, Repeats
from diptych.classifier.scoring.score import Prediction, Scorer
from diptych.classifier.terms.analyser import KINDS, words
from diptych.classifier.terms.hashing import term_hashes

FURTHEST = 10
AT_ONCE = 64  # passages that are held for the scorer


@dataclass(frozen=True, slots=True)
class Far:
    """A passage far from the training passages: its figures, and where they stand among training's (0 to 1)."""

    id: str
    known: float
    known_rank: float | None
    confidence: float
    confidence_rank: float | None
    words: int
    language: str
    off_topic: bool

    @property
    def place(self) -> tuple[float, float, float]:
        """What passages are ordered by, furthest out first."""
        ranks = [found for found in (self.known_rank, self.confidence_rank) if found is not None]
        return (min(ranks, default=0.0), self.known, self.confidence)


@dataclass
class FacetWatch:
    """A facet in the passages that are answered."""

    predicted: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0
    ranks: float = 0.0
    silent: int = 0


class Watch:
    """The figures of new passages, one at a time, in a fixed room.

    Parameters
    ----------
    scorer : Scorer
    profile : Profile or None
        Of the training passages; without one there are no ranks.
    least : mapping of facet to float
        The least probability of an answer that may stand.

    Attributes
    ----------
    passages, answered : int
        All, and those the model does not abstain on as off topic or in another language.
    sums, ranks : dict of str to float
        Over passages, of what `EVERY` names (confidence: over those answered).
    few_known : int
        Passages with fewer known words than 95 % of the training passages.
    facets : dict of facet to FacetWatch
    """

    def __init__(self, scorer: Scorer, profile: Profile | None, least: Mapping[str, float]) -> None:
        self._profile, self._least, self._limits = profile, least, scorer.limits
        self._names = Names(scorer.analyser.parties.markers)
        self._is_known = lru_cache(maxsize=1 << 16)(
            lambda word: bool(scorer.places(term_hashes(KINDS[0], [word]))[0] >= 0)
        )
        self._seen, self._furthest = Repeats(), list[tuple[tuple[float, float, float], int, Far]]()
        self.unknown = Commonest()
        self.passages = self.answered = self.few_known = 0
        self.languages: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.parties: Counter[str] = Counter(dict.fromkeys(self._names.parties, 0))
        self.sums, self.ranks = dict.fromkeys(EVERY, 0.0), dict.fromkeys(EVERY, 0.0)
        self.facets = {facet: FacetWatch() for facet in scorer.weights.facets}

    def add(self, identifier: str, text: str, prediction: Prediction) -> None:
        """Take a passage in."""
        repeated, found, known = self._seen.add(text), words(text), round(prediction.known, 4)
        self.passages += 1
        self.languages[prediction.language] += 1
        self.unknown.add(word for word in found if not self._is_known(word))
        named = self._names.found(text)
        self.parties.update(named)
        foreign = is_foreign(prediction.language, self._limits)
        self.counts["names_party"] += bool(named)
        self.counts["off_topic"] += prediction.off_topic
        self.counts["foreign"] += foreign
        self.counts["abstains"] += prediction.abstains
        confidence = prediction.certainty
        self._take("known", known)
        self._take("words", len(found))
        if self._profile is not None:
            self.few_known += known < self._profile.few_known
        if not prediction.abstains:
            self.answered += 1
            self._take("confidence", confidence)
        for facet, (value, p) in prediction.best_by_facet.items():
            self._answer(facet, value, p, stands=not prediction.abstains)
        if not repeated:
            far = Far(
                identifier,
                known,
                self._rank("known", known),
                round(confidence, 4),
                self._rank("confidence", confidence),
                len(found),
                prediction.language,
                prediction.off_topic,
            )
            self._keep(far)

    def _take(self, name: str, value: float) -> None:
        self.sums[name] += value
        self.ranks[name] += self._rank(name, value) or 0.0

    def _rank(self, name: str, value: float) -> float | None:
        return None if self._profile is None else rank(self._profile.quantiles[name], round(value, 4))

    def _answer(self, facet: str, value: str, p: float, *, stands: bool) -> None:
        watch = self.facets[facet]
        watch.silent += not stands or p < self._least.get(facet, 0.0)
        if stands:
            watch.predicted[value] += 1
            watch.confidence += p
            if self._profile is not None:
                watch.ranks += rank(self._profile.facets[facet].confidence, round(p, 4))

    def _keep(self, far: Far) -> None:
        self._furthest.append((far.place, self.passages, far))
        if len(self._furthest) > 50 * FURTHEST:
            self._furthest = sorted(self._furthest, key=lambda item: item[:2])[:FURTHEST]

    @property
    def repeats(self) -> Repeats:
        """Exact repeats among the passages."""
        return self._seen

    @property
    def furthest(self) -> list[Far]:
        """The passages furthest out, no text twice."""
        return [far for *_, far in sorted(self._furthest, key=lambda item: item[:2])[:FURTHEST]]


def watch(
    rows: Iterable[tuple[str, str]], scorer: Scorer, profile: Profile | None, least: Mapping[str, float]
) -> Watch:
    """Return the figures of a stream of (id, text)."""
    found = Watch(scorer, profile, least)
    waiting = iter(rows)
    while part := list(islice(waiting, AT_ONCE)):
        for (identifier, text), prediction in zip(part, scorer.predict(text for _, text in part), strict=True):
            found.add(identifier, text, prediction)
    return found
