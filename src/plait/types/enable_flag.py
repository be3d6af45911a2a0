"""A flag that is on if somebody switched it on while somebody else switched it off.

One slot: a cell for each enabling that no later operation has seen. It is on iff there is one.
Bodies: True and False.

Source: Preguiça, "Conflict-free Replicated Data Types: An Overview" (2018), enable-wins flags.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from plait.base.causality import Dot
from plait.base.errors import BadFrame
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.cells import Cells, CellType
from plait.types.graph_type import Happened, Here, Mutation, Slot

SLOT = b""
ENABLE = ("enable",)
DISABLE = ("disable",)


class EnableFlag(CellType):
    """Mutations ("enable",) and ("disable",); off at first."""

    tag = "ew"

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """Enabling says something even if it is on: that it is to stay on."""
        if mutation == ENABLE:
            return True
        if mutation == DISABLE:
            return False if state.slots else None
        raise self.unknown(mutation)

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        """Take away the cells that were seen; put one if it is switched on."""
        if type(body) is bool:
            state.take(SLOT, event)
            if body:
                state.put(SLOT, event.dot, None)

    def value(self, state: Cells) -> bool:
        """Whether it is on."""
        return bool(state.slots)

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
        """Whether an enabling was seen by no other operation."""
        seen = frozenset().union(*(event.past for event in history))
        return any(event.body is True and event.dot not in seen for event in history)

    def check_slot(self, slot: Slot) -> None:
        """There is one."""
        if slot != SLOT:
            raise BadFrame(f"a flag has no slot {slot!r}")

    def payload(self, slot: Slot, payload: Any) -> Any:
        """None."""
        if payload is not None:
            raise BadFrame(f"a flag's cell holds {payload!r}")
        return payload
