"""A text → its terms: words, pairs of words, and letter runs within words.

One analyser serves training and scoring. Letters are case-folded; Chinese, Japanese and Korean
characters are a word each, so that pairs stand for the words a dictionary would find.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

LETTER_RUNS = (3, 5)
_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+(?:['’][^\W\d_{_WIDE}]+)?")


def words(text: str) -> list[str]:
    """Return the words of a text, case-folded.

    >>> words("Moscow’s 2nd pipeline: 北京")
    ['moscow’s', '2nd', 'pipeline', '北', '京']
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def terms(text: str) -> list[str]:
    """Return the terms of a text, with repetitions: words, neighbouring pairs, letter runs.

    A word begins with nothing, a pair holds a blank, a letter run begins with a line mark (|), and
    a word's edges are underscores in its runs.

    >>> terms("oil flows")
    ['oil', 'flows', 'oil flows', '|_oi', '|oil', '|il_', '|_oil', '|oil_', '|_oil_', '|_fl', \
'|flo', '|low', '|ows', '|ws_', '|_flo', '|flow', '|lows', '|ows_', '|_flow', '|flows', '|lows_']
    """
    found = words(text)
    result = list(found)
    result += [f"{a} {b}" for a, b in pairwise(found)]
    shortest, longest = LETTER_RUNS
    for word in found:
        if len(word) > 1:
            edged = f"_{word}_"
            for size in range(shortest, longest + 1):
                result += ["|" + edged[i : i + size] for i in range(len(edged) - size + 1)]
    return result
