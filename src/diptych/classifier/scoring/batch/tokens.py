"""The tokens of many texts in a row, and the counts of a whole passage that are taken from it.

What :mod:`diptych.classifier.terms.shares` says of one passage, said of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.scoring.batch.arrays import Places, bits, counted, firsts
from diptych.classifier.terms.parties import ATTITUDES, JOINT, THIRD, VALUES, Parties
from diptych.classifier.terms.shares import PLACES, share_names

_CLASSES = (*ATTITUDES, *VALUES, "contrast", "negation", THIRD, "office")
BIT = {name: 1 << place for place, name in enumerate(_CLASSES)}
ANY_ATTITUDE = sum(BIT[name] for name in ATTITUDES)
ANY_VALUE = sum(BIT[name] for name in VALUES)


@dataclass(frozen=True, slots=True)
class Row:
    """The tokens of all sentences: which each is, its sentence, its party (-1: none) and its classes.

    `starts` and `ends` are those of the sentence of every token.
    """

    tokens: Places
    sentences: Places
    parties: NDArray[np.int64]
    classes: NDArray[np.int64]
    starts: Places
    ends: Places

    @property
    def named(self) -> Places:
        """Where parties stand."""
        return np.flatnonzero(self.parties >= 0)

    def of(self, classes: int) -> Places:
        """Where tokens of some classes stand."""
        return np.flatnonzero(self.classes & classes)

    def before(self, what: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many tokens of a kind stand before every place, and before the end."""
        return np.concatenate([[0], np.cumsum(what)])


def everyone_of(parties: Parties) -> list[str]:
    """Return the parties of a schema, and both together."""
    return list(dict.fromkeys((*parties.markers, JOINT)))


def row_shares(parties: Parties, row: Row, of_sentence: Places, texts: int) -> NDArray[np.float64]:
    """Return the shares of texts, in the order of :func:`diptych.classifier.terms.shares.share_names`."""
    everyone = everyone_of(parties)
    names = {name: place for place, name in enumerate(share_names(parties))}
    votes = np.zeros((texts, len(names)))

    def vote(name: str, sentences: Places) -> None:
        if name in names:
            votes[:, names[name]] += counted(of_sentence[sentences], texts)

    number = len(of_sentence)
    named = row.named
    masks = bits(row.sentences[named], np.int64(1) << row.parties[named], number)
    several = (masks & (masks - 1) > 0) | (masks >> everyone.index(JOINT) & 1 > 0)
    vote("names none", np.flatnonzero(masks == 0))
    vote("names several", np.flatnonzero(several))
    first = named[firsts(row.sentences[named])]
    for place, party in enumerate(everyone):
        begun = row.sentences[first[row.parties[first] == place]]
        vote(f"first {party}", begun)
        vote(f"names {party}", begun[~several[begun]])
    where = np.where(several, 0, np.where(masks > 0, 1, 2))
    for sign in VALUES:
        said = row.sentences[row.of(BIT[sign])]
        for place, name in enumerate(PLACES):
            vote(f"{sign} {name}", said[where[said] == place])
    viewed = _viewers(row, len(everyone), number)
    vote("view of nobody", np.flatnonzero(viewed == 0))
    for place, holder in enumerate((*everyone, THIRD)):
        vote(f"view {holder}", np.flatnonzero(viewed >> place & 1))
    sentences = counted(of_sentence, texts)
    found: NDArray[np.float64] = np.sqrt(votes / np.maximum(sentences, 1)[:, None])
    owners = of_sentence[row.sentences[named]]
    total = counted(owners, texts) + 1
    for place, party in enumerate(everyone):
        mentions = counted(owners[row.parties[named] == place], texts)
        found[:, names[f"share {party}"]] = mentions / total
        found[:, names[f"mentions {party}"]] = np.log1p(mentions)
    found[:, names["sentences"]] = np.log1p(sentences)
    return found


def _viewers(row: Row, third_party: int, number: int) -> NDArray[np.int64]:
    """Who holds a view in every sentence, as bits: the last one named, at whatever distance."""
    third = (row.classes & BIT[THIRD]) > 0
    last = np.maximum.accumulate(np.where((row.parties >= 0) | third, np.arange(len(row.tokens)), -1))
    places = row.of(ANY_ATTITUDE)
    places = places[last[places] >= row.starts[places]]
    source = last[places]
    holders = np.where(third[source], third_party, row.parties[source])
    return bits(row.sentences[places], np.int64(1) << holders, number)
