"""Lines that move between engines while clients use them: the engines, the mover, and a feed.

Real servers of NATS and PostgreSQL, which are killed and come back, and real nodes.
"""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from faults import LIMITS, PATIENCE_S, FaultyNodes
from nodes import HERE, free_port

from plait.api.store import Store
from plait.base.errors import PlaitError, Unavailable
from plait.client.backend import connect
from tests.engines.nats_servers import Cluster, running
from tests.engines.postgres_servers import PostgresServer, postgres_server

ROUNDS = int(os.environ.get("PLAIT_ENGINE_ROUNDS", "1"))  # of whatever a test does
soak = pytest.mark.skipif(
    "PLAIT_ENGINE_ROUNDS" not in os.environ, reason="minutes with engines: make soak"
)
OWN = "raft"
MOVE_S = 60.0
STEP_S = 90.0


class Servers:
    """Three NATS servers and a PostgreSQL server."""

    def __init__(self, nats: Cluster, postgres: PostgresServer) -> None:
        self.nats = nats
        self.postgres = postgres
        self._postgres_runs = True

    @property
    def route(self) -> tuple[str, str, str]:
        """Away from the nodes' own disks, and back."""
        return self.nats.url, self.postgres.url(), OWN

    def stop(self) -> None:
        """All of them, for good."""
        self.nats.close()
        if self._postgres_runs:
            self.postgres.stop()
            self._postgres_runs = False


@contextmanager
def servers() -> Iterator[Servers]:
    """Engines of one's own."""
    with running() as nats, postgres_server() as postgres:
        yield Servers(nats, postgres)


class MovingNodes(FaultyNodes):
    """Nodes that others join."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, machines=("bank:Bank",))
        self._joined: set[str] = set()

    def command(self, name: str) -> list[str]:
        """A node that joined knows the rest."""
        command = super().command(name)
        if name not in self._joined:
            return command
        return [
            sys.executable, "-m", "plait", "serve", "--data", str(self.folder / name),
            "--machine", "bank:Bank",
        ]  # fmt: skip

    def join(self, name: str) -> None:
        """A node more, which keeps running."""
        seeds = self.url
        self.addresses[name] = f"127.0.0.1:{free_port()}"
        self._joined.add(name)
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [
                    sys.executable, "-m", "plait", "join", seeds, "--data", str(self.folder / name),
                    "--name", name, "--listen", self.addresses[name], "--machine", "bank:Bank",
                ],
                stdout=log, stderr=log, cwd=HERE, start_new_session=True,
            )  # fmt: skip


async def there(nodes: FaultyNodes, what: str, to: str) -> None:
    """Order a move, again and again, as an operator would, until it is done."""
    async with asyncio.timeout(STEP_S):
        while True:
            with suppress(PlaitError):
                async with Store(await connect(nodes.url, limits=LIMITS)) as store:
                    await store.move(what, to, MOVE_S)
                    return
            await asyncio.sleep(0.1)


class Feed:
    """Somebody who watches a table and counts how often each row came; resumes by cursor."""

    def __init__(self, nodes: FaultyNodes, table: str) -> None:
        self.seen: Counter[str] = Counter()
        self.versions: list[int] = []
        self._nodes = nodes
        self._table = table
        self._stop = False

    async def run(self) -> None:
        """Until cancelled."""
        cursor = "0.0"
        while True:
            try:
                async with Store(await connect(self._nodes.url, limits=LIMITS)) as store:
                    table = await store.table(self._table)
                    async for change in table.watch(cursor):
                        self.seen[change.key] += 1
                        self.versions.append(change.version)
                        if change.last:
                            cursor = change.cursor
            except Unavailable:
                await asyncio.sleep(0.05)

    async def has(self, keys: set[str]) -> None:
        """Return once all of these were seen."""
        async with asyncio.timeout(PATIENCE_S):
            while not keys <= set(self.seen):
                await asyncio.sleep(0.05)

    def check(self, times: set[str]) -> None:
        """Every row came, once, in order, and none that is not there."""
        assert set(self.seen) == times
        assert set(self.seen.values()) <= {1}
        assert self.versions == sorted(self.versions)


# --------------------------------------------------------------------------- what goes wrong

Blow = Callable[[MovingNodes, Servers, str, random.Random], Awaitable[None]]


async def _restarted(nodes: MovingNodes, name: str, chance: random.Random) -> None:
    nodes.kill(name)
    await asyncio.sleep(chance.uniform(0.0, 0.5))
    nodes.start(name)


async def kill_leader(
    nodes: MovingNodes, engines: Servers, line: str, chance: random.Random
) -> None:
    """kill -9 of whoever leads the line, and so moves it; of any node where an engine orders."""
    names = nodes.awake
    found = await asyncio.gather(*(nodes.lines(name) for name in names))
    leading = [
        name
        for name, lines in zip(names, found, strict=True)
        if lines.get(line, {}).get("role") == "leader"
    ]
    await _restarted(nodes, chance.choice(leading or names), chance)


async def kill_control_leader(
    nodes: MovingNodes, engines: Servers, line: str, chance: random.Random
) -> None:
    """kill -9 of whoever orders the chain's changes."""
    await kill_leader(nodes, engines, "control", chance)


async def pause_any(nodes: MovingNodes, engines: Servers, line: str, chance: random.Random) -> None:
    """SIGSTOP of a node, for longer than a leader may be silent."""
    name = chance.choice(nodes.awake)
    nodes.pause(name)
    await asyncio.sleep(chance.uniform(0.5, 2.5))
    nodes.resume(name)


async def kill_nats(nodes: MovingNodes, engines: Servers, line: str, chance: random.Random) -> None:
    """kill -9 of one NATS server."""
    server = chance.choice(engines.nats.servers)
    server.kill()
    await asyncio.sleep(chance.uniform(0.0, 1.0))
    server.restart()


async def kill_postgres(
    nodes: MovingNodes, engines: Servers, line: str, chance: random.Random
) -> None:
    """kill -9 of PostgreSQL."""
    await asyncio.to_thread(engines.postgres.kill)
    await asyncio.to_thread(engines.postgres.start_again)


async def nothing(nodes: MovingNodes, engines: Servers, line: str, chance: random.Random) -> None:
    """All goes well."""


BLOWS: tuple[Blow, ...] = (kill_leader, kill_control_leader, pause_any, kill_nats, kill_postgres)
