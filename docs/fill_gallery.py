"""Put the output of the gallery's console commands into docs/gallery.md."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from pathlib import Path

from diptych.cli.main import run

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"


def printed(command: str) -> str:
    """Return what `$ diptych …` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = run(shlex.split(command)[1:])
    if code:
        raise SystemExit(f"{command}: exit code {code}")
    return out.getvalue()


def filled(block: re.Match[str]) -> str:
    """Return a console block with the output of its commands."""
    parts = [f"$ {command}\n{printed(command)}" for command in re.findall(r"^\$ (.*)$", block[1], re.MULTILINE)]
    return "```console\n" + "".join(parts) + "```"


def main() -> None:
    """Run every command from the top of the repository and write what it prints."""
    os.chdir(ROOT)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(re.sub(r"```console\n(.*?)```", filled, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
