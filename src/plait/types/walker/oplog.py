"""What the events of one sequence did, in runs: positions as of each event's parents.

A run is one of four: items inserted one after another; items deleted from one place, one after
another, the way the delete key does; items deleted backwards, the way backspace does; or a mark,
one unit that changes no items. Unit i of a run that begins at LV v is the event v + i.

Invariants: runs lie one behind the other, from `first` to `end`; within a run every event but the
first has the one before as its only parent.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

INSERT, DELETE, BACKSPACE, MARK = 0, 1, 2, 3

CONTENT_MAX = 4096  # items; longer runs are not joined, for joining copies


class Run(NamedTuple):
    """A run, or a part of one."""

    lv: int
    kind: int
    pos: int
    size: int
    content: Any  # what was inserted: a slice of str or list; a mark; None for deletions


class OpLog:
    """Columns of one length: starts (LVs), kinds, poss, sizes, contents."""

    __slots__ = ("contents", "end", "kinds", "poss", "sizes", "starts")

    def __init__(self, first: int = 0) -> None:
        self.starts = array("q")
        self.kinds = array("b")
        self.poss = array("q")
        self.sizes = array("q")
        self.contents: list[Any] = []
        self.end = first

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, kind: int, pos: int, size: int, content: Any, joins: bool) -> None:
        """Append a run; `joins`: its first event came right after the last one of the log."""
        if joins and self.starts and self._join(kind, pos, size, content):
            self.end += size
            return
        self.starts.append(self.end)
        self.kinds.append(kind)
        self.poss.append(pos)
        self.sizes.append(size)
        self.contents.append(content)
        self.end += size

    def _join(self, kind: int, pos: int, size: int, content: Any) -> bool:
        last, before, had = self.kinds[-1], self.poss[-1], self.sizes[-1]
        if kind == INSERT:
            if last != INSERT or pos != before + had or had + size > CONTENT_MAX:
                return False
            self.contents[-1] += content
        elif last in (INSERT, MARK) or kind == MARK:
            return False
        elif pos == before and (last == DELETE or had == 1) and (kind == DELETE or size == 1):
            self.kinds[-1] = DELETE
        elif pos == before - had and (last == BACKSPACE or had == 1):
            if kind == DELETE and size != 1:
                return False
            self.kinds[-1] = BACKSPACE
        else:
            return False
        self.sizes[-1] = had + size
        return True

    def runs(self, start: int, stop: int) -> Iterator[Run]:
        """What the events from `start` to `stop` did, cut to them."""
        if start >= stop:
            return
        index = bisect_right(self.starts, start) - 1
        while start < stop:
            first = self.starts[index]
            kind, pos, size, content = (
                self.kinds[index], self.poss[index], self.sizes[index], self.contents[index]
            )  # fmt: skip
            end = min(first + size, stop)
            past = start - first
            if past or end - first < size:
                if kind == INSERT:
                    content = content[past : end - first]
                    pos += past
                elif kind == BACKSPACE:
                    pos -= past
            yield Run(start, kind, pos, end - start, content)
            start = end
            index += 1

    def content(self, start: int, stop: int) -> Any:
        """What the events, which are insertions of one run, inserted."""
        for run in self.runs(start, stop):
            return run.content
        raise IndexError(start)

    def cut_back(self, end: int) -> None:
        """Forget what the events from `end` on did."""
        while self.starts and self.starts[-1] >= end:
            for column in (self.starts, self.kinds, self.poss, self.sizes):
                column.pop()
            self.contents.pop()
        if self.starts and self.end > end and self.starts[-1] + self.sizes[-1] > end:
            self.sizes[-1] = end - self.starts[-1]
            if self.kinds[-1] == BACKSPACE and self.sizes[-1] == 1:
                self.kinds[-1] = DELETE  # one item goes either way
            if self.contents[-1] is not None:
                self.contents[-1] = self.contents[-1][: self.sizes[-1]]
        self.end = end

    def prepend(self, before: "OpLog") -> None:
        """What the events before those of this log did."""
        self.starts = before.starts + self.starts
        self.kinds = before.kinds + self.kinds
        self.poss = before.poss + self.poss
        self.sizes = before.sizes + self.sizes
        self.contents = before.contents + self.contents

    def drop(self, boundary: int) -> None:
        """Forget what the events before an LV did."""
        if boundary >= self.end:
            for column in (self.starts, self.kinds, self.poss, self.sizes):
                del column[:]
            self.contents.clear()
            return
        index = bisect_right(self.starts, boundary) - 1
        for column in (self.starts, self.kinds, self.poss, self.sizes):
            del column[:index]
        del self.contents[:index]
        past = boundary - self.starts[0]
        if past:
            self.starts[0] = boundary
            self.sizes[0] -= past
            if self.kinds[0] == INSERT:
                self.poss[0] += past
                self.contents[0] = self.contents[0][past:]
            elif self.kinds[0] == BACKSPACE:
                self.poss[0] -= past
