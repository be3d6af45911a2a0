"""Shared engines as machines of a world, and lines that move between them there."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from plait.base.errors import Sealed, Unavailable
from plait.line.entry import Entry
from plait.sim.config import Config
from plait.sim.engine import URLS, EngineMachine, connect
from plait.sim.faults import ENGINE_FAULTS
from plait.sim.loop import VirtualLoop
from plait.sim.machine import Machine
from plait.sim.report import Choice
from plait.sim.run import simulate
from plait.sim.twin import ANSWER_S, TwinEngine
from plait.sim.workloads.all import WORKLOADS
from plait.sim.world import World, run_world

Use = Callable[[World, EngineMachine, TwinEngine], Awaitable[Any]]


def use(act: Use) -> Any:
    """Let a client of an engine do something in a world of two machines."""

    async def main(loop: VirtualLoop) -> Any:
        world = World(1, loop, Config(1).paths, Config(1).disks)
        engine = world.add_engine("nats")
        machine = Machine("n1", loop, world.fabric, world.trace)
        process = machine.begin()
        random = world.stream("client")

        async def client() -> Any:
            found = await connect(machine, process, URLS["nats"], "c", machine.clock, random)
            return await act(world, engine, found)

        return await process.spawn(client())

    return run_world(main)


def test_what_nobody_waits_for_any_more_may_still_be_done() -> None:
    async def act(world: World, engine: EngineMachine, client: TwinEngine) -> None:
        loglet = await client.open("l")
        world.fabric.cut("nats", "n1")  # only answers are lost
        with pytest.raises(Unavailable):
            await loglet.append(Entry(b"done", 1))
        world.fabric.cut("n1", "nats")
        with pytest.raises(Unavailable):
            await loglet.append(Entry(b"late", 1))
        (log,) = engine.server.logs.values()
        assert [entry.payload for entry in log.entries] == [b"done"]
        world.fabric.mend_all()
        assert (await loglet.wait(1)).position == 2
        assert [entry.payload for entry in await loglet.read(0, 2)] == [b"done", b"late"]

    use(act)


def test_what_comes_behind_a_seal_is_refused_however_late_it_is() -> None:
    async def act(world: World, engine: EngineMachine, client: TwinEngine) -> None:
        one, other = await client.open("l"), await client.open("l")
        await one.append(Entry(b"x", 1))
        assert await other.seal() == 1
        with pytest.raises(Sealed):
            await one.append(Entry(b"y", 1))
        tail = await one.wait(1)
        assert (tail.position, tail.sealed) == (1, True)

    use(act)


def test_an_engine_that_is_down_refuses_or_is_silent_and_keeps_what_it_had() -> None:
    async def act(world: World, engine: EngineMachine, client: TwinEngine) -> None:
        loglet = await client.open("l")
        await loglet.append(Entry(b"x", 1))
        for power_cut, wait_s in ((False, 0.0), (True, ANSWER_S)):
            began = world.now()
            engine.go_down(power_cut)
            with pytest.raises(Unavailable):
                await loglet.check_tail()
            assert world.now() - began == pytest.approx(wait_s, abs=0.1)
            engine.come_back()
            assert (await loglet.check_tail()).position == 1
        engine.retire()
        engine.come_back()
        assert engine.server.down

    use(act)


def test_engines_fail_only_in_worlds_that_have_them() -> None:
    without = Choice(tuple(name for name in WORKLOADS if not WORKLOADS[name].engines))
    assert not any(set(without.draw(seed).faults) & set(ENGINE_FAULTS) for seed in range(40))
    assert any(set(Choice(("moves",)).draw(seed).faults) & set(ENGINE_FAULTS) for seed in range(9))


def test_lines_move_while_everything_fails() -> None:
    faults = {"kill": 3.0, "kill_mover": 2.0, "engine_down": 3.0, "engine_slow": 3.0}
    outcome = simulate(Config(3, workloads=("moves",), faults=faults, work_s=6.0), keep=True)
    assert outcome.ok, outcome.problems
    moved = [one for one in outcome.happenings if one.kind == "ok" and " is at " in one.what]
    assert len({one.what.partition(" ")[0] for one in moved}) >= 3
