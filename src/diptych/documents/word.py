"""Word documents (.docx) → Markdown: headings by their styles, lists, and body paragraphs.

Tracked changes count as accepted; fields, notes, headers and footers are left out. A table's cell is body text
only where it holds whole sentences, as in pages laid out by tables.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from diptych.documents.lines import ends_sentence
from diptych.documents.markdown import Piece, compose
from diptych.errors import DocumentError

XML_LIMIT = 64 * 1024 * 1024  # bytes of XML when unpacked: a book of 500 pages has about a tenth of that
SIZE_LIMIT = 512 * 1024 * 1024  # with pictures
_OLE = b"\xd0\xcf\x11\xe0"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_GONE = {f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", _FALLBACK}
_WHITE = {f"{_W}tab", f"{_W}br", f"{_W}cr"}
_ASIDE = ("toc", "caption", "footnote", "endnote", "header", "footer", "macro")
_TITLES = ("heading", "title", "subtitle")
_HEADING_WORDS = 14


def word_text(data: bytes, name: str) -> str:
    """Return the body of a Word document as Markdown, one line a paragraph.

    Raises
    ------
    DocumentError
        If it is no .docx file, is damaged or encrypted, or unpacks to more than the limits.
    """
    from docx import Document

    if data.startswith(_OLE):
        raise DocumentError(
            f"{name}: this is an old Word file (.doc), or it is encrypted",
            hint="open it in a word processor and save it as .docx without a password",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_size(archive, len(data), name)
        document = Document(io.BytesIO(data))
        styles = {style.style_id: _role(style) for style in document.styles if style.style_id}
        return compose(_pieces(document.element.body, styles))
    except DocumentError:
        raise
    except zipfile.BadZipFile as error:
        hint = "is the ending right? a .docx file is a zip archive"
        raise DocumentError(f"{name}: this is no Word document, or it is damaged ({error})", hint=hint) from error
    except Exception as error:  # what python-docx, lxml and zipfile meet in a damaged file has no end
        raise DocumentError(
            f"{name}: the Word document is damaged ({type(error).__name__}: {error})",
            hint="open it in a word processor and save it anew",
        ) from error


def _check_size(archive: zipfile.ZipFile, size: int, name: str) -> None:
    """Refuse an archive that would fill the memory: sizes are as declared, and no more is ever unpacked.

    What is read as XML is not told by a part's name; pictures, which may be large, are packed already.
    """
    parts = archive.infolist()
    if sum(part.compress_size for part in parts) > size:
        raise zipfile.BadZipFile("its parts overlap")
    xml = sum(part.file_size for part in parts if _is_xml(part))
    whole = sum(part.file_size for part in parts)
    for found, limit, what in ((xml, XML_LIMIT, "of text and styles"), (whole, SIZE_LIMIT, "in all")):
        if found > limit:
            raise DocumentError(
                f"{name}: the Word document unpacks to {found // 2**20:,} MB {what}, {limit // 2**20} MB are allowed",
                hint="if it is what it should be, save its text as .txt",
            )


def _is_xml(part: zipfile.ZipInfo) -> bool:
    return part.filename.casefold().endswith((".xml", ".rels")) or part.file_size > 2 * part.compress_size


def _role(style: Any) -> str:
    """What the paragraphs of a style are: heading, item, aside, or body; by it and those it is based on."""
    names: list[str] = []
    elements: list[Any] = []
    while style is not None and len(names) < 20:  # a broken file may base a style on itself
        names.append(str(style.name or "").casefold())
        elements.append(style.element)
        style = getattr(style, "base_style", None)
    if any(name.startswith(_TITLES) for name in names):
        return "heading"
    if any(name.startswith(_ASIDE) for name in names):
        return "aside"
    return next((role for element in elements if (role := _role_of(element.find(f"{_W}pPr"))) != "body"), "body")


def _role_of(settings: Any) -> str:
    """What a paragraph is by its own settings."""
    if settings is None:
        return "body"
    level, number = settings.find(f"{_W}outlineLvl"), settings.find(f"{_W}numPr/{_W}numId")
    if level is not None and level.get(f"{_W}val") != "9":  # level 9 is body text
        return "heading"
    return "item" if number is not None and number.get(f"{_W}val") != "0" else "body"


def _pieces(body: Any, styles: dict[str, str]) -> Iterator[Piece]:
    """Walk over the paragraphs, those in frames, content controls and cells too, in the order of the file."""
    waiting = [(body, False)]
    while waiting:
        element, in_table = waiting.pop()
        if element.tag in _GONE:
            continue
        in_table = in_table or element.tag == f"{_W}tbl"
        waiting.extend((child, in_table) for child in reversed(element))
        if element.tag != f"{_W}p":
            continue
        text = _text(element)
        role = _paragraph_role(element, styles, text)
        if role != "aside" and (not in_table or ends_sentence(text)):
            yield Piece(text, "# " if role == "heading" else "- " if role == "item" else "")


def _paragraph_role(paragraph: Any, styles: dict[str, str], text: str) -> str:
    settings = paragraph.find(f"{_W}pPr")
    style = settings.find(f"{_W}pStyle") if settings is not None else None
    role = styles.get(style.get(f"{_W}val", ""), "body") if style is not None else "body"
    if role in ("body", "item"):
        own = _role_of(settings)
        role = own if own != "body" else role
    if role == "body" and len(text.split()) <= _HEADING_WORDS and not ends_sentence(text) and _is_bold(paragraph):
        return "heading"
    return role


def _is_bold(paragraph: Any) -> bool:
    """Whether every run with letters is bold: a heading made by hand."""
    runs = [run for run in paragraph.iter(f"{_W}r") if any((part.text or "").strip() for part in run.iter(f"{_W}t"))]
    marks = [run.find(f"{_W}rPr/{_W}b") for run in runs]
    return bool(marks) and all(mark is not None and mark.get(f"{_W}val", "1") not in ("0", "false") for mark in marks)


def _text(paragraph: Any) -> str:
    """The letters of a paragraph; paragraphs within it (text frames) speak for themselves."""
    found: list[str] = []
    waiting = list(reversed(paragraph))
    while waiting:
        element = waiting.pop()
        if element.tag in _GONE or element.tag == f"{_W}p":
            continue
        if element.tag == f"{_W}t":
            found.append(element.text or "")
        elif element.tag in _WHITE:
            found.append(" ")
        elif element.tag == f"{_W}noBreakHyphen":
            found.append("-")
        waiting.extend(reversed(element))
    return "".join(found)
