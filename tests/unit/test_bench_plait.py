"""A real cluster takes load through Plait's own client in every way, and tells who leads it."""

import psutil
import pytest

from plait import Leader
from plait.bench import plait_client
from plait.bench.cluster import start_cluster
from plait.bench.processes import PeerUnavailable, until

pytestmark = pytest.mark.slow


async def test_every_way_to_use_the_client_is_answered_and_the_leader_is_known(tmp_path):
    cluster = await start_cluster(tmp_path / "plait", settings=Leader(acks="majority"))
    try:
        assert await cluster.leader() in cluster.processes  # n1, if the machine was quick
        for client in (
            plait_client.OneStore,
            plait_client.ManyStores,
            plait_client.OneStoreReads,
            plait_client.ManyStoresReads,
            plait_client.Batches,
            plait_client.Transactions,
        ):
            found = await client(cluster).measure(4, 1.5)  # a busy machine is slow, not broken
            assert found.per_s > 0
            assert found.p50_ms <= found.p99_ms
        await until(cluster.level, cluster.servers, "the cluster")
        led = await cluster.leader()  # who is told shows by its loss
        cluster.kill(led)
        assert not await cluster.level()
        with pytest.raises(PeerUnavailable):
            cluster.processes[led].check()

        async def another_leads() -> bool:
            return await cluster.leader() != led

        others = [server for name, server in cluster.processes.items() if name != led]
        await until(another_leads, others, "a leader after the first")
        assert await cluster.writes()
    finally:
        cluster.close()
    assert not any(psutil.pid_exists(one.pid) for one in cluster.servers)
