"""How long does it take to load the bundled model? Each load in a fresh interpreter, without scikit-learn.

python benchmarks/model_file.py
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
PROGRAM = """
import sys, time
start = time.perf_counter()
from diptych.classifier.scoring.bundled import FILE
from diptych.classifier.scoring.persist import load_model
imported = time.perf_counter()
model = load_model(FILE)
loaded = time.perf_counter()
assert not {"sklearn", "pandas", "scipy"} & set(sys.modules)
print(1000 * (imported - start), 1000 * (loaded - imported), FILE.stat().st_size, len(model.weights.hashes))
"""


def main(repeats: int = 15) -> None:
    runs = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        runs.append([float(number) for number in done.stdout.split()])
    imports, loads = ([run[place] for run in runs] for place in (0, 1))
    found = {
        "file_mb": round(runs[0][2] / 1e6, 2),
        "terms": int(runs[0][3]),
        "load_ms": {"median": round(float(np.median(loads)), 1), "worst": round(max(loads), 1)},
        "import_ms": {"median": round(float(np.median(imports)), 1), "worst": round(max(imports), 1)},
        "fresh_interpreters": repeats,
        "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy {version('numpy')}",
    }
    (ROOT / "benchmarks/results/model_file.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
