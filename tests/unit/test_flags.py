"""Flags: the named side wins."""

import pytest

from plait.base.codec import decode, encode
from plait.base.errors import BadCall, BadFrame
from plait.graph.event import Event
from plait.types.disable_flag import DisableFlag
from plait.types.enable_flag import EnableFlag
from tests.unit.type_sites import GARBAGE, check_equal, sites, stable, storm

ENABLE, DISABLE = EnableFlag(), DisableFlag()
both = pytest.mark.parametrize("type_", [ENABLE, DISABLE], ids=lambda type_: type_.tag)


@both
def test_the_last_operation_counts(type_):
    one, two = there = sites(type_, 2)
    assert one.value is False
    one.mutate("enable")
    assert one.value is True
    two.hear()
    two.mutate("disable")
    one.hear()
    assert [site.value for site in there] == [False, False]
    two.mutate("enable")
    assert two.value is True


@pytest.mark.parametrize(("type_", "wins"), [(ENABLE, True), (DISABLE, False)])
def test_of_concurrent_operations_the_named_one_wins(type_, wins):
    one, two = there = sites(type_, 2)
    one.mutate("enable")
    two.hear()
    one.mutate("enable")  # it is on already, and is to stay so
    two.mutate("disable")
    for site in there:
        site.hear()
    assert [site.value for site in there] == [wins, wins]
    check_equal(there)


def test_disabling_what_is_off_tells_nobody_if_enabling_wins():
    (site,) = sites(ENABLE, 1)
    assert site.mutate("disable") is None


def test_disabling_what_is_off_wins_over_an_enabling_elsewhere():
    one, two = there = sites(DISABLE, 2)
    one.mutate("disable")
    two.mutate("enable")
    for site in there:
        site.hear()
    assert [site.value for site in there] == [False, False]


def test_what_says_off_goes_once_it_is_stable_and_not_before():
    one, two = there = sites(DISABLE, 2)
    one.mutate("disable")
    two.mutate("enable")
    one.hear()
    DISABLE.fold(one.state, stable(there, one))
    assert len(one.state.slots[b""]) == 2
    two.hear()
    two.mutate("disable")
    one.hear()
    one.mutate("disable")
    two.hear()
    two.mutate("disable")
    one.hear()
    cut = two.vector
    DISABLE.fold(one.state, cut)
    assert not one.state.slots
    assert DISABLE.canonical(one.state, cut) == DISABLE.canonical(two.state, cut)


@both
def test_a_clear_takes_back_what_it_has_seen(type_):
    one, two = there = sites(type_, 2)
    one.mutate("enable")
    two.hear()
    two.clear()
    assert not type_.alive(two.state)
    one.mutate("enable")
    for site in there:
        site.hear()
    assert [site.value for site in there] == [True, True]
    assert type_.alive(one.state)


@both
def test_undoing_brings_back_what_was_there(type_):
    (site,) = sites(type_, 1)
    assert type_.inverse(site.state, ("enable",), (1, 1)) == ("disable",)
    assert type_.inverse(site.state, ("disable",), (1, 1)) is None
    site.mutate("enable")
    assert type_.inverse(site.state, ("enable",), (1, 2)) is None
    assert type_.inverse(site.state, ("disable",), (1, 2)) == ("enable",)


@both
def test_other_mutations_are_refused(type_):
    (site,) = sites(type_, 1)
    for mutation in ((), ("toggle",), ("enable", 1)):
        with pytest.raises(BadCall):
            site.mutate(*mutation)


@both
def test_a_body_that_makes_no_sense_changes_nothing(type_):
    for body in GARBAGE:
        if type(body) is bool:
            continue
        (site,) = sites(type_, 1)
        site.mutate("enable")
        type_.apply(site.state, decode(encode(body)), Event(2, 1, 1, {1: 1}))
        list(type_.touched(body, 2))
        assert site.value is True


@pytest.mark.parametrize("data", [[[b"", [1, 1, 7]]], [[b"x", [1, 1, None]]], [[1]], [[b"", [1]]]])
@both
def test_cells_that_cannot_be_are_bad_frames(type_, data):
    with pytest.raises(BadFrame):
        type_.join(type_.zero(), data, {}, {1: 9}, True)


@pytest.mark.parametrize("seed", range(40))
@both
def test_any_roads_lead_to_the_same_value_and_bytes(type_, seed):
    check_equal(storm(type_, seed))
