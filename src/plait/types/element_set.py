"""What the sets share: a slot for each element, cells that say "added" or "removed".

Bodies: ``[element]`` adds, ``[element, False]`` removes. A cell holds True (added) or False
(removed). Which operations say something, which cells they take away, and when an element is in
is what the types decide.

Everything but reading a whole value costs what it touches, however large the set is.
"""

import abc
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from plait.base.causality import Dot
from plait.base.errors import BadFrame
from plait.base.ports import Random
from plait.graph.event import Event
from plait.types.cells import Cells, CellType
from plait.types.element import check_element, element_slot, frozen, sent_slot
from plait.types.graph_type import Happened, Here, Mutation, Slot

# Python takes three of them for equal; they are not.
SOME_ELEMENTS = ("a", "b", 1, 1.0, True, None, ("a", b"b"), ())


class ElementSet(CellType):
    """Mutations ("add", element) and, if the type has it, ("remove", element)."""

    removes: ClassVar[bool] = True
    keeps_removals: ClassVar[bool] = False  # whether cells say "removed"

    @abc.abstractmethod
    def adds(self, state: Cells, slot: bytes) -> bool:
        """Whether adding has something to tell."""

    @abc.abstractmethod
    def takes(self, state: Cells, slot: bytes) -> bool:
        """Whether removing has something to tell."""

    @abc.abstractmethod
    def change(self, state: Cells, slot: bytes, added: bool, event: Event) -> None:
        """An element was added or removed."""

    # ------------------------------------------------------------------ writing

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """`BadValue` for what can be no element."""
        if len(mutation) == 2:
            name, element = mutation
            if name == "add":
                return [element] if self.adds(state, element_slot(element)) else None
            if name == "remove" and self.removes:
                return [element, False] if self.takes(state, element_slot(element)) else None
        raise self.unknown(mutation)

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        """Change the element's cells."""
        said = self._said(body)
        if said is not None:
            self.change(state, said[0], said[1], event)

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """The other one, if the element comes in or goes out."""
        name, element = mutation
        if self.has(state, element_slot(element)) == (name == "add"):
            return None
        return ("remove" if name == "add" else "add", element)

    def before(self, state: Cells, mutation: Mutation, dot: Dot) -> Any:
        """Whether the element comes in or goes out."""
        adds = mutation[0] == "add"
        cells = state.slots.get(element_slot(mutation[1]))
        return True if adds != (cells is not None and all(cells.values())) else None

    def taking_back(self, before: Any, mutation: Mutation, dot: Dot) -> Mutation | None:
        """The other one."""
        return ("remove" if mutation[0] == "add" else "add", mutation[1])

    # ------------------------------------------------------------------ reading

    def has(self, state: Cells, slot: Slot) -> bool:
        """Whether the element of a slot is in."""
        cells = state.slots.get(slot)
        return cells is not None and all(cells.values())

    def value(self, state: Cells) -> frozenset[Any]:
        """The elements that are in; those that Python takes for equal show as one."""
        return self.partial(state, None)

    def partial(self, state: Cells, slots: Iterable[Slot] | None) -> frozenset[Any]:
        """The elements of these slots that are in."""
        if slots is None:
            slots = state.slots
            if not self.keeps_removals:
                return frozen(slots)
        return frozen([slot for slot in slots if self.has(state, slot)])

    def alive(self, state: Cells) -> bool:
        """Whether an element is in."""
        return any(all(cells.values()) for cells in state.slots.values())

    def touched(self, body: Any, replica: int) -> Iterable[Slot] | None:
        """The element's."""
        said = self._said(body)
        return () if said is None else (said[0],)

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """One of a few elements comes in, or goes out."""
        element = SOME_ELEMENTS[random.getrandbits(3)]
        return ("remove" if self.removes and not random.getrandbits(2) else "add", element)

    def said_of(self, history: Sequence[Happened]) -> dict[bytes, list[tuple[bool, Happened]]]:
        """For specifications: what was said of each element, and no clear has seen."""
        gone = frozenset[Dot]().union(*(event.past for event in history if event.cleared))
        found: dict[bytes, list[tuple[bool, Happened]]] = {}
        for event in history:
            said = None if event.cleared else self._said(event.body)
            if said is not None and event.dot not in gone:
                found.setdefault(said[0], []).append((said[1], event))
        return found

    # ------------------------------------------------------------------ from outside

    def check_slot(self, slot: Slot) -> None:
        """An element's."""
        check_element(slot)

    def payload(self, slot: Slot, payload: Any) -> bool:
        """Added, or removed."""
        if payload is True or (payload is False and self.keeps_removals):
            return bool(payload)
        raise BadFrame(f"a set's cell holds {payload!r}")

    def _said(self, body: Any) -> tuple[bytes, bool] | None:
        """The slot in a body, and whether it is added; None for a body that makes no sense."""
        if type(body) is not list or not body:
            return None
        if len(body) == 2 and body[1] is False and self.removes:
            added = False
        elif len(body) == 1:
            added = True
        else:
            return None
        slot = sent_slot(body[0])
        return None if slot is None else (slot, added)
