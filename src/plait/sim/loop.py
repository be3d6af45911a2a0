"""An event loop whose time is a number: whoever waits is woken at once, in the same order.

Every handle belongs to the *owner* that its context names, the process that a task or a timer is
part of. `drop` ends an owner as kill -9 does, between two callbacks; `hold` stops one as SIGSTOP
does, and `release` lets it go on with all timers that became due meanwhile.

Invariant: the same callbacks give the same run, whatever time anything takes. Timers of one time
run in the order in which they were set. Cycles are collected after so many turns and not when
Python likes to: what is collected may do something last.
Absent: sockets, threads and signals; a loop that waits for nothing is a mistake and says so.
Relied upon, of asyncio (3.11 and later): `_run_once`, `_stopping` and `_ready`; and that whoever
gets a handle only cancels it.

A world makes a handle for everything that happens in it, so a handle is a list: made, and compared
in the heap, without any code of Python's.
"""

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

_ASIDE_S = 0.001  # what a thread would do takes
_COLLECT_EVERY = 100_000  # turns
_CANCELLED_MAX = 1_000  # timers among which it is worth looking for cancelled ones

# Whose callback runs; None for the world itself.
owner: ContextVar[Any] = ContextVar("owner", default=None)
# Seconds of the world that pass while the owner's clock counts one.
pace: ContextVar[float] = ContextVar("pace", default=1.0)


class Deadlock(Exception):
    """Everybody waits and nothing will ever happen."""


class Handle(list[Any]):
    """``[when, how many timers were set before, callback, arguments, context]``.

    No two timers have one number, so the heap never compares callbacks. A callback of None is one
    that was cancelled.
    """

    __slots__ = ("__weakref__",)
    __hash__ = object.__hash__  # type: ignore[assignment]

    def cancel(self) -> None:
        """Never run it; what it would have run on may go."""
        self[2] = self[3] = None

    def cancelled(self) -> bool:
        """Whether it will not run."""
        return self[2] is None

    def when(self) -> float:
        """The time of a timer."""
        when: float = self[0]
        return when


class Held(NamedTuple):
    """What a stopped owner would have done."""

    ready: list[Handle]
    timers: list[Handle]


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop."""

    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self.events = 0  # callbacks that have run
        self._now = 0.0
        self._turns = 0
        self._ready: deque[Handle] = deque()
        self._timers: list[Handle] = []  # a heap
        self._number = 0  # timers that were set
        self._look_at = _CANCELLED_MAX  # so many timers, for those that are cancelled

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> Handle:
        """In the next turn."""
        handle = Handle((0.0, 0, callback, args, copy_context() if context is None else context))
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Handle:
        """A timer, counted from now."""
        if context is None:
            delay *= pace.get()
            context = copy_context()
        return self.set(self._now + delay, callback, args, context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Handle:
        """A timer, late or early as the clock of whoever sets it is slow or fast."""
        if context is None:
            times = pace.get()
            if times != 1.0:
                when = self._now + (when - self._now) * times
            context = copy_context()
        return self.set(when, callback, args, context)

    def set(self, when: float, callback: Any, args: tuple[Any, ...], context: Context) -> Handle:
        """A timer, at a time of the world's whatever anybody's clock says."""
        self._number += 1
        timer = Handle((when, self._number, callback, args, context))
        heappush(self._timers, timer)
        if len(self._timers) > self._look_at:
            self._forget_cancelled()
        return timer

    def _forget_cancelled(self) -> None:
        self._timers[:] = [one for one in self._timers if one[2] is not None]
        heapify(self._timers)
        self._look_at = 2 * len(self._timers) + _CANCELLED_MAX

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
        """Turns, until the loop is stopped: what is ready and due now, in its order."""
        ready, timers = self._ready, self._timers
        while True:
            self._turns += 1
            if self._turns % _COLLECT_EVERY == 0:
                gc.collect()
            while timers and timers[0][2] is None:
                heappop(timers)
            if not ready and timers and timers[0][0] > self._now:
                self._now = timers[0][0]
            while timers and timers[0][0] <= self._now:
                ready.append(heappop(timers))
            if not ready and not self._stopping:
                raise Deadlock("everybody waits and nothing will ever happen")
            self.events += len(ready)
            for _ in range(len(ready)):
                handle = ready.popleft()
                _, _, callback, args, context = handle
                if callback is not None:
                    try:
                        context.run(callback, *args)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:
                        self._raised(handle, error)
            if self._stopping:
                return

    def _raised(self, handle: Handle, error: BaseException) -> None:
        name = getattr(handle[2], "__qualname__", repr(handle[2]))
        context = {"message": f"{name} raised", "exception": error, "handle": handle}
        self.call_exception_handler(context)

    def _write_to_self(self) -> None:
        """Nothing sleeps that would have to be woken."""

    # ------------------------------------------------------------------ owners

    def drop(self, dead: object) -> None:
        """Cancel everything that the owner would do."""
        for handle in [*self._ready, *self._timers]:
            if handle[4].get(owner) is dead:
                handle.cancel()

    def hold(self, stopped: object) -> Held:
        """Take away everything that the owner would do, in its order."""
        held = Held(
            [one for one in self._ready if one[4].get(owner) is stopped],
            sorted(one for one in self._timers if one[4].get(owner) is stopped),
        )
        others = [one for one in self._ready if one[4].get(owner) is not stopped]
        self._ready.clear()
        self._ready.extend(others)
        self._timers[:] = [one for one in self._timers if one[4].get(owner) is not stopped]
        heapify(self._timers)
        return held

    def release(self, held: Held) -> None:
        """Give back what `hold` took."""
        self._ready.extend(held.ready)
        for timer in held.timers:
            heappush(self._timers, timer)


def run_virtually(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, in no time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
