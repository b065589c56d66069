"""Brings new codings in and trains, in a process of its own, one at a time, at the hint of an event."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from typing import Any

from diptych.service.metrics import Metrics
from diptych.service.serving import Serving
from diptych.service.settings import Settings

MODULE = "diptych.service.worker"
LOOK_EVERY = 2.0  # seconds between looks at the study's folder
SETTLE = 1.0  # seconds to wait for the rest of a burst of events
BUSY_AGAIN = 5.0

Tell = Callable[[str], None]


class Training:
    """What goes on behind the answering.

    Parameters
    ----------
    settings : Settings
    serving : Serving
    metrics : Metrics
    tell : callable
        Called with news, for the log.
    """

    def __init__(self, settings: Settings, serving: Serving, metrics: Metrics, tell: Tell) -> None:
        self.settings = settings
        self.serving = serving
        self.metrics = metrics
        self.tell = tell
        self._last: dict[str, Any] = {}
        self._wanted = asyncio.Event()
        self._forced = False

    @property
    def possible(self) -> bool:
        """Whether events may bring codings in: a study, and --write."""
        return self.serving.study is not None and self.settings.write

    def hint(self, *, force: bool = False) -> None:
        """Note that there may be something new: the worker looks, and trains at once where it is forced."""
        self._forced |= force
        self._wanted.set()

    async def watch(self) -> None:
        """Let models that appear in the study's folder serve, for as long as the server runs."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                if news := await asyncio.to_thread(self.serving.look):
                    self.tell(news)
            except Exception as error:  # noqa: BLE001 - the next look may go well
                self.tell(f"the study's folder could not be looked at: {type(error).__name__}")

    async def attend(self) -> None:
        """Start the worker whenever there was a hint, one at a time."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(SETTLE)
            self._wanted.clear()
            force, self._forced = self._forced, False
            try:
                await self._work(force=force)
            except Exception as error:  # noqa: BLE001 - whatever it is, later hints are attended to
                self.tell(f"the worker failed: {getattr(error, 'strerror', None) or type(error).__name__}")

    async def _work(self, *, force: bool) -> None:
        if self.serving.study is None:
            return
        said = ["yes" if force else "no", self.settings.promote]
        command = [sys.executable, "-m", MODULE, str(self.serving.study.root), str(self.settings.train_after), *said]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        self._last = {}
        try:
            while process.stdout and (line := await process.stdout.readline()):
                self._note(line)
            await process.wait()
            if process.returncode and self._last.get("stage") != "failed":
                self._note(json.dumps({"stage": "failed", "reason": _death(process.returncode)}).encode())
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()
        if news := await asyncio.to_thread(self.serving.look):
            self.tell(news)
        if self._last.get("stage") == "failed" and self._last.get("again"):
            await asyncio.sleep(BUSY_AGAIN)
            self.hint(force=force)

    def _note(self, line: bytes) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            return
        self._last = found
        if found["stage"] in ("trained", "failed"):
            self.metrics.trainings.labels(found["stage"]).inc()
        said = ", ".join(f"{key} {value}" for key, value in found.items() if key != "stage" and value not in ("", None))
        self.tell(f"worker: {found['stage']}{': ' if said else ''}{said}")


def _death(code: int) -> str:
    """Word how a process ended that said nothing."""
    if code > 0:
        return f"the worker ended with code {code}"
    try:
        return f"the worker was killed ({signal.Signals(-code).name})"
    except ValueError:
        return f"the worker was killed (signal {-code})"
