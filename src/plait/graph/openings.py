"""Where in an author's stream a process of its began to write: marks by which two streams of one
author can be told apart when what stands in them is folded.

A copy of a folder whose id goes on being used is opened by a process of its own, and so is a backup
that is put back. The first own batch of every process says so (`event.OPENED`), and the rolling
hash after that batch is kept with the stream, wherever it goes. Two streams that were one until a
folder was copied differ in the first such batch of the copy's process. What they had in common
ends before it, however much of either is folded.

Invariant: every opening from `since` on, and up to the stream's end, stands in `marks`, ascending.

Absent: a process that is itself copied while it runs (the memory of a machine): it opens nothing,
so only the hashes of what is retained tell.
"""

from collections.abc import Sequence

import msgspec

from plait.graph.event import OPENED, Op

OPENINGS_MAX = 64
MARK_BYTES = 8

Mark = tuple[int, bytes]  # the first number of a batch, and how the rolling hash after it begins


class Openings(msgspec.Struct, frozen=True, array_like=True):
    """The openings of one author's stream."""

    since: int = 0  # earlier ones are not known
    marks: tuple[Mark, ...] = ()

    def more(self, first: int, digest: bytes) -> "Openings":
        """With another one: the batch that begins at `first`, and the rolling hash after it."""
        marks = (*self.marks, (first, digest[:MARK_BYTES]))[-OPENINGS_MAX:]
        since = self.since if len(marks) > len(self.marks) else marks[0][0]
        return Openings(since, marks)

    def fits(self, last: int) -> bool:
        """Whether a stream that ends at `last` can have these."""
        firsts = [first for first, _ in self.marks]
        return (
            len(firsts) <= OPENINGS_MAX
            and firsts == sorted(set(firsts))
            and all(max(self.since, 1) <= first <= last for first in firsts)
        )


NONE = Openings()


def opened_ops(number: int) -> tuple[Op, ...]:
    """What the first batch of a process ends with (0: any other). `number`: of the process, random,
    so that no two are alike."""
    return (Op("", (OPENED,), number),) if number else ()


def opens(op: Op) -> bool:
    """Whether a batch that ends with this is the first of a process."""
    return not op.key and op.path == (OPENED,)


def unknown(last: int) -> Openings:
    """Of a stream that was told without them, up to there."""
    return Openings(last + 1)


def parted(mine: Openings, mine_last: int, theirs: Openings, theirs_last: int) -> int | None:
    """Up to where two streams of one author that end there are the same, if their openings say
    that they are not all the way to the end of the shorter one; else None."""
    since, ends = max(mine.since, theirs.since), min(mine_last, theirs_last)
    alone = _without(mine.marks, theirs.marks) + _without(theirs.marks, mine.marks)
    firsts = [first for first, _ in alone if since <= first <= ends]
    return min(firsts) - 1 if firsts else None


def _without(marks: Sequence[Mark], others: Sequence[Mark]) -> list[Mark]:
    return [mark for mark in marks if mark not in others]
