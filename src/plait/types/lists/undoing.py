"""Taking back what was done to a list: said by elements, so that it means the same later.

Elements that were inserted go, wherever they stand by then; those that were deleted come back,
beside the neighbours that they had. A value is put back if it is still the one that was written, a
place if nobody else has moved the element since.
"""

from typing import Any

from plait.base.causality import Dot
from plait.types.graph_type import Mutation
from plait.types.lists.planning import Near, near, out_of_order
from plait.types.lists.slots import ElementId
from plait.types.lists.state import ListState
from plait.types.plain import given, taken

Pairs = list[tuple[ElementId, Any]]


def before(state: ListState, mutation: Mutation, dot: Dot) -> Mutation | None:
    """The mutation that takes another one back, which will be the operation `dot`."""
    match mutation:
        case ("insert", index, values):
            return ("swap", _new(dot, len(values)), [], near(state, index, 0))
        case ("delete", index, count):
            return ("swap", [], _pairs(state, index, count), near(state, index, count))
        case ("replace", index, count, values):
            gone = _pairs(state, index, count)
            return ("swap", _new(dot, len(values)), gone, near(state, index, count))
        case ("move", source, _):
            return ("place", state.ids(source, source + 1)[0], near(state, source, 1))
        case ("arrange", order):
            return ("arrange_back", tuple(state.ids()), tuple(out_of_order(state, order)))
        case ("arrange_back", _, moved):
            return ("arrange_back", tuple(state.ids()), moved)
        case ("set", index, value):
            (id_,) = state.ids(index, index + 1)
            return ("put_back", id_, taken(value), given(state.items.known[id_].value))
        case ("put_back", id_, written, value):
            return ("put_back", id_, value, written)
        case ("place", id_, _):
            index = state.index_of(id_)
            return None if index is None else ("place", id_, near(state, index, 1))
        case ("swap", gone, come, where):
            return _swap_back(state, gone, come, where)
    return None


def _swap_back(state: ListState, gone: list[ElementId], come: Pairs, where: Near) -> Mutation:
    """The elements that come go, those that go come back."""
    there = [(index, id_) for id_ in gone if (index := state.index_of(id_)) is not None]
    there.sort()
    known = state.items.known
    pairs = [(id_, given(known[id_].value)) for _, id_ in there]
    if there:
        where = near(state, there[0][0], len(there))
    revived = [id_ for id_, _ in come if state.index_of(id_) is None]
    return ("swap", revived, pairs, where)


def _new(dot: Dot, count: int) -> list[ElementId]:
    """The elements that the operation will insert."""
    return [(*dot, offset) for offset in range(count)]


def _pairs(state: ListState, index: int, count: int) -> Pairs:
    ids = state.ids(index, index + count)
    values = state.values(index, index + count)
    return [(id_, given(value)) for id_, value in zip(ids, values, strict=True)]
