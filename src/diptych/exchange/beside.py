"""Work beside the main work: a thread that reads ahead, a thread that writes behind, with bounded queues between."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from queue import Full, Queue
from threading import Event, Thread
from typing import IO, Generic, TypeVar

T = TypeVar("T")
_DEPTH = 4
_PIECE = 1 << 18  # bytes
_PATIENCE = 0.2  # seconds between looks at whether the other side has gone


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def ahead(things: Iterable[T], depth: int = _DEPTH) -> Generator[T]:
    """Yield things that a thread takes from an iterable, at most `depth` of them before they are asked for.

    What the iterable raises is raised here, after what came before it.

    >>> list(ahead(range(3)))
    [0, 1, 2]
    """
    queue: Queue[T | _Failure | None] = Queue(depth)
    gone = Event()

    def put(thing: T | _Failure | None) -> bool:
        while not gone.is_set():
            try:
                queue.put(thing, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for thing in things:
                if not put(thing):
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            put(_Failure(error))

    thread = Thread(target=work, name="reading ahead", daemon=True)
    thread.start()
    try:
        while (thing := queue.get()) is not None:
            if isinstance(thing, _Failure):
                raise thing.error
            yield thing
    finally:
        gone.set()
        thread.join()


class Behind(Generic[T]):
    """Calls a function in a thread of its own, in order; what it raises is raised at the next call, or at the end.

    >>> found = []
    >>> with Behind(found.append) as behind:
    ...     behind.put(1)
    >>> found
    [1]
    """

    def __init__(self, function: Callable[[T], object], depth: int = _DEPTH) -> None:
        self._function = function
        self._queue: Queue[T | None] = Queue(depth)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="writing behind", daemon=True)

    def _work(self) -> None:
        while (thing := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._function(thing)
                except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                    self._error = error

    def put(self, thing: T) -> None:
        """Hand over one thing; wait if too many are waiting."""
        if self._error is not None:
            raise self._error
        self._queue.put(thing)

    def __enter__(self) -> Behind[T]:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error


class AheadStream:
    """A binary stream that a thread reads, and unpacks, ahead."""

    def __init__(self, stream: IO[bytes], piece: int = _PIECE) -> None:
        read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._pieces = ahead(iter(lambda: read(piece), b""), 2 * _DEPTH)
        self._rest = b""

    def read1(self, number: int) -> bytes:
        """Return at most so many bytes, none at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        found, self._rest = self._rest[:number], self._rest[number:]
        return found

    read = read1

    def close(self) -> None:
        """End the thread."""
        self._pieces.close()
