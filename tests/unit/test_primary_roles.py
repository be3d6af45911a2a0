"""Leader and follower from day to day: commits, hand-over, reads, and what comes late."""

import pytest
from primary_cluster import LINE, Cluster
from test_primary_promotion import cut_off, founded, outcome

from plait.base.errors import Busy, NotLeader
from plait.line.entry import NO_EPOCH, Entry, Epoch
from plait.line.primary.leader import Leader
from plait.line.primary.vocabulary import (
    ChangeRule,
    Committed,
    Persist,
    Persisted,
    Propose,
    Received,
    Send,
    TrimTo,
)
from plait.line.replication.messages import Append, AppendReply, Superseded

# ------------------------------------------------------------------------------- commits


def test_nothing_commits_before_enough_disks_hold_it() -> None:
    cluster, (a, b, c) = founded()
    cut_off(cluster, b)
    cut_off(cluster, c)
    position = cluster.propose(a)
    cluster.run(1.0)
    assert position is not None
    assert a.core.member.committed_told == position
    cluster.heal_network()
    assert cluster.run(2.0, lambda: a.core.member.committed_told == position + 1)


def test_entries_of_an_older_term_commit_only_beneath_the_entry_that_opens_the_epoch() -> None:
    cluster, (a, b, c) = founded("majority")
    cut_off(cluster, b)
    cut_off(cluster, c)
    old = cluster.propose(a)  # on a's disk only
    cluster.run(0.1)
    assert old is not None
    cluster.crash(a)
    cluster.heal_network()
    cluster.start(a)
    assert outcome(cluster, a)[0]
    cluster.crash(b)
    cluster.crash(c)
    cluster.run(0.1)
    role = a.core.role
    assert isinstance(role, Leader)
    assert role.opening == old + 1
    for durable, commits in ((old + 1, False), (old + 2, True)):
        answer = AppendReply(LINE, role.epoch, True, durable, durable, 0, 0, 0.0)
        effects = a.core.step(Received("b", answer), cluster.now)
        assert (Committed(old + 2) in effects) == commits
        assert (a.core.member.committed_told > old) == commits


def test_a_member_commits_only_what_its_own_disk_holds() -> None:
    cluster, (a, b, _) = founded()
    cluster.disk_delay = (0.001, 0.2)
    for _ in range(30):
        cluster.propose(a)
        cluster.run(0.01)
        for node in cluster.nodes.values():
            assert node.core.member.committed_told <= node.disk.tail
    assert b.leads is False


def test_a_lowered_rule_commits_what_waited() -> None:
    cluster, (a, b, c) = founded("majority")
    cut_off(cluster, b)
    cut_off(cluster, c)
    position = cluster.propose(a)
    cluster.run(1.0)
    assert position is not None
    assert a.core.member.committed_told == position
    cluster.tell(a, ChangeRule(0))
    assert a.core.member.committed_told == position + 1


def test_a_deposed_leaders_late_disk_commits_nothing() -> None:
    cluster = Cluster(0, 3, "leader")
    a = cluster.found()
    cluster.run(1.0)
    told = a.core.member.committed_told
    entry = Entry(b"late")
    (persist,) = [e for e in a.core.step(Propose(entry), cluster.now) if isinstance(e, Persist)]
    superseded = Superseded(LINE, Epoch(1, "a"), Epoch(2, "b"))
    a.core.step(Received("b", superseded), cluster.now)
    effects = a.core.step(Persisted(persist.token), cluster.now)
    assert not [e for e in effects if isinstance(e, Committed)]
    assert a.core.member.committed_told == told


# ------------------------------------------------------------------------------- hand-over


def test_a_hand_over_loses_nothing() -> None:
    cluster, (a, b, _) = founded()
    cluster.disk_delay = (0.0, 0.05)
    for _ in range(20):
        cluster.propose(a)
    tail = a.core.member.log.tail
    cluster.hand_over(a, "b")
    assert isinstance(a.core.refusal(), Busy)
    assert cluster.run(2.0, lambda: b.leads)
    assert a.promotions[-1].won
    assert isinstance(b.core.role, Leader)
    assert b.core.role.opening == tail
    assert not a.disk.rescued
    assert cluster.run(2.0, cluster.converged)


def test_a_hand_over_gives_up_in_time_and_the_leader_goes_on() -> None:
    cluster, (a, b, _) = founded()
    cut_off(cluster, b)
    cluster.propose(a)
    cluster.hand_over(a, "b", 0.5)
    assert cluster.run(1.0, lambda: a.promotions[-1].why == "b did not take over in time")
    assert a.core.refusal() is None
    position = cluster.propose(a)
    assert position is not None
    assert cluster.run(1.0, lambda: a.core.member.committed_told == position + 1)


def test_a_hand_over_that_another_candidate_ends_is_not_reported_as_done() -> None:
    cluster, (a, b, c) = founded()
    cut_off(cluster, b)
    cluster.hand_over(a, "b", 5.0)
    assert outcome(cluster, c)[0]
    assert a.promotions[-1].won is False
    assert "c came before b" in a.promotions[-1].why


def test_a_second_hand_over_and_one_to_a_stranger_are_refused() -> None:
    cluster, (a, b, _) = founded()
    cut_off(cluster, b)
    cluster.hand_over(a, "z")
    assert "z is no follower" in a.promotions[-1].why
    cluster.hand_over(a, "b")
    cluster.hand_over(a, "c")
    assert a.promotions[-1].why == "a hand-over to b is under way"


# ------------------------------------------------------------------------------- being deposed


def test_a_deposed_leader_refuses_and_names_who_leads() -> None:
    cluster, (a, b, _) = founded()
    assert outcome(cluster, b)[0]
    cluster.run(0.5)
    refusal = a.core.refusal()
    assert isinstance(refusal, NotLeader)
    assert refusal.leader == "b"


def test_an_append_of_an_older_epoch_is_refused_with_what_was_promised() -> None:
    cluster, (_, b, c) = founded()
    assert outcome(cluster, b)[0]
    cluster.run(0.5)
    tail = c.core.member.log.tail
    old = Append(LINE, Epoch(1, "a"), tail, Epoch(1, "a"), (), 99, 99, 0, 0)
    (answer,) = c.core.step(Received("a", old), cluster.now)
    assert answer == Send("a", Superseded(LINE, Epoch(1, "a"), Epoch(2, "b")))
    assert c.core.member.committed_told <= tail


def test_a_followers_late_disk_does_not_answer_in_the_name_of_a_newer_epoch() -> None:
    cluster, (_, b, _) = founded()
    member, now = b.core.member, cluster.now
    tail = member.log.tail
    row = Entry(b"x").stamped(Epoch(1, "a"), member.log.records).encode()
    push = Append(LINE, Epoch(1, "a"), tail, Epoch(1, "a"), (row,), 0, tail + 1, 0, 0, round=9)
    (write,) = [e for e in b.core.step(Received("a", push), now) if isinstance(e, Persist)]
    newer = Append(LINE, Epoch(2, "a"), tail, Epoch(1, "a"), (), 0, tail, 0, 0, round=1)
    b.core.step(Received("a", newer), now)
    late = b.core.step(Persisted(write.token), now)
    assert not [e for e in late if isinstance(e, Send) and isinstance(e.message, AppendReply)]


def test_a_lone_promise_of_another_does_not_stop_the_next_promotion() -> None:
    cluster, (a, b, c) = founded()
    cut_off(cluster, c)
    cluster.promote(c, 1.0, skip_survey=True)
    cluster.run(2.0)
    assert c.core.member.promised == Epoch(2, "c")
    cluster.heal_network()
    cluster.run(0.5)
    assert not a.leads  # it was superseded
    assert outcome(cluster, b)[0]
    assert cluster.run(2.0, cluster.converged)


def test_a_cut_takes_back_what_pending_writes_would_have_made_durable() -> None:
    cluster, (_, b, _) = founded()
    member, now = b.core.member, cluster.now
    tail, records = member.log.tail, member.log.records
    rows = tuple(Entry(b"x").stamped(Epoch(1, "a"), records + i).encode() for i in range(5))
    push = Append(LINE, Epoch(1, "a"), tail, Epoch(1, "a"), rows, 0, tail + 5, 0, 0)
    (old,) = [e for e in b.core.step(Received("a", push), now) if isinstance(e, Persist)]
    others = (Entry(b"y").stamped(Epoch(2, "c"), records).encode(),) * 2
    newer = Append(LINE, Epoch(2, "c"), tail, Epoch(1, "a"), others, 0, tail + 2, 0, 0)
    (new,) = [e for e in b.core.step(Received("c", newer), now) if isinstance(e, Persist)]
    b.core.step(Persisted(old.token), now)
    assert member.log.durable == tail
    b.core.step(Persisted(new.token), now)
    assert member.log.durable == tail + 2


def test_a_member_with_a_new_disk_takes_its_admission_only_with_everything() -> None:
    cluster, (_, b, _) = founded()
    cluster.crash(b)
    cluster.wipe(b)
    cluster.start(b)
    empty = Append(LINE, Epoch(1, "a"), 0, NO_EPOCH, (), 0, 4, 0, 0, admit=True, admit_at=4)
    b.core.step(Received("a", empty), cluster.now)
    assert b.core.member.fresh
    cluster.run(1.0)
    assert not b.core.member.fresh


# ------------------------------------------------------------------------------- reads, trims


def test_a_leader_is_confirmed_only_by_answers_to_the_round_that_was_asked() -> None:
    cluster, (a, b, c) = founded()
    cluster.run(0.5)
    role = a.core.role
    assert isinstance(role, Leader)
    for node in (b, c):
        cut_off(cluster, node)
    cluster.confirm(a)
    round_ = role.sender.round
    cluster.run(1.0)
    assert not role.confirmed(round_)
    cluster.heal_network()
    assert cluster.run(1.0, lambda: role.confirmed(round_))


def test_a_trimmed_leader_restarts_and_goes_on_in_its_log() -> None:
    cluster, (a, *_) = founded()
    a.flushed = len(a.history)
    cluster.trim(a, a.flushed)
    position = cluster.propose(a)
    assert cluster.run(1.0, cluster.converged)
    cluster.crash(a)
    cluster.start(a)
    assert position is not None
    assert a.core.member.log.epoch_at(position) == Epoch(1, "a")
    assert outcome(cluster, a)[0]
    assert cluster.run(2.0, cluster.converged)


def test_a_trim_never_passes_what_is_committed() -> None:
    cluster, (a, *_) = founded()
    told = a.core.member.committed_told
    with pytest.raises(AssertionError):
        cluster.tell(a, TrimTo(told + 1, 99))


def test_a_follower_that_is_too_far_behind_is_helped_by_a_copy_and_catches_up() -> None:
    cluster, (a, b, _) = founded()
    cluster.crash(b)
    for _ in range(20):
        cluster.propose(a)
    cluster.run(1.0)
    a.flushed = len(a.history)
    cluster.trim(a, a.flushed)
    cluster.propose(a)
    cluster.start(b)
    assert cluster.run(3.0, cluster.converged)
    assert b.disk.head > 0
    cluster.crash(b)
    cluster.start(b)
    assert cluster.run(3.0, cluster.converged)


def test_a_copy_that_comes_late_takes_nothing_back() -> None:
    cluster, (a, b, _) = founded(entries=9)
    tail = b.core.member.log.tail
    cluster._install(b, a.history[:4], a.core.member.membership)
    assert (b.core.member.log.head, b.core.member.log.tail) == (4, tail)
    assert b.core.member.log.durable == tail
    cluster.propose(a)
    assert cluster.run(2.0, cluster.converged)


def test_what_was_reset_is_not_acknowledged_before_it_is_on_disk() -> None:
    cluster, (a, b, _) = founded()
    cut_off(cluster, b)
    for _ in range(5):
        cluster.propose(a)
    cluster.run(1.0)
    cluster.disk_delay = (5.0, 5.0)
    cluster.heal_network()
    cluster._install(b, a.history, a.core.member.membership)
    cluster.run(1.0)
    role = a.core.role
    assert isinstance(role, Leader)
    assert role.sender.progress["b"].match <= b.disk.tail
