"""A set in which what was removed is never in again.

An element has cells for additions and for removals that no later operation of the same kind has
seen; a removal takes away the additions that it has seen, an addition takes no removal. It is in
iff there is a cell and none says removed. Removals go only with what holds the set (`clear`).

Removing what is not in does nothing. Adding what was removed is a `BadValue`.

Source: the 2P set of Shapiro et al., "A comprehensive study of CRDTs" (2011), 3.3.2.
"""

from collections.abc import Sequence
from typing import Any

from plait.base.causality import Context, Dot
from plait.base.errors import BadValue
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.cells import Cells, all_covered
from plait.types.element import element_of, element_slot, frozen
from plait.types.element_set import ElementSet
from plait.types.graph_type import Happened, Mutation, Slot


class TwoPhaseSet(ElementSet):
    """Mutations ("add", element) and ("remove", element), which is for ever."""

    tag = "tp"
    keeps_removals = True

    def adds(self, state: Cells, slot: bytes) -> bool:
        """If it is not in; `BadValue` if it was removed."""
        cells = state.slots.get(slot)
        if cells is not None and not all(cells.values()):
            raise BadValue(f"{element_of(slot)!r:.100} was removed, and so it is never in again")
        return cells is None

    def takes(self, state: Cells, slot: bytes) -> bool:
        """If it is in."""
        return self.has(state, slot)

    def change(self, state: Cells, slot: bytes, added: bool, event: Event) -> None:
        """Replace the cells that were seen; an addition leaves removals alone."""
        sees = event.sees
        cells = {
            dot: cell
            for dot, cell in state.slots.get(slot, {}).items()
            if not sees(dot) or (added and not cell)
        }
        cells[event.dot] = added
        state.place(slot, cells)

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """None: a removal is for ever, also one that takes back an addition."""
        return None

    def before(self, state: Cells, mutation: Mutation, dot: Dot) -> Any:
        """None."""
        return None

    def fold(self, state: Cells, cut: Context) -> None:
        """Of what is stable and removed keep one removal: nothing brings the element back."""

        def keep(slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
            if all(cells.values()) or len(cells) == 1 or not all_covered(cells, cut):
                return cells
            return {max(dot for dot, added in cells.items() if not added): False}

        self.fold_slots(state, keep)

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """As in other sets, and rather a removal than a vain addition."""
        name, element = super().gen_op(random, state)
        cells = state.slots.get(element_slot(element), {})
        return ("add" if all(cells.values()) and name == "add" else "remove", element)

    def specification(self, history: Sequence[Happened]) -> frozenset[Any]:
        """What was added, without what was ever removed."""
        said = self.said_of(history)
        return frozen([slot for slot, what in said.items() if all(added for added, _ in what)])
