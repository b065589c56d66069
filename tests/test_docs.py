"""The documentation does what it says: its blocks are run, its links lead somewhere, and nothing public is left out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import diptych
from doc_by_hand import BY_HAND
from doc_pages import NEEDS, PAGES, ROOT, RUN, Reader, at_hand, blocks_of, commands, faults, matches

DOCS = ROOT / "docs"
TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}
RUNNING = [path for path, text in TEXTS.items() if any(block.language in RUN for block in blocks_of(text))]
SERVERS = {"label-studio", "postgresql"}


def with_server(path: Path) -> bool:
    return bool({block.need for block in blocks_of(TEXTS[path])} & SERVERS)


def follow(path: Path, folder: Path, there: set[str]) -> list[str]:
    reader = Reader(folder.resolve() / "you")
    try:
        return list(faults(TEXTS[path], reader, there, BY_HAND))
    finally:
        reader.close()


@pytest.mark.parametrize("path", RUNNING, ids=[f"{path.parent.name}/{path.stem}" for path in RUNNING])
def test_a_page_does_what_it_says(path: Path, tmp_path: Path) -> None:
    assert follow(path, tmp_path, at_hand() - SERVERS) == []


@pytest.mark.studio
@pytest.mark.parametrize("path", [path for path in RUNNING if with_server(path)], ids=lambda path: path.stem)
def test_a_page_does_what_it_says_with_a_server(path: Path, tmp_path: Path) -> None:
    there = at_hand()
    missing = {block.need for block in blocks_of(TEXTS[path])} & SERVERS - there
    if missing:
        pytest.skip(f"there is not {' nor '.join(NEEDS[name] for name in sorted(missing))}")
    assert follow(path, tmp_path, there) == []


@pytest.mark.parametrize("path", PAGES, ids=[f"{path.parent.name}/{path.stem}" for path in PAGES])
def test_what_is_not_run_says_why(path: Path) -> None:
    for block in blocks_of(TEXTS[path]):
        if block.mark == "needs":
            assert block.need in NEEDS, block
            assert block.value.partition(":")[2].strip(), f"line {block.line}: needs {block.need}: why?"
        if block.mark == "by hand":
            assert block.value.partition(", needs")[0] in BY_HAND
        named = block.mark == "file" or block.language not in ("bash", "shell")
        assert named, f"line {block.line}: call it `sh`, so that it is run"


def test_every_tutorial_and_guide_is_run() -> None:
    pages = {path for path in PAGES if path.parent.name in ("tutorials", "how-to")}
    assert pages - set(RUNNING) == set()


def test_every_page_stands_in_the_index_twice() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for path in PAGES:
        name = path.relative_to(DOCS).with_suffix("").as_posix()
        assert f"]({name}.md)" in index, f"{name} is not in the table"
        assert f"\n{name}\n" in index, f"{name} is in no list"


def test_everything_public_has_its_place_in_the_api_page() -> None:
    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"auto(?:function|class|exception):: (\w+)\n", page))
    assert shown == set(diptych.__all__)


def places(path: Path) -> set[str]:
    """Relative addresses that a Markdown file links to, without its code."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return {address for address in found if not re.match(r"\w+:", address)}


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *DOCS.rglob("*.md")], ids=lambda path: path.stem)
def test_links_between_files_lead_somewhere(path: Path) -> None:
    for address in places(path):
        file = address.partition("#")[0]
        assert not file or (path.parent / file).exists(), address


def test_the_citation_names_the_version_and_nobody_invented() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["version"] == packaged["version"]
    assert cited["license"] == packaged["license"]
    assert cited["authors"] == [{"name": "diptych contributors"}]


# the runner itself


def test_a_page_that_does_not_do_what_it_says_is_found(tmp_path: Path) -> None:
    page = "```console\n$ echo one\ntwo\n$ false\n```\n\n```pycon\n>>> 1 + 1\n3\n```\n\n```sh\nexit 4\n```\n"
    wrong = list(faults(page, Reader(tmp_path / "you")))
    assert [fault.partition(":")[0] for fault in wrong] == ["line 1", "line 1", "line 7", "line 12"]


def test_marks_say_what_becomes_of_a_block(tmp_path: Path) -> None:
    page = (
        "<!-- file: a/b.txt -->\n```text\nhello\n```\n<!-- needs network: a reason -->\n```sh\nexit 1\n```\n"
        "<!-- varies: a reason -->\n```console\n$ cat a/b.txt\n```\n<!-- exit: 3 -->\n```console\n$ exit 3\n```\n"
    )
    reader = Reader(tmp_path / "you")
    assert list(faults(page, reader)) == []
    assert (reader.home / "a" / "b.txt").read_text() == "hello\n"


def test_commands_go_on_over_a_backslash() -> None:
    (block,) = blocks_of("```console\n$ echo a \\\n> b\na b\n$ true\n```\n")
    assert commands(block) == [("echo a b", "a b\n"), ("true", "")]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("…\nz\n", "a\nb\nz\n", True),
        ("p …\n", "p 9x\n", True),
        ("…\nz\n", "z\n", True),
    ],
)
def test_an_ellipsis_stands_for_anything(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same


def test_nothing_is_installed_by_a_block_that_is_run() -> None:
    for path, text in TEXTS.items():
        for block in blocks_of(text):
            if block.language in RUN and re.search(r"\b(pip|apt-get) install|make demo", block.text):
                assert block.need == "network", f"{path.name}, line {block.line}"
