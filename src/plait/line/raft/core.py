"""The Raft core of one member of one line: `step(event, now) -> effects`.

::

               silence, or the leader's links broke        a majority would vote
      Follower ─────────────────────────────► Candidate ─────────────────────► Candidate
         ▲                                    (pre-vote)                       (term + 1)
         │  an append of this term or a newer one, a newer term                    │ a majority
         ├──────────────────────────────────────────────────────────────────────── │ voted
         │  a newer term, no majority answers, left the membership                 ▼
         └────────────────────────────────────────────────────────────────────── Leader

Sans-IO: the driver carries out effects in order, tells `Persisted` when the disk confirmed, calls
`Timer` at `deadline`, and steps received messages before timers. Time and chance are arguments.

The log itself (progress, matching, cutting, copies of the state) is `line.replication`, shared
with leader–follower lines; this adds elections, majorities, reads and memberships.

Source: Ongaro, "Consensus: Bridging Theory and Practice" (2014); the files cite its sections.
"""

from plait.base.errors import BadFrame, BadSettings, Busy, NotLeader, PlaitError
from plait.base.ports import Random
from plait.line.entry import Epoch
from plait.line.membership import Target, check_target, decode_membership
from plait.line.raft.election import ELECTION_S, Candidate, Timing, judge
from plait.line.raft.follower import RaftFollower
from plait.line.raft.leader import Leader
from plait.line.raft.member import HardState, RaftMember
from plait.line.raft.messages import (
    Message,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    TimeoutNow,
    Vote,
)
from plait.line.raft.reads import Asked
from plait.line.raft.vocabulary import (
    AskRead,
    Effect,
    Event,
    PeerDown,
    ReadFailed,
    ReadReady,
    StandNow,
)
from plait.line.replication.log_view import Base, LogView
from plait.line.replication.messages import Append, AppendReply, Superseded
from plait.line.replication.sender import Sender
from plait.line.replication.vocabulary import (
    Applied,
    HandOver,
    Loaded,
    MembersChanged,
    PeerUp,
    Persisted,
    Promotion,
    Propose,
    Received,
    Reconfigure,
    SnapshotDone,
    SnapshotInstalled,
    Timer,
    TrimTo,
)


class RaftCore:
    """One member."""

    def __init__(
        self,
        line: str,
        me: str,
        hard: HardState,
        log: LogView,
        random: Random,
        now: float,
        election_s: float = ELECTION_S,
    ) -> None:
        self.member = RaftMember(line, me, hard, log)
        self.timing = Timing(random, election_s)
        self.role: RaftFollower | Candidate | Leader = RaftFollower(self.member, self.timing, now)

    # ------------------------------------------------------------------ what it is

    @property
    def leader(self) -> str | None:
        """Who leads, as far as this member knows."""
        return self.role.leader

    @property
    def sender(self) -> Sender | None:
        """What this member pushes to the others, if it leads."""
        return self.role.sender if isinstance(self.role, Leader) else None

    @property
    def opening(self) -> int:
        """Where the epoch that this member leads was opened; -1 if it leads none."""
        return self.role.opening if isinstance(self.role, Leader) else -1

    @property
    def deadline(self) -> float:
        """The monotonic time at which a `Timer` is due."""
        return self.role.deadline

    def refusal(self) -> PlaitError | None:
        """Why this member cannot take an entry now, or None."""
        if isinstance(self.role, Leader):
            return self.role.refusal()
        member = self.member
        return NotLeader(f"{member.me} does not lead {member.line}", leader=self.leader)

    def reconfiguration_refusal(self, target: Target) -> PlaitError | None:
        """Why this member cannot begin to go to another membership now, or None."""
        refusal = self.refusal()
        if refusal is not None:
            return refusal
        assert isinstance(self.role, Leader)
        if self.member.membership.joint:
            return Busy(f"the members of {self.member.line} are changing already")
        try:
            check_target(self.member.membership, target)
        except BadSettings as error:
            return error
        return None

    # ------------------------------------------------------------------ stepping

    def step(self, event: Event, now: float) -> list[Effect]:
        """Take an event in; the effects that it asks for, in order."""
        role, member = self.role, self.member
        match event:
            case Propose(entry):
                assert isinstance(role, Leader)
                assert role.refusal() is None
                role.propose(entry, now)
            case Received(peer, message):
                self._received(peer, message, now)
            case Persisted(token):
                member.persisted(token, now)
            case Timer():
                self._timer(now)
            case Applied(position, records):
                self.note_applied(position, records, now)
            case AskRead(id_):
                self._ask_read(id_, now)
            case Loaded(peer, start, rows):
                if isinstance(role, Leader) and peer in role.sender.progress:
                    member.effects += role.sender.loaded(peer, start, rows, now)
            case PeerUp(peer):
                if isinstance(role, Leader) and peer in role.sender.progress:
                    role.sender.peer_reset(peer)
                    member.effects += role.sender.pump(now)
            case PeerDown(peer):
                if isinstance(role, RaftFollower) and role.leader == peer:
                    role.leader_lost(now)
            case SnapshotDone(peer, position):
                if isinstance(role, Leader) and peer in role.sender.progress:
                    member.effects += role.sender.snapshot_done(peer, position, now)
            case SnapshotInstalled():
                self._installed(event, now)
            case HandOver(target, until):
                self._hand_over(target, until, now)
            case Reconfigure(target):
                assert isinstance(role, Leader)
                assert self.reconfiguration_refusal(target) is None
                role.reconfigure(target, now)
            case StandNow():
                if isinstance(role, RaftFollower) and role.may_stand:
                    self._stand(now, pre=True)
                elif isinstance(role, Candidate):
                    role.ask(now)
            case TrimTo(position, records):
                member.trim(position, records)
        self._settle(now)
        effects, member.effects = member.effects, []
        return effects

    def note_applied(self, position: int, records: int, now: float) -> None:
        """What `Applied` says; nothing is asked for, so no step is needed."""
        self.member.applied, self.member.applied_records = position, records
        if isinstance(self.role, RaftFollower):
            self.role.note_applied(now)

    def _settle(self, now: float) -> None:
        """A candidate that won goes on; a leader that should not lead does not."""
        role = self.role
        if isinstance(role, Leader) and role.resigning:
            self._follow(None, now)
        elif isinstance(role, Candidate) and role.won:
            if role.pre:
                self._stand(now, pre=False, transfer=role.transfer)
            elif self.member.fresh:
                self._found(role)
            else:
                self._lead(now)

    def _found(self, role: Candidate) -> None:
        """The line's founder: that it is one must be durable before anybody holds its entries."""
        member = self.member
        member.fresh = False
        role.standing = False

        def founded(now: float) -> None:
            if self.role is role:
                self._lead(now)

        member.persist([member.hard_state()], founded)

    def _stand(self, now: float, *, pre: bool, transfer: bool = False) -> None:
        candidate = Candidate(self.member, self.timing, now, pre=pre, transfer=transfer)
        self.role = candidate
        candidate.timer(now)

    def _lead(self, now: float) -> None:
        role = self.role
        assert isinstance(role, Candidate)
        self.role = leader = Leader(self.member, self.timing, now)
        for peer, vote in role.votes.items():
            if vote.fresh and peer in leader.sender.progress:
                leader.sender.known_fresh(peer)
        leader.open(now)

    def _follow(self, leader: str | None, now: float, term: int = 0) -> RaftFollower:
        """Be a follower from now on: of `leader`, or of whoever will speak."""
        role = self.role
        follower = self.role = RaftFollower(self.member, self.timing, now, leader)
        if isinstance(role, Leader):
            role.handed_over(leader or "", term)
            role.abandon()
        return follower

    def _enter(self, term: int, now: float) -> None:
        """Somebody speaks of a newer term."""
        member = self.member
        member.enter(term)
        if not isinstance(self.role, RaftFollower):
            self._follow(None, now, term)
        else:
            self.role.leader = None
        member.persist([member.hard_state()], None)

    # ------------------------------------------------------------------ messages

    def _received(self, peer: str, message: Message, now: float) -> None:
        role, member = self.role, self.member
        match message:
            case Append():
                self._append(peer, message, now)
            case AppendReply():
                if isinstance(role, Leader):
                    role.replied(peer, message, now)
            case RequestVote():
                self._vote(peer, message, now)
            case Vote():
                if isinstance(role, Candidate):
                    role.voted(peer, message)
                if message.term > member.term:
                    self._enter(message.term, now)
            case Superseded(_, _, promised):
                if promised.number > member.term and peer in member.others:
                    self._enter(promised.number, now)
            case ReadIndex(_, id_):
                if isinstance(role, Leader):
                    role.ask_read(Asked(peer, id_), now)
                else:
                    member.send(peer, ReadIndexReply(member.line, id_, None))
            case ReadIndexReply(_, id_, position):
                failed = position is None
                member.effects.append(ReadFailed(id_) if failed else ReadReady(id_, position or 0))
            case TimeoutNow(_, term):
                follows = isinstance(role, RaftFollower) and term == member.term
                if follows and member.votes and not member.fresh:
                    self._stand(now, pre=False, transfer=True)
            case _:
                pass  # copies of the state are the driver's

    def _append(self, peer: str, message: Append, now: float) -> None:
        member, term = self.member, message.epoch.number
        if term < member.term:
            answer = Superseded(member.line, message.epoch, Epoch(member.term, ""))
            member.send(peer, answer)
            return
        role = self.role
        if isinstance(role, Leader) and term == member.term:
            if message.epoch.candidate != member.me:
                raise BadFrame(f"{peer} speaks for a second leader in term {term}")
            return  # an echo of our own
        if not isinstance(role, RaftFollower):
            role = self._follow(message.epoch.candidate, now, term)
        before = member.membership
        role.append(peer, message, now)
        if member.membership is not before:
            member.effects.append(MembersChanged())

    def _vote(self, peer: str, ask: RequestVote, now: float) -> None:
        role, member = self.role, self.member
        led = isinstance(role, Leader) or (isinstance(role, RaftFollower) and role.is_led(now))
        if not ask.pre and ask.term > member.term and not (led and not ask.transfer):
            self._enter(ask.term, now)
        granted = judge(member, peer, ask, led)
        if granted is None:
            return
        if ask.pre or not granted:
            member.send(peer, self._answer(ask, granted))
            return
        member.vote = peer
        if isinstance(self.role, RaftFollower):
            self.role.be_patient(now)
        member.persist(
            [member.hard_state()],
            # by the time the disk answers a newer term may stand; it answers for itself
            lambda _: member.send(peer, self._answer(ask, self._voted_for(peer, ask.term))),
        )

    def _voted_for(self, peer: str, term: int) -> bool:
        return (self.member.term, self.member.vote) == (term, peer)

    def _answer(self, ask: RequestVote, granted: bool) -> Vote:
        member = self.member
        return Vote(
            member.line, ask.term, ask.pre, granted, member.term, member.fresh,
            member.empty,
        )  # fmt: skip

    # ------------------------------------------------------------------ the rest

    def _ask_read(self, id_: int, now: float) -> None:
        role, member = self.role, self.member
        if isinstance(role, Leader):
            role.ask_read(Asked(None, id_), now)
        elif role.leader is not None and role.leader != member.me:
            member.send(role.leader, ReadIndex(member.line, id_))
        else:
            member.effects.append(ReadFailed(id_))

    def _hand_over(self, target: str, until: float, now: float) -> None:
        role, member = self.role, self.member
        why = ""
        if not isinstance(role, Leader):
            why = f"{member.me} does not lead {member.line}"
        elif target == member.me:
            why = f"{target} leads already"
        elif target not in member.membership.voters or target in member.membership.witnesses:
            why = f"{target} has no vote on {member.line}, or keeps no state"
        elif role.handing_over is not None:
            why = f"a hand-over to {role.handing_over[0]} is under way"
        elif role.sender.progress[target].fresh:
            why = f"{target} has a new disk and has not caught up"
        else:
            role.hand_over(target, until, now)
        if why:
            member.effects.append(Promotion(False, why, {"target": target}))

    def _timer(self, now: float) -> None:
        role = self.role
        if isinstance(role, Leader):
            role.timer(now)
        elif now >= role.deadline:
            if isinstance(role, Candidate) and now < role.until:
                role.timer(now)
            elif self.member.may_stand:
                self._stand(now, pre=True)
            else:
                self._follow(None, now)

    def _installed(self, event: SnapshotInstalled, now: float) -> None:
        member = self.member
        base = Base(event.position, event.last, event.records)
        if base.position < member.log.head:
            return  # an old copy: the log would end before what is known to be committed
        if member.continues(base):
            member.persist(member.trim_to(base), None)
            return
        role = self.role
        if not isinstance(role, RaftFollower):
            role = self._follow(None, now)
        role.receiver.forget_above(event.position)
        writes = member.reset(base, decode_membership(event.membership))
        member.effects.append(MembersChanged())
        member.persist(writes, None, event.position)

    # ------------------------------------------------------------------ truth

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        self.member.check()
        if isinstance(self.role, Leader):
            assert self.role.epoch == Epoch(self.member.term, self.member.me)
            assert set(self.role.sender.progress) == set(self.member.others)
            for progress in self.role.sender.progress.values():
                assert progress.match <= progress.next
