"""Whole stores on an engine, node by node: who finds whom, and lines that leave the engine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from members import Members

import plait
from plait import Consensus
from plait.base.errors import TooStale, Unavailable
from plait.engines import sharing
from plait.node.config import NodeConfig
from plait.sim.twin import TwinEngine, TwinServer

NATS = "nats://alone:4222"


class OnEngine(Members):
    """Nodes that come by being started."""

    async def _start(self, name: str) -> None:
        config = NodeConfig(
            self.folder / name, name, self.addresses[name], cluster="shop", engine=NATS
        )
        await self._run(config)


@pytest.fixture
def server() -> TwinServer:
    return TwinServer(Random(1))


@pytest.fixture
async def nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: TwinServer
) -> AsyncIterator[OnEngine]:
    async def connect(url: str, namespace: str, clock: object, random: object) -> TwinEngine:
        return TwinEngine(server, sharing.public_url(url), namespace)

    monkeypatch.setattr(sharing, "import_module", lambda name: SimpleNamespace(connect=connect))
    cluster = OnEngine(tmp_path)
    yield cluster
    await cluster.close()


async def test_every_node_finds_every_other_however_they_come(nodes: OnEngine) -> None:
    for name in nodes.addresses:
        await nodes.start(name)
        for node in nodes.nodes.values():
            assert node.membership.members, "whoever asks does not keep the news to himself"
    async with asyncio.timeout(10.0):
        while any(
            set(node.links) != set(nodes.addresses) - {name} for name, node in nodes.nodes.items()
        ):
            for node in nodes.nodes.values():
                assert name in node.membership.members
            await asyncio.sleep(0.02)


async def test_a_line_leaves_the_engine_for_the_nodes_own_disks(nodes: OnEngine) -> None:
    await nodes.start()
    async with plait.connect(nodes.url) as store:
        films = await store.table("films", Consensus())
        await films.put("a", 1)
        async with asyncio.timeout(30.0):
            await store.move("films", "raft")
            await films.put("b", 2)
            assert await films.get("a") == 1
        status = (await store.status())["nodes"]["n1"]["lines"]
        assert status["control"]["place"] == NATS
        assert status[films.line]["place"] == "members"
        await store.move("films", NATS)
        assert await films.get("b") == 2


async def test_a_node_that_starts_while_the_engine_is_down_says_so_and_leaves_its_folder(
    nodes: OnEngine, server: TwinServer
) -> None:
    server.down = True
    with pytest.raises(Unavailable, match="alone:4222 does not answer"):
        await nodes.start("n1")
    server.down = False
    await nodes.start("n1")
    assert nodes.nodes["n1"].membership.members == ("n1",)


async def test_a_stale_read_is_as_fresh_as_it_was_asked_for_or_is_none(
    nodes: OnEngine, server: TwinServer
) -> None:
    await nodes.start("n1")
    async with nodes.only("n1") as store:
        films = await store.table("films", Consensus())
        await films.put("a", 1)
        assert await films.get("a") == 1
        server.down = True
        assert await films.stale(60.0).get("a") == 1
        await asyncio.sleep(0.05)  # by then what it had may be older than what is asked for
        async with asyncio.timeout(30.0):
            with pytest.raises((Unavailable, TooStale)):
                await films.stale(0.01).get("a")
        server.down = False
        assert await films.stale(0.01).get("a") == 1
