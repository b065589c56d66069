"""The package as users get it: a wheel that carries all it needs, public names, a quick start."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distribution, version
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import diptych
from diptych.classifier.training.train import train
from diptych.coding.gold import write_gold
from shared import checkout_files

ROOT = Path(__file__).parents[1]
HEAVY = ("jinja2", "numpy", "pandas", "pydantic", "rich", "scipy", "sklearn", "yaml")
OWNED = "Nobody but its owner may read this sentence about the harbour."


# public names


def test_the_public_names_are_these():
    assert diptych.__all__ == [
        *("DiptychError", "PassageClassifier", "Schema", "Study"),
        *("classify", "coverage", "divergence", "drift", "evaluate", "ingest"),
        *("load_codings", "load_gold", "load_passages"),
        *("reliability", "train", "write_gold", "write_report"),
    ]


@pytest.mark.parametrize("name", diptych.__all__)
def test_every_public_name_can_be_imported_and_is_explained(name):
    found = getattr(diptych, name)
    assert found.__name__ == name
    assert found.__module__.startswith("diptych.")
    assert found.__doc__


def test_public_names_stay_what_they_are_when_every_module_has_been_imported():
    code = (
        "import importlib, pkgutil, diptych\n"
        "for module in pkgutil.walk_packages(diptych.__path__, 'diptych.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "print([name for name in diptych.__all__ if not callable(getattr(diptych, name))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_dir_shows_the_public_names():
    assert {*diptych.__all__, "__version__"} <= set(dir(diptych))


def test_a_name_that_is_not_public_is_no_attribute():
    with pytest.raises(AttributeError, match="'diptych' has no attribute 'covrage'"):
        diptych.covrage  # noqa: B018


def test_the_version_is_the_installed_one():
    assert diptych.__version__ == version("diptych")


# a quick start


def heavy_modules_after(statements: str, *arguments: object) -> list[str]:
    """Which heavy packages a fresh interpreter has imported after some statements."""
    told = f"import json, sys\n{statements}\nprint(json.dumps(sorted(set({HEAVY}) & set(sys.modules))))"
    done = subprocess.run(
        [sys.executable, "-c", told, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "statements",
    [
        "import diptych",
        "from diptych import DiptychError",
        "from diptych.cli.main import run; run(['--help'])",
        "from diptych.cli.main import run; run(['--version'])",
        "from diptych.cli.main import run; run(['statsu'])",
    ],
)
def test_what_must_be_quick_imports_nothing_heavy(statements):
    assert heavy_modules_after(statements) == []


@pytest.mark.parametrize("name", ["demo", "init", "status", "classify", "coverage", "report"])
def test_the_help_of_a_command_imports_no_table_or_learning_packages(name):
    found = heavy_modules_after(f"from diptych.cli.main import run; run(['{name}', '--help'])")
    assert set(found) & {"numpy", "pandas", "scipy", "sklearn"} == set()


def test_gold_tables_and_the_report_need_no_scikit_learn(demo, tmp_path):
    study = shutil.copytree(demo.folder, tmp_path / "copy") / "diptych-demo"
    commands = [["gold"], ["reliability"], ["coverage"], ["divergence"], ["status"], ["report"]]
    found = heavy_modules_after(
        "from diptych.cli.main import run\n"
        f"for words in {commands}: assert run([*words, '--study', sys.argv[1], '--quiet']) == 0",
        study,
    )
    assert "sklearn" not in found


def test_classifying_needs_no_scikit_learn_and_no_pandas(harbour, tmp_path):
    write_gold(harbour)
    train(harbour)
    (tmp_path / "texts.csv").write_text("text\nThe quay is old.\n", encoding="utf-8")
    found = heavy_modules_after(
        "from diptych.cli.main import run; assert run(['classify', *sys.argv[1:]]) == 0",
        *(tmp_path / "texts.csv", "--model", harbour.model_file),
    )
    assert set(found) & {"jinja2", "pandas", "rich", "scipy", "sklearn"} == set()


# the wheel

C_SOURCES = {".c", ".h"}  # what they are compiled to is in the wheel, where a compiler was


def installed_setuptools() -> int:
    try:
        return int(version("setuptools").partition(".")[0])
    except ModuleNotFoundError:
        return 0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout as git has it, with somebody's original in `seeds/`."""
    folder = tmp_path_factory.mktemp("checkout")
    for path in checkout_files():
        place = folder / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    (folder / "seeds" / "000_original.txt").write_text(OWNED, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the copy."""
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(checkout, folder / "source")
    isolation = ["--no-isolation"] if installed_setuptools() >= 77 else []
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", folder, source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def contents(wheel: Path) -> dict[PurePosixPath, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {PurePosixPath(name): archive.read(name) for name in archive.namelist()}


@pytest.mark.build
def test_the_wheel_carries_every_module_and_that_it_is_typed(contents, checkout):
    source = checkout / "src"
    for path in (source / "diptych").rglob("*"):
        if path.is_file() and path.suffix not in C_SOURCES:
            assert contents[PurePosixPath(path.relative_to(source))] == path.read_bytes()
    assert PurePosixPath("diptych/py.typed") in contents


@pytest.mark.build
@pytest.mark.parametrize(
    "pattern",
    [
        *("study.toml", "schemas/*.yaml", "seeds/*.passages.jsonl", "seeds/*.digest.jsonl"),
        *("seeds/*.fixes.toml", "annotations/coders.toml", "annotations/gold.jsonl"),
        "annotations/codings/*.jsonl",
    ],
)
def test_the_wheel_carries_the_bundled_study(contents, checkout, pattern):
    expected = {path.relative_to(checkout).as_posix(): path.read_bytes() for path in checkout.glob(pattern)}
    study = PurePosixPath("diptych/_study")
    found = {name.relative_to(study).as_posix() for name in contents if name.match(f"_study/{pattern}")}
    assert expected
    assert found == set(expected)
    assert [name for name, data in expected.items() if contents[study / name] != data] == []


@pytest.mark.build
def test_the_wheel_carries_the_templates_of_the_report_and_of_init(contents):
    names = {str(name) for name in contents}
    assert {f"diptych/report/templates/report.{kind}" for kind in ("html", "css", "js")} <= names
    assert {f"diptych/service/templates/page.{kind}" for kind in ("html", "css", "js")} <= names
    assert {f"diptych/report/templates/{name}" for name in ("text.en.toml", "macros.html", "glance.html")} <= names
    assert {"diptych/template/example/harbour.yaml", "diptych/template/example/sample-a.csv"} <= names
    assert "diptych/template/example/seeds/harbour-north.txt" in names


@pytest.mark.build
def test_the_wheel_carries_no_original(contents):
    assert [name for name in contents if name.parts[:2] == ("diptych", "_study") and name.suffix == ".txt"] == []
    assert [name for name, data in contents.items() if OWNED.encode() in data] == []


@pytest.mark.build
def test_the_wheel_carries_nothing_that_is_not_the_package(contents):
    tops = {name.parts[0] for name in contents}
    assert tops == {"diptych", f"diptych-{diptych.__version__}.dist-info"}
    assert [name for name in contents if name.suffix in C_SOURCES] == []
    assert [name for name in contents if {"tests", ".diptych", "__pycache__"} & set(name.parts)] == []


@pytest.mark.build
def test_the_wheel_names_its_command_licence_and_needs(contents):
    info = PurePosixPath(f"diptych-{diptych.__version__}.dist-info")
    assert b"diptych = diptych.cli.main:main" in contents[info / "entry_points.txt"]
    assert contents[info / "licenses" / "LICENSE"] == (ROOT / "LICENSE").read_bytes()
    metadata = contents[info / "METADATA"].decode()
    needs = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    assert "Requires-Python: >=3.11" in metadata
    assert [line for line in needs if "@" in line or "://" in line] == []


def needed(lines: Sequence[str]) -> Iterator[Distribution]:
    """What a package requires, and what that requires: from the lines of its metadata, without extras."""
    waiting, seen = [(lines, frozenset({""}))], set()
    while waiting:
        lines, extras = waiting.pop()
        for wanted in map(Requirement, lines):
            asked = any(wanted.marker.evaluate({"extra": extra}) for extra in extras) if wanted.marker else True
            key = (canonicalize_name(wanted.name), frozenset({"", *wanted.extras}))
            if asked and key not in seen:
                seen.add(key)
                yield (found := distribution(wanted.name))
                waiting.append((found.requires or [], key[1]))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that holds the wheel and what it requires, and nothing else; returns its folder of commands.

    What is required is linked from this environment: loading and unpacking it anew would take a minute.
    """
    place = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    commands = place / "bin"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        commands / "python",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    done = subprocess.run([*pip, wheel], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (packages,) = place.glob("lib/python*/site-packages")
    (installed,) = packages.glob("diptych-*.dist-info")
    for package in needed(Distribution.at(installed).requires or []):
        for top in {file.parts[0] for file in package.files or ()} - {".."}:
            if not (packages / top).exists():
                (packages / top).symlink_to(package.locate_file(top))
    return commands


def run_bare(bare: Path, folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command of the bare environment: no checkout near, nothing of this environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    environment |= {"HOME": str(home), "DIPTYCH_CACHE": str(home / "cache"), "PATH": f"{bare}:/usr/bin:/bin"}
    return subprocess.run(
        ["diptych", *words],
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.build
def test_the_demo_runs_from_the_wheel_alone(bare, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    done = run_bare(bare, folder, "demo")
    assert done.returncode == 0, done.stderr
    report = folder / "diptych-demo" / "report.html"
    assert done.stdout == f"report: {report.resolve()}\n"
    assert "Andrew C. Kuchins" in report.read_text(encoding="utf-8")
    assert [path.name for path in folder.iterdir()] == ["diptych-demo"]


@pytest.mark.build
def test_init_and_classify_run_from_the_wheel_alone(bare, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    made = run_bare(bare, folder, "init", "mine")
    assert (made.returncode, made.stdout) == (0, f"{folder / 'mine'}\n")
    said = run_bare(bare, folder, "classify", "--format", "csv", "-", stdin="Beijing buys gas from Moscow.\n")
    assert said.returncode == 0, said.stderr
    (row,) = csv.DictReader(io.StringIO(said.stdout))
    assert row["text"] == "Beijing buys gas from Moscow."
    assert 0 < float(row["domain_p"]) <= 1


@pytest.mark.build
def test_the_wheel_needs_nothing_that_only_tests_use(bare):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", bare / "python", "list", "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = {package["name"].casefold() for package in json.loads(done.stdout)}
    assert names & {"pytest", "hypothesis", "krippendorff", "playwright", "mypy", "ruff", "label-studio"} == set()
