"""Random changes of the members while the network splits and others are promoted: no two quorums
ever miss each other.

Other misfortune comes with `test_primary_random`; here nearly every act falls into a change. A
failing schedule says which command replays it. PRIMARY_SEEDS=0:10000 makes a longer campaign.
"""

import os
from random import Random

import pytest
from primary_cluster import Cluster, Node
from primary_operator import NAMES, Operator

from plait.line.membership import Membership, Target

SHAPES = [
    (1, "majority"), (2, "any:1"), (2, "all"), (3, "any:1"), (3, "any:1"), (3, "majority"),
    (3, "all"), (4, "any:2"), (5, "any:1"), (5, "majority"), (3, "leader"),
]  # fmt: skip
ROUNDS = 8


class Reshaper(Operator):
    """Changes the members, splits them while they change, and promotes on both sides."""

    def __init__(self, cluster: Cluster, random: Random) -> None:
        super().__init__(cluster, random)
        self.accepts_loss = False
        self.wipes = random.random() < 0.3

    def act(self) -> None:
        cluster, random = self.cluster, self.random
        unaware = self._begin_change()
        if random.random() < 0.7:
            self._split(unaware)
        for _ in range(random.randint(1, 3)):
            self._propose()
            cluster.run(random.choice((0.0, 0.003, 0.01, 0.1)))
            name = random.choice(sorted(unaware) or cluster.names)
            if random.random() < 0.3:
                name = random.choice(cluster.names)
            self._promote(cluster.nodes[name])
            cluster.run(random.choice((0.0, 0.003, 0.1, 0.3)))
            self._propose()
            cluster.run(random.choice((0.0, 0.01, 0.1)))
            random.choice((self._hand_over, self._fail, self._heal, self._heal))()
        if random.random() < 0.7:
            cluster.heal()
            cluster.run(random.choice((0.0, 0.01, 0.3)))
        if not cluster.leaders():
            self._promote(cluster.nodes[random.choice(cluster.names)])
            cluster.run(0.5)

    def _begin_change(self) -> set[str]:
        """Ask every leader for other members; who hears nothing of that."""
        cluster, random = self.cluster, self.random
        unaware: set[str] = set()
        for leader in cluster.leaders():
            now = leader.core.member.membership
            target = self._target(now)
            if target is not None and random.random() < 0.5:  # let who comes catch up first
                come = sorted({*now.learners, *target.voters} - set(now.voters))
                if cluster.reconfigure(leader, Target(now.voters, tuple(come))):
                    cluster.run(0.3)
            cut = {n for n in now.voters if n != leader.name and random.random() < 0.4}
            for name in sorted(cut):
                cluster.blocked |= {(leader.name, name), (name, leader.name)}
            cluster.run(random.choice((0.0, 0.01)))
            if target is not None and cluster.reconfigure(leader, target):
                self._wait_for_change(leader)
                unaware |= cut
        return unaware

    def _wait_for_change(self, leader: Node) -> None:
        cluster, random, member = self.cluster, self.random, leader.core.member
        if random.random() < 0.9:
            cluster.run(0.5, lambda: member.membership.joint)
            if random.random() < 0.5:
                cluster.run(0.5, lambda: not member.membership.joint)
        cluster.run(random.choice((0.0, 0.001, 0.002, 0.004, 0.02)))

    def _split(self, unaware: set[str]) -> None:
        """Those who know of the change and those who do not, with a few on the wrong side."""
        cluster, random = self.cluster, self.random
        left = {name for name in cluster.names if (name in unaware) != (random.random() < 0.25)}
        cluster.blocked |= {
            (one, other)
            for one in cluster.names
            for other in cluster.names
            if (one in left) != (other in left)
        }

    def _fail(self) -> None:
        self._power(self.cluster.nodes[self.random.choice(self.cluster.names)])

    def _heal(self) -> None:
        self.cluster.blocked.clear()

    def _target(self, now: Membership) -> Target | None:
        """Replace a random part of the voters by others."""
        cluster, random = self.cluster, self.random
        free = [n for n in NAMES if n not in now.retired and n not in now.members]
        share = random.choice((0.3, 0.7, 1.0))
        stay = [name for name in now.voters if random.random() > share]
        count = random.randint(max(1, len(stay)), max(5, len(stay)))
        come = [name for name in cluster.names if name in free]
        come = (come + [name for name in free if name not in come])[: count - len(stay)]
        voters = tuple(sorted([*stay, *come]))
        return Target(voters) if voters else None


def simulate(seed: int) -> Cluster:
    """One schedule, all of it drawn from the seed."""
    random = Random(seed)
    members, rule = random.choice(SHAPES)
    cluster = Cluster(seed, members, rule, random.choice((None, 200, 2000)))
    cluster.found(random.choice(cluster.names))
    reshaper = Reshaper(cluster, random)
    for _ in range(random.randint(2, ROUNDS)):
        reshaper.act()
    reshaper.recover()
    return cluster


def _seeds() -> range:
    first, last = os.environ.get("PRIMARY_SEEDS", "0:100").split(":")
    return range(int(first), int(last))


@pytest.mark.turns(2)
@pytest.mark.parametrize("chunk", range(5))
def test_no_random_change_of_the_members_loses_what_was_acknowledged(chunk: int) -> None:
    for seed in _seeds()[chunk::5]:
        try:
            simulate(seed)
        except Exception as error:
            test = "tests/unit/test_primary_members_random.py"
            error.add_note(f"replay: PRIMARY_SEEDS={seed}:{seed + 1} pytest {test}")
            raise
