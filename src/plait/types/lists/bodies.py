"""What operations on a list say.

``[EDIT, position, kind, argument, ...]``: edits one after another, at positions as of what their
author had seen, hidden slots counted; ``[SET, element, value]``: a value for an element.

    DELETE   how many         slots are deleted
    INSERT   [value, ...]     slots for new elements
    MOVE     element          a slot for an element that is there
    REVIVE   [element, value] a slot for an element that was deleted, which begins anew
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from plait.base.errors import BadFrame
from plait.graph.event import Event
from plait.types.lists.slots import ElementId, Order, Slot, checked_element

EDIT, SET = 0, 1
DELETE, INSERT, MOVE, REVIVE = 0, 1, 2, 3


class Write(NamedTuple):
    """A value for an element."""

    element: ElementId
    order: Order
    value: Any


class Said(NamedTuple):
    """An operation's parts."""

    edits: list[Any]  # as sequences take them: position, slots or how many to delete
    writes: list[Write]


def read_body(body: Any, event: Event) -> Said:
    """What an operation says; raises `BadFrame`."""
    try:
        kind = body[0] if type(body) is list and body and type(body[0]) is int else None
        if kind == EDIT and len(body) > 1 and len(body) % 3 == 1:
            return _read_edits(body[1:], event)
        if kind == SET and len(body) == 3:
            order = (event.hlc, event.replica, event.seq, 0)
            return Said([], [Write(checked_element(body[1]), order, body[2])])
    except (TypeError, ValueError) as error:
        raise BadFrame(f"no operation on a list: {error}") from None
    raise BadFrame("no operation on a list")


def _read_edits(said: Sequence[Any], event: Event) -> Said:
    stamp, replica, seq = event.hlc, event.replica, event.seq
    found = Said([], [])
    offset = 0
    run: list[Slot] = []  # slots one behind the other are one edit
    begin = 0
    for index in range(0, len(said), 3):
        pos, kind, argument = said[index : index + 3]
        if run and (kind == DELETE or pos != begin + len(run)):
            found.edits.extend((begin, tuple(run)))
            run = []
        if kind == DELETE and type(argument) is int:
            found.edits.extend((pos, argument))
            continue
        if not run:
            begin = pos
        if kind == INSERT and type(argument) is list:
            for value in argument:
                id_ = (replica, seq, offset)
                run.append(Slot(stamp, replica, seq, offset, id_))
                found.writes.append(Write(id_, (stamp, *id_), value))
                offset += 1
        elif kind == MOVE:
            run.append(Slot(stamp, replica, seq, offset, checked_element(argument)))
            offset += 1
        elif kind == REVIVE:
            element, value = argument
            id_ = checked_element(element)
            run.append(Slot(stamp, replica, seq, offset, id_))
            found.writes.append(Write(id_, (stamp, replica, seq, offset), value))
            offset += 1
        else:
            raise ValueError(f"an edit of kind {kind!r}")
    if run:
        found.edits.extend((begin, tuple(run)))
    return found


def elements_in(body: Any) -> list[ElementId]:
    """The elements, older than it, that an operation writes; none for what is no operation."""
    if type(body) is list and len(body) == 3 and body[0] == SET:
        try:
            return [checked_element(body[1])]
        except (TypeError, ValueError):
            return []
    return []
