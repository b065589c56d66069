"""Odd texts for the scorer in C: what a schema knows, mixed with letters and stops of every kind.

As a script it compares the kernel with numpy on many of them: `python tests/kernel_texts.py SEED NUMBER [KERNEL]`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from itertools import islice

import numpy as np

import diptych.classifier
from diptych.classifier.scoring.score import Scorer
from diptych.classifier.terms.language import language_of

PIECES = [
    *(
        "’s",
        "'s",
        "n't",
        "don't",
        "can’t",
        "ain'tn't",
        "a'b",
        "'",
        "’",
        '"',
        "“",
        "”",
        "‘",
        "(",
        "[",
        ")",
        "]",
        "」",
        "』",
        "）",
    ),
    *(
        " ",
        "\u00a0",
        "\u3000",
        "\n\n",
        "\t",
        "\x1c",
        "\x85",
        "\u200b",
        ".",
        "!",
        "?",
        "…",
        "。",
        "！",
        "？",
        ";",
        ":",
        ",",
        "、",
    ),
    *("Mr.", "U.S.", "No.", "Nos.", "Sept.", "e.g.", "A.", "É.", "5.", "approx.", "Corp.", "xCorp."),
    *(
        "ß",
        "ﬁ",
        "İ",
        "ǅ",
        "é",
        "e\u0301",
        "ſ",
        "Å",
        "Ω",
        "北",
        "京",
        "の",
        "한",
        "カ",
        "ｶ",
        "٣",
        "²",
        "½",
        "Ⅷ",
        "_",
        "__",
        "a_b",
    ),
    *(
        "-",
        "--",
        "–",
        "x-y",
        "and",
        "or",
        "not",
        "0",
        "12.5",
        "3,000",
        "\x00",
        "\ud800",
        "\U000f0001",
        "\U0010ffff",
        "😀",
    ),
    *("Сергей", "λόγος", "עברית", "العربية", "北京的石油", "しろい", "the", "of", "der", "und", "les", "aux"),
]
ENDS = (". ", "! ", "? ", ".\n", "; ", ", ", ".” ", ".) ", "…", ".'' ")


def odd_texts(scorer: Scorer, words: list[str], seed: int) -> Iterator[str]:
    """Yield texts without end: words, names of parties, words of attitude, and odd pieces."""
    chance = random.Random(seed)  # noqa: S311 - test texts
    parties = scorer.analyser.parties
    names = [name for listed in parties.markers.values() for name in listed] or words
    attitudes = [word for listed in parties.words.values() for word in listed] or words
    while True:
        parts = []
        for _ in range(chance.randint(0, 60)):
            part = chance.choice(chance.choices((words, names, attitudes, PIECES), (35, 20, 15, 30))[0])
            parts.append(part.upper() if chance.random() < 0.1 else part)
            parts.append(chance.choices((" ", "", chance.choice(ENDS)), (70, 20, 10))[0])
        yield "".join(parts)


def differences(scorer: Scorer, texts: list[str]) -> list[str]:
    """Return what C, or numpy in batches, and numpy text by text say differently; scores are alike to 5e-6."""
    plain = Scorer(scorer.weights, scorer.limits, scorer.analyser)
    found = []
    scores, known, named, languages = scorer.score(texts)
    for i, text in enumerate(texts):
        reading = plain.analyser.read(text)
        wanted, share = plain.scores_of(reading)
        if np.abs(scores[i] - wanted).max() > 5e-6:
            found.append(f"{text!r}: scores by {np.abs(scores[i] - wanted).max():.2g}")
        if abs(known[i] - share) > 1e-12 or bool(named[i]) != reading.names_party:
            found.append(f"{text!r}: known {known[i]} and {share}, named {named[i]} and {reading.names_party}")
        if languages[i] != language_of(text):
            found.append(f"{text!r}: {languages[i]} and {language_of(text)}")
    return found


def main(seed: int, number: int, kernel: str | None = None) -> int:
    """Compare on many texts, with another kernel if its file is named, or numpy in batches if `numpy` is named.

    The exit code says whether anything differs.
    """
    if kernel and kernel != "numpy":
        name = "diptych.classifier.scoring._kernel"
        loader = ExtensionFileLoader(name, kernel)
        sys.modules[name] = module_from_spec(spec_from_loader(name, loader))
        loader.exec_module(sys.modules[name])
        diptych.classifier.scoring._kernel = sys.modules[name]
    from diptych.classifier.scoring.bundled import bundled_model

    scorer = bundled_model().scorer
    if kernel == "numpy":
        scorer = Scorer(scorer.weights, scorer.limits, scorer.analyser)
    elif scorer.compiled is None:
        sys.stderr.write("the kernel is not built\n")
        return 2
    words = ["gas", "pipeline", "border", "trade", "treaty", "arms", "oil", "power", "river", "ally", "threat"]
    texts, bad = odd_texts(scorer, words, seed), 0
    for done in range(0, number, 500):
        for said in differences(scorer, list(islice(texts, min(500, number - done)))):
            bad += 1
            sys.stdout.write(said + "\n")
    sys.stdout.write(f"{number} texts, {bad} differences\n")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4]))
