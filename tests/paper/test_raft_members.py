"""Changing the members, as Ongaro's thesis tells it (chapter 4, with joint consensus)."""

import msgspec
import pytest
from by_hand import (
    LINE,
    append,
    ask,
    by,
    holds,
    lead,
    member,
    members_row,
    pause,
    propose,
    said,
    stand,
    tell,
    terms,
    wait,
    yes,
)

from plait.base.errors import BadSettings, Busy
from plait.line.membership import Membership, Target, encode_membership
from plait.line.raft.core import RaftCore
from plait.line.raft.election import Candidate
from plait.line.raft.follower import RaftFollower
from plait.line.raft.leader import Leader
from plait.line.raft.messages import RequestVote, TimeoutNow, Vote
from plait.line.raft.vocabulary import (
    MembersChanged,
    Reconfigure,
    SnapshotInstalled,
    TrimTo,
)
from plait.line.replication.messages import Append
from plait.line.replication.vocabulary import Persist, Persisted

OLD = ("a", "b", "c")
NEW = ("c", "d", "e")
JOINT = Membership(NEW, OLD)


def change(core: RaftCore, *voters: str, learners: tuple[str, ...] = ()) -> None:
    """Ask a leader for other voters; its disk keeps up."""
    target = Target(tuple(voters), learners)
    assert core.reconfiguration_refusal(target) is None
    _work(core, core.step(Reconfigure(target), 0.0))


def _work(core: RaftCore, effects: list) -> None:
    for effect in effects:
        if isinstance(effect, Persist):
            _work(core, core.step(Persisted(effect.token), 0.0))


def all_hold(core: RaftCore, *peers: str) -> None:
    """Those followers have everything on disk, and say so twice: then a change goes on."""
    for _ in range(2):
        for peer in peers:
            if isinstance(core.role, Leader) and peer in core.role.sender.progress:
                tell(core, peer, holds(core, core.member.log.tail))


def led(voters: str = "abc", **how) -> RaftCore:
    """A leader `a` whose term is opened and committed."""
    core = member("a", voters, **how)
    lead(core, *voters[1:])
    all_hold(core, *voters[1:])
    assert core.member.commit == core.member.log.tail
    return core


# ------------------------------------------------------------------------------- the steps


def test_a_new_member_first_copies_the_log_without_a_vote() -> None:
    """4.2.1: catching up before it counts, so that it cannot hold up the others."""
    core = led()
    change(core, "a", "b", "c", "d")
    assert core.member.membership.learners == ("d",)
    all_hold(core, "b", "c")
    assert core.member.membership.voters == OLD
    all_hold(core, "b", "c", "d")
    assert "d" in core.member.membership.voters


def test_a_learner_is_no_part_of_any_majority() -> None:
    """4.2.1: it is not yet counted towards majorities for voting or commitment."""
    core = led(membership=Membership(("a", "b", "c"), learners=("d", "e")))
    propose(core)
    for learner in ("d", "e"):
        tell(core, learner, holds(core, 2))
    assert core.member.commit == 1


def test_several_members_change_at_once_through_a_joint_membership() -> None:
    """4.3: C(old,new), and C(new) only once that is committed."""
    core = led()
    change(core, *NEW)
    core.step(Reconfigure(Target(NEW)), 0.0)
    all_hold(core, "b", "c", "d", "e")
    seen = [m for _, m in core.member.memberships]
    joint = [m for m in seen if m.joint]
    assert [(m.voters, m.outgoing) for m in joint] == [(NEW, OLD)]
    assert (seen[-1].voters, seen[-1].outgoing) == (NEW, ())


def test_a_membership_counts_as_soon_as_it_stands_in_the_log() -> None:
    """4.1: a server always uses the latest configuration in its log, committed or not."""
    core = member("b", log=[1])
    message = append(1, 1, 1)
    message = msgspec.structs.replace(message, entries=(members_row(1, 1, JOINT),), tail=2)
    effects = tell(core, "x1", message)
    assert core.member.membership == JOINT
    assert core.member.commit == 0
    assert any(isinstance(effect, MembersChanged) for effect in effects)


def test_a_membership_that_is_cut_no_longer_counts() -> None:
    """4.1: a server must be prepared to fall back to the previous configuration."""
    core = member("b", log=[1])
    message = append(1, 1, 1)
    message = msgspec.structs.replace(message, entries=(members_row(1, 1, JOINT),), tail=2)
    tell(core, "x1", message)
    tell(core, "x2", append(2, 1, 1, [2]))
    assert core.member.membership.voters == OLD
    assert not core.member.membership.joint


@pytest.mark.parametrize(
    ("friends", "wins"),
    [("bc", False), ("cd", True), ("de", False), ("bd", False), ("bcd", True), ("bde", True)],
)
def test_a_joint_membership_needs_both_majorities_to_elect(friends: str, wins: bool) -> None:
    """4.3: from the old and from the new, separately. (a is of the old one only.)"""
    core = member("a", membership=JOINT)
    stand(core, "b", "c", "d", "e")
    for friend in friends:
        tell(core, friend, yes(core))
    assert isinstance(core.role, Leader) == wins


@pytest.mark.parametrize(
    ("friends", "commits"),
    [("bc", False), ("de", False), ("cd", True), ("bde", True), ("ce", True)],
)
def test_a_joint_membership_needs_both_majorities_to_commit(friends: str, commits: bool) -> None:
    """4.3: for commitment just as for elections."""
    core = member("a", membership=JOINT)
    lead(core, "b", "c", "d", "e")
    for friend in friends:
        tell(core, friend, holds(core, 1))
    assert (core.member.commit == 1) == commits


def test_one_change_at_a_time() -> None:
    """4.1 and 4.3, fault 13 (raft-dev 2015): the next step waits until the last is committed."""
    core = led()
    change(core, "a", "b", "d")
    tail = core.member.log.tail
    tell(core, "d", holds(core, tail))
    assert core.member.log.tail == tail
    tell(core, "b", holds(core, tail))
    assert core.member.membership.joint
    assert isinstance(core.reconfiguration_refusal(Target(("a", "b"))), Busy)


def test_a_new_leader_changes_nothing_before_its_term_has_committed() -> None:
    """Fault 13: the bug of single-server changes across terms, published on raft-dev in 2015."""
    core = member("a", log=[1])
    lead(core, "b")
    core.step(Reconfigure(Target(("a", "b", "c", "d"))), 0.0)
    assert core.member.membership.members == OLD
    tell(core, "b", holds(core, 2))
    assert "d" in core.member.membership.learners


def test_who_leads_next_ends_a_change_that_was_begun() -> None:
    """4.3: a joint membership is finished by whoever leads, or it would stay for ever."""
    core = member("c", membership=JOINT)
    lead(core, "a", "b", "d", "e")
    all_hold(core, "a", "b", "d", "e")
    assert core.member.membership == Membership(NEW, retired=("a", "b"))


def test_a_voter_that_was_to_stay_as_a_learner_does_so_under_another_leader_too() -> None:
    """4.3: the joint membership says what becomes of the outgoing voters."""
    joint = msgspec.structs.replace(JOINT, staying=("b",))
    core = member("c", membership=joint)
    lead(core, "a", "b", "d", "e")
    all_hold(core, "a", "b", "d", "e")
    assert core.member.membership == Membership(NEW, learners=("b",), retired=("a",))


def test_learners_that_are_wanted_no_more_as_voters_stay_learners() -> None:
    """4.2.1: the newest target says who is on the way to a vote, under any later leader."""
    core = led()
    change(core, "a", "b", "c", "d")
    all_hold(core, "b", "c")
    change(core, "a", "b", "c", learners=("d",))
    all_hold(core, "b", "c", "d")
    assert core.member.membership == Membership(OLD, learners=("d",))


def test_a_change_waits_for_a_majority_of_the_new_voters() -> None:
    """4.2.1: a joint membership whose new half cannot decide would stop the line."""
    core = led()
    now = 5.0
    tell(core, "b", holds(core, 1), now)
    core.step(Reconfigure(Target(("a", "c"))), now)
    assert core.member.membership.voters == OLD
    tell(core, "c", holds(core, 1), now)
    assert core.member.membership.joint


# ------------------------------------------------------------------------------- leaving


def test_a_leader_that_leaves_steps_down_once_that_is_committed() -> None:
    """4.2.2: and counts itself no more meanwhile."""
    core = led()
    core.step(Reconfigure(Target(("b", "c"))), 0.0)
    for peer in ("b", "c"):
        tell(core, peer, holds(core, core.member.log.tail))
    assert not core.member.votes
    assert isinstance(core.role, Leader)
    tell(core, "b", holds(core, core.member.log.tail))
    assert isinstance(core.role, Leader)
    effects = tell(core, "c", holds(core, core.member.log.tail))
    assert isinstance(core.role, RaftFollower)
    assert said(effects, TimeoutNow)


def test_who_leaves_stands_for_election_until_that_is_committed() -> None:
    """4.2.2, figure 4.6: perhaps nobody else has a log that is recent enough."""
    core = member("a", membership=JOINT)
    settled = members_row(1, 0, Membership(NEW, retired=("a", "b")))
    tell(core, "x1", msgspec.structs.replace(append(1, 0, 0), entries=(settled,), tail=1))
    assert not core.member.votes
    assert set(said(wait(core), RequestVote)) == set(NEW)
    tell(core, "x2", append(2, 1, 1, commit=1))
    assert core.deadline == float("inf")


def test_who_has_left_disturbs_nobody() -> None:
    """4.2.3, fault 15 (hashicorp/raft): a removed member times out again and again."""
    core = led()
    for term in range(2, 9):
        tell(core, "z", ask(term, 9, 99))
    assert isinstance(core.role, Leader)
    assert core.member.term == 1


def test_a_learner_never_stands() -> None:
    """4.2.1: it has no vote, whatever it misses."""
    core = member("d", membership=Membership(OLD, learners=("d",)))
    assert core.deadline == float("inf")


def test_a_member_votes_for_candidates_that_it_does_not_know() -> None:
    """4.1: it may not have the entry yet that made them members."""
    core = member("b")
    assert said(tell(core, "z", ask(1, 0, 0)), Vote)["z"].granted


def test_a_member_accepts_entries_of_a_leader_that_it_does_not_know() -> None:
    """4.1: a new member knows nobody."""
    core = member("d", membership=Membership())
    tell(core, "x1", append(1, 0, 0, [1, 1]))
    assert terms(core) == [1, 1]


@pytest.mark.parametrize(
    "target",
    [
        Target(()),
        Target(("w",), witnesses=("w",)),
        Target(("a", "b"), ("b",)),
        Target(("a", "b", "gone")),
        Target(tuple("abcdefghijklmnopq")),
        Target(("a", "b", "c"), witnesses=("b",)),
    ],
)
def test_a_membership_that_cannot_be_is_refused(target: Target) -> None:
    """4.1: the leader decides what is legal before anything stands in its log."""
    core = led(membership=Membership(OLD, retired=("gone",)))
    assert isinstance(core.reconfiguration_refusal(target), BadSettings)


# ------------------------------------------------------------------------------- copies, disks


def test_a_copy_of_the_state_carries_the_membership() -> None:
    """5.1: the latest configuration as of the snapshot's last index."""
    core = member("d", membership=Membership())
    event = SnapshotInstalled(7, by(2), 7, encode_membership(JOINT))
    core.step(event, 0.0)
    assert core.member.membership == JOINT
    assert (core.member.log.head, core.member.commit) == (7, 7)


def test_a_copy_does_not_change_the_term_or_the_vote() -> None:
    """Fault 9 (WRaft, jgroups-raft): installing one lowered the current term."""
    core = member("b", term=5, vote="c", log=[1])
    core.step(SnapshotInstalled(7, by(2), 7, encode_membership(JOINT)), 0.0)
    assert (core.member.term, core.member.vote) == (5, "c")


def test_a_copy_that_our_log_goes_on_from_keeps_what_follows() -> None:
    """5.1: entries behind the snapshot may have been acknowledged; so may memberships."""
    core = member("b", log=[1, 1])
    row = members_row(1, 2, JOINT)
    tell(core, "x1", msgspec.structs.replace(append(1, 2, 1), entries=(row,), tail=3))
    core.step(SnapshotInstalled(2, by(1), 2, encode_membership(Membership(OLD))), 0.0)
    assert (core.member.log.head, core.member.log.tail) == (2, 3)
    assert core.member.membership == JOINT


def test_an_old_copy_does_not_bring_back_an_old_log() -> None:
    """5.1: a slow transfer may end after the log has gone on, and was trimmed."""
    core = member("b", log=[1, 1, 1])
    tell(core, "x1", append(1, 3, 1, commit=3))
    core.step(TrimTo(3, 3), 0.0)
    core.step(SnapshotInstalled(1, by(1), 1, encode_membership(Membership(OLD))), 0.0)
    assert (core.member.log.head, core.member.log.tail, core.member.commit) == (3, 3, 3)


def test_trimming_keeps_the_membership_in_force() -> None:
    """5.1: the log's beginning goes, who the members are must stay."""
    core = member("b", log=[1])
    row = members_row(1, 1, JOINT)
    tell(core, "x1", msgspec.structs.replace(append(1, 1, 1, commit=2), entries=(row,), tail=2))
    core.step(TrimTo(2, 1), 0.0)
    assert core.member.membership == JOINT
    assert core.member.membership_at(2) == JOINT


def test_a_wiped_voter_counts_only_once_all_others_still_follow() -> None:
    """Faults 29, 34: whom its lost disk promised a newer term must not be betrayed."""
    core = led("abcd")
    assert isinstance(core.role, Leader)
    tell(core, "d", holds(core, 0, fresh=True))
    new_round = core.role.sender.round
    tell(core, "b", holds(core, 1))
    admits = [said(tell(core, "d", holds(core, 1, fresh=True)), Append)]
    tell(core, "c", holds(core, 1, round_=new_round - 1))
    admits.append(said(tell(core, "d", holds(core, 1, fresh=True)), Append))
    assert not any(message.admit for found in admits for message in found.values())
    tell(core, "c", holds(core, 1))
    assert said(pause(core), Append)["d"].admit


def test_a_new_member_counts_though_another_is_gone_for_good() -> None:
    """4.2.1: else nobody could ever take the place of a machine that burnt down."""
    core = member("a")
    lead(core, "b")
    tell(core, "b", holds(core, 1))
    change(core, "a", "b", "d")
    tail = core.member.log.tail
    for _ in range(2):
        tell(core, "b", holds(core, tail))
        tell(core, "d", holds(core, tail, fresh=True))
    admit = said(pause(core), Append)
    assert admit["d"].admit


def test_an_empty_membership_elects_nobody() -> None:
    """4.1: a member to be waits until a leader tells it who the members are."""
    core = member("d", membership=Membership())
    tell(core, "x", TimeoutNow(LINE, 0))
    assert core.deadline == float("inf")
    assert not isinstance(core.role, Candidate)
