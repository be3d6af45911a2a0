"""A chain whose first engine can fall silent, once it was left."""

import asyncio

from plait.base.codec import encode
from plait.base.errors import Unavailable
from plait.engines.chain import Chain
from plait.engines.conformance.engine import append_all
from plait.engines.memory import MemoryLoglet
from plait.engines.metastore import MemoryMetastore
from plait.engines.past import PastLoglet
from plait.line.chain import Next, Segment
from plait.line.entry import Entry
from plait.line.loglet import READ_BYTES, Loglet
from plait.node.segments import SHARED, SharedParams


class Silenced(MemoryLoglet):
    """A loglet that says nothing any more, once it is told so: at once, or not before it closes."""

    silent = False
    hangs = False

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        await self._asked()
        return await super().read(start, stop, bytes_max)

    async def trim(self, before: int) -> None:
        await self._asked()
        await super().trim(before)

    async def _asked(self) -> None:
        while self.hangs and not self._closed:
            await asyncio.sleep(0)
        if self.silent:
            raise Unavailable("it does not answer")


class World:
    """Loglets by name; whoever opens one that ended after `folds` is set needs nothing of it."""

    def __init__(self) -> None:
        self.metastore = MemoryMetastore()
        self.loglets: dict[Next, Silenced] = {}
        self.folds = False

    async def prepare(self, following: Next) -> None:
        """Everything can be created."""

    async def open(self, segment: Segment, stop: int | None) -> Loglet:
        if stop is not None and self.folds:
            return PastLoglet(stop)
        return self.loglets.setdefault(segment.loglet, Silenced(segment.origin))

    async def moved(self) -> tuple[Chain, Segment, Silenced]:
        """A chain that went over, what it left, and the loglet there."""
        chain = await Chain.create(
            self.metastore, self, SHARED, encode(SharedParams(0, "nats://a"))
        )
        await append_all(chain, ["x", "y"])
        left = chain.configuration.last
        await chain.extend(SHARED, encode(SharedParams(1, "nats://b")))
        await append_all(chain, ["z"])
        return chain, left, self.loglets[left.loglet]
