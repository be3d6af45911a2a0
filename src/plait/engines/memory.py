"""Memory: the simplest correct loglet, the model for all others.

Source: the loglet port (`plait.line.loglet`). Absent on purpose: durability, bounds, other nodes.
"""

from collections.abc import Callable

from plait.base.errors import Closed, HistoryTrimmed, Sealed
from plait.engines.waiters import Waiters
from plait.line.entry import Entry, Epoch
from plait.line.loglet import BEGINNING, READ_BYTES, Origin, Tail


class MemoryLoglet:
    """A log in a list. An append is committed the moment it is made."""

    def __init__(self, origin: Origin = BEGINNING) -> None:
        self._epoch = Epoch(origin.epoch + 1, "memory")
        self._entries: list[Entry] = []  # those at head, head + 1, ...
        self._head = origin.position
        self._records = origin.records  # records below the tail
        self._sealed = False
        self._closed = False
        self._waiters = Waiters()

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        return self._head

    @property
    def committed(self) -> int:
        """The tail."""
        return self._head + len(self._entries)

    async def append(self, entry: Entry) -> int:
        """The position of `entry`, or `Sealed`."""
        self._check_open()
        if self._sealed:
            raise Sealed(f"the loglet is sealed at {self.committed}")
        position = self.committed
        self._entries.append(entry.stamped(self._epoch, self._records))
        self._records += entry.records
        self._waiters.passed(self.committed)
        return position

    async def check_tail(self) -> Tail:
        """The tail and whether it is final."""
        self._check_open()
        return Tail(self.committed, self._sealed)

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Entries from `start`, before `stop`; at least one if there is one."""
        self._check_open()
        if start < self._head:
            raise HistoryTrimmed(f"position {start} is below {self._head}", head=self._head)
        found: list[Entry] = []
        for entry in self._entries[start - self._head : max(0, stop - self._head)]:
            bytes_max -= len(entry.payload)
            if found and bytes_max < 0:
                break
            found.append(entry)
        return found

    async def wait(self, position: int) -> Tail:
        """Return once the tail exceeds `position`, or no more appends can come."""
        self._check_open()
        if self.committed <= position and not self._sealed:
            await self._waiters.sleep(position)
        return Tail(self.committed, self._sealed)

    async def trim(self, before: int) -> None:
        """Forget entries below `before`, at most all there are."""
        self._check_open()
        before = min(before, self.committed)
        if before > self._head:
            del self._entries[: before - self._head]
            self._head = before

    async def seal(self) -> int:
        """Refuse every later append; the final tail."""
        self._check_open()
        self._sealed = True
        self._waiters.wake_all()
        return self.committed

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Never called: what is committed here stays so."""

    async def close(self) -> None:
        """Refuse every later call; those that wait raise `Closed`."""
        self._closed = True
        self._waiters.fail(Closed("the loglet is closed"))

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the loglet is closed")
