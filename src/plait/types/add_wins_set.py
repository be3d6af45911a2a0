"""A set in which an element stays if somebody added it while somebody else removed it.

An element has a cell for each addition that no later operation on it has seen, and is in iff
there is one. A removal takes away what it has seen and leaves nothing.

Source: the observed-remove set of Shapiro et al., "A comprehensive study of CRDTs" (2011), 3.3.5,
without tombstones as in Bieniusa et al., "An optimized conflict-free replicated set" (2012).
"""

from collections.abc import Sequence
from typing import Any

from plait.base.causality import Dot
from plait.graph.event import Event
from plait.types.cells import Cells
from plait.types.element import frozen
from plait.types.element_set import ElementSet
from plait.types.graph_type import Happened


class AddWinsSet(ElementSet):
    """Mutations ("add", element) and ("remove", element); removing what is not in does nothing."""

    tag = "aw"

    def adds(self, state: Cells, slot: bytes) -> bool:
        """Always, so that it stays if it is being removed elsewhere."""
        return True

    def takes(self, state: Cells, slot: bytes) -> bool:
        """If it is in."""
        return slot in state.slots

    def change(self, state: Cells, slot: bytes, added: bool, event: Event) -> None:
        """Take away what was seen; put a cell for an addition."""
        cells = state.slots.get(slot)
        replica, seq, context = event[0], event[1], event[3]
        left: dict[Dot, Any] = {}
        for dot in cells or ():
            author, other = dot  # `event.sees(dot)`, without the call
            if other >= seq if author == replica else other > context.get(author, 0):
                left[dot] = True
        if added:
            left[(replica, seq)] = True
            state.place(slot, left)
        elif cells is not None:
            state.replace(slot, left)

    def specification(self, history: Sequence[Happened]) -> frozenset[Any]:
        """What was added by an event that no removal has seen."""
        present = []
        for slot, said in self.said_of(history).items():
            removed = frozenset().union(*(event.past for added, event in said if not added))
            if any(added and event.dot not in removed for added, event in said):
                present.append(slot)
        return frozen(present)
