"""A tree whose nodes are moved: no cycle, nothing twice, the same everywhere.

Creating, moving and deleting a node are all moves: from nowhere, from a parent to another, to the
trash. Concurrent moves of one node: the greatest (stamp, replica, sequence number) decides. A move
below the node itself is ignored, whoever applies it. What is below a deleted node is gone with it,
except what somebody moves out at the same time. Each node holds a value: the last one written.

A node is named after the replica that created it and a number which that replica gives once.

`plait.types.moves` has the rules of moving, `plait.types.tree_state` the state and what may be
forgotten of it, `plait.types.tree_bodies` what operations say.

Absent: forgetting deleted nodes one by one. Each keeps one move, for it may be moved back by
whoever undoes the deletion; they go when the tree is cleared or its document deleted.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from plait.base.causality import Context, Dot
from plait.base.errors import BadCall, BadFrame
from plait.base.hlc import HLC_MAX
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.cells import Cells, CellType, covered
from plait.types.graph_type import Happened, Here, Mutation, Slot
from plait.types.last_writer_wins import LAST_WRITER_WINS
from plait.types.moves import ROOT, TRASH, Move, Placing
from plait.types.plain import given, taken
from plait.types.positions import between, is_position
from plait.types.tree_bodies import (
    CREATE,
    MOVE,
    SET,
    UNSET,
    Said,
    is_move,
    is_node,
    node_of,
    numbers_of,
    read_body,
)
from plait.types.tree_state import MOVES, NOTHING_SETTLED, SETTLED, VALUES, TreeState, horizon_in


class Tree(CellType):
    """Nodes below nodes, in order."""

    tag = "t"

    def zero(self) -> TreeState:
        """No node."""
        return TreeState()

    # ------------------------------------------------------------------ writing

    def next_node(self, state: Cells, here: Here) -> str:
        """The name for a node that is about to be created here."""
        return _next_node(_tree(state), here.replica, here.context.get(here.replica, 0))

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """("create", node or None, parent, value, index or None), ("move", node, parent, index),
        ("delete", node), ("set", node, value), or what `inverse` gives.

        The index counts the parent's other children; None is the end. `BadCall`.
        """
        tree = _tree(state)
        match mutation:
            case ("create", node, parent, value, *index) if len(index) < 2:
                expected = self.next_node(state, here)
                if node not in (None, expected):
                    raise BadCall(f"the next node here is {expected!r}, not {node!r}")
                _check_parent(tree.placing, parent)
                position = _position(tree.placing, parent, None, index, here.replica)
                return [CREATE, numbers_of(expected)[1], parent, position, taken(value)]
            case ("move", node, parent, *index) if len(index) < 2:
                _check_node(tree.placing, node)
                _check_parent(tree.placing, parent)
                if tree.placing.is_below(parent, node):
                    raise BadCall(f"{node!r} cannot be moved below itself")
                return [
                    MOVE,
                    node,
                    parent,
                    _position(tree.placing, parent, node, index, here.replica),
                ]
            case ("delete", node):
                _check_node(tree.placing, node)
                return [MOVE, node, TRASH, b""]
            case ("set", node, value):
                _check_node(tree.placing, node)
                return [SET, node, taken(value)]
            case ("place", node, dot, parent, position):
                place = tree.placing.places.get(node)
                if place is None or place.dot != dot or tree.placing.is_below(parent, node):
                    return None  # somebody has moved it since: there is nothing to take back
                return [MOVE, node, parent, position]
            case ("restore", node, dot, was_set, value):
                if _writer(tree, node) != dot:
                    return None
                return [SET, node, taken(value)] if was_set else [UNSET, node]
        raise BadCall(f"a tree has no {mutation!r}")

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        """Add a move, or replace the values that the event has seen."""
        found = read_body(body, event.replica, event.seq)
        if found is None:
            return
        node, move, value = found
        dot = event.dot
        if move is not None:
            state.put(MOVES + node.encode(), dot, [event.hlc, *move])
        if value is not None:
            slot = VALUES + node.encode()
            state.take(slot, event)
            if value:
                state.put(slot, dot, [event.hlc, *value])

    def touched(self, body: Any, replica: int) -> Iterable[Slot]:
        """The slots of the node, and how far moves are settled."""
        found = read_body(body, replica, None)
        if found is None:
            return ()
        node, move, value = found
        slots = ((MOVES, move), (VALUES, value))
        return [*(kind + node.encode() for kind, part in slots if part is not None), SETTLED]

    # ------------------------------------------------------------------ reading

    def value(self, state: Cells) -> Any:
        """The topmost nodes: a list of ``{"id", "value", "children"}``, and so on below them."""
        tree = _tree(state)
        return _nested(tree.placing.children, lambda node: _value(tree, node))

    def alive(self, state: Cells) -> bool:
        """Whether there is a node outside the trash."""
        return bool(_tree(state).placing.children(ROOT))

    def children(self, state: Cells, parent: str = ROOT) -> list[str]:
        """The nodes below one, or the topmost ones, in order."""
        return _tree(state).placing.children(parent)

    def parent(self, state: Cells, node: str) -> str | None:
        """The node above one; `ROOT` for a topmost one, None for one that is not shown."""
        placing = _tree(state).placing
        return placing.places[node].parent if _is_shown(placing, node) and node else None

    def node_value(self, state: Cells, node: str) -> Any:
        """The value of one node."""
        return _value(_tree(state), node)

    def partial(self, state: Cells, slots: Iterable[Slot] | None) -> Any:
        """``{node: [parent, value]}`` of the nodes in the slots, None for those not shown."""
        if slots is None:
            return self.value(state)
        names = sorted({slot[1:].decode() for slot in slots if isinstance(slot, bytes)} - {""})
        found: dict[str, Any] = {}
        for node in names:
            parent = self.parent(state, node)
            found[node] = None if parent is None else [parent, self.node_value(state, node)]
        return found

    # ------------------------------------------------------------------ joining, folding

    def join(self, state: Cells, data: Any, mine: Context, theirs: Context, whole: bool) -> None:
        """As cells join, having settled as far as the sender has.

        The sender settled what everybody has seen, so all of that is here. What is whole, or comes
        to somebody who has nothing, is settled as it comes. And a delta that is not whole has no
        clear in it which is new here: that touches everything.
        """
        tree = _tree(state)
        incoming = self.read(data)
        here, there = tree.horizon, horizon_in(incoming.pop(SETTLED, {}))
        if there > here and mine and not whole:
            tree.settle(lambda move: move.order <= there)
        super().join(state, _Read(incoming), mine, theirs, whole)
        tree.settled(max(here, there))

    def read(self, data: Any) -> dict[Slot, dict[Dot, Any]]:
        """Cells from what `delta` gave; raises `BadFrame`."""
        return data.cells if isinstance(data, _Read) else super().read(data)

    def payload(self, slot: Slot, payload: Any) -> Any:
        """See `plait.types.tree_state`."""
        if type(slot) is not bytes or not (slot == SETTLED or is_node(slot[1:].decode())):
            raise BadFrame(f"{slot!r} is no slot of a tree")
        if not isinstance(payload, list):
            raise BadFrame(f"no cell of a tree: {payload!r}")
        stamp, *rest = payload
        match slot[:1], rest:
            case b"m", [parent, position]:
                fits = is_move(parent, position)
            case b"v", [_]:
                fits = True
            case kind, rest:
                fits = kind == SETTLED and not rest
        if not fits or type(stamp) is not int or not 0 <= stamp <= HLC_MAX:
            raise BadFrame(f"no cell of a tree: {payload!r}")
        return payload

    def fold(self, state: Cells, cut: Context) -> None:
        """Settle the moves that no later one can come before, and drop values that lost.

        A move still to come has seen `cut`, so its stamp is greater than those of all in it: it
        comes after them. So the moves before the first one that is not stable stay as they are.
        """
        tree = _tree(state)
        tree.settle(lambda move: covered(move.dot, cut))
        for slot in list(tree.crowded):
            cells = tree.slots[slot]
            stable = [dot for dot in cells if covered(dot, cut)]
            if len(stable) > 1:
                keep = max(stable, key=lambda dot: (cells[dot][0], dot))
                kept = {d: cell for d, cell in cells.items() if d == keep or not covered(d, cut)}
                tree.replace(slot, kept)

    def canonical(self, state: Cells, cut: Context) -> bytes:
        """The cells alone: how far they were settled before does not count."""
        copy = _tree(self.decode(self.encode(state)))
        self.fold(copy, cut)
        copy.settled(NOTHING_SETTLED)
        return self.encode(copy)

    def rollback(self, state: Cells, mark: Any) -> Cells:
        """Put the noted slots back; what was settled meanwhile is not."""
        _tree(state).forget_placing()
        return super().rollback(state, mark)

    # ------------------------------------------------------------------ undo, laws

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """Put the node back, or its value, unless somebody has changed that since."""
        tree = _tree(state)
        match mutation:
            case ("create", node, *_):
                node = _next_node(tree, dot[0], dot[1] - 1) if node is None else node
                return ("place", node, dot, TRASH, b"")
            case ("move" | "delete" | "place", node, *_):
                place = tree.placing.places.get(node)
                return None if place is None else ("place", node, dot, place.parent, place.position)
            case ("set" | "restore", node, *_):
                if mutation[0] == "restore" and not mutation[3]:
                    dot = None  # type: ignore[assignment]  # nothing will be there
                was_set = _writer(tree, node) is not None
                return ("restore", node, dot, was_set, _value(tree, node))
        return None

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """Mostly moves, among few nodes, so that they collide."""
        placing = _tree(state).placing
        nodes = [node for node in sorted(placing.places) if _is_shown(placing, node)]
        chance = random.getrandbits(4)
        if len(nodes) < 3 or (chance < 3 and len(nodes) < 8):
            parent = _pick(random, [ROOT, *nodes])
            places = [None, *range(len(placing.children(parent)) + 1)]
            return ("create", None, parent, random.getrandbits(2), _pick(random, places))
        node = _pick(random, nodes)
        if chance == 3:
            return ("delete", node)
        if chance < 6:
            return ("set", node, random.getrandbits(2))
        parents = [other for other in [ROOT, *nodes] if not placing.is_below(other, node)]
        parent = _pick(random, parents)
        places = [None, *range(len(placing.siblings(parent, node)) + 1)]
        return ("move", node, parent, _pick(random, places))

    def specification(self, history: Sequence[Happened]) -> Any:
        """All moves that no clear has seen, done in order; the greatest of the values not seen."""
        cleared = {dot for event in history if event.cleared for dot in event.past}
        moves: list[Move] = []
        writes: dict[str, list[Happened]] = {}  # values are registers
        for event in history:
            found: Said | None = None if event.cleared else read_body(event.body, *event.dot)
            if found is None:
                continue
            node, move, value = found
            if move is not None and event.dot not in cleared:
                moves.append(Move(event.order, node, *move))
            if value is not None:
                writes.setdefault(node, []).append(event._replace(body=value))
        clears = [event for event in history if event.cleared]
        places: dict[str, Move] = {}
        for next_ in sorted(moves):
            above = next_.parent
            while above != next_.node and above in places:
                above = places[above].parent
            if above != next_.node:
                places[next_.node] = next_

        def children(parent: str) -> list[str]:
            found = [place for place in places.values() if place.parent == parent]
            return [place.node for place in sorted(found, key=lambda p: (p.position, p.order))]

        return _nested(
            children,
            lambda node: LAST_WRITER_WINS.specification([*writes.get(node, ()), *clears]),
        )


TREE = Tree()


class _Read:
    """Cells that were read and checked already."""

    def __init__(self, cells: dict[Slot, dict[Dot, Any]]) -> None:
        self.cells = cells


def _tree(state: Cells) -> TreeState:
    assert isinstance(state, TreeState)
    return state


def _nested(children: Callable[[str], list[str]], value: Callable[[str], Any]) -> list[Any]:
    """Without recursion: a tree may be deeper than Python's stack."""
    top: list[Any] = []
    open_: list[tuple[str, list[Any]]] = [(ROOT, top)]
    while open_:
        parent, into = open_.pop()
        for node in children(parent):
            below: list[Any] = []
            into.append({"id": node, "value": value(node), "children": below})
            open_.append((node, below))
    return top


def _is_shown(placing: Placing, node: str) -> bool:
    return placing.is_below(node, ROOT)


def _check_node(placing: Placing, node: Any) -> None:
    if not is_node(node) or not _is_shown(placing, node):
        raise BadCall(f"there is no node {node!r}")


def _check_parent(placing: Placing, parent: Any) -> None:
    if parent != ROOT:
        _check_node(placing, parent)


def _next_node(tree: TreeState, replica: int, seen: int) -> str:
    # in a draft the vector may stand still while nodes are created
    return node_of(replica, max(seen, tree.last_number(replica)) + 1)


def _position(
    placing: Placing, parent: str, node: str | None, index: Sequence[Any], replica: int
) -> bytes:
    """The position at an index among the parent's other children."""
    at = index[0] if index else None
    if at is None:
        low, high = placing.last(parent), None
    else:
        others = placing.siblings(parent, node)
        if type(at) is not int or not 0 <= at <= len(others):
            raise BadCall(f"there is no place {at!r} among {len(others)} nodes")
        low = others[at - 1] if at else None
        # there is no room between equal positions: behind them then
        high = next((other for other in others[at:] if low is None or other > low), None)
    position = between(low, high, replica)
    if not is_position(position):
        raise BadCall(f"too much was put between two nodes below {parent!r}; move them apart")
    return position


def _writer(tree: TreeState, node: str) -> Dot | None:
    """The write that a node's value is of."""
    cells = tree.slots.get(VALUES + node.encode())
    return max(cells, key=lambda dot: (cells[dot][0], dot)) if cells else None


def _value(tree: TreeState, node: str) -> Any:
    cells = tree.slots.get(VALUES + node.encode())
    dot = _writer(tree, node)
    return None if cells is None or dot is None else given(cells[dot][1])


def _pick(random: Random, things: Sequence[Any]) -> Any:
    return things[random.getrandbits(16) % len(things)]
