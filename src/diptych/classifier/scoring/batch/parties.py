"""The terms around parties for many texts at once.

What :mod:`diptych.classifier.terms.parties` says of one sentence, said of arrays: the tokens of all sentences in a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.scoring.batch.arrays import Growing, Places, bits, firsts, spread
from diptych.classifier.scoring.batch.tokens import ANY_ATTITUDE, ANY_VALUE, BIT, Row, everyone_of
from diptych.classifier.scoring.batch.words import Found, TermIndex, Vocabulary
from diptych.classifier.terms.parties import (
    ATTITUDES,
    HOLDER,
    JOINT,
    LONGEST,
    NEAR,
    OBJECT,
    SKIP,
    THIRD,
    VALUES,
    Parties,
)

MOST = 60  # parties: each is a bit
_ROUNDS = 4  # of joining parties in all sentences at once; sentences that need more are joined one by one
_OFFICE = (-1, -2, 1, 2, 3)
Emitted = tuple[Places, Found]


class Around:
    """Finds terms around parties, and words on their sides.

    Parameters
    ----------
    parties : Parties
    vocabulary : Vocabulary
    index : TermIndex
    """

    def __init__(self, parties: Parties, vocabulary: Vocabulary, index: TermIndex) -> None:
        self._parties = parties
        self._vocabulary = vocabulary
        self._index = index
        self._everyone = everyone_of(parties)
        self._tokens = [f"<{party}>" for party in self._everyone]
        self._joint = self._everyone.index(JOINT)
        self._holders = [*self._tokens, f"<{THIRD}>"]
        self._party, self._class = Growing(np.int64), Growing(np.int64)  # of the words of the vocabulary
        self._names: dict[int, int] = {}
        self._and = [vocabulary.numbers[word] for word in ("and", "or")]
        self._joined_token = vocabulary.numbers[f"<{JOINT}>"]
        self._terms = {
            pattern: self._table(pattern, names)
            for pattern, names in (
                ("sentence contrasts", ()),
                ("sentence without party", ()),
                ("sentence begins {}", (self._tokens,)),
                ("sentence begins elsewhere, then {}", (self._tokens,)),
                ("view", ()),
                ("view {}", (self._holders,)),
                ("office {}", (self._tokens,)),
                ("holds {} {}", (self._holders, ATTITUDES)),
                ("holds close {} {}", (self._tokens, ATTITUDES)),
                ("towards {} {}", (ATTITUDES, self._tokens)),
                ("value {}{}", (("", "not "), VALUES)),
                ("value {}{} {}", (("", "not "), VALUES, self._tokens)),
                ("value {}{} between", (("", "not "), VALUES)),
                ("value {}{} third", (("", "not "), VALUES)),
            )
        }

    def _table(self, pattern: str, names: Sequence[Sequence[str]]) -> Found:
        terms = [pattern.format(*words) for words in product(*names)]
        return self._index.rows_of("parties", terms).reshape([len(listed) for listed in names])

    def row(self, tokens: Found, sentences: Places) -> Row:
        """Look tokens up, and join parties that stand beside each other."""
        self._learn()
        raw, whose = tokens, sentences
        parties = self._party.rows.take(tokens)
        settled: NDArray[np.bool_] = np.zeros(
            len(tokens), dtype=np.bool_
        )  # joined already: not to be joined with what stands before
        for left in range(_ROUNDS, -1, -1):
            places = self._joins(tokens, sentences, parties, settled)
            if not len(places):
                break
            if not left:
                tokens, sentences = self._one_by_one(raw, whose, tokens, sentences, np.unique(sentences[places]))
                break
            linked = places = places[firsts(sentences[places])]
            linked = linked[tokens[places - 1] != tokens[places]]
            tokens = tokens.copy()
            tokens[linked - 2], parties[linked - 2], settled[linked - 2] = self._joined_token, self._joint, True
            gone = np.concatenate([places, linked - 1])
            tokens, sentences, parties, settled = (
                np.delete(one, gone) for one in (tokens, sentences, parties, settled)
            )
        parties, classes = self._party.rows.take(tokens), self._class.rows.take(tokens)
        starts = firsts(sentences)
        lengths = np.diff(starts, append=len(sentences))
        begins = np.repeat(starts, lengths)
        return Row(tokens, sentences, parties, classes, begins, begins + np.repeat(lengths, lengths))

    def _learn(self) -> None:
        """Say of the fresh words of the vocabulary whether they are parties, and what they say."""
        names = self._vocabulary.texts[len(self._party.rows) :]
        if names:
            place = {token: number for number, token in enumerate(self._tokens)}
            self._party.add([place.get(name, -1) for name in names])
            self._class.add(
                [
                    sum(BIT.get(one, 0) for one in found) if found else 0
                    for found in map(self._parties.classes_of, names)
                ]
            )

    def _joins(
        self, tokens: Found, sentences: Places, parties: NDArray[np.int64], settled: NDArray[np.bool_]
    ) -> Places:
        """Where a party stands that is to be joined with what stands before it."""
        places = np.flatnonzero(parties >= 0)
        places = places[~settled[places] & (places > 0)]
        places = places[sentences[places - 1] == sentences[places]]
        again = tokens[places - 1] == tokens[places]
        linked = (tokens[places - 1] == self._and[0]) | (tokens[places - 1] == self._and[1])
        linked &= (places > 1) & (sentences[places - 2] == sentences[places])
        linked &= (parties[places - 2] >= 0) & (tokens[places - 2] != tokens[places])
        found: Places = places[again | linked]
        return found

    def _one_by_one(
        self, raw: Found, whose: Places, tokens: Found, sentences: Places, left: Places
    ) -> tuple[Found, Places]:
        """Join parties in some sentences from their raw tokens; what was joined so far is longer: there is room."""
        numbers, texts = self._vocabulary.numbers, self._vocabulary.texts
        tokens, kept = tokens.copy(), np.ones(len(tokens), dtype=np.bool_)
        for sentence in left.tolist():
            first, last = np.searchsorted(whose, [sentence, sentence + 1]).tolist()
            start, end = np.searchsorted(sentences, [sentence, sentence + 1]).tolist()
            found = self._parties.joined([texts[number] for number in raw[first:last].tolist()])
            tokens[start : start + len(found)] = [numbers[text] for text in found]
            kept[start + len(found) : end] = False
        return tokens[kept], sentences[kept]

    def sides(self, row: Row) -> Emitted:
        """Every word with the party that was named last before it."""
        last = np.maximum.accumulate(np.where(row.parties >= 0, np.arange(len(row.tokens)), -1))
        places = np.flatnonzero((row.parties < 0) & (last >= row.starts))
        numbers = self._vocabulary.pairs(row.tokens[last[places]], row.tokens[places], ": ")
        return row.sentences[places], self._index.rows("sides", numbers)

    def terms(self, row: Row, sentences: int) -> Iterator[Emitted]:
        """Yield the terms around parties: their sentences, and their rows in the model."""
        yield from self._sentences(row, sentences)
        masks = np.zeros(sentences, dtype=np.int64)
        for places, holders, found in (*self._attitudes(row), *self._offices(row)):
            yield row.sentences[places], found
            if holders is not None:
                masks |= bits(row.sentences[places], np.int64(1) << holders, sentences)
        viewed = np.flatnonzero(masks)
        yield viewed, np.full(len(viewed), self._terms["view"])
        for number in range(len(self._holders)):
            held = viewed[masks[viewed] >> number & 1 > 0]
            yield held, np.full(len(held), self._terms["view {}"][number])
        yield from self._values(row)
        yield from self._runs(row)

    def _sentences(self, row: Row, number: int) -> Iterator[Emitted]:
        contrasts = np.unique(row.sentences[row.of(BIT["contrast"])])
        yield contrasts, np.full(len(contrasts), self._terms["sentence contrasts"])
        named = row.named
        masks = bits(row.sentences[named], np.int64(1) << row.parties[named], number)
        without = np.flatnonzero(masks == 0)
        yield without, np.full(len(without), self._terms["sentence without party"])
        first = named[firsts(row.sentences[named])]
        owners, party = row.sentences[first], row.parties[first]
        yield owners, self._terms["sentence begins {}"][party]
        third = row.before((row.classes & BIT[THIRD]) > 0)
        late = third[first] > third[row.starts[first]]
        yield owners[late], self._terms["sentence begins elsewhere, then {}"][party[late]]
        kinds, which = np.unique(masks[owners], return_inverse=True)
        yield owners, np.array([self._named(mask) for mask in kinds.tolist()], dtype=np.intp)[which]

    def _named(self, mask: int) -> int:
        found = self._names.get(mask)
        if found is None:
            names = sorted(token for place, token in enumerate(self._tokens) if mask >> place & 1)
            found = self._names[mask] = int(self._index.rows_of("parties", ["sentence names " + " ".join(names)])[0])
        return found

    def _attitudes(self, row: Row) -> Iterator[tuple[Places, NDArray[np.int64] | None, Found]]:
        places = row.of(ANY_ATTITUDE)
        every = np.arange(len(row.tokens))
        party, third = row.parties >= 0, (row.classes & BIT[THIRD]) > 0
        last = np.maximum.accumulate(np.where(party | third, every, -1))
        following = np.minimum.accumulate(np.where(party, every, len(every))[::-1])[::-1]
        before = np.where(places > 0, last[places - 1], -1)
        after = np.append(following, len(every))[places + 1]
        held = before >= np.maximum(row.starts[places], places - HOLDER + 1)
        towards = after < np.minimum(row.ends[places], places + OBJECT)
        for number, name in enumerate(ATTITUDES):
            mine = (row.classes[places] & BIT[name]) > 0
            here, source = places[mine & held], before[mine & held]
            holders = np.where(party[source], row.parties[source], len(self._tokens))
            yield here, holders, self._terms["holds {} {}"][holders, number]
            near = (here - source <= 2) & party[source]
            yield here[near], None, self._terms["holds close {} {}"][holders[near], number]
            yield (
                places[mine & towards],
                None,
                self._terms["towards {} {}"][number, row.parties[after[mine & towards]]],
            )

    def _offices(self, row: Row) -> Iterator[tuple[Places, NDArray[np.int64] | None, Found]]:
        places = row.of(BIT["office"])
        found: NDArray[np.int64] = np.full(len(places), -1, dtype=np.int64)
        for step in _OFFICE:
            there = places + step
            inside = (there >= row.starts[places]) & (there < row.ends[places]) & (found < 0)
            found[inside] = row.parties[there[inside]]
        places, found = places[found >= 0], found[found >= 0]
        yield places, found, self._terms["office {}"][found]

    def _values(self, row: Row) -> Iterator[Emitted]:
        places = row.of(ANY_VALUE)
        negated = row.before((row.classes & BIT["negation"]) > 0)
        third = row.before((row.classes & BIT[THIRD]) > 0)
        start = np.maximum(row.starts[places], places - NEAR)
        end = np.minimum(row.ends[places], places + NEAR + 1)
        signs = (negated[places] > negated[np.maximum(row.starts[places], places - 4)]).astype(np.intp)
        nearby = spread(start, end - start)
        owners = np.repeat(np.arange(len(places)), end - start)
        there = row.parties[nearby]
        masks = bits(owners[there >= 0], np.int64(1) << there[there >= 0], len(places))
        several = (masks & (masks - 1) > 0) | (masks >> self._joint & 1 > 0)
        thirds = (masks > 0) & (third[end] > third[start])
        for number, name in enumerate(VALUES):
            mine = (row.classes[places] & BIT[name]) > 0
            for pattern, which in (("", mine), (" between", mine & several), (" third", mine & thirds)):
                yield row.sentences[places[which]], self._terms["value {}{}" + pattern][signs[which], number]
            for party in range(len(self._tokens)):
                which = mine & (masks >> party & 1 > 0)
                yield row.sentences[places[which]], self._terms["value {}{} {}"][signs[which], number, party]

    def _runs(self, row: Row) -> Iterator[Emitted]:
        """Runs of two to four tokens that hold a party, and pairs with a gap."""
        named, tokens = row.named, row.tokens
        numbers, steps = self._vocabulary.polynomials.rows, self._vocabulary.steps.rows
        blank = self._vocabulary.polynomial(" ")
        for back in range(LONGEST):
            starts = named - back
            starts = starts[starts >= row.starts[named]]
            sums, step = numbers[tokens[starts]], steps[tokens[starts]]
            stops = row.ends[starts]
            for length in range(2, LONGEST + 1):
                left = starts + length <= stops
                starts, stops, sums, step = starts[left], stops[left], sums[left], step[left]
                more = tokens[starts + length - 1]
                sums = sums + step * (blank[0] + blank[1] * numbers[more])
                step = step * blank[1] * steps[more]
                if length > back:
                    yield row.sentences[starts], self._index.rows("parties", sums)
        for skip in range(1, SKIP + 1):
            here = named[named + skip < row.ends[named]]
            found = self._vocabulary.pairs(tokens[here], tokens[here + skip], " … ")
            yield row.sentences[here], self._index.rows("parties", found)
            here = named[named - skip >= row.starts[named]]
            found = self._vocabulary.pairs(tokens[here - skip], tokens[here], " … ")
            yield row.sentences[here], self._index.rows("parties", found)
