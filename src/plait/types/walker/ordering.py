"""An order to take many events in: each after its parents, and branches one after another.

Walking from one branch to another costs what they differ by, so a branch is followed until it
waits for another one.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

from plait.base.errors import BadFrame
from plait.types.walker.items import Event

OFTEN = 4  # of as many events one goes elsewhere


def ordered(
    events: Sequence[Event],
    base: int,
    lasts: list[int],
) -> Iterator[tuple[Any, int, tuple[int, ...] | None]]:
    """Each event with the LV of its last unit and its parents, as they are given.

    base: the LV of the first unit of the first event. lasts: filled with those of the last units.
    """
    parents_of: list[tuple[int, ...] | None] = []
    lv = base
    for index, event in enumerate(events):
        units = _units(event[2])
        lv += units
        parents = event[3]
        if parents is None:
            parents = (lasts[-1],) if lasts else None
        elif any(parent >= lv - units for parent in parents):
            raise BadFrame(f"event {index} comes before one of its parents")
        parents_of.append(parents)
        lasts.append(lv - 1)
    waiting: list[int] = []
    children: dict[int, list[int]] = {}
    ready: list[int] = []
    for index, parents in enumerate(parents_of):
        inner = [bisect_left(lasts, p) for p in parents or () if p >= base]
        waiting.append(len(inner))
        for parent in inner:
            children.setdefault(parent, []).append(index)
        if not inner:
            ready.append(index)
    ready.reverse()
    while ready:
        index = ready.pop()
        yield events[index], lasts[index], parents_of[index]
        for child in reversed(children.get(index, ())):
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)


def alternates(events: Sequence[Event], base: int) -> bool:
    """Whether branches take turns so often that it pays to look for another order."""
    turns = 0
    lv = base
    for _, _, edits, parents in events:
        if parents is not None and parents != (lv - 1,):
            turns += 1
        for what in edits[1::2]:
            lv += what if type(what) is int else len(what)
    return turns * OFTEN > len(events)


def _units(edits: Sequence[Any]) -> int:
    return sum([_size(what) for what in edits[1::2]])


def _size(what: Any) -> int:
    if type(what) is int:
        return what
    return 1 if type(what) is list else len(what)  # a list is a mark
