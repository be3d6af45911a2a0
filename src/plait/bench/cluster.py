"""A Plait cluster of real processes on this machine: ``python -m plait serve`` three times."""

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import plait
from plait import Consensus, Leader
from plait.bench.processes import PeerUnavailable, Server, free_ports, until
from plait.host.tls import Tls

START_S_MAX = 30.0
READY = "ready"  # a table that shows whether writes go in

Settings = Leader | Consensus
Papers = Callable[[str, str], Tls]
ANY_FOLLOWER = Leader(acks="any:1")


class ClusterHandle:
    """A running cluster; node n1 leads at first."""

    def __init__(
        self, servers: dict[str, Server], addresses: dict[str, str], settings: Settings
    ) -> None:
        self.processes = servers
        self.addresses = addresses
        self.settings = settings  # of every table that is written under load
        self.options: dict[str, Any] = {}  # that clients need to get in

    @property
    def servers(self) -> list[Server]:
        """The node processes, the leader's first."""
        return list(self.processes.values())

    @property
    def url(self) -> str:
        """How a client connects to the whole cluster."""
        scheme = "plait+tls" if "tls" in self.options else "plait"
        return f"{scheme}://" + ",".join(self.addresses.values())

    def connect(self) -> AbstractAsyncContextManager[plait.Store]:
        """A client's store."""
        return plait.connect(self.url, **self.options)

    def kill(self, name: str = "n1") -> None:
        """End one node as a crash would."""
        self.processes[name].kill()

    def close(self) -> None:
        """End every node, the leader last."""
        for server in reversed(self.servers):
            server.stop()

    async def leader(self) -> str:
        """The node that most nodes hold to lead the line of the tables under load."""
        async with self.connect() as store:
            line = (await store.table(READY, self.settings)).line
            states = _states(await store.status(), line)
        told: list[str] = [state["leader"] for state in states.values() if state.get("leader")]
        if not told:
            raise PeerUnavailable(f"no node knows who leads {line!r}")
        return max(sorted(set(told)), key=told.count)

    async def level(self) -> bool:
        """Whether every node has applied what was committed a moment ago, under one leader."""
        async with self.connect() as store:
            table = await store.table(READY, self.settings)
            await table.put("level", True)
            before = _states(await store.status(), table.line)
            after = _states(await store.status(), table.line)
        committed = max((state["committed"] for state in before.values()), default=0)
        return (
            len(after) == len(self.processes)
            and len({state["leader"] for state in after.values()}) == 1
            and all(state["applied"] >= committed for state in after.values())
        )

    async def writes(self) -> bool:
        """Whether a client can write a row under the cluster's settings."""
        async with self.connect() as store:
            table = await store.table(READY, self.settings)
            await table.put("ready", True)
        return True


async def start_cluster(
    folder: Path,
    nodes: int = 3,
    settings: Settings = ANY_FOLLOWER,
    papers: Papers | None = None,
    http: bool = False,
) -> ClusterHandle:
    """Start a cluster in `folder`; returns once a row can be written, `PeerUnavailable` if never.

    papers: who gives out certificates, by role and name; then everything speaks TLS.
    http: whether each node opens its HTTP door, which its status names.

    A write to a follower that has not attached yet would wait; that it is answered shows that
    as many followers as the rule needs are there.
    """
    names = [f"n{number}" for number in range(1, nodes + 1)]
    addresses = {
        name: f"127.0.0.1:{port}" for name, port in zip(names, free_ports(nodes), strict=True)
    }
    members = ",".join(f"{name}={address}" for name, address in addresses.items())
    cluster = ClusterHandle({}, addresses, settings)
    if papers is not None:
        cluster.options["tls"] = papers("client", "bench")
    try:
        for name, address in addresses.items():
            data = folder / name
            data.mkdir(parents=True)
            command: list[str | Path] = [sys.executable, "-m", "plait", "serve", "--data", data]
            command += ["--name", name, "--listen", address, "--members", members]
            command += ["--leader", names[0], "--cluster-name", "bench"]
            if http:
                command += ["--http", f"127.0.0.1:{free_ports(1)[0]}"]
            if papers is not None:
                own = papers("node", name)
                for option, file in (("ca", own.ca), ("cert", own.cert), ("key", own.key)):
                    command += [f"--tls-{option}", str(file)]
            cluster.processes[name] = Server(f"plait {name}", command, data)
        await until(cluster.writes, cluster.servers, "the Plait cluster", START_S_MAX)
    except BaseException:
        cluster.close()
        raise
    return cluster


def _states(status: dict[str, Any], line: str) -> dict[str, dict[str, Any]]:
    """What each node that answers says of a line that it has."""
    nodes: dict[str, dict[str, Any]] = status["nodes"]
    return {
        name: node["lines"][line] for name, node in nodes.items() if line in node.get("lines", ())
    }
