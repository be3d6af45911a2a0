"""Register: a chain's configuration as the metastore last had it, with its loglets open.

Invariants: the version known only grows; every segment of `configuration` has its loglet open,
and every one before the last is wholly committed at this handle. Opening takes time, so a
configuration is adopted all at once when everything in it is open.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from plait.base.errors import BadSettings, Closed, Conflict
from plait.engines.metastore import Metastore
from plait.line.chain import (
    Configuration,
    Next,
    Segment,
    decode_configuration,
    encode_configuration,
)
from plait.line.entry import Epoch, Kind
from plait.line.loglet import Loglet

OpenEngine: TypeAlias = Callable[[Next], Awaitable[Loglet]]


class Register:
    """One handle's view of the metastore.

    `moved` is called when another segment has become the last, `retracted` with the segment,
    epoch and position that a loglet retracts.
    """

    def __init__(
        self,
        metastore: Metastore,
        open_engine: OpenEngine,
        moved: Callable[[], None],
        retracted: Callable[[Segment, Epoch, int], None],
    ) -> None:
        self._metastore = metastore
        self._open_engine = open_engine
        self._moved = moved
        self._retracted = retracted
        self._loglets: dict[Next, Loglet] = {}  # of the configuration, and those in preparation
        self._refreshing = asyncio.Lock()
        self.version = 0  # 0: nothing there
        self.configuration: Configuration  # as of `version`
        self.closed = False

    @property
    def last(self) -> tuple[Segment, Loglet]:
        """The segment that takes appends."""
        segment = self.configuration.last
        return segment, self._loglets[segment.loglet]

    def loglet(self, segment: Segment) -> Loglet:
        """The loglet of a segment of the configuration."""
        return self._loglets[segment.loglet]

    async def refresh(self) -> None:
        """Adopt what the metastore holds."""
        async with self._refreshing:
            version, data = await self._metastore.get()
            if version > self.version:
                await self._adopt(version, decode_configuration(data))

    async def propose(self, version: int, configuration: Configuration) -> None:
        """Compare-and-set against `version`, then adopt what the metastore holds: it may be
        another's."""
        data = encode_configuration(configuration)
        with suppress(Conflict):
            await self._metastore.compare_and_set(version, data)
        await self.refresh()

    async def prepare(self, following: Next) -> None:
        """Create the next loglet, and see that it answers and is fresh."""
        if following in self._loglets:
            raise BadSettings(f"{following} is in the chain already")
        loglet = await self._open(following)
        tail = await loglet.check_tail()
        entries = await loglet.read(loglet.head, tail.position)
        used = any(entry.records or entry.kind is Kind.DATA for entry in entries)
        if tail.sealed or loglet.head or used:
            await self._loglets.pop(following).close()
            raise BadSettings(f"{following} has been used before")

    async def discard(self, prepared: Next) -> None:
        """Close what was prepared, unless the metastore has or intends it."""
        async with self._refreshing:
            wanted: list[object] = []
            if self.version:
                wanted += [segment.loglet for segment in self.configuration.segments]
                wanted.append(self.configuration.intent)
            if prepared in self._loglets and prepared not in wanted:
                await self._loglets.pop(prepared).close()

    def check_gone(self, segment: Segment) -> None:
        """A loglet turned out to be closed: fine only if its segment fell away meanwhile."""
        self.check_open()
        if segment in self.configuration.segments:
            raise Closed(f"the loglet of {segment} is closed")

    def check_open(self) -> None:
        """Raise `Closed` if the handle is."""
        if self.closed:
            raise Closed("the chain is closed")

    async def close(self) -> None:
        """Close every loglet."""
        self.closed = True
        for loglet in list(self._loglets.values()):
            await loglet.close()

    async def _adopt(self, version: int, configuration: Configuration) -> None:
        configuration.check()
        if self.version:
            self.configuration.check_delta(configuration)
        for index, segment in enumerate(configuration.segments):
            loglet = self._loglets.get(segment.loglet) or await self._open(segment.loglet)
            stop = configuration.stop(index)
            if stop is not None and segment.base + loglet.committed < stop:
                await loglet.seal()  # it is; so this handle hears of all that is below the tail
        before = self.configuration if self.version else configuration
        self.version, self.configuration = version, configuration
        if before.last != configuration.last:
            self._moved()
        for segment in before.segments:
            if segment not in configuration.segments:
                await self._loglets.pop(segment.loglet).close()

    async def _open(self, following: Next) -> Loglet:
        loglet = await self._open_engine(following)
        if self.closed:
            await loglet.close()
        self.check_open()
        self._loglets[following] = loglet
        loglet.on_retracted(partial(self._tell_retracted, following))
        return loglet

    def _tell_retracted(self, following: Next, epoch: Epoch, position: int) -> None:
        for segment in self.configuration.segments if self.version else ():
            if segment.loglet == following:
                self._retracted(segment, epoch, position)
