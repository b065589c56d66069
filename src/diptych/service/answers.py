"""Predictions as JSON: of passages, of a document, and counted by the crossed facets."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from diptych.classifier.scoring.explain import explain
from diptych.classifier.scoring.score import Scorer
from diptych.documents.text import has_word
from diptych.schema import Schema
from diptych.service.problems import Problem
from diptych.service.serving import Served
from diptych.service.settings import Bounds
from diptych.service.work import Work

TRIED = 24  # words of a passage that are left out, one by one
Row = dict[str, Any]


def check_passage(text: str, bounds: Bounds, where: str) -> None:
    """Refuse a passage that is too long, or cannot be classified."""
    if len(text) > bounds.letters:
        said = f"{where} holds {len(text)} characters, and {bounds.letters} are allowed"
        raise Problem(413, said, hint="send a document to /v1/documents, which cuts it", limit=bounds.letters)
    check_text(text, where)


def check_text(text: str, where: str) -> None:
    """Refuse a text that cannot be classified, or has nothing to read, however long it is."""
    if "\0" in text:
        raise Problem(422, f"{where} holds a NUL character", hint="it is damaged, or was UTF-16")
    if has_half(text):
        raise half_a_character(where)
    if not has_word(text):
        raise Problem(422, f"{where} holds no word")


def has_half(text: str) -> bool:
    """Whether a text holds half of a character, which JSON can say and UTF-8 cannot.

    >>> has_half("whole"), has_half(chr(0xD800))
    (False, True)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def half_a_character(where: str) -> Problem:
    """Refuse what could not be sent back."""
    return Problem(422, f"{where} holds half a character (a lone surrogate)", hint="send whole characters in UTF-8")


def answer_all(
    work: Work,
    scorer: Scorer,
    texts: Sequence[str],
    *,
    rate: float | None = 1.0,
    probabilities: bool = False,
    explained: bool = False,
) -> list[Row]:
    """Return what the model says of each text, within the time that a request may take.

    Parameters
    ----------
    work : Work
    scorer : Scorer
    texts : sequence of str
    rate : float, optional
        The greatest share of wrong answers among those that are given, 0 to 1; None: never abstain.
    probabilities, explained : bool
        Also the probability of every value, and the words that moved the answer.

    Raises
    ------
    Problem
        503 where the time is over.
    """
    least = None if rate is None else scorer.least(rate)
    return work.each(texts, lambda text: _answer(scorer, text, least, probabilities=probabilities, explained=explained))


def _answer(
    scorer: Scorer, text: str, least: Mapping[str, float] | None, *, probabilities: bool, explained: bool
) -> Row:
    """What the model says of one text; `least`: the least probability of an answer that may stand, if any abstains."""
    prediction = scorer.predict([text])[0]
    moved = {}
    if explained:
        moved = {one.facet: one.words for one in explain(scorer, text, tried=TRIED, by_sentence=False)}
    facets: dict[str, Row] = {}
    for facet, shares in prediction.probabilities.items():
        value, p = prediction.best(facet)
        silent = least is not None and (prediction.abstains or p < least[facet])
        facets[facet] = {"value": None if silent else value, "p": round(min(max(p, 0.0), 1.0), 4), "abstains": silent}
        if probabilities:
            facets[facet]["probabilities"] = {name: round(share, 4) for name, share in shares.items()}
        if explained:
            facets[facet]["moved"] = [(word, round(change, 4)) for word, change in moved.get(facet, ())]
    return {"facets": facets, "off_topic": prediction.off_topic, "language": prediction.language}


def answer_document(work: Work, served: Served, rows: Sequence[Row], *, explained: bool) -> Row:
    """Classify passages with their places, and count them by the crossed facets."""
    answers = answer_all(work, served.scorer, [row["text"] for row in rows], probabilities=True, explained=explained)
    places = [{key: row[key] for key in ("passage", "start", "end", "text")} for row in rows]
    passages = [{**place, **answer} for place, answer in zip(places, answers, strict=True)]
    return {"model": served.version, "passages": passages, "summary": summary(passages, crossed(served))}


def crossed(served: Served) -> list[str]:
    """Return the facets whose combinations are counted."""
    text = served.model.card.get("schema", {}).get("text")
    known = list(served.facets)
    if isinstance(text, dict):
        with contextlib.suppress(ValidationError):
            known = [facet.id for facet in Schema.model_validate(text).cells if facet.id in known] or known
    return known[:2]


def facet_names(served: Served) -> Row:
    """Return facet → its name, and its values' names, as the model's codebook says."""
    text = served.model.card.get("schema", {}).get("text")
    listed = text.get("facets", []) if isinstance(text, dict) else []
    return {
        facet["id"]: {
            "name": facet.get("label") or facet["id"].capitalize(),
            "values": {value["id"]: value.get("label") or value["id"] for value in facet.get("values", [])},
        }
        for facet in listed
    }


def summary(passages: Sequence[Mapping[str, Any]], facets: Sequence[str]) -> list[Row]:
    """Return how many passages have which values of the crossed facets; null where the model abstains.

    Examples
    --------
    >>> summary([{"facets": {"tone": {"value": "dull"}}}, {"facets": {"tone": {"value": "dull"}}}], ["tone"])
    [{'tone': 'dull', 'passages': 2}]
    """
    counts = Counter(tuple(passage["facets"][facet]["value"] for facet in facets) for passage in passages)
    order = sorted(counts, key=lambda values: (-counts[values], [value or "" for value in values]))
    return [dict(zip(facets, values, strict=True)) | {"passages": counts[values]} for values in order]
