"""A member's part in the group that orders a line: copies for followers, slots, its log's prefix.

The log's prefix is trimmed below what is synced in the state file, what followers still need
(their *slots*, bounded by bytes and age, broken loudly), and what is kept for feeds.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from plait.base.errors import (
    BadFrame,
    BadSettings,
    NotLeader,
    PlaitError,
    ReadOnly,
    RuleUnmet,
    TooStale,
)
from plait.base.ports import Clock, IncomingSnapshot, StateStorage
from plait.engines.checkpoint import load_checkpoint
from plait.engines.primary import PrimaryLoglet
from plait.engines.raft import RaftLoglet
from plait.engines.replica import Replica
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.engines.replicated.passing import Passing
from plait.engines.replicated.snapshots import Copy, SnapshotReceiver, SnapshotSender
from plait.line.entry import Epoch
from plait.line.membership import Membership, encode_membership
from plait.line.quorum import CONSENSUS, AckRule, elsewhere
from plait.line.replication.messages import (
    AppendReply,
    SnapshotAck,
    SnapshotChunk,
    SnapshotOffer,
)
from plait.line.replication.progress import ProgressState
from plait.line.replication.sender import Sender
from plait.line.replication.vocabulary import SnapshotDone, SnapshotInstalled
from plait.node.config import Limits
from plait.node.retention import Retention
from plait.node.witness_care import WitnessCare

logger = logging.getLogger("plait.line")

COPY_KEPT_S = 30.0
_SNAPSHOT_PAUSE_S = 0.5
_HELD_PAUSE_S = 2.0  # before it is looked again whether a follower is held


class Group:
    """This node as a member of the group that takes a line's entries."""

    def __init__(
        self,
        loglet: PrimaryLoglet | RaftLoglet,
        replica: Replica,
        state: StateStorage,
        clock: Clock,
        send: Callable[[str, Any], None],
        limits: Limits,
        witnesses: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self.line = loglet.member.line
        self.loglet: ReplicatedLoglet = loglet
        self.primary = loglet if isinstance(loglet, PrimaryLoglet) else None
        self.raft = loglet if isinstance(loglet, RaftLoglet) else None
        self.replica = replica
        self.limits = limits
        self.held: Callable[[], tuple[str, ...]] = tuple  # whose state must stay as it is
        self.slots_broken = 0
        self._state = state
        self._clock = clock
        self._send = send
        self._senders: dict[str, SnapshotSender] = {}
        self._copy: Copy | None = None
        self._copy_until = 0.0  # kept so long for a transfer that was broken off
        self._witnesses = WitnessCare(self.line, loglet, send, witnesses)
        self._tasks: dict[asyncio.Task[Any], None] = {}
        loglet.applied = self._taken_in
        loglet.driver.on_snapshot = self.begin_snapshot
        self.passing = Passing(loglet, self._role, send, self._pass_copy_on)
        self.passing.core.copies = self.has_copy_for
        self._receiver = SnapshotReceiver(loglet.member.me, self, send)

    # ------------------------------------------------------------------ life

    async def close(self) -> None:
        """Stop what is on its way to others and from them; the loglet is its opener's.

        What the group held is below the state by now: its followers get no copies from it.
        """
        self.loglet.driver.on_snapshot = lambda peer: None
        self.passing.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._receiver.close()
        self._drop_copy()

    def _role(self) -> Any:
        engine = self.primary or self.raft
        assert engine is not None
        return engine.core.role

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    def _taken_in(self) -> tuple[int, int]:
        """Positions and records that are applied here, or would be if they had not to wait."""
        if self.replica.pace is not None and self.replica.pace.on:
            position, records = self._received()
            self.replica.pace.took_in(position)
            return position, records
        return self.replica.applied, self.replica.record_index

    def _received(self) -> tuple[int, int]:
        """Positions and records that are committed, and in the log here."""
        log, position = self.loglet.member.log, self.loglet.committed
        following = log.kept(position)
        return position, log.records if following is None else following.entry.record_index

    def check_state(self) -> None:
        """Build the state anew if it is ahead of the log: a crash came between a cut, or a copy of
        the state, and what belongs to it. Until the log has grown as far nobody could tell whether
        it goes on where the state is, and meanwhile what was cut would be read.

        Not beside a log that takes no writes: one that is damaged ends early, and then the state
        is all that is left to read."""
        try:
            self.loglet.check_writable()
        except ReadOnly:
            return  # the line is opened again once it does
        tail = self.loglet.member.log.tail
        if self.replica.applied > tail:
            self.replica.rewind(tail)

    # ------------------------------------------------------------------ what members agree on

    @property
    def membership(self) -> Membership:
        """Who the members are, as far as is known here."""
        return self.loglet.membership

    @property
    def epoch(self) -> Epoch:
        """The epoch of the last entry here."""
        return self.replica.epochs.current

    def rule(self) -> str:
        """The rule that an answered write has met."""
        if self.primary is None:
            return CONSENSUS
        core = self.primary.core
        return core.rule_in_force.text(core.member.members, dict(self.membership.zones))

    def check_orders(self) -> None:
        """Raise unless entries can be ordered here now."""
        self.loglet.check_writable()
        refusal = self.loglet.refusal()
        if refusal is not None:
            raise refusal

    def followers_asked(self, acks: str) -> tuple[int, list[str]]:
        """How many followers `acks` asks for, and of whom; `BadSettings` if that is less than
        usual, `RuleUnmet` if there are not so many."""
        membership, rule = self.membership, AckRule.parse(acks)
        k = rule.followers_needed(len(membership.voters))
        others = [name for name in membership.voters if name != self.loglet.member.me]
        if rule.by_zone:  # beside the line's own rule, which says nothing of where
            others = elsewhere(others, dict(membership.zones), self.loglet.member.me)
            if len(others) < k:
                raise RuleUnmet(f"acks={acks!r}: {len(others)} followers are in other zones")
            return k, others
        if self.primary is None:
            usual = AckRule("majority").followers_needed(len(membership.voters))
        else:
            usual = self.primary.core.rule_in_force.usual(membership.voters, dict(membership.zones))
        if k < usual:
            raise BadSettings(f"acks={acks!r} asks for less than the line's own rule {self.rule()}")
        return k, others

    # ------------------------------------------------------------------ peers

    def hear(self, peer: str, message: Any) -> None:
        """A member said something about this line."""
        match message:
            case SnapshotOffer() | SnapshotChunk():
                self._snapshot_message(peer, message)
            case SnapshotAck():
                if peer in self._senders:
                    self._senders[peer].acked(message)
            case AppendReply() if message.passed_on:
                self.passing.replied(peer, message)
            case _:
                self.loglet.received(peer, message)
                self.passing.look()

    def _snapshot_message(self, peer: str, message: SnapshotOffer | SnapshotChunk) -> None:
        if not self.loglet.follows(message.epoch):
            return  # somebody else leads by now
        if isinstance(message, SnapshotOffer):
            if self.replica.pace is not None and self.replica.pace.held:
                self._send(peer, declined(message, "its state is held where it is"))
                return
            self._receiver.offered(peer, message)
        else:
            self._receiver.chunk(peer, message)

    # ------------------------------------------------------------------ copies for followers

    def begin_snapshot(self, peer: str) -> None:
        """Stream a copy of the state to a follower, unless one is on its way."""
        self._begin_copy(peer, self.loglet.sender, partial(self._copied, peer))

    def _pass_copy_on(self, peer: str) -> None:
        self._begin_copy(peer, self.passing.sender, partial(self.passing.copied, peer))

    def _begin_copy(
        self, peer: str, pushing: Sender | None, done: Callable[[int | None], None]
    ) -> None:
        if peer not in self._senders and pushing is not None:
            self._spawn(self._stream_snapshot(peer, pushing, done))

    def _copied(self, peer: str, position: int | None) -> None:
        self.loglet.driver.step(SnapshotDone(peer, position))

    def has_copy_for(self, peer: str) -> bool:
        """Whether a copy of the state, or what stands in for it, can be had here."""
        return True

    async def _stream_snapshot(
        self, peer: str, pushing: Sender, done: Callable[[int | None], None]
    ) -> None:
        pace = self.loglet.driver.pace
        sender = SnapshotSender(self.line, pushing.epoch, peer, self._send, pace)
        self._senders[peer] = sender
        position: int | None = None
        try:
            position = await self._send_copy(sender, pushing)
        except PlaitError as error:
            logger.warning("line %s: no snapshot for %s: %s", self.line, peer, error)
            await asyncio.sleep(_SNAPSHOT_PAUSE_S)
        finally:
            del self._senders[peer]
        done(position)

    async def _send_copy(self, sender: SnapshotSender, pushing: Sender) -> int | None:
        """The position of the copy that the follower has now; None if it took none."""
        if sender.peer in self.held():
            await asyncio.sleep(_HELD_PAUSE_S)
            return None
        base = self._witnesses.base_for(sender.peer)
        copy = await self._fresh_copy() if base is None else base
        if copy.position > pushing.end:
            raise TooStale(f"the leader has not confirmed the state of {self.line} yet")
        logger.warning(
            "line %s: sending %s a snapshot at %s", self.line, sender.peer, copy.position
        )
        if await sender.run(copy):
            return copy.position
        self._copy_until = self._clock.monotonic() + COPY_KEPT_S
        await asyncio.sleep(_SNAPSHOT_PAUSE_S)
        return None

    async def _fresh_copy(self) -> Copy:
        """The copy that is being sent already, if the log still continues it; else a new one."""
        if self.replica.halted is not None:
            raise self.replica.halted
        if self._copy is not None and self._copy.position >= self.loglet.head:
            return self._copy
        self._drop_copy()
        self._copy = await self.take()
        return self._copy

    def _drop_copy(self) -> None:
        if self._copy is not None:
            self._copy.snapshot.close()
            self._copy = None

    async def take(self) -> Copy:
        """Copy the state as it is on disk; its position is at least what is flushed now."""
        await self.replica.flush()
        checkpoint = load_checkpoint(self._state)
        if checkpoint.applied < self.loglet.member.origin.position:
            raise TooStale(f"the state of {self.line} is not where the group began yet")
        snapshot = await self._state.snapshot()
        last = checkpoint.spans[-1][0] if checkpoint.spans else Epoch(0, "")
        membership = self.loglet.member.membership_at(checkpoint.applied)
        return Copy(
            snapshot, checkpoint.applied, last, checkpoint.record_index,
            encode_membership(membership),
        )  # fmt: skip

    @property
    def installed(self) -> int:
        """How many copies were installed here."""
        return self._receiver.installed

    def incoming(self, snapshot_id: str) -> IncomingSnapshot:
        """Begin or resume receiving a copy."""
        return self._state.incoming(snapshot_id)

    async def install(self, incoming: IncomingSnapshot, offer: SnapshotOffer) -> None:
        """Replace state and log by a received copy; its own checkpoint says where it stands."""
        if not self.loglet.member.obeys(offer.epoch):
            raise NotLeader(f"epoch {offer.epoch} is over; its copy is not installed")
        if offer.position < self.loglet.head:
            raise BadFrame(f"a copy at {offer.position} is older than our log's own beginning")
        await self.replica.install(incoming, offer.size, offer.checksum)
        checkpoint = load_checkpoint(self._state)
        last = checkpoint.spans[-1][0] if checkpoint.spans else Epoch(0, "")
        self.loglet.driver.step(
            SnapshotInstalled(checkpoint.applied, last, checkpoint.record_index, offer.membership)
        )
        await self.replica.reload()
        logger.warning("line %s: installed a snapshot at %s", self.line, checkpoint.applied)

    # ------------------------------------------------------------------ upkeep

    @property
    def checkpointed(self) -> int:
        """Entries below are in a state file: as far as that goes, the log may forget them."""
        return self.replica.flushed

    async def trim(self, retention: Retention) -> None:
        """Forget of the log here what nobody needs any more, and tell witnesses."""
        log, checkpointed = self.loglet.member.log, self.checkpointed
        retention.note(checkpointed, log.bytes_before(checkpointed))
        before = retention.trimmable(log.bytes_end)
        before = min(before, checkpointed, self._slots(log.bytes_end))
        if self._copy is not None:
            if self._senders or self._clock.monotonic() < self._copy_until:
                before = min(before, self._copy.position)
            else:
                self._drop_copy()
        if before > log.head:
            await self._state.sync()
            await self.loglet.trim(before)
        self._witnesses.tell(self.replica.flushed)

    def _slots(self, bytes_end: int) -> int:
        """The lowest position that a follower still needs and may still ask for."""
        now, log = self._clock.monotonic(), self.loglet.member.log
        lowest = 1 << 62
        pushing = [one for one in (self.loglet.sender, self.passing.sender) if one is not None]
        for peer, progress in [pair for one in pushing for pair in one.progress.items()]:
            if progress.parked or progress.state is ProgressState.SNAPSHOT:
                continue  # it needs nothing, or the copy on its way is the slot
            needed = progress.match or progress.next  # no match yet: it was told where to begin
            behind = bytes_end - log.bytes_before(needed)
            unheard = now - max(progress.last_heard, progress.probed_at)
            broken = behind > self.limits.slot_bytes_max or unheard > self.limits.slot_age_s_max
            if broken and not progress.slot_broken:
                self.slots_broken += 1
                logger.warning(
                    "line %s: the slot of %s is broken (%s bytes behind, unheard for %.0f s); "
                    "it will need a snapshot", self.line, peer, behind, unheard,
                )  # fmt: skip
            progress.slot_broken = broken
            if not broken:
                lowest = min(lowest, needed)
        return lowest

    # ------------------------------------------------------------------ status

    def status(self) -> dict[str, Any]:
        """What people want to know of this member."""
        status = self.loglet.status()
        status["snapshots_sent_to"] = sorted(self._senders)
        status["slots_broken"] = self.slots_broken
        return status | self.passing.status()


def declined(offer: SnapshotOffer, why: str) -> SnapshotAck:
    """The answer to an offer of a copy that is not wanted."""
    return SnapshotAck(offer.line, offer.epoch, offer.snapshot, 0, installed=False, error=why)
