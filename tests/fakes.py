"""Fakes of the ports that replicas see: a log, a state file and a clock, all in memory.

They do what the ports promise and nothing more, and they can be told to hold back or to fail.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

from plait.base.errors import HistoryTrimmed, PlaitError
from plait.base.ports import Change, Done
from plait.line.entry import Entry, Epoch, Kind
from plait.line.loglet import READ_BYTES, Tail

FIRST_EPOCH = Epoch(1, "a")


class FakeClock:
    """Time that stands still until a test moves it."""

    def __init__(self, wall_ms: int = 1000) -> None:
        self.now_ms = wall_ms

    def monotonic(self) -> float:
        return self.now_ms / 1000

    def wall_ms(self) -> int:
        return self.now_ms


class FakeState:
    """A state file; `hold` keeps flushes unfinished, `fail_with` makes them fail."""

    def __init__(self) -> None:
        self.spaces: dict[int, dict[bytes, bytes]] = {}
        self.flushes: list[list[Change]] = []
        self.flushed = asyncio.Event()  # set by the first flush that succeeds
        self.hold = False
        self.fail_with: PlaitError | None = None
        self._held: list[tuple[list[Change], Done]] = []

    def get(self, space: int, key: bytes) -> bytes | None:
        return self.spaces.get(space, {}).get(key)

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        rows = sorted(self.spaces.get(space, {}).items(), reverse=reverse)
        return [(k, v) for k, v in rows if k >= start and (stop is None or k < stop)][:limit]

    def count(self, space: int, without: Collection[bytes] = ()) -> int:
        return len(self.spaces.get(space, {}).keys() - set(without))

    def submit(self, changes: Sequence[Change], done: Done) -> None:
        self._held.append((list(changes), done))
        if not self.hold:
            asyncio.get_running_loop().call_soon(self.release)

    def release(self) -> None:
        held, self._held = self._held, []
        for changes, done in held:
            if self.fail_with is None:
                self.write(changes)
                self.flushes.append(changes)
            done(self.fail_with)
            if self.fail_with is None:
                self.flushed.set()

    def write(self, changes: Sequence[Change]) -> None:
        for space, key, value in changes:
            if value is None:
                self.spaces.get(space, {}).pop(key, None)
            else:
                self.spaces.setdefault(space, {})[key] = value

    async def clear(self) -> None:
        self.spaces.clear()

    async def install(self, incoming: "FakeState", size: int, checksum: int) -> None:
        self.spaces = {space: dict(rows) for space, rows in incoming.spaces.items()}


class FakeLoglet:
    """A log whose committed tail a test can cut, as a promotion can."""

    def __init__(self, epoch: Epoch = FIRST_EPOCH) -> None:
        self.epoch = epoch
        self.entries: list[Entry] = []
        self.head = 0
        self.fail_with: Exception | None = None
        self.appends = 0
        self.gate: asyncio.Event | None = None  # holds appends back until it is set
        self.late: asyncio.Event | None = None  # holds their answers back until it is set
        self._changed = asyncio.Event()
        self._retracted: list[Callable[[Epoch, int], None]] = []

    @property
    def committed(self) -> int:
        return len(self.entries)

    async def append(self, entry: Entry) -> int:
        self.appends += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fail_with is not None:
            raise self.fail_with
        position = self.add(entry)
        if self.late is not None:
            await self.late.wait()
        return position

    def add(self, entry: Entry) -> int:
        """Commit an entry at once, as if another node had appended it."""
        index = self.entries[-1].records_end if self.entries else 0
        self.entries.append(entry.stamped(self.epoch, index))
        self._changed.set()
        self._changed = asyncio.Event()
        return len(self.entries) - 1

    def cut(self, position: int, epoch: Epoch) -> None:
        """A promotion to `epoch` cuts the log at `position` and opens with an epoch entry."""
        del self.entries[position:]
        self.epoch = epoch
        self.add(Entry(b"", records=0, kind=Kind.EPOCH))
        for callback in self._retracted:
            callback(epoch, position)

    async def check_tail(self) -> Tail:
        return Tail(self.committed, False)

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        if start < self.head:
            raise HistoryTrimmed("trimmed", head=self.head)
        await asyncio.sleep(0)
        found: list[Entry] = []
        for entry in self.entries[start:stop]:
            bytes_max -= len(entry.payload)
            if found and bytes_max < 0:
                break
            found.append(entry)
        return found

    async def wait(self, position: int) -> Tail:
        while self.committed <= position:
            await self._changed.wait()
        return Tail(self.committed, False)

    async def trim(self, before: int) -> None:
        self.head = max(self.head, min(before, self.committed))

    async def seal(self) -> int:
        return self.committed

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        self._retracted.append(callback)

    async def close(self) -> None: ...


class DictView:
    """A `View` on plain dicts."""

    def __init__(self) -> None:
        self.state = FakeState()

    def get(self, space: int, key: bytes) -> bytes | None:
        return self.state.get(space, key)

    def put(self, space: int, key: bytes, value: bytes | None) -> None:
        self.state.write([(space, key, value)])

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        return self.state.scan(space, start, stop, limit, reverse)
