"""The judge of rights complains of what was tampered with; a node that restarts forgets nothing."""

import asyncio

import pytest
from workload_runs import complaints, tampered

from plait import Leader
from plait.base.errors import PlaitError
from plait.client.limits import ClientLimits
from plait.sim.disk import DiskRules
from plait.sim.paths import PathRules
from plait.sim.world import World, run_world

LIMITS = ClientLimits(start_s=3.0, read_s=2.0, write_s=2.0, admin_s=20.0)


def test_what_was_refused_or_lost_or_made_up_is_found():
    found = tampered("rights")
    assert complaints(found) == ""
    put = found.record.answered("put", key="vault-led")[0]
    put.fate = "refused"
    assert f"{put.token} was refused for certain and is there" in complaints(found)
    put.fate = "acknowledged"
    del found.rows["vault-led"][f"eu-{put.token}"]
    assert f"{put.token} was acknowledged and is lost" in complaints(found)
    found.rows["vault-led"]["eu-x.1"] = "x.1"
    assert "nobody asked for x.1" in complaints(found)


def test_what_nobody_may_write_is_found_wherever_it_is():
    found = tampered("rights")
    smuggled = found.record.of("smuggle", key="vault-agreed")[0]
    assert smuggled.fate == "refused"
    for prefix in ("eu-", "us-"):
        found.rows["vault-agreed"][prefix + smuggled.token] = smuggled.token
        assert f"{prefix}{smuggled.token} is there" in complaints(found)
    smuggled.fate = "acknowledged"
    assert "was acknowledged, and nobody may write it" in complaints(found)


def test_what_was_seen_to_be_wrong_during_the_run_is_told():
    found = tampered("rights")
    found.wrong = ["ann was told of us-any"]
    assert "ann was told of us-any" in complaints(found)


async def _until(holds):
    while not holds():
        await asyncio.sleep(0.001)


def in_a_world(act):
    """Let `act(world, network)` happen in a client beside three nodes."""

    async def main(loop):
        world = World(5, loop, PathRules(latency_s=0.001), DiskRules())
        await world.found(3)
        await world.add_client("c").run(lambda network: act(world, network))
        world.end()

    run_world(main)


def test_a_node_that_is_killed_and_cut_off_still_knows_that_rights_are_on():
    async def act(world, network):
        async with world.store(network, LIMITS) as store:
            table = await store.table("vault", Leader())
            await table.put("a", 1)
            await store.flush()
            await store.rights.put_user("root", ["admin"])
            world.token = await store.rights.add_token("root")
            await store.rights.switch(True)
        machine = world.nodes["n2"]
        await _until(lambda: machine.node.rights.on)
        machine.kill()
        for other in ("n1", "n3"):
            world.fabric.cut("n2", other)
            world.fabric.cut(other, "n2")
        await machine.start()
        with pytest.raises(PlaitError):
            async with world.store(network, LIMITS, "n2", token="") as store:
                await (await store.table("vault")).get("a", read="nearest")
        world.fabric.mend_all()
        await _until(lambda: not machine.node.rights.unsettled)
        async with world.store(network, LIMITS, "n2") as store:
            assert await (await store.table("vault")).get("a", read="nearest") == 1

    in_a_world(act)
