"""Bytes of a file → text, with the decoding that was used."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from diptych.errors import DocumentError, MissingExtraError
from diptych.files import sha256_bytes

DOCUMENT_FORMATS = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
}
PACKAGES = {"html": "selectolax", "pdf": "pypdfium2", "docx": "docx"}
_DISTRIBUTIONS = {"docx": "python-docx"}
_MAGIC = {b"%PDF-": "a PDF (.pdf)", b"PK\x03\x04": "a Word document (.docx) or another archive"}
_MAGIC |= {b"PAR1": "a Parquet table (.parquet)", b"\xd0\xcf\x11\xe0": "an old Office file"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x0b\x1b\x1c\x1d\x1e\x1f\x85")) + b"\x7f"


@dataclass(frozen=True, slots=True)
class Source:
    """A document as read: its text, how it came about, and the hash of the bytes.

    The text of a plain document is its bytes decoded, newlines untouched; that of a pdf, docx or html document is
    extracted, and `extractor` names what did it. `notes` say what could not be read.
    """

    name: str
    text: str
    encoding: str
    sha256: str
    markdown: bool = False
    extractor: str = ""
    notes: tuple[str, ...] = ()

    @property
    def text_sha256(self) -> str:
        """The hash of what offsets point into: of the text where it is extracted, else of the bytes."""
        return sha256_bytes(self.text.encode()) if self.extractor else self.sha256


def document_kind(path: Path) -> str:
    """Return what a document is, by its name: text, markdown, html, pdf or docx.

    Raises
    ------
    DocumentError
        If documents of this type are not read.
    """
    kind = DOCUMENT_FORMATS.get(path.suffix.casefold())
    if kind is None:
        raise DocumentError(
            f"{path.name}: documents of type {path.suffix or '(no ending)'} are not read",
            hint=f"save it as one of: {', '.join(DOCUMENT_FORMATS)}",
        )
    return kind


def check_extra(kind: str) -> None:
    """Raise `MissingExtraError` if the package that reads such documents is not installed."""
    package = PACKAGES.get(kind)
    if package is not None and find_spec(package) is None:
        raise MissingExtraError(_DISTRIBUTIONS.get(package, package), "documents")


def read_document(path: Path, encoding: str | None = None) -> Source:
    """Read a document, whatever its format.

    Parameters
    ----------
    path : Path
        The file; its name must end in one of `DOCUMENT_FORMATS`.
    encoding : str, optional
        The recorded encoding of text and html. Without it: a byte order mark, else UTF-8, else what an html page
        says of itself, else the best guess.

    Raises
    ------
    DocumentError
        If the file is missing, empty, binary, damaged, encrypted, of another format, or does not decode.
    MissingExtraError
        If its format needs a package that is not installed.
    """
    kind = document_kind(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}", hint="is the name right?") from error
    return read_bytes(data, path.name, kind, encoding)


def read_bytes(data: bytes, name: str, kind: str, encoding: str | None = None) -> Source:
    r"""Read the bytes of a document of a known kind.

    Parameters
    ----------
    data : bytes
    name : str
        Stands in errors.
    kind : {'text', 'markdown', 'html', 'pdf', 'docx'}
    encoding : str, optional
        Of text, markdown and html.

    Raises
    ------
    DocumentError, MissingExtraError
        As :func:`read_document`.

    Examples
    --------
    >>> read_bytes(b"<h1>Keys</h1><p>Nobody has them.", "a.html", "html").text
    '# Keys\n\nNobody has them.\n'
    """
    if not data:
        raise DocumentError(f"{name}: the document is empty", hint="give a file with text in it")
    check_extra(kind)
    notes: list[str] = []
    used = "utf-8"
    if kind == "pdf":
        from diptych.documents.pdf import pdf_text

        text, notes = pdf_text(data, name)
    elif kind == "docx":
        from diptych.documents.word import word_text

        text = word_text(data, name)
    elif kind == "html":
        from diptych.documents.web import declared_encoding, web_text

        page, used = decode(data, name, encoding, likely=declared_encoding(data))
        text = web_text(page, name)
    else:
        text, used = decode(data, name, encoding)
    if not any(c.isalnum() for c in text):
        raise DocumentError(f"{name}: there is no word in it", hint="give a file with text in it")
    return Source(
        name, text, used, sha256_bytes(data), kind in ("markdown", "docx", "html"), _extractor(kind), tuple(notes)
    )


@cache  # a distribution's version is looked up in files
def _extractor(kind: str) -> str:
    """What extracts the text of such documents, with its version; empty where nothing is extracted."""
    package = PACKAGES.get(kind)
    if package is None:
        return ""
    from importlib.metadata import version

    name = _DISTRIBUTIONS.get(package, package)
    return f"{name} {version(name)}"


def decode(data: bytes, name: str, encoding: str | None = None, *, likely: str | None = None) -> tuple[str, str]:
    """Decode the bytes of a text; return the text and the encoding used.

    A given encoding is taken as it is; a `likely` one is tried where the bytes are not UTF-8.

    Raises
    ------
    DocumentError
        If there is no text in it, it is no text at all, or the encoding does not fit.

    Examples
    --------
    >>> decode("Пекин".encode("utf-8"), "a.txt")
    ('Пекин', 'utf-8')
    """
    if encoding is None:
        encoding = next((found for mark, found in _BOMS if data.startswith(mark)), None)
    if encoding is None or encoding == "utf-8":
        _check_is_text(data, name)
    for candidate in [encoding] if encoding else _candidates(data, name, likely):
        try:
            text = data.decode(candidate)
        except (UnicodeError, LookupError) as error:
            failed = f"{name}: cannot be decoded as {candidate} ({_detail(error)})"
            continue
        if not text.strip().strip("\ufeff").strip():
            raise DocumentError(f"{name}: the document is empty", hint="give a file with text in it")
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise DocumentError(
                f"{name}: a NUL byte in line {line}: the file is damaged, or in UTF-16 without a byte order mark",
                hint="save it as UTF-8",
            )
        return text, candidate
    raise DocumentError(failed, hint="save the file as UTF-8, or name its encoding in study.toml (encoding = …)")


def _detail(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start}"
    return "no such encoding" if isinstance(error, LookupError) else str(error)


def _check_is_text(data: bytes, name: str) -> None:
    """Refuse bytes that are no text, and say what they look like."""
    looks = next((what for mark, what in _MAGIC.items() if data.startswith(mark)), "")
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if not looks and controls <= max(2, len(data) // 1000):
        return
    hint = "give a .txt or .md file"
    if looks:
        hint = f"it looks like {looks}: name it so, or say what it is by --input"
    elif data.count(0) > len(data) // 4:
        hint = "if it is UTF-16 without a byte order mark, save it as UTF-8"
    raise DocumentError(f"{name}: this is no text file ({controls} control bytes)", hint=hint)


def _candidates(data: bytes, name: str, likely: str | None) -> Iterator[str]:
    """UTF-8; then, as it did not fit, what the document says of itself; then a guess.

    Raises
    ------
    DocumentError
        If most of it is UTF-8 and some is not: whatever is guessed, a part would come out wrong.
    """
    yield "utf-8"
    text = data.decode("utf-8", "surrogateescape")
    strange = [place for place, c in enumerate(text) if "\udc80" <= c <= "\udcff"]
    fitting = sum(c > "\x7f" for c in text) - len(strange)
    if fitting >= 5 * max(1, len(strange)):
        line = text.count("\n", 0, strange[0]) + 1
        raise DocumentError(
            f"{name}: mixed encodings: UTF-8, but for {len(strange)} bytes (the first in line {line})",
            hint="mend that line and save the file as UTF-8, or name its encoding in study.toml (encoding = …)",
        )
    if likely:
        yield likely
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=["cp1252", "cp1251", "koi8_r", "gb18030", "big5"]).best()
    if best:
        yield best.encoding
