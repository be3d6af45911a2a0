"""A Raft member: term, vote and memberships, durable before any word that depends on them.

Invariants: `term` never decreases; `vote` changes only with the term, or from nobody to somebody
(or to the leader that admits a new disk); nothing committed is ever cut; the membership in force
is the newest in the log.

Source: Ongaro's thesis, figure 3.1, and 4.1 for the membership in force.
"""

import msgspec

from plait.base.errors import Corrupt
from plait.base.ports import CutSuffix, LogWrite, PutHardState
from plait.line.entry import Epoch
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Membership
from plait.line.replication.log_view import Base, LogView, base_at
from plait.line.replication.member import Member

Memberships = tuple[tuple[int, Membership], ...]


class HardState(msgspec.Struct, frozen=True, array_like=True):
    """What a member must never forget; written with the log, in its order."""

    term: int = 0
    vote: str = ""
    fresh: bool = True  # the disk is new: it cannot vouch for what it once acknowledged
    base: Base = Base()
    epochs: tuple[tuple[Epoch, int], ...] = ()
    admitted_at: int = 0
    memberships: Memberships = ()  # by position; the first is in force at the head
    origin: Origin = BEGINNING


def beginning(origin: Origin, membership: Membership, *, fresh: bool) -> HardState:
    """What a member of a line that begins at `origin` remembers at first.

    `membership` is the founding one, or none for a member that joins later.
    """
    founders = ((origin.position - 1, membership),) if membership.voters else ()
    return HardState(
        origin.epoch, fresh=fresh, base=base_at(origin), memberships=founders, origin=origin
    )


class RaftMember(Member):
    """The part of a Raft core that every role shares."""

    def __init__(self, line: str, me: str, hard: HardState, log: LogView) -> None:
        super().__init__(line, me, log, hard.origin)
        self.term = hard.term
        self.vote = hard.vote
        self.fresh = hard.fresh
        self.admitted_at = hard.admitted_at
        self.memberships = list(hard.memberships)

    # ------------------------------------------------------------------ terms and votes

    def hard_state(self) -> PutHardState:
        """The write that records what must never be forgotten."""
        log = self.log
        state = HardState(
            self.term, self.vote, self.fresh, log.base, log.epochs, self.admitted_at,
            tuple(self.memberships), self.origin,
        )  # fmt: skip
        return PutHardState(self.line, msgspec.msgpack.encode(state))

    def enter(self, term: int, vote: str = "") -> None:
        """A newer term; the hard state is the caller's to write."""
        assert term > self.term
        self.term, self.vote = term, vote

    @property
    def may_stand(self) -> bool:
        """Whether this member may ask for votes.

        Who leaves may be needed until its leaving is committed: perhaps only its log has the
        entry that says so, and nobody else can win (thesis 4.2.2).
        """
        if self.votes or len(self.memberships) < 2:
            return self.votes
        return self.membership_position >= self.commit and self.memberships[-2][1].votes(self.me)

    def admitted(self, at: int, by: Epoch) -> None:
        """Our disk counts again. What it voted before did not, and must not from now on."""
        super().admitted(at, by)
        self.vote = by.candidate

    def obey(self, epoch: Epoch) -> list[LogWrite]:
        """The leader of a term spoke; in our own term the vote stays what it was."""
        if epoch.number <= self.term:
            return []
        self.enter(epoch.number)
        return [self.hard_state()]

    def obeys(self, epoch: Epoch) -> bool:
        """Whether no newer term is known."""
        return epoch.number == self.term

    def as_recent(self, last: Epoch, tail: int) -> bool:
        """Whether a log that ends so holds all that ours may have committed (thesis 3.6.1)."""
        return (last.number, tail) >= (self.log.last_epoch.number, self.log.tail)

    # ------------------------------------------------------------------ the log

    def cut(self, start: int, records: int, by: Epoch) -> list[LogWrite]:
        """Cut what a newer leader contradicts; it was never committed."""
        if start < self.commit:
            raise Corrupt(
                f"{self.line}: the leader of {by} contradicts entry {start}, which is committed "
                f"here up to {self.commit}; this copy belongs to another history"
            )
        self.forget_suffix(start, records)
        return [CutSuffix(self.line, start), self.hard_state()]

    def reset(self, base: Base, membership: Membership) -> list[LogWrite]:
        """Begin anew behind a copy of the state, with the membership that it carries."""
        return [*self.begin_at(base, membership), self.hard_state()]

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""
        super().check()
        assert self.log.last_epoch.number <= self.term
        assert self.origin.epoch <= self.term
