"""One incarnation of a program on a machine: what it runs, and how it ends or is stopped.

A process is a context: its tasks and timers carry it (`loop.owner`), so that killing it ends
exactly what it did, between two callbacks. The world does something to a process only through
`at`, which a dead process does not hear and a stopped one hears later.

Invariant: after `kill` no callback of the process runs again. Its tasks are kept, unfinished, for
as long as the world: were they collected, their `finally` blocks would run.
"""

import asyncio
import contextvars
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

from plait.sim.loop import Held, VirtualLoop, owner, pace


class Process:
    """A program that runs."""

    def __init__(self, name: str, loop: VirtualLoop, clock_pace: float = 1.0) -> None:
        self.name = name
        self.alive = True
        self.stopped = False
        self._loop = loop
        self._context = contextvars.copy_context()
        self._context.run(owner.set, self)
        self._context.run(pace.set, clock_pace)
        self._tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._remains: list[asyncio.Task[Any]] = []
        self._held: Held | None = None
        self._waiting: list[tuple[float, Callable[..., object], tuple[Any, ...]]] = []

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run something in this process."""
        return self._loop.create_task(work, context=self._context.copy())

    def at(self, when: float, act: Callable[..., object], *args: Any) -> None:
        """The world does this to the process, at a time of the world's."""
        self._loop.set(when, self._do, (act, args), self._context)

    def soon(self, act: Callable[..., object], *args: Any) -> None:
        """The world does this to the process in the next turn."""
        self._loop.call_soon(self._do, act, args, context=self._context)

    def _do(self, act: Callable[..., object], args: tuple[Any, ...]) -> None:
        if self.stopped:
            self._waiting.append((self._loop.time(), act, args))
        elif self.alive:
            act(*args)

    def posthumously(self, act: Callable[[], object]) -> None:
        """Do what the process was about to do; what that asks for it cannot hear any more."""
        assert not self.alive
        try:
            self._context.run(act)
        finally:
            self._loop.drop(self)

    @property
    def works(self) -> bool:
        """Whether it has anything to do still."""
        return self.alive and any(not task.done() for task in self._tasks)

    def own(self, task: "asyncio.Task[Any]") -> None:
        """A task of this process was made."""
        self._tasks.add(task)

    def stop(self) -> None:
        """SIGSTOP."""
        if self.alive and not self.stopped:
            self.stopped = True
            self._held = self._loop.hold(self)

    def go_on(self) -> None:
        """SIGCONT."""
        if self.alive and self.stopped:
            self.stopped = False
            assert self._held is not None
            self._loop.release(self._held)
            waiting, self._waiting = self._waiting, []
            for when, act, args in waiting:  # behind what was sent before the stop and came earlier
                self.at(when, act, *args)

    def kill(self) -> None:
        """SIGKILL: nothing of it runs again."""
        if not self.alive:
            return
        self.alive = False
        self._waiting.clear()
        self._remains = [task for task in self._tasks if not task.done()]
        self._loop.drop(self)


def own_tasks(
    loop: asyncio.AbstractEventLoop, work: Any, context: contextvars.Context | None = None
) -> "asyncio.Task[Any]":
    """A task factory that tells processes which tasks are theirs."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context)
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # the killed ones never end
    process = owner.get() if context is None else context.get(owner)
    if process is not None:
        process.own(task)
    return task
