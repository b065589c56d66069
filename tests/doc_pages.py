"""Run the fenced blocks of a documentation page, in one folder a page, as a reader would.

Every `console`, `sh`, `python` and `pycon` block is run, unless the comment above it says what is missing for that.
A comment stands on the line above the fence:

    <!-- file: schemas/x.yaml -->      the block is not run but written to this file
    <!-- needs NAME: why -->           run only where NAME is at hand (see NEEDS)
    <!-- varies: why -->               run, and only its exit code is compared
    <!-- exit: 3 -->                   the last command of the block ends with this code
    <!-- by hand: NAME -->             no block: what the reader does with a mouse, done here by a function

In a console block the lines after `$ command` are what it prints, talk and data, as on a terminal. A line `…` stands
for any lines, `…` within a line for any characters.
"""

from __future__ import annotations

import doctest
import io
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diptych
from diptych.cli.main import run as run_diptych
from diptych.labelstudio import server

ROOT = Path(__file__).parents[1]
SOURCE = Path(diptych.__file__).parents[1]  # commands in a shell run the diptych that is tested
PAGES = sorted((ROOT / "docs").glob("*/*.md"))
RUN = ("console", "sh", "python", "pycon")
HOME = "/home/you"  # shown in place of the folder in which a page is run
SERVE, STUDIO = "8080", "8090"  # shown in place of ports that are free
NEEDS = {
    "label-studio": "a Label Studio environment (make studio)",
    "network": "a package index, or a bucket of one's own",
    "slurm": "a cluster under SLURM",
    "postgresql": "a PostgreSQL server of one's own",
    "originals": "the documents, which are under copyright",
    "archive": "an archive of one's own",
    "terminal": "a terminal, or a command that goes on until it is interrupted",
}
_HASH = re.compile(
    r"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12}\b"
)  # of codings and models: time and versions are in it
_MARK = re.compile(r"<!-- (file|needs|varies|exit|by hand):? (.*?) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what it says, and the comment above it."""

    line: int
    language: str
    text: str
    mark: str = ""
    value: str = ""

    @property
    def need(self) -> str:
        """What must be at hand for it, or an empty text."""
        return self.value.partition(":")[0] if self.mark == "needs" else ""


def blocks_of(page: str) -> list[Block]:
    """Return the fenced blocks of a page, and what is done by hand, in order."""
    found, mark, lines = [], ("", ""), iter(enumerate(page.splitlines(), 1))
    for number, line in lines:
        marked = _MARK.fullmatch(line)
        if marked:
            mark = (marked[1], marked[2])
            if mark[0] == "by hand":
                found.append(Block(number, "", "", *mark))
                mark = ("", "")
        elif fence := re.fullmatch(r"( *)(`{3,})([\w{}-]*).*", line):
            text = []
            for _, inner in lines:
                if inner.strip() == fence[2]:
                    break
                text.append(inner.removeprefix(fence[1]))
            found.append(Block(number, fence[3], "\n".join(text) + "\n", *mark))
            mark = ("", "")
        elif line:
            mark = ("", "")
    return found


def commands(block: Block) -> list[tuple[str, str]]:
    """Return every command of a console block with the output shown below it."""
    found = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = command[:-1] + more.removeprefix("> ").strip()
        found.append((command, output))
    return found


def matches(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; `…` stands for anything.

    >>> matches("a\\n…\\nd 1…3\\n", "a\\nb\\nc\\nd 123\\n")
    True
    """
    pattern = re.escape(shown).replace("…\\\n", "(?:.*\\n)*?").replace("…", ".*")
    return re.fullmatch(pattern, printed) is not None


class _Session(doctest.DocTestRunner):
    """Keeps what every example printed, and how that differs from the page."""

    def __init__(self) -> None:
        super().__init__(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        self.wrong: list[str] = []
        self.printed: list[str] = []

    def report_start(self, *_: Any) -> None:
        pass

    def report_success(self, _out: Any, _test: Any, _example: Any, got: str) -> None:
        self.printed.append(got)

    def report_failure(self, _out: Any, _test: Any, example: doctest.Example, got: str) -> None:
        self.printed.append(got)
        self.wrong.append(f"{example.source}prints\n{got}\nand the page shows\n{example.want}")

    def report_unexpected_exception(self, _out: Any, _test: Any, example: doctest.Example, info: Any) -> None:
        self.printed.append(example.want)
        self.wrong.append(f"{example.source}raises {info[1]!r}")


@dataclass
class Reader:
    """Somebody who follows a page step by step: a folder, an environment, a Python session."""

    home: Path
    here: Path = field(init=False)
    environment: dict[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    behind: list[subprocess.Popen[str]] = field(default_factory=list)
    port: str = ""
    printed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.here = self.home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])

    def shell(self, command: str) -> tuple[int, str]:
        """Run one command line; return its exit code and what it printed, as the page would show it."""
        command = command.replace(SERVE, self.port)
        words = shlex.split(command, comments=True) if not re.search(r"[|<>;&$`*]", command) else []
        if words[:1] == ["cd"]:
            self.here = (self.here / words[1]).resolve()
            return 0, ""
        if words[:1] == ["export"]:
            self.environment |= dict(word.split("=", 1) for word in words[1:])
            return 0, ""
        if command.endswith("&"):
            return self._behind(command.removesuffix("&"))
        if words[:2] == ["diptych", "studio"]:
            self._studio_environment()
        code, printed = self._inside(words[1:]) if words[:1] == ["diptych"] else self._outside(command)
        self.printed.append(printed)
        return code, self._shown(printed)

    def _shown(self, printed: str) -> str:
        printed = re.sub(r"(127\.0\.0\.1:)(?!8080)\d{4,5}", rf"\g<1>{STUDIO}", printed.replace(self.port, SERVE))
        printed = _HASH.sub("…", printed.replace(str(self.home), HOME))
        return printed if printed.endswith("\n") or not printed else printed + "\n"

    def _inside(self, arguments: list[str]) -> tuple[int, str]:
        """`diptych …` in this process: starting one takes longer than most commands."""
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
        before, stdin = Path.cwd(), sys.stdin
        kept = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        os.chdir(self.here)
        sys.stdin = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        try:
            with redirect_stdout(stream), redirect_stderr(stream):
                code = run_diptych(arguments)
        finally:
            os.chdir(before)
            sys.stdin = stdin
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        return code, raw.getvalue().decode()

    def _surroundings(self) -> dict[str, str]:
        places = (Path(sys.executable).parent, os.environ["PATH"], ROOT / ".venv-studio" / "bin")
        path = os.pathsep.join(map(str, places))
        here = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
        return os.environ | {"PATH": path, "PYTHONPATH": here, "PYTHONUNBUFFERED": "1"} | self.environment

    def _outside(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-ec", command],
            cwd=self.here,
            env=self._surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def _behind(self, command: str) -> tuple[int, str]:
        """Start a server, and wait until it has said its first line."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.here,
            env=self._surroundings(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.behind.append(process)
        first = process.stdout.readline() if process.stdout else ""
        time.sleep(0.2)
        return process.poll() or 0, self._shown(first)

    def _studio_environment(self) -> None:
        """Spare the installation (that of the tests stands in for it), and wait longer on a busy machine."""
        server.PATIENCE = 600
        place = self.here / ".diptych" / "label-studio" / "environment"
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(ROOT / ".venv-studio")

    def python(self, block: Block) -> tuple[list[str], list[str]]:
        """Run a Python block in the page's session; return what is wrong, and what each example printed."""
        before = Path.cwd()
        os.chdir(self.here)
        try:
            if block.language == "python":
                with redirect_stdout(io.StringIO()):
                    exec(compile(block.text, f"line {block.line}", "exec"), self.names)  # noqa: S102 - the page's own
                return [], []
            session = _Session()
            text = block.text.replace("…", "...")
            found = doctest.DocTestParser().get_doctest(text, self.names, "page", None, block.line)
            found.globs = self.names  # not a copy: later blocks know the names
            session.run(found, clear_globs=False)
            return session.wrong, session.printed
        finally:
            os.chdir(before)

    def write(self, block: Block) -> None:
        """Save a block as the file it is said to be."""
        path = self.here / block.value
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def close(self) -> None:
        """Stop what was started behind."""
        for process in self.behind:
            process.terminate()
            process.wait(40)
            if process.stdout:
                process.stdout.close()
        for place in self.home.glob("*/.diptych/label-studio"):
            self.here = place.parents[1]
            self._inside(["studio", "down", "--quiet"])


def at_hand() -> set[str]:
    """What of NEEDS this machine has."""
    studio = (ROOT / ".venv-studio" / "bin" / "label-studio").exists()
    there = {"label-studio": studio, "postgresql": studio and _postgresql(), "slurm": shutil.which("sbatch")}
    return {name for name, found in there.items() if found}


def _postgresql() -> bool:
    """Whether PostgreSQL answers on its usual port, to its usual owner, without a database of our page's name."""
    if shutil.which("psql") is None:
        return False
    question = "SELECT count(*) FROM pg_database WHERE datname = 'labelstudio'"
    asked = ["psql", "-h", "127.0.0.1", "-U", "postgres", "-w", "-tAc", question]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == "0"


def faults(
    page: str,
    reader: Reader,
    there: Collection[str] = (),
    by_hand: Mapping[str, Callable[[Reader], None]] | None = None,
    tell: Callable[[Block, list[str]], None] = lambda *_: None,
) -> Iterator[str]:
    """Follow a page; yield what does not happen as it says.

    `tell` gets every block that was run, with what each of its commands or examples printed.
    """
    for block in blocks_of(page):
        if block.mark == "needs" and block.need not in there:
            continue
        if block.mark == "by hand":
            name, _, need = block.value.partition(", needs ")
            if not need or need in there:
                (by_hand or {})[name](reader)
        elif block.mark == "file":
            reader.write(block)
        elif block.language in ("python", "pycon"):
            wrong, outputs = reader.python(block)
            yield from (f"line {block.line}: {fault}" for fault in wrong)
            tell(block, outputs)
        elif block.language == "sh":
            code, printed = reader.shell(block.text)
            if code:
                yield f"line {block.line}: exit code {code}\n{printed}"
        elif block.language == "console":
            yield from _console(block, reader, tell)


def _console(block: Block, reader: Reader, tell: Callable[[Block, list[str]], None]) -> Iterator[str]:
    wanted = commands(block)
    outputs = []
    for place, (command, shown) in enumerate(wanted):
        code, printed = reader.shell(command)
        outputs.append(printed)
        last = place == len(wanted) - 1
        expected = int(block.value) if block.mark == "exit" and last else 0
        if code != expected:
            yield f"line {block.line}: {command}\nexit code {code}, not {expected}\n{printed}"
        elif block.mark != "varies" and not matches(shown, printed):
            yield f"line {block.line}: {command}\nprints\n{printed}\nand the page shows\n{shown}"
    tell(block, outputs)
