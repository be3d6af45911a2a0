"""A leader–follower member: the epoch that it promised, and what it keeps of a cut suffix.

Invariants: `promised` never decreases and is durable before anybody hears of it; `commit`
decreases only by a `Retracted`; the membership in force is the newest in the log.
"""

import msgspec

from plait.base.ports import CutSuffix, LogWrite, PutHardState
from plait.line.entry import NO_EPOCH, Epoch
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Membership
from plait.line.primary.messages import Seal
from plait.line.replication.log_view import Base, LogView, base_at
from plait.line.replication.member import Member as ReplicatedMember


class HardState(msgspec.Struct, frozen=True, array_like=True):
    """What a member must never forget; written with the log, in its order."""

    promised: Epoch = NO_EPOCH
    fresh: bool = True  # the disk is new: it cannot vouch for what it once acknowledged
    base: Base = Base()
    epochs: tuple[tuple[Epoch, int], ...] = ()
    admitted_at: int = 0  # what stands below may have been known to a lost disk
    memberships: tuple[tuple[int, Membership], ...] = ()  # by position; the first at the head
    origin: Origin = BEGINNING


def beginning(origin: Origin, *, fresh: bool) -> HardState:
    """What a member of a line that begins at `origin` remembers at first."""
    base = base_at(origin)
    return HardState(base.epoch, fresh, base, origin=origin)


class RescueNote(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a rescued suffix."""

    member: str
    cut_by: Epoch
    committed_here: bool  # some of it had been committed by the old leader's own rule
    time_ms: int = 0  # the driver's to fill in


class Member(ReplicatedMember):
    """The part of a primary core that every role shares."""

    def __init__(self, line: str, me: str, hard: HardState, log: LogView) -> None:
        super().__init__(line, me, log, hard.origin)
        self.memberships = list(hard.memberships)
        self.promised = hard.promised
        self.heard_number = 0  # of the newest epoch that a member told it promised
        self.fresh = hard.fresh
        self.admitted_at = hard.admitted_at

    @property
    def members(self) -> tuple[str, ...]:
        """The voters."""
        return self.membership.voters

    @property
    def leaving(self) -> tuple[str, ...]:
        """Who is a member no more by the membership in force, while that is not committed."""
        if len(self.memberships) < 2 or self.commit > self.membership_position:
            return ()
        before = self.memberships[-2][1].members
        return tuple(name for name in before if name not in self.membership.members)

    def bar(self, name: str) -> str:
        """Why `name` may not lead by what our log says of it; "" if it may.

        While joint only a voter of before may: so that whoever does not know of the change yet
        knows every candidate. (Among enough promises there is always one, or a witness.)
        """
        membership = self.membership
        if name in membership.retired:
            return f"{name} left {self.line}"
        if not membership.votes(name):
            return f"{name} has no vote on {self.line}"
        if name in membership.witnesses:
            return f"{name} is a witness of {self.line}: it keeps no state"
        if membership.joint and name not in membership.outgoing:
            return f"the members of {self.line} are changing; {name} cannot lead it yet"
        return ""

    def hard_state(self) -> PutHardState:
        """The write that records what must never be forgotten."""
        log = self.log
        state = HardState(
            self.promised, self.fresh, log.base, log.epochs, self.admitted_at,
            tuple(self.memberships), self.origin,
        )  # fmt: skip
        return PutHardState(self.line, msgspec.msgpack.encode(state))

    # ------------------------------------------------------------------ the log

    def cut(self, start: int, records: int, by: Epoch) -> list[LogWrite]:
        """Cut the suffix at `start`, kept as rescued; retract what was committed of it."""
        committed_here = start < self.commit
        note = RescueNote(self.me, by, committed_here)
        self.forget_suffix(start, records)
        if committed_here:
            self.retract(by, start)
        return [CutSuffix(self.line, start, msgspec.msgpack.encode(note)), self.hard_state()]

    def reset(self, base: Base, membership: Membership) -> list[LogWrite]:
        """Begin anew behind a copy of the state, with the membership that it carries.

        What the copy may lack of our log is kept as rescued.
        """
        log = self.log
        writes: list[LogWrite] = []
        start = self._doubtful_from()
        if start < log.tail and log.last_epoch != base.epoch:
            note = RescueNote(self.me, self.promised, start < self.commit)
            writes.append(CutSuffix(self.line, start, msgspec.msgpack.encode(note)))
        if self.commit > base.position:
            self.retract(self.promised, base.position)
        self.promised = max(self.promised, base.epoch)
        writes += self.begin_at(base, membership)
        return [*writes, self.hard_state()]

    def _doubtful_from(self) -> int:
        """Where entries begin that another leader's log may lack: not committed, or only by us."""
        log = self.log
        if log.last_epoch.candidate == self.me:
            return min(self.commit, log.epoch_start(log.tail - 1))
        return self.commit

    # ------------------------------------------------------------------ promises

    def obey(self, epoch: Epoch) -> list[LogWrite]:
        """A leader at least as new as every promise spoke: its epoch is promised by that."""
        if epoch <= self.promised:
            return []
        self.promised = epoch
        return [self.hard_state()]

    def obeys(self, epoch: Epoch) -> bool:
        """Whether `epoch` is the newest promised."""
        return epoch == self.promised

    def would_promise(self, seal: Seal) -> bool:
        """Whether `seal` may be granted: newer than every promise; a resume also undisputed.

        A candidate that we do not know may have become a member since. One that left disturbs
        nobody: who took its place can be promoted by the same members.
        """
        again = seal.epoch == self.promised
        if seal.epoch < self.promised or self.has_left(seal):
            return False
        if seal.resume:
            mine = self.promised.candidate == seal.epoch.candidate
            led_since = seal.last.candidate == seal.epoch.candidate and self.promised <= seal.last
            return again or mine or led_since or not self.has_promised
        return True

    @property
    def has_promised(self) -> bool:
        """Whether anybody was ever promised anything here."""
        return self.promised.number > self.origin.epoch

    def has_left(self, seal: Seal) -> bool:
        """Whether the candidate of `seal` was a member and is none any more.

        If its log ends in a newer epoch than ours, and does not say so, then ours was never
        committed: the leader of that epoch would have known.
        """
        left = seal.epoch.candidate in self.membership.retired
        return left and seal.last <= self.log.last_epoch

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        super().check()
        assert self.log.last_epoch <= self.promised or not self.has_promised
        assert self.origin.epoch <= self.promised.number
