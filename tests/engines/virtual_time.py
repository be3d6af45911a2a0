"""An event loop whose time is a number: whoever waits is woken at once, in the same order.

Invariant: the same callbacks give the same run, whatever time anything takes.
Absent: sockets, threads and signals; a loop that waits for nothing is a mistake and says so.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

START_MS = 1_700_000_000_000


class _Selector(selectors.SelectSelector):
    """Waits by adding to the time."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits and nothing will ever happen")
        self.time += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._virtual.time


class VirtualClock:
    """The Clock port of a machine whose clock is `skew_ms` ahead."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.skew_ms = 0
        self._loop = loop

    def monotonic(self) -> float:
        """The loop's seconds."""
        return self._loop.time()

    def wall_ms(self) -> int:
        """The loop's milliseconds after some day in 2023."""
        return START_MS + int(self._loop.time() * 1000) + self.skew_ms


def run_virtually(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, in no time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
