"""The demo's cluster: nodes as processes on loopback, every link between them a proxy.

Each node is told its own address and, for the others, the proxies in between; clients use the
nodes' own addresses, or, if they share a node's fate, what that node sees (`beside`). Every process
is started in its own session and ended by its own id.
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
FIRST_PORT, PORTS = 7401, 1000
FIRST_HTTP_PORT = 8401
STOP_S = 10.0


class DemoCluster:
    """Starts, kills, cuts off and ends the nodes."""

    def __init__(self, folder: Path, count: int, *, pages: bool = False) -> None:
        """pages: the nodes have HTTP doors, too."""
        self.folder = folder
        self.names = tuple(f"n{number + 1}" for number in range(count))
        ports = free_ports(count)
        self.addresses = {
            name: f"127.0.0.1:{port}" for name, port in zip(self.names, ports, strict=True)
        }
        http_ports = free_ports(count, FIRST_HTTP_PORT) if pages else []
        self.http = {
            name: f"http://127.0.0.1:{port}"
            for name, port in zip(self.names, http_ports, strict=False)
        }
        self._proxies: dict[tuple[str, str], Proxy] = {}  # from, to
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._paused: set[str] = set()

    @property
    def url(self) -> str:
        """For clients: every node's own address."""
        return "plait://" + ",".join(self.addresses.values())

    def pid(self, name: str) -> int:
        """The process of a running node."""
        return self._processes[name].pid

    def beside(self, name: str) -> str:
        """For a client on the same side of every cut as `name`: what that node sees."""
        return "plait://" + ",".join(self._seen_from(name, other) for other in self.names)

    def runs(self, name: str) -> bool:
        """Whether the node's process is there; it may be paused."""
        return name in self._processes and self._processes[name].poll() is None

    def paused(self, name: str) -> bool:
        """Whether its process is stopped, and does not know."""
        return name in self._paused

    def links(self) -> dict[tuple[str, str], tuple[Proxy, Proxy]]:
        """Both directions between every two nodes."""
        pairs = [(a, b) for a in self.names for b in self.names if a < b]
        return {(a, b): (self._proxies[a, b], self._proxies[b, a]) for a, b in pairs}

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
        door = ["--http", self.http[name].removeprefix("http://")] if name in self.http else []
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(  # noqa: ASYNC220 - it takes a millisecond
                [
                    sys.executable, "-m", "plait", "serve",
                    "--data", str(self.folder / name), "--name", name,
                    "--listen", self.addresses[name], "--members", members,
                    "--leader", self.names[0], "--cluster-name", "demo", *door,
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
        self._paused.discard(name)
        process.kill()
        process.wait()

    def pause(self, name: str) -> None:
        """SIGSTOP: connections stay, and nobody answers on them."""
        self._processes[name].send_signal(signal.SIGSTOP)
        self._paused.add(name)

    def resume(self, name: str) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        self._processes[name].send_signal(signal.SIGCONT)
        self._paused.discard(name)

    async def close(self) -> None:
        """End every process that was started here, and every link."""
        processes = list(self._processes.values())
        self._processes.clear()
        for process in processes:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)  # who is paused cannot hear the other
        for process in processes:
            try:
                await asyncio.to_thread(process.wait, STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for proxy in self._proxies.values():
            await proxy.close()


def free_ports(count: int, first: int = FIRST_PORT) -> list[int]:
    """Ports on loopback that nobody has, the first ones from 7401 on: those of the manual."""
    found: list[int] = []
    for port in range(first, first + PORTS):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Unavailable(f"fewer than {count} ports from {first} to {first + PORTS} are free")
