"""Real nodes of two zones: what goes between them is packed; a copy of a state takes its time, and
goes on where it was broken off."""

import asyncio
import time
from pathlib import Path

from members import Members

import plait
from plait import Leader
from plait.engines.replicated.snapshots import CHUNK_BYTES
from plait.node.config import Limits

LINE = "leader/majority"
RATE = 1_000_000.0


async def filled(cluster: Members, rows: int) -> None:
    async with plait.connect(cluster.url) as store:
        table = await store.table("t", Leader())
        await asyncio.gather(*(table.put(f"k{i}", "x" * 20_000) for i in range(rows)))


async def zoned(cluster: Members) -> None:
    async with asyncio.timeout(10):
        while len(cluster.nodes["n1"].membership.zones) < len(cluster.zones):
            await asyncio.sleep(0.02)


async def test_entries_to_another_zone_are_packed_and_those_within_are_not(
    tmp_path: Path,
) -> None:
    cluster = Members(tmp_path, 3, zones={"n1": "eu", "n2": "eu", "n3": "us"})
    await cluster.start()
    try:
        await zoned(cluster)
        await filled(cluster, 200)
        await cluster.settled(LINE)
        leader = next(node for node in cluster.nodes.values() if node.host(LINE).leads)
        zones = dict(leader.membership.zones)
        for peer, link in leader.links.items():
            packed = link.sent_bytes < link.said_bytes / 5
            assert packed is (zones[peer] != zones[leader.name])
            assert link.said_bytes > 4_000_000
    finally:
        await cluster.close()


async def test_a_copy_is_held_back_and_does_not_begin_anew_with_another_connection(
    tmp_path: Path,
) -> None:
    limits = Limits(log_keep_bytes=1 << 16, slot_bytes_max=1 << 16, zone_bytes_per_s=RATE)
    cluster = Members(tmp_path, 3, limits, zones={"n1": "eu", "n2": "eu", "n3": "us"})
    await cluster.start()
    try:
        await zoned(cluster)
        async with plait.connect(cluster.url) as store:
            await store.table("t", Leader())
        await cluster.stop("n3")
        await filled(cluster, 200)
        leader = next(node for node in cluster.nodes.values() if node.host(LINE).leads)
        group = leader.host(LINE).group
        assert group is not None
        async with asyncio.timeout(30), plait.connect(cluster.url) as store:
            table = await store.table("t")
            while group.loglet.member.log.head < 3:  # until what n3 lacks is trimmed
                await table.put("more", "x" * 40_000)
                await leader.host(LINE).replica.flush()
                await asyncio.sleep(0.3)
        began, said = time.monotonic(), leader.links["n3"].said_bytes
        await cluster.start("n3")
        async with asyncio.timeout(20):
            while (sender := group._senders.get("n3")) is None or sender.sent_bytes < 2.5 * RATE:
                await asyncio.sleep(0.01)
        assert group._copy is not None
        size = group._copy.snapshot.size
        for link in (leader.links["n3"], cluster.nodes["n3"].links[leader.name]):
            assert link._connection is not None
            link._connection.close("the cable")
        async with asyncio.timeout(60):
            while cluster.nodes["n3"].host(LINE).installed < 1:
                await asyncio.sleep(0.01)
        took_s = time.monotonic() - began
        assert took_s > (size - RATE) / RATE * 0.9  # a second's worth goes at once
        assert leader.links["n3"].said_bytes - said < size + 4 * CHUNK_BYTES
        await cluster.settled(LINE)
    finally:
        await cluster.close()


async def test_a_copy_that_was_broken_off_is_kept_for_a_while(tmp_path: Path) -> None:
    cluster = Members(tmp_path, 1)
    await cluster.start()
    try:
        await filled(cluster, 3)
        host = cluster.nodes["n1"].host(LINE)
        group = host.group
        assert group is not None
        copy = group._copy = await group.take()
        group._copy_until = cluster.nodes["n1"].clock.monotonic() + 30.0
        await group.trim(host.retention)
        assert await group._fresh_copy() is copy
        group._copy_until = 0.0
        await group.trim(host.retention)
        assert group._copy is None
    finally:
        await cluster.close()
