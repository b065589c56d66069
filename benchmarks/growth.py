"""How every algorithm grows: CPU seconds and peak memory at ten thousand to ten million rows, and the log-log slope.

    python benchmarks/growth.py                      # everything, about half an hour on one core
    python benchmarks/growth.py --only coverage      # one; results of the others are kept
    python benchmarks/growth.py --largest 1e8 --only 'predictions, Parquet'

Every size runs in a process of its own; data are made first and not counted. A size that would take over
200 seconds, going by the one before, is left out. Writes `results/growth.json` and `results/growth.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from large_study import A_DOCUMENT, AT, AUTHORS, VALUES, make_study, noisy, schema_text, truth, write_predictions

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "growth.json"
PATIENCE = 200.0  # seconds; the benchmark promises an end
SHORT = 0.05  # seconds; shorter times are start-up, and no part of a slope
Work = Callable[[], Any]


# --- data, made by a seed


def schema_at(folder: Path) -> Any:
    from diptych.schema import Schema

    (folder / "s.yaml").write_text(schema_text(), encoding="utf-8")
    return Schema.load(folder / "s.yaml")


def names_of(passages: int) -> np.ndarray[Any, Any]:
    return np.array([f"d{i // A_DOCUMENT:06d}:{i % A_DOCUMENT:03d}" for i in range(passages)], dtype=object)


def coded(passages: int, folder: Path) -> tuple[Any, Any, Any]:
    """Return schema, passages and gold labels of so many passages."""
    import pandas as pd

    document = np.arange(passages) // A_DOCUMENT
    names = names_of(passages)
    frame = pd.DataFrame(
        {
            "passage": names,
            "document": np.array([f"d{i:06d}" for i in range(document[-1] + 1)], dtype=object)[document],
            "author": np.array(AUTHORS, dtype=object)[document % len(AUTHORS)],
            "section": np.array([str(i) for i in range(10)], dtype=object)[np.arange(passages) % A_DOCUMENT // 25],
            "words": 20 + np.arange(passages) % 60,
        }
    )
    true = truth(passages, 1)
    labels = pd.DataFrame({f: np.array(v, dtype=object)[true[f]] for f, v in VALUES.items()}, index=names)
    return schema_at(folder), frame, labels


def codings(rows: int, folder: Path) -> tuple[Any, Any]:
    """Return schema and codings of so many rows: two coders, three facets."""
    import pandas as pd

    passages = max(8, rows // (2 * len(VALUES)))
    names, true, rng = names_of(passages), truth(passages, 1), np.random.default_rng(2)
    parts = [
        pd.DataFrame(
            {
                "passage": names,
                "coder": coder,
                "role": "coder",
                "facet": facet,
                "value": np.array(values, dtype=object)[noisy(true[facet], len(values), rng)],
                "comment": "",
                "reason": "",
                "at": AT,
            }
        )
        for coder in ("first", "second")
        for facet, values in VALUES.items()
    ]
    return schema_at(folder), pd.concat(parts, ignore_index=True)


# --- what is measured: rows and a folder → the work, data being ready


def coverage(rows: int, folder: Path) -> Work:
    from diptych.analysis.coverage import coverage as table
    from diptych.analysis.evidence import Evidence

    schema, passages, labels = coded(rows, folder)
    return lambda: table(Evidence(passages, labels, "census"), schema, others={"first": labels})


def divergence(rows: int, folder: Path) -> Work:
    from diptych.analysis.divergence import divergence as tables
    from diptych.analysis.evidence import Evidence

    schema, passages, labels = coded(rows, folder)
    return lambda: tables(Evidence(passages, labels, "census"), schema)


def correction(rows: int, folder: Path) -> Work:
    import pandas as pd

    from diptych.analysis.coverage import coverage as table
    from diptych.analysis.evidence import Evidence
    from diptych.coding.sampling import draw_sample

    schema, passages, labels = coded(rows, folder)
    names = passages["passage"].tolist()
    sample = draw_sample(names, passages["author"].tolist(), np.zeros(rows), size=rows // 10, seed=1)
    rng = np.random.default_rng(3)
    predicted = {f: pd.DataFrame(rng.dirichlet(np.ones(len(v)), rows), names, list(v)) for f, v in VALUES.items()}
    evidence = Evidence(passages, labels.loc[list(sample.passages)], "corrected", (sample,), predicted)
    return lambda: table(evidence, schema)


def sampling(rows: int, folder: Path) -> Work:
    from diptych.coding.sampling import draw_sample

    names = names_of(rows).tolist()
    strata = [f"{AUTHORS[i % 4]} x {i % 20}" for i in range(rows)]
    return lambda: draw_sample(names, strata, np.random.default_rng(1).random(rows), size=rows // 10, seed=1)


def gold(rows: int, folder: Path) -> Work:
    from diptych.coding.gold import derive_gold

    _, frame = codings(rows, folder)
    return lambda: derive_gold(frame)


def reliability(rows: int, folder: Path) -> Work:
    from diptych.coding.coders import Coders
    from diptych.coding.reliability import reliability as agreements

    schema, frame = codings(rows, folder)
    return lambda: agreements(frame, schema, Coders())


def coefficients(rows: int, folder: Path) -> Work:
    from diptych.coding.breakdown import by_coefficient

    schema, frame = codings(rows, folder)
    return lambda: by_coefficient(frame, schema)


def values(rows: int, folder: Path) -> Work:
    from diptych.coding.breakdown import by_value

    schema, frame = codings(rows, folder)
    return lambda: by_value(frame, schema)


def disputed(rows: int, folder: Path) -> Work:
    from diptych.coding.breakdown import by_dispute

    schema, frame = codings(rows, folder)
    return lambda: by_dispute(frame, schema)


def reading(rows: int, folder: Path) -> Work:
    from diptych.coding.codings import load_codings
    from diptych.study import Study

    study = Study.load(make_study(folder / "study", rows))
    return lambda: load_codings(study)


def predictions(kind: str) -> Callable[[int, Path], Work]:
    def made(rows: int, folder: Path) -> Work:
        from diptych.exchange.counter import Wanted
        from diptych.exchange.predicted import count_predictions

        path = folder / f"p.{kind}"
        command = f"from pathlib import Path; import growth as g; g.written(Path({str(path)!r}), {rows})"
        subprocess.run([sys.executable, "-c", command], check=True)  # its memory is not ours
        return lambda: count_predictions(path, Wanted(VALUES))

    return made


def written(path: Path, rows: int) -> None:
    """Write predictions in any format."""
    table = write_predictions(path.with_suffix(".parquet"), rows)
    if path != table:
        from pyarrow import csv
        from pyarrow.parquet import ParquetFile

        writer = None
        with path.open("wb") as stream:
            for batch in ParquetFile(table).iter_batches():
                if path.suffix == ".csv":
                    writer = writer or csv.CSVWriter(stream, batch.schema)
                    writer.write(batch)
                else:
                    stream.write("".join(json.dumps(row) + "\n" for row in batch.to_pylist()).encode())
            if writer:
                writer.close()
        table.unlink()


class Server:
    """The few calls of a Label Studio that push and pull make, in memory: what is measured is diptych's own work."""

    url = "http://studio.test/"

    def __init__(self) -> None:
        self.stored: list[dict[str, Any]] = []
        self.known: list[dict[str, Any]] = []

    def projects(self) -> list[dict[str, Any]]:
        return self.known

    def project(self, identifier: int) -> dict[str, Any]:
        return self.known[identifier - 1]

    def create_project(self, fields: dict[str, Any]) -> dict[str, Any]:
        self.known.append({**fields, "id": 1})
        return self.known[0]

    def update_project(self, identifier: int, fields: dict[str, Any]) -> None:
        self.known[0].update(fields)

    def import_tasks(self, project: int, tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            self.stored.append({**task, "id": len(self.stored) + 1, "updated_at": AT, "annotations": []})

    def tasks(self, project: int, **_: Any) -> Any:
        return iter(self.stored)

    def export(self, project: int, ids: list[int]) -> list[dict[str, Any]]:
        return [self.stored[i - 1] for i in ids]

    def users(self) -> dict[int, str]:
        return {1: "kim@quay.example"}

    def backends(self, project: int) -> list[Any]:
        return []


def pushing(rows: int, folder: Path) -> tuple[Any, Any, Any]:
    from diptych.labelstudio.project import Plan
    from diptych.study import Study

    study = Study.load(make_study(folder / "study", 48))
    made = [
        {"passage": name, "document": name[:7], "author": AUTHORS[0], "title": "", "section": "", "text": "-"}
        | {"sha256": "0" * 64, "words": 1, "year": None, "publisher": ""}
        for name in names_of(rows)
    ]
    return Server(), study, Plan(made, {})


def pushed(rows: int, folder: Path) -> Work:
    from diptych.labelstudio.push import push

    server, study, plan = pushing(rows, folder)
    return lambda: push(server, study, plan)


def pulled(rows: int, folder: Path) -> Work:
    from diptych.exchange.label_studio import region
    from diptych.labelstudio.pull import pull
    from diptych.labelstudio.push import push

    server, study, plan = pushing(rows, folder)
    push(server, study, plan)
    answers = [region(facet, values[0]) for facet, values in VALUES.items()]
    for task in server.stored:
        task["annotations"] = [
            {"id": task["id"], "completed_by": 1, "result": answers, "was_cancelled": False}
            | {"created_at": AT, "updated_at": AT, "lead_time": 3.0}
        ]
    return lambda: pull(server, study)


WORKS: dict[str, tuple[str, Callable[[int, Path], Work]]] = {
    "coverage": ("passages", coverage),
    "divergence": ("passages", divergence),
    "corrected coverage": ("passages", correction),
    "drawing a sample": ("passages", sampling),
    "reading codings": ("codings", reading),
    "gold": ("codings", gold),
    "reliability": ("codings", reliability),
    "reliability, by coefficient": ("codings", coefficients),
    "reliability, by value": ("codings", values),
    "reliability, by dispute": ("codings", disputed),
    "predictions, Parquet": ("predictions", predictions("parquet")),
    "predictions, CSV": ("predictions", predictions("csv")),
    "predictions, JSON Lines": ("predictions", predictions("jsonl")),
    "Label Studio push": ("tasks", pushed),
    "Label Studio pull": ("tasks", pulled),
}


# --- measuring


def measure(name: str, rows: int) -> None:
    """Do one piece of work, and print what it took; runs in a process of its own."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        work = WORKS[name][1](rows, Path(folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        work()
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"rows": rows, "cpu_s": round(seconds, 4), "peak_mb": peak // 1024, "data_mb": before // 1024}))


def slope(points: list[dict[str, Any]], key: str, least: float) -> float | None:
    """Return the slope of log y on log rows, through the points that are not too small to tell."""
    kept = [(p["rows"], p[key]) for p in points if p[key] >= least]
    if len(kept) < 2:
        return None
    x, y = np.log(np.array(kept, dtype=float)).T
    return round(float(np.polyfit(x, y, 1)[0]), 2)


def grow(name: str, largest: float) -> dict[str, Any]:
    points: list[dict[str, Any]] = []
    for rows in (10**4, 10**5, 10**6, 10**7, 10**8):
        if rows > largest:
            break
        if points and points[-1]["cpu_s"] * 10 > PATIENCE:
            break
        command = [sys.executable, str(Path(__file__)), "--measure", name, "--rows", str(rows)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=6 * PATIENCE)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(name, rows, (error.stderr or "no end")[-500:], file=sys.stderr)
            break
        points.append(json.loads(done.stdout.splitlines()[-1]))
        print(name, points[-1], file=sys.stderr, flush=True)
    return {"unit": WORKS[name][0], "points": points}


def table(found: dict[str, Any]) -> str:
    """The results as Markdown: CPU seconds and peak memory at every size; slopes, of all and of the two largest."""
    sizes = sorted({p["rows"] for one in found.values() for p in one["points"]})
    lines = [
        "| algorithm | rows are | " + " | ".join(f"10^{len(str(n)) - 1}" for n in sizes) + " | slope | last |",
        "| --- | --- | " + "---: | " * (len(sizes) + 2),
    ]
    for name, one in found.items():
        at = {p["rows"]: f"{p['cpu_s']:.2f} s, {p['peak_mb']:,} MB" for p in one["points"]}
        slopes = [slope(points, "cpu_s", SHORT) for points in (one["points"], one["points"][-2:])]
        told = ["–" if found is None else f"{found:.2f}" for found in slopes]
        lines.append(f"| {' | '.join([name, one['unit'], *(at.get(n, '–') for n in sizes), *told])} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=WORKS, action="append", help="may be given more than once")
    parser.add_argument("--largest", type=float, default=1e7)
    parser.add_argument("--measure", choices=WORKS, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.rows)
        return
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["growth"] if RESULTS.exists() else {}
    for name in given.only or WORKS:
        kept[name] = grow(name, given.largest)
        write(kept)
    print(RESULTS.with_suffix(".md").read_text(encoding="utf-8"))


def write(kept: dict[str, Any]) -> None:
    """Write what was measured so far."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT)  # noqa: PLW1510
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {n: version(n) for n in ("numpy", "pandas", "pyarrow")} | {"python": platform.python_version()},
    }
    found = {name: kept[name] for name in WORKS if name in kept}
    RESULTS.write_text(json.dumps(about | {"growth": found}, indent=1) + "\n", encoding="utf-8")
    RESULTS.with_suffix(".md").write_text(table(found), encoding="utf-8")


if __name__ == "__main__":
    main()
