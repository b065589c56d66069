"""Where bytes come from: a file, standard input, a compressed file, or an address that fsspec knows."""

from __future__ import annotations

import io
import re
import sys
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

from diptych.errors import MissingExtraError, RecordError

PACKED = (".gz", ".bz2", ".xz", ".zst")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PIECE = 1 << 17
_BITE = 1 << 10  # bytes of a packed file at a time: zstd packs 128 kB into 4 bytes
MEMORY = 1 << 28  # bytes that unpacking .xz may take: xz -9 makes files that take a quarter of it
_BROKEN = {"LZMAError", "ZstdError"}  # by name: what raises them is imported only where it is used


def is_address(name: str) -> bool:
    """Whether a name is an address such as `s3://bucket/key`, and not a path.

    >>> is_address("s3://news/2019.jsonl"), is_address("news/2019.jsonl")
    (True, False)
    """
    return _ADDRESS.match(name) is not None


def packing(name: str) -> str:
    """Return the ending that says how a file is compressed, or an empty text.

    >>> packing("a.csv.GZ"), packing("a.csv")
    ('.gz', '')
    """
    suffix = Path(name).suffix.casefold()
    return suffix if suffix in PACKED else ""


def bare_name(name: str) -> str:
    """Return a name without the ending that says how it is compressed, and an address without its query.

    >>> bare_name("a.csv.gz"), bare_name("https://example.org/a.jsonl?v=2")
    ('a.csv', 'https://example.org/a.jsonl')
    """
    if is_address(name):
        name = re.split(r"[?#]", name, maxsplit=1)[0]
    return name[: -len(packing(name))] if packing(name) else name


def check_packing(name: str) -> None:
    """Raise `MissingExtraError` if a name needs a package that is not installed."""
    if is_address(name) and find_spec("fsspec") is None:
        raise MissingExtraError("fsspec", "streams")
    if packing(bare_address(name)) == ".zst" and find_spec("zstandard") is None:
        raise MissingExtraError("zstandard", "streams")


def bare_address(name: str) -> str:
    """Return an address without its query; a path as it is."""
    return re.split(r"[?#]", name, maxsplit=1)[0] if is_address(name) else name


def open_input(name: str) -> IO[bytes]:
    """Open a file, an address, or standard input for `-`; compressed ones are unpacked while they are read.

    Raises
    ------
    RecordError
        If it cannot be opened.
    MissingExtraError
        If it needs a package that is not installed.
    """
    if name == "-":
        if sys.stdin is None:
            raise RecordError("standard input is closed", hint='name a file, or: echo "a text" | diptych classify -')
        return sys.stdin.buffer
    check_packing(name)
    return _unpacked(open_raw(name), name)


def open_raw(name: str) -> IO[bytes]:
    """Open a file or an address without unpacking it."""
    if is_address(name):
        return _open_address(name)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise RecordError(f"cannot read {name}: {error.strerror}", hint="is the name right?") from error


def _open_address(name: str) -> IO[bytes]:
    import fsspec

    try:
        return cast("IO[bytes]", fsspec.open(name, "rb").open())
    except ImportError as error:
        raise RecordError(f"cannot read {name}: {error}", hint="install what fsspec asks for") from error
    except Exception as error:  # every store has errors of its own
        said = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise RecordError(f"cannot read {name}: {said}", hint="are the address and your credentials right?") from error


def _unpacked(raw: IO[bytes], name: str) -> IO[bytes]:
    ending = packing(bare_address(name))
    inner: Any = raw
    if ending == ".gz":
        import gzip

        inner = gzip.open(raw)  # noqa: SIM115 - closed with what holds it
    elif ending == ".bz2":
        import bz2

        inner = bz2.open(raw)  # noqa: SIM115 - closed with what holds it
    elif ending == ".xz":
        from lzma import LZMADecompressor

        inner = Frames(raw, lambda: LZMADecompressor(memlimit=MEMORY))
    elif ending == ".zst":
        from zstandard import ZstdDecompressor

        inner = Frames(raw, ZstdDecompressor().decompressobj)
    elif not is_address(name):
        return raw
    return cast("IO[bytes]", Guarded(inner, raw, name))


class Guarded(io.RawIOBase):
    """A stream that may break off in the middle, and says so in words.

    Raises
    ------
    RecordError
        When what was read before has been given.
    """

    def __init__(self, inner: Any, raw: IO[bytes], name: str) -> None:
        super().__init__()
        self._inner = inner
        self._raw = raw
        self._name = name

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it can be rewound: an address may, what is packed is read once."""
        return self._inner is self._raw and self._raw.seekable()

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._raw.seek(place, whence)

    def tell(self) -> int:
        """Say the place."""
        return self._raw.tell()

    def read1(self, number: int = -1) -> bytes:
        """Return what one reading gives, none at the end."""
        try:
            found: bytes = getattr(self._inner, "read1", self._inner.read)(_PIECE if number < 0 else number)
        except Exception as error:
            said = broken(error)
            if not said and not is_address(self._name):
                raise
            said = said or (str(error).splitlines() or [""])[0] or type(error).__name__
            raise RecordError(f"{self._name} breaks off: {said}", hint="get the file anew") from error
        return found

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer."""
        found = self.read1(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close all of it."""
        if not self.closed:
            self._inner.close()
            self._raw.close()
        super().close()


class Frames(io.RawIOBase):
    """A .zst or .xz file, unpacked in small bites: one of a bomb is some megabytes, and an end that is missing is told.

    Parameters
    ----------
    raw : binary file
    new : callable
        Gives what unpacks one frame.
    """

    def __init__(self, raw: IO[bytes], new: Callable[[], Any]) -> None:
        super().__init__()
        self._new = new
        self._raw = raw
        self._frame: Any = None
        self._packed = b""
        self._ready = memoryview(b"")  # what is taken from it piece by piece is not copied each time

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Unpack until something comes out."""
        while not self._ready:
            if not self._packed:
                self._packed = self._raw.read(_BITE)
                if not self._packed:
                    if self._frame is not None:
                        raise EOFError("Compressed file ended before the end of its frame")
                    return 0
            if self._frame is None:
                self._packed = self._packed.lstrip(b"\0")  # zeros fill up what stands between frames of .xz
                if not self._packed:
                    continue
                self._frame = self._new()
            self._ready, self._packed = memoryview(self._frame.decompress(self._packed)), b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        taken = self._ready[: len(buffer)]
        buffer[: len(taken)] = taken
        self._ready = self._ready[len(taken) :]
        return len(taken)


def broken(error: Exception) -> str:
    """Word an error of a damaged stream; an empty text if it is another one."""
    if isinstance(error, EOFError | OSError | zlib.error) or type(error).__name__ in _BROKEN:
        said = (str(error).splitlines() or [""])[0] or type(error).__name__
        return "it is cut short" if isinstance(error, EOFError) else said
    return ""
