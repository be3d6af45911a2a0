"""Appender: one transaction for everything that one handle was given meanwhile.

One batch at a time is under way, so a handle's order is kept. When the connection breaks in the
middle of one, its outcome is found out: the handle's *permit*, a row that every append of it
locks, is replaced by another. That waits for the lost transaction to end, and after it that
transaction can no longer begin; the number of the batch, drawn at random, then is among the
entries or never will be. What did not happen is tried again, before anything later.

Invariant: no batch is sent while the outcome of one before it is unknown. An append is
`Unavailable` only when its outcome could not be found out in time; it is never repeated then.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from plait.base.errors import (
    Busy,
    NoSuchCollection,
    PlaitError,
    Sealed,
    Unavailable,
)
from plait.base.ports import Random
from plait.engines.postgres.arrays import ByteaArray, Int8Array
from plait.engines.postgres.handle import Handle
from plait.engines.postgres.session import Session
from plait.engines.postgres.statements import (
    ADMIT,
    APPEND,
    DISMISS,
    FIND_BATCH,
)
from plait.line.entry import Entry, Epoch

BATCH_ENTRIES_MAX = 1024
BATCH_BYTES_MAX = 4 << 20
PENDING_BYTES_MAX = 64 << 20

Appended = Callable[[int, list[Entry]], None]


class _Waiting(NamedTuple):
    entry: Entry  # of the loglet's epoch, with record index 0
    data: bytes
    position: "asyncio.Future[int]"
    until: float  # when whoever asked is told that nobody knows


class _Batch:
    """Appends that happen together or not at all."""

    def __init__(self, waiting: list[_Waiting]) -> None:
        self.waiting = waiting
        self.number = 0  # of the last attempt
        self.floor = 0  # it is not below this position

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return any(not each.position.done() for each in self.waiting)

    def fail(self, error: PlaitError) -> None:
        """Tell everybody."""
        for each in self.waiting:
            if not each.position.done():
                each.position.set_exception(error)


class Appender:
    """The appends of one handle. `appended` is called with each batch, before its callers go on."""

    def __init__(
        self,
        handle: Handle,
        random: Random,
        epoch: Epoch,
        appended: Appended,
        permit: int | None = None,
    ) -> None:
        self._handle = handle
        self._random = random
        self._epoch = epoch
        self._appended = appended
        self._pending: deque[_Waiting] = deque()
        self._pending_bytes = 0
        self._running: asyncio.Future[None] | None = None
        self._doubtful: _Batch | None = None  # sent, and nobody knows whether it happened
        self._permit = permit
        self._closed: PlaitError | None = None

    def append(self, entry: Entry, until: float) -> "asyncio.Future[int]":
        """Queue `entry`; its position, by `until`. Raises `Busy`."""
        stamped = entry.stamped(self._epoch, 0)
        data = stamped.encode()
        if self._pending and self._pending_bytes + len(data) > PENDING_BYTES_MAX:
            raise Busy(f"{self._pending_bytes} bytes wait for loglet {self._handle.name!r}")
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending.append(_Waiting(stamped, data, future, until))
        self._pending_bytes += len(data)
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        return future

    def make_ready(self) -> None:
        """Get a permit now, for appends are about to come."""
        if self._permit is None and self._running is None:
            self._running = asyncio.ensure_future(self._run_ready())

    async def close(self, error: PlaitError) -> None:
        """Tell everybody who still waits, and give the permit back."""
        self._closed = error
        for each in self._pending:
            if not each.position.done():
                each.position.set_exception(error)
        self._pending.clear()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self._permit is not None and self._doubtful is None:
            log, permit = self._handle.log, self._permit
            await self._handle.leave(lambda session: session.rows(DISMISS, log, permit))

    # ------------------------------------------------------------------------- one at a time

    async def _run_ready(self) -> None:
        with suppress(PlaitError):  # whoever appends tries again
            await self._settle()
        await self._run()

    async def _run(self) -> None:
        while self._pending:
            batch = self._gather()
            if batch.wanted:
                try:
                    await self._bring_in(batch)
                except asyncio.CancelledError:
                    batch.fail(self._closed or Unavailable("the loglet was closed"))
                    raise
                except PlaitError as error:
                    batch.fail(error)
                # Those who were just answered append again, and go with those who wait.
                await asyncio.sleep(0)
        self._running = None

    def _gather(self) -> _Batch:
        """What has come by now, up to the size of a transaction."""
        waiting: list[_Waiting] = []
        size = 0
        while self._pending and len(waiting) < BATCH_ENTRIES_MAX:
            size += len(self._pending[0].data)
            if waiting and size > BATCH_BYTES_MAX:
                break
            each = self._pending.popleft()
            self._pending_bytes -= len(each.data)
            if not each.position.done():  # cancelled: nobody will know
                waiting.append(each)
        return _Batch(waiting)

    async def _bring_in(self, batch: _Batch) -> None:
        """Try until it happened, was refused, or its time is over."""
        failures = 0
        until = max(each.until for each in batch.waiting)
        while batch.wanted:
            try:
                if self._permit is None or self._doubtful is not None:
                    await self._settle()
                if batch.wanted and await self._attempt(batch):
                    return
            except (Unavailable, Busy):
                if self._handle.now() >= until:
                    raise
                await self._handle.pause(failures)
                failures += 1

    async def _attempt(self, batch: _Batch) -> bool:
        """Send it once; whether it happened. Raises `Sealed`, or `Unavailable` if in doubt."""
        mark = await self._handle.verified()
        batch.number = self._random.getrandbits(63)
        batch.floor = mark.committed
        before = [0]
        for each in batch.waiting:
            before.append(before[-1] + each.entry.records)
        records = before.pop()
        parameters = (
            self._handle.log, self._permit, len(batch.waiting), records, batch.number,
            Int8Array(before), ByteaArray([each.data for each in batch.waiting]),
        )  # fmt: skip
        sent = False

        async def work(session: Session) -> list[tuple[Any, ...]]:
            nonlocal sent
            sent = True
            return await session.rows(APPEND, *parameters)

        try:
            ((permitted, first, index),) = await self._handle.run(work)
        except (Unavailable, asyncio.CancelledError):
            self._doubtful = batch if sent else self._doubtful
            raise
        if not permitted:
            self._permit = None  # lost in a fail-over, or forgotten after a long silence
            return False
        if first is None:
            tail = await self._handle.look()
            if not tail.sealed:
                raise NoSuchCollection(f"loglet {self._handle.name!r} was dropped")
            raise Sealed(f"loglet {self._handle.name!r} is sealed at {tail.position}")
        self._succeed(batch, first, index)
        return True

    async def _settle(self) -> None:
        """Get a new permit in place of the old one; then the outcome of a doubtful batch."""
        log, old, new = self._handle.log, self._permit, self._random.getrandbits(63)
        doubtful = self._doubtful

        async def work(session: Session) -> list[tuple[Any, ...]]:
            if not await session.rows(ADMIT, log, -1 if old is None else old, new):
                raise NoSuchCollection(f"loglet {self._handle.name!r} was dropped")
            if doubtful is None:
                return []
            return await session.rows(FIND_BATCH, log, doubtful.floor, doubtful.number)

        await self._handle.verified()
        found = await self._handle.run(work)
        self._permit = new
        if doubtful is None:
            return
        ((count, first, index, head),) = found
        self._doubtful = None
        if count == len(doubtful.waiting):
            self._succeed(doubtful, first, index)
        elif head > doubtful.floor:
            doubtful.fail(Unavailable("others trimmed the loglet before its outcome was found"))

    def _succeed(self, batch: _Batch, first: int, index: int) -> None:
        entries = []
        for each in batch.waiting:
            entries.append(each.entry.stamped(self._epoch, index))
            index += each.entry.records
        self._handle.standing.appended(
            self._handle.standing.mark._replace(committed=batch.floor), first, len(entries),
            batch.number,
        )  # fmt: skip
        self._appended(first, entries)
        for position, each in enumerate(batch.waiting, first):
            if not each.position.done():
                each.position.set_result(position)
