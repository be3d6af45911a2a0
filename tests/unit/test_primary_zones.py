"""A rule by zones: what commits, who may be promoted, how zones change."""

from itertools import product

import pytest
from primary_cluster import Cluster, Node

from plait.base.errors import BadSettings, RuleUnmet
from plait.line.membership import Membership, Target, founding, next_step
from plait.line.primary.rule import RuleInForce
from plait.line.quorum import AckRule

RULES = ("any:1@other-zone", "any:2@other-zone")


def force(rule: str = "any:1@other-zone") -> RuleInForce:
    return RuleInForce(AckRule.parse(rule))


def placed(places: str, names: str = "abcdefg") -> dict[str, str]:
    return dict(zip(names, places, strict=False))


def line(places: str, rule: str = "any:1@other-zone") -> tuple[Cluster, Node]:
    """A line of as many members as places, led by the first."""
    cluster = Cluster(0, len(places), rule, zones=placed(places))
    leader = cluster.found()
    assert cluster.run(2.0, cluster.converged)
    return cluster, leader


def cut(cluster: Cluster, *names: str) -> None:
    for name in names:
        for other in cluster.names:
            cluster.blocked |= {(name, other), (other, name)}


def commits(cluster: Cluster, leader: Node) -> bool:
    position = cluster.propose(leader)
    assert position is not None
    return cluster.run(0.5, lambda: leader.core.member.committed_told > position)


def promotes(cluster: Cluster, node: Node) -> bool:
    before = len(node.promotions)
    cluster.promote(node, 1.0)
    assert cluster.run(3.0, lambda: len(node.promotions) > before)
    return node.promotions[-1].won


# ------------------------------------------------------------------------------- counting


def memberships() -> list[tuple[Membership, Membership]]:
    """Pairs that follow each other: alike, and with members or zones on their way."""
    before = founding("abcd", zones=placed("xxyy"))
    pairs = [(before, before)]
    for target in (
        Target(tuple("abcd"), zones=(("b", "y"), ("c", "x"))),
        Target(tuple("abcd"), zones=(("c", "z"),)),
        Target(tuple("abe"), zones=(("e", "y"), ("b", "z"))),
    ):
        membership = before
        while (step := next_step(membership, target, lambda name: True)) is not None:
            pairs += [(membership, step), (step, membership), (step, step)]
            membership = step
        assert dict(membership.zones).items() >= dict(target.zones).items()
    return pairs


@pytest.mark.parametrize("rule", RULES)
def test_every_promotion_meets_every_commit_of_a_membership_beside_its_own(rule: str) -> None:
    counts = force(rule)
    tried = 0
    for leaders, candidates in memberships():
        names = sorted({*leaders.members, *candidates.members})
        subsets = [
            {name for name, there in zip(names, chosen, strict=True) if there}
            for chosen in product((False, True), repeat=len(names))
        ]
        enough = [some for some in subsets if counts.promised(candidates, some)]
        assert enough
        for leader, holders in product(names, subsets):
            if leader not in holders or not leaders.votes(leader):
                continue
            if counts.committed(leaders, leader, lambda name, on=holders: int(name in on)):
                tried += 1
                assert all(holders & promised for promised in enough)
    assert tried > 100


@pytest.mark.parametrize("rule", RULES)
def test_no_fewer_promises_would_be_enough(rule: str) -> None:
    """Whatever is not enough misses something that can have been committed."""
    counts, membership = force(rule), founding("abcdef", zones=placed("xxyyzz"))
    for chosen in product((False, True), repeat=6):
        promised = {name for name, there in zip("abcdef", chosen, strict=True) if there}
        rest = set("abcdef") - promised
        missed = any(
            counts.committed(membership, leader, lambda name, on=rest: int(name in on))
            for leader in rest
        )
        assert counts.promised(membership, promised) is not missed


def test_a_rule_names_a_number_of_followers_in_other_zones() -> None:
    assert AckRule.parse("any:2@other-zone").followers_needed(5) == 2
    for wrong in ("any@other-zone", "any:1@", "any:1@eu", "majority@other-zone"):
        with pytest.raises(BadSettings, match="other-zone"):
            AckRule.parse(wrong)


@pytest.mark.parametrize(
    ("places", "met"),
    [("xy", True), ("xxy", True), ("xxx", False), ("xx", False), ("xyz", True)],
)
def test_a_rule_must_be_met_whoever_leads(places: str, met: bool) -> None:
    members, rule = "abc"[: len(places)], AckRule.parse("any:1@other-zone")
    if met:
        rule.check(members, placed(places, members))
    else:
        with pytest.raises(RuleUnmet, match="if a led"):
            rule.check(members, placed(places, members))


def test_a_member_without_a_zone_is_nowhere_and_cannot_lead() -> None:
    with pytest.raises(RuleUnmet, match="if c led: it has no zone"):
        AckRule.parse("any:1@other-zone").check("abc", {"a": "x", "b": "y"})


def test_where_zones_are_too_few_everybody_is_asked_for() -> None:
    rule, membership = force(), founding("abc", zones={"a": "x"})
    assert rule.k(membership.voters, dict(membership.zones)) == 2
    assert rule.text(membership.voters, dict(membership.zones)) == "any:2"
    assert rule.promised(membership, ["b"])


# ------------------------------------------------------------------------------- a line


def test_a_write_waits_for_a_copy_in_another_zone_and_for_no_more() -> None:
    cluster, a = line("xxyy")
    cut(cluster, "c", "d")
    assert not commits(cluster, a)
    cluster.blocked.clear()
    assert commits(cluster, a)
    cut(cluster, "b", "c")
    assert commits(cluster, a)


def test_a_zone_that_is_lost_takes_nothing_acknowledged_with_it() -> None:
    cluster, a = line("xxyyy", "any:2@other-zone")
    for _ in range(5):
        assert commits(cluster, a)
    kept = list(cluster.judge.ledger)
    for name in "ab":
        cluster.crash(cluster.nodes[name])
    c = cluster.nodes["c"]
    assert promotes(cluster, c)
    cluster.heal()
    assert cluster.run(3.0, cluster.converged)
    assert cluster.judge.ledger[: len(kept)] == kept


def test_who_may_have_committed_together_must_not_both_be_silent() -> None:
    cluster, _ = line("xxyy")
    cut(cluster, "a", "c")
    assert not promotes(cluster, cluster.nodes["b"])
    why = cluster.nodes["b"].promotions[-1].why
    assert "2 of 4 members (what x and y may hold together is not known) reported" in why


def test_members_of_one_zone_alone_are_not_needed() -> None:
    cluster, _ = line("xxyy")
    cut(cluster, "a", "b")
    assert promotes(cluster, cluster.nodes["c"])


# ------------------------------------------------------------------------------- changing


def test_zones_change_as_members_do() -> None:
    cluster, a = line("xxy")
    assert cluster.reconfigure(a, Target(tuple("abc"), zones=(("b", "z"),)))
    assert a.core.member.membership.joint
    assert a.core.member.membership.zoned_halves[1][1] == {"a": "x", "b": "x", "c": "y"}
    assert cluster.run(2.0, lambda: cluster.settled() and cluster.converged())
    assert dict(a.core.member.membership.zones) == {"a": "x", "b": "z", "c": "y"}
    cut(cluster, "c")
    assert commits(cluster, a)


def test_until_a_change_of_zones_is_done_both_count() -> None:
    cluster, a = line("xxy")
    cut(cluster, "c")
    assert cluster.reconfigure(a, Target(tuple("abc"), zones=(("b", "z"),)))
    assert not commits(cluster, a)  # b is in another zone only by what is to come
    cluster.blocked.clear()
    assert cluster.run(2.0, cluster.settled)


def test_a_change_that_the_rule_could_not_be_met_after_is_refused() -> None:
    cluster, a = line("xxy")
    assert not cluster.reconfigure(a, Target(tuple("abc"), zones=(("c", "x"),)))
    assert not cluster.reconfigure(a, Target(tuple("abcd")))  # d has no zone
    assert cluster.reconfigure(a, Target(tuple("abcd"), zones=(("d", "y"),)))


def test_zones_of_who_leaves_are_forgotten() -> None:
    cluster, a = line("xxyy")
    assert cluster.reconfigure(a, Target(tuple("abc")))
    assert cluster.run(2.0, lambda: cluster.settled() and cluster.converged())
    membership = a.core.member.membership
    membership.check()
    assert [name for name, _ in membership.zones] == ["a", "b", "c"]


def test_a_zone_is_taken_away_by_naming_none() -> None:
    cluster, a = line("xxyy", "any:1")
    assert cluster.reconfigure(a, Target(tuple("abcd"), zones=(("b", ""),)))
    assert cluster.run(2.0, lambda: cluster.settled() and cluster.converged())
    assert "b" not in dict(a.core.member.membership.zones)


def test_a_change_of_zones_waits_for_who_is_away() -> None:
    cluster, a = line("xxy")
    cut(cluster, "b", "c")
    cluster.run(2.0)
    assert cluster.reconfigure(a, Target(tuple("abc"), zones=(("b", "z"),)))
    cluster.run(2.0)
    assert not a.core.member.membership.joint  # nothing could be committed
    cluster.blocked.clear()
    zones = {"a": "x", "b": "z", "c": "y"}
    assert cluster.run(5.0, lambda: dict(a.core.member.membership.zones) == zones)
    assert cluster.run(5.0, lambda: cluster.settled() and cluster.converged())


def test_where_a_learner_is_changes_at_once() -> None:
    cluster, a = line("xxy")
    assert cluster.reconfigure(a, Target(tuple("abc"), ("d",), zones=(("d", "y"),)))
    assert cluster.run(2.0, lambda: cluster.settled() and cluster.converged())
    assert cluster.reconfigure(a, Target(tuple("abc"), ("d",), zones=(("d", "z"),)))
    assert not a.core.member.membership.joint
    assert cluster.run(2.0, lambda: cluster.settled() and cluster.converged())
    assert dict(a.core.member.membership.zones) == {"a": "x", "b": "x", "c": "y", "d": "z"}
