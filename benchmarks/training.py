"""How long does training take, beside a plain GridSearchCV of the same search, and again after 50 new codings?

    python benchmarks/training.py [SIZE …]        # default: 1000 10000; about 25 minutes

Texts are made of the sentences of the bundled digests and exemplars: each takes those of one of them, its labels too,
and two more of others with the same perspective. No text of a document is read. CPU seconds, one thread, every step in
a process of its own, one after the other; nothing is cached before a step unless it says so.
"""

from __future__ import annotations

import json
import multiprocessing
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

# statistics.py beside this file would stand in for the standard library's
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from diptych.classifier.terms.sentences import sentences  # noqa: E402
from diptych.classifier.training.material import Material, classifier_for  # noqa: E402
from diptych.classifier.training.sources import load_exemplars  # noqa: E402
from diptych.coding.gold import gold_table, load_gold  # noqa: E402
from diptych.documents.passages import load_passages  # noqa: E402
from diptych.study import Study  # noqa: E402

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
NEW, HELD_OUT, FOLDS, STRENGTHS = 50, 1000, 3, (1.0, 3.0, 10.0)
STUDY = Study.bundled()
FACETS = list(STUDY.schema.facet_ids)


def made(number: int, seed: int = 0) -> pd.DataFrame:
    """Return texts with labels, as a training material has them; `group` is the text whose labels they bear."""
    gold = gold_table(load_gold(STUDY), FACETS)
    digests = load_passages(STUDY, originals=False).merge(gold, left_on="passage", right_index=True)
    parts = pd.concat([digests, load_exemplars(STUDY)])[["passage", "text", *FACETS]].dropna().reset_index(drop=True)
    taken = [list(sentences(text)) for text in parts["text"]]
    first = parts[FACETS[0]].to_numpy()
    alike = {value: np.flatnonzero(first == value) for value in set(first)}
    rng, rows = np.random.default_rng(seed), []
    for i in range(number):
        source = int(rng.integers(len(parts)))
        more = [taken[j][int(rng.integers(len(taken[j])))] for j in rng.choice(alike[first[source]], 2)]
        told = [*taken[source], *more]
        rng.shuffle(told)
        labels = parts.loc[source, FACETS].to_dict()
        rows.append({"passage": f"t{i}", "text": " ".join(told), "group": parts.loc[source, "passage"], **labels})
    return pd.DataFrame(rows).assign(author="A", source="made")


def material(table: pd.DataFrame) -> Material:
    return Material(table.reset_index(drop=True), len(table), table[:0])


def train(table: pd.DataFrame, others: pd.DataFrame, folder: Path, *, choose: bool = False, warm: bool = False) -> Any:
    """What `diptych train` does in a study's `.diptych` folder, without reading the study's files."""
    from diptych.classifier.scoring.persist import save_model
    from diptych.classifier.training import train as training
    from diptych.classifier.training.kept import Kept
    from diptych.classifier.training.warm import recall, write_memory

    mine, seed = material(table), 0
    kept = Kept(classifier_for(STUDY.schema, seed).analyser(), folder / "readings.npz")
    last = recall(folder / "model.zip", folder / "warm.npz", mine, STUDY.schema, seed) if warm else None
    if isinstance(last, str):
        raise SystemExit(last)
    model, _, memory = training.fit_with_memory(
        mine, STUDY.schema, seed, print, others, choose=choose, kept=kept, warm=last
    )
    save_model(folder / "model.zip", model)
    write_memory(folder / "warm.npz", memory)
    kept.save()
    return {"C": model.card["training"]["parameters"]["C"], "without": model.card["training"]["parameters"]["without"]}


def plain(table: pd.DataFrame) -> dict[str, Any]:
    """Scikit-learn as it is usually put together: one pipeline and one grid search a facet."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import FeatureUnion, Pipeline

    from diptych.classifier.training.held_out import stratified_folds

    folds = stratified_folds(table[FACETS], 0, FOLDS, table["group"].tolist())
    found = {}
    for facet in FACETS:
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4), min_df=3)
        steps = Pipeline(
            [
                ("terms", FeatureUnion([("words", words), ("runs", runs)])),
                ("model", LogisticRegression(class_weight="balanced", max_iter=1000)),
            ]
        )
        grid = {"model__C": STRENGTHS, "terms__runs": [runs, "drop"]}
        search = GridSearchCV(steps, grid, scoring="f1_macro", cv=folds, error_score="raise")
        search.fit(table["text"].tolist(), table[facet].tolist())
        found[facet] = {"C": search.best_params_["model__C"], "macro_f1": round(float(search.best_score_), 4)}
    return found


def chances(folder: Path, texts: list[str]) -> Any:
    from diptych.classifier.scoring.persist import load_model

    return load_model(folder / "model.zip").scorer.answers(texts).probabilities


def _child(job: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any], pipe: Any) -> None:
    from threadpoolctl import threadpool_limits

    import diptych.classifier.training.train  # noqa: F401 - imports are no part of what is timed

    with threadpool_limits(1):
        start = time.process_time()
        found = job(*arguments, **options)
        pipe.send((time.process_time() - start, found))


def timed(name: str, job: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[float, Any]:
    """Return CPU seconds of a job in a process of its own, and what it returned."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_child, args=(job, arguments, options, far))
    process.start()
    far.close()
    try:
        seconds, found = near.recv()
    except EOFError as error:
        raise SystemExit(f"{name} failed") from error
    process.join()
    print(f"{name}: {seconds:.1f} s {found if isinstance(found, dict) else ''}", file=sys.stderr, flush=True)
    return round(seconds, 2), found


def measure(number: int, folder: Path) -> dict[str, Any]:
    everything = made(number + NEW + HELD_OUT)
    base, after = everything[:number], everything[: number + NEW]
    new, none = everything[number : number + NEW], everything[:0]
    held_out = everything["text"].tolist()[number + NEW :]
    places = {name: folder / f"{number}-{name}" for name in ("search", "warm", "cold")}
    for place in places.values():
        place.mkdir()
    found: dict[str, Any] = {"passages": number, "mean_words": round(float(base["text"].str.split().str.len().mean()))}
    found["plain_search_s"], found["plain_chose"] = timed("plain search", plain, base)
    found["search_s"], found["chose"] = timed("search and training", train, base, new, places["search"], choose=True)
    found["training_s"], _ = timed("training", train, base, new, places["warm"])
    found["after_cold_s"], _ = timed("50 more, from nothing", train, after, none, places["cold"])
    found["after_warm_s"], _ = timed("50 more, warm", train, after, none, places["warm"], warm=True)
    found["after_search_s"], _ = timed("50 more, cached, not warm", train, after, none, places["search"])
    one, two = (chances(places[name], held_out) for name in ("cold", "warm"))
    apart = np.abs(one - two)
    found["held_out"] = {
        "texts": len(held_out),
        "probability_max": round(float(apart.max()), 6),
        "probability_mean": round(float(apart.mean()), 6),
    }
    found["cached_s"] = found.pop("after_search_s")
    return found


def table_of(rows: list[dict[str, Any]]) -> str:
    """The results in Markdown."""
    head = (
        "coded passages",
        "plain GridSearchCV",
        "`train --choose`",
        "`train`",
        "50 more: `train` from nothing",
        "readings cached",
        "`--warm`",
        "warm is faster than `--choose`, than `train`",
        "probabilities apart: largest (mean)",
    )
    lines = [f"| {' | '.join(head)} |", f"|{' ---: |' * len(head)}"]
    for row in rows:
        ratios = [row[name] / row["after_warm_s"] for name in ("search_s", "after_cold_s")]
        apart = row["held_out"]
        cells = [
            f"{row['passages']:,}",
            *(f"{row[name]:.1f} s" for name in ("plain_search_s", "search_s", "training_s")),
            *(f"{row[name]:.1f} s" for name in ("after_cold_s", "cached_s", "after_warm_s")),
            f"{ratios[0]:.1f} and {ratios[1]:.1f} times",
            f"{apart['probability_max']:.4f} ({apart['probability_mean']:.5f})",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(size, Path(folder)) for size in sizes]
    path = RESULTS / "training.json"
    before = json.loads(path.read_text(encoding="utf-8"))["sizes"] if path.exists() else []
    kept = [row for row in before if row["passages"] not in sizes]  # sizes are measured in runs of their own, too
    rows = sorted([*kept, *rows], key=lambda row: row["passages"])
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    found = {
        "sizes": rows,
        "unit": "CPU seconds, one thread",
        "machine": f"{platform.machine()}, Python {platform.python_version()}, scikit-learn {version('scikit-learn')}",
        "commit": subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip(),
    }
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table_of(rows))


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1000, 10000])
