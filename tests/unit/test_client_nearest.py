"""Reads of the nearest node: by zone, by round trip, past those that failed."""

from collections import Counter

import pytest
from client_fakes import LIMITS, FakeCluster, put

from plait.api.messages import Count
from plait.api.settings import ReadOptions
from plait.base.errors import BadSettings, NotLeader

NEAREST = ReadOptions("nearest")
ZONES = {"n1": "eu", "n2": "us", "n3": "us"}


async def reads(cluster, backend, count=10):
    """So many reads, and who answered how many."""
    before = Counter({name: len(node.reads) for name, node in cluster.nodes.items()})
    for _ in range(count):
        await backend.read("l", [Count(1)], NEAREST, None)
    after = Counter({name: len(node.reads) for name, node in cluster.nodes.items()})
    return dict(after - before)


async def test_a_client_that_knows_its_zone_reads_there_though_others_are_as_quick():
    async with FakeCluster() as cluster:
        cluster.zones = ZONES
        for zone, near in (("eu", {"n1"}), ("us", {"n2", "n3"})):
            backend = await cluster.connect("n1", zone=zone)
            assert set(await reads(cluster, backend)) <= near
            await backend.close()


async def test_within_a_zone_the_shortest_round_trip_counts():
    async with FakeCluster() as cluster:
        cluster.zones = ZONES
        cluster.nodes["n2"].delay_s = 0.04
        backend = await cluster.connect("n1", zone="us")
        assert await reads(cluster, backend) == {"n3": 10}
        await backend.close()


async def test_without_a_zone_the_first_read_goes_to_whoever_greeted_soonest():
    async with FakeCluster() as cluster:
        cluster.nodes["n1"].delay_s = cluster.nodes["n2"].delay_s = 0.03
        backend = await cluster.connect("n1")
        assert await reads(cluster, backend, 1) == {"n3": 1}
        await backend.close()


async def test_who_could_not_answer_is_passed_over_for_a_while():
    async with FakeCluster() as cluster:
        cluster.zones = ZONES
        witness = cluster.nodes["n1"]
        backend = await cluster.connect("n1", zone="eu")
        witness.refuse = [NotLeader("a witness keeps no state")] * 100
        found = await reads(cluster, backend)
        assert found.get("n2", 0) + found.get("n3", 0) == 10
        assert len(witness.refuse) >= 98  # asked once or twice, not at each read
        await backend.close()


async def test_with_a_node_in_the_zone_at_hand_nobody_waits_for_others():
    async with FakeCluster() as cluster:
        cluster.zones = ZONES
        await cluster.nodes["n3"].stop()
        backend = await cluster.connect("n1", zone="eu")
        await reads(cluster, backend)
        assert [link.node for link in backend._cluster.live()] == ["n1"]
        await backend.close()


async def test_when_the_zone_is_down_others_answer():
    async with FakeCluster() as cluster:
        cluster.zones = ZONES
        backend = await cluster.connect("n1", "n2", zone="eu")
        await reads(cluster, backend)
        await cluster.nodes["n1"].stop()
        assert sum((await reads(cluster, backend)).values()) == 10
        await backend.close()


async def test_a_mark_goes_along_to_wherever_the_read_goes():
    async with FakeCluster() as cluster:
        cluster.zones = ZONES
        backend = await cluster.connect("n1", zone="us")
        receipt = await backend.submit("l", put("a", 1), None)
        await backend.read("l", [Count(1)], NEAREST, (receipt.epoch, receipt.position + 1))
        read = (cluster.nodes["n2"].reads + cluster.nodes["n3"].reads)[-1]
        assert read.after == (receipt.epoch, receipt.position + 1)
        await backend.close()


async def test_a_node_that_is_too_stale_for_the_session_is_passed_over():
    async with FakeCluster() as cluster:
        cluster.zones = ZONES
        cluster.nodes["n1"].stale = True
        backend = await cluster.connect("n1", zone="eu", limits=LIMITS)
        found = await reads(cluster, backend, 3)
        assert found.get("n2", 0) + found.get("n3", 0) == 3
        await backend.close()


async def test_a_name_that_is_no_zone_is_refused():
    async with FakeCluster() as cluster:
        with pytest.raises(BadSettings, match="zone"):
            await cluster.connect("n1", zone="not a zone")
