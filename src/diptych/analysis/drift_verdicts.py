"""Verdicts on drift: how far new passages lie from training's, what chance alone makes of it, and a word for it.

**Scales and thresholds** (somewhat outside, far outside):

- Cliff's delta, for known words, length and confidence: .28 and .42. These are the medium and the large effect of
  Vargha and Delaney (2000; their A of .64 and .71), about half and four fifths of a standard deviation. Fewer
  known words and lower confidence count, more do not: they are no reason for doubt.
- Shares of passages that the model does not answer (off topic, foreign, abstains), and of repeats: 5 and 20 points
  above training's. From 5 on, more is missing than a usual margin of error; from 20 on, a fifth, and any share
  that is counted from the answers can be off by as much. Among training passages these shares are near 0.
- Passages with fewer known words than 95 % of training's (5 % by construction): 10 and 25 points above. It shows
  what a mean hides: a tenth, or a quarter, of other texts among many of the usual kind.
- Shares of passages that name a party, and that go unanswered at an asked error rate: 20 and 40 points. These vary
  from document to document, so that only a gross difference says something.
- Total variation of the answers, less its mean when all passages are shuffled (it is never negative, and large in
  small samples): .10 and .25, the part of the passages that would have to change their value.

**Noise** is the shift that chance alone exceeds, in any of the rows, in one of 20 comparisons: the points of each
row are taken at .05 / rows (Bonferroni), by Mann and Whitney's variance for Cliff's delta, over all ways to deal the
passages to new and training for shares, and by dealing them at random (seeded) for total variation. A shift above a
threshold but within noise, and noise above the second threshold, are too few to tell. Passages are taken as
independent. Those of one document are alike, so that with few documents chance does more than is stated: this is why
verdicts hang on the size of a shift, and noise can only hold them back.

**Checked** on the bundled study: 216 passages of documents that no training saw are as training beside the model of
all sources; beside a model of the two authors and the exemplars alone, which answers them worse, they are far
outside (known words, Cliff's delta -.6).

**The whole** is the worst verdict on the texts and the confidence. What the texts say (values, parties) and how
often they say it (repeats) is judged in its own rows and does not count in it: it may differ for good reason.

References
----------
Cliff, N. (1993). Dominance statistics. Vargha, A. and Delaney, H. D. (2000). A critique and improvement of the CL
common language effect size statistics of McGraw and Wong. Mann, H. B. and Whitney, D. R. (1947). On a test of
whether one of two random variables is stochastically larger than the other. Siddiqi, N. (2006). Credit risk
scorecards (population stability index). Rabanser, S., Günnemann, S. and Lipton, Z. (2019). Failing loudly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from diptych.analysis.measures import Floats, normalised

SURE = 0.05  # the chance that any row at all is found beyond noise where there is no drift
DRAWS, MOST_DRAWS = 2000, 20_000
INSIDE, SOMEWHAT, FAR = "as training", "somewhat outside", "far outside"
TOO_FEW, UNTOLD = "too few to tell", "cannot be told"
ORDER = (UNTOLD, INSIDE, TOO_FEW, SOMEWHAT, FAR)
DELTA, POINTS, VARIATION = "Cliff's delta", "difference of shares", "total variation above chance"
THRESHOLDS = {
    "delta": (DELTA, 0.28, 0.42),
    "unanswered": (POINTS, 0.05, 0.20),
    "few_known": (POINTS, 0.10, 0.25),
    "share": (POINTS, 0.20, 0.40),
    "values": (VARIATION, 0.10, 0.25),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that is compared, before it is judged.

    Attributes
    ----------
    part : {'texts', 'confidence', 'content'}
    measure : str
    of : str
        A facet, a party, or nothing.
    kind : str
        A key of `THRESHOLDS`.
    here, training : float or None
        A mean or share in the new and in the training passages.
    passages, training_passages : int
    side : {-1, 0, 1}
        The direction that counts: lower, both, higher.
    shift : float or None
        On the scale of `kind`, above 0 for more than in training; None where it cannot be told.
    tables : pair of arrays, optional
        The counts that are dealt anew; without them the scale is Cliff's delta.
    """

    part: str
    measure: str
    of: str
    kind: str
    here: float | None
    training: float | None
    passages: int
    training_passages: int
    side: int
    shift: float | None
    tables: tuple[Floats, Floats] | None = None


def judge(compared: Sequence[Comparison], seed: int) -> list[dict[str, Any]]:
    """Return comparisons as rows, with shift, noise and verdict."""
    told = sum(one.shift is not None for one in compared)
    level = SURE / max(told, 1)
    draws = min(MOST_DRAWS, max(DRAWS, 100 * told))
    rows = []
    for number, one in enumerate(compared):
        scale, low, high = THRESHOLDS[one.kind]
        shift, noise = one.shift, None
        if shift is not None and one.tables is None:
            noise = _delta_noise(one, level)
        elif shift is not None and one.tables is not None and one.kind == "values":
            moved = _dealt(*one.tables, np.random.default_rng([seed, number]), draws)
            chance = float(moved.mean())
            shift -= chance
            everything = np.append(moved - chance, shift)  # as it is, is one of the ways to deal
            noise = max(0.0, float(np.quantile(everything, 1 - level, method="higher")))
        elif shift is not None and one.tables is not None:
            noise = _share_noise(*one.tables, one.side, level)
        rows.append(
            {
                "part": one.part,
                "measure": one.measure,
                "of": one.of,
                "here": one.here,
                "training": one.training,
                "passages": one.passages,
                "training_passages": one.training_passages,
                "scale": scale,
                "shift": shift,
                "noise": noise,
                "verdict": _verdict(one, shift, noise, low, high),
            }
        )
    return rows


def _verdict(one: Comparison, shift: float | None, noise: float | None, low: float, high: float) -> str:
    if shift is None or noise is None:
        if one.measure in ("off_topic", "foreign") and one.here is not None:  # near 0 in training by construction
            return FAR if one.here >= high else SOMEWHAT if one.here >= low else INSIDE
        return UNTOLD
    size = abs(shift) if one.side == 0 else one.side * shift
    if size >= low and size > noise:
        return FAR if size >= high else SOMEWHAT
    return TOO_FEW if size >= low or noise >= high else INSIDE


def _delta_noise(one: Comparison, level: float) -> float:
    """The point of Cliff's delta where there is no drift, by Mann and Whitney's variance."""
    n, m = one.passages, one.training_passages
    z = NormalDist().inv_cdf(1 - level / (2 if one.side == 0 else 1))
    return z * sqrt((n + m + 1) / (3 * n * m))


def _dealt(here: Floats, training: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """Total variation when all passages are dealt anew to here and training: shape (draws,)."""
    both = (here + training).astype(np.int64)
    mine = rng.multivariate_hypergeometric(both, int(here.sum()), size=draws, method="marginals").astype(float)
    return np.asarray(np.abs(normalised(mine) - normalised(both - mine)).sum(axis=1) / 2)


def _share_noise(here: Floats, training: Floats, side: int, level: float) -> float:
    """The difference of shares (hits, others) that dealing all passages anew exceeds with at most this chance.

    Exact: the hypergeometric distribution of Fisher's test, by the ratios of neighbouring chances.
    """
    n, m, hits = int(here.sum()), int(training.sum()), int(here[0] + training[0])
    x = np.arange(max(0, hits - m), min(n, hits) + 1, dtype=float)
    ratios = (hits - x[:-1]) * (n - x[:-1]) / ((x[:-1] + 1) * (m - hits + x[:-1] + 1))
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    chances = np.exp(logs - logs.max())
    moved = x / n - (hits - x) / m
    size = side * moved if side else np.abs(moved)
    order = np.argsort(size, kind="stable")
    below = np.cumsum(chances[order]) / chances.sum()
    place = min(int(np.searchsorted(below, 1 - level - 1e-12)), len(order) - 1)
    return max(0.0, float(size[order][place]))
