"""Random schedules of a whole cluster of primary cores: nothing acknowledged is ever lost.

A failing schedule says which command replays it. PRIMARY_SEEDS=0:10000 makes a longer campaign.
"""

import os
from random import Random

import pytest
from primary_cluster import Cluster
from primary_operator import Operator

from plait.line.primary.vocabulary import ChangeRule

SHAPES = [
    (1, "majority"), (2, "any:1"), (3, "leader"), (3, "any:1"), (3, "majority"), (3, "all"),
    (5, "leader"), (5, "any:1"), (5, "majority"), (5, "all"),
]  # fmt: skip
STEPS = 120
TELLING = (
    8, 41, 342, 357, 614, 615, 1393, 1743, 1882, 2861, 4909,
)  # fmt: skip


def simulate(seed: int, trace: bool = False, members_change: bool = True) -> Cluster:
    """One schedule, all of it drawn from the seed."""
    random = Random(seed)
    members, rule = random.choice(SHAPES)
    window = random.choice((None, 200, 2000))
    cluster = Cluster(seed, members, rule, window)
    if trace:
        cluster.trace = print
    if random.random() < 0.8:
        cluster.found(random.choice(cluster.names))
    changes = (0.0, 0.03, 0.2)[seed % 3] if members_change else 0.0
    operator = Operator(cluster, random, changes)
    for _ in range(random.randint(STEPS // 4, STEPS)):
        operator.act()
    operator.recover()
    return cluster


def _seeds() -> range:
    first, last = os.environ.get("PRIMARY_SEEDS", "0:150").split(":")
    return range(int(first), int(last))


@pytest.mark.turns(2)
@pytest.mark.parametrize("chunk", range(5))
def test_no_random_schedule_loses_what_was_acknowledged(chunk: int) -> None:
    for seed in _seeds()[chunk::5]:
        try:
            simulate(seed)
        except Exception as error:
            replay = f"PRIMARY_SEEDS={seed}:{seed + 1} pytest tests/unit/test_primary_random.py"
            error.add_note(f"replay: {replay}")
            raise


@pytest.mark.parametrize("seed", TELLING)
def test_a_schedule_that_once_found_a_mistake_finds_none(seed: int) -> None:
    simulate(seed, members_change=False)


def test_the_same_seed_gives_the_same_schedule() -> None:
    one, other = simulate(7), simulate(7)
    assert one.now == other.now
    assert one.judge.ledger == other.judge.ledger
    assert [n.disk.rows for n in one.nodes.values()] == [n.disk.rows for n in other.nodes.values()]


def test_a_rule_in_force_can_be_lowered_and_raised_in_a_random_world() -> None:
    random = Random(1)
    cluster = Cluster(1, 3, "majority")
    leader = cluster.found()
    for k in (0, 1, 2, 1):
        cluster.tell(leader, ChangeRule(k))
        cluster.blocked = {("a", "b"), ("b", "a")} if k < 2 else set()
        for _ in range(random.randint(1, 9)):
            position = cluster.propose(leader)
        assert position is not None
        assert cluster.run(2.0, lambda at=position: leader.core.member.committed_told > at)
