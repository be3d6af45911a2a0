"""Twins of NATS and PostgreSQL: shared engines in memory, which fail as their wires do.

A `TwinServer` is what the nodes share; each has a `TwinEngine`, its connection, over a `Wire`.
What is asked of the server is an act that happens there in one turn, when it arrives: whoever
asked may be dead by then, or have given up, and it may have been done or not. What the server
acknowledged it keeps.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from plait.base.errors import BadSettings, Closed, HistoryTrimmed, LogForked, Unavailable
from plait.base.ports import Random, Snapshot
from plait.engines.metastore import MemoryMetastore
from plait.engines.shared import Finding, Known, SharedCopy
from plait.engines.waiters import Waiters
from plait.line.entry import Entry, Epoch
from plait.line.loglet import BEGINNING, READ_BYTES, Origin, Tail
from plait.sim.twin_log import TwinLog

T = TypeVar("T")

ANSWER_S = 2.0  # a node waits so long for an answer
LOOK_S = 1.0  # between two questions for the tail: what is told unasked may be lost


class TwinServer:
    """What is kept; every name bears the namespace of whoever keeps it."""

    def __init__(self, random: Random, delay_s: float = 0.001) -> None:
        self.random = random
        self.delay_s = delay_s  # of a request, at most twice that
        self.down = False
        self.findings: list[Finding] = []
        self.logs: dict[str, TwinLog] = {}
        self.registers: dict[str, MemoryMetastore] = {}
        self.copies: dict[str, list[tuple[SharedCopy, bytes]]] = {}


class Wire(Protocol):
    """How a node and the server hear each other: each way in order, for as long as it works."""

    async def ask(self, act: Callable[[], T]) -> T:
        """What `act` says, or raises, at the server; `Unavailable` if no answer came in time."""
        ...

    def tell(self, act: Callable[[], None]) -> None:
        """The server says something unasked: it happens at the node, unless it is lost."""
        ...


class DelayWire:
    """A server in the same process that takes its time; `reached` tells whether it is up."""

    def __init__(
        self, server: TwinServer, url: str, reached: Callable[[], bool] = lambda: True
    ) -> None:
        self._server = server
        self._url = url
        self._reached = reached
        self._arriving = asyncio.Lock()

    async def ask(self, act: Callable[[], T]) -> T:
        """See `Wire`."""
        async with self._arriving:  # one connection: what was sent first arrives first
            await self._travel()
            result = act()
        await self._travel()
        return result

    def tell(self, act: Callable[[], None]) -> None:
        """See `Wire`."""
        if not self._server.down and self._reached():
            asyncio.get_running_loop().call_soon(act)

    async def _travel(self) -> None:
        await asyncio.sleep(self._server.random.uniform(0.2, 1.0) * self._server.delay_s)
        if self._server.down or not self._reached():
            await asyncio.sleep(ANSWER_S)
            raise Unavailable(f"{self._url} does not answer")


class TwinEngine:
    """One node's connection; implements `SharedEngine`."""

    entry_bytes_max = 8 << 20

    def __init__(
        self, server: TwinServer, url: str, namespace: str, wire: Wire | None = None
    ) -> None:
        self.url = url
        self.server = server
        self.wire = wire or DelayWire(server, url)
        self._namespace = namespace
        self._open: list[TwinLoglet] = []

    async def prepare(self, name: str) -> None:
        """A request that leaves nothing behind."""
        await self.wire.ask(lambda: None)

    async def open(
        self, name: str, origin: Origin = BEGINNING, known: Known | None = None
    ) -> "TwinLoglet":
        """The loglet called `name`, made if there is none."""

        def act() -> TwinLog:
            log = self.server.logs.setdefault(self._key(name), TwinLog(origin))
            if log.origin != origin:
                raise BadSettings(f"{name} begins at {log.origin}, not at {origin}")
            if known is not None and known.position > log.tail.position:
                raise LogForked(f"{name} ends at {log.tail.position}, before {known.position}")
            return log

        handle = TwinLoglet(self, await self.wire.ask(act), known.position if known else 0)
        self._open.append(handle)
        return handle

    async def register(self, name: str) -> MemoryMetastore:
        """A register; asking it takes no time."""
        registers, key = self.server.registers, self._key(name)
        return await self.wire.ask(lambda: registers.setdefault(key, MemoryMetastore()))

    async def examine(self) -> list[Finding]:
        """What the server was told is wrong with it."""
        return await self.wire.ask(lambda: list(self.server.findings))

    async def put_copy(self, name: str, copy: SharedCopy, data: Snapshot) -> None:
        """Keep a copy, and the one before."""
        kept_data = data.read(0, copy.size)

        def act() -> None:
            kept = self.server.copies.setdefault(self._key(name), [])
            kept.append((copy, kept_data))
            kept.sort(key=lambda each: each[0].position)
            del kept[:-2]

        await self.wire.ask(act)

    async def latest_copy(self, name: str) -> SharedCopy | None:
        """The newest copy."""
        copies, key = self.server.copies, self._key(name)
        return await self.wire.ask(lambda: copies[key][-1][0] if copies.get(key) else None)

    async def read_copy(self, name: str, copy: SharedCopy, offset: int, count: int) -> bytes:
        """Bytes of a copy."""

        def act() -> bytes:
            for found, data in self.server.copies.get(self._key(name), []):
                if found == copy:
                    return data[offset : offset + count]
            raise HistoryTrimmed(f"the copy at {copy.position} is gone", head=copy.position)

        return await self.wire.ask(act)

    async def drop(self, name: str) -> None:
        """Forget a loglet and its copies."""

        def act() -> None:
            self.server.logs.pop(self._key(name), None)
            self.server.copies.pop(self._key(name), None)

        await self.wire.ask(act)

    async def close(self) -> None:
        """Hang up."""
        for handle in self._open:
            await handle.close()

    def _key(self, name: str) -> str:
        return f"{self._namespace}/{name}"


class TwinLoglet:
    """One node's handle to a loglet of the server, which tells it of every change."""

    def __init__(self, engine: TwinEngine, log: TwinLog, known: int) -> None:
        self._wire = engine.wire
        self._log = log
        self._closed = False
        self._heard = Waiters()
        self._sealed = False  # as far as this handle has heard, like the next
        self.committed = max(log.head, known)
        log.listeners.append(self._tell)

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        return self._log.head

    async def append(self, entry: Entry) -> int:
        """Order an entry; `Unavailable` if the answer did not arrive: it may have happened."""
        return (await self._ask(partial(self._log.append, entry)))[0]

    async def check_tail(self) -> Tail:
        """The server's tail."""
        return (await self._ask(lambda: None))[1]

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Entries that this handle has heard of."""
        stop = min(stop, self.committed)
        return (await self._ask(partial(self._log.read, start, stop, bytes_max)))[0]

    async def wait(self, position: int) -> Tail:
        """Hear of what is appended, by whomever."""
        self._check()
        while self.committed <= position and not self._sealed:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._heard.sleep(position)
            except TimeoutError:
                await self._ask(lambda: None)
            self._check()
        return Tail(self.committed, self._sealed)

    async def trim(self, before: int) -> None:
        """Forget entries below `before`."""
        await self._ask(partial(self._log.trim, before))

    async def seal(self) -> int:
        """Refuse every later append, by whomever."""
        return (await self._ask(self._log.seal))[0]

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Never called."""

    async def close(self) -> None:
        """This handle's end, not the loglet's."""
        if not self._closed:
            self._closed = True
            self._log.listeners.remove(self._tell)
            self._heard.fail(Closed("the connection to the engine was closed"))

    async def _ask(self, act: Callable[[], T]) -> tuple[T, Tail]:
        """Do something to the log; what came of it, and the tail after it."""
        self._check()
        result, tail = await self._wire.ask(lambda: (act(), self._log.tail))
        self._check()
        self._hear(tail)
        return result, tail

    def _tell(self) -> None:
        """At the server: the log has changed."""
        self._wire.tell(partial(self._hear, self._log.tail))

    def _hear(self, tail: Tail) -> None:
        if tail.position > self.committed or tail.sealed > self._sealed:
            self.committed = max(self.committed, tail.position)
            self._sealed |= tail.sealed
            self._heard.wake_all()

    def _check(self) -> None:
        if self._closed:
            raise Closed("the connection to the engine was closed")
