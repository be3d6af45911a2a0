"""Leaders of real nodes go where they are wanted, under load, and stay there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from members import Members

import plait
from plait import Consensus, Leader
from plait.base.errors import NoSuchCollection
from plait.node.config import Limits

ZONES = {"n1": "eu", "n2": "us", "n3": "us"}
LINES = ("control", "consensus", "leader/majority")


@pytest.fixture
async def placed(tmp_path: Path) -> AsyncIterator[Members]:
    cluster = Members(tmp_path, 3, Limits(prefer_after_s=0.5), zones=ZONES)
    await cluster.start()
    yield cluster
    await cluster.close()


def leader_of(cluster: Members, line: str) -> str | None:
    led = [name for name, node in cluster.nodes.items() if node.host(line).leads]
    return led[0] if len(led) == 1 else None


async def led_in(cluster: Members, zone: str, *lines: str) -> None:
    async with asyncio.timeout(20):
        while any(ZONES.get(leader_of(cluster, line) or "") != zone for line in lines):
            await asyncio.sleep(0.05)


async def test_every_line_is_led_where_the_store_wants_it_and_writes_go_on(
    placed: Members,
) -> None:
    async with plait.connect(placed.url) as store:
        ordered = await store.table("ordered", Leader())
        agreed = await store.table("agreed", Consensus())
        answer = await store.prefer_zones("us", "eu")
        assert answer == {"line": None, "zones": ["us", "eu"]}
        for number in range(50):
            await ordered.put(f"k{number}", number)
            await agreed.put(f"k{number}", number)
        await led_in(placed, "us", *LINES)
        await store.prefer_zones("eu")
        await led_in(placed, "eu", *LINES)
        assert (await ordered.count(), await agreed.count()) == (50, 50)
        status = await store.status()
        assert status["nodes"]["n1"]["lines"]["consensus"]["leader_wanted_in"] == ["eu"]


async def test_a_collection_is_led_elsewhere_than_the_rest(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        await store.table("rest", Consensus())
        orders = await store.table("orders", Consensus(line="own"))
        await orders.put("a", 1)
        await store.prefer_zones("eu")
        answer = await store.prefer_zones("us", collection="orders")
        assert answer == {"line": "own/orders", "zones": ["us"]}
        await led_in(placed, "eu", "control", "consensus")
        await led_in(placed, "us", "own/orders")
        await store.prefer_zones(collection="orders")  # as all the others again
        await led_in(placed, "eu", "own/orders")
        with pytest.raises(NoSuchCollection):
            await store.prefer_zones("us", collection="none such")


async def test_when_the_wanted_zone_is_back_its_members_lead_again(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        table = await store.table("t", Leader())
        await store.prefer_zones("eu")
        await led_in(placed, "eu", *LINES[::2])
        await placed.stop("n1")
        await table.put("a", 1)
        await led_in(placed, "us", *LINES[::2])
        await placed.start("n1")
        await led_in(placed, "eu", *LINES[::2])
        assert await table.get("a") == 1
