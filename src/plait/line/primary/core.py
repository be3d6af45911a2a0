"""The leader–follower core of one member of one line: `step(event, now) -> effects`.

::

                 PromoteMe                    enough promises, best tail fetched
      Follower ────────────► Candidate ───────────────────────────────────────► Leader
         ▲                       │ a newer promise, an append, time is up           │
         └───────────────────────┴──────────────────────────────────────────────────┘

Sans-IO: the driver carries out effects in order, tells `Persisted` when the disk confirmed, calls
`Timer` at `deadline`, and steps received messages before timers. There are no elections here:
somebody outside asks a member to promote itself (an operator, or a control group).

Fencing needs no clock: the members that promise an epoch meet every set of members that could
commit without them. Where that cannot hold (`acks="leader"`, accepted loss), what is cut is kept
as rescued, and what had been committed is announced as `Retracted`.
"""

from plait.base.errors import BadSettings, Busy, NotLeader, PlaitError, RuleUnmet
from plait.line.entry import Epoch
from plait.line.membership import Target, check_target, decode_membership
from plait.line.primary.answers import answer_fetch, promise_of
from plait.line.primary.candidate import Candidate
from plait.line.primary.leader import Leader
from plait.line.primary.member import HardState, Member
from plait.line.primary.messages import Fetch, Fetched, Message, Promise, Seal, TakeOver
from plait.line.primary.rule import RuleInForce
from plait.line.primary.vocabulary import (
    Applied,
    ChangeRule,
    Confirm,
    Deposed,
    Effect,
    Event,
    HandOver,
    Loaded,
    MembersChanged,
    PeerUp,
    Persisted,
    PromoteMe,
    Promotion,
    Propose,
    Received,
    Reconfigure,
    SnapshotDone,
    SnapshotInstalled,
    Timer,
    TrimTo,
)
from plait.line.quorum import AckRule
from plait.line.replication.follower import Follower
from plait.line.replication.log_view import Base, LogView
from plait.line.replication.messages import Append, AppendReply, Superseded
from plait.line.replication.sender import Sender

TAKE_OVER_S = 5.0


class PrimaryCore:
    """One member. `rule` is the line's; who the members are, its log tells."""

    def __init__(self, line: str, me: str, rule: AckRule, hard: HardState, log: LogView) -> None:
        self.member = Member(line, me, hard, log)
        self.rule = rule
        self.rule_in_force = RuleInForce(rule)
        if self.member.members and self.member.as_founded:
            founders = self.member.membership
            rule.check(founders.voters, dict(founders.zones))  # `RuleUnmet` by its founders
        self.role: Follower | Candidate | Leader = Follower(self.member)

    # ------------------------------------------------------------------ what it is

    @property
    def leader(self) -> str | None:
        """Who leads, as far as this member knows."""
        return self.role.leader

    @property
    def sender(self) -> Sender | None:
        """What this member pushes to its followers, if it leads."""
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

    @property
    def k(self) -> int:
        """The followers that the rule in force asks for."""
        membership = self.member.membership
        return self.rule_in_force.k(membership.voters, dict(membership.zones))

    def reconfiguration_refusal(self, target: Target) -> PlaitError | None:
        """Why this member cannot begin to go to another membership now, or None."""
        refusal = self.refusal()
        if refusal is not None:
            return refusal
        member = self.member
        if member.membership.joint:
            return Busy(f"the members of {member.line} are changing already")
        try:
            check_target(member.membership, target)
            zones = dict(member.membership.zones) | dict(target.zones)
            self.rule.check(target.voters, {name: zones[name] for name in zones if zones[name]})
        except (BadSettings, RuleUnmet) as error:
            return error
        return None

    # ------------------------------------------------------------------ stepping

    def step(self, event: Event, now: float) -> list[Effect]:
        """Take an event in; the effects that it asks for, in order."""
        before = self.member.membership
        match event:
            case Propose(entry):
                assert isinstance(self.role, Leader)
                assert self.role.refusal() is None
                self.role.propose(entry, now)
            case Received(peer, message):
                self._received(peer, message, now)
            case Persisted(token):
                self.member.persisted(token, now)
            case Timer():
                self._timer(now)
            case Applied(position, records):
                self.note_applied(position, records, now)
            case Loaded(peer, start, rows):
                if isinstance(self.role, Leader) and peer in self.role.sender.progress:
                    self.member.effects += self.role.sender.loaded(peer, start, rows, now)
            case PeerUp(peer):
                self._peer_up(peer, now)
            case SnapshotDone(peer, position):
                if isinstance(self.role, Leader) and peer in self.role.sender.progress:
                    self.member.effects += self.role.sender.snapshot_done(peer, position, now)
            case SnapshotInstalled():
                self._installed(event, now)
            case Confirm():
                if isinstance(self.role, Leader):
                    self.member.effects += self.role.sender.begin_round(now)
            case PromoteMe():
                self._promote(event, now)
            case HandOver(target, until):
                self._hand_over(target, until, now)
            case ChangeRule(k):
                self.rule_in_force.change(k, self.member.members)
                if isinstance(self.role, Leader):
                    self.role.advance(now)
            case Reconfigure(target):
                assert isinstance(self.role, Leader)
                assert self.reconfiguration_refusal(target) is None
                self.role.reconfigure(target, now)
            case TrimTo(position, records):
                self.member.trim(position, records)
        self._settle(now)
        if self.member.membership != before:
            self.member.effects.append(MembersChanged())
        effects, self.member.effects = self.member.effects, []
        return effects

    def note_applied(self, position: int, records: int, now: float) -> None:
        """What `Applied` says; nothing is asked for, so no step is needed."""
        self.member.applied, self.member.applied_records = position, records
        if isinstance(self.role, Follower):
            self.role.note_applied(now)

    def _settle(self, now: float) -> None:
        """A candidate that is done becomes a leader, or a follower again."""
        role = self.role
        if isinstance(role, Candidate) and (role.ready or role.failed):
            report = role.report(now)
            if role.failed:
                undisturbed = role.following.epoch == self.member.promised
                self.role = role.following if undisturbed else Follower(self.member)
            else:
                self.role = Leader(self.member, role.epoch, self.rule_in_force, now)
                for peer, promise in role.promises.items():
                    if promise.fresh and peer in self.role.sender.progress:
                        self.role.sender.known_fresh(peer)
                self.role.open(now)
            self.member.effects.append(report)

    # ------------------------------------------------------------------ messages

    def _received(self, peer: str, message: Message, now: float) -> None:
        # whom we do not know may have become a member since: what it may do, its epoch decides
        match message:
            case Append():
                self._append(peer, message, now)
            case AppendReply():
                if isinstance(self.role, Leader):
                    self.role.replied(peer, message, now)
            case Superseded():
                if peer in self.member.others:
                    self._superseded(message, now)
            case Seal():
                self._seal(peer, message, now)
            case Promise():
                if isinstance(self.role, Candidate):
                    self.role.promised(peer, message, now)
            case Fetch():
                answer_fetch(self.member, peer, message)
            case Fetched():
                if isinstance(self.role, Candidate):
                    self.role.fetched(peer, message, now)
            case TakeOver(_, epoch):
                follows = isinstance(self.role, Follower) and epoch == self.member.promised
                if follows and not self.member.fresh:
                    self._promote(PromoteMe(now + TAKE_OVER_S, skip_survey=True), now)
            case _:
                pass  # snapshots are the driver's

    def _append(self, peer: str, message: Append, now: float) -> None:
        member = self.member
        if message.epoch < member.promised:
            member.send(peer, Superseded(member.line, message.epoch, member.promised))
            return
        if message.epoch.candidate == member.me:
            return  # an echo of our own epoch
        role = self.role
        if isinstance(role, Candidate) and not role.binding and message.epoch == member.promised:
            role = role.following  # a survey disturbs nobody
        if not isinstance(role, Follower):
            role = self._step_down(message.epoch, now)
        role.append(peer, message, now)

    def _superseded(self, message: Superseded, now: float) -> None:
        role, member = self.role, self.member
        member.heard_number = max(member.heard_number, message.promised.number)
        if isinstance(role, Leader) and message.promised > role.epoch == message.refused:
            self._step_down(message.promised, now)

    def _seal(self, peer: str, seal: Seal, now: float) -> None:
        member = self.member
        granted = member.would_promise(seal)
        if not (granted and seal.binding):
            member.send(peer, promise_of(member, seal, granted))
            return
        if seal.epoch > member.promised:
            self._step_down(seal.epoch, now)
        member.promised = seal.epoch
        member.persist(
            [member.hard_state()],
            # by the time the disk answers a newer promise may stand; it answers for itself
            lambda _: member.send(peer, promise_of(member, seal, member.promised == seal.epoch)),
        )

    # ------------------------------------------------------------------ roles

    def _step_down(self, by: Epoch, now: float) -> Follower:
        """Follow, since `by` was promised or its leader spoke."""
        role, effects = self.role, self.member.effects
        follower = self.role = Follower(self.member)
        if isinstance(role, Leader):
            role.deposed = True
            effects.append(Deposed())
            role.handed_over(by)
        elif isinstance(role, Candidate):
            role.failed = f"{by.candidate} was promised epoch {by}"
            effects.append(role.report(now))
        return follower

    def _promote(self, ask: PromoteMe, now: float) -> None:
        member = self.member
        if isinstance(self.role, Leader):
            member.effects.append(Promotion(True, "leads already", {"epoch": str(self.role.epoch)}))
        elif isinstance(self.role, Candidate):
            member.effects.append(Promotion(False, "a promotion is under way already", {}))
        elif ask.resume and not self._may_resume():
            why = f"{member.promised.candidate} was promised since this node led"
            member.effects.append(Promotion(False, why, {}))
        elif not member.votes or member.me in member.membership.witnesses:
            member.effects.append(Promotion(False, member.bar(member.me), {}))
        else:
            patient = self.rule.text == "leader" and not ask.resume
            self.role = Candidate(member, self.role, ask, self.rule_in_force, patient, now)

    def _may_resume(self) -> bool:
        promised = self.member.promised
        return not self.member.has_promised or promised.candidate == self.member.me

    def _hand_over(self, target: str, until: float, now: float) -> None:
        role = self.role
        if not isinstance(role, Leader) or target not in role.sender.progress:
            why = f"{self.member.me} does not lead, or {target} is no follower"
            self.member.effects.append(Promotion(False, why, {"target": target}))
        elif role.handing_over is not None:
            why = f"a hand-over to {role.handing_over[0]} is under way"
            self.member.effects.append(Promotion(False, why, {"target": target}))
        elif self.member.bar(target):
            why = self.member.bar(target)
            self.member.effects.append(Promotion(False, why, {"target": target}))
        elif role.sender.progress[target].fresh:
            why = f"{target} has a new disk and has not caught up"
            self.member.effects.append(Promotion(False, why, {"target": target}))
        elif not role.replaceable(now):
            why = f"too few members answer for {target} to be promoted"
            self.member.effects.append(Promotion(False, why, {"target": target}))
        else:
            role.hand_over(target, until, now)

    def _timer(self, now: float) -> None:
        if isinstance(self.role, Leader | Candidate):
            self.role.timer(now)

    def _peer_up(self, peer: str, now: float) -> None:
        if isinstance(self.role, Leader) and peer in self.role.sender.progress:
            self.role.sender.peer_reset(peer)
            self.member.effects += self.role.sender.pump(now)

    # ------------------------------------------------------------------ the head of the log

    def _installed(self, event: SnapshotInstalled, now: float) -> None:
        member = self.member
        base = Base(event.position, event.last, event.records)
        if member.continues(base):  # what follows the copy may have been acknowledged: it stays
            member.persist(member.trim_to(base), None)
            return
        if not isinstance(self.role, Follower):
            self._step_down(member.promised, now)
        assert isinstance(self.role, Follower)
        self.role.receiver.forget_above(event.position)
        writes = member.reset(base, decode_membership(event.membership))
        member.persist(writes, None, event.position)

    # ------------------------------------------------------------------ truth

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        self.member.check()
        if isinstance(self.role, Leader):
            assert self.role.epoch == self.member.promised
            copied = {*self.member.others, *self.member.leaving} - {self.member.me}
            assert set(self.role.sender.progress) == copied
            for progress in self.role.sender.progress.values():
                assert progress.match <= progress.next


def opened(
    line: str,
    me: str,
    rule: AckRule,
    hard: HardState,
    tail: int,
    records: int,
    committed: int,
) -> PrimaryCore:
    """A core as it starts from disk.

    `tail` and `records` are those of the entries there; everything below `committed` is known to
    be committed, because it was applied before the restart.
    """
    log = LogView(hard.base)
    log.restore(list(hard.epochs), tail, records)
    core = PrimaryCore(line, me, rule, hard, log)
    core.member.commit = core.member.committed_told = max(log.head, min(committed, tail))
    return core
