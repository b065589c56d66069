"""The README's commands do what the README shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from diptych.demo import run_demo

README = Path(__file__).parents[1] / "README.md"
Example = tuple[str, str]


def examples() -> list[Example]:
    """Every `$ command` of the README's console blocks with the output shown below it."""
    found: list[Example] = []
    for block in re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme") / "diptych-demo"
    run_demo(folder, lambda _: None)
    return folder


def test_the_readme_shows_five_commands() -> None:
    assert len(examples()) == 5


@pytest.mark.parametrize(("command", "shown"), examples(), ids=[command for command, _ in examples()])
def test_a_command_prints_what_the_readme_shows(command: str, shown: str, demo_folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=demo_folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace(str(demo_folder), "diptych-demo") == shown
