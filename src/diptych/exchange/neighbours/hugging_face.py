"""A folder as Hugging Face's `datasets` loads it: README.md with its YAML, codings and passages as Parquet or JSONL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import yaml

from diptych.errors import RecordError
from diptych.exchange.neighbours.ground import Found, Ground, reject
from diptych.exchange.neighbours.material import Material, unlabel
from diptych.exchange.parquet import read_parquet
from diptych.exchange.tables import Reject, read_table, table_format
from diptych.files import Row, write_jsonl, write_text

CODING = ("passage", "coder", "role", "facet", "value", "confidence", "comment", "reason", "at")
PASSAGE = ("passage", "document", "author", "title", "year", "section", "words", "text", "source")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write(material: Material, folder: Path) -> int:
    """Write README.md, `data/codings` and `data/passages` into a folder; Parquet where pyarrow is. Return codings."""
    kind = "parquet" if find_spec("pyarrow") else "jsonl"
    tables = {
        "codings": ([{name: row[name] for name in CODING} for row in material.codings], CODING),
        "passages": ([{name: row.get(name) for name in PASSAGE} for row in material.passages], PASSAGE),
    }
    (folder / "data").mkdir()
    for name, (rows, columns) in tables.items():
        path = folder / "data" / f"{name}.{kind}"
        if kind == "parquet":
            _parquet(path, rows, columns)
        else:
            write_jsonl(path, rows)
    write_text(folder / "README.md", card(material, kind))
    return len(material.codings)


def _parquet(path: Path, rows: list[Row], columns: Iterable[str]) -> None:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    numbers = {"confidence": pa.float64(), "words": pa.int64(), "year": pa.int64()}
    whole = [{n: int(v) if n in ("words", "year") and v is not None else v for n, v in row.items()} for row in rows]
    fields = [(name, numbers.get(name, pa.string())) for name in columns]
    write_table(pa.Table.from_pylist(whole, schema=pa.schema(fields)), path)


def card(material: Material, kind: str) -> str:
    """Return the data set's card: what the Hub reads, then what people read. It names no licence: that is yours."""
    size = next((name for most, name in SIZES if len(material.codings) < most), "n>1M")
    head = {
        "pretty_name": material.title,
        "task_categories": ["text-classification"],
        "size_categories": [size],
        "configs": [
            {"config_name": name, "data_files": f"data/{name}.{kind}", "default": name == "codings"}
            for name in ("codings", "passages")
        ],
    }
    facets = [f"- `{f.id}`: {', '.join(f'`{value}`' for value in f.value_ids)}" for f in material.schema.facets]
    coders = sorted({f"`{row['coder']}`" for row in material.codings})
    said = [
        f"# {_line(material.title)}",
        (
            f"{len(material.codings)} codings of {len(material.passages)} passages by {', '.join(coders) or 'nobody'}, "
            f"with the codebook `{material.schema.reference}`. Texts: {material.texts}."
        ),
        "One row of `codings` is one answer: passage, coder, facet, value. The facets and their values:",
        "\n".join(facets),
        "Coders differ: aggregate them, do not count rows. Written by diptych; `diptych import hugging-face` reads it.",
    ]
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n" + "\n\n".join(said) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;")


def read(folder: Path, ground: Ground) -> Iterator[Found]:
    """Yield the answers of every table `codings*` of a folder, as `datasets` or the Hub name them, too."""
    if not folder.is_dir():
        raise RecordError(f"{folder} is no folder", hint="name the folder with README.md in it")
    tables = sorted(
        path
        for pattern in ("codings*", "codings/*")
        for path in folder.rglob(pattern)
        if path.suffix in (".parquet", ".jsonl", ".csv") and path.is_file() and _inside(path, folder)
    )
    if not tables:
        raise RecordError(f"{folder}: there is no table of codings", hint="expected data/codings.parquet or .jsonl")
    for path in dict.fromkeys(tables):
        with path.open("rb") as stream:
            kind = table_format(path.name)
            rows = (
                read_parquet(stream, path.name, ["passage"])
                if kind == "parquet"
                else read_table(stream, path.name, kind, ["passage"])
            )
            for line, row in rows:
                if isinstance(row, Reject):
                    yield line, row
                    continue
                try:
                    yield line, _answer(row, ground)
                except RecordError as error:
                    yield line, reject(line, error, row, path.name)


def _inside(path: Path, folder: Path) -> bool:
    """Whether a file lies in the folder, and is no link to one elsewhere."""
    return path.resolve().is_relative_to(folder.resolve())


def _answer(row: Row, ground: Ground) -> Row | None:
    found = {name: row[name] for name in CODING if row.get(name) not in (None, "")}
    if "facet" not in found and "label" in row:
        found["facet"], found["value"] = unlabel(row["label"], ground.schema)
    if "facet" not in found:
        facets = {facet: row[facet] for facet in ground.schema.facet_ids if row.get(facet)}
        return {**found, **facets, "passage": ground.passage(found)} if facets else None
    return {**found, "passage": ground.passage(found)} if found.get("value") else None
