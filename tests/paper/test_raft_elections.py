"""Leader election, as Ongaro's thesis tells it."""

import pytest
from by_hand import append, ask, by, hear, lead, member, said, stand, sync, tell, wait, yes

from plait.line.raft.election import Candidate
from plait.line.raft.follower import RaftFollower
from plait.line.raft.leader import Leader
from plait.line.raft.messages import RequestVote, Vote
from plait.line.raft.vocabulary import PeerDown, StandNow
from plait.line.replication.messages import Append, AppendReply, Superseded
from plait.line.replication.vocabulary import Deposed, Persist


def test_a_message_of_an_older_term_is_refused_and_told_the_newer_one() -> None:
    """3.3: a server that receives a request with a stale term rejects it."""
    core = member("a", term=3)
    effects = tell(core, "b", append(2, 0, 0))
    assert said(effects, Superseded)["b"].promised.number == 3
    assert not said(effects, AppendReply)


@pytest.mark.parametrize("role", ["follower", "candidate", "leader"])
def test_whoever_hears_of_a_newer_term_becomes_its_follower(role: str) -> None:
    """3.3: if a candidate or leader discovers that its term is out of date, it reverts."""
    core = member("a", term=1)
    if role == "candidate":
        stand(core, "b")
    elif role == "leader":
        lead(core, "b")
    effects = tell(core, "c", append(9, 0, 0))
    assert isinstance(core.role, RaftFollower)
    assert core.member.term == 9
    assert core.leader == "x9"
    assert any(isinstance(effect, Deposed) for effect in effects) == (role == "leader")


def test_members_begin_as_followers() -> None:
    """3.4: when servers start up, they begin as followers."""
    assert isinstance(member("a").role, RaftFollower)


def test_a_follower_that_hears_nothing_stands_for_election() -> None:
    """3.4 and 9.6: silence, a pre-vote, then the term rises and every other voter is asked."""
    core = member("a", term=4)
    asked = said(wait(core), RequestVote)
    assert {peer: message.pre for peer, message in asked.items()} == {"b": True, "c": True}
    assert core.member.term == 4
    asked = said(tell(core, "b", yes(core, pre=True)), RequestVote)
    assert {peer: (message.term, message.pre) for peer, message in asked.items()} == {
        "b": (5, False),
        "c": (5, False),
    }
    assert (core.member.term, core.member.vote) == (5, "a")


def test_who_stands_and_is_told_to_stand_asks_again_those_who_have_not_answered() -> None:
    """A question may have come before its receiver knew the line: no need to wait for the next."""
    core = member("a", "abcde", term=4)
    wait(core)
    tell(core, "b", yes(core, pre=True))
    asked = said(core.step(StandNow(), 0.0), RequestVote)
    assert sorted(asked) == ["c", "d", "e"]
    assert {(message.term, message.pre) for message in asked.values()} == {(5, True)}
    assert core.member.term == 4


def test_who_stands_asks_for_no_vote_before_its_own_is_on_disk() -> None:
    """3.8: a candidate that crashed might vote for somebody else in that term."""
    core = member("a", term=4)
    wait(core)
    hear(core, "b", yes(core, pre=True))
    assert core.member.term == 5
    assert not said(core.step(StandNow(), 0.0), RequestVote)


def test_heartbeats_keep_a_follower_a_follower() -> None:
    """3.4: a server remains a follower as long as it receives valid messages from a leader."""
    core = member("a", term=1)
    for _ in range(20):
        now = core.deadline - 0.01
        tell(core, "x1", append(1, 0, 0), now)
        assert core.deadline > now + 0.4


@pytest.mark.parametrize(
    ("voters", "friends", "wins"),
    [("abc", "", False), ("abc", "b", True), ("abcde", "b", False), ("abcde", "bc", True)],
)
def test_a_majority_of_the_votes_wins(voters: str, friends: str, wins: bool) -> None:
    """3.4: a candidate wins if it receives votes from a majority in the same term."""
    core = member("a", voters)
    stand(core, *voters[1:])
    for friend in friends:
        tell(core, friend, yes(core))
    assert isinstance(core.role, Leader) == wins


def test_a_vote_given_twice_counts_once() -> None:
    """3.4: votes are those of servers, not of messages."""
    core = member("a", "abcde")
    stand(core, "b", "c")
    for _ in range(5):
        tell(core, "b", yes(core))
    assert isinstance(core.role, Candidate)


def test_a_vote_of_an_older_election_does_not_count() -> None:
    """3.4: votes count in the same term only."""
    core = member("a")
    stand(core, "b")
    old = yes(core)
    while core.member.term == old.asked:
        wait(core)
        tell(core, "c", yes(core, pre=True), core.deadline)
    tell(core, "b", old)
    assert isinstance(core.role, Candidate)


def test_a_member_votes_for_one_candidate_a_term_first_come() -> None:
    """3.4: each server votes for at most one candidate in a term, first come, first served."""
    core = member("a")
    assert said(tell(core, "b", ask(1, 0, 0)), Vote)["b"].granted
    assert not said(tell(core, "c", ask(1, 0, 0)), Vote)["c"].granted
    assert said(tell(core, "b", ask(1, 0, 0)), Vote)["b"].granted


def test_a_candidate_follows_whoever_won_its_term() -> None:
    """3.4: if the leader's term is at least as large, the candidate recognizes it."""
    core = member("a")
    stand(core, "b")
    tell(core, "c", append(1, 0, 0, [1]))
    assert isinstance(core.role, RaftFollower)
    assert core.leader == "x1"
    assert (core.member.term, core.member.vote) == (1, "a")


def test_a_split_vote_is_tried_again_in_another_term() -> None:
    """3.4: candidates that nobody elected time out and begin anew."""
    core = member("a")
    stand(core, "b")
    assert core.member.term == 1
    while core.member.term == 1:
        wait(core)
        for friend in ("b", "c"):
            tell(core, friend, yes(core, pre=True), core.deadline)
    assert core.member.term == 2


def test_waiting_times_are_drawn_anew() -> None:
    """3.4: randomized election timeouts make split votes rare."""
    core = member("a")
    drawn = set()
    for term in range(1, 20):
        tell(core, "b", ask(term, 0, 0))
        drawn.add(core.deadline)
    assert len(drawn) > 10
    assert min(drawn) >= 0.5
    assert max(drawn) <= 2.0


def test_a_new_leader_speaks_at_once() -> None:
    """3.4: it sends heartbeats to all, to establish its authority and prevent new elections."""
    core = member("a", log=[1])
    stand(core, "b")
    effects = tell(core, "b", yes(core))
    assert set(said(effects, Append)) == {"b", "c"}


# ------------------------------------------------------------------------------- the disk


def test_a_vote_is_on_disk_before_it_is_sent() -> None:
    """3.8: the current term and vote must be persisted before responding."""
    core = member("a")
    effects = hear(core, "b", ask(1, 0, 0))
    assert not said(effects, Vote)
    assert any(isinstance(effect, Persist) for effect in effects)
    assert said(sync(core, effects), Vote)["b"].granted


def test_a_candidate_asks_and_counts_only_once_its_own_vote_is_on_disk() -> None:
    """3.8, for the vote that a candidate gives itself."""
    core = member("a")
    wait(core)
    effects = hear(core, "b", yes(core, pre=True))
    assert not said(effects, RequestVote)
    hear(core, "b", yes(core))
    assert isinstance(core.role, Candidate)
    sync(core, effects)
    assert isinstance(core.role, Leader)


def test_a_vote_that_the_disk_confirms_too_late_is_not_given() -> None:
    """3.8: by then another term stands; a vote for the older one would be a lie."""
    core = member("a")
    first = hear(core, "b", ask(1, 0, 0))
    second = hear(core, "c", ask(2, 0, 0))
    votes = said(sync(core, [*first, *second]), Vote)
    assert not votes["b"].granted
    assert votes["c"].granted


# ------------------------------------------------------------------------------- restrictions


@pytest.mark.parametrize(
    ("last", "tail", "granted"),
    [(2, 3, True), (2, 4, True), (3, 1, True), (2, 2, False), (1, 9, False), (0, 0, False)],
)
@pytest.mark.parametrize("pre", [False, True])
def test_a_log_must_be_as_recent_as_the_voters(
    last: int, tail: int, granted: bool, pre: bool
) -> None:
    """3.6.1: the later last term wins; equal last terms: the longer log."""
    core = member("a", log=[1, 1, 2])
    vote = said(tell(core, "b", ask(5, last, tail, pre=pre)), Vote)["b"]
    assert vote.granted == granted


def test_a_pre_vote_changes_nothing() -> None:
    """9.6: only who would win a real election may raise the terms."""
    core = member("a", term=2)
    effects = tell(core, "b", ask(3, 0, 0, pre=True))
    assert said(effects, Vote)["b"].granted
    assert (core.member.term, core.member.vote) == (2, "")
    assert not [effect for effect in effects if isinstance(effect, Persist)]


@pytest.mark.parametrize("pre", [False, True])
def test_a_follower_of_a_leader_at_work_votes_for_nobody(pre: bool) -> None:
    """4.2.3: a request within the minimum election timeout of hearing from a leader."""
    core = member("a", term=1)
    tell(core, "x1", append(1, 0, 0), 1.0)
    votes = said(tell(core, "c", ask(7, 7, 7, pre=pre), 1.4), Vote)
    assert not any(vote.granted for vote in votes.values())
    assert core.member.term == 1
    assert said(tell(core, "c", ask(7, 7, 7, pre=pre), 1.6), Vote)["c"].granted


@pytest.mark.parametrize("pre", [False, True])
def test_a_leader_at_work_votes_for_nobody(pre: bool) -> None:
    """4.2.3, and fault 10 (DaosRaft): not even a pre-vote."""
    core = member("a")
    lead(core, "b")
    votes = said(tell(core, "c", ask(7, 7, 7, pre=pre)), Vote)
    assert not any(vote.granted for vote in votes.values())
    assert isinstance(core.role, Leader)


def test_a_broken_connection_to_the_leader_ends_the_patience() -> None:
    """9.1: detecting a failed leader early; it may speak again before anybody stands."""
    core = member("a", term=1)
    tell(core, "x1", append(1, 0, 0), 1.0)
    assert core.deadline > 1.4
    core.step(PeerDown("x1"), 1.0)
    assert 1.0 <= core.deadline <= 1.05
    tell(core, "x1", append(1, 0, 0), 1.0)
    assert core.deadline > 1.4


def test_a_leader_that_no_majority_answers_steps_down() -> None:
    """6.2: a leader steps down if an election timeout passes without a round of heartbeats."""
    core = member("a")
    lead(core, "b")
    while isinstance(core.role, Leader):
        assert core.deadline < 5.0
        wait(core)
    assert core.member.term == 1


# ------------------------------------------------------------------------------- new disks


def test_votes_of_new_disks_do_not_count() -> None:
    """Fault 34: a wiped member may have voted for somebody else, and forgotten."""
    core = member("a", log=[1])
    stand(core, "b")
    tell(core, "b", yes(core, fresh=True))
    assert isinstance(core.role, Candidate)
    tell(core, "c", yes(core))
    assert isinstance(core.role, Leader)


def test_a_member_with_a_new_disk_leads_nobody_who_has_an_old_one() -> None:
    """Fault 34: even elected by others it would count what its lost disk may contradict."""
    core = member("a", "abcde", fresh=True, log=[1])
    wait(core)
    for friend in "bcde":
        tell(core, friend, yes(core, pre=True))
    assert isinstance(core.role, Candidate)
    assert core.role.pre


def test_a_line_is_founded_only_with_everybody() -> None:
    """Before anybody can have led, new disks vote; then nobody may be missing."""
    core = member("a", fresh=True)
    wait(core)
    empty = Vote("line", 1, True, True, 0, True, True)
    tell(core, "b", empty)
    assert core.member.term == 0
    tell(core, "c", empty)
    assert core.member.term == 1
    vote = Vote("line", 1, False, True, 1, True, True)
    tell(core, "b", vote)
    assert isinstance(core.role, Candidate)
    tell(core, "c", vote)
    assert isinstance(core.role, Leader)
    assert not core.member.fresh


def test_an_admitted_disk_votes_for_who_leads() -> None:
    """What a new disk voted did not count; it must not begin to count once it is admitted."""
    core = member("a", term=5, fresh=True)
    tell(core, "b", ask(5, 0, 0))
    assert core.member.vote == "b"
    message = append(5, 0, 0, [5])
    tell(core, "x5", message)
    admit = append(5, 1, 5)
    tell(core, "x5", type(admit)(*[getattr(admit, f) for f in admit.__struct_fields__[:9]], True))
    assert not core.member.fresh
    assert core.member.vote == by(5).candidate
    votes = said(tell(core, "b", ask(5, 0, 0), 9.0), Vote)
    assert not votes["b"].granted
