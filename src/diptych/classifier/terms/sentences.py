"""A text → its sentences, by stops and what follows them; abbreviations and initials end none."""

from __future__ import annotations

import re

# patterns, compiled by `re` when they are first asked for: the kernel needs none, and that takes longer than a sentence
_END = (
    r"[.!?…]['\"”’)\]]*\s+(?=[\"“‘'(\[]?[^\W_a-z])"  # a stop, a blank, and no small letter
    r"|[。！？]['\"”’」』）]*"  # wide stops need no blank
)
_SHORT = (
    r"\b(?:[^\W\d_]|Mr|Mrs|Ms|Dr|Prof|Gen|Lt|Col|Maj|Sgt|Capt|Adm|Sen|Rep|Gov|Pres|St|Mt|vs|Nos?|Vol|Fig|Jr|Sr|Jan|Feb|Mar"
    r"|Apr|Aug|Sept?|Oct|Nov|Dec|al|etc|cf|approx|ca|pp|Art|Inc|Ltd|Co|Corp)\.$"
)
_LAST = r"[.!?…]['\"”’)\]]*\Z"  # the same, at the end of what stands between two blanks
_LAST_WIDE = r"[。！？]['\"”’」』）]*\Z"
_NEXT = r"[\"“‘'(\[]?[^\W_a-z]"
_WIDE = r"[。！？]['\"”’」』）]*"
_TAIL = 12  # letters of a sentence that are looked at for an abbreviation


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return where the sentences of a text begin and end, blanks around them left out.

    Examples
    --------
    >>> sentence_spans("It fell. Then it rose!")
    [(0, 8), (9, 22)]
    """
    found = []
    start = 0
    for match in re.finditer(_END, text):
        tail = text[
            max(start, match.start() + 1 - _TAIL) : match.start() + 1
        ]  # not the whole, which may go on for long
        if text[match.start()] == "." and not match[0][1:].strip() and re.search(_SHORT, tail):
            continue
        head = text[start : match.end()].rstrip()
        if head.strip():
            found.append((start + len(head) - len(head.lstrip()), start + len(head)))
        start = match.end()
    tail = text[start:].rstrip()
    if tail.strip():
        found.append((start + len(tail) - len(tail.lstrip()), start + len(tail)))
    return found


def sentences(text: str) -> list[str]:
    """Return the sentences of a text.

    Examples
    --------
    >>> sentences("The U.S. Congress asked Mr. Smith. He left.")
    ['The U.S. Congress asked Mr. Smith.', 'He left.']
    """
    return [text[start:end] for start, end in sentence_spans(text)]


def pieces(text: str) -> list[str]:
    """Return what stands between the blanks of a text, cut behind wide stops, too: sentences end behind pieces.

    >>> pieces("It fell. 他说。她说")
    ['It', 'fell.', '他说。', '她说']
    """
    if not text.isascii() and ("。" in text or "！" in text or "？" in text):
        text = re.sub(_WIDE, r"\g<0> ", text)
    return text.split()


def ends(piece: str) -> int:
    """Say whether a sentence ends behind a piece: 0 never, 1 if the next one :func:`begins` one, 2 always.

    >>> ends("fell"), ends("fell."), ends("Mr."), ends("他说。")
    (0, 1, 0, 2)
    """
    if re.search(_LAST, piece):
        return int(not (piece.endswith(".") and re.search(_SHORT, piece[-_TAIL:])))
    return 2 if re.search(_LAST_WIDE, piece) else 0


def begins(piece: str) -> bool:
    """Say whether a sentence may begin with a piece.

    >>> begins("It"), begins("(2nd"), begins("it")
    (True, True, False)
    """
    return re.match(_NEXT, piece) is not None
