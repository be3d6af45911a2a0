"""An event loop whose time is a number: whoever waits is woken at once, in the same order.

Every handle belongs to the *owner* that its context names, the process that a task or a timer is
part of. `drop` ends an owner as kill -9 does, between two callbacks; `hold` stops one as SIGSTOP
does, and `release` lets it go on with all timers that became due meanwhile.

Invariant: the same callbacks give the same run, whatever time anything takes. Timers of one time
run in the order in which they were set. Cycles are collected after so many turns and not when
Python likes to: what is collected may do something last.
Absent: sockets, threads and signals; a loop that waits for nothing is a mistake and says so.
Relied upon, of asyncio (3.11 and later): `_run_once`, `_ready`, `_stopping`, and a handle's
`_run`, `_cancelled` and `_context`.
"""

import asyncio
import gc
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from itertools import count
from typing import Any, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")
Timer: TypeAlias = tuple[float, int, asyncio.TimerHandle]  # when, and how many were set before

_ASIDE_S = 0.001  # what a thread would do takes
_COLLECT_EVERY = 100_000  # turns
_CANCELLED_MAX = 4_000  # timers among which it is worth looking for cancelled ones

# Whose callback runs; None for the world itself.
owner: ContextVar[Any] = ContextVar("owner", default=None)
# Seconds of the world that pass while the owner's clock counts one.
pace: ContextVar[float] = ContextVar("pace", default=1.0)


class Deadlock(Exception):
    """Everybody waits and nothing will ever happen."""


class Held(NamedTuple):
    """What a stopped owner would have done."""

    ready: list[asyncio.Handle]
    timers: list[Timer]


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop."""

    _ready: Any
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._turns = 0
        self.events = 0  # callbacks that have run
        self._timers: list[Timer] = []  # a heap
        self._numbers = count()
        self._look_at = _CANCELLED_MAX  # so many timers, for those that are cancelled

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """In the next turn."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """A timer, late or early as the clock of whoever sets it is slow or fast."""
        if context is None:
            times = pace.get()
            if times != 1.0:
                when = self._now + (when - self._now) * times
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        if len(self._timers) > self._look_at:
            self._timers = [one for one in self._timers if not one[2].cancelled()]
            heapq.heapify(self._timers)
            self._look_at = 2 * len(self._timers) + _CANCELLED_MAX
        return timer

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """What a thread would do is done here, a moment later, or by what stands for the thread."""
        done: asyncio.Future[T]
        if executor is not None:
            done = executor.submit(func, *args)
            return done
        done = self.create_future()

        def do() -> None:
            if done.done():
                return
            try:
                done.set_result(func(*args))
            except BaseException as error:
                done.set_exception(error)

        self.call_later(_ASIDE_S, do)
        return done

    def run_forever(self) -> None:
        """Until it is stopped; Python collects cycles only when the turns say so."""
        collects = gc.isenabled()
        gc.disable()
        try:
            super().run_forever()
        finally:
            if collects:
                gc.enable()

    def _run_once(self) -> None:
        """One turn: what is ready and due now, in its order."""
        ready, timers = self._ready, self._timers
        self._turns += 1
        if self._turns % _COLLECT_EVERY == 0:
            gc.collect()
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not ready and timers:
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            ready.append(heapq.heappop(timers)[2])
        if not ready and not self._stopping:
            raise Deadlock("everybody waits and nothing will ever happen")
        self.events += len(ready)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _write_to_self(self) -> None:
        """Nothing sleeps that would have to be woken."""

    # ------------------------------------------------------------------ owners

    def drop(self, dead: object) -> None:
        """Cancel everything that the owner would do."""
        for handle in [*self._ready, *(timer for _, _, timer in self._timers)]:
            if _belongs(handle, dead):
                handle.cancel()

    def hold(self, stopped: object) -> Held:
        """Take away everything that the owner would do, in its order."""
        held = Held(
            [one for one in self._ready if _belongs(one, stopped)],
            sorted(one for one in self._timers if _belongs(one[2], stopped)),
        )
        for handle in held.ready:
            self._ready.remove(handle)
        self._timers = [one for one in self._timers if not _belongs(one[2], stopped)]
        heapq.heapify(self._timers)
        return held

    def release(self, held: Held) -> None:
        """Give back what `hold` took."""
        self._ready.extend(held.ready)
        for timer in held.timers:
            heapq.heappush(self._timers, timer)


def _belongs(handle: asyncio.Handle, to: object) -> bool:
    context: Context = handle._context  # type: ignore[attr-defined]
    return context.get(owner) is to


def run_virtually(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, in no time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
