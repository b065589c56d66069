"""Who sees whom: terms around the names of a schema's parties and around words of attitude.

A schema's parties are the values with role `party`. Their markers (names by which texts call them) become one
token each, so that what is learned of one leader, firm or river holds for the next; parties joined by `and`, and
markers of a value with role `joint`, become one token too. Words of seeing, wanting, fearing, deciding and saying
are tied to the nearest party before them; praise and blame to the parties near them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from diptych.classifier.terms.sentences import sentences

JOINT = "joint"
THIRD = "third_party"
ATTITUDES = ("see", "want", "fear", "decide", "say")
VALUES = ("favour", "disfavour")
HOLDER, OBJECT, NEAR, SKIP = 8, 8, 7, 5  # how many tokens away a party is looked for
LONGEST = 4  # tokens of a run around a party
_PRIVATE = "\U000f0000"  # letters of private use stand for names of several words; texts lose theirs
_PRIVATE_ONES = re.compile("[\U000f0000-\U0010ffff]")
_TOKEN = re.compile(r"[\U000f0000-\U0010ffff]|\w+(?:[-.]\w+)*|[.!?;:,]")
_NOT = re.compile(r"\b(\w+?)n't\b")
_POSSESSIVE = re.compile(r"'s\b")


@lru_cache
def attitudes(language: str = "en") -> dict[str, tuple[str, ...]]:
    """Return the words of attitude of a language, by class.

    >>> "fears" in attitudes()["fear"]
    True
    """
    import tomllib

    text = (Path(__file__).parent / f"attitudes.{language}.toml").read_text(encoding="utf-8")
    return {name: tuple(words) for name, words in tomllib.loads(text).items()}


@dataclass(frozen=True)
class Parties:
    """The parties of a schema and the words of attitude, ready to take texts apart.

    Parameters
    ----------
    markers : mapping of str to sequence of str
        Names of every party, by the party's value; `joint` for both. Names of several words are allowed.
    words : mapping of str to sequence of str
        Words of attitude by class, as :func:`attitudes` returns them.

    Examples
    --------
    >>> parties = Parties({"ada": ["Ada", "Ada's people"], "bo": ["Bo"]}, attitudes())
    >>> parties.tokens("Ada and Bo met; Bo's envoy fears Ada.")
    ['<joint>', 'met', ';', '<bo>', 'envoy', 'fears', '<ada>', '.']
    >>> [term for term in parties.terms("Bo fears Ada.") if term.startswith("holds")]
    ['holds <bo> fear', 'holds close <bo> fear']
    """

    markers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def _classes(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, words in self.words.items():
            for word in words:
                found[word] = (*found.get(word, ()), name)
        return found

    @cached_property
    def names(self) -> dict[str, str]:
        """One-word names, case-folded, and the token of each."""
        return {_plain(name): f"<{p}>" for p, names in self.markers.items() for name in names if len(name.split()) == 1}

    @cached_property
    def phrases(self) -> list[tuple[list[str], str]]:
        """Names of several words, case-folded, longest first, and whose they are."""
        listed = [(name, party) for party, names in self.markers.items() for name in names if len(name.split()) > 1]
        longest_first = sorted(listed, key=lambda pair: -len(pair[0]))
        return [(_plain(name).split(), party) for name, party in longest_first]

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """The same as patterns, any blanks between the words, and the mark that stands for each in a text."""
        return [
            (re.compile(r"\b" + r"\s+".join(map(re.escape, words)) + r"(?!\w)"), _mark(self._order[party]))
            for words, party in self.phrases
        ]

    @cached_property
    def _order(self) -> dict[str, int]:
        return {party: i for i, party in enumerate(self.markers)}

    @cached_property
    def _party_tokens(self) -> frozenset[str]:
        return frozenset(f"<{party}>" for party in (*self.markers, JOINT))

    def tokens(self, sentence: str) -> list[str]:
        """Return the words and stops of a sentence, case-folded, parties as one token each."""
        return self.joined(self.parts(opened(_plain(sentence))))

    def parts(self, text: str, *, phrases: bool = True) -> list[str]:
        """Return the same before parties beside each other are joined, of a text that is :func:`opened`.

        Parameters
        ----------
        text : str
        phrases : bool
            Whether there may be names of several words in it.
        """
        for pattern, mark in self._patterns if phrases else ():
            text = pattern.sub(f" {mark} ", text)
        return [self._token(token) for token in _TOKEN.findall(_POSSESSIVE.sub("", text))]

    def joined(self, tokens: Iterable[str]) -> list[str]:
        """Join parties that stand beside each other, or with `and` or `or` between them."""
        joined: list[str] = []
        for token in tokens:
            if token in self._party_tokens and joined:
                if joined[-1] == token:
                    continue
                if len(joined) > 1 and joined[-1] in ("and", "or") and self._other(joined[-2], token):
                    joined[-2:] = [f"<{JOINT}>"]
                    continue
            joined.append(token)
        return joined

    def _other(self, first: str, second: str) -> bool:
        return first in self._party_tokens and first != second

    def _token(self, token: str) -> str:
        if token[0] >= _PRIVATE:
            return f"<{list(self.markers)[ord(token[0]) - ord(_PRIVATE)]}>"
        if token in self.names:
            return self.names[token]
        if "-" in token:
            held = {self.names[part] for part in token.split("-") if part in self.names}
            if held:
                return held.pop() if len(held) == 1 else f"<{JOINT}>"
        return token

    def terms(self, text: str) -> list[str]:
        """Return the terms of a text, with repetitions; none where a schema names no parties."""
        if not self.markers:
            return []
        return [term for sentence in sentences(text) for term in self.around(self.tokens(sentence))]

    def classes_of(self, token: str) -> tuple[str, ...]:
        """Return the classes of attitude that a token belongs to."""
        return self._classes.get(token, ())

    def is_party(self, token: str) -> bool:
        """Whether a token stands for a party, or for both."""
        return token in self._party_tokens

    def sides(self, tokens: Sequence[str]) -> list[str]:
        """Return every word of a sentence with the party that was named last before it: on whose side it stands.

        Examples
        --------
        >>> Parties({"ada": ["Ada"], "bo": ["Bo"]}).sides(["then", "<ada>", "fears", "<bo>", "."])
        ['<ada>: fears', '<bo>: .']
        """
        found, side = [], ""
        for token in tokens:
            if token in self._party_tokens:
                side = token
            elif side:
                found.append(f"{side}: {token}")
        return found

    def around(self, tokens: list[str]) -> Iterable[str]:
        """Yield the terms around the parties of a sentence, as :meth:`tokens` takes it apart."""
        places = [i for i, token in enumerate(tokens) if token in self._party_tokens]
        classes = [self._classes.get(token, ()) for token in tokens]
        if any("contrast" in found for found in classes):
            yield "sentence contrasts"
        if not places:
            yield "sentence without party"
        else:
            yield f"sentence begins {tokens[places[0]]}"
            yield "sentence names " + " ".join(sorted({tokens[i] for i in places}))
            if any(THIRD in found for found in classes[: places[0]]):
                yield f"sentence begins elsewhere, then {tokens[places[0]]}"
        holders: set[str] = set()
        for i, found in enumerate(classes):
            for name in found:
                yield from self._attitude(tokens, classes, i, name, holders)
        for holder in sorted(holders):
            yield f"view {holder}"
        if holders:
            yield "view"
        for i in places:
            yield from _around(tokens, i)

    def _attitude(
        self, tokens: list[str], classes: list[tuple[str, ...]], i: int, name: str, holders: set[str]
    ) -> Iterable[str]:
        if name in ATTITUDES:
            for j in range(i - 1, max(-1, i - HOLDER), -1):
                if tokens[j] in self._party_tokens or THIRD in classes[j]:
                    holder = tokens[j] if tokens[j] in self._party_tokens else f"<{THIRD}>"
                    yield f"holds {holder} {name}"
                    if i - j <= 2 and holder != f"<{THIRD}>":
                        yield f"holds close {holder} {name}"
                    holders.add(holder)
                    break
            after = (tokens[j] for j in range(i + 1, min(len(tokens), i + OBJECT)) if tokens[j] in self._party_tokens)
            if (target := next(after, None)) is not None:
                yield f"towards {name} {target}"
        elif name in VALUES:
            sign = "not " if any("negation" in found for found in classes[max(0, i - 4) : i]) else ""
            nearby = range(max(0, i - NEAR), min(len(tokens), i + NEAR + 1))
            named = sorted({tokens[j] for j in nearby if tokens[j] in self._party_tokens})
            yield f"value {sign}{name}"
            yield from (f"value {sign}{name} {party}" for party in named)
            if len(named) > 1 or f"<{JOINT}>" in named:
                yield f"value {sign}{name} between"
            if named and any(THIRD in classes[j] for j in nearby):
                yield f"value {sign}{name} third"
        elif name == "office":
            for j in (i - 1, i - 2, i + 1, i + 2, i + 3):
                if 0 <= j < len(tokens) and tokens[j] in self._party_tokens:
                    yield f"office {tokens[j]}"
                    holders.add(tokens[j])
                    break


def _plain(text: str) -> str:
    """Case-folded, in one form of letters and apostrophes."""
    return _PRIVATE_ONES.sub(" ", unicodedata.normalize("NFKC", text).casefold().replace("’", "'"))


def opened(text: str) -> str:
    """Return a text, case-folded, with its negations opened.

    >>> opened("they can't")
    'they ca not'
    """
    return _NOT.sub(r"\1 not", text)


def is_private(text: str) -> bool:
    """Whether a text holds letters of private use, which names of several words are replaced by."""
    return _PRIVATE_ONES.search(text) is not None


def _mark(number: int) -> str:
    return chr(ord(_PRIVATE) + number)


def _around(tokens: list[str], i: int) -> Iterable[str]:
    """Runs of two to four tokens that hold the party at place i, and pairs with a gap."""
    for start in range(max(0, i - LONGEST + 1), i + 1):
        for end in range(max(i + 1, start + 2), min(len(tokens), start + LONGEST) + 1):
            yield " ".join(tokens[start:end])
    yield from (f"{tokens[i]} … {token}" for token in tokens[i + 1 : i + 1 + SKIP])
    yield from (f"{token} … {tokens[i]}" for token in tokens[max(0, i - SKIP) : i])
