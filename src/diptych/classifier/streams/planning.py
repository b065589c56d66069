"""A long job's plan: which inputs, what they hold, where their parts begin, and which columns come out."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.classifier.streams.batches import Options, Predictor
from diptych.classifier.streams.inputs import Source
from diptych.classifier.streams.reading import Cut, Reader, block_size, file_reject, text_table
from diptych.errors import DocumentError, RecordError
from diptych.exchange.batches import Batch, Dicts, Place
from diptych.exchange.blocks import Blocks, Supply
from diptych.exchange.opening import is_address, open_raw

if TYPE_CHECKING:
    from diptych.exchange.parquet_out import ParquetLines

PART_ROWS = 1 << 16
_HEAD = 1 << 16  # bytes at either end of a file that tell it from others


def identity(source: Source) -> dict[str, Any]:
    """Return what tells an input from another, and from itself once it is changed."""
    known: dict[str, Any] = {"name": source.name, "kind": source.kind, "label": source.label}
    try:
        if is_address(source.path):
            return known | _stored(source.path)
        path = Path(source.path)
        about = path.stat()
        with path.open("rb") as stream:
            ends = stream.read(_HEAD)
            stream.seek(max(0, about.st_size - _HEAD))
            ends += stream.read(_HEAD)
    except OSError:
        return known  # it cannot be read, which its part will say
    return known | {
        "size": about.st_size,
        "changed": about.st_mtime_ns,
        "ends": hashlib.sha256(ends).hexdigest()[:16],
    }


def _stored(address: str) -> dict[str, Any]:
    import fsspec

    try:
        about = fsspec.open(address).fs.info(address)
    except Exception:  # noqa: BLE001 - not every store knows; opening it will say what is wrong
        return {}
    kept = ("size", "etag", "ETag", "mtime", "created", "last_modified", "LastModified")
    return {key: str(about[key]) for key in kept if about.get(key) is not None}


def plan(
    sources: Sequence[Source], predictor: Predictor, form: str, part_rows: int, *, apart: bool = False
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Look at every input: return, for each, its parts; and what the output is made of.

    Returns
    -------
    list of dict
        path, kind, label, name; `cuts` (offset and line at which each part begins, and where the last ends; None where
        parts come one after the other), `header` of CSV, `fault` where it cannot be read.
    dict
        `columns` of the input, and for Parquet their `kinds` or `schema`.

    Other Parameters
    ----------------
    apart : bool
        Whether parts are to be done by several: then all inputs are cut before they begin.

    Raises
    ------
    RecordError, DocumentError
        If the only input cannot be read.
    UsageError
        If a column of an input is also one that is to be added.
    """
    found = []
    output: dict[str, Any] = {}
    for source in sources:
        known: dict[str, Any] = {"name": source.name, "kind": source.kind, "label": source.label, "path": source.path}
        try:
            header, rows = _probe(source, predictor, part_rows, wanted=not output)
            if rows is not None and not output:
                output = output_of(rows, form)
            found.append({**known, "cuts": _cuts(source, predictor.options, part_rows, apart=apart), "header": header})
        except (DocumentError, RecordError) as error:
            if len(sources) == 1:
                raise
            found.append({**known, "cuts": [], "header": [], "fault": file_reject(source.name, error).reason})
    return found, output or {"columns": []}


def _probe(source: Source, predictor: Predictor, part_rows: int, *, wanted: bool) -> tuple[list[str], Batch | None]:
    """Read the beginning of a table, up to the first good rows if they are wanted: its header, and these rows."""
    if not source.is_table:
        return [], _passages(predictor.options) if wanted else None
    with Reader(source, predictor.options, part_rows=part_rows) as reader:
        first = True
        for batch in reader.batches():
            names = batch.names()
            good, _ = predictor.sift(batch, source.name, first=first)
            first = first and not names
            if len(good) or (names and not wanted):
                return list(reader.columns), good if len(good) else None
        return list(reader.columns), None


def _passages(options: Options) -> Batch:
    """A row as passages of documents have it."""
    return Dicts([{"document": "", "passage": "", "start": 0, "end": 0, options.text_column: ""}], [1])


def output_of(rows: Batch, form: str) -> dict[str, Any]:
    """Say which columns the first good rows have, and for Parquet their types."""
    columns = list(next(iter(rows.names())))
    if form != "parquet":
        return {"columns": columns}
    from diptych.exchange.arrow_batches import Columns
    from diptych.exchange.parquet_out import kinds_of

    if isinstance(rows, Columns):
        schema = rows.table.schema.remove_metadata()
        return {"columns": columns, "schema": base64.b64encode(schema.serialize()).decode()}
    columns = list(dict.fromkeys(name for names in rows.names() for name in names))
    return {"columns": columns, "kinds": kinds_of(rows.dicts(), columns)}


def _cuts(source: Source, options: Options, part_rows: int, *, apart: bool) -> list[list[int]] | None:
    """Where the parts of an input begin, and the last one ends; None where reading cannot begin anywhere."""
    if not source.seekable or (source.kind in {"csv", "tsv"} and not apart):
        return None  # to find the rows of CSV, all of it must be read
    if source.kind == "parquet":
        with Reader(source, options) as reader:
            table = reader.arrow(Cut(Place())).table
            sizes = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
        return _grouped(sizes, part_rows)
    found, rows, line = [[0, 0]], 0, 0
    with open_raw(source.path) as stream:
        supply = Supply(stream)
        size = block_size(part_rows)
        if source.kind == "jsonl":
            blocks = Blocks(supply, size)
            for block in blocks:
                number = 1 if block.long else block.data.count(b"\n") + (not block.data.endswith(b"\n"))
                line += number
                rows += number
                if rows >= part_rows:
                    found.append([supply.taken - blocks.waiting, line])
                    rows = 0
        else:
            table = text_table(supply, source, size=size)
            for batch in table:
                rows += len(batch) + len(batch.rejects)
                line = table.place.line
                if rows >= part_rows:
                    found.append([table.place.offset, line])
                    rows = 0
        end = supply.taken
    if found[-1][0] < end:
        found.append([end, line])
    return found


def _grouped(sizes: Sequence[int], part_rows: int) -> list[list[int]]:
    """Row groups, taken together until they hold enough rows."""
    found, rows, line = [[0, 0]], 0, 0
    for group, size in enumerate(sizes, 1):
        rows += size
        line += size
        if rows >= part_rows or group == len(sizes):
            found.append([group, line])
            rows = 0
    return found


def cut_of(known: Mapping[str, Any], part: int, place: Place, part_rows: int) -> Cut:
    """Return a part of an input, as it was planned; `place` is where it begins if parts follow one another."""
    cuts = known["cuts"]
    if cuts is None:
        return Cut(place, rows=part_rows)
    return Cut(Place(*cuts[part]), end=cuts[part + 1][0])


def parquet_lines(output: Mapping[str, Any], predictor: Predictor | None) -> ParquetLines:
    """Return what turns batches into tables of Arrow."""
    import pyarrow as pa

    from diptych.exchange.parquet_out import ParquetLines, schema_of

    kinds = output.get("kinds", {})
    own = (
        pa.ipc.read_schema(pa.py_buffer(base64.b64decode(output["schema"]))) if "schema" in output else schema_of(kinds)
    )
    json_columns = [name for name, kind in kinds.items() if kind == "json"]
    return ParquetLines(
        own, json_columns, schema_of(dict(zip(predictor.names, predictor.kinds, strict=True)) if predictor else {})
    )
