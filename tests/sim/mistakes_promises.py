"""Mistakes that every replica makes alike: what types of documents promise of concurrent edits.

All agree in the end, and on the wrong thing; only who knows what each had seen finds them.
"""

from collections.abc import Iterable
from typing import Any

from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.base.causality import Dot
from plait.graph.event import Event
from plait.types import tally
from plait.types.add_wins_set import AddWinsSet
from plait.types.cells import Cells, CellType
from plait.types.enable_flag import SLOT, EnableFlag
from plait.types.hiding import Markers
from plait.types.last_writer_wins import LastWriterWins
from plait.types.lists.elements import Elements
from plait.types.moves import Move, Placing
from plait.types.remove_wins_set import RemoveWinsSet


def a_removal_takes_additions_that_it_has_not_seen(patch: Patch) -> None:
    """riak_dt, the other way round: whoever removes an element removes it for everybody."""
    right = AddWinsSet.change

    def change(self: AddWinsSet, state: Cells, slot: bytes, added: bool, event: Event) -> None:
        if added:
            right(self, state, slot, added, event)
        elif slot in state.slots:
            state.replace(slot, {})

    patch.setattr(AddWinsSet, "change", change)


def a_moved_element_stands_in_two_places(patch: Patch) -> None:
    """Kleppmann: two people move an element at once, and there are two of it."""
    patch.setattr(Elements, "shows", lambda self, slot: True)


def a_deletion_hides_edits_that_it_has_not_seen(patch: Patch) -> None:
    """A document that somebody edits while it is deleted elsewhere is gone."""

    def hide(self: Markers, dots: Iterable[Dot]) -> bool:
        return bool(self) or not list(dots)

    patch.setattr(Markers, "hide", hide)


def an_addition_takes_removals_that_it_has_not_seen(patch: Patch) -> None:
    """In a set where removals win, the last to arrive does."""

    def change(self: RemoveWinsSet, state: Cells, slot: bytes, added: bool, event: Event) -> None:
        state.replace(slot, {event.dot: added})

    patch.setattr(RemoveWinsSet, "change", change)


def switching_off_wins(patch: Patch) -> None:
    """A flag that somebody switches on while another one switches it off is off."""

    def apply(self: EnableFlag, state: Cells, body: Any, event: Event) -> None:
        state.replace(SLOT, {event.dot: None} if body else {})

    patch.setattr(EnableFlag, "apply", apply)


def a_reset_takes_counts_that_it_has_not_seen(patch: Patch) -> None:
    """riak_dt: a counter is reset while others count, and they have counted in vain."""

    def lower(state: Cells, floor: Any, event: Event) -> None:
        cells = state.slots.get(floor[0])
        if cells:
            state.replace(floor[0], {})

    patch.setattr(tally, "_lower", lower)


def a_clear_takes_what_it_has_not_seen(patch: Patch) -> None:
    """y-crdt: what is taken out of a map is gone with what others put there meanwhile."""

    def clear(self: CellType, state: Cells, event: Event) -> None:
        for slot in list(state.slots):
            state.replace(slot, {})

    patch.setattr(CellType, "clear", clear)


def a_late_move_is_the_last(patch: Patch) -> None:
    """Moves of a tree are done as they arrive, whatever came before them elsewhere."""

    def add(self: Placing, move: Move) -> None:
        self.log.append(self._do(move))

    patch.setattr(Placing, "add", add)


def the_first_writer_wins(patch: Patch) -> None:
    """Of what people wrote at the same time the oldest is read."""
    right = LastWriterWins.value

    def value(self: LastWriterWins, state: Cells) -> Any:
        cells = state.slots.get(b"")
        if cells is None or len(cells) == 1:
            return right(self, state)
        return min((cell[0], dot, cell[1]) for dot, cell in cells.items())[2]

    patch.setattr(LastWriterWins, "value", value)


together = world("intents", work_s=12.0, calm_s=90.0, partition=1.5, reset=3.0)

MISTAKES = (
    Mistake(a_removal_takes_additions_that_it_has_not_seen, together),
    Mistake(a_moved_element_stands_in_two_places, together),
    Mistake(a_deletion_hides_edits_that_it_has_not_seen, together),
    Mistake(an_addition_takes_removals_that_it_has_not_seen, together),
    Mistake(switching_off_wins, together),
    Mistake(a_reset_takes_counts_that_it_has_not_seen, together),
    Mistake(a_clear_takes_what_it_has_not_seen, together),
    Mistake(a_late_move_is_the_last, together),
    Mistake(the_first_writer_wins, together),
)
