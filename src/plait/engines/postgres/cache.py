"""Cache: entries that this node appended or read not long ago, by position.

Other nodes append in between, so there are gaps, which are read from the server; what is here is
committed and never changes. Invariant: at most `bytes_max` of payload, or a single entry.
"""

from plait.line.entry import Entry


class Cache:
    """The newest entries by when they were put in."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._entries: dict[int, Entry] = {}
        self._trimmed = 0  # nothing below is here

    def put(self, position: int, entry: Entry) -> None:
        """`entry` stands at `position`."""
        if position in self._entries or position < self._trimmed:
            return
        self._entries[position] = entry
        self._bytes += len(entry.payload)
        while self._bytes > self._bytes_max and len(self._entries) > 1:
            self._drop(next(iter(self._entries)))

    def run(self, start: int, stop: int, bytes_max: int) -> list[Entry]:
        """Consecutive entries from `start` as far as they are here; the first, more by size."""
        found: list[Entry] = []
        for position in range(start, stop):
            entry = self._entries.get(position)
            if entry is None:
                break
            bytes_max -= len(entry.payload)
            if found and bytes_max < 0:
                break
            found.append(entry)
        return found

    def gap(self, start: int, stop: int) -> int:
        """Where the first entry from `start` on is that is here, or `stop`."""
        return next((at for at in range(start, stop) if at in self._entries), stop)

    def trim(self, before: int) -> None:
        """Forget positions below `before`."""
        if before > self._trimmed:
            self._trimmed = before
            for position in [each for each in self._entries if each < before]:
                self._drop(position)

    def _drop(self, position: int) -> None:
        self._bytes -= len(self._entries.pop(position).payload)
