"""Raft's truths as code: of one member, of one step, and of a whole line.

`check(core)` looks at one state; `observe` remembers what matters of it, so that `check_delta`
can compare the states before and after a step; `LineTruths` sees every member of a line. Tests
and the simulator run them after every step; nothing that serves users pays for them.

Logs are compared where an epoch begins in either: in between nothing can differ.

Source: Ongaro's thesis, figure 3.2 (the five safety properties), 4.3 and appendix B.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from plait.line.entry import Epoch
from plait.line.membership import Membership
from plait.line.raft.core import RaftCore
from plait.line.raft.leader import Leader
from plait.line.replication.log_view import LogView


class Observed(NamedTuple):
    """What a step must respect."""

    term: int
    vote: str
    commit: int
    told: int
    leads: bool
    opening: int
    tail: int
    last: Epoch
    fresh: bool
    head: int
    membership: Membership
    membership_position: int
    matches: tuple[tuple[str, int], ...]  # of the followers whose disks count, while we lead


def observe(core: RaftCore) -> Observed:
    """The state of a member, as far as a step must respect it."""
    member, role = core.member, core.role
    matches: tuple[tuple[str, int], ...] = ()
    if isinstance(role, Leader):
        progress = role.sender.progress
        matches = tuple((peer, p.match) for peer, p in progress.items() if not p.fresh)
    return Observed(
        member.term, member.vote, member.commit, member.committed_told,
        isinstance(role, Leader), core.opening, member.log.tail, member.log.last_epoch,
        member.fresh, member.log.head, member.membership, member.membership_position, matches,
    )  # fmt: skip


def check(core: RaftCore) -> None:
    """Raise AssertionError where one state is impossible."""
    core.check()
    member, role = core.member, core.role
    if not isinstance(role, Leader):
        return
    assert not member.fresh, "a leader's disk counts"
    assert member.vote == member.me, "a leader voted for itself"
    assert role.opening < member.log.tail, "a term is opened by an entry"
    assert member.log.epoch_at(role.opening) in (role.epoch, None)
    assert role.sender.commit == member.commit or member.commit <= role.opening
    for peer, progress in role.sender.progress.items():
        assert peer != member.me
        assert progress.match <= member.log.tail, "nobody holds more of our log than we wrote"


def check_delta(before: Observed, after: Observed) -> None:
    """Raise AssertionError where a step did what no step may do."""
    assert after.term >= before.term, "a term never decreases"
    admitted = before.fresh and not after.fresh
    if after.term == before.term and before.vote and not admitted:
        assert after.vote == before.vote, "one vote a term"
    assert after.commit >= before.commit, "what is committed stays committed"
    assert after.told >= before.told
    assert after.head >= before.head
    assert before.fresh or not after.fresh, "a disk does not become new by a step"
    if before.leads and after.leads and before.term == after.term:
        _check_leading(before, after)


def _check_leading(before: Observed, after: Observed) -> None:
    assert after.tail >= before.tail, "leader append-only (thesis 3.4)"
    if after.commit > before.commit:
        assert after.commit > after.opening, "older terms commit beneath ours only (thesis 3.6.2)"
    matches = dict(after.matches)
    for peer, match in before.matches:
        assert matches.get(peer, match) >= match, f"{peer} is taken to hold less than it said"
    if after.membership_position != before.membership_position:
        assert after.commit > before.membership_position, "one change at a time (thesis 4.3)"
        assert _follows(before.membership, after.membership), "a change in two majorities"


def _follows(before: Membership, after: Membership) -> bool:
    """Whether any two majorities of the two memberships overlap."""
    if before.joint:
        return after.voters == before.voters and not after.joint
    return before.voters == (after.outgoing or after.voters)


class LineTruths:
    """What holds between the members of one line, over its whole life, which begins at `begin`."""

    def __init__(self, begin: int = 0) -> None:
        self.leaders: dict[int, str] = {}  # by term
        self.committed = begin  # everything below is
        self._starts: list[int] = []  # where epochs begin in what is committed
        self._epochs: list[Epoch] = []
        self._ends: list[tuple[int, int]] = []  # what a term's leader had committed, the term
        self._members: dict[int, Membership] = {}  # in force behind a committed prefix
        self._seen: dict[str, tuple[int, ...]] = {}  # what a member had to say the last time

    def see(self, core: RaftCore) -> None:
        """Look at a member after a step."""
        member, log = core.member, core.member.log
        if isinstance(core.role, Leader):
            first = self.leaders.setdefault(member.term, member.me)
            assert first == member.me, f"election safety: {first} and {member.me} in {member.term}"
        say = (member.term, log.head, member.commit, self.committed)
        if self._seen.get(member.me) == say:
            return  # a leader only appends, and nobody cuts what is committed: `check_delta`
        self._seen[member.me] = say
        known_here = min(member.commit, self.committed)
        for position in self._boundaries(log, known_here):
            known, found = self._epoch_at(position), log.epoch_at(position)
            assert known == found, (
                f"state machine safety: {position} is {known}, {member.me} says {found}"
            )
        members = member.membership_at(member.commit)
        if members.voters:  # a member that joined was not there when the line was founded
            agreed = self._members.setdefault(member.commit, members)
            assert agreed == members, f"{member.me} is wrong about the members at {member.commit}"
        if member.commit > self.committed:
            self._extend(log, member.commit, member.term)
        if isinstance(core.role, Leader):
            self._leader_completeness(core)

    def _extend(self, log: LogView, commit: int, term: int) -> None:
        assert log.head <= self.committed, "a copy of the state holds only what was committed"
        for position, epoch in _runs(log, self.committed, commit):
            if not self._epochs or self._epochs[-1] != epoch:
                self._starts.append(position)
                self._epochs.append(epoch)
        self.committed = commit
        self._ends.append((commit, term))

    def _epoch_at(self, position: int) -> Epoch:
        return self._epochs[bisect_right(self._starts, position) - 1]

    def _boundaries(self, log: LogView, stop: int) -> Iterable[int]:
        ours = [start for start in self._starts if log.head < start < stop]
        return [*ours, *(position for position, _ in _runs(log, log.head, stop))]

    def _leader_completeness(self, core: RaftCore) -> None:
        log, term = core.member.log, core.member.term
        stop = max((end for end, by in self._ends if by < term), default=0)
        assert log.tail >= stop, f"leader completeness: {core.member.me} lacks {log.tail}"
        for position in self._boundaries(log, stop):
            found = log.epoch_at(position)
            assert found == self._epoch_at(position), (
                f"leader completeness: {core.member.me} has {found} at {position}"
            )

    def matching(self, left: RaftCore, right: RaftCore) -> None:
        """Log matching: equal epochs at a position mean equal logs below it."""
        a, b = left.member.log, right.member.log
        start, stop = max(a.head, b.head), min(a.tail, b.tail)
        where = sorted({at for log in (a, b) for at, _ in _runs(log, start, stop)})
        same = [a.epoch_at(position) == b.epoch_at(position) for position in where]
        assert same == sorted(same, reverse=True), f"log matching: {left} and {right}"


def _runs(log: LogView, start: int, stop: int) -> list[tuple[int, Epoch]]:
    """Where epochs begin from `start` on, before `stop`, the one at `start` among them."""
    if start >= stop:
        return []
    first = log.epoch_at(start)
    assert first is not None
    return [(start, first), *((at, epoch) for epoch, at in log.epochs if start < at < stop)]
