"""Which clusters lose their leaders, in turns, and the figures of it.

etcd runs twice: with its default timers, and with Plait's. Both draw what they wait from one to
two times the election timeout; etcd insists on five heartbeats in one.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from plait import Consensus
from plait.bench.cluster import start_cluster
from plait.bench.failover import PlaitTarget, Target, summary, time_to_write_s
from plait.bench.processes import PeerUnavailable
from plait.bench.rounds import Progress
from plait.line.raft.election import ELECTION_S
from plait.line.replication.sender import HEARTBEAT_S

PEERS_OF_FAILOVER = ("etcd", "jetstream")


async def measure_failovers(
    folder: Path, kills: int, peers: Sequence[str], progress: Progress
) -> list[dict[str, Any]]:
    """A row for each cluster: its times, or why it has none."""
    with ExitStack() as stack:
        targets = [await _plait(folder / "plait", stack)]
        rows: list[dict[str, Any]] = []
        for name in peers:
            try:
                targets += await _PEER_STARTERS[name](folder / name, stack)
            except (PeerUnavailable, ImportError) as error:
                rows.append({"system": name, "timers": "", "failed": str(error)})
        times: dict[Target, list[float]] = {target: [] for target in targets}
        failed: dict[Target, str] = {}
        for number in range(kills):
            progress(f"fail-over, kill {number + 1} of {kills}")
            for target in targets:
                if target in failed:
                    continue
                try:
                    times[target].append(await time_to_write_s(target))
                except (TimeoutError, PeerUnavailable) as error:
                    failed[target] = str(error) or "no write was acknowledged any more"
                    progress(f"{target.system} did not fail over: {failed[target]}")
        return [_row(target, times[target], failed.get(target)) for target in targets] + rows


def _row(target: Target, times_s: list[float], failed: str | None) -> dict[str, Any]:
    row = summary(target, times_s)
    return row if failed is None else row | {"failed": failed}


async def _plait(folder: Path, stack: ExitStack) -> Target:
    cluster = await start_cluster(folder, settings=Consensus())
    stack.callback(cluster.close)
    return PlaitTarget(cluster)


async def _etcd(folder: Path, stack: ExitStack) -> list[Target]:
    peer = import_module("plait.bench.etcd")  # its client is no dependency of Plait
    election_ms = round(ELECTION_S * 1000)
    equal = peer.Timers(min(round(HEARTBEAT_S * 1000), election_ms // 5), election_ms)
    targets: list[Target] = []
    for name, timers in (("defaults", peer.Timers()), ("Plait's", equal)):
        cluster = peer.Etcd(folder / name, timers)
        stack.callback(cluster.close)
        await cluster.start()
        targets.append(peer.EtcdTarget(cluster, name))
    return targets


async def _jetstream(folder: Path, stack: ExitStack) -> list[Target]:
    peer = import_module("plait.bench.jetstream")
    cluster = peer.JetStream(folder)
    stack.callback(cluster.close)
    await cluster.start()
    return [peer.JetStreamTarget(cluster)]


_PEER_STARTERS: dict[str, Callable[[Path, ExitStack], Awaitable[list[Target]]]] = {
    "etcd": _etcd,
    "jetstream": _jetstream,
}
