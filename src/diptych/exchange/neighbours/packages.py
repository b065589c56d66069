"""Zip files and XML that others wrote: read in memory, within limits, and never anything that refers elsewhere."""

from __future__ import annotations

import codecs
import json
import re
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, Any

from diptych.errors import RecordError
from diptych.exchange.parquet import rewindable

MEMBERS = 20_000  # of one zip file
MEMBER_BYTES = 256 << 20  # of one file in it, unpacked
TOTAL_BYTES = 1 << 30  # of all of them
STILL = (1980, 1, 1, 0, 0, 0)  # the same in every zip file: equal inputs give equal bytes
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class Package:
    """A zip file that has been looked over: its files by name."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        self._archive = archive
        found = archive.infolist()
        if len(found) > MEMBERS:
            raise RecordError(f"{name}: it holds {len(found):,} files, and {MEMBERS:,} are read")
        total = 0
        for info in found:
            path = PurePosixPath(info.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", info.filename):
                raise RecordError(f"{name}: a file in it is called {info.filename!r}, which leads out of it")
            if (info.external_attr >> 16) & 0o170000 == 0o120000:
                raise RecordError(f"{name}: {info.filename!r} in it is a link")
            total += info.file_size
            if info.file_size > MEMBER_BYTES or total > TOTAL_BYTES:
                raise RecordError(f"{name}: unpacked it is too large (at {info.filename!r})")
        self.names = [info.filename for info in found if not info.is_dir()]

    def read(self, member: str) -> bytes:
        """Return what a file holds."""
        try:
            return self._archive.read(member)
        except KeyError as error:
            raise RecordError(f"{self.name}: there is no {member!r} in it") from error
        except _BROKEN as error:
            raise RecordError(f"{self.name}: {member!r} in it cannot be read: {error}") from error


@contextmanager
def open_package(stream: IO[bytes], name: str) -> Iterator[Package]:
    """Open a zip file.

    Raises
    ------
    RecordError
        If it is none, is damaged, holds too much, or names files outside itself.
    """
    with rewindable(stream) as found:
        try:
            archive = zipfile.ZipFile(found)
        except _BROKEN as error:
            raise RecordError(f"{name}: this is no zip file, or it is damaged ({error})") from error
        with archive:
            yield Package(archive, name)


def put(archive: zipfile.ZipFile, name: str, data: str | bytes) -> None:
    """Write one file, with a date that is always the same."""
    info = zipfile.ZipInfo(name, STILL)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)


def xml_of(data: bytes, where: str) -> ET.Element:
    """Return the root of an XML document that declares no types and no entities.

    Raises
    ------
    RecordError
        If it does, or is no XML.
    """
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(f"{where}: no XML in UTF-8 or UTF-16 ({error.reason})") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise RecordError(f"{where}: it declares a document type or entities, which are not read")
    try:
        return ET.fromstring(text)  # nosec B314  # noqa: S314 - without a document type there are no entities
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise RecordError(f"{where}: no XML ({error})") from error


def json_of(data: bytes, where: str) -> Any:
    """Return what a JSON document holds.

    Raises
    ------
    RecordError
        If it is none.
    """
    if not data.strip():
        raise RecordError(f"{where}: the file is empty")
    try:
        found = json.loads(data.decode("utf-8-sig"))
        json.dumps(found, ensure_ascii=False).encode()  # half a character could not be written again
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{where}: no JSON ({error})") from error
    return found


def xml_text(text: str) -> str:
    r"""Return a text without the characters that XML cannot hold.

    >>> xml_text("a\x0bb")
    'a\ufffdb'
    """
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
