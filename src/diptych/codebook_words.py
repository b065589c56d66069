"""The words that stand around a codebook's own text, for coders who read another language than English."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from diptych.errors import nearest
from diptych.records import REASONS

Word = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]


class Words(BaseModel):
    """What a coder reads besides the schema's own text; every word has an English default.

    Examples
    --------
    >>> Words(yes="ja", no="nein").yes, Words().use_when
    ('ja', 'Use when')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    yes: Word = Field("yes", title="label of an answer of a facet that takes several")
    no: Word = "no"
    not_so: Word = Field("Not", title="before the name of what does not hold")
    codebook: Word = "Codebook"
    unit: Word = "What is coded."
    several: Word = "Several answers may hold at once."
    use_when: Word = "Use when"
    avoid_when: Word = "Not when"
    example: Word = "Example"
    neighbours: Word = "The passages before and after (not to be coded)"
    before: Word = "Before"
    after: Word = "After"
    choose: Word = Field("Choose a value of", title="before the name of a facet that is not answered")
    unsure: Word = "Unsure"
    unsure_hint: Word = "I am not sure of these answers"
    wrong_unit: Word = "Wrong unit"
    wrong_unit_hint: Word = "This is not one body paragraph"
    comment: Word = "Comment (optional; Shift+Enter adds it)"
    answers: Word = "What the coders said"
    reason: Word = "Reason for the decision"
    choose_reason: Word = "Choose a reason for the decision"
    reasons: dict[str, Word] = Field({}, title="labels of the reasons an adjudicator gives")

    @model_validator(mode="after")
    def _known_reasons(self) -> Self:
        for name in self.reasons:
            if name not in REASONS:
                raise ValueError(f"unknown reason {name!r}{nearest(name, REASONS)}: one of {', '.join(REASONS)}")
        labels = [self.reasons.get(name, name) for name in REASONS]
        if len(set(labels)) < len(labels) or self.yes == self.no:
            raise ValueError("two answers have one label")
        return self
