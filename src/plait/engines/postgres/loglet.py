"""Loglet: one row and its entries at the server, behind the loglet port.

::

    head ............ committed ............ tail
         at the server, durable    appended by others, not heard of yet

Invariant: head <= committed <= the server's tail; everything in [head, committed) can be read.
`check_tail` reads the row on the primary with a snapshot taken after it was called; an append
locks that row until its commit is durable, so what had returned is below the tail that is read.
A read verifies each entry's checksum, position and record index. Absent: retraction. A server
that lost what it acknowledged stops the loglet (`LogForked`).
"""

import asyncio
from collections.abc import Callable
from typing import Any

from plait.base.errors import BadValue, Closed, Corrupt, HistoryTrimmed, PlaitError, Unavailable
from plait.base.ports import Random
from plait.engines.postgres import statements
from plait.engines.postgres.appender import Appender
from plait.engines.postgres.bell import Bell
from plait.engines.postgres.cache import Cache
from plait.engines.postgres.handle import Handle
from plait.engines.postgres.session import Session
from plait.engines.waiters import Waiters
from plait.line.entry import Entry, Epoch, decode_entry
from plait.line.loglet import READ_BYTES, Origin, Tail

ENTRY_BYTES_MAX = 64 << 20
CACHE_BYTES_MAX = 8 << 20
READ_ENTRIES_MAX = 1024
DELETE_ENTRIES = 2000  # in one transaction, so that none is long


class PostgresLoglet:
    """A log that any number of nodes append to."""

    def __init__(
        self,
        handle: Handle,
        bell: Bell,
        random: Random,
        origin: Origin,
        *,
        closed: Callable[["PostgresLoglet"], None] = lambda _: None,
        cache_bytes_max: int = CACHE_BYTES_MAX,
        permit: int | None = None,
    ) -> None:
        self._handle = handle
        self._standing = handle.standing
        self._bell = bell
        self._epoch = Epoch(origin.epoch + 1, "")
        self._appender = Appender(handle, random, self._epoch, self._appended, permit)
        self._cache = Cache(cache_bytes_max)
        self._waiters = Waiters()
        self._looking: asyncio.Future[None] | None = None
        self._tell_closed = closed
        self._closed = False
        bell.hear(handle.log, self._rung)

    @property
    def name(self) -> str:
        """What it was opened as."""
        return self._standing.name

    # ------------------------------------------------------------------------- the port

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        return self._standing.head

    @property
    def committed(self) -> int:
        """The tail as far as this handle knows."""
        return self._standing.tail.position

    async def append(self, entry: Entry) -> int:
        """The position of `entry`, once the server has it on disk.

        Raises `Sealed`, `Busy`, `ReadOnly` or `LogForked`: it did not happen. `Unavailable` if
        nobody could find out in time. `BadValue` for more than `ENTRY_BYTES_MAX`.
        """
        self._check_open()
        if len(entry.payload) > ENTRY_BYTES_MAX:
            raise BadValue(f"an entry has at most {ENTRY_BYTES_MAX} bytes of payload")
        return await self._appender.append(entry, self._handle.deadline())

    async def check_tail(self) -> Tail:
        """The tail as the primary has it, and whether it is final."""
        self._check_open()
        await self._handle.look()
        return self._seen()

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Entries from `start`, before `stop`; `Corrupt` names a position that is damaged."""
        self._check_open()
        if start < self.head:
            raise HistoryTrimmed(f"position {start} is below {self.head}", head=self.head)
        stop = min(stop, self.committed, start + READ_ENTRIES_MAX)
        if start >= stop:
            return []
        found = self._cache.run(start, stop, bytes_max)
        return found or await self._fetch(start, self._cache.gap(start, stop), bytes_max)

    async def wait(self, position: int) -> Tail:
        """Return once `committed` exceeds `position`, or the loglet is sealed."""
        self._check_open()
        if not self._standing.tail.sealed and self.committed <= position:
            self._look_soon()
            await self._waiters.sleep(position)
        return self._standing.tail

    async def trim(self, before: int) -> None:
        """Forget entries below `before`, at most all that are committed.

        The head moves at once and for good; the rows go in small transactions after that.
        """
        self._check_open()
        if before > self.committed:
            before = min(before, (await self.check_tail()).position)
        if before <= self.head:
            return
        try:
            (last,) = await self.read(before - 1, before)
        except HistoryTrimmed:
            return  # by others, and further
        log = self._handle.log
        await self._rows(statements.TRIM, log, before, last.records_end)
        self._forget(before)
        ((lowest,),) = await self._rows(statements.LOWEST, log, before)
        for start in range(lowest, before, DELETE_ENTRIES) if lowest is not None else ():
            stop = min(start + DELETE_ENTRIES, before)
            await self._rows(statements.DELETE_ENTRIES, log, start, stop)

    async def seal(self) -> int:
        """Refuse every later append; the final tail."""
        self._check_open()
        if not self._standing.tail.sealed:
            await self._rows(statements.SEAL, self._handle.log)
            await self._handle.look()
            self._bell.ring(self._handle.log)
        return self._seen().position

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Never called: a log that lost something stops."""

    async def close(self) -> None:
        """Refuse every later call. Appends under way become `Unavailable`; waiters `Closed`."""
        if self._closed:
            return
        self._closed = True
        self._bell.unhear(self._handle.log, self._rung)
        self._waiters.fail(Closed(f"loglet {self.name!r} is closed"))
        await self._appender.close(
            Unavailable(f"loglet {self.name!r} was closed before the server answered")
        )
        if self._looking is not None:
            self._looking.cancel()
        self._tell_closed(self)

    def make_ready(self) -> None:
        """Ask for what the first append will need."""
        self._appender.make_ready()

    # ------------------------------------------------------------------------- what comes in

    def _appended(self, first: int, entries: list[Entry]) -> None:
        for position, entry in enumerate(entries, first):
            self._cache.put(position, entry)
        self._waiters.passed(self.committed)
        self._bell.ring(self._handle.log)

    def _rung(self, surely: bool) -> None:
        """Somebody appended; or it is time to see, for those who wait, whether somebody did."""
        if surely or len(self._waiters):
            self._look_soon()

    def _look_soon(self) -> None:
        if self._looking is None and not self._closed:
            self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        try:
            await self._handle.look()
        except PlaitError as error:
            if error is self._standing.failure:
                self._waiters.fail(error)  # others are told when the bell rings again
        else:
            self._seen()
        finally:
            self._looking = None

    def _seen(self) -> Tail:
        tail = self._standing.tail
        self._waiters.passed(tail.position)
        if tail.sealed:
            self._waiters.wake_all()
        self._forget(self.head)
        return tail

    # ------------------------------------------------------------------------- rows

    async def _fetch(self, start: int, stop: int, bytes_max: int) -> list[Entry]:
        log = self._handle.log
        rows = await self._rows(statements.READ, log, start, stop, max(0, bytes_max))
        entries: list[Entry] = []
        if not rows:
            await self._explain_absence(start)
        for expected, (position, before, data) in enumerate(rows, start):
            if position != expected:
                await self._explain_absence(expected)
            if entries and before != entries[-1].records_end:
                raise self._damaged(position, "its record index does not continue the last one's")
            entries.append(self._decoded(position, before, data))
        for position, entry in enumerate(entries, start):
            self._cache.put(position, entry)
        return entries

    def _decoded(self, position: int, before: int, data: bytes) -> Entry:
        try:
            entry = decode_entry(data)
        except Corrupt as error:
            raise self._damaged(position, error.message) from error
        if entry.epoch != self._epoch:
            raise self._damaged(position, f"it is of epoch {entry.epoch}, not {self._epoch}")
        return entry.stamped(self._epoch, before)

    async def _explain_absence(self, position: int) -> None:
        """A row is missing: the head, which moves before rows go, says whether it may be."""
        rows = await self._rows(statements.HEAD, self._handle.log)
        head = rows[0][0] if rows else self.head
        if position >= head:
            raise self._damaged(position, "it is missing")
        self._forget(head)
        raise HistoryTrimmed(f"position {position} is below {head}", head=head)

    def _damaged(self, position: int, how: str) -> Corrupt:
        return Corrupt(
            f"the entry at position {position} of loglet {self.name!r} is damaged: {how}",
            loglet=self.name,
            position=position,
        )

    async def _rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        async def work(session: Session) -> list[tuple[Any, ...]]:
            return await session.rows(statement, *parameters)

        return await self._handle.persist(work)

    def _forget(self, head: int) -> None:
        self._standing.trimmed(head)
        self._cache.trim(head)

    def _check_open(self) -> None:
        if self._closed:
            raise Closed(f"loglet {self.name!r} is closed")
        self._standing.check()
