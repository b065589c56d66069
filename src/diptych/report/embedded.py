"""What an HTML report carries within it, read back; the file may be anybody's."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from diptych.errors import UsageError

LARGEST = 64 * 1024 * 1024  # bytes of a report that is read


class Scripts(HTMLParser):
    """Collects the data of a page: the text of its `data` and `tables` elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: dict[str, list[str]] = {}
        self.generators: list[str] = []
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note who made the page; begin to collect where data begin."""
        given = dict(attrs)
        if tag == "meta" and given.get("name") == "generator":
            self.generators.append(given.get("content") or "")
        name = given.get("id") or ""
        if tag == "script" and given.get("type") == "application/json" and name not in self.found:
            self._into = self.found.setdefault(name, [])

    def handle_endtag(self, tag: str) -> None:
        """End collecting."""
        self._into = None

    def handle_data(self, data: str) -> None:
        """Collect."""
        if self._into is not None:
            self._into.append(data)


def read_text(path: Path) -> str:
    """Read a report, or say why it is none."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="is the name right?") from error
    if len(raw) > LARGEST:
        raise UsageError(
            f"{path.name}: larger than {LARGEST // 1024 // 1024} MiB", hint="name the study's folder instead"
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path.name}: no report by diptych (not UTF-8, byte {error.start})",
            hint="name an HTML report, or the folder of a study",
        ) from error


def older(name: str) -> UsageError:
    """Say that a report has another format."""
    return UsageError(
        f"{name}: a report by another version of diptych, of a format that this one does not read",
        hint="write that report again with this version, or name the folder of its study",
    )


def damaged(name: str, why: str) -> UsageError:
    """Say that a report is damaged."""
    return UsageError(f"{name}: a damaged report ({why[:200]})", hint="write that report again")
