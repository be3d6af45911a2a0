"""Zones of real nodes: said, changed and lost; rules that name them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from members import Members

import plait
from plait import Consensus, Leader
from plait.base.errors import BadSettings, RuleUnmet
from plait.node.config import Limits
from plait.node.line_host import LineHost

RULE = "any:1@other-zone"
LINE = "leader/any:1-other-zone"
ZONES = {"n1": "eu", "n2": "eu", "n3": "us"}


@pytest.fixture
async def placed(tmp_path: Path) -> AsyncIterator[Members]:
    cluster = Members(tmp_path, 3, zones=ZONES)
    await cluster.start()
    await known(cluster, ZONES)
    yield cluster
    await cluster.close()


async def known(cluster: Members, zones: dict[str, str], line: str | None = None) -> None:
    """Return once every running node knows where all are, or the line counts by it."""
    async with asyncio.timeout(20):
        while True:
            nodes = cluster.nodes.values()
            hosts = [node.lines.get(line) if line else node.control for node in nodes]
            members = [host.membership for host in hosts if host is not None]
            halves = [one.zoned_halves for one in members]
            if halves == [((tuple(sorted(zones)), zones),)] * len(hosts):
                return
            await asyncio.sleep(0.02)


async def test_nodes_say_where_they_are_and_everybody_knows(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        members = {row["name"]: row["zone"] for row in await store.members()}
        status = await store.status()
    assert members == ZONES
    assert {name: node["zone"] for name, node in status["nodes"].items()} == ZONES


async def test_a_write_is_in_another_zone_before_it_is_acknowledged(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        table = await store.table("t", Leader(acks=RULE))
        receipt = await table.put("a", 1)
        assert receipt.acks == RULE
        await placed.stop("n2")
        await table.put("b", 2)
        await placed.stop("n3")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(table.put("c", 3), 1.5)


async def test_a_zone_is_lost_and_nothing_acknowledged_with_it(tmp_path: Path) -> None:
    zones = {"n1": "eu", "n2": "eu", "n3": "us", "n4": "us", "n5": "ap"}
    cluster = Members(tmp_path, 5, Limits(failover_s=0.4), zones=zones)
    await cluster.start()
    await known(cluster, zones)
    try:
        async with plait.connect(cluster.url) as store:
            table = await store.table("t", Leader(acks=RULE))
            for number in range(20):
                await table.put(f"k{number}", number)
            leader = cluster.nodes["n1"].host(LINE).leader
            assert leader is not None
            lost = [name for name, zone in zones.items() if zone == zones[leader]]
            await asyncio.gather(*(cluster.stop(name) for name in lost))
            async with asyncio.timeout(20):
                await table.put("after", 1)
                assert await table.count() == 21
    finally:
        await cluster.close()


async def test_a_zone_is_changed_while_the_line_is_written(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        table = await store.table("t", Leader(acks=RULE))
        await table.put("a", 1)
        writing = asyncio.create_task(_write(table))
        answer = await store.set_zone("n2", "ap")
        assert answer == {"node": "n2", "zone": "ap", "before": "eu"}
        changed = ZONES | {"n2": "ap"}
        await known(placed, changed)
        await known(placed, changed, LINE)
        await writing
        await placed.stop("n3")  # n2 is in another zone than n1 by now
        await table.put("b", 2)


async def _write(table: plait.Table) -> None:
    for number in range(100):
        await table.put(f"w{number}", number)


async def test_a_change_that_a_rule_stands_against_is_refused(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        await store.table("t", Leader(acks=RULE))
        with pytest.raises(RuleUnmet, match="if n1 led"):
            await store.set_zone("n3", "eu")
        with pytest.raises(BadSettings, match="no node"):
            await store.set_zone("n9", "eu")
        with pytest.raises(BadSettings, match="letters"):
            await store.set_zone("n3", "")
    assert dict(placed.nodes["n1"].membership.zones) == ZONES


async def test_a_reader_is_moved_to_another_zone(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        await store.set_follower("n3", votes=False)
        async with asyncio.timeout(30):
            assert (await store.set_zone("n3", "ap"))["before"] == "us"
        assert {row["name"]: row["zone"] for row in await store.members()}["n3"] == "ap"


async def test_nobody_leaves_or_loses_its_vote_whom_a_rule_needs(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        table = await store.table("t", Leader(acks=RULE))
        await table.put("a", 1)
        with pytest.raises(RuleUnmet, match="if n1 led"):
            await store.leave("n3", timeout_s=2.0)
        with pytest.raises(RuleUnmet, match="if n1 led"):
            await store.set_follower("n3", votes=False)
        assert placed.nodes["n1"].membership.voters == ("n1", "n2", "n3")
        assert {row["role"] for row in await store.members()} == {"member"}
        await store.leave("n2")
        await table.put("b", 2)


async def test_an_operator_knows_better_than_a_file(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        await store.set_zone("n3", "ap")
    await known(placed, ZONES | {"n3": "ap"})
    await placed.stop("n3")
    await placed.start("n3")
    await asyncio.sleep(0.6)  # two looks of whoever notes zones
    await known(placed, ZONES | {"n3": "ap"})


async def test_one_write_may_ask_for_another_zone_on_any_line(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        for settings in (Leader(acks="any:1"), Consensus()):
            table = await store.table(f"t-{type(settings).__name__}", settings)
            receipt = await table.put("a", 1, acks=RULE)
            assert receipt.acks == RULE
        await store.switch_over("n1", "leader/any:1")
        with pytest.raises(RuleUnmet, match="1 followers are in other zones"):
            await (await store.table("t-Leader")).put("b", 2, acks="any:2@other-zone")


async def test_without_zones_a_rule_that_names_them_is_refused(tmp_path: Path) -> None:
    cluster = Members(tmp_path, 3)
    await cluster.start()
    try:
        async with plait.connect(cluster.url) as store:
            with pytest.raises(RuleUnmet, match="it has no zone"):
                await store.table("t", Leader(acks=RULE))
    finally:
        await cluster.close()


async def test_a_newcomer_is_where_it_says_or_where_it_was_said_to_be(placed: Members) -> None:
    async with plait.connect(placed.url) as store:
        table = await store.table("t", Leader(acks=RULE))
        await table.put("a", 1)
        await placed.add("n4")
        with pytest.raises(RuleUnmet, match="it has no zone"):
            await store.join("n4", placed.addresses["n4"])
        await store.join("n4", placed.addresses["n4"], zone="us")
        await known(placed, ZONES | {"n4": "us"})
        await known(placed, ZONES | {"n4": "us"}, LINE)
        await placed.stop("n3")
        await table.put("b", 2)


async def test_a_newcomer_is_where_its_own_file_says(tmp_path: Path) -> None:
    cluster = Members(tmp_path, 1, zones={"n1": "eu", "n2": "us"})
    await cluster.start()
    try:
        async with plait.connect(cluster.url) as store:
            await cluster.add("n2")
            await store.join("n2", cluster.addresses["n2"])
            await known(cluster, {"n1": "eu", "n2": "us"})
    finally:
        await cluster.close()


async def test_nearest_reads_stay_in_the_zone_and_see_their_own_writes(placed: Members) -> None:
    async with plait.connect(placed.url, zone="us") as store:
        table = await store.table("t", Leader(), read="nearest")
        seen: list[str] = []
        for name, node in placed.nodes.items():
            node.folded = _noting(node.folded, name, seen)  # type: ignore[method-assign]
        for number in range(50):
            await table.put("k", number)
            assert await table.get("k") == number
        assert set(seen) == {"n3"}
        assert not placed.nodes["n3"].host("leader/majority").leads


def _noting(right: Callable[[str], LineHost], name: str, seen: list[str]) -> Any:
    def folded(line: str) -> LineHost:
        seen.append(name)
        return right(line)

    return folded
