"""What the deletions that a walker met deleted.

Invariants: `_starts` (LVs) is sorted and the runs do not overlap. A run of size n deleted the items
from its target on; one of size -n (backspace) those from its target down.
"""

from bisect import bisect_right

from plait.types.walker.records import NONE, Record, Records


class Deletions:
    """Runs of deletions by LV; marks stand among them, and deleted nothing (`NONE`)."""

    __slots__ = ("_sizes", "_starts", "_targets")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._sizes: list[int] = []
        self._targets: list[int] = []

    def add(self, lv: int, record: Record, backwards: bool) -> None:
        """A deletion deleted a record."""
        if backwards and record.size > 1:  # a single item goes either way
            self._add(lv, record.id + record.size - 1, -record.size)
        else:
            self._add(lv, record.id, record.size)

    def add_mark(self, lv: int) -> None:
        """An event is neither an insertion nor a deletion."""
        self._add(lv, NONE, 1)

    def _add(self, lv: int, target: int, size: int) -> None:
        starts = self._starts
        if not starts or lv > starts[-1]:
            starts.append(lv)
            self._sizes.append(size)
            self._targets.append(target)
            return
        index = bisect_right(starts, lv)
        starts.insert(index, lv)
        self._sizes.insert(index, size)
        self._targets.insert(index, target)

    def shift(self, records: Records, low: int, high: int, by: int) -> None:
        """Retreat (by -1) or advance (by 1) the events of a range: insertions, and what was
        deleted. In which order does not matter: states are sums."""
        starts, sizes = self._starts, self._sizes
        index = bisect_right(starts, low) - 1
        if index < 0 or starts[index] + abs(sizes[index]) <= low:
            index += 1
        while low < high:
            start = starts[index] if index < len(starts) else high
            if start >= high:
                records.shift(low, high - low, by)
                return
            if low < start:
                records.shift(low, start - low, by)
                low = start
            size, item = sizes[index], self._targets[index]
            stop = min(start + abs(size), high)
            if item != NONE:
                first = item + low - start if size > 0 else item + start + 1 - stop
                records.shift(first, stop - low, by)
            low = stop
            index += 1
