"""Whatever a reader is given, it gives a result or an error of diptych's own: a seeded part, and what was found before.

benchmarks/fuzz.py tries a hundred thousand cases a reader; see fuzz_readers.py for what a case is.
"""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from diptych.errors import RecordError
from diptych.exchange.blocks import Supply
from diptych.exchange.csv_batches import CsvTable
from diptych.exchange.tables import read_table
from diptych.files import DEPTH
from fuzz_readers import DOCX, ODD, READERS, Edit, Reader, edited, model_parts, outcome, packed

NUMBER = b"9" * 5000
DEEP = b'{"a": ' + b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1)


def cases(reader: Reader) -> st.SearchStrategy[bytes]:
    """Small valid inputs with a few edits."""
    come = st.sampled_from(ODD + reader.words) | st.binary(max_size=4) | st.just(b"")
    edit = st.builds(Edit, st.floats(0, 1), st.sampled_from((0, 0, 1, 2, 8, 64)), come)
    return st.builds(edited, st.sampled_from(reader.seeds()), st.lists(edit, min_size=1, max_size=4))


@pytest.mark.parametrize("name", READERS)
def test_any_input_gives_a_result_or_an_error_of_diptychs_own(name: str):
    reader = READERS[name]

    @seed(1)
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases(reader))
    def check(case: bytes):
        outcome(reader, case)

    check()


@pytest.mark.parametrize("name", READERS)
def test_what_the_cases_begin_from_is_taken(name: str):
    reader = READERS[name]
    assert [outcome(reader, case) for case in reader.seeds()].count("taken") >= len(reader.seeds()) - 1


def task(**more: object) -> bytes:
    """A task of Label Studio with one annotation."""
    made = json.loads(READERS["label-studio"].seeds()[2])
    made[0]["annotations"][0] |= more
    return json.dumps(made).encode()


def suggested(result: object) -> bytes:
    return task(prediction={"result": result})


def misplaced() -> bytes:
    """A file whose first row names the fourth of three values."""
    stream = io.BytesIO()
    rows = pa.table({"id": [1, 2, 3], "text": ["a", "b", "c"]})
    pq.write_table(rows, stream, compression="none", use_dictionary=["text"], write_statistics=False)
    places = b"\x02\x03\x24"  # two bits each: 0, 1, 2
    assert stream.getvalue().count(places) == 1
    return stream.getvalue().replace(places, b"\x02\x03\x27")


FOUND = {
    # a number of thousands of digits is no TOMLDecodeError, but a ValueError all the same
    "settings, a number of 5,000 digits": ("settings", b't format = 1\nname = "a"\nseed = ' + NUMBER, "StudyError"),
    "settings, a name that no file has": ("settings", b't name = "a"\nschema = "' + b"a" * 300 + b'"', "StudyError"),
    "settings, a file elsewhere": (
        "settings",
        b't name = "a"\nschema = "schemas/harbour.yaml"\n[[documents]]\nid = "a"\nauthor = "A"\nfile = "../../a"',
        "StudyError",
    ),
    "schema, a key that is a list": ("schema", b"? [a, b]\n: c\n", "SchemaError"),
    "codings, nested deep": ("codings", b"c" + DEEP + b', "passage": "x"}', "RecordError"),
    "codings, a time before the calendar": (
        "codings",
        b'c{"passage": "a", "coder": "b", "facet": "f", "schema": {}, "origin": "", "at": "0001-01-01T00:00:00+14:00"}',
        "RecordError",
    ),
    "passages, endless offsets": (
        "codings",
        b'p{"passage": "a", "section": "", "spans": [[0, 1e999]], "words": 1, "sha256": "x"}',
        "RecordError",
    ),
    "gold, a value that is a list": (
        "codings",
        b'g{"passage": "a", "facet": "b", "value": [], "how": "x"}',
        "RecordError",
    ),
    "exemplars, an id that is a list": (
        "codings",
        b'e{"id": [], "text": "b", "values": {}, "disputed": []}',
        "RecordError",
    ),
    "exemplars, disputed is a number": (
        "codings",
        b'e{"id": "a", "text": "b", "values": {}, "disputed": 1}',
        "RecordError",
    ),
    "label studio, half a character": ("label-studio", b'[{"id": 1, "data": {"text": "\\ud800"}}]', "RecordError"),
    "label studio, an id of letters": ("label-studio", task(id="abc"), "taken"),
    "label studio, an account that is a list": ("label-studio", task(completed_by=[1]), "taken"),
    "label studio, annotations that are a number": (
        "label-studio",
        b'[{"id": 1, "data": {}, "annotations": 5}]',
        "taken",
    ),
    "label studio, a suggestion without a shape": ("label-studio", suggested(["x", 5, None]), "taken"),
    "label studio, a suggestion of one word": ("label-studio", suggested([{"value": {"choices": {"a": 1}}}]), "taken"),
    "label studio, a suggestion that is a text": ("label-studio", suggested("abc"), "taken"),
    "csv, a header that is not UTF-8": ("csv", b"id,text,\xff\n1,a,b\n", "taken"),
    "jsonl, lines on which a reader in C++ ended the process": (
        "jsonl",
        b'{"id": 1, "text": "The quay is old."}\n{"\x80\xde1, "t\x98\x9a\xdd\x8e\x8a\x9e\x86\xdbis o"{l\nd.{"id": "3", a": n\nnull}]}',
        "taken",
    ),
    "html, an instruction": ("html", b"<p>The quay is old.<?x?> A gull sits.", "taken"),
    "docx, packed by a method that fails": (
        "docx",
        b"\xff" + packed(DOCX, 14)[:600] + bytes(40) + packed(DOCX, 14)[640:],
        "DocumentError",
    ),
    "model, the head of an array is not closed": (
        "model",
        bytes([list(model_parts()).index("idf.npy")]) + b"\x93NUMPY\x01\x00\x0e\x00{'descr': '<f8\n",
        "ModelFormatError",
    ),
    "model, keys of two kinds": (
        "model",
        bytes([list(model_parts()).index("idf.npy")]) + b"\x93NUMPY\x01\x00\x0e\x00{'a': 1, 2: 3}\n",
        "ModelFormatError",
    ),
    "model, packed by a method that fails": (
        "model",
        b"\xff" + packed(model_parts(), 14)[:300] + bytes(80) + packed(model_parts(), 14)[380:],
        "ModelFormatError",
    ),
    "parquet, a place outside the dictionary": ("parquet", misplaced(), "RecordError"),
    "rest, half a character in an event": ("rest", b'\6\n{"action": "ANNOTATION\\ud800"}', "taken"),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_before_is_answered(name: str):
    reader, case, expected = FOUND[name]
    assert outcome(READERS[reader], case) == expected


def test_names_of_columns_that_are_not_utf8_are_refused_since_no_row_with_them_could_be_written():
    case = b"id,text,\xff\n1,a,b\n"
    for rows in (read_table(io.BytesIO(case), "a.csv", "csv"), CsvTable(Supply(io.BytesIO(case)), "a.csv")):
        with pytest.raises(RecordError, match=r"a\.csv:1: the names of the columns are not UTF-8 \(byte 8\)"):
            list(rows)
