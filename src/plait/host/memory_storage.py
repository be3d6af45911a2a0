"""The Storage port with no disk: for tests and simulation, with the same semantics.

A `MemoryDisk` outlives the storages opened on it, as a folder does. What is submitted is
carried out by the loop at its next turn, all that was queued together; what is carried out in
a log is durable, what is carried out in a state survives a crash of the process at once and a
power cut only after `sync`.

Invariant: after `crash` the storage is dead: it answers nobody, and everything not durable is
gone from its disk. `MemoryStorage(disk)` then opens what is left.

Absent: torn writes, bit rot and a full disk; the simulator adds those around it. `fail` is the
one fault built in, for a log that must refuse.
"""

import asyncio
from collections.abc import Sequence

from plait.base.errors import (
    Closed,
    FolderInUse,
    HistoryTrimmed,
    NoSuchCollection,
    PlaitError,
)
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    Done,
    DropRescued,
    LineExtent,
    LogWrite,
    PutHardState,
    RescuedSuffix,
    ResetLine,
    TrimPrefix,
)
from plait.host.extents import NEW_LINE, Extents, extent_after
from plait.host.memory_state import MemoryState, StateDisk


class LogDisk:
    """What a crash leaves of a log."""

    def __init__(self) -> None:
        self.extents: dict[str, LineExtent] = {}
        self.rows: dict[str, dict[int, bytes]] = {}  # by position
        self.rescued: dict[int, tuple[RescuedSuffix, list[bytes]]] = {}
        self.rescued_next = 1

    def apply(self, write: LogWrite) -> None:
        """Carry out one write."""
        if isinstance(write, DropRescued):
            self.rescued.pop(write.rescued, None)
            return
        before = self.extents.get(write.line, NEW_LINE)
        after = self.extents[write.line] = extent_after(before, write)
        rows = self.rows.setdefault(write.line, {})
        match write:
            case AppendRows(start=start, rows=data):
                rows.update(enumerate(data, start))
            case CutSuffix(line=line, rescue=note):
                cut = [rows.pop(position) for position in range(after.tail, before.tail)]
                if note is not None and cut:
                    self._rescue(line, after.tail, cut, note)
            case TrimPrefix():
                for position in range(before.head, after.head):
                    del rows[position]
            case ResetLine():
                rows.clear()
            case PutHardState():
                pass  # it is in the extent

    def _rescue(self, line: str, start: int, rows: list[bytes], note: bytes) -> None:
        number, self.rescued_next = self.rescued_next, self.rescued_next + 1
        size = sum(map(len, rows))
        self.rescued[number] = (RescuedSuffix(number, line, start, len(rows), size, note), rows)


class MemoryDisk:
    """What outlives a storage: the log, the states, and who has it open."""

    def __init__(self) -> None:
        self.log = LogDisk()
        self.states: dict[str, StateDisk] = {}
        self.holder: MemoryStorage | None = None


class MemoryLog:
    """The LogStorage port over a `LogDisk`."""

    def __init__(self, disk: LogDisk, loop: asyncio.AbstractEventLoop) -> None:
        self.read_only: PlaitError | None = None
        self.suspect: str | None = None
        self._disk = disk
        self._loop = loop
        self._planned = Extents(disk.extents)
        self._queue: list[tuple[tuple[LogWrite, ...], Done]] = []
        self._closed = False

    def lines(self) -> dict[str, LineExtent]:
        """Every line on disk."""
        return dict(self._disk.extents)

    def read(self, line: str, start: int, stop: int, bytes_max: int) -> list[bytes]:
        """Durable rows from `start`, before `stop`, up to `bytes_max` but at least one."""
        self._check()
        extent = self._disk.extents.get(line, NEW_LINE)
        if start < extent.head:
            raise HistoryTrimmed(
                f"line {line!r} begins at {extent.head}, not at {start}", head=extent.head
            )
        found: list[bytes] = []
        size = 0
        for position in range(start, min(stop, extent.tail)):
            row = self._disk.rows[line][position]
            size += len(row)
            if found and size > bytes_max:
                break
            found.append(row)
        return found

    def submit(self, writes: Sequence[LogWrite], done: Done) -> None:
        """Queue writes for the loop's next turn; `UsageError` at once for impossible ones."""
        self._check()
        if self.read_only is not None:
            self._loop.call_soon(done, self.read_only)
            return
        batch = tuple(writes)
        self._planned.follow(batch)
        self._queue.append((batch, done))
        if len(self._queue) == 1:
            self._loop.call_soon(self._commit)

    def rescued(self) -> list[RescuedSuffix]:
        """Every suffix kept, oldest first."""
        self._check()
        return [suffix for suffix, _ in self._disk.rescued.values()]

    def read_rescued(self, rescued: int) -> list[bytes]:
        """The rows of one rescued suffix; `NoSuchCollection` if there is none."""
        self._check()
        if rescued not in self._disk.rescued:
            raise NoSuchCollection(f"there is no rescued suffix {rescued}")
        return list(self._disk.rescued[rescued][1])

    def fail(self, error: PlaitError) -> None:
        """From now on, what is queued and what is submitted fails with `error`."""
        self.read_only = error

    async def recover(self) -> None:
        """Leave read-only mode: a failure here is over when the test says so."""
        self._commit()
        self.read_only = None

    async def trust(self, writes: Sequence[LogWrite]) -> None:
        """Go on with a suspect log after `writes`."""
        self.suspect = None
        await self.recover()
        for write in writes:
            self._disk.apply(write)
        self._planned = Extents(self._disk.extents)

    def close(self, *, drain: bool = True) -> None:
        """Carry out what is queued, or drop it in silence; then refuse everything."""
        if drain:
            self._commit()
        self._closed = True
        self._queue.clear()

    def _commit(self) -> None:
        queue, self._queue = self._queue, []
        error = self.read_only
        if error is None:
            for writes, _ in queue:
                for write in writes:
                    self._disk.apply(write)
        else:
            self._planned = Extents(self._disk.extents)
        for _, done in queue:
            done(error)

    def _check(self) -> None:
        if self._closed:
            raise Closed("the storage is closed")


class MemoryStorage:
    """One node's disk in memory; open it inside the loop that will use it."""

    def __init__(self, disk: MemoryDisk | None = None) -> None:
        self.disk = disk or MemoryDisk()
        if self.disk.holder is not None:
            raise FolderInUse("this disk is in use by another storage of this process")
        self.disk.holder = self
        self._loop = asyncio.get_running_loop()
        self.log = MemoryLog(self.disk.log, self._loop)
        self._states: dict[str, MemoryState] = {}

    def state(self, line: str) -> MemoryState:
        """Open (or create) the state of a line; the same object on every call."""
        if self.disk.holder is not self:
            raise Closed("the storage is closed")
        if line not in self._states:
            disk = self.disk.states.setdefault(line, StateDisk())
            self._states[line] = MemoryState(line, disk, self._loop)
        return self._states[line]

    async def drop_state(self, line: str) -> None:
        """Remove a line's state for good."""
        self.state(line).close()
        del self._states[line], self.disk.states[line]

    async def recover(self) -> None:
        """Leave read-only mode."""
        await self.log.recover()

    async def close(self) -> None:
        """Finish all that is queued and release the disk; idempotent."""
        self._leave(drain=True)

    def crash(self, *, power_cut: bool = True) -> None:
        """Die at once: nobody is answered, what is not durable is lost.

        Without `power_cut` only the process dies, and finished state transactions survive.
        """
        held = self.disk.holder is self
        self._leave(drain=False)
        if held and power_cut:
            for disk in self.disk.states.values():
                disk.lose_unsynced()

    def _leave(self, *, drain: bool) -> None:
        if self.disk.holder is not self:
            return
        self.log.close(drain=drain)
        for state in self._states.values():
            state.close(drain=drain)
        self.disk.holder = None
