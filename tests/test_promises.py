"""What the project promises about its own source; checked on the source itself."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from diptych import errors
from diptych.cli.options import RowsRejected
from diptych.errors import DiptychError
from shared import checkout_files

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "diptych"
MODULES = sorted(SOURCE.rglob("*.py"))
TREES = {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_bytes()) for path in MODULES}

EXECUTING = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "jsonpickle",
}
NETWORK = {"urllib.request", "http.client", "socket", "ftplib", "requests", "httpx", "aiohttp", "urllib3"}
LOCK_FILES = {
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "pylock.toml", "conda-lock.yml"),
    *("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "Cargo.lock"),
}
REGISTRIES = [
    ".".join(parts)
    for parts in (
        *(("pypi", "org"), ("pypi", "python", "org"), ("pythonhosted", "org"), ("piwheels", "org")),
        *(("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"), ("unpkg", "com"), ("jsdelivr", "net")),
        *(("crates", "io"), ("anaconda", "org"), ("conda", "io"), ("proxy", "golang", "org")),
        *(("cdnjs", "cloudflare", "com")),
    )
]


def named(node: ast.expr) -> str:
    """The dotted name of a call's function: `yaml.load`, `eval`."""
    if isinstance(node, ast.Attribute):
        return f"{named(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call in the source: (place, name, call)."""
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield f"{module}:{node.lineno}", named(node.func), node


def imports() -> Iterator[tuple[str, str]]:
    """Every import in the source: (place, module)."""
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield f"{module}:{node.lineno}", alias.name
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield f"{module}:{node.lineno}", node.module
                for alias in node.names:
                    yield f"{module}:{node.lineno}", f"{node.module}.{alias.name}"


# nothing is executed that came as data


def test_no_module_reads_a_format_that_can_execute_code():
    found = [(place, name) for place, name in imports() if name.split(".")[0] in EXECUTING]
    assert found == []


def test_nothing_is_evaluated_compiled_or_run_in_a_shell():
    forbidden = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
    shells = [
        (place, name)
        for place, name, call in calls()
        if name in forbidden or any(k.arg == "shell" for k in call.keywords)
    ]
    assert shells == []


def test_arrays_are_never_read_or_written_with_pickle():
    seen = [
        (place, {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg == "allow_pickle"})
        for place, name, call in calls()
        if name in {"np.load", "np.save", "numpy.load", "numpy.save"}
    ]
    assert seen
    assert [place for place, keywords in seen if keywords != {"allow_pickle": False}] == []
    assert [place for place, name in imports() if name in {"numpy.load", "numpy.save"}] == []


def test_yaml_is_read_with_a_safe_loader_only():
    safe = {"yaml.SafeLoader", "yaml.CSafeLoader"}
    for tree in TREES.values():
        safe |= {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and node.bases and {named(b) for b in node.bases} <= safe
        }
    seen = [(place, name, call) for place, name, call in calls() if re.fullmatch(r"yaml\.\w*load\w*", name)]
    loaders = {
        place: {named(k.value) for k in call.keywords if k.arg == "Loader"}
        for place, name, call in seen
        if name not in {"yaml.safe_load", "yaml.safe_load_all"}
    }
    assert seen
    assert [place for place, found in loaders.items() if not found or not found <= safe] == []
    assert [place for place, name in imports() if name.startswith("yaml.")] == []


def test_templates_escape_what_they_print():
    environments = [(place, call) for place, name, call in calls() if name.split(".")[-1] == "Environment"]
    assert environments
    for place, call in environments:
        assert "autoescape" in {k.arg for k in call.keywords}, place


# nothing is fetched


def test_no_module_speaks_to_a_network_but_those_that_speak_to_the_annotation_server():
    found = [(place, name) for place, name in imports() if name in NETWORK or name.split(".")[0] in NETWORK]
    elsewhere = [(place.partition(":")[0], name) for place, name in found if not place.startswith("labelstudio/")]
    assert elsewhere == [("service/run.py", "socket")]  # it listens, it calls nobody


@pytest.mark.parametrize("path", sorted((SOURCE / "report" / "templates").iterdir()), ids=lambda p: p.name)
def test_the_report_loads_nothing_from_elsewhere(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"<(?:script|link|img|iframe|source|video|object)\b[^>]*\b(?:src|href|data)=", text) == []
    assert re.findall(r"@import|url\((?!['\"]?(?:data:|#))|\bfetch\(|XMLHttpRequest|\bimport\(", text) == []


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_package_registry(host):
    needle = host.encode()
    assert [str(path.relative_to(ROOT)) for path in checkout_files() if needle in path.read_bytes()] == []


def test_no_file_points_pip_at_an_index():
    options = [f"--{name}".encode() for name in ("index" + "-url", "extra-" + "index", "find" + "-links")]
    found = [path.name for path in checkout_files() if any(option in path.read_bytes() for option in options)]
    assert found == []


def test_no_lock_file_is_tracked():
    assert [str(path.relative_to(ROOT)) for path in checkout_files() if path.name in LOCK_FILES] == []


def test_no_original_model_or_report_is_tracked():
    names = [path.relative_to(ROOT).as_posix() for path in checkout_files()]
    assert [name for name in names if re.fullmatch(r"seeds/.*\.(txt|pdf|docx|html)", name)] == []
    packed = [name for name in names if name.endswith((".zip", ".pkl", ".joblib", ".npz", ".whl"))]
    assert packed == ["src/diptych/classifier/scoring/default_model.zip"]  # arrays: the model that is shipped
    assert [name for name in names if ".diptych" in name.split("/") or name.endswith("report.html")] == [
        "src/diptych/report/templates/report.html"
    ]


# the shape of the source


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_module_is_longer_than_300_lines(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 300


def test_no_module_imports_everything_from_another():
    stars = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert stars == []


def test_every_module_says_what_it_is():
    assert [module for module, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_imports_go_one_way():
    lint_imports = Path(sysconfig.get_path("scripts")) / "lint-imports"
    if not lint_imports.exists():
        pytest.skip("import-linter is not installed (extra: lint)")
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_command_line_prints():
    printing = {"print", "click.echo", "sys.stdout.write", "sys.stderr.write"}
    own = (
        "cli/",
        "service/reader.py",
        "service/worker.py",
    )  # two are processes of their own, whose output is their answer
    found = [(place, name) for place, name, _ in calls() if name in printing and not place.startswith(own)]
    assert found == []


def test_only_the_command_line_ends_the_process():
    found = [place for place, name, _ in calls() if name in {"sys.exit", "exit", "quit", "os._exit"}]
    assert {place.partition(":")[0] for place in found} <= {"cli/main.py"}


# errors


ERRORS = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, BaseException)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_derives_from_one_base_is_drawn_and_explained(error):
    assert issubclass(error, DiptychError)
    assert re.search(rf"(?:^ *|[├└]── ){error.__name__}\s", inspect.cleandoc(errors.__doc__), re.MULTILINE)
    assert error.__doc__


def test_the_tree_draws_no_error_that_is_none():
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__)
    assert sorted(drawn) == sorted(error.__name__ for error in ERRORS if error is not DiptychError)


def test_the_tree_draws_the_exit_codes():
    drawn = {name: int(code) for name, code in re.findall(r"(\w+Error) +exit code (\d)", errors.__doc__)}
    assert drawn == {"DiptychError": 1, "UsageError": 2}
    assert [error.__name__ for error in ERRORS if error.exit_code != drawn.get(error.__name__, 1)] == []
    assert RowsRejected.exit_code == 3


def test_every_exception_defined_anywhere_derives_from_the_base():
    found = {
        node.name: {named(base) for base in node.bases}
        for module, tree in TREES.items()
        if module != "errors.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(named(b).endswith(("Error", "Exception")) for b in node.bases)
    }
    known = {error.__name__ for error in ERRORS}
    refusals = {"Problem": {"HTTPException"}}  # of the HTTP border, which words the others
    assert {name: bases for name, bases in found.items() if not bases & known} == refusals


def test_an_error_carries_its_sentence_and_its_hint():
    error = DiptychError("the quay is closed", hint="take the ferry")
    assert (str(error), error.hint) == ("the quay is closed", "take the ferry")
    assert DiptychError("the quay is closed").hint == ""


def test_errors_can_be_caught_by_what_they_are_in_python():
    assert issubclass(errors.StudyError, ValueError)
    assert issubclass(errors.NotTrainedError, LookupError)
    assert issubclass(errors.FileWriteError, OSError)
    assert not issubclass(DiptychError, click.ClickException)
