"""What can be read, and what is said of what cannot: html, pdf, docx and Parquet, for classify and ingest."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import docx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st

import diptych
from diptych.classifier.streams.rows import document_rows, table_rows
from diptych.documents import web, word
from diptych.documents.cut import cut_document
from diptych.documents.ingest import add_document, ingest, read_passages
from diptych.documents.markdown import Piece, compose
from diptych.documents.read import DOCUMENT_FORMATS, decode, read_bytes, read_document
from diptych.documents.text import normalise
from diptych.errors import DocumentError, MissingExtraError, RecordError
from diptych.exchange import parquet
from diptych.exchange.tables import Reject
from diptych.study import Study
from pdf_files import assembled

QUAY = "The quay is old, and nobody in the town wants to pay for it."
GULL = "A gull sits on the crane, as it did yesterday and the day before."
TOLL = "The port fears new tolls, and the town does not care for them."


def pdf(*pages: list[tuple[int, int, int, str]], trailer: bytes = b"") -> bytes:
    """A PDF written by hand: a page is a list of lines (left, base, size, text)."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(pages), kids),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    for number, lines in enumerate(pages):
        drawn = b"".join(
            b"BT /F1 %d Tf %d %d Td (%s) Tj ET\n" % (size, left, base, text.encode("cp1252"))
            for left, base, size, text in lines
        )
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 595]/Resources<</Font<</F1 3 0 R>>>>"
            b"/Contents %d 0 R>>" % (5 + 2 * number),
            b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
        ]
    return b"".join(assembled(objects, trailer))


PRINTED = [
    [
        (50, 560, 8, "Harbour studies 1"),
        (50, 520, 16, "On the quay"),
        (50, 490, 10, "The quay is old, and nobody in the town"),
        (50, 478, 10, "wants to pay for its repair or for the rap-"),
        (50, 466, 10, "prochement of its masters."),
        (50, 442, 10, "A gull sits on the crane, as it did the"),
        (50, 430, 10, "day before, and looks on while the town"),
    ],
    [
        (50, 560, 8, "Harbour studies 2"),
        (50, 490, 10, "has its dinner."),
        (50, 466, 10, "The port fears new tolls, and the town"),
        (50, 454, 10, "does not care for them at all."),
        (62, 442, 10, "In the summer the ferry comes, and all"),
        (50, 430, 10, "of the town stands on the old quay."),
    ],
]
SECRET = b"/Encrypt<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>/ID[<00><00>]" % (b"ab" * 32, b"cd" * 32)


def word_file(*paragraphs: str | tuple[str, str]) -> bytes:
    """A Word document of paragraphs: a text, or (text, style)."""
    made = docx.Document()
    for paragraph in paragraphs:
        text, style = paragraph if isinstance(paragraph, tuple) else (paragraph, None)
        made.add_paragraph(text, style=style)
    return saved(made)


def saved(document: docx.document.Document) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def table(columns: dict[str, list[object]], **options: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


def passages(data: bytes, kind: str) -> list[str]:
    """The passages of a document; what stands at their offsets is what they say."""
    text = read_bytes(data, f"a.{kind}", kind).text
    rows = [row for _, row in document_rows(f"a.{kind}", data, kind)]
    for row in rows:
        words, there = row["text"].split(), text[row["start"] : row["end"]].split()
        assert (words[0], words[-1]) == (there[0], there[-1])
    return [row["text"] for row in rows]


def page(body: str) -> list[str]:
    return passages(f"<!DOCTYPE html><html><head><title>Port</title></head><body>{body}</body></html>".encode(), "html")


# --- html ---------------------------------------------------------------------------------------------


def test_paragraphs_items_and_quotations_of_a_page_are_passages_and_headings_are_not():
    body = f"<h1>Keys</h1><p>{QUAY}</p><ul><li>{GULL}</li><li>Ask.</li></ul><blockquote><p>{TOLL}</p></blockquote>"
    assert page(body) == [QUAY, GULL, "Ask.", TOLL]


def test_the_headings_of_a_page_are_the_sections():
    source = read_bytes(f"<h2>On <i>the</i> quay</h2><p>{QUAY}<h3>Above</h3><p>{GULL}".encode(), "a.html", "html")
    cut = cut_document(source.text, "a", markdown=source.markdown)
    assert [passage.section for passage in cut] == ["On the quay", "Above"]


@pytest.mark.parametrize(
    "clutter",
    [
        "<script>let x = 'The key is lost, says the town.'</script>",
        "<style>p { color: red }</style>",
        "<nav><ul><li>The town has a home page.</li></ul></nav>",
        "<header><p>The best of all town papers, every day.</p></header>",
        "<footer><p>All of the rights are with the town.</p></footer>",
        "<aside><p>Read also what the ferry has to say.</p></aside>",
        '<div role="navigation"><p>Here you find the way back.</p></div>',
        "<p hidden>Nobody sees this line of text at all.</p>",
        '<p style="color:red; DISPLAY : none">Nobody sees this line.</p>',
        '<p aria-hidden="true">Nobody hears this line of text.</p>',
        "<noscript><p>Please turn on the scripts.</p></noscript>",
        "<!-- <p>The editor has a remark here.</p> -->",
        "<template><p>Name of the ferry, time of day.</p></template>",
        '<ul><li><a href="/a">The latest from the port</a></li><li><a href="/b">Weather</a></li></ul>',
        "<table><tr><th>Year</th><td>1999</td></tr></table>",
        "<div>Menu</div>",
        "<pre>if quay: pay()</pre>",
        "<button>Send it now, please.</button>",
        "<figure><img src=a.png><figcaption>The quay, seen from the town.</figcaption></figure>",
    ],
)
def test_what_is_no_text_of_the_page_is_left_out(clutter: str):
    assert page(f"{clutter}<p>{QUAY}</p>{clutter}<p>{GULL}</p>") == [QUAY, GULL]


def test_where_a_page_marks_its_main_part_the_rest_is_left_out():
    assert page(f"<p>{TOLL}</p><main><header><h1>Port</h1></header><p>{QUAY}</p></main><p>{GULL}</p>") == [QUAY]


def test_an_empty_main_part_does_not_hide_the_text():
    assert page(f"<main></main><p>{QUAY}</p>") == [QUAY]


def test_loose_sentences_and_lines_parted_by_breaks_are_passages():
    body = f"<table><tr><td>Menu</td><td>{QUAY}<br><br>{GULL}</td></tr></table><div>{TOLL}</div>"
    assert page(body) == [QUAY, GULL, TOLL]


def test_inline_marks_entities_and_note_marks_leave_running_text():
    body = "<p>The&nbsp;quay <b>is</b> <a href='#'>old</a><sup><a href='#n1'>[1]</a></sup> &amp;\n the H<sub>2</sub>O"
    body += " is\tcold.</p>"
    assert page(body) == ["The quay is old & the H2O is cold."]


def test_a_page_that_is_one_short_line_is_its_text():
    assert page("<div>Oil prices</div>") == ["Oil prices"]


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("", "utf-8"),
        ('<meta charset="windows-1251">', "cp1251"),
        ("<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>", "koi8-r"),
        ('<meta charset="windows-1251">', "utf-8"),
        ("", "utf-16"),
    ],
    ids=["UTF-8", "Windows", "KOI8", "said wrongly", "byte order mark"],
)
def test_a_page_is_decoded_as_it_says_unless_it_is_utf_8(said: str, stored: str):
    text = "Порт боится новых пошлин, а город о них не думает."
    assert passages(f"<html><head>{said}</head><p>{text}</p>".encode(stored), "html") == [text]


@pytest.mark.parametrize("said", ["rot13", "undefined", "idna", "raw_unicode_escape", "no-such", "utf-16"])
def test_an_encoding_that_no_page_is_in_is_not_believed(said: str):
    text = "Die Möwe sitzt auf dem Kran, wie sie es schon gestern getan hat, und schaut über den grauen Hafen."
    assert passages(f"<meta charset={said}><p>{text}</p>".encode("cp1252"), "html") == [text]


@pytest.mark.parametrize("body", ["", "<script>start()</script><div id=app></div>", "<p> . </p>"])
def test_a_page_without_text_is_refused(body: str):
    with pytest.raises(DocumentError, match=r"a\.html: (the page holds no text|there is no word in it|the document)"):
        read_bytes(f"<html><body>{body}</body></html>".encode(), "a.html", "html")


def test_a_page_nested_too_deep_is_refused_before_it_takes_minutes():
    with pytest.raises(DocumentError, match="more than 20,000 elements"):
        read_bytes(b"<div>" * 100_000 + QUAY.encode(), "a.html", "html")
    assert passages(b"<blockquote><b><x>" * 900 + f"<p>{QUAY}</p>".encode(), "html") == [QUAY]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "<p>",
                    "</p>",
                    "<li>",
                    "<td>",
                    "</div>",
                    "<div>",
                    "<a>",
                    "</a>",
                    "<br>",
                    "<h1>",
                    "<nav>",
                    "<x",
                    "<!--",
                ),
                *("-->", "&amp;", "&#0;", "The quay is old. ", "# ", "* ", "```", "\n", "\\", "1999. ", "|"),
            ]
        ),
        max_size=30,
    )
)
def test_any_page_gives_passages_at_their_places_or_is_refused(parts: list[str]):
    with suppress(DocumentError):
        passages("".join(parts).encode(), "html")


# --- Markdown as it is written ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("# 1 is the crane.", "#1 is the crane.", "| bar first", "```code```", "~~~ waves ~~~", "<!-- so"),
        *("[1]: a note", "[^1]: a note", "</p>", "\\# so", "1999. So it began.", "=== so", "--- so", "![a](b)"),
    ],
)
def test_a_paragraph_that_begins_like_a_mark_is_written_so_that_it_is_read_back(text: str):
    written = compose([Piece("Keys", "# "), Piece(QUAY), Piece(text), Piece(GULL)])
    cut = cut_document(written, "a", markdown=True)
    assert [written[slice(*passage.spans[0])] for passage in cut] == [QUAY, text, GULL]
    assert {passage.section for passage in cut} == {"Keys"}


# --- docx ---------------------------------------------------------------------------------------------


def test_paragraphs_and_items_of_a_word_document_are_passages_and_headings_the_sections():
    data = word_file(
        ("Harbour studies", "Title"),
        ("On the quay", "Heading 1"),
        QUAY,
        (GULL, "List Bullet"),
        ("Ask.", "List Number"),
        ("Above", "Heading 2"),
        (TOLL, "Intense Quote"),
        ("A picture of the quay", "Caption"),
    )
    assert passages(data, "docx") == [QUAY, GULL, "Ask.", TOLL]
    source = read_bytes(data, "a.docx", "docx")
    cut = cut_document(source.text, "a", markdown=True)
    assert [passage.section for passage in cut] == ["On the quay", "On the quay", "On the quay", "Above"]


def test_a_bold_line_is_a_heading_and_a_bold_sentence_is_none():
    made = docx.Document()
    made.add_paragraph().add_run("On the quay").bold = True
    made.add_paragraph().add_run(QUAY).bold = True
    assert passages(saved(made), "docx") == [QUAY]


def test_a_heading_by_its_level_and_a_list_by_its_number_need_no_style():
    made = docx.Document()
    for text, mark in (("Above the town", "outlineLvl"), (QUAY, "numPr")):
        settings_ = made.add_paragraph(text)._p.get_or_add_pPr()
        element = OxmlElement(f"w:{mark}")
        if mark == "outlineLvl":
            element.set(qn("w:val"), "0")
        else:
            number = OxmlElement("w:numId")
            number.set(qn("w:val"), "1")
            element.append(number)
        settings_.append(element)
    assert read_bytes(saved(made), "a.docx", "docx").text == f"# Above the town\n\n- {QUAY}\n"


def test_only_sentences_of_a_table_are_passages():
    made = docx.Document()
    cells = made.add_table(rows=1, cols=2).rows[0].cells
    cells[0].text, cells[1].text = "1999", QUAY
    made.add_paragraph(GULL)
    assert passages(saved(made), "docx") == [QUAY, GULL]


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<w:r><w:t>The key </w:t></w:r><w:ins><w:r><w:t>is here.</w:t></w:r></w:ins>", "The key is here."),
        ("<w:r><w:t>Here.</w:t></w:r><w:del><w:r><w:delText> Not.</w:delText></w:r></w:del>", "Here."),
        ("<w:hyperlink><w:r><w:t>The key</w:t></w:r></w:hyperlink><w:r><w:t> is here.</w:t></w:r>", "The key is here."),
        ("<w:r><w:t>The key</w:t><w:tab/><w:t>is</w:t><w:br/><w:t>here.</w:t></w:r>", "The key is here."),
        ("<w:sdt><w:sdtContent><w:r><w:t>The key is here.</w:t></w:r></w:sdtContent></w:sdt>", "The key is here."),
        ("<w:r><w:t>A key</w:t><w:noBreakHyphen/><w:t>ring.</w:t></w:r>", "A key-ring."),
        ("<w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:t>Key.</w:t></w:r>", "Key."),
    ],
    ids=["inserted", "deleted", "link", "tab and break", "content control", "hyphen", "field"],
)
def test_what_a_reader_of_a_word_document_sees_is_read(inside: str, text: str):
    made = docx.Document()
    made.element.body.insert(0, parse_xml(f"<w:p {W}>{inside}</w:p>"))
    assert passages(saved(made), "docx") == [text]


def test_paragraphs_in_content_controls_and_frames_are_read_once():
    made = docx.Document()
    made.add_paragraph(QUAY)
    frame = f"<w:r><w:txbxContent><w:p><w:r><w:t>{GULL}</w:t></w:r></w:p></w:txbxContent></w:r>"
    made.element.body.insert(1, parse_xml(f"<w:p {W}>{frame}<w:r><w:t>{TOLL}</w:t></w:r></w:p>"))
    made.element.body.insert(
        2, parse_xml(f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>Ask.</w:t></w:r></w:p></w:sdtContent></w:sdt>")
    )
    assert passages(saved(made), "docx") == [QUAY, TOLL, GULL, "Ask."]


def repacked(data: bytes, changes: dict[str, bytes | None]) -> bytes:
    """A copy of a zip archive with parts changed, or left out."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name in {*source.namelist(), *changes}:
            content = changes.get(name, source.read(name) if name in source.namelist() else None)
            if content is not None:
                target.writestr(name, content)
    return stream.getvalue()


PLAIN_WORD = word_file(QUAY)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"words", "no Word document"),
        (b"PK\x03\x04" + bytes(200), "no Word document"),
        (PLAIN_WORD[:-400], "no Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), r"an old Word file \(\.doc\), or it is encrypted"),
        (repacked(PLAIN_WORD, {"word/document.xml": b"<w:document"}), "damaged"),
        (repacked(PLAIN_WORD, {"word/document.xml": None}), "damaged"),
        (repacked(PLAIN_WORD, {"[Content_Types].xml": None}), "damaged"),
        (repacked(PLAIN_WORD, {"word/styles.xml": b"<a/>"}), "damaged"),
        (word_file(), "no word in it"),
        (word_file("…", "– – –"), "no word in it"),
    ],
    ids=["text", "zeros", "cut off", "old", "bad xml", "no body", "no types", "bad styles", "empty", "dashes"],
)
def test_what_is_no_word_document_is_refused(data: bytes, said: str):
    with pytest.raises(DocumentError, match=rf"a\.docx: .*{said}") as caught:
        read_bytes(data, "a.docx", "docx")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("word/document.xml", bytes(3_000_000), "of text and styles"),
        ("word/media/image1.png", bytes(3_000_000), "of text and styles"),  # what is XML is not told by its name
        ("word/media/image1.png", random.Random(1).randbytes(3_000_000), "in all"),  # noqa: S311
    ],
)
def test_a_word_document_that_would_fill_the_memory_is_refused_unread(
    monkeypatch, name: str, content: bytes, said: str
):
    monkeypatch.setattr(word, "XML_LIMIT", 1_000_000)
    monkeypatch.setattr(word, "SIZE_LIMIT", 2_000_000)
    with pytest.raises(DocumentError, match=rf"unpacks to \d MB {said}"):
        read_bytes(repacked(PLAIN_WORD, {name: content}), "a.docx", "docx")


def test_a_word_document_that_lies_about_its_size_is_not_unpacked_further():
    body = f"<w:document {W}><w:body><w:p><w:r><w:t>{'x ' * 100_000}</w:t></w:r></w:p></w:body></w:document>".encode()
    data = repacked(PLAIN_WORD, {"word/document.xml": body})
    lying = data.replace(len(body).to_bytes(4, "little"), (500).to_bytes(4, "little"))
    assert lying != data
    with pytest.raises(DocumentError, match=r"a\.docx: .*damaged"):
        read_bytes(lying, "a.docx", "docx")


def test_entities_of_a_word_document_are_not_blown_up_and_read_no_file():
    inside = '<!DOCTYPE d [<!ENTITY a "quay"><!ENTITY f SYSTEM "file:///etc/hostname">]>'
    text = "<w:p><w:r><w:t>The &a; &f; is old.</w:t></w:r></w:p>"
    data = repacked(
        PLAIN_WORD, {"word/document.xml": f"{inside}<w:document {W}><w:body>{text}</w:body></w:document>".encode()}
    )
    try:
        found = read_bytes(data, "a.docx", "docx").text
    except DocumentError:
        return
    hostname = Path("/etc/hostname").read_text().strip() if Path("/etc/hostname").exists() else "?"
    assert hostname not in found


# --- pdf ----------------------------------------------------------------------------------------------


def test_a_pdf_is_cut_into_its_paragraphs_over_lines_hyphens_and_pages():
    assert passages(pdf(*PRINTED), "pdf") == [
        "The quay is old, and nobody in the town wants to pay for its repair or for the rapprochement of its masters.",
        "A gull sits on the crane, as it did the day before, and looks on while the town has its dinner.",
        "The port fears new tolls, and the town does not care for them at all.",
        "In the summer the ferry comes, and all of the town stands on the old quay.",
    ]


def test_the_heading_of_a_pdf_is_the_section():
    cut = cut_document(read_bytes(pdf(*PRINTED), "a.pdf", "pdf").text, "a")
    assert {passage.section for passage in cut} == {"On the quay"}


def test_columns_are_read_one_after_the_other():
    left = [(40, 500 - 12 * row, 10, line) for row, line in enumerate(["The quay is old and", "nobody in the town"])]
    right = [(220, 500 - 12 * row, 10, line) for row, line in enumerate(["wants to pay for its", "repair."])]
    assert normalise(read_bytes(pdf(left + right), "a.pdf", "pdf").text) == (
        "The quay is old and nobody in the town wants to pay for its repair."
    )


def test_pieces_of_one_line_are_put_together():
    drawn = [(50, 500, 10, "The quay"), (94, 500, 10, "is old."), (50, 488, 10, "A gull sits there.")]
    assert read_bytes(pdf(drawn), "a.pdf", "pdf").text.splitlines()[0] == "The quay is old."


def test_letters_beyond_ascii_come_out_of_a_pdf():
    assert "“Müßig” – das Café" in read_bytes(pdf([(50, 500, 10, "“Müßig” – das Café")]), "a.pdf", "pdf").text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pdf(PRINTED[0], trailer=SECRET), "encrypted and wants a password"),
        (pdf([], []), r"no text on its 2 pages \(a scan\?\)"),
        (pdf([(50, 500, 10, " ")]), r"no text on its 1 page \(a scan\?\)"),
        (b"%PDF-1.4 nonsense", "no PDF, or it is damaged"),
        (b"words", "no PDF, or it is damaged"),
        (pdf(PRINTED[0])[:300], "no PDF, or it is damaged|holds no text"),
        (b"", "empty"),
    ],
    ids=["encrypted", "scan", "blank", "nonsense", "text", "cut off", "no byte"],
)
def test_a_pdf_that_gives_no_text_is_refused(data: bytes, said: str):
    with pytest.raises(DocumentError, match=rf"a\.pdf: .*({said})") as caught:
        read_bytes(data, "a.pdf", "pdf")
    assert caught.value.hint


def test_pages_without_text_are_noted(command, harbour_model, tmp_path):
    (tmp_path / "a.pdf").write_bytes(pdf(PRINTED[0], [], []))
    result = command("classify", tmp_path / "a.pdf", "--model", harbour_model)
    assert result.code == 0
    assert result.err == f"{tmp_path / 'a.pdf'}: 2 of 3 pages hold no text (2, 3)\n"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=30))
def test_a_damaged_pdf_or_word_document_is_read_or_refused(changes: list[tuple[float, int]]):
    for data, kind in ((pdf(*PRINTED), "pdf"), (PLAIN_WORD, "docx")):
        damaged = bytearray(data)
        for place, value in changes:
            damaged[int(place * len(damaged))] = value
        with suppress(DocumentError):
            read_bytes(bytes(damaged), f"a.{kind}", kind)


# --- plain text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a\0b and so on", "NUL byte in line 1"),
        ("Порт боится пошлин. ".encode() * 5 + b"\n\n" + "Möwe.".encode("cp1252"), "mixed encodings.*1 bytes.*line 3"),
        (b"%PDF-1.4\nwords", "no text file"),
        ("... – !? «»".encode(), "no word in it"),
        ("The quay is old. ".encode("utf-16-le"), "no text file"),
    ],
    ids=["NUL", "mixed", "a pdf", "punctuation", "UTF-16 without a mark"],
)
def test_a_text_that_is_none_is_refused_in_clear_words(data: bytes, said: str):
    with pytest.raises(DocumentError, match=rf"a\.txt: .*{said}") as caught:
        read_bytes(data, "a.txt", "text")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data", "looks"),
    [(pdf(*PRINTED), "a PDF"), (PLAIN_WORD, "a Word document"), (table({"a": ["b"]}), "a Parquet table")],
    ids=["pdf", "docx", "parquet"],
)
def test_a_file_under_another_name_is_recognised(data: bytes, looks: str):
    with pytest.raises(DocumentError, match="no text file") as caught:
        decode(data, "a.txt")
    assert looks in caught.value.hint
    assert "--input" in caught.value.hint


def refusal(data: bytes) -> str:
    """Why bytes are not decoded; empty where they are."""
    try:
        decode(data, "a.txt")
    except DocumentError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("stored", ["cp1251", "koi8-r", "cp866", "gb18030", "big5", "shift_jis", "cp1252"])
def test_a_text_in_one_old_encoding_is_not_taken_for_mixed(stored: str):
    texts = {
        "cp1252": "«Müßig» ist die Möwe – “so” heißt es – über den größten Häfen von Köln.",
        "gb18030": "北京的石油价格上涨，港口担心新的关税。" * 3,
        "big5": "北京的石油價格上漲，港口擔心新的關稅。" * 3,
        "shift_jis": "港は新しい関税を恐れているが、町は気にしていない。" * 3,
    }
    text = texts.get(stored, "Порт боится новых пошлин, а город о них «не думает» вовсе. Ёлка стоит." * 3)
    assert "mixed" not in refusal(text.encode(stored, "ignore"))


# --- Parquet ------------------------------------------------------------------------------------------


def rows_of(data: bytes | io.RawIOBase, *, text_column: str = "text", id_column: str | None = None):
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    return list(table_rows(stream, "a.parquet", "parquet", text_column=text_column, id_column=id_column))


class Pipe(io.BytesIO):
    """A stream that cannot be rewound."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError("not seekable")


def test_a_parquet_table_gives_its_rows_with_numbers_over_row_groups():
    data = table({"n": list(range(1200)), "text": [f"The quay {n}." for n in range(1200)]}, row_group_size=700)
    rows = rows_of(data)
    assert [number for number, _ in rows] == list(range(1, 1201))
    assert rows[0] == (1, {"n": 0, "text": "The quay 0."})
    assert rows[-1] == (1200, {"n": 1199, "text": "The quay 1199."})
    assert rows_of(Pipe(data)) == rows


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_every_kind_of_text_column_is_text(kind: pa.DataType):
    stream = io.BytesIO()
    try:
        pq.write_table(pa.table({"text": pa.array([QUAY, GULL]).cast(kind)}), stream)
    except pa.ArrowNotImplementedError:
        pytest.skip(f"this pyarrow writes no {kind}")
    assert [row["text"] for _, row in rows_of(stream.getvalue())] == [QUAY, GULL]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int64"),
        ([1.5], "double"),
        ([["a"]], "list"),
        ([{"a": "b"}], "struct"),
        ([b"a"], "binary"),
        ([None], "null"),
    ],
)
def test_a_column_that_is_no_text_is_named_with_its_type_and_the_columns_that_are(values: list[object], kind: str):
    with pytest.raises(RecordError, match=rf"a\.parquet: column 'body' holds no text but {kind}") as caught:
        rows_of(table({"body": values, "title": ["x"] * len(values)}), text_column="body")
    assert "title" in caught.value.hint


def test_a_missing_column_of_a_parquet_table_is_named_with_the_nearest():
    with pytest.raises(RecordError, match=r"column 'text' is missing \(did you mean 'txt'\?\)"):
        rows_of(table({"txt": [QUAY]}))
    with pytest.raises(RecordError, match="column 'id' is missing"):
        rows_of(table({"text": [QUAY]}), id_column="id")


def test_values_that_are_no_text_are_set_aside_and_other_columns_keep_their_kind():
    data = table({"text": [QUAY, None, "", " . ", "a\0b"], "n": [1.5, float("nan"), None, 2.0, 3.0]})
    rows = rows_of(data)
    assert rows[0][1] == {"text": QUAY, "n": 1.5}
    assert [(row.line, row.reason) for _, row in rows[1:]] == [
        (2, "text is no text but null"),
        (3, "text is empty"),
        (4, "text holds no word"),
        (5, "text holds a NUL character: it is damaged, or was UTF-16"),
    ]
    assert json.loads(rows[1][1].row) == {"n": None, "text": None}


def test_text_that_is_not_utf_8_sets_its_row_aside_alone():
    stream = io.BytesIO()
    texts = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\4\0\0\0\6\0\0\0\12\0\0\0"), pa.py_buffer(b"quay\xff\xfetown")]
    )
    pq.write_table(pa.table({"text": texts}), stream)
    rows = rows_of(stream.getvalue())
    assert [row if isinstance(row, Reject) else row["text"] for _, row in rows] == [
        "quay",
        Reject(2, "not UTF-8", ""),
        "town",
    ]


def broken_group() -> bytes:
    """Three row groups, of which the second cannot be unpacked."""
    data = bytearray(table({"text": [f"{QUAY} {n}" for n in range(30)]}, row_group_size=10, compression="zstd"))
    place = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0)
    start = place.dictionary_page_offset or place.data_page_offset
    data[start : start + place.total_compressed_size] = b"\xff" * place.total_compressed_size
    return bytes(data)


def test_a_part_that_cannot_be_read_is_set_aside_and_the_others_go_on():
    rows = rows_of(broken_group())
    rejects = [row for _, row in rows if isinstance(row, Reject)]
    assert [number for number, row in rows if not isinstance(row, Reject)] == [*range(1, 11), *range(21, 31)]
    assert [reject.line for reject in rejects] == [11]
    assert rejects[0].reason.startswith("rows 11 to 20 (row group 2) cannot be read: ")


@pytest.mark.parametrize("data", [b"", b"words", b"PAR1" + bytes(40) + b"PAR1", table({"text": [QUAY]})[:-9]])
def test_a_file_that_is_no_parquet_table_is_refused(data: bytes):
    with pytest.raises(RecordError, match=r"a\.parquet: this is no Parquet file, or it is damaged"):
        rows_of(data)


def test_a_table_is_read_in_batches(monkeypatch):
    monkeypatch.setattr(parquet, "BATCH", 10)
    taken = []
    real = parquet._rows
    monkeypatch.setattr(parquet, "_rows", lambda batch, before: (taken.append(batch.num_rows), real(batch, before))[1])
    stream = io.BytesIO(table({"text": [f"{QUAY} {n}" for n in range(100)]}))
    rows = table_rows(stream, "a.parquet", "parquet", text_column="text", id_column=None)
    next(rows)
    assert taken == [10]


# --- packages that are not installed ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("a.html", "selectolax", "documents"),
        ("a.pdf", "pypdfium2", "documents"),
        ("a.docx", "python-docx", "documents"),
        ("a.parquet", "pyarrow", "parquet"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    command, harbour_model, tmp_path, monkeypatch, name: str, package: str, extra: str
):
    for module in ("diptych.documents.read", "diptych.exchange.parquet"):
        monkeypatch.setattr(f"{module}.find_spec", lambda _: None)
    (tmp_path / name).write_bytes(b"any")
    (tmp_path / "b.txt").write_text(QUAY)
    result = command("classify", tmp_path / "b.txt", tmp_path / name, "--model", harbour_model)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: this needs {package}, which is not installed\nhint: pip install 'diptych[{extra}]'\n"
    if extra == "documents":
        with pytest.raises(MissingExtraError, match=package):
            read_document(tmp_path / name)


def test_a_text_needs_none_of_these_packages(harbour_model, tmp_path):
    (tmp_path / "a.txt").write_text(QUAY)
    code = (
        "import sys; from diptych.cli.main import run\n"
        "assert run(['classify', *sys.argv[1:]]) == 0\n"
        "assert not {'pyarrow', 'docx', 'lxml', 'selectolax', 'pypdfium2'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.txt", "--model", harbour_model],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# --- the command --------------------------------------------------------------------------------------


@pytest.fixture
def harbour_model(trained_harbour) -> Path:
    """The model of the small study that `diptych init` makes."""
    return trained_harbour.model_file


FILES = {
    "text": f"{QUAY}\n\n{GULL}\n".encode(),
    "markdown": f"# Port\n\n{QUAY}\n\n- {GULL}\n".encode(),
    "html": f"<h1>Port</h1><p>{QUAY}<p>{GULL}".encode(),
    "pdf": pdf([(50, 500, 10, QUAY), (50, 470, 10, GULL)]),
    "docx": word_file(QUAY, GULL),
    "csv": f'text\n"{QUAY}"\n"{GULL}"\n'.encode(),
    "tsv": f"text\n{QUAY}\n{GULL}\n".encode(),
    "jsonl": "".join(json.dumps({"text": text}) + "\n" for text in (QUAY, GULL)).encode(),
    "parquet": table({"text": [QUAY, GULL]}),
}
ENDINGS = {"text": ".txt", "markdown": ".md"}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("way", ["file", "stdin"])
def test_classify_takes_every_format_by_name_and_on_standard_input(
    command, harbour_model, tmp_path, monkeypatch, kind: str, way: str
):
    if way == "file":
        path = tmp_path / ("a" + ENDINGS.get(kind, f".{kind}"))
        path.write_bytes(FILES[kind])
        result = command("classify", path, "--model", harbour_model)
    else:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Pipe(FILES[kind])))
        result = command("classify", "-", "--input", kind, "--model", harbour_model)
    assert (result.code, result.err) == (0, "")
    assert [row["text"] for row in result.rows] == [QUAY, GULL]
    if kind in set(DOCUMENT_FORMATS.values()):
        name = "a" if way == "file" else "stdin"
        assert [(row["document"], row["passage"]) for row in result.rows] == [
            (name, f"{name}:001"),
            (name, f"{name}:002"),
        ]
        assert all(row["end"] - row["start"] >= len(row["text"]) for row in result.rows)


def test_one_prediction_whatever_the_text_comes_in(command, harbour_model, tmp_path):
    found = []
    for kind, data in FILES.items():
        (tmp_path / kind).write_bytes(data)
        rows = command("classify", tmp_path / kind, "--input", kind, "--model", harbour_model).rows
        found.append([[row["side"], row["side_p"], row["tone"]] for row in rows])
    assert found == [found[0]] * len(FILES)


def test_of_several_files_one_that_cannot_be_read_goes_aside_and_the_others_go_on(
    command, harbour_model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("a.pdf").write_bytes(pdf([]))
    Path("b.docx").write_bytes(b"words")
    Path("c.csv").write_text(f'text\n"{QUAY}"\n""\n')
    Path("d.parquet").write_bytes(table({"text": [1]}))
    Path("e.txt").write_text(GULL)
    files = ["a.pdf", "b.docx", "c.csv", "d.parquet", "e.txt", "none.txt"]
    result = command("classify", *files, "--model", harbour_model)
    assert result.code == 3
    assert [row["text"] for row in result.rows] == [QUAY, GULL]
    rejects = [json.loads(line) for line in Path("a.pdf.rejects.jsonl").read_text().splitlines()]
    assert [(reject["file"], reject["line"]) for reject in rejects] == [
        *(("a.pdf", 0), ("b.docx", 0), ("c.csv", 3), ("d.parquet", 0), ("none.txt", 0)),
    ]
    assert "holds no text but int64" in rejects[3]["reason"]
    assert result.err.startswith("5 files or rows rejected, see a.pdf.rejects.jsonl; the first: a.pdf: the PDF holds")


def test_a_single_file_that_cannot_be_read_is_an_error_and_leaves_no_file(
    command, harbour_model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name, data in (("a.pdf", pdf([])), ("b.docx", b"words"), ("c.parquet", b"words"), ("d.md", b"12 | 13\n")):
        Path(name).write_bytes(data if name != "d.md" else b"| 12 | 13 |\n")
        result = command("classify", name, "--model", harbour_model)
        assert (result.code, result.out) == (1, "")
        assert [line.partition(":")[0] for line in result.err.splitlines()] == ["error", "hint"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "b.docx", "c.parquet", "d.md"]


def test_documents_and_tables_have_their_text_in_one_column(command, harbour_model, tmp_path):
    (tmp_path / "a.pdf").write_bytes(FILES["pdf"])
    (tmp_path / "b.csv").write_text(f"body,n\n{TOLL.replace(',', '')},1\n")
    files = (tmp_path / "a.pdf", tmp_path / "b.csv")
    result = command("classify", *files, "--text-column", "body", "--model", harbour_model)
    assert (result.code, result.err) == (0, "")
    assert [row["body"] for row in result.rows] == [QUAY, GULL, TOLL.replace(",", "")]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_a_text_with_a_nul_or_without_a_word_is_set_aside(command, harbour_model, tmp_path, monkeypatch, kind: str):
    monkeypatch.chdir(tmp_path)
    texts = [QUAY.replace(",", ""), "a\0b", "?! …", GULL.replace(",", "")]
    lines = [json.dumps({"text": text}) for text in texts] if kind == "jsonl" else ["text", *texts]
    Path(f"a.{kind}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = command("classify", f"a.{kind}", "--model", harbour_model)
    assert result.code == 3
    assert [row["text"] for row in result.rows] == [texts[0], texts[3]]
    rejects = [json.loads(line) for line in Path(f"a.{kind}.rejects.jsonl").read_text().splitlines()]
    first = 2 if kind == "jsonl" else 3
    assert [(reject["line"], reject["reason"].partition(":")[0]) for reject in rejects] == [
        (first, "text holds a NUL character"),
        (first + 1, "text holds no word"),
    ]


def test_an_unknown_ending_is_refused_before_anything_is_read(command, harbour_model, tmp_path):
    (tmp_path / "a.txt").write_text(QUAY)
    result = command("classify", tmp_path / "a.txt", tmp_path / "b.docs", "--model", harbour_model)
    assert (result.code, result.out) == (2, "")
    assert "did you mean '.docx'?" in result.err
    assert "--input" in result.err


def test_documents_of_one_name_are_told_apart(command, harbour_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("pdf", "docx"):
        Path(f"a.{kind}").write_bytes(FILES[kind])
    Path("b.txt").write_text(TOLL)
    rows = command("classify", "a.pdf", "a.docx", "b.txt", "--model", harbour_model).rows
    assert [row["passage"] for row in rows] == ["a.pdf:001", "a.pdf:002", "a.docx:001", "a.docx:002", "b:001"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_a_table_in_utf_16_is_named_as_such(command, harbour_model, tmp_path, kind: str, encoding: str):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(FILES[kind].decode().encode(encoding))
    result = command("classify", path, "--model", harbour_model)
    assert result.code == 1
    assert "the table is in UTF-16 or damaged, not in UTF-8" in result.err


def test_a_text_of_100_000_words_is_classified_and_noted(command, harbour_model, tmp_path):
    long = f"{QUAY} {GULL} {TOLL} " * 2_500
    assert len(long.split()) == 102_500
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": long}) + "\n" + json.dumps({"text": QUAY}) + "\n")
    result = command("classify", tmp_path / "a.jsonl", "--model", harbour_model)
    assert result.code == 0
    assert len(result.rows) == 2
    assert result.err.startswith("1 text holds more than 1,000 words; the model knows passages of about a paragraph")


# --- ingest -------------------------------------------------------------------------------------------


def taken(study: Study, tmp_path: Path, name: str, data: bytes) -> Study:
    (tmp_path / name).write_bytes(data)
    add_document(study, tmp_path / name, author="C. Lund")
    return Study.load(study.root)


INGESTED = [
    ("essay.html", FILES["html"], ".md"),
    ("essay.docx", FILES["docx"], ".md"),
    ("essay.pdf", FILES["pdf"], ".txt"),
]


@pytest.mark.parametrize(("name", "data", "ending"), INGESTED, ids=["html", "docx", "pdf"])
def test_the_extracted_text_is_stored_with_its_hash_and_offsets_point_into_it(
    harbour: Study, tmp_path: Path, name: str, data: bytes, ending: str
):
    study = taken(harbour, tmp_path, name, data)
    document = study.document("essay")
    stored = study.root / "seeds" / f"essay.extracted{ending}"
    assert study.text_file(document) == stored
    assert document.text_sha256 == read_bytes(stored.read_bytes(), stored.name, "text").sha256
    assert document.extractor.split()[0] in ("selectolax", "python-docx", "pypdfium2")
    assert (study.root / "seeds" / name).read_bytes() == data
    assert [one.outcome for one in ingest(study)] == ["unchanged", "unchanged", "cut"]
    text = stored.read_text(encoding="utf-8")
    assert document.length == len(text)
    found = read_passages(study, document)
    assert [text[slice(*passage.spans[0])] for passage in found] == [QUAY, GULL]
    frame = diptych.load_passages(study)
    assert frame.loc[frame["document"] == "essay", "text"].tolist() == [QUAY, GULL]
    assert [one.outcome for one in ingest(study)] == ["unchanged"] * 3


def test_the_stored_text_is_enough_without_original_and_without_packages(harbour, tmp_path, monkeypatch):
    study = taken(harbour, tmp_path, "essay.docx", FILES["docx"])
    (study.root / "seeds" / "essay.docx").unlink()
    monkeypatch.setattr("diptych.documents.read.find_spec", lambda _: None)
    assert [one.outcome for one in ingest(study)][-1] == "cut"
    assert diptych.load_passages(study)["text"].tolist()[-2:] == [QUAY, GULL]


def test_an_original_of_ones_own_gives_the_stored_text_back(harbour, tmp_path, command):
    study = taken(harbour, tmp_path, "essay.pdf", FILES["pdf"])
    ingest(study)
    document = study.document("essay")
    before = study.text_file(document).read_bytes()
    study.text_file(document).unlink()
    (study.root / "seeds" / "essay.pdf").unlink()
    assert ingest(study)[-1].outcome == "original not at hand"
    (tmp_path / "under another name.pdf").write_bytes(FILES["pdf"])
    result = command("ingest", tmp_path / "under another name.pdf", "--study", study.root)
    assert result.code == 0
    assert study.text_file(document).read_bytes() == before


def test_another_extraction_than_the_coded_one_is_refused_with_the_version_that_made_it(harbour, tmp_path):
    study = taken(harbour, tmp_path, "essay.html", FILES["html"])
    toml = study.root / "study.toml"
    document = study.document("essay")
    toml.write_text(
        toml.read_text().replace(document.text_sha256, "0" * 64).replace(document.extractor, "selectolax 0.1")
    )
    study.text_file(document).unlink()
    with pytest.raises(DocumentError, match=r"extracts another text than selectolax 0\.1 did") as caught:
        ingest(Study.load(study.root))
    assert "pip install 'selectolax==0.1'" in caught.value.hint


@pytest.mark.parametrize("file", ["essay.extracted.md", "essay.docx"])
def test_a_stored_text_or_original_that_changed_is_refused(harbour, tmp_path, command, file: str):
    study = taken(harbour, tmp_path, "essay.docx", FILES["docx"])
    ingest(study)
    path = study.root / "seeds" / file
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DocumentError, match=rf"seeds/{file} is not the (text|document) described"):
        ingest(study)
    lines = {line["what"]: line["state"] for line in command("status", "--json", "--study", study.root).json["lines"]}
    assert (lines["document essay"], lines["document harbour-north"]) == ("broken", "ok")


def test_corrections_are_bound_to_the_extracted_text(harbour, tmp_path):
    study = taken(harbour, tmp_path, "essay.docx", FILES["docx"])
    document = study.document("essay")
    fixes = f'format = 1\ndocument = "essay"\nsha256 = "{document.text_sha256}"\n'
    fixes += f'[[drop]]\nstart = 0\nend = {len(QUAY)}\nreason = "front matter"\n'
    study.fixes_file("essay").write_text(fixes)
    assert ingest(study)[-1].passages == 1
    study.fixes_file("essay").write_text(fixes.replace(document.text_sha256, document.sha256))
    with pytest.raises(DocumentError, match="belong to another version"):
        ingest(study)


def test_a_page_in_an_old_encoding_is_ingested_from_the_original_too(harbour, tmp_path):
    text = "Порт боится новых пошлин, а город о них не думает."
    study = taken(harbour, tmp_path, "essay.html", f"<meta charset=cp1251><p>{text}</p>".encode("cp1251"))
    study.text_file(study.document("essay")).unlink()
    ingest(study)
    assert diptych.load_passages(study)["text"].tolist()[-1] == text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pdf", pdf([])),
        ("a.pdf", pdf(PRINTED[0], trailer=SECRET)),
        ("a.docx", b"words"),
        ("a.html", b"<script></script>"),
    ],
    ids=["scan", "encrypted", "no zip", "no text"],
)
def test_a_document_that_gives_no_text_leaves_the_study_as_it_was(command, harbour, tmp_path, name: str, data: bytes):
    (tmp_path / name).write_bytes(data)
    before = {path: path.read_bytes() for path in harbour.root.rglob("*") if path.is_file() and path.name != "busy"}
    result = command("ingest", tmp_path / name, "--author", "C. Lund", "--study", harbour.root)
    assert result.code == 1
    assert [line.partition(":")[0] for line in result.err.splitlines()] == ["error", "hint"]
    after = {path: path.read_bytes() for path in harbour.root.rglob("*") if path.is_file() and path.name != "busy"}
    assert after == before


def test_of_several_documents_those_that_can_be_read_are_ingested(command, harbour, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.pdf").write_bytes(pdf([]))
    Path("b.docx").write_bytes(FILES["docx"])
    Path("c.html").write_bytes(b"")
    result = command("ingest", "a.pdf", "b.docx", "c.html", "--author", "C. Lund", "--study", harbour.root)
    assert result.code == 3
    assert "2 of 3 files not taken:\na.pdf: the PDF holds no text on its 1 page (a scan?); " in result.err
    assert "\nc.html: the document is empty" in result.err
    assert [document.id for document in Study.load(harbour.root).settings.documents][2:] == ["b"]
    assert len(read_passages(harbour, Study.load(harbour.root).document("b"))) == 2


def test_the_limits_are_what_the_documentation_says():
    assert (word.XML_LIMIT, word.SIZE_LIMIT, web.DEPTH_LIMIT) == (64 * 2**20, 512 * 2**20, 20_000)
