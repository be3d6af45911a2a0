"""Collections that remember what of them was changed, so that just that is written to documents.

Absent: lists; what changed of a list is found by comparing (`edits`).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from plait.doors.resp.keyspace import Hash, Set, SortedSet


class Tracked:
    """What was changed since this was last asked: fields or members, in order."""

    changed: dict[bytes, None]


class TrackedHash(Hash, Tracked):
    """A hash that remembers its changed fields, but for one that is counted."""

    __slots__ = ("changed", "counted")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.changed = {}
        self.counted: bytes | None = None  # the next assignment to it was no assignment

    def __setitem__(self, field: bytes, value: bytes) -> None:
        super().__setitem__(field, value)
        if field == self.counted:
            self.counted = None
        else:
            self.changed[field] = None

    def __delitem__(self, field: bytes) -> None:
        super().__delitem__(field)
        self.changed[field] = None


class TrackedSet(Set, Tracked):
    """A set that remembers its changed members."""

    __slots__ = ("changed",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.changed = {}

    def __setitem__(self, member: bytes, value: None) -> None:
        super().__setitem__(member, value)
        self.changed[member] = None

    def __delitem__(self, member: bytes) -> None:
        super().__delitem__(member)
        self.changed[member] = None

    def update(self, members: Iterable[bytes]) -> None:  # type: ignore[override]
        """Put members in."""
        for member in members:
            self[member] = None


class TrackedSortedSet(SortedSet, Tracked):
    """A sorted set that remembers members whose score changed."""

    __slots__ = ("changed",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.changed = {}

    def put(self, member: bytes, score: float) -> None:
        """Set a member's score."""
        super().put(member, score)
        self.changed[member] = None

    def drop(self, member: bytes) -> None:
        """Take a member out."""
        super().drop(member)
        self.changed[member] = None


def edits(before: Sequence[bytes], after: Sequence[bytes]) -> tuple[int, int, list[bytes]]:
    """Where two lists differ: from where on, how many went, and what came."""
    start, shorter = 0, min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, len(before) - start - end, list(after[start : len(after) - end])
