"""Waiters: those who sleep until a loglet's committed tail passes a position.

Invariant: after `passed(committed)` nobody sleeps on a position below `committed`.
"""

import asyncio
import heapq
import itertools

from plait.base.errors import PlaitError


class Waiters:
    """The sleepers of one loglet, woken lowest position first."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._forgotten = 0  # cancelled sleepers still in the heap

    def __len__(self) -> int:
        return len(self._heap) - self._forgotten

    async def sleep(self, position: int) -> None:
        """Return once `passed` or `wake_all` says so; raise what `fail` gives."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (position, next(self._order), future))
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._forget_one()
            raise

    def passed(self, committed: int) -> None:
        """Wake everybody who waits for a position below `committed`."""
        heap = self._heap
        while heap and heap[0][0] < committed:
            self._settle(heapq.heappop(heap)[2], None)

    def wake_all(self) -> None:
        """Wake everybody: the loglet is sealed."""
        self._settle_all(None)

    def fail(self, error: PlaitError) -> None:
        """Raise `error` in everybody: the loglet is closed."""
        self._settle_all(error)

    def _settle_all(self, error: PlaitError | None) -> None:
        heap, self._heap = self._heap, []
        for _, _, future in sorted(heap, key=lambda item: item[:2]):
            self._settle(future, error)

    def _settle(self, future: asyncio.Future[None], error: PlaitError | None) -> None:
        if future.done():
            self._forgotten -= 1
        elif error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def _forget_one(self) -> None:
        # Cancelled sleepers would pile up at the tail of an idle log, so they are swept.
        self._forgotten += 1
        if self._forgotten * 2 > len(self._heap):
            self._heap = [item for item in self._heap if not item[2].done()]
            heapq.heapify(self._heap)
            self._forgotten = 0
