"""Trees whose nodes are moved at several replicas at once."""

import random

import pytest

from plait.base.causality import VersionVector
from plait.base.errors import BadCall, BadFrame
from plait.types.graph_type import Here
from plait.types.moves import ROOT, TRASH, Move, Placing
from plait.types.positions import between, is_position
from plait.types.tree import TREE
from tests.unit.type_world import CLEAR, ELSEWHERE, TypeWorld, fuzz_bodies


def everybody_hears(world, road="ops"):
    for _ in range(2):
        for target in world.replicas:
            for source in world.replicas:
                if source is not target:
                    getattr(world, road)(source, target)


def create(world, replica, parent=ROOT, value=None, index=None):
    node = TREE.next_node(replica.state, Here(replica.id, replica.vector))
    world.do(replica, "create", node, parent, value, index)
    return node


def outline(replica, parent=ROOT):
    """Values with what is below them."""
    return {
        TREE.node_value(replica.state, node): outline(replica, node)
        for node in TREE.children(replica.state, parent)
    }


def planted(*names):
    """A world where everybody knows some topmost nodes."""
    world = TypeWorld(TREE)
    nodes = [create(world, world.replicas[0], ROOT, name) for name in names]
    everybody_hears(world)
    return world, nodes


@pytest.mark.parametrize("seed", range(50))
def test_a_tree_is_the_same_whichever_road_its_moves_took(seed):
    TypeWorld(TREE, seed).run(50)


def test_bodies_that_make_no_sense_are_taken_alike_everywhere():
    for seed in range(8):
        fuzz_bodies(TREE, seed, 50)


def test_two_moves_that_would_make_a_cycle_leave_one_of_them():
    world, (x, y) = planted("x", "y")
    a, b, _ = world.replicas
    world.do(a, "move", x, y)
    world.do(b, "move", y, x)
    everybody_hears(world)
    found = [outline(replica) for replica in world.replicas]
    assert found[0] in ({"x": {"y": {}}}, {"y": {"x": {}}})
    assert found == [found[0]] * 3


def test_three_moves_that_would_make_a_cycle_leave_two_of_them():
    world, (x, y, z) = planted("x", "y", "z")
    for replica, (node, parent) in zip(world.replicas, [(x, y), (y, z), (z, x)], strict=True):
        world.do(replica, "move", node, parent)
    everybody_hears(world, "delta")
    found = [outline(replica) for replica in world.replicas]
    assert found == [found[0]] * 3
    assert len(found[0]) == 1
    assert str(found[0]).count("{") == 4  # each in one place


def test_a_node_that_two_move_is_in_one_place():
    world, (x, y, z) = planted("x", "y", "z")
    world.do(world.replicas[0], "move", z, x)
    world.do(world.replicas[1], "move", z, y)
    everybody_hears(world, "state")
    assert [outline(replica) for replica in world.replicas] == [outline(world.replicas[0])] * 3
    assert str(outline(world.replicas[0])).count("z") == 1


def test_what_is_moved_out_of_a_deleted_node_at_the_same_time_stays():
    world, (x,) = planted("x")
    a, b, _ = world.replicas
    y, _ = create(world, a, x, "y"), create(world, a, x, "z")
    everybody_hears(world)
    world.do(a, "delete", x)
    world.do(b, "move", y, ROOT)
    everybody_hears(world)
    assert [outline(replica) for replica in world.replicas] == [{"y": {}}] * 3
    assert TREE.parent(a.state, x) is None
    assert TREE.alive(a.state)


def test_nodes_come_in_the_order_in_which_they_were_put():
    world, _ = planted("b", "d")
    replica = world.replicas[0]
    create(world, replica, ROOT, "a", 0)
    create(world, replica, ROOT, "c", 2)
    e = create(world, replica, ROOT, "e")
    assert list(outline(replica)) == ["a", "b", "c", "d", "e"]
    world.do(replica, "move", e, ROOT, 0)
    assert list(outline(replica)) == ["e", "a", "b", "c", "d"]
    world.do(replica, "move", e, ROOT, 4)
    assert list(outline(replica)) == ["a", "b", "c", "d", "e"]
    world.check(replica)


def test_what_two_put_into_one_place_leaves_room_in_between():
    world, _ = planted("first", "last")
    a, b, c = world.replicas
    create(world, a, ROOT, "a", 1)
    create(world, b, ROOT, "b", 1)
    everybody_hears(world)
    create(world, c, ROOT, "c", 2)
    everybody_hears(world)
    assert list(outline(a))[2] == "c"
    assert {tuple(outline(replica)) for replica in world.replicas} == {tuple(outline(a))}


def test_nodes_created_at_once_are_different_nodes():
    world = TypeWorld(TREE)
    nodes = [create(world, replica, ROOT, number) for number, replica in enumerate(world.replicas)]
    everybody_hears(world)
    assert len(set(nodes)) == 3
    assert sorted(outline(world.replicas[2])) == [0, 1, 2]


def test_nodes_created_in_one_draft_are_different_nodes():
    world = TypeWorld(TREE)
    replica = world.replicas[0]
    still = replica.vector.copy()
    nodes = []
    for _ in range(3):
        here = Here(replica.id, still)
        nodes.append(TREE.next_node(replica.state, here))
        world.tell(replica, TREE.prepare(replica.state, ("create", None, ROOT, 1), here))
    assert TREE.children(replica.state) == nodes
    assert len(set(nodes)) == 3


def test_a_node_cannot_be_created_in_another_replicas_name():
    world, (x,) = planted("x")
    _, b, _ = world.replicas
    number = int(x.partition(".")[2], 16)
    world.tell(b, [0, 1 << 40, ROOT, between(None, None, 1), "forged"])  # a number ahead of b
    world.tell(b, [0, number, ROOT, between(None, None, 1), "own"])
    assert len(TREE.children(b.state)) == 2
    assert TREE.node_value(b.state, x) == "x"


@pytest.mark.parametrize(
    "mutation",
    [
        ("move", "X", "nowhere"), ("move", "nowhere", ROOT), ("move", "X", "X"),
        ("move", "X", ROOT, 7), ("move", "X", ROOT, -1), ("move", "X", TRASH), ("delete", ROOT),
        ("delete", 7), ("set", "1.1", 5), ("create", None, "1.1", "value"), ("grow", 1),
        ("create", "1.1", ROOT, "value"), ("move", "X", ROOT, "first"), ("move", ROOT, "X"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_here_is_refused(mutation):
    world, (x,) = planted("x")
    mutation = tuple(x if part == "X" else part for part in mutation)
    before = dict(world.events)
    with pytest.raises(BadCall):
        world.do(world.replicas[0], *mutation)
    assert world.events == before


def test_a_node_cannot_be_moved_below_what_is_below_it():
    world, (x,) = planted("x")
    y = create(world, world.replicas[0], x, "y")
    with pytest.raises(BadCall, match="below itself"):
        world.do(world.replicas[0], "move", x, y)


def test_values_are_registers_of_their_own():
    world, (x,) = planted("x")
    a, b, c = world.replicas
    world.do(a, "set", x, "new")
    world.do(b, "move", x, ROOT, 0)
    everybody_hears(world, "delta")
    assert [outline(replica) for replica in (a, b, c)] == [{"new": {}}] * 3
    assert TREE.value(a.state) == [{"id": x, "value": "new", "children": []}]
    slots = list(TREE.touched([2, x, "new"], a.id))
    assert TREE.partial(a.state, slots) == {x: [ROOT, "new"]}


def test_a_clear_takes_the_nodes_that_it_has_seen():
    world, _ = planted("x", "y")
    a, b, _ = world.replicas
    world.tell(a, CLEAR)
    assert not TREE.alive(a.state)
    assert TREE.value(a.state) == []
    create(world, b, ROOT, "z")
    everybody_hears(world, "delta")
    assert [outline(replica) for replica in world.replicas] == [{"z": {}}] * 3


# ----------------------------------------------------------------------------- folding


def test_of_many_moves_one_a_node_is_left_once_they_are_stable():
    world, (x, y) = planted("x", "y")
    for number in range(40):
        replica = world.replicas[number % 3]
        world.do(replica, "move", x, ROOT if number % 2 else y)
        world.do(replica, "set", x, number)
        everybody_hears(world)
    world.settle()
    before = [TREE.encode(replica.state) for replica in world.replicas]
    for replica, data in zip(world.replicas, before, strict=True):
        world.fold(replica)
        assert sum(map(len, replica.state.slots.values())) == 5  # two a node, and the horizon
        assert len(TREE.encode(replica.state)) < len(data) / 4
        world.check(replica)


def test_who_has_not_folded_settles_what_the_sender_of_a_delta_has():
    world, (x, y) = planted("x", "y")
    a, b, _ = world.replicas
    world.do(a, "move", x, y)
    world.tell(b, ELSEWHERE)
    world.do(b, "move", y, x)  # ordered later: it is ignored
    everybody_hears(world)
    assert outline(a) == {"y": {"x": {}}}
    world.do(a, "move", x, ROOT)
    world.settle()
    world.fold(a)  # forgets where x was, and so why the move of y was ignored
    world.do(a, "move", x, ROOT, 0)
    world.delta(a, b)
    assert outline(b) == outline(a) == {"x": {}, "y": {}}
    world.check(b)


def test_a_move_that_is_not_stable_may_still_turn_out_to_be_ignored():
    world, (x, y) = planted("x", "y")
    a, _, c = world.replicas
    world.settle()
    world.do(c, "move", y, x)  # nobody hears of it for long
    later = TREE.prepare(a.state, ("move", x, y), Here(a.id, a.vector))
    world.tell(a, later, skew_ms=1000)
    world.fold(a)
    assert outline(a) == {"y": {"x": {}}}
    world.ops(c, a)  # comes before in the order: x is where it was created after all
    assert outline(a) == {"x": {"y": {}}}
    world.check(a)


def test_a_tree_deeper_than_the_stack_is_read():
    world = TypeWorld(TREE, replicas=2)
    replica = world.replicas[0]
    parent = ROOT
    for number in range(1500):
        body = [0, number + 1, parent, between(None, None, 1), None]
        world.tell(replica, body)
        parent = f"{replica.id:x}.{number + 1:x}"
    value, depth = TREE.value(replica.state), 0
    while value:
        value, depth = value[0]["children"], depth + 1
    assert depth == 1500


# ----------------------------------------------------------------------------- undo


def undone(world, replica, *mutation):
    dot = (replica.id, replica.vector.get(replica.id, 0) + 1)
    inverse = TREE.inverse(replica.state, mutation, dot)
    assert world.do(replica, *mutation) == dot
    return inverse


def test_undoing_takes_back_a_move_a_deletion_a_creation_and_a_value():
    world, (x, y) = planted("x", "y")
    replica = world.replicas[0]
    before = TREE.value(replica.state)
    for mutation in [
        ("move", x, y), ("delete", x), ("create", None, x, "new", 0), ("set", y, "other"),
    ]:  # fmt: skip
        take_back = undone(world, replica, *mutation)
        after = TREE.value(replica.state)
        assert after != before
        again = undone(world, replica, *take_back)
        assert TREE.value(replica.state) == before
        take_back = undone(world, replica, *again)
        assert TREE.value(replica.state) == after
        world.do(replica, *take_back)
        assert TREE.value(replica.state) == before


def test_undoing_what_somebody_has_changed_since_does_nothing():
    world, (x, y) = planted("x", "y")
    a, b, _ = world.replicas
    moved = undone(world, a, "move", x, y)
    valued = undone(world, a, "set", x, "mine")
    everybody_hears(world)
    world.do(b, "move", x, ROOT)
    world.do(b, "set", x, "theirs")
    everybody_hears(world)
    assert world.do(a, *moved) is None
    assert world.do(a, *valued) is None


# ----------------------------------------------------------------------------- parts


@pytest.mark.parametrize(
    "data",
    [
        None, 7, [7], [[b"m1.1", [3, 1, [5, "", b"", 1]]]], [[b"m1.1", [3, 1, [5, "", b""]]]],
        [[b"m01.1", [3, 1, [5, "~", b""]]]], [[b"x1.1", [3, 1, [5, 1]]]], [[b"v1.1", [3, 1, [5]]]],
        [[b"v\xff", [3, 1, [5, 1]]]], [[5, [3, 1, [5, 1]]]], [[b"s", [3, 1, [5, 1]]]],
        [[b"m1.1", [3, 1, {5: 1}]]], [[b"v1.1", [3, 1, []]]], [[b"v1.1", [3, 1, ["5", 1]]]],
    ],
)  # fmt: skip
def test_cells_that_nobody_sends_are_a_bad_frame(data):
    world, _ = planted("x")
    replica = world.replicas[0]
    before = TREE.encode(replica.state)
    with pytest.raises(BadFrame):
        TREE.join(replica.state, data, replica.vector, VersionVector({3: 9}), False)
    assert TREE.encode(replica.state) == before


def test_moves_in_any_order_place_the_nodes_alike():
    chance = random.Random(2)
    for _ in range(100):
        names = ["1.1", "1.2", "1.3", "1.4"]
        moves = [
            Move((number, 1, number + 1), chance.choice(names), chance.choice([ROOT, *names]), b"p")
            for number in range(chance.randrange(12))
        ]
        expected = Placing(moves)
        placing = Placing()
        for move in chance.sample(moves, len(moves)):
            placing.add(move)
        assert placing.places == expected.places
        assert placing.log == expected.log
        for parent in [ROOT, *names]:
            assert placing.children(parent) == expected.children(parent)


def test_there_is_always_room_between_two_positions():
    chance = random.Random(4)
    found = [between(None, None, 5)]
    for _ in range(2000):
        index = chance.randrange(len(found) + 1)
        low = found[index - 1] if index else None
        high = found[index] if index < len(found) else None
        position = between(low, high, chance.getrandbits(63))
        assert is_position(position)
        assert low is None or low < position
        assert high is None or position < high
        found.insert(index, position)
    assert max(map(len, found)) < 40


def test_positions_put_last_or_first_stay_short():
    first = last = between(None, None, 7)
    for _ in range(70_000):
        first, last = between(None, first, 7), between(last, None, 7)
    assert len(first) <= 6
    assert len(last) <= 6
    assert first < between(first, last, 7) < last


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\x81", b"\x81\x00\x00", b"\x82\x00\x05", b"\xff\x01", "text", None]
)
def test_what_is_no_position_is_told(data):
    assert not is_position(data)
