"""Lists and their operations as data for MessagePack: what others are sent, and what is stored.

Nothing that comes back is believed before it was looked at; whatever is no list raises `BadFrame`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from plait.base.causality import Dot
from plait.base.codec import decode, encode
from plait.base.errors import BadFrame
from plait.graph.event import REPLICA_MAX, SEQ_MAX
from plait.types.lists.elements import Elements
from plait.types.lists.slots import (
    ElementId,
    Order,
    checked_element,
    checked_order,
    packed,
    unpacked,
)
from plait.types.lists.state import ListState
from plait.types.walker.operations import SentOp

SLOTS_MAX = 1 << 32  # of one list


class Known(NamedTuple):
    """What somebody knows of an element."""

    element: ElementId
    order: Order | None
    value: Any
    deleters: tuple[Dot, ...]


# ----------------------------------------------------------------------------- operations


def op_row(op: SentOp) -> list[Any]:
    """An operation."""
    edits = [what if type(what) is int else packed(what) for what in op.edits]
    return [op.name, op.seq, op.parents, edits, op.clears]


def read_ops(rows: Any) -> list[SentOp]:
    """What `op_row` gave, of each."""
    try:
        return [_read_op(*row) for row in rows]
    except (TypeError, ValueError) as error:
        raise BadFrame(f"no operations on a list: {error}") from None


def _read_op(name: Any, seq: Any, parents: Any, edits: Any, clears: Any) -> SentOp:
    if type(edits) is not list or not edits or type(clears) is not bool:
        raise ValueError("no edits")
    read = [what if type(what) is int else unpacked(what, SLOTS_MAX) for what in edits]
    return SentOp(*_dot((name, seq)), _dots(parents), read, clears)


def _dot(data: Any) -> Dot:
    replica, seq = data
    if type(replica) is not int or not 1 <= replica <= REPLICA_MAX:
        raise ValueError(f"{replica!r} is no replica")
    if type(seq) is not int or not 1 <= seq <= SEQ_MAX:
        raise ValueError(f"{seq!r} is no number of an operation")
    return (replica, seq)


def _dots(data: Any) -> tuple[Dot, ...]:
    return tuple([_dot(pair) for pair in data])


# ----------------------------------------------------------------------------- elements


def element_rows(items: Elements, wanted: Iterable[ElementId]) -> list[list[Any]]:
    """What is known of elements: [stamp, replica, operation, offset, [value, ...]] for those that
    hold what they were inserted with, [element, order or None, value, deleters] for others."""
    rows: list[list[Any]] = []
    likely: tuple[Any, ...] = ()
    for id_ in sorted(wanted):
        element = items.known.get(id_)
        if element is None:
            continue
        order = element.order
        deleters = () if element.slots else tuple(sorted(element.deleters))
        if order is None or order[1:] != id_ or deleters:
            rows.append([id_, order, element.value, deleters])
            likely = ()
            continue
        if order == likely:
            rows[-1][4].append(element.value)
        else:
            rows.append([*order, [element.value]])
        likely = (*order[:3], order[3] + 1)
    return rows


def read_elements(rows: Any) -> list[Known]:
    """What `element_rows` gave."""
    found: list[Known] = []
    try:
        for row in rows:
            if len(row) == 5:
                *place, values = row
                if type(values) is not list:
                    raise ValueError("no values")
                stamp, replica, seq, first = checked_order(place)
                checked_order([stamp, replica, seq, first + len(values)])
                for offset, value in enumerate(values, first):
                    id_ = (replica, seq, offset)
                    found.append(Known(id_, (stamp, *id_), value, ()))
            else:
                id_, order, value, deleters = row
                written = None if order is None else checked_order(order)
                found.append(Known(checked_element(id_), written, value, _dots(deleters)))
    except (TypeError, ValueError) as error:
        raise BadFrame(f"no elements of a list: {error}") from None
    return found


def learn(items: Elements, known: Sequence[Known]) -> None:
    """Take over what somebody knows of elements."""
    for id_, order, value, deleters in known:
        items.remember(id_, deleters)
        if order is not None:
            items.write(id_, order, value)


# ----------------------------------------------------------------------------- whole lists


def dump(state: ListState) -> bytes:
    """The whole list as bytes."""
    items = state.items
    return encode(
        [
            packed(items.slots),
            element_rows(items, items.known),
            [op_row(op) for op in state.ops()],
            sorted(state.base.items()),
        ]
    )


def load(data: bytes) -> ListState:
    """The list in bytes."""
    try:
        slot_rows, known_rows, op_rows, base = decode(data)
        slots = unpacked(slot_rows, SLOTS_MAX)
        heads = dict(_dots(base))
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise BadFrame(f"no list: {error}") from None
    known, ops = read_elements(known_rows), read_ops(op_rows)
    if len(dict.fromkeys(slots)) != len(slots):
        raise BadFrame("a list with the same slot twice")
    state = ListState()
    for op in ops:
        if state.has((op.name, op.seq)):
            raise BadFrame("a list with the same operation twice")
        state.restore(op)
    state.hold(Elements(slots))
    learn(state.items, known)
    state.base = dict(heads)
    return state
