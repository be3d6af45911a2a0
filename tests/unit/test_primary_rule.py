"""The rule in force counts every half of a membership by itself."""

import pytest

from plait.line.membership import Membership
from plait.line.primary.rule import RuleInForce
from plait.line.quorum import AckRule

RULES = ("leader", "any:1", "any:2", "majority", "all")


def force(rule: str) -> RuleInForce:
    return RuleInForce(AckRule.parse(rule))


def subsets(names: tuple[str, ...]) -> list[set[str]]:
    return [{n for i, n in enumerate(names) if bits >> i & 1} for bits in range(1 << len(names))]


def committed(rule: RuleInForce, membership: Membership, leader: str, holders: set[str]) -> bool:
    return rule.committed(membership, leader, lambda name: int(name in holders)) == 1


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "leader"])
@pytest.mark.parametrize(
    ("leaders", "candidates"),
    [
        (Membership(tuple("abc")), Membership(tuple("abc"))),
        (Membership(tuple("cde"), tuple("abc")), Membership(tuple("abc"))),
        (Membership(tuple("cde"), tuple("abc")), Membership(tuple("cde"))),
        (Membership(tuple("cde"), tuple("abc")), Membership(tuple("bfg"), tuple("abc"))),
        (Membership(tuple("abc")), Membership(tuple("abcd"), tuple("abc"))),
    ],
)
def test_every_promotion_meets_every_commit_of_a_membership_beside_its_own(
    rule: str, leaders: Membership, candidates: Membership
) -> None:
    names = tuple(sorted({*leaders.members, *candidates.members}))
    counts = force(rule)
    enough = [s for s in subsets(names) if counts.promised(candidates, s)]
    for leader in leaders.outgoing or leaders.voters:
        for holders in subsets(names):
            if leader in holders and committed(counts, leaders, leader, holders):
                assert all(holders & promised for promised in enough)


def test_a_leader_of_one_half_only_is_replaced_in_the_other_by_one_member_more() -> None:
    membership = Membership(("d", "e"), ("a", "b", "c"))
    assert not committed(force("any:1"), membership, "a", {"a", "b", "d"})
    assert committed(force("any:1"), membership, "a", {"a", "b", "d", "e"})


def test_a_leader_rule_asks_for_one_member_of_a_half_without_the_leader() -> None:
    membership = Membership(("d", "e"), ("a", "b", "c"))
    assert not committed(force("leader"), membership, "a", {"a", "b", "c"})
    assert committed(force("leader"), membership, "a", {"a", "e"})


def test_a_changed_rule_counts_in_both_halves_and_never_asks_for_more_than_there_are() -> None:
    rule = force("all")
    rule.change(1, tuple("abcd"))
    assert [rule.k(tuple(half)) for half in ("abcd", "abc", "ab", "a")] == [1, 1, 1, 0]
    rule.change(3, tuple("abcd"))
    assert [rule.k(tuple(half)) for half in ("abcd", "abc", "ab", "a")] == [3, 2, 1, 0]


def test_a_usual_number_ends_a_change_and_follows_the_members_again() -> None:
    rule = force("majority")
    rule.change(0, tuple("abc"))
    assert rule.k(tuple("abcde")) == 0
    rule.change(1, tuple("abc"))
    assert rule.k(tuple("abcde")) == 2


def test_a_half_too_small_for_the_rule_asks_for_everybody_in_it() -> None:
    rule = force("any:2")
    assert rule.k(("a", "b")) == 1
    assert rule.text(("a", "b")) == "any:1"
    assert rule.text(("a", "b", "c")) == "any:2"


def test_people_are_told_how_many_of_each_half_are_missing() -> None:
    membership = Membership(("d", "e"), ("a", "b", "c"))
    said = force("majority").shortfall(membership, ["a", "d"])
    assert (
        said
        == "1 of the 2 members needed of before and 1 of the 1 members needed from now on reported"
    )
