"""Loading many records: batches under way side by side, acknowledged in order.

Invariant: `done` is the length of the longest prefix of the input whose records were all
acknowledged. Two batches that are under way never share a key: a later record waits for an earlier
one of the same key, so that the last one in the input wins.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

BATCH_RECORDS = 256
BATCHES_IN_FLIGHT_MAX = 8


class Puts(Protocol):
    """What a loader needs of a table."""

    async def put_many(
        self, items: Iterable[tuple[str, Any]], *, acks: str | None = None
    ) -> Any: ...


class _Batch(msgspec.Struct):
    task: "asyncio.Task[Any]"
    keys: frozenset[str]
    end: int  # records of the input up to and including this batch


class Loader:
    """Puts records into one table."""

    def __init__(
        self,
        table: Puts,
        acks: str | None = None,
        start: int = 0,
        on_done: Callable[[int], None] = lambda done: None,
    ) -> None:
        """start: records that were done before. on_done: called as the prefix grows."""
        self._table = table
        self._acks = acks
        self._on_done = on_done
        self._pending: dict[str, Any] = {}
        self._in_flight: deque[_Batch] = deque()
        self._read = start
        self.done = start

    async def add(self, key: str, value: Any) -> None:
        """Take one record; returns early unless too much is under way."""
        if key in self._pending:
            await self._send()
        self._pending[key] = value
        self._read += 1
        if len(self._pending) >= BATCH_RECORDS:
            await self._send()

    def skip(self) -> None:
        """One record of the input is left out, and counts as done with those before it."""
        self._read += 1

    async def finish(self) -> None:
        """Return when everything is acknowledged; raises the first failure in input order."""
        await self._send()
        while self._in_flight:
            await self._settle()
        if self.done < self._read:
            self._advance(self._read)

    async def abandon(self) -> None:
        """Wait for what is under way, so that `done` is as large as it can be, and drop the rest.

        Never raises: for use when the import already failed.
        """
        failed = False
        for batch in self._in_flight:
            batch_failed = (await asyncio.gather(batch.task, return_exceptions=True))[0]
            failed = failed or isinstance(batch_failed, BaseException)
            if not failed:
                self._advance(batch.end)
        self._in_flight.clear()

    async def _send(self) -> None:
        if not self._pending:
            return
        keys = frozenset(self._pending)
        while self._in_flight and (
            len(self._in_flight) >= BATCHES_IN_FLIGHT_MAX
            or any(keys & batch.keys for batch in self._in_flight)
        ):
            await self._settle()
        items, self._pending = list(self._pending.items()), {}
        task = asyncio.create_task(self._put(items))
        self._in_flight.append(_Batch(task, keys, self._read))
        await asyncio.sleep(0)  # let it start

    async def _put(self, items: list[tuple[str, Any]]) -> None:
        await self._table.put_many(items, acks=self._acks)

    async def _settle(self) -> None:
        batch = self._in_flight[0]
        await batch.task
        self._in_flight.popleft()
        self._advance(batch.end)

    def _advance(self, done: int) -> None:
        self.done = done
        self._on_done(done)
