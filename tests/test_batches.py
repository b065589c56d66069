"""Tables read and written in batches: the same rows, rejects and bytes as row by row, in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.score import Scorer, Weights
from diptych.classifier.streams.batches import Options, Predictor
from diptych.classifier.streams.direct import write_batches
from diptych.classifier.streams.inputs import Source, sources_of
from diptych.classifier.streams.reading import Reader, sifted
from diptych.classifier.streams.rows import predict_rows, table_rows
from diptych.classifier.terms.analyser import Analyser
from diptych.errors import RecordError, UsageError
from diptych.exchange import json_batches, writers
from diptych.exchange.beside import AheadStream, Behind, ahead
from diptych.exchange.blocks import Blocks, Supply
from diptych.exchange.csv_batches import CsvTable
from diptych.exchange.json_batches import JsonTable
from diptych.exchange.opening import open_input
from diptych.exchange.tables import CsvWriter, JsonlWriter, Reject, read_table

HASHES = np.arange(1, 3, dtype=np.uint64)
WEIGHTS = Weights(
    hashes=HASHES,
    idf=np.ones(2, dtype=np.float32),
    coefficients=np.zeros((2, 5), dtype=np.float32),
    intercepts=np.array([0, 0.3, 0, 0.2, 0.1], dtype=np.float32),
    facets={"topic": ["=birds", 'a "b", c'], "tone": ["dull", "fond", "wry"]},
)


class Moody(Scorer):
    """Answers by the letters of a text: as many different probabilities as there are texts."""

    def score(self, texts):
        drawn = [np.random.default_rng(sum(map(ord, text))).normal(size=5) for text in texts]
        scores = np.array(drawn).reshape(len(texts), 5)
        return (
            scores,
            np.array([len(text) % 3 / 2 for text in texts]),
            np.ones(len(texts), dtype=bool),
            ["de" if "ö" in text else "en" for text in texts],
        )


SCORER = Moody(WEIGHTS, Limits(least_known=0.1, languages=("en",)), Analyser())


@pytest.fixture(autouse=True)
def _away(tmp_path, monkeypatch):
    """Where there is no study, the default model answers."""
    monkeypatch.chdir(tmp_path)


def by_row(data: bytes, kind: str, form: str, **options) -> tuple[str, list[tuple[int, str, str]]]:
    out = io.StringIO(newline="")
    writer = CsvWriter(out) if form == "csv" else JsonlWriter(out)
    rejects = []
    rows = table_rows(io.BytesIO(data), "in", kind, text_column="text", id_column=None)
    for row in predict_rows(rows, SCORER, **options):
        if isinstance(row, Reject):
            rejects.append((row.line, row.reason, row.row))
        else:
            writer.write(row)
    return out.getvalue(), rejects


def in_batches(path: Path, data: bytes, kind: str, form: str, part_rows: int = 1, **options):
    path.write_bytes(data)
    predictor = Predictor(SCORER, Options(**options))
    rejects: list[tuple[int, str, str]] = []
    with Reader(Source("in", kind, "in", str(path)), predictor.options, part_rows=part_rows) as reader:

        def found():
            for batch, texts in sifted(reader, predictor, several=False):
                rejects.extend((reject.line, reject.reason, reject.row) for reject in batch.rejects)
                if texts:
                    yield batch, predictor.predict(texts)

        out = io.StringIO(newline="")
        write_batches(found(), form, out, predictor)
    return out.getvalue(), rejects


TEXTS = st.text(alphabet='ab ö,"\n\r\t=+\\\x00 1é\u2028\x85\x1c港🚢', max_size=12)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("batches") / "table"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12), spoilt=st.integers(0, 300))
@settings(max_examples=60, deadline=None)
def test_csv_in_batches_is_csv_by_row(place, form, rows, spoilt):
    table = io.StringIO(newline="")
    writer = CsvWriter(table)
    for text, note in rows:
        writer.write({"text": text, "note": note})
    data = bytearray(table.getvalue().encode())
    if 12 < spoilt < len(data):
        data[spoilt] = 0xFF
    assert outcome(in_batches, place, bytes(data), "csv", form) == outcome(by_row, bytes(data), "csv", form)


VALUES = st.one_of(TEXTS, st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers(), max_size=2))
OBJECTS = st.dictionaries(st.sampled_from(["text", "n", "é", "="]), VALUES, max_size=4)
LINES = st.one_of(
    OBJECTS.map(lambda row: json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    OBJECTS.map(lambda row: json.dumps(row).encode()),
    TEXTS.map(lambda text: json.dumps({"text": "a" + text, "n": 1}).encode()),
    st.sampled_from(
        [b"", b"  ", b"[1]", b'{"text": "a"', b'{"text": "\xff"}', b'{"text": "\\ud800"}', b"\x85", b'{"text":"a"} \r']
    ),
)


@pytest.mark.parametrize("orjson", [True, False])
@given(lines=st.lists(LINES, min_size=1, max_size=12), end=st.booleans())
@settings(max_examples=80, deadline=None)
def test_json_in_batches_is_json_by_row_with_either_reader(place, orjson, lines, end):
    data = b'{"text": "first", "n": 0}\n' + b"\n".join(lines) + b"\n" * end
    with pytest.MonkeyPatch.context() as patch:
        if not orjson:
            patch.setattr(json_batches, "find_spec", lambda _: None)
            patch.setattr(writers, "find_spec", lambda _: None)
        assert outcome(in_batches, place, data, "jsonl", "jsonl") == outcome(by_row, data, "jsonl", "jsonl")
        assert outcome(in_batches, place, data, "jsonl", "csv") == outcome(by_row, data, "jsonl", "csv")


def outcome(function, *given, **options):
    """What comes out, or the error that is raised."""
    try:
        return function(*given, **options)
    except (RecordError, UsageError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize(
    "options",
    [
        {"probabilities": True},
        {"prefix": "guess_"},
        {"abstain": False},
        {"abstain_at": 0.0},
    ],
    ids=str,
)
def test_options_give_the_same_columns(place, form, options):
    data = "".join(f'{{"id": {n}, "text": "text number {n}"}}\n' for n in range(3000)).encode()
    assert in_batches(place, data, "jsonl", form, 100, **options) == by_row(data, "jsonl", form, **options)


def test_probabilities_are_rounded_as_python_rounds():
    from diptych.classifier.streams.batches import _rounded

    drawn = np.random.default_rng(5).random(20_000)
    halves = (np.arange(0, 10_000) + 0.5) / 10_000
    for p in (drawn, halves, np.nextafter(halves, 0), np.nextafter(halves, 1), np.array([0.0, 1.0])):
        assert [number / 10_000 for number in _rounded(p).tolist()] == [round(float(x), 4) for x in p]


@pytest.mark.parametrize(
    "data",
    [
        b"text\rone\rtwo\r",
        b"text\r\none\r\ntwo\r\n",
        b"\xef\xbb\xbftext\none\n",
        b"text\n\n\none\n\ntwo",
        b'text,n\n"one\ntwo",1\n"three',
        b"text\n",
        b"a,b\n1,2\n",
        b"text,text\n1,2\n",
        b"\n",
        b"",
        "text\nä\n".encode("utf-16"),
    ],
)
def test_odd_tables_are_read_or_refused_as_by_row(place, data):
    ours, theirs = outcome(in_batches, place, data, "csv", "csv"), outcome(by_row, data, "csv", "csv")
    if isinstance(theirs[0], type) and "empty" in theirs[1]:
        assert "is empty" in ours[1]
    else:
        assert ours == theirs


# --- places


def flat(lists):
    return list(chain.from_iterable(lists))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_reading_from_a_place_gives_the_rest(kind):
    rows = [f'{n},"a, ""b""\nc {n}"\n' if kind == "csv" else f'{{"text": "{n}"}}\n' for n in range(400)]
    data = ("n,text\n" if kind == "csv" else "").encode() + "".join(rows).encode()
    make = CsvTable if kind == "csv" else JsonTable
    table = make(Supply(io.BytesIO(data)), "t", size=500)
    numbers = [list(batch.dicts()) for batch in table]
    again = make(Supply(io.BytesIO(data)), "t", size=500)
    taken, places = [], []
    for batch in again:
        taken.append(list(batch.dicts()))
        places.append((again.place.offset, again.place.line))
    assert flat(numbers) == flat(taken)
    assert len(places) > 10
    from diptych.exchange.batches import Place

    for number, (offset, line) in enumerate(places):
        rest = make(Supply(io.BytesIO(data[offset:])), "t", place=Place(offset, line), header=again.header, size=500)
        assert flat(list(batch.dicts()) for batch in rest) == flat(taken[number + 1 :])
    numbered = make(Supply(io.BytesIO(data)), "t", size=500)
    lines = flat(list(map(batch.line, range(len(batch)))) for batch in numbered)
    assert lines == [line for line, _ in read_table(io.BytesIO(data), "t", kind)]


def test_blocks_are_the_same_however_a_stream_gives_its_bytes():
    data = b"".join(b"%d" % n * (n % 37) + b"\n" for n in range(2000))

    class Drip(io.BytesIO):
        def read1(self, number=-1):
            return super().read1(min(number, 7))

    whole = [block.data for block in Blocks(Supply(io.BytesIO(data)), 1000)]
    assert [block.data for block in Blocks(Supply(Drip(data)), 1000)] == whole
    assert b"".join(whole) == data


# --- lines that are too long


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_that_is_too_long_is_refused_and_the_others_are_read(kind):
    long = b"x" * 100_000
    data = b"text\na\n" + long + b"\nb\n" if kind == "csv" else b'{"text":"a"}\n' + long + b'\n{"text":"b"}\n'
    table = (CsvTable if kind == "csv" else JsonTable)(Supply(io.BytesIO(data)), "t", size=1000)
    table.blocks.longest = 10_000
    batches = list(table)
    assert [row["text"] for batch in batches for row in batch.dicts()] == ["a", "b"]
    (reject,) = [reject for batch in batches for reject in batch.rejects]
    assert reject.line == (3 if kind == "csv" else 2)
    assert "100,001 bytes" in reject.reason
    assert len(reject.row) <= 200


def test_a_quote_that_is_never_closed_costs_its_own_line():
    data = b'text\none\n"two\n' + b"more words\n" * 3000
    table = CsvTable(Supply(io.BytesIO(data)), "t", size=1000)
    table.blocks.longest = 10_000
    batches = list(table)
    rows = [row["text"] for batch in batches for row in batch.dicts()]
    assert rows == ["one", *["more words"] * 3000]
    (reject,) = [reject for batch in batches for reject in batch.rejects]
    assert (reject.line, reject.row) == (3, '"two')
    assert "is not closed" in reject.reason


# --- packed files


PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.compress(data[:50]) + zstandard.compress(data[50:]),
}
TABLE = b'{"text": "the quay"}\n' * 5000


@pytest.mark.parametrize("ending", PACK)
def test_packed_files_are_unpacked_while_they_are_read(tmp_path, ending):
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(PACK[ending](TABLE))
    with open_input(str(path)) as stream:
        assert stream.read() == TABLE


@pytest.mark.parametrize("ending", PACK)
def test_a_packed_file_that_is_cut_short_keeps_its_good_rows(command, tmp_path, ending):
    rows = b"".join(b'{"text": "the quay", "n": %d}\n' % (n * 7919 % 100_003) for n in range(30_000))
    data = PACK[ending](rows)
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(data[: len(data) * 3 // 4])
    result = command("classify", path, "--out", tmp_path / "o.jsonl")
    assert result.code == 3
    kept = (tmp_path / "o.jsonl").read_text().splitlines()
    assert kept or ending == ".bz2"
    assert [json.loads(line)["n"] for line in kept] == [n * 7919 % 100_003 for n in range(len(kept))]
    rejects = [json.loads(line) for line in (tmp_path / "o.jsonl.rejects.jsonl").read_text().splitlines()]
    assert "breaks off" in rejects[-1]["reason"]


def test_an_address_is_read_through_fsspec(command, tmp_path):
    import fsspec

    with fsspec.open("memory://news/a.jsonl.gz", "wb") as stream:
        stream.write(gzip.compress(TABLE[:210]))
    result = command("classify", "memory://news/a.jsonl.gz")
    assert (result.code, len(result.rows)) == (0, 10)
    missing = command("classify", "memory://news/b.jsonl")
    assert (missing.code, "cannot read memory://news/b.jsonl" in missing.err) == (1, True)


def test_a_folder_is_all_known_files_below_it_in_order(tmp_path):
    for name in ("b.csv", "a/z.jsonl.gz", "a/b.txt", ".hidden.csv", "x.parts/0.csv", "note.ods"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text\nquay\n")
    found, passed = sources_of([str(tmp_path)])
    assert [Path(source.name).relative_to(tmp_path).as_posix() for source in found] == [
        "a/b.txt",
        "a/z.jsonl.gz",
        "b.csv",
    ]
    assert passed == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no file of a known kind"):
        sources_of([str(tmp_path / "empty")])


# --- Parquet out


def test_parquet_out_keeps_the_types_of_the_input(command, tmp_path):
    table = pa.table(
        {
            "n": pa.array([1, 2, None], pa.int16()),
            "text": ["The quay is old.", "", "The town is new."],
            "when": pa.array([0, 1, 2], pa.timestamp("ms")),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    result = command("classify", tmp_path / "a.parquet", "--out", tmp_path / "o.parquet", "--probabilities")
    assert result.code == 3
    found = pq.read_table(tmp_path / "o.parquet")
    assert found.select(["n", "text", "when"]).equals(table.take([0, 2]))
    rows = command("classify", tmp_path / "a.parquet", "--probabilities").rows
    added = found.column_names[3:]
    assert found.select(added).to_pylist() == [{name: row[name] for name in added} for row in rows]


@pytest.mark.parametrize("more", [[], ["--part-rows", "2"]])
def test_columns_of_json_have_the_types_of_the_first_rows(command, tmp_path, more):
    rows = [{"text": "quay", "n": 1, "tags": ["a"], "f": None}, {"text": "town", "n": 2.5, "tags": "b", "x": True}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert command("classify", tmp_path / "a.jsonl", "--out", tmp_path / "o.parquet", *more).code == 0
    found = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [(row["n"], row["tags"], row["f"], row["x"]) for row in found] == [
        (1.0, '["a"]', None, None),
        (2.5, '"b"', None, True),
    ]


def test_a_text_column_of_another_type_in_one_of_several_files_sets_that_file_aside(command, tmp_path):
    pq.write_table(pa.table({"text": ["The quay."]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": [7]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"text": ["The town."]}), tmp_path / "c.parquet")
    for more in ([], ["--part-rows", "10"]):
        result = command("classify", tmp_path, "--out", tmp_path / "o.csv", *more)
        assert result.code == 3
        assert "holds no text but int64" in (tmp_path / "o.csv.rejects.jsonl").read_text()
        assert [line.split(",")[0] for line in (tmp_path / "o.csv").read_text().splitlines()[1:]] == [
            "The quay.",
            "The town.",
        ]
        (tmp_path / "o.csv").unlink()


# --- beside


def test_what_is_raised_beside_is_raised_here():
    def broken():
        yield 1
        raise RecordError("cut short")

    found = ahead(broken())
    assert next(found) == 1
    with pytest.raises(RecordError, match="cut short"):
        next(found)

    def fail(_):
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Behind(fail) as behind:  # noqa: PT012 - at which one, chance decides
        for number in range(100):
            behind.put(number)


def test_a_reader_ahead_ends_with_its_stream():
    stream = AheadStream(io.BytesIO(b"x" * 10_000_000), piece=1000)
    assert stream.read1(10) == b"x" * 10
    stream.close()
    import threading

    assert [thread for thread in threading.enumerate() if thread.name == "reading ahead"] == []


def test_text_formats_need_neither_pyarrow_nor_orjson(command, tmp_path, monkeypatch):
    for name in ("pyarrow", "orjson", "zstandard", "fsspec"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(json_batches, "find_spec", lambda _: None)
    monkeypatch.setattr(writers, "find_spec", lambda _: None)
    (tmp_path / "a.jsonl").write_bytes(TABLE[:420])
    assert command("classify", tmp_path / "a.jsonl", "--out", tmp_path / "o.csv", "--part-rows", "5").code == 0
