"""What SECURITY.md promises and no other file of tests looks at: bombs, links, names, patterns, formulas, secrets.

Time is measured as growth: a text eight times as long may take about eight times as long, never its square.
"""

from __future__ import annotations

import io
import logging
import lzma
import re
import subprocess
import sys
import time
import tomllib
import traceback
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from diptych.classifier.scoring.persist import load_model
from diptych.classifier.terms.analyser import Analyser
from diptych.classifier.terms.parties import Parties, attitudes
from diptych.classifier.terms.sentences import sentences
from diptych.coding.coders import load_coders, write_down_coders
from diptych.coding.gold import write_gold
from diptych.coding.sampling import Sample, read_sample, write_sample
from diptych.documents import word
from diptych.documents.cut import cut_document
from diptych.documents.ingest import add_document, ingest
from diptych.documents.read import read_bytes
from diptych.documents.text import normalise
from diptych.documents.web import ATTRIBUTE_LIMIT, declared_encoding, web_text
from diptych.errors import (
    DiptychError,
    DocumentError,
    FileWriteError,
    ModelFormatError,
    RecordError,
    SchemaError,
)
from diptych.exchange.blocks import Supply
from diptych.exchange.counter import Wanted
from diptych.exchange.csv_batches import CsvTable
from diptych.exchange.label_config import read_tag
from diptych.exchange.opening import MEMORY, open_input
from diptych.exchange.predicted import count_predictions
from diptych.exchange.tables import read_table
from diptych.files import exclusive, write_text
from diptych.labelstudio.client import Client
from diptych.schema import Schema
from diptych.schema_yaml import LARGEST
from diptych.service.uploads import base_name
from diptych.study import Document, Study
from diptych.toml_files import FAULTS, toml_text
from fuzz_readers import DOCX, model_parts, packed

SECRET = "sesame-open-9f8e7d6c5b4a-never-shown"  # noqa: S105 - no password
QUAY = "The quay is old, and nobody in the town wants to pay for it."


# --- time: nothing grows with the square of the input -------------------------------------------------------


def rows_of_csv(text: str) -> object:
    return [batch.dicts() for batch in CsvTable(Supply(io.BytesIO(text.encode())), "a.csv")]


PARTIES = Parties({"ada": ["Ada", "Ada of the quay", "a a a"], "bo": ["Bo"]}, attitudes())
GROWING: dict[str, tuple[Callable[[str], object], Callable[[int], str], int]] = {
    "line ends between wide letters": (normalise, lambda n: "漢" + "\n" * n + "x", 4_000),
    "hyphens": (normalise, lambda n: "a-\n" * n, 4_000),
    "spaces in a line": (lambda text: cut_document(text, "x"), lambda n: "a" + " " * n + "b", 20_000),
    "rules of Markdown": (lambda text: cut_document(text, "x", markdown=True), lambda n: "- " * n + "x", 10_000),
    "links of Markdown": (lambda text: cut_document(text, "x", markdown=True), lambda n: "[^" * n, 10_000),
    "note marks in one another": (
        lambda page: web_text(page, "x"),
        lambda n: "<p>" + "<sup>" * 500 + "a" * n + ".",
        50_000,
    ),
    "abbreviations": (sentences, lambda n: "A. " * n, 10_000),
    "stops": (sentences, lambda n: "." * n + " " * n, 10_000),
    "names of parties": (PARTIES.tokens, lambda n: "a " * n + "ada" + " " * n, 5_000),
    "words in a row": (Analyser(PARTIES).read, lambda n: "a" * n, 10_000),
    "marks of projects": (read_tag, lambda n: "[diptych " * n, 4_000),
    "columns, in batches": (rows_of_csv, lambda n: ",".join(map(str, range(n))) + "\n", 4_000),
    "columns, by rows": (
        lambda text: list(read_table(io.BytesIO(text.encode()), "a.csv", "csv")),
        lambda n: ",".join(map(str, range(n))) + "\n",
        4_000,
    ),
    "quotes that stay open": (rows_of_csv, lambda n: "a,b\n" + '"""\n' * n, 4_000),
    "numbers in sixties": (Schema.parse, lambda n: "name: 1" + ":1" * n, 20_000),
    "keys that nobody knows": (Schema.parse, lambda n: "\n".join(f"k{i}: 1" for i in range(n)), 300),
}


@pytest.mark.parametrize("name", GROWING)
def test_time_does_not_grow_with_the_square_of_the_input(name: str):
    call, text, size = GROWING[name]

    def took(n: int) -> float:
        given, best = text(n), float("inf")
        for _ in range(3):  # another process may have the processor for a while: its time is not counted
            began = time.process_time()
            with suppress(DiptychError):
                call(given)
            best = min(best, time.process_time() - began)
        return best

    took(10)
    small, large = took(size), took(8 * size)
    assert large < 24 * small + 0.05, f"{size}: {small:.4f} s, {8 * size}: {large:.4f} s"


def test_an_encoding_is_looked_for_in_linear_time():
    page = (b"<meta" * 40 + b"charset=" + b" " * 4096)[:4096]
    began = time.process_time()
    assert declared_encoding(page) is None
    assert time.process_time() - began < 0.2  # 40 times 4,000 squared steps took seconds


@pytest.mark.parametrize("tag", ["a=b ", "a='>' ", 'a="<b>" ', "a<b ", "='x' ", 'a=b" '])
def test_a_tag_of_very_many_attributes_is_refused_before_the_parser_takes_hours(tag: str):
    with pytest.raises(DocumentError, match="attributes stand in one tag"):
        web_text("<p>Fine.<p " + tag * (2 * ATTRIBUTE_LIMIT + 2) + ">The quay is old.", "a.html")
    assert web_text("<p " + tag * 50 + ">The quay is old.", "a.html")


def test_text_in_quotes_is_no_attribute():
    path = "M 1 2 " * ATTRIBUTE_LIMIT
    assert web_text(f'<p data-path="{path}">The quay is old.', "a.html") == "The quay is old.\n"


# --- memory: a small file stays small -----------------------------------------------------------------------


def unpacks(path: Path, limit: int) -> str:
    """Read a packed file in a process that may take so many bytes more than an empty one; return what it says."""
    program = f"""
import resource
from diptych.exchange.opening import open_input
stream = open_input({str(path)!r})
stream.read1(1)
base = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (base + {limit}, base + {limit}))
total = 1
while total < 1 << 29 and (piece := stream.read1(1 << 16)):
    total += len(piece)
print("read", total)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def test_a_bomb_of_zstandard_comes_out_in_pieces(tmp_path: Path):
    zstandard = pytest.importorskip("zstandard")
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    piece = bytes(1 << 22)
    path = tmp_path / "bomb.csv.zst"
    path.write_bytes(b"".join(packer.compress(piece) for _ in range(128)) + packer.flush())
    assert path.stat().st_size < 200_000
    assert unpacks(path, 1 << 28) == f"read {1 << 29}"


def test_xz_that_wants_gigabytes_is_refused(tmp_path: Path):
    path = tmp_path / "a.csv.xz"
    whole = bytearray(lzma.compress(b"id,text\n"))
    head = whole[12 : 12 + 4 * (whole[12] + 1)]  # of the first block; its fifth byte says how much memory it wants
    head[4] = 36  # 1 GB
    head[-4:] = zlib.crc32(head[:-4]).to_bytes(4, "little")
    path.write_bytes(bytes(whole[:12] + head + whole[12 + len(head) :]))
    assert MEMORY < 1 << 30
    with pytest.raises(RecordError, match="breaks off: Memory usage limit"):
        open_input(str(path)).read1(10)


def test_xz_in_several_parts_with_zeros_between_is_read(tmp_path: Path):
    path = tmp_path / "a.csv.xz"
    path.write_bytes(lzma.compress(b"id,") + bytes(8) + lzma.compress(b"text\n") + bytes(4))
    with open_input(str(path)) as stream:
        assert io.BufferedReader(stream).read() == b"id,text\n"


def test_a_line_without_end_does_not_fill_the_memory_of_a_count(tmp_path: Path):
    import gzip

    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(b'{"tone": "a"}\n' + b'{"tone": "')
        for _ in range(60):
            stream.write(b"a" * (1 << 20))
    counted = count_predictions(path, Wanted({"tone": ("a",)}, column="tone"))
    assert counted.rejected == 1
    assert "a line of more than 32 MB" in counted.rejects[0].reason


def test_xml_under_another_name_counts_as_xml(monkeypatch):
    monkeypatch.setattr(word, "XML_LIMIT", 100_000)
    types = DOCX["[Content_Types].xml"].replace(b"/word/document.xml", b"/word/media.bin")
    parts = DOCX | {"word/media.bin": DOCX["word/document.xml"] + b" " * 200_000, "[Content_Types].xml": types}
    with pytest.raises(DocumentError, match="of text and styles"):
        read_bytes(packed(parts, zipfile.ZIP_DEFLATED), "a.docx", "docx")


def test_parts_of_a_word_document_that_lie_over_one_another_are_refused():
    whole = bytearray(packed(DOCX))
    place = whole.rindex(
        b"PK\x01\x02"
    )  # the last entry of the directory: its packed size, said to be larger than the file
    whole[place + 20 : place + 24] = (1 << 20).to_bytes(4, "little")
    with pytest.raises(DocumentError, match="overlap"):
        read_bytes(bytes(whole), "a.docx", "docx")


def test_a_model_whose_array_says_it_is_huge_is_refused(tmp_path: Path):
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000000,), }"
    head += b" " * (117 - len(head)) + b"\n"
    path = tmp_path / "model.zip"
    path.write_bytes(packed(model_parts() | {"idf.npy": b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head}))
    with pytest.raises(ModelFormatError):
        load_model(path)


# --- schemas ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "name: !!python/object/apply:os.system [echo]\n",
        "name: !!python/name:os.system\n",
        "<<: {name: a}\nname: b\n",
        "[" * 5000,
        "name: " + "9" * 5000,
        "a" * (LARGEST + 1),
    ],
    ids=["bomb", "object", "name", "merge", "deep", "number", "large"],
)
def test_a_schema_is_data_and_of_a_sensible_size(text: str):
    with pytest.raises(SchemaError):
        Schema.parse(text)


def test_of_very_many_faults_the_first_are_named():
    with pytest.raises(SchemaError) as caught:
        Schema.parse("\n".join(f"k{i}: 1" for i in range(200)))
    lines = str(caught.value).splitlines()
    assert len(lines) == FAULTS + 1
    assert re.search(r"and further faults, of 2\d\d in all$", lines[-1])


# --- names and links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../a.txt", "/etc/passwd", "a/../../b", "..", r"..\a", "a\0b", "a" * 300])
def test_a_document_lies_in_its_folder(name: str):
    with pytest.raises(ValueError, match=r"no name of a file in seeds|longer than a file's name"):
        Document(id="a", author="A", file=name)


def test_a_name_from_outside_is_a_name_alone():
    assert [base_name(name) for name in ("../../a.txt", r"C:\b\c.pdf", "d\0\ud800\n.txt", "/e/")] == [
        "a.txt",
        "c.pdf",
        "d___.txt",
        "",
    ]


def linked(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


@pytest.mark.parametrize("name", ["annotations/gold.jsonl", ".diptych/lock.json"])
def test_what_a_command_writes_does_not_leave_the_study_by_a_link(harbour: Study, tmp_path: Path, name: str):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    linked(harbour.root / name, elsewhere)
    with pytest.raises(FileWriteError, match=r"by a link to .*elsewhere, out of the study") as caught:
        write_gold(harbour)
    assert elsewhere.read_text() == "mine"
    assert caught.value.hint


def test_a_folder_that_is_a_link_out_of_the_study_is_not_written_to(harbour: Study, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (harbour.root / "annotations" / "samples").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileWriteError, match="out of the study"):
        write_sample(harbour, Sample("a", "d", 1, 1, (), (), ()))
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_new_document_is_not_copied_through_a_link(harbour: Study, tmp_path: Path):
    linked(harbour.root / "seeds" / "new.txt", tmp_path / "not-there")
    (tmp_path / "new.txt").write_text(QUAY)
    with pytest.raises(FileWriteError, match="out of the study"):
        add_document(harbour, tmp_path / "new.txt", author="A")
    assert not (tmp_path / "not-there").exists()


def test_the_lock_empties_no_file(harbour: Study, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    linked(harbour.state / "busy", elsewhere)
    with pytest.raises(FileWriteError), exclusive(harbour.state):
        pass
    linked(harbour.state / "busy", harbour.root / "study.toml")
    with exclusive(harbour.state):
        pass
    assert elsewhere.read_text() == "mine"
    assert Study.load(harbour.root).settings == harbour.settings


def test_an_original_without_a_hash_is_not_read_through_a_link(harbour: Study, tmp_path: Path):
    (tmp_path / "private.txt").write_text(QUAY)
    linked(harbour.root / "seeds" / "private.txt", tmp_path / "private.txt")
    settings = harbour.root / "study.toml"
    settings.write_text(settings.read_text() + '\n[[documents]]\nid = "p"\nauthor = "P"\nfile = "private.txt"\n')
    assert [one.outcome for one in ingest(Study.load(harbour.root)) if one.document == "p"] == ["missing"]


def test_links_within_a_study_and_outside_of_any_are_written_through(harbour: Study, tmp_path: Path):
    kept = harbour.root / "annotations" / "kept.jsonl"
    kept.write_text("")
    linked(harbour.gold_file, kept)
    write_gold(harbour)
    assert kept.read_text()
    assert harbour.gold_file.is_symlink()
    linked(tmp_path / "out.txt", tmp_path / "real.txt")
    write_text(tmp_path / "out.txt", "a")
    assert (tmp_path / "real.txt").read_text() == "a"


def test_a_study_reached_by_a_link_is_written_to(harbour: Study, tmp_path: Path):
    (tmp_path / "link").symlink_to(harbour.root)
    write_text(tmp_path / "link" / "annotations" / "note.txt", "a")
    assert (harbour.root / "annotations" / "note.txt").read_text() == "a"


ODD_NAMES = ['a"b', "a\\b", "a\nb", "\x7f", "\x00", "😀", "é\u2028", "]", "a = 1", "'''"]


def test_odd_names_do_not_break_the_files_they_stand_in(harbour: Study):
    write_down_coders(harbour, ODD_NAMES, '\x7f 😀 "who"')
    assert set(ODD_NAMES) <= set(load_coders(harbour).coders)
    sample = Sample("a", "\x7f", 1, 1, ("😀:001",), (0.5,), ("\x7f\n",), frame={"\x7f\n": ("😀:001",)})
    assert read_sample(write_sample(harbour, sample)) == sample
    for name in (*ODD_NAMES, "\ud800"):
        written = tomllib.loads(f"{toml_text(name)} = {toml_text(name)}")
        assert written == {name.replace("\ud800", "?"): name.replace("\ud800", "?")}


def test_a_document_may_have_an_odd_title(harbour: Study, tmp_path: Path):
    (tmp_path / "odd.txt").write_text(QUAY)
    add_document(harbour, tmp_path / "odd.txt", author="A\x7f😀", title='"\x7f"')
    assert Study.load(harbour.root).document("odd").author == "A\x7f😀"


def test_a_folder_in_the_place_of_a_table_is_an_error_in_words(harbour: Study, command):
    (harbour.codings_folder / "x.jsonl").mkdir()
    result = command("gold", "--study", harbour.root)
    assert result.code == 1
    assert "cannot read" in result.err
    assert "fault in diptych" not in result.err


# --- secrets ------------------------------------------------------------------------------------------------


def told(error: BaseException) -> str:
    """Everything that a traceback with all its causes and contexts says, and the arguments of each."""
    said, chain = ["".join(traceback.TracebackException.from_exception(error).format(chain=True))], [error]
    while chain:
        one = chain.pop()
        said += [repr(one), str(vars(one))]
        chain += [inner for inner in (one.__cause__, one.__context__) if inner is not None]
    return "".join(said)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"detail": f"Invalid token {SECRET}"}),
        httpx.Response(400, json={"detail": f"not with {SECRET}", "validation_errors": {"a": SECRET}}),
        httpx.Response(500, text=SECRET),
        httpx.Response(200, text=f"<html>{SECRET}"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.InvalidURL("bad"),
        ValueError(f"no JSON: {SECRET}"),
    ],
    ids=["401", "400", "500", "html", "away", "slow", "address", "exchange"],
)
def test_no_error_of_label_studio_says_the_token(monkeypatch, caplog, answer):
    client = Client("http://127.0.0.1:9", SECRET)

    def request(*_: object, **__: object) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(client._sdk._client_wrapper.httpx_client, "request", request)
    with caplog.at_level(logging.DEBUG), pytest.raises(DiptychError) as caught:
        client.request("GET", "api/version")
    assert SECRET not in str(caught.value)
    assert SECRET not in caught.value.hint
    assert SECRET not in repr(client)
    shown = "".join(traceback.TracebackException.from_exception(caught.value).format(chain=True))
    assert SECRET not in shown
    assert SECRET not in caplog.text


def test_not_even_debugging_shows_the_token(tmp_path: Path, harbour: Study):
    environment = {
        "LABEL_STUDIO_URL": "http://127.0.0.1:9",
        "LABEL_STUDIO_API_KEY": SECRET,
        "PATH": "",
        "HOME": str(tmp_path),
    }
    environment |= {"PYTHONPATH": ":".join(sys.path[1:])}
    command = [sys.executable, "-m", "diptych", "studio", "push", "--debug", "--study", str(harbour.root)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_faulty_token_of_the_server_is_not_repeated(tmp_path: Path, command, monkeypatch):
    monkeypatch.setenv("DIPTYCH_TOKEN", f"{SECRET}é")
    for more in ([], ["--debug"]):
        try:
            result = command("serve", "--port", 0, *more)
        except DiptychError as error:
            said = told(error)
        else:
            said = result.out + result.err
        assert SECRET not in said


def test_a_password_in_an_address_is_not_repeated(harbour: Study, command):
    result = command("studio", "push", "--study", harbour.root, "--url", f"http://user:{SECRET}@127.0.0.1:9")
    assert result.code == 1
    assert SECRET not in result.out + result.err
