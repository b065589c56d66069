"""Slices of a document → the one normalised text of a passage, and its hash."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import cache

from diptych.documents.layout import BULLET_GLYPHS

_HYPHENATED = re.compile(r"(?<![\w'’])([\w'’]++)[-\u2010][ \t]*(?:\r\n|\r|\n)\s*([\w'’]+)")
_COMPOUND = re.compile(r"(?:[\w'’]++-)++$")
_WIDE = "\u3000-\u30ff\u3400-\u9fff\uff00-\uffef"
_BULLET = re.compile(rf"(?:^|(?<=\s))[{BULLET_GLYPHS}](?=\s|$)", re.MULTILINE)
_WORD = re.compile(r"[^\W_][\w'’]*(?:-[\w'’]+)*")


@cache
def _tokens() -> re.Pattern[str]:
    """Words and wide characters; compiled only where there are other characters than ASCII, as it takes a while."""
    return re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@cache
def _wide_break() -> re.Pattern[str]:
    return re.compile(rf"(?<=[{_WIDE}])[^\S\r\n]*+[\r\n]\s*+(?=[{_WIDE}])")


def count_words(text: str) -> int:
    """Count the words of a normalised text; a Chinese, Japanese or Korean character is a word.

    >>> count_words("Oil – and gas"), count_words("北京的石油。")
    (3, 5)
    """
    tokens = text.split() if text.isascii() else _tokens().findall(text)
    return sum(any(c.isalnum() for c in token) for token in tokens)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a document, case-folded and without those cut at a line end."""
    composed = unicodedata.normalize("NFC", text.replace("\u00ad", ""))
    return frozenset(word.casefold() for word in _WORD.findall(_HYPHENATED.sub(" ", composed)))


def normalise(text: str, known: Collection[str] = ()) -> str:
    r"""Return running text: no line ends, no page hyphens, no bullet marks, single blanks, NFC.

    Parameters
    ----------
    text : str
        The slices of a passage, joined by newlines.
    known : collection of str
        The document's words (:func:`words_of`). A hyphen at a line end stays where the document
        writes the word with one elsewhere, or where its halves are words and the whole is none.

    Examples
    --------
    >>> normalise("a long-\nterm rap-\nprochement  of\nSino-\nRussian ties", {"long-term"})
    'a long-term rapprochement of Sino-Russian ties'
    """

    def join(match: re.Match[str]) -> str:
        left, right = match.groups()
        before = _COMPOUND.search(match.string[max(0, match.start() - 80) : match.start()])
        whole = (before[0] if before else "") + left
        return f"{left}-{right}" if _keeps_hyphen(whole, right, known) else left + right

    text = _BULLET.sub(" ", unicodedata.normalize("NFC", text.replace("\u00ad", "")))
    text = _HYPHENATED.sub(join, text)
    if not text.isascii():
        text = _wide_break().sub("", text)
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _keeps_hyphen(left: str, right: str, known: Collection[str]) -> bool:
    if not right[0].islower():
        return True
    low, high = left.casefold(), right.casefold()
    if low + high in known or f"{low}-{high}" in known:
        return low + high not in known
    if "-" in low or (low in known and high in known):
        return True
    return len(low) > 4 and len(high) > 4 and low in known


def passage_text(document: str, spans: Iterable[Sequence[int]], known: Collection[str]) -> str:
    """Return the normalised text of the passage that stands at `spans` of a decoded document."""
    return normalise("\n".join(document[start:end] for start, end in spans), known)


def text_hash(text: str) -> str:
    """Return the sha256 of a normalised text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def has_word(text: str) -> bool:
    """Whether there is a letter or digit in a text.

    >>> has_word("7 t"), has_word("?! …")
    (True, False)
    """
    return any(character.isalnum() for character in text)


def is_damaged(text: str) -> bool:
    r"""Whether a text holds a NUL character: it was cut off, or read in a wrong encoding.

    >>> is_damaged("a\x00b"), is_damaged("ab")
    (True, False)
    """
    return "\x00" in text
