"""The StateStorage port with no disk: an ordered map, with what a power cut would take back.

Invariant: `StateDisk.undo`, applied from its end, turns `spaces` into what was last synced.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Collection, Sequence

import msgspec

from plait.base.codec import checksum as crc32
from plait.base.errors import Closed, Corrupt, UnknownFormat
from plait.base.ports import Change, Done, IncomingSnapshot

_Pairs = list[tuple[int, bytes, bytes]]


class Space:
    """The pairs of one space."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self._keys: list[bytes] | None = []  # those of `values`, sorted; None: when it is wanted

    @property
    def keys(self) -> list[bytes]:
        """The keys in order."""
        if self._keys is None:
            self._keys = sorted(self.values)
        return self._keys

    def put(self, key: bytes, value: bytes | None) -> bytes | None:
        """Set or remove; the value before."""
        before = self.values.get(key)
        if value is None:
            if before is not None:
                del self.values[key]
                self._keys = None
            return before
        if before is None:
            self._keys = None
        self.values[key] = value
        return before


class StateDisk:
    """What outlives a storage of one line's state."""

    def __init__(self) -> None:
        self.spaces: dict[int, Space] = {}
        self.undo: list[Change] = []
        self.received: dict[str, bytearray] = {}

    def put(self, space: int, key: bytes, value: bytes | None) -> None:
        """Apply one change, unsynced."""
        before = self.spaces.setdefault(space, Space()).put(key, value)
        self.undo.append((space, key, before))

    def lose_unsynced(self) -> None:
        """The power goes out."""
        for space, key, value in reversed(self.undo):
            self.spaces[space].put(key, value)
        self.undo.clear()

    def replace(self, pairs: _Pairs) -> None:
        """Hold these pairs and nothing else, synced."""
        self.spaces.clear()
        for space, key, value in pairs:
            self.put(space, key, value)
        self.undo.clear()

    def copied(self) -> "StateDisk":
        """Another one with the same on it."""
        copy = StateDisk()
        copy.replace(self.pairs())
        copy.undo = list(self.undo)
        return copy

    def pairs(self) -> _Pairs:
        """Everything, in order."""
        return [
            (number, key, space.values[key])
            for number, space in sorted(self.spaces.items())
            for key in space.keys
        ]


class MemorySnapshot:
    """The Snapshot port over bytes."""

    def __init__(self, data: bytes) -> None:
        self.checksum = crc32(data)
        self.size = len(data)
        self.snapshot_id = f"{self.checksum:08x}{self.size:016x}"
        self._data: bytes | None = data

    def read(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset`."""
        if self._data is None:
            raise Closed(f"the snapshot {self.snapshot_id} is closed")
        return self._data[offset : offset + count]

    def close(self) -> None:
        """Forget the copy."""
        self._data = None


class MemoryIncoming:
    """The IncomingSnapshot port over bytes kept on the disk."""

    def __init__(self, disk: StateDisk, snapshot_id: str) -> None:
        self._disk = disk
        self._snapshot_id = snapshot_id
        self.received = len(disk.received.setdefault(snapshot_id, bytearray()))

    def write(self, data: bytes) -> None:
        """Append the next bytes."""
        if self._snapshot_id not in self._disk.received:
            raise Closed("this incoming snapshot was installed or dropped")
        self._disk.received[self._snapshot_id] += data
        self.received += len(data)

    def take(self) -> bytes:
        """All that was received, which is then forgotten."""
        return bytes(self._disk.received.pop(self._snapshot_id, b""))

    def discard(self) -> None:
        """Drop what there is; idempotent."""
        self._disk.received.pop(self._snapshot_id, None)


class MemoryState:
    """One line's state over a `StateDisk`."""

    def __init__(self, line: str, disk: StateDisk, loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._disk = disk
        self._loop = loop
        self._queue: list[tuple[Sequence[Change], Done]] = []
        self._closed = False

    def get(self, space: int, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        self._check()
        found = self._disk.spaces.get(space)
        return found.values.get(key) if found else None

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Up to `limit` pairs with start <= key < stop, in key order."""
        self._check()
        found = self._disk.spaces.get(space) or Space()
        low = bisect_left(found.keys, start)
        high = len(found.keys) if stop is None else bisect_left(found.keys, stop)
        high = max(low, high)
        if reverse:
            keys = found.keys[max(low, high - limit) : high][::-1]
        else:
            keys = found.keys[low : min(high, low + limit)]
        return [(key, found.values[key]) for key in keys]

    def count(self, space: int, without: Collection[bytes] = ()) -> int:
        """How many keys other than `without` the space holds."""
        self._check()
        found = self._disk.spaces.get(space) or Space()
        return len(found.keys) - sum(key in found.values for key in without)

    def submit(self, changes: Sequence[Change], done: Done) -> None:
        """Apply all changes in one transaction, at the loop's next turn."""
        self._check()
        self._queue.append((changes, done))
        if len(self._queue) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        queue, self._queue = self._queue, []
        for changes, _ in queue:
            for space, key, value in changes:
                self._disk.put(space, key, value)
        for _, done in queue:
            done(None)

    async def sync(self) -> None:
        """Make every finished transaction safe from a power cut."""
        await self._turn()
        self._disk.undo.clear()

    async def snapshot(self) -> MemorySnapshot:
        """Copy the whole state as of the last finished transaction."""
        await self._turn()
        return MemorySnapshot(msgspec.msgpack.encode(self._disk.pairs()))

    def incoming(self, snapshot_id: str) -> MemoryIncoming:
        """Begin or resume receiving a snapshot; drops what was received of others."""
        self._check()
        for other in [each for each in self._disk.received if each != snapshot_id]:
            del self._disk.received[other]
        return MemoryIncoming(self._disk, snapshot_id)

    async def install(self, incoming: IncomingSnapshot, size: int, checksum: int) -> None:
        """Replace the state by the received copy; `Corrupt` drops it instead."""
        assert isinstance(incoming, MemoryIncoming)
        await self._turn()
        data = incoming.take()
        if (len(data), crc32(data)) != (size, checksum):
            raise Corrupt(f"a snapshot of {size} bytes arrived with {len(data)}, or was changed")
        try:
            pairs = msgspec.msgpack.decode(data, type=_Pairs)
        except msgspec.DecodeError as error:
            raise UnknownFormat(f"a snapshot arrived that is no state: {error}") from None
        self._disk.replace(pairs)

    async def clear(self) -> None:
        """Remove everything."""
        await self._turn()
        self._disk.replace([])

    def close(self, *, drain: bool = True) -> None:
        """Carry out what is queued, or drop it in silence; then refuse everything."""
        if drain:
            self._flush()
        self._closed = True
        self._queue.clear()

    async def _turn(self) -> None:
        """One turn of the loop, in which what was queued before is carried out."""
        self._check()
        await asyncio.sleep(0)
        self._check()

    def _check(self) -> None:
        if self._closed:
            raise Closed(f"the state of line {self._line!r} is closed")
