"""A state that is ahead of its log: a crash came between a cut and what belongs to it."""

import asyncio

from plait import Leader
from plait.base.ports import CutSuffix
from plait.sim.disk import DiskRules
from plait.sim.paths import PathRules
from plait.sim.world import World, run_world

ROWS = 8
CUT = 4


def test_what_was_cut_before_a_crash_is_not_read_after_it():
    found = {}

    async def main(loop):
        world = World(1, loop, PathRules(), DiskRules())
        await world.found(3)

        async def write(network):
            async with world.store(network) as store:
                table = await store.table("t", Leader("leader", line="own"))
                for number in range(ROWS):
                    await table.put(f"k{number}", number)
                await asyncio.sleep(3.0)  # until every state has it
                found["line"] = table.line

        await world.add_client("writer").run(write)
        line = found["line"]
        for machine in world.nodes.values():
            machine.kill()
            log = machine.disk.log
            log.apply(CutSuffix(line, log.extents[line].tail - CUT))
        for task in [machine.start() for machine in world.nodes.values()]:
            await task

        async def read(name, network):
            async with world.store(network, None, name) as store:
                table = await store.table("t")
                found[name] = [key async for key, _ in table.scan(read="nearest")]

        await asyncio.sleep(3.0)
        for name in world.nodes:
            await world.add_client(f"reader {name}").run(lambda network, n=name: read(n, network))
        world.end()

    run_world(main)
    kept = [f"k{number}" for number in range(ROWS - CUT)]
    assert [found[name] for name in ("n1", "n2", "n3")] == [kept, kept, kept]
