"""The leader: orders entries, pushes them, and commits what its rule asks for.

Its first entry opens its epoch; older entries commit only beneath it, never by counting alone.
A hand-over refuses new entries, waits until the target holds everything, and asks it to be
promoted; if nothing comes of it in time, the leader goes on.

Invariant: commit <= own durable, and for k > 0 at least k followers have everything below it on
disk; nothing commits before the entry that opened the epoch.
"""

from plait.base.errors import Busy, PlaitError
from plait.line.entry import Entry, Epoch, Kind
from plait.line.primary.member import Member
from plait.line.primary.messages import TakeOver
from plait.line.primary.vocabulary import Promotion
from plait.line.quorum import acknowledged
from plait.line.replication.messages import AppendReply
from plait.line.replication.sender import Sender

UNCOMMITTED_BYTES = 64 << 20
DRAIN_S = 0.02  # how often a hand-over looks whether the target holds everything


class Leader:
    """The role of the member whose epoch was promised by enough others."""

    name = "leader"

    def __init__(self, member: Member, epoch: Epoch, k: int, now: float) -> None:
        self.member = member
        self.epoch = epoch
        self.leader: str | None = member.me
        self.k = k
        self.opening = member.log.tail  # position of the entry that opens the epoch
        self.sender = Sender(member.line, epoch, member.log, member.others, now)
        self.sender.commit = member.commit
        self.deposed = False
        self.handing_over: tuple[str, float] | None = None
        self._drain_due = float("inf")

    def open(self, now: float) -> None:
        """Append the entry that opens the epoch."""
        self.member.fresh = False
        self.propose(Entry(b"", 0, Kind.EPOCH), now)

    # ------------------------------------------------------------------ writing

    def refusal(self) -> PlaitError | None:
        """Why no entry can be taken now."""
        if self.handing_over:
            return Busy(f"{self.member.line} is being handed over to {self.handing_over[0]}")
        log = self.member.log
        if log.bytes_end - log.bytes_before(self.member.commit) > UNCOMMITTED_BYTES:
            return Busy(f"{self.member.line} has {UNCOMMITTED_BYTES} bytes waiting to be committed")
        return None

    def propose(self, entry: Entry, now: float) -> int:
        """Order an entry; its position."""
        member = self.member
        entry = entry.stamped(self.epoch, member.log.records)
        position = member.log.tail
        writes = member.append(position, (entry,), (entry.encode(),))
        self._pump(now)  # followers first: their disks are the longer way
        member.persist(writes, self._persisted, member.log.tail)
        return position

    def _persisted(self, now: float) -> None:
        if not self.deposed:  # else what followers once had on disk says nothing about our log
            self.advance(now)

    def _pump(self, now: float) -> None:
        self.member.effects += self.sender.pump(now)

    # ------------------------------------------------------------------ hearing

    def replied(self, peer: str, reply: AppendReply, now: float) -> None:
        """A follower said what it holds."""
        if reply.epoch == self.epoch and peer in self.sender.progress:
            self.member.effects += self.sender.replied(peer, reply, now)
            self.advance(now)

    def advance(self, now: float) -> None:
        """Commit what enough members have on disk."""
        member = self.member
        position = member.log.durable
        if self.k:
            position = min(position, acknowledged(self.sender.matches(), self.k))
        if position > max(member.commit, self.opening):
            member.commit_to(position)
            self.sender.advance(position, now)

    def confirmed(self, round_: int) -> bool:
        """Whether so many followers answered this round that nobody else can have led before it.

        A `leader` rule counts as many as `majority` would: a lone leader cannot know.
        """
        needed = self.k or len(self.member.members) // 2
        return self.sender.answered(round_) >= needed and self.member.commit > self.opening

    # ------------------------------------------------------------------ handing over

    def hand_over(self, target: str, until: float, now: float) -> None:
        """Stop taking entries and let `target` be promoted once it holds everything."""
        self.handing_over = (target, until)
        self._drain_due = now
        self.timer(now)

    def handed_over(self, by: Epoch) -> Promotion:
        """How the hand-over ended when `by` deposed us."""
        assert self.handing_over is not None
        target = self.handing_over[0]
        won = by.candidate == target
        why = f"handed over: {by} was promised" if won else f"{by.candidate} came before {target}"
        return Promotion(won, why, {"target": target})

    def _drain(self, now: float) -> None:
        if self.handing_over is None:
            return
        target, until = self.handing_over
        tail = self.member.log.tail
        if now >= until:
            self.handing_over = None
            self.member.effects.append(
                Promotion(False, f"{target} did not take over in time", {"target": target})
            )
        elif self.member.commit == tail == self.sender.progress[target].match:
            self.member.send(target, TakeOver(self.member.line, self.epoch))

    # ------------------------------------------------------------------ time

    @property
    def deadline(self) -> float:
        """When `timer` wants to be called."""
        due = self.sender.deadline
        if self.handing_over is None:
            return due
        return min(due, self.handing_over[1], self._drain_due)

    def timer(self, now: float) -> None:
        """Heartbeats and hand-over."""
        self.member.effects += self.sender.timer(now)
        if self.handing_over and now >= min(self.handing_over[1], self._drain_due):
            self._drain_due = now + DRAIN_S
            self._drain(now)
