"""Members of a leader–follower line come, go and change under load."""

import pytest
from primary_cluster import LINE, Cluster, Node
from test_primary_promotion import cut_off, founded, outcome

from plait.base.errors import Busy, PlaitError
from plait.line.entry import Epoch
from plait.line.membership import Target
from plait.line.primary.leader import Leader
from plait.line.primary.messages import Seal
from plait.line.primary.vocabulary import MembersChanged, Received


def change(cluster: Cluster, leader: Node, voters: str, learners: str = "") -> None:
    """Ask for other members."""
    assert cluster.reconfigure(leader, Target(tuple(voters), tuple(learners)))


def split(cluster: Cluster, one: str) -> None:
    """Who is in `one`, and who is not, hear nothing of each other."""
    for left in one:
        for right in set(cluster.names) - set(one):
            cluster.blocked |= {(left, right), (right, left)}


def commits(cluster: Cluster, leader: Node) -> bool:
    position = cluster.propose(leader)
    assert position is not None
    return cluster.run(0.5, lambda: leader.core.member.committed_told > position)


def with_learners(cluster: Cluster, a: Node, learners: str) -> None:
    """Let nodes copy the line of a, b and c until their disks count."""
    change(cluster, a, "abc", learners)
    role = a.core.role
    assert isinstance(role, Leader)
    assert cluster.run(2.0, cluster.converged)
    assert cluster.run(2.0, lambda: not any(p.fresh for p in role.sender.progress.values()))


def joint(rule: str = "any:1", to: str = "ade") -> tuple[Cluster, Node]:
    """A line of a, b and c that is on its way to other members, and cannot go on."""
    cluster, (a, *_) = founded(rule)
    with_learners(cluster, a, "".join(sorted(set(to) - set("abc"))))
    change(cluster, a, to)
    assert a.core.member.membership.joint
    for name in cluster.names[1:]:
        cluster.blocked |= {(name, "a")}
    assert cluster.run(0.2, lambda: False) is False
    assert all(node.core.member.membership.joint for node in cluster.nodes.values())
    return cluster, a


# ------------------------------------------------------------------------------- changing


@pytest.mark.parametrize("rule", ["any:1", "majority", "all", "leader"])
def test_members_are_replaced_one_by_one_and_all_at_once_while_entries_commit(rule: str) -> None:
    cluster, (a, *_) = founded(rule)
    for voters in ("abd", "ade", "aefgh", "ai"):
        change(cluster, a, voters)
        assert commits(cluster, a)
        assert cluster.run(3.0, lambda: cluster.settled() and cluster.converged())
        assert a.core.member.membership.voters == tuple(sorted(voters))


def test_a_lone_member_grows_into_three_and_shrinks_again() -> None:
    cluster = Cluster(0, 1, "majority")
    a = cluster.found()
    change(cluster, a, "abc")
    assert cluster.run(3.0, lambda: cluster.settled() and cluster.converged())
    assert (a.core.k, len(a.core.member.members)) == (1, 3)
    change(cluster, a, "a")
    assert cluster.run(3.0, cluster.settled)
    split(cluster, "a")
    assert commits(cluster, a)


def test_a_joining_node_knows_nobody_until_a_leader_speaks() -> None:
    cluster, (a, *_) = founded()
    d = cluster.join("d")
    assert d.core.member.membership.members == ()
    assert outcome(cluster, d) == (False, "d has no vote on line")
    change(cluster, a, "abcd")
    assert cluster.run(2.0, cluster.settled)
    assert cluster.run(2.0, lambda: d.core.member.votes and not d.core.member.fresh)


def test_a_joining_node_learns_who_the_members_are_from_a_copy_of_the_state() -> None:
    cluster, (a, *_) = founded(entries=9)
    a.flushed = len(a.history)
    cluster.trim(a, a.flushed)
    d = cluster.join("d")
    change(cluster, a, "abc", "d")
    assert cluster.run(2.0, lambda: cluster.converged() and d.disk.head > 0)
    assert d.core.member.membership == a.core.member.membership


def test_who_the_members_are_survives_a_restart_and_a_trim() -> None:
    cluster, (a, b, _) = founded()
    change(cluster, a, "abd")
    assert cluster.run(2.0, lambda: cluster.settled() and cluster.converged())
    b.flushed = len(b.history)
    cluster.trim(b, b.flushed)
    cluster.run(0.1)
    cluster.crash(b)
    cluster.start(b)
    assert b.core.member.membership.voters == ("a", "b", "d")
    assert b.core.member.membership.retired == ("c",)


def test_everybody_is_told_when_the_members_change() -> None:
    cluster, (a, b, _) = founded()
    told: list[str] = []
    cluster.trace = lambda line: told.append(line[10:11]) if "MembersChanged()" in line else None
    change(cluster, a, "abd")
    assert cluster.run(2.0, cluster.settled)
    assert {"a", "b", "d"} <= set(told)
    assert MembersChanged() not in b.core.step(Received("a", None), cluster.now)


# ------------------------------------------------------------------------------- counting


@pytest.mark.parametrize(
    ("rule", "reached", "commits"),
    [
        ("any:1", "b", False), ("any:1", "d", False), ("any:1", "bd", True),
        ("majority", "bc", False), ("majority", "ce", True), ("majority", "de", False),
        ("all", "bcd", False), ("all", "bcde", True),
    ],
)  # fmt: skip
def test_while_joint_both_halves_must_hold_an_entry(rule: str, reached: str, commits: bool) -> None:
    cluster, a = joint(rule)
    position = a.core.member.membership_position
    cluster.blocked = {(name, "a") for name in cluster.names if name not in reached}
    cluster.run(0.5)
    assert (a.core.member.commit > position) is commits


def test_a_learner_counts_neither_for_a_commit_nor_for_a_promotion() -> None:
    cluster, (a, b, _) = founded("majority")
    with_learners(cluster, a, "de")
    split(cluster, "ade")
    assert not commits(cluster, a)
    cluster.heal_network()
    assert cluster.run(2.0, cluster.converged)
    split(cluster, "bde")
    assert not outcome(cluster, b, 0.5)[0]
    assert outcome(cluster, cluster.nodes["d"]) == (False, "d has no vote on line")


@pytest.mark.parametrize(("up", "wins"), [("bde", False), ("bcd", False), ("bcde", True)])
def test_while_joint_a_promotion_needs_promises_from_both_halves(up: str, wins: bool) -> None:
    cluster, a = joint("any:1")
    cluster.crash(a)
    cluster.heal_network()
    split(cluster, up)
    assert outcome(cluster, cluster.nodes["b"])[0] is wins


def test_while_joint_only_a_voter_of_before_may_lead() -> None:
    cluster, a = joint()
    cluster.crash(a)
    cluster.heal_network()
    promised = cluster.nodes["e"].core.member.promised
    won, why = outcome(cluster, cluster.nodes["d"])
    assert (won, why) == (False, "the members of line are changing; d cannot lead it yet")
    assert cluster.nodes["e"].core.member.promised == promised
    assert outcome(cluster, cluster.nodes["d"], accept_loss=True)[0]


def test_a_new_leader_finishes_what_it_finds_begun() -> None:
    cluster, a = joint(to="bde")
    cluster.crash(a)
    cluster.heal_network()
    assert outcome(cluster, cluster.nodes["b"])[0]
    assert cluster.run(2.0, lambda: cluster.settled() and cluster.converged())
    assert cluster.nodes["b"].core.member.membership.voters == ("b", "d", "e")


def test_a_candidate_that_finds_other_members_seals_anew_among_those() -> None:
    cluster, (a, b, c) = founded("any:1")
    with_learners(cluster, a, "de")
    split(cluster, "c")
    change(cluster, a, "abcde")
    assert cluster.run(2.0, lambda: cluster.settled() and not b.core.member.membership.joint)
    cluster.run(0.2)
    assert c.core.member.membership.voters == ("a", "b", "c")
    cluster.crash(a)
    cluster.heal_network()
    split(cluster, "bc")  # two of three suffice by what c knows, four of five are needed
    won, why = outcome(cluster, c)
    assert not won
    assert "2 of the 4 members needed reported" in why
    cluster.heal_network()
    assert outcome(cluster, c)[0]
    assert cluster.run(2.0, lambda: c.core.member.committed_told == c.core.member.log.tail)


# ------------------------------------------------------------------------------- leaving


def test_a_leader_that_is_removed_leads_on_until_a_voter_has_taken_over() -> None:
    cluster, (a, *_) = founded()
    for name in "de":
        cluster.join(name)
    change(cluster, a, "de")
    assert cluster.run(2.0, lambda: not a.core.member.votes)
    assert a.leads
    assert cluster.run(2.0, lambda: cluster.settled() and not a.leads)
    assert not a.disk.rescued
    assert not a.promotions[1:]  # nobody asked for this hand-over
    assert cluster.run(2.0, cluster.converged)


def test_a_removed_leader_that_reaches_no_voter_goes_on_trying() -> None:
    cluster, (a, *_) = founded()
    for name in "de":
        cluster.join(name)
    change(cluster, a, "de")
    assert cluster.run(2.0, lambda: isinstance(a.core.refusal(), Busy))
    split(cluster, "a")
    cluster.run(8.0)
    assert a.leads
    cluster.heal_network()
    assert cluster.run(8.0, cluster.settled)


def test_a_member_that_left_is_refused_and_disturbs_nobody() -> None:
    cluster, (a, b, c) = founded()
    split(cluster, "c")
    change(cluster, a, "abd")
    assert cluster.run(3.0, cluster.settled)
    cluster.run(0.2)
    cluster.heal_network()
    promised = b.core.member.promised
    assert outcome(cluster, c) == (False, "c left line")
    assert b.core.member.promised == promised
    assert a.leads
    for last, granted in ((c.core.member.log.last_epoch, False), (Epoch(5, "c"), True)):
        # a log that ends in a newer epoch knows better who left
        seal = Seal(LINE, Epoch(9, "c"), True, False, last)
        assert b.core.member.would_promise(seal) is granted


def test_a_last_step_that_only_the_leaving_leader_holds_is_fetched_from_it() -> None:
    cluster = Cluster(0, 1, "majority")
    a = cluster.found()
    change(cluster, a, "a", "b")
    b = cluster.nodes["b"]
    assert cluster.run(2.0, lambda: cluster.converged() and not b.core.member.fresh)
    change(cluster, a, "b")
    assert cluster.run(2.0, lambda: b.core.member.membership.joint)
    cluster.blocked = {("a", "b")}
    assert cluster.run(0.05, lambda: not a.core.member.votes)
    cluster.run(0.01)
    assert b.core.member.membership.joint
    cluster.crash(a)
    cluster.start(a)
    cluster.heal_network()
    assert outcome(cluster, a) == (False, "a left line")
    assert outcome(cluster, b)[0]
    assert b.core.member.membership.voters == ("b",)
    assert commits(cluster, b)


def test_a_candidate_that_is_not_known_yet_is_promised() -> None:
    _, (a, b, _) = founded()
    seal = Seal(LINE, Epoch(9, "z"), True, False, a.core.member.log.last_epoch)
    assert b.core.member.would_promise(seal)


def test_an_old_leader_does_not_trust_the_new_disk_of_who_got_a_vote_elsewhere() -> None:
    cluster, (a, b, _) = founded()
    change(cluster, a, "abc", "d")
    assert cluster.run(
        2.0, lambda: cluster.converged() and not cluster.nodes["d"].core.member.fresh
    )
    split(cluster, "a")
    assert outcome(cluster, b)[0]
    change(cluster, b, "bcd")
    assert cluster.run(2.0, cluster.settled)
    d = cluster.nodes["d"]
    cluster.crash(d)
    cluster.wipe(d)
    cluster.heal_network()
    split(cluster, "ad")
    assert a.leads
    cluster.start(d)
    cluster.run(2.0)
    assert d.core.member.log.tail > 0
    assert d.core.member.fresh


def test_a_removed_member_hears_that_it_left() -> None:
    cluster, (a, _, c) = founded()
    change(cluster, a, "ab")
    assert cluster.run(2.0, cluster.settled)
    cluster.run(0.1)
    assert "c" in c.core.member.membership.retired
    assert isinstance(a.core.role, Leader)
    assert "c" not in a.core.role.sender.progress


# ------------------------------------------------------------------------------- refusals


def refusal(cluster: Cluster, node: Node, target: Target) -> PlaitError:
    error = node.core.reconfiguration_refusal(target)
    assert error is not None
    return error


def test_a_change_that_cannot_be_is_refused_with_a_reason() -> None:
    cluster, (a, b, _) = founded("any:2")
    assert "does not lead" in refusal(cluster, b, Target(("a",))).message
    assert "needs 2 followers" in refusal(cluster, a, Target(("a", "b"))).message
    witnesses = Target(("a", "b", "c"), (), ("a", "b", "c"))
    assert "somebody must keep the state" in refusal(cluster, a, witnesses).message
    assert "last voter" in refusal(cluster, a, Target(())).message


def test_one_change_waits_for_the_other() -> None:
    cluster, a = joint()
    assert isinstance(refusal(cluster, a, Target(("a",))), Busy)
    cut_off(cluster, a)
    cluster.heal_network()
    assert cluster.run(2.0, cluster.settled)
    change(cluster, a, "ae")
    assert cluster.run(2.0, lambda: cluster.settled() and cluster.converged())
