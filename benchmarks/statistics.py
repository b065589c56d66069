"""Do the statistics hold what they promise? Coverage of intervals, p-values, real data, size.

    python benchmarks/statistics.py shares      intervals in a made-up archive of 40 documents
    python benchmarks/statistics.py csta        nine manifestos, 150 coded sentences each, 400 repeats
    python benchmarks/statistics.py null        p-values where authors are equal, documents cluster
    python benchmarks/statistics.py power       how many passages to code for ± x
    python benchmarks/statistics.py size        10,000 shuffles and 2,000 draws over 1,000,000 passages

`csta` reads ../shared/data/csta_immigration, which is not part of the project. Results go to benchmarks/results/.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from diptych.analysis.correction import estimate
from diptych.analysis.design import Batch, stand_for
from diptych.analysis.measures import jensen_shannon
from diptych.analysis.resampling import drawn_anew, shuffled
from diptych.analysis.simulate import Design, power_table, simulate_null, simulate_shares
from diptych.coding.alpha import alpha

RESULTS = Path(__file__).parent / "results"
CSTA = Path(__file__).parents[2] / "shared/data/csta_immigration/codings_wave1.csv.gz"


def shares(repeats: int = 1000) -> dict[str, object]:
    """Coverage and width of intervals, by uncertainty and with equal chances."""
    return {
        f"{'equal chances' if equal else 'by uncertainty'}, {coded} coded, accuracy {accuracy}": simulate_shares(
            Design(coded=coded, equal=equal, accuracy=accuracy), repeats=repeats
        )
        .round(4)
        .to_dict("records")
        for equal in (True, False)
        for coded, accuracy in ((300, 0.8), (600, 0.8), (600, 0.6))
    }


def null(repeats: int = 5000) -> dict[str, object]:
    """Rejections at 5 % where both authors draw from the same distribution, 10 and 20 documents each."""
    return {
        f"{documents} documents an author": simulate_null(Design(documents=documents), repeats=repeats)
        for documents in (10, 20)
    }


def power(repeats: int = 300) -> list[dict[str, object]]:
    """Half widths by the number of coded passages."""
    return power_table(Design(), (100, 200, 400, 800, 1200), repeats=repeats).round(4).to_dict("records")


def manifestos() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sentences with the crowd's majority (1 immigration), and every coding."""
    codings = pd.read_csv(CSTA)
    grouped = codings.groupby("sentenceid")
    table = grouped.agg(manifesto=("manifestoid", "first"), text=("sentence_text", "first"))
    table["truth"] = grouped["policy_area"].agg(lambda codes: float((codes == 4).mean() > 0.5))
    return table.reset_index(), codings


def csta(repeats: int = 400, coded: int = 150) -> dict[str, object]:
    """Corrected against labelled-only and uncorrected shares of immigration, and alpha of policy area."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    table, codings = manifestos()
    texts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2).fit_transform(table["text"])
    groups, truth = table["manifesto"].to_numpy(dtype=object), table["truth"].to_numpy()
    answers, ones = np.column_stack([1 - truth, truth]), np.ones(len(truth))
    names = list(dict.fromkeys(groups))
    real = {name: truth[groups == name].mean() for name in names}
    size = pd.Series(groups).map(pd.Series(groups).value_counts()).to_numpy()
    rows = []
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        drawn = np.zeros(len(truth), dtype=bool)
        for name in names:
            drawn[rng.choice(np.flatnonzero(groups == name), coded, replace=False)] = True
        predicted = cross_fitted(texts, truth, np.flatnonzero(drawn), rng)
        batch = Batch(np.ones(len(truth), dtype=bool), drawn, coded / size)
        stand = stand_for([batch], groups, drawn, ones)
        ours = estimate(np.column_stack([1 - predicted, predicted]), answers, stand, groups, ones)
        plain = estimate(np.zeros_like(answers), answers, stand, groups, ones)
        rows += [
            {
                "manifesto": name,
                "covers": ours[name].low[1] <= real[name] <= ours[name].high[1],
                "labelled_covers": plain[name].low[1] <= real[name] <= plain[name].high[1],
                "width": ours[name].high[1] - ours[name].low[1],
                "labelled_width": plain[name].high[1] - plain[name].low[1],
                "squared": (ours[name].share[1] - real[name]) ** 2,
                "labelled_squared": (plain[name].share[1] - real[name]) ** 2,
                "uncorrected_squared": ((predicted > 0.5)[groups == name].mean() - real[name]) ** 2,
            }
            for name in names
        ]
    found = pd.DataFrame(rows)
    by = found.groupby("manifesto").mean()
    by.insert(0, "hits_expected", pd.Series(real) * coded)
    pivot = codings.pivot_table(index="sentenceid", columns="coder_id", values="policy_area", aggfunc="first")
    return {
        "manifestos": by.round(6).reset_index().to_dict("records"),
        "mean": found.drop(columns="manifesto").mean().round(6).to_dict(),
        "alpha of policy area": alpha(pivot.to_numpy(dtype=float)),
        "reference": 0.649,
    }


def cross_fitted(texts, truth, places, rng, folds: int = 5):
    """Calibrated probabilities: of coded sentences by the model of the other folds, of the rest by all models."""
    from sklearn.linear_model import LogisticRegression

    fold = rng.permutation(len(places)) % folds
    chances = np.stack(
        [
            LogisticRegression(C=10, solver="liblinear")
            .fit(texts[places[fold != k]], truth[places[fold != k]])
            .decision_function(texts)
            for k in range(folds)
        ]
    )
    scores = chances.mean(axis=0)
    scores[places] = chances[fold, places]
    line = LogisticRegression(C=100).fit(scores[places, None], truth[places])
    return line.predict_proba(scores[:, None])[:, 1]


def size(passages: int = 1_000_000, documents: int = 2000, cells: int = 20) -> dict[str, object]:
    """CPU seconds for shuffles and draws on count tables, beside a loop over rows (measured on few, scaled)."""
    rng = np.random.default_rng(0)
    document, cell = rng.integers(documents, size=passages), rng.integers(cells, size=passages)
    frame = pd.DataFrame({"document": document, "author": document % 2, "cell": cell})
    found: dict[str, object] = {}
    start = time.process_time()
    table = pd.crosstab(frame["document"], frame["cell"]).to_numpy(dtype=float)
    first, second = table[::2], table[1::2]
    found["counting, s"] = round(time.process_time() - start, 2)
    start = time.process_time()
    shuffled(first, second, 0, 10_000)
    found["10,000 shuffles, s"] = round(time.process_time() - start, 2)
    start = time.process_time()
    jensen_shannon(drawn_anew(first, 0, 2000), drawn_anew(second, 1, 2000))
    found["2,000 draws, s"] = round(time.process_time() - start, 2)
    start = time.process_time()
    few = 5
    for _ in range(few):  # what a user would write: new authors for the documents, then count the rows again
        dealt = rng.permutation(documents) < documents // 2
        counts = pd.crosstab(dealt[frame["document"]], frame["cell"])
        jensen_shannon(counts.iloc[0], counts.iloc[1])
    found["row-wise, 10,000 shuffles, s (5 measured, scaled)"] = round((time.process_time() - start) / few * 10_000)
    return found


def main() -> None:
    """Run what is named (default: everything) and write one JSON file each."""
    RESULTS.mkdir(exist_ok=True)
    for name in sys.argv[1:] or ["shares", "csta", "null", "power", "size"]:
        found = globals()[name]()
        (RESULTS / f"statistics_{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(name, json.dumps(found, indent=1)[:2000])


if __name__ == "__main__":
    main()
