"""PySyncObj: three members with their journals on, at its defaults and in three other ways.

Its journal is a memory-mapped file that the library writes and never syncs: what it acknowledges
outlives a process, not a machine. One way here therefore syncs, by calling the journal's `flush`
at every entry. At its defaults the leader sends what is new ten times a second.

Members tick whether or not there is anything to do and would take that from whoever is measured,
so a cluster runs only while it is its turn.
"""

import asyncio
import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from plait.bench.load import ONE
from plait.bench.measure import Sample
from plait.bench.processes import PeerUnavailable, Server, free_ports, until
from plait.bench.pysyncobj_control import (
    Answer,
    Ask,
    Load,
    Measured,
    Request,
    Setup,
    State,
)

TRIES = 3  # a busy member may miss its heartbeats, and what is in flight is then refused


class Variant(msgspec.Struct, frozen=True):
    """One way to set PySyncObj up."""

    settings: dict[str, Any]
    synced: bool = False


VARIANTS = {
    "defaults": Variant({}),
    "1 ms ticks": Variant({"autoTickPeriod": 0.001, "appendEntriesPeriod": 0.001}),
    "unbatched": Variant({"appendEntriesUseBatch": False}),
    "synced": Variant({"appendEntriesUseBatch": False}, synced=True),
}


def require() -> None:
    """Raise `PeerUnavailable` if PySyncObj is not installed."""
    if importlib.util.find_spec("pysyncobj") is None:
        raise PeerUnavailable("PySyncObj comes with: pip install pysyncobj")


class PySyncObj:
    """A running cluster in a folder of its own."""

    def __init__(self, folder: Path, variant: Variant) -> None:
        self.folder = folder
        self.variant = variant
        self.servers: list[Server] = []
        self.control_ports: list[int] = []
        self.addresses: list[str] = []
        self._leader = ""  # the address that all agreed on when they were last asked

    async def start(self, nodes: int = 3) -> "PySyncObj":
        """Start every member; they agree on a leader when it returns."""
        ports = free_ports(2 * nodes)
        self.addresses = [f"127.0.0.1:{port}" for port in ports[:nodes]]
        self.control_ports = ports[nodes:]
        for number, address in enumerate(self.addresses):
            folder = self.folder / f"m{number}"
            folder.mkdir(parents=True)
            setup = Setup(
                address=address,
                partners=[other for other in self.addresses if other != address],
                control_port=self.control_ports[number],
                journal=str(folder / "journal"),
                settings=self.variant.settings,
                synced=self.variant.synced,
            )
            command = [sys.executable, "-m", "plait.bench.pysyncobj_node"]
            command.append(msgspec.json.encode(setup).decode())
            self.servers.append(Server(f"pysyncobj {number}", command, folder))
        await self.leader()
        return self

    def close(self) -> None:
        """End every member."""
        for server in reversed(self.servers):
            server.stop()

    async def leader(self) -> int:
        """Which of `servers` leads; waits until they agree on one."""
        await until(self._agree, self.servers, "PySyncObj")
        return self.addresses.index(self._leader)

    async def load(self, in_flight: int, seconds: float) -> Sample:
        """Put load on in the leader's process."""
        answer = await self.ask(await self.leader(), Load(in_flight, seconds))
        if not isinstance(answer, Measured):
            raise RuntimeError(str(answer))
        return answer.sample

    async def ask(self, server: int, request: Request) -> Answer:
        """One question to one member."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.control_ports[server])
        try:
            writer.write(msgspec.json.encode(request) + b"\n")
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            raise ConnectionError(f"pysyncobj {server} hung up")
        answer: Answer = msgspec.json.decode(line, type=Answer)
        return answer

    async def _agree(self) -> bool:
        states = [await self.ask(number, Ask()) for number in range(len(self.servers))]
        leaders = {one.leader if isinstance(one, State) and one.ready else None for one in states}
        self._leader = leaders.pop() or ""
        return not leaders and bool(self._leader)


class _InLeader:
    """What both variants share: a cluster for each round, N commands in flight in its leader."""

    system: ClassVar[str] = "pysyncobj"
    label: ClassVar[str]
    mode: ClassVar[str] = ONE

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = itertools.count()

    async def measure(self, in_flight: int, seconds: float) -> Sample:
        """Start a cluster, load it, end it; once more if it changes its leader meanwhile."""
        for _ in range(TRIES - 1):
            try:
                return await self._try(in_flight, seconds)
            except RuntimeError:
                continue
        return await self._try(in_flight, seconds)

    async def _try(self, in_flight: int, seconds: float) -> Sample:
        folder = self._folder / f"{self.label}-{next(self._count)}"
        cluster = PySyncObj(folder, VARIANTS[self.label])
        try:
            await cluster.start()
            return await cluster.load(in_flight, seconds)
        finally:
            cluster.close()


class Defaults(_InLeader):
    """With its own settings."""

    label: ClassVar[str] = "defaults"


class QuickTicks(_InLeader):
    """Ticking and sending a thousand times a second."""

    label: ClassVar[str] = "1 ms ticks"


class Unbatched(_InLeader):
    """Sending each command at once."""

    label: ClassVar[str] = "unbatched"


class Synced(_InLeader):
    """Sending each command at once, and syncing each journal at each entry."""

    label: ClassVar[str] = "synced"
