"""Known mistakes, planted into the core one at a time: the campaign must find each.

Most are of published systems; the numbers are those of the fault list that the project keeps in
mind, the words say whose they were.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from plait.base.ports import CutSuffix
from plait.line.entry import Entry, Epoch, Kind
from plait.line.membership import Membership, Target
from plait.line.raft import core, leader
from plait.line.raft.core import RaftCore
from plait.line.raft.election import Candidate
from plait.line.raft.follower import RaftFollower
from plait.line.raft.leader import Leader
from plait.line.raft.member import RaftMember
from plait.line.raft.messages import RequestVote
from plait.line.replication.follower import Follower
from plait.line.replication.log_view import Base
from plait.line.replication.member import Member
from plait.line.replication.messages import AppendReply
from plait.line.replication.receiver import Accepted, Receiver
from plait.line.replication.sender import Sender

Patch = pytest.MonkeyPatch
Mistake = Callable[[Patch], None]


# ------------------------------------------------------------------------------- committing


def commits_an_older_term_by_counting(patch: Patch) -> None:
    """PySyncObj: an entry of a former term is committed because a majority holds it."""

    def advance(self: Leader, now: float) -> None:
        position = self.member.membership.decided(self._reached)
        if position > self.member.commit:
            self.member.commit_to(position)
            self.sender.advance(position, now)
        else:
            self.member.commit_to(self.member.commit)
        self._go_on(now)

    patch.setattr(Leader, "advance", advance)


def counts_its_own_unsynced_disk(patch: Patch) -> None:
    """A leader takes what it has written for durable."""
    right = Leader._reached

    def reached(self: Leader, name: str) -> int:
        return self.member.log.tail if name == self.member.me else right(self, name)

    patch.setattr(Leader, "_reached", reached)


def counts_what_followers_received(patch: Patch) -> None:
    """Acknowledged before it is on disk."""
    right = Leader._reached

    def reached(self: Leader, name: str) -> int:
        known = self.sender.progress.get(name)
        return known.received if known is not None and not known.fresh else right(self, name)

    patch.setattr(Leader, "_reached", reached)


def commit_falls(patch: Patch) -> None:
    """PySyncObj: the commit index follows whatever the newest message says."""
    right = Member.commit_to

    def commit_to(self: Member, position: int) -> None:
        right(self, position)
        self.commit = max(position, self.committed_told)

    patch.setattr(Member, "commit_to", commit_to)


def match_falls(patch: Patch) -> None:
    """PySyncObj, RaftOS: a reordered answer lowers what a follower is known to hold."""
    right = Sender.replied

    def replied(self: Sender, peer: str, reply: AppendReply, now: float) -> Any:
        effects = right(self, peer, reply, now)
        if reply.matched:
            self.progress[peer].match = reply.durable
        return effects

    patch.setattr(Sender, "replied", replied)


def takes_a_hint_for_a_match(patch: Patch) -> None:
    """CCF: where a follower says to try next counts as what it holds."""
    right = Sender.replied

    def replied(self: Sender, peer: str, reply: AppendReply, now: float) -> Any:
        known = self.progress[peer]
        if not reply.matched and reply.hint > known.match:
            known.match = min(reply.hint, self.log.tail)
            known.next = max(known.next, known.match)
        return right(self, peer, reply, now)

    patch.setattr(Sender, "replied", replied)


def an_empty_append_erases(patch: Patch) -> None:
    """RaftOS: a follower cuts what stands behind a delayed append."""
    right = Receiver._compare

    def compare(self: Receiver, start: int, rows: Any, entries: Any) -> Accepted:
        accepted = right(self, start, rows, entries)
        behind = accepted.start < self.log.tail and bool(rows)
        return msgspec.structs.replace(accepted, cut=accepted.start if behind else None)

    def cut(self: RaftMember, start: int, records: int, by: Epoch) -> Any:
        self.commit = min(self.commit, start)
        self.committed_told = min(self.committed_told, start)
        self.forget_suffix(start, records)
        return [core_cut(self, start), self.hard_state()]

    def store(self: Any, accepted: Accepted, epoch: Epoch) -> Any:
        if accepted.cut is None or accepted.entries:
            return right_store(self, accepted, epoch)
        kept = self.member.log.kept(accepted.cut)
        if kept is None:
            return []
        self.receiver.forget_above(accepted.cut)
        return cut(self.member, accepted.cut, kept.entry.record_index, epoch)

    def core_cut(member: RaftMember, start: int) -> CutSuffix:
        return CutSuffix(member.line, start)

    right_store = Follower._store
    patch.setattr(Receiver, "_compare", compare)
    patch.setattr(Follower, "_store", store)


# ------------------------------------------------------------------------------- electing


def votes_before_it_is_durable(patch: Patch) -> None:
    """The vote is sent while the disk still works."""
    right = RaftCore._vote

    def vote(self: RaftCore, peer: str, ask: RequestVote, now: float) -> None:
        before = self.member.vote
        right(self, peer, ask, now)
        if self.member.vote == peer != before:
            self.member.send(peer, self._answer(ask, True))

    patch.setattr(RaftCore, "_vote", vote)


def asks_before_its_own_vote_is_durable(patch: Patch) -> None:
    """A candidate counts itself at once."""
    right = Candidate.__init__

    def init(self: Candidate, *args: Any, **how: Any) -> None:
        right(self, *args, **how)
        self.standing = True

    patch.setattr(Candidate, "__init__", init)


def votes_for_a_shorter_log(patch: Patch) -> None:
    """The last entry of a candidate is not looked at."""
    patch.setattr(RaftMember, "as_recent", lambda self, last, tail: True)


def compares_lengths_only(patch: Patch) -> None:
    """A longer log is taken for a newer one."""
    patch.setattr(RaftMember, "as_recent", lambda self, last, tail: tail >= self.log.tail)


def forgets_its_vote_when_it_steps_down(patch: Patch) -> None:
    """CCF: a candidate or leader that becomes a follower in its term may vote again in it."""
    right = RaftCore._follow

    def follow(self: RaftCore, *args: Any, **how: Any) -> Any:
        self.member.vote = ""
        return right(self, *args, **how)

    patch.setattr(RaftCore, "_follow", follow)


def votes_twice(patch: Patch) -> None:
    """Xraft: two leaders in one term."""
    right = core.judge

    def judge(member: RaftMember, peer: str, ask: RequestVote, led: bool) -> bool | None:
        if not ask.pre and member.vote != member.me:
            member.vote = ""
        return right(member, peer, ask, led)

    patch.setattr(core, "judge", judge)


def protects_no_leader(patch: Patch) -> None:
    """DaosRaft, hashicorp/raft: votes, and pre-votes, are granted while a leader is at work."""
    right = core.judge
    patch.setattr(core, "judge", lambda member, peer, ask, led: right(member, peer, ask, False))
    patch.setattr(RaftFollower, "is_led", lambda self, now: False)


def counts_new_disks_votes(patch: Patch) -> None:
    """A wiped member votes as if it remembered what it promised."""

    def won(self: Candidate) -> bool:
        voted = {*self.votes, self.member.me}
        return self.standing and self.member.membership.quorum(voted)

    patch.setattr(Candidate, "won", property(won))


# ------------------------------------------------------------------------------- reading


def reads_without_a_round(patch: Patch) -> None:
    """A leader answers readers because it believes that it leads."""
    patch.setattr(Leader, "_confirmed", lambda self, round_: True)


def reads_before_its_term_committed(patch: Patch) -> None:
    """A new leader answers with the commit index that it knew as a follower."""
    right = Leader.answer_reads

    def answer_reads(self: Leader, now: float) -> None:
        opening, self.opening = self.opening, -1
        right(self, now)
        self.opening = opening

    patch.setattr(Leader, "answer_reads", answer_reads)


# ------------------------------------------------------------------------------- members


def one_majority_decides_a_joint_change(patch: Patch) -> None:
    """The outgoing voters are not asked."""

    def quorum(self: Membership, names: Any) -> bool:
        return 2 * sum(name in names for name in self.voters) > len(self.voters)

    def decided(self: Membership, position_of: Callable[[str], int]) -> int:
        return sorted(map(position_of, self.voters))[(len(self.voters) - 1) // 2]

    patch.setattr(Membership, "quorum", quorum)
    patch.setattr(Membership, "decided", decided)


def changes_without_a_joint_step(patch: Patch) -> None:
    """Several voters come and go at once, with one majority."""
    right = leader.next_step

    def step(current: Membership, target: Target, caught_up: Any) -> Membership | None:
        found = right(current, target, caught_up)
        return msgspec.structs.replace(found, outgoing=(), staying=()) if found else None

    patch.setattr(leader, "next_step", step)


def begins_a_change_before_the_last_is_committed(patch: Patch) -> None:
    """Concurrent changes; raft-dev 2015."""
    right = Leader._go_on

    def go_on(self: Leader, now: float) -> None:
        commit = self.member.commit
        self.member.commit = self.member.log.tail
        right(self, now)
        self.member.commit = commit

    patch.setattr(Leader, "_go_on", go_on)


def a_membership_counts_once_committed(patch: Patch) -> None:
    """The newest membership in the log waits for its commit."""

    def membership(self: RaftMember) -> Membership:
        known = [m for at, m in self.memberships if at < max(self.commit, self.log.head)]
        return known[-1] if known else Membership()

    patch.setattr(Member, "membership", property(membership))


def a_copy_carries_no_membership(patch: Patch) -> None:
    """Who installs a copy of the state keeps the members that it knew."""
    right = RaftMember.reset

    def reset(self: RaftMember, base: Base, membership: Membership) -> Any:
        return right(self, base, self.membership)

    patch.setattr(RaftMember, "reset", reset)


def a_copy_lowers_the_term(patch: Patch) -> None:
    """WRaft, jgroups-raft: installing a copy takes over the term of its last entry."""
    right = RaftMember.reset

    def reset(self: RaftMember, base: Base, membership: Membership) -> Any:
        self.term, self.vote = base.epoch.number, ""
        return right(self, base, membership)

    patch.setattr(RaftMember, "reset", reset)


def a_cut_membership_stays_in_force(patch: Patch) -> None:
    """What a newer leader cut still says who the members are."""
    right = Member.forget_suffix

    def forget(self: Member, start: int, records: int) -> None:
        known = list(self.memberships)
        right(self, start, records)
        self.memberships = known

    patch.setattr(Member, "forget_suffix", forget)
    patch.setattr(RaftMember, "check", lambda self: None)


def a_restart_forgets_a_membership(patch: Patch) -> None:
    """A membership of the log is not in the hard state that goes with it."""
    right = Member.append

    def append(self: Member, start: int, entries: tuple[Entry, ...], rows: Any) -> Any:
        writes = right(self, start, entries, rows)
        plain = all(entry.kind is Kind.MEMBERS for entry in entries)
        return writes[:1] if plain else writes

    patch.setattr(Member, "append", append)


def learners_count(patch: Patch) -> None:
    """Members without a vote are counted."""

    def quorum(self: Membership, names: Any) -> bool:
        return 2 * sum(name in names for name in self.members) > len(self.members)

    def decided(self: Membership, position_of: Callable[[str], int]) -> int:
        return sorted(map(position_of, self.members))[(len(self.members) - 1) // 2]

    patch.setattr(Membership, "quorum", quorum)
    patch.setattr(Membership, "decided", decided)


def a_gone_member_holds_up_its_successor(patch: Patch) -> None:
    """A learner's new disk counts only once everybody, the dead too, has answered."""
    patch.setattr(Sender, "set_learners", lambda self, learners: None)


MISTAKES: tuple[Mistake, ...] = (
    commits_an_older_term_by_counting, counts_its_own_unsynced_disk,
    counts_what_followers_received, commit_falls, match_falls, takes_a_hint_for_a_match,
    an_empty_append_erases, votes_before_it_is_durable, asks_before_its_own_vote_is_durable,
    votes_for_a_shorter_log, compares_lengths_only, forgets_its_vote_when_it_steps_down,
    votes_twice, protects_no_leader, counts_new_disks_votes,
    reads_without_a_round, reads_before_its_term_committed, one_majority_decides_a_joint_change,
    changes_without_a_joint_step, begins_a_change_before_the_last_is_committed,
    a_membership_counts_once_committed, a_copy_carries_no_membership, a_copy_lowers_the_term,
    a_cut_membership_stays_in_force, a_restart_forgets_a_membership, learners_count,
    a_gone_member_holds_up_its_successor,
)  # fmt: skip
