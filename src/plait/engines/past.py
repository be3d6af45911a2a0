"""Past: stands in a chain for a loglet that ended, and that is not open at this node.

Either the node has folded all of its entries and needs it no more, or it could not be reached
(`unread` says why): a copy of the state has what it held, or it is opened again one day. Whoever
wants its entries is told that they are gone here.
"""

from collections.abc import Callable

from plait.base.errors import HistoryTrimmed, PlaitError, Sealed
from plait.line.entry import Entry, Epoch
from plait.line.loglet import READ_BYTES, Tail


class PastLoglet:
    """A loglet that ended at `stop`; nothing of it can be read."""

    def __init__(self, stop: int, unread: PlaitError | None = None) -> None:
        self.unread = unread
        self.head = self.committed = stop

    async def append(self, entry: Entry) -> int:
        """Never again."""
        raise Sealed(f"it ended at {self.committed}")

    async def check_tail(self) -> Tail:
        """Where it ended."""
        return Tail(self.committed, True)

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Nothing: it is all below the head."""
        if start < self.head:
            raise HistoryTrimmed(f"position {start} is below {self.head}", head=self.head)
        return []

    async def wait(self, position: int) -> Tail:
        """It has ended."""
        return Tail(self.committed, True)

    async def trim(self, before: int) -> None:
        """It is trimmed."""

    async def seal(self) -> int:
        """It is sealed."""
        return self.committed

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Never called."""

    async def close(self) -> None:
        """Nothing is open."""
