"""Twins of NATS and PostgreSQL: shared engines in memory, which fail as the configuration says.

A `TwinServer` is what the nodes share; each has a `TwinEngine`, its connection. Every request
takes a while; a server that is down, or cut off from a node, answers nobody, and what was asked
of it last may have been done or not. What it acknowledged it keeps.
"""

import asyncio
from collections.abc import Callable

from plait.base.errors import BadSettings, Closed, HistoryTrimmed, Unavailable
from plait.base.ports import Random, Snapshot
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.engines.shared import Finding, Known, SharedCopy
from plait.line.entry import Entry, Epoch
from plait.line.loglet import BEGINNING, READ_BYTES, Origin, Tail

ANSWER_S = 2.0  # a node waits so long for an answer


class TwinServer:
    """What is kept; every name bears the namespace of whoever keeps it."""

    def __init__(self, random: Random, delay_s: float = 0.001) -> None:
        self.random = random
        self.delay_s = delay_s  # of a request, at most twice that
        self.down = False
        self.findings: list[Finding] = []
        self.logs: dict[str, tuple[Origin, MemoryLoglet]] = {}
        self.registers: dict[str, MemoryMetastore] = {}
        self.copies: dict[str, list[tuple[SharedCopy, bytes]]] = {}


class TwinEngine:
    """One node's connection; implements `SharedEngine`. `reached` tells whether it is up."""

    entry_bytes_max = 8 << 20

    def __init__(
        self,
        server: TwinServer,
        url: str,
        namespace: str,
        reached: Callable[[], bool] = lambda: True,
    ) -> None:
        self.url = url
        self.server = server
        self._namespace = namespace
        self._reached = reached
        self._open: list[TwinLoglet] = []

    async def asked(self) -> None:
        """A request arrives; or it does not, and nobody says so."""
        await self._travel()
        if self.server.down or not self._reached():
            await asyncio.sleep(ANSWER_S)
            raise Unavailable(f"{self.url} does not answer")

    async def answered(self) -> None:
        """The answer arrives."""
        await self.asked()

    async def _travel(self) -> None:
        await asyncio.sleep(self.server.random.uniform(0.2, 1.0) * self.server.delay_s)

    async def prepare(self, name: str) -> None:
        """A request that leaves nothing behind."""
        await self.asked()

    async def open(
        self, name: str, origin: Origin = BEGINNING, known: Known | None = None
    ) -> "TwinLoglet":
        """The loglet called `name`, made if there is none."""
        await self.asked()
        key = self._key(name)
        found, loglet = self.server.logs.setdefault(key, (origin, MemoryLoglet(origin)))
        if found != origin:
            raise BadSettings(f"{name} begins at {found}, not at {origin}")
        handle = TwinLoglet(self, loglet)
        self._open.append(handle)
        return handle

    async def register(self, name: str) -> MemoryMetastore:
        """A register; asking it takes no time."""
        await self.asked()
        return self.server.registers.setdefault(self._key(name), MemoryMetastore())

    async def examine(self) -> list[Finding]:
        """What the server was told is wrong with it."""
        await self.asked()
        return list(self.server.findings)

    async def put_copy(self, name: str, copy: SharedCopy, data: Snapshot) -> None:
        """Keep a copy, and the one before."""
        await self.asked()
        kept = self.server.copies.setdefault(self._key(name), [])
        kept.append((copy, data.read(0, copy.size)))
        kept.sort(key=lambda each: each[0].position)
        del kept[:-2]

    async def latest_copy(self, name: str) -> SharedCopy | None:
        """The newest copy."""
        await self.asked()
        kept = self.server.copies.get(self._key(name), [])
        return kept[-1][0] if kept else None

    async def read_copy(self, name: str, copy: SharedCopy, offset: int, count: int) -> bytes:
        """Bytes of a copy."""
        await self.asked()
        for found, data in self.server.copies.get(self._key(name), []):
            if found == copy:
                return data[offset : offset + count]
        raise HistoryTrimmed(f"the copy at {copy.position} is gone", head=copy.position)

    async def drop(self, name: str) -> None:
        """Forget a loglet and its copies."""
        await self.asked()
        self.server.logs.pop(self._key(name), None)
        self.server.copies.pop(self._key(name), None)

    async def close(self) -> None:
        """Hang up."""
        for handle in self._open:
            await handle.close()

    def _key(self, name: str) -> str:
        return f"{self._namespace}/{name}"


class TwinLoglet:
    """One node's handle to a loglet of the server."""

    def __init__(self, engine: TwinEngine, loglet: MemoryLoglet) -> None:
        self._engine = engine
        self._loglet = loglet
        self._closed = asyncio.Event()
        self._arriving = asyncio.Lock()
        self.committed = loglet.head  # as far as this handle has heard

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        return self._loglet.head

    async def append(self, entry: Entry) -> int:
        """Order an entry; `Unavailable` if the answer did not arrive: it may have happened."""
        self._check()
        async with self._arriving:  # one connection: what was sent first arrives first
            await self._engine.asked()
            position = await self._loglet.append(entry)
        await self._engine.answered()
        self._check()
        self.committed = max(self.committed, position + 1)
        return position

    async def check_tail(self) -> Tail:
        """The server's tail."""
        self._check()
        await self._engine.asked()
        tail = await self._loglet.check_tail()
        await self._engine.answered()
        self._check()
        self.committed = max(self.committed, tail.position)
        return tail

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Entries that this handle has heard of."""
        self._check()
        return await self._loglet.read(start, min(stop, self.committed), bytes_max)

    async def wait(self, position: int) -> Tail:
        """Hear of what is appended, by whomever."""
        self._check()
        if self.committed <= position:
            told = asyncio.ensure_future(self._loglet.wait(position))
            closed = asyncio.ensure_future(self._closed.wait())
            try:
                await asyncio.wait((told, closed), return_when=asyncio.FIRST_COMPLETED)
            finally:
                told.cancel()
                closed.cancel()
            self._check()
            await self._engine.answered()
            self._check()
        tail = await self._loglet.check_tail()
        self.committed = max(self.committed, tail.position)
        return tail

    async def trim(self, before: int) -> None:
        """Forget entries below `before`."""
        self._check()
        await self._engine.asked()
        await self._loglet.trim(before)

    async def seal(self) -> int:
        """Refuse every later append, by whomever."""
        self._check()
        await self._engine.asked()
        tail = await self._loglet.seal()
        await self._engine.answered()
        self.committed = max(self.committed, tail)
        return tail

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Never called."""

    async def close(self) -> None:
        """This handle's end, not the loglet's."""
        self._closed.set()

    def _check(self) -> None:
        if self._closed.is_set():
            raise Closed("the connection to the engine was closed")
