"""Counts over a whole passage: in how many of its sentences each party is named, comes first, holds a view.

A few numbers a passage, found in the same pass as its terms; they are the votes of its sentences, as far as names
and words of attitude can tell them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from diptych.classifier.terms.parties import ATTITUDES, JOINT, THIRD, VALUES, Parties

PLACES = ("between", "on one", "elsewhere")  # praise or blame beside several parties, one, none


def share_names(parties: Parties) -> list[str]:
    """Return the names of the shares of a schema's parties, in order; none where it names no parties.

    Examples
    --------
    >>> share_names(Parties({"ada": ["Ada"]}))[:4]
    ['names none', 'names several', 'names ada', 'first joint']
    """
    if not parties.markers:
        return []
    own = [party for party in parties.markers if party != JOINT]
    everyone = [JOINT, *own]
    return [
        "names none",
        "names several",
        *(f"names {party}" for party in own),
        *(f"first {party}" for party in everyone),
        *(f"view {party}" for party in (*everyone, THIRD)),
        "view of nobody",
        *(f"{sign} {place}" for sign in VALUES for place in PLACES),
        *(f"share {party}" for party in everyone),
        *(f"mentions {party}" for party in everyone),
        "sentences",
    ]


def shares(parties: Parties, tokens: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """Return the shares of a passage, in the order of :func:`share_names`.

    Parameters
    ----------
    parties : Parties
    tokens : sequence of sequence of str
        The tokens of every sentence.

    Returns
    -------
    tuple of float
        For counts of sentences the root of their share (0 to 1; words of praise and blame may exceed it); `share`
        is the part of a party in all mentions, `mentions` and `sentences` are logarithms of counts.

    Examples
    --------
    >>> parties = Parties({"ada": ["Ada"], "bo": ["Bo"]})
    >>> named = dict(zip(share_names(parties), shares(parties, [["<ada>", "fell"], ["rain"]])))
    >>> named["names ada"] ** 2, named["first bo"], named["share ada"]
    (0.5000000000000001, 0.0, 0.5)
    """
    names = share_names(parties)
    if not names:
        return ()
    votes: Counter[str] = Counter()
    mentions: Counter[str] = Counter()
    for sentence in tokens:
        named = [token[1:-1] for token in sentence if parties.is_party(token)]
        mentions.update(named)
        votes.update(_votes(parties, sentence, named))
    total = sum(mentions.values()) + 1
    found = {name: math.sqrt(count / len(tokens)) for name, count in votes.items()}
    for party in (*parties.markers, JOINT):
        found[f"share {party}"] = mentions[party] / total
        found[f"mentions {party}"] = math.log1p(mentions[party])
    found["sentences"] = math.log1p(len(tokens))
    return tuple(found.get(name, 0.0) for name in names)


def _votes(parties: Parties, sentence: Sequence[str], named: Sequence[str]) -> Iterator[str]:
    several = len(set(named)) > 1 or JOINT in named
    if not named:
        yield "names none"
    else:
        yield "names several" if several else f"names {named[0]}"
        yield f"first {named[0]}"
    place = PLACES[0] if several else PLACES[1] if named else PLACES[2]
    holders, side = set(), ""
    for token in sentence:
        if parties.is_party(token):
            side = token[1:-1]
        classes = parties.classes_of(token)
        if THIRD in classes:
            side = THIRD
        if side and any(name in ATTITUDES for name in classes):
            holders.add(side)
        yield from (f"{sign} {place}" for sign in classes if sign in VALUES)
    yield from (f"view {holder}" for holder in sorted(holders))
    if not holders:
        yield "view of nobody"
