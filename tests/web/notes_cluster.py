"""Three nodes as processes, each serving pages, for two windows on two of them."""

import asyncio
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

READY_S = 60.0


def free_ports(count):
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """Nodes n1, n2, n3 of `plait serve --http`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = free_ports(6)
        self.names = ("n1", "n2", "n3")
        self.native = dict(zip(self.names, ports[:3], strict=True))
        self.http = dict(zip(self.names, ports[3:], strict=True))
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    def url(self, name: str, path: str = "/apps/notes/") -> str:
        """A page of a node."""
        return f"http://127.0.0.1:{self.http[name]}{path}"

    @property
    def address(self) -> str:
        """For `plait.connect`."""
        return "plait://" + ",".join(f"127.0.0.1:{port}" for port in self.native.values())

    async def start(self, name: str) -> None:
        """Start a node, or start it again."""
        members = ",".join(f"{one}=127.0.0.1:{port}" for one, port in self.native.items())
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "plait", "serve", "--data", str(self.folder / name),
            "--name", name, "--members", members, "--leader", "n1",
            "--http", f"127.0.0.1:{self.http[name]}",
            stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

    async def ready(self, name: str) -> None:
        """Wait until it serves."""
        async with asyncio.timeout(READY_S):
            while True:
                try:
                    await asyncio.to_thread(lambda: urlopen(self.url(name, "/readyz"), timeout=2))
                    return
                except OSError:
                    assert self.processes[name].returncode is None, self.log(name)
                    await asyncio.sleep(0.1)

    def log(self, name: str) -> str:
        """What a node said."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")[-4000:]

    async def kill(self, name: str) -> None:
        """End a node at once."""
        process = self.processes.pop(name)
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def cluster(folder: Path):
    """Three nodes that serve."""
    nodes = Cluster(folder)
    try:
        for name in nodes.names:
            await nodes.start(name)
        for name in nodes.names:
            await nodes.ready(name)
        yield nodes
    finally:
        for name in list(nodes.processes):
            await nodes.kill(name)
