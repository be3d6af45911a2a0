"""Real nodes as real processes on loopback, to be killed for real."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import plait

START_S = 20.0
HERE = Path(__file__).parent  # where users' classes are found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Nodes:
    """`count` nodes of one cluster; ends every process that it started."""

    def __init__(
        self,
        folder: Path,
        count: int = 3,
        *,
        addresses: dict[str, str] | None = None,
        machines: tuple[str, ...] = (),
        program: tuple[str, ...] = ("-m", "plait"),
    ) -> None:
        self.folder = folder
        self.addresses = addresses or {
            f"n{i + 1}": f"127.0.0.1:{free_port()}" for i in range(count)
        }
        self.machines = machines
        self.program = program
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return "plait://" + ",".join(self.addresses.values())

    def start(self, *names: str) -> None:
        for name in names or tuple(self.addresses):
            log = (self.folder / f"{name}.log").open("ab")
            self._running[name] = subprocess.Popen(
                self.command(name), stdout=log, stderr=log, cwd=HERE, start_new_session=True
            )

    def command(self, name: str) -> list[str]:
        """What starts a node."""
        members = ",".join(f"{name}={address}" for name, address in self.addresses.items())
        return [
            sys.executable, *self.program, "serve", "--data", str(self.folder / name),
            "--name", name, "--listen", self.addresses[name], "--members", members,
            "--leader", "n1", "--cluster-name", "test",
            *(word for machine in self.machines for word in ("--machine", machine)),
        ]  # fmt: skip

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def signal(self, name: str, sign: signal.Signals) -> None:
        os.kill(self._running[name].pid, sign)

    def stop(self, name: str) -> int:
        """SIGTERM; the exit status."""
        process = self._running.pop(name)
        process.terminate()
        return process.wait(20)

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")


async def status_of(nodes: Nodes, name: str) -> dict[str, object]:
    """One node's own status."""
    async with plait.connect(f"plait://{nodes.addresses[name]}", only=True) as store:
        status = await store.status()
        found: dict[str, object] = status["nodes"][name]
        return found


async def caught_up(nodes: Nodes, timeout_s: float = 30.0) -> None:
    """Return once every node has applied everything that its line's leader committed."""
    async with asyncio.timeout(timeout_s):
        while True:
            async with plait.connect(nodes.url) as store:
                status = (await store.status())["nodes"]
            if _level(status, tuple(nodes.addresses)):
                return
            await asyncio.sleep(0.1)


def _level(status: dict[str, dict[str, object]], names: tuple[str, ...]) -> bool:
    applied: dict[str, set[object]] = {}
    for name in names:
        lines = status.get(name, {}).get("lines")
        if not isinstance(lines, dict):
            return False
        for line, here in lines.items():
            applied.setdefault(line, set()).update((here["applied"], here["tail"]))
    return bool(applied) and all(len(positions) == 1 for positions in applied.values())
