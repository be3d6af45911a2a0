"""The leader: orders entries, pushes them, and commits what its rule asks for.

Its first entry opens its epoch; older entries commit only beneath it, never by counting alone.
A hand-over refuses new entries, waits until the target holds everything, and asks it to be
promoted; if nothing comes of it in time, the leader goes on. A leader can commit with fewer members
than a promotion needs: where too few answer, it hands over to nobody, for then nobody would lead.

Members change step by step, each committed before the next (`line.membership`). A leader that a
change removes leads on without a vote until a voter has taken over: it cannot hand over before,
for by the old membership nobody new may lead, and nobody would be promoted by itself if it just
resigned. A new leader finishes what it finds begun.

Invariants: commit <= own durable, and of every half of the membership so many have everything
below it on disk as the rule in force asks for; nothing commits before the entry that opened the
epoch; one change at a time.
"""

from collections.abc import Collection

from plait.base.errors import Busy, PlaitError
from plait.line.entry import Entry, Epoch, Kind
from plait.line.membership import Target, encode_membership, next_step, unfinished
from plait.line.primary.member import Member
from plait.line.primary.messages import TakeOver
from plait.line.primary.rule import RuleInForce
from plait.line.primary.vocabulary import Promotion
from plait.line.replication.messages import AppendReply
from plait.line.replication.sender import SILENT_S, Sender

UNCOMMITTED_BYTES = 64 << 20
DRAIN_S = 0.02  # how often a hand-over looks whether the target holds everything
HAND_OVER_S = 5.0  # how long a leader that leaves waits for one follower


class Leader:
    """The role of the member whose epoch was promised by enough others."""

    name = "leader"

    def __init__(self, member: Member, epoch: Epoch, rule: RuleInForce, now: float) -> None:
        self.member = member
        self.epoch = epoch
        self.leader: str | None = member.me
        self.rule = rule
        self.opening = member.log.tail  # position of the entry that opens the epoch
        self.sender = Sender(member.line, epoch, member.log, member.others, now)
        self.sender.commit = member.commit
        self.sender.confirmed = self._answered
        self._meet_members(now)
        self.target: Target | None = None
        self.deposed = False
        self.handing_over: tuple[str, float] | None = None
        self._asked_hand_over = False  # somebody waits to hear how it ended
        self._hand_over_round = 0  # who answers it can be asked to promise
        self._began = now
        self._drain_due = float("inf")

    def open(self, now: float) -> None:
        """Append the entry that opens the epoch."""
        self.member.fresh = False
        self.propose(Entry(b"", 0, Kind.EPOCH), now)
        self.target = unfinished(self.member.membership)

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
        if entry.kind is Kind.MEMBERS:
            self._meet_members(now)
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

    def _on_disk(self, name: str) -> int:
        if name == self.member.me:
            return self.member.log.durable
        progress = self.sender.progress[name]
        return 0 if progress.fresh else progress.match

    def advance(self, now: float) -> None:
        """Commit what enough members have on disk."""
        member = self.member
        position = self.rule.committed(member.membership, member.me, self._on_disk)
        if position > max(member.commit, self.opening):
            changed = member.commit <= member.membership_position < position
            member.commit_to(position)
            self.sender.advance(position, now)
            if changed:
                self._meet_members(now)  # who left gets no more
        self._go_on(now)

    def confirmed(self, round_: int) -> bool:
        """Whether so many members answered this round that nobody else can have led before it."""
        return self._answered(round_) and self.member.commit > self.opening

    def _answered(self, round_: int) -> bool:
        progress = self.sender.progress
        names = {peer for peer, p in progress.items() if p.round >= round_ and not p.fresh}
        return self.rule.confirmed(self.member.membership, names | {self.member.me})

    # ------------------------------------------------------------------ members

    def reconfigure(self, target: Target, now: float) -> None:
        """Go to another membership."""
        self.target = target
        self._go_on(now)

    def _meet_members(self, now: float) -> None:
        """The membership in force is another one, or it is committed.

        Who leaves counts for nothing, but gets the log until then: it may yet be promoted by the
        membership before, and whether it was matters to `Sender` before it trusts a new disk.
        """
        member, sender = self.member, self.sender
        followers = [name for name in (*member.others, *member.leaving) if name != member.me]
        sender.set_followers(followers, now)
        sender.set_learners(member.membership.learners)
        sender.membership_end = member.membership_position + 1

    def _go_on(self, now: float) -> None:
        """The next step to the wanted membership, once the one in force is committed."""
        member = self.member
        if member.commit <= max(self.opening, member.membership_position) or self.handing_over:
            return
        if self.target is not None:
            step = next_step(
                member.membership, self.target, lambda name: self._caught_up(name, now)
            )
            if step is not None:
                self.propose(Entry(encode_membership(step), 0, Kind.MEMBERS), now)
                return
            if member.membership.has_voters(self.target):
                self.target = None
        if not member.votes:  # the change that removed us is committed
            self._hand_over_to_best(now)

    def _caught_up(self, name: str, now: float) -> bool:
        if name == self.member.me:
            return True
        progress = self.sender.progress.get(name)
        if progress is None or not progress.caught_up(self.member.commit):
            return False
        return now - progress.last_heard <= SILENT_S

    def _hand_over_to_best(self, now: float) -> None:
        progress = self.sender.progress
        able = [
            (progress[peer].match, peer)
            for peer in self.sender.heard_within(SILENT_S, now)
            if not progress[peer].fresh and not self.member.bar(peer)
        ]
        if able and self.replaceable(now):
            self.hand_over(max(able)[1], now + HAND_OVER_S, now, asked=False)

    # ------------------------------------------------------------------ handing over

    def replaceable(self, now: float) -> bool:
        """Whether so many members answered lately that another can be promoted, as far as a new
        leader can know."""
        new = now - self._began <= SILENT_S
        return new or self._could_promote(self.sender.heard_within(SILENT_S, now))

    def _could_promote(self, names: Collection[str]) -> bool:
        progress = self.sender.progress
        vouching = {name for name in names if not progress[name].fresh}
        return self.rule.promised(self.member.membership, vouching | {self.member.me})

    def hand_over(self, target: str, until: float, now: float, *, asked: bool = True) -> None:
        """Stop taking entries and let `target` be promoted once it holds everything."""
        self.handing_over = (target, until)
        self._asked_hand_over = asked
        self._drain_due = now
        self.member.effects += self.sender.begin_round(now)
        self._hand_over_round = self.sender.round
        self.timer(now)

    def handed_over(self, by: Epoch) -> None:
        """`by` deposed us: tell whoever asked for a hand-over how it ended."""
        if self.handing_over is None:
            return
        target = self.handing_over[0]
        won = by.candidate == target
        why = f"handed over: {by} was promised" if won else f"{by.candidate} came before {target}"
        self._end_hand_over(won, why)

    def _end_hand_over(self, won: bool, why: str) -> None:
        assert self.handing_over is not None
        target, self.handing_over = self.handing_over[0], None
        if self._asked_hand_over:
            self.member.effects.append(Promotion(won, why, {"target": target}))

    def _drain(self, now: float) -> None:
        if self.handing_over is None:
            return
        target, until = self.handing_over
        tail, progress = self.member.log.tail, self.sender.progress.get(target)
        if now >= until or progress is None:
            self._end_hand_over(False, f"{target} did not take over in time")
        elif not self.replaceable(now):
            self._end_hand_over(False, f"too few members answer for {target} to be promoted")
        elif self.member.commit == tail == progress.match and self._could_promote(
            [peer for peer, p in self.sender.progress.items() if p.round >= self._hand_over_round]
        ):
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
        """Heartbeats, hand-over, and the next step of a change."""
        self.member.effects += self.sender.timer(now)
        if self.handing_over and now >= min(self.handing_over[1], self._drain_due):
            self._drain_due = now + DRAIN_S
            self._drain(now)
        self._go_on(now)
