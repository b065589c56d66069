"""Drift: where new texts leave the training texts, so that one knows whether a classifier's answers hold there.

Every row compares the new passages with the training passages, which models judged that had not seen them. How a
row is judged stands in :mod:`diptych.analysis.drift_verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from diptych.analysis.drift_verdicts import INSIDE, ORDER, THRESHOLDS, TOO_FEW, UNTOLD, Comparison, judge
from diptych.analysis.drift_words import NO_PASSAGE, NO_PROFILE, advice, notes
from diptych.analysis.measures import Floats, jensen_shannon, normalised, total_variation
from diptych.classifier.drift.profile import FEW_KNOWN, FacetProfile, Profile, profile_of
from diptych.classifier.drift.watch import Watch, watch
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.persist import Model
from diptych.errors import CodingError, UsageError

TOP = 20


def drift(
    rows: Iterable[tuple[str, str]], model: Model, *, abstain_at: float = 1.0, seed: int | None = None
) -> dict[str, Any]:
    """Say where new passages leave those a model was trained on.

    Parameters
    ----------
    rows : iterable of (id, text)
        Taken a few at a time; what is held does not grow with them.
    model : Model
    abstain_at : float, default 1.0
        The error rate, 0 to 1, at which abstaining is counted: see
        :func:`diptych.classifier.streams.rows.predict_rows`.
    seed : int, optional
        Default: the one the model was trained with.

    Returns
    -------
    dict
        Plain data: `passages`, `training_passages` (None without a profile), `answered` (on topic, in a language
        of training), `verdict`, `advice`, `notes`, `thresholds`; and as lists of rows `languages`, `rows`
        (part, measure, of, here, training, passages, training_passages, scale, shift, noise, verdict), `facets`
        (how far the answers lie from those in training and from gold), `values` (the distributions), `words`
        (the commonest the model does not know), `furthest` (the passages furthest out: read and code them next).

    Raises
    ------
    CodingError
        If there is no passage.
    UsageError
        If `abstain_at` lies outside 0 to 1.
    ModelFormatError
        If the model's profile is damaged.

    Examples
    --------
    >>> import diptych
    >>> found = diptych.drift(["Whisk the eggs with sugar until pale, then fold in the sifted flour."])
    >>> found["passages"], found["words"][0]["count"]
    (1, 1)
    """
    if not 0 <= abstain_at <= 1:
        raise UsageError(f"abstain_at {abstain_at} lies outside 0 to 1")
    profile = profile_of(model)
    least = model.scorer.least(abstain_at)
    new = watch(rows, model.scorer, profile, least)
    if not new.passages:
        raise CodingError(NO_PASSAGE, hint="name a file with texts in it")
    if seed is None:
        kept = model.card.get("training", {}).get("seed")
        seed = kept if isinstance(kept, int) and kept >= 0 else 0
    compared = [
        *_texts(new, profile),
        *_unanswered(new, profile, model.limits, least if abstain_at < 1 else {}),
        *_confidence(new, profile),
        *_content(new, profile),
    ]
    facets = [_facet(new, profile, facet, values) for facet, values in model.weights.facets.items()]
    compared += [found.pop("compared") for found in facets]
    judged = judge(compared, seed)
    whole = max((row["verdict"] for row in judged if row["part"] != "content"), key=ORDER.index)
    if profile is None and whole in (INSIDE, TOO_FEW):
        whole = UNTOLD
    for found in facets:
        (row,) = (row for row in judged if row["measure"] == "values" and row["of"] == found["facet"])
        found |= {"above_chance": row["shift"], "noise": row["noise"], "verdict": row["verdict"]}
    return {
        "passages": new.passages,
        "answered": new.answered,
        "training_passages": profile.passages if profile else None,
        "model": model.version,
        "verdict": whole,
        "advice": advice(whole) if profile else f"{NO_PROFILE} {advice(whole)}".strip(),
        "notes": notes(new, profile, judged),
        "thresholds": {
            name: {"scale": scale, "somewhat": low, "far": high} for name, (scale, low, high) in THRESHOLDS.items()
        },
        "languages": [
            {"language": name, "passages": count, "share": count / new.passages}
            for name, count in sorted(new.languages.items(), key=lambda item: (-item[1], item[0]))
        ],
        "rows": judged,
        "facets": facets,
        "values": [
            row for facet, values in model.weights.facets.items() for row in _values(new, profile, facet, values)
        ],
        "words": [{"word": word, "count": count} for word, count in new.unknown.top(TOP)],
        "furthest": [asdict(far) for far in new.furthest],
    }


# what is compared


def _delta(
    part: str,
    measure: str,
    of: str,
    sums: tuple[float, float],
    here: int,
    training: tuple[float, int] | None,
    side: int,
) -> Comparison:
    """A comparison of means by their ranks; `sums` are those of the values and of the ranks."""
    mean = sums[0] / here if here else None
    shift = 2 * sums[1] / here - 1 if here and training else None
    before, size = training or (None, 0)
    return Comparison(part, measure, of, "delta", mean, before, here, size, side, shift)


def _share(
    part: str, measure: str, of: str, kind: str, here: tuple[int, int], training: tuple[int, int] | None, side: int
) -> Comparison:
    """A comparison of shares: (passages, of how many)."""
    share = here[0] / here[1]
    if training is None:
        return Comparison(part, measure, of, kind, share, None, here[1], 0, side, None)
    before = training[0] / training[1]
    tables = tuple(np.array([hits, number - hits], dtype=float) for hits, number in (here, training))
    return Comparison(
        part, measure, of, kind, share, before, here[1], training[1], side, share - before, (tables[0], tables[1])
    )


def _texts(new: Watch, profile: Profile | None) -> list[Comparison]:
    n = new.passages

    def mean(measure: str, side: int) -> Comparison:
        training = (profile.means[measure], profile.passages) if profile else None
        return _delta("texts", measure, "", (new.sums[measure], new.ranks[measure]), n, training, side)

    def share(measure: str, kind: str, side: int) -> Comparison:
        training = (profile.counts[measure], profile.passages) if profile else None
        return _share("texts", measure, "", kind, (new.counts[measure], n), training, side)

    few = (round(FEW_KNOWN / 100 * profile.passages), profile.passages) if profile else None
    found = [
        mean("known", -1),
        *([_share("texts", "few_known", "", "few_known", (new.few_known, n), few, 1)] if profile else []),
        share("off_topic", "unanswered", 1),
        share("foreign", "unanswered", 1),
        mean("words", 0),
    ]
    return found + ([share("names_party", "share", 0)] if new.parties else [])


def _unanswered(new: Watch, profile: Profile | None, limits: Limits, least: Mapping[str, float]) -> list[Comparison]:
    """Abstaining: one row where all facets abstain alike, else one a facet, against the calibration passages."""
    n = new.passages
    if not least:
        training = (profile.counts["abstains"], profile.passages) if profile else None
        return [_share("confidence", "abstains", "", "unanswered", (new.counts["abstains"], n), training, 1)]
    found = []
    for facet, threshold in least.items():
        curve = limits.curves.get(facet, ())
        number = max((passages for _, passages, _ in curve), default=0)
        stand = max((passages for p, passages, _ in curve if p >= threshold), default=0)
        silent = (number - (number if threshold <= 0 else stand), number) if number else None
        found.append(_share("confidence", "abstains", facet, "share", (new.facets[facet].silent, n), silent, 1))
    return found


def _confidence(new: Watch, profile: Profile | None) -> list[Comparison]:
    found = []
    for facet, mine in new.facets.items():
        training = (profile.facets[facet].mean, sum(profile.facets[facet].predicted.values())) if profile else None
        sums = (mine.confidence, mine.ranks)
        found.append(_delta("confidence", "confidence", facet, sums, new.answered, training, -1))
    return found


def _content(new: Watch, profile: Profile | None) -> list[Comparison]:
    n, all_of_training = new.passages, profile.passages if profile else 0
    repeats = (profile.counts["repeats"], all_of_training) if profile else None
    found = [_share("content", "repeats", "", "unanswered", (new.repeats.repeated, n), repeats, 1)]
    for party, count in new.parties.items():
        training = (profile.parties[party], all_of_training) if profile and party in profile.parties else None
        found.append(_share("content", "names", party, "share", (count, n), training, 0))
    return found


def _facet(new: Watch, profile: Profile | None, facet: str, values: Iterable[str]) -> dict[str, Any]:
    """How far the answers lie from training's (made in the same way), and from its gold labels."""
    here = np.array([new.facets[facet].predicted[value] for value in values], dtype=float)
    empty = {"total_variation": None, "bits": None, "psi": None, "total_variation_gold": None, "bits_gold": None}
    plain = Comparison("content", "values", facet, "values", None, None, new.answered, 0, 1, None)
    if profile is None or not here.sum():
        return {"facet": facet, "passages": new.answered, **empty, "compared": plain}
    kept = profile.facets[facet]
    before = np.array([kept.predicted.get(value, 0) for value in values], dtype=float)
    gold = np.array([kept.gold.get(value, 0) for value in values], dtype=float)
    apart = total_variation(here, before)
    size = int(before.sum())
    compared = Comparison(
        "content", "values", facet, "values", None, None, new.answered, size, 1, apart, (here, before)
    )
    return {
        "facet": facet,
        "passages": new.answered,
        "total_variation": apart,
        "bits": float(jensen_shannon(here, before)),
        "psi": stability(here, before),
        "total_variation_gold": total_variation(here, gold),
        "bits_gold": float(jensen_shannon(here, gold)),
        "compared": compared,
    }


def stability(here: Floats, training: Floats) -> float | None:
    """Return the population stability index of counts; None where a value is missing on one side.

    Read in practice as: below .1 little, above .25 much, whatever the sample; in small ones chance alone gives
    about (values - 1) (1 / passages + 1 / training passages).

    Examples
    --------
    >>> round(stability(np.array([30.0, 70.0]), np.array([50.0, 50.0])), 4)
    0.1695
    >>> stability(np.array([0.0, 70.0]), np.array([50.0, 50.0])) is None
    True
    """
    some = (here > 0) | (training > 0)
    p, q = normalised(here[some]), normalised(training[some])
    if not (len(p) and (p > 0).all() and (q > 0).all()):
        return None
    return float(((p - q) * np.log(p / q)).sum())


def _values(new: Watch, profile: Profile | None, facet: str, values: Iterable[str]) -> list[dict[str, Any]]:
    mine: Mapping[str, int] = new.facets[facet].predicted
    kept = profile.facets[facet] if profile else FacetProfile({}, {}, (), 0.0)
    found = []
    for value in values:
        row: dict[str, Any] = {"facet": facet, "value": value}
        for name, counts in (("here", mine), ("training", kept.predicted), ("gold", kept.gold)):
            number = sum(counts.values())
            row[name] = counts.get(value, 0) if number else None
            row[f"share_{name}"] = counts.get(value, 0) / number if number else None
        found.append(row)
    return found
