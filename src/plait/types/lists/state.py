"""A list that several people edit at once: `plait.types.walker.replica` of slots, and elements.

The walker orders slots; what an element is, and which of its slots shows, is said by
`plait.types.lists.elements`. An index counts what shows, a *place* counts every slot.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from plait.base.errors import BadFrame
from plait.graph.event import Event
from plait.types.lists.bodies import read_body
from plait.types.lists.elements import Elements
from plait.types.lists.slots import ElementId, Slot
from plait.types.walker.graph import Name, Version
from plait.types.walker.items import Edits
from plait.types.walker.replica import DraftMark, ReplicatedSequence


class ListState(ReplicatedSequence[Elements]):
    """The slots and the elements, and the event graph of what is not folded."""

    def __init__(self, agent: Name = 0) -> None:
        super().__init__(Elements(), agent)
        self._drafts: list[tuple[Elements, int]] = []  # open ones: where their journal began

    def joined(self, pile: list[Any]) -> tuple[Slot, ...]:
        """One tuple."""
        return tuple([slot for content in pile for slot in content])

    def is_content(self, value: Any) -> bool:
        """Slots, some."""
        return type(value) is tuple and bool(value)

    def hold(self, items: Elements) -> None:
        """These are the items, which is what the events come to."""
        self._items = items
        self._length = len(items)

    # ------------------------------------------------------------------ operations

    def add(
        self,
        name: Name,
        seq: int,
        edits: Edits,
        parents: Version | None = None,
        whole: bool = False,
    ) -> int:
        """See `EditableSequence.add`. Nothing stays on the pile, for elements want to know who
        deletes their slots."""
        self.items.by = (name, seq)  # type: ignore[assignment]
        try:
            last = super().add(name, seq, edits, parents, whole)
            self.close_run()
        finally:
            self._items.by = None
        return last

    def do(self, body: Any, event: Event) -> None:
        """An operation. `BadFrame`, and nothing happened."""
        said = read_body(body, event)
        if said.edits and not self.happen(event, said.edits):
            raise BadFrame("an operation that does nothing")
        for write in said.writes:
            self._items.write(*write)

    def fold(self, cut: Mapping[Any, int]) -> bool:
        """Forget events that everybody has seen, and elements that are gone for everybody."""
        folded = super().fold(cut)
        self._items.fold(cut)
        return folded

    # ------------------------------------------------------------------ reading

    def size(self) -> int:
        """How many elements it has."""
        return len(self.items.shown())

    def values(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """The values from index `start` to `stop`; not to be changed."""
        items = self.items
        if not start and stop is None:
            return list(items.values())
        return [items.known[id_].value for id_ in self.ids(start, stop)]

    def ids(self, start: int = 0, stop: int | None = None) -> list[ElementId]:
        """The elements from index `start` to `stop`."""
        items = self.items
        return [items.slots[at].element for at in items.shown()[start:stop]]

    def index_of(self, element: ElementId) -> int | None:
        """Where an element shows; None if it does not."""
        items = self.items
        known = items.known.get(element)
        if known is None or not known.slots:
            return None
        at = items.slots.index(max(known.slots))
        return items.shown().index(at)

    def place(self, index: int) -> int:
        """The place behind the element before an index: where something goes to stand there."""
        return self.items.shown()[index - 1] + 1 if index else 0

    def places(self, start: int, stop: int) -> list[int]:
        """The places of all slots of the elements from index `start` to `stop`, ascending."""
        items = self.items
        if not any(id_ in items.crowded for id_ in self.ids(start, stop)):
            return list(items.shown()[start:stop])
        return items.places(self.ids(start, stop))

    def places_of(self, elements: Sequence[ElementId]) -> list[int]:
        """The places of all slots of some elements, ascending."""
        return self.items.places(elements)

    # ------------------------------------------------------------------ drafts

    def begin_draft(self) -> DraftMark:
        """What happens from here on can be taken back."""
        mark = super().begin_draft()
        items = self._items
        if items.journal is None:
            items.journal = []
        self._drafts.append((items, len(items.journal)))
        return mark

    def keep_draft(self, mark: DraftMark) -> None:
        """It will not be taken back."""
        super().keep_draft(mark)
        items, _ = self._drafts.pop()
        if not self._drafts:
            items.journal = self._items.journal = None

    def discard_draft(self, mark: DraftMark) -> None:
        """As it was at the mark."""
        super().discard_draft(mark)
        items, length = self._drafts.pop()
        assert items is self._items, "what it became was taken back"
        items.rollback(length)
        if not self._drafts:
            items.journal = None
