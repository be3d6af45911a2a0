"""The last writer wins; concurrent writes are kept apart until they are stable."""

import pytest

from plait.base.causality import VersionVector
from plait.base.codec import decode, encode
from plait.base.errors import BadCall, BadFrame, BadValue
from plait.types.register import ASK, LAST_WRITER_WINS, MERGE
from tests.unit.type_world import CLEAR, ELSEWHERE, TypeWorld, fuzz_bodies

TYPES = pytest.mark.parametrize("type_", [LAST_WRITER_WINS, MERGE, ASK], ids=lambda t: t.tag)
SEEDS = range(25)


def shown(world):
    return [world.type.value(replica.state) for replica in world.replicas]


@TYPES
@pytest.mark.parametrize("seed", SEEDS)
def test_a_register_is_the_same_whichever_road_its_writes_took(type_, seed):
    TypeWorld(type_, seed).run(40)


@TYPES
def test_bodies_that_make_no_sense_are_taken_alike_everywhere(type_):
    for seed in range(5):
        fuzz_bodies(type_, seed, 40)


@TYPES
def test_a_write_that_has_seen_another_wins_whatever_the_clocks_say(type_):
    world = TypeWorld(type_)
    a, b, _ = world.replicas
    world.tell(a, type_.prepare(a.state, ("set", "first"), None), skew_ms=100_000)
    world.ops(a, b)
    world.do(b, "set", "second")
    world.ops(b, a)
    assert shown(world)[:2] == ["second", "second"]


@TYPES
def test_a_clear_leaves_what_it_has_not_seen(type_):
    world = TypeWorld(type_)
    a, b, _ = world.replicas
    world.do(a, "set", "old")
    world.ops(a, b)
    world.tell(a, CLEAR)
    world.do(b, "set", "unseen")
    assert not type_.alive(a.state)
    assert type_.value(a.state) is None
    world.delta(b, a)
    world.delta(a, b)
    assert shown(world)[:2] == ["unseen", "unseen"]
    assert type_.alive(a.state)
    world.check(a)


@TYPES
def test_what_was_cleared_takes_no_room_once_that_is_stable(type_):
    world = TypeWorld(type_)
    world.do(world.replicas[0], "set", "old")
    world.tell(world.replicas[0], CLEAR)
    world.settle()
    for replica in world.replicas:
        world.fold(replica)
        assert not replica.state.slots


@TYPES
def test_a_long_row_of_writes_is_one_cell_once_stable(type_):
    world = TypeWorld(type_)
    for number in range(30):
        replica = world.replicas[number % 3]
        for other in world.replicas:
            world.ops(other, replica)
        world.do(replica, "set", number)
    world.settle()
    for replica in world.replicas:
        world.fold(replica)
        assert len(replica.state.slots[b""]) == 1
        assert type_.value(replica.state) == 29


@TYPES
def test_a_stored_value_is_nobodys_to_change(type_):
    world = TypeWorld(type_)
    replica = world.replicas[0]
    value = {"tags": ["a"]}
    world.do(replica, "set", value)
    value["tags"].append("b")
    type_.value(replica.state)["tags"].append("c")
    assert type_.value(replica.state) == {"tags": ["a"]}


@TYPES
@pytest.mark.parametrize("value", [object(), 1 << 64, "\ud800", {"a": {1, object()}}])
def test_a_value_that_cannot_be_stored_is_refused(type_, value):
    world = TypeWorld(type_)
    with pytest.raises(BadValue):
        world.do(world.replicas[0], "set", value)
    assert not world.events


@TYPES
def test_a_mutation_that_registers_lack_is_refused(type_):
    world = TypeWorld(type_)
    with pytest.raises(BadCall):
        world.do(world.replicas[0], "add", 1)


@TYPES
@pytest.mark.parametrize(
    "data",
    [
        None, 7, "x", [7], [[b""], 7], [[b"", [0, 1, [5, "a"]]]],
        [[b"other", [3, 1, [5, [], "a"]]]], [[b"", [3, 1, {5: 1, 6: 2}]]],
        [[b"", [3, 1, []]]], [[b"", [3, 1, ["stamp", [], "a"]]]], [[b"", [3, 1, 9]]],
        [[b"", [3, 1, [1 << 64, [], "a"]]]], [[b"", [3, 1, [5, [[0, 1]], "a", "b"]]]],
    ],
)  # fmt: skip
def test_cells_that_nobody_sends_are_a_bad_frame(type_, data):
    world = TypeWorld(type_)
    replica = world.replicas[0]
    world.do(replica, "set", "kept")
    before = type_.encode(replica.state)
    with pytest.raises(BadFrame):
        type_.join(replica.state, data, replica.vector, VersionVector({3: 9}), False)
    assert type_.encode(replica.state) == before


@TYPES
def test_undoing_a_write_brings_back_what_was_there(type_):
    world = TypeWorld(type_)
    replica = world.replicas[0]
    world.do(replica, "set", "before")
    take_back = type_.inverse(replica.state, ("set", "after"), (replica.id, 2))
    assert world.do(replica, "set", "after") == (replica.id, 2)
    again = type_.inverse(replica.state, take_back, (replica.id, 3))
    assert world.do(replica, *take_back) == (replica.id, 3)
    assert type_.value(replica.state) == "before"
    world.do(replica, *again)
    assert type_.value(replica.state) == "after"


@TYPES
def test_undoing_the_first_write_leaves_nothing_and_can_be_redone(type_):
    world = TypeWorld(type_)
    replica = world.replicas[0]
    take_back = type_.inverse(replica.state, ("set", None), (replica.id, 1))
    world.do(replica, "set", None)
    assert type_.alive(replica.state)
    again = type_.inverse(replica.state, take_back, (replica.id, 2))
    world.do(replica, *take_back)
    assert not type_.alive(replica.state)
    world.do(replica, *again)
    assert type_.alive(replica.state)
    world.check(replica)


@TYPES
def test_undoing_a_write_that_somebody_wrote_over_does_nothing(type_):
    world = TypeWorld(type_)
    a, b, _ = world.replicas
    take_back = type_.inverse(a.state, ("set", "mine"), (a.id, 1))
    world.do(a, "set", "mine")
    world.ops(a, b)
    world.do(b, "set", "theirs")
    world.ops(b, a)
    assert world.do(a, *take_back) is None
    assert type_.value(a.state) == "theirs"


def test_concurrent_losers_can_be_looked_at_until_they_are_stable():
    world = TypeWorld(LAST_WRITER_WINS)
    dots = [world.do(replica, "set", replica.id) for replica in world.replicas]
    stamps = {dot: world.events[dot][0].hlc for dot in dots}
    order = sorted(dots, key=lambda dot: (stamps[dot], dot), reverse=True)
    world.settle()
    for replica in world.replicas:
        losers = LAST_WRITER_WINS.losers(replica.state)
        assert losers == [(dot, stamps[dot], dot[0]) for dot in order[1:]]
        world.fold(replica)
        assert LAST_WRITER_WINS.losers(replica.state) == []
        assert LAST_WRITER_WINS.value(replica.state) == order[0][0]


def test_a_loser_that_is_not_stable_can_still_come_to_be_read():
    world = TypeWorld(LAST_WRITER_WINS)
    a, b, c = world.replicas
    later = world.tell(b, ["later"], skew_ms=1000)
    earlier = world.tell(a, ["earlier"])
    for replica in (c, a):
        world.ops(b, replica)
        world.tell(replica, ELSEWHERE)
        world.ops(replica, b)
    cut = world.cut(b)
    assert cut.contains(later)
    assert not cut.contains(earlier)
    world.fold(b)
    assert LAST_WRITER_WINS.value(b.state) == "later"
    world.tell(c, [])  # takes away what it has seen, which is the winner alone
    world.ops(c, b)
    assert LAST_WRITER_WINS.value(b.state) == "earlier"


@TYPES
def test_equality_is_that_of_bytes(type_):
    world = TypeWorld(type_)
    replica = world.replicas[0]
    for value in (1, 1.0, True):
        world.do(replica, "set", value)
        read = decode(encode(type_.value(replica.state)))
        assert type(read) is type(value)
