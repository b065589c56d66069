"""What to expect of a design: do intervals cover, do p-values hold, how many passages must be coded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.analysis.correction import estimate
from diptych.analysis.design import Batch, stand_for
from diptych.analysis.measures import jensen_shannon
from diptych.analysis.multiplicity import permutation_p
from diptych.analysis.resampling import shuffled
from diptych.coding.sampling import inclusion_probabilities, systematic_draw
from diptych.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """A made-up archive and how it is coded.

    Attributes
    ----------
    authors, documents, passages : int
        Documents an author, passages a document.
    shares : tuple of float
        The true shares of the named values, each above 0; what is left to 1 is a last value.
    clustering : float
        Correlation of passages within a document, 0 (none) to below 1.
    accuracy : float
        How often the classifier's likeliest value is right where all values are equally common, above
        chance and below 1.
    bias : float
        By how much (in log-odds) the classifier favours the first value with every second author.
    coded : int
        Passages drawn and coded, in all.
    equal : bool
        Equal chances, instead of chances that grow with the classifier's uncertainty.
    """

    authors: int = 2
    documents: int = 20
    passages: int = 50
    shares: tuple[float, ...] = (0.01, 0.05, 0.24)
    clustering: float = 0.05
    accuracy: float = 0.8
    bias: float = 0.5
    coded: int = 300
    equal: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated, with the allowed range."""
        size = self.authors * self.documents * self.passages
        cells = len(self.shares) + 1
        checks = {
            "authors, documents and passages are at least 1": min(self.authors, self.documents, self.passages) >= 1,
            "shares are above 0 and sum to less than 1": all(s > 0 for s in self.shares) and 0 < sum(self.shares) < 1,
            "clustering lies from 0 to below 1": 0 <= self.clustering < 1,
            f"accuracy lies between {1 / cells:.2f} (chance) and 1": 1 / cells < self.accuracy < 1,
            f"coded passages are 2 to {size}": 2 <= self.coded <= size,
        }
        for words, holds in checks.items():
            if not holds:
                raise UsageError(words)


@dataclass(frozen=True)
class Archive:
    """Authors, documents, true values and predicted probabilities of n passages."""

    groups: NDArray[np.object_]
    documents: NDArray[np.intp]
    truth: NDArray[np.intp]
    predicted: Floats


def make_archive(design: Design, rng: np.random.Generator, signal: float) -> Archive:
    """Draw an archive; `signal`: as :func:`signal_for` returns it."""
    prior = np.array([*design.shares, 1 - sum(design.shares)])
    number = design.authors * design.documents
    per_document = np.tile(prior, (number, 1))
    if design.clustering:
        strength = (1 - design.clustering) / design.clustering
        per_document = rng.dirichlet(prior * strength, size=number)
    documents = np.repeat(np.arange(number), design.passages)
    reach = per_document.cumsum(axis=1)[documents]
    truth = (rng.random(len(documents))[:, None] > reach[:, :-1]).sum(axis=1)
    author = documents // design.documents
    logits = signal * (signal * np.eye(len(prior))[truth] + rng.normal(size=(len(truth), len(prior)))) + np.log(prior)
    logits[:, 0] += design.bias * (author % 2)
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    names = np.array([f"author {i + 1}" for i in range(design.authors)], dtype=object)
    return Archive(names[author], documents, truth, grown / grown.sum(axis=1, keepdims=True))


def signal_for(accuracy: float, cells: int) -> float:
    """Return how strongly the true value shows in the scores, so that the likeliest one is right that often."""
    grid = np.linspace(-8, 12, 2001)
    normal = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    below = np.cumsum(normal) * (grid[1] - grid[0])
    low, high = 0.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        shifted = np.exp(-((grid - middle) ** 2) / 2) / np.sqrt(2 * np.pi)
        right = (shifted * np.minimum(below, 1) ** (cells - 1)).sum() * (grid[1] - grid[0])
        low, high = (middle, high) if right < accuracy else (low, middle)
    return low


def draw(archive: Archive, design: Design, rng: np.random.Generator) -> Batch:
    """Draw the passages to code as `diptych sample` does: by uncertainty with a floor, spread over strata."""
    n = len(archive.truth)
    uncertainty = np.zeros(n) if design.equal else 1 - archive.predicted.max(axis=1)
    chance = inclusion_probabilities(uncertainty, design.coded)
    authors = np.unique(archive.groups.astype(str), return_inverse=True)[1]
    strata = authors * archive.predicted.shape[1] + archive.predicted.argmax(axis=1)
    mixed = rng.permutation(n)
    order = mixed[np.argsort(strata[mixed], kind="stable")]
    drawn = np.zeros(n, dtype=bool)
    drawn[systematic_draw(chance, order, rng)] = True
    return Batch(np.ones(n, dtype=bool), drawn, chance, strata)


def simulate_shares(design: Design, *, repeats: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return how intervals of corrected shares behave in a design.

    Parameters
    ----------
    design : Design
    repeats : int
        Archives made, each coded once.
    seed : int

    Returns
    -------
    DataFrame
        One row an author and value: share (true, mean), hits (expected among the coded), covers and
        labelled_covers (how often the 95 % interval holds the truth), width and labelled_width (means),
        error, labelled_error and uncorrected_error (root mean squared).

    Examples
    --------
    >>> table = simulate_shares(Design(documents=4, coded=60), repeats=20)
    >>> table.columns[:4].tolist(), len(table)
    (['author', 'value', 'share', 'hits'], 8)
    """
    rng = np.random.default_rng(seed)
    cells = len(design.shares) + 1
    signal = signal_for(design.accuracy, cells)
    rows = []
    for _ in range(repeats):
        archive = make_archive(design, rng, signal)
        batch = draw(archive, design, rng)
        answers, ones = np.eye(cells)[archive.truth], np.ones(len(archive.truth))
        stand = stand_for([batch], archive.groups, batch.drawn, ones)
        corrected = estimate(archive.predicted, answers, stand, archive.groups, ones)
        labelled = estimate(np.zeros_like(archive.predicted), answers, stand, archive.groups, ones)
        for group in dict.fromkeys(archive.groups):
            mine = archive.groups == group
            truth, guess = (
                answers[mine].mean(axis=0),
                np.eye(cells)[archive.predicted[mine].argmax(axis=1)].mean(axis=0),
            )
            ours, plain = corrected[group], labelled[group]
            rows += [
                (
                    group,
                    k,
                    truth[k],
                    ours.coded * truth[k],
                    ours.low[k] <= truth[k] <= ours.high[k],
                    plain.low[k] <= truth[k] <= plain.high[k],
                    ours.high[k] - ours.low[k],
                    plain.high[k] - plain.low[k],
                    (ours.share[k] - truth[k]) ** 2,
                    (plain.share[k] - truth[k]) ** 2,
                    (guess[k] - truth[k]) ** 2,
                )
                for k in range(cells)
            ]
    names = ["author", "value", "share", "hits", "covers", "labelled_covers", "width", "labelled_width"]
    errors = ["error", "labelled_error", "uncorrected_error"]
    table = pd.DataFrame(rows, columns=[*names, *errors]).astype(dict.fromkeys(["covers", "labelled_covers"], float))
    found = table.groupby(["author", "value"], sort=True).mean()
    found[errors] = np.sqrt(found[errors])
    return found.reset_index()


def power_table(design: Design, sizes: Sequence[int], *, repeats: int = 100, seed: int = 0) -> pd.DataFrame:
    """Return the half width of the intervals for every number of coded passages: how many for ± x.

    Returns
    -------
    DataFrame
        coded, value, share, half_width, labelled_half_width, covers; means over the authors.
    """
    parts = []
    for size in sizes:
        table = simulate_shares(replace(design, coded=size), repeats=repeats, seed=seed)
        means = table.groupby("value")[["share", "width", "labelled_width", "covers"]].mean().reset_index()
        parts.append(means.assign(coded=size))
    table = pd.concat(parts, ignore_index=True)
    table["half_width"], table["labelled_half_width"] = table["width"] / 2, table["labelled_width"] / 2
    return table[["coded", "value", "share", "half_width", "labelled_half_width", "covers"]]


def simulate_null(
    design: Design, *, repeats: int = 1000, shuffles: int = 499, level: float = 0.05, seed: int = 0
) -> dict[str, float]:
    """Return how often equal authors are called different: by documents, and wrongly by passages.

    Parameters
    ----------
    design : Design
        Its classifier and sample are not used: everything is coded.
    repeats, shuffles : int
    level : float
    seed : int

    Returns
    -------
    dict
        documents, passages: the share of repeats with p at or below `level`.
    """
    if design.authors != 2:
        raise UsageError("the null is simulated for two authors")
    rng = np.random.default_rng(seed)
    cells, half = len(design.shares) + 1, design.documents
    rejected = {"documents": 0, "passages": 0}
    for _ in range(repeats):
        archive = make_archive(design, rng, 1.0)
        table = np.zeros((2 * half, cells))
        np.add.at(table, (archive.documents, archive.truth), 1.0)
        first, second = table[:half], table[half:]
        observed = jensen_shannon(first.sum(axis=0), second.sum(axis=0))
        dealt = shuffled(first, second, int(rng.integers(2**32)), shuffles)
        rejected["documents"] += bool(permutation_p(observed, dealt) <= level)
        singly = rng.multivariate_hypergeometric(
            table.sum(axis=0).astype(int), half * design.passages, size=shuffles, method="marginals"
        ).astype(float)
        dealt = jensen_shannon(singly, table.sum(axis=0) - singly)
        rejected["passages"] += bool(permutation_p(observed, dealt) <= level)
    return {name: number / repeats for name, number in rejected.items()}
