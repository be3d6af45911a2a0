"""Chain, the driver: one virtual loglet over many, exchanged while it is in use.

To extend: create the next loglet and check its health, record the intent in the register, seal
the last loglet, read its tail T, compare-and-set the next segment in at T; everybody adopts the
winner. Whoever meets the seal (an append, a wait) does the same steps from the intent on, so a
switch whose initiator is gone is finished by the next one who comes by.

Invariants: only the last segment takes appends, and what is in the register beyond it is sealed;
every segment before the last is wholly committed at this handle, so `committed` is the last
one's; an append that met `Sealed` did not happen and is issued again, in order (`Turnstile`).

Source: `plait.line.chain`, where the changes of the value are. Absent: forcing a dead loglet's
tail; deleting the storage of segments that fell away (their engine's business).
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from plait.base.errors import (
    BadSettings,
    Busy,
    Closed,
    Conflict,
    HistoryTrimmed,
    NoSuchCollection,
    PlaitError,
    Sealed,
)
from plait.engines.metastore import Metastore
from plait.engines.turnstile import Turnstile
from plait.line.chain import (
    Configuration,
    End,
    Intent,
    Next,
    Segment,
    decode_configuration,
    encode_configuration,
)
from plait.line.entry import Entry, Epoch, Kind
from plait.line.loglet import READ_BYTES, Loglet, Tail


OpenEngine: TypeAlias = Callable[[Next], Awaitable[Loglet]]


class Chain:
    """A loglet made of loglets; several handles, on several nodes, may share one register.

    `open_engine` gives the loglet that a `Next` names, creating it if need be.
    """

    def __init__(self, metastore: Metastore, open_engine: OpenEngine) -> None:
        self._metastore = metastore
        self._open_engine = open_engine
        self._version = 0
        self._configuration: Configuration  # as of `_version`; set by `open` and `create`
        self._loglets: dict[Next, Loglet] = {}  # of the configuration, and the one in preparation
        self._refreshing = asyncio.Lock()
        self._turnstile = Turnstile()
        self._switching: asyncio.Task[None] | None = None
        self._retracted: list[Callable[[Epoch, int], None]] = []
        self._closed = False

    @classmethod
    async def open(cls, metastore: Metastore, open_engine: OpenEngine) -> "Chain":
        """The chain that the register holds; `NoSuchCollection` if it holds none."""
        chain = cls(metastore, open_engine)
        await chain._refresh()
        if not chain._version:
            raise NoSuchCollection("the register holds no chain")
        return chain

    @classmethod
    async def create(
        cls, metastore: Metastore, open_engine: OpenEngine, engine: str, params: bytes = b""
    ) -> "Chain":
        """A new chain of one segment; the one that the register holds if there is one already."""
        chain = cls(metastore, open_engine)
        version, _ = await metastore.get()
        if not version:
            first = Next(engine, params)
            await chain._prepare(first)
            chain._configuration = Configuration((Segment(0, engine, params),))
            await chain._propose(0, chain._configuration)
            await chain._refresh()
            await chain._drop_unless_used(first)
        await chain._refresh()
        return chain

    # ------------------------------------------------------------------------- the loglet port

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        configuration = self._configuration
        head = configuration.head
        for index, segment in enumerate(configuration.segments):
            head = max(head, segment.base + self._loglets[segment.loglet].head)
            if head != configuration.stop(index):
                break  # the loglets behind keep all of theirs
        return head

    @property
    def committed(self) -> int:
        """The tail as far as this handle knows."""
        segment, loglet = self._last()
        return segment.base + loglet.committed

    @property
    def configuration(self) -> Configuration:
        """The segments as far as this handle knows."""
        return self._configuration

    async def append(self, entry: Entry) -> int:
        """The position of `entry`. Raises what the last loglet raises; `Sealed` only at the end."""
        self._check_open()
        ticket = self._turnstile.ticket()
        while True:
            await self._turnstile.enter(ticket)
            try:
                self._check_open()
                if self._configuration.end is not None:
                    raise Sealed(f"the chain is sealed at {self._configuration.end}")
                segment, loglet = self._last()
                return segment.base + await loglet.append(entry)
            except (Sealed, Closed):
                if self._closed or self._configuration.end is not None:
                    raise
                self._start_switch()
            finally:
                self._turnstile.leave()

    async def check_tail(self) -> Tail:
        """The linearizable tail, and whether the chain is sealed."""
        while True:
            self._check_open()
            segment, loglet = self._last()
            try:
                tail = await loglet.check_tail()
            except Closed:
                self._check_gone(segment)
                continue
            if not tail.sealed:
                return Tail(segment.base + tail.position, False)
            # Sealed: it is the tail only if nothing follows it in the register, asked now.
            await self._refresh()
            if self._configuration.last == segment:
                ended = self._configuration.end is not None
                return Tail(segment.base + tail.position, ended)

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Committed entries from `start`, before `stop`, those of one segment at a time."""
        self._check_open()
        self._check_kept(start)
        stop = min(stop, self.committed)
        if start >= stop:
            return []
        index = self._configuration.locate(start)
        segment = self._configuration.segments[index]
        end = self._configuration.stop(index)
        stop = stop if end is None else min(stop, end)
        loglet = self._loglets[segment.loglet]
        try:
            found = await loglet.read(start - segment.base, stop - segment.base, bytes_max)
        except HistoryTrimmed as error:  # by another handle
            head = segment.base + int(error.details.get("head", 0))
            raise HistoryTrimmed(f"position {start} is below {head}", head=head) from None
        except Closed:
            self._check_gone(segment)
            raise HistoryTrimmed(f"position {start} is below {self.head}", head=self.head) from None
        return [segment.placed(entry) for entry in found]

    async def wait(self, position: int) -> Tail:
        """Return once `committed` exceeds `position`, or the chain is sealed."""
        while True:
            self._check_open()
            ended = self._configuration.end is not None
            if self.committed > position or ended:
                return Tail(self.committed, ended)
            segment, loglet = self._last()
            try:
                tail = await loglet.wait(position - segment.base)
            except Closed:
                self._check_gone(segment)
                continue
            if tail.sealed and self.committed <= position:
                await asyncio.shield(self._start_switch())

    async def trim(self, before: int) -> None:
        """Forget entries below `before`, and segments that are wholly below it.

        The last entry of the last loglet is only hidden, for it knows the epoch and the record
        index that a next segment has to begin with.
        """
        self._check_open()
        before = min(before, self.committed)
        configuration = self._configuration
        for index, segment in enumerate(configuration.segments):
            stop = configuration.stop(index)
            limit = self.committed - 1 if stop is None else stop
            local = min(before, limit) - segment.base
            loglet = self._loglets.get(segment.loglet)
            if local > 0 and loglet is not None:
                try:
                    await loglet.trim(local)
                except Closed:
                    self._check_gone(segment)
        while self._needs_trim(before):
            await self._propose(self._version, self._configuration.trimmed(before))
            await self._refresh()

    async def seal(self) -> int:
        """Refuse every later append; the final tail."""
        self._check_open()
        await self._decide(End())
        assert self._configuration.end is not None, "sealed, and not at an end"
        return self._configuration.end

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Call back when the last loglet cuts what had been committed."""
        self._retracted.append(callback)

    async def close(self) -> None:
        """Refuse every later call, and close the loglets."""
        if self._closed:
            return
        self._closed = True
        if self._switching is not None:
            self._switching.cancel()
        self._turnstile.fail(Closed("the chain is closed"))
        for loglet in self._loglets.values():
            await loglet.close()

    # ------------------------------------------------------------------------- extending

    async def extend(self, engine: str, params: bytes = b"") -> Segment:
        """Let appends go to a new loglet from here on; the segment that was adopted.

        That is another's if somebody else extended at the same time. Raises `Sealed` at the end
        of a chain; `BadSettings` if the loglet is not a fresh one.
        """
        self._check_open()
        await self._refresh()
        following = Next(engine, params)
        await self._prepare(following)
        try:
            await self._decide(following)
        finally:
            await self._drop_unless_used(following)
        return self._configuration.last

    async def _prepare(self, following: Next) -> None:
        """Create the next loglet, and see that it answers and is fresh."""
        if following in self._loglets:
            raise BadSettings(f"loglet {following} is in the chain already")
        loglet = await self._open_loglet(following)
        tail = await loglet.check_tail()
        entries = await loglet.read(loglet.head, tail.position)
        used = any(entry.records or entry.kind is Kind.DATA for entry in entries)
        if tail.sealed or loglet.head or used:
            del self._loglets[following]
            await loglet.close()
            raise BadSettings(f"loglet {following} has been used before")

    async def _decide(self, intent: Intent) -> None:
        """See the intent through, or that of whoever was faster."""
        await self._refresh()
        before = self._configuration.last
        while self._configuration.end is None:
            if isinstance(intent, Next) and self._configuration.last != before:
                return  # extended, by us or by somebody else
            if self._configuration.intent is None:
                await self._propose(self._version, self._configuration.intending(intent))
                await self._refresh()
            else:
                await asyncio.shield(self._start_switch())
        if isinstance(intent, Next):
            raise Sealed(f"the chain is sealed at {self._configuration.end}")

    def _start_switch(self) -> "asyncio.Task[None]":
        """Stop appends until the register is consulted and what it intends is done."""
        if self._switching is None or self._switching.done():
            self._turnstile.stop()
            self._switching = asyncio.ensure_future(self._switch(self._configuration.last))
            # Those who queue are told; nobody else need be listening.
            self._switching.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._switching

    async def _switch(self, before: Segment) -> None:
        try:
            await self._complete()
            if self._is_stuck(before) and (await self._last()[1].check_tail()).sealed:
                await self._complete()  # the intent stood in the register before the seal
                if self._is_stuck(before):
                    raise Busy("the last loglet is sealed, and nobody has said what follows")
            await self._turnstile.idle()
        except PlaitError as error:
            # What queues did certainly not happen, whatever became of the switch.
            refusal = Busy(f"the chain cannot go on now: {error.message}")
            refusal.__cause__ = error
            self._turnstile.fail(refusal)
            raise
        except asyncio.CancelledError:
            closed = Closed("the chain is closed")
            self._turnstile.fail(closed)
            if self._closed:
                raise closed from None  # who waits for the switch was not cancelled
            raise
        self._turnstile.go()

    def _is_stuck(self, before: Segment) -> bool:
        return self._configuration.last == before and self._configuration.end is None

    async def _complete(self) -> None:
        """Do what the register intends: seal, read the tail, put the next segment in."""
        while True:
            await self._refresh()
            version, configuration = self._version, self._configuration
            if configuration.intent is None:
                return
            segment, loglet = self._last()
            epoch, records = segment.base_epoch, segment.base_records
            try:
                tail = await loglet.seal()
                if tail:
                    (entry,) = await loglet.read(tail - 1, tail)
                    last = segment.placed(entry)
                    epoch, records = last.epoch.number, last.records_end
            except (Closed, HistoryTrimmed):  # somebody else was faster, and trimmed, too
                await self._refresh()
                self._check_gone(segment)
                continue
            await self._propose(
                version, configuration.completed(segment.base + tail, epoch, records)
            )

    # ------------------------------------------------------------------------- the register

    async def _propose(self, version: int, configuration: Configuration) -> None:
        """Compare-and-set; whoever wins, `_refresh` tells."""
        try:
            await self._metastore.compare_and_set(version, encode_configuration(configuration))
        except Conflict:
            return

    async def _refresh(self) -> None:
        """Adopt what the register holds."""
        async with self._refreshing:
            version, data = await self._metastore.get()
            if version > self._version:
                await self._adopt(version, decode_configuration(data))

    async def _adopt(self, version: int, configuration: Configuration) -> None:
        configuration.check()
        if self._version:
            self._configuration.check_delta(configuration)
        for index, segment in enumerate(configuration.segments):
            loglet = self._loglets.get(segment.loglet) or await self._open_loglet(segment.loglet)
            stop = configuration.stop(index)
            if stop is not None and segment.base + loglet.committed < stop:
                await loglet.seal()  # it is; so this handle hears of all that is below the tail
        self._check_open()
        before = self._configuration if self._version else configuration
        self._version, self._configuration = version, configuration
        if before.last != configuration.last and not self._turnstile.empty:
            self._start_switch()  # appends still in the old loglet come first
        for segment in before.segments:
            if segment not in configuration.segments:
                await self._loglets.pop(segment.loglet).close()

    async def _open_loglet(self, following: Next) -> Loglet:
        loglet = await self._open_engine(following)
        self._loglets[following] = loglet
        loglet.on_retracted(partial(self._tell_retracted, following))
        return loglet

    async def _drop_unless_used(self, prepared: Next) -> None:
        """Close a loglet that was prepared, and that the register neither has nor intends."""
        async with self._refreshing:
            used = {segment.loglet for segment in self._configuration.segments}
            if prepared not in used and prepared != self._configuration.intent:
                await self._loglets.pop(prepared).close()

    # ------------------------------------------------------------------------- helpers

    def _last(self) -> tuple[Segment, Loglet]:
        segment = self._configuration.last
        return segment, self._loglets[segment.loglet]

    def _needs_trim(self, before: int) -> bool:
        """Whether the loglets alone do not express a head at `before`."""
        segments = self._configuration.segments
        return self.head < before or (len(segments) > 1 and segments[1].base <= before)

    def _tell_retracted(self, following: Next, epoch: Epoch, position: int) -> None:
        for segment in self._configuration.segments:
            if segment.loglet == following:
                for callback in self._retracted:
                    callback(segment.placed_epoch(epoch), segment.base + position)

    def _check_kept(self, position: int) -> None:
        if position < self.head:
            raise HistoryTrimmed(f"position {position} is below {self.head}", head=self.head)

    def _check_gone(self, segment: Segment) -> None:
        """A loglet is closed: fine if its segment fell away meanwhile."""
        self._check_open()
        if segment in self._configuration.segments:
            raise Closed(f"the loglet {segment.loglet} of the chain is closed")

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the chain is closed")
