"""A Raft leader: orders entries, pushes them, and commits what a majority has on disk.

Its first entry opens its term; older entries commit only beneath it, never by counting alone.
It writes its own log while it sends, and counts itself only once its disk has confirmed. A leader
that no majority has answered for a while steps down (*check-quorum*): its clients need not wait.

Leadership is handed over when it is asked for, when this member is leaving or a witness, and when
its own disk falls behind a majority's: entries are refused until the target holds all, then it
stands for election at once.

Invariants: commit only rises, and only to entries of this term or beneath them; one membership
change at a time, each committed before the next.

Source: Ongaro's thesis 3.5, 3.6.2, 3.10, 4.2, 4.3, 6.2 and 10.2.1.
"""

from plait.base.errors import Busy, NotLeader, PlaitError
from plait.line.entry import Entry, Epoch, Kind
from plait.line.membership import (
    Membership,
    Target,
    encode_membership,
    next_step,
    unfinished,
)
from plait.line.raft.election import Timing
from plait.line.raft.member import RaftMember
from plait.line.raft.messages import ReadIndexReply, TimeoutNow
from plait.line.raft.reads import Asked, Reads
from plait.line.raft.vocabulary import ReadFailed, ReadReady
from plait.line.replication.messages import AppendReply
from plait.line.replication.sender import Sender
from plait.line.replication.vocabulary import Deposed, MembersChanged, Promotion

UNCOMMITTED_BYTES = 64 << 20
DRAIN_S = 0.01  # how often a hand-over looks whether the target holds everything
SLOW_DISK_S = 1.0  # a leader whose disk is behind a majority's for so long hands over
HAND_OVER_S = 5.0


class Leader:
    """The role of the member that won a term."""

    name = "leader"

    def __init__(self, member: RaftMember, timing: Timing, now: float) -> None:
        self.member = member
        self.timing = timing
        self.epoch = Epoch(member.term, member.me)
        self.leader: str | None = member.me
        self.opening = member.log.tail  # position of the entry that opens the term
        self.sender = Sender(member.line, self.epoch, member.log, member.others, now)
        self.sender.commit = member.commit
        self.sender.set_learners(member.membership.learners)
        self.sender.confirmed = self._confirmed
        self.reads = Reads()
        self.target: Target | None = None
        self._calm_in: Membership | None = None  # the membership in which nothing is left to do
        self.deposed = False
        self.resigning = False  # the core makes us a follower
        self.handing_over: tuple[str, float] | None = None
        self._asked_hand_over = False  # somebody waits to hear how it ended
        self._drain_due = float("inf")
        self._began = now
        self._slow_since: float | None = None
        self._quorum_due = now + 2 * timing.election_s

    def open(self, now: float) -> None:
        """Append the entry that opens the term."""
        self._order(Entry(b"", 0, Kind.EPOCH), now)
        self.target = unfinished(self.member.membership)

    # ------------------------------------------------------------------ writing

    def refusal(self) -> PlaitError | None:
        """Why no entry can be taken now."""
        member = self.member
        if self.handing_over:
            return Busy(f"{member.line} is being handed over to {self.handing_over[0]}")
        if member.me in member.membership.witnesses:
            return NotLeader(f"{member.me} is a witness and leads only to hand {member.line} over")
        log = member.log
        if log.bytes_end - log.bytes_before(member.commit) > UNCOMMITTED_BYTES:
            return Busy(f"{member.line} has {UNCOMMITTED_BYTES} bytes waiting to be committed")
        return None

    def propose(self, entry: Entry, now: float) -> None:
        """Order an entry."""
        self._order(entry, now)

    def _order(self, entry: Entry, now: float) -> None:
        member = self.member
        entry = entry.stamped(self.epoch, member.log.records)
        writes = member.append(member.log.tail, (entry,), (entry.encode(),))
        if entry.kind is Kind.MEMBERS:
            self.sender.set_followers(member.others, now)
            self.sender.set_learners(member.membership.learners)
            member.effects.append(MembersChanged())
        self._pump(now)  # followers first: their disks are the longer way
        member.persist(writes, self._persisted, member.log.tail)

    def _persisted(self, now: float) -> None:
        if not self.deposed:  # else what followers once had on disk says nothing about our log
            self.advance(now)

    def _pump(self, now: float) -> None:
        self.member.effects += self.sender.pump(now)

    # ------------------------------------------------------------------ hearing, committing

    def replied(self, peer: str, reply: AppendReply, now: float) -> None:
        """A follower said what it holds."""
        if reply.epoch != self.epoch or peer not in self.sender.progress:
            return
        self.member.effects += self.sender.replied(peer, reply, now)
        self.advance(now)
        if self.reads:
            self.answer_reads(now)

    def _reached(self, name: str) -> int:
        if name == self.member.me:
            return self.member.log.durable
        progress = self.sender.progress[name]
        return 0 if progress.fresh else progress.match

    def advance(self, now: float) -> None:
        """Commit what a majority has on disk."""
        member = self.member
        position = member.membership.decided(self._reached)
        if position > max(member.commit, self.opening):
            first = member.commit <= self.opening
            member.commit_to(position)
            self.sender.advance(position, now)
            if first and self.reads:
                self.answer_reads(now)
        elif member.committed_told < member.commit:
            member.commit_to(member.commit)  # it was our own disk that lagged
        self._go_on(now)

    # ------------------------------------------------------------------ reading

    def ask_read(self, asked: Asked, now: float) -> None:
        """Somebody wants to read."""
        self.reads.ask(asked)
        self.answer_reads(now)

    def answer_reads(self, now: float) -> None:
        """Answer what is confirmed, and let the next round begin."""
        member = self.member
        if member.commit <= self.opening:
            return  # what former terms committed is not known yet
        while True:
            self.reads.begin(member.commit, lambda: self._begin_round(now))
            position, confirmed = self.reads.confirmed(self._confirmed)
            if not confirmed:
                return
            for peer, id_ in confirmed:
                if peer is None:
                    member.effects.append(ReadReady(id_, position))
                else:
                    member.send(peer, ReadIndexReply(member.line, id_, position))

    def _begin_round(self, now: float) -> int:
        self.member.effects += self.sender.begin_round(now)
        return self.sender.round

    def _confirmed(self, round_: int) -> bool:
        progress = self.sender.progress
        answered = {p for p, known in progress.items() if known.round >= round_ and not known.fresh}
        return self.member.membership.quorum(answered | {self.member.me})

    def abandon(self) -> None:
        """We lead no more: nobody may wait for us."""
        self.deposed = True
        member = self.member
        member.effects.append(Deposed())
        for peer, id_ in self.reads.abandon():
            if peer is None:
                member.effects.append(ReadFailed(id_))
            else:
                member.send(peer, ReadIndexReply(member.line, id_, None))

    # ------------------------------------------------------------------ membership

    def reconfigure(self, target: Target, now: float) -> None:
        """Go to another membership."""
        self.target = target
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        """The next step to the wanted membership, once the one in force is committed."""
        member = self.member
        if self.target is None and member.membership is self._calm_in:
            return
        if member.commit <= max(self.opening, member.membership_position):
            return
        if self.target is not None:
            step = next_step(
                member.membership, self.target, lambda name: self._caught_up(name, now)
            )
            if step is not None:
                self._order(Entry(encode_membership(step), 0, Kind.MEMBERS), now)
                return
            if self._arrived(self.target, member.membership):
                self.target = None
        if not member.votes:  # the change that removed us is committed
            best = self.best_follower(now)
            if best is not None:
                member.send(best, TimeoutNow(member.line, member.term))
            self.resigning = True
        elif member.me in member.membership.witnesses:
            if self.handing_over is None:
                self._hand_over_to_best(now)
        elif self.target is None:
            self._calm_in = member.membership

    def _arrived(self, target: Target, membership: Membership) -> bool:
        return membership.has_voters(target) and not membership.joint

    def _caught_up(self, name: str, now: float) -> bool:
        if name == self.member.me:
            return True
        progress = self.sender.progress.get(name)
        if progress is None or not progress.caught_up(self.member.commit):
            return False
        return now - progress.last_heard <= self.timing.election_s

    # ------------------------------------------------------------------ handing over

    def hand_over(self, target: str, until: float, now: float, *, asked: bool = True) -> None:
        """Stop taking entries and let `target` stand for election once it holds everything."""
        self.handing_over = (target, until)
        self._asked_hand_over = asked
        self._drain_due = now + DRAIN_S
        self._drain(now)

    def handed_over(self, by: str, term: int) -> None:
        """We were deposed: tell whoever asked for a hand-over."""
        if self.handing_over is None or not self._asked_hand_over:
            return
        target = self.handing_over[0]
        why = f"handed over: {by or 'somebody'} stands in term {term}" if term else "lost majority"
        won = by == target or (not by and term > 0)
        self.member.effects.append(Promotion(won, why, {"target": target}))

    def _hand_over_to_best(self, now: float) -> None:
        best = self.best_follower(now)
        if best is not None:
            self.hand_over(best, now + HAND_OVER_S, now, asked=False)

    def best_follower(self, now: float) -> str | None:
        """The voter, no witness, that holds most and answered lately."""
        membership = self.member.membership
        able = [
            (progress.match, peer)
            for peer, progress in self.sender.progress.items()
            if peer in membership.voters
            and peer not in membership.witnesses
            and not progress.fresh
            and now - progress.last_heard <= self.timing.election_s
        ]
        return max(able)[1] if able else None

    def _drain(self, now: float) -> None:
        if self.handing_over is None:
            return
        target, until = self.handing_over
        progress = self.sender.progress.get(target)
        if now >= until or progress is None:
            self.handing_over = None
            if self._asked_hand_over:
                why = f"{target} did not take over in time"
                self.member.effects.append(Promotion(False, why, {"target": target}))
        elif progress.match == self.member.log.tail:
            self.member.send(target, TimeoutNow(self.member.line, self.member.term))

    # ------------------------------------------------------------------ time

    @property
    def deadline(self) -> float:
        """When `timer` wants to be called."""
        due = min(self.sender.deadline, self._quorum_due)
        if self.handing_over is None:
            return due
        return min(due, self.handing_over[1], self._drain_due)

    def timer(self, now: float) -> None:
        """Heartbeats, check-quorum, hand-over, and a look at our own disk."""
        self.member.effects += self.sender.timer(now)
        if now >= self._quorum_due:
            self._quorum_due = now + self.timing.election_s / 2
            self.resigning = self.resigning or not self._has_quorum(now)
        if self.handing_over and now >= min(self.handing_over[1], self._drain_due):
            self._drain_due = now + DRAIN_S
            self._drain(now)
        self._look_at_disk(now)

    def confirmed_at(self, now: float) -> float:
        """Since when a majority has answered; nobody else can have committed anything before."""
        membership, progress = self.member.membership, self.sender.progress
        for moment in sorted((p.last_heard for p in progress.values()), reverse=True):
            heard = {peer for peer, p in progress.items() if p.last_heard >= moment}
            if membership.quorum(heard | {self.member.me}):
                return moment
        return now if membership.quorum({self.member.me}) else float("-inf")

    def _has_quorum(self, now: float) -> bool:
        confirmed_at = max(self.confirmed_at(now), self._began)
        self.member.current_at = max(self.member.current_at, confirmed_at)
        return now - confirmed_at <= 2 * self.timing.election_s

    def _look_at_disk(self, now: float) -> None:
        """A majority's disks hold what ours does not: somebody else leads better."""
        member = self.member
        if member.commit <= member.log.durable:
            self._slow_since = None
        elif self._slow_since is None:
            self._slow_since = now
        elif now - self._slow_since > SLOW_DISK_S and self.handing_over is None:
            self._slow_since = now
            self._hand_over_to_best(now)
