"""The state of types made of cells, and their join."""

import time

import pytest

from plait.base.causality import VersionVector
from plait.base.codec import decode, encode
from plait.base.errors import BadFrame
from plait.graph.event import Event
from plait.types.add_wins_set import AddWinsSet
from plait.types.cells import Cells, slot_of
from plait.types.grow_counter import GrowCounter
from tests.unit.type_sites import sites

SET = AddWinsSet()


def dots(state: Cells) -> dict[object, set[tuple[int, int]]]:
    return {slot: set(cells) for slot, cells in state.slots.items()}


@pytest.mark.parametrize(
    ("mine", "theirs", "here", "there", "left"),
    [
        ({1: 1}, {1: 1}, True, True, True),
        ({1: 1}, {1: 1}, True, False, False),  # taken away there
        ({1: 1}, {2: 1}, True, False, True),  # not heard of there
        ({1: 1}, {1: 1}, False, True, False),  # taken away here
        ({2: 1}, {1: 1}, False, True, True),  # not heard of here
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_join_decides_by_what_was_seen(mine, theirs, here, there, left, whole):
    slot = slot_of("x")
    state, other = SET.zero(), SET.zero()
    if here:
        state.put(slot, (1, 1), True)
    if there:
        other.put(slot, (1, 1), True)
    SET.join(state, SET.delta(other, [slot]), mine, theirs, whole)
    assert dots(state) == ({slot: {(1, 1)}} if left else {})


def test_a_delta_leaves_slots_alone_that_it_does_not_name():
    state = SET.zero()
    state.put(slot_of("x"), (1, 1), True)
    SET.join(state, SET.delta(SET.zero(), [slot_of("y")]), {1: 1}, {1: 1}, False)
    assert SET.value(state) == {"x"}
    SET.join(state, SET.delta(SET.zero(), None), {1: 1}, {1: 1}, True)
    assert SET.value(state) == set()


@pytest.mark.parametrize(
    "data",
    [
        7, "x", [7], [[slot_of("x"), 7]], [[slot_of("x"), [0, 1, True]]], [["x", [1, 1, True]]],
        [[slot_of("x"), [1, 2**62, True]]], [[slot_of("x"), [1, 1]]],
        [[slot_of("x")], [slot_of("x")]], [[slot_of("x"), [2, 1, True]]],
    ],
)  # fmt: skip
def test_what_no_replica_can_have_sent_changes_nothing(data):
    state = SET.zero()
    state.put(slot_of("y"), (1, 1), True)
    with pytest.raises(BadFrame):
        SET.join(state, [[slot_of("y")], *data] if type(data) is list else data, {}, {1: 9}, True)
    assert SET.value(state) == {"y"}


def test_drafts_nest_and_a_discarded_one_leaves_no_trace():
    (site,) = sites(SET, 1)
    site.mutate("add", "before")
    outer = SET.mark(site.state)
    inner = SET.mark(site.state)  # nothing lies between the two
    site.mutate("remove", "before")
    site.mutate("add", "x")
    SET.rollback(site.state, inner)
    assert site.value == {"before"}
    site.mutate("add", "y")
    inner = SET.mark(site.state)
    site.mutate("add", "z")
    SET.keep(site.state, inner)
    assert site.value == {"before", "y", "z"}
    SET.rollback(site.state, outer)
    assert site.value == {"before"}
    assert site.state.journal is None


def test_a_kept_draft_stays():
    (site,) = sites(SET, 1)
    mark = SET.mark(site.state)
    site.mutate("add", "x")
    SET.keep(site.state, mark)
    assert site.value == {"x"}
    assert site.state.journal is None


def test_only_changed_slots_are_to_be_saved():
    (site,) = sites(SET, 1)
    site.mutate("add", "x")
    site.mutate("add", "y")
    assert set(SET.slots(site.state)) == {slot_of("x"), slot_of("y")}
    site.mutate("add", "y")
    site.mutate("remove", "z")
    assert set(SET.slots(site.state)) == {slot_of("y")}
    assert not set(SET.slots(site.state))


def test_the_order_of_events_does_not_show_in_the_encoding():
    one, two = Cells(), Cells()
    for state, order in ((one, (1, 2, 3)), (two, (3, 1, 2))):
        for n in order:
            state.put(slot_of(n % 2), (n, 1), True)
    assert encode(SET.delta(one, None)) == encode(SET.delta(two, None))


def test_what_is_there_comes_from_the_events_of_its_cells():
    (site,) = sites(SET, 1)
    site.mutate("add", "x")
    site.mutate("add", "y")
    site.mutate("add", "x")
    assert sorted(SET.dots(site.state)) == [(1, 2), (1, 3)]


def test_a_counter_that_was_reset_comes_from_no_event():
    one, two = sites(GrowCounter(), 2)
    one.mutate("add", 1)
    two.mutate("add", 1)
    two.hear()
    two.clear()
    assert list(two.type.dots(two.state)) == []
    one.mutate("add", 1)
    two.hear()
    assert list(two.type.dots(two.state)) == [(1, 2)]


def large(count: int) -> Cells:
    state = Cells()
    for n in range(count):
        state.slots[encode(n)] = {(1, n + 1): True}
    return state


def cost_of_one_element(state: Cells, vector: VersionVector) -> float:
    """Seconds to add, to send and to join one element, the best of several rounds."""
    best = 1.0
    for _ in range(5):
        seq = vector[1] + 1
        start = time.perf_counter()
        SET.apply(state, ["new"], Event(1, seq, 1, vector))
        vector.saw(1, seq)
        slots = SET.touched(["new"], 1)
        data = decode(encode(SET.delta(state, slots)))
        theirs = vector.copy()
        theirs.saw(2, 1)
        SET.join(state, data, vector, theirs, False)
        assert SET.partial(state, slots) == {"new"}
        best = min(best, time.perf_counter() - start)
    return best


def test_one_element_costs_the_same_in_a_large_set_as_in_a_small_one():
    # tens of thousands of times as many elements; any walk through them would cost milliseconds
    small = cost_of_one_element(large(3), VersionVector({1: 3}))
    many = cost_of_one_element(large(100_000), VersionVector({1: 100_000}))
    assert many < 50 * small
