"""Registers that keep concurrent writes until somebody, or a function, has made one of them.

A write replaces heads that its author saw, all of them or those that it names; a causal successor
always wins. What is left are the *siblings*: `plait.types.ask_register` asks a person to decide,
`plait.types.merge_register` a function. `plait.types.kept_writes` has the state.

Bodies: ``[SET, value]``, ``[UNSET]``, either with the dots that it replaces if not all heads, and
``[CONTEST, heads]``. The heads that an author saw follow from what its event has seen, so bodies
do not repeat them. A write replaces at least one of the heads that it saw (naming none of them
means all): `kept_writes.folded` rests on that.

Absent: reading concurrent writes as a set of values. Equal ones are one sibling.
"""

import abc
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from plait.base.causality import Context, Dot
from plait.base.errors import BadCall, BadFrame
from plait.base.hlc import HLC_MAX
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.cells import Cells, CellType
from plait.types.graph_type import Happened, Here, Mutation, Slot
from plait.types.kept_writes import CLEAR, CONTEST, SLOT, WRITE, Writes, base_of, dots_of, folded
from plait.types.kept_writes import tidy as tidied
from plait.types.plain import given, same_bytes, taken

_SET, _UNSET, _CONTEST = 0, 1, 2
_TOUCHED = (SLOT,)
_FEW = (0, 1, 1.0, True, "a", ["a"], {"a": 1}, {"a": 1, "b": 2})


class Sibling(msgspec.Struct, frozen=True):
    """One of the values that nobody has decided between."""

    dot: Dot  # of the write; of equal ones the greatest
    hlc: int
    value: Any


class Siblings(msgspec.Struct, frozen=True):
    """Concurrent values: a conflict, if there are several."""

    base: Any  # what their authors last agreed on; None if on nothing
    heads: tuple[Sibling, ...]  # different values, by (stamp, replica, sequence number)
    shown: Any  # the value of the last, read meanwhile


class ConcurrentRegister(CellType, abc.ABC):
    """What `Merge` and `Ask` registers have in common."""

    def zero(self) -> Writes:
        """Nothing assigned."""
        return Writes()

    # ------------------------------------------------------------------ writing

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """("set", value), ("resolve", value), ("contest", heads), or what `inverse` gives."""
        assert isinstance(state, Writes)
        match mutation:
            case ("set", value):
                return self._assignment(state, taken(value))
            case ("resolve", value):
                return [_SET, taken(value)]
            case ("contest", heads):
                dots = sorted(map(tuple, heads))
                if state.contested or len(dots) < 2 or dots != sorted(state.heads):
                    return None  # done already, or they stand no longer
                return [_CONTEST, [list(dot) for dot in dots]]
            case ("restore", dot, was_set, value):
                if dot not in state.heads:
                    return None  # somebody has written since: there is nothing to take back
                # the siblings of the write that is taken back stay siblings
                named = [] if len(state.heads) == 1 else [[list(dot)]]
                return [_SET, taken(value), *named] if was_set else [_UNSET, *named]
        raise BadCall(f"a register has no {mutation!r}")

    @abc.abstractmethod
    def _assignment(self, state: Writes, value: Any) -> Any:
        """The body of a plain assignment."""

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        """Add a write whose parents are the heads that it replaces; take nothing away."""
        assert isinstance(state, Writes)
        match body:
            case [0, value]:
                _write(state, event, [value])
            case [0, value, [*dots]]:
                _write(state, event, [value], dots)
            case [1]:
                _write(state, event, [])
            case [1, [*dots]]:
                _write(state, event, [], dots)
            case [2, [*dots]]:
                try:
                    heads = dots_of(dots)
                except (TypeError, ValueError):
                    return
                standing = len(heads) > 1 and heads == tuple(sorted(state.heads))
                if standing and all(map(event.sees, heads)):
                    state.put(SLOT, event.dot, [heads])

    def clear(self, state: Cells, event: Event) -> None:
        """A write without value: what the event has not seen stays beside it.

        When a deletion is carried out that is stable, no replica's event clears; nobody will be
        concurrent to what is cleared then, so it just goes.
        """
        assert isinstance(state, Writes)
        if event.replica:
            _write(state, event, [])
        else:
            left = {dot: cell for dot, cell in state.cells.items() if not event.sees(dot)}
            state.replace(SLOT, tidied(left))

    # ------------------------------------------------------------------ reading

    def alive(self, state: Cells) -> bool:
        """Whether a value stands."""
        assert isinstance(state, Writes)
        return bool(state.standing)

    def value(self, state: Cells) -> Any:
        """The value that is shown: the greatest head's."""
        assert isinstance(state, Writes)
        standing = state.standing
        return given(state.cells[standing[-1]][2]) if standing else None

    def siblings(self, state: Cells) -> Siblings:
        """The values that stand, one or none if there is no conflict."""
        assert isinstance(state, Writes)
        cells = state.cells
        found: dict[bytes, Sibling] = {}
        for dot in reversed(state.standing):
            stamp, _, value = cells[dot]
            data = same_bytes(value)
            if data not in found:
                found[data] = Sibling(dot, stamp, given(value))
        heads = tuple(reversed(found.values()))
        base = base_of(cells) if len(heads) > 1 else None
        return Siblings(
            None if base is None else given(base[2]), heads, heads[-1].value if heads else None
        )

    @abc.abstractmethod
    def conflict(self, state: Cells) -> Siblings | None:
        """What a person has to decide between, if anything."""

    # ------------------------------------------------------------------ the rest of the contract

    def joined(self, slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
        """Parents that were folded away are named no more; nor are contests that are over."""
        return tidied(cells)

    def fold(self, state: Cells, cut: Context) -> None:
        """Drop what is neither a head nor the base of any, now or later."""
        assert isinstance(state, Writes)
        cells = state.cells
        if cells:
            kept = folded(cells, cut)
            if kept is not cells:
                state.replace(SLOT, kept)

    def touched(self, body: Any, replica: int) -> Iterable[Slot]:
        """The one slot."""
        return _TOUCHED

    def payload(self, slot: Slot, payload: Any) -> Any:
        """See `plait.types.kept_writes`."""
        if slot != SLOT or not isinstance(payload, list) or not payload:
            raise BadFrame(f"no cell of a register: {payload!r}")
        if len(payload) == CONTEST:
            return [dots_of(payload[0])]
        stamp = payload[0]
        if (
            type(stamp) is not int
            or not 0 <= stamp <= HLC_MAX
            or not CLEAR <= len(payload) <= WRITE
        ):
            raise BadFrame(f"no cell of a register: {payload!r}")
        return [stamp, dots_of(payload[1]), *payload[2:]]

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """Assign what was read before, as long as nobody has written over this."""
        assert isinstance(state, Writes)
        if mutation[0] == "contest" or (
            mutation[0] == "restore" and mutation[1] not in state.heads
        ):
            return None
        return ("restore", dot, self.alive(state), self.value(state))

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """One of a few values, assigned or decided on."""
        assert isinstance(state, Writes)
        chance = random.getrandbits(4)
        if not chance and len(state.heads) > 1:
            return ("contest", list(state.heads))
        return ("resolve" if chance < 4 else "set", _FEW[random.getrandbits(3)])

    def specification(self, history: Sequence[Happened]) -> Any:
        """The greatest value that no later write has replaced."""
        standing, writes = _replay(history)
        values = [writes[dot] for dot in standing if not _is_unset(writes[dot])]
        return max(values, key=lambda event: event.order).body[1] if values else None


def _write(
    state: Writes, event: Event, value: list[Any], named: Sequence[Any] | None = None
) -> None:
    """Add a write, or a clear if there is no value, in place of the heads that it replaces."""
    seen = state.heads_seen(event)
    cells = state.cells
    replaced = list(seen)
    if named:
        wanted = [tuple(dot) for dot in named if isinstance(dot, list | tuple)]
        # heads that went with the clear of a whole document are replaced, and are no parents
        gone = all(dot not in cells and _is_seen(event, dot) for dot in wanted) and wanted
        replaced = [dot for dot in seen if dot in wanted] or ([] if gone else replaced)
    if not value and not any(len(cells[dot]) == WRITE for dot in replaced):
        return  # nothing there to clear
    if len(replaced) < len(seen):  # a clear is no sibling: whoever writes has taken note of it
        replaced += [dot for dot in seen if len(cells[dot]) == CLEAR and dot not in replaced]
    if state.contested:
        state.replace(SLOT, {d: cell for d, cell in cells.items() if len(cell) != CONTEST})
    state.put(SLOT, event.dot, [event.hlc, tuple(sorted(replaced)), *value])


def _is_seen(event: Event, dot: tuple[Any, ...]) -> bool:
    return len(dot) == 2 and all(type(part) is int for part in dot) and event.sees((dot[0], dot[1]))


# ----------------------------------------------------------------------------- as plainly as can be


def _is_unset(event: Happened) -> bool:
    return event.cleared or event.body[0] == _UNSET


def _is_write(event: Happened) -> bool:
    match event.body:
        case [0, _] | [0, _, [*_]] | [1] | [1, [*_]]:
            return True
    return event.cleared


def _replay(history: Sequence[Happened]) -> tuple[list[Dot], dict[Dot, Happened]]:
    """The heads of a history, and its writes."""
    writes: dict[Dot, Happened] = {}
    replaced: dict[Dot, list[Dot]] = {}  # by each write

    def heads(past: Iterable[Dot]) -> list[Dot]:
        known = sorted(dot for dot in past if dot in writes)
        gone = {dot for write in known for dot in replaced[write]}
        return [dot for dot in known if dot not in gone]

    for event in sorted(history, key=lambda event: (len(event.past), event.dot)):
        if not _is_write(event):
            continue
        seen = heads(event.past)
        named = [] if event.cleared else event.body[1 if event.body[0] == _UNSET else 2 :]
        targets = [dot for dot in seen if named and list(dot) in named[0]] or seen
        if _is_unset(event) and all(_is_unset(writes[dot]) for dot in targets):
            continue
        targets += [dot for dot in seen if _is_unset(writes[dot]) and dot not in targets]
        writes[event.dot], replaced[event.dot] = event, targets
    return heads(writes), writes
