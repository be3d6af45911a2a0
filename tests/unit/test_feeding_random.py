"""Random schedules of clusters whose followers feed followers: every truth holds as before.

A failing schedule says which command replays it. FEEDING_SEEDS=0:10000 makes a longer campaign.
"""

import os
from random import Random
from typing import Any

import pytest
from fed_clusters import FedPrimary, FedRaft, PrimaryMeddler, RaftMeddler, draw_sources

from plait.line.membership import Membership

STEPS = 100
RULES = ("leader", "any:1", "majority", "majority", "all")


def of_raft(seed: int) -> FedRaft:
    """One schedule of a consensus line, with two that have no vote."""
    random = Random(seed)
    witnesses = random.choice(((), (), ("d",)))
    founders = Membership(("a", "b", "c"), learners=("d", "e"), witnesses=witnesses)
    cluster = FedRaft(seed, founders, random.choice((None, 200, 2000)))
    cluster.founded()
    draw_sources(cluster, random)
    operator = RaftMeddler(cluster, random)
    for _ in range(random.randint(STEPS // 4, STEPS)):
        operator.act()
    operator.recover()
    return cluster


def of_primary(seed: int) -> FedPrimary:
    """One schedule of a leader–follower line; in some, commits are lost."""
    random = Random(seed)
    cluster = FedPrimary(seed, 3, random.choice(RULES), random.choice((None, 200, 2000)))
    cluster.found()
    operator = PrimaryMeddler(cluster, random, changes=random.choice((0.05, 0.2)))
    for _ in range(random.randint(STEPS // 4, STEPS)):
        operator.act()
    operator.recover()
    return cluster


def _seeds() -> range:
    first, last = os.environ.get("FEEDING_SEEDS", "0:60").split(":")
    return range(int(first), int(last))


@pytest.mark.turns(3)
@pytest.mark.parametrize("schedule", [of_raft, of_primary])
@pytest.mark.parametrize("chunk", range(3))
def test_no_random_schedule_breaks_a_truth_where_followers_feed_followers(
    chunk: int, schedule: Any
) -> None:
    passed_on = 0
    for seed in _seeds()[chunk::3]:
        try:
            passed_on += schedule(seed).passed_on
        except Exception as error:
            replay = f"FEEDING_SEEDS={seed}:{seed + 1} pytest tests/unit/test_feeding_random.py"
            error.add_note(f"replay: {replay}")
            raise
    assert passed_on > 0


def test_a_schedule_with_sources_is_the_same_each_time() -> None:
    one, other = of_raft(3), of_raft(3)
    assert (one.now, one.passed_on) == (other.now, other.passed_on)
    assert one.judge.ledger == other.judge.ledger
