"""Types made of cells: the dot store under most of the catalogue.

The state is ``{slot: {dot: payload}}``. An event puts a cell under its own dot and takes away cells
that it has seen; nothing else ever changes a cell. So a cell's fate is decided by what was seen
alone, and one join serves every such type::

    here \\ there     has the cell     lacks it, has seen its dot     has not seen its dot
    has the cell     keep             drop: it was taken away there  keep
    lacks, has seen  drop             -                              -
    has not seen     take             -                              -

Invariants: no slot is empty; two cells with one dot in one slot are equal wherever they are; the
dots of one slot come from events that named the slot, or are listed in `delta` of a whole state.
Only `put` changes the dict of a slot, all else exchanges it.

Source: Almeida, Shoker, Baquero, "Delta State Replicated Data Types" (2018), dot stores; the
context is the scope's version vector, and a delta is the touched slots as they stand.

Absent: tombstones. What was taken away is covered by the vector and not there.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec

from plait.base.causality import Context, Dot
from plait.base.codec import canonical, encode
from plait.base.errors import BadCall, BadFrame
from plait.graph.event import REPLICA_MAX, SEQ_MAX, Event
from plait.types.graph_type import GraphType, Mutation, Slot

Journal: TypeAlias = list[tuple[Slot, dict[Dot, Any] | None]]  # slots as they were, oldest first


class Cells:
    """The state: cells by slot. Change it only through `put`, `take`, `replace` and `place`."""

    __slots__ = ("dirty", "journal", "slots")

    def __init__(self) -> None:
        self.slots: dict[Slot, dict[Dot, Any]] = {}
        self.dirty: set[Slot] = set()  # changed since they were last saved
        self.journal: Journal | None = None  # while a draft is open

    def put(self, slot: Slot, dot: Dot, payload: Any) -> None:
        """Add a cell."""
        cells = self.slots.get(slot)
        if self.journal is not None:
            self.journal.append((slot, None if cells is None else dict(cells)))
        if cells is None:
            self.slots[slot] = {dot: payload}
        else:
            cells[dot] = payload
        self.dirty.add(slot)

    def take(self, slot: Slot, event: Event) -> None:
        """Take away every cell of the slot that the event has seen."""
        cells = self.slots.get(slot)
        if cells is not None:
            sees = event.sees
            self.replace(slot, {dot: cell for dot, cell in cells.items() if not sees(dot)})

    def replace(self, slot: Slot, cells: dict[Dot, Any]) -> None:
        """Let the slot hold these cells and no others."""
        before = self.slots.get(slot)
        if before == cells if before is not None else not cells:
            return
        if self.journal is not None:
            self.journal.append((slot, before))
        if cells:
            self.slots[slot] = cells
        else:
            self.slots.pop(slot, None)
        self.dirty.add(slot)

    def place(self, slot: Slot, cells: dict[Dot, Any]) -> None:
        """`replace` for the hot paths: some cells, which are not what the slot holds now."""
        if self.journal is not None:
            self.journal.append((slot, self.slots.get(slot)))
        self.slots[slot] = cells
        self.dirty.add(slot)

    def __len__(self) -> int:
        return len(self.slots)

    def __repr__(self) -> str:
        return f"<Cells {self.slots!r}>"


class CellType(GraphType[Cells]):
    """A graph type whose state is cells. Subclasses say what events put and take, and the value."""

    of_cells = True

    def zero(self) -> Cells:
        """No cells."""
        return Cells()

    def clear(self, state: Cells, event: Event) -> None:
        """Take away every cell that the event has seen."""
        for slot in list(state.slots):
            state.take(slot, event)

    def alive(self, state: Cells) -> bool:
        """Whether there is any cell."""
        return bool(state.slots)

    def dots(self, state: Cells) -> Iterable[Dot]:
        """The events that what is there comes from: a deletion that has seen them all hides it."""
        return [dot for cells in state.slots.values() for dot in cells]

    def delta(self, state: Cells, slots: Iterable[Slot] | None) -> Any:
        """[slot, [replica, seq, payload]…] of each, in the order of their encoding."""
        wanted = state.slots if slots is None else set(slots)
        get = state.slots.get
        if len(wanted) == 1:  # what most objects have
            (slot,) = wanted
            cells = get(slot, {})
            items = sorted(cells.items(), key=_dot) if len(cells) > 1 else cells.items()
            return [[slot, *[[r, s, payload] for (r, s), payload in items]]]
        return [
            [
                slot,
                *[[r, s, payload] for (r, s), payload in sorted(get(slot, {}).items(), key=_dot)],
            ]
            for slot in sorted(wanted, key=slot_order)
        ]

    def join(self, state: Cells, data: Any, mine: Context, theirs: Context, whole: bool) -> None:
        """The table at the top, slot by slot."""
        incoming = self.read(data)
        if theirs:
            _check_known(incoming, theirs)
        if whole:
            for slot in state.slots:
                incoming.setdefault(slot, {})
        for slot, cells in incoming.items():
            here = state.slots.get(slot)
            if here:
                joined = {
                    dot: payload
                    for dot, payload in here.items()
                    if dot in cells or dot[1] > theirs.get(dot[0], 0)
                }
            else:
                joined = {}
            for dot, payload in cells.items():
                if dot not in joined and dot[1] > mine.get(dot[0], 0):
                    joined[dot] = payload
            state.replace(slot, self.joined(slot, joined))

    def joined(self, slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
        """Cells of a slot after a join, if a type has more to say about them."""
        return cells

    def read(self, data: Any) -> dict[Slot, dict[Dot, Any]]:
        """Cells from what `delta` gave; raises `BadFrame`."""
        try:
            result: dict[Slot, dict[Dot, Any]] = {}
            for slot, *cells in data:
                if type(slot) not in (bytes, int) or slot in result:
                    raise BadFrame(f"{slot!r} is no slot, or there twice")
                self.check_slot(slot)
                result[slot] = self.checked(
                    slot, {_checked(r, s): self.payload(slot, p) for r, s, p in cells}
                )
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
            raise BadFrame(f"no cells of {type(self).__name__}: {error}") from None
        return result

    def check_slot(self, slot: Slot) -> None:
        """A slot that came from outside; raises as `payload` does."""
        return

    def checked(self, slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
        """The cells of a slot that came from outside, together; raises as `payload` does."""
        return cells

    def payload(self, slot: Slot, payload: Any) -> Any:
        """A payload that came from outside, checked.

        Raises `BadFrame`, TypeError, ValueError or `msgspec.DecodeError`.
        """
        return payload

    def unknown(self, mutation: Mutation) -> BadCall:
        """The error for a mutation that the type does not have."""
        return BadCall(f"{type(self).__name__} has no mutation {mutation!r}")

    def slots(self, state: Cells) -> Iterable[Slot] | None:
        """The slots that changed since this was last asked."""
        dirty, state.dirty = state.dirty, set()
        return dirty

    def mark(self, state: Cells) -> Any:
        """Begin to note slots as they are before they change; drafts nest."""
        if state.journal is None:
            state.journal = []
            return None
        return len(state.journal)

    def rollback(self, state: Cells, mark: Any) -> Cells:
        """Put the noted slots back."""
        assert state.journal is not None
        undo, state.journal = state.journal, None
        for slot, cells in reversed(undo[mark or 0 :]):
            state.replace(slot, cells or {})
        state.journal = None if mark is None else undo[:mark]
        return state

    def keep(self, state: Cells, mark: Any) -> None:
        """The draft was kept."""
        if mark is None:  # the outermost one
            state.journal = None

    def fold_slots(
        self, state: Cells, keep: Callable[[Slot, dict[Dot, Any]], dict[Dot, Any]]
    ) -> None:
        """Let each slot hold what `keep` says of it."""
        for slot, cells in list(state.slots.items()):
            kept = keep(slot, cells)
            if len(kept) != len(cells):
                state.replace(slot, kept)


def covered(dot: Dot, context: Context) -> bool:
    """Whether a vector covers a dot."""
    return dot[1] <= context.get(dot[0], 0)


def all_covered(dots: Iterable[Dot], context: Context) -> bool:
    """Whether a vector covers every one of these dots."""
    get = context.get
    return all(seq <= get(replica, 0) for replica, seq in dots)


def slot_of(value: Any) -> bytes:
    """The slot of an element or a key: its encoded bytes, map keys in one order."""
    data = encode(value)
    return canonical(data) if isinstance(value, dict | list | tuple) else data


def slot_order(slot: Slot) -> tuple[bool, Any]:
    """Slots in one order at every replica."""
    return (isinstance(slot, bytes), slot)


def _dot(item: tuple[Dot, Any]) -> Dot:
    return item[0]


def _checked(replica: Any, seq: Any) -> Dot:
    if type(replica) is not int or type(seq) is not int:
        raise BadFrame(f"({replica!r}, {seq!r}) is no dot")
    if not (1 <= replica <= REPLICA_MAX and 1 <= seq <= SEQ_MAX):
        raise BadFrame(f"({replica}, {seq}) is no dot")
    return (replica, seq)


def _check_known(incoming: dict[Slot, dict[Dot, Any]], theirs: Context) -> None:
    """A sender has no cells of events that it has not seen."""
    get = theirs.get
    for cells in incoming.values():
        for replica, seq in cells:
            if seq > get(replica, 0):
                raise BadFrame(f"a cell of ({replica}, {seq}), which its sender has not seen")
