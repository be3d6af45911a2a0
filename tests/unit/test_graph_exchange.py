"""Exchanges between replicas: identity, admission, relaying, roads, parts."""

import pytest
from graph_machines import LINEAGE
from graph_world import World

from plait.base.errors import WrongLineage
from plait.graph.event import Op
from plait.graph.messages import (
    Greeting,
    Join,
    MergedHashes,
    Nothing,
    Ops,
    Part,
    Presence,
    Vector,
    Want,
    decode_message,
    encode_message,
)


def linked(
    count: int = 3, shape: str = "mesh", roads: tuple[str, ...] = ("auto",), history: str = "stable"
) -> World:
    """Members, linked and quiet."""
    world = World(1, count=count, roads=roads, history=history)
    names = sorted(world.machines)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            if shape == "mesh" or (shape == "star" and index == 0):
                world.connect(name, other)
        if shape == "ring":
            world.connect(name, names[(index + 1) % count])
    world.settle(world.converged)
    assert world.converged()
    world.run()
    return world


def watch(world: World) -> list[tuple[str, str, object]]:
    """Every message that is sent from now on."""
    seen: list[tuple[str, str, object]] = []
    send = world.send

    def spy(source: str, target: str, data: bytes) -> None:
        seen.append((source, target, decode_message(data)))
        send(source, target, data)

    world.send = spy  # type: ignore[method-assign]
    return seen


def add(world: World, name: str, element: bytes, key: str = "k0") -> None:
    assert world.machines[name].write([Op(key, ("aw:log",), ["add", element])])


# ----------------------------------------------------------------------------- live


def test_in_a_mesh_a_batch_goes_once_to_each_peer_and_nobody_relays() -> None:
    world = linked(3)
    seen = watch(world)
    add(world, "m1", b"x")
    world.run()
    ops = [(source, target) for source, target, message in seen if isinstance(message, Ops)]
    assert sorted(ops) == [("m1", "m0"), ("m1", "m2")]
    assert world.converged()


def test_in_a_star_the_middle_relays() -> None:
    world = linked(3, "star")
    seen = watch(world)
    add(world, "m1", b"x")
    world.run()
    ops = [(source, target) for source, target, message in seen if isinstance(message, Ops)]
    assert ops == [("m1", "m0"), ("m0", "m2")]


def test_nothing_is_sent_before_the_batch_is_durable() -> None:
    world = linked(2)
    seen = watch(world)
    add(world, "m0", b"x")
    world.machines["m0"].leave()
    assert not [message for _, _, message in seen if isinstance(message, Ops)]


def test_what_was_lost_on_a_connection_is_asked_for() -> None:
    world = linked(2)
    add(world, "m0", b"x")
    world.machines["m0"].flush()
    world.wires["m0", "m1"].clear()
    seen = watch(world)
    world.settle(world.converged, 5.0)
    assert world.converged()
    assert [target for _, target, message in seen if isinstance(message, Want)] == ["m0"]


def test_quiet_peers_say_almost_nothing() -> None:
    world = linked(3)
    world.settle(lambda: False, 10.0)
    before = world.bytes
    world.settle(lambda: False, 60.0)
    assert world.bytes - before < 6 * 12 * 120


# ----------------------------------------------------------------------------- roads


@pytest.mark.parametrize("shape", ["mesh", "star", "ring"])
@pytest.mark.parametrize("road", ["auto", "ops", "delta", "state"])
def test_every_road_works_in_every_topology(shape: str, road: str) -> None:
    world = linked(4, shape, (road,))
    for turn in range(12):
        add(world, f"m{turn % 4}", b"i%d" % turn, f"k{turn % 3}")
        world.settle(lambda: False, 0.3)
    world.settle(world.converged, 20.0)
    world.check()


def test_a_delta_after_a_gap_costs_less_than_the_batches() -> None:
    world = linked(2)
    world.cut("m0", "m1")
    for _ in range(1000):
        world.machines["m0"].write([Op("k", ("n:count",), ["inc", 1])])
    world.machines["m0"].flush()
    seen = watch(world)
    world.connect("m0", "m1")
    world.settle(world.converged, 10.0)
    assert world.machines["m1"].fold.total("k", ("n:count",)) == 1000
    parts = [message for _, _, message in seen if isinstance(message, Part)]
    assert sum(len(part.data) for part in parts) < 1000


def test_a_large_state_travels_in_parts_and_is_joined_at_once() -> None:
    world = linked(2, roads=("state",))
    world.cut("m0", "m1")
    for n in range(30):
        add(world, "m0", b"%d" % n * 20_000)
    world.machines["m0"].flush()
    seen = watch(world)
    world.connect("m0", "m1")
    world.settle(world.converged, 10.0)
    parts = [message for _, _, message in seen if isinstance(message, Part)]
    assert len(parts) > 2
    assert all(len(part.data) <= 256 * 1024 for part in parts)
    assert len(world.machines["m1"].fold.items("k0", ("aw:log",))) == 30


def test_long_histories_come_in_bounded_pages() -> None:
    world = linked(2, roads=("ops",), history="forever")
    world.cut("m0", "m1")
    for n in range(40):
        add(world, "m0", b"%d" % n * 20_000)
    world.machines["m0"].flush()
    seen = watch(world)
    world.connect("m0", "m1")
    world.settle(world.converged, 10.0)
    pages = [len(encode_message(m)) for _, _, m in seen if isinstance(m, Ops)]
    assert len(pages) > 3
    assert max(pages) < 300 * 1024
    assert world.converged()


# ----------------------------------------------------------------------------- who is who


def test_graphs_that_began_separately_are_never_joined() -> None:
    world = linked(2)
    machine = world.machines["m0"]
    strange = Vector(bytes(16), (), 0)
    with pytest.raises(WrongLineage):
        machine.exchange.received("m1", strange, 0.0, 0)
    assert machine.exchange.links.flush() == []


def test_a_newcomer_gets_nothing_before_it_was_admitted() -> None:
    world = linked(2)
    add(world, "m0", b"x")
    world.add()
    seen = watch(world)
    world.connect("m0", "m2")
    world.settle(world.converged, 10.0)
    assert world.converged()
    kinds = [(source, type(message)) for source, _, message in seen if "m1" not in (source, _)]
    joined = kinds.index(("m2", Join))
    given = [i for i, (s, kind) in enumerate(kinds) if s == "m0" and kind in (Ops, Part)]
    assert min(given) > joined
    roll = world.machines["m2"].scope.members
    assert roll.is_member(world.machines["m2"].scope.replica)


def test_who_asks_without_being_admitted_gets_nothing() -> None:
    world = linked(2)
    world.add()
    world.connect("m0", "m2")
    world.run()
    m0 = world.machines["m0"]
    m0.exchange.peers["m2"].replica = 4242
    want = Want(m0.exchange.links.lineage, 1, (), (), "auto", 1000)
    effects = m0.exchange.received("m2", want, world.now, world.now_ms)
    assert isinstance(effects[0].message, Nothing)  # type: ignore[union-attr]


def test_a_restored_backup_goes_on_under_a_fresh_id_with_its_state() -> None:
    world = linked(3)
    m1 = world.machines["m1"]
    add(world, "m1", b"before")
    world.run()
    m1.backup = m1.image()
    add(world, "m1", b"after")
    world.run()
    old = m1.scope.replica
    world.turn_back(m1)
    world.connect("m1", "m0")
    world.settle(world.converged, 30.0)
    assert len(m1.restarts) == 1
    assert m1.scope.replica != old
    assert m1.fold.items("k0", ("aw:log",)) == {b"before", b"after"}
    assert old in world.machines["m0"].scope.members.retired


def test_of_two_processes_with_one_id_the_one_that_wrote_less_gives_it_up() -> None:
    world = linked(3)
    m1 = world.machines["m1"]
    m1.flush()
    twin = world.add()
    twin.start(m1.image())
    twin.cautious = True
    add(world, "m1", b"real")
    world.run()
    world.connect("m1", twin.name)
    world.settle(world.converged, 30.0)
    assert (len(m1.restarts), len(twin.restarts)) == (0, 1)
    assert twin.scope.replica != m1.scope.replica
    world.check()


def test_a_forked_stream_is_found_by_its_hash_and_what_the_others_lack_is_written_anew() -> None:
    world = linked(3)
    m1 = world.machines["m1"]
    m1.flush()
    twin = world.add()
    twin.start(m1.image())
    add(world, "m1", b"one")
    world.run()
    world.ledger.clear()  # the twin does what no engine allows
    add(world, twin.name, b"two")
    add(world, twin.name, b"three")
    twin.flush()
    world.ledger.clear()
    world.connect("m0", twin.name)
    world.settle(world.converged, 30.0)
    assert len(twin.restarts) == 1
    for machine in world.machines.values():
        assert machine.fold.items("k0", ("aw:log",)) == {b"one", b"two", b"three"}


def test_what_a_copy_writes_before_it_is_told_that_it_is_one_is_written_anew() -> None:
    world = linked(3)
    m1 = world.machines["m1"]
    m1.flush()
    twin = world.add()
    twin.start(m1.image())
    for number in range(4):
        add(world, "m1", b"one-%d" % number)
    world.run()
    world.ledger.clear()  # the twin does what no engine allows
    world.connect("m0", twin.name)  # they greet each other
    add(world, twin.name, b"two")
    twin.flush()
    world.ledger.clear()
    world.settle(world.converged, 30.0)
    assert len(twin.restarts) == 1
    wanted = {b"one-0", b"one-1", b"one-2", b"one-3", b"two"}
    for machine in world.machines.values():
        assert machine.fold.items("k0", ("aw:log",)) == wanted


def test_a_replica_that_was_retired_while_away_adopts_and_writes_anew_what_others_lack() -> None:
    world = linked(3)
    m0, m2 = world.machines["m0"], world.machines["m2"]
    add(world, "m2", b"known")
    world.run()
    world.cut("m0", "m2")
    world.cut("m1", "m2")
    add(world, "m2", b"unsent")
    m2.write([Op("k1", ("n:count",), ["inc", 5])])
    m2.flush()
    m0.write([m0.scope.retire(m2.scope.replica)])
    world.settle(lambda: False, 5.0)
    world.connect("m0", "m2")
    world.settle(world.converged, 30.0)
    assert m2.restarts == ["this replica was retired"]
    for machine in world.machines.values():
        assert machine.fold.items("k0", ("aw:log",)) == {b"known", b"unsent"}
        assert machine.fold.total("k1", ("n:count",)) == 5


def test_a_clock_far_ahead_of_most_peers_stops_stamping_until_it_is_set() -> None:
    world = linked(3)
    m1 = world.machines["m1"]
    m1.skew_ms = 200_000
    world.settle(lambda: bool(m1.scope.clock_wrong), 10.0)
    assert not m1.write([Op("k0", ("aw:log",), ["add", b"x"])])
    m1.skew_ms = 0
    world.settle(lambda: not m1.scope.clock_wrong, 10.0)
    assert not m1.scope.clock_wrong


# ----------------------------------------------------------------------------- messages


def test_every_message_survives_the_wire() -> None:
    lineage = LINEAGE.to_bytes(16, "big")
    messages = [
        Greeting(lineage, 1, ((1, 2),), (), 2, b"h" * 16, (), (2,), "auto", 7, 8),
        Want(lineage, 1, ((1, 2),), (), "ops", 5, ("k",)),
        Part(lineage, 1, 0, True, b"x"),
        Presence(lineage, 1, (("cursor", [1, 2], 500),)),
        MergedHashes(lineage, ((b"a", b"b"),)),
    ]
    for message in messages:
        assert decode_message(encode_message(message)) == message


def test_presence_rides_along_and_changes_nothing() -> None:
    world = linked(2)
    m0 = world.machines["m0"]
    presence = Presence(m0.exchange.links.lineage, 5, (("cursor", 1, 500),))
    effects = m0.exchange.received("m1", presence, world.now, world.now_ms)
    assert [effect.message for effect in effects] == [presence]  # type: ignore[union-attr]
