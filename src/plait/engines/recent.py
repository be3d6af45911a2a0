"""Recent: the newest committed entries of a line, in memory, so that who follows the tail does not
touch the disk.

Invariant: holds exactly the positions [start, end), and at most `bytes_max` of rows unless it
holds a single one.
"""

from plait.line.entry import Entry


class Recent:
    """A window that ends at the committed tail; begins empty at `position`."""

    def __init__(self, position: int, bytes_max: int) -> None:
        self.start = self.end = position
        self._bytes_max = bytes_max
        self._bytes = 0  # sum of the sizes held
        self._entries: dict[int, tuple[Entry, int]] = {}

    def add(self, entry: Entry, size: int) -> None:
        """`entry`, of `size` bytes, is committed at `end`."""
        self._entries[self.end] = (entry, size)
        self.end += 1
        self._bytes += size
        while self._bytes > self._bytes_max and self.end - self.start > 1:
            self._drop_first()

    def read(self, start: int, stop: int, bytes_max: int) -> list[Entry]:
        """Entries in [start, stop), which it must hold; the first, and more up to `bytes_max`."""
        found: list[Entry] = []
        for position in range(start, stop):
            entry, _ = self._entries[position]
            bytes_max -= len(entry.payload)
            if found and bytes_max < 0:
                break
            found.append(entry)
        return found

    def trim(self, before: int) -> None:
        """Forget positions below `before`, which is at most `end`."""
        while self.start < before:
            self._drop_first()

    def _drop_first(self) -> None:
        self._bytes -= self._entries.pop(self.start)[1]
        self.start += 1
