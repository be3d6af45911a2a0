"""Chain, the driver: one virtual loglet over many, exchanged while it is in use.

To extend: ask the next engine whether it could, record the intent in the metastore, seal the last
loglet, read its tail T, compare-and-set the next segment in at T; everybody adopts the winner, and
opens its loglet at T. Whoever meets the seal (an append, a wait) does the same steps from the
intent on, so a switch whose initiator is gone is finished by the next one who comes by.

Invariants: only the last segment takes appends; nothing is committed at this handle as long as
something before it is not, so a handle that comes late reads what was sealed first; an append that
met `Sealed` did not happen, and is issued again, in its order. Every loglet counts as the chain
does, so nothing is translated here.

Source: `plait.line.chain`, where the changes of the value are. Absent: deleting the storage of
segments that fell away, which is their engine's business.
"""

import asyncio
from collections.abc import Awaitable, Callable

from plait.base.errors import (
    Busy,
    Closed,
    HistoryTrimmed,
    NoSuchCollection,
    PlaitError,
    Unavailable,
)
from plait.engines.ending import ask_again, complete, force, make_way
from plait.engines.issuing import Issuing
from plait.engines.metastore import Metastore
from plait.engines.opener import Opener
from plait.engines.register import Register
from plait.engines.trimming import trim
from plait.engines.turnstile import Turnstile
from plait.line.chain import Configuration, End, Forced, Intent, Next, Segment
from plait.line.entry import Entry, Epoch
from plait.line.loglet import BEGINNING, READ_BYTES, Loglet, Origin, Tail


class Chain:
    """A loglet made of loglets; several handles, on several nodes, may share one metastore.

    Use `open` or `create`.
    """

    def __init__(self, metastore: Metastore, opener: Opener, accept_lost: bool = False) -> None:
        self._register = Register(metastore, opener, self._moved, self._tell_retracted, accept_lost)
        self._turnstile = Turnstile()
        self._issuing = Issuing(self._register, self._turnstile, self._start_switch)
        self._switching: asyncio.Task[None] | None = None
        self._retracted: list[Callable[[Epoch, int], None]] = []
        self._tell_moved: list[Callable[[], None]] = []
        self._waits: dict[asyncio.Timeout, None] = {}  # at the last loglet: until there is another

    @classmethod
    async def open(
        cls, metastore: Metastore, opener: Opener, *, accept_lost: bool = False
    ) -> "Chain":
        """The chain that the metastore holds; `NoSuchCollection` if it holds none.

        accept_lost: even if its last loglet cannot be opened. Then there is nothing to do with it
        but to `extend` and `force`.
        """
        chain = cls(metastore, opener, accept_lost)
        await chain._register.refresh()
        if not chain._register.version:
            raise NoSuchCollection("the metastore holds no chain")
        return chain

    @classmethod
    async def create(
        cls,
        metastore: Metastore,
        opener: Opener,
        engine: str,
        params: bytes = b"",
        origin: Origin = BEGINNING,
    ) -> "Chain":
        """A new chain of one segment, or the chain that the metastore holds already."""
        chain = cls(metastore, opener)
        register, first = chain._register, Next(engine, params)
        await register.refresh()
        if not register.version:
            await register.prepare(first)
            await register.propose(0, Configuration.beginning(first, origin))
        return chain

    # ------------------------------------------------------------------------- the loglet port

    @property
    def head(self) -> int:
        """Position from which on everything is kept here."""
        return self._register.head

    @property
    def committed(self) -> int:
        """The tail as far as this handle knows."""
        lagging = self._register.lagging()
        if lagging is not None:
            return lagging.committed
        end = self.configuration.end
        return self._register.last[1].committed if end is None else end

    @property
    def lagging(self) -> Loglet | None:
        """The first loglet that has ended and of which this handle has not heard all; or None."""
        return self._register.lagging()

    @property
    def version(self) -> int:
        """The version of that configuration in the metastore."""
        return self._register.version

    @property
    def behind(self) -> bool:
        """Whether something that was sealed is not wholly known at this handle yet."""
        return self._register.lagging() is not None

    @property
    def last(self) -> Loglet:
        """The loglet that takes appends, as far as this handle knows."""
        return self._register.last[1]

    @property
    def configuration(self) -> Configuration:
        """The segments as far as this handle knows."""
        return self._register.configuration

    @property
    def unanswered(self) -> dict[Segment, Callable[[], Awaitable[object]]]:
        """What loglets that ended were asked last and did not answer: see `Register.ask`."""
        return self._register.unanswered

    async def append(self, entry: Entry) -> int:
        """The position of `entry`. Raises what the last loglet raises; `Sealed` only at the end."""
        return await self._issuing.append(entry)

    def append_nowait(self, entry: Entry) -> "asyncio.Future[int]":
        """Order an entry in this very turn where the loglet can; the future of its position."""
        return self._issuing.append_nowait(entry)

    async def check_tail(self) -> Tail:
        """The linearizable tail, and whether the chain is sealed."""
        while True:
            self._register.check_open()
            if self.configuration.end is not None:
                return Tail(self.configuration.end, True)
            segment, loglet = self._register.last
            try:
                tail = await loglet.check_tail()
            except Closed:
                self._register.check_gone(segment)
                continue
            if not tail.sealed:
                return tail
            # Sealed: it is the tail only if nothing follows it in the metastore, asked now.
            await self._register.refresh()
            if self.configuration.last == segment:
                return Tail(tail.position, self.configuration.end is not None)

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Committed entries from `start`, before `stop`, those of one segment at a time."""
        self._register.check_open()
        if start < self.head:
            raise HistoryTrimmed(f"position {start} is below {self.head}", head=self.head)
        stop = min(stop, self.committed)
        if start >= stop:
            return []
        index = self.configuration.locate(start)
        segment, end = self.configuration.segments[index], self.configuration.stop(index)
        stop = stop if end is None else min(stop, end)
        loglet = self._register.loglet(segment)

        async def found() -> list[Entry]:
            if end is not None and loglet.committed <= start:
                raise Unavailable(f"{start} is not here, below a tail that is known or was forced")
            return await loglet.read(start, stop, bytes_max)

        try:
            return await self._register.ask(segment, found)
        except Closed:
            if self._register.is_reopened(segment, loglet):
                return await self.read(start, stop, bytes_max)
            self._register.check_gone(segment)
            raise HistoryTrimmed(f"position {start} is below {self.head}", head=self.head) from None

    async def wait(self, position: int) -> Tail:
        """Return once `committed` exceeds `position`, or the chain is sealed."""
        while True:
            self._register.check_open()
            lagging = self._register.lagging()
            ended = self.configuration.end is not None and lagging is None
            if self.committed > position or ended:
                return Tail(self.committed, ended)
            segment, loglet = self._register.last
            until = asyncio.timeout(None)
            try:
                if lagging is not None:
                    await lagging.wait(position)
                    continue
                async with until:
                    self._waits[until] = None
                    tail = await loglet.wait(position)
            except TimeoutError:
                if not until.expired():
                    raise
                continue  # another is the last
            except Closed:
                if lagging is None or lagging is self._register.lagging():
                    self._register.check_gone(segment)
                continue
            finally:
                self._waits.pop(until, None)
            if tail.sealed and self.committed <= position:
                await self._switched()

    async def trim(self, before: int) -> None:
        """Forget entries below `before`, and segments that are wholly below it.

        The last entry of the last loglet is only hidden, for it knows the epoch and the record
        index that a next segment has to begin with.
        """
        self._register.check_open()
        await trim(self._register, min(before, self.committed), self.committed)

    async def seal(self) -> int:
        """Refuse every later append; the final tail."""
        self._register.check_open()
        await self._decide(End())
        assert self.configuration.end is not None, "sealed, and not at an end"
        return self.configuration.end

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Call back when a loglet cuts what had been committed."""
        self._retracted.append(callback)

    def on_folded(self, folded: Callable[[], int]) -> None:
        """Ask `folded` how many entries a state on disk has, which need not be read here again."""
        self._register.folded = folded

    def on_moved(self, callback: Callable[[], None]) -> None:
        """Call back when another loglet takes the appends."""
        self._tell_moved.append(callback)

    async def close(self) -> None:
        """Refuse every later call, and close the loglets."""
        if self._register.closed:
            return
        self._register.closed = True
        if self._switching is not None:
            self._switching.cancel()
        self._turnstile.fail(Closed("the chain is closed"))
        await self._register.close()

    # ------------------------------------------------------------------------- switching

    async def extend(
        self, engine: str, params: bytes = b"", after: Segment | None = None
    ) -> Segment:
        """Let appends go to a new loglet from here on; the segment that was adopted.

        That is another's if somebody else extended at the same time, or if the last segment is
        not `after`, which the caller thought it was. Raises `Sealed` at the end
        of a chain; `BadSettings` if the loglet is not a fresh one; `Unavailable` if the last one
        cannot be sealed now: the intent stands then, and whoever comes by tries again.
        """
        self._register.check_open()
        await self._register.refresh()
        following = Next(engine, params)
        if after in (None, self.configuration.last):
            await make_way(self._register, following)
            await self._decide(following, after)
        return self.configuration.last

    async def force(
        self, tail: int, *, by: str, time_ms: int, below: Origin | None = None
    ) -> Forced | None:
        """End the last segment at `tail` because its loglet is dead: entries after it may be lost,
        acknowledged ones too. For a person to order, never for a program to decide.

        An intent must stand (of an `extend` or a `seal` that could not be finished), and nobody
        may be able to append to the loglet any more: what he did would be lost. Once more it is
        tried to seal it; if that works nothing is forced, nothing lost, and the result is None.
        Otherwise the result says what was forced, as the configuration keeps it, and up to where
        entries are known to be lost (`known`). Whoever had read beyond the tail hears `retracted`.

        below: what stands below `tail`, for when that cannot be read here any more. Raises
        `BadSettings` for a tail that cannot be, `Conflict` if somebody else was faster.
        """
        self._register.check_open()
        return await force(self._register, tail, by, time_ms, below)

    async def give_up(self, segment: Segment) -> None:
        """Do with the loglet of a segment that ended what whoever comes now would."""
        self._register.check_open()
        await self._register.give_up(segment)

    async def refresh(self) -> None:
        """Adopt what the metastore holds now.

        A dead loglet wakes nobody: whoever learns that its tail was forced calls this.
        """
        self._register.check_open()
        await self._register.refresh()

    def lacks(self, applied: int) -> bool:
        """Whether an ended loglet that has more than is applied could not be reached."""
        return self._register.lacks(applied)

    async def reopen(self, applied: int) -> bool:
        """Open ended loglets that could not be reached, where they have more than is applied.

        Whether all of them are open now; what is committed may be less for it, for a while.
        """
        self._register.check_open()
        return await self._register.reopen(applied)

    async def learn(self, version: int, data: bytes) -> None:
        """Adopt what somebody says that the metastore held at that version."""
        self._register.check_open()
        await self._register.learn(version, data)

    async def finish(self) -> None:
        """See through what is intended, if anything is: whoever began it may be gone."""
        self._register.check_open()
        await self._register.refresh()
        if self.configuration.intent is not None:
            await ask_again(self._register)
            await self._switched()

    async def _decide(self, intent: Intent, after: Segment | None = None) -> None:
        """See the intent through, or that of whoever was faster."""
        await self._register.refresh()
        before = after or self.configuration.last
        if isinstance(intent, Next) and self.configuration.last == before:
            self._register.check_new(intent)  # two may have prepared the same
        while self.configuration.end is None:
            if isinstance(intent, Next) and self.configuration.last != before:
                return  # extended, by us or by somebody else
            if self.configuration.intent is None:
                await self._register.propose(
                    self._register.version, self.configuration.intending(intent)
                )
            else:
                await self._switched()
        if isinstance(intent, Next):
            raise self._register.sealed()

    def _start_switch(self) -> "asyncio.Task[None]":
        """Stop appends until the metastore is consulted and what it intends is done."""
        if self._switching is None or self._switching.done():
            self._turnstile.stop()
            self._switching = asyncio.ensure_future(self._switch(self.configuration.last))
            # Those who queue are told; nobody else need be listening.
            self._switching.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._switching

    async def _switched(self) -> None:
        """Start a switch, or join the one under way; raise why it failed."""
        switching = self._start_switch()
        await asyncio.wait([switching])  # goes on if this caller is cancelled
        self._register.check_open()
        switching.result()

    async def _switch(self, before: Segment) -> None:
        try:
            await complete(self._register)
            if self._is_stuck(before) and (await self._register.last[1].check_tail()).sealed:
                await complete(self._register)  # the intent is recorded before the seal
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
            self._turnstile.fail(Closed("the chain is closed"))
            raise
        self._turnstile.go()

    def _is_stuck(self, before: Segment) -> bool:
        return self.configuration.last == before and self.configuration.end is None

    def _moved(self) -> None:
        if not self._turnstile.empty:
            self._start_switch()  # appends still in the old loglet come first
        for wait in self._waits:  # what ended may never say so here
            if not wait.expired():
                wait.reschedule(asyncio.get_running_loop().time())
        for callback in self._tell_moved:
            callback()

    # ------------------------------------------------------------------------- helpers

    def _tell_retracted(self, epoch: Epoch, position: int) -> None:
        for callback in self._retracted:
            callback(epoch, position)
