"""A register that holds the last value assigned to it.

An assignment takes away the ones that it has seen, so a causal successor always wins. Among
concurrent ones the greatest (stamp, replica, sequence number) is read; the others stay, to be
looked at with `losers`, until they are stable.

State: one slot, cells ``{dot: [stamp, value]}``. Body: ``[value]``, or ``[]`` to unset (only
undoing does that).

Source: Shapiro et al., "A comprehensive study of CRDTs" (2011), 3.2.1, over the cells of a
multi-value register, so that losing needs no clock that is right.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from plait.base.causality import Context, Dot
from plait.base.errors import BadCall, BadFrame
from plait.base.hlc import HLC_MAX
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.cells import Cells, CellType, covered
from plait.types.graph_type import Happened, Here, Mutation, Slot
from plait.types.plain import given, taken

SLOT = b""
_TOUCHED = (SLOT,)
_NO_CELLS: dict[Dot, Any] = {}


class LastWriterWins(CellType):
    """The greatest of the concurrent assignments."""

    tag = "r"

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """("set", value), or ("restore", ...) as `inverse` gives it."""
        if mutation[0] == "set" and len(mutation) == 2:
            return [taken(mutation[1])]
        match mutation:
            case ("restore", dot, was_set, value):
                if _winner(state) != dot:
                    return None  # somebody has written since: there is nothing to take back
                return [taken(value)] if was_set else []
        raise BadCall(f"a register has no {mutation!r}")

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        """Replace what the event has seen."""
        if type(body) is not list or len(body) > 1:
            return
        cells = state.slots.get(SLOT)
        replica, seq, context = event[0], event[1], event[3]
        left: dict[Dot, Any] = {}
        if cells is not None:
            for dot, cell in cells.items():
                author, other = dot  # `event.sees(dot)`, without the call
                if other >= seq if author == replica else other > context.get(author, 0):
                    left[dot] = cell
        if body:
            left[(replica, seq)] = [event[2], body[0]]
            state.place(SLOT, left)
        else:
            state.replace(SLOT, left)

    def value(self, state: Cells) -> Any:
        """The value of the winner; None if nothing was assigned."""
        cells = state.slots.get(SLOT)
        if cells is None:
            return None
        if len(cells) == 1:
            (cell,) = cells.values()
            return given(cell[1])
        return given(max(cells.items(), key=_order)[1][1])

    def losers(self, state: Cells) -> list[tuple[Dot, int, Any]]:
        """(dot, stamp, value) of the concurrent assignments that lost, greatest first."""
        cells = sorted(state.slots.get(SLOT, {}).items(), key=_order, reverse=True)
        return [(dot, stamp, given(value)) for dot, (stamp, value) in cells[1:]]

    def fold(self, state: Cells, cut: Context) -> None:
        """Of the stable assignments keep the greatest.

        Only among those: an event still to come has seen all of them, so it takes all or none,
        and the others never show. It may have seen the winner and not a loser that is unstable:
        then that one is read. And a stable winner beside an unstable greater one is still a
        loser to look at.
        """
        cells = state.slots.get(SLOT)
        if cells is None or len(cells) == 1:
            return
        stable = [item for item in cells.items() if covered(item[0], cut)]
        if len(stable) > 1:
            keep, _ = max(stable, key=_order)
            state.replace(
                SLOT,
                {d: cell for d, cell in cells.items() if d == keep or not covered(d, cut)},
            )

    def touched(self, body: Any, replica: int) -> Iterable[Slot]:
        """The one slot."""
        return _TOUCHED

    def payload(self, slot: Slot, payload: Any) -> Any:
        """[stamp, value]."""
        if slot != SLOT or not isinstance(payload, list) or len(payload) != 2:
            raise BadFrame(f"no cell of a register: {payload!r}")
        stamp = payload[0]
        if type(stamp) is not int or not 0 <= stamp <= HLC_MAX:
            raise BadFrame(f"no stamp: {stamp!r}")
        return payload

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """Assign what was read before, if this assignment is still the one that is read."""
        if mutation[0] == "restore":
            if _winner(state) != mutation[1]:
                return None
            if not mutation[2]:
                dot = None  # type: ignore[assignment]  # nothing will be there
        return ("restore", dot, self.alive(state), self.value(state))

    def before(self, state: Cells, mutation: Mutation, dot: Dot) -> Any:
        """The cells."""
        if mutation[0] == "set":
            return state.slots.get(SLOT, _NO_CELLS)
        return self.inverse(state, mutation, dot)

    def taking_back(self, before: Any, mutation: Mutation, dot: Dot) -> Mutation | None:
        """See `inverse`."""
        if mutation[0] != "set":
            found: Mutation | None = before
            return found
        state = self.zero()
        if before:
            state.slots[SLOT] = before
        return self.inverse(state, mutation, dot)

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """One of a few values."""
        return ("set", _FEW[random.getrandbits(3)])

    def specification(self, history: Sequence[Happened]) -> Any:
        """The greatest assignment that no later event has seen."""
        events = [event for event in history if event.cleared or _sensible(event.body)]
        erased = {dot for event in events for dot in event.past}
        standing = [event for event in events if event.body and event.dot not in erased]
        return max(standing, key=lambda event: event.order).body[0] if standing else None


_FEW = (0, 1, 1.0, True, None, "a", ["a"], {"a": 1})


def _sensible(body: Any) -> bool:
    return type(body) is list and len(body) < 2


def _order(item: tuple[Dot, Any]) -> tuple[int, Dot]:
    return (item[1][0], item[0])


def _winner(state: Cells) -> Dot | None:
    cells = state.slots.get(SLOT)
    return max(cells.items(), key=_order)[0] if cells else None


LAST_WRITER_WINS = LastWriterWins()
