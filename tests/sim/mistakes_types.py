"""Mistakes in what documents do where people wrote concurrently: registers, sets, counters, lists,
texts, deletions."""

from typing import Any

from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.base.causality import Context
from plait.graph.event import Event
from plait.types import concurrent_register
from plait.types.cells import Cells, CellType
from plait.types.hiding import Markers
from plait.types.last_writer_wins import SLOT, LastWriterWins
from plait.types.tally import Tally
from plait.types.walker.walker import Walker


def the_last_to_arrive_wins(patch: Patch) -> None:
    """A register holds what came last, at each replica another thing."""

    def apply(self: LastWriterWins, state: Cells, body: Any, event: Event) -> None:
        state.replace(SLOT, {event.dot: [event.hlc, body[0]]} if body else {})

    patch.setattr(LastWriterWins, "apply", apply)


def a_join_brings_back_what_was_removed(patch: Patch) -> None:
    """riak_dt: a cell that one side has and the other has seen and removed is taken."""
    right = CellType.join

    def join(
        self: Any, state: Cells, data: Any, mine: Context, theirs: Context, whole: bool
    ) -> None:
        right(self, state, data, {}, theirs, whole)

    patch.setattr(CellType, "join", join)


def a_join_keeps_what_was_removed(patch: Patch) -> None:
    """What the other side has seen and removed stays here."""
    right = CellType.join

    def join(
        self: Any, state: Cells, data: Any, mine: Context, theirs: Context, whole: bool
    ) -> None:
        kept = {slot: dict(cells) for slot, cells in state.slots.items()}
        right(self, state, data, mine, theirs, whole)
        for slot, cells in kept.items():
            state.replace(slot, cells | state.slots.get(slot, {}))

    patch.setattr(CellType, "join", join)


def a_counter_forgets_who_counted(patch: Patch) -> None:
    """Increments of all replicas are kept under one name."""
    right = Tally._add

    def add(self: Tally, state: Cells, amount: int, event: Event, begins: bool) -> None:
        right(self, state, amount, event._replace(replica=1), begins)

    patch.setattr(Tally, "_add", add)
    patch.setattr(Tally, "_count_on", lambda self, state, cells, amount, event: None)


def a_decision_replaces_what_is_shown_only(patch: Patch) -> None:
    """Of the writes that a person decided between, one goes and the others stay."""
    right = concurrent_register._write

    def write(state: Any, event: Event, value: list[Any], named: Any = None) -> None:
        seen = state.heads_seen(event)
        right(state, event, value, named or [list(dot) for dot in seen[:1]])

    patch.setattr(concurrent_register, "_write", write)


def a_deletion_is_forgotten(patch: Patch) -> None:
    """Markers do not travel with states and deltas."""
    patch.setattr(Markers, "data", lambda self: [])


def characters_stand_as_they_arrived(patch: Patch) -> None:
    """Insertions at one place are ordered as each replica heard of them."""
    patch.setattr(Walker, "_comes_first", lambda self, a, b: a > b)


def nobody_looks_at_a_right_parent(patch: Patch) -> None:
    """Texts that two people type at one place are mixed."""
    patch.setattr(Walker, "_is_left_of", lambda self, a, b: a % 2 == 0)


pages = world("documents", work_s=20.0, calm_s=90.0, partition=0.7)
dates = world("calendar", work_s=20.0, calm_s=90.0, partition=0.7)
writings = world("texts", work_s=12.0, calm_s=90.0, partition=1.5, reset=2.0)
inboxes = world("conflicts", work_s=12.0, calm_s=90.0, partition=1.5, reset=2.0)

MISTAKES = (
    Mistake(the_last_to_arrive_wins, pages),
    Mistake(a_join_brings_back_what_was_removed, dates),
    Mistake(a_join_keeps_what_was_removed, pages),
    Mistake(a_counter_forgets_who_counted, pages),
    Mistake(a_decision_replaces_what_is_shown_only, inboxes),
    Mistake(a_deletion_is_forgotten, pages),
    Mistake(characters_stand_as_they_arrived, writings),
    Mistake(nobody_looks_at_a_right_parent, writings),
)
