"""A leader that was cut off stops by itself, and lets nobody wait."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from members import Members

import plait
from plait import Leader
from plait.base.errors import NotLeader, Unavailable
from plait.node.config import Limits
from plait.types.commands import encode_group

LINE = "leader/leader"


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    cluster = Members(tmp_path, limits=Limits(lease_s=0.8, failover_s=0.0))
    await cluster.start()
    yield cluster
    await cluster.close()


async def test_a_leader_that_nobody_confirms_refuses_even_what_its_rule_would_allow(
    members: Members,
) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="leader"))
        await table.put("a", 1)
        await members.settled(LINE)
    (leader,) = [name for name, node in members.nodes.items() if node.host(LINE).leads]
    await asyncio.gather(*(members.stop(name) for name in list(members.nodes) if name != leader))
    host = members.nodes[leader].host(LINE)
    async with asyncio.timeout(10):
        while True:
            try:
                host.check_lease(host)
            except NotLeader:
                break
            await asyncio.sleep(0.05)
    with pytest.raises(NotLeader, match="may have been replaced"):
        host.propose(encode_group(0, 0, 0, [b"\x92\x05\x07"]))
    with pytest.raises(NotLeader):
        host.check_freshness("leader", None, leader)
    async with asyncio.timeout(10):  # its followers are told not to measure their lag by it
        while not (host.primary and host.primary.sender and host.primary.sender.doubtful):
            await asyncio.sleep(0.05)


async def test_who_waits_for_a_leader_whose_lease_lapses_is_told(members: Members) -> None:
    async with plait.connect(members.url) as store:
        table = await store.table("t", Leader(acks="all"))
        await table.put("a", 1)
        line = table.line
        await members.settled(line)
        (leader,) = [name for name, node in members.nodes.items() if node.host(line).leads]
    await asyncio.gather(*(members.stop(name) for name in list(members.nodes) if name != leader))
    began = asyncio.get_running_loop().time()
    host = members.nodes[leader].host(line)
    with pytest.raises(Unavailable, match="majority of the nodes"):
        await host.propose(encode_group(0, 0, 0, [b"\x92\x05\x07"]))
    assert asyncio.get_running_loop().time() - began < 5
