"""An engine that is dead for good: its lines stay shut, all else goes on, people may force it."""

import asyncio

import pytest
from members import Members
from twin_servers import members, servers

import plait
from plait import Consensus
from plait.base.errors import Indefinite, LossNotAccepted, Refused, Unavailable
from plait.node import former
from plait.sim.twin import TwinServer

NATS = "nats://alone:4222"
POSTGRES = "postgresql://there/db"

__all__ = ["members", "servers"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is stranded soon."""
    monkeypatch.setattr(former, "STRANDED_S", 1.0)


async def on_nats(members: Members) -> None:
    """A table on NATS with three rows that every node has, and one on the nodes' own disks."""
    async with plait.connect(members.url) as store:
        accounts = await store.table("accounts", Consensus(engine=NATS))
        await accounts.put_many({"a": 1, "b": 2, "c": 3})
        for name in members.nodes:
            async with members.only(name) as near:
                assert await (await near.table("accounts")).get("c") == 3
        own = await store.table("own", plait.Leader())
        await own.put("x", 1)


async def rows_at(members: Members, name: str) -> dict[str, object]:
    """What one node has, as soon as it answers."""
    async with asyncio.timeout(60.0):
        while True:
            try:
                async with members.only(name) as near:
                    return {
                        key: value async for key, value in (await near.table("accounts")).scan()
                    }
            except (Refused, Indefinite):
                await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["raft", POSTGRES])
async def test_what_a_dead_engine_held_is_given_up_only_by_order_and_the_line_goes_on(
    members: Members, servers: dict[str, TwinServer], to: str
) -> None:
    await on_nats(members)
    servers["nats"].down = True
    async with plait.connect(members.url) as store:
        with pytest.raises(LossNotAccepted, match=r"alone.*without whatever .* from \d+ on") as no:
            await store.move("accounts", to, forced_by="ada")
        tail = no.value.details["tail"]
        report = await store.move("accounts", to, forced_by="ada", accept_loss=True)
        assert report["at"] == report["forced"]["tail"] == tail
        assert report["forced"]["by"] == "ada"
        accounts = await store.table("accounts")
        await accounts.put("d", 4)
        for name in members.nodes:
            assert await rows_at(members, name) == {"a": 1, "b": 2, "c": 3, "d": 4}
        (forced,) = members.nodes["n1"].host(accounts.line).status()["forced"]
        assert (forced["tail"], forced["by"]) == (tail, "ada")


@pytest.mark.slow
async def test_what_can_be_sealed_is_moved_and_nothing_is_forced(
    members: Members, servers: dict[str, TwinServer]
) -> None:
    await on_nats(members)
    async with plait.connect(members.url) as store:
        report = await store.move("accounts", "raft", forced_by="ada", accept_loss=True)
        assert report["forced"] is None
        report = await store.move("own", POSTGRES, forced_by="ada", accept_loss=True)
        assert report["forced"] is None
        servers["nats"].down = True
        with pytest.raises(Unavailable):  # nothing is forced where the next one is dead
            await store.move("accounts", NATS, forced_by="ada", accept_loss=True)
        assert await rows_at(members, "n1") == {"a": 1, "b": 2, "c": 3}


@pytest.mark.slow
async def test_nodes_that_start_without_an_engine_serve_what_is_not_on_it(
    members: Members, servers: dict[str, TwinServer]
) -> None:
    await on_nats(members)
    servers["nats"].down = True
    for name in list(members.nodes):
        await members.stop(name)
    await members.start("n1", "n2", "n3")
    async with plait.connect(members.url) as store:
        own = await store.table("own")
        assert await own.get("x") == 1
        await own.put("x", 2)
        for status in (await store.status())["nodes"].values():
            assert "alone" in status["lines"]["consensus/nats://alone:4222"]["halted"]
        report = await store.move("accounts", "raft", forced_by="ada", accept_loss=True)
        assert report["forced"]["by"] == "ada"
        await (await store.table("accounts")).put("d", 4)
        for name in members.nodes:
            assert await rows_at(members, name) == {"a": 1, "b": 2, "c": 3, "d": 4}


@pytest.mark.slow
async def test_a_line_that_stayed_shut_opens_when_its_engine_is_back(
    members: Members, servers: dict[str, TwinServer]
) -> None:
    await on_nats(members)
    servers["nats"].down = True
    await members.stop("n3")
    await members.start("n3")
    assert members.nodes["n3"].line_opening.shut
    servers["nats"].down = False
    assert await rows_at(members, "n3") == {"a": 1, "b": 2, "c": 3}
    assert not members.nodes["n3"].line_opening.shut
