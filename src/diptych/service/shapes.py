"""The JSON that the API takes and gives, as OpenAPI describes it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_STRICT = ConfigDict(extra="forbid", strict=True)
Text = Annotated[str, Field(min_length=1, examples=["The ministry fears for its exports of gas."])]


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
                {"text": "The ministry fears for its exports of gas."},
                {"passages": [{"id": 7, "text": "The port counts on the northern pipeline."}], "probabilities": True},
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

    facets: dict[str, Answer]
    off_topic: bool
    language: str


class PassagePrediction(Prediction):
    """What the model says of a passage of the request."""

    id: str | int | None = None


class ClassifyResponse(BaseModel):
    """Predictions in the order of the passages."""

    model: str = Field(examples=["5d1c0ffee123"])
    predictions: list[PassagePrediction]


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


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": said}
    for status, said in {
        400: "The body is no valid JSON or no valid form.",
        401: "The server wants its token.",
        403: "Another host or origin than this server's own.",
        408: "The body comes too slowly.",
        413: "More than the stated limit of bytes, passages or characters.",
        415: "Another kind of body.",
        422: "A value is not allowed, or a document cannot be read.",
        429: "More requests at once than are worked on.",
        503: "There is no model, or the work takes too long.",
    }.items()
}
CLASSIFY_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": ClassifyRequest.model_json_schema(ref_template="#/components/schemas/{model}")
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"text": "The ministry fears for its exports of gas."}\n',
            },
            "text/csv": {
                "schema": {"type": "string"},
                "example": "id,text\n1,The ministry fears for its exports of gas.\n",
            },
        },
    }
}
CLASSIFY_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}},
            "text/csv": {"schema": {"type": "string"}},
        }
    }
}
DOCUMENT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            }
        },
    }
}
TASKS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["tasks"],
                    "properties": {
                        "tasks": {
                            "type": "array",
                            "items": {"type": "object"},
                            "examples": [[{"data": {"text": "The ministry fears for its exports of gas."}}]],
                        },
                        "label_config": {"type": "string", "description": "Which facets and values are asked for."},
                    },
                }
            }
        },
    }
}


def object_body(example: dict[str, Any]) -> dict[str, Any]:
    """Describe a body that may be any JSON object."""
    return {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}, "example": example}}}}
