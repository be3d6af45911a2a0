"""The thread that turns everything queued into one commit.

::

    loop                        thread
    put(a) put(b) ──queue──▶  commit([a, b])      one fsync
    put(c) put(d)                 │  (meanwhile)
    report([a, b]) ◀──call_soon_threadsafe
                              commit([c, d])

Invariant: items are committed in the order they were put, each in exactly one group, and every
group is reported on the loop, in order. A tick is thus as long as the previous fsync took: a
lone writer waits for one commit, a crowd shares one.

Jobs (a checkpoint's last step, a recovery) run on the same thread between groups, in turn.
Absent: any bound on the queue; who submits bounds what it has in flight.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from plait.base.errors import PlaitError

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Job:
    """Something to do between two groups."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.run = run


class _Stop(Enum):
    STOP = 0


class Committer(Generic[Item, Result]):
    """Runs `commit` on a thread for groups of items, and `report` on the loop for each result.

    `commit` must not raise: what went wrong is part of its result.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        commit: Callable[[list[Item]], Result],
        report: Callable[[list[Item], Result], None],
    ) -> None:
        self._loop = loop
        self._commit = commit
        self._report = report
        self.groups = 0  # committed, and the seconds that took: written by the thread alone
        self.busy_s = 0.0
        self._queue: queue.SimpleQueue[Item | _Job | _Stop] = queue.SimpleQueue()
        # A daemon: a process that ends without closing ends as if it were killed.
        self._thread = threading.Thread(target=self._run, name="plait-commit", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many items are queued, about."""
        return self._queue.qsize()

    def put(self, item: Item) -> None:
        """Queue an item for the next group."""
        self._queue.put(item)

    def post(self, job: Callable[[], None]) -> None:
        """Queue a job; it must not raise. Callable from any thread."""
        self._queue.put(_Job(job))

    async def call(self, job: Callable[[], PlaitError | None]) -> None:
        """Run `job` between two groups; raise the error that it returns."""
        done: asyncio.Future[PlaitError | None] = self._loop.create_future()

        def answer(error: PlaitError | None) -> None:
            if not done.done():  # the caller may have been cancelled
                done.set_result(error)

        def run() -> None:
            error = job()
            self._tell(answer, error)

        self.post(run)
        if (error := await done) is not None:
            raise error

    async def close(self) -> None:
        """Commit and report what is queued, then end the thread."""
        self._queue.put(_Stop.STOP)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            group, other = self._collect()
            if group:
                began = time.perf_counter()
                result = self._commit(group)
                self.busy_s += time.perf_counter() - began
                self.groups += 1
                self._tell(self._report, group, result)
            if isinstance(other, _Job):
                other.run()
            elif other is _Stop.STOP:
                return

    def _collect(self) -> tuple[list[Item], "_Job | _Stop | None"]:
        """Wait for something, then take all that is there, up to the first that is no item."""
        group: list[Item] = []
        item = self._queue.get()
        while not isinstance(item, _Job | _Stop):
            group.append(item)
            if self._queue.empty():  # and nobody else takes from it
                return group, None
            item = self._queue.get()
        return group, item

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        # The loop may be closed already if the process is on its way out.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)
