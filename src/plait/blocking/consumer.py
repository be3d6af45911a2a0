"""A consumer of a group without ``await``."""

from collections.abc import Iterator
from contextlib import contextmanager

from plait.api import consumer
from plait.api.consumer import BATCHES_MAX
from plait.api.watch import Batch
from plait.blocking.scopes import Entered
from plait.blocking.transaction import Transaction


class Consumer(Entered[consumer.Consumer]):
    """``with table.consumer("index") as consumer``: entered once it holds the group.

    ``for batch in consumer`` gives transactions; `commit` says that all up to one are done.
    """

    @property
    def group(self) -> str:
        """Its name."""
        return self._inner.group

    @property
    def cursor(self) -> str:
        """Behind what is done, as it was committed last."""

        def get() -> str:
            return self._inner.cursor

        return self._portal.call_plain(get)

    @property
    def done(self) -> str:
        """Behind the last transaction that was committed; up to `cursor` there was none for us."""

        def get() -> str:
            return self._inner.done

        return self._portal.call_plain(get)

    @property
    def epoch(self) -> int:
        """Which holder of the group this is; later ones have higher numbers."""

        def get() -> int:
            return self._inner.epoch

        return self._portal.call_plain(get)

    def __iter__(self) -> "Consumer":
        return self

    def __next__(self) -> Batch:
        """The next transaction, however long that takes; an interrupt loses none."""
        (batch,) = self.take(1)
        return batch

    def take(self, most: int = BATCHES_MAX) -> list[Batch]:
        """The next transactions, at least one and at most so many, however long that takes."""
        return self._portal.call(self._inner.take(most))

    def commit(self, batch: Batch | None = None) -> None:
        """All up to `batch` is done, or all that was given; returns when that is kept."""
        self._portal.call(self._inner.commit(batch))

    @contextmanager
    def transaction(self, batch: Batch) -> Iterator[Transaction]:
        """``with consumer.transaction(batch) as t``: what it writes is done exactly once."""
        moving = self._inner.transaction(batch)
        t = Transaction(self._portal, self._portal.call(moving.__aenter__()))
        try:
            yield t
        except BaseException as error:
            if not self._portal.call(moving.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self._portal.call(moving.__aexit__(None, None, None))
