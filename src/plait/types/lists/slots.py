"""Slots: the places of a list, which are inserted and deleted and nothing else.

An *element* is what people mean by an item of a list: it has an identity, a value, and stands in a
slot. Moving it deletes its slot and inserts another one for the same element, so two moves at the
same time leave it with two slots; of those that are there the greatest shows.

An element is named by the operation that inserted it, and by which of that operation's it is.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

from plait.base.hlc import HLC_MAX
from plait.graph.event import REPLICA_MAX, SEQ_MAX

ElementId: TypeAlias = tuple[int, int, int]  # replica, operation, which of its slots
Order: TypeAlias = tuple[int, int, int, int]  # stamp, replica, operation, which of its slots

OFFSET_MAX = 1 << 40


class Slot(NamedTuple):
    """A place in a list. Compared as `Order`: the greatest of an element shows."""

    stamp: int
    replica: int
    seq: int
    offset: int
    element: ElementId

    @property
    def order(self) -> Order:
        """When it was inserted, in the order of last writers."""
        return self[:4]

    @property
    def is_first(self) -> bool:
        """Whether its element began with it."""
        return self.element == self[1:4]


def name_of_element(element: ElementId) -> str:
    """The name of an element in paths."""
    return "{:x}.{:x}.{:x}".format(*element)


def element_of_name(name: str) -> ElementId:
    """The element that has this name; ValueError for no such name."""
    replica, seq, offset = (int(part, 16) for part in name.split("."))
    element = checked_element((replica, seq, offset))
    if name_of_element(element) != name:
        raise ValueError(f"{name!r} names no element")
    return element


def checked_element(data: Any) -> ElementId:
    """An element's id from outside; ValueError or TypeError for what is none."""
    replica, seq, offset = data
    if not (_within(replica, 1, REPLICA_MAX) and _within(seq, 1, SEQ_MAX)):
        raise ValueError(f"{data!r} is no element")
    if not _within(offset, 0, OFFSET_MAX):
        raise ValueError(f"{data!r} is no element")
    return (replica, seq, offset)


def checked_order(data: Any) -> Order:
    """An order from outside; ValueError or TypeError for what is none."""
    stamp, *rest = data
    if not _within(stamp, 0, HLC_MAX):
        raise ValueError(f"{stamp!r} is no stamp")
    return (stamp, *checked_element(rest))


def _within(number: Any, low: int, high: int) -> bool:
    return type(number) is int and low <= number <= high


# ----------------------------------------------------------------------------- rows


def packed(slots: Iterable[Slot]) -> list[list[Any]]:
    """Rows of slots: [stamp, replica, seq, offset, how many that came with it], or, for a slot
    that an element was moved to, its id in the last place."""
    rows: list[list[Any]] = []
    likely: tuple[Any, ...] = ()  # what the next slot is if the last row goes on
    for slot in slots:
        if not slot.is_first:
            rows.append([*slot[:4], list(slot.element)])
            likely = ()
        elif slot[:4] == likely:
            rows[-1][4] += 1
        else:
            rows.append([*slot[:4], 1])
        if slot.is_first:
            likely = (*slot[:3], slot.offset + 1)
    return rows


def unpacked(rows: Any, count_max: int) -> tuple[Slot, ...]:
    """What was packed; ValueError or TypeError for anything else."""
    slots: list[Slot] = []
    for *place, last in rows:
        order = checked_order(place)
        if type(last) is not int:
            slots.append(Slot(*order, checked_element(last)))
            continue
        if not 1 <= last <= count_max - len(slots) or order[3] + last > OFFSET_MAX:
            raise ValueError(f"{last} slots at once")
        stamp, replica, seq, first = order
        for offset in range(first, first + last):
            slots.append(Slot(stamp, replica, seq, offset, (replica, seq, offset)))
    return tuple(slots)
