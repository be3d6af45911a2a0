"""Watching a table without ``await``."""

from collections.abc import Iterator

from plait.api import watch
from plait.api.watch import Batch, Change
from plait.blocking.scopes import Entered


class Watch(Entered[watch.Watch]):
    """An iterator of `Change` that waits for each; `plait.api.watch.Watch` says how it resumes.

    From now on means: from the first ``next``, or from entering ``with``.
    """

    @property
    def cursor(self) -> str | None:
        """Where a new watch would go on; None before the first change was asked for."""
        return self._inner.cursor

    def __iter__(self) -> "Watch":
        return self

    def __next__(self) -> Change:
        """The next change, however long that takes; an interrupt loses none."""
        change = self._portal.call(self._step())
        if change is None:
            raise StopIteration
        return change

    async def _step(self) -> Change | None:
        # StopAsyncIteration is no exception that a future may carry.
        return await anext(self._inner, None)

    @property
    def ready(self) -> bool:
        """Whether there is something to give without waiting."""
        return self._inner.ready

    def take(self, most: int) -> list[Batch]:
        """The next transactions, at least one and at most so many; none once it is closed."""
        return self._portal.call(self._inner.take(most))

    def batch(self) -> Batch | None:
        """The next transaction, however long that takes; None once the watch is closed."""
        return self._portal.call(self._inner.batch())

    def batches(self) -> Iterator[Batch]:
        """The watched changes, a whole transaction at a time."""
        while (batch := self.batch()) is not None:
            yield batch

    def close(self) -> None:
        """End it; what was not taken is not given any more."""
        self._portal.call(self._inner.aclose())
