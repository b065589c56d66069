"""Put the output of the README's console commands into the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from diptych.demo import run_demo

README = Path(__file__).parents[1] / "README.md"


def main() -> None:
    """Run every command in the demo's folder and write what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "diptych-demo"
        run_demo(place, lambda _: None)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

        def fill(block: re.Match[str]) -> str:
            commands = re.findall(r"^\$ (.*)$", block[1], re.MULTILINE)
            parts = []
            for command in commands:
                done = subprocess.run(
                    command,
                    shell=True,
                    cwd=place,
                    env=os.environ | {"PATH": path},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                parts.append(f"$ {command}\n" + done.stdout.replace(str(place), "diptych-demo"))
            return "```console\n" + "".join(parts) + "```"

        text = README.read_text(encoding="utf-8")
        README.write_text(re.sub(r"```console\n(.*?)```", fill, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
