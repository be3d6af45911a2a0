"""Random schedules of a whole cluster of primary cores: nothing acknowledged is ever lost.

A failing schedule says which command replays it. PRIMARY_SEEDS=0:10000 makes a longer campaign.
"""

import os
from random import Random

import pytest
from primary_cluster import Cluster, Node

from plait.line.entry import Epoch
from plait.line.primary.leader import Leader
from plait.line.primary.vocabulary import ChangeRule

SHAPES = [
    (1, "majority"), (2, "any:1"), (3, "leader"), (3, "any:1"), (3, "majority"), (3, "all"),
    (5, "leader"), (5, "any:1"), (5, "majority"), (5, "all"),
]  # fmt: skip
STEPS = 120
TELLING = (
    8, 41, 342, 357, 614, 615, 1393, 1743, 1882, 2861, 4909,
)  # fmt: skip


class Operator:
    """Does to a cluster whatever people, power and cables do."""

    def __init__(self, cluster: Cluster, random: Random) -> None:
        self.cluster = cluster
        self.random = random
        self.accepts_loss = random.random() < 0.15
        self.wipes = random.random() < 0.5
        self.crashes = random.random() < 0.8

    def act(self) -> None:
        cluster, random = self.cluster, self.random
        node = cluster.nodes[random.choice(cluster.names)]
        dice = random.random()
        if dice < 0.45:
            self._propose()
        elif dice < 0.53:
            self._promote(node)
        elif dice < 0.57:
            self._promote(node)
            self._promote(cluster.nodes[random.choice(cluster.names)])
        elif dice < 0.61:
            self._hand_over()
        elif dice < 0.72:
            self._weather(node)
        elif dice < 0.82:
            self._power(node)
        elif dice < 0.92:
            node.flushed = random.randint(node.flushed, len(node.history))
            if node.alive and random.random() < 0.6:
                cluster.trim(node, random.randint(0, node.flushed))
        elif node.alive:
            cluster.confirm(node)
        cluster.run(random.choice((0.0, 0.001, 0.01, 0.1, 0.5)))

    def _propose(self) -> None:
        for leader in self.cluster.leaders():
            for _ in range(self.random.randint(1, 8)):
                self.cluster.propose(leader)

    def _promote(self, node: Node) -> None:
        if node.alive:
            how = self.random.choice(("", "", "resume", "skip_survey", "accept_loss"))
            if how == "accept_loss" and not self.accepts_loss:
                how = ""
            flags = {how: True} if how else {}
            self.cluster.promote(node, self.random.uniform(0.1, 3), **flags)

    def _hand_over(self) -> None:
        for leader in self.cluster.leaders():
            target = self.random.choice(self.cluster.names)
            self.cluster.hand_over(leader, target, self.random.uniform(0.01, 1))

    def _weather(self, node: Node) -> None:
        cluster, random = self.cluster, self.random
        match random.randrange(7):
            case 0:
                cluster.loss = random.choice((0.0, 0.05, 0.3))
            case 1:
                cluster.repeat = random.choice((0.0, 0.1, 0.5))
            case 2:
                cluster.delay = random.choice(((0.001, 0.002), (0.0, 0.05), (0.0, 0.8)))
            case 3:
                cluster.disk_delay = random.choice(((0.001, 0.002), (0.0, 0.3)))
            case 4:
                cluster.blocked.clear()
            case 5:
                node.slow = random.choice((1.0, 4.0, 16.0))
            case 6:
                for other in cluster.names:
                    way = random.randrange(3)
                    if way != 0:
                        cluster.blocked.add((node.name, other))
                    if way != 1:
                        cluster.blocked.add((other, node.name))

    def _power(self, node: Node) -> None:
        if not node.alive:
            self.cluster.start(node)
        elif self.crashes:
            self.cluster.crash(node)
            if self.wipes and self.random.random() < 0.4 and self._may_wipe(node):
                self.cluster.wipe(node)

    def _may_wipe(self, node: Node) -> bool:
        """Whether enough old disks remain that a promotion without loss is possible."""
        old = [n for n in self.cluster.nodes.values() if n is not node and not n.disk.hard.fresh]
        return len(old) >= self.cluster.needed

    def recover(self) -> None:
        """The world heals and somebody promotes once: the line works again, all members agree."""
        cluster = self.cluster
        cluster.heal()
        cluster.run(5.0)  # the slowest write of before is done by then
        old = [node for node in cluster.nodes.values() if not node.core.member.fresh]
        node = max(old or cluster.nodes.values(), key=_log_end)
        enough = len(old) >= cluster.needed
        how = {} if enough or not old else {"accept_loss": True}
        cluster.promote(node, 5.0, **how)
        assert cluster.run(5.0, lambda: bool(node.promotions) and node.leads), node.promotions
        position = cluster.propose(node)
        if position is None:  # a hand-over is under way, and takes at most this long
            cluster.run(3.0)
            (node,) = cluster.leaders()
            position = cluster.propose(node)
        assert position is not None
        assert cluster.run(5.0, lambda: node.core.member.committed_told > position)
        assert cluster.run(10.0, cluster.converged), "the members do not converge"
        assert isinstance(node.core.role, Leader)


def _log_end(node: Node) -> tuple[Epoch, int]:
    log = node.core.member.log
    return log.last_epoch, log.tail


def simulate(seed: int, trace: bool = False) -> Cluster:
    """One schedule, all of it drawn from the seed."""
    random = Random(seed)
    members, rule = random.choice(SHAPES)
    window = random.choice((None, 200, 2000))
    cluster = Cluster(seed, members, rule, window)
    if trace:
        cluster.trace = print
    if random.random() < 0.8:
        cluster.found(random.choice(cluster.names))
    operator = Operator(cluster, random)
    for _ in range(random.randint(STEPS // 4, STEPS)):
        operator.act()
    operator.recover()
    return cluster


def _seeds() -> range:
    first, last = os.environ.get("PRIMARY_SEEDS", "0:150").split(":")
    return range(int(first), int(last))


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
    simulate(seed)


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
