"""A set in which an element goes if somebody removed it while somebody else added it.

An element has a cell for each operation on it that no later one has seen, and is in iff there is
one and none is a removal. Removing what is not in says something too: that it is to stay out,
even if it is being added elsewhere.

Source: Preguiça, "Conflict-free Replicated Data Types: An Overview" (2018), remove-wins sets.
"""

from collections.abc import Sequence
from typing import Any

from plait.base.causality import Context, Dot
from plait.graph.event import Event
from plait.types.cells import Cells, all_covered
from plait.types.element import frozen
from plait.types.element_set import ElementSet
from plait.types.graph_type import Happened, Slot


class RemoveWinsSet(ElementSet):
    """Mutations ("add", element) and ("remove", element)."""

    tag = "rw"
    keeps_removals = True

    def adds(self, state: Cells, slot: bytes) -> bool:
        """Always."""
        return True

    def takes(self, state: Cells, slot: bytes) -> bool:
        """Always."""
        return True

    def change(self, state: Cells, slot: bytes, added: bool, event: Event) -> None:
        """Replace what was seen."""
        state.take(slot, event)
        state.put(slot, event.dot, added)

    def fold(self, state: Cells, cut: Context) -> None:
        """Drop elements that are out if all that was said of them is stable.

        A stable removal alone is no reason. Beside it an addition may stand that some event still
        to come has not seen: a clear would take the removal and leave the addition, which is in
        then. When all is stable, every later event replaces all of it.
        """

        def keep(slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
            return cells if all(cells.values()) or not all_covered(cells, cut) else {}

        self.fold_slots(state, keep)

    def specification(self, history: Sequence[Happened]) -> frozenset[Any]:
        """What was added by the operations that no other on the element has seen, all of them."""
        present = []
        for slot, said in self.said_of(history).items():
            seen = frozenset().union(*(event.past for _, event in said))
            if all(added for added, event in said if event.dot not in seen):
                present.append(slot)
        return frozen(present)
