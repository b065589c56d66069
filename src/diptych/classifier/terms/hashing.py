"""Terms → the numbers by which a model knows them: models hold no text.

A term's hash is a polynomial over its letters, so that the hash of a term can be put together from those of its parts
(the C kernel never writes a term out), mixed with the kind of the term.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BASE = 0x9E3779B97F4A7C15  # odd: a power of it has an inverse modulo 2**64
SEEDS = {
    "words": 0x243F6A8885A308D3,
    "runs": 0x13198A2E03707344,
    "parties": 0xA4093822299F31D0,
    "sides": 0x082EFA98EC4E6C89,
}
_WHOLE = 2**64
_INVERSE = pow(BASE, -1, _WHOLE)
Hashes = NDArray[np.uint64]


def term_hash(kind: str, term: str) -> int:
    """Return the number of one term.

    Parameters
    ----------
    kind : {'words', 'runs', 'parties', 'sides'}
    term : str

    Examples
    --------
    >>> term_hash("words", "oil") == term_hash("runs", "oil")
    False
    >>> term_hash("words", "oil") == int(term_hashes("words", ["gas", "oil"])[1])
    True
    """
    return int(term_hashes(kind, [term])[0])


def term_hashes(kind: str, terms: Sequence[str]) -> Hashes:
    """Return the numbers of terms, array of shape (n,); see :func:`term_hash`.

    References
    ----------
    Karp, R. M. and Rabin, M. O. (1987). Efficient randomized pattern-matching algorithms (the polynomial).
    Steele, G. L., Lea, D. and Flood, C. H. (2014). Fast splittable pseudorandom number generators (the mixing).
    """
    return mixed(polynomials(terms)[0] ^ np.uint64(SEEDS[kind]))


def polynomials(terms: Sequence[str]) -> tuple[Hashes, Hashes]:
    """Return the polynomials of terms, and what another one's is multiplied by where it stands behind: see `behind`.

    Examples
    --------
    >>> numbers, steps = polynomials(["oil", " flows", "oil flows"])
    >>> int(behind(numbers[:1], steps[:1], numbers[1:2])[0]) == int(numbers[2])
    True
    """
    ends = np.cumsum([len(term) for term in terms], dtype=np.intp) if len(terms) else np.zeros(0, dtype=np.intp)
    starts = np.concatenate([[0], ends[:-1]]).astype(np.intp) if len(terms) else ends
    letters = codes("".join(terms))
    powers, inverses = _powers(len(letters) + 1)
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(letters * powers[:-1], dtype=np.uint64)])
    longest = int((ends - starts).max(initial=0))
    return (sums[ends] - sums[starts]) * inverses[starts], _powers(longest + 1)[0][ends - starts]


def codes(text: str) -> Hashes:
    """Return what the letters of a text count in a polynomial."""
    letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return letters.astype(np.uint64) + np.uint64(1)


def behind(first: Hashes, step: Hashes, second: Hashes) -> Hashes:
    """Return the polynomials of texts of two parts, by those of the parts."""
    return first + step * second


def mixed(numbers: Hashes) -> Hashes:
    """Spread numbers evenly over 64 bits."""
    x = numbers.copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x ^= x >> np.uint64(shift)
        x *= np.uint64(factor)
    return x ^ (x >> np.uint64(31))


_POWERS: dict[str, Hashes] = {}


def _powers(number: int) -> tuple[Hashes, Hashes]:
    """The first powers of the base, and of its inverse; kept, and doubled when more are needed."""
    if len(_POWERS.get("base", ())) < number:
        size = max(4096, 2 * number)
        for name, factor in (("base", BASE), ("inverse", _INVERSE)):
            steps = np.full(size, factor, dtype=np.uint64)
            steps[0] = 1
            _POWERS[name] = np.cumprod(steps, dtype=np.uint64)
    return _POWERS["base"][:number], _POWERS["inverse"][:number]
