"""Do C, numpy and the trained scikit-learn form give the same answers?

    python benchmarks/equality.py [PASSAGES]      # default: 100000; about ten minutes

A classifier is trained on the bundled digests and exemplars. Half of the passages are made like those of an archive
(speed.py), half of odd pieces: every script, stops and apostrophes of all kinds, empty, damaged. Compared are
probabilities, labels, abstentions, shares of known words and languages; the exit code is 1 where anything differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

ROOT, HERE = Path(__file__).parents[1], Path(__file__).resolve().parent
# statistics.py beside this file would stand in for the standard library's, were this folder the first
sys.path = [*(path for path in sys.path if Path(path).resolve() != HERE), str(HERE), str(ROOT / "tests")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from speed import passages, training  # noqa: E402

from diptych.classifier.scoring.bundled import bundled_model  # noqa: E402
from diptych.classifier.scoring.kernel import kernel_of  # noqa: E402
from diptych.classifier.scoring.score import Answers, Scored, Scorer, batched  # noqa: E402
from diptych.classifier.terms.language import language_of  # noqa: E402
from diptych.classifier.training.model import PassageClassifier  # noqa: E402
from diptych.classifier.training.train import classifier_for  # noqa: E402
from diptych.study import Study  # noqa: E402
from kernel_texts import odd_texts  # noqa: E402

NEAR = 1e-5  # of probabilities


@dataclass
class Trained:
    """The scikit-learn form, in the place where the kernel stands otherwise."""

    fitted: PassageClassifier

    def score(self, texts: Sequence[str]) -> Scored:
        read = [self.fitted.analyser_.read(text) for text in texts]
        found = self.fitted.decision(read)
        scores = np.concatenate([found[facet] for facet in self.fitted.facets_], axis=1)
        named = np.array([reading.names_party for reading in read])
        return scores, self.fitted.known_shares(read), named, [language_of(text) for text in texts]


def differences(mine: Answers, other: Answers) -> dict[str, int]:
    """In how many texts two ways differ, by what."""
    return {
        "probabilities": int((np.abs(mine.probabilities - other.probabilities).max(axis=1) > NEAR).sum()),
        "labels": int((mine.places != other.places).any(axis=1).sum()),
        "abstentions": int((mine.abstains != other.abstains).sum()),
        "known": int((np.abs(mine.known - other.known) > 1e-9).sum()),
        "languages": sum(a != b for a, b in zip(mine.languages, other.languages, strict=True)),
    }


def main(number: int) -> int:
    texts, labels = training()
    fitted = classifier_for(Study.bundled().schema, 0).fit(texts, pd.DataFrame(labels))
    weights, limits, analyser = fitted.compile(), bundled_model().limits, fitted.analyser()
    ways = {
        "C": Scorer(weights, limits, analyser, kernel_of(weights, analyser)),
        "numpy": Scorer(weights, limits, analyser),
        "scikit-learn": Scorer(weights, limits, analyser, Trained(fitted)),
    }
    words = sorted({word for text in texts for word in text.split()})
    half = number // 2
    every = chain(passages(half, texts), islice(odd_texts(ways["numpy"], words, 7), number - half))
    found: dict[str, dict[str, int]] = {"C": {}, "numpy": {}}
    most, answered = dict.fromkeys(found, 0.0), 0
    for batch in batched(every, 1000):
        wanted = ways["scikit-learn"].answers(batch)
        answered += len(batch) - int(wanted.abstains.sum())
        for way, sums in found.items():
            mine = ways[way].answers(batch)
            most[way] = max(most[way], float(np.abs(mine.probabilities - wanted.probabilities).max()))
            for what, differing in differences(mine, wanted).items():
                sums[what] = sums.get(what, 0) + differing
    result = {"passages": number, "answered": answered, "differ": found, "largest difference of a probability": most}
    (HERE / "results" / "equality.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return int(any(any(sums.values()) for sums in found.values()))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
