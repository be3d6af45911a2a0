"""Primary: the leader–follower loglet, one member's handle.

Appends succeed on the leader only and return when the line's rule is met. Reads are of the
committed prefix that is also durable here. `check_tail` on the leader asks its followers whether
it still leads, so that a deposed leader cannot give an old tail.

A seal is an entry: the first one committed is the end; what stands behind it (only opened epochs)
is void. After an `acks="leader"` leader was lost, or loss was accepted at a promotion, a
committed suffix can be cut: `on_retracted` tells.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from plait.base.errors import (
    Closed,
    HistoryTrimmed,
    NotLeader,
    PlaitError,
    ReadOnly,
    Sealed,
    Unavailable,
)
from plait.base.ports import Clock, LogStorage
from plait.engines.primary.driver import Driver
from plait.engines.primary.opening import find_seal
from plait.engines.primary.status import status_of
from plait.engines.waiters import Waiters
from plait.line.entry import Entry, Epoch, Kind, decode_entry
from plait.line.loglet import READ_BYTES, Tail
from plait.line.primary.core import PrimaryCore
from plait.line.primary.leader import Leader
from plait.line.primary.messages import Message
from plait.line.primary.vocabulary import (
    Applied,
    Confirm,
    HandOver,
    PeerUp,
    PromoteMe,
    Promotion,
    Propose,
    Received,
    TrimTo,
)
from plait.line.quorum import acknowledged

CONFIRM_POLL_S = 0.001
CONFIRM_S = 2.0


class PrimaryLoglet:
    """One member of a leader–follower line."""

    def __init__(
        self,
        core: PrimaryCore,
        storage: LogStorage,
        send: Callable[[str, Message], None],
        clock: Clock,
    ) -> None:
        self.core = core
        self.driver = Driver(core, storage, send, clock)
        self.driver.on_committed = self._committed
        self.driver.on_retracted = self._retracted
        self.driver.on_trimmed = self._trimmed
        self.driver.on_deposed = self._deposed
        self.driver.on_promotion = self._promotion
        self._storage = storage
        self._clock = clock
        self._waiters = Waiters()
        self._proposals: deque[tuple[int, asyncio.Future[int]]] = deque()
        self._promotions: list[asyncio.Future[Promotion]] = []
        self._stricter: list[tuple[int, int, asyncio.Future[None]]] = []  # position, k
        self._trims: list[tuple[int, asyncio.Future[None]]] = []
        self._retracted_to: list[Callable[[Epoch, int], None]] = []
        self._seal_at = find_seal(storage, core)  # the first seal in our log
        self._closed = False
        self.applied: Callable[[], tuple[int, int]] = lambda: (0, 0)  # positions, records

    # ------------------------------------------------------------------ the port

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        return self.core.member.log.head

    @property
    def committed(self) -> int:
        """Everything below is committed and on our disk."""
        told = self.core.member.committed_told
        return told if self._seal_at is None else min(told, self._seal_at)

    @property
    def sealed(self) -> bool:
        """Whether a seal is committed."""
        return self._seal_at is not None and self.core.member.committed_told > self._seal_at

    async def append(self, entry: Entry) -> int:
        """Order an entry; its position once the line's rule is met.

        Raises `NotLeader`, `Busy`, `Sealed`, `ReadOnly`: it did not happen; `Unavailable`: we
        were deposed while it was on its way.
        """
        return await self.append_nowait(entry)

    def append_nowait(self, entry: Entry) -> asyncio.Future[int]:
        """Order an entry at once; the future of its position."""
        self._check()
        if self._seal_at is not None:
            raise Sealed(f"{self.core.member.line} is sealed", tail=self._seal_at)
        refusal = self.core.refusal()
        if refusal is not None:
            raise refusal
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        position = self.core.member.log.tail
        if entry.kind is Kind.SEAL:
            self._seal_at = position
        self._proposals.append((position, future))
        self.driver.step(Propose(entry))
        return future

    async def check_tail(self) -> Tail:
        """The tail, confirmed by enough followers; `NotLeader` elsewhere."""
        self._check()
        self.driver.step(Confirm())
        until = self._clock.monotonic() + CONFIRM_S
        role = self.core.role
        if not isinstance(role, Leader):
            raise self._not_leader()
        committed, round_ = self.committed, role.sender.round
        while not role.confirmed(round_):
            if self.core.role is not role:
                raise self._not_leader()
            if self._clock.monotonic() > until:
                raise Unavailable("too few followers confirmed that this node still leads")
            await asyncio.sleep(CONFIRM_POLL_S)
            committed = max(committed, self.committed)
        return Tail(max(committed, self.committed), self.sealed)

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Committed entries from `start`, before `stop`, at least one if there is one."""
        self._check()
        return self.read_now(start, stop, bytes_max)

    def read_now(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """`read` without a turn of the event loop."""
        log = self.core.member.log
        if start < log.head:
            raise HistoryTrimmed(f"{start} lies below the head {log.head}", head=log.head)
        stop = min(stop, self.committed)
        if start >= stop:
            return []
        if start < log.window_start:
            stop = min(stop, log.window_start)
            rows = self._storage.read(self.core.member.line, start, stop, bytes_max)
            return [decode_entry(row) for row in rows]
        entries: list[Entry] = []
        size = 0
        for position in range(start, stop):
            kept = log.kept(position)
            assert kept is not None
            size += len(kept.row)
            if entries and size > bytes_max:
                break
            entries.append(kept.entry)
        return entries

    async def wait(self, position: int) -> Tail:
        """Return as soon as more than `position` is committed, or the line is sealed."""
        self._check()
        while self.committed <= position and not self.sealed:
            await self._waiters.sleep(position)
            self._check_open()
        return Tail(self.committed, self.sealed)

    async def trim(self, before: int) -> None:
        """Forget entries below `before`, clamped to what is committed."""
        self._check()
        log = self.core.member.log
        before = min(before, self.committed)
        if before <= log.head:
            return
        last = self.read_now(before - 1, before)[0]
        trimmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._trims.append((before, trimmed))
        self.driver.step(TrimTo(before, last.records_end))
        await trimmed

    async def seal(self) -> int:
        """Refuse every later append; the final tail."""
        self._check()
        if self._seal_at is None:
            await self.append(Entry(b"", 0, Kind.SEAL))
        assert self._seal_at is not None
        while not self.sealed:
            await self._waiters.sleep(self.committed)
            self._check_open()
        return self._seal_at

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Call back when a committed suffix was cut."""
        self._retracted_to.append(callback)

    async def close(self) -> None:
        """Stop; whatever waits is told that the outcome is open."""
        if not self._closed:
            self._closed = True
            self.driver.close()
            self._deposed()
            self._waiters.fail(Closed("the loglet was closed"))

    # ------------------------------------------------------------------ beyond the port

    def received(self, peer: str, message: Message) -> None:
        """A peer said something about this line."""
        self.report_applied()
        self.driver.step(Received(peer, message))
        if self._stricter:
            self._settle_stricter()

    def peer_up(self, peer: str) -> None:
        """A fresh connection to a peer exists."""
        self.driver.step(PeerUp(peer))

    def report_applied(self) -> None:
        """Tell the core how far the replica above is."""
        position, records = self.applied()
        if position != self.core.member.applied:
            self.driver.step(Applied(position, records))

    async def promote(
        self, timeout_s: float, accept_loss: bool = False, resume: bool = False
    ) -> Promotion:
        """Become the leader, or learn why not."""
        self._check()
        future: asyncio.Future[Promotion] = asyncio.get_running_loop().create_future()
        self._promotions.append(future)
        until = self._clock.monotonic() + timeout_s
        self.driver.step(PromoteMe(until, accept_loss, resume))
        return await future

    async def hand_over(self, target: str, timeout_s: float) -> Promotion:
        """Let `target` lead, without loss, or learn why not."""
        self._check()
        future: asyncio.Future[Promotion] = asyncio.get_running_loop().create_future()
        self._promotions.append(future)
        self.driver.step(HandOver(target, self._clock.monotonic() + timeout_s))
        return await future

    async def acknowledged(self, position: int, k: int) -> None:
        """Return once `k` followers have the entry at `position` on disk (leader only)."""
        self._check()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stricter.append((position, k, future))
        self._settle_stricter()
        try:
            await future
        finally:
            self._stricter = [item for item in self._stricter if item[2] is not future]

    def _settle_stricter(self) -> None:
        role = self.core.role
        if not isinstance(role, Leader):
            return
        matches = [progress.match for progress in role.sender.progress.values()]
        for position, k, future in self._stricter:
            reached = not k or (k <= len(matches) and acknowledged(matches, k) > position)
            if reached and not future.done():
                future.set_result(None)

    # ------------------------------------------------------------------ what the core says

    def _committed(self, position: int) -> None:
        proposals = self._proposals
        while proposals and proposals[0][0] < position:
            at, future = proposals.popleft()
            if not future.done():
                future.set_result(at)
        self._find_seal_of_another(position)
        if self.sealed:
            self._waiters.wake_all()
        else:
            self._waiters.passed(position)

    def _find_seal_of_another(self, position: int) -> None:
        if self._seal_at is None:
            last = self.core.member.log.kept(position - 1)
            if last is not None and last.entry.kind in (Kind.SEAL, Kind.EPOCH):
                self._seal_at = find_seal(self._storage, self.core)

    def _trimmed(self, position: int) -> None:
        for before, future in self._trims:
            if before <= position and not future.done():
                future.set_result(None)
        self._trims = [item for item in self._trims if not item[1].done()]

    def _deposed(self) -> None:
        line, halted = self.core.member.line, self.driver.halted
        why = "the leader changed before the commit" if halted is None else halted.message
        while self._proposals:
            _, future = self._proposals.popleft()
            if not future.done():
                future.set_exception(Unavailable(f"{line}: {why}"))
                future.exception()  # whoever gave up waiting is not missed
        for _, _, future_none in self._stricter:
            if not future_none.done():
                future_none.set_exception(Unavailable(f"{line}: the leader changed"))
        if self.driver.halted is not None:
            for _, future_none in self._trims:
                if not future_none.done():
                    future_none.set_exception(self.driver.halted)
            refused = Promotion(False, self.driver.halted.message, {})
            self._promotion(refused)

    def _retracted(self, epoch: Epoch, position: int) -> None:
        if self._seal_at is not None and self._seal_at >= position:
            self._seal_at = None
        for callback in self._retracted_to:
            callback(epoch, position)

    def _promotion(self, promotion: Promotion) -> None:
        waiting, self._promotions = self._promotions, []
        for future in waiting:
            if not future.done():
                future.set_result(promotion)

    # ------------------------------------------------------------------ refusals

    def _check_open(self) -> None:
        if self._closed:
            raise Closed(f"{self.core.member.line} is closed")

    def check_writable(self) -> None:
        """Raise `ReadOnly` if the disk takes nothing now."""
        self._check()
        reason = self._storage.read_only
        if reason is not None:
            raise ReadOnly(f"{self.core.member.me} is read-only: {reason.message}")

    def _check(self) -> None:
        self._check_open()
        if self.driver.halted is not None:
            raise self.driver.halted

    def _not_leader(self) -> PlaitError:
        member = self.core.member
        return NotLeader(f"{member.me} does not lead {member.line}", leader=self.core.leader)

    def status(self) -> dict[str, Any]:
        """Role, epoch, positions and lag, for people."""
        self.report_applied()
        return status_of(self.core, self._clock.monotonic())
