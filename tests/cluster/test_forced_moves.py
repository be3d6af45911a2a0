"""An engine that is dead for good: its lines stay shut, all else goes on, people may force it."""

import asyncio

import pytest
from members import Members
from twin_servers import members, servers

import plait
from plait import Consensus, Leader
from plait.base.errors import (
    Indefinite,
    LossNotAccepted,
    PlaitError,
    Refused,
    Unavailable,
)
from plait.engines.primary import PrimaryLoglet
from plait.line.chain import decode_configuration
from plait.node import former
from plait.node.control_metastore import ControlMetastore
from plait.node.moves import LOOK_S
from plait.node.segments import place_of
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
        own = await store.table("own", Leader())
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
async def test_a_line_is_forced_off_an_engine_that_died_as_it_was_adopted(
    members: Members, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plait.connect(members.url) as store:
        accounts = await store.table("accounts", Consensus())
        await accounts.put_many({"a": 1, "b": 2, "c": 3})
        adopted = ControlMetastore.compare_and_set

        async def last_breath(metastore: ControlMetastore, version: int, data: bytes) -> int:
            servers["nats"].down = adopts = decode_configuration(data).intent is None
            try:
                return await adopted(metastore, version, data)
            except PlaitError:  # it was not adopted yet: whoever comes next finds it alive
                servers["nats"].down = servers["nats"].down and not adopts
                raise

        monkeypatch.setattr(ControlMetastore, "compare_and_set", last_breath)
        with pytest.raises(Unavailable):
            await store.move("accounts", NATS, timeout_s=5.0)
        async with asyncio.timeout(30.0):
            while place_told(members, "n1", accounts.line) != "nats://alone:4222":
                await asyncio.sleep(0.05)
        monkeypatch.undo()
        monkeypatch.setattr(former, "STRANDED_S", 1.0)
        assert servers["nats"].down
        with pytest.raises(LossNotAccepted, match="alone"):
            await store.move("accounts", "raft", forced_by="ada")
        report = await store.move("accounts", "raft", forced_by="ada", accept_loss=True)
        assert report["forced"]["by"] == "ada"
        await accounts.put("d", 4)
        for name in members.nodes:
            assert await rows_at(members, name) == {"a": 1, "b": 2, "c": 3, "d": 4}


def place_told(members: Members, name: str, line: str) -> str:
    """Where the control line says that a line is, as far as a node has heard."""
    node = members.nodes[name]
    _, data = node.control_machine.chain(node.control.replica.view, line)
    return place_of(decode_configuration(data).last.loglet)


@pytest.mark.slow
async def test_what_a_group_still_orders_is_moved_by_its_leader_even_if_another_is_furthest(
    members: Members, servers: dict[str, TwinServer]
) -> None:
    async with plait.connect(members.url) as store:
        own = await store.table("own", Consensus())
        await own.put("x", 1)
        await store.switch_over("n2", own.line)
        report = await store.move("own", NATS, forced_by="ada", accept_loss=True)
        assert (report["forced"], report["to"]) == (None, "nats://alone:4222")
        assert await own.get("x") == 1


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


async def test_a_move_whose_engine_died_since_leaves_the_line_in_use_and_gives_way_to_another(
    members: Members, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Leader())
        await table.put("a", 1)
        sealed = PrimaryLoglet.seal

        async def dies_first(loglet: PrimaryLoglet) -> int:
            servers["nats"].down = True
            raise Unavailable("whoever moves it is gone, too")

        monkeypatch.setattr(PrimaryLoglet, "seal", dies_first)
        with pytest.raises(PlaitError):
            await store.move("accounts", NATS, timeout_s=5.0)
        monkeypatch.setattr(PrimaryLoglet, "seal", sealed)
        await asyncio.sleep(2 * LOOK_S)
        await table.put("b", 2)
        status = (await store.status())["nodes"]["n1"]["lines"][table.line]
        assert (status["place"], status["moving_to"]) == ("members", "nats://alone:4222")
        report = await store.move("accounts", POSTGRES)
        assert (report["from"], report["to"]) == ("members", POSTGRES)
        assert [await table.get(key) for key in "ab"] == [1, 2]
