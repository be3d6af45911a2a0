"""A follower that feeds a follower, step by step: what is passed on, cut, and never said."""

from typing import Any

import msgspec
from fed_clusters import FedPrimary, FedRaft
from test_log_view import A1, A2, log_of

from plait.line.membership import Membership, Target
from plait.line.replication.messages import AppendReply
from plait.line.replication.sender import HEARTBEAT_S, BeginSnapshot, SendAppend, Sender
from plait.line.replication.source import WELL_S, Source


def fed_raft(seed: int = 1) -> tuple[FedRaft, Any]:
    """a, b and c vote; d takes what comes from c."""
    cluster = FedRaft(seed, Membership(("a", "b", "c"), learners=("d",)))
    cluster.sources["d"] = "c"
    leader = cluster.founded()
    if leader.name == "c":
        cluster.hand_over(leader, "a")
    assert cluster.run(5.0, lambda: cluster.leader is not None and cluster.leader.name != "c")
    cluster.run(1.0)
    return cluster, cluster.leader


def fed_primary() -> tuple[FedPrimary, Any]:
    """a leads by the rule that counts nobody; d, without a vote, takes what comes from c."""
    cluster = FedPrimary(1, 3, "leader")
    cluster.sources["d"] = "c"
    leader = cluster.found("a")
    assert cluster.reconfigure(leader, Target(("a", "b", "c"), ("d",)))
    assert cluster.run(5.0, cluster.settled)
    cluster.run(1.0)
    return cluster, leader


def write(cluster: Any, leader: Any, count: int = 20) -> None:
    for _ in range(count):
        assert cluster.propose(leader) is not None
        cluster.run(0.01)
    cluster.run(0.5)


def test_the_leader_sends_a_fed_follower_signs_of_life_only() -> None:
    cluster, leader = fed_raft()
    before, by_source = cluster.pushed.get("d", 0), cluster.passed_on
    write(cluster, leader)
    assert cluster.pushed.get("d", 0) == before
    assert cluster.passed_on >= by_source + 20
    assert cluster.converged()


def test_the_leader_still_hears_of_a_fed_followers_disk_from_itself() -> None:
    cluster, leader = fed_raft()
    write(cluster, leader)
    progress = leader.core.role.sender.progress["d"]
    assert progress.fed
    assert progress.match == leader.core.member.log.tail


def test_a_follower_whose_source_is_silent_is_fed_by_the_leader() -> None:
    cluster, leader = fed_raft()
    cluster.cut_off(cluster.nodes["c"])
    cluster.run(2 * WELL_S)
    write(cluster, leader)
    assert cluster.pushed["d"] >= 20
    cluster.heal()
    assert cluster.run(5.0, lambda: leader.core.role.sender.progress["d"].fed)
    assert cluster.converged()


def test_a_source_that_the_leader_does_not_reach_is_not_well_though_it_speaks() -> None:
    cluster, leader = fed_raft()
    for other in ("a", "b"):
        cluster.cut_off(cluster.nodes["c"], other)
    write(cluster, leader, 1)
    assert cluster.run(2 * WELL_S, lambda: not leader.core.role.sender.progress["d"].fed)
    write(cluster, leader)
    cluster.run(3 * WELL_S)
    assert not leader.core.role.sender.progress["d"].fed
    assert cluster.nodes["d"].told == leader.told


def test_a_suffix_that_was_passed_on_and_is_cut_by_a_promotion_is_cut_downstream() -> None:
    cluster, leader = fed_primary()
    for name in ("a", "c", "d"):
        cluster.blocked |= {(name, "b"), ("b", name)}
    write(cluster, leader, 5)
    lost = cluster.nodes["d"].history[-5:]
    assert lost == leader.history[-5:]  # d took them from c, and applied them
    cluster.crash(leader)
    b = cluster.nodes["b"]
    cluster.promote(b, 5.0, accept_loss=True)
    assert cluster.run(6.0, lambda: b.leads)
    assert not set(lost) & set(b.history)
    cluster.blocked.clear()
    before, by_source = cluster.pushed.get("d", 0), cluster.passed_on
    assert cluster.run(5.0, lambda: cluster.nodes["d"].history == b.history != [])
    write(cluster, b)
    assert not set(lost) & set(cluster.nodes["d"].history)
    assert cluster.nodes["d"].history == b.history
    assert cluster.passed_on > by_source
    assert cluster.pushed.get("d", 0) - before <= 1 + 5  # at most what it got until c spoke


def test_a_source_that_missed_a_promotion_is_refused_and_so_hears_of_it() -> None:
    cluster, leader = fed_raft()
    c, other = cluster.nodes["c"], next(n for n in ("a", "b") if n != leader.name)
    for name in ("a", "b"):
        cluster.cut_off(c, name)
    c.core.role._patient_until = float("inf")  # it is in no hurry to lead
    before = c.core.member.term
    cluster.hand_over(leader, other)
    assert cluster.run(0.9, lambda: cluster.nodes["d"].core.member.term > before)
    assert cluster.run(0.5, lambda: c.core.member.term > before)
    assert cluster.passing["c"].sender is None
    cluster.heal()
    cluster.run(3.0)
    assert cluster.leader is not None
    write(cluster, cluster.leader)
    assert cluster.converged()


def test_a_voter_is_sent_its_entries_whatever_it_says_of_a_source() -> None:
    sender = Sender("line", A2, log_of(A1, A1, A2), ("b",), 0.0)
    sender.pump(0.0)
    reply = AppendReply("line", A2, True, 1, 1, 0, 0, 0.0, round=1, source="c")
    sent = [e for e in sender.replied("b", reply, 0.0) if isinstance(e, SendAppend)]
    assert [len(effect.message.entries) for effect in sent] == [2]


def test_who_is_fed_is_offered_no_copy_by_the_leader() -> None:
    log = log_of(A1, A1, A2)
    log.trim(msgspec.structs.replace(log.base, position=2, epoch=A1, records=2))
    sender = Sender("line", A2, log, ("b",), 0.0)
    sender.set_learners(("b",))
    sender.pump(0.0)
    reply = AppendReply("line", A2, False, 0, 0, 0, 0, 0.0, hint=0, round=1, source="c")
    assert not [e for e in sender.replied("b", reply, 0.0) if isinstance(e, BeginSnapshot)]
    alone = msgspec.structs.replace(reply, source="")
    assert [e for e in sender.replied("b", alone, 0.1) if isinstance(e, BeginSnapshot)]
    assert sender.deadline <= 0.1 + HEARTBEAT_S


def test_a_source_is_well_while_it_has_what_the_leader_told_of() -> None:
    source = Source()
    assert not source.well(0.0)
    source.choose("c", 0.0)
    assert source.well(WELL_S)  # it has so long to begin
    assert not source.well(WELL_S + 0.1)
    source.led(10, 3.0)
    source.has(9, 3.1)
    assert not source.well(3.2)
    source.has(10, 3.3)
    assert source.well(3.0 + WELL_S)
    assert not source.well(3.1 + WELL_S)


def test_a_source_that_repeats_what_it_had_is_not_well_for_that() -> None:
    source = Source()
    source.choose("c", 0.0)
    source.led(10, 0.0)
    for tenth in range(50):
        source.led(10 + tenth, tenth / 10)
        source.has(10, tenth / 10)
    assert not source.well(5.0)


def test_a_leader_that_knows_of_less_is_measured_anew() -> None:
    source = Source()
    source.choose("c", 0.0)
    source.led(100, 0.0)
    source.led(50, 1.0)  # a promotion cut what was committed
    source.has(50, 1.1)
    assert source.well(1.0 + WELL_S)
