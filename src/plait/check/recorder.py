"""`Recorder` writes a history while it happens, one JSON line an event.

An invocation is in the file before the operation begins and its completion after it has ended, so
the order of the lines is a true order of events. Each line is one write in append mode: threads do
not disturb each other, and a killed process loses nothing but what it did not yet know.

::

    recorder = Recorder("history.jsonl")
    recorder.invoke(7, "write", key="x", value=3)
    …
    recorder.ok(7)                  # or fail(7), or info(7): nobody knows

Invariant: of one process at most one operation is open.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec

from plait.base.errors import UsageError
from plait.check.history import EventType, Process
from plait.check.world import AppendFile, FilePath, monotonic


class Recorder:
    """Appends to one file; may be shared by threads, each process number used by one of them."""

    def __init__(self, path: FilePath, *, clock: Callable[[], float] = monotonic) -> None:
        """clock: seconds that never run backwards; times in the file begin at 0."""
        self._file = AppendFile(path)
        self._clock = clock
        self._begun = clock()
        self._open: dict[Process, str] = {}

    def invoke(self, process: Process, f: str, *, key: Any = None, value: Any = None) -> None:
        """An operation is about to begin."""
        if process in self._open:
            raise UsageError(f"process {process} has {self._open[process]!r} open")
        self._write(process, "invoke", f, key=key, value=value)
        self._open[process] = f

    def ok(
        self, process: Process, value: Any = msgspec.UNSET, *, version: int | None = None
    ) -> None:
        """It happened. value: what a read returned; version: of the row read or written."""
        more = {} if value is msgspec.UNSET else {"value": value}
        if version is not None:
            more["version"] = version
        self._complete(process, "ok", **more)

    def fail(self, process: Process, *, error: str = "", refused: bool = False) -> None:
        """It certainly did not happen. refused: because the row was not as a cas expected."""
        more: dict[str, Any] = {"error": error} if error else {}
        if refused:
            more["refused"] = True
        self._complete(process, "fail", **more)

    def info(self, process: Process, *, error: str = "") -> None:
        """Nobody knows: it may take effect at any later time, or never."""
        self._complete(process, "info", **({"error": error} if error else {}))

    def close(self) -> None:
        """Close the file. Operations that are still open are indefinite."""
        self._file.close()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _complete(self, process: Process, kind: EventType, **more: Any) -> None:
        f = self._open.pop(process, None)
        if f is None:
            raise UsageError(f"process {process} has nothing open")
        self._write(process, kind, f, **more)

    def _write(self, process: Process, kind: EventType, f: str, **more: Any) -> None:
        event: dict[str, Any] = {"process": process, "type": kind, "f": f}
        event |= {name: value for name, value in more.items() if name != "key" or value is not None}
        event["time"] = round(self._clock() - self._begun, 6)
        self._file.write(msgspec.json.encode(event) + b"\n")
