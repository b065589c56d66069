"""Texts of a study, read and counted once: within a run, and from one run to the next in a cache.

The cache holds numbers alone, no text, and is keyed by the hash of every text and of all that reads it: settings,
code, and Python's tables of letters. Whatever does not fit is read again, so it may be deleted at any time.
"""

from __future__ import annotations

import io
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from diptych.classifier.terms.analyser import KINDS, Analyser
from diptych.classifier.terms.language import language_of
from diptych.classifier.training.corpus import Corpus, Counted, counted, joined
from diptych.files import atomic, canonical, sha256_bytes

FILE = "readings.npz"
_CODE = (
    *(f"terms/{name}" for name in ("analyser", "hashing", "language", "parties", "sentences", "shares")),
    "training/corpus",
)
DAMAGE = (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)


class Kept:
    """Reads texts, each once.

    Parameters
    ----------
    analyser : Analyser
    path : Path, optional
        The cache; without it nothing outlives the run.

    Examples
    --------
    >>> kept = Kept(Analyser())
    >>> [text.row for text in kept.read(["oil flows", "gas", "oil flows"])], kept.languages(["gas"])
    ([0, 1, 0], ['und'])
    """

    def __init__(self, analyser: Analyser, path: Path | None = None) -> None:
        self.analyser = analyser
        self.path = path
        self.key = reading_key(analyser)
        self._rows: dict[str, int] = {}
        self._corpus: Corpus | None = None
        self._languages: list[str] = []
        self._used: set[str] = set()
        self._read = 0
        if path is not None and path.is_file():
            try:
                self._load(path)
            except DAMAGE:  # a cache is no more than a saving: it is made again
                self._rows, self._corpus, self._languages = {}, None, []

    def read(self, texts: Sequence[str]) -> list[Counted]:
        """Return texts counted, as one corpus."""
        names = [text_name(text) for text in texts]
        self._used.update(names)
        new = {name: text for name, text in zip(names, texts, strict=True) if name not in self._rows}
        if new:
            fresh = counted([self.analyser.read(text) for text in new.values()])
            self._corpus = fresh if self._corpus is None else joined([self._corpus, fresh])
            self._rows |= {name: len(self._rows) + i for i, name in enumerate(new)}
            self._languages += [language_of(text) for text in new.values()]
            self._read += len(new)
        return [] if self._corpus is None else [Counted(self._corpus, self._rows[name]) for name in names]

    def languages(self, texts: Sequence[str]) -> list[str]:
        """Return the language of every text."""
        self.read(texts)
        return [self._languages[self._rows[text_name(text)]] for text in texts]

    def save(self) -> None:
        """Write the cache: what was read in this run, and nothing else."""
        names = sorted(self._used)
        if self.path is None or self._corpus is None or (not self._read and len(names) == len(self._rows)):
            return
        rows = [self._rows[name] for name in names]
        corpus = self._corpus.take(rows)
        arrays: dict[str, Any] = {
            "key": _digits([self.key]),
            "names": _digits(names),
            "languages": np.array([self._languages[row] for row in rows], dtype="U8"),
            "shares": corpus.shares,
        }
        for kind in KINDS:
            table = corpus.counts[kind]
            used, columns = np.unique(table.indices, return_inverse=True)
            arrays |= {
                f"{kind}_hashes": corpus.hashes[kind][used],
                f"{kind}_columns": columns.astype(np.int32),
                f"{kind}_ends": table.indptr.astype(np.int64),
                f"{kind}_counts": table.data.astype(np.int32),
            }
            if kind == KINDS[0]:
                arrays["single"] = corpus.single[used]
        with atomic(self.path, "wb") as stream:
            np.savez(stream, **arrays)

    def _load(self, path: Path) -> None:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            if not np.array_equal(held["key"], _digits([self.key])):
                return
            names = [row.tobytes().hex() for row in held["names"]]
            languages, shares = held["languages"].tolist(), held["shares"]
            counts, hashes = {}, {}
            for kind in KINDS:
                hashes[kind] = held[f"{kind}_hashes"]
                parts = (held[f"{kind}_counts"], held[f"{kind}_columns"], held[f"{kind}_ends"].astype(np.int32))
                counts[kind] = sparse.csr_matrix(parts, shape=(len(names), len(hashes[kind])))
                counts[kind].check_format(full_check=True)  # numbers out of range would be followed in C
                if hashes[kind].dtype != np.uint64 or (hashes[kind][1:] <= hashes[kind][:-1]).any():
                    raise ValueError("terms are not in order")
            single = held["single"]
        if not len(set(names)) == len(names) == len(languages) == len(shares) or shares.ndim != 2:
            raise ValueError("not one row a text")
        if single.dtype != np.bool_ or single.shape != hashes[KINDS[0]].shape:
            raise ValueError("not one sign a word")
        if shares.shape[1] != len(self.analyser.share_names()) or not np.isfinite(shares).all():
            raise ValueError("shares of another analyser")
        self._corpus, self._languages = Corpus(counts, hashes, single, shares), languages
        self._rows = {name: row for row, name in enumerate(names)}


def text_name(text: str) -> str:
    """Return the name by which a text is known without being kept: sha256 in hexadecimal."""
    return sha256_bytes(text.encode("utf-8", "surrogatepass"))


def reading_key(analyser: Analyser) -> str:
    """Return one hash for all that a reading depends on but the text."""
    folder = files("diptych.classifier")
    code = [sha256_bytes((folder / f"{name}.py").read_bytes()) for name in _CODE]
    return sha256_bytes(canonical([analyser.settings(), code, unicodedata.unidata_version]).encode())


def _digits(names: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex("".join(names)), dtype=np.uint8).reshape(len(names), 32)
