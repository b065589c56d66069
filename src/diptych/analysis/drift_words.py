"""What is said of drift: advice on the whole, notes beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diptych.classifier.drift.profile import Profile
    from diptych.classifier.drift.watch import Watch

NO_PASSAGE = "there is no passage to compare"
NO_PROFILE = (
    "The model was trained before models kept a profile of their training passages, so only part can be told: "
    "train it again (`diptych train`)."
)
CODE = "`diptych ingest` them, code a sample (`diptych sample --size N`)"
ADVICE = {
    "as training": "Neither words nor confidence set these passages apart from training's: expect answers about as "
    "good as `diptych evaluate` says. A coded sample (`diptych sample`) can show what they cannot.",
    "too few to tell": "These are too few passages, here or in training, to tell a shift from chance: look at the "
    "passages furthest out one by one, or add texts.",
    "somewhat outside": f"Do not count the answers as they stand: {CODE}, see how many are right, and correct shares "
    "by it (`diptych coverage --source corrected`).",
    "far outside": f"Do not believe the answers here: {CODE}, the passages furthest out among them, and train again "
    "on it before anything is counted.",
    "cannot be told": "",
}
CONTENT = (
    "Values and parties: a shift may be a real difference of what the texts say, which is a finding and no fault; "
    "it does not count in the whole. Answers are compared with answers to training passages by models that had not "
    "seen them, since answers differ from gold labels even where nothing has shifted; gold stands beside."
)
NOISE = (
    "Noise: what chance alone exceeds in any of the {rows} rows in one of 20 comparisons, passages taken as "
    "independent; with few documents chance does more."
)
SURER = (
    "The model is surer here, or knows more words, than on the training passages it had not seen: are these texts "
    "that it was trained on?"
)


def advice(verdict: str) -> str:
    """Return the sentence on what to do."""
    return ADVICE[verdict]


def notes(new: Watch, profile: Profile | None, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the sentences that must stand beside the rows."""
    found = []
    told = sum(row["shift"] is not None for row in rows)
    if told:
        found.append(NOISE.format(rows=told))
    if profile:
        found.append(CONTENT)
    if not new.answered:
        found.append(
            "Every passage is off topic or in another language: the model answers none of them, so that confidence "
            "and values cannot be told."
        )
    elif new.answered < new.passages:
        found.append(f"Confidence and values: of the {new.answered} of {new.passages} passages that the model answers.")
    high = [row for row in rows if row["measure"] in ("known", "confidence") and (row["shift"] or 0) >= 0.42]
    if any(row["shift"] > row["noise"] for row in high):
        found.append(SURER)
    if new.repeats.repeated > 0.05 * new.passages:
        found.append("Repeated passages count as often as they stand; take them out before anything is counted.")
    if not new.repeats.exact:
        found.append("Exact repeats are estimated from a part of the passages.")
    if new.unknown.low_by:
        found.append(f"Counts of unknown words are too low by at most {new.unknown.low_by}.")
    return found
