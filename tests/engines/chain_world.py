"""Loglets of a chain and its register, for handles that share them, lag and die."""

import asyncio

from plait.base.errors import (
    BadSettings,
    Sealed,
    Unavailable,
)
from plait.engines.chain import Chain
from plait.engines.conformance.engine import (
    read_texts,
    spin,
)
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.line.chain import Next, Segment
from plait.line.entry import Entry
from plait.line.loglet import BEGINNING, Origin, Tail


class World:
    """Loglets by name and one metastore, each of which can be told to fail or to be slow."""

    def __init__(self) -> None:
        self.loglets: dict[Next, SlowLoglet] = {}
        self.metastore = TroubledMetastore()
        self.dead = ""  # an engine that does not answer

    async def prepare(self, following: Next) -> None:
        if following.engine == self.dead:
            raise Unavailable(f"{self.dead} does not answer")
        if following in self.loglets:
            raise BadSettings("used before")

    async def open(self, segment: Segment, stop: int | None) -> "SlowLoglet":
        if segment.engine == self.dead:
            raise Unavailable(f"{self.dead} does not answer")
        fresh = SlowLoglet(segment.origin)
        return self.loglets.setdefault(segment.loglet, fresh)

    async def create(self, origin: Origin = BEGINNING) -> Chain:
        return await Chain.create(self.metastore, self, "memory", b"0", origin)

    async def handle(self) -> Chain:
        """Another handle to the same chain."""
        return await Chain.open(self.metastore, self)


class SlowLoglet(MemoryLoglet):
    """Appends that answer late, and refusals later still, the first ones latest; a seal that can
    break before or after it works."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin)
        self.refusal_turns = 40
        self.seal_fails: str | None = None
        self.closes = 0

    async def append(self, entry: Entry) -> int:
        try:
            position = await super().append(entry)
        except Sealed:
            self.refusal_turns = max(0, self.refusal_turns - 9)
            await spin(self.refusal_turns)
            raise
        await spin(3)
        return position

    async def seal(self) -> int:
        if self.seal_fails == "before":
            raise Unavailable("crashed before the seal")
        tail = await super().seal()
        if self.seal_fails == "after":
            raise Unavailable("crashed after the seal")
        return tail

    async def close(self) -> None:
        self.closes += 1  # other handles go on using it


class Follower:
    """Another node's handle to a loglet: it learns what is committed only when it waits."""

    def __init__(self, loglet: MemoryLoglet) -> None:
        self._loglet = loglet
        self.committed = loglet.head

    async def wait(self, position: int) -> Tail:
        tail = await self._loglet.wait(position)
        self.committed = tail.position
        return tail

    async def read(self, start: int, stop: int, bytes_max: int) -> list[Entry]:
        return await self._loglet.read(start, min(stop, self.committed), bytes_max)

    def __getattr__(self, name: str) -> object:
        return getattr(self._loglet, name)


class TroubledMetastore(MemoryMetastore):
    """Breaks at the `breaks_at`th compare-and-set, before or after it took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.sets = 0
        self.breaks_at: int | None = None
        self.takes_effect = False
        self.down = False

    async def get(self) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("the metastore is down")
        return await super().get()

    async def compare_and_set(self, version: int, data: bytes) -> int:
        await asyncio.sleep(0)
        self.sets += 1
        if self.sets == self.breaks_at:
            if self.takes_effect:
                await super().compare_and_set(version, data)
            raise Unavailable("crashed at a compare-and-set")
        return await super().compare_and_set(version, data)


async def texts(chain: Chain, begin: int = 0) -> list[str]:
    return list((await read_texts(chain, begin, chain.committed)).values())
