"""Promotion: who may lead, what is sealed, what is fetched, what is refused."""

import msgspec
import pytest
from primary_cluster import LINE, Cluster, Node

from plait.line.entry import Epoch
from plait.line.primary.candidate import Candidate
from plait.line.primary.leader import Leader
from plait.line.primary.member import RescueNote
from plait.line.primary.messages import Seal
from plait.line.primary.vocabulary import PromoteMe


def founded(rule: str = "any:1", members: int = 3, entries: int = 3) -> tuple[Cluster, list[Node]]:
    """A line that a leads, with some committed entries everywhere."""
    cluster = Cluster(0, members, rule)
    leader = cluster.found()
    for _ in range(entries):
        cluster.propose(leader)
    assert cluster.run(2.0, cluster.converged)
    return cluster, list(cluster.nodes.values())


def cut_off(cluster: Cluster, node: Node) -> None:
    for name in cluster.names:
        cluster.blocked |= {(node.name, name), (name, node.name)}


def outcome(cluster: Cluster, node: Node, seconds: float = 3.0, **how: bool) -> tuple[bool, str]:
    """Promote a node, and how that ended."""
    before = len(node.promotions)
    cluster.promote(node, seconds, **how)
    assert cluster.run(seconds + 1, lambda: len(node.promotions) > before)
    return node.promotions[-1].won, node.promotions[-1].why


# ------------------------------------------------------------------------------- founding


def test_the_first_promotion_needs_every_member() -> None:
    cluster = Cluster(0, 3, "any:1")
    cut_off(cluster, cluster.nodes["c"])
    won, why = outcome(cluster, cluster.nodes["a"], resume=True)
    assert not won
    assert "new disks that do not count: a, b" in why
    cluster.heal()
    assert outcome(cluster, cluster.nodes["a"], resume=True) == (True, "promoted")


def test_a_founder_that_crashes_before_its_disk_knew_can_found_again() -> None:
    cluster = Cluster(0, 3, "any:1")
    a = cluster.nodes["a"]
    cluster.promote(a, resume=True)
    assert cluster.run(1.0, lambda: a.leads)
    cluster.run(0.0018)  # its first entry is on its way to the others
    cluster.crash(a)
    cluster.run(1.0)
    cluster.start(a)
    assert outcome(cluster, a, resume=True) == (True, "promoted")
    assert cluster.run(2.0, cluster.converged)


def test_after_an_unfinished_founding_anybody_may_found() -> None:
    cluster = Cluster(0, 3, "any:1")
    a, b, c = cluster.nodes.values()
    cluster.promote(a, 0.01, resume=True)
    cluster.promote(b, 0.01, resume=True)
    cluster.run(1.0)
    assert not cluster.leaders()
    assert outcome(cluster, c)[0]


# ------------------------------------------------------------------------------- enough reports


@pytest.mark.parametrize(("rule", "needed"), [("any:1", 4), ("majority", 3), ("all", 1)])
def test_a_promotion_needs_the_members_that_no_commit_can_avoid(rule: str, needed: int) -> None:
    for up in (needed - 1, needed):
        if not up:
            continue
        cluster, nodes = founded(rule, members=5)
        for node in nodes[: 5 - up]:
            cluster.crash(node)
        won, why = outcome(cluster, nodes[-1])
        assert won == (up == needed), why


def test_a_promotion_without_enough_reports_is_refused_and_disturbs_nobody() -> None:
    cluster, (a, b, c) = founded()
    cluster.crash(c)
    cluster.blocked = {("a", "b"), ("b", "a")}
    promised = b.core.member.promised
    won, why = outcome(cluster, b)
    assert not won
    assert "1 of the 2 members needed" in why
    assert b.core.member.promised == promised
    cluster.blocked.clear()
    assert a.leads
    cluster.propose(a)
    assert cluster.run(1.0, lambda: b.core.member.committed_told == a.core.member.log.tail)


def test_accepted_loss_promotes_a_lone_member() -> None:
    cluster, (a, b, c) = founded()
    cluster.crash(a)
    cluster.crash(c)
    assert outcome(cluster, b, accept_loss=True) == (True, "promoted")
    assert b.promotions[-1].details["accepted_loss"] is True


def test_a_member_follows_while_it_surveys() -> None:
    cluster, (a, b, c) = founded()
    cut_off(cluster, c)
    cluster.blocked |= {("b", "a")}  # b hears its leader, and is not heard
    cluster.promote(b, 1.0)
    cluster.propose(a)
    cluster.run(0.5)
    assert isinstance(b.core.role, Candidate)
    assert b.core.member.log.tail == a.core.member.log.tail


def test_a_promotion_works_although_the_leader_still_speaks() -> None:
    cluster, (a, b, c) = founded()
    cluster.blocked = {("b", "a"), ("c", "a")}
    assert outcome(cluster, b) == (True, "promoted")
    assert cluster.run(1.0, lambda: b.core.member.committed_told == b.core.member.log.tail)
    assert c.core.leader == "b"
    assert a.leads  # nobody could tell it yet
    position = cluster.propose(a)
    cluster.run(1.0)
    assert position is not None
    assert a.core.member.committed_told <= position
    cluster.heal()
    assert cluster.run(2.0, cluster.converged)


# ------------------------------------------------------------------------------- two at once


def test_of_two_operators_who_promote_at_once_only_one_commits() -> None:
    for seed in range(20):
        cluster = Cluster(seed, 3, "any:1")
        cluster.found("c")
        cluster.crash(cluster.nodes["c"])
        a, b = cluster.nodes["a"], cluster.nodes["b"]
        cluster.promote(a, skip_survey=True)
        cluster.promote(b, skip_survey=True)
        cluster.run(3.0)
        (leader,) = cluster.leaders()
        assert leader.core.member.committed_told == leader.core.member.log.tail


def test_an_epoch_is_never_promised_to_two() -> None:
    _, (_, b, _) = founded()
    for candidate in ("a", "c"):
        seal = Seal(LINE, Epoch(9, candidate), True, False, Epoch(1, "a"))
        assert b.core.member.would_promise(seal)
    b.core.member.promised = Epoch(9, "c")
    assert not b.core.member.would_promise(Seal(LINE, Epoch(9, "a"), True, False, Epoch(1, "a")))


def test_a_promise_survives_a_restart() -> None:
    cluster, (_, b, c) = founded()
    cluster.promote(c)
    assert cluster.run(2.0, lambda: c.leads)
    cluster.run(0.5)
    promised = b.core.member.promised
    cluster.crash(b)
    cluster.start(b)
    assert b.core.member.promised == promised == Epoch(2, "c")


# ------------------------------------------------------------------------------- the tail


def test_a_candidate_fetches_the_tail_of_the_highest_report() -> None:
    cluster, (a, b, c) = founded()
    cut_off(cluster, b)
    for _ in range(50):
        cluster.propose(a)
    assert cluster.run(1.0, lambda: a.core.member.committed_told == a.core.member.log.tail)
    tail = c.core.member.log.tail
    cluster.crash(a)
    cluster.heal_network()
    assert b.core.member.log.tail < tail
    assert outcome(cluster, b) == (True, "promoted")
    assert b.core.member.log.epoch_at(tail - 1) == Epoch(1, "a")
    assert b.core.member.log.epoch_at(tail) == Epoch(2, "b")


def test_a_candidate_cuts_its_own_contradicting_suffix_when_it_fetches() -> None:
    cluster, (a, b, c) = founded()
    cut_off(cluster, a)
    for _ in range(5):
        cluster.propose(a)  # only a has these
    cluster.run(0.1)
    assert outcome(cluster, b)[0]
    cluster.propose(b)
    assert cluster.run(1.0, lambda: c.core.member.log.tail == b.core.member.log.tail)
    cluster.run(0.1)
    cluster.crash(b)
    cluster.heal_network()
    assert cluster.run(1.0, lambda: not a.leads)
    assert outcome(cluster, a)[0]
    cluster.run(0.1)
    assert [len(rows) for _, rows, _ in a.disk.rescued] == [5]
    assert cluster.run(2.0, lambda: a.core.member.committed_told == a.core.member.log.tail)


def test_a_candidate_whose_next_entry_is_trimmed_elsewhere_says_whom_to_promote() -> None:
    cluster, (a, b, c) = founded()
    cut_off(cluster, b)
    for _ in range(9):
        cluster.propose(a)
    cluster.run(1.0)
    c.flushed = len(c.history)
    cluster.trim(c, c.flushed)
    cluster.run(0.1)
    cluster.crash(a)
    cluster.heal_network()
    assert outcome(cluster, b) == (False, "this node is too far behind c; promote that one")


# ------------------------------------------------------------------------------- resuming


def test_a_former_leader_resumes_if_nobody_else_was_promised() -> None:
    cluster, (a, *_) = founded()
    cluster.crash(a)
    cluster.start(a)
    assert outcome(cluster, a, resume=True) == (True, "promoted")


def test_a_resume_is_refused_if_somebody_else_was_promised() -> None:
    cluster, (a, b, _) = founded()
    cluster.crash(a)
    assert outcome(cluster, b)[0]
    cluster.start(a)
    cluster.run(0.5)
    cluster.crash(b)
    assert outcome(cluster, a, resume=True) == (False, "b was promised since this node led")


def test_a_resume_is_refused_by_a_member_that_promised_an_equal_number_to_another() -> None:
    _, (_, b, _) = founded()
    b.core.member.promised = Epoch(5, "b")
    resume = Seal(LINE, Epoch(6, "a"), True, True, Epoch(5, "a"))
    assert not b.core.member.would_promise(resume)
    b.core.member.promised = Epoch(5, "a")
    assert b.core.member.would_promise(resume)


# ------------------------------------------------------------------------------- rescue


def test_a_deposed_leaders_suffix_is_kept_as_rescued_from_the_epoch_boundary() -> None:
    cluster, (a, b, _) = founded()
    boundary = a.core.member.log.tail
    cut_off(cluster, a)
    for _ in range(4):
        cluster.propose(a)
    cluster.run(0.1)
    lost = a.disk.rows[boundary:]
    assert outcome(cluster, b)[0]
    cluster.heal_network()
    assert cluster.run(3.0, cluster.converged)
    ((start, rows, note),) = a.disk.rescued
    assert (start, rows) == (boundary, lost)
    assert note is not None
    kept = msgspec.msgpack.decode(note, type=RescueNote)
    assert (kept.member, kept.cut_by, kept.committed_here) == ("a", Epoch(2, "b"), False)


def test_what_a_lone_leader_rule_committed_is_announced_as_retracted_when_it_is_cut() -> None:
    cluster, (a, b, _) = founded("leader")
    boundary = a.core.member.log.tail
    cut_off(cluster, a)
    cluster.propose(a)
    assert cluster.run(1.0, lambda: a.core.member.committed_told == boundary + 1)
    assert outcome(cluster, b)[0]
    cluster.heal_network()
    assert cluster.run(3.0, cluster.converged)
    ((_, _, note),) = a.disk.rescued
    assert note is not None
    assert msgspec.msgpack.decode(note, type=RescueNote).committed_here
    assert a.history == b.history


def test_a_deposed_leader_that_is_helped_by_a_copy_keeps_its_suffix_too() -> None:
    cluster, (a, b, _) = founded("leader")
    cut_off(cluster, a)
    for _ in range(4):
        cluster.propose(a)
    cluster.run(0.1)
    assert outcome(cluster, b)[0]
    for _ in range(9):
        cluster.propose(b)
    cluster.run(1.0)
    b.flushed = len(b.history)
    cluster.trim(b, b.flushed)
    cluster.heal_network()
    assert cluster.run(5.0, cluster.converged)
    payloads = [row for _, rows, _ in a.disk.rescued for row in rows]
    assert len(payloads) >= 4


# ------------------------------------------------------------------------------- new disks


def test_a_wiped_member_does_not_vote_and_is_not_promoted() -> None:
    cluster, (a, b, c) = founded()
    cluster.crash(a)
    cluster.crash(b)
    cluster.wipe(b)
    cluster.start(b)
    won, why = outcome(cluster, c)
    assert not won
    assert "new disks that do not count: b" in why
    assert outcome(cluster, b) == (False, "this node's disk is new and has not caught up")
    cluster.start(a)
    assert outcome(cluster, c)[0]
    assert cluster.run(2.0, lambda: cluster.converged() and not b.core.member.fresh)


def test_a_wiped_member_does_not_count_for_commits_before_it_was_admitted() -> None:
    cluster, (a, b, c) = founded()
    cluster.crash(b)
    cluster.wipe(b)
    cut_off(cluster, c)
    cluster.start(b)
    position = cluster.propose(a)
    cluster.run(2.0)
    assert position is not None
    assert b.core.member.log.tail == position + 1
    assert a.core.member.committed_told == position  # c may have promised somebody else with b
    cluster.heal_network()
    assert cluster.run(2.0, cluster.converged)


def test_a_wiped_member_is_admitted_by_its_old_leader_only_with_everything() -> None:
    cluster, (a, b, _) = founded(entries=30)
    cluster.crash(b)
    cluster.wipe(b)
    cluster.start(b)
    while b.core.member.fresh:
        cluster.run(0.001)
    assert b.core.member.log.durable >= 31
    assert a.leads


def test_a_promotion_that_is_asked_of_a_leader_or_twice_says_so() -> None:
    cluster, (a, b, _) = founded()
    assert outcome(cluster, a) == (True, "leads already")
    cluster.tell(b, PromoteMe(cluster.now + 1))
    cluster.tell(b, PromoteMe(cluster.now + 1))
    assert b.promotions[-1].why == "a promotion is under way already"
    assert cluster.run(2.0, lambda: isinstance(b.core.role, Leader))
