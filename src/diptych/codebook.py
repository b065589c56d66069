"""The schema as prose for coders."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from diptych.codebook_words import Words
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
    hashes = f"structure {schema.structure_hash}, wording {schema.wording_hash}"
    yield f"{schema.words.codebook} {schema.reference} ({hashes})."
    if schema.about:
        yield ""
        yield schema.about
    yield ""
    yield f"**{schema.words.unit}** {schema.unit}"
    for facet in schema.asked:
        yield ""
        yield from _facet(facet, schema.words)


def _facet(facet: Facet, words: Words) -> Iterator[str]:
    yield f"## {facet.name}: {facet.question}"
    yield ""
    if facet.type == "multiple":
        yield words.several
        yield ""
    for number, rule in enumerate(facet.rules, 1):
        yield f"{number}. {rule}"
    if facet.rules:
        yield ""
    for value in facet.values:
        yield from _value(value, words)


def _value(value: Value, words: Words) -> Iterator[str]:
    score = "" if value.score is None else f", score {value.score:+g}"
    key = f", key {value.hotkey}" if value.hotkey else ""
    yield f"- **{value.name}** (`{value.id}`{score}{key}): {value.definition}"
    for title, sentences in _advice(value, words):
        for sentence in sentences:
            yield f"  - {title}: {sentence}"


def _advice(value: Value, words: Words) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        (words.use_when, value.use_when),
        (words.avoid_when, value.avoid_when),
        (words.example, value.examples),
    )


def codebook_html(schema: Schema) -> str:
    """Return the codebook as plain HTML, for the instructions of a labelling tool."""
    return "".join(_html(schema))


def _html(schema: Schema) -> Iterator[str]:
    yield f"<h2>{escape(schema.title or schema.name)}</h2>"
    yield f"<p>{escape(schema.words.codebook)} {escape(schema.reference)}.</p>"
    if schema.about:
        yield f"<p>{escape(schema.about)}</p>"
    yield f"<p><b>{escape(schema.words.unit)}</b> {escape(schema.unit)}</p>"
    for facet in schema.asked:
        yield f"<h3>{escape(facet.name)}: {escape(facet.question)}</h3>"
        if facet.type == "multiple":
            yield f"<p>{escape(schema.words.several)}</p>"
        if facet.rules:
            yield "<ol>" + "".join(f"<li>{escape(rule)}</li>" for rule in facet.rules) + "</ol>"
        yield "<ul>"
        for value in facet.values:
            yield f"<li><b>{escape(value.name)}</b>: {escape(value.definition)}"
            for title, sentences in _advice(value, schema.words):
                for sentence in sentences:
                    yield f"<br><i>{escape(title)}:</i> {escape(sentence)}"
            yield "</li>"
        yield "</ul>"
