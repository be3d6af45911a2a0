"""What operations on a list have to say for what people want: edits at places.

Edits come one after another, so deletions go from the last to the first: none moves another.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from plait.types.lists.bodies import DELETE, EDIT, INSERT, MOVE, REVIVE
from plait.types.lists.slots import ElementId
from plait.types.lists.state import ListState
from plait.types.plain import taken


class Near(NamedTuple):
    """Where something stood: behind an element, before another, at some index."""

    left: ElementId | None
    right: ElementId | None
    at: int


def deletions(places: Sequence[int]) -> list[Any]:
    """Edits that delete the slots at some places, which are ascending."""
    edits: list[Any] = []
    end = len(places)
    while end:
        start = end - 1
        while start and places[start - 1] == places[start] - 1:
            start -= 1
        edits += [places[start], DELETE, end - start]
        end = start
    return edits


def inserted(state: ListState, index: int, values: Sequence[Any]) -> Any:
    """New elements."""
    return [EDIT, state.place(index), INSERT, list(values)] if values else None


def replaced(state: ListState, index: int, count: int, values: Sequence[Any]) -> Any:
    """New elements instead of others."""
    gone = state.places(index, index + count)
    edits = deletions(gone)
    if values:
        edits += [_after(state.place(index), gone), INSERT, list(values)]
    return [EDIT, *edits] if edits else None


def moved(state: ListState, source: int, target: int) -> Any:
    """An element goes to where it is at index `target` afterwards."""
    if source == target:
        return None
    gone = state.places(source, source + 1)
    # the element that it will stand behind, by its index as it is now
    before = target if target > source else target - 1
    place = _after(state.place(before + 1), gone)
    (id_,) = state.ids(source, source + 1)
    return [EDIT, *deletions(gone), place, MOVE, list(id_)]


# ----------------------------------------------------------------------------- another order


def arranged(state: ListState, order: Sequence[int]) -> Any:
    """The elements stand so that each one is that which had the index in `order`. As few as
    possible are moved."""
    ids = state.ids()
    return _in_order(state, [ids[index] for index in order], out_of_order(state, order))


def out_of_order(state: ListState, order: Sequence[int]) -> dict[ElementId, None]:
    """The elements that `arranged` moves."""
    ids = state.ids()
    stay = dict.fromkeys(_longest_ascent(order))
    return {ids[index]: None for index in order if index not in stay}


def arranged_back(
    state: ListState, before: Sequence[ElementId], moved: Sequence[ElementId], replica: int
) -> Any:
    """Elements that were moved go behind those that stood before them, as far as they are there;
    but none that somebody else has moved since."""
    known = state.items.known
    going = {
        id_: None
        for id_ in moved
        if (element := known.get(id_)) and element.slots and max(element.slots).replica == replica
    }
    present = dict.fromkeys(state.ids())
    elsewhere = dict.fromkeys(moved)  # as long as they are not going
    behind: dict[ElementId | None, list[ElementId]] = {}
    last: ElementId | None = None
    for id_ in before:
        if id_ in going:
            behind.setdefault(last, []).append(id_)
        elif id_ in present and id_ not in elsewhere:
            last = id_
    wanted = behind.get(None, [])
    for id_ in present:
        if id_ not in going:
            wanted.append(id_)
            wanted += behind.get(id_, [])
    return _in_order(state, wanted, going)


def _in_order(state: ListState, wanted: Sequence[ElementId], going: dict[ElementId, None]) -> Any:
    """The elements in another order, of which some move; the others are in it already."""
    gone = state.places_of(list(going))
    edits = deletions(gone)
    staying = iter([at for at, id_ in zip(state.items.shown(), state.ids(), strict=True)
                    if id_ not in going])  # fmt: skip
    place = come = 0
    for id_ in wanted:
        if id_ in going:
            edits += [place, MOVE, list(id_)]
            place += 1
            come += 1
        else:
            at = next(staying)
            place = at - bisect_left(gone, at) + come + 1
    return [EDIT, *edits] if edits else None


def _longest_ascent(numbers: Sequence[int]) -> list[int]:
    """A longest ascending subsequence. Source: Fredman, "On computing the length of longest
    increasing subsequences" (1975)."""
    ends: list[int] = []  # of the ascents of each length, the least last number,
    places: list[int] = []  # and where it stands
    before: list[int] = []  # where the number stands that comes before each one; -1: none
    for place, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(places[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        places[length : length + 1] = [place]
    found: list[int] = []
    place = places[-1] if places else -1
    while place >= 0:
        found.append(numbers[place])
        place = before[place]
    return found[::-1]


# ----------------------------------------------------------------------------- taking back


def swapped(
    state: ListState,
    gone: Sequence[ElementId],
    come: Sequence[tuple[ElementId, Any]],
    near: Near,
) -> Any:
    """Elements go, as far as they are there; others come back, as far as they are not."""
    places = state.places_of(gone)
    edits = deletions(places)
    place = _after(_place_near(state, near, gone), places)
    for id_, value in come:
        if state.index_of(id_) is None:
            edits += [place, REVIVE, [list(id_), taken(value)]]
            place += 1
    return [EDIT, *edits] if edits else None


def placed_back(state: ListState, id_: ElementId, near: Near, replica: int) -> Any:
    """An element goes back to where it stood, unless somebody else has moved it since."""
    known = state.items.known.get(id_)
    if known is None or not known.slots or max(known.slots).replica != replica:
        return None
    places = state.places_of([id_])
    place = _after(_place_near(state, near, [id_]), places)
    return [EDIT, *deletions(places), place, MOVE, list(id_)]


def near(state: ListState, index: int, count: int) -> Near:
    """Where the elements at an index stand."""
    left = state.ids(index - 1, index) if index else []
    right = state.ids(index + count, index + count + 1)
    return Near(left[0] if left else None, right[0] if right else None, index)


def _place_near(state: ListState, near: Near, without: Sequence[ElementId]) -> int:
    """Where that is now. The elements that are about to go are no neighbours."""
    ids = dict.fromkeys(without)
    if near.left is not None and near.left not in ids:
        index = state.index_of(near.left)
        if index is not None:
            return state.place(index + 1)
    if near.right is not None and near.right not in ids:
        index = state.index_of(near.right)
        if index is not None:
            return state.place(index)
    return state.place(min(near.at, state.size()))


def _after(place: int, gone: Sequence[int]) -> int:
    """A place after slots were deleted."""
    return place - sum(1 for other in gone if other < place)
