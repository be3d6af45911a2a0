"""Counters that never go below their minimum."""

from random import Random

import pytest

from plait.base.codec import decode, encode
from plait.base.errors import BadCall, BadFrame, BadSettings, BadValue, RightsElsewhere
from plait.graph.event import Event
from plait.types.bounded_counter import BoundedCounter
from plait.types.graph_type import GraphType
from plait.types.tally import TOTAL_MAX
from tests.unit.type_sites import GARBAGE, check_equal, sites, storm

BOUNDED = BoundedCounter()


def test_what_was_added_here_may_be_spent_here():
    (site,) = sites(BoundedCounter(10), 1)
    assert site.value == 10
    site.mutate("add", 3)
    site.mutate("spend", 2)
    assert site.value == 11
    assert site.type.rights(site.state) == {1: 1}


def test_a_spend_beyond_local_rights_says_where_the_rights_are():
    one, two, three = sites(BOUNDED)
    one.mutate("add", 26)
    two.mutate("add", 1)
    three.hear()
    one.hear()
    with pytest.raises(RightsElsewhere) as refused:
        three.mutate("spend", 1)
    assert refused.value.details["rights"] == {"1": 26, "2": 1}
    with pytest.raises(RightsElsewhere):
        one.mutate("spend", 27)
    with pytest.raises(RightsElsewhere):
        one.mutate("transfer", 2, 27)
    assert one.value == 27


def test_ids_in_the_error_are_hexadecimal():
    site = sites(BOUNDED, 1)[0]
    site.replica = 0xABCDEF
    site.mutate("add", 1)
    with pytest.raises(RightsElsewhere) as refused:
        site.mutate("spend", 2)
    assert refused.value.details["rights"] == {"abcdef": 1}


def test_a_transfer_moves_rights_and_not_the_value():
    one, two = there = sites(BOUNDED, 2)
    one.mutate("add", 5)
    one.mutate("transfer", 2, 3)
    assert BOUNDED.rights(one.state) == {1: 2, 2: 3}
    with pytest.raises(RightsElsewhere):
        one.mutate("spend", 3)
    two.join(one, whole=False)
    two.mutate("spend", 3)
    one.hear()
    assert one.value == two.value == 2
    assert BOUNDED.rights(one.state) == {1: 2}
    check_equal(there)


def test_a_replica_may_pass_on_what_it_was_given():
    one, two, three = sites(BOUNDED)
    one.mutate("add", 5)
    one.mutate("transfer", 2, 5)
    two.hear()
    two.mutate("transfer", 3, 4)
    two.mutate("transfer", 1, 1)
    three.hear()
    three.mutate("spend", 4)
    assert BOUNDED.rights(three.state) == {1: 1}


@pytest.mark.parametrize("amount", [True, 1.0, "1", None, -1, TOTAL_MAX + 1, 2**64])
@pytest.mark.parametrize("name", ["add", "spend"])
def test_amounts_that_make_no_sense_are_refused(name, amount):
    (site,) = sites(BOUNDED, 1)
    site.mutate("add", 5)
    with pytest.raises(BadValue):
        site.mutate(name, amount)
    with pytest.raises(BadValue):
        site.mutate("transfer", 2, amount)


@pytest.mark.parametrize("to", [0, 1, -1, 2**63, "2", True, None, 2.0])
def test_rights_go_to_another_replica_only(to):
    (site,) = sites(BOUNDED, 1)
    site.mutate("add", 5)
    with pytest.raises(BadValue):
        site.mutate("transfer", to, 1)


def test_nothing_is_told_of_nothing_and_unknown_mutations_are_refused():
    (site,) = sites(BOUNDED, 1)
    assert site.mutate("spend", 0) is None
    assert site.mutate("transfer", 2, 0) is None
    with pytest.raises(BadCall):
        site.mutate("reset")


@pytest.mark.parametrize("minimum", [True, 1.5, "0", None, 2**60])
def test_a_minimum_is_an_int(minimum):
    with pytest.raises(BadSettings):
        BoundedCounter(minimum)


def test_totals_stay_within_what_can_be_carried():
    (site,) = sites(BOUNDED, 1)
    site.mutate("add", TOTAL_MAX)
    site.mutate("spend", TOTAL_MAX)
    with pytest.raises(BadValue):
        site.mutate("add", 1)
    BOUNDED.apply(site.state, 1, Event(1, 3, 1, {}))
    assert site.value == 0


def test_it_cannot_be_cleared():
    assert type(BOUNDED).clear is GraphType.clear
    with pytest.raises(NotImplementedError):
        BOUNDED.clear(BOUNDED.zero(), Event(1, 1, 1, {}))


def test_undoing_a_spend_gives_the_units_back_and_a_transfer_stays():
    state = BOUNDED.zero()
    assert BOUNDED.inverse(state, ("add", 2), (1, 1)) == ("spend", 2)
    assert BOUNDED.inverse(state, ("spend", 2), (1, 1)) == ("add", 2)
    assert BOUNDED.inverse(state, ("transfer", 2, 2), (1, 1)) is None


@pytest.mark.parametrize("seed", range(40))
def test_it_is_never_below_its_minimum_under_any_schedule(seed):
    random = Random(seed)
    type_ = BoundedCounter(minimum=-3)
    there = sites(type_, 4)
    spent = refused = 0
    for _ in range(120):
        site, other = random.sample(there, 2)
        kind = random.choice(["add", "spend", "spend", "transfer", "hear", "join", "delta"])
        amount = random.randrange(1, 5)
        if kind == "hear":
            site.hear(other)
        elif kind in ("join", "delta"):
            site.join(other, whole=kind == "join")
        else:
            arguments = (other.replica, amount) if kind == "transfer" else (amount,)
            try:
                site.mutate(kind, *arguments)
                spent += kind == "spend"
            except RightsElsewhere:
                refused += 1
        assert all(site.value >= -3 for site in there)
        # what nobody has seen all of: every event there is
        everything = sum(body for _, body in site.log if type(body) is int)
        assert everything >= 0
    assert spent
    assert refused
    for site in there * 2:
        site.hear()
    check_equal(there)


def test_a_body_that_makes_no_sense_never_raises():
    for body in GARBAGE:
        body = decode(encode(body))
        (site,) = sites(BOUNDED, 1)
        site.mutate("add", 5)
        BOUNDED.apply(site.state, body, Event(2, 1, 1, {1: 1}))
        list(BOUNDED.touched(body, 2) or ())
        assert BOUNDED.encode(BOUNDED.decode(BOUNDED.encode(site.state)))
        BOUNDED.rights(site.state)


@pytest.mark.parametrize(
    "data",
    [
        [[1, [2, 1, [1, 0]]]], [[1, [1, 1, [1, 0]], [1, 2, [2, 0]]]], [[1, [1, 1, [1, -1]]]],
        [[1, [1, 1, 7]]], [[encode([1, 2]), [2, 1, 7]]], [[encode([1, 1]), [1, 1, 7]]],
        [[encode([1, 2]), [1, 1, -7]]], [[encode([1, 2, 3]), [1, 1, 7]]], [[b"\xc1", [1, 1, 7]]],
        [[b"\x92\x01\xcc\x02", [1, 1, 7]]], [[encode([1, 2]), [1, 1, [1, 0]]]],
    ],
)  # fmt: skip
def test_cells_that_cannot_be_are_bad_frames(data):
    with pytest.raises(BadFrame):
        BOUNDED.join(BOUNDED.zero(), data, {}, {1: 9, 2: 9}, True)


@pytest.mark.parametrize("seed", range(40))
def test_any_roads_lead_to_the_same_value_and_bytes(seed):
    check_equal(storm(BOUNDED, seed, clears=False))
