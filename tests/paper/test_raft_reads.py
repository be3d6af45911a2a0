"""Reads and hand-overs, as Ongaro's thesis tells it (6.4, 3.10)."""

from math import inf

import pytest
from by_hand import (
    LINE,
    append,
    hear,
    holds,
    lead,
    member,
    pause,
    propose,
    said,
    sync,
    tell,
    wait,
)

from plait.base.errors import Busy
from plait.line.membership import Membership
from plait.line.raft.core import RaftCore
from plait.line.raft.follower import RaftFollower
from plait.line.raft.leader import Leader
from plait.line.raft.messages import ReadIndex, ReadIndexReply, RequestVote, TimeoutNow, Vote
from plait.line.raft.vocabulary import AskRead, HandOver, ReadFailed, ReadReady
from plait.line.replication.messages import Append
from plait.line.replication.vocabulary import Promotion


def led(voters: str = "abc") -> RaftCore:
    """A leader `a` whose term is opened and committed."""
    core = member("a", voters)
    lead(core, *voters[1:])
    for peer in voters[1:]:
        tell(core, peer, holds(core, 1))
    assert core.member.commit == 1
    return core


def ready(effects: list) -> list[ReadReady]:
    return [effect for effect in effects if isinstance(effect, ReadReady)]


# ------------------------------------------------------------------------------- reads


def test_a_read_waits_for_a_majority_that_answers_after_it_was_asked() -> None:
    """6.4: a round of heartbeats shows that no newer leader existed; older answers do not."""
    core = led("abcde")
    asked = core.step(AskRead(7), 0.0)
    assert set(said(asked, Append)) == set("bcde")
    assert isinstance(core.role, Leader)
    old = core.role.sender.round - 1
    for peer in "bcde":
        assert not ready(tell(core, peer, holds(core, 1, round_=old)))
    assert not ready(tell(core, "b", holds(core, 1)))
    assert ready(tell(core, "c", holds(core, 1))) == [ReadReady(7, 1)]


def test_a_new_leader_answers_no_reader_before_its_term_has_committed() -> None:
    """6.4: until then it does not know what former leaders committed."""
    core = member("a", log=[1])
    lead(core, "b")
    core.step(AskRead(1), 0.0)
    assert not ready(tell(core, "b", holds(core, 0)))
    answers = tell(core, "b", holds(core, 2)) + tell(core, "b", holds(core, 2))
    assert ready(answers) == [ReadReady(1, 2)]


def test_reads_that_come_during_a_round_share_the_next() -> None:
    """6.4: one round serves any number of reads."""
    core = led()
    core.step(AskRead(1), 0.0)
    for id_ in (2, 3):
        assert not said(core.step(AskRead(id_), 0.0), Append)
    assert ready(tell(core, "b", holds(core, 1))) == [ReadReady(1, 1)]
    assert ready(tell(core, "b", holds(core, 1))) == [ReadReady(2, 1), ReadReady(3, 1)]


def test_a_followers_reader_asks_the_leader() -> None:
    """6.4: followers serve reads too, with the leader's commit index."""
    core = member("b", term=1)
    tell(core, "x1", append(1, 0, 0))
    asked = said(core.step(AskRead(4), 0.0), ReadIndex)
    assert asked == {"x1": ReadIndex(LINE, 4)}
    assert ready(tell(core, "x1", ReadIndexReply(LINE, 4, 9))) == [ReadReady(4, 9)]


def test_a_leader_answers_a_followers_reader_by_the_same_rule() -> None:
    """6.4: not before a round."""
    core = led()
    assert not said(tell(core, "c", ReadIndex(LINE, 4)), ReadIndexReply)
    answer = said(tell(core, "b", holds(core, 1)), ReadIndexReply)
    assert answer == {"c": ReadIndexReply(LINE, 4, 1)}


def test_who_leads_no_more_answers_no_reader() -> None:
    """6.4: reads that wait are told so."""
    core = led()
    core.step(AskRead(1), 0.0)
    effects = tell(core, "c", append(5, 0, 0))
    assert ReadFailed(1) in effects
    assert not ready(effects)


def test_nobody_to_ask_is_said_at_once() -> None:
    """6.2: a client must not wait for a leader that is not there."""
    assert ReadFailed(1) in member("a").step(AskRead(1), 0.0)


def test_a_new_disk_confirms_no_read() -> None:
    """Fault 34: its lost disk may have voted for a newer leader."""
    core = led()
    core.step(AskRead(1), 0.0)
    assert not ready(tell(core, "b", holds(core, 1, fresh=True)))
    assert ready(tell(core, "c", holds(core, 1)))


def test_a_learner_confirms_no_read() -> None:
    """6.4 and 4.2.1: majorities are of voters."""
    core = member("a", membership=Membership(("a", "b", "c"), learners=("d",)))
    lead(core, "b")
    tell(core, "b", holds(core, 1))
    core.step(AskRead(1), 0.0)
    assert not ready(tell(core, "d", holds(core, 1)))


# ------------------------------------------------------------------------------- hand-over


def test_a_leader_that_hands_over_takes_no_entries_and_brings_the_target_up_to_date() -> None:
    """3.10: the prior leader stops accepting new client requests."""
    core = led()
    propose(core)
    effects = core.step(HandOver("b", 1.0), 0.0)
    assert isinstance(core.refusal(), Busy)
    assert not said(effects, TimeoutNow)
    tell(core, "b", holds(core, 2))
    assert "b" in said(pause(core), TimeoutNow)


def test_the_target_stands_at_once_and_is_voted_for_although_a_leader_is_at_work() -> None:
    """3.10 and 4.2.3: such requests carry a flag."""
    target = member("b", term=1, log=[1])
    tell(target, "x1", append(1, 1, 1))
    asked = said(tell(target, "x1", TimeoutNow(LINE, 1)), RequestVote)
    assert {peer: (m.term, m.pre, m.transfer) for peer, m in asked.items()} == {
        "a": (2, False, True),
        "c": (2, False, True),
    }
    voter = member("c", log=[1])
    tell(voter, "x1", append(1, 1, 1))
    assert said(tell(voter, "b", asked["c"]), Vote)["b"].granted


def test_a_leader_that_is_asked_for_its_vote_by_the_target_gives_it() -> None:
    """3.10: it steps down, and knows that the hand-over worked."""
    core = led()
    core.step(HandOver("b", 1.0), 0.0)
    effects = tell(core, "b", RequestVote(LINE, 2, False, True, core.member.log.last_epoch, 1))
    assert isinstance(core.role, RaftFollower)
    assert said(effects, Vote)["b"].granted
    assert [e.won for e in effects if isinstance(e, Promotion)] == [True]


def test_a_hand_over_that_does_not_end_is_given_up() -> None:
    """3.10: after about an election timeout the prior leader takes client requests again."""
    core = led()
    core.step(HandOver("b", 0.3), 0.0)
    effects = []
    while core.refusal() is not None:
        effects += wait(core)
    assert [e.won for e in effects if isinstance(e, Promotion)] == [False]
    assert isinstance(core.role, Leader)


def test_a_leader_that_lost_its_majority_did_not_hand_over() -> None:
    """6.2: whoever waits for the hand-over is not told that it worked."""
    core = led()
    core.step(HandOver("b", 9.0), 0.0)
    effects = []
    while isinstance(core.role, Leader):
        effects += wait(core)
    assert [e.won for e in effects if isinstance(e, Promotion)] == [False]


@pytest.mark.parametrize("term", [0, 2])
def test_a_late_word_to_stand_is_not_obeyed(term: int) -> None:
    """3.10: it is of one term only."""
    core = member("b", term=1)
    tell(core, "x1", append(1, 0, 0))
    hear(core, "x1", TimeoutNow(LINE, term))
    assert isinstance(core.role, RaftFollower)


def test_a_learner_is_not_handed_the_line() -> None:
    """3.10: only voters lead."""
    core = member("a", membership=Membership(("a", "b"), learners=("d",)))
    lead(core, "b")
    outcome = core.step(HandOver("d", 1.0), 0.0)
    assert [e.won for e in outcome if isinstance(e, Promotion)] == [False]


def test_a_witness_that_leads_hands_over_and_takes_nothing() -> None:
    """11.7.2: a witness keeps no state; it leads only to bring its tail to who does."""
    core = member("a", membership=Membership(("a", "b", "c"), witnesses=("a",)))
    lead(core, "b")
    assert core.refusal() is not None
    tell(core, "b", holds(core, 1))
    assert "b" in said(pause(core), TimeoutNow)


def test_a_new_leader_cannot_make_an_old_state_current() -> None:
    """6.4, of reads at a follower: before its term is opened a leader's commit index is old."""
    follower = member("b", log=(1, 1))
    role = follower.role
    assert isinstance(role, RaftFollower)
    for commit in (0, 1, 2):  # whatever the leader remembers
        sync(follower, hear(follower, "x2", append(2, 2, 1, (2,), commit), 5.0), 5.0)
        follower.note_applied(commit, commit, 5.0)
        assert role.lag_s(5.0) == inf
    sync(follower, hear(follower, "x2", append(2, 2, 1, (2,), 3), 6.0), 6.0)
    assert role.lag_s(6.0) == inf
    follower.note_applied(3, 3, 6.0)
    assert role.lag_s(6.0) == 0.0
