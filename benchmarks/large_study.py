"""Synthetic studies of any size, for measuring growth: the codings of two coders, and a classifier's predictions.

    python benchmarks/large_study.py DIR --codings 1000000     # a study: two coders, one answer a passage and facet
    python benchmarks/large_study.py FILE.parquet --rows 100000000   # predictions, as `diptych classify` writes them

All of it is drawn by a seed; there is no text in it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

VALUES = {
    "view": ("north", "south", "both", "neither"),
    "topic": ("trade", "safety", "nature", "people", "other"),
    "tone": ("good", "fair", "poor", "none"),
}
SCORES = {"good": 1, "fair": 0, "poor": -1}
AUTHORS = ("A. Noor", "B. Vale", "C. Wren", "D. Yew")
A_DOCUMENT = 250  # passages
RIGHT = 0.8  # how often a coder, or the classifier, gives the true value
AT = "2026-11-21T00:00:00+00:00"


def schema_text() -> str:
    """Return a schema of three facets as JSON, which is YAML."""
    facets: list[dict[str, Any]] = []
    for facet, values in VALUES.items():
        rows = [{"id": v, "definition": f"It is {v}."} | ({"score": SCORES[v]} if v in SCORES else {}) for v in values]
        scale = "ordinal" if facet == "tone" else "nominal"
        facets.append({"id": facet, "question": f"Which {facet}?", "scale": scale, "values": rows})
    return json.dumps({"format": 1, "name": "large", "version": "1.0.0", "cross": ["view", "topic"], "facets": facets})


def truth(passages: int, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return the true value of every passage, as its place; authors and documents differ."""
    rng = np.random.default_rng(seed)
    document = np.arange(passages) // A_DOCUMENT
    found = {}
    for facet, values in VALUES.items():
        lean = rng.dirichlet(np.full(len(values), 3.0), size=document[-1] + 1)
        reach = np.cumsum(lean, axis=1)[document]
        found[facet] = np.minimum((rng.random(passages)[:, None] > reach).sum(axis=1), len(values) - 1)
    return found


def noisy(true: np.ndarray[Any, Any], values: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return what somebody says of true values who is right with chance `RIGHT`."""
    return np.asarray(np.where(rng.random(len(true)) < RIGHT, true, rng.integers(0, values, len(true))))


def make_study(folder: Path, codings: int, seed: int = 1) -> Path:
    """Make a study of so many codings: two coders, three facets, four authors, documents of 250 passages."""
    from diptych.schema import Schema

    passages = max(8, codings // (2 * len(VALUES)))
    (folder / "schemas").mkdir(parents=True)
    (folder / "schemas" / "schema.yaml").write_text(schema_text(), encoding="utf-8")
    (folder / "annotations" / "codings").mkdir(parents=True)
    (folder / "seeds").mkdir()
    schema = Schema.load(folder / "schemas" / "schema.yaml")
    number = -(-passages // A_DOCUMENT)
    lines = ["format = 1", 'name = "large"', f"seed = {seed}", 'schema = "schemas/schema.yaml"']
    for i in range(number):
        lines += ["", "[[documents]]", f'id = "d{i:06d}"', f'author = "{AUTHORS[i % len(AUTHORS)]}"']
        rows = (
            {
                "format": 1,
                "passage": f"d{i:06d}:{k:03d}",
                "section": f"{k // 25}",
                "spans": [[k * 100, k * 100 + 99]],
                "words": 20 + k % 60,
                "sha256": "0" * 64,
            }
            for k in range(min(A_DOCUMENT, passages - i * A_DOCUMENT))
        )
        path = folder / "seeds" / f"d{i:06d}.passages.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "study.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    true, rng = truth(passages, seed), np.random.default_rng(seed + 1)
    stamp = json.dumps({"name": schema.reference, "structure": schema.structure_hash, "wording": schema.wording_hash})
    for coder in ("first", "second"):
        said = {facet: noisy(true[facet], len(values), rng) for facet, values in VALUES.items()}
        with (folder / "annotations" / "codings" / f"{coder}.jsonl").open("w", encoding="utf-8") as stream:
            for i in range(passages):
                name = f"d{i // A_DOCUMENT:06d}:{i % A_DOCUMENT:03d}"
                for facet, values in VALUES.items():
                    stream.write(
                        f'{{"format": 1, "passage": "{name}", "coder": "{coder}", "facet": "{facet}", '
                        f'"value": "{values[said[facet][i]]}", "schema": {stamp}, "at": "{AT}", '
                        f'"origin": "benchmark", "status": "coded", "suggestion": null}}\n'
                    )
    return folder


def prediction_batches(rows: int, seed: int = 1, size: int = 250_000) -> Iterator[dict[str, Any]]:
    """Yield columns as `diptych classify` writes them, a batch at a time (documents run through)."""
    rng = np.random.default_rng(seed)
    for start in range(0, rows, size):
        number = min(size, rows - start)
        document = (start + np.arange(number)) // A_DOCUMENT
        said = truth(number, seed + start)
        batch: dict[str, Any] = {
            "document": np.char.add("d", document.astype(str)),
            "author": np.array(AUTHORS)[document % len(AUTHORS)],
        }
        for facet, values in VALUES.items():
            silent = rng.random(number) < 0.05
            given = np.array(values)[noisy(said[facet], len(values), rng)]
            batch |= {facet: np.where(silent, "", given), f"{facet}_p": np.round(rng.random(number), 4)}
            batch[f"{facet}_abstain"] = silent
        yield batch | {"off_topic": np.zeros(number, bool), "language": np.full(number, "en")}


def write_predictions(path: Path, rows: int, seed: int = 1) -> Path:
    """Write a Parquet file of so many predictions."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    writer = None
    for batch in prediction_batches(rows, seed):
        table = pa.table(batch)
        writer = writer or ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("--codings", type=int)
    parser.add_argument("--rows", type=int)
    given = parser.parse_args()
    if given.codings:
        print(make_study(given.place, given.codings))
    if given.rows:
        print(write_predictions(given.place, given.rows))
