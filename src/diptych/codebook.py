"""The schema as prose for coders."""

from __future__ import annotations

from collections.abc import Iterator

from diptych.schema import Facet, Schema, Value


def codebook_markdown(schema: Schema) -> str:
    """Return the codebook of a schema in Markdown.

    Examples
    --------
    >>> import diptych
    >>> print(codebook_markdown(diptych.Study.bundled().schema).splitlines()[0])
    # How Moscow and Beijing are said to see each other
    """
    return "\n".join(_lines(schema)) + "\n"


def _lines(schema: Schema) -> Iterator[str]:
    yield f"# {schema.title or schema.name}"
    yield ""
    yield f"Codebook {schema.reference} (structure {schema.structure_hash}, wording {schema.wording_hash})."
    if schema.about:
        yield ""
        yield schema.about
    yield ""
    yield f"**What is coded.** {schema.unit}"
    for facet in schema.asked:
        yield ""
        yield from _facet(facet)


def _facet(facet: Facet) -> Iterator[str]:
    yield f"## {facet.name}: {facet.question}"
    yield ""
    if facet.type == "multiple":
        yield "Several answers may hold at once."
        yield ""
    for number, rule in enumerate(facet.rules, 1):
        yield f"{number}. {rule}"
    if facet.rules:
        yield ""
    for value in facet.values:
        yield from _value(value)


def _value(value: Value) -> Iterator[str]:
    score = "" if value.score is None else f", score {value.score:+g}"
    key = f", key {value.hotkey}" if value.hotkey else ""
    yield f"- **{value.name}** (`{value.id}`{score}{key}): {value.definition}"
    for title, sentences in (
        ("Use when", value.use_when),
        ("Not when", value.avoid_when),
        ("Example", value.examples),
    ):
        for sentence in sentences:
            yield f"  - {title}: {sentence}"
