"""What an operation did to a list, as patches by index for those who watch it.

A patch is (index, how many elements are deleted there, the values that are inserted), each as of
after the ones before it. A value that is replaced is deleted and inserted.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from plait.types.lists.slots import ElementId
from plait.types.lists.state import ListState
from plait.types.plain import given
from plait.types.walker.walker import Patch

Act: TypeAlias = Callable[[], None]


def patches_of(
    state: ListState, watching: Callable[[ListState, Act], list[Patch]], act: Act
) -> list[Patch]:
    """The patches of `act`; `watching` gives those of slots."""
    items = state.items
    shown = [items.slots[at] for at in items.shown()] if items.crowded else items.slots[:]
    crowded = bool(items.crowded)
    items.written = []
    try:
        patches = watching(state, act)
        written = items.written
    finally:
        items.written = None
    if not crowded and not items.crowded:
        found = [_by_index(state, patch) for patch in patches]
    else:  # a slot may have come into sight, or gone out of it, that no patch says anything of
        found = [_difference([slot.element for slot in shown], state)]
        patches = []
    come = dict.fromkeys(slot.element for _, _, slots in patches for slot in slots or ())
    found += [_replaced(state, id_) for id_ in written if id_ not in come]
    return [patch for patch in found if patch[1] or patch[2]]


def _by_index(state: ListState, patch: Patch) -> Patch:
    pos, gone, slots = patch
    known = state.items.known
    return (pos, gone, [given(known[slot.element].value) for slot in slots or ()])


def _difference(old: Sequence[ElementId], state: ListState) -> Patch:
    """One patch that leads from what showed to what shows."""
    new = state.ids()
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    values = [given(value) for value in state.values(head, len(new) - tail)]
    return (head, len(old) - tail - head, values)


def _replaced(state: ListState, id_: ElementId) -> Patch:
    index = state.index_of(id_)
    if index is None:
        return (0, 0, [])
    return (index, 1, [given(state.items.known[id_].value)])
