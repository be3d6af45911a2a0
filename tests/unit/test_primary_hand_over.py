"""A hand-over is not begun, or not finished, where nobody else could be promoted."""

import pytest
from primary_cluster import Cluster, Node

from plait.line.membership import Target
from plait.line.replication.sender import SILENT_S


def line(members: int, rule: str, zones: dict[str, str] | None = None) -> tuple[Cluster, Node]:
    cluster = Cluster(0, members, rule, zones=zones)
    leader = cluster.found()
    assert cluster.run(2.0, cluster.converged)
    return cluster, leader


def cut(cluster: Cluster, *names: str) -> None:
    for name in names:
        for other in cluster.names:
            cluster.blocked |= {(name, other), (other, name)}


def hands_over(cluster: Cluster, node: Node, target: str) -> bool:
    before = len(node.promotions)
    cluster.hand_over(node, target)
    assert cluster.run(3.0, lambda: len(node.promotions) > before)
    cluster.run(1.0)
    return node.promotions[-1].won


def commits(cluster: Cluster, leader: Node) -> bool:
    position = cluster.propose(leader)
    assert position is not None
    return cluster.run(0.5, lambda: leader.core.member.committed_told > position)


@pytest.mark.parametrize("after", [0.0, 2 * SILENT_S])
def test_a_leader_that_can_commit_goes_on_where_too_few_answer_to_promote_another(
    after: float,
) -> None:
    cluster, a = line(5, "any:1")
    cut(cluster, "d", "e")  # a and b commit; b would need the promises of four
    cluster.run(after)
    assert not hands_over(cluster, a, "b")
    assert a.leads
    assert commits(cluster, a)


def test_a_leader_goes_on_where_those_who_are_silent_span_zones() -> None:
    zones = dict(zip("abcd", "xxyy", strict=True))
    cluster, a = line(4, "any:1@other-zone", zones)
    cut(cluster, "b", "d")  # what they may hold together, c could not know
    cluster.run(2 * SILENT_S)
    assert not hands_over(cluster, a, "c")
    assert a.leads
    assert commits(cluster, a)
    cluster.blocked.clear()
    cluster.run(2 * SILENT_S)
    assert hands_over(cluster, a, "c")


def test_a_leader_that_was_removed_leads_on_until_another_can_be_promoted() -> None:
    cluster, a = line(5, "any:1")
    assert cluster.reconfigure(a, Target(tuple("bcde")))
    cut(cluster, "d", "e")  # two of four are too few to promote, but enough to commit
    cluster.run(3.0)
    assert a.leads
    cluster.blocked.clear()
    assert cluster.run(5.0, lambda: not a.leads and cluster.settled())
