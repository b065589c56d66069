"""The README's commands do what the README shows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from shared import Shown, shell

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
def demo_folder(demo: Shown, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(demo.folder, tmp_path_factory.mktemp("readme") / "copy")) / "diptych-demo"


def test_the_readme_shows_five_commands() -> None:
    assert len(examples()) == 5


@pytest.mark.parametrize(("command", "shown"), examples(), ids=[command for command, _ in examples()])
def test_a_command_prints_what_the_readme_shows(command: str, shown: str, demo_folder: Path) -> None:
    done = shell(command, demo_folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace(str(demo_folder), "diptych-demo") == shown
