"""What operations on a list have to say for what people want: edits at places.

Edits come one after another, so deletions go from the last to the first: none moves another.
"""

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
