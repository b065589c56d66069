"""The page on paper: a PDF by an installed Chromium, or by WeasyPrint."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from diptych.errors import DiptychError, FileWriteError
from diptych.files import atomic
from diptych.report.palette import PAPER, mix

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
SECONDS = 120
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name is looked up, so nothing is fetched
)
STAMP = re.compile(rb"(/(?:CreationDate|ModDate) ?\(D:)\d{14}")
NEVER = b"20000101000000"
NODE = re.compile(rb"\(node\d{8,}\)")
HINT = "a PDF needs Chromium (`apt install chromium`) or WeasyPrint (`pip install weasyprint`) on this machine"


class PrintingError(DiptychError, RuntimeError):
    """There is nothing to print with, or it failed."""


def print_page(html: str, path: Path) -> None:
    """Print a page of this package to a PDF.

    An installed Chromium prints it with the script of the page run, so that all passages stand in it; else WeasyPrint,
    which runs no script and prints the page's list for readers without one. The dates and the numbers of nodes that a
    PDF carries are fixed: with the same Chromium and the same fonts, equal pages give equal bytes.

    Parameters
    ----------
    html : str
        As :func:`diptych.report.page.page` returns it.
    path : Path

    Raises
    ------
    PrintingError
        If neither Chromium nor WeasyPrint is installed, or what is installed fails, with its last words.
    FileWriteError
        If the file cannot be written.
    """
    browser = find_browser()
    data = _with_chromium(browser, html, _folder(path)) if browser else _with_weasyprint(html)
    if not data.startswith(b"%PDF-"):
        raise PrintingError(
            f"{browser or 'WeasyPrint'} wrote no PDF", hint="report --format html prints from a browser"
        )
    with atomic(path, "wb") as stream:
        stream.write(_numbered_anew(STAMP.sub(rb"\g<1>" + NEVER, data)))


def _numbered_anew(data: bytes) -> bytes:
    """Number the nodes that table heads go by from 1: Chromium counts on from what else it made before, now and then.

    The order stays, for the file lists them sorted, and so does each length, for the file holds offsets.
    """
    found = sorted(set(NODE.findall(data)), key=lambda name: (len(name), name))
    anew = {name: b"(node%0*d)" % (len(name) - 6, number) for number, name in enumerate(found, 1)}
    return NODE.sub(lambda name: anew[name[0]], data)


def find_browser() -> str | None:
    """Return an installed Chromium or a browser made from it, or None."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or next((place for place in PLACES if Path(place).is_file()), None)


def _folder(path: Path) -> Path | None:
    """Where Chromium may read and write: beside the file, for a Chromium in a snap sees no /tmp but its own."""
    if path.exists() and not path.is_file():
        return None
    parent = path.resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileWriteError(f"cannot write {path}: {error.strerror}", hint="name another file with --out") from error
    return parent


@contextlib.contextmanager
def _workplace(parent: Path | None) -> Iterator[Path]:
    try:
        place = tempfile.TemporaryDirectory(dir=parent, prefix="diptych-print-", ignore_cleanup_errors=True)
    except OSError as error:
        raise FileWriteError(
            f"cannot write in {parent}: {error.strerror}", hint="check the folder's permissions and the free space"
        ) from error
    with place as name:
        yield Path(name)


def _with_chromium(browser: str, html: str, parent: Path | None) -> bytes:
    """Print in a profile that is made for it and thrown away."""
    with _workplace(parent) as folder:
        source, target = folder / "page.html", folder / "page.pdf"
        try:
            source.write_text(html, encoding="utf-8")
        except OSError as error:
            raise FileWriteError(f"cannot write in {folder}: {error.strerror}", hint="is the disk full?") from error
        command = [browser, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # Chromium refuses to start its sandbox as root, as in containers; the page is our own and fetches nothing
            command.append("--no-sandbox")
        said = _run([*command, source.as_uri()], folder)
        try:
            return target.read_bytes()
        except OSError as error:
            raise PrintingError(f"{browser} wrote no PDF{said}", hint=HINT) from error


def _run(command: list[str], folder: Path) -> str:
    """Run the browser with its children; return its last words."""
    log = folder / "log"
    with log.open("wb") as stream:
        try:
            process = subprocess.Popen(  # nosec B603  # noqa: S603 - a browser found on this machine, and no shell
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )
        except OSError as error:
            raise PrintingError(f"cannot start {command[0]}: {error.strerror or error}", hint=HINT) from error
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired as error:
            raise PrintingError(
                f"{command[0]} did not print within {SECONDS} seconds", hint="print the HTML report from a browser"
            ) from error
        finally:
            _end(process)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = f": {lines[-1]}" if lines else ""
    if code:
        raise PrintingError(f"{command[0]} failed ({code}){last}", hint=HINT)
    return last


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and what it started, if anything still runs."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _with_weasyprint(html: str) -> bytes:
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:  # OSError: installed, without the libraries that it draws with
        raise PrintingError("nothing on this machine prints a PDF", hint=HINT) from error
    return bytes(HTML(string=plainer(html), url_fetcher=_no_network).write_pdf())


def plainer(html: str) -> str:
    """Return the page with what WeasyPrint does not work out by itself written out.

    It gives no style to what is inside a drawing, mixes no colours, and cannot tell which of several views is chosen.
    """
    style = (files("diptych.report") / "templates" / "report.css").read_text(encoding="utf-8")
    paper = style[style.index("@media print") :]
    colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{3,6});", paper))
    light = re.sub(r"@media screen[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", style)
    drawn = "".join(re.findall(r"[^{};]+\{[^{}]*(?:fill|stroke)[^{}]*\}", light))
    drawn = re.sub(r"var\((--[\w-]+)\)", lambda name: colours.get(name[1], "#000"), drawn)
    levels = "".join(
        f".heat .{level} {{ background: {mix(colours['--heat'], PAPER, int(share) / 100)}; }}"
        for level, share in re.findall(r"\.(h\d+) \{ --k: (\d+);", style)
    )
    first = ".view.words, .view:not(.gold), .source:not(.gold) { display: none; }"
    html = html.replace("</style>", f"{levels}{first}</style>", 1)
    return re.sub(r"<svg\b[^>]*>", lambda opened: f"{opened[0]}<style>{drawn}</style>", html)


def _no_network(address: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"not fetched: {address}")
