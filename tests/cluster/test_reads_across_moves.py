"""A node that has not heard of a move answers no read with what it knew before; one that could
not reach an engine which it still has to read goes on when that is back."""

import asyncio

import pytest
from members import Members
from twin_servers import members, servers

import plait
from plait import Consensus, Leader
from plait.engines.chain import Chain
from plait.line.chain import Configuration
from plait.node import former, line_host
from plait.node.engine_upkeep import EngineUpkeep
from plait.node.line_host import LineHost
from plait.sim.twin import TwinServer

__all__ = ["members", "servers"]

NATS = "nats://alone:4222"
POSTGRES = "postgresql://there/db"


def chain_at(members: Members, name: str, line: str) -> Chain:
    loglet = members.nodes[name].host(line).loglet
    assert isinstance(loglet, Chain)
    return loglet


def deafen(chain: Chain) -> asyncio.Event:
    """Let a node not adopt the segment that its chain goes over to, until the event is set."""
    hears, adopt = asyncio.Event(), chain._register._adopt

    async def late(version: int, configuration: Configuration) -> None:
        if configuration.last != chain.configuration.last:
            await hears.wait()
        await adopt(version, configuration)

    chain._register._adopt = late  # type: ignore[method-assign]
    return hears


@pytest.mark.parametrize(
    ("settings", "deaf"),
    [
        pytest.param(Consensus(), "the node that led", id="consensus at the node that led"),
        pytest.param(Consensus(), "another", id="consensus at another"),
        # a follower of a leader promises a prefix only
        pytest.param(Leader(), "the node that led", id="leader at the node that led"),
    ],
)
async def test_a_node_that_has_not_gone_over_answers_no_read_with_what_it_knew_before(
    members: Members, settings: Consensus | Leader, deaf: str
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", settings)
        await table.put("k", "before")
        led = next(n for n, node in members.nodes.items() if node.host(table.line).leads)
        other, third = (name for name in members.nodes if name != led)
        late = led if deaf == "the node that led" else other
        hears = deafen(chain_at(members, late, table.line))
        moving = asyncio.create_task(store.move("accounts", NATS, timeout_s=30.0))
        async with asyncio.timeout(20.0):
            while members.nodes[third].host(table.line).group is not None:
                await asyncio.sleep(0.01)
            async with members.only(third) as near:
                await (await near.table("accounts")).put("k", "after")
            reading = asyncio.create_task(read_at(members, late))
            await asyncio.sleep(0.5)
            assert not reading.done(), f"answered {reading.result()!r}"
            hears.set()
            assert await reading == "after"
            await moving


async def read_at(members: Members, name: str) -> object:
    async with members.only(name) as near:
        return await (await near.table("accounts")).get("k")


async def test_a_node_that_started_in_an_outage_goes_on_when_the_engine_is_back(
    members: Members, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(upkeep: EngineUpkeep, engine: object) -> None:
        """No copy of the state is ever made: the log alone has it."""

    monkeypatch.setattr(EngineUpkeep, "_put_copy", nothing)
    monkeypatch.setattr(line_host, "UPKEEP_S", 0.1)
    monkeypatch.setattr(former, "STRANDED_S", 0.3)
    monkeypatch.setattr(former, "AGAIN_S", 0.3)
    async with plait.connect(members.url) as store:
        table = await store.table("accounts", Consensus())
        await table.put("before", 1)
        await store.move("accounts", NATS)
        await members.stop("n3")
        await table.put("between", 2)
        await store.move("accounts", POSTGRES)
        await table.put("after", 3)
        servers["nats"].down = True
        await members.start("n3")
        host: LineHost | None = None
        async with asyncio.timeout(20.0):
            while host is None or host.replica.needs_snapshot is None:
                host = members.nodes["n3"].lines.get(table.line)
                await asyncio.sleep(0.05)
        assert host.replica.applied < chain_at(members, "n1", table.line).configuration.last.base
        servers["nats"].down = False
        async with asyncio.timeout(20.0):
            async with members.only("n3") as near:
                while (await answered(near)) != [1, 2, 3]:
                    await asyncio.sleep(0.1)


async def answered(near: plait.Store) -> list[object] | None:
    try:
        table = await near.table("accounts")
        return [await table.get(key) for key in ("before", "between", "after")]
    except plait.PlaitError:
        return None
