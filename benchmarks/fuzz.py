"""Does any input break a reader? Mutated small files to every one: each gives a result or an error of diptych's own.

python benchmarks/fuzz.py [READER …] [--cases 100000] [--seconds S] [--seed 1] [--jobs 2] [--engine atheris|own]

With atheris (`pip install 'diptych[fuzz]'`) mutation follows the coverage of diptych's code, else a byte mutator of a
few lines (tests/fuzz_readers.py) draws from the same seeds. Every reader works in processes of its own, so that one
that ends its process (a native parser) is found, too; its last case is kept. Findings are told apart by what was
raised and where, and their shortest cases lie in --keep. A reader ends after --cases or --seconds, whatever is first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT / "tests")  # for fuzz_readers; and benchmarks/statistics.py is not the standard library's
RESULTS = ROOT / "benchmarks" / "results" / "fuzz.json"
SLOW = 10.0  # seconds of processor time that a case may take
LONGEST = 8192  # bytes of a case
SAVED = 500  # cases between two notes of how far it is
SEEN = "found.json"


class TooSlowError(BaseException):
    """A case took longer than it may."""


def _too_slow(*_: object) -> None:
    raise TooSlowError


class Tally:
    """What came of the cases of one process."""

    def __init__(self, name: str, folder: Path, cases: int, seconds: float) -> None:
        import fuzz_readers

        self.readers, self.reader = fuzz_readers, fuzz_readers.READERS[name]
        self.folder, self.cases, self.until = folder, cases, time.monotonic() + seconds
        self.done, self.slowest = 0, 0.0
        self.outcomes: dict[str, int] = {}
        self.findings: dict[str, int] = {}
        self.current = (folder / "current").open("wb", buffering=0)
        self.reader.seeds()
        signal.signal(signal.SIGVTALRM, _too_slow)

    def one(self, case: bytes) -> None:
        """Try a case."""
        self.current.seek(0)
        self.current.truncate()
        self.current.write(case)
        began = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, SLOW)
        try:
            said = self.readers.outcome(self.reader, case)
        except TooSlowError:
            said = self._found(case, f"more than {SLOW:g} s")
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            said = self._found(case, _place(error))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self.slowest = max(self.slowest, time.process_time() - began)
        self.outcomes[said] = self.outcomes.get(said, 0) + 1
        self.done += 1
        over = self.done == self.cases or time.monotonic() > self.until
        if self.done % SAVED == 0 or over:
            self.save()
        if over:
            os._exit(0)  # libFuzzer has no other end than its own

    def _found(self, case: bytes, what: str) -> str:
        self.findings[what] = self.findings.get(what, 0) + 1
        path = self.folder / f"{abs(hash(what)):x}"
        if not path.exists() or len(case) < path.stat().st_size:
            path.write_bytes(case)
            path.with_suffix(".txt").write_text(f"{what}\n\n{traceback.format_exc()}", encoding="utf-8")
        return "FINDING"

    def save(self) -> None:
        """Note how far it is."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        found = {"done": self.done, "outcomes": self.outcomes, "findings": self.findings}
        found |= {"slowest_s": round(self.slowest, 3), "peak_mb": peak}
        part = self.folder / "part"
        part.write_text(json.dumps(found), encoding="utf-8")
        part.replace(self.folder / SEEN)


def _place(error: BaseException) -> str:
    """What was raised, and the last line of diptych's that it came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/src/diptych/" in f.filename]
    where = f"{frames[-1].filename.split('/src/')[1]}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {where}"


def work(name: str, folder: Path, cases: int, seconds: float, seed: int, engine: str) -> None:
    """Try cases in this process."""
    if engine == "own":
        tally, dice = Tally(name, folder, cases, seconds), random.Random(f"{name} {seed}")
        while True:
            tally.one(tally.readers.drawn(tally.reader, dice)[:LONGEST])
    import atheris

    with atheris.instrument_imports(include=["diptych"]):
        tally = Tally(name, folder, cases, seconds)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, case in enumerate(tally.reader.seeds()):
        (corpus / f"seed-{number}").write_bytes(case)
    words = folder / "words"
    words.write_text(
        "".join(f'"{_escaped(word)}"\n' for word in tally.readers.ODD + tally.reader.words if len(word) < 64)
    )
    options = [
        f"-seed={seed}",
        f"-max_len={LONGEST}",
        f"-dict={words}",
        "-timeout=300",
        "-rss_limit_mb=0",
        "-verbosity=0",
    ]
    options += [
        f"-artifact_prefix={folder}/",
        "-use_value_profile=0",
        "-len_control=0",
        "-runs=-1",
        "-print_final_stats=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], tally.one)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def fuzz(name: str, folder: Path, cases: int, seconds: float, seed: int, engine: str) -> dict[str, object]:
    """Try cases in processes of their own: another one where one was ended by its case."""
    began = time.perf_counter()
    total: dict[str, object] = {"cases": 0, "outcomes": {}, "findings": {}, "slowest_s": 0.0, "peak_mb": 0}
    for attempt in range(20):
        left = cases - int(total["cases"])
        rest = seconds - (time.perf_counter() - began)
        if rest <= 0:
            break
        place = folder / f"{name}-{attempt}"
        place.mkdir(parents=True)
        if attempt and (folder / f"{name}-{attempt - 1}" / "corpus").is_dir():
            (folder / f"{name}-{attempt - 1}" / "corpus").rename(place / "corpus")
        command = [
            sys.executable,
            __file__,
            name,
            "--work",
            str(place),
            "--cases",
            str(left),
            "--seconds",
            str(rest),
            "--seed",
            str(seed + attempt),
        ]
        paths = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path[1:]]), "PYTHONHASHSEED": "0"}
        with (place / "log").open("wb") as log:
            done = subprocess.run(
                [*command, "--engine", engine], stdout=log, stderr=log, env=os.environ | paths, check=False
            )
        if (place / SEEN).exists():
            _add(total, json.loads((place / SEEN).read_text(encoding="utf-8")))
        if done.returncode == 0 or int(total["cases"]) >= cases:
            break
        findings = total["findings"]
        what = f"the process ended with {done.returncode}"
        findings[what] = findings.get(what, 0) + 1
    return total | {"seed": seed, "seconds": round(time.perf_counter() - began)}


def _add(total: dict, more: dict) -> None:
    total["cases"] += more["done"]
    for key in ("outcomes", "findings"):
        for name, number in more[key].items():
            total[key][name] = total[key].get(name, 0) + number
    for key in ("slowest_s", "peak_mb"):
        total[key] = max(total[key], more[key])


def main() -> int:
    """Fuzz the readers that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("readers", nargs="*")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=7200, help="of one reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--engine", choices=("atheris", "own"), default="atheris" if find_spec("atheris") else "own")
    parser.add_argument("--keep", type=Path, help="where findings lie; default: a new temporary folder")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.readers[0], given.work, given.cases, given.seconds, given.seed, given.engine)
    from fuzz_readers import READERS

    keep = given.keep or Path(tempfile.mkdtemp(prefix="diptych-fuzz-"))
    names = given.readers or list(READERS)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"readers": {}}

    def one(name: str) -> None:
        found = fuzz(name, keep, given.cases, given.seconds, given.seed, given.engine)
        results["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        results["readers"].setdefault(name, {})[given.engine] = found
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(
            f"{name}: {found['cases']} cases, findings: {found['findings'] or 'none'} ({found['seconds']} s)",
            flush=True,
        )

    with ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(one, names))
    print(f"findings and logs: {keep}")
    return int(any(results["readers"][name][given.engine]["findings"] for name in names))


if __name__ == "__main__":
    sys.exit(main())
