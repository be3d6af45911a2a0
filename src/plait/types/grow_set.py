"""A set that only grows.

Its elements go only with what holds the set, when that is removed (`clear`). An element has a cell
for each addition that no other has seen.

Source: the G set of Shapiro et al., "A comprehensive study of CRDTs" (2011), 3.3.1.
"""

from collections.abc import Sequence
from typing import Any

from plait.base.causality import Dot
from plait.graph.event import Event
from plait.types.cells import Cells
from plait.types.element import frozen
from plait.types.element_set import ElementSet
from plait.types.graph_type import Happened, Mutation


class GrowSet(ElementSet):
    """Mutation ("add", element); nothing is told of an element that is in."""

    tag = "gs"
    removes = False

    def adds(self, state: Cells, slot: bytes) -> bool:
        """If it is not in."""
        return slot not in state.slots

    def takes(self, state: Cells, slot: bytes) -> bool:
        """Never."""
        return False

    def change(self, state: Cells, slot: bytes, added: bool, event: Event) -> None:
        """Replace the cells that were seen."""
        state.take(slot, event)
        state.put(slot, event.dot, True)

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """None: nothing goes out."""
        return None

    def before(self, state: Cells, mutation: Mutation, dot: Dot) -> Any:
        """None."""
        return None

    def specification(self, history: Sequence[Happened]) -> frozenset[Any]:
        """Whatever was added."""
        return frozen(self.said_of(history))
