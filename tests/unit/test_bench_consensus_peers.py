"""The peers of the scenario `consensus` start, take load, answer, lose a leader, and end."""

import importlib.util

import psutil
import pytest

from plait.bench.failover import time_to_write_s
from plait.bench.processes import PeerUnavailable

pytestmark = pytest.mark.slow


async def started(cluster):
    """The cluster, or a skip that says why there is none."""
    try:
        return await cluster.start()
    except PeerUnavailable as error:
        cluster.close()
        pytest.skip(f"a peer cannot be started from here: {error}")


async def test_etcd_answers_every_client_and_survives_its_leader(tmp_path):
    pytest.importorskip("grpc")
    from plait.bench import etcd

    cluster = await started(etcd.Etcd(tmp_path / "etcd", etcd.Timers(50, 300)))
    try:
        clients = (etcd.OneChannel, etcd.ManyChannels, etcd.OneChannelReads, etcd.ManyChannelsReads)
        for client in clients:
            found = await client(cluster).measure(4, 0.2)
            assert found.per_s > 0
            assert found.p50_ms <= found.p99_ms
        async with etcd.channel(cluster.addresses[0]) as channel:
            put, get = etcd.call(channel, etcd.PUT), etcd.call(channel, etcd.RANGE)
            first = etcd.revision(await put(etcd.put_request("k", "v")))
            assert etcd.revision(await put(etcd.put_request("k", "w"))) == first + 1
            assert etcd.range_value(await get(etcd.range_request("k"))) == b"w"
            assert etcd.range_value(await get(etcd.range_request("absent"))) is None
        before = await cluster.leader()
        took = await time_to_write_s(etcd.EtcdTarget(cluster, "short"))
        assert 0 < took < 10
        assert await cluster.leader() != before
    finally:
        cluster.close()
    assert not any(psutil.pid_exists(one.pid) for one in cluster.servers)


async def test_jetstream_answers_every_client_and_counts_their_writes(tmp_path):
    pytest.importorskip("nats")
    from plait.bench import jetstream, jetstream_thin

    cluster = await started(jetstream.JetStream(tmp_path / "jetstream"))
    try:
        for client in (
            jetstream.OneConnection,
            jetstream.ManyConnections,
            jetstream_thin.RawSocket,
        ):
            found = await client(cluster).measure(4, 0.2)
            assert found.per_s > 0
            assert found.p50_ms <= found.p99_ms
        connection = await cluster.client(await cluster.leader())
        info = await connection.jetstream().stream_info(jetstream.STREAM)
        await connection.close()
        assert info.config.num_replicas == 3
        assert info.state.messages > 10
    finally:
        cluster.close()
    assert not any(psutil.pid_exists(one.pid) for one in cluster.servers)


@pytest.mark.parametrize("way", ["QuickTicks", "Synced"])
async def test_pysyncobj_applies_commands_in_its_leader(tmp_path, way):
    if importlib.util.find_spec("pysyncobj") is None:
        pytest.skip("PySyncObj is not installed")
    from plait.bench import pysyncobj

    found = await getattr(pysyncobj, way)(tmp_path).measure(4, 0.2)
    assert found.per_s > 0
    assert found.p50_ms <= found.p99_ms
    assert len(list(tmp_path.glob("*/m*/journal"))) == 3
    assert not any(
        "pysyncobj_node" in " ".join(child.cmdline())
        for child in psutil.Process().children(recursive=True)
    )


def test_a_missing_etcd_says_how_to_get_it(monkeypatch):
    pytest.importorskip("grpc")
    from plait.bench import etcd

    monkeypatch.setattr(etcd.shutil, "which", lambda *_, **__: None)
    with pytest.raises(PeerUnavailable, match="apt-get install etcd-server"):
        etcd.binary()
