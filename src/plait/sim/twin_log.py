"""A log that a twin of a shared engine keeps: every act is one turn at the server.

Invariant: what was appended stands at its position for good, and nothing comes after a seal.
"""

from collections.abc import Callable

from plait.base.errors import HistoryTrimmed, Sealed
from plait.line.entry import Entry, Epoch
from plait.line.loglet import Origin, Tail


class TwinLog:
    """Entries from where it begins, and who is told when there are more."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.head = origin.position
        self.entries: list[Entry] = []  # those at head, head + 1, ...
        self.sealed = False
        self.listeners: list[Callable[[], None]] = []
        self._epoch = Epoch(origin.epoch + 1, "twin")
        self._records = origin.records  # below the tail

    @property
    def tail(self) -> Tail:
        """Where it ends, and whether for good."""
        return Tail(self.head + len(self.entries), self.sealed)

    def append(self, entry: Entry) -> int:
        """The position of `entry`, or `Sealed`."""
        if self.sealed:
            raise Sealed(f"the log is sealed at {self.tail.position}", tail=self.tail.position)
        self.entries.append(entry.stamped(self._epoch, self._records))
        self._records += entry.records
        self._changed()
        return self.tail.position - 1

    def read(self, start: int, stop: int, bytes_max: int) -> list[Entry]:
        """Entries from `start`, before `stop`; at least one if there is one."""
        if start < self.head:
            raise HistoryTrimmed(f"position {start} is below {self.head}", head=self.head)
        found: list[Entry] = []
        for entry in self.entries[start - self.head : max(0, stop - self.head)]:
            bytes_max -= len(entry.payload)
            if found and bytes_max < 0:
                break
            found.append(entry)
        return found

    def trim(self, before: int) -> None:
        """Forget entries below `before`, at most all there are."""
        before = min(before, self.tail.position)
        if before > self.head:
            del self.entries[: before - self.head]
            self.head = before

    def seal(self) -> int:
        """Refuse every later append; the final tail."""
        self.sealed = True
        self._changed()
        return self.tail.position

    def _changed(self) -> None:
        for listener in list(self.listeners):
            listener()
