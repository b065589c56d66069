"""Every command that writes, killed with SIGKILL at many moments and run again: what is lost, doubled or half there.

    python benchmarks/crash.py                           # 200 kills a command; half an hour; results/crash.json
    python benchmarks/crash.py --kills 20 --only gold    # printed only

The same rounds as in tests/crash, with more kills. A kill comes just before a command opens, writes, flushes, renames
or removes a file or speaks to a server, or in the middle of a write; points are drawn by a seed. What `train` and
`report` compute does not depend on a kill and is computed once; so that nothing is taken for granted, `train` is also
killed at random times while it really trains.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "crash.json"
sys.path[0] = str(ROOT / "tests")  # in place of this folder, where a crash.py lies, too

from crash.cases import BY_NAME, CASES, different, kill, prepared, trained_study  # noqa: E402
from crash.computed import computed_once  # noqa: E402
from crash.harness import contents, faults  # noqa: E402


def timed_training(trained: Path, folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill a real training at random times, train again, and compare every byte."""
    round_ = prepared(BY_NAME["train"], trained, folder)
    chance, wrong, done = random.Random(seed), [], 0
    round_.begin()
    begun = time.perf_counter()
    if round_.child(None).wait().code:
        raise SystemExit("the study cannot be trained")
    took = time.perf_counter() - begun
    wanted = contents(round_.study)
    for _ in range(kills):
        round_.begin()
        child = round_.child(None)
        moment = chance.uniform(0, took)
        time.sleep(moment)
        os.kill(child.pid, signal.SIGKILL)
        done += child.wait().code == -signal.SIGKILL
        wrong += [f"after {moment:.2f} s: {fault}" for fault in faults(round_.study)]
        again = round_.child(None).wait()
        if again.code or contents(round_.study) != wanted:
            wrong.append(f"after {moment:.2f} s: {again.said} {different(contents(round_.study), wanted)}")
    return {"command": "train, killed by the clock", "kills": done, "seconds": round(took, 2), "wrong": wrong}


def main() -> int:
    """Kill, tell, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--timed", type=int, default=20, help="real trainings killed by the clock")
    parser.add_argument("--only", action="append", choices=list(BY_NAME), help="these; nothing is written")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun, rows = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DIPTYCH_CACHE"] = str(folder / "cache")
        with redirect_stdout(sys.stderr):
            trained = trained_study(folder)
        inside = computed_once(trained)
        for case in CASES:
            if given.only and case.name not in given.only:
                continue
            found = kill(prepared(case, trained, folder / case.name.replace(" ", "-"), inside), given.kills, given.seed)
            rows.append({"command": found.name, "kills": found.kills, "points": found.points, "at": found.kinds})
            rows[-1]["wrong"] = found.wrong
            print(f"{found.name}: {found.kills} kills at {found.points} points, {len(found.wrong)} faults", flush=True)
        if not given.only and given.timed:
            rows.append(timed_training(trained, folder / "timed", given.timed, given.seed))
    faulty = sum(len(row["wrong"]) for row in rows)
    if not given.only:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        result = {
            "what": "commands killed with SIGKILL and run again; wrong: what differs from an undisturbed run",
            "command": f"python benchmarks/crash.py --kills {given.kills} --timed {given.timed} --seed {given.seed}",
            "commit": commit.stdout.strip(),
            "measured": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "minutes": round((time.perf_counter() - begun) / 60, 1),
            "kills": sum(row["kills"] for row in rows),
            "faults": faulty,
            "commands": rows,
        }
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return int(faulty > 0)


if __name__ == "__main__":
    sys.exit(main())
