"""A leader–follower member: the epoch that it promised, and what it keeps of a cut suffix.

Invariants: `promised` never decreases and is durable before anybody hears of it; `commit`
decreases only by a `Retracted`.
"""

import msgspec

from plait.base.ports import CutSuffix, LogWrite, PutHardState
from plait.line.entry import NO_EPOCH, Epoch
from plait.line.membership import founding
from plait.line.primary.messages import Seal
from plait.line.replication.log_view import Base, LogView
from plait.line.replication.member import Member as ReplicatedMember


class HardState(msgspec.Struct, frozen=True, array_like=True):
    """What a member must never forget; written with the log, in its order."""

    promised: Epoch = NO_EPOCH
    fresh: bool = True  # the disk is new: it cannot vouch for what it once acknowledged
    base: Base = Base()
    epochs: tuple[tuple[Epoch, int], ...] = ()
    admitted_at: int = 0  # what stands below may have been known to a lost disk


class RescueNote(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a rescued suffix."""

    member: str
    cut_by: Epoch
    committed_here: bool  # some of it had been committed by the old leader's own rule
    time_ms: int = 0  # the driver's to fill in


class Member(ReplicatedMember):
    """The part of a primary core that every role shares."""

    def __init__(
        self, line: str, me: str, members: tuple[str, ...], hard: HardState, log: LogView
    ) -> None:
        assert me in members
        super().__init__(line, me, log)
        self.memberships = [(-1, founding(members))]
        self.promised = hard.promised
        self.heard_number = 0  # of the newest epoch that a member told it promised
        self.fresh = hard.fresh
        self.admitted_at = hard.admitted_at

    @property
    def members(self) -> tuple[str, ...]:
        """Who the members are."""
        return self.membership.voters

    def hard_state(self) -> PutHardState:
        """The write that records what must never be forgotten."""
        log = self.log
        state = HardState(self.promised, self.fresh, log.base, log.epochs, self.admitted_at)
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

    def reset(self, base: Base) -> list[LogWrite]:
        """Begin anew behind a copy of the state; what it may lack of our log is kept as rescued."""
        log = self.log
        writes: list[LogWrite] = []
        start = self._doubtful_from()
        if start < log.tail and log.last_epoch != base.epoch:
            note = RescueNote(self.me, self.promised, start < self.commit)
            writes.append(CutSuffix(self.line, start, msgspec.msgpack.encode(note)))
        if self.commit > base.position:
            self.retract(self.promised, base.position)
        self.promised = max(self.promised, base.epoch)
        writes += self.begin_at(base, self.membership)
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
        """Whether `seal` may be granted: newer than every promise; a resume also undisputed."""
        again = seal.epoch == self.promised
        if seal.epoch < self.promised:
            return False
        if seal.resume:
            mine = self.promised.candidate == seal.epoch.candidate
            led_since = seal.last.candidate == seal.epoch.candidate and self.promised <= seal.last
            return again or mine or led_since or self.promised == NO_EPOCH
        return True

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        super().check()
        assert self.log.last_epoch <= self.promised or self.promised == NO_EPOCH
