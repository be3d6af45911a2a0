"""The demo's cluster: nodes as processes on loopback, every link between them a proxy.

Each node is told its own address and, for the others, the proxies in between; clients use the
nodes' own addresses. Every process is started in its own session and ended by its own id.
"""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

from plait.base.errors import Unavailable
from plait.cli.demo.proxy import Proxy

START_S = 30.0
FIRST_PORT, LAST_PORT = 7401, 8401
STOP_S = 10.0


class DemoCluster:
    """Starts, kills, cuts off and ends the nodes."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.names = tuple(f"n{number + 1}" for number in range(count))
        ports = free_ports(count)
        self.addresses = {
            name: f"127.0.0.1:{port}" for name, port in zip(self.names, ports, strict=True)
        }
        self._proxies: dict[tuple[str, str], Proxy] = {}  # from, to
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """For clients: every node's own address."""
        return "plait://" + ",".join(self.addresses.values())

    def pid(self, name: str) -> int:
        """The process of a running node."""
        return self._processes[name].pid

    async def start(self) -> None:
        """Lay the links and start every node."""
        for source in self.names:
            for target in self.names:
                if source != target:
                    proxy = self._proxies[source, target] = Proxy(self.addresses[target])
                    await proxy.start()
        await asyncio.gather(*(self.start_node(name) for name in self.names))

    async def start_node(self, name: str) -> None:
        """Start a node and wait until it listens."""
        members = ",".join(f"{other}={self._seen_from(name, other)}" for other in self.names)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(  # noqa: ASYNC220 - it takes a millisecond
                [
                    sys.executable, "-m", "plait", "serve",
                    "--data", str(self.folder / name), "--name", name,
                    "--listen", self.addresses[name], "--members", members,
                    "--leader", self.names[0], "--cluster-name", "demo",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        await self._listening(name)

    def _seen_from(self, name: str, other: str) -> str:
        """Where `name` finds `other`: itself as it is, the others behind a proxy."""
        return self.addresses[name] if other == name else self._proxies[name, other].address

    async def _listening(self, name: str) -> None:
        host, _, port = self.addresses[name].rpartition(":")
        loop = asyncio.get_running_loop()
        until = loop.time() + START_S
        while loop.time() < until:
            if self._processes[name].poll() is not None:
                break
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        text = self.log(name).read_text(errors="replace").strip().splitlines()
        raise Unavailable(f"node {name} did not start: {text[-1] if text else 'it said nothing'}")

    def log(self, name: str) -> Path:
        """Where a node's output goes."""
        return self.folder / f"{name}.log"

    def isolate(self, name: str) -> None:
        """Cut every link between `name` and the others, in both directions."""
        for ends, proxy in self._proxies.items():
            if name in ends:
                proxy.sever()

    def heal(self) -> None:
        """Mend every link."""
        for proxy in self._proxies.values():
            proxy.heal()

    def kill(self, name: str) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    async def close(self) -> None:
        """End every process that was started here, and every link."""
        processes = list(self._processes.values())
        self._processes.clear()
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                await asyncio.to_thread(process.wait, STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for proxy in self._proxies.values():
            await proxy.close()


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody has, the first ones from 7401 on: those of the manual."""
    found: list[int] = []
    for port in range(FIRST_PORT, LAST_PORT):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Unavailable(f"fewer than {count} ports from {FIRST_PORT} to {LAST_PORT} are free")
