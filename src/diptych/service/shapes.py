"""The JSON that the API takes and gives, as OpenAPI describes it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_STRICT = ConfigDict(extra="forbid", strict=True)
Text = Annotated[str, Field(min_length=1, examples=["Moscow fears for its gas exports to China."])]


class Passage(BaseModel):
    """One passage to be classified."""

    model_config = _STRICT
    text: Text
    id: str | int | None = Field(None, description="Comes back with the answer.")


class ClassifyRequest(BaseModel):
    """One passage or many; give `text`, `texts` or `passages`."""

    model_config = _STRICT | ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "Moscow fears for its gas exports to China."},
                {"passages": [{"id": 7, "text": "Beijing counts on the northern pipeline."}], "probabilities": True},
            ]
        }
    )
    text: Text | None = None
    texts: list[Text] | None = None
    passages: list[Passage] | None = None
    probabilities: bool = Field(default=False, description="Also the probability of every value.")
    explain: bool = Field(default=False, description="Also the words that moved every answer.")
    abstain: bool = Field(default=True, description="Leave a value null where the model abstains.")
    abstain_at: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, strict=False, description="The greatest share of wrong answers among those that are given."
    )


class Answer(BaseModel):
    """One facet's answer."""

    value: str | None = Field(description="Null where the model abstains.")
    p: float = Field(ge=0, le=1, description="Calibrated probability of the likeliest value.")
    abstains: bool
    probabilities: dict[str, float] | None = None
    moved: list[tuple[str, float]] | None = Field(
        None, description="Words, and by how much the probability falls without them."
    )


class Prediction(BaseModel):
    """What the model says of one passage."""

    id: str | int | None = None
    facets: dict[str, Answer]
    off_topic: bool
    language: str


class ClassifyResponse(BaseModel):
    """Predictions in the order of the passages."""

    model: str = Field(examples=["diptych-5d1c0ffee123"])
    predictions: list[Prediction]


class DocumentPassage(Prediction):
    """A passage of a document, and what the model says of it."""

    passage: str
    start: int
    end: int
    text: str


class DocumentResponse(BaseModel):
    """The passages of a document in reading order, and how many have which values."""

    model: str
    document: str
    notes: list[str]
    passages: list[DocumentPassage]
    summary: list[dict[str, Any]] = Field(description="Passages by value of the crossed facets.")


class ErrorDetail(BaseModel):
    """What is wrong, and what to do."""

    model_config = ConfigDict(extra="allow")
    status: int
    code: str
    message: str
    hint: str


class ErrorResponse(BaseModel):
    """Every error has this shape."""

    error: ErrorDetail
