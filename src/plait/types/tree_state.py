"""The state of a tree: cells of moves and of values, and the placing that follows from them.

Slots: ``b"m" + node`` has cells ``{dot: [stamp, parent, position]}``, ``b"v" + node`` has
``{dot: [stamp, value]}``, and ``b"s"`` has one ``{dot: [stamp]}``: how far moves are settled.

Settling a prefix of the ordered moves keeps, of each node, only the move that put it where it
stands at the end of the prefix. That changes nothing, if no move still to come is ordered before
the end of the prefix: later moves see the same placing. And the kept moves give it: done in order
from nothing, they make at each step a part of that placing, which has no cycle, so none of them
is ignored.

It does change something if it is done for some nodes only: a move that was ignored may count once
what it collided with is gone. So a delta says how far its sender has settled (``b"s"``), and the
receiver settles as far before it joins.

Invariants: `placing`, if there is one, is what the moves in the cells give, and its log holds all
that are not settled; `crowded` holds the slots of values with several cells; nothing is settled
where nothing is.
"""

from collections.abc import Callable
from typing import Any

from plait.base.causality import Dot
from plait.types.cells import Cells
from plait.types.graph_type import Slot
from plait.types.moves import Move, Order, Placing
from plait.types.tree_bodies import numbers_of

MOVES = b"m"
VALUES = b"v"
SETTLED = b"s"
NOTHING_SETTLED: Order = (0, 0, 0)


class TreeState(Cells):
    """Cells that know where the nodes stand."""

    __slots__ = ("_numbers", "_placing", "crowded")

    def __init__(self) -> None:
        super().__init__()
        self.crowded: dict[bytes, None] = {}
        self._numbers: dict[int, int] | None = None
        self._placing: Placing | None = None

    def forget_placing(self) -> None:
        """It is not what the cells say any more."""
        self._placing = self._numbers = None

    def put(self, slot: Slot, dot: Dot, payload: Any) -> None:
        """Add a cell."""
        super().put(slot, dot, payload)
        assert isinstance(slot, bytes)
        if slot[:1] == VALUES:
            self._count(slot)
        else:
            self._added(slot, dot, payload)

    def replace(self, slot: Slot, cells: dict[Dot, Any]) -> None:
        """Let the slot hold these cells and no others."""
        assert isinstance(slot, bytes)
        before = self.slots.get(slot, {})
        super().replace(slot, cells)
        if slot[:1] == VALUES:
            self._count(slot)
        elif slot == SETTLED:
            return
        elif any(dot not in cells for dot in before):
            self.forget_placing()
        else:
            for dot, payload in cells.items():
                if dot not in before:
                    self._added(slot, dot, payload)

    @property
    def horizon(self) -> Order:
        """Moves up to here were settled."""
        return horizon_in(self.slots.get(SETTLED, {}))

    def settled(self, order: Order) -> None:
        """Moves up to `order` were settled, here or where the cells come from."""
        some = order != NOTHING_SETTLED and any(slot != SETTLED for slot in self.slots)
        super().replace(SETTLED, {order[1:]: [order[0]]} if some else {})

    @property
    def placing(self) -> Placing:
        """Where every node stands."""
        if self._placing is None:
            self._placing = Placing(
                move_of(slot, dot, payload)
                for slot, cells in self.slots.items()
                if isinstance(slot, bytes) and slot[:1] == MOVES
                for dot, payload in cells.items()
            )
        return self._placing

    def last_number(self, replica: int) -> int:
        """The greatest number among the nodes here that `replica` created and moved last."""
        if self._numbers is None:
            self._numbers = {}
            for slot, cells in self.slots.items():
                if isinstance(slot, bytes) and slot[:1] == MOVES:
                    for dot in cells:
                        _note(self._numbers, slot, dot)
        return self._numbers.get(replica, 0)

    def settle(self, is_settled: Callable[[Move], bool]) -> None:
        """Settle the longest prefix of the ordered moves of which all are settled."""
        placing = self.placing
        ends: dict[str, Move | None] = {}  # of the nodes that the prefix moved
        count = 0
        for done in placing.log:
            if not is_settled(done.move):
                break
            ends[done.move.node] = done.after
            count += 1
        if not count:
            return
        horizon = max(self.horizon, placing.log[count - 1].move.order)
        for node, end in ends.items():
            slot = MOVES + node.encode()
            cells = self.slots[slot]
            kept = {
                dot: payload
                for dot, payload in cells.items()
                if (payload[0], *dot) > horizon or (end is not None and dot == end.dot)
            }
            if len(kept) != len(cells):
                super().replace(slot, kept)  # the placing stays as it is
        placing.settle(count)
        self.settled(horizon)

    def _count(self, slot: bytes) -> None:
        if len(self.slots.get(slot, ())) > 1:
            self.crowded[slot] = None
        else:
            self.crowded.pop(slot, None)

    def _added(self, slot: bytes, dot: Dot, payload: Any) -> None:
        if self._numbers is not None:
            _note(self._numbers, slot, dot)
        if self._placing is not None:
            move = move_of(slot, dot, payload)
            if move.order > self.horizon:
                self._placing.add(move)
            else:  # its place in the order is not in the log any more
                self._placing = None


def horizon_in(cells: dict[Dot, Any]) -> Order:
    """How far moves are settled, from the cells of its slot."""
    return max(((stamp, *dot) for dot, (stamp,) in cells.items()), default=NOTHING_SETTLED)


def move_of(slot: bytes, dot: Dot, payload: Any) -> Move:
    """The move in a cell."""
    stamp, parent, position = payload
    return Move((stamp, *dot), slot[1:].decode(), parent, position)


def _note(numbers: dict[int, int], slot: bytes, dot: Dot) -> None:
    replica, number = numbers_of(slot[1:].decode())
    if replica == dot[0] and number <= dot[1]:  # others may name a node that never was
        numbers[replica] = max(number, numbers.get(replica, 0))
