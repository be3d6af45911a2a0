"""Whole stores on an engine: nodes come and go, the engine goes and comes, its logs stay small."""

import asyncio
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from faults import LIMITS, FaultyNodes
from moving import ROUNDS, soak, there
from nodes import free_port
from tellers import Tellers

import plait
from plait import Consensus
from plait.api.store import Store
from plait.base.errors import LossNotAccepted, PlaitError
from plait.client.backend import connect
from tests.engines.nats_servers import Cluster, running
from tests.engines.postgres_servers import PostgresServer, postgres_server

SEED = int(os.environ.get("PLAIT_SEED", "1"))
KEEP_BYTES = 64 << 10
VALUE_BYTES = 4 << 10

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 60 * ROUNDS)]


class EngineNodes(FaultyNodes):
    """Nodes that are a store by the engine and the cluster's name alone."""

    def __init__(self, folder: Path, engine: str, cluster: str = "shop") -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, machines=("bank:Bank",))
        self._told = ("--engine", engine, "--cluster-name", cluster)
        (folder / "plait.toml").write_text(f"[limits]\nlog_keep_bytes = {KEEP_BYTES}\n")

    def command(self, name: str) -> list[str]:
        """What starts a node."""
        return [
            sys.executable, "-m", "plait", "serve", "--data", str(self.folder / name),
            "--name", name, "--listen", self.addresses[name], *self._told,
            "--config", str(self.folder / "plait.toml"), "--machine", "bank:Bank",
        ]  # fmt: skip

    def add(self, name: str) -> None:
        """A node more."""
        self.addresses[name] = f"127.0.0.1:{free_port()}"
        self.start(name)


@pytest.fixture(scope="module")
def servers() -> Iterator[Cluster]:
    with running() as found:
        yield found


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as found:
        yield found


async def outage(servers: Cluster, for_s: float) -> None:
    """Every server is killed, and comes back."""
    for server in servers.servers:
        server.kill()
    await asyncio.sleep(for_s)
    for server in servers.servers:
        server.restart()


async def test_nodes_and_the_engine_come_and_go_and_nothing_is_lost_or_done_twice(
    tmp_path: Path, servers: Cluster
) -> None:
    nodes, chance = EngineNodes(tmp_path, servers.url), random.Random(SEED)
    nodes.start()
    try:
        tellers = Tellers(nodes, SEED)
        await tellers.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(tellers.run())
            for _ in range(ROUNDS):
                for name in chance.sample(sorted(nodes.addresses), 2):
                    nodes.kill(name)
                await tellers.more(tellers.acknowledged)  # one node is enough
                await outage(servers, chance.uniform(0.0, 3.0))
                await tellers.more(tellers.acknowledged)
                nodes.start(*(set(nodes.addresses) - set(nodes.awake)))
                await tellers.more(tellers.acknowledged)
            nodes.add("n4")
            await tellers.more(tellers.acknowledged)
            tellers.stop()
        await tellers.audit()
    finally:
        nodes.close()


@soak
async def test_two_clusters_on_one_engine_never_mix(tmp_path: Path, servers: Cluster) -> None:
    stores = [EngineNodes(tmp_path / name, servers.url, name) for name in ("one", "two", "one-2")]
    try:
        for number, nodes in enumerate(stores):
            nodes.start("n1", "n2")
            async with plait.connect(nodes.url) as store:
                films = await store.table("films", Consensus())
                await films.put(f"k{number}", number)
        for nodes in stores:
            del nodes.addresses["n3"]
        for number, nodes in enumerate(stores):
            async with plait.connect(nodes.only("n2"), only=True) as store:
                rows = {key: value async for key, value in (await store.table("films")).scan()}
                assert rows == {f"k{number}": number}
                async with asyncio.timeout(20.0):  # the other may still be starting
                    while len(members := await store.members()) < 2:
                        await asyncio.sleep(0.1)
                assert {row["name"]: row["address"] for row in members} == nodes.addresses
    finally:
        for nodes in stores:
            nodes.close()


async def bytes_on(servers: Cluster, stream: str) -> int:
    """How much the servers keep of a stream."""
    client = await nats.connect(servers.url.removeprefix("nats://").split(",")[0])
    try:
        return (await client.jetstream(timeout=5).stream_info(stream)).state.bytes
    finally:
        await client.close()


@soak
async def test_a_log_on_an_engine_stays_small_and_a_newcomer_begins_with_a_copy(
    tmp_path: Path, servers: Cluster
) -> None:
    nodes, value = EngineNodes(tmp_path, servers.url, "small"), "x" * VALUE_BYTES
    nodes.start("n1", "n2")
    try:
        async with plait.connect(nodes.url) as store:
            films = await store.table("films", Consensus())
            written = 0
            async with asyncio.timeout(90.0):
                while written < 200 or await bytes_on(servers, "plait-small-log-consensus") > (
                    8 * KEEP_BYTES
                ):
                    await films.put_many({f"k{written + n}": value for n in range(10)})
                    written += 10
                    await asyncio.sleep(0.2)
            assert written * VALUE_BYTES > 12 * KEEP_BYTES, "more than is kept was written"
            nodes.add("n3")
            async with asyncio.timeout(60.0):
                while "began with a copy" not in nodes.log("n3"):
                    await asyncio.sleep(0.1)
        async with plait.connect(nodes.only("n3"), only=True) as store:
            async with asyncio.timeout(30.0):
                assert await (await store.table("films")).count() == written
    finally:
        nodes.close()


@soak
async def test_a_line_outlives_a_postgresql_that_was_deleted(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    nodes = FaultyNodes(tmp_path)
    nodes.start()
    try:
        acknowledged: set[str] = set()
        async with Store(await connect(nodes.url, limits=LIMITS)) as store:
            films = await store.table("films", Consensus())
            await there(nodes, "films", postgres.url())
            for number in range(50):
                await films.put(f"k{number}", number)
                acknowledged.add(f"k{number}")
            postgres.stop()
            with pytest.raises(PlaitError) as failed:
                await films.put("after", 0)
            assert not failed.value.definite, "nobody knows whether the dead server had it"
            nodes.kill("n2")
            nodes.start("n2")  # without the engine, too
            with pytest.raises(LossNotAccepted, match=r"position \d+"):
                await store.move("films", "raft", forced_by="ada")
            report = await store.move("films", "raft", forced_by="ada", accept_loss=True)
            assert report["forced"]["by"] == "ada"
            await films.put("later", 1)
        for name in nodes.addresses:
            async with asyncio.timeout(60.0):
                while True:
                    try:
                        async with plait.connect(nodes.only(name), only=True) as store:
                            films = await store.table("films")
                            rows = {key async for key, _ in films.scan()}
                            break
                    except PlaitError:
                        await asyncio.sleep(0.2)
            assert acknowledged | {"later"} <= rows
    finally:
        nodes.close()
