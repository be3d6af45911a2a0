"""The elements of a list: what stands in its slots, and what is remembered of those that went.

It holds the slots that are there (it is what the walker edits), and of every element its value, the
write that the value is from, its slots, and who deleted slots of it. What an element was is
remembered after its last slot is gone: somebody may have moved it who had not seen that; once
everybody has, it is forgotten.

Invariants: an element's `slots` are those of `slots` that are its own; `crowded` has exactly the
elements with several. Every element of a slot is known.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from plait.base.causality import Context, Dot
from plait.types.lists.slots import ElementId, Order, Slot


class Element:
    """What is known of one element."""

    __slots__ = ("deleters", "order", "slots", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.order: Order | None = None  # the write that the value is from
        self.slots: tuple[Slot, ...] = ()  # that are there
        self.deleters: tuple[Dot, ...] = ()  # a deletion of each slot that is not

    def gone_for(self, cut: Context) -> bool:
        """Whether everybody has seen that it is gone, and what it was."""
        if self.slots or not all(seq <= cut.get(replica, 0) for replica, seq in self.deleters):
            return False
        return self.order is None or self.order[2] <= cut.get(self.order[1], 0)


class Elements:
    """The items of a list, as `plait.types.walker.sequence.Items`."""

    __slots__ = ("_shown", "by", "crowded", "journal", "known", "slots", "written")

    def __init__(self, slots: Sequence[Slot] = ()) -> None:
        self.slots: list[Slot] = []
        self.known: dict[ElementId, Element] = {}
        self.crowded: dict[ElementId, None] = {}
        self.by: Dot | None = None  # the operation that is being done
        self.journal: list[tuple[ElementId, tuple[Any, Any, Any] | None]] | None = None
        self.written: list[ElementId] | None = None  # given a value, while somebody wants to know
        self._shown: list[int] | None = None
        if slots:
            self.insert(0, tuple(slots))

    def __len__(self) -> int:
        return len(self.slots)

    # ------------------------------------------------------------------ as items

    def insert(self, pos: int, content: tuple[Slot, ...]) -> None:
        """Put slots before the one at `pos`."""
        self.slots[pos:pos] = content
        self._shown = None
        for slot in content:
            element = self.known.get(slot.element) or self._meet(slot.element)
            element.slots += (slot,)
            if len(element.slots) > 1:
                self.crowded[slot.element] = None

    def delete(self, pos: int, size: int) -> None:
        """Take slots away."""
        gone = self.slots[pos : pos + size]
        del self.slots[pos : pos + size]
        self._shown = None
        for slot in gone:
            element = self.known[slot.element]
            if self.by is not None and self.by not in element.deleters:
                self._note(slot.element, element)
                element.deleters += (self.by,)
            element.slots = tuple([other for other in element.slots if other != slot])
            if len(element.slots) == 1:
                del self.crowded[slot.element]

    def slice(self, start: int, stop: int) -> tuple[Slot, ...]:
        """The slots from `start` to `stop`."""
        return tuple(self.slots[start:stop])

    # ------------------------------------------------------------------ reading

    def shown(self) -> Sequence[int]:
        """Where the slots are that show, in order."""
        if not self.crowded:
            return range(len(self.slots))
        if self._shown is None:
            self._shown = [at for at, slot in enumerate(self.slots) if self.shows(slot)]
        return self._shown

    def shows(self, slot: Slot) -> bool:
        """Whether a slot that is there shows."""
        slots = self.known[slot.element].slots
        return len(slots) == 1 or max(slots) == slot

    def values(self) -> Iterator[Any]:
        """The values of the list, in order; not to be changed."""
        known = self.known
        if not self.crowded:
            return (known[slot.element].value for slot in self.slots)
        return (known[self.slots[at].element].value for at in self.shown())

    def places(self, wanted: Sequence[ElementId]) -> list[int]:
        """Where the slots of some elements are, ascending."""
        ids = dict.fromkeys(wanted)
        return [at for at, slot in enumerate(self.slots) if slot.element in ids]

    # ------------------------------------------------------------------ writing

    def write(self, id_: ElementId, order: Order, value: Any) -> None:
        """An element was given a value; the last writer wins. Of unknown ones nothing shows."""
        element = self.known.get(id_)
        if element is not None and (element.order is None or order > element.order):
            self._note(id_, element)
            element.value, element.order = value, order
            if self.written is not None:
                self.written.append(id_)

    def remember(self, id_: ElementId, deleters: Sequence[Dot]) -> None:
        """An element of which others know too, and who deleted slots of it."""
        element = self.known.get(id_) or self._meet(id_)
        new = tuple([dot for dot in deleters if dot not in element.deleters])
        if new:
            self._note(id_, element)
            element.deleters += new

    def fold(self, cut: Context) -> None:
        """Forget elements that are gone for everybody."""
        for id_, element in list(self.known.items()):
            if element.deleters:
                if element.gone_for(cut):
                    del self.known[id_]
                elif element.slots:
                    element.deleters = tuple(
                        [dot for dot in element.deleters if dot[1] > cut.get(dot[0], 0)]
                    )
            elif not element.slots and element.gone_for(cut):
                del self.known[id_]

    # ------------------------------------------------------------------ drafts

    def rollback(self, length: int) -> None:
        """What was written since the journal had this length is taken back; slots are already."""
        assert self.journal is not None, "a draft is open"
        while len(self.journal) > length:
            id_, before = self.journal.pop()
            if before is None:
                del self.known[id_]
            else:
                element = self.known[id_]
                element.value, element.order, element.deleters = before

    def _meet(self, id_: ElementId) -> Element:
        element = self.known[id_] = Element()
        if self.journal is not None:
            self.journal.append((id_, None))
        return element

    def _note(self, id_: ElementId, element: Element) -> None:
        if self.journal is not None:
            self.journal.append((id_, (element.value, element.order, element.deleters)))
