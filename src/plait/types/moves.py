"""Moves of a tree, applied in one order at every replica.

::

    log     m1  m2  m3 | m5  m6         m4 comes late: m6 and m5 are undone, m4 is done,
                    m4 ^                and they are done again

A move that would put a node below itself is ignored; whether it would is decided by the moves
before it in the order, so every replica ignores the same ones.

Invariant: `places` is what the log (and what was settled before it) gives, done one by one; it has
no cycle; `children` lists the same, sorted.

Source: Kleppmann, Mulligan, Gomes, Beresford, "A highly-available move operation for replicated
trees" (2021), algorithm 1.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from plait.base.causality import Dot

ROOT = ""  # parent of the topmost nodes
TRASH = "~"  # parent of what was deleted

Order: TypeAlias = tuple[int, int, int]  # stamp, replica, sequence number


class Move(NamedTuple):
    """A node gets a parent, and a position among its children."""

    order: Order
    node: str
    parent: str
    position: bytes

    @property
    def dot(self) -> Dot:
        """The event that it was."""
        return (self.order[1], self.order[2])


class Done(NamedTuple):
    """A move in the log, and where the node stood before."""

    move: Move
    before: Move | None
    ignored: bool

    @property
    def after(self) -> Move | None:
        """Where the node stood then."""
        return self.before if self.ignored else self.move


class Placing:
    """Where every node stands, and the moves that may yet have to be undone."""

    def __init__(self, moves: Iterable[Move] = ()) -> None:
        self.places: dict[str, Move] = {}
        self.log: list[Done] = []  # by order
        self._children: dict[str, list[tuple[bytes, Order, str]]] = {}
        for move in sorted(moves):
            self.log.append(self._do(move))

    def add(self, move: Move) -> None:
        """Take a move into its place in the order."""
        later: list[Move] = []
        while self.log and self.log[-1].move.order > move.order:
            done = self.log.pop()
            self._undo(done)
            later.append(done.move)
        self.log.append(self._do(move))
        while later:
            self.log.append(self._do(later.pop()))

    def settle(self, count: int) -> None:
        """The first moves of the log will never have to be undone."""
        del self.log[:count]

    def children(self, parent: str) -> list[str]:
        """The nodes below `parent`, in the order of their positions."""
        return [node for _, _, node in self._children.get(parent, ())]

    def siblings(self, parent: str, without: str | None) -> list[bytes]:
        """Positions of the nodes below `parent`, ascending; one node may be left out."""
        entries = self._children.get(parent, ())
        return [position for position, _, node in entries if node != without]

    def last(self, parent: str) -> bytes | None:
        """The position of the last node below `parent`."""
        entries = self._children.get(parent)
        return entries[-1][0] if entries else None

    def is_below(self, node: str, other: str) -> bool:
        """Whether `node` is `other` or stands anywhere below it."""
        places = self.places
        while node != other:
            place = places.get(node)
            if place is None:
                return False
            node = place.parent
        return True

    def _do(self, move: Move) -> Done:
        before = self.places.get(move.node)
        if self.is_below(move.parent, move.node):
            return Done(move, before, True)
        self._place(move.node, before, move)
        return Done(move, before, False)

    def _undo(self, done: Done) -> None:
        if not done.ignored:
            self._place(done.move.node, done.move, done.before)

    def _place(self, node: str, before: Move | None, after: Move | None) -> None:
        if before is not None:
            entries = self._children[before.parent]
            del entries[bisect_left(entries, (before.position, before.order, node))]
            if not entries:
                del self._children[before.parent]
        if after is None:
            del self.places[node]
        else:
            self.places[node] = after
            insort(self._children.setdefault(after.parent, []), (after.position, after.order, node))
