"""A handle on one stream, as a loglet.

::

    append ─► appends ─► sender ─► the stream ─► follower ─► prefix ─► recent
                 └───────────── read back ◄─────────────────────┘

An append returns when this handle has read it back: then it is stored by a majority, at a position
that follows from the server's order. `check_tail` sends a barrier and reads that back. A seal is an
entry, too: the first one ends the log, and what stands behind it is void. Trimming first writes the
new head into a register, then removes messages, so a crash between the two is harmless.

Invariants: head <= committed <= prefix.next; `recent` ends at prefix.next.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from plait.base.codec import decode, encode
from plait.base.errors import (
    BadValue,
    Busy,
    Closed,
    Conflict,
    Corrupt,
    HistoryTrimmed,
    PlaitError,
    Sealed,
    Unavailable,
)
from plait.engines.nats.appends import BARRIER, Appends
from plait.engines.nats.bookmarks import Bookmarks
from plait.engines.nats.connection import ANSWER_S, ApiError, Connection
from plait.engines.nats.follower import Follower, Restart
from plait.engines.nats.older import Older
from plait.engines.nats.prefix import Gap, Mark, Prefix
from plait.engines.nats.registers import Registers
from plait.engines.nats.sender import Sender
from plait.engines.recent import Recent
from plait.engines.waiters import Waiters
from plait.line.entry import Entry, Epoch, Kind
from plait.line.loglet import READ_BYTES, Origin, Tail

RECENT_BYTES_MAX = 8 << 20
AGAIN_S = 0.05


class LogStream(NamedTuple):
    """Which stream a log is, and where its head is written down."""

    name: str
    subject: str
    origin: Origin
    incarnation: str
    head_register: str


class NatsLoglet:
    """One node's handle on a log. `start` is where it begins to read, at `head` or later."""

    def __init__(
        self,
        connection: Connection,
        registers: Registers,
        stream: LogStream,
        head: Mark,
        start: Mark,
        entry_bytes_max: int,
        recent_bytes_max: int = RECENT_BYTES_MAX,
    ) -> None:
        self._connection = connection
        self._registers = registers
        self._stream = stream
        self._entry_bytes_max = entry_bytes_max
        self._recent_bytes_max = recent_bytes_max
        self._head = head
        self._prefix = Prefix(stream.origin, start)
        self._recent = Recent(start.position, recent_bytes_max)
        self._bookmarks = Bookmarks()
        self._bookmarks.trim(head)
        self._bookmarks.add(start)
        self._gap: int | None = None  # the sequence that came instead of the next one
        self._waiters = Waiters()
        self._trimming = asyncio.Lock()
        self._barrier: asyncio.Task[None] | None = None  # the one under way
        self._next_barrier: asyncio.Task[None] | None = None  # for those who came after it left
        self._failure: PlaitError | None = None
        self._closed = False
        self.on_close: Callable[[], None] = lambda: None
        self._appends = Appends(connection.random.getrandbits(64))
        self._sender = Sender(
            connection, stream.name, stream.subject, self._appends, self._acknowledged
        )
        self._older = Older(
            connection, stream.name, self._prefix, self._bookmarks, self._learn_head
        )
        self._follower = Follower(
            connection, stream.name, stream.incarnation, self._begin, self._take, self._fail
        )

    # ------------------------------------------------------------------------- the port

    @property
    def head(self) -> int:
        """Position of the first entry that is kept, as far as this handle knows."""
        return self._head.position

    @property
    def committed(self) -> int:
        """The tail as far as this handle has read."""
        return self._prefix.committed

    async def append(self, entry: Entry) -> int:
        """The position of `entry`, once it was read back."""
        return await self.append_nowait(entry)

    def append_nowait(self, entry: Entry) -> "asyncio.Future[int]":
        """Take an entry; the future has its position, or why it has none."""
        self._check()
        if len(entry.payload) > self._entry_bytes_max:
            raise BadValue(
                f"an entry of {len(entry.payload)} bytes is larger than the "
                f"{self._entry_bytes_max} that the NATS server takes; remedy: raise its max_payload"
            )
        return self._put(entry)

    async def check_tail(self) -> Tail:
        """The linearizable tail: everything before a barrier that was sent after this call."""
        self._check()
        if self._prefix.seal_at is None:
            if self._next_barrier is None:
                self._next_barrier = asyncio.create_task(self._send_barrier(self._barrier))
                self._next_barrier.add_done_callback(_forget)
            await asyncio.shield(self._next_barrier)
        return self._tail()

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Entries from `start`, before `stop`; at least one if there is one."""
        self._check()
        if start < self.head:
            raise HistoryTrimmed(f"position {start} is below {self.head}", head=self.head)
        stop = min(stop, self.committed)
        if start >= stop:
            return []
        if start >= self._recent.start:
            return self._recent.read(start, stop, bytes_max)
        return await self._older.read(start, stop, bytes_max)

    async def wait(self, position: int) -> Tail:
        """Return once `committed` exceeds `position`, or the loglet is sealed."""
        self._check()
        if self.committed <= position and self._prefix.seal_at is None:
            await self._waiters.sleep(position)
        return self._tail()

    async def trim(self, before: int) -> None:
        """Forget entries below `before`, at most all that are committed here."""
        self._check()
        async with self._trimming:
            before = min(before, self.committed)
            if before <= self.head:
                return
            records = self._prefix.records
            if before < self.committed:
                try:
                    records = (await self.read(before, before + 1))[0].record_index
                except HistoryTrimmed:
                    return  # somebody else trimmed further
            await self._write_head(Mark(before, records))
            await self._purge()

    async def seal(self) -> int:
        """Refuse every later append; the final tail."""
        self._check()
        await self._insist(Entry(b"", 0, Kind.SEAL))
        assert self._prefix.seal_at is not None, "a seal was read back, and the log is not sealed"
        return self._prefix.seal_at

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Never called: what is committed here stays so."""

    async def close(self) -> None:
        """Stop; appends under way become `Unavailable`, waiters `Closed`."""
        if self._closed:
            return
        self._closed = True
        self.on_close()
        await self._sender.close()
        await self._follower.close()
        self._appends.close()
        self._waiters.fail(Closed("the loglet is closed"))

    # ------------------------------------------------------------------------- sending

    def _put(self, entry: Entry) -> "asyncio.Future[int]":
        if self._prefix.seal_at is not None:
            raise Sealed(f"the loglet is sealed at {self._prefix.seal_at}")
        until = self._connection.clock.monotonic() + ANSWER_S
        future = self._appends.put(entry, until)
        self._sender.wake()
        return future

    async def _send_barrier(self, previous: "asyncio.Task[None] | None") -> None:
        """Once the barrier under way is through: whoever comes later needs another one."""
        if previous is not None:
            await asyncio.wait([previous])
        self._barrier, self._next_barrier = self._next_barrier, None
        await self._insist(BARRIER)

    async def _insist(self, entry: Entry) -> None:
        """Send an entry that may as well be there twice, until it is read back or the log ends."""
        until = self._connection.clock.monotonic() + ANSWER_S
        while self._prefix.seal_at is None:
            self._check()
            try:
                await self._put(entry)
                return
            except Sealed:
                return
            except (Unavailable, Busy):
                self._check()
                if self._connection.clock.monotonic() > until:
                    raise
            await asyncio.sleep(AGAIN_S)

    def _acknowledged(self, number: int, sequence: int) -> None:
        """A server says where it stored one of ours. If that was read and was another's, or stood
        before this handle began, the stream is not what it was."""
        position = self._prefix.position(sequence)
        if self._appends.stored(number) and self.head <= position < self._prefix.next:
            self._fail(
                Corrupt(
                    f"stream {self._stream.name} stored an append at {sequence}, where this node "
                    "had read another: it lost entries and gave their places away",
                    sequence=sequence,
                )
            )
            self._follower.restart()

    # ------------------------------------------------------------------------- following

    async def _begin(self, info: dict[str, Any]) -> int:
        """Where a consumer is to begin; what is missing there must have been trimmed."""
        prefix, first = self._prefix, info["state"]["first_seq"]
        if self._gap is not None or first > prefix.sequence(prefix.next):
            missing, self._gap = max(self._gap or 0, first), None
            before = prefix.next
            if await self._learn_head() <= before:
                raise prefix.gone(prefix.sequence(before), missing)
        return prefix.sequence(prefix.next)

    def _take(self, sequence: int, data: bytes) -> None:
        prefix = self._prefix
        try:
            message = prefix.take(sequence, data)
        except Gap:
            self._gap = sequence
            raise Restart from None
        if message is None:
            return
        position = prefix.next - 1
        self._recent.add(message.entry, len(data))
        self._bookmarks.passed(Mark(prefix.next, prefix.records))
        self._appends.read_back(message, position)
        if prefix.seal_at is not None:
            self._appends.sealed(prefix.seal_at)
            self._waiters.wake_all()
        else:
            self._waiters.passed(prefix.committed)
            self._sender.wake()

    def _fail(self, error: PlaitError) -> None:
        """The stream is not what it should be: nothing more can be said of it."""
        if self._failure is None and not self._closed:
            self._failure = error
            self._appends.fail(error)
            self._waiters.fail(error)

    # ------------------------------------------------------------------------- the head

    async def _write_head(self, head: Mark) -> None:
        """Move the head in the register, unless somebody moved it further."""
        register = self._stream.head_register
        while True:
            version, data = await self._registers.peek(register)
            if data and Mark(*decode(data, type=tuple[int, int])).position >= head.position:
                head = Mark(*decode(data, type=tuple[int, int]))
                break
            with suppress(Conflict):
                await self._registers.compare_and_set(register, version, encode(tuple(head)))
                break
        self._adopt(head)

    async def _learn_head(self) -> int:
        """Ask for the head and adopt it."""
        _, data = await self._registers.get(self._stream.head_register)
        if data:
            self._adopt(Mark(*decode(data, type=tuple[int, int])))
        return self.head

    def _adopt(self, head: Mark) -> None:
        if head.position <= self.head:
            return
        self._head = head
        self._bookmarks.trim(head)
        if head.position <= self._prefix.next:
            if head.position > self._recent.start:
                self._recent.trim(head.position)
            return
        self._prefix.skip(head)
        self._recent = Recent(head.position, self._recent_bytes_max)
        self._waiters.passed(self._prefix.committed)

    async def _purge(self) -> None:
        """Remove what lies below the head; the next trim does it if this fails."""
        keep = self._prefix.sequence(self.head)
        with suppress(ApiError, Unavailable):
            await self._connection.api(f"STREAM.PURGE.{self._stream.name}", {"seq": keep})

    # ------------------------------------------------------------------------- helpers

    def _tail(self) -> Tail:
        return Tail(self.committed, self._prefix.seal_at is not None)

    def _check(self) -> None:
        if self._closed:
            raise Closed("the loglet is closed")
        if self._failure is not None:
            raise self._failure


def _forget(task: "asyncio.Task[None]") -> None:
    """Whoever waited for it was told; nobody else need be."""
    if not task.cancelled():
        task.exception()
