"""The Storage port of a simulated machine: the twin in memory, made slow and unreliable.

A commit takes the time of an fsync, during which what is submitted waits for the next; a commit
that a crash interrupts is on the disk or is not, as chance has it, and nobody was told. A failed
fsync poisons the log until `recover`, as the real log's does. States survive the death of a
process, and a power cut as far as they were synced. Damage shows when the disk is opened again: the
log is suspect then, and may have lost its newest rows and records of every line. A read that comes
from elsewhere, or from before (*misdirected*, *stale*), fails the check that every row and value
has, and is good the next time; a row that *rots* fails whenever it is read. While a disk is
`stalled`, fsyncs begin and do not end.

Source of the promises: `host.durable_log`, `host.log_opening`, `host.log_reader`. Absent: bytes.
Torn frames, flipped bits and misdirected writes are tried on the real log, whose frames they meet
(`tests/unit`), and on SQLite (`sqlite_disk`).
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import msgspec

from plait.base.errors import Closed, Corrupt, DiskFull, PlaitError, StorageError
from plait.base.ports import AppendRows, Change, CutSuffix, Done, LineExtent, LogWrite, PutHardState
from plait.engines.graph.identity import is_graph_line
from plait.host.extents import Extents
from plait.host.memory_state import MemoryState, StateDisk
from plait.host.memory_storage import LogDisk, MemoryDisk, MemoryLog, MemoryStorage
from plait.sim.chance import exponential
from plait.sim.process import Process
from plait.sim.trace import Trace


class DiskRules(msgspec.Struct, frozen=True):
    """How a disk behaves; drawn once for a world."""

    sync_s: float = 0.0005  # of a commit, at least
    sync_jitter_s: float = 0.0003  # exponential, on top
    stall: float = 0.0  # chance that a commit takes `stall_s`
    stall_s: float = 0.5
    write_s: float = 0.0001  # of a state's transaction


class SimDisk(MemoryDisk):
    """What outlives a process: a `MemoryDisk`, and what is wrong with it."""

    def __init__(self, rules: DiskRules, random: Random, name: str, trace: Trace) -> None:
        super().__init__()
        self.rules = rules
        self.random = random
        self.name = name
        self.trace = trace
        self.full = False  # nothing can be written
        self.failing = 0  # so many commits fail from now on
        self.damage: str | None = None  # why the log is suspect when it is opened next
        self.older: dict[str, bytes | None] = {}  # each line's hard state before the last
        self.files: dict[str, bytes] = {}  # of states that are SQLite's, by path in the folder
        self.bad_reads = 0  # so many reads fail from now on
        self.rotten: set[tuple[str, int]] = set()  # rows that cannot be read
        self.stalled = False
        self._parked: list[tuple[Process, Callable[[], object]]] = []  # ends of fsyncs

    def commit_s(self) -> float:
        """How long the next commit takes."""
        rules = self.rules
        seconds = rules.sync_s + exponential(self.random, rules.sync_jitter_s)
        if rules.stall and self.random.random() < rules.stall:
            seconds += rules.stall_s
        return seconds

    def copied(self) -> "SimDisk":
        """Another one with the same on it, and nothing wrong with it."""
        copy = SimDisk(self.rules, Random(self.random.getrandbits(64)), self.name, self.trace)
        copy.log = copy_of(self.log)
        copy.states = {line: one.copied() for line, one in self.states.items()}
        copy.older = dict(self.older)
        copy.files = dict(self.files)
        return copy

    def stall(self) -> None:
        """From now on no fsync ends."""
        self.stalled = True

    def go_on(self) -> None:
        """What was stalled ends now."""
        self.stalled = False
        parked, self._parked = self._parked, []
        for process, end in parked:
            process.soon(end)

    def park(self, process: Process, end: Callable[[], object]) -> None:
        """Let an fsync of a process end when the disk goes on."""
        assert self.stalled
        self._parked.append((process, end))

    def check_read(self, what: str) -> None:
        """Raise what a bad read is found out as."""
        if self.bad_reads:
            self.bad_reads -= 1
            kind = self.random.choice(("input/output error", "misdirected", "stale"))
            self.trace.note("bad read", self.name, f"{kind}: {what}")
            if kind == "input/output error":
                raise StorageError(f"{what}: {kind}")
            raise Corrupt(f"{what} fails its checksum")

    def apply(self, group: Sequence[LogWrite]) -> None:
        """Carry out one commit."""
        for write in group:
            if isinstance(write, PutHardState):
                extent = self.log.extents.get(write.line)
                self.older[write.line] = None if extent is None else extent.hard_state
            self.log.apply(write)
            rows = write.rows if isinstance(write, AppendRows) else ()
            if self.rotten and isinstance(write, AppendRows):
                self.rotten -= {(write.line, write.start + index) for index in range(len(rows))}
            start = getattr(write, "start", 0)
            self.trace.feel(self.name, type(write).__name__, start, len(rows))

    def rot_row(self) -> tuple[str, int] | None:
        """Let a row rot where it lies, of a line whose rows others have; which, if there is one."""
        found = [
            (line, self.random.randrange(extent.head, extent.tail))
            for line, extent in self.log.extents.items()
            if extent.tail > extent.head and not is_graph_line(line)
        ]
        if not found:
            return None
        row = self.random.choice(found)
        self.rotten.add(row)
        return row

    def _rotten_still(self) -> bool:
        extents = self.log.extents
        return any(
            line in extents and extents[line].head <= position < extents[line].tail
            for line, position in self.rotten
        )

    def opened(self) -> None:
        """A process opens it, and reads the whole log: what had rotted is found."""
        if self.damage is None and self._rotten_still():
            self.rot()
        self.rotten.clear()

    def rot(self) -> None:
        """Lose the newest part of the log, of some lines at least, and have it found out."""
        for line, extent in list(self.log.extents.items()):
            kept = extent.tail
            if extent.tail > extent.head:
                kept -= self.random.randrange(min(extent.tail - extent.head, 20) + 1)
            if kept < extent.tail:
                self.log.apply(CutSuffix(line, kept))
            if self.random.random() < 0.5 and self.older.get(line) is not None:
                found = self.log.extents[line]
                self.log.extents[line] = LineExtent(found.head, found.tail, self.older[line])
        self.damage = "a frame is bad, but a later one stands behind it"


class SimLog(MemoryLog):
    """The log: one commit at a time, each of all that waits."""

    def __init__(self, disk: SimDisk, loop: asyncio.AbstractEventLoop, process: Process) -> None:
        super().__init__(disk.log, loop)
        disk.opened()
        self.suspect = disk.damage
        if self.suspect is not None:
            self.read_only = Corrupt(f"the log is suspect: {self.suspect}")
        self._sim = disk
        self._process = process
        self._group: list[tuple[tuple[LogWrite, ...], Done]] = []  # being committed

    def read(self, line: str, start: int, stop: int, bytes_max: int) -> list[bytes]:
        """See `LogStorage`."""
        found = super().read(line, start, stop, bytes_max)
        if found:
            self._sim.check_read(f"row {start} of line {line!r}")
            for position in range(start, start + len(found)) if self._sim.rotten else ():
                if (line, position) in self._sim.rotten:
                    self._sim.trace.note("bad read", self._sim.name, f"rotten: {position}, {line}")
                    raise Corrupt(f"row {position} of line {line!r} fails its checksum")
        return found

    def submit(self, writes: Sequence[LogWrite], done: Done) -> None:
        """See `LogStorage`."""
        self._check()
        if self.read_only is not None:
            self._loop.call_soon(done, self.read_only)
            return
        batch = tuple(writes)
        self._planned.follow(batch)
        self._queue.append((batch, done))
        if not self._group:
            self._begin()

    async def recover(self) -> None:
        """Leave read-only mode, if the disk lets us; raises why not."""
        if self.suspect is not None:
            raise Corrupt(f"the log is suspect: {self.suspect}")
        if self._sim.full:
            raise DiskFull("there is still no space")
        if self._sim.failing:
            raise StorageError("the disk still fails")
        self._planned = Extents(self._disk.extents)
        self.read_only = None

    async def trust(self, writes: Sequence[LogWrite]) -> None:
        """See `LogStorage`."""
        damage, self.suspect = self.suspect, None
        try:
            await self.recover()
        except BaseException:
            self.suspect = damage  # a disk that still fails is as damaged as it was
            raise
        self._sim.damage = None
        self._sim.apply(writes)
        self._planned = Extents(self._disk.extents)

    def close(self, *, drain: bool = True) -> None:
        """See `MemoryLog`; a commit under way is finished, or cut short by a crash."""
        group, self._group = self._group, []
        if group and self.read_only is None and (drain or self._sim.random.random() < 0.5):
            for writes, _ in group:
                self._sim.apply(writes)
        if drain:
            for writes, done in self._queue:
                if self.read_only is None:
                    self._sim.apply(writes)
                done(self.read_only)
            for _, done in group:
                done(self.read_only)
        self._closed = True
        self._queue.clear()

    def _begin(self) -> None:
        self._group, self._queue = self._queue, []
        now = self._loop.time()
        self._process.at(now + self._sim.commit_s(), self._finish)

    def _finish(self) -> None:
        if not self._group:
            return  # closed meanwhile
        if self._sim.stalled:
            self._sim.park(self._process, self._finish)
            return
        group, self._group = self._group, []
        error = self._refusal()
        if error is not None:
            self.read_only = error
            waiting, self._queue = self._queue, []
            self._planned = Extents(self._disk.extents)
            self._sim.trace.note("refused", self._sim.name, f"commit: {error}")
            for _, done in [*group, *waiting]:
                done(error)
            return
        for writes, _ in group:
            self._sim.apply(writes)
        if self._queue:
            self._begin()
        for _, done in group:
            done(None)

    def _refusal(self) -> PlaitError | None:
        if self._sim.full:
            return DiskFull("no space left on the disk")
        if self._sim.failing:
            self._sim.failing -= 1
            return StorageError("fsync: input/output error")
        return None


class SimState(MemoryState):
    """One line's state: transactions take a moment."""

    def __init__(
        self,
        line: str,
        disk: StateDisk,
        sim: SimDisk,
        loop: asyncio.AbstractEventLoop,
        process: Process,
    ) -> None:
        super().__init__(line, disk, loop)
        self._sim = sim
        self._process = process

    def get(self, space: int, key: bytes) -> bytes | None:
        """See `StateStorage`."""
        if self._sim.bad_reads:
            self._sim.check_read(f"key {key!r} of the state of line {self._line!r}")
        return super().get(space, key)

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """See `StateStorage`."""
        if self._sim.bad_reads:
            self._sim.check_read(f"the state of line {self._line!r} from {start!r}")
        return super().scan(space, start, stop, limit, reverse)

    def submit(self, changes: Sequence[Change], done: Done) -> None:
        """See `StateStorage`."""
        self._check()
        self._queue.append((changes, done))
        if len(self._queue) == 1:
            self._process.at(self._loop.time() + self._sim.rules.write_s, self._transact)

    def _transact(self) -> None:
        if self._sim.full and not self._closed:
            queue, self._queue = self._queue, []
            for _, done in queue:
                done(DiskFull("no space left on the disk"))
            return
        self._flush()

    async def clear(self) -> None:
        """See `StateStorage`; it takes as long as a commit of the log: a crash may come first."""
        await asyncio.sleep(self._sim.commit_s())
        await super().clear()

    async def sync(self) -> None:
        """See `StateStorage`."""
        self._check()
        await asyncio.sleep(self._sim.commit_s())
        while self._sim.stalled:
            ended: asyncio.Future[None] = self._loop.create_future()
            self._sim.park(self._process, partial(_end, ended))
            await ended
        self._check()
        self._disk.undo.clear()


def _end(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


class SimStorage(MemoryStorage):
    """One machine's folder, as the process that has it open sees it."""

    def __init__(self, disk: SimDisk, process: Process) -> None:
        super().__init__(disk)
        self._process = process
        self._sim = disk
        self.log = SimLog(disk, self._loop, process)

    def state(self, line: str) -> MemoryState:
        """See `Storage`."""
        if line not in self._states:
            if self.disk.holder is not self:
                raise Closed("the storage is closed")
            disk = self.disk.states.setdefault(line, StateDisk())
            self._states[line] = SimState(line, disk, self._sim, self._loop, self._process)
        return self._states[line]


def copy_of(disk: LogDisk) -> LogDisk:
    """The same log on another disk."""
    copy = LogDisk()
    copy.extents = dict(disk.extents)
    copy.rows = {line: dict(rows) for line, rows in disk.rows.items()}
    copy.rescued = dict(disk.rescued)
    copy.rescued_next = disk.rescued_next
    return copy
