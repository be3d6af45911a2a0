"""What the counters share: totals by replica, and floors below which they do not count.

The slot of a replica (its id) holds at most two cells::

    its total   {dot of its last event: (run, plus, minus)}     written by itself only
    a floor     {dot of a reset: (seq, (plus, minus))}          what the total was at `seq`

A total adds up everything since the *run* began, at sequence number `run`. A reset says for each
replica how far it had seen it and what the total was there; that does not count any more, and what
was added beyond still does, whatever order things arrive in. So nothing that was reset revives,
and an event that was concurrent with the reset survives.

A total that does not reach beyond its floor is *dead*: it is only kept for events of its replica
that have not seen the reset and continue the run. A replica that has seen it begins a new run with
its next event, and says so; then the dead run and its floors are of no use to anybody.

Bodies: ``amount`` continues the run, ``[amount]`` begins one, ``[[replica, seq, plus, minus]...]``
is a reset.

Invariants: no floor without a total; ``run <= seq of the floor``, and it is the greatest that was
seen, by (seq, dot); canonical bytes say nothing of dead totals, because how long they are kept
depends on what else was folded.

Source: the resettable counter of Weidner, Almeida, "An oblivious observed-reset embeddable
replicated counter" (2022), with cumulative totals in place of epochs.

Absent: a clear that is told by the event's context alone. Who has counted on meanwhile could not
know which part of a total was seen. So whoever clears resets first (`clearing`).
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeAlias

from plait.base.causality import Context, Dot
from plait.base.codec import encode
from plait.base.errors import BadFrame, BadValue
from plait.graph.event import Event
from plait.types.cells import Cells, CellType, covered
from plait.types.graph_type import Happened, Here, Slot

Total: TypeAlias = tuple[int, int, int]
Floor: TypeAlias = tuple[int, tuple[int, int]]

# Of one replica, up and down each, since the last reset. It is exact in every language, and the
# sum over a thousand replicas still is a 64-bit integer.
TOTAL_MAX = (1 << 53) - 1

RESET = ("reset",)
_NO_FLOOR: Floor = (0, (0, 0))
_NO_DOT: Dot = (0, 0)


class Tally(CellType):
    """Totals and floors; counters say which amounts there are."""

    clearing = RESET
    least: ClassVar[int] = -TOTAL_MAX  # amount that may be added

    # ------------------------------------------------------------------ writing

    def added(self, state: Cells, amount: Any, here: Here) -> Any:
        """The body that adds a checked amount; `BadValue` if the total would be too large."""
        cells = state.slots.get(here.replica)
        if cells is None:
            return [amount]
        if len(cells) == 1:
            ((_, plus, minus),) = cells.values()
        elif _dead(cells):
            return [amount]
        else:
            _, (_, plus, minus), _, _ = _parts(cells)
        if (plus + amount if amount > 0 else minus - amount) > TOTAL_MAX:
            raise BadValue(f"one replica can count up to {TOTAL_MAX} before a reset, no further")
        return amount

    def reset(self, state: Cells) -> Any:
        """The body that resets all that counts here; None if nothing does."""
        floors = []
        for slot, cells in sorted(state.slots.items()):
            dot, total, _, floor = _parts(cells)
            if dot[1] > floor[0]:
                floors.append([slot, dot[1], total[1], total[2]])
        return floors or None

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        """Add, or reset."""
        if type(body) is int:
            cells = state.slots.get(event[0])
            if state.journal is None and cells is not None and len(cells) == 1:
                self._count_on(state, cells, body, event)
            else:
                self._add(state, body, event, False)
        elif type(body) is list:
            if len(body) == 1 and type(body[0]) is int:
                self._add(state, body[0], event, True)
            else:
                for floor in body:
                    if _is_floor(floor):
                        _lower(state, floor, event)

    def _count_on(self, state: Cells, cells: dict[Dot, Any], amount: int, event: Event) -> None:
        """`_add` where there is a total without a floor, and no draft: the hot path."""
        ((run, plus, minus),) = cells.values()
        if amount > 0:
            plus += amount
        elif amount and amount >= self.least:
            minus -= amount
        else:
            return
        if plus <= TOTAL_MAX and minus <= TOTAL_MAX:
            replica = event[0]
            state.slots[replica] = {(replica, event[1]): (run, plus, minus)}
            state.dirty.add(replica)

    def _add(self, state: Cells, amount: int, event: Event, begins: bool) -> None:
        if not amount or amount < self.least:
            return
        replica, seq = event[0], event[1]
        cells = None if begins else state.slots.get(replica)
        kept: dict[Dot, Any] = {}
        if cells is None:
            run, plus, minus = seq, 0, 0
        elif len(cells) == 1:
            ((run, plus, minus),) = cells.values()
        else:
            _, (run, plus, minus), dot, floor = _parts(cells)
            kept[dot] = floor
        if amount > 0:
            plus += amount
        else:
            minus -= amount
        if plus <= TOTAL_MAX and minus <= TOTAL_MAX:
            kept[(replica, seq)] = (run, plus, minus)
            state.place(replica, kept)

    def clear(self, state: Cells, event: Event) -> None:
        """Take away totals that the event has seen and that count.

        The clear's author has reset what was there, so these it had folded away, with a deleted
        document that every later event knows of: nobody will continue them.
        """
        for slot, cells in list(state.slots.items()):
            dot, _, _, floor = _parts(cells)
            if dot[1] > floor[0] and event.sees(dot):
                state.replace(slot, {})

    # ------------------------------------------------------------------ reading

    def value(self, state: Cells) -> int:
        """Totals minus floors."""
        value = 0
        for cells in state.slots.values():
            _, (_, plus, minus), _, (_, (plus_floor, minus_floor)) = _parts(cells)
            value += plus - minus - plus_floor + minus_floor
        return value

    def alive(self, state: Cells) -> bool:
        """Whether something was added that no reset has seen."""
        return any(not _dead(cells) for cells in state.slots.values())

    def dots(self, state: Cells) -> Iterable[Dot]:
        """Those of the totals that count."""
        parts = map(_parts, state.slots.values())
        return [dot for dot, _, _, floor in parts if dot[1] > floor[0]]

    def touched(self, body: Any, replica: int) -> Iterable[Slot] | None:
        """The author's slot; those that a reset names."""
        if type(body) is list and not (len(body) == 1 and type(body[0]) is int):
            return tuple([floor[0] for floor in body if _is_floor(floor)])
        return (replica,)

    def specification(self, history: Sequence[Happened]) -> int:
        """The sum of the amounts that no reset has seen."""
        reset: set[Dot] = set()
        for event in history:
            if event.cleared or _amount(event.body) is None:
                reset |= event.past
        return sum(_amount(event.body) or 0 for event in history if event.dot not in reset)

    # ------------------------------------------------------------------ joining, folding

    def fold(self, state: Cells, cut: Context) -> None:
        """Drop dead totals whose floor is stable: their replicas will begin new runs."""
        for slot, cells in list(state.slots.items()):
            if len(cells) > 1 and _dead(cells) and covered(_parts(cells)[2], cut):
                state.replace(slot, {})

    def canonical(self, state: Cells, cut: Context) -> bytes:
        """The encoding without what is dead."""
        living = [slot for slot, cells in state.slots.items() if not _dead(cells)]
        return encode(self.delta(state, living))

    def joined(self, slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
        """The latest total, and the greatest floor of its run."""
        totals = [item for item in cells.items() if len(item[1]) == 3]
        if len(totals) == len(cells) <= 1:
            return cells
        if not totals:
            return {}
        dot, total = max(totals)
        floors = [(floor[0], at) for at, floor in cells.items() if len(floor) == 2]
        seq, at = max(floors, default=(0, _NO_DOT))
        return {dot: total, at: cells[at]} if seq >= total[0] else {dot: total}

    def check_slot(self, slot: Slot) -> None:
        """Slots are replicas."""
        if type(slot) is not int:
            raise BadFrame(f"{slot!r} is no replica")

    def payload(self, slot: Slot, payload: Any) -> Total | Floor:
        """A total or a floor."""
        if len(payload) == 3:
            run, plus, minus = payload
            found: Total | Floor = (run, plus, minus)
        else:
            run, (plus, minus) = payload
            found = (run, (plus, minus))
        if not (_is_count(plus) and _is_count(minus) and type(run) is int and run >= 1):
            raise BadFrame(f"{payload!r} is no total")
        return found

    def checked(self, slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
        """One total, of the slot's replica; a floor at most, which is no higher."""
        if not cells:
            return cells
        (dot, total), *floors = sorted(cells.items(), key=lambda item: -len(item[1]))
        good = len(total) == 3 and dot[0] == slot and total[0] <= dot[1] and len(floors) <= 1
        for _, floor in floors:
            good = good and len(floor) == 2 and total[0] <= floor[0] <= dot[1]
            good = good and floor[1][0] <= total[1] and floor[1][1] <= total[2]
        if not good:
            raise BadFrame(f"{cells!r} are no total and floor of {slot!r}")
        return cells


def check_amount(amount: Any) -> int:
    """An amount; `BadValue` for what is no int, or is too large."""
    if type(amount) is not int:
        raise BadValue(f"a counter counts in ints, not {type(amount).__name__}: {amount!r}")
    if not -TOTAL_MAX <= amount <= TOTAL_MAX:
        raise BadValue(f"a counter takes amounts up to {TOTAL_MAX}, not {amount}")
    return amount


def _parts(cells: dict[Dot, Any]) -> tuple[Dot, Total, Dot, Floor]:
    """The total and the floor of a slot, with their dots."""
    if len(cells) == 1:
        ((dot, total),) = cells.items()
        return dot, total, _NO_DOT, _NO_FLOOR
    (dot, total), (at, floor) = cells.items()
    return (dot, total, at, floor) if len(total) == 3 else (at, floor, dot, total)


def _dead(cells: dict[Dot, Any]) -> bool:
    dot, _, _, floor = _parts(cells)
    return dot[1] <= floor[0]


def _lower(state: Cells, floor: list[int], event: Event) -> None:
    """Let a replica's total count from here on only, unless it is of another run by now."""
    slot, seq, plus, minus = floor
    cells = state.slots.get(slot)
    if cells is None or not event.sees((slot, seq)):
        return
    dot, total, at, old = _parts(cells)
    fits = total[0] <= seq <= dot[1] and plus <= total[1] and minus <= total[2]
    if fits and (seq, event.dot) > (old[0], at):
        state.place(slot, {dot: total, event.dot: (seq, (plus, minus))})


def _is_floor(floor: Any) -> bool:
    if type(floor) is not list or len(floor) != 4:
        return False
    return all(type(part) is int and part >= 0 for part in floor) and _is_count(max(floor[2:]))


def _is_count(count: Any) -> bool:
    return type(count) is int and 0 <= count <= TOTAL_MAX


def _amount(body: Any) -> int | None:
    """The amount in a body; None for a reset."""
    if type(body) is list and len(body) == 1:
        body = body[0]
    return body if type(body) is int else None
