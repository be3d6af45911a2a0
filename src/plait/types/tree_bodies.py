"""What a tree's operations say: ``[CREATE, number, parent, position, value]``,
``[MOVE, node, parent, position]``, ``[SET, node, value]`` and ``[UNSET, node]``.
"""

from typing import Any, NamedTuple

from plait.types.moves import ROOT, TRASH
from plait.types.positions import is_position

CREATE, MOVE, SET, UNSET = 0, 1, 2, 3
NODE_LENGTH_MAX = 33  # two numbers of 64 bits and a dot


class Said(NamedTuple):
    """An operation's parts, as cells hold them."""

    node: str
    move: list[Any] | None  # [parent, position]
    value: list[Any] | None  # [value] or []


def read_body(body: Any, replica: int, seq: int | None) -> Said | None:
    """The parts of a body that `replica` wrote at `seq` (None: whenever); None for garbage."""
    match body:
        case [0, number, parent, position, value]:
            # a name is given by its own replica only, and never ahead of its events
            own = type(number) is int and 1 <= number < 1 << 63 and (seq is None or number <= seq)
            if own and parent != TRASH and is_move(parent, position):
                return Said(node_of(replica, number), [parent, position], [value])
        case [1, node, parent, position]:
            if is_node(node) and is_move(parent, position):
                return Said(node, [parent, position], None)
        case [2, node, value]:
            return Said(node, None, [value]) if is_node(node) else None
        case [3, node]:
            return Said(node, None, []) if is_node(node) else None
    return None


def is_move(parent: Any, position: Any) -> bool:
    """Whether a node can be put there."""
    if parent == TRASH:
        return type(position) is bytes and not position
    return (parent == ROOT or is_node(parent)) and is_position(position)


def is_node(node: Any) -> bool:
    """Whether it is the name of a node."""
    if type(node) is not str or len(node) > NODE_LENGTH_MAX:
        return False
    try:
        numbers_of(node)
    except ValueError:
        return False
    return True


def node_of(replica: int, number: int) -> str:
    """The name of a node: who created it, and which of theirs it is."""
    return f"{replica:x}.{number:x}"


def numbers_of(node: str) -> tuple[int, int]:
    """The replica that created a node, and the number that it gave; ValueError for no node."""
    replica, _, number = node.partition(".")
    result = (int(replica, 16), int(number, 16))
    if min(result) < 1 or node_of(*result) != node:
        raise ValueError(f"{node!r} is no node")
    return result
