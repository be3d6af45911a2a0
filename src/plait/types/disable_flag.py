"""A flag that is off if somebody switched it off while somebody else switched it on.

One slot: a cell for each operation that no later one has seen, with what it said. It is on iff
there is one and none says off; so it is off at first. Bodies: True and False.

Source: Preguiça, "Conflict-free Replicated Data Types: An Overview" (2018), disable-wins flags.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from plait.base.causality import Context, Dot
from plait.base.errors import BadFrame
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.cells import Cells, CellType, all_covered
from plait.types.enable_flag import DISABLE, ENABLE, SLOT
from plait.types.graph_type import Happened, Here, Mutation, Slot


class DisableFlag(CellType):
    """Mutations ("enable",) and ("disable",); off at first."""

    tag = "dw"

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """Both say something even if it is so already: that it is to stay so."""
        if mutation == ENABLE:
            return True
        if mutation == DISABLE:
            return False
        raise self.unknown(mutation)

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        """Replace the cells that were seen."""
        if type(body) is bool:
            state.take(SLOT, event)
            state.put(SLOT, event.dot, body)

    def value(self, state: Cells) -> bool:
        """Whether it is on."""
        cells = state.slots.get(SLOT)
        return cells is not None and all(cells.values())

    def alive(self, state: Cells) -> bool:
        """Whether it is on: what says off goes once it is stable, and nobody may notice."""
        return self.value(state)

    def fold(self, state: Cells, cut: Context) -> None:
        """Drop everything if it is stable and off: every later event replaces it all anyway."""
        cells = state.slots.get(SLOT)
        if cells and not all(cells.values()) and all_covered(cells, cut):
            state.replace(SLOT, {})

    def touched(self, body: Any, replica: int) -> Iterable[Slot] | None:
        """The only slot."""
        return (SLOT,)

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """The other one, if the value changes."""
        if self.value(state) == (mutation == ENABLE):
            return None
        return DISABLE if mutation == ENABLE else ENABLE

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """Either."""
        return ENABLE if random.getrandbits(1) else DISABLE

    def specification(self, history: Sequence[Happened]) -> bool:
        """Of the operations that no other has seen: some, and none that says off."""
        seen = frozenset().union(*(event.past for event in history))
        last = [event.body for event in history if event.dot not in seen and not event.cleared]
        return bool(last) and all(last)

    def check_slot(self, slot: Slot) -> None:
        """There is one."""
        if slot != SLOT:
            raise BadFrame(f"a flag has no slot {slot!r}")

    def payload(self, slot: Slot, payload: Any) -> Any:
        """True or False."""
        if type(payload) is not bool:
            raise BadFrame(f"a flag's cell holds {payload!r}")
        return payload
