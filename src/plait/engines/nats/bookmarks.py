"""Bookmarks: places of a log whose record index is known, so that counting can begin there.

Messages do not say how many records stand before them, since many nodes append at once. Whoever
reads an older entry counts from the bookmark before it. Invariant: positions are distinct and
sorted, at most `count_max` of them; the first is the head, once it is known.
"""

from bisect import bisect_left, bisect_right

from plait.engines.nats.prefix import Mark

STRIDE = 256
COUNT_MAX = 4096


class Bookmarks:
    """Marks of one log. `stride` positions lie between two that are made in passing."""

    def __init__(self, count_max: int = COUNT_MAX) -> None:
        self.stride = STRIDE
        self._count_max = count_max
        self._marks: list[Mark] = []
        self._reader: Mark | None = None  # where the last read ended: the next begins there

    def __len__(self) -> int:
        return len(self._marks)

    def passed(self, mark: Mark) -> None:
        """The handle reads on and is here: remembered now and then."""
        if not self._marks or mark.position - self._marks[-1].position >= self.stride:
            self.add(mark)

    def add(self, mark: Mark) -> None:
        """Remember a place."""
        index = bisect_left(self._marks, mark)
        if index < len(self._marks) and self._marks[index].position == mark.position:
            return
        self._marks.insert(index, mark)
        if len(self._marks) > self._count_max:
            self.stride *= 2
            del self._marks[1:-1:2]

    def read_to(self, mark: Mark) -> None:
        """A read of older entries ended here."""
        self._reader = mark

    def before(self, position: int) -> Mark:
        """The last place known at or before `position`; there must be one."""
        index = bisect_right(self._marks, position, key=lambda mark: mark.position)
        found = self._marks[index - 1] if index else None
        reader = self._reader
        if reader is not None and reader.position <= position and (found is None or reader > found):
            return reader
        assert found is not None, f"nothing is known before {position}"
        return found

    def trim(self, head: Mark) -> None:
        """Forget what lies below the head, which is a bookmark from now on."""
        index = bisect_right(self._marks, head.position, key=lambda mark: mark.position)
        self._marks[:index] = [head]
        if self._reader is not None and self._reader.position < head.position:
            self._reader = None
