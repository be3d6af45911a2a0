"""A follower that feeds followers: it passes on what its leader pushed to it.

::

    leader ── entries ──► source ── the same entries, once committed ──► n4, n5, …
       └────────────── signs of life ──────────────────────────────────►

What is passed on is a prefix of the log of the leader of `epoch`, as the source has verified it:
so an append is as good from it as from that leader, and is matched, cut and answered by the same
rules (`receiver`). It is sent in that leader's epoch, and refused like that leader's once a newer
one is promised. A source that hears of a newer epoch begins anew: what of its own log is cut then
is cut downstream as well, by what the new leader has in its place.

Invariants: nothing is passed on that is not committed, on the source's disk, and verified in the
epoch that it is passed on in. What downstream answers stays here: the source acknowledges nothing
for anybody, and the leader hears of each follower's disk from that follower alone.

Absent: admission of new disks, rounds, and what is new: these are the leader's to say.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from plait.line.entry import NO_EPOCH, Epoch
from plait.line.replication.follower import Follower
from plait.line.replication.log_view import LogView
from plait.line.replication.member import Member
from plait.line.replication.messages import AppendReply
from plait.line.replication.progress import Progress, ProgressState
from plait.line.replication.sender import BeginSnapshot, SendAppend, SendEffect, Sender
from plait.line.replication.vocabulary import Loaded, PeerUp, Received, SnapshotDone, Timer

FAILED_MAX = 2  # copies in a row that did not arrive; then the leader is to send one
COPY_AGAIN_S = 60.0  # before it is tried here again


class PassOn(msgspec.Struct, frozen=True):
    """Event: these are fed from here, as far as they have no vote. Said again, nothing happens."""

    followers: tuple[str, ...]


class Advanced(msgspec.Struct, frozen=True):
    """Event: more may be known to be committed, or another leader."""


class PassingSender(Sender):
    """Pushes a leader's log as far as `limit`, in that leader's name."""

    def __init__(
        self,
        line: str,
        epoch: Epoch,
        log: LogView,
        followers: Iterable[str],
        now: float,
        limit: int,
    ) -> None:
        self.limit = limit
        super().__init__(line, epoch, log, followers, now)

    @property
    def end(self) -> int:
        """Entries below may be passed on."""
        return self.limit

    def rows(self, start: int) -> tuple[bytes, ...]:
        """Entries in memory that may be passed on in one message, from `start`."""
        return super().rows(start)[: self.limit - start]

    def _append(
        self,
        peer: str,
        progress: Progress,
        rows: tuple[bytes, ...],
        now: float,
        round_: int | None = None,
    ) -> SendAppend:
        message = super()._append(peer, progress, rows, now, round_).message
        copying = progress.state is ProgressState.SNAPSHOT
        return SendAppend(peer, msgspec.structs.replace(message, passed_on=True, copying=copying))


class PassingCore:
    """One member's part: `step(event, now) -> effects`, beside the core of its line.

    role: what the member is at the moment. copies: whether a copy of the state, or what stands in
    for it, can be had here for a peer.
    """

    def __init__(self, member: Member, role: Callable[[], Any]) -> None:
        self.member = member
        self.followers: tuple[str, ...] = ()
        self.sender: PassingSender | None = None
        self.copies: Callable[[str], bool] = lambda peer: True
        self._role = role
        self._failed: dict[str, tuple[int, float]] = {}  # copies in a row, and the last one's time

    @property
    def deadline(self) -> float:
        """When a `Timer` is due."""
        return float("inf") if self.sender is None else self.sender.deadline

    @property
    def limit(self) -> int:
        """Everything below may be passed on."""
        return 0 if self.sender is None else self.sender.limit

    def step(self, event: Any, now: float) -> list[SendEffect]:
        """Take an event in; what is to be sent."""
        if isinstance(event, PassOn):
            self.followers = event.followers
        self._look(now)
        sender = self.sender
        if sender is None:
            return []
        match event:
            case PassOn() | Advanced():
                effects = sender.pump(now)
            case Timer():
                effects = sender.timer(now)
            case Received(peer, AppendReply() as reply) if peer in sender.progress:
                effects = self._replied(sender, peer, reply, now)
            case PeerUp(peer) if peer in sender.progress:
                sender.progress[peer] = Progress(sender.end, now)  # its disk may be another one
                effects = sender.pump(now)
            case Loaded(peer, start, rows) if peer in sender.progress:
                rows = rows[: max(0, sender.limit - start)]
                effects = sender.loaded(peer, start, rows, now)
            case SnapshotDone(peer, position) if peer in sender.progress:
                self._note_copy(peer, position, now)
                known = None if position is None else min(position, sender.limit)
                effects = sender.snapshot_done(peer, known, now)
            case _:
                effects = []
        return [effect for effect in effects if self._possible(sender, effect, now)]

    def _look(self, now: float) -> None:
        """Be what the member is by now."""
        role, member = self._role(), self.member
        followers = tuple(n for n in self.followers if n in member.membership.learners)
        follows = isinstance(role, Follower) and member.obeys(role.epoch)
        if not (followers and follows and role.epoch != NO_EPOCH):
            self.sender = None
            return
        limit, sender = min(member.committed_told, role.receiver.verified), self.sender
        if sender is None or sender.epoch != role.epoch or limit < sender.limit:
            sender = self.sender = PassingSender(
                member.line, role.epoch, member.log, followers, now, limit
            )
        elif tuple(sender.progress) != followers:
            sender.set_followers(followers, now)
        sender.limit = sender.commit = limit

    def _replied(
        self, sender: PassingSender, peer: str, reply: AppendReply, now: float
    ) -> list[SendEffect]:
        if reply.epoch != sender.epoch:
            return []
        progress = sender.progress[peer]
        if not reply.matched and 0 <= reply.hint < progress.match:
            progress.match = progress.received = 0  # a new disk; nothing depends on the old one
        return sender.replied(peer, _as_known(reply, sender.end), now)

    def _note_copy(self, peer: str, position: int | None, now: float) -> None:
        failed = self._failed.pop(peer, (0, now))[0]
        if position is None:
            self._failed[peer] = (failed + 1, now)

    def _possible(self, sender: PassingSender, effect: SendEffect, now: float) -> bool:
        """Not so a copy that cannot be had here: then the leader will send one."""
        if not isinstance(effect, BeginSnapshot):
            return True
        failed, at = self._failed.get(effect.peer, (0, now))
        if failed >= FAILED_MAX and now - at >= COPY_AGAIN_S:
            del self._failed[effect.peer]
            failed = 0
        if self.copies(effect.peer) and failed < FAILED_MAX:
            return True
        progress = sender.progress[effect.peer]
        progress.probe(sender.end)
        progress.waiting, progress.probed_at = True, now
        return False


def _as_known(reply: AppendReply, end: int) -> AppendReply:
    """A reply, as far as what it says is of use here: its sender may well have more."""
    return msgspec.structs.replace(
        reply,
        received=min(reply.received, end),
        durable=min(reply.durable, end),
        fresh=False,
        round=1,
        source="",
    )
