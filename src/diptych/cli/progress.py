"""How far a long job is, how fast, and how long it will take: one line on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from typing import IO

_EVERY = 0.2  # seconds
_WIDTH = 24


class Progress:
    """A line that is written over and over.

    Parameters
    ----------
    total : int
        Rows in all; 0 if nobody knows.
    done : int
        Rows that were done before.
    stream : text file, optional
        Default: standard error, if it is a terminal.
    """

    def __init__(self, total: int, done: int = 0, stream: IO[str] | None = None, *, quiet: bool = False) -> None:
        self.rows = done
        self._total = total
        self._before = done
        self._began = self._last = time.monotonic()
        error = sys.stderr
        self._stream = None if quiet else stream or (error if error is not None and error.isatty() else None)

    def __call__(self, rows: int) -> None:
        """Count rows; write the line if it is time."""
        self.rows += rows
        now = time.monotonic()
        if self._stream is not None and now - self._last >= _EVERY:
            self._last = now
            self._stream.write(f"\r\x1b[K{self.line(now - self._began)}")
            self._stream.flush()

    def close(self) -> None:
        """Wipe the line."""
        if self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def line(self, seconds: float) -> str:
        """Return the line after so many seconds.

        >>> Progress(1000, quiet=True).line(1.0)
        '[                        ]   0 %  0 rows'
        """
        rate = (self.rows - self._before) / max(seconds, 1e-9)
        said = f"{self.rows:,} rows"
        if rate:
            said += f"  {rate:,.0f} rows/s"
        if not self._total:
            return said
        share = min(1.0, self.rows / self._total)
        bar = "#" * int(share * _WIDTH)
        if rate:
            said += f"  {_clock((self._total - min(self.rows, self._total)) / rate)} left"
        return f"[{bar:<{_WIDTH}}] {100 * share:3.0f} %  {said}"


def _clock(seconds: float) -> str:
    """A duration.

    >>> _clock(59), _clock(3600)
    ('0:59', '1:00:00')
    """
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
