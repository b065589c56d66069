"""Bytes of a file → text, with the decoding that was used."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from diptych.errors import DocumentError
from diptych.files import sha256_bytes

DOCUMENT_FORMATS = (".txt", ".md", ".markdown", ".text")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x0b\x1b\x1c\x1d\x1e\x1f\x85")) + b"\x7f"


def is_markdown(path: Path) -> bool:
    """Whether a document's marks are Markdown's, by its name."""
    return path.suffix.casefold() in (".md", ".markdown")


@dataclass(frozen=True, slots=True)
class Source:
    """A document as read: its text (newlines untouched), encoding and hash of the bytes."""

    name: str
    text: str
    encoding: str
    sha256: str


def read_document(path: Path, encoding: str | None = None) -> Source:
    """Read a plain text or Markdown document.

    Parameters
    ----------
    path : Path
        The file; its name must end in .txt or .md.
    encoding : str, optional
        The recorded encoding. Without it: a byte order mark, else UTF-8, else the best guess.

    Raises
    ------
    DocumentError
        If the file is missing, empty, binary, of another format, or does not decode.
    """
    if path.suffix.casefold() not in DOCUMENT_FORMATS:
        raise DocumentError(
            f"{path.name}: documents of type {path.suffix or '(no ending)'} are not read yet",
            hint=f"save it as one of: {', '.join(DOCUMENT_FORMATS)}",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}", hint="is the name right?") from error
    text, used = decode(data, path.name, encoding)
    return Source(path.name, text, used, sha256_bytes(data))


def decode(data: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """Decode the bytes of a text; return the text and the encoding used.

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
        controls = len(data) - len(data.translate(None, _CONTROLS))
        if controls > max(2, len(data) // 1000):
            raise DocumentError(
                f"{name}: this is no text file ({controls} control bytes)", hint="give a .txt or .md file"
            )
    candidates = [encoding] if encoding else ["utf-8", *_guess(data)]
    for candidate in candidates:
        try:
            text = data.decode(candidate)
        except (UnicodeDecodeError, LookupError) as error:
            if candidate == candidates[-1]:
                detail = f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else "no such encoding"
                raise DocumentError(
                    f"{name}: cannot be decoded as {candidate} ({detail})",
                    hint="save the file as UTF-8, or name its encoding in study.toml (encoding = …)",
                ) from error
            continue
        if not text.strip().strip("\ufeff").strip():
            raise DocumentError(f"{name}: the document is empty", hint="give a file with text in it")
        return text, candidate
    raise AssertionError("unreachable")


def _guess(data: bytes) -> list[str]:
    """The likeliest encoding of bytes that are not UTF-8, if any is likely."""
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=["cp1252", "cp1251", "koi8_r", "gb18030", "big5"]).best()
    return [best.encoding] if best else []
