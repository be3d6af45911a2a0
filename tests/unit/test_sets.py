"""Sets that grow, in two phases, and with a side that wins."""

import pytest

from plait.base.codec import decode, encode
from plait.base.errors import BadCall, BadFrame, BadValue
from plait.graph.event import Event
from plait.types.add_wins_set import AddWinsSet
from plait.types.cells import slot_of
from plait.types.element import ELEMENT_BYTES_MAX
from plait.types.grow_set import GrowSet
from plait.types.remove_wins_set import RemoveWinsSet
from plait.types.two_phase_set import TwoPhaseSet
from tests.unit.type_sites import GARBAGE, check_equal, sites, stable, storm

GROW, TWO_PHASE, ADD_WINS, REMOVE_WINS = GrowSet(), TwoPhaseSet(), AddWinsSet(), RemoveWinsSet()
ALL = [GROW, TWO_PHASE, ADD_WINS, REMOVE_WINS]
every = pytest.mark.parametrize("type_", ALL, ids=lambda type_: type_.tag)
shrinking = pytest.mark.parametrize("type_", ALL[1:], ids=lambda type_: type_.tag)


@every
def test_what_was_added_is_in_everywhere(type_):
    one, two = there = sites(type_, 2)
    one.mutate("add", "x")
    two.mutate("add", "y")
    one.join(two, whole=False)
    two.hear()
    assert [site.value for site in there] == [{"x", "y"}, {"x", "y"}]
    check_equal(there)


@every
def test_elements_are_what_their_bytes_are(type_):
    (site,) = sites(type_, 1)
    for element in (1, 1.0, True):
        site.mutate("add", element)
    assert len(site.state) == 3
    assert type_.partial(site.state, [slot_of(1.0)]) == {1.0}
    assert len(site.value) == 1  # as Python has it
    for element in ("1", b"1", None, (), ("a", (1, None))):
        site.mutate("add", element)
    assert site.value == {1, "1", b"1", None, (), ("a", (1, None))}
    assert type_.value(type_.decode(type_.encode(site.state))) == site.value


def nested(depth):
    return (nested(depth - 1),) if depth else "x"


@pytest.mark.parametrize(
    "element",
    [[1], {"a": 1}, {1}, ([1],), object(), 2**64, "\ud800", "x" * ELEMENT_BYTES_MAX, nested(17)],
    ids=lambda element: type(element).__name__,
)
@every
def test_what_can_be_no_element_is_refused(type_, element):
    (site,) = sites(type_, 1)
    with pytest.raises(BadValue):
        site.mutate("add", element)
    assert site.value == set()


@every
def test_unknown_mutations_are_refused(type_):
    (site,) = sites(type_, 1)
    for mutation in ((), ("add",), ("pop", 1), ("add", 1, 2)):
        with pytest.raises(BadCall):
            site.mutate(*mutation)
    if type_ is GROW:
        with pytest.raises(BadCall):
            site.mutate("remove", 1)


def test_adding_again_to_a_set_that_only_grows_tells_nobody():
    (site,) = sites(GROW, 1)
    site.mutate("add", "x")
    assert site.mutate("add", "x") is None


@pytest.mark.parametrize(
    ("type_", "left"), [(TWO_PHASE, set()), (ADD_WINS, {"x"}), (REMOVE_WINS, set())]
)
def test_of_an_addition_and_a_concurrent_removal_the_named_one_wins(type_, left):
    one, two = there = sites(type_, 2)
    one.mutate("add", "x")
    two.hear()
    if type_ is not TWO_PHASE:
        one.mutate("add", "x")
    two.mutate("remove", "x")
    for site in there:
        site.hear()
    assert [site.value for site in there] == [left, left]
    check_equal(there)


def test_a_removal_leaves_additions_that_it_has_not_seen():
    one, two = there = sites(ADD_WINS, 2)
    one.mutate("add", "x")
    assert two.mutate("remove", "x") is None
    for site in there:
        site.hear()
    assert two.value == {"x"}


def test_removing_what_is_not_in_wins_over_an_unseen_addition():
    one, two = there = sites(REMOVE_WINS, 2)
    one.mutate("add", "x")
    two.mutate("remove", "x")
    for site in there:
        site.hear()
    assert [site.value for site in there] == [set(), set()]
    one.mutate("add", "x")  # it has seen the removal
    two.hear()
    assert two.value == {"x"}


def test_what_was_removed_from_a_two_phase_set_is_never_in_again():
    one, two = there = sites(TWO_PHASE, 2)
    assert one.mutate("remove", "x") is None
    one.mutate("add", "x")
    one.mutate("remove", "x")
    with pytest.raises(BadValue):
        one.mutate("add", "x")
    two.mutate("add", "x")
    for site in there:
        site.hear()
    assert [site.value for site in there] == [set(), set()]
    TWO_PHASE.apply(one.state, ["x"], Event(1, 3, 1, one.vector))
    assert one.value == set()


def test_stable_removals_go_from_a_set_where_they_win():
    one, two = there = sites(REMOVE_WINS, 2)
    one.mutate("add", "x")
    one.mutate("remove", "x")
    two.hear()
    two.mutate("add", "y")
    one.hear()
    REMOVE_WINS.fold(one.state, stable(there, one))
    assert list(one.state.slots) == [slot_of("y")]
    cut = stable(there, one)
    assert REMOVE_WINS.canonical(one.state, cut) == REMOVE_WINS.canonical(two.state, cut)


def test_a_stable_removal_stays_beside_an_addition_that_is_not_stable():
    one, two, three = there = sites(REMOVE_WINS)
    two.mutate("add", "x")
    one.mutate("remove", "x")
    two.hear()
    two.mutate("add", "y")
    three.hear(one)
    three.mutate("add", "z")
    one.hear()
    cut = stable(there, one)
    assert cut.contains((1, 1))
    assert not cut.contains((2, 1))
    REMOVE_WINS.fold(one.state, cut)
    three.clear()  # takes the removal and not the addition, which it has not seen
    for site in there:
        site.hear()
    assert [site.value for site in there] == [{"x", "y"}] * 3
    check_equal(there)


def test_a_two_phase_set_keeps_one_removal():
    one, two = there = sites(TWO_PHASE, 2)
    one.mutate("add", "x")
    two.hear()
    one.mutate("remove", "x")
    two.mutate("remove", "x")
    for site in there:
        site.hear()
    TWO_PHASE.fold(one.state, one.vector)
    assert len(one.state.slots[slot_of("x")]) == 1
    with pytest.raises(BadValue):
        one.mutate("add", "x")


@every
def test_a_clear_takes_back_what_it_has_seen(type_):
    one, two = there = sites(type_, 2)
    one.mutate("add", "x")
    one.mutate("add", "y")
    two.hear()
    two.clear()
    assert not type_.alive(two.state)
    one.mutate("add", "z")
    for site in there:
        site.hear()
    assert [site.value for site in there] == [{"z"}, {"z"}]
    assert type_.alive(one.state)


def test_undoing_brings_an_element_back_or_takes_it_out():
    for type_ in (ADD_WINS, REMOVE_WINS):
        (site,) = sites(type_, 1)
        assert type_.inverse(site.state, ("add", "x"), (1, 1)) == ("remove", "x")
        assert type_.inverse(site.state, ("remove", "x"), (1, 1)) is None
        site.mutate("add", "x")
        assert type_.inverse(site.state, ("add", "x"), (1, 1)) is None
        assert type_.inverse(site.state, ("remove", "x"), (1, 1)) == ("add", "x")
    for type_ in (GROW, TWO_PHASE):
        assert type_.inverse(type_.zero(), ("add", "x"), (1, 1)) is None


@every
def test_a_body_that_makes_no_sense_never_raises(type_):
    for body in GARBAGE:
        body = decode(encode(body))
        (site,) = sites(type_, 1)
        site.mutate("add", "kept")
        type_.apply(site.state, body, Event(2, 1, 1, {1: 1}))
        list(type_.touched(body, 2))
        assert "kept" in type_.value(type_.decode(type_.encode(site.state)))


@pytest.mark.parametrize(
    "data",
    [
        [[b"\xc1", [1, 1, True]]], [[b"", [1, 1, True]]], [[encode({}), [1, 1, True]]],
        [[encode([{}]), [1, 1, True]]], [[b"\xd9\x01a", [1, 1, True]]], [[1, [1, 1, True]]],
        [[encode("x"), [1, 1, None]]], [[encode("x"), [1, 1, 1]]], [[b"\xa1\xff", [1, 1, True]]],
        [[b"\x91" * 5000 + b"\xc0", [1, 1, True]]], [[encode("x") + b"\x00", [1, 1, True]]],
    ],
    ids=repr,
)  # fmt: skip
@every
def test_cells_that_cannot_be_are_bad_frames(type_, data):
    with pytest.raises(BadFrame):
        type_.join(type_.zero(), data, {}, {1: 9}, True)


def test_only_sets_that_keep_removals_take_them_from_others():
    data = [[encode("x"), [1, 1, False]]]
    for type_ in (GROW, ADD_WINS):
        with pytest.raises(BadFrame):
            type_.join(type_.zero(), data, {}, {1: 9}, True)
    for type_ in (TWO_PHASE, REMOVE_WINS):
        state = type_.zero()
        type_.join(state, data, {}, {1: 9}, True)
        assert type_.value(state) == set()


@pytest.mark.parametrize("seed", range(40))
@every
def test_any_roads_lead_to_the_same_value_and_bytes(type_, seed):
    check_equal(storm(type_, seed))
