"""Sqlite: a loglet of one node, over the log storage port (SQLite in `host`).

::

    head ............ committed ............ tail
         durable, read       submitted, not yet durable: nobody may see it

An append takes its position when it is called and returns when its group commit is on disk, so
appends pipeline. Invariant: head <= committed <= tail, and `records` belongs to the tail.
The disk holds rows and a small `HardState`; the last row carries epoch and record index, the hard
state carries them when trim has left no row.

After a failed commit the positions above `committed` were never shown to anybody; the loglet
then refuses everything but reads until it is opened again. Absent: other nodes, retraction.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from plait.base.codec import decode, encode
from plait.base.errors import (
    BadSettings,
    Busy,
    Closed,
    HistoryTrimmed,
    PlaitError,
    ReadOnly,
    Sealed,
    Unavailable,
)
from plait.base.ports import (
    AppendRows,
    LineExtent,
    LogStorage,
    LogWrite,
    PutHardState,
    ResetLine,
    TrimPrefix,
)
from plait.engines.recent import Recent
from plait.engines.waiters import Waiters
from plait.line.entry import NO_EPOCH, Entry, Epoch, decode_entry
from plait.line.loglet import BEGINNING, READ_BYTES, Origin, Tail

UNSYNCED_BYTES_MAX = 64 << 20
RECENT_BYTES_MAX = 8 << 20


class HardState(msgspec.Struct, frozen=True, array_like=True):
    """What the line must remember beside its rows."""

    sealed: bool = False
    base_epoch: Epoch = NO_EPOCH  # of the last entry below the head
    base_records: int = 0  # records below the head
    origin: Origin = BEGINNING


class SqliteLoglet:
    """A durable log of one line, which begins at `origin`.

    `epoch` must not be below any that the line already holds, and must be above the origin's. A
    name that the disk knows as that of a line that begins elsewhere is refused.

    One at a time on a line; after `close` with appends under way, the next one is opened when the
    storage has answered them or was itself opened again. The storage answers on a later turn of
    the event loop than it was asked on.
    """

    def __init__(
        self,
        storage: LogStorage,
        line: str,
        epoch: Epoch,
        *,
        origin: Origin = BEGINNING,
        unsynced_bytes_max: int = UNSYNCED_BYTES_MAX,
        recent_bytes_max: int = RECENT_BYTES_MAX,
    ) -> None:
        self._storage = storage
        self._line = line
        self._epoch = epoch
        self._unsynced_bytes_max = unsynced_bytes_max
        extent = storage.lines().get(line) or self._begin(origin)
        # As last submitted, so that a seal and a trim at once do not undo each other.
        self._hard = decode(extent.hard_state, type=HardState) if extent.hard_state else HardState()
        if self._hard.origin != origin:
            raise BadSettings(f"line {line!r} begins at {self._hard.origin}, not at {origin}")
        self._head = extent.head
        self._committed = self._tail = extent.tail
        last_epoch, self._records = self._hard.base_epoch, self._hard.base_records
        if extent.head < extent.tail:
            last = decode_entry(storage.read(line, extent.tail - 1, extent.tail, READ_BYTES)[0])
            last_epoch, self._records = last.epoch, last.records_end
        if epoch < last_epoch or epoch.number <= origin.epoch:
            raise BadSettings(f"line {line!r} is at epoch {last_epoch}, beyond {epoch}")
        self._committed_epoch = last_epoch
        self._committed_records = self._records
        self._sealed = self._hard.sealed
        self._sealing: asyncio.Future[None] | None = None
        self._trimming = asyncio.Lock()
        self._unsynced: deque[tuple[Entry, int, asyncio.Future[int]]] = deque()
        self._unsynced_bytes = 0  # sum of the sizes in `_unsynced`
        self._writing: dict[asyncio.Future[None], None] = {}  # seals and trims unanswered
        self._recent = Recent(self._tail, recent_bytes_max)
        self._waiters = Waiters()
        self._failure: PlaitError | None = None
        self._closed = False

    # ------------------------------------------------------------------------- the port

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        return self._head

    @property
    def committed(self) -> int:
        """The durable tail."""
        return self._committed

    async def append(self, entry: Entry) -> int:
        """The position of `entry`, once it is on disk.

        Raises `Sealed`, `Busy` or `ReadOnly`: it did not happen. `Unavailable` if the loglet is
        closed meanwhile: it may have.
        """
        self._check_open()
        if self._sealing is not None:
            await asyncio.shield(self._sealing)  # not sealed for ever before that is on disk
        if self._sealed:
            raise Sealed(f"line {self._line!r} is sealed at {self._committed}")
        self._check_writable()
        stamped = entry.stamped(self._epoch, self._records)
        row = stamped.encode()
        if self._unsynced and self._unsynced_bytes + len(row) > self._unsynced_bytes_max:
            raise Busy(f"{self._unsynced_bytes} bytes of line {self._line!r} wait for the disk")
        # Submitted before anything is counted: if the storage refuses at once, nothing happened.
        self._storage.submit((AppendRows(self._line, self._tail, (row,)),), self._append_done)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._tail += 1
        self._records = stamped.records_end
        self._unsynced.append((stamped, len(row), future))
        self._unsynced_bytes += len(row)
        return await future

    async def check_tail(self) -> Tail:
        """The durable tail and whether it is final."""
        self._check_open()
        return Tail(self._committed, self._sealed)

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Durable entries from `start`, before `stop`; at least one if there is one."""
        self._check_open()
        if start < self._head:
            raise HistoryTrimmed(f"position {start} is below {self._head}", head=self._head)
        stop = min(stop, self._committed)
        if start >= stop:
            return []
        if start >= self._recent.start:
            return self._recent.read(start, stop, bytes_max)
        return [decode_entry(row) for row in self._storage.read(self._line, start, stop, bytes_max)]

    async def wait(self, position: int) -> Tail:
        """Return once `committed` exceeds `position`, or the loglet is sealed."""
        self._check_open()
        if self._committed <= position and not self._sealed:
            await self._waiters.sleep(position)
        return Tail(self._committed, self._sealed)

    async def trim(self, before: int) -> None:
        """Forget entries below `before`, at most all that are durable."""
        async with self._trimming:
            self._check_writable()
            before = min(before, self._committed)
            if before <= self._head:
                return
            epoch, records = await self._base_at(before)
            done = self._submit(
                (TrimPrefix(self._line, before),),
                replace(self._hard, base_epoch=epoch, base_records=records),
                lambda: self._trimmed(before),
            )
            await asyncio.shield(done)

    async def seal(self) -> int:
        """Refuse every later append; the final tail, once that is on disk."""
        self._check_open()
        if self._sealed:
            return self._committed
        if self._sealing is None:
            self._check_writable()
            hard = replace(self._hard, sealed=True)
            self._sealing = self._submit((), hard, self._seal_durable)
        await asyncio.shield(self._sealing)
        return self._committed

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Never called: what is durable here stays so."""

    async def close(self) -> None:
        """Refuse every later call. Appends under way become `Unavailable`; waiters `Closed`."""
        if self._closed:
            return
        self._closed = True
        unknown = Unavailable(f"line {self._line!r} was closed before the disk answered")
        self._fail_unsynced(unknown)
        for future in self._writing:
            if not future.done():
                future.set_exception(unknown)
        self._waiters.fail(Closed(f"line {self._line!r} is closed"))

    # ------------------------------------------------------------------------- what the disk says

    def _append_done(self, error: PlaitError | None) -> None:
        if self._closed:
            return
        if error is not None:
            self._fail(error)
            return
        assert self._failure is None, "the storage committed a write after one that failed"
        entry, size, future = self._unsynced.popleft()
        self._unsynced_bytes -= size
        position = self._committed
        self._committed += 1
        self._committed_epoch, self._committed_records = entry.epoch, entry.records_end
        self._recent.add(entry, size)
        if not future.done():
            future.set_result(position)
        self._waiters.passed(self._committed)

    def _seal_durable(self) -> None:
        self._sealed = True
        self._waiters.wake_all()

    def _trimmed(self, before: int) -> None:
        self._head = before
        self._recent.trim(before)

    def _fail(self, error: PlaitError) -> None:
        """A commit failed: nothing submitted and unanswered will ever be durable."""
        if self._failure is None:
            self._failure = error
        self._fail_unsynced(self._failed(error))
        self._tail, self._records = self._committed, self._committed_records

    def _fail_unsynced(self, error: PlaitError) -> None:
        while self._unsynced:
            future = self._unsynced.popleft()[2]
            if not future.done():
                future.set_exception(error)
        self._unsynced_bytes = 0

    # ------------------------------------------------------------------------- helpers

    def _begin(self, origin: Origin) -> LineExtent:
        """Write where the line begins, before anything of it; at 0 nothing need be written.

        Whatever is written behind it fails if it does, and a crash before leaves nothing.
        """
        if origin == BEGINNING:
            return LineExtent(0, 0)
        hard = encode(HardState(False, Epoch(origin.epoch, ""), origin.records, origin))
        writes = (ResetLine(self._line, origin.position), PutHardState(self._line, hard))
        self._storage.submit(writes, lambda error: None)
        return LineExtent(origin.position, origin.position, hard)

    async def _base_at(self, before: int) -> tuple[Epoch, int]:
        """The epoch of the last entry below `before`, and the records below it."""
        if before == self._committed:
            return self._committed_epoch, self._committed_records
        (last,) = await self.read(before - 1, before)
        return last.epoch, last.records_end

    def _submit(
        self, writes: Sequence[LogWrite], hard: HardState, durable: Callable[[], None]
    ) -> asyncio.Future[None]:
        """Submit `writes` and `hard`; call `durable` and resolve when they are on disk."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: PlaitError | None) -> None:
            if self._closed:
                return
            if error is None:
                durable()
                future.set_result(None)
            else:
                self._fail(error)
                future.set_exception(self._failed(error))

        self._storage.submit((*writes, PutHardState(self._line, encode(hard))), done)
        self._hard = hard
        self._writing[future] = None
        future.add_done_callback(self._writing.pop)
        # Whoever asked may be gone when it fails; `_failure` keeps the reason for all others.
        future.add_done_callback(lambda done: done.exception())
        return future

    def _check_open(self) -> None:
        if self._closed:
            raise Closed(f"line {self._line!r} is closed")

    def _check_writable(self) -> None:
        self._check_open()
        if self._failure is not None:
            raise self._failed(self._failure)
        reason = self._storage.read_only
        if reason is not None:
            raise ReadOnly(f"line {self._line!r} takes no writes: {reason.message}") from reason
        if self._storage.suspect is not None:
            raise ReadOnly(f"line {self._line!r} takes no writes: {self._storage.suspect}")

    def _failed(self, error: PlaitError) -> ReadOnly:
        refusal = ReadOnly(
            f"line {self._line!r} takes no writes until it is opened again: {error.message}",
            cause=error.code,
        )
        refusal.__cause__ = error
        return refusal
