"""An order to take many events in: each after its parents, and branches one after another.

Walking from one branch to another costs what they differ by, so a branch is followed until it
waits for another one. Before that, what an author did without a pause is made one event.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from plait.base.errors import BadFrame
from plait.types.walker.items import Event
from plait.types.walker.spans import Name, Version

OFTEN = 8  # events of a chain; of shorter ones it is worth to look for another order


def chained(
    events: Iterable[Event],
    base: int,
    is_content: Callable[[Any], bool],
    joined: Callable[[list[Any]], Any],
) -> tuple[list[Event], list[int]]:
    """The events, those that an author did one right after another as one, what was typed in it as
    one edit; and the LV of the last unit of each. base: the LV of the first unit of all."""
    found: list[Event] = []
    lasts: list[int] = []
    chain: list[Any] = []  # the edits of the last one found
    pile: list[Any] = []  # pieces of its last edit
    author: Name = 0
    number, last, place = -1, base - 1, -1  # how the chain goes on
    for event in events:
        name, seq, edits, parents = event
        fits = not len(edits) % 2  # else it will be refused
        goes_on = fits and seq == number and name == author and parents == (last,)
        if goes_on and len(edits) == 2 and edits[0] == place:
            what = edits[1]
            if type(edits[0]) is int and is_content(what):
                pile.append(what)
                size = len(what)
                number += size
                last += size
                place += size
                continue
        if len(pile) > 1:
            chain[-1] = joined(pile)
        if goes_on:
            chain += edits
        else:
            if found:
                lasts.append(last)
            author, number, chain = name, seq, list(edits)
            found.append((name, seq, chain, parents))
        units = sum([_size(what, is_content) for what in edits[1::2]])
        number += units
        last += units
        pile, place = [], -1
        if edits and fits and is_content(edits[-1]) and type(edits[-2]) is int:
            pile = [edits[-1]]
            place = edits[-2] + len(edits[-1])
    if len(pile) > 1:
        chain[-1] = joined(pile)
    if found:
        lasts.append(last)
    return found, lasts


def ordered(
    events: Sequence[Event], base: int, lasts: list[int]
) -> Iterator[tuple[Event, int, Version | None]]:
    """Each event with the LV of its last unit and its parents, as they are given.

    base: the LV of the first unit of the first event. lasts: those of the last units.
    """
    parents_of: list[Version | None] = []
    for index, event in enumerate(events):
        before = lasts[index - 1] if index else base - 1
        parents = event[3]
        if parents is None:
            parents = (before,) if index else None
        elif any(parent > before for parent in parents):
            raise BadFrame(f"event {index} comes before one of its parents")
        parents_of.append(parents)
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


def _size(what: Any, is_content: Callable[[Any], bool]) -> int:
    if type(what) is int:
        return what
    return len(what) if is_content(what) else 1  # a mark, or what will be refused
