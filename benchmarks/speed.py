"""How fast texts are classified, beside what a user would write otherwise: `make bench`.

    python benchmarks/speed.py [memory files start flat] [--passages 100000] [--repeats 5] [--large 10000000]

Ratios of CPU seconds (user and system) on one core: the ways take turns in one run, and the median of the repeats
counts. The texts are sentences of the bundled digests and exemplars in new order, about 95 words each, with 2 %
invented words, so that the vocabulary grows as an archive's does. The plain way is three stock scikit-learn pipelines
(words and pairs by TF-IDF, logistic regression), trained on the same digests and exemplars; from file to file with json
and csv of the standard library, or with pyarrow.
"""

from __future__ import annotations

import argparse
import compileall
import ctypes
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# this folder holds a statistics.py
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != HERE]
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS"), "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import diptych  # noqa: E402
from diptych.classifier.scoring.bundled import bundled_model  # noqa: E402
from diptych.classifier.scoring.score import Scorer  # noqa: E402
from diptych.classifier.terms.sentences import sentences  # noqa: E402
from diptych.classifier.training.material import training_material  # noqa: E402

RESULTS = HERE / "results" / "speed.json"
WORDS, RARE = 95, 0.02
PEERS = ("diptych", "numpy", "scikit-learn", "pyarrow", "orjson", "fasttext-numpy2")
KINDS = ("jsonl", "csv", "parquet")
FASTTEXT = {
    "loss": "ova",
    "dim": 16,
    "wordNgrams": 2,
    "epoch": 25,
    "bucket": 2**18,
    "thread": 1,
    "verbose": 0,
}
PLAIN = """
import csv, json, sys
import joblib
models, source, target = joblib.load(sys.argv[1]), sys.argv[2], sys.argv[3]

def answers(texts):
    found = [model.predict_proba(texts) for model in models.values()]
    return [shares.argmax(1) for shares in found], [shares.max(1) for shares in found]

if source.endswith(".parquet"):
    import pyarrow as pa, pyarrow.parquet as pq
    table = pq.read_table(source)
    places, chances = answers(table["text"].to_pylist())
    for (facet, model), place, p in zip(models.items(), places, chances):
        table = table.append_column(facet, pa.array(model.classes_[place])).append_column(facet + "_p", pa.array(p))
    pq.write_table(table, target)
elif source.endswith(".jsonl"):
    with open(source) as lines, open(target, "w", newline="") as out:
        rows = [json.loads(line) for line in lines]
        places, chances = answers([row["text"] for row in rows])
        writer = csv.writer(out)
        writer.writerow([*rows[0], *(name for facet in models for name in (facet, facet + "_p"))])
        for i, row in enumerate(rows):
            said = [(m.classes_[places[j][i]], round(chances[j][i], 4)) for j, m in enumerate(models.values())]
            writer.writerow([*row.values(), *(cell for pair in said for cell in pair)])
else:
    places, chances = answers([source])
    print([m.classes_[places[j][0]] for j, m in enumerate(models.values())])
"""


def training() -> tuple[list[str], dict[str, list[str]]]:
    """The texts of the bundled digests and exemplars, and their labels by facet."""
    study = diptych.Study.bundled()
    material = training_material(study)
    facets = list(study.schema.facet_ids)
    shown = pd.concat([material.real[: material.gold], material.exemplars])[["text", *facets]].dropna()
    return shown["text"].tolist(), {facet: shown[facet].tolist() for facet in facets}


def passages(number: int, texts: list[str], seed: int = 5) -> Iterator[str]:
    """Yield passages of about 95 words: sentences in new order, some words invented."""
    chance = random.Random(seed)
    pool = [sentence for text in texts for sentence in sentences(text)]
    letters = "bcdfglmnprstvz", "aeiou"
    for _ in range(number):
        words: list[str] = []
        while len(words) < WORDS:
            words += chance.choice(pool).split()
        for place in range(len(words)):
            if chance.random() < RARE:
                words[place] = "".join(chance.choice(letters[i % 2]) for i in range(chance.randint(5, 11)))
        yield " ".join(words)


def plain_models(texts: list[str], labels: dict[str, list[str]]) -> dict[str, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return {
        facet: make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000)
        ).fit(texts, values)
        for facet, values in labels.items()
    }


def fasttext_model(texts: list[str], labels: dict[str, list[str]], folder: Path) -> Any:
    """One model for all facets, one against the rest; None where fastText is not installed."""
    try:
        import fasttext
    except ImportError:
        return None
    lines = folder / "fasttext.txt"
    marked = [[f"__label__{facet}_{value}" for value in values] for facet, values in labels.items()]
    lines.write_text("\n".join(" ".join(parts) for parts in zip(*marked, texts, strict=True)) + "\n")
    for rate in (0.5, 0.2, 0.1, 0.05, 0.02):  # it may end in "Encountered NaN"; how well it learns is not asked here
        try:
            return fasttext.train_supervised(str(lines), lr=rate, **FASTTEXT)
        except RuntimeError:
            continue
    return None


def word_scan(folder: Path) -> Callable[[list[str]], None] | None:
    """Word boundaries and hashes in C, without any table; None without a compiler."""
    library = folder / "word_scan.so"
    if subprocess.run(
        ["cc", "-O3", "-march=native", "-shared", "-fPIC", HERE / "word_scan.c", "-o", library], check=False
    ).returncode:
        return None
    found = ctypes.CDLL(str(library)).scan
    found.argtypes, found.restype = [ctypes.c_char_p, ctypes.c_size_t], ctypes.c_uint64

    def scan(texts: list[str]) -> None:
        whole = "\n".join(texts).encode()
        found(whole, len(whole))

    return scan


def cpu() -> float:
    return time.process_time()


def in_turn(ways: dict[str, tuple[Callable[[list[str]], Any], int]], texts: list[str], repeats: int) -> dict[str, Any]:
    """CPU microseconds a passage of every way: the median of the repeats, in which all take turns."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for way, number in ways.values():
        way(texts[: min(100, number)])
    for _ in range(repeats):
        for name, (way, number) in ways.items():
            began = cpu()
            way(texts[:number])
            took[name].append(1e6 * (cpu() - began) / number)
    return {name: round(float(np.median(times)), 3) for name, times in took.items()}


def memory(number: int, repeats: int) -> dict[str, Any]:
    """From texts in memory to the answers of all facets."""
    texts, labels = training()
    stream = list(passages(number, texts))
    models, scorer = plain_models(texts, labels), bundled_model().scorer
    numpy_alone = Scorer(scorer.weights, scorer.limits, scorer.analyser)
    with tempfile.TemporaryDirectory() as folder:
        fast, scan = fasttext_model(texts, labels, Path(folder)), word_scan(Path(folder))
        ways = {
            "plain": (lambda some: [model.predict_proba(some) for model in models.values()], min(number, 2_000)),
            "numpy alone": (numpy_alone.answers, min(number, 500)),
        }
        if scorer.compiled is not None:
            ways["kernel"] = (scorer.answers, number)
        if fast is not None:
            ways["fastText"] = (lambda some: [fast.predict(text, k=-1) for text in some], min(number, 20_000))
        if scan is not None:
            ways["word scan"] = (scan, number)
        found = in_turn(ways, stream, repeats)
    words = sum(len(text.split()) for text in stream) / number
    return {"passages": number, "words": round(words, 1), "microseconds": found, "plain_by": _by(found)}


def _by(took: dict[str, float]) -> dict[str, float]:
    return {name: round(took["plain"] / time_, 1) for name, time_ in took.items() if name != "plain"}


def child(command: list[str | Path]) -> tuple[float, int]:
    """Run a program: its CPU seconds, and its peak memory in kilobytes."""
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=tempfile.gettempdir(),  # where there is no study: the model that is shipped answers
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0
    while True:
        # asked while it runs: what the system tells at the end counts the memory of the process that began it, too
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak = max(peak, int(next(line for line in lines if line.startswith("VmHWM")).split()[1]))
        done, status, used = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, peak


def write(folder: Path, stream: Iterator[str], kind: str) -> Path:
    path = folder / f"texts.{kind}"
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = list(stream)
        pq.write_table(pa.table({"id": list(range(len(rows))), "text": rows}), path)
    else:
        with path.open("w") as lines:
            for i, text in enumerate(stream):
                lines.write(json.dumps({"id": i, "text": text}) + "\n")
    return path


def files(number: int, repeats: int) -> dict[str, Any]:
    """From file to file, start-up and all."""
    import joblib

    texts, labels = training()
    found: dict[str, Any] = {"passages": number}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        joblib.dump(plain_models(texts, labels), folder / "models.joblib")
        (folder / "plain.py").write_text(PLAIN)
        for kind, target in (("jsonl", "csv"), ("parquet", "parquet")):
            source = write(folder, passages(number, texts), kind)
            out = folder / f"out.{target}"
            ways: dict[str, list[str | Path]] = {
                "plain": [sys.executable, folder / "plain.py", folder / "models.joblib", source, out],
                "diptych": [sys.executable, "-m", "diptych", "classify", source, "--out", out, "--format", target],
            }
            took: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
            for _ in range(repeats):
                for name, command in ways.items():
                    out.unlink(missing_ok=True)
                    took[name].append(child(command))
            seconds = {name: round(float(np.median([one[0] for one in runs])), 2) for name, runs in took.items()}
            found[f"{kind} to {target}"] = {
                "seconds": seconds,
                "peak_megabytes": {name: max(one[1] for one in runs) // 1024 for name, runs in took.items()},
                "plain_by": _by(seconds),
            }
            source.unlink()
    return found


def start(number: int, repeats: int) -> dict[str, Any]:
    """One sentence, and the help: CPU milliseconds of the whole process."""
    import joblib

    texts, labels = training()
    said = "Moscow fears that Beijing will set the price of gas."
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        joblib.dump(plain_models(texts, labels), folder / "models.joblib")
        (folder / "plain.py").write_text(PLAIN)
        (folder / "one.txt").write_text(said)
        ways: dict[str, list[str | Path]] = {
            "plain": [sys.executable, folder / "plain.py", folder / "models.joblib", said, "-"],
            "classify": [sys.executable, "-m", "diptych", "classify", folder / "one.txt"],
            "help": [sys.executable, "-m", "diptych", "--help"],
            "python": [sys.executable, "-c", "pass"],
        }
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(max(repeats, 9)):
            for name, command in ways.items():
                took[name].append(1000 * child(command)[0])
    found = {name: round(float(np.median(times)), 1) for name, times in took.items()}
    return {"milliseconds": found, "plain_by": _by(found)}


def flat(number: int, large: int, kinds: list[str]) -> dict[str, Any]:
    """Peak memory with many passages beside few; short ones, so that ten million fit a disk."""
    found: dict[str, Any] = {}
    texts, _ = training()
    short = [" ".join(text.split()[:12]) for text in texts]
    for kind in kinds:
        peaks = {}
        for size in (min(number, 100_000), large):
            with tempfile.TemporaryDirectory() as place:
                source = _short_file(Path(place), kind, short, size)
                out = f"{place}/out.{kind}"
                seconds, peak = child(
                    [sys.executable, "-m", "diptych", "classify", source, "--out", out, "--format", kind]
                )
                peaks[f"{size}"] = {"megabytes": peak // 1024, "seconds": round(seconds, 1)}
        found[kind] = peaks
        print(kind, peaks, flush=True)
    return found


def _short_file(folder: Path, kind: str, texts: list[str], size: int) -> Path:
    path = folder / f"texts.{kind}"
    rows = (f"{texts[i % len(texts)]} {i}" for i in range(size))
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetWriter(path, pa.schema([("text", pa.string())])) as writer:
            for first in range(0, size, 100_000):
                part = [next(rows) for _ in range(min(100_000, size - first))]
                writer.write_table(pa.table({"text": part}))
        return path
    import csv

    with path.open("w", newline="") as out:
        if kind == "csv":
            writer = csv.writer(out)
            writer.writerow(["text"])
            writer.writerows([row] for row in rows)
        else:
            out.writelines(json.dumps({"text": row}) + "\n" for row in rows)
    return path


def machine() -> dict[str, str]:
    def of(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "python": platform.python_version()} | {
        "commit": commit.stdout.strip(),
        **{name: of(name) for name in PEERS},
    }


def markdown(found: dict[str, Any]) -> str:
    """What was measured, as tables."""
    lines = ["# Speed", "", "Written by `python benchmarks/speed.py`; what it means: [README](../README.md#speed).", ""]
    if "memory" in found:
        part = found["memory"]
        lines += [
            f"## From {part['passages']:,} texts of {part['words']} words in memory to all facets",
            "",
            "| way | µs a passage | times as fast as plain |",
            "| --- | ---: | ---: |",
            *(f"| {way} | {took:,} | {part['plain_by'].get(way, 1)} |" for way, took in part["microseconds"].items()),
            *_made_by(part),
        ]
    if "files" in found:
        part = found["files"]
        lines += [f"## {part['passages']:,} passages from file to file", ""]
        lines += ["| files | plain, s | diptych, s | times |", "| --- | ---: | ---: | ---: |"]
        lines += [
            f"| {kinds} | {one['seconds']['plain']} | {one['seconds']['diptych']} | {one['plain_by']['diptych']} |"
            for kinds, one in part.items()
            if isinstance(one, dict) and "seconds" in one
        ]
        lines += _made_by(part)
    if "start" in found:
        part = found["start"]
        lines += ["## One sentence, and the help", "", "| process | CPU ms |", "| --- | ---: |"]
        lines += [f"| {way} | {took} |" for way, took in part["milliseconds"].items()]
        lines += _made_by(part)
    if "flat" in found:
        lines += ["## Memory of short and long streams", "", "| file | passages | peak MB | CPU s |"]
        lines += ["| --- | ---: | ---: | ---: |"]
        lines += [
            f"| {kind} | {int(size):,} | {one['megabytes']} | {one['seconds']} |"
            for kind in KINDS
            for size, one in found["flat"].get(kind, {}).items()
        ]
        lines += _made_by(found["flat"])
    return "\n".join(lines)


def _made_by(part: dict[str, Any]) -> list[str]:
    return ["", ", ".join(f"{name} {value}" for name, value in part["by"].items()) + ".", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["memory", "files", "start", "flat"])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large", type=int, default=10_000_000)
    parser.add_argument("--kind", action="append", choices=KINDS, help="of flat; default: all")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(Path(diptych.__file__).parent, quiet=2)  # as pip does when it installs a wheel
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for what in options.what:
        made = {
            "memory": lambda: memory(options.passages, options.repeats),
            "files": lambda: files(options.passages, options.repeats),
            "start": lambda: start(options.passages, options.repeats),
            "flat": lambda: flat(options.passages, options.large, options.kind or list(KINDS)),
        }[what]()
        found[what] = made | {"by": machine()}
        print(what, json.dumps(made, indent=1), flush=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
        RESULTS.with_suffix(".md").write_text(markdown(found))


if __name__ == "__main__":
    main()
