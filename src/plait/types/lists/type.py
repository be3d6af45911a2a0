"""Lists that several people edit at once, as a graph type.

Mutations, with indexes of what shows: ("insert", index, values), ("delete", index, count),
("replace", index, count, values), ("move", from, to), ("set", index, value); and what undo gives.

* Insertions at one place stay whole: two people's runs stand one behind the other.
* A move keeps the element what it is. Of two moves at the same time the later one counts (by stamp,
  replica, number), and nothing is there twice.
* Whoever moves an element while somebody deletes it keeps it: its deletion had not seen the place
  where it stands now.
* The last writer of an element's value wins; who has seen a value overwrites it.

`plait.types.lists.bodies` has what operations say, `plait.types.lists.elements` how elements stand
in slots. A slot that lost against a concurrent move stays, unseen, until its element is moved or
deleted: places in operations count it, so nobody can drop it alone.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from plait.base.causality import Context, Dot
from plait.base.codec import decode, encode
from plait.base.errors import BadCall, BadFrame, BadValue
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.graph_type import Here, Mutation, Slot
from plait.types.lists.bodies import EDIT, SET, elements_in
from plait.types.lists.planning import (
    arranged,
    arranged_back,
    deletions,
    inserted,
    moved,
    placed_back,
    replaced,
    swapped,
)
from plait.types.lists.rows import (
    Known,
    dump,
    element_rows,
    learn,
    load,
    op_row,
    read_elements,
    read_ops,
)
from plait.types.lists.slots import ElementId
from plait.types.lists.state import ListState
from plait.types.lists.undoing import before
from plait.types.lists.watching import patches_of
from plait.types.plain import given, same_bytes, taken
from plait.types.walker.sequence_type import SequenceType
from plait.types.walker.walker import Patch


class ListType(SequenceType[ListState]):
    """See the module."""

    tag = "l"

    def zero(self) -> ListState:
        """No element."""
        return ListState()

    def dump(self, state: ListState) -> bytes:
        """See `plait.types.lists.rows`."""
        return dump(state)

    def load(self, data: bytes) -> ListState:
        """See `plait.types.lists.rows`."""
        return load(data)

    # ------------------------------------------------------------------ writing

    def prepare(self, state: ListState, mutation: Mutation, here: Here) -> Any:
        """`BadCall` for indexes that are not in the list, `BadValue` for what no list holds."""
        size = state.size()
        match mutation:
            case ("insert", index, values):
                _check_range(index, 0, size)
                return inserted(state, index, _plain(values))
            case ("delete", index, count):
                _check_range(index, count, size)
                return [EDIT, *deletions(state.places(index, index + count))] if count else None
            case ("replace", index, count, values):
                _check_range(index, count, size)
                return replaced(state, index, count, _plain(values))
            case ("move", source, target):
                _check_range(source, 1, size)
                _check_range(target, 1, size)
                return moved(state, source, target)
            case ("arrange", order):
                if sorted(order) != list(range(size)):
                    raise BadCall(f"that is no order of the {size} elements of a list")
                return arranged(state, order)
            case ("arrange_back", elements, moving):
                return arranged_back(state, elements, moving, here.replica)
            case ("set", index, value):
                _check_range(index, 1, size)
                return [SET, list(state.ids(index, index + 1)[0]), taken(value)]
            case ("put_back", element, written, value):
                return _put_back(state, element, written, value)
            case ("swap", gone, come, near):
                return swapped(state, gone, come, near)
            case ("place", element, near):
                return placed_back(state, element, near, here.replica)
        raise BadCall(f"a list has no {mutation!r}")

    def apply(self, state: ListState, body: Any, event: Event) -> None:
        """Edit the list as its author had seen it."""
        try:
            state.do(body, event)
        except BadFrame:
            return  # the same everywhere: whether it fits is a matter of what its author had seen

    def event_slots(self, body: Any, dot: Dot) -> Iterable[Slot] | None:
        """The operation, or the element that it writes."""
        return [encode(element) for element in elements_in(body)] or [encode(dot)]

    # ------------------------------------------------------------------ reading

    def value(self, state: ListState) -> list[Any]:
        """The values of the elements, in order."""
        return [given(value) for value in state.values()]

    def partial(self, state: ListState, slots: Iterable[Slot] | None) -> Any:
        """All of it."""
        return self.value(state)

    def watching(self, state: ListState, act: Callable[[], None]) -> list[Patch]:
        """The patches: index, how many elements are deleted there, the values that are inserted."""
        return patches_of(state, super().watching, act)

    def stamp(self, state: ListState) -> Any:
        """Which events there are, and how many elements are remembered."""
        return (super().stamp(state), len(state.items.known))

    # ------------------------------------------------------------------ roads

    def delta(self, state: ListState, slots: Iterable[Slot] | None) -> Any:
        """Everything as bytes; or [operations, base, elements]."""
        if slots is None:
            return dump(state)
        ops = []
        elements: dict[ElementId, None] = {}
        for slot in slots:
            assert isinstance(slot, bytes)
            name = decode(slot)
            if len(name) == 3:
                elements[name[0], name[1], name[2]] = None
                continue
            op = state.op((name[0], name[1]))
            if op is not None:
                ops.append(op)
                for what in op.edits:
                    if type(what) is not int:
                        elements.update(dict.fromkeys(slot.element for slot in what))
        ops.sort(key=lambda op: state.graph.last_seen(op.name, op.seq))
        rows = [op_row(op) for op in ops]
        return [rows, sorted(state.base.items()), element_rows(state.items, elements)]

    def join(
        self, state: ListState, data: Any, mine: Context, theirs: Context, whole: bool
    ) -> None:
        """Take in operations that are not here, and what is known of elements."""
        if isinstance(data, bytes):
            other = load(data)
            known = _all_known(other) + (_all_known(state) if mine else [])
            self._join_all(state, other, mine, theirs)
        else:
            if type(data) is not list or len(data) != 3:
                raise BadFrame("no operations on a list")
            known = read_elements(data[2])
            super().join(state, [read_ops(data[0]), data[1]], mine, theirs, whole)
        learn(state.items, known)

    def image(self, state: ListState) -> Any:
        """The slots with their elements, the latter as they were last written; not what is
        remembered of elements that are gone, for some may have forgotten it."""
        known = state.items.known
        elements = [known[slot.element] for slot in state.items.slots]
        return [state.items.slots, [(element.order, element.value) for element in elements]]

    # ------------------------------------------------------------------ undo, laws

    def before(self, state: ListState, mutation: Mutation, dot: Dot) -> Any:
        """What takes it back, said by elements: it means the same later."""
        return before(state, mutation, dot)

    def inverse(self, state: ListState, mutation: Mutation, dot: Dot) -> Mutation | None:
        """What takes it back."""
        found: Mutation | None = before(state, mutation, dot)
        return found

    def gen_op(self, random: Random, state: ListState) -> Mutation:
        """Short runs, often at the same places; and moves of the same elements."""
        size = state.size()
        chance = random.getrandbits(3)
        index = random.getrandbits(16) % (size + 1)
        if size > 12 or (chance < 2 and index < size):
            index = min(index, size - 1)
            return ("delete", index, 1 + random.getrandbits(2) % (size - index))
        if chance < 5 and index < size:
            return ("move", index, random.getrandbits(16) % size)
        values = [_FEW[random.getrandbits(3)] for _ in range(1 + random.getrandbits(1))]
        if chance == 5 and index < size:
            return ("set", index, values[0])
        if chance == 6 and index < size:
            return ("replace", index, 1, values)
        if chance == 7 and size and not random.getrandbits(2):
            key = random.getrandbits(4)
            return ("arrange", sorted(range(size), key=lambda at: (at ^ key, at)))
        return ("insert", index, values)


LIST = ListType()

_FEW = (0, 1, 1.0, True, None, "a", ["a"], {"a": 1})


def _check_range(index: Any, count: Any, size: int) -> None:
    if type(index) is not int or type(count) is not int:
        raise BadValue(f"an index is a number, not {index!r}, {count!r}")
    if index < 0 or count < 0 or index + count > size:
        raise BadCall(f"elements {index} to {index + count} of a list of {size}")


def _plain(values: Any) -> list[Any]:
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise BadValue(f"{type(values).__name__} is no sequence of values")
    return [taken(value) for value in values]


def _put_back(state: ListState, id_: ElementId, written: Any, value: Any) -> Any:
    known = state.items.known.get(id_)
    if known is None or not known.slots or same_bytes(known.value) != same_bytes(written):
        return None
    return [SET, list(id_), taken(value)]


def _all_known(state: ListState) -> list[Known]:
    """What a list knows of all its elements."""
    return read_elements(element_rows(state.items, state.items.known))
