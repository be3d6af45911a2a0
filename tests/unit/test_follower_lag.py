"""How far behind a follower says it is: never less than what its leader can know."""

from math import inf
from typing import Any

from primary_cluster import Cluster
from test_primary_promotion import cut_off, founded, outcome

from plait.line.primary.leader import Leader
from plait.line.replication.follower import Follower


def lag_s(cluster: Cluster, node: Any) -> float:
    role = node.core.role
    assert isinstance(role, Follower)
    return role.lag_s(cluster.now)


def after_a_power_cut() -> tuple[Cluster, list[Any]]:
    """Every state lost what was not flushed, c is off, and a leads but cannot commit anything."""
    cluster, nodes = founded("all")
    for node in nodes:
        assert node.history
        cluster.crash(node)
        node.history, node.flushed = [], 0
    a, b, _ = nodes
    cluster.start(a)
    cluster.start(b)
    assert outcome(cluster, a)[0]
    cluster.run(1.0)
    return cluster, nodes


def test_a_leader_that_has_not_committed_its_opening_is_no_measure() -> None:
    cluster, (_, b, _) = after_a_power_cut()
    assert b.core.role.leader == "a"
    assert b.history == []  # acknowledged before the cut, and not known to be committed here
    assert lag_s(cluster, b) == inf


def test_a_follower_is_current_again_once_the_opening_is_committed() -> None:
    cluster, (_, b, c) = after_a_power_cut()
    cluster.start(c)
    assert cluster.run(2.0, lambda: lag_s(cluster, b) == 0.0)
    assert b.history


def test_a_leader_that_doubts_itself_lets_the_lag_of_its_followers_grow() -> None:
    cluster, (a, b, c) = founded("any:1")
    assert lag_s(cluster, b) < 0.5
    cut_off(cluster, c)
    role = a.core.role
    assert isinstance(role, Leader)
    role.sender.doubtful = True  # its lease lapsed
    cluster.run(3.0)
    assert b.core.role.leader == "a"
    assert 2.5 < lag_s(cluster, b) < 3.5
    role.sender.doubtful = False
    assert cluster.run(1.0, lambda: lag_s(cluster, b) == 0.0)
