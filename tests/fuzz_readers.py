"""Every reader as a function of bytes, with small valid inputs to begin from: what test_fuzz.py and benchmarks/fuzz.py share.

A reader takes a case or raises an error of diptych's own; whatever else it raises is a finding. Formats that are zip
archives are mutated within: the first byte of a case says which part the rest stands for, 255 that it is the whole file.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

from diptych.classifier.scoring.persist import load_model, save_model
from diptych.classifier.streams.rows import document_rows
from diptych.classifier.training.sources import load_exemplars
from diptych.coding.coders import load_coders
from diptych.coding.codings import load_codings
from diptych.coding.gold import load_gold
from diptych.coding.sampling import load_samples
from diptych.documents.fixes import Fixes
from diptych.documents.passages import load_passages
from diptych.errors import DiptychError
from diptych.exchange.arrow_batches import ArrowTable, open_table
from diptych.exchange.blocks import Supply
from diptych.exchange.counter import Wanted
from diptych.exchange.csv_batches import CsvTable
from diptych.exchange.json_batches import JsonTable
from diptych.exchange.parquet import read_parquet
from diptych.exchange.predicted import count_predictions
from diptych.exchange.tables import read_table
from diptych.labelstudio.files import import_tasks
from diptych.schema import Schema
from diptych.study import Study
from pdf_files import assembled

QUAY = "The quay is old, and nobody in the town wants to pay for it."
TOLL = "The port fears new tolls, and the town does not care for them."


@dataclass(frozen=True)
class Reader:
    """One kind of input."""

    name: str
    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...] = ()  # what mutation may put in


def outcome(reader: Reader, case: bytes) -> str:
    """Return `taken`, or the name of diptych's own error; every other exception comes through."""
    try:
        reader.read(case)
    except DiptychError as error:
        str(error).encode()  # a message that cannot be printed would be a fault of the command line
        error.hint.encode()
        return type(error).__name__
    return "taken"


# --- mutation: the fallback of benchmarks/fuzz.py, and what Hypothesis draws from ------------------------------


@dataclass(frozen=True)
class Edit:
    """One change: at `place` (of 0 to 1) so many bytes go, and others come."""

    place: float
    gone: int
    come: bytes


def edited(case: bytes, edits: Sequence[Edit]) -> bytes:
    """Return a case with edits made one after the other."""
    for edit in edits:
        at = int(edit.place * len(case))
        case = case[:at] + edit.come + case[at + edit.gone :]
    return case


ODD = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\\ud800",
    b"9" * 5000,
    b"-1",
    b"1e999",
    b"NaN",
    b"[" * 300,
    b'"',
    b"\n",
)
ODD += (
    b"{",
    b"}",
    b"null",
    b"true",
    b"0001-01-01T00:00:00+14:00",
    b"9999-12-31T23:59:59-14:00",
    b"../",
    b"\x7f",
    b"\r",
    b"\t",
    b"'",
)


def drawn(reader: Reader, dice: random.Random) -> bytes:
    """Draw a mutated case."""
    seeds = _seeds(reader)
    case = dice.choice(seeds)
    words = ODD + reader.words
    for _ in range(dice.choice((1, 1, 2, 3, 6))):
        come = (b"", dice.choice(words), dice.randbytes(dice.randint(1, 4)), _slice(dice.choice(seeds), dice))[
            dice.randrange(4)
        ]
        case = edited(case, [Edit(dice.random(), dice.choice((0, 0, 1, 2, 8, 64)), come)])
    return case


@cache
def _seeds(reader: Reader) -> Sequence[bytes]:
    return reader.seeds()


def _slice(case: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(case))
    return case[at : at + dice.choice((4, 16, 64, 256))]


# --- a study to read from -----------------------------------------------------------------------------------------


@cache
def _study() -> Study:
    """A small study of this process's own; its files are replaced case by case."""
    from diptych.coding.gold import write_gold
    from diptych.template import make_study

    study = make_study(_folder() / "study")
    write_gold(study)
    return study


@cache
def _folder() -> Path:
    import atexit

    shm = Path("/dev/shm")  # noqa: S108 - a folder of random name in it; in memory, since every case is written there
    folder = Path(tempfile.mkdtemp(prefix="diptych-fuzz-", dir=shm if shm.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _replaced(path: Path, data: bytes, read: Callable[[Study], object]) -> None:
    """Read the study with other bytes in one of its files."""
    old = path.read_bytes() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    try:
        read(_study())
    finally:
        if old is None:
            path.unlink()
        else:
            path.write_bytes(old)


def _settings(case: bytes) -> None:
    """study.toml and the other files of TOML, by the first byte."""
    study, kind, data = _study(), case[:1], case[1:]
    name = study.settings.documents[0].id
    if kind == b"c":
        _replaced(study.coders_file, data, load_coders)
    elif kind == b"f":
        _replaced(study.fixes_file(name), data, lambda found: Fixes.load(found.fixes_file(name)))
    elif kind == b"s":
        _replaced(study.root / "annotations" / "samples" / "a.toml", data, load_samples)
    else:
        small = _folder() / "small"
        small.mkdir(exist_ok=True)
        (small / "schemas").mkdir(exist_ok=True)
        (small / "schemas" / "harbour.yaml").write_bytes(SCHEMA)
        (small / "study.toml").write_bytes(data)
        Study.load(small)


def _setting_seeds() -> list[bytes]:
    study = _study()
    own = (study.root / "study.toml").read_bytes()[:900]
    return [
        b"t" + own,
        b't format = 1\nname = "x"\nschema = "schemas/harbour.yaml"\n[[documents]]\nid = "a"\nauthor = "A"\nyear = 1999\n'
        b'file = "a.txt"\ncolumns = {party = "x", n = 1}\n',
        b"c" + study.coders_file.read_bytes()[:600],
        b'f format = 1\ndocument = "a"\nsha256 = "x"\n[[split]]\nat = 3\nreason = "r"\n[[drop]]\nstart = 1\nend = 2\nreason = "r"\n',
        b's format = 1\nname = "sample-a"\ndesign = "d"\nseed = 1\npool = 2\nsize = 1\nmodel = ""\n'
        b'passages = [\n  { passage = "a:001", pi = 0.5, stratum = "x" },\n]\n\n[frame]\n"x" = ["a:001", "a:002"]\n',
    ]


def _codings(case: bytes) -> None:
    """Codings, and the other JSON Lines of a study, by the first byte."""
    study, kind, data = _study(), case[:1], case[1:]
    name = study.settings.documents[0].id
    places: dict[bytes, tuple[Path, Callable[[Study], object]]] = {
        b"p": (study.passages_file(name), load_passages),
        b"d": (study.digest_file(name), load_passages),
        b"g": (study.gold_file, load_gold),
        b"e": (study.root / "annotations" / "exemplars" / "a.jsonl", load_exemplars),
    }
    path, read = places.get(kind, (study.codings_folder / "a.jsonl", lambda found: load_codings(found, history=True)))
    _replaced(path, data, read)


def _coding_seeds() -> list[bytes]:
    study = _study()
    rows = next(study.codings_folder.glob("*.jsonl")).read_bytes().splitlines(keepends=True)
    full = json.loads(rows[0]) | {
        "role": "adjudicator", "status": "skipped", "supersedes": "x", "confidence": 0.5, "comment": "c", "reason": "slip",
        "lead_time": 1.5, "suggestion": {"value": "x", "p": 0.5, "model": "m"}, "flags": ["unsure"],
    }  # fmt: skip
    facet = study.schema.facets[0]
    exemplar = {"id": "e1", "text": QUAY, "values": {facet.id: facet.value_ids[0]}, "disputed": [facet.id]}
    return [
        b"c" + b"".join(rows[:2]),
        b"c" + json.dumps(full).encode(),
        b"p" + b"".join(study.passages_file(study.settings.documents[0].id).read_bytes().splitlines(keepends=True)[:2]),
        b'd{"passage": "a:001", "text": "b"}\n',
        b"g" + b"".join(study.gold_file.read_bytes().splitlines(keepends=True)[:2]),
        b"e" + json.dumps(exemplar).encode(),
    ]


def _label_studio(case: bytes) -> None:
    study = _tasks_study()
    try:
        for coding in import_tasks(study, io.BytesIO(case), "a.json", coder=None, role="coder")[0]:
            json.dumps(coding.row(), ensure_ascii=False).encode()  # it must be possible to write them
    finally:
        (study.state / "label-studio" / "people.json").unlink(missing_ok=True)


@cache
def _tasks_study() -> Study:
    """The same study without codings, which would be read anew for every case."""
    folder = _folder() / "tasks"
    shutil.copytree(_study().root, folder)
    shutil.rmtree(folder / "annotations" / "codings")
    return Study.load(folder)


def _task_seeds() -> list[bytes]:
    from diptych.labelstudio.files import export_tasks

    task = export_tasks(_study(), originals=True)[0]
    task["data"] = {"passage_id": task["data"]["passage_id"], "text": "x"}
    task["annotations"] = task["annotations"][:1]
    facet = _study().schema.facets[0]
    passage = task["data"]["passage_id"]
    minimal = {
        "id": 1,
        "text": "x",
        "passage_id": passage,
        "annotator": 2,
        "annotation_id": 3,
        "created_at": "2026-11-21",
    }
    minimal |= {f.id: f.value_ids[0] for f in _study().schema.facets} | {"_comment": ["x"]}
    result = [{"from_name": facet.id, "type": "choices", "value": {"choices": [facet.value_ids[0]]}, "score": 0.5}]
    whole = task | {"id": 4, "predictions": [{"model_version": "m", "created_at": "2026-11-20", "result": result}]}
    whole["meta"] = {"diptych": {"suggestion": "none"}}
    whole["annotations"] = [
        task["annotations"][0]
        | {"id": 5, "completed_by": {"id": 6, "email": "a@b.c"}, "created_at": "2026-11-21T10:00:00Z"}
    ]
    return [json.dumps([one]).encode() for one in (task, minimal, whole)]


# --- tables --------------------------------------------------------------------------------------------------------


def _spent(rows: object) -> None:
    for row in rows:  # type: ignore[attr-defined]
        json.dumps(row, default=repr, ensure_ascii=False).encode()


def _csv(case: bytes) -> None:
    """By all three readers: of rows, of batches, of an archive's columns."""
    with_errors(lambda: _spent(read_table(io.BytesIO(case), "a.csv", "csv", ["id"])))
    with_errors(lambda: [batch.dicts() for batch in CsvTable(Supply(io.BytesIO(case)), "a.csv", size=512)])
    _archive(case, "a.csv")


def _jsonl(case: bytes) -> None:
    with_errors(lambda: _spent(read_table(io.BytesIO(case), "a.jsonl", "jsonl", ["id"])))
    with_errors(
        lambda: _spent(row for b in JsonTable(Supply(io.BytesIO(case)), "a.jsonl", size=512) for row in b.dicts())
    )
    _archive(case, "a.jsonl")


def _parquet(case: bytes) -> None:
    with_errors(lambda: _spent(read_parquet(io.BytesIO(case), "a.parquet", ["id", "text"], text_column="text")))
    with_errors(
        lambda: _spent(
            row
            for batch in ArrowTable(open_table(io.BytesIO(case), "a.parquet"), "a.parquet", ["id", "text"], "text")
            for row in batch.dicts()
        )
    )
    _archive(case, "a.parquet")


def _archive(case: bytes, name: str) -> None:
    path = _folder() / name
    path.write_bytes(case)
    for reject in count_predictions(path, Wanted({"text": ("a quay",)}, column="id")).rejects:
        reject.reason.encode()


def with_errors(call: Callable[[], object]) -> None:
    """Do it; an error of diptych's own is an answer, and the next reader has its turn."""
    try:
        call()
    except DiptychError as error:
        str(error).encode()


CSV = b'id,text,n\n1,"The quay, they say, is ""old"".",2\n2,The port fears new tolls.,\n3,=1+1,"a\nb"\n'
JSONL = b'{"id": 1, "text": "The quay is old."}\n{"id": "2", "text": "A gull sits.", "more": [1, {"a": null}]}\n'


def _parquet_seeds() -> list[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = []
    for options in (
        {"compression": "none", "use_dictionary": False},
        {"compression": "zstd"},
        {"data_page_version": "2.0"},
    ):
        stream = io.BytesIO()
        columns = {"id": [1, 2, 3], "text": ["a quay", "a gull", None], "x": [[1], [], [2, 3]]}
        pq.write_table(pa.table(columns), stream, write_statistics=False, store_schema=False, **options)
        found.append(stream.getvalue())
    return found


# --- documents -----------------------------------------------------------------------------------------------------


def _document(kind: str) -> Callable[[bytes], None]:
    return lambda case: _spent(document_rows(f"a.{kind}", case, kind))


HTML = (
    b'<!DOCTYPE html><html><head><meta charset="utf-8"><title>Port</title></head><body><nav>Home</nav><main>'
    b"<h1>Keys</h1><p>The quay is <b>old</b><sup>1</sup>, &amp; nobody pays.<br><br>A gull sits.<ul><li>Ask.<li>Wait."
    b"</ul><table><tr><td>A cell that is a sentence.</td></tr></table><blockquote>Said so.</blockquote></main></body></html>"
)
_W = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_OPC = b"http://schemas.openxmlformats.org"
_TYPE = b"application/vnd.openxmlformats-officedocument.wordprocessingml."
_REL = _OPC + b"/officeDocument/2006/relationships/"
DOCX = {
    "[Content_Types].xml": b'<Types xmlns="%s/package/2006/content-types"><Default Extension="rels" ContentType="application/'
    b'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName='
    b'"/word/document.xml" ContentType="%sdocument.main+xml"/><Override PartName="/word/styles.xml" ContentType="%sstyles+xml"/>'
    b"</Types>" % (_OPC, _TYPE, _TYPE),
    "_rels/.rels": b'<Relationships xmlns="%s/package/2006/relationships"><Relationship Id="r1" Type="%sofficeDocument" Target='
    b'"word/document.xml"/></Relationships>' % (_OPC, _REL),
    "word/_rels/document.xml.rels": b'<Relationships xmlns="%s/package/2006/relationships"><Relationship Id="r1" Type="%sstyles"'
    b' Target="styles.xml"/></Relationships>' % (_OPC, _REL),
    "word/document.xml": b'<w:document %s><w:body><w:p><w:pPr><w:pStyle w:val="H"/></w:pPr><w:r><w:t>Keys</w:t></w:r></w:p>'
    b'<w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>The quay is old.</w:t></w:r>'
    b"<w:del><w:r><w:delText>x</w:delText></w:r></w:del><w:r><w:tab/><w:t>A gull sits.</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p>"
    b"<w:r><w:t>A cell that is a sentence.</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>" % _W,
    "word/styles.xml": b'<w:styles %s><w:style w:type="paragraph" w:styleId="H"><w:name w:val="heading 1"/><w:basedOn w:val="N"/>'
    b'<w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style><w:style w:type="paragraph" w:styleId="N"><w:name w:val="Normal"/>'
    b"</w:style></w:styles>" % _W,
}  # fmt: skip


def packed(parts: dict[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive of these parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data, packing)
    return stream.getvalue()


def unfolded(case: bytes, parts: dict[str, bytes]) -> bytes:
    """Return the archive that a case stands for."""
    if case[:1] == b"\xff":
        return case[1:]
    names = list(parts)
    return packed(parts | {names[(case[0] if case else 0) % len(names)]: case[1:]})


def folded(parts: dict[str, bytes]) -> list[bytes]:
    """Return one case a part, and the whole archive in three packings."""
    whole = [b"\xff" + packed(parts, kind) for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)]
    return [bytes([i]) + data for i, data in enumerate(parts.values())] + whole


def _pdf_seeds() -> list[bytes]:
    drawn_ = b"BT /F1 10 Tf 50 500 Td (The quay is old, and nobody) Tj 0 -12 Td (wants to pay for it.) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[4 0 R]>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 595]/Resources<</Font<</F1 3 0 R>>>>/Contents 5 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawn_), drawn_),
    ]
    out, end = assembled(objects)
    return [out + end, out + b"trailer<</Root 1 0 R>>\n"]


# --- a model -------------------------------------------------------------------------------------------------------


@cache
def model_parts() -> dict[str, bytes]:
    """The parts of a small model file."""
    from test_model_file import small_model

    path = _folder() / "seed.zip"
    save_model(path, small_model())
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _model(case: bytes) -> None:
    path = _folder() / "model.zip"
    path.write_bytes(unfolded(case, model_parts()))
    model = load_model(path)
    with np.errstate(all="ignore"):  # weights of 1e38 may be meant
        model.scorer.predict(["The gull sits on the crane."])


# --- requests ------------------------------------------------------------------------------------------------------


DOORS = (
    ("POST", "/v1/classify", "application/json"),
    ("POST", "/v1/classify", "application/x-ndjson"),
    ("POST", "/v1/classify", "text/csv"),
    ("POST", "/v1/documents", "multipart/form-data; boundary=x"),
    ("POST", "/predict", "application/json"),
    ("POST", "/setup", "application/json"),
    ("POST", "/webhook", "application/json"),
    ("POST", "/", "multipart/form-data; boundary=x"),
    ("POST", "/corrections", "application/x-www-form-urlencoded"),
    ("GET", "/v1/schema", ""),
)
Answer = tuple[int, dict[bytes, bytes], bytes]


class Server:
    """The application in process, asked without a network: quick enough for a hundred thousand requests."""

    def __init__(self, study: Study | None = None, **settings: object) -> None:
        from diptych.service.app import create_app
        from diptych.service.settings import Settings

        self.said: list[str] = []
        self.app = create_app(Settings(**settings), study, self.said.append)  # type: ignore[arg-type]
        self.loop = asyncio.new_event_loop()

    def ask(self, method: str, path: str, query: bytes, kind: str, body: bytes, **headers: str) -> Answer:
        """Make one request and return status, headers and body."""
        given = {"host": "127.0.0.1", "content-type": kind, "content-length": str(len(body))} | headers
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "query_string": query, "root_path": "", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080), "state": {},
        }  # fmt: skip
        sent: list[dict] = []

        async def serve() -> None:
            pieces = [{"type": "http.request", "body": body, "more_body": False}]
            done = asyncio.Event()

            async def receive() -> dict:
                if pieces:
                    return pieces.pop()
                await done.wait()
                return {"type": "http.disconnect"}

            async def send(message: dict) -> None:
                sent.append(message)
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    done.set()

            await self.app(scope, receive, send)

        self.loop.run_until_complete(serve())
        status, raw = next((m["status"], m["headers"]) for m in sent if m["type"] == "http.response.start")
        return status, dict(raw), b"".join(m.get("body", b"") for m in sent)


@cache
def server() -> Server:
    """A server of the bundled model."""
    return Server()


def _read_here(name: str, data: bytes, bounds: object) -> tuple[list[dict], list[str]]:
    if not name.endswith((".txt", ".md")):
        return [], []
    notes: list[str] = []
    return [row for _, row in document_rows(name, data, notes=notes)], notes


class Refused(DiptychError):
    """A refusal of the server's, well worded."""


def _request(case: bytes) -> None:
    """The first byte is the door, the first line the query, the rest the body."""
    method, path, kind = DOORS[(case[0] if case else 0) % len(DOORS)]
    query, _, body = case[1:].partition(b"\n")
    # documents are not read by processes of their own: that reader has its own cases
    with patch("diptych.service.uploads.read_upload", _read_here):
        status, _, answer = server().ask(method, path, query, kind, body)
    if status >= 500:
        raise AssertionError(f"{method} {path}: {status} {answer[:300]!r} {server().said[-1:]}")
    if status >= 400 and path not in ("/", "/corrections"):
        error = json.loads(answer)["error"]
        if set(error) - {"limit"} != {"status", "code", "message", "hint"} or error["status"] != status:
            raise AssertionError(f"{method} {path}: {answer[:300]!r}")
    if status >= 400:
        raise Refused(str(status))


def _request_seeds() -> list[bytes]:
    task = {"tasks": [{"id": 1, "data": {"text": QUAY}, "meta": {}}], "label_config": "<View><Choices name='a' toName='text'>"
            "<Choice value='b'/></Choices><Text name='text' value='$text'/></View>", "project": "1.2"}  # fmt: skip
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
    return [
        b"\0\n" + json.dumps({"text": QUAY, "probabilities": True}).encode(),
        b"\0\n" + json.dumps({"passages": [{"id": 1, "text": TOLL}], "abstain_at": 0.5, "explain": True}).encode(),
        b"\1text_column=text&prefix=a&probabilities=true&abstain=no&abstain_at=.2\n" + JSONL,
        b"\2text_column=text\n" + CSV,
        b"\3probabilities=1&explain=1\n" + part % (b"a.txt", QUAY.encode()),
        b"\3\n" + part % (b"a.csv", CSV),
        b"\4\n" + json.dumps(task).encode(),
        b"\5\n" + b'{"project": "1.0", "schema": "x", "hostname": "x"}',
        b"\6\n" + b'{"action": "ANNOTATION_CREATED", "project": {"id": 1}}',
        b'\7\n--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nThe quay is old.\r\n--x--\r\n',
        b"\x08\nvalue-perspective-1=moscow&predicted-perspective-1=beijing&text-1=The+quay&passage-1=a&coder=b&p-perspective-1=.5",
        b"\x09a=b\n",
    ]


SCHEMA = b"name: a\nversion: 1.0.0\nfacets:\n- {id: f, question: Q, values: [{id: x, definition: X}]}\n"


def _schema_seeds() -> list[bytes]:
    return [
        SCHEMA,
        b"format: 1\nname: a\nversion: 1.0.0\nfacets:\n- id: side\n  question: Who?\n  values:\n  - id: x\n    definition: X\n"
        b"    role: party\n    markers: [X, the X people]\n  - {id: y, definition: Y, was: [z]}\n- id: tone\n  question: How?\n"
        b"  scale: ordinal\n  values:\n  - {id: low, definition: L, score: -1}\n  - {id: high, definition: H, score: 1.5}\n",
        b"name: b\nversion: 0.1.2\ntitle: |\n  A title\nabout: >\n  folded\n  text\ncross: [f-p]\nfacets:\n- id: f\n  type: multiple\n"
        b"  question: 'Q?'\n  values:\n  - id: p\n    definition: \"P \\u00e9\"\n    use_when: [a, b]\n    hotkey: p\n",
    ]


READERS = {
    reader.name: reader
    for reader in (
        Reader("schema", lambda case: _schema(case), _schema_seeds, (b"&a ", b"*a", b"!!python/object", b"<<: ", b"? ", b"2001-99-99", b"1:1:1", b"0x", b".inf", b"|\n", b"---\n", b"%YAML 9\n")),
        Reader("settings", _settings, _setting_seeds, (b"[[a]]", b"a.b.c = 1\n", b"'''", b'"""', b"\\UFFFFFFFF", b"1979-05-27T07:32:00Z", b"inf")),
        Reader("codings", _codings, _coding_seeds, (b'"at": ', b'"suggestion": ', b"[1, 2]", b"{}")),
        Reader("label-studio", _label_studio, _task_seeds, (b'"id": ', b'"value": ', b'"choices": ', b"[]", b"{}", b'"meta": ')),
        Reader("csv", _csv, lambda: [CSV], (b'"\n', b",,,,", b'""', b"\r\n", b"\x1ediptych\x1e")),
        Reader("jsonl", _jsonl, lambda: [JSONL], (b'{"a": ', b"}\n{", b'"text": null', b"1.5e400")),
        Reader("parquet", _parquet, _parquet_seeds, (b"PAR1", b"\x15\x00", b"\x7f" * 4)),
        Reader("html", _document("html"), lambda: [HTML], (b"<sup>", b"<table>", b"</p>", b"<svg>", b"<!--", b"&#0;", b"&#x110000;", b"<template>", b"charset=utf-16", b"\xff\xfe")),
        Reader("docx", lambda case: _document("docx")(unfolded(case, DOCX)), lambda: folded(DOCX), (b"<w:p>", b"<w:t/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b'w:val="', b"..", b"</w:p>")),
        Reader("pdf", _document("pdf"), _pdf_seeds, (b"obj", b"endobj", b"/Encrypt", b"/Kids[2 0 R]", b"99999999999", b"(", b")", b"<<", b"Tj", b"/Filter/FlateDecode", b"/Length")),
        Reader("model", _model, lambda: folded(model_parts()), (b"'descr'", b"'|O'", b"(9999999999,)", b"NaN", b'"facets": ', b"<f8", b">u8")),
        Reader("rest", _request, _request_seeds, (b"text_column=", b"%00", b"%ff", b"Content-Disposition: ", b'filename="a\0.pdf"', b"--x--", b"multipart", b"abstain_at=nan", b"&amp;", b"<!ENTITY a 'b'>")),
    )
}  # fmt: skip


def _schema(case: bytes) -> None:
    schema = Schema.parse(case.decode("utf-8", "replace"), "a.yaml")
    assert schema.structure_hash
    assert Schema.from_data(json.loads(json.dumps(schema.model_dump(mode="json", by_alias=True)))) == schema
