"""The Storage port of a simulated machine: the twin in memory, made slow and unreliable.

A commit takes the time of an fsync, during which what is submitted waits for the next; a commit
that a crash interrupts is on the disk or is not, as chance has it, and nobody was told. A failed
fsync poisons the log until `recover`, as the real log's does. States survive the death of a
process, and a power cut as far as they were synced. Damage shows when the disk is opened again: the
log is suspect then, and may have lost its newest rows and records of every line.

Source of the promises: `host.durable_log`, `host.log_opening`. Absent: bytes. Torn frames, flipped
bits and misdirected writes are tried on the real log, whose frames they meet (`tests/unit`).
"""

import asyncio
from collections.abc import Sequence
from random import Random

import msgspec

from plait.base.errors import Closed, Corrupt, DiskFull, PlaitError, StorageError
from plait.base.ports import AppendRows, Change, CutSuffix, Done, LineExtent, LogWrite, PutHardState
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

    def commit_s(self) -> float:
        """How long the next commit takes."""
        rules = self.rules
        seconds = rules.sync_s + exponential(self.random, rules.sync_jitter_s)
        if rules.stall and self.random.random() < rules.stall:
            seconds += rules.stall_s
        return seconds

    def apply(self, group: Sequence[LogWrite]) -> None:
        """Carry out one commit."""
        for write in group:
            if isinstance(write, PutHardState):
                extent = self.log.extents.get(write.line)
                self.older[write.line] = None if extent is None else extent.hard_state
            self.log.apply(write)
            rows = write.rows if isinstance(write, AppendRows) else ()
            start = getattr(write, "start", 0)
            self.trace.feel(self.name, type(write).__name__, start, len(rows))

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
        self.suspect = disk.damage
        if self.suspect is not None:
            self.read_only = Corrupt(f"the log is suspect: {self.suspect}")
        self._sim = disk
        self._process = process
        self._group: list[tuple[tuple[LogWrite, ...], Done]] = []  # being committed

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
        self._sim.damage = self.suspect = None
        await self.recover()
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
        group, self._group = self._group, []
        if not group:
            return  # closed meanwhile
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

    async def sync(self) -> None:
        """See `StateStorage`."""
        self._check()
        await asyncio.sleep(self._sim.commit_s())
        self._check()
        self._disk.undo.clear()


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
