"""A follower: persists what its leader pushes, and says what is durable.

A restarted member is a follower of nobody until a leader speaks. Whether an append is a legal
leader's word is the core's to say before it comes here.

How far behind it is, it measures by its leader's commit index, and only while that one knows
everything that was committed: once it has committed an entry of its own epoch (Ongaro's thesis
6.4), and until it doubts that it still leads. What was on its way for long is taken for new.
Entries may come by way of another follower (`passing`): they are the leader's, whoever brings
them, and matched like all; but what is new only the leader says.
"""

from functools import partial

from plait.base.ports import LogWrite
from plait.line.entry import NO_EPOCH, Epoch
from plait.line.replication.member import Member
from plait.line.replication.messages import Append, AppendReply
from plait.line.replication.receiver import Accepted, Mismatch, Receiver

SILENT_S = 0.5  # after this long without a word the lag counts from the last one


class Follower:
    """The role of every member that neither leads nor wants to."""

    name = "follower"

    def __init__(self, member: Member, leader: str | None = None) -> None:
        self.member = member
        self.leader = leader
        self.epoch: Epoch = NO_EPOCH
        self.receiver = Receiver(member.log)
        self.last_heard = float("-inf")
        self.vouched = float("-inf")  # when a leader last spoke that did not doubt itself
        self.caught_up = float("-inf")  # when we last had applied all that the leader committed
        self.leader_commit = 0
        self.passed_commit = 0  # of this epoch, by who passes on what its leader pushed
        self.leader_tail = 0
        self.leader_records = 0
        self.leader_bytes = 0

    deadline = float("inf")

    def append(self, peer: str, message: Append, now: float) -> None:
        """The leader pushed entries, or gave a sign of life."""
        member = self.member
        writes = member.obey(message.epoch)
        self._hear(message, now)
        verdict = self.receiver.judge(message)
        self._note_source(peer, message, isinstance(verdict, Accepted), now)
        if isinstance(verdict, Mismatch):
            hint = verdict.hint
            if writes:
                member.persist(writes, lambda at: self._reply(peer, message, False, hint, at))
            else:
                self._reply(peer, message, False, hint, now)
            return
        writes += self._store(verdict, message.epoch)
        self.receiver.verify(message.start + len(message.entries))
        admitted = message.admit and member.fresh and self._holds(message.admit_at)
        if admitted:
            member.admitted(message.admit_at, message.epoch)
            member.admitting = True
            writes.append(member.hard_state())
        if writes:
            then = partial(self._stored, peer, message, admitted)
            member.persist(writes, then, member.log.tail)
        elif message.round or message.entries:
            self._reply(peer, message, True, 0, now)
        self._commit()

    def _holds(self, position: int) -> bool:
        """Whether this very disk has everything below `position`: the leader may mean an older."""
        return min(self.receiver.verified, self.member.log.durable) >= position

    def _hear(self, message: Append, now: float) -> None:
        entered = message.epoch != self.epoch
        if entered or not message.passed_on:
            self.leader, self.epoch = message.epoch.candidate, message.epoch
        self.receiver.enter(message.epoch)
        if message.passed_on:
            self._hear_passed_on(message.commit, entered)
            return
        if entered:
            self.passed_commit = 0
        self.last_heard = now
        if not message.doubtful:
            self.vouched = now
        self.leader_commit = message.commit
        self.leader_tail = message.tail
        self.leader_records = message.tail_records
        self.leader_bytes = message.tail_bytes
        self.note_applied(now)

    def _hear_passed_on(self, commit: int, entered: bool) -> None:
        if entered:  # nothing that an earlier leader said tells how far this one is
            self.vouched, self.leader_commit, self.passed_commit = float("-inf"), 0, 0
        self.passed_commit = max(self.passed_commit, commit)

    def _note_source(self, peer: str, message: Append, matches: bool, now: float) -> None:
        source = self.member.source
        if not message.passed_on:
            source.led(message.commit, now)
        elif peer == source.name and message.copying:
            source.copying(now)
        elif peer == source.name and matches:
            source.has(message.commit, now)

    def _store(self, accepted: Accepted, epoch: Epoch) -> list[LogWrite]:
        member = self.member
        writes: list[LogWrite] = []
        if accepted.cut is not None:
            writes += member.cut(accepted.cut, accepted.entries[0].record_index, epoch)
            self.receiver.forget_above(accepted.cut)
        if accepted.entries:
            writes += member.append(accepted.start, accepted.entries, accepted.rows)
        return writes

    def _stored(self, peer: str, message: Append, admitted: bool, now: float) -> None:
        if admitted:
            self.member.admitting = False
        if self._follows(message.epoch):
            self._commit()
            self._reply(peer, message, True, 0, now)

    def _follows(self, epoch: Epoch) -> bool:
        """False if the leader changed, or a newer promise was given, while the disk worked."""
        return self.epoch == epoch and self.member.obeys(epoch)

    def _commit(self) -> None:
        known = max(self.leader_commit, self.passed_commit)
        self.member.commit_to(min(known, self.receiver.verified))

    def _reply(self, peer: str, message: Append, matched: bool, hint: int, now: float) -> None:
        member, verified = self.member, self.receiver.verified
        if not self._follows(message.epoch):
            return
        member.send(
            peer,
            AppendReply(
                member.line, self.epoch, matched, verified, min(verified, member.log.durable),
                member.applied, member.applied_records, self.lag_s(now),
                member.fresh or member.admitting, hint,
                message.round, message.passed_on, "" if message.passed_on else self._fed_by(now),
            ),
        )  # fmt: skip

    def _fed_by(self, now: float) -> str:
        source = self.member.source
        direct = source.name == self.leader or self.member.votes
        return source.name if source.well(now) and not direct else ""

    def note_applied(self, now: float) -> None:
        """Remember the moment if everything that the leader committed is applied."""
        if self.member.applied >= self.leader_commit and self.epoch != NO_EPOCH:
            self.caught_up = now
            if self._leader_knows():
                self.member.current_at = max(self.member.current_at, self.vouched)

    def lag_s(self, now: float) -> float:
        """Seconds that our applied state is behind what is committed, as far as we know."""
        current = self.member.applied >= self.leader_commit and self._leader_knows()
        if current and now - self.vouched < SILENT_S:
            return 0.0
        return now - self.member.current_at

    def _leader_knows(self) -> bool:
        """Whether the leader has committed an entry of its own epoch, which it does first of all.

        Before, its commit index is what it remembers: after a power cut, arbitrarily little.
        """
        return self.member.log.epoch_at(self.leader_commit - 1) == self.epoch
