"""A member's handle on a replicated line, as a loglet: what primary and consensus share.

Appends succeed on the leader only and return when the core commits. Reads are of the committed
prefix that is also durable here. A seal is an entry: the first one committed is the end; what
stands behind it (opened epochs, memberships) is void.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection
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
from plait.engines.replicated.cores import LineCore
from plait.engines.replicated.driver import Driver
from plait.engines.replicated.opening import find_seal
from plait.engines.waiters import Waiters
from plait.line.entry import Entry, Epoch, Kind, decode_entry
from plait.line.loglet import READ_BYTES, Tail
from plait.line.membership import Membership, Target
from plait.line.quorum import acknowledged
from plait.line.replication.follower import Follower
from plait.line.replication.member import Member
from plait.line.replication.sender import Sender
from plait.line.replication.vocabulary import (
    HandOver,
    PeerUp,
    Promotion,
    Propose,
    Received,
    Reconfigure,
    TrimTo,
)

LOOK_S = 0.01


class ReplicatedLoglet:
    """One member of a replicated line."""

    def __init__(self, core: LineCore, driver: Driver, storage: LogStorage, clock: Clock) -> None:
        self._core = core
        self.driver = driver
        driver.on_committed = self._committed
        driver.on_retracted = self._retracted
        driver.on_trimmed = self._trimmed
        driver.on_deposed = self._deposed
        driver.on_promotion = self._promotion
        self._storage = storage
        self.clock = clock
        self._waiters = Waiters()
        self._proposals: deque[tuple[int, asyncio.Future[int]]] = deque()
        self._promotions: list[asyncio.Future[Promotion]] = []
        self._stricter: list[tuple[int, int, Collection[str], asyncio.Future[None]]] = []
        self._trims: list[tuple[int, asyncio.Future[None]]] = []
        self._retracted_to: list[Callable[[Epoch, int], None]] = []
        self.closed = False  # whether this handle takes no more part in the line
        self.applied: Callable[[], tuple[int, int]] = lambda: (0, 0)  # positions, records
        core.member.seal_at = find_seal(storage, core.member)

    @property
    def member(self) -> Member:
        """What the core is, whatever its role."""
        return self._core.member

    @property
    def leader(self) -> str | None:
        """Who leads, as far as is known here."""
        return self._core.leader

    @property
    def leads(self) -> bool:
        """Whether this member orders entries."""
        return self._core.sender is not None

    @property
    def sender(self) -> Sender | None:
        """What this member pushes to the others, if it leads."""
        return self._core.sender

    @property
    def opening(self) -> int:
        """Where the epoch that this member leads was opened; -1 if it leads none."""
        return self._core.opening

    @property
    def membership(self) -> Membership:
        """Who the members are, as this member's log has it."""
        return self.member.membership

    def reconfiguration_refusal(self, target: Target) -> PlaitError | None:
        """Why this member cannot begin to go to another membership now, or None."""
        return self._core.reconfiguration_refusal(target)

    async def reconfigure(self, target: Target, timeout_s: float) -> Membership:
        """Go to another membership; returns once it is in force and committed.

        Raises what the core refuses with (`NotLeader`, `Busy`, `BadSettings`), or `Unavailable`
        if a member that is to vote did not catch up in time; the change may go on then.
        """
        self.check()
        refusal = self.reconfiguration_refusal(target)
        if refusal is not None:
            raise refusal
        self.driver.step(Reconfigure(target))
        until = self.clock.monotonic() + timeout_s
        while not self._is_at(target):
            self.check()
            if self._core.sender is None and not self._is_at(target):
                raise Unavailable("the leader changed while the members did")
            if self.clock.monotonic() > until:
                raise Unavailable(
                    f"the members of {self.member.line} are not {', '.join(target.voters)} yet"
                )
            await asyncio.sleep(LOOK_S)
        return self.membership

    def _is_at(self, target: Target) -> bool:
        membership, member = self.membership, self.member
        there = (
            not membership.joint
            and set(membership.voters) == set(target.voters)
            and set(membership.learners) == set(target.learners)
            and membership.has_zones(target.zones)
        )
        return there and member.commit > member.membership_position

    def follows(self, epoch: Epoch) -> bool:
        """Whether the leader of `epoch` is the one that this member follows."""
        return isinstance(self._core.role, Follower) and self.member.obeys(epoch)

    def lag_s(self) -> float:
        """Seconds behind the leader's commits, as far as is known here."""
        if self.leads:
            return 0.0
        role, now = self._core.role, self.clock.monotonic()
        return role.lag_s(now) if isinstance(role, Follower) else now - self.member.current_at

    def status(self) -> dict[str, Any]:
        """What people want to know of this member."""
        raise NotImplementedError

    def refusal(self) -> PlaitError | None:
        """Why no entry can be taken here now."""
        return self._core.refusal()

    # ------------------------------------------------------------------ the port

    @property
    def head(self) -> int:
        """Position of the first entry that is kept."""
        return self.member.log.head

    @property
    def committed(self) -> int:
        """Everything below is committed and on our disk."""
        member = self.member
        return (
            member.committed_told
            if member.seal_at is None
            else min(member.committed_told, member.seal_at)
        )

    @property
    def sealed(self) -> bool:
        """Whether a seal is committed."""
        member = self.member
        return member.seal_at is not None and member.committed_told > member.seal_at

    async def append(self, entry: Entry) -> int:
        """Order an entry; its position once the line's rule is met.

        Raises `NotLeader`, `Busy`, `Sealed`, `ReadOnly`: it did not happen; `Unavailable`: we
        were deposed while it was on its way.
        """
        return await self.append_nowait(entry)

    def append_nowait(self, entry: Entry) -> asyncio.Future[int]:
        """Order an entry at once; the future of its position."""
        self.check()
        member = self.member
        refusal = None if self.sealed else self._core.refusal()
        if refusal is not None:
            raise refusal
        if member.seal_at is not None:
            raise Sealed(f"{member.line} is sealed", tail=member.seal_at)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._proposals.append((member.log.tail, future))
        self.driver.step(Propose(entry))
        return future

    async def check_tail(self) -> Tail:
        """The linearizable tail."""
        raise NotImplementedError

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """Committed entries from `start`, before `stop`, at least one if there is one."""
        self.check()
        return self.read_now(start, stop, bytes_max)

    def read_now(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        """`read` without a turn of the event loop."""
        log = self.member.log
        if start < log.head:
            raise HistoryTrimmed(f"{start} lies below the head {log.head}", head=log.head)
        stop = min(stop, self.committed)
        if start >= stop:
            return []
        if start < log.window_start:
            stop = min(stop, log.window_start)
            rows = self._storage.read(self.member.line, start, stop, bytes_max)
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
        self.check()
        while self.committed <= position and not self.sealed:
            await self._waiters.sleep(position)
            self.check_open()
        return Tail(self.committed, self.sealed)

    async def trim(self, before: int) -> None:
        """Forget entries below `before`, clamped to what is committed."""
        self.check()
        log = self.member.log
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
        self.check()
        while not self.sealed:
            if self.member.seal_at is None:
                await self.append(Entry(b"", 0, Kind.SEAL))
            else:
                await self._waiters.sleep(self.committed)
                self.check_open()
        assert self.member.seal_at is not None
        return self.member.seal_at

    def on_retracted(self, callback: Callable[[Epoch, int], None]) -> None:
        """Call back when a committed suffix was cut."""
        self._retracted_to.append(callback)

    async def close(self) -> None:
        """Stop; whatever waits is told that the outcome is open."""
        if not self.closed:
            self.closed = True
            self.driver.close()
            self._deposed()
            self._waiters.fail(Closed("the loglet was closed"))

    # ------------------------------------------------------------------ beyond the port

    def received(self, peer: str, message: Any) -> None:
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
        if position != self.member.applied:
            self._core.note_applied(position, records, self.clock.monotonic())

    async def hand_over(self, target: str, timeout_s: float) -> Promotion:
        """Let `target` lead, without loss, or learn why not."""
        self.check()
        return await self.promotion(HandOver(target, self.clock.monotonic() + timeout_s))

    async def promotion(self, event: Any) -> Promotion:
        """Step an event that ends in a `Promotion`."""
        future: asyncio.Future[Promotion] = asyncio.get_running_loop().create_future()
        self._promotions.append(future)
        self.driver.step(event)
        return await future

    async def acknowledged(self, position: int, k: int, followers: Collection[str]) -> None:
        """Return once `k` of these followers have the entry at `position` on disk (leader only)."""
        self.check()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stricter.append((position, k, followers, future))
        self._settle_stricter()
        try:
            await future
        finally:
            self._stricter = [item for item in self._stricter if item[3] is not future]

    def _settle_stricter(self) -> None:
        sender = self._core.sender
        known = {} if sender is None else sender.progress
        for position, k, followers, future in self._stricter:
            matches = [p.match for peer, p in known.items() if peer in followers and not p.fresh]
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
        if self.sealed:
            self._waiters.wake_all()
        else:
            self._waiters.passed(position)

    def _trimmed(self, position: int) -> None:
        for before, future in self._trims:
            if before <= position and not future.done():
                future.set_result(None)
        self._trims = [item for item in self._trims if not item[1].done()]

    def give_up(self, why: str) -> None:
        """Tell whoever waits for a commit that its outcome is open."""
        waiting: list[Any] = [item[-1] for item in (*self._proposals, *self._stricter)]
        self._proposals.clear()
        for future in (one for one in waiting if not one.done()):
            future.set_exception(Unavailable(why))
            future.exception()  # whoever gave up waiting is not missed

    def _deposed(self) -> None:
        halted = self.driver.halted
        why = "the leader changed before the commit" if halted is None else halted.message
        self.give_up(f"{self.member.line}: {why}")
        if halted is not None:
            for _, future_none in self._trims:
                if not future_none.done():
                    future_none.set_exception(halted)
            self._promotion(Promotion(False, halted.message, {}))

    def _retracted(self, epoch: Epoch, position: int) -> None:
        for callback in self._retracted_to:
            callback(epoch, position)

    def _promotion(self, promotion: Promotion) -> None:
        waiting, self._promotions = self._promotions, []
        for future in waiting:
            if not future.done():
                future.set_result(promotion)

    # ------------------------------------------------------------------ refusals

    def check_open(self) -> None:
        """Raise `Closed` after the end."""
        if self.closed:
            raise Closed(f"{self.member.line} is closed")

    def check_writable(self) -> None:
        """Raise `ReadOnly` if the disk takes nothing now."""
        self.check()
        reason = self._storage.read_only
        if reason is not None:
            raise ReadOnly(f"{self.member.me} is read-only: {reason.message}")

    def check(self) -> None:
        """Raise if this handle is closed, or its member halted."""
        self.check_open()
        if self.driver.halted is not None:
            raise self.driver.halted

    def not_leader(self) -> PlaitError:
        """The refusal of a member that does not lead."""
        member = self.member
        return NotLeader(f"{member.me} does not lead {member.line}", leader=self._core.leader)
