"""Is the classifier any good on a schema it was not made for? Crowd-coded manifestos, one left out at a time.

    python benchmarks/any_schema.py

Reads ../shared/data/csta_immigration (Benoit et al. 2016), which is not part of the project: sentences of nine British
manifestos, policy area (immigration or not) and, within immigration, stance. A label is what most coders of a
sentence say; a tie has none. Every manifesto is judged by a model of the other eight; calibration and lean are fitted
on what models of seven say of the eighth, so that nothing is chosen on the manifesto that is judged. `default` are the
estimator's own parameters; `chosen` are those of GRID with the best macro-F1 within the eight, facet by facet.
"""

from __future__ import annotations

import json
import time
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from diptych.classifier.training.calibrate import calibrate
from diptych.classifier.training.model import PassageClassifier

RESULTS = Path(__file__).parent / "results"
CSTA = Path(__file__).parents[2] / "shared/data/csta_immigration/codings_wave1.csv.gz"
FACETS = {"policy_area": {1: "other", 4: "immigration"}, "stance": {-1: "for", 0: "neutral", 1: "against"}}
GRID = {"C": (1.0, 3.0, 10.0), "min_df": (1, 2), "by_coders": (False, True)}
DEFAULT = {"C": 3.0, "min_df": 2, "by_coders": False}


def labelled() -> pd.DataFrame:
    """One row a sentence: manifesto, text, number of coders, and the majority's labels."""
    codings = pd.read_csv(CSTA).rename(columns={"immigr_scale": "stance"})
    grouped = codings.groupby("sentenceid")
    table = grouped.agg(
        manifesto=("manifestoid", "first"), text=("sentence_text", "first"), coders=("coder_id", "size")
    )
    for facet, names in FACETS.items():
        counts = pd.crosstab(codings["sentenceid"], codings[facet].map(names)).reindex(table.index, fill_value=0)
        most = counts.max(axis=1)
        clear = (counts.eq(most, axis=0).sum(axis=1) == 1) & (most > 0)
        table[facet] = counts.idxmax(axis=1).astype(object).where(clear, None)
    table["stance"] = table["stance"].where(table["policy_area"] == "immigration", None)
    return table.reset_index(drop=True)


def out_of_sample(table: pd.DataFrame, readings: list, setting: dict) -> dict[frozenset[str], pd.DataFrame]:
    """Scores by models that have not seen one or two manifestos: manifestos left out → their rows' scores."""
    found = {}
    names = table["manifesto"].unique()
    weights = np.sqrt(table["coders"].to_numpy(float)) if setting["by_coders"] else np.ones(len(table))
    for left in map(frozenset, [*combinations(names, 1), *combinations(names, 2)]):
        out = table["manifesto"].isin(left).to_numpy()
        model = PassageClassifier(C=setting["C"], min_df=setting["min_df"])
        model.fit([readings[i] for i in np.flatnonzero(~out)], table.loc[~out, list(FACETS)], weights[~out])
        scores = model.decision([readings[i] for i in np.flatnonzero(out)])
        columns = {(f, v): scores[f][:, i] for f, values in model.facets_.items() for i, v in enumerate(values)}
        found[left] = pd.DataFrame(columns, index=np.flatnonzero(out))
    return found


def answers(table: pd.DataFrame, scores: dict[frozenset[str], pd.DataFrame], facet: str, left: str) -> tuple:
    """Answers on a manifesto left out, and the macro-F1 within the others (each answered by the rest's calibration)."""
    others = [name for name in table["manifesto"].unique() if name != left]
    rows = {name: _rows(table, scores[frozenset((left, name))], facet, name) for name in others}
    inner = []
    for name in others:
        rest = _calibrated([rows[other] for other in others if other != name])
        inner.append((rows[name][1], _answer(rows[name][0], rest)))
    gold, said = (np.concatenate(parts) for parts in zip(*inner, strict=True))
    mine, truth = _rows(table, scores[frozenset((left,))], facet, left)
    within = f1_score(gold, said, average="macro")
    return truth, _answer(mine, _calibrated(list(rows.values()))), mine.argmax(axis=1), within


def _rows(table: pd.DataFrame, scores: pd.DataFrame, facet: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    own = table.loc[scores.index]
    kept = (own["manifesto"] == name) & own[facet].notna()
    part = scores.loc[kept, facet]
    return part.to_numpy(), pd.Categorical(own.loc[kept, facet], categories=list(part.columns)).codes.astype(int)


def _calibrated(parts: list[tuple[np.ndarray, np.ndarray]]):
    return calibrate(np.vstack([scores for scores, _ in parts]), np.concatenate([gold for _, gold in parts]))


def _answer(scores: np.ndarray, fitted) -> np.ndarray:
    return (scores / fitted.temperature + np.array(fitted.prior) + np.array(fitted.lean)).argmax(axis=1)


def figures(table: pd.DataFrame, runs: list, facet: str, choose: bool) -> dict:
    """Macro-F1 pooled and by manifesto, with the default setting or the one chosen within the training manifestos."""
    truths, said, plain, by = [], [], [], {}
    for left in table["manifesto"].unique():
        tried = [(setting, *answers(table, scores, facet, left)) for setting, scores in runs]
        default = next(one for one in tried if one[0] == DEFAULT)
        setting, truth, answer, raw, within = max(tried, key=lambda one: one[4]) if choose else default
        present = sorted(set(truth.tolist()))
        by[left] = {
            "passages": len(truth),
            "macro_f1": round(float(f1_score(truth, answer, labels=present, average="macro")), 4),
            "within_training": round(float(within), 4),
            "setting": setting,
        }
        truths.append(truth)
        said.append(answer)
        plain.append(raw)
    truth, answer, raw = (np.concatenate(parts) for parts in (truths, said, plain))
    return {
        "pooled_macro_f1": round(float(f1_score(truth, answer, average="macro")), 4),
        "pooled_macro_f1_uncalibrated": round(float(f1_score(truth, raw, average="macro")), 4),
        "mean_macro_f1": round(float(np.mean([row["macro_f1"] for row in by.values()])), 4),
        "pooled_f1_by_value": f1_score(truth, answer, average=None).round(4).tolist(),
        "passages_by_value": np.bincount(truth).tolist(),
        "manifestos": by,
    }


def main() -> None:
    start, table = time.perf_counter(), labelled()
    settings = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    with threadpool_limits(1):
        readings = PassageClassifier().analyse(table["text"].tolist())
        runs = [(setting, out_of_sample(table, readings, setting)) for setting in settings]
        found = {
            facet: {"values": sorted(names.values())}
            | {kind: figures(table, runs, facet, kind == "chosen") for kind in ("default", "chosen")}
            for facet, names in FACETS.items()
        }
    found["seconds"] = round(time.perf_counter() - start)
    (RESULTS / "any_schema.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for facet in FACETS:
        for kind in ("default", "chosen"):
            print(facet, kind, {k: v for k, v in found[facet][kind].items() if k != "manifestos"})


if __name__ == "__main__":
    main()
