"""What goes wrong on the network really does: in small worlds of bare connections, and in runs
where it can be seen in the trace and the picture."""

import asyncio
from random import Random

import pytest

from plait.base.codec import encode
from plait.graph.messages import Neighbours, Ops, Part, Vector, encode_message
from plait.line.entry import Epoch
from plait.line.replication.messages import Append
from plait.node.peers import PROTOCOL, PeerHello
from plait.node.said import GraphSaid
from plait.sim.config import Config
from plait.sim.page import render_page
from plait.sim.paths import Path, PathRules
from plait.sim.run import simulate
from plait.sim.timeline import Timeline
from plait.sim.unruly import Unruly, stands_it
from plait.sim.world import World, run_world

HELLO = encode(PeerHello(PROTOCOL, "c", "n2"))


class Heard:
    """A receiver that keeps what came, and when."""

    def __init__(self, world, kept):
        self.world = world
        self.kept = kept

    def frames(self, frames):
        self.kept += [(frame, self.world.now()) for frame in frames]

    def closed(self, reason):
        self.kept.append((reason, self.world.now()))


def between_two(act, **rules):
    """Let `act(world, dial, kept)` happen where `a` may dial `b`; `kept` is what `b` heard."""
    kept = []

    async def main(loop):
        world = World(5, loop, PathRules(**rules), Config(1).disks)
        world.nodes = {"a": world.add_client("a"), "b": world.add_client("b")}
        world.clients = {}
        done = []

        async def listen(network):
            await network.listen("b:1", lambda connection: Heard(world, kept))
            await asyncio.sleep(1e6)

        async def work(network):
            await asyncio.sleep(0.01)

            async def dial():
                return await network.connect("b:1", lambda _: Heard(world, []), 5.0)

            await act(world, dial, kept)
            done.append(True)

        world.nodes["b"].run(listen)
        await world.nodes["a"].run(work)
        assert done
        world.end()

    run_world(main)
    return kept


def frames_of(kept):
    return [frame for frame, _ in kept if isinstance(frame, bytes)]


# ----------------------------------------------------------------------------- ghosts


async def haunted(world, dial, kept):
    old = await dial()
    old.send(b"first")
    await asyncio.sleep(1.0)
    world.fabric.cut("a", "b")
    old.send(b"late")
    old.send(b"later")
    await asyncio.sleep(0.1)
    assert [end.abandoned(3.0) for end in world.fabric.ends("a", "b")] == [2]
    world.fabric.mend("a", "b")
    old.send(b"never")
    new = await dial()
    new.send(b"new")
    await asyncio.sleep(2.0)
    assert frames_of(kept) == [b"first", b"new"]
    await asyncio.sleep(3.0)


def test_frames_of_an_old_connection_come_after_those_of_its_successor_while_both_are_open():
    kept = between_two(haunted)
    assert frames_of(kept) == [b"first", b"new", b"late", b"later"]
    assert kept[-1][0] == "reset by the peer"


def test_an_answer_to_a_ghost_breaks_it_but_not_before_its_frames_came():
    async def act(world, dial, kept):
        old = await dial()
        old.send(b"first")
        await asyncio.sleep(1.0)
        world.fabric.cut("a", "b")
        old.send(b"late")
        await asyncio.sleep(0.1)
        for end in world.fabric.ends("a", "b"):
            end.abandoned(3.0)
        world.fabric.mend("a", "b")
        for end in world.fabric.ends("b", "a"):
            end.send(b"answer")
        await asyncio.sleep(10.0)

    kept = between_two(act)
    assert frames_of(kept) == [b"first", b"late"]
    assert [reason for reason, _ in kept[2:]] == ["reset by the peer"]


def test_a_run_with_ghosts_shows_them_in_its_trace_and_its_picture():
    outcome = simulate(
        Config(3, work_s=8.0, think_s=0.02, workloads=("bank", "documents"), faults={"ghost": 0.3}),
        keep=True,
    )
    assert outcome.ok, outcome.problems
    came = [one for one in outcome.happenings if one.kind == "ghost comes"]
    assert len(came) > 3
    assert "ghost comes" in render_page(outcome)


# ----------------------------------------------------------------------------- slowness


def test_a_run_on_slow_paths_shows_them_in_its_trace_and_its_picture():
    outcome = simulate(
        Config(2, work_s=20.0, think_s=0.05, clients=3, faults={"slow": 2.0}), keep=True
    )
    assert outcome.ok, outcome.problems
    slow = [one for one in outcome.happenings if one.kind == "slow"]
    assert any(float(one.what.split()[0]) > 2.0 for one in slow)  # longer than an attempt lasts
    spans = [span for lane in Timeline(outcome.happenings).ordered() for span in lane.spans]
    assert sum(span.kind == "slow" for span in spans) == len(slow)
    assert 'class="span slow"' in render_page(outcome)


def test_bytes_wait_for_those_before_them_on_a_narrow_path():
    path = Path(PathRules(0.5, 0.0, bytes_per_s=1000.0), Random(1))
    assert [path.arrival(0.0, 500), path.arrival(0.0, 250), path.arrival(9.0, 100)] == [
        pytest.approx(1.0), pytest.approx(1.25), pytest.approx(9.6)
    ]  # fmt: skip


# ----------------------------------------------------------------------------- unruly paths


def votes(count):
    return [encode(Append("l", Epoch(1, "n1"), number, Epoch(1, "n1"), (), 0, 0, 0, 0))
            for number in range(count)]  # fmt: skip


def unruly(twice, behind):
    async def act(world, dial, kept):
        connection = await dial()
        connection.send(HELLO)
        await asyncio.sleep(1.0)
        world.fabric.path("a", "b").unruly = Unruly(Random(4), twice, behind, 0.5)
        for frame in votes(40):
            connection.send(frame)
            await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)

    return frames_of(between_two(act))


def test_an_unruly_path_brings_frames_twice_and_loses_none():
    heard = unruly(0.5, 0.0)
    assert heard[0] == HELLO
    assert set(heard[1:]) == set(votes(40))
    assert 50 < len(heard[1:]) < 70


def test_an_unruly_path_brings_frames_behind_later_ones_and_loses_none():
    heard = unruly(0.0, 0.5)
    assert sorted(heard[1:]) == sorted(votes(40))
    assert heard[1:] != votes(40)


def test_a_connection_that_is_no_members_is_left_alone():
    async def act(world, dial, kept):
        world.fabric.path("a", "b").unruly = Unruly(Random(4), 1.0, 1.0, 0.5)
        connection = await dial()
        for frame in votes(40):
            connection.send(frame)
        await asyncio.sleep(2.0)

    assert frames_of(between_two(act)) == votes(40)


def test_only_messages_whose_receivers_stand_it_are_meddled_with():
    lineage = b"l" * 16

    def said(message):
        return encode(GraphSaid("x", encode_message(message)))

    assert all(map(stands_it, votes(1)))
    assert stands_it(said(Ops(lineage, 0, False, (), (), ())))
    assert stands_it(said(Vector(lineage, ((1, 2),), 5)))
    assert not stands_it(HELLO)
    assert not stands_it(said(Part(lineage, 1, 0, True, b"data" * 1000)))
    assert not stands_it(said(Neighbours(lineage, (1,))))
    assert not stands_it(encode(GraphSaid("x", b"")))
    assert not stands_it(b"\xc1 no message")


@pytest.mark.parametrize("kind", ["twice", "shuffle"])
def test_a_run_on_unruly_paths_keeps_every_promise_and_says_what_it_met(kind):
    outcome = simulate(
        Config(
            4,
            work_s=8.0,
            think_s=0.05,
            workloads=("bank", "documents"),
            faults={kind: 0.5, "kill": 4.0},
        ),
        keep=True,
    )
    assert outcome.ok, outcome.problems
    ends = [one.what for one in outcome.happenings if one.kind == "in order again"]
    assert sum(int(what.split()[0]) for what in ends) > 20
    assert 'class="span unruly"' in render_page(outcome)


def test_a_stopped_process_hears_in_order_what_was_sent_before_and_after_it_stopped():
    async def act(world, dial, kept):
        connection = await dial()
        stopped = world.nodes["b"]
        connection.send(b"before")
        await asyncio.sleep(0.005)  # it is on its way
        stopped.stop()
        connection.send(b"after")
        await asyncio.sleep(1.0)
        assert kept == []
        stopped.go_on()
        await asyncio.sleep(1.0)

    kept = between_two(act, latency_s=0.01)
    assert [frame for frame, _ in kept][:2] == [b"before", b"after"]
