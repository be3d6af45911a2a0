"""The retained batches on disk: blocks in the order of delivery, compressed, ids interned.

Only what lies beyond the scope's floor is held in memory as well (by `plait.graph.history`); a
collection that keeps its history for ever leaves the blocks below the floor on disk, where the
past is read from. So opening costs what is not stable yet, however long the history.

Invariant: the blocks in order, then `_fresh`, are every batch added since the beginning
(`complete`) or since a state was joined, less the blocks that were dropped. The order is a causally
legal one.
"""

import zlib
from collections.abc import Iterator

from plait.base.causality import Context, VersionVector, descends
from plait.base.errors import BadFrame, Corrupt
from plait.engines.graph.spaces import HISTORY
from plait.engines.overlay import Overlay
from plait.graph.event import Batch, decode_pack, encode_pack

BLOCK_OPS = 2048
_LEVEL = 3
_PAGE = 16


class Archive:
    """The blocks of one graph. `block` and `live` are those of `Place`."""

    def __init__(self, view: Overlay, forever: bool, block: int, live: int, complete: bool) -> None:
        self.complete = complete
        self.events = 0  # in live blocks, and fresh
        self.bytes = 0  # of live blocks
        self.block = block
        self._view = view
        self._forever = forever
        self._live: dict[int, tuple[VersionVector, int, int]] = {}  # vector, events, bytes
        self._fresh: list[Batch] = []
        self._tail: list[Batch] = []  # what the last block holds, while there is room in it
        self._first = live

    @property
    def live(self) -> int:
        """The first block that is not below the floor."""
        return min(self._live, default=self.block)

    def load(self) -> list[Batch]:
        """Every batch of the live blocks, to be restored. Raises `Corrupt`."""
        found: list[Batch] = []
        for number, batches, size in self._blocks(self._first):
            self._note(number, batches, size)
            found += batches
        return found

    def add(self, batch: Batch) -> None:
        """A batch was delivered."""
        self._fresh.append(batch)
        self.events += len(batch.ops)

    def save(self) -> None:
        """Put what is fresh into blocks."""
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return
        self.events -= sum(len(batch.ops) for batch in fresh)  # counted again by `_note`
        block: list[Batch] = self._tail
        number = self.block - 1 if block else self.block
        ops = sum(len(batch.ops) for batch in block)
        for batch in fresh:
            block.append(batch)
            ops += len(batch.ops)
            if ops >= BLOCK_OPS:
                self._put(number, block)
                number, block, ops = self.block, [], 0
        if block:
            self._put(number, block)
        self._tail = block

    def drop(self, floor: Context) -> None:
        """Batches that the floor covers are not needed for syncing any more."""
        if not self._forever:
            fresh = [b for b in self._fresh if b.last > floor.get(b.replica, 0)]
            self.events -= sum(len(b.ops) for b in self._fresh) - sum(len(b.ops) for b in fresh)
            self._fresh = fresh
        for number, (vector, events, size) in list(self._live.items()):
            if not descends(floor, vector):
                continue
            self.events -= events
            self.bytes -= size
            del self._live[number]
            if number == self.block - 1:
                self._tail = []
            if not self._forever:
                self._view.put(HISTORY, _key(number), None)
        if not self._forever and floor:
            self.complete = False
            kept = [b for b in self._tail if b.last > floor.get(b.replica, 0)]
            if kept and len(kept) < len(self._tail):  # the block that still grows is begun anew
                self._tail = kept
                self._put(self.block - 1, kept)

    def batches(self) -> Iterator[Batch]:
        """Everything that is kept, oldest first."""
        fresh = list(self._fresh)
        for _, batches, _ in self._blocks(0):
            yield from batches
        yield from fresh

    def _put(self, number: int, batches: list[Batch]) -> None:
        if number in self._live:
            _, events, size = self._live.pop(number)
            self.events -= events
            self.bytes -= size
        data = zlib.compress(encode_pack(batches), _LEVEL)
        self._view.put(HISTORY, _key(number), data)
        self.block = max(self.block, number + 1)
        self._note(number, batches, len(data))

    def _note(self, number: int, batches: list[Batch], size: int) -> None:
        vector = VersionVector()
        events = 0
        for batch in batches:
            vector.saw(batch.replica, batch.last)
            events += len(batch.ops)
        self._live[number] = (vector, events, size)
        self.events += events
        self.bytes += size

    def _blocks(self, first: int) -> Iterator[tuple[int, list[Batch], int]]:
        start = _key(first)
        while rows := self._view.scan(HISTORY, start, None, _PAGE):
            for key, data in rows:
                number = int.from_bytes(key, "big")
                try:
                    yield number, decode_pack(zlib.decompress(data)), len(data)
                except (zlib.error, BadFrame) as error:
                    raise Corrupt(f"block {number} of a history cannot be read: {error}") from error
            start = rows[-1][0] + b"\0"


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")
