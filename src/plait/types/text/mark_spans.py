"""What covers a text, in stretches that are edited in place by events that have seen everything.

Edits happen near each other: where the last one was is where the next search begins.

Invariants: neighbouring spans differ; the last one is unmarked and endless, so nobody needs to know
how long the text is; `_before` is the size of the spans before the one at `_at`.
"""

from collections.abc import Iterable
from typing import TypeAlias

from plait.types.text.marks import Ids, Marks, inherited
from plait.types.walker.records import ENDLESS

Span: TypeAlias = tuple[int, Ids]  # characters


class Spans:
    """See the module."""

    __slots__ = ("_at", "_before", "_ids", "_sizes")

    def __init__(self, spans: Iterable[Span]) -> None:
        self._sizes = [size for size, _ in spans]
        self._ids = [ids for _, ids in spans]
        self._sizes.append(ENDLESS)
        self._ids.append(())
        self._at = 0
        self._before = 0

    def is_unmarked(self) -> bool:
        """Whether nothing covers anything."""
        return len(self._ids) == 1

    def frozen(self) -> tuple[Span, ...]:
        """As they are, without the last."""
        return tuple(zip(self._sizes[:-1], self._ids[:-1], strict=True))

    def _seek(self, pos: int) -> int:
        """Go to the span with the character before `pos`, or to the first; how far in it."""
        at, before, sizes = self._at, self._before, self._sizes
        while pos <= before and at:
            at -= 1
            before -= sizes[at]
        while pos > before + sizes[at]:
            before += sizes[at]
            at += 1
        self._at, self._before = at, before
        return pos - before

    def insert(self, pos: int, size: int, marks: Marks) -> None:
        """Characters of somebody who has seen all of this."""
        past = self._seek(pos)
        at, all_ids, sizes = self._at, self._ids, self._sizes
        if past and past < sizes[at]:
            sizes[at] += size
            return
        right = at + 1 if past else at
        ids = inherited(all_ids[at] if past else (), all_ids[right], marks)
        if past and ids == all_ids[at]:
            sizes[at] += size
        elif ids == all_ids[right]:
            sizes[right] += size
        else:
            sizes.insert(right, size)
            all_ids.insert(right, ids)

    def delete(self, pos: int, size: int) -> None:
        """Characters go."""
        first = self._cut(pos)
        at, before = self._at, self._before
        last = self._cut(pos + size)
        self._at, self._before = at, before  # that is before all that goes
        del self._sizes[first:last], self._ids[first:last]
        if first and self._ids[first - 1] == self._ids[first]:
            self._sizes[first - 1] += self._sizes.pop(first)
            del self._ids[first]

    def mark(self, pos: int, size: int, lv: int) -> None:
        """A mark covers characters, the latest of all marks."""
        first = self._cut(pos)
        for index in range(first, self._cut(pos + size)):
            self._ids[index] = (*self._ids[index], lv)

    def _cut(self, pos: int) -> int:
        """The span that begins at `pos`, if need be by cutting one in two."""
        past = self._seek(pos)
        at = self._at
        if not past:
            return at
        if past < self._sizes[at]:
            self._sizes.insert(at + 1, self._sizes[at] - past)
            self._ids.insert(at + 1, self._ids[at])
            self._sizes[at] = past
        return at + 1
