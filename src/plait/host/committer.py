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
from collections.abc import Callable
from typing import Generic, TypeVar

from plait.base.errors import PlaitError

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Job:
    """Something to do between two groups."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.run = run


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
        self._queue: queue.SimpleQueue[Item | _Job | None] = queue.SimpleQueue()
        # A daemon: a process that ends without closing ends as if it were killed.
        self._thread = threading.Thread(target=self._run, name="plait-commit", daemon=True)
        self._thread.start()

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
            if not done.done():
                done.set_result(error)

        self._queue.put(_Job(lambda: self._tell(lambda: answer(outcome)) if (outcome := job()) is None
                             else self._tell(lambda: answer(outcome))))  # fmt: skip
        if (error := await done) is not None:
            raise error

    async def close(self) -> None:
        """Commit and report what is queued, then end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            group: list[Item] = []
            item = self._queue.get()
            while item is not None and not isinstance(item, _Job):
                group.append(item)
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            else:
                self._finish(group)
                if item is None:
                    return
                item.run()
                continue
            self._finish(group)

    def _finish(self, group: list[Item]) -> None:
        if group:
            result = self._commit(group)
            self._tell(lambda: self._report(group, result))

    def _tell(self, what: Callable[[], None]) -> None:
        # The loop may be closed already if the process is on its way out.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what)
