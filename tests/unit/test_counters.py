"""Counters that grow, go up and down, and are reset."""

import pytest

from plait.base.codec import decode, encode
from plait.base.errors import BadCall, BadFrame, BadValue
from plait.graph.event import Event
from plait.types.counter import Counter
from plait.types.grow_counter import GrowCounter
from plait.types.tally import TOTAL_MAX
from tests.unit.type_sites import GARBAGE, check_equal, sites, stable, storm

COUNTER, GROW = Counter(), GrowCounter()
both = pytest.mark.parametrize("type_", [COUNTER, GROW], ids=lambda type_: type_.tag)


@both
def test_amounts_add_up_whoever_counts(type_):
    one, two, three = there = sites(type_)
    one.mutate("add", 2)
    two.mutate("add", 3)
    one.mutate("add", 4)
    three.join(one)
    for site in there:
        site.hear()
    assert [site.value for site in there] == [9, 9, 9]
    check_equal(there)


def test_a_counter_goes_down_and_below_zero():
    (site,) = sites(COUNTER, 1)
    site.mutate("add", 2)
    site.mutate("add", -5)
    assert site.value == -3


@pytest.mark.parametrize("amount", [True, 1.0, "1", None, 2**53, -(2**53), 2**64, 10**30])
@both
def test_amounts_that_are_no_ints_or_too_large_are_refused(type_, amount):
    (site,) = sites(type_, 1)
    with pytest.raises(BadValue):
        site.mutate("add", amount)
    assert site.value == 0


@pytest.mark.parametrize("mutation", [(), ("add",), ("add", 1, 2), ("up", 1), ("reset", 1)])
@both
def test_mutations_that_are_none_are_refused(type_, mutation):
    (site,) = sites(type_, 1)
    with pytest.raises(BadCall):
        site.mutate(*mutation)


def test_a_counter_that_grows_takes_no_negative_amount():
    (site,) = sites(GROW, 1)
    with pytest.raises(BadValue):
        site.mutate("add", -1)
    GROW.apply(site.state, -1, Event(2, 1, 1, {}))
    assert site.value == 0


@both
def test_a_total_that_would_be_too_large_is_refused_where_it_is_added(type_):
    (site,) = sites(type_, 1)
    site.mutate("add", TOTAL_MAX)
    with pytest.raises(BadValue):
        site.mutate("add", 1)
    type_.apply(site.state, 1, Event(1, 2, 1, {}))
    assert site.value == TOTAL_MAX
    site.clear()
    site.mutate("add", 1)
    assert site.value == 1


@both
def test_adding_nothing_tells_nobody(type_):
    (site,) = sites(type_, 1)
    assert site.mutate("add", 0) is None
    assert site.mutate("reset") is None


def test_a_reset_takes_back_what_it_has_seen_and_nothing_else():
    one, two = there = sites(COUNTER, 2)
    one.mutate("add", 5)
    two.hear()
    two.mutate("reset")
    one.mutate("add", 1)  # concurrent with the reset
    for site in there:
        site.hear()
    assert [site.value for site in there] == [1, 1]
    check_equal(there)


def test_an_add_after_a_concurrent_reset_does_not_bring_back_what_was_reset():
    # as a counter of dot -> total does: the new total takes the place of the one that was reset
    one, two, three = there = sites(COUNTER)
    one.mutate("add", 5)
    two.hear()
    three.hear()
    two.mutate("reset")
    three.mutate("reset")
    one.mutate("add", 1)
    one.hear(two)
    one.mutate("add", 1)
    assert one.value == 2
    for site in there * 2:
        site.hear()
    assert [site.value for site in there] == [2, 2, 2]
    check_equal(there)


def test_a_state_that_has_not_seen_the_reset_does_not_bring_it_back():
    one, two, three = there = sites(COUNTER)
    one.mutate("add", 5)
    three.join(one)
    two.join(one)
    two.mutate("reset")
    one.mutate("add", 1)
    two.join(one)
    assert two.value == 1
    three.join(one, whole=False)
    assert three.value == 6
    three.join(two, whole=False)
    assert three.value == 1
    one.hear()
    check_equal(there)


def test_a_new_run_after_a_reset_starts_from_nothing_everywhere():
    one, two = there = sites(COUNTER, 2)
    one.mutate("add", 5)
    assert one.mutate("reset") == [[1, 1, 5, 0]]
    assert one.mutate("add", 2) == [2]
    assert one.mutate("add", 2) == 2
    assert len(one.state.slots[1]) == 1
    two.hear()
    assert two.value == 4
    check_equal(there)


@both
def test_a_cleared_counter_is_not_alive_and_leaves_nothing_once_that_is_stable(type_):
    one, two = there = sites(type_, 2)
    one.mutate("add", 1)
    two.hear()
    assert type_.alive(two.state)
    two.clear()
    assert not type_.alive(two.state)
    assert two.state.slots  # what one adds meanwhile continues its total
    one.hear()
    one.mutate("add", 3)
    two.hear()
    for site in there:
        type_.fold(site.state, stable(there, site))
    two.clear()
    one.hear()
    one.clear()
    one.mutate("add", 1)
    two.hear()
    type_.fold(two.state, stable(there, two))
    assert two.value == 1
    check_equal(there)


@both
def test_a_clear_takes_what_its_author_had_folded_away(type_):
    # a deleted document was folded there, and is written again
    one, two = sites(type_, 2)
    one.mutate("add", 5)
    two.hear()
    two.state = type_.zero()
    two.clear()
    two.mutate("add", 1)
    one.hear()
    assert one.value == two.value == 1
    assert type_.canonical(one.state, one.vector) == type_.canonical(two.state, two.vector)


def test_undoing_is_adding_the_opposite_and_a_reset_gives_back_its_value():
    (site,) = sites(COUNTER, 1)
    site.mutate("add", 5)
    assert COUNTER.inverse(site.state, ("add", 3), (1, 2)) == ("add", -3)
    assert COUNTER.inverse(site.state, ("reset",), (1, 2)) == ("add", 5)
    assert COUNTER.inverse(COUNTER.zero(), ("reset",), (1, 2)) is None
    assert GROW.inverse(GROW.zero(), ("add", 3), (1, 2)) is None


@both
def test_a_discarded_draft_leaves_no_trace(type_):
    one, two = sites(type_, 2)
    one.mutate("add", 5)
    two.hear()
    before = type_.encode(two.state)
    mark = type_.mark(two.state)
    two.mutate("add", 5)
    two.mutate("add", 5)
    two.clear()
    type_.rollback(two.state, mark)
    assert type_.encode(two.state) == before


@both
def test_a_body_that_makes_no_sense_never_raises(type_):
    for body in GARBAGE:
        body = decode(encode(body))
        one, _ = sites(type_, 2)
        one.mutate("add", 5)
        type_.apply(one.state, body, Event(2, 1, 1, {1: 1}))
        list(type_.touched(body, 2) or ())
        assert type_.encode(type_.decode(type_.encode(one.state))) == type_.encode(one.state)
        assert type(type_.value(one.state)) is int


@both
def test_data_that_no_replica_sent_is_a_bad_frame(type_):
    refused = 0
    for data in GARBAGE:
        (site,) = sites(type_, 1)
        site.mutate("add", 5)
        before = type_.encode(site.state)
        try:
            type_.join(site.state, decode(encode(data)), {1: 1}, {9: 9}, False)
        except BadFrame:
            refused += 1
            assert type_.encode(site.state) == before
        assert encode(type_.value(site.state))
    assert refused > len(GARBAGE) // 2


@pytest.mark.parametrize(
    "data",
    [
        [[1, [1, 1, [1, 1, 0]], [1, 2, [1, 2, 0]]]],  # two totals
        [[1, [2, 1, [1, 1, 0]]]],  # written by another
        [[1, [1, 1, [2, 1, 0]]]],  # begun later
        [[1, [1, 1, [1, 1, -1]]]],
        [[1, [1, 1, [1, TOTAL_MAX + 1, 0]]]],
        [[1, [1, 1, [1, 1, 0]], [2, 1, [1, [2, 0]]]]],  # a floor that is higher
        [[1, [1, 1, [1, 1, 0]], [2, 1, [9, [1, 0]]]]],  # and one that is later
        [[b"", [1, 1, [1, 1, 0]]]],
    ],
)
def test_totals_that_cannot_be_are_bad_frames(data):
    with pytest.raises(BadFrame):
        COUNTER.join(COUNTER.zero(), data, {}, {1: 9, 2: 9}, True)


@pytest.mark.parametrize("seed", range(60))
@both
def test_any_roads_lead_to_the_same_value_and_bytes(type_, seed):
    check_equal(storm(type_, seed))
