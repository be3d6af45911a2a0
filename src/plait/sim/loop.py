"""An event loop whose time is a number: whoever waits is woken at once, in the same order.

Every handle belongs to the *owner* that its context names, the process that a task or a timer is
part of. `drop` ends an owner as kill -9 does, between two callbacks; `hold` stops one as SIGSTOP
does, and `release` lets it go on with all timers that became due meanwhile.

Invariant: the same callbacks give the same run, whatever time anything takes.
Absent: sockets, threads and signals; a loop that waits for nothing is a mistake and says so.
Relied upon, of asyncio (3.11 and later): `_ready`, `_scheduled`, and a handle's `_context`.
"""

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

# Whose callback runs; None for the world itself.
owner: ContextVar[Any] = ContextVar("owner", default=None)
# Seconds of the world that pass while the owner's clock counts one.
pace: ContextVar[float] = ContextVar("pace", default=1.0)


class Deadlock(Exception):
    """Everybody waits and nothing will ever happen."""


class _Selector(selectors.SelectSelector):
    """Waits by adding to the time."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise Deadlock("everybody waits and nothing will ever happen")
        if timeout > 0:
            self.time += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop."""

    _ready: Any
    _scheduled: list[Any]

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._virtual.time

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """A timer, late or early as the clock of whoever sets it is slow or fast."""
        times = pace.get() if context is None else 1.0
        if times != 1.0:
            now = self.time()
            when = now + (when - now) * times
        return super().call_at(when, callback, *args, context=context)

    # ------------------------------------------------------------------ owners

    def drop(self, dead: object) -> None:
        """Cancel everything that the owner would do."""
        for handle in [*self._ready, *self._scheduled]:
            if handle._context.get(owner) is dead:
                handle.cancel()

    def hold(self, stopped: object) -> list[Any]:
        """Take away everything that the owner would do, in its order."""
        held = [one for one in self._ready if one._context.get(owner) is stopped]
        timers = [one for one in self._scheduled if one._context.get(owner) is stopped]
        for handle in held:
            self._ready.remove(handle)
        if timers:
            kept = [one for one in self._scheduled if one._context.get(owner) is not stopped]
            self._scheduled[:] = kept
            heapq.heapify(self._scheduled)
            for timer in timers:
                timer._scheduled = False
        return [*held, *sorted(timers)]

    def release(self, held: list[Any]) -> None:
        """Give back what `hold` took."""
        for handle in held:
            if handle.cancelled():
                continue
            if isinstance(handle, asyncio.TimerHandle):
                handle._scheduled = True  # type: ignore[attr-defined]
                heapq.heappush(self._scheduled, handle)
            else:
                self._ready.append(handle)


def run_virtually(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, in no time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
