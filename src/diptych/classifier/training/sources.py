"""What a model is trained on: passages with gold labels, exemplars (written for training), the pool (others' texts).

Exemplars carry their text. The pool holds codings only; its texts belong to others and are read where they are
at hand, checked by hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from diptych.coding.gold import decide, gold_table, load_gold
from diptych.documents.passages import load_passages
from diptych.documents.text import has_word, is_damaged, text_hash
from diptych.errors import NotTrainedError, RecordError, SchemaError
from diptych.files import read_jsonl
from diptych.study import Study

EXEMPLAR_WEIGHT = 0.4  # by cross-validation on gold and the pool, .2 to 1 make no difference beyond noise
ADJUDICATOR = "adjudicator"
Part = Literal["training", "test"]
Progress = Callable[[str], None]


def training_table(study: Study, *, originals: bool = True, tell: Progress = lambda _: None) -> pd.DataFrame:
    """Return the passages that can train a model: text and gold label at hand, one column a facet.

    Parameters
    ----------
    study : Study
    originals : bool, default True
        Else the digests alone.
    tell : callable
        Called with sentences on the passages that teach nothing.

    Raises
    ------
    NotTrainedError
        If there is none.
    """
    passages = load_passages(study, originals=originals)
    gold = gold_table(load_gold(study), study.schema.facet_ids)
    if gold.empty:
        raise NotTrainedError("there is no gold label to learn from", hint="decide the disputes, then `diptych gold`")
    table = passages.merge(gold, left_on="passage", right_index=True)
    damaged = table["text"].map(is_damaged)
    known = table["text"].map(has_word)
    if lost := len(gold) - int((known | damaged).sum()):
        tell(f"{lost} of {len(gold)} coded passages have no text with a word at hand, and teach nothing")
    if damaged.any():
        tell(f"{int(damaged.sum())} of {len(gold)} coded passages hold a NUL character (damaged), and teach nothing")
    table = table[known & ~damaged].reset_index(drop=True)
    if table.empty:
        raise NotTrainedError(
            "no coded passage has a text at hand",
            hint="put the originals or digests beside the study, then `diptych ingest`",
        )
    return table


def uncoded_table(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Return the passages with a text at hand that are not in the training table."""
    passages = load_passages(study)
    teaches = passages["text"].map(has_word) & ~passages["text"].map(is_damaged)
    return passages[~passages["passage"].isin(table["passage"]) & teaches]


def exemplar_files(study: Study) -> list[Path]:
    """Where exemplars lie, one file a round."""
    return sorted((study.root / "annotations" / "exemplars").glob("*.jsonl"))


def pool_file(study: Study, part: Part) -> Path:
    """Where the codings of the pool lie."""
    return study.root / "annotations" / "pool" / f"{part}.jsonl"


def load_exemplars(study: Study) -> pd.DataFrame:
    """Return exemplars: passage (its id), text, source, group (their round) and one column a facet.

    A facet that fewer than two of three blind readers read as it was meant has no value.
    """
    rows = []
    for path in exemplar_files(study):
        for line, row in read_jsonl(path, required=("values", "disputed"), texts=("id", "text")):
            values = _values(row["values"], study, path, line)
            if not isinstance(row["disputed"], list):
                raise RecordError(f"{path.name}, line {line}: disputed is no list of facets")
            kept = {facet: None if facet in row["disputed"] else value for facet, value in values.items()}
            rows.append({"passage": row["id"], "text": row["text"], "source": "exemplar", "group": path.stem, **kept})
    return _frame(rows, study.schema.facet_ids)


def load_pool(study: Study, part: Part = "training") -> pd.DataFrame:
    """Return coded passages of other authors whose texts are at hand.

    Parameters
    ----------
    study : Study
    part : {'training', 'test'}

    Returns
    -------
    DataFrame
        passage, text, source, group (their document) and one column a facet: adjudicated, else what all coders
        say (no value where they differ). Empty where no text is at hand.

    Raises
    ------
    RecordError
        If a text is not the one that was coded, or a value is unknown.
    """
    path, texts = pool_file(study, part), pool_texts(study)
    if not texts or not path.exists():
        return _frame([], study.schema.facet_ids)
    rows = []
    for name, answers in pool_answers(study, part).items():
        if name not in texts:
            continue
        text, document = texts[name]["text"], texts[name]["document"]
        if {answer["sha256"] for answer in answers} != {text_hash(text)}:
            raise RecordError(f"{path.name}: the text of {name} is not the one that was coded")
        values = {}
        for facet in study.schema.facet_ids:
            judged = next(
                (a["values"][facet] for a in answers if a["coder"] == ADJUDICATOR and facet in a["values"]), None
            )
            plain = [a["values"][facet] for a in answers if a["coder"] != ADJUDICATOR and facet in a["values"]]
            decided = decide(plain, judged)
            values[facet] = decided[0] if decided else None
        rows.append({"passage": name, "text": text, "source": "pool", "group": document, **values})
    return _frame(rows, study.schema.facet_ids)


def pool_answers(study: Study, part: Part) -> dict[str, list[dict[str, Any]]]:
    """Return every coding of the pool by passage: id, sha256, coder, values."""
    path = pool_file(study, part)
    found: dict[str, list[dict[str, Any]]] = {}
    if path.exists():
        for line, row in read_jsonl(path, required=("values",), texts=("id", "sha256", "coder")):
            answers = found.setdefault(row["id"], [])
            if any(answer["coder"] == row["coder"] for answer in answers):
                raise RecordError(f"{path.name}, line {line}: {row['coder']} has coded {row['id']} twice")
            answers.append({**row, "values": _values(row["values"], study, path, line)})
    return found


def pool_texts(study: Study) -> dict[str, dict[str, Any]]:
    """Return the texts of the pool that are at hand: id → text, document."""
    found: dict[str, dict[str, Any]] = {}
    for name in study.settings.pool_texts:
        path = study.root / name
        if path.exists():
            for _, row in read_jsonl(path, texts=("id", "document", "text")):
                found[row["id"]] = row
    return found


def _values(values: Any, study: Study, path: Path, line: int) -> dict[str, str]:
    if not isinstance(values, dict):
        raise RecordError(f"{path.name}, line {line}: values are no table")
    try:
        return {study.schema.facet(facet).id: study.schema.facet(facet).value(v).id for facet, v in values.items()}
    except SchemaError as error:
        raise RecordError(f"{path.name}, line {line}: {error}", hint=error.hint) from error


def _frame(rows: list[dict[str, Any]], facets: Sequence[str]) -> pd.DataFrame:
    doubled = [name for name, count in Counter(row["passage"] for row in rows).items() if count > 1]
    if doubled:
        raise RecordError(f"{doubled[0]!r} stands twice among the texts to train on")
    return pd.DataFrame(rows, columns=["passage", "text", "source", "group", *facets])
