"""Register: a chain's configuration as the metastore last had it, with its loglets open.

Invariants: the version known only grows; every segment of `configuration` has its loglet open.
A handle may not have heard yet of all that is committed in those before the last (`lagging`).
Opening takes time, so a configuration is adopted all at once when everything in it is open.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from plait.base.errors import BadSettings, Closed, Conflict, PlaitError, Sealed, Unavailable
from plait.engines.lost import LostLoglet
from plait.engines.metastore import Metastore
from plait.engines.opener import Opener
from plait.engines.past import PastLoglet
from plait.line.chain import (
    Configuration,
    Forced,
    Next,
    Segment,
    decode_configuration,
    encode_configuration,
)
from plait.line.entry import Epoch
from plait.line.loglet import Loglet

T = TypeVar("T")


class Register:
    """One handle's view of the metastore.

    `moved` is called when another segment has become the last, `retracted` with the epoch and
    position that a loglet retracts. With `accept_lost` a last loglet that cannot be opened is no
    reason not to adopt a configuration.
    """

    def __init__(
        self,
        metastore: Metastore,
        opener: Opener,
        moved: Callable[[], None],
        retracted: Callable[[Epoch, int], None],
        accept_lost: bool = False,
    ) -> None:
        self._metastore = metastore
        self._opener = opener
        self._moved = moved
        self._retracted = retracted
        self._accept_lost = accept_lost
        self._loglets: dict[Next, Loglet] = {}  # of the configuration
        self._adopting = asyncio.Lock()
        self._complete = 0  # so many segments are wholly known here
        # What ended loglets did not answer last, to be asked again.
        self.unanswered: dict[Segment, Callable[[], Awaitable[object]]] = {}
        # So much is in a state on disk, which may have come as a copy: it need not be read here.
        self.folded: Callable[[], int] = lambda: 0
        self.version = 0  # 0: nothing there
        self.configuration: Configuration  # as of `version`
        self.closed = False

    @property
    def last(self) -> tuple[Segment, Loglet]:
        """The segment that takes appends."""
        segment = self.configuration.last
        return segment, self._loglets[segment.loglet]

    @property
    def head(self) -> int:
        """Position from which on everything is kept here that the state does not have.

        So who has a copy reads on behind what nobody serves, whatever is kept from before it.
        """
        configuration, folded = self.configuration, self.folded()
        head = configuration.head
        for index, segment in enumerate(configuration.segments):
            stop, loglet = configuration.stop(index), self._loglets[segment.loglet]
            over = stop is not None and self.is_passed_over(segment, stop)
            here = stop if over and stop is not None else loglet.head
            if head >= segment.base or segment.base < here <= folded:
                head = max(head, here)
        return head

    def loglet(self, segment: Segment) -> Loglet:
        """The loglet of a segment of the configuration."""
        return self._loglets[segment.loglet]

    def lagging(self) -> Loglet | None:
        """The first loglet that has ended and is not wholly known here yet; None if all are."""
        configuration = self.configuration
        while self._complete < len(configuration.segments):
            stop = configuration.stop(self._complete)
            if stop is None:
                return None
            segment = configuration.segments[self._complete]
            loglet = self._loglets[segment.loglet]
            unknown = loglet.committed < stop and not self.is_passed_over(segment, stop)
            if unknown and not configuration.forcing(segment):
                return loglet
            self._complete += 1
        return None

    def is_passed_over(self, segment: Segment, stop: int) -> bool:
        """Whether a state has what stood in the segment, and this handle never read all of it."""
        return self._loglets[segment.loglet].committed < stop <= self.folded()

    async def refresh(self) -> None:
        """Adopt what the metastore holds."""
        await self.learn(*await self._metastore.get())

    async def learn(self, version: int, data: bytes) -> None:
        """Adopt what the metastore held at that version, unless something newer is known here."""
        async with self._adopting:
            if version > self.version:
                await self._adopt(version, decode_configuration(data))

    async def propose(self, version: int, configuration: Configuration) -> None:
        """Compare-and-set against `version`, then adopt that, or what was set instead of it."""
        data = encode_configuration(configuration)
        try:
            version = await self._metastore.compare_and_set(version, data)
        except Conflict:
            await self.refresh()
        else:
            await self.learn(version, data)

    def lacks(self, applied: int) -> bool:
        """Whether something with entries that are not applied could not be reached."""
        return bool(self._unread(applied))

    async def reopen(self, applied: int) -> bool:
        """Try that again; whether nothing is lacking now."""
        async with self._adopting:
            for segment, stop in self._unread(applied):
                await self._open(self.configuration, segment, stop)
                self._complete = 0
        return not self.lacks(applied)

    def _unread(self, applied: int) -> list[tuple[Segment, int]]:
        found = []
        for index, segment in enumerate(self.configuration.segments):
            stop, loglet = self.configuration.stop(index), self._loglets[segment.loglet]
            past = isinstance(loglet, PastLoglet) and loglet.unread is not None
            if past and stop is not None and stop > applied:
                found.append((segment, stop))
        return found

    async def prepare(self, following: Next) -> None:
        """See that the next loglet can be created, and would be a new one."""
        self.check_new(following)
        await self._opener.prepare(following)

    def check_new(self, following: Next) -> None:
        """Raise `BadSettings` if the loglet is in the chain, as far as is known here."""
        segments = self.configuration.segments if self.version else ()
        if any(segment.loglet == following for segment in segments):
            raise BadSettings(f"{following} is in the chain already")

    def check_gone(self, segment: Segment) -> None:
        """A loglet turned out to be closed: fine only if its segment fell away meanwhile, or its
        tail was forced."""
        self.check_open()
        configuration = self.configuration
        if segment in configuration.segments and not configuration.forcing(segment):
            raise Closed(f"the loglet of {segment} is closed")

    async def ask(self, segment: Segment, act: Callable[[], Awaitable[T]]) -> T:
        """What the loglet of the segment says to `act`; it is noted where one that ended does not
        answer, for nothing else here would notice."""
        try:
            return await act()
        except Unavailable:
            if segment in self.configuration.segments[:-1]:
                self.unanswered[segment] = act
            raise

    def is_reopened(self, segment: Segment, loglet: Loglet) -> bool:
        """Whether another loglet stands for the segment by now."""
        return self._loglets.get(segment.loglet, loglet) is not loglet

    def check_open(self) -> None:
        """Raise `Closed` if the handle is."""
        if self.closed:
            raise Closed("the chain is closed")

    def sealed(self) -> Sealed:
        """What an append after the end of the chain is refused with."""
        return Sealed(f"the chain is sealed at {self.configuration.end}")

    async def close(self) -> None:
        """Close every loglet."""
        self.closed = True
        for loglet in list(self._loglets.values()):
            await loglet.close()

    # ------------------------------------------------------------------------- adopting

    async def give_up(self, segment: Segment) -> None:
        """Close the loglet of a segment that ended, and open it as whoever comes now does."""
        async with self._adopting:
            ended = self.configuration.segments[:-1]
            if segment in ended:
                former = self._loglets[segment.loglet]
                stop = self.configuration.stop(ended.index(segment))
                await self._open(self.configuration, segment, stop)
                await former.close()

    async def _adopt(self, version: int, configuration: Configuration) -> None:
        configuration.check()
        if self.version:
            self.configuration.check_delta(configuration)
        for index, segment in enumerate(configuration.segments):
            if segment.loglet not in self._loglets:
                await self._open(configuration, segment, configuration.stop(index))
        self._complete = 0
        before = self.configuration if self.version else configuration
        self.version, self.configuration = version, configuration
        if before.last != configuration.last:
            self._moved()
        for forced in configuration.forcings[len(before.forcings) :]:
            await self._let_go(forced)
        for segment in before.segments:
            if segment not in configuration.segments:
                self.unanswered.pop(segment, None)
                await self._loglets.pop(segment.loglet).close()

    async def _open(
        self, configuration: Configuration, segment: Segment, stop: int | None
    ) -> Loglet:
        may_be_lost = configuration.forcing(segment) is not None
        may_be_lost |= self._accept_lost and segment == configuration.last
        try:
            loglet = await self._opener.open(segment, stop)
        except PlaitError as error:
            if not may_be_lost:
                raise
            loglet = LostLoglet(segment.base, error)
        if self.closed:
            await loglet.close()
        self.check_open()
        self._loglets[segment.loglet] = loglet
        loglet.on_retracted(partial(self._tell_retracted, segment))
        return loglet

    async def _let_go(self, forced: Forced) -> None:
        """A tail was forced: end what waits for the dead loglet, and retract what is beyond.

        It is opened again, for what can still be read of it below the tail.
        """
        loglet = self._loglets.get(forced.loglet)
        if loglet is None:
            return
        lost = LostLoglet(loglet.head, Unavailable("its tail was forced"))
        self._loglets[forced.loglet] = lost
        if loglet.committed > forced.tail:
            self._retracted(Epoch(forced.epoch, ""), forced.tail)
        await loglet.close()
        for segment in self.configuration.segments:
            if segment.loglet == forced.loglet:
                await self._open(self.configuration, segment, forced.tail)

    # ------------------------------------------------------------------------- telling

    def _tell_retracted(self, segment: Segment, epoch: Epoch, position: int) -> None:
        segments = self.configuration.segments if self.version else ()
        if segment not in segments:
            return
        stop = self.configuration.stop(segments.index(segment))
        if stop is None or position < stop:
            self._retracted(epoch, position)
