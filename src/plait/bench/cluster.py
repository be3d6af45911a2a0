"""A Plait cluster of real processes on this machine: ``python -m plait serve`` three times."""

import sys
from pathlib import Path

import plait
from plait import Leader
from plait.bench.processes import Server, free_ports, until

START_S_MAX = 30.0


class ClusterHandle:
    """A running cluster; node n1 leads."""

    def __init__(self, servers: dict[str, Server], addresses: dict[str, str], acks: str) -> None:
        self.processes = servers
        self.addresses = addresses
        self.acks = acks

    @property
    def servers(self) -> list[Server]:
        """The node processes, the leader's first."""
        return list(self.processes.values())

    @property
    def url(self) -> str:
        """How a client connects to the whole cluster."""
        return "plait://" + ",".join(self.addresses.values())

    def kill(self, name: str = "n1") -> None:
        """End one node as a crash would."""
        self.processes[name].kill()

    def close(self) -> None:
        """End every node, the leader last."""
        for server in reversed(self.servers):
            server.stop()

    async def writes(self) -> bool:
        """Whether a client can write a row under the cluster's rule."""
        async with plait.connect(self.url) as store:
            table = await store.table("ready", Leader(acks=self.acks))
            await table.put("ready", True)
        return True


async def start_cluster(folder: Path, nodes: int = 3, acks: str = "any:1") -> ClusterHandle:
    """Start a cluster in `folder`; returns once a row can be written, `PeerUnavailable` if never.

    A write to a follower that has not attached yet would wait; that it is answered shows that
    as many followers as the rule needs are there.
    """
    names = [f"n{number}" for number in range(1, nodes + 1)]
    addresses = {
        name: f"127.0.0.1:{port}" for name, port in zip(names, free_ports(nodes), strict=True)
    }
    members = ",".join(f"{name}={address}" for name, address in addresses.items())
    cluster = ClusterHandle({}, addresses, acks)
    try:
        for name, address in addresses.items():
            data = folder / name
            data.mkdir(parents=True)
            command: list[str | Path] = [sys.executable, "-m", "plait", "serve", "--data", data]
            command += ["--name", name, "--listen", address, "--members", members]
            command += ["--leader", names[0], "--cluster-name", "bench"]
            cluster.processes[name] = Server(f"plait {name}", command, data)
        await until(cluster.writes, cluster.servers, "the Plait cluster", START_S_MAX)
    except BaseException:
        cluster.close()
        raise
    return cluster
