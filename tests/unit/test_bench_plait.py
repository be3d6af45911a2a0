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
        assert await cluster.leader() in ("n1", "n2", "n3")  # a busy machine may have failed over
        await until(cluster.level, cluster.servers, "the cluster")
        cluster.kill("n3")
        assert not await cluster.level()
        with pytest.raises(PeerUnavailable):
            cluster.processes["n3"].check()
    finally:
        cluster.close()
    assert not any(psutil.pid_exists(one.pid) for one in cluster.servers)
