"""Distinctive words: which words one author uses more than another, beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from diptych.classifier.terms.analyser import words

Floats = NDArray[np.float64]
Variance = Literal["full", "two-term"]
PRIOR_MASS = 500.0
FEWEST_USES = 3


def log_odds(
    first: ArrayLike, second: ArrayLike, prior: ArrayLike, variance: Variance = "full"
) -> tuple[Floats, Floats]:
    """Return the difference of log-odds of every word under an informative Dirichlet prior, and its z-value.

    Parameters
    ----------
    first, second : arrays of shape (words,)
        How often each author uses each word.
    prior : array of shape (words,)
        Pseudo-counts, above 0.
    variance : {'full', 'two-term'}
        `full` adds the variance of all other words; `two-term` is the paper's approximation (equation 20).

    Returns
    -------
    difference, z : arrays of shape (words,)
        Above 0 where the first author uses the word more.

    References
    ----------
    Monroe, B. L., Colaresi, M. P. and Quinn, K. M. (2008). Fightin' words, equations 15 to 22.

    Examples
    --------
    >>> log_odds([1, 5, 1, 9], [100, 510, 100, 199], [0.01] * 4)[1].round(3).tolist()
    [-0.59, -1.906, -0.59, 2.983]
    """
    a = np.asarray(prior, dtype=float)
    odds, spread = [], np.zeros(len(a))
    for counts in (np.asarray(first, dtype=float) + a, np.asarray(second, dtype=float) + a):
        rest = counts.sum() - counts
        odds.append(np.log(counts) - np.log(rest))
        spread += 1 / counts + (1 / rest if variance == "full" else 0)
    difference = odds[0] - odds[1]
    return difference, difference / np.sqrt(spread)


def distinctive_words(
    first: Sequence[str], second: Sequence[str], background: Sequence[str], *, number: int = 8, seed: int = 0
) -> pd.DataFrame:
    """Return the words that tell two sets of passages apart, beside what chance alone gives.

    Parameters
    ----------
    first, second : sequences of str
        Texts of the two authors.
    background : sequence of str
        All texts: their word frequencies, scaled to 500 words, are the prior.
    number : int
        Words of each side.
    seed : int
        Of the split halves: all passages are dealt to two halves 200 times, and the 95 % point of the largest
        |z| is what chance gives.

    Returns
    -------
    DataFrame
        word, count_first, count_second, z, chance (the same for all), side; words used at least 3 times.
    """
    tables = [Counter(words(text)) for text in (*first, *second)]
    everything = Counter(word for text in background for word in words(text))
    used: Counter[str] = sum(tables, Counter())
    letters = {word for word in used if len(word) == 1 and word.isascii()}
    names = sorted(word for word, count in used.items() if count >= FEWEST_USES and word not in letters)
    if len(names) < 2:  # one word alone has no odds
        return pd.DataFrame(columns=["word", "count_first", "count_second", "z", "chance", "side"])
    counts = np.array([[table[word] for word in names] for table in tables], dtype=float)
    prior = np.array([max(everything[word], 1) for word in names], dtype=float)
    prior *= PRIOR_MASS / prior.sum()
    mine = np.arange(len(tables)) < len(first)
    _, z = log_odds(counts[mine].sum(axis=0), counts[~mine].sum(axis=0), prior)
    rng = np.random.default_rng(seed)
    largest = []
    for _ in range(200):
        half = rng.permutation(len(tables)) < len(tables) // 2
        largest.append(np.abs(log_odds(counts[half].sum(axis=0), counts[~half].sum(axis=0), prior)[1]).max())
    table = pd.DataFrame(
        {
            "word": names,
            "count_first": counts[mine].sum(axis=0).astype(int),
            "count_second": counts[~mine].sum(axis=0).astype(int),
            "z": z,
            "chance": float(np.quantile(largest, 0.95)),
            "side": np.where(z > 0, "first", "second"),
        }
    ).sort_values("z", ascending=False, kind="stable")
    return pd.concat([table.head(number), table.tail(number)]).drop_duplicates("word").reset_index(drop=True)
