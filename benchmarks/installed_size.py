"""How large is an installation? The bytes of all files that pip lays down, by package, pip itself left out.

    python benchmarks/installed_size.py [EXTRA …]      # default: the core, then all extras; minutes, needs pip

Each is installed into an environment of its own, under the constraints file; beside it what the project is bound to,
pandas, scikit-learn and label-studio-sdk, alone. Compiled Python (.pyc) is not counted: Python writes it when it likes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOUND = ["pandas", "scikit-learn", "label-studio-sdk"]
COUNT = """
import json
from importlib.metadata import distributions
def size(found):
    files = {path.locate().resolve() for path in found.files or () if path.suffix != ".pyc"}
    return sum(path.stat().st_size for path in files if path.is_file())
print(json.dumps({d.name: size(d) for d in distributions() if d.name not in ("pip", "setuptools", "wheel")}))
"""


def installed(*wanted: str) -> dict[str, int]:
    """Install into an empty environment; bytes by package."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        subprocess.run([*pip, "--constraint", ROOT / "constraints.txt", *wanted], check=True)
        said = subprocess.run([python, "-c", COUNT], check=True, capture_output=True, text=True).stdout
    sizes: dict[str, int] = json.loads(said)
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def main(extras: list[str]) -> None:
    ways = {"pandas, scikit-learn, label-studio-sdk alone": BOUND, "diptych": [str(ROOT)]}
    ways |= {f"diptych[{extra}]": [f"{ROOT}[{extra}]"] for extra in extras}
    found = {name: installed(*wanted) for name, wanted in ways.items()}
    for name, sizes in found.items():
        largest = ", ".join(f"{package} {size / 1e6:.0f}" for package, size in list(sizes.items())[:6])
        print(f"{name}: {sum(sizes.values()) / 1e6:.0f} MB in {len(sizes)} packages ({largest})")
    (ROOT / "benchmarks" / "results" / "installed_size.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or ["all"])
