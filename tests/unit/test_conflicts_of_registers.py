"""Concurrent writes of Ask and Merge registers: siblings, bases, resolutions, contests."""

import pytest

from plait.types.merging.functions import MergeFunction
from plait.types.register import ASK, MERGE, MergeRegister
from tests.unit.type_world import CLEAR, TypeWorld

BOTH = pytest.mark.parametrize("type_", [ASK, MERGE], ids=["ask", "merge"])


def everybody_hears(world, roads=("ops",)):
    for _ in range(2):
        for target in world.replicas:
            for source in world.replicas:
                if source is not target:
                    getattr(world, world.random.choice(roads))(source, target)


def diverged(type_, values, base="base"):
    """Everybody knows the base, and each writes something of their own."""
    world = TypeWorld(type_)
    world.do(world.replicas[0], "set", base)
    everybody_hears(world)
    for replica, value in zip(world.replicas, values, strict=False):
        world.do(replica, "set", value)
    everybody_hears(world)
    return world


def values(siblings):
    return [head.value for head in siblings.heads]


# ----------------------------------------------------------------------------- ask


def test_concurrent_values_are_a_conflict_with_their_base_the_same_everywhere():
    world = diverged(ASK, "xyz")
    found = [ASK.conflict(replica.state) for replica in world.replicas]
    assert found[0].base == "base"
    assert sorted(values(found[0])) == ["x", "y", "z"]
    assert found[0].shown == values(found[0])[-1] == ASK.value(world.replicas[0].state)
    assert [(head.hlc, head.dot) for head in found[0].heads] == sorted(
        (head.hlc, head.dot) for head in found[0].heads
    )
    assert found[1] == found[0] == found[2]


def test_a_write_that_saw_the_other_is_no_conflict():
    world = diverged(ASK, ["x"])
    world.do(world.replicas[1], "set", "y")
    everybody_hears(world)
    assert ASK.conflict(world.replicas[0].state) is None
    assert ASK.value(world.replicas[0].state) == "y"


def test_equal_siblings_are_no_conflict():
    world = diverged(ASK, [{"a": 1, "b": 2}, {"b": 2, "a": 1}])
    assert ASK.conflict(world.replicas[2].state) is None
    assert len(ASK.siblings(world.replicas[2].state).heads) == 1


def test_one_and_true_are_not_equal():
    world = diverged(ASK, [1, True, 1.0])
    assert len(values(ASK.conflict(world.replicas[2].state))) == 3


def test_an_unaware_assignment_replaces_the_shown_sibling_only():
    world = diverged(ASK, ["x", "y"])
    replica = world.replicas[2]
    shown = ASK.value(replica.state)
    (hidden,) = {"x", "y"} - {shown}
    world.do(replica, "set", "w")
    everybody_hears(world)
    conflict = ASK.conflict(world.replicas[0].state)
    assert sorted(values(conflict)) == sorted([hidden, "w"])
    assert conflict.base == "base"


def test_an_unaware_assignment_replaces_equal_siblings_together():
    world = diverged(ASK, ["same", "same"])
    world.do(world.replicas[2], "set", "w")
    everybody_hears(world)
    assert ASK.conflict(world.replicas[0].state) is None
    assert ASK.value(world.replicas[0].state) == "w"


def test_a_resolution_replaces_all_siblings():
    world = diverged(ASK, "xyz")
    world.do(world.replicas[1], "resolve", "agreed")
    everybody_hears(world, ("ops", "delta", "state"))
    for replica in world.replicas:
        assert ASK.conflict(replica.state) is None
        assert ASK.value(replica.state) == "agreed"


def test_equal_resolutions_at_two_replicas_converge():
    world = diverged(ASK, "xyz")
    world.do(world.replicas[0], "resolve", "agreed")
    world.do(world.replicas[1], "resolve", "agreed")
    everybody_hears(world)
    assert [ASK.conflict(replica.state) for replica in world.replicas] == [None] * 3
    world.do(world.replicas[2], "set", "next")
    everybody_hears(world)
    assert ASK.value(world.replicas[0].state) == "next"


def test_different_resolutions_are_one_new_conflict_that_one_resolution_ends():
    world = diverged(ASK, "xyz")
    world.do(world.replicas[0], "resolve", "this")
    world.do(world.replicas[1], "resolve", "that")
    everybody_hears(world)
    conflicts = [ASK.conflict(replica.state) for replica in world.replicas]
    assert sorted(values(conflicts[0])) == ["that", "this"]
    assert conflicts[0].base == "base"
    assert conflicts[1] == conflicts[0] == conflicts[2]
    world.do(world.replicas[2], "resolve", "done")
    everybody_hears(world)
    assert [ASK.conflict(replica.state) for replica in world.replicas] == [None] * 3


def test_the_base_of_a_later_conflict_is_the_last_resolution():
    world = diverged(ASK, "xyz")
    world.do(world.replicas[0], "resolve", "agreed")
    everybody_hears(world)
    for replica, value in zip(world.replicas, "pq", strict=False):
        world.do(replica, "set", value)
    everybody_hears(world)
    assert ASK.conflict(world.replicas[2].state).base == "agreed"


def test_first_writes_at_once_have_no_base():
    world = TypeWorld(ASK)
    for replica, value in zip(world.replicas, "xy", strict=False):
        world.do(replica, "set", value)
    everybody_hears(world)
    assert ASK.conflict(world.replicas[2].state).base is None


def test_a_clear_is_no_sibling_of_what_it_has_not_seen():
    world = TypeWorld(ASK)
    world.do(world.replicas[0], "set", "base")
    everybody_hears(world)
    world.do(world.replicas[0], "set", "x")
    world.tell(world.replicas[1], CLEAR)
    everybody_hears(world)
    for replica in world.replicas:
        assert ASK.conflict(replica.state) is None
        assert ASK.value(replica.state) == "x"
        world.check(replica)


@BOTH
def test_open_heads_and_their_base_outlive_every_fold(type_):
    world = diverged(type_, "xyz")
    before = type_.siblings(world.replicas[0].state)
    for _ in range(3):
        world.settle()
        for replica in world.replicas:
            world.fold(replica)
            assert type_.siblings(replica.state) == before
            assert len(replica.state.slots[b""]) == 4
    world.do(world.replicas[0], "resolve", "agreed")
    world.settle()
    for replica in world.replicas:
        world.fold(replica)
        assert len(replica.state.slots[b""]) == 1


def test_a_sibling_beyond_a_clear_finds_the_same_conflict_folded_or_not():
    """Somebody who has not seen a clear replaces what it took, after others folded."""
    world = TypeWorld(ASK)
    a, b, c = world.replicas
    world.do(a, "set", "base")
    everybody_hears(world)
    world.do(a, "set", "x")
    world.do(b, "set", "y")
    world.ops(b, c)
    world.tell(c, CLEAR)  # has seen y alone
    world.ops(a, b)
    world.ops(b, a)
    world.do(b, "set", "unaware")  # of x and y it replaces the shown one
    world.settle()
    for replica in world.replicas:
        world.fold(replica)
        world.check(replica)


# ----------------------------------------------------------------------------- merge


def joined_up(base, siblings):
    return [base, *siblings]


JOIN = MergeFunction("join", 1, joined_up)
FAILING = MergeFunction("failing", 1, lambda base, siblings: 1 // 0)
UNSTORABLE = MergeFunction("unstorable", 1, lambda base, siblings: object())


def test_a_merge_function_gets_the_base_and_the_siblings_in_order():
    world = diverged(MERGE, "xyz")
    order = values(MERGE.siblings(world.replicas[0].state))
    for replica in world.replicas:
        assert MERGE.merged(replica.state, JOIN) == ["base", *order]


def test_a_merge_writes_nothing_and_is_computed_once_for_the_same_heads():
    calls = []
    count = MergeFunction("count", 1, lambda base, siblings: calls.append(1) or len(siblings))
    world = diverged(MERGE, "xyz")
    replica = world.replicas[0]
    before = MERGE.encode(replica.state)
    assert [MERGE.merged(replica.state, count) for _ in range(5)] == [3] * 5
    assert len(calls) == 1
    assert MERGE.encode(replica.state) == before
    world.do(world.replicas[1], "set", "next")
    everybody_hears(world)
    assert MERGE.merged(replica.state, count) == "next"


def test_nothing_is_merged_where_one_value_stands():
    world = diverged(MERGE, ["same", "same"])
    assert MERGE.merged(world.replicas[2].state, FAILING) == "same"
    assert MERGE.failed(world.replicas[2].state, FAILING) is None
    assert MERGE.merged_hash(world.replicas[2].state, FAILING) is None


def test_an_assignment_replaces_all_that_was_merged():
    world = diverged(MERGE, "xyz")
    world.do(world.replicas[2], "set", "next")
    everybody_hears(world)
    assert len(MERGE.siblings(world.replicas[0].state).heads) == 1


def test_without_its_function_a_replica_shows_the_winner():
    world = diverged(MERGE, "xyz")
    state = world.replicas[0].state
    assert MERGE.value(state) == MERGE.siblings(state).shown
    assert MergeRegister(JOIN).value(state) == MERGE.merged(state, JOIN)


def test_replicas_compare_hashes_of_what_they_merged():
    world = diverged(MERGE, "xyz")
    states = [replica.state for replica in world.replicas]
    hashes = {MERGE.merged_hash(state, JOIN) for state in states}
    assert len(hashes) == 1
    other = MergeFunction("join", 2, lambda base, siblings: [base])
    assert MERGE.merged_hash(states[0], other) not in hashes
    ordered = MergeFunction("map", 1, lambda base, siblings: {"a": 1, "b": 2})
    turned = MergeFunction("map", 2, lambda base, siblings: {"b": 2, "a": 1})
    assert MERGE.merged_hash(states[0], ordered) == MERGE.merged_hash(states[1], turned)


@pytest.mark.parametrize("function", [FAILING, UNSTORABLE], ids=lambda f: f.name)
def test_where_a_merge_fails_the_heads_are_contested_and_everybody_asks(function):
    world = diverged(MERGE, "xyz")
    a, _, c = world.replicas
    assert MERGE.merged(a.state, function) == MERGE.value(a.state)
    assert MERGE.conflict(a.state) is None
    heads = MERGE.failed(a.state, function)
    assert world.do(a, "contest", heads) is not None
    assert MERGE.failed(a.state, function) is None
    assert world.do(a, "contest", heads) is None  # done already
    everybody_hears(world, ("ops", "delta", "state"))
    for replica in world.replicas:
        conflict = MERGE.conflict(replica.state)
        assert sorted(values(conflict)) == ["x", "y", "z"]
        assert conflict.base == "base"
        # those whose function works read the same
        assert MERGE.merged(replica.state, JOIN) == conflict.shown
        assert MERGE.merged_hash(replica.state, JOIN) is None
    world.do(c, "set", "decided")
    everybody_hears(world, ("ops", "delta", "state"))
    for replica in world.replicas:
        assert MERGE.conflict(replica.state) is None
        assert MERGE.merged(replica.state, JOIN) == "decided"
        world.check(replica)


def test_a_contest_of_heads_that_stand_no_longer_means_nothing():
    world = diverged(MERGE, ["x", "y"])
    a, b, c = world.replicas
    world.do(a, "contest", MERGE.failed(a.state, FAILING))
    world.do(b, "set", "later")
    everybody_hears(world, ("delta", "ops"))
    assert [MERGE.conflict(replica.state) for replica in (a, b, c)] == [None] * 3
    assert [MERGE.value(replica.state) for replica in (a, b, c)] == ["later"] * 3
    assert a.state.cells == b.state.cells == c.state.cells


def test_a_contest_ends_for_those_who_hear_of_a_write_that_had_not_seen_it():
    world = diverged(MERGE, ["x", "y"])
    a, b, _ = world.replicas
    world.do(a, "contest", MERGE.failed(a.state, FAILING))
    assert MERGE.conflict(a.state) is not None
    world.do(b, "set", "later")
    world.delta(b, a)
    assert MERGE.conflict(a.state) is None
    assert MERGE.value(a.state) == "later"


@BOTH
def test_undoing_one_of_several_siblings_leaves_the_others(type_):
    world = TypeWorld(type_)
    a, b, c = world.replicas
    world.do(a, "set", "base")
    everybody_hears(world)
    take_back = type_.inverse(a.state, ("set", "mine"), (a.id, 2))
    assert world.do(a, "set", "mine") == (a.id, 2)
    world.do(b, "set", "theirs")
    everybody_hears(world)
    world.do(a, *take_back)
    everybody_hears(world)
    assert sorted(values(type_.siblings(c.state))) == ["base", "theirs"]
