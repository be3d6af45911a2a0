"""What rides along, and what is decided from it: presence, contests, silence, what is re-issued."""

import asyncio

from graph_replicas import TITLE, Wire, opened, put, same, title, until

from plait.engines.graph.contests import Contests
from plait.engines.graph.outbox import Outbox
from plait.engines.graph.presence import TTL_S, Presences
from plait.engines.graph.silence import Silence
from plait.graph.event import BEAT as BEAT_PATH
from plait.graph.event import Batch, Op
from plait.graph.scope import Scope
from plait.host.memory_storage import MemoryDisk, MemoryStorage


def test_presence_is_forgotten_when_it_is_not_said_again():
    told: list[tuple[int, object]] = []
    one, two = Presences(b"l"), Presences(b"l")
    two.tell = lambda replica, value: told.append((replica, value))
    said = one.set(7, {"at": 3}, 0.0, 1000)
    assert two.hear(said, 0.0)
    assert not two.hear(said, 1.0)  # no news, so it is not passed on for ever
    assert two.everybody() == {7: {"at": 3}}
    again = one.tick(10.0, 11_000)
    assert again is not None
    assert two.hear(again, 10.0)
    two.tick(10.0 + TTL_S, 0)
    assert two.everybody() == {}
    assert told == [(7, {"at": 3}), (7, None)]


def test_who_leaves_is_forgotten_at_once():
    one, two = Presences(b"l"), Presences(b"l")
    two.hear(one.set(7, "here", 0.0, 1000), 0.0)
    two.hear(one.set(7, None, 1.0, 1001), 1.0)
    assert two.everybody() == {}


def test_equal_hashes_are_no_contest_and_differing_ones_are_one():
    one, two = Contests(), Contests()
    heads = [(1, 1), (2, 1)]
    assert one.note("k", ("m:t",), heads, b"x")
    assert not one.note("k", ("m:t",), heads, b"x")
    two.note("k", ("m:t",), heads[::-1], b"x")
    assert not two.hear(one.fresh())
    one.note("k", ("m:t",), heads, b"y")
    assert two.hear(one.fresh())
    ((name, conflict),) = two.disputed()
    assert conflict == ("k", ("m:t",), ((1, 1), (2, 1)))
    two.decided(name)
    assert not two.hear(one.entries())  # once
    assert two.disputed() == []


def test_a_replica_that_merged_nothing_passes_hashes_on_once_and_keeps_them_for_who_comes_later():
    one, relay, two = Contests(), Contests(), Contests()
    one.note("k", ("m:t",), [(1, 1), (2, 1)], b"x")
    said = one.fresh()
    assert relay.hear(said)
    assert relay.fresh() == relay.entries() == said
    assert not relay.hear(said)
    assert two.hear(relay.entries())
    assert two.disputed() == []
    two.note("k", ("m:t",), [(1, 1), (2, 1)], b"y")  # heard before it was merged here
    assert len(two.disputed()) == 1


def test_the_outbox_keeps_the_order_and_lets_go_of_nothing_too_early():
    box, left = Outbox(), []
    box.put(2, 1, lambda: left.append("second"))
    box.put(1, 1, lambda: left.append("third"))  # durable, but behind another
    assert left == []
    box.release(1)
    assert left == []
    box.release(2)
    assert left == ["second", "third"]


class _NoFold:
    def apply(self, op: object, event: object) -> None: ...


def test_a_member_that_is_behind_and_silent_is_due_and_an_idle_one_is_not():
    scope = Scope(1, 5, 5, _NoFold(), "stable")  # type: ignore[arg-type]
    scope.write([scope.admit(6, "phone")], scope.stamp(1))
    silence = Silence(10.0)
    assert silence.due(scope, 0.0) == []
    assert silence.due(scope, 9.0) == []
    assert silence.due(scope, 10.0) == [6]
    beat = Op("", (BEAT_PATH,), None)
    scope.receive([Batch(6, 1, scope.stamp(2), ((5, 1),), (beat,))], 2)
    assert silence.due(scope, 11.0) == []  # it has said that it has seen everything
    assert silence.due(scope, 99.0) == []
    assert Silence(0.0).due(scope, 1e9) == []


async def test_a_silent_member_is_retired_and_what_it_wrote_meanwhile_is_not_lost():
    one = await opened(MemoryStorage(), "one", retire_silent_s=0.05)
    disk = MemoryDisk()
    two = await opened(MemoryStorage(disk), "two", founds=False)
    wire = Wire(one, two)
    await until(lambda: two.parts.scope.writable)
    await same(one, two)
    wire.cut()
    put(two, "late", 2)
    await two.flush()
    gone = two.replica
    for step in range(200):
        put(one, "a", step)
        one._fold_at = 0.0
        await one.flusher.flush()
        if gone not in one.parts.scope.members.remaining():
            break
        await asyncio.sleep(0.005)
    assert gone not in one.parts.scope.members.remaining()
    Wire(one, two)
    await until(lambda: title(one, "late") == 2)
    assert two.replica != gone
    await same(one, two)
    await one.close()
    await two.close()


async def test_presence_reaches_everybody_through_a_star():
    hub = await opened(MemoryStorage(), "hub")
    tips = [await opened(MemoryStorage(), f"t{n}", founds=False) for n in range(2)]
    for tip in tips:
        Wire(hub, tip)
        await until(lambda tip=tip: tip.parts.scope.writable)
    tips[0].company.present({"cursor": 4})
    await until(lambda: tips[1].company.everybody() == {tips[0].replica: {"cursor": 4}})
    assert title(hub, "x") is None  # nothing was stored
    assert TITLE
    for replica in (hub, *tips):
        await replica.close()
