"""Raft's truths as code: of one member, of one step, and of a whole line.

`check(core)` looks at one state; `observe` remembers what matters of it, so that `check_delta`
can compare the states before and after a step; `LineTruths` sees every member of a line. Tests
and the simulator run them after every step; nothing that serves users pays for them.

Source: Ongaro's thesis, figure 3.2 (the five safety properties) and appendix B.
"""

from typing import NamedTuple

from plait.line.entry import Epoch
from plait.line.raft.core import RaftCore
from plait.line.raft.leader import Leader


class Observed(NamedTuple):
    """What a step must respect."""

    term: int
    vote: str
    commit: int
    told: int
    leads: bool
    tail: int
    last: Epoch
    fresh: bool
    head: int


def observe(core: RaftCore) -> Observed:
    """The state of a member, as far as a step must respect it."""
    member = core.member
    return Observed(
        member.term, member.vote, member.commit, member.committed_told,
        isinstance(core.role, Leader), member.log.tail, member.log.last_epoch, member.fresh,
        member.log.head,
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
    if after.term == before.term and before.vote:
        assert after.vote == before.vote, "one vote a term"
    assert after.commit >= before.commit, "what is committed stays committed"
    assert after.told >= before.told
    assert after.head >= before.head
    assert before.fresh or not after.fresh, "a disk does not become new by a step"
    if before.leads and after.leads and before.term == after.term:
        assert after.tail >= before.tail, "leader append-only (thesis 3.4)"


class LineTruths:
    """What holds between the members of one line, over its whole life."""

    def __init__(self) -> None:
        self.leaders: dict[int, str] = {}  # by term
        self.committed: dict[int, Epoch] = {}  # by position

    def see(self, core: RaftCore) -> None:
        """Look at a member after a step."""
        member = core.member
        if isinstance(core.role, Leader):
            known = self.leaders.setdefault(member.term, member.me)
            assert known == member.me, f"election safety: {known} and {member.me} in {member.term}"
            self._leader_completeness(core)
        for position in range(member.log.head, member.commit):
            epoch = member.log.epoch_at(position)
            assert epoch is not None
            agreed = self.committed.setdefault(position, epoch)
            assert agreed == epoch, (
                f"state machine safety: {position} is {agreed}, {member.me} says {epoch}"
            )

    def _leader_completeness(self, core: RaftCore) -> None:
        log, term = core.member.log, core.member.term
        for position, epoch in self.committed.items():
            if position >= log.head and epoch.number < term:
                found = log.epoch_at(position)
                assert found == epoch, f"leader completeness: {core.member.me} lacks {position}"

    def matching(self, left: RaftCore, right: RaftCore) -> None:
        """Log matching: equal epochs at a position mean equal logs below it."""
        a, b = left.member.log, right.member.log
        start, stop = max(a.head, b.head), min(a.tail, b.tail)
        same = [a.epoch_at(position) == b.epoch_at(position) for position in range(start, stop)]
        assert same == sorted(same, reverse=True), f"log matching: {left} and {right}"
