"""Put what the console commands of a page print into the page: `python docs/fill_pages.py tutorials/analyst.md`.

Blocks whose output varies stay as they are, and so does output that is shown in part (with `…`), as long as it is true.
"""

from __future__ import annotations

import doctest
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from doc_by_hand import BY_HAND  # noqa: E402
from doc_pages import PAGES, Block, Reader, at_hand, commands, faults, matches  # noqa: E402


def fill(path: Path) -> None:
    """Run one page and write it anew."""
    page = path.read_text(encoding="utf-8")
    filled: dict[str, str] = {}

    def note(block: Block, outputs: list[str]) -> None:
        text = block.text
        if block.mark == "varies" or block.language == "python":
            return
        if block.language == "pycon":
            for example, printed in zip(doctest.DocTestParser().get_examples(text), outputs, strict=True):
                if "…" not in example.want and (example.want or printed):
                    first, *more = example.source.splitlines()
                    source = "\n".join([f">>> {first}", *(f"... {line}" for line in more)]) + "\n"
                    text = text.replace(source + example.want, source + printed, 1)
            filled[block.text] = text
            return
        for (command, shown), printed in zip(commands(block), outputs, strict=True):
            if not matches(shown, printed):
                text = _put(text, command, shown, printed)
        filled[block.text] = text

    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder).resolve() / "you")
        try:
            for fault in faults(page, reader, at_hand(), BY_HAND, note):
                if "prints\n" not in fault:  # what it is here for
                    sys.stderr.write(f"{path.name}: {fault}\n")
        finally:
            reader.close()
    for before, after in filled.items():
        page = page.replace(f"\n{before}```", f"\n{after}```")
    path.write_text(page, encoding="utf-8")


def _put(text: str, command: str, shown: str, printed: str) -> str:
    """Exchange the output below a command, wherever its lines are folded."""
    lines = text.splitlines(keepends=True)
    place = 0
    while place < len(lines):
        end = place + 1
        whole = lines[place].rstrip("\n").removeprefix("$ ")
        while whole.endswith("\\"):
            whole = whole[:-1] + lines[end].rstrip("\n").removeprefix("> ").strip()
            end += 1
        if lines[place].startswith("$ ") and whole == command:
            size = len(shown.splitlines())
            return "".join([*lines[:end], printed, *lines[end + size :]])
        place = end
    return text


def main() -> None:
    """Fill the pages that are named, or all."""
    for path in [HERE / name for name in sys.argv[1:]] or PAGES:
        fill(path)


if __name__ == "__main__":
    main()
